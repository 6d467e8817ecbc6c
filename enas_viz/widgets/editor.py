"""The editor: the reader in the controller's seat. `static/editor.js` adds a desk to the replay.

Not here: drawing and choosing (`replay`), what an architecture is like (`anatomy`), what a
controller or a supernet says (callables, see `enas_viz.search.seat`).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.facts.anatomy import anatomy
from enas_viz.recipes import RECIPES, Recipe, recipe
from enas_viz.records.trace import Episode, Header
from enas_viz.spaces import Architecture, Space
from enas_viz.view import kinds
from enas_viz.view.assets import look, module
from enas_viz.view.export import page, replay_state
from enas_viz.view.given import played
from enas_viz.view.scene import episode_json, subject
from enas_viz.widgets.replay import Continuation, Replay, reply

Score = Callable[[Architecture], float]

ITS_BEST = 10  # samples of the controller that are to be beaten
MINE, ITS = "yours", "the controller's"
MOST_NATS = 700.0  # above what is typical: a float holds no larger exponential


class Editor(Replay):
    """Design a network by hand: every moment it is a whole, valid architecture.

        editor = ev.Editor(ev.MacroSpace(6))
        editor = ev.Editor(run.recipe, search.ask(run), search.score(run))  # and be answered
        editor.architecture, editor.architecture.flat

    x: a space, a recipe (whose space and sizes count), or an architecture in any form to begin
    with. controller: a callable `controller(picks, seed)` as `search.ask` makes; it then says how
    likely it would have chosen what you chose, and can go on from any step. score: a callable
    `score(architecture)` as `search.score` makes: accuracy in [0, 1] under shared weights, on the
    same images each time. best: architectures of the controller that are to be beaten, by default
    ten samples of it. recipe: whose sizes count for parameters, multiply-adds and the receptive
    field, and whose wiring is drawn; by default the recipe that is x, or the sizes of the space's
    full-size search with the default fidelity. step: where to
    begin, from 0; by default the first at which there is something to decide.

    `architecture` is the present one, and may be set. `tried` lists what was scored, best first:
    (accuracy, whose, architecture). Raises ValueError for what is no architecture, and for a
    controller of another space.
    """

    _esm = module("editor.js")
    _css = look("editor")
    _hint = "A still picture. Run this cell, in JupyterLab or on Binder, to change the network."
    _joins = False
    facts = traitlets.List().tag(sync=True, told=True)  # rows of [label, value, what it means]
    flat = traitlets.Unicode().tag(sync=True, told=True)
    # rows of [accuracy, whose, flat list, present or not]
    board = traitlets.List().tag(sync=True, told=True)
    scores = traitlets.Bool(False).tag(sync=True, told=True)

    def __init__(
        self,
        x: Any,
        controller: Continuation | None = None,
        score: Score | None = None,
        *,
        best: Iterable[Any] | None = None,
        recipe: Recipe | str | None = None,
        colour: Any = "op",
        step: int | None = None,
    ) -> None:
        self.recipe = _recipe_of(x, recipe)
        if score is not None and not callable(score):
            raise TypeError(
                "score must be a callable score(architecture), as search.score(run) makes one; "
                f"got {shortened(score)}"
            )
        self._score, self.tried = score, []
        start = _start(x, controller)
        kinds.of(start.architecture.space).check_editable()
        # A recipe that is named says how its networks are wired; the drawing and the facts agree.
        named = recipe is not None or isinstance(x, Recipe) or (isinstance(x, str) and x in RECIPES)
        header = Header(
            start.architecture.space,
            start.order,
            recipe=self.recipe.to_json(),
            fidelity=asdict(self.recipe.fidelity) if named else {},
        )
        super().__init__(
            Episode(start.architecture, start.steps, order=start.order, header=header),
            controller,
            colour=colour,
            step=_first_choice(start) if step is None else step,
        )
        self.free, self.whole, self.scores = True, True, score is not None
        self.scene = _as_yours(self.scene, controller is not None)
        self.mine = [list(step.picks) for step in self.recorded.steps]
        if controller is not None and score is not None:
            self._compete(best)

    @property
    def architecture(self) -> Architecture:
        """The network as it stands."""
        return self.chosen

    @architecture.setter
    def architecture(self, x: Any) -> None:
        architecture = self._own(x)
        self.mine = [list(picks) for picks in self._scene.picks(architecture)]

    def _own(self, x: Any) -> Architecture:
        """An architecture in any form, of the space of this editor."""
        architecture = _architecture(x)
        if architecture.space != self._scene.space:
            raise ValueError(f"this editor is for {self._scene.space}; got {architecture.space}")
        return architecture

    # ---- what is said of it

    @traitlets.observe("mine", "answer")
    def _tell(self, _: Any) -> None:
        if self.mine:
            self.flat = str(self.architecture.flat)
            self.facts = self._facts()
            self.board = self._rows()

    def _facts(self) -> list[list[str]]:
        architecture = self.architecture
        found = anatomy(architecture, self.recipe)
        side = self.recipe.data.resolution
        whose = "on this path"
        if not self.recipe.searches:
            whose = "of this network"
        rows = [
            ["parameters", f"{found.parameters:,}", whose],
            ["multiply-adds", f"{found.multiply_adds / 1e6:.1f} million", "for one image"],
            ["receptive field", f"{found.receptive_field} pixels", f"the image has {side}"],
        ]
        merge = self.recipe.fidelity.skip_merge_search
        rows += kinds.of(architecture.space).wiring_rows(architecture, found, merge)
        if self._controller is not None and self.answer:
            rows += self._chances()
        return rows

    def _chances(self) -> list[list[str]]:
        """How likely the controller would have decided so, against what it does by itself."""
        log_probability = self._now.log_probability
        typical = -self._now.entropy
        share = math.exp(min(log_probability - typical, MOST_NATS))
        times = f"{share:,.0f}" if 10 <= share < 1e9 else f"{share:.2g}"
        told = f"{times} times as likely as its typical sample"
        shown = f"{log_probability:.1f}" if log_probability > -1e6 else f"{log_probability:.2g}"
        return [["log-probability", f"{shown} nats", told]]

    @traitlets.observe("mine")
    def _answered(self, _: Any) -> None:
        if self._controller is None or not self.mine:
            return
        try:
            self._now = reply(self._controller, self.mine)
            self.answer = episode_json(self._now)
        except Exception:
            self.answer = {}  # no probabilities of other choices
            raise

    # ---- what is asked by buttons

    def _heard(self, widget: Any, content: Any, buffers: Any) -> None:
        super()._heard(widget, content, buffers)
        asked = content.get("ask") if isinstance(content, dict) else None
        if asked == "random":
            self.shuffle()
        elif asked == "score":
            self.score()

    def shuffle(self, seed: int | None = None) -> None:
        """Random choices. seed: by default another each time."""
        space = self._scene.space
        self.architecture = space.sample(random.Random(seed))

    def score(self) -> float:
        """Accuracy of the present network under shared weights; it joins `tried`.

        Raises ValueError when the editor was given no score.
        """
        if self._score is None:
            raise ValueError(
                "this editor has no score; make it by Editor(x, controller, search.score(run))"
            )
        accuracy = self._note(self.architecture, MINE)
        self.board = self._rows()
        return accuracy

    def _compete(self, best: Iterable[Any] | None) -> None:
        """Scores the controller's own on the same images."""
        if best is None:
            seeds = range(10 * ITS_BEST)
            sampled = (reply(self._controller, (), seed=seed).architecture for seed in seeds)
            best = itertools.islice(dict.fromkeys(sampled), ITS_BEST)  # different ones
        elif not isinstance(best, Iterable) or isinstance(best, str | type):
            raise TypeError(
                f"best must be a list of architectures of the controller; got {shortened(best)}"
            )
        for each in best:
            self._note(self._own(each), ITS)
        self.board = self._rows()

    def _note(self, architecture: Architecture, whose: str) -> float:
        for accuracy, _, known in self.tried:
            if known == architecture:
                return accuracy
        scored = self._score(architecture)
        try:
            accuracy = float(scored)
        except (TypeError, ValueError, OverflowError):
            accuracy = math.nan
        if not 0 <= accuracy <= 1:  # refuses NaN, too
            raise ValueError(
                f"score(architecture) must return an accuracy from 0 to 1; got {shortened(scored)}"
            )
        self.tried = sorted([*self.tried, (accuracy, whose, architecture)], key=lambda t: -t[0])
        return accuracy

    def _rows(self) -> list[list[Any]]:
        now = self.architecture if self.mine else None
        return [[a, whose, str(found.flat), found == now] for a, whose, found in self.tried]

    # ---- pages

    def html(self) -> str:
        """One complete page that shows this as it stands; without a controller or a score."""
        names = ("episode", "step", "mine", "answer", "facts", "flat", "board", "whole")
        state = replay_state(self._scene, **{name: getattr(self, name) for name in names})
        state |= {"scene": self.scene, "scores": False}
        return page(state, self.drawing(), "editor", "A network designed by hand")


