"""The folder of a run: what it holds, who may use it, and going back to what it keeps.

A folder holds one run: `run.json` (recipe, seed, source of the data), `trace.jsonl` (gzipped at the
end) and checkpoints, all under a lock.

Not here: running (`run.py`), the files of checkpoints (`checkpoint.py`).
"""

from __future__ import annotations

import dataclasses
import errno
import json
import reprlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import torch

from enas_viz.commands import command
from enas_viz.recipes import recipe_from_json
from enas_viz.records.files import check_folder, write_text
from enas_viz.records.trace import Header, keep_records, load_trace
from enas_viz.search.runs import checkpoint, terms
from enas_viz.search.runs.build import Run
from enas_viz.search.runs.maker import differences, maker, others
from enas_viz.search.training.ranks import RankLost
from enas_viz.spaces import Architecture


class FolderError(ValueError):
    """A run's folder that cannot be used as asked; the message says why and what to do."""


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
        architecture_in(facts)
        terms.seed_of(facts["seed"])
    except ValueError as error:
        raise FolderError(f"{path} holds a run that cannot be: {error}") from None
    return facts


def check_images(folder: Path, facts: dict[str, Any], search: Run) -> None:
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
def claimed(folder: Path, facts: dict[str, Any]) -> Iterator[None]:
    """A new run's folder, with its `run.json`, under its lock."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        refuse_used(folder)  # again, now that nobody else can make one
        write_text(folder / "run.json", json.dumps(facts, indent=1, allow_nan=False) + "\n")
        yield


def architecture_in(facts: dict[str, Any]) -> Architecture | None:
    """The architecture that a final training trains; None of a search."""
    return Architecture.from_json(facts["architecture"]) if "architecture" in facts else None


def go_back(folder: Path, path: Path, search: Run, facts: dict[str, Any]) -> int:
    """Restores the newest usable checkpoint and cuts the trace to it; how many records it has.

    0: there is none, so the run starts afresh. Raises FolderError when the trace that is kept is
    not this run's.
    """
    if path.exists() and not path.is_file():
        raise FolderError(f"{path} is no regular file; take it out")
    whole = keep_records(path, 10**12) if path.exists() else 0
    known = take_checkpoint(folder, search, facts, at_most=whole)
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
    was, now = trace.header, signed(getattr(search, "header", trace.header), search)
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


def signed(item: Any, search: Run) -> Any:
    """A record of a run; its header says what made it, where that is not all of enas_viz."""
    if isinstance(item, Header) and (by := others(maker(search))):
        return dataclasses.replace(item, extra={**item.extra, "made_by": by})
    return item


def check_maker(where: Path, facts: dict[str, Any], search: Run) -> None:
    """Refuses to go on with what something else made than what is to go on with it."""
    was = facts.get("made_by", {})
    if not isinstance(was, dict) or not all(isinstance(name, str) for name in was.values()):
        raise FolderError(f"{where} is damaged: made_by must name classes; got {reprlib.repr(was)}")
    if told := differences(was, maker(search)):
        raise FolderError(
            f"{where} was made by other code than would go on with it: {told}; put the same "
            f"classes and methods in their places first (a strategy by @search.strategy, a judge "
            f"or a reward by search.resume(folder, judge=..., reward=...))"
        )


def take_checkpoint(
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
        check_maker(file, facts, search)
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
def locked(folder: Path) -> Iterator[None]:
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


# Why nothing more can be written, however the system says it.
_FULL = {
    errno.ENOSPC: "no space left",
    errno.EDQUOT: "no space left within the disk quota",
    errno.EFBIG: "the limit of a file's size was reached",
}


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
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
def told_how_to_resume(folder: Path) -> Iterator[None]:
    try:
        yield
    except RankLost as error:
        raise RankLost(
            f"{error}; nothing that was saved is lost: go on with `{command('resume', folder)}`"
        ) from error


def refuse_used(folder: Path) -> None:
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
