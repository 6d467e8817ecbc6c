"""Small shapes and the frame of every drawing: arrow heads, icons, merge points, styles.

Not here: what they are put together to (`macro_svg`, `micro_svg`, `closeup`, `svg`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

from enas_viz.spaces.operations import STANDARD, Operation
from enas_viz.view.assets import filled, styles
from enas_viz.view.layout import MERGE_R, Box

PREFIX = "enas-"  # of ids; the browser replaces it, as ids are global in a page
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
NODE_TONES = (0, 2, 1, 3)  # red, blue, green, purple: the article's nodes 1 to 4
TONES = 8  # colours of layers or nodes; then they come again


def ring(merge: str, x: float, y: float) -> str:
    """A merge point with its sign."""
    return (
        f'<circle class="ring" cx="{x:g}" cy="{y:g}" r="{MERGE_R:g}"/>'
        f'<path class="sign" d="{_sign(merge, x, y)}"/>'
    )


def _sign(merge: str, x: float, y: float) -> str:
    """A plus where skips are added; sheets side by side where they are concatenated."""
    if merge == "add":
        return f"M{x - 3.6:g} {y:g}h7.2M{x:g} {y - 3.6:g}v7.2"
    return "".join(f"M{x + dx:g} {y - 3.4:g}v6.8" for dx in (-2.8, 0, 2.8))


def tip(x: float, y: float, way: str) -> str:
    """A small arrow head whose point is at (x, y)."""
    wings = {"right": "l-5.5 -3.5v7z", "down": "l-3.6 -5.8h7.2z", "up": "l-3.2 5h6.4z"}[way]
    return f'<path class="tip" d="M{x:g} {y:g}{wings}"/>'


def rect(box: Box, name: str, rx: float) -> str:
    return (
        f'<rect class="{name}" x="{box.left:g}" y="{box.y - box.h / 2:g}" width="{box.w:g}" '
        f'height="{box.h:g}" rx="{rx:g}"/>'
    )


def symbols(ops: Sequence[Operation], icons: Literal["above", "beside"]) -> str:
    """For each operation its icon, and the icon with its short lines as a box shows them."""
    parts = []
    for name in ops:
        lines = name.lines
        at = (0, -15) if icons == "above" else (-14, 0)
        x, middle = (0, 14) if icons == "above" else (12, 4)
        rows = [middle] if len(lines) == 1 else [middle - 7, middle + 7]
        glyphs = "".join(
            f'<text class="enas-glyph" x="{x}" y="{y}">{line}</text>'
            for line, y in zip(lines, rows, strict=True)
        )
        parts.append(
            f'<g id="{PREFIX}i-{name}"><path class="enas-icon" d="{icon(name)}"/></g>'
            f'<g id="{PREFIX}{name}"><path class="enas-icon" '
            f'transform="translate({at[0]} {at[1]})" d="{icon(name)}"/>{glyphs}</g>'
        )
    return f"<defs>{colours(ops)}{''.join(parts)}</defs>"


def colours(ops: Iterable[Operation]) -> str:
    """Rules for the colours of operations that the style sheet does not know; "" if there are
    none. Their variables begin with "op-", so that none is called like one of the palette."""
    rules = "".join(
        f".enas-viz{{--enas-op-{op}:var(--enas-{op.slot})}}.enas-svg .op-{op}"
        f"{{color:var(--enas-{op.slot})}}"
        for op in ops
        if op not in STANDARD
    )
    return f"<style>{rules}</style>" if rules else ""


def token_text(lines: Sequence[str], x: float, middle: float) -> list[str]:
    """What a step sampled, in one or two short lines around a height."""
    heights = (middle + 4,) if len(lines) == 1 else (middle - 2.5, middle + 10.5)
    return [
        f'<text class="token" x="{x:g}" y="{y:g}">{escape(line)}</text>'
        for line, y in zip(lines, heights, strict=True)
    ]


def icon(op: Operation) -> str:
    """The operation's window, centred on 0: full cells convolve, hollow ones channel by channel;
    an average weighs all alike (one tile), a maximum keeps one. Cells of a dilated window stand
    apart. A family of one's own brings a path, or has a hollow diamond."""
    if op.family == "identity":  # passes through: an arrow
        return "M-7 -1h8v-4.5l7 5.5-7 5.5v-4.5h-8z"
    if op.own:
        return op.icon or "M0 -8l8 8-8 8-8-8zM0 -5l-5 5 5 5 5-5z"
    n = op.window
    side, pitch, rim = _CELLS.get(n) or _cells(n)
    if op.dilation > 1:
        side, rim = 0.7 * side, 0.7 * rim
    start = -(pitch * (n - 1) + side) / 2
    cells = [(start + pitch * i, start + pitch * j) for j in range(n) for i in range(n)]
    if op.family == "conv":
        return "".join(_square(x, y, side) for x, y in cells)
    if op.family == "sep":
        return "".join(_square(x, y, side) + _hole(x, y, side, rim) for x, y in cells)
    if op.pools == "avg":
        whole = -2 * start
        return _square(start, start, whole)
    return "".join(
        _square(x, y, side) if i == n * n // 2 else _square(x, y, side) + _hole(x, y, side, 0.7)
        for i, (x, y) in enumerate(cells)
    )


