"""A network seen from inside: feature maps of ten images, its verdicts, and what one change makes.

Of every layer, or of every tensor inside one cell, four channels at their own resolution, as bytes.
`Seen` is that of a network wired in one way; `Inside` holds the network as it is, and what it
shows after each single change: one arc cut, or one other operation.

Not here: where the numbers come from (`search/inside.py`), the picture (`view/child.py`).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.files import ASSETS, check_format, read_gzipped, write_gzipped
from enas_viz.spaces import Architecture

SHIPPED = ("child-macro", "child-micro")  # recordings that come with the package
FORMAT = 1
SHOWN = 4  # channels of a tensor that are shown
LEVELS = 255  # of a byte: what a value is rounded to
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"  # base64's
MOST_BYTES = 40_000_000  # of a file, unpacked
MOST_IMAGES, MOST_SIDE, MOST_CLASSES, MOST_CHANNELS = 10, 64, 1000, 100_000
WINDOWS = ("conv", "sep", "avg", "max")  # what slides: a filter, one of a single channel, a pool
MERGES = ("add", "concat")
IMAGE_RULE = "of each class in a minibatch the image whose verdict is the closest call"
CHANNEL_RULE = "the four of largest variance over these images, in the network as it is"
SCALE_RULE = (
    "each channel from its smallest to its largest value on these images in the network as it is; "
    "after a change, values beyond are clipped"
)


@dataclass(frozen=True)
class Shown:
    """Which channels of a tensor are shown, and what their bytes mean.

    side: height and width in pixels. of: how many channels the tensor has. Byte b of channel i is
    low[i] + b / levels * (high[i] - low[i]), where levels is of the recording.
    """

    side: int
    of: int
    channels: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Window:
    """What an operation slides over one channel of its input.

    kind: "conv", a filter's weights for that channel, whose sums go into `output`; "sep", the
    channel's own filter; "avg", "max". weights: (size * size), row by row; empty for pools.
    stride, pad: in pixels; pad stands left of and above the input. inputs: how many channels the
    operation reads. pixels: (images, side, side) bytes, from low to high. channel, output: numbers
    of the channels of the input, and of what comes out.
    """

    kind: str
    size: int
    stride: int
    pad: int
    weights: tuple[float, ...]
    channel: int
    output: int
    inputs: int
    side: int
    low: float
    high: float
    pixels: bytes


@dataclass(frozen=True)
class Seen:
    """What a network shows of the images, wired in one way.

    probabilities: (images, classes). maps: by tensor, (images, channels, side, side) bytes.
    windows: by the operation's place. After a change, only what it altered.
    """

    probabilities: tuple[tuple[float, ...], ...]
    maps: dict[str, bytes]
    windows: dict[str, Window] = field(default_factory=dict)

    def to_json(self, levels: int = LEVELS) -> dict[str, Any]:
        """levels: of the recording, which decides how bytes are written."""
        return {
            "probabilities": [list(row) for row in self.probabilities],
            "maps": {key: _text(data, levels) for key, data in self.maps.items()},
            "windows": {
                place: {**w.__dict__, "weights": list(w.weights), "pixels": _text(w.pixels, levels)}
                for place, w in self.windows.items()
            },
        }


@dataclass(frozen=True)
class Inside:
    """One network under shared weights, seen from inside on at most ten images.

    merge: how skips join a macro layer's result, "add" or "concat". cells: of a micro network the
    kind of each; cell: which of them is open, from 0. loose: the tensors of the open cell that its
    output joins, inputs: what its two inputs are, in words, fitted: which of them are brought to
    size first.
    pixels: (images, channels, side, side) bytes, labels: class numbers. tensors: by name, see
    `drawn`; levels: the largest byte of their maps. base: the network as it is; variants: after a
    single change, see `changes`.
    about: recipe, seed, data, device, date and commit that the numbers come from.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    side: int
    channels: int
    pixels: bytes
    labels: tuple[int, ...]
    tensors: dict[str, Shown]
    base: Seen
    variants: dict[str, Seen] = field(default_factory=dict)
    merge: str = "add"
    cells: tuple[str, ...] = ()
    cell: int = 0
    loose: tuple[int, ...] = ()
    fitted: tuple[bool, bool] = (False, False)
    inputs: tuple[str, ...] = ()
    levels: int = LEVELS
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of the open cell, "normal" or "reduction"; "" for a macro network."""
        return self.cells[self.cell] if self.cells else ""

    @property
    def changes(self) -> tuple[str, ...]:
        """Every single change: "cut:ARC", and "op:PLACE:NAME" for each other operation."""
        return changes_of(self.architecture, self.kind)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The tensors that a picture of this network needs."""
        return tuple(drawn(self.architecture, self.merge, self.kind, self.fitted))

    # ---- as data

    def to_json(self) -> dict[str, Any]:
        """As JSON; the browser gets the same.

        Bytes are base64; where there are at most 64 levels, each is one of its digits, so that
        gzip finds what is alike.
        """
        return {
            "format": FORMAT,
            "architecture": self.architecture.to_json(),
            "classes": list(self.classes),
            "side": self.side,
            "channels": self.channels,
            "pixels": _text(self.pixels),
            "labels": list(self.labels),
            "tensors": {
                key: {
                    "side": t.side,
                    "of": t.of,
                    "channels": list(t.channels),
                    "low": list(t.low),
                    "high": list(t.high),
                }
                for key, t in self.tensors.items()
            },
            "levels": self.levels,
            "base": self.base.to_json(self.levels),
            "variants": {c: seen.to_json(self.levels) for c, seen in self.variants.items()},
            "merge": self.merge,
            "cells": list(self.cells),
            "cell": self.cell,
            "loose": list(self.loose),
            "fitted": list(self.fitted),
            "inputs": list(self.inputs),
            "about": self.about,
        }

    @classmethod
    def from_json(cls, value: Any) -> Inside:
        """Raises ValueError for a format that this version does not read, or what is damaged."""
        check_format(value, FORMAT, "a recording")
        try:
            return _of(value)
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"a recording lacks what it should hold: {error!r}"[:200]) from None


