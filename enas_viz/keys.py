"""Randomness without a state: every draw is keyed by what it is for, and where in the search.

A key is (seed, stream, epoch, step, sample). Nothing is drawn from a global generator, so the same
numbers come out on one process or four, before or after a resume, and in whatever order they are
asked for. Generators are NumPy's PCG64, seeded through its SeedSequence.

Not here: the draws as tensors (`search/draws.py`).
"""

from __future__ import annotations

import numpy as np

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
