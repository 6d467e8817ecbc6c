"""Markup: a scene as SVG, once for the browser to play, or as stills at a step.

The browser gets `skeleton`: two drawings in which nothing is decided yet, each shape with
`data-born`; it then only sets class names. A still is the same drawing with the classes set, its
styles inside and no variables left, so that any viewer shows it.

Not here: coordinates (`layout`), words (`scene`), files and pixels (`export`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture
from enas_viz.view import kinds, micro_svg
from enas_viz.view.scene import WORDS, Bar, Scene, facts, scene_of, two_digits
from enas_viz.view.shapes import PREFIX, standalone, svg, symbols, wrap
from enas_viz.view.slabs import Plan
from enas_viz.view.stack import describe_stack, stack_parts

Block = tuple[list[str], float, float]  # (parts, width, height) of a piece of a still


# ---------------------------------------------------------------- for the browser


def skeleton(scene: Scene) -> dict[str, Any]:
    """The scene for the browser: its words and its two drawings with nothing decided."""
    painter, layout, strip = kinds.of(scene.space).painter, scene.layout, scene.strip
    return {
        **scene.to_json(),
        "network": svg(painter.network_parts(scene), layout.width, layout.height),
        "strip": svg(painter.strip_parts(scene), strip.width, strip.height),
        **painter.cells(scene),
        "signs": painter.signs(scene),
    }


# ---------------------------------------------------------------- stills

EDGE = 20  # white margin of a still
PANEL_LINE = 21


def still(
    scene: Scene,
    architecture: Architecture,
    episode: Episode | None = None,
    step: int | None = None,
    above: Sequence[Block] = (),
    hint: str = "",
) -> str:
    """A picture that stands alone. Of an architecture: the network. Of an episode: the controller
    above it; at a step also the sentence and the probabilities of that step. above: what comes
    before all that. hint: a last line for the reader."""
    played = episode is not None and bool(episode.steps)
    now = len(scene.plan) if step is None else scene.homes[step]
    blocks: list[Block] = list(above)
    kind, strip, layout = kinds.of(scene.space), scene.strip, scene.layout
    if played:
        steps = kind.painter.strip_parts(scene, architecture, now)
        blocks.append((steps, strip.width, strip.height + 14))
    wide = max([layout.width, *(w for _, w, _ in blocks), kind.still_width if played else 0])
    at_step = played and step is not None
    if at_step:
        told = {t: _told(scene, t, episode, wide) for t in scene.shown}
        room = max(height for _, _, height in told.values())  # what follows stands still
        blocks.append((told[now][0], wide, room))
    network = kind.painter.network_parts(scene, architecture, now)
    blocks.append((network, layout.width, layout.height + 8))
    blocks.append(_legend(scene, wide))
    for text in filter(None, (facts(episode), episode.note) if episode else ()):
        blocks += [paragraph(line, wide) for line in wrap(text, wide, 11)]
    if hint:
        blocks += [paragraph(line, wide, "hint") for line in wrap(hint, wide, 12)]
    if at_step:
        return stacked(blocks, wide, scene.caption(now, episode.steps))
    return stacked(blocks, wide, describe(scene, architecture))


def network_still(plan: Plan, colour: str = "op", cells: bool = True, hint: str = "") -> str:
    """The whole network as a stack, and under it the cells that it repeats; of the article's block
    the stack alone, as the article shows it.

    cells: whether these are shown; a page that opens them on a click leaves them out. hint: a last
    line for the reader.
    """
    parts, width, height = stack_parts(plan)
    architecture = plan.architecture
    scene, cells = _scene_in(plan, colour), cells and not plan.block
    kind = kinds.of(architecture.space)
    blocks: list[Block] = [(parts, width, height)]
    if kind.has_cells and cells:
        drawn = kind.painter.network_parts(scene, architecture, len(scene.plan))
        blocks.append((drawn, scene.layout.width, scene.layout.height + 8))
    if cells:
        blocks.append(_legend(scene, max(w for _, w, _ in blocks)))
    wide = max(w for _, w, _ in blocks)
    # In a search a cell hands on as many channels as it has inside; in a network of its own, its
    # loose ends side by side.
    inside = " inside a cell" if kind.has_cells and plan.final else ""
    told = f"Sizes are height × width × channels{inside}: {plan.source}."
    told = plan.source if plan.block else told
    blocks += [paragraph(line, wide) for line in wrap(told, wide, 11)]
    note = "" if isinstance(plan.shown, Architecture) else plan.shown.note
    blocks += [paragraph(line, wide) for line in wrap(note, wide, 11) if line]
    if hint:
        blocks += [paragraph(line, wide, "hint") for line in wrap(hint, wide, 12)]
    return stacked(blocks, wide, f"{describe_stack(plan)} {describe(scene, architecture)}")


def cell_still(plan: Plan, cell: int, colour: str = "op") -> str:
    """One of a network's two cells by itself."""
    architecture = plan.architecture
    scene = _scene_in(plan, colour)
    picks, place = scene.picks(architecture), scene.layout.cells[cell]
    parts = micro_svg.cell_parts(scene, cell, picks, len(picks))
    moved = [
        symbols(scene.space.ops, "beside"),
        f'<g transform="translate(0 {-place.top:g})">{"".join(parts)}</g>',
    ]
    blocks = [(moved, scene.layout.width, place.height + 8), _legend(scene, scene.layout.width)]
    return stacked(blocks, scene.layout.width, describe(scene, architecture))


