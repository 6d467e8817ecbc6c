"""Facts about guessing in a replay that need no browser."""

import json
import re

import pytest
import traitlets
from episodes import made_up_episode

import enas_viz as ev


def test_a_replay_that_asks_first_carries_what_that_takes_and_others_do_not():
    asks, plain = ev.Replay(made_up_episode(4), guess=True), ev.Replay(made_up_episode(4))

    assert (asks.guess, plain.guess) == (True, False)
    assert "Guess first" in asks._esm
    assert ".quiz" in asks._css
    assert "Guess first" not in plain._esm
    assert ".quiz" not in plain._css


def test_guesses_and_points_survive_in_a_page():
    replay = ev.Replay(made_up_episode(4), guess=True)
    replay.guesses, replay.points = {"0": 2, "2": -1}, [1, 1]

    state = json.loads(re.search(r'id="state">(.*?)</script>', replay.html())[1])

    assert state["guess"] is True
    assert (state["guesses"], state["points"]) == ({"0": 2, "2": -1}, [1, 1])


def test_a_replay_that_was_not_made_for_guesses_cannot_ask_later():
    with pytest.raises(traitlets.TraitError, match="guess must be asked for when the replay is"):
        ev.Replay(made_up_episode(4)).guess = True


@pytest.mark.parametrize(
    "guesses", [{"8": 0}, {"0": 6}, {"0": -2}, {"0": True}, {"0": 1.0}, {"x": 0}, {"1": 0}]
)
def test_guesses_of_what_is_not_there_are_refused(guesses):
    replay = ev.Replay(made_up_episode(4), guess=True)

    with pytest.raises(traitlets.TraitError, match="guesses must be"):
        replay.guesses = guesses
    assert replay.guesses == {}


@pytest.mark.parametrize("points", [[], [1], [2, 1], [-1, 3], [1.0, 2], [True, 1], [0, 1, 2]])
def test_points_that_cannot_be_are_refused(points):
    replay = ev.Replay(made_up_episode(4), guess=True)

    with pytest.raises(traitlets.TraitError, match="points must be"):
        replay.points = points
    assert replay.points == [0, 0]


def test_another_sample_is_guessed_anew_and_the_points_stay():
    replay = ev.Replay(
        ev.load_trace("macro-tiny").best, ev.load_policy("macro-tiny"), guess=True, step=3
    )
    replay.guesses, replay.points = {"0": 2}, [1, 1]

    replay.sample_again()

    assert (replay.guesses, replay.points, replay.step) == ({}, [1, 1], 0)


def test_a_film_that_asks_begins_with_the_first_question():
    replay = ev.Replay(ev.load_trace("macro-tiny"), guess=True, moments=5)

    assert replay.step == 0


@pytest.mark.parametrize("guess", [None, "yes"])
def test_whether_to_guess_is_yes_or_no(guess):
    with pytest.raises(traitlets.TraitError):
        ev.Replay(made_up_episode(4), guess=guess)
