"""The inside of a network as a picture: feature maps of every layer, or of every node of one cell.

Skips that are added lie over each other and go through a plus; what is concatenated stands on top
of each other, its channels counted together, and a 1x1 convolution makes it thin again; where maps
are halved the way narrows. Every shape names what it shows (`data-maps`), opens (`data-place`) or
cuts (`data-cut`), so that the browser only fills in pixels and sets classes.

Not here: the pixels (`enas_viz/records/inside.py`), what happens on a click (`static/child.js`).
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from enas_viz.records.inside import Inside, Seen, named
from enas_viz.spaces import MacroSpace
from enas_viz.spaces.operations import Operation
from enas_viz.view.scene import ORDINALS
from enas_viz.view.shapes import PREFIX, standalone, svg, symbols, tip

ROOMY, TIGHT = (32, 24, 16), (24, 16, 12)  # pixels of one map, after 0, 1, 2 halvings
ROOMY_LAYERS, ROOMY_NODES = 4, 2
TRUNK = 7  # right of a node, where its wires turn
GAP, PAD, STRIP = 2, 4, 15  # between maps, around them; the line of words on a slab
EDGE, FUNNEL, GUTTER, LANE, DROP, CROSSING = 6, 26, 16, 15, 8, 14
PHOTO = 52
HANDLE = 7.5  # radius of what cuts an arc
ROWS = (22, 38, 53, 67)  # of the words under a column
WORDS = {  # of the window that slides; the browser fills in numbers
    "conv": {
        "input": "map {map} of {inputs}",
        "sign": "×",
        "middle": "{size}×{size} weights",
        "output": "its share",
        "told": "Place {at} of {steps}: sum {made}.",
        "how": "Its weights times the {pixels} pixels under the window, added up: this map's "
        "share. The shares of all {inputs} maps, added, make one map that comes out.",
    },
    "sep": {
        "input": "map {map} of {inputs}",
        "sign": "×",
        "middle": "{size}×{size} weights",
        "output": "what comes out",
        "told": "Place {at} of {steps}: sum {made}.",
        "how": "Its weights times the {pixels} pixels under the window, added up. Separable: each "
        "map has a filter of its own; a 1×1 convolution then mixes all {inputs}.",
    },
    "avg": {
        "input": "map {map} of {inputs}",
        "sign": "→",
        "middle": "pixels under it",
        "output": "what comes out",
        "told": "Place {at} of {steps}: mean {made}.",
        "how": "The mean of the {pixels} pixels under the window. Pooling has no weights, and "
        "takes each map by itself.",
    },
    "max": {
        "input": "map {map} of {inputs}",
        "sign": "→",
        "middle": "pixels under it",
        "output": "what comes out",
        "told": "Place {at} of {steps}: largest {made}.",
        "how": "The largest of the {pixels} pixels under the window. Pooling has no weights, and "
        "takes each map by itself.",
    },
    "added": "{left} added",
    "alone": "nothing added",
    "stacked": "{left} × {of} = {total}",
}
BAR_ROW, BAR_W = 21, 168  # of the verdict: a line, as in child.css; its width in a still
MEANS, MEANS_HIGH, FAN = 12, 64, 20  # what the classifier reads; lines from there to the bars
SHADES = 16  # of a still


def child_svg(
    inside: Inside,
    image: int = 0,
    changes: Sequence[str] = (),
    seen: Seen | None = None,
    hint: str = "",
) -> str:
    """A still that stands alone: the network on one image, with its verdict.

    seen: what the changes alter, by default as recorded.
    """
    picture = Picture(inside)
    if changes and seen is None:
        seen = inside.variants[changes[0]]
    parts, width, height = picture.still(image, changes, seen)
    verdict = said(inside, image, changes, seen)
    first = f"{verdict[0]}. {verdict[1]}"
    parts.append(f'<text class="start strong" x="{EDGE}" y="20">{escape(first)}</text>')
    lines = [line for line in (verdict[2], hint) if line]
    for k, line in enumerate(lines):
        y = height + 16 + 18 * k
        parts.append(f'<text class="small start" x="{EDGE}" y="{y:g}">{escape(line)}</text>')
    about = f"{describe(inside)} {' '.join(verdict)}"
    return standalone("".join(parts), width, height + 26 + 18 * len(lines), about, "child")


# ---------------------------------------------------------------- what the browser is told


def told(inside: Inside, live: bool = False) -> dict[str, object]:
    """What the browser needs: the drawing, the bytes, the words. live: whether a search answers."""
    drawing = Picture(inside)
    bars = bar_classes(inside)
    longest = max(len(inside.classes[c]) for c in bars)
    name = 26 if longest == 1 else min(76, 22 + 7 * longest)
    recording = inside.to_json()
    for unused in ("format", "architecture", "about", "cells", "loose", "fitted", "inputs"):
        del recording[unused]
    return {
        "svg": drawing.widget(),
        "recording": recording,
        "live": live,
        "places": places(inside),
        "sums": sums(inside),
        "ops": {
            op: {"name": op.label, "title": op.title, "still": no_window(op)}
            for op in inside.architecture.space.ops
        },
        "changes": {change: change_name(inside, change) for change in inside.changes},
        "words": WORDS,
        "bars": bars,
        "sizes": f"--natural: {drawing.width:g}px; --name: {name}px; --bars: {name + 104}px; "
        f"--half: {(len(bars) + 1) // 2}",
        "facts": facts(inside),
    }


def first_look(inside: Inside) -> tuple[str, int]:
    """(place, at): the operation that is open at first, and how far its window has slid."""
    found = places(inside)
    first = list(found)[min(1, len(found) - 1)]
    window = inside.base.windows.get(found[first]["window"])
    return first, (window.side // window.stride) ** 2 // 2 if window else 0


def child_state(inside: Inside) -> dict[str, object]:
    """The values of a widget's traits for a page that shows a recording."""
    place, at = first_look(inside)
    return {
        **{"picture": told(inside), "image": 0, "changes": []},
        **{"place": place, "at": at, "answer": {}},
    }


