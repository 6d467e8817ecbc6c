"""Images for a search: decoded once, kept as one uint8 tensor on the device, taken by batch.

Datasets: "digits" (scikit-learn's handwritten digits, offline), "cifar10" (through torchvision's
download), or any folder or zip in ImageFolder layout. A search sees training and validation
images; the test split is read by `load_test_data` alone, which no search calls.

Splits: official CIFAR-10 keeps its last 5 000 training images for validation [C]; a folder or zip
is split by class with a seed, 9 to 1; the digits 1 000 / 397 / 400, by class. Which image went
where is summed up in a checksum that the trace's header carries.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from enas_viz.files import written
from enas_viz.recipes import DataConfig
from enas_viz.search import draws
from enas_viz.search.augment import augment

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp")
DIGITS_SPLIT = (1000, 397, 400)  # training, validation, test; 1797 images in all
CIFAR10_VALID = 5000
FOLDER_VALID_SHARE = 0.1
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # no other decoder is run
MOST_IMAGE_BYTES = 64 * 2**20  # of one file, unpacked: a zip can hold terabytes in a few bytes
MOST_IMAGES = 10_000_000
DEEPEST = 4  # folders inside one another that are looked into: one more than the layout has


class DataError(ValueError):
    """The images that were asked for cannot be read; the message says which and why."""


@dataclass(frozen=True, eq=False)
class Split:
    """images: (N, C, H, W) uint8; labels: (N,) int64 class numbers; both on one device.

    Images loaded by this module are channels_last in memory, as a minibatch of them is to be.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """(images, labels) at `index`, (B,) int64 on the same device; images channels_last."""
        pixels = self.images.permute(0, 2, 3, 1).index_select(0, index)  # an image is one copy
        return pixels.permute(0, 3, 1, 2), self.labels.index_select(0, index)

    def to(self, device: torch.device) -> Split:
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Data:
    """What a search learns from. mean, std: (C,) per-channel, of training images in [0, 1]."""

    name: str
    classes: tuple[str, ...]
    train: Split
    valid: Split
    mean: Tensor
    std: Tensor
    checksum: str

    @property
    def channels(self) -> int:
        return self.train.images.shape[1]

    def to(self, device: torch.device) -> Data:
        return Data(
            self.name,
            self.classes,
            self.train.to(device),
            self.valid.to(device),
            self.mean.to(device),
            self.std.to(device),
            self.checksum,
        )

    def header(self) -> dict[str, object]:
        """What a trace says about its data."""
        return {
            "name": self.name,
            "checksum": self.checksum,
            "classes": list(self.classes),
            "train": len(self.train),
            "valid": len(self.valid),
            "shape": list(self.train.images.shape[1:]),
        }

    def normalise(self, images: Tensor) -> Tensor:
        """(B, C, H, W) uint8 to float32 in channels_last order: zero mean, unit deviation."""
        pixels = images.permute(0, 2, 3, 1)
        count, height, width, channels = pixels.shape
        # Row by row, since long inner loops are quick and those over three channels are not.
        scale, shift = self._scale_and_shift
        rows = pixels.reshape(count, height, width * channels).float()
        made = rows.mul_(scale.repeat(width)).sub_(shift.repeat(width))
        if channels == 1:  # the same memory in either order
            return made.view(images.shape)
        return made.view(pixels.shape).permute(0, 3, 1, 2)

    @functools.cached_property
    def _scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """(C,) each, for bytes."""
        return 1 / (255 * self.std), self.mean / self.std

    def training_batch(
        self, index: Tensor, config: DataConfig, rng: np.random.Generator, anchor: str = "centre"
    ) -> tuple[Tensor, Tensor]:
        """(images, labels) of the training images at `index`, augmented as `config` says."""
        images, labels = self.train.take(index)
        return augment(images, self.normalise, config, rng, anchor), labels


# ---------------------------------------------------------------- loading


def load_data(config: DataConfig, seed: int = 0, source: str | Path | None = None) -> Data:
    """Training and validation images of a recipe, resized to its resolution.

    With `config.holdout` false all are for training, and the validation part is empty.

    source: a folder or zip that takes the place of `config.name`. seed: of the split and of the
    choice when a recipe uses fewer images than there are. Raises DataError, saying what was
    expected, what came and how to mend it.
    """
    name, classes, images, labels, official_valid = _load_part(config, source, "train")
    if config.holdout:
        train_index, valid_index = _split(labels, official_valid, name, seed)
    else:
        train_index, valid_index = torch.arange(len(labels)), torch.arange(0)
    train_index = _subset(train_index, labels, config.train_images, "data.train_images", seed)
    valid_index = _subset(valid_index, labels, config.valid_images, "data.valid_images", seed)
    everything = Split(images, labels)
    train, valid = (Split(*everything.take(index)) for index in (train_index, valid_index))
    mean, std = _moments(train.images)
    summed = hashlib.sha256()
    for part in (images.numpy(), labels.numpy(), train_index.numpy(), valid_index.numpy()):
        summed.update(np.ascontiguousarray(part).tobytes())
    return Data(name, classes, train, valid, mean, std, summed.hexdigest()[:16])


