"""The exported page in a real browser: offline, by keyboard, by touch, narrow, in both themes."""

import pytest
from episodes import (
    made_up_article_cells,
    made_up_article_episode,
    made_up_cells,
    made_up_episode,
)
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.view.scene import episode_json, scene_of

# Boxes of the letters that one sees in a drawing, and of the drawing itself, in pixels.
LETTERS = """selector => {
  const box = e => {
    const b = e.getBoundingClientRect();
    return [b.left, b.top, b.right, b.bottom];
  };
  const drawing = document.querySelector(`${selector} > svg`);
  const window = drawing.getBoundingClientRect();
  const seen = [...drawing.querySelectorAll('text, .label use')].filter(e => {
    const { width, top, bottom } = e.getBoundingClientRect();
    const shown = selector !== '.network' || bottom > window.top && top < window.bottom;
    return !e.closest('defs') && width && shown && getComputedStyle(e).visibility === 'visible';
  });
  return [box(drawing), seen.map(e => [...box(e), e.textContent || e.getAttribute('href')])];
}"""
PLACES = """() => [...document.querySelectorAll('.network, .network .slot, .network .ring, .bars')]
  .map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top]; })"""
TOKENS = """() => [...document.querySelectorAll('.strip .token')]
  .map(t => t.textContent).filter(Boolean)"""
CUT_SHORT = """() => [...document.querySelectorAll('.enas-replay p, .bars li > *')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && !e.matches('.unseen, .track'))
  .map(e => e.textContent)"""


@pytest.fixture
def opened(new_page, tmp_path):
    """Saves an episode as a page and opens it, with every request but that for the file refused."""

    def open_page(
        episode, width=1140, scheme="light", touch=False, motion="reduce", stopped=False, **options
    ):
        path = ev.save(episode, tmp_path / "replay.html", **options)
        look = {"color_scheme": scheme, "has_touch": touch, "reduced_motion": motion}
        page = new_page(width, stopped=stopped, offline=True, **look)
        page.goto(path.as_uri())
        return page

    return open_page


def said(page):
    return " ".join(
        page.locator(f".{name}").inner_text() for name in ("count", "question", "answer")
    )


def go_to(page, step):
    """step: as recorded; the slider counts those that are shown."""
    page.evaluate("step => window.enasModel.set('step', step)", step)


@pytest.mark.parametrize(
    "episode",
    [made_up_episode(6), made_up_episode(6, "skips-first"), made_up_cells(2)],
    ids=["op-first", "skips-first", "cells"],
)
def test_at_each_step_the_page_says_what_python_says(opened, episode):
    scene = scene_of(episode)
    page = opened(episode)

    for t in scene.shown:
        step = episode.steps[t]
        go_to(page, t)
        question = scene.question(t, episode.steps)
        assert said(page) == (
            f"{scene.count(t)} {question[0].upper()}{question[1:]} {scene.answer(t, episode.steps)}"
        )
        assert page.locator("input[aria-label^=Step]").get_attribute(
            "aria-valuetext"
        ) == scene.caption(t, episode.steps)
        assert page.locator(".bars li").count() == len(scene.bars(t, step))
        marks = [mark.strip() for mark in page.locator(".bars .mark").all_inner_texts()]
        assert marks == [bar.answer for bar in scene.bars(t, step)]


def test_the_articles_example_grows_as_it_is_told(opened):
    page = opened(made_up_article_episode(), colour="layer")
    arcs = ".network .arc"

    counts = []
    for t in range(7):
        go_to(page, t)
        shown = [page.locator(f"{arcs}.{tense}").count() for tense in ("past", "now")]
        layers = page.locator(".network .layer.past, .network .layer.now").count()
        counts.append((layers, *shown))

    assert counts == [(1, 0, 0), (1, 0, 1), (2, 1, 0), (2, 1, 2), (3, 3, 0), (3, 3, 2), (4, 5, 0)]
    assert "made up" in page.locator(".note").inner_text()


