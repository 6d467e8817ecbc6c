"""What each exercise asks in words, and the answers that a reader can click.

The right answer is computed by `exercises.SOLUTIONS`, the wrong ones are the known slips, and what
is said of each is the verdict of `exercises.EXERCISES`: nothing of these is written here.

Not here: showing them (`widgets.exercise`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Any, Literal

from enas_viz.course.exercises import EXERCISES, REPORTS, SLIPS, SOLUTIONS, WAYS, Verdict
from enas_viz.spaces import MACRO_OPS, MICRO_OPS, MacroSpace, MicroSpace, Space

Kind = Literal["choice", "several", "list", "network"]

OFFERED = 4  # wrong answers at most, beside the right one


def _numbered(ops: tuple[str, ...]) -> str:
    return ", ".join(f"{k} {op}" for k, op in enumerate(ops))


QUESTIONS = {
    "macro-size": "How many networks have five layers, if each layer has one of six operations and "
    "a skip or none from each earlier layer?",
    "macro-list": "Write the article's network as a list in the layout of the authors' program: "
    f"for each layer its operation ({_numbered(MACRO_OPS)}), then a 0 or 1 for each earlier layer. "
    "It begins with 0, 3, 1.",
    "micro-size": "In how many ways can a cell's third computed node (node 5) be decided, with the "
    "five operations?",
    "micro-list": "Write the article's cell as the program would print it: for each computed node "
    "source, operation, source, operation, with nodes counted from 0 and avg3x3 in place of the "
    f"operation that does not exist ({_numbered(MICRO_OPS)}). It begins with 1, 2.",
    "search-samples": "How many networks will phase 2 evaluate in the whole search?",
    "search-minibatches": "How many minibatches will phase 1 train on in the whole search? If the "
    "last minibatch of an epoch would be smaller, it is filled up.",
    "design-short": "Design a six-layer network whose shortest way from stem to classifier passes "
    "a single operation, with as few skips as you can.",
    "design-near": "Design a six-layer network with the smallest receptive field that six layers "
    "can have. Several networks have it.",
    "design-deep": "Design a normal cell of four computed nodes (3 to 6) that is as deep as it can "
    "be and has a single loose end.",
    "push": "A sampled network has reward 0.6. In which direction does the update move its "
    "probability, without a baseline and with a baseline of 0.7?",
    "score-mean": "How long is the mean of the score vectors over the policy, Σ p(a) ∇log p(a)?",
    "half-the-distance": "With 20 samples the estimates have a certain root-mean-square distance "
    "from the exact gradient. How many samples would halve it?",
    "baseline-factor": "How many times smaller is the variance with the mean reward as baseline? "
    "All score vectors here have a similar length, so compare mean squares: of R, and of R minus "
    "its mean. The numbers are in section 2.",
    "first-advantage": "The program starts the baseline at 0 and updates it before it takes the "
    "difference. The very first sample of a search has reward 0.8. What is its advantage?",
    "top-probability": "With six operations and logits within ±1.5, what is the highest "
    "probability that one of them can reach?",
    "skip-chance": "The squashed score of an earlier layer is z = 0.5. What is the probability of "
    "a yes?",
    "next-input": "Suppose that three layers were picked. By what does the program multiply each "
    "anchor before it adds them? No step above picked three: look at the steps that follow one "
    "pick and two picks, and continue the pattern.",
    "standard-error": "A network is wrong on 12 % of 2,000 test images. What is the standard error "
    "of that figure, in percentage points?",
    "lucky-best": "Ten networks are equally good: each gets 60 % of images right. Each is measured "
    "on a different minibatch of 100 images, and the best of the ten is reported. By how many "
    "percentage points does it look better than it is, on average?",
    "honest": "Which of these spoil a result? Mark them all.",
    "sharing-price": "The article's loop trains 2,000 children, each for 100 epochs. How many "
    "minibatches would it train on our digits? (The search above trained 1,920 in total.)",
    "sharing-even": "There are 1,920 minibatches, and six operations in each layer. If the policy "
    "were uniform throughout, how many of the minibatches would train one given operation of one "
    "given layer?",
    "sharing-cell": "A search of cells trained 24,640 minibatches. With a uniform policy, how many "
    "of them would have trained the separable convolution 3×3 on node 1, for the first input of "
    "node 7?",
    "sharing-whole": "After the first ten minibatches of a uniform policy, how likely is it that a "
    "given network of six layers has had all its operations trained at least once?",
}

CASES = {  # of the exercise "honest", by letter
    "a": "We report the test error of the epoch where it was lowest.",
    "b": "We trained the network with three seeds, and report the mean and its standard error.",
    "c": "Of ten candidates we trained the one with the best validation accuracy.",
    "d": "We trained all ten candidates, and report the one with the lowest test error.",
    "e": "We searched with five seeds, and report the best of the five networks by its test error.",
    "f": "We also trained a random network the same way, and report it with ours.",
}

DESIGNS: dict[str, Space] = {
    "design-short": MacroSpace(6),
    "design-near": MacroSpace(6),
    "design-deep": MicroSpace(4),
}


@dataclass(frozen=True)
class Choice:
    """An answer that can be clicked. label: as it is shown; value: as `ev.check` takes it."""

    label: str
    value: Any
    verdict: Verdict


def kind_of(name: str) -> Kind:
    """How an exercise is answered: by a click on one answer, by marking several, by typing a list
    of numbers, or by designing a network."""
    if name in SLIPS:
        return "choice"
    if name in DESIGNS:
        return "network"
    return "several" if name == "honest" else "list"


def choices(name: str) -> list[Choice]:
    """The right answer of an exercise and its likeliest slips, by size; none for other kinds.

    No two look the same; of those that would, the right one or the likelier slip is kept.
    """
    if name not in SLIPS:
        return []
    found: dict[str, Any] = {}
    for value in (SOLUTIONS[name](), *SLIPS[name]()):
        found.setdefault(label(value), value)
    kept = dict(list(found.items())[: OFFERED + 1])
    ordered = sorted(kept.items(), key=lambda item: item[1])
    return [Choice(shown, value, EXERCISES[name](value)) for shown, value in ordered]


def label(value: Any) -> str:
    """An answer as a reader sees it: three digits of a measured number, all of a count."""
    if isinstance(value, tuple):
        without, with_baseline = value
        return f"{without} without, {with_baseline} with"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def subsets(name: str) -> dict[str, Verdict]:
    """What is said of every set of letters that a reader can mark, by these letters in order."""
    letters = chain.from_iterable(combinations(REPORTS, k) for k in range(1, len(REPORTS) + 1))
    return {"".join(some): EXERCISES[name]("".join(some)) for some in letters}


def accepted(name: str) -> dict[str, Verdict]:
    """The lists that are right, as numbers with a space in between, and what is said of them.

    The inputs of a cell's node may be written in either order.
    """
    right = SOLUTIONS[name]()
    ways = [right]
    if name == "micro-list":
        nodes = [right[k : k + 4] for k in range(0, len(right), 4)]
        orders = product(*((node, node[2:] + node[:2]) for node in nodes))
        ways = [[n for node in order for n in node] for order in orders]
    verdicts = {" ".join(map(str, way)): EXERCISES[name](way) for way in ways}
    return {way: verdict for way, verdict in verdicts.items() if verdict.right}


def typed(text: str) -> Any:
    """A list as a reader types it, with or without brackets and commas; other text as it is."""
    if re.fullmatch(r"[\s\d,;()\[\]-]*", text):
        return [int(number[-12:]) for number in re.findall(r"-?\d+", text)]
    return text


def told_answer(name: str) -> str:
    """The answer of an exercise in a sentence, and why."""
    solution = SOLUTIONS[name]()
    why = sentence(EXERCISES[name](solution).says)
    if kind_of(name) == "network":
        return f"One answer is {solution.flat}. {why}."
    if re.match(r"(About )?\d", why):  # opens with the answer
        return f"The answer is {why[0].lower()}{why[1:]}."
    if kind_of(name) == "several":
        return f"The answer is {', '.join(solution)}. {why}."
    told = str(solution) if kind_of(name) == "list" else label(solution)
    return f"The answer is {told}. {why}."


def way(name: str) -> str:
    """The way to the answer, without the answer."""
    return sentence(WAYS[name])


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
