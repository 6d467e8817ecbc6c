"""Notebook 03 in a real JupyterLab: run from top to bottom, every lens goes through its steps."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

LENS = ".jp-OutputArea-output .enas-lens"
FOLDER = Path(__file__).parents[2] / "notebooks"
RECORDED, CELLS, OWN = range(3)


@pytest.fixture(scope="module")
def controller(lab):
    with ran(lab, FOLDER / "03_controller.ipynb", replays=3) as page:
        yield page


def test_every_cell_about_the_controller_ran_without_an_error(controller):
    assert [o for o in outputs(controller) if o["output_type"] == "error"] == []


@pytest.mark.parametrize(("which", "steps"), [(RECORDED, 12), (CELLS, 24), (OWN, 8)])
def test_every_lens_goes_to_its_last_step(controller, which, steps):
    lens = controller.locator(LENS).nth(which)
    lens.scroll_into_view_if_needed()

    lens.locator("[data-act=last]").click()

    expect(lens.locator(".stage .kicker")).to_have_text(f"Step {steps} of {steps}")


def test_the_sides_of_the_recording_can_be_switched(controller):
    lens = controller.locator(LENS).nth(RECORDED)
    lens.scroll_into_view_if_needed()
    lens.locator("[data-act=first]").click()

    lens.locator(".sides button").nth(1).click()

    expect(lens.locator(".sides button").nth(1)).to_have_attribute("aria-pressed", "true")


def test_no_exercise_of_the_notebook_is_solved(controller):
    told = [o["data"].get("text/plain", "") for o in outputs(controller) if "data" in o]

    assert len([t for t in told if t.startswith("Exercise. ")]) == 3
    assert not any(t.startswith("✓") for t in told)
