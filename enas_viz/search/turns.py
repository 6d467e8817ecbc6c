"""Turns of a search: sample, train a minibatch, reward, update, each when it is asked for.

`Turns` takes a search around the loop step by step, with the very parts of `enas.Enas`: its
supernet, its controller, their optimisers, its keyed draws. As published, ENAS trains the shared
weights for an epoch and then updates the controller many times; here the two take turns after
every minibatch, and the child that is trained is also the one that is rewarded.

Not here: what a turn holds (`enas_viz.records.turns`), drawing it (`enas_viz.view.loop`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from enas_viz.recipes import Recipe, recipe
from enas_viz.records.sampler import entry
from enas_viz.records.trace import Header, load_trace
from enas_viz.records.training_counts import count, inheritance, size, total
from enas_viz.records.turns import (
    Alone,
    Images,
    Recording,
    Rewarded,
    Sampled,
    Trained,
    Turn,
    Updated,
)
from enas_viz.search.asked import whole
from enas_viz.search.enas import Enas
from enas_viz.search.judges.alone import train_network
from enas_viz.search.runs.build import build
from enas_viz.search.runs.run import restore
from enas_viz.search.runs.terms import search_of
from enas_viz.search.strategies.strategy import Key, Proposals
from enas_viz.search.training import draws
from enas_viz.search.training.step import (
    autocast,
    averaged_step,
    check_weights,
    learning_rate,
    refit_batch_norm,
)

SHOWN = 8  # images of a training minibatch that are kept
ASKED = 10  # and of those on which a reward is measured


def loop_recipe(kind: str, turns: int) -> Recipe:
    """A search that is small enough to be looked at, of "macro" or "micro" networks, on digits.

    Four layers, or cells of two nodes, on 16 by 16 pixels. An update has one sample and its reward
    is the accuracy alone, so that what moves a bar is what the picture shows. turns: how long it
    is; the learning rate of the weights falls over all of them.
    """
    minibatches = -(-1000 // 32)  # of an epoch of the digits
    own = {
        "macro": {
            "network__layers": 4,
            "network__filters": 16,
            "fidelity__macro_order": "skips-first",  # as in the article and the paper's figure
            "controller__skip_weight": 0.0,
            "controller__lr": 6e-3,
            "controller__init_range": 0.2,  # the first updates are seen
        },
        "micro": {
            "network__nodes": 2,
            "network__layers": 3,
            "controller__lr": 8e-3,
            "controller__init_range": 0.3,
        },
    }[kind]
    epochs = -(-turns // minibatches)
    return recipe(
        f"{kind}-tiny",
        name=f"loop-{kind}",
        about=f"a {kind} search on scikit-learn's digits, small enough to be looked at",
        data__resolution=16,
        data__crop_padding=2,
        controller__samples=1,
        controller__entropy_weight=0.0,
        controller__baseline_decay=0.95,
        fidelity__baseline_start="first_reward",
        train__epochs=epochs,
        train__restart_period=epochs,
        **own,
    )


class Turns:
    """A search that is taken around the loop, one stage at a time.

        loop = ev.Loop(search.Turns("runs/mine"))  # live: each button runs the real thing

    run: a search at its start, restored, or under way, or the folder of one, which is then
    restored. It goes on from where it stands, in memory: the folder stays as it is. samples:
    architectures that an update averages, by default those of the recipe; the first is the child
    that is shown and trained. counts: how often each path was trained before, numbered as by
    `inheritance.paths`; by default what the run's folder tells, else never. number: how many turns
    are behind it.
    """

    def __init__(
        self,
        run: Enas | str | Path,
        *,
        samples: int | None = None,
        counts: Sequence[int] | None = None,
        number: int = 0,
    ) -> None:
        if isinstance(run, str | Path):
            counts = _trained(run) if counts is None else counts
            run = restore(run)
        self.search = search = search_of(run, "net", "controller")
        wanted = search.recipe.controller.samples if samples is None else samples
        self.samples = whole(wanted, "samples", 1)
        self.counts = list(counts) if counts else [0] * size(search.recipe.space)
        if len(self.counts) != size(search.recipe.space):
            raise ValueError(
                f"counts are one number for each of the {size(search.recipe.space)} paths; got "
                f"{len(self.counts)}"
            )
        self.number = whole(number, "number", 0, 10**9)
        self.now: Turn | None = None  # the turn under way, or the last one
        self._proposals: Proposals
        self._worths: list[float] = []
        self._order: tuple[int, Tensor] | None = None
        # A run that ended within an epoch goes on with draws that no earlier part of it used.
        self._first = search.at.epoch + bool(search.at.step or search.at.update)

    @property
    def header(self) -> Header:
        """Of the search."""
        return self.search.header

    @property
    def baseline(self) -> float | None:
        """The moving average of the rewards so far; None before the first."""
        return self.search.strategy.baseline

    def turns(self, count: int) -> Iterator[Turn]:
        """So many whole turns."""
        for _ in range(count):
            self.sample()
            self.train()
            self.reward()
            yield self.update()

    # ---- the four stages

    def sample(self) -> Turn:
        """Begins a turn: the controller samples, with the draws of this turn."""
        search, at = self.search, self.search.at
        epoch, at.step = divmod(self.number, search.judge.steps)
        at.epoch, at.update, at.right = self._first + epoch, at.step, []
        key = (search.seed, "sample", at.epoch, at.update)
        self._proposals = search.strategy.propose(self.samples, Key(*key[1:], key[0]))
        steps, space = self._proposals.steps(0), search.recipe.space
        thrown = draws.uniforms(*key, range(1), search.controller.draws_per_sample)[0].tolist()
        starts = [entry(space, step.decision) if step.picks else 0 for step in steps]
        used = tuple(
            tuple(thrown[a : a + len(step.picks)]) for a, step in zip(starts, steps, strict=True)
        )
        self.number += 1
        self.now = Turn(self.number, Sampled(self._proposals.architectures[0], steps, used))
        return self.now

    def train(self) -> Turn:
        """Trains the shared weights on the child's path, on one minibatch."""
        turn, search, at = self._at_stage(1), self.search.judge, self.search.at
        if self._order is None or self._order[0] != at.epoch:
            self._order = at.epoch, search.shuffled()
        order, number, child = self._order[1], at.step, self._proposals.architectures[0]
        train = search.recipe.train
        started = time.process_time()
        search.net.train()
        (loss,), (right,) = averaged_step(
            search.net,
            search.optimiser,
            lambda _: search.minibatch(number, child, order),
            1,
            learning_rate(train, min(at.epoch, train.epochs - 1)),
            search.recipe.fidelity,
        )
        told = float(loss), int(right)
        seconds = time.process_time() - started
        check_weights(search.net, f"turn {self.number}", train)
        index = search.part(order, number)
        trained = Trained(
            _images(*search.data.train.take(index[:SHOWN])),
            len(index),
            *told,
            tuple(self.counts),
            seconds,
        )
        fidelity = search.recipe.fidelity
        added = count(
            [child],
            search.recipe.space,
            last_op=fidelity.macro_dispatch == "last_branch",
            merge=fidelity.skip_merge_search,
        )
        self.counts = [a + b for a, b in zip(self.counts, added, strict=False)]
        self.now = replace(turn, trained=trained)
        return self.now

    def reward(self) -> Turn:
        """Measures the accuracy of the child, and of the update's other samples, on validation
        images; the reward of each follows from it."""
        turn, search, children = self._at_stage(2), self.search.judge, self._proposals.architectures
        started = time.process_time()
        images, labels = search.reward_batch(0)
        if search.recipe.fidelity.reward_bn == "refit":
            refit_batch_norm(search.net, children[0], search.refit_batches())
        search.net.eval()
        with torch.inference_mode(), autocast(search.device, search.recipe.compute):
            logits = search.net(images, children[0], search.reward_drop(len(labels), 0))
        answers = logits.argmax(1)
        right = int((answers == labels).sum())
        seconds = time.process_time() - started
        others = [n / len(labels) for n in search.counts(children, range(1, self.samples))]
        self._worths = [
            self.search.reward(accuracy, child)
            for accuracy, child in zip((right / len(labels), *others), children, strict=True)
        ]
        first = self.search.strategy.reward(self._proposals, 0, self._worths[0])
        kept = _images(*self._asked(), answers[:ASKED])
        made = Rewarded(kept, len(labels), right, first, seconds)
        self.now = replace(turn, rewarded=made)
        return self.now

    def update(self) -> Turn:
        """One REINFORCE update of the controller; the turn is complete."""
        turn, strategy = self._at_stage(3), self.search.strategy
        before = strategy.baseline
        credits = [
            strategy.credit(self._proposals, k, worth) for k, worth in enumerate(self._worths)
        ]
        strategy.learn(self._proposals, credits)
        with torch.no_grad():
            scored = strategy.controller.score(self._proposals.architectures[:1])
        logits = tuple(step.logits for step in scored.steps(0))
        made = Updated(tuple(c.reward for c in credits), before, credits[0].baseline, logits)
        self.now = replace(turn, updated=made)
        return self.now

    # ---- its parts

    def _asked(self) -> tuple[Tensor, Tensor]:
        """The first images of the reward's minibatch as they are, and their labels."""
        search, at = self.search, self.search.at
        rng = draws.generator(search.seed, "reward", at.epoch, at.update, 0)
        index = rng.choice(
            len(search.data.valid), search.judge.reward_images, replace=False, shuffle=False
        )
        return search.data.valid.take(draws.put(index[:ASKED], search.device))

    def _at_stage(self, stages: int) -> Turn:
        if self.now is None or self.now.stages != stages:
            done = 0 if self.now is None or self.now.stages == 4 else self.now.stages
            names = ("sample", "train", "reward", "update")
            raise ValueError(
                f"a turn goes sample, train, reward, update; now comes {names[done]}(), "
                f"not {names[stages]}()"
            )
        return self.now


