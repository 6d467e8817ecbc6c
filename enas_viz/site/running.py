"""Runs a notebook for the site, and keeps a live page of every widget that one of its cells shows.

The cells run in a kernel. `Watcher` lives in there: it notes which widgets are shown, and writes
their pages when the last cell is over, so that a dashboard shows the finished search.

Not here: how cells and pages look (`notebook`, `shell`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

from enas_viz.widgets.base import Widget

NOTE = "enas_viz"  # the key in an output's metadata
TRAINS = ("torch", "enas_viz.search")  # what a cell imports that needs PyTorch


class Watcher:
    """Notes what a kernel shows: of a widget the name of its page, of a drawing its words."""

    def __init__(self, shell: Any, folder: str, stem: str) -> None:
        """shell: the kernel's `get_ipython()`. folder: for the pages. stem: how they begin."""
        self.folder, self.stem = Path(folder), stem
        self.shown: list[Widget] = []
        plain = shell.display_formatter.format

        def format(shown: Any, *args: Any, **options: Any) -> tuple[Any, Any]:
            data, metadata = plain(shown, *args, **options)
            note = self.note(shown)
            return data, {**metadata, NOTE: note} if note else metadata

        shell.display_formatter.format = format

    def note(self, shown: Any) -> dict[str, str]:
        if isinstance(shown, Widget):
            self.shown.append(shown)
            return {"page": self._name(len(self.shown)), "kind": type(shown).__name__}
        words = re.search(r"<desc>([^<]+)</desc>", getattr(shown, "svg", ""))
        return {"words": unescape(words[1])} if words else {}

    def write(self) -> None:
        """Writes the pages of all widgets, as they are now."""
        for number, widget in enumerate(self.shown, start=1):
            (self.folder / self._name(number)).write_text(widget.html(), encoding="utf-8")

    def _name(self, number: int) -> str:
        return f"{self.stem}-{number}.html"


def run(notebook: Any, stem: str, pages: Path, place: Path, train: bool) -> list[bool]:
    """Executes the code cells of `notebook` in order; their outputs become those of this run.

    notebook: of nbformat, changed in place. stem: how the names of its widgets' pages begin.
    pages: the folder to write them to. place: the folder that the kernel works in. train: whether
    cells that need PyTorch run, too; those that do not run keep the outputs that they have.
    Returns for every cell whether it ran. Raises ValueError, with the cell and its error, when one
    fails, and ModuleNotFoundError when there is no kernel to run it.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat.v4 import new_code_cell, new_notebook

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    needy = needs_torch([cell.source for cell in code])
    chosen = [cell for cell, needs in zip(code, needy, strict=True) if train or not needs]
    first = (
        "from enas_viz.site.running import Watcher as _Watcher\n"
        f"_watcher = _Watcher(get_ipython(), {str(pages.resolve())!r}, {stem!r})"
    )
    hidden = new_notebook(
        cells=[new_code_cell(first), *chosen, new_code_cell("_watcher.write()")],
        metadata=notebook.metadata,
    )
    for cell in chosen:
        cell.outputs = []
    client = NotebookClient(
        hidden,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(place)}},
        store_widget_state=False,
        extra_arguments=["--log-level=40"],  # errors; no word about how kernel and client talk
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"a cell of {stem}.ipynb failed:\n{plain(str(error)).strip()}") from None
    ran = {id(cell) for cell in chosen}
    return [id(cell) in ran for cell in notebook.cells]


def needs_torch(sources: Sequence[str]) -> list[bool]:
    """For every code cell of a notebook, in order, whether it needs PyTorch: because it imports it
    or `enas_viz.search`, or because it reads a name that such a cell made. A cell that is not plain
    Python counts as one that does."""
    needy: set[str] = set()
    found = []
    for source in sources:
        try:
            tree = compile(
                source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
        except SyntaxError:
            found.append(True)
            continue
        nodes = list(ast.walk(tree))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        bound = _bound(nodes)
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)} - bound
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)} | bound
        needs = _imports_torch(nodes) or bool(read & needy)
        needy = needy | made if needs else needy - made
        found.append(needs)
    return found


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that imports, functions and classes make."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def _imports_torch(nodes: Sequence[ast.AST]) -> bool:
    modules = []
    for node in nodes:
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return any(f"{module}.".startswith(f"{name}.") for module in modules for name in TRAINS)


def plain(text: str) -> str:
    """Text without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
