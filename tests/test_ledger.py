"""The ledger: which run counts where, what it is called, and that the page is what the runs give.

Every result in here is made up, and stays in a temporary folder; none was trained.
"""

import dataclasses
import gzip
import json
import math
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from enas_viz import cli
from enas_viz.facts import estimates
from enas_viz.facts import measured as measured_module
from enas_viz.recipes import RECIPES, change, recipe
from enas_viz.records.trace import Epoch, Header, Result, Trace, record, save_trace
from enas_viz.results import ledger
from enas_viz.results.ledger import PAPER, SMALL, keep, read_runs, render, sort_runs
from enas_viz.spaces import MacroSpace
from enas_viz.spaces.published import MACRO, MICRO

ROOT = Path(__file__).parent.parent
OFFICIAL = {"name": "cifar10", "shape": [3, 32, 32]}
COPY = {"name": "cifar10-jpeg", "shape": [3, 16, 16]}
RANDOM = {"how": "random", "skip_rate": 0.4, "seed": 0}


def made_up(
    folder,
    name="micro-final",
    *,
    seed=0,
    right=9_600,
    images=10_000,
    epochs=None,
    dataset=OFFICIAL,
    architecture=None,
    origin=None,
    data=None,
    started="2026-01-02T03:04:05+00:00",
    changes=(),
):
    """A folder as a final training leaves it; epochs: of them done, by default all."""
    made = change(RECIPES[name], **dict(changes))
    architecture = architecture or (MICRO if made.network.space == "micro" else MACRO)
    folder.mkdir(parents=True)
    value = {
        "recipe": json.loads(json.dumps(dataclasses.asdict(made))),
        "seed": seed,
        "device": "auto",
        "data": data,
        "architecture": architecture.to_json(),
        "architecture_from": origin or {"how": "published"},
    }
    (folder / "run.json").write_text(json.dumps(value))
    header = Header(
        space=architecture.space,
        order=made.order,
        seed=seed,
        recipe=made.to_json(),
        fidelity=dataclasses.asdict(made.fidelity),
        dataset=dataset,
        device={"type": "cpu", "threads": 2},
        versions={"commit": "0123456789ab"},
        clock={"started": started},
    )
    done = made.train.epochs if epochs is None else epochs
    records = [Epoch(k, n=k + 1, clock={"weights_s": 36.0}) for k in range(done)]
    if done == made.train.epochs:
        records.append(Result(right, images, 4_587_372, done - 1, n=done + 1))
        save_trace(Trace(header, tuple(records)), folder / "trace.jsonl.gz")
    else:
        items = record(iter((header, *records)), folder / "trace.jsonl")
        for _ in range(done + 1):
            next(items)
        items.close()
    return folder


def placed(*folders):
    runs, damaged = read_runs(folders)
    assert not damaged
    return sort_runs(runs)


def row(rows, what):
    return next(groups for row, groups in rows.items() if row.what == what)


# ---------------------------------------------------------------- what counts for the paper's table


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_the_wiring_of_a_published_network_is_no_change_of_a_recipe(tmp_path, wiring):
    changes = {"fidelity__skip_wiring": wiring}

    found = placed(made_up(tmp_path / "run", "macro-final", changes=changes))

    assert len(row(found.paper, "ENAS macro")) == 1


def test_the_wiring_by_which_a_network_was_drawn_is_a_change_of_a_recipe(tmp_path):
    space = MacroSpace(24, wiring="code")
    drawn = {"origin": RANDOM, "architecture": space.sample(random.Random(1), 0.4)}
    changes = {"fidelity__skip_wiring": "code"}

    found = placed(made_up(tmp_path / "run", "macro-final", changes=changes, **drawn))

    ((_, why),) = found.others
    assert why == "fidelity.skip_wiring code instead of layer"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("macro-final", "ENAS macro"),
        ("macro-final-released", "ENAS macro"),
        ("macro-final-wide-paper", "ENAS macro, more channels"),
        ("micro-final", "ENAS micro"),
        ("micro-final-cutout", "ENAS micro + CutOut"),
    ],
)
def test_a_full_size_run_on_cifar10_fills_its_row(tmp_path, name, what):
    found = placed(made_up(tmp_path / "run", name, right=9_500))

    (group,) = row(found.paper, what)
    assert group.error == "5.00 ± 0.22 % (1 run, binomial, 10000 images)"
    assert group.cells()[3:6] == [f"published (`enas-{name[:5]}`)", "4.59 M", "CIFAR-10"]
    assert not found.others


