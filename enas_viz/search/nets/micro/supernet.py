"""The micro supernet: a stack of cells in which every pair of cell architectures is a path.

`forward(images, architecture)` computes the sampled operations only. A tensor that several nodes
read is rectified once, and pooled once for each kind of pool.

Not here: what to train it on (`enas.py`), networks with weights of their own (`child.py`).
Source: authors' `micro_child.py`; sizes as in `cifar10_micro_search.sh`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from enas_viz.facts.cost import CellPlace
from enas_viz.recipes import Fidelity, checked_fidelity
from enas_viz.search.asked import check_sizes, of_kind
from enas_viz.search.nets.micro.cells import (
    INPUTS,
    SIDES,
    CellNodes,
    CellStack,
    Memo,
    Sizes,
    once,
)
from enas_viz.search.nets.ops import (
    CellOutput,
    FactorizedReduction,
    cell_module,
    fit,
    initialise,
)
from enas_viz.search.training import draws
from enas_viz.spaces import CELLS, Architecture, MicroSpace


class Cell(CellNodes):
    """One position of the network: its inputs brought to size, its bank of weights, its output.

    c: channels of every tensor inside. given: sizes of the two tensors that come in, the output of
    the cell two back and of the previous one. leaves: the same of what the next position is given.
    A reduction cell halves as `fidelity.micro_reduction_search` says: "fr_then_cell" reduces the
    previous output, takes it before and after for its inputs (the cell two back is dropped) and
    works at stride 1; "fr_both" reduces both inputs; "stride2" lets the operations on inputs halve.
    """

    keeps = frozenset({"pool", "relu", "operation"})

    def __init__(
        self, reduces: bool, c: int, given: Sizes, space: MicroSpace, fidelity: Fidelity
    ) -> None:
        super().__init__()
        self.space = space
        self.counts_inputs = fidelity.loose_inputs == "count"
        self.cell = space.cells.index("reduction" if reduces else "normal")
        self.mode = fidelity.micro_reduction_search if reduces else ""
        self.stride = 2 if self.mode == "stride2" else 1
        before, last = given
        self.reduce_before = self.reduce_last = None
        if self.mode in ("fr_then_cell", "fr_both"):
            self.reduce_last = FactorizedReduction(last[0], c, fidelity)
            reduced = (c, last[1] + 1)
            if self.mode == "fr_both":
                self.reduce_before = FactorizedReduction(before[0], c, fidelity)
                before = (c, before[1] + 1)
            else:
                before = last
            last = reduced
        self.fit_before = fit(before, c, last[1], fidelity)
        self.fit_last = fit(last, c, last[1], fidelity)
        self.leaves = (last, (c, last[1] + (self.stride == 2)))
        self.bank = nn.ModuleList(
            nn.ModuleList(nn.ModuleDict(self._weights(c, sources, fidelity)) for _ in SIDES)
            for sources in range(INPUTS, INPUTS + space.nodes)
        )
        self.loose_inputs = None
        if self.stride == 2 and self.counts_inputs:
            self.loose_inputs = nn.ModuleList(
                FactorizedReduction(c, c, fidelity) for _ in range(INPUTS)
            )
        self.output = CellOutput(c, INPUTS + space.nodes, fidelity)
        self.output.stacked_fan_in = INPUTS + space.nodes

    def _weights(self, c: int, sources: int, fidelity: Fidelity) -> dict[str, nn.ModuleList]:
        """The weights of one side of a node: one set for each operation and source."""
        found = {}
        for op in self.space.ops:
            strides = [self.stride if t < INPUTS else 1 for t in range(sources)]
            sets = [cell_module(op, c, fidelity, stride) for stride in strides]
            if any(sets):  # of an identity, those alone that read an input of a strided cell
                found[op] = nn.ModuleList(filter(None, sets))
            if op.weighted:
                for module in found[op].modules():
                    module.stacked_fan_in = sources
        return found

    def forward(
        self, before: Tensor, last: Tensor, architecture: Architecture, memo: Memo | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the next position is given: the previous cell's output, and this one's.

        memo: keeps what depends on this cell's inputs alone, for another call with the same inputs.
        """
        kept = {} if memo is None else memo
        if self.reduce_last is not None:
            reduced = once(kept, "last", lambda: self.reduce_last(last))
            if self.reduce_before is not None:
                before = once(kept, "before", lambda: self.reduce_before(before))
            else:
                before = last
            last = reduced
        inputs = (
            once(kept, 0, lambda: self.fit_before(before)) if self.fit_before else before,
            once(kept, 1, lambda: self.fit_last(last)) if self.fit_last else last,
        )
        kind = self.space.cells[self.cell]
        tensors = self.computed(architecture.content[self.cell], inputs, kept)
        loose = self.space.loose_ends(architecture, kind, inputs=self.counts_inputs)
        return last, self.output(self.ends(loose, tensors))

    def operation(self, node: int, side: int, op: int, source: int) -> nn.Module:
        return self.bank[node][side][self.space.ops[op]][source]

    def loose_input(self, source: int) -> nn.Module:
        return self.loose_inputs[source]


