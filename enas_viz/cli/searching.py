"""The commands that search: `search`, `resume`, `derive`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from enas_viz.cli.options import (
    UsageError,
    check_data_options,
    chosen_recipe,
    parse,
    parse_with_fields,
    run_folder,
)
from enas_viz.cli.progress import percent, progress_bar, watch
from enas_viz.commands import command
from enas_viz.recipes import Preset, recipe, recipe_from_json
from enas_viz.records.files import check_target, is_direct
from enas_viz.records.ranking import write_ranking
from enas_viz.records.trace import load_trace
from enas_viz.results.following import final_recipe
from enas_viz.spaces import Space


@dataclass(frozen=True)
class SearchOptions:
    """Run a search. Every field of the recipe is an option too, e.g. --train.epochs 3."""

    recipe: Positional[str]
    """Name of a recipe; `enas-viz recipes` lists them."""
    folder: Path | None = None
    """Where trace and checkpoints go; by default runs/NAME, with the recipe's name or --name."""
    seed: int = 0
    """Seed of every random draw; equal seeds give equal traces."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    data: Path | None = None
    """A folder or zip with one folder of images per class, instead of the recipe's dataset."""
    preset: Preset | None = None
    """Fidelity preset to use instead of the recipe's own."""


@dataclass(frozen=True)
class ResumeOptions:
    """Go on with a search or a training that was stopped, from its last checkpoint."""

    folder: Positional[Path]
    """The run's folder."""
    device: str | None = None
    """Another device than before."""
    data: Path | None = None
    """Where the images are now, if they were moved."""


@dataclass(frozen=True)
class DeriveOptions:
    """Sample candidates from a trained policy and rank them on the same validation images."""

    folder: Positional[Path]
    """The run's folder."""
    n: int = 10
    """How many candidates."""
    batches: int = 0
    """Number of minibatches of validation images to score on (the paper: 1); 0: all of them."""
    bn: Literal["batch", "moving", "refit"] | None = None
    """Batch-norm statistics, as fidelity.reward_bn; by default those of the search."""
    seed: int | None = None
    """Seed for sampling; by default the search's own."""
    device: str = "auto"
    """Where the candidates are scored: auto, cpu, cuda or another PyTorch device."""
    data: Path | None = None
    """Where the images are now, if they were moved."""
    out: Path | None = None
    """Where the ranking is kept; by default derived.json in the run's folder."""
    json: bool = False
    """Print JSON instead of a table."""


def search_command(args: Sequence[str]) -> None:
    """Run a search."""
    options, fields = parse_with_fields(SearchOptions, args, "search")
    check_data_options(options.data, fields)
    chosen = chosen_recipe(recipe(options.recipe), options.preset, fields, "search")
    folder = options.folder or run_folder(chosen.name)
    from enas_viz import search

    watched = search.run(
        chosen, seed=options.seed, device=options.device, data=options.data, folder=folder
    )
    watch(watched, chosen.train.epochs, folder)


def resume_command(args: Sequence[str]) -> None:
    """Go on with a search or a training that was stopped."""
    options = parse(ResumeOptions, args, "resume")
    from enas_viz import search
    from enas_viz.search.runs.folder import read_run

    epochs = recipe_from_json(read_run(options.folder)["recipe"]).train.epochs
    if (options.folder / "trace.jsonl.gz").exists():
        print(f"the run in {options.folder} has finished; nothing is left to do")
        return
    watched = search.resume(options.folder, device=options.device, data=options.data)
    again: list[object] = ["resume", options.folder]  # with what run.json does not know
    again += ["--device", options.device] if options.device else []
    again += ["--data", options.data] if options.data else []
    best = _best_accuracy(options.folder)
    watch(watched, epochs, options.folder, again=command(*again), data=options.data, best=best)


def _best_accuracy(folder: Path) -> float | None:
    """The best accuracy of a sample that a run has recorded so far, None where there is none."""
    if not (folder / "trace.jsonl").exists():
        return None
    with warnings.catch_warnings(), suppress(ValueError):  # resuming will say what is wrong
        warnings.simplefilter("ignore")  # its last line may be torn; resuming cuts it
        episodes = load_trace(folder).episodes
        return max((e.accuracy for e in episodes if e.accuracy is not None), default=None)
    return None


