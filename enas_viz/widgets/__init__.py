"""Jupyter widgets: traits in Python, drawing in `view`, playing in `static`."""
