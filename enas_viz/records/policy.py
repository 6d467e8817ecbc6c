"""A recorded policy: the controller of a search as it started and as the search left it.

From its weights anybody samples without torch, in Python (`sampler.py`) or in a browser
(`static/policy.js`): as many networks as one likes, before and after the search.

    policy = ev.load_policy("macro-tiny")
    ev.Replay(trace.best, policy.controller("final"))
    histogram(sample(policy.controller("first")))  # of a hundred networks

A file is gzipped JSON, which reads "type": "policy", "format", "trace" (the digest of the search's
trace), "header" (that trace's own: space, order, recipe, fidelity, seed, data, device, versions,
date) and "weights": for "first" and "final" all weights as little-endian float32 in base64, one
after the other, row by row, in the order of `sampler.weight_shapes`.

Not here: making one from a run (`search/policy.py`), showing it (`widgets`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

import numpy as np

from enas_viz import keys
from enas_viz.recipes import Recipe, order_of, recipe_from_json
from enas_viz.records.files import ASSETS, read_gzipped, write_gzipped
from enas_viz.records.sampler import Array, Sampler, weight_shapes, width
from enas_viz.records.trace import Episode, Header, NewerFormat, header_from_json
from enas_viz.spaces import Space, assemble, whole_number

FORMAT = (1, 0)  # major, minor: a newer minor adds fields, a newer major changes their meaning
SUFFIX = ".policy.json.gz"
MOST_BYTES = 20_000_000  # of a file, unpacked; the controllers of the paper take half a million
STAGES = ("first", "final")
LARGEST_SEED = 2**64 - 1
MOST_SAMPLES = 100_000

# What the first steps picked, and a seed for the rest -> the whole episode; as `search.ask` makes.
Continuation = Callable[..., Episode]
# Per step, per draw of it: how often each option was picked.
Histogram = tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, eq=False)
class Policy:
    """The controller of one search, before and after it.

    header: of the search's trace. first, final: weights by name, float32, of the shapes that
    `sampler.weight_shapes` gives. trace: the digest of the search's trace, by which to know whether
    a trace is of that very search.
    Raises ValueError for a header without the recipe of an ENAS search, and for weights that are
    not those of such a controller.
    """

    header: Header
    first: Mapping[str, Array]
    final: Mapping[str, Array]
    trace: str

    def __post_init__(self) -> None:
        header, made = self.header, self.recipe
        if made.strategy != "enas":
            raise ValueError(f"its recipe is of the strategy {made.strategy!r}, not of 'enas'")
        if (made.space, order_of(made.space, made.fidelity)) != (header.space, header.order):
            raise ValueError("its recipe is of another space or order than its header")
        shapes = weight_shapes(header.space, made.controller.hidden)
        for stage in STAGES:
            weights = getattr(self, stage)
            found = {name: np.shape(w) for name, w in weights.items()}
            if found != shapes:
                raise ValueError(f"its {stage} weights have the shapes {found}, not {shapes}")
            if not all(np.isfinite(w).all() for w in weights.values()):
                raise ValueError(f"its {stage} weights hold numbers that are not finite")

    @property
    def space(self) -> Space:
        return self.header.space

    @cached_property
    def recipe(self) -> Recipe:
        """Of the search. ValueError for a header that tells none."""
        return recipe_from_json({**self.header.recipe, "fidelity": self.header.fidelity})

    def sampler(self, stage: str = "final") -> Sampler:
        """The formulas of the controller, "first" or "final"."""
        if stage not in STAGES:
            raise ValueError(f"a policy was recorded 'first' and 'final'; got {shortened(stage)}")
        made = self.recipe
        return Sampler(self.space, made.controller, made.fidelity, getattr(self, stage))

    def controller(self, stage: str = "final") -> Continuation:
        """A callable `controller(picks, seed=0) -> Episode`, as `search.ask` makes of a live one.

        picks: what the first steps picked, silent steps included as (); the rest is sampled, by
        `seed`, with the very numbers that `search.ask` draws. The episode holds the probabilities
        of every step. ValueError for picks that the space does not have.
        """
        sampler, header = self.sampler(stage), self.header

        def controller(picks: Sequence[Sequence[int]] = (), seed: int = 0) -> Episode:
            rng = keys.generator(_whole(seed, "a seed", 0, LARGEST_SEED), "derive", 0, 2)
            uniforms = rng.random(width(header.space), dtype=np.float32)
            steps = sampler.steps(picks, uniforms.astype(np.float64).tolist())
            architecture = assemble(header.space, [step.picks for step in steps], header.order)
            return Episode(architecture, steps, order=header.order, header=header)

        return controller

    def to_json(self) -> dict[str, Any]:
        """As JSON, which `policy_from_json` reads."""
        return {
            "type": "policy",
            "format": FORMAT,
            "trace": self.trace,
            "header": self.header.to_json(),
            "weights": self._weights,
        }

    def told(self) -> dict[str, Any]:
        """What `static/policy.js` samples by: the plan of decisions, their shaping, the weights."""
        return {**self.sampler().to_json(), "weights": self._weights}

    @property
    def _weights(self) -> dict[str, str]:
        shapes = weight_shapes(self.space, self.recipe.controller.hidden)
        return {stage: packed(getattr(self, stage), shapes) for stage in STAGES}


def sample(controller: Continuation, count: int = 100, seed: int = 0) -> tuple[Episode, ...]:
    """So many networks of a controller, recorded or live (`search.ask`), by the seeds from `seed`.

    The same seeds give a controller before its search the same draws as the one after it.
    """
    count = _whole(count, "count", 1, MOST_SAMPLES)
    seed = _whole(seed, "a seed", 0, LARGEST_SEED - count)
    if not callable(controller):
        raise TypeError(
            f"controller must be a callable controller(picks, seed), such as "
            f"policy.controller('final'); got {shortened(controller)}"
        )
    return tuple(controller((), seed=s) for s in range(seed, seed + count))


def histogram(episodes: Iterable[Episode]) -> Histogram:
    """How often each option was picked, in the shape of the steps' probabilities.

    Per step, per draw: a count for each option; of a skip (no, yes); of a silent step nothing.
    Each row adds up to the number of episodes. ValueError for episodes without steps, of several
    spaces or orders, or none at all.
    """
    taken = list(islice(episodes, MOST_SAMPLES + 1))
    if not all(isinstance(e, Episode) for e in taken):
        raise TypeError(f"a histogram is of episodes, as sample(...) gives; got {shortened(taken)}")
    if not 1 <= len(taken) <= MOST_SAMPLES:
        raise ValueError(f"a histogram is of 1 to {MOST_SAMPLES} episodes; got {len(taken)}")
    if not all(e.steps for e in taken):
        raise ValueError("a histogram is of episodes that have their steps; some have none")
    if len({(e.architecture.space, e.order) for e in taken}) > 1:
        raise ValueError("a histogram is of episodes of one space and one order; got several")
    found = []
    for steps in zip(*(e.steps for e in taken), strict=True):
        decision = steps[0].decision
        counts = [[0] * decision.options for _ in range(decision.rows)]
        for step in steps:
            for row, pick in zip(counts, step.picks, strict=True):
                row[pick] += 1
        found.append(tuple(map(tuple, counts)))
    return tuple(found)


# ---------------------------------------------------------------- files


def save_policy(policy: Policy, path: str | Path) -> None:
    """Writes a policy as gzipped JSON, the same bytes for the same policy."""
    text = json.dumps(policy.to_json(), separators=(",", ":"), sort_keys=True, allow_nan=False)
    if len(text) > MOST_BYTES:
        raise ValueError(f"the policy takes {len(text):,} bytes; {MOST_BYTES:,} at most are read")
    write_gzipped(path, text.encode())


def load_policy(source: str | Path) -> Policy:
    """A recorded policy, from a file or by the name of the shipped trace that it belongs to.

    Raises FileNotFoundError naming what was looked for, ValueError for a file that holds no policy
    or a damaged one, NewerFormat when a newer version wrote it, TypeError for what is no path.
    """
    if not isinstance(source, str | Path):
        raise TypeError(
            f"a policy is read from a file, a path or its name; got {shortened(source)}"
        )
    path = _find(source)
    try:
        data = read_gzipped(path, MOST_BYTES)
        return policy_from_json(json.loads(data, parse_constant=_no_number))
    except NewerFormat:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name[:100]} holds no policy that can be read: {error}") from None


def policy_from_json(value: Any) -> Policy:
    """The policy that `Policy.to_json` wrote. Raises ValueError for anything else."""
    if not isinstance(value, dict) or value.get("type") != "policy":
        raise ValueError('a policy is an object with "type": "policy"')
    number = value.get("format")
    if not isinstance(number, list) or not number or not {int}.issuperset(map(type, number)):
        raise ValueError(f"it names no format; got {shortened(number)}")
    if number[0] > FORMAT[0]:
        raise NewerFormat(
            f"the policy has format {number[0]}, this enas_viz reads up to {FORMAT[0]}; a newer "
            f"enas_viz reads it (pip install -U enas-viz)"
        )
    header = header_from_json(value.get("header"), "its header")
    digest, kept = value.get("trace"), value.get("weights")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"its trace is a digest of 64 digits; got {shortened(digest)}")
    if not isinstance(kept, dict) or not kept.keys() >= set(STAGES):
        raise ValueError(
            f"its weights are an object with 'first' and 'final'; got {shortened(kept)}"
        )
    made = recipe_from_json({**header.recipe, "fidelity": header.fidelity})
    shapes = weight_shapes(header.space, made.controller.hidden)
    first, final = (_unpacked(kept[stage], shapes, stage) for stage in STAGES)
    return Policy(header, first, final, digest)


def packed(weights: Mapping[str, Array], shapes: Mapping[str, tuple[int, int]]) -> str:
    """All weights as little-endian float32 in base64, in the order of `shapes`."""
    parts = [np.asarray(weights[name], "<f4").tobytes() for name in shapes]
    return base64.b64encode(b"".join(parts)).decode()


def _unpacked(text: Any, shapes: Mapping[str, tuple[int, int]], stage: str) -> dict[str, Array]:
    if not isinstance(text, str):
        raise ValueError(f"its {stage} weights are text in base64; got {shortened(text)}")
    count = sum(rows * columns for rows, columns in shapes.values())
    data = base64.b64decode(text, validate=True)
    if len(data) != 4 * count:
        raise ValueError(f"its {stage} weights are {4 * count} bytes in base64; got {len(data)}")
    numbers, found, at = np.frombuffer(data, "<f4"), {}, 0
    for name, (rows, columns) in shapes.items():
        found[name] = numbers[at : at + rows * columns].reshape(rows, columns)
        at += rows * columns
    return found


def _find(source: str | Path) -> Path:
    path = Path(source)
    try:
        if path.is_file():
            return path
        if (shipped := ASSETS / f"{source}{SUFFIX}").is_file():
            return shipped
    except (OSError, ValueError):  # a name that no file can have
        pass
    names = sorted(p.name.removesuffix(SUFFIX) for p in ASSETS.glob(f"*{SUFFIX}"))
    raise FileNotFoundError(
        f"no policy {shortened(str(source))}: neither a file nor one that ships with enas_viz "
        f"({', '.join(names) or 'none'}); search.record_policy(folder) makes one of a finished run"
    )


def _no_number(constant: str) -> None:
    raise ValueError(f"a policy holds finite numbers only; got {constant}")


def _whole(value: Any, what: str, least: int, most: int) -> int:
    number = whole_number(value)
    if number is None:
        raise TypeError(f"{what} must be an int, such as {least}; got {shortened(value)}")
    if not least <= number <= most:
        raise ValueError(f"{what} must be from {least} to {most}; got {shortened(number)}")
    return number
