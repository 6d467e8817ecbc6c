"""Renews what README shows: its animation, its table of notebooks, and what the demo found.

    python tools/renew_readme.py

The animation is one sample from the middle of a search that ships with the package, decision by
decision: the policy has made up its mind about the first layers and hesitates over the later ones.
The same bytes come out again with the same libraries. The table has a line for each notebook, with
its title and the question that it opens with; links to Binder keep the repository that they name.
The demo's figures are those that `tools/measure_demo.py` kept; its time is what the demo promises,
and notebook 00 repeats it.

    python tools/renew_readme.py --demo    # the demo's figures and time only
"""

import json
import re
import sys
from pathlib import Path
from statistics import mean, stdev

import enas_viz as ev
from enas_viz.measured import tell_demo
from enas_viz.view.gallery import notebook_links

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TRACE, NUMBER = "macro-cifar10-cpu", 6895  # epoch 35
WIDTH = 1640  # pixels, two for one in README's column: sharp on fine screens, too
SECONDS = 1.0  # a step is shown


def main() -> None:
    renew_demo()
    if "--demo" in sys.argv:
        return
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


def renew_demo() -> None:
    """The demo's rows and its time in README, and its time in notebook 00."""
    text = README.read_text(encoding="utf-8")
    rows = "".join(demo_rows("macro", "") + demo_rows("micro", "cells, "))
    text, count = re.subn(r"(\| \| searched \| random \|.*\n.*\n)(\|.*\n)*", rf"\g<1>{rows}", text)
    assert count == 1, "README has one table of the demo"
    README.write_text(text, encoding="utf-8")
    for path in (README, ROOT / "notebooks" / "00_tour.ipynb"):
        text, told = path.read_text(encoding="utf-8"), tell_demo("macro")
        text, count = re.subn(r"about [\d.]+ minutes on one free core \([^)]*\)", told, text)
        assert count == 1, f"{path.name} tells once how long the demo takes"
        path.write_text(text, encoding="utf-8")


def demo_rows(space: str, what: str) -> list[str]:
    """The two lines of README's table about the demo of a space."""
    path = ROOT / "benchmarks" / "results" / f"demo-{space}.json"
    if not path.exists():
        return []
    kept = json.loads(path.read_text(encoding="utf-8"))
    parts = (
        (f"{what}under shared weights", kept["shared_weights"], "policy", "uniform"),
        (f"{what}trained alone", kept["alone"], "searched", "random"),
    )
    rows = []
    for name, part, first, second in parts:
        told = "cannot be told apart"
        if part["p"] < 0.05:
            told = f"{'searched' if mean(part[first]) > mean(part[second]) else 'random'} is higher"
        figures = " | ".join(percent(part[side]) for side in (first, second))
        count = len(part[first])
        rows.append(
            f"| {name}, {count} networks each | {figures} | {told}, p = {part['p']:.2g} |\n"
        )
    return rows


def percent(accuracies: list[float]) -> str:
    return (
        f"{100 * mean(accuracies):.1f} ± {100 * stdev(accuracies) / len(accuracies) ** 0.5:.1f} %"
    )


def lines(repository: str) -> list[str]:
    here = notebook_links(ROOT / "notebooks", ROOT)
    there = notebook_links(ROOT / "notebooks", ROOT, repository)
    return [
        f"| [{file.title}]({file.address}) | {file.question} | [Binder]({binder.address}) |\n"
        for file, binder in zip(here, there, strict=True)
    ]


if __name__ == "__main__":
    main()
