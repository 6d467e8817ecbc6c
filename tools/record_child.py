"""Records what is inside two networks on digits: `child-macro` and `child-micro`, which ship.

The shared weights are trained by `macro-tiny` and `micro-tiny` on images of 16x16 pixels, with a
controller that is never updated, so that every operation and every arc is trained alike and a
change is not punished for having been rare. The macro network is the article's example; the cell is
wired as the article's, with average pooling 3x3 where the article has 5x5.

    python tools/record_child.py                 # both, about half an hour on one core
    python tools/record_child.py child-macro
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from enas_viz import recipe, search
from enas_viz.recipes import Recipe
from enas_viz.records.inside import ASSETS, SHIPPED, save_inside
from enas_viz.records.trace import Epoch, load_trace
from enas_viz.search.candidates import validate
from enas_viz.search.inside import look_inside
from enas_viz.spaces import Architecture, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO

SEED, RESOLUTION = 0, 16
EPOCHS = {"child-macro": 240, "child-micro": 110}
LEVELS = {"child-macro": 255, "child-micro": 31}  # so that a recording stays below 400 kB
CELL = 3  # of the micro network's five: the normal cell between the two reductions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=", ".join(SHIPPED))
    parser.add_argument("--runs", type=Path, help="keep the trainings in this folder, and use them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or SHIPPED:
            record(name, (options.runs or Path(folder)) / name)


def record(name: str, folder: Path) -> None:
    made, architecture, cell = wanted(name)
    if folder.exists():
        records = search.resume(folder)
    else:
        records = search.run(made, seed=SEED, device="cpu", folder=folder)
    for item in records:
        if isinstance(item, Epoch):
            print(f"epoch {item.epoch + 1}: loss {item.loss:.3f}", file=sys.stderr, flush=True)
    run = search.restore(folder)
    (accuracy,) = validate(run, [architecture])
    inside = look_inside(run, architecture, cell=cell, levels=LEVELS[name]).recorded()
    about = {
        "what": f"{name}: shared weights of a supernet whose controller was never updated, so "
        "that all operations and arcs were trained alike",
        **inside.about,
        "accuracy": accuracy,  # on the whole validation split
        "date": str(datetime.now(UTC).date()),
        "seconds": round(load_trace(folder).seconds),  # of training
    }
    path = ASSETS / f"{name}.json.gz"
    save_inside(replace(inside, about=about), path)
    print(
        f"wrote {path.name}: {path.stat().st_size / 1000:.0f} kB, accuracy {accuracy:.3f}, "
        f"{len(inside.variants)} changes, right {', '.join(_right(inside))}"
    )


def wanted(name: str) -> tuple[Recipe, Architecture, int | None]:
    """(recipe, network, open cell)."""
    epochs = EPOCHS[name]
    train = {"train__epochs": epochs, "train__restart_period": epochs, "controller__updates": 0}
    if name == "child-macro":
        made = recipe(
            "macro-tiny",
            data__resolution=RESOLUTION,
            network__layers=4,
            fidelity__skip_merge_search="concat",
            **train,
        )
        return made, ARTICLE_MACRO, None
    made = recipe(
        "micro-tiny",
        data__resolution=RESOLUTION,
        network__nodes=2,
        network__layers=3,
        **train,
    )
    space = MicroSpace(2)
    # Node 3 adds avg3x3 of node 2 and sep5x5 of node 1; node 4 node 3 itself and avg3x3 of node 1.
    normal = (_node(space, 1, 0, "avg3x3", "sep5x5"), _node(space, 2, 0, "identity", "avg3x3"))
    return made, Architecture(space, (normal, normal)), CELL


def _node(space: MicroSpace, first: int, second: int, *ops: str) -> tuple[int, ...]:
    return (first, second, *map(space.ops.index, ops))


def _right(inside) -> Iterator[str]:
    """How many of the ten images are classified rightly, as it is and after each change."""
    for change, seen in {"as it is": inside.base, **inside.variants}.items():
        said = [row.index(max(row)) for row in seen.probabilities]
        right = sum(a == b for a, b in zip(said, inside.labels, strict=True))
        yield f"{change} {right}"


if __name__ == "__main__":
    main()
