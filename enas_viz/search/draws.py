"""Randomness without a state: every draw is keyed by what it is for, and where in the search.

A key is (seed, stream, epoch, step, sample). Nothing is drawn from a global generator, so the same
numbers come out on one process or four, before or after a resume, and in whatever order they are
asked for. Generators are NumPy's PCG64, seeded through its SeedSequence.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

# One number per use, never reused for another: it is part of what equal seeds mean.
STREAMS = {
    "weights": 1,  # initial shared weights
    "controller": 2,  # initial controller
    "split": 3,  # which images are for training, which for validation
    "shuffle": 4,  # order of the training images in an epoch
    "augment": 5,  # crops and flips
    "dropout": 6,
    "child": 7,  # architectures trained in a weight epoch
    "sample": 8,  # architectures of the controller's updates
    "reward": 9,  # validation images of a reward
    "reward_dropout": 10,  # where a recipe leaves dropout on while measuring rewards
    "derive": 11,  # architectures sampled after the search
    "uniform": 12,  # architectures with uniform operations, to compare with
    "alone": 13,  # weights of an architecture trained alone
    "refit": 14,  # training images on which batch norm is refitted
    "subset": 15,  # which images of a dataset are used
    "drop_path": 16,  # operations that drop path leaves out
}


def generator(
    seed: int, stream: str, epoch: int = 0, step: int = 0, sample: int = 0
) -> np.random.Generator:
    """The generator of one key. Raises ValueError for a negative seed."""
    if seed < 0:
        raise ValueError(f"a seed is a whole number of at least 0; got {seed}")
    key = (seed, STREAMS[stream], epoch, step, sample)
    # The same stream either way; words that NumPy need not take apart are read in half the time.
    words = np.array(key, np.uint32) if max(key) < 2**32 else key
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


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
