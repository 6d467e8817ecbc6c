"""What a space answers, and what an architecture of it is.

Whoever needs to know something of a space asks it; nobody outside this room asks which kind it is.
A new space is a subclass of `Space`, imported by the door of this room.

Not here: the two spaces (`macro.py`, `micro.py`), reading lists and names (`decoding.py`,
`genotypes.py`, `published.py`).
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import Field, dataclass
from itertools import islice
from numbers import Integral
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, ClassVar, Literal

from enas_viz.spaces.operations import Operation, found

MOST_SHOWN = 30  # picks that an error repeats
MOST_NUMBERS = 1_000_000  # in a list that is read; the longest flat list has half as many
MOST_LISTED = 10_000_000  # architectures that `Space.all` goes through

Content = tuple[Any, ...]

KINDS: dict[str, type[Space]] = {}  # by the name in JSON; each subclass adds itself


@dataclass(frozen=True)
class Decision:
    """One time-step of the controller's LSTM, and what it decides.

    kind: "op" (one operation), "skip" (one bit per earlier layer), "index" (the source of a node's
    input) or "silent" (the LSTM steps, nothing is decided). at: the layer or node, from 0.
    rows: how many independent draws the step makes; options: how many values each can take.
    """

    kind: Literal["op", "skip", "index", "silent"]
    at: int
    rows: int = 1
    options: int = 0
    cell: str = ""  # micro only: "normal" or "reduction"
    side: int = 0  # micro only: first (0) or second (1) input of the node


@dataclass(frozen=True)
class Architecture:
    """One network of a space: `content` in canonical order. Hashable, comparable, JSON-able.

    Macro: per layer `(op, bit, bit, ...)`, one bit per earlier layer.
    Micro: per cell, per node `(index, index, op, op)`; the normal cell comes first.
    Raises ValueError, naming the layer or node, when the content does not fit the space.
    """

    space: Space
    content: Content

    def __post_init__(self) -> None:
        if not isinstance(self.space, Space):
            raise TypeError(
                f"space must be a MacroSpace or a MicroSpace; got {shortened(self.space)}"
            )
        object.__setattr__(self, "content", self.space.check_content(self.content))

    @property
    def flat(self) -> list[int]:
        """The authors' flat list of integers."""
        return self.space.encode(self)

    def to_json(self) -> dict[str, Any]:
        return {"space": self.space.to_json(), "content": self.content}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Architecture:
        if not isinstance(value, dict) or not {"space", "content"} <= value.keys():
            raise ValueError(
                f"an architecture in JSON is an object with 'space' and 'content'; got "
                f"{shortened(value)}"
            )
        return cls(space_from_json(value["space"]), value["content"])


