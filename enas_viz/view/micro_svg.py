"""Markup of a pair of cells and of the controller that decided them.

Not here: coordinates (`micro_layout`), words (`scene`), the frame around it (`svg`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from enas_viz.spaces import Architecture
from enas_viz.view.layout import MERGE_R, Box
from enas_viz.view.micro_layout import (
    ARTICLE_FIRST,
    BRACKET_Y,
    CHIP_H,
    CHIP_Y,
    INPUTS,
    KIND_Y,
    LSTM_H,
    LSTM_Y,
    ROW_H,
    SIDES,
    TITLE,
    CellLayout,
    Node,
)
from enas_viz.view.scene import CELL_NAMES, MicroScene
from enas_viz.view.shapes import PREFIX, node_tone, rect, ring, symbols, tip, token_text

ABOUT = {
    "normal": "keeps height and width",
    "reduction": "halves height and width, doubles the channels",
}

HEAD = "m-3.4 -5.4l3.4 5.4l3.4 -5.4"  # of a wire that comes from above, drawn in one go with it

Look = Callable[[int, int | None], str]  # (born, option) -> the tense of a shape


def network_parts(
    scene: MicroScene, architecture: Architecture | None = None, now: int = -1
) -> list[str]:
    """The cells at step `now`; without an architecture nothing is decided."""
    picks = scene.picks(architecture) if architecture else ()
    parts = [symbols(scene.space.ops, "beside")]
    for c in range(len(scene.space.cells)):
        parts += cell_parts(scene, c, picks, now)
    return parts


@cache
def _steps_of(scene: MicroScene) -> dict[tuple[str, int, int, int], int]:
    """The step that decides something: by its kind, cell, tensor and side."""
    cells = scene.space.cells
    return {(d.kind, cells.index(d.cell), d.at, d.side): t for t, d in enumerate(scene.plan)}


def cell_parts(
    scene: MicroScene, c: int, picks: tuple[tuple[int, ...], ...], now: int
) -> list[str]:
    place, name = scene.layout.cells[c], scene.space.cells[c]
    about = scene.turns[now].at if picks and 0 <= now < len(picks) else ""

    def look(born: int, option: int | None = None) -> str:
        home = scene.homes[born]
        if not picks or home > now:
            return "future"
        on = option is None or picks[born][0] == option
        if home == now:
            return "now" if on else "rejected"
        return "past" if on else "out"

    words = f"{CELL_NAMES[name][0].upper()}{CELL_NAMES[name][1:]}"
    heading = [
        f'<text class="small start" x="2" y="{place.top + TITLE:g}"><tspan class="strong">{words}'
        f"</tspan>: {ABOUT[name]}</text>"
    ]
    return [
        *(_frame(place, name) if scene.as_article else heading),
        *(_finished if scene.as_article else _inputs)(scene, c, place, about),
        *(
            part
            for n in range(scene.space.nodes)
            for part in _node(scene, c, n, picks, look, about)
        ),
        '<g class="arcs">',  # over the boxes, whose halos would hide the arrow heads
        *_edges(scene, c, place, look, bool(picks)),
        "</g>",
        *_sources(scene, c, place, picks, look),
        *_output(scene, c, place, picks, look),
    ]


def _inputs(scene: MicroScene, c: int, place: CellLayout, about: str) -> list[str]:
    """The cell's two inputs: always there, never decided."""
    parts = []
    for tensor, box in enumerate(place.inputs):
        step = _steps_of(scene)["silent", c, tensor, 0]
        at, face = f"{c}.{tensor}", _colour(scene, tensor)
        parts += [
            f'<g class="layer past{" about" if at == about else ""}" data-born="{step}" '
            f'data-at="{at}" data-fixed="">',
            rect(box, f"fixed face{face}" if face else "fixed", 7),
            f'<text x="{box.x:g}" y="{box.y + 4:g}"><tspan class="strong">{tensor + 1}</tspan> '
            f"{scene.inputs(scene.space.cells[c])[tensor]}</text>",
            "</g>",
        ]
    return parts


def _frame(place: CellLayout, name: str) -> list[str]:
    """As the article has it: around what is being built a frame, beside it what is finished."""
    left, right = ARTICLE_FIRST - 8, place.join[0] + MERGE_R + 8
    top, bottom = place.top + 2, place.top + place.height
    cell = "Cell 3" if name == "normal" else "Reduction cell"
    return [
        rect(Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top), "band", 10),
        f'<text class="small start" x="2" y="{place.top + TITLE:g}">finished cells</text>',
        f'<text class="small start" x="{left + 10:g}" y="{place.top + TITLE:g}">'
        f'<tspan class="strong">{cell}</tspan>: {ABOUT[name]}</text>',
    ]