def load_test_data(
    config: DataConfig, source: str | Path | None = None, classes: tuple[str, ...] | None = None
) -> Split:
    """The held-out test images. For a final figure, once; never during a search.

    classes: those of the training images; DataError when the test images have others.
    """
    _, found, images, labels, _ = _load_part(config, source, "test")
    if classes is not None:
        _check_classes(found, classes)
    return Split(images, labels)


def check_test_data(config: DataConfig, source: str | Path | None = None) -> None:
    """Raises DataError when there will be no test images, or of other classes than the training's.

    Asked before a training, so that it does not fail at its very end; no image is read.
    """
    if source is None and config.name in ("digits", "cifar10"):
        return
    path = _existing(config.name if source is None else str(source))
    if path is not None:
        _check_classes(_members(path, "test")[1], _members(path, "train")[1])


def _check_classes(test: tuple[str, ...], train: tuple[str, ...]) -> None:
    if test != train:
        raise DataError(
            f"the test images have the classes {', '.join(test)}, the training images "
            f"{', '.join(train)}; they must be the same"
        )


def _load_part(
    config: DataConfig, source: str | Path | None, part: str
) -> tuple[str, tuple[str, ...], Tensor, Tensor, int]:
    """(name, classes, images, labels, how many at the end are official validation images)."""
    wanted = str(source) if source is not None else config.name
    if source is None and wanted == "digits":
        return _digits(config.resolution, part)
    if source is None and wanted == "cifar10":
        return _cifar10(config.resolution, part)
    path = _existing(wanted)
    if path is None:
        raise DataError(
            f"no dataset {wanted[:300]!r}: expected 'digits', 'cifar10', or a folder or zip "
            f"with one folder of images per class, but there is no such file or folder"
        )
    return _image_folder(path, config.resolution, part)


def _existing(name: str) -> Path | None:
    """The file or folder of that name, where there is one."""
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # a name that is too long, or of a user who is not there
        return None


def _digits(resolution: int, part: str) -> tuple[str, tuple[str, ...], Tensor, Tensor, int]:
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = torch.from_numpy((found.images * (255 / 16)).round().astype(np.uint8))[:, None]
    labels = torch.from_numpy(found.target.astype(np.int64))
    # The test images are fixed, whatever the seed of the search: a stratified share of each class.
    order = _by_class(labels, draws.generator(0, "split"))
    test = order[: DIGITS_SPLIT[2]]
    rest = order[DIGITS_SPLIT[2] :].sort().values
    index = test.sort().values if part == "test" else rest
    classes = tuple(map(str, range(10)))
    return "digits", classes, _resize(pixels[index], resolution), labels[index], 0


def _cifar10(resolution: int, part: str) -> tuple[str, tuple[str, ...], Tensor, Tensor, int]:
    from torchvision.datasets import CIFAR10

    root = cache_folder() / "cifar10"
    try:  # torchvision checks the archive's and each file's checksum before it reads them
        found = CIFAR10(str(root), train=part == "train", download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 could not be downloaded ({error}); with a copy in ImageFolder layout "
            f"(train/<class>/*.png), name its folder or zip instead: --data PATH"
        ) from None
    images = torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor(found.targets, dtype=torch.int64)
    valid = CIFAR10_VALID if part == "train" else 0
    return "cifar10", tuple(found.classes), _resize(images, resolution), labels, valid


def _image_folder(
    path: Path, resolution: int, part: str
) -> tuple[str, tuple[str, ...], Tensor, Tensor, int]:
    """A folder or zip: `train/<class>/*` and `test/<class>/*`, or `<class>/*` without a test."""
    inside, classes = _members(path, part)
    key = hashlib.sha256(f"{path.name}:{part}:{resolution}:3".encode())
    for name, size, changed in _stamps(path, inside):
        key.update(f"{name}:{size}:{changed};".encode())
    cached = cache_folder() / f"images-{key.hexdigest()[:20]}.safetensors"
    tensors = _read_cache(cached)
    if tensors is None:
        images, labels = _decode_all(path, inside, classes, resolution)
        tensors = {"images": images, "labels": labels}
        _write_cache(cached, tensors)
    return path.stem, classes, tensors["images"], tensors["labels"], 0


