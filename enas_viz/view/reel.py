"""The reel: a play on the stage as a sequence of pictures, tweened, for `animation` to write.

Of a film each of its moments, between which bars, wires and tokens move while nodes stay where they
are;
of an episode each of its steps: first the question and the probabilities, then what was sampled
flies from its bar into the controller's strip, then the network grows.

Only what changes is rendered, tile by tile, and without what moves; what lies between two states
is put together from their pixels. Not here: the stage (`stage`), files (`animation`), a renderer
(whoever makes a `Reel` hands one over).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from enas_viz.view.assets import palette
from enas_viz.view.stage import (
    BARS_Y,
    HEIGHT,
    PITCH,
    STRIP_Y,
    WIDTH,
    WINDOW_H,
    Play,
    offset,
    picture,
    strip,
    window_of,
)

if TYPE_CHECKING:
    import numpy as np

TICK = 0.08  # seconds, about, of a picture while something moves
FADE, READ, FLY = 0.12, 0.16, 0.24  # of a step's time: it comes, is read, its token flies
SAMPLE = 6  # states from which an animation's colours are taken
SPRITE = (80, 50)  # pixels of what flies
WORDS = BARS_Y - 6  # below that stand words and numbers
CHIP_TOP, CHIP_H = STRIP_Y + 5, 46  # inside the frame of a token's chip
SLIDE = 28  # pixels that a token moves when another takes its place
KEPT = 600  # tiles that are not rendered again

# What the letters in a chip of the strip add to its pixels, (h, w, 3) int16; and where: left, top.
Token = tuple["np.ndarray", int, int]
# Of a rectangle: left, top, width, height in pixels; and its colour.
Mover = tuple[float, float, float, float, tuple[int, int, int]]

_SHARE = re.compile(
    r'<rect class="share([^"]*)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>'
)
_TOKEN = re.compile(r'<text class="token".*?</text>')
_CURSOR = re.compile(r'<path class="cursor" d="M([\d.]+) ([\d.]+)V([\d.]+)"/>')


@dataclass(frozen=True)
class State:
    """One picture of a reel: its pixels (H, W, 3) without its movers and tokens, and these."""

    pixels: np.ndarray
    movers: tuple[Mover, ...]
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True)
class Reel:
    """A play as pictures. seconds: for each moment or step. render: makes (H, W, 3) uint8 pixels of
    an SVG that is as large as it says."""

    play: Play
    seconds: float
    render: Callable[[str], np.ndarray]

    size = (WIDTH, HEIGHT)

    @property
    def beats(self) -> int:
        """How many moments or steps there are."""
        return len(self.play.episodes) if self.play.is_film else len(self.play.scene.shown)

    @property
    def ticks(self) -> int:
        """Pictures of one beat, as many as equal ones are counted."""
        return max(1, round(self.seconds / TICK))

    @cached_property
    def tick(self) -> Fraction:
        """How long one of them is shown, in seconds."""
        return Fraction(self.seconds).limit_denominator(1000) / self.ticks

    @property
    def duration(self) -> Fraction:
        return self.beats * self.ticks * self.tick

    def sample(self) -> Iterator[np.ndarray]:
        """Some of the pictures, in which all colours occur."""
        last = self.beats - 1
        for k in sorted({round(i * last / (SAMPLE - 1)) for i in range(SAMPLE)}):
            yield _with(self._state(k))

    def frames(self) -> Iterator[tuple[np.ndarray, int]]:
        """Each picture and for how many ticks it is shown; `ticks` of them for each beat."""
        yield from self._film() if self.play.is_film else self._steps()

    # ---- a film

    def _film(self) -> Iterator[tuple[np.ndarray, int]]:
        before = self._state(0)
        yield _with(before), self.ticks
        for k in range(1, self.beats):
            now = self._state(k)
            moving = max(1, round(0.8 * self.ticks))
            for i in range(1, moving):
                yield between(before, now, i / moving), 1
            yield _with(now), self.ticks - moving + 1
            before = now

    def _state(self, k: int, asked: bool = False) -> State:
        """What is seen at a moment of a film, or at the k-th step that an episode shows."""
        import numpy as np

        film = self.play.is_film
        step = None if film else self.play.scene.shown[k]
        tiles = self.play.tiles(step, k if film else 0, asked)
        pixels = np.full((HEIGHT, WIDTH, 3), _rgb("surface"), np.uint8)
        tokens = []
        for box, shapes in tiles:
            x, y, w, h = box
            part = self._tile(box, _SHARE.sub("", _CURSOR.sub("", shapes)))
            if film and _TOKEN.search(shapes):
                bare = self._tile(box, _TOKEN.sub("", shapes))
                rows = slice(CHIP_TOP - y, CHIP_TOP - y + CHIP_H)
                tokens.append((part[rows].astype(np.int16) - bare[rows], x, CHIP_TOP))
                part = bare
            pixels[y : y + h, x : x + w] = part
        return State(pixels, movers("".join(shapes for _, shapes in tiles)), tuple(tokens))

    def _tile(self, box: tuple[int, int, int, int], shapes: str) -> np.ndarray:
        """(h, w, 3) pixels of a part of the stage."""
        if (found := self._tiles.pop((box, shapes), None)) is None:
            found = self.render(_cropped(picture(shapes), box))
        self._tiles[box, shapes] = found  # the last one used is the last one to go
        if len(self._tiles) > KEPT:
            del self._tiles[next(iter(self._tiles))]
        return found

    @cached_property
    def _tiles(self) -> dict[tuple[tuple[int, int, int, int], str], np.ndarray]:
        return {}

    # ---- the steps of an episode

    def _steps(self) -> Iterator[tuple[np.ndarray, int]]:
        before = None
        for k in range(self.beats):
            comes, reads, flies = (round(part * self.ticks) for part in (FADE, READ, FLY))
            now, scene = self._state(k), self.play.scene
            if scene.turns[scene.shown[k]].kind == "silent" or not comes or not flies:
                # nothing is picked, or there is no time
                yield _with(now), self.ticks
                before = now
                continue
            asked = self._state(k, asked=True)
            if before is not None:
                yield from ((p, 1) for p in self._turn(before, asked, k, comes))
            yield _with(asked), reads + (0 if before else comes)
            yield from ((p, 1) for p in self._flight(asked, now, k, flies))
            yield _with(now), self.ticks - comes - reads - flies
            before = now

    def _turn(self, a: State, b: State, k: int, count: int) -> Iterator[np.ndarray]:
        """From a step to the next one's question; the window over the strip moves along."""
        play = self.play
        x1, x2 = (offset(play.stage, self.beats, step) for step in (k - 1, k))
        box = (play.stage["left"], STRIP_Y, play.stage["width"], WINDOW_H)
        step = play.scene.shown[k]
        places = strip(play.scene, play.episodes[0], step, asked=True) if x1 != x2 else ()
        for i in range(1, count + 1):
            shown = between(a, b, i / (count + 1))
            if places:
                x = x1 + (x2 - x1) * eased(i / (count + 1))
                shapes = window_of(box, x, "".join(places))
                left, top, width, height = box
                part = self.render(_cropped(picture(shapes), box))
                shown[top : top + height, left : left + width] = part
            yield shown

    def _flight(self, a: State, b: State, k: int, count: int) -> Iterator[np.ndarray]:
        """What was sampled flies from its bar to its place in the strip."""
        resting = _with(a)
        picked = re.search(
            r'<g class="picked"><rect class="wash" x="([\d.]+)" y="(\d+)"',
            "".join(shapes for _, shapes in self.play.tiles(self.play.scene.shown[k])),
        )
        if picked is None:  # a skip step that chose none
            yield from (between(a, b, i / (count + 1)) for i in range(1, count + 1))
            return
        stage, (w, h) = self.play.stage, SPRITE
        goal_x = round(stage["left"] + PITCH * (k + 0.5) - offset(stage, self.beats, k) - w / 2)
        goal_y = STRIP_Y + 3
        sprite = b.pixels[goal_y : goal_y + h, goal_x : goal_x + w]
        from_x, from_y = float(picked[1]), min(int(picked[2]) - 12, HEIGHT - h)
        for i in range(1, count + 1):
            t = eased(i / (count + 1))
            x, y = round(from_x + (goal_x - from_x) * t), round(from_y + (goal_y - from_y) * t)
            shown = resting.copy()
            shown[y : y + h, x : x + w] = sprite
            yield shown


