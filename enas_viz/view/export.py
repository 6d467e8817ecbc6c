"""Files and pictures: `draw` shows, `save` writes SVG, PNG, animations and offline pages.

Not here: what is in the picture (`scene`, `svg`); how it is put together (`animation`);
playing (`static/replay.js`).
"""

from __future__ import annotations

import base64
import importlib.util
import inspect
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape, unescape
from itertools import chain, groupby
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal, get_args

from enas_viz.recipes import Recipe
from enas_viz.records.files import check_target, write_bytes, write_text
from enas_viz.records.trace import Episode, Trace
from enas_viz.spaces import Architecture
from enas_viz.view import animation, kinds
from enas_viz.view.assets import look, module, shipped
from enas_viz.view.clear import both, clear
from enas_viz.view.closeup import layer_svg
from enas_viz.view.curves import figure, series, summary
from enas_viz.view.given import played
from enas_viz.view.reel import Reel
from enas_viz.view.repaint import Canvas
from enas_viz.view.scene import Colour, Scene, episode_json, scene_of, subject
from enas_viz.view.scores import scores_of, scores_svg
from enas_viz.view.slabs import Plan
from enas_viz.view.stack import describe_stack, plan_of
from enas_viz.view.stage import SIZES, Play, stage_of, telling_step
from enas_viz.view.step_closeup import opened, step_svg
from enas_viz.view.svg import cell_still, describe, network_still, skeleton, still
from enas_viz.view.timeline import MOST, film, moments, panel

ENDINGS = (".svg", ".png", ".html", *animation.ENDINGS)
FRAMES = 60  # moments in an animation of a whole search
FRAME_SECONDS = 0.25  # and how long each is shown
STAGE_SECONDS = 0.4  # and on the stage, where things move in between
GIF_TICK = 0.1  # seconds of a frame of a GIF in which things move
TRUST_HINT = (
    "If you see none, trust the notebook (in JupyterLab: right-click, Trust Notebook) or run the "
    "cell."
)
FRAME_HINT = f"This frame plays by itself. {TRUST_HINT}"
CLICK_HINT = f"In this frame a click on a cell opens it. {TRUST_HINT}"
FEW = 255  # colours of a PNG in a notebook
ZOOM = 2  # pixels of a PNG per pixel of the drawing
WIDEST = 16_000  # pixels of a PNG; browsers show none that are wider than 16,384
MOST_ARCS = 1000  # skips that a PNG draws one by one
MOST_JOINED = 2000  # and as one path: what a path costs grows faster than its length

Level = Literal["graph", "network"]


class NoPixels(ModuleNotFoundError):
    """What turns a drawing into pixels is not installed."""


@dataclass(frozen=True)
class Drawing:
    """A picture: `svg` is a complete document, `png` its pixels, both on white.

    What Jupyter, GitHub and nbconvert show is another PNG, of no ground and in colours that light
    and dark pages carry (`view.clear`).
    """

    svg: str
    pixels: bytes = b""  # its PNG, where it was made together with the SVG
    unframed: bytes = b""  # and the one for notebooks
    said: str = ""  # what it shows in words, where the SVG does not say so itself

    @property
    def about(self) -> str:
        """What it shows in words: the whole network, a step, or how curves go."""
        found = re.search("<desc>(.*?)</desc>", self.svg, flags=re.S)
        return self.said or (unescape(found[1]) if found else "")

    @cached_property
    def png(self) -> bytes:
        return self.pixels or png(self.svg)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """PNG, which notebooks scale down to their cells; they would cut a wide SVG off, which is
        what they get without resvg."""
        try:
            shown = self.unframed or png(clear(self.svg))
        except NoPixels:
            return {"image/svg+xml": clear(self.svg), "text/plain": repr(self)}, {}
        pixels = int.from_bytes(shown[16:20], "big")  # a PNG's header holds its width
        width = round(pixels / zoom_of(self.svg))
        small = base64.b64encode(few_colours(shown)).decode()
        looks = {"width": width, "alt": self.about}
        return {"image/png": small, "text/plain": repr(self)}, {"image/png": looks}

    def __repr__(self) -> str:
        return f"<enas_viz drawing: {self.about or 'a picture'}>"


def with_still(bundle: Any, draw_it: Callable[[], Drawing]) -> Any:
    """A widget's bundle, and a still beside it for viewers without widgets (GitHub, nbconvert).

    bundle: what anywidget makes, None where there is nothing to show.
    """
    if bundle is None:
        return None
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    still, looks = draw_it()._repr_mimebundle_()
    kind = next(iter(still))  # "image/png", or "image/svg+xml" without resvg
    return {**data, kind: still[kind]}, {**metadata, **looks}


