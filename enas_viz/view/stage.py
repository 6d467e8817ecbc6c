"""The stage: everything that belongs together on one screen of 1280 × 720, for a lecture hall.

Left the curves of a search with its chapters (of a film), right a window of the controller's strip
directly above the network, below the present step: its question, its answer, the probability of
every option. The theatre of a replay shows it, and so do films and stills of size "16:9".

`stage_of` lays it out; `words`, `bars` and `strip` are written a second time in
`static/theatre.js`, and a test compares the two.

Not here: the network's drawing (`svg`), the rules of chapters (`chapters`), moving pictures
(`animation`, `static/theatre.js`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from enas_viz.records.trace import Episode, Trace
from enas_viz.view import kinds
from enas_viz.view.chapters import chapters, epochs_in_words
from enas_viz.view.curves import Series, series
from enas_viz.view.scene import Scene, facts, two_digits
from enas_viz.view.shapes import standalone, wrap
from enas_viz.view.timeline import LEFT, RIGHT, scale_of

WIDTH, HEIGHT = 1280, 720
SIZES = {"16:9": (WIDTH, HEIGHT)}
EDGE, GAP = 28, 24  # around everything, and between its parts
TEXT, LARGE = 20, 22  # pixels of letters: of everything, and of the question

STRIP_Y, WINDOW_H, PITCH = 102, 118, 84
NETWORK_Y, NETWORK_H = 238, 314
BOTTOM = 710  # the last line of words
WORDS_Y, WORDS_W = 579, 572
BARS_X, BARS_Y, BAR = 636, 561, 25
ROWS, MOST_BARS = 6, 18  # of the bars: lines of a column, and options that have a bar at all
CHIP = 35  # a chapter's line

GRID: dict[str, Any] = {  # the same for `static/theatre.js`
    "edge": EDGE,
    "text": TEXT,
    "large": LARGE,
    "stripY": STRIP_Y,
    "windowH": WINDOW_H,
    "pitch": PITCH,
    "bottom": BOTTOM,
    "wordsY": WORDS_Y,
    "wordsW": WORDS_W,
    "barsX": BARS_X,
    "barsY": BARS_Y,
    "bar": BAR,
    "rows": ROWS,
    "most": MOST_BARS,
    "chip": CHIP,
}

TITLES = {True: "How a controller learned to build networks", False: "How a controller decides"}

Json = dict[str, Any]


def stage_of(
    scene: Scene,
    trace: Trace | None = None,
    shown: Sequence[Episode] = (),
    film: Json | None = None,
    found: Series | None = None,
) -> Json:
    """Where everything stands: what the theatre in the browser needs beside the scene and the film.

    trace, shown, film: of a film, the search, its moments, and what `timeline.film` made of them;
    found: `series(trace)`, where it is known already. views: for each step the part of the network
    that is seen. small, glyph, head: sizes of its letters. at: for each moment its epoch (number in
    `epochs`, which tells each in words) and the cursor's place.
    """
    kind = kinds.of(scene.space)
    left = EDGE + (kind.curves_width + GAP if trace else 0)
    width = WIDTH - EDGE - left
    scale = _scale(scene, width)
    high = min(scene.high * scale, NETWORK_H)
    made: Json = {
        "title": TITLES[bool(trace)],
        "left": left,
        "width": width,
        "top": round(NETWORK_Y + (NETWORK_H - high) / 2, 1),
        "high": round(high, 1),
        "short": dict(kind.short),
        "views": [_view(scene, turn.at, width, scale) for turn in scene.turns],
        "small": round(min(kind.labels, TEXT / scale), 2),
        "glyph": round(min(kind.letters, TEXT / scale), 2),
        "head": round(TEXT / scale, 2),
    }
    return (
        made | {"grid": GRID} | (_film(trace, shown, film, found or series(trace)) if trace else {})
    )


# ---------------------------------------------------------------- the network


def _scale(scene: Scene, width: float) -> float:
    """Pixels of the stage for one unit of the network. It is never drawn so small that its letters
    cannot be read; it is then seen through a window."""
    fits = min(width / scene.layout.width, NETWORK_H / scene.high)
    return max(fits, kinds.of(scene.space).least)


def _view(scene: Scene, at: str, width: float, scale: float) -> str:
    """The viewBox of a step: of cells the one that it is about; what is too long to be seen at
    once, around the layer or node that it is about."""
    top, focus = scene.focus(at)
    high = scene.high
    w, h = width / scale, min(high, NETWORK_H / scale)
    spare = scene.layout.width - w
    x = spare / 2 if spare <= 0 else min(max(focus - w / 2, 0), spare)
    y = top + high - h  # where it is too high, the tops of arcs are left out, no labels
    return f"{x:.1f} {y:.1f} {w:.1f} {h:.1f}"


def network(
    stage: Json, scene: Scene, episode: Episode, step: int, whole: bool, asked: bool = False
) -> str:
    """The network at a step. whole: what later steps decide is there, too."""
    draw, architecture = kinds.of(scene.space).painter.network_parts, episode.architecture
    markup = "".join(draw(scene, architecture, step - asked))
    if whole:
        rejected = re.findall(r'<path class="arc[^"]* rejected[^>]*/>', markup)
        markup = "".join(draw(scene, architecture, len(scene.plan)))
        markup = markup.replace('<g class="arcs">', f'<g class="arcs">{"".join(rejected)}', 1)
        markup = _at_step(markup, scene, step)
    sizes = {"small start": stage["head"], "small": stage["small"], "": stage["glyph"]}
    for name, short in stage["short"].items():
        markup = markup.replace(name, short)
    markup = re.sub(r"<text\b([^>]*)>", lambda found: _sized(found[1], sizes), markup)
    box = f'x="{stage["left"]}" y="{stage["top"]:g}" width="{stage["width"]}"'
    box += f' height="{stage["high"]:g}"'
    return f'<svg class="child" {box} viewBox="{stage["views"][step]}">{markup}</svg>'


def _at_step(markup: str, scene: Scene, step: int) -> str:
    """A drawing in which all is decided, and in it what one step decides as the present."""
    born = "|".join(str(t) for t, home in enumerate(scene.homes) if home == step)
    decided = rf'(?=[^>]* data-born="({born})")(?![^>]*-fixed)'
    was = rf'class="(arc|layer|merge)([^"]*) past([^"]*)"{decided}'
    markup = re.sub(was, r'class="\1\2 now\3"', markup)
    about = rf'class="(layer [^"]*)"(?=[^>]* data-at="{re.escape(scene.turns[step].at)}")'
    return re.sub(about, r'class="\1 about"', markup)


def _sized(attributes: str, sizes: dict[str, float]) -> str:
    name = re.search(r'class="([^"]*)"', attributes)
    classes = name[1].split() if name else []
    size = next(px for wanted, px in sizes.items() if set(wanted.split()) <= set(classes))
    return f'<text{attributes} style="font-size:{size:g}px">'


# ---------------------------------------------------------------- the controller's strip


def strip(
    scene: Scene, episode: Episode, step: int, whole: bool = False, asked: bool = False
) -> list[str]:
    """For every step that is shown its place in the strip, what it sampled above; `offset` moves
    the window over them. step: one that is shown."""
    tenses = ["past" if t < step or whole else "future" for t in scene.shown]
    tenses[scene.numbers[step] - 1] = f"now{' asked' * asked}"
    return [_place(scene, episode, i, t, *tenses[i : i + 2]) for i, t in enumerate(scene.shown)]


def _place(scene: Scene, episode: Episode, i: int, t: int, tense: str, after: str = "") -> str:
    turn, x = scene.turns[t], PITCH * i + PITCH // 2
    lines = scene.token(t, episode.steps[t].picks)
    middle = (33,) if len(lines) == 1 else (22, 44)
    words = "".join(
        f'<text class="token" x="{x}" y="{y}">{escape(line)}</text>'
        for line, y in zip(lines, middle, strict=True)
    )
    short = KINDS[turn.kind] if turn.options != "ops" else "op"
    before = f'<path class="line" d="M{x - 42} 77h20"/>' if i else ""
    on = f'<g class="step {after}"><path class="line" d="M{x + 22} 77h20"/></g>' if after else ""
    box = f'x="{x - 38}" y="4" width="76" height="48" rx="6"'
    return (
        f'<g class="step {tense}" data-step="{t}">{before}<path class="line" d="M{x} 62v-8"/>'
        f'<rect class="cell" x="{x - 22}" y="62" width="44" height="30" rx="6"/>'
        f'<text class="number" x="{x}" y="84">{i + 1}</text>'
        f'<rect class="hole" {box}/><rect class="chip" {box}/>'
        f'<rect class="tinted {_tint(scene, t, episode)}" {box}/>{words}'
        f'<text class="small kind" x="{x}" y="114">{short}</text></g>{on}'
    )


KINDS = {"pick": "in", "bits": "skips", "silent": "–"}


def _tint(scene: Scene, t: int, episode: Episode) -> str:
    turn = scene.turns[t]
    if turn.options != "ops":
        return "none"
    if scene.colour == "op":
        return f"op-{scene.space.ops[episode.steps[t].picks[0]]}"
    return kinds.of(scene.space).tint(turn.at)


def offset(stage: Json, steps: int, step: int) -> float:
    """How far the strip's window has moved, in pixels: the present step stands in its middle. step:
    its number among the `steps` that are shown, from 0."""
    spare = PITCH * steps - stage["width"]
    if spare <= 0:
        return spare / 2
    return min(max(PITCH * step + PITCH / 2 - stage["width"] / 2, 0), spare)


def dots(stage: Json, steps: int, step: int) -> str:
    """All steps as dots under the strip's window, where it does not show them all; as `offset`."""
    if PITCH * steps <= stage["width"]:
        return ""
    pitch = min(12, stage["width"] / steps)
    made = []
    for t in range(steps):
        x = _tenth(stage["left"] + stage["width"] / 2 + pitch * (t + 0.5 - steps / 2))
        name, r = ("mark here", 4.5) if t == step else ("mark", min(2.5, _tenth(pitch / 3)))
        made.append(f'<circle class="{name}" cx="{x:g}" cy="{STRIP_Y + 126}" r="{r:g}"/>')
    return "".join(made)