# ---------------------------------------------------------------- pixels


def eased(t: float) -> float:
    """Slow at both ends; t and the answer are in [0, 1]."""
    return t * t * (3 - 2 * t)


def movers(svg: str) -> tuple[Mover, ...]:
    """The bars and the cursor of a stage, which `frames` moves."""
    found = []
    slots = dict(re.findall(r"--enas-op-(\w+):var\(--enas-(\w+)\)", svg))  # of further operations
    for group in re.findall(r'<g class="(picked|other)">(.*?)</g>', svg, flags=re.S):
        for name, *numbers in _SHARE.findall(group[1]):
            op = name.strip().removeprefix("op-")
            tone = "now" if group[0] == "picked" else op or "arc"
            found.append((*map(float, numbers), _rgb(slots.get(tone, tone))))
    for x, top, bottom in _CURSOR.findall(svg):
        y = float(top)
        found.append((float(x) - 1.5, y, 3.0, float(bottom) - y, _rgb("now")))
    return tuple(found)


def _rgb(name: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(palette()[f"--enas-{name}"][0][1:]))


def _with(state: State) -> np.ndarray:
    """A state's picture, movers included."""
    picture = state.pixels.copy()
    for mover in state.movers:
        _fill(picture, mover)
    for token in state.tokens:
        _write(picture, token)
    return picture


