"""Running a recipe: to an iterator of records, with or without a folder of its own.

`run`, `train_child` and `resume` are what everybody calls.

Not here: what a run does (`search/enas.py`, `search/final.py`), its folder (`folder.py`), what is
done with a search's result (`search/candidates.py`).
"""

from __future__ import annotations

import dataclasses
import reprlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from enas_viz.memory import LESS, told_when_out_of_memory
from enas_viz.recipes import DATASETS, JudgeConfig, Recipe, RewardConfig, as_json, recipe_from_json
from enas_viz.records.ranking import check_same_data
from enas_viz.records.trace import Episode, Epoch, Header, Item, Result, load_trace, record
from enas_viz.search.judges.judge import Judge
from enas_viz.search.judges.rewards import Reward
from enas_viz.search.judges.table import Table
from enas_viz.search.runs import checkpoint, terms
from enas_viz.search.runs.build import Run, build
from enas_viz.search.runs.folder import (
    FolderError,
    architecture_in,
    check_images,
    check_maker,
    claimed,
    go_back,
    locked,
    read_run,
    refuse_used,
    signed,
    take_checkpoint,
    told_how_to_resume,
    told_when_full,
)
from enas_viz.search.runs.maker import maker
from enas_viz.search.training.data import Data, DataError, source_of
from enas_viz.search.training.ranks import (
    RankLost,
    Ranks,
    Stopped,
    join,
    started_processes,
)
from enas_viz.spaces import Architecture

CHECKPOINT_EVERY = 60.0  # seconds


class Own(NamedTuple):
    """Parts of somebody's own, which no folder keeps."""

    judge: Judge | None = None
    reward: Reward | None = None


NOTHING = Own()


def run(
    recipe: Recipe,
    *,
    seed: int = 0,
    device: str = "auto",
    data: Data | str | Path | None = None,
    folder: str | Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    judge: Judge | None = None,
    reward: Reward | None = None,
) -> Iterator[Item]:
    """Searches, yielding a Header, then Ticks, Episodes and Epochs as they happen.

    Not calling `next` pauses; closing the iterator stops within one minibatch. data: a folder or
    zip in ImageFolder layout, or loaded `Data`, instead of the recipe's dataset. folder: where the
    trace and checkpoints are written, so that `resume(folder)` can go on; it must not hold a run.
    checkpoint_every: seconds between two checkpoints. judge: says how accurate an architecture is,
    instead of the one that `recipe.judge` names, such as `search.Table(accuracies)`. reward: what
    an architecture is worth, called with its accuracy and itself, instead of `recipe.reward`; it
    may be negative.
    A recipe with compute.processes > 1 is run by as many processes, started by torchrun, each of
    which calls this; all get the same records, the first one writes, and when one is closed, all
    end. Raises FolderError, DataError, NonFiniteLoss, or OSError when the disk is full; ValueError
    when another number of processes was started, RankLost when one of them ended.
    """
    own = Own(judge, reward)
    if isinstance(recipe, Recipe):
        recipe = _named(recipe, own)
    return _begin(recipe, seed, device, data, folder, checkpoint_every, own=own)


def train_child(
    recipe: Recipe,
    architecture: Architecture,
    *,
    seed: int = 0,
    device: str = "auto",
    data: Data | str | Path | None = None,
    folder: str | Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    origin: dict[str, Any] | None = None,
    other_data: str | None = None,
) -> Iterator[Item]:
    """Trains one architecture by a recipe of final training, with weights of its own.

    Yields a Header, then Ticks and Epochs as they happen, and at last the Result: the accuracy on
    the test images, which are read once, after the last epoch. No Result comes for `Data` given in
    memory, which have no test images. origin: what is known of where the architecture comes from,
    kept in `run.json`: that of a candidate, or what `ranking.read_architecture` returns. When it
    tells on which data the architecture was found, the training must be on the same; other_data:
    the name of other data that are meant. Everything else, and how to resume, as for `run`.
    Raises ValueError when the architecture does not fit the recipe, or was found on other data;
    DataError when there are no test images.
    """
    if not isinstance(origin, dict | None):
        raise TypeError(f"origin is an object, such as {{'how': 'given'}}; got {origin!r:.200}")
    known = {
        "architecture": terms.architecture_of(architecture).to_json(),
        "architecture_from": terms.plain("origin", origin or {}),
        "other_data": terms.plain("other_data", other_data),
    }
    return _begin(recipe, seed, device, data, folder, checkpoint_every, known)


