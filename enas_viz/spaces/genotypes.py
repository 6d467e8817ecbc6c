"""Genotypes: cells as DARTS writes them, read into architectures and written from them.

DARTS numbers tensors as ENAS does (0 the cell two back, 1 the previous one, 2 the first computed)
and gives every node two inputs, too. It differs in its operations, and in joining all computed
nodes where ENAS joins the loose ends. Text is taken apart as data, never run.

Source: Liu et al. 2019 (arXiv:1806.09055) and its released code.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import islice
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.spaces import MAX_NODES, Architecture, MicroSpace, whole_number
from enas_viz.spaces.operations import MICRO_OPS, known_operations

_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")  # in the order of the namedtuple
_LONGEST = 1_000_000  # characters of text; two cells of MAX_NODES nodes take a tenth of it
_LONGEST_BEFORE = 500  # of these, what stands before the genotype in its line


def genotype(architecture: Architecture) -> str:
    """A micro architecture as DARTS writes it: per node two pairs (operation, source).

    The concat fields name ENAS's loose ends, unread inputs included, not all computed nodes as
    DARTS would have it. A space without a reduction cell leaves both `reduce` fields empty.
    Raises ValueError for a macro architecture, which has no cells.
    """
    space = architecture.space
    if not isinstance(space, MicroSpace):
        raise ValueError("a genotype describes cells; this is a macro architecture, without any")
    said: dict[str, Any] = {name: [] for name in _FIELDS}
    for cell, field, nodes in zip(space.cells, _FIELDS[::2], architecture.content, strict=False):
        said[field] = [
            (space.ops[op].genotype, source)
            for first, second, a, b in nodes
            for op, source in ((a, first), (b, second))
        ]
        said[f"{field}_concat"] = list(space.loose_ends(architecture, cell))
    return f"Genotype({', '.join(f'{name}={value}' for name, value in said.items())})"


def looks_like_genotype(given: Any) -> bool:
    """Whether `given` is a genotype rather than a list: by its fields, or as text by its look."""
    if isinstance(given, str):
        return "Genotype" in given or re.match(r"\s*(\w+\s*=\s*)?\{", given) is not None
    if isinstance(given, Mapping):
        return any(name in given for name in _FIELDS)
    return hasattr(given, "normal")


def read_genotype(given: Any, space: MicroSpace | None = None) -> tuple[Architecture, str]:
    """The cells of a DARTS genotype, and a remark where it joins other tensors than ENAS would.

    given: text, a namedtuple, or a mapping with the fields normal, normal_concat, reduce,
    reduce_concat. Text holds one `Genotype(...)` or `{...}`; what a log writes before it in its
    line is left out, and the remark says so. Without a `reduce` it is a normal cell alone. The
    operations are numbered as in `space`, else as the authors do.
    Raises ValueError naming the operations that ENAS does not have.
    """
    fields, beside = _fields(given)
    pairs = {name: list(_pairs(fields[name], name)) for name in ("normal", "reduce")}
    if not pairs["reduce"]:
        del pairs["reduce"]
    named = [op for cell in pairs.values() for op, _ in cell]
    if space is None:
        ops = {op.genotype: op for op in MICRO_OPS}
        for op in known_operations():
            if op.genotype in named:  # the first of two that differ in their names alone
                ops.setdefault(op.genotype, op)
        cells = ("normal", "reduction")[: len(pairs)]
        space = MicroSpace(len(pairs["normal"]) // 2, tuple(ops.values()), cells)
    known = {op.genotype: number for number, op in enumerate(space.ops)}
    strange = [op for op in dict.fromkeys(named) if op not in known]
    if strange:
        raise ValueError(
            f"ENAS has no operation {', '.join(map(shortened, strange[:8]))}; known in a genotype "
            f"are {', '.join(known)}"
        )
    content = tuple(
        tuple(
            (first, second, known[a], known[b])
            for (a, first), (b, second) in zip(cell[::2], cell[1::2], strict=True)
        )
        for cell in pairs.values()
    )
    made = Architecture(space, content)
    remarks = [
        _joined(made, cell, fields[f"{name}_concat"], f"{name}_concat")
        for cell, name in zip(space.cells, pairs, strict=True)
    ]
    return made, "".join([beside, *remarks])


def _joined(made: Architecture, cell: str, concat: Any, name: str) -> str:
    """What to say where a genotype's concat is not what ENAS joins; nothing where it is."""
    if concat is None:
        return ""
    tensors = list(_entries(concat, f"{name} is a sequence of tensor numbers"))
    space = made.space
    assert isinstance(space, MicroSpace)
    highest = space.nodes + 1
    for t in tensors:
        if (number := whole_number(t)) is None or not 0 <= number <= highest:
            raise ValueError(f"{name} takes tensors from 0 to {highest}; got {shortened(t)}")
    loose = space.loose_ends(made, cell)
    if sorted(tensors) == list(loose):
        return ""
    return (
        f"; {name} joins {_nodes(tensors)}, ENAS joins the loose ends, which no node reads: "
        f"{_nodes(loose)}"
    )


