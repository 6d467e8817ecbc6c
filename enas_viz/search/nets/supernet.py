"""The shared weights that a recipe asks for: one supernet for each kind of space."""

from __future__ import annotations

from enas_viz.recipes import Recipe
from enas_viz.search.asked import of_kind
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.nets.micro.supernet import MicroSupernet
from enas_viz.search.nets.ops import in_memory_format

Supernet = MacroSupernet | MicroSupernet


def make_supernet(
    recipe: Recipe, image_channels: int, classes: int, seed: int, stream: str = "weights"
) -> Supernet:
    """A supernet with fresh weights, in the memory format that the recipe asks for.

    stream: of the random numbers that the weights start from.
    """
    of_kind(recipe, Recipe, "a Recipe, such as enas_viz.recipe('macro-tiny')")
    space, network = recipe.space, recipe.network
    common = {
        "image_channels": image_channels,
        "classes": classes,
        "fidelity": recipe.fidelity,
        "seed": seed,
        "stream": stream,
    }
    if network.space == "micro":
        heads = {"auxiliary_weight": network.aux_weight}
        net = MicroSupernet(space, network.layers, network.filters, **heads, **common)
    else:
        net = MacroSupernet(space, network.filters, **common)
    return in_memory_format(net, recipe.compute.channels_last)
