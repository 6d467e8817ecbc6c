"""Training: supernets, controllers, searches. Everything here needs torch.

from enas_viz import search
for record in search.run(ev.recipe("macro-tiny")): ...
"""

from enas_viz.search.controller import Controller
from enas_viz.search.data import load_data
from enas_viz.search.strategies import resume, run
from enas_viz.search.supernet import MacroSupernet

__all__ = ["Controller", "MacroSupernet", "load_data", "resume", "run"]
