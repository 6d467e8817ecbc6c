"""The supernets of the loop: every path once, faint, and which of them a child lights.

A net is markup whose shapes carry keys, and answers what a picture of the loop asks: which shapes
light up when a step is decided, along which ways images run, how thick a path is.

Not here: everything around the net, and what happens when (`loop`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from enas_viz.recipes import Fidelity
from enas_viz.spaces import Architecture, Decision, MacroSpace, MicroSpace, Space
from enas_viz.spaces.operations import Operation
from enas_viz.view.motion import bend, points_of
from enas_viz.view.shapes import icon

LEFT, RIGHT, TOP, BOTTOM = 168, 1010, 316, 606  # the net's place in the picture
MIDDLE = 474  # height of the macro net's axis
THIN, THICK = 0.9, 6.0  # pixels of a line that no minibatch, and that the most of them trained

DIM = 0.42  # opacity of an operation that is not on the path

Way = list[tuple[float, float]]


@dataclass
class Net:
    """A supernet as it is drawn.

    parts: its markup. thread: of each path (numbered as by `inheritance.paths`) the keys of the
    lines that are its weights. lights: of every shape that can be lit its opacity where it is not,
    lit it is 1. top: the count at which a line is
    as thick as can be.
    """

    space: Space
    fidelity: Fidelity
    top: int = 1
    parts: list[str] = field(default_factory=list)
    thread: dict[int, list[str]] = field(default_factory=dict)
    lights: dict[str, float] = field(default_factory=dict)

    def width(self, count: float) -> float:
        """Of a line whose path was trained so often: its area tells the count."""
        return THIN + (THICK - THIN) * math.sqrt(min(1.0, count / max(1, self.top)))

    def _line(self, path: str, key: str, also: str = "") -> None:
        """A line, faint, and the same line lit over it; both carry the path's thickness."""
        self.parts.append(
            f'<path class="faint" data-key="{key}" d="{path}" stroke-width="{THIN}"/>'
            f'<path class="lit" data-key="{key}+" d="{path}" stroke-width="{THIN + 2}" '
            f'opacity="0"{also}/>'
        )
        self.lights[f"{key}+"] = 0

    def _box(
        self, key: str, x: float, y: float, w: float, h: float, op: Operation, named: bool
    ) -> None:
        at = x + 16 if named else x + w / 2
        text = ""
        if named:
            text = (
                f'<text class="label start" x="{x + 31:g}" y="{y + h / 2 + 5.5:g}">'
                f"{op.label}</text>"
            )
        face = f'x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6"'
        self.parts.append(
            f'<rect class="ground" {face}/><g class="op-{op} dim" data-key="{key}" opacity="{DIM}">'
            f'<rect class="face" {face}/><g transform="translate({at:g} {y + h / 2:g})'
            f'{"" if named else " scale(0.82)"}"><path class="enas-icon" d="{icon(op)}"/></g>'
            f'{text}</g><rect class="rim" data-key="{key}+" {face} opacity="0"/>'
        )
        self.lights |= {key: DIM, f"{key}+": 0}

    def _sum(self, key: str, x: float, y: float) -> None:
        self.parts.append(
            f'<circle class="hub" cx="{x:g}" cy="{y:g}" r="11"/>'
            f'<path class="sign" d="M{x - 5:g} {y:g}h10M{x:g} {y - 5:g}v10"/>'
            f'<circle class="rim" data-key="{key}+" cx="{x:g}" cy="{y:g}" r="11" opacity="0"/>'
        )
        self.lights[f"{key}+"] = 0


# ---------------------------------------------------------------- macro


