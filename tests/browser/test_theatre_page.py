"""The theatre in a real browser: all on one screen, keys, chapters, and a step that stays."""

from pathlib import Path

import pytest
from episodes import made_up_article_episode, made_up_trace
from lab_server import ran, write_notebook
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.view.chapters import chapters

SIZES = [(1280, 720), (1366, 768), (1920, 1080)]
# Of every text that is seen: its pixels, whether it is in the network, its box, what it says.
TEXTS = """() => {
  const svg = document.querySelector('.enas-theatre .screen > svg');
  const found = [];
  for (const e of svg.querySelectorAll('text')) {
    const b = e.getBoundingClientRect(), net = e.closest('.child');
    if (!b.width || getComputedStyle(e).visibility === 'hidden' || e.closest('defs')) continue;
    const scale = e.getScreenCTM().a;
    const inside = e.closest('.window, .child');
    found.push([parseFloat(getComputedStyle(e).fontSize) * scale, !!net, b.left, b.top, b.right,
      b.bottom, e.textContent, !!inside]);
  }
  return found;
}"""
GLYPHS = """() => {
  const child = document.querySelector('.enas-theatre .child');
  const scale = child.getScreenCTM().a;
  return [...child.querySelectorAll('defs text')]
    .map(e => parseFloat(e.style.fontSize) * scale);
}"""
TOKENS = ".enas-theatre .step[data-step] .chip"


@pytest.fixture
def opened(new_page, tmp_path):
    def open_page(x, width=1280, height=720, theatre=True, **how):
        path = ev.save(ev.Replay(x, theatre=theatre, **how), tmp_path / "page.html")
        page = new_page(width, height, reduced_motion="reduce", offline=True)
        page.goto(path.as_uri())
        if theatre:
            expect(page.locator(".enas-theatre")).to_be_visible()
            expect(page.locator(".enas-theatre .ask").first).to_be_visible()
        return page

    return open_page


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("what", ["macro film", "micro film", "article"])
def test_all_of_it_is_seen_in_letters_that_can_be_read(opened, what, width, height):
    x = {
        "macro film": lambda: ev.load_trace("macro-cifar10-cpu"),
        "micro film": lambda: ev.load_trace("micro-cifar10-cpu"),
        "article": made_up_article_episode,
    }[what]()
    page = opened(x, width, height)
    page.set_viewport_size({"width": width, "height": height})
    scale = min(width / 1280, height / 720)

    texts = page.evaluate(TEXTS)
    assert len(texts) > 30
    for size, in_network, left, top, right, bottom, told, clipped in texts:
        assert size >= (14 if in_network else 19.9) * scale, told
        if not clipped:  # a window over the strip cuts its neighbours
            assert left >= 0, told
            assert top >= 0, told
            assert right <= width, told
            assert bottom <= height, told
    assert min(page.evaluate(GLYPHS)) >= 14 * scale
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_f_opens_it_and_escape_leaves_it(opened):
    page = opened(made_up_article_episode(), theatre=False)
    assert page.locator(".enas-theatre").count() == 0

    page.locator(".enas-replay").focus()
    page.keyboard.press("f")
    expect(page.locator(".enas-theatre")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".enas-theatre .kicker")).to_have_text("Step 2 of 7")
    page.keyboard.press("Escape")
    expect(page.locator(".enas-theatre")).to_have_count(0)
    page.locator("[data-act=theatre]").click()
    expect(page.locator(".enas-theatre")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator(".enas-theatre")).to_have_count(0)
    assert page.evaluate("() => document.activeElement.className").startswith("enas-viz enas-rep")


def test_a_click_on_a_chapter_goes_there(opened):
    trace = ev.load_trace("macro-cifar10-cpu")
    page = opened(trace)
    step = page.evaluate("() => window.enasModel.get('step')")
    chips = page.locator(".enas-theatre .chapter")
    found = chapters(trace)
    expect(chips).to_have_count(len(found))
    assert len(found) >= 3

    for k in (0, 2, len(found) - 1):
        chips.nth(k).click()
        expect(chips.nth(k)).to_have_class("chapter here")
        told = f"epoch {found[k].epoch + 1} of"
        expect(page.locator(".enas-theatre [data-part=under]")).to_contain_text(told)
    chips.nth(1).focus()
    page.keyboard.press("Enter")
    expect(chips.nth(1)).to_have_class("chapter here")
    assert page.evaluate("() => window.enasModel.get('step')") == step


