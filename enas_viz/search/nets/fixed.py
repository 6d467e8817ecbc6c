"""What networks of one fixed architecture have in common, whatever space it is of."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from torch import Tensor

from enas_viz.recipes import Fidelity, checked_fidelity
from enas_viz.spaces import Architecture


class Drops(NamedTuple):
    """What one minibatch drops: factors by which to multiply, None where nothing is dropped.

    features: (B, features), of the dropout before the classifier. paths: (uses, B), of drop path,
    one row for each operation that it may drop, in the order of `MicroChild.drop_cells`.
    """

    features: Tensor | None = None
    paths: Tensor | None = None


def tracked(fidelity: Fidelity | None) -> Fidelity:
    """The same with moving statistics, by which a child is evaluated whatever a search does."""
    return dataclasses.replace(checked_fidelity(fidelity), reward_bn="moving")


def check_own(own: Architecture, asked: Architecture | None) -> None:
    """Raises ValueError when another architecture is asked for than the network's own."""
    if asked is not None and asked != own:
        raise ValueError(
            f"this network is built for {own.flat} alone; got the architecture {asked.flat}"
        )