@dataclass(frozen=True, repr=False)
class NetworkDrawing(Drawing):
    """A whole network; `html()` is a page in which a click on a cell opens it."""

    plan: Plan | None = None
    colour: Colour = "op"

    def html(self) -> str:
        return network_page(self.plan, self.colour)

    def iframe(self, height: int = 720) -> Any:
        """The page inside a frame, as an output that works in an exported notebook, too."""
        from IPython.display import HTML  # only there where a notebook is

        return HTML(iframe(self.html(), height, CLICK_HINT))


def draw(
    x: Any,
    *,
    level: Level = "graph",
    colour: Colour = "op",
    step: int | None = None,
    reductions: bool | None = None,
    silent: bool = False,
    as_article: bool = False,
    hint: str = "",
    layers: int | None = None,
    filters: int | None = None,
    resolution: int | None = None,
    recipe: Recipe | str | None = None,
) -> Drawing:
    """The network of an architecture, an episode or a trace (`Trace.best`: of what kept its steps).

    x: one of these, or an architecture as a name ("enas-micro"), as the authors' flat list or
    print, or as a genotype; the picture says how it was read. level: "graph", the layers of a
    macro network or the pair of cells, with all edges; "network", the whole network as a stack
    with the sizes of its tensors, of "article-micro" the article's block. Its page (saved as
    .html, or `iframe()` of the drawing) opens a cell when it is clicked. layers (normal cells
    of a micro network), filters (channels at full resolution) and resolution (pixels) set its
    sizes; by default they are those of `recipe`, a recipe or a name such as
    "micro-final-released", else of the episode's recipe, else of the authors' search script.
    colour: what colours mean, operations, layers (macro) or nodes (micro). step: of an episode,
    the state at that step of the controller (from 0, negative from the end), with its
    probabilities; by default the finished network. reductions: of a macro network, whether to
    show where feature maps are halved (see `scene_of`). silent: of cells, whether the steps
    that decide nothing are shown and counted; left out, each is told with the decision before
    it. as_article: whether it is drawn as the article draws its two examples (see `scene_of`).
    hint: a last line for the reader.
    Raises ValueError for a step that is not there, and for options that the level does not have.
    """
    if not isinstance(hint, str):
        raise TypeError(f"hint must be a line for the reader, a str; got {shortened(hint)}")
    shown = subject(x)
    sizes = {"layers": layers, "filters": filters, "resolution": resolution, "recipe": recipe}
    if level == "network":
        if step is not None:
            raise ValueError("the whole network has no steps; step= goes with level='graph'")
        if silent or as_article:
            wrong = "silent" if silent else "as_article"
            raise ValueError(f"{wrong}= goes with level='graph'")
        plan = plan_of(shown, **sizes)
        return NetworkDrawing(network_still(plan, colour, hint=hint), plan=plan, colour=colour)
    if level != "graph":
        raise ValueError(
            f"level is one of {', '.join(map(repr, get_args(Level)))}; got {shortened(level)}"
        )
    if given := [name for name, value in sizes.items() if value is not None]:
        raise ValueError(f"{given[0]}= goes with level='network'")
    scene = scene_of(shown, colour, reductions, silent, as_article)
    if isinstance(shown, Architecture):
        if step is not None:
            raise ValueError("an architecture has no steps; step= goes with an episode")
        return Drawing(still(scene, shown, hint=hint))
    if step is not None:
        shown = _with_steps(shown)
    return Drawing(still(scene, shown.architecture, shown, _step(shown, step), hint=hint))


def draw_moment(
    made: dict[str, Any],
    shown: Sequence[Episode],
    moment: int,
    *,
    colour: Colour = "op",
    reductions: bool | None = None,
    silent: bool = False,
    as_article: bool = False,
    hint: str = "",
) -> Drawing:
    """A still of a search's film: its curves at one of the `shown` moments, and that network.

    made: what `timeline.film(trace, shown)` returned. hint: a last line for the reader.
    """
    scene = scene_of(shown[moment], colour, reductions, silent, as_article)
    above = (panel(made, moment),)
    episode = shown[moment]
    return Drawing(still(scene, episode.architecture, episode, above=above, hint=hint))


def _with_steps(shown: Any) -> Any:
    """An episode of a search without steps with those of even chances; anything else as it is."""
    of_search = isinstance(shown, Episode) and not shown.extra.get("read")
    return played(shown) if of_search else shown


