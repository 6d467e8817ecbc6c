"""The command `enas-viz`: search, resume, derive, train, reproduce, results, replay, demo and more.

Options of a recipe are generated from its dataclasses (`--train.epochs 3`). An error that the user
can mend is one line and exit code 2. Only the commands that train import torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import re
import shlex
import shutil
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import filelock
import tyro
from tyro.conf import Positional

import enas_viz
from enas_viz import estimates, ledger
from enas_viz.files import write_text
from enas_viz.ranking import read_architecture, write_ranking
from enas_viz.recipes import (
    RECIPES,
    Preset,
    Recipe,
    change,
    check,
    field_names,
    recipe,
    recipe_from_json,
)
from enas_viz.space import Architecture, MacroSpace
from enas_viz.trace import Episode, Epoch, Result, Tick, load_trace
from enas_viz.view.scene import subject

T = TypeVar("T")

WINDOW = 50  # rewards in the moving mean that a progress bar shows
DEMO_MINUTES = 2  # of either space, measured on two cores, see README


class UsageError(ValueError):
    """The command line asks for something that is not there; told in one line, exit code 2."""


# ---------------------------------------------------------------- the commands


@dataclass(frozen=True)
class SearchOptions:
    """Run a search. Every field of the recipe is an option too, e.g. --train.epochs 3."""

    recipe: Positional[str]
    """Name of a recipe; `enas-viz recipes` lists them."""
    folder: Path | None = None
    """Where trace and checkpoints go; by default runs/RECIPE."""
    seed: int = 0
    """Of every random draw; equal seeds give equal traces."""
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
    """Score on so many minibatches of validation images (the paper: 1); 0: on all of them."""
    bn: Literal["batch", "moving", "refit"] | None = None
    """Statistics by which batch norm works, as fidelity.reward_bn; by default the search's."""
    seed: int | None = None
    """Of the sampling; by default the search's own."""
    data: Path | None = None
    """Where the images are now, if they were moved."""
    out: Path | None = None
    """Where the ranking is kept; by default derived.json in the run's folder."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class TrainOptions:
    """Train one architecture from scratch. Fields of the recipe are options, as for `search`."""

    recipe: Positional[str]
    """Name of a recipe of final training, e.g. micro-final-cpu."""
    arch: str
    """A file that `derive` made (its first candidate), a published name, a list, or random."""
    folder: Path | None = None
    """Where trace and checkpoints go; by default runs/RECIPE."""
    seed: int = 0
    """Of every random draw."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    data: Path | None = None
    """A folder or zip with train/<class> and test/<class>, instead of the recipe's dataset."""
    preset: Preset | None = None
    """Fidelity preset to use instead of the recipe's own."""


@dataclass(frozen=True)
class ReplayOptions:
    """Make a page that replays a search, or one episode; it needs no network and no kernel."""

    trace: Positional[str]
    """A trace file, a run's folder, or the name of a trace that ships with enas_viz."""
    out: Path = Path("replay.html")
    """The file to write: .html, .svg, .png, or for slides an animation, .gif or .mp4."""
    episode: int | None = None
    """Serial number `n` of an episode in the trace, to replay it alone."""
    open: bool = False
    """Show it in the browser at once."""


@dataclass(frozen=True)
class GalleryOptions:
    """Make one page of everything there is to see: examples, recorded searches, networks."""

    out: Path = Path("gallery/index.html")
    """The page to write, or the folder for its index.html."""
    notebooks: Path = Path("notebooks")
    """Where the notebooks are that it links to, if they are there."""
    repository: str | None = None
    """OWNER/NAME on GitHub: the links then open the notebooks on Binder."""


@dataclass(frozen=True)
class DecodeOptions:
    """Say in words what an ENAS architecture means that others wrote down."""

    list: Positional[str]
    """Its numbers, bare or as the authors' program and scripts have them; a published name, such as
    enas-micro; or a DARTS genotype."""
    numbers: bool = False
    """Explain every number of the flat list, too."""
    wiring: Literal["layer", "code"] | None = None
    """How macro skip bits are read; by default layer, for published lists code."""
    space: Literal["macro", "micro"] | None = None
    """When a length fits both."""
    out: Path | None = None
    """Draw it into this file, too (.svg, .png or .html)."""


