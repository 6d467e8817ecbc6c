"""A network's inside in a real browser: ten images, arcs to cut, operations to swap, a window."""

from dataclasses import replace

import pytest
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.records.inside import load_inside

ROOT = ".enas-child"
PLACES = """() => [...document.querySelectorAll(
    '.enas-child, .images, .said, .undo, .net, .verdict, .panel, .ops, .stage, .tell, .row')]
  .map(e => e.getBoundingClientRect())
  .map(b => [b.left, b.top, b.width, b.height].map(Math.round))"""
SMALL = """() => [...document.querySelectorAll('.enas-child *')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => e.getClientRects().length && getComputedStyle(e).visibility === 'visible')
  .map(e => {
    const box = e.ownerSVGElement?.getScreenCTM();
    return [parseFloat(getComputedStyle(e).fontSize) * (box ? box.a : 1), e.textContent];
  }).filter(([size]) => size < 10.95)"""


@pytest.fixture
def opened(new_page, tmp_path):
    """Saves a network's inside as a page and opens it offline."""

    def open_page(name="child-macro", width=1000, height=600, motion="reduce", **options):
        path = ev.save(ev.Child(name, **options), tmp_path / "child.html")
        page = new_page(width, height, offline=True, reduced_motion=motion)
        page.goto(path.as_uri())
        page.wait_for_selector(f"{ROOT} [data-photo][href]")
        return page

    return open_page


def verdict(page):
    return page.locator(".said p").nth(1)


def cut(page, change):
    page.locator(f"[data-cut='{change}']").dispatch_event("click")


@pytest.mark.parametrize("name", ["child-macro", "child-micro"])
def test_an_image_is_picked_and_the_verdict_is_pythons(opened, name):
    page, inside = opened(name), load_inside(name)

    for k, button in enumerate(page.locator(".images button").all()):
        button.click()

        row = inside.base.probabilities[k]
        said = inside.classes[row.index(max(row))]
        expect(verdict(page)).to_contain_text(f"It predicts {said} (")
        expect(page.locator(".verdict .true span")).to_have_text(f"✓ {inside.labels[k]}")
        expect(page.locator(".verdict .most b")).to_have_text(f"{int(100 * max(row) + 0.5)} %")
        expect(button).to_have_attribute("aria-pressed", "true")


def test_a_cut_arc_changes_maps_sums_and_verdict_and_comes_back(opened):
    page, inside = opened(), load_inside("child-macro")
    seen = inside.variants["cut:3-1"]
    maps = """k => [...document.querySelectorAll(`[data-maps='${k}'] image`)]
      .map(e => e.getAttribute('href')).join()"""
    before = {key: page.evaluate(maps, key) for key in ("t3", "t4")}

    cut(page, "cut:3-1")

    expect(page.locator(".said p").first).to_have_text("Layer 4 without layer 1")
    row = seen.probabilities[0]
    expect(verdict(page)).to_contain_text(f"It predicts {inside.classes[row.index(max(row))]} (")
    expect(page.locator("[data-sum='3']")).to_have_text("2 × 16 = 32")
    expect(page.locator("[data-thin='3']")).to_have_text("32 → 16")
    expect(page.locator("[data-slab='cut:3-1']")).to_have_class("slab gone")
    assert page.evaluate(maps, "t3") == before["t3"]  # which comes before
    assert page.evaluate(maps, "t4") != before["t4"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-sum='3']")).to_have_text("3 × 16 = 48")
    assert page.evaluate(maps, "t4") == before["t4"]


def test_another_operation_is_chosen_for_the_layer_that_is_open(opened):
    page, inside = opened(), load_inside("child-macro")
    page.locator("[data-place='2']").dispatch_event("click")
    expect(page.locator("h2")).to_contain_text("Layer 3")

    page.locator(".ops").get_by_text("avg 3×3").click()

    row = inside.variants["op:2:avg3x3"].probabilities[0]
    expect(verdict(page)).to_contain_text(f"It predicts {inside.classes[row.index(max(row))]} (")
    expect(page.locator("[data-named='2'] text")).to_have_text("avg 3×3")
    page.locator(".ops").get_by_text("max 3×3").click()  # its own
    expect(page.locator(".said p").first).to_have_text("The network as it is")


def test_pixels_are_those_of_the_recording(opened):
    page, inside = opened(image=3), load_inside("child-macro")
    t = inside.tensors["t3"]
    size = t.side**2
    start = 3 * len(t.channels) * size
    wanted = list(inside.base.maps["t3"][start : start + size])

    found = page.evaluate("""async () => {
      const image = new Image();
      image.src = document.querySelector("[data-map='t3 0']").getAttribute('href');
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = image.width; canvas.height = image.height;
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const data = context.getImageData(0, 0, image.width, image.height).data;
      return [...data].filter((_, k) => k % 4 === 0);
    }""")

    paper, ink = 255, 8  # the red of white, and of the blue
    assert len(found) == size
    for value, byte in zip(found, wanted, strict=True):
        assert abs(value - (paper + (ink - paper) * byte / inside.levels)) <= 1


def test_the_window_slides_step_by_step(opened):
    page = opened()
    page.locator("[data-place='0']").dispatch_event("click")
    tell = page.locator(".tell b")
    expect(tell).to_contain_text("Place 1 of 256")

    page.get_by_label("One place on").click()
    expect(tell).to_contain_text("Place 2 of 256: sum")
    page.get_by_label("Place of the window").press("End")
    expect(tell).to_contain_text("Place 256 of 256")
    page.get_by_label("One place on").click()
    expect(tell).to_contain_text("Place 256 of 256")


