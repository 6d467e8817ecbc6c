"""The gallery: one page of everything there is to see, to be opened offline or linked to.

The loop of a search, the article's two examples, two recorded searches, the published
architectures, the insides of two networks, and the way to the notebooks. The page holds every
module and style once, and the same bytes come out every time.

Not here: what the widgets show (`scene`, `board`, `timeline`); playing (`static/`, where
`gallery.js` puts the widgets in their places).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any
from urllib.parse import quote

from enas_viz.records.inside import load_inside
from enas_viz.records.trace import Header, Trace, load_trace
from enas_viz.records.turns import load_turns
from enas_viz.spaces.published import MACRO
from enas_viz.view.assets import module, shipped
from enas_viz.view.board import Board
from enas_viz.view.child import child_state, child_svg
from enas_viz.view.export import (
    Drawing,
    cells_to_open,
    document,
    draw,
    draw_moment,
    replay_state,
    script_json,
    without_scripts,
)
from enas_viz.view.given import played
from enas_viz.view.loop import HEIGHT, WIDTH, Picture, liveliest, note_of, told_turn
from enas_viz.view.motion import rest_json
from enas_viz.view.poster import Poster, PosterRun
from enas_viz.view.scene import Colour, episode_json, recorded_name, scene_of, subject
from enas_viz.view.shapes import svg
from enas_viz.view.stack import plan_of
from enas_viz.view.timeline import film, moments

BINDER = "https://mybinder.org/v2/gh"
ARTICLE = "“Illustrated: Efficient Neural Architecture Search” (R. Karim, 2019)"
PAPER = '<a href="https://arxiv.org/abs/1802.03268">Pham et al. 2018</a>'
ABOUT = (
    "Decisions of a controller that designs neural networks, to be played: worked examples, "
    "recorded searches and the published architectures of ENAS."
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A notebook: its title, the question that it opens with, and where it is."""

    title: str
    question: str
    address: str


@dataclass(frozen=True)
class Exhibit:
    """One thing to see. words and source are HTML; shown: its widgets and pictures."""

    name: str  # in the page's address
    short: str  # in the list at the top
    title: str
    words: str
    source: str
    shown: Sequence[str]


def gallery(links: Sequence[Link] = ()) -> str:
    """The page, complete: it needs no network and no kernel. links: see `notebook_links`.

    Raises TypeError for links that are none.
    """
    if not isinstance(links, list | tuple) or not all(isinstance(k, Link) for k in links):
        raise TypeError(
            f"links must be a list of Link, as notebook_links(...) makes it; got {shortened(links)}"
        )
    exhibits = (
        _loops(),
        _first_example(),
        _second_example(),
        _search("macro-cifar10-cpu"),
        _search_of_cells("micro-cifar10-cpu"),
        _published_cells(),
        _published_network(),
        _insides(),
    )
    ways = [*((e.name, e.short) for e in exhibits), ("notebooks", "Notebooks")]
    jumps = "".join(f'<li><a href="#{name}">{escape(short)}</a></li>' for name, short in ways)
    body = (
        f'<div class="gallery">{_opening(jumps)}<main>'
        f"{''.join(map(_section, exhibits))}{_notebooks(links)}</main>{_closing()}</div>"
        f'<script type="module">{module("dashboard.js")}{shipped("gallery.js")}</script>'
        f"{_more('loop')}{_more('child')}"
        f'<script type="module">{shipped("network.js")}</script>'
    )
    looks = shipped("loop.css") + shipped("child.css") + shipped("gallery.css")
    return document("enas_viz: watch networks being designed", body, ABOUT, "dashboard", looks)


def _more(name: str) -> str:
    """The script of widgets that have a module of their own."""
    code = f'{module(f"{name}.js")}const WIDGET = "{name}";\n{shipped("gallery_more.js")}'
    return f'<script type="module">{code}</script>'


def notebook_links(folder: Path, start: Path, repository: str | None = None) -> tuple[Link, ...]:
    """The notebooks in a folder, in order; none where there is no such folder.

    start: where the page will be, for links from file to file; repository: OWNER/NAME on GitHub,
    for links that open them on Binder. Raises ValueError for another form of repository.
    """
    given = repository if isinstance(repository, str) else ""
    if repository is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", given):
        raise ValueError(f"a repository is OWNER/NAME, as on GitHub; got {shortened(repository)}")
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        title, question = _told_of(path)
        if repository:
            place = f"lab/tree/notebooks/{quote(path.name)}"
            address = f"{BINDER}/{repository}/HEAD?urlpath={place}"
        else:
            address = quote(Path(os.path.relpath(path, start)).as_posix())
        found.append(Link(title, question, address))
    return tuple(found)


