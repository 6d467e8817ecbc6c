"""What recipes were measured to need on a CPU: memory, and seconds of a step, from `measured.json`.

The table is made by `tools/measure_recipes.py`; nothing is measured here, and no torch is needed.
A row counts for every recipe whose steps are those that were measured (`shape`), with CutOut or
without.

Leaves to others: hours of a whole recipe, and other devices (`estimates.py`).
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

from enas_viz.recipes import Recipe

TABLE = Path(__file__).parent / "measured.json"


@cache
def measured() -> dict[str, dict[str, Any]]:
    """Rows by the recipe's name; a recipe that nobody measured has none.

    memory_mb: of the whole process. step_s, reward_s: CPU-seconds of one thread. These are None
    where a step was only counted. step_kernels, reward_kernels: started one after the other. of:
    the `shape` that was measured.
    """
    return json.loads(TABLE.read_text(encoding="utf-8"))["recipes"]


def shape(recipe: Recipe) -> dict[str, Any]:
    """What decides the cost of one step, as JSON."""
    reward = recipe.controller.reward_images if recipe.strategy == "enas" else 0
    return {
        "network": dataclasses.asdict(recipe.network),
        "fidelity": dataclasses.asdict(recipe.fidelity),
        "batch_size": recipe.train.batch_size,
        "resolution": recipe.data.resolution,
        "reward_images": reward,
    }


def row(recipe: Recipe) -> dict[str, Any] | None:
    """The measured row of a recipe, or of another with the same steps; None where there is none."""
    found, of = measured(), shape(recipe)
    searches = recipe.strategy == "enas"
    rows = [found[recipe.name]] if recipe.name in found else []
    rows += found.values()
    same = (r for r in rows if r["of"] == of and ("reward_kernels" in r) == searches)
    return next(same, None)
