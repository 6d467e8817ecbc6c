"""Rankings of candidates and single architectures as JSON files, written and read.

A ranking is what `enas-viz derive` keeps and `enas-viz train --arch` reads. Not here: how
candidates come to their accuracies (`search/candidates.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from enas_viz.files import write_text
from enas_viz.recipes import Recipe
from enas_viz.space import Architecture

LARGEST = 16 * 2**20  # bytes of a file that is read: a thousand networks of 100 layers are less


def write_ranking(
    path: Path,
    found: Sequence[Any],
    recipe: Recipe,
    seed: int,
    batches: int = 0,
    bn: str | None = None,
) -> dict[str, Any]:
    """Keeps candidates, best first, and how they were scored; returns what the file holds.

    found: `search.candidates.Candidate`s. recipe, seed: of their search.
    """
    ranking = {
        "recipe": recipe.name,
        "seed": seed,
        "images": found[0].images,
        "batches": batches,
        "bn": bn or recipe.fidelity.reward_bn,
        "candidates": [
            {
                "architecture": c.architecture.to_json(),
                "flat": c.architecture.flat,
                "accuracy": c.accuracy,
                "standard_error": c.standard_error,
                "p_value": c.p_value,
                "log_probability": c.log_probability,
            }
            for c in found
        ],
    }
    write_text(path, json.dumps(ranking, indent=1, allow_nan=False) + "\n")
    return ranking


def read_architecture(path: Path) -> tuple[Architecture, dict[str, Any]]:
    """The first of a ranking, or the one architecture of a file, and where it comes from.

    Raises ValueError, naming the file, when it is neither.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no regular file")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST // 2**20} MB")
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and "candidates" in value:
            architecture = Architecture.from_json(value["candidates"][0]["architecture"])
            search = {"recipe": str(value.get("recipe")), "seed": value.get("seed")}
            return architecture, {"how": "derive", **search}
        return Architecture.from_json(value), {"how": "given"}
    except FileNotFoundError:
        raise ValueError(
            f"no file {path}; `enas-viz derive FOLDER` makes one, or name an architecture in "
            f"another way (enas-macro, enas-micro, a list of numbers, random)"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValueError(
            f"{path} holds neither an architecture nor a ranking made by `enas-viz derive`: "
            f"{type(error).__name__}: {str(error)[:200]}"
        ) from None
