"""Exercises: right answers pass, near misses get the hint that helps, the rest gets a hint too."""

import pytest

import enas_viz as ev
from enas_viz.published import ARTICLE_MACRO


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


def test_the_articles_list_is_accepted_as_list_or_tuple():
    assert ev.check("macro-list", ARTICLE_MACRO.flat).right
    assert ev.check("macro-list", tuple(ARTICLE_MACRO.flat)).right


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([0, 3, 1], "3 numbers"),
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


def test_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(ValueError, match=r"macro-size, macro-list; did you mean 'macro-size'"):
        ev.check("macro-sizes", 1)
