"""Rewards: what an architecture is worth, from its accuracy and itself.

A strategy may add to it what is its own, as ENAS adds the entropy of its policy.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from numbers import Real

from enas_viz.facts.cost import recipe_path_cost
from enas_viz.recipes import Recipe
from enas_viz.spaces import Architecture

Reward = Callable[[float, Architecture], float]

NETWORKS = 200  # uniform ones, whose mean cost is the unit of `accuracy_minus_cost`


def accuracy(accuracy: float, architecture: Architecture) -> float:
    """The accuracy, in [0, 1]."""
    return accuracy


def accuracy_minus_cost(recipe: Recipe, channels: int, classes: int) -> Reward:
    """Accuracy less `reward.weight` times its multiply-adds, in units of their mean over the space.

    The mean is that of 200 uniform architectures, the same ones for every seed. Rewards may be
    negative.
    """

    def cost(architecture: Architecture) -> int:
        return recipe_path_cost(architecture, recipe, channels, classes).multiply_adds

    rng, space = random.Random(0), recipe.space
    costs = [cost(space.sample(rng)) for _ in range(NETWORKS)]
    unit, weight = sum(costs) / len(costs), recipe.reward.weight

    def reward(accuracy: float, architecture: Architecture) -> float:
        return accuracy - weight * cost(architecture) / unit

    return reward


def make_reward(recipe: Recipe, channels: int, classes: int) -> Reward:
    """The reward that the recipe names, for images of so many channels and classes."""
    if recipe.reward.name == "accuracy":
        return accuracy
    if recipe.reward.name == "own":
        raise ValueError(
            "reward.name is 'own', so the function has to be given: search.run(recipe, reward=...)"
        )
    return accuracy_minus_cost(recipe, channels, classes)


def worth_of(reward: Reward, accuracy: float, architecture: Architecture) -> float:
    """What a reward makes of them. Raises ValueError when that is no finite number."""
    worth = reward(accuracy, architecture)
    if not isinstance(worth, Real) or not math.isfinite(worth):
        raise ValueError(
            f"a reward is a finite number; the architecture {architecture.flat}, with an accuracy "
            f"of {accuracy}, was given {worth!r:.100}"
        )
    return float(worth)
