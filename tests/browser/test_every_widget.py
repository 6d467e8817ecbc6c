"""Every widget as a page of its own: nothing sticks out, nothing lies on anything else, axe finds
nothing; light and dark, at three widths, small and large spaces.

ENAS_VIZ_SHOTS names a folder for pictures of all that is checked, to be looked at.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from episodes import made_up_cells, made_up_episode, made_up_trace, with_counts

import enas_viz as ev
from enas_viz.spaces import MacroSpace, MicroSpace

WIDGETS = {
    "replay-12": lambda: ev.Replay(made_up_episode(12), step=9),
    "replay-24": lambda: ev.Replay(made_up_episode(24), step=40),
    "replay-cells": lambda: ev.Replay(made_up_cells(5), step=17),
    "replay-7-nodes": lambda: ev.Replay(made_up_cells(7), step=60),
    "film": lambda: ev.Replay(made_up_trace(6)),
    "dashboard": lambda: ev.Dashboard(made_up_trace(6)),
    "dashboard-two": lambda: opened(
        ev.Dashboard({"layers": made_up_trace(12), "cells": ev.load_trace("micro-cifar10-cpu")})
    ),
    "dashboard-overlaid": lambda: ev.Dashboard(
        {"seed 0, a run with a long name": made_up_trace(6), "b": made_up_trace(6, 12)},
        overlaid=True,
    ),
    "dashboard-24": lambda: ev.Dashboard(made_up_trace(24, 3, 5)),
    "editor-6": lambda: ev.Editor(MacroSpace(6)),
    "editor-24": lambda: ev.Editor(MacroSpace(24), step=30),
    "editor-7-nodes": lambda: ev.Editor(MicroSpace(7), step=20),
    "article": lambda: ev.Replay("article-macro", as_article=True, step=1),
    "article-cells": lambda: ev.Replay("article-micro", as_article=True, step=3),
    "microscope": lambda: ev.Microscope(),
    "shared-12": lambda: ev.SharedWeights(with_counts(made_up_trace(12))),
    "shared-24": lambda: ev.SharedWeights(with_counts(made_up_trace(24, 3, 5))),
    "shared-cells": lambda: ev.SharedWeights("micro-cifar10-cpu"),
    "loop": lambda: ev.Loop("macro"),
    "loop-cells": lambda: ev.Loop("micro"),
    "lens": lambda: ev.Lens(ev.load_trace("controller-macro")),
    "lens-cells": lambda: ev.Lens(ev.load_trace("controller-micro")),
    "exercise": lambda: ev.Exercise("lucky-best"),
    "exercise-several": lambda: ev.Exercise("honest"),
    "exercise-list": lambda: ev.Exercise("macro-list"),
    "guess": lambda: ev.Guess("Does it rise steadily, or suddenly?", ["steadily", "suddenly"]),
    "child": lambda: ev.Child(),
    "child-cells": lambda: ev.Child("child-micro"),
}
AXED = [
    "replay-cells",
    "film",
    "dashboard-two",
    "editor-6",
    "microscope",
    "shared-12",
    "lens",
    "child",
    "loop",
]
SIZES = [390, 800, 1400]
THEMES = ["light", "dark"]

# What sticks out of the page, and words that are cut off although nobody can scroll to them.
STICKS_OUT = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide + 1) found.push('the page scrolls sideways');
  for (const e of document.querySelectorAll('.enas-viz :is(p, h2, button, label, dd, dt, td)')) {
    const style = getComputedStyle(e);
    if (e.matches('.unseen, .unseen *, .choose') || !e.getClientRects().length) continue;
    if (style.clipPath === 'inset(50%)') continue; // for screen readers only
    const cut = e.scrollWidth > e.clientWidth + 1 && style.display !== 'inline';
    if (cut && style.overflowX !== 'auto')
      found.push(`cut off: ${e.className} ${e.textContent.slice(0, 50)}`);
  }
  return found;
}"""
# Words of a drawing, or of the page, that lie on one another. Text of a drawing has room above and
# below its letters, so two lines may touch.
OVERLAPS = """() => {
  const found = [], shown = (e) => e.getClientRects().length &&
    getComputedStyle(e).visibility === 'visible' && e.textContent.trim();
  const box = (e) => {
    const b = e.getBoundingClientRect();
    return [b.left, b.top, b.right, b.bottom];
  };
  for (const drawing of document.querySelectorAll('.enas-viz svg.enas-svg')) {
    const words = [...drawing.querySelectorAll('text')]
      .filter((e) => !e.closest('defs') && shown(e));
    const boxes = words.map(box);
    for (let i = 0; i < words.length; i++) for (let j = i + 1; j < words.length; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
      const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
      if (w > 2 && h > 0.4 * Math.min(a[3] - a[1], b[3] - b[1]))
        found.push(`${words[i].textContent} | ${words[j].textContent}`);
    }
  }
  const rows = ['controls', 'head', 'seat', 'actions', 'told', 'plots', 'nets'];
  const parts = rows.flatMap((name) => [...document.querySelectorAll(`.enas-viz .${name} > *`)]);
  const boxes = parts.map(box);
  for (let i = 0; i < parts.length; i++) for (let j = i + 1; j < parts.length; j++) {
    if (parts[i].parentNode !== parts[j].parentNode) continue;
    const [a, b] = [boxes[i], boxes[j]];
    const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
    const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    if (w > 2 && h > 2)
      found.push(`${parts[i].className} | ${parts[j].className}`);
  }
  return found;
}"""

