"""What a search found: candidates ranked on the same images, and two comparisons.

`derive` samples architectures from the trained policy, ranks them, and compares each with the first
of the ranking. `compare_shared` asks whether the policy learned anything under shared weights;
`compare_alone` asks whether the networks it found are better than random ones once every network
has weights of its own. Test images are never read.

Source of the ranking: Pham et al. 2018, section 2.2 (there on one minibatch; here by default on
the whole validation split).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from enas_viz.memory import told_when_out_of_memory
from enas_viz.recipes import GUIDED_SKIPS, Recipe
from enas_viz.records.trace import binomial_error
from enas_viz.search.asked import whole
from enas_viz.search.enas import Enas
from enas_viz.search.judges.alone import train_network
from enas_viz.search.runs import terms
from enas_viz.search.runs.maker import maker, others
from enas_viz.search.strategies.strategy import Key, Proposals
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data, Split
from enas_viz.search.training.step import evaluating, refit_batch_norm, right_answers
from enas_viz.spaces import Architecture, Space

SURE = 0.05  # two groups are told apart when equal ones would differ as much in less than 5 %
# Rankings of ten equally good networks that call at least one of them apart from the first.
FALSE_ALARMS = "10 to 13 %"  # benchmarks/results/ranking-equal.json
UNDECIDED = "cannot be told apart"  # the verdict when they are not: no proof that they are equal
MOST_CANDIDATES = 100_000  # of one ranking

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Candidate:
    """An architecture and its accuracy in [0, 1] on `images` validation images, shared weights.

    standard_error: of that accuracy, from the finite number of images; binomial.
    p_value: of McNemar's exact test against the first of the ranking, on the images that only one
    of the two gets right; Holm's correction for the number of tests. It does not correct for the
    choice of the first, which is the best on these very images. So it is too small: of ten equally
    good networks at least one is `apart` in 10 to 13 % of rankings, not in 5 % (`FALSE_ALARMS`).
    origin: its search and the images of that, for `train_child(..., origin=)`, which checks that
    it is trained on the same.
    """

    architecture: Architecture
    accuracy: float
    standard_error: float
    log_probability: float | None = None
    p_value: float = 1.0
    images: int = 0
    origin: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def apart(self) -> bool:
        """Whether `p_value` is below 5 %, which says less than it seems to: see there."""
        return self.p_value < SURE


@dataclass(frozen=True)
class Comparison:
    """Two groups of accuracies in [0, 1]; p_value: of Welch's t-test that their means are equal."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def p_value(self) -> float:
        if len(set(self.first) | set(self.second)) == 1:
            return 1.0  # no spread at all: nothing to tell apart
        from scipy import stats  # takes half as long to import as torch, so only where it is needed

        return float(stats.ttest_ind(self.first, self.second, equal_var=False).pvalue)

    @property
    def differs(self) -> bool:
        return self.p_value < SURE

    @property
    def verdict(self) -> str:
        """ "first higher", "second higher" or "cannot be told apart"."""
        if not self.differs:
            return UNDECIDED
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
    search: Enas,
    n: int = 10,
    *,
    batches: int = 0,
    bn: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> list[Candidate]:
    """n architectures of the trained policy, ranked by accuracy on the same validation images.

    Of another strategy than ENAS, what it proposes in the end: random search n new ones, evolution
    the best of its population. Without shared weights each is trained alone once more.

    batches: on so many minibatches of a training step's size, drawn by the seed (the paper: 1);
    0: on the whole validation split. bn: by which statistics batch norm works, as
    `fidelity.reward_bn` ("batch", "moving", "refit"); None: as in the search. Ties keep the order
    of sampling. seed: of the sampling, by default the search's own.
    Raises ValueError when n or batches is out of range, or when the search kept no moving
    statistics that `bn` could use.
    """
    search, n = terms.search_of(search), _count(n)
    seed = search.seed if seed is None else terms.seed_of(seed)
    proposals = _proposals(search, n, seed)
    children = list(proposals.architectures)
    right = _right_answers(search, children, _images(search, batches, seed), bn, progress)
    order = sorted(range(n), key=lambda k: -int(right[k].sum()))
    p_values = against_first(right[order])
    facts = {"recipe": search.recipe.name, "seed": search.seed, "data": search.data.facts()}
    if by := others(maker(search)):
        facts["made_by"] = by
    done, epochs = search.at.epoch, search.recipe.train.epochs
    if done < epochs:
        facts["unfinished"] = f"after {done} of {epochs} epochs"
    origin, found = {"how": "derive", **facts}, []
    for k, p_value in zip(order, p_values, strict=True):
        answered, count = int(right[k].sum()), right.shape[1]
        a, error = answered / count, binomial_error(answered, count)
        log_probability = proposals.log_probability(k)
        found.append(Candidate(children[k], a, error, log_probability, p_value, count, origin))
    return found


def _count(n: Any) -> int:
    return whole(n, "the number of candidates", 1, MOST_CANDIDATES)


