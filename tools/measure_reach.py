"""Measures how far a micro policy goes towards a reward that asks for one operation only.

No network is trained. The reward is planted and free of noise: the share of the decisions for an
operation that took the planted one, plus the entropy term of the recipe. Everything else is the
search's own: samples, moving baseline, REINFORCE and Adam. Where the policy ends is then a matter
of its limits (`enas_viz.reach`), of what its tanh lets through, and of time.

    python tools/measure_reach.py           # about half an hour on one core
    python tools/measure_reach.py --table   # the figures that were kept, as a table
"""

import argparse
import json
import platform
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import mean

import torch

import enas_viz
from enas_viz.facts.limits import Reach, reach
from enas_viz.recipes import Recipe, recipe
from enas_viz.search.diagnostics import Diagnosis, diagnose
from enas_viz.search.nets.controller import Controller, ControllerOptimiser, make_controller
from enas_viz.search.training import draws

SEEDS = (0, 1, 2)
PLANTED = ("max3x3", "sep5x5")  # one that the released prior disfavours, one that it favours
WHOLE = 150 * 30  # updates of the whole released search: epochs times updates of an epoch
SETTINGS: dict[str, tuple[Recipe, int]] = {  # and how many updates: as a whole search has
    "released": (recipe("micro-released"), WHOLE),
    "paper": (recipe("micro-paper"), WHOLE),  # its own has 62 000
    "cpu": (recipe("micro-cifar10-cpu"), 70 * 15),
    "released-no-prior": (recipe("micro-released", fidelity__op_prior="none"), WHOLE),
}
DEFAULT = recipe("micro-released", fidelity="default")  # see `check_default`
MILESTONES = (300, 1000)
EVERY = 50  # updates between two looks at the policy
CURVE_EVERY = 150  # updates between two points that are kept
SAMPLES = 64  # of the policy, at each look
RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "policy-reach.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="only print the figures kept before")
    parser.add_argument("--updates", type=int, default=WHOLE, help="at most so many in each run")
    options = parser.parse_args()
    if not options.table:
        torch.set_num_threads(1)
        measure(options.updates)
    print_table(json.loads(RESULT.read_text())["rows"])


