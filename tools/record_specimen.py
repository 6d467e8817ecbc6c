"""Records the specimen that ships: the macro networks of two layers, on digits, with real rewards.

The shared weights are trained by the recipe `macro-tiny` with two layers and a controller that is
never updated; then every network is rewarded on the same minibatches.

    python tools/record_specimen.py
"""

import time
from dataclasses import replace
from datetime import UTC, datetime

from enas_viz import recipe
from enas_viz.facts.specimen import ASSET, save_specimen
from enas_viz.records.trace import Epoch
from enas_viz.search.microscope import specimen
from enas_viz.search.runs.build import build

EPOCHS = 20
SEED = 0


def main() -> None:
    made = recipe(
        "macro-tiny",
        network__layers=2,
        train__epochs=EPOCHS,
        train__restart_period=EPOCHS,
        controller__updates=0,
    )
    started = time.monotonic()
    search = build(made, SEED, "cpu", None)
    for item in search.records():
        if isinstance(item, Epoch):
            print(f"epoch {item.epoch + 1}: loss {item.loss:.3f}", flush=True)
    trained = time.monotonic() - started
    found = specimen(search)
    header = search.header
    about = {
        "what": "policy: the untrained controller; rewards: validation accuracy, shared weights",
        "recipe": header.recipe,
        "fidelity": header.fidelity,
        "seed": SEED,
        "dataset": {k: v for k, v in header.dataset.items() if k != "classes"},
        "device": header.device,
        "versions": header.versions,
        "date": str(datetime.now(UTC).date()),
        "seconds": {
            "training": round(trained, 1),
            "rewards": round(time.monotonic() - started - trained, 1),
        },
    }
    save_specimen(replace(found, about=about), ASSET)
    print(f"wrote {ASSET.name}: {ASSET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
