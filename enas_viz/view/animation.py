"""Films for slides: pictures of one size as an animated GIF or an MP4.

`animate` writes a picture for each step; `roll` a reel, which moves between them, picture by
picture, so that a long one needs no more memory than a short one. A GIF needs only Pillow and
numpy, which come with matplotlib. An MP4 needs the extra `video`, whose ffmpeg does all the work.
Not here: what the pictures show (`svg`, `reel`), their pixels (`export.png`).
"""

from __future__ import annotations

import math
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import TYPE_CHECKING, Any, Protocol

from enas_viz.records.files import write_bytes

if TYPE_CHECKING:
    import numpy as np

ENDINGS = (".gif", ".mp4")
SECONDS = 1.2  # a step is shown
HOLD = 2.4  # and the last one longer, so that the finished network can be looked at
RANGE = (0.1, 60)  # of seconds: browsers slow shorter frames down, a GIF cannot hold long ones
WIDEST = 1600  # pixels, where nothing else is asked for
WIDTHS = (100, 3840)  # the widest is a 4K screen, and what any player decodes
RATE = 25  # frames per second of an MP4: some players refuse very slow ones
COLOURS = 255  # of a GIF, as the last of its 256 says "as before"


class Reel(Protocol):
    """What `roll` writes. size: (width, height) of its pictures, both even; tick,
    duration: of one picture and of all, in seconds."""

    size: tuple[int, int]
    tick: Fraction
    duration: Fraction

    def sample(self) -> Iterable[np.ndarray]:
        """Some of the pictures, (height, width, 3) uint8 each, in which all colours occur."""

    def frames(self) -> Iterator[tuple[np.ndarray, int]]:
        """Every picture, and for how many ticks it is shown."""


def timing(seconds: Any) -> float:
    """`seconds` when it can be the time that a step is shown; raises ValueError when not."""
    low, high = RANGE
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not low <= seconds <= high:  # refuses nan, too
        raise ValueError(
            f"seconds is how long each step is shown, a number from {low:g} to {high:g} (by "
            f"default {SECONDS:g}); got {shortened(seconds)}"
        )
    return seconds


def pixels(width: Any, natural: float) -> int:
    """The width of an animation in pixels; `natural`: that of the drawing, in CSS pixels.

    Raises ValueError when `width`, where it is not None, cannot be one.
    """
    if width is None:
        return min(math.ceil(natural), WIDEST)
    low, high = WIDTHS
    if type(width) is not int or not low <= width <= high:
        raise ValueError(
            f"width is that of the animation in pixels, a whole number from {low} to {high}; "
            f"leave it out for the drawing's own; got {shortened(width)}"
        )
    return width


def ffmpeg() -> str:
    """Where the ffmpeg of the extra `video` is; ModuleNotFoundError when it was not installed."""
    try:
        import imageio_ffmpeg
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'an .mp4 is made by ffmpeg, which is not installed: pip install "enas-viz[video]"; '
            "a .gif needs nothing more",
            name="imageio_ffmpeg",
        ) from None
    return imageio_ffmpeg.get_ffmpeg_exe()


def animate(path: Path, pictures: Iterable[np.ndarray], seconds: float = SECONDS) -> None:
    """Writes `pictures`, (H, W, 3) uint8 pixels of one size, as what `path` ends in.

    Each is shown for `seconds`, the last for HOLD seconds more. The file appears under its name
    only once it is complete; until then one that was there before stays.
    Raises OSError when it cannot be written.
    """
    strip = Strip(pictures, seconds)
    write_bytes(path, gif(strip) if path.suffix.lower() == ".gif" else mp4(strip))


def roll(path: Path, reel: Reel) -> None:
    """Writes a reel as what `path` ends in; its last picture is shown for HOLD seconds more.

    The file appears as with `animate`. Raises OSError when it cannot be written.
    """
    write_bytes(path, _gif_of(reel) if path.suffix.lower() == ".gif" else mp4(reel))


class Strip:
    """Pictures one after the other as a reel, of which only what changes is kept."""

    def __init__(self, pictures: Iterable[np.ndarray], seconds: float) -> None:
        self.tick = Fraction(seconds).limit_denominator(1000)
        self._changes: list[tuple[int, int, np.ndarray]] = []  # left, top, pixels
        self._ticks: list[int] = []
        before = None
        for picture in pictures:
            if before is None:
                self._first = picture
                self.size = (picture.shape[1], picture.shape[0])
                change = (0, 0, picture)
            elif picture is before or (box := differing(before, picture)) is None:
                self._ticks[-1] += 1
                continue
            else:
                left, top, right, bottom = box
                change = (left, top, picture[top:bottom, left:right].copy())
            self._changes.append(change)
            self._ticks.append(1)
            before = picture

    @property
    def duration(self) -> Fraction:
        return sum(self._ticks) * self.tick

    def frames(self) -> Iterator[tuple[np.ndarray, int]]:
        """Each picture and for how many ticks it is shown; each is changed into the next one."""
        picture = self._first.copy()
        for (left, top, part), ticks in zip(self._changes, self._ticks, strict=True):
            picture[top : top + part.shape[0], left : left + part.shape[1]] = part
            yield picture, ticks

    def colours(self) -> np.ndarray:
        """(2**24,) how often every colour is shown, over all pictures."""
        import numpy as np

        total, left_over = np.zeros(1 << 24, np.int64), sum(self._ticks)
        picture = None
        for (left, top, part), ticks in zip(self._changes, self._ticks, strict=True):
            if picture is None:
                picture = part.copy()
            else:
                area = picture[top : top + part.shape[0], left : left + part.shape[1]]
                _count(total, area, -left_over)
                area[:] = part
            _count(total, part, left_over)
            left_over -= ticks
        return total


