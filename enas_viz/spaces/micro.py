"""Micro search: cells, of which the network is a stack.

Tensors count from 0 in code and JSON, from 1 in every message meant for a reader.

Source: Pham et al. 2018 (arXiv:1802.03268) and the authors' released code (operation numbers,
flat lists).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.spaces.architecture import (
    Architecture,
    Content,
    Decision,
    Space,
    check_count,
    counted,
    is_int,
    listed,
    names,
    operations_of,
    own,
    rows_of,
    shown,
)
from enas_viz.spaces.operations import MICRO_OPS, Operation

CELLS = ("normal", "reduction")
MOST_TIES = 10_000  # orders of nodes that are compared to find the smallest
MAX_NODES = 1000  # far beyond any search; a damaged file that says more must not fill the memory

Cell = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class MicroSpace(Space):
    """Cells: every computed node adds two inputs, each an earlier tensor through an operation.

    nodes: computed nodes per cell (the paper's B is nodes + 2, since it counts the two inputs).
    Tensor 0 is the output of the cell two back, tensor 1 of the previous cell, tensor 2 the first
    computed node. cells: which cells are searched; the article's example has the normal one only.
    """

    nodes: int = 5
    ops: tuple[Operation, ...] = MICRO_OPS
    cells: tuple[str, ...] = CELLS

    kind = "micro"
    orders = ("indices-first",)
    unit = "node"
    extent = "nodes"
    networks = "cells"
    short_form = "nodes: operation(source) + another"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", operations_of(self.ops, MICRO_OPS))
        object.__setattr__(self, "cells", names(self.cells, "cells", CELLS))
        check_count(self.nodes, MAX_NODES, "a cell", "computed node", "nodes")
        if not self.cells or self.cells != CELLS[: len(self.cells)]:
            raise ValueError(
                f"cells are ('normal',) or ('normal', 'reduction'); got {shortened(self.cells)}"
            )

    # ---- decisions and sizes

    def steps(self, order: str = "indices-first") -> tuple[Decision, ...]:
        """The controller's time-steps: per cell two silent warm-ups, then per node index, index,
        op, op and a silent anchor step. 54 for both cells of five nodes, of which 40 decide."""
        if order != "indices-first":
            raise ValueError(
                f"a micro controller knows the order 'indices-first'; got {shortened(order)}"
            )
        found: list[Decision] = []
        for cell in self.cells:
            found += [Decision("silent", i, 0, cell=cell) for i in (0, 1)]
            for i in range(2, self.nodes + 2):
                found += [Decision("index", i, 1, i, cell, side) for side in (0, 1)]
                found += [Decision("op", i, 1, len(self.ops), cell, side) for side in (0, 1)]
                found.append(Decision("silent", i, 0, cell=cell))
        return tuple(found)

    @property
    def size(self) -> int:
        """How many sequences of decisions there are: prod over nodes of (sources * ops)^2."""
        per_cell = math.prod((i * len(self.ops)) ** 2 for i in range(2, self.nodes + 2))
        return int(per_cell ** len(self.cells))

    @property
    def distinct_size(self) -> int:
        """As `size`, counting a node whose two (source, op) pairs are swapped only once."""
        pairs = [i * len(self.ops) for i in range(2, self.nodes + 2)]
        return int(math.prod(m * (m + 1) // 2 for m in pairs) ** len(self.cells))

    @property
    def paper_size(self) -> int:
        """The paper's formula (ops * (B-2)!)^4. It counts one operation per cell instead of two
        per node, so it is far below `size`."""
        return int((len(self.ops) * math.factorial(self.nodes)) ** (2 * len(self.cells)))

    # ---- making architectures

    def sample(self, rng: random.Random, skip_rate: float = 0.5) -> Architecture:
        """One architecture, every decision uniform over its options; cells have no skips."""
        return Architecture(
            self,
            tuple(
                tuple(
                    (
                        *(rng.randrange(i) for _ in (0, 1)),
                        *(rng.randrange(len(self.ops)) for _ in (0, 1)),
                    )
                    for i in range(2, self.nodes + 2)
                )
                for _ in self.cells
            ),
        )

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """A neighbour: exactly one decision (one index or one operation) has another value."""
        cells = [[list(node) for node in cell] for cell in architecture.content]
        c, n = rng.randrange(len(self.cells)), rng.randrange(self.nodes)
        spots = [s for s in range(4) if s < 2 or len(self.ops) > 1]
        s = rng.choice(spots)
        options = n + 2 if s < 2 else len(self.ops)
        cells[c][n][s] = (cells[c][n][s] + rng.randrange(1, options)) % options
        return Architecture(self, tuple(tuple(map(tuple, cell)) for cell in cells))

    def replaced(
        self, architecture: Architecture, decision: Decision, picks: Sequence[int]
    ) -> Architecture:
        """The same architecture but for what one time-step decided."""
        cells = [list(cell) for cell in architecture.content]
        cell = cells[self.cells.index(decision.cell)]
        node, spot = list(cell[decision.at - 2]), _spot(decision)
        node[spot : spot + 1] = picks
        cell[decision.at - 2] = tuple(node)
        return Architecture(self, tuple(map(tuple, cells)))

    def plain(self) -> Architecture:
        """The first operation everywhere; each node reads the two tensors before it."""
        nodes = tuple((i - 1, i - 2, 0, 0) for i in range(2, self.nodes + 2))
        return Architecture(self, (nodes,) * len(self.cells))

    def assembled(self, taken: Mapping[Decision, tuple[int, ...]]) -> Architecture:
        """The architecture to which these picks of all deciding steps lead."""
        nodes = {(cell, i): [0, 0, 0, 0] for cell in self.cells for i in range(2, self.nodes + 2)}
        for decision, (value,) in taken.items():
            nodes[decision.cell, decision.at][_spot(decision)] = value
        rows = [tuple(node) for node in nodes.values()]
        cells = [rows[at : at + self.nodes] for at in range(0, len(rows), self.nodes)]
        return Architecture(self, tuple(map(tuple, cells)))

    def canonical(self, architecture: Architecture) -> Architecture:
        """One architecture for all whose cells are equal but for the numbers of their nodes and
        for which of a node's two inputs comes first.

        Such cells compute the same from the same weights. The order of a cell's channels may
        differ, and with it that of the weights that read them.
        """
        own(self, architecture)
        return Architecture(self, tuple(canonical_cell(cell) for cell in architecture.content))

    def _contents(self) -> Iterator[Content]:
        ops = range(len(self.ops))
        rows = (product(range(i), range(i), ops, ops) for i in range(2, self.nodes + 2))
        return product(list(product(*rows)), repeat=len(self.cells))

    # ---- flat lists

    def encode(self, architecture: Architecture) -> list[int]:
        """The authors' flat list: per node index_1, op_1, index_2, op_2; normal cell first."""
        return [v for cell in architecture.content for (i, j, a, b) in cell for v in (i, a, j, b)]

    def decode(self, flat: Sequence[int]) -> Architecture:
        """The architecture of a flat list. Raises ValueError saying which node is wrong."""
        flat = listed(flat, "a micro list is a sequence of whole numbers")
        per_cell = 4 * self.nodes
        if len(flat) != per_cell * len(self.cells):
            raise ValueError(
                f"a micro list for {self.nodes} nodes has {per_cell} integers for each of "
                f"{counted(len(self.cells), 'cell')} ({per_cell * len(self.cells)} in all); "
                f"got {len(flat)}"
            )
        nodes = [
            (i, j, a, b) for i, a, j, b in (flat[at : at + 4] for at in range(0, len(flat), 4))
        ]
        cells = [nodes[c : c + self.nodes] for c in range(0, len(nodes), self.nodes)]
        return Architecture(self, tuple(map(tuple, cells)))

    # ---- reading architectures

    def picks(self, architecture: Architecture, decision: Decision) -> tuple[int, ...]:
        """What a time-step decided, for the controller to come to this architecture."""
        if decision.kind == "silent":
            return ()
        node = architecture.content[self.cells.index(decision.cell)][decision.at - 2]
        return (node[_spot(decision)],)

    @property
    def places(self) -> tuple[str, ...]:
        """The cell and the number of each computed node: the first is node 3."""
        return tuple(f"{cell} {n + 3}" for cell in self.cells for n in range(self.nodes))

    def rows(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        return tuple(node for cell in architecture.content for node in cell)

    def from_rows(self, numbers: Sequence[int]) -> Architecture:
        nodes = [tuple(numbers[i : i + 4]) for i in range(0, len(numbers), 4)]
        starts = range(0, len(nodes), self.nodes)
        return Architecture(self, tuple(tuple(nodes[i : i + self.nodes]) for i in starts))

    def ops_by_place(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """The numbers of each node's two operations."""
        return tuple(node[2:] for cell in architecture.content for node in cell)

    @property
    def is_pair(self) -> bool:
        """Whether both cells are searched, so that a whole network can be stacked from them."""
        return self.cells == CELLS

    def wiring_statistic(self, architecture: Architecture, inputs: bool = True) -> float:
        """The mean number of loose ends of a cell."""
        ends = [len(self.loose_ends(architecture, cell, inputs)) for cell in self.cells]
        return sum(ends) / len(ends)

    def loose_ends(
        self, architecture: Architecture, cell: str = "normal", inputs: bool = True
    ) -> tuple[int, ...]:
        """Tensors that no node of `cell` consumes, in order. `inputs`: whether the cell's two
        inputs count when unused (the released code) or not (the paper's wording)."""
        nodes = architecture.content[self.cells.index(cell)]
        used = {source for node in nodes for source in node[:2]}
        return tuple(t for t in range(0 if inputs else 2, self.nodes + 2) if t not in used)

    def in_short(self, architecture: Architecture) -> list[str]:
        """A line for each cell: of each node its number, and the two operations with sources."""
        lines = []
        for cell, nodes in zip(self.cells, architecture.content, strict=True):
            inputs = [
                f"{k}: {self.ops[a]}({i + 1}) + {self.ops[b]}({j + 1})"
                for k, (i, j, a, b) in enumerate(nodes, start=3)
            ]
            lines.append(f"{cell:9}  {'  '.join(inputs)}")
        return lines

    def depth(self, architecture: Architecture, cell: str = "normal") -> int:
        """How many computed nodes the longest chain from the inputs of `cell` passes: 1 when every
        node reads only the two inputs, `nodes` when each reads the one before."""
        depths = [0, 0]  # of each tensor; the two inputs are not computed here
        for first, second, *_ in architecture.content[self.cells.index(cell)]:
            depths.append(1 + max(depths[first], depths[second]))
        return max(depths)

    # ---- checks and JSON

    def check(self, decision: Decision, picks: Sequence[int]) -> None:
        """Raises ValueError unless `picks` are valid values for `decision`."""
        who = f"{decision.cell or 'normal'} cell, node {decision.at + 1}"
        what = "index" if decision.kind == "index" else "operation"
        if len(picks) != 1:
            raise ValueError(f"{who} takes 1 {what} for each input; got {shown(picks)}")
        (value,) = picks
        if is_int(value) and 0 <= value < decision.options:
            return
        names = ", ".join(self.ops)
        raise ValueError(
            f"{who} takes a source index from 0 to {decision.options - 1} "
            f"(one of the {decision.options} tensors before it); got {shortened(value)}"
            if decision.kind == "index"
            else f"{who} takes an operation from 0 to {len(self.ops) - 1} ({names}); got "
            f"{shortened(value)}"
        )

    def check_content(self, content: Any) -> Content:
        if self._is_plain(content):
            return tuple(tuple(map(tuple, cell)) for cell in content)
        cells = rows_of(content, "a micro architecture", "cell")
        if len(cells) != len(self.cells):
            raise ValueError(
                f"a micro architecture of this space has {counted(len(self.cells), 'cell')}; "
                f"got {len(cells)}"
            )
        checked = []
        for name, cell in zip(self.cells, cells, strict=True):
            nodes = rows_of(cell, f"the {name} cell", "node")
            if len(nodes) != self.nodes:
                raise ValueError(
                    f"the {name} cell has {counted(self.nodes, 'computed node')}; got {len(nodes)}"
                )
            for i, node in enumerate(nodes, start=2):
                if len(node) != 4:
                    raise ValueError(
                        f"{name} cell, node {i + 1} takes (index, index, op, op); got {shown(node)}"
                    )
                for side in (0, 1):
                    self.check(Decision("index", i, 1, i, name, side), node[side : side + 1])
                    self.check(
                        Decision("op", i, 1, len(self.ops), name, side), node[side + 2 : side + 3]
                    )
            checked.append(tuple(tuple(map(int, node)) for node in nodes))
        return tuple(checked)

    def _is_plain(self, content: Any) -> bool:
        """Whether there is nothing to complain about, nor a number to convert: as nearly always."""
        if type(content) not in (tuple, list) or len(content) != len(self.cells):
            return False
        count = len(self.ops)
        return all(
            type(cell) in (tuple, list)
            and len(cell) == self.nodes
            and all(
                type(node) in (tuple, list)
                and len(node) == 4
                and {int}.issuperset(map(type, node))
                and 0 <= node[0] < i
                and 0 <= node[1] < i
                and 0 <= node[2] < count
                and 0 <= node[3] < count
                for i, node in enumerate(cell, start=2)
            )
            for cell in content
        )

    def to_json(self) -> dict[str, Any]:
        ops = tuple(op.to_json() for op in self.ops)
        return {"kind": "micro", "nodes": self.nodes, "ops": ops, "cells": self.cells}


def _spot(decision: Decision) -> int:
    """Where in a node `(index, index, op, op)` its value stands."""
    return decision.side + (2 if decision.kind == "op" else 0)


def canonical_cell(cell: Cell) -> Cell:
    """The smallest list of nodes, each `(index, index, op, op)`, that describes this cell."""
    return relabelled(cell, canonical_order(cell))


def relabelled(cell: Cell, order: Sequence[int]) -> Cell:
    """The cell with its nodes in that order, the inputs of each in order of their numbers.

    order: for each place the node, from 0, that stands there; none before one that it reads.
    """
    number = {0: 0, 1: 1} | {node + 2: place + 2 for place, node in enumerate(order)}
    return tuple(_node(cell[node], number) for node in order)


def canonical_order(cell: Cell) -> tuple[int, ...]:
    """The order of nodes, from 0, in which the cell's list is the smallest.

    Nodes are placed one after the other, the smallest first; where several are equally small, each
    is tried, but for those that could change places and nobody would notice. Raises ValueError for
    a cell with more than `MOST_TIES` ways to go on: of many nodes, and nearly all alike.
    """
    orders: list[tuple[int, ...]] = [()]
    for _ in cell:
        smallest: tuple[int, ...] | None = None
        tied: list[tuple[int, ...]] = []
        for order in orders:
            number = {0: 0, 1: 1} | {node + 2: place + 2 for place, node in enumerate(order)}
            here: list[int] = []  # the nodes that this order tries next
            for k, node in enumerate(cell):
                if k in order or not set(node[:2]) <= number.keys():
                    continue
                row = _node(node, number)
                if smallest is None or row < smallest:
                    smallest, tied, here = row, [], []
                if row == smallest and not any(_twins(cell, k, other) for other in here):
                    here.append(k)
                    tied.append((*order, k))
        orders = tied
        if len(orders) > MOST_TIES:
            raise ValueError(
                f"this cell of {len(cell)} nodes has too many that are alike: more than "
                f"{MOST_TIES:,} orders would have to be compared"
            )
    return orders[0]


def _node(node: Sequence[int], number: Mapping[int, int]) -> tuple[int, ...]:
    """A node whose tensors have other numbers, the smaller of its inputs first."""
    first, second, op, other = node
    (a, p), (b, q) = sorted(((number[first], op), (number[second], other)))
    return a, b, p, q


def _twins(cell: Cell, k: int, other: int) -> bool:
    """Whether two nodes could change places and the cell would be the same."""
    number = {t: t for t in range(len(cell) + 2)} | {k + 2: other + 2, other + 2: k + 2}
    same = {t: t for t in number}
    swapped = [_node(node, number) for node in cell]
    swapped[k], swapped[other] = swapped[other], swapped[k]
    return swapped == [_node(node, same) for node in cell]
