"""The timeline: a whole search in one look, and the moments of it that can be replayed.

Two drawings over the epochs of a search: curves (reward and baseline, entropy, wiring) and, for
every layer or node, which operations the policy sampled. A moment is an episode that kept its
steps.

Not here: the numbers (`curves`), one episode's drawing (`scene`, `svg`), moving the cursor
and opening a moment (`static/replay.js`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.trace import Episode, Trace
from enas_viz.spaces import Space
from enas_viz.view import kinds
from enas_viz.view.curves import Series, series, summary
from enas_viz.view.given import has_finite_logits, mutated, played, told_of_all
from enas_viz.view.pack import UNIT, logit_digits, pack_logits, pack_picks, pick_digits
from enas_viz.view.scene import facts
from enas_viz.view.svg import Block

MOST = 200  # moments of a film, unless asked otherwise

WIDTH, HEIGHT = 584, 286  # of each drawing, in pixels
BETWEEN = 28  # the two of them side by side
LEFT, RIGHT = 64, WIDTH - 12  # where time begins and ends
TOP, BOTTOM = 40, HEIGHT - 34
SPARK, EDGE = 34, 5  # height of the folded curve; what is left free around it
REWARD, ENTROPY, SHAPE = (TOP, 136), (166, 196), (226, BOTTOM)  # top and bottom of each plot

RUN_LOOKS = 4  # lines of runs that share their axes; then they come again

Json = dict[str, Any]


def moments(trace: Trace, most: int = MOST) -> tuple[Episode, ...]:
    """The episodes with steps and an accuracy in order, thinned evenly; the best one stays.

    Where no episode has any, as those of a strategy without a policy, all count, with even chances.
    Raises ValueError when `most` is below 2.
    """
    if type(most) is not int or most < 2:
        raise ValueError(f"a film has at least 2 moments; got moments={shortened(most)}")
    kept = [e for e in trace.episodes if e.steps and e.is_scored and has_finite_logits(e)]
    if not any(e.steps for e in trace.episodes):
        kept = [e for e in trace.episodes if e.is_scored]
    if len(kept) <= most:
        return tuple(map(played, kept))
    chosen = {round(i * (len(kept) - 1) / (most - 1)) for i in range(most)}
    best = best_of(kept)
    if best not in chosen:
        chosen.discard(min(chosen - {0, len(kept) - 1}, key=lambda i: abs(i - best), default=0))
        chosen.add(best)
    return tuple(played(kept[i]) for i in sorted(chosen))


def best_of(episodes: Sequence[Episode]) -> int:
    """Number of the one of highest accuracy, the first of several; -1 where there is none."""
    return max(range(len(episodes)), key=lambda k: episodes[k].accuracy, default=-1)


def film(trace: Trace, shown: Sequence[Episode], found: Series | None = None) -> Json:
    """What the browser needs to show a search and to open each of the `shown` episodes. found:
    `series(trace)`, where it is known already.

    moments: per episode its picks in the order of decisions, `pickDigits` digits to base 36 each;
    its shaped logits as whole numbers of `unit` above the middle of what `digits` digits to base 36
    hold, so many digits each; its place in the drawings, and a line of facts. spark: the reward in
    one low line; reach: the highest and the lowest of its accuracies. of: how many moments there
    are, in words, and from how many samples they were taken.
    """
    best, tried = best_of(shown), len(trace.episodes)
    drawn = overview(trace, shown, best, found=found)
    width = logit_digits(shown)
    wide = pick_digits(max((p for e in shown for s in e.steps for p in s.picks), default=0))
    return {
        "curves": drawn.curves,
        "layers": drawn.layers,
        "spark": drawn.spark,
        "reach": [f"{value:.0%}" for value in drawn.reach],
        "width": WIDTH,
        "unit": UNIT,
        "digits": width,
        "pickDigits": wide,
        "best": best,
        "of": f"{len(shown)}" + _taken(len(shown), tried),
        **({"note": told_of_all(shown)} if not any(e.steps for e in trace.episodes) else {}),
        "moments": [
            {
                "picks": pack_picks((p for step in e.steps for p in step.picks), wide),
                "logits": pack_logits(e, width),
                "x": round(x, 1),
                "facts": facts(e),
                **({"changed": changed} if (changed := mutated(e)) else {}),
            }
            for e, x in zip(shown, drawn.places, strict=True)
        ],
    }


def _taken(shown: int, tried: int) -> str:
    """Which of all samples the moments are: every so many, evenly."""
    if tried <= shown:
        return ""
    every = round(tried / shown)
    return f" (one in {every} of {tried:,})" if every > 1 else f" (of {tried:,})"


@dataclass(frozen=True)
class Overview:
    """The two drawings of a search. places: where in them each of its dots stands, in pixels;
    epochs: how many there are, one beside the other. spark: the first plot of them in one low line,
    as wide; reach: the accuracies at its top and bottom."""

    curves: str
    layers: str
    spark: str
    reach: tuple[float, float]
    places: tuple[float, ...]
    epochs: int

    def at(self, time: float) -> float:
        """Where a moment stands in the drawings; time: in epochs from the first one's start."""
        return LEFT + (RIGHT - LEFT) * max(0.0, min(time, self.epochs)) / self.epochs


