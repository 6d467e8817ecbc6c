"""README's table of what the article says: each function is there, and holds in its presets."""

import ast
import re
from pathlib import Path

import pytest

from enas_viz.recipes import PRESETS

ROOT = Path(__file__).parents[1]
ROWS = re.findall(
    r"^\| (.*?) \| \[`([\w.]+)` in (.*?)\]\((.*?)\) \| (.*?) \|$",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    flags=re.M,
)
DEFAULT = PRESETS["default"]


def test_there_are_ten_sentences():
    assert len(ROWS) == 10


@pytest.mark.parametrize(("said", "symbol", "named", "file", "presets"), ROWS)
def test_a_sentence_leads_to_a_function_that_is_there(said, symbol, named, file, presets):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {getattr(node, "name", "") for node in tree.body}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{getattr(inner, 'name', '')}" for inner in node.body}

    assert named == file
    assert symbol in names


@pytest.mark.parametrize(("said", "symbol", "named", "file", "presets"), ROWS)
def test_a_sentence_that_needs_a_preset_names_those_in_which_it_holds(
    said, symbol, named, file, presets
):
    if presets == "all":
        return
    *wanted, field = re.findall(r"`(\w+)`", presets)
    value = getattr(PRESETS["article"], field)

    assert value != getattr(DEFAULT, field)
    assert {n for n, f in PRESETS.items() if getattr(f, field) == value} == set(wanted)
