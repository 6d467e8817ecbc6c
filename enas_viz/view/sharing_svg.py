"""Markup of a supernet with every path, each as strong as it was trained, one network lit in it.

Macro: layers from left to right, in each a thread through every operation; above them the skips.
Micro: a crossbar for each cell. A rail is a tensor, a column an operation on one input of a node,
and the spot where they cross the weights of that operation on that tensor.

Every shape that stands for a path names its number (`data-path`, as `inheritance.paths` numbers
them), and how thick or large it is follows from `grown`; the browser does the same.
Not here: what is counted (`inheritance`), words around the picture (`sharing`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from enas_viz.records.training_counts import size
from enas_viz.spaces import MacroSpace, MicroSpace, Space
from enas_viz.view.layout import MARGIN, MERGE_R, Box
from enas_viz.view.scene import CELL_NAMES
from enas_viz.view.shapes import PREFIX, rect, ring, symbols, tip

THREAD = 16  # width of a thread that every minibatch took
SKIP = 2.6  # and of a skip
SPOT = 8  # radius of the spot that is trained most
KNOT_W, KNOT_H = 42, 22  # of a macro operation's box
PITCH_X, PITCH_Y = 86, 31  # from layer to layer, from operation to operation
NAMES = 92  # room for the names on the left
END_W = 68
ENTRY = 26  # from where a layer's tensor ends to where the next one's input is joined
COLUMN, RAIL = 17, 19  # between a crossbar's columns, between its rails
SIDES, BLOCKS = 14, 34  # between the inputs of a node, between nodes
INPUT_NAMES_W = 122
BETWEEN = 22  # cells


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


def picture(
    space: Space,
    state: State | None = None,
    *,
    merge: str = "add",
    named: Mapping[str, tuple[str, ...]] | None = None,
    without: Collection[int] = (),
) -> tuple[list[str], float, float]:
    """(parts, width, height). Without a state nothing is trained and nothing lit.

    merge: how skips join. named: of every cell, what its two inputs are called. without: the paths
    that have no weights.
    """
    shown = state or State(0, 0, [0.0] * size(space))
    if isinstance(space, MacroSpace):
        return _macro(space, shown, merge)
    return _micro(space, shown, named or {}, without)


def bare(space: Space, stride2: bool = False) -> set[int]:
    """The paths that have no weights, so nothing of them is trained: in cells pooling, and identity
    unless it halves the map, as it does in a reduction cell at stride 2 on the cell's inputs."""
    if isinstance(space, MacroSpace):
        return set()
    found, path = set(), 0
    for cell in space.cells:
        for sources in range(2, space.nodes + 2):
            for _ in (0, 1):
                for source in range(sources):
                    for op in space.ops:
                        reduces = stride2 and cell == "reduction" and source < 2
                        if not op.weighted and not (op.family == "identity" and reduces):
                            found.add(path)
                        path += 1
    return found


# ---------------------------------------------------------------- macro


