"""The widgets in a real Notebook 7, which Binder and many courses use: they show, and they play."""

import os

import pytest
from lab_server import command, lab, open_notebook, write_notebook
from playwright.sync_api import expect

CELLS = (
    "import enas_viz as ev",
    "replay = ev.Replay(ev.load_trace('article-macro'), colour='layer')\nreplay",
    "ev.Dashboard(ev.load_trace('macro-tiny'))",
    "replay.step = 3",
)


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "seen.ipynb", CELLS)
    with lab(folder, app="notebook") as address:
        context = browser.new_context(viewport={"width": 1300, "height": 1000})
        page = context.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
        open_notebook(page, address, "seen.ipynb", place="notebooks")
        command(page, "notebook:run-all-cells")
        page.wait_for_selector(".jp-OutputArea-output .enas-dashboard", timeout=60_000)
        yield page
        if shots := os.environ.get("ENAS_VIZ_SHOTS"):
            page.screenshot(path=f"{shots}/notebook7.png")
        context.close()
        assert [p for p in problems if "/static/notebook/" not in p] == []  # not Notebook's own


def test_this_is_notebook_7_and_not_the_lab(page):
    assert page.evaluate("() => window.jupyterapp.name") == "Jupyter Notebook"


def test_a_replay_shows_follows_python_and_plays(page):
    replay = page.locator(".jp-OutputArea-output .enas-replay:not(.enas-dashboard)")
    expect(replay.locator(".count")).to_have_text("Step 4 of 7", timeout=20_000)

    replay.locator("[data-act=last]").click()
    expect(replay.locator(".answer")).to_contain_text("That completes the network.")
    replay.locator("[data-act=toggle]").click()
    expect(replay.locator(".count")).to_have_text("Step 2 of 7", timeout=10_000)
    replay.locator("[data-act=toggle]").click()


def test_a_dashboard_shows_and_opens_a_sample(page):
    board = page.locator(".jp-OutputArea-output .enas-dashboard")
    board.scroll_into_view_if_needed()
    expect(board.locator(".status").first).to_contain_text("finished: 60 epochs, 6,000 samples")

    board.get_by_label("Moment of the search").fill("10")
    expect(board.locator(".place")).to_have_text("epoch 11")
    board.locator(".net [data-act=open]").first.click()
    expect(board.locator(".opened .count")).to_have_text("Step 1 of 12")
