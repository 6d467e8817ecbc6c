"""Epochs of weight training: what a search and a final training have in common.

Which images are an epoch's minibatches, the steps over them, a look at their losses, and the
tensors of a checkpoint. Not here: one step (`train.py`), what a minibatch trains and what
happens between epochs (`enas.py`, `final.py`).
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from enas_viz.recipes import Recipe
from enas_viz.records.trace import Header
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data
from enas_viz.search.training.ranks import Ranks
from enas_viz.search.training.sizes import batch_images, check_sizes
from enas_viz.search.training.step import (
    READ_EVERY,
    NonFiniteLoss,
    averaged_step,
    check_weights,
    first_step_rate,
    learning_rate,
    make_optimiser,
    optimiser_tensors,
    remedy,
    restore_optimiser,
    within,
)
from enas_viz.spaces import Architecture


class WeightTraining:
    """A run that trains the weights of `net` epoch by epoch.

    Where it stands is in `at`, which its kind sets: a record with at least `epoch` and `step`.
    data: on `device` already. ranks: the processes that share the run.
    """

    def __init__(
        self,
        recipe: Recipe,
        net: nn.Module,
        data: Data,
        header: Header,
        seed: int,
        device: torch.device,
        ranks: Ranks | None,
    ) -> None:
        self.recipe = recipe
        self.net = net
        self.data = data
        self.header = header
        self.seed = seed
        self.device = device
        self.ranks = ranks or Ranks()
        for sentence in check_sizes(recipe, data):
            if self.ranks.first:
                warnings.warn(sentence, stacklevel=3)
        self.optimiser = make_optimiser(net, recipe.train)
        images_per_step = recipe.train.batch_size * recipe.train.accumulate
        self.steps_per_epoch = -(-len(data.train) // images_per_step)
        self.minibatches = self.steps_per_epoch * recipe.train.accumulate  # of an epoch
        self._losses = torch.zeros(self.minibatches, device=device)
        self._right = torch.zeros(self.minibatches, device=device)
        self._checked = 0
        self.seen_loss: float | None = None  # mean of the epoch under way, when last looked at

    @property
    def batch_size(self) -> int:
        return batch_images(self.recipe, self.data)

    def check_batches(self, architecture: Architecture, smallest: int) -> None:
        """Raises ValueError where batch norm would have a single number to average.

        That is where minibatches of one image meet maps of one pixel. smallest: how many images
        the smallest minibatch has. architecture: any that is trained.
        """
        if smallest > 1:
            return
        first = torch.zeros(1, dtype=torch.int64, device=self.device)
        images = self.data.normalise(self.data.train.take(first)[0])
        try:
            with torch.no_grad():
                copy.deepcopy(self.net).train().forward_train(images, architecture)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            recipe = self.recipe
            raise ValueError(
                f"batch norm has a single number to average: a minibatch of one image, on maps of "
                f"1 by 1 pixels. Raise train.batch_size (now {recipe.train.batch_size}, with "
                f"{len(self.data.train)} training images), controller.reward_images (now "
                f"{recipe.controller.reward_images}, with {len(self.data.valid)} validation "
                f"images), or data.resolution (now {recipe.data.resolution})"
            ) from None

    def _steps(
        self,
        run: Callable[[int], tuple[Tensor, Tensor]],
        blamed: Callable[[int], str] = lambda _: "",
    ) -> Iterator[None]:
        """The steps left in the present epoch; yields after each, which `at.step` then counts.

        run(number): adds the gradient of one of the epoch's minibatches, and gives its (loss, count
        of right answers). blamed(number): what else a bad loss is told with.
        """
        at, recipe = self.at, self.recipe
        count = recipe.train.accumulate  # minibatches of a step
        rate = learning_rate(recipe.train, at.epoch)
        self._checked = 0  # a resumed epoch's earlier losses came with the checkpoint
        self.net.train()
        for step in range(at.step, self.steps_per_epoch):
            start = step * count
            found = averaged_step(
                self.net,
                self.optimiser,
                lambda m, start=start: run(start + m),
                count,
                rate if step else first_step_rate(recipe.train, recipe.fidelity, at.epoch),
                recipe.fidelity,
                self.ranks,
            )
            self._losses[start : start + count], self._right[start : start + count] = found
            at.step = step + 1
            if at.step % READ_EVERY == 0 or at.step == self.steps_per_epoch:
                self._check_losses(blamed)
            if at.step == self.steps_per_epoch:
                check_weights(self.net, f"epoch {at.epoch + 1}", recipe.train)
            yield

    def shuffled(self) -> Tensor:
        """Indices of the epoch's minibatches; the last one is filled up from the beginning."""
        rng = draws.generator(self.seed, "shuffle", self.at.epoch)
        order = rng.permutation(len(self.data.train))
        wanted = self.minibatches * self.batch_size
        return draws.put(np.resize(order, wanted), self.device)

    def part(self, order: Tensor, number: int) -> Tensor:
        """Indices of one of the epoch's minibatches."""
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def _check_losses(self, blamed: Callable[[int], str]) -> None:
        """Raises NonFiniteLoss, naming the first bad minibatch since the last look."""
        done = self.at.step * self.recipe.train.accumulate
        recent = self._losses[self._checked : done].isfinite().tolist()
        if not all(recent):
            bad = self._checked + recent.index(False)
            raise NonFiniteLoss(
                f"the training loss was {float(self._losses[bad])} in epoch {self.at.epoch + 1}, "
                f"minibatch {bad + 1}{blamed(bad)}; "
                f"{remedy(self.recipe.train)}"
            )
        self._checked = done
        self.seen_loss = float(self._losses[:done].mean())

    # Sums are taken on the CPU: not every device has double precision (Apple's MPS does not).

    def _mean_loss(self) -> float:
        """Of the epoch's minibatches, in nats."""
        return float(self._losses.cpu().double().mean())

    def _share_right(self) -> float:
        """Of the epoch's training images, as a fraction in [0, 1]."""
        return float(self._right.cpu().double().sum()) / (self.minibatches * self.batch_size)

    # ---- saving and going on

    def _weight_tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of the weights and of the epoch under way."""
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= optimiser_tensors("momentum", self.net, self.optimiser)
        return tensors | {"losses": self._losses, "right": self._right}

    def _restore_weights(self, tensors: dict[str, Tensor]) -> None:
        self.net.load_state_dict(within("net.", tensors))
        restore_optimiser("momentum", self.net, self.optimiser, tensors)
        self._losses.copy_(tensors["losses"])
        self._right.copy_(tensors["right"])