def overview(
    trace: Trace,
    shown: Sequence[Episode],
    best: int,
    beside: Sequence[Series] = (),
    found: Series | None = None,
) -> Overview:
    """The drawings of a search with a dot for each of the `shown` episodes and a ring around number
    `best` of them. beside: what stands next to it, drawn to the same scales. found: as for `film`.
    ValueError when the trace has no episode with an accuracy."""
    found = found or series(trace)
    places = _places(trace, found, shown)
    spark, reach = _spark(found, shown, places, best)
    return Overview(
        _svg(
            _curves(found, trace.space, shown, places, best, beside),
            _said(trace, found, len(shown)),
        ),
        _svg(_places_over_time(found, trace.space), _said_of_places(found)),
        spark,
        reach,
        tuple(places),
        len(found.epochs),
    )


def panel(made: Json, moment: int) -> Block:
    """A film's two drawings at one of its moments, for a still. made: what `film` returned."""
    return side_by_side(made["curves"], made["layers"], made["moments"][moment]["x"])


def side_by_side(curves: str, layers: str, x: float, veiled: bool = False) -> Block:
    """(parts, width, height): two drawings with the cursor at `x`, in pixels; veiled: what comes
    after it is only hinted at."""
    at = f'class="cursor" transform="translate({x:.1f} 0)"'
    parts = [
        drawing.replace(
            "<svg ", f'<svg x="{k * (WIDTH + BETWEEN)}" width="{WIDTH}" height="{HEIGHT}" ', 1
        ).replace('<path class="cursor"', f"{_veil(x, plots) * veiled}<path {at}")
        for k, (drawing, plots) in enumerate(
            ((curves, (REWARD, ENTROPY, SHAPE)), (layers, ((TOP, BOTTOM),)))
        )
    ]
    return parts, 2 * WIDTH + BETWEEN, HEIGHT + 14


def _veil(x: float, plots: Sequence[tuple[float, float]]) -> str:
    """What covers the plots beyond `x`, but not their words."""
    return "".join(
        f'<rect class="veil" x="{x:.1f}" y="{top - 5}" width="{RIGHT + 6 - x:.1f}" '
        f'height="{bottom - top + 8}"/>'
        for top, bottom in plots
    )


def _places(trace: Trace, found: Series, shown: Sequence[Episode]) -> list[float]:
    """Where each episode stands in time: within its epoch by its order of sampling."""
    number: dict[int, int] = {}
    order: dict[tuple[str, int], tuple[int, int]] = {}
    for e in trace.episodes:
        order[_which(e)] = (e.epoch, number.get(e.epoch, 0))
        number[e.epoch] = number.get(e.epoch, 0) + 1
    column = {epoch: i for i, epoch in enumerate(found.epochs)}
    spots = [order[_which(e)] for e in shown]
    return [_x(column[epoch] + (k + 0.5) / number[epoch], len(found.epochs)) for epoch, k in spots]


def _which(episode: Episode) -> tuple[str, int]:
    """What tells an episode of a trace from the others: its number, where it has one."""
    return ("n", episode.n) if episode.n >= 0 else ("id", id(episode))


