"""Alone: each architecture is trained from scratch, with weights of its own, and validated.

What is trained is the search's single path. No skip is concatenated and no layer is widened, as
final training does (`final.py`), so that its accuracy alone and its accuracy under shared weights
are about the same network.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.search.judges.judge import SearchPosition, Untrained, WeightPhase
from enas_viz.search.nets.supernet import make_supernet
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data, Split
from enas_viz.search.training.sizes import check_enough
from enas_viz.search.training.step import (
    NonFiniteLoss,
    check_weights,
    evaluating,
    learning_rate,
    make_optimiser,
    remedy,
    right_answers,
    train_step,
)
from enas_viz.spaces import Architecture


@dataclass(frozen=True)
class Training:
    """What one training gave.

    losses: mean training loss of each epoch, in nats. train_accuracy: of the last epoch's
    minibatches, as they were trained, in [0, 1]. valid_right, test_right: how many images of each
    split the trained network classifies correctly; test_right is None without test images.
    cpu_s: CPU time of training and evaluation, in seconds. answers: (N,) int64, the classes that it
    takes the images for that it was asked about; None where there were none.
    """

    losses: tuple[float, ...]
    train_accuracy: float
    valid_right: int
    test_right: int | None
    cpu_s: float
    answers: Tensor | None = None


def train_network(
    architecture: Architecture,
    recipe: Recipe,
    data: Data,
    *,
    epochs: int,
    seed: int = 0,
    number: int = 0,
    test: Split | None = None,
    ask: Tensor | None = None,
) -> Training:
    """Trains one architecture by the recipe's own rules, with one cosine over all epochs.

    number: which network of an experiment this is; together with `seed` it gives each network its
    own initial weights and minibatches. Batch norm evaluates by what `fidelity.reward_bn` keeps:
    "moving" gives the usual moving averages, "batch" the statistics of each evaluated minibatch.
    test: evaluated once, after the last epoch. ask: (N, C, H, W) uint8, images whose answers are
    wanted, too. Raises NonFiniteLoss when training diverges.
    """
    started = time.process_time()
    schedule = dataclasses.replace(recipe.train, epochs=epochs, restart_period=epochs)
    seed = seed + 1000 * number
    device = data.mean.device
    net = make_supernet(recipe, data.channels, len(data.classes), seed, "alone").to(device)
    optimiser = make_optimiser(net, schedule)
    losses, share, step = [], math.nan, 0
    for epoch in range(epochs):
        told, rate = [], learning_rate(schedule, epoch)
        for index in _minibatches(data, recipe, seed, epoch):
            rng = draws.generator(seed, "alone", epoch, step, 1)
            images, labels = data.training_batch(index, recipe.data, rng)
            keep = recipe.network.keep_prob
            drop = draws.dropout_mask((len(index), net.features), keep, rng, device)
            told.append(
                train_step(
                    *(net, optimiser, architecture, images, labels, rate),
                    *(recipe.fidelity, recipe.compute, drop),
                )
            )
            step += 1
        epoch_losses, rights = (torch.stack(column) for column in zip(*told, strict=True))
        losses.append(float(epoch_losses.mean()))
        share = float(rights.sum()) / (len(told) * len(index))
        if not math.isfinite(losses[-1]):
            raise NonFiniteLoss(
                f"the training loss was {losses[-1]} in epoch {epoch + 1} of the network "
                f"{architecture.flat}; {remedy(schedule)}"
            )
    check_weights(net, f"the training of {architecture.flat}", schedule)
    valid_right = _right(net, architecture, recipe, data, data.valid)
    test_right = None if test is None else _right(net, architecture, recipe, data, test)
    cpu_s = time.process_time() - started
    answers = None
    if ask is not None:
        with evaluating(net), torch.no_grad():
            answers = net(data.normalise(ask), architecture).argmax(1)
    return Training(tuple(losses), share, valid_right, test_right, cpu_s, answers)


def _right(
    net: torch.nn.Module, architecture: Architecture, recipe: Recipe, data: Data, part: Split
) -> int:
    with evaluating(net):
        size = recipe.train.batch_size
        return int(right_answers(net, architecture, data, part, recipe.compute, size).sum())


def _minibatches(data: Data, recipe: Recipe, seed: int, epoch: int) -> Iterator[torch.Tensor]:
    """Indices of an epoch's whole minibatches; a rest that fills none is left out."""
    order = draws.generator(seed, "alone", epoch, 0, 2).permutation(len(data.train))
    size = min(recipe.train.batch_size, len(data.train))
    for at in range(0, len(order) - size + 1, size):
        yield draws.put(order[at : at + size], data.mean.device)


class Alone(Untrained):
    """Trains every architecture for `judge.epochs`; its accuracy on all validation images counts.

    An architecture that comes again is trained again, with other initial weights.
    """

    def __init__(self, recipe: Recipe, data: Data, seed: int, at: SearchPosition) -> None:
        check_enough(recipe, data)
        self.recipe, self.data, self.seed, self.at = recipe, data, seed, at
        self._losses: list[float] = []  # last training loss of each network of the epoch
        self._shares: list[float] = []

    def accuracies(self, architectures: Sequence[Architecture], first: int) -> Iterator[float]:
        for architecture in architectures[first:]:
            done = train_network(
                architecture,
                self.recipe,
                self.data,
                epochs=self.recipe.judge.epochs,
                seed=self.seed,
                number=self.at.episodes,
            )
            self._losses.append(done.losses[-1])
            self._shares.append(done.train_accuracy)
            yield done.valid_right / len(self.data.valid)

    def trained(self) -> WeightPhase:
        """Means over the epoch's networks, of the last epoch of each."""
        count, losses, shares = len(self._losses), self._losses, self._shares
        self._losses, self._shares = [], []
        if not count:
            return WeightPhase()
        steps = len(self.data.train) // min(self.recipe.train.batch_size, len(self.data.train))
        return WeightPhase(
            loss=sum(losses) / count,
            accuracy=sum(shares) / count,
            steps=count * steps * self.recipe.judge.epochs,
        )

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {}, {"losses": list(self._losses), "shares": list(self._shares)}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self._losses = list(map(float, facts["losses"]))
        self._shares = list(map(float, facts["shares"]))
