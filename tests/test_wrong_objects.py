"""The rule: whatever is handed to a public name, the answer is a result or one clear sentence.

That sentence comes as a ValueError, a TypeError or a FileNotFoundError (or a class of ours that is
one of these), says what was expected, and is short whatever came. It never comes from Python's
inside: no KeyError, no AttributeError, no "object is not iterable".
"""

import inspect
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import enas_viz as ev
from enas_viz.records.trace import Epoch, Header, Trace
from enas_viz.view.gallery import gallery, notebook_links

NAN = float("nan")
INSIDES = re.compile(
    r"object is not|has no attribute|unhashable|has no len|not subscriptable|not supported between|"
    r"must be real number|math domain|takes \d+ positional|unexpected keyword|cannot unpack|"
    r"missing \d+ required|Errno|not JSON compliant|_io\.|NoneType|trait of a"
)


class Strange:
    """Has no meaning for any of our names."""


@cache
def tiny() -> Trace:
    """A search of two epochs that kept little."""
    trace = ev.load_trace("macro-tiny")
    kept = [e for e in trace.records if e.epoch < 2]
    return Trace(trace.header, (*(e for e in kept if isinstance(e, Epoch)), trace.best))


@cache
def wrong() -> dict[str, object]:
    """Things that people hand over by mistake; to some names one or the other is right."""
    trace = tiny()
    return {
        "None": None,
        "a number": 3,
        "NaN": NAN,
        "infinity": float("inf"),
        "a truth value": True,
        "a complex number": 1j,
        "a word": "x",
        "an empty word": "",
        "a long word": "x" * 5000,
        "a word with a zero byte": "a\0b",
        "bytes": b"x",
        "an empty list": [],
        "an empty dictionary": {},
        "a dictionary of nothing": {"a": None},
        "a list of words": ["a", "b"],
        "a set": {1},
        "a function": lambda: 1,
        "a class": Strange,
        "a class of ours": ev.Replay,
        "an object": Strange(),
        "a module": inspect,
        "a path that leads nowhere": Path("no/such/thing"),
        "a folder": Path(__file__).parent,
        "a widget": ev.Replay(trace.best),
        "a drawing": ev.draw(trace.best.architecture),
        "a space": ev.MacroSpace(3),
        "a recipe": ev.recipe("micro-tiny"),
        "a header": trace.header,
        "an epoch": trace.epochs[0],
        "a step": trace.best.steps[0],
        "an architecture": trace.best.architecture,
        "an episode": trace.best,
        "an episode of NaN": replace(
            trace.best,
            steps=tuple(
                replace(s, logits=tuple((NAN,) * len(r) for r in s.logits))
                for s in trace.best.steps
            ),
        ),
        "a trace": trace,
        "a trace of nothing": Trace(trace.header),
        "a trace of another kind": ev.load_trace("article-micro"),
        "a list of traces": [trace],
        "a recorded search of cells": Trace(Header(ev.MicroSpace(2), "indices-first")),
    }


def opened():
    return ev.load_trace("controller-macro").last