def test_a_random_network_fills_the_row_of_guided_random_search_only(tmp_path):
    made_up(tmp_path / "run", architecture=MICRO.space.sample(random.Random(1)), origin=RANDOM)

    found = placed(tmp_path)

    assert len(row(found.paper, "guided random search, micro")) == 1
    assert not row(found.paper, "ENAS micro")


@pytest.mark.parametrize("origin", [{"how": "random"}, {**RANDOM, "skip_rate": 0.5}])
def test_a_random_macro_network_counts_only_with_the_papers_skips(tmp_path, origin):
    drawn = MACRO.space.sample(random.Random(1))
    made_up(tmp_path / "a", "macro-final", architecture=drawn, origin=origin)
    made_up(tmp_path / "b", "macro-final", seed=1, architecture=drawn, origin=RANDOM)

    found = placed(tmp_path)

    assert len(row(found.paper, "guided random search, macro")) == 1
    ((_, why),) = found.others
    assert why == "not known to have skips with probability 0.4"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"train__epochs": 3}, "train.epochs 3 instead of 630"),
        ({"network__layers": 6}, "network.layers 6 instead of 18"),
        ({"train__accumulate": 2}, "train.accumulate 2 instead of 1"),
        ({"fidelity__aux_head": "frozen"}, "fidelity.aux_head frozen instead of trained"),
    ],
)
def test_a_changed_recipe_stands_elsewhere_and_says_what_was_changed(tmp_path, changes, why):
    found = placed(made_up(tmp_path / "run", changes=changes))

    assert not any(found.paper.values())
    assert [told for _, told in found.others] == [why]


def test_how_a_recipe_is_computed_may_be_changed(tmp_path):
    changes = {"compute__threads": 1, "compute__precision": "float32", "keep_steps": 7}

    assert row(placed(made_up(tmp_path / "run", changes=changes)).paper, "ENAS micro")


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": {"name": "cifar10-jpeg", "shape": [3, 32, 32]}},
        {"dataset": {"name": "cifar10", "shape": [3, 16, 16]}},
        {"data": "/somewhere/cifar10"},  # a folder of that name is not the original
        {"images": 10, "right": 10},
    ],
    ids=["copy", "smaller", "folder", "few test images"],
)
def test_other_images_than_cifar10s_own_count_for_no_paper_row(tmp_path, other):
    found = placed(made_up(tmp_path / "run", **other))

    assert not any(found.paper.values())
    assert "not CIFAR-10's own" in found.others[0][1]


def test_an_architecture_given_by_hand_counts_for_no_row(tmp_path):
    drawn = MICRO.space.sample(random.Random(1))
    made_up(tmp_path / "run", architecture=drawn, origin={"how": "published"})  # which it is not

    found = placed(tmp_path)

    assert [why for _, why in found.others] == ["an architecture given by hand"]


def test_a_searched_network_names_its_search(tmp_path):
    drawn = MICRO.space.sample(random.Random(1))
    origin = {"how": "derive", "recipe": "micro-paper", "seed": 3}

    found = placed(made_up(tmp_path / "run", architecture=drawn, origin=origin))

    (group,) = row(found.paper, "ENAS micro")
    assert group.cells()[3] == "searched by `micro-paper` (seed 3)"


# ---------------------------------------------------------------- figures


