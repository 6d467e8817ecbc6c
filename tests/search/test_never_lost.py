"""Real processes that are killed, stopped, started twice, or run out of disk: nothing is lost.

With ENAS_VIZ_SOAK set, twenty kills for a search and twenty for a training instead of five.
"""

import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from forked import Forked, command_line, some_run
from soak import SOAK
from waiting import LONG, wait_for

from enas_viz import search
from enas_viz.records.trace import load_trace
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.folder import FolderError, told_when_full
from enas_viz.search.runs.run import restore

FIELDS = [
    *("--network.layers", "2", "--network.filters", "2", "--controller.hidden", "8"),
    *("--train.epochs", "3", "--train.batch-size", "200"),
    *("--controller.updates", "4", "--controller.samples", "4", "--keep-steps", "1"),
    *("--record", "full"),
]


def start(folder: Path, *args, **how) -> Forked:
    """`enas-viz ARGS` as a process of its own, on `folder`."""
    where = ["--folder", str(folder)] if args[0] == "search" else [str(folder)]
    return Forked(command_line, [*args, *where], **how)


def ended(process: Forked) -> tuple[int, str]:
    """(exit code, what it told)"""
    told = process.communicate()[1]
    assert "Traceback" not in told, told
    return process.poll(), told


def records(folder: Path) -> int:
    trace = folder / "trace.jsonl"
    return trace.read_bytes().count(b"\n") if trace.exists() else 0


def assert_same(folder: Path, whole: Path) -> None:
    """That a run ended as one that nothing happened to: the same trace, the same weights."""
    assert load_trace(folder).digest() == load_trace(whole).digest()
    one, other = (restore(f).snapshot()[0] for f in (folder, whole))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def go_on(folder: Path) -> None:
    for _ in search.resume(folder, device="cpu"):
        pass


def told_in_one_line(told: str) -> str:
    """The error, which is the last line and the only one of its kind."""
    assert told.count("enas-viz: error: ") == 1
    return told.strip().splitlines()[-1].removeprefix("enas-viz: error: ")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert ended(start(folder, "search", "macro-tiny", *FIELDS, every=1e9))[0] == 0
    return folder


# ---- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_minibatch_saves_and_says_how_to_go_on(tmp_path, whole, number, code):
    folder = tmp_path / "run"
    process = start(folder, "search", "macro-tiny", *FIELDS, every=1e9, held=folder)
    wait_for((folder / "held").exists, process)
    process.send_signal(number)
    (folder / "go").touch()

    found, told = ended(process)
    assert (found, f"stopped; go on with `enas-viz resume {folder}`" in told) == (code, True)
    (file,) = checkpoint.found(folder)  # none but that of the signal
    assert checkpoint.read(file)[1]["position"]["records"] == records(folder)
    go_on(folder)
    assert_same(folder, whole)


def test_a_second_signal_interrupts_at_once(tmp_path, whole):
    folder = tmp_path / "run"
    process = start(folder, "search", "macro-tiny", *FIELDS, held=folder)
    wait_for((folder / "held").exists, process)
    process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert process.poll() is None  # it would finish its minibatch
    process.send_signal(signal.SIGTERM)

    assert ended(process)[0] == 143
    go_on(folder)
    assert_same(folder, whole)


# ---- two processes, one folder


def test_a_second_process_in_the_same_folder_is_refused(tmp_path, whole):
    folder = tmp_path / "run"
    first = start(folder, "search", "macro-tiny", *FIELDS, held=folder)
    wait_for((folder / "held").exists, first)

    code, told = ended(start(folder, "search", "macro-tiny", *FIELDS))
    assert code == 2
    assert "holds a run already and is not overwritten" in told_in_one_line(told)
    code, told = ended(start(folder, "resume"))
    assert code == 2
    assert "is in use by another process" in told_in_one_line(told)
    first.send_signal(signal.SIGKILL)
    assert first.wait(LONG) == -signal.SIGKILL
    go_on(folder)  # the lock went with its process
    assert_same(folder, whole)


