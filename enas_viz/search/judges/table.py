"""A table as judge: every architecture's accuracy is known, and looked up.

search.run(recipe, judge=Table(accuracies))   # a mapping from Architecture to [0, 1]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from reprlib import repr as shortened  # what is refused may be endless

from enas_viz.search.judges.judge import Untrained
from enas_viz.spaces import Architecture


class Table(Untrained):
    """Looks architectures up. Raises KeyError, naming it, for one that the table does not have.

    Raises ValueError for an empty table, TypeError for what maps nothing.
    """

    def __init__(self, accuracies: Mapping[Architecture, float]) -> None:
        if not isinstance(accuracies, Mapping):
            raise TypeError(
                f"a table maps architectures to accuracies in [0, 1]; got {shortened(accuracies)}"
            )
        if not accuracies:
            raise ValueError("the table is empty; it maps architectures to accuracies in [0, 1]")
        self._accuracies = accuracies

    def accuracies(self, architectures: Sequence[Architecture], first: int) -> Iterator[float]:
        for architecture in architectures[first:]:
            if architecture not in self._accuracies:
                raise KeyError(f"the table does not have the architecture {architecture.flat}")
            yield self._accuracies[architecture]
