"""The replay as a Jupyter widget: a list of traits. Its drawing is made in `view`, played in JS."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from enas_viz.trace import Episode, Trace
from enas_viz.view.export import Drawing, draw, iframe, page
from enas_viz.view.scene import Colour, episode_json, scene_of, subject
from enas_viz.view.svg import STATIC, skeleton

HEIGHT = 760  # of the frame that `iframe` makes, in pixels


class Replay(anywidget.AnyWidget):
    """Plays one episode, decision by decision.

    x: an Episode that kept its steps, or a Trace (its best episode). colour: what colours mean,
    "op" for operations or "layer" for layers. reductions: whether to show where feature maps are
    halved, by default where a recipe is known or there are six layers or more.
    Raises ValueError when the episode was recorded without its steps, or is of a micro space.

    Traits that may be set: step (from 0), playing, speed (steps come that much faster).
    """

    _esm = STATIC / "replay.js"
    _css = STATIC / "enas_viz.css"

    scene = traitlets.Dict().tag(sync=True)
    episode = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)

    def __init__(
        self,
        x: Episode | Trace,
        *,
        colour: Colour = "op",
        reductions: bool | None = None,
        step: int = 0,
        speed: float = 1.0,
    ) -> None:
        shown = subject(x)
        if not isinstance(shown, Episode) or not shown.steps:
            raise ValueError(
                "a replay needs an episode that kept its steps; an architecture alone, or an "
                "episode without steps, is shown by ev.draw(...)"
            )
        self._episode = shown
        self._look: dict[str, Any] = {"colour": colour, "reductions": reductions}
        self._scene = scene_of(shown, colour, reductions)
        super().__init__(
            scene=skeleton(self._scene), episode=episode_json(shown), step=step, speed=speed
        )

    @traitlets.validate("step")
    def _inside(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self._scene.plan) - 1))

    @traitlets.validate("speed")
    def _forward(self, proposal: Any) -> float:
        if not proposal["value"] > 0:
            raise traitlets.TraitError(f"speed must be greater than 0; got {proposal['value']}")
        return proposal["value"]

    def drawing(self, step: int | None = None) -> Drawing:
        """A still: the finished network, or the state at `step`."""
        return draw(self._episode, step=step, **self._look)

    def html(self) -> str:
        """A complete page that plays the same without a kernel and without a network."""
        return page(self._scene, self._episode, step=self.step, speed=self.speed)

    def iframe(self, height: int = HEIGHT) -> Any:
        """The page in a frame, for a cell that must still play in an exported notebook."""
        from IPython.display import HTML

        return HTML(iframe(self.html(), height))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and beside it a still for viewers that have no widgets."""
        made = super()._repr_mimebundle_(**options)
        if made is None:
            return None
        data, metadata = made if isinstance(made, tuple) else (made, {})
        still = self.drawing()._repr_mimebundle_()
        return {**still, **data, "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        return f"Replay of {len(self._scene.plan)} decisions of the controller"