def test_the_articles_cell_grows_as_it_is_told(opened):
    page = opened(made_up_article_cells(), colour="node")

    counts = []
    for t in range(12):
        go_to(page, t)
        inputs = [page.locator(f".network .arc.{k}[data-row]").count() for k in ("past", "now")]
        ops = page.locator(".network .layer:is(.past, .now) .face:not(.fixed)").count()
        loose = page.locator(".network .arc:is(.past, .now)[data-loose]").count()
        counts.append((*inputs, ops, loose))

    assert counts == [
        *[(0, 1, 0, 0), (0, 1, 0, 0)],  # steps that decide nothing: told with the first one
        *[(0, 1, 0, 0), (1, 1, 0, 0), (2, 0, 1, 0), (2, 0, 2, 0)],
        *[(2, 0, 2, 0), (2, 1, 2, 0), (3, 1, 2, 0)],
        *[(4, 0, 3, 0), (4, 0, 4, 1), (4, 0, 4, 1)],
    ]


def test_stepping_leaves_out_silent_steps_until_the_button_shows_them(opened):
    page = opened(made_up_article_cells())
    count, slider = page.locator(".count"), page.locator("input[aria-label^=Step]")
    visible = """() => [...document.querySelectorAll('.strip .number')].filter(e =>
      getComputedStyle(e).visibility === 'visible').map(e => e.textContent).join(' ')"""
    page.locator(".enas-replay").focus()

    recorded = []
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        recorded.append(page.evaluate("window.enasModel.get('step')"))
    assert recorded == [3, 4, 5, 7, 8, 9, 10, 10, 10]
    expect(count).to_have_text("Step 8 of 8")
    assert (slider.input_value(), slider.get_attribute("max")) == ("7", "7")
    assert page.evaluate(visible) == "1 2 3 4 5 6 7 8"
    before = page.evaluate(PLACES)

    page.get_by_role("button", name="Show silent steps").click()

    expect(count).to_have_text("Step 11 of 12")
    assert page.evaluate("window.enasModel.get('step')") == 10
    assert (slider.input_value(), slider.get_attribute("max")) == ("10", "11")
    assert page.evaluate(visible) == " ".join(map(str, range(1, 13)))
    page.keyboard.press("End")
    expect(page.locator(".answer")).to_contain_text("Node 4 is the last one")
    page.get_by_role("button", name="Hide silent steps").click()
    expect(count).to_have_text("Step 8 of 8")
    assert page.evaluate(PLACES) == before


def test_where_every_step_is_shown_there_is_no_button_for_silent_ones(opened):
    page = opened(made_up_episode(4))

    expect(page.get_by_role("button", name="silent steps")).to_have_count(0)


def test_every_input_of_a_node_says_in_the_page_which_node_it_comes_from(opened):
    episode = made_up_cells(2, seed=4)
    page = opened(episode)

    go_to(page, len(episode.steps) - 1)

    told = page.locator(".network .from").all_text_contents()
    wanted = [t + 1 for cell in episode.architecture.content for n in cell for t in n[:2]]
    assert [int(text) for text in told] == wanted


@pytest.mark.parametrize("nodes", [4, 5, 7])
def test_a_pair_of_cells_is_whole_at_1200_pixels(opened, nodes):
    page = opened(made_up_cells(nodes), width=1200)

    over = page.locator(".network").evaluate("e => e.scrollWidth - e.clientWidth")
    assert over <= 1
    assert page.locator(".dots i").count() == 2 * 4 * nodes  # of the strip every step, in dots
    size = page.locator(".strip .token").first.evaluate(
        "e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.clientWidth /"
        " e.ownerSVGElement.viewBox.baseVal.width"
    )
    assert size >= 11  # pixels: small, and readable


def test_a_tap_on_the_second_row_of_steps_goes_to_its_step(opened):
    page = opened(made_up_cells(3))
    go_to(page, 24)  # of the second cell
    cell = page.locator("[data-step='20'] .cell").bounding_box()

    page.mouse.click(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)

    expect(page.locator(".count")).to_have_text("Step 14 of 24")


def test_a_dot_goes_to_its_step_and_a_drag_over_the_dots_scrubs(opened):
    page = opened(made_up_cells(3))
    dots = [page.locator(".dots i").nth(t).bounding_box() for t in (4, 20)]
    (x1, y), (x2, _) = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in dots]

    page.mouse.click(x1, y)
    expect(page.locator(".count")).to_have_text("Step 5 of 24")
    page.mouse.down()
    page.mouse.move(x2, y, steps=6)
    page.mouse.up()

    expect(page.locator(".count")).to_have_text("Step 21 of 24")
    tenses = page.locator(".dots i").evaluate_all(
        "a => a.map(e => e.className.match(/past|now|f/)[0])"
    )
    assert tenses == ["past"] * 20 + ["now"] + ["f"] * 3