def _trained(folder: str | Path) -> list[int] | None:
    """How often the run in a folder trained each path, where its trace tells that."""
    try:
        trace = load_trace(folder)
        return [round(n) for n in total(inheritance(trace), trace.space)]
    except (OSError, ValueError):
        return None


def record(made: Recipe, turns: int, *, seed: int = 0, epochs: int = 0) -> Recording:
    """A search that goes around the loop so many times; what `telling` picks of its turns.

    epochs: for which the children of these turns are also trained alone; 0: they are not.
    """
    search = build(made, seed, "cpu", None)
    started = time.process_time()
    found = list(Turns(search).turns(turns))
    seconds = time.process_time() - started
    kept = [found[k] for k in telling(found)]
    if epochs:
        kept = [alone(search, turn, epochs) for turn in kept]
    return Recording(search.header, tuple(kept), turns, seconds=seconds)


def telling(turns: Sequence[Turn]) -> list[int]:
    """Which turns (from 0) tell of a search: the first three; the three around the update of the
    first half that moved most of those whose child was better than usual; the one that moved most
    of all others; and the last three."""
    n = len(turns)
    better = [k for k in range(n // 2) if turns[k].updated.advantage > 0] or [0]
    up = max(better, key=lambda k: turns[k].moved)
    wanted = {0, 1, 2, up - 1, up, up + 1, n - 3, n - 2, n - 1}
    worse = [k for k in range(n) if k not in wanted and turns[k].updated.advantage < 0]
    wanted |= {max(worse, key=lambda k: turns[k].moved)} if worse else set()
    return sorted(k for k in wanted if 0 <= k < n)


def alone(search: Enas, turn: Turn, epochs: int) -> Turn:
    """The turn with what plain NAS would do with its child, see `turns.Alone`.

    search: of the turn, for its recipe and data. Raises ValueError for a turn without a reward,
    as the same images are asked.
    """
    if turn.rewarded is None:
        raise ValueError("a child is trained alone once it was rewarded, on the same images")
    asked = turn.rewarded.images
    pixels = torch.tensor([list(p) for p in asked.pixels], dtype=torch.uint8)
    found = train_network(
        turn.sampled.architecture,
        search.recipe,
        search.data,
        epochs=epochs,
        seed=search.seed,
        number=turn.number,
        ask=pixels.reshape(-1, *asked.shape).to(search.device),
    )
    images = replace(asked, answers=tuple(found.answers.tolist()))
    right, size = found.valid_right, len(search.data.valid)
    return replace(turn, alone=Alone(epochs, found.cpu_s, images, size, right))


def _images(images: Tensor, labels: Tensor, answers: Tensor | None = None) -> Images:
    pixels = tuple(bytes(image.contiguous().flatten().tolist()) for image in images.cpu())
    told = () if answers is None else tuple(answers.tolist())
    return Images(tuple(images.shape[1:]), pixels, tuple(labels.tolist()), told)
