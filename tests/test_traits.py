"""The rule: what cannot be is refused by a widget, which then goes on as it was.

Values come from Python and, by the same traits, from a page: as JSON, where NaN is null.
"""

import json

import pytest

import enas_viz as ev
from enas_viz.records.trace import Trace
from enas_viz.widgets.base import Refused, Widget

NAN, INF = float("nan"), float("inf")
NO_NUMBERS = (None, "x", "3", [], {}, [3], True, NAN, INF, -INF, 1j)


def small() -> Trace:
    trace = ev.load_trace("macro-tiny")
    return Trace(trace.header, tuple(r for r in trace.records if r.epoch < 1))


WIDGETS = {
    "replay": lambda: ev.Replay(small().best),
    "film": lambda: ev.Replay(small()),
    "editor": lambda: ev.Editor(ev.MacroSpace(3)),
    "dashboard": lambda: ev.Dashboard(small()),
    "lens": lambda: ev.Lens(ev.load_trace("controller-macro").last),
    "exercise": lambda: ev.Exercise("top-probability"),
    "guess": lambda: ev.Guess("Will it rise?", ["yes", "no"]),
    "loop": lambda: ev.Loop("macro"),
    "microscope": lambda: ev.Microscope(),
    "child": lambda: ev.Child(),
    "shared weights": lambda: ev.SharedWeights(small()),
}
# widget, trait: values that cannot be, besides those of another kind
IMPOSSIBLE = {
    ("replay", "step"): (*NO_NUMBERS, 1.5),
    ("replay", "speed"): (*NO_NUMBERS, 0, -1, 1e9),
    ("replay", "temperature"): (*NO_NUMBERS, 0, -1, 1e-9),
    ("replay", "mine"): (None, "x", 3, [1], [[9]], [[0]] * 12, [["x"]] * 12, [None] * 12),
    ("replay", "playing"): (None, "x", [], 3),
    ("film", "moment"): (*NO_NUMBERS, 0.5),
    ("editor", "step"): (*NO_NUMBERS, 1.5),
    ("editor", "mine"): (None, 3, [[9]], [[0]] * 3, [[0]] * 600, [[0, 0, 0]] * 6),
    ("dashboard", "at"): NO_NUMBERS,
    ("dashboard", "opened"): ([0], [0, -5], [5, 0], [-1, 1], ["a", 1], [0, 1, 2], [0, None], "x"),
    ("lens", "step"): (*NO_NUMBERS, 1.5),
    ("lens", "side"): (*NO_NUMBERS, 0.5),
    ("lens", "temperature"): (*NO_NUMBERS, -1, 1e300, 1e-300),
    ("lens", "constant"): (*NO_NUMBERS, -1, 1e300),
    ("exercise", "tried"): (None, 3, "x", ["9"], [0], ["0", "0"], [None], ["x" * 500]),
    ("exercise", "hinted"): (None, "x", [], 3),
    ("exercise", "shown"): (None, "x", [], 3),
    ("guess", "tried"): (None, 3, ["2"], ["0", "0"], [[]]),
    ("loop", "turn"): (*NO_NUMBERS, 1.5),
    ("loop", "done"): (*NO_NUMBERS, 0.5),
    ("loop", "speed"): (*NO_NUMBERS, 0, -1, 1e9),
    ("loop", "playing"): (None, "x", [], 3),
    ("microscope", "samples"): (*NO_NUMBERS, 0, 1001, -1, 2.5, 10**400),
    ("microscope", "baseline"): (*NO_NUMBERS, 1e300, 10**400),
    ("microscope", "images"): (*NO_NUMBERS, 0, 11, 100.5),
    ("microscope", "entropy_weight"): (*NO_NUMBERS, -0.1, 1.1),
    ("microscope", "seed"): (*NO_NUMBERS, -1, 2**32, 0.5),
    ("microscope", "rule"): (None, 3, "x", []),
    ("child", "image"): (*NO_NUMBERS, 0.5),
    ("child", "changes"): (None, 3, "x", ["x"], [None], [3], ["cut:1-1", "cut:2-1"], ["cut:9-9"]),
    ("child", "place"): (None, 3, "x", "", "9", []),
    ("child", "at"): (*NO_NUMBERS, -1, 10**6, 0.5),
    ("shared weights", "at"): (*NO_NUMBERS, 0.5),
    ("shared weights", "child"): (None, 3, "x", "zz", "0" * 500, "-1", "é"),
}


def seen(widget: Widget) -> dict:
    """All that a page shows."""
    names = [
        k for k, t in widget.traits(sync=True).items() if t.this_class.__module__ >= "enas_viz"
    ]
    return {k: json.dumps(getattr(widget, k), default=str) for k in names if not k.startswith("_")}