@pytest.mark.parametrize("theatre", [True, False])
def test_the_search_plays_at_the_step_that_is_open(opened, theatre):
    page = opened(made_up_trace(6), theatre=theatre, step=4, moments=12)
    root = ".enas-theatre" if theatre else ".enas-replay"
    page.evaluate("() => { window.enasModel.set('moment', 0); window.enasModel.set('speed', 4); }")

    page.locator(f"{root} [data-act=roll]").first.click()
    page.wait_for_function("() => window.enasModel.get('moment') >= 3")
    seen = page.evaluate(
        f"() => [window.enasModel.get('step'), document.querySelectorAll("
        f"'{root} :is(.child, .network) .layer.future').length]"
    )
    assert seen == [4, 0]  # whole networks, of which one sees this step


def test_nodes_stay_where_they_are_from_sample_to_sample(opened):
    page = opened(made_up_trace(6), step=4, moments=12)
    boxes = (
        "() => [...document.querySelectorAll('.enas-theatre .child .slot')]"
        ".map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.width])"
    )
    before = page.evaluate(boxes)

    for moment in (0, 5, 11):
        page.evaluate(f"() => window.enasModel.set('moment', {moment})")
        page.wait_for_timeout(100)
        assert page.evaluate(boxes) == before


# ---------------------------------------------------------------- in JupyterLab


@pytest.fixture(scope="module")
def lab_page(lab):
    tests = str(Path(__file__).parent.parent)
    cells = (
        f"import sys; sys.path.insert(0, {tests!r})\nimport enas_viz as ev\n"
        "from episodes import made_up_article_episode",
        "replay = ev.Replay(made_up_article_episode())\nreplay",
        "print(replay.theatre)",
    )
    notebook = write_notebook(lab.new_folder("theatre") / "theatre.ipynb", cells)
    with ran(lab, notebook, replays=1, width=1366, motion="reduce") as page:
        yield page


def test_f_opens_the_theatre_and_not_jupyters_find_and_replace(lab_page):
    replay = lab_page.locator(".jp-OutputArea-output .enas-replay").first
    replay.focus()

    lab_page.keyboard.press("f")
    theatre = lab_page.locator(".enas-theatre")
    expect(theatre).to_be_visible()
    box = theatre.bounding_box()
    size = lab_page.evaluate("() => [innerWidth, innerHeight]")
    assert [round(box["width"]), round(box["height"])] == size
    assert lab_page.locator(".jp-DocumentSearch-overlay").count() == 0
    lab_page.keyboard.press("ArrowRight")
    expect(theatre.locator(".kicker")).to_have_text("Step 2 of 7")
    lab_page.keyboard.press("Escape")
    expect(lab_page.locator(".enas-theatre")).to_have_count(0)
    assert lab_page.locator(".jp-DocumentSearch-overlay").count() == 0
    cells = lab_page.locator(".jp-Notebook .jp-Cell").count()
    assert cells == 3


# Of the strip: where every chip, cell and number stands.
STANDING = """() => [...document.querySelectorAll(
    '.enas-theatre [data-part="strip"] :is(.chip, .cell, .number)')]
  .map(e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width]; })"""
SLIDING = """() => document.getAnimations().map(a => a.effect.target)
  .filter(e => e.matches?.('.enas-theatre .token'))
  .map(e => !!e.closest('[data-part="gone"]'))"""
# Opens a moment and, once it is drawn, holds every motion.
HELD = """async (moment) => {
  const epoch = () => document.querySelector('.enas-theatre [data-part="under"]').textContent;
  const before = epoch();
  window.enasModel.set("moment", moment);
  while (epoch() === before) await new Promise(requestAnimationFrame);
  document.getAnimations().forEach((a) => a.pause());
}"""


@pytest.mark.parametrize("name", ["macro-cifar10-cpu", "micro-cifar10-cpu"])
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_tokens_slide_from_sample_to_sample_and_nothing_else_moves(
    new_page, tmp_path, name, motion
):
    path = ev.save(ev.Replay(ev.load_trace(name), theatre=True), tmp_path / "page.html")
    page = new_page(1280, 720, reduced_motion=motion, offline=True)
    page.goto(path.as_uri())
    expect(page.locator(".enas-theatre .ask").first).to_be_visible()
    page.evaluate(HELD, 3)
    page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    before, words = page.evaluate(STANDING), page.locator(".enas-theatre .token").all_inner_texts()

    page.evaluate(HELD, 40)

    sliding = page.evaluate(SLIDING)
    assert page.evaluate(STANDING) == before
    if motion == "reduce":
        assert sliding == []
    else:
        assert sliding.count(True) > 3  # those that go
        assert sliding.count(False) > 3  # and those that come
    page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    expect(page.locator(".enas-theatre [data-part='gone'] *")).to_have_count(0)
    assert page.locator(".enas-theatre .token").all_inner_texts() != words
