"""The micro controller against the authors' own numbers, and against itself."""

import math
from dataclasses import replace

import golden
import pytest
import torch

from enas_viz.recipes import ControllerConfig, Fidelity
from enas_viz.search.nets.micro.controller import MicroController
from enas_viz.search.training import draws
from enas_viz.spaces import MicroSpace

SETS = ("sin", "hash", "sin_b_init")
CONFIG = ControllerConfig(tanh_constant=1.1, op_tanh_reduce=2.5, lr=3.5e-3)


def released() -> MicroController:
    return MicroController(MicroSpace(), CONFIG, Fidelity(op_prior="released"))


def small(**fidelity: str) -> MicroController:
    config = replace(CONFIG, init_range=0.5)  # far from uniform, so that differences show
    return MicroController(MicroSpace(3), config, Fidelity(**fidelity), seed=3)


def scored(weight_set: str):
    cases = golden.load("controller")["micro"]["weight_sets"][weight_set]
    controller = released()
    golden.set_controller(controller, weight_set)
    flats = [case["normal_arc"] + case["reduce_arc"] for case in cases]
    return cases, controller, controller.score([MicroSpace().decode(flat) for flat in flats])


def test_the_controller_has_as_many_parameters_as_the_authors():
    assert sum(p.numel() for p in released().parameters()) == 41_733
    assert golden.load("param_counts")["micro_search"]["controller_params"] == 41_733


@pytest.mark.parametrize("weight_set", SETS)
def test_log_probabilities_and_entropies_are_the_authors(weight_set):
    cases, _, rollout = scored(weight_set)

    for i, case in enumerate(cases):
        assert -rollout.log_probability[i].item() == pytest.approx(case["neg_log_prob_sum"], 1e-5)
        assert rollout.entropy[i].item() == pytest.approx(case["entropy_sum"], 1e-5)


@pytest.mark.parametrize("weight_set", SETS)
def test_every_single_decision_has_the_authors_probability_and_logits(weight_set):
    cases, _, rollout = scored(weight_set)

    compared = 0
    for i, case in enumerate(cases):
        deciding = [s for s in rollout.steps(i) if s.decision.kind != "silent"]
        for step, want in zip(deciding, case["per_decision_neg_log_prob"], strict=True):
            assert [-step.log_probability] == pytest.approx(want, 2e-5)
        for step, want in zip(deciding, case.get("per_decision_logits", ()), strict=False):
            assert [list(row) for row in step.logits] == [
                pytest.approx(w, 1e-4, 1e-5) for w in want
            ]
            compared += 1
    assert compared >= 3 * 40


@pytest.mark.parametrize("weight_set", SETS)
def test_gradients_are_the_authors(weight_set):
    cases = golden.load("controller")["micro"]["weight_sets"][weight_set]
    checked = 0
    for i, case in enumerate(cases):
        for key, value in case.items():
            if not key.startswith(("grad_norm_of_", "grad_sum_of_")):
                continue
            _, controller, rollout = scored(weight_set)
            (-rollout.log_probability[i]).backward()
            for name, want in value.items():
                gradient = getattr(controller, golden.CONTROLLER_NAMES[name]).grad
                mine = gradient.norm() if "norm" in key else gradient.sum()
                scale = gradient.abs().sum().item() if "sum" in key else 0
                assert mine.item() == pytest.approx(want, 1e-4, 1e-6 + 1e-6 * scale), (key, name)
                checked += 1
    assert checked > 30


def test_with_the_released_prior_an_untrained_policy_favours_separable_convolutions():
    controller = released()
    with torch.no_grad():
        for weight in (controller.op_softmax, controller.v):  # h = 0 as far as logits go
            weight.zero_()

    rollout = controller.sample(1)

    normal, reduction = rollout.op_logits[0, :, 0, 0].softmax(-1).tolist()
    assert normal == pytest.approx([0.31527] * 2 + [0.12315] * 3, abs=1e-5)
    assert reduction == pytest.approx([0.25432] * 2 + [0.16379] * 3, abs=1e-5)
    assert rollout.entropy.item() == pytest.approx(57.187, abs=1e-3)


def test_without_the_prior_an_untrained_policy_is_nearly_uniform():
    controller = MicroController(MicroSpace(), CONFIG, Fidelity(op_prior="none"))

    most = 20 * math.log(5) + 4 * sum(math.log(i) for i in range(2, 7))
    assert most == pytest.approx(58.51, abs=0.01)
    assert controller.sample(8).entropy.mean().item() == pytest.approx(most, rel=1e-4)


