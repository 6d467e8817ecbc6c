"""The inside of one cell: its nodes from left to right, loose ends stacked at the end.

Not here: how a face, a wire or a still is drawn (`child_picture`).
"""

from __future__ import annotations

from dataclasses import dataclass

from enas_viz.records.inside import Inside
from enas_viz.spaces.operations import Operation
from enas_viz.view.child_picture import (
    CROSSING,
    DROP,
    EDGE,
    FUNNEL,
    GUTTER,
    LANE,
    MEANS,
    MEANS_HIGH,
    PHOTO,
    STRIP,
    Arc,
    Face,
    Picture,
    image_of,
    plus_sign,
)
from enas_viz.view.scene import ORDINALS
from enas_viz.view.shapes import tip


def change_name(place: str, cut: bool, op: Operation | None) -> str:
    """A change in words, such as "Node 3 without its first input"."""
    node, _, side = place.partition(".")
    which = ORDINALS[int(side)]
    if cut:
        return f"Node {int(node) + 1} without its {which} input"
    return f"Node {int(node) + 1} with {op.title} as its {which} operation"


def describe(inside: Inside) -> str:
    """The picture in a sentence, for those who do not see it."""
    space = inside.architecture.space
    return (
        f"Feature maps inside cell {inside.cell + 1} of {len(inside.cells)}, a {inside.kind} cell "
        f"of {space.nodes} nodes, and of the two cells before it."
    )


def sums(inside: Inside) -> list[dict[str, object]]:
    """Where maps are added: what comes out, and each part with the change that takes it away."""
    space = inside.architecture.space
    return [
        {
            "out": f"n{node}",
            "parts": [{"key": f"x{node}.{s}", "cut": f"cut:{node}.{s}"} for s in (0, 1)],
        }
        for node in range(2, space.nodes + 2)
    ]


def places(inside: Inside) -> dict[str, dict[str, str]]:
    """What can be opened: by place its operation, its name, and the tensor that it makes."""
    architecture = inside.architecture
    space = architecture.space
    rows = architecture.content[space.cells.index(inside.kind)]
    return {
        f"{node}.{side}": {
            "op": space.ops[row[2 + side]],
            "name": f"Node {node + 1}, {ORDINALS[side]} operation",
            "made": f"x{node}.{side}",
            "window": f"{node}.{side}",
        }
        for node, row in enumerate(rows, start=2)
        for side in (0, 1)
    }


