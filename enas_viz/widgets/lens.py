"""The lens: one step of the controller at a time, opened; and what other shaping would have done.

Not here: the numbers and the drawing (`view.step_closeup`); showing it (`static/lens.js`).
"""

from __future__ import annotations

from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.facts.limits import LEAST, MOST
from enas_viz.records.trace import Episode, Trace
from enas_viz.view.assets import look, module
from enas_viz.view.export import Drawing, page
from enas_viz.view.step_closeup import PLACES, Opened, opened, step_height, step_svg
from enas_viz.widgets.base import Number, Refused, Whole, Widget

HINT = "A still picture. Run this cell, in JupyterLab or on Binder, to go through every step."
STATE = ("sides", "places", "side", "step", "temperature", "constant")


class Lens(Widget):
    """Goes through the steps of an episode whose LSTM was recorded, each one opened.

        ev.Lens(ev.load_trace("controller-macro"))  # before and after a search, by a switch
        ev.Lens(search.dissect(controller))         # one episode
        ev.Lens({"as it is": one, "without anchors": another})

    x: an episode that kept what the LSTM held, a trace of some, or some by name; they are of one
    space. step: where to begin, from 0.
    Raises ValueError for episodes without these details, of different spaces, or none; TypeError
    for anything else.

    All state is in traits, so it survives in saved notebooks: `side` (which episode), `step`
    (both clamped), `temperature` and `constant` (what if logits were shaped by these; 0: as
    recorded).
    """

    _esm = module("lens.js")
    _css = look("lens")
    height = 700  # pixels of a frame around its page
    sides = traitlets.List().tag(sync=True, told=True)
    places = traitlets.Dict().tag(sync=True, told=True)
    side = Whole(0).tag(sync=True)
    step = Whole(0).tag(sync=True)
    temperature = Number(0.0).tag(sync=True)
    constant = Number(0.0).tag(sync=True)

    def __init__(self, x: Episode | Trace | dict[str, Episode], *, step: int = 0) -> None:
        self.episodes = _named(x)
        shapes = {(e.architecture.space, e.order) for e in self.episodes.values()}
        if len(shapes) != 1:
            raise ValueError("a lens shows episodes of one space, decided in one order")
        found = {
            name: [opened(e, k) for k in range(len(e.steps))] for name, e in self.episodes.items()
        }
        height = max(step_height(one) for steps in found.values() for one in steps)
        sides = [
            {"name": name, "steps": [_state(one, height) for one in steps]}
            for name, steps in found.items()
        ]
        super().__init__(sides=sides, places={k: list(v) for k, v in PLACES.items()})
        self.step = step

    @property
    def recorded(self) -> Episode:
        """The episode that is looked at."""
        return list(self.episodes.values())[self.side]

    @traitlets.validate("step")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.recorded.steps) - 1))

    @traitlets.validate("side")
    def _clamp_side(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.episodes) - 1))

    @traitlets.validate("temperature", "constant")
    def _shaping(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        if value and not LEAST <= value <= MOST:
            raise Refused(
                f"{name} must be 0 (as recorded) or from {LEAST:g} to {MOST:g}; got {value!r}"
            )
        return value

    def drawing(self, hint: str = "") -> Drawing:
        """A still of what is looked at; hint: a last line for the reader."""
        what_if = {"temperature": self.temperature or None, "constant": self.constant or None}
        return Drawing(step_svg(opened(self.recorded, self.step, **what_if), hint=hint))

    def html(self) -> str:
        """One complete page that goes through the steps without a kernel and without a network."""
        state = {name: getattr(self, name) for name in STATE}
        return page(state, self.drawing(), "lens", "A controller's steps, opened")

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self.drawing(HINT)


def _named(x: Any) -> dict[str, Episode]:
    """Episodes by name. ValueError when there is none that could be opened."""
    if isinstance(x, Episode):
        return {"": x}
    if isinstance(x, Trace):
        kept = [e for e in x.episodes if any(s.detail for s in e.steps)]
        notes = [e.note.rstrip(".") for e in kept]
        x = {
            note if note and notes.count(note) == 1 else f"{note} episode {k}".strip(): e
            for k, (note, e) in enumerate(zip(notes, kept, strict=True), 1)
        }
    if not isinstance(x, dict) or not all(isinstance(e, Episode) for e in x.values()):
        raise TypeError(
            "a lens shows an Episode, a Trace, or a dictionary of episodes by name, as "
            f"search.dissect(controller) makes one; got {shortened(x)}"
        )
    if not x:
        raise ValueError(
            "a lens shows episodes that kept the states of the LSTM; got none. "
            "ev.load_trace('controller-macro') has some, search.dissect(controller) makes one"
        )
    if len(set(map(str, x))) < len(x):
        raise ValueError(f"episodes must have different names; got {shortened(list(x))}")
    return {str(name): episode for name, episode in x.items()}


def _state(found: Opened, height: float) -> dict[str, Any]:
    """A step as the browser needs it: its drawing, and the numbers that a what-if starts from."""
    return {
        "svg": step_svg(found, alone=False, height=height),  # all alike, so that nothing jumps
        "kind": found.kind,
        "said": f"{found.count}: {found.question} {found.answer}",
        "temperature": found.temperature,
        "constant": found.constant,
        "rows": [
            {
                "label": row.bar.label,
                "raw": row.raw,
                "shift": row.shift,
                "draw": row.draw,
                "picked": row.bar.picked,
            }
            for row in found.rows
        ],
    }
