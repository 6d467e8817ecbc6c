"""The loop in a real JupyterLab: recorded, and live, where each button runs the real thing."""

import json

import pytest
from lab_server import command, outputs, write_notebook
from playwright.sync_api import expect
from waiting import wait_for

ROOT = ".jp-OutputArea-output .enas-loop"
CELLS_OF = """() => [...document.querySelectorAll('.jp-Notebook-cell')]
    .map(cell => cell.matches('.jp-mod-active') + '|' + !!cell.offsetParent).join()"""
CELLS = (
    "import json\nimport enas_viz as ev\nev.Loop('macro')",
    "from enas_viz import search\nfrom enas_viz.search.runs.build import build\n"
    "recipe = ev.recipe('macro-tiny', network__layers=3, network__filters=4)\n"
    "loop = ev.Loop(search.Turns(build(recipe, 0, 'cpu', None), samples=2))\nloop",
    "loop.wait()\n(turn,) = loop.recording.turns\n"
    "print(json.dumps([turn.stages, turn.rewarded.accuracy, turn.updated.samples]))",
)


@pytest.fixture(scope="module")
def page(lab):
    notebook = write_notebook(lab.new_folder("loop") / "loop.ipynb", CELLS)
    with lab.opened(notebook, width=1366, height=768, motion="reduce") as page:
        for _ in range(2):
            command(page, "notebook:run-cell-and-select-next")
        wait_for(lambda: page.locator(ROOT).count() == 2)
        yield page


def press(loop, name):
    button = loop.get_by_role("button", name=name, exact=True)
    expect(button).to_be_enabled()
    button.click()


def test_a_recorded_loop_plays_in_an_output_no_higher_than_six_hundred_pixels(page):
    loop = page.locator(ROOT).first
    loop.scroll_into_view_if_needed()

    press(loop, "Sample")
    press(loop, "Train a minibatch")

    expect(loop.locator('[data-key="loss"]')).to_contain_text("loss")
    box = loop.bounding_box()
    assert box["height"] <= 600 * max(1, box["width"] / 1000)


def test_keys_of_the_loop_do_not_reach_the_notebook(page):
    loop = page.locator(ROOT).first
    loop.focus()
    before = page.evaluate(CELLS_OF)

    for key in ("End", "Home", "f"):
        page.keyboard.press(key)
    box = loop.locator(".sheet").bounding_box()
    assert box["x"] == pytest.approx(0, abs=1)
    assert box["width"] == pytest.approx(min(1366, 768 * 16 / 9), abs=1)
    page.keyboard.press("f")

    assert page.evaluate(CELLS_OF) == before
    assert page.locator(".jp-DocumentSearch-overlay").count() == 0


def test_each_button_of_a_live_loop_runs_the_real_thing(page):
    loop = page.locator(ROOT).nth(1)
    loop.scroll_into_view_if_needed()

    for done, name in enumerate(("Sample", "Train a minibatch", "Reward", "Update"), 1):
        press(loop, name)
        pressed = loop.locator(f'.picture[aria-label*="{SAID[done - 1]}"]')
        expect(pressed).to_have_count(1)

    told = loop.locator('[data-key="acc"]').text_content()
    page.locator(".jp-Notebook-cell").nth(2).locator(".jp-InputArea-editor").click()
    command(page, "notebook:run-cell")
    wait_for(lambda: any(o["output_type"] in ("stream", "error") for o in outputs(page)))
    (text,) = [o["text"] for o in outputs(page) if o["output_type"] == "stream"]
    stages, accuracy, samples = json.loads("".join(text))
    assert (stages, samples) == (4, 2)
    assert told == f"accuracy {accuracy:.2f}"


SAID = ("The child is sampled", "Going back", "are right", "by 2 samples")
