"""Regularised evolution: the best of a few is mutated, and the oldest dies.

Source: Real et al. 2018 (arXiv:1802.01548). "Regularised evolution" means different things in
different programs; `EvolutionConfig` has a field for each difference, and `PRESETS` has one set of
values per source. Under shared weights, which Real et al. do not have, the weights are trained
under uniform architectures.
"""

from __future__ import annotations

import random
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from enas_viz.recipes import Recipe
from enas_viz.search.strategies.random import keyed, uniform
from enas_viz.search.strategies.strategy import Credit, Key, Proposals, strategy
from enas_viz.spaces import Architecture, Decision, Space

if TYPE_CHECKING:
    from torch import Tensor

MOST_TRIES = 1000  # mutations that are tried until one is not a member already


@dataclass(frozen=True, kw_only=True)
class EvolutionConfig:
    """How a population evolves; defaults from the paper.

    The first `population` architectures are uniform. Then each is a mutated copy of the best of
    `tournament` members, drawn with or without `replacement`; it joins, and one member dies.
    """

    population: int = 100
    tournament: int = 25  # members of which the best becomes a parent
    replacement: bool = True  # whether one member can be drawn twice for a tournament
    dies: Literal["oldest", "worst"] = "oldest"
    # "one": exactly one decision changes. "each": every decision changes with a probability.
    mutation: Literal["one", "each"] = "one"
    op_rate: float = 0.0  # of "each": of an operation; 0: one of them on average
    wiring_rate: float = 0.0  # of "each": of a skip or an index; 0: one of them on average
    old_value: bool = False  # whether a decision that is drawn again may come out as it was
    distinct: bool = False  # whether a child that equals a member is drawn again

    def check(self) -> None:
        """Raises ValueError for values that cannot go together."""
        if self.population < 1 or self.tournament < 1:
            raise ValueError(
                f"evolution.population and evolution.tournament must be at least 1; got "
                f"{self.population} and {self.tournament}"
            )
        if self.tournament > self.population and not self.replacement:
            raise ValueError(
                f"evolution.tournament ({self.tournament}) without replacement cannot be larger "
                f"than evolution.population ({self.population})"
            )
        for name in ("op_rate", "wiring_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"evolution.{name} is in [0, 1]; got {getattr(self, name)}")
        if self.mutation == "one" and (self.op_rate or self.wiring_rate or self.old_value):
            raise ValueError(
                "evolution.op_rate, wiring_rate and old_value are read with evolution.mutation "
                "'each' only; with 'one', one decision takes another value"
            )


PRESETS = {
    "paper": EvolutionConfig(),
    "notebook": EvolutionConfig(tournament=10),  # the authors' toy
    # the notebook of NAS-Bench-101: 7 vertices, 5 of them with an operation
    "nasbench": EvolutionConfig(
        population=50,
        tournament=10,
        replacement=False,
        mutation="each",
        op_rate=1 / 5,
        wiring_rate=1 / 7,
    ),
    "nni": EvolutionConfig(
        mutation="each", op_rate=0.05, wiring_rate=0.05, old_value=True, distinct=True
    ),
}


@dataclass(frozen=True)
class Member:
    """An architecture of the population, what it was worth, and its number in the search."""

    architecture: Architecture
    worth: float
    number: int


@strategy("evolution", EvolutionConfig)
class Evolution:
    """A population, the oldest member first."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.space: Space = recipe.space
        self.config: EvolutionConfig = recipe.options or EvolutionConfig()
        judged = recipe.train.epochs * recipe.controller.updates * recipe.controller.samples
        if judged <= self.config.population:
            warnings.warn(
                f"evolution.population is {self.config.population}, and {judged} networks will be "
                f"judged: all of them are random, and none has a parent",
                stacklevel=2,
            )
        self.population: deque[Member] = deque()
        self.judged = 0

    def propose(self, n: int, key: Key) -> Proposals:
        """Children of the present population; uniform ones to train weights and to begin with.

        As the result of the search, its best members come first, then children.
        """
        if key.purpose == "child":
            return Proposals(uniform(self.space, n, key), key)
        best = self._best(n) if key.purpose == "derive" else []
        first = max(0, self.config.population - len(self.population))  # uniform ones still to come
        made: list[Architecture] = []
        extra: list[dict[str, Any]] = []
        for k in range(n - len(best)):
            rng = keyed(key, k)
            if k < first or not self.population:
                made.append(self.space.sample(rng))
                extra.append({})
            else:
                child, parent = self._child(rng, made)
                made.append(child)
                extra.append({"parent": parent.architecture.flat, "parent_number": parent.number})
        return Proposals([*best, *made], key, [*({} for _ in best), *extra])

    def credit(self, proposals: Proposals, k: int, worth: float) -> Credit:
        return Credit(worth)

    def learn(self, proposals: Proposals, credits: Sequence[Credit]) -> None:
        """The judged ones join, each in turn; beyond the population's size one dies for each."""
        for architecture, credit in zip(proposals.architectures, credits, strict=True):
            self.population.append(Member(architecture, credit.reward, self.judged))
            self.judged += 1
            if len(self.population) > self.config.population:
                if self.config.dies == "oldest":
                    self.population.popleft()
                else:
                    self.population.remove(min(self.population, key=lambda m: m.worth))

    def _child(
        self, rng: random.Random, siblings: Sequence[Architecture]
    ) -> tuple[Architecture, Member]:
        """A mutated copy of the best of a tournament, and its parent."""
        members, c = self.population, self.config
        drawn = (
            [members[rng.randrange(len(members))] for _ in range(c.tournament)]
            if c.replacement
            else rng.sample(list(members), min(c.tournament, len(members)))
        )
        parent = max(drawn, key=lambda m: m.worth)
        known = {m.architecture for m in members} | set(siblings) if c.distinct else set()
        for _ in range(MOST_TRIES):
            child = self._mutated(parent.architecture, rng)
            if child not in known:
                break
        return child, parent

    def _mutated(self, architecture: Architecture, rng: random.Random) -> Architecture:
        if self.config.mutation == "one":
            return self.space.mutate(architecture, rng)
        steps = [d for d in self.space.steps(self.space.orders[0]) if d.rows and d.options > 1]
        for decision in steps:
            rate = self._rate(decision, steps)
            picks = list(self.space.picks(architecture, decision))
            for row, now in enumerate(picks):
                if rng.random() < rate:
                    picks[row] = self._redrawn(now, decision.options, rng)
            architecture = self.space.replaced(architecture, decision, picks)
        return architecture

    def _rate(self, decision: Decision, steps: Sequence[Decision]) -> float:
        """The probability with which one value of this decision is drawn again."""
        is_op = decision.kind == "op"
        rate = self.config.op_rate if is_op else self.config.wiring_rate
        alike = sum(d.rows for d in steps if (d.kind == "op") == is_op)
        return rate or 1 / alike

    def _redrawn(self, now: int, options: int, rng: random.Random) -> int:
        if self.config.old_value:
            return rng.randrange(options)
        return (now + rng.randrange(1, options)) % options

    def _best(self, n: int) -> list[Architecture]:
        """The n best different members, the best first."""
        ranked = sorted(self.population, key=lambda m: -m.worth)
        return list(dict.fromkeys(m.architecture for m in ranked))[:n]

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        members = [[m.architecture.flat, m.worth, m.number] for m in self.population]
        return {}, {"population": members, "judged": self.judged}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        members, judged = facts.get("population"), facts.get("judged")
        if type(judged) is not int or not isinstance(members, list):
            raise ValueError("a population and a count of judged architectures are expected")
        self.population = deque(
            Member(self.space.decode(flat), float(worth), int(number))
            for flat, worth, number in members
        )
        self.judged = judged
