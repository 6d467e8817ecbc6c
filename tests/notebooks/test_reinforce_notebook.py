"""What notebook 05 and its research note say in prose is what their numbers say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import enas_viz as ev
from enas_viz.course.questions import told_answer

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_reinforce.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = ["".join(c["source"]) for c in CELLS if c["cell_type"] == "code"]


def told(cells: list[dict]) -> str:
    return "\n".join(
        "".join(o.get("text", [])) + "".join(o.get("data", {}).get("text/plain", []))
        for c in cells
        if c["cell_type"] == "code"
        for o in c["outputs"]
    )


TOLD = told(CELLS)
NOTES = told(
    json.loads(NOTEBOOK.with_name("A_research_notes.ipynb").read_text(encoding="utf-8"))["cells"]
)


def test_what_comes_before_the_real_controller_needs_no_torch():
    (first,) = (k for k, source in enumerate(CODE) if "import search" in source)
    code = "import sys\nsys.modules['torch'] = None\n" + "\n".join(CODE[:first])

    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_answer_is_given_away():
    names = [found[1] for source in CODE if (found := re.match(r'ev\.Exercise\("(.+)"\)', source))]

    assert len(names) == 5
    for name in names:
        assert f'ev.check("{name}", your answer)' in TOLD
        assert told_answer(name) not in TOLD
    assert "✓" not in TOLD
    assert "✗" not in TOLD


def test_what_is_said_of_the_noise_is_so():
    toy = ev.load_specimen()

    assert toy.noise_level(10) > toy.spread(10)
    assert 0.25 < toy.noise_level(100) / toy.spread(100) < 0.42
    shares = {k: toy.parts(1, "mean", k)[1] / toy.variance(1, "mean", k) for k in (10, 100)}
    assert 0.06 < shares[100] < 0.15
    assert 0.6 < shares[10] < 0.73


def test_what_is_said_of_single_samples_is_so():
    toy = ev.load_specimen()
    cloud = toy.estimates(1000)

    assert 0.5 < sum(along < 0 for along, _ in cloud) / len(cloud) < 0.65
    assert 16 < (toy.variance(1) / toy.slope() ** 2) ** 0.5 < 24
    mean, best = toy.baseline("mean"), toy.baseline("best")
    assert 0 < abs(mean - best) < 0.02


def test_what_is_said_of_the_learning_policy_is_so():
    lines = [line for line in TOLD.splitlines() if line.startswith("after ") and "45°" in line]
    needed = [int(line.split("45° ")[1].split(",")[0]) for line in lines]
    parts = [float(line.rsplit(" ", 1)[1]) for line in lines]
    plain, with_mean = (
        float(line.rsplit(" ", 1)[1]) for line in TOLD.splitlines() if line.startswith("baseline ")
    )

    assert needed[1] < needed[0] < needed[2] / 3
    assert parts[2] > 1.5 * parts[0]
    assert plain < with_mean


def test_what_is_said_of_entropy_and_skips_is_so():
    found = {"full": [], "sampled": []}
    for line in NOTES.splitlines():
        if (kind := line.partition(" ")[0]) in found:
            cosine, length = line.split("cosine")[1].split(", length")
            found[kind].append((float(cosine), float(length.split()[0])))
    lengths = dict(
        line.rsplit(None, 1) for line in NOTES.splitlines() if line.startswith(("accuracy", "pena"))
    )
    accuracy, loss, reward = map(float, lengths.values())

    full, sampled = found["full"], found["sampled"]
    assert all(length < 0.002 for _, length in full)
    assert min(full)[0] < 0 < max(full)[0]  # a sign by chance
    assert sum(cosine < -0.5 for cosine, _ in sampled) > len(sampled) / 2
    assert loss > accuracy
    assert loss / reward > 100