def measure(most: int) -> None:
    """Runs everything and writes RESULT; at most `most` updates in each run."""
    check_default()
    rows = []
    for seed in SEEDS:
        for setting, (made, updates) in SETTINGS.items():
            for op in PLANTED:
                rows.append(measured(setting, made, op, seed, min(updates, most)))
                told = {k: v for k, v in rows[-1].items() if k not in ("curve", "factors")}
                print(json.dumps(told), flush=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=RESULT.parent, capture_output=True, text=True, check=True
    ).stdout.strip()
    about = {
        "what": __doc__.partition("\n")[0],
        "reward": "share of the decisions for an operation that took the planted one, plus "
        "entropy_weight times entropy",
        "settings": {
            name: {
                "recipe": made.name,
                "op_prior": made.fidelity.op_prior,
                "updates": min(updates, most),
                **{
                    k: getattr(made.controller, k)
                    for k in ("hidden", "tanh_constant", "temperature", "op_tanh_reduce", "lr")
                },
                **{k: getattr(made.controller, k) for k in ("samples", "entropy_weight")},
            }
            for name, (made, updates) in SETTINGS.items()
        },
        "default": "micro-released with fidelity='default' has the policy and updates of "
        "'released', weight for weight; it is not run twice",
        "updates": "released and paper as many as the whole released search has; the paper's own "
        "would have 62 000; cpu as many as its own recipe has",
        "seeds": SEEDS,
        "samples_per_look": SAMPLES,
        "date": str(date.today()),
        "device": "cpu, 1 thread",
        "commit": commit,
        "versions": {
            "enas_viz": enas_viz.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    lines = ",\n  ".join(json.dumps(row) for row in rows)  # a row a line: curves are long
    head = json.dumps(about, indent=1).removesuffix("\n}")
    RESULT.write_text(f'{head},\n "rows": [\n  {lines}\n ]\n}}\n')
    print(f"wrote {RESULT.name}")


def check_default() -> None:
    """Stops unless `fidelity="default"` leaves policy and updates of the released recipe alone."""
    trained = []
    for made in (SETTINGS["released"][0], DEFAULT):
        for update, controller in planted_search(made, PLANTED[0], seed=0):
            if update == EVERY:
                trained.append(torch.nn.utils.parameters_to_vector(controller.parameters()))
                break
    if not torch.equal(*trained):
        raise SystemExit("fidelity='default' differs from 'released' by now: add it to SETTINGS")


def measured(setting: str, made: Recipe, op: str, seed: int, updates: int) -> dict[str, object]:
    """One run: the planted operation's mean probability on the way, beside what can be reached."""
    option = made.space.ops.index(op)
    looks: dict[int, Diagnosis] = {}
    for update, controller in planted_search(made, op, seed):
        if update % EVERY == 0 or update == updates:
            looks[update] = diagnose(controller, SAMPLES, seed)
        if update == updates:
            break
    whole, held = reach(made), reach(made, saturated=True)
    first, last = looks[0], looks[updates]
    after = {m: looks[m] for m in sorted({*MILESTONES, updates}) if m in looks}
    return {
        "setting": setting,
        "planted": op,
        "seed": seed,
        "updates": updates,
        "share_before": round(first.share(option), 4),
        "share_after": {str(m): round(look.share(option), 4) for m, look in after.items()},
        "share_range": rounded(whole.share(option)),
        "share_range_saturated": rounded(held.share(option)),
        "entropy_before": round(first.entropy, 3),
        "entropy_after": {str(m): round(look.entropy, 3) for m, look in after.items()},
        "entropy_range": entropies(whole),
        "entropy_range_saturated": entropies(held),
        "factors": {"before": factors(first), "after": factors(last)},
        "curve": {
            "update": (points := [u for u in looks if u % CURVE_EVERY == 0 or u == updates]),
            "share": [round(looks[u].share(option), 4) for u in points],
            "entropy": [round(looks[u].entropy, 3) for u in points],
            **{
                f"factor_{cell}": [significant(looks[u].op_factors[cell][op]) for u in points]
                for cell in made.space.cells
            },
        },
    }


def planted_search(made: Recipe, op: str, seed: int) -> Iterator[tuple[int, Controller]]:
    """The controller before its first update and after each, numbered; without end.

    Samples and updates as in `search.enas`, with the planted share in the place of the accuracy.
    """
    config = made.controller
    controller = make_controller(made.space, config, made.fidelity, seed)
    optimiser = ControllerOptimiser(controller)
    width, option = controller.draws_per_sample, made.space.ops.index(op)
    baseline = None if made.fidelity.baseline_start == "first_reward" else 0.0
    done = 0
    while True:
        yield done, controller
        epoch, update = divmod(done, config.updates)
        numbers = draws.uniforms(seed, "sample", epoch, update, range(config.samples), width)
        rollout = controller.sample(config.samples, uniforms=numbers)
        right = (rollout.picks[..., 2:] == option).float().mean((1, 2, 3))
        advantages = []
        for reward in (right + config.entropy_weight * rollout.entropy).tolist():
            baseline = reward if baseline is None else baseline
            baseline -= (1 - config.baseline_decay) * (baseline - reward)
            advantages.append(reward - baseline)
        scored = controller.score(rollout.architectures())
        loss = -scored.log_probability * torch.tensor(advantages) + scored.penalty
        optimiser.zero_grad()
        loss.mean().backward()
        optimiser.step()
        done += 1


def factors(look: Diagnosis) -> dict[str, object]:
    """Derivatives of shaped logits, as few numbers: by cell and operation, and of all indices."""
    sources = [f for by_node in look.source_factors.values() for f in by_node.values()]
    ops = {
        cell: {op: significant(f) for op, f in by_op.items()}
        for cell, by_op in look.op_factors.items()
    }
    return {**ops, "index": significant(mean(sources))}


def entropies(found: Reach) -> list[float]:
    return rounded((found.entropy_low, found.entropy_high), 3)


def rounded(values: tuple[float, ...], digits: int = 4) -> list[float]:
    return [round(v, digits) for v in values]


def significant(value: float) -> float:
    return float(f"{value:.3g}")


def print_table(rows: list[dict]) -> None:
    """Means over seeds, in Markdown; behind a mean, the smallest and the largest of the seeds."""
    after = [f"after {m}" for m in MILESTONES]
    titles = ["setting", "planted", "share before", *after, "at the end (updates)"]
    titles += ["at most / while saturated"]
    titles += ["entropy, nats", "reach"]
    print("| " + " | ".join(titles) + " |")
    print("|---" * len(titles) + "|")
    for setting, op in dict.fromkeys((row["setting"], row["planted"]) for row in rows):
        runs = [r for r in rows if (r["setting"], r["planted"]) == (setting, op)]
        row = runs[0]
        cells = [setting, op, f"{mean(r['share_before'] for r in runs):.3f}"]
        for m in map(str, MILESTONES):
            cells.append(spread([r["share_after"].get(m) for r in runs], 3))
        last = str(row["updates"])
        cells.append(f"{spread([r['share_after'][last] for r in runs], 3)} ({last})")
        cells.append(f"{row['share_range'][1]:.3f} / {row['share_range_saturated'][1]:.3f}")
        before = mean(r["entropy_before"] for r in runs)
        cells.append(f"{before:.2f} to {spread([r['entropy_after'][last] for r in runs], 2)}")
        cells.append("{:.2f} to {:.2f}".format(*row["entropy_range"]))
        print("| " + " | ".join(cells) + " |")


def spread(values: list[float | None], digits: int) -> str:
    if None in values:
        return ""
    low, middle, high = (f"{v:.{digits}f}" for v in (min(values), mean(values), max(values)))
    return f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main()
