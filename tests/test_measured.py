"""What recipes need, as measured: a row counts for the recipe that was measured, and is told."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import enas_viz
from enas_viz.cli.looking import recipes_command
from enas_viz.facts import estimates
from enas_viz.facts import measured as module
from enas_viz.facts.measured import measured, row, shape, tell_demo
from enas_viz.recipes import IN_USE, RECIPES, Fidelity, change, recipe

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


@pytest.mark.parametrize("name", measured())
def test_a_measured_row_says_what_it_found_where_and_when(name):
    found = measured()[name]

    assert name in RECIPES
    assert found["step_kernels"] > 100
    assert {"of", "date", "torch", "memory_mb", "step_s", "reward_s"} <= found.keys()
    if found["step_s"] is not None:
        assert found["step_s"] > 0
        assert found["memory_mb"] > 100
        assert {"device", "threads", "load"} <= found.keys()


def test_a_row_counts_only_for_the_steps_that_were_measured():
    made = RECIPES["macro-tiny"]

    assert row(made) == measured()["macro-tiny"]
    assert row(change(made, train__epochs=3)) == measured()["macro-tiny"]
    assert row(change(made, network__filters=20)) is None
    assert row(change(made, train__batch_size=20)) is None


def test_a_row_counts_for_another_recipe_with_the_same_steps():
    made = recipe("micro-final-cpu", name="mine", train__epochs=99)

    assert row(made) == measured()["micro-final-cpu"]


@pytest.mark.parametrize("part", ["fidelity", "network"])
def test_a_row_recorded_before_a_field_existed_counts_where_the_field_has_its_default(
    part, monkeypatch
):
    made = RECIPES["macro-tiny"]
    for field in fields(getattr(made, part)):
        default = field.default == getattr(getattr(made, part), field.name)
        if field.name == "space" or (part == "fidelity" and field.name not in IN_USE[made.kind]):
            continue
        of = shape(made)
        of[part] = {k: v for k, v in of[part].items() if k != field.name}
        old = {"macro-tiny": {"of": of, "reward_kernels": 1}}
        monkeypatch.setattr(module, "measured", lambda old=old: old)

        assert (row(made) == old["macro-tiny"]) == default


def test_a_row_that_was_written_and_read_is_the_one_of_its_recipe(monkeypatch):
    made = change(recipe("macro-tiny"), network__ops=("conv3x3", "max3x3"))
    kept = measured()["macro-tiny"] | {"of": json.loads(json.dumps(shape(made)))}
    monkeypatch.setattr(module, "measured", lambda: {"macro-tiny": kept})

    assert row(made) is kept
    assert row(recipe("macro-tiny")) is None


def test_fidelity_that_a_run_does_not_read_does_not_lose_it_its_row():
    made = RECIPES["macro-final-tiny"]
    assert "op_prior" not in IN_USE[made.kind]

    assert row(change(made, fidelity=Fidelity(op_prior="none"))) == measured()[made.name]
    assert row(change(made, fidelity__cutout="corner")) is None


def test_recipes_are_listed_with_what_they_need(capsys):
    recipes_command([])

    listed = capsys.readouterr().out
    for made in RECIPES.values():
        assert estimates.needs(made) in listed
    assert "MB of memory (measured 20" in estimates.needs(recipe("macro-tiny"))
    on_gpu = "at least 5.6 hours on one NVIDIA H100 (assumed speed, nothing measured); about "
    assert estimates.needs(recipe("macro-final")).startswith(on_gpu)
    assert "H100" not in estimates.needs(recipe("macro-cifar10-cpu"))
    wider = recipe("macro-tiny", network__filters=20)
    assert "estimated" in estimates.needs(wider)


@pytest.mark.parametrize("space", ["macro"])
def test_the_demo_promises_the_time_that_was_measured_and_names_the_machine(space):
    kept = json.loads((RESULTS / f"demo-{space}.json").read_text())

    told = tell_demo(space)

    assert told.startswith(f"about {kept['cpu_minutes']:.1f} minutes on one free core")
    assert kept["device"] in told
    assert kept["date"] in told
    assert {"seed", "recipe", "digest", "versions", "load", "threads"} <= kept.keys()


def test_a_demo_that_was_not_measured_promises_no_time(monkeypatch):
    monkeypatch.setattr(module, "_table", lambda: {"demo": {}})

    assert tell_demo("macro") == ""


def test_every_recipe_has_a_measured_row():
    lost = [name for name, made in RECIPES.items() if row(made) is None]

    assert lost == []  # else: python tools/measure_recipes.py NAME, or --count for a large one


def test_recorded_searches_are_those_of_the_kept_measurements():
    for name, found in module.searches().items():
        kept = json.loads((RESULTS / f"{name}.json").read_text())
        quiet = [row["minutes"] for row in kept["rows"] if not row.get("busy")]
        assert found["minutes"] == quiet  # what took longer beside other programs says nothing
        assert found["of"].items() <= kept["recipe"].items()


def test_a_copy_of_the_package_elsewhere_answers_the_same(tmp_path):
    package = Path(enas_viz.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "enas_viz", ignore=ignored)
    code = (
        "import sys; from enas_viz.facts import estimates, measured; "
        "from enas_viz.results import ledger; "
        "from enas_viz.recipes import RECIPES; "
        "print([(n, estimates.needs(r), estimates.estimate(r, estimates.CPU).how) "
        "for n, r in RECIPES.items()]); "
        "print([(run.recipe.name, run.error) for run in ledger.kept()]); "
        "print(measured.tell_demo('macro')); print(estimates.__file__, file=sys.stderr)"
    )
    told = []
    for place in (package.parent, tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(place), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.strip() == str(place / "enas_viz" / "facts" / "estimates.py")
        told.append(done.stdout)

    assert told[0] == told[1]


def test_no_module_reads_what_is_beside_the_package():
    package = Path(enas_viz.__file__).parent
    beside = re.compile(r"__file__\)(\.resolve\(\))?(\.parent){2}|__file__\)\.parents")

    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if beside.search(path.read_text(encoding="utf-8"))
        and path.parent == package  # from a room below, the package's own folder is meant
    }

    assert found == set()
