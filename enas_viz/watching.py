"""Watching a search from a notebook: `watch(records)` shows a bar and returns what was recorded.

It needs no torch: a search is an iterator of records, and `watch` iterates over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.trace import Episode, Epoch, Header, Result, Tick, Trace

WINDOW = 100  # rewards in the mean that is shown


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
    rewards: list[float] = []
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
    with tqdm(total=1.0, bar_format=form, mininterval=0.2, miniters=0) as bar:
        try:
            for item in items:
                if isinstance(item, Tick):
                    bar.set_description_str(f"epoch {item.epoch + 1}", refresh=False)
                    bar.update(item.done - bar.n)
                    continue
                if not isinstance(item, Episode | Epoch | Result):
                    raise TypeError(
                        f"the records of a search are its header, then episodes, epochs, a result; "
                        f"got {shortened(item)}"
                    )
                kept.append(item)
                if isinstance(item, Episode) and _is_known(item.reward):
                    rewards = [*rewards[1 - WINDOW :], item.reward]
                    mean = sum(rewards) / len(rewards)
                    bar.set_postfix_str(f"reward {mean:.3f}", refresh=False)
        except KeyboardInterrupt:
            bar.set_postfix_str("stopped")
        finally:
            if hasattr(items, "close"):
                items.close()
    return Trace(header, tuple(kept))


def _is_known(reward: float | None) -> bool:
    return reward is not None and math.isfinite(reward)