def derive_command(args: Sequence[str]) -> None:
    """Rank architectures sampled from a trained policy."""
    options = parse(DeriveOptions, args, "derive")
    from enas_viz.search.candidates import FALSE_ALARMS, derive
    from enas_viz.search.runs.folder import read_run
    from enas_viz.search.runs.run import restore

    if read_run(options.folder)["recipe"].get("strategy") == "final":
        raise UsageError(f"{options.folder} holds a final training; candidates come from a search")
    out = options.out or options.folder / "derived.json"
    check_target(out)
    search = restore(options.folder, device=options.device, data=options.data)
    with progress_bar("scoring candidates", options.n) as tell:
        found = derive(
            search,
            options.n,
            batches=options.batches,
            bn=options.bn,
            seed=options.seed,
            progress=tell,
        )
    ranking = write_ranking(out, found, search.recipe, search.seed, options.batches, options.bn)
    if options.json:
        print(json.dumps(ranking["candidates"], allow_nan=False))
        return
    if stood := found[0].origin.get("unfinished"):
        print(f"The search is not finished: this is its policy {stood}.")
    print(
        f"{len(found)} samples of the policy on the same {found[0].images} validation images, "
        f"shared weights:\n"
    )
    space = search.recipe.space
    print(f"{'rank':>4}  {'accuracy':>15}  {'p':>7}  {space.short_form}")
    for rank, c in enumerate(found, start=1):
        first, *more = space.in_short(c.architecture)
        p_value = "" if rank == 1 else f"{c.p_value:.2g}"
        accuracy = percent(c.accuracy, c.standard_error)
        print(f"{rank:4}  {accuracy:>15}  {p_value:>7}  {first}")
        for line in more:
            print(f"{'':30}  {line}")
    print(f"\n{_told_apart(found)}")
    kept = ""
    if not is_direct(out):  # from a pipe or a device no ranking can be read again
        after = next_training(options.folder, options.out, options.data)
        kept = (
            f"Kept in {out}; next: `{after}`,\n"
            f"by the recipe {final_recipe(search.recipe).name} on the same images.\n"
        )
    print(
        f"± is one standard error, from the finite number of images. p: McNemar's test against the "
        f"first on the\nsame images, corrected for the number of tests (Holm), but not for the "
        f"choice of the first, which is\nthe best on these very images: of ten equally good "
        f"networks at least one gets p < 0.05 in\n{FALSE_ALARMS} of rankings, not in 5 %.\n"
        f"{kept}"
        f"The first as a flat list{_wired(found[0].architecture.space)}:\n"
        f"{found[0].architecture.flat}"
    )


def _wired(space: Space) -> str:
    """How a flat list of the space must be decoded: bare lists have layer wiring otherwise, and the
    authors' operations."""
    options: list[str] = []
    if space.has_skips and space.wiring == "code":
        options += ["--wiring", "code"]
    if space.ops != type(space)().ops:
        options += ["--ops", *space.ops]
    return f" (`{command('decode', *options)}` reads it)" if options else ""


def _told_apart(found: Sequence[Any]) -> str:
    """Which candidates test as worse than the first, in a sentence."""
    apart = [str(rank) for rank, c in enumerate(found, start=1) if c.apart]
    if len(found) == 1:
        return "There is nothing to compare it with."
    if not apart:
        return "None of them can be told apart from the first."
    if len(apart) == len(found) - 1:
        return "All others test as worse than the first (p < 0.05)."
    return (
        f"Tested as worse than the first (p < 0.05): {', '.join(apart)}. The others cannot be told "
        "apart from it."
    )


def next_training(run: Path, ranking: Path | None, data: Path | None) -> str:
    """The command that trains the first of a run's ranking on the images of that run.

    ranking, data: where these are, if not where the run says.
    """
    words: list[object] = ["train", "--from", run]
    words += ["--arch", ranking] if ranking else []
    words += ["--data", data] if data else []
    return command(*words)
