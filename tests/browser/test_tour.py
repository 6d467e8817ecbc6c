"""The tour in a real JupyterLab: run from top to bottom, its loop turned, its replays played."""

from pathlib import Path

import pytest
from lab_server import ran
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-replay:not(.enas-loop)"
TOUR = Path(__file__).parents[2] / "notebooks" / "00_tour.ipynb"


@pytest.fixture(scope="module")
def tour(lab):
    with ran(lab, TOUR, replays=3) as page:  # a loop is one, too
        page.wait_for_selector(".jp-OutputArea-output iframe")
        yield page


def test_every_cell_ran_without_an_error(tour):
    # Asked of the notebook's model: cells that are out of sight are not in the page.
    counts, outputs = tour.evaluate("""() => {
      const cells = window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model);
      const code = cells.filter(m => m.type === 'code');
      return [code.map(m => m.executionCount), code.flatMap(m => m.outputs.toJSON())];
    }""")

    assert counts == list(range(1, len(counts) + 1))
    assert [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"] == []


def test_pictures_and_curves_are_shown(tour):
    drawn = tour.locator(".jp-OutputArea-output.jp-RenderedImage img")
    widths = drawn.evaluate_all(
        "imgs => imgs.map(i => [i.width, i.closest('.jp-Cell').clientWidth])"
    )

    assert len(widths) == 2  # the curves, the reader's own network
    assert all(300 < width < cell for width, cell in widths)  # nothing is cut off


@pytest.mark.parametrize("size", [(1366, 768), (1280, 720)])
def test_the_loop_is_whole_on_one_screen(tour, size):
    before = tour.viewport_size
    tour.set_viewport_size({"width": size[0], "height": size[1]})
    loop = tour.locator(".jp-OutputArea-output .enas-loop")
    loop.scroll_into_view_if_needed()

    seen = loop.evaluate("""loop => {
      const box = loop.getBoundingClientRect();
      const room = loop.closest('.jp-WindowedPanel-outer').getBoundingClientRect();
      return [box.left - room.left, room.right - box.right, room.height - box.height];
    }""")
    tour.set_viewport_size(before)

    assert min(seen) >= 0, seen


def test_the_loops_update_says_what_the_notebook_says(tour):
    loop = tour.locator(".jp-OutputArea-output .enas-loop")
    loop.scroll_into_view_if_needed()

    for name in ("Sample", "Train a minibatch", "Reward", "Update"):
        loop.get_by_role("button", name=name, exact=True).click()

    expect(loop).to_contain_text("accuracy 0.56")
    expect(loop).to_contain_text("baseline 0.78")
    expect(loop).to_contain_text("52.2 → 11.0 %")


def test_the_temperature_visibly_moves_the_bars_of_the_first_replay(tour):
    replay = tour.locator(ROOT).nth(0)
    replay.scroll_into_view_if_needed()
    expect(replay).to_contain_text("Which operation does layer 2 use?")
    warmth = replay.locator("input[aria-label='What if: temperature']")

    told = []
    for place in (0, -20, 20):  # temperatures 1, 0.25 and 4
        warmth.fill(str(place))
        told.append(replay.locator(".bars").first.inner_text())

    for text, probability in zip(
        told, ("conv 5×5\n0.57", "conv 5×5\n0.98", "conv 5×5\n0.25"), strict=True
    ):
        assert probability in text
    warmth.fill("0")


def test_playing_runs_to_the_end_and_stops(tour):
    replay = tour.locator(ROOT).nth(1)
    replay.scroll_into_view_if_needed()
    replay.locator("select").select_option("4")
    replay.locator("input[aria-label^=Step]").fill("6")

    replay.locator("[data-act=toggle]").click()

    expect(replay).to_contain_text("Step 12 of 12")
    expect(replay).to_contain_text("That completes the network.")
    expect(replay.locator("[data-act=toggle]")).to_have_attribute("aria-label", "Play (Space)")


def test_the_framed_replay_plays_too(tour):
    frame = tour.frame_locator(".jp-OutputArea-output iframe")

    frame.locator("[data-act=last]").click()

    expect(frame.locator(".enas-replay")).to_contain_text("Step 12 of 12")
