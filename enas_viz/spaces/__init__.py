"""Search spaces: which decisions ENAS makes, and what an architecture is.

A space is data. It holds no weights and draws nothing; the supernet, the child network and every
picture are built from a space plus the choices made in it. In which order a controller makes the
decisions is the controller's affair: `steps` lists them for the orders that exist, while an
`Architecture` keeps its content in one canonical order, so that two samplings of one network are
equal.

Not here: operations (`operations.py`), what every space answers (`architecture.py`).
"""

from __future__ import annotations

from enas_viz.spaces.architecture import (
    KINDS,
    MOST_LISTED,
    MOST_NUMBERS,
    Architecture,
    Content,
    Decision,
    Space,
    assemble,
    listed,
    space_from_json,
    whole_number,
)
from enas_viz.spaces.macro import MAX_LAYERS, WIRINGS, MacroSpace, Order, Wiring
from enas_viz.spaces.micro import CELLS, MAX_NODES, MicroSpace
from enas_viz.spaces.operations import MACRO_OPS, MICRO_OPS

__all__ = [
    "CELLS",
    "KINDS",
    "MACRO_OPS",
    "MAX_LAYERS",
    "MAX_NODES",
    "MICRO_OPS",
    "MOST_LISTED",
    "MOST_NUMBERS",
    "WIRINGS",
    "Architecture",
    "Content",
    "Decision",
    "MacroSpace",
    "MicroSpace",
    "Order",
    "Space",
    "Wiring",
    "assemble",
    "listed",
    "space_from_json",
    "whole_number",
]