def _x(position: float, epochs: int) -> float:
    """position: in epochs from the first one's start, of so many that stand side by side."""
    return LEFT + (RIGHT - LEFT) * position / epochs


# ---------------------------------------------------------------- drawings


def _said(trace: Trace, found: Series, shown: int) -> str:
    tried = len(found.accuracy)
    dots = f"A dot for each of {shown} networks"
    dots += f", taken evenly from {tried:,} that were sampled." if tried > shown else "."
    return f"{summary(trace, found)} {dots}"


def _said_of_places(found: Series) -> str:
    """What each layer or node uses most at the end, in words."""
    told = []
    for name, shares in found.place_shares.items():
        op = max(shares, key=lambda each: shares[each][-1])
        told.append(f"{name} {op.label} {shares[op][-1]:.0%}")
    return f"Operation sampled most in the last epoch: {', '.join(told)}."


def _svg(parts: Sequence[str], said: str) -> str:
    cursor = f'<path class="cursor" d="M0 {TOP - 4}V{BOTTOM}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg time" '
        f'role="img" aria-label="{escape(said)}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}{cursor}</svg>'
    )


def _spark(
    found: Series, shown: Sequence[Episode], places: Sequence[float], best: int
) -> tuple[str, tuple[float, float]]:
    """The reward and its baseline without words, and the accuracies at top and bottom.

    It is stretched to any width, so every mark is a line: a dot is one of no length.
    """
    known = [*(e.accuracy for e in shown), *found.reward]
    low, high = min(known), max(known)
    if high - low < 1e-6:  # a line in the middle
        low, high = low - 0.01, high + 0.01
    y = _to((EDGE, SPARK - EDGE), low, high)
    spots = [f"M{x:.1f} {y(e.accuracy):.1f}h0" for e, x in zip(shown, places, strict=True)]
    ring = f'<path class="best-spot" d="{spots[best]}"/>' * 2 if best >= 0 else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="enas-svg" preserveAspectRatio="none" '
        f'viewBox="{LEFT - EDGE} 0 {RIGHT - LEFT + 2 * EDGE} {SPARK}">'
        f'<path class="spots" d="{"".join(spots)}"/>'
        + _line(found, found.reward, y, "curve")
        + _line(found, found.baselines, y, "curve dashed")
        + f'{ring}<path class="cursor" d="M0 0V{SPARK}"/></svg>'
    ), (high, low)


def _curves(
    found: Series,
    space: Space,
    shown: Sequence[Episode],
    places: Sequence[float],
    best: int,
    beside: Sequence[Series],
) -> list[str]:
    others = [a for each in beside for a in (*each.accuracy, *each.reward)]
    low, high, ticks = scale_of([*(e.accuracy for e in shown), *found.reward, *others])
    parts = _plot("Reward: accuracy on validation images", REWARD, low, high, ticks, True)
    y = _to(REWARD, low, high)
    for i, (episode, x) in enumerate(zip(shown, places, strict=True)):
        name, radius = ("dot best", 4) if i == best else ("dot", 1.8)
        parts.append(
            f'<circle class="{name}" cx="{x:.1f}" cy="{y(episode.accuracy):.1f}" r="{radius}"/>'
        )
    parts.append(_line(found, found.reward, y, "curve"))
    parts.append(_line(found, found.baselines, y, "curve dashed"))
    # A trace from elsewhere may have its very best sample without steps, and so without a dot.
    whole = best < 0 or shown[best].accuracy == max(found.accuracy)
    ringed = ("dot best", "best" if whole else "best of the dots")
    parts += _key(("curve", "mean of an epoch"), ("curve dashed", "baseline"), ringed)
    for title, at, name, share in _small_plots(space):
        low, high, ticks = _ends([v for each in (found, *beside) for v in getattr(each, name)])
        parts += _plot(title, at, low, high, ticks, share)
        parts.append(_line(found, getattr(found, name), _to(at, low, high), "curve"))
    return [*parts, *_epochs(len(found.epochs))]


def _small_plots(space: Space) -> tuple[tuple[str, tuple[float, float], str, bool], ...]:
    """Title, place, name in `Series`, and whether it is a share, of the plots under the reward."""
    kind = kinds.of(space)
    return (
        ("Entropy of the policy, in nats", ENTROPY, "entropy", False),
        (kind.wiring_title, SHAPE, "shape", kind.wiring_is_share),
    )


