"""Architectures that came from elsewhere: the published ones by name, and anybody's flat list.

Sources: `MACRO`, `MICRO` are the fixed architectures in the authors' scripts
(`cifar10_macro_final.sh`, `cifar10_micro_final.sh`, commit 4bcfd73); `ARTICLE_MACRO`,
`ARTICLE_MICRO` are the two worked examples of "Illustrated: Efficient Neural Architecture Search".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

from enas_viz.space import (
    MAX_LAYERS,
    MAX_NODES,
    MICRO_OPS,
    Architecture,
    MacroSpace,
    MicroSpace,
    Space,
    Wiring,
    listed,
)

# 24 layers, one line each: the operation, then one bit per stored tensor (code wiring: bit 0 is
# the stem). Operations 1 and 3 were written as separable; the released script builds them dense.
_MACRO_LINES = """
0
3 0
0 10
2 001
2 0000
3 11010
2 000001
2 0110111
1 01110101
0 000000000
2 0000010000
0 10011000011
2 010000010110
1 0010001110101
0 11010100000100
2 001000000010101
2 0100010011110010
2 00001010100101001
3 011010000010101000
3 0110000000001100001
0 10010110001000001100
3 010110010110110100100
0 1010100000000101001000
0 11000111010001010011000
"""

MACRO = Architecture(
    MacroSpace(layers=24, wiring="code"),
    tuple(
        (int(op), *map(int, bits[0] if bits else ""))
        for op, *bits in map(str.split, _MACRO_LINES.split("\n")[1:-1])
    ),
)

MICRO = MicroSpace(nodes=5).decode(
    [
        *(0, 2, 0, 0, 0, 4, 0, 1, 0, 4, 1, 1, 1, 0, 0, 1, 0, 2, 1, 1),  # normal cell
        *(1, 0, 1, 0, 0, 3, 0, 2, 1, 1, 3, 1, 1, 0, 0, 4, 0, 3, 1, 1),  # reduction cell
    ]
)

ARTICLE_MACRO = MacroSpace(layers=4).architecture(
    ["conv3x3", "sep5x5", "max3x3", "conv5x5"], [(1,), (1, 1), (1, 0, 1)]
)

# One cell of two computed nodes: node 3 adds avg5x5 of node 2 and sep5x5 of node 1, node 4 adds
# node 3 itself and avg3x3 of node 1. The article builds only this cell; avg5x5 is its own.
ARTICLE_MICRO = Architecture(
    MicroSpace(nodes=2, ops=(*MICRO_OPS, "avg5x5"), cells=("normal",)),
    (((1, 0, 5, 1), (2, 0, 4, 2)),),
)

ARCHITECTURES = {
    "enas-macro": MACRO,
    "enas-micro": MICRO,
    "article-macro": ARTICLE_MACRO,
    "article-micro": ARTICLE_MICRO,
}


@dataclass(frozen=True)
class Decoded:
    """What `decode` made of a list, and how it read it, so that nothing is guessed in silence."""

    architecture: Architecture
    how: str


def decode(
    flat: str | Sequence[int],
    space: Space | Literal["macro", "micro"] | None = None,
    wiring: Wiring | None = None,
) -> Decoded:
    """Reads the authors' flat list, as integers or as text, telling its space by its length.

    A length that fits both (28, 36, 120, ...) is read as macro where that is valid: name the space
    to have it otherwise. Macro lists are read under `layer` wiring, or under `code` wiring when
    the list equals a published one or `wiring="code"` asks for it; `how` says which, and how to
    ask for the other.
    Raises ValueError when the list fits no space, naming the layer or node that is wrong.
    """
    numbers = _numbers(flat)
    given = isinstance(space, MacroSpace)
    if not isinstance(space, MacroSpace | MicroSpace):
        space = _guess_space(numbers, space)
    if isinstance(space, MicroSpace):
        if wiring is not None:
            raise ValueError("wiring concerns macro lists; this list is read as micro cells")
        cells = " and a reduction cell" if len(space.cells) == 2 else ""
        return Decoded(
            space.decode(numbers),
            f"read as micro: a normal cell{cells} of {space.nodes} computed nodes",
        )
    known = numbers == MACRO.flat
    chosen = ("code" if known else space.wiring) if wiring is None else wiring
    space = MacroSpace(space.layers, space.ops, chosen)
    other = "code" if chosen == "layer" else "layer"
    if wiring is not None:
        why = "as asked"
    elif known:
        why = "as it equals the published 24-layer network"
    elif given:
        why = "as its space says"
    else:
        why = "the default for new lists"
    return Decoded(
        space.decode(numbers),
        f"read as macro, {space.layers} layers, {chosen} wiring ({why}); "
        f"for the other reading ask for wiring {other!r}",
    )


def _numbers(flat: str | Sequence[int]) -> list[int]:
    if not isinstance(flat, str):
        values = listed(flat, "a flat list is a sequence of whole numbers, or text that holds them")
        for v in values:
            if not isinstance(v, Integral) or isinstance(v, bool):  # Integral: numpy's too
                raise ValueError(f"a flat list holds whole numbers; got {v!r}")
        return [int(v) for v in values]
    rest = re.sub(r"[\s,;\[\]()|]+", " ", flat).split()
    for word in rest:
        if not re.fullmatch(r"\d+", word):
            raise ValueError(
                f"a flat list is whole numbers separated by spaces or commas; got {word!r}"
            )
    return [int(word) for word in rest]


def explain(architecture: Architecture) -> str:
    """An architecture in plain words, a line for each layer or node, counted from 1."""
    space = architecture.space
    if isinstance(space, MacroSpace):
        return "\n".join(_explain_layer(space, architecture, k) for k in range(space.layers))
    lines = []
    for cell, nodes in zip(space.cells, architecture.content, strict=True):
        lines.append(f"{cell} cell (1 is the output of the cell two back, 2 of the previous cell)")
        for k, (i, j, a, b) in enumerate(nodes, start=3):
            lines.append(f"  node {k}: {space.ops[a]} of {i + 1}, plus {space.ops[b]} of {j + 1}")
        loose = ", ".join(str(t + 1) for t in space.loose_ends(architecture, cell))
        lines.append(f"  output: the tensors that no node reads, joined: {loose}")
    return "\n".join(lines)


def _explain_layer(space: MacroSpace, architecture: Architecture, k: int) -> str:
    op = space.op_names(architecture)[k]
    main = f"layer {k}" if k else "the stem"
    sources = space.sources(architecture, k)
    names = [f"layer {t}" if t else "the stem" for t in sources]
    skips = f"; skips from {', '.join(names)}" if names else ""
    halved = "; then all tensors are halved" if k in space.pool_after() else ""
    return f"layer {k + 1}: {op} of {main}{skips}{halved}"


def _guess_space(numbers: Sequence[int], kind: str | None) -> Space:
    if kind not in (None, "macro", "micro"):
        raise ValueError(f"space is 'macro', 'micro' or a space itself; got {kind!r}")
    n = len(numbers)
    if n == 0:
        raise ValueError("a flat list holds at least one number; got none")
    layers = (math.isqrt(8 * n + 1) - 1) // 2
    candidates: list[Space] = []
    if layers * (layers + 1) // 2 == n and layers <= MAX_LAYERS:
        candidates.append(MacroSpace(layers))
    if n % 8 == 0 and n // 8 <= MAX_NODES:
        candidates.append(MicroSpace(n // 8))
    elif n % 8 == 4 and n // 4 <= MAX_NODES:
        candidates.append(MicroSpace(n // 4, cells=("normal",)))
    candidates = [c for c in candidates if kind in (None, c.kind)]
    if not candidates:
        raise ValueError(
            f"no {kind + ' ' if kind else ''}architecture has a list of {n} numbers: macro lists "
            f"have 1, 3, 6, 10, ... (78 for 12 layers, {MAX_LAYERS} layers at most), micro lists "
            f"4 for each node of each cell (40 for five nodes, {MAX_NODES} nodes at most)"
        )
    errors = []
    for candidate in candidates:  # macro first: micro lists of a macro list's length are rare
        try:
            candidate.decode(numbers)
            return candidate
        except ValueError as error:
            errors.append(str(error))
    raise ValueError("; or, read otherwise, ".join(errors))
