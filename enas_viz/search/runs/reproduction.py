"""The paper's path from end to end: search, derive, train, and something random to compare with.

A plan is a list of stages, each in a folder of its own below one folder: a search, its best
architecture (`derived.json`), final trainings. Carrying out the same plan again goes on wherever
it stopped, between stages or inside one, and ends the same; what has finished is not repeated.

Not here: each stage (`strategies.py`, `candidates.py`), the page of results (`ledger`),
progress bars (whoever passes `watch`).
Source: Pham et al. 2018, sections 3.2 and 3.3 (the random networks).
"""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from enas_viz.facts.estimates import CPU, GPU, Device, disk_bytes, estimate, tell_time
from enas_viz.recipes import (
    GUIDED_SKIPS,
    IN_USE,
    RECIPES,
    Recipe,
    as_json,
    recipe,
    recipe_from_json,
)
from enas_viz.records.files import write_text
from enas_viz.records.ranking import read_architecture, write_ranking
from enas_viz.results import ledger
from enas_viz.results.following import fitted, on_same_images
from enas_viz.search.candidates import Progress, derive, guided_random
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.build import pick_device
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.run import CHECKPOINT_EVERY, restore, resume, run, train_child
from enas_viz.search.training.ranks import started_processes
from enas_viz.spaces import KINDS, Architecture
from enas_viz.spaces.published import MACRO

Size = Literal["paper", "released", "cpu", "tiny"]
Changes = Mapping[str, Mapping[str, Any]]

CANDIDATES = 10  # that are sampled and scored; the best of them is trained


@dataclass(frozen=True)
class Stage:
    """One step of a plan. name: of its folder. trains: which architecture, in a final training."""

    name: str
    what: str
    kind: Literal["search", "derive", "train"]
    recipe: Recipe
    trains: Literal["", "derived", "published", "random"] = ""


@dataclass(frozen=True)
class State:
    """How far a stage is: after `epoch` of `epochs`, as its last checkpoint knows it."""

    started: bool
    done: bool
    epoch: int = 0
    epochs: int = 0

    def __str__(self) -> str:
        if self.done:
            return "done"
        if not self.started:
            return "to do"
        return f"goes on at epoch {self.epoch + 1} of {self.epochs}"


@dataclass(frozen=True)
class Plan:
    """What is to be done where. data: a folder or zip that takes the recipes' dataset's place."""

    space: str
    size: str
    folder: Path
    seed: int
    data: str | None
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in ("space", "size", "seed", "data")},
            "recipes": {s.name: as_json(s.recipe) for s in self.stages},
        }

    def place(self, stage: Stage) -> Path:
        return self.folder / stage.name

    def stage(self, name: str) -> Stage:
        return next(s for s in self.stages if s.name == name)


# ---------------------------------------------------------------- the plan


def make_plan(
    space: Literal["macro", "micro"],
    size: Size,
    folder: str | Path,
    *,
    seed: int = 0,
    data: str | Path | None = None,
    changes: Changes | None = None,
) -> Plan:
    """The stages of a reproduction. Nothing is written yet.

    changes: fields to set, as `recipes.change` takes them, of the "search" and of the "train"ings.
    Raises ValueError for an unknown space or size.
    """
    if space not in tuple(KINDS):
        raise ValueError(f"space is {' or '.join(map(repr, KINDS))}; got {space!r}")
    if size not in get_args(Size):
        raise ValueError(f"size is one of {', '.join(get_args(Size))}; got {size!r}")
    changes = changes or {}
    searched = f"{space}-cifar10-cpu" if size == "cpu" else f"{space}-{size}"
    search = recipe(searched, **changes.get("search", {}))

    def final(name: str = "final") -> Recipe:
        made = recipe(f"{space}-{name}-{size}", **changes.get("train", {}))
        return on_same_images(made, search)

    stages = [
        Stage("search", "search", "search", search),
        Stage("derive", f"best of {CANDIDATES} samples of its policy", "derive", search),
        Stage("derived", "train it", "train", fitted(final(), search), "derived"),
    ]
    if f"{space}-final-cutout-{size}" in RECIPES:
        cutout = final("final-cutout")
        stages.append(Stage("derived-cutout", "the same with CutOut", "train", cutout, "derived"))
    if f"{space}-final-wide-{size}" in RECIPES:
        # How 24 layers came out of a search over 12 is told nowhere, so those that were published
        # are trained as well.
        told = "train the published 24 layers"
        stages.append(Stage("published", told, "train", final(), "published"))
        wide = final("final-wide")
        stages.append(
            Stage("published-wide", "the same, more channels", "train", wide, "published")
        )
    stages.append(Stage("random", "train a random network", "train", final(), "random"))
    source = None if data is None else str(Path(data).absolute())
    return Plan(space, size, Path(folder), seed, source, tuple(stages))


