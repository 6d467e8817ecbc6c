"""The controller against the authors' own numbers, and against itself."""

import math
from dataclasses import replace

import golden
import pytest
import torch

from enas_viz.recipes import PRESETS, ControllerConfig, Fidelity
from enas_viz.search.nets.controller import ControllerOptimiser
from enas_viz.search.nets.macro.controller import MacroController
from enas_viz.search.training import draws
from enas_viz.spaces import MacroSpace

CODE_SPACE = MacroSpace(layers=12, wiring="code")
ORDERS = ("op-first", "skips-first")


def released() -> MacroController:
    return MacroController(CODE_SPACE, ControllerConfig(), PRESETS["released"])


def small(**fidelity: str) -> MacroController:
    config = ControllerConfig(init_range=0.5)  # far from uniform, so that differences show
    return MacroController(MacroSpace(layers=5), config, Fidelity(**fidelity), seed=3)


def test_the_controller_has_as_many_parameters_as_the_authors():
    assert sum(p.numel() for p in released().parameters()) == 41_856
    assert golden.load("param_counts")["macro_search"]["controller_params"] == 41_856


@pytest.mark.parametrize("weight_set", ["hash", "sin"])
def test_log_probabilities_entropies_and_penalties_are_the_authors(weight_set):
    cases = golden.load("controller")["macro"]["weight_sets"][weight_set]
    controller = released()
    golden.set_controller(controller, weight_set)

    rollout = controller.score([CODE_SPACE.decode(case["arc"]) for case in cases])

    for i, case in enumerate(cases):
        assert -rollout.log_probability[i].item() == pytest.approx(case["neg_log_prob_sum"], 1e-5)
        assert rollout.entropy[i].item() == pytest.approx(case["entropy_sum"], 1e-5)
        assert rollout.skip_penalty[i].item() == pytest.approx(case["skip_penalty"], 1e-5)
        assert CODE_SPACE.skip_rate(rollout.architectures()[i]) * 66 == case["skip_count"]


@pytest.mark.parametrize("weight_set", ["hash", "sin"])
def test_every_single_decision_has_the_authors_probability_and_logits(weight_set):
    cases = golden.load("controller")["macro"]["weight_sets"][weight_set]
    controller = released()
    golden.set_controller(controller, weight_set)

    rollout = controller.score([CODE_SPACE.decode(case["arc"]) for case in cases])

    compared = 0
    for i, case in enumerate(cases):
        deciding = [s for s in rollout.steps(i) if s.decision.kind != "silent"]
        for step, want in zip(deciding, case["per_decision_neg_log_prob"], strict=True):
            rows = zip(step.probabilities, step.picks, strict=True)
            assert [-math.log(row[pick]) for row, pick in rows] == pytest.approx(want, 2e-5)
        for step, want in zip(deciding, case.get("per_decision_logits", ()), strict=False):
            mine = step.logits
            if step.decision.kind == "skip":
                mine = [(-z, z) for (z,) in mine]
                # the authors' program lists (no skip, skip)
            assert [list(row) for row in mine] == [pytest.approx(row, 1e-4, 1e-5) for row in want]
            compared += 1
    assert compared >= 3 * 23


@pytest.mark.parametrize("weight_set", ["hash", "sin"])
def test_gradients_are_the_authors(weight_set):
    cases = golden.load("controller")["macro"]["weight_sets"][weight_set]
    checked = 0
    for case in cases:
        for key, value in case.items():
            if not key.startswith(("grad_norm_of_", "grad_sum_of_")):
                continue
            controller = released()
            golden.set_controller(controller, weight_set)
            rollout = controller.score([CODE_SPACE.decode(case["arc"])])
            target = (
                rollout.skip_penalty if key.endswith("skip_penalty") else -rollout.log_probability
            )
            target.sum().backward()
            for name, want in value.items():
                gradient = getattr(controller, golden.CONTROLLER_NAMES[name]).grad
                mine = gradient.norm() if "norm" in key else gradient.sum()
                scale = gradient.abs().sum().item() if "sum" in key else 0
                assert mine.item() == pytest.approx(want, 1e-4, 1e-6 + 1e-6 * scale), (key, name)
                checked += 1
    assert checked > 30


