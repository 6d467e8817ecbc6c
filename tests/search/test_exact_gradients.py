"""Facts about a policy known whole, against autograd on the real controller."""

import pytest
import torch

from enas_viz.facts.specimen import load_specimen
from enas_viz.recipes import recipe
from enas_viz.search import make_controller
from enas_viz.search.microscope import Exact, every, specimen
from enas_viz.search.nets.controller import ControllerOptimiser
from enas_viz.search.runs.build import build
from enas_viz.spaces import MacroSpace, MicroSpace

SPACE = MacroSpace(2, ("conv3x3", "sep3x3", "max3x3"))


def controller_of(space, scale=4.0, **changes):
    """An untrained one, far enough from chance that choices matter."""
    made = recipe(f"{space.kind}-tiny", **changes)
    controller = make_controller(space, made.controller, made.fidelity, seed=3)
    with torch.no_grad():
        for weight in controller.parameters():
            weight *= scale
    return controller


def gradient(controller, value):
    found = torch.autograd.grad(value, list(controller.parameters()), allow_unused=True)
    weights = controller.parameters()
    return torch.cat([
        (torch.zeros_like(w) if g is None else g).flatten()
        for g, w in zip(found, weights, strict=True)
    ])  # fmt: skip


@pytest.mark.parametrize(
    "space",
    [SPACE, MacroSpace(3, ("conv3x3", "max3x3")), MicroSpace(1, cells=("normal",))],
    ids=str,
)
def test_every_architecture_is_there_once_and_probabilities_sum_to_one(space):
    exact = Exact(controller_of(space))

    assert len(set(exact.architectures)) == len(exact.architectures) == space.size
    assert float(exact.probabilities.sum()) == pytest.approx(1)
    assert float((exact.probabilities @ exact.scores).norm()) < 1e-9


def test_a_gradient_is_that_of_the_expected_value():
    controller = controller_of(SPACE).double()
    exact = Exact(controller)
    values = torch.linspace(-1, 2, SPACE.size, dtype=torch.float64)

    p = controller.score(exact.architectures).log_probability.exp()

    assert torch.allclose(exact.gradient(values), gradient(controller, p @ values))
    assert exact.expected(values) == pytest.approx(float(p.detach() @ values))


def test_the_gradient_of_the_penalty_is_that_of_its_mean_under_fixed_samples():
    controller = controller_of(SPACE).double()
    exact = Exact(controller)

    scored = controller.score(exact.architectures)
    mean = scored.log_probability.exp().detach() @ scored.penalty

    assert torch.allclose(exact.penalty_gradient(), gradient(controller, mean))


def test_an_update_goes_down_the_mean_of_its_samples_gradients():
    controller = controller_of(SPACE, controller__skip_weight=0.0)
    optimiser = ControllerOptimiser(controller)
    exact, advantages = Exact(controller), [0.4, -0.3, 0.1]
    picked = [exact.architectures[k] for k in (2, 7, 7)]

    optimiser.reinforce(picked, advantages)

    wanted = sum(a * exact.scores[k] for a, k in zip(advantages, (2, 7, 7), strict=True)) / 3
    got = torch.cat([
        (torch.zeros_like(w) if w.grad is None else w.grad).flatten()
        for w in controller.parameters()
    ])  # fmt: skip
    assert torch.allclose(-got.double(), wanted, atol=1e-6)


def test_looking_does_not_change_the_controller():
    controller = controller_of(SPACE)
    before = [w.clone() for w in controller.parameters()]

    _ = Exact(controller).scores

    for was, now in zip(before, controller.parameters(), strict=True):
        assert torch.equal(was, now)
        assert now.dtype == torch.float32
        assert now.grad is None


def test_a_search_gives_a_specimen_whose_truth_is_the_exact_gradient():
    small = {"network__layers": 2, "network__filters": 4, "controller__updates": 0}
    search = build(recipe("macro-tiny", train__epochs=1, **small), 0, "cpu", None)
    list(search.records())

    found = specimen(search, images=(20,), minibatches=3)

    assert found.images == (20, 397)
    assert len(found.right[20]) == 3
    assert all(0 <= x <= 20 for row in found.right[20] for x in row)
    exact = Exact(search.controller)
    assert found.slope(20) == pytest.approx(float(exact.gradient(found.rewards(20)).norm()))
    with pytest.raises(ValueError, match="1 to 255 validation images; got 300"):
        specimen(search, images=(300,))


def test_the_shipped_specimen_is_of_the_untrained_controller():
    shipped = load_specimen()
    made = recipe("macro-tiny", network__layers=2)
    controller = make_controller(shipped.space, made.controller, made.fidelity, seed=0)

    again = Exact(controller).specimen(shipped)

    assert again.probabilities == pytest.approx(shipped.probabilities, rel=1e-6)
    assert again.slope() == pytest.approx(shipped.slope(), rel=1e-4)
    assert again.variance(20, "mean") == pytest.approx(shipped.variance(20, "mean"), rel=1e-4)


def test_a_large_space_and_another_space_are_refused():
    with pytest.raises(ValueError, match="up to 1000 architectures"):
        every(MacroSpace(4))
    with pytest.raises(ValueError, match="the specimen holds"):
        Exact(controller_of(SPACE)).specimen(load_specimen())
