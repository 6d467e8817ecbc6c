"""Drawings of micro spaces: cells, their nodes and loose ends. See `drawings.Drawings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from enas_viz.facts.anatomy import Anatomy
from enas_viz.spaces import Architecture, Decision, MicroSpace
from enas_viz.view import micro_child, micro_sharing, micro_stack, micro_svg
from enas_viz.view.drawings import Drawings
from enas_viz.view.loop_nets import MicroNet
from enas_viz.view.scene import Scene
from enas_viz.view.shapes import node_tone
from enas_viz.view.slabs import Plan


class MicroDrawings(Drawings):
    """How cells are drawn."""

    space: MicroSpace
    painter, stack, sharing, child = micro_svg, micro_stack, micro_sharing, micro_child
    net = MicroNet
    has_cells = True
    still_width = 680  # what is said of cells takes more room
    curves_width = 296  # cells are wide
    letters, labels, least = 15.3, 15.6, 0.92
    short: ClassVar[Mapping[str, str]] = {
        "two cells back": "two back",
        "previous cell": "previous",
        "same, halved": "halved",
    }
    wiring, wiring_title = "Loose ends of a cell", "Loose ends of a cell"
    wiring_form, wiring_is_share = "{:.2g}", False
    beat = 420
    paths_in = "cells"
    tells_picked_entropy = False

    def scene_in(self, scene: Scene, plan: Plan) -> Scene:
        counts = plan.fidelity.loose_inputs == "count"
        return replace(scene, counts_inputs=counts, drops_two_back=plan.drops_two_back)

    def tint(self, at: str) -> str:
        return node_tone(int(at.split(".")[1]))

    def place_in_words(self, place: str) -> str:
        """Such as "the normal cell's node 4"."""
        cell, _, number = place.partition(" ")
        return f"the {cell} cell's node {number}"

    def label(self, architecture: Architecture) -> str:
        return " ".join(map(str, architecture.flat))

    def wiring_target(self, controller: Mapping[str, Any]) -> Any:
        return None

    @property
    def first_paths(self) -> int:
        return 2 * len(self.space.ops)  # the first node's first input reads one of two tensors

    def group(self, decision: Decision) -> str:
        return f"{_cell(decision)}, node {decision.at + 1}"

    def decides(self, decision: Decision) -> str:
        return f"{_cell(decision)}, node {decision.at + 1}: on input {decision.side + 1}"

    def check_editable(self) -> None:
        if not self.space.is_pair:
            raise ValueError(
                "the editor needs an architecture with a normal and a reduction cell; this one has "
                f"{', '.join(self.space.cells)} only; ev.Replay(...) plays it"
            )

    def wiring_rows(
        self, architecture: Architecture, found: Anatomy, merge: str
    ) -> list[list[str]]:
        rows = []
        for cell in self.space.cells:
            ends = ", ".join(map(str, found.unread[cell]))
            depth = self.space.depth(architecture, cell)
            rows.append([f"{cell} cell", f"depth {depth}", f"loose ends: node {ends}"])
        return rows


def _cell(decision: Decision) -> str:
    return f"{decision.cell[:1].upper()}{decision.cell[1:]} cell"
