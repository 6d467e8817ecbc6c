"""What differs between kinds of space in drawings: painters, sizes of letters, words.

A kind of space has a subclass of `Drawings` (`macro`, `micro`), and `kinds.of(space)` makes one of
it. What is a fact about a space rather than about its drawings is asked of the space itself.

Not here: the drawings themselves; how an episode plays (`scene`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

from enas_viz.facts.anatomy import Anatomy
from enas_viz.spaces import Architecture, Decision, Space
from enas_viz.view.loop_nets import Net
from enas_viz.view.scene import Scene
from enas_viz.view.slabs import Plan


class Drawings(ABC):
    """How a space of one kind is drawn, and what is said of it.

    Modules with the same functions for each kind: painter, the network and the controller's strip
    (as `macro_svg`); stack, the whole network (as `macro_stack`); sharing, the shared weights (as
    `macro_sharing`); child, a network from inside (as `macro_child`). net: the supernet of a loop.

    has_cells: whether a network is a stack of cells that can be opened. still_width: the least
    width of a still with words in it.

    Of the stage (see `stage`): curves_width, the room of a film's curves; letters and labels, the
    largest letters that fit into the network's boxes and beside them, in its own units; least, the
    smallest scale at which the network is drawn, where these have 14 pixels; short, words that fit
    into boxes with letters of this size.

    Of the statistic `Space.wiring_statistic`: wiring, its name; wiring_title, over its plot;
    wiring_form, how a value is written; wiring_is_share, whether it is a share.

    Of a loop: beat, milliseconds of a decision; paths_in, whose paths a supernet has.

    tells_picked_entropy: whether a search of this kind may record the term of what was picked as
    the entropy (`fidelity.entropy` "sampled").
    """

    painter: ClassVar[ModuleType]
    stack: ClassVar[ModuleType]
    sharing: ClassVar[ModuleType]
    child: ClassVar[ModuleType]
    net: ClassVar[type[Net]]
    has_cells: ClassVar[bool]
    still_width: ClassVar[int]
    curves_width: ClassVar[int]
    letters: ClassVar[float]
    labels: ClassVar[float]
    least: ClassVar[float]
    short: ClassVar[Mapping[str, str]]
    wiring: ClassVar[str]
    wiring_title: ClassVar[str]
    wiring_form: ClassVar[str]
    wiring_is_share: ClassVar[bool]
    beat: ClassVar[int]
    paths_in: ClassVar[str]
    tells_picked_entropy: ClassVar[bool]

    def __init__(self, space: Space) -> None:
        self.space = space

    # ---- scenes and names

    @abstractmethod
    def scene_in(self, scene: Scene, plan: Plan) -> Scene:
        """The scene, with the wiring of the stacked network."""

    @abstractmethod
    def tint(self, at: str) -> str:
        """The class of the colour of a scene's layer or node `at`, as the article colours it."""

    @abstractmethod
    def place_in_words(self, place: str) -> str:
        """One of the space's places in a sentence."""

    @abstractmethod
    def label(self, architecture: Architecture) -> str:
        """A small network in a line; others as numbers."""

    # ---- what a recipe aims at

    @abstractmethod
    def wiring_target(self, controller: Mapping[str, Any]) -> Any:
        """The wiring statistic that a recorded controller is held near; None where it is not."""

    # ---- a loop

    @property
    @abstractmethod
    def first_paths(self) -> int:
        """How many of the first paths form a group of which each minibatch trains exactly one."""

    @abstractmethod
    def group(self, decision: Decision) -> str:
        """The heading over the decisions about one layer or node."""

    @abstractmethod
    def decides(self, decision: Decision) -> str:
        """The words before an operation that was decided, such as "Layer 1 computes"."""

    # ---- the editor

    @abstractmethod
    def check_editable(self) -> None:
        """Raises ValueError for cells of which no network can be stacked."""

    @abstractmethod
    def wiring_rows(
        self, architecture: Architecture, found: Anatomy, merge: str
    ) -> list[list[str]]:
        """How a network is wired: rows of [label, value, what it means].

        merge: `fidelity.skip_merge_search`.
        """
