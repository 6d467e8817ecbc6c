"""The examples of the documentation run as they are printed."""

import re
from pathlib import Path

import pytest

from enas_viz import commands, recipes
from enas_viz.cli import main
from enas_viz.recipes import RECIPES, change, strategies
from enas_viz.records.trace import Episode, load_trace
from enas_viz.search.strategies import strategy as seam
from enas_viz.search.training import data
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


@pytest.fixture
def forgotten():
    """What the examples register is forgotten again."""
    yield
    strategies._configs.pop("climb", None)
    seam._strategies.pop("climb", None)
    data.LOADERS.pop("squares", None)
    recipes.DATASETS.pop("squares", None)


def test_the_examples_of_contributing_run(forgotten, tmp_path):
    text = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    small = {
        "network__layers": 3,
        "network__filters": 2,
        "train__epochs": 1,
        "controller__updates": 3,
        "controller__samples": 2,
        "controller__reward_images": 20,
    }

    found = [r for r in names["records"] if isinstance(r, Episode)]
    assert all(e.accuracy == 1 - e.architecture.space.skip_rate(e.architecture) for e in found[:9])
    search = names["search"]
    for name in ("made", "climbed", "seen"):
        made = change(names[name], **small)
        list(search.run(made, folder=tmp_path / name))
        best = search.derive(search.restore(tmp_path / name), 2)[0]
        assert best.architecture.space == made.space
        final = change(
            RECIPES["macro-final-tiny"],
            network__layers=3,
            network__filters=4,
            train__epochs=1,
            data__name=made.data.name,
        )
        *_, result = search.train_child(final, best.architecture)
        assert result.images == made.dataset.test
    assert load_trace(tmp_path / "seen").header.dataset["name"] == "squares"


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
