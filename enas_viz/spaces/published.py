"""Architectures that came from elsewhere: the published ones, anybody's own, and all in words.

Sources: `MACRO`, `MICRO` are the fixed architectures in the authors' scripts
(`cifar10_macro_final.sh`, `cifar10_micro_final.sh`, commit 4bcfd73); `ARTICLE_MACRO`,
`ARTICLE_MICRO` are the two worked examples of "Illustrated: Efficient Neural Architecture Search".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from enas_viz.spaces import (
    Architecture,
    MacroSpace,
    MicroSpace,
    Space,
    Wiring,
)
from enas_viz.spaces.decoding import Found, find_numbers, guess_space
from enas_viz.spaces.genotypes import looks_like_genotype, read_genotype
from enas_viz.spaces.operations import EXTRA_OPS, MACRO_OPS, MICRO_OPS

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
    MicroSpace(nodes=2, ops=(*MICRO_OPS, *EXTRA_OPS), cells=("normal",)),
    (((1, 0, 5, 1), (2, 0, 4, 2)),),
)

ARCHITECTURES = {
    "enas-macro": MACRO,
    "enas-micro": MICRO,
    "article-macro": ARTICLE_MACRO,
    "article-micro": ARTICLE_MICRO,
}


# ---------------------------------------------------------------- reading


@dataclass(frozen=True)
class Decoded:
    """What `decode` made of a list, and how it read it, so that nothing is guessed in silence."""

    architecture: Architecture
    how: str


def decode(
    given: str | Sequence[int] | Mapping[str, Any],
    space: Space | Literal["macro", "micro"] | None = None,
    wiring: Wiring | None = None,
    ops: Sequence[str] = (),
) -> Decoded:
    """Reads an architecture in any form that it usually comes in; `how` says in which.

    given: a flat list as a sequence or as text; the name of a published architecture
    ("enas-micro"); what the authors' program prints for one, or their scripts hold (`fixed_arc`); a
    DARTS genotype as text, namedtuple or mapping.

    A sequence holds whole numbers of Python, numpy or torch, no floats, booleans or text; or rows
    of them, one for each macro layer or for each of two cells. Text holds whole numbers, spaces,
    commas, semicolons, bars and one or two levels of brackets; anything else is refused unless it
    is known to stand beside an architecture: what the authors' program prints around one, the other
    lines of a script, and the beginning of the line in which a log holds a genotype. No more than
    one architecture, of 1000 layers or nodes.

    Numbers mean operations as the authors of ENAS count them, or those of `ops` in their order, or
    as a `space` that is given does; other programs count otherwise, and a list does not tell whose
    it is. The first number that cannot be is refused.
    A list tells its space by its length. A length that fits both (28, 36, 120, ...) is read as
    macro where that is valid, and one that fits a pair of cells or a single cell (8, 16, ...) as a
    pair where that is valid: name the space to have it otherwise. Macro lists are read under
    `code` wiring where they are recognised as the authors' print, script or published network, and
    under `layer` wiring otherwise; `wiring` asks for either. `how` says which, and how to ask for
    the other.
    Raises ValueError when the list fits no space, naming the layer or node that is wrong.
    """
    if not isinstance(space, MacroSpace | MicroSpace) and space not in (None, "macro", "micro"):
        raise ValueError(f"space is 'macro', 'micro' or a space itself; got {space!r}")
    if looks_like_genotype(given):
        _check_kind("a DARTS genotype", "micro", space, wiring)
        made, remark = read_genotype(given, space if isinstance(space, MicroSpace) else None)
        how = f"read as a DARTS genotype: {_cells(made.space)}, operations by name"
        return Decoded(made, how + remark)
    if isinstance(given, str) and re.fullmatch(r"\s*[A-Za-z][\w-]*\s*", given):
        found, space = _by_name(given.strip().lower(), space)
    else:
        found = find_numbers(given)
    if found.kind:
        _check_kind(found.form, found.kind, space, wiring)
    given_space, remark = isinstance(space, MacroSpace | MicroSpace), ""
    if not given_space:
        space, remark = _space_of(found, space, ops)
    elif ops:
        raise ValueError(
            f"the operations of {found.form or 'a list with its space'} are known; leave out ops"
        )
    if isinstance(space, MicroSpace):
        _check_kind("this list", "micro", space, wiring)
        made = space.decode(found.numbers)
        why = "" if found.form or made != ARTICLE_MICRO else " (as it equals the article's example)"
        how = f"read as {found.form or 'micro'}: {_cells(space)}{why}, {_numbering(space)}"
        return Decoded(made, how + remark)
    return _decode_macro(found, space, given_space, wiring, remark)


def _decode_macro(
    found: Found, space: MacroSpace, given_space: bool, wiring: Wiring | None, remark: str
) -> Decoded:
    known = found.numbers == MACRO.flat
    authors = (known or found.authors) and not given_space
    chosen = ("code" if authors else space.wiring) if wiring is None else wiring
    space = MacroSpace(space.layers, space.ops, chosen)
    other = "code" if chosen == "layer" else "layer"
    if wiring is not None:
        why = "as asked"
    elif known and chosen == "code":
        why, remark = "as it equals the published 24-layer network", ""
    elif given_space:
        why = "as its space says"
    elif authors:
        why = "as the authors' program builds it"
    else:
        why = "the default for bare lists"
    made = space.decode(found.numbers)
    form = f"{found.form}: " if found.form else ""
    layers = f"{space.layers} layer{'s' * (space.layers > 1)}"
    if made == ARTICLE_MACRO:
        remark += (
            "; the article's own network concatenates its skips, as it is drawn, where a search "
            "adds them, and has neither stem nor halved maps, which networks built here have"
        )
    return Decoded(
        made,
        f"read as {form}macro, {layers}, {_numbering(space)}, {chosen} wiring ({why}); "
        f"for {other} wiring: ev.decode(..., wiring='{other}') or --wiring {other}{remark}",
    )


def _numbering(space: Space) -> str:
    """Whose numbers the operations of a list have."""
    own = MACRO_OPS if isinstance(space, MacroSpace) else MICRO_OPS
    if space.ops[: len(own)] != own:
        return f"operations numbered as in its space ({', '.join(space.ops)})"
    extra = "".join(f" ({n} is {op})" for n, op in enumerate(space.ops) if n >= len(own))
    return f"operations numbered as by the authors of ENAS{extra}"


def _by_name(name: str, space: Space | str | None) -> tuple[Found, Space]:
    if name not in ARCHITECTURES:
        raise ValueError(
            f"no published architecture is called {name[:40]!r}; there are "
            f"{', '.join(ARCHITECTURES)}"
        )
    made = ARCHITECTURES[name]
    own = made.space
    found = Found(made.flat, f"the published architecture {name!r}", own.kind)
    if space in (None, "macro", "micro"):
        return found, own if space in (None, own.kind) else space
    if space.kind == own.kind and space.ops != own.ops:  # its numbers would mean other operations
        raise ValueError(
            f"{name!r} counts the operations {', '.join(own.ops)}; the space that was asked for "
            f"has {', '.join(space.ops)}"
        )
    return found, space


def _space_of(
    found: Found, kind: Literal["macro", "micro"] | None, ops: Sequence[str]
) -> tuple[Space, str]:
    if not ops and found.numbers == ARTICLE_MICRO.flat and kind != "macro":
        return ARTICLE_MICRO.space, ""  # its operation 5 is its own: no guess could find it
    return guess_space(found.numbers, kind or found.kind, found.cells, ops)


def _check_kind(what: str, kind: str, space: Space | str | None, wiring: Wiring | None) -> None:
    asked = getattr(space, "kind", space)
    if asked not in (None, kind):
        raise ValueError(f"{what} is {kind}; it cannot be read as {asked}, which was asked for")
    if wiring is not None and kind == "micro":
        raise ValueError("wiring concerns macro lists; this list is read as micro cells")


def _cells(space: MicroSpace) -> str:
    cells = " and a reduction cell" if len(space.cells) == 2 else ""
    one = "" if space.nodes == 1 else "s"
    return f"a normal cell{cells} of {space.nodes} computed node{one}"


# ---------------------------------------------------------------- explaining


def explain(architecture: Architecture) -> str:
    """An architecture in plain words, a line for each layer or node, counted from 1.

    Of every cell it also says how deep it is, which inputs no node reads, and what is joined.
    """
    space = architecture.space
    if isinstance(space, MacroSpace):
        return "\n".join(_explain_layer(space, architecture, k) for k in range(space.layers))
    lines = []
    for cell, nodes in zip(space.cells, architecture.content, strict=True):
        lines.append(f"{cell} cell (1 is the output of the cell two back, 2 of the previous cell)")
        for k, (i, j, a, b) in enumerate(nodes, start=3):
            lines.append(f"  node {k}: {space.ops[a]} of {i + 1}, plus {space.ops[b]} of {j + 1}")
        lines += _noteworthy(space, architecture, cell)
    return "\n".join(lines)


def _noteworthy(space: MicroSpace, architecture: Architecture, cell: str) -> Iterator[str]:
    depth = space.depth(architecture, cell)
    if depth == 1:
        yield "  depth 1: every node reads only the two inputs"
    else:
        yield f"  depth {depth}: the longest way from the inputs passes {depth} computed nodes"
    loose = space.loose_ends(architecture, cell)
    for t in loose:
        if t < 2:
            yield f"  input {t + 1} is read by no node, so it goes straight into the output"
    if len(loose) == 1:
        yield f"  output: only node {loose[0] + 1} is loose, so nothing has to be joined"
    else:
        names = ", ".join(str(t + 1) for t in loose)
        yield f"  output: the tensors that no node reads, joined: {names}"


def _explain_layer(space: MacroSpace, architecture: Architecture, k: int) -> str:
    op = space.op_names(architecture)[k]
    main = f"layer {k}" if k else "the stem"
    names = [_tensor(t) for t in space.sources(architecture, k)]
    skips = f"; skips from {', '.join(names)}" if names else ""
    halved = "; then all tensors are halved" if k in space.pool_after() else ""
    return f"layer {k + 1}: {op} of {main}{skips}{halved}"


def _tensor(t: int) -> str:
    return f"layer {t}" if t else "the stem"


def explain_numbers(architecture: Architecture) -> str:
    """The flat list number by number, a line each: its position from 1, its value, its meaning.

    Layers and nodes count from 1; where a number itself counts from 0, both are said.
    """
    flat = architecture.flat
    space = architecture.space
    tell = _macro_numbers if isinstance(space, MacroSpace) else _micro_numbers
    at, most = len(str(len(flat))), len(str(max(flat)))
    return "\n".join(
        f"{n:{at}}   {value:{most}}   {meaning}"
        for n, (value, meaning) in enumerate(
            zip(flat, tell(space, architecture), strict=True), start=1
        )
    )


def _macro_numbers(space: MacroSpace, architecture: Architecture) -> Iterator[str]:
    shift = 1 if space.wiring == "layer" else 0
    for k, (op, *bits) in enumerate(architecture.content, start=1):
        yield f"layer {k}: operation {_operation(space, op)}"
        for i, bit in enumerate(bits):
            answer = "yes, from" if bit else "no, not from"
            yield f"layer {k}: skip bit {i} = {bit}: {answer} {_tensor(i + shift)}"


def _micro_numbers(space: MicroSpace, architecture: Architecture) -> Iterator[str]:
    whose = {0: ", the output of the cell two back", 1: ", the output of the previous cell"}
    for cell, nodes in zip(space.cells, architecture.content, strict=True):
        for k, (i, j, a, b) in enumerate(nodes, start=3):
            for side, t, op in (("first", i, a), ("second", j, b)):
                node = f"node {t + 1}{whose.get(t, ', computed in this cell')}"
                yield f"{cell} cell, node {k}: {side} input is tensor {t} = {node}"
                yield f"{cell} cell, node {k}: operation on it: {_operation(space, op)}"


def _operation(space: Space, number: int) -> str:
    op = space.ops[number]
    words = "the tensor as it is" if op.family == "identity" else op.words
    return f"{number} = {op}, {words}"
