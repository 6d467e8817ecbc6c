"""The controller of a space, its optimiser, and the steps of an architecture that nobody sampled.

Not here: the policies themselves (`macro/controller.py`,
`micro/controller.py`), what a
reward is and when to update (`enas.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from enas_viz.recipes import ControllerConfig, Fidelity
from enas_viz.search.asked import of_kind
from enas_viz.search.nets.kinds import KINDS, Controller, Rollout
from enas_viz.search.nets.lstm import NonFinitePolicy
from enas_viz.spaces import Architecture, Space


def make_controller(
    space: Space,
    config: ControllerConfig | None = None,
    fidelity: Fidelity | None = None,
    seed: int = 0,
) -> Controller:
    """The LSTM policy over `space`, untrained."""
    of_kind(space, Space, "a space, such as MacroSpace(12)")
    of_kind(config, ControllerConfig | None, "a ControllerConfig, such as recipe.controller")
    of_kind(fidelity, Fidelity | None, "a Fidelity, such as recipe.fidelity")
    return KINDS[space.kind].controller(space, config, fidelity, seed)


class ControllerOptimiser:
    """Adam in TensorFlow's form: epsilon joins the uncorrected root of the second moment.

    It is PyTorch's Adam with an epsilon that follows the bias correction from step to step.
    """

    def __init__(self, controller: Controller) -> None:
        c = controller.config
        self.controller, self.config = controller, c
        self.adam = torch.optim.Adam(
            controller.parameters(), lr=c.lr, betas=(c.adam_beta1, c.adam_beta2), eps=c.adam_eps
        )
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        corrected = math.sqrt(1 - self.config.adam_beta2**self.steps)
        for group in self.adam.param_groups:
            group["eps"] = self.config.adam_eps / corrected
        try:
            self.adam.step()
            is_finite = self._is_finite()
        except RuntimeError as error:
            if "without overflow" not in str(error):
                raise
            is_finite = False  # lr over a tiny 1 - beta is itself beyond single precision
        if not is_finite:
            c = self.config
            raise NonFinitePolicy(
                f"update {self.steps} of the controller left weights that are not finite; lower "
                f"what drives them: controller.lr (now {c.lr}), entropy_weight "
                f"({c.entropy_weight}), skip_weight ({c.skip_weight}), adam_beta1 ({c.adam_beta1})"
            )

    def _is_finite(self) -> bool:
        """Whether weights and Adam's moments are numbers to go on with.

        An infinite second moment would stop a weight for good, and nothing else would show it.
        """
        moments = [v for state in self.adam.state.values() for v in state.values()]
        values = [value.detach().flatten() for value in (*self.controller.parameters(), *moments)]
        return bool(torch.cat(values).isfinite().all())  # one look is several times faster

    def zero_grad(self) -> None:
        self.adam.zero_grad(set_to_none=True)

    def reinforce(self, architectures: Sequence[Architecture], advantages: Sequence[float]) -> None:
        """One REINFORCE update: a step down the gradient of nll * advantage + penalty, averaged.

        advantages: reward less baseline of each of the architectures, which the policy sampled.
        Under `fidelity.skip_penalty_in="reward"` the loss has no penalty: the rewards hold it.
        """
        scored = self.controller.score(architectures)
        advantage = torch.as_tensor(advantages, dtype=scored.log_probability.dtype)
        loss = -scored.log_probability * advantage
        if scored.fidelity.skip_penalty_in == "loss":
            loss = loss + scored.penalty
        self.zero_grad()
        loss.mean().backward()
        self.step()


def bonus(rollout: Rollout, sample: int) -> float:
    """What the reward of a sample has besides its accuracy.

    The weighted entropy; under `fidelity.skip_penalty_in="reward"` less the weighted skip penalty.
    A number like the accuracy: REINFORCE takes no gradient of it.
    """
    extra = rollout.config.entropy_weight * float(rollout.entropy[sample])
    if rollout.fidelity.skip_penalty_in == "reward":
        extra -= float(rollout.penalty[sample])
    return extra
