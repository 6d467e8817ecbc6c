"""Notebook 06 in a real JupyterLab: its searches run, fewer epochs each, under dashboards."""

from pathlib import Path

import pytest
from lab_server import outputs, ran
from playwright.sync_api import expect
from waiting import wait_for

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_run_a_search.ipynb"
ROOT = ".jp-OutputArea-output .enas-replay"

COLOURED = """all => all.map(c => {
  const pixels = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  const found = new Set();
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3]) found.add(pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2]);
  return [...found];
})"""


@pytest.fixture(scope="module")
def searched(lab):
    with ran(lab, NOTEBOOK, replays=2, tiny=True) as page:
        yield page


def test_every_cell_about_the_search_ran_without_an_error(searched):
    assert not [o for o in outputs(searched) if o["output_type"] == "error"]
    told = "".join("".join(o.get("text", "")) for o in outputs(searched))
    assert "200 networks, 2 epochs" in told


def test_both_dashboards_are_finished(searched):
    boards = searched.locator(ROOT)

    expect(boards.nth(0).locator(".status")).to_contain_text("finished: 2 epochs, 200 samples")
    expect(boards.nth(1).locator(".run")).to_have_count(2)


def test_heat_maps_have_the_colours_of_operations(searched):
    heat = searched.locator(ROOT).nth(1).locator("canvas")

    # none of them is grey
    wait_for(lambda: heat.evaluate_all(COLOURED) == [[True], [True]])
