"""The terms of a run: what a caller asks for, as a run's folder and its trace can hold it.

One rule: whatever goes into `run.json` or a trace's header reads back as what it was. Whole numbers
of numpy or torch become Python's, a path becomes text; everything else that JSON would change or
not hold is refused before anything is made, in a sentence that names the argument.

Not here: recipes (`recipes.check`), data sets (`data.py`), what is done with a run (`strategies`).
"""

from __future__ import annotations

import hashlib
import json
import numbers
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import torch

from enas_viz.recipes import Recipe, check
from enas_viz.records.trace import Header, check_plain, header_from_json
from enas_viz.search.asked import of_kind, whole
from enas_viz.search.training.data import Data, DataError
from enas_viz.spaces import Architecture, Space

LARGEST_SEED = 2**64 - 1


def recipe_of(value: Any) -> Recipe:
    """The recipe of a run, checked. TypeError for anything else."""
    if not isinstance(value, Recipe):
        hint = f"; enas_viz.recipe({value!r}) looks one up" if isinstance(value, str) else ""
        raise TypeError(f"a run takes a Recipe; got {shortened(value)}{hint}")
    check(value)
    return value


def architecture_of(value: Any) -> Architecture:
    """The architecture that a training trains. TypeError for anything else."""
    return of_kind(value, Architecture, "an Architecture, such as decode(...).architecture")


PARTS = {"net": "shared weights", "controller": "a controller"}  # that not every search has


def search_of(value: Any, *parts: str) -> Any:
    """A search, running or restored. TypeError for anything else, a final training included.

    parts: what it must have, of `PARTS`; ValueError when it has not.
    """
    if not all(hasattr(value, name) for name in ("recipe", "data", "strategy", "judge", "seed")):
        raise TypeError(
            f"expected a search, such as search.restore(folder) gives; got {shortened(value)}"
        )
    for part in parts:
        if not hasattr(value, part):
            raise ValueError(
                f"this takes a search with {PARTS[part]}; this one's strategy is "
                f"{value.recipe.strategy!r} and its judge {value.recipe.judge.name!r}"
            )
    return value


def architectures_of(values: Any, space: Space) -> list[Architecture]:
    """Architectures of `space`. TypeError or ValueError for anything else."""
    if isinstance(values, Architecture | str) or not isinstance(values, Iterable):
        raise TypeError(f"expected a list of architectures; got {shortened(values)}")
    made = list(values)
    for value in made:
        if not isinstance(value, Architecture):
            raise TypeError(f"expected an Architecture; got {shortened(value)}")
        if value.space != space:
            raise ValueError(f"the search is over {space}; got an architecture of {value.space}")
    return made


def seed_of(value: Any) -> int:
    """A seed as a whole number of Python."""
    return whole(value, "a seed", 0, LARGEST_SEED)


def device_of(value: Any) -> str:
    """The name of a device. TypeError for anything but text and a torch.device."""
    if not isinstance(value, str | torch.device):
        raise TypeError(
            f"a device is a name such as 'auto', 'cpu' or 'cuda'; got {shortened(value)}"
        )
    return str(value)


def data_of(value: Any) -> Data | Path | None:
    """Where images come from. TypeError for anything but a path, `Data` and None.

    `Data` that do not say what their images are get a checksum, so that a run which goes on with
    others is noticed.
    """
    if value is None:
        return value
    if isinstance(value, Data):
        _check_images(value)
        return value if value.checksum else replace(value, checksum=_checksum(value))
    return _path("data", value, "a folder or zip of images, or what search.load_data gives")


def folder_of(value: Any) -> Path:
    """The folder of a run, `~` being the home folder. TypeError for anything but a path."""
    path = _path("folder", value, "the path of a run's folder")
    try:
        return path.expanduser()
    except RuntimeError:  # another user's, who is not known
        raise ValueError(f"folder {str(path)!r}: there is no such home folder") from None


def seconds_of(value: Any) -> float:
    """Seconds between two checkpoints; infinity for none but the last."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"checkpoint_every is a number of seconds; got {shortened(value)}")
    if not value >= 0:  # which NaN is not, either
        raise ValueError(f"checkpoint_every must be 0 or greater; got {value}")
    return float(value)


def plain(what: str, value: Any) -> Any:
    """`value` as JSON gives it back: numpy's numbers as Python's, tuples as lists.

    Raises ValueError, naming `what`, for what JSON cannot hold or a reader would refuse.
    """
    try:
        made = json.loads(json.dumps(value, allow_nan=False, default=_number))
        check_plain(made)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{what} must be plain JSON (objects, lists, text, finite numbers): {error}"
        ) from None
    return made


def header_of(header: Header) -> Header:
    """A header as its trace will give it back, so that no run makes a trace nobody can read.

    Half letters, as in the bytes of a file's name that are no UTF-8, become U+FFFD. Raises
    ValueError for whatever else its reader would refuse.
    """
    whole = replace(
        header, dataset=_whole_letters(header.dataset), device=_whole_letters(header.device)
    )
    told = plain("a trace's header", {"n": 0, **whole.to_json()})
    header_from_json(told, "the trace of this run")
    return whole


def _check_images(data: Data) -> None:
    """Refuses images in memory that no network could be trained on, naming what is wrong.

    `Data` and `Split` have seen to it that images and labels are of the right kind and shape.
    """
    count, channels = len(data.classes), data.channels
    if count < 2 or len(set(data.classes)) < count:
        raise DataError(
            f"data must have at least 2 classes, each with a name of its own; got "
            f"{shortened(list(data.classes))}"
        )
    if not len(data.train):
        raise DataError("data.train holds no images")
    for name, values in (("mean", data.mean), ("std", data.std)):
        if values.shape != (channels,) or not bool(values.isfinite().all()):
            raise DataError(f"data.{name} must be {channels} finite numbers, one a channel")
    if not bool((data.std > 0).all()):
        raise DataError(f"data.std must be greater than 0; got {data.std.tolist()}")


def _checksum(data: Data) -> str:
    """SHA-256 over images and labels of both parts, shortened as for images from files."""
    summed = hashlib.sha256()
    for part in (data.train, data.valid):
        for values in (part.images, part.labels):
            summed.update(repr(tuple(values.shape)).encode())
            summed.update(values.cpu().contiguous().numpy().tobytes())
    return summed.hexdigest()[:16]


def _path(what: str, value: Any, expected: str) -> Path:
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{what} must be {expected}; got {shortened(value)}")
    if not os.fspath(value) or "\0" in os.fspath(value):
        refusal = DataError if what == "data" else ValueError
        raise refusal(f"{what} must be {expected}; got {shortened(os.fspath(value))}")
    return Path(value)


def _whole_letters(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {_whole_letters(k): _whole_letters(v) for k, v in value.items()}
    return [_whole_letters(v) for v in value] if isinstance(value, list | tuple) else value


def _number(value: Any) -> int | float:
    """A number of numpy or torch as one of Python."""
    kinds: tuple[tuple[type, Callable[[Any], Any]], ...] = (
        (numbers.Integral, int),
        (numbers.Real, float),
    )
    for kind, convert in kinds:
        if isinstance(value, kind):
            return convert(value)
    raise TypeError(f"{shortened(value)} is none of them")
