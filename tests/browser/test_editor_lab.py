"""The editor and the replay that answers what if, in a real JupyterLab with a real controller."""

import pytest
from lab_server import ran, write_notebook
from playwright.sync_api import expect

ROOT = ".jp-OutputArea-output .enas-replay"
CELLS = (
    "import enas_viz as ev\n"
    "from enas_viz import search\n"
    "recipe = ev.recipe('macro-tiny', train__epochs=1, controller__updates=1, keep_steps=1)\n"
    "for _ in search.run(recipe, folder='run'): pass\n"
    "run = search.restore('run')",
    "editor = ev.Editor(recipe, search.ask(run), search.score(run))\neditor",
    "ev.Replay(ev.load_trace('run').best, search.ask(run))",
)

MIDDLE = """path => {
    const p = path.getPointAtLength(path.getTotalLength() / 2);
    return new DOMPoint(p.x, p.y).matrixTransform(path.getScreenCTM());
}"""


@pytest.fixture(scope="module")
def page(lab):
    notebook = write_notebook(lab.new_folder("editor") / "editor.ipynb", CELLS)
    with ran(lab, notebook, replays=2, width=1500, height=1200, motion="reduce") as page:
        yield page


def test_a_click_on_an_option_changes_network_list_and_facts(page):
    editor = page.locator(ROOT).nth(0)
    flat = editor.locator(".flat").inner_text()
    option = editor.locator(".bars li:not(.picked)").first
    name = option.locator(".name").inner_text()

    option.locator(".choose").click()

    expect(editor.locator(".bars .picked .name")).to_have_text(name)
    expect(editor.locator(".flat")).not_to_have_text(flat)
    expect(editor.locator(".facts-list")).to_contain_text("log-probability")


def test_options_are_chosen_by_keyboard_and_keep_the_focus(page):
    editor = page.locator(ROOT).nth(0)
    editor.locator("input[aria-label^=Step]").fill("3")
    skips = editor.locator(".bars .choose").first
    before = skips.get_attribute("aria-pressed")
    skips.focus()

    page.keyboard.press("Enter")

    expect(skips).not_to_have_attribute("aria-pressed", before)
    page.wait_for_timeout(500)  # the controller has answered, too
    assert page.evaluate("() => document.activeElement.className") == "choose"
    page.keyboard.press("ArrowLeft")
    expect(editor.locator(".count")).to_have_text("Step 3 of 12")
    page.keyboard.press("ArrowLeft")
    expect(editor.locator(".count")).to_have_text("Step 2 of 12")  # nothing to choose there
    page.keyboard.press("ArrowLeft")
    expect(editor.locator(".count")).to_have_text("Step 1 of 12")


def test_a_click_on_a_layer_twice_and_on_its_dashed_line_adds_a_skip(page):
    editor = page.locator(ROOT).nth(0)
    editor.locator("input[aria-label^=Step]").fill("0")
    third = editor.locator('.network [data-at="2"] .label').first
    third.click()
    expect(editor.locator(".words .over, .count").first).to_have_text("Step 5 of 12")
    third.click()
    expect(editor.locator(".count")).to_have_text("Step 6 of 12")
    options = editor.locator(".bars .choose")
    if options.first.get_attribute("aria-pressed") == "true":
        options.first.click()
    arc = editor.locator('.network .arc.rejected[data-row="0"][data-born="5"]')
    arc.scroll_into_view_if_needed()
    at = arc.evaluate(MIDDLE)

    page.mouse.click(at["x"], at["y"] + 3)  # beside the thin line

    expect(options.first).to_have_attribute("aria-pressed", "true")
    expect(editor.locator('.network .arc.now[data-row="0"][data-born="5"]')).to_have_count(1)


def test_yours_is_scored_beside_the_controllers(page):
    editor = page.locator(ROOT).nth(0)
    expect(editor.locator(".tried tr")).to_have_count(10)
    editor.get_by_role("button", name="Shuffle").click()
    page.wait_for_timeout(500)

    editor.get_by_role("button", name="How good is it?").click()

    expect(editor.locator(".tried .mine")).to_have_count(1)
    expect(editor.locator(".verdict")).to_contain_text("of the controller's 10")


def test_the_controller_finishes_what_was_begun(page):
    editor = page.locator(ROOT).nth(0)
    editor.locator("input[aria-label^=Step]").fill("2")
    tokens = "e => [...e.querySelectorAll('.strip .token')].map(t => t.textContent).join()"
    before = editor.evaluate(tokens)

    for _ in range(3):
        editor.get_by_role("button", name="Let the controller finish").click()
        page.wait_for_timeout(400)

    after = editor.evaluate(tokens)
    assert after != before


def test_a_replay_shows_old_and_new_beside_one_another(page):
    replay = page.locator(ROOT).nth(1)
    expect(replay.locator(".seat")).to_contain_text("What if?")
    replay.locator(".bars li:not(.picked) .choose").first.click()

    expect(replay.locator(".seat")).to_contain_text("yours: step 1")
    replay.locator("input[aria-label^=Step]").fill("2")
    expect(replay.locator(".bars s")).to_have_count(6)
    replay.get_by_role("button", name="Back to the sample").click()
    expect(replay.locator(".bars s")).to_have_count(0)


def test_a_live_controller_samples_again_and_counts_a_hundred(page):
    replay = page.locator(ROOT).nth(1)
    tokens = "e => [...e.querySelectorAll('.strip .token')].map(t => t.textContent).join()"
    before = replay.evaluate(tokens)

    replay.get_by_role("button", name="Sample again").click()
    expect(replay.locator(".facts")).to_have_text("A new sample of the controller")
    expect(replay.locator(".count")).to_have_text("Step 1 of 12")
    assert replay.evaluate(tokens) != before
    replay.get_by_role("button", name="×100").click()
    expect(replay.locator(".tally-key")).to_have_text("100 samples (±5):controller")
    counted = replay.locator(".tally .n").all_inner_texts()
    assert sum(map(int, counted)) == 100
    replay.get_by_role("button", name="Back to recorded").click()
    expect(replay.locator(".facts")).not_to_contain_text("new sample")
    assert replay.evaluate(tokens) == before