# ---------------------------------------------------------------- what there is in a network


def changes_of(architecture: Architecture, kind: str = "") -> tuple[str, ...]:
    """Every single change of a macro network, or of a micro network's cells of a kind."""
    return tuple(OPENED[architecture.space.kind](architecture, kind).changes())


def rewired(
    architecture: Architecture, changes: Iterable[str], kind: str = ""
) -> tuple[Architecture, frozenset[tuple[int, int]]]:
    """(architecture, cut inputs) after some changes, of which one place has at most one of a sort.

    A macro network without a skip is another architecture. A cell's node always has two inputs, so
    one that is cut, (node, side), is no longer part of an architecture: it adds nothing.
    Raises ValueError for what is no change of this network.
    """
    opened = OPENED[architecture.space.kind](architecture, kind)
    known, taken = set(opened.changes()), set()
    for change in changes:
        sort, _, rest = change.partition(":") if isinstance(change, str) else ("", "", "")
        place, _, op = rest.partition(":")
        if change not in known or (sort, place) in taken:
            raise ValueError(
                f"a change of this network is one of {', '.join(sorted(known)[:3])}, ..., one for "
                f"each arc or operation; got {shortened(change)}"
            )
        taken.add((sort, place))
        if sort == "op":
            opened.replace(place, architecture.space.ops.index(op))
        else:
            opened.cut(place)
    return opened.architecture(), frozenset(opened.lost)


def drawn(
    architecture: Architecture,
    merge: str = "add",
    kind: str = "",
    fitted: tuple[bool, bool] = (False, False),
) -> list[str]:
    """Names of the tensors in a picture.

    Macro: "t0" is the stem's output, "tK" that of layer K (from 1), "tK/H" the same after H
    halvings; "oK" is what layer K's operation made, before skips join; where they are added,
    "sK-T" is tensor T at the channels of the sum. Micro: "g0" and "g1" are the outputs of the cell
    two back and of the previous one, "n0" and "n1" the same brought to size, "nI" the nodes, "xI.S"
    what side S of node I adds, "out" the cell's output.
    """
    return OPENED[architecture.space.kind](architecture, kind).drawn(merge, fitted)


class _Layers:
    """The layers of a macro network. A place is a layer, "K", or a skip into it, "K-T"."""

    def __init__(self, architecture: Architecture, kind: str) -> None:
        self.given, self.space = architecture, architecture.space
        self.rows = [list(row) for row in architecture.content]
        self.lost: set[tuple[int, int]] = set()

    def changes(self) -> Iterator[str]:
        for k, layer in enumerate(self.given.content):
            yield from (f"cut:{k}-{t}" for t in self.space.sources(self.given, k))
            yield from (f"op:{k}:{op}" for i, op in enumerate(self.space.ops) if i != layer[0])

    def replace(self, place: str, op: int) -> None:
        self.rows[int(place)][0] = op

    def cut(self, place: str) -> None:
        layer, tensor = map(int, place.split("-"))
        self.rows[layer][1 + tensor - (self.space.wiring == "layer")] = 0

    def architecture(self) -> Architecture:
        return Architecture(self.space, tuple(map(tuple, self.rows)))

    def drawn(self, merge: str, fitted: tuple[bool, bool]) -> list[str]:
        found, pools = ["t0"], self.space.pool_after()
        for k in range(self.space.layers):
            for t in self.space.sources(self.given, k):
                name = f"s{k + 1}-{t}" if merge == "add" else named(t, k, pools)
                if name not in found:
                    found.append(name)
            found += [f"o{k + 1}", f"t{k + 1}"] if k else ["t1"]
        return found