def _begin(
    recipe: Recipe,
    seed: int,
    device: str,
    data: Data | str | Path | None,
    folder: str | Path | None,
    checkpoint_every: float,
    known: dict[str, Any] | None = None,
    own: Own = NOTHING,
) -> Iterator[Item]:
    """A new run, once all that is asked of it is known to be plain (see `terms`).

    known: what else `run.json` keeps; of a final training, the architecture and its origin.
    """
    recipe, data = terms.recipe_of(recipe), terms.data_of(data)
    recipe = _wired_as(recipe, architecture_in(known or {}))
    facts = {
        "recipe": as_json(recipe),
        "seed": terms.seed_of(seed),
        "device": terms.device_of(device),
        "data": None if isinstance(data, Data) else source_of(recipe.data, data),
        **(known or {}),
    }
    if data is None and recipe.data.name in DATASETS:
        _check_same_data(facts, {"name": recipe.data.name})  # before anything is downloaded
    every = terms.seconds_of(checkpoint_every)
    place = None if folder is None else terms.folder_of(folder)
    ranks = join(recipe.compute.processes, facts["device"])
    if place is None:
        with told_when_out_of_memory(f"the recipe {recipe.name}"):
            made = _built(recipe, facts, data, ranks, own)
        _check_same_data(facts, made.data.facts())
        return _unrecorded(made)
    ranks.told_by_first(lambda: refuse_used(place))
    return _recorded(place, recipe, facts, data, every, ranks, own=own)


def _named(recipe: Recipe, own: Own) -> Recipe:
    """The recipe, which tells of parts that are given in Python."""
    if own.judge is not None:
        name: Literal["table", "own"] = "table" if isinstance(own.judge, Table) else "own"
        recipe = dataclasses.replace(recipe, judge=JudgeConfig(name=name))
    if own.reward is not None:
        recipe = dataclasses.replace(recipe, reward=RewardConfig(name="own"))
    return recipe


def _built(recipe: Recipe, facts: dict[str, Any], data: Any, ranks: Ranks | None, own: Own) -> Run:
    """The run that `run.json` tells of, at its very start."""
    return build(recipe, facts["seed"], facts["device"], data, ranks, architecture_in(facts), *own)


def _wired_as(recipe: Recipe, architecture: Architecture | None) -> Recipe:
    """The recipe of a final training with the wiring of the macro network that it trains, so that
    its header does not tell two."""
    wiring = getattr(architecture and architecture.space, "wiring", recipe.fidelity.skip_wiring)
    fidelity = dataclasses.replace(recipe.fidelity, skip_wiring=wiring)
    return dataclasses.replace(recipe, fidelity=fidelity)


