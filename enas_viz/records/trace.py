"""Traces: what a search did, one record a line, written while it goes and read without torch.

A trace is JSON Lines, gzipped once the search has finished: a header, then episodes and epochs in
the order in which they happened. `record` writes records while passing them on; `load_trace`
reads a trace, a finished one or one that a killed search left behind.

Not here: running a search (`enas_viz.search`) and drawing (`enas_viz.view`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from numbers import Real
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.files import ASSETS, write_bytes, written
from enas_viz.spaces import Architecture, Decision, Space, space_from_json

# Major, minor: a newer minor adds fields, a newer major changes their meaning. 1.1: an epoch's
# `trained`, see `inheritance`. 1.2: an operation of a space may be an object of facts instead of a
# name, see `spaces.operations`.
FORMAT = (1, 2)
UNNUMBERED = -1  # serial number of a record that has none
DIGITS = 6  # significant digits that a recorded logit keeps
LARGEST = sys.float_info.max  # no logit is larger: not infinity, nor a whole number beyond floats
DEEPEST = 50  # lists and objects inside one another
# A small gzip file can unpack to thousands of times its size, to fill the memory. A trace shrinks
# to a fifth; the largest that a recipe of ours writes has 160 MB of text.
MOST_UNPACKED = 512 * 2**20
MOST_RATIO, SMALL_UNPACKED = 100, 16 * 2**20

Json = dict[str, Any]


class NewerFormat(ValueError):
    """The trace was written by a newer enas_viz whose format this one does not read."""


@dataclass(frozen=True)
class Step:
    """One time-step of the controller: shaped logits, and what was picked.

    picks: one index for an operation or source, one bit per earlier layer for skips, none for a
    silent step. logits: for an operation or source one row of length `options`; for skips one row
    per earlier layer holding its single logit z, where the two options have logits (-z, z).
    detail: only where a recipe says `record="full"`: "raw", the logits before they were shaped (for
    skips the attention's score of each anchor), and "hidden", the LSTM's hidden state. Still more
    holds what `search.dissect` made.
    """

    decision: Decision
    picks: tuple[int, ...] = ()
    logits: tuple[tuple[float, ...], ...] = ()
    detail: Json = field(default_factory=dict, compare=False)

    @cached_property
    def probabilities(self) -> tuple[tuple[float, ...], ...]:
        """One row per draw, one probability per option; a skip's row is (no, yes)."""
        return tuple(map(_softmax, self._rows))

    @property
    def _rows(self) -> tuple[tuple[float, ...], ...]:
        """One row per draw, one logit per option."""
        if self.decision.kind == "skip":
            return tuple((-z, z) for (z,) in self.logits)
        return self.logits

    @property
    def log_probability(self) -> float:
        """Natural logarithm of the probability of what was picked; 0 for a silent step.

        Taken from the logits, so it stays finite where the probability itself rounds to 0.
        """
        return max(-LARGEST, sum(map(_log_softmax, self._rows, self.picks)))

    @property
    def entropy(self) -> float:
        """Entropy in nats, summed over the draws of the step."""
        return -sum(p * math.log(p) for row in self.probabilities for p in row if p > 0)

    def to_json(self) -> list[Any]:
        kept: list[Any] = [self.picks, _rounded(self.logits)]
        return [*kept, {k: _rounded(v) for k, v in self.detail.items()}] if self.detail else kept


# What `Trace.digest(header=False)` is made of: the fields of version 0.1.
HELD = {
    "episode": frozenset(
        {
            *("type", "content", "accuracy", "reward", "baseline", "advantage", "epoch", "update"),
            *("sample", "steps", "note", "log_probability", "entropy", "skip_penalty", "n"),
        }
    ),
    "epoch": frozenset(
        {
            *("type", "epoch", "loss", "train_accuracy", "valid_accuracy", "lr", "steps"),
            *("trained", "n"),
        }
    ),
}


@dataclass(frozen=True)
class Episode:
    """One sampled architecture: how it was decided, and what it was worth.

    steps may be empty (a strategy without a controller, or an episode that kept none).
    accuracy: the share of the validation minibatch that was right, in [0, 1]. reward: accuracy
    plus the weighted entropy, and minus the weighted skip penalty where
    `fidelity.skip_penalty_in` is "reward". baseline: the moving baseline after this reward;
    advantage: reward minus that baseline. `extra` keeps what a strategy adds, and fields this
    version does not know.
    """

    architecture: Architecture
    steps: tuple[Step, ...] = ()
    accuracy: float | None = None
    reward: float | None = None
    baseline: float | None = None
    advantage: float | None = None
    epoch: int = 0
    update: int = 0
    sample: int = 0
    n: int = UNNUMBERED  # its serial number in the trace
    order: str = "op-first"
    note: str = ""  # where it comes from, when no controller produced it by itself
    extra: Json = field(default_factory=dict, compare=False)
    header: Header | None = field(default=None, compare=False, repr=False)  # of its trace

    def __post_init__(self) -> None:
        if self.accuracy is None:
            return
        if not isinstance(self.accuracy, Real) or self.accuracy < 0 or self.accuracy > 1:
            raise ValueError(
                f"accuracy must be a share from 0 to 1, not a percentage; got "
                f"{shortened(self.accuracy)}"
            )

    @property
    def is_scored(self) -> bool:
        """Whether its accuracy is known; NaN is none."""
        return self.accuracy is not None and math.isfinite(self.accuracy)

    @property
    def log_probability(self) -> float:
        return max(-LARGEST, sum(step.log_probability for step in self.steps))

    @property
    def entropy(self) -> float:
        return sum(step.entropy for step in self.steps)

    def to_json(self) -> Json:
        kept = {
            "type": "episode",
            "content": self.architecture.content,
            **{
                name: getattr(self, name)
                for name in ("accuracy", "reward", "baseline", "advantage")
                if getattr(self, name) is not None
            },
            "epoch": self.epoch,
            "update": self.update,
            "sample": self.sample,
        }
        if self.steps:
            kept["steps"] = [step.to_json() for step in self.steps]
        if self.note:
            kept["note"] = self.note
        return {**kept, **self.extra}


@dataclass(frozen=True)
class Epoch:
    """One epoch of weight training and the controller updates after it.

    loss: mean training loss (nats) over the epoch's minibatches. train_accuracy, valid_accuracy:
    fractions in [0, 1], each minibatch under its own sampled architecture. lr: the epoch's
    learning rate. `clock` holds wall-clock facts (seconds); they are no part of the digest.
    `extra` keeps what a strategy adds, as what was trained ("trained", read by `inheritance`), and
    fields this version does not know.
    """

    epoch: int
    loss: float | None = None
    train_accuracy: float | None = None
    valid_accuracy: float | None = None
    lr: float | None = None
    steps: int = 0
    n: int = UNNUMBERED
    clock: Json = field(default_factory=dict, compare=False)
    extra: Json = field(default_factory=dict, compare=False)

    def to_json(self) -> Json:
        kept = {
            name: getattr(self, name)
            for name in ("loss", "train_accuracy", "valid_accuracy", "lr")
            if getattr(self, name) is not None
        }
        return {
            "type": "epoch",
            "epoch": self.epoch,
            **kept,
            "steps": self.steps,
            **self.extra,
            **({"clock": self.clock} if self.clock else {}),
        }


def _accuracy(episode: Episode) -> float:
    """That of an episode which has one."""
    assert episode.accuracy is not None
    return episode.accuracy


def binomial_error(right: int, images: int) -> float:
    """Standard error of the accuracy `right` / `images`, both as fractions.

    Where all or none are right, the plain formula gives 0, which would claim certainty; there it
    is the error of a count that is off by half an image.
    """
    share = min(max(right, 0.5), images - 0.5) / images
    return math.sqrt(share * (1 - share) / images)


@dataclass(frozen=True)
class Result:
    """How good a network is in the end: read once, after the last epoch, on images never used.

    right of images: test images that it classifies rightly, and all of them. parameters: of the
    network, an auxiliary head left out. `extra` keeps fields this version does not know.
    """

    right: int
    images: int
    parameters: int
    epoch: int
    n: int = UNNUMBERED
    clock: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict, compare=False)

    @property
    def accuracy(self) -> float:
        """Test accuracy in [0, 1]."""
        return self.right / self.images

    @property
    def standard_error(self) -> float:
        """Of the accuracy, from the finite number of test images; binomial."""
        return binomial_error(self.right, self.images)

    def to_json(self) -> Json:
        kept = {
            "type": "result",
            **{k: getattr(self, k) for k in ("right", "images", "parameters", "epoch")},
        }
        return {**kept, **self.extra, **({"clock": self.clock} if self.clock else {})}


