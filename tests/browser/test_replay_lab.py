"""The widget in a real JupyterLab: Python and browser share one clock, in both themes."""

from pathlib import Path

import nbformat
import pytest
from lab_server import ran, write_notebook
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-replay"
CELLS = (
    "import sys; sys.path.insert(0, {tests!r})\n"
    "import enas_viz as ev\n"
    "from episodes import made_up_article_episode, made_up_episode",
    "replay = ev.Replay(made_up_article_episode(), colour='layer')\nreplay",
    "replay.step = 3",
    "ev.Replay(made_up_episode(12))",
    "ev.Replay(made_up_episode(4)).iframe()",
    "replay  # the same widget a second time",
)


@pytest.fixture(scope="module")
def page(lab):
    tests = str(Path(__file__).parent.parent)
    cells = (cell.format(tests=tests) for cell in CELLS)
    notebook = write_notebook(lab.new_folder("replay") / "replay.ipynb", cells)
    with ran(lab, notebook, replays=3, width=1500, motion="reduce", theme="dark") as page:
        yield page


def test_a_step_that_python_sets_reaches_the_browser(page):
    expect(page.locator(ROOT).nth(0).locator(".count")).to_have_text("Step 4 of 7")


def test_two_views_of_one_replay_show_the_same(page):
    first, again = page.locator(ROOT).nth(0), page.locator(ROOT).nth(2)

    again.locator("input[aria-label^=Step]").fill("5")
    expect(first.locator(".count")).to_have_text("Step 6 of 7")
    first.locator("input[aria-label^=Step]").fill("3")
    expect(again.locator(".count")).to_have_text("Step 4 of 7")


def test_the_keyboard_moves_the_clock_and_not_the_notebook(page):
    replay = page.locator(ROOT).nth(0)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    replay.focus()

    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "b", "d", "d", "a"):  # Lab's own commands
        page.keyboard.press(key)

    expect(replay.locator(".count")).to_have_text("Step 5 of 7")
    page.wait_for_timeout(300)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells


def test_the_widget_wears_the_labs_theme(page):
    background = page.evaluate(
        f"getComputedStyle(document.querySelector('{ROOT}')).backgroundColor"
    )

    assert background == "rgb(21, 24, 29)"


def test_two_replays_keep_their_own_clocks_and_icons(page):
    first, second = page.locator(ROOT).nth(0), page.locator(ROOT).nth(1)
    before = first.locator(".count").text_content()  # which may be out of sight later

    second.locator("input[aria-label^=Step]").fill("8")

    expect(second.locator(".count")).to_have_text("Step 9 of 24")
    assert first.locator(".count").text_content() == before
    ids = page.evaluate(f"[...document.querySelectorAll('{ROOT} [id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_twelve_layers_fit_the_notebooks_width(page):
    for part in ("strip", "network"):
        box = page.locator(ROOT).nth(1).locator(f".{part}")
        assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_a_drag_shows_each_step_before_the_kernel_has_heard_of_it(page):
    replay = page.locator(ROOT).nth(1)
    seen = replay.evaluate("""root => {
      const found = [], slider = root.querySelector('input[aria-label^=Step]');
      for (let step = 0; step < 24; step++) {
        slider.value = step;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        found.push(root.querySelector('.count').textContent);
      }
      return found;
    }""")

    assert seen == [f"Step {step + 1} of 24" for step in range(24)]


def test_the_frame_plays_by_itself(page):
    frame = page.frame_locator(".jp-OutputArea-output iframe")
    frame.locator("[data-act=last]").click()

    expect(frame.locator(".count")).to_have_text("Step 8 of 8")


def test_a_saved_notebook_has_a_still_for_viewers_without_widgets(page, lab):
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    path = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")

    outputs = nbformat.read(lab.folder / path, as_version=4).cells[1].outputs
    assert outputs[0]["data"]["image/png"].startswith("iVBOR")
    assert outputs[0]["metadata"]["image/png"]["width"] > 300