def _scene_in(plan: Plan, colour: str) -> Scene:
    """The scene of what is stacked, wired as it is in this network."""
    if plan.block:
        return scene_of(plan.shown, colour, as_article=True)
    return kinds.of(plan.architecture.space).scene_in(scene_of(plan.shown, colour), plan)


def stacked(blocks: Sequence[Block], wide: float, caption: str, also: str = "") -> str:
    """Blocks one under the other, each in the middle of `wide`, as a picture that stands alone.

    also: the widget whose own rules its shapes need, too."""
    parts, y = [], EDGE
    for block, width, height in blocks:
        dx = EDGE + max(0, (wide - width) / 2)
        parts.append(f'<g transform="translate({dx:g} {y:g})">{"".join(block)}</g>')
        y += height
    return standalone("".join(parts), wide + 2 * EDGE, y + EDGE - 8, caption, also)


def describe(scene: Scene, architecture: Architecture) -> str:
    """The finished network in one sentence, for those who do not see it."""
    return kinds.of(scene.space).painter.describe(scene, architecture)


def _told(scene: Scene, step: int, episode: Episode, wide: float) -> Block:
    """The step in words, and beside it the probability of every option."""
    left = min(360, wide * 0.42)
    height = scene.panel_rows * PANEL_LINE
    question = scene.question(step, episode.steps)
    parts, y = [], 14
    for line in wrap(scene.count(step), left, 13):
        parts.append(f'<text class="kicker start" x="0" y="{y}">{line}</text>')
        y += 16
    y += 8
    for line in wrap(question[:1].upper() + question[1:], left, 17):
        parts.append(f'<text class="title start" x="0" y="{y}">{escape(line)}</text>')
        y += 22
    for line in wrap(scene.answer(step, episode.steps), left, 13.5):
        parts.append(f'<text class="body start" x="0" y="{y}">{escape(line)}</text>')
        y += 19
    parts += _panel(scene, scene.bars(step, episode.steps[step]), left + 28, wide - left - 28)
    return parts, wide, max(height, y) + 24


def _panel(scene: Scene, bars: tuple[Bar, ...], x: float, width: float) -> list[str]:
    lines = scene.panel_rows
    columns = max(1, -(-len(bars) // lines))
    column = min(width / columns, 400)
    parts = []
    for i, bar in enumerate(bars):
        left, y = x + (i // lines) * column, (i % lines) * PANEL_LINE
        parts.append(_bar(scene, bar, left, y, column - 14))
    return parts


def _bar(scene: Scene, bar: Bar, x: float, y: float, width: float) -> str:
    name, after = 74, 92 if bar.answer in (WORDS["yes"], WORDS["no"]) else 120
    track = max(20, width - name - after)
    tone = f" op-{bar.op}" if bar.op and scene.colour == "op" else ""
    end = x + name + track
    pill = end + 48
    wash = f'<rect class="wash" x="{x - 6:g}" y="{y:g}" width="{width + 12:g}" height="20" rx="5"/>'
    tick = f'<path class="tick" d="M{pill - 3.5:g} {y + 10:g}l2.5 2.6 4.4 -5.2"/>'
    return (
        f'<g class="{"picked" if bar.picked else "other"}">'
        + wash * bar.picked
        + f'<text class="start" x="{x:g}" y="{y + 14:g}">{escape(bar.label)}</text>'
        f'<rect class="track" x="{x + name:g}" y="{y + 5:g}" width="{track:g}" height="10" rx="2"/>'
        f'<rect class="share{tone}" x="{x + name:g}" y="{y + 5:g}" '
        f'width="{track * bar.probability:.1f}" height="10" rx="2"/>'
        f'<text class="start" x="{end + 8:g}" y="{y + 14:g}">{two_digits(bar.probability)}</text>'
        f'<circle class="pill" cx="{pill:g}" cy="{y + 10:g}" r="6.5"/>'
        + tick * bar.picked
        + f'<text class="word start" x="{pill + 12:g}" y="{y + 14:g}">{bar.answer}</text></g>'
    )


def _legend(scene: Scene, wide: float) -> Block:
    items = [(_op_icon(scene, op), op.title) for op in scene.space.ops]
    items += kinds.of(scene.space).painter.signs(scene)
    x, y, parts = 0.0, 12.0, []
    for mark, text in items:
        width = 24 + 6 * len(text) + 16
        if x and x + width > wide:
            x, y = 0.0, y + 22
        parts.append(f'<g transform="translate({x + 9:g} {y - 4:g})">{mark}</g>')
        parts.append(f'<text class="small start" x="{x + 24:g}" y="{y:g}">{text}</text>')
        x += width
    return parts, wide, y + 22


def _op_icon(scene: Scene, op: str) -> str:
    colour = f"op-{op}" if scene.colour == "op" else "pixel"
    return f'<g class="{colour}"><use href="#{PREFIX}i-{op}"/></g>'


def paragraph(line: str, wide: float, name: str = "small") -> Block:
    """A line of words; name: the class of its letters."""
    return [f'<text class="{name} start" x="0" y="12">{escape(line)}</text>'], wide, 18