@dataclass(frozen=True)
class Header:
    """What a trace says about itself: space, fidelity, recipe, seed, data, device, versions."""

    space: Space
    order: str = "op-first"
    seed: int | None = None
    recipe: Json = field(default_factory=dict)
    fidelity: Json = field(default_factory=dict)
    dataset: Json = field(default_factory=dict)
    device: Json = field(default_factory=dict)
    versions: Json = field(default_factory=dict)
    clock: Json = field(default_factory=dict)
    note: str = ""
    format: tuple[int, int] = FORMAT
    extra: Json = field(default_factory=dict, compare=False)

    n = 0

    def to_json(self) -> Json:
        kept = {
            "type": "header",
            "format": self.format,
            "space": self.space.to_json(),
            "order": self.order,
        }
        for name in ("seed", "recipe", "fidelity", "dataset", "device", "versions", "note"):
            if getattr(self, name) not in ({}, "", None):
                kept[name] = getattr(self, name)
        return {**kept, **self.extra, **({"clock": self.clock} if self.clock else {})}


Record = Header | Episode | Epoch | Result


@dataclass(frozen=True)
class Tick:
    """One minibatch went by: progress for whoever watches. Never recorded.

    phase: "weights" (a training minibatch) or "controller" (a reward minibatch).
    step of steps: position inside the phase. done: share of the whole search so far, in [0, 1].
    loss: mean training loss of the epoch under way, in nats, as far as it was read from the device;
    None where it was not yet.
    """

    phase: str
    epoch: int
    step: int
    steps: int
    done: float
    loss: float | None = None


