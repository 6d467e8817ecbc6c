"""Final training: the same again, resumed anywhere, and one test figure at the very end."""

import math
import random

import golden
import pytest
import torch
from PIL import Image

from enas_viz import cli, search
from enas_viz.recipes import change, recipe
from enas_viz.records.trace import Episode, Epoch, Result, Tick, load_trace
from enas_viz.search.final import FinalTraining
from enas_viz.search.runs.build import build
from enas_viz.search.runs.folder import FolderError, read_run
from enas_viz.search.runs.run import restore
from enas_viz.search.training import data as data_module
from enas_viz.search.training.data import Data, DataError, Split
from enas_viz.search.training.step import NonFiniteLoss, first_step_rate, learning_rate
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace

SMALL = {"train__epochs": 2, "train__batch_size": 200, "network__filters": 4}
MACRO = recipe("macro-final-tiny", network__layers=3, **SMALL)
MICRO = recipe("micro-final-tiny", network__nodes=2, **SMALL)
MACRO_ARCH = MacroSpace(3).sample(random.Random(1))
FEW = change(MACRO, train__batch_size=6)  # for sets of twelve images
MICRO_ARCH = MicroSpace(2).sample(random.Random(1))
CASES = [
    pytest.param(MACRO, MACRO_ARCH, id="macro"),
    pytest.param(MICRO, MICRO_ARCH, id="micro"),
    pytest.param(change(MICRO, data__cutout=3, fidelity="released"), MICRO_ARCH, id="released"),
]


def finish(items) -> list:
    return list(items)


def after(items, condition) -> None:
    for item in items:
        if condition(item):
            items.close()
            return
    pytest.fail("the training ended before it could be stopped")


@pytest.mark.parametrize("wiring", ["layer", "code"])
@pytest.mark.parametrize("asked", ["layer", "code"])
def test_a_header_and_its_space_tell_one_wiring_whatever_the_recipe_asks(tmp_path, asked, wiring):
    made = change(MACRO, fidelity__skip_wiring=asked)
    arch = MacroSpace(3, wiring=wiring).sample(random.Random(1))

    run = search.train_child(made, arch, folder=tmp_path)
    after(run, lambda r: isinstance(r, Tick) and r.step == 1)
    finish(search.resume(tmp_path))

    header, facts = load_trace(tmp_path).header, read_run(tmp_path)
    told = header.fidelity, facts["recipe"]["fidelity"]
    assert [f["skip_wiring"] for f in told] == [header.space.wiring] * 2 == [wiring] * 2


@pytest.mark.parametrize(("made", "arch"), CASES)
def test_it_goes_on_exactly_wherever_it_was_left(tmp_path, made, arch):
    finish(search.train_child(made, arch, seed=3, folder=tmp_path / "whole"))
    for name, stop in (
        ("middle", lambda r: isinstance(r, Tick) and r.epoch == 1 and r.step == 3),
        ("epoch", lambda r: isinstance(r, Epoch) and r.epoch == 1),
        ("end", lambda r: isinstance(r, Result)),
    ):
        after(search.train_child(made, arch, seed=3, folder=tmp_path / name), stop)
        finish(search.resume(tmp_path / name))

        trace, whole = load_trace(tmp_path / name), load_trace(tmp_path / "whole")
        assert trace.digest() == whole.digest()
        assert [type(r) for r in trace.records] == [Epoch, Epoch, Result]
        a, b = restore(tmp_path / name), restore(tmp_path / "whole")
        for x, y in zip(a.net.state_dict().values(), b.net.state_dict().values(), strict=True):
            assert torch.equal(x, y)


@pytest.mark.parametrize("stop", [Epoch, Result])
def test_a_training_stopped_behind_its_last_epoch_tells_its_test_accuracy(tmp_path, capsys, stop):
    folder, made = tmp_path / "run", change(MACRO, train__epochs=1)
    after(search.train_child(made, MACRO_ARCH, folder=folder), lambda r: isinstance(r, stop))

    cli.main(["resume", str(folder)])

    told = capsys.readouterr()
    (right,) = (r.right for r in load_trace(folder).records if isinstance(r, Result))
    assert f"test accuracy {right / 4:.1f} ±" in told.err
    assert f"next: `enas-viz results {folder}`" in told.out


