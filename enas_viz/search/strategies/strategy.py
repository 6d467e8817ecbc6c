"""The seam between a search and how it chooses: what a strategy is asked, and how it is registered.

    @strategy("hill")
    class Hill:
        def __init__(self, recipe, seed): ...
        def propose(self, n, key): ...        # -> Proposals
        def credit(self, proposals, k, worth): ...  # -> Credit
        def learn(self, proposals, credits): ...
        def snapshot(self): ...                # -> (tensors, facts)
        def restore(self, tensors, facts): ...

Not here: the loop that asks (`search/enas.py`), what an architecture is worth (`search/judges/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from reprlib import repr as shortened  # what is refused may be endless
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from enas_viz.recipes import Recipe
from enas_viz.recipes.strategies import OURS, check_config, home_of, known, register_config
from enas_viz.spaces import Architecture

if TYPE_CHECKING:
    from torch import Tensor

    from enas_viz.records.trace import Step

METHODS = ("propose", "credit", "learn", "snapshot", "restore")

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """What architectures are proposed for, and when; with the seed it keys all randomness.

    purpose: "child" (to train shared weights), "sample" (to be judged and learned from) or "derive"
    (after the search, as its result). epoch, update: counted from 0. seed: of the run, or what
    whoever derives asks for.
    """

    purpose: str
    epoch: int = 0
    update: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Proposals:
    """Architectures that a strategy proposes at one turn.

    extra: for each what its episode tells besides, as plain JSON; () for nothing.
    """

    architectures: Sequence[Architecture]
    key: Key
    extra: Sequence[Mapping[str, Any]] = ()

    def steps(self, k: int, full: bool = False) -> tuple[Step, ...]:
        """The time-steps that decided the k-th; () where nothing but chance did. full: with raw
        logits and hidden states."""
        return ()

    def log_probability(self, k: int) -> float | None:
        """Of the k-th under the policy, in nats; None where there is none."""
        return None

    def facts(self, k: int) -> dict[str, Any]:
        """What the episode of the k-th tells besides."""
        return dict(self.extra[k]) if self.extra else {}


@dataclass(frozen=True)
class Credit:
    """What a strategy makes of an architecture's worth: the numbers of its episode."""

    reward: float
    baseline: float | None = None
    advantage: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Strategy(Protocol):
    """How the next architectures are chosen. Built from (recipe, seed), before anything is judged.

    A turn is: `propose`, then for each architecture, in order and as soon as it was judged,
    `credit`, and at last `learn`. A search may stop between two credits. It goes on with what
    `snapshot` gave, proposes the turn again, and credits again what was judged before: so a
    snapshot is of the state at the beginning of the turn, and `propose` must not change it.
    """

    def propose(self, n: int, key: Key) -> Proposals:
        """n architectures: a function of the state, the turn, and nothing else."""

    def credit(self, proposals: Proposals, k: int, worth: float) -> Credit:
        """What the k-th architecture's worth means to this strategy."""

    def learn(self, proposals: Proposals, credits: Sequence[Credit]) -> None:
        """The end of a turn: all were judged."""

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts as plain JSON) of the state at the beginning of the turn."""

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot. Raises ValueError for facts that cannot be one."""


_strategies: dict[str, Callable[[Recipe, int], Strategy]] = {}


def strategy(name: str, config: type | None = None) -> Callable[[T], T]:
    """Decorates a class: from then on recipes of the strategy `name` are searched by it.

    config: a frozen dataclass, every field with a default; `recipe.options` then is one of it,
    `--NAME.field` sets it, and runs of other strategies refuse it. A strategy registered again
    replaces the one before.
    """
    check_config(name, config)

    def registered(made: T) -> T:
        _check_methods(made)
        register_config(name, config)
        _strategies[name] = made  # type: ignore[assignment]
        return made

    return registered


def make_strategy(recipe: Recipe, seed: int) -> Strategy:
    """The strategy of a recipe, at its start."""
    if recipe.strategy not in _strategies and recipe.strategy in OURS:
        import_module(home_of(recipe.strategy))
    if recipe.strategy not in _strategies:
        raise ValueError(
            f"there is no strategy {recipe.strategy!r}; there are {', '.join(known())}. One of "
            f"your own is registered by a file: enas-viz --import FILE search ..."
        )
    kind = _strategies[recipe.strategy]
    made = kind(recipe, seed) if callable(kind) else kind
    _check_methods(made)
    return made


def _check_methods(made: Any) -> None:
    """TypeError for what is no strategy, a class or an object: it may be somebody's own."""
    if missing := [m for m in METHODS if not callable(getattr(made, m, None))]:
        raise TypeError(
            f"a strategy has the methods {', '.join(METHODS)}; {shortened(made)} lacks "
            f"{', '.join(missing)}"
        )
