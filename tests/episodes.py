"""Episodes with made-up logits, for tests of the view: no controller, no torch."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from enas_viz.records.trace import Episode, Epoch, Header, Step, Trace
from enas_viz.records.training_counts import count, to_json
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace, Order
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO

SIZES = {"network": {"filters": 36}, "data": {"resolution": 32}}


def made_up_episode(
    layers: int = 12,
    order: Order = "op-first",
    seed: int = 0,
    wiring: str = "layer",
    sizes: bool = True,
    merge: str = "add",
) -> Episode:
    """An episode whose logits are drawn at random and whose picks are sampled from them."""
    rng = random.Random(seed)
    space = MacroSpace(layers, wiring=wiring)
    steps = []
    for decision in space.steps(order):
        if decision.kind == "silent":
            steps.append(Step(decision))
            continue
        width = 1 if decision.kind == "skip" else decision.options
        centre = -0.35 if decision.kind == "skip" else 0.0
        logits = tuple(
            tuple(float(f"{rng.gauss(centre, 0.7):.6g}") for _ in range(width))
            for _ in range(decision.rows)
        )
        rows = Step(decision, (0,) * decision.rows, logits).probabilities
        picks = tuple(rng.choices(range(len(row)), row)[0] for row in rows)
        steps.append(Step(decision, picks, logits))
    header = Header(
        space, order, recipe=SIZES if sizes else {}, fidelity={"skip_merge_search": merge}
    )
    return Episode(_assembled(space, steps), tuple(steps), order=order, header=header)


def made_up_trace(layers: int = 6, epochs: int = 10, per_epoch: int = 20, **how: Any) -> Trace:
    """A search in which every episode kept its steps, and whose made-up accuracies rise. how: as
    `made_up_episode` takes it."""
    made = [made_up_episode(layers, seed=i, **how) for i in range(epochs * per_epoch)]
    return _as_search(made, per_epoch)


def _as_search(made: list[Episode], per_epoch: int) -> Trace:
    rng = random.Random(1)
    header = made[0].header
    episodes = []
    for i, episode in enumerate(made):
        accuracy = round(0.1 + 0.6 * i / len(made) + rng.uniform(-0.08, 0.08), 3)
        episodes.append(
            replace(
                episode,
                accuracy=accuracy,
                reward=accuracy + 0.001,
                baseline=round(0.6 * i / len(made), 3),
                epoch=i // per_epoch,
                sample=i % per_epoch,
                n=i + 1,
                header=header,
                extra={"entropy": round(40 - 10 * i / len(made), 2)},
            )
        )
    return Trace(header, tuple(episodes))


def made_up_article_episode(order: Order = "skips-first", seed: int = 0) -> Episode:
    """The article's example with made-up logits around its picks."""
    rng = random.Random(seed)
    steps = []
    for decision in ARTICLE_MACRO.space.steps(order):
        row = ARTICLE_MACRO.content[decision.at]
        picks = {"op": row[:1], "skip": row[1:], "silent": ()}[decision.kind]
        width = 1 if decision.kind == "skip" else decision.options
        logits = tuple(tuple(rng.gauss(0, 0.3) for _ in range(width)) for _ in picks)
        steps.append(Step(decision, picks, logits))
    header = Header(ARTICLE_MACRO.space, order, fidelity={"skip_merge_search": "concat"})
    note = "The article's example; its probabilities here are made up for a test."
    return Episode(ARTICLE_MACRO, tuple(steps), order=order, note=note, header=header)


def made_up_cells(nodes: int = 5, seed: int = 0, loose_inputs: str = "count") -> Episode:
    """A pair of cells sampled from logits drawn at random."""
    rng = random.Random(seed)
    space = MicroSpace(nodes)
    cells = {cell: [[] for _ in range(nodes)] for cell in space.cells}
    steps = []
    for decision in space.steps():
        if decision.kind == "silent":
            steps.append(Step(decision))
            continue
        logits = (tuple(float(f"{rng.gauss(0, 0.7):.6g}") for _ in range(decision.options)),)
        (row,) = Step(decision, (0,), logits).probabilities
        picks = (rng.choices(range(len(row)), row)[0],)
        cells[decision.cell][decision.at - 2].append(picks[0])
        steps.append(Step(decision, picks, logits))
    architecture = Architecture(
        space, tuple(tuple(map(tuple, cells[cell])) for cell in space.cells)
    )
    header = Header(space, "indices-first", fidelity={"loose_inputs": loose_inputs})
    return Episode(architecture, tuple(steps), order="indices-first", header=header)


def made_up_article_cells(seed: int = 0) -> Episode:
    """The article's cell with made-up logits around its picks."""
    rng = random.Random(seed)
    ((*nodes,),) = ARTICLE_MICRO.content
    place = {"index": 0, "op": 2}
    steps = []
    for decision in ARTICLE_MICRO.space.steps():
        if decision.kind == "silent":
            steps.append(Step(decision))
            continue
        pick = nodes[decision.at - 2][place[decision.kind] + decision.side]
        logits = (tuple(rng.gauss(0, 0.3) for _ in range(decision.options)),)
        steps.append(Step(decision, (pick,), logits))
    header = Header(ARTICLE_MICRO.space, "indices-first")
    note = "The article's cell; its probabilities here are made up for a test."
    return Episode(ARTICLE_MICRO, tuple(steps), order="indices-first", note=note, header=header)


def made_up_micro_trace(nodes: int = 3, epochs: int = 10, per_epoch: int = 20) -> Trace:
    """A search of cells in which every episode kept its steps."""
    return _as_search([made_up_cells(nodes, i) for i in range(epochs * per_epoch)], per_epoch)


def with_counts(trace: Trace, minibatches: int = 8) -> Trace:
    """The same search with an epoch's record after its samples, which says what was trained: as
    many architectures as minibatches, drawn evenly."""
    rng, records, n = random.Random(2), [], 0
    for k in range(trace.episodes[-1].epoch + 1):
        own = [episode for episode in trace.episodes if episode.epoch == k]
        children = [trace.space.sample(rng) for _ in range(minibatches)]
        merge = trace.header.fidelity.get("skip_merge_search", "add")
        told = to_json(count(children, trace.space, merge=merge), trace.space)
        for episode in own:
            n += 1
            records.append(replace(episode, n=n))
        n += 1
        records.append(Epoch(k, steps=minibatches, n=n, extra={"trained": told}))
    return replace(trace, records=tuple(records))


def _assembled(space: MacroSpace, steps: list[Step]) -> Architecture:
    ops, bits = {}, {}
    for step in steps:
        (ops if step.decision.kind == "op" else bits)[step.decision.at] = step.picks
    return Architecture(space, tuple((*ops[k], *bits.get(k, ())) for k in range(space.layers)))
