"""Notebooks that say where PyTorch begins to be needed need none before."""

import json
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("name", ["03_controller", "07_results"])
def test_what_stands_before_the_search_loads_no_torch(name):
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    said = takewhile(lambda cell: "From here on PyTorch" not in "".join(cell["source"]), cells)
    code = ["".join(cell["source"]) for cell in said if cell["cell_type"] == "code"]
    whole = "\n".join(code)
    check = f"import sys\nsys.modules['torch'] = None\n{whole}\nassert sys.modules['torch'] is None"

    assert len(code) > 5
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)
