"""Numbers of images: whether a data set has enough for what a recipe asks.

Where it has fewer, a minibatch or a reward takes what there is, which is told; where a figure
would mean nothing, the run is refused.

Not here: which images are for what (`data.py`).
"""

from __future__ import annotations

from enas_viz.recipes import Recipe
from enas_viz.search.training.data import LEAST_VALID, Data


def batch_images(recipe: Recipe, data: Data) -> int:
    """How many images a training minibatch has."""
    return min(recipe.train.batch_size, len(data.train))


def reward_images(recipe: Recipe, data: Data) -> int:
    """How many validation images a reward is measured on."""
    return min(recipe.controller.reward_images or recipe.train.batch_size, len(data.valid))


def check_enough(recipe: Recipe, data: Data) -> None:
    """Raises ValueError when there are too few images to train or to reward at all."""
    count, valid = len(data.train), len(data.valid)
    if not count:
        raise ValueError(f"the data set {data.name} has no training images")
    if recipe.searches and valid < LEAST_VALID:
        raise ValueError(
            f"a search measures rewards on at least {LEAST_VALID} validation images; the data set "
            f"{data.name} has {valid}"
        )


def check_sizes(recipe: Recipe, data: Data) -> list[str]:
    """What is smaller than the recipe asks for, one sentence each.

    Raises ValueError as `check_enough` does.
    """
    train, searches = recipe.train, recipe.searches
    count, valid = len(data.train), len(data.valid)
    check_enough(recipe, data)
    smaller = []
    if train.batch_size > count:
        smaller.append(
            f"train.batch_size is {train.batch_size}, but there are only {count} training images: "
            f"a minibatch has {count}"
        )
    elif train.batch_size * train.accumulate > count:
        smaller.append(
            f"train.batch_size times train.accumulate is {train.batch_size * train.accumulate}, "
            f"but there are only {count} training images: a step uses some of them more than once"
        )
    field = "controller.reward_images" if recipe.controller.reward_images else "train.batch_size"
    wanted = recipe.controller.reward_images or train.batch_size
    if searches and wanted > valid:
        smaller.append(
            f"{field} is {wanted}, but there are only {valid} validation images: a reward is "
            f"measured on {valid}"
        )
    return smaller
