"""One browser and one JupyterLab for all tests of a worker; a page whose script failed fails."""

from pathlib import Path

import pytest
from lab_server import Lab, chromium, server
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=60_000)  # milliseconds; on a busy machine everything comes later


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**chromium())
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with server(folder) as address:
        context = browser.new_context()
        yield Lab(context.new_page(), address, folder)
        context.close()


@pytest.fixture
def new_page(browser):
    """Makes pages; at the end no script may have failed on any of them.

    stopped: their clock stands still, until the test lets `page.clock.run_for(...)` milliseconds.
    """
    contexts, problems = [], []

    def make(width=1140, height=900, stopped=False, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        if stopped:
            page.clock.install(time=0)
            page.clock.pause_at(1000)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []
