"""Rankings of candidates and single architectures as JSON files, written and read.

A ranking is what `enas-viz derive` keeps and `enas-viz train --arch` reads. Not here:
scoring candidates (`search/candidates.py`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.recipes import Recipe
from enas_viz.records.files import write_text
from enas_viz.spaces import Architecture

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

    found: `search.candidates.Candidate`s. recipe, seed: of their search. The images that it ran on
    are kept as the candidates know them; None where they do not.
    """
    ranking = {
        "recipe": recipe.name,
        "seed": seed,
        "data": found[0].origin.get("data"),
        "images": found[0].images,
        "batches": batches,
        "bn": bn or recipe.fidelity.reward_bn,
        # what is out of the ordinary: other code than ours, a search that was not finished
        **{k: v for k, v in found[0].origin.items() if k in ("made_by", "unfinished")},
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


def read_architecture(path: str | Path) -> tuple[Architecture, dict[str, Any]]:
    """The first of a ranking, or the one architecture of a file, and where it comes from.

    Raises ValueError, naming the file, when it is neither.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no regular file")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST // 2**20} MB")
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and "candidates" in value:
            architecture = Architecture.from_json(value["candidates"][0]["architecture"])
            origin: dict[str, Any] = {"how": "derive", "recipe": str(value.get("recipe"))}
            origin["seed"] = value.get("seed")
            if isinstance(value.get("data"), dict):  # rankings of older versions do not tell it
                origin["data"] = value["data"]
            for name, kind in (("made_by", dict), ("unfinished", str)):
                if isinstance(value.get(name), kind):
                    origin[name] = value[name]
            return architecture, origin
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


# ---------------------------------------------------------------- the same images


def check_same_data(
    found_on: dict[str, Any] | None, now: dict[str, Any], other_data: str | None = None
) -> None:
    """Raises ValueError when an architecture was found on other data than it is trained on.

    found_on, now: facts of the images, as `search.data.Data.facts` gives them; what one of the two
    does not tell is not compared. other_data: the name of the data that it is trained on all the
    same; ValueError when that is not their name.
    """
    for facts in (found_on or {}, now):
        _check_facts(facts)
    if other_data is not None and other_data != now.get("name"):
        raise ValueError(
            f"the other data were named {other_data!r}, but the training is on {now.get('name')!r}"
        )
    differences = data_differences(found_on or {}, now)
    if differences and other_data is None:
        source, name = (found_on or {}).get("source"), str(now.get("name"))
        where = f"--data {shlex.quote(source)}, or " if source else ""
        raise ValueError(
            f"the architecture was found on other data than it is trained on here: "
            f"{'; '.join(differences)}. Train it on the data of its search ({where}`enas-viz train "
            f"--from RUN`), or name the data that are meant: --other-data {shlex.quote(name)}, in "
            f"Python other_data={name!r}"
        )


def _check_facts(facts: dict[str, Any]) -> None:
    """Raises ValueError when facts of images cannot be: a file of them was changed by hand."""
    kinds = {"name": str, "source": str, "content": str, "fit": str, "classes": list, "shape": list}
    for name, kind in kinds.items():
        if not isinstance(facts.get(name), kind | None):
            raise ValueError(
                f"{name} of the data of a ranking or run must be a {kind.__name__}; got "
                f"{shortened(facts[name])}"
            )
    shape = facts.get("shape") or [1, 1, 1]
    if len(shape) != 3 or not all(type(side) is int for side in shape):
        raise ValueError(
            f"shape of the data of a ranking or run must be channels, height and width; got "
            f"{shortened(shape)}"
        )


def data_differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In what two sets of images differ, in words; equal images under another name do not."""

    def differ(key: str) -> bool:
        return bool(then.get(key)) and bool(now.get(key)) and then[key] != now[key]

    told = []
    if differ("shape"):
        told.append(f"{_size(now['shape'])} instead of {_size(then['shape'])}")
    if differ("classes"):
        told.append(f"{_classes(now['classes'])} instead of {_classes(then['classes'])}")
    if differ("fit"):
        told.append(f"data.fit {now['fit']} instead of {then['fit']}")
    known = bool(then.get("content")) and bool(now.get("content"))
    if differ("content") and not told:
        told.append("images with another content")
    if differ("name") and (told or not known):
        told.insert(0, f"{now['name']!r} instead of {then['name']!r}")
    return told


def _size(shape: Sequence[int]) -> str:
    """`8×8 pixels in 1 channel`, of (channels, height, width)."""
    channels, height, width = shape
    return f"{height}×{width} pixels in {channels} channel{'' if channels == 1 else 's'}"


def _classes(names: Sequence[str]) -> str:
    listed = ", ".join(map(str, names[:4])) + (", ..." if len(names) > 4 else "")
    return f"{len(names)} classes ({listed})"
