"""Search spaces: which decisions ENAS makes, and what an architecture is.

A space is data. It holds no weights and draws nothing; the supernet, the child network and every
picture are built from a space plus the choices made in it. In which order a controller makes the
decisions is the controller's affair: `steps` lists them for the orders that exist, while an
`Architecture` keeps its content in one canonical order, so that two samplings of one network are
equal.

Layers and nodes count from 0 in code and JSON, from 1 in every message meant for a reader.

Source: Pham et al. 2018 (arXiv:1802.03268) and the authors' released code (operation numbers,
flat lists); the article "Illustrated: Efficient Neural Architecture Search" for skips-first.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal

from enas_viz.spaces.operations import MACRO_OPS, MICRO_OPS, Operation, found

WIRINGS = ("layer", "code")
MACRO_ORDERS = ("op-first", "skips-first")
CELLS = ("normal", "reduction")
MAX_LAYERS = 1000  # far beyond any search; a damaged file that says more must not fill the memory
MOST_SHOWN = 30  # picks that an error repeats
MAX_NODES = 1000  # the same for the computed nodes of a cell
MOST_NUMBERS = 1_000_000  # in a list that is read; the longest flat list has half as many

Wiring = Literal["layer", "code"]
Order = Literal["op-first", "skips-first"]
Content = tuple[Any, ...]


@dataclass(frozen=True)
class Decision:
    """One time-step of the controller's LSTM, and what it decides.

    kind: "op" (one operation), "skip" (one bit per earlier layer), "index" (the source of a node's
    input) or "silent" (the LSTM steps, nothing is decided). at: the layer or node, from 0.
    rows: how many independent draws the step makes; options: how many values each can take.
    """

    kind: Literal["op", "skip", "index", "silent"]
    at: int
    rows: int = 1
    options: int = 0
    cell: str = ""  # micro only: "normal" or "reduction"
    side: int = 0  # micro only: first (0) or second (1) input of the node


@dataclass(frozen=True)
class Architecture:
    """One network of a space: `content` in canonical order. Hashable, comparable, JSON-able.

    Macro: per layer `(op, bit, bit, ...)`, one bit per earlier layer.
    Micro: per cell, per node `(index, index, op, op)`; the normal cell comes first.
    Raises ValueError, naming the layer or node, when the content does not fit the space.
    """

    space: MacroSpace | MicroSpace
    content: Content

    def __post_init__(self) -> None:
        if not isinstance(self.space, MacroSpace | MicroSpace):
            raise TypeError(
                f"space must be a MacroSpace or a MicroSpace; got {shortened(self.space)}"
            )
        object.__setattr__(self, "content", self.space.check_content(self.content))

    @property
    def flat(self) -> list[int]:
        """The authors' flat list of integers."""
        return self.space.encode(self)

    def to_json(self) -> dict[str, Any]:
        return {"space": self.space.to_json(), "content": self.content}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Architecture:
        if not isinstance(value, dict) or not {"space", "content"} <= value.keys():
            raise ValueError(
                f"an architecture in JSON is an object with 'space' and 'content'; got "
                f"{shortened(value)}"
            )
        return cls(space_from_json(value["space"]), value["content"])


