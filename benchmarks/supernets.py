"""Shared weights: a training step, a reward, and the ranking of many networks; in either space."""

from __future__ import annotations

import random
from collections.abc import Iterator
from statistics import mean

import limits
import torch
import torch.nn.functional as F
from cases import RESOLUTION, Case, sharpened
from figures import Figures, Turns
from peers import Peer
from torch import Tensor

from enas_viz.recipes import Recipe, change
from enas_viz.search.nets.controller import make_controller
from enas_viz.search.nets.supernet import make_supernet
from enas_viz.search.training.step import count_right, count_right_each, make_optimiser, train_step
from enas_viz.spaces import Architecture

MATRIX = 2048  # side of the square matrices that tell the dense rate
CHANNELS = 36  # of the 3x3 convolution that tells it, too
HEADLESS = " without its auxiliary head"


class Ours:
    """This project's supernet behind the calls that a `Peer` answers to."""

    def __init__(self, name: str, made: Recipe) -> None:
        self.name, self.recipe = name, made
        self.net = make_supernet(made, 3, 10, 0)
        self.optimiser = make_optimiser(self.net, made.train)

    def wire(self, architecture: Architecture) -> None:
        self.path = architecture

    def train_step(self, images: Tensor, labels: Tensor) -> None:
        self.net.train()
        made = self.recipe
        given = (self.path, images, labels, made.train.lr_max, made.fidelity, made.compute)
        train_step(self.net, self.optimiser, *given)

    def reward(self, images: Tensor, labels: Tensor) -> int:
        self.net.eval()
        return int(count_right(self.net, self.path, images, labels, self.recipe.compute))

    def rewards(
        self, paths: list[Architecture], images: Tensor, labels: Tensor
    ) -> Iterator[tuple[int, Tensor]]:
        """Of every path on the same images, one by one as the caller asks for them."""
        self.net.eval()
        return count_right_each(self.net, paths, images, labels, self.recipe.compute)


def ours(case: Case) -> list[Ours]:
    """The case's supernet; where it has an auxiliary head, the same without, as peers are."""
    found = [Ours("", case.recipe)]
    if case.recipe.network.aux_weight:
        found.append(Ours(HEADLESS, change(case.recipe, network__aux_weight=0.0)))
    return found


def supernet(figures: Figures, case: Case, others: list[Peer], rounds: int) -> None:
    """A training step and a reward minibatch at the case's sizes, and the machine's rates."""
    images, labels = minibatch(case)
    own = ours(case)
    alike = make_controller(case.recipe.space, seed=0).sample(case.update).architectures()
    turns, machine = Turns(), Machine(case.batch, case.recipe.network.filters)
    for _ in range(rounds):
        for i, path in enumerate(case.paths):
            for side in (*own, *others):
                side.wire(path)
            for side in (*own, *others):
                turns.take(f"step{side.name}", lambda s=side: s.train_step(images, labels), i)
            for side in (own[0], *others):
                turns.take(f"reward{side.name}", lambda s=side: s.reward(images, labels), i)
        machine.take(turns)
        turns.take("shared", lambda: [int(r) for _, r in own[0].rewards(alike, images, labels)])
    rates = machine.report(figures, turns)
    work = limits.work_of(own[0].net, case.paths, images)
    _report_steps(figures, case, turns, [rates.limit(w, limits.TRAINING) for w in work], others)
    _report_rewards(figures, case, turns, [rates.limit(w, limits.FORWARD) for w in work], others)


def minibatch(case: Case) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(case.batch, 3, RESOLUTION, RESOLUTION, generator=rng)
    return images, torch.randint(10, (case.batch,), generator=rng)


