"""What a film costs: CPU-seconds to make it, against the seconds that it plays."""

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
                path, options = Path(folder) / f"film{ending}", {"size": "16:9", **how}
                took = min(_made(trace, path, options) for _ in range(rounds))
                told = f"the {plays:.1f} s that it plays"
                figures.add(f"{name} as {ending}, 16:9", took, "CPU-s", told, took / plays)


def drawn_films(figures: Figures, rounds: int, quick: bool) -> None:
    """Films of drawings as they are (without size=): a search, an episode, one turn of the loop."""
    how = {"moments": 5} if quick else {}
    kinds = {
        "macro-cifar10-cpu": (ev.load_trace("macro-cifar10-cpu"), how),
        "micro-cifar10-cpu": (ev.load_trace("micro-cifar10-cpu"), how),
        "article-macro": (ev.load_trace("article-macro"), {}),
        "loop-macro": (ev.Loop("macro"), {"seconds": 2.0} if quick else {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (x, options) in kinds.items():
            for ending in animation.ENDINGS:
                path = Path(folder) / f"drawn{ending}"
                took = min(_made(x, path, options) for _ in range(rounds))
                plays = _seconds_of(path)
                told = f"the {plays:.1f} s that it plays"
                figures.add(f"{name} as {ending}", took, "CPU-s", told, took / plays)


def _seconds_of(path: Path) -> float:
    """How long a film plays."""
    if path.suffix == ".mp4":
        from imageio_ffmpeg import count_frames_and_secs

        return count_frames_and_secs(str(path))[1]
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        return sum(frame.info["duration"] for frame in ImageSequence.Iterator(image)) / 1000


def _made(x: ev.Trace | ev.Loop, path: Path, options: dict[str, object]) -> float:
    """CPU-seconds of this process and of ffmpeg."""
    before = _spent()
    ev.save(x, path, **options)
    return _spent() - before


def _spent() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)
