"""Watching a search from a notebook: `watch(records)` shows a bar and returns what was recorded.

It needs no torch: a search is an iterator of records, and `watch` iterates over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.trace import Episode, Epoch, Header, Result, Tick, Trace

WINDOW = 50  # rewards in the mean that is shown


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
    figures = Figures()
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
    with tqdm(total=1.0, bar_format=form, mininterval=0.2, miniters=0) as bar:
        try:
            for item in items:
                figures.add(item)
                if isinstance(item, Tick):
                    bar.set_description_str(f"epoch {item.epoch + 1}", refresh=False)
                    bar.set_postfix_str(str(figures), refresh=False)
                    bar.update(item.done - bar.n)
                    continue
                if not isinstance(item, Episode | Epoch | Result):
                    raise TypeError(
                        f"the records of a search are its header, then episodes, epochs, a result; "
                        f"got {shortened(item)}"
                    )
                kept.append(item)
        except KeyboardInterrupt:
            bar.set_postfix_str("stopped")
        finally:
            if hasattr(items, "close"):
                items.close()
    return Trace(header, tuple(kept))


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
            if _is_known(item.reward):
                self.rewards = [*self.rewards[1 - WINDOW :], item.reward]
            self._remember(item.accuracy, "accuracy")
            self.entropy = item.extra.get("entropy")

    def _remember(self, value: float | None, of: str) -> None:
        if _is_known(value):
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
