"""The policy: sampling architectures, and one update; in either space."""

from __future__ import annotations

import torch
from cases import Case
from figures import Figures, Turns
from peers import Peer

from enas_viz.search.nets.controller import ControllerOptimiser, make_controller

SAMPLES = 100


def controller(figures: Figures, case: Case, others: list[Peer], rounds: int) -> None:
    """Sampling 100 architectures in a pass, and one update on as many samples as the script's.

    A sample is what the peers' are: tensors of choices, its random numbers included.
    """
    policy = make_controller(case.recipe.space)
    optimiser = ControllerOptimiser(policy)
    given = policy.sample(case.update).architectures()
    advantage = torch.linspace(-1, 1, case.update)

    def update() -> None:
        scored = policy.score(given)
        optimiser.zero_grad()
        (scored.penalty - scored.log_probability * advantage).mean().backward()
        optimiser.step()

    turns = Turns()
    for _ in range(3 * rounds):
        turns.take("sample", lambda: policy.sample(SAMPLES))
        turns.take("listed", lambda: policy.sample(SAMPLES).architectures())
        turns.take("update", update)
    for _ in range(rounds):
        for peer in others:
            turns.take(f"sample {peer.name}", peer.sample)
            turns.take(f"update {peer.name}", lambda peer=peer: peer.update(advantage))
    each, took = turns.mean("sample") / SAMPLES, turns.mean("update")
    what = f"{case.name} sampling an architecture, {SAMPLES} in a pass"
    figures.add(what, 1e3 * each, "CPU-ms")
    listed = 1e3 * turns.mean("listed") / SAMPLES
    figures.add("the same, as Architecture objects", listed, "CPU-ms")
    for peer in others:
        theirs = turns.mean(f"sample {peer.name}")
        what = f"{case.name} sampling one with {peer.name}"
        figures.add(what, 1e3 * theirs, "CPU-ms", "ours", theirs / each)
    figures.add(f"{case.name} controller update on {case.update} samples", 1e3 * took, "CPU-ms")
    for peer in others:
        theirs = turns.mean(f"update {peer.name}")
        what = f"{case.name} controller update of {peer.name}"
        figures.add(what, 1e3 * theirs, "CPU-ms", "ours", theirs / took)