def _step(episode: Episode, step: int | None) -> int | None:
    if step is None:
        return None
    n = len(episode.steps)
    if not n:
        raise ValueError(
            "this episode was recorded without its steps, so it has no step to show; leave out "
            "step= to draw the finished network"
        )
    if type(step) is not int or not -n <= step < n:
        raise ValueError(
            f"step is from 0 to {n - 1} (or negative, from the end); got {shortened(step)}"
        )
    return step % n


def draw_layer(architecture: Architecture, layer: int, source: str = "code") -> Drawing:
    """One layer of a macro architecture in close-up: where its skips enter, how they are merged.

    architecture: also in any other form that `draw` takes. layer: from 2, as readers count. source:
    "code", "article" or "paper", which differ in this.
    Raises ValueError for another source or layer, and for micro architectures; TypeError for what
    is no architecture.
    """
    shown = subject(architecture)
    found = shown if isinstance(shown, Architecture) else shown.architecture
    return Drawing(layer_svg(found, layer, source))


def draw_step(
    episode: Episode,
    step: int = 0,
    *,
    temperature: float | None = None,
    constant: float | None = None,
    compare: bool = False,
) -> Drawing:
    """One step of the controller in close-up: input, gates, state, logits, squashing, draw.

    episode: one that kept what the LSTM held: of `ev.load_trace("controller-macro")`, of
    `search.dissect(controller)`, or recorded with record="full" (which keeps less, so less is
    drawn). step: from 0, negative from the end. temperature, constant: what if raw logits had been
    shaped by these, `constant * tanh(raw / temperature)`, and the same draws made. compare: also
    draw the recorded curve, dashed, on the same axes.
    Raises ValueError for an episode without it, a step that is not there, numbers not positive, and
    compare=True where temperature and constant are those of the recording; TypeError for what is no
    episode.
    """
    if not isinstance(compare, bool):
        raise TypeError(f"compare must be True or False; got {shortened(compare)}")
    found = opened(episode, step, temperature=temperature, constant=constant)
    return Drawing(step_svg(found, compare=compare))


def draw_scores(x: Any, what: str = "") -> Drawing:
    """Scores with their standard errors, so that one sees which of them overlap.

    x: candidates as `search.derive` ranks them, runs as `ledger.kept` returns them, or plain
    numbers in percent, {label: (value, standard error)}. what: is measured, a title; known of
    candidates and runs. Raises ValueError when there is none.
    """
    lines, known = scores_of(x)
    if not isinstance(what, str):
        raise TypeError(f"what must be a title, a str; got {shortened(what)}")
    return Drawing(scores_svg(lines, what or known))


def plot(trace: Trace) -> Drawing:
    """The curves of a search: reward and baseline, operations sampled, entropy.

    Raises ValueError when the trace holds no episode with an accuracy, TypeError for what is no
    trace.
    """
    if not isinstance(trace, Trace):
        raise TypeError(
            "plot draws the curves of a recorded search, a Trace as ev.load_trace(...) reads it; "
            f"got {shortened(trace)}"
        )
    made, vector, raster, unframed = figure(trace), io.StringIO(), io.BytesIO(), io.BytesIO()
    made.savefig(vector, format="svg", metadata={"Date": None})
    made.savefig(raster, format="png", dpi=72 * ZOOM)
    figure(trace, both).savefig(unframed, format="png", dpi=72 * ZOOM, transparent=True)
    return Drawing(vector.getvalue(), raster.getvalue(), unframed.getvalue(), summary(trace))


