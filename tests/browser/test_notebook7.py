"""The widgets in a real Notebook 7, which Binder and many courses use: they show, and they play."""

import os

import pytest
from lab_server import command, server, wait_for_kernel, write_notebook
from playwright.sync_api import expect
from waiting import LONG

CELLS = (
    "import enas_viz as ev",
    "replay = ev.Replay(ev.load_trace('article-macro'), colour='layer')\nreplay",
    "ev.Dashboard(ev.load_trace('macro-tiny'))",
    "replay.step = 3",
)

PLAYS = "() => document.querySelector('.enas-replay .count').textContent === 'Step 2 of 7'"


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(folder / "seen.ipynb", CELLS)
    with server(folder, app="notebook") as (url, token):
        context = browser.new_context(viewport={"width": 1300, "height": 1000})
        page = context.new_page()
        page.set_default_timeout(1000 * LONG)
        problems = []
        page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
        page.goto(f"{url}notebooks/seen.ipynb?token={token}")
        wait_for_kernel(page)
        command(page, "notebook:run-all-cells")
        page.wait_for_selector(".jp-OutputArea-output .enas-dashboard")
        yield page
        if shots := os.environ.get("ENAS_VIZ_SHOTS"):
            page.screenshot(path=f"{shots}/notebook7.png")
        context.close()
        assert [p for p in problems if "/static/notebook/" not in p] == []  # not Notebook's own


def test_this_is_notebook_7_and_not_the_lab(page):
    assert page.evaluate("() => window.jupyterapp.name") == "Jupyter Notebook"


def test_a_replay_shows_follows_python_and_plays(page):
    replay = page.locator(".jp-OutputArea-output .enas-replay:not(.enas-dashboard)")
    expect(replay.locator(".count")).to_have_text("Step 4 of 7")

    replay.locator("[data-act=last]").click()
    expect(replay.locator(".answer")).to_contain_text("That completes the network.")
    replay.locator("[data-act=toggle]").click()
    page.wait_for_function(PLAYS)  # looks in every frame, so it sees each step
    replay.locator("[data-act=toggle]").click()


def test_a_dashboard_shows_and_opens_a_sample(page):
    board = page.locator(".jp-OutputArea-output .enas-dashboard")
    board.scroll_into_view_if_needed()
    expect(board.locator(".status").first).to_contain_text("finished: 60 epochs, 6,000 samples")

    board.get_by_label("Moment of the search").fill("10")
    expect(board.locator(".place")).to_have_text("epoch 11")
    board.locator(".net [data-act=open]").first.click()
    expect(board.locator(".opened .count")).to_have_text("Step 1 of 12")
