"""The replay widget: a list of traits, shown by `static/replay.js`.

Not here: what is drawn and said (`enas_viz.view`); playing it (the module).
"""

from __future__ import annotations

import dataclasses
import inspect
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.records.policy import Continuation, Histogram, Policy, histogram, sample
from enas_viz.records.trace import Episode, Trace
from enas_viz.spaces import Architecture, Order, assemble
from enas_viz.view.assets import look, module
from enas_viz.view.curves import series
from enas_viz.view.export import (
    Drawing,
    draw,
    draw_moment,
    replay_state,
    theatre_page,
)
from enas_viz.view.given import played
from enas_viz.view.scene import Colour, episode_json, scene_of, subject
from enas_viz.view.stage import stage_of, telling_step
from enas_viz.view.svg import skeleton
from enas_viz.view.timeline import MOST, film, moments
from enas_viz.widgets.base import Number, Refused, Whole, Widget

LEAST, MOST_OF = 1e-3, 1e3  # of speed and temperature: what a clock and a softmax can follow

FRAME = 680  # pixels of height: a replay has 600 at most where it is wide, its page a title

SAMPLES = 100  # networks that are counted
NAMES = {"first": "before the search", "final": "after the search"}  # of a policy's counts
SHOWN = -1  # in `guesses`: the reader looked without a guess

HINT = (
    "A still picture. Run this cell, in JupyterLab or on Binder, to scrub through every decision."
)


