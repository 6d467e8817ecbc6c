"""The dashboard in a real JupyterLab, while a real search goes on in its kernel."""

import json
import time

import pytest
from lab_server import command, lab, open_notebook, outputs, write_notebook
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-dashboard"
CELLS = (
    "import json, os, resource, time\nos.environ['OMP_NUM_THREADS'] = '1'\n"
    "import enas_viz as ev\nfrom enas_viz import search",
    "recipe = ev.recipe('macro-tiny', compute__threads=1)\n"
    "board = ev.Dashboard(search.run(recipe, seed=0, folder='run'))\nboard",
    "await board\nprint(json.dumps([board.state[0], len(board.trace.episodes), board.spent]))",
    "import pathlib\nprint(sorted(p.suffix for p in pathlib.Path('run').iterdir()))",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "live.ipynb", CELLS)
    with lab(folder) as found:
        yield found


@pytest.fixture(scope="module")
def page(browser, address):
    context = browser.new_context(viewport={"width": 1500, "height": 1100}, reduced_motion="reduce")
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_notebook(page, address, "live.ipynb")
    for _ in range(2):
        command(page, "notebook:run-cell-and-select-next")
    page.wait_for_selector(ROOT, timeout=60_000)
    yield page
    context.close()
    assert problems == []


def samples(page) -> int:
    status = page.locator(ROOT).locator(".status").first.inner_text()
    return int(status.split(" sample")[0].rsplit(" ", 1)[1].replace(",", ""))


def wait_for_samples(page, count: int) -> None:
    until = time.monotonic() + 60
    while samples(page) < count:
        assert time.monotonic() < until, page.locator(ROOT).locator(".status").first.inner_text()
        page.wait_for_timeout(100)


def test_a_live_search_is_seen_paused_scrubbed_opened_and_stopped(page):
    """One story in one order, since a search does not wait."""
    board = page.locator(ROOT)
    status = board.locator(".status").first
    wait_for_samples(page, 120)
    command(page, "notebook:run-all-below")
    page.wait_for_timeout(500)  # now a cell waits for the search

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
    expect(status).to_contain_text("paused", timeout=5000)
    still = samples(page)
    page.wait_for_timeout(600)
    assert samples(page) == still
    board.get_by_role("button", name="Go on with the run").click()
    expect(status).to_contain_text("running", timeout=5000)
    wait_for_samples(page, still + 1)

    # stop leaves a checkpoint, and the cell that waited goes on
    board.get_by_role("button", name="Stop the run").click()
    expect(status).to_contain_text("stopped", timeout=5000)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.filter("
        "w => w.model.type === 'code').every(w => w.model.executionCount)",
        timeout=20_000,
    )
    page.wait_for_timeout(500)
    told = [o["text"] for o in outputs(page) if o["output_type"] == "stream"]
    state, recorded, spent = json.loads("".join(told[-2]))
    assert state["status"] == "stopped"
    assert recorded == samples(page)
    assert spent < 3
    assert ".safetensors" in "".join(told[-1])
