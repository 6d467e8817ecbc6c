"""Limits of a policy: which probabilities and entropies its controller's logits can reach at all.

Every logit is `bound * tanh(raw / temperature)`, so it stays inside (-bound, bound) whatever is
learned; the temperature says how far the raw logit must go, not where it ends. The released prior
of micro cells adds a fixed shift afterwards, and starts the bias of two operations so far out that
their tanh passes no gradient on.

Not here: what a trained policy does within its limits (`search/diagnostics.py`).
Source: authors' `general_controller.py`, `micro_controller.py`; the arithmetic is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from enas_viz.recipes import (
    FAVOURED,
    PRIOR_BIAS,
    PRIOR_SHIFT,
    ControllerConfig,
    Fidelity,
    Recipe,
    check,
)
from enas_viz.spaces import Decision, Space

LEAST, MOST = 1e-6, 1e6  # of a number of the controller that a recorded recipe is believed to have

# The lowest and the highest logit of one option.
Interval = tuple[float, float]


@dataclass(frozen=True)
class DecisionReach:
    """What one draw of a decision can reach; a skip decision makes `decision.rows` such draws.

    ranges: per option its lowest and its highest probability; a skip's options are (no, yes).
    entropy_low, entropy_high: nats, the least and the most of one draw. All are limits that tanh
    approaches and never touches, the highest entropy excepted.
    """

    decision: Decision
    ranges: tuple[tuple[float, float], ...]
    entropy_low: float
    entropy_high: float

    @property
    def lowest(self) -> float:
        """The lowest probability of any option."""
        return min(low for low, _ in self.ranges)

    @property
    def highest(self) -> float:
        """The highest probability of any option."""
        return max(high for _, high in self.ranges)


@dataclass(frozen=True)
class Reach:
    """What a policy can reach: every decision of an architecture, and their summed entropy.

    decisions: in the order of the controller, silent steps left out. entropy_low, entropy_high:
    nats, summed over all draws of all decisions, as a sample's entropy is.
    """

    decisions: tuple[DecisionReach, ...]
    entropy_low: float
    entropy_high: float

    def share(self, option: int) -> tuple[float, float]:
        """The lowest and highest mean probability of operation number `option`.

        The mean is over all decisions for an operation; it is what the operation's share of a
        sampled architecture is expected to be. Raises ValueError when there is no such option.
        """
        found = [d.ranges for d in self.decisions if d.decision.kind == "op"]
        count = len(found[0])
        if not 0 <= option < count:
            raise ValueError(f"an operation's number is from 0 to {count - 1}; got {option!r}")
        lows, highs = zip(*(ranges[option] for ranges in found), strict=True)
        return sum(lows) / len(lows), sum(highs) / len(highs)


def reach(recipe: Recipe, saturated: bool = False) -> Reach:
    """What the policy of `recipe` can reach, whatever its controller learns.

    saturated: count what the released prior favours (`fidelity.op_prior`) as held where its bias
    starts it, as it is while the tanh there passes next to no gradient on. Without that prior, and
    in a macro search, it changes nothing.
    Raises ValueError when `recipe` is none, or holds a value outside its range.
    """
    check(recipe)
    return _reach(
        recipe.space, recipe.order, recipe.controller, recipe.fidelity.op_prior, saturated
    )


def reach_of_header(
    recipe: dict[str, Any],
    fidelity: dict[str, Any],
    space: Space,
    order: str,
    saturated: bool = False,
) -> Reach | None:
    """What the policy of a recorded search could reach: from the fields of a trace's header.

    recipe, fidelity: as the header has them; what older traces lack counts as the default.
    None where the recipe tells no `tanh_constant`, or numbers that no controller can have.
    Raises ValueError when `space` does not know `order`.
    """
    told = recipe.get("controller")
    if not isinstance(told, dict) or "tanh_constant" not in told:
        return None
    names = ("tanh_constant", "temperature", "op_tanh_reduce")
    numbers = {name: told[name] for name in names if name in told}
    if not all(type(x) in (int, float) and LEAST <= x <= MOST for x in numbers.values()):
        return None
    prior = fidelity.get("op_prior", Fidelity().op_prior)
    return _reach(space, order, ControllerConfig(**numbers), prior, saturated)


def _reach(
    space: Space, order: str, config: ControllerConfig, op_prior: str, saturated: bool
) -> Reach:
    found = []
    for decision in space.steps(order):
        if decision.kind == "silent":
            continue
        intervals = ((-config.tanh_constant, config.tanh_constant),) * decision.options
        if decision.kind == "op" and decision.cell:
            prior = op_prior == "released"
            intervals = _cell_ops(space.ops, decision.cell, config, prior, prior and saturated)
        found.append(DecisionReach(decision, *_extremes(intervals)))
    return Reach(
        tuple(found),
        sum(d.decision.rows * d.entropy_low for d in found),
        sum(d.decision.rows * d.entropy_high for d in found),
    )


def _cell_ops(
    ops: Sequence[str], cell: str, config: ControllerConfig, prior: bool, saturated: bool
) -> tuple[Interval, ...]:
    """Where the logits of a cell's operations can be."""
    bound = config.tanh_constant / config.op_tanh_reduce
    held = bound * math.tanh(PRIOR_BIAS / config.temperature)
    shift = PRIOR_SHIFT if prior and cell == "normal" else 0.0
    favoured = (held + shift, held + shift) if saturated else (shift - bound, shift + bound)
    return tuple(favoured if op in FAVOURED else (-bound - shift, bound - shift) for op in ops)


