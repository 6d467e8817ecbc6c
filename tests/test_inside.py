"""Recordings of a network's inside: what they hold, and what is refused."""

import gzip
import json

import pytest

import enas_viz as ev
from enas_viz.records.inside import (
    ASSETS,
    SHIPPED,
    Inside,
    changes_of,
    load_inside,
    named,
    rewired,
    save_inside,
)
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO

CELLS = Architecture(MicroSpace(2), (((1, 0, 2, 1), (2, 0, 4, 2)),) * 2)


@pytest.fixture(scope="module")
def macro():
    return load_inside("child-macro")


@pytest.fixture(scope="module")
def micro():
    return load_inside("child-micro")


# ---- changes


def test_a_macro_network_can_lose_each_skip_and_have_each_other_operation():
    found = changes_of(ARTICLE_MACRO)

    assert found[:3] == ("op:0:sep3x3", "op:0:conv5x5", "op:0:sep5x5")
    assert [c for c in found if c.startswith("cut")] == [
        "cut:1-1", "cut:2-1", "cut:2-2", "cut:3-1", "cut:3-3",
    ]  # fmt: skip
    assert len(found) == 5 + 4 * 5


def test_a_cells_nodes_can_lose_each_input():
    found = changes_of(CELLS, "normal")

    assert [c for c in found if c.startswith("cut")] == [
        "cut:2.0", "cut:2.1", "cut:3.0", "cut:3.1",
    ]  # fmt: skip
    assert len(found) == 4 + 4 * 4


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_each_change_of_a_macro_network_is_a_network_that_differs_in_one_decision(wiring):
    space = MacroSpace(4, wiring=wiring)
    architecture = Architecture(space, ARTICLE_MACRO.content)

    for change in changes_of(architecture):
        other, cut = rewired(architecture, [change])

        assert not cut
        pairs = zip(architecture.content, other.content, strict=True)
        differing = sum(a != b for x, y in pairs for a, b in zip(x, y, strict=True))
        assert differing == 1, change


def test_a_cut_input_of_a_node_is_no_architecture_and_is_told_apart():
    architecture, cut = rewired(CELLS, ["cut:2.1", "op:3.0:sep5x5"], "normal")

    assert cut == {(2, 1)}
    assert architecture.content[0] == ((1, 0, 2, 1), (2, 0, 1, 2))
    assert architecture.content[1] == CELLS.content[1]


@pytest.mark.parametrize(
    "changes",
    [
        ["cut:1-0"],  # a skip that is not there
        ["op:0:conv3x3"],  # what it is already
        ["op:9:conv3x3"],
        ["op:0:sep3x3", "op:0:avg3x3"],  # two operations in one place
        ["nothing"],
        [None],
        [["cut:1-1"]] * 1 and [""],
    ],
)
def test_what_is_no_change_of_a_network_is_refused(changes):
    with pytest.raises(ValueError, match="a change of this network is one of cut:1-1"):
        rewired(ARTICLE_MACRO, changes)


def test_a_tensor_is_named_by_how_often_it_was_halved():
    pools = MacroSpace(6).pool_after()

    assert [named(1, k, pools) for k in (1, 2, 3, 4, 5)] == ["t1", "t1/1", "t1/1", "t1/2", "t1/2"]
    assert named(3, 4, pools) == "t3/1"


# ---- the ones that ship


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recording_is_small_whole_of_digits_and_says_where_it_comes_from(name):
    inside, about = load_inside(name), load_inside(name).about

    assert (ASSETS / f"{name}.json.gz").stat().st_size <= 400_000
    assert set(inside.variants) == set(inside.changes)
    assert inside.labels == tuple(range(10))
    assert (inside.side, inside.channels) == (16, 1)
    assert about["dataset"]["name"] == "digits"
    assert about["recipe"]["data"]["resolution"] == 16
    assert about["recipe"]["name"] == f"{name.removeprefix('child-')}-tiny"
    assert (about["seed"], about["device"]["type"]) == (0, "cpu")
    assert about["date"].startswith("2026-")
    assert len(about["versions"]["commit"]) == 12
    assert about["batch_norm"] == "batch"
    assert set(about["images"]) <= set(about["minibatch"])
    for seen in (inside.base, *inside.variants.values()):
        assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in seen.probabilities)


def test_the_shipped_networks_are_the_articles(macro, micro):
    assert macro.architecture == ARTICLE_MACRO
    assert macro.merge == "concat"
    sources = [row[:2] for row in micro.architecture.content[0]]
    assert sources == [(1, 0), (2, 0)]  # as in the article: nodes 2 and 1, then 3 and 1
    assert micro.kind == "normal"


def test_a_change_alters_nothing_that_comes_before_it(macro):
    seen = macro.variants["op:2:avg3x3"]  # layer 3

    assert not {"t0", "t1", "t2", "o2", "t1/1", "t2/1"} & seen.maps.keys()
    assert {"o3", "t3", "t4"} <= seen.maps.keys()
    assert set(seen.windows) == {"3", "4"}


