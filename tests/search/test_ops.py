"""Candidate operations: shapes, parameters, and the faster forms against the plain ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from enas_viz.cost import op_parameters
from enas_viz.recipes import Fidelity
from enas_viz.search.ops import (
    MACRO_BRANCHES,
    Conv,
    FactorizedReduction,
    ZeroDebiasedBatchNorm,
    initialise,
    norm,
)
from enas_viz.space import MACRO_OPS

FIDELITY = Fidelity()


@pytest.mark.parametrize("op", MACRO_OPS)
def test_an_operation_keeps_its_shape_and_has_the_parameters_of_the_formula(op):
    branch = MACRO_BRANCHES[op](6, FIDELITY)

    assert branch(torch.randn(2, 6, 7, 5)).shape == (2, 6, 7, 5)
    assert sum(p.numel() for p in branch.parameters()) == op_parameters(op, 6)


def test_every_operation_of_the_space_has_a_constructor():
    assert tuple(MACRO_BRANCHES) == MACRO_OPS


def test_the_average_pool_divides_by_real_pixels_only():
    pool = MACRO_BRANCHES["avg3x3"](1, FIDELITY)[-1]

    assert torch.equal(pool(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize("size", [(8, 8), (1, 3), (2, 1), (7, 4)])
def test_the_maximum_is_the_same_whether_or_not_a_gradient_is_wanted(size):
    pool, x = MACRO_BRANCHES["max3x3"](2, FIDELITY)[-1], torch.randn(3, 2, *size)
    before = x.clone()

    with torch.no_grad():
        found = pool(x)

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
