"""What a controller's gradients pass through: measured on samples, and against autograd."""

import pytest
import torch

from enas_viz.facts.limits import reach
from enas_viz.recipes import recipe
from enas_viz.search.diagnostics import diagnose
from enas_viz.search.nets.controller import Controller, make_controller

CELLS = ("normal", "reduction")
FAVOURED = ("sep3x3", "sep5x5")


def untrained(name: str, **changes) -> Controller:
    made = recipe(name, **changes)
    return make_controller(made.space, made.controller, made.fidelity, seed=1)


def wild(name: str) -> Controller:
    """With weights so large that every logit comes near its bound somewhere."""
    return untrained(name, controller__init_range=3.0)


def test_the_released_prior_lets_next_to_no_gradient_through_to_what_it_favours():
    factors = diagnose(untrained("micro-released"), 16).op_factors

    for cell in CELLS:
        others = [f for op, f in factors[cell].items() if op not in FAVOURED]
        assert others == [pytest.approx(0.44, rel=1e-3)] * 3
        for op in FAVOURED:
            assert 0 < factors[cell][op] < 1e-7 * min(others)


@pytest.mark.parametrize("name", ["micro-released", "micro-cifar10-cpu", "micro-paper"])
def test_without_the_prior_every_logit_passes_its_whole_gradient_on_at_first(name):
    controller = untrained(name, fidelity__op_prior="none")
    slope = controller.config.tanh_constant / controller.config.temperature

    made = diagnose(controller, 16)

    for cell in CELLS:
        want = slope / controller.config.op_tanh_reduce
        assert list(made.op_factors[cell].values()) == [pytest.approx(want, rel=1e-3)] * 5
        assert made.source_factors[cell] == {at: pytest.approx(slope, 1e-3) for at in range(2, 7)}


def test_the_bias_that_the_released_prior_sets_gets_no_gradient():
    controller = untrained("micro-released")

    controller.score(controller.sample(8).architectures()).log_probability.sum().backward()

    gradient = controller.op_bias.grad[0]
    assert (gradient[:2].abs() < 1e-6 * gradient[2:].abs().min()).all()


def test_factors_are_the_derivatives_of_shaped_logits():
    controller = untrained("micro-paper", controller__init_range=1.0)
    rollout = controller.sample(8, seed=3)
    raw = rollout.op_raw.double().requires_grad_()
    controller._shaped_op(raw).sum().backward()

    made = diagnose(controller, 8, seed=3)

    want = raw.grad.mean((0, 2, 3))  # over samples, nodes and sides
    for cell, row in zip(CELLS, want.tolist(), strict=True):
        assert list(made.op_factors[cell].values()) == pytest.approx(row, rel=1e-9)
    raw = rollout.index_raw.double().requires_grad_()
    controller._shaped_index(raw).sum().backward()
    for at in range(2, 7):
        want = raw.grad[:, 1, at - 2, :, :at].mean().item()
        assert made.source_factors["reduction"][at] == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("order", ["op-first", "skips-first"])
def test_a_macro_controller_has_factors_of_operations_and_of_each_layers_skips(order):
    controller = untrained("macro-tiny", fidelity__macro_order=order)

    made = diagnose(controller, 8)

    assert list(made.op_factors) == list(made.source_factors) == [""]
    assert made.op_factors[""] == {op: pytest.approx(1.5, 1e-3) for op in controller.space.ops}
    assert made.source_factors[""] == {at: pytest.approx(1.5, 1e-3) for at in range(1, 6)}


@pytest.mark.parametrize("name", ["micro-released", "micro-tiny", "macro-tiny"])
def test_entropy_and_probabilities_are_the_means_of_the_samples(name):
    controller = wild(name)
    rollout = controller.sample(6, seed=2)
    steps = [[s for s in rollout.steps(i) if s.decision.kind != "silent"] for i in range(6)]

    made = diagnose(controller, 6, seed=2)

    assert made.samples == 6
    assert made.entropy == pytest.approx(rollout.entropy.mean().item(), rel=1e-5)
    for (decision, rows), of_samples in zip(
        made.probabilities, zip(*steps, strict=True), strict=True
    ):
        assert {step.decision for step in of_samples} == {decision}
        for r, row in enumerate(rows):
            want = [
                sum(ps) / 6 for ps in zip(*(s.probabilities[r] for s in of_samples), strict=True)
            ]
            assert list(row) == pytest.approx(want, abs=1e-5)


def test_the_share_of_an_operation_is_its_mean_probability():
    made = diagnose(wild("micro-tiny"), 6)

    shares = [made.share(option) for option in range(5)]

    assert sum(shares) == pytest.approx(1)
    ops = [rows[0][3] for decision, rows in made.probabilities if decision.kind == "op"]
    assert len(ops) == 20
    assert shares[3] == pytest.approx(sum(ops) / 20)


@pytest.mark.parametrize(
    "name", ["micro-released", "micro-paper", "micro-tiny", "macro-tiny", "macro-paper"]
)
def test_no_policy_is_beyond_its_reach(name):
    reached = reach(recipe(name))

    made = diagnose(wild(name), 16)

    assert reached.entropy_low < made.entropy < reached.entropy_high
    for limits, (decision, rows) in zip(reached.decisions, made.probabilities, strict=True):
        assert limits.decision == decision
        for row in rows:
            for p, (low, high) in zip(row, limits.ranges, strict=True):
                assert low - 1e-6 < p < high + 1e-6


def test_a_diagnosis_leaves_the_controller_as_it_was():
    controller = untrained("micro-tiny")
    before = {k: v.clone() for k, v in controller.state_dict().items()}

    assert diagnose(controller, 4) == diagnose(controller, 4)

    assert all(torch.equal(v, before[k]) for k, v in controller.state_dict().items())
    assert all(p.grad is None for p in controller.parameters())


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_a_diagnosis_wants_samples(n):
    with pytest.raises(ValueError, match=f"at least 1 sample; got {n!r}"):
        diagnose(untrained("micro-tiny"), n)