class MacroNet(Net):
    """Layers from left to right, each with all its operations; skips as arcs over them."""

    def __init__(self, space: MacroSpace, fidelity: Fidelity, top: int) -> None:
        super().__init__(space, fidelity, top)
        layers, ops = space.layers, len(space.ops)
        self.span = (RIGHT - 92 - LEFT - 10) / layers
        self.pitch = min(37.0, 232 / ops)
        self.high = min(30.0, self.pitch - 6)
        first = layers * ops
        skips = [(k, i) for k in range(layers) for i in range(k)]
        for n, (k, i) in enumerate(skips, first):
            self._line(self._arc(k, i), f"t{n}")
            self.thread[n] = [f"t{n}"]
        for k in range(layers):
            for o in range(ops):
                n = k * ops + o
                self.thread[n] = [f"t{n}a", f"t{n}b"]
                self._line(self._into(k, o), f"t{n}a")
                self._line(self._out(k, o), f"t{n}b")
        last = self.hub(layers)
        self._line(f"M{last[0] + 11:g} {last[1]:g}H{RIGHT - 62:g}", "exit")
        for k in range(layers):
            for o, op in enumerate(space.ops):
                x, y = self.box(k, o)
                self._box(f"o{k * ops + o}", x, y - self.high / 2, self.wide, self.high, op, True)
        for k in range(layers):
            self._sum(f"h{k + 1}", *self.hub(k + 1))
        x, y = self.hub(0)
        self.parts.append(f'<circle class="hub" cx="{x:g}" cy="{y:g}" r="7"/>')
        self.parts.append(
            f'<rect class="hub" x="{RIGHT - 62}" y="{MIDDLE - 44}" width="58" height="88" rx="8"/>'
            + "".join(
                f'<text class="label" x="{RIGHT - 33}" y="{MIDDLE + dy}">{word}</text>'
                for dy, word in ((-10, "which"), (16, "digit?"))
            )
        )

    wide = 112

    def hub(self, tensor: int) -> tuple[float, float]:
        """Where a tensor is: 0 the stem's output, k the output of layer k."""
        return LEFT + 10 + self.span * tensor, MIDDLE

    def box(self, layer: int, op: int) -> tuple[float, float]:
        """Left edge and middle of an operation's box."""
        ops = len(self.space.ops)
        x = self.hub(layer)[0] + (self.span - self.wide) / 2
        return x, MIDDLE + 4 + self.pitch * (op - (ops - 1) / 2)

    def _into(self, layer: int, op: int) -> str:
        (x0, y0), (x1, y1) = self.hub(layer), self.box(layer, op)
        return bend(x0 + (11 if layer else 7), y0, x1, y1)

    def _out(self, layer: int, op: int) -> str:
        (x0, y0), (x1, y1) = self.box(layer, op), self.hub(layer + 1)
        return bend(x0 + self.wide, y0, x1 - 11, y1)

    def _arc(self, layer: int, source: int) -> str:
        tensor = source + (1 if self.space.wiring == "layer" else 0)
        (x0, y), (x1, _) = self.hub(tensor), self.hub(layer + 1)
        lane = TOP + 6 + max(0, 3 - (layer + 1 - tensor)) * 13
        dx = min(16, (x1 - x0) / 4)
        return (
            f"M{x0:g} {y - 11:g}C{x0:g} {lane + 34:g} {x0:g} {lane:g} {x0 + dx + 10:g} {lane:g}"
            f"L{x1 - dx - 10:g} {lane:g}C{x1:g} {lane:g} {x1:g} {lane + 34:g} {x1:g} {y - 11:g}"
        )

    def lit(self, architecture: Architecture, decision: Decision) -> list[str]:
        """What lights up when a step is decided."""
        k, content, ops = decision.at, architecture.content, len(self.space.ops)
        if decision.kind == "op":
            n = k * ops + content[k][0]
            found = [f"t{n}a+", f"o{n}", f"o{n}+", f"t{n}b+", f"h{k + 1}+"]
            return [*found, "exit+"] if k == self.space.layers - 1 else found
        first = self.space.layers * ops + k * (k - 1) // 2
        return [f"t{first + i}+" for i, bit in enumerate(content[k][1:]) if bit]

    def ways(self, architecture: Architecture) -> list[Way]:
        """The way of an image from the left edge to the classifier; here there is one."""
        found: Way = [(LEFT - 8, MIDDLE)]
        for k, row in enumerate(architecture.content):
            x, y = self.box(k, row[0])
            found += points_of(self._into(k, row[0]))
            found += [(x + self.wide, y), *points_of(self._out(k, row[0]))]
        return [[*found, (RIGHT - 33, MIDDLE)]]

    def places(self, architecture: Architecture) -> list[tuple[int, float, float]]:
        """(path, x, y) where the count of a lit operation may be written."""
        ops = len(self.space.ops)
        found = []
        for k, row in enumerate(architecture.content):
            x, y = self.box(k, row[0])
            found.append((k * ops + row[0], x + self.wide + 8, y + (18 if y > MIDDLE else -8)))
        return found


# ---------------------------------------------------------------- micro


