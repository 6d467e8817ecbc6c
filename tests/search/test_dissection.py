"""A sampling taken apart: the plain walk and the fast one agree, and the draws are what decided."""

from itertools import accumulate

import pytest
import torch

from enas_viz.recipes import Fidelity, recipe
from enas_viz.search import dissect, make_controller
from enas_viz.search.training.draws import uniforms
from enas_viz.spaces import MacroSpace, MicroSpace

CASES = {
    "macro": (MacroSpace(5), {}),
    "macro, skips first": (MacroSpace(5), {"macro_order": "skips-first"}),
    "macro, mean": (MacroSpace(5), {"next_input": "mean"}),
    "macro, dropped": (MacroSpace(5), {"state_after_anchor": "dropped"}),
    "macro, all": (
        MacroSpace(4),
        {"macro_order": "skips-first", "state_after_anchor": "dropped", "next_input": "mean"},
    ),
    "micro": (MicroSpace(3), {"op_prior": "none"}),
    "micro, released": (MicroSpace(3), {}),
    "micro, dropped": (MicroSpace(3), {"state_after_anchor": "dropped"}),
}
EVERY = pytest.mark.parametrize("case", CASES)


def controller_of(case):
    """Far enough from chance that a wrong input would show."""
    space, fidelity = CASES[case]
    controller = make_controller(
        space, recipe(f"{space.kind}-tiny").controller, Fidelity(**fidelity), 3
    )
    with torch.no_grad():
        for weight in controller.parameters():
            weight *= 6
    return controller


@EVERY
def test_the_plain_walk_has_the_states_of_the_fast_one(case):
    controller = controller_of(case)
    numbers = uniforms(7, "derive", 0, 0, range(1), controller.draws_per_sample)

    fast = controller.sample(1, uniforms=numbers).steps(0, full=True)
    plain = dissect(controller, seed=7).steps

    assert [s.picks for s in plain] == [s.picks for s in fast]
    for mine, theirs in zip(plain, fast, strict=True):
        assert mine.logits == theirs.logits
        assert mine.detail["hidden"] == pytest.approx(theirs.detail["hidden"], abs=2e-4)
        assert mine.detail.get("raw") == theirs.detail.get("raw")


@EVERY
def test_the_draws_are_those_that_decided(case):
    for step in dissect(controller_of(case), seed=7).steps:
        for u, row, pick in zip(
            step.detail.get("draws", ()), step.probabilities, step.picks, strict=True
        ):
            if step.decision.kind == "skip":
                assert (u < row[1]) == bool(pick)
            else:
                edges = [0.0, *accumulate(row)]
                assert edges[pick] - 1e-6 <= u < edges[pick + 1] + 1e-6


def test_gates_and_memory_make_the_state():
    for step in dissect(controller_of("macro")).steps:
        _, _, o, _ = (torch.tensor(gate) for gate in step.detail["gates"])
        cell = torch.tensor(step.detail["cell"])

        assert (o * torch.tanh(cell)).tolist() == pytest.approx(step.detail["hidden"], abs=2e-4)


def test_a_sampling_says_which_numbers_shaped_its_logits():
    found = dissect(controller_of("macro"))

    assert found.header.recipe["controller"]["tanh_constant"] == 1.5
    assert len(found.steps[0].detail["input"]) == 64
