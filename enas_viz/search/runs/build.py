"""A run at its very start: its data loaded, its device chosen, its header written.

Not here: running it (`run.py`), what it does (`search/enas.py`, `search/final.py`).
"""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import enas_viz
from enas_viz.recipes import Recipe, order_of
from enas_viz.recipes.strategies import FINAL
from enas_viz.records.trace import Header
from enas_viz.search.enas import Enas
from enas_viz.search.final import FinalTraining
from enas_viz.search.judges.judge import Judge
from enas_viz.search.judges.rewards import Reward
from enas_viz.search.nets.child import check_fits
from enas_viz.search.runs import terms
from enas_viz.search.training.data import (
    Data,
    DataError,
    check_test_data,
    check_test_images,
    load_data,
    load_test_data,
    warn_without_test_data,
)
from enas_viz.search.training.ranks import Ranks, device_of_rank
from enas_viz.search.training.step import uses_bfloat16
from enas_viz.spaces import Architecture

Run = Enas | FinalTraining


def build(
    recipe: Recipe,
    seed: int,
    device: str,
    data: Data | str | Path | None,
    ranks: Ranks | None = None,
    architecture: Architecture | None = None,
    judge: Judge | None = None,
    reward: Reward | None = None,
) -> Run:
    """A run at its very start, its data loaded: what `run` and `train_child` iterate over.

    ranks: the processes that share it; without them this one does all of it. architecture: what
    is trained, when the recipe is one of final training. judge, reward: instead of those that
    the recipe names.
    """
    final = recipe.strategy == FINAL
    if final and architecture is None:
        raise ValueError(
            f"the recipe {recipe.name} trains one architecture: name it by `enas-viz train "
            f"{recipe.name} --arch ...`, or call search.train_child(recipe, architecture)"
        )
    if not final and architecture is not None:
        raise ValueError(
            f"the recipe {recipe.name} is a search; an architecture is trained by a recipe of "
            f"final training, e.g. {recipe.network.space}-final"
        )
    if architecture is not None:
        check_fits(recipe, architecture)  # before any data is loaded or downloaded
    ranks = ranks or Ranks()
    where = pick_device(device_of_rank(device) if ranks.size > 1 else device)
    if recipe.compute.threads or (ranks.size > 1 and where.type == "cpu"):
        torch.set_num_threads(recipe.compute.threads or 1)  # processes share the cores already
    if recipe.compute.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        torch.use_deterministic_algorithms(True)
    loaded = data
    if not isinstance(data, Data):
        with ranks.one_first():
            if final:
                check_test_data(recipe.data, data)
            loaded = load_data(recipe.data, seed, data)
            if final:
                check_test_images(recipe.data, data, loaded)
            elif ranks.first:
                warn_without_test_data(recipe.data, data)
    header = _header(recipe, seed, where, loaded, architecture)
    if not final and not len(loaded.valid):
        raise DataError("a search needs validation images for its rewards; there are none")
    if not final:
        return Enas(recipe, loaded, header, seed, where, ranks, judge, reward)
    load_test = None
    if not isinstance(data, Data):
        fitting = loaded.classes, loaded.channels
        load_test = partial(load_test_data, recipe.data, data, *fitting)
    return FinalTraining(recipe, architecture, loaded, header, seed, where, load_test, ranks)


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        made = torch.device(name)
        torch.empty(1, device=made).item()  # a device without memory, "meta", has nothing to read
    except (RuntimeError, AssertionError, NotImplementedError, ValueError) as error:
        reason = (str(error).splitlines() or ["unknown"])[0][:200]
        raise ValueError(
            f"device {name[:100]!r} is not available on this machine ({reason}); use cpu"
        ) from None
    return made


def _header(
    recipe: Recipe,
    seed: int,
    device: torch.device,
    data: Data,
    architecture: Architecture | None = None,
) -> Header:
    """architecture: the only one that the run is about, as in a final training."""
    space = architecture.space if architecture else recipe.space
    header = Header(
        space=space,
        order=order_of(space, recipe.fidelity),
        seed=seed,
        recipe=recipe.to_json(),
        fidelity=dataclasses.asdict(recipe.fidelity),
        dataset=data.header(),
        device=_device_facts(device, recipe),
        versions={
            "enas_viz": enas_viz.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **_commit(),
        },
        clock={"started": datetime.now(UTC).isoformat(timespec="seconds")},
        extra={"architecture": architecture.content} if architecture else {},
    )
    return terms.header_of(header)


def _device_facts(device: torch.device, recipe: Recipe) -> dict[str, Any]:
    """What computes: for CUDA the GPU's name, else the number of threads; and the precision."""
    precision = "bfloat16" if uses_bfloat16(device, recipe.compute) else "float32"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        return {"type": "cuda", "name": name, "precision": precision}
    return {"type": device.type, "threads": torch.get_num_threads(), "precision": precision}


def _commit() -> dict[str, str]:
    """The commit of a checkout that runs itself; nothing for an installed package."""
    root = Path(enas_viz.__file__).parent.parent
    if not (root / ".git").exists():
        return {}
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": found.stdout.strip()}