@dataclass(frozen=True)
class MacroSpace:
    """Whole networks: every layer picks one operation and which earlier layers feed it as skips.

    wiring says what bit i of a layer selects. "layer": the output of layer i (paper, article).
    "code": stored tensor i, where tensor 0 is the stem and tensor i the output of layer i-1
    (the authors' released code, which keeps the stem in the list but not among the anchors).
    """

    layers: int = 12
    ops: tuple[Operation, ...] = MACRO_OPS
    wiring: Wiring = "layer"

    kind = "macro"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", _operations(self.ops, MACRO_OPS))
        _check_count(self.layers, MAX_LAYERS, "a macro space", "layer", "layers")
        if self.wiring not in WIRINGS:
            raise ValueError(f"wiring is 'layer' or 'code'; got {shortened(self.wiring)}")
        if "identity" in {op.family for op in self.ops}:
            raise ValueError("the identity is an operation of cells; a layer needs another one")

    # ---- decisions and sizes

    def steps(self, order: Order = "op-first") -> tuple[Decision, ...]:
        """The controller's time-steps in order: 2L of them op-first, 2L-1 skips-first."""
        ops = [Decision("op", k, 1, len(self.ops)) for k in range(self.layers)]
        skips = [Decision("skip", k, k, 2) for k in range(self.layers)]
        if (
            order == "op-first"
        ):  # the authors' code; layer 1 has an anchor step that decides nothing
            skips[0] = Decision("silent", 0, 0)
            return tuple(d for pair in zip(ops, skips, strict=True) for d in pair)
        if order == "skips-first":  # the article's and the paper's figure
            later = [d for k in range(1, self.layers) for d in (skips[k], ops[k])]
            return (ops[0], *later)
        raise ValueError(f"order is one of {', '.join(MACRO_ORDERS)}; got {shortened(order)}")

    @property
    def skip_bits(self) -> int:
        """How many skip decisions an architecture holds: L(L-1)/2."""
        return self.layers * (self.layers - 1) // 2

    @property
    def size(self) -> int:
        """How many architectures there are: ops^L times 2^(L(L-1)/2)."""
        return len(self.ops) ** self.layers * 2**self.skip_bits

    @property
    def paper_size(self) -> int:
        """The paper's formula, 6^L times 2^(L(L-1)/2); for macro it is the true size."""
        return self.size

    # ---- making architectures

    def architecture(
        self, ops: Sequence[int | str], skips: Sequence[Iterable[int]] = ()
    ) -> Architecture:
        """From one operation (number or name) per layer and, per layer, the bits of its skips."""
        ops = listed(ops, "the operations are a sequence of numbers or names, one per layer")
        skips = listed(skips, "the skips are a sequence with one row of bits per layer")
        what = "a row of skips is a sequence of bits, one per earlier layer"
        bits = [tuple(listed(b, what)) for b in skips] or [(0,) * k for k in range(self.layers)]
        if len(bits) == self.layers - 1:  # the first layer has no bits and may be left out
            bits = [(), *bits]
        if len(ops) != self.layers or len(bits) != self.layers:
            raise ValueError(
                f"a macro architecture of {self.layers} layers takes {self.layers} operations and "
                f"as many rows of skip bits; got {len(ops)} and {len(bits)}"
            )
        numbers = [self.ops.index(o) if o in self.ops else o for o in ops]
        return Architecture(self, tuple((o, *b) for o, b in zip(numbers, bits, strict=True)))

    def sample(self, rng: random.Random, skip_rate: float = 0.5) -> Architecture:
        """One architecture with uniform operations; each skip is on with probability skip_rate."""
        return Architecture(
            self,
            tuple(
                (rng.randrange(len(self.ops)), *(int(rng.random() < skip_rate) for _ in range(k)))
                for k in range(self.layers)
            ),
        )

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """A neighbour: exactly one decision (one operation or one skip bit) has another value."""
        flat = self.encode(architecture)
        options = [2] * len(flat)
        for at in _op_offsets(self.layers):
            options[at] = len(self.ops)
        spots = [at for at, n in enumerate(options) if n > 1]
        if not spots:
            return architecture  # one layer of one operation has no neighbour
        at = rng.choice(spots)
        flat[at] = (flat[at] + rng.randrange(1, options[at])) % options[at]
        return self.decode(flat)

    # ---- flat lists

    def encode(self, architecture: Architecture) -> list[int]:
        """The authors' flat list: op_0, op_1, b_10, op_2, b_20, b_21, ...  L(L+1)/2 integers."""
        return [v for layer in architecture.content for v in layer]

    def decode(self, flat: Sequence[int]) -> Architecture:
        """The architecture of a flat list. Raises ValueError saying which layer is wrong."""
        flat = listed(flat, "a macro list is a sequence of whole numbers")
        want = self.layers * (self.layers + 1) // 2
        if len(flat) != want:
            raise ValueError(
                f"a macro list for {self.layers} layers has {want} integers "
                f"(layer k has one operation and k-1 skip bits); got {len(flat)}"
            )
        at = _op_offsets(self.layers)
        return Architecture(self, tuple(tuple(flat[a : a + k + 1]) for k, a in enumerate(at)))

    # ---- reading architectures

    def op_names(self, architecture: Architecture) -> tuple[Operation, ...]:
        """The operation of each layer."""
        return tuple(self.ops[layer[0]] for layer in architecture.content)

    def skips(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """Per layer its bits, one per earlier layer."""
        return tuple(layer[1:] for layer in architecture.content)

    def sources(self, architecture: Architecture, layer: int) -> tuple[int, ...]:
        """The tensors that skip into `layer`: 0 is the stem's output, j+1 the output of layer j."""
        shift = 1 if self.wiring == "layer" else 0
        return tuple(i + shift for i, bit in enumerate(architecture.content[layer][1:]) if bit)

    def inputs(self, architecture: Architecture, layer: int, merge: str = "add") -> tuple[int, ...]:
        """The tensors that the operation of `layer` reads, numbered as by `sources`.

        merge: `fidelity.skip_merge_search`. "input": what was chosen, and where nothing was, the
        tensor before. Otherwise always the tensor before, since skips join the operation's output.
        """
        chosen = self.sources(architecture, layer) if merge == "input" else ()
        return chosen or (layer,)

    def reached(self, architecture: Architecture, merge: str = "add") -> tuple[int, ...]:
        """The layers that the classifier depends on, in order: the last one, and what it reads.

        That is every layer, unless what was chosen is the input (merge="input"): then a layer that
        no reached layer reads is left out of the network.
        """
        if merge != "input":
            return tuple(range(self.layers))
        found, waiting = set(), [self.layers]
        while waiting:
            tensor = waiting.pop()
            if tensor and tensor - 1 not in found:
                found.add(tensor - 1)
                waiting += self.inputs(architecture, tensor - 1, merge)
        return tuple(sorted(found))

    def picks(self, architecture: Architecture, decision: Decision) -> tuple[int, ...]:
        """What a time-step decided, for the controller to come to this architecture."""
        row = architecture.content[decision.at]
        return {"op": row[:1], "skip": row[1:], "silent": ()}[decision.kind]

    def skip_rate(self, architecture: Architecture) -> float:
        """The share of skip bits that are set, in [0, 1]; 0 for a space without skips."""
        return sum(map(sum, self.skips(architecture))) / max(1, self.skip_bits)

    def pool_after(self) -> tuple[int, ...]:
        """Layers after which every stored tensor is halved: L//3 - 1 and 2L//3 - 1."""
        third = self.layers // 3
        return (third - 1, 2 * self.layers // 3 - 1) if third >= 1 else ()

    # ---- checks and JSON

    def check(self, decision: Decision, picks: Sequence[int]) -> None:
        """Raises ValueError unless `picks` are valid values for `decision`."""
        layer = decision.at + 1
        if decision.kind == "skip" and len(picks) != decision.rows:
            raise ValueError(
                f"macro layer {layer} takes {_count(decision.rows, 'skip bit')}, one per earlier "
                f"layer; got {len(picks)}: {_shown(picks)}"
            )
        if decision.kind == "op" and len(picks) != 1:
            raise ValueError(f"macro layer {layer} takes 1 operation; got {_shown(picks)}")
        for value in picks:
            if not _is_int(value) or not 0 <= value < decision.options:
                what = (
                    f"an operation from 0 to {len(self.ops) - 1} ({', '.join(self.ops)})"
                    if decision.kind == "op"
                    else "skip bits that are 0 or 1"
                )
                raise ValueError(f"macro layer {layer} takes {what}; got {shortened(value)}")

    def check_content(self, content: Any) -> Content:
        if self._is_plain(content):
            return tuple(map(tuple, content))
        rows = _rows(content, "a macro architecture", "layer")
        if len(rows) != self.layers:
            raise ValueError(
                f"a macro architecture of this space has {self.layers} layers; got {len(rows)}"
            )
        for k, row in enumerate(rows):
            self.check(Decision("op", k, 1, len(self.ops)), row[:1])
            self.check(Decision("skip", k, k, 2), row[1:])
        return tuple(tuple(map(int, row)) for row in rows)  # numpy's and torch's integers, too

    def _is_plain(self, content: Any) -> bool:
        """Whether there is nothing to complain about, nor a number to convert: as nearly always."""
        if type(content) not in (tuple, list) or len(content) != self.layers:
            return False
        count = len(self.ops)
        return all(
            type(row) in (tuple, list)
            and len(row) == k
            and {int}.issuperset(map(type, row))
            and 0 <= row[0] < count
            and {0, 1}.issuperset(row[1:])
            for k, row in enumerate(content, start=1)
        )

    def to_json(self) -> dict[str, Any]:
        ops = tuple(op.to_json() for op in self.ops)
        return {"kind": "macro", "layers": self.layers, "ops": ops, "wiring": self.wiring}


@dataclass(frozen=True)
class MicroSpace:
    """Cells: every computed node adds two inputs, each an earlier tensor through an operation.

    nodes: computed nodes per cell (the paper's B is nodes + 2, since it counts the two inputs).
    Tensor 0 is the output of the cell two back, tensor 1 of the previous cell, tensor 2 the first
    computed node. cells: which cells are searched; the article's example has the normal one only.
    """

    nodes: int = 5
    ops: tuple[Operation, ...] = MICRO_OPS
    cells: tuple[str, ...] = CELLS

    kind = "micro"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", _operations(self.ops, MICRO_OPS))
        object.__setattr__(self, "cells", _names(self.cells, "cells", CELLS))
        _check_count(self.nodes, MAX_NODES, "a cell", "computed node", "nodes")
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
        return per_cell ** len(self.cells)

    @property
    def distinct_size(self) -> int:
        """As `size`, counting a node whose two (source, op) pairs are swapped only once."""
        pairs = [i * len(self.ops) for i in range(2, self.nodes + 2)]
        return math.prod(m * (m + 1) // 2 for m in pairs) ** len(self.cells)

    @property
    def paper_size(self) -> int:
        """The paper's formula (ops * (B-2)!)^4. It counts one operation per cell instead of two
        per node, so it is far below `size`."""
        return (len(self.ops) * math.factorial(self.nodes)) ** (2 * len(self.cells))

    # ---- making architectures

    def sample(self, rng: random.Random) -> Architecture:
        """One architecture, every decision uniform over its options."""
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
                f"{_count(len(self.cells), 'cell')} ({per_cell * len(self.cells)} in all); "
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
        return (node[decision.side + (2 if decision.kind == "op" else 0)],)

    def loose_ends(
        self, architecture: Architecture, cell: str = "normal", inputs: bool = True
    ) -> tuple[int, ...]:
        """Tensors that no node of `cell` consumes, in order. `inputs`: whether the cell's two
        inputs count when unused (the released code) or not (the paper's wording)."""
        nodes = architecture.content[self.cells.index(cell)]
        used = {source for node in nodes for source in node[:2]}
        return tuple(t for t in range(0 if inputs else 2, self.nodes + 2) if t not in used)

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
            raise ValueError(f"{who} takes 1 {what} for each input; got {_shown(picks)}")
        (value,) = picks
        if _is_int(value) and 0 <= value < decision.options:
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
        cells = _rows(content, "a micro architecture", "cell")
        if len(cells) != len(self.cells):
            raise ValueError(
                f"a micro architecture of this space has {_count(len(self.cells), 'cell')}; "
                f"got {len(cells)}"
            )
        checked = []
        for name, cell in zip(self.cells, cells, strict=True):
            nodes = _rows(cell, f"the {name} cell", "node")
            if len(nodes) != self.nodes:
                raise ValueError(
                    f"the {name} cell has {_count(self.nodes, 'computed node')}; got {len(nodes)}"
                )
            for i, node in enumerate(nodes, start=2):
                if len(node) != 4:
                    raise ValueError(
                        f"{name} cell, node {i + 1} takes (index, index, op, op); "
                        f"got {_shown(node)}"
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


Space = MacroSpace | MicroSpace


def assemble(space: Space, picks: Sequence[Sequence[int]], order: str) -> Architecture:
    """The architecture to which the picks of all steps lead: `space.picks` the other way round.

    Raises ValueError, naming the decision, for picks that the space does not have.
    """
    plan = space.steps(order)
    if len(picks) != len(plan):
        raise ValueError(f"there are {len(plan)} steps in this space; got {len(picks)}")
    taken: dict[tuple[str, int, str, int], tuple[int, ...]] = {}
    for decision, picked in zip(plan, picks, strict=True):
        if decision.kind != "silent":
            space.check(decision, tuple(picked))
            where = (decision.kind, decision.at, decision.cell, decision.side)
            taken[where] = tuple(map(int, picked))
    if isinstance(space, MacroSpace):
        nothing: tuple[int, ...] = ()
        rows = (
            (*taken["op", k, "", 0], *taken.get(("skip", k, "", 0), nothing))
            for k in range(space.layers)
        )
        return Architecture(space, tuple(rows))
    cells = (
        tuple(
            tuple(taken[kind, i, cell, side][0] for kind in ("index", "op") for side in (0, 1))
            for i in range(2, space.nodes + 2)
        )
        for cell in space.cells
    )
    return Architecture(space, tuple(cells))


def space_from_json(value: dict[str, Any]) -> Space:
    """The space that `to_json` wrote. Unknown fields are ignored (a newer minor format)."""
    if not isinstance(value, dict):
        raise ValueError(
            f"a space in JSON is an object, e.g. {{'kind': 'macro'}}; got {shortened(value)}"
        )
    kind = value.get("kind")
    if kind not in ("macro", "micro"):
        raise ValueError(f"a space is of kind 'macro' or 'micro'; got {shortened(kind)}")
    made = MacroSpace if kind == "macro" else MicroSpace
    known = made.__dataclass_fields__
    return made(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k in known}
    )


def listed(value: Any, what: str) -> list[Any]:
    """The entries of anything that has them in order, at most `MOST_NUMBERS`, so that an endless
    iterable is refused. ValueError, opening with `what`, if it has none or more."""
    try:
        if isinstance(value, str | bytes | bytearray | memoryview | Mapping | Set):
            raise TypeError
        if hasattr(value, "keys") and not hasattr(value, "tolist"):
            raise TypeError  # a table of pandas, whose entries are the names of its columns
        entries = list(islice(value, MOST_NUMBERS + 1))
    except TypeError:
        raise ValueError(f"{what}; got {shortened(value)}") from None
    if len(entries) > MOST_NUMBERS:
        raise ValueError(f"{what}, {MOST_NUMBERS} at most; got more")
    return entries


def whole_number(value: Any) -> int | None:
    """`value` as an int if it is a whole number of Python, numpy or torch; None for anything else,
    booleans and floats included."""
    if getattr(value, "shape", None) == () and hasattr(value, "tolist"):
        value = value.tolist()  # of one number, not a list
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


# ---------------------------------------------------------------- small helpers of the checks


def _op_offsets(layers: int) -> list[int]:
    return [k * (k + 1) // 2 for k in range(layers)]


def _names(value: Any, what: str, known: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(listed(value, f"{what} are a sequence of names, e.g. {known[:2]!r}"))


def _operations(value: Any, known: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations of a space, given by names, as such, or as a trace has them."""
    what = f"operations are a sequence of names, e.g. {known[:2]!r}"
    ops = found(listed(value, what))
    if not ops or len(set(ops)) != len(ops):
        raise ValueError(
            f"a space needs at least one operation, and no duplicates; got {shortened(ops)}"
        )
    return ops


def _check_count(value: Any, most: int, owner: str, one: str, name: str) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{owner} has at least 1 {one}; got {name}={shortened(value)}")
    if value > most:
        raise ValueError(f"{owner} has at most {_count(most, one)}; got {name}={shortened(value)}")


def _rows(content: Any, what: str, unit: str) -> tuple[tuple[Any, ...], ...]:
    if not isinstance(content, list | tuple):
        raise ValueError(
            f"{what} is a sequence with one entry per {unit}; got {shortened(content)}"
        )
    for k, row in enumerate(content, start=1):
        if not isinstance(row, list | tuple):
            raise ValueError(
                f"{what} has a sequence of integers for {unit} {k}; got {shortened(row)}"
            )
    return tuple(tuple(row) for row in content)


def _is_int(value: Any) -> bool:
    return whole_number(value) is not None


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def _shown(picks: Sequence[Any]) -> str:
    more = ", ..." if len(picks) > MOST_SHOWN else ""
    return f"({', '.join(map(shortened, picks[:MOST_SHOWN]))}{more})"
