"""The child that a recipe of final training asks for: one architecture as a network of its own.

Not here: the networks (`macro/child.py`, `micro/child.py`), their training (`final.py`).
"""

from __future__ import annotations

from enas_viz.recipes import Recipe
from enas_viz.search.asked import of_kind
from enas_viz.search.nets.fixed import Drops
from enas_viz.search.nets.kinds import KINDS, Child
from enas_viz.search.nets.macro.child import MacroChild
from enas_viz.search.nets.micro.child import MicroChild
from enas_viz.search.nets.ops import in_memory_format
from enas_viz.spaces import Architecture

__all__ = ["Child", "Drops", "MacroChild", "MicroChild", "check_fits", "make_child"]


def make_child(
    recipe: Recipe, architecture: Architecture, image_channels: int, classes: int, seed: int
) -> Child:
    """The child that a recipe of final training makes of an architecture, with fresh weights.

    Raises ValueError when the architecture does not fit the recipe.
    """
    of_kind(recipe, Recipe, "a Recipe, such as enas_viz.recipe('macro-final-tiny')")
    of_kind(architecture, Architecture, "an Architecture")
    check_fits(recipe, architecture)
    net = KINDS[architecture.space.kind].child(
        architecture,
        recipe.network,
        image_channels=image_channels,
        classes=classes,
        fidelity=recipe.fidelity,
        seed=seed,
    )
    return in_memory_format(net, recipe.compute.channels_last)


def check_fits(recipe: Recipe, architecture: Architecture) -> None:
    """Raises ValueError when an architecture is of another kind than a recipe's network, or, of a
    macro one, has another number of layers. Cells bring their own number of nodes."""
    wanted, space = recipe.network, architecture.space
    if space.kind != wanted.space:
        raise ValueError(
            f"the recipe {recipe.name} trains {wanted.space} networks; got a {space.kind} "
            f"architecture"
        )
    if KINDS[space.kind].counts_layers and space.layers != wanted.layers:
        raise ValueError(
            f"the recipe {recipe.name} is for {wanted.layers} layers, the architecture has "
            f"{space.layers}; set network.layers to {space.layers}"
        )
