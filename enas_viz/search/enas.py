"""ENAS: train shared weights for an epoch, then the controller on their validation accuracy.

`Enas.records` is the algorithm, told start to finish as a generator: whoever iterates is in
charge. Its state is complete at every yield, so a search can be saved wherever it was left.

The two parts that move are seams: a strategy chooses architectures (ENAS's: `Reinforce`), a judge
says what they are worth (ENAS's: `SharedWeights`). With others in their places the story is the
same, and is random search, or evolution.

Source: Pham et al. 2018, section 2.2; authors' `main.py`, `general_controller.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from enas_viz.recipes import Recipe
from enas_viz.records.trace import Episode, Epoch, Header, Tick
from enas_viz.search.judges.judge import Judge, SearchPosition
from enas_viz.search.judges.make import make_judge
from enas_viz.search.judges.rewards import Reward, make_reward, worth_of
from enas_viz.search.strategies.strategy import Credit, Key, Proposals, Strategy, make_strategy
from enas_viz.search.training.data import Data
from enas_viz.search.training.ranks import Ranks

BEFORE_SEAMS = {"baseline": "update_baseline", "updates": "controller_steps"}  # in checkpoints


class Enas:
    """One search: its strategy, its judge, its data, and where it stands.

    ranks: the processes that share the search; each holds all of it and computes its part of every
    step and turn. judge: instead of the one that the recipe names. reward: what an architecture is
    worth, from it and its accuracy; by default as the recipe says.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        header: Header,
        seed: int,
        device: torch.device,
        ranks: Ranks | None = None,
        judge: Judge | None = None,
        reward: Reward | None = None,
    ) -> None:
        self.recipe, self.header, self.seed, self.device = recipe, header, seed, device
        self.data, self.ranks = data.to(device), ranks or Ranks()
        self.at = SearchPosition()
        self.judge = judge or make_judge(
            recipe, self.data, header, seed, device, self.at, self.ranks
        )
        self.strategy: Strategy = make_strategy(recipe, seed)
        self.reward = reward or make_reward(recipe, data.channels, len(data.classes))

    # ---- the algorithm

    def records(self) -> Iterator[Header | Tick | Episode | Epoch]:
        """Everything that happens from the present position to the end of the search."""
        at = self.at
        if at.records == 0:
            at.records = 1
            yield self.header
        while at.epoch < self.recipe.train.epochs:
            started = time.monotonic()
            if at.phase == "weights":
                yield from self._train_weights()
                at.phase, at.step = "controller", 0
            weights_took = time.monotonic() - started
            yield from self._train_controller()
            yield self._finish_epoch(weights_took, time.monotonic() - started - weights_took)
        at.finished = True

    def _train_weights(self) -> Iterator[Tick]:
        """The judge's weights, under architectures that the strategy proposes."""
        for _ in self.judge.prepare(lambda n: self._propose(n, "child").architectures):
            yield self._tick(self.at.step, self.judge.steps)

    def _train_controller(self) -> Iterator[Tick | Episode]:
        """So many turns of the strategy, each with so many architectures, judged one by one."""
        at, config = self.at, self.recipe.controller
        while at.update < config.updates:
            proposals = self._propose(config.samples, "sample", at.update)
            children = proposals.architectures
            credits = [self._credit(proposals, k) for k in range(len(at.right))]  # when resumed
            for accuracy in self.judge.accuracies(children, len(at.right)):
                at.right.append(accuracy)
                at.accuracy_sum += accuracy
                sample = len(credits)
                credits.append(self._credit(proposals, sample))
                at.episodes += 1
                at.records += 1
                yield self._episode(proposals, sample, credits[-1])
                done = at.update * config.samples + sample + 1
                yield self._tick(done, config.updates * config.samples)
            self.strategy.learn(proposals, credits)
            at.update += 1
            at.right = []

    def _propose(self, n: int, purpose: str, update: int = 0) -> Proposals:
        return self.strategy.propose(n, Key(purpose, self.at.epoch, update, self.seed))

    def _credit(self, proposals: Proposals, sample: int) -> Credit:
        """What the strategy makes of a sample whose accuracy is known."""
        worth = worth_of(self.reward, self.at.right[sample], proposals.architectures[sample])
        return self.strategy.credit(proposals, sample, worth)

    def _finish_epoch(self, weights_took: float, controller_took: float) -> Epoch:
        at, config = self.at, self.recipe.controller
        judged, trained = config.updates * config.samples, self.judge.trained()
        made = Epoch(
            epoch=at.epoch,
            loss=trained.loss,
            train_accuracy=trained.accuracy,
            valid_accuracy=at.accuracy_sum / judged if judged else None,
            lr=trained.lr,
            steps=trained.steps,
            n=at.records,
            clock={
                "weights_s": round(weights_took, 3),
                "controller_s": round(controller_took, 3),
            },
            extra=trained.extra,
        )
        at.records += 1
        at.epoch += 1
        at.phase, at.step, at.update, at.accuracy_sum = "weights", 0, 0, 0.0
        return made

    def _episode(self, proposals: Proposals, sample: int, credit: Credit) -> Episode:
        """The record of a sample; every so many keep their steps, and so does every new best."""
        at, accuracy = self.at, self.at.right[sample]
        best = at.best is None or accuracy > at.best
        if best:
            at.best = accuracy
        kept = best or (at.episodes - 1) % self.recipe.keep_steps == 0
        return Episode(
            architecture=proposals.architectures[sample],
            steps=proposals.steps(sample, self.recipe.record == "full") if kept else (),
            accuracy=accuracy,
            reward=credit.reward,
            baseline=credit.baseline,
            advantage=credit.advantage,
            epoch=at.epoch,
            update=at.update,
            sample=sample,
            n=at.records - 1,
            order=self.recipe.order,
            extra={**proposals.facts(sample), **credit.extra},
            header=self.header,
        )

    def _tick(self, step: int, steps: int) -> Tick:
        at, config, judge = self.at, self.recipe.controller, self.judge
        inside = judge.cost / judge.steps * at.step if at.phase == "weights" else judge.cost + step
        whole = judge.cost + config.updates * config.samples
        done = (at.epoch + inside / whole) / self.recipe.train.epochs
        return Tick(at.phase, at.epoch, step, steps, done, judge.seen_loss)

    # ---- saving and going on

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, facts) of the present state, complete at every yield of `records`."""
        of_strategy, strategy = self.strategy.snapshot()
        of_judge, judge = self.judge.snapshot()
        facts = {"position": asdict(self.at), "strategy": strategy, "judge": judge}
        return of_judge | of_strategy, facts

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Goes back to a snapshot of a search of the same recipe, seed and data."""
        position = dict(facts["position"])
        older = {name: position.pop(was, None) for name, was in BEFORE_SEAMS.items()}
        position.pop("baseline", None)
        self.judge.restore(tensors, facts.get("judge", {}))
        self.strategy.restore(tensors, facts.get("strategy", older))
        vars(self.at).update(vars(SearchPosition(**position)))

    # ---- what belongs to a strategy or a judge, where they have it

    @property
    def net(self) -> Any:
        """The supernet of shared weights."""
        return self.judge.net  # type: ignore[attr-defined]

    @property
    def controller(self) -> Any:
        """The LSTM of `Reinforce`."""
        return self.strategy.controller  # type: ignore[attr-defined]
