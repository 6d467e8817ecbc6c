"""Notebook 05 in a real JupyterLab: run from top to bottom, its microscopes moved."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-microscope"
CELLS = """() => [...document.querySelectorAll('.jp-Notebook-cell')]
    .map(cell => cell.matches('.jp-mod-active') + '|' + !!cell.offsetParent).join()"""
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_reinforce.ipynb"


@pytest.fixture(scope="module")
def notebook(lab):
    with ran(lab, NOTEBOOK, replays=3) as page:
        yield page


def test_every_cell_ran_without_an_error(notebook):
    assert [o for o in outputs(notebook) if o["output_type"] == "error"] == []


def test_a_baseline_changes_what_the_first_microscope_says(notebook):
    scope = notebook.locator(ROOT).first
    scope.scroll_into_view_if_needed()
    expect(scope.locator(".said p").nth(1)).to_contain_text("Without a baseline")

    scope.get_by_role("button", name="mean reward").click()

    expect(scope.locator(".said p").nth(1)).to_contain_text("times smaller than without")


@pytest.mark.parametrize("key", ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"])
def test_arrow_keys_move_the_slider_that_was_clicked_and_not_the_notebook(notebook, key):
    slider = notebook.locator(ROOT).first.locator("input").first
    slider.scroll_into_view_if_needed()
    slider.click()
    before = int(slider.input_value())
    cells = notebook.evaluate(CELLS)

    notebook.keyboard.press(key)

    expect(slider).to_be_focused()
    assert int(slider.input_value()) == before + (1 if key in ("ArrowRight", "ArrowUp") else -1)
    assert notebook.evaluate(CELLS) == cells


def test_the_learned_policy_needs_more_samples_than_the_untrained_one(notebook):
    said = [notebook.locator(ROOT).nth(k).locator(".said p").nth(1) for k in (1, 2)]

    texts = [line.text_content() for line in said]  # there, even where the Lab hides the cell
    untrained, learned = (int(text.split("it takes ")[1].split(" samples")[0]) for text in texts)

    assert learned > 3 * untrained
