"""Pictures for notebooks: no ground of their own, readable on a light page and on a dark one."""

import base64
import io
import re
from xml.etree import ElementTree

import pytest
from episodes import made_up_cells, made_up_episode, made_up_trace
from PIL import Image

import enas_viz as ev
from enas_viz.view.assets import palette
from enas_viz.view.clear import PAGES, both, clear, contrast

DRAWN = {
    "network": lambda: ev.draw("article-macro"),
    "step": lambda: ev.draw(made_up_episode(6), step=5),
    "cells": lambda: ev.draw(made_up_cells(4)),
    "stack": lambda: ev.draw("enas-micro", level="network"),
    "curves": lambda: ev.plot(made_up_trace(4, 3, 4)),
}


def pixels(data: bytes | str) -> Image.Image:
    data = base64.b64decode(data) if isinstance(data, str) else data
    return Image.open(io.BytesIO(data)).convert("RGBA")


@pytest.mark.parametrize("name", DRAWN)
def test_a_notebook_gets_a_picture_without_ground_and_a_file_one_on_white(name):
    drawing = DRAWN[name]()

    shown = pixels(drawing._repr_mimebundle_()[0]["image/png"])
    saved = pixels(drawing.png)

    assert shown.size == saved.size
    corners = [(2, 2), (shown.width - 4, 2), (2, shown.height - 4)]  # an edge may cut a pixel
    assert [shown.getpixel(corner)[3] for corner in corners] == [0, 0, 0]
    assert [saved.getpixel(corner) for corner in corners] == [(255, 255, 255, 255)] * 3


@pytest.mark.parametrize("name", sorted(set(palette()) - {"--enas-surface"}))
def test_every_colour_becomes_one_that_both_pages_carry(name):
    light = palette()[name][0]

    mark, word = both(light), both(light, word=True)

    assert min(contrast(mark, page) for page in PAGES) >= 3
    assert contrast(word, PAGES[0]) >= 4.5
    assert contrast(word, PAGES[1]) >= 3


def test_words_are_as_readable_on_dark_as_they_can_be_with_enough_contrast_on_white():
    for name in ("--enas-ink", "--enas-muted", "--enas-now-text"):
        word = both(palette()[name][0], word=True)
        assert contrast(word, PAGES[1]) >= 3.85  # 17.8 / 4.5 = 3.96, were lightness without steps
    assert contrast(*PAGES) < 4.5**2  # so no colour has 4.5 to both


def test_no_colour_of_the_light_palette_that_fails_on_dark_is_left_outside_boxes():
    svg = clear(ev.draw("article-macro").svg)

    left = set(re.findall(r"#[0-9a-f]{6}", svg))
    weak = {c for c in left if min(contrast(c, page) for page in PAGES) < 3}
    grounds = {palette()[f"--enas-{n}"][0] for n in ("surface", "quiet", "band", "now-wash")}
    assert weak - grounds == {palette()["--enas-ink"][0]}  # words inside boxes, on their ground
    ElementTree.fromstring(svg)


def test_few_colours_keep_what_is_drawn_most():
    """Both blues of convolutions stay two."""
    shown = pixels(ev.draw(made_up_episode(6), step=11)._repr_mimebundle_()[0]["image/png"])
    drawn = {colour[:3] for _, colour in shown.getcolors(10**6) if colour[3] == 255}

    for op in ("conv3x3", "conv5x5"):
        wanted = both(palette()[f"--enas-{op}"][0])
        assert tuple(int(wanted[i : i + 2], 16) for i in (1, 3, 5)) in drawn
