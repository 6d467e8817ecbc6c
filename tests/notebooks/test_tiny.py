"""Notebooks that train, executed from top to bottom at a tiny size: fewer epochs, the same cells.

The other notebooks run whole in a JupyterLab, in tests/browser.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TINY = {
    "04_shared_weights": {
        '"network__layers": 5': '"network__layers": 5, "data__train_images": 300',
        "train__epochs=20": "train__epochs=5",
        '"train__restart_period": 20': '"train__restart_period": 5',
        "train__epochs=6": "train__epochs=2",
        '["train__restart_period"] = 6': '["train__restart_period"] = 2',
        "mine.data, epochs=3": "mine.data, epochs=2",
    },
    "07_results": {
        "train__epochs=12, train__restart_period=12": "train__epochs=3, train__restart_period=3, "
        "data__train_images=300, controller__updates=3",
        '"macro-final-tiny")': '"macro-final-tiny", data__train_images=300)',
    },
    "A_research_notes": {},  # small as it is
}


@pytest.mark.parametrize("name", TINY)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    for whole, tiny in TINY[name].items():
        stands = whole.replace('"', '\\"')  # as JSON has it
        assert stands in text, f"{name} has no {whole} any more"
        text = text.replace(stands, tiny.replace('"', '\\"'))
    notebook = nbformat.reads(text, as_version=4)

    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