def test_several_seeds_give_their_mean_and_its_standard_error(tmp_path):
    for seed, right in enumerate((9_600, 9_620, 9_640)):
        made_up(tmp_path / str(seed), seed=seed, right=right)

    (group,) = row(placed(tmp_path).paper, "ENAS micro")

    assert group.error == f"3.80 ± {0.2 / math.sqrt(3):.2f} % (3 runs)"
    assert group.cells()[2] == "0, 1, 2"
    assert group.cells()[8] == "6.3"  # 630 epochs of 36 s


def test_recipes_and_architectures_of_several_kinds_are_never_averaged(tmp_path):
    made_up(tmp_path / "a")
    made_up(tmp_path / "b", "micro-final-paper", seed=1)
    drawn = MICRO.space.sample(random.Random(1))
    made_up(tmp_path / "c", seed=2, architecture=drawn, origin={"how": "derive", "recipe": "x"})

    groups = row(placed(tmp_path).paper, "ENAS micro")

    assert [len(group.runs) for group in groups] == [1, 1, 1]


def test_the_same_seed_again_does_not_make_an_error_bar_smaller(tmp_path):
    made_up(tmp_path / "a", right=9_700, started="2026-01-01T00:00:00+00:00")
    made_up(tmp_path / "b", right=9_600, started="2026-02-01T00:00:00+00:00")

    found = placed(tmp_path)

    (group,) = row(found.paper, "ENAS micro")
    assert group.error.startswith("4.00 ± 0.20 % (1 run,")
    assert [why for _, why in found.others] == ["the same run again; a later one counts"]


def test_a_copy_of_a_run_is_told_once(tmp_path):
    made_up(tmp_path / "runs" / "mine", data="/somewhere/cifar10-jpeg.zip")

    (kept,) = keep([tmp_path / "runs"], tmp_path / "results")

    assert len(read_runs([tmp_path / "runs", tmp_path / "results"])[0]) == 1
    assert sorted(p.name for p in kept.iterdir()) == ["run.json", "trace.jsonl.gz"]
    assert kept.name == "micro-final-published-seed0"
    assert json.loads((kept / "run.json").read_text())["data"] == "cifar10-jpeg.zip"
    assert keep([tmp_path / "runs"], tmp_path / "results") == [kept]


def test_a_run_that_was_killed_before_its_trace_was_packed_counts_and_is_kept(tmp_path):
    folder = made_up(tmp_path / "run")
    plain = gzip.decompress((folder / "trace.jsonl.gz").read_bytes())
    (folder / "trace.jsonl").write_bytes(plain)
    (folder / "trace.jsonl.gz").unlink()

    (kept,) = keep([tmp_path / "run"], tmp_path / "results")

    assert gzip.decompress((kept / "trace.jsonl.gz").read_bytes()) == plain


def test_two_runs_of_one_name_are_kept_side_by_side(tmp_path):
    made_up(tmp_path / "a", right=9_000)
    made_up(tmp_path / "b", right=9_001)

    kept = keep([tmp_path / "a", tmp_path / "b"], tmp_path / "results")

    assert [p.name for p in kept] == [f"micro-final-published-seed0{end}" for end in ("", "-2")]


def test_a_copy_that_was_cut_short_is_no_run(tmp_path):
    made_up(tmp_path / "results" / ".micro-final-published-seed0.half")

    assert read_runs([tmp_path]) == ([], [])


def test_only_finished_runs_are_kept(tmp_path):
    made_up(tmp_path / "run", epochs=2)

    with pytest.raises(ValueError, match="no finished final training in"):
        keep([tmp_path / "run"], tmp_path / "results")


# ---------------------------------------------------------------- the small versions


def test_small_versions_take_any_images_and_say_which(tmp_path):
    small = {"dataset": COPY, "data": "/x/cifar10-jpeg.zip"}
    made_up(tmp_path / "a", "micro-final-cpu", **small)
    drawn = RECIPES["macro-final-cpu"].space.sample(random.Random(1))
    made_up(tmp_path / "b", "macro-final-cpu", architecture=drawn, origin=RANDOM, **small)

    found = placed(tmp_path)

    (group,) = row(found.small, "micro")
    assert group.cells()[5:7] == ["CIFAR-10 (JPEG copy), 16×16 pixels", "CPU, 2 threads"]
    assert len(row(found.small, "guided random search, macro")) == 1


