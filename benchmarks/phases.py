"""Where a search's CPU-seconds go: a share of an epoch, by phase.

    python benchmarks/phases.py [RECIPE ...] [--steps 60] [--rewards 40]

One thread, random images of the right shape. Times are PyTorch's profiler's, each call's own. The
network's arithmetic are the kernels in KERNELS, forward and backward, wherever no other phase has
marked the calls that make it up (CALLS); what is in neither is Python and PyTorch's dispatch. The
profiler adds to what is beside the kernels, so those shares are upper bounds. What is truly beside
them is told last: the CPU-seconds of the same work unobserved, less the kernels' own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from figures import Figures
from torch.profiler import ProfilerActivity, profile, record_function

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
from measure_recipes import started

from enas_viz.recipes import change, recipe
from enas_viz.records import trace
from enas_viz.records.trace import record
from enas_viz.search.enas import Enas
from enas_viz.search.judges.shared import SharedWeights
from enas_viz.search.nets.macro.controller import MacroController
from enas_viz.search.nets.micro.controller import MicroController
from enas_viz.search.strategies.reinforce import Reinforce
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data

UNOBSERVED = 2  # turns without the profiler, of which the quicker one counts

# Convolution, batch norm, pooling, activation, sums and joins of maps, classifier and loss.
KERNELS = {
    f"aten::{name}"
    for name in (
        *("mkldnn_convolution", "convolution_backward", "_slow_conv2d_forward"),
        *("native_batch_norm", "native_batch_norm_backward", "batch_norm_backward"),
        *("max_pool2d_with_indices", "max_pool2d_with_indices_backward", "maximum"),
        *("avg_pool2d", "avg_pool2d_backward", "mean", "sum", "div", "div_", "mul", "mul_"),
        *("relu", "relu_", "clamp_min", "clamp_min_", "threshold_backward"),
        *("add", "add_", "cat", "copy_", "fill_", "mm", "addmm", "constant_pad_nd"),
        *("_log_softmax", "_log_softmax_backward_data", "nll_loss_forward", "nll_loss_backward"),
    )
}

# What each phase is made of: the owner of a call, and its name.
CALLS: dict[str, tuple[tuple[Any, str], ...]] = {
    "data pipeline": ((Data, "training_batch"), (SharedWeights, "reward_batch")),
    "random draws": ((draws, "dropout_mask"), (draws, "uniforms")),
    "optimiser": ((torch.optim.SGD, "step"), (torch.optim.Optimizer, "zero_grad")),
    "controller": (
        *((Reinforce, "learn"), (Enas, "_episode")),
        *((MacroController, "sample"), (MicroController, "sample")),
    ),
    "recording": ((trace, "_canonical"), (trace, "_numbered")),
}


@contextmanager
def named(calls: dict[str, tuple[tuple[Any, str], ...]]) -> Iterator[None]:
    """Every call of a phase is marked by its name for the profiler."""
    saved = []
    for phase, members in calls.items():
        for owner, name in members:
            saved.append((owner, name, getattr(owner, name)))
            setattr(owner, name, marked(phase, getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, plain in saved:
            setattr(owner, name, plain)


def marked(phase: str, call: Callable) -> Callable:
    def inner(*args: Any, **kwargs: Any) -> Any:
        with record_function(f"phase: {phase}"):
            return call(*args, **kwargs)

    return inner


def phases(figures: Figures, name: str, steps: int, rewards: int) -> None:
    """The shares of one recipe's epoch, cut to so many steps and rewards."""
    made = recipe(name)
    samples = made.controller.samples
    updates = max(1, rewards // samples)
    made = change(
        made,
        train__epochs=1,
        controller__updates=updates,
        compute__threads=1,
    )
    alone = min(spent(made, steps) for _ in range(UNOBSERVED))
    with named(CALLS), profile(activities=[ProfilerActivity.CPU]) as profiler:
        spent(made, steps)
    found, total = shares(profiler)
    print(f"{name}: {steps} steps and {updates * samples} rewards, {alone:.2f} CPU-s unobserved")
    for phase, seconds in sorted(found.items(), key=lambda item: -item[1]):
        figures.add(f"{name}, {phase}", 100 * seconds / total, "% observed")
    beside = 1 - found["network"] / alone
    figures.add(f"{name}, beside the network's own kernels", 100 * beside, "% of CPU-s")


def spent(made: Any, steps: int) -> float:
    """CPU-seconds of a cut epoch, from its first step to its last record, trace included."""
    run = started(made, "cpu")
    judge = run.judge
    judge.steps_per_epoch = judge.minibatches = steps
    judge._losses, judge._right = torch.zeros(steps), torch.zeros(steps)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        with record_function("phase: all"):
            for _ in record(run.records(), Path(folder) / "trace.jsonl"):
                pass
        return time.process_time() - began


def shares(profiler: profile) -> tuple[dict[str, float], float]:
    """(seconds by phase, seconds of all), from the tree of events."""
    found: dict[str, float] = defaultdict(float)
    total = 0.0

    def walk(event: Any, phase: str) -> None:
        nonlocal total
        if event.name.startswith("phase: "):
            phase = event.name.removeprefix("phase: ")
        own = event.self_cpu_time_total / 1e6
        total += own
        if phase != "all":
            found[phase] += own
        elif event.name in KERNELS:
            found["network"] += own
        else:
            found["Python and the rest"] += own
        for child in event.cpu_children:
            walk(child, phase)

    for event in profiler.events():
        if event.name == "phase: all":
            walk(event, "all")
    return found, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipes", nargs="*", default=["macro-cifar10-cpu", "micro-cifar10-cpu"])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rewards", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = Figures()
    for name in options.recipes:
        phases(figures, name, options.steps, options.rewards)


if __name__ == "__main__":
    main()
