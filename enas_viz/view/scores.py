"""Scores with their standard errors, one line each, so that one sees which overlap.

What can be given: candidates that `search.derive` ranked, final trainings of the ledger, or plain
numbers. Not here: testing (`search.candidates`), what an error is of (the ledger).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from numbers import Real
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.view.shapes import standalone, wrap

EDGE, ROW, TOP = 18, 34, 58
MOST_NAMES, PLOT, NUMBERS = 300, 470, 160  # widths: of labels at most
TICKS = 5  # about so many
MOST = 1e12  # of a value: an axis still has distinct ticks


@dataclass(frozen=True)
class Score:
    """One line. value, error: in percent, the error its standard error. marked: drawn in colour, as
    what cannot be told apart from the first, or was searched."""

    label: str
    value: float
    error: float
    marked: bool = False
    note: str = ""


def scores_of(x: Any) -> tuple[list[Score], str]:
    """(lines, what is measured) of candidates, runs of the ledger, or {label: (value, error)}.

    Plain values and errors are in percent. Raises ValueError for an empty list and for numbers that
    are not finite, TypeError for anything else.
    """
    if isinstance(x, Mapping):
        lines = [_plain(str(label), pair) for label, pair in x.items()]
        what = "value"
    elif not isinstance(x, Iterable) or isinstance(x, str | type):
        raise TypeError(
            f"scores are of candidates, of runs, or in a dictionary; got {shortened(x)}"
        )
    else:
        items = list(x)
        if items and all(hasattr(c, "apart") for c in items):
            lines, what = _candidates(items), "validation accuracy, shared weights"
        elif all(hasattr(r, "standard_error") and hasattr(r, "error") for r in items):
            lines = [_run(r) for r in items]
            what = "test error, lower is better"
        else:
            raise TypeError(f"scores are of candidates or of runs; got {shortened(items[0])}")
    if not lines:
        raise ValueError("there is no score to draw")
    for line in lines:
        if not (abs(line.value) <= MOST and 0 <= line.error <= MOST):  # refuses NaN, too
            raise ValueError(
                f"{shortened(line.label)} must have a value and a standard error of at least 0, "
                f"both finite and at most {MOST:g}; got {line.value:g} ± {line.error:g}"
            )
    return lines, what


def _plain(label: str, pair: Any) -> Score:
    numbers = isinstance(pair, list | tuple) and all(
        isinstance(n, Real) and not isinstance(n, bool) for n in pair
    )
    if not numbers or len(pair) != 2:
        raise TypeError(
            f"{shortened(label)} must have a pair (value, standard error) of numbers; got "
            f"{shortened(pair)}"
        )
    value, error = (math.inf if abs(n) >= MOST else float(n) for n in pair)  # NaN: refused later
    return Score(label, value, error)


def _candidates(found: list[Any]) -> list[Score]:
    return [
        Score(
            f"candidate {k}",
            100 * c.accuracy,
            100 * c.standard_error,
            not c.apart,
            "the first" if k == 1 else "tested as worse" if c.apart else "cannot be told apart",
        )
        for k, c in enumerate(found, start=1)
    ]


def _run(run: Any) -> Score:
    name = f"{run.recipe.name}, {run.source.replace('`', '')}"
    note = f"{run.trace.result.parameters:,} parameters"
    return Score(name, run.error, run.standard_error, run.how != "random", note)


def scores_svg(lines: list[Score], what: str) -> str:
    """Dots, with thick bars of one standard error and thin ones of two, as a picture by itself."""
    low = min(s.value - 2 * s.error for s in lines)
    high = max(s.value + 2 * s.error for s in lines)
    if high - low <= 1e-9 * max(1.0, abs(low)):  # as a single one, without any error
        room = max(1.0, 1e-6 * abs(low))
        low, high = low - room, high + room
    step = _step(high - low)
    low, high = step * math.floor(low / step), step * math.ceil(high / step)
    names = min(MOST_NAMES, 24 + 7 * max(len(s.label) for s in lines))
    left, bottom = EDGE + names, TOP + ROW * len(lines)

    def at(value: float) -> float:
        return left + PLOT * (value - low) / (high - low)

    parts = [
        f'<text class="strong start" x="{EDGE}" y="26">{escape(_capital(what))}</text>',
        f'<text class="small start" x="{EDGE}" y="43">dot: measured · thick: ± one standard '
        "error · thin: ± two</text>",
    ]
    for k in range(round((high - low) / step) + 1):
        value = low + k * step
        parts.append(
            f'<path class="rule" d="M{at(value):.1f} {TOP}V{bottom}"/>'
            f'<text class="small" x="{at(value):.1f}" y="{bottom + 16}">{value:g} %</text>'
        )
    for k, s in enumerate(lines):
        y = TOP + ROW * (k + 0.5)
        name = wrap(s.label, names - 14, 12)
        parts += [
            f'<text class="start" x="{EDGE}" y="{y + 4 + 14 * (i - (len(name) - 1) / 2):g}">'
            f"{escape(line)}</text>"
            for i, line in enumerate(name)
        ]
        parts.append(
            f'<g class="score{" marked" if s.marked else ""}" data-value="{s.value:.4g}">'
            f'<path class="whisker" d="M{at(s.value - 2 * s.error):.1f} {y}'
            f'H{at(s.value + 2 * s.error):.1f}"/>'
            f'<path class="whisker thick" d="M{at(s.value - s.error):.1f} {y}'
            f'H{at(s.value + s.error):.1f}"/>'
            f'<circle class="spot" cx="{at(s.value):.1f}" cy="{y}" r="5"/></g>'
            f'<text class="start" x="{left + PLOT + 14}" y="{y + (-2 if s.note else 4)}">'
            f"{s.value:.2f} ± {s.error:.2f} %</text>"
        )
        if s.note:
            parts.append(
                f'<text class="small start" x="{left + PLOT + 14}" y="{y + 11}">{s.note}</text>'
            )
    told = "; ".join(f"{s.label} {s.value:.2f} ± {s.error:.2f} % {s.note}".strip() for s in lines)
    width = left + PLOT + NUMBERS
    return standalone("".join(parts), width, bottom + 28, f"{_capital(what)}: {told}.", also="lens")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _step(span: float) -> float:
    """A round distance between ticks."""
    rough = span / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
