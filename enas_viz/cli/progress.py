"""Watching a run from a terminal: the progress bar, the lines it prints, and being stopped."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from enas_viz import ledger
from enas_viz.trace import Episode, Epoch, Header, Result, Tick, load_trace

WINDOW = 50  # rewards in the moving mean that a progress bar shows


def watch(
    items: Iterable[Any], epochs: int, folder: Path, tell_next: bool = True, again: str = ""
) -> bool:
    """Shows a run's progress until it ends. A signal stops it, with exit code 130 or 143.

    Of several processes that share it, only the first shows anything. again: the command that
    goes on with it, where that is not `enas-viz resume`.
    """
    from tqdm.auto import tqdm

    from enas_viz.search.ranks import is_first_process, started_processes

    quiet, stopped = not is_first_process(), False
    rewards: list[float] = []
    entropy, ticks, started, trained = math.nan, 0, time.monotonic(), False
    items = iter(items)
    # A new run's header, or the first of what a resumed one has left, perhaps its result. Asked for
    # here, so that what is wrong with data or device shows before a bar does.
    first, recorded = list(islice(items, 1)), False
    form = "{desc} |{bar:24}| {percentage:3.0f}% {elapsed}<{remaining} {postfix}"
    # miniters: else the jump to where a resumed search stands would be waited for again
    shown = tqdm(total=1.0, bar_format=form, mininterval=0.2, miniters=0, disable=quiet)
    with shown as bar, _asked_to_stop() as asked:
        for item in chain(first, items):
            recorded = recorded or isinstance(item, Header | Episode | Epoch | Result)
            if isinstance(item, Episode):
                if item.reward is not None:
                    rewards = [*rewards[1 - WINDOW :], item.reward]
                entropy = item.extra.get("entropy", math.nan)
            elif isinstance(item, Result):
                trained = True
                if not quiet:
                    tqdm.write(_result_line(item), file=sys.stderr)
            elif isinstance(item, Epoch):
                told = item.epoch % max(1, epochs // 6) == 0 or item.epoch == epochs - 1
                if told and not quiet:
                    tqdm.write(_epoch_line(item, epochs), file=sys.stderr)
            elif isinstance(item, Tick):
                if not ticks and item.done > 0.01:  # resumed: what was done before took no time now
                    bar.n = bar.initial = bar.last_print_n = item.done
                ticks += 1
                rate = ticks / max(1e-9, time.monotonic() - started)
                about = f"epoch {item.epoch + 1}/{epochs}, {rate:.3g} minibatches/s"
                bar.set_description_str(about, refresh=False)
                if rewards:
                    mean = sum(rewards) / len(rewards)
                    text = f"reward {mean:.3f}  entropy {entropy:.1f} nats"
                    bar.set_postfix_str(text, refresh=False)
                bar.update(item.done - bar.n)
            if asked:
                items.close()  # leaves a checkpoint of this very minibatch
                stopped = True
                break
    if started_processes() > 1:  # any of them may have been asked
        stopped = not (folder / "trace.jsonl.gz").exists()
    if stopped:
        if not quiet:
            again = again or f"enas-viz resume {folder}"
            print(f"stopped; go on with `{again}`", file=sys.stderr)
        raise SystemExit(exit_code(asked[0] if asked else signal.SIGINT))
    behind = not recorded and not quiet  # it was stopped behind its last record
    if behind and (result := load_trace(folder).result):
        trained = True
        print(_result_line(result), file=sys.stderr)
    if tell_next and not quiet:
        below = folder.parts[:1] in (("runs",), (ledger.COMMITTED,))  # where it looks by itself
        what = f"derive {folder}`, `enas-viz replay {folder}"
        if trained:
            what = "results" if below else f"results {folder}"
        print(f"finished: {folder}/trace.jsonl.gz\nnext: `enas-viz {what}`")
    return True


def _result_line(item: Result) -> str:
    error = math.sqrt(item.accuracy * (1 - item.accuracy) / item.images)
    return (
        f"test accuracy {percent(item.accuracy, error)}, read once, after the last epoch, on "
        f"{item.images} images; the network has {item.parameters} parameters"
    )


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """A list that holds the first SIGINT (Ctrl-C) or SIGTERM (a batch system, a shutdown) once it
    came, so that the minibatch under way is finished first.

    A second one interrupts at once; then the last regular checkpoint serves. Within a second it
    counts as the same: torchrun passes on the Ctrl-C that the terminal has sent already.
    """
    asked: list[int] = []
    first = 0.0

    def ask(number: int, _frame: Any) -> None:
        nonlocal first
        if not asked:
            asked.append(number)
            first = time.monotonic()
        elif time.monotonic() - first > 1:
            raise SystemExit(exit_code(number))

    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread hears signals
        return
    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler or signal.SIG_DFL)


def exit_code(number: int) -> int:
    """What shells make of a signal: 130 for SIGINT, 141 for SIGPIPE, 143 for SIGTERM."""
    return 128 + number


def _epoch_line(item: Epoch, epochs: int) -> str:
    rate = item.steps / item.clock["weights_s"] if item.clock.get("weights_s") else math.nan
    reward = ""
    if item.valid_accuracy is not None:
        reward = f"validation accuracy {item.valid_accuracy:6.1%}  "
    return (
        f"epoch {item.epoch + 1:3}/{epochs}  training loss {item.loss:.3f}, "
        f"accuracy {item.train_accuracy:6.1%}  {reward}{rate:.3g} minibatches/s"
    )


@contextlib.contextmanager
def progress_bar(what: str, total: int):
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, leave=False, mininterval=0.2) as bar:
        yield lambda done, _total: bar.update(done - bar.n)


def percent(mean: float, error: float) -> str:
    shown = "" if math.isnan(error) else f" ± {100 * error:.1f}"
    return f"{100 * mean:.1f}{shown} %"
