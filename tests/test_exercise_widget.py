"""Exercises and guesses as widgets: what they hold, what they say, and what a page may send."""

import json

import pytest
from module import run_module
from traitlets import TraitError

import enas_viz as ev
from enas_viz.course.exercises import EXERCISES, SOLUTIONS, STARTS
from enas_viz.course.questions import choices, kind_of, typed

CHOICE = "top-probability"


def made(name):
    if kind_of(name) != "network":
        return ev.Exercise(name)
    space = ev.MicroSpace(4) if name == "design-deep" else ev.MacroSpace(6)
    return ev.Exercise(name, ev.Editor(space))


def right_of(name):
    return next(str(k) for k, one in enumerate(choices(name)) if one.verdict.right)


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_opens_unanswered(name):
    exercise = made(name)

    assert (exercise.tried, exercise.tries, exercise.solved) == ([], 0, False)
    assert not exercise.hinted
    assert not exercise.shown
    assert exercise.question


@pytest.mark.parametrize("name", EXERCISES)
def test_without_javascript_question_choices_and_check_are_told_and_no_answer(name):
    exercise = made(name)

    data, _ = exercise._repr_mimebundle_()
    for text in (data["text/plain"], data["text/html"], exercise.drawing().about):
        flat = " ".join(text.replace("&quot;", '"').replace("&#x27;", "'").split())
        assert exercise.question in flat
        assert f'ev.check("{name}"' in flat
        assert all(one in flat for one in exercise.choices)
        assert "✓" not in flat
        assert exercise.answer not in flat
        if kind_of(name) == "list":
            assert str(SOLUTIONS[name]()) not in flat
    assert exercise.answer not in exercise.html().partition("<script")[0]


def test_a_right_click_solves_and_wrong_ones_are_counted():
    exercise = ev.Exercise(CHOICE)

    exercise.tried = ["0"]
    assert (exercise.tries, exercise.solved) == (1, False)
    exercise.tried = ["0", right_of(CHOICE)]
    assert (exercise.tries, exercise.solved) == (2, True)


@pytest.mark.parametrize(
    "answer", [["9"], ["0", "0"], [0], [""], "x", None, ["x" * 500], ["0"] * 99]
)
def test_a_page_that_sends_what_is_no_answer_is_refused(answer):
    exercise = ev.Exercise(CHOICE)

    with pytest.raises(TraitError) as refused:
        exercise.set_state({"tried": answer})

    assert "tried" in str(refused.value)
    assert exercise.tried == []


def test_what_is_said_of_an_answer_cannot_be_changed_by_a_page():
    exercise = ev.Exercise(CHOICE)
    before = exercise.verdicts

    exercise.set_state({"verdicts": {"0": ["✓", "yes"]}, "answer": "x"})

    assert exercise.verdicts == before
    assert exercise.answer != "x"


def test_a_typed_list_is_told_where_it_is_wrong_and_solved_when_right():
    exercise = ev.Exercise("macro-list")
    start = " ".join(map(str, STARTS["macro-list"]))

    exercise.set_state({"tried": [start]})
    assert exercise.verdicts[start] == ["✗", f"{EXERCISES['macro-list'](typed(start)).says}."]
    exercise.set_state({"tried": [start, "conv3x3"]})
    assert exercise.verdicts["conv3x3"][1].startswith("A list of whole numbers is wanted")
    right = " ".join(map(str, SOLUTIONS["macro-list"]()))
    exercise.set_state({"tried": [start, right]})
    assert exercise.solved


def test_the_network_in_the_editor_is_checked_on_request():
    editor = ev.Editor(ev.MacroSpace(6))
    exercise = ev.Exercise("design-short", editor)

    exercise._heard(exercise, {"ask": "check"}, [])
    assert (exercise.tries, exercise.solved) == (1, False)
    exercise._heard(exercise, {"ask": "check"}, [])  # the same network
    assert exercise.tries == 1
    editor.architecture = SOLUTIONS["design-short"]()
    assert exercise.check().right
    assert (exercise.tries, exercise.solved) == (2, True)


def test_an_editor_is_asked_for_where_it_is_needed_and_refused_elsewhere():
    with pytest.raises(ValueError, match=r'ev\.Exercise\("design-near", editor\)'):
        ev.Exercise("design-near")
    with pytest.raises(ValueError, match="takes no editor"):
        ev.Exercise(CHOICE, ev.Editor(ev.MacroSpace(2)))
    with pytest.raises(ValueError, match="has no editor"):
        ev.Exercise(CHOICE).check()


def test_an_unknown_exercise_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'standard-error'"):
        ev.Exercise("standard-eror")


def test_a_guess_says_what_was_guessed_and_nothing_is_right_or_wrong():
    guess = ev.Guess("Will it rise?", ["yes", "no"], then="Press play.")

    assert guess.guessed is None
    guess.tried = ["1"]
    assert guess.guessed == "no"
    assert guess.verdicts["1"] == ["", "You guessed: no. Press play."]
    assert ev.Guess("How many?", [1, 10, 2.5]).choices == ["1", "10", "2.5"]


@pytest.mark.parametrize("offered", [["a"], ["a", "a"], list("abcde"), ["a", ""], ["a", "  a "]])
def test_a_guess_needs_two_to_four_different_choices(offered):
    with pytest.raises(ValueError, match="choices must be 2 to 4 different texts"):
        ev.Guess("Which?", offered)


def test_module_styles_and_state_are_small_as_a_notebook_keeps_them_for_each_exercise():
    assert len((ev.Exercise._esm + ev.Exercise._css).encode()) < 14_000
    for name in EXERCISES:
        state = {k: getattr(made(name), k) for k in ("verdicts", "choices", "question", "answer")}
        assert len(json.dumps(state, allow_nan=False)) < 9_000


@pytest.mark.parametrize("name", EXERCISES)
def test_the_page_finds_right_what_python_finds_right(name, tmp_path):
    exercise = made(name)
    keys = list(exercise.verdicts)
    names = ("verdicts", "way", "answer", "hinted", "shown", "kind")
    given = {"keys": keys, **{k: getattr(exercise, k) for k in names}}

    solved = run_module(
        "given.keys.map((key) => m.told({ ...given, tried: [key] }).solved)",
        given,
        tmp_path,
        "exercise.js",
    )

    assert solved == [exercise._is_right(key) for key in keys]
