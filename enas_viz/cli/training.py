"""The commands about final trainings: `train`, `reproduce`, `results`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from enas_viz import ledger
from enas_viz.cli.options import UsageError, chosen_recipe, parse
from enas_viz.cli.progress import progress_bar, watch
from enas_viz.files import write_text
from enas_viz.ranking import read_architecture
from enas_viz.recipes import RECIPES, Preset, Recipe
from enas_viz.space import Architecture, Wiring


@dataclass(frozen=True)
class TrainOptions:
    """Train one architecture from scratch. Fields of the recipe are options, as for `search`."""

    recipe: Positional[str]
    """Name of a recipe of final training, e.g. micro-final-cpu."""
    arch: str
    """A file that `derive` made (its first candidate), a published name, a list or whatever else
    `decode` reads, or random."""
    wiring: Literal["layer", "code"] | None = None
    """How the skip bits of a macro list are read, as for `decode`."""
    folder: Path | None = None
    """Where trace and checkpoints go; by default runs/RECIPE."""
    seed: int = 0
    """Seed of every random draw."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    data: Path | None = None
    """A folder or zip with train/<class> and test/<class>, instead of the recipe's dataset."""
    preset: Preset | None = None
    """Fidelity preset to use instead of the recipe's own."""


@dataclass(frozen=True)
class ReproduceOptions:
    """Search, derive, train what was found and a random network; again: go on where it stopped."""

    space: Positional[Literal["macro", "micro"]]
    """What is searched: a whole network, or a pair of cells."""
    size: Literal["paper", "released", "cpu", "tiny"] = "cpu"
    """The paper's numbers or those of the authors' code (for a GPU), or for two cores."""
    folder: Path | None = None
    """Where every stage goes; by default runs/reproduce-SPACE-SIZE."""
    data: Path | None = None
    """A folder or zip with one folder of images per class, instead of the recipes' dataset."""
    seed: int = 0
    """Seed of every random draw."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    yes: bool = False
    """Begin without asking."""


@dataclass(frozen=True)
class ResultsOptions:
    """Write the page of results from the folders of final trainings."""

    folders: Positional[tuple[Path, ...]] = ()
    """Folders that hold runs, at whatever depth; by default runs/ and results/."""
    out: Path = Path("RESULTS.md")
    """The page to write."""
    check: bool = False
    """Write nothing; fail when the page is not what these folders give."""
    keep: Path | None = None
    """Write no page; copy run.json and trace of every finished run to this folder."""


def train_command(args: Sequence[str]) -> None:
    """Train one architecture from scratch."""
    options, rest = parse(TrainOptions, args, "train", leftover=True)
    chosen = chosen_recipe(options.recipe, options.preset, rest, "train")
    if chosen.strategy != "final":
        names = [r.name for r in RECIPES.values() if r.strategy == "final"]
        raise UsageError(
            f"{chosen.name} is a search; one architecture is trained by {', '.join(names)}"
        )
    architecture, origin = named_architecture(options.arch, chosen, options.seed, options.wiring)
    folder = options.folder or Path("runs") / chosen.name
    from enas_viz import search
    from enas_viz.search.ranks import is_first_process

    if "read" in origin and is_first_process():
        print(origin["read"])

    watched = search.train_child(
        chosen,
        architecture,
        seed=options.seed,
        device=options.device,
        data=options.data,
        folder=folder,
        origin=origin,
    )
    watch(watched, chosen.train.epochs, folder)


def named_architecture(
    text: str, made: Recipe, seed: int, wiring: Wiring | None = None
) -> tuple[Architecture, dict[str, Any]]:
    """The architecture that `--arch` means, and what is known of where it comes from: "how", and
    of text that was decoded "read", which says in what wiring and numbering."""
    is_file = text.lower().endswith(".json") or _is_file(text)
    if wiring and (text == "random" or is_file):
        raise UsageError(f"--wiring says how a list is read; --arch {text} is none")
    if text == "random":
        from enas_viz.search.reproduction import random_architecture, random_origin

        return random_architecture(made, seed), random_origin(made, seed)
    if is_file:
        return read_architecture(Path(text))
    from enas_viz.published import ARCHITECTURES, decode

    name, kind = text.strip().lower(), made.network.space
    if kind == "macro" and made.fidelity.skip_wiring == "code" and name not in ARCHITECTURES:
        wiring = wiring or "code"  # the recipe asks for it
    found = decode(text, kind, wiring)
    origin: dict[str, Any] = {"how": "given"}
    if ARCHITECTURES.get(name) == found.architecture:  # under another wiring it is another network
        origin = {"how": "published", "name": name}
    return found.architecture, {**origin, "read": found.how}


def _is_file(text: str) -> bool:
    """Whether there is such a file; text that is too long for a name is none."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def reproduce_command(args: Sequence[str]) -> None:
    """Search, derive and train as the paper does; again: go on where it stopped."""
    options = parse(ReproduceOptions, args, "reproduce")
    from enas_viz.search import reproduction

    folder = options.folder or Path("runs") / f"reproduce-{options.space}-{options.size}"
    plan = reproduction.make_plan(
        options.space, options.size, folder, seed=options.seed, data=options.data
    )
    reproduction.check_folder(plan)
    print("\n".join(reproduction.describe(plan, options.device)))
    again = shlex.join(["enas-viz", "reproduce", *args])
    if not options.yes and not _agreed():
        print("nothing was done; without asking: --yes")
        return

    def show(items: Iterator[Any], stage: Any) -> None:
        print(f"\n{stage.what}: {stage.recipe.name} in {plan.place(stage)}")
        watch(items, stage.recipe.train.epochs, plan.place(stage), tell_next=False, again=again)

    def score(work: Callable[[Any], Any]) -> None:
        try:
            with progress_bar("scoring candidates", reproduction.CANDIDATES) as tell:
                work(tell)
        except KeyboardInterrupt:
            print(f"stopped; go on with `{again}`", file=sys.stderr)
            raise

    reproduction.reproduce(plan, device=options.device, watch=show, score=score)
    print()
    for line in ledger.lines(ledger.read_runs([folder])[0]):
        print(line)
    print(f"wrote {folder / 'RESULTS.md'}")


