"""Candidate operations: shapes, parameters, and the faster forms against the plain ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from enas_viz.facts.cost import op_parameters
from enas_viz.recipes import Fidelity
from enas_viz.search.nets.ops import (
    Conv,
    FactorizedReduction,
    Padding,
    ZeroDebiasedBatchNorm,
    initialise,
    join,
    macro_branch,
    norm,
    pool,
)
from enas_viz.spaces.operations import STANDARD, known_operations

FIDELITY = Fidelity()


@pytest.mark.parametrize("op", [op for op in known_operations() if op != "identity"])
def test_an_operation_keeps_its_shape_and_has_the_parameters_of_the_formula(op):
    branch = macro_branch(op, 6, FIDELITY)

    assert branch(torch.randn(2, 6, 7, 5)).shape == (2, 6, 7, 5)
    assert sum(p.numel() for p in branch.parameters()) == op_parameters(op, 6)


def test_the_average_pool_divides_by_real_pixels_only():
    pooled = macro_branch(STANDARD["avg3x3"], 1, FIDELITY)[-1](torch.ones(1, 1, 4, 4))

    torch.testing.assert_close(pooled, torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize("size", [(8, 8), (1, 3), (2, 1), (7, 4)])
def test_the_average_and_its_gradient_are_those_of_the_plain_pool(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(2, 3, *size, dtype=torch.float64)

    found, plain = pool(x, STANDARD["avg3x3"]), F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)

    torch.testing.assert_close(found, plain)
    ours, theirs = (torch.autograd.grad(y, x, gradient)[0] for y in (found, plain))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("form", [torch.channels_last, torch.contiguous_format])
def test_joined_tensors_hand_back_dense_gradients(form):
    parts = [
        torch.randn(2, c, 4, 4).contiguous(memory_format=form).requires_grad_() for c in (1, 3)
    ]
    gradient = torch.randn(2, 4, 4, 4).contiguous(memory_format=form)

    joined = join(parts)
    found = torch.autograd.grad(joined, parts, gradient)

    assert torch.equal(joined, torch.cat(parts, 1))
    assert torch.equal(torch.cat(found, 1), gradient)
    assert all(g.is_contiguous(memory_format=form) for g in found)


@pytest.mark.parametrize("size", [(6, 6), (7, 5), (1, 2)])
def test_strided_pools_are_padded_as_tensorflow_pads(size):
    x = torch.randn(2, 3, *size)
    pad = Padding.same(x, 3, 2)

    padded = F.pad(x, pad, value=-1e9)
    torch.testing.assert_close(pool(x, STANDARD["max3x3"], 2), F.max_pool2d(padded, 3, 2))
    count = F.avg_pool2d(F.pad(torch.ones_like(x), pad), 3, 2)
    torch.testing.assert_close(
        pool(x, STANDARD["avg3x3"], 2), F.avg_pool2d(F.pad(x, pad), 3, 2) / count
    )
    assert pool(x, STANDARD["avg3x3"], 2).shape[2:] == tuple(-(-side // 2) for side in size)


def test_padding_says_where_tensorflow_puts_the_odd_pixel():
    x = torch.zeros(1, 1, 6, 7)

    assert Padding.same(x, 3, 2) == (1, 1, 0, 1)  # width 7, height 6
    assert Padding.same(x, 5, 2) == (2, 2, 1, 2)
    assert Padding.same(x, 3, 1) == (1, 1, 1, 1)
    assert Padding.same(x, 2, 1) == (0, 1, 0, 1)


@pytest.mark.parametrize("size", [(8, 8), (1, 3), (2, 1), (7, 4)])
def test_the_maximum_is_the_same_whether_or_not_a_gradient_is_wanted(size):
    largest, x = macro_branch(STANDARD["max3x3"], 2, FIDELITY)[-1], torch.randn(3, 2, *size)
    before = x.clone()

    with torch.no_grad():
        found = largest(x)

    assert torch.equal(found, F.max_pool2d(x, 3, 1, 1))
    assert torch.equal(x, before)


@pytest.mark.parametrize("size", [(8, 8), (7, 8), (5, 7)])
def test_the_factorized_reduction_equals_two_shifted_convolutions(size):
    reduction = FactorizedReduction(4, 6, FIDELITY).double()
    initialise(reduction, torch.Generator().manual_seed(0), FIDELITY)
    x = torch.randn(3, 4, *size, dtype=torch.float64)

    even = F.conv2d(x[:, :, ::2, ::2], reduction.even.weight)
    shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
    odd = F.conv2d(shifted[:, :, ::2, ::2], reduction.odd.weight)
    plain = reduction.norm(torch.cat([even, odd], 1))

    torch.testing.assert_close(reduction(x), plain)


def test_gradients_of_the_factorized_reduction_hold_in_float64():
    reduction = FactorizedReduction(2, 4, FIDELITY).double()
    initialise(reduction, torch.Generator().manual_seed(1), FIDELITY)
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(reduction, (x,))


def test_zero_debiased_averages_equal_the_first_batch_after_one_update():
    module = ZeroDebiasedBatchNorm(3)
    batches = torch.randn(4, 8, 3, 2, 2)

    module(batches[0])
    torch.testing.assert_close(module.running_mean, batches[0].mean((0, 2, 3)))

    biased, share = torch.zeros(3), 0.0
    for t, batch in enumerate(batches):
        if t:
            module(batch)
        biased = 0.9 * biased + 0.1 * batch.mean((0, 2, 3))
        share = 0.9 * share + 0.1
    torch.testing.assert_close(module.running_mean, biased / share)


def test_zero_debiasing_counts_on_from_what_others_wrote_into_the_counter():
    """As loading, or averaging several minibatches of a step, does."""
    torch.manual_seed(0)
    batches = torch.randn(3, 8, 3, 2, 2)
    plain, other = ZeroDebiasedBatchNorm(3), ZeroDebiasedBatchNorm(3)
    for batch in batches:
        plain(batch)
    for _ in range(5):
        other(batches[0])

    other.reset_running_stats()
    for batch in batches[:2]:
        other(batch)
    moved = ZeroDebiasedBatchNorm(3)
    moved(batches[0])
    moved.load_state_dict(other.state_dict())
    moved(batches[2])

    assert torch.equal(moved.running_mean, plain.running_mean)
    assert torch.equal(moved.running_var, plain.running_var)
    assert int(moved.num_batches_tracked) == 3


def test_zero_debiasing_spares_the_masked_norm_of_a_branch():
    fidelity = Fidelity(reward_bn="moving", bn_average="zero_debiased")

    assert isinstance(norm(3, fidelity), ZeroDebiasedBatchNorm)
    assert type(norm(3, fidelity, eps=1e-3)) is nn.BatchNorm2d


@pytest.mark.parametrize(("mode", "fan_in"), [("true", 9), ("released", 9 * 64)])
def test_a_depthwise_kernel_starts_with_the_fan_in_that_was_asked_for(mode, fan_in):
    conv = Conv(64, 64, 3, groups=64)

    initialise(conv, torch.Generator().manual_seed(2), Fidelity(init_fan_in=mode))

    std = (2 / fan_in) ** 0.5
    assert conv.weight.abs().max() <= 2 * std
    # a normal distribution cut at two deviations keeps 0.88 of its deviation
    assert conv.weight.std().item() == pytest.approx(0.88 * std, rel=0.1)


@pytest.mark.parametrize("op", ["avg3x3", "conv3x3", "sep5x5"])
def test_an_operation_runs_under_autocast_and_hands_gradients_back(op):
    branch = macro_branch(STANDARD[op], 4, FIDELITY)
    initialise(branch, torch.Generator().manual_seed(0), FIDELITY)
    x = torch.randn(2, 4, 6, 6, requires_grad=True)

    with torch.autocast("cpu", torch.bfloat16):
        out = branch(x)
    out.float().square().sum().backward()

    assert out.dtype is torch.bfloat16
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


def test_refitted_statistics_are_the_plain_mean_under_either_average():
    batches = [torch.randn(64, 1, 2, 2) * k for k in (1.0, 2.0, 3.0)]
    found = []
    for module in (nn.BatchNorm2d(1), ZeroDebiasedBatchNorm(1)):
        module.reset_running_stats()
        module.momentum = None
        for batch in batches:
            module(batch)
        found.append(module.running_var)
    torch.testing.assert_close(*found)