def save(x: Any, path: str | Path, **options: Any) -> Path:
    """Writes what can be drawn to a file: .svg, .png (two pixels for one), .html, .gif or .mp4.

    The page is complete: it needs no network and no kernel. It replays an episode that kept its
    steps, or the whole search of a trace (moments: at most so many of its episodes). options: as
    for `draw`. A `Replay`, a `Dashboard` or a `Drawing` is saved as it is; the page of a `Replay`
    with a recorded policy samples from it.

    An animation shows every step of an episode, or the search of a trace (moments: so many, 60);
    the last picture stays longer. A .gif goes round for ever, .mp4 needs
    `pip install "enas-viz[video]"`. Further options: seconds, how long a picture is shown (a step
    1.2, a moment 0.25); width, in pixels (by default the drawing's own, at most 1600). A `Loop`
    becomes a film of one turn, the present one, or of so many from there on (turns).

    size: "16:9", of .svg, .png, .gif and .mp4: what a replay's theatre shows, 1280 by 720 pixels,
    with words that are read from the back of a room. Its animations move between the pictures; a
    search is seen at one step of the controller (step: by default the one of a Replay, else the one
    whose probabilities change most), each moment for 0.4 seconds unless asked otherwise.

    The file appears under its name only once it is complete; until then one that was there before
    stays. Raises ValueError for another ending, and for an animation of what has no steps; what
    `files.check_target` raises, FileNotFoundError when the folder is missing, before anything is
    drawn; ModuleNotFoundError when an .mp4 lacks its extra.
    """
    path = check_saved(path)
    ending = path.suffix.lower()
    if "size" in options:
        _save_staged(x, path, **options)
        return path
    if isinstance(x, Drawing) and options:
        raise ValueError(
            f"a drawing is saved as it is; pass {next(iter(options))}= to the function that drew it"
        )
    if ending in animation.ENDINGS and is_widget(x) and hasattr(x, "reel"):  # a loop
        _animate_reel(x, path, **options)
        return path
    level = options.get("level", "graph")
    if ending in (*animation.ENDINGS, ".html") and level == "graph":
        options = {k: v for k, v in options.items() if k != "level"}
        _check_options(ending, options)
    if ending == ".html":
        write_text(path, _page_of(x, **options))
        return path
    if ending in animation.ENDINGS:
        if level == "network":
            raise ValueError(
                f"a whole network has no steps to show in an animation ({path.suffix}); save it "
                f"as .html, .svg or .png"
            )
        _animate(x, path, **options)
        return path
    drawing = _drawing_of(x, **options)
    if ending == ".svg":
        write_text(path, drawing.svg)
    else:
        write_bytes(path, drawing.png)
    return path


def check_saved(path: str | Path) -> Path:
    """The path, if `save` can write there. ValueError for another ending, TypeError for what is no
    path, and what `files.check_target` raises."""
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be the name of a file, a str or a Path; got {shortened(path)}")
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"a drawing is saved as {', '.join(ENDINGS)}; got {path.name[-100:]!r}")
    return check_target(path)


def _check_options(ending: str, options: dict[str, Any]) -> None:
    """Raises ValueError for an option that a page or an animation does not have."""
    known = {"colour", "reductions", "silent", "as_article", "step", "moments"}
    if ending in animation.ENDINGS:
        known |= {"seconds", "width"}
    for name in options:
        if name not in known:
            raise ValueError(
                f"{name}= does not go with {ending}; it takes {', '.join(sorted(known))}"
            )


def _drawing_of(x: Any, **options: Any) -> Drawing:
    if isinstance(x, Drawing):
        return x
    if not is_widget(x):
        known = [k for k in inspect.signature(draw).parameters if k != "x"]
        if wrong := [name for name in options if name not in known]:
            raise ValueError(f"{wrong[0]}= does not go with a picture; it takes {', '.join(known)}")
        return draw(x, **options)
    takes = inspect.signature(x.drawing).parameters
    if wrong := [name for name in options if name not in takes]:
        raise ValueError(_as_it_stands(x, wrong[0]))
    return x.drawing(**options)


def _as_it_stands(x: Any, option: str) -> str:
    return f"a {type(x).__name__} is saved as it is; pass {option}= to the widget, not to save"


def is_widget(x: Any) -> bool:
    """Whether it is one of ours, which has a page and a still of its own."""
    return not isinstance(x, type) and hasattr(x, "html") and hasattr(x, "drawing")


def _page_of(x: Any, **options: Any) -> str:
    if is_widget(x) or isinstance(x, NetworkDrawing):
        if options:
            raise ValueError(_as_it_stands(x, next(iter(options))))
        return x.html()
    if isinstance(x, Drawing):
        return picture_page(x, "A network that a controller built")
    if options.get("level") == "network":
        return draw(x, **options).html()
    step, most = options.pop("step", None), options.pop("moments", None)
    if most is not None and not isinstance(x, Trace):
        raise ValueError("moments= goes with a trace, of which so many episodes can be opened")
    if isinstance(x, Trace) and len(several := moments(x, MOST if most is None else most)) > 1:
        made = film(x, several)
        scene, step = (
            scene_of(several[0], **options),
            _step(several[0], -1 if step is None else step),
        )
        best = made["best"]
        shown = draw_moment(made, several, best, **options)
        stage = stage_of(scene, x, several, made)
        return theatre_page(
            replay_state(scene, film=made, moment=best, step=step, stage=stage), shown
        )
    shown = _with_steps(subject(x))
    if isinstance(shown, Episode) and shown.steps:
        still = draw(shown, step=step, **options)
        scene, step = scene_of(shown, **options), _step(shown, step) or 0
        told = {"episode": episode_json(shown), "step": step, "stage": stage_of(scene)}
        return theatre_page(replay_state(scene, **told), still)
    architecture = shown if isinstance(shown, Architecture) else shown.architecture
    return picture_page(draw(shown, step=step, **options), describe(scene_of(shown), architecture))


