"""Recipes: every number of a search in one frozen place, each with its origin.

A `Recipe` names its data, network, controller, training and computing; `Fidelity` names each point
where paper, released code and article differ. A variant is `change(recipe, ...)`, so a difference
is one visible line.
"""

from enas_viz.recipes.catalogue import GUIDED_SKIPS, RECIPES
from enas_viz.recipes.changing import (
    AUXILIARY_WINDOW,
    LARGEST,
    MOST,
    RANGES,
    SMALLEST,
    change,
    check,
    checked_fidelity,
    fidelity_in_use,
    field_names,
    recipe,
    recipe_from_json,
    recorded_fidelity,
)
from enas_viz.recipes.fidelity import (
    FAVOURED,
    IN_USE,
    MICRO_PRESETS,
    PRESETS,
    PRIOR_BIAS,
    PRIOR_SHIFT,
    Fidelity,
    Preset,
)
from enas_viz.recipes.fields import (
    DATASETS,
    Compute,
    ControllerConfig,
    DataConfig,
    Dataset,
    JudgeConfig,
    NetworkConfig,
    Recipe,
    RewardConfig,
    TrainConfig,
    as_json,
    order_of,
)

__all__ = [
    "AUXILIARY_WINDOW",
    "DATASETS",
    "FAVOURED",
    "GUIDED_SKIPS",
    "IN_USE",
    "LARGEST",
    "MICRO_PRESETS",
    "MOST",
    "PRESETS",
    "PRIOR_BIAS",
    "PRIOR_SHIFT",
    "RANGES",
    "RECIPES",
    "SMALLEST",
    "Compute",
    "ControllerConfig",
    "DataConfig",
    "Dataset",
    "Fidelity",
    "JudgeConfig",
    "NetworkConfig",
    "Preset",
    "Recipe",
    "RewardConfig",
    "TrainConfig",
    "as_json",
    "change",
    "check",
    "checked_fidelity",
    "fidelity_in_use",
    "field_names",
    "order_of",
    "recipe",
    "recipe_from_json",
    "recorded_fidelity",
]
