"""The lens in a browser, as a saved page: steps, sides, what-ifs, keys, narrow windows."""

import pytest
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.view.step_closeup import opened


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "lens.html"
    ev.save(ev.Lens(ev.load_trace("controller-macro"), step=4), path)
    return path


@pytest.fixture
def page(new_page, file):
    shown = new_page()
    shown.goto(file.as_uri())
    return shown


def column(page, name):
    texts = page.locator(f'.stage text[data-of="{name}"]').all_text_contents()
    return [float(t.replace("\N{MINUS SIGN}", "-")) for t in texts]


def test_the_step_is_drawn_with_its_numbers(page):
    found = opened(ev.load_trace("controller-macro").episodes[0], 4)

    assert column(page, "raw") == pytest.approx([r.raw for r in found.rows], abs=6e-4)
    assert column(page, "p") == pytest.approx([r.bar.probability for r in found.rows], abs=6e-4)


def test_arrow_keys_go_through_the_steps_and_stay_inside(page):
    page.locator(".enas-lens").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")

    expect(page.locator(".stage .kicker")).to_have_text("Step 12 of 12")
    page.keyboard.press("Home")
    expect(page.locator(".stage .kicker")).to_have_text("Step 1 of 12")


def test_the_other_side_shows_the_same_step_of_the_other_sampling(page):
    before = column(page, "p")

    page.locator(".sides button").nth(1).click()

    expect(page.locator(".stage .kicker")).to_have_text("Step 5 of 12")
    found = opened(ev.load_trace("controller-macro").episodes[1], 4)
    assert column(page, "p") == pytest.approx([r.bar.probability for r in found.rows], abs=6e-4)
    assert column(page, "p") != before


def test_a_what_if_in_the_browser_is_that_of_python_and_can_be_taken_back(page):
    page.locator(".sides button").nth(1).click()
    recorded = column(page, "p")

    page.locator('input[aria-label="What if: temperature"]').fill("10")
    page.locator('input[aria-label="What if: tanh constant"]').fill("20")

    episode = ev.load_trace("controller-macro").episodes[1]
    found = opened(episode, 4, temperature=2, constant=4)
    assert column(page, "shaped") == pytest.approx([r.shaped for r in found.rows], abs=6e-4)
    assert column(page, "p") == pytest.approx([r.bar.probability for r in found.rows], abs=6e-4)
    picked = [k for k, row in enumerate(found.rows) if row.bar.picked]
    marked = page.locator(".stage .option.picked").evaluate_all(
        "all => all.map(e => +e.dataset.row)"
    )
    assert marked == picked
    expect(page.locator(".enas-lens .hint")).to_contain_text("temperature 2, constant 4")
    page.locator(".recorded").click()
    assert column(page, "p") == recorded


def test_nothing_jumps_from_step_to_step(page):
    heights = set()
    for _ in range(12):
        heights.add(round(page.locator(".stage").bounding_box()["height"]))
        page.locator("[data-act=next]").click()

    assert len(heights) == 1


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_windows_of_any_width(new_page, file, width, scheme):
    page = new_page(width=width, color_scheme=scheme)
    page.goto(file.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= width
