"""Checkpoints: tensors and facts in one safetensors file, written whole or not at all.

A checkpoint is taken between two minibatches and says how many records precede it. Randomness has
no state, so a position is enough to go on. Two are kept: when the newer one was taken after
records that never reached the trace, or is damaged, the older one serves. Nothing is pickled.

Format 2 adds a SHA-256 over all that is read back, so that a single flipped bit is noticed; files
of format 1, which have none, are still read.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from enas_viz.records.files import remove_halves, written

FORMAT = 2
KEPT = 2
MOST_HEADER = 100_000_000  # bytes: what safetensors itself reads; 6 500 tensors take 1 MB
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says which and why."""


def write(folder: Path, serial: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
    """Writes checkpoint number `serial` and removes all but it and the one before it.

    facts: JSON-able. The file appears under its name only once it is complete on disk. Those with
    a higher number go, too: the run went back behind them, and they must not outlive newer ones.
    """
    path = folder / f"checkpoint-{serial:09d}.safetensors"
    remove_halves(folder, "checkpoint-")  # in the way on a full disk
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    told = json.dumps({"format": FORMAT, **facts}, allow_nan=False)
    payload = save(tensors, {"enas_viz": told, "sha256": checksum(tensors, told)})
    with written(path) as file:
        file.write(payload)
    there = found(folder)
    place = there.index(path)
    for other in there[:place] + there[place + KEPT :]:
        if not other.is_dir():
            other.unlink()
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
        _check_header_size(path)
        with safe_open(path, "pt") as file:
            kept = file.metadata() or {}
            facts = _facts(kept, path)
            names = () if facts_only else file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is no enas_viz checkpoint or is damaged: {error}") from None
    if facts_only or facts["format"] == 1:
        return tensors, facts
    if kept.get("sha256") != checksum(tensors, kept["enas_viz"]):
        raise CheckpointError(
            f"{path} is damaged: its content is not what was written (the checksums differ)"
        )
    return tensors, facts


def checksum(tensors: dict[str, Tensor], told: str) -> str:
    """SHA-256 over every tensor's name, dtype, shape and bytes, and the facts as they are told."""
    summed = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        head = json.dumps([name, str(tensor.dtype), list(tensor.shape)], allow_nan=False).encode()
        summed.update(len(head).to_bytes(8, "little") + head)
        summed.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    summed.update(told.encode())
    return summed.hexdigest()


def _check_header_size(path: Path) -> None:
    """Refuses a header that is longer than its file or than any of ours, before it is read."""
    if not path.is_file():
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    most = min(MOST_HEADER, path.stat().st_size - 8)
    if size > most:
        raise ValueError(f"its header says that it has {size} bytes; at most {most} are possible")


def _facts(kept: dict[str, str], path: Path) -> dict[str, Any]:
    facts = json.loads(kept["enas_viz"])
    number = facts.get("format") if isinstance(facts, dict) else None
    if type(number) is not int or number < 1:
        raise ValueError(f"its facts name no format; got {number!r}")
    if number > FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {number}, this enas_viz reads up to {FORMAT}; "
            f"a newer enas_viz reads it (pip install -U enas-viz)"
        )
    return facts
