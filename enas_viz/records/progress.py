"""Watching a search from a notebook: `watch(records)` shows a bar and returns what was recorded.

It needs no torch: a search is an iterator of records, and `watch` iterates over it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Self

from enas_viz.records.trace import Episode, Epoch, Header, Result, Tick, Trace

WINDOW = 50  # rewards in the mean that is shown
FORM = "{desc} |{bar:24}| {percentage:3.0f}% {elapsed}<{remaining}{postfix}"


def watch(records: Iterable[Any]) -> Trace:
    """Runs a search to its end behind a progress bar; its trace.

        trace = ev.watch(search.run(ev.recipe("macro-tiny"), seed=1))

    Interrupting (the stop button of a notebook, Ctrl-C) ends the search and returns what was
    recorded so far; a search with a folder can then be resumed.
    Raises ValueError when the records do not begin with a header, as those of a resumed search;
    TypeError for what holds no records.
    """
    from tqdm.auto import tqdm

    if not isinstance(records, Iterable) or isinstance(records, type):
        raise TypeError(
            f"watch runs the records of a search, as search.run(...) yields them; got "
            f"{shortened(records)}"
        )
    items = iter(records)
    header = next(items, None)
    if not isinstance(header, Header):
        raise ValueError(
            "the records of a search begin with its header; a resumed search goes on with the "
            "trace in its folder: read that with ev.load_trace(folder) when it has ended; got "
            + ("none at all" if header is None else shortened(header))
        )
    kept: list[Episode | Epoch | Result] = []
    epochs = header.recipe.get("train", {}).get("epochs", 0)
    with RunBar(tqdm(total=1.0, bar_format=FORM, mininterval=0.2, miniters=0), epochs) as bar:
        try:
            for item in items:
                bar.show(item)
                if isinstance(item, Tick):
                    continue
                if not isinstance(item, Episode | Epoch | Result):
                    raise TypeError(
                        f"the records of a search are its header, then episodes, epochs, a result; "
                        f"got {shortened(item)}"
                    )
                kept.append(item)
        except KeyboardInterrupt:
            bar.tqdm.set_postfix_str("stopped")
        finally:
            if hasattr(items, "close"):
                items.close()
    return Trace(header, tuple(kept))


class RunBar:
    """The progress bar of a run, in a notebook or in a terminal: a bar of tqdm's, moved by Ticks.

    tqdm: with a total of 1. epochs: of the run; 0 where that is not known. best: the best accuracy
    of a sample before, of a run that is resumed.
    """

    def __init__(self, tqdm: Any, epochs: int, best: float | None = None) -> None:
        self.tqdm, self.epochs, self.figures = tqdm, epochs, Figures(best)
        self.ticks, self.started = 0, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.tqdm.close()

    def show(self, item: Any) -> None:
        """Takes in what a run yields: the bar moves at each Tick, the rest changes what it says."""
        self.figures.add(item)
        if isinstance(item, Tick):
            self._move(item)

    def _move(self, tick: Tick) -> None:
        bar = self.tqdm
        if not self.ticks and tick.done > 0.01:  # resumed: what was done before took no time now
            bar.n = bar.initial = bar.last_print_n = tick.done
        self.ticks += 1
        rate = self.ticks / max(1e-9, time.monotonic() - self.started)
        of = f"/{self.epochs}" if self.epochs else ""
        about = f"epoch {tick.epoch + 1}{of}, {rate:.3g} minibatches/s"
        bar.set_description_str(about, refresh=False)
        bar.set_postfix_str(str(self.figures), refresh=False)
        bar.update(tick.done - bar.n)


class Figures:
    """What a progress bar says of a run: `str()` of it after every item was added.

    The training loss; of a search the mean of the last rewards and the entropy of the policy; and
    the best accuracy so far: of a sample, in a final training of its validation images. best: that
    of before, in a run that is resumed.
    """

    def __init__(self, best: float | None = None) -> None:
        self.best, self.best_of = best, "accuracy"
        self.loss: float | None = None
        self.rewards: list[float] = []
        self.entropy: float | None = None

    def add(self, item: Any) -> None:
        if isinstance(item, Tick) and _is_known(item.loss):
            self.loss = item.loss
        elif isinstance(item, Epoch):
            self.loss = item.loss if _is_known(item.loss) else self.loss
            if not self.rewards:
                self._remember(item.valid_accuracy, "validation accuracy")
        elif isinstance(item, Episode):
            if item.reward is not None and math.isfinite(item.reward):
                self.rewards = [*self.rewards[1 - WINDOW :], item.reward]
            self._remember(item.accuracy, "accuracy")
            self.entropy = item.extra.get("entropy")

    def _remember(self, value: float | None, of: str) -> None:
        if value is not None and math.isfinite(value):
            known = self.best if self.best_of == of else None
            self.best, self.best_of = value if known is None else max(known, value), of

    def __str__(self) -> str:
        told = [f"loss {self.loss:.3f}"] if self.loss is not None else []
        if self.rewards:
            told.append(f"reward {sum(self.rewards) / len(self.rewards):.3f}")
        if self.best is not None:
            told.append(f"best {self.best_of} {self.best:.3f}")
        if self.rewards and _is_known(self.entropy):
            told.append(f"entropy {self.entropy:.1f} nats")
        return "  ".join(told)


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
