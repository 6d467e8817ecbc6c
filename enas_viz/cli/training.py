"""The commands about final trainings: `train`, `reproduce`, `results`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from enas_viz.cli.options import (
    UsageError,
    check_data_options,
    chosen_recipe,
    named_fields,
    parse,
    parse_with_fields,
    run_folder,
)
from enas_viz.cli.progress import progress_bar, watch
from enas_viz.commands import command
from enas_viz.recipes import RECIPES, Preset, Recipe, recipe, recipe_from_json
from enas_viz.records.files import check_folder, check_target, write_text
from enas_viz.records.ranking import read_architecture
from enas_viz.records.trace import load_trace
from enas_viz.results import ledger
from enas_viz.results.following import final_recipe, fitted
from enas_viz.spaces import KINDS, Architecture, Wiring


@dataclass(frozen=True)
class TrainOptions:
    """Train one architecture from scratch. Fields of the recipe are options, as for `search`."""

    recipe: Positional[str | None] = None
    """Name of a recipe of final training, e.g. micro-final-cpu; with --from, by default the one
    that is as large as the search."""
    from_: Annotated[Path | None, tyro.conf.arg(name="from", metavar="RUN")] = None
    """A search's folder: train what it found, on its images, at its resolution."""
    arch: str | None = None
    """A file that `derive` made (its first candidate), a published name, a list or whatever else
    `decode` reads, or random; with --from, by default the ranking in that folder."""
    wiring: Literal["layer", "code"] | None = None
    """How the skip bits of a macro list are read, as for `decode`."""
    folder: Path | None = None
    """Where trace and checkpoints go; by default runs/NAME, with the recipe's name or --name, and
    with --from runs/RUN-final (RUN-random, RUN-published, RUN-given)."""
    seed: int = 0
    """Seed of every random draw."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    data: Path | None = None
    """A folder or zip with train/<class> and test/<class>, instead of the recipe's dataset; with
    --from, where the search's images are now, if they were moved."""
    other_data: str | None = None
    """Name of the data, when it is meant to be another than that of the search."""
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
    options, fields = parse_with_fields(TrainOptions, args, "train")
    check_data_options(options.data, fields)
    searched = None if options.from_ is None else _read_search(options.from_)
    chosen = chosen_recipe(_base_recipe(options, searched), options.preset, fields, "train")
    if chosen.searches:
        raise UsageError(
            f"{chosen.name} is a search; one architecture is trained by {', '.join(_finals())}"
        )
    architecture, origin = _architecture(options, chosen, searched)
    name = chosen.name
    if options.from_ is not None and "name" not in named_fields(fields):
        kind = "final" if origin["how"] == "derive" else origin["how"]
        name = f"{options.from_.resolve().name}-{kind}"
    folder = options.folder or run_folder(name)
    data = options.data
    if searched and data is None and "data.name" not in named_fields(fields):
        data = searched["data"]
    from enas_viz import search
    from enas_viz.search.training.ranks import is_first_process

    if is_first_process():
        for told in filter(None, (origin.get("read"), left_out(chosen, architecture))):
            print(told)

    watched = search.train_child(
        chosen,
        architecture,
        seed=options.seed,
        device=options.device,
        data=data,
        folder=folder,
        origin=origin,
        other_data=options.other_data,
    )
    watch(watched, chosen.train.epochs, folder)


def left_out(made: Recipe, architecture: Architecture) -> str:
    """Which layers a final network is built without, since nothing reads them; empty: none."""
    merge = made.fidelity.skip_merge(final=True)
    unread = [str(k + 1) for k in architecture.space.unreached(architecture, merge)]
    if not unread:
        return ""
    layers, them = ("layer", "it") if len(unread) == 1 else ("layers", "them")
    return (
        f"nothing reads {layers} {', '.join(unread)}: the network is built without {them} "
        f"(fidelity.skip_merge_search={made.fidelity.skip_merge_search!r})"
    )


def _finals() -> list[str]:
    return [made.name for made in RECIPES.values() if not made.searches]


def _base_recipe(options: TrainOptions, searched: dict[str, Any] | None) -> Recipe:
    """The recipe that is asked for, fitted to the search whose network it trains."""
    if searched is None and options.recipe is None:
        raise UsageError(
            f"`enas-viz train` needs the name of a recipe ({', '.join(_finals())}), or a search "
            f"whose network is trained: --from RUN"
        )
    if searched is None:
        return recipe(options.recipe)
    search = recipe_from_json(searched["recipe"])
    if options.recipe is None:
        return final_recipe(search)
    final = recipe(options.recipe)
    if final.searches or final.network.space != search.network.space:
        raise UsageError(
            f"{final.name} does not train what {search.name} found; "
            f"{final_recipe(search).name} does"
        )
    return fitted(final, search)


