"""Operations of your own: a module, measured, that a search may choose from then on.

    def squeeze(channels, stride, fidelity): ...  # -> nn.Module

    search.operation("se3x3", squeeze, window=3, words="squeeze and excite 3x3", short="se")
    search.run(recipe("macro-tiny", network__ops=("conv3x3", "max3x3", "se3x3")))

What it costs is measured here, once, on the module itself, and kept as polynomials in the number of
channels: so whoever has no torch, or never saw the module, can still tell what a network costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import torch
from torch import Tensor, nn

from enas_viz.recipes import Fidelity
from enas_viz.search.nets.ops import BROUGHT, Build
from enas_viz.spaces.operations import FAMILIES, Operation, Terms, register

CHANNELS = (8, 16, 24)  # at which a cost is measured; three points fix a polynomial of degree two
PROBES = (32, 48)  # and at which it is tested
SIDE = 8  # pixels of the maps that are measured
OWN_FACTS = {"window", "dilation", "short", "slot", "icon"}  # its costs are measured


def operation(
    name: str, build: Build, *, family: str | None = None, words: str, **facts: Any
) -> Operation:
    """An operation of a family of your own, known by its name to recipes and spaces from then on.

    build: makes its module for (channels, stride, fidelity), from (B, C, H, W) float32 to the same
    shape, with ceil(H / 2) rows and ceil(W / 2) columns at stride 2. In a layer of a macro network
    it stands behind a 1x1 convolution with batch norm and ReLU, in a cell it reads a rectified
    tensor; batch norm is its own affair: `search.norm(channels, fidelity)` follows the recipe.
    family: by default its name. words: its full name. facts: `window`, `dilation`, `short`, `slot`
    and `icon`, as `Operation` takes them. Called again with the same facts, the module is replaced.
    Raises ValueError for a module that changes the shape, and for one whose numbers of weights or
    multiply-adds are no polynomials of degree two in its channels; TypeError for no callable.
    """
    if not callable(build):
        raise TypeError(
            f"build makes the module of an operation from (channels, stride, fidelity); got "
            f"{shortened(build)}"
        )
    if unknown := facts.keys() - OWN_FACTS:
        raise ValueError(
            f"an operation of your own is given {', '.join(sorted(OWN_FACTS))}; got "
            f"{', '.join(sorted(unknown))}"
        )
    family = name if family is None else family
    if family in FAMILIES:
        raise ValueError(
            f"operations of the family {family!r} have their modules; ev.operation({name!r}, "
            f"{family!r}, window=...) makes one"
        )
    for stride in (1, 2):
        _check_shape(name, build, stride)
    weights = _terms(name, "weights", [(c, _weights(build, c)) for c in CHANNELS + PROBES])
    adds = [(c, _adds(build, c, SIDE), _adds(build, c, 2 * SIDE)) for c in CHANNELS + PROBES]
    pixels = SIDE * SIDE
    slopes = [(c, Fraction(b - a, 3 * pixels)) for c, a, b in adds]
    once = [(c, a - s * pixels) for (c, a, _), (_, s) in zip(adds, slopes, strict=True)]
    made = Operation(
        name,
        family,
        words=words,
        weights=weights,
        work=_terms(name, "multiply-adds for a pixel", slopes),
        work_once=_terms(name, "multiply-adds for an image", once),
        **facts,
    )
    BROUGHT[register(made).name] = build
    return made


def _made(build: Build, c: int, stride: int = 1) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        return build(c, stride, Fidelity()).eval()


def _check_shape(name: str, build: Build, stride: int) -> None:
    c, given = CHANNELS[0], torch.zeros(2, CHANNELS[0], SIDE + 1, SIDE)
    with torch.no_grad():
        made = _made(build, c, stride)(given)
    wanted = (2, c, -(-(SIDE + 1) // stride), SIDE // stride)
    if not isinstance(made, Tensor) or tuple(made.shape) != wanted:
        got = tuple(made.shape) if isinstance(made, Tensor) else shortened(made)
        raise ValueError(
            f"the module of {name!r} makes {got} of {tuple(given.shape)} at stride {stride}; "
            f"expected {wanted}"
        )


def _weights(build: Build, c: int) -> int:
    return sum(p.numel() for p in _made(build, c).parameters() if p.requires_grad)


def _adds(build: Build, c: int, side: int) -> int:
    """Multiply-adds of its convolutions and linear layers for one image."""
    module, total = _made(build, c), 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal total
        total += made[0].numel() * layer.weight[0].numel()

    with _watched(module, count), torch.no_grad():
        module(torch.zeros(1, c, side, side))
    return total


@contextmanager
def _watched(module: nn.Module, count: Callable[..., None]) -> Iterator[None]:
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _terms(name: str, what: str, points: Sequence[tuple[int, int | Fraction]]) -> Terms:
    """The polynomial of degree two through the first three points; the others must lie on it."""
    (x0, y0), (x1, y1), (x2, y2) = ((Fraction(x), Fraction(y)) for x, y in points[:3])
    first, second = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    square = (second - first) / (x2 - x0)
    linear = first - square * (x0 + x1)
    constant = y0 - square * x0 * x0 - linear * x0
    for c, wanted in points[3:]:
        if square * c * c + linear * c + constant != wanted:
            raise ValueError(
                f"the number of {what} of {name!r} is no polynomial of degree two in its channels: "
                + ", ".join(f"{y} at {x}" for x, y in points)
            )
    return (str(square), str(linear), str(constant))
