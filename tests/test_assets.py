"""The traces that ship: what they hold, where they come from, how small they are."""

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest

from enas_viz.recipes import PRESETS, RECIPES, change, recipe_from_json
from enas_viz.records.trace import ASSETS, load_trace
from enas_viz.search.dissection import dissect
from enas_viz.search.nets.controller import make_controller
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO


@pytest.mark.parametrize("path", sorted(ASSETS.glob("*.jsonl.gz")), ids=lambda p: p.name)
def test_a_shipped_trace_is_at_most_a_megabyte_and_whole(path):
    trace = load_trace(path)

    assert path.stat().st_size <= 1_000_000
    assert not trace.torn
    assert trace.episodes


def test_the_recorded_search_says_where_it_comes_from():
    header = load_trace("macro-tiny").header

    recipe = replace(RECIPES["macro-tiny"], about=header.recipe["about"])
    assert recipe_from_json({**header.recipe, "fidelity": header.fidelity}) == recipe
    assert header.seed == 0
    assert header.device == {"type": "cpu", "threads": 1}
    assert header.clock["started"].startswith("2026-")
    assert len(header.versions["commit"]) == 12
    assert load_trace("macro-tiny").seconds > 10


def kept_as_asked(trace, every):
    """Whether the steps are there of every so-manieth episode and of each that was a new best."""
    found = [e.accuracy for e in trace.episodes]
    best = [a > b for a, b in zip(found, [-1.0, *accumulate(found, max)], strict=False)]
    wanted = [new or i % every == 0 for i, new in enumerate(best)]
    return wanted == [bool(e.steps) for e in trace.episodes]


def test_the_recorded_search_is_a_whole_one():
    trace = load_trace("macro-tiny")
    recipe = RECIPES["macro-tiny"]

    assert len(trace.epochs) == recipe.train.epochs
    wanted = recipe.train.epochs * recipe.controller.updates * recipe.controller.samples
    assert len(trace.episodes) == wanted
    assert kept_as_asked(trace, recipe.keep_steps)


def test_the_articles_example_is_scored_by_an_untrained_controller_and_says_so(monkeypatch):
    trace = load_trace("article-macro")

    episode = trace.last
    assert episode.architecture == ARTICLE_MACRO
    assert "not a search: an untrained controller (seed 0)" in trace.header.note
    assert episode.note == trace.header.note
    assert [s.picks for s in episode.steps] == [(0,), (1,), (3,), (1, 1), (5,), (1, 0, 1), (2,)]
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "tools")
    from record_assets import narrate

    again = narrate(ARTICLE_MACRO, PRESETS["article"], 0, trace.header.note).last
    for mine, shipped in zip(again.steps, episode.steps, strict=True):
        for a, b in zip(mine.probabilities, shipped.probabilities, strict=True):
            assert a == pytest.approx(b, abs=1e-5)


def assert_steps_are_kept_of_every_new_best(trace, every):
    best = 0.0
    for n, episode in enumerate(trace.episodes):
        new, best = episode.accuracy > best, max(best, episode.accuracy)
        assert bool(episode.steps) == (new or n % every == 0)
    assert trace.best.accuracy == best


def test_the_recorded_cifar_search_says_where_it_comes_from_and_is_whole():
    trace = load_trace("macro-cifar10-cpu")
    recipe = change(RECIPES["macro-cifar10-cpu"], compute__threads=1)

    header = trace.header
    kept = replace(recipe, about=header.recipe["about"])
    assert recipe_from_json({**header.recipe, "fidelity": header.fidelity}) == kept
    assert header.seed == 0
    assert header.device == {"type": "cpu", "threads": 1, "precision": "float32"}
    assert trace.header.dataset["train"] == 45_000
    assert len(trace.episodes) == 70 * 20 * 10
    assert 5 < trace.seconds / 60 < 60
    assert_steps_are_kept_of_every_new_best(trace, recipe.keep_steps)


def test_the_recorded_search_of_cells_says_where_it_comes_from_and_is_whole():
    trace, recipe = load_trace("micro-cifar10-cpu"), RECIPES["micro-cifar10-cpu"]

    header = trace.header
    kept = change(replace(recipe, about=header.recipe["about"]), compute__threads=1)
    assert recipe_from_json({**header.recipe, "fidelity": header.fidelity}) == kept
    assert header.seed == 0
    assert header.device == {"type": "cpu", "threads": 1, "precision": "float32"}
    assert header.fidelity["op_prior"] == "none"
    assert (header.dataset["train"], header.dataset["valid"]) == (45_000, 5_000)
    controller = recipe.controller
    assert len(trace.episodes) == recipe.train.epochs * controller.updates * controller.samples
    assert 5 < trace.seconds / 60 < 60
    assert_steps_are_kept_of_every_new_best(trace, recipe.keep_steps)


def test_the_same_network_in_the_codes_order_is_the_same_network():
    trace = load_trace("article-macro-code")

    assert trace.last.architecture == ARTICLE_MACRO
    assert len(trace.last.steps) == 8
    assert trace.header.order == "op-first"


def test_the_articles_cell_is_scored_by_an_untrained_controller_and_says_so():
    trace = load_trace("article-micro")

    assert trace.last.architecture == ARTICLE_MICRO
    assert "not a search: an untrained controller (seed 0)" in trace.last.note
    emitted = [s.picks[0] for s in trace.last.steps if s.picks]
    assert emitted == [1, 0, 5, 1, 2, 0, 4, 2]  # sources from 0; avg5x5 is operation 5
    assert len(trace.last.steps) == 12


@pytest.mark.parametrize(("kind", "changes"), [("macro", {}), ("micro", {"network__nodes": 2})])
def test_the_controllers_taken_apart_are_of_one_search_before_and_after(kind, changes):
    trace = load_trace(f"controller-{kind}")
    recipe = change(RECIPES[f"{kind}-tiny"], **changes)

    header = trace.header
    kept = replace(recipe, about=header.recipe["about"])
    assert recipe_from_json({**header.recipe, "fidelity": header.fidelity}) == kept
    assert (header.seed, header.device) == (0, {"type": "cpu", "threads": 1})
    first, after = trace.episodes
    for mine, theirs in zip(first.steps, after.steps, strict=True):
        assert mine.detail.get("draws") == theirs.detail.get("draws")
    start = make_controller(recipe.space, recipe.controller, recipe.fidelity, seed=0)
    again = dissect(start, seed=0)
    assert again.architecture == first.architecture
    assert again.steps[0].detail["hidden"] == pytest.approx(
        first.steps[0].detail["hidden"], abs=2e-4
    )
    assert after.log_probability > first.log_probability
