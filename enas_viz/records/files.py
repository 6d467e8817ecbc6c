"""Files that appear whole or not at all, whatever happens while they are written.

What is written goes to a half file beside the target, reaches the disk, and only then takes the
target's name. A full disk, a kill or a power cut leaves the former file as it was.

A link is followed, so it stays a link and its target gets the content. What is no regular file (a
device such as /dev/null, a pipe) is written to as it is; nothing takes its place.

Gzipped records are read here, too, with a bound on what they unpack to.
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, BinaryIO

ASSETS = Path(__file__).parents[1] / "assets"  # what ships: traces, recordings, policies

# What a file system says that cannot flush a folder: some network and FUSE systems.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF}
_HALF = ".half"
_LONGEST_STEM = 230  # bytes of a half file's name before its number: most systems take 255 in all


def check_target(path: str | Path) -> Path:
    """The path, if a file can be written there; asked before the work whose result it will hold.

    Raises FileNotFoundError when its folder is missing, NotADirectoryError when that is a file,
    IsADirectoryError when the path is a folder itself, PermissionError when writing is not
    allowed, OSError when links lead in a circle.
    """
    path = Path(path)
    if is_direct(path):
        return path
    target = _target_of(path)
    folder = target.parent
    if target.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the name of a file to write")
    if not folder.exists():
        raise FileNotFoundError(
            f"there is no folder {str(folder if path.is_symlink() else path.parent)!r} to save "
            f"{path.name!r} in; make it first"
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is no folder to save {path.name!r} in")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{str(path)!r} is there and is write-protected")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"no file can be made in the folder {str(folder)!r}: no permission")
    return path


def check_folder(path: str | Path) -> Path:
    """The path, if a folder is there to write to or can be made; errors as for `check_target`."""
    path = Path(path)
    there = next(p for p in (path, *path.parents) if os.path.lexists(p))
    if not there.is_dir():
        raise NotADirectoryError(f"{str(there)!r} is no folder, so nothing can be written in it")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"nothing can be written to the folder {str(there)!r}: no permission")
    return path


@contextmanager
def written(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` once the block has ended well.

    When the block raises, or the disk is full, `path` stays as it was and the half file goes.
    Raises what `check_target` raises.
    """
    path = check_target(path)
    if is_direct(path):
        with _opened_directly(path) as file:
            yield file
        return
    target = _target_of(path)
    half = half_of(target)
    try:
        with half.open("wb") as file:
            if target.exists() and os.name != "nt":
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(target)
    except BaseException:  # an interrupt, too: nothing that is half is left behind
        half.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def write_text(path: str | Path, text: str) -> None:
    """Makes `text` the whole of a file, in UTF-8 and with its line ends as they are."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, data: bytes) -> None:
    """Makes `data` the whole of a file."""
    with written(path) as file:
        file.write(data)


def write_gzipped(path: str | Path, data: bytes) -> None:
    """Makes `data`, gzipped, the whole of a file: the same bytes for the same data."""
    write_bytes(path, gzip.compress(data, mtime=0))


def read_gzipped(path: str | Path, most: int) -> bytes:
    """What is in a gzipped file. FileNotFoundError where there is none, ValueError where it cannot
    be read or is longer than `most` bytes."""
    try:
        with gzip.open(path) as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > most:
        raise ValueError(f"it unpacks to more than {most // 10**6} MB")
    return data


def check_format(value: Any, wanted: int, what: str) -> None:
    """Raises ValueError for JSON that is no object of the format number `wanted`; what: its name in
    the error."""
    if not isinstance(value, dict) or value.get("format") != wanted:
        got = value.get("format") if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"{what} of format {wanted} is read; got {shortened(got)}")


def half_of(path: Path) -> Path:
    """Where the half of a file stands; only a killed process leaves one there.

    Its name holds the number of the thread, so that two that write the same file do not mix.
    """
    stem = os.fsencode(path.name)[:_LONGEST_STEM].decode(errors="ignore")
    return path.with_name(f"{stem}.{threading.get_native_id()}{_HALF}")


def remove_halves(folder: Path, start: str) -> None:
    """Removes the half files in `folder` whose names start so: of processes that were killed."""
    for half in folder.iterdir():
        if half.name.startswith(start) and half.name.endswith(_HALF):
            half.unlink()


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


# ---------------------------------------------------------------- links and special files


def _target_of(path: Path) -> Path:
    """The file that `path` means: where its links lead. OSError when they lead in a circle."""
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, "its links lead in a circle", str(path))
    return target


def is_direct(path: Path) -> bool:
    """Whether `path` is written to as it is: a device, a pipe, an open file of this process."""
    if _descriptor(path) is not None:
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def _descriptor(path: Path) -> int | None:
    """The number of the open file that a name such as /dev/stdout stands for."""
    found = re.fullmatch(r"/dev/std(in|out|err)|/(?:dev|proc/self)/fd/(\d+)", path.as_posix())
    if found is None or os.name == "nt":
        return None
    return int(found[2]) if found[2] else ("in", "out", "err").index(found[1])


def _opened_directly(path: Path) -> BinaryIO:
    number = _descriptor(path)
    if number is None:
        return path.open("wb")
    if sys.stdout is not None:
        sys.stdout.flush()  # what was printed before stands before it
    return os.fdopen(os.dup(number), "wb")
