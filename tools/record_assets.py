"""Records the traces and policies that ship with the package, by running this very program.

Run it by `make assets`, on a machine that does nothing else. Names as arguments
(`python tools/record_assets.py controller-macro`) record only these. NAME=FOLDER records, under
that name, the policy of a finished search in a folder, for one that this program does not run.
"""

import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

import enas_viz
from enas_viz import recipe, search
from enas_viz.recipes import PRESETS, Fidelity, Recipe, order_of
from enas_viz.records.policy import SUFFIX, save_policy
from enas_viz.records.trace import ASSETS, Episode, Epoch, Header, Trace, load_trace, save_trace
from enas_viz.records.turns import save_turns
from enas_viz.search import turns as turns_of
from enas_viz.search.nets.controller import make_controller
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO

ARTICLE_NOTE = (
    "The article's worked example, not a search: an untrained controller (seed 0) was made to take "
    "the article's decisions, so its probabilities are near chance."
)


TRACES = ("macro-tiny",)  # the searches on digits whose traces ship
OPENED_SEED = 0  # of the draws
OPENED_NOTE = (
    "Two samplings of one controller with the same draws, before and after the search of the "
    "recipe, with everything that its LSTM held."
)


LOOPS = {"macro": (900, 8), "micro": (900, 8)}  # turns; epochs of a child trained alone


def main(names: list[str]) -> None:
    ASSETS.mkdir(exist_ok=True)
    for kind in LOOPS:
        if not names or f"loop-{kind}" in names:
            record_loop(kind)
    if not names:
        record_examples()
    for name in ("macro-tiny", "micro-tiny"):
        if not names or name in names:
            record_search(name)
    for given in names:
        name, is_folder, folder = given.partition("=")
        if is_folder:
            record_policy(name, folder)
    for name, made in (
        ("controller-macro", recipe("macro-tiny")),
        ("controller-micro", recipe("micro-tiny", network__nodes=2)),
    ):
        if not names or name in names:
            record_controller(name, made)


def narrate(architecture: Architecture, fidelity: Fidelity, seed: int, note: str) -> Trace:
    """The trace of an architecture that nobody sampled: an untrained controller made to take it.

    Its one episode has the steps of a real one, with the probabilities that the untrained
    controller of `seed` gives. note: says so to whoever looks; it goes into header and episode.
    """
    controller = make_controller(architecture.space, None, fidelity, seed)
    with torch.no_grad():
        rollout = controller.score([architecture])
    order = order_of(architecture.space, fidelity)
    header = Header(
        architecture.space,
        order,
        seed=seed,
        fidelity=asdict(fidelity),
        versions={"enas_viz": enas_viz.__version__, "torch": torch.__version__},
        note=note,
    )
    episode = Episode(architecture, rollout.steps(0), n=1, order=order, note=note, header=header)
    return Trace(header, (episode,))


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


def record_search(name: str) -> None:
    """The policy of a search on digits, and its trace where that ships, too."""
    with tempfile.TemporaryDirectory() as folder:
        for item in search.run(recipe(name), seed=0, device="cpu", folder=f"{folder}/run"):
            if isinstance(item, Epoch):
                print(f"epoch {item.epoch + 1}: reward accuracy {item.valid_accuracy:.3f}")
        if name in TRACES:
            shutil.copy(Path(folder) / "run" / "trace.jsonl.gz", ASSETS / f"{name}.jsonl.gz")
            print(f"wrote {name}.jsonl.gz")
        record_policy(name, f"{folder}/run")


def record_policy(name: str, folder: str) -> None:
    path = ASSETS / f"{name}{SUFFIX}"
    save_policy(search.record_policy(folder), path)
    print(f"wrote {path.name}")


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


def record_loop(kind: str) -> None:
    """Some turns of a search that goes around the loop minibatch by minibatch."""
    turns, epochs = LOOPS[kind]
    made = turns_of.record(turns_of.loop_recipe(kind, turns), turns, epochs=epochs)
    path = ASSETS / f"loop-{kind}.json.gz"
    today = str(datetime.now(UTC).date())
    save_turns(replace(made, machine=processor(), date=today), path)
    told = ", ".join(f"{t.number}: {t.rewarded.accuracy:.2f}" for t in made.turns)
    print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB; accuracies by turn: {told}")


def processor() -> str:
    """What /proc/cpuinfo calls it, without its model number."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join(names[0].split()[:2]) if names else platform.machine()


if __name__ == "__main__":
    main(sys.argv[1:])
