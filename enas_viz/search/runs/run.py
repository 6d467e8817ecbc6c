"""Running a recipe: to an iterator of records, with or without a folder of its own.

`run`, `train_child` and `resume` are what everybody calls. A folder holds one run: `run.json`
(recipe, seed, source of the data), `trace.jsonl` (gzipped at the end) and checkpoints, all under a
lock.

Not here: what a run does (`enas.py`, `final.py`), what is done with a search's result
(`candidates.py`).
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import platform
import reprlib
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch

import enas_viz
from enas_viz.commands import command
from enas_viz.records.files import check_folder, write_text
from enas_viz.memory import LESS, told_when_out_of_memory
from enas_viz.records.ranking import check_same_data
from enas_viz.recipes import Recipe, as_json, order_of, recipe_from_json
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs import terms
from enas_viz.search.nets.child import check_fits
from enas_viz.search.training.data import (
    NAMED,
    Data,
    DataError,
    check_test_data,
    check_test_images,
    load_data,
    load_test_data,
    source_of,
    warn_without_test_data,
)
from enas_viz.search.enas import Enas
from enas_viz.search.final import FinalTraining
from enas_viz.search.runs.maker import differences, maker, others
from enas_viz.search.training.ranks import RankLost, Ranks, Stopped, device_of_rank, join, started_processes
from enas_viz.search.training.step import uses_bfloat16
from enas_viz.spaces import Architecture
from enas_viz.records.trace import Episode, Epoch, Header, Result, keep_records, load_trace, record

STRATEGIES = {"enas": Enas}
Run = Enas | FinalTraining
CHECKPOINT_EVERY = 60.0  # seconds


class FolderError(ValueError):
    """A run's folder that cannot be used as asked; the message says why and what to do."""


