"""Curves of a search: what it was rewarded with, how sure the policy became, what it preferred.

`series` computes them from a trace, `figure` draws them with matplotlib. Not here: the
drawing of networks (`scene`, `svg`); showing and saving (`export.plot`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from enas_viz.facts.limits import reach_of_header
from enas_viz.recipes import ControllerConfig, recorded_fidelity
from enas_viz.records.trace import Episode, Header, Trace
from enas_viz.spaces import Space
from enas_viz.view import kinds
from enas_viz.view.assets import palette

WINDOW = 50  # episodes in the moving mean of the reward


@dataclass(frozen=True)
class Series:
    """Per episode: accuracy, its moving mean, baseline (None where not recorded; see `Baseline`).

    Per epoch: reward, the mean accuracy; baselines, as they stood at its end; shares, for every
    operation the share of all sampled places that use it, in [0, 1]; place_shares, the same for
    each place by itself, by its name: a layer, or a node of a cell (its two operations together);
    shape, the mean of `Space.wiring_statistic`; entropy in nats (mean of the samples, None if
    unknown).
    """

    accuracy: tuple[float, ...]
    smooth: tuple[float, ...]
    baseline: tuple[float | None, ...]
    epochs: tuple[int, ...]
    reward: tuple[float, ...]
    baselines: tuple[float | None, ...]
    shares: dict[str, tuple[float, ...]]
    place_shares: dict[str, dict[str, tuple[float, ...]]]
    shape: tuple[float, ...]
    entropy: tuple[float | None, ...]


def series(trace: Trace) -> Series:
    """The curves of a search. Raises ValueError when it holds no episode with an accuracy."""
    space = trace.space
    episodes = [e for e in trace.episodes if e.is_scored]
    if not episodes:
        raise ValueError("the trace has no episode with an accuracy, so there is no curve to draw")
    accuracy = [e.accuracy for e in episodes]
    moving = Baseline(trace.header)
    baselines = [moving.of(e) for e in episodes]
    smooth, total = [], 0.0
    for i, a in enumerate(accuracy):
        total += a - (accuracy[i - WINDOW] if i >= WINDOW else 0)
        smooth.append(total / min(i + 1, WINDOW))
    groups: dict[int, list[Any]] = {}
    for e in episodes:
        groups.setdefault(e.epoch, []).append(e)
    tallies = []
    for group in groups.values():
        tallies.append(Tally(space, trace.header.fidelity))
        for e in group:
            tallies[-1].add(e)
    names = space.places
    places = {
        name: {
            op: tuple(tally.shares[k][number] for tally in tallies)
            for number, op in enumerate(space.ops)
        }
        for k, name in enumerate(names)
    }
    overall = {
        op: tuple(
            sum(at) / len(names) for at in zip(*(s[op] for s in places.values()), strict=True)
        )
        for op in space.ops
    }
    return Series(
        tuple(accuracy),
        tuple(smooth),
        tuple(baselines),
        tuple(groups),
        tuple(tally.reward for tally in tallies),
        tuple(baselines[end - 1] for end in accumulate(map(len, groups.values()))),
        overall,
        places,
        tuple(tally.shape for tally in tallies),
        tuple(tally.entropy for tally in tallies),
    )


def summary(trace: Trace, found: Series | None = None) -> str:
    """The curves of a search in a few sentences, for those who do not see them.

    found: what `series` made of it, where that is known. Raises ValueError when it holds no episode
    with an accuracy.
    """
    found = found or series(trace)
    last = {op: shares[-1] for op, shares in found.shares.items()}
    most = sorted(last, key=lambda op: -last[op])[:2]
    kind = kinds.of(trace.space)
    told = [
        trend("Mean reward", found.epochs, found.reward, "{:.1%}"),
        f"Best of {len(found.accuracy):,} samples: {max(found.accuracy):.1%}.",
        trend("Entropy in nats", found.epochs, found.entropy, "{:.1f}"),
        trend(kind.wiring, found.epochs, found.shape, kind.wiring_form),
        "Operations sampled most in the last epoch: "
        + ", ".join(f"{op.label} {last[op]:.0%}" for op in most)
        + ".",
    ]
    return " ".join(filter(None, told))


def trend(
    what: str, epochs: Sequence[int], values: Sequence[float | None], form: str = "{:.3g}"
) -> str:
    """A curve in a sentence: start, end, extremes, which way it goes; "" where nothing is known.

    epochs: from 0, one for each value; None: not known. form: how a value is written.
    The rule: with d the mean of the last fifth of the values less that of the first fifth, a curve
    stays level if d is at most twice the mean distance of a value from the middle of its two
    neighbours, which is how much the curve trembles; else it rises or falls;
    most of the change lies between the first value that has made a tenth of d and the first that
    has made nine tenths.
    """
    known = [(e + 1, v) for e, v in zip(epochs, values, strict=True) if _known(v) is not None]
    if not known:
        return ""
    (first, start), (last, end) = known[0], known[-1]
    if len(known) == 1:
        return f"{what}: {form.format(start)} in epoch {first}."
    numbers = [v for _, v in known]
    part = -(-len(known) // 5)
    before = sum(numbers[:part]) / part
    change = sum(numbers[-part:]) / part - before
    inner = zip(numbers, numbers[1:], numbers[2:], strict=False)
    noise = sum(abs(v - (a + b) / 2) for a, v, b in inner) / max(1, len(numbers) - 2)
    span = f"from {form.format(start)} in epoch {first} to {form.format(end)} in epoch {last}"
    (low, lowest), (high, highest) = (pick(known, key=lambda pair: pair[1]) for pick in (min, max))
    ends = (
        f"lowest {form.format(lowest)} (epoch {low}), highest {form.format(highest)} (epoch {high})"
    )
    if abs(change) <= 2 * noise + 1e-9 * max(map(abs, numbers)):
        return f"{what} stays level, {span}; {ends}."
    made = [(e, (v - before) / change) for e, v in known]
    begins, done = (next(e for e, share in made if share >= least) for least in (0.1, 0.9))
    way = "rises" if change > 0 else "falls"
    most = f"most of it between epochs {begins} and {done}" if begins < done else f"by epoch {done}"
    return f"{what} {way} {span}, {most}; {ends}."


def _known(value: float | None) -> float | None:
    """A recorded number; None where there is none, as NaN is none."""
    return value if value is not None and math.isfinite(value) else None


class Baseline:
    """The moving baseline on the scale of accuracy, sample by sample.

    A reward is the accuracy and more: weighted entropy, perhaps minus the skip penalty. The
    baseline averages all of it. Here its average of that rest is taken away, so that it can be
    drawn beside accuracies: an entropy weight of 0.1 alone adds several whole units to it.
    """

    def __init__(self, header: Header) -> None:
        controller = header.recipe.get("controller")
        told = controller.get("baseline_decay") if isinstance(controller, dict) else None
        known = type(told) in (int, float) and 0 <= told <= 1
        self._decay = told if known else ControllerConfig().baseline_decay
        starts_at_first = recorded_fidelity(header.fidelity).baseline_start == "first_reward"
        self._rest = None if starts_at_first else 0.0

    def of(self, episode: Episode) -> float | None:
        """After one more sample, whose accuracy is known; None where no baseline is recorded."""
        reward, baseline = _known(episode.reward), _known(episode.baseline)
        rest = 0.0 if reward is None else reward - episode.accuracy
        before = rest if self._rest is None else self._rest
        self._rest = before + (1 - self._decay) * (rest - before)
        return None if baseline is None else baseline - self._rest


class Tally:
    """What the samples of one epoch have in common, counted sample by sample.

    last_shape: of the sample that was added last, what `Series.shape` is the mean of.
    """

    def __init__(self, space: Space, fidelity: dict[str, Any]) -> None:
        self.space, self.count, self.last_shape = space, 0, 0.0
        self._counts_inputs = fidelity.get("loose_inputs", "count") == "count"
        self._ops = [[0] * len(space.ops) for _ in space.places]
        self._shapes = self._rewards = 0.0
        self._entropies: list[float] = []

    def add(self, episode: Episode) -> None:
        """Counts one sample; its accuracy is known."""
        for counts, ops in zip(
            self._ops, self.space.ops_by_place(episode.architecture), strict=True
        ):
            for op in ops:
                counts[op] += 1
        self.last_shape = self.space.wiring_statistic(episode.architecture, self._counts_inputs)
        self._shapes += self.last_shape
        self._rewards += episode.accuracy
        if (entropy := entropy_of(episode)) is not None:
            self._entropies.append(entropy)
        self.count += 1

    @property
    def shares(self) -> list[list[float]]:
        """For each place the share of each operation, in [0, 1]."""
        return [[n / sum(counts) for n in counts] for counts in self._ops]

    @property
    def reward(self) -> float:
        """The mean accuracy."""
        return self._rewards / self.count

    @property
    def shape(self) -> float:
        return self._shapes / self.count

    @property
    def entropy(self) -> float | None:
        """The mean entropy in nats of the samples that tell it."""
        return sum(self._entropies) / len(self._entropies) if self._entropies else None


def entropy_of(episode: Episode) -> float | None:
    """Nats, as the search recorded it; None where it did not."""
    found = episode.extra.get("entropy")
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if number and math.isfinite(found) else None


def tells_whole_entropy(header: Header) -> bool:
    """Whether a search recorded the entropy of its whole policy, not just the term of what was
    picked, to which no limit applies."""
    if header.recipe.get("strategy", "enas") != "enas":
        return False  # there is no policy
    picked = header.fidelity.get("entropy") == "sampled"
    return not (picked and kinds.of(header.space).tells_picked_entropy)


def figure(trace: Trace, recolour: Callable[[str, bool], str] = lambda colour, _: colour) -> Any:
    """A matplotlib Figure: reward and baseline, the operations that the policy samples, entropy.

    recolour: makes of a colour of the light palette, and of whether letters have it, the one to
    draw with.
    Behind the entropy stands the band that the policy's capped logits can reach, where the trace
    knows its controller.
    """
    from matplotlib.figure import Figure  # not pyplot: figures may be drawn from any thread

    found = series(trace)
    words = {"--enas-ink", "--enas-muted"}
    colours = {name: recolour(light, name in words) for name, (light, _) in palette().items()}
    ink, muted = colours["--enas-ink"], colours["--enas-muted"]
    made = Figure(figsize=(11, 3.6), layout="constrained")
    left, middle, right = made.subplots(1, 3)

    n = range(1, len(found.accuracy) + 1)
    left.plot(n, found.accuracy, ".", color=colours["--enas-arc"], alpha=0.5, markersize=1.5)
    left.plot(n, found.smooth, color=colours["--enas-conv3x3"], label=f"mean of {WINDOW}")
    left.plot(n, found.baseline, color=ink, linestyle="--", label="baseline")
    left.set(title="Reward accuracy", xlabel="sampled architectures", ylim=(0, 1))
    left.legend(frameon=False, loc="lower right")

    epochs = [e + 1 for e in found.epochs]
    ops = list(found.shares)
    middle.stackplot(
        epochs,
        [found.shares[op] for op in ops],
        colors=[colours[f"--enas-{op.slot}"] for op in ops],
        labels=[op.label for op in ops],
    )
    middle.set(
        title="Operations sampled", xlabel="epoch", ylim=(0, 1), xlim=(1, max(2, epochs[-1]))
    )
    handles, labels = middle.get_legend_handles_labels()
    middle.legend(
        handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1, 0.5)
    )

    header = trace.header
    band = None
    if tells_whole_entropy(header):
        band = reach_of_header(header.recipe, header.fidelity, header.space, header.order)
    if band:
        right.axhspan(
            band.entropy_low,
            band.entropy_high,
            color=colours["--enas-arc"],
            alpha=0.25,
            linewidth=0,
            label=f"reachable: {band.entropy_low:.1f} to {band.entropy_high:.1f}",
        )
        right.legend(frameon=False, loc="lower left", fontsize=9)
    right.plot(epochs, found.entropy, color=colours["--enas-conv3x3"])
    right.set(title="Entropy of a sample, in nats", xlabel="epoch")
    right.set_ylim(bottom=0)
    for axes in (left, middle, right):
        axes.title.set(color=ink, fontsize=11)
        axes.xaxis.label.set(color=muted, fontsize=9)
        axes.tick_params(colors=muted, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["bottom", "left"]].set_color(muted)
        for text in axes.get_legend().get_texts() if axes.get_legend() else ():
            text.set_color(ink)
    return made
