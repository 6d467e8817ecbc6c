"""Exercises: right answers pass, near misses get the hint that helps, the rest gets a hint too."""

import itertools
import math
import random
from collections import deque

import numpy as np
import pytest

import enas_viz as ev
from enas_viz.course import exercises
from enas_viz.course.exercises import EXERCISES, SOLUTIONS, STARTS, WAYS, rounds_to
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO


@pytest.fixture(autouse=True)
def _nothing_tried(monkeypatch):
    monkeypatch.setattr(exercises, "_wrong_answers", {})


# ---- not answered yet, hints that escalate, the answer on request


@pytest.mark.parametrize("name", EXERCISES)
def test_what_nobody_has_tried_is_not_called_wrong_and_says_how_to_get_a_hint(name):
    for start in (None, "", [], STARTS.get(name)):
        told = repr(ev.check(name, start))

        assert told.startswith("○ Not answered yet: put your answer in place of ")
        assert f'ev.check("{name}", hint=True)' in told
    assert "in place of the 0." in repr(ev.check("macro-size", 0))
    assert not ev.check(name).right


@pytest.mark.parametrize(("name", "mark"), [("score-mean", "✓"), ("lucky-best", "✗")])
def test_where_zero_is_an_answer_it_is_checked(name, mark):
    assert repr(ev.check(name, 0)).startswith(mark)


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_say_more_with_each_different_wrong_answer(name):
    first, again, second, third = (ev.check(name, wrong).says for wrong in ("q", "q", "r", "s"))

    assert first == again
    assert WAYS[name] not in first
    assert WAYS[name] in second
    assert "show_answer=True" not in second
    assert third.endswith(f'The answer: ev.check("{name}", show_answer=True)')


def test_a_right_answer_ends_the_count():
    for wrong in (1, 2, 3):
        ev.check("micro-size", wrong)
    assert ev.check("micro-size", 400).right

    assert "Hint" not in ev.check("micro-size", 1).says


@pytest.mark.parametrize("name", EXERCISES)
def test_the_answer_that_is_shown_is_right_and_no_hint_contains_it(name):
    solution = SOLUTIONS[name]()

    assert EXERCISES[name](solution).right
    told = repr(ev.check(name, show_answer=True))
    assert told.startswith("→ The answer is ")
    hint = repr(ev.check(name, hint=True))
    assert hint == f"→ Hint: {WAYS[name]}"
    if isinstance(solution, int | float) and solution:
        assert f"{solution:.3g}" in told.replace(",", "") or str(solution) in told
        assert f"{solution:.3g}" not in hint


def test_the_size_of_five_layers_is_accepted():
    found = ev.check("macro-size", 6**5 * 2**10)

    assert found.right
    assert repr(found).startswith("✓ 7,962,624")


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (6**5, "skips"),
        (2**10, "operation"),
        (6**5 * 2**5, "each earlier layer"),
        (6**5 * 2**25, "forward only"),
        (6 * 5 * 2**10, "multiply"),
        (6**5 + 2**10, "do not add"),
        (7, "how many choices"),
        (7.5, "whole number"),
        ("six", "whole number"),
    ],
)
def test_a_wrong_size_gets_the_hint_that_helps(answer, hint):
    found = ev.check("macro-size", answer)

    assert not found.right
    assert hint in found.says
    assert "7,962,624" not in repr(found)


@pytest.mark.parametrize("kind", [list, tuple, np.array, deque])
def test_a_list_is_accepted_of_any_whole_numbers_and_called_what_it_is(kind):
    found = ev.check("macro-list", kind(ARTICLE_MACRO.flat))

    assert found.right
    assert found.says == "the article's network in the layout of the authors' program"
    assert ev.check("micro-list", kind([1, 2, 0, 1, 2, 4, 0, 2])).right


