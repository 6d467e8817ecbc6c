"""What holds for every notebook of the course, read from the files."""

import ast
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
    assert path.stat().st_size < 1_150_000  # notebook 02 keeps stills of five replays of cells


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


LINK = re.compile(r"\[([^]]*)\]\(\.\./(enas_viz/[^)]*)\)")


def symbols(path: Path) -> set[str]:
    """The names that a module defines, `Class.method` for those of a class."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        for target in getattr(node, "targets", [node]):
            found.add(getattr(target, "name", getattr(target, "id", "")))
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{getattr(inner, 'name', '')}" for inner in node.body}
    return found


@PATHS
def test_links_to_the_source_name_a_symbol_that_is_there_and_no_line(path):
    links = [link for cell in cells(path, "markdown") for link in LINK.findall(source(cell))]

    assert links
    for told, file in links:
        symbol, _, named = told.partition(" in ")
        assert named == file, "the link is called: symbol in enas_viz/file.py"
        assert symbol in symbols(path.parents[1] / file), f"{symbol} is not in {file}"


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


def shares(episodes: list, names: tuple[str, ...]) -> dict[str, float]:
    """How often each operation was sampled, of all operations that were."""
    content = [e.architecture.content for e in episodes]
    if episodes[0].architecture.space.kind == "macro":
        taken = [names[layer[0]] for layers in content for layer in layers]
    else:
        taken = [names[o] for cells in content for cell in cells for n in cell for o in n[2:]]
    return {name: taken.count(name) / len(taken) for name in names}


def of_epoch(trace, epoch: int) -> list:
    return [e for e in trace.episodes if e.epoch == epoch - 1]


def test_what_notebook_01_says_of_its_search_is_what_was_recorded():
    text = " ".join("\n".join(source(c) for c in cells(NOTEBOOKS[1], "markdown")).split())
    trace = enas_viz.load_trace("macro-cifar10-cpu")
    last, space = of_epoch(trace, 70), trace.space

    share = shares(last, space.ops)["conv5x5"]
    layers = [[e.architecture.content[k][0] for e in last] for k in range(space.layers)]

    assert f"it is {share:.0%} of all sampled operations".replace("%", " %") in text
    best = space.ops.index("conv5x5")
    assert all(max(set(ops), key=ops.count) == best for ops in layers)
    assert shares(of_epoch(trace, 24), space.ops)["conv5x5"] < 0.25  # about to begin
    assert shares(of_epoch(trace, 34), space.ops)["conv5x5"] > 0.5
    ops = shares(of_epoch(trace, 12), space.ops).values()
    assert max(ops) - min(ops) < 0.05  # while the reward rises already
    assert trace.epochs[11].valid_accuracy > trace.epochs[0].valid_accuracy + 0.05


def test_what_notebook_02_says_of_its_search_is_what_was_recorded():
    text = " ".join("\n".join(source(c) for c in cells(NOTEBOOKS[2], "markdown")).split())
    trace = enas_viz.load_trace("micro-cifar10-cpu")
    normal = [node for e in of_epoch(trace, 70) for node in e.architecture.content[0]]

    inputs = [t < 2 for node in normal for t in node[:2]]
    average = {n: shares(of_epoch(trace, n), trace.space.ops)["avg3x3"] for n in range(40, 71)}
    early = shares(of_epoch(trace, 24), trace.space.ops)

    assert f"{sum(inputs) / len(inputs):.0%} of their inputs".replace("%", " %") in text
    assert average[41] < 0.1
    assert average[44] > 0.2
    assert max(average[n] for n in range(51, 71)) < 0.1 < average[50]
    assert all(early[op] < 0.1 < early["avg3x3"] for op in ("sep3x3", "sep5x5"))
    published = enas_viz.decode("enas-micro").architecture
    assert [published.space.depth(published, c) for c in ("normal", "reduction")] == [1, 2]


def test_what_notebook_02_says_of_a_hundred_samples_is_what_the_button_counts():
    text = " ".join("\n".join(map(source, cells(NOTEBOOKS[2], "markdown"))).split())
    asked = "\n".join(map(source, cells(NOTEBOOKS[2], "code")))
    trace, policy = (f("micro-cifar10-cpu") for f in (enas_viz.load_trace, enas_viz.load_policy))
    plan = [step.decision for step in trace.best.steps]
    replay = enas_viz.Replay(trace.best, policy, step=4)
    (before, after) = replay.count_samples().values()

    def row(counts, at: int) -> dict[str, int]:
        return dict(zip(trace.space.ops, counts[at][0], strict=True))

    def source_of_node_4(cell: str) -> int:
        kinds = (("index", 3, cell, 0) == (d.kind, d.at, d.cell, d.side) for d in plan)
        return list(kinds).index(True)

    assert policy.trace == trace.digest()  # of this very search
    assert (plan[4].kind, plan[4].at, plan[4].cell, plan[4].side) == ("op", 2, "normal", 0)
    separable = [row(c, 4)["sep3x3"] + row(c, 4)["sep5x5"] for c in (before, after)]
    others = [row(c, 4)["max3x3"] + row(c, 4)["identity"] for c in (before, after)]
    assert f"Before the search, {separable[0]} of 100 samples have a separable" in asked
    assert f'"about {separable[1]}"' in asked
    assert f"{separable[1]} of the first hundred samples have a separable" in text
    assert f"and {others[1]} have max pooling or identity ({others[0]} before)" in text
    picked = [counts[source_of_node_4("normal")][0][2] for counts in (before, after)]
    assert f"{picked[0]} samples pick node 3 before the search, and {picked[1]} after it" in text
    at = source_of_node_4("reduction")
    assert before[at] == after[at]
    assert "the same step has the same counts before and after" in text


def test_what_notebook_08_says_of_later_probabilities_is_so():
    from enas_viz import search

    for name, bound in (("macro-tiny", 0.07), ("micro-cifar10-cpu", 0.01)):
        policy = enas_viz.load_policy(name).controller("final")
        limit = enas_viz.load_policy(name).recipe.controller.tanh_constant
        for seed in range(3):
            episode = policy(seed=seed)
            found = search.responses(policy, episode)
            assert abs(found[0].after - found[0].before) <= bound
            ops = [step.logits[0] for step in episode.steps if step.decision.kind == "op"]
            assert all(max(map(abs, logits)) > 0.99 * limit for logits in ops)

    text = "\n".join(source(c) for c in cells(NOTEBOOKS[8], "markdown"))
    assert "by more than 0.07 in the first search, or by more than 0.01 in the second" in text


def test_what_notebook_08_says_of_windows_is_so():
    space = enas_viz.MacroSpace(6)
    plain = ["conv3x3"] * 6

    def field(ops: list[str]) -> int:
        (row,) = (r for r in enas_viz.Editor(space.architecture(ops)).facts if "field" in r[0])
        return int(row[1].split()[0])

    wider = [field([*plain[:k], "conv5x5", *plain[k + 1 :]]) - field(plain) for k in (0, 5)]

    assert wider == [2, 8]
    assert field(["max3x3"] * 6) == field(plain)


def test_what_a_notebook_says_of_a_list_is_what_decode_says_today(capsys):
    kept, told = [], []
    for cell in (cell for path in NOTEBOOKS for cell in cells(path, "code")):
        if "ev.decode(" in source(cell) and ".how)" in source(cell):
            kept += [o["text"] for o in cell["outputs"] if o["output_type"] == "stream"]
            exec(source(cell), {"ev": enas_viz})  # from the course itself
            told.append(capsys.readouterr().out.splitlines(keepends=True))

    assert kept == told
    assert len(told) >= 3