def _finished(scene: MicroScene, c: int, place: CellLayout, about: str) -> list[str]:
    """The two cells before, each ending in the addition whose result this cell calls a node."""
    parts = []
    for tensor, box in enumerate(place.inputs):
        step = _steps_of(scene)["silent", c, tensor, 0]
        at = f"{c}.{tensor}"
        parts += [
            f'<g class="layer past{" about" if at == about else ""}" data-born="{step}" '
            f'data-at="{at}" data-fixed="">',
            rect(box, f"fixed face{_colour(scene, tensor)}", 7),
            f'<text x="{box.x - 4:g}" y="{box.y - 3:g}"><tspan class="strong">'
            f"{scene.inputs(scene.space.cells[c])[tensor]}</tspan></text>",
            f'<text class="small" x="{box.x - 4:g}" y="{box.y + 13:g}">its output is node '
            f"{tensor + 1}</text>",
            ring("add", box.right, box.y),
            "</g>",
        ]
    return parts


def _edges(scene: MicroScene, c: int, place: CellLayout, look: Look, decided: bool) -> list[str]:
    """The inputs of nodes: every candidate for the browser, of a decided cell those that show."""
    order = {"future": 0, "out": 0, "rejected": 1, "past": 2, "now": 3}  # "now" lies on top
    found = []
    for (n, side, source), wire in place.edges.items():
        born = _steps_of(scene)["index", c, n + INPUTS, side]
        tense = look(born, source)
        if decided and not order[tense]:
            continue
        markup = (
            f'<path class="arc rail {tense}{_line_colour(scene, source)}" d="{wire.path}{HEAD}" '
            f'stroke-width="1.8" data-born="{born}" data-row="{source}"/>'
        )
        found.append((order[tense], markup))
    return [markup for _, markup in sorted(found, key=lambda pair: pair[0])]


def _sources(
    scene: MicroScene, c: int, place: CellLayout, picks: tuple[tuple[int, ...], ...], look: Look
) -> list[str]:
    """At the end of every input's wire, the number of the node that it comes from."""
    parts = []
    for n, node in enumerate(place.nodes):
        for side, box in zip(SIDES, node.boxes, strict=True):
            born = _steps_of(scene)["index", c, n + INPUTS, side]
            words = picks[born][0] + 1 if picks else ""
            parts.append(
                f'<text class="from {look(born, None)}" x="{box.x - 6:g}" '
                f'y="{box.y - box.h / 2 - 8:g}" data-born="{born}">{words}</text>'
            )
    return parts


def _node(
    scene: MicroScene,
    c: int,
    n: int,
    picks: tuple[tuple[int, ...], ...],
    look: Look,
    about: str,
) -> list[str]:
    """A computed node: its two operations, and the point where they are added."""
    node, tensor = scene.layout.cells[c].nodes[n], n + INPUTS
    steps, at = _steps_of(scene), f"{c}.{tensor}"
    is_about = " about" if at == about else ""
    parts = []
    for side in SIDES:
        born = steps["op", c, tensor, side]
        op = scene.space.ops[picks[born][0]] if picks else ""
        parts += _op(scene, node, side, tensor, op, born, at, look, is_about)
    last = steps["silent", c, tensor, 0]
    born = steps["op", c, tensor, 1]
    parts += [
        f'<g class="merge {look(born)}" data-born="{born}">',
        ring("add", node.x, node.y),
        "</g>",
        f'<g class="layer {look(last)}{is_about}" data-born="{last}" data-at="{at}">',
        f'<text class="small end" x="{node.x - MERGE_R - 5:g}" y="{node.y + 20:g}">node '
        f"{tensor + 1}</text>",
        "</g>",
    ]
    return parts


def _op(
    scene: MicroScene,
    node: Node,
    side: int,
    tensor: int,
    op: str,
    born: int,
    at: str,
    look: Look,
    about: str,
) -> list[str]:
    box = node.boxes[side]
    head = f"M{node.x - MERGE_R:g} {node.y:g}m-4.6 -3.1l4.6 3.1l-4.6 3.1"
    if side:
        head = f"M{node.x + MERGE_R:g} {node.y:g}m4.6 -3.1l-4.6 3.1l4.6 3.1"
    face = _colour(scene, tensor).strip() or (f"op-{op}" if op else "")
    use = f' href="#{PREFIX}{op}"' if op else ""
    return [
        f'<g class="layer {look(born)}{about}" data-born="{born}" data-at="{at}">',
        f'<path class="line" d="{node.sums[side].path}"/><path class="line head" d="{head}"/>',
        rect(box, "slot", 7),
        rect(Box(box.x, box.y, box.w + 6, box.h + 7), "halo", 9),
        rect(box, "back", 7),
        rect(box, f"face {face}", 7),
        f'<g class="label {"op-" + op if op else ""}"><use x="{box.x:g}" y="{box.y:g}"{use}/></g>',
        "</g>",
    ]


