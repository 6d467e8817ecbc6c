"""Commands of `enas-viz` as a shell reads them, for hints and errors.

Every command that we print is made here, so that one with spaces, quotes or a leading hyphen in a
path can be pasted into a shell and means what was meant.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath

_always: list[object] = []  # stands before every command that is printed


def always(*words: object) -> None:
    """Puts words, such as an option of `enas-viz` itself, before the commands that are printed."""
    _always[:] = words


def command(*words: object) -> str:
    """`enas-viz` with these words, quoted for a shell. A path never reads as an option."""
    return shlex.join(["enas-viz", *map(_word, [*_always, *words])])


def _word(word: object) -> str:
    text = str(word)
    return f"./{text}" if isinstance(word, PurePath) and text.startswith("-") else text
