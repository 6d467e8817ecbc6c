"""Exercises that check themselves: `check(name, answer)` says whether it is right, or hints.

Right answers are computed here from spaces and recorded numbers, so none stands in a notebook.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from enas_viz.anatomy import anatomy
from enas_viz.published import ARTICLE_MACRO, ARTICLE_MICRO
from enas_viz.recipes import ControllerConfig, recipe
from enas_viz.space import MACRO_OPS, MICRO_OPS, Architecture, MacroSpace, MicroSpace, Space
from enas_viz.specimen import load_specimen


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say of it; a notebook shows it as text."""

    right: bool
    says: str

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.says}"


def check(name: str, answer: Any) -> Verdict:
    """Compares the answer of an exercise. ValueError, with the names, for an unknown exercise."""
    if name not in EXERCISES:
        near = difflib.get_close_matches(str(name), EXERCISES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no exercise {name!r}; there are {', '.join(EXERCISES)}{hint}")
    return EXERCISES[name](answer)


def _macro_size(answer: Any) -> Verdict:
    """How many networks have five layers, six operations, any skips."""
    layers, ops = 5, len(MACRO_OPS)
    bits = layers * (layers - 1) // 2
    slips = {
        ops**layers: f"that counts operations only; {layers} layers also have skips",
        2**bits: "that counts skips only; each layer also has an operation",
        ops**layers * 2**layers: "a layer has one yes or no for each earlier layer, not one in all",
        ops**layers * 2 ** (layers**2): "skips run forward only: a layer has none to later layers",
        ops * layers * 2**bits: "layers choose independently, so their choices multiply",
        ops**layers * bits: "each skip is a yes or no of its own: their choices multiply, too",
        ops**layers + 2**bits: "operations and skips are chosen together: multiply, do not add",
    }
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {answer!r}")
    if answer == MacroSpace(layers).size:
        return Verdict(True, f"{answer:,}: {ops}^{layers} ways to choose operations times 2^{bits}")
    return Verdict(
        False, slips.get(answer, "how many choices has each layer, and how many layers?")
    )


def _macro_list(answer: Any) -> Verdict:
    """The article's example as the flat list of the authors' program."""
    right = ARTICLE_MACRO.flat
    if isinstance(answer, Architecture):
        return Verdict(False, "the list of numbers is wanted, not the architecture")
    if not isinstance(answer, list | tuple) or not all(type(n) is int for n in answer):
        return Verdict(False, f"a list of whole numbers is wanted; got {answer!r}")
    if len(answer) != len(right):
        return Verdict(
            False,
            f"{len(answer)} numbers; layer k takes k of them (an operation, then a bit for each "
            f"earlier layer), so four layers take {len(right)}",
        )
    starts = [k * (k + 1) // 2 for k in range(5)]
    for k, (start, end) in enumerate(pairwise(starts), start=1):
        if answer[start] != right[start]:
            return Verdict(False, f"look at the operation of layer {k} again: 0 is {MACRO_OPS[0]}")
        if list(answer[start:end]) != right[start:end]:
            return Verdict(False, f"look at the skips of layer {k} again: bit 1 means layer 1")
    return Verdict(True, "the article's network, as the authors' program would print it")


def _micro_size(answer: Any) -> Verdict:
    """In how many ways a cell's third computed node can be decided."""
    sources, ops = 4, len(MICRO_OPS)
    slips = {
        sources * ops: "that is one input; a node has two, which are chosen independently",
        sources * ops * 2: "the two inputs choose independently, so their choices multiply",
        (3 * ops) ** 2: "it can read one tensor more: the two inputs and two computed nodes",
        (5 * ops) ** 2: "a node cannot read itself",
        (sources * (sources - 1)) * ops**2: "it may read the same tensor twice",
        sources**2: "that counts sources only; each input also has an operation",
        ops**2: "that counts operations only; each input also has a source",
    }
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {answer!r}")
    if answer == (sources * ops) ** 2:
        return Verdict(True, f"{answer}: {sources} sources times {ops} operations, squared")
    hint = "how many tensors can it read, how many operations are there, how many inputs has it?"
    return Verdict(False, slips.get(answer, hint))


def _micro_list(answer: Any) -> Verdict:
    """The article's cell as a flat list, with avg3x3 where the article has avg5x5."""
    (nodes,) = ARTICLE_MICRO.content
    stand_in = MICRO_OPS.index("avg3x3")
    right = [
        [i, a if a < len(MICRO_OPS) else stand_in, j, b if b < len(MICRO_OPS) else stand_in]
        for i, j, a, b in nodes
    ]
    if not isinstance(answer, list | tuple) or not all(type(n) is int for n in answer):
        return Verdict(False, f"a list of whole numbers is wanted; got {answer!r}")
    if len(answer) != 8:
        return Verdict(
            False, f"{len(answer)} numbers; each node takes 4 of them, so two nodes take 8"
        )
    for node, (wanted, start) in enumerate(zip(right, (0, 4), strict=True), start=3):
        given = list(answer[start : start + 4])
        if given == wanted:
            continue
        if given == [wanted[0], wanted[2], wanted[1], wanted[3]]:
            says = "the list stores index, operation, index, operation, as the program prints it"
        elif [given[0] - 1, given[2] - 1] == [wanted[0], wanted[2]]:
            says = f"the list counts tensors from 0: look at the sources of node {node}"
        elif [given[0], given[2]] != [wanted[0], wanted[2]]:
            says = f"look at the sources of node {node} again: 0 is the output of two cells back"
        else:
            says = f"look at the operations of node {node} again: 0 is {MICRO_OPS[0]}"
        return Verdict(False, says)
    return Verdict(True, "the article's cell, with avg3x3 for the operation that it alone has")


def _search_samples(answer: Any) -> Verdict:
    """How many networks phase 2 of the search in notebook 06 tries."""
    epochs, c = 16, recipe("macro-tiny").controller
    right = epochs * c.updates * c.samples
    slips = {
        c.updates * c.samples: "that is one epoch",
        epochs * c.updates: "that counts updates; each is made from several samples",
        epochs * c.samples: "that counts one update an epoch",
    }
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {answer!r}")
    if answer == right:
        return Verdict(True, f"{right:,}: {epochs} epochs of {c.updates} x {c.samples}")
    return Verdict(False, slips.get(answer, "epochs, updates in each, samples in each of these"))


def _search_minibatches(answer: Any) -> Verdict:
    """How many minibatches phase 1 of the search in notebook 06 trains."""
    epochs, size, images = 16, recipe("macro-tiny").train.batch_size, 1000
    each = images // size
    slips = {
        each: "that is one epoch",
        epochs * (each + 1): "the last minibatch of an epoch would be smaller, so it is left out",
        epochs * images: "that counts images",
    }
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {answer!r}")
    if answer == epochs * each:
        return Verdict(True, f"{answer}: {each} of {size} images in each of {epochs} epochs")
    hint = f"how many whole minibatches of {size} are in {images:,} images?"
    return Verdict(False, slips.get(answer, hint))


def _number(answer: Any) -> bool:
    return isinstance(answer, int | float) and not isinstance(answer, bool)


def _push(answer: Any) -> Verdict:
    """Which way one sample moves its own probability, without a baseline and with one above it."""
    words = ("up", "down")
    if not isinstance(answer, list | tuple) or len(answer) != 2 or not set(answer) <= set(words):
        return Verdict(False, f'two words are wanted, each "up" or "down"; got {answer!r}')
    if answer[0] == "down":
        return Verdict(
            False, "without a baseline the factor is the reward itself: is 0.6 negative?"
        )
    if answer[1] == "up":
        return Verdict(False, "with the baseline the factor is 0.6 - 0.7: which sign has it?")
    return Verdict(True, "what counts is the sign of reward minus baseline")


def _score_mean(answer: Any) -> Verdict:
    """The length of the mean score vector."""
    if not _number(answer):
        return Verdict(False, f"a number is wanted; got {answer!r}")
    if answer == 1:
        return Verdict(False, "that is the sum of the probabilities; the sum of their gradients?")
    if abs(answer) < 1e-6:
        return Verdict(
            True, "the probabilities sum to 1 whatever the weights are, so their gradients cancel"
        )
    return Verdict(False, "p times grad log p is grad p; what do the probabilities sum to?")


def _half_the_distance(answer: Any) -> Verdict:
    """How many samples halve the standard deviation that 20 leave."""
    samples = 20
    slips = {
        2 * samples: "twice the samples halve the variance, which is the square of the distance",
        samples**2: "that many would make it a good deal smaller than half",
        samples // 2: "fewer samples scatter more",
    }
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {answer!r}")
    if answer == 4 * samples:
        return Verdict(True, "the distance shrinks with the square root of the number of samples")
    return Verdict(
        False, slips.get(answer, "the variance falls as 1/M; how does its square root fall?")
    )


def _baseline_factor(answer: Any) -> Verdict:
    """How many times smaller the mean reward as baseline makes the variance, of the specimen."""
    if not _number(answer) or answer <= 0:
        return Verdict(False, f"a number above 0 is wanted; got {answer!r}")
    specimen = load_specimen()
    right = specimen.variance(1, "none") / specimen.variance(1, "mean")
    mean = specimen.expected_reward()
    deviation = (specimen.spread() ** 2 + specimen.noise_level() ** 2) ** 0.5
    if abs(answer / right - 1) < 0.15:
        return Verdict(True, f"measured: {right:.1f} times")
    if abs(answer / right**0.5 - 1) < 0.15:
        return Verdict(False, "that compares distances; a variance is a mean of squares")
    if abs(answer * right - 1) < 0.15:
        return Verdict(False, "upside down: how many times smaller, not what part is left")
    return Verdict(
        False,
        f"compare mean squares: of rewards around 0 (their mean is {mean:.2f}), and of rewards "
        f"around their mean (their standard deviation is {deviation:.2f})",
    )


def _first_advantage(answer: Any) -> Verdict:
    """The advantage of the very first sample in the authors' program, with reward 0.8."""
    reward, decay = 0.8, ControllerConfig().baseline_decay
    baseline = (1 - decay) * reward
    if not _number(answer):
        return Verdict(False, f"a number is wanted; got {answer!r}")
    if abs(answer - (reward - baseline)) < 1e-6:
        return Verdict(
            True, "the baseline has moved by one hundredth of the reward before it counts"
        )
    if abs(answer - reward) < 1e-6:
        return Verdict(False, "the program moves the baseline first, then takes the difference")
    if abs(answer - baseline) < 1e-6:
        return Verdict(False, "that is the baseline after it moved; the advantage is what is above")
    if abs(answer - (1 - decay) * (reward - baseline)) < 1e-3:
        return Verdict(False, "the decay says how much of the old baseline stays: nearly all")
    return Verdict(False, "baseline first: 0, moved by a hundredth of the way to the reward")


def _design_short(answer: Any) -> Verdict:
    """A network of six layers, one skip of which goes around all but the first."""
    wrong = _of_space(answer, MacroSpace(6))
    if wrong:
        return wrong
    found, skips = anatomy(answer, recipe("macro-tiny")), sum(map(sum, answer.space.skips(answer)))
    if found.shortest > 1:
        hint = f"the shortest way passes {found.shortest} operations; where would a skip cut it?"
        return Verdict(False, hint)
    if skips > 1:
        return Verdict(False, f"that it does, with {skips} skips; a single one can do it")
    return Verdict(True, "one skip, from layer 1 into layer 6, goes around everything between")


def _design_near(answer: Any) -> Verdict:
    """A network of six layers that sees as little as it can."""
    wrong = _of_space(answer, MacroSpace(6))
    if wrong:
        return wrong
    least = Architecture(MacroSpace(6), tuple((0,) * (k + 1) for k in range(6)))
    best, mine = (anatomy(a, recipe("macro-tiny")).receptive_field for a in (least, answer))
    if mine > best:
        return Verdict(False, f"yours sees {mine} pixels; one with {best} exists: mind the windows")
    return Verdict(True, f"{best} pixels: windows of 3x3 everywhere, and skips do not matter")


def _design_deep(answer: Any) -> Verdict:
    """A normal cell of four nodes, each of which reads the one before."""
    wrong = _of_space(answer, MicroSpace(4))
    if wrong:
        return wrong
    depth, ends = answer.space.depth(answer), answer.space.loose_ends(answer)
    if depth < 4:
        return Verdict(False, f"its depth is {depth}; which node could read one computed before?")
    if len(ends) > 1:
        names = ", ".join(f"node {t + 1}" for t in ends)
        return Verdict(False, f"depth 4, but nobody reads {names}; each node reads two others")
    return Verdict(True, "a chain: each node reads the one before, and all are read")


def _of_space(answer: Any, space: Space) -> Verdict | None:
    """What is wrong with an answer that is no architecture of `space`; None if it is one."""
    if not isinstance(answer, Architecture):
        return Verdict(False, f"an architecture is wanted, editor.architecture; got {answer!r}")
    if answer.space != space:
        return Verdict(False, f"an architecture of {space} is wanted; got one of {answer.space}")
    return None


EXERCISES: dict[str, Callable[[Any], Verdict]] = {
    "macro-size": _macro_size,
    "macro-list": _macro_list,
    "micro-size": _micro_size,
    "micro-list": _micro_list,
    "search-samples": _search_samples,
    "search-minibatches": _search_minibatches,
    "design-short": _design_short,
    "design-near": _design_near,
    "design-deep": _design_deep,
    "push": _push,
    "score-mean": _score_mean,
    "half-the-distance": _half_the_distance,
    "baseline-factor": _baseline_factor,
    "first-advantage": _first_advantage,
}
