"""What networks are built from: candidate operations, stem, factorized reduction, batch norm.

What an operation is follows from its family and window (`spaces/operations.py`); one of a family
that nobody gave a module is refused. Weights start He-normal (truncated at two standard deviations)
with the fan-in that `fidelity.init_fan_in` names.

Source: authors' `general_child.py` (macro search: convolution, batch norm, ReLU) and
`micro_child.py` (cells: ReLU, convolution, batch norm).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import AUXILIARY_WINDOW, Fidelity
from enas_viz.spaces.operations import Operation

BN_EPS = 1e-5
BN_EPS_MASKED = 1e-3  # the second batch norm of a convolution branch has its own in the source
BN_MOMENTUM = 0.1  # the source's decay of 0.9


def norm(channels: int, fidelity: Fidelity, eps: float = BN_EPS) -> nn.BatchNorm2d:
    """Batch norm as `fidelity.reward_bn` needs it.

    "batch": only the batch's own statistics, in training and out of it, so no buffers are kept.
    "moving", "refit": moving statistics are kept while training and used in evaluation.
    """
    if fidelity.reward_bn == "batch":
        return nn.BatchNorm2d(channels, eps=eps, track_running_stats=False)
    if fidelity.bn_average == "zero_debiased" and eps == BN_EPS:
        return ZeroDebiasedBatchNorm(channels, eps=eps)
    return nn.BatchNorm2d(channels, eps=eps, momentum=BN_MOMENTUM)


class ZeroDebiasedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose moving averages are TensorFlow's zero-debiased ones.

    The average starts at 0 and is divided by 1 - decay^t, so after one update it equals the first
    batch's statistics. That is the ordinary update with momentum (1 - decay) / (1 - decay^t).
    t is counted here, and read from the device only when somebody else has written to its counter:
    such a read waits for all that the device is still computing.
    """

    _known: tuple[Tensor, int, int] | None = None  # the counter, its version, its value

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.momentum is None:  # None: refitted, the plain mean
            return super().forward(x)
        count = self.updates + 1
        self.momentum = BN_MOMENTUM / (1 - (1 - BN_MOMENTUM) ** count)
        made = super().forward(x)  # it counts, too
        self.updates = count
        return made

    @property
    def updates(self) -> int:
        """What the counter says: how many minibatches the averages have seen.

        Setting it spares the next read, for who wrote that very number into the counter.
        """
        counter = self.num_batches_tracked
        if self._known is not None:
            known, version, count = self._known
            if known is counter and version == counter._version:
                return count
        return int(counter)

    @updates.setter
    def updates(self, count: int) -> None:
        self._known = (self.num_batches_tracked, self.num_batches_tracked._version, count)


