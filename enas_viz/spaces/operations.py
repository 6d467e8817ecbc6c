"""Operations: what a layer or a node of a cell can do to a tensor, each described once.

    operation("conv7x7")  # of a known family: all facts follow from family and window
    Operation("blur3x3", "blur", 3, words="blur 3x3")  # of a family of your own

An `Operation` is its name, a string, that also knows its facts; whatever builds, counts, names or
draws operations asks it for them, and no code takes a name apart. A family says what all windows
have in common. Five are known here; one of your own brings its weights and work as polynomials in
the number of channels (`Terms`), its words and, if you like, an icon. A space writes operations
outside `STANDARD` whole into its JSON, so that a trace plays where nobody has heard of them.

Not here: the modules that compute them (`search/ops.py`), icons and colours (`view/shapes.py`,
`static/enas_viz.css`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

LARGEST_WINDOW = 31  # pixels on a side; the same for a dilation
MOST_TERM = 10**6
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_SHORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ×+.-]{0,7}")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ×+.,'()-]{0,59}")
_TERM = re.compile(r"-?\d{1,9}(/(?!0+$)\d{1,7})?")
_ICON = re.compile(r"[MmLlHhVvCcSsQqTtAaZz0-9 ,.-]{1,2000}")

# Coefficients of c squared, c and 1, as exact text ("1/2"), of a count that depends on c channels.
Terms = tuple[str, str, str]
NOTHING: Terms = ("0", "0", "0")


@dataclass(frozen=True)
class Family:
    """What operations of a kind have in common, whatever their window.

    short: its name in a box. words, genotype: its full name and DARTS's, where {w} stands for the
    window. kernel: weights, for c channels and a window of w pixels, of what stands behind the 1x1
    convolution of a macro layer; they work once for every pixel. pools: "avg" or "max" for pooling.
    """

    short: str
    words: str
    genotype: str
    kernel: Callable[[int, int], int] = lambda w, c: 0
    pools: str = ""


FAMILIES: dict[str, Family] = {
    "conv": Family("conv", "convolution {w}", "conv_{w}", lambda w, c: w * w * c * c),
    "sep": Family(
        "sep", "separable convolution {w}", "sep_conv_{w}", lambda w, c: w * w * c + c * c
    ),
    "avg": Family("avg", "average pooling {w}", "avg_pool_{w}", pools="avg"),
    "max": Family("max", "max pooling {w}", "max_pool_{w}", pools="max"),
    "identity": Family("id", "identity", "skip_connect"),
}
# Colours for operations outside `STANDARD`, by the names in `static/enas_viz.css`.
SPARE_SLOTS = ("layer1", "layer4")
SLOTS = (
    *("conv3x3", "conv5x5", "sep3x3", "sep5x5", "avg3x3", "max3x3", "avg5x5", "identity"),
    *SPARE_SLOTS,
)


class Operation(str):
    """An operation: its name, and what is known of it.

    name: small letters, digits and underscores. family: one of `FAMILIES`, or your own. window:
    pixels on a side of the square that it reads, odd. dilation: distance in pixels between two of
    them. words: its full name, short: its name in a box (each made from family and window where
    they are left out). slot: which colour of the palette it has. icon: a path in the square from
    -9 to 9 that drawings show, for families of your own.

    weights, work, work_once: of a family of your own, how many weights its module has for c
    channels, and its multiply-adds for every pixel of its output and once for every image.

    It equals its name as a string, and another operation where all facts agree. No dataclass, since
    `asdict` of what holds an operation is to keep its name, not its facts.
    Raises ValueError, naming the fact, for one that it cannot have.
    """

    name: str
    family: str
    window: int
    dilation: int
    words: str
    short: str
    slot: str
    icon: str
    weights: Terms
    work: Terms
    work_once: Terms

    def __new__(
        cls,
        name: str,
        family: str,
        window: int = 1,
        dilation: int = 1,
        words: str = "",
        short: str = "",
        slot: str = "",
        icon: str = "",
        weights: Terms = NOTHING,
        work: Terms = NOTHING,
        work_once: Terms = NOTHING,
    ) -> Operation:
        made = super().__new__(cls, name)
        known = FAMILIES.get(family) if isinstance(family, str) else None
        if known is None and not words:
            raise ValueError(
                f"the operation {shortened(name)} is of the family {shortened(family)}, which is "
                f"none of {', '.join(FAMILIES)}; give its words, e.g. words='squeeze and excite'"
            )
        made.__dict__.update(
            name=name,
            family=family,
            window=window,
            dilation=dilation,
            icon=icon,
            weights=weights,
            work=work,
            work_once=work_once,
        )
        _check_window(made)
        made.__dict__.update(
            words=words or (known.words.format(w=made.square).strip() if known else ""),
            short=short or (known.short if known else re.sub("[^a-z0-9]", "", family)[:8]),
            slot=slot or SPARE_SLOTS[0],
        )
        _check_looks(made)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an operation cannot change; make another one with its own {name}")

    @property
    def facts(self) -> dict[str, Any]:
        """All that was told of it, by name."""
        return {name: getattr(self, name) for name in FACTS}

    # ---- what follows from the facts

    @property
    def square(self) -> str:
        """Its window in words: "3x3"; "" for one that reads a pixel alone."""
        return f"{self.window}x{self.window}" if self.window > 1 else ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands in its box: its short name and, below, its window."""
        return tuple(filter(None, (self.short, self.square.replace("x", "×"))))

    @property
    def label(self) -> str:
        """Its short name and window in one line: "conv 3×3"."""
        return " ".join(self.lines)

    @property
    def title(self) -> str:  # type: ignore[override]  # text has a method of that name
        """Its full name with the sign of multiplication: "convolution 3×3"."""
        return self.words.replace(self.square, self.square.replace("x", "×"), 1)

    @property
    def reach(self) -> int:
        """How many pixels its window reads beyond one: its share of a receptive field."""
        return self.dilation * (self.window - 1)

    @cached_property
    def pools(self) -> str:
        """ "avg" or "max" for pooling, else ""."""
        return FAMILIES[self.family].pools if self.family in FAMILIES else ""

    @cached_property
    def own(self) -> bool:
        """Whether it is of a family that a user brought."""
        return self.family not in FAMILIES

    @cached_property
    def weighted(self) -> bool:
        """Whether it has weights: every family but pooling and identity."""
        return self.family != "identity" and not self.pools

    @property
    def slides(self) -> bool:
        """Whether a picture can show its window slide over a map: not those that read pixels apart,
        the whole map, or no more than a pixel."""
        return not self.own and self.dilation == 1 and self.family != "identity"

    @property
    def stacks(self) -> bool:
        """Whether a cell applies it `fidelity.sep_conv_stack` times: separable convolutions, but
        dilated ones once, as in DARTS."""
        return self.family == "sep" and self.dilation == 1

    @property
    def genotype(self) -> str:
        """What DARTS calls it, or would after its habit."""
        if self.own:
            return self.name
        name = FAMILIES[self.family].genotype.format(w=f"{self.window}x{self.window}")
        return name if self.dilation == 1 else f"dil_{name}".replace("dil_sep_", "dil_")

    def parameters(self, c: int) -> int:
        """Weights, for c channels, of what stands behind the 1x1 convolution of a macro layer."""
        return _value(self.weights, c) if self.own else FAMILIES[self.family].kernel(self.window, c)

    def multiply_adds(self, c: int, pixels: int) -> int:
        """Of the same, for one image whose output has so many pixels."""
        if self.own:
            return _value(self.work, c) * pixels + _value(self.work_once, c)
        return self.parameters(c) * pixels

    # ---- as a value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Operation):
            return self is other or self.facts == other.facts
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __repr__(self) -> str:
        return repr(str(self))

    def __str__(self) -> str:
        return self.name

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self.facts.values())

    def __deepcopy__(self, _: Any) -> Operation:
        return self

    def to_json(self) -> str | dict[str, Any]:
        """Its name, if it is one of `STANDARD`; else all facts that are not their defaults."""
        if self.name in STANDARD and self == STANDARD[self.name]:
            return self.name
        return {k: v for k, v in self.facts.items() if v != FACTS[k]}


