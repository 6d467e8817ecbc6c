"""What pictures of a network from inside are made of: faces with feature maps, wires, the verdict.

Every shape names what it shows (`data-maps`), opens (`data-place`) or cuts (`data-cut`), so that
the browser only fills in pixels and sets classes; `Picture.still` fills them in itself.

Not here: where faces stand (`macro_child`, `micro_child`), words around the picture (`child`).
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import ClassVar

from enas_viz.records.inside import Inside, Seen
from enas_viz.view.shapes import PREFIX, svg, symbols, tip

ROOMY, TIGHT = (32, 24, 16), (24, 16, 12)  # pixels of one map, after 0, 1, 2 halvings
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


@dataclass
class Face:
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
class Arc:
    """A wire from a face to a place in another column; cut: the change that removes it."""

    source: Face
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
    """A network's drawing: the same for the widget and for stills.

    roomy: up to so many layers or nodes have large faces. hints: the lines over the widget's
    drawing. beside: whether wires leave beside a face, since words stand under it.
    """

    roomy: ClassVar[int]
    hints: ClassVar[tuple[str, ...]]
    beside: ClassVar[bool]

    inside: Inside
    width: float = 0
    height: float = 0
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.space = self.inside.architecture.space
        few = getattr(self.space, self.space.extent) <= self.roomy
        self.sizes = ROOMY if few else TIGHT
        self.faces: list[Face] = []
        self.arcs: list[Arc] = []
        self.places = self._places()
        self._compose()

    def _places(self) -> dict[str, dict[str, str]]:
        """What can be opened: by place its operation, its name, and the tensor that it makes."""
        raise NotImplementedError

    def _compose(self) -> None:
        """Draws every layer or node, and what is around them."""
        raise NotImplementedError

    def _thin_x(self, x: float, own: Face) -> float:
        """The x of the words under a 1x1 convolution; x: its left end."""
        raise NotImplementedError

    def widget(self) -> str:
        """The drawing for the widget, whose pixels the browser fills in."""
        hints = [
            f'<text class="small start" x="{EDGE}" y="{14 + 15 * k}">{line}</text>'
            for k, line in enumerate(self.hints)
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

    def _f(self, key: str) -> float:
        """The side of the face of a tensor's maps."""
        side = self.inside.tensors[key].side
        halvings = max(0, round(math.log2(max(1, self.inside.side / side))))
        return 2 * self.sizes[min(halvings, 2)] + GAP + 2 * PAD

    def _face(self, face: Face, look: str, words: str = "", place: str = "") -> None:
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

    def _slab(self, face: Face, cut: str, words: str) -> None:
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
        own: Face,
        top: float,
        bottom: float,
        out: Face,
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
                    f'V{y - 12:g}"/>{plus_sign(plus, y)}'
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
            at = self._thin_x(x, own)
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
        self, place: str, own: Face, left: float, right: float, floor: float, rows: int = 4
    ) -> None:
        """What is clicked to open a layer; its label begins as the words on it do."""
        op = self.places[place]["op"]
        below = ROWS[rows - 1] + 5
        name = self.places[place]["name"]
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

    def _route(self, top: float, bottom: float = 0.0) -> None:
        """Gives every wire its lane, so that those that run side by side do not touch."""
        for way in ("top", "bottom"):
            mine = [arc for arc in self.arcs if arc.way == way]
            for face in {id(a.source): a.source for a in mine}.values():
                leaving = [a for a in mine if a.source is face]
                for i, arc in enumerate(sorted(leaving, key=lambda a: -a.x)):
                    arc.start = face.x + (i - (len(leaving) - 1) / 2) * 10
                    if self.beside:  # words stand under a node, so wires leave beside it
                        arc.start = face.right + TRUNK
            taken: list[list[Arc]] = []
            for arc in sorted(mine, key=lambda a: a.x - a.start):
                while arc.lane < len(taken) and any(
                    arc.x >= o.start - 6 and o.x >= arc.start - 6 for o in taken[arc.lane]
                ):
                    arc.lane += 1
                taken += [[]] * (arc.lane == len(taken))
                taken[arc.lane] = [*taken[arc.lane], arc]
        for arc in self.arcs:
            self._draw(arc, top, bottom)

    def _draw(self, arc: Arc, top: float, bottom: float) -> None:
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
            if self.beside:
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


def plus_sign(x: float, y: float) -> str:
    return (
        f'<circle class="ring" cx="{x:g}" cy="{y:g}" r="10"/>'
        f'<path class="sign" d="M{x - 5:g} {y:g}h10M{x:g} {y - 5:g}v10"/>'
    )


def image_of(x: float, y: float, side: float) -> str:
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
