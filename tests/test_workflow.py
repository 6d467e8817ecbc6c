"""The workflows: what they run is there, is what the documentation says, and works."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from enas_viz.cli.entry import COMMANDS
from enas_viz.site.build import Built

ROOT = Path(__file__).parent.parent
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]
NODE_24 = {  # the first major release of each action that does not need Node 20
    "actions/checkout": 5,
    "actions/setup-python": 6,
    "actions/upload-pages-artifact": 4,
    "actions/deploy-pages": 5,
}


def steps(job: str, key: str) -> list:
    return [step[key] for step in JOBS[job]["steps"] if key in step]


def test_it_runs_on_main_and_by_hand():
    triggers = WORKFLOW[True]  # YAML reads "on" as a truth value, and GitHub does not

    assert triggers == {"push": {"branches": ["main"]}, "workflow_dispatch": None}


def test_only_the_job_that_publishes_may_write():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in JOBS["build"]
    assert JOBS["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert JOBS["publish"]["needs"] == "build"
    assert JOBS["publish"]["environment"]["name"] == "github-pages"
    assert "steps.deployment." in JOBS["publish"]["environment"]["url"]
    assert JOBS["publish"]["steps"][0]["id"] == "deployment"


def test_every_action_is_of_a_release_that_runners_still_have_the_node_for():
    used = [line.split("@v") for job in JOBS for line in steps(job, "uses")]

    assert {name for name, _ in used} == set(NODE_24)
    assert [name for name, version in used if int(version) < NODE_24[name]] == []


def test_it_installs_extras_that_exist_on_a_python_that_the_project_takes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install, _ = steps("build", "run")
    (asked,) = re.findall(r'^python -m pip install -e "\.\[([\w,]+)\]"$', install)

    assert set(asked.split(",")) == {"search", "site"}
    assert set(asked.split(",")) <= set(project["optional-dependencies"])
    given = JOBS["build"]["steps"][1]["with"]
    assert project["requires-python"] == f">={given['python-version']}"
    assert (ROOT / given["cache-dependency-path"]).is_file()


def test_the_folder_that_it_builds_is_the_one_that_is_published(monkeypatch, capsys):
    _, command = steps("build", "run")
    python, *words = shlex.split(command)
    assert [python, *words[:3]] == ["python", "-m", "enas_viz", "site"]
    asked = []

    def noted(out, notebooks, *, train, say):
        asked.append((out, notebooks, train))
        return Built(out, 10, 1, 0, 1)

    monkeypatch.setattr("enas_viz.site.build", noted)
    COMMANDS["site"](words[3:])

    upload = JOBS["build"]["steps"][-1]
    assert upload["uses"].startswith("actions/upload-pages-artifact@")
    assert asked == [(Path(upload["with"]["path"]), Path("notebooks"), True)]


@pytest.mark.parametrize("page", ["README.md"])
def test_the_documentation_names_the_same_command_and_extra(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.strip().startswith("enas-viz site ")]
    words = shlex.split(line.partition("#")[0])

    _, command = steps("build", "run")
    assert shlex.split(command)[2:4] == ["enas_viz", words[1]]
    assert [word.rstrip("/") for word in words[2:]] == shlex.split(command)[4:]
    assert "`[site]`" in line


# ---- the workflow that tests, and what runs before a commit

TESTS = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))


def test_the_whole_is_tested_on_two_versions_and_looking_on_two_systems():
    whole, looking = TESTS["jobs"]["whole"], TESTS["jobs"]["looking"]

    assert whole["strategy"]["matrix"] == {"python": ["3.11", "3.13"]}
    assert looking["strategy"]["matrix"] == {"system": ["macos-latest", "windows-latest"]}
    assert {"run": "make test"} in whole["steps"]
    assert TESTS["permissions"] == {"contents": "read"}


def test_actions_are_recent_and_what_the_test_workflow_names_is_there():
    for job in TESTS["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                name, _, version = step["uses"].partition("@v")
                assert int(version) >= NODE_24[name]
            for file in re.findall(r"tests/\S+\.py", step.get("run", "")):
                assert (ROOT / file).exists()
            for command in re.findall(r"-m enas_viz (\w+)", step.get("run", "")):
                assert command in COMMANDS


@pytest.mark.parametrize("name", [".github/workflows/test.yml", ".pre-commit-config.yaml"])
def test_what_has_not_run_says_so(name):
    first = (ROOT / name).read_text(encoding="utf-8").partition("\n\n")[0].partition("name:")[0]

    assert "Not executed" in first


def test_hooks_run_what_the_test_command_runs():
    (repository,) = HOOKS["repos"]
    entries = [hook["entry"] for hook in repository["hooks"]]
    command = (ROOT / "tools" / "test.sh").read_text(encoding="utf-8")

    assert repository["repo"] == "local"
    assert entries == ["ruff format", "ruff check", "mypy enas_viz"]
    assert all(entry.split()[0] in command for entry in entries)
