"""Folders and zips as people have them: what is found in them, what is skipped, what is refused."""

import io
import os
import shutil
import struct
import unicodedata
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from enas_viz.recipes import DataConfig
from enas_viz.search.training.data import DataError, check_test_data, load_data, load_test_data
from enas_viz.search.training.folders import Layout, Source

CONFIG = DataConfig(resolution=4)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(tmp_path / "cache"))


def png(shade: int = 0) -> bytes:
    packed = io.BytesIO()
    Image.new("L", (4, 4), shade % 256).save(packed, "PNG")
    return packed.getvalue()


def images(*folders: str, count: int = 10) -> dict[str, bytes]:
    """So many images in each of the folders."""
    return {f"{name}/{k}.png": png(k) for name in folders for k in range(count)}


PETS = images("train/cat", "train/dog", "test/cat", "test/dog")


def made(place: Path, files: dict[str, bytes]) -> Path:
    """A folder of the files, or a zip when `place` ends so; names that end in "/" are folders."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    for name, content in files.items():
        path = place / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return place


def part(place: Path, name: str = "train"):
    return Layout(Source(place)).part(name)


both = pytest.mark.parametrize("place", ["set", "set.zip"])


# ---- what is skipped


@both
@pytest.mark.parametrize("outer", ["pets/", "a/b/"])
def test_one_folder_around_the_whole_set_is_skipped(tmp_path, place, outer):
    files = {outer + name: content for name, content in PETS.items()}

    found = part(made(tmp_path / place, files))

    assert found.classes == ("cat", "dog")
    assert len(found.names) == 20


@both
def test_a_note_beside_the_one_folder_does_no_harm(tmp_path, place):
    files = {f"pets/{name}": content for name, content in PETS.items()}

    found = part(made(tmp_path / place, files | {"README.txt": b"hello"}))

    assert found.classes == ("cat", "dog")


JUNK = (
    *("__MACOSX/train/cat/._1.png", "__MACOSX/._train", "train/cat/._x.png", "train/._cat"),
    *("train/.ipynb_checkpoints/1.png", ".ipynb_checkpoints/2.png", "train/cat/.hidden/3.png"),
    *(".DS_Store", "train/.DS_Store", "train/cat/.DS_Store", "train/cat/Thumbs.db"),
    *("train/desktop.ini", "train/cat/desktop.ini", "@eaDir/cat/1.png", "train/dog/@eaDir/1.png"),
    *(".git/objects/1.png", "$RECYCLE.BIN/cat/1.png"),
)


@both
@pytest.mark.parametrize("flat", [False, True])
def test_what_systems_leave_behind_is_no_image_and_no_class(tmp_path, place, flat):
    files = PETS | dict.fromkeys(JUNK, b"\0\5\x16\7")
    if flat:
        files = {n.replace("train/", ""): c for n, c in files.items() if not n.startswith("test/")}

    found = load_data(CONFIG, source=made(tmp_path / place, files))

    assert found.classes == ("cat", "dog")
    assert len(found.train) + len(found.valid) == 20


def test_names_in_a_zip_may_start_with_a_dot_for_here_or_hold_backslashes(tmp_path):
    dotted = {f"./{name}": content for name, content in PETS.items()}
    windows = {name.replace("/", "\\"): content for name, content in PETS.items()}

    for k, files in enumerate((dotted, windows)):
        assert part(made(tmp_path / f"{k}.zip", files)) == part(made(tmp_path / "set", PETS))
        shutil.rmtree(tmp_path / "set")


def test_linked_class_folders_and_images_are_found(tmp_path):
    made(tmp_path / "elsewhere", images("felines"))
    folder = made(tmp_path / "set", images("train/dog"))
    (folder / "train" / "cat").symlink_to(tmp_path / "elsewhere" / "felines")
    (folder / "train" / "dog" / "linked.png").symlink_to(folder / "train" / "dog" / "1.png")

    found = part(folder)

    assert found.classes == ("cat", "dog")
    assert found.labels == (0,) * 10 + (1,) * 11


def test_links_that_lead_in_a_circle_end(tmp_path):
    folder = made(tmp_path / "set", PETS)
    (folder / "train" / "cat" / "again").symlink_to(folder / "train")
    (folder / "train" / "dog" / "self").symlink_to(folder / "train" / "dog" / "self")
    (folder / "up").symlink_to(tmp_path)

    assert len(part(folder).names) == 20


def test_a_link_to_an_image_that_is_not_there_is_refused(tmp_path):
    folder = made(tmp_path / "set", PETS)
    (folder / "train" / "cat" / "gone.png").symlink_to(tmp_path / "annex" / "1.png")

    with pytest.raises(DataError, match=r"train/cat/gone\.png in .* is a link to a file that is"):
        part(folder)


def test_a_folder_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    folder = made(tmp_path / "set", PETS)
    real = os.scandir

    def scandir(path):
        if Path(path).name == "cat":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)

    with pytest.raises(DataError, match="the folder test/cat/ in .* cannot be read: .*denied"):
        part(folder)


@both
def test_images_in_folders_inside_a_class_folder_belong_to_the_class(tmp_path, place):
    files = PETS | images("train/cat/more/deep", count=3)

    found = part(made(tmp_path / place, files))

    assert found.classes == ("cat", "dog")
    assert found.labels == (0,) * 13 + (1,) * 10


@both
def test_one_folder_of_the_same_name_in_every_class_folder_is_looked_into(tmp_path, place):
    """As in Tiny ImageNet."""
    files = images("train/n01/images", "train/n02/images") | {"train/n01/n01_boxes.txt": b"0 1"}

    found = part(made(tmp_path / place, files))

    assert found.classes == ("n01", "n02")
    assert len(found.names) == 20


@both
@pytest.mark.parametrize("ending", ["JPG", "jpeg", "jfif", "PGM", "tiff", "webp", "gif", "bmp"])
def test_every_ending_of_a_readable_format_is_an_image(tmp_path, place, ending):
    files = {f"{label}/{k}.{ending}": b"" for label in ("cat", "dog") for k in range(5)}

    assert len(part(made(tmp_path / place, files)).names) == 10


# ---- what is refused


@both
@pytest.mark.parametrize(
    ("files", "said"),
    [
        (PETS | {"train/cat/1.heic": b""}, r"train/cat/1\.heic .* is of a kind that is not read"),
        (PETS | {"train/cat/a/1.SVG": b""}, r"train/cat/a/1\.SVG .* convert it to PNG or JPEG"),
        (PETS | {"train/bird/": b""}, "the folder train/bird in .* so the class bird would be em"),
        (PETS | {"train/bird/notes.txt": b""}, "the folder train/bird in .* holds no image"),
        (images("cat", "dog") | {"bird/.DS_Store": b""}, "the folder bird in .* holds no image"),
        (PETS | images("val/cat"), "validation images have the classes cat, .* cat, dog"),
        (PETS | images("val/cat", "val/dog", "val/cow"), r"\(cow only there\)"),
        (PETS | images("val/cat", "val/dog", "valid/cat"), "both val/ and valid/"),
        (PETS | images("Train/cat"), "both Train/ and train/, and .* its training images"),
        (PETS | {"val/1.png": png()}, "the folder val/ in .* has no class folders of images"),
        (PETS | {"val/": b""}, "the folder val/ in .* has no class folders of images"),
        (images("train", "test"), r"holds images directly in test/, train/, so their classes"),
        (images("train", "valid"), r"one folder per class, as in train/cat/1\.png"),
        (
            images("seg_train/a", "seg_train/b", "seg_test/a"),
            "the folder seg_test in .* no image i",
        ),
        (images("val/cat", "test/cat"), "the folder test in .* holds no image itself"),
        (images("cat", "dog", "testing/cat"), "the folder testing in .* only folders of images"),
        (images("train/train/cat", "train/train/dog"), "the folder train/train in"),
        (images("test/cat", "test/dog"), "the folder test in .* holds no image itself"),
        (images("train_1/images", "test_1/images"), "the folder test_1 in .* no image itself"),
        (images("train/n01/a", "train/n02/b"), "the folder train/n01 in .* no image itself"),
        (images("cat"), "found 1 such folders"),
        ({"1.png": png(), "2.png": png()}, "found 0 such folders"),
        ({"notes.txt": b""}, "found 0 such folders"),
        ({"__MACOSX/cat/1.png": b"", "__MACOSX/dog/1.png": b""}, "found 0 such folders"),
    ],
)
def test_a_set_that_is_not_what_it_seems_is_refused(tmp_path, place, files, said):
    with pytest.raises(DataError, match=said):
        part(made(tmp_path / place, files))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (images("train/cat", "train/dog"), "has no test/<class> folders"),
        (images("cat", "dog"), "has no test/<class> folders"),
        (images("train/cat", "train/dog") | {"test/1.png": png()}, "found 0 such folders"),
        (images("train/cat", "train/dog", "test/dog", "test/eel"), r"\(no cat there, eel only th"),
        (images("train/cat", "train/dog", "test/dog", "test/Cat"), r"\(no cat there, Cat only th"),
    ],
)
def test_test_images_that_do_not_fit_are_refused_by_their_names_alone(tmp_path, files, said):
    place = made(tmp_path / "set", files)

    with pytest.raises(DataError, match=said):
        check_test_data(CONFIG, place)
    assert not (tmp_path / "cache").exists()  # nothing was decoded


def test_a_list_of_many_classes_is_cut_short(tmp_path):
    files = images(*(f"train/{k:04}" for k in range(300)), count=1)
    place = made(tmp_path / "set", files | images("test/0000", "test/0001"))

    with pytest.raises(DataError, match="300 in all") as caught:
        check_test_data(CONFIG, place)

    assert len(str(caught.value)) < 1000


# ---- validation images


@both
@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_a_folder_of_validation_images_is_the_validation_split(tmp_path, place, name):
    files = images("train/cat", "train/dog", "test/cat", "test/dog")
    files |= {f"{name}/{label}/{k}.png": png(200 + k) for label in ("cat", "dog") for k in range(4)}

    found = load_data(CONFIG, 1, made(tmp_path / place, files))

    assert (len(found.train), len(found.valid)) == (20, 8)
    assert found.train.images.max() < 200 <= found.valid.images.min()
    assert sorted(found.valid.labels.tolist()) == [0] * 4 + [1] * 4
    assert found.valid.labels.tolist() != [0] * 4 + [1] * 4  # batch norm sees several classes


def test_validation_images_are_for_training_when_all_images_are(tmp_path):
    place = made(tmp_path / "set", PETS | images("val/cat", "val/dog"))

    found = load_data(DataConfig(resolution=4, holdout=False), 0, place)

    assert (len(found.train), len(found.valid)) == (40, 0)


def test_a_class_may_be_called_like_a_part(tmp_path):
    assert part(made(tmp_path / "set", images("train", "bus"))).classes == ("bus", "train")


def test_a_set_called_digits_is_split_like_every_other(tmp_path):
    found = load_data(CONFIG, 0, made(tmp_path / "digits", images("0", "1", count=250)))

    assert (len(found.train), len(found.valid)) == (450, 50)


# ---- names


def test_both_spellings_of_an_accented_class_are_one_class(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    files = images("train/dog", "test/dog", f"train/{composed}", f"test/{decomposed}")
    place = made(tmp_path / "set", files | {f"train/{decomposed}/more.png": png()})

    found = part(place)

    assert found.classes == (composed, "dog")
    assert found.labels.count(0) == 11
    check_test_data(CONFIG, place)


def with_raw_names(path: Path, encoding: str, labels: tuple[str, ...], again: bool = False) -> Path:
    """A zip whose names are bytes of an encoding that it does not tell.

    again: an extra field gives each name in UTF-8, too, as Info-ZIP does.
    """
    names = {}
    with zipfile.ZipFile(path, "w") as archive:
        for label in labels:
            for k in range(10):
                raw = f"{label}/{k}.png".encode(encoding)
                member = zipfile.ZipInfo(f"<{len(names):_^{len(raw) - 2}}>")
                names[member.filename.encode()] = raw
                if again:
                    name = f"{label}/{k}.png".encode()
                    body = b"\1" + struct.pack("<I", zlib.crc32(raw)) + name
                    member.extra = struct.pack("<HH", 0x7075, len(body)) + body
                archive.writestr(member, png(k))
    content = path.read_bytes()
    for name, raw in names.items():
        content = content.replace(name, raw)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("encoding", "labels"),
    [
        ("utf-8", ("猫", "狗")),
        ("utf-8", ("Grüße", "café")),
        ("gbk", ("猫", "狗")),
        ("gbk", ("飞机", "汽车", "cat")),
        ("cp437", ("Grüße", "café")),
        ("cp437", ("größe", "straße")),
    ],
)
def test_names_in_a_zip_are_read_in_the_encoding_that_they_are_in(tmp_path, encoding, labels):
    found = part(with_raw_names(tmp_path / "set.zip", encoding, labels))

    assert found.classes == tuple(sorted(labels))
    assert len(found.names) == 10 * len(labels)


def test_a_name_that_a_zip_gives_again_in_utf_8_is_taken(tmp_path):
    path = with_raw_names(tmp_path / "set.zip", "cp866", ("пес", "кот"), again=True)

    assert part(path).classes == ("кот", "пес")


# ---- what is told


@both
def test_images_outside_of_class_folders_are_told(tmp_path, place):
    files = PETS | {"cover.png": png(), "train/stray.png": png(), "extra/cat/1.png": png()}

    with pytest.warns(UserWarning, match=r"3 images of .* not used, for example cover\.png"):
        found = load_data(CONFIG, source=made(tmp_path / place, files))

    assert len(found.train) + len(found.valid) == 20


@both
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_images_whose_names_do_not_say_so_are_told(tmp_path, place, kind):
    packed = io.BytesIO()
    Image.new("L", (4, 4)).save(packed, kind)
    files = PETS | {"train/cat/1.png.download": packed.getvalue(), "train/cat/x": b"no image"}
    files |= {"train/cat/labels.csv": b"1,2", "notes": packed.getvalue()}

    with pytest.warns(UserWarning, match=r"1 files of .*, for example train/cat/1\.png\.download"):
        load_data(CONFIG, source=made(tmp_path / place, files))


def test_images_that_use_little_of_16_bits_are_told(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for k in range(6):
            values = np.full((4, 4), 300 * k, np.uint16)
            Image.fromarray(values).save(tmp_path / "set" / label / f"{k}.png")

    with pytest.warns(UserWarning, match=r"16 bits a pixel and use only the lowest 2\.3 %"):
        load_data(CONFIG, source=tmp_path / "set")


def test_an_image_of_unknown_range_is_refused_by_its_name(tmp_path):
    place = made(tmp_path / "set", PETS)
    Image.fromarray(np.full((4, 4), 200, np.float32)).save(place / "train" / "cat" / "f.tif")

    with pytest.raises(
        DataError, match=r"train/cat/f\.tif in .* from 200 to 200, but floating-point"
    ):
        load_data(CONFIG, source=place)


# ---- the cache


def test_two_sets_that_differ_in_content_alone_are_not_mixed_up(tmp_path):
    """Equal names, sizes and times: the content decides."""
    stamp = (1_600_000_000, 1_600_000_000)
    found = []
    for outer, shade in (("a", 1), ("b", 2)):
        folder = made(tmp_path / outer / "set", dict.fromkeys(PETS, png(shade)))
        for path in folder.rglob("*.png"):
            os.utime(path, stamp)
        found.append(load_data(CONFIG, 0, folder))

    assert len(png(1)) == len(png(2))
    assert [int(f.train.images.max()) for f in found] == [1, 2]
    assert found[0].checksum != found[1].checksum


def test_an_image_that_is_replaced_by_one_of_the_same_size_and_time_is_decoded_anew(tmp_path):
    folder = made(tmp_path / "set", dict.fromkeys(PETS, png(1)))
    first = load_data(CONFIG, 0, folder)
    for path in folder.rglob("*.png"):
        stat = path.stat()
        path.write_bytes(png(2))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    again = load_data(CONFIG, 0, folder)

    assert (int(first.train.images.max()), int(again.train.images.max())) == (1, 2)


def test_two_zips_of_one_name_are_not_mixed_up(tmp_path):
    found = []
    for outer, shade in (("a", 1), ("b", 2)):
        (tmp_path / outer).mkdir()
        place = made(tmp_path / outer / "set.zip", dict.fromkeys(PETS, png(shade)))
        found.append(int(load_test_data(CONFIG, place).images.max()))

    assert found == [1, 2]


def test_another_way_to_make_images_square_is_decoded_anew(tmp_path):
    files = {}
    for name in PETS:
        packed = io.BytesIO()
        Image.fromarray(np.arange(32, dtype=np.uint8).reshape(4, 8) * 8).save(packed, "PNG")
        files[name] = packed.getvalue()
    place = made(tmp_path / "set", files)

    found = [
        load_data(DataConfig(resolution=4, fit=fit), 0, place) for fit in ("squash", "crop", "pad")
    ]

    assert len({f.checksum for f in found}) == 3
    assert [f.header()["fit"] for f in found] == ["squash", "crop", "pad"]


def test_nothing_is_told_of_a_set_in_order(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_data(CONFIG, source=made(tmp_path / "set", PETS))
