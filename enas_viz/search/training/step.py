"""What training of shared weights and of single networks has in common.

The optimiser, its learning rate, one training step (of one minibatch, or of several that one or
more processes share), and accuracy. Source: authors' `utils.py` (`get_train_ops`): SGD with
Nesterov momentum, cosine with warm restarts, L2 on every weight; of several minibatches a step:
Pham et al. 2018, equation 1, where M architectures are averaged.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import Compute, Fidelity, TrainConfig
from enas_viz.search.nets.child import Child, Drops
from enas_viz.search.nets.ops import ZeroDebiasedBatchNorm
from enas_viz.search.nets.supernet import Supernet
from enas_viz.search.training.data import Data, Split
from enas_viz.search.training.ranks import Ranks, Stopped
from enas_viz.spaces import Architecture

READ_EVERY = 50  # steps between two looks at the losses, which wait for the device
LARGEST_WEIGHT = 1e18  # the square of a larger one is beyond single precision
CLIP_NORM = 5.0  # fidelity.clip = "global5"


class NonFiniteLoss(ArithmeticError):
    """The training loss, or a weight, became infinite or not a number; the message says where."""


def check_weights(net: nn.Module, when: str, config: TrainConfig) -> None:
    """Raises NonFiniteLoss when `when`, e.g. "epoch 3", left weights that cannot be computed with.

    Those are infinite, not a number, or so large that their squares are. After the last step no
    loss would show it, and a network of such weights still answers.
    """
    named = [*net.named_parameters(), *net.named_buffers()]
    named = [(name, value.detach()) for name, value in named if value.is_floating_point()]
    sane = torch.stack([(value.abs() < LARGEST_WEIGHT).all() for _, value in named]).tolist()
    if not all(sane):
        raise NonFiniteLoss(
            f"{when} left weights or averages that are not finite or beyond {LARGEST_WEIGHT:g}, "
            f"{named[sane.index(False)][0]} among them; {remedy(config)}"
        )


def remedy(config: TrainConfig) -> str:
    """What may help against a loss that is not finite."""
    highest = "lr_max" if config.lr_max >= config.lr_min else "lr_min"
    also = f"; train.l2 is {config.l2}, too" if config.l2 > 1 else ""
    return f"a lower train.{highest} (now {getattr(config, highest)}) may help{also}"


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """The rate of an epoch (from 0): cosine from lr_max to lr_min, restarting with longer periods.

    Constant within an epoch. Restarts at epochs 10, 30, 70, 150, ... for the default period of 10
    and factor of 2; a run that ends with a period ends a little above lr_min.
    """
    at, period = _place(config, epoch)
    return _cosine(config, at / period)


def first_step_rate(config: TrainConfig, fidelity: Fidelity, epoch: int) -> float:
    """The rate of an epoch's first step.

    It differs only under `fidelity.restart_step="mid_rate"`: the released code divides the old
    position by the new period once, which gives the middle rate on the first step of a restart.
    """
    at, period = _place(config, epoch)
    if fidelity.restart_step == "mid_rate" and at == 0 and epoch > 0:
        return _cosine(config, (period / config.restart_factor) / period)
    return _cosine(config, at / period)


def _place(config: TrainConfig, epoch: int) -> tuple[int, int]:
    """(epochs since the last restart, length of the present period)."""
    period, start = config.restart_period, 0
    while epoch - start >= period:
        start += period
        period *= config.restart_factor
    return epoch - start, period


def _cosine(config: TrainConfig, share: float) -> float:
    return config.lr_min + (config.lr_max - config.lr_min) / 2 * (1 + math.cos(math.pi * share))


def make_optimiser(net: nn.Module, config: TrainConfig) -> torch.optim.SGD:
    """SGD with Nesterov momentum over all weights.

    The L2 term is l2 * sum(w^2) without one half, so PyTorch's weight decay is twice the value.
    """
    return torch.optim.SGD(
        net.parameters(),
        lr=config.lr_max,
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        weight_decay=2 * config.l2,
    )


def train_step(
    net: Supernet | Child,
    optimiser: torch.optim.SGD,
    architecture: Architecture,
    images: Tensor,
    labels: Tensor,
    rate: float,
    fidelity: Fidelity,
    compute: Compute,
    drop: Tensor | Drops | None = None,
) -> tuple[Tensor, Tensor]:
    """One minibatch: (mean cross-entropy in nats, count of right answers), both on the device.

    Both are of the network's own classifier; an auxiliary head's loss only joins the gradient.
    Nothing is read back to the host. `fidelity.idle_weights="decay"` lets L2 and momentum move
    the weights that the sampled path left out; "still" leaves them alone.
    """

    def run(_: int) -> tuple[Tensor, Tensor]:
        return backward(net, architecture, images, labels, compute, drop)

    (loss,), (right,) = averaged_step(net, optimiser, run, 1, rate, fidelity)
    return loss, right


def backward(
    net: Supernet | Child,
    architecture: Architecture,
    images: Tensor,
    labels: Tensor,
    compute: Compute,
    drop: Tensor | Drops | None = None,
) -> tuple[Tensor, Tensor]:
    """Adds the gradient of one minibatch to `net`; (mean cross-entropy, count of right answers)."""
    with autocast(images.device, compute):
        logits, auxiliary = net.forward_train(images, architecture, drop)
    loss = F.cross_entropy(logits.float(), labels)
    total = loss
    if auxiliary is not None:
        total = loss + net.auxiliary_weight * F.cross_entropy(auxiliary.float(), labels)
    total.backward()
    return loss.detach(), (logits.detach().argmax(1) == labels).sum()


def averaged_step(
    net: nn.Module,
    optimiser: torch.optim.SGD,
    run: Callable[[int], tuple[Tensor, Tensor]],
    minibatches: int,
    rate: float,
    fidelity: Fidelity,
    ranks: Ranks | None = None,
) -> tuple[Tensor, Tensor]:
    """One step down the mean gradient of so many minibatches, which the processes share.

    run(m): forward and backward of minibatch m, which adds to the gradients of `net`; it gives
    scalars (loss, count of right answers) on the device. Returns both for all minibatches,
    (minibatches,) float32 each. A weight that no minibatch used has no gradient; of the others it
    is the sum over those that used it, divided by `minibatches`. Moving statistics become the
    mean of what each minibatch makes of those before the step, however many processes there are.
    Raises Stopped, with `net` as it was, when a process is leaving, RankLost when one is gone.
    """
    optimiser.zero_grad(set_to_none=True)
    if minibatches == 1:
        loss, right = run(0)
        losses, rights = loss[None], right[None]
    else:
        losses, rights = _accumulate(net, run, minibatches, ranks or Ranks())
    if fidelity.idle_weights == "decay":
        for weight in net.parameters():
            if weight.grad is None and weight.requires_grad:
                weight.grad = torch.zeros_like(weight)
    if fidelity.clip == "global5":
        nn.utils.clip_grad_norm_(net.parameters(), CLIP_NORM)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return losses, rights


def _accumulate(
    net: nn.Module,
    run: Callable[[int], tuple[Tensor, Tensor]],
    minibatches: int,
    ranks: Ranks,
) -> tuple[Tensor, Tensor]:
    """Leaves mean gradients and mean moving statistics in `net`; (losses, counts of right ones)."""
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    buffers = _Buffers(net)
    before, counters = buffers.read()
    norms = [module for module in net.modules() if isinstance(module, ZeroDebiasedBatchNorm)]
    counted_before = [norm.updates for norm in norms]
    advanced = [0] * len(norms)
    averages = torch.zeros_like(before)
    # a row for each minibatch: its loss, its right answers, by how much it advanced each counter
    rows = torch.zeros(minibatches, 2 + len(counters), device=before.device)
    try:
        for m in ranks.mine(minibatches):
            buffers.write(before, counters)
            for norm, count in zip(norms, counted_before, strict=True):
                norm.updates = count
            rows[m, 0], rows[m, 1] = run(m)
            done = (n.updates - was for n, was in zip(norms, counted_before, strict=True))
            advanced = [max(pair) for pair in zip(advanced, done, strict=True)]
            found, counted = buffers.read()
            averages += found
            rows[m, 2:] = counted - counters
        averages, rows = _exchange(weights, averages, rows, ranks)
    except BaseException:
        buffers.write(before, counters)  # a step that was not finished leaves no trace
        raise
    for weight in weights:
        if weight.grad is not None:
            weight.grad /= minibatches
    buffers.write(averages / minibatches, counters + rows[:, 2:].amax(0).to(counters.dtype))
    if ranks.size == 1:  # of several, each knows only what it did itself
        for norm, was, by in zip(norms, counted_before, advanced, strict=True):
            norm.updates = was + by
    return rows[:, 0], rows[:, 1]


def _exchange(
    weights: list[nn.Parameter], averages: Tensor, rows: Tensor, ranks: Ranks
) -> tuple[Tensor, Tensor]:
    """Adds up gradients, averages and rows over the processes, in one flat tensor."""
    if ranks.size == 1:
        return averages, rows
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    flags = torch.tensor([*(float(w.grad is not None) for w in weights), float(ranks.leaving)])
    parts = [*gradients, averages, rows, flags.to(rows.device)]
    sizes = [part.numel() for part in parts]
    flat = ranks.sum(torch.cat([part.flatten() for part in parts]))
    *gradients, averages, sums, flags = flat.split(sizes)
    *used, stop = flags.tolist()  # the one look at the device within a step
    if stop:
        raise Stopped
    for weight, gradient, is_used in zip(weights, gradients, used, strict=True):
        if is_used:  # in the weight's own memory format
            weight.grad = torch.empty_like(weight).copy_(gradient.view(weight.shape))
    return averages, sums.view(rows.shape)


class _Buffers:
    """The moving statistics of a network as one vector, its counters of minibatches as another."""

    def __init__(self, net: nn.Module) -> None:
        found = list(net.buffers())
        self.averages = [b for b in found if b.is_floating_point()]
        self.counters = [b for b in found if not b.is_floating_point()]
        self.device = next(net.parameters()).device

    def read(self) -> tuple[Tensor, Tensor]:
        """(averages, counters), copied."""
        none = torch.zeros(0, device=self.device)
        averages = torch.cat([none, *(b.flatten() for b in self.averages)])
        return averages, torch.stack(self.counters) if self.counters else none.long()

    @torch.no_grad()
    def write(self, averages: Tensor, counters: Tensor) -> None:
        sizes = [b.numel() for b in self.averages]
        for buffer, value in zip(self.averages, averages.split(sizes), strict=True):
            buffer.copy_(value.view(buffer.shape))
        for buffer, value in zip(self.counters, counters, strict=True):
            buffer.copy_(value)


@torch.no_grad()
def right_answers(
    net: nn.Module,
    architecture: Architecture,
    data: Data,
    split: Split,
    compute: Compute,
    size: int,
) -> Tensor:
    """(N,) bool: which images of a split `net`, wired as `architecture`, classifies rightly.

    In minibatches of `size`; whether batch norm looks at them is up to the net's mode. An image
    that would be left alone joins the minibatch before, since it has no batch to be compared with.
    """
    found, starts = [], list(range(0, len(split), size))
    if len(starts) > 1 and len(split) % size == 1:
        starts.pop()
    for at, end in zip(starts, [*starts[1:], len(split)], strict=True):
        images, labels = split.images[at:end], split.labels[at:end]
        with autocast(images.device, compute):
            logits = net(data.normalise(images), architecture)
        found.append(logits.argmax(1) == labels)
    return torch.cat(found)


@torch.inference_mode()
def count_right(
    net: nn.Module,
    architecture: Architecture,
    images: Tensor,
    labels: Tensor,
    compute: Compute,
    drop: Tensor | None = None,
) -> Tensor:
    """How many of `images` (B, C, H, W) `net` classifies rightly when wired as `architecture`."""
    with autocast(images.device, compute):
        logits = net(images, architecture, drop)
    return (logits.argmax(1) == labels).sum()


def count_right_each(
    net: nn.Module,
    architectures: Sequence[Architecture],
    images: Tensor,
    labels: Tensor,
    compute: Compute,
    drops: Sequence[Tensor | None] | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """(index, count of right answers) of every architecture on the same images.

    In the order of `forward_each`, which computes once what the architectures have in common.
    """
    found = net.forward_each(images, architectures, drops)
    while True:
        with autocast(images.device, compute):  # never held open while the caller has the turn
            made = next(found, None)
        if made is None:
            return
        yield made[0], (made[1].argmax(1) == labels).sum()


@torch.no_grad()
def refit_batch_norm(net: nn.Module, architecture: Architecture, batches: Iterable[Tensor]) -> None:
    """Sets moving statistics to those of `architecture` alone, the mean over training batches."""
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d) and m.track_running_stats]
    was = [m.momentum for m in norms]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
    net.train()
    for images in batches:
        net(images, architecture)
    for module, momentum in zip(norms, was, strict=True):
        module.momentum = momentum


@contextlib.contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the former mode afterwards."""
    was = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(was)