def _output(
    scene: MicroScene, c: int, place: CellLayout, picks: tuple[tuple[int, ...], ...], look: Look
) -> list[str]:
    """Loose ends on their way to the cell's output."""
    born = _steps_of(scene)["silent", c, scene.space.nodes + 1, 0]
    tense = look(born, None)
    shown = tense != "future"
    ends = scene.loose_ends(dict(enumerate(picks)), c) if shown else ()
    parts = []
    first = 0 if scene.counts_inputs else INPUTS
    for tensor, wire in place.loose.items():
        if tensor < first:
            continue
        is_loose = tense if tensor in ends or not shown else "out"
        if picks and is_loose in ("out", "future"):
            continue
        parts.append(
            f'<path class="arc rail {is_loose}{_line_colour(scene, tensor)}" d="{wire.path}" '
            f'stroke-width="1.8" data-born="{born}" data-loose="{c}.{tensor}"/>'
        )
    x, y = place.join
    join = tense if len(ends) > 1 or not shown else "out"
    wire = "future" if tense == "future" else "past"
    return [
        *parts,
        f'<g class="end-wire {wire}" data-born="{born}" data-wire="">',
        f'<path class="line" d="M{x - MERGE_R:g} {y:g}H{place.output.left - 3:g}"/>',
        tip(place.output.left - 1, y, "right"),
        "</g>",
        f'<g class="merge {join}" data-born="{born}" data-loose="{c}.join">',
        ring("concat", x, y),
        "</g>",
        rect(place.output, "fixed", 7),
        f'<text x="{place.output.x:g}" y="{y + 4:g}">output</text>',
    ]


def _colour(scene: MicroScene, tensor: int) -> str:
    """In colour="node" a node's boxes have its colour."""
    return f" {node_tone(tensor)}" if scene.colour == "node" else ""


def _line_colour(scene: MicroScene, tensor: int) -> str:
    """And the wires that leave it."""
    return f" tone {node_tone(tensor)}" if scene.colour == "node" else ""


# ---------------------------------------------------------------- the controller's strip


def strip_parts(
    scene: MicroScene, architecture: Architecture | None = None, now: int = -1
) -> list[str]:
    """The controller: a row for each cell, a step for each decision, what it sampled above."""
    place = scene.strip
    picks = scene.picks(architecture) if architecture else ()
    parts = []
    for c, name in enumerate(scene.space.cells):
        y = c * ROW_H
        parts += [
            f'<text class="small end" x="66" y="{y + CHIP_Y + 18:g}">sampled</text>',
            f'<text class="small end" x="66" y="{y + LSTM_Y + 16:g}">LSTM step</text>',
            f'<text class="small end strong" x="66" y="{y + KIND_Y:g}">{name}</text>',
            f'<text class="small end strong" x="66" y="{y + KIND_Y + 13:g}">cell</text>',
        ]
    for tensor, x1, x2, y in place.groups:
        begins = tensor < INPUTS  # two steps that decide nothing
        if begins and architecture and not scene.silent:
            continue
        words, quiet = (str(tensor + 1), " quiet") if begins else (f"node {tensor + 1}", "")
        parts.append(
            f'<path class="rule{quiet}" d="M{x1 + 2:g} {y + BRACKET_Y:g}v4H{x2 - 2:g}v-4"/>'
            f'<text class="small{quiet}" x="{(x1 + x2) / 2:g}" y="{y + BRACKET_Y + 16:g}">{words}'
            "</text>"
        )
    for t in range(len(scene.plan)):
        tense = "future" if not architecture or t > now else "now" if t == now else "past"
        parts += _step(scene, t, tense, picks[t] if architecture else None)
    return parts


