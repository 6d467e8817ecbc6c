"""The command `enas-viz`: search, derive, train, replay and more; `entry` is the way in."""

from enas_viz.cli.entry import main

__all__ = ["main"]
