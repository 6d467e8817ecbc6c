"""The seam between a search and what an architecture is worth: a judge trains, and scores.

Not here: which architectures (`search/strategies/`), the loop that asks (`search/enas.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from enas_viz.spaces import Architecture

Propose = Callable[[int], Sequence[Architecture]]


@dataclass
class SearchPosition:
    """Where a search stands; with its strategy and judge, all that a checkpoint needs."""

    records: int = 0  # records yielded so far, the header included
    epoch: int = 0
    phase: str = "weights"
    step: int = 0  # optimiser steps done in the weight phase
    update: int = 0  # turns of the strategy done in this epoch
    right: list[float] = field(default_factory=list)  # accuracies of the turn under way
    accuracy_sum: float = 0.0  # over all that were judged in this epoch
    best: float | None = None  # the highest accuracy so far
    episodes: int = 0
    finished: bool = False


@dataclass(frozen=True)
class WeightPhase:
    """What an epoch trained, for its record; None for what was not.

    loss: mean training loss in nats. accuracy: of the minibatches as they were trained, in [0, 1].
    lr: the learning rate. steps: of the optimiser. extra: what else the record tells.
    """

    loss: float | None = None
    accuracy: float | None = None
    lr: float | None = None
    steps: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


class Judge(Protocol):
    """What architectures are worth. `at` is the search's own position, which it reads.

    steps: of the weight phase of an epoch; 0 where there is none. cost: of that phase, when judging
    one architecture costs 1, for the progress. seen_loss: mean loss of the epoch under way.
    """

    steps: int
    cost: float
    seen_loss: float | None

    def prepare(self, propose: Propose) -> Iterator[None]:
        """The weight phase of the present epoch from `at.step` on; yields after each step."""

    def accuracies(self, architectures: Sequence[Architecture], first: int) -> Iterator[float]:
        """The accuracy, in [0, 1], of each architecture of a turn from number `first` on."""

    def trained(self) -> WeightPhase:
        """What the present epoch trained."""

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts as plain JSON) of the present state."""

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot."""


class Untrained:
    """What judges without a weight phase have in common."""

    steps = 0
    cost = 0.0
    seen_loss: float | None = None

    def prepare(self, propose: Propose) -> Iterator[None]:
        return iter(())

    def trained(self) -> WeightPhase:
        return WeightPhase()

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {}, {}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Nothing: it has no state."""
