"""The micro child: a pair of cells as a network of its own, for its final training.

It is not a path of the supernet. The authors build it anew: cells halve by strided operations, pass
every input through one more 1x1 convolution, and hand on their loose ends side by side.

Not here: the shared weights (`supernet.py`), the training (`final.py`).
Source: authors' `micro_child.py` (`_fixed_layer`); sizes as in `cifar10_micro_final.sh`.
"""

from __future__ import annotations

import dataclasses

from torch import Tensor, nn

from enas_viz.facts.cost import CellPlace, micro_drop_path_keep
from enas_viz.recipes import Fidelity
from enas_viz.search.asked import check_sizes, of_kind
from enas_viz.search.nets.fixed import Drops, check_own, tracked
from enas_viz.search.nets.micro.cells import INPUTS, CellNodes, CellStack, Sizes
from enas_viz.search.nets.ops import FactorizedReduction, Fit, cell_module, fit, initialise, join
from enas_viz.search.training import draws
from enas_viz.spaces import CELLS, Architecture, MicroSpace


class ChildCell(CellNodes):
    """One cell with weights for its own operations only.

    c: channels of every tensor inside. given: (channels, halvings) of the outputs of the cell two
    back and of the previous cell. halvings: of this cell's output. In a reduction cell the
    operations on its two inputs have stride 2, and an unused input that counts as a loose end
    passes a factorized reduction.
    """

    keeps = frozenset({"relu"})  # pooled anew for each node, as gradients have always been summed

    def __init__(
        self, architecture: Architecture, kind: str, c: int, given: Sizes, fidelity: Fidelity
    ) -> None:
        super().__init__()
        self.space = space = architecture.space
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
        self.leaves = (last, (len(self.loose) * c, last[1] + (self.stride == 2)))

    @property
    def droppable(self) -> int:
        """How many operations drop path may drop: all but identities."""
        ops = self.space.ops
        return sum(ops[op].family != "identity" for *_, a, b in self.nodes for op in (a, b))

    def operation(self, node: int, side: int, op: int, source: int) -> nn.Module:
        return self.weighted[f"{node}_{side}"]

    def loose_input(self, source: int) -> nn.Module:
        return self.loose_inputs[str(source)]

    def forward(self, before: Tensor, last: Tensor, paths: Tensor | None = None) -> Tensor:
        """(B, loose ends * c, H, W). paths: (droppable, B) factors of drop path."""
        first = self.fit_before(before) if self.fit_before is not None else before
        second = self.fit_last(last) if self.fit_last is not None else last
        factors = None if paths is None else iter(paths[:, :, None, None, None])
        tensors = self.computed(self.nodes, (first, self.base(second)), {}, factors)
        return join(list(self.ends(self.loose, tensors).values()))


class MicroChild(CellStack):
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
        of_kind(architecture, Architecture, "an Architecture")
        sizes = {"layers": layers, "filters": filters}
        check_sizes(fidelity, **sizes, image_channels=image_channels, classes=classes)
        space = architecture.space
        if not isinstance(space, MicroSpace) or space.cells != CELLS:
            raise ValueError(
                f"a network of cells is made of a normal and a reduction cell; got an architecture "
                f"of {space}"
            )
        fidelity = tracked(fidelity)

        def cell(place: CellPlace, given: Sizes) -> ChildCell:
            return ChildCell(architecture, place.kind, place.channels, given, fidelity)

        by_batch = dataclasses.replace(fidelity, reward_bn="batch")
        images = (image_channels, classes)
        super().__init__(cell, layers, filters, *images, fidelity, auxiliary_weight, by_batch)
        self.architecture = architecture
        # the cell of each operation that drop path may drop, in the order of `Drops.paths`
        self.drop_cells = [k for k, cell in enumerate(self.cells) for _ in range(cell.droppable)]
        initialise(self, draws.torch_generator(seed, "alone"), fidelity)

    def forward(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W); `architecture` as for `MacroChild`."""
        check_own(self.architecture, architecture)
        return self._through(images, drops)[0]

    def forward_train(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """`forward`, and the auxiliary head's logits where there is one."""
        check_own(self.architecture, architecture)
        return self.with_head(*self._through(images, drops))

    def _through(self, images: Tensor, drops: Drops | None) -> tuple[Tensor, Tensor | None]:
        """Logits, and the map that the auxiliary head reads."""
        drops = drops or Drops()
        counts = [cell.droppable for cell in self.cells]
        paths = [None] * len(counts) if drops.paths is None else drops.paths.split(counts)
        return self.through(self.stem(images), ((rows,) for rows in paths), drops.features)

    def drop_path_keep(self, final: float, step: int, steps: int) -> list[float]:
        """For each row of `Drops.paths`, the probability with which it stays at `step` of `steps`.

        final: of the last cell at the last step.
        """
        by_cell = [
            micro_drop_path_keep(final, cell, len(self.cells), step, steps)
            for cell in range(len(self.cells))
        ]
        return [by_cell[cell] for cell in self.drop_cells]
