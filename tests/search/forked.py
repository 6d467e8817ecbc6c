"""Processes that are killed, stopped and sent signals in the tests of `test_never_lost.py`.

Each is a fork of one process that has imported torch already, which takes longer than what they do;
the kernel treats them as any other process. `python -m enas_viz` itself is sent a signal in
`tests/test_cli.py`.
"""

import contextlib
import functools
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from waiting import LONG, wait_for

from enas_viz import cli, recipe, search
from enas_viz.search import enas

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(  # and what a run imports only when it needs it
    ["pytest", "enas_viz.cli", "enas_viz.search", "torch._dynamo", "tyro"]
)


class Forked:
    """`function(*args, **how)` in a process of its own, with the names of `subprocess.Popen`."""

    def __init__(self, function: Callable, *args, **how) -> None:
        self.told = tempfile.NamedTemporaryFile("r", encoding="utf-8")  # noqa: SIM115 (as it lives)
        told = (self.told.name, function, args, how)
        self.process = FORKS.Process(target=_quietly, args=told, daemon=True)
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, seconds: float) -> int:
        self.process.join(seconds)
        assert self.process.exitcode is not None, "it has not ended"
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def communicate(self, timeout: float = LONG) -> tuple[None, str]:
        """(nothing, what it wrote to its standard error), once it has ended."""
        self.wait(timeout)
        return None, self.told.read()


def _quietly(told: str, function: Callable, args: Sequence, how: dict) -> None:
    for number, path in ((1, os.devnull), (2, told)):
        os.dup2(os.open(path, os.O_WRONLY), number)
    function(*args, **how)


def command_line(
    args: Sequence[str], every: float = 0.0, held: Path | None = None, limit: int = 0
) -> None:
    """`enas-viz ARGS`, its checkpoints in quicker succession than once a minute.

    held: the folder of a run that stands still in a minibatch, see `hold`; limit: of a file's size.
    """
    for run in (search.run, search.resume, search.train_child):
        run.__kwdefaults__["checkpoint_every"] = every
    if held:
        hold(held)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    cli.main(args)


def hold(folder: Path) -> None:
    """Lets a run with five records write the file `held` and stand until there is a file `go`."""
    tick = enas.Enas._tick

    @functools.wraps(tick)  # a run's folder says which functions made it
    def held(self, *args):
        trace = folder / "trace.jsonl"
        if trace.exists() and trace.read_bytes().count(b"\n") >= 5:
            (folder / "held").touch()
            with contextlib.suppress(AssertionError):  # if nobody says so, it goes on some day
                wait_for((folder / "go").exists)
        return tick(self, *args)

    enas.Enas._tick = held


def some_run(name: str, epochs: int, folder: Path, mode: str) -> None:
    """A run of a recipe, or going on with it, whose checkpoints come quickly."""
    changes = {"train__epochs": epochs}
    if "final" not in name:
        changes["controller__updates"] = 4
    if "micro" in name:  # else most of the time is arithmetic
        changes |= {"network__nodes": 2, "network__filters": 4}
    if name == "micro-tiny":
        changes |= {"data__train_images": 300, "controller__samples": 5}
    made = recipe(name, **changes)
    often = {"checkpoint_every": 0.1}
    if mode == "resume":
        items = search.resume(folder, **often)
    elif "final" in name:
        child = made.space.sample(Random(0))
        items = search.train_child(made, child, seed=3, folder=folder, **often)
    else:
        items = search.run(made, seed=3, folder=folder, **often)
    for _ in items:
        pass
