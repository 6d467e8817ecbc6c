"""A training step asks the device for nothing: the host goes on while the device computes.

On PyTorch's "meta" device there are no values, so whoever asks for one fails; on the CPU every read
of a single value is counted.
"""

import itertools
import random

import pytest
import torch
from soak import in_soak
from torch.utils._python_dispatch import TorchDispatchMode

from enas_viz.recipes import recipe
from enas_viz.records.trace import Header, Tick
from enas_viz.search.enas import Enas
from enas_viz.search.final import FinalTraining
from enas_viz.search.training import draws
from enas_viz.search.training.data import load_data
from enas_viz.search.training.step import train_step
from enas_viz.spaces import Architecture, Space

aten = torch.ops.aten
STEPS = 3
SEARCHES = list(itertools.product(["macro-tiny", "micro-tiny"], ["default", "released", "paper"]))
FINALS = list(
    itertools.product(["macro-final-tiny", "micro-final-tiny"], ["default", "released", "paper"])
)


class Watch(TorchDispatchMode):
    """Counts reads of single values, and copies between devices for which the host waits."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.copies, self.waits = 0, 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        if func.overloadpacket is aten._local_scalar_dense:
            self.reads += 1
        if func.overloadpacket is aten._to_copy and made.device != args[0].device:
            self.copies += 1
            self.waits += not kwargs.get("non_blocking")
        if func.overloadpacket is aten.copy_ and args[0].device != args[1].device:
            self.copies += 1
            self.waits += not (args[2:] and args[2]) and not kwargs.get("non_blocking")
        return made


def path(space: Space) -> Architecture:
    """A random one; macro: without pooling, which the released final network does not have."""
    sampled = space.sample(random.Random(0))
    if space.kind == "micro":
        return sampled
    return Architecture(space, tuple((row[0] % 4, *row[1:]) for row in sampled.content))


def start(name: str, preset: str, device: str, accumulate: int = 1) -> Enas | FinalTraining:
    """A run at its start, on digits."""
    chosen = recipe(name, fidelity=preset, train__accumulate=accumulate)
    where = torch.device(device)
    header, data = Header(chosen.space, chosen.order), load_data(chosen.data)
    if chosen.strategy == "enas":
        return Enas(chosen, data, header, 0, where)
    return FinalTraining(chosen, path(chosen.space), data, header, 0, where)


@pytest.mark.parametrize(("name", "preset"), [c for c in SEARCHES + FINALS if c[1] != "released"])
def test_steps_run_where_no_value_can_be_read_and_send_their_draws_without_waiting(name, preset):
    run = start(name, preset, "meta")
    items = (item for item in run.records() if isinstance(item, Tick))
    next(items)  # the optimiser's state is made

    with Watch() as watch:
        for _ in range(STEPS):
            next(items)

    assert run.at.step == 1 + STEPS
    assert watch.copies >= STEPS  # the draws
    assert watch.waits == 0


@pytest.mark.parametrize(("name", "preset"), SEARCHES + FINALS)
def test_a_step_reads_no_single_value(name, preset):
    run = start(name, preset, "cpu")
    images, labels = run.data.training_batch(
        torch.arange(8), run.recipe.data, draws.generator(0, "augment")
    )
    given = (
        run.net,
        getattr(run, "judge", run).optimiser,
        path(run.recipe.space),
        images,
        labels,
        0.1,
    )
    settings = (run.recipe.fidelity, run.recipe.compute)
    train_step(*given, *settings)  # a counter of batch norm is read once

    with Watch() as watch:
        train_step(*given, *settings)

    assert watch.reads == 0


@pytest.mark.parametrize(
    ("name", "preset"), [c for c in SEARCHES + FINALS if c[1] == "paper" or c in in_soak(c)]
)
def test_a_step_of_several_minibatches_reads_no_single_value(name, preset):
    run = start(name, preset, "cpu", accumulate=2)
    items = (item for item in run.records() if isinstance(item, Tick))
    next(items)  # counters of batch norm are read once

    with Watch() as watch:
        for _ in range(STEPS):
            next(items)

    assert run.at.step == 1 + STEPS
    assert watch.reads == 0


def test_a_read_is_seen():
    with Watch() as watch:
        assert int(torch.ones(1)) == 1
        torch.ones(1).to("meta")

    assert (watch.reads, watch.waits) == (1, 1)