# What may have the focus and lets JupyterLab take a key as a command: two presses of D would delete
# the cell. The mark must stand on the very element, since some of its commands look at that alone.
UNMARKED = """() => {
  const focused = ':is(button, input, select, summary, textarea, [tabindex])';
  return [...document.querySelectorAll(`.enas-viz ${focused}, .enas-viz${focused}`)]
    .filter(e => !e.hasAttribute('data-lm-suppress-shortcuts'))
    .map(e => `${e.tagName} ${e.getAttribute('class')}`);
}"""


def opened(board):
    """A dashboard in which a sample is replayed."""
    board.opened = [1, board.told[1]["moments"]["n"][5]]
    return board


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """The addresses of all widgets' pages."""
    folder = tmp_path_factory.mktemp("widgets")
    found = {}
    for name, make in WIDGETS.items():
        path = folder / f"{name}.html"
        path.write_text(make().html(), encoding="utf-8")
        found[name] = path.as_uri()
    return found


@pytest.mark.parametrize("name", WIDGETS)
def test_nothing_sticks_out_or_lies_on_anything_else(new_page, pages, name):
    page = new_page(SIZES[0], color_scheme=THEMES[0], reduced_motion="reduce")
    page.goto(pages[name])
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width in SIZES:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(150)
            if shots := os.environ.get("ENAS_VIZ_SHOTS"):
                page.screenshot(path=Path(shots) / f"{name}-{theme}-{width}.png", full_page=True)

            assert page.evaluate(STICKS_OUT) == [], (theme, width)
            assert page.evaluate(OVERLAPS) == [], (theme, width)
    assert page.evaluate(UNMARKED) == []


def test_what_sticks_out_or_overlaps_is_seen(new_page, pages):
    page = new_page(800)
    page.goto(pages["dashboard"])
    page.evaluate("""() => {
      const [first, second] = document.querySelectorAll('.board text');
      second.setAttribute('x', first.getAttribute('x'));
      second.setAttribute('y', first.getAttribute('y'));
      document.querySelector('.status').style.cssText = 'width: 40px; white-space: nowrap';
    }""")

    assert page.evaluate(OVERLAPS) != []
    assert page.evaluate(STICKS_OUT) != []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    "name", ["replay-cells", "film", "dashboard-two", "editor-6", "microscope", "child", "loop"]
)
def test_axe_finds_nothing(new_page, pages, name, theme):
    page = new_page(800, color_scheme=theme, reduced_motion="reduce")
    page.goto(pages[name])

    found = Axe().run(page)

    told = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found.response["violations"]]
    assert told == []


@pytest.mark.parametrize("name", AXED[1:])
def test_everything_that_can_be_used_is_reached_by_the_keyboard(new_page, pages, name):
    page = new_page(1200, reduced_motion="reduce")
    page.goto(pages[name])
    wanted = page.evaluate("""() => [...document.querySelectorAll(
      '.enas-viz :is(button, input, select)')].filter(e => !e.disabled &&
        e.getClientRects().length && getComputedStyle(e).visibility === 'visible').length""")

    reached = set()
    for _ in range(3 * wanted + 10):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("""() => {
          const all = [...document.querySelectorAll('.enas-viz :is(button, input, select)')];
          return all.indexOf(document.activeElement);
        }""")
        )
    reached.discard(-1)

    assert len(reached) == wanted
