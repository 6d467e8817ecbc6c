"""A network's inside in a real JupyterLab: recorded, and live with a supernet."""

import pytest
from lab_server import ran, write_notebook
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-child"
CELLS = (
    "import enas_viz as ev\n"
    "from enas_viz import search\n"
    "made = ev.recipe('macro-tiny', train__epochs=1, controller__updates=1, network__layers=3,\n"
    "                 network__filters=4)\n"
    "for _ in search.run(made, folder='run'): pass",
    "ev.Child('child-macro')",
    "child = ev.Child('run', ev.MacroSpace(3).decode([0, 1, 1, 4, 1, 1]))\nchild",
    "print(len(child.changes))",
)


@pytest.fixture(scope="module")
def page(lab):
    notebook = write_notebook(lab.new_folder("child") / "child.ipynb", CELLS)
    with ran(lab, notebook, replays=2, width=1400, height=1000, motion="reduce") as page:
        yield page


def test_a_recording_fits_into_the_cell_and_answers(page):
    child = page.locator(ROOT).nth(0)
    child.scroll_into_view_if_needed()

    child.locator("[data-cut='cut:1-1']").dispatch_event("click")

    expect(child.locator(".said p").first).to_have_text("Layer 2 without layer 1")
    assert child.bounding_box()["height"] <= 600


def test_maps_have_the_shades_of_the_theme(page):
    """The Lab puts a widget into its page only after it was drawn."""
    child = page.locator(ROOT).nth(0)
    child.scroll_into_view_if_needed()
    look = """async (e) => {
      const image = new Image();
      image.src = e.getAttribute('href');
      await image.decode();
      const canvas = document.createElement('canvas');
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      return [...data].filter((_, k) => k % 4 === 0);
    }"""

    reds = child.locator("[data-map='t1 0']").evaluate(look)

    assert max(reds) > 200  # nearly the white of the page
    assert len(set(reds)) > 10


def test_a_supernet_answers_to_several_changes_at_once(page):
    child = page.locator(ROOT).nth(1)
    child.scroll_into_view_if_needed()
    before = child.locator(".verdict").inner_text()

    child.locator("[data-cut='cut:1-1']").dispatch_event("click")
    expect(child.locator(".said p").first).to_have_text("Layer 2 without layer 1")
    child.locator("[data-cut='cut:2-2']").dispatch_event("click")

    expect(child.locator(".said p").first).to_have_text("2 changes")
    expect(child.locator(".said p").nth(1)).to_contain_text("It predicts")
    expect(child.locator(".main")).not_to_have_class("main waits")
    assert child.locator(".verdict").inner_text() != before


def test_keys_stay_in_the_widget(page):
    child = page.locator(ROOT).nth(0)
    wire = child.locator("[data-cut='cut:2-1']")
    cells = page.locator(".jp-Notebook-cell").count()
    wire.focus()

    page.keyboard.press("Enter")
    page.keyboard.press("b")  # a cell below, if the Lab heard it

    expect(wire).to_have_attribute("aria-pressed", "true")
    assert page.locator(".jp-Notebook-cell").count() == cells