@pytest.mark.parametrize("wrong", [[0.0] * 10, [True] * 10, ["0"] * 10, {0}, itertools.count()])
def test_a_list_of_anything_else_is_refused(wrong):
    for exercise in ("macro-list", "micro-list"):
        assert ev.check(exercise, wrong).says.startswith("a list of whole numbers is wanted; got ")


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([0, 3, 2], "3 numbers"),
        ([0, 3, 0, 5, 1, 1, 2, 1, 0, 1], "skips of layer 2"),
        ([0, 3, 1, 4, 1, 1, 2, 1, 0, 1], "operation of layer 3"),
        ([0, 3, 1, 5, 1, 1, 2, 1, 1, 0], "skips of layer 4"),
        ("0 3 1", "whole numbers"),
        (ARTICLE_MACRO, "not the architecture"),
    ],
)
def test_a_wrong_list_is_told_where_it_goes_wrong(answer, hint):
    found = ev.check("macro-list", answer)

    assert not found.right
    assert hint in found.says


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (20, "a node has two"),
        (40, "multiply"),
        (225, "one tensor more"),
        (625, "cannot read itself"),
        (300, "same tensor twice"),
        (16, "also has an operation"),
        (25, "also has a source"),
        (7, "how many tensors can it read"),
        ("x", "whole number"),
    ],
)
def test_a_wrong_number_of_nodes_gets_the_hint_that_helps(answer, hint):
    found = ev.check("micro-size", answer)

    assert not found.right
    assert hint in found.says
    assert "400" not in found.says


def test_the_third_computed_node_is_counted_right():
    three, two = (ev.MicroSpace(nodes, cells=("normal",)).size for nodes in (3, 2))

    assert ev.check("micro-size", three // two).right


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([1, 2, 0, 1], "4 numbers"),
        ([1, 0, 2, 1, 2, 4, 0, 2], "index, operation, index, operation"),
        ([2, 2, 1, 1, 2, 4, 0, 2], "from 0: look at the sources of node 3"),
        ([0, 2, 1, 1, 2, 4, 0, 2], "sources of node 3"),
        ([1, 2, 0, 1, 2, 4, 0, 1], "operations of node 4"),
        ("1 2", "whole numbers"),
    ],
)
def test_a_wrong_cell_is_told_where_it_goes_wrong(answer, hint):
    found = ev.check("micro-list", answer)

    assert not found.right
    assert hint in found.says


def test_the_articles_cell_is_accepted():
    assert ev.check("micro-list", [1, 2, 0, 1, 2, 4, 0, 2]).right


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("push", ("down", "down"), "is 0.6 negative"),
        ("push", ["up", "up"], "which sign"),
        ("push", "up", "two words"),
        ("push", ("sideways", "up"), "two words"),
        ("score-mean", 1, "sum of the probabilities"),
        ("score-mean", 72, "grad p"),
        ("score-mean", "none", "a number"),
        ("half-the-distance", 40, "square of the distance"),
        ("half-the-distance", 10, "scatter more"),
        ("half-the-distance", 400, "smaller than half"),
        ("half-the-distance", 25, "square root"),
        ("half-the-distance", 80.5, "whole number"),
        ("baseline-factor", 2, "mean squares"),
        ("baseline-factor", -3, "above 0"),
        ("first-advantage", 0.8, "moves the baseline first"),
        ("first-advantage", 0.008, "what is above"),
        ("first-advantage", 0.00792, "share of the old baseline"),
        ("first-advantage", 0.5, "baseline first"),
        ("first-advantage", "much", "a number"),
    ],
)
def test_a_wrong_answer_about_reinforce_gets_the_hint_that_helps(name, answer, hint):
    found = ev.check(name, answer)

    assert not found.right
    assert hint in found.says


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("push", ("up", "down")),
        ("score-mean", 0),
        ("score-mean", 2e-17),
        ("half-the-distance", 80),
        ("first-advantage", 0.792),
    ],
)
def test_a_right_answer_about_reinforce_is_accepted(name, answer):
    assert ev.check(name, answer).right


