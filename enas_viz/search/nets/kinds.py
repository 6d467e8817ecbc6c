"""What each kind of space is searched and trained with: one entry for each.

Not here: what is shown of a supernet that is looked into (`search/inside.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from enas_viz.recipes import NetworkConfig
from enas_viz.search.nets.macro.child import MacroChild
from enas_viz.search.nets.macro.controller import MacroController, MacroRollout
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.nets.micro.child import MicroChild
from enas_viz.search.nets.micro.controller import MicroController, MicroRollout
from enas_viz.search.nets.micro.supernet import MicroSupernet
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace

Controller = MacroController | MicroController
Rollout = MacroRollout | MicroRollout
Supernet = MacroSupernet | MicroSupernet
Child = MacroChild | MicroChild


@dataclass(frozen=True)
class Kind:
    """How a kind of space is searched and trained.

    supernet, child: of a space or architecture and the sizes of a recipe's network; what both
    kinds take besides is handed on. counts_layers: whether an architecture has the layers that a
    recipe must name; cells are stacked as often as the recipe says.
    """

    controller: Callable[..., Controller]
    supernet: Callable[..., Supernet]
    child: Callable[..., Child]
    counts_layers: bool


def _macro_supernet(space: MacroSpace, network: NetworkConfig, **common: Any) -> MacroSupernet:
    return MacroSupernet(space, network.filters, **common)


def _macro_child(architecture: Architecture, network: NetworkConfig, **common: Any) -> MacroChild:
    return MacroChild(architecture, network.filters, **common)


def _micro_supernet(space: MicroSpace, network: NetworkConfig, **common: Any) -> MicroSupernet:
    sizes = (network.layers, network.filters)
    return MicroSupernet(space, *sizes, auxiliary_weight=network.aux_weight, **common)


def _micro_child(architecture: Architecture, network: NetworkConfig, **common: Any) -> MicroChild:
    sizes = (network.layers, network.filters)
    return MicroChild(architecture, *sizes, auxiliary_weight=network.aux_weight, **common)


KINDS = {
    "macro": Kind(MacroController, _macro_supernet, _macro_child, counts_layers=True),
    "micro": Kind(MicroController, _micro_supernet, _micro_child, counts_layers=False),
}
