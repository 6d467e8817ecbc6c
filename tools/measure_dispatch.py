"""Measures what it costs to ignore the sampled operation, for a lesson of notebook 01.

The authors' released macro search runs max pooling whatever was sampled
(`fidelity.macro_dispatch="last_branch"`). For three seeds, on digits: what does the policy learn
about operations with it and without it, and where does the network that each search ends with rank
among 100 networks by chance? The judge is a third set of shared weights of the same seed, trained
on networks drawn evenly, so that it favours neither.

    python tools/measure_dispatch.py
"""

import json
import math
import platform
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

import enas_viz
from enas_viz.recipes import Recipe, recipe
from enas_viz.records.trace import Epoch
from enas_viz.search import candidates
from enas_viz.search.enas import Enas
from enas_viz.search.runs.build import build
from enas_viz.spaces import Architecture

SEEDS = (0, 1, 2)
SAMPLES = 200  # of the policy, to see what it prefers
CANDIDATES = 10  # from which a search takes its final network, by shared weights
CHANCE = 100  # networks with uniform operations at the wanted skip rate
RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "dispatch-digits.json"


def main() -> None:
    rows = [row for seed in SEEDS for row in measured(seed)]
    made = recipe("macro-tiny")
    about = {
        "what": __doc__.partition("\n")[0],
        "recipe": made.name,
        "samples": SAMPLES,
        "candidates": CANDIDATES,
        "chance": CHANCE,
        "date": str(date.today()),
        "device": f"cpu, {made.compute.threads} thread",
        "versions": {
            "enas_viz": enas_viz.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    print(f"wrote {RESULT}")


def measured(seed: int) -> list[dict[str, object]]:
    """Both searches of one seed, judged by weights whose controller was never updated."""
    found = {}
    for dispatch in ("sampled", "last_branch"):
        made = recipe("macro-tiny", fidelity__macro_dispatch=dispatch)
        found[dispatch] = finished(made, seed)
    judge = finished(recipe("macro-tiny", controller__updates=0), seed)
    rate = judge.recipe.controller.skip_prior  # which both policies keep to
    by_chance = candidates.validate(
        judge, candidates.uniform(judge.recipe.space, CHANCE, seed, rate)
    )
    rows = []
    for dispatch, made in found.items():
        policy = made.controller.sample(SAMPLES, seed=seed).architectures()
        best = candidates.derive(made, CANDIDATES)[0].architecture
        (accuracy,) = candidates.validate(judge, [best])
        rows.append(
            {
                "seed": seed,
                "dispatch": dispatch,
                "preference_nats": round(preference(policy), 3),
                "most_sampled": most_sampled(policy),
                "accuracy": round(accuracy, 4),
                "rank": 1 + sum(a > accuracy for a in by_chance),
                "chance_accuracy": round(sum(by_chance) / CHANCE, 4),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def finished(made: Recipe, seed: int) -> Enas:
    """A search that was run to its end in memory."""
    running = build(made, seed, "cpu", None)
    for item in running.records():
        if isinstance(item, Epoch) and (item.epoch + 1) % 20 == 0:
            print(f"seed {seed}, {made.fidelity.macro_dispatch}: epoch {item.epoch + 1}")
    return running


def preference(policy: Sequence[Architecture]) -> float:
    """How far the sampled operations are from even, in nats a layer: ln 6 less their entropy."""
    space = policy[0].space
    layers = zip(*(space.op_names(a) for a in policy), strict=True)
    entropies = [
        -sum(n / len(names) * math.log(n / len(names)) for n in Counter(names).values())
        for names in layers
    ]
    return math.log(len(space.ops)) - sum(entropies) / len(entropies)


def most_sampled(policy: Sequence[Architecture]) -> dict[str, float]:
    """The share of every operation over all layers and samples, the largest first."""
    space = policy[0].space
    counts = Counter(op for a in policy for op in space.op_names(a))
    return {op: round(n / sum(counts.values()), 3) for op, n in counts.most_common()}


if __name__ == "__main__":
    main()