def _macro(space: MacroSpace, state: State, merge: str) -> tuple[list[str], float, float]:
    ops, layers = len(space.ops), space.layers
    tallest = 4 + 44 * math.sqrt(layers) if layers > 1 else 0
    top = math.ceil(14 + tallest)
    rows = [top + 22 + PITCH_Y * r for r in range(ops)]
    axis = (rows[0] + rows[-1]) / 2
    stem = Box(NAMES + 24, axis, 44, 34)
    # Where tensors are, and where the operations of each layer begin: there, unless what a layer
    # chose is joined first.
    entry = ENTRY if merge == "input" else 0
    joints = [stem.right + 12 + (PITCH_X + entry) * k for k in range(layers + 1)]
    starts = [x + entry * (k > 0) for k, x in enumerate(joints[:layers])]
    head = Box(joints[-1] + 16 + END_W / 2, axis, END_W, 34)
    parts = [symbols(space.ops, "above")]
    for op, y in zip(space.ops, rows, strict=True):
        parts.append(
            f'<g class="op-{op}" transform="translate({MARGIN + 10} {y:g})">'
            f'<use href="#{PREFIX}i-{op}"/></g>'
            f'<text class="small start" x="{MARGIN + 24}" y="{y + 4:g}">{op.label}</text>'
        )
    parts.append('<g class="skips">')
    ends = starts if entry else joints[1:]
    parts += _in_order(_skips(space, joints, ends, top, tallest, state), state.lit)
    parts += ["</g>", '<g class="posts">']
    parts += [
        f'<path class="lane" d="M{x:g} {top:g}V{axis - MERGE_R:g}"/>'
        for x in (*joints, *(starts[1:] if entry else ()))
    ]
    parts += [
        f'<path class="lane" d="M{a:g} {axis:g}H{b:g}"/>'
        for a, b in zip(joints, starts, strict=False)
        if a < b
    ]
    parts += [
        rect(stem, "fixed", 7),
        f'<text x="{stem.x:g}" y="{axis + 4:g}">stem</text>',
        f'<path class="line" d="M{stem.right:g} {axis:g}H{joints[0]:g}"/>',
        "</g>",
        '<g class="ways">',
    ]
    ways = []
    for k in range(layers):
        for r, op in enumerate(space.ops):
            ways.append(
                (k * ops + r, _way(k * ops + r, op, starts[k], joints[k + 1], rows[r], axis, state))
            )
    parts += _in_order(ways, state.lit)
    parts += ["</g>", '<g class="joints">']
    parts.append(f'<circle class="ring" cx="{joints[0]:g}" cy="{axis:g}" r="3.5"/>')
    for k in range(layers):
        x = joints[k + 1]
        parts.append(
            ring(merge, x, axis)
            if k and not entry
            else f'<circle class="ring" cx="{x:g}" cy="{axis:g}" r="3.5"/>'
        )
        if entry and k > 1:  # of one tensor there is nothing to join
            parts.append(ring(merge, starts[k], axis))
        middle, below = (starts[k] + x) / 2, rows[-1] + 34
        parts.append(f'<text class="small" x="{middle:g}" y="{below:g}">layer {k + 1}</text>')
    parts += [
        f'<path class="line" d="M{joints[-1] + MERGE_R:g} {axis:g}H{head.left - 3:g}"/>',
        tip(head.left - 1, axis, "right"),
        rect(head, "fixed", 7),
        f'<text x="{head.x:g}" y="{axis + 4:g}">classifier</text>',
        "</g>",
    ]
    return parts, head.right + MARGIN, rows[-1] + 44


def _way(path: int, op: str, x1: float, x2: float, y: float, axis: float, state: State) -> str:
    """One operation of one layer: the thread through it, its box, and how often it was trained."""
    n = state.counts[path]
    box = Box((x1 + x2) / 2, y, KNOT_W, KNOT_H)
    a, b = x1 + 20, x2 - 20
    d = (
        f"M{x1:g} {axis:g}C{a:g} {axis:g} {x1 + 6:g} {y:g} {box.left:g} {y:g}H{box.right:g}"
        f"C{x2 - 6:g} {y:g} {b:g} {axis:g} {x2:g} {axis:g}"
    )
    width = THREAD * grown(n, state.now, state.end)
    never, lit = "" if n else " never", " lit" if path in state.lit else ""
    return (
        f'<g class="way op-{op}{never}{lit}" data-path="{path}">'
        f'<path class="thread" d="{d}" stroke-width="{max(1, width):.2f}"/>'
        + rect(box, "knot", 6)
        + f'<text class="n" x="{box.x:g}" y="{y + 4:g}">{short_count(n)}</text></g>'
    )


