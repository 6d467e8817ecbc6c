"""Draws of a search, as tensors: each keyed by what it is for, and where in the search.

Not here: the keys and their generators (`keys.py`), which need no torch.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from enas_viz.keys import STREAMS, generator

__all__ = ["STREAMS", "dropout_mask", "generator", "put", "torch_generator", "uniforms"]


def uniforms(
    seed: int, stream: str, epoch: int, step: int, samples: Iterable[int], width: int
) -> Tensor:
    """One row of `width` uniform numbers in [0, 1) for each sample, each row by its own key."""
    rows = [
        generator(seed, stream, epoch, step, s).random(width, dtype=np.float32) for s in samples
    ]
    return torch.from_numpy(np.stack(rows)) if rows else torch.empty(0, width)


def dropout_mask(
    shape: tuple[int, ...], keep: float, rng: np.random.Generator, device: torch.device
) -> Tensor | None:
    """What to multiply by: 1/keep where a value stays, 0 where it drops. None when all stay."""
    if keep >= 1:
        return None
    stays = rng.random(shape, dtype=np.float32) < keep
    return put(stays.astype(np.float32) / keep, device)


def put(numbers: np.ndarray, device: torch.device) -> Tensor:
    """Drawn numbers on `device`, without waiting for what it is still computing.

    CUDA copies while the host goes on only from pinned memory, so the numbers are laid there first.
    """
    made = torch.from_numpy(numbers)
    if device.type == "cuda":
        made = made.pin_memory()
    return made.to(device, non_blocking=True)


def torch_generator(seed: int, stream: str, epoch: int = 0, step: int = 0) -> torch.Generator:
    """A CPU torch.Generator of one key, for torch's initialisers."""
    made = torch.Generator()
    made.manual_seed(int(generator(seed, stream, epoch, step).integers(2**63)))
    return made
