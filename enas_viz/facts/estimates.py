"""How long a recipe takes and how much disk it fills, estimated before it runs. No torch.

Work is counted (multiply-adds by `cost`, steps by the recipe) and divided by a rate that a device
is assumed to sustain; kernels that must be launched one after the other give a lower limit. What
was measured of a recipe (`measured.py`) takes the place of what is assumed. Nothing was measured on
a GPU, so a time on a GPU is given as "at least".

Not here: measuring (`tools/`), and the time that a run took (a trace's clocks).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from enas_viz.facts import measured
from enas_viz.facts.cost import (
    child_cost,
    recipe_cost,
    recipe_supernet_parameters,
)
from enas_viz.recipes import GUIDED_SKIPS, RECIPES, Recipe, as_json
from enas_viz.spaces import Architecture, Space
from enas_viz.spaces.published import MACRO, MICRO

PASSES = 3  # a training step costs three evaluations: one forward, two backward
DAYS = 48  # hours from which a GPU is suggested
BUSY = 2.0  # load average from which other programs made a measurement slower than it need be
SAMPLES = 8  # random architectures whose mean stands for one that is not known yet


@dataclass(frozen=True)
class Device:
    """Where a recipe is to run. rate: FLOP a second that it is assumed to sustain.

    launch: seconds between two kernels at the least; 0 where nothing is launched. overhead:
    seconds of a training step at the least, however small its network. measured: whether anything
    was ever run there; if not, a time is given as a lower limit.
    """

    name: str
    unit: str
    rate: float
    launch: float = 0.0
    overhead: float = 0.0
    measured: bool = True

    @property
    def assumed(self) -> str:
        """What is assumed about it, in words."""
        told = f"assumption: {self.name} sustains {self.rate:.0e} FLOP a second"
        if self.launch:
            told += f" and starts a kernel every {self.launch * 1e6:.0f} µs at best"
        if self.overhead:
            told += f" and needs at least {self.overhead * 1e3:.0f} ms for a step"
        return told + ("" if self.measured else "; nothing was measured there")

    def needs(self, time: str) -> str:
        """The need of `time` on this device, in words: "at least" where nothing was measured."""
        if self.measured:
            return f"about {time} on {self.name}"
        return f"at least {time} on {self.name} (assumed speed, nothing measured)"


# 2 % of its dense bfloat16 peak: maps are small and many kernels wait for memory.
GPU = Device("one NVIDIA H100", "GPU-hours", 2e13, 8e-6, measured=False)
# What recorded searches of cells sustained on one thread; those of whole networks, twice as much.
CPU = Device("two CPU cores", "hours", 2e10, overhead=0.02)


@dataclass(frozen=True)
class Work:
    """What a recipe computes. flops: two for each multiply-add.

    steps: training minibatches, rewards: evaluated ones, in all epochs. kernels: of a step, None
    where they were not counted, reward_kernels: of a reward. step_s, reward_s: seconds measured on
    a CPU, None where not. measured: on what and when; empty where all is counted.
    """

    steps: int
    step_flops: float
    rewards: int = 0
    reward_flops: float = 0.0
    kernels: int | None = None
    reward_kernels: int = 0
    step_s: float | None = None
    reward_s: float | None = None
    measured: str = ""

    @property
    def flops(self) -> float:
        return self.steps * self.step_flops + self.rewards * self.reward_flops


@dataclass(frozen=True)
class Estimate:
    """Hours on a device, and a sentence that says how they were estimated."""

    hours: float
    device: Device
    how: str


def estimate(recipe: Recipe, device: Device) -> Estimate:
    """About how long a recipe takes on `device`."""
    if device is CPU and (recorded := _recorded(recipe)):
        return recorded
    work = count_work(recipe)
    images = recipe.train.batch_size
    counted = f"{_spaced(work.steps)} steps of {images} images"
    if work.rewards:
        counted += f" and {_spaced(work.rewards)} rewards"
    if device is CPU and work.step_s:
        seconds = work.steps * work.step_s + work.rewards * (work.reward_s or 0.0)
        how = f"{counted}, a step {work.step_s:.2g} s (measured: {work.measured})"
        return Estimate(seconds / 3600, device, how)
    computing = work.flops / device.rate
    how = (
        f"{counted}, {work.step_flops:.3g} FLOP a step (multiply-adds by formula), in all "
        f"{work.flops:.3g} FLOP at {device.rate:.1g} a second: {tell_hours(computing / 3600)} h"
    )
    # without kernels: as if all were training steps
    launching = (work.steps + work.rewards / PASSES) * device.overhead
    if device.launch and work.kernels:
        started = work.steps * work.kernels + work.rewards * work.reward_kernels
        launching = started * device.launch
        how += (
            f"; {_spaced(work.kernels)} kernels a step, {device.launch * 1e6:.0f} µs each: at "
            f"least {tell_hours(launching / 3600)} h"
        )
    elif device.launch:
        how += "; kernels a step not measured, so launching them is left out"
    return Estimate(max(computing, launching) / 3600, device, how)


def needs(recipe: Recipe) -> str:
    """In a line, the time of a recipe on a CPU, and its memory where that was measured; of a
    recipe that would take a CPU days, first what a GPU is estimated to need."""
    hours = estimate(recipe, CPU).hours
    long, gpu = tell_time(hours), ""
    if hours > DAYS:
        gpu = f"{GPU.needs(tell_time(estimate(recipe, GPU).hours))}; "
    known = measured.row(recipe)
    if known is None or known["memory_mb"] is None:
        return f"{gpu}{CPU.needs(long)}, estimated"
    busy = " while other programs ran" if known.get("load", 0) >= BUSY else ""
    return (
        f"{gpu}about {long} on {known['device']}, {known['memory_mb']} MB of memory "
        f"(measured {known['date']}{busy})"
    )


def count_work(recipe: Recipe) -> Work:
    """What a recipe computes: counted, and measured where the recipe is as it was measured.

    Raises ValueError for a judge of somebody's own, of which nothing is known.
    """
    train, controller = recipe.train, recipe.controller
    if recipe.searches and recipe.judge.name != "shared":
        return _judged_work(recipe)
    steps = train.epochs * math.ceil(training_images(recipe) / train.batch_size)
    per_image = 2 * _multiply_adds(_shape(recipe))
    rewards = 0
    if recipe.searches:
        rewards = train.epochs * controller.updates * controller.samples
    seen = controller.reward_images or train.batch_size
    counted = Work(steps, PASSES * per_image * train.batch_size, rewards, per_image * seen)
    found = measured.row(recipe)
    if found is None:
        return counted
    return replace(
        counted,
        kernels=found["step_kernels"],
        reward_kernels=found.get("reward_kernels") or 0,
        step_s=found["step_s"],
        reward_s=found["reward_s"],
        measured=f"{found.get('device')}, {found.get('threads')} thread, {found['date']}",
    )


def _judged_work(recipe: Recipe) -> Work:
    """What a search without shared weights computes: each network's training and validation."""
    if recipe.judge.name == "own":
        raise ValueError("how long a judge of your own takes is not known")
    networks = recipe.train.epochs * recipe.controller.updates * recipe.controller.samples
    if recipe.judge.name == "table":
        return Work(0, 0.0, networks)
    per_image, batch = 2 * _multiply_adds(_shape(recipe)), recipe.train.batch_size
    steps = networks * recipe.judge.epochs * (training_images(recipe) // batch)
    valid = recipe.data.valid_images or recipe.dataset.valid
    return Work(steps, PASSES * per_image * batch, networks, per_image * valid)


def training_images(recipe: Recipe) -> int:
    """How many images an epoch sees; of an unknown dataset, as many as CIFAR-10 has."""
    data = recipe.data
    if data.train_images:
        return data.train_images
    of = recipe.dataset
    return of.train if data.holdout else of.train + of.valid


def disk_bytes(recipe: Recipe) -> int:
    """Two checkpoints of weights and momentum, 4 bytes a number, and a megabyte for the trace."""
    if not recipe.searches:
        numbers = child_cost(likely_architectures(recipe)[0], recipe).parameters
    else:
        numbers = recipe_supernet_parameters(recipe)
    return 2 * 2 * 4 * numbers + 2**20


def likely_architectures(recipe: Recipe) -> list[Architecture]:
    """The published network where it has the recipe's size, else a few random ones."""
    space = recipe.space
    if not recipe.searches:
        for known in (MACRO, MICRO):
            if _but_for_wiring(space) == _but_for_wiring(known.space):
                return [known]
    rng = random.Random(0)
    return [space.sample(rng, GUIDED_SKIPS) for _ in range(SAMPLES)]


def tell_hours(hours: float) -> str:
    """Two digits, without an exponent: 0.034, 5.6, 120."""
    if not hours:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(hours)))
    return f"{round(hours, 1 - math.floor(math.log10(hours))):.{digits}f}"


