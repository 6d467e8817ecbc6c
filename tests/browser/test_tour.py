"""The tour in a real JupyterLab: opened, run from top to bottom, scrubbed and played."""

from pathlib import Path

import pytest
from lab_server import ran
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-replay"
TOUR = Path(__file__).parents[2] / "notebooks" / "00_tour.ipynb"


@pytest.fixture(scope="module")
def tour(lab):
    with ran(lab, TOUR, replays=3) as page:
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

    assert len(widths) >= 3  # the best network, the curves, the reader's own network
    assert all(300 < width < cell for width, cell in widths)  # nothing is cut off


def test_scrubbing_the_articles_example_tells_each_step(tour):
    replay = tour.locator(ROOT).nth(0)
    replay.scroll_into_view_if_needed()

    replay.locator("input[aria-label^=Step]").fill("5")

    expect(replay).to_contain_text("Step 6 of 7")
    expect(replay).to_contain_text("Which earlier layers feed layer 4?")
    expect(replay).to_contain_text("Layer 2, probability 0.50: no.")
    expect(replay).to_contain_text("not a search")


def test_playing_runs_to_the_end_and_stops(tour):
    replay = tour.locator(ROOT).nth(2)
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