# ---------------------------------------------------------------- the present step


def words(scene: Scene, episode: Episode, step: int, asked: bool = False) -> str:
    """The step's number, its question and the answer, as many lines as fit."""
    question = scene.question(step, episode.steps)
    question = question[:1].upper() + question[1:]
    lines = [("kicker", TEXT, scene.count(step))]
    lines += [("ask", LARGE, line) for line in wrap(question, 0.9 * WORDS_W, LARGE)]  # bold
    answer = "" if asked else scene.answer(step, episode.steps)
    lines += [("say", TEXT, line) for line in wrap(answer, WORDS_W, TEXT) if line]
    made, y = [], WORDS_Y
    for i, (name, size, line) in enumerate(lines):
        after = lines[i + 1][1] if i + 1 < len(lines) else 0
        cut = after and y + after + 5 > BOTTOM
        made.append(
            f'<text class="{name} start" x="{EDGE}" y="{y}" style="font-size:{size}px">'
            f"{escape(line)}{' …' * bool(cut)}</text>"
        )
        if cut:
            break
        y += after + 5
    return "".join(made)


def bars(scene: Scene, episode: Episode, step: int, asked: bool = False) -> list[str]:
    """The probability of every option; of very many the last ones, which are nearest."""
    found = scene.bars(step, episode.steps[step])
    left_out = len(found) - MOST_BARS if len(found) > MOST_BARS else 0
    if left_out:
        left_out += 1  # its line says so
        found = found[left_out:]
    columns = math.ceil((len(found) + (left_out > 0)) / ROWS) or 1
    width = (WIDTH - EDGE - BARS_X) / columns
    room = {1: (118, 186), 2: (96, 112)}.get(columns, (96, 62))  # for the name; after the track
    made = []
    if left_out:
        told = _line(BARS_X, BARS_Y, f"{left_out} earlier: not shown", "start")
        made.append(
            f'<g class="other"><rect class="wash" x="{BARS_X - 6}" y="{BARS_Y}" '
            f'width="{_tenth(width - 8):g}" height="24"/>{told}</g>'
        )
    for i, bar in enumerate(found, start=1 if left_out else 0):
        x, y = _tenth(BARS_X + i // ROWS * width), BARS_Y + i % ROWS * BAR
        track = _tenth(width - sum(room) - 14)
        end = _tenth(x + room[0] + track)
        colour = f" op-{bar.op}" if bar.op and scene.colour == "op" else ""
        mark = _line(end + 64, y, bar.answer, "word start") if columns < 3 and not asked else ""
        made.append(
            f'<g class="{"picked" if bar.picked and not asked else "other"}">'
            f'<rect class="wash" x="{x - 6:g}" y="{y}" width="{_tenth(width - 8):g}" height="24" '
            f'rx="5"/>{_line(x, y, bar.label, "start")}'
            f'<rect class="track" x="{_tenth(x + room[0]):g}" y="{y + 5}" width="{track:g}" '
            f'height="14"/><rect class="share{colour}" x="{_tenth(x + room[0]):g}" y="{y + 5}" '
            f'width="{_tenth(track * bar.probability):g}" height="14"/>'
            f"{_line(end + 8, y, two_digits(bar.probability), 'start')}{mark}</g>"
        )
    return made


def _line(x: float, y: float, text: str, name: str) -> str:
    return f'<text class="{name}" x="{_tenth(x):g}" y="{y + 19}">{escape(text)}</text>'


def _tenth(value: float) -> float:
    """Rounded as the browser does it."""
    return math.floor(10 * value + 0.5) / 10


# ---------------------------------------------------------------- a film's curves


def _film(trace: Trace, shown: Sequence[Episode], film: Json, found: Series) -> Json:
    parts = chapters(trace, found)
    wide = kinds.of(trace.space).curves_width
    x1, x2 = EDGE + 54, EDGE + wide - 6
    bottom = NETWORK_Y + NETWORK_H - CHIP * len(parts) - 6
    room = (bottom - STRIP_Y - 30) / 2
    plots = [(STRIP_Y + 40 + k * room, STRIP_Y - 6 + (k + 1) * room) for k in (0, 1)]
    known = [e for e in found.entropy if e is not None]
    drawn = _plot("Reward: accuracy", found.reward, found.reward, *plots[0], x1, x2, "{:.0%}")
    drawn += _plot("Entropy, in nats", found.entropy, known, *plots[1], x1, x2, "{:g}")
    drawn += [
        f'<text class="small{end}" x="{x}" y="{plots[1][1] + 25:.1f}">{text}</text>'
        for x, text, end in ((x1, "1", " start"), (x2, f"epoch {found.epochs[-1] + 1}", " end"))
    ]
    number = {epoch: i for i, epoch in enumerate(found.epochs)}
    at = [
        [number[e.epoch], _tenth(x1 + (x2 - x1) * (moment["x"] - LEFT) / (RIGHT - LEFT))]
        for e, moment in zip(shown, film["moments"], strict=True)
    ]
    return {
        "curves": "".join(drawn),
        "span": [round(plots[0][0] - 4, 1), round(plots[1][1], 1)],
        "epochs": list(epochs_in_words(trace, found)),
        "at": at,
        "chapters": [
            {
                "name": c.name,
                "why": c.why,
                "epoch": c.epoch,
                "moment": min(range(len(at)), key=lambda k: abs(at[k][0] - c.epoch)),
            }
            for c in parts
        ],
        "chips": NETWORK_Y + NETWORK_H - CHIP * len(parts),
        "chipWidth": wide,
    }


def _plot(
    title: str,
    values: Sequence[float | None],
    known: Sequence[float],
    top: float,
    bottom: float,
    x1: float,
    x2: float,
    form: str,
) -> list[str]:
    """A curve over the epochs, with its lowest and its highest tick."""
    low, high, ticks = scale_of(known)
    made = [f'<text class="strong start" x="{EDGE}" y="{top - 17:.1f}">{title}</text>']

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / (high - low)

    for tick in (ticks[0], ticks[-1]) if ticks else ():
        made.append(
            f'<path class="rule" d="M{x1} {y(tick):.1f}H{x2}"/><text class="small end" '
            f'x="{x1 - 6}" y="{y(tick) + 7:.1f}">{form.format(tick)}</text>'
        )
    step = (x2 - x1) / len(values)
    points = [
        f"{x1 + step * (i + 0.5):.1f} {y(v):.1f}" for i, v in enumerate(values) if v is not None
    ]
    if len(points) > 1:
        made.append(f'<path class="curve" d="M{"L".join(points)}"/>')
    return made


def chips(stage: Json, moment: int) -> str:
    """The chapters, each a line, the present one marked."""
    epoch = stage["at"][moment][0]
    begun = [c["epoch"] for c in stage["chapters"] if c["epoch"] <= epoch]
    made = []
    for i, chapter in enumerate(stage["chapters"]):
        y, here = stage["chips"] + CHIP * i, bool(begun) and chapter["epoch"] == begun[-1]
        made.append(
            f'<g class="chapter{" here" if here else ""}" data-moment="{chapter["moment"]}">'
            f'<rect class="chip" x="{EDGE}" y="{y}" width="{stage["chipWidth"]}" height="30" '
            f'rx="15"/><text class="start" x="{EDGE + 14}" y="{y + 22}">{chapter["name"]}</text>'
            f'<text class="small end" x="{EDGE + stage["chipWidth"] - 14}" y="{y + 22}">'
            f"{chapter['epoch'] + 1}</text></g>"
        )
    return "".join(made)


# ---------------------------------------------------------------- the whole


def under_title(stage: Json, episode: Episode, moment: int) -> str:
    """Of a film its epoch in words; of an episode what it was worth, and what its note says."""
    if "epochs" in stage:
        lines = [stage["epochs"][stage["at"][moment][0]]]
    else:
        told = " · ".join(filter(None, (facts(episode), episode.note)))
        lines = wrap(told, WIDTH - 2 * EDGE, TEXT) if told else []
        while len(lines) > 2 and ". " in told:  # the last sentence says what this is no sample of
            told = told.partition(". ")[2]
            lines = wrap(told, WIDTH - 2 * EDGE, TEXT)
        if len(lines) > 2:
            lines = [lines[0], f"{lines[1]} …"]
    return "".join(
        f'<text class="start" x="{EDGE}" y="{68 + 23 * i}">{escape(line)}</text>'
        for i, line in enumerate(lines)
    )


# A part of the stage: left, top, width and height in whole pixels; its shapes. Nothing that may
# change reaches into another one.
Tile = tuple[tuple[int, int, int, int], str]


def tiles(
    stage: Json,
    scene: Scene,
    episode: Episode,
    step: int,
    moment: int = 0,
    whole: bool = False,
    asked: bool = False,
) -> list[Tile]:
    """Everything on the stage at a step, of a film at a moment. whole: see `network`. asked: the
    step's question is asked, and nothing is picked yet."""
    steps, left, window = len(scene.shown), stage["left"], stage["width"]
    step = scene.homes[step]
    place = scene.numbers[step] - 1
    headline = f'<text class="headline start" x="{EDGE}" y="40">{stage["title"]}</text>'
    top = math.floor(stage["top"])
    made = [
        ((0, 0, WIDTH, STRIP_Y), headline + under_title(stage, episode, moment)),
        ((left, STRIP_Y + WINDOW_H, window, 16), dots(stage, steps, place)),
        (
            (left, top, window, math.ceil(stage["top"] + stage["high"]) - top),
            network(stage, scene, episode, step, whole, asked),
        ),
        ((0, BARS_Y - 6, BARS_X - 8, HEIGHT - BARS_Y + 6), words(scene, episode, step, asked)),
    ]
    shift = round(offset(stage, steps, place))
    for i, shapes in enumerate(strip(scene, episode, step, whole, asked)):
        x = left + PITCH * i - shift
        x1, x2 = max(left, x), min(left + window, x + PITCH)
        if x1 < x2:
            box = (x1, STRIP_Y, x2 - x1, WINDOW_H)
            made.append((box, window_of(box, x1 - left + shift, shapes)))
    for bar in bars(scene, episode, step, asked):
        x, y, width = map(round, map(float, re.search(_PLACE, bar).groups()))
        made.append(((x - 2, y, width + 8, BAR), bar))
    if "curves" in stage:
        (top, bottom), x = stage["span"], stage["at"][moment][1]
        cursor = f'<path class="cursor" d="M{x:g} {top:g}V{bottom:g}"/>'
        box = (0, STRIP_Y, left - 8, NETWORK_Y + NETWORK_H - STRIP_Y + 2)
        made.append((box, stage["curves"] + cursor + chips(stage, moment)))
    return made


def window_of(box: tuple[int, int, int, int], x: float, shapes: str) -> str:
    """The part of the controller's strip from `x` on."""
    left, top, width, height = box
    return (
        f'<svg class="window" x="{left}" y="{top}" width="{width}" height="{height}" '
        f'viewBox="{x:g} 0 {width} {height}">{shapes}</svg>'
    )


_PLACE = r'x="([\d.]+)" y="(\d+)" width="([\d.]+)"'


def picture(shapes: str, caption: str = "") -> str:
    """Shapes of the stage as a picture that stands alone."""
    return standalone(f'<g class="stage">{shapes}</g>', WIDTH, HEIGHT, caption, also="theatre")


def telling_step(scene: Scene, shown: Sequence[Episode]) -> int:
    """The step whose probabilities changed most over a film: six even bars that become two.

    That of the largest fall of entropy (nats, per draw) from the first to the last of its moments;
    the first of several.
    """
    first, last = shown[0].steps, shown[-1].steps
    falls = [
        _entropy(a.probabilities) - _entropy(b.probabilities)
        for a, b in zip(first, last, strict=True)
    ]
    return max(range(len(falls)), key=falls.__getitem__)


def _entropy(rows: Sequence[Sequence[float]]) -> float:
    """The mean entropy of a step's draws, nats; 0 where it draws nothing."""
    return sum(-p * math.log(p) for row in rows for p in row if p > 0) / max(1, len(rows))


@dataclass(frozen=True)
class Play:
    """What is on the stage: one episode, or the `episodes` of a film, seen at one step."""

    scene: Scene
    stage: Json
    episodes: tuple[Episode, ...]
    step: int
    moment: int = 0

    @property
    def is_film(self) -> bool:
        return "at" in self.stage

    def tiles(
        self, step: int | None = None, moment: int | None = None, asked: bool = False
    ) -> list[Tile]:
        """What is seen, by default as it stands; a film shows whole networks. asked: `tiles`."""
        step = self.step if step is None else step
        moment = self.moment if moment is None else moment
        shown = self.episodes[moment]
        return tiles(self.stage, self.scene, shown, step, moment, self.is_film, asked)

    def svg(self) -> str:
        """The stage as it stands, as a picture that stands alone."""
        caption = self.scene.caption(self.step, self.episodes[self.moment].steps)
        return picture("".join(shapes for _, shapes in self.tiles()), caption)
