"""A small project of two notebooks, for tests of the site that is built of it."""

import base64
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import enas_viz as ev
from enas_viz.site import Built, build

README = """# enas_viz

**A small one.** [Its first notebook](notebooks/00_small.ipynb), [a plan](plan.md).

[![A badge](https://example.org/badge.svg)](https://example.org) is elsewhere.

## Second section

Not on the site.
"""
TEXT = """# A small tour

**What is a platypus?** See [load_trace](../enas_viz/records/trace.py#L20),
[the next one](01_next.ipynb), [a file that is no page](../benchmarks/speed.py) and [the paper](https://arxiv.org/abs/1802.03268).

## One replay

| step | what |
|---|---|
| 1 | an *operation* |
"""
STILL = {
    "image/png": base64.b64encode(ev.draw("0 3 1").png).decode(),
    "text/plain": "<enas_viz.widgets.replay.Replay object at 0x7f00>",
}


def small_site(folder: Path) -> Built:
    """The site of two notebooks, in `folder / "site"`; cells that need torch keep their outputs."""
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    (folder / "README.md").write_text(README, encoding="utf-8")
    framed = new_code_cell("ev.Replay(example).iframe()")
    cells = [
        new_markdown_cell(TEXT),
        new_code_cell('import enas_viz as ev\n\nexample = ev.load_trace("article-macro")'),
        new_code_cell("ev.Replay(example)"),
        new_code_cell('print("1 < 2")\nev.draw(example)'),
        framed,
    ]
    nbformat.write(new_notebook(cells=cells), notebooks / "00_small.ipynb")
    shown = new_output("execute_result", data=STILL, execution_count=1)
    cells = [
        new_markdown_cell("# The next one\n\n**And then?**"),
        new_code_cell(
            "import enas_viz as ev\nfrom enas_viz import search\n\n"
            'mine = ev.watch(search.run(ev.recipe("macro-tiny")))\nev.Replay(mine)',
            outputs=[shown],
        ),
        new_code_cell('import enas_viz as ev\n\nev.Replay("enas-micro")'),
    ]
    nbformat.write(new_notebook(cells=cells), notebooks / "01_next.ipynb")
    return build(folder / "site", notebooks, train=False)