def _images(search: Enas, batches: int, seed: int) -> torch.Tensor:
    """Which validation images candidates are scored on: so many minibatches, or all for 0."""
    count, size = len(search.data.valid), search.recipe.train.batch_size
    what = f"batches (0: all of the {count} validation images)"
    if not whole(batches, what, 0, -(-count // size)):
        return torch.arange(count)
    rng = draws.generator(seed, "derive", 0, 1)
    return torch.from_numpy(rng.permutation(count)[: batches * size])


def against_first(right: torch.Tensor) -> list[float]:
    """P-values of each row of right answers against the first row, corrected by Holm's method.

    The correction is for the number of tests, not for how the first row was chosen.
    """
    from scipy import stats

    raw = []
    for row in right[1:]:
        first_only = int((right[0] & ~row).sum())
        row_only = int((row & ~right[0]).sum())
        one_only = first_only + row_only
        raw.append(stats.binomtest(row_only, one_only).pvalue if one_only else 1.0)
    found, worst = [1.0] * (len(raw) + 1), 0.0
    for rank, k in enumerate(sorted(range(len(raw)), key=lambda k: raw[k])):
        worst = max(worst, min(1.0, raw[k] * (len(raw) - rank)))
        found[k + 1] = worst
    return found


def compare_shared(
    search: Enas, n: int = 50, *, seed: int | None = None, progress: Progress | None = None
) -> Comparison:
    """The policy's samples against uniform ones (macro: uniform operations at its own skip rate).

    Both n on the whole validation split with the same shared weights, so that what differs is
    the choice of operations and sources (macro: of which skips, not of how many).
    """
    search, n = terms.search_of(search, "net"), _count(n)
    seed = search.seed if seed is None else terms.seed_of(seed)
    policy = list(_proposals(search, n, seed).architectures)
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
    best = terms.architectures_of(best, terms.search_of(search).recipe.space)
    _count(len(best))
    epochs = whole(epochs, "epochs", 1, 10**9)
    seed = search.seed if seed is None else terms.seed_of(seed)
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
    """n random architectures; skip_rate: the probability of a skip in macro ones."""
    made = []
    for k in range(n):
        rng = random.Random(int(draws.generator(seed, "uniform", 0, 0, k).integers(2**63)))
        made.append(space.sample(rng, skip_rate))
    return made


def guided_random(space: Space, seed: int) -> Architecture:
    """One random architecture, as in the paper's guided random search (its section 3.3):
    uniform choices, macro skips with the probability that the controller is pulled to."""
    return uniform(space, 1, seed, GUIDED_SKIPS)[0]


def _skip_rate(architectures: Sequence[Architecture]) -> float:
    """The mean share of skips that are on; 0 where cells have none to choose."""
    return sum(map(architectures[0].space.skip_rate, architectures)) / len(architectures)


@torch.no_grad()
def validate(
    search: Enas,
    architectures: Sequence[Architecture],
    progress: Progress | None = None,
    images: int = 0,
) -> list[float]:
    """Accuracy of each architecture under the shared weights, on the first `images` of the
    validation split; 0: on all of it."""
    architectures = terms.architectures_of(
        architectures, terms.search_of(search, "net").recipe.space
    )
    count = len(search.data.valid)
    index = torch.arange(min(whole(images, "images", 0, 10**9) or count, count))
    right = _right_answers(search, architectures, index, None, progress)
    return [int(row.sum()) / len(index) for row in right]


def _right_answers(
    search: Enas,
    architectures: Sequence[Architecture],
    index: torch.Tensor,
    bn: str | None,
    progress: Progress | None,
) -> torch.Tensor:
    """(architectures, images) bool on the CPU: whether each gets each validation image right."""
    if not hasattr(search, "net"):
        return _right_alone(search, architectures, index, bn, progress)
    mode, net = bn or search.recipe.fidelity.reward_bn, search.net
    if mode not in ("batch", "moving", "refit"):
        raise ValueError(f"bn is one of batch, moving, refit; got {bn!r}")
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if mode != "batch" and not all(m.track_running_stats for m in norms):
        raise ValueError(
            f"bn {mode!r} needs a supernet with moving statistics, and this search kept none "
            f"(its fidelity.reward_bn is {search.recipe.fidelity.reward_bn!r}); use 'batch'"
        )
    kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
    found = torch.zeros(len(architectures), len(index), dtype=torch.bool)
    split = Split(*search.data.valid.take(index.to(search.device)))
    scoring = told_when_out_of_memory("scoring", "free some, or score on another device")
    with scoring, evaluating(net), torch.no_grad():
        for k, child in enumerate(architectures):
            if mode == "refit":
                refit_batch_norm(net, child, search.judge.refit_batches())
            net.eval()
            if mode == "batch":
                for module in norms:
                    module.train()  # looks at the batch; what it averages is put back below
            size = search.recipe.train.batch_size
            found[k] = right_answers(
                net, child, search.data, split, search.recipe.compute, size
            ).cpu()
            if progress:
                progress(k + 1, len(architectures))
    for name, buffer in net.named_buffers():
        buffer.copy_(kept[name])
    return found


def _right_alone(
    search: Enas,
    architectures: Sequence[Architecture],
    index: torch.Tensor,
    bn: str | None,
    progress: Progress | None,
) -> torch.Tensor:
    """As `_right_answers`, of a search without shared weights: each is trained alone once more."""
    if bn is not None:
        raise ValueError(f"bn is about shared weights, which this search has not; got {bn!r}")
    images, labels = search.data.valid.take(index.to(search.device))
    found = torch.zeros(len(architectures), len(index), dtype=torch.bool)
    for k, child in enumerate(architectures):
        done = train_network(
            child,
            search.recipe,
            search.data,
            epochs=search.recipe.judge.epochs,
            seed=search.seed,
            number=search.at.episodes + k,  # weights that no episode had
            ask=images,
        )
        found[k] = (done.answers == labels).cpu()
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

    number: which network of an experiment this is, so that each has weights and minibatches of its
    own. See `alone.train_network`.
    """
    trained = train_network(architecture, recipe, data, epochs=epochs, seed=seed, number=number)
    return trained.valid_right / len(data.valid)


def _proposals(search: Enas, n: int, seed: int) -> Proposals:
    """What the strategy has to show for it: n samples of a policy, the best of a population."""
    return search.strategy.propose(n, Key("derive", seed=seed))
