"""The whole path: what a plan holds, that it goes on wherever it stopped, and what it refuses."""

import json
import re
import signal
import subprocess
import sys
from functools import partial

import filelock
import numpy as np
import pytest
from PIL import Image

from enas_viz import cli
from enas_viz.recipes import RECIPES, as_json, change
from enas_viz.records.trace import Epoch, Tick, load_trace
from enas_viz.results import ledger
from enas_viz.search.nets.child import make_child
from enas_viz.search.runs import reproduction
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.reproduction import (
    check_folder,
    describe,
    make_plan,
    random_architecture,
    reproduce,
    state,
)
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import MACRO

_SAME = {"network__layers": 3, "network__filters": 2, "train__epochs": 2, "train__batch_size": 500}
TINY = {"search": {**_SAME, "controller__updates": 1, "controller__samples": 2}, "train": _SAME}
MICRO = {kind: {**fields, "network__nodes": 1} for kind, fields in TINY.items()}
RUNS = ("search", "derived", "random")


def tiny(space, folder, **options):
    return make_plan(space, "tiny", folder, changes=TINY if space == "macro" else MICRO, **options)


@pytest.fixture(scope="module", params=["macro", "micro"])
def whole(request, tmp_path_factory):
    """A reproduction that nothing interrupted."""
    plan = tiny(request.param, tmp_path_factory.mktemp("whole") / request.param)
    assert reproduce(plan)
    return plan


def ends_alike(plan, other) -> None:
    for name in RUNS:
        assert load_trace(plan.folder / name).digest() == load_trace(other.folder / name).digest()
        mine, its = (read_run(p.folder / name) for p in (plan, other))
        assert (
            mine["architecture_from" if name != "search" else "recipe"]
            == (its["architecture_from" if name != "search" else "recipe"])
        )
    derived = "derive/derived.json"
    assert (plan.folder / derived).read_bytes() == (other.folder / derived).read_bytes()
    assert _page(plan) == _page(other)


def _page(plan) -> str:
    """The page without what clocks and places say."""
    text = (plan.folder / "RESULTS.md").read_text().replace(plan.folder.as_posix(), "")
    return re.sub(r"\| [\d-]{10} \| [\d.]+ \|", "", text)


# ---------------------------------------------------------------- going on


def test_a_reproduction_leaves_every_stage_and_a_page(whole):
    assert all(state(whole, stage).done for stage in whole.stages)
    assert [stage.name for stage in whole.stages] == ["search", "derive", "derived", "random"]
    runs, damaged = ledger.read_runs([whole.folder])
    assert not damaged
    assert sorted(run.how for run in runs) == ["derive", "random"]
    assert all(run.finished and run.trace.result.images == 400 for run in runs)
    page = whole.folder / "RESULTS.md"
    assert page.read_text() == ledger.render(runs, ledger.command([whole.folder], page))


def test_the_network_that_was_searched_is_the_one_that_is_trained(whole):
    derived = json.loads((whole.folder / "derive" / "derived.json").read_text())
    facts = read_run(whole.folder / "derived")

    best = derived["candidates"][0]
    origin = {"how": "derive", "recipe": f"{whole.space}-tiny", "seed": 0, "folder": "../search"}
    assert facts["architecture"] == best["architecture"]
    assert facts["architecture_from"] == origin | {"data": derived["data"]}
    assert best["accuracy"] == max(c["accuracy"] for c in derived["candidates"])
    assert (len(derived["candidates"]), derived["images"]) == (10, 397)
    assert read_run(whole.folder / "random")["architecture"] != best["architecture"]


def test_a_finished_reproduction_repeats_nothing(whole):
    before = {p: p.stat().st_mtime_ns for p in whole.folder.rglob("*.gz")}

    assert reproduce(whole, watch=lambda items, stage: pytest.fail(f"{stage.name} ran again"))
    assert {p: p.stat().st_mtime_ns for p in whole.folder.rglob("*.gz")} == before


STOPS = {
    "header": lambda item: True,
    "tick": lambda item: isinstance(item, Tick) and item.step == 1,
    "epoch": lambda item: isinstance(item, Epoch),
}


