"""Exercises and guesses that are clicked, and say at once what they make of an answer.

Not here: what is asked and what is right (`questions`, `exercises`); showing it
(`static/exercise.js`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.course.exercises import EXERCISES, Verdict, check_name
from enas_viz.course.questions import (
    CASES,
    QUESTIONS,
    accepted,
    choices,
    kind_of,
    sentence,
    subsets,
    told_answer,
    typed,
    way,
)
from enas_viz.spaces import Architecture
from enas_viz.view.assets import look, module
from enas_viz.view.export import Drawing, page
from enas_viz.view.shapes import standalone, wrap
from enas_viz.widgets.base import Refused, Widget

STATE = ("kind", "question", "choices", "verdicts", "way", "answer", "tried", "hinted", "shown")
MOST_TRIED, LONGEST = 50, 400  # answers that are kept, and letters of one that is typed
MOST_ASKED = 600  # letters of a guess's texts
WIDTH, LINE = 760, 21  # pixels of a still, and of a line in it


class _Asked(Widget):
    """A question, what can be answered, and what is said of each answer."""

    _esm = module("exercise.js")
    _css = look("exercise")
    height = 240  # pixels of a frame around its page
    kind = traitlets.Unicode().tag(sync=True, told=True)
    question = traitlets.Unicode().tag(sync=True, told=True)
    choices = traitlets.List().tag(sync=True, told=True)
    # of an answer [mark, what is said]; answers are places of choices, letters or lists of numbers
    verdicts = traitlets.Dict().tag(sync=True, told=True)
    way = traitlets.Unicode().tag(sync=True, told=True)
    answer = traitlets.Unicode().tag(sync=True, told=True)
    tried = traitlets.List().tag(sync=True)  # different answers, the present one last
    hinted = traitlets.Bool(False).tag(sync=True)
    shown = traitlets.Bool(False).tag(sync=True)

    @traitlets.validate("tried")
    def _answers(self, proposal: Any) -> list[str]:
        tried = proposal["value"]
        if (
            len(tried) > MOST_TRIED
            or not all(isinstance(one, str) and 0 < len(one) <= LONGEST for one in tried)
            or len(set(tried)) < len(tried)
        ):
            raise Refused(f"tried must be a list of different answers; got {shortened(tried)}")
        known = tried if self.kind in ("list", "network") else self.verdicts
        if wrong := [one for one in tried if one not in known]:
            raise Refused(f"tried must be answers of this question; got {shortened(wrong[0])}")
        return tried

    @traitlets.validate("hinted", "shown")
    def _truth(self, proposal: Any) -> bool:
        if not isinstance(proposal["value"], bool):
            raise Refused(f"{proposal['trait'].name} must be True or False")
        return proposal["value"]

    # ---- where nothing can be clicked

    def _words(self) -> tuple[str, list[str], str]:
        """The question, the choices, and how to answer where nothing can be clicked."""
        raise NotImplementedError

    def drawing(self) -> Drawing:
        """A still of the question and its choices."""
        question, offered, how = self._words()
        rows = [("body strong", line) for line in wrap(question, WIDTH - 40, 14)]
        rows += [
            ("body", f"{'○ ' if k == 0 else '   '}{line}")
            for one in offered
            for k, line in enumerate(wrap(one, WIDTH - 60, 14))
        ]
        rows += [("small", line) for line in wrap(how, WIDTH - 40, 11)]
        parts = "".join(
            f'<text class="start {look_of}" x="20" y="{LINE * k + 30}">{escape(line)}</text>'
            for k, (look_of, line) in enumerate(rows)
        )
        said = " ".join([question, "; ".join(offered), how])
        svg = standalone(parts, WIDTH, LINE * len(rows) + 34, said)
        return Drawing(svg.replace("<title>A network that a controller built<", "<title>Question<"))

    def html(self) -> str:
        """One complete page that answers clicks without a kernel and without a network."""
        state = {name: getattr(self, name) for name in STATE}
        title = "A guess" if self.kind == "guess" else "An exercise"
        return page(state, self._as_html(), "exercise", title)

    def _as_html(self) -> str:
        question, offered, how = self._words()
        items = "".join(f"<li>{escape(one)}</li>" for one in offered)
        listed = f"<ul>{items}</ul>" if items else ""
        below = f"<p><small>{escape(how)}</small></p>"
        return f"<div><p><b>{escape(question)}</b></p>{listed}{below}</div>"

    def _as_text(self) -> str:
        question, offered, how = self._words()
        return "\n".join([question, *(f"  ○ {one}" for one in offered), how])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget; and for viewers that show none (GitHub, nbconvert) the question in words."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        words = {"text/html": self._as_html(), "text/plain": self._as_text()}
        return {**data, **words}, metadata


class Exercise(_Asked):
    """An exercise to click: choices, hints that say more with each wrong answer, the answer.

        ev.Exercise("standard-error")
        ev.Exercise("design-short", editor)  # checks the network that the editor holds

    name: of an exercise of `ev.check`, which takes typed answers to the same questions. editor: for
    exercises that ask for a network, the `ev.Editor` in which it is designed, or anything else
    with an `architecture`. Choices and what is said of them are computed, and are part of a page,
    so that most exercises work without a kernel; a network is checked by the kernel.

    `solved` and `tries` say how it went. All state is in traits, so it survives in saved notebooks:
    `tried` (the different answers, the present one last), `hinted` and `shown` (whether the reader
    asked for the hint, and for the answer). Raises ValueError, with the names, for an unknown
    exercise, and where an editor is missing or not wanted; TypeError for what is no editor.
    """

    def __init__(self, name: str, editor: Any = None) -> None:
        check_name(name)
        kind = kind_of(name)
        _check_editor(name, kind, editor)
        self.name, self.editor = name, editor
        found = choices(name)
        verdicts = {str(k): one.verdict for k, one in enumerate(found)}
        if kind == "several":
            verdicts = subsets(name)
        elif kind == "list":
            verdicts = accepted(name)
        super().__init__(
            kind=kind,
            question=QUESTIONS[name],
            choices=list(CASES.values()) if kind == "several" else [one.label for one in found],
            verdicts={key: _told(verdict) for key, verdict in verdicts.items()},
            way=way(name),
            answer=told_answer(name),
        )
        self.on_msg(self._heard)

    @property
    def solved(self) -> bool:
        """Whether a right answer was given."""
        return any(self._is_right(one) for one in self.tried)

    @property
    def tries(self) -> int:
        """How many different answers were given."""
        return len(self.tried)

    def _is_right(self, answer: str) -> bool:
        return self.verdicts.get(answer, [""])[0] == "✓"

    @traitlets.observe("tried")
    def _judge(self, _: Any) -> None:
        """Says of a typed list what a page cannot know."""
        new = [one for one in self.tried if one not in self.verdicts]
        if self.kind == "list" and new:
            said = {one: _told(EXERCISES[self.name](typed(one))) for one in new}
            self.verdicts = {**self.verdicts, **said}

    def _heard(self, widget: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("ask") == "check" and self.editor is not None:
            self.check()
            self.send({"checked": True})

    def check(self) -> Verdict:
        """What is said of the network that the editor holds now; it joins `tried`.

        Raises ValueError for an exercise that has no editor.
        """
        if self.editor is None:
            raise ValueError(f"{self.name!r} has no editor to look at; click or type an answer")
        verdict = EXERCISES[self.name](self.editor.architecture)
        flat = str(self.editor.architecture.flat)[:LONGEST]
        self.verdicts = {**self.verdicts, flat: _told(verdict)}
        self.tried = [*(one for one in self.tried if one != flat), flat][-MOST_TRIED:]
        return verdict

    def _words(self) -> tuple[str, list[str], str]:
        offered: list[str] = self.choices
        if self.kind == "several":
            offered = [f"{letter}: {case}" for letter, case in CASES.items()]
        answer = "editor.architecture" if self.kind == "network" else "your answer"
        how = (
            "To answer, run this cell, in JupyterLab or on Binder; or type "
            f'ev.check("{self.name}", {answer}).'
        )
        return f"Exercise. {self.question}", offered, how


class Guess(_Asked):
    """A guess to click before its result is seen; nothing is right or wrong.

        ev.Guess("Will the reward rise?", ["yes", "no"])
        ev.Guess("Steadily or suddenly?", ["steadily", "suddenly"], then="Press play.")

    question: in a sentence. choices: two to four different ones, as texts or numbers. then: what is
    said after a click, by default to run the next cell. `guessed` is the choice that was clicked,
    None before. Raises ValueError or TypeError for other questions and choices.
    """

    def __init__(
        self, question: str, choices: Sequence[str], then: str = "Run the next cell to see."
    ) -> None:
        _check_text("question", question)
        if not isinstance(then, str):
            raise TypeError(f"then must be a text; got {shortened(then)}")
        _check_text("then", then or "-")
        offered = _offered(choices)
        super().__init__(
            kind="guess",
            question=question.strip(),
            choices=offered,
            verdicts={
                str(k): ["", f"You guessed: {one}. {then}".strip()] for k, one in enumerate(offered)
            },
        )

    @property
    def guessed(self) -> str | None:
        """The choice that was clicked; None before."""
        return self.choices[int(self.tried[-1])] if self.tried else None

    def _words(self) -> tuple[str, list[str], str]:
        return f"Guess. {self.question}", self.choices, "Guess before you go on."


def _told(verdict: Verdict) -> list[str]:
    said = sentence(verdict.says)
    return ["✓" if verdict.right else "✗", said if said[-1:] in ".?!" else f"{said}."]


def _check_editor(name: str, kind: str, editor: Any) -> None:
    if kind != "network":
        if editor is not None:
            raise ValueError(
                f"the exercise {name!r} takes no editor: it is clicked or typed; "
                f"got {shortened(editor)}"
            )
        return
    if editor is None:
        raise ValueError(
            f"the exercise {name!r} needs the editor whose network it checks: "
            f'ev.Exercise("{name}", editor)'
        )
    if isinstance(editor, type) or not isinstance(
        getattr(editor, "architecture", None), Architecture
    ):
        raise TypeError(
            "editor must be an ev.Editor, or something else with an architecture; "
            f"got {shortened(editor)}"
        )


def _check_text(what: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a text; got {shortened(text)}")
    if not text.strip() or len(text) > MOST_ASKED:
        raise ValueError(f"{what} must have 1 to {MOST_ASKED} letters; got {shortened(text)}")


def _offered(choices: Any) -> list[str]:
    if not isinstance(choices, list | tuple):
        raise TypeError(f"choices must be a list of 2 to 4 texts; got {shortened(choices)}")
    for one in choices:
        if not isinstance(one, str | int | float) or isinstance(one, bool):
            raise TypeError(f"choices must be texts or numbers; got {shortened(one)}")
    offered = [str(one).strip() for one in choices]
    if not 2 <= len(offered) <= 4 or len(set(offered)) < len(offered) or "" in offered:
        raise ValueError(f"choices must be 2 to 4 different texts; got {shortened(choices)}")
    for one in offered:
        _check_text("a choice", one)
    return offered
