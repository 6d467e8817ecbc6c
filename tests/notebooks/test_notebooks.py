"""What holds for every notebook of the course, read from the files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import enas_viz

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PATHS = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path: Path, kind: str) -> list[dict]:
    return [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_there_is_a_notebook():
    assert NOTEBOOKS


@PATHS
def test_a_code_cell_is_short_and_defines_nothing(path):
    for cell in cells(path, "code"):
        assert len(source(cell).splitlines()) < 10
        assert "def " not in source(cell)


@PATHS
def test_a_notebook_was_run_in_order_and_kept_its_outputs(path):
    code = cells(path, "code")

    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not [o for o in cell["outputs"] if o["output_type"] == "error"]
        assert not [o for o in cell["outputs"] if o.get("name") == "stderr"]  # no warnings
    assert all(cell["outputs"] for cell in code)


@PATHS
def test_a_notebook_keeps_no_widget_state_and_shows_stills_instead(path):
    content = json.loads(path.read_text())

    assert "widgets" not in content["metadata"]
    for cell in cells(path, "code"):
        kinds = [kind for output in cell["outputs"] for kind in output.get("data", {})]
        assert "application/vnd.jupyter.widget-view+json" not in kinds
        if "Replay(" in source(cell) and ".iframe" not in source(cell):
            assert "image/png" in kinds


@PATHS
def test_a_notebook_starts_with_prose_and_names_no_place_on_a_machine(path):
    first = json.loads(path.read_text())["cells"][0]

    assert first["cell_type"] == "markdown"
    assert source(first).startswith("# ")
    assert not re.findall(r"site-packages|/(?:tmp|home|root|__w)/", path.read_text())
    assert path.stat().st_size < 1_000_000


def test_the_tour_needs_no_torch():
    code = "\n".join(source(c) for c in cells(NOTEBOOKS[0], "code"))
    check = (
        "import sys\nsys.modules['torch'] = None\n"  # importing it would now fail
        f"{code}\nassert sys.modules['torch'] is None"
    )

    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)


RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def rows(notebook: Path, first: str) -> list[list[str]]:
    """The cells of the Markdown table whose header begins with `first`, below its rule."""
    text = "\n".join(source(c) for c in cells(notebook, "markdown"))
    table = text[text.index(first) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_the_figures_about_the_policy_are_those_that_were_measured(kind):
    measured = json.loads((RESULTS / f"{kind}-cifar10-cpu.json").read_text())["rows"]
    (notebook,) = (path for path in NOTEBOOKS if f"{kind}_search" in path.name)

    shown = rows(notebook, "| seed | policy")

    assert len(measured) == 3
    assert shown == [
        [
            str(row["seed"]),
            f"{100 * row['policy'][0]:.2f} ± {100 * row['policy'][1]:.2f} %",
            f"{100 * row['chance'][0]:.2f} ± {100 * row['chance'][1]:.2f} %",
            f"{row['standard_errors']:.0f}",
            f"{row['minutes']:.0f}",
        ]
        for row in measured
    ]
    assert all(row["standard_errors"] >= 3 for row in measured)


def test_the_figures_about_the_slip_are_those_that_were_measured():
    measured = json.loads((RESULTS / "dispatch-digits.json").read_text())["rows"]
    names = {"sampled": "as sampled", "last_branch": "with the bug"}

    assert rows(NOTEBOOKS[1], "| seed | |") == [
        [
            str(row["seed"]),
            names[row["dispatch"]],
            f"{row['preference_nats']:.2f} nats",
            f"{row['accuracy']:.1%} (chance: {row['chance_accuracy']:.1%})",
            f"{row['rank']} of 101",
        ]
        for row in measured
    ]


def test_the_figures_about_the_reach_are_those_that_were_measured():
    measured = json.loads((RESULTS / "policy-reach.json").read_text())["rows"]
    settings = ("released", "released-no-prior", "cpu", "paper")  # as the table has them
    expected = []
    for setting in settings:
        for planted in ("max3x3", "sep5x5"):
            runs = [r for r in measured if (r["setting"], r["planted"]) == (setting, planted)]
            end = str(runs[0]["updates"])
            means = [
                sum(values) / len(values)
                for values in (
                    [r["share_before"] for r in runs],
                    [r["share_after"][end] for r in runs],
                    [r["entropy_before"] for r in runs],
                    [r["entropy_after"][end] for r in runs],
                )
            ]
            assert len(runs) == 3
            expected.append(
                [
                    planted,
                    *(f"{v:.3f}" for v in means[:2]),
                    f"{runs[0]['share_range_saturated'][1]:.3f}",
                    f"{runs[0]['share_range'][1]:.3f}",
                    f"{means[2]:.1f} → {means[3]:.1f}",
                ]
            )

    assert [row[1:] for row in rows(NOTEBOOKS[-1], "| controller |")] == expected


def test_links_to_the_source_lead_to_the_lines_that_they_name():
    tool = Path(__file__).parents[2] / "tools" / "renew_links.py"

    run = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)

    assert run.returncode == 0, run.stderr


def test_every_notebook_is_run_from_top_to_bottom_somewhere():
    here = Path(__file__)
    runners = [here.with_name("test_tiny.py"), *(here.parents[1] / "browser").glob("test_*.py")]
    told = "".join(path.read_text() for path in runners)

    for path in NOTEBOOKS:
        assert path.stem in told, f"{path.name} is run by nobody"


def test_the_figures_about_the_frozen_controller_are_those_that_were_measured():
    measured = json.loads((RESULTS / "frozen-controller.json").read_text())["rows"]

    assert rows(NOTEBOOKS[6], "| seed | learns") == [
        [
            str(row["seed"]),
            f"{row['learns']['reward']:.1%}".replace("%", " %"),
            f"{row['frozen']['reward']:.1%}".replace("%", " %"),
            f"{row['learns']['entropy']:.2f}, {row['frozen']['entropy']:.2f} nats",
        ]
        for row in measured
    ]


def test_what_a_notebook_says_of_a_list_is_what_decode_says_today(capsys):
    kept, told = [], []
    for cell in (cell for path in NOTEBOOKS for cell in cells(path, "code")):
        if "ev.decode(" in source(cell) and ".how)" in source(cell):
            kept += [o["text"] for o in cell["outputs"] if o["output_type"] == "stream"]
            exec(source(cell), {"ev": enas_viz})  # from the course itself
            told.append(capsys.readouterr().out.splitlines(keepends=True))

    assert kept == told
    assert len(told) >= 3