def test_a_cell_that_the_reader_opens_stays_until_the_step_moves_into_the_other(opened):
    page = opened(made_up_cells(3))
    normal = page.get_by_role("button", name="Normal cell: keeps height and width")
    reduction = page.get_by_role("button", name="Reduction cell: halves")
    pressed = [("aria-pressed", "true"), ("aria-pressed", "false")]

    def expect_open(one, other):
        expect(one).to_have_attribute(*pressed[0])
        expect(other).to_have_attribute(*pressed[1])

    go_to(page, 5)
    expect_open(normal, reduction)
    reduction.click()
    go_to(page, 7)
    expect_open(reduction, normal)
    go_to(page, 20)
    expect_open(reduction, normal)
    normal.click()
    go_to(page, 21)
    expect_open(normal, reduction)
    go_to(page, 4)
    go_to(page, 22)
    expect_open(reduction, normal)


def test_a_cell_of_the_network_opens_when_it_is_clicked_or_entered(new_page, tmp_path):
    path = ev.save("enas-micro", tmp_path / "network.html", level="network")
    page = new_page(1200, offline=True)
    page.goto(path.as_uri())
    opened = page.locator(".opened:visible")
    expect(opened).to_contain_text("Normal cell")

    page.locator(".slab").nth(2).click()
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text("Reduction cell")
    page.locator(".slab").nth(0).focus()
    page.keyboard.press("Enter")
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text("Normal cell")


@pytest.mark.parametrize("make", [lambda: made_up_episode(8, seed=5), lambda: made_up_cells(3)])
def test_going_back_is_the_same_as_never_having_gone_on(opened, make):
    page = opened(make())
    state = """() => [...document.querySelectorAll('.network [data-born]')].map(e =>
      [e.dataset.born, e.dataset.row, e.dataset.at, e.getAttribute('class')].join()).sort()"""

    go_to(page, 5)
    before = page.evaluate(state)
    for step in (15, 2, 9, 5):
        go_to(page, step)

    assert page.evaluate(state) == before


@pytest.mark.parametrize("make", [lambda: made_up_episode(8), lambda: made_up_cells(3)])
def test_nothing_moves_between_steps(opened, make):
    page = opened(make())
    page.locator(".enas-replay").focus()
    reference = page.evaluate(PLACES)

    for step in range(16):
        go_to(page, step)
        assert page.evaluate(PLACES) == reference


# What a draw sets in motion is stopped a moment before its end; then it may go on.
NEARLY_OVER = """() => document.getAnimations().filter(a => a.effect.target.closest('.toss'))
  .forEach(a => { a.pause(); a.currentTime = a.effect.getTiming().duration - 0.01; })"""
OVER = """() => document.getAnimations().filter(a => a.effect.target.closest('.toss'))
  .forEach(a => a.finish())"""


@pytest.mark.parametrize("step", [3, 4], ids=["skips", "operation"])
def test_the_next_step_is_drawn_and_its_token_ends_in_its_slot(opened, step):
    page = opened(made_up_article_episode(), motion="no-preference")
    lit = page.locator(f".network .now[data-born='{step}']")
    page.evaluate("window.enasModel.set('speed', 0.02)")
    go_to(page, step - 1)
    assert page.locator(".toss").count() == 0
    page.wait_for_timeout(400)  # faster steps draw nothing
    places = page.evaluate(PLACES)

    page.get_by_role("button", name="Next step").click()

    expect(page.locator(".toss")).to_have_attribute("aria-hidden", "true")
    needles = len(made_up_article_episode().steps[step].picks) if step == 3 else 1
    expect(page.locator(".toss em")).to_have_count(needles)
    assert page.locator(".bars .picked").count() == lit.count() == 0
    page.evaluate(OVER)
    coins = page.locator(".toss b")
    expect(coins.first).to_be_visible()
    assert page.locator(".bars .picked").count() > 0
    page.evaluate(NEARLY_OVER)
    rect = (
        "e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }"
    )
    left, top, right, bottom = page.locator(f".strip [data-step='{step}'] .chip").evaluate(rect)
    for coin in coins.all():
        box = coin.evaluate(rect)
        assert left - 1 <= box[0] < box[2] <= right + 1
        assert top - 1 <= box[1] < box[3] <= bottom + 1
    assert page.evaluate(PLACES) == places
    page.evaluate(OVER)
    expect(page.locator(".toss")).to_have_count(0)
    expect(lit.first).to_be_visible()
    assert page.evaluate(PLACES) == places