Item = Record | Tick  # what a run yields


@dataclass(frozen=True)
class Trace:
    """A recorded search: its header, and its records in order."""

    header: Header
    records: tuple[Episode | Epoch | Result, ...] = ()
    torn: bool = False  # the last line was cut short (a killed search); it is left out

    @property
    def space(self) -> Space:
        return self.header.space

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        return tuple(r for r in self.records if isinstance(r, Episode))

    @cached_property
    def epochs(self) -> tuple[Epoch, ...]:
        return tuple(r for r in self.records if isinstance(r, Epoch))

    @property
    def result(self) -> Result | None:
        """The test figure of a final training that went to its end; None for anything else."""
        return next((r for r in self.records if isinstance(r, Result)), None)

    @property
    def seconds(self) -> float:
        """How long the search took: wall-clock seconds of its epochs, interruptions left out."""
        return sum(sum(epoch.clock.values()) for epoch in self.epochs)

    @property
    def best(self) -> Episode:
        """The episode of highest accuracy among those that kept their steps, the first of several.

        A search keeps the steps of every new best, so this is the best of its samples. A trace from
        elsewhere, or from an older version (both traces on CIFAR-10 that ship), may lack them: then
        `max(trace.episodes, key=lambda e: e.accuracy)` is another episode. An accuracy is measured
        on one minibatch under shared weights: a lucky estimate, good for showing only.
        Raises ValueError when the trace has no episode with an accuracy.
        """
        scored = [e for e in self.episodes if e.is_scored]
        if not scored:
            raise ValueError("the trace has no episode with an accuracy yet, so none is the best")
        return max([e for e in scored if e.steps] or scored, key=_accuracy)

    @property
    def best_of(self) -> str:
        """What `best` is the best of, in words: all samples, or those that kept their steps."""
        scored = [e for e in self.episodes if e.is_scored]
        shown, first = self.best, max(scored, key=_accuracy)
        if shown.accuracy == first.accuracy:
            return f"the best of {len(scored):,} sample" + ("" if len(scored) == 1 else "s")
        kept = sum(bool(e.steps) for e in scored)
        return (
            f"the best of the {kept:,} that kept their steps, of {len(scored):,} samples (the best "
            f"of all, episode {first.n}, had {first.accuracy:.1%})"
        )

    @property
    def last(self) -> Episode:
        """The last episode that kept its steps (else the last). ValueError when there is none."""
        if not self.episodes:
            raise ValueError("the trace has no episode yet")
        return ([e for e in self.episodes if e.steps] or list(self.episodes))[-1]

    def digest(self, *, header: bool = True) -> str:
        """SHA-256 of the canonical JSON of header and records without their `clock` blocks.

        Equal digests mean the same trace: same recipe, seed, data, machine and thread count.
        header: with the header, which names commit and recipe, and everything that records hold.
        Without it only the fields of `HELD` count, which every version has written, so that two
        versions which search alike give the same.
        """
        records = (self.header, *self.records) if header else self.records
        found = hashlib.sha256()
        for record in records:
            value = _numbered(record)
            if header:
                value.pop("clock", None)
            else:
                value = {k: v for k, v in value.items() if k in HELD.get(value["type"], ())}
            if value:
                found.update(_canonical(value).encode())
                found.update(b"\n")
        return found.hexdigest()


