"""The kinds of space that can be drawn; a new one needs an entry here and in `scene.SCENES`."""

from __future__ import annotations

from enas_viz.spaces import MacroSpace, MicroSpace, Space
from enas_viz.view.drawings import Drawings
from enas_viz.view.macro import MacroDrawings
from enas_viz.view.micro import MicroDrawings

KINDS: dict[str, type[Drawings]] = {MacroSpace.kind: MacroDrawings, MicroSpace.kind: MicroDrawings}


def of(space: Space) -> Drawings:
    """How a space is drawn."""
    return KINDS[space.kind](space)
