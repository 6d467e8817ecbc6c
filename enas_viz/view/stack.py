"""The whole network as a stack: image, stem, layers or cells, classifier, and their sizes.

Each layer or cell is a slab as high as its feature map is. A micro network is its two cells again
and again: three stages of normal cells, a reduction cell between two of them or at the end of each.
The article's cell is stacked to its block: three normal cells and a reduction cell.

Sources: the authors' scripts for the sizes of the search; Pham et al. 2018, the figure of stacked
cells. Not here: what is inside a cell (`micro_svg`), the frame around it (`svg`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from reprlib import repr as shortened  # what is refused may be endless

from enas_viz.facts.cost import STEM_FACTOR, auxiliary_after, cell_places, tensor_sizes
from enas_viz.recipes import AUXILIARY_WINDOW, RECIPES, Fidelity, Recipe, recorded_fidelity
from enas_viz.recipes import recipe as named
from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.view.given import is_the_articles
from enas_viz.view.layout import MERGE_R, Box
from enas_viz.view.scene import (
    CELL_NAMES,
    is_size,
    recorded_name,
    recorded_size,
)
from enas_viz.view.shapes import PREFIX, rect, ring, symbols, tip

WIDE, EDGE = 1120, 8  # of the drawing; free at its left and right
TALLEST, SHRINK = 132, 0.74  # height of a slab at full resolution, and after each halving
AXIS = 44 + TALLEST / 2
END_W, GAP_MOST = 72, 26
LETTERS = 16  # the width that a cell's number takes, and the height of its name
ROOM = 26  # between the lowest slab and the brackets of the stages
BLOCK = (
    "The article's block: {layers}, each of which reads the two before it, and a reduction cell, "
    "which halves height and width. The article designs only the normal cell."
)


@dataclass(frozen=True)
class Plan:
    """What is stacked, and how large it is. source: where the sizes come from, for the reader;
    final: whether it is a network of its own, not one of a search; fidelity: of the recipe that
    sizes it, missing fields at their defaults; block: whether it is the article's block, of which
    no channels are known (0), nor pixels unless they are given."""

    shown: Architecture | Episode
    layers: int
    filters: int
    resolution: int
    auxiliary: bool
    channels: int
    classes: int
    source: str
    final: bool = False
    fidelity: Fidelity = field(default_factory=Fidelity)
    block: bool = False

    @property
    def architecture(self) -> Architecture:
        return self.shown if isinstance(self.shown, Architecture) else self.shown.architecture

    @property
    def drops_two_back(self) -> bool:
        """Whether a reduction cell leaves out the cell two back, as the authors' search does."""
        return not self.final and self.fidelity.micro_reduction_search == "fr_then_cell"

    @property
    def merge(self) -> str:
        """How a macro network merges its skips."""
        return self.fidelity.skip_merge(self.final)


@dataclass(frozen=True)
class Slab:
    """One layer or cell. kind: "op", "normal" or "reduction"; halvings: how often the image was
    halved in its output; cell: which of the two cells it is; op, skips: of a layer."""

    kind: str
    size: tuple[int, int, int]  # channels inside it, height and width of its output
    halvings: int
    op: str = ""
    skips: int = 0
    cell: int = -1

    @property
    def words(self) -> str:
        """Its size, as far as it is known."""
        channels, height, width = self.size
        if not height:
            return ("full size", "half size")[self.halvings]
        return f"{height}×{width}" + f"×{channels}" * bool(channels)


