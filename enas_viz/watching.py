"""Watching a search from a notebook: `watch(records)` shows a bar and returns what was recorded.

It needs no torch: a search is an iterator of records, and this is one who asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from enas_viz.trace import Episode, Epoch, Header, Tick, Trace

WINDOW = 100  # rewards in the mean that is shown


def watch(records: Iterable[Any]) -> Trace:
    """Runs a search to its end behind a progress bar; its trace.

        trace = ev.watch(search.run(ev.recipe("macro-tiny"), seed=1))

    Interrupting (the stop button of a notebook, Ctrl-C) ends the search and returns what was
    recorded so far; a search with a folder can then be resumed.
    Raises ValueError when the records do not begin with a header, as those of a resumed search.
    """
    from tqdm.auto import tqdm

    items = iter(records)
    header = next(items, None)
    if not isinstance(header, Header):
        raise ValueError(
            "the records of a search begin with its header; a resumed search goes on with the "
            "trace in its folder: read that with ev.load_trace(folder) when it has ended"
        )
    kept: list[Episode | Epoch] = []
    rewards: list[float] = []
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
    with tqdm(total=1.0, bar_format=form, mininterval=0.2, miniters=0) as bar:
        try:
            for item in items:
                if isinstance(item, Tick):
                    bar.set_description_str(f"epoch {item.epoch + 1}", refresh=False)
                    bar.update(item.done - bar.n)
                    continue
                kept.append(item)
                if isinstance(item, Episode) and item.reward is not None:
                    rewards = [*rewards[1 - WINDOW :], item.reward]
                    mean = sum(rewards) / len(rewards)
                    bar.set_postfix_str(f"reward {mean:.3f}", refresh=False)
        except KeyboardInterrupt:
            bar.set_postfix_str("stopped")
        finally:
            if hasattr(items, "close"):
                items.close()
    return Trace(header, tuple(kept))