def _skips(
    space: MacroSpace,
    joints: Sequence[float],
    ends: Sequence[float],
    top: float,
    tallest: float,
    state: State,
) -> list[tuple[int, str]]:
    """joints: where each tensor is; ends: where what skips into each layer arrives."""
    shift, path, found = int(space.wiring == "layer"), space.layers * len(space.ops), []
    for k in range(1, space.layers):
        for bit in range(k):
            x1, x2 = joints[bit + shift], ends[k]
            share = (x2 - x1) / (joints[1] - joints[0]) / max(1, space.layers)
            rise = round(14 + (tallest - 14) * share**0.75, 1)
            n = state.counts[path]
            width = max(0.5, SKIP * grown(n, state.now, state.end))
            never, lit = "" if n else " never", " lit" if path in state.lit else ""
            d = f"M{x1:g} {top:g}A{(x2 - x1) / 2:g} {rise:g} 0 0 1 {x2:g} {top:g}"
            found.append(
                (
                    path,
                    f'<path class="skip{never}{lit}" data-path="{path}" d="{d}" '
                    f'stroke-width="{width:.2f}"/>',
                )
            )
            path += 1
    return found


def _in_order(shapes: Sequence[tuple[int, str]], lit: Collection[int]) -> list[str]:
    """What is lit lies on top."""
    return [s for p, s in shapes if p not in lit] + [s for p, s in shapes if p in lit]


# ---------------------------------------------------------------- micro


def _micro(
    space: MicroSpace,
    state: State,
    named: Mapping[str, tuple[str, ...]],
    without: Collection[int],
) -> tuple[list[str], float, float]:
    parts, y, path = [symbols(space.ops, "beside")], 0.0, 0
    for cell in space.cells:
        bar = Crossbar(space, cell, y, path)
        names = named.get(cell, ("two cells back", "previous cell"))
        parts += [*_rails(bar, names), *_nodes(bar), *_spots(bar, state, without)]
        y += bar.height + BETWEEN
        path += size(space) // len(space.cells)
    return parts, bar.right, y - BETWEEN


@dataclass(frozen=True)
class Crossbar:
    """Where everything of one cell stands. top: its upper edge; path: the number of its first."""

    space: MicroSpace
    cell: str
    top: float
    path: int

    def rail(self, tensor: int) -> float:
        """The height of a tensor's rail."""
        return self.top + 36 + RAIL * tensor

    @property
    def icons(self) -> float:
        """The height of the operations' icons, under the last rail."""
        return self.rail(self.space.nodes) + 24

    @property
    def sums(self) -> float:
        """The height at which a node adds its two operations."""
        return self.icons + 34

    @property
    def height(self) -> float:
        return self.sums + 30 - self.top

    @property
    def side(self) -> float:
        """The width of one input's columns."""
        return COLUMN * (len(self.space.ops) - 1)

    @property
    def block(self) -> float:
        """From one node to the next."""
        return 2 * self.side + SIDES + COLUMN + BLOCKS

    @property
    def right(self) -> float:
        return self.first(self.space.nodes, 0) - BLOCKS + COLUMN

    def first(self, node: int, side: int) -> float:
        """The first column of an input of a node."""
        return INPUT_NAMES_W + 14 + self.block * node + side * (self.side + SIDES + COLUMN)

    def column(self, node: int, side: int, op: int) -> float:
        return self.first(node, side) + COLUMN * op

    def middle(self, node: int) -> float:
        """Where a node adds."""
        return self.first(node, 0) + self.side + (SIDES + COLUMN) / 2

    def start(self, tensor: int) -> float:
        """Where a rail begins: at the left edge, or where its node's output rises to it."""
        return INPUT_NAMES_W if tensor < 2 else self.first(tensor - 1, 0) - BLOCKS / 2


def _rails(bar: Crossbar, names: tuple[str, ...]) -> list[str]:
    """The rails with their names, what rises to them, and the columns that cross them."""
    tensors = range(bar.space.nodes + 1)
    end = bar.column(bar.space.nodes - 1, 1, len(bar.space.ops) - 1)
    title = CELL_NAMES.get(bar.cell, bar.cell)
    named = [f'<tspan class="strong">{t + 1}</tspan> {escape(names[t])}' for t in (0, 1)]
    named += [str(t + 1) for t in tensors[2:]]
    return [
        f'<text class="small start" x="2" y="{bar.top + 14:g}"><tspan class="strong">'
        f"{title[0].upper()}{title[1:]}</tspan></text>",
        '<g class="lanes">',
        *(f'<path class="rail" d="M{bar.start(t):g} {bar.rail(t):g}H{end:g}"/>' for t in tensors),
        *(_riser(bar, t) for t in tensors[2:]),
        *(
            f'<path class="lane" d="M{bar.column(n, side, o):g} {bar.rail(0):g}'
            f'V{bar.icons - 9:g}"/>'
            for n in range(bar.space.nodes)
            for side in (0, 1)
            for o in range(len(bar.space.ops))
        ),
        "</g>",
        *(
            f'<text class="small end" x="{bar.start(t) - (6 if t < 2 else 3):g}" '
            f'y="{bar.rail(t) + 4:g}">{named[t]}</text>'
            for t in tensors
        ),
    ]