def _step(scene: MicroScene, t: int, tense: str, picks: tuple[int, ...] | None) -> list[str]:
    """A step: the LSTM, fed by what the step before sampled, and what it sampled itself.

    Every node begins with the start vector, so that no arrow leads to its first step. The browser
    gets silent steps, too: hidden as long as its drawing is `folded`.
    """
    decision, (x, y, width) = scene.plan[t], scene.strip.steps[t]
    silent, shown = decision.kind == "silent", t in scene.numbers
    top, middle = y + LSTM_Y, y + LSTM_Y + LSTM_H / 2
    chip = Box(x, y + CHIP_Y + CHIP_H / 2, width - 4, CHIP_H)
    half = _half(width)
    bottom = chip.y + CHIP_H / 2
    words = scene.token(t, picks) if picks is not None else ("", "")
    number = scene.numbers.get(t, "")
    box = [
        f'<rect class="cell" x="{x - half:g}" y="{top:g}" width="{2 * half:g}" '
        f'height="{LSTM_H}" rx="5"/>',
        f'<text class="number" x="{x:g}" y="{middle + 4:g}">{number}</text>',
        f'<text class="small kind" x="{x:g}" y="{y + KIND_Y:g}">{scene.turns[t].short}</text>',
    ]
    fed, begins = "", t == 0 or scene.strip.steps[t - 1][1] != y
    feeds = (
        scene.homes[t - 1] if scene.as_article and not silent else t - 1
    )  # all, says the article
    if not begins and feeds < t and scene.plan[feeds].kind != "silent":
        start = scene.strip.steps[feeds][0] + 5
        fed = (
            f'<path class="line" d="M{start:g} {bottom:g}C{start:g} {bottom + 11:g} {x - 5:g} '
            f'{top - 11:g} {x - 5:g} {top:g}"/>'
        )
    if silent and not shown and picks is not None:  # of a still; the browser may unfold it
        box, fed = [], ""
    if silent:
        box = [f'<g class="quiet">{fed}', *box, "</g>"]
        fed = ""
    return [
        f'<g class="step {tense}" data-step="{t}">',
        f'<rect class="none hit" x="{x - width / 2:g}" y="{y:g}" width="{width:g}" '
        f'height="{ROW_H - 18}" pointer-events="all"/>',
        "" if begins else _before(scene, t, x + half * silent, middle, picks is not None),
        fed,
        "" if silent else f'<path class="line" d="M{x:g} {top:g}V{bottom + 4:g}"/>',
        *box,
        *(
            ()
            if silent
            else (
                tip(x, bottom + 1, "up"),
                rect(chip, "hole", 5),
                rect(chip, "chip bare" if decision.kind == "op" else "chip", 5),
                rect(chip, f"tinted {_chip_colour(scene, t, picks)}", 5),
                *token_text(words, x, chip.y),
            )
        ),
        "</g>",
    ]


def _before(scene: MicroScene, t: int, x: float, y: float, still: bool) -> str:
    """The LSTM's state on its way from the step before, up to `x`; at both ends of a row only where
    the silent steps there are shown."""
    (last, _, width), before, here = scene.strip.steps[t - 1], scene.plan[t - 1], scene.plan[t]
    last_node = here.at == scene.space.nodes + 1
    quiet = before.at < INPUTS or (last_node and here.kind == "silent")
    if quiet and still and not scene.silent:
        return ""
    look = "line quiet" if quiet else "line"
    return f'<path class="{look}" d="M{last + _half(width):g} {y:g}H{x:g}"/>'


def _half(width: float) -> float:
    """Half the width of the LSTM's box, of a step of this width."""
    return max(0.0, min(30, width - 3) / 2)


def _chip_colour(scene: MicroScene, t: int, picks: tuple[int, ...] | None) -> str:
    decision = scene.plan[t]
    if scene.colour == "node":
        return node_tone(decision.at)
    if decision.kind != "op":
        return "none"
    return f"op-{scene.space.ops[picks[0]]}" if picks else "none"


# ---------------------------------------------------------------- words


def signs(scene: MicroScene) -> list[tuple[str, str]]:
    """For the legend: signs of the drawing at (0, 0), and what they mean."""
    return [
        (ring("add", 0, 0), "a node adds its two operations"),
        (ring("concat", 0, 0), "loose ends are joined here"),
    ]


def cells(scene: MicroScene) -> dict[str, Any]:
    """Of a pair of cells, where in the drawing each of them is: the browser shows one at a time.
    Its title is left out, since there is a button with that name."""
    if len(scene.space.cells) < 2:
        return {}
    title = TITLE + 8
    return {
        "cells": [
            {
                "name": CELL_NAMES[name].capitalize(),
                "about": ABOUT[name],
                "top": cell.top + title,
                "height": cell.height - title,
            }
            for name, cell in zip(scene.space.cells, scene.layout.cells, strict=True)
        ]
    }


def describe(scene: MicroScene, architecture: Architecture) -> str:
    """The finished cells in a sentence each, for those who do not see them."""
    space, told = architecture.space, []
    for name, nodes in zip(space.cells, architecture.content, strict=True):
        sums = [
            f"node {n} adds {space.ops[a].title} of node {i + 1} and "
            f"{space.ops[b].title} of node {j + 1}"
            for n, (i, j, a, b) in enumerate(nodes, start=INPUTS + 1)
        ]
        told.append(f"A {CELL_NAMES[name]}: {'; '.join(sums)}.")
    return " ".join(told)
