"""Datasets, splits, augmentation, the cache, and what is said when images cannot be read."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from enas_viz.recipes import DataConfig
from enas_viz.search.training import data as data_module
from enas_viz.search.training import draws
from enas_viz.search.training.data import DataError, load_data, load_test_data

DIGITS = DataConfig(name="digits", resolution=8)
SMALL = DataConfig(name="folder", resolution=8)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(tmp_path / "cache"))


def write_images(folder: Path, per_class: int = 20, classes=("cat", "dog"), grey=False) -> Path:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for k in range(per_class):
                pixels = rng.integers(0, 256, (12, 10) if grey else (12, 10, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{k:03}.png")
    return folder


def zipped(folder: Path) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def test_digits_are_split_by_class_into_1000_397_and_400():
    found, test = load_data(DIGITS), load_test_data(DIGITS)

    assert (len(found.train), len(found.valid), len(test)) == (1000, 397, 400)
    assert found.train.images.shape == (1000, 1, 8, 8)
    assert found.train.images.dtype == torch.uint8
    for split, size in ((found.train, 1000), (found.valid, 397), (test, 400)):
        counts = torch.bincount(split.labels, minlength=10)
        assert (counts.float() - size / 10).abs().max() < 0.05 * size


def test_no_digit_is_in_two_splits_and_the_test_images_do_not_depend_on_the_seed():
    from sklearn.datasets import load_digits

    everything = load_digits().images
    found = [load_data(DIGITS, seed) for seed in (0, 1)]

    parts = [*(s.images for s in (found[0].train, found[0].valid)), load_test_data(DIGITS).images]
    rows = torch.cat(parts).flatten(1)
    expected = torch.from_numpy((everything * (255 / 16)).round()).flatten(1).to(torch.uint8)
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, expected.tolist()))
    assert found[0].checksum != found[1].checksum
    assert found[0].checksum == load_data(DIGITS, 0).checksum


def test_digits_that_are_not_where_they_are_looked_for_are_asked_of_their_package(monkeypatch):
    quickly = data_module._handwritten()
    monkeypatch.setattr(data_module, "find_spec", lambda name: None)

    assert np.array_equal(data_module._handwritten(), quickly)


def test_normalised_training_images_have_mean_0_and_deviation_1():
    found = load_data(DIGITS)

    images = found.normalise(found.train.images)

    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std().item() == pytest.approx(1, abs=1e-3)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_a_channel_without_any_variation_is_not_blown_up(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for k in range(10):
            colour = (20 * k, 0, 0)
            Image.new("RGB", (8, 8), colour).save(tmp_path / "set" / name / f"{k}.png")
    found = load_data(SMALL, 0, tmp_path / "set")

    assert found.normalise(found.train.images).abs().max() < 5
    assert found.normalise(torch.full((1, 3, 8, 8), 2, dtype=torch.uint8)).abs().max() < 5


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_folder_or_zip_gives_the_same_images_split_by_class(tmp_path, as_zip):
    folder = write_images(tmp_path / "pets")

    found = load_data(SMALL, 3, zipped(folder) if as_zip else folder)
    test = load_test_data(SMALL, folder)

    assert (found.name, found.classes) == ("pets", ("cat", "dog"))
    assert found.train.images.shape == (36, 3, 8, 8)
    assert torch.bincount(found.valid.labels).tolist() == [2, 2]
    assert found.checksum == load_data(SMALL, 3, folder).checksum
    assert len(test) == 40


def test_a_minibatch_of_validation_images_holds_several_classes(tmp_path):
    """Files come sorted by class; batch norm would see one class at a time."""
    folder = write_images(tmp_path / "pets", per_class=200)

    labels = load_data(SMALL, 0, folder).valid.labels

    assert len(labels) == 40
    for at in range(0, 40, 10):
        assert set(labels[at : at + 10].tolist()) == {0, 1}


def test_grey_images_have_one_channel(tmp_path):
    found = load_data(SMALL, 0, write_images(tmp_path / "grey", grey=True))

    assert found.channels == 1


def test_images_are_decoded_once(tmp_path, monkeypatch):
    folder = write_images(tmp_path / "pets")
    first = load_data(SMALL, 0, folder)
    monkeypatch.setattr(data_module, "_decode_all", lambda *_: pytest.fail("decoded again"))

    again = load_data(SMALL, 0, folder)

    assert torch.equal(first.train.images, again.train.images)


def test_another_resolution_or_a_changed_image_is_decoded_anew(tmp_path):
    folder = write_images(tmp_path / "pets")
    first = load_data(SMALL, 0, folder)
    Image.new("RGB", (12, 10), "red").save(folder / "train" / "cat" / "000.png")

    assert load_data(SMALL, 0, folder).checksum != first.checksum
    bigger = load_data(DataConfig(name="folder", resolution=16), 0, folder)
    assert bigger.train.images.shape[-2:] == (16, 16)


def test_a_damaged_cache_is_not_trusted(tmp_path):
    folder = write_images(tmp_path / "pets")
    first = load_data(SMALL, 0, folder)
    (cached,) = (tmp_path / "cache").glob("*.safetensors")
    raw = bytearray(cached.read_bytes())
    raw[-1] ^= 0xFF
    cached.write_bytes(raw)

    assert load_data(SMALL, 0, folder).checksum == first.checksum


def test_an_unreadable_image_is_named(tmp_path):
    folder = write_images(tmp_path / "pets")
    (folder / "train" / "dog" / "007.png").write_bytes(b"this is no image")

    with pytest.raises(
        DataError,
        match=r"train/dog/007.png in .* cannot be read \(its content is no image, .*\); mend",
    ):
        load_data(SMALL, 0, folder)


def test_a_missing_place_says_what_was_expected():
    with pytest.raises(DataError, match="no dataset '/nowhere/at/all': expected 'digits'"):
        load_data(SMALL, 0, "/nowhere/at/all")


def test_a_file_that_is_no_zip_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(DataError, match="neither a folder nor a zip"):
        load_data(SMALL, 0, tmp_path / "notes.txt")


def test_one_class_is_not_enough(tmp_path):
    with pytest.raises(DataError, match="at least two of them"):
        load_data(SMALL, 0, write_images(tmp_path / "pets", classes=("cat",)))


def test_a_subset_is_balanced_and_cannot_be_larger_than_the_whole(tmp_path):
    config = DataConfig(name="digits", resolution=8, train_images=100, valid_images=50)

    found = load_data(config)

    assert torch.bincount(found.train.labels).sub(10).abs().max() <= 2
    assert len(found.valid) == 50
    with pytest.raises(DataError, match="data.train_images asks for 9999 images; there are 1000"):
        load_data(DataConfig(name="digits", resolution=8, train_images=9999))


def test_official_cifar10_keeps_its_last_5000_training_images_for_validation(monkeypatch):
    class Fake:
        classes = ("airplane", "automobile")

        def __init__(self, root: str, train: bool, download: bool) -> None:
            assert download
            count = 6000 if train else 300
            self.data = np.zeros((count, 32, 32, 3), np.uint8)
            self.data[:, 0, 0, 0] = np.arange(count) % 251
            self.targets = [k % 2 for k in range(count)]

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Fake)

    found = load_data(DataConfig())

    assert (len(found.train), len(found.valid)) == (1000, 5000)
    assert found.valid.images[0, 0, 0, 0] == 1000 % 251
    assert found.valid.images[-1, 0, 0, 0] == 5999 % 251
    assert len(load_test_data(DataConfig())) == 300


def test_a_failed_download_says_how_to_use_a_copy(monkeypatch):
    def fails(*_args, **_options):
        raise RuntimeError("no network")

    monkeypatch.setattr("torchvision.datasets.CIFAR10", fails)

    with pytest.raises(DataError, match="--data PATH"):
        load_data(DataConfig())


def test_a_minibatch_holds_the_images_and_labels_asked_for_normalised():
    found = load_data(DIGITS)
    index = torch.tensor([7, 3, 3])
    config = DataConfig(crop_padding=0, flip=False)

    images, labels = found.training_batch(index, config, draws.generator(0, "augment"))

    assert torch.equal(images, found.normalise(found.train.images[index]))
    assert torch.equal(labels, found.train.labels[index])


def test_images_are_channels_last_in_memory_and_so_are_minibatches_of_them(tmp_path):
    found = load_data(SMALL, 0, write_images(tmp_path / "pets"))

    taken, _ = found.train.take(torch.tensor([5, 1]))

    for images in (found.train.images, found.valid.images, taken):
        assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(taken, found.train.images[[5, 1]])
