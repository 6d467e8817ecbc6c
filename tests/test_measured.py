"""What recipes need, as measured: a row counts for the recipe that was measured, and is told."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from enas_viz import estimates
from enas_viz import measured as module
from enas_viz.cli.looking import recipes_command
from enas_viz.measured import measured, row, shape, tell_demo
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
