"""Children: one architecture as a network of its own, for its final training.

A child is not a path of the supernet. The authors build it anew: macro layers widen at each
reduction and concatenate their skips, where the search adds them; cells halve by strided
operations, pass every input through one more 1x1 convolution, and hand on their loose ends side by
side.

Not here: the shared weights (`supernet.py`), the training (`final.py`).
Source: authors' `general_child.py` (`_fixed_layer`) and `micro_child.py` (`_fixed_layer`); sizes as
in `cifar10_macro_final.sh` and `cifar10_micro_final.sh`.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.facts.cost import STEM_FACTOR, auxiliary_after, cell_places, micro_drop_path_keep
from enas_viz.recipes import Fidelity, Recipe, checked_fidelity
from enas_viz.search.asked import check_sizes, of_kind
from enas_viz.search.nets.ops import (
    AuxiliaryHead,
    Conv,
    FactorizedReduction,
    Fit,
    Pool,
    Stem,
    brought,
    cell_module,
    classifier,
    fit,
    in_memory_format,
    initialise,
    join,
    norm,
    pool,
)
from enas_viz.search.training import draws
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.operations import Operation

INPUTS = 2  # tensors of a cell before its computed nodes


class Drops(NamedTuple):
    """What one minibatch drops: factors by which to multiply, None where nothing is dropped.

    features: (B, features), of the dropout before the classifier. paths: (uses, B), of drop path,
    one row for each operation that it may drop, in the order of `MicroChild.drop_cells`.
    """

    features: Tensor | None = None
    paths: Tensor | None = None


class MacroChild(nn.Module):
    """A macro network: stem, one operation a layer, skips merged into its output, classifier.

    Layers work in pre-activation order. Both after-reduction stages are twice as wide as the one
    before. Every stored tensor has a reduction of its own at each of the two points, as in the
    authors' program; those that no later layer reads are never computed. Published architecture as
    released: 42 559 392 parameters at 96 filters, 75 636 608 at 128; truly separable 30 947 424 at
    96. `fidelity.macro_final_ops`: "true" as named, "dense" with dense kernels for separable ones.
    `fidelity.skip_merge_search`: "input", what a layer chose, joined where it is several, is what
    its operation reads, and a layer that nothing depends on is not built. Otherwise
    `fidelity.skip_merge_final`, whatever the search did: "concat", a layer's skips and its own
    result pass a 1x1 convolution side by side (authors' code); "add", their sum is normalised.
    Raises ValueError where "dense" meets pooling, which the released program cannot build, and
    where skips that are the input are to be added.
    """

    def __init__(
        self,
        architecture: Architecture,
        filters: int,
        image_channels: int = 3,
        classes: int = 10,
        fidelity: Fidelity | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        of_kind(architecture, Architecture, "an Architecture")
        check_sizes(fidelity, filters=filters, image_channels=image_channels, classes=classes)
        space = architecture.space
        if not isinstance(space, MacroSpace):
            raise ValueError(f"a macro network is made of a macro architecture; got one of {space}")
        fidelity = _tracked(fidelity)
        self.architecture = architecture
        pools = space.pool_after()
        self.halvings = [sum(p < k for p in pools) for k in range(space.layers + 1)]
        widths = [filters * 2**halvings for halvings in self.halvings]
        self.features = widths[-1]  # channels before the classifier
        self.merge = merge = fidelity.skip_merge(final=True)
        self.reached = space.reached(architecture, merge)
        self.inputs = [space.inputs(architecture, k, merge) for k in range(space.layers)]
        self.sources = [space.sources(architecture, k) for k in range(space.layers)]
        self.stem = Stem(image_channels, filters, fidelity)
        self.branches = nn.ModuleList(
            _branch(op, widths[k], fidelity) if k in self.reached else nn.Identity()
            for k, op in enumerate(space.op_names(architecture))
        )
        self.merges = nn.ModuleList(
            self._merge(k, c, fidelity) for k, c in enumerate(widths[1:-1], start=1)
        )
        self.reductions = nn.ModuleList(
            nn.ModuleList(
                FactorizedReduction(widths[p], 2 * widths[p], fidelity) for _ in range(p + 2)
            )
            for p in pools
        )
        self.classifier = classifier(self.features, classes)
        initialise(self, draws.torch_generator(seed, "alone"), fidelity)

    def forward(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W).

        architecture: of the network itself, if at all (a supernet is told which one to be).
        """
        _check_own(self.architecture, architecture)
        tensors = [{0: self.stem(images)}]  # each in its versions, by number of halvings
        tensors += [{} for _ in self.branches]
        for k in self.reached:
            tensors[k + 1][self.halvings[k]] = self._layer(k, tensors)
        last = self._read(tensors, len(self.branches), self.halvings[-1])
        features = last.mean((2, 3))
        if drops is not None and drops.features is not None:
            features = features * drops.features
        return self.classifier(features)  # (B, classes) from (B, features)

    def forward_train(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> tuple[Tensor, None]:
        """`forward`, and the logits of an auxiliary head, which macro networks do not have."""
        return self(images, architecture, drops), None

    def _joined(self, k: int) -> int:
        """How many tensors are joined at layer k: what it chose and its own result; where what it
        chose is its input, only that, if it is more than one. 0: none."""
        if self.merge != "input":
            return len(self.sources[k]) + 1
        return len(self.inputs[k]) if k in self.reached and len(self.inputs[k]) > 1 else 0

    def _merge(self, k: int, c: int, fidelity: Fidelity) -> nn.Module:
        joined = self._joined(k)
        if not joined:
            return nn.Identity()
        if self.merge == "add":
            return norm(c, fidelity)
        return nn.Sequential(Conv(joined * c, c, 1), norm(c, fidelity))

    def _layer(self, k: int, tensors: list[dict[int, Tensor]]) -> Tensor:
        halvings = self.halvings[k]
        if len(self.inputs[k]) > 1:
            chosen = [self._read(tensors, t, halvings) for t in self.inputs[k]]
            return self.branches[k](self.merges[k - 1](F.relu_(join(chosen))))
        out = self.branches[k](self._read(tensors, self.inputs[k][0], halvings))
        if k == 0 or self.merge == "input":
            return out
        skips = [self._read(tensors, t, halvings) for t in self.sources[k]]
        if self.merge == "add":
            return self.merges[k - 1](sum(skips, out))
        return self.merges[k - 1](F.relu_(join([*skips, out])))

    def _read(self, tensors: list[dict[int, Tensor]], number: int, halvings: int) -> Tensor:
        versions = tensors[number]
        if halvings not in versions:
            reduce = self.reductions[halvings - 1][number]
            versions[halvings] = reduce(self._read(tensors, number, halvings - 1))
        return versions[halvings]


class ChildCell(nn.Module):
    """One cell with weights for its own operations only.

    c: channels of every tensor inside. given: (channels, halvings) of the outputs of the cell two
    back and of the previous cell. halvings: of this cell's output. In a reduction cell the
    operations on its two inputs have stride 2, and an unused input that counts as a loose end
    passes a factorized reduction.
    """

    def __init__(
        self,
        architecture: Architecture,
        kind: str,
        c: int,
        given: tuple[tuple[int, int], tuple[int, int]],
        fidelity: Fidelity,
    ) -> None:
        super().__init__()
        space = architecture.space
        self.ops = space.ops
        self.nodes = architecture.content[space.cells.index(kind)]
        counts = fidelity.loose_inputs == "count"
        self.loose = space.loose_ends(architecture, kind, inputs=counts)
        self.stride = 2 if kind == "reduction" else 1
        before, last = given
        self.fit_before = fit(before, c, last[1], fidelity)
        self.fit_last = fit(last, c, last[1], fidelity)
        self.base = Fit(c, c, fidelity)  # the source's layer_base
        self.weighted = nn.ModuleDict()
        for node, (i, j, a, b) in enumerate(self.nodes):
            for side, (source, op) in enumerate(((i, a), (j, b))):
                stride = self.stride if source < INPUTS else 1
                made = cell_module(space.ops[op], c, fidelity, stride)
                if made is not None:
                    self.weighted[f"{node}_{side}"] = made
        self.loose_inputs = nn.ModuleDict(
            {
                str(t): FactorizedReduction(c, c, fidelity)
                for t in self.loose
                if t < INPUTS and self.stride == 2
            }
        )
        self.leaves = (len(self.loose) * c, last[1] + (self.stride == 2))

    @property
    def droppable(self) -> int:
        """How many operations drop path may drop: all but identities."""
        return sum(self.ops[op].family != "identity" for *_, a, b in self.nodes for op in (a, b))

    def forward(self, before: Tensor, last: Tensor, paths: Tensor | None = None) -> Tensor:
        """(B, loose ends * c, H, W). paths: (droppable, B) factors of drop path."""
        first = self.fit_before(before) if self.fit_before is not None else before
        second = self.fit_last(last) if self.fit_last is not None else last
        tensors = [first, self.base(second)]
        rectified: dict[int, Tensor] = {}
        factors = iter(() if paths is None else paths[:, :, None, None, None])
        for node, (i, j, a, b) in enumerate(self.nodes):
            pair = []
            for side, (source, op) in enumerate(((i, a), (j, b))):
                name, x = self.ops[op], tensors[source]
                stride = self.stride if source < INPUTS else 1
                if name.pools:
                    x = pool(x, name, stride)
                elif name.weighted:
                    if source not in rectified:
                        rectified[source] = F.relu(x)
                    x = self.weighted[f"{node}_{side}"](rectified[source])
                elif stride == 2:
                    x = self.weighted[f"{node}_{side}"](x)
                if paths is not None and name.family != "identity":
                    x = x * next(factors)
                pair.append(x)
            tensors.append(pair[0] + pair[1])
        ends = [
            self.loose_inputs[str(t)](tensors[t]) if str(t) in self.loose_inputs else tensors[t]
            for t in self.loose
        ]
        return join(ends)


class MicroChild(nn.Module):
    """A stack of cells: stem, normal cells in three stages, reduction cells, classifier.

    layers: normal cells in all; `fidelity.micro_stack` says where reduction cells stand. filters:
    channels inside the first stage's cells; each reduction doubles them. Published cells at 36
    filters: 3 894 372 parameters for 15 layers, 4 587 372 for 18, and 494 848 more in the auxiliary
    head, which always normalises by the batch.
    """

    def __init__(
        self,
        architecture: Architecture,
        layers: int,
        filters: int,
        image_channels: int = 3,
        classes: int = 10,
        fidelity: Fidelity | None = None,
        auxiliary_weight: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        of_kind(architecture, Architecture, "an Architecture")
        sizes = {"layers": layers, "filters": filters}
        check_sizes(fidelity, **sizes, image_channels=image_channels, classes=classes)
        space = architecture.space
        if not isinstance(space, MicroSpace) or space.cells != ("normal", "reduction"):
            raise ValueError(
                f"a network of cells is made of a normal and a reduction cell; got an architecture "
                f"of {space}"
            )
        fidelity = _tracked(fidelity)
        self.architecture = architecture
        self.auxiliary_weight = auxiliary_weight
        width = STEM_FACTOR * filters
        self.stem = Stem(image_channels, width, fidelity)
        before = last = (width, 0)
        self.cells = nn.ModuleList()
        for place in cell_places(layers, filters, fidelity.micro_stack):
            cell = ChildCell(architecture, place.kind, place.channels, (before, last), fidelity)
            self.cells.append(cell)
            before, last = last, cell.leaves
        self.features = last[0]  # channels before the classifier
        self.classifier = classifier(self.features, classes)
        self.auxiliary = None
        self.auxiliary_after = auxiliary_after(layers)
        if auxiliary_weight:
            c = self.cells[self.auxiliary_after].leaves[0]
            by_batch = dataclasses.replace(fidelity, reward_bn="batch")
            self.auxiliary = AuxiliaryHead(c, classes, by_batch)
        # the cell of each operation that drop path may drop, in the order of `Drops.paths`
        self.drop_cells = [k for k, cell in enumerate(self.cells) for _ in range(cell.droppable)]
        initialise(self, draws.torch_generator(seed, "alone"), fidelity)

    def forward(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W); `architecture` as for `MacroChild`."""
        _check_own(self.architecture, architecture)
        return self._through(images, drops)[0]

    def forward_train(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """`forward`, and the auxiliary head's logits where there is one."""
        _check_own(self.architecture, architecture)
        logits, inner = self._through(images, drops)
        return logits, None if self.auxiliary is None else self.auxiliary(inner)

    def _through(self, images: Tensor, drops: Drops | None) -> tuple[Tensor, Tensor | None]:
        """Logits, and the map that the auxiliary head reads."""
        drops, inner, used = drops or Drops(), None, 0
        before = last = self.stem(images)
        for position, cell in enumerate(self.cells):
            paths = None
            if drops.paths is not None:
                paths = drops.paths[used : used + cell.droppable]
                used += cell.droppable
            before, last = last, cell(before, last, paths)
            if position == self.auxiliary_after:
                inner = last
        features = F.relu(last).mean((2, 3))
        if drops.features is not None:
            features = features * drops.features
        return self.classifier(features), inner  # (B, classes) from (B, features)

    def drop_path_keep(self, final: float, step: int, steps: int) -> list[float]:
        """For each row of `Drops.paths`, the probability with which it stays at `step` of `steps`.

        final: of the last cell at the last step.
        """
        by_cell = [
            micro_drop_path_keep(final, cell, len(self.cells), step, steps)
            for cell in range(len(self.cells))
        ]
        return [by_cell[cell] for cell in self.drop_cells]


Child = MacroChild | MicroChild


def make_child(
    recipe: Recipe, architecture: Architecture, image_channels: int, classes: int, seed: int
) -> Child:
    """The child that a recipe of final training makes of an architecture, with fresh weights.

    Raises ValueError when the architecture does not fit the recipe.
    """
    of_kind(recipe, Recipe, "a Recipe, such as enas_viz.recipe('macro-final-tiny')")
    of_kind(architecture, Architecture, "an Architecture")
    check_fits(recipe, architecture)
    network = recipe.network
    common = {
        "image_channels": image_channels,
        "classes": classes,
        "fidelity": recipe.fidelity,
        "seed": seed,
    }
    if network.space == "macro":
        net: Child = MacroChild(architecture, network.filters, **common)
    else:
        heads = {"auxiliary_weight": network.aux_weight}
        net = MicroChild(architecture, network.layers, network.filters, **heads, **common)
    return in_memory_format(net, recipe.compute.channels_last)


def check_fits(recipe: Recipe, architecture: Architecture) -> None:
    """Raises ValueError when an architecture is of another kind than a recipe's network, or, of a
    macro one, has another number of layers. Cells bring their own number of nodes."""
    wanted, space = recipe.network, architecture.space
    kind = "macro" if isinstance(space, MacroSpace) else "micro"
    if kind != wanted.space:
        raise ValueError(
            f"the recipe {recipe.name} trains {wanted.space} networks; got a {kind} architecture"
        )
    if kind == "macro" and space.layers != wanted.layers:
        raise ValueError(
            f"the recipe {recipe.name} is for {wanted.layers} layers, the architecture has "
            f"{space.layers}; set network.layers to {space.layers}"
        )


# ---------------------------------------------------------------- parts of a macro layer


def _branch(op: Operation, c: int, fidelity: Fidelity) -> nn.Module:
    """ReLU, 1x1 convolution, batch norm; then pooling, or ReLU, convolution, batch norm."""
    inner = (nn.ReLU(), Conv(c, c, 1), norm(c, fidelity))
    dense = fidelity.macro_final_ops == "dense"
    if op.pools:
        if dense:
            raise ValueError(
                f"the operation {op} cannot be built under fidelity.macro_final_ops='dense', since "
                f"the released final network has no pooling; use 'true'"
            )
        return nn.Sequential(*inner, Pool(op))
    if op.family not in ("conv", "sep"):
        return nn.Sequential(*inner, nn.ReLU(inplace=True), brought(op, c, fidelity))
    window = {"size": op.window, "dilation": op.dilation}
    kernel = (Conv(c, c, **window),)
    if op.family == "sep" and not dense:
        kernel = (Conv(c, c, groups=c, **window), Conv(c, c, 1))
    return nn.Sequential(*inner, nn.ReLU(inplace=True), *kernel, norm(c, fidelity))


def _tracked(fidelity: Fidelity | None) -> Fidelity:
    """The same with moving statistics, by which a child is evaluated whatever a search does."""
    return dataclasses.replace(checked_fidelity(fidelity), reward_bn="moving")


def _check_own(own: Architecture, asked: Architecture | None) -> None:
    if asked is not None and asked != own:
        raise ValueError(
            f"this network is built for {own.flat} alone; got the architecture {asked.flat}"
        )