def run(
    recipe: Recipe,
    *,
    seed: int = 0,
    device: str = "auto",
    data: Data | str | Path | None = None,
    folder: str | Path | None = None,
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Iterator[Any]:
    """Searches, yielding a Header, then Ticks, Episodes and Epochs as they happen.

    Not calling `next` pauses; closing the iterator stops within one minibatch. data: a folder or
    zip in ImageFolder layout, or loaded `Data`, instead of the recipe's dataset. folder: where the
    trace and checkpoints are written, so that `resume(folder)` can go on; it must not hold a run.
    checkpoint_every: seconds between two checkpoints.
    A recipe with compute.processes > 1 is run by as many processes, started by torchrun, each of
    which calls this; all get the same records, the first one writes, and when one is closed, all
    end. Raises FolderError, DataError, NonFiniteLoss, or OSError when the disk is full; ValueError
    when another number of processes was started, RankLost when one of them ended.
    """
    return _begin(recipe, seed, device, data, folder, checkpoint_every)


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
) -> Iterator[Any]:
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
) -> Iterator[Any]:
    """A new run, once all that is asked of it is known to be plain (see `terms`).

    known: what else `run.json` keeps; of a final training, the architecture and its origin.
    """
    recipe, data = terms.recipe_of(recipe), terms.data_of(data)
    recipe = _wired_as(recipe, _architecture(known or {}))
    facts = {
        "recipe": as_json(recipe),
        "seed": terms.seed_of(seed),
        "device": terms.device_of(device),
        "data": None if isinstance(data, Data) else source_of(recipe.data, data),
        **(known or {}),
    }
    if data is None and recipe.data.name in NAMED:
        _check_same_data(facts, {"name": recipe.data.name})  # before anything is downloaded
    every = terms.seconds_of(checkpoint_every)
    place = None if folder is None else terms.folder_of(folder)
    ranks = join(recipe.compute.processes, facts["device"])
    if place is None:
        with told_when_out_of_memory(f"the recipe {recipe.name}"):
            made = build(recipe, facts["seed"], facts["device"], data, ranks, _architecture(facts))
        _check_same_data(facts, made.data.facts())
        return _unrecorded(made)
    ranks.told_by_first(lambda: _refuse_used(place))
    return _recorded(place, recipe, facts, data, every, ranks)


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
) -> Iterator[Any]:
    """Goes on with the run in `folder` from its last checkpoint, or from the start without one.

    The trace is cut to what the checkpoint knows of and grows on from there: on the CPU it ends
    the same as that of a run that was never interrupted. A finished run yields nothing. whole:
    first come the header and the records up to that checkpoint (of a finished run, all), so that
    who watches, a dashboard for one, sees the run from its beginning.
    It goes on with as many processes as were started now, if they can share train.accumulate
    minibatches evenly: a run of four may end on one, the same but for the last digits.
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
    went_on = _recorded(folder, recipe, facts, source, every, ranks, resumed=True)
    return _from_the_start(folder, went_on) if whole else went_on


def _from_the_start(folder: Path, went_on: Iterator[Any]) -> Iterator[Any]:
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
    folder: str | Path, *, device: str = "cpu", data: Data | str | Path | None = None
) -> Run:
    """The run in `folder` as its last checkpoint left it, to be looked at, not run on.

    Raises FolderError when there is no run, no checkpoint, or one that something else made than
    what would be restored here, see `maker`.
    """
    folder, device, data = terms.folder_of(folder), terms.device_of(device), terms.data_of(data)
    facts = read_run(folder)
    recipe = recipe_from_json(facts["recipe"])
    source = data if data is not None else facts.get("data")
    with told_when_out_of_memory(f"the run in {folder}"):
        search = build(recipe, facts["seed"], device, source, architecture=_architecture(facts))
    _check_maker(folder / "run.json", facts, search)
    _check_images(folder, facts, search)
    if not _take_checkpoint(folder, search, facts):
        raise FolderError(f"{folder} has no checkpoint yet, so it holds no trained weights")
    return search


def read_run(folder: Path) -> dict[str, Any]:
    """What `run.json` says. Raises FolderError when the folder holds no run, or one gone wrong."""
    path = folder / "run.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise FolderError(
            f"{folder} holds no run (no run.json in it); a search with --folder makes one"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise FolderError(f"{path} is damaged: {error}") from None
    if not isinstance(facts, dict):
        raise FolderError(f"{path} is damaged: a JSON object is expected; got another value")
    kinds = {"recipe": dict, "seed": int, "device": str, "data": str | None, "made_by": dict}
    for name, kind in kinds.items():
        value = facts.get(name, {} if name == "made_by" else None)  # which older runs do not say
        if not isinstance(value, kind) or isinstance(value, bool):
            got = reprlib.repr(value) if name in facts else "nothing"
            raise FolderError(f"{path} is damaged: {name} is of another kind; got {got}")
    try:
        recipe_from_json(facts["recipe"])
        _architecture(facts)
        terms.seed_of(facts["seed"])
    except ValueError as error:
        raise FolderError(f"{path} holds a run that cannot be: {error}") from None
    return facts


# ---------------------------------------------------------------- a run in a folder


def _unrecorded(search: Run) -> Iterator[Any]:
    """The records of a search without a folder, or of a process that does not write."""
    items = search.records()
    try:
        with told_when_out_of_memory("this run"):
            for item in items:
                yield _signed(item, search)
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
) -> Iterator[Any]:
    compute = dataclasses.replace(recipe.compute, processes=ranks.size)  # a resumed run may differ
    running = dataclasses.replace(recipe, compute=compute)

    def make() -> Run:
        seed, device = facts["seed"], facts["device"]
        return build(running, seed, device, data, ranks, _architecture(facts))

    kept = f"nothing that was saved is lost (`enas-viz resume {folder}` goes on); {LESS}"
    with (
        ExitStack() as held,
        _told_when_full(folder),
        told_when_out_of_memory(f"the run in {folder}", kept),
    ):
        if resumed:
            ranks.told_by_first(lambda: held.enter_context(_locked(folder)))
            search = make()
            _check_maker(folder / "run.json", facts, search)
            _check_images(folder, facts, search)
        else:
            search = make()  # before anything is made on disk
            _check_same_data(facts, search.data.facts())
            facts |= {"dataset": search.data.facts(), "made_by": maker(search)}
            ranks.told_by_first(lambda: held.enter_context(_claimed(folder, facts)))
        path = folder / "trace.jsonl"
        known = 0
        if resumed:
            known = ranks.told_by_first(lambda: _go_back(folder, path, search, facts))
            if known and not ranks.first:
                _take_checkpoint(folder, search, facts, at_most=known)
        ranks.wait()  # until all have read it, since the next one may take its place
        held.enter_context(_told_how_to_resume(folder))
        if not ranks.first:
            yield from _unrecorded(search)
            return
        saving = _saving(folder, search, facts["recipe"], checkpoint_every)
        with suppress(Stopped):
            yield from record(saving, path, append=bool(known))
        ranks.wait()  # so that all find the folder complete


def _check_images(folder: Path, facts: dict[str, Any], search: Run) -> None:
    """Raises FolderError when a run's images are not those that it began with.

    A checkpoint is asked the same; a run that was killed before its first one has only this.
    """
    began = facts.get("dataset")
    checksum = began.get("checksum") if isinstance(began, dict) else None
    if checksum and checksum != search.data.checksum:
        raise FolderError(
            f"the images are not those that the run in {folder} began with (their checksums "
            f"differ); name the right ones by --data"
        )


@contextmanager
def _claimed(folder: Path, facts: dict[str, Any]) -> Iterator[None]:
    """A new run's folder, with its `run.json`, under its lock."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        _refuse_used(folder)  # again, now that nobody else can make one
        write_text(folder / "run.json", json.dumps(facts, indent=1, allow_nan=False) + "\n")
        yield


