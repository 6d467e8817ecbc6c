"""What an architecture is like: how deep, how far it sees, which outputs no layer reads. No torch.

It describes what a recipe computes: in a search the path that an architecture takes through the
supernet, in final training the network of its own. Not here: what it costs (`cost`), how accurate
it is (`enas_viz.search`).
"""

from __future__ import annotations

from dataclasses import dataclass

from enas_viz.facts.cost import cell_places, recipe_cost
from enas_viz.recipes import Recipe
from enas_viz.spaces import Architecture
from enas_viz.spaces.operations import Operation

STEM_REACH = 2  # of the 3x3 convolution that every network begins with


@dataclass(frozen=True)
class Anatomy:
    """parameters, multiply_adds: of the path or network, per image. receptive_field: side in pixels
    of the square of the image that one pixel of the last feature map depends on. depth: operations
    on the longest way from stem to classifier; shortest: on the shortest, through skips. Of cells,
    depth and shortest count computed nodes within the normal cell. unread: what no later layer or
    node reads besides the next one (macro: layers without a skip from them, and where skips are a
    layer's input, layers that the classifier does not depend on; micro: per cell the loose ends, by
    the readers' names of nodes)."""

    parameters: int
    multiply_adds: int
    receptive_field: int
    depth: int
    shortest: int
    unread: dict[str, tuple[int, ...]]


def anatomy(
    architecture: Architecture,
    recipe: Recipe,
    image_channels: int | None = None,
    classes: int | None = None,
) -> Anatomy:
    """The anatomy of an architecture under a recipe's network, data and fidelity.

    image_channels, classes: those of the images, by default of the recipe's dataset.
    Raises ValueError when the recipe is for another space.
    """
    cost = recipe_cost(architecture, recipe, image_channels, classes)  # checks what is given
    structure = STRUCTURES[architecture.space.kind](architecture, recipe)
    return Anatomy(cost.parameters, cost.multiply_adds, *structure)


Structure = tuple[int, int, int, dict[str, tuple[int, ...]]]  # the later fields of an Anatomy


def _macro_structure(architecture: Architecture, recipe: Recipe) -> Structure:
    space, merge = architecture.space, recipe.fidelity.skip_merge(final=not recipe.searches)
    shortest, depth = _ways(architecture, merge)
    read = {t for k in range(space.layers) for t in space.sources(architecture, k)}
    if merge == "input":
        read = {k + 1 for k in space.reached(architecture, merge)}
    last = space.layers  # the classifier reads it
    unread = {"layers": tuple(k for k in range(1, last) if k not in read)}
    return _macro_field(architecture, merge), depth, shortest, unread


def _cells_structure(architecture: Architecture, recipe: Recipe) -> Structure:
    space, counts = architecture.space, recipe.fidelity.loose_inputs == "count"
    depth, shortest = space.depth(architecture), _shortest_in_cell(architecture)
    unread = {
        cell: tuple(t + 1 for t in space.loose_ends(architecture, cell, counts))
        for cell in space.cells
    }
    return _cells_field(architecture, recipe), depth, shortest, unread


STRUCTURES = {"macro": _macro_structure, "micro": _cells_structure}


def _macro_field(architecture: Architecture, merge: str) -> int:
    space = architecture.space
    seen, jump = [1 + STEM_REACH], 1  # of every tensor; image pixels between two of a map
    for k, op in enumerate(space.op_names(architecture)):
        read = max(seen[t] for t in space.inputs(architecture, k, merge))
        skips = (seen[t] for t in space.sources(architecture, k) if merge != "input")
        seen.append(max(read + op.reach * jump, *skips, 0))
        if k in space.pool_after():  # a factorized reduction joins two neighbouring pixels
            seen, jump = [s + jump for s in seen], 2 * jump
    return seen[-1]


def _ways(architecture: Architecture, merge: str) -> tuple[int, int]:
    """Operations on the shortest and on the longest way: a skip that joins a layer's output goes
    around its operation, one that is its input does not."""
    space = architecture.space
    shortest, longest = [0], [0]
    for k in range(space.layers):
        inputs = space.inputs(architecture, k, merge)
        around = space.sources(architecture, k) if merge != "input" else ()
        through = min(shortest[t] for t in inputs) + 1
        shortest.append(min([through, *(shortest[t] for t in around)]))
        longest.append(max([max(longest[t] for t in inputs) + 1, *(longest[t] for t in around)]))
    return shortest[-1], longest[-1]


def _shortest_in_cell(architecture: Architecture) -> int:
    """Computed nodes on the shortest way from an input of the normal cell to its output."""
    space = architecture.space
    ways = [0, 0]
    for i, j, *_ in architecture.content[0]:
        ways.append(1 + min(ways[i], ways[j]))
    return min(ways[t] for t in space.loose_ends(architecture))


def _cells_field(architecture: Architecture, recipe: Recipe) -> int:
    space, fidelity = architecture.space, recipe.fidelity
    # Final networks reduce by strides.
    mode = "stride2" if not recipe.searches else fidelity.micro_reduction_search
    stacked, counts = fidelity.sep_conv_stack, fidelity.loose_inputs == "count"

    def reach(op: Operation) -> int:
        return op.reach * (stacked if op.stacks else 1)

    before = last = (1 + STEM_REACH, 1)  # what it sees, image pixels between two of its own

    def halved(seen: int, jump: int) -> tuple[int, int]:
        return seen + jump, 2 * jump

    network = recipe.network
    for place in cell_places(network.layers, network.filters, fidelity.micro_stack):
        strides = 1
        if place.kind == "reduction" and place.kind in space.cells:
            if mode == "stride2":
                strides = 2
            else:
                before, last = (last if mode == "fr_then_cell" else halved(*before)), halved(*last)
        jump = last[1]
        fitted = halved(*before) if before[1] < jump else before
        seen = [fitted[0], last[0]]
        for i, j, a, b in architecture.content[space.cells.index(place.kind)]:
            sides = []
            for source, op in ((i, space.ops[a]), (j, space.ops[b])):
                step = jump if source < 2 or strides == 1 else 2 * jump
                extra = reach(op) * step
                if strides == 2 and source < 2:
                    extra = _strided(op, stacked, jump)
                sides.append(seen[source] + extra)
            seen.append(max(sides))
        ends = space.loose_ends(architecture, place.kind, counts)
        lost = jump if strides == 2 else 0  # an unused input is halved on its way out
        out = max(seen[t] + (lost if t < 2 else 0) for t in ends)
        before, last = last, (out, strides * jump)
    return last[0]


def _strided(op: Operation, stacked: int, jump: int) -> int:
    """What an operation that halves reaches: the second of two stacked ones works on the halved
    map; identity is a factorized reduction."""
    if op.family == "identity":
        return jump
    once = op.reach * jump
    return once + (op.reach * 2 * jump if op.stacks and stacked == 2 else 0)
