"""The film of a search: which moments it opens, and how they are packed and placed."""

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
import traitlets
from episodes import made_up_episode, made_up_trace
from module import run_module

import enas_viz as ev
from enas_viz.records.trace import Episode, Trace
from enas_viz.view.scene import episode_json, facts, scene_of
from enas_viz.view.svg import skeleton
from enas_viz.view.timeline import EDGE, LEFT, RIGHT, SPARK, film, moments


def test_a_film_takes_moments_evenly_with_the_first_the_last_and_the_best():
    trace = made_up_trace(2, epochs=10)

    found = moments(trace, 30)

    kept = trace.episodes
    assert len(found) == 30
    assert (found[0], found[-1]) == (kept[0], kept[-1])
    assert trace.best in found
    gaps = [b.n - a.n for a, b in pairwise(found)]
    assert min(gaps) >= 1
    assert max(gaps) <= 2 * len(kept) / 29 + 1


def test_a_short_search_keeps_every_moment():
    trace = made_up_trace(2, epochs=2, per_epoch=5)

    assert moments(trace) == trace.episodes


@pytest.mark.parametrize("most", [1, 0, 2.5, True])
def test_a_film_of_fewer_than_two_moments_is_refused(most):
    with pytest.raises(ValueError, match="at least 2 moments"):
        moments(made_up_trace(2, 1), most)


@pytest.mark.parametrize("layers", [1, 6])
def test_the_browser_unpacks_what_was_recorded(tmp_path: Path, layers):
    trace = made_up_trace(layers, epochs=2, per_epoch=4)
    case = {"scene": skeleton(scene_of(trace.best)), "film": film(trace, trace.episodes)}
    expression = "given.film.moments.map((_, i) => m.unpack(given.scene, given.film, i))"

    unpacked = run_module(expression, case, tmp_path)

    for episode, found in zip(trace.episodes, unpacked, strict=True):
        recorded = episode_json(episode)
        assert found["facts"] == facts(episode)
        for (picks, logits), (was, then) in zip(recorded["steps"], found["steps"], strict=True):
            assert was == list(picks)
            for row, numbers in zip(logits, then, strict=True):
                assert numbers == pytest.approx(list(row), abs=5.1e-5)


def test_moments_stand_in_order_of_time_inside_the_drawing():
    trace = made_up_trace(2, epochs=4, per_epoch=10)

    xs = [moment["x"] for moment in film(trace, trace.episodes)["moments"]]

    assert xs == sorted(xs)
    assert LEFT < xs[0] < xs[-1] < RIGHT
    assert xs[10] - xs[0] == pytest.approx((RIGHT - LEFT) / 4, abs=0.2)


def test_the_folded_curve_has_the_accuracies_at_its_top_and_bottom():
    trace = made_up_trace(2, epochs=4, per_epoch=10)

    made = film(trace, trace.episodes)

    accuracies = [e.accuracy for e in trace.episodes]
    assert made["reach"] == [f"{max(accuracies):.0%}", f"{min(accuracies):.0%}"]
    spots = re.search(r'class="spots" d="([^"]+)"', made["spark"])[1]
    places = [tuple(map(float, spot.split())) for spot in re.findall(r"M([\d. ]+)h0", spots)]
    assert [x for x, _ in places] == [moment["x"] for moment in made["moments"]]
    heights = [y for _, y in places]
    assert heights.index(min(heights)) == made["best"]
    top, bottom = EDGE, SPARK - EDGE
    assert (min(heights), max(heights)) == (top, bottom)


def test_every_layer_has_a_band_whose_shares_reach_the_top():
    trace = made_up_trace(6)

    drawn = film(trace, trace.episodes)["layers"]

    bands = re.findall(r"<g transform.*?</g>", drawn)
    assert len(bands) == 6
    for band in bands:
        tops = [int(y) for y in re.findall(r"V(\d+)h", band)]
        assert tops == sorted(tops)  # painted from the tallest to the lowest
        assert tops[0] == 0
    assert all(f"layer {k}<" in drawn for k in range(1, 7))