CALLS = {
    "Architecture": (lambda x, _: ev.Architecture(x, ((0,),)), "MacroSpace|macro"),
    "Architecture content": (lambda x, _: ev.Architecture(ev.MacroSpace(2), x), "architecture"),
    "MacroSpace": (lambda x, _: ev.MacroSpace(x), "space"),
    "MacroSpace ops": (lambda x, _: ev.MacroSpace(2, x), "operation|space"),
    "MicroSpace": (lambda x, _: ev.MicroSpace(x), "cell"),
    "check": (lambda x, _: ev.check(x, 1), "exercise"),
    "operation": (lambda x, _: ev.operation(x), "operation"),
    "operation name": (lambda x, _: ev.operation(x, "conv", window=3), "name of the operation"),
    "operation family": (lambda x, _: ev.operation("own1x1", x), "family|unknown"),
    "operation window": (lambda x, _: ev.operation("own_window", "conv", window=x), "window"),
    "operation words": (
        lambda x, _: ev.operation("own_words", "own", words=x),
        "words|another operation",
    ),
    "decode ops": (lambda x, _: ev.decode([0, 1, 1], ops=x), "operation|space"),
    "decode": (lambda x, _: ev.decode(x), "list|genotype|architecture"),
    "draw": (lambda x, _: ev.draw(x), "rchitecture|list|trace|logits"),
    "draw colour": (lambda x, _: ev.draw(tiny().best, colour=x), "colour"),
    "draw level": (lambda x, _: ev.draw(tiny().best, level=x), "level"),
    "draw step": (lambda x, _: ev.draw(tiny().best, step=x), "step"),
    "draw hint": (lambda x, _: ev.draw(tiny().best, hint=x), "hint"),
    "draw reductions": (lambda x, _: ev.draw(tiny().best, reductions=x), "reductions"),
    "draw a network": (
        lambda x, _: ev.draw(x, level="network"),
        "rchitecture|list|trace|logits",
    ),
    "draw filters": (lambda x, _: ev.draw("enas-macro", level="network", filters=x), "filters"),
    "draw recipe": (lambda x, _: ev.draw("enas-macro", level="network", recipe=x), "recipe"),
    "draw_layer": (lambda x, _: ev.draw_layer(x, 2), "rchitecture|list|trace|logits|macro"),
    "draw_layer layer": (lambda x, _: ev.draw_layer("article-macro", x), "layer"),
    "draw_layer source": (lambda x, _: ev.draw_layer("article-macro", 2, x), "source"),
    "draw_scores": (lambda x, _: ev.draw_scores(x), "score|value"),
    "draw_scores value": (lambda x, _: ev.draw_scores({"a": x}), "value"),
    "draw_scores error": (lambda x, _: ev.draw_scores({"a": (1.0, x)}), "value"),
    "draw_scores what": (lambda x, _: ev.draw_scores({"a": (1.0, 0.1)}, x), "title"),
    "draw_step": (lambda x, _: ev.draw_step(x), "pisode"),
    "draw_step step": (lambda x, _: ev.draw_step(opened(), x), "step"),
    "draw_step temperature": (lambda x, _: ev.draw_step(opened(), temperature=x), "temperature"),
    "Child": (lambda x, _: ev.Child(x), "recording|run"),
    "Child architecture": (lambda x, _: ev.Child("child-macro", x), "recording"),
    "Child cell": (lambda x, _: ev.Child("child-micro", cell=x), "recording"),
    "Child image": (lambda x, _: ev.Child(image=x), "image"),
    "Dashboard": (lambda x, _: ev.Dashboard(x), "run|trace|dashboard"),
    "Dashboard of several": (lambda x, _: ev.Dashboard({"a": x}), "run|trace"),
    "Editor": (lambda x, _: ev.Editor(x), "rchitecture|list|trace|logits"),
    "Editor controller": (lambda x, _: ev.Editor(ev.MacroSpace(2), x), "controller|rchitecture"),
    "Editor score": (lambda x, _: ev.Editor(ev.MacroSpace(2), score=x), "score"),
    "Editor recipe": (lambda x, _: ev.Editor(ev.MacroSpace(2), recipe=x), "recipe"),
    "Editor step": (lambda x, _: ev.Editor(ev.MacroSpace(2), step=x), "step"),
    "Exercise": (lambda x, _: ev.Exercise(x), "exercise"),
    "Exercise editor": (lambda x, _: ev.Exercise("design-near", x), "editor"),
    "Guess": (lambda x, _: ev.Guess(x, ["yes", "no"]), "question"),
    "Guess choices": (lambda x, _: ev.Guess("Will it?", x), "choice"),
    "Guess then": (lambda x, _: ev.Guess("Will it?", ["yes", "no"], x), "then"),
    "Lens": (lambda x, _: ev.Lens(x), "lens|pisode"),
    "Lens step": (lambda x, _: ev.Lens(opened(), step=x), "step"),
    "load_inside": (lambda x, _: ev.load_inside(x), "recording"),
    "Loop": (lambda x, _: ev.Loop(x), "loop|turns"),
    "Loop turn": (lambda x, _: ev.Loop("macro", turn=x), "turn"),
    "Loop speed": (lambda x, _: ev.Loop("macro", speed=x), "speed"),
    "load_policy": (lambda x, _: ev.load_policy(x), "policy"),
    "load_specimen": (lambda x, _: ev.load_specimen(x), "specimen"),
    "load_trace": (lambda x, _: ev.load_trace(x), "trace"),
    "Microscope": (lambda x, _: ev.Microscope(x), "specimen"),
    "Microscope samples": (lambda x, _: ev.Microscope(samples=x), "samples"),
    "Microscope baseline": (lambda x, _: ev.Microscope(baseline=x), "baseline"),
    "Microscope images": (lambda x, _: ev.Microscope(images=x), "images"),
    "Microscope weight": (lambda x, _: ev.Microscope(entropy_weight=x), "entropy_weight"),
    "Microscope seed": (lambda x, _: ev.Microscope(seed=x), "seed"),
    "plot": (lambda x, _: ev.plot(x), "Trace|trace"),
    "reach": (lambda x, _: ev.reach(x), "recipe"),
    "recipe": (lambda x, _: ev.recipe(x), "recipe"),
    "record": (lambda x, folder: list(ev.record(x, folder / "t.jsonl")), "search"),
    "record path": (lambda x, _: list(ev.record(5, x)), "record"),
    "Replay": (lambda x, _: ev.Replay(x), "rchitecture|list|trace|logits|episode"),
    "Replay controller": (lambda x, _: ev.Replay(tiny().best, x), "controller|rchitecture"),
    "Replay step": (lambda x, _: ev.Replay(tiny().best, step=x), "step"),
    "Replay speed": (lambda x, _: ev.Replay(tiny().best, speed=x), "speed"),
    "Replay moments": (lambda x, _: ev.Replay(tiny(), moments=x), "moments"),
    "save": (lambda x, folder: ev.save(x, folder / "x.svg"), "rchitecture|list|trace|logits"),
    "save a page": (lambda x, folder: ev.save(x, folder / "x.html"), "rchitecture|list|trace|logi"),
    "save a film": (
        lambda x, folder: ev.save(x, folder / "x.gif", seconds=0),
        "rchitecture|list|trace|logits|steps|seconds|animation|sampled",
    ),
    "save path": (lambda x, _: ev.save(tiny().best, x), "saved as|path"),
    "SharedWeights": (lambda x, _: ev.SharedWeights(x), "trace|Trace"),
    "SharedWeights at": (lambda x, _: ev.SharedWeights(tiny(), at=x), "epochs"),
    "SharedWeights child": (
        lambda x, _: ev.SharedWeights(tiny(), child=x),
        "rchitecture|list|trace|logits",
    ),
    "watch": (lambda x, _: ev.watch(x), "records"),
    "gallery": (lambda x, _: gallery(x) if x != [] else None, "links"),
    "notebook_links": (
        lambda x, folder: notebook_links(folder, folder, x) if x is not None else None,
        "OWNER/NAME",
    ),
}


