"""The shared weights of a search, seen: what each of them was trained on, and who inherits it.

Not here: counting (`inheritance`), words and pictures (`view.sharing`), drawing in the
browser (`static/shared_weights.js`).
"""

from __future__ import annotations

from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.records.trace import Trace, load_trace
from enas_viz.spaces import Architecture
from enas_viz.view.assets import look, module
from enas_viz.view.export import Drawing, page
from enas_viz.view.scene import subject
from enas_viz.view.sharing import Sharing
from enas_viz.widgets.base import Refused, Whole, Widget

HINT = "A still picture. Run this cell, in JupyterLab or on Binder, to go through the training."


class SharedWeights(Widget):
    """Shows a supernet with every path, each as strong as it was trained, and one network in it.

        ev.SharedWeights(ev.load_trace("macro-tiny"))
        ev.SharedWeights(trace, at=1, child=mine)   # after the first epoch; an architecture of mine

    x: a recorded search, or its file or name. at: after how many epochs to look, by default all; 0
    is before the first. child: the network that is lit, in any form that `ev.draw` takes; by
    default the best sample so far. `of(...)` says in numbers what a network inherits.
    Raises ValueError for a trace that says nothing of its training, an `at` beyond its epochs, and
    a child of another space; TypeError for what is no trace.

    An epoch records what it trained; of older traces, which did not, the counts are estimated from
    the samples, and the picture says so.
    All state is in traits, so it survives in saved notebooks: `at` (the number of the moment, from
    0, clamped), `child` (the lit network in digits; empty: the best so far).
    """

    _esm = module("shared_weights.js")
    _css = look("shared_weights")
    height = 760  # pixels of a frame around its page
    picture = traitlets.Dict().tag(sync=True, told=True)
    told = traitlets.List().tag(sync=True, told=True)
    at = Whole(0).tag(sync=True)
    child = traitlets.Unicode("").tag(sync=True)

    def __init__(self, x: Any, *, at: int | None = None, child: Any = None) -> None:
        if isinstance(x, str | Path):
            x = load_trace(x)
        if not isinstance(x, Trace):
            raise TypeError(
                f"shared weights are shown of a recorded search, a Trace or its file; got "
                f"{shortened(x)}"
            )
        self._sharing = Sharing(x)
        moment = self._sharing.index(at)
        lit = "" if child is None else self._sharing.digits(self._own(child))
        super().__init__(picture=self._sharing.picture(), told=self._sharing.told(), child=lit)
        self.at = moment

    def _own(self, child: Any) -> Architecture:
        found = subject(child)
        architecture = found if isinstance(found, Architecture) else found.architecture
        if architecture.space != self._sharing.space:
            raise ValueError(
                f"the child is an architecture of {architecture.space}; these weights are shared "
                f"in {self._sharing.space}"
            )
        return architecture

    @traitlets.validate("at")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self._sharing.moments) - 1))

    @traitlets.validate("child")
    def _known(self, proposal: Any) -> str:
        digits = proposal["value"]
        try:
            return digits and self._sharing.digits(self._sharing.architecture(digits))
        except ValueError as error:
            raise Refused(
                f"child must be the digits of an architecture of {self._sharing.space.kind} kind "
                f"({error}); got {shortened(digits)}"
            ) from None

    # ---- what it holds

    @property
    def exact(self) -> bool:
        """Whether the trace recorded all counts; else some are estimated from its samples."""
        return self._sharing.exact

    @property
    def minibatches(self) -> float:
        """How many there were up to the moment that is shown."""
        return self._sharing.moments[self.at].now

    def of(self, child: Any) -> dict[str, float]:
        """How many minibatches trained each operation of a network, up to the moment shown.

        By what the operation is called, "conv 3×3 of layer 1"; operations without weights are left
        out. ValueError for a network of another space.
        """
        return self._sharing.inherited(self.at, self._own(child))

    @property
    def lit(self) -> Architecture | None:
        """The network that is lit; None while there is neither a sample nor a choice."""
        return self._sharing.shown(self.at, self.child)[0]

    # ---- files and pages

    def drawing(self, at: int | None = None) -> Drawing:
        """A still: the moment that is shown, or the one after `at` epochs."""
        return self._still(self.at if at is None else self._sharing.index(at))

    def _still(self, moment: int, hint: str = "") -> Drawing:
        architecture, who = self._sharing.shown(moment, self.child)
        return Drawing(self._sharing.still(moment, architecture, who, hint))

    def html(self) -> str:
        """One complete page that shows this as it stands; it needs no kernel and no network."""
        state = {name: getattr(self, name) for name in ("picture", "told", "at", "child")}
        return page(
            state, self.drawing(), "shared_weights", "What a supernet's weights were trained on"
        )

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self._still(self.at, HINT)
