"""Whatever a run writes about itself reads back as it was; all else is refused at the start."""

import itertools
import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz import search
from enas_viz.recipes import as_json, check, field_names, recipe, recipe_from_json
from enas_viz.records.trace import check_plain, load_trace
from enas_viz.search.runs import terms
from enas_viz.search.runs.build import build
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.run import restore
from enas_viz.search.strategies import strategy as seam
from enas_viz.search.training.data import Data, DataError, Split
from enas_viz.spaces import MacroSpace

SMALL = {"network__layers": 2, "network__filters": 2, "train__epochs": 1, "train__batch_size": 8}
TINY = recipe(
    "macro-tiny",
    controller__hidden=8,
    controller__updates=1,
    controller__samples=2,
    controller__reward_images=8,
    **SMALL,
)
FINAL = recipe("macro-final-tiny", **SMALL)
ARCH = MacroSpace(2).decode([0, 1, 1])
PART = Split(torch.zeros(20, 1, 8, 8, dtype=torch.uint8), torch.arange(20) % 10)
DIGITS = tuple("0123456789")


def images(name: str = "made-up") -> Data:
    return Data(name, DIGITS, PART, PART, torch.zeros(1), torch.ones(1), "ab")


HALF = "caf\udce9"  # what Python makes of a file name that is no UTF-8
anything = st.one_of(
    *(st.booleans(), st.none(), st.integers(), st.floats(), st.text(max_size=3)),
    st.sampled_from([2**64 - 1, 2**64, -1, 10**400, 1.0, 1.5, math.nan, math.inf]),
    st.sampled_from([np.int64(3), np.uint8(3), np.float64(3), np.float32(0.1), np.bool_(True)]),
    st.sampled_from([np.array(3), np.array([3, 4]), torch.tensor(3), torch.tensor(3.0)]),
    st.sampled_from([b"3", [3], {3}, 3j, HALF, object(), Path("x")]),
)
nested = st.recursive(
    anything,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


def begun(folder: Path, **asked):
    """The header of a run in `folder`, None when it was refused; either leaves what it should."""
    final = "origin" in asked
    asked = {"data": images(), **asked}
    try:
        items = (
            search.train_child(FINAL, ARCH, folder=folder, **asked)
            if final
            else search.run(asked.pop("made", TINY), folder=folder, **asked)
        )
        header = next(items)
    except (TypeError, ValueError) as error:
        told = str(error)
    else:
        return read_back(items, header, folder, asked["data"])
    assert not folder.exists()
    assert 20 < len(told) < 400
    assert "\n" not in told
    return None


def read_back(items, header, folder, data):
    items.close()
    kept = load_trace(folder).header
    told = [json.dumps(made.to_json(), sort_keys=True) for made in (kept, header)]
    assert told[0] == told[1]
    assert restore(folder, data=data).at.records == 1
    return kept


@settings(max_examples=25, deadline=None)
@given(
    asked=st.fixed_dictionaries(
        {},
        optional={
            "seed": anything,
            "device": st.one_of(st.sampled_from(["cpu", torch.device("cpu")]), anything),
            "checkpoint_every": anything,
            "origin": nested,
            "data": st.text(max_size=4).map(images),
        },
    )
)
def test_a_run_that_begins_can_be_read_back_and_all_others_are_refused(asked):
    with tempfile.TemporaryDirectory() as place:
        begun(Path(place) / "run", **asked)


@pytest.mark.parametrize(
    ("seed", "kept"),
    [
        *((3, 3), (np.int64(3), 3), (np.uint8(3), 3), (torch.tensor(3), 3), (np.array(3), 3)),
        *((2**64 - 1, 2**64 - 1), (0, 0)),
        *((1.0, None), (1.5, None), (True, None), (np.float64(3), None), ("3", None)),
        *((None, None), (math.nan, None), (-1, None), (2**64, None), (10**5000, None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_seed_is_a_whole_number_and_becomes_one_of_python(seed, kept):
    if kept is None:
        with pytest.raises((TypeError, ValueError), match="a seed must be"):
            terms.seed_of(seed)
    else:
        assert (terms.seed_of(seed), type(terms.seed_of(seed))) == (kept, int)


@settings(max_examples=200, deadline=None)
@given(nested)
def test_plain_json_reads_back_as_it_was_and_all_else_is_refused(value):
    try:
        made = terms.plain("this", value)
    except ValueError as error:
        told = str(error)
    else:
        check_plain(made)
        told = "this must be plain JSON"
        assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert told.startswith("this must be plain JSON")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(field_names()), anything)
def test_a_recipe_that_is_accepted_reads_back_as_it_was(name, value):
    part, _, inner = name.rpartition(".")
    try:
        made = recipe("macro-tiny", **{f"{part}__{inner}" if part else inner: value})
        check(made)
    except ValueError:
        return
    told = json.dumps(as_json(made), allow_nan=False)
    assert recipe_from_json(json.loads(told)) == made
    assert told.encode()  # no half letters


def test_numbers_of_numpy_and_torch_go_into_a_folder_as_pythons(tmp_path):
    origin = {"how": "given", "seed": np.int64(4), "share": np.float32(0.5), "at": (1, 2)}

    header = begun(tmp_path / "run", seed=np.int64(3), origin=origin, device=torch.device("cpu"))

    facts = read_run(tmp_path / "run")
    assert (header.seed, facts["seed"], facts["device"]) == (3, 3, "cpu")
    assert facts["architecture_from"] == {"how": "given", "seed": 4, "share": 0.5, "at": [1, 2]}


def test_a_name_that_is_no_utf8_is_refused_in_a_recipe_and_mended_in_a_data_set(tmp_path):
    with pytest.raises(ValueError, match="name must be text that UTF-8 can hold"):
        recipe("macro-tiny", name=HALF)

    header = begun(tmp_path / "run", data=images(HALF))

    assert header.dataset["name"] == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda f: search.run("macro-tiny", folder=f), r"takes a Recipe; .*recipe\('macro-tiny'"),
        (lambda f: search.run(None, folder=f), "takes a Recipe; got None"),
        (lambda f: search.run(TINY, folder=f, data=torch.zeros(3)), "data must be a folder"),
        (lambda f: search.run(TINY, folder=f, data=b"images"), "data must be a folder"),
        (lambda f: search.run(TINY, folder=f, data=""), "data must be a folder"),
        (lambda f: search.run(TINY, folder=5), "folder must be the path"),
        (lambda f: search.run(TINY, folder=""), "folder must be the path"),
        (lambda f: search.run(TINY, folder="a\0b"), "folder must be the path"),
        (lambda f: search.run(TINY, folder=f, device=0), "a device is a name"),
        (lambda f: search.run(TINY, folder=f, checkpoint_every="1"), "a number of seconds"),
        (lambda f: search.run(TINY, folder=f, checkpoint_every=math.nan), "must be 0 or greater"),
        (lambda f: search.train_child(FINAL, [0, 1, 1], folder=f), "expected an Architecture"),
        (lambda f: search.train_child(FINAL, None, folder=f), "expected an Architecture"),
        (lambda f: search.train_child(ARCH, FINAL, folder=f), "expected an Arch"),
        (lambda f: search.train_child(FINAL, ARCH, folder=f, origin=5), "origin is an object"),
        (lambda f: search.resume(None), "folder must be the path"),
        (lambda f: search.resume(TINY), "folder must be the path"),
        (lambda f: search.restore(5), "folder must be the path"),
        (lambda f: search.restore(f, device=None), "a device is a name"),
        (lambda f: search.restore(f, data=5), "data must be a folder"),
    ],
)
def test_wrong_objects_are_refused_in_a_sentence_before_anything_is_made(tmp_path, call, said):
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        call(tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


WRONG = [None, 5, 1.5, "macro-tiny", b"x", [], {}, object(), TINY, FINAL, ARCH, ARCH.space, print]
TAKES = {  # the first argument, where it may be one of these
    "MacroChild": (ARCH,),
    "MacroSupernet": (ARCH.space,),
    "make_child": (TINY, FINAL),
    "train_child": (FINAL,),
    "make_controller": (ARCH.space,),
    "make_supernet": (TINY, FINAL),
    "resume": ("macro-tiny",),
    "restore": ("macro-tiny",),
    "run": (TINY,),
}


@pytest.mark.parametrize("name", search.__all__)
def test_every_public_name_answers_wrong_objects_in_a_sentence(tmp_path, monkeypatch, name):
    """As its first argument, the others being right."""
    monkeypatch.chdir(tmp_path)
    others = {
        "MacroChild": (4,),
        "MacroSupernet": (4,),
        "MicroChild": (3, 4),
        "MicroSupernet": (3, 4),
        "make_child": (ARCH, 1, 10, 0),
        "make_supernet": (1, 10, 0),
        "train_child": (ARCH,),
    }.get(name, ())

    for value in WRONG:
        if any(value is right for right in TAKES.get(name, ())):
            continue
        with pytest.raises((TypeError, ValueError)) as caught:
            getattr(search, name)(value, *others)
        told = str(caught.value)
        assert 20 < len(told) < 500
        assert "\n" not in told
        assert "object is not" not in told  # Python's own words
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s, p: search.derive(s, 2.5), "the number of candidates must be an int"),
        (lambda s, p: search.derive(s, True), "the number of candidates must be an int"),
        (lambda s, p: search.derive(s, 2, batches=1.0), "batches .* must be an int"),
        (lambda s, p: search.derive(s, 2, seed=1.0), "a seed must be an int"),
        (lambda s, p: search.derive(s, 2, bn="mean"), "bn is one of batch, moving, refit"),
        (lambda s, p: search.score(s, images=-1), "images must be from 0"),
        (lambda s, p: search.score(s)(5), "expected an Architecture; got 5"),
        (lambda s, p: search.score(s)(MacroSpace(3).decode([0] * 6)), "the search is over"),
        (lambda s, p: p(5), "picks are a list with one list a step; got 5"),
        (lambda s, p: p([5]), r"picks are a list with one list a step; got \[5\]"),
        (lambda s, p: p("00"), "picks are a list"),
        (lambda s, p: p([[9]]), "takes an operation from 0 to 5"),
        (lambda s, p: p(itertools.repeat([0])), "4 steps in this space"),
        (lambda s, p: p([[0]], seed="1"), "a seed must be an int"),
        (lambda s, p: search.ask(s, header=5), "the header of a trace; got 5"),
        (lambda s, p: search.dissect(s, seed=1.5), "a seed must be an int"),
        (lambda s, p: search.make_controller(ARCH.space, TINY), "a ControllerConfig"),
        (lambda s, p: search.make_controller(ARCH.space, None, "paper"), "a Fidelity"),
        (lambda s, p: search.make_supernet(TINY, 1, 10.0, 0), "classes must be an int"),
        (lambda s, p: search.make_child(FINAL, ARCH, 0, 10, 0), "image_channels must be from 1"),
        (lambda s, p: search.load_data(TINY.data, source=5), "a folder or zip of images; got 5"),
        (lambda s, p: search.load_data(TINY.data, seed="1"), "a seed must be an int"),
        (lambda s, p: s.controller.sample(-1), "the number of samples must be from 0"),
        (lambda s, p: s.controller.sample(1.5), "the number of samples must be an int"),
        (lambda s, p: s.controller.sample(1, uniforms=[0.5]), "a tensor of .1, 3. uniforms"),
        (lambda s, p: s.controller.sample(1, uniforms=torch.full((1, 3), 1.0)), "to below 1"),
        (lambda s, p: s.controller.sample(1, uniforms=torch.full((1, 3), -0.1)), "to below 1"),
        (lambda s, p: s.controller.sample(1, uniforms=torch.full((1, 3), math.nan)), "below 1"),
        (lambda s, p: s.controller.score([]), "at least one architecture"),
        (lambda s, p: s.controller.score([5]), "expected an Architecture; got 5"),
        (lambda s, p: s.net(torch.zeros(1, 1, 8, 8), 5), "expected an Architecture; got 5"),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(running, call, said):
    with pytest.raises((TypeError, ValueError), match=said):
        call(running, search.ask(running))


@pytest.fixture(scope="module")
def running():
    return build(TINY, 0, "cpu", images())


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*field_names(), "data", "network", "controller", "train", "fidelity"]),
        anything,
        min_size=1,
        max_size=3,
    )
)
def test_changes_of_a_recipe_are_taken_or_refused_by_name(changes):
    named = {name.replace(".", "__"): value for name, value in changes.items()}
    try:
        made = recipe("macro-tiny", **named)
    except ValueError as error:
        told = str(error)
    else:
        told, _ = "", check(made)
    assert not told or any(
        part in told for name in changes for part in (name, name.rpartition(".")[2])
    )


