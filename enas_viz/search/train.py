"""What training of shared weights and of single networks has in common.

The optimiser, its learning rate, one training step, and accuracy. Source: authors' `utils.py`
(`get_train_ops`): SGD with Nesterov momentum, cosine with warm restarts, L2 on every weight.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import Compute, Fidelity, TrainConfig
from enas_viz.search.supernet import Supernet
from enas_viz.space import Architecture

CLIP_NORM = 5.0  # fidelity.clip = "global5"


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
    net: Supernet,
    optimiser: torch.optim.SGD,
    architecture: Architecture,
    images: Tensor,
    labels: Tensor,
    rate: float,
    fidelity: Fidelity,
    compute: Compute,
    drop: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One minibatch: (mean cross-entropy in nats, count of right answers), both on the device.

    Both are of the network's own classifier; an auxiliary head's loss only joins the gradient.
    Nothing is read back to the host. `fidelity.idle_weights="decay"` lets L2 and momentum move
    the weights that the sampled path left out; "still" leaves them alone.
    """
    with autocast(images.device, compute):
        logits, auxiliary = net.forward_train(images, architecture, drop)
    loss = F.cross_entropy(logits.float(), labels)
    total = loss
    if auxiliary is not None:
        total = loss + net.auxiliary_weight * F.cross_entropy(auxiliary.float(), labels)
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    if fidelity.idle_weights == "decay":
        for weight in net.parameters():
            if weight.grad is None and weight.requires_grad:
                weight.grad = torch.zeros_like(weight)
    if fidelity.clip == "global5":
        nn.utils.clip_grad_norm_(net.parameters(), CLIP_NORM)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return loss.detach(), (logits.detach().argmax(1) == labels).sum()


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
    """bfloat16 where the recipe wants it: by default on CUDA, never on the CPU."""
    wanted = compute.precision == "bfloat16" or (
        compute.precision == "auto" and device.type == "cuda"
    )
    return torch.autocast(device.type, torch.bfloat16) if wanted else contextlib.nullcontext()