class _Cells:
    """The cells of one kind in a micro network. A place is an input, "NODE.SIDE"."""

    def __init__(self, architecture: Architecture, kind: str) -> None:
        self.given, self.space = architecture, architecture.space
        self.cell = self.space.cells.index(kind)
        self.rows = [list(row) for row in architecture.content[self.cell]]
        self.lost: set[tuple[int, int]] = set()

    def changes(self) -> Iterator[str]:
        for node, row in enumerate(self.given.content[self.cell], start=2):
            for side in (0, 1):
                yield f"cut:{node}.{side}"
                others = (op for i, op in enumerate(self.space.ops) if i != row[2 + side])
                yield from (f"op:{node}.{side}:{op}" for op in others)

    def replace(self, place: str, op: int) -> None:
        node, side = map(int, place.split("."))
        self.rows[node - 2][2 + side] = op

    def cut(self, place: str) -> None:
        node, side = map(int, place.split("."))
        self.lost.add((node, side))

    def architecture(self) -> Architecture:
        cells = list(self.given.content)
        cells[self.cell] = tuple(map(tuple, self.rows))
        return Architecture(self.space, tuple(cells))

    def drawn(self, merge: str, fitted: tuple[bool, bool]) -> list[str]:
        found = [f"g{side}" for side in (0, 1) if fitted[side]] + ["n0", "n1"]
        for node in range(2, self.space.nodes + 2):
            found += [f"x{node}.0", f"x{node}.1", f"n{node}"]
        return [*found, "out"]


OPENED = {"macro": _Layers, "micro": _Cells}


def named(tensor: int, layer: int, pools: tuple[int, ...]) -> str:
    """The name of a macro tensor as a layer (from 0) reads it."""
    before = sum(p < tensor - 1 for p in pools)
    halvings = sum(p < layer for p in pools) - before
    return f"t{tensor}/{halvings}" if halvings else f"t{tensor}"


# ---------------------------------------------------------------- files


def shipped_name(source: Any) -> str:
    """The name of the recording in SHIPPED that a short or full name means; "" for all else."""
    name = f"child-{source.removeprefix('child-')}" if isinstance(source, str) else ""
    return name if name in SHIPPED else ""


def load_inside(source: str | Path) -> Inside:
    """A recording: a file, or the name of one that ships, "macro" or "micro" ("child-macro" and
    "child-micro" are the same).

    Raises ValueError for a file that holds none, FileNotFoundError where there is no file,
    TypeError for what is no path.
    """
    if not isinstance(source, str | Path):
        raise TypeError(
            f"a recording is read from a file, a path or its name; got {shortened(source)}"
        )
    path = ASSETS / f"{shipped_name(source)}.json.gz" if shipped_name(source) else Path(source)
    try:
        return Inside.from_json(json.loads(read_gzipped(path, MOST_BYTES)))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no recording {shortened(str(source))}; these come with the package: "
            f"{', '.join(n.removeprefix('child-') for n in SHIPPED)} (or {', '.join(SHIPPED)})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.name[:100]} holds no recording of a network's inside that can be read: {error}"
        ) from None


def save_inside(inside: Inside, path: str | Path) -> None:
    """Writes a recording as gzipped JSON, the same bytes for the same recording."""
    text = json.dumps(inside.to_json(), separators=(",", ":"), allow_nan=False)
    write_gzipped(path, text.encode())


# ---------------------------------------------------------------- reading, with every doubt