class Machine:
    """What this machine does per CPU-second: a dense convolution, a matrix product, a copy.

    What is copied is a map of the first layers: as much as moves between two operations.
    """

    def __init__(self, batch: int, filters: int = CHANNELS) -> None:
        layout = {"memory_format": torch.channels_last}
        self.kernel = torch.randn(CHANNELS, CHANNELS, 3, 3).to(**layout).requires_grad_()
        maps = torch.randn(batch, CHANNELS, RESOLUTION, RESOLUTION)
        self.maps = maps.to(**layout).requires_grad_()
        self.pull = torch.randn_like(maps).to(**layout)
        self.matrix = torch.randn(MATRIX, MATRIX)
        self.source = torch.randn(batch, filters, RESOLUTION, RESOLUTION)
        self.target = torch.empty_like(self.source)

    def take(self, turns: Turns) -> None:
        inputs = (self.maps, self.kernel)
        turns.take(
            "conv", lambda: torch.autograd.grad(F.conv2d(*inputs, padding=1), inputs, self.pull)
        )
        turns.take("product", lambda: self.matrix @ self.matrix)
        turns.take("copy", lambda: [self.target.copy_(self.source) for _ in range(10)])

    def report(self, figures: Figures, turns: Turns) -> limits.Rates:
        conv = 3 * 2 * 9 * CHANNELS * self.maps.numel() / turns.mean("conv")
        product = 2 * MATRIX**3 / turns.mean("product")
        copied = 10 * 2 * self.source.nbytes / turns.mean("copy")
        figures.add("convolution 3x3, forward and backward", conv / 1e9, "GFLOP/s")
        figures.add(f"matrix product, {MATRIX} square", product / 1e9, "GFLOP/s")
        size = f"{self.source.nbytes / 1e6:.0f} MB"
        figures.add(f"copy of a map, {size}, read and written", copied / 1e9, "GB/s")
        return limits.Rates(max(conv, product), copied)


def _report_steps(
    figures: Figures, case: Case, turns: Turns, limit: list[tuple[float, str]], others: list[Peer]
) -> None:
    """The step beside the peers', which have no auxiliary head; then each path's own limit."""
    own = turns.mean("step")
    bound = mean([seconds for seconds, _ in limit])
    figures.add(f"{case.name} supernet step", own, "CPU-s", "its limit", bound / own)
    if case.recipe.network.aux_weight:
        own = turns.mean(f"step{HEADLESS}")
        figures.add(f"{case.name} supernet step{HEADLESS}", own, "CPU-s")
    for peer in others:
        took = turns.mean(f"step{peer.name}")
        figures.add(f"{case.name} supernet step of {peer.name}", took, "CPU-s", "ours", took / own)
    over = [turns.best["step", i] / seconds for i, (seconds, _) in enumerate(limit)]
    for i, (seconds, by) in enumerate(limit):
        what = f"{case.name} step, architecture {i + 1}"
        figures.add(what, over[i] * seconds, "CPU-s", f"its limit, set by {by}", 1 / over[i])
    figures.add(f"{case.name} step over its limit, mean of {len(over)}", mean(over), "times")


def _report_rewards(
    figures: Figures, case: Case, turns: Turns, limit: list[tuple[float, str]], others: list[Peer]
) -> None:
    took = turns.mean("reward")
    bound = mean([seconds for seconds, _ in limit])
    figures.add(f"{case.name} reward minibatch", took, "CPU-s", "its limit", bound / took)
    each = turns.mean("shared") / case.update
    figures.add(
        f"the same, {case.update} samples on shared images",
        each,
        "CPU-s",
        "own images",
        took / each,
    )
    for peer in others:
        theirs = turns.mean(f"reward{peer.name}")
        what = f"{case.name} reward minibatch of {peer.name}"
        figures.add(what, theirs, "CPU-s", "ours", theirs / took)


def ranking(figures: Figures, case: Case, rounds: int) -> None:
    """Many architectures on one validation batch: one by one, and with what they share kept."""
    images, labels = minibatch(case)
    own = Ours("", case.recipe)
    rng = random.Random(2)
    drawn = {
        "uniform": [case.recipe.space.sample(rng) for _ in range(case.scored)],
        "sharpened": sharpened(case.recipe.space, case.scored),
    }
    turns = Turns()
    for _ in range((rounds + 1) // 2):  # minutes each
        for policy, paths in drawn.items():
            shared = own.rewards(paths, images, labels)
            for i, path in enumerate(paths):
                own.wire(path)
                turns.take(policy, lambda: own.reward(images, labels), i)
                turns.take(f"{policy} shared", lambda s=shared: next(s), i)
    for policy in drawn:
        alone, shared = turns.mean(policy), turns.mean(f"{policy} shared")
        what = f"{case.name} scoring one of {case.scored}, {policy} policy"
        figures.add(what, shared, "CPU-s", "one by one", alone / shared)
