"""A short run of every recipe that searches: digest, first architectures, losses, rewards.

Two versions of the program that search alike give the same digests on one machine; across machines
architectures are equal and losses nearly so (`tests/search/test_short_runs.py`).

    python tools/short_runs.py [RECIPE ...]      # JSON to standard output
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from enas_viz import search
from enas_viz.recipes import RECIPES, Recipe, change
from enas_viz.records.trace import Episode, Epoch, Header, Trace
from enas_viz.search.training.data import Data, Split

IMAGES = 24  # for training, and half as many for validation


def images(channels: int, side: int) -> Data:
    """Noise in ten classes: a short run asks what the program does, not how well it learns."""
    generator = torch.Generator().manual_seed(0)
    shape = (IMAGES + IMAGES // 2, channels, side, side)
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    labels = torch.arange(len(pixels)) % 10
    train, valid = (
        Split(pixels[part], labels[part]) for part in (slice(IMAGES), slice(IMAGES, None))
    )
    mean = torch.full((channels,), 127.5 / 255)
    spread = torch.full_like(mean, 0.25)
    return Data("noise", tuple("0123456789"), train, valid, mean, spread, "noise")


def shortened(made: Recipe) -> Recipe:
    """The recipe with one epoch of three minibatches and one update of two samples."""
    return change(
        made,
        train__epochs=1,
        train__batch_size=8,
        controller__updates=1,
        controller__samples=2,
        controller__reward_images=8,
        compute__threads=1,
        keep_steps=1,
    )


def short_run(name: str) -> dict[str, Any]:
    """What a short run of the recipe `name` gives."""
    made = shortened(RECIPES[name])
    data = images(made.dataset.channels, made.data.resolution)
    records = list(search.run(made, seed=1, device="cpu", data=data))
    header = next(r for r in records if isinstance(r, Header))
    kept = [r for r in records if isinstance(r, Episode | Epoch)]
    episodes = [r for r in kept if isinstance(r, Episode)]
    return {
        "digest": Trace(header, tuple(kept)).digest(header=False),
        "architectures": [e.architecture.flat for e in episodes],
        "rewards": [e.reward for e in episodes],
        "losses": [r.loss for r in kept if isinstance(r, Epoch)],
        "log_probabilities": [e.log_probability for e in episodes],
    }


def main(names: list[str]) -> None:
    """Prints the short runs of these recipes, or of all that search."""
    names = names or [n for n, r in RECIPES.items() if r.strategy != "final"]
    print(json.dumps({name: short_run(name) for name in names}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
