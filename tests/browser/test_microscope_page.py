"""The microscope's page in a real browser: sliders, buttons, dragging, and that nothing jumps."""

import pytest
from playwright.sync_api import expect

import enas_viz as ev

ROOT = ".enas-microscope"
PLACES = """() => [...document.querySelectorAll('.knob, .said, .plot, .legend, .facts')]
  .map(e => e.getBoundingClientRect())
  .map(b => [b.left, b.top, b.width, b.height].map(Math.round))"""
LETTERS = """() => [...document.querySelectorAll('.plot svg')].map(svg => {
  const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.right]; };
  return [box(svg), [...svg.querySelectorAll('text')].map(e => [...box(e), e.textContent])];
})"""
DRAG = """async () => {
  const found = [], slider = document.querySelector('input[aria-label=Samples]');
  for (let k = Number(slider.min); k <= Number(slider.max); k++) {
    slider.value = k;
    slider.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
    found.push([enasModel.get('samples'), document.querySelector('.said p').textContent]);
  }
  return found;
}"""


@pytest.fixture
def opened(new_page, tmp_path):
    """Saves a microscope as a page and opens it offline."""

    def open_page(width=1140, **options):
        path = ev.save(ev.Microscope(**options), tmp_path / "scope.html")
        page = new_page(width, offline=True)
        page.goto(path.as_uri())
        page.wait_for_selector(f"{ROOT} .plot svg")
        return page

    return open_page


def sentence(page, k=0):
    return page.locator(f"{ROOT} .said p").nth(k)


def test_more_samples_bring_the_estimates_nearer(opened):
    page = opened(samples=1)
    expect(sentence(page)).to_contain_text("from a single sample")

    page.get_by_label("Samples", exact=True).press("End")

    expect(sentence(page)).to_contain_text("the mean of 1000 samples")
    assert page.evaluate("enasModel.get('samples')") == 1000


def test_a_baseline_is_chosen_and_what_it_does_is_said_as_python_says_it(opened):
    page, toy = opened(samples=20), ev.load_specimen()
    expect(sentence(page, 1)).to_contain_text("Without a baseline")
    assert page.locator(".plot .ghost").count() == 0

    page.get_by_role("button", name="mean reward").click()

    ratio = toy.variance(1, "none") / toy.variance(1, "mean")
    expect(sentence(page, 1)).to_contain_text(f"{ratio:.0f} times smaller than without")
    expect(sentence(page, 1)).to_contain_text(f"takes {toy.needed(baseline='mean')} samples")
    expect(page.get_by_role("button", name="mean reward")).to_have_attribute("aria-pressed", "true")
    assert page.locator(".plot .ghost").count() == 1


def test_a_value_of_the_baseline_is_dragged_on_the_parabola(opened):
    page = opened(baseline="mean")
    box = page.locator("[data-plot=variance]").bounding_box()

    page.mouse.click(box["x"] + 40 + (box["width"] - 52) * 0.4, box["y"] + 80)

    page.wait_for_function("() => enasModel.get('rule') === 'value'")
    assert page.evaluate("enasModel.get('baseline')") == pytest.approx(0.4, abs=0.02)
    expect(sentence(page, 1)).to_contain_text("With this baseline")


def test_the_number_of_samples_is_chosen_on_its_curve(opened):
    page = opened(samples=1)
    box = page.locator("[data-plot=cosine]").bounding_box()

    page.mouse.click(box["x"] + 40 + (box["width"] - 76) * 2 / 3, box["y"] + 60)

    expect(sentence(page)).to_contain_text("the mean of 100 samples")


def test_images_and_entropy_change_what_is_said_of_rewards(opened):
    page = opened(baseline="mean")

    page.get_by_label("Images a reward").press("End")
    expect(sentence(page, 2)).to_contain_text("On all 397 validation images a reward has no noise")
    page.get_by_label("Entropy weight").press("End")
    expect(page.locator(".knob", has_text="Entropy weight").locator("output")).to_have_text(
        "0.1, the paper"
    )


def test_drawing_again_turns_the_needle_and_leaves_what_is_exact(opened):
    page = opened(baseline="mean")
    needle = page.locator("[data-plot=estimates] .needle")
    before, exact = needle.get_attribute("d"), sentence(page, 1).inner_text()

    page.get_by_role("button", name="Draw again").click()

    page.wait_for_function(
        "d => document.querySelector('[data-plot=estimates] .needle').getAttribute('d') !== d",
        arg=before,
    )
    assert sentence(page, 1).inner_text() == exact


def test_closer_draws_the_estimates_larger(opened):
    page = opened(samples=1, baseline="best")
    tip = "() => document.querySelector('[data-plot=estimates] .true').getBBox().height"
    before = page.evaluate(tip)

    page.get_by_role("button", name="Closer").click()

    expect(page.get_by_role("button", name="Closer")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"h => ({tip})() > 3 * h", arg=before)


def test_a_network_is_named_under_the_pointer(opened):
    page = opened()
    box = page.locator("[data-plot=rewards]").bounding_box()

    page.mouse.move(box["x"] + box["width"] - 16, box["y"] + 60)

    expect(page.locator(".readout")).to_contain_text("probability")
    expect(page.locator(".readout")).to_contain_text(", then ")


@pytest.mark.parametrize("width", [390, 800, 1300])
def test_nothing_moves_and_nothing_overflows(opened, width):
    page = opened(width)
    places = page.evaluate(PLACES)

    for name, value in (("samples", 1000), ("rule", "best"), ("images", 397), ("samples", 1)):
        page.evaluate("([n, v]) => enasModel.set(n, v)", [name, value])
        page.wait_for_timeout(80)
        assert page.evaluate(PLACES) == places
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for (left, right), texts in page.evaluate(LETTERS):
            for x1, x2, text in texts:
                assert left - 1 <= x1, text
                assert x2 <= right + 1, text


def test_every_control_is_reached_by_the_keyboard_and_has_a_name(opened):
    page = opened()
    controls = page.locator(f"{ROOT} :is(input, button)")

    assert controls.count() == 9
    for control in controls.all():
        control.focus()
        assert control.evaluate("e => document.activeElement === e")
        assert control.get_attribute("aria-label") or control.inner_text()


def test_each_position_of_a_slider_is_drawn_in_the_next_frame(opened):
    seen = opened(baseline="mean").evaluate(DRAG)

    assert len(seen) > 10
    for samples, said in seen:
        assert ("a single sample" if samples == 1 else f"the mean of {samples} samples") in said
