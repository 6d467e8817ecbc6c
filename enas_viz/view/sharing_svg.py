"""What both pictures of shared weights are made of: how far training is, and how strong a path is.

Every shape that stands for a path names its number (`data-path`, as `inheritance.paths` numbers
them), and how thick or large it is follows from `grown`; the browser does the same.
Not here: the pictures (`macro_sharing`, `micro_sharing`), what is counted (`inheritance`), words
around the picture (`sharing`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """What a picture shows: minibatches so far and in the end, how many took each path, which paths
    are lit. most: the count of the path that is trained most in the end."""

    now: float
    end: float
    counts: Sequence[float]
    lit: Collection[int] = ()
    most: float = 1.0


def grown(n: float, now: float, end: float) -> float:
    """How strong a path is drawn, in [0, 1]: its share of the minibatches, times a growth that lets
    early moments be seen: the square root of how far training has come."""
    return n / now * math.sqrt(now / end) if now and end else 0.0


def short_count(n: float) -> str:
    """A count in at most four letters."""
    if n < 999.5:
        return f"{math.floor(n + 0.5)}"
    if n < 9950:
        return f"{math.floor(n / 100 + 0.5) / 10:g}k"
    return f"{math.floor(n / 1000 + 0.5)}k"


def in_order(shapes: Sequence[tuple[int, str]], lit: Collection[int]) -> list[str]:
    """What is lit lies on top."""
    return [s for p, s in shapes if p not in lit] + [s for p, s in shapes if p in lit]