# ---- files


def test_a_saved_recording_comes_back_with_the_same_bytes(macro, micro, tmp_path):
    for inside in (macro, micro):
        one, two = tmp_path / "one.json.gz", tmp_path / "two.json.gz"
        save_inside(inside, one)
        save_inside(load_inside(one), two)

        assert load_inside(one) == inside
        assert one.read_bytes() == two.read_bytes()


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path):
    path, whole = tmp_path / "x.json.gz", (ASSETS / "child-macro.json.gz").read_bytes()
    deep = gzip.compress(b"[" * 100_000)
    for content in (b"", b"no gzip", whole[:200], whole[:-9], deep, gzip.compress(b"[]")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="x.json.gz holds no recording"):
            load_inside(path)
    with pytest.raises(FileNotFoundError, match="no recording 'nowhere'; these come with"):
        load_inside("nowhere")
    with pytest.raises(TypeError, match="a path or its name; got 7"):
        load_inside(7)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * 50_000_000))

    with pytest.raises(ValueError, match="more than 40 MB"):
        load_inside(path)


def damaged(data, path, value):
    """A copy of JSON in which one place has another value."""
    made = json.loads(json.dumps(data))
    *way, last = path
    target = made
    for step in way:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return made


@pytest.fixture(scope="module")
def data(macro):
    return {**macro.to_json(), "variants": {}}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["format"], 2, "format 1 is read; got 2"),
        (["architecture"], {"space": {}, "content": []}, "space"),
        (["architecture", "content"], [[9], [0, 1], [0, 1, 1], [0, 1, 0, 1]], "layer 1"),
        (["classes"], ["a"], "names of classes"),
        (["classes"], [1, 2], "names of classes"),
        (["classes"], "ab", "names of classes"),
        (["labels"], [], "labels"),
        (["labels"], [0] * 11, "labels"),
        (["labels", 0], 10, "labels that are class numbers"),
        (["labels", 0], True, "labels that are class numbers"),
        (["side"], 10**9, "images of 1 or 3 channels"),
        (["side"], 15, "pixels of the images; got"),
        (["channels"], 2, "images of 1 or 3 channels"),
        (["pixels"], "!", "base64"),
        (["pixels"], 7, "lacks|base64|bytes"),
        (["levels"], 0, "1 to 255 levels"),
        (["levels"], 63, "base64|bytes of"),
        (["cells"], ["normal"], "kinds of cells"),
        (["cell"], 1, "an open cell"),
        (["loose"], [0], "loose ends"),
        (["fitted"], [1, 0], "two flags"),
        (["inputs"], ["a", "b"], "two inputs"),
        (["merge"], "input", "a merge, add or concat"),
        (["about"], [], "facts about itself"),
        (["tensors", "t1", "side"], 8, "bytes of t1; got"),
        (["tensors", "t1", "side"], 1000, "maps of 1 to 64 pixels"),
        (["tensors", "t1", "channels"], [0, 1, 2, 99], "numbers of channels"),
        (["tensors", "t1", "channels"], list(range(9)), "1 to 4 channels shown"),
        (["tensors", "t1", "low", 0], None, "finite limits"),
        (["tensors", "t1", "high", 0], float("nan"), "finite limits"),
        (["tensors", "t1"], ..., "tensors that it describes"),
        (["base"], ..., "lacks what it should hold"),
        (["base", "maps", "t4"], ..., "has maps of t4; it has none"),
        (["base", "maps", "t4"], "AAAA", "bytes of t4; got 3"),
        (["base", "maps", "new"], "AAAA", "tensors that it describes"),
        (["base", "probabilities", 0], [1.0], "probabilities"),
        (["base", "probabilities", 0, 0], 2, "probabilities"),
        (["base", "probabilities", 0], [0.3] * 10, "probabilities that sum to 1"),
        (["base", "probabilities", 0, 0], float("inf"), "probabilities"),
        (["base", "windows", "1", "kind"], "<b>", "a window of 3 or 5 pixels"),
        (["base", "windows", "1", "size"], 99, "a window of 3 or 5 pixels"),
        (["base", "windows", "1", "stride"], 0, "steps of 1 or 2 pixels"),
        (["base", "windows", "1", "weights"], [1.0], "finite weights"),
        (["base", "windows", "1", "pixels"], "", "bytes of a window's input; got 0"),
        (["variants"], {"cut:9-9": None}, "lacks|no change"),
        (["variants"], None, "lacks what it should hold"),
    ],
)
def test_what_is_damaged_is_refused_in_a_sentence(data, path, value, says):
    with pytest.raises(ValueError, match=says) as caught:
        Inside.from_json(damaged(data, path, value))

    assert len(str(caught.value)) < 400


def test_a_change_that_the_network_does_not_have_is_refused(data):
    with pytest.raises(ValueError, match="'cut:9-9' is no change of this network"):
        Inside.from_json({**data, "variants": {"cut:9-9": data["base"]}})


def test_the_door_reads_recordings():
    assert ev.load_inside("child-macro").kind == ""
