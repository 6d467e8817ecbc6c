"""The widget of the shared weights: its traits, its page, and that the browser says the same."""

import pytest
from episodes import made_up_micro_trace, made_up_trace, with_counts
from module import run_module

import enas_viz as ev
from enas_viz.records.training_counts import paths
from enas_viz.view.assets import module, shipped
from enas_viz.view.sharing import Sharing
from enas_viz.view.sharing_svg import grown, short_count

MACRO = with_counts(made_up_trace(5, epochs=4, per_epoch=10))
MICRO = with_counts(made_up_micro_trace(3, epochs=4, per_epoch=10))
INPUT = {  # where skips are the input
    wiring: with_counts(
        made_up_trace(5, epochs=4, per_epoch=10, merge="input", order="skips-first", wiring=wiring)
    )
    for wiring in ("layer", "code")
}
BOTH = pytest.mark.parametrize("trace", [MACRO, MICRO], ids=["macro", "micro"])
ALL = pytest.mark.parametrize(
    "trace", [MACRO, MICRO, *INPUT.values()], ids=["macro", "micro", *INPUT]
)


@BOTH
def test_it_opens_at_the_end_with_the_best_network_lit(trace):
    shown = ev.SharedWeights(trace)

    assert (shown.at, shown.child) == (4, "")
    assert shown.lit == trace.best.architecture
    assert shown.minibatches == 32
    assert shown.exact


def test_a_moment_and_a_network_of_ones_own_are_taken():
    mine = trace_child(MACRO)
    shown = ev.SharedWeights(MACRO, at=1, child=mine)

    assert shown.lit == mine
    assert shown.minibatches == 8
    assert shown.of(mine) == shown.of(mine.flat)
    assert next(iter(shown.of(mine))).endswith("of layer 1")
    assert "a network of your own choice" in shown.drawing().svg
    shown.at = 99
    assert shown.at == 4


def trace_child(trace):
    taken = {episode.architecture for episode in trace.episodes}
    space = trace.space
    made = space.architecture([0] * 5, [(0,) * k for k in range(5)])
    assert made not in taken
    return made


def test_what_it_does_not_know_is_refused_in_words():
    with pytest.raises(TypeError, match="a Trace or its file; got 3"):
        ev.SharedWeights(3)
    with pytest.raises(ValueError, match=r"at is a number of epochs, from 0 .* to 4; got 5"):
        ev.SharedWeights(MACRO, at=5)
    with pytest.raises(ValueError, match="these weights are shared in"):
        ev.SharedWeights(MACRO, child="enas-micro")
    with pytest.raises(ValueError, match="says of no epoch what it trained"):
        ev.SharedWeights("article-macro")


@BOTH
def test_a_page_shows_it_without_a_kernel(trace, tmp_path):
    page = ev.save(ev.SharedWeights(trace, at=2), tmp_path / "x.html").read_text(encoding="utf-8")

    assert '"at":2' in page
    assert "https://" not in page
    assert len(page) < 250_000


@BOTH
def test_viewers_without_widgets_get_a_still_that_says_so(trace):
    data, _ = ev.SharedWeights(trace)._repr_mimebundle_()

    assert data["image/png"]
    assert (
        "A still picture. Run this cell"
        in ev.SharedWeights(trace)._still(4, "A still picture. Run this cell").svg
    )


def test_a_still_can_be_saved_at_another_moment(tmp_path):
    shown = ev.SharedWeights(MACRO)

    svg = ev.save(shown, tmp_path / "x.svg", at=1).read_text(encoding="utf-8")

    assert "After epoch 1 of 4" in svg
    assert "After epoch 4 of 4" in shown.drawing().svg


@pytest.mark.parametrize("name", ["macro-tiny", "macro-cifar10-cpu", "micro-cifar10-cpu"])
def test_the_searches_that_ship_are_shown_in_pages_of_bearable_size(name):
    page = ev.SharedWeights(name).html()

    assert len(page) < 350_000


