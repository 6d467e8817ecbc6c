"""Markup of a supernet of cells with every path, each as strong as it was trained, one network lit.

A crossbar for each cell. A rail is a tensor, a column an operation on one input of a node, and the
spot where they cross the weights of that operation on that tensor.
Not here: layers (`macro_sharing`), what is counted (`inheritance`), words around the picture
(`sharing`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import escape

from enas_viz.records.trace import Episode, Header
from enas_viz.records.training_counts import size
from enas_viz.spaces import Architecture, MicroSpace
from enas_viz.view.layout import MERGE_R
from enas_viz.view.scene import CELL_NAMES, scene_of
from enas_viz.view.shapes import PREFIX, ring, symbols
from enas_viz.view.sharing_svg import State, grown, in_order

SPOT = 8  # radius of the spot that is trained most
COLUMN, RAIL = 17, 19  # between a crossbar's columns, between its rails
SIDES, BLOCKS = 14, 34  # between the inputs of a node, between nodes
INPUT_NAMES_W = 122
BETWEEN = 22  # cells

THINGS = "operations with weights"  # what of a network is trained

Sign = tuple[str, str]  # a mark at (0, 0), and the key of its words


def operations(space: MicroSpace) -> int:
    """How many paths are operations: all of them."""
    return size(space)


def bare(space: MicroSpace, stride2: bool = False) -> set[int]:
    """The paths that have no weights: pooling, and identity unless it halves the map, as it does in
    a reduction cell at stride 2 on the cell's inputs."""
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


def facts(space: MicroSpace, merge: str) -> dict[str, object]:
    """What the browser needs to number paths."""
    wiring = {"wiring": "", "merge": merge}
    return {"layers": 0, **wiring, "nodes": space.nodes, "cells": list(space.cells)}


def places(architecture: Architecture, merge: str) -> list[dict[str, object]]:
    """What the words for each operation of a network hold, in the order of its paths."""
    space = architecture.space
    return [
        {"op": space.ops[op].label, "source": source + 1, "cell": name, "node": n}
        for name, cell in zip(space.cells, architecture.content, strict=True)
        for n, (i, j, a, b) in enumerate(cell, start=3)
        for source, op in ((i, a), (j, b))
    ]


def input_names(space: MicroSpace, header: Header) -> dict[str, tuple[str, ...]]:
    """Of every cell, what its two inputs are called."""
    scene = scene_of(Episode(space.plain(), order=space.orders[0], header=header))
    return {cell: scene.inputs(cell) for cell in space.cells}


def signs(space: MicroSpace, merge: str) -> list[Sign]:
    """For the legend."""
    return [
        (f'<circle class="spot op-{space.ops[0]}" r="6"/>', "spot"),
        ('<circle class="spot bare op-identity" r="6"/>', "bare"),
    ]


def picture(
    space: MicroSpace,
    state: State,
    merge: str,
    named: Mapping[str, tuple[str, ...]],
    without: Collection[int],
) -> tuple[list[str], float, float]:
    """As `sharing.picture`."""
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
        groups += [f'<g data-middle="{bar.middle(n):g}">', *in_order(spots, state.lit), "</g>"]
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
