"""Checkpoints: tensors and facts in one safetensors file, written whole or not at all.

A checkpoint is taken between two minibatches and says how many records precede it. Randomness has
no state, so a position is enough to go on. Two are kept: when the newer one was taken after
records that never reached the trace, the older one serves. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FORMAT = 1
KEPT = 2
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says which and why."""


def write(folder: Path, serial: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
    """Writes checkpoint number `serial` and removes all but the newest two.

    facts: JSON-able. The file appears under its name only once it is complete on disk.
    """
    path = folder / f"checkpoint-{serial:09d}.safetensors"
    half = path.with_name(path.name + ".half")
    payload = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        {"enas_viz": json.dumps({"format": FORMAT, **facts}, allow_nan=False)},
    )
    with half.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    for old in found(folder)[KEPT:]:
        old.unlink()
    return path


def found(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first: by number, as a long run has longer ones."""
    serials = {p: int(name[1]) for p in folder.iterdir() if (name := _NAME.fullmatch(p.name))}
    return sorted(serials, key=serials.get, reverse=True)


def read(path: Path, facts_only: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, facts) of a checkpoint. Raises CheckpointError when it cannot be read.

    facts_only: leave the tensors where they are, to look quickly at a large one.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["enas_viz"])
            names = () if facts_only else file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is no enas_viz checkpoint or is damaged: {error}") from None
    if facts["format"] > FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {facts['format']}, this enas_viz reads up to {FORMAT}; "
            f"a newer enas_viz reads it (pip install -U enas-viz)"
        )
    return tensors, facts