@dataclass(frozen=True)
class DemoOptions:
    """A real search on handwritten digits, and what came of it."""

    space: Literal["macro", "micro"] = "macro"
    """What is searched: a whole network, or a pair of cells."""
    folder: Path = Path("runs/demo")
    """Where everything goes; a former demo there is replaced."""
    seed: int = 0
    """Of every random draw."""
    quick: bool = False
    """The same path in a few seconds, too short to learn anything."""


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
    """Of every random draw."""
    device: str = "auto"
    """auto, cpu, cuda or another PyTorch device."""
    yes: bool = False
    """Begin without asking."""


def recipes_command(args: Sequence[str]) -> None:
    """List the recipes."""
    if args and args[0] not in ("-h", "--help"):
        raise UsageError(f"`enas-viz recipes` takes no arguments; got {args[0]!r}")
    width = max(map(len, RECIPES))
    for made in RECIPES.values():
        n, c, t = made.network, made.controller, made.train
        final = made.strategy == "final"
        print(f"{made.name:{width}} {made.about}")
        size = f"{n.layers} layers" if n.space == "macro" else f"{n.layers + 2} cells"
        samples = "" if final else f", {c.updates} x {c.samples} controller samples an epoch"
        print(
            f"{'':{width}} {made.data.name}, {size}, {n.filters} filters, {t.epochs} epochs"
            f"{samples}\n"
            f"{'':{width}} {estimates.needs(made)}"
        )


def search_command(args: Sequence[str]) -> None:
    """Run a search."""
    options, rest = _parse(SearchOptions, args, "search", leftover=True)
    chosen = _chosen(options.recipe, options.preset, rest, "search")
    folder = options.folder or Path("runs") / chosen.name
    from enas_viz import search

    watched = search.run(
        chosen, seed=options.seed, device=options.device, data=options.data, folder=folder
    )
    _watch(watched, chosen.train.epochs, folder)


def _chosen(name: str, preset: str | None, rest: Sequence[str], command: str) -> Recipe:
    """The recipe of that name with the fields that were set, under another preset if wanted."""
    chosen = recipe(name)
    made = _with_fields(chosen, rest, command)
    if not preset:  # which means another program for cells than for whole networks
        return made
    return _with_fields(change(chosen, network=made.network, fidelity=preset), rest, command)


def train_command(args: Sequence[str]) -> None:
    """Train one architecture from scratch."""
    options, rest = _parse(TrainOptions, args, "train", leftover=True)
    chosen = _chosen(options.recipe, options.preset, rest, "train")
    if chosen.strategy != "final":
        names = [r.name for r in RECIPES.values() if r.strategy == "final"]
        raise UsageError(
            f"{chosen.name} is a search; one architecture is trained by {', '.join(names)}"
        )
    architecture, origin = _named_architecture(options.arch, chosen, options.seed)
    folder = options.folder or Path("runs") / chosen.name
    from enas_viz import search

    watched = search.train_child(
        chosen,
        architecture,
        seed=options.seed,
        device=options.device,
        data=options.data,
        folder=folder,
        origin=origin,
    )
    _watch(watched, chosen.train.epochs, folder)


def _named_architecture(text: str, made: Recipe, seed: int) -> tuple[Architecture, dict[str, Any]]:
    """The architecture that `--arch` means, and what is known of where it comes from."""
    if text == "random":
        from enas_viz.search.reproduction import random_architecture, random_origin

        return random_architecture(made, seed), random_origin(made, seed)
    if text.lower().endswith(".json") or _is_file(text):
        return read_architecture(Path(text))
    from enas_viz.published import ARCHITECTURES, decode

    architecture = decode(text, made.network.space).architecture
    if text.strip().lower() in ARCHITECTURES:
        return architecture, {"how": "published", "name": text.strip().lower()}
    return architecture, {"how": "given"}


