"""Inside a child network, as a widget and as a picture: without a browser."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import traitlets
from module import run_module

import enas_viz as ev
from enas_viz.records.inside import load_inside, save_inside
from enas_viz.view.assets import module, shipped
from enas_viz.view.child import change_name, child_svg, facts, picture_of, said

NAMES = ["child-macro", "child-micro"]


@pytest.fixture(scope="module", params=NAMES)
def inside(request):
    return load_inside(request.param)


@pytest.fixture(scope="module")
def macro():
    return load_inside("child-macro")


def texts(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text") and e.text]


# ---- the picture


def test_every_tensor_has_its_maps_and_every_arc_can_be_cut(inside):
    picture = picture_of(inside).widget()

    assert set(re.findall(r'data-maps="([^"]+)"', picture)) == set(inside.drawn)
    cuts = [change for change in inside.changes if change.startswith("cut")]
    assert sorted(re.findall(r'data-cut="([^"]+)"', picture)) == sorted(cuts)
    for key in inside.drawn:
        for n in range(len(inside.tensors[key].channels)):
            assert f'data-map="{key} {n}"' in picture


def test_channels_are_counted_together_where_they_are_concatenated(macro):
    found = texts(picture_of(macro).widget())

    of = macro.tensors["o4"].of
    assert f"3 × {of} = {3 * of}" in found  # layer 4 reads layers 1 and 3, and has its own
    assert f"{3 * of} → {of}" in found
    assert found.count("1×1") == 3
    assert found.count("halved") == 2


def test_added_skips_are_laid_over_each_other_and_go_through_a_plus(macro):
    tensors, maps = dict(macro.tensors), dict(macro.base.maps)
    for key in replace(macro, merge="add").drawn:
        if key not in tensors:
            tensors[key] = macro.tensors[f"o{key[1]}"]
            maps[key] = macro.base.maps[f"o{key[1]}"]
    added = replace(macro, merge="add", tensors=tensors, base=replace(macro.base, maps=maps))

    found = picture_of(added).widget()

    assert "3 added" in texts(found)
    assert found.count('class="ring"') == 3
    assert "1×1" not in texts(found)
    assert ev.Child(replace(added, variants={})).picture["sums"][1] == {
        "out": "t3",
        "parts": [
            {"key": "o3", "cut": ""},
            {"key": "s3-1", "cut": "cut:2-1"},
            {"key": "s3-2", "cut": "cut:2-2"},
        ],
    }


def test_maps_shrink_where_they_are_halved(macro):
    picture = picture_of(macro)
    faces = {face.key: face.f for face in picture.faces}

    assert faces["t1"] > faces["t2"] > faces["t3"] == faces["t4"]
    assert "16×16 pixels" in texts(picture.widget())
    assert "4×4 pixels" in texts(picture.widget())


def test_a_cell_is_drawn_with_the_two_tensors_that_enter_it():
    inside = load_inside("child-micro")
    found = texts(picture_of(inside).widget())

    assert {"node 1", "node 2", "node 3", "node 4", "loose ends"} <= set(found)
    assert inside.inputs[1] in found
    assert picture_of(inside).widget().count('class="ring"') == 2


def test_nothing_is_drawn_beyond_the_edge(inside):
    picture = picture_of(inside)
    for face in picture.faces:
        assert 0 <= face.left < face.right <= picture.width
        assert 0 <= face.top < face.bottom <= picture.height
    assert picture.width <= 800  # beside the bars it fits into a thousand pixels


def test_a_still_shows_maps_verdict_and_what_a_change_made(inside):
    change = inside.changes[0]

    found = child_svg(inside, 3, [change], hint="A hint.")

    ElementTree.fromstring(found)
    assert found.count("data:image/png;base64,") == 1 + sum(
        len(inside.tensors[face.key].channels) for face in picture_of(inside).faces
    )
    told = " ".join(texts(found))
    assert change_name(inside, change) in told
    assert "A hint." in told
    assert "Unchanged: " in told


def test_a_still_has_pixels(macro):
    data = ev.Child(macro).drawing().png

    assert data.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("child-macro", "cut:3-1", "Layer 4 without layer 1"),
        ("child-macro", "op:0:avg3x3", "Layer 1 with average pooling 3×3"),
        ("child-micro", "cut:3.0", "Node 4 without its first input"),
        ("child-micro", "op:2.1:identity", "Node 3 with identity as its second operation"),
    ],
)
def test_a_change_is_told_in_words(name, change, words):
    assert change_name(load_inside(name), change) == words


def test_browser_and_python_say_the_same(macro, tmp_path):
    given, wanted = [], []
    for image in range(10):
        for change in (None, *list(macro.variants)[:6]):
            seen = macro.variants[change] if change else macro.base
            given.append([image, seen.to_json(), change and change_name(macro, change)])
            wanted.append(list(said(macro, image, [change] if change else [], seen)))
    recording = {"classes": macro.classes, "labels": macro.labels, "base": macro.base.to_json()}

    found = run_module(
        "given.cases.map(([image, seen, words]) => "
        "m.sentences(given.recording, seen, image, words))",
        {"cases": given, "recording": recording},
        tmp_path,
        "child.js",
    )

    assert found == wanted


# ---- the widget


def test_without_anything_the_articles_network_is_opened():
    child = ev.Child()

    assert child.inside.architecture == ev.decode("article-macro").architecture
    assert child.place in child.picture["places"]
    assert child.verdict.startswith("The network as it is It predicts")


def test_what_is_said_changes_with_what_is_cut(macro):
    child = ev.Child(macro, image=4)
    before = child.probabilities

    child.changes = ["cut:1-1"]

    assert child.probabilities == macro.variants["cut:1-1"].probabilities[4] != before
    assert child.verdict.startswith("Layer 2 without layer 1 It predicts")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("changes", ["cut:9-9"], "a change of this network is one of"),
        ("changes", ["cut:1-1", "cut:2-1"], "holds one change at a time; got 2 changes"),
        ("place", "9", "place is one of 0, 1, 2, 3; got '9'"),
        ("at", -1, "at must be an int from 0"),
    ],
)
def test_impossible_states_are_refused_and_change_nothing(name, value, says):
    child = ev.Child()
    before = getattr(child, name)

    with pytest.raises(traitlets.TraitError, match=says):
        setattr(child, name, value)
    assert getattr(child, name) == before


def test_a_change_that_a_recording_lacks_is_refused(macro):
    child = ev.Child(replace(macro, variants={}))

    with pytest.raises(traitlets.TraitError, match="this recording does not hold 'cut:1-1'"):
        child.changes = ["cut:1-1"]


def test_images_beyond_the_last_are_the_last_for_a_page_and_refused_in_a_call():
    child = ev.Child()
    child.image = 99

    assert child.image == 9
    for image in (10, -1, 2.0, True):
        with pytest.raises(ValueError, match="image is from 0 to 9"):
            ev.Child(image=image)


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_a_recording_that_ships_has_a_short_and_a_full_name(kind, tmp_path, monkeypatch):
    (tmp_path / kind).mkdir()  # a folder of that name is meant by "./macro" only
    monkeypatch.chdir(tmp_path)

    assert ev.Child(kind).inside == ev.Child(f"child-{kind}").inside
    with pytest.raises(ValueError, match="holds no run"):
        ev.Child(f"./{kind}")


def test_what_is_no_recording_is_refused(tmp_path, macro):
    with pytest.raises(TypeError, match="a recording .* or by a trained search"):
        ev.Child(7)
    with pytest.raises(FileNotFoundError, match=r"macro, micro \(or child-macro, child-m"):
        ev.Child("nowhere")
    with pytest.raises(ValueError, match="architecture= and cell= go with a search"):
        ev.Child(macro, cell=1)
    with pytest.raises(ValueError, match="holds no run"):
        ev.Child(tmp_path)  # a folder


def test_a_recording_of_ones_own_is_opened_by_its_file(macro, tmp_path):
    save_inside(macro, tmp_path / "mine.json.gz")

    assert ev.Child(tmp_path / "mine.json.gz").inside == macro


def test_a_page_shows_it_without_a_kernel(inside, tmp_path):
    child = ev.Child(inside, image=2)
    child.changes = [inside.changes[0]]

    page = ev.save(child, tmp_path / "x.html").read_text(encoding="utf-8")

    assert f'"changes":["{inside.changes[0]}"]' in page
    assert '"image":2' in page
    assert "https://" not in page
    assert len(page) < 1_000_000


def test_a_page_of_a_recording_that_lacks_changes_offers_none(macro):
    child = ev.Child(replace(macro, variants={}))

    assert child.picture["recording"]["variants"] == {}
    assert child.picture["live"] is False
    assert ev.Child(macro).picture["recording"]["variants"].keys() == set(macro.changes)


def test_names_of_classes_cannot_become_markup(macro):
    bad = ("<script>alert(1)</script>", *macro.classes[1:])
    child = ev.Child(replace(macro, classes=bad))

    assert "<script>alert" not in child.picture["svg"]
    assert "<script>alert" not in child.drawing().svg
    assert "<script>alert" not in child.html()


def test_viewers_that_show_no_widget_get_a_still():
    data, _ = ev.Child()._repr_mimebundle_()

    assert data["image/png"]


def test_the_module_is_small_and_holds_no_name_that_anywidget_would_mistake():
    text = module("child.js")

    assert "import " not in text
    assert "export function render" not in text
    assert len((text + shipped("child.css")).encode()) < 30_000  # its own part


def test_what_is_sent_to_a_page_is_json(inside):
    state = ev.Child(inside).picture

    assert json.loads(json.dumps(state, allow_nan=False))["live"] is False
    assert state["changes"].keys() == set(inside.changes)


def test_the_facts_say_recipe_data_machine_and_how_batch_norm_works(macro):
    told = facts(macro)

    for words in ("macro-tiny", "digits", "seed 0", "cpu", "depend", "vary most"):
        assert words in told
    assert facts(replace(macro, about={})).endswith("strong its highest.")
