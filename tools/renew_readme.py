"""Renews what README shows: the animation that it opens with, and its table of notebooks.

    python tools/renew_readme.py

The animation is one sample from the middle of a search that ships with the package, decision by
decision: the policy has made up its mind about the first layers and hesitates over the later ones.
The same bytes come out again with the same libraries. The table has a line for each notebook, with
its title and the question that it opens with; links to Binder keep the repository that they name.
"""

import re
from pathlib import Path

import enas_viz as ev
from enas_viz.view.gallery import notebook_links

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TRACE, NUMBER = "macro-cifar10-cpu", 7669  # epoch 39
WIDTH = 1640  # pixels, two for one in README's column: sharp on fine screens, too
SECONDS = 1.0  # a step is shown


def main() -> None:
    trace = ev.load_trace(TRACE)
    sample = next(episode for episode in trace.episodes if episode.n == NUMBER)
    path = ev.save(sample, ROOT / "docs" / "decisions.gif", width=WIDTH, seconds=SECONDS)
    print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB")

    text = README.read_text(encoding="utf-8")
    repository = re.search(r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/", text)[1]
    table = "| notebook | its question | |\n|---|---|---|\n" + "".join(lines(repository))
    new, count = re.subn(r"\| notebook \|.*?\n(?!\|)", lambda _: table, text, flags=re.S)
    assert count == 1, "README has one table of notebooks"
    README.write_text(new, encoding="utf-8")
    print(f"wrote {README.name}, {table.count('Binder')} notebooks")


def lines(repository: str) -> list[str]:
    here = notebook_links(ROOT / "notebooks", ROOT)
    there = notebook_links(ROOT / "notebooks", ROOT, repository)
    return [
        f"| [{file.title}]({file.address}) | {file.question} | [Binder]({binder.address}) |\n"
        for file, binder in zip(here, there, strict=True)
    ]


if __name__ == "__main__":
    main()
