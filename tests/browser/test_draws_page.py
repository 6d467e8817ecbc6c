"""A page that samples by itself, without a kernel and without a network; and guesses in it."""

import re

import pytest
from playwright.sync_api import expect

import enas_viz as ev
from enas_viz.view.scene import scene_of

NAMES = ("macro-tiny", "micro-cifar10-cpu")
COUNTED = """() => [...document.querySelectorAll('.bars .tally')].map(e =>
  [...e.querySelectorAll('.n')].map(n => Number(n.textContent)))"""
PLACES = """() => [...document.querySelectorAll('.strip, .network, .bars, .seat, .quiz, .steps')]
  .map(e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.bottom]; })"""
STATE = "name => window.enasModel.get(name)"


@pytest.fixture
def opened(new_page, tmp_path):
    def open_page(name="macro-tiny", motion="reduce", width=1140, policy=True, **options):
        told = (ev.load_policy(name),) * policy
        replay = ev.Replay(ev.load_trace(name).best, *told, **options)
        page = new_page(width, reduced_motion=motion, offline=True)
        page.goto(ev.save(replay, tmp_path / "page.html").as_uri())
        return page

    return open_page


def press(page, name):
    page.get_by_role("button", name=name).click()


def count_a_hundred(page):
    press(page, "×100")
    expect(page.locator(".tally-key")).to_contain_text("100 samples")


@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_samples_before_and_after_the_search_stand_beside_the_bars(opened, name):
    scene = scene_of(ev.load_trace(name).best)
    page = opened(name)

    count_a_hundred(page)

    expect(page.locator(".tally-key")).to_contain_text("before")
    expect(page.locator(".tally-key")).to_contain_text("after the search")
    counts = page.evaluate(STATE, "counts")
    for series in counts["series"]:
        assert all(sum(row) == 100 for step in series["steps"] for row in step)
        assert [len(step) > 0 for step in series["steps"]] == [
            t.kind != "silent" for t in scene.turns
        ]
    for step in scene.shown:
        page.evaluate("step => window.enasModel.set('step', step)", step)
        seen = page.evaluate(COUNTED)
        assert len(seen) == page.locator(".bars li").count()
        if scene.turns[step].kind == "pick":
            assert [sum(each) for each in zip(*seen, strict=True)] == [100, 100]
        if scene.turns[step].kind == "bits":
            told = [series["steps"][step] for series in counts["series"]]
            assert seen == [[yes for _, yes in rows] for rows in zip(*told, strict=True)]
    press(page, "×100")
    expect(page.locator(".tally")).to_have_count(0)


def test_the_search_made_a_difference_that_one_sees(opened):
    page = opened()
    count_a_hundred(page)

    first, final = (series["steps"] for series in page.evaluate(STATE, "counts")["series"])

    change = [
        abs(a - b)
        for s, t in zip(first, final, strict=True)
        for p, q in zip(s, t, strict=True)
        for a, b in zip(p, q, strict=True)
    ]
    assert max(change) > 40


@pytest.mark.parametrize("name", NAMES)
def test_another_sample_is_a_whole_network_and_the_recorded_one_comes_back(opened, name):
    page = opened(name)
    tokens = "() => [...document.querySelectorAll('.strip .token')].map(t => t.textContent).join()"
    recorded = page.evaluate(tokens)
    page.evaluate("window.enasModel.set('step', 9)")
    places = page.evaluate(PLACES)

    press(page, "Sample again")

    expect(page.locator(".facts")).to_have_text("A new sample of the recorded policy")
    assert page.evaluate(STATE, "step") == 0
    assert page.evaluate(tokens) != recorded
    assert page.evaluate(PLACES) == places
    told = page.evaluate(STATE, "episode")["steps"]
    asked = ev.load_policy(name).controller("final")([picks for picks, _ in told])
    for (picks, logits), step in zip(told, asked.steps, strict=True):
        assert tuple(picks) == step.picks
        assert [z for row in logits for z in row] == pytest.approx(
            [z for row in step.logits for z in row], abs=1e-6
        )
    press(page, "Back to recorded")
    assert page.evaluate(tokens) == recorded


def test_a_new_sample_is_played_and_its_first_decision_is_drawn(opened):
    page = opened(motion="no-preference")
    page.evaluate("""() => { window.draws = 0; new MutationObserver(seen => { window.draws +=
      seen.flatMap(s => [...s.addedNodes]).filter(e => e.matches?.('.toss')).length; })
      .observe(document.querySelector('.enas-replay'), { childList: true }); }""")

    press(page, "Sample again")

    assert page.evaluate(STATE, "playing")
    page.wait_for_function("window.draws > 0")
    assert page.evaluate(STATE, "step") == 0


