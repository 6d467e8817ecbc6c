"""What networks are built from: candidate operations, stem, factorized reduction, batch norm.

One name-to-constructor table per space: a new operation is one line in it. Weights start He-normal
(truncated at two standard deviations) with the fan-in that `fidelity.init_fan_in` names.

Source: authors' `general_child.py`, search-time composition: convolution, batch norm, ReLU.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import Fidelity

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
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            count = int(self.num_batches_tracked) + 1
            self.momentum = BN_MOMENTUM / (1 - (1 - BN_MOMENTUM) ** count)
        return super().forward(x)


class Conv(nn.Conv2d):
    """Convolution without bias, "same" padding at stride 1; its weight is set by `initialise`."""

    def __init__(self, c_in: int, c_out: int, size: int, groups: int = 1) -> None:
        with torch.device("meta"):  # no draw from the global generator
            super().__init__(c_in, c_out, size, padding=size // 2, groups=groups, bias=False)
        self.weight = nn.Parameter(torch.zeros(c_out, c_in // groups, size, size))


class ConvBranch(nn.Sequential):
    """1x1 convolution, then an f-by-f convolution, each with batch norm and ReLU."""

    def __init__(self, c: int, size: int, fidelity: Fidelity) -> None:
        super().__init__(
            Conv(c, c, 1),
            norm(c, fidelity),
            nn.ReLU(inplace=True),
            Conv(c, c, size),
            norm(c, fidelity, BN_EPS_MASKED),
            nn.ReLU(inplace=True),
        )


class SepBranch(nn.Sequential):
    """1x1 convolution, then depthwise f-by-f and pointwise with nothing between them."""

    def __init__(self, c: int, size: int, fidelity: Fidelity) -> None:
        super().__init__(
            Conv(c, c, 1),
            norm(c, fidelity),
            nn.ReLU(inplace=True),
            Conv(c, c, size, groups=c),
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


class PoolBranch(nn.Sequential):
    """1x1 convolution with batch norm and ReLU, then 3x3 pooling at stride 1, nothing after it.

    The average divides by the number of real pixels, as TensorFlow's "SAME" padding does.
    """

    def __init__(self, c: int, kind: str, fidelity: Fidelity) -> None:
        pool = (
            nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
            if kind == "avg"
            else MaxPool()
        )
        super().__init__(Conv(c, c, 1), norm(c, fidelity), nn.ReLU(inplace=True), pool)


MACRO_BRANCHES = {
    "conv3x3": lambda c, fidelity: ConvBranch(c, 3, fidelity),
    "sep3x3": lambda c, fidelity: SepBranch(c, 3, fidelity),
    "conv5x5": lambda c, fidelity: ConvBranch(c, 5, fidelity),
    "sep5x5": lambda c, fidelity: SepBranch(c, 5, fidelity),
    "avg3x3": lambda c, fidelity: PoolBranch(c, "avg", fidelity),
    "max3x3": lambda c, fidelity: PoolBranch(c, "max", fidelity),
}


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
    them along channels and brings them back to c by a 1x1 convolution, batch norm and ReLU (paper,
    article). The shared 1x1 kernel has one c-by-c slice per bit, and one for the layer itself.
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
        stacked = torch.cat([*(tensor for _, tensor in skips), own], 1)
        return F.relu(self.norm(F.conv2d(stacked, kernel[:, :, None, None])))


def initialise(net: nn.Module, rng: torch.Generator, fidelity: Fidelity) -> None:
    """Gives every weight of `net` its start: He-normal kernels; batch norm stays at (1, 0).

    `fidelity.init_fan_in="released"` counts all channels in a depthwise kernel's fan-in, as
    TensorFlow's initialiser does for its kernel layout; "true" counts the one that it reads.
    """
    for module in net.modules():
        if isinstance(module, Conv):
            c_in = module.weight.shape[1]
            if fidelity.init_fan_in == "released":
                c_in = module.in_channels
            _he_normal(module.weight, c_in * module.weight[0, 0].numel(), rng)
        elif isinstance(module, nn.Linear):
            _he_normal(module.weight, module.in_features, rng)
        elif isinstance(module, Merge) and module.slices is not None:
            _he_normal(module.slices, module.slices[:, 0].numel(), rng)


@torch.no_grad()
def _he_normal(weight: Tensor, fan_in: int, rng: torch.Generator) -> None:
    std = math.sqrt(2 / fan_in)
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=rng)
