"""Episodes in few characters, as pages carry hundreds of them: picks and logits to base 36.

`unpack` in `static/replay.js` is the other half.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from enas_viz.records.trace import Episode
from enas_viz.spaces import Space

UNIT = 1e-4  # of the logits in a page: whole numbers of it
FARTHEST = 1e4  # a logit in a page; options so far apart have probabilities of 0 and 1


def pick_digits(most: int) -> int:
    """How many digits picks up to `most` take; 1296 nodes are more than a space may have."""
    return 1 if most < 36 else 2


def most_options(space: Space) -> int:
    """The largest number that any decision of a space can pick."""
    return max(d.options for d in space.steps() if d.kind != "silent") - 1


def logit_digits(episodes: Iterable[Episode]) -> int:
    """How many digits hold every logit of these episodes."""
    largest = max((abs(z) for e in episodes for z in _logits(e)), default=0) / UNIT
    return next(w for w in range(3, 10) if largest + 1 < 36**w // 2)


def pack_picks(picks: Iterable[int], digits: int) -> str:
    """Picks in the order of decisions, `digits` digits each."""
    return "".join(_number(p, digits) for p in picks)


def pack_logits(episode: Episode, digits: int) -> str:
    """Shaped logits in order, each as so many units above the middle of what `digits` digits hold.

    What lies beyond is cut off.
    """
    middle = 36**digits // 2
    units = (max(-middle, min(middle - 1, round(z / UNIT))) for z in _logits(episode))
    return "".join(_number(u + middle, digits) for u in units)


def _logits(episode: Episode) -> Iterable[float]:
    """Every logit in order; what a file claims beyond any controller's reach is cut off."""
    found = (z for step in episode.steps for row in step.logits for z in row)
    return (max(-FARTHEST, min(FARTHEST, z)) for z in found)


DIGITS: Sequence[str] = "0123456789abcdefghijklmnopqrstuvwxyz"


def _number(value: int, width: int) -> str:
    """A whole number to base 36, so many digits wide."""
    found = ""
    for _ in range(width):
        value, digit = divmod(value, 36)
        found = DIGITS[digit] + found
    return found
