"""The entry point: which command is meant, and what its errors become.

An error that the user can mend is one line and exit code 2. Only the commands that train import
torch.
"""

from __future__ import annotations

import os
import runpy
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import enas_viz
from enas_viz import commands
from enas_viz.cli.demo import demo_command
from enas_viz.cli.looking import (
    decode_command,
    gallery_command,
    recipes_command,
    replay_command,
    site_command,
)
from enas_viz.cli.options import UsageError
from enas_viz.cli.progress import exit_code
from enas_viz.cli.searching import derive_command, resume_command, search_command
from enas_viz.cli.training import reproduce_command, results_command, train_command
from enas_viz.memory import in_a_sentence, is_out_of_memory

COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "demo": demo_command,
    "recipes": recipes_command,
    "search": search_command,
    "resume": resume_command,
    "derive": derive_command,
    "train": train_command,
    "replay": replay_command,
    "gallery": gallery_command,
    "site": site_command,
    "decode": decode_command,
    "reproduce": reproduce_command,
    "results": results_command,
}

OF_THE_SITE = {"ipykernel", "mistune", "nbclient", "nbformat", "pygments"}  # of that extra


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0, 2 for what the user can mend, 130 and 143 when stopped by
    Ctrl-C and SIGTERM, 141 when whoever read the output stopped reading."""
    args = list(sys.argv[1:] if argv is None else argv)
    _open_what_is_closed()
    form = warnings.formatwarning
    warnings.formatwarning = lambda message, *_: f"enas-viz: warning: {message}\n"  # no source line
    try:
        try:
            _run(args)
        finally:
            warnings.formatwarning = form
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads this has read enough: `enas-viz recipes | head`
        _silence(sys.stdout)
        raise SystemExit(exit_code(13)) from None
    except OSError as error:  # standard output cannot take more: a full disk
        _silence(sys.stdout)
        _fail(str(error))


def _run(args: list[str]) -> None:
    """Runs a command; what the user can mend, and an interrupt, become exit codes."""
    try:
        for number, word in enumerate(args, start=1):
            if not _is_text(word):
                raise UsageError(f"argument {number} is not text in UTF-8: {word!r}")
        if args[:1] == ["--import"]:
            args = _imported(args[1:])
        if not args or args[0] in ("-h", "--help"):
            print(_usage())
        elif args[0] == "--version":
            print(f"enas_viz {enas_viz.__version__}")
        elif args[0] in COMMANDS:
            COMMANDS[args[0]](args[1:])
        else:
            raise UsageError(f"no command {args[0]!r}; there are {', '.join(COMMANDS)}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "enas_viz":
            raise
        if missing in ("imageio_ffmpeg", "resvg_py"):  # these say themselves what to do
            _fail(str(error))
        extra = "site" if missing in OF_THE_SITE else "search"
        _fail(f"this needs {missing}, which is not installed: pip install 'enas-viz[{extra}]'")
    except BrokenPipeError:
        raise
    except (ValueError, ArithmeticError, OSError) as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _fail(str(in_a_sentence(error, "this command")))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _imported(args: list[str]) -> list[str]:
    """The arguments after a file of Python that was run: it may register operations.

    Every command that is suggested from then on names the file, too.
    """
    if not args or not Path(args[0]).is_file():
        got = repr(args[0]) if args else "nothing"
        raise UsageError(f"--import takes a file of Python that is there, e.g. mine.py; got {got}")
    runpy.run_path(args[0], run_name="enas_viz_import")
    commands.always("--import", Path(args[0]))
    return args[1:]


def _is_text(word: str) -> bool:
    """Whether an argument came as UTF-8: bytes that are not stand as surrogates in it."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _open_what_is_closed() -> None:
    """Opens standard files that are closed (`>&-`) to nowhere, so that no file of ours gets their
    numbers and printing is no error."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)


def _silence(stream: TextIO) -> None:
    """Sends the rest of a stream nowhere, else the interpreter complains when it flushes it."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _usage() -> str:
    lines = ["usage: enas-viz COMMAND [options]      (enas-viz COMMAND --help tells more)", ""]
    lines += [
        "  --import FILE COMMAND ...  runs a file of Python first: your own operations",
    ]
    lines += [f"  {name:9} {command.__doc__.splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def _fail(text: str) -> None:
    print(f"enas-viz: error: {text}", file=sys.stderr)
    raise SystemExit(2)
