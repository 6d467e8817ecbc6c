"""The shared weights that a recipe asks for: one supernet for each kind of space."""

from __future__ import annotations

from enas_viz.recipes import Recipe
from enas_viz.search.macro_supernet import MacroSupernet
from enas_viz.search.micro_supernet import MicroSupernet

Supernet = MacroSupernet | MicroSupernet
SUPERNETS = {"macro": MacroSupernet, "micro": MicroSupernet}


def make_supernet(
    recipe: Recipe, image_channels: int, classes: int, seed: int, stream: str = "weights"
) -> Supernet:
    """A supernet with fresh weights. stream: of the random numbers that they start from."""
    return SUPERNETS[recipe.space.kind].of(recipe, image_channels, classes, seed, stream)
