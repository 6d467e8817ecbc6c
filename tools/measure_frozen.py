"""Measures how much of a search's rising reward is the controller's doing, for notebook 06.

Each seed is searched twice: as the notebook does, and with a controller whose learning rate is next
to zero. Reported: the mean reward and the mean entropy of the last epoch's samples.

    python tools/measure_frozen.py        # writes benchmarks/results/frozen-controller.json
"""

import json
from datetime import date
from pathlib import Path

from measure_recipes import processor  # sets one thread, too

from enas_viz import search
from enas_viz.recipes import recipe
from enas_viz.records.trace import Episode, Header

RESULT = Path(__file__).parent.parent / "benchmarks" / "results" / "frozen-controller.json"
CHANGES = {"network__layers": 3, "network__filters": 12, "train__epochs": 16}  # as in the notebook
RATES = {"learns": 0.02, "frozen": 1e-9}  # controller.lr
SEEDS = (0, 1, 2, 3)


def main() -> None:
    rows, header = [], None
    for seed in SEEDS:
        row = {"seed": seed}
        for name, rate in RATES.items():
            header, row[name] = last_epoch(seed, rate)
        rows.append(row)
        print(json.dumps(row), flush=True)
    about = {
        "what": __doc__.partition("\n")[0],
        "recipe": "macro-tiny",
        "changes": CHANGES,
        "controller__lr": RATES,
        "date": str(date.today()),
        "device": f"{processor()}, 1 thread",
        "versions": header.versions,
    }
    RESULT.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


def last_epoch(seed: int, rate: float) -> tuple[Header, dict[str, float]]:
    """(header, mean reward and entropy of the samples of the last epoch) of one search."""
    made = recipe("macro-tiny", **CHANGES, controller__lr=rate)
    records = search.run(made, seed=seed, device="cpu")
    header = next(records)
    episodes = [item for item in records if isinstance(item, Episode)]
    last = [e for e in episodes if e.epoch == made.train.epochs - 1]
    means = (sum(e.accuracy for e in last), sum(e.extra["entropy"] for e in last))
    return header, dict(
        zip(("reward", "entropy"), (round(m / len(last), 4) for m in means), strict=True)
    )


if __name__ == "__main__":
    main()
