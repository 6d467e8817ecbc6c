"""Final training: a step of both children at full size, beside what this machine could do."""

from __future__ import annotations

import limits
import torch
from cases import RESOLUTION
from figures import Figures, Turns
from supernets import Machine

from enas_viz.recipes import recipe
from enas_viz.search.nets.child import Drops, make_child
from enas_viz.search.nets.micro.child import MicroChild
from enas_viz.search.training import draws
from enas_viz.search.training.step import make_optimiser, train_step
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import MACRO, MICRO

IMAGES = 16  # a minibatch; a whole one takes minutes on one thread
KEEP = 0.8  # of drop path, half-way through the training
SMALL = {"network__filters": 8, "data__resolution": RESOLUTION}


def children(figures: Figures, rounds: int, quick: bool) -> None:
    """Training steps of the published networks as `macro-final` and `micro-final` build them."""
    sides = {"macro": Step("macro-final", MACRO, quick), "micro": Step("micro-final", MICRO, quick)}
    turns, machine = Turns(), Machine(IMAGES)
    for _ in range(rounds):
        for name, side in sides.items():
            turns.take(name, side)
        machine.take(turns)
    rates = machine.report(figures, turns)
    for name, side in sides.items():
        (work,) = limits.work_of(side.net, [side.architecture], side.images)
        least, bound = rates.limit(work, limits.TRAINING)
        took = turns.mean(name)
        what = f"{name} child step, {len(side.images)} images"
        figures.add(what, took, "CPU-s", f"its limit ({bound})", least / took)


class Step:
    """One training step of a child, drop path and auxiliary head included."""

    def __init__(self, name: str, architecture: Architecture, quick: bool) -> None:
        self.recipe = recipe(name, **(SMALL if quick else {}))
        self.architecture = architecture
        self.net = make_child(self.recipe, architecture, 3, 10, 0)
        self.optimiser = make_optimiser(self.net, self.recipe.train)
        rng = torch.Generator().manual_seed(0)
        count = 2 if quick else IMAGES
        self.images = torch.randn(count, 3, RESOLUTION, RESOLUTION, generator=rng)
        self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(10, (count,), generator=rng)
        mask = draws.generator(0, "dropout")
        shape, keep = (count, self.net.features), self.recipe.network.keep_prob
        features = draws.dropout_mask(shape, keep, mask, torch.device("cpu"))
        paths = None
        if isinstance(self.net, MicroChild):
            stays = torch.rand(len(self.net.drop_cells), count, generator=rng) < KEEP
            paths = stays / KEEP
        self.drops = Drops(features, paths)

    def __call__(self) -> None:
        made = self.recipe
        given = (self.architecture, self.images, self.labels, made.train.lr_max)
        train_step(self.net, self.optimiser, *given, made.fidelity, made.compute, self.drops)
