"""A close look at one layer: where its skips enter and how they are merged, by source.

The sources disagree, and the replay's small signs cannot show it. Each source is a chain of boxes
from the layer's input to its output; `CHAINS` states them all.

Sources: authors' `general_child.py` (search: add, then batch norm), the article (concatenation
after the operation), the paper's section 2.3 (the concatenation is the operation's input).
"""

from __future__ import annotations

from reprlib import repr as shortened  # what is refused may be endless

from enas_viz.spaces import Architecture
from enas_viz.view.graph import macro
from enas_viz.view.shapes import icon, ring, standalone, tip

# What stands between a layer's input and its output. "op" is the layer's operation; "add" and
# "concat" are where the skips come in. The paper joins what a layer reads where it is several.
CHAINS = {
    "code": ("op", "add", "batch norm"),
    "article": ("op", "concat", "1×1 conv"),
    "paper": ("concat", "1×1 conv", "op"),
}
TITLES = {
    "code": "Authors' code, while searching: skips are added to the operation's output",
    "article": "Article: skips are concatenated with the operation's output",
    "paper": "Paper: the concatenated skips are the operation's input",
}

ROW, HEAD = 40, 46  # height of a tensor's row; of the title above them
BOX_W, BOX_H, GAP = 100, 34, 32
TENSOR_W, EDGE = 76, 18


def layer_svg(architecture: Architecture, layer: int, source: str) -> str:
    """One layer (from 1, as readers count) as `source` wires it; a picture that stands alone.

    Raises ValueError for a source that is none of "code", "article", "paper", for a layer that the
    architecture lacks, and for layer 1, into which nothing can skip.
    """
    space = macro(architecture.space)
    if not isinstance(source, str) or source not in CHAINS:
        raise ValueError(
            f"source is one of {', '.join(map(repr, CHAINS))}; got {shortened(source)}"
        )
    if type(layer) is not int or not 2 <= layer <= space.layers:
        raise ValueError(
            f"layer is from 2 to {space.layers} (layer 1 has no earlier layer to skip from); "
            f"got {shortened(layer)}"
        )
    k = layer - 1
    op = space.op_names(architecture)[k]
    skips = space.sources(architecture, k)
    # The paper's operation reads what was chosen; the others read the layer before, always.
    chain, main = CHAINS[source], k
    if source == "paper" and skips:
        main = None if len(skips) > 1 else skips[0]
    if source == "paper" and len(skips) < 2:
        chain = ("op",)
    rows = [t for t in skips if t != main]
    axis = HEAD + ROW * len(rows) + BOX_H / 2 + (6 if rows else 0)
    parts = [f'<text class="small strong start" x="{EDGE}" y="24">{TITLES[source]}</text>']
    start = EDGE + TENSOR_W
    taps: list[tuple[float, float]] = []  # where each skip's wire begins
    if main is not None:
        parts += _tensor(main, axis)
    for row, t in enumerate(rows):
        y = HEAD + ROW * row + BOX_H / 2
        parts += _tensor(t, y)
        taps.append((start, y))
    x, before = start + 2 * GAP, start if main is not None else None
    if main in skips and source != "paper":  # read as the input, and as a skip besides
        taps.append((start + GAP / 2, axis))
    for kind in chain:
        if kind in ("add", "concat"):
            if before is not None:
                parts.append(_wire(before, x - 11, axis))
            merge = x
            parts += [_skip(tx, ty, merge, axis, ty == axis) for tx, ty in taps]
            parts.append(ring(kind, merge, axis))
            before, x = merge + 10, merge + 10 + GAP
            continue
        if before is not None:
            parts.append(_wire(before, x, axis))
        name = op.lines if kind == "op" else (kind,)
        parts += _box(x, axis, name, op if kind == "op" else "")
        before, x = x + BOX_W, x + BOX_W + GAP
    parts.append(_wire(before, x, axis))
    parts += _tensor(layer, axis, x)
    width = x + TENSOR_W + EDGE
    told = ", ".join(_name(t) for t in skips) or "nothing"
    about = f"Layer {layer}, {op.title}, skips from {told}. {TITLES[source]}."
    return standalone("".join(parts), max(width, 560), axis + BOX_H / 2 + 20, about)


def _name(tensor: int) -> str:
    return f"layer {tensor}" if tensor else "stem"


def _tensor(tensor: int, y: float, x: float = EDGE) -> list[str]:
    """A tensor by the layer that it is the output of, in that layer's colour."""
    tone = f" at-{(tensor - 1) % 8 + 1}" if tensor else ""
    name = "face" if tensor else "fixed"
    return [
        f'<rect class="{name}{tone}" x="{x:g}" y="{y - BOX_H / 2 + 4:g}" width="{TENSOR_W}" '
        f'height="{BOX_H - 8}" rx="13"/>',
        f'<text x="{x + TENSOR_W / 2:g}" y="{y + 4:g}">{_name(tensor)}</text>',
    ]


def _box(x: float, y: float, lines: tuple[str, ...], op: str) -> list[str]:
    name = f"face op-{op}" if op else "fixed"
    parts = [
        f'<rect class="{name}" x="{x:g}" y="{y - BOX_H / 2:g}" width="{BOX_W}" '
        f'height="{BOX_H}" rx="7"/>'
    ]
    if op:
        parts.append(
            f'<g class="op-{op}" transform="translate({x + 18:g} {y:g})">'
            f'<path class="enas-icon" d="{icon(op)}"/></g>'
        )
    middle = x + BOX_W / 2 + (10 if op else 0)
    return [*parts, f'<text x="{middle:g}" y="{y + 4:g}">{" ".join(lines)}</text>']


def _wire(x1: float, x2: float, y: float) -> str:
    return f'<path class="line" d="M{x1:g} {y:g}H{x2 - 4:g}"/>{tip(x2 - 1, y, "right")}'


def _skip(x: float, y: float, merge: float, axis: float, from_axis: bool) -> str:
    """From a tensor's row along and down into the merge; from the axis, over the operation."""
    if from_axis:
        y = axis - BOX_H / 2 - 9
        path = f"M{x:g} {axis:g}V{y + 8:g}Q{x:g} {y:g} {x + 8:g} {y:g}"
    else:
        path = f"M{x:g} {y:g}"
    path += f"H{merge - 8:g}Q{merge:g} {y:g} {merge:g} {y + 8:g}V{axis - 14:g}"
    return f'<path class="line" d="{path}"/>{tip(merge, axis - 10, "down")}'
