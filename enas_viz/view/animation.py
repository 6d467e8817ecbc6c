"""Films for slides: pictures of one size as an animated GIF or an MP4.

`animate` writes a picture for each step; `roll` a reel, which moves between them, picture by
picture, so that a long one needs no more memory than a short one. A GIF needs only Pillow and
numpy, which come with matplotlib. An MP4 needs the extra `video`, whose ffmpeg does all the work.
Not here: what the pictures show (`svg`, `reel`), their pixels (`export.png`).
"""

from __future__ import annotations

import io
import math
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import TYPE_CHECKING, Any, Protocol

from enas_viz.files import write_bytes

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


def animate(path: Path, pictures: Sequence[bytes], seconds: float = SECONDS) -> None:
    """Writes `pictures`, PNGs of one size without transparency, as what `path` ends in.

    Each is shown for `seconds`, the last for HOLD seconds more. The file appears under its name
    only once it is complete; until then one that was there before stays.
    Raises OSError when it cannot be written.
    """
    made = gif if path.suffix.lower() == ".gif" else mp4
    write_bytes(path, made(pictures, seconds))


def roll(path: Path, reel: Reel) -> None:
    """Writes a reel as what `path` ends in; its last picture is shown for HOLD seconds more.

    The file appears as with `animate`. Raises OSError when it cannot be written.
    """
    made = _gif_of if path.suffix.lower() == ".gif" else _mp4_of
    write_bytes(path, made(reel))


# ---------------------------------------------------------------- GIF


def gif(pictures: Sequence[bytes], seconds: float) -> bytes:
    """An endless GIF of `pictures`. Colours never flicker: all frames share one palette, in which
    equal colours stay equal, and a frame holds only the pixels that differ from the one before."""
    import numpy as np
    from PIL import Image

    palette, place, _ = _palette(_colours(picture)[0] for picture in pictures)
    frames, before = [], None
    for picture in pictures:
        colours, size = _colours(picture)
        now = place[colours]
        shown = now if before is None else np.where(now == before, np.uint8(COLOURS), now)
        frames.append(Image.frombytes("P", size, shown.tobytes()))
        frames[-1].putpalette(palette)
        before = now
    beat = round(seconds * 100) * 10  # milliseconds, though a GIF counts in hundredths of a second
    durations = [beat] * (len(frames) - 1) + [round((seconds + HOLD) * 100) * 10]
    made = io.BytesIO()
    frames[0].save(
        made,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        palette=palette,  # given here too, or each frame would carry its own copy
        transparency=COLOURS,
        disposal=1,  # leave the frame standing under the next one
        duration=durations,
        loop=0,  # for ever
        optimize=False,  # would order the palette anew
    )
    return made.getvalue()


def _gif_of(reel: Reel) -> bytes:
    """An endless GIF. All pictures share the one palette at its head; each holds the rectangle that
    differs from the picture before, and of that the pixels that do."""
    import numpy as np
    from PIL import GifImagePlugin, Image

    table, nearest = _coarse_palette(_numbers(picture) for picture in reel.sample())
    width, height = reel.size
    made = [
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, 0, 0) + table,
        b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 0) + b"\0",  # for ever
    ]
    before, shown, time, due = None, None, Fraction(0), 0
    for (picture, ticks), is_last in _marking_last(reel.frames()):
        time += ticks * reel.tick + (Fraction(HOLD) if is_last else 0)
        beat, due = round(time * 100) - due, round(time * 100)  # rounding does not add up
        if before is None:
            top, bottom, left, right = 0, height, 0, width
        else:
            left, top, right, bottom = _differing(before, picture)
        part = nearest[_cells(picture[top:bottom, left:right])]
        if shown is None:
            shown, drawn = part.copy(), part
        else:
            area = shown[top:bottom, left:right]
            drawn = np.where(part == area, np.uint8(COLOURS), part)
            area[:] = part
        image = Image.frombytes("P", drawn.shape[::-1], drawn.tobytes())
        how = {"transparency": COLOURS, "disposal": 1, "duration": 10 * beat}
        made += GifImagePlugin.getdata(image, (int(left), int(top)), **how)
        before = picture
    return b"".join([*made, b";"])