class Padding(NamedTuple):
    """Pixels added before and after each axis, so that a window fits as TensorFlow's "SAME" does.

    The output has ceil(size / stride) pixels. Where an odd number is to be added, TensorFlow puts
    the greater half after: 0 and 1 for a 3x3 window at stride 2 on an even side. PyTorch's own
    padding is symmetric and would read other pixels.
    """

    left: int
    right: int
    top: int
    bottom: int

    @classmethod
    def same(cls, x: Tensor, window: int, stride: int = 1) -> Padding:
        """The padding of `x` (B, C, H, W) for a window of window by window pixels."""
        found: list[int] = []
        for size in (x.shape[-1], x.shape[-2]):
            missing = max((-(-size // stride) - 1) * stride + window - size, 0)
            found += [missing // 2, missing - missing // 2]
        return cls(*found)

    @property
    def symmetric(self) -> bool:
        return self.left == self.right and self.top == self.bottom

    def around(self, x: Tensor, value: float = 0.0) -> Tensor:
        return F.pad(x, self, value=value) if any(self) else x


class Conv(nn.Conv2d):
    """Convolution without bias, padded as TensorFlow's "SAME"; weights come from `initialise`."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        size: int,
        groups: int = 1,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        with torch.device("meta"):  # no draw from the global generator
            super().__init__(
                c_in, c_out, size, stride, dilation=dilation, groups=groups, bias=False
            )
        self.weight = nn.Parameter(torch.zeros(c_out, c_in // groups, size, size))

    def forward(self, x: Tensor) -> Tensor:
        wide = self.dilation[0] * (self.kernel_size[0] - 1) + 1  # pixels that the window spans
        pad = Padding.same(x, wide, self.stride[0])
        if pad.symmetric:  # the convolution pads by itself, without a copy
            around, x = (pad.top, pad.left), x
        else:
            around, x = (0, 0), pad.around(x)
        return F.conv2d(x, self.weight, None, self.stride, around, self.dilation, self.groups)


class ConvBranch(nn.Sequential):
    """1x1 convolution, then an f-by-f convolution, each with batch norm and ReLU."""

    def __init__(self, c: int, op: Operation, fidelity: Fidelity) -> None:
        super().__init__(
            Conv(c, c, 1),
            norm(c, fidelity),
            nn.ReLU(inplace=True),
            Conv(c, c, op.window, dilation=op.dilation),
            norm(c, fidelity, BN_EPS_MASKED),
            nn.ReLU(inplace=True),
        )


class SepBranch(nn.Sequential):
    """1x1 convolution, then depthwise f-by-f and pointwise with nothing between them."""

    def __init__(self, c: int, op: Operation, fidelity: Fidelity) -> None:
        super().__init__(
            Conv(c, c, 1),
            norm(c, fidelity),
            nn.ReLU(inplace=True),
            Conv(c, c, op.window, groups=c, dilation=op.dilation),
            Conv(c, c, 1),
            norm(c, fidelity, BN_EPS_MASKED),
            nn.ReLU(inplace=True),
        )


class MaxPool(nn.MaxPool2d):
    """3x3 max pooling at stride 1.

    Where no gradient is wanted on a CPU, as four element-wise maxima of shifted rows and columns:
    the same values in less than half the time, since nobody asks where the maximum was.
    """

    def __init__(self) -> None:
        super().__init__(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x.device.type != "cpu":
            return super().forward(x)
        for axis in (-1, -2):
            size, wider = x.shape[axis], x.clone()
            for start, other in ((1, 0), (0, 1)):  # of the target, of what it is compared with
                into = wider.narrow(axis, start, size - 1)
                torch.maximum(into, x.narrow(axis, other, size - 1), out=into)
            x = wider
        return x


class _WindowMean(torch.autograd.Function):
    """3x3 average pooling at stride 1 as a depthwise convolution with ones, over real pixels only.

    The same numbers to float rounding in half the time of `avg_pool2d` on a CPU, forward and
    backward. The window is symmetric, so a gradient is spread by the same convolution.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ones = x.new_ones(x.shape[1], 1, 3, 3)
        inside = x.new_ones(1, 1, *x.shape[2:])
        share = 1 / F.conv2d(inside, ones[:1], padding=1).float()  # of a window's real pixels
        ctx.save_for_backward(share)
        return F.conv2d(x, ones, padding=1, groups=x.shape[1]).mul_(share)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (share,) = ctx.saved_tensors
        ones = gradient.new_ones(gradient.shape[1], 1, 3, 3)
        spread = (gradient * share).to(gradient.dtype)  # autocast may have made it bfloat16
        return F.conv2d(spread, ones, padding=1, groups=gradient.shape[1])


class AvgPool(nn.Module):
    """3x3 average pooling at stride 1, over real pixels only, as TensorFlow's "SAME" padding."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            return _WindowMean.apply(x)
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _Join(torch.autograd.Function):
    """Concatenation along channels whose gradients are dense.

    Those of `torch.cat` are strided views, on which batch norm's backward takes ten times as long:
    a fifth of a micro training step on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> Tensor:
        ctx.widths = [x.shape[1] for x in tensors]
        return torch.cat(tensors, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        last = gradient.is_contiguous(memory_format=torch.channels_last)
        form = torch.channels_last if last else torch.contiguous_format
        return tuple(g.contiguous(memory_format=form) for g in gradient.split(ctx.widths, 1))


def join(tensors: Sequence[Tensor]) -> Tensor:
    """(B, c1, H, W), (B, c2, H, W), ... side by side: (B, c1 + c2 + ..., H, W)."""
    return _Join.apply(*tensors) if torch.is_grad_enabled() else torch.cat(tensors, 1)


class Pool(nn.Module):
    """Average or maximum over the window of an operation, at stride 1."""

    def __init__(self, op: Operation) -> None:
        super().__init__()
        self.op = op

    def forward(self, x: Tensor) -> Tensor:
        return pool(x, self.op)


class PoolBranch(nn.Sequential):
    """1x1 convolution with batch norm and ReLU, then pooling at stride 1, nothing after it.

    The average divides by the number of real pixels, as TensorFlow's "SAME" padding does.
    """

    def __init__(self, c: int, op: Operation, fidelity: Fidelity) -> None:
        super().__init__(Conv(c, c, 1), norm(c, fidelity), nn.ReLU(inplace=True), Pool(op))


def macro_branch(op: Operation, c: int, fidelity: Fidelity) -> nn.Sequential:
    """What a layer of the macro supernet computes with `op`, for c channels."""
    if op.pools:
        return PoolBranch(c, op, fidelity)
    if op.family == "conv":
        return ConvBranch(c, op, fidelity)
    if op.family == "sep":
        return SepBranch(c, op, fidelity)
    return nn.Sequential(
        Conv(c, c, 1), norm(c, fidelity), nn.ReLU(inplace=True), brought(op, c, fidelity)
    )


class Stem(nn.Sequential):
    """3x3 convolution from the image's channels, batch norm, no ReLU."""

    def __init__(self, image_channels: int, c: int, fidelity: Fidelity) -> None:
        super().__init__(Conv(image_channels, c, 3), norm(c, fidelity))


class FactorizedReduction(nn.Module):
    """Halves height and width: two 1x1 convolutions on shifted grids, joined, batch norm.

    The first reads even pixels, the second odd ones (zero beyond the edge). Both grids are laid
    side by side as channels and pass one 1x1 convolution whose kernel is block-diagonal: the same
    sums, a fifth faster forward and backward on a CPU than two strided convolutions.
    """

    def __init__(self, c_in: int, c_out: int, fidelity: Fidelity) -> None:
        super().__init__()
        self.even = Conv(c_in, c_out // 2, 1)
        self.odd = Conv(c_in, c_out // 2, 1)
        self.norm = norm(c_out, fidelity)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if height % 2 or width % 2:
            x = F.pad(x, (0, width % 2, 0, height % 2))
        rows = x.permute(0, 2, 3, 1)  # so that the gradients of the slices are channels_last, too
        grids = torch.cat([rows[:, ::2, ::2], rows[:, 1::2, 1::2]], -1)  # (B, H/2, W/2, 2 c_in)
        kernel = torch.block_diag(self.even.weight[:, :, 0, 0], self.odd.weight[:, :, 0, 0])
        return self.norm(F.conv2d(grids.permute(0, 3, 1, 2), kernel[:, :, None, None]))


class Merge(nn.Module):
    """Joins a layer's own result with the tensors that skip into it.

    `fidelity.skip_merge_search`: "add" sums them and normalises (authors' code); "concat" stacks
    them along channels and brings them back to c by a 1x1 convolution, batch norm and ReLU
    (article). The shared 1x1 kernel has one c-by-c slice per bit, and one for the layer itself.
    """

    def __init__(self, c: int, bits: int, fidelity: Fidelity) -> None:
        super().__init__()
        self.norm = norm(c, fidelity)
        self.slices = None
        if fidelity.skip_merge_search == "concat":
            self.slices = nn.Parameter(torch.zeros(bits + 1, c, c))  # (slot, c_out, c_in)

    def forward(self, own: Tensor, skips: list[tuple[int, Tensor]]) -> Tensor:
        """own: (B, c, H, W). skips: (number of the bit, tensor of the same shape) pairs."""
        if self.slices is None:
            # Only what came before is needed for gradients: the first sum makes a new tensor, and
            # the later ones may add to it in place.
            fresh = not torch.is_grad_enabled()
            for _, tensor in skips:
                own = own.add_(tensor) if fresh else own + tensor
                fresh = True
            return self.norm(own)
        chosen = [*(bit for bit, _ in skips), len(self.slices) - 1]
        kernel = torch.cat([self.slices[slot] for slot in chosen], 1)  # (c, len(chosen) * c)
        stacked = join([*(tensor for _, tensor in skips), own])
        return F.relu(self.norm(F.conv2d(stacked, kernel[:, :, None, None])))


class InputMerge(nn.Module):
    """Makes the input of a layer out of the tensors that it chose (paper).

    Concatenated along channels, they come back to c by a 1x1 convolution, batch norm and ReLU. The
    kernel has one c-by-c slice per bit, shared by all architectures that choose that skip. A tensor
    alone needs no merging: the paper has the convolution where there are several.
    """

    def __init__(self, c: int, bits: int, fidelity: Fidelity) -> None:
        super().__init__()
        self.norm = norm(c, fidelity)
        self.slices = nn.Parameter(torch.zeros(bits, c, c))  # (bit, c_out, c_in)

    def forward(self, skips: list[tuple[int, Tensor]]) -> Tensor:
        """skips: two or more (number of the bit, tensor (B, c, H, W)) pairs."""
        kernel = torch.cat([self.slices[bit] for bit, _ in skips], 1)  # (c, len(skips) * c)
        stacked = join([tensor for _, tensor in skips])
        return F.relu(self.norm(F.conv2d(stacked, kernel[:, :, None, None])))


class SepConv(nn.Module):
    """A cell's separable convolution: depthwise and pointwise, batch norm, twice or once.

    A ReLU stands before each. The first is the caller's: it rectifies a tensor once for all nodes
    that read it. The first application carries the stride.
    """

    def __init__(self, c: int, op: Operation, fidelity: Fidelity, stride: int = 1) -> None:
        super().__init__()
        self.stack = nn.ModuleList(
            nn.Sequential(
                Conv(
                    c,
                    c,
                    op.window,
                    groups=c,
                    stride=1 if k else stride,
                    dilation=op.dilation,
                ),
                Conv(c, c, 1),
                norm(c, fidelity),
            )
            for k in range(fidelity.sep_conv_stack if op.stacks else 1)
        )

    def forward(self, rectified: Tensor) -> Tensor:
        x = rectified
        for k, module in enumerate(self.stack):
            x = module(F.relu_(x) if k else x)
        return x


_USUAL = {"avg": AvgPool(), "max": MaxPool()}  # 3x3 at stride 1, no weights


def pool(x: Tensor, op: Operation, stride: int = 1) -> Tensor:
    """Average or max pooling with "SAME" padding; padding counts in neither."""
    size = op.window
    if stride == 1 and size == 3:
        return _USUAL[op.pools](x)
    pad = Padding.same(x, size, stride)
    if op.pools == "max":
        return F.max_pool2d(pad.around(x, -math.inf), size, stride)
    if pad.symmetric and pad.top == pad.left:
        return F.avg_pool2d(x, size, stride, pad.top, count_include_pad=False)
    real = F.avg_pool2d(pad.around(torch.ones_like(x[:1, :1])), size, stride)
    return F.avg_pool2d(pad.around(x), size, stride) / real


def cell_module(op: Operation, c: int, fidelity: Fidelity, stride: int) -> nn.Module | None:
    """The weights of an operation of a cell; None for one that has none at this stride.

    At stride 2, as on the inputs of a strided reduction cell, an identity is a factorized
    reduction.
    """
    if op.pools:
        return None
    if op.family == "identity":
        return FactorizedReduction(c, c, fidelity) if stride == 2 else None
    if op.family == "sep":
        return SepConv(c, op, fidelity, stride)
    if op.family == "conv":
        kernel = Conv(c, c, op.window, stride=stride, dilation=op.dilation)
        return nn.Sequential(kernel, norm(c, fidelity))
    return brought(op, c, fidelity, stride)


# Modules for operations of a user's own families, by the operation's name: of (channels, stride,
# fidelity), from (B, C, H, W) to the same shape, with half of the height and width at stride 2.
Build = Callable[[int, int, Fidelity], nn.Module]
BROUGHT: dict[str, Build] = {}


def brought(op: Operation, c: int, fidelity: Fidelity, stride: int = 1) -> nn.Module:
    """The module of an operation of a user's own; its draws leave the global generator alone.

    ValueError for one that has no module in this process.
    """
    if op not in BROUGHT:
        raise ValueError(
            f"the operation {str(op)!r} of the family {op.family!r} has no module here, so no "
            f"network can be built with it; give it one by search.operation({str(op)!r}, ...)"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BROUGHT[op](c, stride, fidelity)


class Fit(nn.Sequential):
    """Brings one input of a cell to the cell's width: ReLU, 1x1 convolution, batch norm."""

    def __init__(self, c_in: int, c_out: int, fidelity: Fidelity) -> None:
        super().__init__(nn.ReLU(), Conv(c_in, c_out, 1), norm(c_out, fidelity))


class FitHalved(nn.Sequential):
    """Brings one input of a cell to its width and to half of its own height: ReLU, reduction."""

    def __init__(self, c_in: int, c_out: int, fidelity: Fidelity) -> None:
        super().__init__(nn.ReLU(), FactorizedReduction(c_in, c_out, fidelity))


def fit(given: tuple[int, int], c: int, halvings: int, fidelity: Fidelity) -> nn.Module | None:
    """What brings a tensor to c channels and so many halvings; None where it fits already.

    given: the tensor's channels, and how often its height was halved.
    """
    channels, halved = given
    if halved < halvings:
        return FitHalved(channels, c, fidelity)
    return Fit(channels, c, fidelity) if channels != c else None


class CellOutput(nn.Module):
    """Joins a cell's loose ends: ReLU, 1x1 convolution back to c channels, batch norm.

    The kernel has one c-by-c slice per tensor of the cell; those of the loose ends are used.
    """

    def __init__(self, c: int, tensors: int, fidelity: Fidelity) -> None:
        super().__init__()
        self.slices = nn.Parameter(torch.zeros(tensors, c, c))  # (tensor, c_out, c_in)
        self.norm = norm(c, fidelity)

    def forward(self, loose: dict[int, Tensor]) -> Tensor:
        """loose: the loose ends (B, c, H, W) by their number in the cell."""
        kernel = torch.cat([self.slices[slot] for slot in loose], 1)  # (c, len(loose) * c)
        joined = F.relu_(join(list(loose.values())))
        return self.norm(F.conv2d(joined, kernel[:, :, None, None]))


class AuxiliaryHead(nn.Sequential):
    """A second classifier on an inner map of at least 5x5 pixels, whose loss helps training.

    ReLU, 5x5 average pool at stride 3, 1x1 convolution to 128 and 2x2 to 768 channels, each with
    batch norm and ReLU, mean over the map, linear. `fidelity.aux_head="frozen"` leaves its weights
    at their random start, as the released code does: it only passes gradients on.
    """

    def __init__(self, c: int, classes: int, fidelity: Fidelity) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(AUXILIARY_WINDOW, stride=3),
            Conv(c, 128, 1),
            norm(128, fidelity),
            nn.ReLU(inplace=True),
            Conv(128, 768, 2),
            norm(768, fidelity),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            classifier(768, classes),
        )
        if fidelity.aux_head == "frozen":
            self.requires_grad_(False)


def classifier(features: int, classes: int) -> nn.Linear:
    """A linear layer without bias; its weight is set by `initialise`."""
    with torch.device("meta"):
        made = nn.Linear(features, classes, bias=False)
    made.weight = nn.Parameter(torch.zeros(classes, features))
    return made


def in_memory_format(net: nn.Module, channels_last: bool) -> nn.Module:
    """`net` with its kernels in the memory format that a recipe asks for.

    Whatever the format, `net.state_dict()` holds contiguous tensors, since safetensors saves no
    others. Those of a kernel in channels_last order are copies: to change weights, use
    `load_state_dict` or `parameters`.
    """
    if not channels_last:
        return net
    net.register_state_dict_post_hook(_contiguous)
    return net.to(memory_format=torch.channels_last)


def _contiguous(_net: nn.Module, tensors: dict[str, Tensor], prefix: str, _metadata: Any) -> None:
    """Makes the tensors of a `state_dict` contiguous; parameters that keep_vars asks for stay."""
    for name, tensor in tensors.items():
        if name.startswith(prefix) and not isinstance(tensor, nn.Parameter):
            tensors[name] = tensor.contiguous()


def initialise(net: nn.Module, rng: torch.Generator, fidelity: Fidelity) -> None:
    """Gives every weight of `net` its start: He-normal kernels; batch norm stays at (1, 0).

    `fidelity.init_fan_in="released"` is what TensorFlow's initialiser makes of its layouts: all
    channels for a depthwise kernel, and for the weights of a cell, stored as one row for each
    source, the number of sources (`stacked_fan_in` of the module). "true" counts what is read.
    """
    released = fidelity.init_fan_in == "released"
    for module in net.modules():
        stacked = getattr(module, "stacked_fan_in", 0) if released else 0
        if isinstance(module, Conv):
            c_in = module.in_channels if released else module.weight.shape[1]
            _he_normal(module.weight, stacked or c_in * module.weight[0, 0].numel(), rng)
        elif isinstance(module, nn.Linear | nn.Conv2d):  # a classifier, or inside a user's module
            _he_normal(module.weight, module.weight[0].numel(), rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Merge | InputMerge | CellOutput) and module.slices is not None:
            _he_normal(module.slices, stacked or module.slices[:, 0].numel(), rng)


@torch.no_grad()
def _he_normal(weight: Tensor, fan_in: int, rng: torch.Generator) -> None:
    std = math.sqrt(2 / fan_in)
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=rng)