def plan_of(
    x: Architecture | Episode,
    layers: int | None = None,
    filters: int | None = None,
    resolution: int | None = None,
    recipe: Recipe | str | None = None,
) -> Plan:
    """Sizes as given, else those of `recipe`, else of the episode's, else of the authors' search
    script.

    Raises ValueError for sizes that are no positive whole numbers, for layers of a macro network
    (its space has them), for cells without a reduction cell, and for a recipe of the other space.
    """
    space = _architecture_of(x).space
    given = {"layers": layers, "filters": filters, "resolution": resolution}
    for name, value in given.items():
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} is a whole number of at least 1; got {shortened(value)}")
    if isinstance(space, MicroSpace) and is_the_articles(_architecture_of(x)):
        return _block(x, layers, filters, resolution, recipe)
    if isinstance(space, MicroSpace) and space.cells != ("normal", "reduction"):
        raise ValueError(
            "a network is stacked from a normal and a reduction cell; this architecture has a "
            f"{CELL_NAMES[space.cells[0]]} only"
        )
    if isinstance(space, MacroSpace):
        if layers is not None:
            raise ValueError("a macro network has the layers of its space; leave out layers=")
        given["layers"] = space.layers
    header = None if isinstance(x, Architecture) else x.header
    recorded, dataset = (header.recipe, header.dataset) if header else ({}, {})
    fidelity = recorded_fidelity(header.fidelity if header else {})
    if recipe is not None:
        chosen = recipe if isinstance(recipe, Recipe) else named(recipe)
        if chosen.network.space != space.kind:
            raise ValueError(
                f"recipe {chosen.name!r} is of {chosen.network.space} networks; this is "
                f"a {space.kind} one"
            )
        recorded, fidelity = chosen.to_json(), chosen.fidelity
    base = RECIPES[f"{space.kind}-released"]
    script = {"layers": base.network.layers, "filters": base.network.filters}
    script["resolution"] = base.data.resolution
    sizes = {
        name: given[name]
        or recorded_size(recorded, "data" if name == "resolution" else "network", name)
        or script[name]
        for name in given
    }
    network = recorded.get("network")
    weight = network.get("aux_weight") if isinstance(network, dict) else base.network.aux_weight
    fits = math.ceil(sizes["resolution"] / 4) >= AUXILIARY_WINDOW
    name = recorded_name(recorded)
    source = f"recipe {name}" if name else "the authors' search script"
    if any(value is not None for value in (layers, filters, resolution)):
        source = "sizes as given"
    classes, shape = dataset.get("classes"), dataset.get("shape")
    return Plan(
        x,
        **sizes,
        auxiliary=space.kind == "micro" and bool(weight) and fits,
        channels=shape[0] if isinstance(shape, list) and shape and is_size(shape[0]) else 3,
        classes=len(classes) if isinstance(classes, list | tuple) else 10,
        source=source,
        final=recorded.get("strategy") == "final",
        fidelity=fidelity,
    )


def _architecture_of(x: Architecture | Episode) -> Architecture:
    return x if isinstance(x, Architecture) else x.architecture


def _block(
    x: Architecture | Episode,
    layers: int | None,
    filters: int | None,
    resolution: int | None,
    recipe: Recipe | str | None,
) -> Plan:
    """The article's block around its cell. ValueError for what the article does not tell of it."""
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


def slabs(plan: Plan) -> list[Slab]:
    """The layers or cells in order, with the sizes of what comes out of them."""
    space = plan.architecture.space
    if isinstance(space, MacroSpace):
        sizes = tensor_sizes(space, plan.filters, plan.resolution)[1:]
        names, found = space.op_names(plan.architecture), []
        for k, (op, (channels, height, width)) in enumerate(zip(names, sizes, strict=True)):
            halvings = sum(p < k for p in space.pool_after())
            if plan.final:  # a network of its own widens at each reduction
                channels *= 2**halvings
            skips = len(space.sources(plan.architecture, k))
            found.append(Slab("op", (channels, height, width), halvings, op, skips))
        return found
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


def stack_parts(plan: Plan) -> tuple[list[str], float, float]:
    """(parts, width, height) of the stack."""
    found = slabs(plan)
    inside = WIDE - 2 * EDGE - 3 * (END_W + 20)
    pitch = min(78.0, inside / len(found))
    width = pitch - min(GAP_MOST, pitch * 0.34)
    micro = found[0].kind != "op"
    parts = [] if micro else [symbols(plan.architecture.space.ops, "above")]
    x = EDGE + END_W / 2
    stem = plan.filters * (STEM_FACTOR if micro else 1)
    r = plan.resolution
    ends = (("image", f"{r}×{r}×{plan.channels}"), ("stem", f"{r}×{r}×{stem}"))
    if plan.block:
        ends = (("image", f"{r}×{r}" if r else ""),)
    n = len(ends)
    boxes = []
    for name, size in ends:
        boxes.append(_end(parts, x, name, size))
        x += END_W + 20
    x += width / 2 - END_W / 2
    for slab in found:
        boxes.append(Box(x, AXIS, width, TALLEST * SHRINK**slab.halvings))
        x += pitch
    x += END_W / 2 - width / 2 + 6
    for a, b in pairwise(boxes):
        parts.append(_wire(a.right, b.left))
    if micro:
        parts += _two_back(plan, found, boxes)
    for k, (slab, box) in enumerate(zip(found, boxes[n:], strict=True)):
        parts += _slab(slab, box, k)
    parts.append(_wire(boxes[-1].right, x - END_W / 2))
    if not micro:
        parts += _merges(plan, boxes, pitch - width)
    _end(parts, x, "classifier", f"{plan.classes} classes" if plan.classes else "")
    bottom = AXIS + TALLEST / 2 + ROOM
    parts += _stages(found, boxes[n:], bottom)
    if plan.auxiliary:
        parts += _auxiliary(boxes[2 + auxiliary_after(plan.layers)], bottom - 2)
    return parts, x + END_W / 2 + EDGE, bottom + 42


