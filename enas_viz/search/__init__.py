"""Training: supernets, controllers, searches. Everything here needs torch.

from enas_viz import search
for record in search.run(ev.recipe("macro-tiny")): ...

Names are resolved when first used: what a strategy reads of a recipe (`enas_viz.recipes`) can be
asked without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import enas_viz.openmp  # noqa: F401 (before anything imports torch)

if TYPE_CHECKING:
    from enas_viz.search.candidates import derive as derive
    from enas_viz.search.dissection import dissect as dissect
    from enas_viz.search.inside import look_inside as look_inside
    from enas_viz.search.judges.table import Table as Table
    from enas_viz.search.nets.child import make_child as make_child
    from enas_viz.search.nets.controller import make_controller as make_controller
    from enas_viz.search.nets.macro.child import MacroChild as MacroChild
    from enas_viz.search.nets.macro.supernet import MacroSupernet as MacroSupernet
    from enas_viz.search.nets.micro.child import MicroChild as MicroChild
    from enas_viz.search.nets.micro.supernet import MicroSupernet as MicroSupernet
    from enas_viz.search.nets.ops import norm as norm
    from enas_viz.search.nets.own_operations import operation as operation
    from enas_viz.search.nets.supernet import make_supernet as make_supernet
    from enas_viz.search.runs.policy import record_policy as record_policy
    from enas_viz.search.runs.run import restore as restore
    from enas_viz.search.runs.run import resume as resume
    from enas_viz.search.runs.run import run as run
    from enas_viz.search.runs.run import train_child as train_child
    from enas_viz.search.seat import ask as ask
    from enas_viz.search.seat import responses as responses
    from enas_viz.search.seat import score as score
    from enas_viz.search.strategies.strategy import strategy as strategy
    from enas_viz.search.training.data import dataset as dataset
    from enas_viz.search.training.data import load_data as load_data
    from enas_viz.search.turns import Turns as Turns
    from enas_viz.search.turns import loop_recipe as loop_recipe

_HOMES = {
    "MacroChild": "nets.macro.child",
    "MacroSupernet": "nets.macro.supernet",
    "MicroChild": "nets.micro.child",
    "MicroSupernet": "nets.micro.supernet",
    "Table": "judges.table",
    "Turns": "turns",
    "ask": "seat",
    "dataset": "training.data",
    "derive": "candidates",
    "dissect": "dissection",
    "load_data": "training.data",
    "look_inside": "inside",
    "loop_recipe": "turns",
    "make_child": "nets.child",
    "make_controller": "nets.controller",
    "make_supernet": "nets.supernet",
    "norm": "nets.ops",
    "operation": "nets.own_operations",
    "record_policy": "runs.policy",
    "responses": "seat",
    "restore": "runs.run",
    "resume": "runs.run",
    "run": "runs.run",
    "score": "seat",
    "strategy": "strategies.strategy",
    "train_child": "runs.run",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
