"""What one of several processes does in the tests of `test_ranks.py`.

    torchrun --nproc-per-node 2 processes.py OUT equal closed used interrupted lost
    python processes.py --fork 4 OUT equal      # by itself, so that torch is imported only once

Each name after OUT is a scene, played in this order by all processes. What a process holds after
a run goes into OUT/NAME-W-RANK.safetensors, other findings into files that are named alike.
"""

import contextlib
import io
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import accelerate  # noqa: F401 (before any fork)
from safetensors.torch import save_file

from enas_viz import cli, search
from enas_viz.recipes import Recipe, change, recipe
from enas_viz.records.trace import Episode, Epoch, Result, load_trace
from enas_viz.search.runs.build import build
from enas_viz.search.training.ranks import Ranks, join
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import decode

TRAIN = {
    "train__epochs": 2,
    "train__batch_size": 50,
    "train__accumulate": 4,
    "data__train_images": 400,  # two steps an epoch
}
SEARCH = {
    **TRAIN,
    "network__filters": 4,
    "controller__updates": 2,
    "controller__samples": 3,
    "controller__reward_images": 50,
}
MOVING = recipe("macro-tiny", network__layers=3, fidelity__reward_bn="moving", **SEARCH)
# At a greater rate the order in which four gradients are added, a matter of last digits, would
# lead cells this narrow to other weights within a few steps, on one process as on four.
MICRO = recipe("micro-tiny", network__nodes=2, train__lr_max=0.005, **SEARCH)
FINAL = recipe("macro-final-tiny", network__layers=4, network__filters=4, **TRAIN)
EQUAL = {
    "moving": MOVING,
    "refit": change(MOVING, fidelity__reward_bn="refit", train__epochs=1),
    "released": change(MOVING, fidelity="released", train__epochs=1),
    "micro": change(MICRO, fidelity__clip="global5", train__epochs=1),
    "shared": change(MICRO, fidelity__reward_batch="shared", train__epochs=1),
    "final": FINAL,
}
OF_FOUR = ("moving", "shared", "final")


def architecture(made: Recipe) -> Architecture | None:
    """What a recipe of final training is given to train."""
    return decode("0 3 1 5 1 1 2 1 0 1").architecture if made.strategy == "final" else None


def whole(made: Recipe, ranks: Ranks) -> tuple[dict, dict]:
    """(tensors, figures) of a run that went to its end."""
    running = build(made, 0, "cpu", None, ranks, architecture(made))
    items = list(running.records())
    epochs = [item for item in items if isinstance(item, Epoch)]
    told = {
        "rewards": [item.reward for item in items if isinstance(item, Episode)],
        "children": [item.architecture.flat for item in items if isinstance(item, Episode)],
        "losses": [item.loss for item in epochs],
        "accuracies": [item.train_accuracy for item in epochs],
        "steps": [item.steps for item in epochs],
        "right": [item.right for item in items if isinstance(item, Result)],
    }
    return {k: v.detach().contiguous() for k, v in running.snapshot()[0].items()}, told


def here(made: Recipe) -> Recipe:
    """The recipe for as many processes as there are."""
    return change(made, compute__processes=int(os.environ["WORLD_SIZE"]))


def equal(out: Path, ranks: Ranks) -> None:
    for name in EQUAL if ranks.size == 2 else OF_FOUR:
        tensors, told = whole(EQUAL[name], ranks)
        path = out / f"{name}-{ranks.size}-{ranks.rank}.safetensors"
        save_file(tensors, path, {"told": json.dumps(told)})


def closed(out: Path, ranks: Ranks) -> None:
    """Only one process looks no longer after so many items; the other would go on."""
    for name, by, count in (
        ("weights", 1, 3),
        ("controller", 1, 9),
        ("epoch", 1, 16),
        ("first", 0, 5),
    ):
        seen = 0
        items = search.run(here(MOVING), folder=out / f"closed-{name}")
        for _ in items:
            seen += 1
            if ranks.rank == by and seen == count:
                items.close()
        (out / f"closed-{name}-{ranks.rank}.json").write_text(json.dumps(seen))
    items = search.train_child(here(FINAL), architecture(FINAL), folder=out / "closed-final")
    for seen, _ in enumerate(items):
        if ranks.rank == 1 and seen == 4:
            items.close()


def used(out: Path, ranks: Ranks) -> None:
    """A folder that holds a run already."""
    try:
        search.run(here(MOVING), folder=out / "closed-first")
    except ValueError as error:
        told = f"{type(error).__name__}: {error}"
        (out / f"used-{ranks.rank}.txt").write_text(told)


def interrupted(out: Path, ranks: Ranks) -> None:
    """The second process hears Ctrl-C once the first has recorded a network, however long that
    takes; both run by the command line."""

    def look(*_: object) -> None:
        with contextlib.suppress(OSError, ValueError):  # not there yet
            if load_trace(out / "interrupted").episodes:
                signal.setitimer(signal.ITIMER_REAL, 0)
                os.kill(os.getpid(), signal.SIGINT)

    if not ranks.first:
        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    with told(out / f"interrupted-{ranks.rank}.txt"):
        command_line(out / "interrupted", epochs=2000)


def lost(out: Path, ranks: Ranks) -> None:
    """The second process is killed; the first runs by the command line and should end, too."""
    if ranks.first:
        with told(out / "lost-0.txt"):
            command_line(out / "lost", epochs=2)
        return
    for number, _ in enumerate(search.run(here(MOVING), folder=out / "lost", device="cpu")):
        if number == 17:
            os.kill(os.getpid(), signal.SIGKILL)


def command_line(folder: Path, epochs: int) -> None:
    """`enas-viz search` of MOVING on two processes."""
    fields = {**SEARCH, "network__layers": 3, "train__epochs": epochs, "compute__processes": 2}
    options = [(f"--{k.replace('__', '.').replace('_', '-')}", str(v)) for k, v in fields.items()]
    words = [word for option in options for word in option]
    words += ["--fidelity.reward-bn", "moving", "--device", "cpu", "--folder", str(folder)]
    cli.main(["search", "macro-tiny", *words])


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """What is printed inside, and the exit code at last, goes into the file."""
    printed, code = io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    except SystemExit as end:
        code = end.code
    path.write_text(f"{printed.getvalue()}\nexit code {code}\n")


def fork(size: int) -> None:
    """Becomes `size` processes, each told what torchrun would tell it; this one then ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = []
    for rank in range(size):
        started.append(os.fork())
        if not started[-1]:
            mine = {**common, "RANK": rank, "LOCAL_RANK": rank}
            os.environ.update({name: str(value) for name, value in mine.items()})
            return
    sys.exit(max(abs(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])) for pid in started))


if __name__ == "__main__":
    where, *scenes = sys.argv[1:]
    if where == "--fork":
        size, where, *scenes = scenes
        fork(int(size))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun's, sent once one process has ended
    us = join(int(os.environ["WORLD_SIZE"]), "cpu")
    for scene in scenes:
        globals()[scene](Path(where), us)
