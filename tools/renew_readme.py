"""Renews what README and docs/ show: pictures, the table of notebooks, and what the demo found.

    python tools/renew_readme.py

The animation is one turn of the loop that ships as `ev.Loop("macro")`; the picture below it is the
still of a recorded search. The same bytes come out again with the same libraries. The table has a
line for each notebook, with its title and the question that it opens with. Where pyproject.toml
names the repository on GitHub ([project.urls], Repository), README gets a badge and each line a
link that open the notebooks on Binder; where it does not, no link leads nowhere.
The demo's figures are those that `tools/measure_demo.py` kept; its time is what the demo promises,
and notebook 00 repeats it.

    python tools/renew_readme.py --demo    # the demo's figures and time only
    python tools/renew_readme.py --table   # the table of notebooks only
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from statistics import mean, stdev

import enas_viz as ev
from enas_viz.facts.measured import tell_demo
from enas_viz.view.gallery import notebook_links

ROOT = Path(__file__).parent.parent
README, DOCS = ROOT / "README.md", ROOT / "docs"
SEARCH = "macro-cifar10-cpu"
WIDTH = 960  # pixels of the animation: README's column, and a file that loads quickly


def main() -> None:
    if "--table" not in sys.argv:
        renew_demo()
    if "--demo" in sys.argv:
        return
    renew_table()
    if "--table" in sys.argv:
        return
    for path in (
        ev.save(ev.Loop("macro"), DOCS / "loop.gif", width=WIDTH),
        ev.save(ev.Replay(ev.load_trace(SEARCH)), DOCS / "film.png"),
    ):
        print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB")


def renew_table() -> None:
    """README's badge and its table of notebooks."""
    text = README.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    new = with_notebooks(text, repository(project))
    README.write_text(new, encoding="utf-8")
    print(f"wrote {README.name}, {len(notebook_links(ROOT / 'notebooks', ROOT))} notebooks")


def repository(project: dict) -> str | None:
    """OWNER/NAME of the project on GitHub, or None where pyproject.toml names no such place."""
    address = project.get("urls", {}).get("Repository", "")
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", address)
    return found[1] if found else None


def with_notebooks(text: str, repository: str | None) -> str:
    """README with its table of notebooks renewed, and with a badge where there is an address."""
    text = re.sub(r"\[!\[Open on Binder\].*\n\n", "", text)
    here = notebook_links(ROOT / "notebooks", ROOT)
    if repository is None:
        head = "| notebook | its question |\n|---|---|\n"
        rows = [f"| [{file.title}]({file.address}) | {file.question} |\n" for file in here]
    else:
        there = notebook_links(ROOT / "notebooks", ROOT, repository)
        head = "| notebook | its question | |\n|---|---|---|\n"
        rows = [
            f"| [{file.title}]({file.address}) | {file.question} | [Binder]({binder.address}) |\n"
            for file, binder in zip(here, there, strict=True)
        ]
        badge = f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({there[0].address})"
        text = text.replace("\n## ", f"\n{badge}\n\n## ", 1)
    table = head + "".join(rows)
    text, count = re.subn(r"\| notebook \|.*?\n(?!\|)", lambda _: table, text, flags=re.S)
    assert count == 1, "README has one table of notebooks"
    return text


def renew_demo() -> None:
    """The demo's figures in docs/results.md, its time in README and in notebook 00."""
    results = DOCS / "results.md"
    text = results.read_text(encoding="utf-8")
    rows = "".join(demo_rows("macro", "") + demo_rows("micro", "cells, "))
    text, count = re.subn(r"(\| \| searched \| random \|.*\n.*\n)(\|.*\n)*", rf"\g<1>{rows}", text)
    assert count == 1, "docs/results.md has one table of the demo"
    results.write_text(text, encoding="utf-8")
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


if __name__ == "__main__":
    main()