class Replay(Widget):
    """Plays how a controller decided an episode, one step at a time; of a trace, a whole search.

        ev.Replay(trace.best, search.ask(run))  # and what if it had decided otherwise?
        ev.Replay(trace.best, ev.load_policy("macro-tiny"))  # the same of a recorded policy
        ev.Replay(trace.best, guess=True)  # which option will it find most likely? Guess first

        ev.Replay(trace)  # the film of the search, opened at the best of what is shown
        ev.Replay(trace.best)  # one episode
        ev.Replay("enas-micro")  # a known architecture, as if decided by a policy without knowledge

    x: an episode that kept its steps, a trace, or an architecture: as such, by name, as the
    authors' flat list or print, or as a genotype. An architecture that was not sampled shows every
    option as equally likely, and a note says so. colour: what colours mean, operations ("op"),
    layers ("layer", macro) or nodes ("node", micro). reductions: of a macro network, whether to
    show where feature maps are halved; by default where a recipe is known or the network has six
    layers or more. moments: how many episodes of a trace can be opened at most; they are taken
    evenly, and the best is among them. step: where to begin, from 0; by default the first of an
    episode, and a film opens on a finished network. theatre: whether to begin in the theatre (key
    F): everything on one screen with large letters, over the whole window; a film then opens where
    its probabilities change most. silent: of
    cells, whether the steps that decide nothing are shown and counted, which a button changes; left
    out, each is told with the decision before it, and `step` still counts all that were recorded.
    as_article: whether it is drawn as the article draws its two examples, "article-macro" and
    "article-micro": in its colours, without silent steps, cells behind the two finished ones that
    they read, macro networks with skips decided first and concatenated, without stem and halvings.

    controller: who answers when the reader clicks an option that was not sampled: a callable
    `controller(picks, seed)` as `search.ask` makes, of a policy over the same space. Every
    probability is then that controller's, which may have learned on since the episode was sampled;
    after a click the old ones stay as marks beside the new. `chosen` is the network as it then is.
    The button "Sample again" plays another network of the controller (`sample_again()`); "×100"
    samples a hundred and shows, beside the probabilities, how often each option was picked
    (`count_samples()`). A `Policy`, as `ev.load_policy` reads it, is a controller, too: its final
    one answers, and a hundred samples of its first one are counted beside those of the final one.
    Pages that are saved of such a replay hold the policy and sample without a kernel.

    guess: whether the reader first guesses which option the controller will find most likely: until
    a click on one, or on "Show me", the step is not told and play waits. Of skips that are decided
    together it is one of them. A film asks about the network that is open; the theatre shows every
    step without asking.
    Raises ValueError for an episode without steps, and for a controller of another space;
    TypeError for what cannot be replayed, and for a controller that is no such callable.

    All state is in traits, so it survives in saved notebooks: `step` (clamped), `moment`
    (which episode of the film, from 0, clamped), `playing`, `rolling` (the film plays), `speed`,
    `silent`, `temperature` (what if the recorded logits were divided by it before the softmax);
    `theatre` (whether it is open); `guess`, `guesses` (of the open episode, by step; -1: looked
    without one) and `points` (right, guessed); `counts`, of a hundred samples; `scene`, `episode`,
    `film` and `stage` are what the module draws.
    """

    _esm = module("theatre.js")
    _css = look("theatre")
    height = FRAME  # pixels of a frame around its page
    _hint = HINT
    _joins = True  # whether its module may be joined with others: more samples, guesses
    scene = traitlets.Dict().tag(sync=True, told=True)
    episode = traitlets.Dict().tag(sync=True, told=True)
    film = traitlets.Dict().tag(sync=True, told=True)
    step = Whole(0).tag(sync=True)
    moment = Whole(0).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    rolling = traitlets.Bool(False).tag(sync=True)
    silent = traitlets.Bool(False).tag(sync=True)
    speed = Number(1.0, min=LEAST, max=MOST_OF).tag(sync=True)
    temperature = Number(1.0, min=LEAST, max=MOST_OF).tag(sync=True)
    free = traitlets.Bool(False).tag(sync=True, told=True)  # whether the reader may choose
    asks = traitlets.Bool(False).tag(sync=True, told=True)  # and a controller answers
    # all that is decided shows, whatever the step
    whole = traitlets.Bool(False).tag(sync=True, told=True)
    stage = traitlets.Dict().tag(sync=True, told=True)  # where everything stands in the theatre
    theatre = traitlets.Bool(False).tag(sync=True)  # whether it is open
    mine = traitlets.List().tag(sync=True)  # what each step picks, where the reader chose
    answer = traitlets.Dict().tag(sync=True, told=True)  # that episode, as the controller has it
    counts = traitlets.Dict().tag(sync=True, told=True)  # {samples, series: [{name, steps}]}
    guess = traitlets.Bool(False).tag(sync=True)
    guesses = traitlets.Dict().tag(sync=True)  # {step: option}
    points = traitlets.List([0, 0]).tag(sync=True)  # right, guessed

    def __init__(
        self,
        x: Any,
        controller: Continuation | Policy | None = None,
        *,
        colour: Colour = "op",
        reductions: bool | None = None,
        step: int | None = None,
        speed: float = 1.0,
        moments: int = MOST,
        silent: bool = False,
        as_article: bool = False,
        theatre: bool = False,
        guess: bool = False,
    ) -> None:
        self.episodes = _playable(x, moments, "skips-first" if as_article else "op-first")
        self._policy = controller if isinstance(controller, Policy) else None
        if self._policy:
            controller = _of_the_same_space(self._policy, self.episodes[-1])
        self._controller, self._seed = controller, 0
        self._fresh: Episode | None = None  # a new sample that is shown in place of the recorded
        if controller is not None:
            self.episodes = (_asked(controller, self.episodes[-1]),)
        self._extras = ("guess.js",) * bool(guess)
        own = {}
        joined = (*("draws.js",) * (controller is not None), *self._extras)
        if joined and self._joins:
            own = {"_esm": module("theatre.js", *joined), "_css": look("theatre", *joined)}
            # a page keeps one style sheet for each id: that of whoever came last
            own["_anywidget_id"] = ".".join([__name__, type(self).__name__, *joined])
        self._looks = {"colour": colour, "reductions": reductions, "as_article": as_article}
        self._scene = scene_of(self.episodes[0], silent=silent, **self._looks)
        self.trace = x if len(self.episodes) > 1 else None
        curves = series(x) if self.trace else None
        made = film(x, self.episodes, curves) if self.trace else {}
        super().__init__(
            scene=skeleton(self._scene),
            episode={} if made else episode_json(self.episodes[0]),
            film=made,
            speed=speed,
            silent=silent,
            stage=stage_of(self._scene, self.trace, self.episodes, made or None, curves),
            theatre=theatre,
            free=controller is not None,
            asks=controller is not None,
            guess=guess,
            **own,
        )
        self.on_msg(self._heard)
        self.moment = made.get("best", 0)
        if step is None and theatre and made:
            step = telling_step(self._scene, self.episodes)
        if step is None and guess:
            step = 0
        self.step = (len(self._scene.plan) if made else 0) if step is None else step

    @property
    def options(self) -> dict[str, Any]:
        """How stills and animations of it are drawn."""
        return {**self._looks, "silent": self.silent}

    @property
    def recorded(self) -> Episode:
        """The episode that is open: as recorded, or a new sample of the controller."""
        return self._fresh or self.episodes[self.moment]

    @property
    def chosen(self) -> Architecture:
        """The network that is shown: as recorded, or as the reader has it."""
        if not self.mine:
            return self.recorded.architecture
        return assemble(self._scene.space, self.mine, self._scene.order)

    @property
    def shown(self) -> Episode:
        """The episode that is shown: as recorded, or with the reader's choices in it and, where a
        controller answered, its probabilities."""
        if not self.mine:
            return self.recorded
        told = [row for _, row in self.answer["steps"]] if self.answer else None
        steps = (
            dataclasses.replace(
                step, picks=tuple(picks), logits=tuple(map(tuple, told[t])) if told else step.logits
            )
            for t, (step, picks) in enumerate(zip(self.recorded.steps, self.mine, strict=True))
        )
        return dataclasses.replace(
            self.recorded, architecture=self.chosen, steps=tuple(steps), accuracy=None, reward=None
        )

    # ---- the reader's choices

    @traitlets.validate("mine")
    def _valid(self, proposal: Any) -> list[list[int]]:
        picks = proposal["value"]
        if not picks:
            return []
        try:
            assemble(self._scene.space, picks, self._scene.order)  # refuses what cannot be
        except (TypeError, ValueError) as error:
            raise Refused(
                f"mine must be what each of the {len(self._scene.plan)} steps picks; got "
                f"{shortened(picks)}: {error}"
            ) from None
        return [list(map(int, row)) for row in picks]

    @traitlets.observe("mine")
    def _answered(self, _: Any) -> None:
        """Asks the controller what it says to the choices."""
        asked = bool(self.mine) and self._controller is not None
        try:
            self.answer = episode_json(reply(self._controller, self.mine)) if asked else {}
        except Exception:
            self.answer = {}  # no probabilities of other choices
            raise

    # ---- the controller's

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """A button: the controller goes on from a step, samples, or is left alone."""
        if not isinstance(content, dict) or self._controller is None:
            return
        step = content.get("step")
        heard = {
            "continue": lambda: self.go_on(step if type(step) is int else None),
            "sample": self.sample_again,
            "recorded": lambda: self._show(None),
            "count": self._count,
            "hide": lambda: setattr(self, "counts", {}),
        }
        ask = content.get("ask")
        if isinstance(ask, str) and ask in heard:
            heard[ask]()

    def go_on(self, step: int | None = None) -> None:
        """Lets the controller decide everything after `step`, by default the present one.

        Raises ValueError where there is no controller.
        """
        controller = self._asked_for("go on")
        if step is not None and type(step) is not int:
            raise ValueError(f"step must be an int, or None for the present one; got {step!r}")
        at = self.step if step is None else max(0, min(step, len(self._scene.plan) - 1))
        now = self.mine or [list(s.picks) for s in self.recorded.steps]
        found = reply(controller, now[: at + 1], seed=self._next_seed())
        self.mine = [list(s.picks) for s in found.steps]

    def sample_again(self) -> Episode:
        """Another network of the controller, shown from its first step on; the answer is its
        episode. Each call takes the next seed, from 1.

        Raises ValueError where there is no controller.
        """
        found = reply(self._asked_for("sample"), (), seed=self._next_seed())
        self._show(found)
        return found

    def count_samples(self) -> dict[str, Histogram]:
        """Samples a hundred networks and shows how often each option was picked at every step.

        The answer is what `enas_viz.records.policy.histogram` gives, by name: "controller", or of a
        recorded policy "before the search" and "after the search", of the same seeds. Each call
        takes the next hundred seeds. Raises ValueError where there is no controller.
        """
        controllers = {"controller": self._asked_for("sample")}
        if self._policy:
            controllers = {name: self._policy.controller(s) for s, name in NAMES.items()}
        seed = self._next_seed(SAMPLES)
        found = {name: histogram(sample(c, SAMPLES, seed)) for name, c in controllers.items()}
        series = [{"name": name, "steps": steps} for name, steps in found.items()]
        self.counts = {"samples": SAMPLES, "series": series, "seed": seed}
        return found

    def _count(self) -> None:
        try:
            self.count_samples()
        except Exception as error:
            self.counts = {"problem": f"{type(error).__name__}: {error}"}
            raise

    def _show(self, fresh: Episode | None) -> None:
        """A new sample, or again the recorded episode, from the first step on."""
        self._fresh = fresh
        with self.hold_sync():
            self.playing, self.mine, self.guesses, self.step = False, [], {}, 0
            self.episode = self._episode_json()

    def _episode_json(self) -> dict[str, Any]:
        told = episode_json(self.recorded)
        if self._fresh is None:
            return told
        whose = "recorded policy" if self._policy else "controller"
        return {**told, "facts": f"A new sample of the {whose}", "fresh": True}

    def _asked_for(self, what: str) -> Continuation:
        if self._controller is None:
            raise ValueError(
                f"there is no controller to {what}: Replay(episode, search.ask(run)), or a "
                f"recorded policy: Replay(episode, ev.load_policy(...))"
            )
        return self._controller

    def _next_seed(self, count: int = 1) -> int:
        """The first of so many seeds that were not used before."""
        first = self._seed + 1
        self._seed += count
        return first

    # ---- the reader's guesses

    @traitlets.validate("guess")
    def _guessable(self, proposal: Any) -> bool:
        if proposal["value"] and not self._extras:
            raise Refused(
                "guess must be asked for when the replay is made: Replay(x, guess=True); got True"
            )
        return proposal["value"]

    @traitlets.validate("guesses")
    def _valid_guesses(self, proposal: Any) -> dict[str, int]:
        guesses, plan = proposal["value"], self._scene.plan
        steps = {str(t): SHOWN for t in range(len(plan))}
        for step, option in guesses.items():
            most = self._scene.turns[int(step)].n if step in steps else 0
            if type(option) is not int or not SHOWN <= option < most:
                raise Refused(
                    f"guesses must be an option, from 0, or {SHOWN} for each of some steps, such "
                    f"as {{'0': 2}}; got {shortened(guesses)}"
                )
        return guesses

    @traitlets.validate("points")
    def _valid_points(self, proposal: Any) -> list[int]:
        points = proposal["value"]
        if [type(n) for n in points] != [int, int] or not 0 <= points[0] <= points[1]:
            raise Refused(
                f"points must be how many guesses were right, and of how many, such as [3, 5]; got "
                f"{shortened(points)}"
            )
        return points

    @traitlets.validate("silent")
    def _folded(self, proposal: Any) -> bool:
        if proposal["value"] and self._looks["as_article"]:
            raise Refused(
                "silent must be False where a replay is drawn as in the article; got True"
            )
        return proposal["value"]

    @traitlets.validate("step")
    def _clamp(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self._scene.plan) - 1))

    @traitlets.validate("moment")
    def _clamp_moment(self, proposal: Any) -> int:
        return max(0, min(proposal["value"], len(self.episodes) - 1))

    def drawing(self, step: int | None = None) -> Drawing:
        """A still: the finished network, under the curves of a film; or the state at a step."""
        return self._still("") if step is None else draw(self.shown, step=step, **self.options)

    def _still(self, hint: str) -> Drawing:
        if self.mine:
            return draw(self.chosen, hint=hint, **self.options)
        if self.trace:
            return draw_moment(self.film, self.episodes, self.moment, hint=hint, **self.options)
        return draw(self.recorded, hint=hint, **self.options)

    def html(self) -> str:
        """One complete page that plays this without a kernel and without a network."""
        names = (
            "episode",
            "film",
            "step",
            "moment",
            "silent",
            "speed",
            "temperature",
            "mine",
            "answer",
            "stage",
            "theatre",
            "guess",
            "guesses",
            "points",
        )
        told, extras = {name: getattr(self, name) for name in names}, self._extras
        if self._policy:
            told |= {"counts": self.counts, "policy": self._policy.told(), "free": True}
            told |= {"asks": True, "origin": episode_json(self.episodes[0])}
            extras = ("answers.js", "draws.js", *extras)
        return theatre_page(replay_state(self._scene, **told), self.drawing(), extras)

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self._still(self._hint)


