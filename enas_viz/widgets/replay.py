"""The replay widget: a list of traits, shown by `static/replay.js`.

Leaves to others: what is drawn and said (`enas_viz.view`); playing it (the module).
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from enas_viz.trace import Episode, Trace
from enas_viz.view.export import Drawing, draw, iframe, page
from enas_viz.view.scene import Colour, episode_json, macro, scene_of, subject
from enas_viz.view.svg import STATIC, skeleton


class Replay(anywidget.AnyWidget):
    """Plays how a controller decided an episode, one step at a time.

        ev.Replay(trace.best)

    x: an episode that kept its steps, or a trace (its best episode). colour: what colours mean,
    operations ("op") or layers ("layer"). reductions: whether to show where feature maps are
    halved; by default where a recipe is known or the network has six layers or more.
    Raises ValueError for an episode without steps and for micro architectures.

    All state is in traits, so it survives in saved notebooks: `step` (from 0, clamped), `playing`,
    `speed`; `scene` and `episode` are what the module draws.
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
        self.recorded = _playable(x)
        self.options = {"colour": colour, "reductions": reductions}
        self._scene = scene_of(self.recorded, colour, reductions)
        super().__init__(
            scene=skeleton(self._scene),
            episode=episode_json(self.recorded),
            speed=speed,
        )
        self.step = step  # after the episode, whose length clamps it

    @traitlets.validate("step")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.episode.get("steps", ())) - 1))

    @traitlets.validate("speed")
    def _positive(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise traitlets.TraitError(f"speed is a positive number; got {proposal['value']!r}")
        return proposal["value"]

    def drawing(self, step: int | None = None) -> Drawing:
        """A still: the finished network, or the state at a step (from 0)."""
        return draw(self.recorded, step=step, **self.options)

    def html(self) -> str:
        """One complete page that plays this episode without a kernel and without a network."""
        return page(self._scene, self.recorded, step=self.step, speed=self.speed)

    def iframe(self, height: int | None = None) -> Any:
        """The page inside a frame, as an output that still plays in an exported notebook."""
        from IPython.display import HTML  # only there where a notebook is

        strip, panel = 190, 24 * self._scene.panel_rows
        found = height or int(strip + panel + self._scene.layout.height * 1.18 + 190)
        return HTML(iframe(self.html(), found))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget; and for viewers that show none (GitHub, nbconvert) the finished network."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        still, looks = self.drawing()._repr_mimebundle_()
        return {**data, "image/png": still["image/png"]}, {**metadata, **looks}


def _playable(x: Episode | Trace) -> Episode:
    episode = subject(x) if isinstance(x, Trace) else x
    if not isinstance(episode, Episode):
        raise TypeError(
            f"Replay plays an Episode or a Trace (its best episode); got {type(x).__name__}; a "
            f"network alone is drawn by ev.draw(...)"
        )
    macro(episode.architecture.space)
    if not episode.steps:
        raise ValueError(
            "this episode was recorded without its steps, so there is nothing to replay; "
            "ev.draw(...) draws its network, and trace.best or trace.last prefer an episode with "
            "steps"
        )
    return episode
