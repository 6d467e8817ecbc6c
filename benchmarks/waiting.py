"""How OpenMP threads wait: a training step on two threads, quiet and beside a busy program.

    python benchmarks/waiting.py    # some minutes; writes benchmarks/results/DATE-cpu-waiting.json

Each turn runs the same steps once with each policy, each in its own process, so that both meet the
same machine. Ratios are of medians. Seconds are wall-clock time, since waiting is what is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

from enas_viz.openmp import SETTINGS, WAITING

# PyTorch's OpenMP on Linux does not know KMP_BLOCKTIME; it only tells enas_viz to set nothing.
POLICIES = {
    "unset": {"KMP_BLOCKTIME": "200"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "ours": WAITING,
}
RESULTS = Path(__file__).parent / "results"
BUSY = "while True: pass"
STEPS = """
import time, torch
torch.set_num_threads({threads})
from cases import macro
from enas_viz.search.training import draws
from enas_viz.search.nets.supernet import make_supernet
from enas_viz.search.training.step import make_optimiser, train_step
case = macro({quick})
net = make_supernet(case.recipe, 3, 10, 0)
optimiser = make_optimiser(net, case.recipe.train)
images = torch.randn(case.batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
labels = torch.zeros(case.batch, dtype=torch.int64)
took = []
for k in range({steps} + 1):
    started = time.perf_counter()
    given = case.paths[k % len(case.paths)], images, labels, 0.01
    train_step(net, optimiser, *given, case.recipe.fidelity, case.recipe.compute)
    took.append(time.perf_counter() - started)
print(*took[1:])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="tiny networks; writes nothing")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rows = {}
    for neighbours in (0, 1, cores):
        times: dict[str, list[float]] = {name: [] for name in POLICIES}
        busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(neighbours)]
        try:
            for _ in range(options.turns):
                for policy, took in times.items():
                    took += steps(policy, cores, options.steps, options.quick)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        row = {f"{policy}_s": round(statistics.median(t), 4) for policy, t in times.items()}
        row["ours_to_unset"] = round(row["ours_s"] / row["unset_s"], 3)
        rows[f"{neighbours} busy programs"] = row
        print(f"{neighbours} busy programs: {row}", flush=True)
    if options.quick:
        return
    about = {
        "what": __doc__.partition("\n")[0],
        "step": "macro supernet, 12 layers, 36 filters, 128 images of 32x32 pixels",
        "threads": cores,
        "device": f"{platform.machine()} CPU, {cores} cores",
        "date": str(date.today()),
        "load_before": [round(load, 1) for load in os.getloadavg()],
        "policies": "unset: threads spin as OpenMP likes; passive: never; ours: enas_viz.openmp",
        "rows": rows,
    }
    path = RESULTS / f"{date.today()}-cpu-waiting.json"
    path.write_text(json.dumps(about, indent=1) + "\n")
    print(f"wrote {path.name}")


def steps(policy: str, threads: int, count: int, quick: bool) -> list[float]:
    """Seconds of each training step of one process."""
    environment = {k: v for k, v in os.environ.items() if k not in SETTINGS} | POLICIES[policy]
    code = STEPS.format(threads=threads, steps=count, quick=quick)
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [float(word) for word in told.split()]


if __name__ == "__main__":
    main()
