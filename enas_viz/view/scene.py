"""The scene: what a space's drawing holds, and what is said at each step, in plain words.

A scene belongs to a space, an order of decisions and the sizes; it holds every candidate shape,
each with the step that decides it. An episode adds only picks and logits. Captions are composed
from the templates in `WORDS`, which the browser reads too, so that a page of many episodes stays
small and both say the same. `Scene` is what both kinds of search have in common, `MacroScene` and
`MicroScene` are the two.

Not here: coordinates (`layout`, `micro_layout`), markup (`svg`), files (`export`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal

from enas_viz.facts.cost import tensor_sizes
from enas_viz.recipes import recorded_fidelity
from enas_viz.records.trace import Episode, Step, Trace
from enas_viz.spaces import MAX_LAYERS, Architecture, Decision, MacroSpace, MicroSpace, Space
from enas_viz.view.given import check_steps, given, is_the_articles, mutated
from enas_viz.view.graph import candidates
from enas_viz.view.layout import Layout, Strip, place, place_strip
from enas_viz.view.micro_layout import MicroLayout, MicroStrip, place_cell_strip, place_cells

Colour = Literal["op", "layer", "node"]
Tense = Literal["past", "now", "future", "rejected", "out"]
Json = dict[str, Any]

MOST_SIZE = 100_000  # channels or pixels that a drawing believes
FEW = 4  # up to so many draws a caption tells one by one

INPUT_NAMES = {  # of a cell, in short and in full
    "two cells back": "the output of the cell two back",
    "previous cell": "the output of the previous cell",
    "same, halved": "the same output, halved",
    **{f"cell {n}": f"the output of cell {n}" for n in (1, 2, 3)},  # of the article's block
}
HUES = ("red", "green", "blue", "purple")  # of the article's four layers
NODE_HUES = ("red", "blue", "green", "purple")  # and nodes
CELL_NAMES = {"normal": "normal cell", "reduction": "reduction cell"}
ORDINALS = ("first", "second")  # inputs of a node

WORDS = {
    "count": "Step {step} of {steps}",
    "picked": "{option}, probability {p}.",
    "row": "{row}, probability {p}: {answer}.",
    "some": "Yes to {n} of {rows}: {list}.",
    "none": "No to all {rows}.",
    "item": "{row} ({p})",
    "loose": "The loose ends are {list}; joined, they are the cell's output.",
    "only": "The only loose end is {list}, so its output is the cell's output.",
    "yes": "yes",
    "no": "no",
    "sampled": "sampled",
}
NOTHING = "nothing to decide."

Steps = Sequence[Step] | Mapping[int, Step]


@dataclass(frozen=True)
class Bar:
    """One line of the probability panel. For skips, `probability` is that of yes."""

    label: str
    probability: float
    picked: bool
    answer: str = ""  # "yes" or "no" for a skip, "sampled" for what was picked
    op: str = ""


@dataclass(frozen=True)
class Option:
    """What a step may pick: how the panel, the controller's strip and a sentence call it."""

    label: str
    token: tuple[str, ...]
    name: str
    op: str = ""


@dataclass(frozen=True)
class PlayedStep:
    """One step of the controller, as it is played.

    kind: "pick" (one of `n` options), "bits" (yes or no to each of `n`), or "silent". at: the layer
    or node that it is about, as the drawing calls it. options: the name of its list in
    `Scene.options`. ask: its question; why: what a silent step is for. of: the step that picked
    what a `{source}` in the question stands for. loose: the cell whose loose ends it tells. cite:
    where the article shows it.
    """

    kind: Literal["pick", "bits", "silent"]
    at: str
    ask: str
    short: str  # under the step in the strip
    options: str = ""
    n: int = 0
    why: str = ""
    of: int = -1
    loose: int = -1
    cite: str = ""

    def to_json(self) -> Json:
        """What the browser needs of it, left out what says nothing."""
        found = asdict(self)
        del found["short"]
        return {k: v for k, v in found.items() if v not in ("", -1) and (k, v) != ("n", 0)}


