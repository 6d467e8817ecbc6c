"""The loop in a browser, as a saved page: buttons, keys, motion, sizes, what must not move."""

import pytest
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.records.turns import NAMES, load_turns
from enas_viz.view.loop import Picture, liveliest

STAGES = ("Sample", "Train a minibatch", "Reward", "Update")

# Where every marked shape and every button is, to a tenth of a pixel.
BOXES = """() => Object.fromEntries([...document.querySelectorAll(
  '.enas-loop [data-key], .enas-loop button, .enas-loop select')].map((e, n) => {
    const b = e.getBoundingClientRect();
    const box = [b.x, b.y, b.width, b.height].map(v => v.toFixed(1)).join();
    return [e.dataset.key ?? `control ${n}`, box];
}))"""
TEXTS = """() => [...document.querySelectorAll('.enas-loop .picture text')].filter(e =>
  e.textContent.trim() && e.getClientRects().length).map(e => {
    const b = e.getBoundingClientRect(), scale = e.getScreenCTM().a;
    return [e.textContent, parseFloat(getComputedStyle(e).fontSize) * scale, b.left, b.top, b.right,
      b.bottom, e.classList.contains('label')];
})"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {kind: ev.save(ev.Loop(kind), folder / f"{kind}.html") for kind in NAMES}


def opened(new_page, files, kind="macro", **options):
    page = new_page(**{"width": 1034, "height": 640, **options})
    page.goto(files[kind].as_uri())
    expect(page.locator(".enas-loop .picture svg")).to_be_visible()
    return page


def shown(page, key):
    return page.locator(f'.enas-loop [data-key="{key}"]').text_content()


def wanted(kind, done):
    found = load_turns(kind)
    return list(Picture(found).states(found.turns[liveliest(found)]))[done]


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def test_each_button_leads_to_what_was_recorded_and_only_the_next_one_is_free(new_page, files):
    page = opened(new_page, files, reduced_motion="reduce")

    for done, name in enumerate(STAGES, 1):
        later = STAGES[done:]
        for other in later:
            expect(page.get_by_role("button", name=other, exact=True)).to_be_disabled()
        press(page, name)
        state = wanted("macro", done)
        assert shown(page, "say") == state["say", "text"]
        assert shown(page, "acc") == state["acc", "text"]
        width = page.locator('[data-key="b0.0"]').get_attribute("width")
        assert float(width) == pytest.approx(state["b0.0", "width"], abs=0.01)
    expect(page.get_by_role("button", name="Sample", exact=True)).to_be_enabled()
    before = shown(page, "turn")
    press(page, "Sample")
    assert shown(page, "turn") != before


def test_keys_go_through_the_stages_and_the_turns(new_page, files):
    page = opened(new_page, files, reduced_motion="reduce")
    page.locator(".enas-loop").focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    assert page.evaluate("window.enasModel.get('done')") == 2
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("window.enasModel.get('done')") == 1
    page.keyboard.press("Home")
    assert shown(page, "turn").startswith("Turn 1 of")
    page.keyboard.press("PageDown")
    assert shown(page, "turn").startswith("Turn 2 of")
    page.keyboard.press("End")
    planned = load_turns("macro").planned
    assert shown(page, "turn") == f"Turn {planned:,} of {planned:,}"


@pytest.mark.parametrize("kind", NAMES)
def test_what_stands_still_does_not_move_by_a_pixel_while_a_turn_is_played(new_page, files, kind):
    page = opened(new_page, files, kind, stopped=True)
    found = load_turns(kind)
    turn = found.turns[liveliest(found)]
    fixed = page.evaluate(BOXES)

    for act, name in zip(Picture(found).acts(turn), STAGES, strict=True):
        moving = {cue.key for cue in act.cues}
        grown = {key[:-1] for key in moving if key.endswith("+")}
        press(page, name)
        for _ in range(6):
            page.clock.run_for(act.ms // 6 + 60)
            now = page.evaluate(BOXES)
            still = {k for k in now if k not in moving and k not in grown and "control" not in k}
            assert {k: now[k] for k in still} == {k: fixed[k] for k in still}
            controls = {k for k in now if "control" in k}
            assert {k: now[k] for k in controls} == {k: fixed[k] for k in controls}
        page.clock.run_for(2000)
        fixed = page.evaluate(BOXES)


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(("width", "height"), [(1000, 600), (1280, 720)])
def test_everything_is_inside_and_large_enough_to_be_read(new_page, files, kind, width, height):
    page = opened(new_page, files, kind, width=width, height=height, reduced_motion="reduce")
    page.locator(".enas-loop").focus()
    page.keyboard.press("f")
    scale = min(width / 1280, height / 720)

    for name in (None, *STAGES):
        if name:
            press(page, name)
        for text, size, left, top, right, bottom, label in page.evaluate(TEXTS):
            assert size >= (15 if label else 20) * scale - 0.01, text
            assert size >= 11, text
            assert left >= 0, text
            assert right <= width + 0.5, text
            assert top >= 0, text
            assert bottom <= height + 0.5, text
        for box in page.locator(".enas-loop button:visible, .enas-loop select").all():
            found = box.bounding_box()
            assert found["x"] >= 0
            assert found["x"] + found["width"] <= width
            assert found["y"] + found["height"] <= height


def test_in_a_column_of_a_thousand_pixels_it_is_no_higher_than_six_hundred(new_page, files):
    page = opened(new_page, files, width=1034)

    expect(page.locator(".enas-loop .origin")).to_contain_text("Recipe loop-macro, seed 0")
    box = page.locator(".enas-loop").bounding_box()
    assert 990 <= box["width"] <= 1002
    assert box["height"] <= 600


def test_f_fills_the_window_and_escape_gives_it_back(new_page, files):
    page = opened(new_page, files, width=1280, height=720)
    page.locator(".enas-loop").focus()

    page.keyboard.press("f")
    box = page.locator(".enas-loop .sheet").bounding_box()
    assert (box["x"], box["y"]) == (0, 0)
    assert (box["width"], box["height"]) == (1280, 720)
    page.keyboard.press("Escape")
    assert page.locator(".enas-loop .sheet").bounding_box()["y"] > 0


def test_play_all_goes_around_the_loop_and_on_to_the_next_turn(new_page, files):
    page = opened(new_page, files, stopped=True)
    first = page.evaluate("window.enasModel.get('turn')")

    page.get_by_role("button", name="Play all (space)").click()
    page.clock.run_for(30_000)

    assert page.evaluate("window.enasModel.get('turn')") > first
    page.get_by_role("button", name="Pause (space)").click()
    assert page.evaluate("window.enasModel.get('playing')") is False


def test_motion_passes_through_what_python_computes_for_that_time(new_page, files):
    page = opened(new_page, files, stopped=True)
    press(page, "Sample")
    page.clock.run_for(100_000)
    press(page, "Train a minibatch")
    page.clock.run_for(100_000)

    state = wanted("macro", 2)
    for key in ("t0a", "t1b", "t29"):
        width = page.locator(f'[data-key="{key}"]').get_attribute("stroke-width")
        assert float(width) == pytest.approx(state[key, "stroke-width"], abs=0.02)


def test_a_stage_is_told_to_those_who_listen(new_page, files):
    page = opened(new_page, files, reduced_motion="reduce")

    press(page, "Sample")

    live = page.locator(".enas-loop [aria-live]")
    expect(live).to_contain_text("The child is sampled")
    told = page.locator(".enas-loop .picture").get_attribute("aria-label")
    assert told.endswith(live.text_content())
