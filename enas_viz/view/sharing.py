"""Sharing: what is shown and said of a search's shared weights, moment by moment.

A moment is the end of an epoch: how many minibatches there were until then, which paths of the
supernet they took, and which networks the policy had sampled. `Sharing` reads them from a trace;
the browser gets them as JSON and composes the same sentences from `WORDS`.

Not here: counting (`inheritance`), the drawings (`macro_sharing`, `micro_sharing`), motion
(`static/shared_weights.js`).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from reprlib import repr as shortened  # what is refused may be endless
from types import ModuleType
from typing import Any

from enas_viz.recipes import recorded_fidelity
from enas_viz.records.trace import Episode, Trace
from enas_viz.records.training_counts import Trained, inheritance, paths, size
from enas_viz.spaces import Architecture, Space
from enas_viz.view import kinds
from enas_viz.view.pack import most_options, pack_picks, pick_digits
from enas_viz.view.scene import recorded_name
from enas_viz.view.shapes import standalone, svg, wrap
from enas_viz.view.sharing_svg import State

MOST = 120  # moments; of a longer search every second, third, ... epoch is one
DRAWN = 6  # samples of an epoch that can be lit
EDGE = 20  # white margin of a still
LEAST = 620  # width of a still, for its sentences

Json = dict[str, Any]

WORDS = {
    "fresh": "Before training: all weights are new.",
    "headline": "After epoch {epoch} of {epochs}: {about}{minibatches} minibatches, each on a "
    "network sampled for it.",
    "different": " At most {different} different ones, of the {size} that there are.",
    "of": " There are {size} to draw from.",
    "estimated": "An estimate: this trace did not record what was trained. Each epoch's "
    "{steps} minibatches are shared out as the samples are that it recorded.",
    "partly": "Partly an estimate: some epochs of this trace did not record what was trained.",
    "slip": "With the released program's slip the last operation runs and is trained, whatever was "
    "sampled.",
    "best": "the best sample so far (epoch {epoch}, {accuracy} of its validation images right)",
    "sample": "a sample of epoch {epoch} ({accuracy} of its validation images right)",
    "own": "a network of your own choice",
    "inherits": "Lit: {who}. Its {n} {things} were trained by {about}{mean} minibatches "
    "each on average, the least of them by {least}: {place}.",
    "nothing": "Lit: {who}. None of its operations has weights.",
    "untrained": "Lit: {who}. None of its operations was trained: their weights are new.",
    "price": "To train each of the {samples} networks sampled so far as often on its own would "
    "take {alone} minibatches, not {minibatches}.",
    "add": "arcs: how often each skip was on; adding takes no weights, so nothing of it is "
    "inherited",
    "concat": "arcs: how often each skip was on, and so its part of the 1×1 convolution trained",
    "input": "arcs: how often a layer read that tensor; where it read several, their parts of "
    "the 1×1 convolution were trained",
    "thread": "the thicker a thread, the more minibatches trained that operation of that layer",
    "spot": "the larger a spot, the more minibatches trained that operation on that node",
    "bare": "hollow: nothing to train, as pooling and identity have no weights",
    "lit": "the highlighted network",
    "read": "{what}: trained by {about}{n} of {minibatches} minibatches ({share} %), each on a "
    "network sampled for it. All networks that use it inherit that.",
    "never": "{what}: not trained yet; a network that uses it gets new weights.",
    "empty": "{what}: chosen by {about}{n} of {minibatches} minibatches. It has no weights.",
    "how": "Point at an operation to read how often it was trained; click it to build a network of "
    "your own that uses it.",
    "layer": "{op} of layer {layer}",
    "node": "{op} of node {source} in {cell} node {node}",
}


@dataclass(frozen=True)
class Moment:
    """The state at the end of an epoch (counted from 1; 0: before the first).

    now: minibatches until then; counts: of them, by path. different: an upper bound of how many
    architectures they had, None if unknown. samples: networks that the policy was asked for until
    then; best: of these, None if there is none; drawn: some of the epoch's own.
    """

    epoch: int
    now: float
    counts: tuple[float, ...]
    different: int | None
    samples: int
    best: Episode | None
    drawn: tuple[Episode, ...]


class Sharing:
    """The shared weights of a recorded search. Raises ValueError as `inheritance` does."""

    def __init__(self, trace: Trace) -> None:
        self.header, self.space = trace.header, trace.space
        self._trained = inheritance(trace)
        self.exact = all(epoch.exact for epoch in self._trained)
        self.estimated = not any(epoch.exact for epoch in self._trained)
        self._episodes = [e for e in trace.episodes if e.is_scored]
        fidelity = recorded_fidelity(trace.header.fidelity)
        self.merge = fidelity.skip_merge_search
        self.slips = fidelity.macro_dispatch == "last_branch"
        self.bare = bare(self.space, fidelity.micro_reduction_search == "stride2")

    # ---- moments

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """From before the first epoch to the end of the last."""
        by_epoch: dict[int, list[Episode]] = {}
        for episode in self._episodes:
            by_epoch.setdefault(episode.epoch, []).append(episode)
        every = -(-len(self._trained) // MOST)
        now, different, samples, best = 0, 0, 0, None
        counts = [0.0] * size(self.space)
        found = [Moment(0, 0, tuple(counts), 0, 0, None, ())]
        for k, epoch in enumerate(self._trained, start=1):
            now += epoch.minibatches
            different = _sum(different, epoch)
            counts = [a + b for a, b in zip(counts, epoch.counts, strict=True)]
            own = by_epoch.get(epoch.epoch, [])
            samples += len(own)
            best = max([*([best] if best else []), *own], key=lambda e: e.accuracy, default=None)
            if k % every == 0 or k == len(self._trained):
                drawn = own[:: -(-len(own) // DRAWN)] if own else []
                told = tuple(round(n, 1) for n in counts)  # as the browser gets them
                made = (epoch.epoch + 1, now, told, different, samples, best, tuple(drawn))
                found.append(Moment(*made))
        return tuple(found)

    @property
    def last(self) -> Moment:
        return self.moments[-1]

    def index(self, epoch: int | None) -> int:
        """The number of the moment after so many epochs; None: the last.

        Raises ValueError for another number than 0 to the last epoch's.
        """
        if epoch is None:
            return len(self.moments) - 1
        if type(epoch) is not int or not 0 <= epoch <= self.last.epoch:
            raise ValueError(
                f"at is a number of epochs, from 0 (fresh weights) to {self.last.epoch}; got "
                f"{shortened(epoch)}"
            )
        return max(k for k, moment in enumerate(self.moments) if moment.epoch <= epoch)

    @cached_property
    def most(self) -> float:
        """How often the path that is trained most was trained in the end."""
        operations = self.last.counts[: self._drawn.operations(self.space)]
        return max(operations, default=0) or 1

    @property
    def _drawn(self) -> ModuleType:
        """How weights of this kind of space are drawn."""
        return kinds.of(self.space).sharing

    def digits(self, architecture: Architecture) -> str:
        """An architecture in few characters: its content, number by number."""
        flat = itertools.chain.from_iterable(architecture.space.rows(architecture))
        return pack_picks(flat, pick_digits(most_options(self.space)))

    def architecture(self, digits: str) -> Architecture:
        """The architecture of such digits. ValueError when they are none of this space."""
        width, space = pick_digits(most_options(self.space)), self.space
        flat = [int(digits[i : i + width], 36) for i in range(0, len(digits), width)]
        return space.from_rows(flat)

    def shown(self, at: int, digits: str = "") -> tuple[Architecture | None, str]:
        """The network that is lit at a moment, and what it is called. digits: that of one's own."""
        if not digits:
            first = next((m.best for m in self.moments if m.best), None)
            best = self.moments[at].best or first  # before there is any, the first that comes
            words = WORDS["best" if self.moments[at].best else "sample"]
            return (best.architecture, _called(words, best)) if best else (None, "")
        sampled = (
            e for m in self.moments for e in m.drawn if self.digits(e.architecture) == digits
        )
        if found := next(sampled, None):
            return found.architecture, _called(WORDS["sample"], found)
        return self.architecture(digits), WORDS["own"]

    # ---- for the browser

    def picture(self) -> Json:
        """What stays: the drawing, and the words."""
        space = self.space
        parts, width, height = picture(
            space, merge=self.merge, named=self._named, without=self.bare
        )
        return {
            "name": recorded_name(self.header.recipe),
            "kind": space.kind,
            "svg": svg(parts, width, height),
            "ops": [{"op": op, "label": op.label, "name": op.title} for op in space.ops],
            **self._drawn.facts(space, self.merge),
            "bare": sorted(self.bare),
            "end": self.last.now,
            "most": self.most,
            "epochs": self.last.epoch,
            "exact": self.exact,
            "note": self.note,
            "slips": self.slips,
            "size": size_in_words(space.size),
            "digits": pick_digits(most_options(space)),
            "signs": [text for _, text in self._signs()],
            "words": WORDS,
        }

    def told(self) -> list[Json]:
        """The moments, each by what it adds to the one before."""
        found, before = [], self.moments[0]
        for moment in self.moments:
            pairs = zip(moment.counts, before.counts, strict=True)
            added = [round(a - b, 1) for a, b in pairs]
            found.append(
                {
                    "epoch": moment.epoch,
                    "now": moment.now,
                    "added": [int(n) if n == int(n) else n for n in added],
                    "different": moment.different,
                    "samples": moment.samples,
                    "best": self._sampled(moment.best) if moment.best else None,
                    "drawn": [self._sampled(episode) for episode in moment.drawn],
                }
            )
            before = moment
        return found

    def _sampled(self, episode: Episode) -> list[Any]:
        return [self.digits(episode.architecture), round(episode.accuracy, 4), episode.epoch + 1]

    # ---- in words

    @property
    def note(self) -> str:
        """What a reader has to know about the numbers, if anything."""
        told = [WORDS["slip"]] if self.slips else []
        if self.estimated:
            told.append(WORDS["estimated"].format(steps=f"{self._trained[0].minibatches:,}"))
        elif not self.exact:
            told.append(WORDS["partly"])
        return " ".join(told)

    def headline(self, at: int) -> str:
        moment = self.moments[at]
        if not moment.now:
            return WORDS["fresh"]
        told = WORDS["headline"].format(
            epoch=moment.epoch, epochs=self.last.epoch, minibatches=f"{moment.now:,}", about=""
        )
        space = size_in_words(self.space.size)
        if moment.different is None:
            return told + WORDS["of"].format(size=space)
        return told + WORDS["different"].format(different=f"{moment.different:,}", size=space)

    def sentences(self, at: int, architecture: Architecture, who: str) -> list[str]:
        """What the lit network inherits at a moment, and what that would cost without sharing."""
        moment = self.moments[at]
        operations = self._drawn.operations(self.space)
        own = [p for p in paths(architecture, self.merge) if p < operations]
        trained = [(moment.counts[p], k) for k, p in enumerate(own) if p not in self.bare]
        if not trained:
            return [WORDS["nothing"].format(who=who)]
        mean = sum(n for n, _ in trained) / len(trained)
        if not mean:
            return [WORDS["untrained"].format(who=who)]
        least, where = min(trained)
        about = "" if self.exact else "about "
        told = WORDS["inherits"].format(
            who=who,
            n=len(trained),
            things=self._drawn.THINGS,
            about=about,
            mean=_whole(mean),
            least=_whole(least),
            place=self.places(architecture)[where],
        )
        if not moment.samples:
            return [told]
        alone = _whole(moment.samples * mean)
        numbers = {"samples": f"{moment.samples:,}", "minibatches": f"{moment.now:,}"}
        return [told, WORDS["price"].format(alone=about + alone, **numbers)]

    def inherited(self, at: int, architecture: Architecture) -> dict[str, float]:
        """How many minibatches trained each operation of an architecture that has weights."""
        counts, taken = self.moments[at].counts, paths(architecture, self.merge)
        named = zip(self.places(architecture), taken, strict=False)  # skips come after operations
        return {name: counts[path] for name, path in named if path not in self.bare}

    def places(self, architecture: Architecture) -> list[str]:
        """What each operation of an architecture is called, in the order of its paths."""
        words = WORDS[self.space.unit]
        return [words.format(**place) for place in self._drawn.places(architecture, self.merge)]

    # ---- stills

    def still(self, at: int, architecture: Architecture | None, who: str, hint: str = "") -> str:
        """A picture that stands alone."""
        moment = self.moments[at]
        lit = frozenset(paths(architecture, self.merge)) if architecture else frozenset()
        state = State(moment.now, self.last.now, moment.counts, lit, self.most)
        parts, width, height = picture(
            self.space, state, merge=self.merge, named=self._named, without=self.bare
        )
        wide = max(width, LEAST)
        lines = [("body", line) for line in wrap(self.headline(at), wide, 13.5)]
        lines += [("hint", line) for line in wrap(self.note, wide, 12) if line]
        told = [
            line for text in self._said(at, architecture, who) for line in wrap(text, wide, 13.5)
        ]
        y = EDGE
        drawn = []
        for kind, line in lines:
            drawn.append(_text(kind, line, y + 14))
            y += 20
        dx = EDGE + (wide - width) / 2
        drawn.append(f'<g transform="translate({dx:g} {y + 8:g})">{"".join(parts)}</g>')
        y += height + 20
        for line in told:
            drawn.append(_text("body", line, y + 14))
            y += 20
        for mark, text in self._signs():
            drawn.append(f'<g transform="translate({EDGE + 9} {y + 12:g})">{mark}</g>')
            drawn.append(_text("small", text, y + 16, EDGE + 26))
            y += 20
        if hint:
            drawn.append(_text("hint", hint, y + 18))
            y += 22
        caption = " ".join([self.headline(at), *self._said(at, architecture, who)])
        return standalone("".join(drawn), wide + 2 * EDGE, y + EDGE, caption, also="shared_weights")

    def _said(self, at: int, architecture: Architecture | None, who: str) -> list[str]:
        return self.sentences(at, architecture, who) if architecture else []

    def _signs(self) -> list[tuple[str, str]]:
        """For the legend: a mark at (0, 0), and what it means."""
        lit = ('<path class="drop" d="M-9 0H9"/>', "lit")
        return [
            (mark, WORDS[key]) for mark, key in (*self._drawn.signs(self.space, self.merge), lit)
        ]

    @cached_property
    def _named(self) -> dict[str, tuple[str, ...]]:
        """What the two inputs of each cell are called."""
        return self._drawn.input_names(self.space, self.header)


