"""Facts about what a dashboard keeps of a run."""

import json
import random
from dataclasses import replace

import pytest
from episodes import made_up_cells, made_up_episode, made_up_trace

import enas_viz as ev
from enas_viz.records.trace import Episode, Epoch, Header, Trace
from enas_viz.spaces import MacroSpace
from enas_viz.view.board import MOST, MOST_OPENED, Board
from enas_viz.view.curves import series


def board_of(trace: Trace) -> Board:
    board = Board("a run", trace.header)
    for item in trace.records:
        board.add(item)
    return board


def joined(told, news):
    """What the browser knows: the snapshot and what followed on it."""
    assert news["after"] == [
        len(told["points"]["n"]),
        len(told["moments"]["n"]),
        len(told["epochs"]),
    ]
    both = {
        part: {name: told[part][name] + news[part][name] for name in told[part]}
        for part in ("points", "moments")
    }
    return {**both, "epochs": told["epochs"] + news["epochs"]}


@pytest.mark.parametrize("name", ["macro-tiny", "micro-cifar10-cpu"])
def test_epochs_of_a_recorded_search_are_those_of_its_curves(name):
    trace = ev.load_trace(name)

    epochs = board_of(trace).snapshot()["epochs"]

    found = series(trace)
    assert [e["epoch"] for e in epochs] == list(found.epochs)
    assert [e["reward"] for e in epochs] == pytest.approx(found.reward, abs=1e-4)
    assert [e["entropy"] for e in epochs] == pytest.approx(found.entropy, abs=1e-4)
    assert [e["shape"] for e in epochs] == pytest.approx(found.shape, abs=1e-4)
    wanted = [
        [
            round(100 * shares[op][k])
            for shares in found.place_shares.values()
            for op in found.shares
        ]
        for k in range(len(epochs))
    ]
    assert [e["shares"] for e in epochs] == wanted
    assert [e["loss"] for e in epochs] == pytest.approx([e.loss for e in trace.epochs], abs=1e-4)


def test_a_long_search_is_thinned_and_its_best_samples_stay():
    trace = ev.load_trace("macro-tiny")

    told = board_of(trace).snapshot()

    points, moments = told["points"], told["moments"]
    assert MOST / 2 <= len(points["n"]) <= MOST
    assert MOST_OPENED / 2 <= len(moments["n"]) <= MOST_OPENED
    assert points["x"] == sorted(points["x"])
    top, records = -1.0, []
    for e in trace.episodes:
        if e.accuracy > top:
            top = e.accuracy
            records.append(e.n)
    assert set(records) <= set(points["n"])
    accuracy = {e.n: e.accuracy for e in trace.episodes}
    for n, a in zip(points["n"], points["accuracy"], strict=True):
        assert a == pytest.approx(accuracy[n], abs=1e-4)


def test_a_search_whose_every_sample_is_the_best_yet_is_thinned_too():
    episode = made_up_episode(2)
    board = Board("", Header(MacroSpace(2)))

    for i in range(4 * MOST):
        board.add(replace(episode, accuracy=i / (5 * MOST), n=i + 1, epoch=0))

    assert len(board.snapshot()["points"]["n"]) <= MOST


def test_news_follow_on_the_snapshot_until_a_new_one_is_due():
    trace, rng = made_up_trace(4, epochs=12, per_epoch=200), random.Random(0)
    board = Board("", trace.header)
    told, seen = board.snapshot(), 0

    for item in trace.records:
        board.add(item)
        if rng.random() < 0.05:
            if board.renewed:
                told = board.snapshot()
            known = joined(told, board.news())
            seen += 1
    assert seen > 50
    assert joined(told, board.news())["points"]["n"][: len(known["points"]["n"])]
    assert joined(board.snapshot(), board.news()) == {**board.snapshot()}
    assert len(json.dumps(known)) < 400_000


def test_samples_stand_in_their_epoch_in_the_order_of_sampling():
    trace = made_up_trace(4, epochs=3, per_epoch=10)
    recipe = {**trace.header.recipe, "controller": {"updates": 5, "samples": 2}}
    board = board_of(replace(trace, header=replace(trace.header, recipe=recipe)))

    x = board.snapshot()["points"]["x"]

    assert x == pytest.approx([k / 10 + 0.05 for k in range(30)])


def test_an_epoch_under_way_is_told_in_part():
    trace = made_up_trace(4, epochs=1, per_epoch=10)
    board = Board("", trace.header)
    for episode in trace.episodes[:4]:
        board.add(episode)

    now = board.news()["now"]

    assert now["epoch"] == 0
    assert now["reward"] == pytest.approx(sum(e.accuracy for e in trace.episodes[:4]) / 4, abs=1e-4)
    assert len(now["shares"]) == 4 * 6
    board.add(Epoch(0, loss=1.0))
    assert board.news()["now"] is None


def test_facts_name_the_band_and_the_aim_of_a_recipe():
    trace = ev.load_trace("macro-tiny")
    facts = Board("mine", trace.header).facts()

    limits = ev.reach(ev.recipe("macro-tiny"))
    assert facts["band"] == [limits.entropy_low, limits.entropy_high]
    assert facts["target"] == 0.4
    assert facts["about"] == "macro-tiny · seed 0 · digits"
    assert facts["epochs"] == 60
    cells = Board("mine", ev.load_trace("micro-cifar10-cpu").header).facts()
    assert (cells["target"], cells["kind"]) == (None, "micro")


def test_a_run_that_tells_nothing_of_itself_is_shown_all_the_same():
    board = Board("x", Header(made_up_cells(2).architecture.space, "indices-first"))
    board.add(replace(made_up_cells(2), accuracy=None))
    board.add(Epoch(0))

    facts = board.facts()

    assert (facts["band"], facts["target"], facts["epochs"], facts["about"]) == (None, None, 0, "")
    assert board.snapshot()["epochs"][0]["loss"] is None


def test_epochs_that_nobody_recorded_are_told_from_their_samples():
    trace = made_up_trace(4, epochs=3, per_epoch=10)

    told = board_of(trace).snapshot()["epochs"]

    found = series(trace)
    assert [e["epoch"] for e in told] == [0, 1]  # the third may go on
    assert [e["reward"] for e in told] == pytest.approx(found.reward[:2], abs=1e-4)
    assert told[0]["loss"] is None


def test_an_episode_is_found_by_its_number():
    trace = ev.load_trace("macro-tiny")
    board = board_of(trace)

    assert board.episode(trace.best.n) == trace.best
    with pytest.raises(ValueError, match="no episode number 0"):
        board.episode(0)
    assert isinstance(board.trace().last, Episode)