def _animate(
    x: Any, path: Path, *, seconds: float | None = None, width: int | None = None, **options: Any
) -> None:
    if is_widget(x) and hasattr(x, "frames"):  # a dashboard
        _animate_frames(x, path, seconds, width, **options)
        return
    if is_widget(x) and hasattr(x, "options"):  # a replay
        x, options = (not x.mine and x.trace) or x.shown, {**x.options, **options}
    if is_widget(x):
        raise ValueError(
            f"an animation ({path.suffix}) needs the steps of an episode; a {type(x).__name__} can "
            f"be saved as .html, .svg or .png"
        )
    if "step" in options:
        raise ValueError(
            f"an animation ({path.suffix}) shows every step; leave out step=, or save that one "
            f"step as .svg or .png"
        )
    several = moments(x, options.pop("moments", FRAMES)) if isinstance(x, Trace) else ()
    shown = x if isinstance(x, Drawing) else _with_steps(subject(x))
    if not isinstance(shown, Episode) or not shown.steps:
        without = "an episode that was recorded without them"
        got = without if isinstance(shown, Episode) else f"a single {type(shown).__name__}"
        raise ValueError(
            f"an animation ({path.suffix}) needs the steps of an episode; got {got}, which can be "
            f"saved as .svg or .png"
        )
    if seconds is None:
        seconds = FRAME_SECONDS if len(several) > 1 else animation.SECONDS
    animation.timing(seconds)
    if path.suffix.lower() == ".mp4":
        animation.ffmpeg()  # says so before the work when it is missing
    if len(several) > 1:
        made = film(x, several)
        drawn = (draw_moment(made, several, k, **options).svg for k in range(len(several)))
    else:
        drawn = (draw(shown, step=step, **options).svg for step in scene_of(shown, **options).shown)
    _write(path, drawn, seconds, width)


def _animate_frames(
    x: Any, path: Path, seconds: float | None, width: int | None, moments: int = FRAMES, **rest: Any
) -> None:
    if rest:
        raise ValueError(f"{next(iter(rest))}= does not go with an animation of a dashboard")
    if type(moments) is not int or moments < 2:
        raise ValueError(f"a film has at least 2 moments; got moments={shortened(moments)}")
    seconds = FRAME_SECONDS if seconds is None else seconds
    animation.timing(seconds)
    if path.suffix.lower() == ".mp4":
        animation.ffmpeg()
    _write(path, (drawing.svg for drawing in x.frames(moments)), seconds, width)


def _animate_reel(
    x: Any,
    path: Path,
    seconds: float | None = None,
    width: int | None = None,
    turns: int = 1,
    **rest: Any,
) -> None:
    if rest:
        raise ValueError(
            f"{next(iter(rest))}= does not go with a film of a {type(x).__name__}; it takes "
            f"seconds, turns, width"
        )
    film = path.suffix.lower() == ".mp4"
    if seconds is None:
        seconds = 1 / animation.RATE if film else GIF_TICK
    else:
        animation.timing(seconds)
    if film:
        animation.ffmpeg()
    drawn = (drawing.svg for drawing in x.reel(seconds, turns))
    _write(path, drawn, seconds, width)


def _write(path: Path, drawn: Iterable[str], seconds: float, width: int | None) -> None:
    """Renders pictures, as SVG, and writes them as an animation."""
    stills = iter(drawn)
    first = next(stills)
    canvas = Canvas(_pixels, animation.pixels(width, natural_width(first)))
    pictures = (canvas.show(_with_joined_arcs(svg)) for svg in chain([first], stills))
    animation.animate(path, pictures, seconds)


# ---------------------------------------------------------------- the stage