def test_a_click_on_an_option_is_answered_by_the_policy(opened):
    page = opened()
    page.evaluate("window.enasModel.set('step', 4)")

    page.locator(".bars li:not(.picked) .choose").first.click()

    mine = page.evaluate(STATE, "mine")
    answer = page.evaluate(STATE, "answer")["steps"]
    asked = ev.load_policy("macro-tiny").controller("final")(mine)
    assert [z for _, logits in answer for row in logits for z in row] == pytest.approx(
        [z for step in asked.steps for row in step.logits for z in row], abs=1e-6
    )
    press(page, "go on from here")
    now = page.evaluate(STATE, "mine")
    assert now[:5] == mine[:5]
    press(page, "Back to the sample")
    assert page.evaluate(STATE, "mine") == []


def guess(page, label):
    page.get_by_role("button", name=f"Guess {label}", exact=True).click()


def most_likely(step):
    return max(range(step.decision.options), key=lambda i: step.probabilities[0][i])


def test_a_step_is_not_told_until_the_reader_guesses(opened):
    episode = ev.load_trace("macro-tiny").best
    labels = [bar.label for bar in scene_of(episode).bars(0, episode.steps[0])]
    best = most_likely(episode.steps[0])
    page = opened(policy=False, guess=True)
    bars = page.locator(".bars")
    answer, score = page.locator(".answer"), page.locator(".score")
    widths = """() => [...document.querySelectorAll('.bars .track > i')].map(e => e.style.width)"""
    hidden = page.evaluate(PLACES)

    expect(answer).to_contain_text("Which option will the controller find most likely?")
    assert bars.locator(".picked").count() == 0
    assert not re.search(r"0\.\d", bars.inner_text())
    assert set(page.evaluate(widths)) == {"0px"}
    assert page.locator(".network .layer.now").count() == 0
    said = page.locator("input[aria-label^=Step]").get_attribute("aria-valuetext")
    assert "probability" not in said
    assert page.locator(".bars [aria-pressed]").count() == 0

    guess(page, labels[best])

    expect(bars.locator(".guessed.right")).to_have_count(1)
    expect(score).to_have_text("1 of 1 right")
    expect(answer).to_contain_text("probability")
    expect(page.locator(".verdict")).to_contain_text(f"Right: {labels[best]}")
    assert bars.locator(".picked").count() == 1
    assert page.evaluate("document.activeElement.matches('.enas-replay')")
    assert page.evaluate(PLACES) == hidden
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    least = min(range(6), key=lambda i: episode.steps[2].probabilities[0][i])
    guess(page, labels[least])
    expect(score).to_have_text("1 of 2 right")
    expect(bars.locator(".guessed.wrong")).to_have_count(1)
    expect(page.locator(".verdict")).to_contain_text(f"not {labels[least]} (0.")
    assert page.evaluate(STATE, "points") == [1, 2]
    page.keyboard.press("Home")  # what was guessed stays told
    expect(bars.locator(".guessed.right")).to_have_count(1)


def test_show_me_tells_a_step_without_a_score_and_guessing_can_be_switched_off(opened):
    page = opened(guess=True)

    press(page, "Show me")

    expect(page.locator(".answer")).to_contain_text("probability")
    expect(page.locator(".score")).to_have_text("")
    expect(page.locator(".bars .guessed")).to_have_count(0)
    page.evaluate("window.enasModel.set('step', 2)")
    expect(page.locator(".answer")).to_contain_text("Which option")
    press(page, "Stop guessing")
    expect(page.locator(".answer")).to_contain_text("probability")
    press(page, "Guess first")
    expect(page.locator(".answer")).to_contain_text("Which option")


def test_play_waits_for_the_guess_and_then_goes_on(new_page, tmp_path):
    replay = ev.Replay(ev.load_trace("macro-tiny").best, guess=True, step=1)
    page = new_page(1140, reduced_motion="reduce", offline=True, stopped=True)
    page.goto(ev.save(replay, tmp_path / "page.html").as_uri())

    press(page, "Play (Space)")
    page.clock.run_for(10_000)

    assert page.evaluate(STATE, "step") == 2
    assert not page.evaluate(STATE, "playing")
    page.locator(".choose").first.click()
    assert page.evaluate(STATE, "playing")
    page.clock.run_for(10_000)
    assert page.evaluate(STATE, "step") == 4  # the fourth step has one option
    assert not page.evaluate(STATE, "playing")


def test_another_network_is_guessed_anew_and_the_score_goes_on(opened):
    page = opened(guess=True)
    page.locator(".choose").first.click()
    points = page.evaluate(STATE, "points")

    press(page, "Sample again")

    expect(page.locator(".answer")).to_contain_text("Which option")
    assert page.evaluate(STATE, "guesses") == {}
    assert page.evaluate(STATE, "points") == points
    page.locator(".choose").first.click()
    assert page.evaluate(STATE, "points")[1] == 2


def test_each_network_of_a_film_is_guessed_anew(new_page, tmp_path):
    replay = ev.Replay(ev.load_trace("macro-tiny"), guess=True, moments=10)
    page = new_page(1140, reduced_motion="reduce", offline=True)
    page.goto(ev.save(replay, tmp_path / "page.html").as_uri())
    page.locator(".choose").first.click()
    expect(page.locator(".answer")).to_contain_text("probability")

    page.evaluate("window.enasModel.set('moment', 1)")

    expect(page.locator(".answer")).to_contain_text("Which option")
