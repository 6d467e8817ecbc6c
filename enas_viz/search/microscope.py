"""A policy known whole: every architecture's probability, score vector and reward.

`Exact` holds what a controller thinks of each architecture of a small space, so that any policy
gradient is a sum and not an estimate. `specimen` measures rewards besides, with the shared weights
of a search, as `enas_viz/facts/specimen.py` keeps them.

Not here: closed forms and estimates (`specimen.py`), training (`enas.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from enas_viz.facts.specimen import Specimen
from enas_viz.search.enas import Enas
from enas_viz.search.nets.controller import Controller
from enas_viz.search.training import draws
from enas_viz.search.training.step import count_right_each
from enas_viz.spaces import Architecture, Space

MOST = 1000  # architectures that are enumerated
IMAGES = (10, 25, 50, 100, 200)  # of a minibatch; a byte holds the right answers
MINIBATCHES = 64  # of each size


class Exact:
    """What a controller knows of every architecture of its space, in float64. It is not changed.

    architectures: n of them. log_probabilities, entropies, penalties: (n,), as its rollout has
    them; entropies as `fidelity.entropy` says. scores: (n, P), the gradients of log-probability
    with respect to all P parameters. Raises ValueError for a space of more than 1000 architectures.
    """

    def __init__(self, controller: Controller) -> None:
        self.architectures = every(controller.space)
        self._controller = copy.deepcopy(controller).double()
        self._rollout = self._controller.score(self.architectures)
        self.log_probabilities = self._rollout.log_probability.detach()
        self.probabilities = self.log_probabilities.exp()
        self.entropies = self._rollout.entropy
        self.penalties = self._rollout.penalty.detach()

    @cached_property
    def scores(self) -> Tensor:
        log_p = self._rollout.log_probability
        return torch.stack([self._gradient(one) for one in log_p])

    def expected(self, values: Tensor | Sequence[float]) -> float:
        """The mean over the policy of one value for each architecture, such as its reward."""
        return float(self.probabilities @ torch.as_tensor(values, dtype=torch.float64))

    def gradient(self, values: Tensor | Sequence[float]) -> Tensor:
        """(P,): the mean of REINFORCE's gradient when each architecture is paid its value.

        For values that do not depend on the policy it is the gradient of `expected(values)`.
        """
        paid = self.probabilities * torch.as_tensor(values, dtype=torch.float64)
        return paid @ self.scores

    def penalty_gradient(self) -> Tensor:
        """(P,): the mean gradient of the penalty that is added to a sample's loss."""
        return self._gradient(self.probabilities @ self._rollout.penalty)

    def shares(self, layer: int) -> dict[str, float]:
        """Of a macro policy: the probability of each operation in a layer, which counts from 1."""
        ops = self._controller.space.ops
        found = dict.fromkeys(ops, 0.0)
        for a, p in zip(self.architectures, self.probabilities.tolist(), strict=True):
            found[ops[a.content[layer - 1][0]]] += p
        return found

    def specimen(self, other: Specimen) -> Specimen:
        """The rewards of another specimen of the same space, under this policy."""
        if other.space != self._controller.space:
            raise ValueError(f"the specimen holds {other.space}; got {self._controller.space}")
        return replace(
            other,
            architectures=tuple(self.architectures),
            probabilities=tuple(self.probabilities.tolist()),
            entropies=tuple(self.entropies.tolist()),
            gram=tuple(map(tuple, (self.scores @ self.scores.T).tolist())),
        )

    def _gradient(self, value: Tensor) -> Tensor:
        weights = list(self._controller.parameters())
        found = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        return torch.cat(
            [
                (torch.zeros_like(w) if g is None else g).flatten()
                for w, g in zip(weights, found, strict=True)
            ]
        )


def every(space: Space, most: int = MOST) -> list[Architecture]:
    """All architectures of a space, in the order of their flat lists.

    Raises ValueError when there are more than `most`.
    """
    if space.size > most:
        raise ValueError(
            f"a space of up to {most} architectures can be enumerated; {space} has {space.size:,}"
        )
    return sorted(space.all(), key=space.encode)


def specimen(
    search: Enas, images: Sequence[int] = IMAGES, minibatches: int = MINIBATCHES
) -> Specimen:
    """A search's policy with rewards under its shared weights, on minibatches that are drawn and
    treated as those of a search; besides, on the whole validation split.

    search: restored or under way; space of at most 1000 architectures. images: sizes of
    minibatches, each at most 255. Raises ValueError for others.
    """
    exact, data = Exact(search.controller), search.data
    if wrong := [m for m in images if not 1 <= m <= min(255, len(data.valid))]:
        raise ValueError(f"a minibatch has 1 to 255 validation images; got {wrong[0]}")
    right = {}
    for size in (*images, len(data.valid)):
        count = 1 if size == len(data.valid) else minibatches
        right[size] = tuple(_right(search, exact.architectures, size, k) for k in range(count))
    blank = Specimen(search.controller.space, (), (), (), (), right)
    return exact.specimen(blank)


@torch.no_grad()
def _right(search: Enas, children: list[Architecture], size: int, batch: int) -> tuple[int, ...]:
    """How many images of one validation minibatch each child gets right."""
    rng = draws.generator(search.seed, "reward", search.at.epoch, batch, size)
    index = rng.choice(len(search.data.valid), size, replace=False, shuffle=False)
    images, labels = search.data.valid.take(draws.put(index, search.device))
    images = search.data.normalise(images)
    search.net.eval()
    found, drops = [0] * len(children), [None] * len(children)
    for k, count in count_right_each(
        search.net, children, images, labels, search.recipe.compute, drops
    ):
        found[k] = int(count)
    return tuple(found)
