"""Notebook 05 in a real JupyterLab: run from top to bottom, its microscopes moved."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-microscope"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_reinforce.ipynb"


@pytest.fixture(scope="module")
def notebook(browser, tmp_path_factory):
    with ran(browser, tmp_path_factory.mktemp("notebook"), NOTEBOOK, replays=3) as page:
        yield page


def test_every_cell_ran_without_an_error(notebook):
    assert [o for o in outputs(notebook) if o["output_type"] == "error"] == []


def test_a_baseline_changes_what_the_first_microscope_says(notebook):
    scope = notebook.locator(ROOT).first
    scope.scroll_into_view_if_needed()
    expect(scope.locator(".said p").nth(1)).to_contain_text("Without a baseline")

    scope.get_by_role("button", name="mean reward").click()

    expect(scope.locator(".said p").nth(1)).to_contain_text("times smaller than without")


def test_the_learned_policy_needs_more_samples_than_the_untrained_one(notebook):
    said = [notebook.locator(ROOT).nth(k).locator(".said p").nth(1) for k in (1, 2)]

    texts = [line.text_content() for line in said]  # there, even where the Lab hides the cell
    untrained, learned = (int(text.split("it takes ")[1].split(" samples")[0]) for text in texts)

    assert learned > 3 * untrained
