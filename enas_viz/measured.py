"""What recipes were measured to need on a CPU: memory and hours, from `measured.json`.

The table is made by `tools/measure_recipes.py`; nothing is measured here, and no torch is needed.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "measured.json"


@cache
def measured() -> dict[str, dict[str, Any]]:
    """Rows by the recipe's name; a recipe that nobody measured has none.

    memory_mb: of the whole process. hours: CPU-hours of one thread for the whole recipe.
    """
    return json.loads(TABLE.read_text(encoding="utf-8"))["recipes"]


def told(name: str) -> str:
    """One line about a recipe: hours, memory, on what and when; empty when it was not measured."""
    row = measured().get(name)
    if row is None:
        return ""
    hours = row["hours"]
    long = f"{hours:.3g} hours" if hours >= 1 else f"{60 * hours:.2g} minutes"
    return (
        f"{long} on one thread of {row['device']}, {row['memory_mb']} MB of memory "
        f"(measured {row['date']})"
    )