def _is_file(text: str) -> bool:
    """Whether there is such a file; text that is too long for a name is none."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def resume_command(args: Sequence[str]) -> None:
    """Go on with a search or a training that was stopped."""
    options = _parse(ResumeOptions, args, "resume")
    from enas_viz import search
    from enas_viz.search.strategies import read_run

    epochs = recipe_from_json(read_run(options.folder)["recipe"]).train.epochs
    if (options.folder / "trace.jsonl.gz").exists():
        print(f"the run in {options.folder} has finished; nothing is left to do")
        return
    watched = search.resume(options.folder, device=options.device, data=options.data)
    _watch(watched, epochs, options.folder)


def derive_command(args: Sequence[str]) -> None:
    """Rank architectures sampled from a trained policy."""
    options = _parse(DeriveOptions, args, "derive")
    from enas_viz.search.candidates import derive
    from enas_viz.search.strategies import restore

    search = restore(options.folder, data=options.data)
    if search.recipe.strategy == "final":
        raise UsageError(f"{options.folder} holds a final training; candidates come from a search")
    with _bar("scoring candidates", options.n) as tell:
        found = derive(
            search,
            options.n,
            batches=options.batches,
            bn=options.bn,
            seed=options.seed,
            progress=tell,
        )
    out = options.out or options.folder / "derived.json"
    ranking = write_ranking(out, found, search.recipe, search.seed, options.batches, options.bn)
    if options.json:
        print(json.dumps(ranking["candidates"]))
        return
    print(
        f"{len(found)} samples of the policy on the same {found[0].images} validation images, "
        f"shared weights:\n"
    )
    macro = isinstance(search.recipe.space, MacroSpace)
    about = "skips  operations, layer 1 first" if macro else "nodes: operation(source) + another"
    print(f"{'rank':>4}  {'accuracy':>15}  {'p':>7}  {about}")
    for rank, c in enumerate(found, start=1):
        first, *more = _in_short(c.architecture)
        p_value = "" if rank == 1 else f"{c.p_value:.2g}"
        accuracy = _percent(c.accuracy, c.standard_error)
        print(f"{rank:4}  {accuracy:>15}  {p_value:>7}  {first}")
        for line in more:
            print(f"{'':30}  {line}")
    print(f"\n{_told_apart(found)}")
    print(
        f"Behind ± stands one standard error from the finite number of images; p: McNemar's test "
        f"against the first,\non the same images, corrected for the number of candidates (Holm).\n"
        f"Kept in {out}; next: `{_next_training(search.recipe, out)}`.\n"
        f"The first as a flat list:\n{found[0].architecture.flat}"
    )


def _told_apart(found: Sequence[Any]) -> str:
    """Which candidates the images can tell from the first, in a sentence."""
    apart = [str(rank) for rank, c in enumerate(found, start=1) if c.apart]
    if len(found) == 1:
        return "There is nothing to compare it with."
    if not apart:
        return "These images cannot tell any of them from the first."
    if len(apart) == len(found) - 1:
        return "The first is better than all others beyond chance."
    return f"Worse than the first beyond chance: {', '.join(apart)}. The others may be as good."


def _next_training(made: Recipe, ranking: Path) -> str:
    """The command that trains what a search found, as the size of its networks wants it."""
    from enas_viz.search.reproduction import fitted

    size = next((s for s in ("tiny", "cpu", "paper", "released") if made.name.endswith(s)), "")
    final = recipe(f"{made.network.space}-final" + (f"-{size}" if size else ""))
    words = ["enas-viz", "train", final.name, "--arch", str(ranking)]
    fits = fitted(final, made)
    for part, field in (("network", "layers"), ("fidelity", "macro_final_ops")):
        value = getattr(getattr(fits, part), field)
        if value != getattr(getattr(final, part), field):
            words += [f"--{part}.{field.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _in_short(architecture: Architecture) -> list[str]:
    """An architecture in a line, or a line for each cell; layers and nodes count from 1."""
    space = architecture.space
    if isinstance(space, MacroSpace):
        names = " ".join(space.op_names(architecture))
        return [f"{space.skip_rate(architecture):5.2f}  {names}"]
    lines = []
    for cell, nodes in zip(space.cells, architecture.content, strict=True):
        said = [
            f"{k}: {space.ops[a]}({i + 1}) + {space.ops[b]}({j + 1})"
            for k, (i, j, a, b) in enumerate(nodes, start=3)
        ]
        lines.append(f"{cell:9}  {'  '.join(said)}")
    return lines


def replay_command(args: Sequence[str]) -> None:
    """Make a page that replays a search, or an episode."""
    options = _parse(ReplayOptions, args, "replay")
    trace = load_trace(options.trace)
    shown, episode = trace, subject(trace)
    if options.episode is not None:
        by_number = {e.n: e for e in trace.episodes}
        if options.episode not in by_number:
            raise UsageError(f"the trace has no episode with n = {options.episode}")
        shown = episode = by_number[options.episode]
    if options.out.suffix.lower() in (".html", ".gif", ".mp4") and not episode.steps:
        kept = [e.n for e in trace.episodes if e.steps]
        raise UsageError(
            f"episode {episode.n} was recorded without its steps, so there is nothing to replay; "
            f"{len(kept)} episodes kept theirs, e.g. --episode {kept[0] if kept else '(none)'}"
        )
    written = enas_viz.save(shown, options.out)
    print(f"wrote {written}")
    if options.open:
        webbrowser.open(Path(written).resolve().as_uri())


def gallery_command(args: Sequence[str]) -> None:
    """Make one page of everything there is to see."""
    options = _parse(GalleryOptions, args, "gallery")
    from enas_viz.view.gallery import gallery, notebook_links

    whole = options.out.suffix.lower() == ".html"
    written = options.out if whole else options.out / "index.html"
    links = notebook_links(options.notebooks, written.parent, options.repository)
    page = gallery(links)
    written.parent.mkdir(parents=True, exist_ok=True)
    write_text(written, page)
    print(f"wrote {written}")


def decode_command(args: Sequence[str]) -> None:
    """Say what a flat list or a genotype means."""
    # lines of the authors that begin like an option of ours; behind a space they are an argument
    args = [f" {a}" if re.match(r"--child_fixed_arc|-{2,}\s", a) else a for a in args]
    options = _parse(DecodeOptions, args, "decode")
    from enas_viz.published import decode, explain, explain_numbers

    found = decode(options.list, options.space, options.wiring)
    print(found.how)
    print(explain(found.architecture))
    if options.numbers:
        print("\nthe flat list, number by number (position, value, meaning):")
        print(explain_numbers(found.architecture))
    else:
        print("`--numbers` explains every number of the flat list")
    if options.out:
        print(f"wrote {enas_viz.save(found.architecture, options.out)}")


def demo_command(args: Sequence[str]) -> None:
    """A real search on digits."""
    options = _parse(DemoOptions, args, "demo")
    from enas_viz import search
    from enas_viz.search import candidates
    from enas_viz.search.strategies import restore

    chosen = recipe(f"{options.space}-tiny")
    samples, finalists, alone_epochs = 50, 4, 12
    if options.quick:
        chosen = change(chosen, train__epochs=2, controller__updates=2, keep_steps=1)
        samples, finalists, alone_epochs = 4, 2, 1
    started = time.monotonic()
    took = "a few seconds" if options.quick else f"about {DEMO_MINUTES} minutes on two cores"
    network = chosen.network
    size = f"{network.layers} layers"
    if options.space == "micro":
        size = f"{network.layers + 2} cells of {network.nodes} nodes"
    print(
        f"A {options.space} search on real images: 1 797 handwritten digits, {size}, "
        f"{chosen.train.epochs} epochs of shared weights, "
        f"{chosen.train.epochs * chosen.controller.updates * chosen.controller.samples} sampled "
        f"architectures.\nThis takes {took}; stop it with Ctrl-C whenever you like.\n"
    )
    _clear_demo(options.folder)
    watched = search.run(chosen, seed=options.seed, device="cpu", folder=options.folder)
    if not _watch(watched, chosen.train.epochs, options.folder, tell_next=False):
        return
    done = restore(options.folder)
    with _bar("scoring the policy", 2 * samples) as tell:
        shared = candidates.compare_shared(done, samples, progress=tell)
    best = [c.architecture for c in candidates.derive(done, 10)[:finalists]]
    with _bar("training networks alone", 2 * finalists) as tell:
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


def results_command(args: Sequence[str]) -> None:
    """Write the page of results from finished runs."""
    options = _parse(ResultsOptions, args, "results")
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


def reproduce_command(args: Sequence[str]) -> None:
    """Search, derive and train as the paper does; again: go on where it stopped."""
    options = _parse(ReproduceOptions, args, "reproduce")
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

    def watch(items: Iterator[Any], stage: Any) -> None:
        print(f"\n{stage.what}: {stage.recipe.name} in {plan.place(stage)}")
        _watch(items, stage.recipe.train.epochs, plan.place(stage), tell_next=False, again=again)

    def score(work: Callable[[Any], Any]) -> None:
        try:
            with _bar("scoring candidates", reproduction.CANDIDATES) as tell:
                work(tell)
        except KeyboardInterrupt:
            print(f"stopped; go on with `{again}`", file=sys.stderr)
            raise

    reproduction.reproduce(plan, device=options.device, watch=watch, score=score)
    print()
    for line in ledger.lines(ledger.read_runs([folder])[0]):
        print(line)
    print(f"wrote {folder / 'RESULTS.md'}")


def _agreed() -> bool:
    """Whether the user says yes; an error where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask whether to begin; add --yes")
    return input("begin? [y/N] ").strip().lower() in ("y", "yes")


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "demo": demo_command,
    "recipes": recipes_command,
    "search": search_command,
    "resume": resume_command,
    "derive": derive_command,
    "train": train_command,
    "replay": replay_command,
    "gallery": gallery_command,
    "decode": decode_command,
    "reproduce": reproduce_command,
    "results": results_command,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0, 2 for what the user can mend, 130 and 143 when stopped by
    Ctrl-C and SIGTERM."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help"):
        print(_usage())
        return
    try:
        if args[0] == "--version":
            print(f"enas_viz {enas_viz.__version__}")
            return
        if args[0] not in COMMANDS:
            raise UsageError(f"no command {args[0]!r}; there are {', '.join(COMMANDS)}")
        COMMANDS[args[0]](args[1:])
        sys.stdout.flush()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "enas_viz":
            raise
        if missing == "imageio_ffmpeg":
            _fail(str(error))
        _fail(f"this needs {missing}, which is not installed: pip install 'enas-viz[search]'")
    except BrokenPipeError:  # whoever reads this has read enough: `enas-viz recipes | head`
        with open(os.devnull, "w") as nowhere:  # else the interpreter complains when it flushes
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise SystemExit(_exit_code(13)) from None
    except (ValueError, ArithmeticError, OSError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


# ---------------------------------------------------------------- watching a search


def _watch(
    items: Iterable[Any], epochs: int, folder: Path, tell_next: bool = True, again: str = ""
) -> bool:
    """Shows a run's progress until it ends. A signal stops it, with exit code 130 or 143.

    Of several processes that share it, only the first shows anything. again: the command that
    goes on with it, where that is not `enas-viz resume`.
    """
    from tqdm.auto import tqdm

    from enas_viz.search.ranks import is_first_process, started_processes

    quiet, stopped = not is_first_process(), False
    rewards: list[float] = []
    entropy, ticks, started, trained = math.nan, 0, time.monotonic(), False
    items = iter(items)
    next(items, None)  # the header; what is wrong with data or device shows before a bar does
    form = "{desc} |{bar:24}| {percentage:3.0f}% {elapsed}<{remaining} {postfix}"
    # miniters: else the jump to where a resumed search stands would be waited for again
    shown = tqdm(total=1.0, bar_format=form, mininterval=0.2, miniters=0, disable=quiet)
    with shown as bar, _asked_to_stop() as asked:
        for item in items:
            if isinstance(item, Episode):
                rewards = [*rewards[1 - WINDOW :], item.reward]
                entropy = item.extra.get("entropy", math.nan)
            elif isinstance(item, Result):
                trained = True
                if not quiet:
                    tqdm.write(_result_line(item), file=sys.stderr)
            elif isinstance(item, Epoch):
                told = item.epoch % max(1, epochs // 6) == 0 or item.epoch == epochs - 1
                if told and not quiet:
                    tqdm.write(_epoch_line(item, epochs), file=sys.stderr)
            elif isinstance(item, Tick):
                if not ticks and item.done > 0.01:  # resumed: what was done before took no time now
                    bar.n = bar.initial = bar.last_print_n = item.done
                ticks += 1
                rate = ticks / max(1e-9, time.monotonic() - started)
                about = f"epoch {item.epoch + 1}/{epochs}, {rate:.3g} minibatches/s"
                bar.set_description_str(about, refresh=False)
                if rewards:
                    mean = sum(rewards) / len(rewards)
                    text = f"reward {mean:.3f}  entropy {entropy:.1f} nats"
                    bar.set_postfix_str(text, refresh=False)
                bar.update(item.done - bar.n)
            if asked:
                items.close()  # leaves a checkpoint of this very minibatch
                stopped = True
                break
    if started_processes() > 1:  # any of them may have been asked
        stopped = not (folder / "trace.jsonl.gz").exists()
    if stopped:
        if not quiet:
            again = again or f"enas-viz resume {folder}"
            print(f"stopped; go on with `{again}`", file=sys.stderr)
        raise SystemExit(_exit_code(asked[0] if asked else signal.SIGINT))
    if tell_next and not quiet:
        below = folder.parts[:1] in (("runs",), (ledger.COMMITTED,))  # where it looks by itself
        what = f"derive {folder}`, `enas-viz replay {folder}"
        if trained:
            what = "results" if below else f"results {folder}"
        print(f"finished: {folder}/trace.jsonl.gz\nnext: `enas-viz {what}`")
    return True


def _result_line(item: Result) -> str:
    error = math.sqrt(item.accuracy * (1 - item.accuracy) / item.images)
    return (
        f"test accuracy {_percent(item.accuracy, error)}, read once, after the last epoch, on "
        f"{item.images} images; the network has {item.parameters} parameters"
    )


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """A list that holds the first SIGINT (Ctrl-C) or SIGTERM (a batch system, a shutdown) once it
    came, so that the minibatch under way is finished first.

    A second one interrupts at once; then the last regular checkpoint serves. Within a second it
    counts as the same: torchrun passes on the Ctrl-C that the terminal has sent already.
    """
    asked: list[int] = []
    first = 0.0

    def ask(number: int, _frame: Any) -> None:
        nonlocal first
        if not asked:
            asked.append(number)
            first = time.monotonic()
        elif time.monotonic() - first > 1:
            raise SystemExit(_exit_code(number))

    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread hears signals
        return
    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _exit_code(number: int) -> int:
    """What shells make of a signal: 130 for SIGINT, 141 for SIGPIPE, 143 for SIGTERM."""
    return 128 + number


def _epoch_line(item: Epoch, epochs: int) -> str:
    rate = item.steps / item.clock["weights_s"] if item.clock.get("weights_s") else math.nan
    reward = ""
    if item.valid_accuracy is not None:
        reward = f"validation accuracy {item.valid_accuracy:6.1%}  "
    return (
        f"epoch {item.epoch + 1:3}/{epochs}  training loss {item.loss:.3f}, "
        f"accuracy {item.train_accuracy:6.1%}  {reward}{rate:.3g} minibatches/s"
    )


@contextlib.contextmanager
def _bar(what: str, total: int):
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, leave=False, mininterval=0.2) as bar:
        yield lambda done, _total: bar.update(done - bar.n)


# ---------------------------------------------------------------- what the demo says


SHARED_MEANS = {
    "first higher": "the controller learned which operations work with the weights that all share.",
    "no difference": "nothing shows that the controller learned; this search may be too short.",
    "second higher": "the controller learned the wrong thing: chance does better.",
}


def _demo_table(done: Any, shared: Any, alone: Any, epochs: int) -> str:
    from enas_viz.search.candidates import mean_and_error

    images = len(done.data.valid)

    def rows(comparison: Any, first: str, second: str) -> str:
        lines = []
        for name, values in ((first, comparison.first), (second, comparison.second)):
            lines.append(f"  {name:46} {_percent(*mean_and_error(values)):>15}")
        told = "no difference" if not comparison.differs else comparison.verdict
        names = (first.partition(" (")[0], second.partition(" (")[0])
        named = told.replace("first", names[0]).replace("second", names[1])
        return "\n".join([*lines, f"  {'':46} {named} (p = {comparison.p_value:.2g})"])

    n, m = len(shared.first), len(alone.first)
    long = f"{epochs} epoch{'' if epochs == 1 else 's'}"
    chance = "uniform operations, same rate of skips"
    if not isinstance(done.recipe.space, MacroSpace):
        chance = "uniform operations and sources"
    return f"""
Under shared weights: {n} architectures each, on all {images} validation images
{rows(shared, "sampled by the trained policy", chance)}
  What it means: {SHARED_MEANS[shared.verdict]}
  It says nothing yet about networks that have weights of their own.

Trained alone: {m} architectures each, fresh weights, {long}, the same images
{rows(alone, "searched (best of 10 samples)", "random")}
  What it means: whether the search found better networks or only ones that the shared weights
  favour. On a task this easy nearly every network is good; "no difference" is an honest answer.

Behind ± stands one standard error of the mean. The test images were not touched.
"""


def _write_results(path: Path, made: Recipe, seed: int, shared: Any, alone: Any) -> None:
    value = {
        "recipe": made.name,
        "seed": seed,
        "shared_weights": {"policy": shared.first, "uniform": shared.second, "p": shared.p_value},
        "alone": {"searched": alone.first, "random": alone.second, "p": alone.p_value},
    }
    write_text(path, json.dumps(value, indent=1) + "\n")


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


def _percent(mean: float, error: float) -> str:
    shown = "" if math.isnan(error) else f" ± {100 * error:.1f}"
    return f"{100 * mean:.1f}{shown} %"


# ---------------------------------------------------------------- reading the command line


def _parse(kind: type[T], args: Sequence[str], command: str, leftover: bool = False) -> Any:
    """`args` as an instance of `kind`; with leftover also the arguments that it does not know."""
    asked_help = any(a in ("-h", "--help") for a in args)
    if leftover and asked_help:
        print(f"fields of a recipe: {', '.join('--' + f for f in field_names())}\n")
    value, unknown = _tyro(
        lambda: tyro.cli(
            kind, args=list(args), prog=f"enas-viz {command}", return_unknown_args=True
        ),
        command,
    )
    if leftover:
        return value, unknown
    if unknown:
        raise UsageError(f"`enas-viz {command}` knows no {unknown[0]!r}; see --help")
    return value


def _with_fields(base: Recipe, rest: Sequence[str], command: str) -> Recipe:
    """A recipe with the fields that the remaining arguments set."""
    if not rest:
        return base
    made, unknown = _tyro(
        lambda: tyro.cli(
            Recipe,
            default=base,
            args=list(rest),
            prog=f"enas-viz {command}",
            return_unknown_args=True,
            add_help=False,
        ),
        command,
    )
    if unknown:
        change(base, **{unknown[0].lstrip("-").partition("=")[0].replace("-", "_"): None})
    now, was = dataclasses.asdict(made), dataclasses.asdict(base)
    changed = {
        f"{part}__{name}": value
        for part, inner in now.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
        if value != was[part][name]
    }
    check(made)
    same_kind = dataclasses.replace(
        base, network=dataclasses.replace(made.network, nodes=base.network.nodes)
    )
    change(same_kind, **changed)  # refuses what this kind of run does not read
    return made


def _tyro(parse: Callable[[], T], command: str) -> T:
    """Runs tyro, turning the box that it draws around an error into one line."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            return parse()
    except SystemExit as end:
        if not end.code:
            print(told.getvalue(), end="")
            raise
        text = re.sub(r"[╭╮╰╯│─]+|-{4,}", " ", told.getvalue())
        text = re.sub(r"(Argument helptext|For full helptext).*", "", " ".join(text.split()))
        text = text.strip().rstrip(".")
        raise UsageError(f"{text}; see `enas-viz {command} --help`") from None


def _usage() -> str:
    lines = ["usage: enas-viz COMMAND [options]      (enas-viz COMMAND --help tells more)", ""]
    lines += [f"  {name:9} {command.__doc__.splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def _fail(text: str) -> None:
    print(f"enas-viz: error: {text}", file=sys.stderr)
    raise SystemExit(2)
