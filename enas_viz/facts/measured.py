"""What was measured on a CPU, from `measured.json`: memory, seconds of a step, searches, demo.

`tools/measure_recipes.py`, `tools/measure_demo.py` and `tools/measure_policy.py` write the table;
nothing is measured here, and no torch is needed. A row of a recipe counts for every recipe whose
steps are those that were measured (`shape`), with CutOut or without. How long the demo takes is
told by `tell_demo` only: README and notebook 00 repeat it.

Not here: hours of a whole recipe, and other devices (`estimates.py`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from enas_viz.recipes import IN_USE, Fidelity, NetworkConfig, Recipe, as_json

TABLE = Path(__file__).parent / "measured.json"


@cache
def _table() -> dict[str, dict[str, Any]]:
    return json.loads(TABLE.read_text(encoding="utf-8"))


def measured() -> dict[str, dict[str, Any]]:
    """Rows by the recipe's name; a recipe that was not measured has none.

    memory_mb: of the whole process. step_s, reward_s: CPU-seconds of one thread. These are None
    where a step was only counted. step_kernels, reward_kernels: started one after the other. of:
    the `shape` that was measured.
    """
    return _table()["recipes"]


def searches() -> dict[str, dict[str, Any]]:
    """Whole searches that were run, by the recipe's name: minutes of each, date, and of which
    data, network, controller and training. `tools/measure_policy.py` writes them."""
    return _table()["searches"]


def tell_demo(space: str) -> str:
    """How long the demo takes, and where that was measured, as a part of a sentence; "" where it
    was not measured."""
    of = _table()["demo"].get(space)
    if of is None:
        return ""
    return f"about {of['cpu_minutes']:.1f} minutes on one free core ({of['device']}, {of['date']})"


def shape(recipe: Recipe) -> dict[str, Any]:
    """What decides the cost of one step, as JSON."""
    reward = recipe.controller.reward_images if recipe.searches else 0
    return {
        "network": as_json(recipe.network),
        "fidelity": as_json(recipe.fidelity),
        "batch_size": recipe.train.batch_size,
        "resolution": recipe.data.resolution,
        "reward_images": reward,
    }


def row(recipe: Recipe) -> dict[str, Any] | None:
    """The measured row of a recipe, or of another with the same steps; None where there is none.

    A field that the program did not have when a row was recorded counts with its default. Fields of
    fidelity that this kind of run does not read do not count.
    """
    rows_by_name, of = measured(), _comparable(shape(recipe), recipe.kind)
    searches = recipe.searches
    rows = [rows_by_name[recipe.name]] if recipe.name in rows_by_name else []
    rows += rows_by_name.values()
    same = (
        r
        for r in rows
        if ("reward_kernels" in r) == searches and _comparable(r["of"], recipe.kind) == of
    )
    return next(same, None)


def _comparable(of: dict[str, Any], kind: str) -> dict[str, Any]:
    """A `shape` with its missing fields filled in, without the fidelity that `kind` ignores."""
    fidelity = as_json(Fidelity()) | of["fidelity"]
    return of | {
        "network": as_json(NetworkConfig()) | of["network"],
        "fidelity": {k: v for k, v in fidelity.items() if k in IN_USE[kind]},
    }