def test_scoring_a_sample_gives_the_probabilities_it_was_sampled_with():
    controller = small()
    sampled = controller.sample(64, seed=1)

    rescored = controller.score(sampled.architectures())

    torch.testing.assert_close(
        rescored.log_probability, sampled.log_probability, atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(rescored.op_logits, sampled.op_logits, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(rescored.index_logits, sampled.index_logits, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(rescored.states, sampled.states, atol=2e-6, rtol=1e-5)
    assert torch.equal(rescored.picks, sampled.picks)


def test_a_sample_does_not_depend_on_the_rest_of_its_batch():
    controller = small()
    numbers = draws.uniforms(5, "sample", 0, 0, range(20), controller.draws_per_sample)

    whole = controller.sample(20, uniforms=numbers).architectures()
    alone = [controller.sample(1, uniforms=row[None]).architectures()[0] for row in numbers]

    assert alone == whole


def test_samples_come_as_often_as_their_probability_says():
    space = MicroSpace(1, ("sep3x3", "identity"), ("normal",))
    config = replace(CONFIG, init_range=2.0, tanh_constant=2.5, op_tanh_reduce=1.0)
    controller = MicroController(space, config, Fidelity(op_prior="none"), 7)
    n = 20_000

    drawn = controller.sample(n, seed=11).architectures()

    pairs = [(i, op) for i in (0, 1) for op in (0, 1)]
    every = [space.decode([*first, *second]) for first in pairs for second in pairs]
    expected = controller.score(every).log_probability.exp()
    assert expected.sum().item() == pytest.approx(1, abs=1e-5)
    for architecture, p in zip(every, expected.tolist(), strict=True):
        error = math.sqrt(p * (1 - p) / n)
        assert drawn.count(architecture) / n == pytest.approx(p, abs=5 * error)


def test_the_reduction_cell_goes_on_from_the_normal_cells_last_state():
    controller = small()
    a, b = controller.space.decode([0] * 24), controller.space.decode([1] * 12 + [0] * 12)

    rollout = controller.score([a, b])

    apart = (rollout.index_logits[0, 1] - rollout.index_logits[1, 1]).abs()
    assert apart[:, 0, :2].max() > 1e-4
    only = MicroController(MicroSpace(3, cells=("normal",)), controller.config, seed=3)
    alone = only.score([only.space.decode([0] * 12)])
    torch.testing.assert_close(alone.index_logits[0, 0], rollout.index_logits[0, 0])


def test_recorded_steps_carry_the_whole_log_probability_and_silent_ones_nothing():
    rollout = small().sample(3, seed=2)

    for i in range(3):
        taken = rollout.steps(i)
        assert len(taken) == 2 * (2 + 3 * 5)
        assert [s.decision.kind for s in taken[:7]] == [
            *("silent", "silent", "index", "index", "op", "op", "silent")
        ]
        assert all(not s.picks and not s.logits for s in taken if s.decision.kind == "silent")
        total = sum(step.log_probability for step in taken)
        assert total == pytest.approx(rollout.log_probability[i].item(), 1e-5)
        assert sum(s.entropy for s in taken) == pytest.approx(rollout.entropy[i].item(), 1e-5)


def test_a_full_record_holds_raw_logits_and_the_state_that_gave_them():
    controller = small(op_prior="none")

    steps = controller.sample(2, seed=4).steps(1, full=True)

    for step in steps:
        hidden = torch.tensor(step.detail["hidden"])
        assert hidden.shape == (64,)
        if step.decision.kind == "silent":
            assert "raw" not in step.detail
            continue
        raw = torch.tensor(step.detail["raw"])
        bound = 1.1
        if step.decision.kind == "op":
            bound = 0.44
            torch.testing.assert_close((hidden @ controller.op_softmax), raw)
        assert raw.shape == (step.decision.options,)
        torch.testing.assert_close(torch.tensor(step.logits[0]), bound * torch.tanh(raw))


def test_dropping_the_state_after_an_anchor_changes_later_nodes_only():
    plain, changed = small(), small(state_after_anchor="dropped")
    cells = [plain.space.decode([1, 2, 0, 1] * 6)]

    a, b = plain.score(cells), changed.score(cells)

    torch.testing.assert_close(a.op_logits[:, 0, 0], b.op_logits[:, 0, 0])
    assert (a.op_logits[:, 0, 1] - b.op_logits[:, 0, 1]).abs().max() > 1e-4


def test_a_score_has_gradients_for_every_weight():
    controller = small(op_prior="none")
    rollout = controller.score(controller.sample(4).architectures())

    (rollout.log_probability + rollout.penalty).sum().backward()

    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in controller.parameters())


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ValueError, match="got an architecture of MicroSpace"):
        small().score([MicroSpace(4).decode([0] * 32)])


def test_a_wrong_number_of_uniforms_is_refused():
    with pytest.raises(ValueError, match=r"must be \(3, 24\); got \(3, 14\)"):
        small().sample(3, uniforms=torch.zeros(3, 14))