class MicroNet(Net):
    """The cells side by side: of every node, for both of its inputs all operations on all sources.

    An operation on a source has weights of its own, so each is a line.
    """

    def __init__(self, space: MicroSpace, fidelity: Fidelity, top: int) -> None:
        super().__init__(space, fidelity, top)
        cells, ops = len(space.cells), len(space.ops)
        room = (RIGHT - 66 - LEFT) / cells
        self.cell_w = room - 14
        n = 0
        for c, cell in enumerate(space.cells):
            x = LEFT + 4 + room * c
            self.parts.append(
                f'<rect class="rule frame" x="{x:g}" y="{TOP + 2}" width="{self.cell_w:g}" '
                f'height="{BOTTOM - TOP - 2}" rx="12"/>'
                f'<text class="label start" x="{x + 12:g}" y="{TOP + 22}">'
                f"{cell[:1].upper()}{cell[1:]} cell</text>"
            )
        for c in range(cells):
            for node in range(1, space.nodes):
                for t in (0, 1):
                    self._line(self._rail(c, node, t)[0], f"r{c}.{node}.{t}")
            for node in range(space.nodes):
                for side in (0, 1):
                    for source in range(node + 2):
                        for o in range(ops):
                            self.thread[n] = [f"t{n}"]
                            self._line(self._into(c, node, side, source, o), f"t{n}")
                            n += 1
                    for o in range(ops):
                        self._line(self._out(c, node, side, o), f"s{c}.{node}.{side}.{o}")
            for t in range(space.nodes + 2):
                self._line(self._loose(c, t), f"e{c}.{t}")
        for c in range(cells):
            for node in range(space.nodes):
                for side in (0, 1):
                    for o, op in enumerate(space.ops):
                        x, y = self.box(c, node, side, o)
                        self._box(
                            f"o{c}.{node}.{side}.{o}",
                            *(x, y - self.high / 2, self.wide, self.high, op, False),
                        )
                self._sum(f"h{c}.{node}", *self.hub(c, node + 2))
            for t in (0, 1):
                x, y = self.hub(c, t)
                self.parts.append(
                    f'<circle class="hub" cx="{x:g}" cy="{y:g}" r="13"/>'
                    f'<text class="label" x="{x:g}" y="{y + 5.5:g}">{t + 1}</text>'
                    f'<circle class="rim" data-key="h{c}.in{t}+" cx="{x:g}" cy="{y:g}" r="13" '
                    f'opacity="0"/>'
                )
                self.lights[f"h{c}.in{t}+"] = 0
            x, y = self.join(c)
            self.parts.append(
                f'<rect class="hub" x="{x:g}" y="{y - 26:g}" width="14" height="52" rx="4"/>'
                f'<path class="sign" d="M{x + 4.5:g} {y - 18:g}v36M{x + 9.5:g} {y - 18:g}v36"/>'
            )
        for c in range(1, cells):
            x, y = self.join(c - 1)
            for t in (0, 1):
                x1, y1 = self.hub(c, t)
                self._line(bend(x + 14, y, x1 - 13, y1), f"j{c}.{t}")
        x, y = self.join(cells - 1)
        self._line(f"M{x + 14:g} {y:g}H{RIGHT - 58:g}", "exit")
        self.parts.append(
            f'<rect class="hub" x="{RIGHT - 58}" y="{MIDDLE - 44}" width="54" height="88" rx="8"/>'
            + "".join(
                f'<text class="label" x="{RIGHT - 31}" y="{MIDDLE + dy}">{word}</text>'
                for dy, word in ((-10, "which"), (16, "digit?"))
            )
        )

    wide, high = 34, 21

    @cached_property
    def column(self) -> float:
        """Distance of two nodes."""
        return (self.cell_w - 92) / self.space.nodes

    def left(self, cell: int) -> float:
        return LEFT + 4 + (RIGHT - 66 - LEFT) / len(self.space.cells) * cell

    def hub(self, cell: int, tensor: int) -> tuple[float, float]:
        """Where a tensor is: 0 and 1 the cell's inputs, then its nodes."""
        if tensor < 2:
            return self.left(cell) + 24, MIDDLE - 74 + 148 * tensor
        return self.left(cell) + 50 + self.column * (tensor - 1) - 22, MIDDLE + 6

    def join(self, cell: int) -> tuple[float, float]:
        """Left edge and middle of where a cell's loose ends are joined."""
        return self.left(cell) + self.cell_w - 26, MIDDLE

    def box(self, cell: int, node: int, side: int, op: int) -> tuple[float, float]:
        ops = len(self.space.ops)
        x = self.hub(cell, node + 2)[0] - 48 - self.wide
        pitch = 23.6
        middle = MIDDLE + 6 + (side - 0.5) * (pitch * ops + 8)
        return x, middle + pitch * (op - (ops - 1) / 2)

    def _rail(self, cell: int, node: int, tensor: int) -> tuple[str, float, float]:
        """The way from a tensor to where its lines to a node spread: a path, and its end."""
        x, y = self.hub(cell, tensor)
        if tensor >= 2 or node == 0:
            return "", x + (11 if tensor >= 2 else 13), y
        lane = TOP + 34 if tensor == 0 else BOTTOM - 7
        end = self.box(cell, node, 0, 0)[0] - 34
        turn = 13 if tensor == 0 else -13
        path = (
            f"M{x:g} {y - turn:g}C{x:g} {lane + turn:g} {x + 6:g} {lane:g} {x + 26:g} {lane:g}"
            f"L{end:g} {lane:g}"
        )
        return path, end, lane

    def _into(self, cell: int, node: int, side: int, source: int, op: int) -> str:
        _, x, y = self._rail(cell, node, source)
        return bend(x, y, *self.box(cell, node, side, op))

    def _out(self, cell: int, node: int, side: int, op: int) -> str:
        x, y = self.box(cell, node, side, op)
        to = self.hub(cell, node + 2)
        return bend(x + self.wide, y, to[0] - 11, to[1])

    def _loose(self, cell: int, tensor: int) -> str:
        """From a tensor to where loose ends are joined."""
        x, y = self.hub(cell, tensor)
        end, middle = self.join(cell)
        if tensor == self.space.nodes + 1:
            return bend(x + 11, y, end, middle)
        if tensor >= 2:
            low = MIDDLE + 6
            lane = self.hub(cell, self.space.nodes + 1)[0] - 16
            return (
                f"M{x:g} {low + 11:g}C{x:g} {BOTTOM - 60:g} {x + 10:g} {BOTTOM - 22:g} "
                f"{x + 40:g} {BOTTOM - 22:g}L{lane:g} {BOTTOM - 22:g}"
                f"C{end - 22:g} {BOTTOM - 22:g} {end - 26:g} {middle + 16:g} {end:g} "
                f"{middle + 16:g}"
            )
        lane = TOP + 34 if tensor == 0 else BOTTOM - 7
        turn = 13 if tensor == 0 else -13
        return (
            f"M{x:g} {y - turn:g}C{x:g} {lane + turn:g} {x + 6:g} {lane:g} {x + 26:g} {lane:g}"
            f"L{end - 40:g} {lane:g}C{end - 8:g} {lane:g} {end - 30:g} {middle - turn:g} "
            f"{end:g} {middle - turn:g}"
        )

    def _path(self, cell: int, node: int, side: int, source: int, op: int) -> int:
        """The number of a path, as `inheritance.paths` counts."""
        ops = len(self.space.ops)
        per_cell = sum(2 * s * ops for s in range(2, self.space.nodes + 2))
        before = sum(2 * s * ops for s in range(2, node + 2))
        return cell * per_cell + before + (side * (node + 2) + source) * ops + op

    def lit(self, architecture: Architecture, decision: Decision) -> list[str]:
        """What lights up when a step is decided: a source, then its line with the operation."""
        c, node, side = self.space.cells.index(decision.cell), decision.at - 2, decision.side
        row = architecture.content[c][node]
        source, op = row[side], row[side + 2]
        if decision.kind == "index":
            return [f"h{c}.in{source}+"] if source < 2 else []
        n = self._path(c, node, side, source, op)
        spot = f"{c}.{node}.{side}.{op}"
        found = [f"t{n}+", f"o{spot}", f"o{spot}+", f"s{spot}+", f"h{c}.{node}+"]
        if node and source < 2:
            found.append(f"r{c}.{node}.{source}+")
        last = side == 1 and node == self.space.nodes - 1
        if not last:
            return found
        inputs = self.fidelity.loose_inputs == "count"
        loose = self.space.loose_ends(architecture, self.space.cells[c], inputs)
        found += [f"e{c}.{t}+" for t in loose]
        if c:
            unread = self.space.loose_ends(architecture, self.space.cells[c])
            found += [f"j{c}.{t}+" for t in (0, 1) if t in loose or t not in unread]
        return [*found, "exit+"] if c == len(self.space.cells) - 1 else found

    def ways(self, architecture: Architecture) -> list[Way]:
        """Two ways of an image: through the last node's first input, and through its second."""
        return [self._way(architecture, side) for side in (0, 1)]

    def _way(self, architecture: Architecture, side: int) -> Way:
        found: Way = [(LEFT - 8, MIDDLE)]
        for c, content in enumerate(architecture.content):
            node, chain = self.space.nodes - 1, []
            while node >= 0:
                source, op = content[node][side], content[node][side + 2]
                chain.append((node, source, op))
                node = source - 2
            entry = chain[-1][1]
            if c:
                x, y = self.join(c - 1)
                x1, y1 = self.hub(c, entry)
                found += points_of(bend(x + 14, y, x1 - 13, y1))
            else:
                found.append(self.hub(c, entry))
            for node, source, op in reversed(chain):
                x, y = self.box(c, node, side, op)
                found += points_of(self._rail(c, node, source)[0])
                found += points_of(self._into(c, node, side, source, op))
                found += [(x + self.wide, y), *points_of(self._out(c, node, side, op))]
            found += points_of(self._loose(c, self.space.nodes + 1))
        return [*found, (RIGHT - 31, MIDDLE)]

    def places(self, architecture: Architecture) -> list[tuple[int, float, float]]:
        return []