def _architecture(facts: dict[str, Any]) -> Architecture | None:
    """The architecture that a final training trains; None of a search."""
    return Architecture.from_json(facts["architecture"]) if "architecture" in facts else None


def _saving(folder: Path, search: Run, recipe: Any, every: float) -> Iterator[Any]:
    """Passes records on, taking a checkpoint now and then, when left, and at the end.

    A checkpoint is taken on re-entry, when whoever iterates has taken in all that came before.
    """
    last = time.monotonic()
    items = search.records()
    try:
        for item in items:
            yield _signed(item, search)
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


def _go_back(folder: Path, path: Path, search: Run, facts: dict[str, Any]) -> int:
    """Restores the newest usable checkpoint and cuts the trace to it; how many records it has.

    0: there is none, so the run starts afresh. Raises FolderError when the trace that is kept is
    not this run's.
    """
    if path.exists() and not path.is_file():
        raise FolderError(f"{path} is no regular file; take it out")
    whole = keep_records(path, 10**12) if path.exists() else 0
    known = _take_checkpoint(folder, search, facts, at_most=whole)
    if known:
        keep_records(path, known)
        _check_trace(path, search, facts, known)
        return known
    if checkpoint.found(folder):
        warnings.warn(
            f"{path} has {whole} records, and no checkpoint of so few is left: the run starts "
            f"again from its beginning",
            stacklevel=2,
        )
    path.unlink(missing_ok=True)  # the same records come again
    return 0


