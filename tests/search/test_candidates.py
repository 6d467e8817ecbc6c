"""Ranking, and the two comparisons."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from scipy import stats

from enas_viz.recipes import change, recipe
from enas_viz.search import candidates
from enas_viz.search.runs.build import build
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace

TINY = recipe(
    "macro-tiny",
    network__layers=3,
    network__filters=4,
    train__epochs=1,
    train__batch_size=100,
    controller__updates=1,
    controller__samples=2,
)

MICRO = recipe(
    "micro-tiny",
    network__filters=4,
    network__nodes=2,
    train__epochs=1,
    train__batch_size=100,
    controller__updates=1,
    controller__samples=2,
)


@pytest.fixture(scope="module")
def done():
    made = build(TINY, 0, "cpu", None)
    for _ in made.records():
        pass
    return made


def test_candidates_are_ranked_on_the_whole_validation_split(done):
    found = candidates.derive(done, 6)

    accuracies = [c.accuracy for c in found]
    assert accuracies == sorted(accuracies, reverse=True)
    for c in found:
        assert c.accuracy * 397 == pytest.approx(round(c.accuracy * 397))
        assert c.standard_error == pytest.approx(math.sqrt(c.accuracy * (1 - c.accuracy) / 397))


def test_an_architecture_scores_the_same_whatever_it_is_ranked_with(done):
    found = candidates.derive(done, 4)
    alone = candidates.validate(done, [found[2].architecture])

    assert alone == [found[2].accuracy]


def test_equal_seeds_derive_equal_candidates_and_the_weights_stay(done):
    weights = [p.clone() for p in done.net.parameters()]

    first, again, other = (candidates.derive(done, 3, seed=s) for s in (1, 1, 2))

    assert first == again
    assert [c.architecture for c in first] != [c.architecture for c in other]
    assert all((a == b).all() for a, b in zip(weights, done.net.parameters(), strict=True))


def test_no_candidates_are_refused(done):
    with pytest.raises(ValueError, match="must be from 1 to 100000; got 0"):
        candidates.derive(done, 0)


def test_uniform_architectures_have_uniform_operations_and_the_rate_asked_for():
    space = MacroSpace(layers=12)

    drawn = candidates.uniform(space, 400, 0, skip_rate=0.3)

    ops = [op for a in drawn for op in (layer[0] for layer in a.content)]
    for op in range(6):
        assert ops.count(op) / len(ops) == pytest.approx(1 / 6, abs=0.02)
    rate = sum(map(space.skip_rate, drawn)) / len(drawn)
    assert rate == pytest.approx(0.3, abs=0.01)


def test_uniform_cells_have_uniform_operations_and_sources():
    drawn = candidates.uniform(MicroSpace(), 400, 0)

    nodes = [cell[4] for a in drawn for cell in a.content]  # the last node has six sources
    for op in range(5):
        assert sum(node[2] == op for node in nodes) / 800 == pytest.approx(1 / 5, abs=0.05)
    for source in range(6):
        assert sum(node[1] == source for node in nodes) / 800 == pytest.approx(1 / 6, abs=0.05)


def test_the_shared_comparison_has_both_groups_on_the_same_images(done):
    found = candidates.compare_shared(done, 5)

    assert len(found.first) == len(found.second) == 5
    assert all(0 <= a <= 1 for a in (*found.first, *found.second))


def test_refitted_statistics_are_used_when_the_recipe_says_so():
    made = build(change(TINY, fidelity__reward_bn="refit"), 0, "cpu", None)
    for _ in made.records():
        pass
    by_batch = candidates.derive(made, 4, bn="batch")
    refitted = candidates.derive(made, 4)

    assert candidates.derive(made, 4, bn="refit") == refitted
    assert [c.accuracy for c in refitted] != [c.accuracy for c in by_batch]


def test_a_network_trained_alone_learns(done):
    child = TINY.space.architecture(["conv3x3", "conv3x3", "conv3x3"])

    untrained = candidates.train_alone(child, TINY, done.data, epochs=1)
    trained = candidates.train_alone(child, TINY, done.data, epochs=15)

    assert trained > 0.35  # ten classes, four channels
    assert trained > untrained + 0.15


def test_networks_trained_alone_differ_by_their_number_and_repeat_by_their_seed(done):
    child: Architecture = TINY.space.architecture(["conv3x3", "max3x3", "sep3x3"])

    def run(number):
        return candidates.train_alone(child, TINY, done.data, epochs=2, number=number)

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_groups_that_are_not_shown_to_differ_cannot_be_told_apart():
    same = candidates.Comparison((0.9, 0.91, 0.92), (0.905, 0.912, 0.918))
    higher = candidates.Comparison((0.9, 0.91, 0.92), (0.6, 0.61, 0.62))
    constant = candidates.Comparison((1.0, 1.0), (1.0, 1.0))

    assert (same.differs, same.verdict) == (False, "cannot be told apart")
    assert (higher.differs, higher.verdict) == (True, "first higher")
    assert constant.verdict == "cannot be told apart"


def test_mean_and_error_are_those_of_the_textbook():
    mean, error = candidates.mean_and_error([1.0, 2.0, 3.0, 4.0])

    assert mean == 2.5
    assert error == pytest.approx(math.sqrt(5 / 3) / 2)
    assert math.isnan(candidates.mean_and_error([1.0])[1])


@pytest.fixture(scope="module")
def cells():
    made = build(MICRO, 0, "cpu", None)
    for _ in made.records():
        pass
    return made


def test_cells_are_ranked_compared_and_trained_alone_as_layers_are(cells):
    found = candidates.derive(cells, 3)
    shared = candidates.compare_shared(cells, 3)
    alone = candidates.compare_alone(cells, [found[0].architecture], epochs=1)

    assert [c.accuracy for c in found] == sorted((c.accuracy for c in found), reverse=True)
    assert len(shared.first) == len(shared.second) == 3
    assert len(alone.first) == len(alone.second) == 1
    assert all(0 <= a <= 1 for a in (*shared.first, *shared.second, *alone.first))


def test_candidates_are_scored_on_so_many_minibatches_or_on_all(done):
    assert candidates.derive(done, 2)[0].images == 397
    assert candidates.derive(done, 2, batches=1)[0].images == 100
    assert candidates.derive(done, 2, batches=4)[0].images == 397
    with pytest.raises(ValueError, match=r"397 validation images\) must be from 0 to 4; got 5"):
        candidates.derive(done, 2, batches=5)


def test_the_same_minibatch_serves_all_and_another_seed_draws_another(done):
    a, b, c = (candidates._images(done, 1, seed).tolist() for seed in (1, 1, 2))

    assert a == b != c
    assert len(set(a)) == 100


def test_candidates_are_told_apart_by_the_images_that_only_one_gets_right():
    right = torch.zeros(4, 200, dtype=torch.bool)
    right[0, :150] = True
    right[1, :149] = True  # one image less: not apart
    right[2, 40:150] = True  # forty less, none more: apart
    right[3, 30:170] = True  # thirty less, twenty more

    p_values = candidates.against_first(right)

    raw = [1.0, 2 / 2**40, stats.binomtest(20, 50).pvalue]
    assert p_values == pytest.approx([1.0, 1.0, 3 * raw[1], 2 * raw[2]])


def test_the_first_of_a_ranking_is_never_apart_and_a_hopeless_one_is(done):
    found = candidates.derive(done, 6)

    assert found[0].p_value == 1
    assert not found[0].apart
    assert all(0 <= c.p_value <= 1 for c in found)
    assert all(c.apart == (c.p_value < 0.05) for c in found)


@pytest.fixture(scope="module")
def moving():
    made = build(change(TINY, fidelity__reward_bn="moving"), 0, "cpu", None)
    for _ in made.records():
        pass
    return made


def test_batch_norm_of_a_ranking_can_be_chosen_and_leaves_no_trace(moving):
    before = {name: value.clone() for name, value in moving.net.state_dict().items()}

    found = {bn: candidates.derive(moving, 4, bn=bn) for bn in ("batch", "moving", "refit")}

    scores = {bn: sorted((c.architecture.flat, c.accuracy) for c in f) for bn, f in found.items()}
    assert scores["batch"] != scores["moving"] != scores["refit"]
    assert candidates.derive(moving, 4) == found["moving"]  # as in the search
    after = moving.net.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_statistics_that_a_search_did_not_keep_are_refused(done):
    for bn in ("moving", "refit"):
        with pytest.raises(ValueError, match=f"bn '{bn}' needs a supernet with moving statistics"):
            candidates.derive(done, 2, bn=bn)
    with pytest.raises(ValueError, match="bn is one of batch, moving, refit; got 'none'"):
        candidates.derive(done, 2, bn="none")


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_guided_random_search_draws_one_architecture_with_the_skips_it_is_guided_to(kind):
    space = MacroSpace(24) if kind == "macro" else MicroSpace(5)

    made = [candidates.guided_random(space, seed) for seed in range(20)]

    assert len(set(made)) == 20
    if kind == "macro":
        assert sum(map(space.skip_rate, made)) / 20 == pytest.approx(0.4, abs=0.03)


def test_how_often_equal_networks_are_called_apart_is_told_as_it_was_measured():
    path = Path(__file__).parents[2] / "benchmarks" / "results" / "ranking-equal.json"
    rows = [r for r in json.loads(path.read_text())["rows"] if r["networks"] == 10]
    low, high = map(int, re.findall(r"\d+", candidates.FALSE_ALARMS))

    measured = [100 * row["at_least_one_apart"] for row in rows]

    assert low <= min(measured)
    assert max(measured) <= high
    assert candidates.FALSE_ALARMS in candidates.Candidate.__doc__
