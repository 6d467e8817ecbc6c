"""Inheritance: how often each of the shared weights was trained, and so by how many networks.

A minibatch trains one path through the supernet: of every layer one operation (macro), of every
input of a node one operation on one source (micro). `count` counts the paths of an epoch's
minibatches, which a search records with the epoch (field `trained`); `inheritance` reads these
counts from a trace, and estimates them where an older trace has none.

Not here: when they are counted (`search.enas`), drawing them (`view.sharing`).
Source: Pham et al. 2018, sections 2.2 and 2.4: which weights the architectures of a space share.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Protocol

from enas_viz.recipes import recorded_fidelity
from enas_viz.records.trace import Epoch, Trace
from enas_viz.spaces import Architecture, Space

Json = dict[str, Any]
MOST_MINIBATCHES = 10**9  # of an epoch; a damaged file that says more is refused


@dataclass(frozen=True)
class Trained:
    """What one epoch trained.

    minibatches: how many there were, each under an architecture of its own. counts: for every path
    (numbered as `paths` does) how many of them took it: whole numbers when `exact`, else an
    estimate. different: how many different architectures they were drawn as, None if unknown.
    """

    epoch: int
    minibatches: int
    counts: tuple[float, ...]
    different: int | None = None
    exact: bool = True


# ---------------------------------------------------------------- paths, by kind of space


class _Paths(Protocol):
    """The paths through the supernet of a space of `ops` operations."""

    def taken(self, architecture: Architecture, merge: str) -> list[int]:
        """The numbers of those that an architecture takes."""

    def count(self, space: Space) -> int:
        """How many there are."""

    def dispatched(self, space: Space) -> int:
        """How many, from number 0, select an operation of a layer by its number: those that the
        released code's slip leads to the last one (`fidelity.macro_dispatch="last_branch"`)."""

    def always(self, space: Space) -> slice:
        """Some of which every minibatch takes exactly one."""

    def nested(self, space: Space, take: Callable[[int], list[int]]) -> Json:
        """Counts as a record keeps them; `take` gives the next ones in order."""


class _LayerPaths:
    """Of every layer one operation, layer by layer, then the skips of every layer."""

    def taken(self, architecture: Architecture, merge: str) -> list[int]:
        space, content = architecture.space, architecture.content
        ops, reached = len(space.ops), space.reached(architecture, merge)
        taken = [k * ops + content[k][0] for k in reached]
        first = self.dispatched(space)
        for k in reached:
            start = first + k * (k - 1) // 2
            taken += [n for n, bit in enumerate(content[k][1:], start) if bit]
        return taken

    def count(self, space: Space) -> int:
        return self.dispatched(space) + space.skip_bits

    def dispatched(self, space: Space) -> int:
        return space.layers * len(space.ops)

    def always(self, space: Space) -> slice:
        """The operations of the last layer, which the classifier reads."""
        return slice((space.layers - 1) * len(space.ops), self.dispatched(space))

    def nested(self, space: Space, take: Callable[[int], list[int]]) -> Json:
        ops = [take(len(space.ops)) for _ in range(space.layers)]
        return {"ops": ops, "skips": [take(k) for k in range(space.layers)]}


class _CellPaths:
    """Of every node two, each an operation on a source: by cell, node, side, source, operation."""

    def taken(self, architecture: Architecture, merge: str) -> list[int]:
        ops = len(architecture.space.ops)
        taken, start = [], 0
        for cell in architecture.content:
            for sources, (i, j, a, b) in enumerate(cell, start=2):
                taken += [start + i * ops + a, start + (sources + j) * ops + b]
                start += 2 * sources * ops
        return taken

    def count(self, space: Space) -> int:
        ops = len(space.ops)
        return len(space.cells) * sum(2 * sources * ops for sources in range(2, space.nodes + 2))

    def dispatched(self, space: Space) -> int:
        return 0

    def always(self, space: Space) -> slice:
        """Those of the first node's first input on its two sources."""
        return slice(2 * len(space.ops))

    def nested(self, space: Space, take: Callable[[int], list[int]]) -> Json:
        ops = len(space.ops)
        counts = [
            [
                [[take(ops) for _ in range(sources)] for _ in (0, 1)]
                for sources in range(2, space.nodes + 2)
            ]
            for _ in space.cells
        ]
        return {"ops": counts}


PATHS: dict[str, _Paths] = {"macro": _LayerPaths(), "micro": _CellPaths()}


def paths(architecture: Architecture, merge: str = "add", last_op: bool = False) -> list[int]:
    """The numbers of the paths that an architecture takes through its supernet.

    Macro: of every layer one operation, layer by layer, then its skips; where these are a layer's
    input (merge="input", see `fidelity.skip_merge_search`), only of layers that the classifier
    depends on, since the others are not computed. Micro: of every node two,
    each an operation on a source; numbered by cell, node, side, source, operation.
    last_op: take the last operation of a layer whatever was sampled, since that is what the
    released code's slip trains (`fidelity.macro_dispatch="last_branch"`).
    """
    space = architecture.space
    by_kind, ops = PATHS[space.kind], len(space.ops)
    slips = by_kind.dispatched(space) if last_op else 0
    taken = by_kind.taken(architecture, merge)
    return [path if path >= slips else path - path % ops + ops - 1 for path in taken]


