"""Exercises and guesses in a browser, as saved pages without a network: clicks, keys, words."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.course.exercises import SOLUTIONS
from enas_viz.course.questions import choices

NAME = "top-probability"
RIGHT = next(k for k, one in enumerate(choices(NAME)) if one.verdict.right)
MAKE = {
    "choice": lambda: ev.Exercise(NAME),
    "several": lambda: ev.Exercise("honest"),
    "list": lambda: ev.Exercise("macro-list"),
    "network": lambda: ev.Exercise("design-short", ev.Editor(ev.MacroSpace(6))),
    "guess": lambda: ev.Guess("Steadily or suddenly?", ["steadily", "suddenly"]),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {name: ev.save(make(), folder / f"{name}.html") for name, make in MAKE.items()}


@pytest.fixture
def show(new_page, files):
    def shown(name, width=1000, **options):
        page = new_page(width=width, **options)
        page.context.set_offline(True)
        page.goto(files[name].as_uri())
        return page

    return shown


def said(page):
    return page.locator(".said")


def test_an_untouched_exercise_is_not_called_wrong(show):
    page = show("choice")

    expect(said(page)).to_have_text("○ Not answered yet.")
    expect(page.get_by_role("radio")).to_have_count(len(choices(NAME)))
    assert page.locator("[aria-checked=true]").count() == 0
    expect(page.get_by_role("button", name="Show the answer")).to_be_hidden()


def test_wrong_answers_get_a_nudge_then_the_way_then_the_answer_and_nothing_jumps(show):
    page = show("choice")
    height = page.locator(".enas-exercise").bounding_box()["height"]
    wrong = [k for k in range(len(choices(NAME))) if k != RIGHT]

    page.get_by_role("radio").nth(wrong[0]).click()
    expect(said(page)).not_to_contain_text("Hint:")
    page.get_by_role("radio").nth(wrong[1]).click()
    expect(said(page)).to_contain_text("Hint:")
    page.get_by_role("button", name="Show the answer").click()
    expect(said(page)).to_contain_text("→ The answer is 0.801")
    page.get_by_role("radio").nth(RIGHT).click()
    expect(said(page)).to_contain_text("✓ 0.801")
    expect(page.get_by_role("button", name="Hint")).to_be_hidden()

    assert page.locator(".enas-exercise").bounding_box()["height"] == height
    assert len(page.evaluate("window.enasModel.get('tried')")) == 3


def test_a_page_opens_with_the_answers_that_were_given(new_page, tmp_path):
    exercise = ev.Exercise(NAME)
    exercise.tried, exercise.hinted = ["0", "1"], True
    page = new_page()
    page.goto(ev.save(exercise, tmp_path / "saved.html").as_uri())

    marked = page.get_by_role("radio").evaluate_all("all => all.map(e => e.dataset.mark)")
    assert marked == ["✗", "✗", "", "", ""]
    expect(said(page)).to_contain_text("Hint:")
    assert page.get_by_role("radio").nth(1).get_attribute("aria-checked") == "true"


def test_arrow_keys_look_at_choices_and_enter_chooses(show):
    page = show("choice")
    page.keyboard.press("Tab")
    for _ in range(RIGHT):
        page.keyboard.press("ArrowRight")

    assert page.evaluate("window.enasModel.get('tried')") == []
    page.keyboard.press("Enter")

    expect(said(page)).to_contain_text("✓")
    assert page.get_by_role("radio").nth(RIGHT).get_attribute("aria-checked") == "true"


def test_several_are_marked_and_checked_together(show):
    page = show("several")
    for letter in SOLUTIONS["honest"]():
        page.get_by_role("checkbox", name=f"{letter}:").click()
        expect(said(page)).to_have_text("○ Not answered yet.")
    page.get_by_role("button", name="Check").click()

    expect(said(page)).to_contain_text("✓")


def test_a_list_is_typed_and_checked_without_a_kernel(show):
    page = show("list")
    field = page.get_by_role("textbox")
    field.fill("0, 3, 1")
    field.press("Enter")
    expect(said(page)).to_contain_text("✗ That is not right.")
    field.fill(str(SOLUTIONS["macro-list"]()))
    page.get_by_role("button", name="Check").click()

    expect(said(page)).to_contain_text("✓")


def test_a_network_says_that_checking_it_needs_a_notebook(show):
    page = show("network")
    page.get_by_role("button", name="Check my network").click()

    expect(said(page)).to_contain_text("Only a running notebook can check a network")


def test_a_guess_is_repeated_and_not_judged(show):
    page = show("guess")
    page.get_by_role("radio", name="suddenly").click()

    expect(said(page)).to_have_text("You guessed: suddenly. Run the next cell to see.")
    assert page.locator("button:visible").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MAKE)
def test_axe_finds_nothing_before_and_after_an_answer(show, name, scheme):
    page = show(name, color_scheme=scheme)
    for _ in range(2):
        found = Axe().run(page)
        told = [(v["id"], v["nodes"][0]["target"]) for v in found.response["violations"]]
        assert told == []
        if name in ("choice", "guess"):
            page.get_by_role("radio").first.click()
        elif name == "several":
            page.get_by_role("checkbox").first.click()


@pytest.mark.parametrize("width", [390, 800, 1400])
@pytest.mark.parametrize("name", MAKE)
def test_it_fits_windows_of_any_width(show, name, width):
    page = show(name, width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate("""() => [...document.querySelectorAll('.enas-exercise *')].filter((e) =>
      e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < 11).length""")
    assert small == 0