def _recipe_of(x: Any, asked: Recipe | str | None) -> Recipe:
    if isinstance(asked, Recipe):
        return asked
    if asked is not None:
        return recipe(asked)
    if isinstance(x, Recipe):
        return x
    if isinstance(x, str) and x in RECIPES:
        return recipe(x)
    space = x if isinstance(x, Space) else _architecture(x).space
    sizes = {f"network__{space.extent}": getattr(space, space.extent)}
    return recipe(f"{space.kind}-paper", fidelity="default", **sizes)


def _architecture(x: Any) -> Architecture:
    found = subject(x)
    return found if isinstance(found, Architecture) else found.architecture


def _start(x: Any, controller: Continuation | None) -> Episode:
    """What the editor opens with: the given one, a sample of the controller, or the plainest."""
    if isinstance(x, str) and x in RECIPES:
        x = recipe(x)
    space = x.space if isinstance(x, Recipe) else x
    if not isinstance(space, Space):
        return played(_architecture(x))
    if controller is not None:
        sampled = reply(controller, (), seed=0)
        if sampled.architecture.space != space:
            raise ValueError(
                f"the controller decides in {sampled.architecture.space}, the editor is for "
                f"{space}; ask one of the same space"
            )
        return sampled
    return played(space.plain())


def _first_choice(episode: Episode) -> int:
    return next(k for k, step in enumerate(episode.steps) if step.picks)


def _as_yours(scene: dict[str, Any], chances: bool) -> dict[str, Any]:
    """The scene in the words of somebody who chooses. chances: whether a controller tells any."""
    words: dict[str, str] = scene["words"] | {"sampled": "chosen"}
    if not chances:
        words |= {"picked": "{option}.", "row": "{row}: {answer}.", "item": "{row}"}
    strip = scene["strip"].replace(">sampled</text>", ">chosen</text>")
    return scene | {"words": words, "strip": strip, "builds": "Your network"}
