"""Inside a child network: feature maps of ten images, layer by layer, and what a change makes.

Not here: the numbers (`enas_viz/records/inside.py`, `search/inside.py`), the picture
(`view/child.py`), clicking and sliding (`static/child.js`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import traitlets

from enas_viz.records.inside import SHIPPED, Inside, Seen, load_inside, rewired, shipped_name
from enas_viz.view.assets import look, module
from enas_viz.view.child import child_svg, first_look, places, said, told
from enas_viz.view.export import Drawing, page
from enas_viz.view.scene import subject
from enas_viz.widgets.base import Refused, Whole, Widget

HINT = "A still picture. Run this cell, in JupyterLab or on Binder, to cut arcs and open layers."
STATE = ("picture", "image", "changes", "place", "at", "answer")
MOST_PLACES = 64 * 64  # of a window


class Child(Widget):
    """Shows what a network makes of an image in every layer, and what each change makes of that.

        ev.Child()                        # a recording that ships: the article's macro network
        ev.Child("micro")                 # inside one cell
        run = search.restore(folder)
        ev.Child(run)                     # live: any number of changes, by its supernet
        ev.Child(run, architecture, cell=3)

    x: a recording, by its name ("macro" or "child-macro", "micro" or "child-micro"), its file or as
    `ev.load_inside` reads it; or a trained search, or its folder, which needs torch (a folder that
    is called like a recording: "./macro"). architecture: of a search, the network to open; by
    default the most accurate of ten that its controller samples. cell: of a micro search which cell
    to open, from 1. image: which of the ten images, from 0.
    Raises ValueError for a network, a cell or an image that is not there, FileNotFoundError where
    there is no such recording, TypeError for what is neither a recording nor a search.

    Four channels of each tensor are shown, those of largest variance over the ten images, scaled
    each from its smallest to its largest value in the network as it is. Batch norm works as in the
    search's reward; where that is by the batch, a verdict depends on the rest of the minibatch,
    which a recording names.

    All state is in traits, so it survives in saved notebooks: `image`, `changes` (what is cut or
    replaced, see `inside.changes`), `place` (the operation that is opened), and `at` (how far its
    window has slid). `probabilities` and `verdict` are those of the image shown.
    """

    _esm = module("child.js")
    _css = look("child")
    height = 640  # pixels of a frame around its page
    picture = traitlets.Dict().tag(sync=True, told=True)
    answer = traitlets.Dict().tag(sync=True, told=True)
    image = Whole(0).tag(sync=True)
    changes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)
    at = Whole(0, min=0, max=MOST_PLACES).tag(sync=True)

    def __init__(
        self,
        x: Any = SHIPPED[0],
        architecture: Any = None,
        *,
        cell: int | None = None,
        image: int = 0,
    ) -> None:
        self._ask = None
        if isinstance(x, Inside) or (isinstance(x, str | Path) and not _is_run(x)):
            if architecture is not None or cell is not None:
                raise ValueError(
                    "a recording is of one network and one cell; architecture= and cell= go with a "
                    "search"
                )
            self.inside = x if isinstance(x, Inside) else load_inside(x)
        else:
            self._ask = _opened(x, architecture, cell)
            self.inside = self._ask.inside
        self._known: dict[tuple[str, ...], Seen] = {}
        self._places = places(self.inside)
        if type(image) is not int or not 0 <= image < len(self.inside.labels):
            raise ValueError(
                f"image is from 0 to {len(self.inside.labels) - 1}; got {shortened(image)}"
            )
        place, at = first_look(self.inside)
        super().__init__(
            picture=told(self.inside, self._ask is not None), image=image, place=place, at=at
        )

    # ---- what is looked at

    @property
    def seen(self) -> Seen:
        """What the present changes alter; without any, the network as it is."""
        return self._look(tuple(self.changes)) if self.changes else self.inside.base

    @property
    def probabilities(self) -> tuple[float, ...]:
        """(classes,): what the network says of the image that is shown."""
        return self.seen.probabilities[self.image]

    @property
    def verdict(self) -> str:
        """What the network says of the image that is shown, in words."""
        return " ".join(said(self.inside, self.image, self.changes, self.seen))

    def _look(self, changes: tuple[str, ...]) -> Seen:
        if len(changes) == 1 and changes[0] in self.inside.variants:
            return self.inside.variants[changes[0]]
        if changes not in self._known:
            self._known[changes] = self._ask(changes)
        return self._known[changes]

    @traitlets.validate("image")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.inside.labels) - 1))

    @traitlets.validate("place")
    def _there(self, proposal: Any) -> str:
        if proposal["value"] in self._places:
            return proposal["value"]
        raise Refused(
            f"place is one of {', '.join(self._places)}; got {shortened(proposal['value'])}"
        )

    @traitlets.validate("changes")
    def _possible(self, proposal: Any) -> list[str]:
        changes = list(proposal["value"])
        try:
            rewired(self.inside.architecture, changes, self.inside.kind)
        except ValueError as error:
            raise Refused(f"changes: {error}") from None
        if self._ask is None and len(changes) > 1:
            raise Refused(
                f"a recording holds one change at a time; got {len(changes)} changes. A search "
                f"makes any number: ev.Child(search.restore(folder))"
            )
        if self._ask is None and changes and changes[0] not in self.inside.variants:
            raise Refused(f"of all changes this recording does not hold {shortened(changes[0])}")
        return changes

    @traitlets.observe("changes")
    def _answered(self, _: Any) -> None:
        changes = tuple(self.changes)
        if self._ask is not None and changes:
            seen = self._look(changes)
            self.answer = {"changes": list(changes), "seen": seen.to_json(self.inside.levels)}

    # ---- files and pages

    def recording(self) -> Inside:
        """All that was looked at, as a recording. Of a search: with every single change, which may
        take a minute."""
        return self.inside if self._ask is None else self._ask.recorded()

    def drawing(self, hint: str = "") -> Drawing:
        """A still of the network on the image, after the changes; hint: a last line."""
        changed = self.seen if self.changes else None
        return Drawing(child_svg(self.inside, self.image, self.changes, changed, hint))

    def html(self) -> str:
        """One complete page that shows this; it needs no kernel and no network.

        Of a search it holds the single changes that were made so far.
        """
        single = {key[0]: seen for key, seen in self._known.items() if len(key) == 1}
        held = replace(self.inside, variants={**self.inside.variants, **single})
        state = {name: getattr(self, name) for name in STATE} | {"picture": told(held)}
        return page(state, self.drawing(), "child", "Inside a child network")

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self.drawing(HINT)


def _is_run(x: str | Path) -> bool:
    """Whether it is a folder, as a run has one; the names of recordings come first."""
    try:
        return not shipped_name(x) and Path(x).expanduser().is_dir()
    except (OSError, RuntimeError):  # a name that is too long, or of a user who is not there
        return False


def _opened(x: Any, architecture: Any, cell: int | None) -> Any:
    """A network of a search, opened: what answers to changes. Only here is torch needed."""
    if not isinstance(x, str | Path) and not hasattr(x, "net"):
        raise TypeError(
            "a child is looked into by a recording (a name, a file, ev.load_inside(...)) or by a "
            f"trained search, as search.restore(folder) gives it; got {shortened(x)}"
        )
    from enas_viz import search

    run = search.restore(x) if isinstance(x, str | Path) else x
    if architecture is not None:
        found = subject(architecture)
        architecture = getattr(found, "architecture", found)
    return search.look_inside(run, architecture, cell=cell)
