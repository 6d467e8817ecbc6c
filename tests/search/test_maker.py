"""A run's folder says what made it, and nothing else goes on with it."""

import functools
import itertools
import json

import pytest

from enas_viz import cli, search
from enas_viz.recipes import recipe
from enas_viz.records.ranking import read_architecture
from enas_viz.records.trace import load_trace
from enas_viz.results import ledger
from enas_viz.search.enas import Enas
from enas_viz.search.final import FinalTraining
from enas_viz.search.nets.controller import ControllerOptimiser
from enas_viz.search.nets.macro.controller import MacroController
from enas_viz.search.runs.build import build
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.maker import differences, maker, others
from enas_viz.search.runs.run import restore
from enas_viz.search.strategies import reinforce
from enas_viz.search.strategies import strategy as seam
from enas_viz.search.strategies.reinforce import Reinforce
from enas_viz.spaces import MacroSpace

TINY = recipe(
    "macro-tiny",
    network__layers=2,
    network__filters=2,
    controller__hidden=8,
    train__epochs=1,
    train__batch_size=500,
    controller__updates=1,
    controller__samples=2,
)


class RandomSearch(Reinforce):
    """A strategy that learns nothing."""

    def learn(self, proposals, credits):
        self._before = self.baseline


class OwnController(MacroController):
    pass


def own_controller(space, config=None, fidelity=None, seed=0):
    return OwnController(space, config, fidelity, seed)


def no_update(self, proposals, credits):
    self._before = self.baseline


class OwnWay:
    """A strategy that is no kind of ours: it hands on what another has."""

    def __init__(self, recipe, seed):
        inner = RandomSearch(recipe, seed)
        self.propose, self.credit, self.learn = inner.propose, inner.credit, inner.learn
        self.snapshot, self.restore = inner.snapshot, inner.restore


def put_into_table(patch):
    patch.setitem(seam._strategies, "enas", RandomSearch)


def put_another_way(patch):
    patch.setitem(seam._strategies, "enas", OwnWay)


def replace_a_method(patch):
    patch.setattr(Reinforce, "learn", no_update)


def replace_the_controller(patch):
    patch.setattr(reinforce, "make_controller", own_controller)


def replace_the_update(patch):
    patch.setattr(ControllerOptimiser, "reinforce", lambda self, *_: None)


WAYS = [
    *(put_into_table, put_another_way),
    *(replace_a_method, replace_the_controller, replace_the_update),
]


def stopped(folder, records=4):
    items = search.run(TINY, folder=folder)
    list(itertools.islice(items, records))
    items.close()
    return folder


def refused_by_all(folder, capsys, named):
    for look in (lambda: list(search.resume(folder)), lambda: restore(folder)):
        with pytest.raises(FolderError, match="was made by other code") as caught:
            look()
        assert named in str(caught.value)
    for command in ("resume", "derive"):
        with pytest.raises(SystemExit):
            cli.main([command, str(folder)])
        assert "was made by other code" in capsys.readouterr().err


@pytest.mark.parametrize("way", WAYS)
def test_a_search_of_which_something_was_replaced_is_not_resumed_as_enas(
    tmp_path, monkeypatch, capsys, way
):
    with monkeypatch.context() as patch:
        way(patch)
        stopped(tmp_path / "run")
    named = next(iter(others(read_run(tmp_path / "run")["made_by"]).values()))
    trace = (tmp_path / "run" / "trace.jsonl").read_bytes()

    refused_by_all(tmp_path / "run", capsys, named)

    assert named in load_trace(tmp_path / "run").header.extra["made_by"].values()
    assert (tmp_path / "run" / "trace.jsonl").read_bytes() == trace
    with monkeypatch.context() as patch:  # the same again may go on
        way(patch)
        assert list(search.resume(tmp_path / "run"))
    assert (tmp_path / "run" / "trace.jsonl.gz").exists()


@pytest.mark.parametrize("way", WAYS)
def test_an_enas_search_is_not_resumed_by_anything_else(tmp_path, monkeypatch, capsys, way):
    stopped(tmp_path / "run")

    with monkeypatch.context() as patch:
        way(patch)
        refused_by_all(tmp_path / "run", capsys, "of enas_viz")


def test_what_follows_from_a_search_of_another_maker_says_so(tmp_path, monkeypatch, capsys):
    folder, ranking = tmp_path / "run", tmp_path / "derived.json"
    put_into_table(monkeypatch)
    stopped(folder)

    cli.main(["derive", str(folder), "--n", "2", "--out", str(ranking)])
    told = capsys.readouterr().out
    assert "not finished: this is its policy after 0 of 1 epochs" in told
    architecture, origin = read_architecture(ranking)
    final = recipe("macro-final-tiny", network__layers=2, network__filters=2, train__epochs=1)
    list(search.train_child(final, architecture, folder=tmp_path / "final", origin=origin))

    (run,), damaged = ledger.read_runs([tmp_path])
    assert damaged == []
    assert run.source == (
        "searched by `macro-tiny`, with test_maker.RandomSearch, unfinished (after 0 of 1 epochs)"
    )


def test_a_training_by_other_code_is_not_listed_among_the_results(tmp_path, monkeypatch):
    final = recipe("macro-final-tiny", network__layers=2, network__filters=2, train__epochs=1)
    monkeypatch.setattr(FinalTraining, "count_right", lambda self, split: len(split))
    list(search.train_child(final, MacroSpace(2).decode([0, 1, 1]), folder=tmp_path / "final"))

    runs, (told,) = ledger.read_runs([tmp_path])

    assert runs == []
    assert "trained by code that is not enas_viz's own (test_maker." in told


def test_a_checkpoint_that_something_else_made_is_refused(tmp_path, monkeypatch, capsys):
    """Somebody moved it: run.json alone would not tell."""
    ours = stopped(tmp_path / "ours")
    with monkeypatch.context() as patch:
        put_into_table(patch)
        theirs = stopped(tmp_path / "theirs", 5)
    for file in theirs.glob("checkpoint-*"):
        file.rename(ours / file.name)

    refused_by_all(ours, capsys, "RandomSearch")


def test_a_trace_of_ours_says_nothing_of_it_and_an_older_folder_goes_on(tmp_path):
    folder = stopped(tmp_path / "run")
    assert "made_by" not in load_trace(folder).header.extra
    facts = json.loads((folder / "run.json").read_text())
    assert facts["made_by"]["run"] == "enas_viz.search.enas.Enas"
    del facts["made_by"]
    (folder / "run.json").write_text(json.dumps(facts))

    assert list(search.resume(folder))


def test_a_name_of_ours_may_change_with_the_version_and_a_wrapper_is_what_it_wraps(monkeypatch):
    was = {"run": "enas_viz.search.older.Search", "net": "mine.Net", "Enas.x": "__main__.x"}
    now = {"run": "enas_viz.search.enas.Enas", "net": "mine.Net", "Enas.x": "__main__.x"}
    running = build(TINY, 0, "cpu", None)
    tick = Enas._tick
    monkeypatch.setattr(Enas, "_tick", functools.wraps(tick)(lambda *args: tick(*args)))

    assert differences(was, now) == ""
    assert differences(was, now | {"net": "his.Net"}) == "net was mine.Net, now it is his.Net"
    assert others(maker(running)) == {}
    running.controller.sample = len
    assert others(maker(running)) == {"MacroController.sample": "builtins.len"}
