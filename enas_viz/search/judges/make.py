"""The judge that a recipe names, at its start."""

from __future__ import annotations

import torch

from enas_viz.recipes import Recipe
from enas_viz.records.trace import Header
from enas_viz.search.judges.alone import Alone
from enas_viz.search.judges.judge import Judge, SearchPosition
from enas_viz.search.judges.shared import SharedWeights
from enas_viz.search.training.data import Data
from enas_viz.search.training.ranks import Ranks


def make_judge(
    recipe: Recipe,
    data: Data,
    header: Header,
    seed: int,
    device: torch.device,
    at: SearchPosition,
    ranks: Ranks,
) -> Judge:
    """The judge of `recipe.judge.name`. ValueError for one that has to be given."""
    if recipe.judge.name == "shared":
        return SharedWeights(recipe, data, header, seed, device, at, ranks)
    if ranks.size > 1:
        raise ValueError(
            f"compute.processes must be 1 where judge.name is {recipe.judge.name!r}, since "
            f"processes share the training of shared weights only; got {ranks.size}"
        )
    if recipe.judge.name == "alone":
        return Alone(recipe, data, seed, at)
    raise ValueError(
        f"judge.name is {recipe.judge.name!r}, so the table has to be given, or the judge of your "
        f"own: search.run(recipe, judge=search.Table(accuracies))"
    )