# ---------------------------------------------------------------- words


def said(
    inside: Inside, image: int, changes: Sequence[str] = (), seen: Seen | None = None
) -> tuple[str, str, str]:
    """What is looked at, the verdict, and what else is to say of it, as the browser says it."""
    rows = (seen or inside.base).probabilities
    right = inside.labels[image] == rows[image].index(max(rows[image]))
    truth = "Right." if right else f"Wrong: it is {inside.classes[inside.labels[image]]}."
    count = sum(
        row.index(max(row)) == label for row, label in zip(rows, inside.labels, strict=True)
    )
    total = f"Of the {len(rows)} images it gets {count} right."
    says = f"It predicts {_verdict(inside, rows[image])}. {truth}"
    if not changes:
        return "The network as it is", says, total
    several = f"{len(changes)} changes"
    words = several if len(changes) > 1 else change_name(inside, changes[0])
    return words, says, f"Unchanged: {_verdict(inside, inside.base.probabilities[image])}. {total}"


def _verdict(inside: Inside, row: Sequence[float]) -> str:
    # halves go up, as in the browser
    return f"{inside.classes[row.index(max(row))]} ({math.floor(100 * max(row) + 0.5)} %)"


def change_name(inside: Inside, change: str) -> str:
    """A change in words, such as "Layer 3 without layer 1"."""
    sort, _, rest = change.partition(":")
    place, _, name = rest.partition(":")
    op = next((op for op in inside.architecture.space.ops if op == name), None)
    if isinstance(inside.architecture.space, MacroSpace):
        layer, _, tensor = place.partition("-")
        if sort == "cut":
            return f"Layer {int(layer) + 1} without {tensor_name(int(tensor))}"
        return f"Layer {int(layer) + 1} with {op.title}"
    node, _, side = place.partition(".")
    which = ORDINALS[int(side)]
    if sort == "cut":
        return f"Node {int(node) + 1} without its {which} input"
    return f"Node {int(node) + 1} with {op.title} as its {which} operation"


def tensor_name(tensor: int) -> str:
    """What a macro tensor is called: 0 is the stem's output."""
    return f"layer {tensor}" if tensor else "the stem"


def no_window(op: Operation) -> str:
    """Why no window slides for an operation; empty where one does."""
    if op.slides:
        return ""
    if op.family == "identity":
        return "The identity passes its input on as it is."
    return f"The window of this operation is not shown: {op.title}."


def describe(inside: Inside) -> str:
    """The picture in a sentence, for those who do not see it."""
    space = inside.architecture.space
    if isinstance(space, MacroSpace):
        ops = ", ".join(op.title for op in space.op_names(inside.architecture))
        return f"Feature maps of a network of {space.layers} layers: {ops}."
    return (
        f"Feature maps inside cell {inside.cell + 1} of {len(inside.cells)}, a {inside.kind} cell "
        f"of {space.nodes} nodes, and of the two cells before it."
    )


