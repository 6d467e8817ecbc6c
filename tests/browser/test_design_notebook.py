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


@pytest.mark.parametrize("size", [(1366, 768), (1280, 720)])
@pytest.mark.parametrize("which", [0, 1])
def test_network_question_and_facts_are_on_one_screen(designed, size, which):
    before = designed.viewport_size
    designed.set_viewport_size({"width": size[0], "height": size[1]})
    editor = designed.locator(ROOT).nth(which)
    editor.scroll_into_view_if_needed()
    designed.wait_for_timeout(300)

    room, seen = editor.evaluate("""root => {
      const rect = e => e.getBoundingClientRect(), top = rect(root).top;
      const parts = ['.network', '.told', '.facts-list', '.flat'];
      return [root.closest('.jp-WindowedPanel-outer').clientHeight,
        Math.max(...parts.map(name => rect(root.querySelector(name)).bottom - top))];
    }""")
    designed.set_viewport_size(before)

    assert seen <= room


def test_an_exercise_checks_the_network_that_the_editor_holds(designed):
    asked = designed.locator(".jp-OutputArea-output .enas-exercise", has_text="as few skips")
    asked.scroll_into_view_if_needed()

    asked.get_by_role("button", name="Check my network").click()

    expect(asked).to_contain_text("a single skip is enough")
