"""Flat lists in foreign dress: as text, as the authors' program prints, as their scripts hold them.

Finds the numbers and what they stood in; what is made of them is left to `published`. Text beside
the numbers is known or refused, so that no figure of a log is ever taken for an architecture.

Source: the authors' released code (`main.py` prints; `cifar10_*_final.sh` hold a `fixed_arc`).
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from reprlib import repr as shortened  # what is refused may be endless
from typing import Literal

from enas_viz.space import (
    MAX_LAYERS,
    MAX_NODES,
    MacroSpace,
    MicroSpace,
    Space,
    listed,
)

_LONGEST_SCRIPT = 200_000  # characters; the authors' scripts have about two thousand


@dataclass(frozen=True)
class Found:
    """A flat list, and what it was found in: `form` in words, `kind` where the form tells it."""

    numbers: list[int]
    form: str = ""
    kind: Literal["macro", "micro"] | None = None


# ---------------------------------------------------------------- flat lists


def find_numbers(given: str | Sequence[int]) -> Found:
    """The flat list that integers, plain text, the authors' printed lines or scripts hold.

    Raises ValueError for whatever is neither a number nor known to stand beside one.
    """
    if isinstance(given, str):
        return _in_script(given) if "fixed_arc" in given else _in_text(given)
    values = listed(given, "a flat list is a sequence of whole numbers, or text that holds them")
    for v in values:
        if not isinstance(v, Integral) or isinstance(v, bool):  # Integral: numpy's too
            raise ValueError(f"a flat list holds whole numbers; got {shortened(v)}")
    return Found([int(v) for v in values])


def guess_space(
    numbers: Sequence[int], kind: Literal["macro", "micro"] | None = None, cells: int = 0
) -> Space:
    """The space, of that kind if it is given, whose lists are as long as this one.

    A length that fits both is macro where the numbers are valid there; one that fits a pair of
    cells and a single cell is a pair where they are. cells: 2 where it must be a pair.
    """
    n = len(numbers)
    if n == 0:
        raise ValueError("a flat list holds at least one number; got none")
    layers = (math.isqrt(8 * n + 1) - 1) // 2
    candidates: list[Space] = []
    if layers * (layers + 1) // 2 == n and layers <= MAX_LAYERS:
        candidates.append(MacroSpace(layers))
    if n % 8 == 0 and n // 8 <= MAX_NODES:
        candidates.append(MicroSpace(n // 8))
    if n % 4 == 0 and n // 4 <= MAX_NODES and cells != 2:
        candidates.append(MicroSpace(n // 4, cells=("normal",)))
    candidates = [c for c in candidates if kind in (None, c.kind)]
    if not candidates:
        raise ValueError(
            f"no {kind + ' ' if kind else ''}architecture has a list of {n} numbers: macro lists "
            f"have 1, 3, 6, 10, ... (78 for 12 layers, {MAX_LAYERS} layers at most), micro lists "
            f"4 for each node of each cell (40 for five nodes, {MAX_NODES} nodes at most)"
        )
    errors = []
    for candidate in candidates:  # macro first: micro lists of a macro list's length are rare
        try:
            candidate.decode(numbers)
            return candidate
        except ValueError as error:
            errors.append(str(error))
    raise ValueError("; or, read otherwise, ".join(errors))


# What the authors' program prints between architectures.
_BETWEEN = re.compile(
    r"(?<!\S)(?:val_acc=[ \t]*(?:nan|\d+\.?\d*)|-{2,}|Here are \d+ architectures)(?!\S)"
)


def _in_text(text: str) -> Found:
    """Plain text, or the authors' printed lines: numpy arrays, `val_acc=0.6875`, dashes."""
    parts = [_brackets(part) for part in _BETWEEN.split(text)]
    parts = [groups for groups in parts if groups]
    if len(parts) > 1:
        raise ValueError(
            f"this text holds {len(parts)} architectures, with val_acc=... or dashes between "
            f"them; give one of them at a time"
        )
    groups = parts[0] if parts else []
    numbers = [v for group in groups for v in group]
    sizes = [len(group) for group in groups]
    if len(sizes) < 2:
        printed = _BETWEEN.search(text) is not None
        return Found(numbers, "a list printed by the authors' program" if printed else "")
    if sizes == list(range(1, len(sizes) + 1)):
        return Found(numbers, "layers printed by the authors' program", "macro")
    if len(sizes) == 2 and sizes[0] == sizes[1] and sizes[0] % 4 == 0:
        return Found(numbers, "two cells printed by the authors' program", "micro")
    raise ValueError(
        f"numbers in brackets are one flat list, or two cells of equal length (micro, 4 numbers a "
        f"node), or a bracket for each layer with 1, 2, 3, ... numbers (macro); got brackets of "
        f"{', '.join(map(str, sizes[:8]))}{', ...' * (len(sizes) > 8)} numbers"
    )


