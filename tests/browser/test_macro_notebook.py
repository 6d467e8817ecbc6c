"""Notebook 01 in a real JupyterLab: run from top to bottom, its film scrubbed, its search live."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.course.questions import told_answer
from enas_viz.view.scene import facts
from enas_viz.view.timeline import film, moments

ROOT = ".jp-OutputArea-output .enas-replay"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_macro_search.ipynb"
EXAMPLE, IN_CODE_ORDER, FILM, LIVE = range(4)


@pytest.fixture(scope="module")
def notebook(lab):
    with ran(lab, NOTEBOOK, replays=4, tiny=True) as page:
        yield page


def test_every_cell_ran_without_an_error(notebook):
    assert [o for o in outputs(notebook) if o["output_type"] == "error"] == []


def test_both_orders_play_and_the_codes_takes_a_step_more(notebook):
    for k, steps in ((EXAMPLE, 7), (IN_CODE_ORDER, 8)):
        replay = notebook.locator(ROOT).nth(k)
        replay.scroll_into_view_if_needed()
        replay.locator("[data-act=last]").click()

        expect(replay.locator(".count")).to_contain_text(f"Step {steps} of {steps}")


def test_the_recorded_search_is_scrubbed_through(notebook):
    trace = ev.load_trace("macro-cifar10-cpu")
    replay = notebook.locator(ROOT).nth(FILM)
    replay.scroll_into_view_if_needed()
    expect(replay.locator(".facts")).to_have_text(facts(trace.best))

    replay.locator("input[aria-label^=Network]").fill("0")

    expect(replay.locator(".facts")).to_have_text(facts(moments(trace)[0]))
    expect(replay.locator(".place")).to_have_text(
        f"network 1 of {film(trace, moments(trace))['of']}"
    )


def test_the_live_search_became_a_film_of_its_own(notebook):
    replay = notebook.locator(ROOT).nth(LIVE)
    replay.scroll_into_view_if_needed()

    expect(replay.locator(".facts")).to_contain_text("macro-tiny")
    replay.locator("[data-act=roll]").click()
    expect(replay.locator("[data-act=roll]")).to_have_attribute("aria-label", "Pause the search")


def test_exercises_wait_for_a_click_and_give_no_answer_away(notebook):
    said = [o["data"].get("text/plain", "") for o in outputs(notebook) if "data" in o]

    assert sum(text.startswith("Exercise.") for text in said) == 2
    assert sum(text.startswith("Guess.") for text in said) == 9
    for name in ("macro-list", "macro-size"):
        assert not any(told_answer(name) in text for text in said)


def test_a_wrong_answer_is_told_at_once_and_the_right_one_ends_the_exercise(notebook):
    asked = notebook.locator(".jp-OutputArea-output .enas-exercise", has_text="five layers")
    asked.scroll_into_view_if_needed()

    asked.get_by_role("radio", name="7,776", exact=True).click()
    expect(asked).to_contain_text("layers also have skips")
    asked.get_by_role("radio", name="7,962,624", exact=True).click()

    expect(asked).to_contain_text("✓")
