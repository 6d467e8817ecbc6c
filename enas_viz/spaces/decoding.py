"""Flat lists in foreign dress: as text, as the authors' program prints, as their scripts hold them.

Finds the numbers and what they stood in; what is made of them is left to `published`. Text beside
the numbers is known or refused, so that no figure of a log is ever taken for an architecture.

Source: the authors' released code (`main.py` prints; `cifar10_*_final.sh` hold a `fixed_arc`).
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal

from enas_viz.spaces import (
    MAX_LAYERS,
    MAX_NODES,
    MOST_NUMBERS,
    MacroSpace,
    MicroSpace,
    Space,
    listed,
    whole_number,
)

_LONGEST = 5 * MOST_NUMBERS  # characters of text
_HIGHEST = 10**9 - 1  # of the numbers; text that repeats them in an error stays short
_LONGEST_SCRIPT = 200_000  # characters; the authors' scripts have about two thousand


@dataclass(frozen=True)
class Found:
    """A flat list, and what it was found in.

    form: in words, empty for a bare list. kind, cells: where the form tells them. authors: whether
    it is recognised as the authors' print or script, whose macro lists have `code` wiring.
    """

    numbers: list[int]
    form: str = ""
    kind: Literal["macro", "micro"] | None = None
    cells: int = 0
    authors: bool = False


# ---------------------------------------------------------------- flat lists


def find_numbers(given: str | Iterable[Any]) -> Found:
    """The flat list that whole numbers, rows of them, text, the authors' prints or scripts hold.

    Raises ValueError for whatever is neither a number nor known to stand beside one.
    """
    if not isinstance(given, str):
        return _in_sequence(given)
    if len(given) > _LONGEST:
        raise ValueError(f"a flat list as text has {_LONGEST} characters at most; got {len(given)}")
    return _in_script(given) if "fixed_arc" in given else _in_text(given)


def guess_space(
    numbers: Sequence[int],
    kind: Literal["macro", "micro"] | None = None,
    cells: int = 0,
    ops: Sequence[str] = (),
) -> tuple[Space, str]:
    """The space, of that kind if it is given, whose lists are as long as this one, and a remark
    where the length alone leaves more than one.

    A length that fits both is macro where the numbers are valid there; one that fits a pair of
    cells and a single cell is a pair where they are. cells: 2 where it must be a pair. ops: what
    the numbers of operations mean, where they are not the authors'.
    """
    n = len(numbers)
    if n == 0:
        raise ValueError("a flat list holds at least one number; got none")
    layers = (math.isqrt(8 * n + 1) - 1) // 2
    candidates: dict[str, Space] = {}
    # the space checks them, and knows what they are
    named: dict[str, Any] = {"ops": MicroSpace(1, ops).ops} if ops else {}  # type: ignore[arg-type]
    of_cells = any(op.family == "identity" for op in named.get("ops", ()))
    if layers * (layers + 1) // 2 == n and layers <= MAX_LAYERS and (kind or not of_cells):
        candidates["a macro network"] = MacroSpace(layers, **named)
    if n % 8 == 0 and n // 8 <= MAX_NODES:
        candidates["two cells"] = MicroSpace(n // 8, **named)
    if n % 4 == 0 and n // 4 <= MAX_NODES and cells != 2:
        candidates["a single cell"] = MicroSpace(n // 4, cells=("normal",), **named)
    candidates = {name: c for name, c in candidates.items() if kind in (None, c.kind)}
    if not candidates:
        raise ValueError(
            f"no {kind + ' ' if kind else ''}architecture has a list of {n} numbers: macro lists "
            f"have 1, 3, 6, 10, ... (78 for 12 layers, {MAX_LAYERS} layers at most), micro lists "
            f"4 for each node of each cell (40 for five nodes, {MAX_NODES} nodes at most)"
        )
    errors = {name: _error(c, numbers) for name, c in candidates.items()}
    valid = [name for name, error in errors.items() if not error]
    if not valid:
        raise ValueError("; or, read otherwise, ".join(errors.values()))
    chosen, remark = candidates[valid[0]], ""
    for name in list(candidates)[: list(candidates).index(valid[0])]:
        remark += f"; not as {name}: {errors[name]}"
    if candidates[valid[-1]].kind != chosen.kind:
        remark += f"; {n} numbers fit {valid[-1]}, too: ev.decode(..., 'micro') or --space micro"
    return chosen, remark


def _error(space: Space, numbers: Sequence[int]) -> str:
    """What is wrong with the numbers in that space; nothing where they are valid."""
    try:
        space.decode(numbers)
    except ValueError as error:
        return str(error)
    return ""


def _in_sequence(given: Any) -> Found:
    what = "a flat list is a sequence of whole numbers, or text that holds them"
    values = listed(given, what)
    if not any(map(_is_row, values)):
        return Found([_whole(value) for value in values])
    rows: list[list[int]] = []
    for value in values:
        if not _is_row(value):
            raise ValueError(f"a list holds whole numbers or rows of them; got {shortened(value)}")
        rows.append([_whole(v) for v in listed(value, what)])
        if sum(map(len, rows)) > MOST_NUMBERS:
            raise ValueError(f"{what}, {MOST_NUMBERS} at most; got more")
    return _in_rows(rows)


def _is_row(value: Any) -> bool:
    """Whether an entry holds further ones: of numpy's and torch's, those with a dimension."""
    return (
        isinstance(value, Iterable)
        and not isinstance(value, str | bytes)
        and getattr(value, "shape", None) != ()
    )


def _whole(value: Any) -> int:
    found = whole_number(value)
    if found is None:
        raise ValueError(f"a flat list holds whole numbers; got {shortened(value)}")
    if abs(found) > _HIGHEST:
        raise ValueError(f"the numbers of a flat list have {len(str(_HIGHEST))} digits at most")
    return found


def _in_rows(rows: Sequence[list[int]], printed: bool = False) -> Found:
    """One row, one for each macro layer, or one for each of two cells.

    printed: whether they are as the authors' program prints them.
    """
    sizes = [len(row) for row in rows]
    numbers = [v for row in rows for v in row]
    if len(rows) < 2:
        form = "a list printed by the authors' program" if printed else ""
        return Found(numbers, form, authors=printed)
    if sizes == list(range(1, len(sizes) + 1)):
        form = "layers printed by the authors' program" if printed else "a row for each layer"
        return Found(numbers, form, "macro", authors=printed)
    if len(sizes) == 2 and sizes[0] == sizes[1] and sizes[0] % 4 == 0:
        form = "two cells printed by the authors' program" if printed else "a row for each cell"
        return Found(numbers, form, "micro", 2, authors=printed)
    raise ValueError(
        f"numbers in brackets are one flat list, or two cells of equal length (micro, 4 numbers a "
        f"node), or a bracket for each layer with 1, 2, 3, ... numbers (macro); got brackets of "
        f"{', '.join(map(str, sizes[:8]))}{', ...' * (len(sizes) > 8)} numbers"
    )


# ---------------------------------------------------------------- text

# What the authors' program prints between architectures.
_BETWEEN = re.compile(
    r"(?<!\S)(?:val_acc=[ \t]*(?:nan|\d+\.?\d*)|-{2,}|Here are \d+ architectures)(?!\S)"
)


def _in_text(text: str) -> Found:
    """Plain text, or the authors' printed lines: numpy arrays, `val_acc=0.6875`, dashes.

    Their print is known by those words, or by brackets whose numbers have only spaces between.
    """
    parts = [_brackets(part) for part in _BETWEEN.split(text)]
    parts = [rows for rows in parts if rows]
    if len(parts) > 1:
        raise ValueError(
            f"this text holds {len(parts)} architectures, with val_acc=... or dashes between "
            f"them; give one of them at a time"
        )
    rows = parts[0] if parts else []
    words = re.search(r"val_acc|Here are", text) is not None
    return _in_rows(rows, words or (len(rows) > 1 and not re.search("[,;|]", text)))


def _brackets(text: str) -> list[list[int]]:
    """The numbers between any two brackets; an empty list where there are none."""
    opened, rows, depths = "", [], set()
    for part in re.split(r"([\[\]()])", text):
        if part in ("[", "("):
            opened += part
            if len(opened) > 2:
                raise ValueError(
                    "a flat list, or rows of numbers, has one or two levels of brackets; got more "
                    "(the content of an ev.Architecture orders the numbers of a node otherwise)"
                )
        elif part in ("]", ")"):
            if opened[-1:] + part not in ("[]", "()"):
                raise ValueError(f"brackets come in pairs; got {part!r} without its beginning")
            opened = opened[:-1]
        elif row := _whole_numbers(part):
            rows.append(row)
            depths.add(len(opened))
    if opened:
        raise ValueError(f"brackets come in pairs; got {opened[0]!r} without its end")
    if len(rows) > 1 and (len(depths) > 1 or 0 in depths):
        raise ValueError("numbers stand in brackets or outside of them; got some of both")
    return rows


def _whole_numbers(text: str) -> list[int]:
    if re.search(r",\s*,|\A\s*,.*\d", text, re.S):
        raise ValueError("a flat list has a number before every comma; got none")
    words = re.sub(r"[\s,;|]+", " ", text).split()
    for word in words:
        if re.fullmatch(r"0\d+", word):
            raise ValueError(
                f"a flat list has each skip bit as a number of its own, with a space or comma "
                f"between; got {shortened(word)}"
            )
        if not re.fullmatch(r"\d{1,9}", word):
            raise ValueError(
                f"a flat list is whole numbers separated by spaces or commas; got "
                f"{shortened(word)} (read besides: what the authors' program prints around an "
                f'architecture, their fixed_arc="..." lines, and a DARTS Genotype(...))'
            )
    return [int(word) for word in words]


# ---------------------------------------------------------------- shell scripts

# What else a script has: flags, other variables, the call of the program.
_SHELL = re.compile(
    r"--?[a-z][\w-]*(=.*)?|[A-Za-z_]\w*=.*|export|python[\d.]*|\S+\.py|\$[@*]", re.S
)


def _in_script(text: str) -> Found:
    """The list that the lines `fixed_arc="..."` of a script build up, or its flag holds.

    The authors' scripts pass it to `--child_fixed_arc`, those of other programs to another flag.
    """
    if len(text) > _LONGEST_SCRIPT:
        raise ValueError(
            f"a script with fixed_arc has {_LONGEST_SCRIPT} characters at most; got {len(text)} "
            f"(give the bare numbers instead)"
        )
    text = re.sub(r"\\\s*?(\n|$)", " ", text)
    text = re.sub(r"(--child_fixed_arc)\s+(?=[\"'\d$])", r"\1=", text)
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise ValueError(f'expected whole lines fixed_arc="0 2 ..."; got {error}') from None
    numbers: list[int] = []
    flag = ""  # the word before, if it is a flag whose value may stand apart
    strangers = ""  # a flag that takes the list, and is not the authors'
    for word in words:
        name, _, value = word.partition("=")
        if name in ("fixed_arc", "--child_fixed_arc"):
            numbers = _went_on(numbers, value)
        elif re.search(r"\$\{?fixed_arc\b", word if flag else value):
            strangers = flag or name
        elif not _SHELL.fullmatch(word) and not flag:
            raise ValueError(
                f'beside fixed_arc="..." only the other lines of a shell script are left out; got '
                f"{shortened(word)} (numbers stand in quotes after fixed_arc=)"
            )
        flag = word if word.startswith("--") and "=" not in word else ""
    if strangers:
        form = f"the fixed_arc of a script that passes it to {shortened(strangers)}"
        return Found(numbers, f"{form}, as the authors' scripts do not")
    return Found(numbers, "the fixed_arc of the authors' scripts", authors=True)


def _went_on(numbers: list[int], value: str) -> list[int]:
    """The list after one assignment, which begins it or goes on with `$fixed_arc`."""
    onward, rest = re.findall(r"^\s*(\$fixed_arc\b|\$\{fixed_arc\})?(.*)$", value, re.S)[0]
    more = _whole_numbers(rest)
    if onward and not numbers:
        raise ValueError("fixed_arc goes on with $fixed_arc from a line that is missing; add it")
    if numbers and more and not onward:
        raise ValueError(
            "fixed_arc is set twice without going on with $fixed_arc, so these are two "
            "architectures; give one of them at a time"
        )
    return numbers + more
