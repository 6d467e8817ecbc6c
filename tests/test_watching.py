"""Watching a search: everything recorded comes back, also when it is interrupted."""

from dataclasses import replace

import pytest
from episodes import made_up_trace

import enas_viz as ev
from enas_viz.records.progress import Figures
from enas_viz.records.trace import Episode, Epoch, Tick
from enas_viz.spaces import Architecture, MacroSpace

TRACE = made_up_trace(3, epochs=2, per_epoch=3)


def records(stop_after: int | None = None, closed: list | None = None):
    try:
        yield TRACE.header
        for i, episode in enumerate(TRACE.records):
            if i == stop_after:
                raise KeyboardInterrupt
            yield Tick("controller", 0, i, len(TRACE.records), i / len(TRACE.records))
            yield episode
    finally:
        if closed is not None:
            closed.append(True)


def test_a_watched_search_gives_its_trace(capsys):
    found = ev.watch(records())

    assert found == TRACE
    assert "reward" in capsys.readouterr().err


def test_an_interrupted_search_gives_what_was_recorded_and_is_closed(capsys):
    closed = []

    found = ev.watch(records(stop_after=2, closed=closed))

    assert found.records == TRACE.records[:2]
    assert closed == [True]


def test_records_without_a_header_are_refused():
    with pytest.raises(ValueError, match="begin with its header"):
        ev.watch(iter(TRACE.records))


def test_a_closed_search_has_nothing_to_watch():
    search = records()
    search.close()

    with pytest.raises(ValueError, match="got none at all"):
        ev.watch(search)


def test_what_is_no_record_ends_the_watching_in_words_and_closes_the_search(capsys):
    closed = []

    def search():
        try:
            yield TRACE.header
            yield TRACE.records[0]
            yield "a line that somebody printed"
        finally:
            closed.append(True)

    with pytest.raises(TypeError, match="records of a search .* got 'a line"):
        ev.watch(search())

    assert closed == [True]


def test_a_reward_that_is_no_number_leaves_the_mean_a_number(capsys):
    wrong = replace(TRACE.records[1], reward=float("nan"))

    ev.watch([TRACE.header, TRACE.records[0], wrong, TRACE.records[2]])

    assert "nan" not in capsys.readouterr().err


def test_figures_tell_loss_mean_reward_and_the_best_accuracy_as_far_as_they_are_known():
    made, space = Figures(best=0.5), MacroSpace(2)
    architecture = Architecture(space, ((0,), (1, 0)))
    assert str(made) == "best accuracy 0.500"

    made.add(Tick("weights", 0, 50, 60, 0.5, 2.25))
    for accuracy in (0.75, 0.25, None):
        made.add(Episode(architecture, accuracy=accuracy, reward=accuracy))

    assert str(made) == "loss 2.250  reward 0.500  best accuracy 0.750"


def test_figures_of_a_final_training_tell_its_best_validation_accuracy():
    made = Figures()
    for accuracy in (0.5, 0.75, 0.25, None):
        made.add(Epoch(0, loss=1.0, valid_accuracy=accuracy))

    assert str(made) == "loss 1.000  best validation accuracy 0.750"
