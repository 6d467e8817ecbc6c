"""Markup of a macro network and of the controller that decided it.

Not here: coordinates (`layout`), words (`scene`), the frame around it (`svg`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from enas_viz.spaces import Architecture
from enas_viz.view.layout import (
    BRACKET_Y,
    CELL_H,
    CELL_Y,
    CHIP_H,
    CHIP_Y,
    KIND_Y,
    MERGE_R,
    STRIP_H,
    TAP,
    Arc,
    Box,
)
from enas_viz.view.scene import MacroScene
from enas_viz.view.shapes import PREFIX, rect, ring, symbols, tip, token_text, tone

# (the step that decides a shape; of a skip which of its draws, and whether it is there, too, where
# nothing was chosen) -> its tense
Look = Callable[..., str]


# ---------------------------------------------------------------- the network


def network_parts(
    scene: MacroScene, architecture: Architecture | None = None, now: int = -1
) -> list[str]:
    """The child network at step `now`; without an architecture nothing is decided."""
    place = scene.layout
    look = _look(scene, architecture, now)
    ops = scene.space.op_names(architecture) if architecture else ()
    about = scene.plan[now].at if architecture and 0 <= now < len(scene.plan) else -1
    arcs = [(look(a.born, a.row, a.otherwise), a) for a in place.arcs]
    order = {"future": 0, "out": 0, "rejected": 1, "past": 2, "now": 3}  # "now" lies on top
    if architecture:
        arcs = sorted((pair for pair in arcs if order[pair[0]]), key=lambda pair: order[pair[0]])
    return [
        symbols(scene.space.ops, "above"),
        f'<path class="band" d="{place.band}"/>',
        *_stages(scene),
        '<g class="arcs">',
        *(
            f'<path class="arc {tense}{_colour(scene, a.source)}" d="{a.path}" stroke-width='
            f'"{a.weight:g}" data-born="{a.born}"{_when(a)}/>'
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


def _look(scene: MacroScene, architecture: Architecture | None, now: int) -> Look:
    picks = scene.picks(architecture) if architecture else ()

    def look(born: int, row: int | None = None, otherwise: bool = False) -> str:
        if not architecture or born > now:
            return "future"
        bits = picks[born]
        is_merge = row is None and scene.plan[born].kind == "skip"
        if is_merge:
            on = sum(bits) >= scene.least
        elif row is None:
            on = True
        else:
            on = (row >= 0 and bits[row]) or (otherwise and not any(bits))
        if born == now:
            return "now" if on else "out" if is_merge else "rejected"
        return "past" if on else "out"

    return look


def _when(arc: Arc) -> str:
    """For the browser: which draw of the step an arc stands for, and whether it stands for none."""
    return f' data-row="{arc.row}"' + (' data-none="1"' if arc.otherwise else "")


def _colour(scene: MacroScene, tensor: int) -> str:
    """In colour="layer" an arc has the colour of the layer it leaves."""
    return f" tone {tone(tensor - 1)}" if scene.colour == "layer" and tensor else ""


def _layer(scene: MacroScene, k: int, look: Look, op: str, about: bool) -> list[str]:
    """Layer k: the wire into it, its box, and behind it the point where skips are merged in."""
    place, box = scene.layout, scene.layout.boxes[k]
    op_step, skip_step = _steps_of(scene)[k]
    y, start = place.axis, place.taps[k] - 6  # where the wire into the box begins
    if scene.merge == "input" and k:
        start = place.merges[k]  # up to there it is an arc: whether it is there, was decided
    look_of = tone(k) if scene.colour == "layer" else f"op-{op}" if op else ""
    use = f' href="#{PREFIX}{op}"' if op else ""
    tense = look(op_step, None)
    parts = [
        f'<g class="layer {tense}{" about" if about else ""}" data-born="{op_step}" data-at="{k}">',
        f'<path class="line" d="M{start:g} {y:g}H{box.left - 3:g}"/>',
        tip(box.left - 1, y, "right"),
        f'<path class="line" d="M{box.right:g} {y:g}H{place.taps[k + 1] + 2:g}"/>',
        rect(box, "slot", 7),
        rect(Box(box.x, box.y, box.w + 9, box.h + 9), "halo", 10),
        rect(box, "back", 7),
        rect(box, f"face {look_of}", 7),
        f'<g class="label {"op-" + op if op else ""}"><use x="{box.x:g}" y="{box.y:g}"{use}/></g>',
        f'<text class="small" x="{box.x:g}" y="{place.label_y:g}">layer {k + 1}</text>',
        "</g>",
    ]
    if skip_step is not None:
        x = place.merges[k]
        parts += [
            f'<g class="merge {look(skip_step, None)}" data-born="{skip_step}" '
            f'data-merge="{scene.least}">',
            ring(scene.merge, x, y),
            tip(x, y - MERGE_R, "down"),
            "</g>",
        ]
    return parts


@cache
def _steps_of(scene: MacroScene) -> dict[int, tuple[int, int | None]]:
    ops = {d.at: t for t, d in enumerate(scene.plan) if d.kind == "op"}
    skips = {d.at: t for t, d in enumerate(scene.plan) if d.kind == "skip"}
    return {k: (t, skips.get(k)) for k, t in ops.items()}


def _ends(scene: MacroScene, look: Look) -> list[str]:
    """Image, stem and classifier: always there, never decided."""
    place = scene.layout
    y, image, stem, head = place.axis, place.image, place.stem, place.head
    last = len(scene.plan) - 1
    wire = "future" if look(last, None) == "future" else "past"  # whatever the last step chose
    pixels = "".join(
        f"M{image.left + 5 + 8 * i:g} {y - 15 + 8 * j:g}h6v6h-6z"
        for i, j in ((0, 3), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (0, 0))
    )
    into_stem = [
        f'<path class="line" d="M{image.right:g} {y:g}H{stem.left - 3:g}"/>',
        tip(stem.left - 1, y, "right"),
        rect(stem, "fixed", 7),
        f'<text x="{stem.x:g}" y="{y + 4:g}">stem</text>',
    ]
    return [
        rect(image, "fixed", 4),
        f'<path class="pixel" d="{pixels}"/>',
        f'<text class="small" x="{image.x:g}" y="{place.label_y:g}">image</text>',
        *(() if scene.as_article else into_stem),
        f'<path class="line" d="M{stem.right:g} {y:g}H{place.taps[0]:g}"/>',
        f'<g class="end-wire {wire}" data-born="{last}" data-wire="">',
        f'<path class="line" d="M{place.taps[-1]:g} {y:g}H{head.left - 3:g}"/>',
        tip(head.left - 1, y, "right"),
        "</g>",
        rect(head, "fixed", 7),
        f'<text x="{head.x:g}" y="{y + 4:g}">classifier</text>',
    ]


def _stages(scene: MacroScene) -> list[str]:
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
        x = (place.boxes[k].right + TAP + place.boxes[k + 1].left - 4) / 2
        parts.append(f'<text class="small strong" x="{x:g}" y="{place.stage_y - 12:g}">½</text>')
    return parts


def signs(scene: MacroScene) -> list[tuple[str, str]]:
    """For the legend: a sign of the drawing at (0, 0), and what it means."""
    words = {
        "add": "skips are added here",
        "concat": "skips are concatenated here",
        "input": "what a layer chose is concatenated here: its input",
    }
    return [(ring(scene.merge, 0, 0), words[scene.merge])]


def cells(scene: MacroScene) -> dict[str, Any]:
    """What the browser needs to show one cell at a time; layers are seen all at once."""
    return {}


def describe(scene: MacroScene, architecture: Architecture) -> str:
    """The finished network in one sentence, for those who do not see it."""
    space, merge = architecture.space, scene.merge
    joins, reached = merge != "input", space.reached(architecture, merge)
    layers = []
    for k, op in enumerate(space.op_names(architecture)):
        tensors = space.sources(architecture, k) if joins else space.inputs(architecture, k, merge)
        sources = ", ".join(f"layer {t}" if t else "the stem" for t in tensors)
        told = f" {'with skips from' if joins else 'of'} {sources}" if sources else ""
        unread = "" if k in reached else ", which nothing reads"
        layers.append(f"layer {k + 1} {op.title}{told}{unread}")
    plural = "" if space.layers == 1 else "s"
    return f"A network of {space.layers} layer{plural}: {'; '.join(layers)}."


# ---------------------------------------------------------------- the controller's strip


def strip_parts(
    scene: MacroScene, architecture: Architecture | None = None, now: int = -1
) -> list[str]:
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


def _cell(
    scene: MacroScene, t: int, x: float, tense: str, picks: tuple[int, ...] | None
) -> list[str]:
    place, decision = scene.strip, scene.plan[t]
    w, middle, before = place.pitch - 8, CELL_Y + CELL_H / 2, x - place.pitch
    chip = Box(x, CHIP_Y + CHIP_H / 2, w, CHIP_H)
    cell_w = min(34, place.pitch - 14)
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
        tip(x, bottom + 1, "up"),
        f'<rect class="cell" x="{x - cell_w / 2:g}" y="{CELL_Y}" width="{cell_w:g}" '
        f'height="{CELL_H}" rx="6"/>',
        f'<text class="number" x="{x:g}" y="{middle + 4:g}">{t + 1}</text>',
        rect(chip, "hole", 6),
        rect(chip, "chip bare" if decision.kind == "op" else "chip", 6),
        f'<rect class="tinted {_chip_tone(scene, t, picks)}" x="{x - w / 2:g}" y="{CHIP_Y}" '
        f'width="{w:g}" height="{CHIP_H}" rx="6"/>',
        *token_text(scene.token(t, picks) if picks is not None else ("", ""), x, chip.y),
        f'<text class="small kind" x="{x:g}" y="{KIND_Y}">{scene.turns[t].short}</text>',
        "</g>",
    ]


def _chip_tone(scene: MacroScene, t: int, picks: tuple[int, ...] | None) -> str:
    decision = scene.plan[t]
    if decision.kind != "op":
        return "none"
    if scene.colour == "layer":
        return tone(decision.at)
    return f"op-{scene.space.ops[picks[0]]}" if picks else "none"