def _members(path: Path, part: str) -> tuple[list[str], tuple[str, ...]]:
    """(names of the image files of a part, its classes): what the names of its folders tell."""
    names = _list_files(path)
    parts = {n.split("/")[0] for n in names if n.count("/") >= 2}
    prefix = f"{part}/" if {"train"} <= parts else ""
    if part == "test" and (not prefix or "test" not in parts):
        raise DataError(
            f"{path} has no test/<class> folders, and a final training ends by reading its test "
            f"images; add them, beside train/<class>"
        )
    inside = [n for n in names if n.startswith(prefix) and n.count("/") == prefix.count("/") + 1]
    classes = tuple(sorted({n.split("/")[-2] for n in inside}))
    if len(classes) < 2:
        raise DataError(
            f"{path} must hold one folder of images per class, at least two of them, as in "
            f"train/cat/1.png or cat/1.png; found {len(classes)} such folders"
        )
    return inside, classes


def _list_files(path: Path) -> list[str]:
    if path.is_dir():
        found = list(_walk(path))
    elif path.is_file() and zipfile.is_zipfile(path):
        found = _list_zip(path)
    else:
        raise DataError(f"{path} is neither a folder nor a zip file, so it holds no images")
    tops = {n.split("/")[0] for n in found}
    if len(tops) == 1 and not tops <= {"train"} and all(n.count("/") >= 2 for n in found):
        raise DataError(
            f"{path} holds everything inside one folder {min(tops)!r}; name that folder itself"
        )
    images = sorted(n for n in found if n.lower().endswith(IMAGE_ENDINGS))
    for name in images:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise DataError(f"{path} holds a file whose name is no text: {name[:300]!r}")
    return images


def _walk(path: Path) -> Iterator[str]:
    """The regular files of a folder, no deeper than an ImageFolder can have them."""
    count = 0
    for top, folders, names in os.walk(path):
        inside = Path(top).relative_to(path)
        if len(inside.parts) >= DEEPEST:
            folders.clear()
        for name in names:
            if (Path(top) / name).is_file():  # no pipe, no device, no loop of links
                count += 1
                if count > MOST_IMAGES:
                    raise DataError(f"{path} holds more than {MOST_IMAGES:,} files; name a folder")
                yield (inside / name).as_posix()