def test_of_two_processes_that_start_together_one_runs(tmp_path, whole):
    folder = tmp_path / "run"
    both = [start(folder, "search", "macro-tiny", *FIELDS) for _ in range(2)]

    found = sorted(ended(process) for process in both)

    assert [code for code, _ in found] == [0, 2]
    assert re.search(
        "holds a run already|is in use by another process", told_in_one_line(found[1][1])
    )
    assert_same(folder, whole)


# ---- a full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, where the machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Takes all but `left` bytes of a disk."""
    file = disk / "filler"
    with file.open("wb") as out:
        out.write(b"\0" * (os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - left))
    return file


def size_of_checkpoint(folder: Path) -> int:
    return checkpoint.found(folder)[0].stat().st_size


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
@pytest.mark.parametrize("what", ["a checkpoint", "the trace"])
def test_a_full_disk_stops_a_run_that_goes_on_once_there_is_space(small_disk, whole, what):
    folder = small_disk / "run"
    room = 2.6 * size_of_checkpoint(whole) if what == "a checkpoint" else 20_000
    filler = fill(small_disk, int(room))

    every = 0.0 if what == "a checkpoint" else 1e9
    code, told = ended(start(folder, "search", "macro-tiny", *FIELDS, every=every))

    assert code == 2
    told = told_in_one_line(told)
    assert f"no space left while writing to {folder}; nothing that was written before is" in told
    assert f"free some space, then `enas-viz resume {folder}`" in told
    assert not list(folder.glob("*.half"))
    kept = checkpoint.found(folder)
    assert len(kept) == (2 if what == "a checkpoint" else 0)
    for file in kept:
        checkpoint.read(file)
    with pytest.raises(FolderError, match="no space left"):
        go_on(folder)
    filler.unlink()
    go_on(folder)
    assert_same(folder, whole)


@pytest.mark.parametrize("share", [0.5, 1.2], ids=["a checkpoint", "the trace"])
def test_a_limit_of_a_files_size_is_told_like_a_full_disk(tmp_path, whole, share):
    folder = tmp_path / "run"
    most = int(share * size_of_checkpoint(whole))

    code, told = ended(start(folder, "search", "macro-tiny", *FIELDS, limit=most))

    assert code == 2
    reached = f"the limit of a file's size was reached while writing to {folder}"
    assert reached in told_in_one_line(told)
    assert not list(folder.glob("*.half"))
    # the first one has no state of the optimisers yet, so it is half as large
    assert len(checkpoint.found(folder)) == (2 if share > 1 else 1)
    go_on(folder)
    assert_same(folder, whole)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_way_to_say_that_a_disk_is_full_is_known(tmp_path, number):
    with pytest.raises(FolderError, match="while writing to"), told_when_full(tmp_path):
        raise OSError(number, os.strerror(number))
    with pytest.raises(PermissionError), told_when_full(tmp_path):
        raise PermissionError(errno.EACCES, "no")


# ---- kills


def start_some(name: str, epochs: int, folder: Path, mode: str) -> Forked:
    return Forked(some_run, name, epochs, folder, mode)


def progress(folder: Path) -> str:
    """Changes whenever a run got further: its newest checkpoint, and how long its trace is."""
    newest = [p.name for p in checkpoint.found(folder)[:1]] if folder.exists() else []
    return f"{newest} {records(folder)}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *(("macro-tiny", 20 if SOAK else 3), ("micro-tiny", 20 if SOAK else 2)),
        *(("macro-final-tiny", 20 if SOAK else 3), ("micro-final-tiny", 20 if SOAK else 2)),
    ],
)
def test_kills_at_random_moments_change_nothing(tmp_path, name, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    epochs = 2 * kills  # long enough to be killed so often
    assert start_some(name, epochs, whole, "run").wait(LONG) == 0
    rng = random.Random(os.environ.get("ENAS_VIZ_KILL_SEED", "1"))

    for attempt in range(kills):
        process = start_some(name, epochs, killed, "resume" if attempt else "run")
        before = progress(killed)
        wait_for(lambda: progress(killed) != before, process)  # noqa: B023
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        assert process.wait(LONG) == -signal.SIGKILL, "it ended before it could be killed"
    assert start_some(name, epochs, killed, "resume").wait(LONG) == 0

    assert_same(killed, whole)
