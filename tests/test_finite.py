"""The rule: what leaves for a browser is strict JSON, so every number in it is finite.

A number that is not, as a search leaves that went astray, is shown as missing or refused.
"""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

import enas_viz as ev
from enas_viz.records.trace import Trace
from enas_viz.view.curves import series
from enas_viz.view.export import script_json
from enas_viz.view.gallery import gallery
from enas_viz.view.timeline import moments

NAN, INF = float("nan"), float("inf")
PACKAGE = Path(ev.__file__).parent


def strict(text: str):
    """JSON as browsers read it: without NaN and infinities."""

    def refused(constant: str):
        raise AssertionError(f"not JSON: {constant}")

    return json.loads(text, parse_constant=refused)


def states(page: str) -> list:
    """Every state that a page carries."""
    return [
        strict(part.partition("</script>")[0].partition(">")[2])
        for part in page.split('<script type="application/json"')[1:]
    ]


def small(name: str) -> Trace:
    """A recorded search with few of its records."""
    trace = ev.load_trace(name)
    return Trace(trace.header, tuple(r for r in trace.records if r.epoch < 2))


def astray() -> Trace:
    """A search of which some rewards, losses and logits are NaN or infinite."""
    trace = small("macro-tiny")
    made = []
    for k, record in enumerate(trace.records):
        if not hasattr(record, "accuracy"):
            made.append(replace(record, loss=NAN, valid_accuracy=INF, lr=-INF))
        elif k % 5 == 0:
            made.append(replace(record, accuracy=NAN, reward=NAN, baseline=INF))
        elif k % 5 == 1:
            steps = [
                replace(s, logits=tuple((NAN,) * len(r) for r in s.logits)) for s in record.steps
            ]
            made.append(replace(record, steps=tuple(steps), extra={"entropy": NAN}))
        elif k % 5 == 2:
            made.append(replace(record, reward=INF, baseline=NAN, advantage=-INF))
        else:
            made.append(record)
    return Trace(trace.header, tuple(made))


def test_every_json_that_the_package_writes_is_strict():
    loose = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in (
                "json.dumps",
                "json.dump",
            ):
                continue
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if given.get("allow_nan") != "False":
                loose.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")

    assert loose == []


@pytest.mark.parametrize("number", [NAN, INF, -INF])
def test_a_page_refuses_a_number_that_is_not_finite(number):
    with pytest.raises(ValueError):
        script_json({"deep": [{"inside": number}]})


@pytest.mark.parametrize(
    "make",
    [
        lambda: ev.Replay(ev.load_trace("article-macro").last),
        lambda: ev.Replay(small("macro-tiny")),
        lambda: ev.Replay("enas-micro"),
        lambda: ev.Editor(ev.MacroSpace(3)),
        lambda: ev.Editor(ev.MicroSpace(2), step=3),
        lambda: ev.Dashboard(small("micro-cifar10-cpu")),
        lambda: ev.Dashboard({"a": small("macro-tiny"), "b": astray()}),
        lambda: ev.Lens(ev.load_trace("controller-micro").last),
        lambda: ev.Exercise("baseline-factor"),
        lambda: ev.Guess("Will it rise?", ["yes", "no"]),
        lambda: ev.Microscope(baseline="best"),
        lambda: ev.Child("child-micro"),
        lambda: ev.SharedWeights(small("macro-tiny")),
        lambda: ev.Replay(astray()),
        lambda: ev.SharedWeights(astray()),
    ],
    ids=lambda make: "",
)
def test_pages_and_states_of_widgets_are_strict_json(make):
    widget = make()

    (state,) = states(widget.html())
    assert state
    traits = {k: getattr(widget, k) for k in widget.traits(sync=True) if not k.startswith("_")}
    strict(
        json.dumps({k: v for k, v in traits.items() if k not in ("layout", "comm")}, default=str)
    )
    assert "nan" not in widget.drawing().svg.lower().partition("</style>")[2]


def test_the_gallery_is_strict_json():
    found = states(gallery())

    assert len(found) > 4


def test_what_is_not_finite_is_missing_from_curves_and_films():
    trace = astray()

    found = series(trace)

    scored = [e for e in trace.episodes if e.is_scored]
    assert 0 < len(scored) < len(trace.episodes)
    assert len(found.accuracy) == len(scored)
    assert None in found.baseline
    assert trace.best.accuracy == max(e.accuracy for e in scored)
    assert all(e.accuracy == e.accuracy for e in moments(trace))
    assert "nan" not in ev.plot(trace).svg.lower().partition("</style>")[2]


@pytest.mark.parametrize("do", [ev.draw, ev.Replay, lambda e: ev.draw(e, step=1)])
def test_an_episode_whose_logits_are_not_finite_is_refused_in_words(do):
    wrong = next(
        e
        for e in astray().episodes
        if e.steps and e.steps[0].logits[0][0] != e.steps[0].logits[0][0]
    )

    with pytest.raises(ValueError, match="finite logits"):
        do(wrong)


def test_a_pick_whose_probability_underflows_is_shown_as_zero():
    """Its logarithm cannot be taken; nothing that is shown takes it."""
    trace = ev.load_trace("macro-tiny")
    first, *rest = trace.best.steps
    far = (first.picks[0], *(k for k in range(6) if k != first.picks[0]))
    row = tuple(-4e3 if k == far[0] else 4e3 for k in range(6))
    episode = replace(trace.best, steps=(replace(first, logits=(row,)), *rest))

    def controller(picks=(), seed=0):
        return episode

    editor = ev.Editor(episode.architecture, controller)

    assert "probability 0.00" in ev.draw(episode, step=0).svg
    assert ev.Replay(episode).html()
    (chances,) = [row for row in editor.facts if row[0] == "log-probability"]
    assert chances[1].startswith("-8")
