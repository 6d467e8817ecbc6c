"""What README, RESULTS, notebooks and code say: no overclaims, no durations typed by hand."""

import json
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

import enas_viz as ev
from enas_viz.facts.estimates import CPU, GPU, estimate, tell_time
from enas_viz.facts.measured import tell_demo
from enas_viz.recipes import recipe

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "benchmarks" / "results"
DOCS = [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
PAGES = ("README.md", "RESULTS.md", "CONTRIBUTING.md", "results/README.md", *DOCS)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# What was said once, and claims too much or is no plain English.
NOT_SAID = (
    r"no difference",  # that two groups are not shown to differ does not make them equal
    r"\bby lot\b",
    r"\bwhom\b",
    r"behind ± stands",
    r"by hand never",
    r"not to be had",
    r"\bat hand\b",
    r"a matter of (hours|minutes)",
    r"pulling the plug",
    # durations that no one measured
    r"a minute or two|about two minutes|less than a minute|half a minute|a few minutes",
    r"some ten seconds|in five minutes|seconds on two cores",
)


def markdown(path: Path) -> str:
    """The sources of a notebook's cells, without its outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells)


def said() -> dict[str, str]:
    pages = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    code = (ROOT / "enas_viz").rglob("*.py")
    modules = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in code}
    return pages | modules | {path.name: markdown(path) for path in NOTEBOOKS}


@pytest.mark.parametrize("pattern", NOT_SAID)
def test_what_claims_too_much_is_said_nowhere(pattern):
    found = {
        name: match[0]
        for name, text in said().items()
        if (match := re.search(pattern, text, flags=re.IGNORECASE))
    }

    assert found == {}


@pytest.mark.parametrize("where", ["README.md", "00_tour.ipynb"])
def test_the_minutes_of_the_demo_are_those_that_were_measured(where):
    text = " ".join(said()[where].split())

    assert tell_demo("macro") in text


def test_the_minutes_of_a_search_are_those_of_its_estimate():
    told = {
        (name[:2], time)
        for name, text in said().items()
        for time in re.findall(r"about ([\d.]+ \w+) on an AMD\s+EPYC", text)
    }

    def time(name: str, epochs: int) -> str:
        return tell_time(estimate(recipe(name, train__epochs=epochs), CPU).hours)

    assert told == {
        ("01", time("macro-tiny", 12)),
        ("01", time("macro-tiny", 60)),
        ("02", time("micro-tiny", 12)),
        ("02", time("micro-tiny", 60)),
        ("06", time("macro-tiny", 60)),
        ("RE", time("micro-tiny", 60)),
    }


def test_the_table_of_the_demo_holds_the_kept_figures():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    kept = [json.loads(path.read_text()) for path in sorted(KEPT.glob("demo-*.json"))]
    pairs = [
        pair
        for found in kept
        for pair in (
            (found["shared_weights"]["policy"], found["shared_weights"]["uniform"]),
            (found["alone"]["searched"], found["alone"]["random"]),
        )
    ]

    rows = re.findall(r"networks each \| (.*?) \| (.*?) \|", text)

    assert rows == [tuple(map(percent, pair)) for pair in pairs]


def percent(values: list[float]) -> str:
    return f"{100 * mean(values):.1f} ± {100 * stdev(values) / len(values) ** 0.5:.1f} %"


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_the_figures_of_the_cifar_searches_are_those_that_were_measured(kind):
    rows = json.loads((KEPT / f"{kind}-cifar10-cpu.json").read_text())["rows"]
    text = " ".join((ROOT / "docs" / "results.md").read_text(encoding="utf-8").split())

    assert rows[0]["digest"] == ev.load_trace(f"{kind}-cifar10-cpu").digest()  # the shipped one
    for row in rows:
        (a, b), (c, d) = row["policy"], row["chance"]
        assert f"{100 * a:.1f} ± {100 * b:.1f} % against {100 * c:.1f} ± {100 * d:.1f} %" in text


@pytest.mark.parametrize(
    ("notebook", "trace"), [("01", "macro-cifar10-cpu"), ("02", "micro-cifar10-cpu")]
)
def test_a_notebook_says_of_what_its_film_shows_the_best(notebook, trace):
    searched = ev.load_trace(trace)
    (path,) = (p for p in NOTEBOOKS if p.name.startswith(notebook))

    text = " ".join(markdown(path).split())

    highest = max(episode.accuracy for episode in searched.episodes)
    assert searched.best.accuracy == highest  # so that what opens is what is called the best
    told = f"the best of all {len(searched.episodes):,} networks ({highest:.1%} of its 256"
    assert told.replace("%", " %") in text


def test_the_gpu_times_that_notebook_07_keeps_are_lower_limits_as_they_are_estimated():
    (path,) = (p for p in NOTEBOOKS if p.name.startswith("07"))
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = (c for c in cells if "GPU.assumed" in "".join(c["source"]))
    kept = "".join(text for output in cell["outputs"] for text in output["text"])

    told = re.findall(r"^(\S+) +at least (.*)$", kept, flags=re.MULTILINE)

    assert kept.startswith(GPU.assumed)
    assert len(told) == 6
    assert told == [(name, tell_time(estimate(recipe(name), GPU).hours)) for name, _ in told]


# ---- notebooks whose boxes fold, and whose English is that of section 3 of the style

REWRITTEN = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "A")
CHIP = "Paper, code and article differ"


@pytest.mark.parametrize("number", REWRITTEN)
def test_where_paper_code_and_article_differ_folds_behind_a_line_that_names_its_topic(number):
    (path,) = (p for p in NOTEBOOKS if p.name.startswith(number))
    text = markdown(path)

    assert f"**{CHIP}" not in text  # the box that was always open
    assert text.count(CHIP) == text.count(f"<details><summary>{CHIP}: ")
    boxes = re.findall(
        rf"<details><summary>{CHIP}: ([^<]*)</summary>\n\n(.+?)\n\n</details>", text, re.S
    )
    assert len(boxes) == text.count(CHIP) > 0
    topics = [topic for topic, _ in boxes]
    assert all(len(topic.split()) >= 2 for topic in topics)
    assert len(set(topics)) == len(topics)


# What sounds translated, or is said of a thing as if it were a person.
TRANSLATED = (
    r"nobody",
    r"strangers?\b",
    r"it is no ",
    r"\bfor ever\b",
    r"tells? of\b",
    r"stands? (still|fresh)",
    r"matters? of\b",
    r"for it is\b",
    r"had to be had",
    r"all of it are",
    r"go well together",
)


@pytest.mark.parametrize("number", REWRITTEN)
def test_a_rewritten_notebook_is_in_plain_english(number):
    (path,) = (p for p in NOTEBOOKS if p.name.startswith(number))
    text = markdown(path)

    found = [m[0] for p in TRANSLATED if (m := re.search(p, text, flags=re.IGNORECASE))]

    assert found == []


@pytest.mark.parametrize("number", REWRITTEN)
def test_cifar_is_called_the_copy_that_it_was(number):
    """Only what is said of the paper is of CIFAR-10 itself; a recipe's name is no statement."""
    (path,) = (p for p in NOTEBOOKS if p.name.startswith(number))

    said = re.findall(r"CIFAR-10(?! \(JPEG copy\))", markdown(path))

    assert said == []