class MicroSupernet(CellStack):
    """Stem, cells with one bank of weights each, classifier, and an auxiliary head where wanted.

    layers: normal cells in all, in three stages; a reduction cell stands between two stages and
    doubles the channels, so `layers` + 2 cells. Under `fidelity.micro_stack="trailing"` another one
    ends the last stage. filters: channels of the first stage.
    5 373 140 trainable parameters at 6 layers, 20 filters and five nodes, and 412 928 more in the
    auxiliary head.
    """

    def __init__(
        self,
        space: MicroSpace,
        layers: int,
        filters: int,
        image_channels: int = 3,
        classes: int = 10,
        fidelity: Fidelity | None = None,
        auxiliary_weight: float = 0.0,
        seed: int = 0,
        stream: str = "weights",
    ) -> None:
        of_kind(space, MicroSpace, "a MicroSpace")
        sizes = {"layers": layers, "filters": filters}
        check_sizes(fidelity, **sizes, image_channels=image_channels, classes=classes)
        if space.cells != CELLS:
            raise ValueError(
                f"a network of cells needs a normal and a reduction cell; {space} has "
                f"{', '.join(space.cells)}"
            )
        fidelity = checked_fidelity(fidelity)

        def cell(place: CellPlace, given: Sizes) -> Cell:
            return Cell(place.kind == "reduction", place.channels, given, space, fidelity)

        images = (image_channels, classes)
        super().__init__(cell, layers, filters, *images, fidelity, auxiliary_weight)
        self.space, self.fidelity = space, fidelity
        initialise(self, draws.torch_generator(seed, stream), self.fidelity)

    def forward(
        self, images: Tensor, architecture: Architecture, drop: Tensor | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W), through cells of `architecture`.

        drop: (B, features) factors on the features before the classifier, made by
        `draws.dropout_mask`; None for no dropout.
        """
        return self._through(images, architecture, drop)[0]

    def forward_train(
        self, images: Tensor, architecture: Architecture, drop: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """`forward`, and the auxiliary head's logits where there is one."""
        return self.with_head(*self._through(images, architecture, drop))

    def forward_each(
        self,
        images: Tensor,
        architectures: Sequence[Architecture],
        drops: Sequence[Tensor | None] | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """(index, logits) of every architecture on the same images, without gradients.

        What reads only the images is computed once: the stem, and the first cell's operations on
        its inputs, of which there are few.
        """
        memo: Memo = {}
        for i, architecture in enumerate(architectures):
            with torch.inference_mode():
                logits, _ = self._through(images, architecture, drops and drops[i], memo)
            yield i, logits

    def passed_on(
        self, cell: Cell, before: Tensor, last: Tensor, *more: Any
    ) -> tuple[Tensor, Tensor]:
        """The same; a reduction cell may replace the previous output by one that it halved."""
        return cell(before, last, *more)

    def _through(
        self,
        images: Tensor,
        architecture: Architecture,
        drop: Tensor | None,
        memo: Memo | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits, and the map that the auxiliary head reads."""
        of_kind(architecture, Architecture, "an Architecture")
        if architecture.space != self.space:
            raise ValueError(
                f"this supernet is built for {self.space}; got an architecture of "
                f"{architecture.space}"
            )
        stem = once({} if memo is None else memo, "stem", lambda: self.stem(images))
        given = ((architecture, None if k else memo) for k in range(len(self.cells)))
        return self.through(stem, given, drop)
