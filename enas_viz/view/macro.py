"""Drawings of macro spaces: layers and their skips. See `drawings.Drawings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from enas_viz.facts.anatomy import Anatomy
from enas_viz.spaces import Architecture, Decision, MacroSpace
from enas_viz.view import macro_child, macro_sharing, macro_stack, macro_svg
from enas_viz.view.drawings import Drawings
from enas_viz.view.loop_nets import MacroNet
from enas_viz.view.scene import Scene
from enas_viz.view.shapes import tone
from enas_viz.view.slabs import Plan

MOST_LABELLED = 3  # layers that have room in a line


class MacroDrawings(Drawings):
    """How whole networks of layers are drawn."""

    space: MacroSpace
    painter, stack, sharing, child = macro_svg, macro_stack, macro_sharing, macro_child
    net = MacroNet
    has_cells = False
    still_width = 560
    curves_width = 364
    letters, labels, least = 15.0, 17.4, 0.94
    short: ClassVar[Mapping[str, str]] = {}
    wiring, wiring_title = "Skips set", "Skips that it sets"
    wiring_form, wiring_is_share = "{:.0%}", True
    beat = 600
    paths_in = "layers"
    tells_picked_entropy = True

    def scene_in(self, scene: Scene, plan: Plan) -> Scene:
        return replace(scene, merge=plan.merge)

    def tint(self, at: str) -> str:
        return tone(int(at))

    def place_in_words(self, place: str) -> str:
        return place

    def label(self, architecture: Architecture) -> str:
        """Such as "conv 3×3, max 3×3 with skip 1"."""
        if self.space.layers > MOST_LABELLED:
            return " ".join(map(str, architecture.flat))
        words = []
        for k, op in enumerate(self.space.op_names(architecture)):
            skips = [str(j + 1) for j, bit in enumerate(architecture.content[k][1:]) if bit]
            words.append(op.label + (f" with skip {' and '.join(skips)}" if skips else ""))
        return ", then ".join(words)

    def wiring_target(self, controller: Mapping[str, Any]) -> Any:
        return controller.get("skip_prior")

    @property
    def first_paths(self) -> int:
        return len(self.space.ops)

    def group(self, decision: Decision) -> str:
        return f"Layer {decision.at + 1}"

    def decides(self, decision: Decision) -> str:
        return f"Layer {decision.at + 1} computes"

    def check_editable(self) -> None:
        """Every macro network can be edited."""

    def wiring_rows(
        self, architecture: Architecture, found: Anatomy, merge: str
    ) -> list[list[str]]:
        rows = [["paths", _ways(found.shortest, found.depth), "long"]]
        unread = _layers(found.unread["layers"])
        if merge == "input":
            told = "and so not computed" if found.unread["layers"] else ""
            return [*rows, ["unused", unread, told]]
        return [*rows, ["no skip from", unread, ""]]


def _ways(shortest: int, depth: int) -> str:
    """How many operations are on the shortest and on the longest way through a network."""
    if shortest == depth:
        return f"{depth} operation{'' if depth == 1 else 's'}"
    return f"{shortest} to {depth} operations"


def _layers(numbers: Sequence[int]) -> str:
    """Layers by their numbers, in words."""
    if not numbers:
        return "no layer"
    return f"layer{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
