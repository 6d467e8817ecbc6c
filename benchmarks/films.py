"""What a film of the stage costs: CPU-seconds to make it, against the seconds that it plays."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from figures import Figures

import enas_viz as ev
from enas_viz.view import animation
from enas_viz.view.export import staged
from enas_viz.view.reel import Reel

# A search of layers, one of cells, and an episode; how long a moment or step of each is shown.
FILMS = {"macro-cifar10-cpu": 0.4, "micro-cifar10-cpu": 0.4, "article-macro": 1.2}


def films(figures: Figures, rounds: int, quick: bool) -> None:
    """Films of size "16:9" in both formats; the quickest of several rounds counts."""
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in FILMS.items():
            trace = ev.load_trace(name)
            how = {"moments": 5} if quick and trace.best else {}
            reel = Reel(staged(trace, moving=True, **how), seconds, lambda svg: None)
            plays = float(reel.duration) + animation.HOLD
            for ending in animation.ENDINGS:
                took = min(_made(trace, Path(folder) / f"film{ending}", how) for _ in range(rounds))
                told = f"the {plays:.1f} s that it plays"
                figures.add(f"{name} as {ending}, 16:9", took, "CPU-s", told, took / plays)


def _made(trace: ev.Trace, path: Path, how: dict[str, int]) -> float:
    """CPU-seconds of this process and of ffmpeg."""
    before = _spent()
    ev.save(trace, path, size="16:9", **how)
    return _spent() - before


def _spent() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)
