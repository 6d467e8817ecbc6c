"""What a reader hands over to be drawn or played: an architecture in any form, an episode, a trace.

Not here: reading lists and genotypes (`published.decode`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.trace import Episode, Header, Step, Trace
from enas_viz.spaces import Architecture, Order
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO, Decoded, decode

EVEN = "At each step every option is shown as equally likely."
UNIFORM = f"No controller sampled these decisions: {EVEN[:1].lower()}{EVEN[1:]}"


def given(x: Any) -> Architecture | Episode | Trace:
    """`x` itself, or what it says: a name, the authors' list or print, a genotype.

    What was read comes as an episode without steps whose note tells how it was read. The article's
    macro network comes with the article's merge, whichever way it was written.
    Raises ValueError when it cannot be read, TypeError when it is none of these.
    """
    if isinstance(x, Architecture | Episode | Trace):
        return x
    readable = isinstance(x, Iterable | Decoded) or hasattr(x, "normal")  # a genotype has it
    if not readable or isinstance(x, type):
        raise TypeError(
            f"expected an Architecture, an Episode, a Trace (its best episode), or an architecture "
            f"as a name, a flat list, the authors' print or a genotype; got {shortened(x)}"
        )
    found = x if isinstance(x, Decoded) else decode(x)
    note, header = f"{found.how[:1].upper()}{found.how[1:]}.", None
    if found.architecture == ARTICLE_MACRO:
        header = Header(ARTICLE_MACRO.space, fidelity={"skip_merge_search": "concat"})
    return Episode(found.architecture, note=note, header=header, extra={"read": True})


def is_the_articles(architecture: Architecture) -> bool:
    """Whether it is one of the two worked examples of the article."""
    return architecture in (ARTICLE_MACRO, ARTICLE_MICRO)


def has_finite_logits(episode: Episode) -> bool:
    """Whether every step of an episode tells probabilities; NaN and infinities tell none."""
    return all(math.isfinite(z) for s in episode.steps for row in s.logits for z in row)


def check_steps(episode: Episode) -> None:
    """Raises ValueError for steps that are not those of the episode, or tell no probabilities.

    What a file holds was checked when it was read; episodes are also made by programs.
    """
    if not episode.steps:
        return
    architecture = episode.architecture
    plan = architecture.space.steps(episode.order)
    if [step.decision for step in episode.steps] != list(plan):
        raise ValueError(
            f"an episode must have the {len(plan)} steps of its space, in their order; got "
            f"{len(episode.steps)} steps, some of them others"
        )
    for t, (step, decision) in enumerate(zip(episode.steps, plan, strict=True), start=1):
        if decision.kind == "silent":
            continue
        if tuple(step.picks) != tuple(architecture.space.picks(architecture, decision)):
            raise ValueError(
                f"an episode must have steps that lead to its architecture; step {t} picks "
                f"{shortened(step.picks)}, which leads to another"
            )
        width = 1 if decision.kind == "skip" else decision.options
        if [len(row) for row in step.logits] != [width] * decision.rows:
            raise ValueError(
                f"an episode must have a logit for every option; step {t} takes {decision.rows} "
                f"row{'s' * (decision.rows != 1)} of {width}; got {shortened(step.logits)}"
            )
    if not has_finite_logits(episode):
        raise ValueError(
            "an episode must have finite logits to be drawn; this one holds NaN or an infinity, as "
            "a search leaves that went astray; draw its architecture: episode.architecture"
        )


def played(x: Architecture | Episode, macro_order: Order = "op-first") -> Episode:
    """An episode with steps: `x` itself where it has some; else those of a policy that knows
    nothing, so that its decisions can be followed; the note says so.

    macro_order: in which such a policy decides the layers of a macro network that nobody sampled.
    """
    if not isinstance(x, Episode):
        order = x.space.order(macro_order)
        return Episode(x, _even_steps(x, order), order=order, note=UNIFORM)
    if x.extra.get("read"):
        order = x.architecture.space.order(macro_order)
        steps = _even_steps(x.architecture, order)
        note = f"{x.note} {UNIFORM}"
        return Episode(x.architecture, steps, order=order, note=note, header=x.header)
    if x.steps:
        return x
    note = f"{x.note} {_why_even(x)}{_of_parent(x)}".strip()
    order = x.architecture.space.order(x.order)
    return replace(x, steps=_even_steps(x.architecture, order), order=order, note=note)


def mutated(episode: Episode) -> tuple[int, ...]:
    """The steps, from 0, in which an episode's architecture differs from its parent's; none where
    no parent is told."""
    space = episode.architecture.space
    try:
        parent = space.decode(episode.extra["parent"])
    except (KeyError, ValueError):
        return ()
    return tuple(
        t
        for t, decision in enumerate(space.steps(space.order(episode.order)))
        if space.picks(parent, decision) != space.picks(episode.architecture, decision)
    )


def told_of_all(episodes: Sequence[Episode]) -> str:
    """The note of a film whose moments have even chances, since their strategy has no policy."""
    marked = " Marked: what differs from its parent." if any(map(mutated, episodes)) else ""
    return f"{_why_even(episodes[0])}{marked}"


def _even_steps(architecture: Architecture, order: str) -> tuple[Step, ...]:
    """The time-steps of an architecture under a policy that knows nothing."""
    steps, space = [], architecture.space
    for decision in space.steps(order):
        width = 1 if decision.kind == "skip" else decision.options
        logits = ((0.0,) * width,) * decision.rows
        steps.append(Step(decision, space.picks(architecture, decision), logits))
    return tuple(steps)


def _why_even(episode: Episode) -> str:
    """Why an episode without steps has none, in a sentence."""
    strategy = episode.header.recipe.get("strategy") if episode.header else None
    if strategy in (None, "enas"):
        return f"The steps of this episode were not kept. {EVEN}"
    return f"{strategy.capitalize()} has no policy with probabilities. {EVEN}"


def _of_parent(episode: Episode) -> str:
    changed, number = mutated(episode), episode.extra.get("parent_number")
    if not changed:
        return ""
    of = f"network {number + 1}" if type(number) is int else "another"
    return f" It is {of} with the marked decision{'s' * (len(changed) > 1)} changed."