def _check_trace(path: Path, search: Run, facts: dict[str, Any], known: int) -> None:
    """Refuses a trace that is not this run's own up to now: damaged, of another run, or with gaps.

    known: how many records it should have.

    How it was computed may differ (device, versions, number of processes): that is told, not asked.
    """
    advice = "put back the one that belongs here, or begin anew in another folder"
    try:
        trace = load_trace(path)
    except ValueError as error:
        raise FolderError(f"{error}; {advice}") from None
    was, now = trace.header, _signed(getattr(search, "header", trace.header), search)
    recipe, extra = {**was.recipe, "fidelity": was.fidelity}, terms.plain("a header", now.extra)
    same = {
        "recipe": _same_recipe(recipe, facts["recipe"], whole=False),
        "seed": was.seed == now.seed,
        "data": was.dataset.get("checksum") == now.dataset.get("checksum"),
        "space": (was.space, was.order) == (now.space, now.order),
        "architecture": was.extra.get("architecture") == extra.get("architecture"),
        "maker": was.extra.get("made_by") == extra.get("made_by"),
    }
    if other := [name for name, is_same in same.items() if not is_same]:
        raise FolderError(
            f"{path} is the trace of another run: it differs from {path.parent / 'run.json'} in "
            f"its {' and '.join(other)}; {advice}"
        )
    for n, item in enumerate(trace.records, start=1):
        if item.n != n:
            raise FolderError(
                f"{path} has record {item.n} where record {n} belongs, so some are missing or "
                f"doubled; {advice}"
            )
    if len(trace.records) + 1 != known:
        raise FolderError(
            f"{path} has {len(trace.records) + 1} records in the lines that should hold {known}; "
            f"{advice}"
        )


def _signed(item: Any, search: Run) -> Any:
    """A record of a run; its header says what made it, where that is not all of enas_viz."""
    if isinstance(item, Header) and (by := others(maker(search))):
        return dataclasses.replace(item, extra={**item.extra, "made_by": by})
    return item


def _check_maker(where: Path, facts: dict[str, Any], search: Run) -> None:
    """Refuses to go on with what something else made than what is to go on with it."""
    was = facts.get("made_by", {})
    if not isinstance(was, dict) or not all(isinstance(name, str) for name in was.values()):
        raise FolderError(f"{where} is damaged: made_by must name classes; got {reprlib.repr(was)}")
    if told := differences(was, maker(search)):
        raise FolderError(
            f"{where} was made by other code than would go on with it: {told}; put the same "
            f"classes and methods in their places first (e.g. strategies.STRATEGIES['enas'] = ...)"
        )


def _take_checkpoint(
    folder: Path, search: Run, run: dict[str, Any], at_most: int | None = None
) -> int:
    """Restores the newest checkpoint with at most so many records; returns its records, or 0.

    run: what `run.json` says. A damaged checkpoint is passed over with a warning. Raises
    FolderError when no other serves.
    """
    refused: list[str] = []
    for file in checkpoint.found(folder):
        try:
            tensors, facts = checkpoint.read(file)
        except checkpoint.CheckpointError as error:
            refused.append(str(error))
            continue
        same_seed = facts.get("seed") == search.seed
        if not same_seed or not _same_recipe(facts.get("recipe"), run["recipe"]):
            raise FolderError(
                f"{file} belongs to another recipe or seed than {folder / 'run.json'}; "
                f"it was changed or moved there: take it out, or put the right run.json back"
            )
        if facts.get("data") != search.data.checksum:
            raise FolderError(
                f"the images are not those that {file} was trained on (their checksums differ); "
                f"name the right ones by --data"
            )
        _check_maker(file, facts, search)
        _check_fits(file, search, tensors, facts)
        records = facts["position"]["records"]
        if at_most is None or records <= at_most:
            if refused:
                told = f"{'; '.join(refused)}; the older {file} serves, so a little is done again"
                warnings.warn(told, stacklevel=2)
            _restore(file, search, tensors, facts)
            return records
    if refused:
        raise FolderError(
            f"no checkpoint in {folder} can be used: {'; '.join(refused)}; the trace there is "
            f"intact and `{command('replay', folder)}` shows it, but to go on, start "
            f"anew in another folder"
        )
    return 0