def _save_staged(x: Any, path: Path, size: Any, **options: Any) -> None:
    ending = path.suffix.lower()
    if not isinstance(size, str) or size not in SIZES:
        raise ValueError(
            f"size is {' or '.join(map(repr, SIZES))} (1280 by 720 pixels); leave it out for the "
            f"drawing's own; got {shortened(size)}"
        )
    if ending == ".html":
        raise ValueError(
            "a page fits itself to its window; size= goes with .svg, .png, .gif and .mp4"
        )
    known = {"as_article", "colour", "reductions", "silent", "step", "moments"}
    moving = ending in animation.ENDINGS
    if moving:
        known.add("seconds")
    if wrong := [name for name in options if name not in known]:
        raise ValueError(
            f"{wrong[0]}= does not go with size={size!r}; it takes {', '.join(sorted(known))}"
        )
    seconds = options.pop("seconds", None)
    play = staged(x, moving=moving, **options)
    if ending == ".svg":
        write_text(path, play.svg())
    elif ending == ".png":
        write_bytes(path, png(play.svg(), 1))
    else:
        if "step" in options and not play.is_film:
            raise ValueError(
                f"an animation ({path.suffix}) shows every step; leave out step=, or save that one "
                f"step as .svg or .png"
            )
        if seconds is None:
            seconds = STAGE_SECONDS if play.is_film else animation.SECONDS
        animation.timing(seconds)
        if ending == ".mp4":
            animation.ffmpeg()  # says so before the work when it is missing
        animation.roll(path, Reel(play, seconds, _pixels))


def staged(x: Any, *, moving: bool = False, step: int | None = None, **options: Any) -> Play:
    """What the theatre shows of an episode, of the search of a trace, or of a `Replay` as it is.

    moving: for an animation, in which a Replay's film has as many moments as that of a trace. step:
    which is seen; of an episode by default the last, of a film `telling_step`. options: colour,
    reductions and silent, as for `draw`; moments: at most so many episodes of a trace (60).
    Raises ValueError for what has no steps, and for a step that is not there.
    """
    most = options.pop("moments", None)
    search, shown, made, at = x if isinstance(x, Trace) else None, (), None, None
    if is_widget(x) and hasattr(x, "episodes"):  # a replay
        options = {**x.options, **options}
        step = x.step if step is None else step
        search = None if x.mine else x.trace
        if search and not moving and most is None:
            shown, made, at = x.episodes, x.film, x.moment
        x = x.shown
    if is_widget(x) or isinstance(x, Drawing):
        raise ValueError(
            f"size= goes with an episode, a trace or a Replay, which have steps; got a "
            f"{type(x).__name__}"
        )
    if search and not shown:
        shown = moments(search, FRAMES if most is None else most)
    if len(shown) > 1:
        found = series(search)
        made = made or film(search, shown, found)
        scene = scene_of(shown[0], **options)
        step = telling_step(scene, shown) if step is None else _step(shown[0], step)
        stage = stage_of(scene, search, shown, made, found)
        return Play(scene, stage, tuple(shown), step, made["best"] if at is None else at)
    episode = _with_steps(subject(x))
    if not isinstance(episode, Episode) or not episode.steps:
        raise ValueError(
            "size= shows the steps of an episode, and there are none here; ev.Replay(...) makes "
            "them for any architecture"
        )
    scene = scene_of(episode, **options)
    return Play(scene, stage_of(scene), (episode,), _step(episode, -1 if step is None else step))