# ---------------------------------------------------------------- writing


def record(records: Iterable[Any], path: str | Path, append: bool = False) -> Iterator[Any]:
    """Writes every record of a search to `path` while passing it on, ticks unrecorded.

    Each record is flushed before it is passed on, so a killed search leaves a readable trace.
    When the records end, `path` is gzipped to `path.gz` and removed; when the iteration is closed
    early it stays as it is, to be resumed. append: go on with a trace that is there.
    Raises FileExistsError when `path` is there and `append` is false: nothing is overwritten;
    TypeError for what is no path, and for records that are none or do not begin with a header.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"a trace is recorded to a file, a str or a Path; got {shortened(path)}")
    if not isinstance(records, Iterable) or isinstance(records, str | bytes | type):
        raise TypeError(
            f"record takes the records of a search, as search.run(...) yields them; got "
            f"{shortened(records)}"
        )
    path = Path(path)
    if not append:
        _refuse_used(path)
    items = iter(records)
    with path.open("ab" if append else "xb") as file, _closed_after(items):
        started = append
        for item in items:
            if not isinstance(item, Record | Tick) or not (started or isinstance(item, Header)):
                if not started:
                    path.unlink()  # nothing was recorded
                raise TypeError(
                    f"a search yields its header, then episodes, epochs, ticks, a result; got "
                    f"{shortened(item)}"
                )
            started = True
            told = append and isinstance(item, Header)  # it is the first line already
            if isinstance(item, Header | Episode | Epoch | Result) and not told:
                file.write(_line(item))
                file.flush()
            yield item
        os.fsync(file.fileno())
    finish(path)


def _refuse_used(path: Path) -> None:
    if path.exists() or _zipped(path).exists():
        raise FileExistsError(
            f"{path} is there already and is not overwritten; choose another name or remove it"
        )


def _line(item: Any) -> bytes:
    return _canonical(_numbered(item)).encode() + b"\n"


def finish(path: Path) -> Path:
    """Gzips a finished trace; the time stamp stays 0, so that equal traces are equal files."""
    target = _zipped(path)
    _write_zipped(target, path.read_bytes())
    path.unlink()
    return target


def _write_zipped(path: Path, data: bytes) -> None:
    with (
        written(path) as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
    ):
        packed.write(data)


def save_trace(trace: Trace, path: str | Path) -> Path:
    """Writes a whole trace to `path` (gzipped when the name ends in .gz)."""
    path = Path(path)
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    _refuse_used(plain)
    lines = b"".join(map(_line, (trace.header, *trace.records)))
    write = _write_zipped if path.suffix == ".gz" else write_bytes
    write(path, lines)
    return path


def keep_records(path: Path, count: int) -> int:
    """Cuts an unfinished trace to its first `count` records; returns how many it then holds."""
    whole, length = 0, 0
    with path.open("r+b") as file:
        for line in file:
            if whole == count or not line.endswith(b"\n"):
                break
            whole, length = whole + 1, length + len(line)
        file.truncate(length)  # in place: it takes no space, of which there may be none
    return whole


# ---------------------------------------------------------------- reading


def load_trace(source: str | Path) -> Trace:
    """Reads a trace from a file, from a run's folder, or by the name of one that ships with us.

    Raises FileNotFoundError naming what was looked for, ValueError when the file is no trace,
    TypeError for what is no path, NewerFormat when a newer version wrote it. A torn last line is
    told by a warning and left out.
    """
    if not isinstance(source, str | Path):
        raise TypeError(
            f"a trace is read from a file, a run's folder, or by its name; got {shortened(source)}"
        )
    path = _find(source)
    if not path.is_file():
        raise ValueError(f"{path} is no file that a trace could be read from")
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        data = _unpacked(path) if zipped else path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    return read_trace(data, str(path))


def read_trace(data: bytes, name: str = "trace") -> Trace:
    """Reads a trace from the bytes of its JSON Lines; see `load_trace`."""
    header: Header | None = None
    plan: Sequence[Decision] = ()
    records, torn, last = [], False, 0  # last: the highest serial number so far
    lines = (line for line in io.BytesIO(data) if line.strip())
    for number, line in enumerate(lines, start=1):
        where = f"{name}, line {number}"
        try:
            value = json.loads(line, parse_constant=_no_number, object_pairs_hook=_object)
        except _Refused as error:
            raise ValueError(f"{where}: {error}") from None
        except (ValueError, RecursionError):  # no JSON, no text, or a number of thousands of digits
            if header is None or line.endswith(b"\n"):
                what = line[:40].decode(errors="replace")
                raise ValueError(
                    f"{where}: not JSON ({what!r}...); a trace is JSON Lines"
                ) from None
            torn = True
            warnings.warn(f"{name}: the last line is torn and left out", stacklevel=3)
            break
        if header is None:
            header = header_from_json(value, name)
            plan = header.space.steps(header.order)
        elif (made := _record(value, header, plan, where)) is not None:
            last = _serial(made.n, last, where)
            records.append(made)
    if header is None:
        raise ValueError(f"{name} is no enas_viz trace: its first line is not a header")
    return Trace(header, tuple(records), torn)


def _unpacked(path: Path) -> bytes:
    """The content of a gzip file, refused where it grows beyond what a trace can be."""
    packed = path.stat().st_size
    parts, size = [], 0
    try:
        with gzip.open(path) as file:
            while part := file.read(2**20):
                parts.append(part)
                size += len(part)
                if size > min(MOST_UNPACKED, max(SMALL_UNPACKED, MOST_RATIO * packed)):
                    raise ValueError(
                        f"{path} unpacks to more than {size // 2**20 - 1} MB from {packed:,} "
                        f"bytes, so it is refused: a gzipped trace holds at most "
                        f"{MOST_UNPACKED // 2**20} MB, and its text shrinks to a fifth or so; "
                        f"if you trust it, unpack it yourself"
                    )
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file: {error}") from None
    return b"".join(parts)


def _find(source: str | Path) -> Path:
    path = Path(source)
    if os.path.isdir(path):  # os.path: of names that no file can have they say False
        for name in ("trace.jsonl.gz", "trace.jsonl"):
            if (path / name).exists():
                return path / name
        raise FileNotFoundError(f"no trace.jsonl or trace.jsonl.gz in the folder {path}")
    if os.path.exists(path):
        return path
    if os.path.exists(shipped := ASSETS / f"{source}.jsonl.gz"):
        return shipped
    names = sorted(p.name.removesuffix(".jsonl.gz") for p in ASSETS.glob("*.jsonl.gz"))
    raise FileNotFoundError(
        f"no trace {str(source)[:200]!r}: neither a file, nor a run's folder, nor a trace that "
        f"ships with enas_viz ({', '.join(names) or 'none'})"
    )


class _Refused(Exception):
    """What JSON has and no trace: NaN and infinities, one name twice in an object."""


def _no_number(constant: str) -> None:
    raise _Refused(f"a trace holds finite numbers only; got {constant}")


def _object(pairs: list[tuple[str, Any]]) -> Json:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"an object has each name once; got {shortened(twice)} twice")
    return made


def header_from_json(value: Any, name: str) -> Header:
    """The header of the trace `name`, from the JSON of its first line. ValueError if it is none."""
    if not isinstance(value, dict) or value.get("type") != "header":
        raise ValueError(f"{name} is no enas_viz trace: its first line is not a header")
    found = value.get("format")
    if (
        not isinstance(found, list)
        or not 1 <= len(found) <= 3
        or not all(type(v) is int and 0 <= v < 10**6 for v in found)
    ):
        raise ValueError(f"{name}: the header names no format; got {shortened(found)}")
    if found[0] > FORMAT[0]:
        shown = ".".join(map(str, found))
        raise NewerFormat(
            f"{name} has trace format {shown}, this enas_viz reads up to "
            f"{FORMAT[0]}.x; enas_viz {found[0]}.0 or newer reads it (pip install -U enas-viz)"
        )
    known = {k: value[k] for k in Header.__dataclass_fields__ if k in value and k != "extra"}
    if not isinstance(value.get("space"), dict):
        raise ValueError(f"{name}: the header names no space; got {shortened(value.get('space'))}")
    for part in ("recipe", "fidelity", "dataset", "device", "versions", "clock"):
        if not isinstance(known.get(part, {}), dict):
            got = shortened(known[part])
            raise ValueError(f"{name}: {part} in the header is an object; got {got}")
    try:
        check_plain(value)
        _check_fields(known, Header)
        known.update(space=space_from_json(value["space"]), format=tuple(found))
        made = Header(**known, extra=_unknown(value, known, {"type", "n"}))
        made.space.steps(made.order)  # refuses an order that the space does not know
    except ValueError as error:
        raise ValueError(f"{name}: not a valid header: {error}") from error
    return made


def _record(
    value: Json, header: Header, plan: Sequence[Decision], where: str
) -> Episode | Epoch | Result | None:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: a record is a JSON object; got {shortened(value)}")
    kind = value.get("type")
    if kind == "header":
        raise ValueError(f"{where}: a second header; a file holds one trace, so split it there")
    try:
        if kind == "episode":
            return _episode(value, header, plan)
        if kind == "epoch":
            known = {k: value[k] for k in Epoch.__dataclass_fields__ if k in value and k != "extra"}
            _check_fields(known, Epoch)
            _check_seconds(known.get("clock", {}))
            return Epoch(**known, extra=_checked(_unknown(value, known, {"type"})))
        if kind == "result":
            return _result(value)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: not a valid {kind}: {error}") from error
    except RecursionError:
        raise ValueError(f"{where}: not a valid {kind}: it is nested too deep") from None
    return None  # a kind of record that a newer minor version added


def _serial(n: int, last: int, where: str) -> int:
    """The highest serial number up to a record. ValueError for one that is there already, or out of
    order; -1 is that of a record without any."""
    if n == UNNUMBERED:
        return last
    if n <= last:
        raise ValueError(
            f"{where}: its serial number n must be higher than those before it ({last}); got "
            f"{shortened(n)}, so records are doubled or out of order"
        )
    return n


def _result(value: Json) -> Result:
    counts = {k: value[k] for k in ("right", "images", "parameters", "epoch")}
    for name, found in counts.items():
        if type(found) is not int or found < 0:
            raise ValueError(f"its {name} is a whole number of at least 0; got {shortened(found)}")
    if not 0 <= counts["right"] <= counts["images"] or not counts["images"]:
        raise ValueError(f"it says {counts['right']} of {counts['images']} images are right")
    known = {k: value[k] for k in ("n", "clock") if k in value}
    _check_fields(known | counts, Result)
    _check_seconds(known.get("clock", {}))
    return Result(**counts, **known, extra=_checked(_unknown(value, counts | known, {"type"})))


def _episode(value: Json, header: Header, plan: Sequence[Decision]) -> Episode:
    names = set(Episode.__dataclass_fields__)
    names -= {"architecture", "steps", "extra", "order", "header"}
    known = {k: value[k] for k in names if k in value}
    numbers = {
        k: value[k] for k in ("entropy", "log_probability", "skip_penalty") if k in value
    }  # of ours
    for name, found in numbers.items():
        if not _is_finite(found):
            raise ValueError(f"its {name} is a finite number; got {shortened(found)}")
    _check_fields(known, Episode)
    rows = value.get("steps", [])
    if not isinstance(rows, list):
        raise ValueError(f"its steps are a list; got {shortened(rows)}")
    if rows and len(rows) != len(plan):
        raise ValueError(f"it has {len(rows)} steps where its space has {len(plan)}")
    architecture = Architecture(header.space, value["content"])
    steps = tuple(
        _step(row, decision, architecture, t)
        for t, (row, decision) in enumerate(zip(rows, plan, strict=bool(rows)), start=1)
    )
    return Episode(
        architecture=architecture,
        steps=steps,
        order=header.order,
        header=header,
        extra=_checked(_unknown(value, known, {"type", "content", "steps"})),
        **known,
    )


def _step(row: Any, decision: Decision, architecture: Architecture, t: int) -> Step:
    """Step `t` (from 1) of an episode, from its JSON `[picks, logits]` or `[..., detail]`.

    Refused when it does not lead to the episode's own `architecture`.
    """
    if (
        not isinstance(row, list)
        or len(row) not in (2, 3)
        or not (isinstance(row[0], list) and isinstance(row[1], list))
        or not isinstance(row[-1], list if len(row) == 2 else dict)
    ):
        raise ValueError(
            f"step {t} is a list of picks and a list of logits, with an object of details where "
            f"it has them; got {shortened(row)}"
        )
    picks, logits = tuple(row[0]), row[1]
    wanted = architecture.space.picks(architecture, decision)
    if picks != wanted or not {int}.issuperset(map(type, picks)):
        if decision.kind == "silent":
            raise ValueError(
                f"step {t} decides nothing and takes no picks; got {shortened(row[0])}"
            )
        architecture.space.check(decision, picks)
        raise ValueError(
            f"step {t} leads to another architecture than the episode's content: its picks are "
            f"{shortened(row[0])}, the content has {list(wanted)}"
        )
    if len(logits) != decision.rows:
        raise ValueError(f"step {t} has {len(logits)} rows of logits, not {decision.rows}")
    width = 1 if decision.kind == "skip" else decision.options
    for found in logits:
        if not isinstance(found, list) or len(found) != width:
            count = f"{width} logit" + ("" if width == 1 else "s")
            raise ValueError(f"step {t} takes {count} in each row; got {shortened(found)}")
        for z in found:
            if not _is_finite(z):
                raise ValueError(
                    f"step {t} takes logits that are finite numbers; got {shortened(z)}"
                )
    for rows in row[2:]:
        _check_detail(rows, t)
    return Step(decision, picks, tuple(map(tuple, logits)), *row[2:])


# What a field may hold, by the kind that its dataclass names.
_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", lambda v: type(v) is int and abs(v) < 2**63),
    "int | None": ("a whole number", lambda v: v is None or type(v) is int),
    "float | None": ("a finite number", lambda v: v is None or _is_finite(v)),
    "str": ("text", lambda v: isinstance(v, str)),
    "Json": ("an object", lambda v: isinstance(v, dict)),
}


def _anything(value: Any) -> bool:
    return True


def _check_fields(known: Json, made: type[Any]) -> None:
    """Raises ValueError, naming the field, for a value of another kind than the record's."""
    kinds = {f.name: str(f.type) for f in fields(made)}
    for name, value in known.items():
        what, holds = _KINDS.get(kinds[name], ("", _anything))
        if not holds(value):
            raise ValueError(f"its {name} is {what}; got {shortened(value)}")
        if type(value) is int and name != "seed" and value < (-1 if name == "n" else 0):
            raise ValueError(f"its {name} is no negative number; got {shortened(value)}")
        if name.endswith("accuracy") and value is not None and not 0 <= value <= 1:
            raise ValueError(f"its {name} is a share from 0 to 1; got {value}")
        if isinstance(value, str | dict):
            check_plain(value)