def test_four_updates_move_the_weights_as_the_authors_do():
    told = golden.load("controller_training")["macro"]
    cases = golden.load("controller")["macro"]["weight_sets"]["hash"]
    config = ControllerConfig()
    controller = released()
    golden.set_controller(controller, "hash")
    optimiser = ControllerOptimiser(controller)
    baseline = 0.0

    for step in told["steps"]:
        architecture = CODE_SPACE.decode(cases[step["arc_index_in_hash_set"]]["arc"])
        rollout = controller.score([architecture])
        reward = told["accuracy"] + config.entropy_weight * rollout.entropy.item()
        baseline -= (1 - config.baseline_decay) * (baseline - reward)
        loss = -rollout.log_probability * (reward - baseline)
        loss = (loss + config.skip_weight * rollout.skip_penalty).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

        assert loss.item() == pytest.approx(step["loss"], 1e-5)
        assert baseline == pytest.approx(step["baseline_after"], 1e-5)
        for name, (norm, total) in step["weight_l2_and_sum_after"].items():
            weight = getattr(controller, golden.CONTROLLER_NAMES[name])
            assert weight.norm().item() == pytest.approx(norm, 1e-5)
            assert weight.sum().item() == pytest.approx(total, 1e-4, 1e-3)


@pytest.mark.parametrize("order", ORDERS)
def test_scoring_a_sample_gives_the_probabilities_it_was_sampled_with(order):
    controller = small(macro_order=order)
    sampled = controller.sample(64, seed=1)

    scored = controller.score(sampled.architectures())

    torch.testing.assert_close(scored.log_probability, sampled.log_probability)
    torch.testing.assert_close(scored.op_logits, sampled.op_logits)
    assert torch.equal(scored.bits, sampled.bits)


@pytest.mark.parametrize("order", ORDERS)
def test_a_sample_does_not_depend_on_the_rest_of_its_batch(order):
    controller = small(macro_order=order)
    numbers = draws.uniforms(5, "sample", 0, 0, range(20), controller.draws_per_sample)

    whole = controller.sample(20, uniforms=numbers).architectures()
    alone = [controller.sample(1, uniforms=row[None]).architectures()[0] for row in numbers]

    assert alone == whole


@pytest.mark.parametrize("order", ORDERS)
def test_samples_come_as_often_as_their_probability_says(order):
    space = MacroSpace(layers=2, ops=("conv3x3", "max3x3"))
    controller = MacroController(
        space, ControllerConfig(init_range=2.0), Fidelity(macro_order=order), 7
    )
    n = 20_000

    drawn = controller.sample(n, seed=11).architectures()

    every = [space.decode([a, b, bit]) for a in (0, 1) for b in (0, 1) for bit in (0, 1)]
    expected = controller.score(every).log_probability.exp()
    assert expected.sum().item() == pytest.approx(1, abs=1e-5)
    for architecture, p in zip(every, expected.tolist(), strict=True):
        error = math.sqrt(p * (1 - p) / n)
        assert drawn.count(architecture) / n == pytest.approx(p, abs=5 * error)


