"""What can be clicked: the right answer once, slips beside it, and what is said of each."""

import re

import pytest

from enas_viz.course.exercises import EXERCISES, REPORTS, SLIPS, SOLUTIONS
from enas_viz.course.questions import (
    CASES,
    DESIGNS,
    OFFERED,
    QUESTIONS,
    accepted,
    choices,
    kind_of,
    label,
    subsets,
    told_answer,
    typed,
)

CLICKED = [name for name in EXERCISES if kind_of(name) == "choice"]


def test_every_exercise_has_a_question_and_is_answered_in_one_way():
    assert set(QUESTIONS) == set(EXERCISES)
    assert set(CASES) == set(REPORTS)
    kinds = {kind: [n for n in EXERCISES if kind_of(n) == kind] for kind in map(kind_of, EXERCISES)}
    assert kinds["network"] == list(DESIGNS)
    assert kinds["several"] == ["honest"]
    assert kinds["list"] == ["macro-list", "micro-list"]
    assert set(kinds["choice"]) == set(SLIPS)


@pytest.mark.parametrize("name", CLICKED)
def test_choices_hold_the_right_answer_once_and_look_different(name):
    found = choices(name)

    assert 3 <= len(found) <= OFFERED + 1
    assert len({one.label for one in found}) == len(found)
    right = [one for one in found if one.verdict.right]
    assert [one.value for one in right] == [SOLUTIONS[name]()]
    assert [one.value for one in found] == sorted(one.value for one in found)


@pytest.mark.parametrize("name", CLICKED)
def test_a_wrong_choice_is_a_known_slip_and_is_told_what_is_wrong_with_it(name):
    for one in choices(name):
        if not one.verdict.right:
            assert one.verdict == EXERCISES[name](one.value)
            assert one.verdict.says == SLIPS[name]()[one.value]


@pytest.mark.parametrize("name", CLICKED)
def test_every_known_slip_is_recognised_when_it_is_typed(name):
    for slip, says in SLIPS[name]().items():
        assert EXERCISES[name](slip).says == says
        assert not EXERCISES[name](slip).right


@pytest.mark.parametrize("name", [n for n in CLICKED if n != "push"])
def test_a_choice_that_is_typed_as_it_is_shown_gets_the_same_verdict(name):
    for one in choices(name):
        text = one.label.replace(",", "")

        assert EXERCISES[name](float(text) if "." in text else int(text)) == one.verdict


def test_the_right_answer_is_not_always_at_the_same_place():
    places = {[one.verdict.right for one in choices(name)].index(True) for name in CLICKED}

    assert len(places) >= 4


@pytest.mark.parametrize("name", CLICKED)
def test_what_is_said_of_a_wrong_choice_does_not_give_the_answer_away(name):
    right = label(SOLUTIONS[name]())
    for one in choices(name):
        if not one.verdict.right and len(right) > 2:
            assert right not in re.findall(r"[\d.,]+\d", one.verdict.says)


def test_every_set_of_letters_has_a_verdict_and_one_is_right():
    found = subsets("honest")

    assert len(found) == 2 ** len(REPORTS) - 1
    assert [letters for letters, verdict in found.items() if verdict.right] == ["ade"]


@pytest.mark.parametrize(("name", "ways"), [("macro-list", 1), ("micro-list", 4)])
def test_the_lists_that_are_accepted_are_right_as_they_are_typed(name, ways):
    found = accepted(name)

    assert len(found) == ways
    for text, verdict in found.items():
        assert verdict.right
        assert EXERCISES[name](typed(f"[{text.replace(' ', ', ')}]")).right


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0, 3,1", [0, 3, 1]),
        ("[0 3 -1]", [0, 3, -1]),
        ("", []),
        ("conv3x3", "conv3x3"),
        ("9" * 5000, [10**12 - 1]),
    ],
)
def test_a_typed_list_needs_no_brackets(text, meant):
    assert typed(text) == meant


@pytest.mark.parametrize("name", EXERCISES)
def test_the_answer_is_told_in_a_sentence_with_a_reason(name):
    told = told_answer(name)

    assert told.endswith(".")
    assert ".." not in told
    if kind_of(name) == "choice" and name not in ("lucky-best", "sharing-whole", "standard-error"):
        assert label(SOLUTIONS[name]()) in told