def test_the_curves_stay_inside_their_drawing():
    trace = made_up_trace(3)

    drawn = film(trace, trace.episodes)["curves"]

    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', drawn)[1])
    points = re.findall(r'class="curve[^"]*" d="M([^"]+)"', drawn)
    assert len(points) >= 4  # reward, baseline, entropy, skips; the key draws its own by h
    for path in points:
        for x, y in re.findall(r"([\d.]+) ([\d.]+)", path):
            assert 0 <= float(x) <= RIGHT
            assert 0 <= float(y) <= height
    assert "nan" not in drawn


@pytest.mark.parametrize("value", [0.5, 0.0])
def test_a_search_whose_rewards_are_all_alike_has_a_film(value):
    trace = made_up_trace(2, 2, 3)
    alike = Trace(
        trace.header,
        tuple(
            Episode(**{**e.__dict__, "accuracy": value, "reward": value}) for e in trace.episodes
        ),
    )

    made = film(alike, alike.episodes)
    assert "nan" not in made["curves"] + made["spark"]


def test_a_page_of_two_hundred_episodes_of_twelve_layers_is_small(tmp_path):
    path = ev.save(made_up_trace(12, epochs=70, per_epoch=3), tmp_path / "film.html")

    state = json.loads(re.search(r'id="state">(.*?)</script>', path.read_text())[1])
    assert len(state["film"]["moments"]) == 200
    assert path.stat().st_size < 440_000  # the theatre included


def test_a_replay_of_a_trace_opens_its_best_episode_finished():
    trace = made_up_trace(4, 3, 5)

    replay = ev.Replay(trace)

    assert replay.recorded == trace.best
    assert replay.step == 7
    assert replay.episode == {}


def test_a_replay_of_one_episode_has_no_film():
    replay = ev.Replay(made_up_episode(4))

    assert replay.film == {}
    assert replay.moment == 0


def test_the_moment_stays_inside_the_film_and_says_which_episode_is_drawn():
    trace = made_up_trace(4, 3, 5)
    replay = ev.Replay(trace)

    replay.moment = 99
    assert replay.recorded == trace.episodes[-1]
    replay.moment = -1
    assert replay.recorded == trace.episodes[0]
    assert replay.drawing(step=2).svg == ev.draw(trace.episodes[0], step=2).svg
    x = replay.film["moments"][0]["x"]
    assert replay.drawing().svg.count(f'class="cursor" transform="translate({x} 0)"') == 2


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_temperature_is_a_positive_number(value):
    with pytest.raises(traitlets.TraitError, match="temperature must be"):
        ev.Replay(made_up_episode(4)).temperature = value


def test_a_page_of_a_replay_opens_where_the_replay_stands():
    replay = ev.Replay(made_up_trace(4, 3, 5), step=3)
    replay.moment, replay.temperature = 2, 0.5

    state = json.loads(re.search(r'id="state">(.*?)</script>', replay.html())[1])

    assert (state["moment"], state["step"], state["temperature"]) == (2, 3, 0.5)
    assert (state["playing"], state["rolling"]) == (False, False)


def test_a_film_says_from_how_many_networks_its_moments_were_taken():
    trace, small = ev.load_trace("macro-tiny"), made_up_trace(4, epochs=2, per_epoch=2)

    assert film(trace, moments(trace))["of"] == "200 (one in 30 of 6,000)"
    assert film(small, moments(small))["of"] == "4"


def test_the_drawings_of_a_film_say_in_words_how_the_search_went_and_which_dots_they_show():
    trace = ev.load_trace("macro-tiny")

    made = film(trace, moments(trace))

    curves, layers = (ElementTree.fromstring(made[name]) for name in ("curves", "layers"))
    assert curves.get("role") == layers.get("role") == "img"
    assert curves.get("aria-label").startswith("Mean reward rises from 10.8% in epoch 1 to 89.3%")
    assert "A dot for each of 200 networks, taken evenly from 6,000" in curves.get("aria-label")
    assert "layer 1 " in layers.get("aria-label")
