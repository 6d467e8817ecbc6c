"""Motion as data: which shape of a drawing changes what, from when to when.

A picture is composed once, each moving shape with a `data-key`. What then happens is a list of
cues, which a page plays and an export draws frame by frame: both compute the same state from the
same cues (`static/loop.js` has the other `state_at`), so a film shows what a reader sees.

Not here: pictures and their cues (`loop`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

WORDS = ("text", "href", "class", "d")  # what is set at once; everything else is a number
LONG = 12  # numbers of a cue from which on they are looked for in others
SVG = "http://www.w3.org/2000/svg"

State = dict[tuple[str, str], Any]  # (key of a shape, what of it): a number, text, or a place


@dataclass(frozen=True)
class Cue:
    """One change of one shape.

    what: an attribute with a number as value, "at" (where the shape is moved to: x, y and how many
    times as large), or one of WORDS. start, end: milliseconds. values: what to go through, evenly
    spaced in time; places one after the other; of WORDS the one that is set at the start.
    """

    key: str
    what: str
    start: int
    end: int
    values: tuple[Any, ...]

    def to_json(self) -> list[Any]:
        return [self.key, self.what, self.start, self.end, [_short(v) for v in self.values]]

    def at(self, time: float) -> Any:
        """The value at a time that is not before the start."""
        if self.what in WORDS:
            return self.values[0]
        share = 1.0 if time >= self.end else (time - self.start) / (self.end - self.start)
        eased = share * share * (3 - 2 * share)
        if self.what == "at":
            return tuple(_between(self.values[k::3], eased) for k in range(3))
        return _between(self.values, eased)


@dataclass(frozen=True)
class Act:
    """A stretch of motion with a name. said: the sentence that tells it, for who does not see."""

    name: str
    ms: int
    cues: tuple[Cue, ...]
    said: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ms": self.ms,
            "said": self.said,
            "cues": [cue.to_json() for cue in self.cues],
        }


class Score:
    """Gathers the cues of an act."""

    def __init__(self) -> None:
        self.cues: list[Cue] = []
        self.end = 0

    def move(self, key: str, what: str, start: float, ms: float, *values: float) -> None:
        """Lets a number, or a place, go through `values`."""
        start, end = round(start), round(start + ms)
        self.cues.append(Cue(key, what, start, max(end, start + 1), values))
        self.end = max(self.end, end)

    def put(self, key: str, what: str, start: float, value: Any) -> None:
        """Sets a word, a number, or a place (x, y, size) at once."""
        values = tuple(value) if what == "at" else (value,)
        self.cues.append(Cue(key, what, round(start), round(start) + 1, values))
        self.end = max(self.end, round(start) + 1)

    def act(self, name: str, said: str = "", ms: int = 0) -> Act:
        cues = sorted(self.cues, key=lambda cue: cue.start)  # stable: of two the later one counts
        return Act(name, max(ms, self.end), tuple(cues), said)


def state_at(cues: Iterable[Cue], time: float, before: Mapping[tuple[str, str], Any]) -> State:
    """What the shapes are like at a time, given what they were like before the act."""
    state = dict(before)
    for cue in cues:
        if cue.start > time:
            break
        state[cue.key, cue.what] = cue.at(time)
    return state


def shared(acts: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Takes long values that several cues of `acts` (as JSON) have out of them, into a table: such
    a cue then has the number of a row instead."""
    seen: dict[str, list[list[Any]]] = {}
    for act in acts:
        for cue in act["cues"]:
            if len(cue[4]) > LONG:
                seen.setdefault(repr(cue[4]), []).append(cue)
    table = []
    for cues in seen.values():
        table.append(cues[0][4])
        for cue in cues:
            cue[4] = len(table) - 1
    return table


def rest_json(state: Mapping[tuple[str, str], Any]) -> list[list[Any]]:
    """A state for the browser."""
    return [
        [key, what, [_short(v) for v in value] if what == "at" else _short(value)]
        for (key, what), value in state.items()
    ]


class Film:
    """A picture that takes on states: `svg` of each, for stills and the frames of an export."""

    def __init__(self, svg: str) -> None:
        ElementTree.register_namespace("", SVG)
        self._root = ElementTree.fromstring(svg)
        self.keys = {e.get("data-key") for e in self._root.iter() if e.get("data-key")}

    def svg(self, state: Mapping[tuple[str, str], Any]) -> str:
        """The picture in a state. KeyError for a shape that it does not have."""
        root = copy.deepcopy(self._root)
        shapes = {e.get("data-key"): e for e in root.iter() if e.get("data-key")}
        for (key, what), value in state.items():
            shape = shapes[key]
            if what == "text":
                shape.text = value
            elif what == "at":
                x, y, size = value
                shape.set("transform", f"translate({x:.2f} {y:.2f}) scale({size:.3f})")
            else:
                shape.set(what, value if isinstance(value, str) else f"{value:.3f}")
        return ElementTree.tostring(root, encoding="unicode")


def along(points: Sequence[tuple[float, float]], size: float = 1, steps: int = 24) -> list[float]:
    """Places at even distances along a way, as the values of an "at" cue; size: all along it."""
    lengths = [0.0]
    for (x0, y0), (x1, y1) in pairwise(points):
        lengths.append(lengths[-1] + ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
    found, k = [], 0
    for n in range(steps + 1):
        wanted = lengths[-1] * n / steps
        while k < len(points) - 2 and lengths[k + 1] < wanted:
            k += 1
        span = lengths[k + 1] - lengths[k]
        share = (wanted - lengths[k]) / span if span else 0.0
        for a, b in zip(points[k], points[k + 1], strict=True):
            found.append(a + (b - a) * share)
        found.append(size)
    return found


def bend(x0: float, y0: float, x1: float, y1: float) -> str:
    """A path that leaves and arrives horizontally."""
    middle = (x0 + x1) / 2
    return f"M{x0:g} {y0:g}C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}"


def points_of(path: str, steps: int = 8) -> list[tuple[float, float]]:
    """Points on a path of M, L, H, V and C in absolute coordinates."""
    found: list[tuple[float, float]] = []
    for command, text in re.findall(r"([MLHVC])([^MLHVC]*)", path):
        n = [float(v) for v in re.findall(r"-?[\d.]+", text)]
        x, y = found[-1] if found else (0.0, 0.0)
        if command in "ML":
            found.append((n[0], n[1]))
        elif command == "H":
            found.append((n[0], y))
        elif command == "V":
            found.append((x, n[0]))
        else:
            for k in range(1, steps + 1):
                t = k / steps
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                found.append(
                    (a * x + b * n[0] + c * n[2] + d * n[4], a * y + b * n[1] + c * n[3] + d * n[5])
                )
    return found


def _between(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    k = min(int(place), len(values) - 2)
    return values[0] if k < 0 else values[k] + (values[k + 1] - values[k]) * (place - k)


def _short(value: Any) -> Any:
    """A number with at most two decimals, whole ones without."""
    if not isinstance(value, float):
        return value
    short = round(value, 2)
    return int(short) if short == int(short) else short
