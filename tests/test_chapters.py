"""Facts about the chapters of a search: each is found where it is, and not where it is not."""

import dataclasses

import pytest
from episodes import made_up_trace

import enas_viz as ev
from enas_viz.view.chapters import (
    MIND,
    SURE,
    UNDECIDED,
    WEIGHTS,
    chapters,
    chapters_of,
    epochs_in_words,
)
from enas_viz.view.curves import series

HIGHEST, FLOOR = 20.0, 10.0


def curves(entropy, reward):
    """Curves that tell nothing but these two, of epochs numbered from 0."""
    empty = dict.fromkeys(("accuracy", "smooth", "baseline", "baselines", "shape"), ())
    return ev.view.curves.Series(
        **empty,
        epochs=tuple(range(len(entropy))),
        reward=tuple(reward),
        shares={},
        place_shares={},
        entropy=tuple(entropy),
    )


def names(entropy, reward, floor=FLOOR):
    return [c.name for c in chapters_of(curves(entropy, reward), HIGHEST, floor)]


def test_a_search_that_waits_decides_and_settles_has_all_four_chapters():
    entropy = [20, 20, 19.9, 20, 19.8, 19.5, 16, 12, 10.4, 10.2, 10.1, 10.1]
    reward = [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.7, 0.7, 0.7, 0.7]

    found = chapters_of(curves(entropy, reward), HIGHEST, FLOOR)

    assert [(c.name, c.epoch) for c in found] == [
        (UNDECIDED, 0),
        (WEIGHTS, 3),  # 0.4 is past the middle between 0.1 and 0.55
        (MIND, 6),
        (SURE, 8),  # from here on a mean of three epochs is below 11
    ]


def test_a_policy_that_never_moves_never_makes_up_its_mind():
    assert names([20] * 8, [0.1 * k for k in range(8)]) == [UNDECIDED, WEIGHTS]


def test_weights_that_learn_nothing_have_no_chapter():
    assert names([20, 20, 20, 20, 16, 13, 13, 13], [0.1] * 4 + [0.5] * 4) == [UNDECIDED, MIND]


def test_a_policy_that_starts_with_an_opinion_was_never_undecided():
    assert UNDECIDED not in names([17, 17, 17, 14, 12, 12], [0.1, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_a_policy_that_stops_above_its_floor_is_not_as_sure_as_it_can_be():
    entropy, reward = [20, 20, 20, 17, 14, 14, 14, 14], [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.5]

    assert SURE not in names(entropy, reward)
    assert SURE not in names([*entropy[:-4], 10, 10, 10, 13], reward)  # it does not stay there
    assert SURE not in names([*entropy[:-4], 10, 10, 10, 10], reward, floor=None)  # not known
    assert SURE in names([*entropy[:-4], 10, 10, 10, 10], reward)


@pytest.mark.parametrize("entropy", [(20.0, 19.0), (20.0, None, 12.0, 12.0)])
def test_curves_that_are_too_short_or_have_holes_have_no_chapters(entropy):
    assert names(entropy, [0.5] * len(entropy)) == []


def test_the_shipped_searches_have_the_chapters_that_one_sees_in_their_curves():
    found = {
        name: [(c.name, c.epoch) for c in chapters(ev.load_trace(name))]
        for name in ("macro-tiny", "macro-cifar10-cpu", "micro-cifar10-cpu")
    }

    for name, told in found.items():
        sure = [SURE] if name == "macro-cifar10-cpu" else []  # the only one at its floor
        assert [n for n, _ in told] == [UNDECIDED, WEIGHTS, MIND, *sure], name
        assert told[0][1] == 0, name
        assert 22 <= dict(told)[MIND] <= 32, name


def test_a_trace_without_rewards_has_no_chapters():
    assert chapters(ev.load_trace("article-macro")) == ()


def test_the_entropy_of_picks_alone_makes_no_chapters():
    trace = ev.load_trace("macro-tiny")
    header = dataclasses.replace(
        trace.header, fidelity={**trace.header.fidelity, "entropy": "sampled"}
    )

    assert chapters(dataclasses.replace(trace, header=header)) == ()


def test_an_epoch_is_told_by_what_was_sampled_in_it():
    trace = ev.load_trace("macro-cifar10-cpu")
    told = epochs_in_words(trace, series(trace))

    assert len(told) == 70
    assert told[0] == "epoch 1 of 70 · none of the 6 layers has a favourite operation"
    assert told[-1] == "epoch 70 of 70 · all 6 layers have a favourite operation"
    assert sum("prefer" in line for line in told) > 5


def test_of_few_samples_nothing_is_told_but_the_epoch():
    trace = made_up_trace(4, epochs=3, per_epoch=5)

    assert epochs_in_words(trace, series(trace)) == tuple(f"epoch {k} of 3" for k in (1, 2, 3))
