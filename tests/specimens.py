"""A made-up specimen whose score vectors are known, so that what it says can be counted by hand."""

import itertools
import math
import random

from enas_viz.facts.specimen import Specimen
from enas_viz.spaces import MacroSpace

SPACE = MacroSpace(2, ("conv3x3", "max3x3"))


def made_up(seed: int = 0) -> tuple[Specimen, list[list[float]]]:
    """(specimen, score vectors) of eight networks under an independent softmax policy.

    A choice between options with probabilities p has the score vector onehot - p; three choices
    make a vector of six numbers.
    """
    rng = random.Random(seed)
    chances = [rng.uniform(0.2, 0.8) for _ in range(3)]
    scores, probabilities, flats = [], [], list(itertools.product(range(2), repeat=3))
    for flat in flats:
        p = [[1 - c, c] for c in chances]
        probabilities.append(math.prod(row[pick] for row, pick in zip(p, flat, strict=True)))
        scores.append(
            [(k == pick) - row[k] for row, pick in zip(p, flat, strict=True) for k in range(2)]
        )
    gram = tuple(tuple(sum(map(float.__mul__, a, b)) for b in scores) for a in scores)
    levels = [rng.randint(2, 8) for _ in flats]
    batches = tuple(
        tuple(max(0, min(10, level + rng.randint(-2, 2))) for level in levels) for _ in range(5)
    )
    entropies = tuple(rng.uniform(1, 2) for _ in flats)
    architectures = tuple(SPACE.decode(flat) for flat in flats)
    right = {10: batches, 60: (tuple(6 * level for level in levels),)}
    return Specimen(SPACE, architectures, tuple(probabilities), entropies, gram, right), scores


def every_sample(specimen: Specimen, images: int):
    """(probability, number, accuracy) of everything that one sample can be."""
    batches = specimen.right[images]
    for a, p in enumerate(specimen.probabilities):
        for row in batches:
            yield p / len(batches), a, row[a] / images
