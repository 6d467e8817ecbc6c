"""The inside of a macro network: layers from left to right, skips as arcs over them.

Skips that are added lie over each other and go through a plus; what is concatenated stands on top
of each other, its channels counted together, and a 1x1 convolution makes it thin again; where maps
are halved the way narrows.

Not here: how a face, a wire or a still is drawn (`child_picture`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from enas_viz.records.inside import Inside, named
from enas_viz.spaces.operations import Operation
from enas_viz.view.child_picture import (
    DROP,
    EDGE,
    FAN,
    FUNNEL,
    GUTTER,
    LANE,
    PHOTO,
    ROWS,
    STRIP,
    Arc,
    Face,
    Picture,
    image_of,
)


def change_name(place: str, cut: bool, op: Operation | None) -> str:
    """A change in words, such as "Layer 3 without layer 1"."""
    layer, _, tensor = place.partition("-")
    if cut:
        return f"Layer {int(layer) + 1} without {tensor_name(int(tensor))}"
    return f"Layer {int(layer) + 1} with {op.title}"


def tensor_name(tensor: int) -> str:
    """What a macro tensor is called: 0 is the stem's output."""
    return f"layer {tensor}" if tensor else "the stem"


def describe(inside: Inside) -> str:
    """The picture in a sentence, for those who do not see it."""
    space = inside.architecture.space
    ops = ", ".join(op.title for op in space.op_names(inside.architecture))
    return f"Feature maps of a network of {space.layers} layers: {ops}."


def sums(inside: Inside) -> list[dict[str, object]]:
    """Where maps are added: what comes out, and each part with the change that takes it away."""
    space = inside.architecture.space
    found = []
    for k in range(1, space.layers) if inside.merge == "add" else ():
        skips = [
            {"key": f"s{k + 1}-{t}", "cut": f"cut:{k}-{t}"}
            for t in space.sources(inside.architecture, k)
        ]
        if skips:
            found.append({"out": f"t{k + 1}", "parts": [{"key": f"o{k + 1}", "cut": ""}, *skips]})
    return found


def places(inside: Inside) -> dict[str, dict[str, str]]:
    """What can be opened: by place its operation, its name, and the tensor that it makes."""
    architecture = inside.architecture
    return {
        str(k): {
            "op": op,
            "name": f"Layer {k + 1}",
            "made": f"o{k + 1}" if k else "t1",
            "window": str(k + 1),
        }
        for k, op in enumerate(architecture.space.op_names(architecture))
    }


