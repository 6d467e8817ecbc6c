"""Diagnostics of a controller: what its samples' gradients pass through, and how sure it is.

Every logit is `bound * tanh(raw / temperature)`. Where the tanh is saturated, the logit stays where
it is whatever the reward says; `diagnose` measures how far each kind of logit is from that.

Not here: what the bounds allow at all (`enas_viz/facts/limits.py`), and training (`enas.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from enas_viz.recipes import order_of
from enas_viz.search.nets.controller import Controller, Rollout
from enas_viz.spaces import Decision

# one row for each draw of a decision, one probability for each option
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Diagnosis:
    """How a controller stands, as means over its samples.

    op_factors: by cell ("" in a macro search) and operation, the derivative of a logit with respect
    to its raw logit, bound / temperature * (1 - tanh^2(raw / temperature)); mean over the cell's
    decisions. source_factors: the same of index logits, by cell and node, and of skip logits, by ""
    and layer (from 0, as `Decision.at`). entropy: nats, summed over all decisions, -sum p ln p also
    where `fidelity.entropy` rewards another. probabilities: per decision, as in
    `trace.Step.probabilities`; a skip's row is (no, yes).
    """

    samples: int
    op_factors: dict[str, dict[str, float]]
    source_factors: dict[str, dict[int, float]]
    entropy: float
    probabilities: tuple[tuple[Decision, Rows], ...]

    def share(self, option: int) -> float:
        """The mean probability of operation number `option` over all decisions for one."""
        found = [rows[0][option] for d, rows in self.probabilities if d.kind == "op"]
        return sum(found) / len(found)


@torch.no_grad()
def diagnose(controller: Controller, n: int = 64, seed: int = 0) -> Diagnosis:
    """The state of `controller`, from `n` samples that `seed` decides. Changes nothing.

    Raises ValueError when `n` is no whole number of at least 1.
    """
    if type(n) is not int or n < 1:
        raise ValueError(f"a diagnosis takes at least 1 sample; got {n!r}")
    rollout, space = controller.sample(n, seed=seed), controller.space
    order = order_of(space, controller.fidelity)
    ops: dict[str, list[Tensor]] = {}
    sources: dict[str, dict[int, list[Tensor]]] = {}
    probabilities, entropy = [], 0.0
    for decision in space.steps(order):
        if decision.kind == "silent":
            continue
        raw, p = _draws(rollout, decision)
        factor = _factor(controller, decision, raw)
        if decision.kind == "op":
            ops.setdefault(decision.cell, []).append(factor[:, 0].mean(0))
        else:
            at = sources.setdefault(decision.cell, {}).setdefault(decision.at, [])
            at.append(factor.mean())
        entropy += torch.special.entr(p).sum().item() / n
        probabilities.append((decision, tuple(map(tuple, p.mean(0).tolist()))))
    return Diagnosis(
        n,
        {c: _named(space.ops, torch.stack(f).mean(0).tolist()) for c, f in ops.items()},
        {
            c: {at: float(torch.stack(f).mean()) for at, f in by.items()}
            for c, by in sources.items()
        },
        entropy,
        tuple(probabilities),
    )


def _draws(rollout: Rollout, decision: Decision) -> tuple[Tensor, Tensor]:
    """Raw logits (n, rows, options) of a decision, (n, rows, 1) of skips; (n, rows, options)
    probabilities. In float64: float32 knows no tanh between 1 - 6e-8 and 1."""
    raw, logits = (found.double() for found in rollout.logits_of(decision))
    if decision.kind == "skip":
        logits = torch.cat([-logits, logits], -1)
    return raw, logits.softmax(-1)


def _factor(controller: Controller, decision: Decision, raw: Tensor) -> Tensor:
    """d logit / d raw, of the shape of `raw`."""
    config = controller.config
    bound = config.tanh_constant
    if decision.kind == "op" and decision.cell:
        bound /= config.op_tanh_reduce
    # 1 - tanh^2 as 1 / cosh^2, which keeps its digits where the tanh has none left
    return bound / config.temperature / torch.cosh(raw / config.temperature) ** 2


def _named(ops: tuple[str, ...], values: list[float]) -> dict[str, float]:
    return dict(zip(ops, values, strict=True))
