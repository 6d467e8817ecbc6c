"""Scores side by side: what is drawn is what was measured; what tested as worse looks so."""

import re
from dataclasses import dataclass

import pytest

import enas_viz as ev
from enas_viz.results.ledger import kept
from enas_viz.view.scores import scores_of


@dataclass
class Candidate:
    accuracy: float
    standard_error: float
    apart: bool


def values(svg):
    return [float(v) for v in re.findall(r'data-value="([\d.]+)"', svg)]


def centres(svg):
    return [float(x) for x in re.findall(r'class="spot" cx="([\d.]+)"', svg)]


def test_kept_runs_are_drawn_with_their_test_errors_and_sizes():
    runs = kept()

    svg = ev.draw_scores(runs).svg

    assert values(svg) == pytest.approx([r.error for r in runs], rel=1e-3)
    for run in runs:
        assert f"{run.error:.2f} ± {run.standard_error:.2f} %" in svg
        assert f"{run.trace.result.parameters:,} parameters" in svg


def test_a_larger_value_stands_further_right_by_as_much():
    x = centres(ev.draw_scores({"a": (10, 1), "b": (12, 1), "c": (16, 1)}).svg)

    assert (x[2] - x[1]) / (x[1] - x[0]) == pytest.approx(2, abs=0.01)


def test_candidates_not_told_apart_from_the_first_are_marked_like_it():
    found = [Candidate(0.9, 0.01, False), Candidate(0.89, 0.01, False), Candidate(0.7, 0.02, True)]

    lines, what = scores_of(found)

    assert [s.marked for s in lines] == [True, True, False]
    assert [s.value for s in lines] == pytest.approx([90, 89, 70])
    assert lines[2].note == "tested as worse"
    assert "validation" in what


def test_a_single_score_without_any_error_is_drawn():
    assert values(ev.draw_scores({"all of them": (100, 0)}).svg) == [100]


@pytest.mark.parametrize("nothing", [[], {}])
def test_nothing_to_draw_is_refused(nothing):
    with pytest.raises(ValueError, match="no score"):
        ev.draw_scores(nothing)


@pytest.mark.parametrize("other", [3, "runs", [1, 2]])
def test_other_things_are_refused(other):
    with pytest.raises(TypeError, match="scores are of candidates"):
        ev.draw_scores(other)


@pytest.mark.parametrize(
    "pair", ["12", ("50", "1"), {1: 2, 3: 4}, {1, 2}, (True, False), (1, 2, 3)]
)
def test_what_is_no_pair_of_numbers_is_refused_though_it_could_be_read_as_one(pair):
    with pytest.raises(TypeError, match="must have a pair"):
        ev.draw_scores({"a": pair})


def test_scores_that_hardly_differ_are_drawn():
    assert "0.00 ± 0.00 %" in ev.draw_scores({"a": (0, 1e-320), "b": (1e-320, 0)}).svg