# Every fact by name, and what it is where it is left out.
FACTS: dict[str, Any] = {
    name: parameter.default
    for name, parameter in inspect.signature(Operation.__new__).parameters.items()
    if name != "cls"
}


def _value(terms: Terms, c: int) -> int:
    square, linear, constant = map(Fraction, terms)
    return max(0, int(square * c * c + linear * c + constant))


def _refuse(op: Operation, field: str, expected: str) -> None:
    got = shortened(getattr(op, field))
    raise ValueError(f"{field} of the operation {shortened(op.name)} is {expected}; got {got}")


def _check_window(op: Operation) -> None:
    for field in ("name", "family"):
        value = getattr(op, field)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            _refuse(op, field, "small letters, digits and underscores, at most 31")
    for field in ("window", "dilation"):
        value = getattr(op, field)
        odd = field == "dilation" or (isinstance(value, int) and value % 2)
        if type(value) is not int or not odd or not 1 <= value <= LARGEST_WINDOW:
            kind = "an odd number" if field == "window" else "a number"
            _refuse(op, field, f"{kind} of pixels from 1 to {LARGEST_WINDOW}")
    if op.family == "identity" and op.window > 1:
        _refuse(op, "window", "1, since an identity reads no other pixel")
    if op.dilation > 1 and (op.pools or op.window == 1):
        _refuse(op, "dilation", "1, since only convolutions of a larger window are dilated")


