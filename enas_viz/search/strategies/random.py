"""Random search: every architecture is drawn uniformly, and nothing is learned.

With shared weights it is the baseline of Li & Talwalkar 2019 (arXiv:1902.07638): the weights are
trained under uniform architectures, too. With `judge.name=alone` it is random search as such.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from enas_viz.keys import generator
from enas_viz.recipes import Recipe
from enas_viz.search.strategies.strategy import Credit, Key, Proposals, strategy
from enas_viz.spaces import Architecture, Space

if TYPE_CHECKING:
    from torch import Tensor


def uniform(space: Space, n: int, key: Key) -> list[Architecture]:
    """n architectures, every decision uniform, each by a key of its own."""
    return [space.sample(keyed(key, k)) for k in range(n)]


def keyed(key: Key, k: int) -> random.Random:
    """The random numbers of the k-th architecture of a turn."""
    rng = generator(key.seed, key.purpose, key.epoch, key.update, k)
    return random.Random(int(rng.integers(2**63)))


@strategy("random")
class Random:
    """Uniform architectures."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.space = recipe.space

    def propose(self, n: int, key: Key) -> Proposals:
        return Proposals(uniform(self.space, n, key), key)

    def credit(self, proposals: Proposals, k: int, worth: float) -> Credit:
        return Credit(worth)

    def learn(self, proposals: Proposals, credits: Sequence[Credit]) -> None:
        """Nothing."""

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {}, {}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Nothing: it has no state."""
