"""Turns: the loop of ENAS, one minibatch and one update at a time, as it was recorded.

A turn is one time around the loop: a child is sampled, the shared weights on its path are trained
on one minibatch, the same child is rewarded on validation images, and the controller is updated.
A recording holds some turns of one search with all that a picture of them needs: draws, logits
before and after the update, pixels, answers, and how often each path had been trained.

Not here: where turns come from (`search/turns.py`), drawing them (`view/loop.py`).
Source: Pham et al. 2018, section 2.2, whose two phases take turns after every minibatch here.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.recipes import recorded_fidelity
from enas_viz.records.files import ASSETS, check_format, read_gzipped, write_gzipped
from enas_viz.records.trace import LARGEST, Header, Step, check_plain, header_from_json
from enas_viz.records.training_counts import paths, size
from enas_viz.spaces import Architecture

FORMAT = 1
MOST_BYTES = 20_000_000  # of a file, unpacked
MOST_COUNT = 10**9  # of minibatches, images, samples
MOST_TURNS = 200  # of a recording
MOST_PIXELS = 3 * 64 * 64  # numbers of an image
NAMES = ("macro", "micro")  # of the recordings that ship: loop-macro.json.gz, loop-micro.json.gz
SLACK = 1e-4  # of a probability: what rounded logits leave open
STAGES = ("sample", "train", "reward", "update")

Json = dict[str, Any]
Logits = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Images:
    """A few images as they were before anything was done to them.

    shape: channels, height, width. pixels: of each image its 8-bit values in that order. labels:
    class numbers. answers: what a network took them for; empty where nobody was asked.
    """

    shape: tuple[int, int, int]
    pixels: tuple[bytes, ...]
    labels: tuple[int, ...]
    answers: tuple[int, ...] = ()

    @property
    def right(self) -> int:
        """How many answers are the labels."""
        return sum(a == b for a, b in zip(self.answers, self.labels, strict=False))


@dataclass(frozen=True)
class Sampled:
    """A child as the controller sampled it.

    steps: of the controller, with their logits. draws: of each step the uniform numbers in [0, 1)
    that decided, one for each row of logits.
    """

    architecture: Architecture
    steps: tuple[Step, ...]
    draws: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Trained:
    """A minibatch of training images, and what it did to the shared weights.

    images: some of its `size` images. loss: mean cross-entropy in nats, before the step. right: how
    many of the `size` images were classified rightly. counts: how many minibatches each path had
    been trained on before, numbered as by `inheritance.paths`. seconds: CPU time of the step.
    """

    images: Images
    size: int
    loss: float
    right: int
    counts: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Rewarded:
    """How the child did: `right` of `size` validation images, some of which are `images`.

    reward: the accuracy, and what the controller adds to it for its entropy (and takes off for
    skips, where the recipe says so). seconds: CPU time of the evaluation.
    """

    images: Images
    size: int
    right: int
    reward: float
    seconds: float

    @property
    def accuracy(self) -> float:
        return self.right / self.size


@dataclass(frozen=True)
class Updated:
    """One update of the controller.

    rewards: of all architectures that the update averages; the first is the child that is shown.
    before, after: the moving baseline before and after the first reward, from which the advantage
    is taken; before is None where there was none yet. logits: of every step as the updated
    controller gives them for the same decisions.
    """

    rewards: tuple[float, ...]
    before: float | None
    after: float
    logits: tuple[Logits, ...]

    @property
    def samples(self) -> int:
        return len(self.rewards)

    @property
    def advantage(self) -> float:
        """Of the child that is shown."""
        return self.rewards[0] - self.after


@dataclass(frozen=True)
class Alone:
    """The same child as plain NAS would treat it: trained from scratch to the end, then rewarded.

    epochs: of its training. seconds: CPU time. images, size, right: as for `Rewarded`, on the whole
    validation split.
    """

    epochs: int
    seconds: float
    images: Images
    size: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.size


@dataclass(frozen=True)
class Turn:
    """One turn of the loop. number: from 1. A turn under way lacks its later stages, one that has
    not begun all of them."""

    number: int
    sampled: Sampled | None = None
    trained: Trained | None = None
    rewarded: Rewarded | None = None
    updated: Updated | None = None
    alone: Alone | None = None

    @property
    def stages(self) -> int:
        """How many of the four stages are behind it."""
        done = (self.sampled, self.trained, self.rewarded, self.updated)
        return next((k for k, stage in enumerate(done) if stage is None), len(done))

    @property
    def after(self) -> tuple[Step, ...]:
        """The same steps as the updated controller takes them; as sampled before the update."""
        steps = self.sampled.steps
        if self.updated is None:
            return steps
        pairs = zip(steps, self.updated.logits, strict=True)
        return tuple(Step(step.decision, step.picks, logits) for step, logits in pairs)

    @property
    def moved(self) -> float:
        """By how much the update changed the probability of a decision, at the most."""
        pairs = zip(self.sampled.steps, self.after, strict=True)
        return max(abs(math.exp(a.log_probability) - math.exp(b.log_probability)) for a, b in pairs)


@dataclass(frozen=True)
class Recording:
    """Some turns of one search.

    planned: how many turns the whole search has. machine: the processor, where it is known;
    seconds: CPU time of all turns of the search together. date: of the recording, as YYYY-MM-DD.
    """

    header: Header
    turns: tuple[Turn, ...]
    planned: int
    machine: str = ""
    seconds: float = 0.0
    date: str = ""
    extra: Json = field(default_factory=dict, compare=False)

    @property
    def space(self) -> Any:
        return self.header.space

    def took(self, architecture: Architecture) -> list[int]:
        """The numbers of the paths that a minibatch of this child trains."""
        fidelity = recorded_fidelity(self.header.fidelity)
        last_op = fidelity.macro_dispatch == "last_branch"
        return paths(architecture, fidelity.skip_merge_search, last_op)

    def to_json(self) -> Json:
        return {
            "format": FORMAT,
            "header": {"n": 0, **self.header.to_json()},
            "planned": self.planned,
            "machine": self.machine,
            "seconds": _short(self.seconds),
            "date": self.date,
            "turns": [_turn_json(turn) for turn in self.turns],
            **self.extra,
        }

    @classmethod
    def from_json(cls, value: Any) -> Recording:
        """Raises ValueError for a format that this version does not read, or what is damaged."""
        check_format(value, FORMAT, "a recording of turns")
        try:
            check_plain(value)
            return _Reader(value).recording()
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"it lacks what turns should hold: {shortened(error)}") from None


def load_turns(name: str | Path) -> Recording:
    """Recorded turns: "macro" or "micro", which ship ("loop-macro" and "loop-micro" are the same),
    or a file that `save_turns` wrote.

    Raises ValueError for a file that holds none, FileNotFoundError where there is no file,
    TypeError for what is no path.
    """
    if not isinstance(name, str | Path):
        raise TypeError(
            f"recorded turns are {' or '.join(map(repr, NAMES))} (or 'loop-macro', 'loop-micro'), "
            f"or a file of a loop; got {shortened(name)}"
        )
    kind = name.removeprefix("loop-") if isinstance(name, str) else ""
    path = ASSETS / f"loop-{kind}.json.gz" if kind in NAMES else Path(name)
    try:
        return Recording.from_json(json.loads(read_gzipped(path, MOST_BYTES)))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {shortened(str(path))} of a loop; these come with the package: "
            f"{', '.join(NAMES)} (or {', '.join(f'loop-{kind}' for kind in NAMES)})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name[:100]!r} holds no turns of a loop that can be read: {error}"
        ) from None


def save_turns(recording: Recording, path: str | Path) -> None:
    """Writes a recording as gzipped JSON, the same bytes for the same recording."""
    text = json.dumps(recording.to_json(), separators=(",", ":"), allow_nan=False)
    write_gzipped(path, text.encode())


# ---------------------------------------------------------------- writing


def _short(value: Any) -> Any:
    """Numbers, also nested in sequences, with six significant digits."""
    if isinstance(value, list | tuple):
        return [_short(v) for v in value]
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _turn_json(turn: Turn) -> Json:
    s, t, r, u, a = turn.sampled, turn.trained, turn.rewarded, turn.updated, turn.alone
    made: Json = {
        "number": turn.number,
        "content": s.architecture.content,
        "logits": [_short(step.logits) for step in s.steps],
        "draws": _short(s.draws),
    }
    if t:
        made["trained"] = {
            "images": _images_json(t.images),
            "size": t.size,
            "loss": _short(t.loss),
            "right": t.right,
            "counts": t.counts,
            "seconds": _short(t.seconds),
        }
    if r:
        made["rewarded"] = {
            "images": _images_json(r.images),
            "size": r.size,
            "right": r.right,
            "reward": _short(r.reward),
            "seconds": _short(r.seconds),
        }
    if u:
        made["updated"] = {
            "rewards": _short(u.rewards),
            "before": None if u.before is None else _short(u.before),
            "after": _short(u.after),
            "logits": _short(u.logits),
        }
    if a:
        made["alone"] = {
            "epochs": a.epochs,
            "seconds": _short(a.seconds),
            "images": _images_json(a.images),
            "size": a.size,
            "right": a.right,
        }
    return made


def _images_json(images: Images) -> Json:
    return {
        "shape": images.shape,
        "pixels": [base64.b64encode(p).decode("ascii") for p in images.pixels],
        "labels": images.labels,
        **({"answers": images.answers} if images.answers else {}),
    }


# ---------------------------------------------------------------- reading


class _Reader:
    """Makes a recording of JSON that a stranger may have written."""

    def __init__(self, value: Json) -> None:
        self.value = value
        self.header = header_from_json(value["header"], "the recording")
        self.plan = self.header.space.steps(self.header.order)

    def recording(self) -> Recording:
        value, turns = self.value, _list(self.value["turns"], "turns", MOST_TURNS)
        if not turns:
            raise ValueError("a recording has at least one turn; got none")
        for name in ("machine", "date"):
            if not isinstance(value[name], str) or len(value[name]) > 200:
                raise ValueError(f"{name} is a short text; got {shortened(value[name])}")
        known = {"format", "header", "planned", "machine", "seconds", "date", "turns"}
        found = []
        for turn in turns:
            try:
                found.append(self.turn(turn))
            except ValueError as error:
                raise ValueError(f"turn {len(found) + 1}: {error}") from None
        numbers = [turn.number for turn in found]
        if numbers != sorted(set(numbers)):
            raise ValueError(f"turns are numbered in order; got {shortened(numbers)}")
        return Recording(
            self.header,
            tuple(found),
            _whole(value["planned"], "planned", numbers[-1]),
            value["machine"],
            _number(value["seconds"], "seconds", 0),
            value["date"],
            {k: v for k, v in value.items() if k not in known},
        )

    def turn(self, value: Any) -> Turn:
        if not isinstance(value, dict):
            raise ValueError(f"a turn is an object; got {shortened(value)}")
        architecture = Architecture(self.header.space, _tuples(value["content"]))
        picks = [tuple(self.header.space.picks(architecture, d)) for d in self.plan]
        logits = self.logits(value["logits"])
        draws = _list(value["draws"], "draws", len(self.plan), len(self.plan))
        for t, (row, picked) in enumerate(zip(draws, picks, strict=True), 1):
            _list(row, f"draws of step {t}", len(picked), len(picked))
            for u in row:
                if not 0 <= _number(u, "a draw") < 1:
                    raise ValueError(f"a draw is in [0, 1); got {u}")
        steps = tuple(map(Step, self.plan, picks, logits))
        for t, (step, row) in enumerate(zip(steps, draws, strict=True), 1):
            _check_draws(step, row, t)
        found: Json = {}
        for name, read in (
            ("trained", self.trained),
            ("rewarded", self.rewarded),
            ("updated", self.updated),
            ("alone", self.alone),
        ):
            if name in value:
                found[name] = read(value[name])
        stages = [name in found for name in ("trained", "rewarded", "updated")]
        if stages != sorted(stages, reverse=True):
            raise ValueError(f"a turn has its stages in order; got {', '.join(found)}")
        sampled = Sampled(architecture, steps, tuple(map(tuple, draws)))
        return Turn(_whole(value["number"], "number", 1), sampled, **found)

    def logits(self, value: Any) -> tuple[Logits, ...]:
        found = []
        rows = _list(value, "logits", len(self.plan), len(self.plan))
        for t, (of_step, decision) in enumerate(zip(rows, self.plan, strict=True), 1):
            width = 1 if decision.kind == "skip" else decision.options
            count = 0 if decision.kind == "silent" else decision.rows
            what = f"logits of step {t}"
            _list(of_step, what, count, count)
            found.append(
                tuple(
                    tuple(_number(z, what) for z in _list(row, what, width, width))
                    for row in of_step
                )
            )
        return tuple(found)

    def trained(self, value: Any) -> Trained:
        wanted = size(self.header.space)
        counts = _list(value["counts"], "counts of paths", wanted, wanted)
        total = _whole(value["size"], "size", 1)
        return Trained(
            self.images(value["images"], total),
            total,
            _number(value["loss"], "loss", 0),
            _whole(value["right"], "right", 0, total),
            tuple(_whole(n, "a count", 0) for n in counts),
            _number(value["seconds"], "seconds", 0),
        )

    def rewarded(self, value: Any) -> Rewarded:
        total = _whole(value["size"], "size", 1)
        return Rewarded(
            self.images(value["images"], total, answered=True),
            total,
            _whole(value["right"], "right", 0, total),
            _number(value["reward"], "reward"),
            _number(value["seconds"], "seconds", 0),
        )

    def updated(self, value: Any) -> Updated:
        rewards = _list(value["rewards"], "rewards", MOST_COUNT)
        if not rewards:
            raise ValueError("an update has at least one reward; got none")
        before = value["before"]
        return Updated(
            tuple(_number(r, "a reward") for r in rewards),
            None if before is None else _number(before, "the baseline"),
            _number(value["after"], "the baseline"),
            self.logits(value["logits"]),
        )

    def alone(self, value: Any) -> Alone:
        total = _whole(value["size"], "size", 1)
        return Alone(
            _whole(value["epochs"], "epochs", 1),
            _number(value["seconds"], "seconds", 0),
            self.images(value["images"], total, answered=True),
            total,
            _whole(value["right"], "right", 0, total),
        )

    def images(self, value: Any, most: int, answered: bool = False) -> Images:
        shape = tuple(_whole(n, "a side", 1, 4096) for n in _list(value["shape"], "shape", 3, 3))
        length = math.prod(shape)
        if shape[0] not in (1, 3) or length > MOST_PIXELS:
            raise ValueError(f"images have 1 or 3 channels of few pixels; got {shape}")
        pixels = []
        for text in _list(value["pixels"], "pixels", min(most, 100)):
            try:
                pixels.append(base64.b64decode(text, validate=True))
            except (ValueError, TypeError):
                raise ValueError(f"pixels are base64; got {shortened(text)}") from None
            if len(pixels[-1]) != length:
                raise ValueError(f"an image has {length} numbers; got {len(pixels[-1])}")
        n, classes = len(pixels), self.header.dataset.get("classes")
        top = len(classes) - 1 if isinstance(classes, list) and classes else MOST_COUNT
        labels, answers = value["labels"], value.get("answers", [])
        if not answered and answers:
            raise ValueError("images of training have no answers")
        return Images(
            shape,
            tuple(pixels),
            tuple(_whole(v, "a label", 0, top) for v in _list(labels, "labels", n, n)),
            tuple(
                _whole(v, "an answer", 0, top)
                for v in _list(answers, "answers", n, n if answered else 0)
            ),
        )


def _list(value: Any, what: str, most: int, least: int = 0) -> Sequence[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        count = str(most) if least == most else f"{least} to {most}"
        got = len(value) if isinstance(value, list) else shortened(value)
        raise ValueError(f"{what}: a list of {count} is expected; got {got}")
    return value


def _whole(value: Any, what: str, least: int, most: int = MOST_COUNT) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{what} is a whole number of {least} to {most}; got {shortened(value)}")
    return value


def _number(value: Any, what: str, least: float = -LARGEST) -> float:
    if type(value) not in (int, float) or not least <= value <= LARGEST:
        raise ValueError(f"{what} is a finite number; got {shortened(value)}")
    return value


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check_draws(step: Step, draws: Sequence[float], number: int) -> None:
    """Raises ValueError for draws that decide otherwise than a step did. Recorded logits are
    rounded, so a draw may lie beyond its option by SLACK."""
    for row, pick, u in zip(step.probabilities, step.picks, draws, strict=True):
        if step.decision.kind == "skip":  # yes below the probability of yes
            row, pick = row[::-1], 1 - pick
        low = sum(row[:pick])
        if not low - SLACK <= u <= low + row[pick] + SLACK:
            raise ValueError(
                f"a draw of step {number} decides otherwise than what was picked; got {u}"
            )
