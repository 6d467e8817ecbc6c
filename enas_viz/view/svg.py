"""Markup: a scene as SVG, once for the browser to play, or as stills at a step.

The browser gets `skeleton`: two drawings in which nothing is decided yet, each shape with
`data-born`; it then only sets class names. A still is the same drawing with the classes set, its
styles inside and no variables left, so that any viewer shows it.

Leaves to others: coordinates (`layout`), words (`scene`), files and pixels (`export`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from enas_viz.space import Architecture
from enas_viz.trace import Episode, Step
from enas_viz.view.layout import (
    BRACKET_Y,
    CELL_H,
    CELL_Y,
    CHIP_H,
    CHIP_Y,
    KIND_Y,
    MERGE_R,
    STRIP_H,
    Box,
)
from enas_viz.view.scene import LAYER_COLOURS, OPERATIONS, Bar, Scene, facts

STATIC = Path(__file__).parent.parent / "static"
PREFIX = "enas-"  # of ids; the browser replaces it, as ids are global in a page

Block = tuple[list[str], float, float]  # (parts, width, height) of a piece of a still
Look = Callable[[int, int | None], str]  # (born, row) -> the tense of a shape


# ---------------------------------------------------------------- for the browser


def skeleton(scene: Scene) -> dict[str, Any]:
    """The scene for the browser: its words and its two drawings with nothing decided."""
    return {
        **scene.to_json(),
        "network": _svg(network_parts(scene), scene.layout.width, scene.layout.height),
        "strip": _svg(strip_parts(scene), scene.strip.width, STRIP_H),
        "legend": [[name, *OPERATIONS[name]] for name in scene.space.ops],
        "mergeIcon": _merge_icon(scene, 0, 0),
        "mergeWords": merge_words(scene),
    }


def _svg(parts: Iterable[str], width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" viewBox="0 0 {width:g} '
        f'{height:g}" width="{width:g}" height="{height:g}">{"".join(parts)}</svg>'
    )


# ---------------------------------------------------------------- the network


def network_parts(
    scene: Scene, architecture: Architecture | None = None, now: int = -1
) -> list[str]:
    """The child network at step `now`; without an architecture nothing is decided."""
    place = scene.layout
    look = _look(scene, architecture, now)
    ops = scene.space.op_names(architecture) if architecture else ()
    about = scene.plan[now].at if architecture and 0 <= now < len(scene.plan) else -1
    arcs = [(look(a.born, a.row), a) for a in place.arcs]
    order = {"future": 0, "out": 0, "rejected": 1, "past": 2, "now": 3}  # "now" lies on top
    if architecture:
        arcs = sorted((pair for pair in arcs if order[pair[0]]), key=lambda pair: order[pair[0]])
    return [
        f"<defs>{''.join(_symbols(scene))}</defs>",
        f'<path class="band" d="{place.band}"/>',
        *_stages(scene),
        '<g class="arcs">',
        *(
            f'<path class="arc {tense}{_colour(scene, a.source)}" d="{a.path}" stroke-width='
            f'"{a.weight:g}" data-born="{a.born}" data-row="{a.row}"/>'
            for tense, a in arcs
        ),
        "</g>",
        *_ends(scene, look),
        *(
            part
            for k in range(scene.space.layers)
            for part in _layer(scene, k, look, ops[k] if ops else "", k == about)
        ),
    ]


def _look(scene: Scene, architecture: Architecture | None, now: int) -> Look:
    picks = scene.picks(architecture) if architecture else ()

    def look(born: int, row: int | None = None) -> str:
        if not architecture or born > now:
            return "future"
        bits = picks[born]
        is_merge = row is None and scene.plan[born].kind == "skip"
        on = any(bits) if is_merge else row is None or bits[row]
        if born == now:
            return "now" if on else "out" if is_merge else "rejected"
        return "past" if on else "out"

    return look


def _colour(scene: Scene, tensor: int) -> str:
    """In colour="layer" an arc has the colour of the layer it leaves."""
    return f" tone at-{_tone(tensor - 1)}" if scene.colour == "layer" and tensor else ""


def _tone(layer: int) -> int:
    return layer % LAYER_COLOURS + 1


def _layer(scene: Scene, k: int, look: Look, op: str, about: bool) -> list[str]:
    """Layer k: the wire into it, its box, and behind it the point where skips are merged in."""
    place, box = scene.layout, scene.layout.boxes[k]
    op_step, skip_step = _steps_of(scene)[k]
    y, before = place.axis, place.taps[k]
    tone = f"at-{_tone(k)}" if scene.colour == "layer" else f"op-{op}" if op else ""
    use = f' href="#{PREFIX}{op}"' if op else ""
    tense = look(op_step, None)
    parts = [
        f'<g class="layer {tense}{" about" if about else ""}" data-born="{op_step}" data-at="{k}">',
        f'<path class="line" d="M{before - 6:g} {y:g}H{box.left - 3:g}"/>',
        tip(box.left - 1, y, "right"),
        f'<path class="line" d="M{box.right:g} {y:g}H{place.taps[k + 1] + 2:g}"/>',
        _rect(box, "slot", 7),
        _rect(Box(box.x, box.y, box.w + 9, box.h + 9), "halo", 10),
        _rect(box, "back", 7),
        f'<rect class="face {tone}" x="{box.left:g}" y="{box.y - box.h / 2:g}" width="{box.w:g}" '
        f'height="{box.h:g}" rx="7"/>',
        f'<g class="label {"op-" + op if op else ""}"><use x="{box.x:g}" y="{box.y:g}"{use}/></g>',
        f'<text class="small" x="{box.x:g}" y="{place.label_y:g}">layer {k + 1}</text>',
        "</g>",
    ]
    if skip_step is not None:
        x = place.merges[k]
        parts += [
            f'<g class="merge {look(skip_step, None)}" data-born="{skip_step}" data-merge="{k}">',
            ring(scene.merge, x, y),
            tip(x, y - MERGE_R, "down"),
            "</g>",
        ]
    return parts


@cache
def _steps_of(scene: Scene) -> dict[int, tuple[int, int | None]]:
    ops = {d.at: t for t, d in enumerate(scene.plan) if d.kind == "op"}
    skips = {d.at: t for t, d in enumerate(scene.plan) if d.kind == "skip"}
    return {k: (t, skips.get(k)) for k, t in ops.items()}


def _sign(merge: str, x: float, y: float) -> str:
    """A plus where skips are added; sheets side by side where they are concatenated."""
    if merge == "add":
        return f"M{x - 3.6:g} {y:g}h7.2M{x:g} {y - 3.6:g}v7.2"
    return "".join(f"M{x + dx:g} {y - 3.4:g}v6.8" for dx in (-2.8, 0, 2.8))


def tip(x: float, y: float, way: str) -> str:
    """A small arrow head whose point is at (x, y)."""
    d = f"M{x:g} {y:g}l-5.5 -3.5v7z" if way == "right" else f"M{x:g} {y:g}l-3.6 -5.8h7.2z"
    return f'<path class="tip" d="{d}"/>'


def _rect(box: Box, name: str, rx: float) -> str:
    return (
        f'<rect class="{name}" x="{box.left:g}" y="{box.y - box.h / 2:g}" width="{box.w:g}" '
        f'height="{box.h:g}" rx="{rx:g}"/>'
    )


def _ends(scene: Scene, look: Look) -> list[str]:
    """Image, stem and classifier: always there, decided by nobody."""
    place = scene.layout
    y, image, stem, head = place.axis, place.image, place.stem, place.head
    last = len(scene.plan) - 1
    wire = "future" if look(last, None) == "future" else "past"  # whatever the last step chose
    pixels = "".join(
        f"M{image.left + 5 + 8 * i:g} {y - 15 + 8 * j:g}h6v6h-6z"
        for i, j in ((0, 3), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (0, 0))
    )
    return [
        _rect(image, "fixed", 4),
        f'<path class="pixel" d="{pixels}"/>',
        f'<text class="small" x="{image.x:g}" y="{place.label_y:g}">image</text>',
        f'<path class="line" d="M{image.right:g} {y:g}H{stem.left - 3:g}"/>',
        tip(stem.left - 1, y, "right"),
        f'<path class="line" d="M{stem.right:g} {y:g}H{place.taps[0]:g}"/>',
        _rect(stem, "fixed", 7),
        f'<text x="{stem.x:g}" y="{y + 4:g}">stem</text>',
        f'<g class="end-wire {wire}" data-born="{last}" data-wire="">',
        f'<path class="line" d="M{place.taps[-1]:g} {y:g}H{head.left - 3:g}"/>',
        tip(head.left - 1, y, "right"),
        "</g>",
        _rect(head, "fixed", 7),
        f'<text x="{head.x:g}" y="{y + 4:g}">classifier</text>',
    ]


def _stages(scene: Scene) -> list[str]:
    """Under the layers: how large the feature maps are, and where they are halved."""
    place = scene.layout
    if not scene.narrowings:
        return []
    parts = []
    for stage in place.stages:
        y, middle = place.stage_y, (stage.x1 + stage.x2) / 2
        parts.append(
            f'<path class="rule" d="M{stage.x1:g} {y - 21:g}v5H{stage.x2:g}v-5"/>'
            f'<text class="small" x="{middle:g}" y="{y:g}">'
            f"{scene.stage_label(stage.first, stage.halvings)}</text>"
        )
    for k in scene.narrowings:
        x = (place.taps[k + 1] + place.boxes[k + 1].left - 4) / 2
        parts.append(f'<text class="small strong" x="{x:g}" y="{place.stage_y - 12:g}">½</text>')
    return parts


# ---------------------------------------------------------------- icons


def _symbols(scene: Scene) -> list[str]:
    """For each operation its icon, and the icon with its two short lines as a box shows them."""
    parts = []
    for name in scene.space.ops:
        first, second, _ = OPERATIONS[name]
        parts.append(
            f'<g id="{PREFIX}i-{name}"><path class="enas-icon" d="{icon(name)}"/></g>'
            f'<g id="{PREFIX}{name}"><path class="enas-icon" transform="translate(0 -15)" '
            f'd="{icon(name)}"/><text class="enas-glyph" y="7">{first}</text>'
            f'<text class="enas-glyph" y="21">{second}</text></g>'
        )
    return parts


def icon(op: str) -> str:
    """The operation's window, centred on 0: full cells convolve, hollow ones channel by channel;
    an average weighs all alike (one tile), a maximum keeps one."""
    n = int(op[-1])
    side, pitch = (4.2, 5.4) if n == 3 else (2.6, 3.5)
    start = -(pitch * (n - 1) + side) / 2
    cells = [(start + pitch * i, start + pitch * j) for j in range(n) for i in range(n)]
    if op.startswith("conv"):
        return "".join(_square(x, y, side) for x, y in cells)
    if op.startswith("sep"):
        hole = 1.3 if n == 3 else 0.8
        return "".join(_square(x, y, side) + _hole(x, y, side, hole) for x, y in cells)
    if op.startswith("avg"):
        whole = -2 * start
        return _square(start, start, whole)
    return "".join(
        _square(x, y, side) if i == 4 else _square(x, y, side) + _hole(x, y, side, 0.7)
        for i, (x, y) in enumerate(cells)
    )


def _square(x: float, y: float, side: float) -> str:
    return f"M{x:.2f} {y:.2f}h{side:.2f}v{side:.2f}h{-side:.2f}z"


def _hole(x: float, y: float, side: float, rim: float) -> str:
    """Drawn the other way round, so that it is left out of the fill."""
    inner = side - 2 * rim
    return f"M{x + rim:.2f} {y + rim:.2f}v{inner:.2f}h{inner:.2f}v{-inner:.2f}z"


# ---------------------------------------------------------------- the controller's strip


def strip_parts(scene: Scene, architecture: Architecture | None = None, now: int = -1) -> list[str]:
    """The controller: a cell for each step, what it sampled above, what it is about below."""
    place = scene.strip
    picks = scene.picks(architecture) if architecture else ()
    middle = CELL_Y + CELL_H / 2
    parts = [
        f'<text class="small end" x="66" y="{CHIP_Y + 19}">sampled</text>',
        f'<text class="small end" x="66" y="{middle + 4:g}">LSTM step</text>',
        f'<text class="small end" x="66" y="{KIND_Y}">decides</text>',
    ]
    for layer, x1, x2 in place.groups:
        half = place.pitch / 2 - 4
        parts.append(
            f'<path class="rule" d="M{x1 - half:g} {BRACKET_Y - 1}v4H{x2 + half:g}v-4"/>'
            f'<text class="small" x="{(x1 + x2) / 2:g}" y="{BRACKET_Y + 16}">'
            f"layer {layer + 1}</text>"
        )
    for t, x in enumerate(place.cells):
        tense = "future" if not architecture or t > now else "now" if t == now else "past"
        parts += _cell(scene, t, x, tense, picks[t] if architecture else None)
    return parts


def _cell(scene: Scene, t: int, x: float, tense: str, picks: tuple[int, ...] | None) -> list[str]:
    place, decision = scene.strip, scene.plan[t]
    w, middle, before = place.pitch - 8, CELL_Y + CELL_H / 2, x - place.pitch
    chip = Box(x, CHIP_Y + CHIP_H / 2, w, CHIP_H)
    cell_w = min(34, place.pitch - 14)
    kind = {"op": "op", "skip": "skips", "silent": "–"}[decision.kind]
    bottom = CHIP_Y + CHIP_H
    return [
        f'<g class="step {tense}" data-step="{t}">',
        f'<rect class="none hit" x="{x - place.pitch / 2:g}" y="0" width="{place.pitch:g}" '
        f'height="{STRIP_H - 20}" pointer-events="all"/>',
        f'<path class="line" d="M{before + cell_w / 2:g} {middle:g}H{x - cell_w / 2:g}"/>'
        f'<path class="line" d="M{before + 9:g} {bottom:g}C{before + 9:g} {bottom + 12:g} '
        f'{x - 9:g} {CELL_Y - 13:g} {x - 9:g} {CELL_Y:g}"/>'
        if t
        else "",
        f'<path class="line" d="M{x:g} {CELL_Y:g}V{bottom + 4:g}"/>',
        _tip_up(x, bottom + 1),
        f'<rect class="cell" x="{x - cell_w / 2:g}" y="{CELL_Y}" width="{cell_w:g}" '
        f'height="{CELL_H}" rx="6"/>',
        f'<text class="number" x="{x:g}" y="{middle + 4:g}">{t + 1}</text>',
        _rect(chip, "hole", 6),
        _rect(chip, "chip bare" if decision.kind == "op" else "chip", 6),
        f'<rect class="tinted {_chip_tone(scene, t, picks)}" x="{x - w / 2:g}" y="{CHIP_Y}" '
        f'width="{w:g}" height="{CHIP_H}" rx="6"/>',
        *_token(scene, t, x, picks),
        f'<text class="small kind" x="{x:g}" y="{KIND_Y}">{kind}</text>',
        "</g>",
    ]


def _tip_up(x: float, y: float) -> str:
    return f'<path class="tip" d="M{x:g} {y:g}l-3.2 5h6.4z"/>'


def _chip_tone(scene: Scene, t: int, picks: tuple[int, ...] | None) -> str:
    decision = scene.plan[t]
    if decision.kind != "op":
        return "none"
    if scene.colour == "layer":
        return f"at-{_tone(decision.at)}"
    return f"op-{scene.space.ops[picks[0]]}" if picks else "none"


def _token(scene: Scene, t: int, x: float, picks: tuple[int, ...] | None) -> list[str]:
    lines = scene.token(t, picks) if picks is not None else ("", "")
    middle = CHIP_Y + CHIP_H / 2
    heights = (middle + 4,) if len(lines) == 1 else (middle - 2.5, middle + 10.5)
    return [
        f'<text class="token" x="{x:g}" y="{y:g}">{escape(line)}</text>'
        for line, y in zip(lines, heights, strict=True)
    ]


# ---------------------------------------------------------------- stills

EDGE = 20  # white margin of a still
PANEL_LINE = 21


def still(
    scene: Scene,
    architecture: Architecture,
    episode: Episode | None = None,
    step: int | None = None,
    above: Sequence[Block] = (),
    hint: str = "",
) -> str:
    """A picture that stands alone. Of an architecture: the network. Of an episode: the controller
    above it; at a step also the sentence and the probabilities of that step. above: what comes
    before all that. hint: a last line for the reader."""
    played = episode is not None and bool(episode.steps)
    now = len(scene.plan) if step is None else step
    blocks: list[Block] = list(above)
    if played:
        blocks.append((strip_parts(scene, architecture, now), scene.strip.width, STRIP_H + 14))
    wide = max([scene.layout.width, *(w for _, w, _ in blocks), 560 if played else 0])
    recorded = episode.steps[step] if played and step is not None else None
    if recorded is not None:
        told = [_told(scene, t, each, wide) for t, each in enumerate(episode.steps)]
        room = max(height for _, _, height in told)  # what follows stands where it does at any step
        blocks.append((told[step][0], wide, room))
    network = (network_parts(scene, architecture, now), scene.layout.width, scene.layout.height + 8)
    blocks.append(network)
    blocks.append(_legend(scene, wide))
    for text in filter(None, (facts(episode), episode.note) if episode else ()):
        blocks += [_paragraph(line, wide) for line in wrap(text, wide, 11)]
    if hint:
        blocks.append(_paragraph(hint, wide, "kicker"))
    parts, y = [], EDGE
    for block, width, height in blocks:
        dx = EDGE + max(0, (wide - width) / 2)
        parts.append(f'<g transform="translate({dx:g} {y:g})">{"".join(block)}</g>')
        y += height
    caption = scene.caption(step, recorded) if recorded is not None else describe(architecture)
    return standalone("".join(parts), wide + 2 * EDGE, y + EDGE - 8, caption)


def describe(architecture: Architecture) -> str:
    """The finished network in one sentence, for those who do not see it."""
    space = architecture.space
    layers = []
    for k, op in enumerate(space.op_names(architecture)):
        sources = [f"layer {t}" if t else "the stem" for t in space.sources(architecture, k)]
        skips = f" with skips from {', '.join(sources)}" if sources else ""
        layers.append(f"layer {k + 1} {OPERATIONS[op][2]}{skips}")
    return f"A network of {space.layers} layers: {'; '.join(layers)}."


def _told(scene: Scene, step: int, recorded: Step, wide: float) -> Block:
    """The step in words, and beside it the probability of every option."""
    left = min(360, wide * 0.42)
    height = scene.panel_rows * PANEL_LINE
    question = scene.question(step)
    parts = [f'<text class="kicker start" x="0" y="14">{scene.count(step)}</text>']
    y = 38
    for line in wrap(question[:1].upper() + question[1:], left, 17):
        parts.append(f'<text class="title start" x="0" y="{y}">{escape(line)}</text>')
        y += 22
    for line in wrap(scene.answer(step, recorded), left, 13.5):
        parts.append(f'<text class="body start" x="0" y="{y}">{escape(line)}</text>')
        y += 19
    parts += _panel(scene, scene.bars(step, recorded), left + 28, wide - left - 28)
    return parts, wide, max(height, y) + 24


def _panel(scene: Scene, bars: tuple[Bar, ...], x: float, width: float) -> list[str]:
    lines = scene.panel_rows
    columns = max(1, -(-len(bars) // lines))
    column = min(width / columns, 400)
    parts = []
    for i, bar in enumerate(bars):
        left, y = x + (i // lines) * column, (i % lines) * PANEL_LINE
        parts.append(_bar(scene, bar, left, y, column - 14))
    return parts


def _bar(scene: Scene, bar: Bar, x: float, y: float, width: float) -> str:
    name, after = 74, 120 if bar.op else 92
    track = max(20, width - name - after)
    tone = f" op-{bar.op}" if bar.op and scene.colour == "op" else ""
    end = x + name + track
    pill = end + 48
    wash = f'<rect class="wash" x="{x - 6:g}" y="{y:g}" width="{width + 12:g}" height="20" rx="5"/>'
    tick = f'<path class="tick" d="M{pill - 3.5:g} {y + 10:g}l2.5 2.6 4.4 -5.2"/>'
    return (
        f'<g class="{"picked" if bar.picked else "other"}">'
        + wash * bar.picked
        + f'<text class="start" x="{x:g}" y="{y + 14:g}">{escape(bar.label)}</text>'
        f'<rect class="track" x="{x + name:g}" y="{y + 5:g}" width="{track:g}" height="10" rx="2"/>'
        f'<rect class="share{tone}" x="{x + name:g}" y="{y + 5:g}" '
        f'width="{track * bar.probability:.1f}" height="10" rx="2"/>'
        f'<text class="start" x="{end + 8:g}" y="{y + 14:g}">{bar.probability:.2f}</text>'
        f'<circle class="pill" cx="{pill:g}" cy="{y + 10:g}" r="6.5"/>'
        + tick * bar.picked
        + f'<text class="word start" x="{pill + 12:g}" y="{y + 14:g}">{bar.answer}</text></g>'
    )


def _legend(scene: Scene, wide: float) -> Block:
    items = [(name, OPERATIONS[name][2]) for name in scene.space.ops]
    items.append(("skip", merge_words(scene)))
    x, y, parts = 0.0, 12.0, []
    for name, text in items:
        width = 24 + 6 * len(text) + 16
        if x and x + width > wide:
            x, y = 0.0, y + 22
        parts.append(_legend_icon(scene, name, x + 9, y - 4))
        parts.append(f'<text class="small start" x="{x + 24:g}" y="{y:g}">{text}</text>')
        x += width
    return parts, wide, y + 22


def _legend_icon(scene: Scene, name: str, x: float, y: float) -> str:
    if name == "skip":
        return _merge_icon(scene, x, y)
    tone = f"op-{name}" if scene.colour == "op" else "pixel"
    return f'<g class="{tone}"><use x="{x:g}" y="{y:g}" href="#{PREFIX}i-{name}"/></g>'


def _merge_icon(scene: Scene, x: float, y: float) -> str:
    return ring(scene.merge, x, y)


def ring(merge: str, x: float, y: float) -> str:
    """A merge point with its sign."""
    return (
        f'<circle class="ring" cx="{x:g}" cy="{y:g}" r="{MERGE_R:g}"/>'
        f'<path class="sign" d="{_sign(merge, x, y)}"/>'
    )


def merge_words(scene: Scene) -> str:
    """What the sign at a merge point means."""
    return f"skips are {'added' if scene.merge == 'add' else 'concatenated'} here"


def _paragraph(line: str, wide: float, name: str = "small") -> Block:
    return [f'<text class="{name} start" x="0" y="12">{escape(line)}</text>'], wide, 18


def wrap(text: str, width: float, size: float) -> list[str]:
    """Lines no wider than `width` at font size `size`, by a generous guess of a letter's width."""
    limit = max(12, int(width / (0.56 * size)))
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def standalone(parts: str, width: float, height: float, caption: str) -> str:
    prefix = f"e{hashlib.sha256(parts.encode()).hexdigest()[:8]}-"
    parts = parts.replace(f'id="{PREFIX}', f'id="{prefix}').replace(
        f'href="#{PREFIX}', f'href="#{prefix}'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<title>A network that a controller built</title><desc>{escape(caption)}</desc>"
        f"<style>{styles()}</style>"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>{parts}</svg>'
    )


@cache
def palette() -> dict[str, tuple[str, str]]:
    """Every colour by its variable: (light, dark)."""
    css = (STATIC / "enas_viz.css").read_text(encoding="utf-8")
    found = re.findall(r"(--enas-[\w-]+): light-dark\((#\w+), (#\w+)\)", css)
    return {name: (light, dark) for name, light, dark in found}


@cache
def styles() -> str:
    """The rules of a drawing with the light palette filled in, for pictures that stand alone."""
    css = (STATIC / "enas_viz.css").read_text(encoding="utf-8")
    part = css.partition("drawing: begin")[2].partition("/* ==== drawing: end")[0]
    part = part.partition("*/")[2]
    filled = re.sub(r"var\((--enas-[\w-]+)\)", lambda m: palette()[m[1]][0], part)
    return re.sub(r"\s*\n\s*", "", filled)