def _of_the_same_space(policy: Policy, episode: Episode) -> Continuation:
    """The final controller of a policy. ValueError where it decides in another space or order."""
    space, order = episode.architecture.space, episode.order
    if policy.space != space:
        raise ValueError(
            f"the policy decides in {policy.space}, the episode in {space}; give one of the same "
            f"space"
        )
    if policy.header.order != order:
        raise ValueError(
            f"the policy decides {policy.header.order}, the episode {order}; give one of the same "
            f"order"
        )
    return policy.controller("final")


def _asked(controller: Continuation, episode: Episode) -> Episode:
    """The same decisions with the probabilities that `controller` gives them now."""
    try:
        now = reply(controller, [step.picks for step in episode.steps])
    except (ValueError, IndexError):
        now = reply(controller, ())  # of its own space, which may be another
        if now.architecture.space == episode.architecture.space:
            raise
    if now.architecture != episode.architecture:
        if now.architecture.space == episode.architecture.space:
            raise ValueError(
                "the controller must answer with the picks that it was told; it answered with "
                "another architecture"
            )
        raise ValueError(
            f"the controller decides in {now.architecture.space}, the episode in "
            f"{episode.architecture.space}; ask one of the same space"
        )
    return dataclasses.replace(episode, steps=now.steps)


def reply(controller: Continuation, picks: Any, **how: Any) -> Episode:
    """What a controller says to picks. TypeError where it is none."""
    wanted = "controller must be a callable controller(picks, seed), as search.ask(run) makes one"
    if not callable(controller) or isinstance(controller, type):
        raise TypeError(f"{wanted}; got {shortened(controller)}")
    try:
        inspect.signature(controller).bind(picks, **how)
    except TypeError:
        raise TypeError(f"{wanted}; got {shortened(controller)}") from None
    except ValueError:  # of some callables no signature can be told
        pass
    found = controller(picks, **how)
    if not isinstance(found, Episode) or not found.steps:
        raise TypeError(f"{wanted}, which answers an Episode with steps; got {shortened(found)}")
    return found


def _playable(x: Any, most: int, macro_order: Order) -> tuple[Episode, ...]:
    if isinstance(x, Trace) and len(several := moments(x, most)) > 1:
        return several
    return (played(subject(x), macro_order),)
