"""Old paths of modules lead to the new ones and say so."""

import subprocess
import sys
from importlib import import_module

import pytest

import enas_viz
from enas_viz.moved import MOVED


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_path_is_the_new_module_and_warns(old, monkeypatch):
    name, new = f"enas_viz.{old}", import_module(f"enas_viz.{MOVED[old]}")
    monkeypatch.delitem(sys.modules, name, raising=False)

    with pytest.warns(FutureWarning, match=f"{name} is enas_viz.{MOVED[old]} now"):
        found = import_module(name)

    assert found is new
    assert new.__name__ == new.__spec__.name == f"enas_viz.{MOVED[old]}"


def test_the_warning_names_the_line_that_imports(tmp_path):
    script = tmp_path / "old.py"
    script.write_text("\nfrom enas_viz.trace import load_trace\nprint(load_trace.__module__)\n")

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "enas_viz.records.trace"
    assert f"{script}:2: FutureWarning" in done.stderr


@pytest.mark.parametrize("name", ["run", "resume", "build", "restore", "FolderError", "read_run"])
def test_what_the_module_of_runs_held_is_still_found_where_strategies_are_now(name):
    from enas_viz.search import strategies

    with pytest.warns(FutureWarning, match=f"{name} is enas_viz.search.runs"):
        found = getattr(strategies, name)

    assert found.__module__.startswith("enas_viz.search.runs.")


def test_an_old_module_is_an_attribute_of_the_package_with_the_same_warning(monkeypatch):
    monkeypatch.delitem(sys.modules, "enas_viz.trace", raising=False)
    monkeypatch.delattr(enas_viz, "trace", raising=False)

    with pytest.warns(FutureWarning, match="enas_viz.trace is enas_viz.records.trace now"):
        assert enas_viz.trace.Episode.__module__ == "enas_viz.records.trace"


def test_what_never_was_is_still_missing():
    with pytest.raises(ModuleNotFoundError):
        import_module("enas_viz.tracing")
    assert not hasattr(enas_viz, "tracing")
