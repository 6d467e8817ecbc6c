"""Curves of a search: what it was rewarded with, how sure the policy became, what it preferred.

`series` computes them from a trace, `figure` draws them with matplotlib. Leaves to others: the
drawing of networks (`scene`, `svg`); showing and saving (`export.plot`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enas_viz.trace import Trace
from enas_viz.view.graph import macro
from enas_viz.view.scene import OPERATIONS
from enas_viz.view.svg import palette

WINDOW = 50  # episodes in the moving mean of the reward


@dataclass(frozen=True)
class Series:
    """Per episode: accuracy, its moving mean, baseline (None where not recorded).

    Per epoch: shares, for every operation the share of all sampled layers that use it, in [0, 1];
    skip_rate, the share of skip bits set; entropy in nats (mean of the samples, None if unknown).
    """

    accuracy: tuple[float, ...]
    smooth: tuple[float, ...]
    baseline: tuple[float | None, ...]
    epochs: tuple[int, ...]
    shares: dict[str, tuple[float, ...]]
    skip_rate: tuple[float, ...]
    entropy: tuple[float | None, ...]


def series(trace: Trace) -> Series:
    """The curves of a macro search. Raises ValueError when it holds no episode with an accuracy."""
    space = macro(trace.space)
    episodes = [e for e in trace.episodes if e.accuracy is not None]
    if not episodes:
        raise ValueError("the trace has no episode with an accuracy, so there is no curve to draw")
    accuracy = [e.accuracy for e in episodes]
    smooth, total = [], 0.0
    for i, a in enumerate(accuracy):
        total += a - (accuracy[i - WINDOW] if i >= WINDOW else 0)
        smooth.append(total / min(i + 1, WINDOW))
    groups: dict[int, list[Any]] = {}
    for e in episodes:
        groups.setdefault(e.epoch, []).append(e)
    shares: dict[str, list[float]] = {op: [] for op in space.ops}
    for group in groups.values():
        named = [op for e in group for op in space.op_names(e.architecture)]
        for op in space.ops:
            shares[op].append(named.count(op) / len(named))
    rates = [sum(space.skip_rate(e.architecture) for e in g) / len(g) for g in groups.values()]
    entropies = [_mean([e.extra.get("entropy") for e in g]) for g in groups.values()]
    return Series(
        tuple(accuracy),
        tuple(smooth),
        tuple(e.baseline for e in episodes),
        tuple(groups),
        {op: tuple(values) for op, values in shares.items()},
        tuple(rates),
        tuple(entropies),
    )


def figure(trace: Trace) -> Any:
    """A matplotlib Figure: reward and baseline, the operations that the policy samples, entropy."""
    from matplotlib.figure import Figure  # not pyplot: figures may be drawn from any thread

    found = series(trace)
    colours = {name: light for name, (light, _) in palette().items()}
    ink, muted = colours["--enas-ink"], colours["--enas-muted"]
    made = Figure(figsize=(11, 3.6), layout="constrained")
    left, middle, right = made.subplots(1, 3)

    n = range(1, len(found.accuracy) + 1)
    left.plot(n, found.accuracy, ".", color=colours["--enas-line"], markersize=1.5)
    left.plot(n, found.smooth, color=colours["--enas-conv3x3"], label=f"mean of {WINDOW}")
    left.plot(n, found.baseline, color=colours["--enas-now"], linestyle="--", label="baseline")
    left.set(title="Reward accuracy", xlabel="sampled architectures", ylim=(0, 1))
    left.legend(frameon=False, loc="lower right")

    epochs = [e + 1 for e in found.epochs]
    ops = list(found.shares)
    middle.stackplot(
        epochs,
        [found.shares[op] for op in ops],
        colors=[colours[f"--enas-{op}"] for op in ops],
        labels=[" ".join(OPERATIONS[op][:2]) for op in ops],
    )
    middle.set(
        title="Operations sampled", xlabel="epoch", ylim=(0, 1), xlim=(1, max(2, epochs[-1]))
    )
    handles, labels = middle.get_legend_handles_labels()
    middle.legend(
        handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1, 0.5)
    )

    right.plot(epochs, found.entropy, color=colours["--enas-conv3x3"])
    right.set(title="Entropy of a sample, in nats", xlabel="epoch")
    right.set_ylim(bottom=0)
    for axes in (left, middle, right):
        axes.title.set(color=ink, fontsize=11)
        axes.xaxis.label.set(color=muted, fontsize=9)
        axes.tick_params(colors=muted, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return made


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
