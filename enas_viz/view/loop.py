"""The loop of ENAS as one picture: the controller above, the supernet in the middle with all its
paths, images at the left, the reward at the right; and what moves at each stage of a turn.

`Picture` composes the drawing once; `rest` is its state before a turn, `acts` are the motions of
the turn's stages, each of which ends in the state that the next one begins with. Every number in it
is one of the recording.

Not here: what a turn holds (`turns`), the nets (`loop_nets`), playing (`static/loop.js`).
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from functools import cached_property
from html import escape
from typing import Any

from enas_viz.facts.estimates import tell_time
from enas_viz.recipes import recorded_fidelity
from enas_viz.records.trace import Step
from enas_viz.records.turns import Alone, Images, Recording, Rewarded, Turn
from enas_viz.spaces import Decision
from enas_viz.view import kinds
from enas_viz.view.loop_nets import THICK, THIN
from enas_viz.view.motion import Act, Film, Score, State, along, rest_json, shared, state_at
from enas_viz.view.shapes import icon, standalone

WIDTH, HEIGHT = 1280, 720
EDGE = 24
PANEL_TOP, SLOT_TOP, SLOT_H, ROWS_TOP, ROW, PANEL_END = 56, 84, 34, 126, 17.5, 256
LINE_Y, LINE_H, LINE_LEFT, LINE_RIGHT = 284, 24, 190, 1090
TILE, SMALL = 40, 0.75  # pixels of an image, and its size while it runs
GRID_X, GRID_Y, PITCH = 66, 372, 46  # of the images at the left: middle of the first
ANSWER_X, ANSWER_W = 1050, 76  # of the validation images at the right
GAUGE_X, GAUGE_W, GAUGE_TOP, GAUGE_H = 1206, 24, 344, 214
SAY_Y = 648
GREW, SHRANK = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
STAGES = ("Sample", "Train a minibatch", "Reward", "Update")
PILLS = ((92, 128), (232, 216), (460, 128), (600, 128))  # left edge and width of each stage's name
PILL_Y, PILL_H = 664, 40

PAUSE = 700  # milliseconds between two stages of a film
MOST_STEPS = 20  # decisions that have room side by side
MOST_OPTIONS = 6  # and options of one


class Picture:
    """The drawing of a recording. Raises ValueError for a space that is too large for it.

    counts, baseline: how often each path was trained and what the baseline is where a turn that has
    not come so far does not say; of a live loop.
    """

    def __init__(
        self, recording: Recording, counts: tuple[int, ...] = (), baseline: float | None = None
    ) -> None:
        self.recording, self.counts_now, self.baseline_now = recording, counts, baseline
        header = recording.header
        self.space, self.fidelity = header.space, recorded_fidelity(header.fidelity)
        self.plan = [d for d in self.space.steps(header.order) if d.kind != "silent"]
        self.kept = [k for k, d in enumerate(self.space.steps(header.order)) if d.kind != "silent"]
        rows = max(d.rows if d.kind == "skip" else d.options for d in self.plan)
        if len(self.plan) > MOST_STEPS or rows > MOST_OPTIONS:
            raise ValueError(
                f"a loop has room for {MOST_STEPS} decisions of {MOST_OPTIONS} options; this "
                f"{self.space.kind} space has {len(self.plan)}, of up to {rows}. Take a smaller "
                f"one: search.loop_recipe({self.space.kind!r}, turns) has room"
            )
        told = [t.trained.counts for t in recording.turns if t.trained]
        most = told[-1] if told else tuple(2 * n for n in counts)
        self.kind = kinds.of(self.space)
        self.net = self.kind.net(self.space, self.fidelity, max(64, *most))
        self.column = (WIDTH - 2 * EDGE - 16) / len(self.plan)
        self.named = self.column > 120  # whether there is room for names beside the bars

    # ---------------------------------------------------------------- the drawing

    @cached_property
    def markup(self) -> str:
        """Everything, with nothing decided; shapes that move have a `data-key`."""
        return "".join(
            [
                '<g class="loop-pic">',
                *self._heading(),
                *self._controller(),
                *self._ways(),
                '<g class="net">',
                *self.net.parts,
                "</g>",
                *self._line(),
                *self._gauge(),
                *self._images(),
                *self._words(),
                "</g>",
            ]
        )

    def svg(self, state: State) -> str:
        """A complete picture in a state."""
        return self._film.svg(state)

    @cached_property
    def _film(self) -> Film:
        return Film(standalone(self.markup, WIDTH, HEIGHT, self.about, "loop"))

    @property
    def keys(self) -> set[str]:
        return self._film.keys

    @property
    def about(self) -> str:
        """What the picture shows, in a sentence."""
        return (
            f"The loop of ENAS: a controller samples a child of a supernet of "
            f"{self.kind.paths_in}, a minibatch trains the child's path, validation images reward "
            f"it, and the reward updates the controller."
        )

    def _heading(self) -> list[str]:
        name = self.recording.header.dataset.get("name", "")
        data = {"digits": "handwritten digits"}.get(name, str(name)[:24] or "images")
        x0, x1 = 660, 1000
        rail = ""
        if self.recording.planned:
            rail = f'<path class="rule wide" d="M{x0} 36H{x1}"/>' + "".join(
                f'<path class="notch" d="M{self._place(t.number, x0, x1):g} 30v12"/>'
                for t in self.recording.turns
            )
        return [
            f'<text class="head start" x="{EDGE}" y="40">The loop of ENAS</text>'
            f'<text class="words start quiet" x="262" y="40">{self.space.kind} search on '
            f"{escape(data)}</text>{rail}"
            f'<g data-key="place"><circle class="now-spot" r="{7 if rail else 0}"/></g>'
            f'<text class="words end" data-key="turn" x="{WIDTH - EDGE}" y="40"/>'
        ]

    def _place(self, number: int, x0: float = 660, x1: float = 1000) -> float:
        return x0 + (x1 - x0) * (number - 1) / max(1, self.recording.planned - 1)

    # ---- the controller

    def _left(self, s: int) -> float:
        return EDGE + 8 + self.column * s

    def _slot(self, s: int) -> tuple[float, float]:
        """The middle of a step's slot."""
        return self._left(s) + self.column / 2, SLOT_TOP + SLOT_H / 2

    def _track(self) -> tuple[float, float]:
        """Where bars begin in a column, and how long the longest is."""
        start = 88 if self.named else 24
        return start, self.column - start - 10

    def _controller(self) -> list[str]:
        parts = [
            f'<rect class="panel" x="{EDGE}" y="{PANEL_TOP}" width="{WIDTH - 2 * EDGE}" '
            f'height="{PANEL_END - PANEL_TOP}" rx="12"/>'
        ]
        groups: dict[str, list[int]] = {}
        for s, d in enumerate(self.plan):
            groups.setdefault(self.kind.group(d), []).append(s)
        for name, members in groups.items():
            x0, x1 = self._left(members[0]), self._left(members[-1]) + self.column
            parts.append(
                f'<text class="label" x="{(x0 + x1) / 2:g}" y="{PANEL_TOP + 20}">{name}</text>'
            )
            if members[0]:
                parts.append(f'<path class="rule" d="M{x0:g} {PANEL_TOP + 10}V{PANEL_END - 12}"/>')
        for s, d in enumerate(self.plan):
            parts += self._decision(s, d)
        return parts

    def _decision(self, s: int, d: Decision) -> list[str]:
        x, (mid, y) = self._left(s), self._slot(s)
        gap = 9 if self.named else 6  # beside a slot
        w = self.column - 2 * gap
        parts = [
            f'<rect class="halo step" data-key="now{s}" x="{x + 2:g}" y="{SLOT_TOP - 5}" '
            f'width="{self.column - 4:g}" height="{PANEL_END - SLOT_TOP - 1}" rx="8" opacity="0"/>'
        ]
        if s:
            parts.append(
                f'<path class="line" d="M{x - gap:g} {y:g}H{x + gap - 4:g}"/>'
                f'<path class="tip" d="M{x + gap:g} {y:g}l-6 -4v8z"/>'
            )
        parts.append(
            f'<rect class="slot" x="{x + gap:g}" y="{SLOT_TOP}" width="{w:g}" height="{SLOT_H}" '
            f'rx="7"/><text class="label quiet" data-key="ask{s}" x="{mid:g}" y="{y + 5.5:g}">'
            f"{self._asked(d)}</text>"
            f'<g data-key="tok{s}" opacity="0"><rect class="token" x="{x + gap:g}" y="{SLOT_TOP}" '
            f'width="{w:g}" height="{SLOT_H}" rx="7"/><text class="label{" strong" * self.named}" '
            f'data-key="tokt{s}" x="{mid:g}" y="{y + 5.5:g}"/></g>'
        )
        start, long = self._track()
        for i, (label, op) in enumerate(self._options(d)):
            top = ROWS_TOP + ROW * i
            parts.append(
                f'<rect class="wash" data-key="w{s}.{i}" x="{x + 5:g}" y="{top:g}" '
                f'width="{self.column - 10:g}" height="{ROW:g}" rx="4" opacity="0"/>'
            )
            if op and not self.named:
                parts.append(
                    f'<g class="op-{op}" transform="translate({x + 14:g} {top + ROW / 2:g}) '
                    f'scale(0.72)"><path class="enas-icon" d="{icon(op)}"/></g>'
                )
            else:
                anchor, at = ("end", start - 8) if self.named else ("", 14)
                parts.append(
                    f'<text class="label {anchor}" x="{x + at:g}" y="{top + 13.8:g}">{label}</text>'
                )
            bar = f'x="{x + start:g}" y="{top + 4:g}" height="{ROW - 8:g}" rx="2"'
            tone = f" op-{op}" if op else " grey"
            parts.append(
                f'<rect class="track" {bar} width="{long:g}"/>'
                f'<rect class="bar{tone}" data-key="b{s}.{i}" {bar} width="0"/>'
                f'<rect class="was" data-key="z{s}.{i}" {bar} width="0" opacity="0"/>'
            )
        parts.append(
            f'<text class="label strong" data-key="p{s}" x="{mid:g}" y="{PANEL_END - 9}"/>'
        )
        return parts

    def _asked(self, d: Decision) -> str:
        if d.kind == "op":
            return "operation" if self.named else f"op {d.side + 1}"
        if d.kind == "skip":
            return "skips from" if self.named else "skips"
        return f"input {d.side + 1}"

    def _options(self, d: Decision) -> list[tuple[str, str]]:
        """What a step chooses from: (label, operation or "")."""
        if d.kind == "op":
            return [(op.label, op) for op in self.space.ops]
        if d.kind == "index":
            return [(str(i + 1), "") for i in range(d.options)]
        return [(self._source(i), "") for i in range(d.rows)]

    def _source(self, bit: int) -> str:
        """What a skip bit selects."""
        if self.space.wiring == "layer":
            return f"layer {bit + 1}" if self.named else str(bit + 1)
        return "stem" if bit == 0 else f"layer {bit}"

    # ---- what is around the net

    def _ways(self) -> list[str]:
        """The loop itself: down from the controller, through the net, up from the gauge."""
        down, up, low = 89, GAUGE_X + GAUGE_W / 2, GAUGE_TOP - 14
        return [
            f'<path class="rule way" d="M{down} {PANEL_END + 4}V{GRID_Y - 80}"/>'
            f'<path class="rule way tip" d="M{down} {GRID_Y - 66}l-8 -14h16z"/>'
            f'<path class="rule way" d="M{up} {low}V{PANEL_END + 14}"/>'
            f'<path class="rule way tip" d="M{up} {PANEL_END + 4}l-8 14h16z"/>'
        ]

    def _line(self) -> list[str]:
        """The line on which draws fall: segments, needles, and the token that comes of them."""
        parts = ['<g data-key="line" opacity="0">']
        for i in range(MOST_OPTIONS):
            parts.append(
                f'<g data-key="gc{i}" class="seg grey"><rect data-key="g{i}" y="{LINE_Y}" '
                f'height="{LINE_H}" x="0" width="0"/><text class="label" data-key="gt{i}" x="0" '
                f'y="{LINE_Y + 17.5}"/></g>'
            )
        for i in range(MOST_OPTIONS // 2):
            parts.append(
                f'<g data-key="n{i}" opacity="0"><path class="now-needle" d="M0 -2V{LINE_H + 6}"/>'
                f'<path class="now-needle head" d="M0 4l-7 -13h14z"/></g>'
            )
        parts.append("</g>")
        return parts

    def _images(self) -> list[str]:
        outline = (
            f'<rect class="slot" x="{{x:g}}" y="{{y:g}}" width="{TILE}" height="{TILE}" rx="3"/>'
        )
        parts = [
            outline.format(x=x - TILE / 2, y=y - TILE / 2)
            for place in (self._batch_place, self._answer_place)
            for x, y in map(place, range(10))
        ]
        parts += [
            f'<text class="words" data-key="batch" x="{EDGE + 65}" y="{GRID_Y - 32}" opacity="0"/>'
            f'<text class="words" data-key="loss" x="{EDGE + 65}" y="{GRID_Y + 242}" opacity="0"/>'
        ]
        tile = (
            f'x="{-TILE / 2:g}" y="{-TILE / 2:g}" width="{TILE}" height="{TILE}" '
            f'preserveAspectRatio="none"'
        )
        for name, count in (("m", 8), ("v", 10)):
            for i in range(count):
                parts.append(
                    f'<g data-key="{name}{i}" opacity="0"><image class="pixels" '
                    f'data-key="{name}i{i}" {tile} image-rendering="optimizeSpeed"/>'
                    f'<rect class="border" {tile}/></g>'
                )
        for i in range(10):
            x, y = self._answer_place(i)
            parts.append(
                f'<g data-key="ok{i}" opacity="0"><circle class="right" cx="{x + 34:g}" '
                f'cy="{y:g}" r="9.5"/><path class="check" d="M{x + 29.5:g} {y:g}l3.4 3.6 5.8 -7"/>'
                f'</g><g data-key="no{i}" opacity="0"><circle class="wrong" cx="{x + 34:g}" '
                f'cy="{y - 9:g}" r="9.5"/><path class="check" d="M{x + 30.4:g} {y - 12.6:g}l7.2 7.2'
                f'm0 -7.2l-7.2 7.2"/><text class="label" data-key="as{i}" x="{x + 34:g}" '
                f'y="{y + 17:g}"/></g>'
            )
        parts.append(
            '<g data-key="pulse" opacity="0"><circle class="now-spot" r="9"/></g>'
            '<g data-key="fly" opacity="0"><rect class="token" x="-46" y="-16" width="92" '
            'height="32" rx="7"/><text class="label strong" data-key="flyt" y="5.5"/></g>'
            '<g data-key="adv" opacity="0"><rect class="now-pill" x="-48" y="-18" width="96" '
            'height="36" rx="18"/><text class="words pale" data-key="advt" y="7"/></g>'
        )
        return parts

    def _answer_place(self, i: int) -> tuple[float, float]:
        return ANSWER_X + ANSWER_W * (i % 2), GRID_Y + PITCH * (i // 2)

    def _batch_place(self, i: int) -> tuple[float, float]:
        return GRID_X + PITCH * (i % 2), GRID_Y + PITCH * (i // 2)

    def _gauge(self) -> list[str]:
        x, top, h = GAUGE_X, GAUGE_TOP, GAUGE_H
        parts = [
            f'<rect class="tube" x="{x}" y="{top}" width="{GAUGE_W}" height="{h}" rx="8"/>'
            f'<rect class="fill" data-key="fill" x="{x + 3}" y="{top + h}" '
            f'width="{GAUGE_W - 6}" height="0" rx="5"/>'
        ]
        for share in (0, 0.5, 1):
            y = self._level(share)
            parts.append(
                f'<path class="rule" d="M{x + GAUGE_W} {y:g}h5"/><text class="label start" '
                f'x="{x + GAUGE_W + 7}" y="{y + 5.5:g}">{share:g}</text>'
            )
        parts.append(
            f'<g data-key="base" opacity="0"><path class="base" d="M-7 0h{GAUGE_W + 14}"/>'
            f'<path class="base tip" d="M-3 0l-9 -6v12z"/></g>'
            f'<text class="words end" data-key="acc" x="{WIDTH - EDGE}" y="{top + h + 41}"/>'
            f'<text class="words end quiet" data-key="baset" x="{WIDTH - EDGE}" '
            f'y="{top + h + 66}"/>'
        )
        return parts

    def _level(self, share: float) -> float:
        return GAUGE_TOP + GAUGE_H - 3 - (GAUGE_H - 6) * min(1.0, max(0.0, share))

    def _words(self) -> list[str]:
        parts = [
            f'<text class="words" data-key="say" x="{WIDTH / 2:g}" y="{SAY_Y}"/>'
            f'<text class="words start" data-key="clock" x="{LINE_LEFT - 20}" y="{LINE_Y}"/>'
            f'<text class="words start quiet" data-key="rule" x="{LINE_LEFT - 20}" '
            f'y="{LINE_Y + 26}"/><g class="laps">'
        ]
        for k, ((x, w), name) in enumerate(zip(PILLS, STAGES, strict=True)):
            parts.append(
                f'<g data-key="st{k}" class="lap"><rect class="fixed" x="{x}" y="{PILL_Y}" '
                f'width="{w}" height="{PILL_H}" rx="20"/><text class="words" x="{x + w / 2:g}" '
                f'y="{PILL_Y + 27}">{name}</text></g>'
            )
        return [*parts, "</g>"]

    # ---------------------------------------------------------------- the state before a turn

    def rest(self, turn: Turn) -> State:
        """Before a turn: nothing sampled, every path as thick as it was trained so far."""
        state: State = {
            ("turn", "text"): self._counter(turn),
            ("place", "at"): (self._place(turn.number), 36.0, 1.0),
            ("say", "text"): self._opening(turn),
            ("line", "opacity"): 0,
            ("fill", "y"): self._level(0),
            ("fill", "height"): 0,
            ("acc", "text"): "",
            ("batch", "opacity"): 0,
            ("loss", "opacity"): 0,
            ("pulse", "opacity"): 0,
            ("fly", "opacity"): 0,
            ("fly", "at"): (0.0, 0.0, 1.0),
            ("adv", "opacity"): 0,
            ("clock", "text"): "",
            ("rule", "text"): "",
        }
        before = self._baseline_before(turn)
        state["base", "opacity"] = 0 if before is None else 1
        state["base", "at"] = (GAUGE_X, self._level(before or 0), 1.0)
        state["baset", "text"] = "" if before is None else f"baseline {before:.2f}"
        for s, d in enumerate(self.plan):
            state[f"now{s}", "opacity"] = 0
            state[f"tok{s}", "opacity"] = 0
            state[f"ask{s}", "opacity"] = 1
            state[f"p{s}", "text"] = ""
            for i in range(len(self._options(d))):
                state[f"b{s}.{i}", "width"] = 0
                state[f"z{s}.{i}", "opacity"] = 0
                state[f"w{s}.{i}", "opacity"] = 0
        state |= {(key, "opacity"): dim for key, dim in self.net.lights.items()}
        took = self.recording.took(turn.sampled.architecture) if turn.sampled else ()
        for path, n in enumerate(self.counts(turn)):
            state |= self._thread(path, n, path in took)
        for name, count in (("m", 8), ("v", 10)):
            for i in range(count):
                state[f"{name}{i}", "opacity"] = 0
                state[f"{name}{i}", "at"] = (*self._batch_place(i), 1.0)
        for i in range(10):
            state[f"ok{i}", "opacity"] = state[f"no{i}", "opacity"] = 0
        for k in range(len(STAGES)):
            state[f"st{k}", "class"] = "lap"
        return state

    def _counter(self, turn: Turn) -> str:
        planned = self.recording.planned
        return f"Turn {turn.number:,} of {planned:,}" if planned else f"Turn {turn.number:,}"

    def counts(self, turn: Turn) -> tuple[int, ...]:
        """How often every path was trained before a turn, as far as it is known."""
        if turn.trained:
            return turn.trained.counts
        return self.counts_now or (0,) * len(self.net.thread)

    def _thread(self, path: int, count: int, lit: bool) -> State:
        """How thick the lines of a path are; lit: whether they will be seen lit, too."""
        width = self.net.width(count)
        state: State = {(key, "stroke-width"): width for key in self.net.thread[path]}
        if lit:
            state |= {(f"{key}+", "stroke-width"): width + 2 for key in self.net.thread[path]}
        return state

    def _baseline_before(self, turn: Turn) -> float | None:
        if turn.updated:
            return turn.updated.before
        return self.baseline_now

    def _opening(self, turn: Turn) -> str:
        trained = sum(self.counts(turn)[: self.kind.first_paths])
        if not trained:
            return (
                "No path has been trained yet: all lines are thin. The controller samples a child."
            )
        what = "minibatch has" if trained == 1 else "minibatches have"
        return f"{trained:,} {what} trained the paths so far: the thicker a line, the more of them."

    # ---------------------------------------------------------------- what happens

    def acts(self, turn: Turn) -> list[Act]:
        """The motions of the stages that a turn has behind it."""
        made = (self.sample, self.train, self.reward, self.update)
        return [make(turn) for make in made[: turn.stages]]

    def plain_acts(self, turn: Turn) -> list[Act]:
        """The motions of the same turn in plain NAS, where it was recorded."""
        if turn.alone is None or turn.trained is None:
            return []
        alone = turn.alone
        told = f"{alone.right} of {alone.size} are right: accuracy {alone.accuracy:.2f}."
        return [
            self.sample(turn),
            self._train_alone(turn),
            self._rewarded(turn, alone, f"{told} So good is this child alone."),
            self._throw_away(turn),
        ]

    def frames(self, turn: Turn, tick: float, speed: float = 1.0) -> Iterator[State]:
        """The states of a turn from its rest to its end, one for every `tick` seconds."""
        state, step = self.rest(turn), 1000 * tick * speed
        yield from [state] * max(1, round(PAUSE * speed / step))
        for act in self.acts(turn):
            for n in range(math.ceil(act.ms / step)):
                yield state_at(act.cues, n * step, state)
            state = state_at(act.cues, math.inf, state)
            yield from [state] * max(1, round(PAUSE * speed / step))

    def states(self, turn: Turn) -> Iterator[State]:
        """The picture at rest before a turn, and after each of its stages."""
        state = self.rest(turn)
        yield state
        for act in self.acts(turn):
            state = state_at(act.cues, math.inf, state)
            yield state

    def sample(self, turn: Turn) -> Act:
        """Step by step: the options as segments of a line, the needle, the token, the path."""
        score, beat = Score(), self.kind.beat
        self._stage(score, 0)
        architecture, lit = turn.sampled.architecture, set()
        for s, (d, k) in enumerate(zip(self.plan, self.kept, strict=True)):
            step, draws = turn.sampled.steps[k], turn.sampled.draws[k]
            start = 150 + s * beat
            self._decide(score, s, step, draws, start, beat)
            for key in dict.fromkeys(self.net.lit(architecture, d)):
                if key in lit:
                    continue
                lit.add(key)
                score.move(key, "opacity", start + beat * 0.86, 220, self.net.lights[key], 1)
        end = 150 + len(self.plan) * beat
        p = math.exp(self._log(turn.sampled.steps))
        told = (
            f"The child is sampled: one of {_count(self.space.size)}, "
            f"with a probability of {_small(p)}."
        )
        score.put("say", "text", end, told)
        return score.act("sample", told, end + 200)

    def _decide(
        self, score: Score, s: int, step: Step, draws: tuple[float, ...], start: float, beat: float
    ) -> None:
        _, long = self._track()
        shares = self._shares(step)
        picked = self._picked(step)
        score.put("say", "text", start + beat * 0.48, self._say(step))
        score.move(f"now{s}", "opacity", start, 100, 0, 1)
        score.move(f"now{s}", "opacity", start + beat, 150, 1, 0)
        for i, p in enumerate(shares):
            score.move(f"b{s}.{i}", "width", start, beat * 0.25, 0, long * p)
        self._segments(score, step, start)
        score.move("line", "opacity", start, beat * 0.15, 0, 1)
        score.move("line", "opacity", start + beat * 0.88, beat * 0.1, 1, 0)
        # the needles fall
        for n, u in enumerate(draws):
            x0, x1 = self._coin(n, len(draws))
            x = x0 + (x1 - x0) * u
            fallen = start + beat * 0.22
            score.put(f"n{n}", "opacity", fallen, 1)
            places = (x, LINE_Y - 30, 1, x, LINE_Y - 14, 1, x, LINE_Y, 1)
            score.move(f"n{n}", "at", fallen, beat * 0.24, *places)
            score.put(f"n{n}", "opacity", start + beat - 2, 0)
        for i in self._losers(step):
            score.move(f"gc{i}", "opacity", start + beat * 0.48, beat * 0.1, 1, 0.3)
        # the token travels
        word = self._token(step)
        x, y = self._slot(s)
        origin = self._origin(step, draws)
        leaves = start + beat * 0.55
        score.put("flyt", "text", leaves, word)
        score.move("fly", "opacity", leaves, beat * 0.08, 0, 1)
        way = (origin, LINE_Y + LINE_H / 2, 1, (origin + 2 * x) / 3, (y + LINE_Y) / 2, 1, x, y, 1)
        score.move("fly", "at", leaves, beat * 0.33, *way)
        arrives = leaves + beat * 0.33
        score.put(f"tokt{s}", "text", arrives, word)
        score.put(f"tok{s}", "opacity", arrives, 1)
        score.put(f"ask{s}", "opacity", arrives, 0)
        score.put("fly", "opacity", arrives + 1, 0)
        for i in picked:
            score.move(f"w{s}.{i}", "opacity", arrives, 100, 0, 1)
        score.put(f"p{s}", "text", arrives, _percent(math.exp(step.log_probability)))

    def _segments(self, score: Score, step: Step, start: float) -> None:
        """Lays the options of a step out on the line."""
        d, shares = step.decision, self._shares(step)
        laid: list[tuple[float, float, str, str]] = []
        if d.kind == "skip":
            for i, p in enumerate(shares):  # a draw below the probability says yes
                x0, x1 = self._coin(i, len(shares))
                middle = x0 + (x1 - x0) * p
                laid += [(x0, middle, f"{self._source(i)}: yes", "seg yes grey")]
                laid += [(middle, x1, "no", "seg grey")]
        else:
            x = LINE_LEFT
            for (label, op), p in zip(self._options(d), shares, strict=True):
                wide = (LINE_RIGHT - LINE_LEFT) * p
                text = label if op else f"from {label}"
                laid.append((x, x + wide, text, f"seg op-{op}" if op else "seg yes grey"))
                x += wide
        for i in range(MOST_OPTIONS):
            score.put(f"gc{i}", "opacity", start, int(i < len(laid)))
        for i, (x0, x1, text, name) in enumerate(laid):
            fits = x1 - x0 > 10.2 * len(text) + 6
            score.put(f"g{i}", "x", start, x0)
            score.put(f"g{i}", "width", start, max(0, x1 - x0 - 2))
            score.put(f"gc{i}", "class", start, name)
            score.put(f"gt{i}", "text", start, text if fits else "")
            score.put(f"gt{i}", "x", start, (x0 + x1) / 2)

    def _coin(self, n: int, of: int) -> tuple[float, float]:
        """The part of the line that belongs to one of several draws."""
        gap, whole = 26, LINE_RIGHT - LINE_LEFT
        wide = (whole - gap * (of - 1)) / of
        return LINE_LEFT + n * (wide + gap), LINE_LEFT + n * (wide + gap) + wide

    def _shares(self, step: Step) -> tuple[float, ...]:
        """Of each line of a column: the probability of an option, of a skip that of yes."""
        if step.decision.kind == "skip":
            return tuple(row[1] for row in step.probabilities)
        return step.probabilities[0]

    def _picked(self, step: Step) -> list[int]:
        """The lines of a column that were picked."""
        if step.decision.kind == "skip":
            return [i for i, bit in enumerate(step.picks) if bit]
        return list(step.picks)

    def _losers(self, step: Step) -> list[int]:
        """Segments on which no needle fell."""
        if step.decision.kind == "skip":
            return [2 * i + bit for i, bit in enumerate(step.picks)]
        return [i for i in range(step.decision.options) if i != step.picks[0]]

    def _origin(self, step: Step, draws: tuple[float, ...]) -> float:
        if step.decision.kind == "skip":
            return (LINE_LEFT + LINE_RIGHT) / 2
        return LINE_LEFT + (LINE_RIGHT - LINE_LEFT) * draws[0]

    def _token(self, step: Step) -> str:
        if step.decision.kind == "op":
            name = self.space.ops[step.picks[0]].label
            return name if self.named else name.replace(" ", "")
        if step.decision.kind == "index":
            return str(step.picks[0] + 1)
        shift = 1 if self.space.wiring == "layer" else 0
        return ", ".join(str(i + shift) for i, bit in enumerate(step.picks) if bit) or "none"

    def _say(self, step: Step) -> str:
        d = step.decision
        if d.kind == "skip":
            told = [
                f"from {self._source_name(i)} {'yes' if bit else 'no'} ({_percent(row[bit])})"
                for i, (bit, row) in enumerate(zip(step.picks, step.probabilities, strict=True))
            ]
            return f"Skips into layer {d.at + 1}: {', '.join(told)}."
        p = _percent(math.exp(step.log_probability))
        if d.kind == "index":
            source = self._tensor(step.picks[0])
            return f"{self.kind.group(d)}: input {d.side + 1} is {source} ({p})."
        op = self.space.ops[step.picks[0]].title
        return f"{self.kind.decides(d)} {_a(op)} ({p})."

    def _source_name(self, bit: int) -> str:
        if self.space.wiring == "layer":
            return f"layer {bit + 1}"
        return "stem" if bit == 0 else f"layer {bit}"

    def _tensor(self, tensor: int) -> str:
        if tensor < 2:
            return ("the output of the cell two back", "the output of the cell before")[tensor]
        return f"node {tensor + 1}"

    def train(self, turn: Turn) -> Act:
        """Images run along the lit path; then, backwards, its lines thicken."""
        score, trained = Score(), turn.trained
        self._stage(score, 1)
        architecture, images = turn.sampled.architecture, trained.images
        ways = self.net.ways(architecture)
        shown, travel, apart = len(images.pixels), 1300, 130
        said = f"A minibatch of {trained.size} {self._things} runs along the path."
        score.put("say", "text", 0, said)
        score.put("batch", "text", 0, f"{shown} of {trained.size}")
        score.move("batch", "opacity", 0, 200, 0, 1)
        for i in range(8):
            if i < shown:
                score.put(f"mi{i}", "href", 0, picture(images, i))
                score.move(f"m{i}", "opacity", 40 * i, 160, 0, 1)
                self._run(score, f"m{i}", i, ways, 450 + apart * i, travel)
                score.move(f"m{i}", "opacity", 450 + apart * i + travel - 120, 160, 1, 0)
        done = 450 + apart * (shown - 1) + travel
        score.put("loss", "text", done - 200, f"loss {trained.loss:.2f}")
        score.move("loss", "opacity", done - 200, 200, 0, 1)
        # and back
        took, back = self.recording.took(architecture), 700
        told = (
            f"Loss {trained.loss:.2f}. Going back, the gradient changes the weights of this path "
            "only."
        )
        score.put("say", "text", done, told)
        way = along(list(reversed(ways[0])))
        score.put("pulse", "opacity", done, 1)
        score.move("pulse", "at", done, back, *way)
        score.move("pulse", "opacity", done + back, 150, 1, 0)
        counts = trained.counts
        for path in took:
            a, b = self.net.width(counts[path]), self.net.width(counts[path] + 1)
            for key in self.net.thread[path]:
                wide = max(b, a + 0.3)  # however many there were, one more is seen for a moment
                score.move(key, "stroke-width", done, back, a, wide, b)
                score.move(f"{key}+", "stroke-width", done, back, a + 2, wide + 5, b + 2)
        return score.act("train", f"{said} {told}", done + back + 200)

    @property
    def _things(self) -> str:
        return {"digits": "digits"}.get(self.recording.header.dataset.get("name", ""), "images")

    def _run(self, score: Score, key: str, i: int, ways: list, start: float, travel: float) -> None:
        """Lets an image run from its place at the left along one of the ways."""
        way = ways[i % len(ways)]
        x, y = self._batch_place(i)
        small = SMALL
        score.move(key, "at", start - 200, 200, x, y, 1, *way[0], small)
        score.move(key, "at", start, travel, *along(way, small))

    def reward(self, turn: Turn) -> Act:
        """Validation images run along the path, get ticks and crosses, and fill the gauge."""
        rewarded = turn.rewarded
        accuracy = rewarded.accuracy
        told = f"{rewarded.right} of {rewarded.size} are right: accuracy {accuracy:.2f}."
        if abs(rewarded.reward - accuracy) >= 5e-5:
            told += f" With what the controller adds, the reward is {rewarded.reward:.4f}."
        else:
            told += " That is the reward."
        return self._rewarded(turn, rewarded, told)

    def _rewarded(self, turn: Turn, rewarded: Rewarded | Alone, told: str) -> Act:
        score, images = Score(), rewarded.images
        self._stage(score, 2)
        ways, shown = self.net.ways(turn.sampled.architecture), len(images.pixels)
        said = (
            f"How many of {rewarded.size} validation {self._things} does the child get right? "
            f"{shown} of them are shown."
        )
        score.put("say", "text", 0, said)
        score.put("batch", "text", 0, f"{shown} of {rewarded.size}")
        score.move("loss", "opacity", 0, 150, 1, 0)
        travel, apart = 1000, 110
        for i in range(shown):
            key, start = f"v{i}", 450 + apart * i
            score.put(f"vi{i}", "href", 0, picture(images, i))
            score.move(key, "opacity", 40 * i, 160, 0, 1)
            self._run(score, key, i, ways, start, travel)
            x, y = self._answer_place(i)
            last = ways[i % len(ways)][-1]
            score.move(key, "at", start + travel, 250, *last, SMALL, x, y, 1)
            right = images.answers[i] == images.labels[i]
            mark = f"ok{i}" if right else f"no{i}"
            score.move(mark, "opacity", start + travel + 230, 120, 0, 1)
            if not right:
                score.put(f"as{i}", "text", start + travel + 230, self._class(images.answers[i]))
        done = 450 + apart * (shown - 1) + travel + 400
        accuracy = rewarded.accuracy
        low, high = self._level(0), self._level(accuracy)
        score.move("fill", "y", done, 600, low, high)
        score.move("fill", "height", done, 600, 0, low - high)
        score.put("acc", "text", done + 300, f"accuracy {accuracy:.2f}")
        score.put("say", "text", done, told)
        return score.act("reward", told, done + 700)

    def _class(self, number: int) -> str:
        names = self.recording.header.dataset.get("classes")
        name = names[number] if isinstance(names, list) and number < len(names) else number
        return str(name)[:6]

    def update(self, turn: Turn) -> Act:
        """Reward minus baseline travels back, and the bars move from before to after."""
        score, updated = Score(), turn.updated
        self._stage(score, 3)
        level, advantage = self._level(updated.rewards[0]), signed(updated.advantage)
        # the baseline follows the rewards a little
        before = updated.before
        old = self._level(updated.after if before is None else before)
        new = self._level(updated.after)
        score.put("base", "opacity", 0, 1)
        score.move("base", "at", 100, 400, GAUGE_X, old, 1, GAUGE_X, new, 1)
        score.put("baset", "text", 300, f"baseline {updated.after:.2f}")
        told = (
            f"Reward {updated.rewards[0]:.2f} \N{MINUS SIGN} baseline {updated.after:.2f} = "
            f"{advantage}{self._verdict(turn)}"
        )
        score.put("say", "text", 0, told)
        score.put("advt", "text", 0, advantage)
        up, start = GAUGE_X + GAUGE_W / 2 - 40, 600
        score.move("adv", "opacity", start - 200, 200, 0, 1)
        corner = PANEL_END + 12
        score.move("adv", "at", start, 500, up, level, 1, up, corner, 1)
        first = start + 500
        apart = 1500 / len(self.plan)
        x_end, y = self._slot(0)[0], PANEL_END + 12
        score.move("adv", "at", first, apart * len(self.plan), up, y, 1, x_end, y, 1)
        score.move("adv", "opacity", first + apart * len(self.plan), 200, 1, 0)
        _, long = self._track()
        for s in reversed(range(len(self.plan))):
            k = self.kept[s]
            step, after = turn.sampled.steps[k], turn.after[k]
            at = first + apart * (len(self.plan) - 1 - s)
            score.move(f"now{s}", "opacity", at, 120, 0, 1)
            score.move(f"now{s}", "opacity", at + 420, 200, 1, 0)
            picked = self._picked(step)
            for i, (p, q) in enumerate(zip(self._shares(step), self._shares(after), strict=True)):
                score.move(f"b{s}.{i}", "width", at + 60, 420, long * p, long * q)
                if i in picked:
                    score.put(f"z{s}.{i}", "width", at, long * p)
                    score.move(f"z{s}.{i}", "opacity", at, 100, 0, 1)
            was, now = math.exp(step.log_probability), math.exp(after.log_probability)
            score.put(f"p{s}", "text", at + 240, change(was, now, self.named))
        outcome = self._outcome(turn)
        score.put("say", "text", first + 1600, outcome)
        return score.act("update", f"{told} {outcome}", first + 1500 + 700)

    def _verdict(self, turn: Turn) -> str:
        updated = turn.updated
        if updated.before is None and not updated.advantage:
            return ": the first reward is the baseline, so nothing moves yet."
        if abs(updated.advantage) < 5e-4:
            return ": as good as usual."
        return f": {'better' if updated.advantage > 0 else 'worse'} than usual."

    def _outcome(self, turn: Turn) -> str:
        """What the update did to the child, and by how many samples."""
        n = turn.updated.samples
        by = "by this sample alone" if n == 1 else f"by {n} samples, of which this is the first"
        was, now = (
            _small(math.exp(self._log(steps))) for steps in (turn.sampled.steps, turn.after)
        )
        told = f"{was} as before" if was == now else f"{was}, now {now}"
        return f"The child's probability: {told}. Moved {by}."

    def _log(self, steps: tuple[Step, ...]) -> float:
        return sum(step.log_probability for step in steps)

    # ---- the same turn in plain NAS

    def clock(self, turn: Turn) -> tuple[str, str]:
        """What plain NAS costs beside ENAS, and by which rule: every number was measured."""
        found, alone = self.recording, [t.alone for t in self.recording.turns if t.alone]
        mean = sum(a.seconds for a in alone) / len(alone)
        one = f"This child: {turn.alone.seconds:.1f} s instead of {turn.trained.seconds:.2f} s."
        all_of = (
            f"{found.planned:,} children: {tell_time(found.planned * mean / 3600)} instead of "
            f"{tell_time(found.seconds / 3600)}."
        )
        machine = found.machine or "a machine that was not noted"
        rule = (
            f"CPU time on {machine}, {found.date}: {found.planned:,} times the mean of the "
            f"{len(alone)} trained here, {turn.alone.epochs} epochs each."
        )
        return f"{one} {all_of}", rule

    def _train_alone(self, turn: Turn) -> Act:
        """The child gets weights of its own, which are trained to the end."""
        score, trained, alone = Score(), turn.trained, turn.alone
        self._stage(score, 1)
        took = set(self.recording.took(turn.sampled.architecture))
        said = f"Plain NAS: the child starts from nothing and is trained for {alone.epochs} epochs."
        score.put("say", "text", 0, said)
        score.put("batch", "text", 0, "all images")
        score.move("batch", "opacity", 0, 200, 0, 1)
        epoch, start = 420, 500
        end = start + epoch * alone.epochs
        for path, keys in self.net.thread.items():
            wide = self.net.width(trained.counts[path])
            for key in keys:
                score.move(key, "stroke-width", 0, 400, wide, THIN)
                if path in took:
                    score.move(f"{key}+", "stroke-width", 0, 400, wide + 2, THIN + 2)
                    score.move(key, "stroke-width", start, end - start, THIN, THICK)
                    score.move(f"{key}+", "stroke-width", start, end - start, THIN + 2, THICK + 2)
        ways, images = self.net.ways(turn.sampled.architecture), trained.images
        travel, shown = 1300, len(images.pixels)
        for i in range(shown):
            score.put(f"mi{i}", "href", 0, picture(images, i))
            score.move(f"m{i}", "opacity", 40 * i, 160, 0, 1)
            begin = start + (end - start - travel) * i / max(1, shown - 1)
            self._run(score, f"m{i}", i, ways, begin, travel)
            score.move(f"m{i}", "opacity", begin + travel - 120, 160, 1, 0)
        for n in range(alone.epochs + 1):
            spent = alone.seconds * n / alone.epochs
            told = f"Epoch {n} of {alone.epochs}: {spent:.1f} s"
            score.put("clock", "text", start + epoch * n, told)
        clock, rule = self.clock(turn)
        score.put("clock", "text", end + 400, clock)
        score.put("rule", "text", end + 400, rule)
        return score.act("train", f"{said} {clock} {rule}", end + 700)

    def _throw_away(self, turn: Turn) -> Act:
        """The reward travels back, and the weights are lost."""
        score, alone = Score(), turn.alone
        self._stage(score, 3)
        told = (
            "The controller learns from it as it does in ENAS (no such update was recorded). "
            "The weights are thrown away."
        )
        score.put("say", "text", 0, told)
        score.put("advt", "text", 0, f"{alone.accuracy:.2f}")
        up, y = GAUGE_X + GAUGE_W / 2 - 40, PANEL_END + 12
        score.move("adv", "opacity", 300, 200, 0, 1)
        score.move("adv", "at", 500, 500, up, self._level(alone.accuracy), 1, up, y, 1)
        score.move("adv", "opacity", 1100, 300, 1, 0)
        for path in self.recording.took(turn.sampled.architecture):
            for key in self.net.thread[path]:
                score.move(key, "stroke-width", 1200, 900, THICK, THIN)
                score.move(f"{key}+", "stroke-width", 1200, 900, THICK + 2, THIN + 2)
        for key in dict.fromkeys(
            key
            for k in self.kept
            for key in self.net.lit(turn.sampled.architecture, turn.sampled.steps[k].decision)
        ):
            score.move(key, "opacity", 1800, 500, 1, self.net.lights[key])
        return score.act("update", told, 2500)

    def _stage(self, score: Score, stage: int) -> None:
        for k in range(len(STAGES)):
            name = "lap now" if k == stage else "lap"
            score.put(f"st{k}", "class", 0, name)


# ---------------------------------------------------------------- words and pixels


def signed(value: float) -> str:
    """With its sign, to two decimals, and to three where these would be 0."""
    digits = 2 if abs(value) >= 0.005 else 3
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return "0"
    return f"{'+' if value > 0 else chr(0x2212)}{text}"


def change(was: float, now: float, long: bool) -> str:
    """From one probability to another, in percent; where digits do not show it, whether it grew."""
    a, b = (f"{100 * p:.1f}" if long else f"{100 * p:.0f}" for p in (was, now))
    if a != b:
        return f"{a} \N{RIGHTWARDS ARROW} {b} %" if long else f"{a}\N{RIGHTWARDS ARROW}{b}"
    if abs(now - was) < 1e-6:
        return f"{b} %"
    return f"{b} % {GREW if now > was else SHRANK}"


def _a(name: str) -> str:
    """A name with its article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _percent(p: float) -> str:
    return f"{100 * p:.0f} %" if p >= 0.005 else "< 1 %"


def _count(n: int) -> str:
    """A number of networks in words or figures."""
    return f"{n:,}" if n < 10**9 else f"about {n:.0e}".replace("e+", " × 10^")


def _small(p: float) -> str:
    """A small probability as one in so many."""
    return f"1 in {_round(1 / p):,}" if p < 0.1 else _percent(p)


def _round(x: float) -> int:
    """To two digits."""
    digits = max(0, len(str(int(x))) - 2)
    return int(round(x / 10**digits) * 10**digits)


def picture(images: Images, i: int) -> str:
    """An image as a PNG in an address."""
    from PIL import Image

    channels, height, width = images.shape
    pixels = images.pixels[i]
    if channels == 1:
        made = Image.frombytes("L", (width, height), pixels)
    else:
        planes = [
            Image.frombytes("L", (width, height), pixels[c * height * width :][: height * width])
            for c in range(3)
        ]
        made = Image.merge("RGB", planes)
    packed = io.BytesIO()
    made.save(packed, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"


def liveliest(recording: Recording) -> int:
    """The turn (from 0) to begin with: of those whose images show right and wrong answers, the one
    whose update moved the controller most, up or down; the first of several.

    Where no turn shows both kinds of answers, all compete.
    """
    turns = recording.turns
    mixed = [k for k, turn in enumerate(turns) if _is_mixed(turn)]
    return max(mixed or range(len(turns)), key=lambda k: turns[k].moved)


def _is_mixed(turn: Turn) -> bool:
    """Whether the images of its reward were answered in part rightly, in part wrongly."""
    images = turn.rewarded.images if turn.rewarded else None
    return images is not None and 0 < images.right < len(images.answers)


def note_of(recording: Recording) -> str:
    """Where the turns come from, and how their search differs from the published one."""
    header = recording.header
    name = str(header.recipe.get("name") or "")[:60]
    known = (f"Recipe {name}" if name else "", f"seed {header.seed}")
    where = ", ".join(filter(None, (*known, recording.machine, recording.date)))
    return (
        f"{where}. ENAS as published alternates epoch by epoch; this search alternates minibatch "
        f"by minibatch."
    )


def told_turn(picture: Picture, turn: Turn, common: State) -> dict[str, Any]:
    """A turn as the browser needs it. common: the state of which only differences are told."""
    rest = picture.rest(turn)
    acts = [act.to_json() for act in picture.acts(turn)]
    plain = [act.to_json() for act in picture.plain_acts(turn)[1:]]  # the first is the same
    return {
        "number": turn.number,
        "said": rest["say", "text"],
        "rest": rest_json({k: v for k, v in rest.items() if common.get(k) != v}),
        "table": shared([*acts, *plain]),
        "acts": acts,
        "plain": plain,
    }
