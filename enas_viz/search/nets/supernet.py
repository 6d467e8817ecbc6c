"""The shared weights that a recipe asks for.

Not here: the supernets (`macro/supernet.py`, `micro/supernet.py`).
"""

from __future__ import annotations

from enas_viz.recipes import Recipe
from enas_viz.search.asked import of_kind
from enas_viz.search.nets.kinds import KINDS, Supernet
from enas_viz.search.nets.ops import in_memory_format


def make_supernet(
    recipe: Recipe, image_channels: int, classes: int, seed: int, stream: str = "weights"
) -> Supernet:
    """A supernet with fresh weights, in the memory format that the recipe asks for.

    stream: of the random numbers that the weights start from.
    """
    of_kind(recipe, Recipe, "a Recipe, such as enas_viz.recipe('macro-tiny')")
    space = recipe.space
    net = KINDS[space.kind].supernet(
        space,
        recipe.network,
        image_channels=image_channels,
        classes=classes,
        fidelity=recipe.fidelity,
        seed=seed,
        stream=stream,
    )
    return in_memory_format(net, recipe.compute.channels_last)