@pytest.mark.parametrize(("order", "steps"), [("op-first", 10), ("skips-first", 9)])
def test_recorded_steps_carry_the_whole_log_probability(order, steps):
    rollout = small(macro_order=order).sample(3, seed=2)

    for i in range(3):
        taken = rollout.steps(i)
        assert len(taken) == steps
        total = sum(step.log_probability for step in taken)
        assert total == pytest.approx(rollout.log_probability[i].item(), 1e-5)
        assert sum(s.entropy for s in taken) == pytest.approx(rollout.entropy[i].item(), 1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_a_full_record_holds_raw_logits_and_the_state_that_gave_them(order):
    controller = small(macro_order=order)

    steps = controller.sample(2, seed=4).steps(1, full=True)

    for step in steps:
        hidden = torch.tensor(step.detail["hidden"])
        raw = torch.tensor(step.detail["raw"])
        assert hidden.shape == (64,)
        if step.decision.kind == "op":
            torch.testing.assert_close(hidden @ controller.op_softmax, raw)
        shaped = 1.5 * torch.tanh(raw)
        logits = torch.tensor([z for row in step.logits for z in row])
        torch.testing.assert_close(logits, shaped)
    assert not controller.sample(1).steps(0)[0].detail


def test_skips_first_asks_for_skips_before_the_operation():
    steps = small(macro_order="skips-first").sample(1).steps(0)

    assert [(s.decision.kind, s.decision.at) for s in steps[:5]] == [
        ("op", 0),
        ("skip", 1),
        ("op", 1),
        ("skip", 2),
        ("op", 2),
    ]


def test_an_untrained_policy_has_nearly_the_entropy_of_a_uniform_one():
    full = MacroController(MacroSpace(), ControllerConfig(), Fidelity()).sample(8).entropy
    sampled = MacroController(MacroSpace(), ControllerConfig(), Fidelity(entropy="sampled")).sample(
        8
    )

    uniform = 12 * math.log(6) + 66 * math.log(2)
    assert full.mean().item() == pytest.approx(uniform, rel=1e-3)
    assert sampled.entropy.mean().item() == pytest.approx(26.457, rel=1e-2)  # authors' formula


def test_the_skip_penalty_vanishes_at_the_wanted_rate_of_the_chosen_probability():
    for where, scale in (("sampling_probability", 2.0), ("logit", 1.0)):
        rollout = small(skip_penalty_on=where).sample(1)
        z = math.log(0.4 / 0.6) / scale
        flat = replace(rollout, skip_logits=torch.full_like(rollout.skip_logits, z))

        assert flat.skip_penalty.item() == pytest.approx(0, abs=1e-6)
    untrained = replace(rollout, skip_logits=torch.zeros_like(rollout.skip_logits))
    assert untrained.skip_penalty.item() == pytest.approx(0.02041 * 10 / 4, rel=1e-3)


@pytest.mark.parametrize(
    ("field", "other"), [("next_input", "mean"), ("state_after_anchor", "dropped")]
)
def test_a_fidelity_field_of_the_walk_changes_later_decisions_only(field, other):
    plain, changed = small(), small(**{field: other})
    space = plain.space
    architectures = [space.architecture([0] * 5, [(1,), (1, 1), (1, 1, 1), (1, 1, 1, 1)])]

    a, b = plain.score(architectures), changed.score(architectures)

    torch.testing.assert_close(a.op_logits[:, 0], b.op_logits[:, 0])
    assert (a.op_logits[:, 2:] - b.op_logits[:, 2:]).abs().max() > 1e-3


def test_next_input_is_zero_when_no_layer_is_chosen_under_both_readings():
    architectures = [small().space.architecture([1] * 5)]

    plain = small().score(architectures).op_logits
    mean = small(next_input="mean").score(architectures).op_logits

    torch.testing.assert_close(plain, mean)


def test_temperature_flattens_and_the_tanh_constant_bounds_the_logits():
    config = ControllerConfig(init_range=2.0, tanh_constant=2.5)
    hot = MacroController(MacroSpace(5), replace(config, temperature=5.0), Fidelity(), 1)
    cold = MacroController(MacroSpace(5), config, Fidelity(), 1)
    architectures = [MacroSpace(5).architecture([0] * 5)]

    raw = torch.atanh(cold.score(architectures).op_logits[:, 0].double() / 2.5)

    expected = (2.5 * torch.tanh(raw / 5)).float()
    torch.testing.assert_close(
        hot.score(architectures).op_logits[:, 0], expected, rtol=1e-3, atol=1e-4
    )
    assert cold.sample(50).op_logits.abs().max() <= 2.5


def test_a_score_has_gradients_for_every_weight():
    controller = small()
    scored = controller.score(controller.sample(4).architectures())

    (scored.log_probability + scored.skip_penalty).sum().backward()

    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in controller.parameters())


def test_an_architecture_of_another_space_is_refused():
    other = MacroSpace(layers=4).architecture([0] * 4)

    with pytest.raises(ValueError, match="got an architecture of MacroSpace"):
        small().score([other])


def test_a_wrong_number_of_uniforms_is_refused():
    with pytest.raises(ValueError, match=r"must be \(3, 15\); got \(3, 14\)"):
        small().sample(3, uniforms=torch.zeros(3, 14))


def test_sampled_logits_are_those_that_scoring_finds():
    controller = MacroController(MacroSpace(7), ControllerConfig(init_range=0.5))
    sampled = controller.sample(8)

    scored = controller.score(sampled.architectures())

    torch.testing.assert_close(sampled.op_logits, scored.op_logits, atol=2e-6, rtol=1e-5)
    earlier = torch.ones(7, 7).tril(-1)
    torch.testing.assert_close(
        sampled.skip_logits * earlier, scored.skip_logits * earlier, atol=2e-6, rtol=1e-5
    )
