"""The two searches that are measured, at the sizes of the authors' scripts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from enas_viz.recipes import Recipe, recipe
from enas_viz.spaces import MACRO_OPS, Architecture, Space

CHILDREN, SKIPS = 10, 0.4
PATHS = 8  # of micro
FAVOURED = 0.7  # how often a sharpened policy decides as its favourite does
RESOLUTION = 32  # height and width of the images in pixels


@dataclass(frozen=True)
class Case:
    """One search: what is trained, and on what.

    batch: images of a training step and of a reward. paths: architectures whose steps are
    measured. update: how many samples one controller update takes. scored: how many networks are
    ranked on one validation batch.
    """

    name: str
    recipe: Recipe
    batch: int
    paths: list[Architecture]
    update: int
    scored: int = 100


def macro(quick: bool) -> Case:
    """`cifar10_macro_search.sh`: 12 layers, 36 filters, 128 images; quick: tiny ones."""
    sizes = {"network__layers": 4, "network__filters": 8} if quick else {}
    made = recipe("macro-paper", fidelity="default", compute__threads=1, **sizes)
    batch, scored = (4, 10) if quick else (128, 100)
    return Case("macro", made, batch, children(made.space), 20, scored)


def micro(quick: bool) -> Case:
    """`cifar10_micro_search.sh`: 6 layers, 20 filters, 160 images; quick: tiny ones."""
    sizes = {"network__filters": 4} if quick else {}
    made = recipe("micro-released", fidelity="default", compute__threads=1, **sizes)
    batch, scored = (4, 10) if quick else (160, 100)
    rng = random.Random(0)
    paths = [made.space.sample(rng) for _ in range(2 if quick else PATHS)]
    return Case("micro", made, batch, paths, 10, scored)


def children(space: Space) -> list[Architecture]:
    """Ten macro architectures that hold every operation equally often, with skips at 0.4."""
    rng = random.Random(0)
    slots = CHILDREN * space.layers
    ops = [k % len(MACRO_OPS) for k in range(slots)]
    rng.shuffle(ops)
    rows = [
        tuple(
            (ops[i * space.layers + k], *(int(rng.random() < SKIPS) for _ in range(k)))
            for k in range(space.layers)
        )
        for i in range(CHILDREN)
    ]
    return [Architecture(space, row) for row in rows]


def sharpened(space: Space, n: int) -> list[Architecture]:
    """Samples of a policy that has made up its mind.

    Each decision is that of one favourite with probability FAVOURED, else uniform.
    """
    rng = random.Random(1)
    favourite = space.sample(rng).flat
    return [
        space.decode(
            [
                liked if rng.random() < FAVOURED else other
                for liked, other in zip(favourite, space.sample(rng).flat, strict=True)
            ]
        )
        for _ in range(n)
    ]
