"""Reading the command line: options as dataclasses, a recipe's fields as options, one-line errors.

Options of a recipe are generated from its dataclasses (`--train.epochs 3`) by tyro. Not here: what
the commands do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import tyro
from tyro.conf import Positional

from enas_viz.recipes import Recipe, change, check, field_names

T = TypeVar("T")

NARROWEST = 40  # columns of a help page; tyro does not end on fewer than five
WIDE = 1000  # columns of an error, so that its words stay whole
MOST_NAME = 100  # letters of a run's name


class UsageError(ValueError):
    """The command line asks for something that is not there; told in one line, exit code 2."""


def parse(kind: type[T], args: Sequence[str], command: str) -> T:
    """`args` as an instance of `kind`. Raises UsageError for arguments that it does not know."""
    _check_paths(kind, args)
    value, unknown = _tyro(
        lambda: tyro.cli(
            kind, args=list(args), prog=f"enas-viz {command}", return_unknown_args=True
        ),
        command,
        wants_help=asks_help(args),
    )
    if unknown:
        raise UsageError(f"`enas-viz {command}` knows no {unknown[0]!r}; see --help")
    return value


def _check_paths(kind: type, args: Sequence[str]) -> None:
    """Raises UsageError for an empty path, as of a variable of a shell that is not set: it would
    mean the folder where the command runs, to read from or to write to."""
    hints = get_type_hints(kind, include_extras=True)
    paths = {f"--{name.rstrip('_')}" for name, hint in hints.items() if _holds_path(hint)}
    alone = any(_POSITIONAL in get_args(hint) and _holds_path(hint) for hint in hints.values())
    for before, word in zip(["", *args], args, strict=False):
        option = word.partition("=")[0]
        named = before if before in paths else "the path" if alone and before[:1] != "-" else ""
        if (not word and named) or (option in paths and word == f"{option}="):
            raise UsageError(
                f"{named if not word else option} is empty; for the folder where you are, write a "
                f"dot: ."
            )


_POSITIONAL = get_args(Positional[Path])[1]


def _holds_path(hint: object) -> bool:
    return hint is Path or any(map(_holds_path, get_args(hint)))


def parse_with_fields(kind: type[T], args: Sequence[str], command: str) -> tuple[T, list[str]]:
    """`args` as an instance of `kind`, and those of them that set fields of a recipe."""
    if asks_help(args):
        print(f"fields of a recipe: {', '.join('--' + f for f in field_names())}\n")
    own, fields = split_fields(args)
    return parse(kind, own, command), fields


def asks_help(args: Sequence[str]) -> bool:
    return any(a in ("-h", "--help") for a in args)


def split_fields(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """(a command's own arguments, those that set fields of a recipe with their values).

    A field is an option with a dot in its name (`--train.epochs 3`), or one of the recipe's own
    (`--name mine`). That is settled here, since the value of an option that a parser does not know
    would pass for a positional argument.
    """
    own, fields, waiting = [], [], list(args)
    while waiting:
        word = waiting.pop(0)
        name = _field(word)
        if name is None:
            own.append(word)
            continue
        fields.append(word)
        if _is_list(name):
            while waiting and not waiting[0].startswith("--"):
                fields.append(waiting.pop(0))
            if (
                fields[-1] == word and "=" not in word
            ):  # as of a variable of a shell that is not set
                raise UsageError(f"{word} is given values, e.g. {word} conv3x3 max3x3; got none")
        elif "=" not in word and not _is_flag(name) and waiting:
            fields.append(waiting.pop(0))
    return own, fields


def named_fields(fields: Sequence[str]) -> set[str]:
    """The names of the fields that arguments set: `{"data.name", "train.epochs"}`."""
    return {name for name in map(_field, fields) if name is not None}


def _field(word: str) -> str | None:
    """The field of a recipe that an argument sets, known or not; None for any other argument."""
    if not word.startswith("--"):
        return None
    name = word[2:].partition("=")[0].replace("-", "_")
    return name if "." in name or name in field_names() else None


def _is_flag(name: str) -> bool:
    """Whether a field is set without a value: `--data.flip`, `--data.no-flip`."""
    hints, inner = _hints_beside(name)
    return bool in (hints.get(inner), hints.get(inner.removeprefix("no_")))


def _is_list(name: str) -> bool:
    """Whether a field takes several values: `--network.ops conv3x3 max3x3`."""
    hints, inner = _hints_beside(name)
    return get_origin(hints.get(inner)) is tuple


def _hints_beside(name: str) -> tuple[dict[str, Any], str]:
    """The types of the part of a recipe that holds a field, and the field's name in it."""
    part, _, inner = name.rpartition(".")
    kind = get_type_hints(Recipe).get(part)
    return (get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}), inner


