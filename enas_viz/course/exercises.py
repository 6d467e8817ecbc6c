"""Exercises that check themselves: `check(name, answer)` says whether it is right, or hints.

Right answers are computed here from spaces and recorded numbers, so no notebook contains one.
An untouched exercise is not called wrong, and hints say more with each wrong answer.
A measured or computed quantity may be rounded: an answer is right when it is the right one rounded
to the digits that the answer has (`rounds_to`). Counts that come out whole must be exact.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any

from enas_viz.facts.anatomy import anatomy
from enas_viz.facts.specimen import load_specimen
from enas_viz.recipes import ControllerConfig, recipe
from enas_viz.spaces import (
    MACRO_OPS,
    MICRO_OPS,
    Architecture,
    MacroSpace,
    MicroSpace,
    Space,
    listed,
    whole_number,
)
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO

LARGEST = 10**300  # of an answer

Slips = dict[Any, str]  # known wrong answers of an exercise, the likeliest first, and what to say


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say of it; a notebook shows it as text.

    mark: "✓" right, "✗" wrong, "○" not answered yet, "→" a hint or the answer that was asked for.
    """

    right: bool
    says: str
    mark: str = ""

    def __repr__(self) -> str:
        return f"{self.mark or ('✓' if self.right else '✗')} {self.says}"


def check(
    name: str, answer: Any = None, *, hint: bool = False, show_answer: bool = False
) -> Verdict:
    """Whether `answer` is right, and otherwise a hint that says more with each wrong answer.

    None, 0, an empty text or list, and the start that a cell gives count as not answered yet.
    A first wrong answer gets a nudge, a second one also the way to go, a third one how to see the
    answer; the same wrong answer twice counts once. `hint=True` tells the way to go and
    `show_answer=True` the answer; neither looks at `answer`.

    ValueError, with the names, for an unknown exercise.
    """
    check_name(name)
    if show_answer:
        solution = SOLUTIONS[name]()
        return Verdict(False, f"The answer is {_told(solution)}. {_why(name, solution)}", "→")
    if hint:
        return Verdict(False, f"Hint: {WAYS[name]}", "→")
    if _unanswered(name, answer):
        says = f"Not answered yet: put your answer in place of {_start(answer)}."
        return Verdict(False, f'{says} For a hint: ev.check("{name}", hint=True)', "○")
    numbers = answer if isinstance(answer, list | tuple) else (answer,)
    if any(type(n) is int and abs(n) > LARGEST for n in numbers):  # has no float, and no text
        return Verdict(False, "the answer is a much smaller number")
    verdict = EXERCISES[name](answer)
    if verdict.right:
        _wrong_answers.pop(name, None)
        return verdict
    return Verdict(False, verdict.says + _more(name, answer))


