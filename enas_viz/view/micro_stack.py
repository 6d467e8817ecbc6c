"""A network of cells in a stack: its two cells again and again, or the article's block.

Three stages of normal cells, a reduction cell between two of them or at the end of each. The
article's cell is stacked to its block: three normal cells and a reduction cell.

Source: Pham et al. 2018, the figure of stacked cells. Not here: what is inside a cell
(`micro_svg`), the ends, the wire between the slabs and the sizes below (`stack`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from enas_viz.facts.cost import STEM_FACTOR, cell_places
from enas_viz.recipes import Fidelity, Recipe
from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture, MicroSpace
from enas_viz.view.given import is_the_articles
from enas_viz.view.layout import Box
from enas_viz.view.scene import CELL_NAMES
from enas_viz.view.shapes import rect, tip
from enas_viz.view.slabs import AXIS, Plan, Slab

LETTERS = 16  # the width that a cell's number takes, and the height of its name
AUXILIARY = True  # whether a second classifier may help training
BLOCK = (
    "The article's block: {layers}, each of which reads the two before it, and a reduction cell, "
    "which halves height and width. The article designs only the normal cell."
)


def article_block(
    x: Architecture | Episode,
    layers: int | None,
    filters: int | None,
    resolution: int | None,
    recipe: Recipe | str | None,
) -> Plan | None:
    """The article's block around its cell, None for another cell.

    ValueError for what the article does not tell of it.
    """
    if not is_the_articles(x if isinstance(x, Architecture) else x.architecture):
        return None
    for name, value in (("filters", filters), ("recipe", recipe)):
        if value is not None:
            raise ValueError(
                f"the article's block has no known channels and follows no recipe; leave out "
                f"{name}= (layers= and resolution= may be given)"
            )
    layers = layers or 3
    number = {1: "one normal cell", 3: "three normal cells"}.get(layers, f"{layers} normal cells")
    source = BLOCK.format(layers=number)
    fidelity = replace(Fidelity(), micro_reduction_search="stride2")
    return Plan(
        *(x, layers, 0, resolution or 0, False, 0, 0, source), fidelity=fidelity, block=True
    )


def layers_of(space: MicroSpace, layers: int | None) -> int | None:
    """How many normal cells are asked for. ValueError without a reduction cell."""
    if not space.is_pair:
        raise ValueError(
            "a network is stacked from a normal and a reduction cell; this architecture has a "
            f"{CELL_NAMES[space.cells[0]]} only"
        )
    return layers


def stem_channels(plan: Plan) -> int:
    """How many channels the stem makes of an image."""
    return plan.filters * STEM_FACTOR


def slabs(plan: Plan) -> list[Slab]:
    """The cells in order, with the sizes of what comes out of them."""
    space = plan.architecture.space
    if plan.block:
        sides = [math.ceil(plan.resolution / 2**halvings) for halvings in (0, 1)]
        normal = Slab("normal", (0, sides[0], sides[0]), 0, cell=0)
        return [normal] * plan.layers + [Slab("reduction", (0, sides[1], sides[1]), 1)]
    found = []
    for place in cell_places(plan.layers, plan.filters, plan.fidelity.micro_stack):
        side = math.ceil(plan.resolution / 2**place.halvings)
        cell = space.cells.index(place.kind)
        size = (place.channels, side, side)
        found.append(Slab(place.kind, size, place.halvings, cell=cell))
    return found


def before_slabs(plan: Plan, found: Sequence[Slab], boxes: Sequence[Box]) -> list[str]:
    """Every cell also reads the cell two back; as the search reduces, a reduction cell does not."""
    parts, n = [], len(boxes) - len(found)  # boxes begin with image and stem, or with the image
    for k, slab in enumerate(found):
        if slab.kind == "reduction" and plan.drops_two_back:
            continue
        source = boxes[max(n - 1, k + n - 2)]
        if k == 0:  # both inputs of the first cell are the stem
            continue
        target = boxes[k + n]
        y1, y2 = source.y - source.h / 2, target.y - target.h / 2
        top = min(y1, y2) - 18
        parts.append(
            f'<path class="line" d="M{source.x:g} {y1:g}C{source.x:g} {top:g} {target.x:g} {top:g} '
            f'{target.x:g} {y2 - 4:g}"/>{tip(target.x, y2, "down")}'
        )
    return parts


def after_slabs(plan: Plan, boxes: Sequence[Box], gap: float) -> list[str]:
    """Nothing: cells join their inputs inside."""
    return []


def defs(plan: Plan) -> list[str]:
    """The symbols that the slabs use."""
    return []


def slab_parts(slab: Slab, box: Box, k: int) -> list[str]:
    """One cell, which opens on a click."""
    every = math.ceil(LETTERS / box.w)  # numbers that would touch are left out
    tone = "at-8" if slab.kind == "normal" else "at-4"
    opens = (
        f'<g class="slab" data-cell="{slab.cell}" tabindex="0" role="button" '
        f'data-lm-suppress-shortcuts="" '
        f'aria-label="{slab.kind} {k + 1}: open this cell">'  # begins as the words on it do
    )
    return [
        opens if slab.cell >= 0 else "<g>",  # nothing is known of the article's reduction cell
        rect(box, f"back {tone}", 7),
        rect(box, f"face {tone}", 7),
        f'<text transform="translate({box.x + 4:g} {AXIS:g}) rotate(-90)">{slab.kind}</text> '
        if box.w >= LETTERS
        else "",
        f'<text class="small" x="{box.x:g}" y="{AXIS + box.h / 2 + 13:g}">{k + 1}</text>'
        if k % every == 0
        else "",
        "</g>",
    ]


def describe(plan: Plan, found: Sequence[Slab]) -> str:
    """The stack in a sentence, for those who do not see it."""
    if plan.block:
        return plan.source
    kinds, plural = ", ".join(s.kind for s in found), "" if len(found) == 1 else "s"
    r = plan.resolution
    return f"A network of {len(found)} cell{plural} on images of {r} by {r} pixels: {kinds}."
