"""Measures how often a ranking of equally good networks calls one of them worse than the first.

Every network gets each image right with the same probability, independently of the others; in the
rows with `shared` above 0 that share of the images is right or wrong for all networks alike. Each
simulated ranking is tested as `search.candidates.derive` tests one. A test that held its level
would call at least one network apart in 5 % of rankings.

    python tools/measure_ranking.py        # writes benchmarks/results/ranking-equal.json
"""

import json
from datetime import date
from pathlib import Path

import numpy as np
import torch

from enas_viz.search.candidates import SURE, against_first

RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "ranking-equal.json"
RANKINGS, SEED = 1000, 0
CASES = (  # networks, images, accuracy, shared
    (10, 397, 0.6, 0.0),
    (10, 397, 0.6, 0.5),
    (10, 397, 0.9, 0.0),
    (10, 5000, 0.55, 0.0),
    (20, 397, 0.6, 0.0),
)


def main() -> None:
    rows = []
    for case, (networks, images, accuracy, shared) in enumerate(CASES):
        sizes = (networks, images, accuracy, shared)
        alarms = sum(false_alarm(case, k, *sizes) for k in range(RANKINGS))
        rows.append(
            {
                "networks": networks,
                "images": images,
                "accuracy": accuracy,
                "shared": shared,
                "rankings": RANKINGS,
                "at_least_one_apart": alarms / RANKINGS,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    about = {"what": __doc__.partition("\n")[0], "date": str(date.today())}
    about |= {"level": SURE, "seed": SEED}
    RESULT.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


def false_alarm(
    case: int, k: int, networks: int, images: int, accuracy: float, shared: float
) -> bool:
    """Whether the k-th ranking of equal networks calls at least one of them apart."""
    rng = np.random.default_rng([SEED, case, k])
    own = rng.random((networks, images)) < accuracy
    alike = rng.random(images) < shared
    right = np.where(alike, own[0], own)
    order = np.argsort(-right.sum(axis=1), kind="stable")
    return min(against_first(torch.from_numpy(right[order]))) < SURE


if __name__ == "__main__":
    main()