def test_a_draw_goes_by_itself_and_going_back_or_far_draws_nothing(opened):
    page = opened(made_up_article_episode(), motion="no-preference")
    page.evaluate("""() => { window.draws = 0; new MutationObserver(seen => { window.draws +=
      seen.flatMap(s => [...s.addedNodes]).filter(e => e.matches?.('.toss')).length; })
      .observe(document.querySelector('.enas-replay'), { childList: true }); }""")

    for step, draws in [(2, 0), (3, 1), (2, 1), (5, 1), (4, 1), (5, 2)]:
        go_to(page, step)
        expect(page.locator(".toss")).to_have_count(0)
        assert page.evaluate("window.draws") == draws
    assert page.locator(".network .now[data-born='5']").count() > 0


def test_where_motion_is_reduced_nothing_is_drawn(opened):
    page = opened(made_up_article_episode(), motion="reduce")
    go_to(page, 3)

    page.get_by_role("button", name="Next step").click()

    assert page.locator(".toss").count() == 0
    assert page.locator(".bars .picked").count() == 1


def test_bars_of_the_same_options_stay_and_change_their_width(opened):
    page = opened(made_up_cells(3))
    ops = [t for t, turn in enumerate(scene_of(made_up_cells(3)).turns) if turn.options == "ops"]
    go_to(page, ops[-2])
    page.evaluate("window.kept = [...document.querySelectorAll('.bars li i')]")
    go_to(page, ops[-1])

    same = """() => [...document.querySelectorAll('.bars li i')].map((e, i) => e === kept[i])"""
    assert page.evaluate(same) == [True] * 5


def test_keys_move_the_clock_and_others_pass_through(opened):
    page = opened(made_up_episode(6))
    count = page.locator(".count")
    page.locator(".enas-replay").focus()

    for key, step in [
        ("ArrowRight", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("PageDown", 7),
        ("PageUp", 2),
        ("End", 12),
        ("ArrowRight", 12),
        ("Home", 1),
        ("b", 1),
        ("Control+ArrowRight", 1),
    ]:
        page.keyboard.press(key)
        expect(count).to_have_text(f"Step {step} of 12")


def test_play_stops_at_the_end_and_then_starts_anew(opened):
    page = opened(made_up_article_episode(), stopped=True)
    play = page.locator("[data-act=toggle]")
    page.get_by_label("Speed").select_option("4")
    go_to(page, 4)

    play.click()
    expect(play).to_have_attribute("aria-label", "Pause (Space)")
    page.clock.run_for(2000)
    expect(page.locator(".count")).to_have_text("Step 7 of 7")
    expect(play).to_have_attribute("aria-label", "Play (Space)")
    play.click()
    expect(page.locator(".count")).to_have_text("Step 1 of 7")
    page.keyboard.press("k")
    expect(play).to_have_attribute("aria-label", "Play (Space)")


def test_a_hidden_page_pauses(opened):
    page = opened(made_up_episode(12))
    page.locator("[data-act=toggle]").click()

    page.evaluate("""() => { Object.defineProperty(document, 'hidden', { get: () => true });
      document.dispatchEvent(new Event('visibilitychange')); }""")

    expect(page.locator("[data-act=toggle]")).to_have_attribute("aria-label", "Play (Space)")


def test_a_screen_reader_hears_single_steps_and_is_left_alone_while_playing(opened):
    page = opened(made_up_episode(12), stopped=True)
    live = page.locator("[aria-live=polite]")
    page.locator(".enas-replay").press("ArrowRight")
    expect(live).to_contain_text("Step 2 of 24")

    page.get_by_label("Speed").select_option("4")
    page.locator("[data-act=toggle]").click()
    page.clock.run_for(800)
    expect(page.locator(".count")).to_have_text("Step 4 of 24")

    assert "Step 2 of 24" in live.inner_text()


def test_a_tap_on_the_strip_goes_to_its_step_and_a_drag_scrubs(opened):
    page = opened(made_up_episode(6))
    cells = [page.locator(f"[data-step='{t}'] .cell").bounding_box() for t in (3, 8)]
    (x1, y), (x2, _) = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in cells]

    page.mouse.click(x1, y)
    expect(page.locator(".count")).to_have_text("Step 4 of 12")
    page.mouse.move(x1, y)
    page.mouse.down()
    page.mouse.move(x2, y, steps=6)
    page.mouse.up()
    expect(page.locator(".count")).to_have_text("Step 9 of 12")