def _ends(values: Sequence[float | None]) -> tuple[float, float, Sequence[float]]:
    """(lowest, highest, the outer two ticks) of an axis that holds all that is known."""
    low, high, ticks = scale_of([v for v in values if v is not None], 2)
    return low, high, (ticks[0], ticks[-1]) if ticks else ()


def overlay(runs: Sequence[tuple[str, Series]], space: Space, time: float | None = None) -> Block:
    """Curves of several runs of one kind of space on the same axes, and what each line is.

    runs: (name, curves) each, at least one. time: the moment that is marked, in epochs from the
    start; by default the end. Lines differ by colour and by dash.
    """
    epochs = max(len(found.epochs) for _, found in runs)
    low, high, ticks = scale_of([v for _, found in runs for v in found.reward])
    parts = _plot("Reward: mean accuracy of an epoch", REWARD, low, high, ticks, True)
    plots = [(_to(REWARD, low, high), "reward")]
    for title, at, name, share in _small_plots(space):
        low, high, ticks = _ends([v for _, found in runs for v in getattr(found, name)])
        parts += _plot(title, at, low, high, ticks, share)
        plots.append((_to(at, low, high), name))
    for k, (_, found) in enumerate(runs):
        parts += [_line(found, getattr(found, name), y, _run_look(k), epochs) for y, name in plots]
    x = _x(epochs if time is None else max(0.0, min(time, epochs)), epochs)
    parts += [*_epochs(epochs), f'<path class="cursor" d="M{x:.1f} {TOP - 4}V{BOTTOM}"/>']
    for k, (name, found) in enumerate(runs):
        y = TOP + 26 * k
        told = f"best sample {max(found.accuracy):.1%}, mean of its last epoch "
        parts.append(
            f'<path class="{_run_look(k)}" d="M{WIDTH + BETWEEN} {y}h34"/>'
            f'<text class="start" x="{WIDTH + BETWEEN + 46}" y="{y + 4}">'
            f'<tspan class="strong">{escape(name)}</tspan>'
            f'<tspan dx="10">{told}{found.reward[-1]:.1%}</tspan></text>'
        )
    return parts, 2 * WIDTH + BETWEEN, max(HEIGHT, TOP + 26 * len(runs)) + 14


def _run_look(number: int) -> str:
    return f"series series-{number % RUN_LOOKS + 1}"


def _places_over_time(found: Series, space: Space) -> list[str]:
    """For every layer, or node of a cell, a band of the shares of its operations, over time."""
    count, ops = len(found.place_shares), space.ops
    pitch = (BOTTOM - TOP) / count
    height = pitch - min(4, pitch / 5)
    every = math.ceil(13 / pitch)  # labels that would touch are left out
    title = f"Operations that each {space.unit} uses"
    parts = [f'<text class="small strong start" x="2" y="14">{title}</text>']
    for k, (name, shares) in enumerate(found.place_shares.items()):
        top = TOP + k * pitch
        if k % every == 0:
            parts.append(
                f'<text class="small end" x="{LEFT - 6}" y="{top + height / 2 + 4:.1f}">'
                f"{name.replace('reduction', 'reduct.')}</text>"
            )
        total = [0.0] * len(found.epochs)
        areas = []
        for op in ops:
            total = [t + share for t, share in zip(total, shares[op], strict=True)]
            if any(shares[op]):
                areas.append(f'<path class="share op-{op}" d="{_area(total)}"/>')
        scale = f"{(RIGHT - LEFT) / len(found.epochs):.4f} {height / 100:.4f}"
        parts.append(
            f'<g transform="translate({LEFT} {top:.1f}) scale({scale})">'
            f"{''.join(reversed(areas))}</g>"  # each reaches to the bottom, under those before it
        )
    for i, op in enumerate(ops):
        x = LEFT + i * (RIGHT - LEFT) / len(ops)
        parts.append(
            f'<rect class="share op-{op}" x="{x:.1f}" y="22" width="9" height="9"/>'
            f'<text class="small start" x="{x + 13:.1f}" y="31">'
            f"{op.label}</text>"
        )
    return [*parts, *_epochs(len(found.epochs))]