def _riser(bar: Crossbar, tensor: int) -> str:
    """From where a node adds up to its rail."""
    x, y, up = bar.start(tensor), bar.sums, bar.rail(tensor)
    return (
        f'<path class="rail" d="M{bar.middle(tensor - 2) + MERGE_R:g} {y:g}H{x - 5:g}Q{x:g} {y:g} '
        f'{x:g} {y - 5:g}V{up + 5:g}Q{x:g} {up:g} {x + 5:g} {up:g}"/>'
    )


def _nodes(bar: Crossbar) -> list[str]:
    """Under the columns: icons, and the points where a node adds its two operations."""
    parts = []
    for n in range(bar.space.nodes):
        middle = bar.middle(n)
        for side in (0, 1):
            for o, op in enumerate(bar.space.ops):
                parts.append(
                    f'<g class="op-{op}" transform="translate({bar.column(n, side, o):g} '
                    f'{bar.icons:g}) scale(0.72)"><use href="#{PREFIX}i-{op}"/></g>'
                )
            x, to = bar.first(n, side), middle + (2 * side - 1) * 6
            parts.append(
                f'<path class="rule" d="M{x - 6:g} {bar.icons + 10:g}v5H{x + bar.side + 6:g}v-5'
                f'M{x + bar.side / 2:g} {bar.icons + 15:g}L{to:g} {bar.sums - 5:g}"/>'
            )
        parts += [
            ring("add", middle, bar.sums),
            f'<text class="small strong" x="{middle:g}" y="{bar.sums + 24:g}">node {n + 3}</text>',
        ]
    return parts


def _spots(bar: Crossbar, state: State, without: Collection[int]) -> list[str]:
    """A spot for every path; of those that are lit also the way to the node that adds them."""
    groups, drops, path = [], [], bar.path
    for n in range(bar.space.nodes):
        spots = []
        for side in (0, 1):
            for source in range(n + 2):
                for o, op in enumerate(bar.space.ops):
                    x, y = bar.column(n, side, o), bar.rail(source)
                    spots.append((path, _spot(path, op, x, y, state, without)))
                    if path in state.lit:
                        drops.append(_drop(bar, n, x, y))
                    path += 1
        groups += [f'<g data-middle="{bar.middle(n):g}">', *_in_order(spots, state.lit), "</g>"]
    return [
        f'<g class="drops">{"".join(drops)}</g>',
        f'<g class="spots" data-icons="{bar.icons:g}" data-sums="{bar.sums:g}">',
        *groups,
        "</g>",
    ]


def _spot(path: int, op: str, x: float, y: float, state: State, without: Collection[int]) -> str:
    n = state.counts[path]
    share = grown(n, state.now, state.end) / (state.most / state.end) if state.end else 0.0
    kind = (" bare" if path in without else "") + (" lit" if path in state.lit else "")
    return (
        f'<circle class="spot op-{op}{kind}" data-path="{path}" cx="{x:g}" cy="{y:g}" '
        f'r="{SPOT * math.sqrt(min(1, share)):.2f}"/>'
    )


def _drop(bar: Crossbar, node: int, x: float, y: float) -> str:
    """The way of a lit spot down its column to the node that adds it."""
    middle = bar.middle(node)
    return (
        f'<path class="drop" d="M{x:g} {y:g}V{bar.icons - 10:g}M{x:g} {bar.icons + 10:g}'
        f'L{middle + (-6 if x < middle else 6):g} {bar.sums - 5:g}"/>'
    )
