"""Reading the command line: options as dataclasses, a recipe's fields as options, one-line errors.

Options of a recipe are generated from its dataclasses (`--train.epochs 3`) by tyro. Not here: what
the commands do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from enas_viz.recipes import Recipe, change, check, field_names, recipe

T = TypeVar("T")


class UsageError(ValueError):
    """The command line asks for something that is not there; told in one line, exit code 2."""


def parse(kind: type[T], args: Sequence[str], command: str, leftover: bool = False) -> Any:
    """`args` as an instance of `kind`; with leftover also the arguments that it does not know."""
    asked_help = any(a in ("-h", "--help") for a in args)
    if leftover and asked_help:
        print(f"fields of a recipe: {', '.join('--' + f for f in field_names())}\n")
    value, unknown = _tyro(
        lambda: tyro.cli(
            kind, args=list(args), prog=f"enas-viz {command}", return_unknown_args=True
        ),
        command,
    )
    if leftover:
        return value, unknown
    if unknown:
        raise UsageError(f"`enas-viz {command}` knows no {unknown[0]!r}; see --help")
    return value


def chosen_recipe(name: str, preset: str | None, rest: Sequence[str], command: str) -> Recipe:
    """The recipe of that name with the fields that were set, under another preset if wanted."""
    chosen = recipe(name)
    made = with_fields(chosen, rest, command)
    if not preset:  # which means another program for cells than for whole networks
        return made
    return with_fields(change(chosen, network=made.network, fidelity=preset), rest, command)


def with_fields(base: Recipe, rest: Sequence[str], command: str) -> Recipe:
    """A recipe with the fields that the remaining arguments set."""
    if not rest:
        return base
    made, unknown = _tyro(
        lambda: tyro.cli(
            Recipe,
            default=base,
            args=list(rest),
            prog=f"enas-viz {command}",
            return_unknown_args=True,
            add_help=False,
        ),
        command,
    )
    if unknown:
        change(base, **{unknown[0].lstrip("-").partition("=")[0].replace("-", "_"): None})
    now, was = dataclasses.asdict(made), dataclasses.asdict(base)
    changed = {
        f"{part}__{name}": value
        for part, inner in now.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
        if value != was[part][name]
    }
    check(made)
    same_kind = dataclasses.replace(
        base, network=dataclasses.replace(made.network, nodes=base.network.nodes)
    )
    change(same_kind, **changed)  # refuses what this kind of run does not read
    return made


def _tyro(parse: Callable[[], T], command: str) -> T:
    """Runs tyro, turning the box that it draws around an error into one line."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            return parse()
    except SystemExit as end:
        if not end.code:
            print(told.getvalue(), end="")
            raise
        text = re.sub(r"[╭╮╰╯│─]+|-{4,}", " ", told.getvalue())
        text = re.sub(r"(Argument helptext|For full helptext).*", "", " ".join(text.split()))
        text = text.strip().rstrip(".")
        raise UsageError(f"{text}; see `enas-viz {command} --help`") from None
