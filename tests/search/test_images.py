"""Pixels of image files: every kind that Pillow knows, orientation, transparency, proportions."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

from enas_viz.search.training.images import Decoder, PixelError

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
RAMP_16 = RAMP.astype(np.uint16) * 257  # 0 to 65535
DARK_16 = RAMP.astype(np.uint16)  # what 16 bits hold of it: nearly nothing
GREY = np.repeat(RAMP[..., None], 3, 2)
TURNED = np.stack([RAMP, RAMP.T, 255 - RAMP], 2)  # another ramp in each channel
HALF = np.full((16, 16), 128, np.uint8)
OVER_WHITE = np.rint(GREY * (128 / 255) + 127).astype(np.uint8)


def decoder(**settings) -> Decoder:
    return Decoder(16, **settings)


def pixels(content: bytes, **settings) -> np.ndarray:
    return decoder(**settings).decode(content).transpose(1, 2, 0)


def saved(image: Image.Image, kind: str, **settings) -> bytes:
    packed = io.BytesIO()
    image.save(packed, kind, **settings)
    return packed.getvalue()


def with_alpha(values: np.ndarray, alpha: np.ndarray = HALF) -> Image.Image:
    return Image.fromarray(np.dstack([values, alpha]))


def converted(mode: str, start: str = "RGB") -> Image.Image:
    return Image.fromarray(TURNED).convert(start).convert(mode)


# ---- every mode: the image, its pixels in 8 bits, and how far off they may be

MODES = {
    "1": (Image.fromarray(RAMP > 127), np.where(GREY > 127, 255, 0), 0),
    "L": (Image.fromarray(RAMP), GREY, 0),
    "LA": (with_alpha(RAMP), OVER_WHITE, 1),
    "La": (with_alpha(RAMP).convert("La"), OVER_WHITE, 2),
    "P": (Image.fromarray(TURNED).quantize(256), TURNED, 40),
    "PA": (Image.fromarray(RAMP).convert("PA"), GREY, 0),
    "RGB": (Image.fromarray(TURNED), TURNED, 0),
    "RGBA": (with_alpha(GREY), OVER_WHITE, 1),
    "RGBa": (with_alpha(GREY).convert("RGBa"), OVER_WHITE, 2),
    "RGBX": (converted("RGBX"), TURNED, 0),
    "CMYK": (converted("CMYK"), TURNED, 0),
    "YCbCr": (converted("YCbCr"), TURNED, 3),
    "HSV": (converted("HSV"), TURNED, 6),
    "I;16": (Image.fromarray(RAMP_16), GREY, 0),
    "I;16L": (Image.frombytes("I;16L", (16, 16), RAMP_16.astype("<u2").tobytes()), GREY, 0),
    "I;16B": (Image.frombytes("I;16B", (16, 16), RAMP_16.astype(">u2").tobytes()), GREY, 0),
    "I;16N": (Image.frombytes("I;16N", (16, 16), RAMP_16.tobytes()), GREY, 0),
    "F": (Image.fromarray(RAMP.astype(np.float32) / 255), GREY, 0),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_the_same_picture_in_8_bits(mode):
    image, expected, tolerance = MODES[mode]
    assert image.mode == mode

    found = decoder().to_rgb(image)

    assert found.mode == "RGB"
    assert np.abs(np.asarray(found).astype(int) - expected).max() <= tolerance


def test_lab_becomes_the_colours_that_it_was_made_of():
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(TURNED), *profiles, outputMode="LAB")

    found = pixels(saved(image, "TIFF"))

    assert np.abs(found.astype(int) - TURNED).mean() < 3


def test_every_mode_that_pillow_can_save_is_in_the_table():
    savable = {kind[0] for kind in TiffImagePlugin.OPEN_INFO.values()} | {
        kind[0] for kind in PngImagePlugin._MODES.values()
    }

    assert savable - {"I", "LAB"} <= MODES.keys()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (RAMP.astype(np.int32) * 257, "32-bit or signed integers, whose range is unknown"),
        (RAMP.astype(np.float32), r"range from 0 to 255, but floating-point .* from 0 to 1"),
        (RAMP.astype(np.float32) / 255 - 0.5, "range from -0.5 to 0.5"),
        (np.where(RAMP, np.nan, 0).astype(np.float32), "range from nan to nan"),
        (np.where(RAMP, np.inf, 0).astype(np.float32), "range from 0 to inf"),
    ],
)
def test_values_of_unknown_range_are_refused(values, said):
    content = saved(Image.fromarray(values), "TIFF")

    with pytest.raises(PixelError, match=said):
        pixels(content)


# ---- files


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bits_are_scaled_to_8(kind):
    assert np.array_equal(pixels(saved(Image.fromarray(RAMP_16), kind)), GREY)


def tiff(values: np.ndarray, **tags: int) -> bytes:
    """A TIFF of one strip, little-endian; tags: other values of those below."""
    data = values.tobytes()
    entries = {
        **{"width": (256, 16), "height": (257, 16), "bits": (258, 16), "compression": (259, 1)},
        **{"white_is": (262, 1), "strip": (273, 8), "rows": (278, 16), "bytes": (279, len(data))},
        "kind": (339, 1),
    }
    made = struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(entries))
    for name, (tag, value) in entries.items():
        made += struct.pack("<HHII", tag, 4 if tag == 279 else 3, 1, tags.get(name, value))
    return made + b"\0" * 4


def test_a_tiff_in_which_0_is_white_is_inverted():
    assert np.array_equal(pixels(tiff(RAMP, bits=8)), GREY)
    assert np.array_equal(pixels(tiff(RAMP, bits=8, white_is=0)), 255 - GREY)
    assert np.array_equal(pixels(tiff(RAMP_16)), GREY)
    assert np.array_equal(pixels(tiff(RAMP_16, white_is=0)), 255 - GREY)


def test_a_tiff_of_12_bits_is_scaled_by_its_own_range():
    values = (RAMP.astype(int) * 4095 + 127) // 255
    pairs = values.reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1
    )

    found = pixels(tiff(packed.astype(np.uint8), bits=12))

    assert np.abs(found.astype(int) - GREY).max() <= 1


def test_signed_16_bits_are_refused():
    with pytest.raises(PixelError, match="signed integers"):
        pixels(tiff(RAMP_16.astype(np.int16), kind=2))


def test_signed_8_bits_are_refused():
    with pytest.raises(PixelError, match="signed integers"):
        pixels(tiff(RAMP, bits=8, kind=2))


def png(colour: int, depth: int, data: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16 by 16 pixels of any kind, with more chunks before its data."""
    rows = data.reshape(16, -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", 16, 16, depth, colour, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), *chunks, (b"IDAT", packed), (b"IEND", b"")):
        made += struct.pack(">I", len(body)) + name + body
        made += struct.pack(">I", zlib.crc32(name + body))
    return made


def test_16_bit_colours_are_scaled_to_8():
    colours = (TURNED.astype(np.uint16) * 257).astype(">u2")

    assert np.array_equal(pixels(png(2, 16, colours)), TURNED)


def test_one_transparent_colour_shows_white():
    grey = pixels(png(0, 8, RAMP, (b"tRNS", struct.pack(">H", 7))))
    deep = pixels(png(0, 16, RAMP_16.astype(">u2"), (b"tRNS", struct.pack(">H", 7 * 257))))
    colour = pixels(png(2, 8, TURNED, (b"tRNS", struct.pack(">HHH", 7, 112, 248))))

    expected = np.where(GREY == 7, 255, GREY)
    assert np.array_equal(grey, expected)
    assert np.array_equal(deep, expected)
    assert (colour[0, 7] == 255).all()
    assert (colour != TURNED).any(2).sum() == 1


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("picked", ["first", "second", "last"])
def test_the_transparent_shade_of_few_bits_shows_white(depth, picked):
    top = 2**depth - 1
    shade = {"first": 0, "second": 1, "last": top}[picked]
    values = np.arange(256).reshape(16, 16) % (top + 1)
    bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
    packed = np.packbits(bits.reshape(16, -1), axis=1)

    found = pixels(png(0, depth, packed, (b"tRNS", struct.pack(">H", shade))))

    expected = np.where(values == shade, 255, values * (255 // top))
    assert np.array_equal(found, np.repeat(expected[..., None], 3, 2))


def test_one_transparent_colour_of_16_bits_is_refused():
    colours = (TURNED.astype(np.uint16) * 257).astype(">u2")

    for value in (7 * 257, 7):
        chunk = struct.pack(">HHH", value, value, value)
        with pytest.raises(PixelError, match="one transparent 16-bit colour"):
            pixels(png(2, 16, colours, (b"tRNS", chunk)))


def test_an_image_that_is_transparent_everywhere_is_refused():
    with pytest.raises(PixelError, match="transparent everywhere"):
        pixels(saved(with_alpha(GREY, np.zeros_like(RAMP)), "PNG"))


def test_a_palette_with_transparent_entries_shows_white_there():
    palette = bytes(np.repeat(np.arange(256, dtype=np.uint8), 3))
    alpha = bytes([0, 128]) + b"\xff" * 254

    found = pixels(png(3, 8, RAMP, (b"PLTE", palette), (b"tRNS", alpha)))

    expected = GREY.copy()
    expected[0, 0], expected[0, 1] = 255, 127
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_transparent_black_and_white_image_shows_white():
    bits = np.packbits(RAMP > 127, axis=1)

    found = [pixels(png(0, 1, bits, (b"tRNS", struct.pack(">H", k)))) for k in (0, 1)]

    assert (found[0] == 255).all()
    assert np.array_equal(found[1], np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_picture_of_several_counts(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    lossless = {"lossless": True} if kind == "WEBP" else {}

    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)

    assert Image.open(io.BytesIO(content)).n_frames == 3
    assert (pixels(content) == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.transpose(1, 0, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: x[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
def test_the_orientation_of_a_camera_is_applied_once(kind, orientation, seen):
    corner = np.zeros((16, 16, 3), np.uint8)
    corner[:8, :8], corner[:8, 8:] = 255, 128
    exif = Image.Exif()
    exif[0x0112] = orientation

    content = saved(Image.fromarray(corner), kind, exif=exif)

    assert np.abs(pixels(content).astype(int) - seen(corner)).mean() < 3


def test_the_inverted_inks_of_a_jpeg_are_read_right():
    ramp = np.repeat(np.arange(16, dtype=np.uint8)[None, :, None] * 17, 16, 0)
    image = Image.fromarray(np.repeat(ramp, 3, 2)).convert("CMYK")

    found = pixels(saved(image, "JPEG", quality=100))

    assert np.abs(found.astype(int) - ramp).max() <= 6


def test_how_much_of_16_bits_is_used_is_kept():
    told = decoder()

    told.decode(saved(Image.fromarray(RAMP), "PNG"))
    assert told.brightest == 0
    told.decode(saved(Image.fromarray(DARK_16), "PNG"))
    assert told.brightest == pytest.approx(255 / 65535)


# ---- images that are not square

WIDE = np.zeros((20, 40, 3), np.uint8)
WIDE[:, :10], WIDE[:, 10:30], WIDE[:, 30:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize("tall", [False, True])
def test_squash_keeps_all_and_crop_the_middle_and_pad_adds_bars(tall):
    image = WIDE.transpose(1, 0, 2) if tall else WIDE
    content = saved(Image.fromarray(image), "PNG")

    def columns(fit: str) -> np.ndarray:
        found = pixels(content, fit=fit)
        return found.transpose(1, 0, 2) if tall else found

    squashed, cropped, padded = map(columns, ("squash", "crop", "pad"))

    red, green, blue, black = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
    assert (squashed[:, :3] == red).all()
    assert (squashed[:, 6:10] == green).all()
    assert (squashed[:, -3:] == blue).all()
    assert (cropped == green).all()
    assert (padded[:4] == black).all()
    assert (padded[-4:] == black).all()
    assert np.array_equal(padded[4], squashed[4])
    assert np.array_equal(padded[11], squashed[11])


def test_a_square_image_is_the_same_however_others_are_fitted():
    content = saved(Image.fromarray(np.kron(TURNED, np.ones((2, 2, 1), np.uint8))), "PNG")

    squashed, cropped, padded = (pixels(content, fit=fit) for fit in ("squash", "crop", "pad"))

    assert np.array_equal(squashed, cropped)
    assert np.array_equal(squashed, padded)


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_a_line_of_pixels_is_read(fit):
    content = saved(Image.new("RGB", (300, 1), "red"), "PNG")

    found = pixels(content, fit=fit)

    assert found.shape == (16, 16, 3)
    assert (found[7] == (255, 0, 0)).all()