def tell_time(hours: float) -> str:
    """Two digits in the unit that suits them: 2.6 seconds, 52 minutes, 5600 hours."""
    if hours >= 1:
        return f"{tell_hours(hours)} hours"
    if hours >= 1 / 60:
        return f"{tell_hours(60 * hours)} minutes"
    return f"{tell_hours(3600 * hours)} seconds"


# ---------------------------------------------------------------- what was measured


def _recorded(recipe: Recipe) -> Estimate | None:
    """Minutes that whole runs of the very same recipe took on two cores."""
    found, named = measured.searches().get(recipe.name), RECIPES.get(recipe.name)
    if found is None or named is None:
        return None
    unkept = ("strategy", "judge", "fidelity")  # of which the measurements are as the recipe named
    if any(getattr(recipe, part) != getattr(named, part) for part in unkept):
        return None
    for part, then in found["of"].items():
        now = getattr(recipe, part)
        recorded = as_json(type(now)()) | then  # a newer field had its default
        if any(recorded[k] != v for k, v in as_json(now).items()):
            return None  # it was another recipe when it was recorded, or is changed now
    minutes = found["minutes"]
    mean = sum(minutes) / len(minutes)
    runs = "1 recorded run" if len(minutes) == 1 else f"{len(minutes)} recorded runs"
    how = f"{runs} took {mean:.0f} minutes on average"
    return Estimate(mean / 60, CPU, how)


# ---------------------------------------------------------------- helpers


def _shape(recipe: Recipe) -> Recipe:
    """A recipe reduced to what decides the cost of one step."""
    plain = RECIPES["macro-tiny"]
    return replace(
        plain,
        strategy=recipe.strategy,
        network=recipe.network,
        fidelity=recipe.fidelity,
        data=replace(plain.data, name=recipe.data.name, resolution=recipe.data.resolution),
        train=replace(plain.train, batch_size=recipe.train.batch_size),
    )


@cache
def _multiply_adds(shape: Recipe) -> float:
    """Multiply-adds of one image through the network, the mean over likely architectures."""
    found = [recipe_cost(a, shape).multiply_adds for a in likely_architectures(shape)]
    return sum(found) / len(found)


def _but_for_wiring(space: Space) -> dict[str, Any]:
    """What a space is, whatever its skip bits select, which changes no size."""
    return space.to_json() | {"wiring": None}


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
