"""What recipes need, as measured: the table fits the recipes and is told beside them."""

import pytest

from enas_viz.cli import recipes_command
from enas_viz.measured import measured, told
from enas_viz.recipes import RECIPES


@pytest.mark.parametrize("name", measured())
def test_a_measured_row_is_of_a_recipe_as_it_is_and_says_where_and_when(name):
    row, made = measured()[name], RECIPES[name]

    assert row["memory_mb"] > 100
    assert row["hours"] > 0
    assert row["steps"] % made.train.epochs == 0
    assert row["rewards"] == (
        made.train.epochs * made.controller.updates * made.controller.samples
        if made.strategy == "enas"
        else 0
    )
    assert {"device", "date", "threads", "torch", "load"} <= row.keys()


def test_hours_are_those_of_all_steps_and_rewards():
    for row in measured().values():
        seconds = row["steps"] * row["step_s"] + row["rewards"] * (row["reward_s"] or 0)
        assert row["hours"] == pytest.approx(seconds / 3600, rel=0.02)


def test_recipes_are_listed_with_what_they_need(capsys):
    recipes_command([])

    listed = capsys.readouterr().out
    assert told("macro-tiny") in listed
    assert "MB of memory" in told("macro-tiny")
    assert told("a name that nobody measured") == ""