def _count(total: np.ndarray, picture: np.ndarray, weight: int) -> None:
    import numpy as np

    colours, times = np.unique(_numbers(picture), return_counts=True)
    total[colours] += weight * times


# ---------------------------------------------------------------- GIF


def gif(strip: Strip) -> bytes:
    """An endless GIF, in which colours that are equal stay equal."""
    table, place, _ = _palette(strip.colours())
    return _gif(strip, table, lambda part: place[_numbers(part).reshape(part.shape[:2])])


def _gif_of(reel: Reel) -> bytes:
    """An endless GIF, whose colours are taken from some of its pictures."""
    table, nearest = _coarse_palette(reel.sample())
    return _gif(reel, table, lambda part: nearest[_cells(part)])


def _gif(reel: Reel | Strip, table: bytes, places: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Colours never flicker: all pictures share one palette, `table`, in which `places` finds
    those of pixels."""
    from PIL import GifImagePlugin, Image

    width, height = reel.size
    made = [
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + table,
        b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 0) + b"\0",  # for ever
    ]
    due = 0
    for drawn, corner, end in _drawn(reel, places):
        beat, due = round(end * 100) - due, round(end * 100)  # rounding does not add up
        image = Image.frombytes("P", drawn.shape[::-1], drawn.tobytes())
        how = {"transparency": COLOURS, "disposal": 1, "duration": 10 * beat}
        made += GifImagePlugin.getdata(image, corner, **how)
    return b"".join([*made, b";"])


def _drawn(
    reel: Reel | Strip, places: Callable[[np.ndarray], np.ndarray]
) -> Iterator[tuple[np.ndarray, tuple[int, int], Fraction]]:
    """Of each picture that differs from the one before the rectangle that does, and of that the
    pixels that do; its left top corner; and when, in seconds, its time is over."""
    import numpy as np

    before, time = None, Fraction(0)
    for picture, ticks in reel.frames():
        if before is None:
            before, shown = picture.copy(), places(picture)
            drawn, corner = shown.copy(), (0, 0)
        elif box := differing(before, picture):
            yield drawn, corner, time
            left, top, right, bottom = box
            before[top:bottom, left:right] = picture[top:bottom, left:right]
            part, area = places(picture[top:bottom, left:right]), shown[top:bottom, left:right]
            drawn, corner = np.where(part == area, np.uint8(COLOURS), part), (left, top)
            area[:] = part
        time += ticks * reel.tick
    yield drawn, corner, time + Fraction(HOLD)


def differing(a: np.ndarray, b: np.ndarray) -> tuple[int, int, int, int] | None:
    """The rectangle of two pictures in which they differ, as left, top, right, bottom; None where
    they are equal."""
    import numpy as np

    height, width, depth = a.shape
    rows = np.flatnonzero((a.reshape(height, -1) != b.reshape(height, -1)).any(1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    same = a[top:bottom].reshape(-1, width * depth) == b[top:bottom].reshape(-1, width * depth)
    columns = np.flatnonzero(~same.all(0)) // depth
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


def _numbers(picture: np.ndarray) -> np.ndarray:
    """(H * W,) colours as numbers below 2**24, red in the lowest byte."""
    import numpy as np

    flat = picture.reshape(-1, 3).astype(np.int32)
    return flat[:, 0] | flat[:, 1] << 8 | flat[:, 2] << 16


BITS = 6  # of each channel that decide which colour of a palette is near


def _cells(picture: np.ndarray) -> np.ndarray:
    """(H, W) numbers of the cells of a coarse cube in which the colours of a picture lie."""
    import numpy as np

    r, g, b = (picture[..., k].astype(np.int32) >> (8 - BITS) for k in range(3))
    return r | g << BITS | b << 2 * BITS


def _coarse_palette(pictures: Iterable[np.ndarray]) -> tuple[bytes, np.ndarray]:
    """(768 bytes, and for every cell of the cube the place in them of a colour near it).

    Tweens mix colours that no sample holds. A colour of the palette owns the cell in which it lies,
    the more common one of two, so that plain areas keep theirs exactly.
    """
    import numpy as np

    total = np.zeros(1 << 24, np.int64)
    for picture in pictures:
        _count(total, picture, 1)
    table, _, pixels = _palette(total)
    rgb = np.frombuffer(table, np.uint8).reshape(-1, 3)[:COLOURS].astype(np.int32)
    side = np.arange(1 << BITS, dtype=np.int32) * (1 << (8 - BITS)) + (1 << (7 - BITS))
    centre = np.stack(np.meshgrid(side, side, side, indexing="ij")[::-1], -1).reshape(-1, 3)
    nearest = np.zeros(len(centre), np.uint8)
    for start in range(0, len(centre), 1 << 14):
        part = centre[start : start + (1 << 14)].astype(np.float32)
        away = (part**2).sum(1)[:, None] - 2 * part @ rgb.T.astype(np.float32)
        nearest[start : start + (1 << 14)] = (away + (rgb**2).sum(1)).argmin(1)
    own = _cells(rgb[None].astype(np.uint8))[0]
    for n in np.argsort(pixels[:COLOURS]):  # the most common one last
        nearest[own[n]] = n
    return table, nearest


def _palette(total: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    """(768 bytes, (2**24,) the place in them of every colour that occurs, (256,) the pixels there).

    total: (2**24,) how often every colour occurs. The next colour taken is always one that is
    common and far from those taken before: so plain areas keep their colour exactly, and no shade
    at an edge is far from its own.
    """
    import numpy as np

    found = np.flatnonzero(total)
    counts = total[found]

    rgb = np.stack([found >> shift & 0xFF for shift in (0, 8, 16)], 1)
    far = np.full(len(found), 3 * 256**2)  # squared distance to the nearest that was taken
    weight = np.sqrt(counts)
    nearest = np.zeros(len(found), np.uint8)
    taken: list[int] = []
    for n in range(min(COLOURS, len(found))):
        taken.append(int((weight * far).argmax()))
        distance = ((rgb - rgb[taken[-1]]) ** 2).sum(1)
        closer = distance < far
        far[closer], nearest[closer] = distance[closer], n
    place = np.zeros(1 << 24, np.uint8)
    place[found] = nearest
    pixels = np.bincount(nearest, counts, minlength=COLOURS + 1)
    return rgb[taken].astype(np.uint8).tobytes().ljust(768, b"\0"), place, pixels


# ---------------------------------------------------------------- MP4


def mp4(reel: Reel | Strip) -> bytes:
    """H.264 with constant rate and halved colour resolution, the kind that every player plays.

    Raises OSError when ffmpeg fails.
    """
    (width, height), rate = reel.size, 1 / reel.tick
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}")
    source += ("-framerate", f"{rate.numerator}/{rate.denominator}")

    def pictures() -> Iterator[bytes]:
        for picture, ticks in reel.frames():
            data = picture.tobytes()
            for _ in range(ticks):
                yield data

    with tempfile.TemporaryDirectory() as folder:  # ffmpeg moves about in the file that it writes
        path = Path(folder) / "made.mp4"
        count = round((reel.duration + Fraction(HOLD)) * RATE)
        _piped(_command(path, source, reel.tick, count), pictures())
        return path.read_bytes()


def _command(path: Path, source: Sequence[str], each: Fraction, count: int) -> list[str]:
    """ffmpeg's arguments. source: what comes in, in pictures of `each` second; count: how many go
    out."""
    filters = (
        "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",  # H.264 wants even sides
        "scale=out_color_matrix=bt709:out_range=tv",  # said here, as players guess it from the size
        "format=yuv420p",
        "setparams=color_primaries=bt709:color_trc=bt709",
        f"fps={RATE}",
        f"tpad=stop_mode=clone:stop_duration={math.ceil(each + HOLD) + 1}",  # cut by -frames:v
    )
    return [
        *(ffmpeg(), "-v", "error", "-xerror", "-nostdin", "-y"),
        *(*source, "-i", "-", "-an", "-vf", ",".join(filters)),
        *("-frames:v", str(count), "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"),
        *("-colorspace", "bt709", "-color_range", "tv"),
        *("-movflags", "+faststart", "-f", "mp4", str(path)),
    ]


def _piped(command: Sequence[str], pictures: Iterable[bytes]) -> None:
    """Runs ffmpeg and hands it one picture after the other. OSError when it fails."""
    with tempfile.TemporaryFile() as told:  # a pipe could fill up while we write to the other one
        run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=told, stderr=told)
        try:
            with suppress(BrokenPipeError):  # ffmpeg has enough, or says below why it gave up
                for picture in pictures:
                    run.stdin.write(picture)
                run.stdin.close()
        finally:
            with suppress(OSError):
                run.stdin.close()
            status = run.wait()
        if status:
            told.seek(0)
            why = told.read().decode(errors="replace").strip() or f"exit status {status}"
            raise OSError(f"ffmpeg could not make the .mp4: {why}")
