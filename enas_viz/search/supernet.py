"""The shared weights that a recipe asks for: one supernet for each kind of space."""

from __future__ import annotations

import torch

from enas_viz.recipes import Recipe
from enas_viz.search.macro_supernet import MacroSupernet
from enas_viz.search.micro_supernet import MicroSupernet

Supernet = MacroSupernet | MicroSupernet


def make_supernet(
    recipe: Recipe, image_channels: int, classes: int, seed: int, stream: str = "weights"
) -> Supernet:
    """A supernet with fresh weights, in the memory format that the recipe asks for.

    stream: of the random numbers that the weights start from.
    """
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
    return net.to(memory_format=torch.channels_last) if recipe.compute.channels_last else net
