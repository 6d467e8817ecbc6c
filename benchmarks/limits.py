"""The least time that a path through a supernet can take on this machine.

Work is counted on shapes alone (PyTorch's "meta" device), forward: multiply-adds as two operations
each, and bytes. The model: every convolution, batch norm, pool, sum, mean and linear layer reads
its inputs and writes its output once; ReLU, padding, joining and views are free, since they can be
done while something else is read or written. What several operations share is counted once when the
supernet computes it once. Backward is twice the forward, in both. The limit is the larger of
(operations over the fastest dense rate) and (bytes over the rate of a copy). Whoever fuses two of
the operations above can beat it; updating the weights is left out.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from enas_viz.spaces import Architecture

FORWARD, TRAINING = 1, 3  # passes over the work: forward; forward, and backward as two

aten = torch.ops.aten
MOVING = {
    *(aten.convolution, aten.mm, aten.native_batch_norm, aten.add, aten.add_, aten.mean),
    *(aten.avg_pool2d, aten.max_pool2d_with_indices),
}


@dataclass(frozen=True)
class Work:
    """Of one forward pass."""

    flops: int
    bytes: int


@dataclass(frozen=True)
class Rates:
    """What the machine was measured to do, per CPU-second."""

    flops: float
    bytes: float

    def limit(self, work: Work, passes: int) -> tuple[float, str]:
        """The least CPU-seconds of `passes` times `work`, and what bounds them."""
        bounds = {"operations": work.flops / self.flops, "bytes": work.bytes / self.bytes}
        which = max(bounds, key=bounds.get)
        return passes * bounds[which], which


class Moved(TorchDispatchMode):
    """Sums the bytes of the float tensors that operations in MOVING read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func.overloadpacket in MOVING:
            tensors = [t for t in tree_leaves((args, kwargs, made)) if isinstance(t, Tensor)]
            self.bytes += sum(t.nbytes for t in tensors if t.is_floating_point())
        return made


@torch.no_grad()
def work_of(net: nn.Module, paths: list[Architecture], images: Tensor) -> list[Work]:
    """The work of every path on a batch shaped like `images` (B, C, H, W), auxiliary head included.

    Nothing is computed. A factorized reduction counts as the one 1x1 convolution that it is here,
    half of whose kernel is zero.
    """
    shapes, nothing = copy.deepcopy(net).to("meta"), images.to("meta")
    found = []
    for path in paths:
        with FlopCounterMode(display=False) as counter, Moved() as moved:
            shapes.forward_train(nothing, path)
        found.append(Work(counter.get_total_flops(), moved.bytes))
    return found
