"""The widgets: what a notebook shows and lets one touch. Loads no torch."""

from enas_viz.widgets.replay import Replay

__all__ = ["Replay"]
