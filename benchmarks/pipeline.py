"""Minibatches a second: of this project, and of torchvision's transforms behind PyTorch's loader.

Both crop at random after padding, mirror, and normalise random images of CIFAR-10's shape. A loader
works with processes of its own, so the time of all of them is counted: its rate is that of workers
that have a core each, and ours that of a single thread with a core to itself.
"""

from __future__ import annotations

import os
import resource
import time

import numpy as np
import torch
from figures import Figures
from torch.utils.data import DataLoader, Dataset

from enas_viz.recipes import DataConfig
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data, Split

SIDE, BATCH, WORKERS = 32, 128, 2
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


class Pictures(Dataset):
    """Images as PIL pictures through torchvision's transforms, as its datasets give them."""

    def __init__(self, pixels: np.ndarray) -> None:
        from torchvision import transforms

        self.pixels = pixels  # (N, H, W, C) uint8
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(SIDE, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[i])), 0


def pipeline(figures: Figures, rounds: int, quick: bool) -> None:
    """Images a second, in turns; the quickest minibatch and the quickest epoch count."""
    batches = 2 if quick else 40
    pixels = np.random.default_rng(0).integers(
        0, 256, (batches * BATCH, SIDE, SIDE, 3), dtype=np.uint8
    )
    data = loaded(pixels)
    loader = DataLoader(Pictures(pixels), BATCH, shuffle=True, num_workers=WORKERS)
    took: dict[str, list[float]] = {}
    threads = torch.get_num_threads()
    for turn in range(rounds):
        for count in (1, min(2, os.cpu_count() or 1)):
            torch.set_num_threads(count)
            took.setdefault(f"ours, threads {count}", []).extend(ours(data, turn, count > 1))
        torch.set_num_threads(threads)
        took.setdefault("loader", []).append(theirs(loader) / batches)
    theirs_best = min(took["loader"])
    for name in [name for name in took if name != "loader"]:
        best = min(took[name])
        against = f"loader with {WORKERS} workers"
        figures.add(f"images, {name}", BATCH / best, "a second", against, theirs_best / best)
    figures.add(
        f"images, torchvision behind a loader, {WORKERS} workers", BATCH / theirs_best, "a second"
    )


def loaded(pixels: np.ndarray) -> Data:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    split = Split(images, torch.zeros(len(images), dtype=torch.int64))
    return Data("random", ("none",), split, split, torch.tensor(MEAN), torch.tensor(STD), "")


def ours(data: Data, epoch: int, wall: bool) -> list[float]:
    """Seconds of each minibatch of an epoch: of the CPU, or on the wall for several threads."""
    clock = time.monotonic if wall else time.process_time
    order = torch.from_numpy(draws.generator(0, "shuffle", epoch).permutation(len(data.train)))
    found = []
    for number, index in enumerate(order.split(BATCH)):
        started = clock()
        data.training_batch(index, DataConfig(), draws.generator(0, "augment", epoch, number))
        found.append(clock() - started)
    return found


def theirs(loader: DataLoader) -> float:
    """Seconds of an epoch, were there a core for each worker: CPU-seconds over workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in loader:
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / WORKERS