def run_folder(name: str) -> Path:
    """The folder inside runs/ of a run of that name, where no other is asked for.

    Raises UsageError for a name that is no name of a folder there: an empty one, "." and "..",
    one with a slash, a control character, or more than 100 letters.
    """
    fits = 0 < len(name) <= MOST_NAME and name.strip() == name and name not in (".", "..")
    if not fits or not name.isprintable() or re.search(r'[/\\:*?"<>|]', name):
        raise UsageError(
            f"a run named {name[:MOST_NAME]!r} cannot have a folder of that name in runs/: a name "
            f'has 1 to {MOST_NAME} letters, none of / \\ : * ? " < > |, and no space at its ends; '
            f"choose another --name, or give the folder by --folder"
        )
    return Path("runs") / name


def chosen_recipe(base: Recipe, preset: str | None, rest: Sequence[str], command: str) -> Recipe:
    """A recipe with the fields that were set, under another preset if wanted."""
    made = with_fields(base, rest, command)
    if not preset:  # which means another program for cells than for whole networks
        return made
    return with_fields(change(base, network=made.network, fidelity=preset), rest, command)


def check_data_options(data: Path | None, fields: Sequence[str]) -> None:
    """Raises UsageError when two options say which images."""
    if data is not None and "data.name" in named_fields(fields):
        raise UsageError("--data and --data.name both say which images; give one of them")


def with_fields(base: Recipe, rest: Sequence[str], command: str) -> Recipe:
    """A recipe with the fields that the remaining arguments set."""
    if not rest:
        return base
    base, rest = _with_strategy(base, rest)
    form = _form(base)
    filled, unknown = _tyro(
        lambda: tyro.cli(
            type(form),
            default=form,
            args=list(rest),
            prog=f"enas-viz {command}",
            return_unknown_args=True,
            add_help=False,
        ),
        command,
    )
    values = {f.name: getattr(filled, f.name) for f in dataclasses.fields(filled)}
    made = Recipe(options=values.pop(base.strategy, None), **values)
    if unknown:
        change(base, **{unknown[0].lstrip("-").partition("=")[0].replace("-", "_"): None})
    now, was = dataclasses.asdict(made), dataclasses.asdict(base)
    changed = {
        f"{part}__{name}": value
        for part, inner in now.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
        if value != was[part][name] and part != "options"
    }
    check(made)
    same_kind = dataclasses.replace(
        base, network=dataclasses.replace(made.network, nodes=base.network.nodes)
    )
    change(same_kind, **changed)  # refuses what this kind of run does not read
    return made


def _with_strategy(base: Recipe, fields: Sequence[str]) -> tuple[Recipe, list[str]]:
    """The recipe with the strategy that fields name, whose own fields can then be set, and the
    other fields."""
    rest, waiting = [], list(fields)
    while waiting:
        word = waiting.pop(0)
        if word.partition("=")[0] == "--strategy":
            name = word.partition("=")[2] or (waiting.pop(0) if waiting else "")
            base = change(base, strategy=name)
        else:
            rest.append(word)
    return base, rest


def _form(base: Recipe) -> Any:
    """The recipe as `tyro` fills it in: what its strategy reads stands under its name."""
    hints = get_type_hints(Recipe)
    parts = [(f.name, hints[f.name]) for f in dataclasses.fields(Recipe) if f.name != "options"]
    values = {name: getattr(base, name) for name, _ in parts}
    if base.options is not None:
        parts.append((base.strategy, type(base.options)))
        values[base.strategy] = base.options
    return dataclasses.make_dataclass("Recipe", parts, frozen=True, kw_only=True)(**values)


def _tyro(parse: Callable[[], T], command: str, wants_help: bool = False) -> T:
    """Runs tyro, turning the box that it draws around an error into one line."""
    told = io.StringIO()
    columns = max(NARROWEST, shutil.get_terminal_size().columns) if wants_help else WIDE
    try:
        with _columns(columns), contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            return parse()
    except SystemExit as end:
        if not end.code:
            print(told.getvalue(), end="")
            raise
        text = re.sub(r"[╭╮╰╯│─]+|-{4,}", " ", told.getvalue())
        text = re.sub(r"(Argument helptext|For full helptext).*", "", " ".join(text.split()))
        text = text.strip().rstrip(".")
        raise UsageError(f"{text}; see `enas-viz {command} --help`") from None


@contextlib.contextmanager
def _columns(count: int) -> Iterator[None]:
    """A terminal of so many columns, for whoever asks."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
