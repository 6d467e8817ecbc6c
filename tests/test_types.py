"""What is typed: all but the modules of a list in pyproject.toml, which only shrinks."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNTYPED = 100  # modules; lower it when one of them is typed
TYPED = ("enas_viz", "enas_viz.spaces", "enas_viz.recipes", "enas_viz.records.trace")


def listed() -> list[str]:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (found,) = (o["module"] for o in overrides if o.get("ignore_errors"))
    return found


def test_the_list_of_modules_that_are_not_typed_strictly_only_shrinks():
    assert len(listed()) <= UNTYPED


def test_every_module_of_the_list_is_there_and_none_is_named_by_a_pattern():
    for name in listed():
        path = ROOT.joinpath(*name.split("."))
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists(), name


def test_the_doors_and_what_traces_and_recipes_are_made_of_are_typed():
    assert not set(TYPED) & set(listed())


def test_those_who_install_it_get_the_types():
    assert (ROOT / "enas_viz" / "py.typed").exists()
