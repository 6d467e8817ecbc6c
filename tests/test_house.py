"""The house around the package: environments, versions, and what files may say."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image

import enas_viz

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert PROJECT["version"] == enas_viz.__version__ == citation["version"]
    assert f"## {enas_viz.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_ci_runs_the_command_of_the_readme():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_no_file_names_a_place_outside_the_repository():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    outside = re.compile(r"(?<![\w.~-])/(work|home|root|Users|mnt)/\w")

    found = []
    for name in filter(None, tracked):
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found += [f"{name}: {m[0]}" for m in outside.finditer(text)]

    assert found == []


def test_no_two_files_of_tests_have_one_name():
    """pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert [name for name in set(names) if names.count(name) > 1] == []


def test_no_tracked_file_is_larger_than_two_megabytes():
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")

    sizes = {n: (ROOT / n).stat().st_size for n in tracked if n and (ROOT / n).exists()}
    assert [n for n, size in sizes.items() if size > 2_000_000] == []


def test_the_readme_opens_with_an_animation_that_loads_quickly_and_is_told_in_words():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    words, path = re.search(r"!\[([^\]]+)\]\(([^)]+)\)", text).groups()
    with Image.open(ROOT / path) as animation:
        assert animation.n_frames > 5
    assert (ROOT / path).stat().st_size < 600_000
    assert len(words) > 40


def test_the_asked_for_names_are_there():
    for name in enas_viz.__all__:
        assert getattr(enas_viz, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        enas_viz.nonsense  # noqa: B018


CLOCKS = re.compile(
    r"\btime\.(time|monotonic|perf_counter|process_time|thread_time)(_ns)?\(|from time import"
    r"|\btimeit\b|\b(performance|Date)\.(now|mark|measure)\("
)


def test_tests_measure_no_time():
    """On a busy machine everything takes longer: what is measured is in benchmarks/. Waiting for
    something is in `waiting.py`, which asserts nothing about how long it took."""
    folder = ROOT / "tests"
    files = [*folder.rglob("*.py"), *folder.glob("js/*.mjs")]
    allowed = {folder / "waiting.py", Path(__file__)}

    found = [
        f"{path.relative_to(folder)}: {match[0]}"
        for path in files
        if path not in allowed
        for match in CLOCKS.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []
