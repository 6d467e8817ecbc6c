"""What a search found: candidates ranked on the same images, and two honest comparisons.

`derive` samples architectures from the trained policy and ranks them. `compare_shared` asks
whether the policy learned anything under shared weights; `compare_alone` whether what it found
is better than chance once every network has weights of its own. Test images are never touched.

Source of the ranking: Pham et al. 2018, section 2.3 (there on one minibatch; here on the whole
validation split).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from scipy import stats

from enas_viz.recipes import Recipe
from enas_viz.search import draws
from enas_viz.search.data import Data, augment
from enas_viz.search.enas import Enas
from enas_viz.search.supernet import Supernet, make_supernet
from enas_viz.search.train import (
    count_right,
    evaluating,
    learning_rate,
    make_optimiser,
    refit_batch_norm,
    train_step,
)
from enas_viz.space import Architecture, MacroSpace, Space

SURE = 0.05  # a difference is told as one when chance alone would show it in less than 5 %

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Candidate:
    """An architecture and its accuracy in [0, 1] on `images` validation images, shared weights.

    standard_error: of that accuracy, from the finite number of images; binomial.
    """

    architecture: Architecture
    accuracy: float
    standard_error: float
    log_probability: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Two groups of accuracies in [0, 1]; p_value: of Welch's t-test that their means are equal."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def p_value(self) -> float:
        if len(set(self.first) | set(self.second)) == 1:
            return 1.0  # no spread at all: nothing to tell apart
        return float(stats.ttest_ind(self.first, self.second, equal_var=False).pvalue)

    @property
    def differs(self) -> bool:
        return self.p_value < SURE

    @property
    def verdict(self) -> str:
        """ "first higher", "second higher" or "no difference"."""
        if not self.differs:
            return "no difference"
        first, second = mean_and_error(self.first)[0], mean_and_error(self.second)[0]
        return "first higher" if first > second else "second higher"


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """(mean, standard error of the mean); the error of a single value is not known: nan."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    spread = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(spread / len(values))


def derive(
    search: Enas, n: int = 10, *, seed: int | None = None, progress: Progress | None = None
) -> list[Candidate]:
    """n architectures of the trained policy, ranked by accuracy on the whole validation split.

    All are scored on the same images, in the same minibatches. Ties keep the order of sampling.
    seed: of the sampling, by default the search's own. Raises ValueError when n is not positive.
    """
    if n < 1:
        raise ValueError(f"the number of candidates must be at least 1; got {n}")
    rollout = _policy(search, n, seed)
    children = rollout.architectures()
    accuracies = validate(search, children, progress)
    images = len(search.data.valid)
    found = [
        Candidate(child, a, math.sqrt(a * (1 - a) / images), float(log_probability))
        for child, a, log_probability in zip(
            children, accuracies, rollout.log_probability, strict=True
        )
    ]
    return sorted(found, key=lambda c: -c.accuracy)


def compare_shared(
    search: Enas, n: int = 50, *, seed: int | None = None, progress: Progress | None = None
) -> Comparison:
    """The policy's samples against uniform ones (macro: uniform operations at its own skip rate).

    Both n on the whole validation split with the same shared weights, so that what differs is
    the choice of operations and sources (macro: of which skips, not of how many).
    """
    policy = _policy(search, n, seed).architectures()
    seed = search.seed if seed is None else seed
    chance = uniform(search.recipe.space, n, seed, _skip_rate(policy))
    accuracies = validate(search, [*policy, *chance], progress)
    return Comparison(tuple(accuracies[:n]), tuple(accuracies[n:]))


def compare_alone(
    search: Enas,
    best: Sequence[Architecture],
    *,
    epochs: int,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """The found architectures against as many random ones, each trained alone, equally long."""
    seed = search.seed if seed is None else seed
    chance = uniform(search.recipe.space, len(best), seed + 1, _skip_rate(best))
    accuracies = []
    for k, child in enumerate((*best, *chance)):
        accuracies.append(
            train_alone(child, search.recipe, search.data, epochs=epochs, seed=seed, number=k)
        )
        if progress:
            progress(k + 1, 2 * len(best))
    return Comparison(tuple(accuracies[: len(best)]), tuple(accuracies[len(best) :]))


def uniform(space: Space, n: int, seed: int, skip_rate: float = 0.5) -> list[Architecture]:
    """n architectures by chance; skip_rate: how frequent the skips of macro ones are."""
    options = (skip_rate,) if isinstance(space, MacroSpace) else ()
    made = []
    for k in range(n):
        rng = random.Random(int(draws.generator(seed, "uniform", 0, 0, k).integers(2**63)))
        made.append(space.sample(rng, *options))
    return made


def _skip_rate(architectures: Sequence[Architecture]) -> float:
    """The mean share of skips that are on; 0 where cells have none to choose."""
    space = architectures[0].space
    if not isinstance(space, MacroSpace):
        return 0.0
    return sum(map(space.skip_rate, architectures)) / len(architectures)


@torch.no_grad()
def validate(
    search: Enas, architectures: Sequence[Architecture], progress: Progress | None = None
) -> list[float]:
    """Accuracy of each architecture on the whole validation split, under the shared weights."""
    found = []
    with evaluating(search.net):
        for k, child in enumerate(architectures):
            if search.recipe.fidelity.reward_bn == "refit":
                refit_batch_norm(search.net, child, search.refit_batches())
                search.net.eval()
            found.append(_accuracy(search.net, child, search.data, search.recipe))
            if progress:
                progress(k + 1, len(architectures))
    return found


def train_alone(
    architecture: Architecture,
    recipe: Recipe,
    data: Data,
    *,
    epochs: int,
    seed: int = 0,
    number: int = 0,
) -> float:
    """Validation accuracy of one architecture with fresh weights of its own, after `epochs`.

    The network is the supernet's single path, trained by the recipe's own rules with one cosine
    over all epochs. number: which network of an experiment this is, so that each has weights and
    minibatches of its own.
    """
    schedule = recipe.train.__class__(
        **{**recipe.train.__dict__, "epochs": epochs, "restart_period": epochs}
    )
    seed = seed + 1000 * number
    device = data.mean.device
    net = make_supernet(recipe, data.channels, len(data.classes), seed, "alone").to(device)
    optimiser = make_optimiser(net, schedule)
    step = 0
    for epoch in range(epochs):
        for index in _epoch_batches(data, recipe, seed, epoch):
            rng = draws.generator(seed, "alone", epoch, step, 1)
            images = data.normalise(data.train.images[index])
            images = augment(images, recipe.data.crop_padding, recipe.data.flip, rng)
            drop = draws.dropout_mask(
                (len(index), net.features),
                recipe.network.keep_prob,
                rng,
                device,
            )
            train_step(
                net,
                optimiser,
                architecture,
                images,
                data.train.labels[index],
                learning_rate(schedule, epoch),
                recipe.fidelity,
                recipe.compute,
                drop,
            )
            step += 1
    net.eval()
    return _accuracy(net, architecture, data, recipe)


def _policy(search: Enas, n: int, seed: int | None):
    width = search.controller.draws_per_sample
    seed = search.seed if seed is None else seed
    numbers = draws.uniforms(seed, "derive", 0, 0, range(n), width)
    return search.controller.sample(n, uniforms=numbers)


def _accuracy(net: Supernet, child: Architecture, data: Data, recipe: Recipe) -> float:
    right = 0
    size = recipe.train.batch_size
    for at in range(0, len(data.valid), size):
        images = data.normalise(data.valid.images[at : at + size])
        labels = data.valid.labels[at : at + size]
        right += int(count_right(net, child, images, labels, recipe.compute))
    return right / len(data.valid)


def _epoch_batches(data: Data, recipe: Recipe, seed: int, epoch: int) -> Iterator[torch.Tensor]:
    order = draws.generator(seed, "alone", epoch, 0, 2).permutation(len(data.train))
    size = min(recipe.train.batch_size, len(data.train))
    for at in range(0, len(order) - size + 1, size):
        yield torch.from_numpy(order[at : at + size]).to(data.mean.device)
