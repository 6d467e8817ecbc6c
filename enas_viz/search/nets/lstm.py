"""What both controllers are made of: an LSTM without biases, attention over anchors, shaping.

Not here: which decisions there are and in which order (`macro_controller.py`,
`micro_controller.py`).
Source: authors' `general_controller.py`, `micro_controller.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from enas_viz.recipes import ControllerConfig, Fidelity, checked_fidelity
from enas_viz.records.sampler import lstm_shapes
from enas_viz.search.asked import of_kind, whole
from enas_viz.search.training import draws
from enas_viz.spaces import Architecture, Space

MOST_SAMPLES = 10**9  # of one batched pass: more than any memory holds


class NonFinitePolicy(ArithmeticError):
    """A controller's logits or weights became infinite or not a number; the message says when."""


class LstmPolicy(nn.Module):
    """One LSTM layer, one matrix on [input, state], and the weights to decide with.

    Parameters (H hidden units, O operations), all uniform in (-init_range, init_range) at start:
    lstm (2H, 4H) in gate order input, forget, output, candidate; start (1, H), the first input;
    op_embedding (O, H); op_softmax (H, O); attention w1, w2 (H, H) and v (H, 1).
    """

    def __init__(
        self,
        space: Space,
        config: ControllerConfig | None = None,
        fidelity: Fidelity | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.space = space
        self.config = config or ControllerConfig()
        self.fidelity = checked_fidelity(fidelity)
        rng, bound = draws.torch_generator(seed, "controller"), self.config.init_range
        for name, shape in lstm_shapes(self.config.hidden, len(space.ops)).items():
            weight = torch.empty(shape).uniform_(-bound, bound, generator=rng)
            self.register_parameter(name, nn.Parameter(weight))

    def _uniforms(self, n: int, uniforms: Tensor | None, seed: int) -> Tensor:
        """The numbers that decide n samples: those given, once checked, or those of `seed`."""
        width, n = self.draws_per_sample, whole(n, "the number of samples", 0, MOST_SAMPLES)
        if uniforms is None:
            return draws.uniforms(seed, "derive", 0, 0, range(n), width)
        of_kind(uniforms, Tensor, f"a tensor of ({n}, {width}) uniforms")
        if uniforms.shape != (n, width):
            raise ValueError(f"uniforms must be ({n}, {width}); got {tuple(uniforms.shape)}")
        if not bool(((uniforms >= 0) & (uniforms < 1)).all()):
            raise ValueError("uniforms must be numbers from 0 to below 1; some are not")
        return uniforms

    def _check_spaces(self, architectures: Sequence[Architecture]) -> None:
        if not architectures:
            raise ValueError("there must be at least one architecture to score; got none")
        for architecture in architectures:
            of_kind(architecture, Architecture, "an Architecture")
            if architecture.space != self.space:
                raise ValueError(
                    f"the controller decides in {self.space}; got an architecture of "
                    f"{architecture.space}"
                )

    def _check_finite(self, *logits: Tensor) -> None:
        """Raises NonFinitePolicy for logits that are infinite or not a number."""
        if not all(bool(each.isfinite().all()) for each in logits):
            c = self.config
            raise NonFinitePolicy(
                f"the controller's logits are not finite: what it computes is too large for single "
                f"precision. Its numbers are init_range {c.init_range}, temperature "
                f"{c.temperature}, tanh_constant {c.tanh_constant}, lr {c.lr}, entropy_weight "
                f"{c.entropy_weight}, skip_weight {c.skip_weight}; bring the extreme ones back"
            )

    def _tempered(self, raw: Tensor) -> Tensor:
        return raw if self.config.temperature == 1 else raw / self.config.temperature

    def _lstm(
        self, given: Tensor, state: tuple[Tensor, Tensor], keeps: Tensor
    ) -> tuple[Tensor, Tensor]:
        """given: (n, 4H), what the input adds to the gates; keeps: (H, 4H), what the state does.

        While sampling, the candidate's columns of both come doubled: tanh x = 2 sigmoid 2x - 1,
        so that one sigmoid in place serves all gates (see `_attention`).
        """
        cell, hidden = state
        gates = torch.addmm(given, hidden, keeps)  # (n, 4H)
        if torch.is_grad_enabled():
            i, f, o, g = gates.chunk(4, 1)
            cell = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * cell
            return cell, torch.sigmoid(o) * torch.tanh(cell)
        i, f, o, half = gates.sigmoid_().chunk(4, 1)
        cell = torch.addcmul(f * cell - i, i, half, value=2)
        return cell, torch.addcmul(-o, o, (2 * cell).sigmoid_(), value=2)

    def _gates(self) -> tuple[Tensor, Tensor]:
        """(H, 4H) each: from an input, and from the state, to the gates as `_lstm` wants them."""
        lstm, hidden = self.lstm, self.config.hidden
        if not torch.is_grad_enabled():
            lstm = lstm.clone()
            lstm[:, 3 * hidden :] *= 2
        return lstm[:hidden], lstm[hidden:]

    def _attention(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(n, q, H) queries against (n, a, H) keys of anchors: (n, q, a) scores, not yet shaped."""
        asked = (queries @ self.w2)[:, :, None]  # (n, q, 1, H)
        if torch.is_grad_enabled():
            return (torch.tanh(asked + keys[:, None]) @ self.v)[..., 0]
        # While sampling, tanh x = 2 sigmoid 2x - 1, with the 2 and the 1 moved out of the large
        # tensor: PyTorch's sigmoid is several times faster on a CPU. Exact to 1e-7, enough to
        # sample from; gradients are sums in which more of it would be seen.
        half = torch.add(2 * asked, keys[:, None], alpha=2).sigmoid_()
        return (half @ (2 * self.v))[..., 0] - self.v.sum()


def pick(logits: Tensor, uniforms: Tensor) -> Tensor:
    """(n,) picks from (n, options) logits, decided by (n,) uniform numbers in [0, 1)."""
    cumulative = torch.softmax(logits, -1).cumsum(-1)[:, :-1]  # the last is 1
    return (uniforms[:, None] >= cumulative).sum(-1)


def taken(picked: Tensor, given: Tensor | None, at: int | slice) -> Tensor:
    """What was picked, but for the columns `at` of `given` that are not below 0."""
    if given is None:
        return picked
    wanted = given[:, at]
    return torch.where(wanted >= 0, wanted.to(picked.dtype), picked)


def stack(states: list[Tensor]) -> Tensor:
    """(n, k, H) from k states of (n, H)."""
    return torch.stack(states, 1)