def check_folder(plan: Plan) -> None:
    """Raises FolderError when the plan's folder holds anything else than this plan."""
    folder, file = plan.folder, plan.folder / "plan.json"
    if not file.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FolderError(
                f"{folder} is there already and holds no reproduction (no plan.json in it); "
                f"choose another folder"
            )
        return
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        recipes = {name: recipe_from_json(value) for name, value in found["recipes"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"{file} is damaged: {error}") from None
    for name, mine in plan.to_json().items():
        if name != "recipes" and found.get(name) != mine:
            raise FolderError(
                f"{folder} holds a reproduction with another {name} ({found.get(name)}, not "
                f"{mine}); choose another folder, or go on with what is there"
            )
    for stage in plan.stages:
        if recipes.get(stage.name) != stage.recipe:
            raise FolderError(
                f"{folder} holds a reproduction whose stage {stage.name!r} has another recipe than "
                f"{stage.recipe.name} is now; choose another folder"
            )
    for stage in plan.stages:
        _check_run(plan, stage)


def _check_run(plan: Plan, stage: Stage) -> None:
    """Raises FolderError when a stage's folder holds the run of another recipe or seed."""
    place = plan.place(stage)
    if stage.kind == "derive" or not (place / "run.json").exists():
        return
    facts = read_run(place)
    found, wanted = recipe_from_json(facts["recipe"]), stage.recipe
    if not wanted.searches:  # which tells the wiring of the network that it was given
        wiring = found.fidelity.skip_wiring
        wanted = replace(wanted, fidelity=replace(wanted.fidelity, skip_wiring=wiring))
    if found != wanted or facts["seed"] != plan.seed:
        raise FolderError(
            f"{place} holds a run of another recipe or seed than {plan.folder / 'plan.json'}; it "
            f"was changed or moved there: take it out, and it is made again"
        )


def state(plan: Plan, stage: Stage) -> State:
    """How far a stage is, by what its folder holds."""
    place, epochs = plan.place(stage), stage.recipe.train.epochs
    if stage.kind == "derive":
        done = (place / "derived.json").exists()
        return State(done, done)
    if (place / "trace.jsonl.gz").exists():
        return State(True, True, epochs, epochs)
    started = (place / "run.json").exists()
    return State(started, False, _epochs_saved(place) if started else 0, epochs)


def _epochs_saved(place: Path) -> int:
    """Whole epochs that the last readable checkpoint has behind it; 0 when there is none."""
    for file in checkpoint.found(place):
        try:
            return checkpoint.read(file, facts_only=True)[1]["position"]["epoch"]
        except checkpoint.CheckpointError:
            continue
    return 0


def describe(plan: Plan, device: str = "auto") -> list[str]:
    """The plan as lines of a table: stages, recipes, folders, time, disk, how far each is."""
    there = CPU if pick_device(device).type == "cpu" else GPU
    rows = [("stage", "recipe", "folder", "time", "MB", "state")]
    hours_left = disk_left = 0.0
    for stage in plan.stages:
        at = state(plan, stage)
        hours, disk = _needs(stage, there)
        if not at.done:
            hours_left += hours * (1 - at.epoch / max(1, at.epochs))
            disk_left += 0 if at.started else disk
        rows.append(
            (
                stage.what,
                _named(stage),
                plan.place(stage).as_posix(),
                tell_time(hours) if hours else "-",
                f"{disk / 1e6:.0f}" if disk else "-",
                str(at),
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    free = shutil.disk_usage(_existing(plan.folder)).free
    return [
        *(
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ),
        "",
        f"left: {there.needs(tell_time(hours_left))} (estimated), "
        f"{disk_left / 1e6:.0f} MB of disk ({free / 1e9:.0f} GB are free)",
    ]


def _needs(stage: Stage, device: Device) -> tuple[float, float]:
    """(hours, bytes) of a stage; scoring a few candidates is not worth a number."""
    if stage.kind == "derive":
        return 0.0, 0.0
    return estimate(stage.recipe, device).hours, disk_bytes(stage.recipe)


def _named(stage: Stage) -> str:
    """A recipe's name, with what is changed of it."""
    if stage.kind == "derive":
        return "-"
    told = ledger.changed_fields(stage.recipe)
    return stage.recipe.name + (f" ({'; '.join(told)})" if told else "")


def _existing(folder: Path) -> Path:
    return next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())


# ---------------------------------------------------------------- carrying it out


def reproduce(
    plan: Plan,
    *,
    device: str = "auto",
    watch: Callable[[Iterator[Any], Stage], Any] | None = None,
    score: Callable[[Callable[[Progress | None], Any]], Any] | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> bool:
    """Carries out what is left of a plan; whether it came to its end.

    watch: takes the records of a stage and asks for them, to the end or not; by default all are
    asked for in silence. score: is given a function that scores the candidates and takes a
    callback for its progress, and calls it. At the end RESULTS.md stands in the plan's folder.
    Raises FolderError when the folder holds another plan; ValueError when several processes were
    started; what the stages raise.
    """
    if started_processes() > 1:
        raise ValueError(
            f"a reproduction runs on one process, and {started_processes()} were started; single "
            f"stages can be shared: `enas-viz search`, `enas-viz train`"
        )
    check_folder(plan)
    plan.folder.mkdir(parents=True, exist_ok=True)
    if not (plan.folder / "plan.json").exists():
        write_text(
            plan.folder / "plan.json", json.dumps(plan.to_json(), indent=1, allow_nan=False) + "\n"
        )
    for stage in plan.stages:
        if state(plan, stage).done:
            continue
        if stage.kind == "derive":
            score = score or (lambda work: work(None))
            score(lambda progress: _derive(plan, stage, device, progress))  # noqa: B023 (at once)
        else:
            items = _records(plan, stage, device, checkpoint_every)
            (watch or _exhaust)(items, stage)
        if not state(plan, stage).done:
            return False
    page = plan.folder / "RESULTS.md"
    runs, _ = ledger.read_runs([plan.folder])
    write_text(page, ledger.render(runs, ledger.command([plan.folder], page)))
    return True


def _records(plan: Plan, stage: Stage, device: str, every: float) -> Iterator[Any]:
    """The records of a search or a training, from its start or from where it stopped."""
    place = plan.place(stage)
    common = {"data": plan.data, "checkpoint_every": every}
    begun = (place / "run.json").exists()
    if stage.kind == "train":
        architecture, origin = _architecture(plan, stage)
        if begun and Architecture.from_json(read_run(place)["architecture"]) != architecture:
            raise FolderError(
                f"{place} trains another architecture than {plan.folder} asks for; "
                f"take it out, and it is made again"
            )
    if begun:
        return resume(place, device=None if device == "auto" else device, **common)
    common |= {"seed": plan.seed, "device": device, "folder": place}
    if stage.kind == "search":
        return run(stage.recipe, **common)
    return train_child(stage.recipe, architecture, origin=origin, **common)


def _architecture(plan: Plan, stage: Stage) -> tuple[Architecture, dict[str, Any]]:
    """(what a stage trains, where it comes from)."""
    if stage.trains == "published":
        return MACRO, {"how": "published", "name": "enas-macro"}
    if stage.trains == "random":
        made = random_architecture(stage.recipe, plan.seed)
        return made, random_origin(stage.recipe, plan.seed)
    architecture, origin = _read_derived(plan)
    return architecture, {**origin, "folder": "../search"}


def random_architecture(final: Recipe, seed: int) -> Architecture:
    """One uniform draw for a recipe of final training; macro: each skip with probability 0.4.

    Where the recipe builds separable convolutions dense, of the operations that can be built so.
    """
    space = final.space
    builds_dense = "macro_final_ops" in IN_USE[final.kind]
    if builds_dense and final.fidelity.macro_final_ops == "dense":
        smaller = replace(space, ops=tuple(op for op in space.ops if not op.pools))
        drawn = guided_random(smaller, seed)
        return space.architecture(smaller.op_names(drawn), smaller.skips(drawn))
    return guided_random(space, seed)


def random_origin(final: Recipe, seed: int) -> dict[str, Any]:
    """What `run.json` says of where `random_architecture` comes from, as the ledger reads it."""
    skips = {"skip_rate": GUIDED_SKIPS} if final.space.has_skips else {}
    return {"how": "random", "seed": seed, **skips}


def _derive(plan: Plan, stage: Stage, device: str, progress: Progress | None) -> None:
    """Scores samples of the finished search's policy and writes the best one down."""
    search = restore(plan.place(plan.stage("search")), device=device, data=plan.data)
    found = derive(search, CANDIDATES, progress=progress)
    place = plan.place(stage)
    place.mkdir(exist_ok=True)
    write_ranking(place / "derived.json", found, search.recipe, search.seed)


def _read_derived(plan: Plan) -> tuple[Architecture, dict[str, Any]]:
    """The best candidate, and its search. FolderError when the file is not what `_derive` wrote."""
    path = plan.place(plan.stage("derive")) / "derived.json"
    made_again = "remove it, and it is made again"
    try:
        architecture, origin = read_architecture(path)
    except ValueError as error:
        raise FolderError(f"{error}; {made_again}") from None
    searched = {"how": "derive", "recipe": plan.stage("search").recipe.name, "seed": plan.seed}
    told = {name: origin.get(name) for name in searched}
    if told != searched:
        raise FolderError(f"{path} is no ranking of the search beside it ({told}); {made_again}")
    return architecture, origin


def _exhaust(items: Iterator[Any], _stage: Stage) -> None:
    deque(items, maxlen=0)
