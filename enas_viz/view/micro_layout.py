"""Where everything of a pair of cells stands: a position is a function of an index alone.

A cell reads from left to right, its nodes in columns under the controller's steps that decide them.
Above the nodes runs one track for each tensor that a node may read; an input drops from its track
into the operation's box, so that no edge crosses a box. Under the nodes a rail collects the loose
ends. Nothing moves between two steps, nor between two architectures of one space.

Units are CSS pixels at natural size. Not here: what is chosen, what it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from enas_viz.spaces import Decision, MicroSpace
from enas_viz.view.layout import GUTTER, MERGE_R, Box

INPUTS, SIDES = 2, (0, 1)
SILENT_W, INDEX_W, OP_W = 20, 26, 40  # widths of the controller's steps
WIDTHS = {"silent": SILENT_W, "index": INDEX_W, "op": OP_W}
NODE_W = 2 * INDEX_W + 2 * OP_W + SILENT_W  # a node's column, as wide as its five steps
FIRST = GUTTER + INPUTS * SILENT_W  # where the first node's column begins

BOX_W, BOX_H = 64, 34  # of an operation
INPUT_W, INPUT_H = 106, 24  # of a cell's input
OUTPUT_W = 58
TITLE = 16  # baseline of a cell's title
TRACK_Y, TRACK = 40, 9  # the first tensor's track, and from one to the next
DROP = 20  # from the last track to the operations: room for an arrow head and its source's number
BETWEEN = 18  # from one cell to the next
# As the article draws it: in place of the inputs two finished cells, each ending in an addition,
# and wider columns for the nodes, as there are no silent steps.
FINISHED_W, FINISHED_H, FINISHED_Y = 132, 44, 50
ARTICLE_WIDTHS = {"silent": 0, "index": 38, "op": 52}
ARTICLE_NODE_W, ARTICLE_FIRST = 180, 178
CORNER = 5  # radius of a wire's bends


@dataclass(frozen=True)
class Wire:
    """A path of straight pieces with round corners. points: its corners, ends included."""

    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        first, *rest = self.points
        drawn = [f"M{first[0]:g} {first[1]:g}"]
        before = first
        for here, after in pairwise(rest):
            a, b = _towards(here, before), _towards(here, after)
            drawn.append(f"L{a[0]:g} {a[1]:g}Q{here[0]:g} {here[1]:g} {b[0]:g} {b[1]:g}")
            before = here
        return "".join(drawn) + f"L{rest[-1][0]:g} {rest[-1][1]:g}"


@dataclass(frozen=True)
class Node:
    """A computed node: the boxes of its two operations, the point where they are added."""

    boxes: tuple[Box, Box]
    x: float  # of the merge point
    y: float
    sums: tuple[Wire, Wire]  # from the operations into the merge point


@dataclass(frozen=True)
class CellLayout:
    """One cell. inputs: its two boxes; edges: (node, side, source) to the wire of that input;
    loose: of every tensor, the wire from it to where loose ends are joined."""

    top: float
    height: float
    inputs: tuple[Box, Box]
    nodes: tuple[Node, ...]
    edges: dict[tuple[int, int, int], Wire]
    loose: dict[int, Wire]
    join: tuple[float, float]
    out: Wire
    output: Box


@dataclass(frozen=True)
class MicroLayout:
    """All coordinates of a space's cells, one under the other."""

    width: float
    height: float
    cells: tuple[CellLayout, ...]


def place_cells(space: MicroSpace, as_article: bool = False) -> MicroLayout:
    """Coordinates of all cells of a space; as_article: behind the two finished cells they read."""
    cells, top = [], 0.0
    for _ in space.cells:
        cells.append(_cell(space.nodes, top, as_article))
        top += cells[-1].height + BETWEEN
    return MicroLayout(cells[0].output.right + 4, top - BETWEEN, tuple(cells))