def _nodes(tensors: Iterable[int]) -> str:
    found = [str(t + 1) for t in tensors]
    return f"node{'s' * (len(found) != 1)} {', '.join(found)}" if found else "nothing"


def _fields(given: Any) -> tuple[dict[str, Any], str]:
    """The four fields of a genotype, None for a concat that is not told, and a remark on what
    stood beside them."""
    beside = ""
    if isinstance(given, str):
        given, beside = _parsed(given)
    elif not isinstance(given, Mapping):
        given = {name: getattr(given, name) for name in _FIELDS if hasattr(given, name)}
    for name in given:
        if name not in _FIELDS:
            raise ValueError(
                f"a genotype has the fields {', '.join(_FIELDS)}; got {shortened(name)}"
            )
    if "normal" not in given:
        raise ValueError(f"a genotype has the fields {', '.join(_FIELDS)}; normal is missing")
    empty = {"normal_concat": None, "reduce": (), "reduce_concat": None}
    return empty | dict(given), beside


def _pairs(value: Any, name: str) -> Iterator[tuple[str, int]]:
    what = f"{name} in a genotype is a sequence of pairs (operation, source), two for each node"
    pairs = _entries(value, what)
    for pair in pairs:
        if (
            not isinstance(pair, list | tuple)
            or len(pair) != 2
            or not isinstance(pair[0], str)
            or (source := whole_number(pair[1])) is None
        ):
            raise ValueError(f"{what}; got {shortened(pair)}")
        yield pair[0], source
    if len(pairs) % 2:
        raise ValueError(f"{what}; got {len(pairs)} pairs")


def _entries(value: Any, what: str) -> list[Any]:
    """The entries of a sequence that may pretend to be endless."""
    if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
        raise ValueError(f"{what}; got {shortened(value)}")
    entries = list(islice(value, 2 * MAX_NODES + 1))
    if len(entries) > 2 * MAX_NODES:
        raise ValueError(f"{what}, for {MAX_NODES} nodes at most; got more")
    return entries


# ---------------------------------------------------------------- as text


def _parsed(text: str) -> tuple[dict[str, Any], str]:
    """The fields of one `Genotype(...)` or `{...}`, and what is said of text before it."""
    what = "a genotype is text like Genotype(normal=[('sep_conv_3x3', 0), ...], ...)"
    if len(text) > _LONGEST or "\0" in text:
        raise ValueError(f"{what}, of {_LONGEST} characters at most, none of them NUL; got other")
    starts = [m.start() for m in re.finditer(r"\bGenotype\s*\(", text)]
    if len(starts) > 1:
        raise ValueError(f"{what}, one at a time; got {len(starts)}")
    before, text = (text[: starts[0]], text[starts[0] :]) if starts else ("", text)
    before = before.lstrip()
    if "\n" in before or len(before) > _LONGEST_BEFORE:
        raise ValueError(
            f"{what}, and of a log its line alone, {_LONGEST_BEFORE} characters before it at most; "
            f"got more"
        )
    before = re.sub(r"(\w+\s*=)?\s*(\w+\.)*\Z", "", before).strip()
    text = re.sub(r"\A\w+\s*=\s*", "", text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks on the style of foreign text
            body = ast.parse(text, mode="eval").body
        found = {name: _literal(value, str(name)) for name, value in _named(body, what)}
    except SyntaxError as error:
        raise ValueError(f"{what}, one at a time; got other text ({error.msg})") from None
    except (MemoryError, RecursionError):
        raise ValueError(f"{what}; got text that is nested too deep") from None
    return found, f"; left out before it: {shortened(before)}" if before else ""


def _named(body: ast.expr, what: str) -> list[tuple[Any, ast.expr]]:
    """The fields' names, which may be missing or wrong, and the expressions that they hold."""
    if isinstance(body, ast.Dict):
        names = [key.value if isinstance(key, ast.Constant) else None for key in body.keys]
        values = body.values
    elif isinstance(body, ast.Call) and _called(body) == "Genotype":
        names = [*_FIELDS[: len(body.args)], *(keyword.arg for keyword in body.keywords)]
        values = [*body.args, *(keyword.value for keyword in body.keywords)]
    else:
        raise ValueError(f"{what}; got another expression")
    if len(set(names)) < len(values):
        raise ValueError(f"{what}, with the fields {', '.join(_FIELDS)}, each once")
    return list(zip(names, values, strict=True))


def _literal(node: ast.expr, name: str) -> Any:
    """What a literal says; a call of `range` is the one thing beyond literals that DARTS prints."""
    try:
        if isinstance(node, ast.Call) and _called(node) == "range" and not node.keywords:
            return range(*map(ast.literal_eval, node.args))
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(
            f"{name} in a genotype is a list of literals, or range(2, 6); got something else"
        ) from None


def _called(call: ast.Call) -> str:
    """The name of what is called, without the module before it."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))
