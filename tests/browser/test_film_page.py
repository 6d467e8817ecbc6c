"""The film of a search in a real browser: scrubbing, pointing, playing, and what if."""

import pytest
from episodes import made_up_trace
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.view.scene import facts
from enas_viz.view.timeline import film

LETTERS = """() => [...document.querySelectorAll('.time svg')].map(svg => {
  const box = e => {
    const b = e.getBoundingClientRect();
    return [b.left, b.top, b.right, b.bottom];
  };
  return [box(svg), [...svg.querySelectorAll('text')].map(e => [...box(e), e.textContent])];
})"""
FOLDED = "Curves: of the search, and which operations it used"
PLACED = ".film, .strip, .network, .bars, .legend, .controls"
PLACES = f"""() => [...document.querySelectorAll('{PLACED}')]
  .map(e => e.getBoundingClientRect()).map(b => [b.left, b.top, b.width])"""


@pytest.fixture
def opened(new_page, tmp_path):
    """Saves a search's film as a page and opens it offline."""

    def open_page(trace, width=1140, stopped=False, **options):
        path = ev.save(trace, tmp_path / "film.html", **options)
        page = new_page(width, stopped=stopped, reduced_motion="reduce", offline=True)
        page.goto(path.as_uri())
        return page

    return open_page


