"""Data sets with few images: what is told and what is refused."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image

from enas_viz.cli.progress import percent
from enas_viz.recipes import DataConfig, change, recipe
from enas_viz.records.trace import Result, binomial_error
from enas_viz.search.candidates import mean_and_error
from enas_viz.search.runs.build import build
from enas_viz.search.training.data import Data, DataError, Split, load_data
from enas_viz.search.training.sizes import check_sizes

TINY = recipe(
    "macro-tiny",
    **{"network__layers": 3, "network__filters": 2, "train__epochs": 1, "train__batch_size": 4},
    **{"controller__hidden": 4, "controller__updates": 1, "controller__samples": 1},
    **{"controller__reward_images": 4, "data__crop_padding": 0},
)


def split(count: int, side: int = 8) -> Split:
    return Split(torch.zeros(count, 1, side, side, dtype=torch.uint8), torch.arange(count) % 2)


def data(train: int = 8, valid: int = 8, side: int = 8) -> Data:
    parts = split(train, side), split(valid, side)
    return Data("few", ("a", "b"), *parts, torch.zeros(1), torch.ones(1), "")


def folder(path, **counts):
    """A set with so many images of each class."""
    for name, count in counts.items():
        (path / name).mkdir(parents=True)
        for k in range(count):
            Image.new("L", (4, 4), k).save(path / name / f"{k}.png")
    return path


# ---- told


@pytest.mark.parametrize(
    ("changes", "found", "said"),
    [
        ({"train__batch_size": 9}, {"train": 8}, "train.batch_size is 9, .* a minibatch has 8"),
        (
            {"train__batch_size": 4, "train__accumulate": 3},
            {"train": 8},
            "train.batch_size times train.accumulate is 12, .* only 8 training images",
        ),
        (
            {"controller__reward_images": 9},
            {"valid": 8},
            "controller.reward_images is 9, .* a reward is measured on 8",
        ),
        (
            {"controller__reward_images": 0, "train__batch_size": 8},
            {"valid": 7},
            "train.batch_size is 8, but there are only 7 validation images",
        ),
    ],
)
def test_what_is_smaller_than_asked_for_is_told(changes, found, said):
    with pytest.warns(UserWarning, match=said):
        build(change(TINY, **changes), 0, "cpu", data(**found))


def test_nothing_is_told_where_there_are_enough():
    assert not check_sizes(TINY, data(train=4, valid=4))


def test_classes_without_images_of_a_part_are_told(tmp_path):
    place = folder(tmp_path / "set", cat=30, dog=30, eel=2)

    with pytest.warns(UserWarning, match="the split of 62 images leaves no validation images of e"):
        load_data(DataConfig(resolution=4), 0, place)


def test_a_choice_of_too_few_images_is_told():
    few = DataConfig(name="digits", resolution=8, train_images=4)

    with pytest.warns(UserWarning, match=r"data.train_images = 4 leaves no training images of \d"):
        load_data(few)


# ---- refused


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"train": 0}, "the data set few has no training images"),
        ({"valid": 0}, "a search needs validation images"),
        ({"valid": 1}, "at least 2 validation images; the data set few has 1"),
    ],
)
def test_a_search_without_enough_images_to_measure_anything_is_refused(found, said):
    with pytest.raises(ValueError, match=said):
        build(TINY, 0, "cpu", data(**found))


def test_an_accuracy_on_one_validation_image_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"data.valid_images is 1, and an accuracy on one image"):
        load_data(DataConfig(name="digits", resolution=8, valid_images=1))
    with pytest.raises(DataError, match=r"9 images are too few .* at least 10"):
        load_data(DataConfig(resolution=4), 0, folder(tmp_path / "few", cat=5, dog=4))

    assert (
        len(load_data(DataConfig(resolution=4), 0, folder(tmp_path / "set", a=5, b=5)).valid) == 2
    )


# ---- what data in memory must be


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match="numbers of the 1 classes, from 0; got 0 to 1"):
        replace(data(), classes=("a",))
    with pytest.raises(ValueError, match=r"one shape; got \(1, 8, 8\) and \(1, 9, 9\)"):
        replace(data(), valid=split(4, side=9))


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (torch.zeros(4, 1, 8, 8), torch.zeros(4).long(), "uint8 tensor .* got torch.float32"),
        (torch.zeros(4, 8, 8).byte(), torch.zeros(4).long(), r"shape \(4, 8, 8\)"),
        (torch.zeros(4, 1, 8, 8).byte(), torch.zeros(4), "labels must be an int64 tensor"),
        (torch.zeros(4, 1, 8, 8).byte(), torch.zeros(3).long(), "each of the 4 images"),
    ],
)
def test_images_and_labels_of_another_kind_are_refused(images, labels, said):
    with pytest.raises(ValueError, match=said):
        Split(images, labels)


# ---- what a figure on few images claims


@pytest.mark.parametrize("right", [0, 40])
def test_no_accuracy_is_certain_when_all_or_none_are_right(right):
    result = Result(right, 40, 10, 0)

    assert 0.01 < result.standard_error < 0.03
    assert percent(result.accuracy, result.standard_error) in ("0.0 ± 1.8 %", "100.0 ± 1.8 %")


def test_the_error_of_other_accuracies_is_binomial():
    assert binomial_error(10, 40) == pytest.approx((0.25 * 0.75 / 40) ** 0.5)
    assert binomial_error(1, 1) == 0.5  # one image says nothing


def test_equal_values_are_shown_without_a_spread_of_0():
    assert percent(*mean_and_error([0.5, 0.5, 0.5])) == "50.0 %"
    assert percent(*mean_and_error([0.5])) == "50.0 %"
    assert percent(*mean_and_error([0.4, 0.6])) == "50.0 ± 10.0 %"


def test_the_command_line_tells_it_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(tmp_path / "cache"))
    place = folder(tmp_path / "set", cat=10, dog=10)
    small = ("--network.layers", "2", "--network.filters", "2", "--train.epochs", "1")
    small += ("--controller.updates", "1", "--controller.samples", "1")
    words = ["search", "macro-tiny", "--data", place, *small, "--folder", tmp_path / "run"]

    done = subprocess.run(
        [sys.executable, "-m", "enas_viz", *words], capture_output=True, text=True, check=True
    )

    told = [line for line in done.stderr.splitlines() if "warning" in line.lower()]
    assert all(line.startswith("enas-viz: warning: ") for line in told)
    assert [line.split()[2] for line in told][1:] == [
        "train.batch_size",
        "controller.reward_images",
    ]
    assert "no test/<class> folders" in told[0]
