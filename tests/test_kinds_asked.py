"""Who asks which kind of space there is: as few places as possible, and never more than now.

A place is a test (`isinstance(space, MacroSpace)`, `kind == "macro"`, `case MicroSpace()`), a class
of a kind that is handed to a check, or a table with an entry for each kind. Whatever can be asked
of the space itself belongs into `spaces/`. What is named only, such as a recording, a type or a
default, does not count.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "enas_viz"
MOST = 19  # places; this number only falls

CLASS = re.compile(r"M(ac|ic)ro(Space|Supernet|Child|Controller|Rollout|Scene)")
WORD = re.compile(r"m(ac|ic)ro(-final)?")


def names_a_kind(node: ast.expr | None) -> bool:
    """Whether an expression is a kind: its word, its class, its `kind`, or some of these."""
    match node:
        case ast.Constant(str(value)):
            return bool(WORD.fullmatch(value))
        case ast.Name(name) | ast.Attribute(attr=name) if CLASS.fullmatch(name):
            return True
        case ast.Attribute(value=inner, attr="kind"):
            return names_a_kind(inner)
        case ast.Tuple(parts) | ast.List(parts) | ast.Set(parts):
            return any(map(names_a_kind, parts))
        case ast.BinOp(left, ast.BitOr(), right):
            return names_a_kind(left) or names_a_kind(right)
    return False


def is_class(node: ast.expr) -> bool:
    return names_a_kind(node) and not any(isinstance(n, ast.Constant) for n in ast.walk(node))


def asks(node: ast.AST) -> bool:
    """Whether a node of the syntax tree tests a kind, or is a table of kinds."""
    match node:
        case ast.Compare(left, _, others):
            return any(map(names_a_kind, [left, *others]))
        case ast.Call(_, given, keywords):
            return any(map(is_class, [*given, *(k.value for k in keywords)]))
        case ast.Dict(keys):
            return any(map(names_a_kind, keys))
        case ast.Subscript(slice=key, ctx=ast.Load()):
            return isinstance(key, ast.Constant) and names_a_kind(key)
        case ast.MatchValue(value) | ast.MatchClass(cls=value):
            return names_a_kind(value)
    return False


def asked(source: str) -> Iterator[int]:
    """The lines of a source on which a kind is asked for, a line for each place."""
    inside = set()  # entries of a table that was counted
    for node in ast.walk(ast.parse(source)):  # a table comes before its entries
        if asks(node) and node not in inside:
            inside |= set(node.values) if isinstance(node, ast.Dict) else set()
            yield node.lineno


def test_no_more_places_ask_for_a_kind_of_space_than_did():
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}: {source.splitlines()[line - 1].strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "spaces"
        for source in [path.read_text(encoding="utf-8")]
        for line in sorted(asked(source))
    ]

    assert len(found) <= MOST, "\n".join([f"{len(found)} places ask for a kind:", *found])


@pytest.mark.parametrize(
    "code",
    [
        "isinstance(space, MacroSpace)",
        "isinstance(space, MacroSpace | MicroSpace)",
        "isinstance(net, (int, nets.MicroSupernet))",
        "of_kind(space, MicroSpace, 'a MicroSpace')",
        "check(space, wanted=MacroSpace)",
        "space.kind == 'macro'",
        "'micro' != kind",
        "kind in ('macro', 'micro')",
        "kind == MicroSpace.kind",
        "type(space) is MacroSpace",
        "recipe.kind == 'macro-final'",
        "{'macro': 1, 'micro': 2}[kind]",
        "{'macro': Kind(MacroController), 'micro': Kind(MicroController)}",
        "{MacroSpace: 1}",
        "{MacroSpace.kind: 1}",
        "table['macro']",
        "match space:\n case MacroSpace(): pass",
        "match kind:\n case 'micro': pass",
    ],
)
def test_a_place_that_asks_is_found(code):
    assert len(list(asked(code))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "NAMES = ('macro', 'micro')",
        "space: Literal['macro', 'micro'] = 'macro'",
        "def f(space: MacroSpace, kind='micro') -> MicroSpace: pass",
        "MacroSpace(3)",
        "Network = MacroChild | MicroChild",
        "recipe('macro-tiny')",
        "KINDS[space.kind]",
        "if space.cells: pass",
        "Row('macro', ('macro-final-cpu',))",
    ],
)
def test_what_only_names_a_kind_does_not_count(code):
    assert not list(asked(code))
