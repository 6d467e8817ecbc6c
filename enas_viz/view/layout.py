"""Where everything of a macro network stands: a position is a function of an index alone.

So nothing moves between two steps, nor between two architectures of one space. Layers stand on one
horizontal axis; skips are arcs above it that rise and fall in the gaps between boxes, so that they
cross none; a band behind the layers is as high as the feature map is, and narrows at reductions.

Units are CSS pixels at natural size. Not here: what is chosen, what it looks like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx

BOX_W, BOX_H = 46, 58  # a layer's box
GAP = 32  # between two boxes: room for the merge point and for the arcs to rise
PITCH = BOX_W + GAP
NARROWING = 20  # added to the gap in which a reduction narrows the band
MERGE, TAP = 12, 24  # from a box's right edge to where skips arrive, and to where they leave
# Where skips are what a layer's operation reads: from where they arrive to the box's left edge, and
# from a box's right edge to where they leave.
INPUT_MERGE, INPUT_TAP = 14, 4
MERGE_R = 7.5
MARGIN = 8
BAND = 84  # height of the band at full resolution
CLEAR = BOX_H / 2 + 9  # arcs bend above this height over the axis
LABELS = 22  # from the band's lower edge to the baseline of "layer 3"
STAGES = 27  # from there to the baseline of the stage's size


@dataclass(frozen=True)
class Box:
    """A rectangle, by its centre."""

    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> float:
        return self.x - self.w / 2

    @property
    def right(self) -> float:
        return self.x + self.w / 2


@dataclass(frozen=True)
class Arc:
    """A skip: up from tensor `source`, over the boxes, down into the merge point of `layer`.

    straight: along the axis instead, from the layer before, where that is what the operation may
    read. row, otherwise: as `graph.candidates` has them.
    """

    source: int
    layer: int
    row: int
    born: int
    otherwise: bool
    x1: float
    x2: float
    y1: float  # the axis, where it leaves
    y2: float  # top of the merge point, where it arrives
    bend: float  # the height at which the half ellipse begins
    rise: float  # the ellipse's vertical half axis
    weight: float  # stroke width: long arcs are lighter
    straight: bool = False

    @property
    def path(self) -> str:
        if self.straight:
            return f"M{self.x1:g} {self.y1:g}H{self.x2:g}"
        a = (self.x2 - self.x1) / 2
        return (
            f"M{self.x1:g} {self.y1:g}V{self.bend:g}"
            f"A{a:g} {self.rise:g} 0 0 1 {self.x2:g} {self.bend:g}V{self.y2:g}"
        )

    def points(self, n: int = 64) -> list[tuple[float, float]]:
        """n + 3 points along the arc, ends included; two of a straight one."""
        if self.straight:
            return [(self.x1, self.y1), (self.x2, self.y2)]
        a, middle = (self.x2 - self.x1) / 2, (self.x1 + self.x2) / 2
        turn = [math.pi * i / n for i in range(n + 1)]
        half = [(middle - a * math.cos(t), self.bend - self.rise * math.sin(t)) for t in turn]
        return [(self.x1, self.y1), *half, (self.x2, self.y2)]


@dataclass(frozen=True)
class Stage:
    """Layers first..last, computed on feature maps halved `halvings` times."""

    first: int
    last: int
    halvings: int
    x1: float
    x2: float


@dataclass(frozen=True)
class Layout:
    """All coordinates of a space's drawing. boxes, merges: per layer; taps: per tensor."""

    width: float
    height: float
    axis: float
    image: Box
    stem: Box
    boxes: tuple[Box, ...]
    head: Box
    merges: tuple[float, ...]
    taps: tuple[float, ...]
    arcs: tuple[Arc, ...]
    band: str
    stages: tuple[Stage, ...]
    label_y: float
    stage_y: float


