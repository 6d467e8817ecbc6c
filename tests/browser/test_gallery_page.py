"""The gallery in a real browser: every exhibit draws, plays when asked, and fits the screen."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from enas_viz.view.gallery import gallery, notebook_links

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CLOCKS = "[data-act=toggle][aria-label^=Pause], [data-act=roll][aria-label^=Pause]"
PLAYING = f"() => document.querySelectorAll('{CLOCKS}').length"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("gallery") / "index.html"
    path.write_text(gallery(notebook_links(NOTEBOOKS, path.parent)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(new_page, address):
    def open_page(width=1300, theme="light", stopped=False):
        look = {"color_scheme": theme, "reduced_motion": "reduce"}
        page = new_page(width, stopped=stopped, offline=True, **look)
        page.goto(address)
        expect(page.locator(".exhibit .enas-replay:not(.enas-loop, .enas-child)")).to_have_count(6)
        expect(page.locator(".exhibit .enas-child [data-photo][href]")).to_have_count(2)
        expect(page.locator(".exhibit .enas-loop")).to_have_count(2)
        return page

    return open_page


def test_everything_is_drawn_finished_and_stands_still(opened):
    page = opened()

    networks = page.locator(".exhibit [data-widget=replay] .network")
    assert networks.count() == 5
    for network in networks.all():
        assert network.locator(".layer").count() >= 4
        assert network.locator(".layer.future").count() == 0
    page.wait_for_timeout(300)
    assert page.evaluate(PLAYING) == 0


def test_the_first_one_plays_when_asked_and_one_clock_runs_at_a_time(opened):
    page = opened(stopped=True)
    first = page.locator("#four-layers")

    page.get_by_role("button", name="Play the first example").click()
    expect(first.locator(".count")).to_have_text("Step 1 of 7")
    expect(first.locator("[data-act=toggle]")).to_be_focused()
    assert page.evaluate(PLAYING) == 1
    page.clock.run_for(1500)
    expect(first.locator(".count")).to_have_text("Step 2 of 7")

    page.locator("#published-network [data-act=toggle]").click()
    assert page.evaluate(PLAYING) == 1
    expect(page.locator("#published-network .count")).to_contain_text("Step 1 of 48")


def test_the_search_plays_as_a_time_lapse(opened):
    page = opened(stopped=True)
    board = page.locator("#a-search .enas-dashboard")

    board.locator("[data-act=roll]").click()
    page.clock.run_for(1500)

    expect(board.locator(".place")).to_have_text(re.compile(r"epoch ([3-9]|\d\d)$"))
    board.locator("[data-act=roll]").click()


def test_a_cell_of_the_published_network_opens_by_click_and_by_key(opened):
    page = opened()
    slabs = page.locator("#published-cells .slab")

    slabs.nth(5).click()  # the first reduction cell
    expect(page.locator("[data-open='1']")).to_be_visible()
    expect(page.locator("[data-open='0']")).to_be_hidden()
    slabs.nth(0).focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-open='0']")).to_be_visible()


def test_inside_a_network_a_cut_changes_the_answer_of_that_one_alone(opened):
    page = opened()
    layers, cell = page.locator("#inside .enas-child").all()
    as_it_is = cell.locator(".said").inner_text()

    for one in (layers, cell):  # the page's headings are not the widget's
        expect(one.locator("h2")).to_have_css("font-size", "13px")
    layers.locator("[data-cut='cut:3-1']").dispatch_event("click")
    expect(layers.locator(".said p").first).to_have_text("Layer 4 without layer 1")
    assert cell.locator(".said").inner_text() == as_it_is
    cell.locator("[data-cut='cut:3.0']").dispatch_event("click")
    expect(cell.locator(".said p").first).to_have_text("Node 4 without its first input")


def test_a_window_that_slides_is_the_only_clock(new_page, address):
    page = new_page(1300, offline=True, reduced_motion="no-preference")
    page.goto(address)
    slide = page.locator("#inside .enas-child .play").first
    toggle = page.locator("#four-layers [data-act=toggle]")

    toggle.click()
    assert page.evaluate(PLAYING) == 1
    slide.click()
    page.wait_for_function(f"() => ({PLAYING})() === 0")
    expect(slide).to_have_text("Pause")
    toggle.click()
    expect(slide).to_have_text("Slide")


def test_everything_is_reached_by_the_keyboard_in_the_order_of_the_page(opened):
    page = opened()
    seen = []

    for _ in range(240):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("""() => {
              const here = document.activeElement;
              return here.closest('section.exhibit, footer, header')?.id
                || here.closest('header, footer')?.tagName || '';
            }""")
        )
        if seen[-1] == "FOOTER":
            break

    order = list(dict.fromkeys(filter(None, seen)))
    assert order == [
        *("HEADER", "the-loop", "four-layers", "a-cell", "a-search", "a-search-of-cells"),
        *("published-cells", "published-network", "inside", "notebooks", "FOOTER"),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1400])
def test_the_page_never_scrolls_sideways_and_its_parts_stand_under_each_other(opened, width, theme):
    page = opened(width, theme)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = page.evaluate("""() => [...document.querySelectorAll('.gallery h1, .lead, .ways, nav, '
      + '.exhibit > *, footer')].map(e => e.getBoundingClientRect()).map(b => [b.top, b.bottom])""")
    for (_, bottom), (top, _) in pairwise(boxes):
        assert top >= bottom - 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_take_the_theme_of_the_page(opened, theme):
    page = opened(800, theme)

    paper = page.locator("#published-cells .picture .paper").first
    colour = paper.evaluate("e => getComputedStyle(e).fill")
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}[theme]