def check_name(name: object) -> None:
    """ValueError, with the names, for one that no exercise has."""
    if not isinstance(name, str) or name not in EXERCISES:
        near = difflib.get_close_matches(str(name), EXERCISES, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no exercise {shortened(name)}; there are {', '.join(EXERCISES)}{guess}")


_wrong_answers: dict[str, set[str]] = {}  # of each exercise, in this kernel


def _more(name: str, answer: Any) -> str:
    """What a second and a third different wrong answer are told beyond the nudge."""
    tried = _wrong_answers.setdefault(name, set())
    tried.add(shortened(answer))
    if len(tried) == 1:
        return ""
    way = f". Hint: {WAYS[name]}"
    if len(tried) == 2:
        return way
    return f'{way} The answer: ev.check("{name}", show_answer=True)'


def _unanswered(name: str, answer: Any) -> bool:
    """Whether an answer is what the cell held before anybody tried. Zero answers some exercises."""
    if answer is None:
        return True
    if isinstance(answer, str | list | tuple | set) and len(answer) == 0:
        return True
    if type(answer) is int and answer == 0:
        return name not in ZERO_IS_AN_ANSWER
    return type(answer) is list and answer == STARTS.get(name)


def _start(answer: Any) -> str:
    if type(answer) is int:
        return "the 0"
    return "the empty text" if answer == "" else repr(answer)


def _told(answer: Any) -> str:
    if isinstance(answer, Architecture):
        return f"for example {answer.flat}"
    return f"{answer:.3g}" if isinstance(answer, float) else repr(answer)


def _why(name: str, solution: Any) -> str:
    says = EXERCISES[name](solution).says
    return says[0].upper() + says[1:]


def _macro_size_slips() -> Slips:
    layers, ops = 5, len(MACRO_OPS)
    bits = layers * (layers - 1) // 2
    return {
        ops**layers: f"that counts operations only; {layers} layers also have skips",
        2**bits: "that counts skips only; each layer also has an operation",
        ops**layers
        * 2**layers: "a layer has one yes or no for each earlier layer, not one in total",
        ops**layers * 2 ** (layers**2): "skips run forward only: a layer has none to later layers",
        ops * layers * 2**bits: "layers choose independently, so their choices multiply",
        ops**layers * bits: "each skip is a yes or no of its own: their choices multiply, too",
        ops**layers + 2**bits: "operations and skips are chosen together: multiply, do not add",
    }


def _macro_size(answer: Any) -> Verdict:
    """How many networks have five layers, six operations, any skips."""
    layers, ops = 5, len(MACRO_OPS)
    bits = layers * (layers - 1) // 2
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    if answer == MacroSpace(layers).size:
        return Verdict(True, f"{answer:,}: {ops}^{layers} ways to choose operations times 2^{bits}")
    hint = "how many choices has each layer, and how many layers?"
    return Verdict(False, _macro_size_slips().get(answer, hint))


def _macro_list(answer: Any) -> Verdict:
    """The article's example as a flat list in the layout of the authors' program.

    Under layer wiring: the program itself wires otherwise, and cannot express this network.
    """
    right = ARTICLE_MACRO.flat
    if isinstance(answer, Architecture):
        return Verdict(False, "the list of numbers is wanted, not the architecture")
    numbers = _whole_numbers(answer)
    if numbers is None:
        return Verdict(False, f"a list of whole numbers is wanted; got {shortened(answer)}")
    if len(numbers) != len(right):
        return Verdict(
            False,
            f"{len(numbers)} numbers; layer k takes k of them (an operation, then a bit for each "
            f"earlier layer), so four layers take {len(right)}",
        )
    starts = [k * (k + 1) // 2 for k in range(5)]
    skips_first = [n for a, b in pairwise(starts) for n in (*right[a + 1 : b], right[a])]
    if numbers == skips_first:
        return Verdict(
            False,
            "that has the skips first, as the article; in the program's layout the "
            "operation of a layer comes first, then its bits",
        )
    for k, (start, end) in enumerate(pairwise(starts), start=1):
        if numbers[start] != right[start]:
            return Verdict(False, f"look at the operation of layer {k} again: 0 is {MACRO_OPS[0]}")
        if numbers[start:end] != right[start:end]:
            return Verdict(False, f"look at the skips of layer {k} again: bit 1 means layer 1")
    return Verdict(True, "the article's network in the layout of the authors' program")


def _micro_size_slips() -> Slips:
    sources, ops = 4, len(MICRO_OPS)
    return {
        sources * ops: "that is one input; a node has two, which are chosen independently",
        sources * ops * 2: "the two inputs choose independently, so their choices multiply",
        (3 * ops) ** 2: "it can read one tensor more: the two inputs and two computed nodes",
        (5 * ops) ** 2: "a node cannot read itself",
        (sources * (sources - 1)) * ops**2: "it may read the same tensor twice",
        sources**2: "that counts sources only; each input also has an operation",
        ops**2: "that counts operations only; each input also has a source",
        sources**2 * ops: "each of the two inputs has an operation of its own",
        sources * ops**2: "each of the two operations has a source of its own",
    }


def _micro_size(answer: Any) -> Verdict:
    """In how many ways a cell's third computed node can be decided."""
    sources, ops = 4, len(MICRO_OPS)
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    if answer == (sources * ops) ** 2:
        return Verdict(True, f"{answer}: {sources} sources times {ops} operations, squared")
    hint = "how many tensors can it read, how many operations are there, how many inputs has it?"
    return Verdict(False, _micro_size_slips().get(answer, hint))


def _micro_list(answer: Any) -> Verdict:
    """The article's cell as a flat list, with avg3x3 where the article has avg5x5."""
    right = _article_cell()
    numbers = _whole_numbers(answer)
    if numbers is None:
        return Verdict(False, f"a list of whole numbers is wanted; got {shortened(answer)}")
    if len(numbers) != 8:
        return Verdict(
            False, f"{len(numbers)} numbers; each node takes 4 of them, so two nodes take 8"
        )
    for node, (wanted, start) in enumerate(zip(right, (0, 4), strict=True), start=3):
        given = numbers[start : start + 4]
        if given in (wanted, wanted[2:] + wanted[:2]):  # a sum has no first and no second
            continue
        if given == [wanted[0], wanted[2], wanted[1], wanted[3]]:
            says = "the list stores index, operation, index, operation, as the program prints it"
        elif [given[0] - 1, given[2] - 1] == [wanted[0], wanted[2]]:
            says = f"the list counts tensors from 0: look at the sources of node {node}"
        elif [given[0], given[2]] != [wanted[0], wanted[2]]:
            says = f"look at the sources of node {node} again: 0 is the output of the cell two back"
        else:
            says = f"look at the operations of node {node} again: 0 is {MICRO_OPS[0]}"
        return Verdict(False, says)
    return Verdict(True, "the article's cell, with avg3x3 for the operation that it alone has")


def _article_cell() -> list[list[int]]:
    """Of each node of the article's cell: index, operation, index, operation."""
    (nodes,) = ARTICLE_MICRO.content
    stand_in = MICRO_OPS.index("avg3x3")
    return [
        [i, a if a < len(MICRO_OPS) else stand_in, j, b if b < len(MICRO_OPS) else stand_in]
        for i, j, a, b in nodes
    ]


def _whole_numbers(answer: Any) -> list[int] | None:
    """What a list says, of any whole numbers that `decode` reads; None for anything else."""
    try:
        numbers = [whole_number(n) for n in listed(answer, "")]
    except ValueError:
        return None
    return None if None in numbers else numbers


def _search_samples_slips() -> Slips:
    epochs, c = 16, recipe("macro-tiny").controller
    return {
        c.updates * c.samples: "that is one epoch",
        epochs * c.samples: "that counts one update an epoch",
        epochs * c.updates: "that counts updates; each is made from several samples",
        epochs * c.updates * c.samples * c.reward_images: "that counts images; each network is "
        f"evaluated on {c.reward_images} of them",
    }


def _search_samples(answer: Any) -> Verdict:
    """How many networks phase 2 of the search in notebook 06 tries."""
    epochs, c = 16, recipe("macro-tiny").controller
    right = epochs * c.updates * c.samples
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    if answer == right:
        return Verdict(True, f"{right:,}: {epochs} epochs of {c.updates} x {c.samples}")
    hint = "epochs, updates in each, samples in each of these"
    return Verdict(False, _search_samples_slips().get(answer, hint))


def _search_minibatches_slips() -> Slips:
    epochs, size, images = 16, recipe("macro-tiny").train.batch_size, 1000
    each = -(-images // size)
    return {
        each: "that is one epoch",
        epochs * (each - 1): "the images that are left make one more minibatch, which is filled up",
        epochs * images: "that counts images",
    }


def _search_minibatches(answer: Any) -> Verdict:
    """How many minibatches phase 1 of the search in notebook 06 trains."""
    epochs, size, images = 16, recipe("macro-tiny").train.batch_size, 1000
    each = -(-images // size)
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    if answer == epochs * each:
        return Verdict(True, f"{answer}: {each} of {size} images in each of {epochs} epochs")
    hint = f"how many minibatches of {size} does it take to see {images:,} images?"
    return Verdict(False, _search_minibatches_slips().get(answer, hint))


def _push_slips() -> Slips:
    negative = "without a baseline the factor is the reward itself: is 0.6 negative?"
    sign = "with the baseline the factor is 0.6 - 0.7: which sign has it?"
    return {("down", "down"): negative, ("down", "up"): negative, ("up", "up"): sign}


def _push(answer: Any) -> Verdict:
    """Which way one sample moves its own probability, without a baseline and with one above it."""
    words = ("up", "down")
    given = answer
    if isinstance(answer, list | tuple):
        given = tuple(str(word).lower() for word in answer)
    if given not in [(a, b) for a in words for b in words]:
        return Verdict(False, f'two words are wanted, each "up" or "down"; got {shortened(answer)}')
    if given in _push_slips():
        return Verdict(False, _push_slips()[given])
    return Verdict(True, "what counts is the sign of reward minus baseline")


def _score_mean_slips() -> Slips:
    networks = len(load_specimen().architectures)
    return {
        1: "that is the sum of the probabilities; the sum of their gradients?",
        networks: "that is how many networks there are; p times grad log p is grad p",
        1 / networks: "that is about the probability of one network; sum all their gradients",
    }


def _score_mean(answer: Any) -> Verdict:
    """The length of the mean score vector."""
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    if abs(answer) < 1e-6:
        return Verdict(
            True, "the probabilities sum to 1 whatever the weights are, so their gradients cancel"
        )
    hint = "p times grad log p is grad p; what do the probabilities sum to?"
    return _slip(answer, _score_mean_slips(), hint)


def _half_the_distance_slips() -> Slips:
    samples = 20
    return {
        2 * samples: "twice the samples halve the variance, which is the square of the distance",
        samples**2: "that many would make it much smaller than half",
        samples // 2: "fewer samples scatter more",
    }


def _half_the_distance(answer: Any) -> Verdict:
    """How many samples halve the standard deviation that 20 leave."""
    samples = 20
    if not _is_number(answer) or answer != round(answer):
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    if answer == 4 * samples:
        return Verdict(True, "the distance shrinks with the square root of the number of samples")
    hint = "the variance falls as 1/M; how does its square root fall?"
    return Verdict(False, _half_the_distance_slips().get(answer, hint))


def _baseline_factor_slips() -> Slips:
    right = SOLUTIONS["baseline-factor"]()
    return {
        right**0.5: "that compares distances; a variance is a mean of squares",
        1 / right: "upside down: how many times smaller, not what part is left",
        1.0: "that is so for the mean, which a baseline does not change; the variance is smaller",
    }


def _baseline_factor(answer: Any) -> Verdict:
    """How many times smaller the mean reward as baseline makes the variance, of the specimen."""
    if not _is_number(answer) or answer <= 0:
        return Verdict(False, f"a number above 0 is wanted; got {shortened(answer)}")
    specimen = load_specimen()
    right = specimen.variance(1, "none") / specimen.variance(1, "mean")
    mean = specimen.expected_reward()
    deviation = (specimen.spread() ** 2 + specimen.noise_level() ** 2) ** 0.5
    if abs(answer / right - 1) < 0.15 or rounds_to(answer, right):
        return Verdict(True, f"measured: {right:.1f} times")
    if 1.15 <= answer / right < 1.5 or 0.67 < answer / right <= 0.85:
        way = "high" if answer > right else "low"
        return Verdict(
            False,
            f"nearly, a little too {way}: the rewards scatter by {deviation:.3f} "
            "around their mean, the luck of the minibatch included",
        )
    hint = (
        f"compare mean squares: of rewards around 0 (their mean is {mean:.2f}), and of rewards "
        f"around their mean (their standard deviation is {deviation:.2f})"
    )
    return _slip(answer, _baseline_factor_slips(), hint, within=0.15)


def _first_advantage_slips() -> Slips:
    reward, decay = 0.8, ControllerConfig().baseline_decay
    baseline = (1 - decay) * reward
    return {
        reward: "the program moves the baseline first, then takes the difference",
        baseline: "that is the baseline after it moved; the advantage is what is above",
        (1 - decay) * (reward - baseline): "the decay is the share of the old baseline that is "
        "kept: nearly all of it",
    }


def _first_advantage(answer: Any) -> Verdict:
    """The advantage of the very first sample in the authors' program, with reward 0.8."""
    reward, decay = 0.8, ControllerConfig().baseline_decay
    baseline = (1 - decay) * reward
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    slips = _first_advantage_slips()
    if _is_right(answer, reward - baseline, 1e-6, slips):
        return Verdict(
            True, "the baseline has moved by one hundredth of the reward before it counts"
        )
    hint = (
        "update the baseline first: it starts at 0 and moves one hundredth of the way to the reward"
    )
    return _slip(answer, slips, hint, within=1e-3)


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
        return Verdict(False, f"correct, but with {skips} skips; a single skip is enough")
    return Verdict(True, "one skip, from layer 1 into layer 6, goes around everything between")


def _design_near(answer: Any) -> Verdict:
    """A network of six layers that sees as little as it can."""
    wrong = _of_space(answer, MacroSpace(6))
    if wrong:
        return wrong
    least = Architecture(MacroSpace(6), tuple((0,) * (k + 1) for k in range(6)))
    best, mine = (anatomy(a, recipe("macro-tiny")).receptive_field for a in (least, answer))
    if mine > best:
        return Verdict(
            False,
            f"yours sees {mine} pixels; {best} is possible: look at the windows of the operations",
        )
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
        return Verdict(False, f"depth 4, but no node reads {names}; each node reads two others")
    return Verdict(True, "a chain: each node reads the one before, and all are read")


def _of_space(answer: Any, space: Space) -> Verdict | None:
    """What is wrong with an answer that is no architecture of `space`; None if it is one."""
    if not isinstance(answer, Architecture):
        return Verdict(
            False, f"an architecture is wanted, editor.architecture; got {shortened(answer)}"
        )
    if answer.space != space:
        return Verdict(False, f"an architecture of {space} is wanted; got one of {answer.space}")
    return None


def _is_number(answer: Any) -> bool:
    known = isinstance(answer, int | float) and not isinstance(answer, bool)
    return known and math.isfinite(answer)


def _near(answer: float, wanted: float, by: float) -> bool:
    return abs(answer - wanted) <= by


def rounds_to(answer: float, exact: float) -> bool:
    """Whether `answer` is `exact`, rounded to the significant digits that `answer` has.

    0.7 and 0.73 are both 0.727 rounded; 0.72 and 1 are not. Zeros at the end of a number may only
    hold a place and do not count as digits: 800 is 821 rounded to one digit. An exact half may be
    rounded either way.
    """
    given, right = Decimal(repr(float(answer))), Decimal(repr(float(exact)))
    if not given or not right:
        return given == right
    digits = len(given.normalize().as_tuple().digits)
    last = Decimal(1).scaleb(right.adjusted() - digits + 1)  # the place of the last digit kept
    return given % last == 0 and abs(given - right) <= last / 2


def _is_right(answer: float, right: float, by: float, slips: Slips) -> bool:
    """Whether an answer is near the right one, or rounds to it and to none of the known slips."""
    if _near(answer, right, by):
        return True
    return rounds_to(answer, right) and not any(rounds_to(answer, slip) for slip in slips)


def _slip(answer: float, slips: Slips, hint: str, within: float = 0.01) -> Verdict:
    """What to say of a wrong number: what the nearest slip needs, or the hint for all others.

    within: the relative distance up to which an answer is that slip.
    """
    nearest = min(slips, key=lambda slip: abs(answer - slip))
    near = math.isclose(answer, nearest, rel_tol=within, abs_tol=0.01 if nearest == 0 else 0)
    return Verdict(False, slips[nearest] if near else hint)


def _top_probability_slips() -> Slips:
    c, options = ControllerConfig().tanh_constant, len(MACRO_OPS)
    up, down = math.exp(c), math.exp(-c)
    return {
        1.0: "a softmax reaches 1 only when a logit is infinitely larger than the others",
        up / (up + options - 1): "that leaves the others at 0; they can be pushed down too",
        up / (up + down): "that is for two options; an operation is one of six",
        1 / options: "that is where an untrained policy begins; how far can it go?",
        100 * up / (up + (options - 1) * down): "give a number from 0 to 1, not a percentage",
    }


def _top_probability(answer: Any) -> Verdict:
    """The highest probability that one of six operations can have with the released constant."""
    if not _is_number(answer):
        return Verdict(False, f"a number from 0 to 1 is wanted; got {shortened(answer)}")
    c, options = ControllerConfig().tanh_constant, len(MACRO_OPS)
    up, down = math.exp(c), math.exp(-c)
    right = up / (up + (options - 1) * down)
    slips = _top_probability_slips()
    if _is_right(answer, right, 0.006, slips):
        return Verdict(
            True,
            f"{right:.3f}: one logit at the top, {options - 1} at the bottom, which is the limit",
        )
    hint = (
        "an option is most probable when its logit is as high as possible and the others are as "
        "low as possible"
    )
    return _slip(answer, slips, hint)


def _skip_chance_slips() -> Slips:
    z = 0.5
    return {
        1 / (1 + math.exp(-z)): "that compares the logit z with 0; here it is compared with -z",
        1 / (1 + math.exp(2 * z)): "that is the probability of no",
        z: "a logit is not a probability: apply the softmax first",
    }


def _skip_chance(answer: Any) -> Verdict:
    """The probability of a yes whose logit is one half."""
    if not _is_number(answer):
        return Verdict(False, f"a number from 0 to 1 is wanted; got {shortened(answer)}")
    z = 0.5
    right = 1 / (1 + math.exp(-2 * z))
    slips = _skip_chance_slips()
    if _is_right(answer, right, 0.006, slips):
        return Verdict(True, f"{right:.3f}: the softmax of -z and z is sigmoid(2z)")
    hint = "two options, no and yes, with the logits -z and z: what does the softmax make of them?"
    return _slip(answer, slips, hint)


def _next_input_slips() -> Slips:
    chosen = 3
    return {
        1 / chosen: "that is the mean, as in an early draft of the paper; what does the picture "
        "say?",
        1.0: "they are added, but then divided by something",
        1 / 2: "half is right for a single one; read the line below the last strip again",
        1.0 + chosen: "that is what the sum is divided by; what is each multiplied by?",
    }


def _next_input(answer: Any) -> Verdict:
    """The share of each of three chosen anchors in the next input, as the program computes it."""
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    chosen = 3
    right = 1 / (1 + chosen)
    slips = _next_input_slips()
    if _is_right(answer, right, 0.003, slips):
        return Verdict(True, f"{right:g}: the sum is divided by one more than were chosen")
    hint = "look at a step that follows a skip step: what is the sum divided by?"
    return _slip(answer, slips, hint)


def _standard_error_slips() -> Slips:
    share, images = 0.12, 2_000
    right = SOLUTIONS["standard-error"]()
    return {
        right / 100: "that is a fraction; multiply it by 100 to get percentage points",
        50 / math.sqrt(images): "that is for a share of one half; one of 12 % varies less",
        100 * math.sqrt(share * (1 - share)): f"that is for one image; there are {images:,}",
        2 * right: "that is two standard errors",
        100 / math.sqrt(images): "that leaves out p (1 - p), which is far below 1",
        100 * share * (1 - share) / images: "that is the variance; take its square root",
    }


def _standard_error(answer: Any) -> Verdict:
    """The standard error of a test error of 12 % on 2,000 images, in percentage points."""
    if not _is_number(answer):
        return Verdict(False, f"a number of percentage points is wanted; got {shortened(answer)}")
    share, images = 0.12, 2_000
    right = 100 * math.sqrt(share * (1 - share) / images)
    slips = _standard_error_slips()
    if _is_right(answer, right, 0.01, slips):
        return Verdict(
            True, f"{right:.2f} points: two networks that are one point apart may be equally good"
        )
    hint = "for a share p of n images, the standard error is the square root of p (1 - p) / n"
    return _slip(answer, slips, hint)


def _lucky_best_slips() -> Slips:
    spread = 100 * math.sqrt(0.6 * 0.4 / 100)
    return {
        0: "that holds for each network on average, but not for the best of ten",
        spread: "that is one standard error; the luckiest of ten is further out",
        SOLUTIONS["lucky-best"]() / 100: "that is a fraction; multiply it by 100 to get "
        "percentage points",
        3 * spread: "that is three standard errors; one network in several hundred is so lucky, "
        "and there are ten",
    }


def _lucky_best(answer: Any) -> Verdict:
    """By how many points the best of ten looks better than it is, when all are equally good."""
    if not _is_number(answer):
        return Verdict(False, f"a number of percentage points is wanted; got {shortened(answer)}")
    right = 100 * (_best_of(10, 100, 0.6) - 0.6)
    if _near(answer, right, 1.0) or rounds_to(answer, right):
        return Verdict(True, f"{right:.1f} points, on average: all of it luck")
    more = "more than that" if answer < right else "less than that"
    spread = 100 * math.sqrt(0.6 * 0.4 / 100)
    hint = f"{more}: one standard error is {spread:.1f} points, and there are ten networks"
    return _slip(answer, _lucky_best_slips(), hint, within=0.1)


def _best_of(several: int, images: int, share: float) -> float:
    """The expected highest accuracy of so many networks that are all `share` good, each measured
    on `images` images of its own."""
    chances = [
        math.comb(images, k) * share**k * (1 - share) ** (images - k) for k in range(images + 1)
    ]
    found = below = 0.0
    for k, chance in enumerate(chances):
        at_most = min(1.0, below + chance)
        found += k / images * (at_most**several - below**several)
        below = at_most
    return found


# How a figure may be come by: whether that spoils it, and what to think of.
REPORTS = {
    "a": (True, "picking the epoch by its test error uses the test images to choose"),
    "b": (False, "the mean of several seeds is more reliable than a single seed"),
    "c": (False, "validation images are meant for choosing"),
    "d": (True, "ten test errors were compared, and the best of ten is partly luck"),
    "e": (True, "choosing the best of five seeds uses the figure that is reported"),
    "f": (False, "a random network trained the same way is the right comparison"),
}


def _honest(answer: Any) -> Verdict:
    """Which of six ways to report spoil a result, as letters."""
    if not isinstance(answer, str | set | list | tuple):
        return Verdict(False, f"letters are wanted, such as 'af'; got {shortened(answer)}")
    letters = {str(x).strip().lower() for x in answer} - {"", ","}
    if unknown := sorted(letters - set(REPORTS)):
        return Verdict(False, f"the letters are {', '.join(REPORTS)}; got {shortened(unknown[0])}")
    if not letters:
        return Verdict(False, "some do: which of them look at test images, and then choose?")
    right = {letter for letter, (spoils, _) in REPORTS.items() if spoils}
    if letters == right:
        return Verdict(True, "each of these chooses by the figure that it reports")
    if wrong := sorted(letters - right):
        return Verdict(False, f"not {wrong[0]}: {REPORTS[wrong[0]][1]}")
    return Verdict(False, f"{len(right - letters)} more: what else chooses by what it reports?")


def _sharing_price_slips() -> Slips:
    children, epochs, minibatches = 2000, 100, 32
    return {
        children * epochs: "that counts epochs; each has 32 minibatches",
        children * minibatches: "a child is trained for more than one epoch",
        epochs * minibatches: "that is the price of one child; how many does the loop train?",
        children + epochs * minibatches: "every child is trained as long as the first: multiply",
        60 * minibatches: "that is the search with shared weights; how many children are trained?",
    }


def _sharing_price(answer: Any) -> Verdict:
    """How many minibatches plain NAS, as the article tells it, takes where an epoch has 32."""
    children, epochs, minibatches = 2000, 100, 32
    if type(answer) is not int:
        return Verdict(False, f"a whole number is wanted; got {shortened(answer)}")
    right = children * epochs * minibatches
    if answer == right:
        times = right / (60 * minibatches)
        return Verdict(True, f"{right:,}: {times:,.0f} times what sharing took")
    hint = "how many children, epochs of each, minibatches of one?"
    return Verdict(False, _sharing_price_slips().get(answer, hint))


def _sharing_even_slips() -> Slips:
    minibatches, ops, layers = 1920, len(MACRO_OPS), 6
    return {
        minibatches: "a minibatch trains one operation of each layer, not all of them",
        minibatches
        / layers
        / ops: "a minibatch trains one operation in every layer, not in just one",
        minibatches / ops / 32: "that is for an epoch or so; the search has 1920 minibatches",
    }


def _sharing_even(answer: Any) -> Verdict:
    """How often an even policy trains each operation of a layer in 1920 minibatches."""
    minibatches, ops = 1920, len(MACRO_OPS)
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    if abs(answer - minibatches / ops) < 0.5:
        told = f"{minibatches // ops}: each minibatch trains one of {ops} operations in every layer"
        return Verdict(True, told)
    hint = "how many operations of one layer does a minibatch train?"
    return _slip(answer, _sharing_even_slips(), hint)


def _sharing_cell_slips() -> Slips:
    minibatches, sources, ops = 24_640, 6, len(MICRO_OPS)
    return {
        minibatches / ops: "these weights belong to one source, too: how many can node 7 read?",
        minibatches / sources: "these weights belong to one operation, too: of how many?",
        minibatches / sources / ops / 2: "each input of a node makes a choice of its own, in every "
        "minibatch: do not divide by two",
        minibatches / 5 / ops: "node 7 can read six nodes: the two inputs and nodes 3 to 6",
        minibatches / 7 / ops: "a node cannot read itself",
    }


def _sharing_cell(answer: Any) -> Verdict:
    """How often an even policy trains one operation on one source of a cell's last node."""
    minibatches, sources, ops = 24_640, 6, len(MICRO_OPS)
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    right = minibatches / sources / ops
    if _is_right(answer, right, 1, _sharing_cell_slips()):
        told = f"about {right:.0f}: one choice of {sources} × {ops}"
        return Verdict(True, told)
    hint = "how many pairs of a source and an operation can the input choose from?"
    return _slip(answer, _sharing_cell_slips(), hint)


def _sharing_whole_slips() -> Slips:
    missed = (1 - 1 / len(MACRO_OPS)) ** 10  # one operation, by all ten
    return {
        missed: "that is the chance that one operation was never drawn",
        1 - missed: "that is for one layer; all six have to be lucky",
        1 - missed**6: "that is the chance that at least one operation was trained; all are wanted",
        1 - (1 - missed) ** 6: "that is the chance that some operation is still fresh",
    }


def _sharing_whole(answer: Any) -> Verdict:
    """The chance that ten minibatches trained all six operations of a network of six layers."""
    missed = (1 - 1 / len(MACRO_OPS)) ** 10
    if not _is_number(answer):
        return Verdict(False, f"a number is wanted; got {shortened(answer)}")
    if answer > 1:
        return Verdict(False, "a probability is at most 1; half of the time is 0.5")
    right = (1 - missed) ** 6
    if _is_right(answer, right, 0.02, _sharing_whole_slips()):
        return Verdict(True, f"{right:.2f}: (1 − (5/6)¹⁰)⁶; after 32 minibatches it is 0.98")
    hint = "first: how likely is it that one operation of one layer was missed ten times?"
    return _slip(answer, _sharing_whole_slips(), hint, within=0.06)


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
    "top-probability": _top_probability,
    "skip-chance": _skip_chance,
    "next-input": _next_input,
    "standard-error": _standard_error,
    "lucky-best": _lucky_best,
    "honest": _honest,
    "sharing-price": _sharing_price,
    "sharing-even": _sharing_even,
    "sharing-cell": _sharing_cell,
    "sharing-whole": _sharing_whole,
}

ZERO_IS_AN_ANSWER = ("score-mean", "lucky-best")  # right in one, a good guess in the other
STARTS = {"macro-list": [0, 3, 1], "micro-list": [1, 2]}  # what the cells of 01 and 02 begin with

# The way to each answer, without the answer.
WAYS = {
    "macro-size": "multiply the ways to choose one operation per layer by 2 for each possible "
    "skip; layer k has k - 1 possible skips.",
    "macro-list": "write one layer after the other: its operation, then a 0 or 1 for each earlier "
    "layer.",
    "micro-size": "count the pairs of a source and an operation for one input; the other input "
    "has as many.",
    "micro-list": "write one node after the other: source, operation, source, operation, with the "
    "two cell inputs as sources 0 and 1.",
    "search-samples": "multiply epochs, updates per epoch and samples per update.",
    "search-minibatches": "divide the training images by the batch size, round up, and multiply "
    "by the epochs.",
    "design-short": "one skip may start at the first layer and end at the last.",
    "design-near": "use the operations with the smallest window in every layer.",
    "design-deep": "let each node read the node before it, down to the last.",
    "push": "the sign of reward minus baseline decides; without a baseline, subtract nothing.",
    "score-mean": "write p times grad log p as grad p, and move the gradient outside the sum.",
    "half-the-distance": "the distance falls as 1 / sqrt(M): by what factor must M grow?",
    "baseline-factor": "divide the mean of R squared by the variance of R; both follow from the "
    "mean and the standard deviations in section 2.",
    "first-advantage": "compute the new baseline first, then subtract it from the reward.",
    "top-probability": "put one logit at +1.5 and the five others at -1.5, and take the softmax.",
    "skip-chance": "the softmax of (-z, z) is exp(z) / (exp(-z) + exp(z)).",
    "next-input": "compare the divisor with the number of picked layers; the pattern goes on.",
    "standard-error": "the standard error of a share p of n images is sqrt(p (1 - p) / n).",
    "lucky-best": "find the standard error of one accuracy; the best of ten lies about one and a "
    "half of them above the mean.",
    "honest": "mark every case in which the test error itself was used to choose what to report.",
    "sharing-price": "multiply children, epochs per child and minibatches per epoch.",
    "sharing-even": "each minibatch trains one of the six operations of every layer.",
    "sharing-cell": "divide the minibatches by the number of pairs of a source and an operation.",
    "sharing-whole": "find the chance that one operation is drawn at least once in ten "
    "minibatches; all six layers must be that lucky.",
}


SOLUTIONS: dict[str, Callable[[], Any]] = {
    "macro-size": lambda: MacroSpace(5).size,
    "macro-list": lambda: list(ARTICLE_MACRO.flat),
    "micro-size": lambda: (4 * len(MICRO_OPS)) ** 2,
    "micro-list": lambda: [n for node in _article_cell() for n in node],
    "search-samples": lambda: (
        16 * recipe("macro-tiny").controller.updates * recipe("macro-tiny").controller.samples
    ),
    "search-minibatches": lambda: 16 * -(-1000 // recipe("macro-tiny").train.batch_size),
    "design-short": lambda: MacroSpace(6).architecture(
        ["conv3x3"] * 6, [(0,) * k for k in range(1, 5)] + [(1, 0, 0, 0, 0)]
    ),
    "design-near": lambda: MacroSpace(6).architecture(["conv3x3"] * 6),
    "design-deep": lambda: Architecture(
        MicroSpace(4), (((0, 1, 0, 0), (1, 2, 0, 0), (2, 3, 0, 0), (3, 4, 0, 0)),) * 2
    ),
    "push": lambda: ("up", "down"),
    "score-mean": lambda: 0.0,
    "half-the-distance": lambda: 4 * 20,
    "baseline-factor": lambda: (
        load_specimen().variance(1, "none") / load_specimen().variance(1, "mean")
    ),
    "first-advantage": lambda: ControllerConfig().baseline_decay * 0.8,
    "top-probability": lambda: 1 / (1 + 5 * math.exp(-2 * ControllerConfig().tanh_constant)),
    "skip-chance": lambda: 1 / (1 + math.exp(-2 * 0.5)),
    "next-input": lambda: 1 / (1 + 3),
    "standard-error": lambda: 100 * math.sqrt(0.12 * 0.88 / 2_000),
    "lucky-best": lambda: 100 * (_best_of(10, 100, 0.6) - 0.6),
    "honest": lambda: "".join(letter for letter, (spoils, _) in REPORTS.items() if spoils),
    "sharing-price": lambda: 2000 * 100 * 32,
    "sharing-even": lambda: 1920 / len(MACRO_OPS),
    "sharing-cell": lambda: 24_640 / 6 / len(MICRO_OPS),
    "sharing-whole": lambda: (1 - (1 - 1 / len(MACRO_OPS)) ** 10) ** 6,
}

# Where wrong answers are known. They are what `ev.Exercise` offers beside the right one, too.
SLIPS: dict[str, Callable[[], Slips]] = {
    "macro-size": _macro_size_slips,
    "micro-size": _micro_size_slips,
    "search-samples": _search_samples_slips,
    "search-minibatches": _search_minibatches_slips,
    "push": _push_slips,
    "score-mean": _score_mean_slips,
    "half-the-distance": _half_the_distance_slips,
    "baseline-factor": _baseline_factor_slips,
    "first-advantage": _first_advantage_slips,
    "top-probability": _top_probability_slips,
    "skip-chance": _skip_chance_slips,
    "next-input": _next_input_slips,
    "standard-error": _standard_error_slips,
    "lucky-best": _lucky_best_slips,
    "sharing-price": _sharing_price_slips,
    "sharing-even": _sharing_even_slips,
    "sharing-cell": _sharing_cell_slips,
    "sharing-whole": _sharing_whole_slips,
}