def test_the_factor_of_the_baseline_is_the_measured_one():
    toy = ev.load_specimen()
    right = toy.variance(1, "none") / toy.variance(1, "mean")

    assert ev.check("baseline-factor", right).right
    assert ev.check("baseline-factor", round(right)).right
    assert "compares distances" in ev.check("baseline-factor", right**0.5).says
    assert "upside down" in ev.check("baseline-factor", 1 / right).says


def test_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(
        ValueError,
        match=r"macro-size, macro-list, micro-size, .*; did you mean 'macro-size'",
    ):
        ev.check("macro-sizes", 1)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "search-samples",
            1600,
            {100: "one epoch", 160: "counts", 5: "epochs, updates", 2.0: "whole"},
        ),
        (
            "search-minibatches",
            512,
            {32: "one epoch", 496: "filled up", 16_000: "images", 1: "how many"},
        ),
    ],
)
def test_the_numbers_of_a_search_are_checked(name, right, wrong):
    assert ev.check(name, right).right
    for answer, hint in wrong.items():
        assert not ev.check(name, answer).right
        assert hint in ev.check(name, answer).says


def _six(ops=(0,) * 6, skips=()):
    """Six layers; skips: pairs (from, into), as readers count layers."""
    rows = [[op, *(0,) * k] for k, op in enumerate(ops)]
    for start, end in skips:
        rows[end - 1][start] = 1
    return MacroSpace(6).architecture([row[0] for row in rows], [row[1:] for row in rows[1:]])


def _chain(*reads):
    """A pair of cells of four nodes; the normal cell's read these pairs of tensors."""
    return Architecture(MicroSpace(4), (tuple((i, j, 0, 0) for i, j in reads), ((0, 1, 0, 0),) * 4))


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        (
            "design-short",
            _six(skips=[(1, 6)]),
            [
                (_six(), "passes 6 operations"),
                (_six(skips=[(1, 3), (3, 6)]), "with 2 skips"),
                (7, "an architecture is wanted"),
                (
                    MacroSpace(5).architecture(["conv3x3"] * 5, [[0] * k for k in range(1, 5)]),
                    "wanted",
                ),
            ],
        ),
        ("design-near", _six((0, 1, 4, 5, 0, 0), [(2, 4)]), [(_six((2,) * 6), "windows")]),
        (
            "design-deep",
            _chain((0, 1), (1, 2), (2, 3), (3, 4)),
            [
                (_chain((0, 1), (0, 1), (0, 1), (0, 1)), "its depth is 1"),
                (_chain((0, 0), (0, 2), (2, 3), (3, 4)), "no node reads node 2, node 6"),
            ],
        ),
    ],
)
def test_a_design_is_checked_by_what_it_is_like(name, right, wrong):
    assert ev.check(name, right).right
    for answer, hint in wrong:
        assert not ev.check(name, answer).right
        assert hint in ev.check(name, answer).says


def test_the_highest_probability_is_what_the_policys_reach_says():
    found = ev.reach(ev.recipe("macro-released"))

    assert ev.check("top-probability", found.decisions[0].highest).right
    assert ev.check("top-probability", 0.8).right


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("top-probability", 1, "infinitely"),
        ("top-probability", 0.473, "pushed down"),
        ("top-probability", 1 / 6, "begins"),
        ("top-probability", 80.1, "from 0 to 1"),
        ("top-probability", 0.3, "low as possible"),
        ("skip-chance", 0.622, "compared with -z"),
        ("skip-chance", 0.269, "of no"),
        ("skip-chance", 0.5, "softmax first"),
        ("skip-chance", 0.9, "-z and z"),
        ("next-input", 1 / 3, "mean"),
        ("next-input", 1, "divided"),
        ("next-input", 0.5, "single one"),
        ("next-input", 4, "divided by; what is each"),
        ("next-input", 7, "what is the sum divided by"),
        ("standard-error", 0.0073, "multiply it by 100"),
        ("standard-error", 0.0053, "variance"),
        ("standard-error", 32.5, "one image"),
        ("standard-error", 1.118, "varies less"),
        ("standard-error", 2.236, "leaves out"),
        ("standard-error", 1.453, "two standard errors"),
        ("standard-error", 5, "p (1 - p) / n"),
        ("lucky-best", 0, "best of ten"),
        ("lucky-best", 4.9, "further out"),
        ("lucky-best", 2, "more than that"),
        ("lucky-best", 0.075, "percentage points"),
        ("lucky-best", 20, "less than that"),
        ("honest", " ", "some do"),
        ("honest", "z", "the letters are"),
        ("honest", "ab", "not b"),
        ("honest", "a", "2 more"),
        ("honest", 3, "letters are wanted"),
        *((name, "x", "wanted") for name in ("top-probability", "skip-chance", "next-input")),
        *((name, math.nan, "wanted") for name in ("standard-error", "lucky-best")),
    ],
)
def test_a_wrong_number_gets_the_hint_that_helps(name, answer, hint):
    found = ev.check(name, answer)

    assert not found.right
    assert hint in found.says


