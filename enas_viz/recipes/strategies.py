"""Strategies of a search by name, and the config that each reads besides the common fields.

A strategy is one file, `search/strategies/NAME.py`, or a file of somebody's own that registers it
(`search.strategy`). Its config is a frozen dataclass; `--NAME.field` sets it, and recipes keep it
under the strategy's name. It is found here without torch, so that recipes and traces of every
strategy can be read by whoever only looks.

Not here: what a strategy does (`search/strategies/strategy.py`).
"""

from __future__ import annotations

import dataclasses
from importlib import import_module
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless

from enas_viz.recipes.fields import Recipe

FINAL = "final"  # no search: one architecture, weights of its own
ROOM = Path(__file__).parents[1] / "search" / "strategies"
HOMES = {"enas": "reinforce"}  # the file of a strategy, where it is not called as the strategy is
NONE = {"__init__", "strategy", *HOMES.values()}  # files there that are no further strategy
OURS = (*HOMES, *sorted(path.stem for path in ROOM.glob("*.py") if path.stem not in NONE))
WITHOUT_CONFIG = {"enas", FINAL}  # ENAS has `controller`, which older recipes have, too

_configs: dict[str, type | None] = dict.fromkeys(WITHOUT_CONFIG)


def check_config(name: str, config: type | None) -> None:
    """What `register_config` refuses."""
    taken = {FINAL, *(f.name for f in dataclasses.fields(Recipe))}
    if not isinstance(name, str) or not name.isidentifier() or name in taken:
        raise ValueError(
            f"a strategy's name is a word such as 'hill', and none of {', '.join(sorted(taken))}; "
            f"got {shortened(name)}"
        )
    if config is not None:
        if not dataclasses.is_dataclass(config) or not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise TypeError(f"config is a frozen dataclass; got {shortened(config)}")
        config()  # TypeError for a field without a default


def register_config(name: str, config: type | None) -> None:
    """From now on recipes know a strategy of that name, and the dataclass that it reads, if any.

    Raises ValueError for a name that cannot be part of an option, TypeError for what is no frozen
    dataclass with a default for every field.
    """
    check_config(name, config)
    _configs[name] = config


def known() -> tuple[str, ...]:
    """The names of all strategies that search."""
    return tuple(dict.fromkeys((*OURS, *(name for name in _configs if name != FINAL))))


def home_of(name: str) -> str:
    """The module of one of our strategies."""
    return f"enas_viz.search.strategies.{HOMES.get(name, name)}"


def config_of(name: str) -> type | None:
    """The dataclass that a strategy reads; None for one that reads none, or is not known."""
    if name not in _configs and name in OURS:
        import_module(home_of(name))  # which registers it, without torch
    return _configs.get(name)
