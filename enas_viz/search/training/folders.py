"""Image files in a folder or zip: which there are, of which class, in which part of the data.

The layout is torchvision's ImageFolder: `train/<class>/*`, with `test/<class>/*` and
`val/<class>/*` beside it, or `<class>/*` alone. Folders around the whole set are skipped, as are
hidden files and what operating systems leave behind. Images in folders inside a class folder
belong to that class. A layout that could be read in two ways is refused, and so is a class
without images.

Not here: pixels (`images.py`), what is kept of them (`data.py`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from enas_viz.search.training.images import DataError

IMAGE_ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
OTHER_IMAGES = (  # refused by name: without them, a class would be smaller than it seems
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".ico", ".tga", ".psd", ".pcx", ".dds"),
    *(".exr", ".hdr", ".pfm", ".dng", ".cr2", ".nef", ".arw", ".dcm", ".nii", ".npy"),
)
NOTES = (".txt", ".csv", ".json", ".xml", ".md", ".html", ".yaml", ".yml")  # beside images
JUNK = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}  # and hidden files
SIGNATURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
PARTS = {"train": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test"}
MOST_IMAGE_BYTES = 64 * 2**20  # of one file, unpacked: a zip can hold terabytes in a few bytes
MOST_IMAGES = 10_000_000
DEEPEST = 6  # folders inside one another that are looked into

_UTF8 = 0x800  # flag of a zip's member: its name is in UTF-8
_UNICODE_PATH = 0x7075  # an extra field of a zip's member: its name again, in UTF-8


class Source:
    """The files of a folder or zip. Raises DataError when it is neither, or cannot be trusted.

    images: the names of the image files, sorted, with "/" between folders. others: those of
    images in formats that are not read. folders: the names of all folders.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.in_zip = not path.is_dir()
        if self.in_zip and not (path.is_file() and zipfile.is_zipfile(path)):
            raise DataError(f"{path} is neither a folder nor a zip file, so it holds no images")
        self._places: dict[str, Path | zipfile.ZipInfo] = {}
        self.folders: set[str] = set()
        for name, place in _members_of_zip(path) if self.in_zip else _walk(path):
            if place is None:
                self.folders.add(name)
            else:
                self._places[name] = place
        self._skip_outer_folders()
        self.images = sorted(n for n in self._places if n.lower().endswith(IMAGE_ENDINGS))
        self.others = sorted(n for n in self._places if n.lower().endswith(OTHER_IMAGES))
        for name in self._places:
            parents = name.split("/")[:-1]
            self.folders |= {"/".join(parents[: k + 1]) for k in range(len(parents))}

    def _skip_outer_folders(self) -> None:
        """Takes names from inside the one folder that holds all images, while there is one."""
        while True:
            images = [n for n in self._places if n.lower().endswith(IMAGE_ENDINGS)]
            tops = {n.split("/")[0] for n in images}
            if len(tops) != 1 or not all(n.count("/") >= 2 for n in images):
                return
            (top,) = tops
            if top.lower() in PARTS:
                return
            inner = {n: p for n, p in self._places.items() if n.startswith(f"{top}/")}
            self._places = {n.removeprefix(f"{top}/"): p for n, p in inner.items()}
            self.folders = {
                n.removeprefix(f"{top}/") for n in self.folders if n.startswith(f"{top}/")
            }

    @property
    def files(self) -> Iterable[str]:
        """The names of all files, images or not."""
        return self._places.keys()

    @contextmanager
    def opened(self) -> Iterator[Callable[..., bytes]]:
        """A function that reads the file of a name: all of it, or its first bytes, how many."""
        if not self.in_zip:
            yield lambda name, count=None: _content(self._places[name].open("rb"), count)
            return
        with _opened(self.path) as archive:
            yield lambda name, count=None: _content(archive.open(self._places[name]), count)

    def stamp(self, name: str) -> str:
        """What changes when the content of a file does. Raises OSError when it cannot be read."""
        place = self._places[name]
        if isinstance(place, zipfile.ZipInfo):
            return f"{place.file_size}:{place.CRC}"  # reading a member verifies both
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def shown(name: str) -> str:
    """A file's name as an error shows it: not endless, and no commands to the terminal in it."""
    name = name if len(name) <= 300 else f"{name[:200]}...{name[-50:]}"
    return name if name.isprintable() else repr(name)


