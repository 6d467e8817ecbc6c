"""Shared weights: one supernet, of which every architecture is a path; ENAS's judge.

An epoch trains the supernet, each minibatch under an architecture of its own; an architecture's
accuracy is that of its path on a minibatch of validation images.

Source: Pham et al. 2018, section 2.2; authors' `main.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.records import training_counts
from enas_viz.records.trace import Header
from enas_viz.search.judges.judge import Propose, SearchPosition, WeightPhase
from enas_viz.search.nets.supernet import make_supernet
from enas_viz.search.training import draws, sizes
from enas_viz.search.training.data import Data
from enas_viz.search.training.epochs import WeightTraining
from enas_viz.search.training.ranks import Ranks, Stopped
from enas_viz.search.training.step import (
    backward,
    count_right,
    count_right_each,
    learning_rate,
    refit_batch_norm,
)
from enas_viz.spaces import Architecture

WEIGHT_STEP_COST = 3  # of a training minibatch, when one that is only evaluated costs 1
REFIT_BATCHES = 4  # training minibatches on which fidelity.reward_bn = "refit" measures


class SharedWeights(WeightTraining):
    """The supernet on `device`, its optimiser, and what the epoch under way gave.

    at: the search's position. ranks: the processes that share the search; each holds all of it and
    computes its part of every step and turn.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        header: Header,
        seed: int,
        device: torch.device,
        at: SearchPosition,
        ranks: Ranks | None = None,
    ) -> None:
        net = make_supernet(recipe, data.channels, len(data.classes), seed).to(device)
        super().__init__(recipe, net, data, header, seed, device, ranks)
        self.at = at
        rewarded = self.reward_images if recipe.fidelity.reward_bn == "batch" else self.batch_size
        one = recipe.space.sample(random.Random(0))
        self.check_batches(one, min(self.batch_size, rewarded))
        # What the last weight phase trained, as `training_counts.count` tells it: the strategy
        # moves on, so it cannot be counted later. None: an older checkpoint does not say.
        self._trained: Tensor | None = torch.zeros(
            training_counts.size(recipe.space) + 1, dtype=torch.int64
        )

    @property
    def steps(self) -> int:
        """Of the weight phase of an epoch."""
        return self.steps_per_epoch

    @property
    def cost(self) -> float:
        """Of that phase, when judging one architecture costs 1."""
        return WEIGHT_STEP_COST * self.recipe.train.accumulate * self.steps_per_epoch

    # ---- training

    def prepare(self, propose: Propose) -> Iterator[None]:
        """One epoch of minibatches, each with an architecture of its own."""
        children = propose(self.minibatches)
        order = self.shuffled()

        def run(number: int) -> tuple[Tensor, Tensor]:
            return self.minibatch(number, children[number], order)

        def blamed(number: int) -> str:
            return f", under the architecture {children[number].flat}"

        yield from self._steps(run, blamed)
        fidelity = self.recipe.fidelity
        counted = training_counts.count(
            children,
            self.recipe.space,
            last_op=fidelity.macro_dispatch == "last_branch",
            merge=fidelity.skip_merge_search,
        )
        self._trained = torch.tensor(counted)

    def minibatch(self, number: int, child: Architecture, order: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the gradient of one of the epoch's minibatches; (loss, count of right answers)."""
        index = self.part(order, number)
        rng = draws.generator(self.seed, "augment", self.at.epoch, number)
        images, labels = self.data.training_batch(index, self.recipe.data, rng)
        drop = draws.dropout_mask(
            (len(index), self.net.features),
            self.recipe.network.keep_prob,
            draws.generator(self.seed, "dropout", self.at.epoch, number),
            self.device,
        )
        return backward(self.net, child, images, labels, self.recipe.compute, drop)

    def trained(self) -> WeightPhase:
        told = self._trained
        counts = (
            training_counts.to_json(told.tolist(), self.recipe.space) if told is not None else None
        )
        return WeightPhase(
            loss=self._mean_loss(),
            accuracy=self._share_right(),
            lr=learning_rate(self.recipe.train, self.at.epoch),
            steps=self.steps_per_epoch,
            extra={} if counts is None else {"trained": counts},
        )

    # ---- judging

    def accuracies(self, architectures: Sequence[Architecture], first: int) -> Iterator[float]:
        """Share of fresh validation images that each gets right.

        A process by itself computes them as they are asked for; several share them out, and all
        get them at once.
        """
        waiting = range(first, len(architectures))
        count = self._all_counts if self.ranks.size > 1 else self.counts
        yield from (right / self.reward_images for right in count(architectures, waiting))

    def _all_counts(self, children: Sequence[Architecture], samples: range) -> list[int]:
        """The right answers of `samples`, each counted by one of the processes, told to all."""
        ranks = self.ranks
        mine = ranks.mine(samples.stop, samples.start)
        told = torch.zeros(samples.stop + 1, dtype=torch.int64)
        told[-1] = ranks.leaving
        for sample, right in zip(mine, self.counts(children, mine), strict=True):
            told[sample] = right
        if self.recipe.fidelity.reward_bn == "refit" and samples[-1] not in mine:
            refit_batch_norm(self.net, children[-1], self.refit_batches())  # as the others left it
        *counts, stop = ranks.sum(told).tolist()
        if stop:
            raise Stopped
        return counts[samples.start :]

    def counts(self, children: Sequence[Architecture], samples: range) -> Iterator[int]:
        """How many validation images each of the `samples` gets right.

        `fidelity.reward_batch`: "own", each child on a minibatch of its own, computed when it is
        asked for; "shared", all on one, so what their networks have in common is computed once.
        """
        fidelity, compute = self.recipe.fidelity, self.recipe.compute
        if fidelity.reward_batch == "own" or fidelity.reward_bn == "refit":
            for sample in samples:
                images, labels = self.reward_batch(sample)
                drop = self.reward_drop(len(labels), sample)
                if fidelity.reward_bn == "refit":
                    refit_batch_norm(self.net, children[sample], self.refit_batches())
                self._evaluate()
                yield int(count_right(self.net, children[sample], images, labels, compute, drop))
            return
        images, labels = self.reward_batch(0)
        drops = [self.reward_drop(len(labels), sample) for sample in samples]
        self._evaluate()
        found = [0] * len(samples)
        for i, right in count_right_each(
            self.net, [children[k] for k in samples], images, labels, compute, drops
        ):
            found[i] = int(right)
        yield from found

    def _evaluate(self) -> None:
        if self.net.training:  # asked first, since the switch walks through every module
            self.net.eval()

    @property
    def reward_images(self) -> int:
        return sizes.reward_images(self.recipe, self.data)

    def reward_batch(self, sample: int) -> tuple[Tensor, Tensor]:
        """(images, labels) of the validation minibatch on which a sample is rewarded."""
        at = self.at
        own = sample if self.recipe.fidelity.reward_batch == "own" else 0
        rng = draws.generator(self.seed, "reward", at.epoch, at.update, own)
        count = self.reward_images
        index = rng.choice(len(self.data.valid), count, replace=False, shuffle=False)
        images, labels = self.data.valid.take(draws.put(index, self.device))
        return self.data.normalise(images), labels

    def reward_drop(self, count: int, sample: int) -> Tensor | None:
        """The dropout that `fidelity.reward_dropout` leaves on while a reward is measured."""
        if self.recipe.fidelity.reward_dropout == "off":
            return None
        return draws.dropout_mask(
            (count, self.net.features),
            self.recipe.network.keep_prob,
            draws.generator(self.seed, "reward_dropout", self.at.epoch, self.at.update, sample),
            self.device,
        )

    def refit_batches(self) -> Iterator[Tensor]:
        rng = draws.generator(self.seed, "refit", self.at.epoch, self.at.update)
        for _ in range(REFIT_BATCHES):
            index = rng.choice(len(self.data.train), self.batch_size, replace=False)
            images, _ = self.data.train.take(draws.put(index, self.device))
            yield self.data.normalise(images)

    # ---- saving and going on

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = self._weight_tensors()
        return (tensors if self._trained is None else tensors | {"trained": self._trained}), {}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self._restore_weights(tensors)
        self._trained = tensors.get("trained")