@cache
def _extremes(
    intervals: tuple[Interval, ...],
) -> tuple[tuple[tuple[float, float], ...], float, float]:
    """Ranges of the probabilities, least and most entropy of a softmax over logits in intervals.

    At most two different intervals. A skip's logits (-z, z) move together, but both ends of
    everything asked for here lie on that line, so two free options give the same.
    """
    groups = tuple((interval, intervals.count(interval)) for interval in dict.fromkeys(intervals))
    of_group = {interval: _range(interval, groups) for interval, _ in groups}
    least = min(_entropy(vertex) for vertex in _vertices(groups))
    return tuple(of_group[i] for i in intervals), least, _entropy(_most_even(groups))


Groups = tuple[tuple[Interval, int], ...]  # options with the same interval, and how many they are
Levels = list[tuple[float, int]]  # a logit, and how many options have it


def _range(own: Interval, groups: Groups) -> tuple[float, float]:
    """An option's lowest probability (itself lowest, the others highest), and its highest."""
    rest = [(interval, count - (interval == own)) for interval, count in groups]
    rest = [(interval, count) for interval, count in rest if count]
    low = [(high - own[0], count) for (_, high), count in rest]
    high = [(low - own[1], count) for (low, _), count in rest]
    return _odds(low), _odds(high)


def _odds(others: Levels) -> float:
    """The probability of an option, from how far each of the others is above it."""
    top = max([0.0, *(z for z, _ in others)])  # taken out, so that nothing overflows
    weight = sum(count * math.exp(z - top) for z, count in others)
    return math.exp(-top) / (math.exp(-top) + weight)


def _vertices(groups: Groups) -> list[Levels]:
    """Logits at the ends of their intervals, one case for how many of each group are on top.

    The least entropy is at one of them: as a function of a single logit, entropy first rises and
    then falls, since its derivative -p (ln p + entropy) changes its sign once; so moving the logits
    one by one to the better end never adds to it.
    """
    cases = product(*(range(count + 1) for _, count in groups))
    return [
        [
            level
            for ((low, high), count), up in zip(groups, ups, strict=True)
            for level in ((high, up), (low, count - up))
        ]
        for ups in cases
    ]


def _most_even(groups: Groups) -> Levels:
    """Logits of the most entropy: all equal where the intervals meet, else as near as they get.

    Of two intervals that do not meet, the nearest ends: between them lies the mean logit, and
    entropy rises when a logit moves towards that.
    """
    middle = (max(low for (low, _), _ in groups) + min(high for (_, high), _ in groups)) / 2
    return [(min(max(middle, low), high), count) for (low, high), count in groups]


def _entropy(levels: Levels) -> float:
    """Nats of the softmax over these logits: -sum p ln p = ln Z - sum p z."""
    top = max(z for z, count in levels if count)
    weights = [(count * math.exp(z - top), z - top) for z, count in levels if count]
    total = sum(w for w, _ in weights)
    return math.log(total) - sum(w * z for w, z in weights) / total