def _content(file: BinaryIO, count: int | None = None) -> bytes:
    with file:
        content = file.read(MOST_IMAGE_BYTES + 1 if count is None else count)
    if len(content) > MOST_IMAGE_BYTES:
        raise OSError(f"it has more than {MOST_IMAGE_BYTES // 2**20} MB")
    return content


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in JUNK


# ---------------------------------------------------------------- layout


@dataclass(frozen=True)
class Part:
    """The image files of one part of a data set.

    names: as in `Source.images`. labels: the number of each file's class. valid: how many files
    at the end come from a folder of validation images; 0 when there is none.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    valid: int = 0


class Layout:
    """Where a source has its training, validation and test images.

    prefixes: the folder of each part that is there, as in {"train": "train/", "valid": "val/"};
    {"train": ""} when the class folders are at the top. Raises DataError when two folders claim
    the same part.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.prefixes = {"train": ""}
        in_folders = {n.split("/")[0] for n in source.images if n.count("/") >= 2}
        if not any(PARTS.get(top.lower()) == "train" for top in in_folders):
            return
        self.prefixes = {}
        for top in sorted(n for n in source.folders if "/" not in n):
            part = PARTS.get(top.lower())
            if part in self.prefixes:
                raise DataError(
                    f"{source.path} holds both {self.prefixes[part]} and {top}/, and only one of "
                    f"them can be its {_SAID[part]} images; rename or remove the other"
                )
            if part is not None:
                self.prefixes[part] = f"{top}/"

    def part(self, name: str) -> Part:
        """The "train" images, those for validation behind them, or the "test" images.

        Raises DataError when they are not there or not all of them can be used.
        """
        if name not in self.prefixes:
            raise DataError(
                f"{self.source.path} has no test/<class> folders, and a final training ends by "
                f"reading its test images; add them, beside train/<class>"
            )
        found = self._classes(name)
        classes = tuple(sorted(found))
        if len(classes) < 2:
            raise DataError(
                f"{self.source.path} must hold one folder of images per class, at least two of "
                f"them, as in train/cat/1.png or cat/1.png; found {len(classes)} such folders"
            )
        labelled = _labelled(found, classes)
        valid = []
        if name == "train" and "valid" in self.prefixes:
            apart = self._classes("valid")
            if not apart:
                raise DataError(
                    f"the folder {self.prefixes['valid']} in {self.source.path} has no class "
                    f"folders of images, so no validation images; add them, or remove the folder"
                )
            check_classes(tuple(sorted(apart)), classes, "validation")
            valid = _labelled(apart, classes)
        names, labels = zip(*labelled, *valid, strict=True)
        return Part(names, labels, classes, len(valid))

    def misnamed(self) -> list[str]:
        """Images in class folders that are not used, since their names do not end as images'."""
        known = (*IMAGE_ENDINGS, *OTHER_IMAGES, *NOTES)
        others = [n for n in self.source.files if not n.lower().endswith(known)]
        found = []
        with self.source.opened() as content:
            for prefix in self.prefixes.values():
                for name in self._inside(others, prefix):
                    with suppress(Exception):  # what cannot be read is no image
                        if _is_image(content(name, 16)):
                            found.append(name)
        return sorted(found)

    def unused(self) -> list[str]:
        """The image files that are in no class folder of any part."""
        starts = tuple(self.prefixes.values())
        inside = (n for n in self.source.images if n.startswith(starts))
        used = {n for n in inside if n.count("/") > (0 if starts == ("",) else 1)}
        return [n for n in self.source.images if n not in used]

    def _classes(self, part: str) -> dict[str, list[str]]:
        """The files of each class of a part, sorted."""
        prefix, path = self.prefixes[part], self.source.path
        found: dict[str, list[str]] = {}
        direct: set[str] = set()  # classes with an image that is in no deeper folder
        for name in self._inside(self.source.images, prefix):
            label = _label(name, prefix)
            found.setdefault(label, []).append(name)
            if name.count("/") == prefix.count("/") + 1:
                direct.add(label)
        deeper = sorted(found.keys() - direct)
        if not prefix and found and not deeper and {n.lower() for n in found} <= PARTS.keys():
            raise DataError(
                f"{path} holds images directly in {listed(f'{n}/' for n in sorted(found))}, so "
                f"their classes are unknown; expected one folder per class, as in train/cat/1.png"
            )
        if deeper and not (prefix and _same_inner_folder(found)):
            raise DataError(
                f"the folder {shown(prefix + deeper[0])} in {path} holds no image itself, only "
                f"folders of images ({shown(found[deeper[0]][0])}); expected <class>/<image> or "
                f"train/<class>/<image>: rename the folders, or name an inner folder as the data"
            )
        for name in self._inside(self.source.others, prefix):
            raise DataError(
                f"the image {shown(name)} in {path} is of a kind that is not read; convert it to "
                f"PNG or JPEG, or remove it"
            )
        for folder in sorted(self.source.folders):
            label = _label(f"{folder}/", prefix)
            at_a_class = folder.startswith(prefix) and folder.count("/") == prefix.count("/")
            if at_a_class and label not in found and self._ends_here(folder):
                raise DataError(
                    f"the folder {shown(folder)} in {path} holds no image that can be read, so the "
                    f"class {shown(label)} would be empty; add images (files that end in "
                    f".png, .jpg, .bmp, .gif, .tif, .webp, .ppm) or remove the folder"
                )
        return found

    def _inside(self, names: Iterable[str], prefix: str) -> Iterator[str]:
        """Those of the names that are in a class folder."""
        deep = prefix.count("/") + 1
        return (n for n in names if n.startswith(prefix) and n.count("/") >= deep)

    def _ends_here(self, folder: str) -> bool:
        """Whether a folder holds files, or nothing at all; not only other folders."""
        inside = f"{folder}/"
        if any(n.startswith(inside) and "/" not in n[len(inside) :] for n in self.source.files):
            return True
        return not any(n.startswith(inside) for n in self.source.folders)