def test_every_public_name_stands_in_the_table():
    assert {call.split()[0] for call in CALLS} >= set(ev.__all__)


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_object_is_answered_by_a_sentence_that_says_what_was_expected(call, tmp_path):
    do, expected = CALLS[call]
    refused = 0

    for number, (name, x) in enumerate(wrong().items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            do(x, folder)
        except (ValueError, TypeError, FileNotFoundError) as error:
            told = str(error)
        else:
            continue
        refused += 1
        assert re.search(expected, told), f"{name}: {told}"
        assert not INSIDES.search(told), f"{name}: {told}"
        assert len(told) < 700, f"{name}: {told[:200]}"

    assert refused > len(wrong()) / 3


def test_what_is_refused_leaves_no_file(tmp_path):
    for number, x in enumerate(wrong().values()):
        for ending in (".svg", ".png", ".html"):
            path = tmp_path / f"{number}{ending}"
            try:
                ev.save(x, path)
            except (ValueError, TypeError):
                assert not path.exists()


@pytest.mark.parametrize("name", ev.check.__globals__["EXERCISES"])
def test_an_exercise_answers_any_answer_with_a_verdict(name):
    for x in (*wrong().values(), 10**5000, -(10**400), [NAN], (True, False), [[]], ["up", NAN]):
        verdict = ev.check(name, x)

        assert isinstance(verdict.right, bool)
        assert len(repr(verdict)) < 500