def test_stopping_inside_any_stage_and_going_on_ends_the_same(tmp_path, whole):
    plan = tiny(whole.space, tmp_path / "cut")
    for stop_in in RUNS:
        for where, meets in STOPS.items():

            def watch(items, stage, stop_in=stop_in, meets=meets):
                for item in items:
                    if stage.name == stop_in and meets(item):
                        items.close()
                        return

            assert not reproduce(plan, watch=watch)
            at = state(plan, plan.stage(stop_in))
            assert (at.started, at.done, at.epoch) == (True, False, int(where == "epoch"))
            assert str(at) == f"goes on at epoch {1 + (where == 'epoch')} of 2"

    assert reproduce(plan)
    ends_alike(plan, whole)


KILLED = """
import json, os, signal, sys
import torch._dynamo  # imported late by what runs below, eight times over
from enas_viz.search.runs import reproduction
from enas_viz.records.trace import Tick

folder, changes = sys.argv[1], json.loads(sys.argv[2])
plan = reproduction.make_plan("macro", "tiny", folder, changes=changes)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def inside(name, count):
    def watch(items, stage):
        for k, item in enumerate(items):
            if stage.name == name and k == count:
                die()
    return {"watch": watch}

def before_scoring(work):
    die()

def after_scoring(work):
    work(None)
    die()

def half_scored(work):
    work(lambda done, total: die() if done == total // 2 else None)

def before_the_page(*_):
    die()

points = [
    inside("search", 0), inside("search", 8), {"score": before_scoring}, {"score": half_scored},
    {"score": after_scoring}, inside("derived", 0), inside("random", 2), {"page": before_the_page},
]
for number, point in enumerate(points):
    child = os.fork()
    if not child:
        if point.pop("page", None):
            reproduction.ledger.render = before_the_page
        reproduction.reproduce(plan, checkpoint_every=0, **point)
        os._exit(1)  # it was not killed
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (number, status)
    told = [str(reproduction.state(plan, stage)) for stage in plan.stages]
    print(json.dumps(told))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killed_between_and_inside_stages_it_ends_as_if_nothing_had_happened(tmp_path, whole):
    if whole.space == "micro":
        pytest.skip("a kill knows no difference between spaces")
    plan = tiny("macro", tmp_path / "killed")

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(plan.folder), json.dumps(TINY)],
        capture_output=True,
        text=True,
    )

    assert not done.returncode, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0] == ["goes on at epoch 1 of 2", "to do", "to do", "to do"]
    assert told[1] == ["goes on at epoch 2 of 2", "to do", "to do", "to do"]
    assert told[3] == ["done", "to do", "to do", "to do"]
    assert told[4] == ["done", "done", "to do", "to do"]
    assert told[-1] == ["done"] * 4
    assert not (plan.folder / "RESULTS.md").exists()
    assert reproduce(plan)
    ends_alike(plan, whole)


def test_images_of_ones_own_are_used_in_every_stage_and_named_in_the_results(tmp_path, monkeypatch):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(tmp_path / "cache"))
    numbers = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 5)):
        for label in ("cat", "dog"):
            place = tmp_path / "mine" / part / label
            place.mkdir(parents=True)
            for k in range(count):
                pixels = numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{k}.png")
    plan = tiny("macro", tmp_path / "run", data=tmp_path / "mine")

    with pytest.warns(UserWarning, match="but there are only"):  # recipes are for more images
        assert reproduce(plan)

    runs, _ = ledger.read_runs([plan.folder])
    assert {run.data for run in runs} == {"mine, 8×8 pixels"}
    assert {run.trace.result.images for run in runs} == {10}
    assert load_trace(plan.folder / "search").header.dataset["name"] == "mine"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"seed": 1}, "another seed \\(0, not 1\\)"),
        ({"data": "elsewhere.zip"}, "another data \\(None, not .*elsewhere.zip\\)"),
        ({"size": "cpu"}, "another size \\(tiny, not cpu\\)"),
        ({"space": "other"}, "another space"),
        ({"changes": {"train": {"train__epochs": 9}}}, "stage 'search' has another recipe"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_folder_of_another_reproduction_is_refused(whole, other, told):
    space = whole.space
    if other.get("space"):
        space, other = {"macro": "micro", "micro": "macro"}[space], {}
    same = {"size": "tiny", "changes": TINY if space == "macro" else MICRO}

    plan = make_plan(space, folder=whole.folder, **(same | other))

    with pytest.raises(FolderError, match=told):
        reproduce(plan)


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")

    with pytest.raises(FolderError, match="holds no reproduction"):
        reproduce(tiny("macro", tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


@pytest.fixture
def begun(tmp_path):
    """A reproduction that stopped after its candidates were scored."""
    plan = tiny("macro", tmp_path / "begun")

    def watch(items, stage):
        for _ in items:
            if stage.name == "derived":
                items.close()
                return

    assert not reproduce(plan, watch=watch)
    return plan


def test_a_published_network_goes_on_though_its_wiring_is_not_that_of_the_search(tmp_path):
    plan = make_plan("macro", "paper", tmp_path)
    stage = plan.stage("published")
    plan.place(stage).mkdir(parents=True)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))

    def begun_by(recipe):
        facts = {"recipe": as_json(recipe), "seed": 0, "device": "cpu", "data": None}
        facts["architecture"] = MACRO.to_json()
        (plan.place(stage) / "run.json").write_text(json.dumps(facts))

    begun_by(change(stage.recipe, fidelity__skip_wiring=MACRO.space.wiring))
    check_folder(plan)

    begun_by(change(stage.recipe, fidelity__skip_wiring="code", train__epochs=5))
    with pytest.raises(FolderError, match="another recipe or seed than .*plan.json"):
        check_folder(plan)


def test_a_run_that_was_moved_into_a_stage_is_refused(begun):
    file = begun.folder / "search" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"seed": 7}))

    with pytest.raises(FolderError, match="another recipe or seed than .*plan.json"):
        reproduce(begun)


def test_a_damaged_plan_and_a_damaged_derived_file_are_told(begun):
    derived = begun.folder / "derive" / "derived.json"
    for text in ("{}", json.dumps(MACRO.to_json()), "[1"):
        derived.write_text(text)
        with pytest.raises(FolderError, match="derived.json .*made again"):
            reproduce(begun)
    derived.unlink()
    assert reproduce(begun)

    (begun.folder / "plan.json").write_text("[]")
    with pytest.raises(FolderError, match="plan.json is damaged"):
        check_folder(begun)


def test_another_architecture_in_derived_json_is_not_trained_on_with_old_weights(begun):
    derived = begun.folder / "derive" / "derived.json"
    value = json.loads(derived.read_text())
    other = random_architecture(begun.stage("derived").recipe, 9)
    value["candidates"][0]["architecture"] = other.to_json()
    derived.write_text(json.dumps(value))

    with pytest.raises(FolderError, match="trains another architecture"):
        reproduce(begun)


def test_a_stage_in_use_by_another_process_is_not_touched(begun):
    with (
        filelock.FileLock(begun.folder / "derived" / "run.lock"),
        pytest.raises(FolderError, match="in use by another process"),
    ):
        reproduce(begun)


def test_several_processes_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduction, "started_processes", lambda: 2)

    with pytest.raises(ValueError, match="runs on one process, and 2 were started"):
        reproduce(tiny("macro", tmp_path / "r"))
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("space", "size"), [("other", "tiny"), ("macro", "huge")])
def test_unknown_spaces_and_sizes_are_refused(tmp_path, space, size):
    with pytest.raises(ValueError, match="is (one of|'macro' or)"):
        make_plan(space, size, tmp_path)


# ---------------------------------------------------------------- plans


@pytest.mark.parametrize("size", ["paper", "released"])
def test_the_published_macro_network_is_trained_beside_the_searched_one(tmp_path, size):
    plan = make_plan("macro", size, tmp_path)

    names = [stage.name for stage in plan.stages]
    assert names == ["search", "derive", "derived", "published", "published-wide", "random"]
    assert plan.stage("derived").recipe.network.layers == 12
    assert plan.stage("published").recipe == RECIPES[f"macro-final-{size}"]
    assert plan.stage("published-wide").recipe == RECIPES[f"macro-final-wide-{size}"]
    assert reproduction._architecture(plan, plan.stage("published"))[0] == MACRO
    assert random_architecture(plan.stage("random").recipe, 0).space.layers == 24


@pytest.mark.parametrize("size", ["paper", "released", "cpu"])
def test_cells_are_trained_without_and_with_cutout(tmp_path, size):
    plan = make_plan("micro", size, tmp_path)

    stages = [s for s in plan.stages if s.trains == "derived"]
    assert [s.recipe.data.cutout > 0 for s in stages] == [False, True]
    assert [s.recipe for s in stages] == [
        RECIPES[f"micro-final{cut}-{size}"] for cut in ("", "-cutout")
    ]


def test_a_random_macro_network_is_the_papers_guided_random_search():
    made = RECIPES["macro-final-paper"]
    rates = [made.space.skip_rate(random_architecture(made, seed)) for seed in range(20)]

    assert sum(rates) / 20 == pytest.approx(0.4, abs=0.02)
    assert len({random_architecture(made, seed) for seed in range(20)}) == 20
    assert random_architecture(made, 3) == random_architecture(made, 3)


def test_what_is_trained_can_be_built_as_released(tmp_path):
    plan = make_plan("macro", "released", tmp_path)
    drawn = random_architecture(plan.stage("random").recipe, 0)
    pooled = Architecture(plan.stage("derived").recipe.space, [(5, *[0] * k) for k in range(12)])

    assert {layer[0] for layer in drawn.content} == {0, 1, 2, 3}
    for name, architecture in (("random", drawn), ("derived", pooled)):
        made = plan.stage(name).recipe
        smaller = change(made, network__filters=4)
        assert make_child(smaller, architecture, 3, 10, 0)


def test_a_plan_is_told_with_time_disk_and_state(tmp_path):
    told = describe(make_plan("macro", "released", tmp_path), device="cpu")

    assert told[0].split() == ["stage", "recipe", "folder", "time", "MB", "state"]
    text = "\n".join(told)
    assert (
        "macro-final-released (network.layers 12 instead of 24; fidelity.macro_final_ops " in text
    )
    assert text.count("to do") == 6
    assert re.search(r"left: about \d+ hours on two CPU cores \(estimated\), \d+ MB of disk", text)


# ---------------------------------------------------------------- the command


def run(capsys, *args) -> str:
    cli.main([str(a) for a in args])
    return capsys.readouterr().out


def test_the_command_shows_its_plan_runs_it_and_tells_the_results(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduction, "make_plan", partial(make_plan, changes=TINY))
    args = ("reproduce", "macro", "--size", "tiny", "--folder", tmp_path / "r", "--yes")

    first = run(capsys, *args)
    again = run(capsys, *args)

    assert first.count("to do") == 4
    assert "train a random network: macro-final-tiny in" in first
    assert again.count("  done") == 4
    assert "macro-final-tiny in" not in again
    for told in (first, again):
        assert len(re.findall(r"\d ± \d.* % \(1 run, binomial, 400 images\)", told)) == 2
        assert f"wrote {tmp_path / 'r' / 'RESULTS.md'}" in told


def test_the_command_asks_before_it_begins(capsys, tmp_path, monkeypatch):
    args = ["reproduce", "micro", "--size", "paper", "--folder", str(tmp_path / "r")]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(SystemExit) as caught:
        cli.main(args)
    assert caught.value.code == 2
    assert "add --yes" in capsys.readouterr().err

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda asked: "n")
    assert "nothing was done" in run(capsys, *args)
    assert not (tmp_path / "r").exists()


def test_stopping_the_command_names_the_command_that_goes_on(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduction, "make_plan", partial(make_plan, changes=TINY))
    real = reproduction.run

    def interrupted(*args, **options):
        for k, item in enumerate(real(*args, **options)):
            if k == 3:
                signal.raise_signal(signal.SIGINT)
            yield item

    monkeypatch.setattr(reproduction, "run", interrupted)
    args = ["reproduce", "macro", "--size", "tiny", "--folder", str(tmp_path / "r"), "--yes"]

    with pytest.raises(SystemExit) as caught:
        cli.main(args)

    assert caught.value.code == 130
    assert f"go on with `enas-viz {' '.join(args)}`" in capsys.readouterr().err
