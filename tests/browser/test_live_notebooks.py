"""Notebooks with live searches and editors, run through in a real JupyterLab, fewer epochs each."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ROOT = ".jp-OutputArea-output .enas-replay"


def live(stem, replays):
    """A fixture: the notebook, run through, on a page."""

    @pytest.fixture(scope="module")
    def page(browser, tmp_path_factory):
        folder = tmp_path_factory.mktemp(stem)
        with ran(browser, folder, NOTEBOOKS / f"{stem}.ipynb", replays, tiny=True) as found:
            wait_for_the_end(found)
            yield found

    return page


searched = live("06_run_a_search", replays=2)
designed = live("08_design_your_own", replays=4)


def wait_for_the_end(page):
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.filter("
        "w => w.model.type === 'code').every(w => w.model.executionCount)",
        timeout=180_000,
    )
    page.wait_for_timeout(1000)


def test_every_cell_about_the_search_ran_without_an_error(searched):
    assert not [o for o in outputs(searched) if o["output_type"] == "error"]
    told = "".join("".join(o.get("text", "")) for o in outputs(searched))
    assert "400 networks, 4 epochs" in told


def test_both_dashboards_are_finished(searched):
    boards = searched.locator(ROOT)

    expect(boards.nth(0).locator(".status")).to_contain_text("finished: 4 epochs, 400 samples")
    expect(boards.nth(1).locator(".run")).to_have_count(2)


def test_heat_maps_have_the_colours_of_operations(searched):
    seen = (
        searched.locator(ROOT)
        .nth(1)
        .locator("canvas")
        .evaluate_all("""all => all.map(c => {
      const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      const found = new Set();
      for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i + 3]) found.add(pixels[i] === pixels[i + 1] && pixels[i] === pixels[i + 2]);
      return [...found];
    })""")
    )

    assert seen == [[False], [False]]  # none of them is grey


def test_every_cell_about_designing_ran_without_an_error(designed):
    assert not [o for o in outputs(designed) if o["output_type"] == "error"]


def test_the_seat_keeps_what_its_reader_scored_beside_the_controller(designed):
    seat = designed.locator(ROOT).nth(3)
    seat.scroll_into_view_if_needed()
    expect(seat.locator(".tried tr")).to_have_count(10)
    seat.get_by_role("button", name="Shuffle").click()
    designed.wait_for_timeout(500)

    seat.get_by_role("button", name="How good is it?").click()

    expect(seat.locator(".verdict")).to_contain_text("of the controller's 10")