def autocast(device: torch.device, compute: Compute) -> contextlib.AbstractContextManager:
    """bfloat16 where the recipe wants it (see `uses_bfloat16`)."""
    if uses_bfloat16(device, compute):
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def uses_bfloat16(device: torch.device, compute: Compute) -> bool:
    """Whether networks compute in bfloat16: when the recipe says so; "auto": on CUDA only."""
    if compute.precision == "auto":
        return device.type == "cuda"
    return compute.precision == "bfloat16"


# ---------------------------------------------------------------- saving and going on


def optimiser_tensors(
    name: str, net: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """The state of an optimiser, as `restore_optimiser` reads it back."""
    return {
        f"{name}.{key}.{weight_name}": value
        for weight_name, weight in net.named_parameters()
        for key, value in optimiser.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(
    name: str,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    tensors: dict[str, Tensor],
) -> None:
    """Gives an optimiser the state that `optimiser_tensors` found."""
    weights = dict(net.named_parameters())
    optimiser.state.clear()
    for key, value in within(f"{name}.", tensors).items():
        field_name, weight_name = key.split(".", 1)
        weight = weights[weight_name]
        kept = value.clone() if field_name == "step" else torch.empty_like(weight).copy_(value)
        optimiser.state[weight][field_name] = kept


def within(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, under the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
