"""Records the traces that ship with the package, by running this very program.

Run it by `make assets`, on a machine that does nothing else. Names of
traces as arguments (`python tools/record_assets.py controller-macro`) record only these.
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from enas_viz import recipe, search
from enas_viz.published import ARTICLE_MACRO, ARTICLE_MICRO
from enas_viz.recipes import PRESETS, Recipe
from enas_viz.search.controller import narrate
from enas_viz.trace import ASSETS, Epoch, Trace, load_trace, save_trace

ARTICLE_NOTE = (
    "The article's worked example, not a search: an untrained controller (seed 0) was made to take "
    "the article's decisions, so its probabilities are near chance."
)


OPENED_SEED = 0  # of the draws
OPENED_NOTE = (
    "Two samplings of one controller with the same draws, before and after the search of the "
    "recipe, with everything that its LSTM held."
)


def main(names: list[str]) -> None:
    ASSETS.mkdir(exist_ok=True)
    if not names:
        record_examples()
        record_search()
    for name, made in (
        ("controller-macro", recipe("macro-tiny")),
        ("controller-micro", recipe("micro-tiny", network__nodes=2)),
    ):
        if not names or name in names:
            record_controller(name, made)


def record_examples() -> None:
    article = PRESETS["article"]
    for name, architecture, fidelity in (
        ("article-macro", ARTICLE_MACRO, article),
        ("article-macro-code", ARTICLE_MACRO, replace(article, macro_order="op-first")),
        ("article-micro", ARTICLE_MICRO, article),
    ):
        path = ASSETS / f"{name}.jsonl.gz"
        path.unlink(missing_ok=True)
        save_trace(narrate(architecture, fidelity, 0, ARTICLE_NOTE), path)
        print(f"wrote {path.name}")


def record_search() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for item in search.run(recipe("macro-tiny"), seed=0, device="cpu", folder=f"{folder}/run"):
            if isinstance(item, Epoch):
                print(f"epoch {item.epoch + 1}: reward accuracy {item.valid_accuracy:.3f}")
        shutil.copy(Path(folder) / "run" / "trace.jsonl.gz", ASSETS / "macro-tiny.jsonl.gz")
    print("wrote macro-tiny.jsonl.gz")


def record_controller(name: str, made: Recipe) -> None:
    """A controller taken apart, as it starts and as its search leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in search.run(made, seed=0, device="cpu", folder=f"{folder}/run"):
            pass
        header = replace(load_trace(f"{folder}/run").header, note=OPENED_NOTE)
        trained = search.restore(f"{folder}/run").controller
    first = search.make_controller(made.space, made.controller, made.fidelity, seed=0)
    found = [
        replace(search.dissect(controller, seed=OPENED_SEED, header=header), note=note)
        for controller, note in (
            (first, "As the controller starts, untrained."),
            (trained, f"After the search: recipe {made.name}, seed 0."),
        )
    ]
    path = ASSETS / f"{name}.jsonl.gz"
    path.unlink(missing_ok=True)
    save_trace(Trace(header, tuple(found)), path)
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