def _check_seconds(clock: Json) -> None:
    for name, value in clock.items():
        if not _is_finite(value) or value < 0:
            raise ValueError(f"{shortened(name)} in its clock is seconds; got {shortened(value)}")


def _checked(extra: Json) -> Json:
    check_plain(extra)
    return extra


def check_plain(value: Any) -> None:
    """Raises ValueError for what could not be written again: depth, infinities, half letters."""
    layer, depth = [value], 0
    while layer:
        if depth == DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} times")
        inner: list[Any] = []
        for v in layer:
            if isinstance(v, dict):
                inner += [*v.keys(), *v.values()]
            elif isinstance(v, list):
                inner += v
            elif isinstance(v, str):
                if not v.isascii() and any("\ud800" <= c <= "\udfff" for c in v):
                    raise ValueError(f"its text holds half a letter; got {shortened(v)}")
            elif isinstance(v, float) and not math.isfinite(v):
                raise ValueError(f"it holds a number that is not finite; got {v}")
        layer, depth = inner, depth + 1


def _check_detail(detail: Json, t: int) -> None:
    """The details of step `t`: numbers, alone or in rows of rows."""
    check_plain(detail)
    left = list(detail.values())
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif not _is_finite(value):
            raise ValueError(f"step {t} has details that are numbers; got {shortened(value)}")


