"""Measures what each recipe needs: memory, seconds and kernels of a step and of a reward.

Each recipe runs in a process of its own, one thread, on random images of its dataset's number and
shape: a first step, then a few that are measured in CPU-seconds; then as many rewards. Kernels are
counted on PyTorch's "meta" device, which computes nothing, over several sampled architectures.
Operations that only look at memory otherwise are no kernels.

    python tools/measure_recipes.py [RECIPE ...]      # all; rows of others in the file are kept
    python tools/measure_recipes.py --count RECIPE    # kernels only, nothing timed
"""

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from enas_viz.facts.measured import shape
from enas_viz.recipes import RECIPES, Recipe, change

TABLE = Path(__file__).parent.parent / "enas_viz" / "measured.json"
ENOUGH = 1.5  # CPU-seconds of measured steps
LONG = 15  # CPU-seconds of a step of which one is enough
COUNTED = 6  # steps whose kernels are averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipes", nargs="*", default=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--count", action="store_true", help="count, and time nothing")
    parser.add_argument("--inside", action="store_true", help="measure the one recipe, print JSON")
    options = parser.parse_args()
    if options.inside:
        made = RECIPES[options.recipes[0]]
        print(json.dumps(only_counted(made) if options.count else measure(made)))
        return
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    kept = table.get("recipes", {})
    for name in options.recipes:
        command = [sys.executable, __file__, "--inside", name]
        command += ["--count"] if options.count else []
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        kept[name] = json.loads(told.splitlines()[-1])
        print(name, {k: v for k, v in kept[name].items() if k != "of"}, flush=True)
        rows = {known: kept[known] for known in RECIPES if known in kept}
        table |= {"what": __doc__.partition("\n")[0], "recipes": rows}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")


def measure(made: Recipe) -> dict[str, Any]:
    """The row of one recipe, measured in this process."""
    import torch

    torch.set_num_threads(1)
    run = started(made, "cpu")
    steps = ticks(run)
    first = time.process_time()
    next(steps)
    least = 1 if time.process_time() - first > LONG else 2
    took, count = 0.0, 0
    while count < least or (took < ENOUGH and count < 20):
        begun = time.process_time()
        next(steps)
        took, count = took + time.process_time() - begun, count + 1
    steps.close()
    step = took / count
    reward, rewards = 0.0, 0
    if made.strategy != "final":
        run.at.phase, run.at.step = "controller", 0
        reward, rewards = rewarded(ticks(run), made.controller.samples)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "of": shape(made),
        "memory_mb": round(memory),
        "step_s": float(f"{step:.4g}"),
        "reward_s": float(f"{reward:.4g}") if rewards else None,
        **counted(made),
        "measured_steps": count,
        "measured_rewards": rewards,
        "device": processor(),
        "load": round(os.getloadavg()[0], 1),  # of the whole machine; above 1 it disturbs
        "threads": 1,
        "torch": torch.__version__,
        "date": str(date.today()),
        "took_s": round(time.process_time() - first, 1),
    }


def only_counted(made: Recipe) -> dict[str, Any]:
    """The row of a recipe whose steps are too long to be timed here."""
    import torch

    untimed = {"memory_mb": None, "step_s": None, "reward_s": None}
    found = {"of": shape(made), **untimed, **counted(made)}
    return found | {"torch": torch.__version__, "date": str(date.today())}


def rewarded(steps: Iterator[Any], samples: int) -> tuple[float, int]:
    """(CPU-seconds of a reward, how many were measured) after a first one, within one update."""
    next(steps)
    took, count = 0.0, 0
    while count < 2 or (took < ENOUGH and count < samples - 1):
        begun = time.process_time()
        next(steps)
        took, count = took + time.process_time() - begun, count + 1
    return took / count, count


def counted(made: Recipe) -> dict[str, Any]:
    """Kernels of a step and of a reward, means over sampled architectures."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from enas_viz.search.training.step import count_right

    class Kernels(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            views = [r.alias_info is not None and not r.alias_info.is_write for r in returns(func)]
            self.count += not any(views)
            return func(*args, **(kwargs or {}))

    def returns(func: Any) -> list[Any]:
        return func._schema.returns

    # zero-debiased averages count on the host, which "meta" cannot tell; the arithmetic is the same
    run = started(change(made, fidelity__bn_average="plain"), "meta")
    steps = ticks(run)
    next(steps)
    with Kernels() as kernels:
        for _ in range(COUNTED):
            next(steps)
    found = {"step_kernels": round(kernels.count / COUNTED)}
    if made.strategy == "final":
        return found
    run.net.eval()
    size = made.controller.reward_images or made.train.batch_size
    images, labels = run.data.valid.take(torch.arange(size, device="meta"))
    rng = random.Random(0)
    with Kernels() as kernels:
        for _ in range(COUNTED):
            path = made.space.sample(rng)
            count_right(run.net, path, run.data.normalise(images), labels, made.compute)
    return found | {"reward_kernels": round(kernels.count / COUNTED)}


def started(made: Recipe, device: str) -> Any:
    """A run of the recipe at its start, on random images."""
    import torch

    from enas_viz.records.trace import Header
    from enas_viz.search.enas import Enas
    from enas_viz.search.final import FinalTraining
    from enas_viz.search.training.data import Data, Split
    from enas_viz.spaces import Architecture

    of = made.dataset
    train, valid, channels = of.train, of.valid, of.channels
    side = made.data.resolution
    rng = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        images = torch.randint(
            256, (count, side, side, channels), generator=rng, dtype=torch.uint8
        ).permute(0, 3, 1, 2)
        return Split(images, torch.randint(10, (count,), generator=rng))

    parts = (split(train), split(valid)) if made.data.holdout else (split(train + valid), split(0))
    grey = torch.full((channels,), 0.5)
    data = Data("random", tuple("abcdefghij"), *parts, grey, grey / 2, "")
    where, header = torch.device(device), Header(made.space, made.order)
    if made.strategy == "enas":
        return Enas(made, data, header, 0, where)
    path = made.space.sample(random.Random(0))
    if made.space.kind == "macro":  # without pooling, which a dense final network has not
        rows = tuple((row[0] % 4, *row[1:]) for row in path.content)
        path = Architecture(made.space, rows)
    return FinalTraining(made, path, data, header, 0, where)


def ticks(run: Any) -> Iterator[Any]:
    """One item for each step or reward."""
    from enas_viz.records.trace import Tick

    return (item for item in run.records() if isinstance(item, Tick))


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
