"""Curves of a search."""

import math
import random

import pytest
from episodes import made_up_micro_trace

from enas_viz import plot
from enas_viz.records.trace import Episode, Header, Trace, load_trace
from enas_viz.spaces import MacroSpace
from enas_viz.view.board import Board
from enas_viz.view.curves import WINDOW, figure, series, summary, trend

SPACE = MacroSpace(2)


def made_up(flats: list[list[int]], accuracies: list[float], per_epoch: int = 2) -> Trace:
    episodes = tuple(
        Episode(
            SPACE.decode(flat),
            accuracy=a,
            baseline=a / 2,
            epoch=i // per_epoch,
            extra={"entropy": 3.0 + i},
        )
        for i, (flat, a) in enumerate(zip(flats, accuracies, strict=True))
    )
    return Trace(Header(SPACE), episodes)


def test_shares_are_of_all_layers_sampled_in_an_epoch():
    trace = made_up([[0, 1, 1], [0, 0, 0], [5, 5, 1], [5, 0, 1]], [0.1, 0.2, 0.3, 0.4])

    found = series(trace)

    assert found.epochs == (0, 1)
    assert found.shares["conv3x3"] == (0.75, 0.25)
    assert found.shares["max3x3"] == (0.0, 0.75)
    assert [sum(s[e] for s in found.shares.values()) for e in (0, 1)] == [1, 1]
    assert found.shape == (0.5, 1.0)
    assert found.entropy == (3.5, 5.5)


def test_the_smooth_curve_is_the_mean_of_the_last_rewards():
    accuracies = [i / 200 for i in range(120)]
    trace = made_up([[0, 0, 0]] * 120, accuracies)

    found = series(trace)

    assert found.smooth[0] == accuracies[0]
    assert found.smooth[9] == pytest.approx(sum(accuracies[:10]) / 10)
    assert found.smooth[-1] == pytest.approx(sum(accuracies[-WINDOW:]) / WINDOW)
    assert found.baseline[4] == accuracies[4] / 2


@pytest.mark.parametrize("start", ["zero", "first_reward"])
def test_the_baseline_is_drawn_on_the_scale_of_accuracy(start):
    """Whatever else is rewarded: the line is what the baseline would be of accuracies alone."""
    fidelity = {"baseline_start": start}
    header = Header(SPACE, recipe={"controller": {"baseline_decay": 0.9}}, fidelity=fidelity)
    rng, episodes = random.Random(0), []
    baseline = alone = 0.0
    expected = []
    for k in range(40):
        accuracy, rest = rng.random(), 6 - 0.1 * k + rng.random()
        if k == 0 and start == "first_reward":
            baseline, alone = accuracy + rest, accuracy
        baseline += 0.1 * (accuracy + rest - baseline)
        alone += 0.1 * (accuracy - alone)
        expected.append(alone)
        made = SPACE.decode([0, 0, 0])
        known = {"accuracy": accuracy, "reward": accuracy + rest, "baseline": baseline}
        episodes.append(Episode(made, epoch=k // 20, **known))
    trace = Trace(header, tuple(episodes))

    found = series(trace)

    assert found.baseline == pytest.approx(expected)
    assert found.baselines == pytest.approx([expected[19], expected[39]])
    board = Board("run", header)
    for episode in episodes:
        board.add(episode)
    assert board.snapshot()["points"]["baseline"] == pytest.approx(expected, abs=1e-3)


def test_the_shipped_search_is_plotted_with_three_titled_axes():
    made = figure(load_trace("macro-tiny"))

    titles = [axes.get_title() for axes in made.axes]
    assert titles == ["Reward accuracy", "Operations sampled", "Entropy of a sample, in nats"]


def test_a_plot_is_a_picture_for_notebooks_and_files():
    made = plot(load_trace("macro-tiny"))

    bundle, looks = made._repr_mimebundle_()

    assert made.svg.lstrip().startswith("<?xml")
    assert len(bundle["image/png"]) > 10_000
    assert looks["image/png"]["width"] == 11 * 72


def test_a_trace_without_rewards_has_no_curves():
    with pytest.raises(ValueError, match="no episode with an accuracy"):
        plot(load_trace("article-macro"))


def test_the_live_entropy_stands_inside_the_band_that_the_policy_can_reach():
    trace = load_trace("macro-tiny")
    axes = figure(trace).axes[2]

    (text,) = [t.get_text() for t in axes.get_legend().get_texts()]
    low, high = map(float, text.removeprefix("reachable: ").split(" to "))
    assert high == pytest.approx(6 * math.log(6) + 15 * math.log(2), abs=0.1)
    assert all(low < v <= high + 0.1 for v in series(trace).entropy)


def test_of_cells_shares_are_of_nodes_and_shape_is_loose_ends():
    trace = made_up_micro_trace(2, epochs=2, per_epoch=3)

    found = series(trace)

    assert list(found.place_shares) == ["normal 3", "normal 4", "reduction 3", "reduction 4"]
    first = [e.architecture for e in trace.episodes[:3]]
    ops = [op for a in first for op in a.content[1][0][2:]]
    assert found.place_shares["reduction 3"]["max3x3"][0] == ops.count(3) / 6
    ends = [len(a.space.loose_ends(a, c)) for a in first for c in a.space.cells]
    assert found.shape[0] == pytest.approx(sum(ends) / 6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.1, 0.1, 0.5, 0.9, 0.9], "x rises from 0.1 in epoch 1 to 0.9 in epoch 5"),
        ([0.9, 0.9, 0.5, 0.1, 0.1], "x falls from 0.9 in epoch 1 to 0.1 in epoch 5"),
        ([0.5, 0.6, 0.5, 0.6, 0.5], "x stays level, from 0.5 in epoch 1 to 0.5 in epoch 5"),
        ([0.4], "x: 0.4 in epoch 1."),
        ([None, 0.4, math.nan], "x: 0.4 in epoch 2."),
        ([0.3, 0.3], "x stays level"),
    ],
)
def test_the_trend_of_a_curve_is_told_by_a_rule(values, says):
    assert trend("x", range(len(values)), values, "{:g}").startswith(says)


def test_a_trend_says_when_most_of_it_happened_and_the_extremes():
    values = [0.0] * 10 + [0.25, 0.5, 0.75, 1.2] + [1.0] * 10

    told = trend("x", range(len(values)), values, "{:g}")

    assert "most of it between epochs 11 and 14" in told
    assert told.endswith("lowest 0 (epoch 1), highest 1.2 (epoch 14).")
    assert trend("x", [], []) == ""


def test_a_plot_tells_its_curves_where_pictures_are_not_seen():
    trace = load_trace("macro-tiny")

    made = plot(trace)

    data, looks = made._repr_mimebundle_()
    assert looks["image/png"]["alt"] == summary(trace)
    assert summary(trace) in data["text/plain"]
    assert "Best of 6,000 samples: 99.0%." in summary(trace)