def _list_zip(path: Path) -> list[str]:
    """The files of a zip. Nothing is unpacked to disk, so their names lead nowhere; one that would
    lead out of the archive still tells that this is no honest data set."""
    with _opened(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
    seen: set[str] = set()
    for member in members:
        name = member.filename
        parts = name.replace("\\", "/").split("/")
        if name in seen or ".." in parts or not parts[0] or re.match(r"[A-Za-z]:", name):
            why = "it is there twice" if name in seen else "it leads out of the archive"
            raise DataError(f"{path} holds a file {name[:300]!r} that is refused: {why}")
        if member.file_size > MOST_IMAGE_BYTES and name.lower().endswith(IMAGE_ENDINGS):
            raise DataError(
                f"the image {_shown(name)} in {path} has {member.file_size:,} bytes unpacked, more "
                f"than the {MOST_IMAGE_BYTES:,} that are read; mend or remove that file"
            )
        seen.add(name)
    return [m.filename for m in members]


def _shown(name: str) -> str:
    """A file's name as an error shows it: not endless, and no commands to the terminal in it."""
    name = name if len(name) <= 300 else f"{name[:200]}...{name[-50:]}"
    return name if name.isprintable() else repr(name)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # damaged lists of members make zipfile stumble in many ways
        raise DataError(f"{path} is a damaged zip file: {error}") from None


def _stamps(path: Path, names: list[str]) -> Iterator[tuple[str, int, int]]:
    if path.is_dir():
        for name in names:
            stat = (path / name).stat()
            yield name, stat.st_size, stat.st_mtime_ns
    else:
        with _opened(path) as archive:
            for name in names:
                info = archive.getinfo(name)
                yield name, info.file_size, info.CRC


def _decode_all(
    path: Path, names: list[str], classes: tuple[str, ...], resolution: int
) -> tuple[Tensor, Tensor]:
    from PIL import Image
    from tqdm.auto import tqdm

    number = {name: k for k, name in enumerate(classes)}
    images = np.empty((len(names), 3, resolution, resolution), np.uint8)
    labels = np.empty(len(names), np.int64)
    archive = None if path.is_dir() else _opened(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            for k, name in enumerate(tqdm(names, "decoding images", leave=False, unit="image")):
                images[k] = _decode(path, archive, name, resolution)
                labels[k] = number[name.split("/")[-2]]
    finally:
        if archive is not None:
            archive.close()
    if (images[:, :1] == images[:, 1:]).all():  # a grey dataset has one channel
        images = images[:, :1].copy()
    return torch.from_numpy(images), torch.from_numpy(labels)


def _decode(path: Path, archive: zipfile.ZipFile | None, name: str, resolution: int) -> np.ndarray:
    """(3, resolution, resolution) uint8 of one file. Raises DataError, naming it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with (path / name).open("rb") if archive is None else archive.open(name) as file:
            raw = file.read(MOST_IMAGE_BYTES + 1)
        if len(raw) > MOST_IMAGE_BYTES:
            raise OSError(f"it has more than {MOST_IMAGE_BYTES // 2**20} MB")
        with Image.open(io.BytesIO(raw), formats=IMAGE_FORMATS) as opened:
            image = opened.convert("RGB")
    except Exception as error:  # strangers' files make zip and image decoders raise nearly anything
        unknown = isinstance(error, UnidentifiedImageError)
        why = "its content is no image" if unknown else error
        raise DataError(
            f"the image {_shown(name)} in {path} cannot be read ({why}); mend or remove that file"
        ) from None
    if image.size != (resolution, resolution):
        image = image.resize((resolution, resolution), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


# ---------------------------------------------------------------- splits


def _split(labels: Tensor, official_valid: int, name: str, seed: int) -> tuple[Tensor, Tensor]:
    everything = torch.arange(len(labels))
    if official_valid:
        return everything[:-official_valid], everything[-official_valid:]
    order = _by_class(labels, draws.generator(seed, "split", 1))
    valid = DIGITS_SPLIT[1] if name == "digits" else round(FOLDER_VALID_SHARE * len(labels))
    if not 0 < valid < len(labels):
        raise DataError(
            f"{len(labels)} images are too few to set a tenth aside for validation; at least 10"
        )
    # Minibatches of validation images are taken in order, and batch norm looks at a minibatch as a
    # whole, so one must not hold a single class only, as files sorted by class would have it.
    shuffled = draws.generator(seed, "split", 2).permutation(valid)
    return order[valid:].sort().values, order[:valid][torch.from_numpy(shuffled)]


def _by_class(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """All indices, so ordered that every beginning holds the classes in their proportions."""
    values = labels.numpy()
    position = np.empty(len(values))
    for label in np.unique(values):
        members = rng.permutation(np.flatnonzero(values == label))
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return torch.from_numpy(np.argsort(position, kind="stable"))


def _subset(index: Tensor, labels: Tensor, count: int, field: str, seed: int) -> Tensor:
    if not count:
        return index
    if count > len(index):
        raise DataError(f"{field} asks for {count} images; there are {len(index)}")
    order = _by_class(labels[index], draws.generator(seed, "subset"))
    chosen = order[:count].sort().values  # in the order in which they came
    return index[chosen]


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """(mean, std), each (C,), of uint8 images scaled to [0, 1]; exact sums of whole numbers."""
    counts = torch.stack(
        [torch.bincount(images[:, c].flatten(), minlength=256) for c in range(images.shape[1])]
    ).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    share = counts / counts.sum(1, keepdim=True)
    mean = (share * values).sum(1)
    std = ((share * values**2).sum(1) - mean**2).clamp(min=1e-12).sqrt()
    return mean.float(), std.float()


def _resize(images: Tensor, resolution: int) -> Tensor:
    if images.shape[-1] == resolution == images.shape[-2]:
        return images
    from torchvision.transforms.v2.functional import resize

    return torch.cat(
        [resize(part, [resolution, resolution], antialias=True) for part in images.split(4096)]
    )


# ---------------------------------------------------------------- the cache of decoded images


def cache_folder() -> Path:
    """Where decoded and downloaded images are kept; the variable ENAS_VIZ_CACHE moves it."""
    named = os.environ.get("ENAS_VIZ_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("enas_viz"))


def _read_cache(path: Path) -> dict[str, Tensor] | None:
    """The cached tensors, or None when there are none or they are not what was written."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in ("images", "labels")}
            wanted = (file.metadata() or {}).get("checksum")
    except (SafetensorError, OSError):
        return None
    return tensors if wanted == _checksum(tensors) else None


def _write_cache(path: Path, tensors: dict[str, Tensor]) -> None:
    """Keeps decoded images for the next time; where that cannot be, they are decoded again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(path) as file:
            file.write(save(tensors, {"checksum": _checksum(tensors)}))
    except OSError as error:
        warnings.warn(f"the decoded images are not kept for the next time: {error}", stacklevel=2)


def _checksum(tensors: dict[str, Tensor]) -> str:
    summed = hashlib.sha256()
    for name in sorted(tensors):
        summed.update(tensors[name].contiguous().numpy().tobytes())
    return summed.hexdigest()
