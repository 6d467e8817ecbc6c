"""The entry point: which command is meant, and what its errors become.

An error that the user can mend is one line and exit code 2. Only the commands that train import
torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import enas_viz
from enas_viz.cli.demo import demo_command
from enas_viz.cli.looking import decode_command, gallery_command, recipes_command, replay_command
from enas_viz.cli.options import UsageError
from enas_viz.cli.progress import exit_code
from enas_viz.cli.searching import derive_command, resume_command, search_command
from enas_viz.cli.training import reproduce_command, results_command, train_command

COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "demo": demo_command,
    "recipes": recipes_command,
    "search": search_command,
    "resume": resume_command,
    "derive": derive_command,
    "train": train_command,
    "replay": replay_command,
    "gallery": gallery_command,
    "decode": decode_command,
    "reproduce": reproduce_command,
    "results": results_command,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0, 2 for what the user can mend, 130 and 143 when stopped by
    Ctrl-C and SIGTERM."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help"):
        print(_usage())
        return
    try:
        if args[0] == "--version":
            print(f"enas_viz {enas_viz.__version__}")
            return
        if args[0] not in COMMANDS:
            raise UsageError(f"no command {args[0]!r}; there are {', '.join(COMMANDS)}")
        COMMANDS[args[0]](args[1:])
        sys.stdout.flush()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "enas_viz":
            raise
        if missing == "imageio_ffmpeg":
            _fail(str(error))
        _fail(f"this needs {missing}, which is not installed: pip install 'enas-viz[search]'")
    except BrokenPipeError:  # whoever reads this has read enough: `enas-viz recipes | head`
        with open(os.devnull, "w") as nowhere:  # else the interpreter complains when it flushes
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise SystemExit(exit_code(13)) from None
    except (ValueError, ArithmeticError, OSError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _usage() -> str:
    lines = ["usage: enas-viz COMMAND [options]      (enas-viz COMMAND --help tells more)", ""]
    lines += [f"  {name:9} {command.__doc__.splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def _fail(text: str) -> None:
    print(f"enas-viz: error: {text}", file=sys.stderr)
    raise SystemExit(2)
