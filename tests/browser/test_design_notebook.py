"""Notebook 08 in a real JupyterLab: networks of one's own, scored beside the controller's."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "08_design_your_own.ipynb"
ROOT = ".jp-OutputArea-output .enas-replay"


@pytest.fixture(scope="module")
def designed(lab):
    with ran(lab, NOTEBOOK, replays=4, tiny=True) as page:
        yield page


def test_every_cell_about_designing_ran_without_an_error(designed):
    assert not [o for o in outputs(designed) if o["output_type"] == "error"]


def test_the_seat_keeps_what_its_reader_scored_beside_the_controller(designed):
    seat = designed.locator(ROOT).nth(3)
    seat.scroll_into_view_if_needed()
    expect(seat.locator(".tried tr")).to_have_count(10)
    seat.get_by_role("button", name="Shuffle").click()

    seat.get_by_role("button", name="How good is it?").click()

    expect(seat.locator(".verdict")).to_contain_text("of the controller's 10")