_SAID = {"train": "training", "valid": "validation", "test": "test"}


def check_classes(found: tuple[str, ...], train: tuple[str, ...], part: str = "test") -> None:
    """Raises DataError when a part has other classes than the training images have."""
    if found == train:
        return
    missing, more = sorted(set(train) - set(found)), sorted(set(found) - set(train))
    differ = [f"no {listed(missing)} there"] if missing else []
    differ += [f"{listed(more)} only there"] if more else []
    raise DataError(
        f"the {part} images have the classes {listed(found)}, the training images "
        f"{listed(train)}; they must be the same ({', '.join(differ)})"
    )


def _same_inner_folder(found: dict[str, list[str]]) -> bool:
    """Whether all classes have their images in a folder of one name, as in <class>/images/1.png."""
    inner = {tuple(name.split("/")[-2:-1]) for names in found.values() for name in names}
    depths = {name.count("/") for names in found.values() for name in names}
    return len(inner) == len(depths) == 1 and len(found) > 1


def _is_image(start: bytes) -> bool:
    """Whether a file that begins so holds an image."""
    return start.startswith(SIGNATURES) or (start[:4], start[8:12]) == (b"RIFF", b"WEBP")


def listed(names: Iterable[str]) -> str:
    """Names as an error shows them: not all of very many."""
    names = list(map(shown, names))
    return ", ".join(names if len(names) <= 20 else [*names[:20], f"... ({len(names)} in all)"])


def _label(name: str, prefix: str) -> str:
    """The class of a file; the two ways in which Unicode writes an accented letter are one."""
    return unicodedata.normalize("NFC", name[len(prefix) :].split("/")[0])


def _labelled(found: dict[str, list[str]], classes: tuple[str, ...]) -> list[tuple[str, int]]:
    return sorted((n, number) for number, label in enumerate(classes) for n in found[label])


# ---------------------------------------------------------------- files of a folder


