"""A close look at one step of the controller: from what its LSTM reads to what it reads next.

`opened` gathers the numbers of a step, `step_svg` draws them: state, raw logits, the squashing,
probabilities, the draw. A number that a trace does not hold is not drawn. Rows and columns carry
their scales as data, so that `static/lens.js` can ask "what if" of the same drawing.

Not here: recording the numbers (`search.dissection`), words for steps (`scene`).
Source: authors' `general_controller.py`, `micro_controller.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate, pairwise
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.facts.limits import LEAST, MOST
from enas_viz.recipes import FAVOURED, PRIOR_SHIFT, ControllerConfig, Fidelity
from enas_viz.records.trace import Episode, Header, Step
from enas_viz.view.scene import Bar, Scene, scene_of
from enas_viz.view.shapes import icon, node_tone, standalone, svg, tip, tone, wrap

NO_DETAIL = (
    "this episode was recorded without the states of the LSTM, so its steps cannot be opened; "
    "ev.load_trace('controller-macro') has episodes that can, `search.dissect(controller)` makes "
    'one, and a recipe with record="full" keeps most of it'
)
NOT_OF_THESE = 1e-2  # how far a recorded logit may be from what its raw one is shaped to

WIDTH, EDGE = 1056, 18
STRIP, STRIP_H, STRIP_GAP = 224, 36, 96  # a vector: width, height, from one to the one below
ROW = 26
# columns of the decision: left edge and width
NAMES, RAW, CURVE, SHAPED, CHANCE, DRAW = (
    (EDGE, 128),
    (176, 140),
    (342, 130),
    (500, 140),
    (666, 150),
    (846, 120),
)
NUMBER = 54  # width of the number at the right end of a bar
FINE = 100  # steps of a strip's height
LEAST_ROWS = 4  # the curve needs their height
# What `static/lens.js` must know to move the bars: left edges and widths.
PLACES = {
    "raw": (RAW[0], RAW[1] - NUMBER),
    "shaped": (SHAPED[0], SHAPED[1] - NUMBER),
    "curve": CURVE,
    "p": (CHANCE[0], CHANCE[1] - NUMBER),
    "draw": DRAW,
}


@dataclass(frozen=True)
class Row:
    """An option of a step, or for skips an earlier layer. raw, shaped: logits before and after
    the squashing. draw: the uniform number that decided it, None where it was not recorded."""

    bar: Bar
    raw: float
    shaped: float
    shift: float = 0.0
    draw: float | None = None


@dataclass(frozen=True)
class Opened:
    """The numbers of one step. Strips of the LSTM are empty where they were not recorded.

    kind: "op", "skip", "index" or "silent". reads, reads_next: in words, what the LSTM reads at
    this step and at the next one. constant, temperature: logits are
    `constant * tanh(raw / temperature) + shift`. recorded: (temperature, constant) of the
    recording. changed: those asked for are others; what is read next is known only where the same
    was picked.
    """

    kind: str
    count: str
    question: str
    answer: str
    reads: str
    reads_next: str
    rows: tuple[Row, ...]
    constant: float
    temperature: float
    recorded: tuple[float, float]
    changed: bool
    given: tuple[float, ...] = ()
    before: tuple[float, ...] = ()
    gates: tuple[tuple[float, ...], ...] = ()
    cell: tuple[float, ...] = ()
    hidden: tuple[float, ...] = ()
    next_given: tuple[float, ...] = ()


def opened(
    episode: Episode,
    step: int,
    *,
    temperature: float | None = None,
    constant: float | None = None,
) -> Opened:
    """The numbers of one step (from 0, negative from the end) of an episode that kept them.

    temperature, constant: what if these had been used; the draws stay as they were.
    Raises ValueError where the details were not kept or do not fit, and for a step that is not
    there.
    """
    if not isinstance(episode, Episode):
        raise TypeError(
            "expected an Episode that kept the states of the LSTM, as search.dissect(controller) "
            f"makes one; got {shortened(episode)}"
        )
    steps, n = episode.steps, len(episode.steps)
    if not any(s.detail for s in steps):
        raise ValueError(NO_DETAIL)
    if type(step) is not int or not -n <= step < n:
        raise ValueError(
            f"step is from 0 to {n - 1} (or negative, from the end); got {shortened(step)}"
        )
    for name, value in (("temperature", temperature), ("constant", constant)):
        if value is not None and not (type(value) in (int, float) and LEAST <= value <= MOST):
            raise ValueError(f"{name} is a positive number; got {shortened(value)}")
    step %= n
    scene, now = scene_of(episode, silent=True), steps[step]  # a silent step, too, can be opened
    kind = now.decision.kind
    heat, most, shifts = shaping(episode.header, now)
    raw = _numbers(now, "raw", 1)
    if kind != "silent":
        _check_raw(now, raw, heat, most, shifts, step)
    recorded = (heat, most)
    changed = temperature not in (None, heat) or constant not in (None, most)
    heat, most = temperature or heat, constant or most
    if changed:
        now = _as_if(now, raw, heat, most, shifts)
    draws = _numbers(now, "draws", 1)
    rows = tuple(
        Row(bar, raw[k], _logits(now)[k], shifts[k], _draw_of(draws, kind, k))
        for k, bar in enumerate(scene.bars(step, now))
    )
    follows = step + 1 < n and now.picks == steps[step].picks
    answering = (*steps[:step], now, *steps[step + 1 :])
    return Opened(
        kind=kind,
        count=scene.count(step),
        question=scene.question(step, steps),
        answer=scene.answer(step, answering),
        reads=reading(scene, episode, step),
        reads_next=reading(scene, episode, step + 1) if follows else "",
        rows=rows,
        constant=most,
        temperature=heat,
        recorded=recorded,
        changed=changed,
        given=_numbers(now, "input", 1),
        before=_numbers(steps[step - 1], "hidden", 1) if step else (),
        gates=_numbers(now, "gates", 2),
        cell=_numbers(now, "cell", 1),
        hidden=_numbers(now, "hidden", 1),
        next_given=_numbers(steps[step + 1], "input", 1) if follows else (),
    )


# ---------------------------------------------------------------- the numbers


def shaping(header: Header | None, step: Step) -> tuple[float, float, tuple[float, ...]]:
    """(temperature, tanh constant, what is added to each logit) of a step, by its trace's header.

    Raises ValueError when the header tells numbers that no controller can have.
    """
    told = header.recipe.get("controller", {}) if header else {}
    names = ("tanh_constant", "temperature", "op_tanh_reduce")
    numbers = {k: told[k] for k in names if isinstance(told, dict) and k in told}
    if not all(type(x) in (int, float) and LEAST <= x <= MOST for x in numbers.values()):
        raise ValueError(f"the trace's recipe has no settings of a controller; got {numbers}")
    config, decision = ControllerConfig(**numbers), step.decision
    most, width = config.tanh_constant, max(decision.options, decision.rows)
    shifts = (0.0,) * width
    if decision.cell and decision.kind == "op":
        most /= config.op_tanh_reduce
        fidelity = header.fidelity if header else {}
        prior = fidelity.get("op_prior", Fidelity().op_prior)
        if prior == "released" and decision.cell == "normal":
            space = header.space
            shifts = tuple(PRIOR_SHIFT if op in FAVOURED else -PRIOR_SHIFT for op in space.ops)
    return config.temperature, most, shifts


def _logits(step: Step) -> tuple[float, ...]:
    """Shaped logits in one row, of skips one for each earlier layer."""
    if step.decision.kind == "skip":
        return tuple(z for (z,) in step.logits)
    return step.logits[0] if step.logits else ()


def _check_raw(
    step: Step,
    raw: Sequence[float],
    temperature: float,
    constant: float,
    shifts: Sequence[float],
    number: int,
) -> None:
    """Raises ValueError unless the recorded logits are what the raw ones are shaped to."""
    logits = _logits(step)
    made = [constant * math.tanh(x / temperature) + s for x, s in zip(raw, shifts, strict=False)]
    if len(raw) != len(logits) or any(
        abs(a - b) > NOT_OF_THESE for a, b in zip(made, logits, strict=True)
    ):
        raise ValueError(
            f"the raw logits of step {number + 1}, shaped by the recipe in its trace (temperature "
            f"{temperature:g}, constant {constant:g}), are not the logits that were recorded"
        )


def _as_if(
    step: Step,
    raw: Sequence[float],
    temperature: float,
    constant: float,
    shifts: Sequence[float],
) -> Step:
    """The step with its raw logits shaped otherwise, and what the same draws would have picked."""
    made = [constant * math.tanh(x / temperature) + s for x, s in zip(raw, shifts, strict=False)]
    bits = step.decision.kind == "skip"
    logits = tuple((z,) for z in made) if bits else ((tuple(made),) if made else ())
    found, draws = replace(step, logits=logits), _numbers(step, "draws", 1)
    if len(draws) != len(step.picks):
        return found
    picks = [
        int(u < row[1]) if bits else min(sum(u >= edge for edge in accumulate(row)), len(row) - 1)
        for u, row in zip(draws, found.probabilities, strict=True)
    ]
    return replace(found, picks=tuple(picks))


def _draw_of(draws: Sequence[float], kind: str, row: int) -> float | None:
    """Of skips each row has a draw of its own; else one decides among all."""
    at = row if kind == "skip" else 0
    return draws[at] if at < len(draws) else None


def _numbers(step: Step, name: str, depth: int) -> tuple[Any, ...]:
    """A detail as tuples of so many levels; empty where it was not recorded, or is otherwise."""
    value = step.detail.get(name, ())
    if depth > 1:
        rows = value if isinstance(value, list | tuple) else ()
        return tuple(tuple(r) for r in rows if isinstance(r, list | tuple))
    good = isinstance(value, list | tuple) and all(type(x) in (int, float) for x in value)
    return tuple(value) if good else ()


def reading(scene: Scene, episode: Episode, step: int) -> str:
    """In words, what the LSTM reads at a step."""
    if step == 0:
        return "the start vector, which is learned"
    last = episode.steps[step - 1]
    kind, picks = last.decision.kind, last.picks
    if kind == "silent" or (last.decision.cell != episode.steps[step].decision.cell):
        return "the start vector again"
    turn = scene.turns[step - 1]
    options = scene.options[turn.options]
    if kind == "op":
        return f"the embedding of {options[picks[0]].label}, picked at step {step}"
    if kind == "index":
        if picks[0] < 2:
            return f"zeros: of {options[picks[0]].label}, an input, no state is remembered"
        return f"the remembered state of {options[picks[0]].label}, picked at step {step}"
    names = [options[k].label for k, bit in enumerate(picks) if bit]
    if not names:
        return "zeros, since no earlier layer was picked"
    mean = episode.header is not None and episode.header.fidelity.get("next_input") == "mean"
    share, several = len(names) + (not mean), len(names) > 1
    told = f"the remembered state{'s' if several else ''} of {_and(names)}"
    return told + (", added" if several else "") + (f", ÷ {share}" if share > 1 else "")


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


# ---------------------------------------------------------------- the drawing


def step_svg(
    found: Opened, alone: bool = True, height: float = 0, hint: str = "", compare: bool = False
) -> str:
    """The step as SVG, at least so high. alone: as a picture that stands by itself, with styles.
    hint: a last line for the reader. compare: of a what-if, also the recorded curve, dashed, on the
    same axes. ValueError when there is no other curve to compare."""
    if compare and not (found.changed and found.rows):
        raise ValueError(
            "compare=True draws the recorded curve beside that of another temperature= or "
            "constant=, at a step that decides something; nothing here is changed"
        )
    parts = [
        f'<text class="kicker start" x="{EDGE}" y="26">{found.count}</text>',
        f'<text class="title start" x="{EDGE}" y="48">{_capital(escape(found.question))}</text>',
    ]
    y = 82
    if found.hidden:
        made, y = _lstm(found, y)
        parts += made
    if found.rows:
        made, y = _decision(found, y, compare)
        parts += made
    made, y = _onward(found, y)
    parts += made
    if hint:
        parts.append(f'<text class="small start" x="{EDGE}" y="{y + 12:g}">{escape(hint)}</text>')
        y += 24
    about = f"{found.count}: {found.question} {found.answer}"
    if alone:
        return standalone("".join(parts), WIDTH, max(y, height), about, also="lens")
    return svg(parts, WIDTH, max(y, height))


def step_height(found: Opened) -> float:
    """How high the drawing of a step is, in pixels."""
    y = 82 + (STRIP_GAP + STRIP_H + 56 if found.hidden else 0)
    return _onward(found, _decision(found, y)[1] if found.rows else y)[1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lines(text: str, x: float, y: float, width: float, name: str = "small") -> list[str]:
    return [
        f'<text class="{name} start" x="{x:g}" y="{y + 16 * k:g}">{escape(line)}</text>'
        for k, line in enumerate(wrap(text, width, 11 if name == "small" else 13))
    ]


def _heading(text: str, x: float, y: float) -> str:
    return f'<text class="strong start" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _strip(
    values: Sequence[float], x: float, y: float, name: str, under: str = "", positive: bool = False
) -> list[str]:
    """A vector: a bar for each unit, up from the line where it is positive, else down.

    positive: of gates, whose values are from 0 to 1. What is drawn fits -1 to 1; a vector whose
    numbers are small is drawn larger, one of large ones smaller, and it says so.
    """
    unit = STRIP / max(1, len(values))
    top = max((abs(v) for v in values), default=0.0)
    zoom = 1.0
    while top * zoom > 1:  # a memory has no bound
        zoom /= 2
    while not positive and 0 < top * zoom * 2 <= 1 and zoom < 16:
        zoom *= 2
    half = STRIP_H if positive else STRIP_H / 2
    base = y + STRIP_H if positive else y + STRIP_H / 2
    tall = [round(-FINE * max(-1, min(1, v * zoom))) for v in values]  # in parts of `half`
    outline = "".join(f"v{b - a}h1" for a, b in pairwise((0, *tall)))
    scaled = f"translate({x:g} {base:g}) scale({unit:g} {half / FINE:g})"
    larger = f'<text class="small end" x="{x + STRIP:g}" y="{y - 8:g}">drawn ×{zoom:g}</text>'
    return [
        _heading(name, x, y - 8),
        larger if zoom != 1 else "",
        f'<rect class="band" x="{x:g}" y="{y:g}" width="{STRIP}" height="{STRIP_H}" rx="3"/>',
        f'<path class="rule" d="M{x:g} {base:g}h{STRIP}"/>',
        f'<path class="units" transform="{scaled}" d="M0 0{outline}V0z"/>',
        *(_lines(under, x, y + STRIP_H + 15, STRIP) if under else ()),
    ]


def _arrow(x1: float, x2: float, y: float) -> str:
    return f'<path class="line" d="M{x1:g} {y:g}H{x2 - 4:g}"/>{tip(x2, y, "right")}'


def _lstm(found: Opened, y: float) -> tuple[list[str], float]:
    """What the LSTM reads, its four gates, its memory and its state."""
    parts = []
    top, low = y + 12, y + 12 + STRIP_GAP
    middle, right = EDGE + STRIP + 46, EDGE + 3 * STRIP + 46 + 24 + 52
    if found.given:
        parts += _strip(found.given, EDGE, top, "input", found.reads)
    blank = (0.0,) * len(found.hidden)
    before = found.before or blank
    parts += _strip(before, EDGE, low, "state before", "" if found.before else "zeros: it begins")
    if len(found.gates) == 4:
        names = (
            ("input gate", "what to take in, 0 to 1"),
            ("forget gate", "what to keep of the memory, 0 to 1"),
            ("output gate", "what to show of the memory, 0 to 1"),
            ("candidate", "what there is to take in"),
        )
        places = ((0, 0), (1, 0), (1, 1), (0, 1))  # column and line
        for gate, (name, under), (column, line) in zip(found.gates, names, places, strict=True):
            x, at = middle + column * (STRIP + 24), (top, low)[line]
            parts += _strip(gate, x, at, name, under, positive=name != "candidate")
        parts.append(_arrow(EDGE + STRIP + 8, middle - 8, top + STRIP_H / 2))
        parts.append(_arrow(EDGE + STRIP + 8, middle - 8, low + STRIP_H / 2))
        parts.append(_arrow(right - 44, right - 8, top + STRIP_H / 2))
        parts.append(_arrow(right - 44, right - 8, low + STRIP_H / 2))
    if found.cell:
        parts += _strip(found.cell, right, top, "memory", "forget × old + input × candidate")
    what = "output × tanh(memory): what decides"
    parts += _strip(found.hidden, right, low, "hidden state", what)
    return parts, y + STRIP_GAP + STRIP_H + 56


def _decision(found: Opened, y: float, compare: bool = False) -> tuple[list[str], float]:
    """From raw logits to the draw: a row for each option, a column for each station."""
    rows, attends = found.rows, found.kind != "op"
    high = ROW * max(LEAST_ROWS, len(rows))
    top = y + 46
    asks = "v · tanh(a W₁ + h W₂)" if attends else "state × weights"
    squash = f"÷ {found.temperature:g}, tanh, × {found.constant:g}"
    skips = found.kind == "skip"
    shifted = any(row.shift for row in rows)
    heads = (
        (NAMES, "it looks back at" if attends else "options", ""),
        (RAW, "score" if attends else "raw logit", asks),
        (CURVE, "squashed", squash),
        (SHAPED, "logit z", f"±{found.constant:g} at most" + (", + prior" if shifted else "")),
        (CHANCE, "probability", "of yes: sigmoid(2z)" if skips else "softmax(z)"),
        (DRAW, "the draw", "inside the bar: yes" if skips else "whose share does it hit?"),
    )
    parts = [f'<path class="rule" d="M{EDGE} {y:g}H{WIDTH - EDGE}"/>']
    for (x, _), head, under in heads:
        parts.append(_heading(head, x, y + 22))
        parts.append(f'<text class="small start under" x="{x:g}" y="{y + 37:g}">{under}</text>')
    reach = max(found.constant, *(abs(r.raw) for r in rows), *(abs(r.shaped) for r in rows))
    axes = _axes(found, top, high, compare)
    parts += [
        f'<rect class="wash{" on" if row.bar.picked else ""}" data-row="{k}" x="{EDGE - 8}" '
        f'y="{top + ROW * k + 1:g}" width="{WIDTH - 2 * EDGE + 16}" height="{ROW - 2}" rx="5"/>'
        for k, row in enumerate(rows)
    ]
    parts.append(_curve(found, axes, compare))
    parts.append(f'<g class="scale" data-reach="{reach:.6g}" data-span="{axes.span:.6g}"/>')
    if attends:
        parts += _looks(found, top)
    edges = [0.0, *accumulate(r.bar.probability for r in rows)]
    for k, row in enumerate(rows):
        low = 0.0 if skips else edges[k]
        parts.append(_row(found, row, k, top + ROW * k, reach, axes, low))
    if not skips and rows[0].draw is not None:
        x = DRAW[0] + DRAW[1] * rows[0].draw
        parts.append(
            f'<path class="needle" d="M{x:.2f} {top + 1:g}V{top + ROW * len(rows) + 2:g}"/>'
            f'<text class="small word" x="{x:.2f}" y="{top + ROW * len(rows) + 15:g}">'
            f"{rows[0].draw:.3f}</text>"
        )
    return parts, top + high + 26


@dataclass(frozen=True)
class _Axes:
    """Of the curve: raw logits from -span to span, squashed ones from -most to most; its upper edge
    and its height in the drawing."""

    span: float
    most: float
    top: float
    high: float

    @property
    def middle(self) -> float:
        return self.top + self.high / 2

    @property
    def half(self) -> float:
        return self.high / 2 - 4

    def at(self, raw: float, temperature: float, constant: float) -> tuple[float, float]:
        """Where a raw logit stands on a curve."""
        x, wide = CURVE
        squashed = constant * math.tanh(raw / temperature)
        return x + wide / 2 * (1 + raw / self.span), self.middle - self.half * squashed / self.most

    def path(self, temperature: float, constant: float) -> str:
        points = (self.at((k / 40 - 1) * self.span, temperature, constant) for k in range(81))
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _axes(found: Opened, top: float, high: float, compare: bool) -> _Axes:
    """As wide and high as the curve needs; with `compare`, as both need."""
    shapings = [(found.temperature, found.constant), *([found.recorded] if compare else ())]
    span = max(2 * max(t for t, _ in shapings), 1.1 * max(abs(r.raw) for r in found.rows))
    return _Axes(span, max(c for _, c in shapings), top, high)


def _curve(found: Opened, axes: _Axes, compare: bool) -> str:
    """constant * tanh(raw / temperature); with `compare` the recorded one, too, dashed."""
    x, wide = CURVE
    top, my, high = axes.top, axes.middle, axes.high
    both = ""
    if compare:
        heat, most = found.recorded
        both = (
            f'<path class="curve dashed" d="{axes.path(heat, most)}"/>'
            f'<text class="small start" x="{x:g}" y="{top + high + 15:g}">'
            f"dashed: ÷ {heat:g}, tanh, × {most:g}</text>"
        )
    return (
        f'<rect class="band" x="{x:g}" y="{top:g}" width="{wide:g}" height="{high:g}" rx="3"/>'
        f'<path class="rule" d="M{x:g} {my:g}h{wide:g}M{x + wide / 2:g} {top:g}v{high:g}"/>'
        f'<path class="curve squash" data-y="{my:g}" data-half="{axes.half:g}" '
        f'd="{axes.path(found.temperature, found.constant)}"/>'
        f'<text class="small end wide" x="{x + wide - 3:g}" y="{my + 12:g}">{_short(axes.span)}'
        f"</text>"
        f'<text class="small start most" x="{x + 4:g}" y="{top + 12:g}">{axes.most:g}</text>{both}'
    )


def _looks(found: Opened, top: float) -> list[str]:
    """From the state, a line to each earlier layer or node, as thick as its probability."""
    x, y = EDGE + 5, top + ROW * len(found.rows) / 2
    end = NAMES[0] + NAMES[1] - 66
    parts = [f'<circle class="ring" cx="{x:g}" cy="{y:g}" r="5"/>']
    for k, row in enumerate(found.rows):
        to = top + ROW * (k + 0.5)
        parts.append(
            f'<path class="look{" now" if row.bar.picked else ""}" data-row="{k}" '
            f'd="M{x + 6:g} {y:g}C{x + 34:g} {y:g} {end - 30:g} {to:g} {end - 2:g} {to:g}" '
            f'stroke-width="{0.6 + 6 * row.bar.probability:.2f}"/>'
        )
    return parts


def _row(
    found: Opened,
    row: Row,
    k: int,
    y: float,
    reach: float,
    axes: _Axes,
    low: float,
) -> str:
    """One option through all stations. low: where its share of the draw begins."""
    bar, middle = row.bar, y + ROW / 2
    skips = found.kind == "skip"
    colour = f"op-{bar.op}" if bar.op else tone(k) if skips else node_tone(k)
    parts = []
    if bar.op:
        parts.append(
            f'<g class="{colour}" transform="translate({EDGE + 12} {middle:g})">'
            f'<path class="enas-icon" d="{icon(bar.op)}"/></g>'
            f'<text class="start" x="{EDGE + 32}" y="{middle + 4:g}">{bar.label}</text>'
        )
    else:
        x = NAMES[0] + NAMES[1] - 66
        parts.append(
            f'<g class="{colour}"><rect class="face" x="{x:g}" y="{y + 4:g}" width="66" '
            f'height="{ROW - 8}" rx="9"/></g>'
            f'<text x="{x + 33:g}" y="{middle + 4:g}">{bar.label}</text>'
        )
    parts.append(_signed(RAW, row.raw, reach, middle, "raw", colour))
    parts.append(_signed(SHAPED, row.shaped, reach, middle, "shaped", colour))
    cx, cy = axes.at(row.raw, found.temperature, found.constant)
    parts.append(
        f'<g class="{colour}"><circle class="spot" data-of="spot" cx="{cx:.2f}" cy="{cy:.2f}" '
        f'r="4.5"/></g>'
    )
    x, wide = CHANCE[0], CHANCE[1] - NUMBER
    parts.append(
        f'<rect class="track" x="{x:g}" y="{middle - 5:g}" width="{wide:g}" height="10" rx="2"/>'
        f'<g class="{colour}"><rect class="share" data-of="p" x="{x:g}" y="{middle - 5:g}" '
        f'width="{wide * bar.probability:.2f}" height="10" rx="2"/></g>'
        f'<text class="end" data-of="p" x="{x + CHANCE[1] - 6:g}" y="{middle + 4:g}">'
        f"{bar.probability:.3f}</text>"
    )
    x, wide = DRAW
    parts.append(
        f'<rect class="track" x="{x:g}" y="{middle - 5:g}" width="{wide:g}" height="10" rx="2"/>'
        f'<g class="{colour}"><rect class="share" data-of="draw" x="{x + wide * low:.2f}" '
        f'y="{middle - 5:g}" width="{wide * bar.probability:.2f}" height="10"/></g>'
        f'<text class="start word" data-of="answer" x="{x + wide + 9:g}" y="{middle + 4:g}">'
        f"{bar.answer}</text>"
    )
    if skips and row.draw is not None:
        at = x + wide * row.draw
        parts.append(f'<path class="needle" d="M{at:.2f} {middle - 9:g}v18"/>')
    return f'<g class="option{" picked" if bar.picked else ""}" data-row="{k}">{"".join(parts)}</g>'


def _signed(
    column: tuple[float, float], value: float, reach: float, y: float, name: str, colour: str
) -> str:
    """A bar from the middle of a column to the left or right, and its number."""
    x, wide = column[0], column[1] - NUMBER
    zero, unit = x + wide / 2, wide / 2 / reach
    long = abs(value) * unit
    left = zero if value >= 0 else zero - long
    return (
        f'<rect class="track" x="{x:g}" y="{y - 5:g}" width="{wide:g}" height="10" rx="2"/>'
        f'<g class="{colour}"><rect class="share" data-of="{name}" x="{left:.2f}" y="{y - 5:g}" '
        f'width="{max(long, 0.6):.2f}" height="10"/></g>'
        f'<path class="rule" d="M{zero:g} {y - 8:g}v16"/>'
        f'<text class="end" data-of="{name}" x="{x + column[1] - 4:g}" y="{y + 4:g}">'
        f"{_signed_number(value)}</text>"
    )


def _signed_number(value: float) -> str:
    text = f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _short(value: float) -> str:
    return f"{value:.2g}"


def _onward(found: Opened, y: float) -> tuple[list[str], float]:
    """The answer in words, and what the LSTM will read next."""
    x = EDGE + 2 * STRIP + 70
    parts = [f'<path class="rule" d="M{EDGE} {y:g}H{WIDTH - EDGE}"/>']
    told = _lines(found.answer, EDGE, y + 26, x - EDGE - 60, "body")
    if found.changed:
        what_if = f"What if: temperature {found.temperature:g}, constant {found.constant:g}."
        told = [_heading(what_if, EDGE, y + 26), *_lines(found.answer, EDGE, y + 46, 400, "body")]
    high = 26 + 16 * len(told)
    if found.next_given:
        told.append(_arrow(x - 44, x - 8, y + 28 + STRIP_H / 2))
        told += _strip(found.next_given, x, y + 28, "read at the next step", found.reads_next)
        high = max(high, 28 + STRIP_H + 40)
    return [*parts, f'<g class="onward">{"".join(told)}</g>'], y + high