def _read_search(run: Path) -> dict[str, Any]:
    """What `run.json` says of a search. UsageError when the folder holds a final training."""
    from enas_viz.search.runs.folder import read_run

    facts = read_run(run)
    if facts["recipe"].get("strategy") == "final":
        raise UsageError(f"{run} holds a final training; --from names the folder of a search")
    return facts


def _architecture(
    options: TrainOptions, made: Recipe, searched: dict[str, Any] | None
) -> tuple[Architecture, dict[str, Any]]:
    """(what is trained, what is known of where it comes from, and of the data it was found on)."""
    run, named = options.from_, options.arch
    if named is None and run is None:
        raise UsageError("name the architecture to train: --arch, or a search: --from RUN")
    if named is None and not (run / "derived.json").exists():
        raise UsageError(
            f"{run} has no ranking of what it found; `{command('derive', run)}` makes one"
        )
    text = str(run / "derived.json") if named is None else named
    architecture, origin = named_architecture(text, made, options.seed, options.wiring)
    if named is None:
        told = (origin.get("recipe"), origin.get("seed"))
        if told != (searched["recipe"]["name"], searched["seed"]):
            raise UsageError(
                f"{text} is of another search ({told[0]}, seed {told[1]}) than the run beside it; "
                f"`{command('derive', run)}` makes its own"
            )
    if run is not None and "data" not in origin:
        origin = origin | {"data": _data_of(run, searched)}
    if origin["how"] == "derive" and "data" not in origin:
        print(
            f"note: {text} does not say on which images its search ran, since an older version "
            f"wrote it; `enas-viz train --from RUN` takes those of the run",
            file=sys.stderr,
        )
    return architecture, origin


def _data_of(run: Path, searched: dict[str, Any]) -> dict[str, Any]:
    """What is known of the images of a search: by its run.json, by its trace if it is older."""
    if isinstance(searched.get("dataset"), dict):
        return searched["dataset"]
    return load_trace(run).header.dataset


def named_architecture(
    text: str, made: Recipe, seed: int, wiring: Wiring | None = None
) -> tuple[Architecture, dict[str, Any]]:
    """The architecture that `--arch` means, and what is known of where it comes from: "how", and
    of text that was decoded "read", which says in what wiring and numbering."""
    is_file = text.lower().endswith(".json") or _is_file(text)
    if wiring and (text == "random" or is_file):
        raise UsageError(f"--wiring says how a list is read; --arch {text} is none")
    if text == "random":
        from enas_viz.search.runs.reproduction import random_architecture, random_origin

        return random_architecture(made, seed), random_origin(made, seed)
    if is_file:
        return read_architecture(Path(text))
    from enas_viz.spaces.published import ARCHITECTURES, decode

    name, kind = text.strip().lower(), made.network.space
    wired = KINDS[kind].has_skips and made.fidelity.skip_wiring == "code"
    if wired and name not in ARCHITECTURES:
        wiring = wiring or "code"  # the recipe asks for it
    found = decode(text, kind, wiring, () if name in ARCHITECTURES else made.network.ops)
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
    from enas_viz.search.runs import reproduction

    folder = options.folder or Path("runs") / f"reproduce-{options.space}-{options.size}"
    plan = reproduction.make_plan(
        options.space, options.size, folder, seed=options.seed, data=options.data
    )
    check_folder(folder)
    reproduction.check_folder(plan)
    print("\n".join(reproduction.describe(plan, options.device)))
    again = command("reproduce", *args)
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
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask whether to begin; add --yes")
    try:
        return input("begin? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def results_command(args: Sequence[str]) -> None:
    """Write the page of results from finished runs."""
    options = parse(ResultsOptions, args, "results")
    folders = [str(f) for f in options.folders] or ["runs", ledger.COMMITTED]
    if gone := [f for f in map(str, options.folders) if not Path(f).is_dir()]:
        raise UsageError(f"{gone[0]} is no folder, so it holds no runs")
    if options.keep and options.check:
        raise UsageError("--keep writes and --check does not; give one of them")
    if options.keep:
        check_folder(options.keep)
        for kept in ledger.keep(folders, options.keep):
            print(kept)
        return
    if not options.check:
        check_target(options.out)
    again = ledger.command(options.folders, options.out)
    runs, damaged = ledger.read_runs(folders)
    page = ledger.render(runs, again)
    for told in damaged:
        print(told, file=sys.stderr)
    if options.check:
        there = options.out.read_text(encoding="utf-8") if options.out.exists() else ""
        if there != page:
            raise UsageError(f"{options.out} is not what the runs give; `{again}`")
        print(f"{options.out} is what the runs give")
        return
    write_text(options.out, page)
    if not runs:
        print(f"no final training in {', '.join(folders)} yet; `enas-viz train` makes one")
    for line in ledger.lines(runs):
        print(line)
    print(f"wrote {options.out}")