def test_a_recipe_without_a_row_is_an_other_run(tmp_path):
    made_up(tmp_path / "run", "micro-final-tiny", dataset={"name": "digits", "shape": [1, 8, 8]})

    page = render(read_runs([tmp_path])[0], "x")

    assert "## Other runs" in page
    assert "no row of the tables above" in page
    assert "digits, 8×8 pixels" in page


# ---------------------------------------------------------------- folders as they are found


def test_a_run_under_way_says_its_epoch_and_counts_nowhere(tmp_path):
    folder = made_up(tmp_path / "run", epochs=4)
    with (folder / "trace.jsonl").open("a") as file:
        file.write('{"type": "epo')  # being written just now

    runs, damaged = read_runs([tmp_path])
    page = render(runs, "x")

    assert not damaged
    assert f"{folder.as_posix()} (`micro-final`, seed 0), under way: epoch 4 of 630" in page
    assert page.count("not run yet") == len(PAPER) + len(SMALL)


def test_a_search_is_passed_by(tmp_path):
    value = {"recipe": json.loads(json.dumps(dataclasses.asdict(recipe("macro-tiny")))), "seed": 0}
    (tmp_path / "run.json").write_text(json.dumps(value))

    assert read_runs([tmp_path]) == ([], [])


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path):
    assert read_runs([tmp_path / "nothing"]) == ([], [])


def _cut(folder):
    file = folder / "trace.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])


def _other_json(folder, **facts):
    value = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(value | facts))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut, "damaged gzip file"),
        (lambda f: (f / "run.json").write_text("{"), "is left out: "),
        (lambda f: (f / "run.json").write_text("[1]"), "is left out: "),
        (lambda f: _other_json(f, seed="x"), "whole number"),
        (lambda f: _other_json(f, seed=5), "another recipe or seed"),
        (lambda f: _other_json(f, recipe={"name": "x"}), "has the field 'about'"),
    ],
    ids=["trace", "run.json", "list", "seed", "other seed", "recipe"],
)
def test_a_damaged_folder_is_told_in_one_line_and_the_others_are_read(tmp_path, damage, told):
    damage(made_up(tmp_path / "a"))
    made_up(tmp_path / "b", seed=1)

    runs, damaged = read_runs([tmp_path])

    assert [run.seed for run in runs] == [1]
    assert len(damaged) == 1
    assert "\n" not in damaged[0]
    assert damaged[0].startswith(f"{(tmp_path / 'a').as_posix()} is left out: ")
    assert told in damaged[0]


def test_a_run_that_claims_a_larger_recipe_than_its_trace_is_left_out(tmp_path):
    folder = made_up(tmp_path / "run", changes={"train__epochs": 3})
    full = json.loads(json.dumps(dataclasses.asdict(recipe("micro-final"))))
    _other_json(folder, recipe=full)

    assert "another recipe" in read_runs([tmp_path])[1][0]


# ---------------------------------------------------------------- the page


def test_an_empty_ledger_says_of_every_row_what_it_would_take():
    page = render([], "x")

    for line in (*PAPER, *SMALL):
        assert f"| {line.what} |" in page
    on_gpu = r"not run yet: at least [\d.]+ GPU-hours on one NVIDIA H100 \(.*nothing measured\)"
    assert len(re.findall(on_gpu, page)) == len(PAPER)
    assert len(re.findall(r"not run yet: about [\d.]+ hours on two CPU cores", page)) == len(SMALL)
    assert "paper's test error (not ours)" in page


def test_the_papers_figures_are_those_of_its_table():
    assert [row.paper for row in PAPER] == [4.23, 3.87, 3.54, 2.89, 5.86, 6.77]


