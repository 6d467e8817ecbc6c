"""The command `demo`: a real search on digits, two comparisons, and what they mean."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock

import enas_viz
from enas_viz.cli.options import UsageError, parse
from enas_viz.cli.progress import percent, progress_bar, watch
from enas_viz.facts import estimates, measured
from enas_viz.recipes import Recipe, change, recipe
from enas_viz.records.files import write_text
from enas_viz.records.trace import load_trace

SHARED_MEANS = {
    "first higher": "the controller learned which operations work with the weights that all share.",
    "cannot be told apart": "no evidence that the controller learned; the search may be too short.",
    "second higher": "the controller learned the wrong thing: random networks do better.",
}


@dataclass(frozen=True)
class DemoOptions:
    """A real search on handwritten digits, and two comparisons with random networks."""

    space: Literal["macro", "micro"] = "macro"
    """What is searched: a whole network, or a pair of cells."""
    folder: Path = Path("runs/demo")
    """Folder of the demo; an earlier demo there is replaced."""
    seed: int = 0
    """Seed of every random draw."""
    device: str = "cpu"
    """Another PyTorch device than the CPU, for which the time is told."""
    quick: bool = False
    """The same steps with tiny numbers, too short to learn anything."""


def demo_command(args: Sequence[str]) -> None:
    """A real search on digits."""
    options = parse(DemoOptions, args, "demo")
    from enas_viz import search
    from enas_viz.search import candidates
    from enas_viz.search.runs.run import restore

    chosen = recipe(f"{options.space}-tiny")
    samples, finalists, alone_epochs = 50, 4, 12
    if options.quick:
        chosen = change(chosen, train__epochs=2, controller__updates=2, keep_steps=1)
        samples, finalists, alone_epochs = 4, 2, 1
    started = time.monotonic()
    took = f"The search alone takes {estimates.needs(chosen)}"
    if options.quick:
        took = "These are the tiny numbers of --quick"
    elif minutes := measured.tell_demo(options.space):
        took = f"This takes {minutes}"
    network = chosen.network
    size = f"{network.layers} layers"
    if chosen.cells:
        size = f"{chosen.cells} cells of {network.nodes} nodes"
    print(
        f"A {options.space} search on real images: 1 797 handwritten digits, {size}, "
        f"{chosen.train.epochs} epochs of shared weights, "
        f"{chosen.train.epochs * chosen.controller.updates * chosen.controller.samples} sampled "
        f"architectures.\n{took}; stop it with Ctrl-C whenever you like.\n"
    )
    _clear_demo(options.folder)
    watched = search.run(chosen, seed=options.seed, device=options.device, folder=options.folder)
    if not watch(watched, chosen.train.epochs, options.folder, tell_next=False):
        return
    done = restore(options.folder, device=options.device)
    with progress_bar("scoring the policy", 2 * samples) as tell:
        shared = candidates.compare_shared(done, samples, progress=tell)
    best = [c.architecture for c in candidates.derive(done, 10)[:finalists]]
    with progress_bar("training networks alone", 2 * finalists) as tell:
        alone = candidates.compare_alone(done, best, epochs=alone_epochs, progress=tell)
    trace = load_trace(options.folder)
    page = enas_viz.save(trace, options.folder / "replay.html")
    _write_results(options.folder / "results.json", chosen, options.seed, shared, alone)
    print(_demo_table(done, shared, alone, alone_epochs))
    minutes = (time.monotonic() - started) / 60
    print(
        f"That took {minutes:.1f} minutes.  Everything is in {options.folder}/: the trace "
        f"(trace.jsonl.gz), checkpoints, these figures (results.json).\n"
        f"Now replay the controller's decisions: open {page} in a browser, or run `make lab`."
    )


def _demo_table(done: Any, shared: Any, alone: Any, epochs: int) -> str:
    from enas_viz.search.candidates import mean_and_error

    images = len(done.data.valid)

    def rows(comparison: Any, first: str, second: str) -> str:
        lines = []
        for name, values in ((first, comparison.first), (second, comparison.second)):
            lines.append(f"  {name:46} {percent(*mean_and_error(values)):>15}")
        lines.append(f"  {'':46} {comparison.verdict} (p = {comparison.p_value:.2g})")
        return "\n".join(lines)

    n, m = len(shared.first), len(alone.first)
    long = f"{epochs} epoch{'' if epochs == 1 else 's'}"
    chance = "uniform operations, same rate of skips"
    if not done.recipe.space.has_skips:
        chance = "uniform operations and sources"
    return f"""
Under shared weights: {n} architectures each, on all {images} validation images
{rows(shared, "sampled by the trained policy", chance)}
  What it means: {SHARED_MEANS[shared.verdict]}
  It says nothing yet about networks that have weights of their own.

Trained alone: {m} architectures each, fresh weights, {long}, the same images
{rows(alone, "searched (best of 10 samples)", "random")}
  What it means: whether the search found better networks or only ones that the shared weights
  favour. On a task this easy most networks are good, and {m} against {m} can show large differences
  only: "cannot be told apart" does not say that they are equal.

± is one standard error of the mean. The test images were not used.
"""


def _write_results(path: Path, made: Recipe, seed: int, shared: Any, alone: Any) -> None:
    value = {
        "recipe": made.name,
        "seed": seed,
        "shared_weights": {"policy": shared.first, "uniform": shared.second, "p": shared.p_value},
        "alone": {"searched": alone.first, "random": alone.second, "p": alone.p_value},
    }
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def _clear_demo(folder: Path) -> None:
    """Removes a former demo; refuses to remove anything that is not one."""
    if not folder.exists():
        return
    ours = re.compile(
        r"run\.(json|lock)|(results|derived)\.json|replay\.html|trace\.jsonl(\.gz)?|.*\.half"
        r"|checkpoint-\d+\.safetensors"
    )
    strange = [p.name for p in folder.iterdir() if not ours.fullmatch(p.name)]
    if strange:
        raise UsageError(
            f"{folder} holds files that no demo wrote ({', '.join(sorted(strange)[:3])}), so it is "
            f"left alone; choose another place by --folder"
        )
    try:
        with filelock.FileLock(folder / "run.lock", timeout=0):
            shutil.rmtree(folder, ignore_errors=True)  # Windows keeps the open lock
    except filelock.Timeout:
        raise UsageError(
            f"a demo is running in {folder}; choose another place by --folder"
        ) from None
