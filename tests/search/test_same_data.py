"""From search to ranking to final training on the same images, from the command line and Python."""

import json
import os
import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from enas_viz import cli, search
from enas_viz.recipes import change, recipe
from enas_viz.records.trace import load_trace
from enas_viz.search.candidates import derive
from enas_viz.search.runs.folder import FolderError
from enas_viz.search.runs.run import restore, resume
from enas_viz.search.training.data import DataError, load_data

SMALL = [
    *("--network.layers", "2", "--network.filters", "2", "--train.epochs", "1"),
    *("--train.batch-size", "16", "--controller.updates", "1", "--controller.samples", "1"),
    *("--controller.reward-images", "2"),
]
SHORT = ["--train.epochs", "1", "--network.filters", "2", "--train.batch-size", "16"]


def pictures(folder, seed=0):
    """A data set of two classes in a folder with a space and a quote in its name."""
    rng = np.random.default_rng(seed)
    for part, count in (("train", 12), ("test", 3)):
        for shade, name in enumerate(("light", "dark")):
            (folder / part / name).mkdir(parents=True)
            for k in range(count):
                pixels = rng.integers(100 * shade, 100 * shade + 99, (6, 6, 3), np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{k}.png")
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A place with a data set, a search on it at 12 pixels, and its ranking."""
    place = tmp_path_factory.mktemp("it's a world")
    pictures(place / "my pictures' set")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENAS_VIZ_CACHE", str(place / "cache"))
        patch.chdir(place)
        data = ["--data", "my pictures' set", "--data.resolution", "12"]
        cli.main(["search", "macro-tiny", "--folder", "a run", *data, *SMALL])
        cli.main(["derive", "a run", "--n", "2", "--device", "cpu"])
    return place


@pytest.fixture
def here(world, monkeypatch, tmp_path):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(world / "cache"))
    monkeypatch.chdir(tmp_path)
    return world


def run(capsys, *args):
    cli.main([str(a) for a in args])
    return capsys.readouterr()


def refused(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(a) for a in args])
    assert caught.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def suggested(text):
    """The words of the command behind `next:`, as a shell reads them."""
    words = shlex.split(re.search(r"next: `([^`]*)`", text)[1])
    assert words.pop(0) == "enas-viz"
    return words


def test_a_ranking_says_on_which_images_its_search_ran(here):
    ranking = json.loads((here / "a run" / "derived.json").read_text())

    data = ranking["data"]
    assert data["name"] == "my pictures' set"
    assert data["source"] == str(here / "my pictures' set")
    assert data["classes"] == ["dark", "light"]
    assert data["shape"] == [3, 12, 12]
    assert data["content"]


@pytest.mark.parametrize("option", ["--data", "--data.name"])
def test_the_suggested_commands_lead_from_a_search_to_a_training_on_its_images(
    here, capsys, monkeypatch, tmp_path, option
):
    monkeypatch.chdir(here)
    where = tmp_path / "it's mine"
    set_up = [option, "my pictures' set", "--data.resolution", "10", "--name", "mine"]
    told = run(capsys, "search", "macro-tiny", "--folder", where, *set_up, *SMALL).out
    monkeypatch.chdir(tmp_path)  # a relative path would mean something else from here

    told = run(capsys, *suggested(told), "--n", "1").out
    told = run(capsys, *suggested(told), *SHORT).out

    header = load_trace(tmp_path / "runs" / "it's mine-final").header
    assert header.dataset["classes"] == ["dark", "light"]
    assert header.dataset["shape"] == [3, 10, 10]
    assert header.space.layers == 2
    assert suggested(told) == ["results"]


def test_a_ranking_kept_elsewhere_and_moved_images_are_named_in_the_suggestion(
    here, capsys, tmp_path
):
    shutil.copytree(here / "my pictures' set", tmp_path / "moved")

    told = run(
        *(capsys, "derive", here / "a run", "--n", "1", "--out", tmp_path / "-r.json"),
        *("--data", tmp_path / "moved"),
    ).out

    words = ["train", "--from", here / "a run", "--arch", tmp_path / "-r.json"]
    assert suggested(told) == [*map(str, words), "--data", str(tmp_path / "moved")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "'digits' instead of \"my pictures' set\""),
        (["--data", "{}/my pictures' set"], "8×8 pixels in 3 channels instead of 12×12 pixels"),
        (["--other-data", "svhn"], "the other data were named 'svhn'"),
        (["--data", "{}/other"], "images with another content"),
    ],
)
def test_a_training_on_other_data_than_the_search_is_refused(here, capsys, tmp_path, words, told):
    if not (here / "other").exists():
        pictures(here / "other", seed=1)
    words = [w.format(here) for w in words]
    if words and words[-1].endswith("other"):
        words += ["--data.resolution", "12"]
    ranking = here / "a run" / "derived.json"

    line = refused(
        *(capsys, "train", "macro-final-tiny", "--arch", ranking, "--network.layers", "2"),
        *(*SHORT, *words),
    )

    assert told in line
    assert not list(tmp_path.iterdir())


def test_other_data_can_be_asked_for_by_its_name(here, capsys, tmp_path):
    run(
        *(capsys, "train", "--from", here / "a run", "--data.name", "digits", *SHORT),
        *("--other-data", "digits", "--folder", "digits"),
    )

    facts = json.loads((tmp_path / "digits" / "run.json").read_text())
    assert facts["other_data"] == "digits"
    assert facts["architecture_from"]["data"]["name"] == "my pictures' set"
    assert "has finished" in run(capsys, "resume", "digits").out


def test_a_ranking_of_an_older_version_loads_and_says_what_is_not_known(here, capsys, tmp_path):
    ranking = json.loads((here / "a run" / "derived.json").read_text())
    del ranking["data"]
    (tmp_path / "old.json").write_text(json.dumps(ranking))
    words = ["--arch", "old.json", *SHORT]

    told = run(capsys, "train", "macro-final-tiny", *words, "--network.layers", "2").err
    assert "old.json does not say on which images its search ran" in told

    line = refused(
        capsys, "train", "--from", here / "a run", *words, "--data.name", "digits", "--name", "b"
    )
    assert "found on other data" in line  # the run knows them


def test_a_ranking_of_another_search_in_a_folder_is_refused(here, capsys, tmp_path):
    shutil.copytree(here / "a run", tmp_path / "run")
    ranking = json.loads((tmp_path / "run" / "derived.json").read_text())
    (tmp_path / "run" / "derived.json").write_text(json.dumps({**ranking, "seed": 5}))

    assert "is of another search (macro-tiny, seed 5)" in refused(capsys, "train", "--from", "run")
    (tmp_path / "run" / "derived.json").unlink()
    assert "`enas-viz derive run` makes one" in refused(capsys, "train", "--from", "run")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "needs the name of a recipe"),
        (["macro-final-tiny"], "name the architecture to train"),
        (["micro-final-tiny", "--from", "{}/a run"], "does not train what macro-tiny found"),
        (["--from", "{}/a run", "--data", "a", "--data.name", "b"], "both say which images"),
        (["--from", "{}/nowhere"], "holds no run"),
    ],
)
def test_a_training_that_is_not_told_enough_is_refused(here, capsys, words, told):
    assert told in refused(capsys, "train", *(w.format(here) for w in words))


def test_options_of_a_recipe_may_come_before_its_name(here, capsys, tmp_path):
    run(
        *(capsys, "train", "--network.layers", "2", "--train.epochs", "1", "--folder", "a"),
        *("--arch", "random", "macro-final-tiny", "--network.filters", "2"),
    )

    assert load_trace(tmp_path / "a").space.layers == 2


def test_a_data_set_is_called_by_its_folder_from_inside_it_too(here, monkeypatch):
    monkeypatch.chdir(here / "my pictures' set" / "train")

    for source in ("..", "../../my pictures' set/"):
        assert load_data(recipe("macro-tiny").data, source=source).name == "my pictures' set"


def test_a_ranking_that_went_into_a_device_is_not_suggested(here, capsys):
    told = run(capsys, "derive", here / "a run", "--n", "1", "--out", os.devnull).out

    assert "next:" not in told


def test_where_images_were_moved_the_option_that_names_them_is_told(here, capsys, tmp_path):
    shutil.copytree(here / "a run", tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    gone = {**facts, "data": str(tmp_path / "gone")}
    (tmp_path / "run" / "run.json").write_text(json.dumps(gone))

    for command in (["derive", "run"], ["train", "--from", "run"]):
        assert "if the images were moved, say where by --data" in refused(capsys, *command)


# ---- in Python


def test_a_candidate_knows_its_data_and_a_training_on_others_is_refused(here):
    best = derive(restore(here / "a run"), 1)[0]
    final = recipe("macro-final-tiny", network__layers=2, network__filters=2, train__epochs=1)

    with pytest.raises(DataError, match="'digits' instead of"):
        search.train_child(final, best.architecture, origin=best.origin)

    mine = change(final, data__resolution=12, train__batch_size=16)
    images = best.origin["data"]["source"]
    training = search.train_child(mine, best.architecture, origin=best.origin, data=images)
    assert next(training).dataset["shape"] == [3, 12, 12]
    training.close()
    meant = search.train_child(final, best.architecture, origin=best.origin, other_data="digits")
    assert next(meant).dataset["name"] == "digits"
    meant.close()


def test_other_data_is_refused_before_anything_is_downloaded(here, monkeypatch):
    best = derive(restore(here / "a run"), 1)[0]
    monkeypatch.setattr(
        "enas_viz.search.training.data._cifar10", lambda *_: pytest.fail("it was loaded")
    )

    with pytest.raises(DataError, match="'cifar10' instead of"):
        search.train_child(
            recipe("macro-final-cpu", network__layers=2), best.architecture, origin=best.origin
        )


def test_a_run_that_was_killed_before_its_first_checkpoint_keeps_its_images(here, tmp_path):
    other = pictures(tmp_path / "other", seed=2)
    small = recipe("macro-tiny", network__layers=2, network__filters=2, train__batch_size=16)
    small = change(small, train__epochs=1, controller__reward_images=2)
    begun = search.run(small, data=other, folder=tmp_path / "run")
    next(begun)
    begun.close()
    for file in (tmp_path / "run").glob("checkpoint-*"):
        file.unlink()

    with pytest.raises(FolderError, match="not those that the run in .* began with"):
        next(resume(tmp_path / "run", data=here / "my pictures' set"))