def test_the_page_in_the_repository_is_what_its_kept_runs_give():
    done = subprocess.run(
        [sys.executable, "-m", "enas_viz", "results", "results", "--out", "RESULTS.md", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert not done.returncode, done.stderr
    assert not done.stderr  # no kept run is damaged


def test_the_command_writes_the_page_and_checks_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up(tmp_path / "runs" / "mine", right=9_700)
    cli.main(["results"])

    told = capsys.readouterr().out
    assert "ENAS micro (paper: 3.54 %): 3.00 ± 0.17 % (1 run, binomial, 10000 images)" in told
    assert "Generated by `enas-viz results --out RESULTS.md`" in Path("RESULTS.md").read_text()
    cli.main(["results", "--check"])
    Path("RESULTS.md").write_text(Path("RESULTS.md").read_text().replace("3.00", "2.00"))
    with pytest.raises(SystemExit) as caught:
        cli.main(["results", "--check"])
    assert caught.value.code == 2
    assert "RESULTS.md is not what the runs give" in capsys.readouterr().err
    assert "2.00" in Path("RESULTS.md").read_text()  # it was only looked at


def test_a_folder_that_is_named_must_be_there(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["results", str(tmp_path / "nothing")])

    assert "is no folder" in capsys.readouterr().err


def test_the_command_keeps_small_copies(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up(tmp_path / "runs" / "mine")
    cli.main(["results", "--keep", "results", "runs/mine"])

    assert Path(capsys.readouterr().out.strip()) == Path("results/micro-final-published-seed0")
    assert (tmp_path / "results" / "micro-final-published-seed0" / "trace.jsonl.gz").exists()
    with pytest.raises(SystemExit):
        cli.main(["results", "--keep", "results", "--check", "runs/mine"])
    assert "--keep writes and --check does not" in capsys.readouterr().err


def test_words_from_a_folder_stay_in_their_cell(tmp_path):
    drawn = MICRO.space.sample(random.Random(1))
    origin = {"how": "derive", "recipe": "x\n| ENAS micro | 1.00 % |", "seed": "a\nb"}
    made_up(tmp_path / "run", architecture=drawn, origin=origin)

    (line,) = (x for x in render(read_runs([tmp_path])[0], "x").splitlines() if "1.00 %" in x)

    assert line.startswith("| ENAS micro | 3.54 % |")
    head = next(x for x in render([], "x").splitlines() if x.startswith("| result"))
    assert line.count(" | ") == head.count(" | ")


def test_no_runs_and_no_folder_for_the_page_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["results"])

    assert "no final training in runs, results yet" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["results", "--out", "nowhere/RESULTS.md"])
    assert "there is no folder 'nowhere' to save 'RESULTS.md' in" in capsys.readouterr().err


def test_the_package_ships_copies_of_the_kept_runs():
    """A new one is copied from `results` to `enas_viz/assets/results`."""
    root = Path(__file__).parents[1]

    def files(folder):
        found = [p for p in (root / folder).glob("*/*") if p.name in ("run.json", *ledger.TRACES)]
        return {p.relative_to(root / folder): p.read_bytes() for p in found}

    assert files("results") == files("enas_viz/assets/results")
    assert len(ledger.kept()) == len(ledger.kept(root / "results"))


# ---------------------------------------------------------------- estimates


@pytest.fixture
def measured(monkeypatch):
    """Makes up measured figures of a recipe; no searches were recorded."""
    table = {}
    monkeypatch.setattr(measured_module, "measured", lambda: table)
    monkeypatch.setattr(measured_module, "searches", dict)

    def write(name, **figures):
        about = {"device": "a CPU", "threads": 1, "date": "2026-01-01", "reward_s": None}
        of = measured_module.shape(RECIPES[name])
        table[name] = {"of": of, "step_kernels": 1000, **about, **figures}

    return write


def test_an_estimate_is_work_over_rate_where_nothing_was_measured(measured):
    work = estimates.count_work(recipe("micro-final"))

    found = estimates.estimate(recipe("micro-final"), estimates.GPU)

    assert work.steps == 630 * 348  # the authors' steps per epoch
    assert work.step_flops == 3 * 2 * 144 * 727_702_560  # published cells, 18 layers
    assert found.hours == pytest.approx(work.flops / 2e13 / 3600)
    assert "multiply-adds by formula" in found.how
    assert "kernels a step not measured" in found.how


def test_measured_figures_take_the_place_of_counted_ones(measured):
    measured("micro-final-cpu", step_s=0.5)

    on_cpu = estimates.estimate(recipe("micro-final-cpu"), estimates.CPU)
    on_gpu = estimates.estimate(recipe("micro-final-cpu"), estimates.GPU)

    steps = recipe("micro-final-cpu").train.epochs * 391
    assert on_cpu.hours == pytest.approx(steps * 0.5 / 3600)
    assert "measured: a CPU, 1 thread, 2026-01-01" in on_cpu.how
    assert on_gpu.hours == pytest.approx(steps * 1000 * 8e-6 / 3600)  # launching outweighs
    assert "1 000 kernels a step, 8 µs each" in on_gpu.how


def test_figures_of_a_recipe_say_nothing_about_a_changed_network(measured):
    measured("micro-final-cpu", step_s=0.5)
    longer = recipe("micro-final-cpu", train__epochs=60)
    wider = recipe("micro-final-cpu", network__filters=24)

    assert estimates.count_work(longer).step_s == 0.5
    assert estimates.count_work(wider).step_s is None


@pytest.fixture
def recorded(measured, monkeypatch):
    """Makes up searches of a recipe that were recorded."""

    def write(name, minutes, of):
        monkeypatch.setattr(
            measured_module, "searches", lambda: {name: {"minutes": minutes, "of": of}}
        )

    return write


def test_recorded_searches_tell_their_own_minutes_but_not_those_of_changed_ones(recorded):
    then = {"train": dataclasses.asdict(recipe("macro-cifar10-cpu").train)}
    recorded("macro-cifar10-cpu", [10, 20], then)

    found = estimates.estimate(recipe("macro-cifar10-cpu"), estimates.CPU)
    longer = estimates.estimate(recipe("macro-cifar10-cpu", train__epochs=71), estimates.CPU)

    assert found.hours == 0.25
    assert found.how == "2 recorded runs took 15 minutes on average"
    assert "multiply-adds by formula" in longer.how
    other = recipe("macro-cifar10-cpu", fidelity="paper")
    assert "multiply-adds by formula" in estimates.estimate(other, estimates.CPU).how


def test_recorded_searches_say_nothing_of_a_newer_field_that_is_set(recorded):
    data = dataclasses.asdict(recipe("macro-cifar10-cpu").data)
    del data["flip"]  # as if it were a newer field, which is true by default
    recorded("macro-cifar10-cpu", [10], {"data": data})

    found = estimates.estimate(recipe("macro-cifar10-cpu"), estimates.CPU)
    changed = estimates.estimate(recipe("macro-cifar10-cpu", data__flip=False), estimates.CPU)

    assert found.how == "1 recorded run took 10 minutes on average"
    assert "multiply-adds by formula" in changed.how


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_an_estimate_and_a_size(name):
    for device in (estimates.CPU, estimates.GPU):
        assert 0 < estimates.estimate(recipe(name), device).hours < 1e5
    assert 2**20 < estimates.disk_bytes(recipe(name)) < 2**31


@pytest.mark.parametrize(
    ("hours", "told"), [(0, "0"), (0.0344, "0.034"), (0.99, "0.99"), (5.64, "5.6"), (123.4, "120")]
)
def test_hours_are_told_with_two_digits(hours, told):
    assert estimates.tell_hours(hours) == told


@pytest.mark.parametrize(
    ("hours", "told"),
    [(0.00073, "2.6 seconds"), (0.134, "8.0 minutes"), (5.64, "5.6 hours"), (5640, "5600 hours")],
)
def test_times_are_told_in_the_unit_that_suits_them(hours, told):
    assert estimates.tell_time(hours) == told


def test_a_row_of_the_ledger_names_recipes_that_exist():
    assert all(name in RECIPES for row in (*PAPER, *SMALL) for name in row.recipes)