@dataclass
class ChildPicture(Picture):
    """The nodes of the open cell."""

    roomy = 2
    hints = ("Squares: 4 maps each.", "Click an arc to cut,", "or a box to open it.")
    beside = True

    def _compose(self) -> None:
        inside, space = self.inside, self.space
        rows = inside.architecture.content[space.cells.index(inside.kind)]
        f = self._f("n2")
        arcs = [(node, side, row[side]) for node, row in enumerate(rows, 2) for side in (0, 1)]
        ways = {(n, s): self._way(t, n, s) for n, s, t in arcs}
        loose = inside.loose
        loose_ways = {t: self._way(t, space.nodes + 2, 0) for t in loose}
        every = [*ways.values(), *loose_ways.values()]
        above, below = (LANE * min(every.count(w), 6) for w in ("top", "bottom"))
        stack = len(loose) * (f + STRIP) + 18
        high = max(2 * f + 54, stack - 20)
        top = 8 + STRIP + above + max(0.0, (stack - 2 * f - 54) / 2)
        y = (top + f / 2 + 4, top + f / 2 + 4 + f + 50)
        middle, floor = (y[0] + y[1]) / 2, y[1] + f / 2
        floor = max(floor + 44, middle + high / 2) + below
        x = self._before(y, middle)
        made: dict[int, Face] = {}
        for side in (0, 1):
            made[side] = self._input(side, x, y[side])
        x = max(face.right for face in made.values())
        for node, row in enumerate(rows, start=2):
            x += GUTTER + CROSSING + 8
            wide = max(FUNNEL, 84 - f)  # words under a small face are wider than it is
            out = Face(f"n{node}", x + f + wide + 8 + f / 2, middle, f)
            for side in (0, 1):
                op, place = space.ops[row[2 + side]], f"{node}.{side}"
                own = Face(f"x{place}", x + f / 2, y[side], f)
                self._spot(place, own, x - 9, own.right + 9, own.bottom - 3, 1)
                self._label(own.x, own.bottom + 15, op, place)
                self._face(own, f"op-{op}", place=place)
                cut = f"cut:{place}"
                words = f"node {row[side] + 1} to node {node + 1}"
                way = ways[node, side]
                at = own.left - 12 - CROSSING * side
                arc = Arc(made[row[side]], at, own.left, own.y, cut, words, way)
                self.arcs.append(arc)
                self._into_sum(own, out, cut, wide / 2 + 2)
            self._sum(own.right + wide / 2 + 2, middle, out)
            self._face(out, "", f"node {node + 1}")
            made[node] = out
            x = out.right
        self.height = floor + 10
        self._ends(x, f, middle, made, loose_ways)
        self._route(top - 8 - STRIP, floor - below + 14)

    def _way(self, source: int, node: int, side: int) -> str:
        """How a wire reaches a node: straight from the column before, else above or below."""
        if source == node - 1 or node == 2:
            return "direct"
        return "bottom" if source == 1 or (source and side) else "top"

    def _before(self, y: tuple[float, float], middle: float) -> float:
        """The image, and the cells that come before the two that are drawn."""
        inside = self.inside
        self.parts.append(image_of(EDGE, middle - PHOTO / 2, PHOTO))
        self._text(EDGE + PHOTO / 2, middle + PHOTO / 2 + 16, "image", "")
        size = f"{inside.side}×{inside.side}"
        self._text(EDGE + PHOTO / 2, middle + PHOTO / 2 + 31, size)
        x, hidden = EDGE + PHOTO + 14, max(0, inside.cell - 2)
        self._wire(EDGE + PHOTO, x - 2, middle)
        self._cells(x, middle, max(1, min(hidden, 5)))
        width = 18 + 6 * max(0, min(hidden, 5) - 1)
        words = f"{hidden} cell{'' if hidden == 1 else 's'}" if hidden else ""
        self._text(x + width / 2, middle + 42, "stem", "")
        if words:
            self._text(x + width / 2, middle + 57, f"+ {words}")
        x += width
        for one in y:
            self.parts.append(
                f'<path class="line" d="M{x:g} {middle:g}C{x + 14:g} {middle:g} {x + 6:g} {one:g} '
                f'{x + 22:g} {one:g}"/>{tip(x + 26, one, "right")}'
            )
        return x + 28

    def _input(self, side: int, x: float, y: float) -> Face:
        """The output of the previous cell or of the one before it, brought to size if need be."""
        inside = self.inside
        f = self._f(f"n{side}")
        if inside.fitted[side]:
            g = self._f(f"g{side}")
            given = Face(f"g{side}", x + g / 2, y, g)
            self._face(given, "")
            self._funnel(given.right, given.top, given.bottom, FUNNEL - 8, f, y, "1×1")
            x = given.right + FUNNEL - 8
        face = Face(f"n{side}", x + f / 2, y, f)
        name, _, halved = inside.inputs[side].partition(", ")
        self._slab(face, "", name)
        self._text(face.x, face.bottom + 15, f"node {side + 1}", "strong")
        if halved:
            self._text(face.x, face.bottom + 29, halved)
        return face

    def _into_sum(self, own: Face, out: Face, cut: str, wide: float) -> None:
        x = own.right + wide
        end = out.y + (-13 if own.y < out.y else 13)
        self.parts.append(
            f'<path class="line after" data-after="{cut}" '
            f'd="M{own.right:g} {own.y:g}H{x:g}V{end:g}"/>'
        )

    def _sum(self, x: float, y: float, out: Face) -> None:
        self.parts.append(plus_sign(x, y))
        self._wire(x + 11, out.left, y)

    def _ends(
        self,
        x: float,
        f: float,
        middle: float,
        made: dict[int, Face],
        ways: dict[int, str],
    ) -> None:
        """The loose ends, stacked, the 1x1 convolution, the output, the cells that follow."""
        inside, loose = self.inside, self.inside.loose
        x += GUTTER + DROP * len(loose) + 4
        y = middle + len(loose) * (f + STRIP) / 2
        bottom = y
        for i, t in enumerate(reversed(loose)):
            y -= f + STRIP
            slab = Face(f"n{t}", x + f / 2, y + STRIP + f / 2, f)
            self._slab(slab, "", f"node {t + 1}")
            at = slab.left - 10 - DROP * (len(loose) - 1 - i)
            way = "direct" if t == self.space.nodes + 1 else ways[t]
            self.arcs.append(Arc(made[t], at, slab.left, slab.y, "", "", way))
        own = Face("out", x + f / 2, middle, f)
        out = Face("out", own.right + FUNNEL + f / 2, middle, f)
        of = inside.tensors["out"].of
        self._join("out", own, y, bottom, out, len(loose), of, False)
        self._text((own.left + out.left) / 2, y - 21, "loose ends")
        self._face(out, "", "output")
        x = out.right + 12
        self._wire(out.right, x, middle)
        if left := len(inside.cells) - inside.cell - 1:
            shown = min(left, 5)
            self._cells(x, middle, shown)
            width = 18 + 6 * (shown - 1)
            for k, line in enumerate((f"{left} more", "cell" if left == 1 else "cells")):
                self._text(x + width / 2, middle + 42 + 13 * k, line)
            self._wire(x + width, x + width + 10, middle)
            x += width + 10
        self._classifier(x, middle)
        self._text(x + MEANS, middle - MEANS_HIGH / 2 - 7, "classifier", "small end")

    def _cells(self, x: float, middle: float, count: int) -> None:
        """Cells of which only so much is shown: that they are there."""
        for k in range(count):
            self.parts.append(
                f'<rect class="fixed" x="{x + 6 * k:g}" y="{middle - 26:g}" width="18" '
                f'height="52" rx="4"/>'
            )

    def _places(self) -> dict[str, dict[str, str]]:
        return places(self.inside)

    def _thin_x(self, x: float, own: Face) -> float:
        return own.x
