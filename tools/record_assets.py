"""Records the traces that ship with the package, by running this very program.

Run it by `make assets`, on a machine that does nothing else; it takes about two minutes.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from enas_viz import recipe, search
from enas_viz.published import ARTICLE_MACRO, ARTICLE_MICRO
from enas_viz.recipes import PRESETS
from enas_viz.search.controller import narrate
from enas_viz.trace import ASSETS, Epoch, save_trace

ARTICLE_NOTE = (
    "The article's worked example, not a search: an untrained controller (seed 0) was made to take "
    "the article's decisions, so its probabilities are near chance."
)


def main() -> None:
    ASSETS.mkdir(exist_ok=True)
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

    with tempfile.TemporaryDirectory() as folder:
        for item in search.run(recipe("macro-tiny"), seed=0, device="cpu", folder=f"{folder}/run"):
            if isinstance(item, Epoch):
                print(f"epoch {item.epoch + 1}: reward accuracy {item.valid_accuracy:.3f}")
        shutil.copy(Path(folder) / "run" / "trace.jsonl.gz", ASSETS / "macro-tiny.jsonl.gz")
    print("wrote macro-tiny.jsonl.gz")


if __name__ == "__main__":
    main()
