"""Short runs of every recipe that searches give what they gave before strategies were a seam."""

import json
import sys
from pathlib import Path

import pytest

from enas_viz.recipes import RECIPES

HERE = Path(__file__).parents[1]
KEPT = json.loads((HERE / "golden" / "short_runs.json").read_text())


@pytest.fixture
def short_run(monkeypatch):
    monkeypatch.syspath_prepend(HERE.parent / "tools")
    import short_runs

    yield short_runs.short_run
    sys.modules.pop("short_runs")


def test_every_recipe_that_searches_has_a_short_run():
    assert KEPT.keys() == {name for name, made in RECIPES.items() if made.strategy == "enas"}


@pytest.mark.parametrize("name", KEPT)
def test_a_short_run_chooses_the_same_networks_and_has_nearly_the_same_losses(short_run, name):
    found, kept = short_run(name), KEPT[name]

    assert found["architectures"] == kept["architectures"]
    for what in ("losses", "rewards", "log_probabilities"):
        assert found[what] == pytest.approx(kept[what], abs=1e-4 if what == "losses" else 1e-2)
