"""The dashboard in a real JupyterLab, while a real search goes on in its kernel."""

import json

import pytest
from lab_server import IDLE, command, outputs, write_notebook
from playwright.sync_api import expect
from waiting import wait_for

ROOT = ".jp-OutputArea-output .enas-dashboard"
CELLS = (
    "import json\nimport enas_viz as ev\nfrom enas_viz import search",
    "recipe = ev.recipe('macro-tiny', compute__threads=1)\n"
    "board = ev.Dashboard(search.run(recipe, seed=0, folder='run'))\nboard",
    "await board\nprint(json.dumps([board.state[0], len(board.trace.episodes)]))",
    "import pathlib\nprint(sorted(p.suffix for p in pathlib.Path('run').iterdir()))",
)

# the cell that awaits the board is running
AWAITED = """() => document.querySelectorAll('.jp-Notebook-cell')[2]
  .querySelector('.jp-InputPrompt').textContent.includes('*')"""


@pytest.fixture(scope="module")
def page(lab):
    notebook = write_notebook(lab.new_folder("live") / "live.ipynb", CELLS)
    with lab.opened(notebook, width=1500, height=1100, motion="reduce") as page:
        for _ in range(2):
            command(page, "notebook:run-cell-and-select-next")
        page.wait_for_selector(ROOT)
        yield page


def samples(page) -> int:
    status = page.locator(ROOT).locator(".status").first.inner_text()
    return int(status.split(" sample")[0].rsplit(" ", 1)[1].replace(",", ""))


def streams(page) -> list[str]:
    return [o["text"] for o in outputs(page) if o["output_type"] == "stream"]


def wait_for_samples(page, count: int) -> None:
    wait_for(lambda: samples(page) >= count)


def test_a_live_search_is_seen_paused_scrubbed_opened_and_stopped(page):
    """One story in one order, since a search does not wait."""
    board = page.locator(ROOT)
    status = board.locator(".status").first
    wait_for_samples(page, 120)
    command(page, "notebook:run-all-below")
    page.wait_for_function(AWAITED)

    # it draws: curves, both networks
    assert len(board.locator("[data-line=reward-dots]").get_attribute("d")) > 500
    expect(board.locator(".net .over").first).to_contain_text("Best sample so far")

    # scrub back while it goes on
    slider = board.get_by_label("Moment of the search")
    slider.fill("0.5")
    expect(board.locator(".place")).to_have_text("epoch 1")
    seen = samples(page)
    wait_for_samples(page, seen + 1)
    expect(board.locator(".place")).to_have_text("epoch 1")
    board.get_by_role("button", name="newest").click()
    expect(board.locator(".place")).to_have_text("newest")

    # a click on a point opens that sample in a replay
    curve = board.locator(".curves svg").bounding_box()
    page.mouse.click(curve["x"] + 90, curve["y"] + 80)
    inner = board.locator(".opened .enas-replay")
    expect(inner.locator(".count")).to_have_text("Step 1 of 12")
    inner.locator("[data-act=last]").click()
    expect(inner.locator(".count")).to_have_text("Step 12 of 12")

    # pause is felt, although a cell of the notebook waits for the search; so is going on
    board.get_by_role("button", name="Pause the run").click()
    expect(status).to_contain_text("paused")
    still = samples(page)
    page.wait_for_timeout(600)
    assert samples(page) == still
    board.get_by_role("button", name="Go on with the run").click()
    expect(status).to_contain_text("running")
    wait_for_samples(page, still + 1)

    # stop leaves a checkpoint, and the cell that waited goes on
    board.get_by_role("button", name="Stop the run").click()
    expect(status).to_contain_text("stopped")
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.filter("
        "w => w.model.type === 'code').every(w => w.model.executionCount)",
    )
    page.wait_for_function(IDLE)
    wait_for(lambda: len(streams(page)) >= 2)
    told = streams(page)
    state, recorded = json.loads("".join(told[-2]))
    assert state["status"] == "stopped"
    assert recorded == samples(page)
    assert ".safetensors" in "".join(told[-1])
