"""Draws the animation that README opens with, from a search that ships with the package.

    python tools/draw_docs.py

It is one sample from the middle of that search, decision by decision: the policy has made up its
mind about the first layers and hesitates over the later ones. The same bytes come out again with
the same libraries.
"""

from pathlib import Path

import enas_viz as ev

DOCS = Path(__file__).parent.parent / "docs"
TRACE, NUMBER = "macro-cifar10-cpu", 7669  # epoch 39
WIDTH = 1640  # pixels, two for one in README's column: sharp on fine screens, too
SECONDS = 1.0  # a step is shown


def main() -> None:
    trace = ev.load_trace(TRACE)
    sample = next(episode for episode in trace.episodes if episode.n == NUMBER)
    path = ev.save(sample, DOCS / "decisions.gif", width=WIDTH, seconds=SECONDS)
    print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