def _agreed() -> bool:
    """Whether the user says yes; an error where there is no terminal."""
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask whether to begin; add --yes")
    return input("begin? [y/N] ").strip().lower() in ("y", "yes")


def results_command(args: Sequence[str]) -> None:
    """Write the page of results from finished runs."""
    options = parse(ResultsOptions, args, "results")
    folders = [str(f) for f in options.folders] or ["runs", ledger.COMMITTED]
    if gone := [f for f in map(str, options.folders) if not Path(f).is_dir()]:
        raise UsageError(f"{gone[0]} is no folder, so it holds no runs")
    if options.keep and options.check:
        raise UsageError("--keep writes and --check does not; give one of them")
    if options.keep:
        for kept in ledger.keep(folders, options.keep):
            print(kept)
        return
    command = ledger.command(options.folders, options.out)
    runs, damaged = ledger.read_runs(folders)
    page = ledger.render(runs, command)
    for told in damaged:
        print(told, file=sys.stderr)
    if options.check:
        there = options.out.read_text(encoding="utf-8") if options.out.exists() else ""
        if there != page:
            raise UsageError(f"{options.out} is not what the runs give; `{command}`")
        print(f"{options.out} is what the runs give")
        return
    if not options.out.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {options.out.parent} to write {options.out.name} to")
    write_text(options.out, page)
    if not runs:
        print(f"no final training in {', '.join(folders)} yet; `enas-viz train` makes one")
    for line in ledger.lines(runs):
        print(line)
    print(f"wrote {options.out}")