def _told_of(path: Path) -> tuple[str, str]:
    """Title and opening question of a notebook, from its first cell; its name where it has none."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "".join("".join(cell["source"]) for cell in cells[:1])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        text = ""  # no notebook, or a damaged one: whoever follows the link will see
    title = re.search(r"^# (.+)$", text, flags=re.M)
    question = re.search(r"\*\*(.+?)\*\*", text, flags=re.S)
    return (
        title[1].strip() if title else path.stem,
        " ".join(question[1].split()) if question else "",
    )


# ---------------------------------------------------------------- what there is to see


def _loops() -> Exhibit:
    return Exhibit(
        "the-loop",
        "The loop",
        "The loop of a search",
        "The controller samples a child, the child is trained on one minibatch and tested, and its "
        "reward tells the controller which decisions to make more often. Take the four steps one "
        "after the other: for whole networks and, below, for cells.",
        f"Recorded by this program on handwritten digits. The method: {PAPER}.",
        (_loop("macro"), _loop("micro")),
    )


def _first_example() -> Exhibit:
    return Exhibit(
        "four-layers",
        "Four layers",
        "Four layers, seven decisions",
        "For every layer the controller decides which earlier layers feed it and which operation "
        "it applies. Each decision is sampled from the probabilities shown, and adds to the "
        "network. Press play, or use the arrow keys.",
        f"The first worked example of {ARTICLE}.",
        (_replay("article-macro", "layer"),),
    )


def _second_example() -> Exhibit:
    return Exhibit(
        "a-cell",
        "A cell",
        "A cell, to be stacked",
        "Instead of a whole network, a controller can design a small cell, which is stacked into "
        "a network of any depth. Every node picks two earlier tensors, applies an operation to "
        "each, and adds the results.",
        f"The second worked example of {ARTICLE}.",
        (_replay("article-micro", "node"),),
    )


def _search(name: str) -> Exhibit:
    trace = load_trace(name)
    state = _board_state(trace)
    (told,) = state["runs"]
    return Exhibit(
        "a-search",
        "A search",
        "A whole search",
        f"{_count(len(trace.episodes))} networks, each tried with weights that all of them "
        "share. Play it from the first to the last: the reward rises, and layer by layer the "
        "policy makes up its mind. A click on a point replays how that sample was decided.",
        _recorded(trace),
        (
            _place(
                "dashboard", state, Poster([PosterRun(told["name"], told["about"], trace)]).still()
            ),
        ),
    )


def _search_of_cells(name: str) -> Exhibit:
    trace = load_trace(name)
    return Exhibit(
        "a-search-of-cells",
        "A search of cells",
        "A search of cells",
        "The same for cells: play the search at the top, or drag over its curves. Below is the "
        "pair of cells of that moment, with every decision that led to it.",
        _recorded(trace),
        (_film(trace),),
    )


def _published_cells() -> Exhibit:
    plan = plan_of(subject("enas-micro"), recipe="micro-final-released")
    # pictures without styles of their own take the page's, and with them its theme
    drawn = re.sub(r"<style>.*?</style>", "", cells_to_open(plan), flags=re.S)
    stack = f'<div class="enas-viz enas-still enas-network picture">{drawn}</div>'
    return Exhibit(
        "published-cells",
        "Published cells",
        "The cells that were published",
        "Two cells and the network that the authors' script for final networks builds from them. "
        "Click one to look inside; below, their forty decisions in the order in which a "
        "controller would take them.",
        f"<code>cifar10_micro_final.sh</code> in the program of {PAPER}, commit 4bcfd73.",
        (stack, _replay("enas-micro", "op")),
    )


def _published_network() -> Exhibit:
    skips = sum(map(sum, MACRO.space.skips(MACRO)))
    return Exhibit(
        "published-network",
        "Published network",
        "The network that was published",
        f"Twenty-four layers with {skips} skips. In the authors' program for final networks "
        "the outputs that skips bring are concatenated, and a 1×1 convolution reduces them to the "
        "width of a layer.",
        f"<code>cifar10_macro_final.sh</code> in the program of {PAPER}, commit 4bcfd73.",
        (_replay("enas-macro", "op", {"skip_merge_search": "concat"}),),
    )


def _insides() -> Exhibit:
    return Exhibit(
        "inside",
        "Inside a network",
        "Inside a network",
        "What a sampled network makes of an image, layer by layer, and below it inside one "
        "cell. Pick an image. Cut a connection, or open a layer and give it another operation: the "
        "feature maps after it change, and the answer may change with them. No weight does: all "
        "networks of a search share theirs.",
        f"Recorded by this program on handwritten digits. The method: {PAPER}.",
        (_inside("child-macro"), _inside("child-micro")),
    )


def _replay(name: str, colour: Colour, fidelity: Json | None = None) -> str:
    """A trace that ships, or a published architecture; finished, so that playing begins anew.

    fidelity: of the program that built the architecture, where that changes the drawing.
    """
    known = name.startswith("article-")
    episode = played(subject(load_trace(name).last if known else name))
    if fidelity:
        header = Header(episode.architecture.space, episode.order, fidelity=fidelity)
        episode = replace(episode, header=header)
    scene = scene_of(episode, colour)
    last = len(scene.plan) - 1
    state = replay_state(scene, episode=episode_json(episode), step=last)
    return _place("replay", state, draw(episode, colour=colour))


def _loop(name: str) -> str:
    """A recorded loop: its first turn, the one with which `widgets.loop` begins, and its last. All
    ten would double the page."""
    recording = load_turns(name)
    start = liveliest(recording)
    kept = sorted({0, start, len(recording.turns) - 1})
    picture, turn = Picture(recording), kept.index(start)
    recording = replace(recording, turns=tuple(recording.turns[k] for k in kept))
    common = picture.rest(recording.turns[0])
    state = {
        "markup": svg([picture.markup], WIDTH, HEIGHT),
        "common": rest_json(common),
        "turns": [told_turn(picture, t, common) for t in recording.turns],
        **{"turn": turn, "done": 0, "playing": False, "speed": 1, "plain": False},
        **{"busy": "", "problem": "", "whole": False, "live": False, "note": note_of(recording)},
    }
    return _place("loop", state, Drawing(picture.svg(picture.rest(recording.turns[turn]))))


def _inside(name: str) -> str:
    """A recording with all its changes: a third of a megabyte of feature maps, or half of one."""
    inside = load_inside(name)
    return _place("child", child_state(inside), Drawing(child_svg(inside)))


def _film(trace: Trace) -> str:
    several = moments(trace)
    made, scene = film(trace, several), scene_of(several[0])
    last = len(scene.plan) - 1
    state = replay_state(scene, film=made, moment=made["best"], step=last)
    return _place("replay", state, draw_moment(made, several, made["best"]))


def _board_state(trace: Trace) -> Json:
    """The traits of a dashboard of one finished run."""
    board = Board(recorded_name(trace.header.recipe), trace.header)
    for record in trace.records:
        board.add(record)
    state = {"status": "finished", "done": 1, "left": 0, "message": ""}
    return {
        "runs": [board.facts()],
        "told": [board.snapshot()],
        "news": [board.news()],
        "state": [{**state, "epoch": len(trace.epochs) - 1, "seconds": int(trace.seconds)}],
        "at": -1,
        "opened": [],
        "ask": [],
    }


def _recorded(trace: Trace) -> str:
    """Where the figures of a recorded run come from."""
    header = trace.header
    data, device = header.dataset, header.device
    threads = device.get("threads")
    kind = device["type"].upper()
    where = f"{threads} {kind} thread{'s' * (threads != 1)}" if threads else kind
    facts = [
        f"recipe <code>{escape(recorded_name(header.recipe))}</code>",
        f"seed {header.seed}",
        f"{data['name']} at {data['shape'][1]}×{data['shape'][2]} pixels, "
        f"{_count(data['train'])} images to train on and {_count(data['valid'])} for the reward",
        where,
        f"{trace.seconds / 60:.0f} minutes",
        header.clock["started"][:10],
    ]
    return f"Recorded by this program: {', '.join(facts)}. The method: {PAPER}."


def _count(n: int) -> str:
    return f"{n:,}"


# ---------------------------------------------------------------- the page


def _opening(jumps: str) -> str:
    return (
        '<header><p class="title">enas_viz</p><h1>Watch a network being designed</h1>'
        '<p class="lead">In Efficient Neural Architecture Search a small recurrent network, the '
        "controller, designs image classifiers one decision at a time. Here its decisions can be "
        "played: two worked examples, two searches as they were recorded, the networks that the "
        "paper’s authors published, and the insides of two others.</p>"
        '<p class="ways"><button type="button" hidden>Play the first example</button>'
        '<a href="#notebooks">Run it yourself</a></p>'
        f'<nav aria-label="On this page"><ul>{jumps}</ul></nav>'
        "</header>"
    )


def _section(exhibit: Exhibit) -> str:
    return (
        f'<section class="exhibit" id="{exhibit.name}" aria-labelledby="{exhibit.name}-title">'
        f'<h2 id="{exhibit.name}-title">{escape(exhibit.title)}</h2>'
        f'<p class="words">{exhibit.words}</p>{"".join(exhibit.shown)}'
        f'<p class="source">{exhibit.source}</p></section>'
    )


def _notebooks(links: Iterable[Link]) -> str:
    listed = "".join(
        f'<li><a href="{escape(link.address)}">{escape(link.title)}</a> '
        f"<span>{escape(link.question)}</span></li>"
        for link in links
    )
    return (
        '<section class="exhibit" id="notebooks" aria-labelledby="notebooks-title">'
        '<h2 id="notebooks-title">Run it yourself</h2>'
        '<p class="words">The notebooks tell the story from the beginning, with searches to run '
        "and questions to answer. The first takes about five minutes and needs no PyTorch; "
        f"<code>make lab</code> in the project’s folder opens it.</p><ul>{listed}</ul></section>"
    )


def _closing() -> str:
    return (
        "<footer><p>Nothing here starts by itself, and nothing is fetched: the page is complete. "
        f"It was made by <code>enas-viz gallery</code>. The method is that of {PAPER}; program and "
        "page are free under the MIT licence.</p></footer>"
    )


def _place(widget: str, state: Json, still: Drawing) -> str:
    """Where a widget will stand, with the values of its traits; still: where scripts are off."""
    return (
        f'<div data-widget="{widget}">'
        f'<script type="application/json">{script_json(state)}</script>'
        f"{without_scripts(still)}</div>"
    )