class Space(ABC):
    """Which decisions a controller makes, and what the network is that they lead to.

    kind: its name in JSON. orders: the orders in which a controller may decide, the usual one
    first. unit: what a decision is about, as a reader calls it. extent: the field that holds how
    many units there are. networks: what its networks are called. has_skips: whether skips are
    among its decisions. short_form: the heading of what `in_short` gives. cells: the cells of which
    a network is a stack; none where it is one chain of layers.
    """

    kind: ClassVar[str]
    orders: ClassVar[tuple[str, ...]]
    unit: ClassVar[str]
    extent: ClassVar[str]
    networks: ClassVar[str]
    has_skips: ClassVar[bool] = False
    short_form: ClassVar[str]
    ops: tuple[Operation, ...]
    cells: tuple[str, ...] = ()

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # each space is a frozen dataclass

    def __init_subclass__(cls) -> None:
        KINDS[cls.kind] = cls

    # ---- decisions and sizes

    @abstractmethod
    def steps(self, order: Any = ...) -> tuple[Decision, ...]:
        """The controller's time-steps in that order."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many architectures there are."""

    @property
    @abstractmethod
    def paper_size(self) -> int:
        """How many there are by the paper's formula."""

    def order(self, wanted: str) -> str:
        """The order of `wanted` if this space can be decided in it, else its usual one."""
        return wanted if wanted in self.orders else self.orders[0]

    # ---- making architectures

    @abstractmethod
    def sample(self, rng: random.Random, skip_rate: float = 0.5) -> Architecture:
        """One architecture, every decision uniform over its options; where there are skips, each
        is on with probability skip_rate."""

    @abstractmethod
    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """A random neighbour; the architecture itself where it has none."""

    @abstractmethod
    def replaced(
        self, architecture: Architecture, decision: Decision, picks: Sequence[int]
    ) -> Architecture:
        """The same architecture but for what one time-step decided."""

    @abstractmethod
    def plain(self) -> Architecture:
        """The simplest architecture: the first operation everywhere, wired as a chain."""

    @abstractmethod
    def assembled(self, taken: Mapping[Decision, tuple[int, ...]]) -> Architecture:
        """The architecture to which these picks of all deciding steps lead."""

    @abstractmethod
    def canonical(self, architecture: Architecture) -> Architecture:
        """One architecture for all that are the same network but for the names of its parts."""

    def all(self) -> Iterator[Architecture]:
        """Every architecture once, in the order of their contents.

        Raises ValueError when there are more than ten million.
        """
        if self.size > MOST_LISTED:
            raise ValueError(
                f"this space has {self.size:.6g} architectures; at most {MOST_LISTED:,} are "
                f"listed. Take fewer {self.unit}s or operations, or use sample()"
            )
        return (Architecture(self, content) for content in self._contents())

    @abstractmethod
    def _contents(self) -> Iterator[Content]:
        """The contents of all architectures, in order."""

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every architecture that differs in exactly one decision: one operation, index or bit.

        They come in the order of the decisions; each of two neighbours is the other's.
        """
        own(self, architecture)
        for decision in self.steps(self.orders[0]):
            now = self.picks(architecture, decision)
            for row in range(len(now)):
                for value in range(decision.options):
                    if value != now[row]:
                        picks = (*now[:row], value, *now[row + 1 :])
                        yield self.replaced(architecture, decision, picks)

    # ---- places and wiring

    @property
    @abstractmethod
    def places(self) -> tuple[str, ...]:
        """What readers call the places that have operations, in order: "layer 1", "normal 3"."""

    @abstractmethod
    def rows(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """The content place by place: a row for each of `places`."""

    @abstractmethod
    def from_rows(self, numbers: Sequence[int]) -> Architecture:
        """The architecture whose rows, one after the other, hold these numbers.

        Raises ValueError when they are none of this space.
        """

    @abstractmethod
    def ops_by_place(self, architecture: Architecture) -> tuple[tuple[int, ...], ...]:
        """The numbers of the operations at each of `places`."""

    @abstractmethod
    def wiring_statistic(self, architecture: Architecture, inputs: bool = True) -> float:
        """One number that tells how an architecture is wired; each space defines its own.

        inputs: whether a cell's unused inputs count as loose ends.
        """

    # ---- reading architectures

    @abstractmethod
    def in_short(self, architecture: Architecture) -> list[str]:
        """An architecture in a few lines of text; layers and nodes count from 1."""

    def skip_rate(self, architecture: Architecture) -> float:
        """The share of skips that are on, in [0, 1]; 0 for a space without skips."""
        return 0.0

    def unreached(self, architecture: Architecture, merge: str = "add") -> tuple[int, ...]:
        """The layers that the classifier does not depend on, in order.

        merge: how skips join a layer, as `fidelity.skip_merge` says.
        """
        return ()

    # ---- lists, JSON, checks

    @abstractmethod
    def encode(self, architecture: Architecture) -> list[int]:
        """The authors' flat list of integers."""

    @abstractmethod
    def decode(self, flat: Sequence[int]) -> Architecture:
        """The architecture of a flat list. Raises ValueError saying what is wrong in it."""

    @abstractmethod
    def picks(self, architecture: Architecture, decision: Decision) -> tuple[int, ...]:
        """What a time-step decided, for the controller to come to this architecture."""

    @abstractmethod
    def check(self, decision: Decision, picks: Sequence[int]) -> None:
        """Raises ValueError unless `picks` are valid values for `decision`."""

    @abstractmethod
    def check_content(self, content: Any) -> Content:
        """The content as tuples of int. Raises ValueError, which names the part that is wrong."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """As JSON, `kind` first."""


def own(space: Space, architecture: Architecture) -> None:
    """Raises ValueError for an architecture of another space."""
    if architecture.space != space:
        raise ValueError(
            f"the architecture is of another space: {shortened(architecture.space)} instead of "
            f"{shortened(space)}"
        )


def assemble(space: Space, picks: Sequence[Sequence[int]], order: str) -> Architecture:
    """The architecture to which the picks of all steps lead: `space.picks` the other way round.

    Raises ValueError, naming the decision, for picks that the space does not have.
    """
    plan = space.steps(order)
    if len(picks) != len(plan):
        raise ValueError(f"there are {len(plan)} steps in this space; got {len(picks)}")
    taken: dict[Decision, tuple[int, ...]] = {}
    for decision, picked in zip(plan, picks, strict=True):
        if decision.kind != "silent":
            space.check(decision, tuple(picked))
            taken[decision] = tuple(map(int, picked))
    return space.assembled(taken)


def space_from_json(value: dict[str, Any]) -> Space:
    """The space that `to_json` wrote. Unknown fields are ignored (a newer minor format)."""
    if not isinstance(value, dict):
        raise ValueError(
            f"a space in JSON is an object, e.g. {{'kind': 'macro'}}; got {shortened(value)}"
        )
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        known = " or ".join(map(repr, KINDS))
        raise ValueError(f"a space is of kind {known}; got {shortened(kind)}")
    made = KINDS[kind]
    names = made.__dataclass_fields__
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k in names}
    return made(**given)


def listed(value: Any, what: str) -> list[Any]:
    """The entries of anything that has them in order, at most `MOST_NUMBERS`, so that an endless
    iterable is refused. ValueError, opening with `what`, if it has none or more."""
    try:
        if isinstance(value, str | bytes | bytearray | memoryview | Mapping | Set):
            raise TypeError
        if hasattr(value, "keys") and not hasattr(value, "tolist"):
            raise TypeError  # a table of pandas, whose entries are the names of its columns
        entries = list(islice(value, MOST_NUMBERS + 1))
    except TypeError:
        raise ValueError(f"{what}; got {shortened(value)}") from None
    if len(entries) > MOST_NUMBERS:
        raise ValueError(f"{what}, {MOST_NUMBERS} at most; got more")
    return entries


def whole_number(value: Any) -> int | None:
    """`value` as an int if it is a whole number of Python, numpy or torch; None for anything else,
    booleans and floats included."""
    if getattr(value, "shape", None) == () and hasattr(value, "tolist"):
        value = value.tolist()  # of one number, not a list
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


# ---------------------------------------------------------------- small helpers of the checks


def names(value: Any, what: str, known: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(listed(value, f"{what} are a sequence of names, e.g. {known[:2]!r}"))


def operations_of(value: Any, known: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations of a space, given by names, as such, or as a trace has them."""
    what = f"operations are a sequence of names, e.g. {known[:2]!r}"
    ops = found(listed(value, what))
    if not ops or len(set(ops)) != len(ops):
        raise ValueError(
            f"a space needs at least one operation, and no duplicates; got {shortened(ops)}"
        )
    return ops


def check_count(value: Any, most: int, owner: str, one: str, name: str) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{owner} has at least 1 {one}; got {name}={shortened(value)}")
    if value > most:
        raise ValueError(f"{owner} has at most {counted(most, one)}; got {name}={shortened(value)}")


def rows_of(content: Any, what: str, unit: str) -> tuple[tuple[Any, ...], ...]:
    if not isinstance(content, list | tuple):
        raise ValueError(
            f"{what} is a sequence with one entry per {unit}; got {shortened(content)}"
        )
    for k, row in enumerate(content, start=1):
        if not isinstance(row, list | tuple):
            raise ValueError(
                f"{what} has a sequence of integers for {unit} {k}; got {shortened(row)}"
            )
    return tuple(tuple(row) for row in content)


def is_int(value: Any) -> bool:
    return whole_number(value) is not None


def counted(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def shown(picks: Sequence[Any]) -> str:
    more = ", ..." if len(picks) > MOST_SHOWN else ""
    return f"({', '.join(map(shortened, picks[:MOST_SHOWN]))}{more})"
