"""Measures which controller rate fits a search of so few updates, with a planted reward.

No network is trained. Each sample's accuracy is what the weights alone would give, which rises from
0.2 to 0.6 during the search, plus 0.2 for the share of its layers that took their planted operation
(one per layer), plus the noise of a minibatch of the recipe's size. All else is the search's own:
samples, baseline, REINFORCE and Adam. A rate is too low when the planted operations are hardly more
probable at the end, and too high when the policy settles on others.

    python tools/measure_rate.py    # about a minute on one core
"""

import dataclasses
import json
import math
import platform
import subprocess
from datetime import date
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from enas_viz.recipes import Recipe, recipe
from enas_viz.search.nets.controller import ControllerOptimiser, make_controller
from enas_viz.search.training import draws

RECIPE = "macro-laptop"
RATES = (7e-3, 1.4e-2, 2.8e-2, 5.6e-2)
SEEDS = (0, 1, 2)
FIRST, LAST, GAIN = 0.2, 0.6, 0.2  # accuracy of the weights alone; what planted operations add
SAMPLES = 200  # of the policy at the end
RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "macro-laptop-rate.json"


def main() -> None:
    torch.set_num_threads(1)
    made = recipe(RECIPE)
    rows = []
    for rate in RATES:
        config = dataclasses.replace(made.controller, lr=rate)
        found = [planted(dataclasses.replace(made, controller=config), seed) for seed in SEEDS]
        rows.append({"lr": rate, "planted_share": [round(share, 4) for share, _ in found],
                     "entropy": [round(entropy, 2) for _, entropy in found]})  # fmt: skip
        print(f"lr {rate:<8} planted operations {mean(s for s, _ in found):.1%} of layers, "
              f"entropy {mean(e for _, e in found):.1f} nats")  # fmt: skip
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"],
        cwd=RESULT.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    about = {
        "what": __doc__.partition("\n")[0],
        "recipe": made.name,
        "updates": made.train.epochs * made.controller.updates,
        "samples": made.controller.samples,
        "reward": f"{FIRST} rising to {LAST}, + {GAIN} x planted share + noise of "
        f"{images(made)} images",
        "chance": round(1 / len(made.space.ops), 4),
        "seeds": SEEDS,
        "date": str(date.today()),
        "device": f"{platform.machine()} CPU, 1 thread",
        "commit": commit,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(about, indent=1) + "\n")


def images(made: Recipe) -> int:
    return made.controller.reward_images or made.train.batch_size


def planted(made: Recipe, seed: int) -> tuple[float, float]:
    """(share of layers with their planted operation, mean entropy in nats) after a whole search."""
    config, space = made.controller, made.space
    controller = make_controller(space, config, made.fidelity, seed)
    optimiser = ControllerOptimiser(controller)
    wanted = draws.generator(seed, "uniform", 0, 0, 7).integers(len(space.ops), size=space.layers)
    width, baseline = controller.draws_per_sample, 0.0

    def shares(children):
        return [mean(float(row[0] == op) for row, op in zip(child.content, wanted, strict=True))
                for child in children]  # fmt: skip

    updates = made.train.epochs * config.updates
    for update in range(updates):
        base = LAST - (LAST - FIRST) * math.exp(-4 * update / updates)
        epoch, at = divmod(update, config.updates)
        numbers = draws.uniforms(seed, "sample", epoch, at, range(config.samples), width)
        rollout = controller.sample(config.samples, uniforms=numbers)
        children = rollout.architectures()
        rng: np.random.Generator = draws.generator(seed, "reward", epoch, at)
        noise = math.sqrt(base * (1 - base) / images(made))
        advantages = []
        for share, entropy in zip(shares(children), rollout.entropy.tolist(), strict=True):
            accuracy = base + GAIN * share + noise * rng.standard_normal()
            reward = accuracy + config.entropy_weight * entropy
            baseline -= (1 - config.baseline_decay) * (baseline - reward)
            advantages.append(reward - baseline)
        optimiser.reinforce(children, torch.tensor(advantages, dtype=torch.float32))
    numbers = draws.uniforms(seed, "derive", 0, 0, range(SAMPLES), width)
    last = controller.sample(SAMPLES, uniforms=numbers)
    return mean(shares(last.architectures())), float(last.entropy.mean())


if __name__ == "__main__":
    main()