# Of a cell of the icon: its side, from one to the next, the rim of a hollow one.
_CELLS = {3: (4.2, 5.4, 1.3), 5: (2.6, 3.5, 0.8)}


def _cells(n: int) -> tuple[float, float, float]:
    """The same for other windows, which fill the same square."""
    pitch = 16.4 / (n - 0.25)
    return 0.75 * pitch, pitch, 0.23 * pitch


def _square(x: float, y: float, side: float) -> str:
    return f"M{x:.2f} {y:.2f}h{side:.2f}v{side:.2f}h{-side:.2f}z"


def _hole(x: float, y: float, side: float, rim: float) -> str:
    """Drawn the other way round, so that it is left out of the fill."""
    inner = side - 2 * rim
    return f"M{x + rim:.2f} {y + rim:.2f}v{inner:.2f}h{inner:.2f}v{-inner:.2f}z"


def wrap(text: str, width: float, size: float) -> list[str]:
    """Lines no wider than `width` at font size `size`, by a generous guess of a letter's width."""
    limit = max(12, int(width / (0.56 * size)))
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def standalone(parts: str, width: float, height: float, caption: str, also: str = "") -> str:
    """A complete picture. also: the widget whose own rules its shapes need, too."""
    parts = re.sub(r"<style>.*?</style>", lambda m: filled(m[0]), printable(parts))
    prefix = f"e{hashlib.sha256(parts.encode()).hexdigest()[:8]}-"
    parts = parts.replace(f'id="{PREFIX}', f'id="{prefix}').replace(
        f'href="#{PREFIX}', f'href="#{prefix}'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>A network that a controller built</title><desc>{escape(printable(caption))}</desc>"
        f"<style>{styles()}{styles(also) if also else ''}</style>"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>{parts}</svg>'
    )


def printable(text: str) -> str:
    """Text without the characters that XML forbids, even escaped: most control characters."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def svg(parts: Iterable[str], width: float, height: float) -> str:
    """A drawing for a page that has the styles already."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" viewBox="0 0 {width:g} '
        f'{height:g}" width="{width:g}" height="{height:g}">{"".join(parts)}</svg>'
    )


def tone(number: int) -> str:
    """The class of a layer's or node's colour, counted from 0."""
    return f"at-{number % TONES + 1}"


def node_tone(tensor: int) -> str:
    """The class of the colour of a cell's node, counted from 0: the article's for its four."""
    return tone(NODE_TONES[tensor] if tensor < len(NODE_TONES) else tensor)