def between(a: State, b: State, t: float) -> np.ndarray:
    """The picture between two states; t in (0, 1). Movers that both have move, others fade; words
    and numbers are those of `b` at once, since two at a time cannot be read."""
    import numpy as np

    t = eased(t)
    together = len(a.movers) == len(b.movers) and all(
        one[:2] == two[:2] or one[2] == two[2] for one, two in zip(a.movers, b.movers, strict=True)
    )
    bare = (replace(state, tokens=()) for state in (a, b))
    first, second = (a.pixels, b.pixels) if together else map(_with, bare)
    picture = first.copy()
    picture[WORDS:] = second[WORDS:]
    rows = np.flatnonzero((picture != second).any((1, 2)))
    if rows.size:
        part = slice(rows[0], rows[-1] + 1)
        share = round(256 * t)
        mixed = first[part].astype(np.uint16) * (256 - share)
        mixed += second[part].astype(np.uint16) * share
        picture[part] = (mixed + 128) >> 8
    if together:
        for one, two in zip(a.movers, b.movers, strict=True):
            place = [p + (q - p) * t for p, q in zip(one[:4], two[:4], strict=True)]
            colour = tuple(round(p + (q - p) * t) for p, q in zip(one[4], two[4], strict=True))
            _fill(picture, (*place, colour))
    olds, news = ({token[1:]: token for token in state.tokens} for state in (a, b))
    for place in olds.keys() | news.keys():
        old, new = olds.get(place), news.get(place)
        if old and new and np.array_equal(old[0], new[0]):
            _write(picture, new)
            continue
        if old and t < 0.5:  # it is gone before the new one comes: two at a time cannot be read
            _write(picture, old, round(SLIDE * t), 1 - 2 * t)
        if new and t > 0.5:
            _write(picture, new, round(SLIDE * t) - SLIDE, 2 * t - 1)
    return picture


def _write(picture: np.ndarray, token: Token, down: int = 0, strength: float = 1) -> None:
    """Letters into their chip, moved down by so many pixels; what leaves the chip is cut off."""
    import numpy as np

    ink, left, top = token
    height, width, _ = ink.shape
    kept = ink[max(0, -down) : height - max(0, down)]
    top += max(0, down)
    area = picture[top : top + len(kept), left : left + width]
    area[:] = np.clip(area + np.rint(kept * strength), 0, 255).astype(np.uint8)


def _fill(picture: np.ndarray, mover: Mover) -> None:
    """A rectangle between pixels, whose left and right edges are partly covered."""
    import numpy as np

    x, y, w, h, colour = mover
    x1, x2, top, bottom = x, x + w, round(y), round(y + h)
    first, last = int(x1), int(-(-x2 // 1))
    if w <= 0 or last <= first:
        return
    columns = np.arange(first, last)
    covered = np.clip(np.minimum(columns + 1, x2) - np.maximum(columns, x1), 0, 1)[None, :, None]
    area = picture[top:bottom, first:last]
    area[:] = np.rint(area * (1 - covered) + np.array(colour) * covered).astype(np.uint8)


def _cropped(svg: str, box: tuple[int, int, int, int]) -> str:
    """A part of a picture, as large as it is in the whole."""
    x, y, w, h = box
    head = f'viewBox="{x} {y} {w} {h}" width="{w}" height="{h}"'
    return re.sub(r'viewBox="[^"]*" width="[^"]*" height="[^"]*"', head, svg, count=1)
