"""Modules that moved in version 0.2: old paths lead to the new ones and warn, for one release.

`enas_viz/__init__.py` installs `Signpost`, which is asked only for what is not found otherwise.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "enas_viz"
MOVED = {
    "anatomy": "facts.anatomy",
    "cost": "facts.cost",
    "decoding": "spaces.decoding",
    "estimates": "facts.estimates",
    "exercises": "course.exercises",
    "files": "records.files",
    "following": "results.following",
    "genotypes": "spaces.genotypes",
    "inheritance": "records.training_counts",
    "inside": "records.inside",
    "ledger": "results.ledger",
    "limits": "facts.limits",
    "measured": "facts.measured",
    "policy": "records.policy",
    "published": "spaces.published",
    "questions": "course.questions",
    "ranking": "records.ranking",
    "sampler": "records.sampler",
    "search.augment": "search.training.augment",
    "search.checkpoint": "search.runs.checkpoint",
    "search.alone": "search.judges.alone",
    "search.child": "search.nets.child",
    "search.controller": "search.nets.controller",
    "search.data": "search.training.data",
    "search.draws": "search.training.draws",
    "search.folders": "search.training.folders",
    "search.images": "search.training.images",
    "search.lstm": "search.nets.lstm",
    "search.macro_controller": "search.nets.macro.controller",
    "search.macro_supernet": "search.nets.macro.supernet",
    "search.maker": "search.runs.maker",
    "search.micro_controller": "search.nets.micro.controller",
    "search.micro_supernet": "search.nets.micro.supernet",
    "search.ops": "search.nets.ops",
    "search.own_operations": "search.nets.own_operations",
    "search.policy": "search.runs.policy",
    "search.ranks": "search.training.ranks",
    "search.reproduction": "search.runs.reproduction",
    "search.sizes": "search.training.sizes",
    "search.supernet": "search.nets.supernet",
    "search.terms": "search.runs.terms",
    "search.train": "search.training.step",
    "search.weights": "search.training.epochs",
    "space": "spaces",
    "specimen": "facts.specimen",
    "trace": "records.trace",
    "turns": "records.turns",
    "watching": "records.progress",
}


class Signpost(MetaPathFinder, Loader):
    """Finds a module that moved under its old name."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        room, _, old = fullname.partition(".")
        return ModuleSpec(fullname, self) if room == PACKAGE and old in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = f"{PACKAGE}.{MOVED[spec.name.removeprefix(PACKAGE + '.')]}"
        warnings.warn(
            f"{spec.name} is {new} now; the old name will be gone in the next release",
            FutureWarning,  # shown by default, whoever imports it
            stacklevel=2,  # the import system does not count
        )
        found = import_module(new)
        spec.loader_state = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Runs nothing, since the module was run at its new place, whose name it keeps."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def install() -> None:
    """Old paths lead to new ones from now on."""
    if not any(isinstance(finder, Signpost) for finder in sys.meta_path):
        sys.meta_path.append(Signpost())