def _same_recipe(first: Any, second: dict[str, Any], whole: bool = True) -> bool:
    """Whether two recipes in JSON mean the same; an older version may have left out new fields.

    whole: with the number of processes, which a resumed run may change.
    """
    if first == second:
        return True
    try:
        read = [recipe_from_json(first), recipe_from_json(second)]
    except ValueError:
        return False
    if not whole:
        read = [
            dataclasses.replace(r, compute=dataclasses.replace(r.compute, processes=1))
            for r in read
        ]
    return read[0] == read[1]


def _check_fits(
    file: Path, search: Run, tensors: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    """Refuses a checkpoint whose tensors or position cannot be those of this very run."""
    wanted, at = search.snapshot()
    for name in wanted.keys() & tensors.keys():
        kinds = [f"{t.dtype} {tuple(t.shape)}" for t in (wanted[name], tensors[name])]
        if kinds[0] != kinds[1]:
            raise FolderError(
                f"{file} does not fit its recipe: {name} is {kinds[0]} there, {kinds[1]} in the "
                f"file; take that file out"
            )
    found = facts.get("position")
    if not isinstance(found, dict) or "records" not in found:
        raise FolderError(f"{file} does not say where its run stood; take that file out")
    for name, value in found.items():
        if not _like(at["position"].get(name), value):
            raise FolderError(
                f"{file} says that its run stood at {name} = {reprlib.repr(value)}, which cannot "
                f"be; take that file out"
            )


def _like(started: Any, value: Any) -> bool:
    """Whether a value of a position is of the kind that it had at the start; no count is negative.

    What starts as None, or has no start, is a number once it is known.
    """
    if isinstance(started, list):
        return isinstance(value, list) and all(type(v) in (int, float) for v in value)
    if type(started) is int:
        return type(value) is int and value >= 0
    if isinstance(started, bool | str):
        return type(value) is type(started)
    return value is None or type(value) in (int, float)


def _restore(
    file: Path, search: Run, tensors: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    try:
        search.restore(tensors, facts)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise FolderError(
            f"{file} does not fit its recipe ({reason}); take that file out"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # not of a thread: a dashboard begins a run in one and ends it in another
    lock = filelock.FileLock(folder / "run.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise FolderError(
            f"the run folder {folder} is in use by another process; wait for it, stop it, or "
            f"choose another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


# Why nothing more can be written, however the system says it.
_FULL = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left within the disk quota",
    errno.EFBIG: "the limit of a file's size was reached",
}


@contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        again = f"`{command('resume', folder)}`"
        raise FolderError(
            f"{_FULL[error.errno]} while writing to {folder}; nothing that was written before is "
            f"lost: free some space, then "
            f"{again if (folder / 'run.json').exists() else 'start it once more'}"
        ) from error


@contextmanager
def _told_how_to_resume(folder: Path) -> Iterator[None]:
    try:
        yield
    except RankLost as error:
        raise RankLost(
            f"{error}; nothing that was saved is lost: go on with `{command('resume', folder)}`"
        ) from error


def _refuse_used(folder: Path) -> None:
    if (folder / "run.json").exists():
        raise FolderError(
            f"{folder} holds a run already and is not overwritten; go on with it by "
            f"`{command('resume', folder)}`, or choose another folder"
        )
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{folder} is a file; a run needs a folder")
    try:
        check_folder(folder)
    except OSError as error:
        raise FolderError(str(error)) from None


# ---------------------------------------------------------------- building


def build(
    recipe: Recipe,
    seed: int,
    device: str,
    data: Data | str | Path | None,
    ranks: Ranks | None = None,
    architecture: Architecture | None = None,
) -> Run:
    """A run at its very start, its data loaded: what `run` and `train_child` iterate over.

    ranks: the processes that share it; without them this one does all of it. architecture: what
    is trained, when the recipe is one of final training.
    """
    final = recipe.strategy == "final"
    if final and architecture is None:
        raise ValueError(
            f"the recipe {recipe.name} trains one architecture: name it by `enas-viz train "
            f"{recipe.name} --arch ...`, or call search.train_child(recipe, architecture)"
        )
    if not final and architecture is not None:
        raise ValueError(
            f"the recipe {recipe.name} is a search; an architecture is trained by a recipe of "
            f"final training, e.g. {recipe.network.space}-final"
        )
    if architecture is not None:
        check_fits(recipe, architecture)  # before any data is loaded or downloaded
    ranks = ranks or Ranks()
    where = pick_device(device_of_rank(device) if ranks.size > 1 else device)
    if recipe.compute.threads or (ranks.size > 1 and where.type == "cpu"):
        torch.set_num_threads(recipe.compute.threads or 1)  # processes share the cores already
    if recipe.compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        torch.use_deterministic_algorithms(True)
    loaded = data
    if not isinstance(data, Data):
        with ranks.one_first():
            if final:
                check_test_data(recipe.data, data)
            loaded = load_data(recipe.data, seed, data)
            if final:
                check_test_images(recipe.data, data, loaded)
            elif ranks.first:
                warn_without_test_data(recipe.data, data)
    header = _header(recipe, seed, where, loaded, architecture)
    if not final and not len(loaded.valid):
        raise DataError("a search needs validation images for its rewards; there are none")
    if not final:
        return _strategy(recipe.strategy, recipe, loaded, header, seed, where, ranks)
    load_test = None
    if not isinstance(data, Data):
        fitting = loaded.classes, loaded.channels
        load_test = partial(load_test_data, recipe.data, data, *fitting)
    return FinalTraining(recipe, architecture, loaded, header, seed, where, load_test, ranks)


def _strategy(name: str, *asked: Any) -> Run:
    """The search that STRATEGIES makes. TypeError for what is none: it may be somebody's own."""
    kind = STRATEGIES.get(name)
    made = kind(*asked) if callable(kind) else None
    needed = ("records", "snapshot", "restore")
    if not all(callable(getattr(made, method, None)) for method in needed):
        raise TypeError(
            f"strategies.STRATEGIES[{name!r}] must make searches as Enas does, with the methods "
            f"{', '.join(needed)}; got {reprlib.repr(kind)}"
        )
    return made


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        made = torch.device(name)
        torch.empty(1, device=made).item()  # a device without memory, "meta", has nothing to read
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = (str(error).splitlines() or ["unknown"])[0][:200]
        raise ValueError(
            f"device {name[:100]!r} is not available on this machine ({reason}); use cpu"
        ) from None
    return made


def _header(
    recipe: Recipe,
    seed: int,
    device: torch.device,
    data: Data,
    architecture: Architecture | None = None,
) -> Header:
    """architecture: the only one that the run is about, as in a final training."""
    space = architecture.space if architecture else recipe.space
    header = Header(
        space=space,
        order=order_of(space, recipe.fidelity),
        seed=seed,
        recipe=recipe.to_json(),
        fidelity=dataclasses.asdict(recipe.fidelity),
        dataset=data.header(),
        device=_device_facts(device, recipe),
        versions={
            "enas_viz": enas_viz.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **_commit(),
        },
        clock={"started": datetime.now(UTC).isoformat(timespec="seconds")},
        extra={"architecture": architecture.content} if architecture else {},
    )
    return terms.header_of(header)


def _device_facts(device: torch.device, recipe: Recipe) -> dict[str, Any]:
    """What computes: for CUDA the GPU's name, else the number of threads; and the precision."""
    precision = "bfloat16" if uses_bfloat16(device, recipe.compute) else "float32"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        return {"type": "cuda", "name": name, "precision": precision}
    return {"type": device.type, "threads": torch.get_num_threads(), "precision": precision}


def _commit() -> dict[str, str]:
    """The commit of a checkout that runs itself; nothing for an installed package."""
    root = Path(enas_viz.__file__).parent.parent
    if not (root / ".git").exists():
        return {}
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": found.stdout.strip()}
