"""The whole network as a stack: image, stem, layers or cells, classifier, and their sizes.

Each layer or cell is a slab as high as its feature map is.

Sources: the authors' scripts for the sizes of the search. Not here: which slabs a network has
(`macro_stack`, `micro_stack`), the frame around it (`svg`).
"""

from __future__ import annotations

import math
from itertools import pairwise
from reprlib import repr as shortened  # what is refused may be endless
from types import ModuleType

from enas_viz.facts.cost import auxiliary_after
from enas_viz.recipes import AUXILIARY_WINDOW, RECIPES, Recipe, recorded_fidelity
from enas_viz.recipes import recipe as named
from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture
from enas_viz.view import kinds
from enas_viz.view.layout import Box
from enas_viz.view.scene import is_size, recorded_name, recorded_size
from enas_viz.view.shapes import rect, tip
from enas_viz.view.slabs import AXIS, SHRINK, TALLEST, Plan, Slab

WIDE, EDGE = 1120, 8  # of the drawing; free at its left and right
END_W, GAP_MOST = 72, 26
ROOM = 26  # between the lowest slab and the brackets of the stages


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
    space = (x if isinstance(x, Architecture) else x.architecture).space
    given = {"layers": layers, "filters": filters, "resolution": resolution}
    for name, value in given.items():
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} is a whole number of at least 1; got {shortened(value)}")
    stack = kinds.of(space).stack
    if block := stack.article_block(x, **given, recipe=recipe):
        return block
    given["layers"] = stack.layers_of(space, layers)
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
        auxiliary=stack.AUXILIARY and bool(weight) and fits,
        channels=shape[0] if isinstance(shape, list) and shape and is_size(shape[0]) else 3,
        classes=len(classes) if isinstance(classes, list | tuple) else 10,
        source=source,
        final=recorded.get("strategy") == "final",
        fidelity=fidelity,
    )


def _stack(plan: Plan) -> ModuleType:
    """How the networks of this kind are stacked."""
    return kinds.of(plan.architecture.space).stack


def slabs(plan: Plan) -> list[Slab]:
    """The layers or cells in order, with the sizes of what comes out of them."""
    return _stack(plan).slabs(plan)


def stack_parts(plan: Plan) -> tuple[list[str], float, float]:
    """(parts, width, height) of the stack."""
    stack, found = _stack(plan), slabs(plan)
    inside = WIDE - 2 * EDGE - 3 * (END_W + 20)
    pitch = min(78.0, inside / len(found))
    width = pitch - min(GAP_MOST, pitch * 0.34)
    parts = stack.defs(plan)
    x = EDGE + END_W / 2
    stem = stack.stem_channels(plan)
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
    parts += stack.before_slabs(plan, found, boxes)
    for k, (slab, box) in enumerate(zip(found, boxes[n:], strict=True)):
        parts += stack.slab_parts(slab, box, k)
    parts.append(_wire(boxes[-1].right, x - END_W / 2))
    parts += stack.after_slabs(plan, boxes, pitch - width)
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
    return _stack(plan).describe(plan, slabs(plan))
