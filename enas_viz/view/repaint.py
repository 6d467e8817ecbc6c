"""Pictures that change little: only what differs from the picture before is rendered again.

A picture is taken apart into its shapes, each with the groups that it is in. Where two pictures
have different shapes, and only there, the second one is rendered; the pixels are those of the
whole, but for a few shades at a few edges, as a renderer rounds. How far a shape reaches is
estimated, always generously.

Not here: what is drawn (`svg`, `loop`), a renderer (whoever makes a `Canvas` hands one over), files
(`animation`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

CALL = 15_000  # pixels that take as long to render as beginning to render anything
SPARED = 0.7  # of all pixels: when more have changed, the whole picture is rendered
MARGIN = 12  # pixels around a part, as lines are cut off a little differently at an edge
ROUND = 4  # pixels of a stroke, where a shape does not say its own
SYMBOL = 64  # how far a repeated symbol reaches
EVERYWHERE = (-math.inf, -math.inf, math.inf, math.inf)

Box = tuple[float, float, float, float]  # left, top, right, bottom
Pixels = tuple[int, int, int, int]  # the same in whole pixels
Place = tuple[float, float, float, Box]  # what groups do: move by x and y, scale, and cut off

_TAG = re.compile(
    r"<text\b[^>]*?(?:/>|>.*?</text>)|<defs>.*?</defs>|<(?:g|svg)\b[^>]*/>|<(?:g|svg)\b[^>]*>"
    r"|</(?:g|svg)>|<\w+\b[^>]*/>",
    re.S,
)
_HEAD = re.compile(r'(<svg\b[^>]*?) viewBox="[^"]*" width="[^"]*" height="[^"]*"([^>]*>)')
_OWN_NAMES = re.compile(r'(id="|href="#)e[0-9a-f]{8}-')  # which `shapes.standalone` gave
_UNSEEN = re.compile(r' opacity="0(\.0+)?"| class="([^"]* )?out[ "]')  # what is "out" is hidden
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")


class Shape(NamedTuple):
    groups: tuple[str, ...]  # the tags of the groups that it is in, the outermost first
    markup: str


class Canvas:
    """Pixels of one picture after the other. render: makes (H, W, 3) uint8 pixels of an SVG, as
    many as it has, or `width` across."""

    def __init__(self, render: Callable[..., np.ndarray], width: int | None = None) -> None:
        self._render, self._width = render, width
        self._svg = self._head = ""
        self._shapes: list[Shape] = []
        self._pixels: np.ndarray | None = None
        self._reach: dict[Shape, Box] = {}
        self._letters: dict[str, float] = {}

    def show(self, svg: str) -> np.ndarray:
        """(H, W, 3) pixels of a picture; they stay as they are when the next one is shown."""
        if svg == self._svg:
            return self._pixels
        head, shapes = taken_apart(svg)
        if head != self._head:
            self._pixels, self._reach, self._letters = None, {}, letters(head)
        regions = self._changed(head, shapes)
        if regions is None:
            self._pixels = self._render(svg, width=self._width)
        elif regions:
            self._pixels = self._pixels.copy()
            for region, boxes in regions:
                part, x, y = self._part(head, shapes, region, boxes)
                for left, top, right, bottom in boxes:  # between them nothing may stir
                    area = part[top - y : bottom - y, left - x : right - x]
                    self._pixels[top:bottom, left:right] = area
        self._svg, self._head, self._shapes = svg, head, shapes
        return self._pixels

    def _changed(
        self, head: str, shapes: Sequence[Shape]
    ) -> list[tuple[Pixels, list[Pixels]]] | None:
        """Rectangles of pixels outside of which nothing differs; None for the whole picture."""
        if self._pixels is None:
            return None
        old, new = Counter(self._shapes), Counter(shapes)
        if [s for s in self._shapes if s in new] != [s for s in shapes if s in old]:
            return None  # what covers what may have changed
        height, width, _ = self._pixels.shape
        across, down = self._zoom(head)
        boxes = []
        for shape in ((old - new) + (new - old)).elements():
            left, top, right, bottom = self._box(shape)
            left, right = (min(max(x * across, 0), width) for x in (left, right))
            top, bottom = (min(max(y * down, 0), height) for y in (top, bottom))
            if left < right and top < bottom:
                boxes.append((int(left), int(top), math.ceil(right), math.ceil(bottom)))
        regions = joined(boxes)
        if sum(_area(region) for region, _ in regions) > SPARED * width * height:
            return None
        return regions

    def _zoom(self, head: str) -> tuple[float, float]:
        """Pixels for one unit of the picture, across and down."""
        _, _, wide, high = _numbers(re.search(r'viewBox="([^"]*)"', head)[1])
        return self._pixels.shape[1] / wide, self._pixels.shape[0] / high

    def _part(
        self, head: str, shapes: Iterable[Shape], region: Pixels, boxes: Sequence[Pixels]
    ) -> tuple[np.ndarray, int, int]:
        """Pixels around a region, which are right within `boxes`; and where they begin."""
        left, top, right, bottom = region
        across, down = self._zoom(head)
        height, width, _ = self._pixels.shape
        x, y = max(left - MARGIN, 0), max(top - MARGIN, 0)
        x2, y2 = min(right + MARGIN, width), min(bottom + MARGIN, height)
        seen = (x / across, y / down, x2 / across, y2 / down)
        wanted = [(a / across, b / down, c / across, d / down) for a, b, c, d in boxes]
        near = ((shape, self._box(shape)) for shape in shapes)
        kept = [
            shape
            for shape, box in near
            if _meet(box, seen) and any(_meet(box, each) for each in wanted)
        ]
        size = f'width="{x2 - x}" height="{y2 - y}" preserveAspectRatio="none"'
        view = f"{seen[0]:.9g} {seen[1]:.9g} {seen[2] - seen[0]:.9g} {seen[3] - seen[1]:.9g}"
        first = _HEAD.sub(rf'\1 viewBox="{view}" {size}\2', head, count=1)
        made = self._render(f"{with_rules_for(first, kept)}{''.join(put_together(kept))}</svg>")
        return made, x, y

    def _box(self, shape: Shape) -> Box:
        """How far a shape reaches, in units of the picture."""
        if (found := self._reach.get(shape)) is None:
            found = self._reach[shape] = reach(shape, self._letters)
        return found


def taken_apart(svg: str) -> tuple[str, list[Shape]]:
    """What comes before the shapes of a picture, its styles included; and what is seen of these."""
    svg = _OWN_NAMES.sub(r"\1own-", svg)
    start = svg.find("</style>")
    start = svg.index(">") + 1 if start < 0 else start + len("</style>")
    groups: list[str] = []
    path: tuple[str, ...] = ()
    shapes = []
    for tag in _TAG.findall(svg, start):
        if tag.startswith("</"):
            if groups:  # the last one closes the picture
                groups.pop()
            path = tuple(groups)
        elif tag.startswith(("<g", "<svg")):
            if not tag.endswith("/>"):
                groups.append(tag)
                path = tuple(groups)
        elif not any(map(_UNSEEN.search, (tag, *path))):
            shapes.append(Shape(path, tag))
    head = re.sub("<title>.*?</title>|<desc>.*?</desc>", "", svg[:start], flags=re.S)
    return head, shapes


def put_together(shapes: Iterable[Shape]) -> Iterator[str]:
    """The markup of shapes within their groups."""
    inside: tuple[str, ...] = ()
    for groups, markup in shapes:
        if groups != inside:
            same = 0
            while same < min(len(inside), len(groups)) and inside[same] == groups[same]:
                same += 1
            yield from (_closing(tag) for tag in reversed(inside[same:]))
            yield from groups[same:]
            inside = groups
        yield markup
    yield from (_closing(tag) for tag in reversed(inside))


def _closing(tag: str) -> str:
    return "</svg>" if tag.startswith("<svg") else "</g>"


def with_rules_for(head: str, shapes: Sequence[Shape]) -> str:
    """The head of a picture without the rules of classes that are not in `shapes`, since each rule
    is tried on each shape."""
    tags = {tag for groups, markup in shapes for tag in (*groups, markup)}
    names = re.findall(r'class="([^"]*)"', "".join((head, *tags)))
    known = frozenset(name for each in names for name in each.split())
    before, style, after = re.split("(?<=<style>)(.*)(?=</style>)", head, maxsplit=1, flags=re.S)
    return before + _rules_for(style, known) + after


@lru_cache
def _rules_for(style: str, known: frozenset[str]) -> str:
    return "".join(
        f"{','.join(kept)}{{{body}}}"
        for each, body in _rules(style)
        if (kept := [selector for selector, classes in each if classes <= known])
    )


@lru_cache
def _rules(style: str) -> list[tuple[list[tuple[str, frozenset[str]]], str]]:
    """Of each rule its selectors, each with the classes that it names; and what it says."""
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    return [
        ([(s, frozenset(re.findall(r"\.([\w-]+)", s))) for s in selectors.split(",")], body)
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style)
    ]


# ---------------------------------------------------------------- how far shapes reach


def reach(shape: Shape, letters: dict[str, float]) -> Box:
    """A box around a shape, in units of the picture. letters: as `letters`."""
    place: Place = (0.0, 0.0, 1.0, EVERYWHERE)
    for tag in (*shape.groups, shape.markup):
        place = _placed(place, _attributes(tag))
    x, y, size, (left, top, right, bottom) = place
    box = _own(shape.markup, letters)
    if box is None or size <= 0:
        return left, top, right, bottom
    x1, y1, x2, y2 = box
    return (
        max(left, x + size * x1),
        max(top, y + size * y1),
        min(right, x + size * x2),
        min(bottom, y + size * y2),
    )


@lru_cache
def letters(head: str) -> dict[str, float]:
    """The largest size of letters that the styles give a class; that of text without one as ""."""
    sizes = {"": 16.0}
    for each, body in _rules(head.partition("<style>")[2].partition("</style>")[0]):
        if asked := re.search(r"font-size: ([\d.]+)px", body):
            for last in (selector.split()[-1] for selector, _ in each):
                for name in re.findall(r"\.([\w-]+)", last) or [""]:
                    sizes[name] = max(float(asked[1]), sizes.get(name, 0.0))
    return sizes


def _attributes(tag: str) -> dict[str, str]:
    return dict(re.findall(r'([\w-]+)="([^"]*)"', tag.partition(">")[0]))


def _placed(place: Place, at: dict[str, str]) -> Place:
    """What a group makes of the place that it is in."""
    x, y, size, clip = place
    if "viewBox" in at and "width" in at:  # a picture in the picture
        left, top, wide, high = _numbers(at["viewBox"])
        x1, y1 = x + size * float(at.get("x", 0)), y + size * float(at.get("y", 0))
        width, height = float(at["width"]), float(at["height"])
        inner = min(width / wide, height / high)
        clip = _common(clip, (x1, y1, x1 + size * width, y1 + size * height))
        x = x1 + size * ((width - inner * wide) / 2 - inner * left)
        y = y1 + size * ((height - inner * high) / 2 - inner * top)
        size *= inner
    for kind, text in re.findall(r"(\w+)\(([^)]*)\)", at.get("transform", "")):
        numbers = _numbers(text)
        if kind == "translate":
            x, y = x + size * numbers[0], y + size * (numbers[1] if len(numbers) > 1 else 0)
        elif kind == "scale" and len(numbers) == 1:
            size *= numbers[0]
        else:
            size = math.nan
    return x, y, size, clip


def _own(markup: str, letters: dict[str, float]) -> Box | None:
    """The box of a shape in the units of its group; None where it is not known."""
    kind, at = re.match(r"<(\w+)", markup)[1], _attributes(markup)
    x, y = float(at.get("x", 0)), float(at.get("y", 0))
    line = 2 * max(ROUND, float(at.get("stroke-width", 0))) + 1  # the corners of a stroke reach far
    if kind in ("rect", "image"):
        return x - line, y - line, x + float(at["width"]) + line, y + float(at["height"]) + line
    if kind == "circle":
        x, y, r = (float(at.get(name, 0)) for name in ("cx", "cy", "r"))
        return x - r - line, y - r - line, x + r + line, y + r + line
    if kind == "use":
        return x - SYMBOL, y - SYMBOL, x + SYMBOL, y + SYMBOL
    if kind == "text":
        asked = re.search(r"font-size:([\d.]+)px", markup)
        names = " ".join(re.findall(r'class="([^"]*)"', markup)).split()
        size = float(asked[1]) if asked else max(letters.get(name, 0.0) for name in ("", *names))
        moved = sum(map(float, re.findall(r'\bdx="([\d.]+)"', markup)))
        long = moved + 0.75 * size * (2 + len(re.sub(r"<[^>]*>|&\w+;", "", markup)))
        return x - long, y - 1.2 * size, x + long, y + 0.5 * size
    if kind == "path" and (box := _path(at["d"])):
        return box[0] - line, box[1] - line, box[2] + line, box[3] + line
    return None


def _path(d: str) -> Box | None:
    """The box of a path's points, those that only pull at it included."""
    x = y = x0 = y0 = 0.0
    xs: list[float] = []
    ys: list[float] = []
    for command, text in re.findall(r"([a-zA-Z])([^a-zA-Z]*)", d):
        n, kind = _numbers(text), command.upper()
        dx, dy = (0.0, 0.0) if command.isupper() else (x, y)
        if kind == "Z":
            x, y = x0, y0
        elif kind == "H":
            x = n[-1] if command == "H" else x + sum(n)
        elif kind == "V":
            y = n[-1] if command == "V" else y + sum(n)
        elif kind == "A":
            for k in range(0, len(n), 7):
                rx, ry = 2 * n[k], 2 * n[k + 1]
                dx, dy = (0.0, 0.0) if command == "A" else (x, y)
                x, y = dx + n[k + 5], dy + n[k + 6]
                xs += (x - rx, x + rx)
                ys += (y - ry, y + ry)
        elif kind in "MLCQ":
            per = {"M": 2, "L": 2, "C": 6, "Q": 4}[kind]
            for k in range(0, len(n), per):
                dx, dy = (0.0, 0.0) if command.isupper() else (x, y)
                points = n[k : k + per]
                xs += [dx + v for v in points[::2]]
                ys += [dy + v for v in points[1::2]]
                x, y = xs[-1], ys[-1]
            if kind == "M":
                x0, y0 = dx + n[0], dy + n[1]
        else:
            return None
        xs.append(x)
        ys.append(y)
    return (min(xs), min(ys), max(xs), max(ys)) if xs else None


def _numbers(text: str) -> list[float]:
    return [float(found) for found in _NUMBER.findall(text)]


# ---------------------------------------------------------------- rectangles


def joined(boxes: Iterable[Pixels]) -> list[tuple[Pixels, list[Pixels]]]:
    """Rectangles that cover all `boxes`, each with those that it covers: two become one where that
    is less work."""
    regions: list[tuple[Pixels, list[Pixels]]] = []
    for box in boxes:
        region, covered, at = box, [box], 0
        while at < len(regions):
            other, others = regions[at]
            both = (*map(min, region[:2], other[:2]), *map(max, region[2:], other[2:]))
            if _area(both) <= _area(region) + _area(other) + CALL:
                del regions[at]
                region, covered, at = both, covered + others, 0
            else:
                at += 1
        regions.append((region, covered))
    return regions


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _common(a: Box, b: Box) -> Box:
    return (*map(max, a[:2], b[:2]), *map(min, a[2:], b[2:]))
