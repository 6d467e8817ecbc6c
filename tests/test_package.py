"""What is published: wheel and source archive hold what they must, and the wheel works alone.

With ENAS_VIZ_SOAK set, the wheel is also installed by pip into fresh environments, without and with
PyTorch; otherwise it is unpacked beside the libraries that are here, and PyTorch is hidden.
"""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from soak import SOAK

import enas_viz

ROOT = Path(__file__).parents[1]
HIDDEN = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "safetensors", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from enas_viz.cli import main
import enas_viz
print(enas_viz.__file__)
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (archive,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, archive


def kept(folder: str) -> set[str]:
    """The tracked files below a folder of the checkout, as git names them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built):
    names = set(zipfile.ZipFile(built[0]).namelist())

    assert {n for n in names if not n.partition("/")[0].endswith(".dist-info")} == kept("enas_viz")
    assert "enas_viz/py.typed" in names


def test_the_source_archive_holds_package_tests_and_notebooks(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert kept("enas_viz") | kept("tests") | kept("notebooks") <= names
    assert {"README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "pyproject.toml"} <= names


def test_metadata_name_authors_addresses_and_the_version_of_the_package(built):
    with zipfile.ZipFile(built[0]) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(wheel.read(name).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert told["Version"] == enas_viz.__version__ == project["version"]
    assert told["Author"] == project["authors"][0]["name"]
    assert any("arxiv.org/abs/1802.03268" in url for url in told.get_all("Project-URL"))
    assert not any(
        line.startswith("torch") for line in told.get_all("Requires-Dist") if ";" not in line
    )


def test_the_viewers_half_of_the_wheel_works_where_there_is_no_torch(built, tmp_path):
    zipfile.ZipFile(built[0]).extractall(tmp_path / "there")
    env = os.environ | {"PYTHONPATH": str(tmp_path / "there"), "PYTHONSAFEPATH": "1"}

    def run(*args):
        command = [sys.executable, "-c", HIDDEN, *args]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    page = run("decode", "enas-micro", "--out", "cells.svg")
    assert page.returncode == 0, page.stderr
    assert page.stdout.splitlines()[0].startswith(str(tmp_path / "there"))
    assert (tmp_path / "cells.svg").stat().st_size > 10_000
    search = run("search", "macro-tiny")
    assert search.returncode == 2
    assert "pip install" in search.stderr


@pytest.mark.skipif(not SOAK, reason="make soak: downloads and installs")
@pytest.mark.parametrize("extra", ["", "[search]"])
def test_the_wheel_is_installed_into_a_fresh_environment(built, tmp_path, extra):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    install = [str(python), "-m", "pip", "install", "--quiet", f"{built[0]}{extra}"]
    subprocess.run(install, check=True, env=env, cwd=tmp_path)
    works = [str(python), "-m", "enas_viz"]
    work = (
        ["search", "macro-tiny", "--train.epochs", "1"] if extra else ["gallery", "--out", "x.html"]
    )

    subprocess.run([*works, *work], check=True, env=env, cwd=tmp_path)
    assert (tmp_path / ("runs/macro-tiny/trace.jsonl.gz" if extra else "x.html")).exists()