def _differing(a: np.ndarray, b: np.ndarray) -> tuple[int, int, int, int]:
    """The rectangle of two pictures in which they differ: left, top, right, bottom; at least one
    pixel."""
    import numpy as np

    height, width, depth = a.shape
    rows = np.flatnonzero((a.reshape(height, -1) != b.reshape(height, -1)).any(1))
    if not rows.size:
        return 0, 0, 1, 1
    top, bottom = rows[0], rows[-1] + 1
    same = a[top:bottom].reshape(-1, width * depth) == b[top:bottom].reshape(-1, width * depth)
    columns = np.flatnonzero(~same.all(0)) // depth
    return columns[0], top, columns[-1] + 1, bottom


def _marking_last(items: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Each item, and whether it is the last one."""
    waiting = iter(items)
    item = next(waiting)
    for after in waiting:
        yield item, False
        item = after
    yield item, True


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


def _coarse_palette(colours: Iterable[np.ndarray]) -> tuple[bytes, np.ndarray]:
    """(768 bytes, and for every cell of the cube the place in them of a colour near it).

    Tweens mix colours that no sample holds. A colour of the palette owns the cell in which it lies,
    the more common one of two, so that plain areas keep theirs exactly.
    """
    import numpy as np

    table, _, pixels = _palette(colours)
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


def _colours(picture: bytes) -> tuple[np.ndarray, tuple[int, int]]:
    """(H * W,) colours of a PNG as numbers below 2**24, red in the lowest byte; and (W, H)."""
    import numpy as np
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    return np.frombuffer(image.tobytes(), "<u4") & 0xFFFFFF, image.size


def _palette(pictures: Iterable[np.ndarray]) -> tuple[bytes, np.ndarray, np.ndarray]:
    """(768 bytes, (2**24,) the place in them of every colour that occurs, (256,) the pixels there).

    pictures: (H * W,) colours each, as numbers below 2**24. Again and again the colour is taken
    that is common and far from all that were taken: so plain areas keep their colour exactly, and
    no shade at an edge is far from its own.
    """
    import numpy as np

    total = np.zeros(1 << 24, np.int32)
    for picture in pictures:
        colours, times = np.unique(picture, return_counts=True)
        total[colours] += times.astype(np.int32)
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


def mp4(pictures: Sequence[bytes], seconds: float) -> bytes:
    """H.264 with constant rate and halved colour resolution, the kind that every player plays.

    Raises OSError when ffmpeg fails.
    """
    with tempfile.TemporaryDirectory() as folder:  # ffmpeg moves about in the file that it writes
        path = Path(folder) / "made.mp4"
        _run_ffmpeg(path, pictures, seconds)
        return path.read_bytes()


def _run_ffmpeg(path: Path, pictures: Sequence[bytes], seconds: float) -> None:
    each = Fraction(seconds).limit_denominator(1000)
    rate = f"{each.denominator}/{each.numerator}"
    count = round((len(pictures) * each + Fraction(HOLD)) * RATE)
    source = ("-f", "image2pipe", "-c:v", "png", "-framerate", rate)
    _piped(_command(path, source, each, count, "medium"), pictures)


def _mp4_of(reel: Reel) -> bytes:
    """As `mp4`, of a reel."""
    (width, height), rate = reel.size, 1 / reel.tick
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}")
    source += ("-framerate", f"{rate.numerator}/{rate.denominator}")

    def pictures() -> Iterator[bytes]:
        for picture, ticks in reel.frames():
            data = picture.tobytes()
            for _ in range(ticks):
                yield data

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.mp4"
        count = round((reel.duration + Fraction(HOLD)) * RATE)
        _piped(_command(path, source, reel.tick, count, "veryfast"), pictures())
        return path.read_bytes()


def _command(
    path: Path, source: Sequence[str], each: Fraction, count: int, preset: str
) -> list[str]:
    """ffmpeg's arguments. source: what comes in, in pictures of `each` second; count: how many go
    out; preset: how much work it takes to make a small file."""
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
        *("-frames:v", str(count), "-c:v", "libx264", "-preset", preset, "-crf", "18"),
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
