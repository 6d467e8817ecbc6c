"""A macro network in a stack: a slab for each layer, with the operation on it and its skips.

Not here: the ends, the wire between the slabs and the sizes below (`stack`).
"""

from __future__ import annotations

from collections.abc import Sequence

from enas_viz.facts.cost import tensor_sizes
from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.view.layout import MERGE_R, Box
from enas_viz.view.shapes import PREFIX, rect, ring, symbols
from enas_viz.view.slabs import AXIS, TALLEST, Plan, Slab

AUXILIARY = False  # whether a second classifier may help training


def article_block(x: Architecture | Episode, **sizes: object) -> Plan | None:
    """The article's block around its cell; a macro network has no cell."""
    return None


def layers_of(space: MacroSpace, layers: int | None) -> int | None:
    """How many slabs there are. ValueError where `layers` asks for any: the space has them."""
    if layers is not None:
        raise ValueError("a macro network has the layers of its space; leave out layers=")
    return space.layers


def stem_channels(plan: Plan) -> int:
    """How many channels the stem makes of an image."""
    return plan.filters


def slabs(plan: Plan) -> list[Slab]:
    """The layers in order, with the sizes of what comes out of them."""
    space = plan.architecture.space
    sizes = tensor_sizes(space, plan.filters, plan.resolution)[1:]
    names, found = space.op_names(plan.architecture), []
    for k, (op, (channels, height, width)) in enumerate(zip(names, sizes, strict=True)):
        halvings = sum(p < k for p in space.pool_after())
        if plan.final:  # a network of its own widens at each reduction
            channels *= 2**halvings
        skips = len(space.sources(plan.architecture, k))
        found.append(Slab("op", (channels, height, width), halvings, op, skips))
    return found


def before_slabs(plan: Plan, found: Sequence[Slab], boxes: Sequence[Box]) -> list[str]:
    """Nothing: layers are joined by the wire between them."""
    return []


def after_slabs(plan: Plan, boxes: Sequence[Box], gap: float) -> list[str]:
    """Where skips come in, on the wire behind a layer, or before it where they are its input."""
    space, merge = plan.architecture.space, plan.merge
    parts, scale = [], min(1.0, (gap - 4) / (2 * MERGE_R))
    for k, box in enumerate(boxes[1:-1]):  # boxes begin with image and stem: the one before layer k
        behind = box if merge == "input" else boxes[k + 2]
        joined = space.sources(plan.architecture, k)
        if len(joined) > (merge == "input"):  # one alone is read as it is
            at = f"translate({behind.right + 0.4 * gap:g} {AXIS:g}) scale({scale:.3g})"
            parts.append(f'<g transform="{at}">{ring(merge, 0, 0)}</g>')
    return parts


def defs(plan: Plan) -> list[str]:
    """The symbols that the slabs use."""
    return [symbols(plan.architecture.space.ops, "above")]


def slab_parts(slab: Slab, box: Box, k: int) -> list[str]:
    """One layer."""
    skips = f"{slab.skips} skip{'' if slab.skips == 1 else 's'}" if slab.skips else ""
    scale = min(1.0, box.w / 46)
    return [
        rect(box, f"face op-{slab.op}", 7),
        f'<g class="op-{slab.op}" transform="translate({box.x:g} {AXIS:g}) '
        f'scale({scale:.3g})"><use href="#{PREFIX}{slab.op}"/></g>',
        _over(box, f"layer {k + 1}", 20) if box.w >= 34 or k % 2 == 0 else "",
        _over(box, skips, 7) if box.w >= 34 else "",
    ]


def _over(box: Box, words: str, up: float) -> str:
    return f'<text class="small" x="{box.x:g}" y="{AXIS - TALLEST / 2 - up:g}">{words}</text>'


def describe(plan: Plan, found: Sequence[Slab]) -> str:
    """The stack in a sentence, for those who do not see it."""
    listed, plural = ", ".join(s.op.title for s in found), "" if len(found) == 1 else "s"
    r = plan.resolution
    return f"A network of {len(found)} layer{plural} on images of {r} by {r} pixels: {listed}."
