"""The scene: what a space's drawing holds, and what is said at each step, in plain words.

A scene belongs to a space, an order of decisions and the sizes; it holds every candidate shape,
each with the step that decides it. An episode adds only picks and logits. Captions are composed
from the templates in `WORDS`, which the browser reads too, so that a page of many episodes stays
small and both say the same.

Leaves to others: coordinates (`layout`), markup (`svg`), files (`export`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from enas_viz.cost import tensor_sizes
from enas_viz.space import Architecture, Decision, MacroSpace, Order
from enas_viz.trace import Episode, Step, Trace
from enas_viz.view.graph import candidates, macro
from enas_viz.view.layout import Layout, Strip, place, place_strip

Colour = Literal["op", "layer"]
Tense = Literal["past", "now", "future", "rejected", "out"]
Json = dict[str, Any]

COLOURS = ("op", "layer")
LAYER_COLOURS = 8  # then they come again; the first four are the article's
FEW = 4  # up to so many draws a caption tells one by one

# name: two short lines for a box, and the full name
OPERATIONS = {
    "conv3x3": ("conv", "3×3", "convolution 3×3"),
    "sep3x3": ("sep", "3×3", "separable convolution 3×3"),
    "conv5x5": ("conv", "5×5", "convolution 5×5"),
    "sep5x5": ("sep", "5×5", "separable convolution 5×5"),
    "avg3x3": ("avg", "3×3", "average pooling 3×3"),
    "max3x3": ("max", "3×3", "max pooling 3×3"),
}

WORDS = {
    "count": "Step {step} of {steps}",
    "op": "which operation does layer {layer} use?",
    "skip": "which earlier layers feed layer {layer}?",
    "silent": "nothing to decide.",
    "picked": "{option}, probability {p}.",
    "row": "{row}, probability {p}: {answer}.",
    "some": "Yes to {n} of {rows}: {list}.",
    "none": "No to all {rows}.",
    "item": "{row} ({p})",
    "why": "No layer comes before layer {layer}, so it has no skips to choose. The controller "
    "takes this step only to remember layer {layer}, so that later layers can refer to it.",
    "whole": "That completes the network.",
    "yes": "yes",
    "no": "no",
    "sampled": "sampled",
}


@dataclass(frozen=True)
class Bar:
    """One line of the probability panel. For skips, `probability` is that of yes."""

    label: str
    probability: float
    picked: bool
    answer: str = ""  # "yes" or "no" for a skip, "sampled" for the operation picked
    op: str = ""


@dataclass(frozen=True)
class Scene:
    """What can be drawn of a macro space. filters, resolution: None where no recipe tells them."""

    space: MacroSpace
    order: Order = "op-first"
    merge: Literal["add", "concat"] = "add"
    colour: Colour = "op"
    reductions: bool = True
    filters: int | None = None
    resolution: int | None = None

    def __post_init__(self) -> None:
        macro(self.space)
        if self.colour not in COLOURS:
            raise ValueError(f"colour is 'op' or 'layer'; got {self.colour!r}")

    @cached_property
    def plan(self) -> tuple[Decision, ...]:
        return self.space.steps(self.order)

    @property
    def narrowings(self) -> tuple[int, ...]:
        return self.space.pool_after() if self.reductions else ()

    @cached_property
    def layout(self) -> Layout:
        return place(candidates(self.space, self.order), self.narrowings)

    @cached_property
    def strip(self) -> Strip:
        return place_strip(tuple(d.at for d in self.plan))

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """What a reader calls each tensor: the stem, then the layers."""
        return ("the stem", *(f"layer {k + 1}" for k in range(self.space.layers)))

    @property
    def panel_rows(self) -> int:
        """Lines of the probability panel; longer lists go on in a further column."""
        return max(len(self.space.ops), -(-(self.space.layers - 1) // 3))

    def rows(self, decision: Decision) -> tuple[str, ...]:
        """What a skip step's draws are about."""
        shift = 1 if self.space.wiring == "layer" else 0
        return self.tensors[shift : shift + decision.rows]

    def stage_label(self, first: int, halvings: int) -> str:
        """The feature maps' size, from layer `first` on; relative where no recipe tells it."""
        if self.filters is None or self.resolution is None:
            return ("full size", "half size", "quarter size")[halvings]
        channels, height, width = tensor_sizes(self.space, self.filters, self.resolution)[first + 1]
        return f"{height}×{width}×{channels}"

    # ---- one architecture in the scene

    def picks(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """What each step decided."""
        rows = architecture.content
        return tuple(
            rows[d.at][:1] if d.kind == "op" else rows[d.at][1:] if d.kind == "skip" else ()
            for d in self.plan
        )

    def token(self, step: int, picks: Sequence[int]) -> tuple[str, ...]:
        """What a step emitted, in one or two short lines."""
        decision = self.plan[step]
        if decision.kind == "silent":
            return ("–",)
        if decision.kind == "op":
            return OPERATIONS[self.space.ops[picks[0]]][:2]
        shift = 1 if self.space.wiring == "layer" else 0
        chosen = [str(i + shift) if i + shift else "stem" for i, bit in enumerate(picks) if bit]
        listed = ",".join(chosen)
        if len(listed) > 5:
            return (f"{len(chosen)} of", str(decision.rows))
        return (listed or "none",)

    # ---- words

    def question(self, step: int) -> str:
        decision = self.plan[step]
        return WORDS[decision.kind].format(layer=decision.at + 1)

    def answer(self, step: int, recorded: Step) -> str:
        """What the controller decided, in a sentence or a few."""
        decision = self.plan[step]
        if decision.kind == "silent":
            told = WORDS["why"].format(layer=decision.at + 1)
        elif decision.kind == "op":
            (pick,), (row,) = recorded.picks, recorded.probabilities
            option = _capital(OPERATIONS[self.space.ops[pick]][2])
            told = WORDS["picked"].format(option=option, p=f"{row[pick]:.2f}")
        else:
            told = self._skip_answer(self.bars(step, recorded))
        return f"{told} {WORDS['whole']}" if step == len(self.plan) - 1 else told

    def _skip_answer(self, bars: Sequence[Bar]) -> str:
        if len(bars) <= FEW:
            return " ".join(
                WORDS["row"].format(
                    row=_capital(bar.label), p=f"{bar.probability:.2f}", answer=bar.answer
                )
                for bar in bars
            )
        chosen = [bar for bar in bars if bar.picked]
        if not chosen:
            return WORDS["none"].format(rows=len(bars))
        items = [WORDS["item"].format(row=b.label, p=f"{b.probability:.2f}") for b in chosen]
        return WORDS["some"].format(n=len(chosen), rows=len(bars), list=", ".join(items))

    def count(self, step: int) -> str:
        return WORDS["count"].format(step=step + 1, steps=len(self.plan))

    def caption(self, step: int, recorded: Step) -> str:
        """The step in one plain sentence: which decision it is, what was decided, how likely."""
        return f"{self.count(step)}: {self.question(step)} {self.answer(step, recorded)}"

    def bars(self, step: int, recorded: Step) -> tuple[Bar, ...]:
        """The probability of every option, as the controller had it."""
        decision = self.plan[step]
        if decision.kind == "silent":
            return ()
        if decision.kind == "op":
            (pick,), (row,) = recorded.picks, recorded.probabilities
            return tuple(
                Bar(
                    " ".join(OPERATIONS[name][:2]),
                    p,
                    i == pick,
                    WORDS["sampled"] if i == pick else "",
                    name,
                )
                for i, (name, p) in enumerate(zip(self.space.ops, row, strict=True))
            )
        return tuple(
            Bar(label, row[1], bool(bit), WORDS["yes"] if bit else WORDS["no"])
            for label, bit, row in zip(
                self.rows(decision), recorded.picks, recorded.probabilities, strict=True
            )
        )

    def to_json(self) -> Json:
        """What the browser needs beside the drawings to play any episode of this scene."""
        return {
            "plan": [[d.kind, d.at] for d in self.plan],
            "ops": [[name, *OPERATIONS[name]] for name in self.space.ops],
            "tensors": self.tensors,
            "shift": 1 if self.space.wiring == "layer" else 0,
            "colour": self.colour,
            "rows": self.panel_rows,
            "few": FEW,
            "words": WORDS,
        }


# ---------------------------------------------------------------- scenes and episodes


def subject(x: Architecture | Episode | Trace) -> Architecture | Episode:
    """What is to be drawn: of a trace its best episode, or its last one when nothing in it has a
    reward (a worked example). TypeError for what cannot be drawn."""
    if isinstance(x, Trace):
        return x.best if any(e.reward is not None for e in x.episodes) else x.last
    if isinstance(x, Architecture | Episode):
        return x
    raise TypeError(
        f"drawn is an Architecture, an Episode or a Trace (its best episode); "
        f"got {type(x).__name__}"
    )


def scene_of(
    x: Architecture | Episode, colour: Colour = "op", reductions: bool | None = None
) -> Scene:
    """The scene in which `x` plays.

    reductions: whether to show where feature maps are halved. By default yes when a recipe is
    known or the network has six layers or more: worked examples of fewer layers leave them out.
    """
    if isinstance(x, Architecture):
        shown = x.space.kind == "macro" and x.space.layers >= 6
        return Scene(x.space, colour=colour, reductions=shown if reductions is None else reductions)
    space = macro(x.architecture.space)
    recipe = x.header.recipe if x.header else {}
    fidelity = x.header.fidelity if x.header else {}
    return Scene(
        space,
        x.order,
        fidelity.get("skip_merge_search", "add"),
        colour,
        bool(recipe) or space.layers >= 6 if reductions is None else reductions,
        recipe.get("network", {}).get("filters"),
        recipe.get("data", {}).get("resolution"),
    )


def episode_json(episode: Episode) -> Json:
    """What the browser needs of an episode: picks and logits as recorded, two lines of text."""
    return {
        "steps": [step.to_json()[:2] for step in episode.steps],
        "facts": facts(episode),
        "note": episode.note,
    }


def facts(episode: Episode) -> str:
    """What the episode was worth and where it stands in its search, as far as is recorded."""
    told = []
    if episode.header and episode.header.recipe.get("name"):
        told.append(episode.header.recipe["name"])
    if episode.n >= 0 and episode.accuracy is not None:
        told.append(f"epoch {episode.epoch + 1}, sample {episode.sample + 1}")
    if episode.accuracy is not None:
        told.append(f"{episode.accuracy:.1%} of its validation images right")
    if episode.reward is not None:
        told.append(f"reward {episode.reward:.3f}")
    return " · ".join(told)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