@dataclass(frozen=True)
class Scene:
    """What can be drawn of a space, whichever kind it is of; see the two kinds below.

    colour: what colours mean: the operation, or the layer ("layer") or node ("node") of the example
    of the article. filters, resolution: None where no recipe tells them. silent: whether steps that
    decide nothing are shown and counted; left out, each is told with the decision before it.
    as_article: whether all is drawn as the article draws it; is_example: whether it is one of its
    two examples, so that its places in the article can be cited.
    """

    space: Space
    order: str = "op-first"
    colour: Colour = "op"
    filters: int | None = None
    resolution: int | None = None
    silent: bool = True
    as_article: bool = False
    is_example: bool = False

    folds = False  # whether a reader may leave silent steps out
    thing = "layer"  # what colours mean besides operations; each kind has also these:
    # turns, tensors (what may be pointed at), layout, strip, panel_rows (lines of the probability
    # panel), whole (said at the end), builds (over the drawing), high (of what is seen at once)

    def __post_init__(self) -> None:
        if self.colour not in ("op", self.thing):
            raise ValueError(
                f"colour is 'op' or {self.thing!r} for a {self.space.kind} space; "
                f"got {shortened(self.colour)}"
            )

    @classmethod
    def of(
        cls,
        x: Architecture | Episode,
        colour: Colour,
        reductions: bool | None,
        silent: bool,
        sizes: dict[str, int | None],
    ) -> Scene:
        """As `scene_of`; sizes: the filters and the resolution that a recipe tells."""
        raise NotImplementedError

    @classmethod
    def of_article(cls, x: Architecture | Episode, colour: Colour, is_example: bool) -> Scene:
        """The scene as the article draws it. ValueError for what the article does not draw."""
        raise NotImplementedError

    @cached_property
    def plan(self) -> tuple[Decision, ...]:
        return self.space.steps(self.order)

    @cached_property
    def turns(self) -> tuple[PlayedStep, ...]:
        raise NotImplementedError

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The steps that are counted and played, in order."""
        return tuple(dict.fromkeys(self.homes))

    @cached_property
    def homes(self) -> tuple[int, ...]:
        """For each step the one that it is shown with: itself; of a silent step that is left out
        the decision before it, or the first one."""
        decides = [self.silent or turn.kind != "silent" for turn in self.turns]
        home, found = decides.index(True), []
        for step, itself in enumerate(decides):
            home = step if itself else home
            found.append(home)
        return tuple(found)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """Which of the shown steps each of them is, from 1."""
        return {step: number for number, step in enumerate(self.shown, start=1)}

    @cached_property
    def untils(self) -> dict[int, int]:
        """Of each shown step the last one that is shown with it."""
        return {home: step for step, home in enumerate(self.homes)}

    @cached_property
    def options(self) -> dict[str, tuple[Option, ...]]:
        ops = tuple(
            Option(op.label, tuple(op.label.split()), op.title, op) for op in self.space.ops
        )
        return {"ops": ops, **self.pointed_at}

    @property
    def pointed_at(self) -> dict[str, tuple[Option, ...]]:
        """Lists of tensors, by name."""
        return {"tensors": self.tensors}

    def picks(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """What each step decided."""
        return tuple(self.space.picks(architecture, decision) for decision in self.plan)

    def loose(self, picked: Mapping[int, Sequence[int]], cell: int) -> list[str]:
        """What a cell's loose ends are called, given what each step picked."""
        return []

    def focus(self, at: str) -> tuple[float, float]:
        """(top, x) of what is looked at while a step is about the layer or node `at`."""
        raise NotImplementedError

    # ---- words

    def question(self, step: int, steps: Steps = ()) -> str:
        turn = self.turns[step]
        if turn.of < 0 or not steps:
            return turn.ask.replace(", {source}", "")
        (source,) = steps[turn.of].picks
        return turn.ask.format(source=self.options[self.turns[turn.of].options][source].label)

    def answer(self, step: int, steps: Steps) -> str:
        """What the controller decided, in a sentence or a few."""
        turn, last = self.turns[step], self.untils.get(step, step)
        if turn.kind == "silent":
            told = turn.why
        elif turn.kind == "pick":
            (pick,), (row,) = steps[step].picks, steps[step].probabilities
            option = self.options[turn.options][pick].name
            told = WORDS["picked"].format(option=_capital(option), p=two_digits(row[pick]))
        else:
            told = _yes_and_no(self.bars(step, steps[step]))
        for cell in (t.loose for t in self.turns[step : last + 1] if t.loose >= 0):
            names = self.loose({t: steps[t].picks for t in range(len(self.turns))}, cell)
            words = WORDS["only" if len(names) == 1 else "loose"]
            told = f"{told} {words.format(list=', '.join(names))}"
        return f"{told} {self.whole}" if last == len(self.plan) - 1 else told

    def count(self, step: int) -> str:
        """Which of the shown steps it is. A silent step that is left out counts as its home."""
        number = self.numbers[self.homes[step]]
        told = WORDS["count"].format(step=number, steps=len(self.shown))
        cite = self.turns[self.homes[step]].cite
        return f"{told} · {cite}" if cite else told

    def caption(self, step: int, steps: Steps) -> str:
        """The step in one plain sentence: which decision it is, what was decided, how likely."""
        return f"{self.count(step)}: {self.question(step, steps)} {self.answer(step, steps)}"

    def token(self, step: int, picks: Sequence[int]) -> tuple[str, ...]:
        """What a step emitted, in one or two short lines."""
        turn = self.turns[step]
        if turn.kind == "silent":
            return ("–",)
        options = self.options[turn.options]
        if turn.kind == "pick":
            return options[picks[0]].token
        listed = ",".join(options[i].token[0] for i, bit in enumerate(picks) if bit)
        if len(listed) > 5:
            return (f"{sum(map(bool, picks))} of", str(turn.n))
        return (listed or "none",)

    def bars(self, step: int, recorded: Step) -> tuple[Bar, ...]:
        """The probability of every option, as the controller had it."""
        turn = self.turns[step]
        if turn.kind == "silent":
            return ()
        options = self.options[turn.options][: turn.n]
        if turn.kind == "pick":
            (pick,), (row,) = recorded.picks, recorded.probabilities
            return tuple(
                Bar(o.label, p, i == pick, WORDS["sampled"] if i == pick else "", o.op)
                for i, (o, p) in enumerate(zip(options, row, strict=True))
            )
        return tuple(
            Bar(o.label, row[1], bool(bit), WORDS["yes"] if bit else WORDS["no"])
            for o, bit, row in zip(options, recorded.picks, recorded.probabilities, strict=True)
        )

    def to_json(self) -> Json:
        """What the browser needs beside the drawings to play any episode of this scene."""
        return {
            "plan": [turn.to_json() for turn in self.turns],
            "options": {k: [asdict(o) for o in found] for k, found in self.options.items()},
            "colour": self.colour,
            "folds": self.folds,
            "article": self.as_article,
            "builds": self.builds,
            "rows": self.panel_rows,
            "few": FEW,
            "words": WORDS | {"whole": self.whole},
        }


