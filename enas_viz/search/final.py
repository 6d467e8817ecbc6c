"""Final training: one architecture, weights of its own, and at the very end one test figure.

`FinalTraining.records` is told start to finish as a generator, like a search. The test images are
read once, after the last epoch; no earlier epoch has a test figure, so none can be chosen by it.

Leaves to others: what the network is (`child.py`), folders and resuming (`strategies.py`).
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
from enas_viz.search import draws
from enas_viz.search.child import Drops, MicroChild, make_child
from enas_viz.search.data import Data, Split
from enas_viz.search.ranks import Ranks
from enas_viz.search.train import (
    READ_EVERY,
    NonFiniteLoss,
    averaged_step,
    backward,
    count_right,
    evaluating,
    first_step_rate,
    learning_rate,
    make_optimiser,
    optimiser_tensors,
    restore_optimiser,
    within,
)
from enas_viz.space import Architecture
from enas_viz.trace import Epoch, Header, Result, Tick

EVALUATED = 500  # images at once when accuracy is measured


@dataclass
class Position:
    """Where a training stands; with the weights, all that a checkpoint needs."""

    records: int = 0  # records yielded so far, the header included
    epoch: int = 0
    step: int = 0  # optimiser steps done in this epoch
    finished: bool = False


class FinalTraining:
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
        self.recipe = recipe
        self.architecture = architecture
        self.ranks = ranks or Ranks()
        self.header = header
        self.seed = seed
        self.device = device
        self.data = data.to(device)
        self.net = make_child(recipe, architecture, data.channels, len(data.classes), seed)
        self.net = self.net.to(device)
        self.optimiser = make_optimiser(self.net, recipe.train)
        self.at = Position()
        images_per_step = recipe.train.batch_size * recipe.train.accumulate
        self.steps_per_epoch = -(-len(data.train) // images_per_step)
        self.minibatches = self.steps_per_epoch * recipe.train.accumulate  # of an epoch
        self._load_test = load_test
        self._losses = torch.zeros(self.minibatches, device=device)
        self._right = torch.zeros(self.minibatches, device=device)
        self._checked = 0

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
        at, recipe, count = self.at, self.recipe, self.recipe.train.accumulate
        order = self._shuffled()
        rate = learning_rate(recipe.train, at.epoch)
        self._checked = 0  # a resumed epoch's earlier losses came with the checkpoint
        self.net.train()
        for step in range(at.step, self.steps_per_epoch):
            start = step * count

            def run(m: int, start: int = start) -> tuple[Tensor, Tensor]:
                return self._minibatch(start + m, order)

            found = averaged_step(
                self.net,
                self.optimiser,
                run,
                count,
                rate if step else first_step_rate(recipe.train, recipe.fidelity, at.epoch),
                recipe.fidelity,
                self.ranks,
            )
            self._losses[start : start + count], self._right[start : start + count] = found
            at.step = step + 1
            if at.step % READ_EVERY == 0 or at.step == self.steps_per_epoch:
                self._check_losses()
            done = (at.epoch + at.step / self.steps_per_epoch) / recipe.train.epochs
            yield Tick("weights", at.epoch, at.step, self.steps_per_epoch, done)

    def _minibatch(self, number: int, order: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the gradient of one of the epoch's minibatches; (loss, count of right answers)."""
        recipe = self.recipe
        index = order[number * self.batch_size : (number + 1) * self.batch_size]
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
        if network.drop_path_keep == 1 or not isinstance(self.net, MicroChild):
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
            loss=float(self._losses.double().mean()),
            train_accuracy=float(self._right.double().sum()) / (self.minibatches * self.batch_size),
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
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        with evaluating(self.net):
            for at in range(0, len(split), EVALUATED):
                images = self.data.normalise(split.images[at : at + EVALUATED])
                labels = split.labels[at : at + EVALUATED]
                right += count_right(
                    self.net, self.architecture, images, labels, self.recipe.compute
                )
        return int(right)

    # ---- its parts

    @property
    def batch_size(self) -> int:
        return min(self.recipe.train.batch_size, len(self.data.train))

    def _shuffled(self) -> Tensor:
        """Indices of the epoch's minibatches; the last one is filled up from the beginning."""
        rng = draws.generator(self.seed, "shuffle", self.at.epoch)
        order = rng.permutation(len(self.data.train))
        wanted = self.minibatches * self.batch_size
        return draws.put(np.resize(order, wanted), self.device)

    def _check_losses(self) -> None:
        """Raises NonFiniteLoss, naming the first bad minibatch since the last look."""
        done = self.at.step * self.recipe.train.accumulate
        recent = self._losses[self._checked : done].isfinite().tolist()
        if not all(recent):
            bad = self._checked + recent.index(False)
            raise NonFiniteLoss(
                f"the training loss was {float(self._losses[bad])} in epoch {self.at.epoch + 1}, "
                f"minibatch {bad + 1}; a lower train.lr_max (now {self.recipe.train.lr_max}) may "
                f"help"
            )
        self._checked = done

    # ---- saving and going on

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts) of the present state, complete at every yield of `records`."""
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= optimiser_tensors("momentum", self.net, self.optimiser)
        tensors |= {"losses": self._losses, "right": self._right}
        return tensors, {"position": asdict(self.at)}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot of a training of the same recipe, architecture, seed and data."""
        self.net.load_state_dict(within("net.", tensors))
        restore_optimiser("momentum", self.net, self.optimiser, tensors)
        self._losses.copy_(tensors["losses"])
        self._right.copy_(tensors["right"])
        self.at = Position(**facts["position"])