def test_a_loss_that_became_bad_before_a_pause_is_named_after_it(tmp_path, monkeypatch):
    real = FinalTraining.minibatch

    def second_is_bad(self, number, order):
        loss, right = real(self, number, order)
        return (loss * math.nan if number == 1 else loss), right

    monkeypatch.setattr(FinalTraining, "minibatch", second_is_bad)
    items = search.train_child(MACRO, MACRO_ARCH, folder=tmp_path / "run")
    after(items, lambda r: isinstance(r, Tick) and r.step == 3)

    with pytest.raises(NonFiniteLoss, match="loss was nan in epoch 1, minibatch 2;"):
        finish(search.resume(tmp_path / "run"))


def test_equal_seeds_give_equal_traces_and_others_do_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        finish(search.train_child(MACRO, MACRO_ARCH, seed=seed, folder=tmp_path / name))

    a, b, c = (load_trace(tmp_path / name).digest() for name in "abc")
    assert a == b != c


def test_it_learns():
    made = change(MACRO, train__epochs=3, train__batch_size=32, network__filters=8)

    *_, result = search.train_child(made, MACRO_ARCH)

    assert result.images == 400
    assert result.accuracy > 0.6
    assert result.epoch == 2


def test_the_test_images_are_read_once_and_only_after_the_last_epoch(monkeypatch):
    reads, original = [], data_module._load_part

    def watched(config, source, part):
        reads.append(part)
        return original(config, source, part)

    monkeypatch.setattr(data_module, "_load_part", watched)

    results = []
    for record in search.train_child(MACRO, MACRO_ARCH):
        if isinstance(record, Result):
            results.append(record)
        else:
            assert "test" not in reads

    assert len(results) == 1
    assert reads == ["train", "test"]


def test_no_epoch_has_a_test_figure(tmp_path):
    finish(search.train_child(MACRO, MACRO_ARCH, folder=tmp_path / "run"))

    for epoch in load_trace(tmp_path / "run").epochs:
        assert "test" not in str(epoch.to_json())
        assert epoch.valid_accuracy is None  # all images are for training


def test_all_images_are_for_training_or_some_are_held_back():
    whole = build(MACRO, 0, "cpu", None, architecture=MACRO_ARCH)
    held = change(MACRO, data__holdout=True, train__epochs=1)
    records = finish(search.train_child(held, MACRO_ARCH))

    assert len(whole.data.train) == 1397
    assert len(whole.data.valid) == 0
    assert 0 < records[-2].valid_accuracy < 1


def image_folder(path, **classes):
    """A data set of six images in every class of each part."""
    for part, names in classes.items():
        for name in names:
            (path / part / name).mkdir(parents=True)
            for k in range(6):
                Image.new("RGB", (8, 8), (k, 0, 0)).save(path / part / name / f"{k}.png")
    return path


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ((), "has no test/<class> folders"),
        (("cat", "cow"), "classes cat, cow, the training images cat, dog"),
    ],
)
def test_a_folder_without_fitting_test_images_is_refused_before_the_training(tmp_path, test, said):
    data = image_folder(tmp_path / "data", train=("cat", "dog"), test=test)

    with pytest.raises(DataError, match=said):
        next(search.train_child(FEW, MACRO_ARCH, data=data))


def test_a_class_called_test_is_no_test_part(tmp_path):
    image_folder(tmp_path, data=("cat", "test"))

    with pytest.raises(DataError, match="has no test/<class> folders"):
        next(search.train_child(MACRO, MACRO_ARCH, data=tmp_path / "data"))


