"""What a stack is made of: its plan, its slabs, and where the axis is that they stand on.

Not here: which slabs a network has (`macro_stack`, `micro_stack`), the drawing (`stack`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from enas_viz.recipes import Fidelity
from enas_viz.records.trace import Episode
from enas_viz.spaces import Architecture

TALLEST, SHRINK = 132, 0.74  # height of a slab at full resolution, and after each halving
AXIS = 44 + TALLEST / 2


@dataclass(frozen=True)
class Plan:
    """What is stacked, and how large it is. source: where the sizes come from, for the reader;
    final: whether it is a network of its own, not one of a search; fidelity: of the recipe that
    sizes it, missing fields at their defaults; block: whether it is the article's block, of which
    no channels are known (0), nor pixels unless they are given."""

    shown: Architecture | Episode
    layers: int
    filters: int
    resolution: int
    auxiliary: bool
    channels: int
    classes: int
    source: str
    final: bool = False
    fidelity: Fidelity = field(default_factory=Fidelity)
    block: bool = False

    @property
    def architecture(self) -> Architecture:
        return self.shown if isinstance(self.shown, Architecture) else self.shown.architecture

    @property
    def drops_two_back(self) -> bool:
        """Whether a reduction cell leaves out the cell two back, as the authors' search does."""
        return not self.final and self.fidelity.micro_reduction_search == "fr_then_cell"

    @property
    def merge(self) -> str:
        """How a macro network merges its skips."""
        return self.fidelity.skip_merge(self.final)


@dataclass(frozen=True)
class Slab:
    """One layer or cell. kind: "op", "normal" or "reduction"; halvings: how often the image was
    halved in its output; cell: which of the two cells it is; op, skips: of a layer."""

    kind: str
    size: tuple[int, int, int]  # channels inside it, height and width of its output
    halvings: int
    op: str = ""
    skips: int = 0
    cell: int = -1

    @property
    def words(self) -> str:
        """Its size, as far as it is known."""
        channels, height, width = self.size
        if not height:
            return ("full size", "half size")[self.halvings]
        return f"{height}×{width}" + f"×{channels}" * bool(channels)
