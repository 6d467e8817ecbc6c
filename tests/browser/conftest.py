"""One browser and one JupyterLab for all tests of a worker; a page whose script failed fails."""

from collections import defaultdict
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


@pytest.fixture(scope="session")
def idle_pages():
    """(page, its errors) by the options of its context: a new one takes four times as long as going
    to another address."""
    return defaultdict(list)


@pytest.fixture
def new_page(browser, idle_pages):
    """Makes pages; at the end no script may have failed on any of them.

    stopped: their clock stands still, until the test lets `page.clock.run_for(...)` milliseconds.
    """
    taken = []

    def make(
        width=1140,
        height=900,
        color_scheme="light",
        reduced_motion="no-preference",
        stopped=False,
        **options,
    ):
        key = (stopped, *sorted(options.items()))
        if stopped or not idle_pages[key]:
            context = browser.new_context(**options)
            context.set_default_timeout(60_000)
            page, problems = context.new_page(), []
            page.on("pageerror", lambda error: problems.append(str(error)))
        else:
            page, problems = idle_pages[key].pop()
        taken.append((key, page, problems))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        if stopped:
            page.clock.install(time=0)
            page.clock.pause_at(1000)
        return page

    yield make
    found = []
    for key, page, problems in taken:
        page.goto("about:blank")
        found += problems
        problems.clear()
        if key[0]:
            page.context.close()
        else:
            idle_pages[key].append((page, problems))
    assert found == []