def _check_same_data(run: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises DataError when what `run.json` says of an architecture's origin does not go with the
    images that it is trained on."""
    origin = run.get("architecture_from")
    found_on = origin.get("data") if isinstance(origin, dict) else None
    try:
        check_same_data(found_on, now, run.get("other_data"))
    except ValueError as error:
        raise DataError(str(error)) from None
    except (AttributeError, TypeError):
        raise DataError(
            f"an architecture's origin tells its data as `Data.facts` does; got "
            f"{reprlib.repr(found_on)}"
        ) from None


def resume(
    folder: str | Path,
    *,
    device: str | None = None,
    data: Data | str | Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
    whole: bool = False,
    judge: Judge | None = None,
    reward: Reward | None = None,
) -> Iterator[Item]:
    """Goes on with the run in `folder` from its last checkpoint, or from the start without one.

    The trace is cut to what the checkpoint knows of and grows on from there: on the CPU it ends
    the same as that of a run that was never interrupted. A finished run yields nothing. whole:
    first come the header and the records up to that checkpoint (of a finished run, all), so that
    who watches, a dashboard for one, sees the run from its beginning.
    It goes on with as many processes as were started now, if they can share train.accumulate
    minibatches evenly: a run of four may end on one, the same but for the last digits.
    judge, reward: as they were given to `run`, which no folder keeps.
    Raises FolderError when the folder holds no run, or a checkpoint of another recipe; ValueError
    when so many processes cannot share a step.
    """
    folder, every = terms.folder_of(folder), terms.seconds_of(checkpoint_every)
    facts, data = read_run(folder), terms.data_of(data)
    facts["device"] = facts["device"] if device is None else terms.device_of(device)
    if (folder / "trace.jsonl.gz").exists():
        kept = load_trace(folder) if whole else None
        return iter((kept.header, *kept.records) if kept else ())
    recipe = recipe_from_json(facts["recipe"])
    source = data if data is not None else facts.get("data")
    ranks = join(_processes_to_resume(recipe), facts["device"])
    own = Own(judge, reward)
    went_on = _recorded(folder, recipe, facts, source, every, ranks, resumed=True, own=own)
    return _from_the_start(folder, went_on) if whole else went_on


def _from_the_start(folder: Path, went_on: Iterator[Item]) -> Iterator[Item]:
    """The records that a resumed run kept, then those that come."""
    try:
        first = next(went_on, None)  # by now the trace is cut to what the checkpoint knows
        if not isinstance(first, Header):
            for name in ("trace.jsonl", "trace.jsonl.gz"):
                if (folder / name).exists():
                    kept = load_trace(folder / name)
                    own = isinstance(first, Episode | Epoch | Result)  # it is recorded already
                    yield kept.header
                    yield from kept.records[: len(kept.records) - own]
                    break
        if first is not None:
            yield first
        yield from went_on
    finally:
        went_on.close()


def _processes_to_resume(recipe: Recipe) -> int:
    """As many as were started. Raises ValueError when they cannot share a step."""
    started, minibatches = started_processes(), recipe.train.accumulate
    if minibatches % started:
        fits = [str(n) for n in range(1, minibatches + 1) if minibatches % n == 0]
        raise ValueError(
            f"a step of this run averages {minibatches} minibatches, which {started} processes "
            f"cannot share evenly; resume it with {' or '.join(fits)}"
        )
    return started


def restore(
    folder: str | Path,
    *,
    device: str = "cpu",
    data: Data | str | Path | None = None,
    judge: Judge | None = None,
    reward: Reward | None = None,
) -> Run:
    """The run in `folder` as its last checkpoint left it, to be looked at, not run on.

    judge, reward: as they were given to `run`.

    Raises FolderError when there is no run, no checkpoint, or one that something else made than
    what would be restored here, see `maker`.
    """
    folder, device, data = terms.folder_of(folder), terms.device_of(device), terms.data_of(data)
    facts = read_run(folder)
    recipe = recipe_from_json(facts["recipe"])
    source = data if data is not None else facts.get("data")
    with told_when_out_of_memory(f"the run in {folder}"):
        facts = {**facts, "device": device}
        search = _built(recipe, facts, source, None, Own(judge, reward))
    check_maker(folder / "run.json", facts, search)
    check_images(folder, facts, search)
    if not take_checkpoint(folder, search, facts):
        raise FolderError(f"{folder} has no checkpoint yet, so it holds no trained weights")
    return search


def _unrecorded(search: Run) -> Iterator[Item]:
    """The records of a search without a folder, or of a process that does not write."""
    items = search.records()
    try:
        with told_when_out_of_memory("this run"):
            for item in items:
                yield signed(item, search)
    except GeneratorExit:
        search.ranks.leave(items)
        raise
    except Stopped:
        pass
    finally:
        items.close()
    search.ranks.wait()


def _recorded(
    folder: Path,
    recipe: Recipe,
    facts: dict[str, Any],
    data: Data | str | Path | None,
    checkpoint_every: float,
    ranks: Ranks,
    resumed: bool = False,
    own: Own = NOTHING,
) -> Iterator[Item]:
    compute = dataclasses.replace(recipe.compute, processes=ranks.size)  # a resumed run may differ
    running = dataclasses.replace(recipe, compute=compute)

    def make() -> Run:
        return _built(running, facts, data, ranks, own)

    kept = f"nothing that was saved is lost (`enas-viz resume {folder}` goes on); {LESS}"
    with (
        ExitStack() as held,
        told_when_full(folder),
        told_when_out_of_memory(f"the run in {folder}", kept),
    ):
        if resumed:
            ranks.told_by_first(lambda: held.enter_context(locked(folder)))
            search = make()
            check_maker(folder / "run.json", facts, search)
            check_images(folder, facts, search)
        else:
            search = make()  # before anything is made on disk
            _check_same_data(facts, search.data.facts())
            facts |= {"dataset": search.data.facts(), "made_by": maker(search)}
            ranks.told_by_first(lambda: held.enter_context(claimed(folder, facts)))
        path = folder / "trace.jsonl"
        known = 0
        if resumed:
            known = ranks.told_by_first(lambda: go_back(folder, path, search, facts))
            if known and not ranks.first:
                take_checkpoint(folder, search, facts, at_most=known)
        ranks.wait()  # until all have read it, since the next one may take its place
        held.enter_context(told_how_to_resume(folder))
        if not ranks.first:
            yield from _unrecorded(search)
            return
        saving = _saving(folder, search, facts["recipe"], checkpoint_every)
        with suppress(Stopped):
            yield from record(saving, path, append=bool(known))
        ranks.wait()  # so that all find the folder complete


def _saving(folder: Path, search: Run, recipe: Any, every: float) -> Iterator[Item]:
    """Passes records on, taking a checkpoint now and then, when left, and at the end.

    A checkpoint is taken on re-entry, when whoever iterates has taken in all that came before.
    """
    last = time.monotonic()
    items = search.records()
    try:
        for item in items:
            yield signed(item, search)
            if time.monotonic() - last >= every:
                _save(folder, search, recipe)
                last = time.monotonic()
    except GeneratorExit:
        _save(folder, search, recipe)
        search.ranks.leave(items)
        raise
    except (Stopped, RankLost, DataError):  # of test images: they are mended, then it goes on
        _save(folder, search, recipe)
        raise
    finally:
        items.close()
    _save(folder, search, recipe)


def _save(folder: Path, search: Run, recipe: Any) -> None:
    tensors, facts = search.snapshot()
    at = facts["position"]
    # The serial orders checkpoints by progress: records first, then minibatches between them.
    serial = at["records"] * 100_000 + at["step"]
    facts |= {"recipe": recipe, "seed": search.seed, "data": search.data.checksum}
    facts["made_by"] = maker(search)
    checkpoint.write(folder, serial, tensors, facts)