DRAWN = {
    **{f"{n}-{o}": made_up_episode(n, o) for n in (4, 12, 24) for o in ("op-first", "skips-first")},
    **{f"{n}-nodes": made_up_cells(n) for n in (1, 4, 5, 7)},
}


@pytest.mark.parametrize("episode", DRAWN.values(), ids=DRAWN)
def test_letters_overlap_nowhere_and_are_inside_their_drawing(opened, episode):
    page = opened(episode)
    go_to(page, len(episode.steps) - 2)
    cells = page.locator(".tabs button").all()  # of cells, one is shown at a time

    for part, cell in [(".strip", None), *((".network", cell) for cell in cells or [None])]:
        if cell:
            cell.click()
        inside, boxes = page.evaluate(LETTERS, part)
        assert len(boxes) > 4
        for i, (l1, t1, r1, b1, text) in enumerate(boxes):
            assert l1 >= inside[0] - 1, text
            assert r1 <= inside[2] + 1, text
            assert t1 >= inside[1] - 1, text
            assert b1 <= inside[3] + 1, text
            for l2, t2, r2, b2, other in boxes[i + 1 :]:
                high = min(b1, b2) - max(t1, t2) - 5  # lines' boxes are higher than letters
                assert min(r1, r2) - max(l1, l2) <= 0.5 or high <= 0, (text, other)


@pytest.mark.parametrize("width", [390, 800, 1140])
@pytest.mark.parametrize("layers", [4, 12, 24])
def test_the_page_never_scrolls_sideways_and_the_present_step_is_in_view(opened, layers, width):
    page = opened(made_up_episode(layers, "skips-first"), width)

    for step in (0, layers, 2 * layers - 2):
        go_to(page, step)
        page.wait_for_timeout(60)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for what in (".strip .step.now .cell", ".network .about .slot"):
            box = page.locator(what).bounding_box()
            assert box["x"] >= 0, what
            assert box["x"] + box["width"] <= width, what
    assert page.evaluate(CUT_SHORT) == []


@pytest.mark.parametrize("width", [390, 800, 1140])
@pytest.mark.parametrize("nodes", [2, 5, 7])
def test_cells_never_scroll_the_page_and_the_present_step_is_in_view(opened, nodes, width):
    episode = made_up_cells(nodes)
    page = opened(episode, width)

    for step in (2, len(episode.steps) // 2 + 3, len(episode.steps) - 1):
        go_to(page, step)
        page.wait_for_timeout(60)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for what in (".strip .step.now .cell", ".network .about .slot"):
            box = page.locator(what).first.bounding_box()
            assert box["x"] >= 0, what
            assert box["x"] + box["width"] <= width, what
    assert page.evaluate(CUT_SHORT) == []


def test_at_twelve_layers_a_notebooks_width_needs_no_scrolling(opened):
    page = opened(made_up_episode(12), 1132)  # a widget of 1100 pixels

    for part in ("strip", "network"):
        box = page.locator(f".{part}")
        assert box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_buttons_are_large_enough_for_fingers_and_all_have_names(opened):
    page = opened(made_up_episode(4), 390, touch=True)

    for button in page.locator("button:visible, select:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 32
        assert button.get_attribute("aria-label")


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_the_page_follows_the_systems_theme(opened, scheme, bright):
    page = opened(made_up_episode(4), scheme=scheme)

    colour = page.locator(".enas-replay").evaluate("e => getComputedStyle(e).backgroundColor")

    assert (int(colour.split("(")[1].split(",")[0]) > 128) == bright


def test_with_reduced_motion_nothing_is_animated(opened):
    page = opened(made_up_episode(6), motion="reduce")
    page.locator(".enas-replay").focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    assert page.evaluate("document.getAnimations().length") == 0


def test_another_episode_of_the_same_scene_takes_the_drawings_over(opened):
    first, second = (made_up_episode(5, seed=s) for s in (1, 2))
    scene = scene_of(second)
    page = opened(first)
    go_to(page, 9)

    page.evaluate("e => window.enasModel.set('episode', e)", episode_json(second))

    picks = scene.picks(second.architecture)
    assert page.evaluate(TOKENS) == [x for t, p in enumerate(picks) for x in scene.token(t, p)]
    assert scene.answer(9, second.steps) in page.locator(".answer").inner_text()
