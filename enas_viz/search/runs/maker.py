"""What made a run: the classes that its records come from, and methods of ours that were replaced.

A class of somebody's own may stand in for one of ours: as strategy, judge, reward or controller, or
by a method that was replaced. Its run is its own, so the run's folder says who made it, and
nothing else goes on with it. Classes are told apart by module and name, not by their source.

Not here: where this is written and checked (`folder.py`).
"""

from __future__ import annotations

import inspect
from typing import Any

OURS = "enas_viz."
PARTS = ("strategy", "judge", "controller", "controller_optimiser", "net", "reward")


def maker(running: Any) -> dict[str, str]:
    """Who makes the records of a run: "run" and its parts, each by module and name of its class.

    A method of ours that was replaced is named, too, e.g. "Enas.records": "__main__.mine"; a
    wrapper made by `functools.wraps` counts as what it wraps.
    """
    parts = {name: found for name in PARTS if (found := _part(running, name)) is not None}
    made = {"run": _name(type(running)), **{k: _name(_kind(v)) for k, v in parts.items()}}
    for part in (running, *parts.values()):
        made |= _replaced(part)
    return made


def _part(running: Any, name: str) -> Any:
    """A part of a run, or of its strategy or judge; None where there is none."""
    holders = (running, getattr(running, "strategy", None), getattr(running, "judge", None))
    return next((getattr(h, name) for h in holders if getattr(h, name, None) is not None), None)


def _kind(part: Any) -> Any:
    """A function itself, the class of anything else."""
    return part if inspect.isfunction(part) else type(part)


def others(made: dict[str, str]) -> dict[str, str]:
    """What of it is not ours: our own names may change from one version to the next."""
    return {part: name for part, name in made.items() if not name.startswith(OURS)}


def differences(was: dict[str, str], now: dict[str, str]) -> str:
    """How two makers differ, in words; nothing when they do not."""
    was, now = others(was), others(now)
    return "; ".join(
        f"{part} was {was.get(part, 'of enas_viz')}, now it is {now.get(part, 'of enas_viz')}"
        for part in sorted(was.keys() | now.keys())
        if was.get(part) != now.get(part)
    )


def _replaced(part: Any) -> dict[str, str]:
    """Methods of our classes that were put there later, in the class or in the object `part`."""
    found = {}
    for cls in type(part).__mro__:
        if not cls.__module__.startswith(OURS):
            continue
        for name, value in vars(cls).items():
            method = _method(value)
            if method is not None and not _name(method).startswith(f"{_name(cls)}."):
                found[f"{cls.__name__}.{name}"] = _name(method)
    for name, value in vars(part).items() if hasattr(part, "__dict__") else ():
        if callable(getattr(type(part), name, None)):
            found[f"{type(part).__name__}.{name}"] = _name(value)
    return found


def _method(value: Any) -> Any:
    """What is called by a method or property of a class; None for anything else."""
    for name in ("fget", "func", "__func__"):  # property, cached_property, class or static method
        value = getattr(value, name, None) or value
    if inspect.isfunction(value):
        return inspect.unwrap(value)
    return value if callable(value) and not inspect.isclass(value) else None


def _name(thing: Any) -> str:
    """Module and name of a class or function, or of the class of anything else."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"