def place(graph: nx.DiGraph, reductions: tuple[int, ...] = (), has_stem: bool = True) -> Layout:
    """Coordinates for `graph` (see `graph.candidates`), narrowing after the layers `reductions`.

    has_stem: without one, as the article has it, the image stands in its place.
    """
    layers = graph.graph["layers"]
    skips = [e for _, _, e in graph.edges(data=True) if e["kind"] == "skip"]
    before = graph.graph["merge"] == "input"  # skips arrive before the boxes
    longest = max((e["layer"] + 1 - e["source"] for e in skips), default=1)
    tallest = 4 + 37 * math.sqrt(layers) if skips else 0
    axis = math.ceil(6 + tallest + CLEAR)

    image = Box(MARGIN + 20, axis, 40, 40)
    stem = Box(image.right + 20 + 20, axis, 40, 40) if has_stem else image
    x, boxes = stem.right + GAP + BOX_W / 2, []
    for k in range(layers):
        boxes.append(Box(x, axis, BOX_W, BOX_H))
        x += PITCH + (NARROWING if k in reductions else 0)
    head = Box(boxes[-1].right + GAP + 34, axis, 68, 40)

    if before:
        merges = tuple(box.left - INPUT_MERGE for box in boxes)
        taps = tuple(box.right + INPUT_TAP for box in (stem, *boxes))
    else:
        merges = tuple(box.right + MERGE for box in boxes)
        taps = tuple(box.right + TAP for box in (stem, *boxes))

    def arc(edge: dict) -> Arc:
        span = edge["layer"] + 1 - edge["source"]
        share = (span - 1) / max(1, longest - 1)
        return Arc(
            **{name: edge[name] for name in ("source", "layer", "row", "born", "otherwise")},
            x1=taps[edge["source"]],
            x2=merges[edge["layer"]],
            y1=axis,
            y2=axis if before else axis - MERGE_R,  # one alone is not merged, but goes on
            straight=before and edge["source"] == edge["layer"],
            bend=axis - CLEAR,
            rise=round(20 + (tallest - 20) * share**0.75, 1),
            weight=round(2.2 - 0.9 * share, 2),
        )

    stages = _stages(boxes, stem, head, reductions)
    return Layout(
        width=head.right + MARGIN,
        height=axis + BAND / 2 + LABELS + (STAGES if reductions else 0) + 6,
        axis=axis,
        image=image,
        stem=stem,
        boxes=tuple(boxes),
        head=head,
        merges=merges,
        taps=taps,
        arcs=tuple(arc(edge) for edge in skips),
        band=_band(image, head, axis, [(taps[k + 1] + 2, boxes[k + 1].left) for k in reductions]),
        stages=stages,
        label_y=axis + BAND / 2 + LABELS,
        stage_y=axis + BAND / 2 + LABELS + STAGES,
    )


def _stages(
    boxes: list[Box], stem: Box, head: Box, reductions: tuple[int, ...]
) -> tuple[Stage, ...]:
    starts = [0, *(k + 1 for k in reductions)]
    ends = [*reductions, len(boxes) - 1]
    return tuple(
        Stage(
            first,
            last,
            halvings,
            stem.left if first == 0 else boxes[first].left - 4,
            boxes[last].right + TAP,
        )
        for halvings, (first, last) in enumerate(zip(starts, ends, strict=True))
    )


def _band(image: Box, head: Box, axis: float, narrowings: list[tuple[float, float]]) -> str:
    """The outline of the band: as high as the feature map, half as high after each narrowing."""
    upper = [(image.right, BAND / 2)]
    for x1, x2 in narrowings:
        half = upper[-1][1]
        upper += [(x1, half), (x2, half / 2)]
    upper.append((head.left, upper[-1][1]))
    corners = [(x, axis - h) for x, h in upper] + [(x, axis + h) for x, h in reversed(upper)]
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + "Z"


# ---------------------------------------------------------------- the controller's strip

CHIP_Y, CHIP_H = 4, 30  # what a step sampled
CELL_Y, CELL_H = 50, 26  # the LSTM at that step
KIND_Y, BRACKET_Y, STRIP_H = 90, 97, 116
GUTTER = 76  # for the names of the rows


@dataclass(frozen=True)
class Strip:
    """The controller, a cell for each step. groups: (layer, x of its first and last cell)."""

    width: float
    height: float
    pitch: float
    cells: tuple[float, ...]
    groups: tuple[tuple[int, float, float], ...]


def place_strip(layers_of_steps: tuple[int, ...]) -> Strip:
    """A cell for each step; the argument names the layer that each step is about."""
    n = len(layers_of_steps)
    pitch = round(min(64.0, max(42.0, 1008 / n)), 1)
    cells = tuple(round(GUTTER + (t + 0.5) * pitch, 1) for t in range(n))
    groups: dict[int, tuple[float, float]] = {}
    for layer, x in zip(layers_of_steps, cells, strict=True):
        groups[layer] = (groups.get(layer, (x, x))[0], x)
    spans = tuple((k, a, b) for k, (a, b) in groups.items())
    return Strip(GUTTER + n * pitch + 8, STRIP_H, pitch, cells, spans)
