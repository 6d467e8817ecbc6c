"""Kinds of space in drawings: each has all that is asked of it, and no other code asks for one."""

import inspect
import re
from pathlib import Path

import pytest

from enas_viz.spaces import MacroSpace, MicroSpace
from enas_viz.spaces.architecture import KINDS as SPACES
from enas_viz.view import kinds
from enas_viz.view.scene import SCENES

PACKAGE = Path(kinds.__file__).parent.parent
ROOMS = ("view", "widgets", "site")

# Where a kind of space may be named: the two tables, and a graph that only layers have.
MAY_ASK = {"view/graph.py": 1, "view/kinds.py": 1, "view/scene.py": 1}
ASKS = re.compile(
    r"isinstance\([^)]*M(ac|ic)ro(Space|Scene)|kind (==|!=|in) [\"'(]+m(ac|ic)ro[\"']"
    r"|^[^#]*[{(]\"?(macro|MacroSpace\.kind)\"?:|unit (==|!=) "
)


def offered(module) -> set[str]:
    """The functions and classes of its own that a module has for others."""
    found = inspect.getmembers(module, lambda x: inspect.isfunction(x) or inspect.isclass(x))
    return {name for name, x in found if x.__module__ == module.__name__ and name[0] != "_"}


def test_every_kind_of_space_can_be_drawn():
    assert set(kinds.KINDS) == set(SCENES) == set(SPACES)


@pytest.mark.parametrize("part", ["painter", "stack", "sharing", "child"])
def test_modules_of_all_kinds_offer_the_functions_that_are_asked_of_them(part):
    shared = set.intersection(*(offered(getattr(kind, part)) for kind in kinds.KINDS.values()))
    code = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "view").glob("*.py"))
    asked = {
        "painter": r"painter\.(\w+)\(",
        "stack": r"stack(?:\(plan\))?\.(\w+)\(",
        "sharing": r"(?:_drawn|\.sharing)\.(\w+)\(",
        "child": r"_child\(inside\)\.(\w+)\(",
    }[part]

    assert set(re.findall(asked, code)) - {"sharing_svg"} <= shared


@pytest.mark.parametrize("space", [MacroSpace(3), MicroSpace(2)], ids=["macro", "micro"])
def test_what_differs_is_said_by_each_kind(space):
    found = kinds.of(space)

    for name in inspect.get_annotations(type(found).__mro__[1]):
        assert getattr(found, name) is not None, name


def test_nothing_else_that_draws_asks_which_kind_of_space_it_has():
    found = {}
    for path in (p for room in ROOMS for p in sorted((PACKAGE / room).rglob("*.py"))):
        lines = path.read_text(encoding="utf-8").splitlines()
        if count := sum(bool(ASKS.search(line)) for line in lines):
            found[path.relative_to(PACKAGE).as_posix()] = count

    assert found == MAY_ASK
