"""Augmentation of a minibatch: random crops, mirroring, CutOut; a draw of its own for each image.

Pixels are moved while they are bytes, image by image as wholes; only then are they made numbers,
and what must be zero is blanked. So few passes go over the large tensor, and none picks pixels.

Not here: which images (`data.py`). Source: authors' `cifar10/image_ops.py` and
`general_child.py`; DeVries and Taylor 2017 (arXiv:1708.04552).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from enas_viz.recipes import DataConfig
from enas_viz.search.training import draws


def augment(
    images: Tensor,
    normalise: Callable[[Tensor], Tensor],
    config: DataConfig,
    rng: np.random.Generator,
    anchor: str = "centre",
) -> Tensor:
    """(B, C, H, W) uint8 images, moved and normalised: float32 in channels_last order.

    Crops of zero-padded images, mirroring of half of them, CutOut, each as `config` says. Padding
    and CutOut's square are exactly 0 after `normalise`: the mean colour. anchor: see `square`.
    """
    padding, side = config.crop_padding, config.cutout
    if not (padding or config.flip or side):
        return normalise(images)
    pixels = images.permute(0, 2, 3, 1)  # (B, H, W, C): the memory order of channels_last
    count, height, width, channels = pixels.shape
    which, corners = np.arange(count), np.zeros((2, count), np.int64)
    if padding:
        corners = rng.integers(0, 2 * padding + 1, (2, count)) - padding
    if config.flip:
        mirrored = rng.random(count) < 0.5
        turned = pixels.index_select(0, draws.put(np.flatnonzero(mirrored), pixels.device)).flip(2)
        pixels = torch.cat([pixels, turned])
        which[mirrored] = np.arange(count, len(pixels))
        corners[1, mirrored] *= -1  # seen from the other side
    pixels = _windows(pixels, which, corners)
    made = normalise(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(count, height, -1)
    bits = made.view(torch.int32)  # to blank by: quick on a CPU, and 0 times a number may be -0
    if padding:
        inside = span(-corners[0], height, height), span(-corners[1], width, width)
        for mask in _masks(*inside, channels, bits.device):
            bits.bitwise_and_(mask)
    if side:
        at = rng.integers(0, [[height], [width]], (2, count))
        erased = square(at, height, width, side, anchor)
        rows, cols = _masks(*erased, channels, bits.device)
        bits.bitwise_and_((rows & cols).bitwise_not_())
    return made.view(pixels.shape).permute(0, 3, 1, 2)


def square(
    at: np.ndarray, height: int, width: int, side: int, anchor: str
) -> tuple[np.ndarray, np.ndarray]:
    """The rows, (B, H) bool, and columns, (B, W) bool, of CutOut's squares, clipped at the borders.

    at: (2, B), the row and column of each. anchor: `fidelity.cutout`, what stands there: the
    square's "centre" [P], or its upper left "corner" [C].
    """
    start = at - (side // 2 if anchor == "centre" else 0)
    return span(start[0], side, height), span(start[1], side, width)


def span(start: np.ndarray, size: int, length: int) -> np.ndarray:
    """(B, length) bool: which of `length` places are among the `size` from `start`, (B,), on."""
    places = np.arange(length) - start[:, None]
    return (places >= 0) & (places < size)


def _windows(pixels: Tensor, which: np.ndarray, corners: np.ndarray) -> Tensor:
    """(B, H, W, C): of each of the images `which`, (B,), the window whose corner is at `corners`.

    pixels: (N, H, W, C). corners: (2, B), row and column of the upper left pixel, 0 for the image
    itself. All images lie in one row of pixels, of which a window is a piece as long as an image:
    one copy. What it sees beyond its image is arbitrary.
    """
    count, height, width, channels = pixels.shape
    size, shift = height * width, corners[0] * width + corners[1]
    margin = int(np.abs(shift).max())  # for windows that begin before the row, or end behind it
    row = torch.nn.functional.pad(pixels.reshape(-1), (margin * channels,) * 2)
    pieces = ((count - 1) * size + 2 * margin + 1, size * channels)
    every = row.as_strided(pieces, (channels, 1))  # one from each pixel on
    starts = draws.put(which * size + shift + margin, pixels.device)
    return every.index_select(0, starts).view(-1, height, width, channels)


def _masks(
    rows: np.ndarray, cols: np.ndarray, channels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """(B, H, 1) and (B, 1, W * C) int32: every bit is set where `rows` and `cols` are True."""
    wide = np.repeat(cols, channels, axis=1)
    made = (draws.put(-mask.astype(np.int32), device) for mask in (rows, wide))
    return next(made)[:, :, None], next(made)[:, None, :]
