"""The loop: the whole method as one picture that a reader sets going, recorded or live.

Not here: what a turn holds (`turns`), the picture and its motions (`view.loop`), playing them
(`static/loop.js`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import traitlets

from enas_viz.records.turns import STAGES, Recording, Turn, load_turns
from enas_viz.view.assets import look, module
from enas_viz.view.export import Drawing, page
from enas_viz.view.loop import HEIGHT, WIDTH, Picture, liveliest, note_of, told_turn
from enas_viz.view.motion import rest_json
from enas_viz.view.shapes import svg
from enas_viz.widgets.base import Number, Whole, Widget

HINT = "A still picture. Run this cell, in JupyterLab or on Binder, to set the loop going."
LEAST, MOST = 0.25, 8.0  # of speed
KEPT = 5  # turns of a live loop
WORK = {  # what is said while a stage of a live loop is at work
    "sample": "sampling a child ...",
    "train": "training a minibatch ...",
    "reward": "measuring the reward ...",
    "update": "updating the controller ...",
}
STATE = (
    "markup",
    "common",
    "turns",
    "turn",
    "done",
    "playing",
    "speed",
    "plain",
    "busy",
    "problem",
    "note",
)


class Loop(Widget):
    """The loop of ENAS in one picture: sample, train a minibatch, reward, update.

        ev.Loop("macro")  # a recorded search for whole networks, on handwritten digits
        ev.Loop("micro")  # and one for cells
        ev.Loop(search.Turns("runs/mine"))  # live: each button runs the real thing
        ev.save(ev.Loop("macro"), "loop.html")

    x: a recording that ships, by name; a file that `turns.save_turns` wrote; a `Recording`; or
    `search.Turns` of a search, which then goes on in a thread, one stage for each button. turn:
    which of the recorded turns to begin with, from 0 (clamped); by default, of those whose ten
    images show right and wrong answers, the one whose update moves the controller most. speed: 1 as
    designed, 2 twice as fast.
    Raises ValueError for a file that holds no turns, and for a space that is too large for the
    picture; FileNotFoundError where there is no file; TypeError for anything else.

    All state is in traits, so it survives in saved notebooks: `turn`, `done` (how many of its four
    stages are behind it), `playing` (everything, one after the other), `speed`, `plain` (as plain
    NAS would do it), `whole` (fills the window). `recording` holds the turns that are shown; of a
    live loop the last KEPT.
    """

    _esm = module("loop.js")
    _css = look("loop")
    height = 640  # pixels of a frame around its page
    markup = traitlets.Unicode().tag(sync=True, told=True)
    common = traitlets.List().tag(sync=True, told=True)
    turns = traitlets.List().tag(sync=True, told=True)
    turn = Whole(0).tag(sync=True)
    done = Whole(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    speed = Number(1.0, min=LEAST, max=MOST).tag(sync=True)
    plain = traitlets.Bool(False).tag(sync=True)
    whole = traitlets.Bool(False).tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True, told=True)
    busy = traitlets.Unicode("").tag(sync=True, told=True)
    problem = traitlets.Unicode("").tag(sync=True, told=True)
    note = traitlets.Unicode("").tag(sync=True, told=True)

    def __init__(self, x: Any = "macro", *, turn: int | None = None, speed: float = 1.0) -> None:
        for name, value in (("turn", turn or 0), ("speed", speed)):  # before anything is drawn
            getattr(type(self), name).validate(self, value)
        self._source = x if _is_live(x) else None
        self._thread: threading.Thread | None = None
        if self._source is None:
            self.recording = _recorded(x)
            self._picture = Picture(self.recording)
            shown = self.recording.turns
        else:
            self.recording = Recording(x.header, (), 0)
            self._picture = Picture(self.recording, tuple(x.counts), x.baseline)
            shown = (Turn(x.number + 1),)
        self._common = self._picture.rest(shown[0])
        super().__init__(
            markup=svg([self._picture.markup], WIDTH, HEIGHT),
            common=rest_json(self._common),
            turns=[told_turn(self._picture, turn, self._common) for turn in shown],
            speed=speed,
            live=self._source is not None,
            note=note_of(self.recording),
        )
        self.on_msg(self._heard)
        if turn is None and self._source is None:
            turn = liveliest(self.recording)
        self.turn = turn or 0

    # ---- a live loop

    def ask(self, stage: str) -> None:
        """Sets a live loop going: one of "sample", "train", "reward", "update", in this order.

        It works in a thread, so this returns at once; `wait()` waits for it. Nothing happens while
        another stage is at work. Raises ValueError for another stage, and where nothing is live.
        """
        if self._source is None:
            raise ValueError("this loop is recorded; ev.Loop(search.Turns(run)) makes a live one")
        if stage not in STAGES:
            raise ValueError(f"stage is one of {', '.join(STAGES)}; got {shortened(stage)}")
        if self._thread is not None and self._thread.is_alive():
            return
        self.problem, self.busy = "", WORK[stage]
        self._thread = threading.Thread(target=self._work, args=(stage,), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns when the stage at work is over. For scripts."""
        if self._thread is not None:
            self._thread.join()

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """A button of a live loop."""
        stage = content.get("ask") if isinstance(content, dict) else None
        if self._source is not None and isinstance(stage, str) and stage in STAGES:
            self.ask(stage)

    def _work(self, stage: str) -> None:
        counts, baseline = tuple(self._source.counts), self._source.baseline
        try:
            turn = getattr(self._source, stage)()
            if stage == "sample":  # what was so before the turn
                self._picture.counts_now, self._picture.baseline_now = counts, baseline
            self._show(turn)
        except Exception as error:  # it would be lost in the thread
            self.problem = f"{type(error).__name__}: {error}"
        finally:
            self.busy = ""

    def _show(self, turn: Turn) -> None:
        """Hands a turn that has come further on to the page, which then plays its last stage."""
        older = [t for t in self.recording.turns if t.number != turn.number]
        self.recording = replace(self.recording, turns=(*older, turn)[-KEPT:], planned=turn.number)
        told = [t for t in self.turns if t["number"] != turn.number and t["acts"]]
        told = [*told, told_turn(self._picture, turn, self._common)][-KEPT:]
        with self.hold_sync():
            self.turns = told
            self.turn, self.done = len(told) - 1, turn.stages - 1
        self.done = turn.stages

    @traitlets.validate("turn")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.turns) - 1))

    @traitlets.validate("done")
    def _clamp_done(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], 4))

    def drawing(self) -> Drawing:
        """A still of the picture as it stands."""
        return Drawing(self._picture.svg(self._state()))

    def _state(self) -> Any:
        if not self.recording.turns:  # a live loop that has not begun
            return self._common
        states = list(self._picture.states(self.recording.turns[self.turn]))
        return states[min(self.done, len(states) - 1)]

    def reel(self, tick: float, turns: int = 1) -> Iterator[Drawing]:
        """The frames of a film from the present turn on, one for every `tick` seconds of it.

        Raises ValueError for a count of turns below 1.
        """
        if type(turns) is not int or turns < 1:
            raise ValueError(f"turns must be an int of at least 1; got {shortened(turns)}")
        before = drawn = None
        for turn in self.recording.turns[self.turn : self.turn + turns]:
            for state in self._picture.frames(turn, tick, self.speed):
                if drawn is None or state != before:
                    before, drawn = state, Drawing(self._picture.svg(state))
                yield drawn

    def html(self) -> str:
        """One complete page that plays this without a kernel and without a network."""
        state = {name: getattr(self, name) for name in STATE} | {"whole": False, "live": False}
        return page(state, self.drawing(), "loop", "A search that learns by going around in a loop")


def _is_live(x: Any) -> bool:
    """Whether it is `search.Turns`, which this room does not know by name."""
    wanted = (*STAGES, "header", "counts", "number", "baseline")
    return not isinstance(x, type) and all(hasattr(x, name) for name in wanted)


def _recorded(x: Any) -> Recording:
    if isinstance(x, Recording):
        return x
    if isinstance(x, str | Path):
        return load_turns(x)
    raise TypeError(
        f"a loop shows recorded turns ('macro' or 'loop-macro', 'micro' or 'loop-micro', or a file "
        f"of them) or a live search, as search.Turns(run); got {shortened(x)}"
    )