def _area(shares: Sequence[float]) -> str:
    """The area under a curve: one unit of x an epoch, 100 units of y from share 1 down to 0."""
    ys = [round(100 * (1 - share)) for share in shares]
    moves = "".join(f"l1 {b - a}" for a, b in pairwise(ys))
    return f"M0 100V{ys[0]}h.5{moves}h.5V100z"


def _plot(
    title: str,
    at: tuple[float, float],
    low: float,
    high: float,
    ticks: Sequence[float],
    share: bool,
) -> list[str]:
    y = _to(at, low, high)
    lines = [
        f'<path class="rule" d="M{LEFT} {y(t):.1f}H{RIGHT}"/>'
        f'<text class="small end" x="{LEFT - 6}" y="{y(t) + 4:.1f}">{words}</text>'
        for t, words in zip(ticks, tick_texts(ticks, share), strict=True)
    ]
    up = 26 if at is REWARD else 12
    return [f'<text class="small strong start" x="2" y="{at[0] - up:g}">{title}</text>', *lines]


def tick_texts(ticks: Sequence[float], share: bool = False) -> list[str]:
    """Ticks in words, with as many decimals as it takes to tell them apart; share: in per cent."""
    values = [100 * t for t in ticks] if share else list(ticks)
    gap = min((b - a for a, b in pairwise(values)), default=abs(values[0]) if values else 1) or 1
    digits = 0
    while digits < 12 and any(abs(round(v, digits) - v) > 0.01 * gap for v in values):
        digits += 1
    return [f"{v:.{digits}f}%" if share else f"{round(v, digits) or 0:g}" for v in values]


def _line(
    found: Series,
    values: Sequence[float | None],
    y: Any,
    name: str,
    epochs: int = 0,
) -> str:
    """epochs: how many there are side by side; by default those of `found`."""
    epochs = epochs or len(found.epochs)
    known = ((i, v) for i, v in enumerate(values) if v is not None)
    points = [f"{_x(i + 0.5, epochs):.1f} {y(v):.1f}" for i, v in known]
    return f'<path class="{name}" d="M{"L".join(points)}"/>' if len(points) > 1 else ""


def _key(*entries: tuple[str, str]) -> list[str]:
    """What the marks of the first plot mean, on the line under its title."""
    parts, x = [], LEFT
    for name, words in entries:
        mark = (
            f'<circle class="{name}" cx="{x + 9}" cy="27" r="4"/>'
            if name.startswith("dot")
            else f'<path class="{name}" d="M{x} 27h18"/>'
        )
        parts.append(f'{mark}<text class="small start" x="{x + 24}" y="31">{words}</text>')
        x += 36 + 6.2 * len(words)
    return parts


def _epochs(count: int) -> list[str]:
    """Numbers of epochs along the bottom."""
    step = _nice(count / 7)
    wanted = [1, *(e for e in range(step, count + 1, step) if e > 1)]
    return [
        f'<text class="small" x="{_x(e - 0.5, count):.1f}" y="{BOTTOM + 17}">{e}</text>'
        for e in wanted
    ] + [f'<text class="small end" x="{LEFT - 6}" y="{BOTTOM + 17}">epoch</text>']


def _nice(value: float) -> int:
    """The next whole number of 1, 2, 5, 10, 20, 50, ..."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size >= value:
                return factor * size
        size *= 10


def scale_of(values: Sequence[float], most: int = 4) -> tuple[float, float, list[float]]:
    """(lowest, highest, ticks) of an axis that holds all values, at round numbers."""
    if not values:
        return 0.0, 1.0, []
    low, high = min(values), max(values)
    if high - low < 1e-9 + 1e-4 * abs(high):  # as good as constant
        low, high = low - 0.05 * (abs(low) or 1), high + 0.05 * (abs(high) or 1)
    step = 10 ** math.floor(math.log10((high - low) / most))
    step = next(s * step for s in (1, 2, 5, 10, 20) if (high - low) / (s * step) <= most - 0.5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, last * step, [round(n * step, 9) for n in range(first, last + 1)]


def _to(at: tuple[float, float], low: float, high: float) -> Any:
    top, bottom = at
    return lambda value: bottom - (bottom - top) * (value - low) / (high - low)