def test_a_space_that_does_not_exist_is_refused_before_anything_is_made_of_it():
    for changes in (
        {"network__space": "foo", "fidelity__clip": "none"},
        {"network__space": "foo", "fidelity": "released"},
        {"strategy": "chance", "fidelity__clip": "global5"},
        {"network": 5, "fidelity": "released"},
    ):
        with pytest.raises(ValueError, match="space is one of|strategy is one of|a NetworkConfig"):
            recipe("macro-tiny", **changes)


def made_of(train=20, valid=20, label=None, **changes) -> Data:
    def part(count, labels):
        return Split(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), labels)

    numbers = torch.arange(train) % 10 if label is None else torch.full((train,), label)
    made = replace(
        images(), train=part(train, numbers), valid=part(valid, torch.arange(valid) % 10)
    )
    return replace(made, **changes)


def of_parts(pixels, labels) -> Data:
    return replace(images(), train=Split(pixels, labels), valid=Split(pixels, labels))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: made_of(train=0), "data.train holds no images"),
        (lambda: made_of(valid=0), "a search needs validation images|are no validation images"),
        (lambda: made_of(label=10), "labels must be numbers of the 10 classes"),
        (lambda: made_of(classes=("a",) * 10), "each with a name of its own"),
        (lambda: made_of(label=0, valid=0, classes=("a",)), "at least 2 classes"),  # a loss of 0
        (lambda: made_of(std=torch.zeros(1)), "data.std must be greater than 0"),
        (lambda: made_of(mean=torch.full((1,), torch.nan)), "data.mean must be 1 finite numbers"),
        (lambda: made_of(mean=torch.zeros(3)), "data.mean must be 1 finite numbers"),
        (lambda: of_parts(PART.images.float(), PART.labels), "must be a uint8 tensor"),
        (lambda: of_parts(PART.images[:, 0], PART.labels), "must be a uint8 tensor"),
        (lambda: of_parts(PART.images, PART.labels[:5]), "labels must be an int64 tensor"),
        (lambda: of_parts(PART.images, PART.labels.int()), "labels must be an int64 tensor"),
    ],
)
def test_images_in_memory_that_cannot_be_trained_on_are_refused_by_name(tmp_path, make, said):
    with pytest.raises(ValueError, match=said):
        next(search.run(TINY, data=make(), folder=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_images_in_memory_are_told_apart_by_what_they_are(tmp_path):
    unnamed = replace(images(), checksum="")
    items = search.run(TINY, data=unnamed, folder=tmp_path / "run")
    list(itertools.islice(items, 3))
    items.close()
    others = replace(unnamed, train=Split(PART.images + 1, PART.labels))

    with pytest.raises(FolderError, match="the images are not those"):
        list(search.resume(tmp_path / "run", data=others))
    assert list(search.resume(tmp_path / "run", data=unnamed))


@pytest.mark.parametrize("data", [5, "digits", {"name": 3, "shape": 5}, [1]])
def test_an_origin_whose_data_are_no_facts_is_refused(data):
    said = "tells its data as|found on other data|the data of a ranking or run must be"
    with pytest.raises(DataError, match=said):
        next(search.train_child(FINAL, ARCH, data=images(), origin={"data": data}))


@pytest.mark.parametrize("made_by", [{"run": 5}, {"run": None}, [1], "x", None])
def test_a_folder_that_names_no_classes_as_its_maker_is_damaged(tmp_path, made_by):
    begun(tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"made_by": made_by}))

    with pytest.raises(FolderError, match="run.json is damaged: made_by"):
        restore(tmp_path / "run", data=images())


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    items = search.run(TINY, data=images(), folder="~/run")
    next(items)
    items.close()

    assert (tmp_path / "run" / "run.json").exists()
    assert restore("~/run", data=images()).at.records == 1
    with pytest.raises(ValueError, match="no such home folder"):
        terms.folder_of("~nobody-of-that-name/run")


@pytest.mark.parametrize("made", [None, "enas", 5, lambda *_: 5])
def test_a_strategy_that_is_none_is_refused_in_a_sentence(monkeypatch, made):
    monkeypatch.setitem(seam._strategies, "enas", made)

    with pytest.raises(TypeError, match="a strategy has the methods propose"):
        next(search.run(TINY, data=images()))
