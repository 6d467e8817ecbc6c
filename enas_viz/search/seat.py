"""The controller as somebody to ask: what would you choose, and how would you go on from here?

`ask` and `score` make the callables that widgets take, which know nothing of torch. Leaves to
others: the policies (`controller.py`), the widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from enas_viz.recipes import order_of
from enas_viz.records.sampler import entry, told_picks
from enas_viz.records.trace import Episode, Header, Step
from enas_viz.search.asked import of_kind, whole
from enas_viz.search.candidates import validate
from enas_viz.search.enas import Enas
from enas_viz.search.nets.controller import Controller
from enas_viz.search.nets.lstm import LstmPolicy
from enas_viz.search.runs import terms
from enas_viz.search.training import draws
from enas_viz.spaces import Architecture, Decision

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
    controller, header = seated(controller, header)
    space = controller.space
    header = header or Header(space, order_of(space, controller.fidelity))
    plan = space.steps(header.order)

    def policy(picks: Sequence[Sequence[int]] = (), seed: int = 0) -> Episode:
        told = told_picks(picks, len(plan))
        seed = terms.seed_of(seed)
        given = torch.full((1, controller.draws_per_sample), -1)
        for decision, picked in zip(plan, told, strict=False):
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


def seated(
    controller: Any, header: Header | None = None, own: bool = True
) -> tuple[Controller, Header | None]:
    """The controller of a search, or one by itself, and the header: own, of the search first.

    TypeError for anything else.
    """
    if isinstance(controller, Enas):
        given = of_kind(header, Header | None, "the header of a trace")
        header = controller.header if own or given is None else given
        controller = controller.controller
    wanted = "a search or a controller, as search.restore or search.make_controller gives it"
    of_kind(header, Header | None, "the header of a trace")
    return of_kind(controller, LstmPolicy, wanted), header


@dataclass(frozen=True)
class Response:
    """What another answer at one step does to a later one. Steps and options count from 0.

    picks: the other answer at `step`. option: of step `later`; of skips the number of the earlier
    layer. before, after: its probability, in [0, 1]. names: what readers call the other answer and
    the option.
    """

    step: int
    picks: tuple[int, ...]
    later: int
    option: int
    before: float
    after: float
    names: tuple[str, str] = ("another answer", "an option")

    def __repr__(self) -> str:
        other, option = self.names
        return (
            f"{other} at step {self.step + 1} instead: at step {self.later + 1} the probability of "
            f"{option} goes from {self.before:.2f} to {self.after:.2f}"
        )


def responses(policy: Policy, episode: Episode) -> list[Response]:
    """What every other answer to a single step moves later on, strongest first.

    Each step of the episode is answered otherwise in turn: with every other option, or with one
    skip bit turned; the earlier and later steps keep their picks. For each other answer and each
    later step, the option whose probability moves most. policy: what `ask` returned.
    Raises ValueError for an episode that was recorded without its steps.
    """
    of_kind(episode, Episode, "an episode, such as trace.best")
    if not episode.steps:
        raise ValueError("this episode was recorded without its steps, so none can be changed")
    picks, found = [step.picks for step in episode.steps], []
    own, ops = policy(picks).steps, episode.architecture.space.ops
    for t, step in enumerate(own):
        for other in _others(step.decision, step.picks):
            changed = policy([*picks[:t], other, *picks[t + 1 :]]).steps
            for later in range(t + 1, len(own)):
                pairs = zip(_chances(own[later]), _chances(changed[later]), strict=True)
                moves = [(abs(b - a), o, a, b) for o, (a, b) in enumerate(pairs)]
                if moves:
                    _, option, before, after = max(moves)
                    names = (_answer(ops, step, other), _named(ops, own[later].decision, option))
                    found.append(Response(t, other, later, option, before, after, names))
    return sorted(found, key=lambda r: -abs(r.after - r.before))


def _answer(ops: Sequence[str], step: Step, picks: tuple[int, ...]) -> str:
    """What readers call picks of a step; of skips the ones that are set."""
    decision = step.decision
    if decision.kind != "skip":
        return _named(ops, decision, picks[0])
    return ", ".join(_named(ops, decision, i) for i, bit in enumerate(picks) if bit) or "no skip"


def _named(ops: Sequence[str], decision: Decision, option: int) -> str:
    """What readers call an option, by the number that they count."""
    if decision.kind == "op":
        return ops[option]
    return f"{'a skip from layer' if decision.kind == 'skip' else 'node'} {option + 1}"


def _others(decision: Decision, picks: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Other answers to one step."""
    if decision.kind == "silent":
        return []
    if decision.kind == "skip":
        return [(*picks[:i], 1 - bit, *picks[i + 1 :]) for i, bit in enumerate(picks)]
    return [(o,) for o in range(decision.options) if (o,) != tuple(picks)]


def _chances(step: Step) -> list[float]:
    """The probability of each option of a step; of skips that each is set."""
    rows = step.probabilities
    return (
        [row[1] for row in rows] if step.decision.kind == "skip" else list(rows[0]) if rows else []
    )


def score(search: Enas, images: int = 0) -> Callable[[Architecture], float]:
    """A callable `score(architecture) -> accuracy`, on validation images, with shared weights.

    search: restored or under way. images: on so many of the validation images, the same for all
    architectures; 0: on all of them.
    """
    search, images = terms.search_of(search, "net", "controller"), whole(images, "images", 0, 10**9)
    return lambda architecture: validate(search, [architecture], images=images)[0]