@pytest.mark.parametrize(
    ("name", "answer", "answers"),
    [
        ("skip-chance", 0.731, ("0.731", "0.73")),
        ("next-input", 0.25, ("0.25", "1/4")),
        ("standard-error", 0.727, ("0.73",)),
        ("standard-error", 0.7, ("0.73",)),  # to one digit
        ("skip-chance", 0.7, ("0.73",)),
        ("top-probability", 0.8, ("0.801",)),
        ("sharing-whole", 0.3, ("0.35",)),
        ("lucky-best", 7.5, ("7.4", "7.5")),
    ],
)
def test_a_right_number_is_accepted_and_no_hint_tells_it(name, answer, answers):
    assert ev.check(name, answer).right
    for wrong in (0, 1, 0.5, 3, 50):
        assert not any(text in ev.check(name, wrong).says for text in answers)


@pytest.mark.parametrize(
    ("answer", "exact", "rounded"),
    [
        (0.7, 0.7266, True),
        (0.73, 0.7266, True),
        (0.727, 0.7266, True),
        (0.72, 0.7266, False),  # cut off, not rounded
        (0.8, 0.7266, False),
        (1, 0.7266, False),  # no digit of it is right
        (1, 0.996, True),
        (800, 821.33, True),
        (820, 821.33, True),
        (821.3, 821.33, True),
        (830, 821.33, False),
        (0.2, 0.25, True),  # an exact half goes either way
        (0.3, 0.25, True),
        (0, 0.004, False),
        (0, 0.0, True),
        (-0.7, -0.7266, True),
        (0.7, -0.7266, False),
        (0.7, 1.118, False),  # to one digit that is 1
    ],
)
def test_an_answer_may_be_rounded_to_the_digits_that_it_has(answer, exact, rounded):
    assert rounds_to(answer, exact) is rounded


RIGHT_REALS = {
    "top-probability": 1 / (1 + 5 * math.exp(-3)),
    "skip-chance": 1 / (1 + math.exp(-1)),
    "next-input": 0.25,
    "standard-error": 100 * math.sqrt(0.12 * 0.88 / 2000),
    "first-advantage": 0.792,
    "sharing-cell": 24_640 / 30,
    "sharing-whole": (1 - (5 / 6) ** 10) ** 6,
    "lucky-best": 7.47,
}
COLLIDES = {("first-advantage", 1): "moves the baseline first"}  # 0.8 is the known slip, too


@pytest.mark.parametrize("digits", [1, 2, 3, 4])
@pytest.mark.parametrize("name", RIGHT_REALS)
def test_every_exercise_with_a_real_number_takes_it_rounded(name, digits):
    answer = float(f"{RIGHT_REALS[name]:.{digits}g}")

    found = ev.check(name, answer)

    assert found.right is ((name, digits) not in COLLIDES)
    if not found.right:
        assert COLLIDES[name, digits] in found.says


def test_the_luckiest_of_ten_is_as_lucky_as_in_ten_thousand_trials():
    rng = random.Random(0)
    rights = [sum(rng.random() < 0.6 for _ in range(100)) for _ in range(20_000)]
    best = [max(rights[k : k + 10]) for k in range(0, len(rights), 10)]

    assert ev.check("lucky-best", sum(best) / len(best) - 60).right