def _pixels(svg: str, width: int | None = None) -> Any:
    """(H, W, 3) uint8 pixels of a picture, `width` across or one for each of its own."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png(svg, 1, width))).convert("RGB"))


# ---------------------------------------------------------------- pages


def page(
    state: dict[str, Any],
    still: Drawing | str,
    widget: str = "replay",
    title: str = "How a controller built a network",
    extras: Sequence[str] = (),
) -> str:
    """One HTML page that plays: the widget's module, its styles and `state`, nothing else.

    state: the values of the widget's traits, by name (see `widgets.replay.Replay`). still: what is
    shown where JavaScript is off: a picture, or HTML. widget: the name of its module in `static/`.
    extras: modules that it is joined with (see `assets.module`).
    """
    code = module(f"{widget}.js", *extras)
    if "hostModel" not in code:  # the stand-in for a notebook, unless the module brings it along
        code += shipped("host.js")
    return document(
        f"ENAS {widget}",
        f'<main><h1>{escape(title)}</h1><div id="app"></div>{without_scripts(still)}</main>'
        f'<script type="application/json" id="state">{script_json(state)}</script>'
        f'<script type="module">{code}\n'
        'const state = JSON.parse(document.getElementById("state").textContent);\n'
        "window.enasModel = hostModel(state);  // a page around this one may set the step\n"
        'render({ model: window.enasModel, el: document.getElementById("app") });</script>',
        widget=widget,
        extras=extras,
    )


def theatre_page(state: dict[str, Any], still: Drawing, extras: Sequence[str] = ()) -> str:
    """A page that plays a replay with its theatre; as `page`."""
    made = page(state, still, "theatre", extras=extras)
    return made.replace("<title>ENAS theatre<", "<title>ENAS replay<", 1)


def without_scripts(still: Drawing | str) -> str:
    """What a page shows in place of a widget where JavaScript is off.

    Without styles of its own, which are long, the picture takes the page's: of the light theme, as
    some of its colours stand in its shapes.
    """
    if isinstance(still, str):
        return f"<noscript><p>As JavaScript is off, this cannot be used.</p>{still}</noscript>"
    # those of the whole picture: operations of one's own bring their colours in a second element
    drawn = re.sub("<style>.*?</style>", "", still.svg, count=1, flags=re.S)
    return (
        "<noscript><p>This is a still picture, as JavaScript is off.</p>"
        f'<div class="enas-viz enas-still" style="color-scheme: light">{drawn}</div></noscript>'
    )


def replay_state(scene: Scene, **now: Any) -> dict[str, Any]:
    """The values of a replay's traits: the scene as the browser needs it, the others at rest or
    as `now` says."""
    return {
        "scene": skeleton(scene),
        "episode": {},
        "film": {},
        "step": 0,
        "moment": 0,
        "playing": False,
        "rolling": False,
        "silent": scene.folds and scene.silent,
        "speed": 1,
        "temperature": 1,
        "free": False,
        "asks": False,
        "whole": False,
        "stage": {},
        "theatre": False,
        "mine": [],
        "answer": {},
        "counts": {},
        "guess": False,
        "guesses": {},
        "points": [0, 0],
        **now,
    }


def network_page(plan: Plan, colour: Colour = "op") -> str:
    """One HTML page: a network of cells, each of which opens when it is clicked."""
    if not kinds.of(plan.architecture.space).has_cells:
        return picture_page(Drawing(network_still(plan, colour)), describe_stack(plan))
    return document(
        "ENAS network",
        f'<main class="enas-still enas-viz enas-network">{cells_to_open(plan, colour)}</main>'
        f'<script type="module">{shipped("network.js")}</script>',
        describe_stack(plan),
    )


def cells_to_open(plan: Plan, colour: Colour = "op") -> str:
    """The drawing of a network of cells, and those cells hidden: `network.js` opens them."""
    whole = network_still(plan, colour, cells=False)
    whole = whole.replace('role="img"', 'role="group"', 1)  # an image could hold no buttons
    cells = "".join(
        f'<section class="opened" data-open="{c}" hidden>{cell_still(plan, c, colour)}</section>'
        for c in range(len(plan.architecture.space.cells))
    )
    return f'{whole}<p class="hint">Click a cell to open it.</p>{cells}'


def picture_page(drawing: Drawing, about: str) -> str:
    """One HTML page with a still picture."""
    return document("ENAS network", f'<main class="enas-still">{drawing.svg}</main>', about)


def iframe(html: str, height: int, hint: str = FRAME_HINT) -> str:
    """A page inside a frame, which has its title: it plays in saved notebooks and their exports
    without a network.

    Under it stands what to do where a notebook that is not trusted leaves the frame out.
    Raises ValueError when the height is no positive number of pixels.
    """
    if type(height) is not int or height < 1:
        raise ValueError(f"height must be a positive int, pixels; got {shortened(height)}")
    html = re.sub("<noscript>.*?</noscript>", "", html, flags=re.S)  # a notebook runs scripts
    # between single quotes the thousands of double ones need no escaping, a fifth of all bytes
    held = escape(html, quote=False).replace("'", "&#x27;")
    found = re.search("<title>(.*?)</title>", html, flags=re.S)  # as HTML, so it needs no escaping
    title = found[1].replace('"', "&quot;") if found else "A page of enas_viz"
    return (
        f"<div><iframe srcdoc='{held}' "
        f'sandbox="allow-scripts" title="{title}" '
        f'width="100%" height="{height}" style="border:0" loading="lazy"></iframe>'
        f"<p><small>{hint}</small></p></div>"
    )


def document(
    title: str,
    body: str,
    about: str = "",
    widget: str = "replay",
    more: str = "",
    extras: Sequence[str] = (),
) -> str:
    """One complete HTML page. about: what it shows, in a sentence; widget: whose styles it needs,
    joined with which extras; more: further styles."""
    described = f'<meta name="description" content="{escape(about)}">' if about else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>{described}"
        f"<style>{look(widget, *extras)}{shipped('host.css')}{more}</style></head>"
        f'<body class="enas-page">{body}</body></html>\n'
    )


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element.

    Raises ValueError for numbers that are not finite, at which browsers stop reading.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


# ---------------------------------------------------------------- pixels


def png(svg: str, zoom: float = ZOOM, width: int | None = None) -> bytes:
    """The picture as PNG, `zoom` pixels for one or `width` pixels wide, without a browser.

    A picture that would be wider than WIDEST gets fewer pixels. Raises NoPixels without resvg.
    """
    try:
        import resvg_py  # a compiled module; loaded only when there are pixels to make
    except ModuleNotFoundError:
        raise NoPixels(
            "pixels of a drawing (.png, .gif, .mp4, a still beside a widget) are made by resvg, "
            "which is not installed: pip install resvg-py; Python inside a browser has no build of "
            "it; .svg and .html need nothing more",
            name="resvg_py",
        ) from None

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=_with_joined_arcs(svg),
            zoom=None if width else zoom_of(svg, zoom),
            width=width,
            font_files=_fonts(),
            sans_serif_family="DejaVu Sans",
            font_family="DejaVu Sans",
        )
    )


def zoom_of(svg: str, zoom: float = ZOOM) -> float:
    """How many pixels of a PNG one pixel of the drawing gets: `zoom`, fewer in a very wide one."""
    return min(zoom, WIDEST / natural_width(svg))


def natural_width(svg: str) -> float:
    """The width of a picture in CSS pixels."""
    found = re.search(r'<svg [^>]*?\bwidth="([\d.]+)', svg)
    return float(found[1]) if found else 1.0


_ARC = r'<path class="arc ([^"]*)" d="([^"]*)" stroke-width="([^"]*)"[^>]*/>'


def _with_joined_arcs(svg: str) -> str:
    """The picture, and where it has thousands of skips, neighbours of one look as a single path.

    The renderer pays for each pixel of each path, also where they cover each other: the 10,000
    skips of a network of 200 layers took it a minute. So many skips leave hardly a gap, so they
    can lose their transparency, with which the joined ones would look different.
    """
    if svg.count('<path class="arc ') <= MOST_ARCS:
        return svg
    return re.sub(f"(?:{_ARC})+", lambda run: _joined(re.findall(_ARC, run[0])), svg)


def _joined(arcs: Iterable[tuple[str, str, str]]) -> str:
    """Neighbouring skips, each as (look, path, width of its line), as few paths."""
    parts = []
    for look_of, same in groupby(arcs, key=lambda arc: arc[0]):
        by_width: dict[float, list[str]] = {}
        for _, path, width in same:
            by_width.setdefault(round(2 * float(width)) / 2, []).append(path)
        parts += [
            f'<path class="arc {look_of}" style="stroke-opacity:1" stroke-width="{width:g}" '
            f'd="{"".join(paths[start : start + MOST_JOINED])}"/>'
            for width, paths in by_width.items()
            for start in range(0, len(paths), MOST_JOINED)
        ]
    return "".join(parts)


def few_colours(data: bytes) -> bytes:
    """The same PNG in its FEW most frequent colours, transparent ones among them: a third of the
    bytes, for notebooks that keep it. Others become the nearest of these."""
    import numpy as np  # comes with matplotlib, as Pillow does
    from PIL import Image

    found, packed = Image.open(io.BytesIO(data)).convert("RGBA"), io.BytesIO()
    pixels = np.asarray(found).view(np.uint32)[..., 0]
    colours, place, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    kept = np.argsort(-counts, kind="stable")[:FEW]
    parts = colours[:, None].view(np.uint8).astype(np.float32)  # (colours, 4)
    weighed = parts * np.array([1, 1, 1, 2], np.float32)  # a wrong alpha is seen first
    squares = (weighed[kept] ** 2).sum(axis=1)
    nearest = (squares - 2 * weighed @ weighed[kept].T).argmin(axis=1).astype(np.uint8)
    few = Image.fromarray(nearest[place.reshape(pixels.shape)], "P")
    few.putpalette(parts[kept].astype(np.uint8).tobytes(), "RGBA")
    few.save(packed, "PNG", optimize=True, transparency=parts[kept, 3].astype(np.uint8).tobytes())
    return packed.getvalue()


@cache
def _fonts() -> list[str]:
    """DejaVu Sans as matplotlib ships it, for machines that have no fonts."""
    spec = importlib.util.find_spec("matplotlib")  # found, not imported
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    files = [folder / name for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    return [str(file) for file in files if file.exists()]