def _of(value: Mapping[str, Any]) -> Inside:
    architecture = Architecture.from_json(value["architecture"])
    classes, labels = value["classes"], value["labels"]
    _need(_texts(classes) and 2 <= len(classes) <= MOST_CLASSES, "2 to 1000 names of classes")
    count = len(labels)
    _need(1 <= count <= MOST_IMAGES, f"1 to {MOST_IMAGES} labels")
    _need(all(_whole(x, 0, len(classes) - 1) for x in labels), "labels that are class numbers")
    side, channels = value["side"], value["channels"]
    _need(_whole(side, 1, 4096) and channels in (1, 3), "images of 1 or 3 channels")
    cells, cell = value["cells"], value["cell"]
    known = architecture.space.cells
    _need(isinstance(cells, list) and all(c in known for c in cells), "kinds of cells")
    _need(bool(known) == bool(cells) and _whole(cell, 0, max(0, len(cells) - 1)), "an open cell")
    loose, fitted = value["loose"], value["fitted"]
    most = architecture.space.nodes + 1 if known else 0
    _need(bool(known) == bool(loose) and all(_whole(t, 0, most) for t in loose), "loose ends")
    _need(len(fitted) == 2 and all(type(f) is bool for f in fitted), "two flags of inputs")
    inputs = value["inputs"]
    _need(_texts(inputs) and len(inputs) == (2 if known else 0), "names of a cell's two inputs")
    _need(value["merge"] in MERGES, f"a merge, {' or '.join(MERGES)}")
    _need(isinstance(value["about"], dict), "facts about itself")
    tensors = {str(k): _shown(v) for k, v in value["tensors"].items()}
    levels = value["levels"]
    _need(_whole(levels, 1, LEVELS), f"1 to {LEVELS} levels")

    def seen(one: Any) -> Seen:
        return _seen(one, tensors, count, len(classes), levels)

    made = Inside(
        architecture,
        tuple(classes),
        side,
        channels,
        _bytes(value["pixels"], count * channels * side**2, "pixels of the images"),
        tuple(labels),
        tensors,
        seen(value["base"]),
        {str(k): seen(v) for k, v in value["variants"].items()},
        value["merge"],
        tuple(cells),
        cell,
        tuple(loose),
        tuple(fitted),
        tuple(inputs),
        levels,
        value["about"],
    )
    if missing := sorted(set(made.drawn) - made.base.maps.keys()):
        raise ValueError(f"a recording of this network has maps of {missing[0]}; it has none")
    if odd := sorted(made.variants.keys() - set(made.changes)):
        raise ValueError(f"{shortened(odd[0])} is no change of this network")
    return made


def _shown(value: Mapping[str, Any]) -> Shown:
    channels, low, high = value["channels"], value["low"], value["high"]
    _need(_whole(value["side"], 1, MOST_SIDE), f"maps of 1 to {MOST_SIDE} pixels")
    _need(_whole(value["of"], 1, MOST_CHANNELS), "a number of channels")
    _need(1 <= len(channels) == len(low) == len(high) <= SHOWN, f"1 to {SHOWN} channels shown")
    _need(all(_whole(c, 0, value["of"] - 1) for c in channels), "numbers of channels")
    _need(all(map(_finite, [*low, *high])), "finite limits of channels")
    return Shown(value["side"], value["of"], tuple(channels), tuple(low), tuple(high))


def _seen(value: Any, tensors: Mapping[str, Shown], count: int, classes: int, levels: int) -> Seen:
    rows = value["probabilities"]
    fits = len(rows) == count and all(len(row) == classes for row in rows)
    _need(fits and all(_finite(p) and 0 <= p <= 1 for row in rows for p in row), "probabilities")
    _need(all(abs(sum(row) - 1) < 1e-3 for row in rows), "probabilities that sum to 1")
    maps = {}
    for key, text in value["maps"].items():
        _need(key in tensors, "maps of tensors that it describes")
        t = tensors[key]
        maps[key] = _bytes(text, count * len(t.channels) * t.side**2, f"bytes of {key}", levels)
    windows = {str(k): _window(w, count, levels) for k, w in value["windows"].items()}
    return Seen(tuple(map(tuple, rows)), maps, windows)


def _window(value: Mapping[str, Any], count: int, levels: int) -> Window:
    made = Window(**{name: value[name] for name in Window.__dataclass_fields__})
    _need(made.kind in WINDOWS and made.size in (3, 5), "a window of 3 or 5 pixels")
    _need(made.stride in (1, 2) and _whole(made.pad, 0, 2), "steps of 1 or 2 pixels")
    wanted = made.size**2 if made.kind in ("conv", "sep") else 0
    _need(len(made.weights) == wanted and all(map(_finite, made.weights)), "finite weights")
    numbers = (made.channel, made.output, made.inputs)
    _need(all(_whole(n, 0, MOST_CHANNELS) for n in numbers), "numbers of channels")
    _need(_whole(made.side, 1, MOST_SIDE), f"maps of 1 to {MOST_SIDE} pixels")
    _need(_finite(made.low) and _finite(made.high), "finite limits of a window's input")
    pixels = _bytes(value["pixels"], count * made.side**2, "bytes of a window's input", levels)
    return Window(**{**made.__dict__, "weights": tuple(made.weights), "pixels": pixels})


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"a recording must hold {what}")


def _text(data: bytes, levels: int = LEVELS) -> str:
    if levels < len(DIGITS):
        return "".join(DIGITS[b] for b in data)
    return base64.b64encode(data).decode()


def _bytes(text: Any, count: int, what: str, levels: int = LEVELS) -> bytes:
    try:
        if levels < len(DIGITS):
            found = bytes(map(_VALUES.__getitem__, text))
        else:
            found = base64.b64decode(text, validate=True)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{what} must be base64: {error}") from None
    _need(len(found) == count, f"{count} {what}; got {len(found)}")
    _need(max(found) <= levels, f"{what} of at most {levels}")
    return found


_VALUES = {digit: value for value, digit in enumerate(DIGITS)}


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) and len(x) <= 200 for x in value)


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
