"""The inside of a network: a picture of its feature maps, and what is said of them.

Not here: the pictures (`macro_child`, `micro_child`), the pixels (`enas_viz/records/inside.py`),
what happens on a click (`static/child.js`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from types import ModuleType

from enas_viz.records.inside import Inside, Seen
from enas_viz.spaces.operations import Operation
from enas_viz.view import kinds
from enas_viz.view.child_picture import EDGE, WORDS, Picture, bar_classes
from enas_viz.view.shapes import standalone


def _child(inside: Inside) -> ModuleType:
    """How networks of this kind look from inside."""
    return kinds.of(inside.architecture.space).child


def picture_of(inside: Inside) -> Picture:
    """The drawing of a recording."""
    return _child(inside).ChildPicture(inside)


def child_svg(
    inside: Inside,
    image: int = 0,
    changes: Sequence[str] = (),
    seen: Seen | None = None,
    hint: str = "",
) -> str:
    """A still that stands alone: the network on one image, with its verdict.

    seen: what the changes alter, by default as recorded.
    """
    picture = picture_of(inside)
    if changes and seen is None:
        seen = inside.variants[changes[0]]
    parts, width, height = picture.still(image, changes, seen)
    verdict = said(inside, image, changes, seen)
    first = f"{verdict[0]}. {verdict[1]}"
    parts.append(f'<text class="start strong" x="{EDGE}" y="20">{escape(first)}</text>')
    lines = [line for line in (verdict[2], hint) if line]
    for k, line in enumerate(lines):
        y = height + 16 + 18 * k
        parts.append(f'<text class="small start" x="{EDGE}" y="{y:g}">{escape(line)}</text>')
    about = f"{describe(inside)} {' '.join(verdict)}"
    return standalone("".join(parts), width, height + 26 + 18 * len(lines), about, "child")


# ---------------------------------------------------------------- what the browser is told


def told(inside: Inside, live: bool = False) -> dict[str, object]:
    """What the browser needs: the drawing, the bytes, the words. live: whether a search answers."""
    drawing = picture_of(inside)
    bars = bar_classes(inside)
    longest = max(len(inside.classes[c]) for c in bars)
    name = 26 if longest == 1 else min(76, 22 + 7 * longest)
    recording = inside.to_json()
    for unused in ("format", "architecture", "about", "cells", "loose", "fitted", "inputs"):
        del recording[unused]
    return {
        "svg": drawing.widget(),
        "recording": recording,
        "live": live,
        "places": places(inside),
        "sums": _child(inside).sums(inside),
        "ops": {
            op: {"name": op.label, "title": op.title, "still": no_window(op)}
            for op in inside.architecture.space.ops
        },
        "changes": {change: change_name(inside, change) for change in inside.changes},
        "words": WORDS,
        "bars": bars,
        "sizes": f"--natural: {drawing.width:g}px; --name: {name}px; --bars: {name + 104}px; "
        f"--half: {(len(bars) + 1) // 2}",
        "facts": facts(inside),
    }


def first_look(inside: Inside) -> tuple[str, int]:
    """(place, at): the operation that is open at first, and how far its window has slid."""
    found = places(inside)
    first = list(found)[min(1, len(found) - 1)]
    window = inside.base.windows.get(found[first]["window"])
    return first, (window.side // window.stride) ** 2 // 2 if window else 0


def child_state(inside: Inside) -> dict[str, object]:
    """The values of a widget's traits for a page that shows a recording."""
    place, at = first_look(inside)
    return {
        **{"picture": told(inside), "image": 0, "changes": []},
        **{"place": place, "at": at, "answer": {}},
    }


# ---------------------------------------------------------------- words


def said(
    inside: Inside, image: int, changes: Sequence[str] = (), seen: Seen | None = None
) -> tuple[str, str, str]:
    """What is looked at, the verdict, and what else is to say of it, as the browser says it."""
    rows = (seen or inside.base).probabilities
    right = inside.labels[image] == rows[image].index(max(rows[image]))
    truth = "Right." if right else f"Wrong: it is {inside.classes[inside.labels[image]]}."
    count = sum(
        row.index(max(row)) == label for row, label in zip(rows, inside.labels, strict=True)
    )
    total = f"Of the {len(rows)} images it gets {count} right."
    says = f"It predicts {_verdict(inside, rows[image])}. {truth}"
    if not changes:
        return "The network as it is", says, total
    several = f"{len(changes)} changes"
    words = several if len(changes) > 1 else change_name(inside, changes[0])
    return words, says, f"Unchanged: {_verdict(inside, inside.base.probabilities[image])}. {total}"


def _verdict(inside: Inside, row: Sequence[float]) -> str:
    # halves go up, as in the browser
    return f"{inside.classes[row.index(max(row))]} ({math.floor(100 * max(row) + 0.5)} %)"


def change_name(inside: Inside, change: str) -> str:
    """A change in words, such as "Layer 3 without layer 1"."""
    sort, _, rest = change.partition(":")
    place, _, name = rest.partition(":")
    op = next((op for op in inside.architecture.space.ops if op == name), None)
    return _child(inside).change_name(place, sort == "cut", op)


def no_window(op: Operation) -> str:
    """Why no window slides for an operation; empty where one does."""
    if op.slides:
        return ""
    if op.family == "identity":
        return "The identity passes its input on as it is."
    return f"The window of this operation is not shown: {op.title}."


def describe(inside: Inside) -> str:
    """The picture in a sentence, for those who do not see it."""
    return _child(inside).describe(inside)


def places(inside: Inside) -> dict[str, dict[str, str]]:
    """What can be opened: by place its operation, its name, and the tensor that it makes."""
    return _child(inside).places(inside)


def facts(inside: Inside) -> str:
    """Where the numbers come from, and how to read the maps, in a few sentences."""
    about = inside.about
    told = (
        "Each square shows 4 channels, those that vary most; pale is a channel's lowest value, "
        "strong its highest."
    )
    if not about:
        return told
    recipe, fidelity = about.get("recipe", {}), about.get("fidelity", {})
    told += (
        f" Shared weights of recipe {recipe.get('name')} on "
        f"{about.get('dataset', {}).get('name')}, seed {about.get('seed')}, "
        f"{about.get('epochs')} epochs, {about.get('device', {}).get('type')}"
    )
    told += f", {about['date']}. " if "date" in about else ". "
    if isinstance(about.get("accuracy"), float):
        told += f"Accuracy on all validation images: {100 * about['accuracy']:.1f} %. "
    if "picked" in about:
        told += f"The images: {about['picked']}. "
    if fidelity.get("reward_dropout") == "on":
        told += "The search's rewards were measured with dropout; here there is none. "
    return told + f"Batch norm {about.get('normalised', '')}."
