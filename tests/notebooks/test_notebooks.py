"""What holds for every notebook of the course, read from the files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PATHS = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path: Path, kind: str) -> list[dict]:
    return [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_there_is_a_notebook():
    assert NOTEBOOKS


@PATHS
def test_a_code_cell_is_short_and_defines_nothing(path):
    for cell in cells(path, "code"):
        assert len(source(cell).splitlines()) <= 10
        assert "def " not in source(cell)


@PATHS
def test_a_notebook_was_run_in_order_and_kept_its_outputs(path):
    code = cells(path, "code")

    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not [o for o in cell["outputs"] if o["output_type"] == "error"]
    assert all(cell["outputs"] for cell in code)


@PATHS
def test_a_notebook_keeps_no_widget_state_and_shows_stills_instead(path):
    content = json.loads(path.read_text())

    assert "widgets" not in content["metadata"]
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            kinds = output.get("data", {})
            assert "application/vnd.jupyter.widget-view+json" not in kinds
            if "Replay(" in source(cell) and ".iframe" not in source(cell):
                assert "image/png" in kinds


@PATHS
def test_a_notebook_starts_with_prose_and_names_no_place_on_a_machine(path):
    first = json.loads(path.read_text())["cells"][0]

    assert first["cell_type"] == "markdown"
    assert source(first).startswith("# ")
    assert "site-packages" not in path.read_text()
    assert path.stat().st_size < 1_000_000


def test_the_tour_needs_no_torch():
    code = "\n".join(source(c) for c in cells(NOTEBOOKS[0], "code"))
    check = (
        "import sys\nsys.modules['torch'] = None\n"  # importing it would now fail
        f"{code}\nassert sys.modules['torch'] is None"
    )

    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)
