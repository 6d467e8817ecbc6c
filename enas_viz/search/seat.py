"""The controller as somebody to ask: what would you choose, and how would you go on from here?

`ask` and `score` make the callables that widgets take, which know nothing of torch. Leaves to
others: the policies (`controller.py`), the widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from enas_viz.recipes import order_of
from enas_viz.search import draws
from enas_viz.search.candidates import validate
from enas_viz.search.controller import Controller
from enas_viz.search.enas import Enas
from enas_viz.space import Architecture, Decision, Space
from enas_viz.trace import Episode, Header

# What each step picked, in the controller's order of steps -> the whole episode. Steps that are
# missing at the end are sampled, decided by a seed.
Policy = Callable[..., Episode]


def ask(controller: Controller | Enas, header: Header | None = None) -> Policy:
    """A callable `policy(picks, seed=0) -> Episode`: a controller that is told its first decisions.

    picks: what the first steps picked, silent steps included as (); the controller samples the
    rest, by `seed`. The episode holds its probabilities at every step, of what it was told, too.
    controller: one by itself, or a search, restored or under way. ValueError for picks that the
    space does not have.
    """
    if isinstance(controller, Enas):
        controller, header = controller.controller, controller.header
    space = controller.space
    header = header or Header(space, order_of(space, controller.fidelity))
    plan = space.steps(header.order)

    def policy(picks: Sequence[Sequence[int]] = (), seed: int = 0) -> Episode:
        given = torch.full((1, controller.draws_per_sample), -1)
        for decision, picked in zip(plan, picks, strict=False):
            if decision.kind == "silent":
                continue
            space.check(decision, tuple(picked))
            start = entry(space, decision)
            given[0, start : start + len(picked)] = torch.tensor(tuple(map(int, picked)))
        uniforms = draws.uniforms(seed, "derive", 0, 2, range(1), controller.draws_per_sample)
        rollout = controller.sample(1, uniforms=uniforms, given=given)
        (architecture,) = rollout.architectures()
        return Episode(architecture, rollout.steps(0), order=header.order, header=header)

    return policy


def entry(space: Space, decision: Decision) -> int:
    """Where a decision's first number stands among those that one sample consumes."""
    if space.kind == "macro":
        return decision.at * (decision.at + 1) // 2 + (decision.kind == "skip")
    cell = space.cells.index(decision.cell)
    spot = decision.side + (2 if decision.kind == "op" else 0)
    return (cell * space.nodes + decision.at - 2) * 4 + spot


def score(search: Enas, images: int = 0) -> Callable[[Architecture], float]:
    """A callable `score(architecture) -> accuracy`, on validation images, with shared weights.

    search: restored or under way. images: on so many of the validation images, the same for all
    architectures; 0: on all of them.
    """
    return lambda architecture: validate(search, [architecture], images=images)[0]
