"""REINFORCE: an LSTM samples architectures, and learns from what they were worth.

Source: Pham et al. 2018, section 2.2; authors' `general_controller.py`, `micro_controller.py`.
Not here: the LSTMs (`search/nets/`), their optimiser (`search/nets/controller.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.records.trace import Step
from enas_viz.search.nets.controller import ControllerOptimiser, Rollout, bonus, make_controller
from enas_viz.search.nets.lstm import NonFinitePolicy
from enas_viz.search.strategies.strategy import Credit, Key, Proposals, strategy
from enas_viz.search.training import draws
from enas_viz.search.training.step import optimiser_tensors, restore_optimiser, within


@dataclass(frozen=True)
class Samples(Proposals):
    """Architectures that a controller sampled, and the time-steps that decided them."""

    rollout: Rollout = None  # type: ignore[assignment]

    def steps(self, k: int, full: bool = False) -> tuple[Step, ...]:
        return self.rollout.steps(k, full)

    def log_probability(self, k: int) -> float:
        return float(self.rollout.log_probability[k])

    def facts(self, k: int) -> dict[str, Any]:
        """Log-probability and entropy in nats; the skip penalty, before it is weighted, where the
        reward holds it."""
        rollout = self.rollout
        told = {"log_probability": rollout.log_probability, "entropy": rollout.entropy}
        if rollout.fidelity.skip_penalty_in == "reward" and hasattr(rollout, "skip_penalty"):
            told["skip_penalty"] = rollout.skip_penalty
        return {name: round(float(values[k]), 4) for name, values in told.items()}


@strategy("enas")
class Reinforce:
    """The controller of ENAS, its optimiser, and the moving average of rewards.

    The controller always is on the CPU, wherever the weights are.
    """

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.recipe = recipe
        self.controller = make_controller(recipe.space, recipe.controller, recipe.fidelity, seed)
        self.controller_optimiser = ControllerOptimiser(self.controller)
        self.baseline: float | None = None
        self._before: float | None = None  # the baseline at the beginning of the turn

    def propose(self, n: int, key: Key) -> Samples:
        width = self.controller.draws_per_sample
        numbers = draws.uniforms(key.seed, key.purpose, key.epoch, key.update, range(n), width)
        rollout = self.controller.sample(n, uniforms=numbers)
        return Samples(rollout.architectures(), key, rollout=rollout)

    def reward(self, proposals: Samples, k: int, worth: float) -> float:
        """Worth and bonus of a sample. NonFinitePolicy when that is no finite number."""
        reward = worth + bonus(proposals.rollout, k)
        if not math.isfinite(reward):
            c, key = self.recipe.controller, proposals.key
            raise NonFinitePolicy(
                f"the reward was {reward} in epoch {key.epoch + 1}, update {key.update + 1}, "
                f"sample {k + 1}, for an accuracy of {worth}: what the controller adds to it is "
                f"too large; see controller.entropy_weight (now {c.entropy_weight}), skip_weight "
                f"({c.skip_weight}), tanh_constant ({c.tanh_constant})"
            )
        return reward

    def credit(self, proposals: Samples, k: int, worth: float) -> Credit:
        """Moves the baseline by one reward."""
        reward = self.reward(proposals, k, worth)
        self.baseline = self._moved(self.baseline, reward)
        return Credit(reward, self.baseline, reward - self.baseline)

    def learn(self, proposals: Samples, credits: Sequence[Credit]) -> None:
        """One REINFORCE update on all samples of the turn."""
        rewards = torch.tensor([c.reward for c in credits])
        baselines = torch.tensor([c.baseline for c in credits])
        self.controller_optimiser.reinforce(proposals.architectures, rewards - baselines)
        self._before = self.baseline

    def _moved(self, baseline: float | None, reward: float) -> float:
        """The moving average of rewards after one more of them."""
        if baseline is None:
            first = self.recipe.fidelity.baseline_start == "first_reward"
            baseline = reward if first else 0.0
        return baseline - (1 - self.recipe.controller.baseline_decay) * (baseline - reward)

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {f"controller.{k}": v for k, v in self.controller.state_dict().items()}
        tensors |= optimiser_tensors("adam", self.controller, self.controller_optimiser.adam)
        return tensors, {"baseline": self._before, "updates": self.controller_optimiser.steps}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        baseline, updates = facts.get("baseline"), facts.get("updates")
        if (
            type(updates) is not int
            or updates < 0
            or type(baseline) not in (float, int, type(None))
        ):
            raise ValueError(f"a baseline and a count of updates are expected; got {facts}")
        self.controller.load_state_dict(within("controller.", tensors))
        restore_optimiser("adam", self.controller, self.controller_optimiser.adam, tensors)
        self.controller_optimiser.steps = updates
        self.baseline = self._before = baseline