def _walk(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """(name, place) of every regular file that is not junk, (name, None) of every folder.

    Links are followed, except to a folder that they are in themselves.
    """
    count = 0
    for name, place in _below(folder, folder, "", ()):
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise DataError(f"{folder} holds a file whose name is no text: {name[:300]!r}")
        count += place is not None
        if count > MOST_IMAGES:
            raise DataError(f"{folder} holds more than {MOST_IMAGES:,} files; name a folder")
        yield name, place


def _below(
    top: Path, folder: Path, inside: str, above: tuple[Path, ...]
) -> Iterator[tuple[str, Path | None]]:
    try:
        real = folder.resolve()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"the folder {shown(inside)} in {top} cannot be read: {error}") from None
    if real in above or len(above) > DEEPEST:
        return
    for entry in entries:
        if _is_junk(entry.name):
            continue
        name = f"{inside}{entry.name}"
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            if error.errno == errno.ENOENT and name.lower().endswith(IMAGE_ENDINGS):
                raise DataError(
                    f"the image {shown(name)} in {top} is a link to a file that is not there; "
                    f"mend or remove it"
                ) from None
            continue  # a link to itself
        if stat.S_ISDIR(mode):
            yield name, None
            yield from _below(top, folder / entry.name, f"{name}/", (*above, real))
        elif stat.S_ISREG(mode):  # no pipe, no device
            yield name, folder / entry.name


# ---------------------------------------------------------------- files of a zip


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # damaged lists of members make zipfile stumble in many ways
        raise DataError(f"{path} is a damaged zip file: {error}") from None


def _members_of_zip(path: Path) -> Iterator[tuple[str, zipfile.ZipInfo | None]]:
    """(name, member) of every file that is not junk, (name, None) of every folder.

    Nothing is unpacked to disk, so the names lead nowhere; one that would lead out of the archive
    still shows that this is no honest data set.
    """
    with _opened(path) as archive:
        members = archive.infolist()
    seen: set[str] = set()
    for member, name in zip(members, _names(members), strict=True):
        pieces = name.replace("\\", "/").split("/")  # some Windows programs write backslashes
        is_folder = not pieces[-1]
        clean = "/".join(piece for piece in pieces if piece not in ("", "."))
        twice = not is_folder and clean in seen
        if twice or ".." in pieces or not pieces[0] or re.match(r"[A-Za-z]:", name):
            why = "it is there twice" if twice else "it leads out of the archive"
            raise DataError(f"{path} holds a file {name[:300]!r} that is refused: {why}")
        honest = list(takewhile(lambda piece: not _is_junk(piece), clean.split("/")))
        if is_folder or len(honest) <= clean.count("/"):  # junk, but in a folder that is none
            if any(honest):
                yield "/".join(honest), None
            continue
        if member.file_size > MOST_IMAGE_BYTES and name.lower().endswith(IMAGE_ENDINGS):
            raise DataError(
                f"the image {shown(name)} in {path} has {member.file_size:,} bytes unpacked, more "
                f"than the {MOST_IMAGE_BYTES:,} that are read; mend or remove that file"
            )
        seen.add(clean)
        yield clean, member


def _names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The members' names as text.

    A member says that its name is in UTF-8, or gives it again in UTF-8; else it is in whatever its
    writer used: all such names of a zip are taken as UTF-8 or as GBK where all of them can be
    that, else as the format's own code page 437.
    """
    names = [member.orig_filename.split("\0")[0] for member in members]
    unknown = []
    for k, member in enumerate(members):
        if member.flag_bits & _UTF8 or names[k].isascii():
            continue
        again = _unicode_path(member)
        if again is None:
            unknown.append(k)
        else:
            names[k] = again
    raw = [names[k].encode("cp437") for k in unknown]  # as zipfile decoded them
    for k, name in zip(unknown, _decoded(raw), strict=True):
        names[k] = name
    return names


def _unicode_path(member: zipfile.ZipInfo) -> str | None:
    """The name in an extra field, when it belongs to the name that the member has."""
    extra, raw = member.extra, member.orig_filename.encode("cp437")
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            try:
                return field[5:].decode()
            except UnicodeDecodeError:
                return None
    return None


def _decoded(raw: list[bytes]) -> list[str]:
    for encoding in ("utf-8", "gbk"):
        try:
            names = [name.decode(encoding) for name in raw]
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _is_chinese("".join(names)):
            return names
    return [name.decode("cp437") for name in raw]


def _is_chinese(text: str) -> bool:
    """Whether most characters are frequent ones; two accented letters make a rare one in GBK."""
    foreign = [letter for letter in text if not letter.isascii()]
    return 2 * sum(bool(letter.encode("gb2312", "ignore")) for letter in foreign) > len(foreign)