def facts(inside: Inside) -> str:
    """Where the numbers come from, and how to read the maps, in a few sentences."""
    about = inside.about
    told = (
        "Each square shows 4 channels, those that vary most; pale is a channel's lowest value, "
        "strong its highest."
    )
    if not about:
        return told
    recipe, fidelity = about.get("recipe", {}), about.get("fidelity", {})
    told += (
        f" Shared weights of recipe {recipe.get('name')} on "
        f"{about.get('dataset', {}).get('name')}, seed {about.get('seed')}, "
        f"{about.get('epochs')} epochs, {about.get('device', {}).get('type')}"
    )
    told += f", {about['date']}. " if "date" in about else ". "
    if isinstance(about.get("accuracy"), float):
        told += f"Accuracy on all validation images: {100 * about['accuracy']:.1f} %. "
    if "picked" in about:
        told += f"The images: {about['picked']}. "
    if fidelity.get("reward_dropout") == "on":
        told += "The search's rewards were measured with dropout; here there is none. "
    return told + f"Batch norm {about.get('normalised', '')}."


def sums(inside: Inside) -> list[dict[str, object]]:
    """Where maps are added: what comes out, and each part with the change that takes it away."""
    space = inside.architecture.space
    if not isinstance(space, MacroSpace):
        return [
            {
                "out": f"n{node}",
                "parts": [{"key": f"x{node}.{s}", "cut": f"cut:{node}.{s}"} for s in (0, 1)],
            }
            for node in range(2, space.nodes + 2)
        ]
    found = []
    for k in range(1, space.layers) if inside.merge == "add" else ():
        skips = [
            {"key": f"s{k + 1}-{t}", "cut": f"cut:{k}-{t}"}
            for t in space.sources(inside.architecture, k)
        ]
        if skips:
            found.append({"out": f"t{k + 1}", "parts": [{"key": f"o{k + 1}", "cut": ""}, *skips]})
    return found


def places(inside: Inside) -> dict[str, dict[str, str]]:
    """What can be opened: by place its operation, its name, and the tensor that it makes."""
    architecture = inside.architecture
    space = architecture.space
    if isinstance(space, MacroSpace):
        return {
            str(k): {
                "op": op,
                "name": f"Layer {k + 1}",
                "made": f"o{k + 1}" if k else "t1",
                "window": str(k + 1),
            }
            for k, op in enumerate(space.op_names(architecture))
        }
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


# ---------------------------------------------------------------- shapes


@dataclass
class _Face:
    """Where a tensor's maps stand: the middle of its face, and the side of the square."""

    key: str
    x: float
    y: float
    f: float

    @property
    def left(self) -> float:
        return self.x - self.f / 2

    @property
    def right(self) -> float:
        return self.x + self.f / 2

    @property
    def top(self) -> float:
        return self.y - self.f / 2

    @property
    def bottom(self) -> float:
        return self.y + self.f / 2


@dataclass
class _Arc:
    """A wire from a face to a place in another column; cut: the change that removes it."""

    source: _Face
    x: float  # of its last upright
    to: float  # where it ends
    y: float
    cut: str
    words: str
    way: str  # "top", "bottom", or "direct"
    lane: int = 0
    start: float = 0.0  # where it leaves its source