@pytest.mark.parametrize("name", ["~nobody-of-that-name/images", "x" * 5000])
def test_a_data_set_that_cannot_be_is_refused(name):
    with pytest.raises(DataError, match="no dataset '"):
        next(search.train_child(MACRO, MACRO_ARCH, data=name))


def test_a_damaged_test_image_is_found_before_the_training(tmp_path):
    data = image_folder(tmp_path / "data", train=("cat", "dog"), test=("cat", "dog"))
    (data / "test" / "cat" / "3.png").write_bytes(b"nothing")

    with pytest.raises(DataError, match="test/cat/3.png in .* cannot be read"):
        next(search.train_child(FEW, MACRO_ARCH, data=data, folder=tmp_path / "run"))

    assert not (tmp_path / "run").exists()


def test_a_test_image_that_is_damaged_during_the_training_costs_no_training(tmp_path):
    data = image_folder(tmp_path / "data", train=("cat", "dog"), test=("cat", "dog"))
    image = data / "test" / "cat" / "3.png"
    whole = image.read_bytes()
    items = search.train_child(FEW, MACRO_ARCH, data=data, folder=tmp_path / "run")
    next(items)
    image.write_bytes(b"nothing")
    with pytest.raises(DataError, match="test/cat/3.png in .* cannot be read"):
        finish(items)
    image.write_bytes(whole)

    left = finish(search.resume(tmp_path / "run"))

    assert [type(record) for record in left] == [Result]
    assert [type(r) for r in load_trace(tmp_path / "run").records] == [Epoch, Epoch, Result]


def coloured(folder):
    """The same set with one coloured image in its last class."""
    Image.new("RGB", (8, 8), "red").save(folder / "dog" / "5.png")
    return folder


def grey_folder(path, parts=("train", "test")):
    for part in parts:
        for name in ("cat", "dog"):
            (path / part / name).mkdir(parents=True)
            for k in range(6):
                Image.new("L", (8, 8), 40 * k).save(path / part / name / f"{k}.png")
    return path


def test_grey_training_images_and_a_coloured_test_image_are_refused_before_the_training(tmp_path):
    data = grey_folder(tmp_path / "data")
    coloured(data / "test")

    with pytest.raises(
        DataError, match=r"all grey, and 1 of the 12 test images are coloured, .* test/dog/5\.png"
    ):
        next(search.train_child(FEW, MACRO_ARCH, data=data))


def test_grey_test_images_are_shown_to_a_network_for_colours(tmp_path):
    data = grey_folder(tmp_path / "data")
    coloured(data / "train")

    *_, result = search.train_child(FEW, MACRO_ARCH, data=data)

    assert isinstance(result, Result)
    assert result.images == 12


def test_a_search_never_decodes_a_test_image(tmp_path):
    data = image_folder(tmp_path / "data", train=("cat", "dog"), test=("cat", "dog"))
    for image in (data / "test").rglob("*.png"):
        image.write_bytes(b"nothing")
    made = recipe(
        "macro-tiny",
        **{"network__layers": 2, "network__filters": 2, "train__epochs": 1},
        **{"train__batch_size": 8, "controller__updates": 1, "controller__samples": 1},
        controller__reward_images=2,
    )

    assert isinstance(finish(search.run(made, data=data))[-1], Epoch)


def test_test_images_of_other_classes_are_refused():
    with pytest.raises(DataError, match="the test images have the classes 0, 1, .* training"):
        data_module.load_test_data(MACRO.data, classes=("cat", "dog"))


def test_data_in_memory_have_no_result():
    split = Split(torch.zeros(40, 1, 8, 8, dtype=torch.uint8), torch.arange(40) % 10)
    none = Split(split.images[:0], split.labels[:0])
    mean, std = torch.zeros(1), torch.ones(1)
    made_up = Data("made-up", tuple("0123456789"), split, none, mean, std, "")

    records = finish(search.train_child(FEW, MACRO_ARCH, data=made_up))

    assert not any(isinstance(r, Result) for r in records)


