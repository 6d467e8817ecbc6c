"""What a function is given: of the kind that it asks for, or refused in one sentence."""

from __future__ import annotations

import operator
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.recipes import Fidelity

MOST = 10**6  # of a count of channels, classes or layers: far beyond any network


def of_kind(value: Any, kind: Any, expected: str) -> Any:
    """`value`, when it is of that kind. TypeError, which says what was expected, otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"expected {expected}; got {shortened(value)}")
    return value


def whole(value: Any, what: str, least: int, most: int = MOST) -> int:
    """A whole number of Python, from `least` to `most`; `what` names it in an error.

    TypeError for 1.0, True and text, ValueError for a number beyond.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, such as {least}; got {shortened(value)}") from None
    if not least <= number <= most:
        got = number if number.bit_length() < 128 else f"one of {number.bit_length()} bits"
        raise ValueError(f"{what} must be from {least} to {most}; got {got}")
    return number


def check_sizes(fidelity: Any = None, **counts: Any) -> None:
    """Refuses sizes of a network that are no whole numbers above 0, and what is no `Fidelity`."""
    of_kind(fidelity, Fidelity | None, "a Fidelity, e.g. recipes.PRESETS['paper']")
    for name, count in counts.items():
        whole(count, name, 1)
