"""The trace that a resumed run keeps is its own, whole and in order; any other is refused."""

import json
import os
import shutil

import pytest

from enas_viz import search
from enas_viz.recipes import recipe
from enas_viz.records.trace import Tick, load_trace
from enas_viz.search.runs.folder import FolderError
from enas_viz.spaces import MacroSpace

SMALL = {"network__layers": 2, "network__filters": 2, "train__batch_size": 500}
TINY = recipe(
    "macro-tiny",
    controller__hidden=8,
    controller__updates=2,
    controller__samples=2,
    train__epochs=2,
    keep_steps=1,
    **SMALL,
)
FINAL = recipe("macro-final-tiny", train__epochs=2, **SMALL)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Folders of a search that was stopped in its second epoch, and of a training."""
    place = tmp_path_factory.mktemp("kept")
    for items in (
        search.run(TINY, folder=place / "search"),
        search.train_child(FINAL, MacroSpace(2).decode([0, 1, 1]), folder=place / "final"),
    ):
        for item in items:
            if isinstance(item, Tick) and item.epoch == 1:
                break
        items.close()
    return place


def changed(folder, kept, change, name="search"):
    """A copy of the folder whose trace has lines as `change` makes them of its records."""
    shutil.copytree(kept / name, folder)
    path = folder / "trace.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(r) + "\n" for r in change(records)))
    return folder


def of_header(**fields):
    return lambda records: [records[0] | fields, *records[1:]]


def of_part(part, **fields):
    return lambda records: [records[0] | {part: records[0][part] | fields}, *records[1:]]


def of_recipe(part, **fields):
    def change(records):
        inner = records[0]["recipe"]
        inner = inner | {part: inner[part] | fields}
        return of_header(recipe=inner)(records)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (of_header(seed=1), "the trace of another run: it differs from .* in its seed;"),
        (of_recipe("controller", lr=0.5), " in its recipe;"),
        (of_part("fidelity", clip="global5"), " in its recipe;"),
        (of_part("dataset", checksum="ab"), " in its data;"),
        (of_header(made_by={"run": "mine.Search"}), " in its maker;"),
        (of_header(architecture=[[0], [1, 1]]), " in its architecture;"),
        (of_header(space=MacroSpace(2, wiring="code").to_json()), " in its space;"),
        (of_header(seed=1, dataset={}), " in its seed and data;"),
        (lambda r: [*r[:2], r[1], *r[2:-1]], "must be higher than those before it .1.; got 1"),
        (lambda r: [r[0], r[2], r[1], *r[3:]], "must be higher than those before it .2.; got 1"),
        (lambda r: [*r[:-1], r[-1] | {"n": 99}], "has record 99 where"),
        (lambda r: [*r[:-1], {"type": "episode"}], "not a valid episode"),
        (lambda r: [*r[:-1], {"n": 5, "type": "new"}], "records in the lines that should hold"),
        (lambda r: [r[0], {"n": 1, "type": "new"}, *r[1:-1]], "records in the lines that"),
        (lambda r: [*r[:-1], "nothing"], "a record is a JSON object"),
        (lambda r: [{"type": "nothing"}, *r[1:]], "its first line is not a header"),
        (
            lambda r: (
                [*r[:1], r[1] | {"steps": r[2]["steps"][:1] + r[1]["steps"][1:]}, *r[2:]]
                if r[1]["content"][0] != r[2]["content"][0]
                else [
                    *r[:1],
                    r[1] | {"content": [[(r[1]["content"][0][0] + 1) % 6], [0, 0]]},
                    *r[2:],
                ]
            ),
            "leads to another architecture",
        ),
    ],
)
def test_a_trace_that_is_not_this_runs_own_is_refused_and_left_alone(tmp_path, kept, change, said):
    folder = changed(tmp_path / "run", kept, change)
    path = folder / "trace.jsonl"
    before = path.read_bytes()

    with pytest.raises(FolderError, match=said) as caught:
        list(search.resume(folder))

    assert "begin anew in another folder" in str(caught.value)
    assert path.read_bytes() == before


def test_a_training_goes_on_with_the_trace_of_its_own_architecture_only(tmp_path, kept):
    folder = changed(tmp_path / "run", kept, of_header(architecture=[[0], [1, 0]]), name="final")
    with pytest.raises(FolderError, match=" in its architecture;"):
        list(search.resume(folder))

    assert list(search.resume(shutil.copytree(kept / "final", tmp_path / "own")))


def older(records):
    """As another machine and an older version might have written it."""
    head = json.loads(json.dumps(records[0]))
    head |= {"device": {"type": "cuda"}, "versions": {}, "clock": {}, "new": 1}
    del head["recipe"]["train"]["accumulate"]
    head["recipe"]["compute"] = {"threads": head["recipe"]["compute"]["threads"]}
    return [head, *records[1:]]


def test_a_trace_of_another_machine_or_version_goes_on(tmp_path, kept):
    folder = changed(tmp_path / "run", kept, older)

    assert list(search.resume(folder))
    assert [r.n for r in load_trace(folder).records] == list(range(1, 11))


def test_a_trace_that_is_no_file_is_refused(tmp_path, kept):
    folder = shutil.copytree(kept / "search", tmp_path / "run")
    for make in (os.mkdir, os.mkfifo):
        path = folder / "trace.jsonl"
        path.unlink() if path.is_file() else None
        make(path)
        with pytest.raises(FolderError, match="is no regular file"):
            list(search.resume(folder))
        os.rmdir(path) if path.is_dir() else path.unlink()


def test_a_blank_line_is_no_record(tmp_path, kept):
    """It counts as a line, so the last record would go for it."""
    folder = shutil.copytree(kept / "search", tmp_path / "run")
    path = folder / "trace.jsonl"
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, "\n", *others]))

    with pytest.raises(FolderError, match="records in the lines that should hold"):
        list(search.resume(folder))


def test_a_run_that_must_begin_again_says_so(tmp_path, kept):
    folder = changed(tmp_path / "run", kept, lambda records: records[:3])

    items = search.resume(folder)
    with pytest.warns(UserWarning, match="starts again from its beginning"):
        next(items)
    items.close()
