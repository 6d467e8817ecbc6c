"""Notebook 02 in a real JupyterLab: run from top to bottom, its film scrubbed, a cell opened."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.course.questions import told_answer
from enas_viz.view.scene import facts
from enas_viz.view.timeline import film, moments

ROOT = ".jp-OutputArea-output .enas-replay"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "02_micro_search.ipynb"
EXAMPLE, PUBLISHED, FILM, POLICY, LIVE = range(5)


@pytest.fixture(scope="module")
def notebook(lab):
    with ran(lab, NOTEBOOK, replays=5, tiny=True) as page:
        yield page


def test_every_cell_ran_without_an_error(notebook):
    assert [o for o in outputs(notebook) if o["output_type"] == "error"] == []


def test_the_example_and_the_published_cells_play_to_their_ends(notebook):
    for k, steps in ((EXAMPLE, 8), (PUBLISHED, 40)):
        replay = notebook.locator(ROOT).nth(k)
        replay.scroll_into_view_if_needed()
        replay.locator(".count").click()  # JupyterLab selects the cell, and may scroll to it
        notebook.wait_for_timeout(300)
        replay.locator("[data-act=last]").click()

        expect(replay.locator(".count")).to_contain_text(f"Step {steps} of {steps}")
    expect(replay.locator(".note")).to_contain_text("every option is shown as equally likely")


def test_the_recorded_search_is_scrubbed_through(notebook):
    trace = ev.load_trace("micro-cifar10-cpu")
    replay = notebook.locator(ROOT).nth(FILM)
    replay.scroll_into_view_if_needed()
    expect(replay.locator(".facts")).to_have_text(facts(trace.best))

    replay.locator("input[aria-label^=Network]").fill("0")

    expect(replay.locator(".facts")).to_have_text(facts(moments(trace)[0]))
    expect(replay.locator(".place")).to_have_text(
        f"network 1 of {film(trace, moments(trace))['of']}"
    )


def test_a_cell_of_the_stack_opens_inside_the_notebook(notebook):
    frame = notebook.locator(".jp-OutputArea-output iframe").first
    frame.scroll_into_view_if_needed()
    inside = frame.content_frame

    inside.locator(".slab").nth(2).click()

    expect(inside.locator(".opened:visible")).to_contain_text("Reduction cell")


def test_the_live_search_became_a_film_of_its_own(notebook):
    replay = notebook.locator(ROOT).nth(LIVE)
    replay.scroll_into_view_if_needed()

    expect(replay.locator(".facts")).to_contain_text("micro-tiny")
    replay.locator("[data-act=roll]").click()
    expect(replay.locator("[data-act=roll]")).to_have_attribute("aria-label", "Pause the search")


def test_a_hundred_samples_are_counted_before_and_after_the_search(notebook):
    replay = notebook.locator(ROOT).nth(POLICY)
    replay.scroll_into_view_if_needed()
    replay.get_by_role("button", name="×100").click()

    expect(replay).to_contain_text("before the search")
    expect(replay).to_contain_text("after the search")


def test_exercises_wait_for_a_click_and_give_no_answer_away(notebook):
    said = [o["data"].get("text/plain", "") for o in outputs(notebook) if "data" in o]

    assert sum(text.startswith("Exercise.") for text in said) == 2
    assert sum(text.startswith("Guess.") for text in said) == 8
    for name in ("micro-list", "micro-size"):
        assert not any(told_answer(name) in text for text in said)
