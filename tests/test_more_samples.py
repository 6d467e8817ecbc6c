"""Facts about more samples of a replay's controller, live and recorded, that need no browser."""

import json
import re

import pytest
from episodes import made_up_cells, made_up_episode

import enas_viz as ev
from enas_viz.records.policy import histogram, sample
from enas_viz.view.assets import module, shipped
from enas_viz.widgets.replay import NAMES, SAMPLES


@pytest.fixture(scope="module")
def policy():
    return ev.load_policy("macro-tiny")


@pytest.fixture(scope="module")
def episode():
    return ev.load_trace("macro-tiny").best


def state_of(page):
    return json.loads(re.search(r'id="state">(.*?)</script>', page)[1])


def press(replay, ask, **more):
    """What a button of a page sends."""
    replay._heard(None, {"ask": ask, **more}, None)


def test_a_policy_answers_as_its_final_controller(policy, episode):
    replay = ev.Replay(episode, policy)

    told = policy.controller("final")([step.picks for step in episode.steps])
    assert replay.recorded.architecture == episode.architecture
    assert replay.recorded.steps == told.steps
    assert replay.free
    assert replay.asks


def test_a_new_sample_takes_the_place_of_the_recorded_episode_and_goes_back(policy, episode):
    replay = ev.Replay(episode, policy, step=5)
    first = replay.episode

    press(replay, "sample")

    wanted = policy.controller("final")((), seed=1)
    assert replay.recorded == wanted
    assert replay.chosen == wanted.architecture
    assert replay.episode["steps"] == [step.to_json()[:2] for step in wanted.steps]
    assert replay.episode["facts"] == "A new sample of the recorded policy"
    assert (replay.step, replay.mine) == (0, [])
    press(replay, "recorded")
    assert replay.episode == first


def test_each_sample_has_a_seed_of_its_own(policy, episode):
    replay = ev.Replay(episode, policy)

    found = [replay.sample_again() for _ in range(3)]

    controller = policy.controller("final")
    assert found == [controller((), seed=seed) for seed in (1, 2, 3)]


def test_a_hundred_samples_are_counted_before_and_after_the_search(policy, episode):
    replay = ev.Replay(episode, policy)

    press(replay, "count")

    told = replay.counts
    assert told["samples"] == SAMPLES == 100
    assert [series["name"] for series in told["series"]] == [
        "before the search",
        "after the search",
    ]
    for series, stage in zip(told["series"], NAMES, strict=True):
        assert series["steps"] == histogram(sample(policy.controller(stage), 100, 1))
        assert all(sum(row) == 100 for step in series["steps"] for row in step)
    press(replay, "hide")
    assert replay.counts == {}


def test_a_live_controller_is_counted_alone(policy, episode):
    replay = ev.Replay(episode, policy.controller("first"))

    found = replay.count_samples()

    assert list(found) == ["controller"]
    assert found["controller"] == histogram(sample(policy.controller("first"), 100, 1))


def test_the_next_hundred_are_others(policy, episode):
    replay = ev.Replay(episode, policy.controller("first"))

    assert replay.count_samples() != replay.count_samples()


def test_what_goes_wrong_while_sampling_is_told_in_the_widget(policy, episode):
    answer = policy.controller("final")

    def refuses(picks, seed=0):
        if seed:
            raise RuntimeError("out of memory")
        return answer(picks, seed)

    replay = ev.Replay(episode, refuses)
    with pytest.raises(RuntimeError, match="out of memory"):
        press(replay, "count")

    assert replay.counts == {"problem": "RuntimeError: out of memory"}


def test_a_policy_of_another_space_is_refused_and_both_are_named(policy):
    cells = made_up_cells(3)

    for controller in (policy, policy.controller("final")):
        with pytest.raises(ValueError, match=r"decides in MacroSpace.*the episode in MicroSpace"):
            ev.Replay(cells, controller)
    with pytest.raises(ValueError, match=r"in MacroSpace\(layers=6.*in MacroSpace\(layers=4"):
        ev.Replay(made_up_episode(4), policy)


def test_a_policy_that_decides_in_another_order_is_refused(policy):
    turned = made_up_episode(6, "skips-first")

    assert turned.architecture.space == policy.space
    with pytest.raises(ValueError, match="decides op-first, the episode skips-first"):
        ev.Replay(turned, policy)


def test_without_a_controller_nothing_is_sampled(episode):
    replay = ev.Replay(episode)

    press(replay, "sample")
    press(replay, "count")
    assert (replay.counts, replay.recorded) == ({}, episode)
    for method in (replay.sample_again, replay.count_samples):
        with pytest.raises(ValueError, match="no controller to sample"):
            method()


@pytest.mark.parametrize("content", [None, [], {}, {"ask": 3}, {"ask": ["sample"]}, {"ask": "x"}])
def test_messages_that_no_button_sends_do_nothing(policy, episode, content):
    replay = ev.Replay(episode, policy)
    before = replay.get_state()

    replay._heard(None, content, None)

    assert replay.get_state() == before


def test_a_page_of_a_policy_carries_it_and_samples(policy, episode):
    page = ev.Replay(episode, policy).html()

    state = state_of(page)
    assert state["policy"] == json.loads(json.dumps(policy.told()))
    assert state["free"]
    assert state["asks"]
    assert shipped("policy.js").splitlines()[-1] in page
    assert not re.search(r"^import ", page, flags=re.M)


def test_a_page_of_a_new_sample_goes_back_to_the_recorded_episode(policy, episode):
    replay = ev.Replay(episode, policy)
    recorded = replay.episode
    replay.sample_again()

    state = state_of(replay.html())

    assert state["episode"]["fresh"]
    assert state["origin"] == json.loads(json.dumps(recorded))


def test_what_has_no_policy_carries_none(policy, episode):
    plain, live = ev.Replay(episode), ev.Replay(episode, policy.controller("final"))
    sampler = "export function walk".removeprefix("export ")

    for page in (plain.html(), live.html()):
        assert sampler not in page
        assert "policy" not in state_of(page)
    assert "Sample again" not in plain._esm
    assert "Sample again" in live._esm
    assert sampler not in live._esm
    assert module("theatre.js") == plain._esm


def test_modules_that_are_joined_are_one_file_and_each_is_there_once():
    code = module("theatre.js", "answers.js", "draws.js", "guess.js")

    assert not re.search(r"^(import|export (?!default)) ", code, flags=re.M)
    assert code.count("function dotsOf(") == code.count("function walk(") == 1
    assert len("".join(map(shipped, ("draws.js", "draws.css", "guess.js", "guess.css")))) < 18_000


def test_replays_with_other_styles_have_other_ids_under_which_a_page_keeps_them():
    best = ev.load_trace("macro-tiny").best
    policy = ev.load_policy("macro-tiny")
    made = [ev.Replay(best), ev.Replay(best, guess=True), ev.Replay(best, policy)]
    made.append(ev.Replay(best, policy, guess=True))

    assert len({replay._css for replay in made}) == len(made)
    assert len({replay._anywidget_id for replay in made}) == len(made)
