"""Final training: one architecture, weights of its own, and at the very end one test figure.

`FinalTraining.records` is told start to finish as a generator, like a search. The network
sees the test images once, after the last epoch; no earlier epoch has a test figure, so none can be
chosen by it. That they can be decoded is checked before the training.

Not here: what the network is (`child.py`), folders and resuming (`strategies.py`).
Source: Pham et al. 2018, section 3.2; authors' `cifar10_macro_final.sh`, `cifar10_micro_final.sh`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.records.trace import Epoch, Header, Result, Tick
from enas_viz.search.nets.child import Drops, make_child
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data, Split
from enas_viz.search.training.epochs import WeightTraining
from enas_viz.search.training.ranks import Ranks
from enas_viz.search.training.step import backward, evaluating, learning_rate, right_answers
from enas_viz.spaces import Architecture

EVALUATED = 500  # images at once when accuracy is measured


@dataclass
class TrainingPosition:
    """Where a training stands; with the weights, all that a checkpoint needs."""

    records: int = 0  # records yielded so far, the header included
    epoch: int = 0
    step: int = 0  # optimiser steps done in this epoch
    finished: bool = False


class FinalTraining(WeightTraining):
    """Training of one architecture from scratch, and where it stands.

    load_test: reads the test images when everything else is done; None where there are none, as
    with data that were given in memory: then no `Result` comes. ranks: the processes that share
    the training; each holds all of it and computes its part of every step.
    Raises ValueError when the architecture does not fit the recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        architecture: Architecture,
        data: Data,
        header: Header,
        seed: int,
        device: torch.device,
        load_test: Callable[[], Split] | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        data = data.to(device)
        net = make_child(recipe, architecture, data.channels, len(data.classes), seed)
        super().__init__(recipe, net.to(device), data, header, seed, device, ranks)
        self.architecture = architecture
        self.at = TrainingPosition()
        self._load_test = load_test
        self.check_batches(architecture, self.batch_size)

    # ---- the training

    def records(self) -> Iterator[Header | Tick | Epoch | Result]:
        """Everything that happens from the present position to the test figure."""
        at = self.at
        if at.records == 0:
            at.records = 1
            yield self.header
        while at.epoch < self.recipe.train.epochs:
            started = time.monotonic()
            yield from self._train_epoch()
            yield self._finish_epoch(started)
        if at.finished:
            return
        result = self._result() if self._load_test is not None else None
        at.finished = True
        if result is not None:
            at.records += 1
            yield result

    def _train_epoch(self) -> Iterator[Tick]:
        at, order = self.at, self.shuffled()
        for _ in self._steps(lambda number: self.minibatch(number, order)):
            done = (at.epoch + at.step / self.steps_per_epoch) / self.recipe.train.epochs
            yield Tick("weights", at.epoch, at.step, self.steps_per_epoch, done, self.seen_loss)

    def minibatch(self, number: int, order: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the gradient of one of the epoch's minibatches; (loss, count of right answers)."""
        recipe = self.recipe
        index = self.part(order, number)
        rng = draws.generator(self.seed, "augment", self.at.epoch, number)
        images, labels = self.data.training_batch(index, recipe.data, rng, recipe.fidelity.cutout)
        drops = self._drops(len(index), number)
        return backward(self.net, self.architecture, images, labels, recipe.compute, drops)

    def _drops(self, images: int, number: int) -> Drops:
        """The dropout and drop path of one minibatch."""
        at, network = self.at, self.recipe.network
        features = draws.dropout_mask(
            (images, self.net.features),
            network.keep_prob,
            draws.generator(self.seed, "dropout", at.epoch, number),
            self.device,
        )
        if network.drop_path_keep == 1:  # which only networks of cells can have below 1
            return Drops(features)
        step = at.epoch * self.steps_per_epoch + number // self.recipe.train.accumulate
        steps = self.recipe.train.epochs * self.steps_per_epoch
        keep = np.array(self.net.drop_path_keep(network.drop_path_keep, step, steps), np.float32)[
            :, None
        ]
        rng = draws.generator(self.seed, "drop_path", at.epoch, number)
        stays = rng.random((len(keep), images), dtype=np.float32) < keep
        return Drops(features, draws.put(stays / keep, self.device))

    def _finish_epoch(self, started: float) -> Epoch:
        at = self.at
        trained = time.monotonic()
        valid = len(self.data.valid)
        made = Epoch(
            epoch=at.epoch,
            loss=self._mean_loss(),
            train_accuracy=self._share_right(),
            valid_accuracy=self.count_right(self.data.valid) / valid if valid else None,
            lr=learning_rate(self.recipe.train, at.epoch),
            steps=self.steps_per_epoch,
            n=at.records,
            clock={
                "weights_s": round(trained - started, 3),
                "valid_s": round(time.monotonic() - trained, 3),
            },
        )
        at.records += 1
        at.epoch, at.step = at.epoch + 1, 0
        return made

    def _result(self) -> Result:
        """Reads the test images, for the first time and the last."""
        started = time.monotonic()
        with self.ranks.one_first():  # so that images are decoded once, and kept for the others
            test = self._load_test().to(self.device)
        auxiliary = getattr(self.net, "auxiliary", None)
        heads = sum(w.numel() for w in auxiliary.parameters()) if auxiliary is not None else 0
        return Result(
            right=self.count_right(test),
            images=len(test),
            parameters=sum(w.numel() for w in self.net.parameters()) - heads,
            epoch=self.at.epoch - 1,
            n=self.at.records,
            clock={"test_s": round(time.monotonic() - started, 3)},
        )

    def count_right(self, split: Split) -> int:
        """How many of a split's images the network classifies rightly, by its moving statistics."""
        with evaluating(self.net):
            right = right_answers(
                self.net, self.architecture, self.data, split, self.recipe.compute, EVALUATED
            )
        return int(right.sum())

    # ---- saving and going on

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts) of the present state, complete at every yield of `records`."""
        return self._weight_tensors(), {"position": asdict(self.at)}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot of a training of the same recipe, architecture, seed and data."""
        self._restore_weights(tensors)
        self.at = TrainingPosition(**facts["position"])
