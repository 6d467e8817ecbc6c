"""The course as a website: pages that play offline, in a folder. Needs `enas-viz[site]`."""

from enas_viz.site.build import Built, build

__all__ = ["Built", "build"]
