"""The board: what a dashboard knows of one run, grown record by record and never very large.

A board takes in whatever a search yields and gives out JSON for `static/dashboard.js`: `facts`,
which stay, `snapshot`, all that is known, and `news`, what came since the last snapshot. Of a long
search it keeps every second, fourth, eighth... sample, so that a page stays quick; the samples
that were the best of their time stay.

Not here: who asks for records (`widgets.dashboard`), the drawing (`static/dashboard.js`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.facts.limits import reach_of_header
from enas_viz.records.trace import Episode, Epoch, Header, Result, Trace
from enas_viz.view import kinds
from enas_viz.view.curves import Baseline, Tally, entropy_of, tells_whole_entropy, trend
from enas_viz.view.given import has_finite_logits
from enas_viz.view.pack import UNIT, most_options, pack_logits, pack_picks, pick_digits
from enas_viz.view.scene import facts as facts_of
from enas_viz.view.scene import recorded_name, scene_of
from enas_viz.view.svg import skeleton

MOST = 1000  # samples that are shown at once
MOST_OPENED = 200  # samples that can be opened in a replay
DIGITS = 4  # of a logit: up to 84
POINT = ("n", "x", "accuracy", "baseline", "entropy", "shape", "picks")
MOMENT = ("n", "x", "accuracy", "picks", "logits", "facts")

Json = dict[str, Any]


@dataclass
class Thinned:
    """At most `most` rows of a stream: those that stay, and of the others every so many."""

    most: int
    every: int = 1
    seen: int = 0
    told: int = 0  # rows that the last snapshot held
    changed: bool = True  # it is no longer the beginning of what is known
    kept: list[tuple[int, bool, list[Any]]] = field(default_factory=list)

    def offer(self, make: Callable[[], list[Any]], stays: bool) -> None:
        """Takes in `make()` if it is to be kept."""
        if stays or self.seen % self.every == 0:
            self.kept.append((self.seen, stays, make()))
        self.seen += 1
        if len(self.kept) <= self.most:
            return
        self.every, self.changed = 2 * self.every, True
        self.kept = [row for row in self.kept if row[1] or row[0] % self.every == 0]
        if len(self.kept) > self.most:  # nearly all of them were to stay
            del self.kept[1:-1:2]

    def rows(self, start: int = 0) -> list[list[Any]]:
        return [row for _, _, row in self.kept[start:]]

    @property
    def renewed(self) -> bool:
        """Whether a snapshot is due."""
        return self.changed or len(self.kept) - self.told > self.most // 4


class Board:
    """One run on a dashboard. `add` takes in records; everything else only looks.

    name: how the dashboard calls the run. header: the first record of it.
    """

    def __init__(self, name: str, header: Header) -> None:
        self.name, self.header, self.space = name, header, header.space
        self.records: list[Episode | Epoch | Result] = []
        self.best: Episode | None = None
        self._points, self._moments = Thinned(MOST), Thinned(MOST_OPENED)
        self._epochs: list[Json] = []
        self._told_epochs = 0
        self._epoch, self._tally = -1, Tally(self.space, header.fidelity)
        self._baseline = Baseline(header)
        self._pick_digits = pick_digits(most_options(self.space))
        self._an_epoch = _whole(header.recipe, "controller", "updates") * _whole(
            header.recipe, "controller", "samples"
        )  # samples that an epoch takes of the policy; 0 as long as that is not known

    # ---- taking in

    def add(self, item: Episode | Epoch | Result) -> None:
        """Takes in one record of the run. TypeError for what is none."""
        if not isinstance(item, Episode | Epoch | Result):
            raise TypeError(
                f"the records of a run are its header, then episodes, epochs, a result; got "
                f"{shortened(item)}"
            )
        self.records.append(item)
        if isinstance(item, Epoch):
            self._add_epoch(item)
        elif isinstance(item, Episode) and item.is_scored:
            self._add_episode(item)

    def _add_episode(self, item: Episode) -> None:
        if item.epoch != self._epoch:
            self._start_epoch(item.epoch)
        self._tally.add(item)
        best = self.best is None or item.accuracy > self.best.accuracy
        if best:
            self.best = item
        baseline = self._baseline.of(item)
        self._points.offer(lambda: self._point(item, baseline), best)
        if item.steps and has_finite_logits(item):
            self._moments.offer(lambda: self._moment(item), best)

    def _point(self, item: Episode, baseline: float | None) -> list[Any]:
        told = (baseline, entropy_of(item), self._tally.last_shape)
        return [*self._where(item), *map(_rounded, told), self._picks(item)]

    def _moment(self, item: Episode) -> list[Any]:
        return [*self._where(item), self._picks(item), pack_logits(item, DIGITS), facts_of(item)]

    def _where(self, item: Episode) -> list[Any]:
        """Serial number, place in time in epochs, accuracy."""
        count = self._tally.count
        within = (count - 0.5) / max(self._an_epoch, count)
        return [item.n, round(item.epoch + within, 4), round(item.accuracy, 4)]

    def _picks(self, item: Episode) -> str:
        plan = self.space.steps(item.order)
        picks = (p for decision in plan for p in self.space.picks(item.architecture, decision))
        return pack_picks(picks, self._pick_digits)

    def _add_epoch(self, item: Epoch) -> None:
        if item.epoch != self._epoch:
            self._start_epoch(item.epoch)
        self._close_epoch(item)
        self._start_epoch(item.epoch + 1)

    def _close_epoch(self, item: Epoch) -> None:
        self._epochs.append(
            {
                "epoch": item.epoch,
                "loss": _rounded(item.loss),
                "lr": _rounded(item.lr, 6),
                "train": _rounded(item.train_accuracy),
                "valid": _rounded(item.valid_accuracy),
                **(_means(self._tally) if self._tally.count else _UNKNOWN),
            }
        )

    def _start_epoch(self, epoch: int) -> None:
        if self._tally.count and (not self._epochs or self._epochs[-1]["epoch"] < self._epoch):
            self._close_epoch(Epoch(self._epoch))  # one of which there is no record
        self._an_epoch = self._an_epoch or self._tally.count
        self._epoch, self._tally = epoch, Tally(self.space, self.header.fidelity)

    # ---- giving out

    @property
    def planned(self) -> int:
        """The number of epochs that the recipe asks for; 0 where the header does not say."""
        return _whole(self.header.recipe, "train", "epochs")

    def facts(self) -> Json:
        """What stays the same: the space's drawing, the recipe's aims and limits."""
        header, band, target = self.header, None, None
        policy = header.recipe.get("strategy", "enas") == "enas"
        if tells_whole_entropy(header):
            band = reach_of_header(header.recipe, header.fidelity, self.space, header.order)
        if policy and isinstance(controller := header.recipe.get("controller"), dict):
            target = kinds.of(self.space).wiring_target(controller)
        drawn = Episode(self.space.plain(), order=header.order, header=header)
        return {
            "name": self.name,
            "about": _about(header, self.name),
            "kind": self.space.kind,
            "epochs": self.planned,
            "places": list(self.space.places),
            "ops": list(self.space.ops),
            "policy": policy,
            "band": [band.entropy_low, band.entropy_high] if band else None,
            "target": _rounded(target),
            "scene": skeleton(scene_of(drawn)),
            "digits": DIGITS,
            "unit": UNIT,
            "pickDigits": self._pick_digits,
            "final": header.recipe.get("strategy") == "final",
        }

    def snapshot(self) -> Json:
        """All that is known; `news` then tells what came later."""
        for rows in (self._points, self._moments):
            rows.told, rows.changed = len(rows.kept), False
        self._told_epochs = len(self._epochs)
        return {
            "points": _columns(POINT, self._points.rows()),
            "moments": _columns(MOMENT, self._moments.rows()),
            "epochs": list(self._epochs),
        }

    @property
    def renewed(self) -> bool:
        """Whether a snapshot is due: what the last one told is thinned out, or far behind."""
        return self._points.renewed or self._moments.renewed

    def news(self) -> Json:
        """What came after the last snapshot, and the shares of the epoch under way."""
        now = {"epoch": self._epoch, **_means(self._tally)} if self._tally.count else None
        return {
            "after": [self._points.told, self._moments.told, self._told_epochs],
            "points": _columns(POINT, self._points.rows(self._points.told)),
            "moments": _columns(MOMENT, self._moments.rows(self._moments.told)),
            "epochs": self._epochs[self._told_epochs :],
            "now": now,
            "samples": self._points.seen,
            "summary": self._summary(),
            "result": self._result(),
        }

    def _summary(self) -> str:
        """The curves in words, for those who do not see them."""
        epochs = [e["epoch"] for e in self._epochs]
        final = self.header.recipe.get("strategy") == "final"
        curves = (
            ("Accuracy on training images" if final else "Mean reward", "train", "{:.1%}"),
            ("Entropy in nats", "entropy", "{:.1f}"),
            ("Training loss", "loss", "{:.2f}"),
        )
        told = [
            trend(
                what,
                epochs,
                [e[name if final or name != "train" else "reward"] for e in self._epochs],
                form,
            )
            for what, name, form in curves
        ]
        best = [f"Best sample: {self.best.accuracy:.1%}."] if self.best else []
        return " ".join(filter(None, [*told, *best]))

    def _result(self) -> str:
        """The test figure of a final training, once it is there."""
        found = next((r for r in self.records[-1:] if isinstance(r, Result)), None)
        return f"test accuracy {found.accuracy:.1%}, measured once" if found else ""

    def trace(self) -> Trace:
        """What has been recorded so far."""
        return Trace(self.header, tuple(self.records))

    def episode(self, n: int) -> Episode:
        """The sample with serial number `n`. ValueError when there is none."""
        for item in self.records:
            if isinstance(item, Episode) and item.n == n:
                return item
        raise ValueError(f"the run {self.name!r} has no episode number {n}")


def _columns(names: tuple[str, ...], rows: list[list[Any]]) -> Json:
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _means(tally: Tally) -> Json:
    """What the samples of an epoch are like; shares: per cent of each operation, place by place."""
    return {
        "reward": _rounded(tally.reward),
        "entropy": _rounded(tally.entropy),
        "shape": _rounded(tally.shape),
        "shares": [round(100 * share) for shares in tally.shares for share in shares],
    }


_UNKNOWN: Json = {"reward": None, "entropy": None, "shape": None, "shares": []}


def _whole(recipe: Json, part: str, name: str) -> int:
    """A count that a recorded recipe tells; 0 where it tells none, or nonsense."""
    found = recipe.get(part)
    value = found.get(name) if isinstance(found, dict) else None
    return value if type(value) is int and 0 < value <= 10**9 else 0


def _about(header: Header, called: str) -> str:
    """Recipe, seed and data in a line; the recipe only if the run has another name."""
    told = [name] if (name := recorded_name(header.recipe)) != called else []
    told += [f"seed {header.seed}"] if type(header.seed) is int else []
    told += [data] if isinstance(data := header.dataset.get("name"), str) else []
    return " · ".join(filter(None, told))


def _rounded(value: Any, digits: int = 4) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), digits)