def test_the_ways_that_spoil_a_result_are_accepted_in_any_order_and_form():
    assert ev.check("honest", "aed").right
    assert ev.check("honest", {"a", "d", "e"}).right
    assert ev.check("honest", "A, D, E").right


# ---- shared weights

RIGHT = {
    "sharing-price": 2000 * 100 * 32,
    "sharing-even": 320,
    "sharing-cell": 24_640 / 30,
    "sharing-whole": (1 - (5 / 6) ** 10) ** 6,
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_sharing_saves_is_counted_right(name):
    assert ev.check(name, RIGHT[name]).right
    for wrong in (0, True, "x", None, float("nan")):
        found = ev.check(name, wrong)
        assert not found.right
        assert f"{RIGHT[name]:.5g}" not in found.says


def test_the_exercises_numbers_are_those_of_the_searches_that_ship():
    tiny, cells = ev.load_trace("macro-tiny"), ev.load_trace("micro-cifar10-cpu")

    assert {epoch.steps for epoch in tiny.epochs} == {32}
    assert sum(epoch.steps for epoch in tiny.epochs) == 1920
    assert sum(epoch.steps for epoch in cells.epochs) == 24_640
    assert (tiny.space.layers, cells.space.nodes) == (6, 5)


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("sharing-price", 200_000, "each has 32 minibatches"),
        ("sharing-price", 64_000, "more than one epoch"),
        ("sharing-price", 3200, "price of one child"),
        ("sharing-price", 1920, "search with shared weights"),
        ("sharing-price", 2.5, "whole number"),
        ("sharing-even", 1920, "not all of them"),
        ("sharing-even", 53, "in every layer"),
        ("sharing-even", 10, "for an epoch"),
        ("sharing-even", 7, "of one layer"),
        ("sharing-cell", 4928, "belong to one source"),
        ("sharing-cell", 4107, "belong to one operation"),
        ("sharing-cell", 411, "do not divide by two"),
        ("sharing-cell", 985.6, "can read six nodes"),
        ("sharing-cell", 704, "cannot read itself"),
        ("sharing-whole", 0.16, "never drawn"),
        ("sharing-whole", 0.84, "for one layer"),
        ("sharing-whole", 1.0, "at least one"),
        ("sharing-whole", 0.65, "still fresh"),
        ("sharing-whole", 35, "at most 1"),
        ("sharing-whole", 0.5, "missed ten times"),
    ],
)
def test_a_wrong_count_of_what_is_shared_gets_the_hint_that_helps(name, answer, hint):
    found = ev.check(name, answer)

    assert not found.right
    assert hint in found.says


def test_the_articles_own_order_of_a_layer_is_named_as_the_slip():
    found = ev.check("macro-list", [0, 1, 3, 1, 1, 5, 1, 0, 1, 2])

    assert not found.right
    assert "skips first" in found.says


def test_the_two_inputs_of_a_node_may_be_told_in_either_order():
    assert ev.check("micro-list", [1, 2, 0, 1, 2, 4, 0, 2]).right
    assert ev.check("micro-list", [0, 1, 1, 2, 0, 2, 2, 4]).right


@pytest.mark.parametrize(("answer", "hint"), [(80, "operation of its own"), (100, "source of its")])
def test_sizes_that_forget_one_choice_of_an_input_get_their_hint(answer, hint):
    assert hint in ev.check("micro-size", answer).says


@pytest.mark.parametrize(("answer", "way"), [(36, "high"), (25, "low")])
def test_a_factor_that_is_nearly_right_is_told_which_way_to_go(answer, way):
    assert f"a little too {way}" in ev.check("baseline-factor", answer).says


def test_words_may_be_written_large_and_whole_numbers_with_a_point():
    assert ev.check("push", ("Up", "DOWN")).right
    assert ev.check("half-the-distance", 80.0).right