def test_a_click_on_a_layer_lets_its_window_slide_and_pause(opened):
    page = opened(motion="no-preference")

    page.locator("[data-place='3']").dispatch_event("click")

    expect(page.locator(".play")).to_have_text("Pause")
    page.wait_for_function("() => enasModel.get('at') > 2")
    page.locator(".play").click()
    expect(page.locator(".play")).to_have_text("Slide")


def test_maps_appear_from_left_to_right_and_sums_are_laid_over_each_other(opened):
    page = opened("child-micro", motion="no-preference")

    page.locator(".images button").nth(5).click()

    page.wait_for_function("() => document.querySelector('.map.dim')")
    page.wait_for_function("() => document.querySelector('.maps:not([data-maps])')")  # on its way
    page.wait_for_function("() => !document.querySelector('.map.dim, .maps:not([data-maps])')")


def test_a_second_change_in_the_middle_of_the_first_leaves_no_map_hidden(opened):
    page = opened(motion="no-preference")

    page.evaluate("""async () => {
      enasModel.set('changes', ['cut:1-1']);
      await new Promise(then => setTimeout(then, 120));
      enasModel.set('changes', []);
      await new Promise(then => setTimeout(then, 1500));
    }""")

    assert page.locator(".map.dim").count() == 0


@pytest.mark.parametrize("name", ["child-macro", "child-micro"])
def test_it_fits_into_a_thousand_by_six_hundred_and_no_letter_is_small(opened, name):
    page = opened(name)

    box = page.locator(ROOT).bounding_box()
    assert box["width"] <= 1000
    assert box["height"] <= 600
    assert page.evaluate(SMALL) == []
    net = page.locator(".net").evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert net[0] <= net[1]


@pytest.mark.parametrize("name", ["child-macro", "child-micro"])
def test_every_word_of_the_drawing_lies_inside_it(opened, name):
    page = opened(name)

    cut_off = page.evaluate("""() => {
      const edge = document.querySelector('.net > svg').getBoundingClientRect();
      return [...document.querySelectorAll('.net text:not(defs *, symbol *)')].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < edge.left || box.right > edge.right || box.bottom > edge.bottom;
      }).map((text) => text.textContent);
    }""")
    assert cut_off == []


@pytest.mark.parametrize("width", [390, 800, 1000, 1400])
@pytest.mark.parametrize("name", ["child-macro", "child-micro"])
def test_nothing_moves_and_nothing_overflows(opened, name, width):
    page, inside = opened(name, width), load_inside(name)
    page.wait_for_timeout(100)
    places = page.evaluate(PLACES)

    for change in [*inside.changes[:4], *inside.changes[-4:]]:
        page.evaluate("c => enasModel.set('changes', [c])", change)
        page.wait_for_timeout(60)
        assert page.evaluate(PLACES) == places, change
    for place in ev.Child(inside).picture["places"]:
        page.evaluate("p => { enasModel.set('place', p); enasModel.set('changes', []); }", place)
        page.wait_for_timeout(60)
        assert page.evaluate(PLACES) == places, place
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []


def test_arcs_and_layers_are_reached_and_used_by_the_keyboard(opened):
    page = opened()
    wire = page.locator("[data-cut='cut:1-1']")

    wire.focus()
    page.keyboard.press("Enter")
    expect(wire).to_have_attribute("aria-pressed", "true")
    assert wire.evaluate("e => document.activeElement === e")
    page.keyboard.press(" ")
    expect(wire).to_have_attribute("aria-pressed", "false")
    page.locator("[data-place='3']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_contain_text("Layer 4")
    assert page.locator(".said").get_attribute("aria-live") == "polite"
    names = page.locator(f"{ROOT} :is(button, input, [role=button]):not(.undo)")
    for one in names.all():
        assert one.get_attribute("aria-label") or one.inner_text()


def test_a_theme_that_changes_repaints_the_maps(opened):
    page = opened()
    address = "document.querySelector(\"[data-map='t1 0']\").getAttribute('href')"
    before = page.evaluate(address)

    page.emulate_media(color_scheme="dark")

    page.wait_for_function(f"a => {address} !== a", arg=before)


def test_without_scripts_a_still_is_there(new_page, tmp_path):
    path = ev.save(ev.Child(image=2), tmp_path / "child.html")
    page = new_page(1000, java_script_enabled=False)
    page.goto(path.as_uri())

    expect(page.locator("noscript svg, .enas-still svg").first).to_be_visible()
    assert page.locator(".enas-still image").count() > 40


def test_what_a_recording_does_not_hold_cannot_be_clicked(new_page, tmp_path):
    whole = load_inside("child-macro")
    kept = {"cut:1-1": whole.variants["cut:1-1"]}
    path = ev.save(ev.Child(replace(whole, variants=kept)), tmp_path / "child.html")
    page = new_page(1000, offline=True, reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_selector(f"{ROOT} [data-photo][href]")

    assert page.locator(".wire[aria-disabled]").count() == 4
    assert page.locator(".ops button:disabled").count() == 5
    cut(page, "cut:3-1")
    cut(page, "cut:1-1")
    expect(page.locator(".said p").first).to_have_text("Layer 2 without layer 1")
    assert page.evaluate("enasModel.get('changes')") == ["cut:1-1"]
