"""The examples of the documentation run as they are printed."""

import re
from pathlib import Path

import pytest

from enas_viz import commands
from enas_viz.cli import main
from enas_viz.spaces import MacroSpace

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_about_operations_holds(tmp_path, monkeypatch):
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    names = {}
    monkeypatch.chdir(tmp_path)

    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(compile(block, "operations.md", "exec"), names)  # as a reader would type it

    space = names["best"].space
    assert space.ops == ("conv3x3", "max3x3", "se3x3")
    made = MacroSpace(2, space.ops).architecture(["se3x3", "conv3x3"])
    child = names["search"].MacroChild(made, 8)
    assert sum(isinstance(m, names["Squeeze"]) for m in child.modules()) == 1
    assert "squeeze and excite" in (tmp_path / "squeeze.svg").read_text(encoding="utf-8")


def test_the_command_line_imports_a_file_first_and_names_it_in_what_it_suggests(
    tmp_path, capsys, monkeypatch
):
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    _, module, *_ = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    (tmp_path / "squeeze.py").write_text(module, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "_always", [])
    small = ["--train.epochs", "1", "--controller.updates", "1", "--network.layers", "3"]
    named = ["--network.ops", "se3x3", "max3x3"]

    main(["--import", "squeeze.py", "search", "macro-tiny", *named, *small])
    assert "enas-viz --import squeeze.py derive runs/macro-tiny" in capsys.readouterr().out
    main(["--import", "squeeze.py", "derive", "runs/macro-tiny", "--n", "2"])
    told = capsys.readouterr().out
    assert "enas-viz --import squeeze.py train --from runs/macro-tiny" in told
    assert "decode --ops se3x3 max3x3" in told


def test_a_file_that_is_not_there_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["--import", "nowhere.py", "recipes"])

    assert "--import takes a file of Python that is there" in capsys.readouterr().err