def _end(parts: list[str], x: float, name: str, size: str) -> Box:
    box = Box(x, AXIS, END_W, 46)
    parts += [
        rect(box, "fixed", 7),
        f'<text x="{x:g}" y="{AXIS - 2 if size else AXIS + 4:g}">{name}</text>',
        f'<text class="small" x="{x:g}" y="{AXIS + 13:g}">{size}</text>',
    ]
    return box


def _wire(x1: float, x2: float) -> str:
    line = f'<path class="line" d="M{x1:g} {AXIS:g}H{x2 - 2:g}"/>'
    return line + tip(x2 - 0.5, AXIS, "right")


def _two_back(plan: Plan, found: list[Slab], boxes: list[Box]) -> list[str]:
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


def _merges(plan: Plan, boxes: list[Box], gap: float) -> list[str]:
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


def _slab(slab: Slab, box: Box, k: int) -> list[str]:
    if slab.kind == "op":
        skips = f"{slab.skips} skip{'' if slab.skips == 1 else 's'}" if slab.skips else ""
        scale = min(1.0, box.w / 46)
        return [
            rect(box, f"face op-{slab.op}", 7),
            f'<g class="op-{slab.op}" transform="translate({box.x:g} {AXIS:g}) '
            f'scale({scale:.3g})"><use href="#{PREFIX}{slab.op}"/></g>',
            _over(box, f"layer {k + 1}", 20) if box.w >= 34 or k % 2 == 0 else "",
            _over(box, skips, 7) if box.w >= 34 else "",
        ]
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


def _over(box: Box, words: str, up: float) -> str:
    return f'<text class="small" x="{box.x:g}" y="{AXIS - TALLEST / 2 - up:g}">{words}</text>'


def _stages(found: list[Slab], boxes: list[Box], y: float) -> list[str]:
    """Under the slabs: runs of one size, and how many layers or cells they are."""
    parts, start = [], 0
    for k in range(1, len(found) + 1):
        if k < len(found) and found[k].words == found[start].words:
            continue
        a, b = boxes[start], boxes[k - 1]
        normal = sum(s.kind == "normal" for s in found[start:k])
        told = ["1 reduction"] * any(s.kind == "reduction" for s in found[start:k])
        told += [f"{normal} normal"] * bool(normal)
        middle = (a.left + b.right) / 2
        parts.append(
            f'<path class="rule" d="M{a.left:g} {y - 5:g}v5H{b.right:g}v-5"/>'
            f'<text class="strong" x="{middle:g}" y="{y + 17:g}">{found[start].words}</text>'
            f'<text class="small" x="{middle:g}" y="{y + 33:g}">{", ".join(told)}</text>'
        )
        start = k
    return parts


def _auxiliary(box: Box, y: float) -> list[str]:
    """A second classifier, whose loss helps training."""
    x, top = box.x, box.y + box.h / 2 + 18
    return [
        f'<path class="line" d="M{x:g} {top:g}V{y - 22:g}"/>',
        tip(x, y - 20, "down"),
        f'<text class="small" x="{x:g}" y="{y - 9:g}">auxiliary head</text>',
    ]


def describe_stack(plan: Plan) -> str:
    """The stack in a sentence, for those who do not see it."""
    found = slabs(plan)
    r, plural = plan.resolution, "" if len(found) == 1 else "s"
    if found[0].kind == "op":
        listed = ", ".join(s.op.title for s in found)
        return f"A network of {len(found)} layer{plural} on images of {r} by {r} pixels: {listed}."
    if plan.block:
        return plan.source
    kinds = ", ".join(s.kind for s in found)
    return f"A network of {len(found)} cell{plural} on images of {r} by {r} pixels: {kinds}."
