"""What the supernet's and a child's cells have in common: nodes, loose ends, and how cells stack.

Not here: where weights come from, how a cell's inputs are brought to size and its loose ends are
joined (`supernet.py`, `child.py`).
Source: authors' `micro_child.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.facts.cost import STEM_FACTOR, CellPlace, auxiliary_after, cell_places
from enas_viz.recipes import Fidelity
from enas_viz.search.nets.ops import AuxiliaryHead, Stem, classifier, pool
from enas_viz.spaces import MicroSpace

INPUTS = 2  # tensors of a cell before its computed nodes
SIDES = (0, 1)  # a node adds two operations

Size = tuple[int, int]  # of a tensor: channels, and how often its height was halved
Sizes = tuple[Size, Size]  # of the output of the cell two back, and of the previous one
Memo = dict[Hashable, Tensor]  # what was computed already, by what it is


class CellNodes(nn.Module):
    """The nodes of a cell: each adds two operations on earlier tensors.

    stride: 2 where the operations on the cell's two inputs halve; an unused input that counts as a
    loose end is then halved, too. leaves: sizes of what the next position is given. keeps: which
    results all nodes that read them share, by what their keys begin with.
    """

    space: MicroSpace
    stride: int
    leaves: Sizes
    keeps: ClassVar[frozenset[str]]

    def operation(self, node: int, side: int, op: int, source: int) -> nn.Module:
        """The module with which one side of a node works on a source."""
        raise NotImplementedError

    def loose_input(self, source: int) -> nn.Module:
        """The module that halves an unused input of a strided cell."""
        raise NotImplementedError

    def computed(
        self,
        nodes: Sequence[Sequence[int]],
        inputs: Sequence[Tensor],
        kept: Memo,
        factors: Iterator[Tensor] | None = None,
    ) -> list[Tensor]:
        """All tensors of the cell: its two inputs at the cell's size, and its nodes.

        kept: takes what depends on the inputs alone. factors: of drop path, one for each operation
        that is no identity.
        """
        tensors, own = list(inputs), {}
        for node, (i, j, a, b) in enumerate(nodes):
            pair = []
            for side, source, op in zip(SIDES, (i, j), (a, b), strict=True):
                x = self._run(node, side, op, source, tensors, kept if source < INPUTS else own)
                if factors is not None and self.space.ops[op].family != "identity":
                    x = x * next(factors)
                pair.append(x)
            tensors.append(pair[0] + pair[1])
        return tensors

    def ends(self, loose: Sequence[int], tensors: Sequence[Tensor]) -> dict[int, Tensor]:
        """The loose ends at the size of the cell's output, by their number in the cell."""
        return {
            t: self.loose_input(t)(tensors[t]) if self.stride == 2 and t < INPUTS else tensors[t]
            for t in loose
        }

    def _run(
        self, node: int, side: int, op: int, source: int, tensors: list[Tensor], memo: Memo
    ) -> Tensor:
        """One operation on one source, for one side of a node; `node` counts computed ones."""
        name, x = self.space.ops[op], tensors[source]
        stride = self.stride if source < INPUTS else 1
        if name.pools:
            return self._once(memo, ("pool", name, source), lambda: pool(x, name, stride))
        if not name.weighted and stride == 1:
            return x
        given = self._once(memo, ("relu", source), lambda: F.relu(x)) if name.weighted else x
        module = self.operation(node, side, op, source)
        return self._once(memo, ("operation", node, side, name, source), lambda: module(given))

    def _once(self, memo: Memo, key: tuple[Any, ...], make: Callable[[], Tensor]) -> Tensor:
        return once(memo, key, make) if key[0] in self.keeps else make()


class CellStack(nn.Module):
    """Stem, cells in three stages, classifier, and an auxiliary head where it has a weight.

    make_cell: the cell of a place, by the sizes of what it is given. head: fidelity of the
    auxiliary head, by default that of the rest.
    """

    def __init__(
        self,
        make_cell: Callable[[CellPlace, Sizes], CellNodes],
        layers: int,
        filters: int,
        image_channels: int,
        classes: int,
        fidelity: Fidelity,
        auxiliary_weight: float,
        head: Fidelity | None = None,
    ) -> None:
        super().__init__()
        self.auxiliary_weight = auxiliary_weight
        width = STEM_FACTOR * filters
        self.stem = Stem(image_channels, width, fidelity)
        given: Sizes = ((width, 0), (width, 0))
        self.cells = nn.ModuleList()
        for place in cell_places(layers, filters, fidelity.micro_stack):
            self.cells.append(make_cell(place, given))
            given = self.cells[-1].leaves
        self.features = given[1][0]  # channels before the classifier
        self.classifier = classifier(self.features, classes)
        self.auxiliary = None
        self.auxiliary_after = auxiliary_after(layers)
        if auxiliary_weight:
            c = self.cells[self.auxiliary_after].leaves[1][0]
            self.auxiliary = AuxiliaryHead(c, classes, head or fidelity)

    def through(
        self, stem: Tensor, given: Iterable[tuple[Any, ...]], drop: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Logits, and the map that the auxiliary head reads.

        given: for each cell what it takes besides its two inputs. drop: (B, features) factors.
        """
        inner = None
        before = last = stem
        for position, (cell, more) in enumerate(zip(self.cells, given, strict=True)):
            before, last = self.passed_on(cell, before, last, *more)
            if position == self.auxiliary_after:
                inner = last
        features = F.relu(last).mean((2, 3))
        if drop is not None:
            features = features * drop
        return self.classifier(features), inner  # (B, classes) from (B, features)

    def passed_on(
        self, cell: CellNodes, before: Tensor, last: Tensor, *more: Any
    ) -> tuple[Tensor, Tensor]:
        """What the next cell is given: the previous cell's output, and this one's."""
        return last, cell(before, last, *more)

    def with_head(self, logits: Tensor, inner: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The logits, and those of the auxiliary head where there is one."""
        return logits, None if self.auxiliary is None else self.auxiliary(inner)


def once(memo: Memo, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
    """What `memo` has under a key; made and kept if it has nothing."""
    if key not in memo:
        memo[key] = make()
    return memo[key]
