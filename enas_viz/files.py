"""Files that appear whole or not at all, whatever happens while they are written.

What is written goes to a half file beside the target, reaches the disk, and only then takes the
target's name. A full disk, a kill or a power cut leaves the former file as it was.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# What a file system says that cannot flush a folder: some network and FUSE systems.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF}


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` once the block has ended well.

    When the block raises, or the disk is full, `path` stays as it was and the half file goes.
    """
    half = half_of(path)
    try:
        with half.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:  # an interrupt, too: nothing that is half is left behind
        half.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Makes `text` the whole of a file, in UTF-8 and with its line ends as they are."""
    with written(path) as file:
        file.write(text.encode())


def half_of(path: Path) -> Path:
    """Where the half of a file stands; only a killed process leaves one there."""
    return path.with_name(path.name + ".half")


def sync_folder(folder: Path) -> None:
    """Makes new names in `folder` outlive a power cut, where the platform can do that."""
    if os.name == "nt":  # Windows opens no folders
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(opened)