def picture(
    space: Space,
    state: State | None = None,
    *,
    merge: str = "add",
    named: Mapping[str, tuple[str, ...]] | None = None,
    without: Collection[int] = (),
) -> tuple[list[str], float, float]:
    """(parts, width, height) of a supernet with every path. Without a state nothing is trained and
    nothing lit.

    merge: how skips join. named: of every cell, what its two inputs are called. without: the paths
    that have no weights.
    """
    shown = state or State(0, 0, [0.0] * size(space))
    return kinds.of(space).sharing.picture(space, shown, merge, named or {}, without)


def bare(space: Space, stride2: bool = False) -> set[int]:
    """The paths that have no weights, so nothing of them is trained; stride2: whether a reduction
    cell halves its inputs itself."""
    return kinds.of(space).sharing.bare(space, stride2)


def _called(words: str, episode: Episode) -> str:
    return words.format(epoch=episode.epoch + 1, accuracy=f"{episode.accuracy:.1%}")


def size_in_words(n: int) -> str:
    """A number of networks: exact up to a trillion, then its power of ten."""
    if n < 10**12:
        return f"{n:,}"
    power = len(str(n)) - 1
    raised = "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(d)] for d in str(power))
    return f"{n / 10**power:.1f} × 10{raised}"


def _sum(before: int | None, epoch: Trained) -> int | None:
    return None if before is None or epoch.different is None else before + epoch.different


def _whole(n: float) -> str:
    """A count as it is told; an exact half is rounded up, here and in the browser."""
    return f"{int(n + 0.5 + 1e-9):,}"


def _text(kind: str, line: str, y: float, x: float = EDGE) -> str:
    return f'<text class="{kind} start" x="{x:g}" y="{y:g}">{escape(line)}</text>'
