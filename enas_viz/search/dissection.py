"""One sampling of the controller, taken apart: every gate, state, score and draw of every step.

It walks a single sample through the formulas as they stand in a textbook, so it is slow and easy
to read; `lstm.py` and the two controllers compute the same for many samples in a few large
products. What it finds goes into the steps' details, from which `view.step_closeup` draws.

Not here: drawing; sampling for a search.
Source: authors' `general_controller.py`, `micro_controller.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import order_of
from enas_viz.records.sampler import entry
from enas_viz.records.trace import Episode, Header
from enas_viz.search.enas import Enas
from enas_viz.search.nets.controller import Controller
from enas_viz.search.runs import terms
from enas_viz.search.seat import seated
from enas_viz.search.training import draws
from enas_viz.spaces import Decision

DECIMALS = 4  # that are kept of a number inside the LSTM; enough to draw it


@torch.no_grad()
def dissect(
    controller: Controller | Enas, *, seed: int = 0, header: Header | None = None
) -> Episode:
    """One architecture sampled by `seed`, with everything that happened on the way.

    controller: one by itself, or a search, restored or under way. Besides what `record="full"`
    keeps, a step's detail holds, H units each: "input", what the LSTM read; "gates", four rows
    (input, forget, output, candidate) after their sigmoid or tanh; "cell", its memory; and "draws",
    the uniform numbers in [0, 1) that decided, one for each row of logits.
    header: of the trace that it will belong to; by default one that tells space and recipe.
    """
    controller, header = seated(controller, header, own=False)
    space, width = controller.space, controller.draws_per_sample
    header = header or _header(controller)
    uniforms = draws.uniforms(terms.seed_of(seed), "derive", 0, 0, range(1), width)
    rollout = controller.sample(1, uniforms=uniforms)
    walk, thrown = _Walk(controller), uniforms[0].tolist()
    steps = []
    for step in rollout.steps(0, full=True):
        detail = walk.step(step.decision, step.picks)
        if "raw" in step.detail:  # of the program that samples, not of this one
            detail["raw"] = step.detail["raw"]
            start = entry(space, step.decision)
            detail["draws"] = thrown[start : start + len(step.picks)]
        steps.append(replace(step, detail=detail))
    (architecture,) = rollout.architectures()
    return Episode(architecture, tuple(steps), order=header.order, header=header)


def _header(controller: Controller) -> Header:
    space, fidelity = controller.space, controller.fidelity
    told = {"controller": dict(controller.config.__dict__)}
    return Header(space, order_of(space, fidelity), recipe=told, fidelity=dict(fidelity.__dict__))


class _Walk:
    """The LSTM's way through the decisions, one sample, one step at a time."""

    def __init__(self, controller: Controller) -> None:
        self.net, self.fidelity = controller, controller.fidelity
        self.given = controller.start[0]  # (H,), what the next step reads
        self.cell = self.hidden = torch.zeros_like(self.given)
        self.anchors: list[Tensor] = []  # what is remembered of layers or nodes, (H,) each
        self.place = ""  # the cell that is being decided

    def step(self, decision: Decision, picks: Sequence[int]) -> dict[str, Any]:
        """Takes one step and settles what the next one reads; everything that was in it."""
        if decision.cell != self.place:  # a new cell points at its own nodes only
            self.place, self.anchors, self.given = decision.cell, [], self.net.start[0]
        before = self.cell, self.hidden
        units = len(self.given)
        total = torch.cat([self.given, self.hidden]) @ self.net.lstm  # (4H,)
        i, f, o = torch.sigmoid(total[: 3 * units]).chunk(3)
        g = torch.tanh(total[3 * units :])
        self.cell = f * self.cell + i * g
        self.hidden = o * torch.tanh(self.cell)
        found = {
            "input": _listed(self.given),
            "gates": [_listed(gate) for gate in (i, f, o, g)],
            "cell": _listed(self.cell),
            "hidden": _listed(self.hidden),
        }
        self.given = self._next(decision, picks)
        if self._remembers(decision):
            empty = decision.cell and decision.at < 2  # an input of a cell: known, but empty
            self.anchors.append(torch.zeros_like(self.hidden) if empty else self.hidden)
            if self.fidelity.state_after_anchor == "dropped" and not empty:
                self.cell, self.hidden = before
        return found

    def _next(self, decision: Decision, picks: Sequence[int]) -> Tensor:
        """What the next step reads: an embedding, a mixture of anchors, an anchor, or the start."""
        if decision.kind == "op":
            return self.net.op_embedding[picks[0]]
        if decision.kind == "index":
            return self.anchors[picks[0]]
        if decision.kind == "silent":
            return self.net.start[0]
        chosen = [a for a, bit in zip(self.anchors, picks, strict=True) if bit]
        total = torch.stack(chosen).sum(0) if chosen else torch.zeros_like(self.hidden)
        mean = self.fidelity.next_input == "mean"
        return total / max(1, len(chosen)) if mean else total / (1 + len(chosen))

    def _remembers(self, decision: Decision) -> bool:
        """Whether the state of this step is kept as an anchor."""
        skips_first = not decision.cell and self.fidelity.macro_order == "skips-first"
        return decision.kind == "op" if skips_first else decision.kind in ("skip", "silent")


def _listed(values: Tensor) -> list[float]:
    return [round(v, DECIMALS) for v in values.tolist()]