def _cell(count: int, top: float, as_article: bool) -> CellLayout:
    first, column = (ARTICLE_FIRST, ARTICLE_NODE_W) if as_article else (FIRST, NODE_W)
    track_y = FINISHED_Y if as_article else TRACK_Y
    tracks = [top + track_y + TRACK * t for t in range(count + 1)]
    box_y = max(tracks[-1] + DROP, tracks[0] + 32) + BOX_H / 2
    ring_y = box_y + BOX_H / 2 + 19
    rail = ring_y + MERGE_R + 26
    w, h = (FINISHED_W, FINISHED_H) if as_article else (INPUT_W, INPUT_H)
    inputs = tuple(Box(2 + w / 2, y, w, h) for y in (tracks[0], tracks[0] + h + 8))
    begin = inputs[0].right + MERGE_R * as_article  # a finished cell ends in a merge point
    elbows = (begin + 6, begin + 3)
    starts: list[tuple[tuple[float, float], ...]] = [  # of each tensor, up to its track
        ((begin, tracks[0]),),
        ((begin, inputs[1].y), (elbows[1], inputs[1].y), (elbows[1], tracks[1])),
    ]
    nodes, edges = [], {}
    for n in range(count):
        left, tensor = first + n * column, n + INPUTS
        x = left + column / 2 - 6
        boxes = tuple(Box(x + dx, box_y, BOX_W, BOX_H) for dx in (-BOX_W / 2 - 2, BOX_W / 2 + 2))
        out, low, riser = (x, ring_y + MERGE_R), ring_y + MERGE_R + 9, left + column - 5
        if n < count - 1:
            starts.append((out, (x, low), (riser, low), (riser, tracks[tensor])))
        for side in SIDES:
            box = boxes[side]
            for source in range(tensor):
                down = ((box.x, tracks[source]), (box.x, box.y - BOX_H / 2 - 1))
                edges[n, side, source] = Wire((*starts[source], *down))
        sums = tuple(
            Wire(((b.x, b.y + BOX_H / 2), (b.x, ring_y), (x + sign * MERGE_R, ring_y)))
            for b, sign in zip(boxes, (-1, 1), strict=True)
        )
        nodes.append(Node(boxes, x, ring_y, sums))
    end = first + count * column
    join = (end + 14, rail)
    loose = {
        0: Wire((*starts[0], (elbows[0], tracks[0]), (elbows[0], rail), (join[0] - MERGE_R, rail))),
        1: Wire((*starts[1][:2], (elbows[1], rail), (join[0] - MERGE_R, rail))),
    }
    for n, node in enumerate(nodes):
        begin = (node.x, node.y + MERGE_R)
        loose[n + INPUTS] = Wire((begin, (node.x, rail), (join[0] - MERGE_R, rail)))
    output = Box(join[0] + MERGE_R + 16 + OUTPUT_W / 2, rail, OUTPUT_W, INPUT_H)
    return CellLayout(
        top=top,
        height=rail + INPUT_H / 2 + 4 - top,
        inputs=inputs,
        nodes=tuple(nodes),
        edges=edges,
        loose=loose,
        join=join,
        out=Wire((join, (output.left - 1, rail))),
        output=output,
    )


def _towards(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The point on the way from corner `a` to `b` at which the bend begins."""
    length = abs(b[0] - a[0]) + abs(b[1] - a[1])  # pieces are horizontal or vertical
    share = min(CORNER, length / 2) / length if length else 0
    return round(a[0] + share * (b[0] - a[0]), 2), round(a[1] + share * (b[1] - a[1]), 2)


# ---------------------------------------------------------------- the controller's strip

ROW_H = 116  # one cell's steps
CHIP_H, CHIP_Y = 28, 2
LSTM_H, LSTM_Y = 24, 50
KIND_Y, BRACKET_Y = 88, 94


@dataclass(frozen=True)
class MicroStrip:
    """The controller: a row of steps for each cell. steps: (x, y of the row, width) of each.

    groups: (tensor, x of the left and of the right end, y of the row).
    """

    width: float
    height: float
    steps: tuple[tuple[float, float, float], ...]
    groups: tuple[tuple[int, float, float, float], ...]


def place_cell_strip(space: MicroSpace, as_article: bool = False) -> MicroStrip:
    """A place for every step of the controller; as_article: silent steps have no width."""
    steps, groups = [], []
    start, widths = (ARTICLE_FIRST, ARTICLE_WIDTHS) if as_article else (GUTTER, WIDTHS)
    row, x, cell = -1.0, 0.0, ""
    for decision in space.steps():
        if decision.cell != cell:
            cell, x, row = decision.cell, float(start), row + 1
        w = widths[decision.kind]
        steps.append((x + w / 2, row * ROW_H, float(w)))
        _group(groups, decision, x, w, row * ROW_H)
        x += w
    height = (row + 1) * ROW_H
    width = place_cells(space, as_article).width
    return MicroStrip(width, height, tuple(steps), tuple(groups))


def _group(groups: list, decision: Decision, x: float, w: float, y: float) -> None:
    if groups and groups[-1][0] == decision.at and groups[-1][3] == y:
        groups[-1] = (decision.at, groups[-1][1], x + w, y)
    else:
        groups.append((decision.at, x, x + w, y))
