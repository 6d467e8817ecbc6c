"""enas_viz: watch, question and rerun Efficient Neural Architecture Search.

    import enas_viz as ev            looking: spaces, traces, drawings, widgets; no torch
    from enas_viz import search      training: supernets, controllers, searches; needs torch

Names are resolved when first used, so that the import itself stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from enas_viz.moved import MOVED, install

if TYPE_CHECKING:  # for those who read types; names are imported when they are used
    from enas_viz.course.exercises import check as check
    from enas_viz.facts.limits import reach as reach
    from enas_viz.facts.specimen import load_specimen as load_specimen
    from enas_viz.recipes import recipe as recipe
    from enas_viz.records.inside import load_inside as load_inside
    from enas_viz.records.policy import load_policy as load_policy
    from enas_viz.records.progress import watch as watch
    from enas_viz.records.trace import load_trace as load_trace
    from enas_viz.records.trace import record as record
    from enas_viz.spaces import Architecture as Architecture
    from enas_viz.spaces import MacroSpace as MacroSpace
    from enas_viz.spaces import MicroSpace as MicroSpace
    from enas_viz.spaces.operations import operation as operation
    from enas_viz.spaces.published import decode as decode
    from enas_viz.view.export import draw as draw
    from enas_viz.view.export import draw_layer as draw_layer
    from enas_viz.view.export import draw_scores as draw_scores
    from enas_viz.view.export import draw_step as draw_step
    from enas_viz.view.export import plot as plot
    from enas_viz.view.export import save as save
    from enas_viz.widgets.child import Child as Child
    from enas_viz.widgets.dashboard import Dashboard as Dashboard
    from enas_viz.widgets.editor import Editor as Editor
    from enas_viz.widgets.exercise import Exercise as Exercise
    from enas_viz.widgets.exercise import Guess as Guess
    from enas_viz.widgets.lens import Lens as Lens
    from enas_viz.widgets.loop import Loop as Loop
    from enas_viz.widgets.microscope import Microscope as Microscope
    from enas_viz.widgets.replay import Replay as Replay
    from enas_viz.widgets.shared_weights import SharedWeights as SharedWeights

_HOMES = {
    "Architecture": "spaces",
    "MacroSpace": "spaces",
    "MicroSpace": "spaces",
    "check": "course.exercises",
    "Child": "widgets.child",
    "decode": "spaces.published",
    "Dashboard": "widgets.dashboard",
    "draw": "view.export",
    "draw_layer": "view.export",
    "Editor": "widgets.editor",
    "Exercise": "widgets.exercise",
    "Guess": "widgets.exercise",
    "load_inside": "records.inside",
    "load_policy": "records.policy",
    "load_specimen": "facts.specimen",
    "draw_scores": "view.export",
    "draw_step": "view.export",
    "Lens": "widgets.lens",
    "load_trace": "records.trace",
    "Loop": "widgets.loop",
    "Microscope": "widgets.microscope",
    "operation": "spaces.operations",
    "plot": "view.export",
    "reach": "facts.limits",
    "recipe": "recipes",
    "record": "records.trace",
    "Replay": "widgets.replay",
    "save": "view.export",
    "SharedWeights": "widgets.shared_weights",
    "watch": "records.progress",
}

__all__ = sorted(_HOMES)
__version__ = "0.2.0"


install()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in MOVED:
        return import_module(f"{__name__}.{name}")  # and warns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