@dataclass
class ChildPicture(Picture):
    """The layers of a macro network."""

    roomy = 4
    hints = ("Each square: 4 of its maps.", "Click an arc to cut it,", "a layer to open it.")
    beside = False

    def _compose(self) -> None:
        inside, space = self.inside, self.space
        architecture = inside.architecture
        pools = space.pool_after()
        sources = [space.sources(architecture, k) for k in range(space.layers)]
        tall = max(
            len(row) * (self._f(f"t{k + 1}") + STRIP) + self._f(f"t{k + 1}") / 2 + 18 * bool(row)
            for k, row in enumerate(sources)
        )
        tall = max(tall, self._f("t0") / 2)
        lanes = self._lane_count(sources)
        axis = 6 + LANE * lanes + 8 + tall
        floor = axis + max(self._f("t0"), self._f("t1")) / 2
        x, stem = self._entrance(axis, floor)
        made = {0: stem}
        for k, op in enumerate(space.op_names(architecture)):
            before = made[k]
            f = self._f(f"t{k + 1}")
            x += GUTTER + DROP * len(sources[k])
            if sum(p < k for p in pools) != sum(p < k - 1 for p in pools):
                self._halving(before, f, x - GUTTER - DROP * len(sources[k]) + 8, axis)
                x += FUNNEL + 4
            key = f"o{k + 1}" if k else "t1"
            own = Face(key, x + f / 2, axis, f)
            end = own.right if not k else own.right + FUNNEL + f
            self._spot(str(k), own, x - 4, end + 4, floor)
            self._wire(before.right, own.left, axis)
            self._words((x + end) / 2, floor, f"layer {k + 1}", op, key, str(k))
            self._face(own, f"op-{op}", place=str(k))
            made[k + 1] = own
            if k:
                made[k + 1] = self._merge(k, sources[k], own, made)
            x = end
        self._exit(made[space.layers], axis, floor)
        self._route(axis - tall - 8)

    def _merge(self, k: int, sources: tuple[int, ...], own: Face, made: dict[int, Face]) -> Face:
        """The skips that join a layer's result, and what comes of it."""
        pools, adds = self.space.pool_after(), self.inside.merge == "add"
        slabs, y = [], own.top
        for i, t in enumerate(reversed(sources)):
            key = f"s{k + 1}-{t}" if adds else named(t, k, pools)
            y -= own.f + STRIP
            slab = Face(key, own.x, y + STRIP + own.f / 2, own.f)
            cut, name = f"cut:{k}-{t}", tensor_name(t)
            self._slab(slab, cut, name if t else "stem")
            slabs.append(slab)
            x = own.left - 10 - DROP * (len(sources) - 1 - i)
            words = f"skip from {name} to layer {k + 1}"
            self.arcs.append(Arc(made[t], x, slab.left, slab.y, cut, words, "top"))
        out = Face(f"t{k + 1}", own.right + FUNNEL + own.f / 2, own.y, own.f)
        of = self.inside.tensors[own.key].of
        self._join(str(k), own, y, own.bottom, out, len(slabs) + 1, of, adds)
        self._face(out, "")
        return out

    def _halving(self, before: Face, f: float, x: float, axis: float) -> None:
        high, low = before.f / 2, f / 2
        self.parts.append(
            f'<path class="funnel" d="M{x:g} {axis - high * 0.8:g}L{x + FUNNEL - 4:g} '
            f'{axis - low * 0.8:g}V{axis + low * 0.8:g}L{x:g} {axis + high * 0.8:g}z"/>'
        )
        self._text(x + FUNNEL / 2 - 2, axis - high * 0.8 - 6, "halved")

    def _entrance(self, axis: float, floor: float) -> tuple[float, Face]:
        """(where the first layer may begin, the stem's output)."""
        inside, f = self.inside, self._f("t0")
        self.parts.append(image_of(EDGE, axis - PHOTO / 2, PHOTO))
        self._text(EDGE + PHOTO / 2, floor + ROWS[0], "image", "strong")
        self._text(EDGE + PHOTO / 2, floor + ROWS[2], f"{inside.side}×{inside.side}")
        colours = "grey" if inside.channels == 1 else "3 colours"
        self._text(EDGE + PHOTO / 2, floor + ROWS[3], colours)
        stem = Face("t0", EDGE + PHOTO + GUTTER + f / 2, axis, f)
        self._wire(EDGE + PHOTO, stem.left, axis)
        self._face(stem, "")
        self._words(stem.x, floor, "stem", "", "t0")
        return stem.right, stem

    def _exit(self, last: Face, axis: float, floor: float) -> None:
        inside = self.inside
        x = last.right + 16
        self._wire(last.right, x, axis)
        self.height = floor + ROWS[-1] + 9
        self._classifier(x, axis, FAN + 4)
        middle, of = self.width - 36, inside.tensors[last.key].of
        for row, words, look in zip(
            ROWS,
            ("classifier", "means", f"{of} numbers", f"{len(inside.classes)} classes"),
            ("strong", "", "small", "small"),
            strict=True,
        ):
            self._text(middle, floor + row, words, look)

    def _words(self, x: float, floor: float, name: str, op: str, key: str, place: str = "") -> None:
        """Under a column: its name, its operation, its size."""
        t = self.inside.tensors[key]
        self._text(x, floor + ROWS[0], name, "strong")
        if op:
            self._label(x, floor + ROWS[1], op, place)
        else:
            self._text(x, floor + ROWS[1], "conv 3×3", "")
        self._text(x, floor + ROWS[2], f"{t.side}×{t.side} pixels")
        self._text(x, floor + ROWS[3], f"{t.of} channels")

    def _lane_count(self, sources: Sequence[tuple[int, ...]]) -> int:
        spans = [(t, k + 1) for k, row in enumerate(sources) for t in row]
        return max((sum(a < t <= b for a, b in spans) for t in range(len(sources) + 1)), default=0)

    def _places(self) -> dict[str, dict[str, str]]:
        return places(self.inside)

    def _thin_x(self, x: float, own: Face) -> float:
        return x + FUNNEL / 2
