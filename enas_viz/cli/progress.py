"""Watching a run from a terminal: the progress bar, the lines it prints, and being stopped."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from enas_viz.commands import command
from enas_viz.records.progress import FORM, RunBar
from enas_viz.records.trace import Episode, Epoch, Header, Result, load_trace
from enas_viz.results import ledger

BEATS = (0.2, 60)  # seconds between two looks of a bar: in a terminal, and elsewhere as lines


def watch(
    items: Iterable[Any],
    epochs: int,
    folder: Path,
    *,
    tell_next: bool = True,
    again: str = "",
    data: Path | None = None,
    best: float | None = None,
) -> bool:
    """Shows a run's progress until it ends. A signal stops it, with exit code 130 or 143.

    Of several processes that share it, only the first shows anything. again: the command that
    goes on with it, where that is not `enas-viz resume`. data: where its images are, if not where
    the run says. best: the best accuracy of a sample before, of a run that is resumed.
    """
    from enas_viz.search.training.ranks import is_first_process, started_processes

    quiet, stopped, trained = not is_first_process(), False, False
    items = iter(items)
    # A new run's header, or the first of what a resumed one has left, perhaps its result. Asked for
    # here, so that what is wrong with data or device shows before a bar does.
    first, recorded = list(islice(items, 1)), False
    with _RunBar(epochs, best, quiet) as bar, _asked_to_stop() as asked:
        for item in chain(first, items):
            recorded = recorded or isinstance(item, Header | Episode | Epoch | Result)
            trained = trained or isinstance(item, Result)
            bar.show(item)
            if asked:
                items.close()  # leaves a checkpoint of this very minibatch
                stopped = True
                break
    if started_processes() > 1:  # any of them may have been asked
        stopped = not (folder / "trace.jsonl.gz").exists()
    if stopped:
        if not quiet:
            print(f"stopped; go on with `{again or command('resume', folder)}`", file=sys.stderr)
        raise SystemExit(exit_code(asked[0] if asked else signal.SIGINT))
    behind = not recorded and not quiet  # it was stopped behind its last record
    if behind and (result := load_trace(folder).result):
        trained = True
        print(_result_line(result), file=sys.stderr)
    if tell_next and not quiet:
        after = " or ".join(f"`{each}`" for each in _next(folder, trained, data))
        print(f"finished: {folder}/trace.jsonl.gz\nnext: {after}")
    return True


def _next(folder: Path, trained: bool, data: Path | None) -> list[str]:
    """The commands that follow a finished run."""
    if not trained:
        moved = ["--data", data] if data else []
        return [command("derive", folder, *moved), command("replay", folder)]
    below = folder.parts[:1] in (("runs",), (ledger.COMMITTED,))  # where it looks by itself
    return [command("results") if below else command("results", folder)]


class _RunBar(RunBar):
    """The progress bar of a run, and the lines that are printed above it."""

    def __init__(self, epochs: int, best: float | None, quiet: bool) -> None:
        # miniters: else the jump to where a resumed search stands would be waited for again
        made = _bar(total=1.0, bar_format=FORM, miniters=0, disable=quiet)
        super().__init__(made, epochs, best)
        self.quiet = quiet

    def show(self, item: Any) -> None:
        super().show(item)
        if self.quiet:
            return
        if isinstance(item, Header):
            self._write(_header_line(item))
        elif isinstance(item, Result):
            self._write(_result_line(item))
        elif isinstance(item, Epoch) and self._tells(item.epoch):
            self._write(_epoch_line(item, self.epochs))

    def _tells(self, epoch: int) -> bool:
        """Whether an epoch has a line: about six of a run have."""
        return epoch % max(1, self.epochs // 6) == 0 or epoch == self.epochs - 1

    def _write(self, line: str) -> None:
        self.tqdm.write(line, file=sys.stderr)


def _bar(**options: Any) -> Any:
    """A bar of tqdm's on standard error: where that is no terminal, a line a minute."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    beat = BEATS[not terminal]
    file = sys.stderr if terminal else _Lines(sys.stderr)
    return tqdm(mininterval=beat, maxinterval=max(10, beat), file=file, **options)


class _Lines:
    """A file that turns what tqdm writes over and over into one line each."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.encoding = file, file.encoding

    def write(self, text: str) -> None:
        if line := text.strip():
            self.file.write(f"{line}\n")

    def flush(self) -> None:
        self.file.flush()


def _header_line(header: Header) -> str:
    """On which images a run works, and on what it computes."""
    data, device = header.dataset, header.device
    images = f"{data.get('train')} images for training"
    if data.get("valid"):
        images += f" and {data['valid']} for validation"
    told = f"{data.get('name')}: {images}"
    if shape := data.get("shape"):
        told += f", {shape[1]}×{shape[2]} pixels, {shape[0]} channel{'s' * (shape[0] != 1)}"
    told += f", {len(data.get('classes', ()))} classes"
    threads = device.get("threads")
    where = device.get("name") or str(device.get("type", "unknown")).upper()
    where += f", {threads} thread{'s' * (threads != 1)}" if threads else ""
    return f"{told}; {where}, {device.get('precision', 'unknown precision')}"


def _result_line(item: Result) -> str:
    accuracy = percent(item.accuracy, item.standard_error)
    return (
        f"test accuracy {accuracy}, read once, after the last epoch, on {item.images} images; "
        f"the network has {item.parameters} parameters"
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
    told = [f"epoch {item.epoch + 1:3}/{epochs}"]
    if item.loss is not None and item.train_accuracy is not None:
        told.append(f"training loss {item.loss:.3f}, accuracy {item.train_accuracy:6.1%}")
    if item.valid_accuracy is not None:
        told.append(f"validation accuracy {item.valid_accuracy:6.1%}")
    if item.clock.get("weights_s"):
        told.append(f"{item.steps / item.clock['weights_s']:.3g} minibatches/s")
    return "  ".join(told)


@contextlib.contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar for work of `total` parts, as a function that is told how many are done."""
    with _bar(total=total, desc=what, leave=False) as bar:
        yield lambda done, _total: bar.update(done - bar.n)


def percent(mean: float, error: float) -> str:
    """Of a fraction; an error that is unknown, or 0 since a few values are equal, is not shown."""
    shown = f" ± {100 * error:.1f}" if error > 0 else ""
    return f"{100 * mean:.1f}{shown} %"
