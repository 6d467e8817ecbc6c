"""Macro search: whole networks, layer by layer, with skips from earlier layers.

Layers count from 0 in code and JSON, from 1 in every message meant for a reader.

Source: Pham et al. 2018 (arXiv:1802.03268) and the authors' released code (operation numbers,
flat lists); the article "Illustrated: Efficient Neural Architecture Search" for skips-first.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal

from enas_viz.spaces.architecture import (
    Architecture,
    Content,
    Decision,
    Space,
    check_count,
    counted,
    is_int,
    listed,
    operations_of,
    own,
    rows_of,
    shown,
)
from enas_viz.spaces.operations import MACRO_OPS, Operation

WIRINGS = ("layer", "code")
MAX_LAYERS = 1000  # far beyond any search; a damaged file that says more must not fill the memory

Wiring = Literal["layer", "code"]
Order = Literal["op-first", "skips-first"]


@dataclass(frozen=True)
class MacroSpace(Space):
    """Whole networks: every layer picks one operation and which earlier layers feed it as skips.

    wiring says what bit i of a layer selects. "layer": the output of layer i (paper, article).
    "code": stored tensor i, where tensor 0 is the stem and tensor i the output of layer i-1
    (the authors' released code, which keeps the stem in the list but not among the anchors).
    """

    layers: int = 12
    ops: tuple[Operation, ...] = MACRO_OPS
    wiring: Wiring = "layer"

    kind = "macro"
    orders = ("op-first", "skips-first")
    unit = "layer"
    extent = "layers"
    networks = "macro networks"
    has_skips = True
    short_form = "skips  operations, layer 1 first"

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", operations_of(self.ops, MACRO_OPS))
        check_count(self.layers, MAX_LAYERS, "a macro space", "layer", "layers")
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
        raise ValueError(f"order is one of {', '.join(self.orders)}; got {shortened(order)}")

    @property
    def skip_bits(self) -> int:
        """How many skip decisions an architecture holds: L(L-1)/2."""
        return self.layers * (self.layers - 1) // 2

    @property
    def size(self) -> int:
        """How many architectures there are: ops^L times 2^(L(L-1)/2)."""
        return int(len(self.ops) ** self.layers * 2**self.skip_bits)

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

    def replaced(
        self, architecture: Architecture, decision: Decision, picks: Sequence[int]
    ) -> Architecture:
        """The same architecture but for what one time-step decided."""
        rows = list(architecture.content)
        op, *bits = rows[decision.at]
        rows[decision.at] = (*picks, *bits) if decision.kind == "op" else (op, *picks)
        return Architecture(self, tuple(rows))

    def plain(self) -> Architecture:
        """The first operation in every layer; no skips."""
        return Architecture(self, tuple((0,) * (k + 1) for k in range(self.layers)))

    def assembled(self, taken: Mapping[Decision, tuple[int, ...]]) -> Architecture:
        """The architecture to which these picks of all deciding steps lead."""
        ops = {d.at: picks for d, picks in taken.items() if d.kind == "op"}
        bits = {d.at: picks for d, picks in taken.items() if d.kind == "skip"}
        return Architecture(self, tuple((*ops[k], *bits.get(k, ())) for k in range(self.layers)))

    def canonical(self, architecture: Architecture) -> Architecture:
        """The architecture itself: layers stand in a chain, so no two lists are one network."""
        own(self, architecture)
        return architecture

    def _contents(self) -> Iterator[Content]:
        rows = (
            [(op, *bits) for op in range(len(self.ops)) for bits in product((0, 1), repeat=k)]
            for k in range(self.layers)
        )
        return product(*rows)

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

    def unreached(self, architecture: Architecture, merge: str = "add") -> tuple[int, ...]:
        """The layers that the classifier does not depend on, in order; merge: as for `inputs`."""
        reached = self.reached(architecture, merge)
        return tuple(k for k in range(self.layers) if k not in reached)

    def in_short(self, architecture: Architecture) -> list[str]:
        """The share of its skips and the operations, layer 1 first."""
        return [f"{self.skip_rate(architecture):5.2f}  {' '.join(self.op_names(architecture))}"]

    def picks(self, architecture: Architecture, decision: Decision) -> tuple[int, ...]:
        """What a time-step decided, for the controller to come to this architecture."""
        row: tuple[int, ...] = architecture.content[decision.at]
        return {"op": row[:1], "skip": row[1:]}.get(decision.kind, ())

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(f"layer {k + 1}" for k in range(self.layers))

    def rows(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        return architecture.content

    def from_rows(self, numbers: Sequence[int]) -> Architecture:
        return self.decode(numbers)

    def ops_by_place(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """The number of each layer's operation, in a row of its own."""
        return tuple(layer[:1] for layer in architecture.content)

    def wiring_statistic(self, architecture: Architecture, inputs: bool = True) -> float:
        """The share of skip bits that are set, in [0, 1]."""
        return self.skip_rate(architecture)

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
                f"macro layer {layer} takes {counted(decision.rows, 'skip bit')}, one per earlier "
                f"layer; got {len(picks)}: {shown(picks)}"
            )
        if decision.kind == "op" and len(picks) != 1:
            raise ValueError(f"macro layer {layer} takes 1 operation; got {shown(picks)}")
        for value in picks:
            if not is_int(value) or not 0 <= value < decision.options:
                what = (
                    f"an operation from 0 to {len(self.ops) - 1} ({', '.join(self.ops)})"
                    if decision.kind == "op"
                    else "skip bits that are 0 or 1"
                )
                raise ValueError(f"macro layer {layer} takes {what}; got {shortened(value)}")

    def check_content(self, content: Any) -> Content:
        if self._is_plain(content):
            return tuple(map(tuple, content))
        rows = rows_of(content, "a macro architecture", "layer")
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


def _op_offsets(layers: int) -> list[int]:
    return [k * (k + 1) // 2 for k in range(layers)]
