"""Environments from elsewhere: conda's and Binder's, and what Binder does after installing one."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml
from nbformat.sign import NotebookNotary
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("search", "lab", "graphviz")  # what the environments offer; conda has its own ffmpeg
FILES = ("environment.yml", "binder/environment.yml")
CONDA_NAMES = {  # where conda-forge calls a package otherwise than pip
    "matplotlib-base": "matplotlib",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
}
JUPYTER = {  # the commands that postBuild calls, and what they run
    "jupyter": "jupyter_core.command:main",
    "jupyter-trust": "nbformat.sign:TrustNotebookApp.launch_instance",
}
ON_BINDER = (
    r"https://mybinder\.org/v2/gh/[\w.-]+/[\w.-]+/HEAD\?urlpath=lab/tree/notebooks/([\w.]+)\)"
)


def wanted() -> dict[str, SpecifierSet]:
    """The ranges that pyproject asks for, by pip's names."""
    lines = list(PROJECT["dependencies"])
    for extra in EXTRAS:
        lines += PROJECT["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r.specifier for r in found}


def lines(path: str) -> list[str]:
    """What an environment lists, conda's and pip's."""
    listed = yaml.safe_load((ROOT / path).read_text())["dependencies"]
    return [x for x in listed if isinstance(x, str)] + [
        y for x in listed if isinstance(x, dict) for y in x["pip"]
    ]


def given(path: str) -> dict[str, SpecifierSet]:
    """The ranges that an environment asks for, by pip's names; conda's "=" is read as pip's."""
    found = {}
    for line in lines(path):
        if line.startswith("-e"):
            continue
        name, version = re.fullmatch(r"([\w-]+)\s*(.*)", line).groups()
        version = re.sub(r"^=(?!=)(.*)$", r"==\1.*", version)
        found[canonicalize_name(CONDA_NAMES.get(name, name))] = SpecifierSet(version)
    return found


def lowest(range_: SpecifierSet) -> Version:
    """The oldest version that a range of one lower bound allows."""
    (bound,) = [s for s in range_ if s.operator in (">=", "==")]
    return Version(bound.version.removesuffix(".*"))


# ---- the files


@pytest.mark.parametrize("path", FILES)
def test_an_environment_names_every_dependency_and_nothing_else(path):
    assert set(given(path)) == set(wanted()) | {"python", "pip"}


@pytest.mark.parametrize("path", FILES)
def test_every_version_that_an_environment_allows_suits_pyproject(path):
    asked = given(path)

    for name, range_ in wanted().items():
        assert not [s for s in range_ if s.operator != ">="], "a cap wants a better test than this"
        assert range_.contains(lowest(asked[name])), f"{name}: {asked[name]} against {range_}"


@pytest.mark.parametrize("path", FILES)
def test_the_python_of_an_environment_is_pinned_and_one_that_pyproject_takes(path):
    python = given(path)["python"]

    (pin,) = python
    assert pin.operator == "=="
    assert SpecifierSet(PROJECT["requires-python"]).contains(lowest(python))


def test_binder_takes_pytorch_without_cuda():
    assert any(line.startswith("pytorch-cpu") for line in lines("binder/environment.yml"))


def test_only_the_root_environment_holds_the_package_itself():
    """In Binder's it would undo the cache of the environment at every change of any file."""
    assert "-e ." in lines("environment.yml")
    assert not [line for line in lines("binder/environment.yml") if line.startswith("-e")]


def test_binder_finds_its_files_in_one_folder():
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111
    assert not (ROOT / ".binder").exists()


def renewer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("renew_readme", ROOT / "tools/renew_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_lists_every_notebook_and_links_to_binder_only_where_there_is_an_address():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    renewed = renewer().with_notebooks(text, renewer().repository(PROJECT))

    assert text == renewed, "python tools/renew_readme.py --table lists them anew"
    assert "OWNER/REPO" not in text


def test_with_an_address_the_readme_opens_every_notebook_on_binder():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    project = {"urls": {"Repository": "https://github.com/you/enas_viz"}}

    linked = renewer().with_notebooks(text, renewer().repository(project))

    found = re.findall(ON_BINDER, linked)
    assert len(found) == linked.count("mybinder.org/v2")
    assert set(found) == {p.name for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert linked.count("badge_logo") == 1
    assert renewer().with_notebooks(linked, None) == renewer().with_notebooks(text, None)


# ---- what Binder does


def copy_of_the_repository(folder: Path) -> Path:
    """The files that git knows, as a clone would have them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def fresh_venv(folder: Path) -> Path:
    """A new environment in which only what conda would have installed is there already; its bin."""
    venv.create(folder, with_pip=True, symlinks=True)
    places = {p for p in sys.path if p.endswith(("site-packages", "dist-packages"))}
    inside = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(inside) / "installed_by_conda.pth").write_text("\n".join(sorted(places)) + "\n")
    for name, home in JUPYTER.items():
        module, _, call = home.partition(":")
        script = folder / "bin" / name
        first = call.partition(".")[0]
        script.write_text(f"#!{folder}/bin/python\nfrom {module} import {first}\n{call}()\n")
        script.chmod(0o755)
    return folder / "bin"


@pytest.mark.slow
def test_postbuild_installs_the_package_trusts_the_notebooks_and_finds_the_traces(tmp_path):
    """Runs the very file. It cannot check what comes before it: that conda finds all packages of
    environment.yml. They are taken from the environment of the tests; the build backend, too, which
    pip on Binder fetches."""
    repository = copy_of_the_repository(tmp_path / "repository")
    bin_ = fresh_venv(tmp_path / "fresh")
    data = tmp_path / "jupyter"
    quiet = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    environment = quiet | {
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(bin_.parent),
        "HOME": str(tmp_path),
        "JUPYTER_DATA_DIR": str(data),
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as: no isolation
        "PIP_NO_INDEX": "1",
        "OMP_NUM_THREADS": "1",
    }

    done = subprocess.run(
        [repository / "binder" / "postBuild"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "macro-cifar10-cpu.jsonl.gz: 14000 sampled networks" in done.stdout
    where = [bin_ / "python", "-c", "import enas_viz; print(enas_viz.__file__)"]
    told = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert Path(told.stdout.strip()).is_relative_to(repository)
    notary = NotebookNotary(data_dir=str(data))
    for path in (repository / "notebooks").glob("*.ipynb"):
        assert notary.check_signature(nbformat.read(path, as_version=4)), path.name
    notary.store.close()
