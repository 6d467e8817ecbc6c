"""Drawings without a ground of their own, for notebooks: readable on light pages and on dark ones.

A notebook does not tell the kernel its theme, and an image in it cannot find out (JupyterLab shows
SVG inside an <img> and sets no `color-scheme`; HTML would be lost in notebooks that are not
trusted). So there is one picture for both, of colours halfway: marks have a contrast of at least 3
to 1 to either page; words have 4.5 to 1 on white, as WCAG asks, which leaves 3.9 to 1 on dark.
More is impossible: both contrasts multiply to 17.8, so 4.2 is the most that both can have. What
stands inside a box has the box's ground and keeps its colours. Files that are saved keep a white
ground.

Not here: the drawings (`svg`, `curves`), pixels (`export`).
"""

from __future__ import annotations

import colorsys
import re
from functools import cache

from enas_viz.view.assets import palette

PAGES = ("#ffffff", "#15181d")  # the grounds of a light and of a dark page
MARK, WORD = 3.0, 4.5  # contrast of a mark to both, of a word to the light one
STEP = 0.004  # of lightness, in [0, 1]
GROUNDS = ("surface", "quiet", "band", "now-wash")  # of boxes: they stay
WORDS = ("ink", "muted", "now-text")
INSIDE = ".enas-svg .enas-glyph, .enas-svg .token, .enas-svg .picked text, .enas-svg .slab text"


def clear(svg: str) -> str:
    """A picture that stands alone, without its paper and in colours for both kinds of page."""
    light = {pair[0]: name.removeprefix("--enas-") for name, pair in palette().items()}
    ink = palette()["--enas-ink"][0]

    def other(found: re.Match[str]) -> str:
        name = light.get(found[0])
        return found[0] if name is None or name in GROUNDS else both(found[0], name in WORDS)

    grey = both(palette()["--enas-muted"][0], word=True)
    band = f"fill: {both(palette()['--enas-line'][0])}; fill-opacity: 0.16"
    more = (
        f".enas-svg .paper, .enas-svg .slot {{ fill: none }} .enas-svg .band {{ {band} }} "
        f".enas-glyph, {INSIDE} {{ fill: {ink} }} .enas-svg .slab .small {{ fill: {grey} }}"
    )
    recoloured = re.sub(r"#[0-9a-f]{6}\b", other, svg)
    return recoloured.replace("</style>", f"{more}</style>", 1)


@cache
def both(colour: str, word: bool = False) -> str:
    """The colour of that hue nearest to `colour` that both kinds of page carry.

    colour: as #rrggbb. word: whether letters have it, not marks. See above for the contrasts.
    """
    light, dark = PAGES
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))

    def at(value: float) -> str:
        parts = colorsys.hls_to_rgb(hue, value, saturation)
        return "#" + "".join(f"{round(255 * part):02x}" for part in parts)

    least = WORD if word else MARK
    while contrast(at(lightness), light) < least:
        lightness -= STEP
    while contrast(at(lightness), dark) < MARK or (
        word and _could_be_lighter(at(lightness + STEP))
    ):
        lightness += STEP
    return at(lightness)


def _could_be_lighter(colour: str) -> bool:
    """Whether words in it have their contrast on a light page and lack it on a dark one."""
    light, dark = PAGES
    return contrast(colour, light) >= WORD and contrast(colour, dark) < WORD


def contrast(a: str, b: str) -> float:
    """The ratio of two colours by WCAG, from 1 to 21."""
    low, high = sorted(map(_luminance, (a, b)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = (
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in _parts(colour))
    )
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
