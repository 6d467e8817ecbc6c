"""A specimen: a policy so small that everything about its policy gradient can be known.

All architectures of the space, how probable each is, what each is rewarded with on recorded
validation minibatches, and the inner products of their score vectors, the gradients of
log-probability. From these follow the exact gradient of the expected reward, and what REINFORCE
makes of a few samples: mean, variance and direction in closed form, and single estimates.

Not here: where the numbers come from (`search/microscope.py`), showing them
(`widgets/microscope.py`). `static/microscope.js` computes the same in the browser.

Source: Williams 1992 (REINFORCE); Pham et al. 2018, section 2.2, and the authors' controllers.
"""

from __future__ import annotations

import base64
import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.records.files import ASSETS, check_format, read_gzipped, write_gzipped
from enas_viz.spaces import Architecture, Space, space_from_json

ASSET = ASSETS / "two-layers.json.gz"
FORMAT = 1
MOST_BYTES = 20_000_000  # of a file, unpacked
RULES = ("none", "mean", "best")  # baselines by name


@dataclass(frozen=True)
class Specimen:
    """n architectures under one policy, and what they were rewarded with.

    probabilities: (n,), they sum to 1. entropies: (n,) nats, what an entropy weight pays each for.
    gram: (n, n), inner products of the score vectors grad log p(a). right: by the number of images
    of a minibatch, (minibatches, n) right answers; a key that has a single minibatch is the whole
    validation split. about: recipe, seed, data and machine that the numbers come from.

    Everything is exact for rewards that are drawn evenly from the recorded minibatches, each
    sample from one of its own. Gradients are those of expected reward, to be climbed.
    """

    space: Space
    architectures: tuple[Architecture, ...]
    probabilities: tuple[float, ...]
    entropies: tuple[float, ...]
    gram: tuple[tuple[float, ...], ...]
    right: dict[int, tuple[tuple[int, ...], ...]]
    about: dict[str, Any] = field(default_factory=dict)

    # ---- rewards

    @property
    def images(self) -> tuple[int, ...]:
        """The sizes of minibatches that were recorded, ascending."""
        return tuple(sorted(self.right))

    def rewards(self, images: int = 100, entropy_weight: float = 0.0) -> tuple[float, ...]:
        """(n,): what each architecture is rewarded with on the average, accuracy from 0 to 1."""
        batches = self._batches(images)
        means = (sum(column) / (images * len(batches)) for column in zip(*batches, strict=True))
        return tuple(m + entropy_weight * h for m, h in zip(means, self.entropies, strict=True))

    def noise(self, images: int = 100) -> tuple[float, ...]:
        """(n,): the variance of each architecture's reward from minibatch to minibatch."""
        batches = self._batches(images)
        found = []
        for column in zip(*batches, strict=True):
            mean = sum(column) / len(column)
            found.append(sum((x - mean) ** 2 for x in column) / len(column) / images**2)
        return tuple(found)

    def expected_reward(self, images: int = 100, entropy_weight: float = 0.0) -> float:
        return self._mean(self.rewards(images, entropy_weight))

    def spread(self, images: int = 100) -> float:
        """Standard deviation of the mean rewards between the architectures, as the policy draws."""
        rewards = self.rewards(images)
        mean = self._mean(rewards)
        return math.sqrt(self._mean([(r - mean) ** 2 for r in rewards]))

    def noise_level(self, images: int = 100) -> float:
        """Standard deviation of the reward of one architecture from minibatch to minibatch."""
        return math.sqrt(self._mean(self.noise(images)))

    def draw(
        self, architectures: Sequence[Architecture], images: int = 100, seed: int = 0
    ) -> list[float]:
        """A reward for each architecture, on a recorded minibatch of its own that `seed` draws.

        Raises ValueError for an architecture of another space.
        """
        batches, uniform = self._batches(images), mulberry(seed)
        number = {a: k for k, a in enumerate(self.architectures)}
        found = []
        for a in architectures:
            if a not in number:
                raise ValueError(f"the specimen holds {self.space}; got one of {a.space}")
            found.append(batches[int(uniform() * len(batches))][number[a]] / images)
        return found

    # ---- the gradient, and what samples say of it

    def slope(self, images: int = 100, entropy_weight: float = 0.0) -> float:
        """The length of the exact gradient of the expected reward."""
        return math.sqrt(self._truth(self.rewards(images, entropy_weight))[1])

    def baseline(self, rule: str = "mean", images: int = 100, entropy_weight: float = 0.0) -> float:
        """ "none": 0. "mean": the expected reward. "best": where the variance is least."""
        rewards = self.rewards(images, entropy_weight)
        if rule == "none":
            return 0.0
        if rule == "mean":
            return self._mean(rewards)
        if rule == "best":
            squares = [self.gram[k][k] for k in range(len(rewards))]
            weighted = [r * s for r, s in zip(rewards, squares, strict=True)]
            return self._mean(weighted) / self._mean(squares)
        raise ValueError(
            f"a baseline is a number or one of {', '.join(RULES)}; got {shortened(rule)}"
        )

    def variance(
        self,
        samples: int = 1,
        baseline: float | str = "none",
        images: int = 100,
        entropy_weight: float = 0.0,
    ) -> float:
        """The mean squared distance of an estimate from the exact gradient.

        An estimate is the mean over so many samples of (reward - baseline) grad log p.
        """
        return sum(self.parts(samples, baseline, images, entropy_weight))

    def parts(
        self,
        samples: int = 1,
        baseline: float | str = "none",
        images: int = 100,
        entropy_weight: float = 0.0,
    ) -> tuple[float, float]:
        """The variance by where it comes from: which networks were sampled, which images."""
        rewards = self.rewards(images, entropy_weight)
        if isinstance(baseline, str):
            baseline = self.baseline(baseline, images, entropy_weight)
        squares = [self.gram[k][k] for k in range(len(rewards))]
        drawn = [(r - baseline) ** 2 * s for r, s in zip(rewards, squares, strict=True)]
        noisy = [v * s for v, s in zip(self.noise(images), squares, strict=True)]
        _, square = self._truth(rewards)
        return (self._mean(drawn) - square) / samples, self._mean(noisy) / samples

    def cosine(self, samples: int = 1, **how: Any) -> float:
        """The cosine between estimate and truth, in the root mean square: |g| / sqrt(E|e|^2).

        how: baseline, images and entropy_weight, as for `variance`.
        """
        slope = self.slope(**{k: v for k, v in how.items() if k != "baseline"})
        return slope / math.sqrt(slope**2 + self.variance(samples, **how))

    def needed(self, cosine: float = math.sqrt(0.5), **how: Any) -> int:
        """How many samples bring that cosine; by default 45 degrees, as much signal as noise."""
        slope = self.slope(**{k: v for k, v in how.items() if k != "baseline"})
        return math.ceil(self.variance(1, **how) / slope**2 * cosine**2 / (1 - cosine**2))

    def estimates(
        self,
        count: int,
        samples: int = 1,
        baseline: float | str = "none",
        images: int = 100,
        entropy_weight: float = 0.0,
        seed: int = 0,
    ) -> list[tuple[float, float]]:
        """`count` estimates as (along, across): the part in the direction of the exact gradient and
        what is left at right angles to it, both with the exact gradient's length as the unit.

        With more samples an estimate keeps those that it had; the baseline changes no draw.
        """
        if isinstance(baseline, str):
            baseline = self.baseline(baseline, images, entropy_weight)
        towards, square = self._truth(self.rewards(images, entropy_weight))
        found = []
        for k in range(count):
            weights: dict[int, float] = {}
            for a, reward in self._samples(samples, images, seed, k):
                paid = reward + entropy_weight * self.entropies[a] - baseline
                weights[a] = weights.get(a, 0.0) + paid / samples
            along = sum(w * towards[a] for a, w in weights.items()) / square
            length = sum(
                w * v * self.gram[a][b] for a, w in weights.items() for b, v in weights.items()
            )
            found.append((along, math.sqrt(max(0.0, length / square - along**2))))
        return found

    def _samples(
        self, samples: int, images: int, seed: int, estimate: int
    ) -> Iterator[tuple[int, float]]:
        """(architecture's number, accuracy) of the samples of one estimate."""
        batches = self._batches(images)
        uniform = mulberry(seed, estimate)
        last = len(self.probabilities) - 1
        for _ in range(samples):
            a = min(bisect_right(self._steps, uniform()), last)
            yield a, batches[int(uniform() * len(batches))][a] / images

    def _truth(self, rewards: Sequence[float]) -> tuple[list[float], float]:
        """Inner product of each score vector with the exact gradient, and the gradient's square.

        Score vectors average to zero, so taking off the mean changes nothing but rounding.
        """
        mean = self._mean(rewards)
        paid = [p * (r - mean) for p, r in zip(self.probabilities, rewards, strict=True)]
        towards = [sum(x * y for x, y in zip(row, paid, strict=True)) for row in self.gram]
        return towards, sum(x * y for x, y in zip(towards, paid, strict=True))

    def _mean(self, values: Sequence[float]) -> float:
        return sum(p * v for p, v in zip(self.probabilities, values, strict=True))

    @cached_property
    def _steps(self) -> list[float]:
        return list(accumulate(self.probabilities))

    def _batches(self, images: int) -> tuple[tuple[int, ...], ...]:
        if type(images) is not int or images not in self.right:
            there = ", ".join(map(str, self.images))
            raise ValueError(f"rewards were recorded on {there} images; got {shortened(images)}")
        return self.right[images]

    # ---- as data

    def to_json(self) -> dict[str, Any]:
        """As JSON; the browser gets the same. Inner products: the lower triangle, row by row."""
        n = len(self.architectures)
        return {
            "format": FORMAT,
            "space": self.space.to_json(),
            "architectures": [a.flat for a in self.architectures],
            "probabilities": [float(f"{p:.10g}") for p in self.probabilities],
            "entropies": [float(f"{h:.8g}") for h in self.entropies],
            "gram": [float(f"{self.gram[i][j]:.6g}") for i in range(n) for j in range(i + 1)],
            "right": {str(k): _packed(self.right[k]) for k in self.images},
            "about": self.about,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Specimen:
        """Raises ValueError for a format that this version does not read, or what is damaged."""
        check_format(value, FORMAT, "a specimen")
        try:
            return cls._of(value)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"a specimen lacks what it should hold: {error!r}") from None

    @classmethod
    def _of(cls, value: dict[str, Any]) -> Specimen:
        space = space_from_json(value["space"])
        flats, triangle = value["architectures"], value["gram"]
        n = len(flats)
        for name, size in (("probabilities", n), ("entropies", n), ("gram", n * (n + 1) // 2)):
            if len(value[name]) != size or not all(map(_finite, value[name])):
                raise ValueError(f"{name} of {n} architectures are {size} numbers")
        start = [i * (i + 1) // 2 for i in range(n)]
        gram = tuple(
            tuple(triangle[start[max(i, j)] + min(i, j)] for j in range(n)) for i in range(n)
        )
        return cls(
            space,
            tuple(space.decode(flat) for flat in flats),
            tuple(value["probabilities"]),
            tuple(value["entropies"]),
            gram,
            {int(k): _unpacked(v, n) for k, v in value["right"].items()},
            value["about"],
        )


def load_specimen(path: str | Path = ASSET) -> Specimen:
    """A recorded specimen; by default the one that ships: all 72 macro networks of two layers.

    Raises ValueError for a file that holds none, FileNotFoundError where there is no file,
    TypeError for what is no path.
    """
    if not isinstance(path, str | Path):
        raise TypeError(
            f"a specimen is read from a file, a path or its name; got {shortened(path)}"
        )
    try:
        return Specimen.from_json(json.loads(read_gzipped(path, MOST_BYTES)))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {shortened(str(path))} of a specimen") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{Path(path).name[:100]} holds no specimen that can be read: {error}"
        ) from None


def save_specimen(specimen: Specimen, path: str | Path) -> None:
    """Writes a specimen as gzipped JSON, the same bytes for the same specimen."""
    text = json.dumps(specimen.to_json(), separators=(",", ":"), allow_nan=False)
    write_gzipped(path, text.encode())


def mulberry(seed: int, estimate: int = 0):
    """A function that gives the next number in [0, 1): the generator mulberry32, which fits into
    three lines of JavaScript, too. Each estimate has a sequence of its own."""
    state = (seed * 0x9E3779B1 + estimate * 0x85EBCA6B) & 0xFFFFFFFF

    def uniform() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        t ^= (t + ((t ^ (t >> 7)) * (t | 61))) & 0xFFFFFFFF
        return ((t ^ (t >> 14)) & 0xFFFFFFFF) / 2**32

    return uniform


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _packed(batches: Sequence[Sequence[int]]) -> list[int] | str:
    """Right answers of one minibatch as a list; of several as bytes in base64, row after row."""
    if len(batches) == 1:
        return list(batches[0])
    return base64.b64encode(bytes(x for row in batches for x in row)).decode()


def _unpacked(value: list[int] | str, n: int) -> tuple[tuple[int, ...], ...]:
    found = value if isinstance(value, list) else base64.b64decode(value, validate=True)
    if not found or len(found) % n or not all(type(x) is int and x >= 0 for x in found):
        raise ValueError(f"right answers come as {n} counts for each minibatch")
    return tuple(tuple(found[at : at + n]) for at in range(0, len(found), n))
