"""The controller without torch: one sample at a time, in float64, by the textbook's formulas.

Told what the first steps picked, it goes on by itself, and says the shaped logits of every step.
`static/policy.js` does the same in a browser; tests compare both with the controllers that search.

Not here: where weights come from (`policy.py`); training them, or many samples in one pass
(`enas_viz.search`).
Source: authors' `general_controller.py`, `micro_controller.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate, islice
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import numpy as np

from enas_viz.recipes import FAVOURED, PRIOR_SHIFT, ControllerConfig, Fidelity, order_of
from enas_viz.records.trace import Step
from enas_viz.spaces import Decision, Space

Array = np.ndarray
Picks = tuple[int, ...]


def weight_shapes(space: Space, hidden: int) -> dict[str, tuple[int, int]]:
    """(rows, columns) of each weight of a controller with so many LSTM units, in a fixed order.

    What they are: `search.lstm.LstmPolicy`; only cells have op_bias.
    """
    bias = {"op_bias": (1, len(space.ops))} if space.cells else {}
    return lstm_shapes(hidden, len(space.ops)) | bias


def lstm_shapes(hidden: int, options: int) -> dict[str, tuple[int, int]]:
    """The same of the weights that controllers of both kinds of space have."""
    return {
        "lstm": (2 * hidden, 4 * hidden),
        "start": (1, hidden),
        "op_embedding": (options, hidden),
        "op_softmax": (hidden, options),
        "w1": (hidden, hidden),
        "w2": (hidden, hidden),
        "v": (hidden, 1),
    }


def width(space: Space) -> int:
    """How many uniform numbers one sample consumes: one per entry of its flat list."""
    return sum(decision.rows for decision in space.steps(space.orders[0]))


def entry(space: Space, decision: Decision) -> int:
    """Where a decision's first number stands among those that one sample consumes."""
    return _entries(space)[decision]


@lru_cache(maxsize=8)
def _entries(space: Space) -> dict[Decision, int]:
    plan = space.steps(space.orders[0])
    starts = accumulate((decision.rows for decision in plan), initial=0)
    return dict(zip(plan, starts, strict=False))


def remembers(decision: Decision, order: str) -> str:
    """Whether the state after a step is kept for later ones to point at, as an anchor.

    "kept"; "empty" for an input of a cell, which can be pointed at but reads as zeros; else "".
    """
    if decision.cell and decision.at < 2:
        return "empty"
    kinds = ("op",) if order == "skips-first" else ("skip", "silent")
    return "kept" if decision.kind in kinds else ""


def told_picks(picks: Any, most: int) -> list[tuple[Any, ...]]:
    """What steps picked, once it is known to be a list of lists that is no longer than `most`."""
    if isinstance(picks, str) or not isinstance(picks, Iterable):
        raise TypeError(f"picks are a list with one list a step; got {shortened(picks)}")
    made = list(islice(picks, most + 1))  # it may be endless
    for picked in made:
        if isinstance(picked, str) or not isinstance(picked, Iterable):
            raise TypeError(f"picks are a list with one list a step; got {shortened(made)}")
    if len(made) > most:
        raise ValueError(f"there are {most} steps in this space; got picks of more")
    return [tuple(picked) for picked in made]


