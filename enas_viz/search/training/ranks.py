"""Several processes that share one run: who computes what, and how all of them stay equal.

Every process (rank) holds the same networks, iterates over the same records, and differs only in
the minibatches and samples that it computes; what they found is added up in one exchange, after
which all hold the same numbers again. Hugging Face Accelerate makes the process group: gloo with
one thread each on the CPU, NCCL with the device of the local rank on CUDA (not tested here: no
machine with two GPUs was available).

Not here: what is exchanged (`train.py`, `enas.py`), what only the first process does with
a folder (`strategies.py`), starting the processes (`torchrun`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

TIMEOUT = 600.0  # seconds that a process waits for the others; so long may one of them pause


class RankLost(ValueError):
    """Another process of this run ended, so this one cannot go on either."""


class Stopped(Exception):
    """A process of this run was told to stop; all of them end here, with no step half done."""


@dataclass
class Ranks:
    """This process among those that share a run. A run in a single process has `Ranks()`."""

    rank: int = 0
    size: int = 1
    device: torch.device | None = None  # where exchanged tensors must be
    leaving: bool = False  # told to the others in the next exchange

    @property
    def first(self) -> bool:
        """Whether this is the one process that writes."""
        return self.rank == 0

    def mine(self, count: int, start: int = 0) -> range:
        """Those of the numbers from `start` below `count` that this process computes."""
        return range(start + (self.rank - start) % self.size, count, self.size)

    def sum(self, values: Tensor) -> Tensor:
        """`values` added up over all processes: the same bits on each. Waits for the others.

        Raises RankLost when one of them ended, or did not answer within TIMEOUT.
        """
        if self.size == 1:
            return values
        from accelerate.utils import reduce

        try:
            return reduce(values.to(self.device), "sum").to(values.device)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RankLost(
                f"another process of this run ended, or has not answered for {TIMEOUT:.0f} "
                f"seconds, so process {self.rank} of {self.size} ends, too"
            ) from error

    def wait(self) -> None:
        """Returns once every process has come here."""
        self.sum(torch.zeros(1))

    def told_by_first(self, work: Callable[[], int | None]) -> int:
        """What `work` gives on the first process, told to all; the others wait and do none.

        An error of `work` is raised on the first process; the others raise RankLost.
        """
        if self.size == 1:
            return work() or 0
        error, found = None, 0
        if self.first:
            try:
                found = work() or 0
            except Exception as raised:  # told to the others first, then raised
                error = raised
        found, failed = self.sum(torch.tensor([found, error is not None])).tolist()
        if error is not None:
            raise error
        if failed:
            raise RankLost("the first process of this run could not go on; its message says why")
        return found

    @contextlib.contextmanager
    def one_first(self) -> Iterator[None]:
        """What is inside is done by one process of each machine, and then by its others.

        So that a download is made once, and found by those who come later.
        """
        earlier = self.size == 1 or _local_rank() == 0
        if not earlier:
            self.wait()
        yield
        if earlier:
            self.wait()

    def leave(self, items: Iterable[Any]) -> None:
        """Stops a run of several processes at whose `items` this one no longer looks.

        It goes on to the next exchange, where the others learn of it and end as well.
        """
        if self.size == 1:
            return
        self.leaving = True
        with contextlib.suppress(Stopped, RankLost):
            for _ in items:
                pass
        with contextlib.suppress(RankLost):
            self.wait()


def join(wanted: int, device: str) -> Ranks:
    """This process among the `wanted` ones that were started together.

    device: as a recipe's user names it. Raises ValueError when another number was started, saying
    how to start them.
    """
    started = started_processes()
    if started != wanted:
        raise ValueError(_how_to_start(wanted, started))
    if wanted == 1:
        return Ranks()
    from accelerate import PartialState  # takes seconds to import, so only where it is needed

    on_cpu = torch.device(device_of_rank(device)).type == "cpu"
    try:
        state = PartialState(cpu=on_cpu, timeout=timedelta(seconds=TIMEOUT))
    except RuntimeError as error:
        raise RankLost(
            f"the {wanted} processes of this run did not find each other within {TIMEOUT:.0f} "
            f"seconds ({str(error).splitlines()[0]})"
        ) from error
    return Ranks(state.process_index, state.num_processes, state.device)


def started_processes() -> int:
    """How many processes were started together, as `torchrun` tells each of them."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first_process() -> bool:
    """Whether this is the process that tells and writes, among those started together."""
    return int(os.environ.get("RANK", 0)) == 0


def device_of_rank(name: str) -> str:
    """The device of that name; where several processes share a machine, each has its own GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return f"cuda:{_local_rank()}" if name == "cuda" and started_processes() > 1 else name


def _local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", 0))


def _how_to_start(wanted: int, started: int) -> str:
    if wanted == 1:
        return (
            f"the recipe's compute.processes is 1, but {started} processes were started; start it "
            f"without torchrun, or let them share the work: --compute.processes {started} "
            f"--train.accumulate {started}"
        )
    found = "this is a single one" if started == 1 else f"{started} were started"
    return (
        f"the recipe's compute.processes is {wanted}, but {found}; start them with `torchrun "
        f"--nproc-per-node {wanted} -m enas_viz` in place of `enas-viz`, the rest of the command "
        f"as it is (`accelerate launch --cpu --num_processes {wanted}` starts only one)"
    )
