"""Markup of a macro supernet with every path, each as strong as it was trained, one network lit.

Layers from left to right, in each a thread through every operation; above them the skips.
Not here: cells (`micro_sharing`), what is counted (`inheritance`), words around the picture
(`sharing`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.view.layout import MARGIN, MERGE_R, Box
from enas_viz.view.shapes import PREFIX, rect, ring, symbols, tip
from enas_viz.view.sharing_svg import State, grown, in_order, short_count

THREAD = 16  # width of a thread that every minibatch took
SKIP = 2.6  # and of a skip
KNOT_W, KNOT_H = 42, 22  # of a macro operation's box
PITCH_X, PITCH_Y = 86, 31  # from layer to layer, from operation to operation
NAMES = 92  # room for the names on the left
END_W = 68
ENTRY = 26  # from where a layer's tensor ends to where the next one's input is joined

THINGS = "operations"  # what of a network is trained

Sign = tuple[str, str]  # a mark at (0, 0), and the key of its words


def operations(space: MacroSpace) -> int:
    """How many paths are operations; they come first, then skips."""
    return space.layers * len(space.ops)


def bare(space: MacroSpace, stride2: bool = False) -> set[int]:
    """The paths that have no weights: none."""
    return set()


def facts(space: MacroSpace, merge: str) -> dict[str, object]:
    """What the browser needs to number paths."""
    wiring = {"wiring": space.wiring, "merge": merge}
    return {"layers": space.layers, **wiring, "nodes": 0, "cells": []}


def places(architecture: Architecture, merge: str) -> list[dict[str, object]]:
    """What the words for each operation of a network hold, in the order of its paths."""
    space = architecture.space
    names = space.op_names(architecture)
    return [{"op": names[k].label, "layer": k + 1} for k in space.reached(architecture, merge)]


def input_names(space: MacroSpace, header: object) -> dict[str, tuple[str, ...]]:
    """Of every cell, what its two inputs are called; here there are none."""
    return {}


def signs(space: MacroSpace, merge: str) -> list[Sign]:
    """For the legend."""
    thick = f'<g class="op-{space.ops[0]}"><path class="thread" d="M-9 0H9" stroke-width="7"/></g>'
    arc = '<path class="skip" d="M-9 5A9 9 0 0 1 9 5" stroke-width="1.6"/>'
    return [(thick, "thread"), (arc, merge)]


def picture(
    space: MacroSpace,
    state: State,
    merge: str,
    named: Mapping[str, tuple[str, ...]],
    without: Collection[int],
) -> tuple[list[str], float, float]:
    """As `sharing.picture`."""
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
    parts += in_order(_skips(space, joints, ends, top, tallest, state), state.lit)
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
    parts += in_order(ways, state.lit)
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