@dataclass(frozen=True)
class MacroScene(Scene):
    """What can be drawn of a macro space.

    merge: how skips are merged, as `Fidelity.skip_merge` says. reductions: whether to show where
    feature maps are halved.
    """

    merge: Literal["add", "concat", "input"] = "add"
    reductions: bool = True

    @classmethod
    def of(
        cls,
        x: Architecture | Episode,
        colour: Colour,
        reductions: bool | None,
        silent: bool,
        sizes: dict[str, int | None],
    ) -> Scene:
        space, order, recipe, fidelity = _recorded(x)
        return cls(
            space,
            order,
            colour,
            merge=recorded_fidelity(fidelity).skip_merge(final=recipe.get("strategy") == "final"),
            reductions=bool(recipe) or space.layers >= 6 if reductions is None else reductions,
            **sizes,
        )

    @classmethod
    def of_article(cls, x: Architecture | Episode, colour: Colour, is_example: bool) -> Scene:
        space, *_ = _recorded(x)
        if space.wiring != "layer":
            raise ValueError(
                "the article has no stem, so its skips lead from layers; this network's lead from "
                f"the stem, too (its wiring is {space.wiring!r})"
            )
        if isinstance(x, Episode) and x.steps and x.order != "skips-first":
            raise ValueError(
                "the article decides the skips of a layer before its operation; this episode was "
                f"decided in the order {x.order!r}; give its architecture: episode.architecture"
            )
        return cls(
            space,
            "skips-first",
            colour,
            as_article=True,
            is_example=is_example,
            merge="concat",
            reductions=False,
        )

    @property
    def builds(self) -> str:
        if not self.as_article:
            return "The network it builds"
        return f"The network it builds, as in the article{', section 1.1' * self.is_example}"

    @property
    def narrowings(self) -> tuple[int, ...]:
        return self.space.pool_after() if self.reductions else ()

    @property
    def whole(self) -> str:
        if self.merge != "input":
            return "That completes the network."
        return "That completes the network; a layer that nothing reads is not computed."

    @property
    def least(self) -> int:
        """How many skips there must be at least for something to be merged: as a layer's input, one
        is read as it is."""
        return 2 if self.merge == "input" else 1

    @cached_property
    def layout(self) -> Layout:
        graph = candidates(self.space, self.order, self.merge)
        return place(graph, self.narrowings, has_stem=not self.as_article)

    @cached_property
    def strip(self) -> Strip:
        return place_strip(tuple(d.at for d in self.plan))

    @cached_property
    def tensors(self) -> tuple[Option, ...]:
        """What a skip may come from, as its bit counts them."""
        layers = [(str(k), f"layer {k}") for k in range(1, self.space.layers + 1)]
        known = layers if self.space.wiring == "layer" else [("stem", "the stem"), *layers]
        return tuple(Option(name, (short,), name) for short, name in known)

    @cached_property
    def turns(self) -> tuple[PlayedStep, ...]:
        return tuple(map(self._turn, self.plan))

    def _turn(self, decision: Decision) -> PlayedStep:
        at, layer, cite = str(decision.at), decision.at + 1, ""
        if self.is_example:
            cite = f"article, section 1.1 ({HUES[decision.at]})"
        if decision.kind == "op":
            ask = f"which operation does layer {layer} use?"
            return PlayedStep("pick", at, ask, "op", "ops", len(self.space.ops), cite=cite)
        if decision.kind == "skip":
            ask = f"which earlier layers feed layer {layer}?"
            if self.merge == "input":
                ask = f"which earlier layers does layer {layer} read (if none, layer {layer - 1})?"
            return PlayedStep("bits", at, ask, "skips", "tensors", decision.rows, cite=cite)
        why = (
            f"No layer comes before layer {layer}, so it has no skips to choose. The controller "
            f"takes this step only to remember layer {layer}, so that later layers can refer to it."
        )
        return PlayedStep("silent", at, NOTHING, "–", why=why)

    @property
    def panel_rows(self) -> int:
        """Lines of the probability panel; longer lists go on in a further column."""
        return max(len(self.space.ops), -(-(self.space.layers - 1) // 3))

    @property
    def high(self) -> float:
        return self.layout.height

    def focus(self, at: str) -> tuple[float, float]:
        return 0.0, self.layout.boxes[int(at)].x

    def stage_label(self, first: int, halvings: int) -> str:
        """The feature maps' size, from layer `first` on; relative where no recipe tells it."""
        if self.filters is None or self.resolution is None:
            return ("full size", "half size", "quarter size")[halvings]
        channels, height, width = tensor_sizes(self.space, self.filters, self.resolution)[first + 1]
        return f"{height}×{width}×{channels}"


@dataclass(frozen=True)
class MicroScene(Scene):
    """What can be drawn of a micro space: its cells.

    counts_inputs: whether a cell's unused inputs are loose ends. drops_two_back: whether the inputs
    of a reduction cell are the previous output and the same, halved, as in the authors' search.
    """

    order: str = "indices-first"
    counts_inputs: bool = True
    drops_two_back: bool = False
    silent: bool = False

    folds = True
    thing = "node"

    @classmethod
    def of(
        cls,
        x: Architecture | Episode,
        colour: Colour,
        reductions: bool | None,
        silent: bool,
        sizes: dict[str, int | None],
    ) -> Scene:
        space, _, _, fidelity = _recorded(x)
        return cls(
            space,
            colour=colour,
            counts_inputs=fidelity.get("loose_inputs", "count") == "count",
            drops_two_back=fidelity.get("micro_reduction_search") == "fr_then_cell",
            silent=silent,
            **sizes,
        )

    @classmethod
    def of_article(cls, x: Architecture | Episode, colour: Colour, is_example: bool) -> Scene:
        space, *_ = _recorded(x)
        return cls(space, colour=colour, as_article=True, is_example=is_example)

    @property
    def builds(self) -> str:
        told = f"The cell{'s' if len(self.space.cells) > 1 else ''} it builds"
        if not self.as_article:
            return told
        return f"{told}, as in the article{', figure 1.2.8' * self.is_example}"

    @property
    def whole(self) -> str:
        return f"{'Both cells are' if len(self.space.cells) > 1 else 'The cell is'} complete."

    @cached_property
    def layout(self) -> MicroLayout:
        return place_cells(self.space, self.as_article)

    @cached_property
    def strip(self) -> MicroStrip:
        return place_cell_strip(self.space, self.as_article)

    def inputs(self, cell: str) -> tuple[str, str]:
        """What the two inputs of a cell are, in short."""
        if self.as_article:  # three normal cells, the third of which is drawn, and a reduction cell
            return ("cell 1", "cell 2") if cell == "normal" else ("cell 2", "cell 3")
        halved = cell == "reduction" and self.drops_two_back
        return ("previous cell", "same, halved") if halved else ("two cells back", "previous cell")

    @cached_property
    def pointed_at(self) -> dict[str, tuple[Option, ...]]:
        """What an index may point at, in order: a list for each cell."""
        found = {}
        for cell in self.space.cells:
            names = [f", {INPUT_NAMES[short]}" for short in self.inputs(cell)]
            names += [""] * (self.space.nodes - 1)
            found[f"{cell} tensors"] = tuple(
                Option(f"node {t}", (str(t),), f"node {t}{name}")
                for t, name in enumerate(names, start=1)
            )
        return found

    @cached_property
    def turns(self) -> tuple[PlayedStep, ...]:
        return tuple(self._turn(t) for t in range(len(self.plan)))

    def _turn(self, step: int) -> PlayedStep:
        decision = self.plan[step]
        cell = self.space.cells.index(decision.cell)
        at, node = f"{cell}.{decision.at}", decision.at + 1
        where = f"the {CELL_NAMES[decision.cell]}'s node {node}"
        side, cite = ORDINALS[decision.side], ""
        if self.is_example:
            place = "figure 1.2.10" if node == self.space.nodes + 2 else "section 1.2"
            cite = f"article, {place} ({NODE_HUES[decision.at]})"
        if decision.kind == "index":
            ask = f"which earlier node is the {side} input of {where}?"
            of = f"{decision.cell} tensors"
            return PlayedStep("pick", at, ask, "in", of, decision.options, cite=cite)
        if decision.kind == "op":
            ask = f"which operation works on the {side} input of {where}, {{source}}?"
            of = step - 2
            return PlayedStep("pick", at, ask, "op", "ops", len(self.space.ops), of=of, cite=cite)
        if decision.at < 2:
            which = INPUT_NAMES[self.inputs(decision.cell)[decision.at]]
            why = (
                f"A warm-up step: node {node} is {which}, which is there already. The controller "
                f"only takes note of it, so that later nodes can point at it."
            )
            return PlayedStep("silent", at, NOTHING, "–", why=why)
        if decision.at < self.space.nodes + 1:
            why = (
                f"Node {node} is complete: the sum of its two operations. The controller takes "
                f"this step only to remember it, so that later nodes can point at it."
            )
            return PlayedStep("silent", at, NOTHING, "–", why=why)
        why = f"Node {node} is the last one, so no other node can read it."
        ask = f"nothing to decide: the {CELL_NAMES[decision.cell]} is complete."
        return PlayedStep("silent", at, ask, "–", why=why, loose=cell)

    def loose(self, picked: Mapping[int, Sequence[int]], cell: int) -> list[str]:
        return [f"node {t + 1}" for t in self.loose_ends(picked, cell)]

    def loose_ends(self, picked: Mapping[int, Sequence[int]], cell: int) -> tuple[int, ...]:
        """The loose ends of a cell, once all of its steps have picked."""
        taken = {d: tuple(picked[t]) for t, d in enumerate(self.plan) if d.kind != "silent"}
        architecture = self.space.assembled(taken)
        return self.space.loose_ends(architecture, self.space.cells[cell], self.counts_inputs)

    @property
    def high(self) -> float:
        return max(cell.height for cell in self.layout.cells)

    def focus(self, at: str) -> tuple[float, float]:
        c, tensor = map(int, at.split("."))
        cell = self.layout.cells[c]
        places = [box.x for box in cell.inputs] + [node.x for node in cell.nodes]
        return cell.top, places[min(tensor, len(places) - 1)]

    @property
    def panel_rows(self) -> int:
        return max(len(self.space.ops), self.space.nodes + 1)

    def to_json(self) -> Json:
        first = 0 if self.counts_inputs else 2
        names = [f"node {t + 1}" for t in range(self.space.nodes + 2)]
        return {**super().to_json(), "loose": {"first": first, "names": names}}


SCENES: dict[str, type[Scene]] = {MacroSpace.kind: MacroScene, MicroSpace.kind: MicroScene}


def _recorded(x: Architecture | Episode) -> tuple[Any, str, Json, Json]:
    """(space, order, recipe, fidelity) of what is drawn; where nothing is recorded, the space's
    usual order and no recipe."""
    if isinstance(x, Architecture):
        return x.space, x.space.orders[0], {}, {}
    recipe, fidelity = (x.header.recipe, x.header.fidelity) if x.header else ({}, {})
    return x.architecture.space, x.order, recipe, fidelity


def two_digits(p: float) -> str:
    """A probability as it is told; an exact half is rounded up, here and in the browser."""
    return f"{p + 1e-9:.2f}"


def _yes_and_no(bars: Sequence[Bar]) -> str:
    if len(bars) <= FEW:
        return " ".join(
            WORDS["row"].format(
                row=_capital(bar.label), p=two_digits(bar.probability), answer=bar.answer
            )
            for bar in bars
        )
    chosen = [bar for bar in bars if bar.picked]
    if not chosen:
        return WORDS["none"].format(rows=len(bars))
    items = [WORDS["item"].format(row=b.label, p=two_digits(b.probability)) for b in chosen]
    return WORDS["some"].format(n=len(chosen), rows=len(bars), list=", ".join(items))


# ---------------------------------------------------------------- scenes and episodes


def subject(x: Any) -> Architecture | Episode:
    """What is to be drawn: of a trace its best episode, or its last one when nothing in it has a
    reward (a worked example); of a list or genotype what it says (see `given`). TypeError for what
    cannot be drawn."""
    x = given(x)
    if isinstance(x, Trace):
        x = x.best if any(e.is_scored for e in x.episodes) else x.last
    if isinstance(x, Episode):
        check_steps(x)
    return x


def scene_of(
    x: Architecture | Episode,
    colour: Colour = "op",
    reductions: bool | None = None,
    silent: bool = False,
    as_article: bool = False,
) -> Scene:
    """The scene in which `x` plays.

    reductions: of a macro network, whether to show where feature maps are halved. By default yes
    when a recipe is known or the network has six layers or more: worked examples of fewer layers
    leave them out. silent: of cells, whether steps that decide nothing are shown and counted; a
    macro network has at most one, which always is. as_article: whether it is drawn as the article
    draws its examples, in the colours of layers or nodes: skips concatenated, the image read by
    layer 1, nothing halved; a cell behind the two finished ones that it reads, without silent
    steps. Raises ValueError for a colour that the space does not have, and for what the article
    does not draw.
    """
    if not isinstance(reductions, bool | None):
        raise ValueError(f"reductions must be True, False or None; got {shortened(reductions)}")
    if not isinstance(silent, bool):
        raise ValueError(f"silent must be True or False; got {shortened(silent)}")
    if as_article is not False:
        return _scene_as_article(x, colour, reductions, silent, as_article)
    architecture = x if isinstance(x, Architecture) else x.architecture
    header = None if isinstance(x, Architecture) else x.header
    recipe = header.recipe if header else {}
    sizes = {
        "filters": recorded_size(recipe, "network", "filters"),
        "resolution": recorded_size(recipe, "data", "resolution"),
    }
    return SCENES[architecture.space.kind].of(x, colour, reductions, silent, sizes)


def _scene_as_article(
    x: Architecture | Episode, colour: Colour, reductions: bool | None, silent: bool, asked: bool
) -> Scene:
    if asked is not True:
        raise ValueError(f"as_article must be True or False; got {shortened(asked)}")
    if reductions or silent:
        wrong = "reductions=True" if reductions else "silent=True"
        raise ValueError(f"the article draws neither halvings nor silent steps; leave out {wrong}")
    architecture = x if isinstance(x, Architecture) else x.architecture
    scene = SCENES[architecture.space.kind]
    colour = scene.thing if colour == "op" else colour
    return scene.of_article(x, colour, is_the_articles(architecture))


def recorded_size(recipe: Json, part: str, name: str) -> int | None:
    """A size that a recorded recipe tells; None where it tells none, or nonsense: a file that a
    stranger made could ask for a drawing of a billion cells."""
    found = recipe.get(part)
    value = found.get(name) if isinstance(found, dict) else None
    return value if is_size(value, MAX_LAYERS if name == "layers" else MOST_SIZE) else None


def is_size(value: Any, most: int = MOST_SIZE) -> bool:
    """Whether a recorded value can be a number of channels, pixels or layers."""
    return type(value) is int and 1 <= value <= most


def recorded_name(recipe: Json) -> str:
    """The name of a recorded recipe; nothing where it has none."""
    name = recipe.get("name")
    return name if isinstance(name, str) else ""


def episode_json(episode: Episode) -> Json:
    """What the browser needs of an episode: picks and logits as recorded, two lines of text."""
    return {
        "steps": [step.to_json()[:2] for step in episode.steps],
        "facts": facts(episode),
        "note": episode.note,
        **({"changed": changed} if (changed := mutated(episode)) else {}),
    }


def facts(episode: Episode) -> str:
    """What the episode was worth and where it stands in its search, as far as is recorded."""
    told = []
    if episode.header and (name := recorded_name(episode.header.recipe)):
        told.append(name)
    if episode.n >= 0 and episode.is_scored:
        told.append(f"epoch {episode.epoch + 1}, sample {episode.sample + 1}")
    if episode.is_scored:
        told.append(f"{episode.accuracy:.1%} of its validation images right")
    if episode.reward is not None and math.isfinite(episode.reward):
        told.append(f"reward {episode.reward:.3f}")
    return " · ".join(told)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
