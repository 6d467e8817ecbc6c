"""Training: supernets, controllers, searches. Everything here needs torch.

from enas_viz import search
for record in search.run(ev.recipe("macro-tiny")): ...
"""

import enas_viz.openmp  # noqa: F401 (before anything imports torch)
from enas_viz.search.candidates import derive
from enas_viz.search.dissection import dissect
from enas_viz.search.inside import look_inside
from enas_viz.search.nets.child import MacroChild, MicroChild, make_child
from enas_viz.search.nets.controller import make_controller
from enas_viz.search.nets.ops import norm
from enas_viz.search.nets.own_operations import operation
from enas_viz.search.nets.supernet import MacroSupernet, MicroSupernet, make_supernet
from enas_viz.search.runs.policy import record_policy
from enas_viz.search.runs.run import restore, resume, run, train_child
from enas_viz.search.seat import ask, responses, score
from enas_viz.search.training.data import load_data
from enas_viz.search.turns import Turns, loop_recipe

__all__ = [
    "MacroChild",
    "MacroSupernet",
    "MicroChild",
    "MicroSupernet",
    "Turns",
    "ask",
    "derive",
    "dissect",
    "load_data",
    "look_inside",
    "loop_recipe",
    "make_child",
    "make_controller",
    "make_supernet",
    "norm",
    "operation",
    "record_policy",
    "responses",
    "restore",
    "resume",
    "run",
    "score",
    "train_child",
]
