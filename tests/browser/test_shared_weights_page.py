"""The shared weights in a real browser: scrubbed, played, pointed at, lit, by mouse and keys."""

import pytest
from episodes import made_up_micro_trace, made_up_trace, with_counts
from playwright.sync_api import expect

import enas_viz as ev

MACRO = with_counts(made_up_trace(6, epochs=4, per_epoch=8))
MICRO = with_counts(made_up_micro_trace(5, epochs=4, per_epoch=8))
BOTH = pytest.mark.parametrize("trace", [MACRO, MICRO], ids=["macro", "micro"])
PLACED = ".controls, .network, .legend, .choice, .lists, .knot, .spot"
PLACES = f"""() => [...document.querySelectorAll('{PLACED}')].map(e => {{
  const b = e.getBoundingClientRect();
  return e.matches('.spot') ? [b.left + b.width / 2, b.top + b.height / 2] : [b.left, b.top];
}}).map(p => p.map(v => Math.round(10 * v) / 10))"""
LIT = """() => [...document.querySelectorAll('.lit[data-path]')]
  .map(e => Number(e.dataset.path)).sort((a, b) => a - b)"""


@pytest.fixture
def opened(new_page, tmp_path):
    """Saves the widget as a page and opens it offline."""

    def open_page(trace, width=1300, stopped=False, **options):
        path = ev.save(ev.SharedWeights(trace, **options), tmp_path / "shared.html")
        page = new_page(width, stopped=stopped, reduced_motion="reduce", offline=True)
        page.goto(path.as_uri())
        return page

    return open_page


def scrub(page, moment):
    page.locator("input[type=range]").fill(str(moment))


def counts(page):
    return [int(t) for t in page.locator(".way .n").all_text_contents()]


def test_scrubbing_shows_what_was_trained_until_then(opened):
    page = opened(MACRO)

    for moment in (0, 2, 4):
        scrub(page, moment)
        shown = ev.SharedWeights(MACRO, at=moment)._sharing.moments[moment]
        order = page.locator(".way").evaluate_all("a => a.map(e => Number(e.dataset.path))")
        assert counts(page) == [shown.counts[path] for path in order]
        expect(page.locator(".way.never")).to_have_count(shown.counts[:36].count(0))
    expect(page.locator(".place")).to_have_text("epoch 4 of 4")


@BOTH
def test_the_lit_network_is_the_best_one_or_one_of_ones_own(opened, trace):
    from enas_viz.records.training_counts import paths

    page = opened(trace)
    assert page.evaluate(LIT) == sorted(paths(trace.best.architecture))

    page.get_by_role("button", name="another sample").click()
    assert page.evaluate(LIT) != sorted(paths(trace.best.architecture))
    expect(page.locator(".says")).to_contain_text("a sample of epoch 4")
    page.get_by_role("button", name="best so far").click()
    assert page.evaluate(LIT) == sorted(paths(trace.best.architecture))


def test_a_click_reads_an_operation_and_lights_it(opened):
    page = opened(MACRO)

    page.locator(".way[data-path='12'] .n").click()

    expect(page.locator(".readout")).to_contain_text("Conv 3×3 of layer 3: ")
    assert 12 in page.evaluate(LIT)
    expect(page.locator(".says")).to_contain_text("a network of your own choice")


def test_a_click_on_a_spot_rewires_the_cell(opened):
    page = opened(MICRO)
    spot = page.locator(".spot[data-path='1']").bounding_box()

    page.mouse.click(spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2)

    expect(page.locator(".readout")).to_contain_text("Sep 5×5 of node 1 in normal node 3")
    assert 1 in page.evaluate(LIT)
    assert page.locator(".drop").count() == 2 * 10 + 1  # and the legend's


def test_everything_is_reached_by_keys(opened):
    page = opened(MACRO)
    box = page.locator(".network")

    box.press("ArrowRight")  # onto the first layer of the lit network
    box.press("ArrowRight")
    expect(page.locator(".readout")).to_contain_text("of layer 2: ")
    for _ in range(6):
        box.press("ArrowUp")
    expect(page.locator(".readout")).to_contain_text("Conv 3×3 of layer 2: ")
    box.press("Enter")
    assert 6 in page.evaluate(LIT)
    page.locator("input[type=range]").press("Home")
    expect(page.locator(".headline")).to_have_text("Before training: all weights are new.")


def test_playing_ends_at_the_last_epoch(opened):
    page = opened(MACRO, stopped=True)

    page.get_by_role("button", name="Play the training").click()

    expect(page.locator(".place")).not_to_have_text("epoch 4 of 4")
    page.clock.run_for(10_000)
    expect(page.locator(".place")).to_have_text("epoch 4 of 4")
    expect(page.get_by_role("button", name="Play the training")).to_be_visible()


@BOTH
@pytest.mark.parametrize("width", [390, 800, 1300])
def test_nothing_moves_while_it_is_scrubbed_and_the_page_never_scrolls_sideways(
    opened, trace, width
):
    page = opened(trace, width)
    places = sorted(page.evaluate(PLACES))

    for moment in (0, 1, 3):
        scrub(page, moment)
        assert sorted(page.evaluate(PLACES)) == places
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [390, 800, 1300])
def test_names_and_numbers_of_the_list_overlap_nowhere(opened, width):
    page = opened(MICRO, width)

    assert page.evaluate(
        """() => [...document.querySelectorAll('.inherits li')].every(li => {
          const boxes = [...li.children].map(e => {
            const range = document.createRange();
            range.selectNodeContents(e);
            const b = e.textContent ? range.getBoundingClientRect() : e.getBoundingClientRect();
            return [b.left, b.right];
          });
          return boxes.every(([, r], i) => i + 1 === boxes.length || r <= boxes[i + 1][0] + 0.5);
        })"""
    )


def test_a_large_supernet_keeps_the_size_of_its_letters_and_scrolls(opened):
    page = opened(with_counts(made_up_trace(24, epochs=2, per_epoch=3)), 1300)

    box = page.locator(".network")
    assert box.evaluate("e => e.scrollWidth > e.clientWidth")
    assert page.locator(".n").first.evaluate("e => e.getBoundingClientRect().height") > 11
