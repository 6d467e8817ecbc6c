"""enas_viz: watch, question and rerun Efficient Neural Architecture Search.

    import enas_viz as ev            looking: spaces, traces, drawings, widgets; no torch
    from enas_viz import search      training: supernets, controllers, searches; needs torch

Names are resolved when first used, so that the import itself stays fast.
"""

from importlib import import_module
from typing import Any

from enas_viz.moved import MOVED, install

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