def _check_looks(op: Operation) -> None:
    """The words and pictures of an operation, and what a family of one's own counts."""
    for field, pattern, expected in (
        ("words", _WORDS, "a short phrase of plain letters, at most 60"),
        ("short", _SHORT, "at most 8 plain letters"),
    ):
        value = getattr(op, field)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _refuse(op, field, expected)
    if op.slot not in SLOTS:
        _refuse(op, "slot", f"one of {', '.join(SLOTS)}")
    if not isinstance(op.icon, str) or (op.icon and not _ICON.fullmatch(op.icon)):
        _refuse(op, "icon", "a path of SVG, e.g. 'M-7 -7h14v14h-14z'")
    for field in ("weights", "work", "work_once"):
        if not _are_terms(getattr(op, field)):
            expected = "three numbers as text, of c squared, c and 1, e.g. ('1/2', '1', '0')"
            _refuse(op, field, expected)
        if not op.own and getattr(op, field) != NOTHING:
            _refuse(op, field, f"left out, since the family {op.family} has its own formula")


def _are_terms(terms: Any) -> bool:
    if not isinstance(terms, tuple) or len(terms) != 3:
        return False
    for term in terms:
        if not isinstance(term, str) or not _TERM.fullmatch(term):
            return False
        if abs(Fraction(term)) > MOST_TERM:
            return False
    return True


def _named(name: str, family: str, window: int, **facts: Any) -> Operation:
    return Operation(name, family, window, **{"slot": name, **facts})


# Those that the paper, the released code and the article have; a trace names them and no more.
STANDARD: dict[str, Operation] = {
    op.name: op
    for op in (
        _named("conv3x3", "conv", 3),
        _named("sep3x3", "sep", 3),
        _named("conv5x5", "conv", 5),
        _named("sep5x5", "sep", 5),
        _named("avg3x3", "avg", 3),
        _named("max3x3", "max", 3),
        _named("identity", "identity", 1),
        _named("avg5x5", "avg", 5),  # only in the article's example of a cell
    )
}
MACRO_OPS = tuple(
    STANDARD[name] for name in ("conv3x3", "sep3x3", "conv5x5", "sep5x5", "avg3x3", "max3x3")
)  # index = the authors' number
MICRO_OPS = tuple(
    STANDARD[name] for name in ("sep3x3", "sep5x5", "avg3x3", "max3x3", "identity")
)  # index = the authors' number
EXTRA_OPS = (STANDARD["avg5x5"],)

_known: dict[str, Operation] = {
    **STANDARD,
    "conv7x7": Operation("conv7x7", "conv", 7, slot="layer4"),
    **{
        f"dil{w}x{w}": Operation(
            f"dil{w}x{w}", "sep", w, 2, f"dilated separable convolution {w}x{w}", "dil"
        )
        for w in (3, 5)
    },
}


def known_operations() -> tuple[Operation, ...]:
    """All operations that have a name here: the standard ones, two more, and yours."""
    return tuple(_known.values())


def operation(name: str, family: str | None = None, /, **facts: Any) -> Operation:
    """The operation of that name; with a family and facts, a new one, known by its name from then
    on to recipes, spaces and the command line of this process.

        ev.operation("conv9x9", "conv", window=9)

    facts: those of `Operation`. A family of your own also needs a module in order to be searched:
    `search.operation`. Raises ValueError for an unknown name, for facts that an operation cannot
    have, and for a name that another operation has.
    """
    if family is None and not facts:
        return find(name)
    if family is None:
        raise ValueError(f"the new operation {shortened(name)} needs a family, e.g. 'conv'")
    if unknown := facts.keys() - FACTS.keys():
        raise ValueError(
            f"an operation has no {', '.join(sorted(unknown))}; it has {', '.join(FACTS)}"
        )
    return register(Operation(name, family, **facts))


def register(op: Operation) -> Operation:
    """Makes an operation known by its name. ValueError where another one has it."""
    if _known.setdefault(op.name, op) != op:
        raise ValueError(
            f"another operation is called {op.name!r} ({_known[op.name].words}); choose another "
            f"name"
        )
    return op


def find(name: Any) -> Operation:
    """The operation of that name. ValueError, with the known names, for one that nobody has."""
    if isinstance(name, Operation):
        return name
    if not isinstance(name, str) or name not in _known:
        raise ValueError(
            f"operation {shortened(name)} is unknown here; known are {', '.join(_known)}"
        )
    return _known[name]


def from_json(value: Any) -> Operation:
    """The operation that `to_json` wrote: a name, or an object of facts. Nothing becomes known by
    it beyond the space that holds it. ValueError for what is neither."""
    if not isinstance(value, Mapping):
        return find(value)
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k in FACTS}
    if not {"name", "family"} <= given.keys():
        raise ValueError(
            f"an operation in JSON is a name, or an object with 'name' and 'family'; got "
            f"{shortened(dict(value))}"
        )
    if not isinstance(given["name"], str):
        raise ValueError(f"the name of an operation is text; got {shortened(given['name'])}")
    made = Operation(**dict[str, Any](given))
    standard = STANDARD.get(made.name)
    if standard is not None and standard != made:
        raise ValueError(f"{made.name!r} is the name of a standard operation; got other facts")
    return made


def found(names: Iterable[Any]) -> tuple[Operation, ...]:
    """The operations of names or objects, in order, as `from_json` reads each."""
    return tuple(from_json(name) for name in names)
