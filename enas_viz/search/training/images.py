"""Pixels: what is in one image file, as a square of 8-bit red, green and blue.

Every kind of pixel that Pillow knows is either converted as described in `to_rgb` or refused. Of
an animation or a file of several pages, the first picture counts. The orientation that a camera
notes in EXIF is applied. Colour profiles are ignored.

Not here: which files are images of which class (`folders.py`), what is kept of them (`data.py`).
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # no other decoder is run
GROUND = "white"  # shows through where an image is transparent
BARS = "black"  # beside an image that is not square, for fit = "pad"

_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV")  # `Image.convert` knows them
_DEPTH, _WHITE_IS_ZERO = 258, 262  # TIFF tags: bits of a value; 0 where the least one is white
_SAMPLE_FORMAT, _SIGNED = 339, 2  # TIFF tag: the kind of a value, and the signed integers' number
_FEW_BITS = {"L;2": 85, "L;4": 17}  # by what Pillow multiplies grey values of 2 and 4 bits


class DataError(ValueError):
    """The images that were asked for cannot be read; the message says which and why."""


class PixelError(ValueError):
    """An image whose pixels cannot be converted; the message says why and how to mend it."""


class Decoder:
    """Turns image files into squares of `side` by `side` pixels.

    fit: how an image that is not square becomes one: "squash" changes its proportions, "crop"
    keeps the middle, "pad" keeps all of it between black bars. brightest: of the images with more
    than 8 bits a value, the highest value so far as a share of the highest possible; 0 when there
    were none.
    """

    def __init__(self, side: int, fit: str = "squash") -> None:
        self.side = side
        self.fit = fit
        self.brightest = 0.0

    def decode(self, content: bytes) -> np.ndarray:
        """(3, side, side) uint8 of one file's content; raises nearly anything for a bad one."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as opened:
                if opened.mode == "RGB" and "transparency" in opened.info and _is_wide(opened):
                    raise PixelError("it has one transparent 16-bit colour; save it with 8 bits")
                _scale_transparent_grey(opened)
                ImageOps.exif_transpose(opened, in_place=True)  # a copy would lose its TIFF tags
                image = self._squared(self.to_rgb(opened))
        return np.asarray(image).transpose(2, 0, 1)

    def to_rgb(self, image: Image.Image) -> Image.Image:
        """The image with 8 bits for each of red, green and blue.

        Transparent images are shown over white. 16-bit values are divided by 257, so that 65535
        becomes 255; values of 12 bits accordingly. Floating-point values must be in 0 to 1.
        Raises PixelError for values whose range is unknown: other floating-point numbers and
        32-bit integers.
        """
        mode = image.mode
        if mode == "L" and _SIGNED in getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, ()):
            raise PixelError(_UNKNOWN_RANGE)
        if mode == "F" or mode.startswith("I"):
            return self._scaled(image)
        if mode in _WITH_ALPHA or "transparency" in image.info:
            return _over_ground(image)
        if mode == "LAB":
            profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
        if mode not in _PLAIN:
            raise PixelError(f"its pixels are of the unknown mode {mode}; save it as 8-bit RGB")
        return image.convert("RGB")

    def _scaled(self, image: Image.Image) -> Image.Image:
        """A grey image whose values have more than 8 bits."""
        values, top = np.asarray(image), _highest(image)
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= top):  # nor when one of them is not a number
            raise PixelError(
                f"its values range from {low:g} to {high:g}, but {_KINDS[image.mode[0]]} are "
                f"read from 0 to {top:g}; scale them, or save it with 8 or 16 bits"
            )
        shares = values / top
        self.brightest = max(self.brightest, high / top)
        if getattr(image, "tag_v2", {}).get(_WHITE_IS_ZERO) == 0:
            shares = 1 - shares
        pixels = np.rint(255 * shares).astype(np.uint8)
        if "transparency" in image.info:  # one value is
            pixels[values == image.info["transparency"]] = 255
        return Image.fromarray(pixels).convert("RGB")

    def _squared(self, image: Image.Image) -> Image.Image:
        size = (self.side, self.side)
        if image.width == image.height or self.fit == "squash":
            if image.size == size:
                return image
            return image.resize(size, Image.Resampling.BILINEAR)
        if self.fit == "crop":
            shorter = min(image.size)
            left, top = (image.width - shorter) // 2, (image.height - shorter) // 2
            image = image.crop((left, top, left + shorter, top + shorter))
            return image.resize(size, Image.Resampling.BILINEAR)
        longer = max(image.size)
        inner = tuple(max(1, round(self.side * length / longer)) for length in image.size)
        made = Image.new("RGB", size, BARS)
        corner = tuple((self.side - length) // 2 for length in inner)
        made.paste(image.resize(inner, Image.Resampling.BILINEAR), corner)
        return made


_UNKNOWN_RANGE = (
    "its values are 32-bit or signed integers, whose range is unknown; save it with 8 or 16 bits"
)
_KINDS = {"F": "floating-point values", "I": "integers"}


def _highest(image: Image.Image) -> float:
    """The highest value that a grey image of more than 8 bits can have. Raises PixelError."""
    if image.mode == "F":
        return 1.0
    if image.mode.startswith("I;16"):
        depth = getattr(image, "tag_v2", {}).get(_DEPTH, (16,))
        return 2.0 ** depth[0] - 1
    if image.mode == "I" and image.format in ("PNG", "PPM"):  # their values have 16 bits at most
        return 65535.0
    raise PixelError(_UNKNOWN_RANGE)


def _over_ground(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    image = image.convert("RGBA")
    if not image.getextrema()[3][1]:
        raise PixelError("it is transparent everywhere; remove its alpha channel if that is wrong")
    return Image.alpha_composite(Image.new("RGBA", image.size, GROUND), image).convert("RGB")


def _is_wide(opened: Image.Image) -> bool:
    """Whether a file has 16 bits for each colour. Pillow keeps 8 of them, but compares these with
    all 16 of a transparent colour."""
    return any("16" in str(tile[3]) for tile in opened.tile)


def _scale_transparent_grey(opened: Image.Image) -> None:
    """Scales the transparent value of a grey image with 2 or 4 bits as Pillow scales its pixels:
    Pillow leaves that value as it stands in the file, and so would find it nowhere."""
    factor = _FEW_BITS.get(str(opened.tile[0][3])) if opened.tile else None
    if factor and isinstance(opened.info.get("transparency"), int):
        opened.info["transparency"] *= factor


def why_unreadable(error: Exception) -> str:
    """How an error of `Decoder.decode` is told."""
    if isinstance(error, UnidentifiedImageError):
        return "its content is no image, or one of a kind that Pillow does not know"
    return str(error)
