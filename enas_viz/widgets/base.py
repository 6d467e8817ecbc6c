"""What all widgets have in common: page and still, and traits that refuse impossible values.

A refused value changes nothing. Where a page sent it, the page is sent what is so instead, and
what only Python sets cannot be changed by a page at all.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, ClassVar

import anywidget
import traitlets

from enas_viz.view.export import Drawing, iframe, with_still


class Refused(traitlets.TraitError, ValueError):
    """A trait was given an impossible value, and keeps the one that it had."""


class Whole(traitlets.Int):
    """A whole number, of Python or numpy, within its `min` and `max`; no truth value."""

    def validate(self, obj: Any, value: Any) -> int:
        if isinstance(value, Integral) and not isinstance(value, bool) and _fits(self, value):
            return int(value)
        raise Refused(f"{self.name} must be an int{_range(self)}; got {shortened(value)}")


class Number(traitlets.Float):
    """A finite number, of Python or numpy, within its `min` and `max`; no truth value."""

    def validate(self, obj: Any, value: Any) -> float:
        try:
            number = float(value) if isinstance(value, Real) else math.nan
        except OverflowError:
            number = math.inf
        if not isinstance(value, bool) and math.isfinite(number) and _fits(self, number):
            return number
        raise Refused(f"{self.name} must be a finite number{_range(self)}; got {shortened(value)}")


def _fits(trait: Any, value: Any) -> bool:
    low, high = trait.min, trait.max
    return (low is None or value >= low) and (high is None or value <= high)


def _range(trait: Any) -> str:
    if trait.max in (None, math.inf):
        return "" if trait.min in (None, -math.inf) else f" of at least {trait.min:g}"
    return f" from {trait.min:g} to {trait.max:g}"


class Widget(anywidget.AnyWidget):
    """A widget of ours: a page of its own, a still, and what a viewer without widgets sees.

    Traits tagged `told=True` are set by Python alone. height: of a frame around its page, in
    pixels.
    """

    height: ClassVar[int] = 640

    def html(self) -> str:
        """One complete page that shows this; it needs no kernel and no network."""
        raise NotImplementedError

    def drawing(self) -> Drawing:
        """A still of what it shows."""
        raise NotImplementedError

    def kept(self) -> Drawing:
        """The still for viewers that show no widgets: GitHub's, nbconvert."""
        return self.drawing()

    def iframe(self, height: int | None = None) -> Any:
        """The page inside a frame, as an output that still works in an exported notebook.

        height: in pixels; by default the widget's own.
        """
        from IPython.display import HTML  # only there where a notebook is

        return HTML(iframe(self.html(), self.height if height is None else height))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and the still that is kept."""
        return with_still(super()._repr_mimebundle_(**kwargs), self.kept)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Takes in what a page sends: the values of the traits that a reader moves.

        Raises Refused, and changes nothing, where one of them cannot be.
        """
        told = self.traits(told=True)
        try:
            super().set_state({k: v for k, v in sync_data.items() if k not in told})
        except traitlets.TraitError:
            self.send_state([k for k in sync_data if k in self.keys])
            raise
        if wrong := [k for k in sync_data if k in told]:
            self.send_state(wrong)