@pytest.mark.parametrize("name", WIDGETS)
def test_a_page_that_sends_what_cannot_be_changes_nothing(name):
    widget = WIDGETS[name]()
    before = seen(widget)

    for trait, values in ((t, v) for (w, t), v in IMPOSSIBLE.items() if w == name):
        for value in values:
            with pytest.raises(Exception, match=trait) as caught:  # traitlets' own, or Refused
                widget.set_state({trait: value})
            assert isinstance(caught.value, ValueError | Refused.__base__), (trait, value)
            assert len(str(caught.value)) < 500
            assert seen(widget) == before, (trait, value)

    assert widget.drawing().svg.startswith("<svg")
    assert widget.html()


@pytest.mark.parametrize("name", WIDGETS)
def test_python_that_sets_what_cannot_be_changes_nothing(name):
    widget = WIDGETS[name]()
    before = seen(widget)

    for trait, values in ((t, v) for (w, t), v in IMPOSSIBLE.items() if w == name):
        for value in values:
            with pytest.raises(Refused.__base__):
                setattr(widget, trait, value)
            assert seen(widget) == before, (trait, value)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_page_cannot_set_what_only_python_sets(name):
    widget = WIDGETS[name]()
    before = seen(widget)
    told = list(widget.traits(told=True))

    for trait in told:
        for value in ([], {}, "", False, None, [{}], {"a": 1}):
            widget.set_state({trait: value})

    assert told
    assert seen(widget) == before


def test_one_impossible_value_among_several_changes_none_of_them():
    widget = WIDGETS["microscope"]()
    before = seen(widget)

    with pytest.raises(Refused):
        widget.set_state({"samples": 50, "baseline": None, "seed": 4})

    assert seen(widget) == before


def test_a_page_is_sent_what_is_so_where_it_sent_what_cannot_be(monkeypatch):
    widget = WIDGETS["replay"]()
    sent = []
    monkeypatch.setattr(widget, "send_state", sent.append)

    with pytest.raises(Refused):
        widget.set_state({"speed": None})
    widget.set_state({"scene": {}})

    assert sent == [["speed"], ["scene"]]


@pytest.mark.parametrize(("sent", "kept"), [(99, 11), (-3, 0), (4, 4)])
def test_a_step_out_of_range_becomes_the_nearest(sent, kept):
    widget = WIDGETS["replay"]()

    widget.set_state({"step": sent})

    assert widget.step == kept


def test_whole_numbers_of_numpy_are_whole_numbers():
    np = pytest.importorskip("numpy")
    widget = WIDGETS["replay"]()

    widget.step, widget.speed = np.int64(3), np.float32(2)

    assert (widget.step, type(widget.step)) == (3, int)
    assert (widget.speed, type(widget.speed)) == (2.0, float)


@pytest.mark.parametrize(
    "content",
    [None, 3, "x", [], {}, {"run": 7, "action": "stop"}, {"run": -1, "action": "stop"},
     {"run": "x"}, {"run": 0}, {"run": 0, "action": ["stop"]}, {"run": True, "action": "stop"},
     {"ask": "continue"}, {"ask": "continue", "step": None}, {"ask": ["x"]}, {"ask": None}],
)  # fmt: skip
def test_a_message_that_means_nothing_is_let_pass(content):
    for name in ("replay", "film", "editor", "dashboard", "loop"):
        widget = WIDGETS[name]()
        before = seen(widget)

        widget._handle_custom_msg(content, [])

        assert seen(widget) == before


def test_a_controller_that_fails_leaves_no_probabilities_of_other_choices():
    episode = small().best
    fails = []

    def controller(picks=(), seed=0):
        if fails:
            raise RuntimeError("the search was closed")
        return episode

    widget = ev.Replay(episode, controller)
    picks = [list(step.picks) for step in episode.steps]
    widget.mine = picks
    assert widget.answer
    fails.append(True)

    with pytest.raises(RuntimeError, match="was closed"):
        widget.mine = [[(picks[0][0] + 1) % 6], *picks[1:]]

    assert widget.answer == {}
    assert widget.drawing().svg


@pytest.mark.parametrize("score", [NAN, INF, -0.1, 1.1, 55, "good", None, [0.5]])
def test_a_score_that_is_no_accuracy_is_refused(score):
    editor = ev.Editor(ev.MacroSpace(2), score=lambda architecture: score)

    with pytest.raises(ValueError, match="from 0 to 1"):
        editor.score()

    assert editor.board == []