def _brackets(text: str) -> list[list[int]]:
    """The numbers between any two brackets; an empty list where there are none."""
    groups = [_whole_numbers(group) for group in re.split(r"[\[\]()]", text)]
    return [group for group in groups if group]


def _whole_numbers(text: str) -> list[int]:
    words = re.sub(r"[\s,;|]+", " ", text).split()
    for word in words:
        if not re.fullmatch(r"\d{1,9}", word):
            raise ValueError(
                f"a flat list is whole numbers separated by spaces or commas; got "
                f"{shortened(word)} (read besides: what the authors' program prints around an "
                f'architecture, their fixed_arc="..." lines, and a DARTS Genotype(...))'
            )
    return [int(word) for word in words]


# ---------------------------------------------------------------- shell scripts

# What else a script has: flags, other variables, the call of the program.
_SHELL = re.compile(
    r"--?[a-z][\w-]*(=.*)?|[A-Za-z_]\w*=.*|export|python[\d.]*|\S+\.py|\$[@*]", re.S
)


def _in_script(text: str) -> Found:
    """The list that the lines `fixed_arc="..."` of a script build up, or its flag holds."""
    if len(text) > _LONGEST_SCRIPT:
        raise ValueError(
            f"a script with fixed_arc has {_LONGEST_SCRIPT} characters at most; got {len(text)} "
            f"(give the bare numbers instead)"
        )
    text = re.sub(r"\\\s*?(\n|$)", " ", text)
    text = re.sub(r"(--child_fixed_arc)\s+(?=[\"'\d$])", r"\1=", text)
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise ValueError(f'expected whole lines fixed_arc="0 2 ..."; got {error}') from None
    numbers: list[int] = []
    takes_value = False  # whether the word before is a flag whose value may stand apart
    for word in words:
        name, _, value = word.partition("=")
        if name in ("fixed_arc", "--child_fixed_arc"):
            numbers = _went_on(numbers, value)
        elif not _SHELL.fullmatch(word) and not takes_value:
            raise ValueError(
                f'beside fixed_arc="..." only the other lines of a shell script are left out; got '
                f"{shortened(word)} (numbers stand in quotes after fixed_arc=)"
            )
        takes_value = word.startswith("--") and "=" not in word
    return Found(numbers, "the fixed_arc of the authors' scripts")


def _went_on(numbers: list[int], value: str) -> list[int]:
    """The list after one assignment, which begins it or goes on with `$fixed_arc`."""
    onward, rest = re.fullmatch(r"\s*(\$fixed_arc\b|\$\{fixed_arc\})?(.*)", value, re.S).groups()
    more = _whole_numbers(rest)
    if onward and not numbers:
        raise ValueError("fixed_arc goes on with $fixed_arc from a line that is missing; add it")
    if numbers and more and not onward:
        raise ValueError(
            "fixed_arc is set twice without going on with $fixed_arc, so these are two "
            "architectures; give one of them at a time"
        )
    return numbers + more
