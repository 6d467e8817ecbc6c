"""The chapters of a search and what each of its epochs was about, found by rule in its curves.

A policy usually begins undecided; while the shared weights learn, the reward rises and the policy
waits; then it makes up its mind within a few epochs; in the end it is as sure as its capped logits
allow. A search that went another way has other chapters, and perhaps none.

Not here: the curves (`curves`), how they are drawn (`timeline`, `stage`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from enas_viz.facts.limits import reach_of_header
from enas_viz.records.trace import Header, Trace
from enas_viz.view import kinds
from enas_viz.view.curves import Series, series, tells_whole_entropy
from enas_viz.view.drawings import Drawings
from enas_viz.view.scene import recorded_size

UNDECIDED = "undecided"
WEIGHTS = "only the weights learn"
MIND = "it makes up its mind"
SURE = "as sure as it can be"

NEAR = 0.05  # of the highest entropy: so near counts as being there
STILL = 0.025  # of the highest entropy: within so much the entropy stays
RISE = 0.25  # of the whole rise of the reward: less is no learning
FLOOR = 0.1  # of the way from the highest to the lowest entropy
FEWEST = 3  # epochs of a chapter, and of a mean that counts as smooth
SAMPLES = 20  # of an epoch: shares of fewer say little about the policy
FAVOURITE = 1.5  # times the share that chance gives: from there on an operation is a favourite


@dataclass(frozen=True)
class Chapter:
    """A part of a search. epoch: number in the curves, from 0, at which it is seen best; why: the
    numbers by which it was found, in words."""

    name: str
    epoch: int
    why: str


def chapters(trace: Trace, found: Series | None = None) -> tuple[Chapter, ...]:
    """The chapters that a search has, in the order in which they are seen.

    All rules are about the mean entropy of an epoch's samples in nats, and about its mean reward
    (accuracy). "Highest" is what a policy without any preference has; the floor is what capped
    logits can reach at all, where skips are held near a wanted rate with the entropy of that rate.

    - undecided: the first epoch's entropy is within 5% of the highest.
    - only the weights learn: from the first epoch on the entropy stays within 2.5% of the highest,
      for 3 epochs or more, and in them the reward makes at least a quarter of its whole rise. Seen
      best where it has made half of the rise that falls into these epochs.
    - it makes up its mind: the entropy, a mean of 3 epochs, ends at least 5% of the highest below
      its maximum. Seen best in the middle of that tenth of the search in which it falls most.
    - as sure as it can be: to the end, for 3 epochs or more, the entropy stays within a tenth of
      the way from the floor to the highest.

    found: `series(trace)`, where it is known already. Empty where the trace tells no entropy of
    whole policies (`fidelity.entropy` is "sampled").
    """
    if not any(e.is_scored for e in trace.episodes):
        return ()
    return chapters_of(found or series(trace), *_limits(trace.header))


def chapters_of(found: Series, highest: float | None, floor: float | None) -> tuple[Chapter, ...]:
    """As `chapters`. highest, floor: of the entropy, nats; None where they are not known."""
    if highest is None or len(found.entropy) < FEWEST or None in found.entropy:
        return ()
    entropy, reward = found.entropy, found.reward
    smooth = [_mean(entropy[max(0, i - 1) : i + 2]) for i in range(len(entropy))]
    made = []
    if entropy[0] >= (1 - NEAR) * highest:
        made.append(Chapter(UNDECIDED, 0, f"entropy {entropy[0]:.1f} of at most {highest:.1f}"))
    still = next(
        (i for i, e in enumerate(entropy) if abs(e - entropy[0]) > STILL * highest), len(entropy)
    )
    rise, whole = max(reward[:still]) - reward[0], max(reward) - reward[0]
    if still >= FEWEST and whole > 0 and rise >= RISE * whole:
        half = next(i for i, r in enumerate(reward) if r >= reward[0] + rise / 2)
        why = f"reward from {reward[0]:.0%} to {max(reward[:still]):.0%} in {still} epochs"
        made.append(Chapter(WEIGHTS, half, why))
    if max(smooth) - smooth[-1] >= NEAR * highest:
        half = max(1, len(smooth) // 20)  # a tenth of the search: a dip is no decision
        falls = [smooth[i - half] - smooth[i + half] for i in range(half, len(smooth) - half)]
        fastest = half + max(range(len(falls)), key=falls.__getitem__)
        before, after = entropy[fastest - half], entropy[fastest + half]
        made.append(Chapter(MIND, fastest, f"entropy from {before:.1f} to {after:.1f}"))
    if floor is not None:
        limit = floor + FLOOR * (highest - floor)
        start = next((i for i in range(len(smooth)) if max(smooth[i:]) <= limit), len(smooth))
        if len(smooth) - start >= FEWEST:
            why = f"entropy {smooth[-1]:.1f}, where capped logits allow {floor:.1f}"
            made.append(Chapter(SURE, start, why))
    return tuple(sorted(made, key=lambda chapter: chapter.epoch))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _limits(header: Header) -> tuple[float | None, float | None]:
    """The highest and the lowest entropy of a sample, nats; None where they are not known."""
    space = header.space
    if not tells_whole_entropy(header):
        return None, None
    drawn = [d for d in space.steps(header.order) if d.kind != "silent"]
    highest = sum(d.rows * math.log(d.options) for d in drawn)
    reach = reach_of_header(header.recipe, header.fidelity, space, header.order)
    if reach is None:
        return highest, None
    wanted = _held_skips(header)
    floor = sum(
        made.decision.rows * max(made.entropy_low, wanted if made.decision.kind == "skip" else 0)
        for made in reach.decisions
    )
    return highest, floor


def _held_skips(header: Header) -> float:
    """The entropy of a skip at the rate that the penalty holds it near; 0 without a penalty."""
    told = header.recipe.get("controller")
    numbers = told if isinstance(told, dict) else {}
    rate, weight = numbers.get("skip_prior"), numbers.get("skip_weight")
    known = all(type(n) in (int, float) for n in (rate, weight)) and 0 < rate < 1 and weight > 0
    return -rate * math.log(rate) - (1 - rate) * math.log(1 - rate) if known else 0.0


# ---------------------------------------------------------------- an epoch in words


def epochs_in_words(trace: Trace, found: Series) -> tuple[str, ...]:
    """For each epoch one plain fact about what the policy sampled in it.

    An operation is a favourite of its place (a layer, or a node of a cell) in an epoch in which it
    is sampled there at least one and a half times as often as by chance. Where one becomes that for
    the first time, the fact says so; else it says how many places have a favourite. Epochs of fewer
    than 20 samples have no fact, as their shares are mostly chance. found: `series(trace)`.
    """
    counts: dict[int, int] = {}
    for e in trace.episodes:
        if e.is_scored:
            counts[e.epoch] = counts.get(e.epoch, 0) + 1
    planned = recorded_size(trace.header.recipe, "train", "epochs")
    last = max(found.epochs) + 1
    total = max(planned or last, last)
    kind = kinds.of(trace.space)
    known: set[tuple[str, str]] = set()
    told = []
    for i, epoch in enumerate(found.epochs):
        now = {
            (place, op)
            for place, shares in found.place_shares.items()
            for op, share in shares.items()
            if share[i] >= FAVOURITE / len(shares)
        }
        # by share, and by name where shares are equal: a set has no order of its own
        new = sorted(now - known, key=lambda pair: (-found.place_shares[pair[0]][pair[1]][i], pair))
        known |= now
        fact = ""
        if counts[epoch] >= SAMPLES:
            fact = _fact(kind, new, len({place for place, _ in now}), len(found.place_shares))
        told.append(f"epoch {epoch + 1} of {total}{fact}")
    return tuple(told)


def _fact(kind: Drawings, new: Sequence[tuple[str, str]], count: int, places: int) -> str:
    things = f"{kind.space.unit}s"
    if new:
        (place, op), several = new[0], len({place for place, _ in new})
        if several > 1:
            begin = f" · {several} {things} begin to prefer an operation"
            return f"{begin}, {kind.place_in_words(place)} {op.label}"
        return f" · {kind.place_in_words(place)} begins to prefer {op.label}"
    if count:
        of = f"all {places}" if count == places > 1 else f"{count} of {places}"
        return f" · {of} {things} {'has' if count == 1 else 'have'} a favourite operation"
    return f" · none of the {places} {things} has a favourite operation"
