"""ENAS: train shared weights for an epoch, then the controller on their validation accuracy.

`Enas.records` is the algorithm, told start to finish as a generator: whoever iterates is in
charge. Its state is complete at every yield, so a search can be saved wherever it was left.

Source: Pham et al. 2018, section 2.2; authors' `main.py`, `general_controller.py`.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.records import training_counts as inheritance
from enas_viz.records.trace import Episode, Epoch, Header, Tick
from enas_viz.search.nets.controller import ControllerOptimiser, Rollout, bonus, make_controller
from enas_viz.search.nets.lstm import NonFinitePolicy
from enas_viz.search.nets.supernet import make_supernet
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data
from enas_viz.search.training.epochs import WeightTraining
from enas_viz.search.training.ranks import Ranks, Stopped
from enas_viz.search.training.sizes import reward_images
from enas_viz.search.training.step import (
    backward,
    count_right,
    count_right_each,
    learning_rate,
    optimiser_tensors,
    refit_batch_norm,
    restore_optimiser,
    within,
)
from enas_viz.spaces import Architecture

WEIGHT_STEP_COST = 3  # of a training minibatch, when one that is only evaluated costs 1
REFIT_BATCHES = 4  # training minibatches on which fidelity.reward_bn = "refit" measures


@dataclass
class Position:
    """Where a search stands; with the weights, all that a checkpoint needs."""

    records: int = 0  # records yielded so far, the header included
    epoch: int = 0
    phase: str = "weights"
    step: int = 0  # optimiser steps done in the weight phase
    update: int = 0  # controller updates done in this epoch
    baseline: float | None = None
    update_baseline: float | None = None  # as it was before the update under way
    right: list[float] = field(default_factory=list)  # accuracies of the update under way
    accuracy_sum: float = 0.0  # over all rewards of this epoch
    best: float | None = None  # the highest accuracy so far
    controller_steps: int = 0  # updates in the whole search
    episodes: int = 0
    finished: bool = False


class Enas(WeightTraining):
    """One ENAS search: its networks, its data, and where it stands.

    The shared weights live on `device`, the controller always on the CPU. ranks: the processes
    that share the search; each holds all of it and computes its part of every step and update.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        header: Header,
        seed: int,
        device: torch.device,
        ranks: Ranks | None = None,
    ) -> None:
        data = data.to(device)
        net = make_supernet(recipe, data.channels, len(data.classes), seed).to(device)
        super().__init__(recipe, net, data, header, seed, device, ranks)
        self.controller = make_controller(recipe.space, recipe.controller, recipe.fidelity, seed)
        self.controller_optimiser = ControllerOptimiser(self.controller)
        self.at = Position()
        rewarded = self._reward_images if recipe.fidelity.reward_bn == "batch" else self.batch_size
        one = recipe.space.sample(random.Random(0))
        self.check_batches(one, min(self.batch_size, rewarded))
        # What the last weight phase trained, as `inheritance.count` tells it: the controller moves
        # on, so it cannot be counted later. None: an older version's checkpoint does not say.
        self._trained: Tensor | None = torch.zeros(
            inheritance.size(recipe.space) + 1, dtype=torch.int64
        )

    # ---- the algorithm

    def records(self) -> Iterator[Header | Tick | Episode | Epoch]:
        """Everything that happens from the present position to the end of the search."""
        at = self.at
        if at.records == 0:
            at.records = 1
            yield self.header
        while at.epoch < self.recipe.train.epochs:
            started = time.monotonic()
            if at.phase == "weights":
                yield from self._train_weights()
                at.phase, at.step = "controller", 0
            weights_took = time.monotonic() - started
            yield from self._train_controller()
            yield self._finish_epoch(weights_took, time.monotonic() - started - weights_took)
        at.finished = True

    def _train_weights(self) -> Iterator[Tick]:
        """One epoch of minibatches, each with an architecture of its own; the policy is fixed."""
        at, width = self.at, self.controller.draws_per_sample
        numbers = draws.uniforms(self.seed, "child", at.epoch, 0, range(self.minibatches), width)
        children = self.controller.sample(self.minibatches, uniforms=numbers).architectures()
        order = self._shuffled()

        def run(number: int) -> tuple[Tensor, Tensor]:
            return self._minibatch(number, children[number], order)

        def blamed(number: int) -> str:
            return f", under the architecture {children[number].flat}"

        for _ in self._steps(run, blamed):
            yield self._tick(at.step, self.steps_per_epoch)
        fidelity = self.recipe.fidelity
        counted = inheritance.count(
            children,
            self.recipe.space,
            last_op=fidelity.macro_dispatch == "last_branch",
            merge=fidelity.skip_merge_search,
        )
        self._trained = torch.tensor(counted)

    def _minibatch(self, number: int, child: Architecture, order: Tensor) -> tuple[Tensor, Tensor]:
        """Adds the gradient of one of the epoch's minibatches; (loss, count of right answers)."""
        index = self._part(order, number)
        rng = draws.generator(self.seed, "augment", self.at.epoch, number)
        images, labels = self.data.training_batch(index, self.recipe.data, rng)
        drop = draws.dropout_mask(
            (len(index), self.net.features),
            self.recipe.network.keep_prob,
            draws.generator(self.seed, "dropout", self.at.epoch, number),
            self.device,
        )
        return backward(self.net, child, images, labels, self.recipe.compute, drop)

    def _train_controller(self) -> Iterator[Tick | Episode]:
        """REINFORCE: so many updates, each averaged over so many sampled architectures."""
        at, config = self.at, self.recipe.controller
        while at.update < config.updates:
            width = self.controller.draws_per_sample
            numbers = draws.uniforms(
                self.seed, "sample", at.epoch, at.update, range(config.samples), width
            )
            rollout = self.controller.sample(config.samples, uniforms=numbers)
            children = rollout.architectures()
            baselines, rewards = self._replay_baselines(rollout)
            accuracies = self._accuracies(children)
            for sample in range(len(at.right), config.samples):
                accuracy = next(accuracies)
                at.right.append(accuracy)
                at.accuracy_sum += accuracy
                reward = self._reward(accuracy, rollout, sample)
                at.baseline = self._moved_baseline(at.baseline, reward)
                rewards.append(reward)
                baselines.append(at.baseline)
                at.episodes += 1
                at.records += 1
                yield self._episode(rollout, children[sample], sample, rewards, baselines)
                done = at.update * config.samples + sample + 1
                yield self._tick(done, config.updates * config.samples)
            self._update_controller(children, rewards, baselines)
            at.update += 1
            at.right = []

    def _update_controller(
        self, children: list[Architecture], rewards: list[float], baselines: list[float]
    ) -> None:
        """One REINFORCE update on the samples."""
        self.controller_optimiser.reinforce(
            children, torch.tensor(rewards) - torch.tensor(baselines)
        )
        self.at.controller_steps += 1

    def _finish_epoch(self, weights_took: float, controller_took: float) -> Epoch:
        at, config = self.at, self.recipe.controller
        rewards = config.updates * config.samples
        made = Epoch(
            epoch=at.epoch,
            loss=self._mean_loss(),
            train_accuracy=self._share_right(),
            valid_accuracy=at.accuracy_sum / rewards if rewards else None,
            lr=learning_rate(self.recipe.train, at.epoch),
            steps=self.steps_per_epoch,
            n=at.records,
            clock={
                "weights_s": round(weights_took, 3),
                "controller_s": round(controller_took, 3),
            },
            extra=self._told_trained(),
        )
        at.records += 1
        at.epoch += 1
        at.phase, at.step, at.update, at.accuracy_sum = "weights", 0, 0, 0.0
        return made

    def _told_trained(self) -> dict[str, Any]:
        if self._trained is None:
            return {}
        return {"trained": inheritance.to_json(self._trained.tolist(), self.recipe.space)}

    # ---- its parts

    def _accuracies(self, children: list[Architecture]) -> Iterator[float]:
        """Share of fresh validation images that each child still to be rewarded gets right.

        A process by itself computes them as they are asked for; several share them out, and all
        get them at once.
        """
        waiting = range(len(self.at.right), len(children))
        count = self._all_counts if self.ranks.size > 1 else self._counts
        counts = count(children, waiting)
        yield from (right / self._reward_images for right in counts)

    def _all_counts(self, children: list[Architecture], samples: range) -> list[int]:
        """The right answers of `samples`, each counted by one of the processes, told to all."""
        ranks = self.ranks
        mine = ranks.mine(samples.stop, samples.start)
        told = torch.zeros(samples.stop + 1, dtype=torch.int64)
        told[-1] = ranks.leaving
        for sample, right in zip(mine, self._counts(children, mine), strict=True):
            told[sample] = right
        if self.recipe.fidelity.reward_bn == "refit" and samples[-1] not in mine:
            refit_batch_norm(self.net, children[-1], self.refit_batches())  # as the others left it
        *counts, stop = ranks.sum(told).tolist()
        if stop:
            raise Stopped
        return counts[samples.start :]

    def _counts(self, children: list[Architecture], samples: range) -> Iterator[int]:
        """How many validation images each of the `samples` gets right.

        `fidelity.reward_batch`: "own", each child on a minibatch of its own, computed when it is
        asked for; "shared", all on one, so what their networks have in common is computed once.
        """
        fidelity, compute = self.recipe.fidelity, self.recipe.compute
        if fidelity.reward_batch == "own" or fidelity.reward_bn == "refit":
            for sample in samples:
                images, labels = self._reward_batch(sample)
                drop = self._reward_drop(len(labels), sample)
                if fidelity.reward_bn == "refit":
                    refit_batch_norm(self.net, children[sample], self.refit_batches())
                self._evaluate()
                yield int(count_right(self.net, children[sample], images, labels, compute, drop))
            return
        images, labels = self._reward_batch(0)
        drops = [self._reward_drop(len(labels), sample) for sample in samples]
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
    def _reward_images(self) -> int:
        return reward_images(self.recipe, self.data)

    def _reward_batch(self, sample: int) -> tuple[Tensor, Tensor]:
        """(images, labels) of the validation minibatch on which a sample is rewarded."""
        at = self.at
        own = sample if self.recipe.fidelity.reward_batch == "own" else 0
        rng = draws.generator(self.seed, "reward", at.epoch, at.update, own)
        count = self._reward_images
        index = rng.choice(len(self.data.valid), count, replace=False, shuffle=False)
        images, labels = self.data.valid.take(draws.put(index, self.device))
        return self.data.normalise(images), labels

    def _reward_drop(self, count: int, sample: int) -> Tensor | None:
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

    def _reward(self, accuracy: float, rollout: Rollout, sample: int) -> float:
        """What a sample is worth. NonFinitePolicy when that is no finite number."""
        reward = accuracy + bonus(rollout, sample)
        if not math.isfinite(reward):
            c = self.recipe.controller
            raise NonFinitePolicy(
                f"the reward was {reward} in epoch {self.at.epoch + 1}, update "
                f"{self.at.update + 1}, sample {sample + 1}, for an accuracy of {accuracy}: what "
                f"the controller adds to it is too large; see controller.entropy_weight (now "
                f"{c.entropy_weight}), skip_weight ({c.skip_weight}), tanh_constant "
                f"({c.tanh_constant})"
            )
        return reward

    def _moved_baseline(self, baseline: float | None, reward: float) -> float:
        """The moving average of rewards after one more of them."""
        if baseline is None:
            first = self.recipe.fidelity.baseline_start == "first_reward"
            baseline = reward if first else 0.0
        return baseline - (1 - self.recipe.controller.baseline_decay) * (baseline - reward)

    def _replay_baselines(self, rollout: Rollout) -> tuple[list[float], list[float]]:
        """(baselines, rewards) of the samples that a resumed update has behind it."""
        at = self.at
        rewards = [self._reward(a, rollout, k) for k, a in enumerate(at.right)]
        if not rewards:
            at.update_baseline = at.baseline
            return [], []
        baseline, baselines = at.update_baseline, []
        for reward in rewards:
            baseline = self._moved_baseline(baseline, reward)
            baselines.append(baseline)
        return baselines, rewards

    def _episode(
        self,
        rollout: Rollout,
        child: Architecture,
        sample: int,
        rewards: list[float],
        baselines: list[float],
    ) -> Episode:
        at = self.at
        best = at.best is None or at.right[-1] > at.best
        if best:
            at.best = at.right[-1]
        kept = best or (at.episodes - 1) % self.recipe.keep_steps == 0
        return Episode(
            architecture=child,
            steps=rollout.steps(sample, self.recipe.record == "full") if kept else (),
            accuracy=at.right[-1],
            reward=rewards[-1],
            baseline=baselines[-1],
            advantage=rewards[-1] - baselines[-1],
            epoch=at.epoch,
            update=at.update,
            sample=sample,
            n=at.records - 1,
            order=self.recipe.order,
            extra=self._extra(rollout, sample),
            header=self.header,
        )

    def _extra(self, rollout: Rollout, sample: int) -> dict[str, float]:
        """What else an episode tells of its sample, in nats; of the skip penalty, before it is
        weighted, where the reward holds it."""
        told = {"log_probability": rollout.log_probability, "entropy": rollout.entropy}
        if self.recipe.fidelity.skip_penalty_in == "reward" and self.recipe.kind == "macro":
            told["skip_penalty"] = rollout.skip_penalty
        return {name: round(float(values[sample]), 4) for name, values in told.items()}

    def _tick(self, step: int, steps: int) -> Tick:
        at, config = self.at, self.recipe.controller
        rewards = config.updates * config.samples
        step_cost = WEIGHT_STEP_COST * self.recipe.train.accumulate
        weights_cost = step_cost * self.steps_per_epoch
        inside = step_cost * at.step if at.phase == "weights" else weights_cost + step
        done = (at.epoch + inside / (weights_cost + rewards)) / self.recipe.train.epochs
        return Tick(at.phase, at.epoch, step, steps, done, self.seen_loss)

    # ---- saving and going on

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts) of the present state, complete at every yield of `records`."""
        tensors = self._weight_tensors()
        tensors |= {f"controller.{k}": v for k, v in self.controller.state_dict().items()}
        tensors |= optimiser_tensors("adam", self.controller, self.controller_optimiser.adam)
        if self._trained is not None:
            tensors["trained"] = self._trained
        return tensors, {"position": asdict(self.at)}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot of a search of the same recipe, seed and data."""
        self._restore_weights(tensors)
        self.controller.load_state_dict(within("controller.", tensors))
        adam = self.controller_optimiser.adam
        restore_optimiser("adam", self.controller, adam, tensors)
        self._trained = tensors.get("trained")
        self.at = Position(**facts["position"])
        self.controller_optimiser.steps = self.at.controller_steps