def test_a_search_and_a_final_training_are_not_mistaken_for_each_other():
    with pytest.raises(ValueError, match="trains one architecture: name it by `enas-viz train"):
        finish(search.run(MACRO))
    with pytest.raises(ValueError, match="macro-tiny is a search"):
        finish(search.train_child(recipe("macro-tiny"), MACRO_ARCH))


@pytest.mark.parametrize(
    ("arch", "said"),
    [
        (MICRO_ARCH, "trains macro networks; got a micro architecture"),
        (MacroSpace(2).sample(random.Random(1)), "is for 3 layers, the architecture has 2"),
    ],
)
def test_an_architecture_that_does_not_fit_is_refused_before_data_are_loaded(arch, said):
    with pytest.raises(ValueError, match=said):
        next(search.train_child(MACRO, arch, data="no such data"))


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    finish(search.train_child(MACRO, MACRO_ARCH, folder=tmp_path / "run"))

    with pytest.raises(FolderError, match="holds a run already"):
        search.train_child(MACRO, MACRO_ARCH, folder=tmp_path / "run")


def test_the_folder_knows_the_architecture_and_its_origin(tmp_path):
    origin = {"how": "random", "seed": 4}
    finish(search.train_child(MACRO, MACRO_ARCH, folder=tmp_path / "run", origin=origin))

    facts = read_run(tmp_path / "run")
    assert Architecture.from_json(facts["architecture"]) == MACRO_ARCH
    assert facts["architecture_from"] == origin
    assert load_trace(tmp_path / "run").space == MACRO_ARCH.space
    assert isinstance(restore(tmp_path / "run"), FinalTraining)


def test_drop_path_falls_over_the_training_and_with_depth():
    made = change(MICRO, network__drop_path_keep=0.5)
    training = build(made, 0, "cpu", None, architecture=MICRO_ARCH)

    first = training._drops(100, 0).paths
    training.at.epoch = made.train.epochs - 1
    last = training._drops(100, training.minibatches - 1).paths

    assert (first == 0).float().mean() < 0.05
    assert (last[-1] == 0).float().mean() == pytest.approx(0.5, abs=0.15)
    assert last[-1].unique().tolist() == [0, 2]
    assert (last[0] == 0).float().mean() < (last[-1] == 0).float().mean()


def test_no_episodes_are_recorded():
    assert not any(isinstance(r, Episode) for r in search.train_child(MACRO, MACRO_ARCH))


def authors_rates(script: str) -> tuple[list[float], dict[int, float]]:
    """The rate of every epoch of a script, and of the first step of those where that differs.

    Two scripts were run; the others have the same cosines between other rates.
    """
    told = golden.load("schedule")
    numbers = golden.load("hyperparameters")["recipes"][script]
    measured = told[script if script in told else "macro_search"]
    high, low = numbers["optimizer"]["lr_max"], numbers["optimizer"]["lr_min"]

    def carried(rate: float) -> float:
        share = (rate - measured["lr_min"]) / (measured["lr_max"] - measured["lr_min"])
        return low + (high - low) * share

    epochs = numbers["num_epochs"]
    restarts = zip(
        measured["epochs_where_first_step_differs"],
        measured["lr_at_first_step_of_those"],
        strict=True,
    )
    first = {epoch: carried(rate) for epoch, rate in restarts if epoch < epochs}
    return list(map(carried, measured["lr_per_epoch"][:epochs])), first


@pytest.mark.parametrize("script", ["macro_final", "micro_final", "macro_search", "micro_search"])
def test_the_learning_rate_of_every_epoch_is_the_authors(script):
    rates, first = authors_rates(script)
    made = recipe(f"{script.replace('_search', '')}-released".replace("_", "-"))

    assert len(rates) == made.train.epochs
    assert len(first) > 2
    for epoch, rate in enumerate(rates):
        assert learning_rate(made.train, epoch) == pytest.approx(rate, 1e-5)
        found = first_step_rate(made.train, made.fidelity, epoch)
        assert found == pytest.approx(first.get(epoch, rate), 1e-5)
