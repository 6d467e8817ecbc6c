"""The view wing: from recorded decisions to pictures. Reads traces, loads no torch."""

from enas_viz.view.export import Drawing, draw, save

__all__ = ["Drawing", "draw", "save"]