def size(space: Space) -> int:
    """How many paths there are."""
    return PATHS[space.kind].count(space)


# ---------------------------------------------------------------- counting


def count(
    architectures: Sequence[Architecture],
    space: Space,
    *,
    last_op: bool = False,
    merge: str = "add",
) -> list[int]:
    """How many of the architectures take each path, and at the end how many are different.

    merge, last_op: as for `paths`.
    """
    counts = [0] * size(space)
    for architecture in architectures:
        for path in paths(architecture, merge, last_op):
            counts[path] += 1
    return [*counts, len({a.content for a in architectures})]


def to_json(counted: Sequence[int], space: Space) -> Json:
    """What `count` found, as an epoch's record keeps it.

    "ops": macro [layer][operation], micro [cell][node][side][source][operation]; "skips", macro
    only: [layer][earlier layer, as in the architecture]; "architectures": how many different ones.
    """
    *counts, different = counted
    flat = iter(counts)
    nested = PATHS[space.kind].nested(space, lambda n: list(itertools.islice(flat, n)))
    return {**nested, "architectures": different}


# ---------------------------------------------------------------- reading


def inheritance(trace: Trace) -> tuple[Trained, ...]:
    """What every epoch of a search trained, in order.

    Of an epoch that recorded no counts they are estimated: the shares of its recorded samples times
    its minibatches. An epoch without counts and samples is left out.
    Raises ValueError when nothing is known of any epoch, for counts that the space cannot have, and
    for a search without shared weights.
    """
    judge = trace.header.recipe.get("judge")
    name = judge.get("name") if isinstance(judge, dict) else None
    if name not in (None, "shared"):
        raise ValueError(
            f"this search has no shared weights: its networks were judged by {shortened(name)}"
        )
    shares: dict[int, list[float]] = {}
    merge = recorded_fidelity(trace.header.fidelity).skip_merge_search
    unknown = {epoch.epoch for epoch in trace.epochs if "trained" not in epoch.extra}
    samples: dict[int, int] = {}
    for episode in trace.episodes if unknown else ():
        if episode.epoch in unknown:
            counts = shares.setdefault(episode.epoch, [0.0] * size(trace.space))
            for path in paths(episode.architecture, merge):
                counts[path] += 1
            samples[episode.epoch] = samples.get(episode.epoch, 0) + 1
    found = []
    for epoch in trace.epochs:
        if epoch.epoch not in unknown:
            found.append(_recorded(epoch, trace.space))
        elif epoch.epoch in samples:
            minibatches = epoch.steps * _accumulated(trace)
            each = minibatches / samples[epoch.epoch]
            counts = tuple(n * each for n in shares[epoch.epoch])
            found.append(Trained(epoch.epoch, minibatches, counts, exact=False))
    if not found:
        raise ValueError(
            "the trace says of no epoch what it trained: it has no whole epoch of a search, or "
            "none with samples or counts"
        )
    return tuple(found)


def _recorded(epoch: Epoch, space: Space) -> Trained:
    told = epoch.extra["trained"]
    where = f"the counts of epoch {epoch.epoch + 1} do not fit the space of the trace"
    if not isinstance(told, dict):
        raise ValueError(f"{where}: an object is expected")
    counts = [*_flat(told.get("ops")), *_flat(told.get("skips", []))]
    different = told.get("architectures")
    whole = all(type(n) is int and 0 <= n <= MOST_MINIBATCHES for n in [*counts, different or 0])
    if len(counts) != size(space) or not whole:
        raise ValueError(f"{where}: {size(space)} counts are expected, got {len(counts)}")
    minibatches = sum(counts[PATHS[space.kind].always(space)])
    return Trained(epoch.epoch, minibatches, tuple(counts), different)


def _flat(value: Any) -> Iterator[Any]:
    """The numbers of nested lists, in order; loaded traces are nested 50 times at most."""
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value


def _accumulated(trace: Trace) -> int:
    """Minibatches of a step; older traces knew only one."""
    train = trace.header.recipe.get("train")
    found = train.get("accumulate", 1) if isinstance(train, dict) else 1
    return found if type(found) is int and 0 < found < MOST_MINIBATCHES else 1


def total(trained: Iterable[Trained], space: Space) -> tuple[float, ...]:
    """The counts of several epochs, added up."""
    found = [0.0] * size(space)
    for epoch in trained:
        found = [a + b for a, b in zip(found, epoch.counts, strict=True)]
    return tuple(found)