@dataclass(frozen=True, eq=False)
class Sampler:
    """A controller over `space`, of given weights.

    weights: by the names and of the shapes of `weight_shapes`; whatever their precision, float64
    is computed.
    """

    space: Space
    config: ControllerConfig
    fidelity: Fidelity
    weights: Mapping[str, Array]

    @cached_property
    def exact(self) -> dict[str, Array]:
        """The weights in float64."""
        return {name: np.asarray(w, np.float64) for name, w in self.weights.items()}

    @cached_property
    def order(self) -> str:
        return order_of(self.space, self.fidelity)

    @cached_property
    def plan(self) -> tuple[Decision, ...]:
        return self.space.steps(self.order)

    @cached_property
    def shifts(self) -> dict[str, Array]:
        """(O,) for each cell: what joins its operations' logits after they were shaped."""
        released = self.fidelity.op_prior == "released"
        shift = np.array([PRIOR_SHIFT if op in FAVOURED else -PRIOR_SHIFT for op in self.space.ops])
        return {c: shift * (released and c == "normal") for c in self.space.cells}

    def steps(
        self, told: Sequence[Sequence[int]] = (), uniforms: Sequence[float] = ()
    ) -> tuple[Step, ...]:
        """All steps of one sample. told: what the first of them picked, silent ones as ().

        uniforms: `width(space)` numbers in [0, 1), which decide the others; they stand as in the
        flat list (`entry`). Raises ValueError for picks that the space does not have, and for
        fewer or more numbers where any are needed.
        """
        told = told_picks(told, len(self.plan))
        if len(told) < len(self.plan) and len(uniforms) != width(self.space):
            raise ValueError(
                f"a sample of {self.space} takes {width(self.space)} uniform numbers; got "
                f"{len(uniforms)}"
            )
        walk, found = _Walk(self), []
        for t, decision in enumerate(self.plan):
            logits = walk.logits(decision)
            if decision.kind == "silent":
                picks: Picks = ()
                if t < len(told) and told[t]:
                    raise ValueError(f"step {t + 1} decides nothing; got {shortened(told[t])}")
            elif t < len(told):
                self.space.check(decision, told[t])
                picks = tuple(map(int, told[t]))
            else:
                start = entry(self.space, decision)
                picks = _drawn(decision, logits, uniforms[start : start + decision.rows])
            walk.go_on(decision, picks)
            found.append(Step(decision, picks, tuple(map(tuple, logits.tolist()))))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What `static/policy.js` samples by, but for the weights."""
        fidelity, config = self.fidelity, self.config
        shapes = weight_shapes(self.space, config.hidden)
        return {
            "plan": [
                {
                    "kind": d.kind,
                    "cell": d.cell,
                    "anchor": remembers(d, self.order),
                    "entry": 0 if d.kind == "silent" else entry(self.space, d),
                }
                for d in self.plan
            ],
            "shapes": [[name, *shape] for name, shape in shapes.items()],
            "temperature": config.temperature,
            "bounds": {kind: self.bound(kind) for kind in ("op", "index", "skip")},
            "shifts": {cell: shift.tolist() for cell, shift in self.shifts.items()},
            "mean": fidelity.next_input == "mean",
            "carried": fidelity.state_after_anchor == "carried",
        }

    def bound(self, kind: str) -> float:
        """No shaped logit of a decision of this kind is further from 0, an operation's prior left
        out."""
        reduced = kind == "op" and self.space.cells
        return self.config.tanh_constant / (self.config.op_tanh_reduce if reduced else 1)


@dataclass
class _Walk:
    """The LSTM's way through the decisions of one sample."""

    net: Sampler
    place: str = ""  # the cell that is being decided
    anchors: list[Array] = field(default_factory=list)  # what can be pointed at, (H,) each
    keys: list[Array] = field(default_factory=list)  # by which they are found, (H,) each

    def __post_init__(self) -> None:
        self.weights = self.net.exact
        self.given = self.weights["start"][0]  # what the next step reads
        self.cell = self.hidden = np.zeros_like(self.given)

    def logits(self, decision: Decision) -> Array:
        """Takes one step: (rows, options) shaped logits; (rows, 1) of skips; none when silent."""
        if decision.cell != self.place:  # a new cell points at its own nodes only
            self.place, self.anchors, self.keys = decision.cell, [], []
            self.given = self.weights["start"][0]
        self.before = self.cell, self.hidden
        total = np.concatenate([self.given, self.hidden]) @ self.weights["lstm"]  # (4H,)
        i, f, o, g = np.split(total, 4)
        self.cell = _sigmoid(f) * self.cell + _sigmoid(i) * np.tanh(g)
        self.hidden = _sigmoid(o) * np.tanh(self.cell)
        if decision.kind == "silent":
            return np.empty((0, 0))
        raw = self._raw(decision.kind) / self.net.config.temperature
        shaped = self.net.bound(decision.kind) * np.tanh(raw)
        if decision.kind == "op":
            shaped = shaped + self.net.shifts.get(decision.cell, 0)
        return shaped[:, None] if decision.kind == "skip" else shaped[None]

    def _raw(self, kind: str) -> Array:
        w = self.weights
        if kind == "op":
            return self.hidden @ w["op_softmax"] + w.get("op_bias", np.zeros((1, 1)))[0]
        asked = self.hidden @ w["w2"]
        return np.tanh(asked + np.stack(self.keys)) @ w["v"][:, 0]  # (anchors,)

    def go_on(self, decision: Decision, picks: Picks) -> None:
        """Settles what the next step reads, and what is remembered of this one."""
        self.given = self._next(decision.kind, picks)
        kept = remembers(decision, self.net.order)
        if not kept:
            return
        self.keys.append(self.hidden @ self.weights["w1"])
        self.anchors.append(np.zeros_like(self.hidden) if kept == "empty" else self.hidden)
        if kept == "kept" and self.net.fidelity.state_after_anchor == "dropped":
            self.cell, self.hidden = self.before

    def _next(self, kind: str, picks: Picks) -> Array:
        """An embedding, an anchor, a mixture of anchors, or the start."""
        if kind == "op":
            return self.weights["op_embedding"][picks[0]]
        if kind == "index":
            return self.anchors[picks[0]]
        if kind == "silent":
            return self.weights["start"][0]
        count = sum(picks)
        total = np.array(picks, np.float64) @ np.stack(self.anchors)
        mean = self.net.fidelity.next_input == "mean"
        return total / (max(1, count) if mean else 1 + count)


def _drawn(decision: Decision, logits: Array, uniforms: Sequence[float]) -> Picks:
    """What uniform numbers in [0, 1) make of logits."""
    if decision.kind == "skip":
        yes = _sigmoid(2 * logits[:, 0])
        return tuple(int(u < p) for u, p in zip(uniforms, yes, strict=True))
    weights = np.exp(logits[0] - logits[0].max())
    cumulative = np.cumsum(weights / weights.sum())[:-1]  # the last is 1
    return (int((uniforms[0] >= cumulative).sum()),)


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # no exponential that could overflow