def _is_finite(value: Any) -> bool:
    """Whether it is a number that fits a float; no truth value."""
    return type(value) in (float, int) and -LARGEST <= value <= LARGEST


# ---------------------------------------------------------------- helpers


@contextmanager
def _closed_after(items: Iterator[Any]) -> Iterator[None]:
    """Closes a generator at the end, so that a search that is left leaves its checkpoint."""
    try:
        yield
    finally:
        if hasattr(items, "close"):
            items.close()


def _numbered(item: Record) -> Json:
    return {"n": item.n, **item.to_json()}


def _unknown(value: Json, known: Json, ours: set[str]) -> Json:
    return {k: v for k, v in value.items() if k not in known and k not in ours}


def _zipped(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _rounded(value: Any) -> Any:
    """Numbers, also nested in sequences, with as many digits as are recorded."""
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return float(f"{value:.{DIGITS}g}")


def _log_softmax(row: Sequence[float], pick: int) -> float:
    """Logarithm of a softmax's value for `pick`: finite, however far apart the logits are."""
    top = max(row)
    total = sum(math.exp(z - top) for z in row)
    return max(row[pick] - top - math.log(total), -LARGEST)


def _softmax(row: Sequence[float]) -> tuple[float, ...]:
    top = max(row)
    weights = [math.exp(z - top) for z in row]
    total = sum(weights)
    return tuple(w / total for w in weights)
