"""The site in a real browser, opened from files with the network cut off."""

import pytest
from playwright.sync_api import expect
from sites import small_site

GROUND = "() => getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_site(tmp_path_factory.mktemp("project")).folder


@pytest.fixture
def opened(new_page, folder):
    def open_page(name, width=1366, theme="light"):
        page = new_page(width, 768, color_scheme=theme, reduced_motion="reduce", offline=True)
        page.goto((folder / name).as_uri())
        return page

    return open_page


def test_a_replay_steps_inside_its_frame_which_is_as_high_as_it(opened):
    page = opened("00_small.html")
    frame = page.locator(".live iframe").first
    frame.scroll_into_view_if_needed()
    inside = frame.content_frame

    expect(inside.locator(".count")).to_have_text("Step 1 of 7")
    inside.locator("[data-act=next], [aria-label*=ext]").first.click()
    expect(inside.locator(".count")).to_have_text("Step 2 of 7")

    expect(frame).to_have_attribute("data-met", "yes")
    high = inside.locator("body").evaluate("body => body.offsetHeight")
    expect(frame).to_have_css("height", f"{high}px")
    assert inside.locator("html").evaluate("html => html.scrollHeight <= innerHeight")
    assert not inside.locator("h1").is_visible()


def test_the_search_finds_a_word_and_the_keyboard_goes_there(opened):
    page = opened("gallery.html")

    page.keyboard.press("/")
    page.keyboard.type("plátypus")  # accents do not matter
    said = page.get_by_role("search").get_by_role("status")
    expect(said).to_have_text("2 places:")  # the notebook itself, and the list of notebooks
    expect(page.locator(".found mark")).to_have_text(["platypus", "platypus"])
    page.keyboard.press("ArrowDown")
    expect(page.locator(".found a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_title("A small tour · enas_viz")
    page.wait_for_load_state()  # the title comes before the script that hears keys

    page.keyboard.press("/")
    page.keyboard.type("there is no such word")
    expect(said).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(page.locator(".found")).to_be_hidden()


def test_the_theme_switches_with_what_is_in_the_frames_and_is_kept(opened):
    page = opened("00_small.html")
    frame = page.locator(".live iframe").first
    frame.scroll_into_view_if_needed()
    replay = frame.content_frame.locator(".enas-replay")
    expect(replay).to_have_css("background-color", "rgb(255, 255, 255)")
    light = page.evaluate(GROUND)

    page.get_by_role("button", name="Switch to the dark theme").click()
    expect(replay).to_have_css("background-color", "rgb(21, 24, 29)")
    assert page.evaluate(GROUND) != light

    page.get_by_role("link", name="Gallery").click()
    expect(page.locator("html")).to_have_attribute("theme", "dark")
    expect(page.locator(".exhibit .enas-replay").first).to_have_css(
        "background-color", "rgb(21, 24, 29)"
    )
    page.get_by_role("button", name="Switch to the light theme").click()
    expect(page.locator("body")).to_have_css("background-color", light)


@pytest.mark.parametrize("name", ["index.html", "00_small.html", "01_next.html", "api.html"])
def test_a_page_fits_a_narrow_screen(opened, name):
    page = opened(name, width=390)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
