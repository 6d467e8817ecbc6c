"""What an architecture costs: parameters, multiply-adds, tensor sizes. Arithmetic only, no torch.

Counts a supernet (all of its weights) and the single path that one architecture takes through it.
Formulas: the authors' search networks, sizes as in the released code; a multiply-add is one
multiplication with its addition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from reprlib import repr as shortened  # what is refused may be endless

from enas_viz.recipes import Fidelity, Recipe, checked_fidelity
from enas_viz.spaces import CELLS, Architecture, MacroSpace, MicroSpace, Space
from enas_viz.spaces.operations import FAMILIES, Operation, find


@dataclass(frozen=True)
class Cost:
    """The cost of one path: trainable parameters, multiply-adds per image, each layer's output.

    tensors: (channels, height, width) of the stem's output, then of every layer's.
    """

    parameters: int
    multiply_adds: int
    tensors: tuple[tuple[int, int, int], ...]


def tensor_sizes(
    space: MacroSpace, filters: int, resolution: int
) -> tuple[tuple[int, int, int], ...]:
    """(channels, height, width) of the stem's output and of every layer's, as computed.

    A layer's output is given at the resolution at which the layer computes it; the reductions
    after it come later.
    """
    _check_macro(space, "cell_places")
    sizes = [(filters, resolution, resolution)]
    side = resolution
    for k in range(space.layers):
        sizes.append((filters, side, side))
        if k in space.pool_after():
            side = -(-side // 2)
    return tuple(sizes)


def op_parameters(op: str, filters: int, dense: bool = False) -> int:
    """Trainable parameters of one operation of a macro layer, batch norms included.

    dense: `fidelity.macro_final_ops` is "dense": a separable convolution is built as a plain one.
    """
    op, c = find(op), filters
    norm = 2 * c if op.weighted and not op.own else 0  # a module of one's own brings its own
    return c * c + 2 * c + _kernel(op, c, dense) + norm


def op_multiply_adds(op: str, filters: int, side: int, dense: bool = False) -> int:
    """Multiply-adds of one operation of a macro layer for one image of `side` by `side` pixels."""
    op, c, pixels = find(op), filters, side * side
    behind = op.multiply_adds(c, pixels) if op.own else _kernel(op, c, dense) * pixels
    return c * c * pixels + behind


def _kernel(op: Operation, c: int, dense: bool) -> int:
    """Weights behind the 1x1 convolution of a layer; 0 for pooling."""
    if dense and op.family == "sep":
        return FAMILIES["conv"].kernel(op.window, c)
    return op.parameters(c)


def supernet_parameters(
    space: MacroSpace,
    filters: int,
    image_channels: int = 3,
    classes: int = 10,
    merge: str = "add",
) -> int:
    """Trainable parameters of the whole macro supernet: 697 860 at 12 layers and 36 filters.

    Raises ValueError for cells, see `cells_supernet_parameters`.
    """
    _check_macro(space, "cells_supernet_parameters")
    bank = space.layers * sum(op_parameters(op, filters) for op in space.ops)
    return bank + _common(space, filters, image_channels, classes, merge)


def path_cost(
    architecture: Architecture,
    filters: int,
    resolution: int,
    image_channels: int = 3,
    classes: int = 10,
    merge: str = "add",
) -> Cost:
    """Cost of the path that `architecture` takes through the macro supernet.

    merge: `fidelity.skip_merge_search`. With "input", of the layers that the classifier depends on.
    Otherwise a reduction counts all tensors before it, as in the authors' program; ours halves
    those only that a later layer reads. Raises ValueError for cells, see `cells_path_cost`.
    """
    space = _space_of(architecture)
    _check_macro(space, "cells_path_cost")
    sizes = tensor_sizes(space, filters, resolution)
    names, reached = space.op_names(architecture), space.reached(architecture, merge)
    parameters = _common(space, filters, image_channels, classes, merge)
    work = 9 * image_channels * filters * resolution**2 + filters * classes
    for k in reached:
        side = sizes[k + 1][1]
        parameters += op_parameters(names[k], filters)
        work += op_multiply_adds(names[k], filters, side)
        skips = len(space.sources(architecture, k))
        if merge == "concat" and k:
            work += (1 + skips) * filters**2 * side**2
        elif merge == "input" and skips > 1:
            work += skips * filters**2 * side**2
    for p, count in zip(space.pool_after(), _halved(architecture, merge), strict=True):
        work += count * filters**2 * sizes[p + 2][1] ** 2
    return Cost(parameters, work, sizes)


def _halved(architecture: Architecture, merge: str) -> list[int]:
    """How many tensors each reduction of a macro supernet halves: all before it, but with
    merge="input" only those that a layer on the way to the classifier reads later."""
    space = architecture.space
    pools = space.pool_after()
    if merge != "input":
        return [p + 2 for p in pools]
    last_read = {space.layers: space.layers}  # of every tensor, the last layer that reads it
    for k in space.reached(architecture, merge):
        last_read |= dict.fromkeys(space.inputs(architecture, k, merge), k)
    return [sum(t < p + 2 and k > p for t, k in last_read.items()) for p in pools]


def recipe_cost(
    architecture: Architecture,
    recipe: Recipe,
    image_channels: int | None = None,
    classes: int | None = None,
) -> Cost:
    """Cost of what a recipe computes for an architecture: in a search the path that it takes
    (`recipe_path_cost`), in final training the network of its own (`child_cost`)."""
    _check_kind(architecture, recipe)
    counted = child_cost if not recipe.searches else recipe_path_cost
    return counted(architecture, recipe, image_channels, classes)


def recipe_path_cost(
    architecture: Architecture,
    recipe: Recipe,
    image_channels: int | None = None,
    classes: int | None = None,
) -> Cost:
    """`path_cost` or `cells_path_cost` under a recipe's network and data.

    image_channels, classes: those of the images, by default of the recipe's dataset; a folder or
    zip is taken to be like CIFAR-10, so give those of its images (a trace's header tells them).
    Under `fidelity.macro_dispatch="last_branch"` that of the last operation in every layer, which
    is what is computed. Raises ValueError when the recipe is for another kind of network, or of
    final training, which has no shared weights.
    """
    _check_kind(architecture, recipe)
    if not recipe.searches:
        raise ValueError(
            f"a path is one through the shared weights of a search; {recipe.name} is a final "
            f"training, whose networks `child_cost` counts"
        )
    count = COUNTS[architecture.space.kind].path
    return count(architecture, recipe, *_images(recipe, image_channels, classes))


def _macro_path_cost(
    architecture: Architecture, recipe: Recipe, image_channels: int, classes: int
) -> Cost:
    if recipe.fidelity.macro_dispatch == "last_branch":
        last = len(architecture.space.ops) - 1
        content = tuple((last, *bits) for _, *bits in architecture.content)
        architecture = Architecture(architecture.space, content)
    return path_cost(
        architecture,
        recipe.network.filters,
        recipe.data.resolution,
        image_channels,
        classes,
        merge=recipe.fidelity.skip_merge_search,
    )


def _cells_path_cost(
    architecture: Architecture, recipe: Recipe, image_channels: int, classes: int
) -> Cost:
    network = recipe.network
    sizes = (network.layers, network.filters, recipe.data.resolution)
    images = (image_channels, classes)
    return cells_path_cost(architecture, *sizes, *images, fidelity=recipe.fidelity)


def recipe_supernet_parameters(recipe: Recipe) -> int:
    """Trainable parameters of all shared weights of a search, an auxiliary head left out."""
    return COUNTS[recipe.space.kind].supernet(recipe, *_images(recipe, None, None))


def _macro_supernet(recipe: Recipe, *images: int) -> int:
    merge = recipe.fidelity.skip_merge_search
    return supernet_parameters(recipe.space, recipe.network.filters, *images, merge=merge)


def _cells_supernet(recipe: Recipe, *images: int) -> int:
    sizes = (recipe.network.layers, recipe.network.filters)
    return cells_supernet_parameters(recipe.space, *sizes, *images, fidelity=recipe.fidelity)


def _images(recipe: Recipe, channels: int | None, classes: int | None) -> tuple[int, int]:
    """(channels, classes) of the images, by default of the recipe's dataset."""
    known = recipe.dataset
    return (
        known.channels if channels is None else channels,
        known.classes if classes is None else classes,
    )


def _common(space: MacroSpace, c: int, image_channels: int, classes: int, merge: str) -> int:
    """Parameters that every architecture has: stem, merges, reductions, classifier."""
    stem = 9 * image_channels * c + 2 * c
    merges = 2 * c * (space.layers - 1)
    if merge == "concat":  # one c-by-c slice per mergeable tensor and one for the layer itself
        merges += sum((k + 1) * c * c for k in range(1, space.layers))
    elif merge == "input":  # one c-by-c slice per mergeable tensor, where there are several
        merges = sum(k * c * c + 2 * c for k in range(2, space.layers))
    elif merge != "add":
        raise ValueError(f"skips merge by 'add', 'concat' or 'input'; got {merge!r}")
    reductions = sum((p + 2) * (c * c + 2 * c) for p in space.pool_after())
    return stem + merges + reductions + classes * c


# ---------------------------------------------------------------- children: weights of their own


def child_cost(
    architecture: Architecture,
    recipe: Recipe,
    image_channels: int | None = None,
    classes: int | None = None,
) -> Cost:
    """Cost of the network of its own that a recipe of final training makes of an architecture.

    Parameters as built, an auxiliary head left out: 42 559 392 for the published macro network at
    96 filters as released. Multiply-adds of evaluating one image: what is computed, so a macro
    network's reductions only where a later layer reads them. image_channels, classes: as for
    `recipe_path_cost`. Raises ValueError when the recipe is for another kind of network.
    """
    _check_kind(architecture, recipe)
    count = COUNTS[architecture.space.kind].child
    return count(architecture, recipe, *_images(recipe, image_channels, classes))


def _macro_child_cost(
    architecture: Architecture, recipe: Recipe, image_channels: int, classes: int
) -> Cost:
    space, filters, resolution = architecture.space, recipe.network.filters, recipe.data.resolution
    pools = space.pool_after()
    halvings = [sum(p < k for p in pools) for k in range(space.layers + 1)]
    sides = [resolution]
    for _ in pools:
        sides.append(-(-sides[-1] // 2))
    parameters = 9 * image_channels * filters + 2 * filters
    work = 9 * image_channels * filters * resolution**2
    read = {}  # the most often that a later layer wants a tensor halved
    merge, names = recipe.fidelity.skip_merge(final=True), space.op_names(architecture)
    for k in space.reached(architecture, merge):
        op = names[k]
        c, side = filters * 2 ** halvings[k], sides[halvings[k]]
        dense = recipe.fidelity.macro_final_ops == "dense"
        parameters += op_parameters(op, c, dense)
        work += op_multiply_adds(op, c, side, dense)
        inputs = space.inputs(architecture, k, merge)
        sources = () if merge == "input" else space.sources(architecture, k)
        joined = len(sources) + (k > 0)  # with the layer's own result
        if merge == "input":
            joined = len(inputs) if len(inputs) > 1 else 0
        if joined:
            kernel = 0 if merge == "add" else joined * c * c
            parameters += kernel + 2 * c
            work += kernel * side**2
        for tensor in (*sources, *inputs):
            read[tensor] = halvings[k]
    read[space.layers] = halvings[-1]
    for stage, p in enumerate(pools):
        c = filters * 2**stage
        parameters += (p + 2) * (2 * c * c + 4 * c)
        wanted = sum(read.get(t, 0) > stage for t in range(p + 2))
        work += wanted * 2 * c * c * sides[stage + 1] ** 2
    last = filters * 2 ** halvings[-1]
    tensors = [(filters, resolution, resolution)]
    tensors += [(filters * 2**h, sides[h], sides[h]) for h in halvings[:-1]]
    return Cost(parameters + last * classes, work + last * classes, tuple(tensors))


def _cells_child_cost(
    architecture: Architecture, recipe: Recipe, image_channels: int, classes: int
) -> Cost:
    _check_pair(architecture.space)
    space, network, fidelity = architecture.space, recipe.network, recipe.fidelity
    counts = fidelity.loose_inputs == "count"
    places = cell_places(network.layers, network.filters, fidelity.micro_stack)
    sides = [_side(recipe.data.resolution, h) for h in range(places[-1].halvings + 1)]
    width = STEM_FACTOR * network.filters
    parameters = _stem_parameters(network.filters, image_channels)
    work = 9 * image_channels * width * sides[0] ** 2
    tensors = [(width, sides[0], sides[0])]
    before = last = (width, 0)  # channels and halvings of the two inputs
    for place in places:
        c, reduces = place.channels, place.kind == "reduction"
        inner, outer = sides[last[1]] ** 2, sides[place.halvings] ** 2  # pixels
        for channels, halved in (before, last):
            if halved < last[1] or channels != c:
                parameters += channels * c + 2 * c
                work += channels * c * inner
        parameters += c * c + 2 * c  # the source's layer_base
        work += c * c * inner
        for i, j, a, b in architecture.content[space.cells.index(place.kind)]:
            for source, op in ((i, space.ops[a]), (j, space.ops[b])):
                weights, adds = cell_op_cost(op, c, outer, fidelity.sep_conv_stack)
                parameters += weights
                work += adds
                if op.family == "identity" and reduces and source < 2:
                    parameters += c * c + 2 * c
                    work += c * c * outer
        loose = space.loose_ends(architecture, place.kind, inputs=counts)
        for source in loose:
            if reduces and source < 2:
                parameters += c * c + 2 * c
                work += c * c * outer
        before, last = last, (len(loose) * c, place.halvings)
        tensors.append((last[0], sides[place.halvings], sides[place.halvings]))
    return Cost(parameters + last[0] * classes, work + last[0] * classes, tuple(tensors))


# ---------------------------------------------------------------- micro: where the cells stand

STEM_FACTOR = 3  # a micro stem has so many times the first cells' channels


@dataclass(frozen=True)
class CellPlace:
    """A position of the stack of cells.

    channels: of every tensor inside. halvings: how often the image was halved in the cell's output.
    """

    kind: str  # "normal" or "reduction"
    channels: int
    halvings: int


def reduction_positions(layers: int, stack: str = "two_reductions") -> tuple[int, ...]:
    """Where the reduction cells stand in the stack: (2, 5) for six normal cells.

    stack: `fidelity.micro_stack`. "two_reductions" stand between three stages, so `layers` + 2
    cells in all; "trailing": one ends each of three blocks, (2, 5, 8) for six.
    """
    third = layers // 3
    between = (third, 2 * third + 1)
    return (*between, layers + 2) if stack == "trailing" else between


def cell_places(layers: int, filters: int, stack: str = "two_reductions") -> tuple[CellPlace, ...]:
    """All cells in order; each reduction halves the map and doubles the channels."""
    reductions = reduction_positions(layers, stack)
    found, halvings = [], 0
    for position in range(layers + len(reductions)):
        reduces = position in reductions
        halvings += reduces
        kind = "reduction" if reduces else "normal"
        found.append(CellPlace(kind, filters * 2**halvings, halvings))
    return tuple(found)


def auxiliary_after(layers: int) -> int:
    """The cell whose output the auxiliary head reads: the one after the second reduction, whether
    or not a third one ends the stack."""
    return reduction_positions(layers)[1] + 1


def micro_drop_path_keep(final: float, cell: int, cells: int, step: int, steps: int) -> float:
    """Probability that drop path keeps an operation's output, in cell `cell` of `cells` (from 0).

    It falls linearly with depth and with training: `final` in the last cell at the last of `steps`.
    """
    return 1 - min(1.0, (step + 1) / steps) * ((cell + 1) / cells) * (1 - final)


# ---------------------------------------------------------------- micro: what cells cost


def cell_op_cost(op: str, c: int, pixels: int, stack: int = 2) -> tuple[int, int]:
    """(parameters, multiply-adds) of an operation of a cell whose output has so many pixels.

    stack: `fidelity.sep_conv_stack`. An identity costs nothing here: at stride 2 it is a reduction.
    """
    op = find(op)
    if op.own:
        return op.parameters(c), op.multiply_adds(c, pixels)
    times = stack if op.stacks else int(op.weighted)
    return times * (op.parameters(c) + 2 * c), times * op.multiply_adds(c, pixels)


def cells_supernet_parameters(
    space: MicroSpace,
    layers: int,
    filters: int,
    image_channels: int = 3,
    classes: int = 10,
    fidelity: Fidelity | None = None,
) -> int:
    """Trainable parameters of the micro supernet, its auxiliary head left out.

    5 373 140 at 6 layers, 20 filters and five nodes. Separable convolutions have a set of weights
    for each place and source.
    """
    _check_pair(space)
    fidelity = checked_fidelity(fidelity)
    found = _stem_parameters(filters, image_channels)
    for cell in _searched_cells(layers, filters, fidelity):
        c = cell.place.channels
        found += sum(c_in * c + 2 * c for c_in, _ in cell.fits)
        convolutions = sum(cell_op_cost(op, c, 0, fidelity.sep_conv_stack)[0] for op in space.ops)
        found += sum(2 * sources for sources in range(2, space.nodes + 2)) * convolutions
        if cell.strided:  # identities, and unused inputs where they count, are reductions
            reductions = 2 * 2 * space.nodes * sum(op.family == "identity" for op in space.ops)
            reductions += 2 * (fidelity.loose_inputs == "count")
            found += reductions * (c**2 + 2 * c)
        found += (space.nodes + 2) * c**2 + 2 * c
    return found + cell.place.channels * classes


def cells_path_cost(
    architecture: Architecture,
    layers: int,
    filters: int,
    resolution: int,
    image_channels: int = 3,
    classes: int = 10,
    fidelity: Fidelity | None = None,
) -> Cost:
    """Cost of the path that a pair of cells takes through the micro supernet (see above)."""
    space, fidelity = _space_of(architecture), checked_fidelity(fidelity)
    _check_pair(space)
    stacked = fidelity.sep_conv_stack
    stem = (STEM_FACTOR * filters, resolution, resolution)
    parameters = _stem_parameters(filters, image_channels)
    work = 9 * image_channels * STEM_FACTOR * filters * resolution**2
    tensors = [stem]
    for cell in _searched_cells(layers, filters, fidelity):
        place, c = cell.place, cell.place.channels
        side = _side(resolution, place.halvings)
        parameters += sum(c_in * c + 2 * c for c_in, _ in cell.fits)
        work += sum(c_in * c * _side(resolution, h) ** 2 for c_in, h in cell.fits)
        reductions = 0  # of the cell's inputs, inside a strided one
        for i, j, a, b in architecture.content[space.cells.index(place.kind)]:
            for source, op in ((i, space.ops[a]), (j, space.ops[b])):
                weights, adds = cell_op_cost(op, c, side**2, stacked)
                parameters += weights
                work += adds
                reductions += cell.strided and op.family == "identity" and source < 2
        ends = space.loose_ends(architecture, place.kind, fidelity.loose_inputs == "count")
        reductions += cell.strided and sum(t < 2 for t in ends)
        parameters += reductions * (c**2 + 2 * c) + len(ends) * c**2 + 2 * c
        work += (reductions + len(ends)) * c**2 * side**2
        tensors.append((c, side, side))
    return Cost(parameters + c * classes, work + c * classes, tuple(tensors))


def _side(resolution: int, halvings: int) -> int:
    """Height of a map after so many halvings, each of which rounds up."""
    return math.ceil(resolution / 2**halvings)


def _space_of(architecture: Architecture) -> Space:
    """Its space. TypeError for what is no architecture."""
    if not isinstance(architecture, Architecture):
        raise TypeError(f"expected an Architecture; got {shortened(architecture)}")
    return architecture.space


def _check_space(space: Space, wanted: type[Space], instead: str) -> None:
    """Raises ValueError for a space of another kind, which `instead` is for; TypeError for what is
    no space."""
    if not isinstance(space, Space):
        raise TypeError(f"expected a {wanted.__name__}; got {shortened(space)}")
    if space.kind != wanted.kind:
        raise ValueError(f"expected {wanted.networks}; got {space.networks}, which {instead} for")


def _check_macro(space: Space, instead: str) -> None:
    """Raises ValueError for cells, which `instead` is for."""
    _check_space(space, MacroSpace, f"{instead} is")


def _check_kind(architecture: Architecture, recipe: Recipe) -> None:
    """Raises ValueError when a recipe is for another kind of network than an architecture is;
    TypeError for what is no architecture or no recipe."""
    kind = _space_of(architecture).kind
    if not isinstance(recipe, Recipe):
        raise TypeError(f"expected a Recipe, such as recipe('macro-tiny'); got {shortened(recipe)}")
    if kind != recipe.network.space:
        raise ValueError(
            f"the recipe {recipe.name} is for {recipe.network.space} networks; got a {kind} "
            f"architecture"
        )


def _check_pair(space: MicroSpace) -> None:
    """Raises ValueError for a space without a reduction cell, of which no network is built, and
    for one of macro networks."""
    _check_space(space, MicroSpace, "path_cost and supernet_parameters are")
    if space.cells != CELLS:
        raise ValueError(
            f"a network of cells needs a normal and a reduction cell; got {', '.join(space.cells)}"
        )


def _stem_parameters(filters: int, image_channels: int) -> int:
    return 9 * image_channels * STEM_FACTOR * filters + 2 * STEM_FACTOR * filters


@dataclass(frozen=True)
class _SearchedCell:
    """A cell of the supernet. fits: the 1x1 convolutions and reductions that bring its inputs to
    its width and size, each by the channels that it reads and the halvings of what it makes; a
    reduction is two 1x1 convolutions to half of the width. strided: whether its operations halve.
    """

    place: CellPlace
    fits: tuple[tuple[int, int], ...]
    strided: bool


def _searched_cells(layers: int, filters: int, fidelity: Fidelity) -> Iterator[_SearchedCell]:
    """As `fidelity.micro_stack` stacks the cells and `micro_reduction_search` reduces in them."""
    before = last = (STEM_FACTOR * filters, 0)  # channels and halvings of the two inputs
    for place in cell_places(layers, filters, fidelity.micro_stack):
        fits: list[tuple[int, int]] = []
        c = place.channels
        mode = fidelity.micro_reduction_search if place.kind == "reduction" else ""
        if mode in ("fr_then_cell", "fr_both"):
            reduced = (c, last[1] + 1)
            fits.append((last[0], reduced[1]))
            if mode == "fr_both":
                fits.append((before[0], before[1] + 1))
                before = (c, before[1] + 1)
            else:
                before = last
            last = reduced
        for channels, halved in (before, last):
            if halved < last[1] or channels != c:
                fits.append((channels, last[1]))
        yield _SearchedCell(place, tuple(fits), mode == "stride2")
        before, last = last, (c, place.halvings)


# ---------------------------------------------------------------- what is counted, by kind of space


@dataclass(frozen=True)
class _Counts:
    """How the networks of a kind of space are counted, given a recipe and its images."""

    path: Callable[..., Cost]
    child: Callable[..., Cost]
    supernet: Callable[..., int]


COUNTS = {
    "macro": _Counts(_macro_path_cost, _macro_child_cost, _macro_supernet),
    "micro": _Counts(_cells_path_cost, _cells_child_cost, _cells_supernet),
}
