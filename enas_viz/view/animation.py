"""Films for slides: pictures of one size, one for each step, as an animated GIF or an MP4.

A GIF needs only Pillow and numpy, which come with matplotlib. An MP4 needs the extra `video`,
whose ffmpeg does all the work. Not here: what the pictures show (`svg`), their pixels
(`export.png`).
"""

from __future__ import annotations

import io
import math
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import TYPE_CHECKING, Any

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


# ---------------------------------------------------------------- GIF


def gif(pictures: Sequence[bytes], seconds: float) -> bytes:
    """An endless GIF of `pictures`. Colours never flicker: all frames share one palette, in which
    equal colours stay equal, and a frame holds only the pixels that differ from the one before."""
    import numpy as np
    from PIL import Image

    palette, place = _palette(pictures)
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


def _colours(picture: bytes) -> tuple[np.ndarray, tuple[int, int]]:
    """(H * W,) colours of a PNG as numbers below 2**24, red in the lowest byte; and (W, H)."""
    import numpy as np
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGBA")
    return np.frombuffer(image.tobytes(), "<u4") & 0xFFFFFF, image.size


def _palette(pictures: Sequence[bytes]) -> tuple[bytes, np.ndarray]:
    """(768 bytes, and (2**24,) the place in them of every colour that occurs).

    Again and again the colour is taken that is common and far from all that were taken: so plain
    areas keep their colour exactly, and no shade at an edge is far from its own.
    """
    import numpy as np

    seen = np.zeros(1 << 24, bool)
    for picture in pictures:
        seen[_colours(picture)[0]] = True
    found = np.flatnonzero(seen)
    number = np.zeros(1 << 24, np.int32)
    number[found] = np.arange(len(found))
    counts = np.zeros(len(found), int)
    for picture in pictures:
        counts += np.bincount(number[_colours(picture)[0]], minlength=len(found))

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
    return rgb[taken].astype(np.uint8).tobytes().ljust(768, b"\0"), place


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
    filters = (
        "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",  # H.264 wants even sides
        "scale=out_color_matrix=bt709:out_range=tv",  # said here, as players guess it from the size
        "format=yuv420p",
        "setparams=color_primaries=bt709:color_trc=bt709",
        f"fps={RATE}",
        f"tpad=stop_mode=clone:stop_duration={math.ceil(each + HOLD) + 1}",  # cut by -frames:v
    )
    command = [
        *(ffmpeg(), "-v", "error", "-xerror", "-nostdin", "-y"),
        *("-f", "image2pipe", "-c:v", "png", "-framerate", f"{each.denominator}/{each.numerator}"),
        *("-i", "-", "-an", "-vf", ",".join(filters)),
        *("-frames:v", str(round((len(pictures) * each + Fraction(HOLD)) * RATE))),
        *("-c:v", "libx264", "-crf", "18", "-colorspace", "bt709", "-color_range", "tv"),
        *("-movflags", "+faststart", "-f", "mp4", str(path)),
    ]
    done = subprocess.run(command, input=b"".join(pictures), capture_output=True)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise OSError(f"ffmpeg could not make the .mp4: {told}")
