"""Where resvg, Pillow and PyTorch are missing and no thread starts, as in Python inside a browser.

What is missing is hidden in a process of its own.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import enas_viz as ev

ROOT = Path(__file__).parent.parent
HIDING = """
import sys, threading

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

def refuse(thread):
    raise RuntimeError(f"no thread can start here: {{thread.name}}")

sys.meta_path.insert(0, Hidden())
threading.Thread.start = refuse
import enas_viz as ev
"""
BROWSER = ("resvg_py", "torch", "torchvision", "PIL", "scipy", "sklearn")
WIDGETS = {
    "replay": 'ev.Replay("enas-micro")',
    "film": 'ev.Replay(ev.load_trace("macro-tiny"))',
    "child": "ev.Child()",
    "lens": 'ev.Lens(ev.load_trace("controller-macro"))',
    "shared weights": 'ev.SharedWeights("macro-tiny")',
    "microscope": "ev.Microscope()",
    "dashboard": 'ev.Dashboard(ev.load_trace("macro-tiny"))',
    "editor": 'ev.Editor("enas-micro")',
}


def ran(code: str, hidden: tuple[str, ...] = BROWSER) -> str:
    """What a process prints that has not got `hidden`, and starts no thread."""
    whole = HIDING.format(hidden=hidden) + code
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_public_name_is_imported_without_them():
    assert ran("print(all(getattr(ev, name) for name in ev.__all__))") == "True\n"


def test_the_search_says_that_it_needs_torch():
    code = """
try:
    from enas_viz import search
    search.restore
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert ran(code) == "torch\n"


@pytest.fixture(scope="module")
def bundles() -> dict[str, str]:
    """What Jupyter would be given of each widget, and whether its page is complete."""
    code = f"""
for name, make in {WIDGETS!r}.items():
    shown = eval(make)
    data, _ = shown._repr_mimebundle_()
    print(name, *sorted(data), "hostModel" in shown.html(), sep="|")
"""
    return dict(line.split("|", 1) for line in ran(code).splitlines())


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_is_shown_with_a_still_of_lines_and_saved_as_a_page(bundles, name):
    view = "application/vnd.jupyter.widget-view+json"

    assert bundles[name] == f"{view}|image/svg+xml|text/plain|True"


def test_a_drawing_is_shown_as_svg_which_has_the_same_colours_as_the_pixels():
    shown = ev.draw("enas-micro")

    code = 'print(ev.draw("enas-micro")._repr_mimebundle_()[0]["image/svg+xml"])'
    told = ran(code)
    assert told.startswith("<svg ")
    assert 'class="paper"' in told
    assert "fill: none" in told
    assert shown.about[:40] in told


def test_pixels_are_refused_with_the_remedy_in_python_and_on_the_command_line(tmp_path):
    code = f"""
from enas_viz.cli import main
try:
    ev.save("enas-micro", {str(tmp_path / "x.png")!r})
except ModuleNotFoundError as error:
    print(error)
ev.save("enas-micro", {str(tmp_path / "x.svg")!r})
sys.stderr = sys.stdout
try:
    main(["replay", "article-macro", "--out", {str(tmp_path / "y.png")!r}])
except SystemExit as left:
    print(left.code)
"""
    told = ran(code, ("resvg_py",)).splitlines()

    assert "pip install resvg-py" in told[0]
    assert ".svg and .html need nothing more" in told[0]
    assert told[0] in told[1]
    assert told[2] not in ("", "0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.svg"]


def test_pyproject_asks_for_resvg_only_where_there_is_a_build():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {r.name: r for r in map(Requirement, project["dependencies"])}

    marker = asked.pop("resvg-py").marker
    assert not marker.evaluate({"sys_platform": "emscripten"})
    assert all(marker.evaluate({"sys_platform": name}) for name in ("linux", "darwin", "win32"))
    assert [r.name for r in asked.values() if r.marker] == []
