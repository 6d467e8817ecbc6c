"""Executes the notebooks and keeps what a reader on the web can see.

Of a widget the still is kept (a picture, or words) and its state left out: it would be stale, and
large.
Usage: python tools/run_notebooks.py [notebooks/00_tour.ipynb ...]
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

DROPPED = "application/vnd.jupyter.widget-view+json"


def main(paths: list[str]) -> None:
    for path in paths or sorted(map(str, Path("notebooks").glob("*.ipynb"))):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("widgets", None)
        NotebookClient(notebook, timeout=300, store_widget_state=False).execute()
        notebook.metadata.pop("widgets", None)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day: noise in every diff
            for output in cell.get("outputs", ()):
                if {"image/png", "text/html"} & set(output.get("data", {})):
                    output["data"].pop(DROPPED, None)
            if "outputs" in cell:  # what is left of a progress bar is no use to anybody
                cell.outputs = [o for o in cell.outputs if DROPPED not in o.get("data", {})]
        nbformat.write(notebook, path)
        print(f"{path}: {Path(path).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