def test_the_module_holds_what_it_imports_and_no_name_that_anywidget_would_mistake():
    text = module("shared_weights.js")

    assert "\nimport " not in text
    assert text.rstrip().endswith("export default { render };")
    assert "export function render" not in text
    assert len(shipped("shared_weights.js") + shipped("shared_weights.css")) < 40_000  # its part


@ALL
def test_the_browser_says_what_python_says(trace, tmp_path):
    sharing = Sharing(trace)
    given = {
        "facts": sharing.picture(),
        "told": sharing.told(),
        "digits": sharing.digits(trace.last.architecture),
    }
    expression = """given.told.map((moment, at) => {
      const { facts, told, digits } = given, places = m.placesOf(facts);
      const counts = m.totals(told)[at];
      return [m.headline(facts, moment), counts, ["", digits].map((child) => {
        const found = m.lit(facts, told, at, child);
        const said = m.sentences(facts, places, moment, counts, found);
        return [found.who, m.pathsOf(facts, found.digits), said];
      })];
    })"""

    for at, (head, counts, networks) in enumerate(
        run_module(expression, given, tmp_path, "shared_weights.js")
    ):
        assert head == sharing.headline(at)
        assert tuple(counts) == sharing.moments[at].counts
        for digits, (who, taken, said) in zip(["", given["digits"]], networks, strict=True):
            architecture, called = sharing.shown(at, digits)
            assert who == called
            expected = paths(architecture, sharing.merge)
            assert sorted(taken["ops"] + taken["skips"]) == sorted(expected)
            assert said == sharing.sentences(at, architecture, called)


@BOTH
def test_choosing_a_path_lights_a_network_that_takes_it(trace, tmp_path):
    sharing = Sharing(trace)
    digits = sharing.digits(trace.best.architecture)
    given = {"facts": sharing.picture(), "digits": digits}
    expression = "m.placesOf(given.facts).map((p) => m.choosing(given.facts, given.digits, p))"

    before = set(paths(trace.best.architecture))
    for path, found in enumerate(run_module(expression, given, tmp_path, "shared_weights.js")):
        taken = set(paths(sharing.architecture(found)))
        assert path in taken
        assert len(taken - before) <= 1  # one choice more at most, the others as they were


@pytest.mark.parametrize("wiring", INPUT)
def test_choosing_an_operation_that_nothing_reads_makes_the_last_layer_read_it(wiring, tmp_path):
    sharing = Sharing(INPUT[wiring])
    given = {
        "facts": sharing.picture(),
        "digits": [sharing.digits(e.architecture) for e in INPUT[wiring].episodes[:5]],
    }
    expression = """given.digits.map((d) =>
      m.placesOf(given.facts).map((p) => m.choosing(given.facts, d, p)))"""

    for several in run_module(expression, given, tmp_path, "shared_weights.js"):
        for path, found in enumerate(several):
            assert path in paths(sharing.architecture(found), "input")


def test_sizes_and_numbers_are_the_same_in_the_browser(tmp_path):
    cases = [(0, 0, 9), (1, 2, 9), (5, 8, 8), (999.5, 2000, 4000), (12_345.6, 13_000, 20_000)]

    found = run_module(
        "given.map(([n, a, b]) => [m.grown(n, a, b), m.shortCount(n)])",
        cases,
        tmp_path,
        "shared_weights.js",
    )

    for case, (strength, text) in zip(cases, found, strict=True):
        assert strength == pytest.approx(grown(*case))
        assert text == short_count(case[0])


def test_arrow_keys_go_to_the_nearest_neighbour_and_stop_at_the_edge(tmp_path):
    grid = [{"x": x, "y": y} for x in (0, 10, 20) for y in (0, 10)]
    expression = """[[1, 0], [0, 1], [-1, 0], [0, -1]].map((d) => m.neighbour(given, 2, d))"""

    assert run_module(expression, grid, tmp_path, "shared_weights.js") == [4, 3, 0, 2]