def ops(page):
    """The operations that the drawing shows, layer by layer."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.network .layer .face')]"
        ".map(e => e.getAttribute('class').replace('face op-', ''))"
    )


def scrub(page, moment):
    page.locator("input[aria-label^=Network]").fill(str(moment))


def unfold(page):
    """Shows the curves and the bands of operations."""
    page.get_by_role("button", name=FOLDED).click()


def names(episode):
    space = episode.architecture.space
    return list(space.op_names(episode.architecture))


def test_a_film_opens_on_its_best_network_finished(opened):
    trace = made_up_trace(6)
    page = opened(trace)

    assert ops(page) == names(trace.best)
    assert page.locator(".network .layer.future").count() == 0
    expect(page.locator(".facts")).to_have_text(facts(trace.best))


def test_scrubbing_opens_the_moments_episode_and_moves_every_cursor(opened):
    trace = made_up_trace(6, epochs=4, per_epoch=5)
    page = opened(trace)

    for moment in (0, 7, 19):
        scrub(page, moment)

        assert ops(page) == names(trace.episodes[moment])
        x = film(trace, trace.episodes)["moments"][moment]["x"]
        moved = page.locator(".cursor").evaluate_all("a => a.map(e => e.getAttribute('transform'))")
        assert moved == [f"translate({x:g} 0)"] * 3
        expect(page.locator(".place")).to_have_text(f"network {moment + 1} of 20")


def test_a_point_on_a_curve_opens_its_episode(opened):
    trace = made_up_trace(6, epochs=4, per_epoch=5)
    page = opened(trace)
    unfold(page)
    spot = page.locator(".time .dot").nth(3).bounding_box()

    page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)

    assert ops(page) == names(trace.episodes[3])


def test_dragging_over_the_bands_scrubs(opened):
    trace = made_up_trace(4, epochs=4, per_epoch=5)
    page = opened(trace)
    unfold(page)
    box = page.locator(".time svg").nth(1).bounding_box()
    y = box["y"] + box["height"] / 2

    page.mouse.move(box["x"] + box["width"] - 14, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 66, y, steps=12)
    page.mouse.up()

    expect(page.locator(".place")).to_have_text("network 1 of 20")


def test_the_curves_are_folded_into_one_line_on_which_a_point_opens_its_episode(opened):
    trace = made_up_trace(4, epochs=4, per_epoch=5)
    page = opened(trace)
    assert page.locator(".time svg:visible").count() == 0
    line = page.locator(".spark").bounding_box()

    page.mouse.click(line["x"] + 0.5, line["y"] + 8)
    expect(page.locator(".place")).to_have_text("network 1 of 20")
    page.mouse.down()
    page.mouse.move(line["x"] + line["width"] - 1, line["y"] + 8, steps=5)
    page.mouse.up()
    expect(page.locator(".place")).to_have_text("network 20 of 20")

    unfold(page)
    assert page.locator(".time svg:visible").count() == 2
    expect(page.get_by_role("button", name=FOLDED)).to_have_attribute("aria-expanded", "true")
    unfold(page)
    assert page.locator(".time svg:visible").count() == 0


def test_the_keys_of_the_scrubber_move_through_the_search_and_others_through_the_steps(opened):
    page = opened(made_up_trace(4, epochs=4, per_epoch=5))
    scrub(page, 5)

    page.locator("input[aria-label^=Network]").press("ArrowRight")
    expect(page.locator(".place")).to_have_text("network 7 of 20")
    expect(page.locator(".count")).to_have_text("Step 8 of 8")
    page.locator(".enas-replay").press("ArrowLeft")
    expect(page.locator(".place")).to_have_text("network 7 of 20")
    expect(page.locator(".count")).to_have_text("Step 7 of 8")


def test_playing_the_search_ends_at_its_last_network(opened):
    trace = made_up_trace(4, epochs=3, per_epoch=4)
    page = opened(trace, stopped=True)
    page.evaluate("() => enasModel.set('speed', 4)")
    scrub(page, 11)

    page.get_by_role("button", name="Play the search").click()

    expect(page.get_by_role("button", name="Pause the search")).to_be_visible()
    page.clock.run_for(5000)
    expect(page.get_by_role("button", name="Play the search")).to_be_visible()
    assert ops(page) == names(trace.episodes[-1])


def test_one_clock_runs_at_a_time(opened):
    page = opened(made_up_trace(4, epochs=3, per_epoch=4))
    clocks = "() => [enasModel.get('rolling'), enasModel.get('playing')]"
    scrub(page, 0)

    page.get_by_role("button", name="Play the search").click()
    assert page.evaluate(clocks) == [True, False]
    page.locator("[data-act=toggle]").click()
    assert page.evaluate(clocks) == [False, True]
    page.locator("[data-act=roll]").click()
    assert page.evaluate(clocks) == [True, False]


def test_a_what_if_temperature_changes_the_bars_and_marks_what_was_sampled_from(opened):
    trace = made_up_trace(4, 3, 4)
    page = opened(trace, step=0)
    (row,) = trace.best.steps[0].probabilities
    shown = page.locator(".bars .p")
    before = [float(t) for t in shown.all_inner_texts()]
    caption = page.locator(".answer").inner_text()

    page.locator("input[aria-label^='What if']").fill("20")  # temperature 4
    after = [float(t) for t in shown.all_inner_texts()]

    assert before == [pytest.approx(p, abs=0.0051) for p in row]
    powers = [p**0.25 for p in row]
    assert after == [pytest.approx(p / sum(powers), abs=0.0051) for p in powers]
    marks = page.locator(".bars s").evaluate_all("a => a.map(e => parseFloat(e.style.left))")
    assert marks == [pytest.approx(100 * p, abs=0.01) for p in row]
    assert "what if" in page.locator(".warmth .hint").inner_text()
    assert page.locator(".answer").inner_text() == caption  # what was recorded stays said

    page.locator("input[aria-label^='What if']").fill("0")
    assert [float(t) for t in shown.all_inner_texts()] == before
    assert page.locator(".bars s").count() == 0


def test_nothing_moves_between_moments_nor_between_temperatures(opened):
    page = opened(made_up_trace(6, epochs=4, per_epoch=5), step=3)
    places = page.evaluate(PLACES)

    for moment in range(0, 20, 3):
        scrub(page, moment)
        assert page.evaluate(PLACES) == places
    for warmth in (-20, 7, 20):
        page.locator("input[aria-label^='What if']").fill(str(warmth))
        assert page.evaluate(PLACES) == places


@pytest.mark.parametrize("width", [390, 660, 800, 1140])
def test_the_what_if_line_fits_and_keeps_its_words_on_a_line(opened, width):
    page = opened(made_up_trace(6, epochs=2, per_epoch=3), width, step=0)

    page.locator("input[aria-label^='What if']").fill("-14")

    line = page.locator(".warmth")
    assert line.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    heights = line.locator("span").evaluate_all("a => a.map(e => e.getBoundingClientRect().height)")
    assert max(heights) < 24  # one line each


@pytest.mark.parametrize("width", [390, 800, 1140])
@pytest.mark.parametrize("layers", [4, 12, 24])
def test_a_film_never_scrolls_the_page_and_its_letters_overlap_nowhere(opened, width, layers):
    page = opened(made_up_trace(layers, epochs=12, per_epoch=2), width)
    unfold(page)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for (left, top, right, bottom), texts in page.evaluate(LETTERS):
        for i, (x1, y1, x2, y2, text) in enumerate(texts):
            assert min(x1 - left, y1 - top, right - x2, bottom - y2) >= -1, text
            for u1, v1, u2, v2, other in texts[:i]:
                apart = u2 <= x1 + 1 or x2 <= u1 + 1 or v2 <= y1 + 2 or y2 <= v1 + 2
                assert apart, (text, other)


def test_the_cursor_is_in_view_where_the_film_is_wider_than_the_screen(opened):
    page = opened(made_up_trace(6, epochs=4, per_epoch=5), 390)
    unfold(page)

    for moment in (0, 10, 19):
        scrub(page, moment)
        for box in page.locator(".time").all():
            frame, cursor = box.bounding_box(), box.locator(".cursor").bounding_box()
            assert frame["x"] <= cursor["x"] <= frame["x"] + frame["width"]