@dataclass
class Picture:
    """A network's drawing: the same for the widget and for stills."""

    inside: Inside
    width: float = 0
    height: float = 0
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        inside = self.inside
        self.space = inside.architecture.space
        self.macro = isinstance(self.space, MacroSpace)
        count = self.space.layers if self.macro else self.space.nodes
        roomy = count <= (ROOMY_LAYERS if self.macro else ROOMY_NODES)
        self.sizes = ROOMY if roomy else TIGHT
        self.faces: list[_Face] = []
        self.arcs: list[_Arc] = []
        if self.macro:
            self._layers()
        else:
            self._cell()

    def widget(self) -> str:
        """The drawing for the widget, whose pixels the browser fills in."""
        lines = ("Each square: 4 of its maps.", "Click an arc to cut it,", "a layer to open it.")
        if not self.macro:
            lines = ("Squares: 4 maps each.", "Click an arc to cut,", "or a box to open it.")
        hints = [
            f'<text class="small start" x="{EDGE}" y="{14 + 15 * k}">{line}</text>'
            for k, line in enumerate(lines)
        ]
        parts = [symbols(self.space.ops, "above"), *hints, *self.parts]
        return svg(parts, self.width, self.height)

    def still(
        self, image: int, changes: Sequence[str], seen: Seen | None
    ) -> tuple[list[str], float, float]:
        """(parts, width, height) with pixels and verdict; room for a line above."""
        inside, rows = self.inside, (seen or self.inside.base).probabilities
        maps = {**inside.base.maps, **(seen.maps if seen else {})}
        markup = "".join([symbols(self.space.ops, "above"), *self.parts])
        photo = _photo(inside, image)
        markup = markup.replace('data-photo="1"', f'data-photo="1" href="{photo}"')
        for key in {face.key: None for face in self.faces}:
            for n in range(len(inside.tensors[key].channels)):
                spot = f'data-map="{key} {n}"'
                pixels = _pixels(inside, key, maps[key], image, n)
                markup = markup.replace(spot, f'{spot} href="{pixels}"')
        for change in changes:
            markup = markup.replace(f'data-cut="{change}"', f'data-cut="{change}" opacity="0.25"')
        x = self.width
        bars = _bars(inside, rows[image], inside.labels[image], x, self.height)
        return [f'<g transform="translate(0 26)">{markup}{bars}</g>'], x + BAR_W, self.height + 26

    # ---- macro

    def _layers(self) -> None:
        inside, space = self.inside, self.space
        architecture = inside.architecture
        pools = space.pool_after()
        sources = [space.sources(architecture, k) for k in range(space.layers)]
        tall = max(
            len(row) * (self._f(f"t{k + 1}") + STRIP) + self._f(f"t{k + 1}") / 2 + 18 * bool(row)
            for k, row in enumerate(sources)
        )
        tall = max(tall, self._f("t0") / 2)
        lanes = self._lane_count(sources)
        axis = 6 + LANE * lanes + 8 + tall
        floor = axis + max(self._f("t0"), self._f("t1")) / 2
        x, stem = self._entrance(axis, floor)
        made = {0: stem}
        for k, op in enumerate(space.op_names(architecture)):
            before = made[k]
            f = self._f(f"t{k + 1}")
            x += GUTTER + DROP * len(sources[k])
            if sum(p < k for p in pools) != sum(p < k - 1 for p in pools):
                self._halving(before, f, x - GUTTER - DROP * len(sources[k]) + 8, axis)
                x += FUNNEL + 4
            key = f"o{k + 1}" if k else "t1"
            own = _Face(key, x + f / 2, axis, f)
            end = own.right if not k else own.right + FUNNEL + f
            self._spot(str(k), own, x - 4, end + 4, floor)
            self._wire(before.right, own.left, axis)
            self._words((x + end) / 2, floor, f"layer {k + 1}", op, key, str(k))
            self._face(own, f"op-{op}", place=str(k))
            made[k + 1] = own
            if k:
                made[k + 1] = self._merge(k, sources[k], own, made)
            x = end
        self._exit(made[space.layers], axis, floor)
        self._route(axis - tall - 8)

    def _merge(self, k: int, sources: tuple[int, ...], own: _Face, made: dict[int, _Face]) -> _Face:
        """The skips that join a layer's result, and what comes of it."""
        pools, adds = self.space.pool_after(), self.inside.merge == "add"
        slabs, y = [], own.top
        for i, t in enumerate(reversed(sources)):
            key = f"s{k + 1}-{t}" if adds else named(t, k, pools)
            y -= own.f + STRIP
            slab = _Face(key, own.x, y + STRIP + own.f / 2, own.f)
            cut, name = f"cut:{k}-{t}", tensor_name(t)
            self._slab(slab, cut, name if t else "stem")
            slabs.append(slab)
            x = own.left - 10 - DROP * (len(sources) - 1 - i)
            words = f"skip from {name} to layer {k + 1}"
            self.arcs.append(_Arc(made[t], x, slab.left, slab.y, cut, words, "top"))
        out = _Face(f"t{k + 1}", own.right + FUNNEL + own.f / 2, own.y, own.f)
        of = self.inside.tensors[own.key].of
        self._join(str(k), own, y, own.bottom, out, len(slabs) + 1, of, adds)
        self._face(out, "")
        return out

    # ---- micro

    def _cell(self) -> None:
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
        made: dict[int, _Face] = {}
        for side in (0, 1):
            made[side] = self._input(side, x, y[side])
        x = max(face.right for face in made.values())
        for node, row in enumerate(rows, start=2):
            x += GUTTER + CROSSING + 8
            wide = max(FUNNEL, 84 - f)  # words under a small face are wider than it is
            out = _Face(f"n{node}", x + f + wide + 8 + f / 2, middle, f)
            for side in (0, 1):
                op, place = space.ops[row[2 + side]], f"{node}.{side}"
                own = _Face(f"x{place}", x + f / 2, y[side], f)
                self._spot(place, own, x - 9, own.right + 9, own.bottom - 3, 1)
                self._label(own.x, own.bottom + 15, op, place)
                self._face(own, f"op-{op}", place=place)
                cut = f"cut:{place}"
                words = f"node {row[side] + 1} to node {node + 1}"
                way = ways[node, side]
                at = own.left - 12 - CROSSING * side
                arc = _Arc(made[row[side]], at, own.left, own.y, cut, words, way)
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
        self.parts.append(_image(EDGE, middle - PHOTO / 2, PHOTO))
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

    def _input(self, side: int, x: float, y: float) -> _Face:
        """The output of the previous cell or of the one before it, brought to size if need be."""
        inside = self.inside
        f = self._f(f"n{side}")
        if inside.fitted[side]:
            g = self._f(f"g{side}")
            given = _Face(f"g{side}", x + g / 2, y, g)
            self._face(given, "")
            self._funnel(given.right, given.top, given.bottom, FUNNEL - 8, f, y, "1×1")
            x = given.right + FUNNEL - 8
        face = _Face(f"n{side}", x + f / 2, y, f)
        name, _, halved = inside.inputs[side].partition(", ")
        self._slab(face, "", name)
        self._text(face.x, face.bottom + 15, f"node {side + 1}", "strong")
        if halved:
            self._text(face.x, face.bottom + 29, halved)
        return face

    def _into_sum(self, own: _Face, out: _Face, cut: str, wide: float) -> None:
        x = own.right + wide
        end = out.y + (-13 if own.y < out.y else 13)
        self.parts.append(
            f'<path class="line after" data-after="{cut}" '
            f'd="M{own.right:g} {own.y:g}H{x:g}V{end:g}"/>'
        )

    def _sum(self, x: float, y: float, out: _Face) -> None:
        self.parts.append(_plus(x, y))
        self._wire(x + 11, out.left, y)

    def _ends(
        self,
        x: float,
        f: float,
        middle: float,
        made: dict[int, _Face],
        ways: dict[int, str],
    ) -> None:
        """The loose ends, stacked, the 1x1 convolution, the output, the cells that follow."""
        inside, loose = self.inside, self.inside.loose
        x += GUTTER + DROP * len(loose) + 4
        y = middle + len(loose) * (f + STRIP) / 2
        bottom = y
        for i, t in enumerate(reversed(loose)):
            y -= f + STRIP
            slab = _Face(f"n{t}", x + f / 2, y + STRIP + f / 2, f)
            self._slab(slab, "", f"node {t + 1}")
            at = slab.left - 10 - DROP * (len(loose) - 1 - i)
            way = "direct" if t == self.space.nodes + 1 else ways[t]
            self.arcs.append(_Arc(made[t], at, slab.left, slab.y, "", "", way))
        own = _Face("out", x + f / 2, middle, f)
        out = _Face("out", own.right + FUNNEL + f / 2, middle, f)
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

    # ---- what both are made of

    def _f(self, key: str) -> float:
        """The side of the face of a tensor's maps."""
        side = self.inside.tensors[key].side
        halvings = max(0, round(math.log2(max(1, self.inside.side / side))))
        return 2 * self.sizes[min(halvings, 2)] + GAP + 2 * PAD

    def _face(self, face: _Face, look: str, words: str = "", place: str = "") -> None:
        self.faces.append(face)
        known = f' data-framed="{place}"' if place else ""
        size = (face.f - GAP - 2 * PAD) / 2
        images = "".join(
            f'<image class="map" data-map="{face.key} {n}" '
            f'x="{face.left + PAD + (n % 2) * (size + GAP):g}" '
            f'y="{face.top + PAD + (n // 2) * (size + GAP):g}" width="{size:g}" height="{size:g}" '
            f'preserveAspectRatio="none" image-rendering="optimizeSpeed"/>'
            for n in range(len(self.inside.tensors[face.key].channels))
        )
        self.parts.append(
            f'<g class="maps {look}" data-maps="{face.key}"{known}><rect class="bed" '
            f'x="{face.left:g}" '
            f'y="{face.top:g}" width="{face.f:g}" height="{face.f:g}" rx="5"/>{images}</g>'
        )
        if words:
            self._text(face.x, face.bottom + 15, words, "strong")
            t = self.inside.tensors[face.key]
            self._text(face.x, face.bottom + 29, f"{t.side}×{t.side}")
            self._text(face.x, face.bottom + 42, f"{t.of} ch.")

    def _slab(self, face: _Face, cut: str, words: str) -> None:
        """A slab that stands on others: its name, its maps."""
        top = face.top - STRIP
        known = f' data-slab="{cut}"' if cut else ""
        self.parts.append(
            f'<g class="slab"{known}><rect class="block" x="{face.left:g}" y="{top:g}" '
            f'width="{face.f:g}" height="{face.f + STRIP:g}" rx="5"/>'
            f'<text class="small" x="{face.x:g}" y="{top + 11:g}">{words}</text>'
        )
        self._face(face, "")
        self.parts.append("</g>")

    def _join(
        self,
        place: str,
        own: _Face,
        top: float,
        bottom: float,
        out: _Face,
        count: int,
        of: int,
        adds: bool,
    ) -> None:
        """From what is joined to what comes of it: a plus, or a 1x1 convolution as a funnel."""
        x, y = own.right, own.y
        if adds:
            self._wire(x, out.left, y)
            if count > 1:
                plus = x + FUNNEL / 2
                high = own.f + STRIP
                taps = "".join(f"M{x:g} {y - high * k:g}H{plus:g}" for k in range(1, count))
                self.parts.append(
                    f'<path class="line" d="{taps}M{plus:g} {y - high * (count - 1):g}'
                    f'V{y - 12:g}"/>{_plus(plus, y)}'
                )
            words = "added" if count > 1 else ""
            total = WORDS["added"].format(left=count) if count > 1 else ""
        else:
            self._funnel(x, top, bottom, FUNNEL, out.f, out.y, "1×1")
            words, total = (
                f"{count * of} → {of}",
                WORDS["stacked"].format(left=count, of=of, total=count * of),
            )
        if total:
            also = ' data-adds="1"' if adds else ""
            self.parts.append(
                f'<text class="small sum" data-sum="{place}" data-count="{count}" data-of="{of}"'
                f'{also} x="{(own.left + out.left) / 2:g}" y="{top - 6:g}">{total}</text>'
            )
        if words and not adds:
            at = x + FUNNEL / 2 if self.macro else own.x
            self.parts.append(
                f'<text class="small thin" data-thin="{place}" x="{at:g}" '
                f'y="{max(bottom, out.bottom) + 12:g}">{words}</text>'
            )

    def _funnel(
        self, x: float, top: float, bottom: float, w: float, f: float, y: float, words: str
    ) -> None:
        self.parts.append(
            f'<path class="funnel" d="M{x + 2:g} {top:g}L{x + w - 2:g} {y - f / 2:g}V{y + f / 2:g}'
            f'L{x + 2:g} {bottom:g}z"/>'
        )
        self._text(x + w / 2, y + 4, words)

    def _halving(self, before: _Face, f: float, x: float, axis: float) -> None:
        high, low = before.f / 2, f / 2
        self.parts.append(
            f'<path class="funnel" d="M{x:g} {axis - high * 0.8:g}L{x + FUNNEL - 4:g} '
            f'{axis - low * 0.8:g}V{axis + low * 0.8:g}L{x:g} {axis + high * 0.8:g}z"/>'
        )
        self._text(x + FUNNEL / 2 - 2, axis - high * 0.8 - 6, "halved")

    def _entrance(self, axis: float, floor: float) -> tuple[float, _Face]:
        """(where the first layer may begin, the stem's output)."""
        inside, f = self.inside, self._f("t0")
        self.parts.append(_image(EDGE, axis - PHOTO / 2, PHOTO))
        self._text(EDGE + PHOTO / 2, floor + ROWS[0], "image", "strong")
        self._text(EDGE + PHOTO / 2, floor + ROWS[2], f"{inside.side}×{inside.side}")
        colours = "grey" if inside.channels == 1 else "3 colours"
        self._text(EDGE + PHOTO / 2, floor + ROWS[3], colours)
        stem = _Face("t0", EDGE + PHOTO + GUTTER + f / 2, axis, f)
        self._wire(EDGE + PHOTO, stem.left, axis)
        self._face(stem, "")
        self._words(stem.x, floor, "stem", "", "t0")
        return stem.right, stem

    def _exit(self, last: _Face, axis: float, floor: float) -> None:
        inside = self.inside
        x = last.right + 16
        self._wire(last.right, x, axis)
        self.height = floor + ROWS[-1] + 9
        self._classifier(x, axis, FAN + 4)
        middle, of = self.width - 36, inside.tensors[last.key].of
        for row, words, look in zip(
            ROWS,
            ("classifier", "means", f"{of} numbers", f"{len(inside.classes)} classes"),
            ("strong", "", "small", "small"),
            strict=True,
        ):
            self._text(middle, floor + row, words, look)

    def _classifier(self, x: float, y: float, fan: float = FAN) -> None:
        """The mean of every map, and a line from them to each bar of the verdict: bars stand on the
        right, around the drawing's middle."""
        bars, high = len(bar_classes(self.inside)), MEANS_HIGH
        right = x + MEANS + fan
        self.parts.append(
            f'<rect class="block" x="{x:g}" y="{y - high / 2:g}" width="{MEANS}" '
            f'height="{high}" rx="4"/>'
        )
        step, middle = (high - 8) / max(1, bars - 1), (bars - 1) / 2
        lines = "".join(
            f"M{x + MEANS:g} {y + step * (k - middle):g}"
            f"L{right:g} {self.height / 2 + BAR_ROW * (k - middle):g}"
            for k in range(bars)
        )
        self.parts.append(f'<path class="fan" d="{lines}"/>')
        self.width = right

    def _words(self, x: float, floor: float, name: str, op: str, key: str, place: str = "") -> None:
        """Under a column: its name, its operation, its size."""
        t = self.inside.tensors[key]
        self._text(x, floor + ROWS[0], name, "strong")
        if op:
            self._label(x, floor + ROWS[1], op, place)
        else:
            self._text(x, floor + ROWS[1], "conv 3×3", "")
        self._text(x, floor + ROWS[2], f"{t.side}×{t.side} pixels")
        self._text(x, floor + ROWS[3], f"{t.of} channels")

    def _label(self, x: float, y: float, op: str, place: str) -> None:
        """An operation's icon and name, which the browser changes."""
        name = op.label
        left = x - 3.2 * len(name) - 7
        self.parts.append(
            f'<g class="op-name op-{op}" data-named="{place}"><g transform="translate({left:g} '
            f'{y - 4:g}) scale(0.7)"><use href="#{PREFIX}i-{op}"/></g>'
            f'<text x="{x + 9:g}" y="{y:g}">{name}</text></g>'
        )

    def _spot(
        self, place: str, own: _Face, left: float, right: float, floor: float, rows: int = 4
    ) -> None:
        """What is clicked to open a layer; its label begins as the words on it do."""
        op = places(self.inside)[place]["op"]
        below = ROWS[rows - 1] + 5
        name = places(self.inside)[place]["name"]
        self.parts.append(
            f'<g class="spot" data-place="{place}" tabindex="0" role="button" '
            f'data-lm-suppress-shortcuts="true" aria-label="{name}, {op.title}">'
            f'<rect class="halo" x="{left:g}" y="{own.top - 5:g}" width="{right - left:g}" '
            f'height="{floor + below - own.top + 5:g}" rx="8"/></g>'
        )

    def _text(self, x: float, y: float, words: str, look: str = "small") -> None:
        css = f' class="{look}"' if look else ""
        self.parts.append(f'<text{css} x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def _wire(self, x1: float, x2: float, y: float) -> None:
        self.parts.append(
            f'<path class="line" d="M{x1 + 1:g} {y:g}H{x2 - 3:g}"/>{tip(x2 - 1, y, "right")}'
        )

    def _lane_count(self, sources: Sequence[tuple[int, ...]]) -> int:
        spans = [(t, k + 1) for k, row in enumerate(sources) for t in row]
        return max((sum(a < t <= b for a, b in spans) for t in range(len(sources) + 1)), default=0)

    def _route(self, top: float, bottom: float = 0.0) -> None:
        """Gives every wire its lane, so that those that run side by side do not touch."""
        for way in ("top", "bottom"):
            mine = [arc for arc in self.arcs if arc.way == way]
            for face in {id(a.source): a.source for a in mine}.values():
                leaving = [a for a in mine if a.source is face]
                for i, arc in enumerate(sorted(leaving, key=lambda a: -a.x)):
                    arc.start = face.x + (i - (len(leaving) - 1) / 2) * 10
                    if not self.macro:  # words stand under a node, so wires leave beside it
                        arc.start = face.right + TRUNK
            taken: list[list[_Arc]] = []
            for arc in sorted(mine, key=lambda a: a.x - a.start):
                while arc.lane < len(taken) and any(
                    arc.x >= o.start - 6 and o.x >= arc.start - 6 for o in taken[arc.lane]
                ):
                    arc.lane += 1
                taken += [[]] * (arc.lane == len(taken))
                taken[arc.lane] = [*taken[arc.lane], arc]
        for arc in self.arcs:
            self._draw(arc, top, bottom)

    def _draw(self, arc: _Arc, top: float, bottom: float) -> None:
        face, r = arc.source, 6
        if arc.way == "direct":
            x, y = arc.x, face.y
            turn = math.copysign(min(r, abs(arc.y - y) / 2), arc.y - y)
            line = (
                f"M{face.right + 1:g} {y:g}H{x - abs(turn):g}Q{x:g} {y:g} {x:g} {y + turn:g}"
                f"V{arc.y - turn:g}Q{x:g} {arc.y:g} {x + abs(turn):g} {arc.y:g}H{arc.to - 3:g}"
            )
            middle = (x, arc.y - math.copysign(20, arc.y - y))
            if abs(arc.y - y) < HANDLE:
                middle = ((face.right + arc.to) / 2, y)
        else:
            up = arc.way == "top"
            lane = top - LANE * arc.lane if up else bottom + LANE * arc.lane
            edge, turn = (face.top - 1, -r) if up else (face.bottom + 1, r)
            begin = f"M{arc.start:g} {edge:g}"
            if not self.macro:
                begin = f"M{face.right + 1:g} {face.y:g}H{arc.start:g}"
            line = (
                f"{begin}V{lane - turn:g}Q{arc.start:g} {lane:g} "
                f"{arc.start + r:g} {lane:g}H{arc.x - r:g}Q{arc.x:g} {lane:g} {arc.x:g} "
                f"{lane - turn:g}V{arc.y + turn:g}Q{arc.x:g} {arc.y:g} {arc.x + r:g} {arc.y:g}"
                f"H{arc.to - 3:g}"
            )
            middle = ((arc.start + arc.x) / 2, lane)
        head = tip(arc.to - 1, arc.y, "right")
        if not arc.cut:
            self.parts.append(f'<path class="line" d="{line}"/>{head}')
            return
        x, y = middle
        self.parts.append(
            f'<g class="wire" data-cut="{arc.cut}" tabindex="0" role="button" aria-pressed="false" '
            f'data-lm-suppress-shortcuts="true" aria-label="Cut: {arc.words}">'
            f'<path class="reach" d="{line}"/><path class="line" d="{line}"/>{head}'
            f'<circle class="grip" cx="{x:g}" cy="{y:g}" r="{HANDLE}"/>'
            f'<path class="cross" d="M{x - 3:g} {y - 3:g}l6 6m0 -6l-6 6"/></g>'
        )


def _plus(x: float, y: float) -> str:
    return (
        f'<circle class="ring" cx="{x:g}" cy="{y:g}" r="10"/>'
        f'<path class="sign" d="M{x - 5:g} {y:g}h10M{x:g} {y - 5:g}v10"/>'
    )


def _image(x: float, y: float, side: float) -> str:
    return (
        f'<image data-photo="1" class="map" x="{x:g}" y="{y:g}" width="{side:g}" '
        f'height="{side:g}" preserveAspectRatio="none" image-rendering="optimizeSpeed"/>'
    )


def _bars(inside: Inside, row: Sequence[float], label: int, x: float, height: float) -> str:
    """The verdict: up to ten classes, the right one marked."""
    shown = bar_classes(inside)
    y = (height - BAR_ROW * len(shown)) / 2 + 2.5
    parts = []
    for k, c in enumerate(shown):
        at, width = y + BAR_ROW * k, 70 * row[c]
        look = "strong" if c == label else "small"
        right = "✓" if c == label else ""
        name = escape(inside.classes[c][:9])
        parts.append(
            f'<text class="{look} end" x="{x + 46:g}" y="{at + 12:g}">{right} {name}</text>'
            f'<rect class="track" x="{x + 52:g}" y="{at + 2:g}" width="70" height="12" rx="2"/>'
            f'<rect class="tall" x="{x + 52:g}" y="{at + 2:g}" width="{width:.1f}" height="12" '
            f'rx="2"/><text class="small start" x="{x + 126:g}" y="{at + 12:g}">'
            f"{100 * row[c]:.0f} %</text>"
        )
    return "".join(parts)


def bar_classes(inside: Inside) -> list[int]:
    """The classes that have a bar: all of ten or fewer, else those of the images."""
    if len(inside.classes) <= 10:
        return list(range(len(inside.classes)))
    return sorted(set(inside.labels))


# ---------------------------------------------------------------- pixels of stills


def _pixels(inside: Inside, key: str, maps: bytes, image: int, n: int) -> str:
    """One map as the address of a picture, in shades of one blue."""
    t = inside.tensors[key]
    size = t.side**2
    start = (image * len(t.channels) + n) * size
    white, blue = (255, 255, 255), (8, 64, 122)
    shades = [
        tuple(round(a + (b - a) * i / (SHADES - 1)) for a, b in zip(white, blue, strict=True))
        for i in range(SHADES)
    ]
    values = [round(b * (SHADES - 1) / inside.levels) for b in maps[start : start + size]]
    return _png(values, t.side, shades)


def _photo(inside: Inside, image: int) -> str:
    """An image as it is."""
    side, size = inside.side, inside.side**2
    start = image * inside.channels * size
    data = inside.pixels[start : start + inside.channels * size]
    if inside.channels == 1:
        shades = [(round(255 * i / (SHADES - 1)),) * 3 for i in range(SHADES)]
        return _png([round(b * (SHADES - 1) / 255) for b in data], side, shades)
    rows = b"".join(
        b"\0" + bytes(data[c * size + y * side + x] for x in range(side) for c in range(3))
        for y in range(side)
    )
    return _address(_chunks(side, 8, 2, b"", rows))


def _png(values: Sequence[int], side: int, shades: Sequence[tuple[int, ...]]) -> str:
    rows = bytearray()
    for y in range(side):
        row = [*values[y * side : (y + 1) * side], *([0] * (side % 2))]
        rows += b"\0" + bytes(a << 4 | b for a, b in zip(row[::2], row[1::2], strict=True))
    return _address(_chunks(side, 4, 3, bytes(c for shade in shades for c in shade), bytes(rows)))


def _chunks(side: int, depth: int, colour: int, palette: bytes, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header)]
    if palette:
        parts.append(chunk(b"PLTE", palette))
    parts += [chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _address(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
