"""Images for a search: decoded once, kept as one uint8 tensor on the device, taken by batch.

Datasets: "digits" (scikit-learn's handwritten digits, offline), "cifar10" (through torchvision's
download), or any folder or zip in ImageFolder layout. A search sees training and validation
images; the test split is read by `load_test_data` alone, which no search calls.

Splits: official CIFAR-10 keeps its last 5 000 training images for validation [C]; a folder or zip
is split by class with a seed, 9 to 1, unless it has validation images of its own; the digits
1 000 / 397 / 400, by class. Which image went where is summed up in a checksum that the trace's
header carries.

Not here: which files there are (`folders.py`), what is in one (`images.py`).
"""

from __future__ import annotations

import functools
import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from reprlib import repr as shortened  # what is refused may be endless
from typing import Literal

import numpy as np
import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from enas_viz.recipes import DATASETS, DataConfig, Dataset
from enas_viz.records.files import written
from enas_viz.search.asked import of_kind, whole
from enas_viz.search.training import draws
from enas_viz.search.training.augment import augment
from enas_viz.search.training.folders import Layout, Part, Source, check_classes, listed, shown
from enas_viz.search.training.images import DataError, Decoder, why_unreadable

FOLDER_VALID_SHARE = 0.1
LEAST_VALID = 2  # validation images: an accuracy on one of them is 0 or 1
LEAST_IMAGES = 10  # that are split
LEAST_STD = 0.5 / 255  # of a channel: half a shade
DARK = 1 / 16  # of the range of 16 bits: images that stay below it keep 16 shades or fewer


@dataclass(frozen=True, eq=False)
class Split:
    """images: (N, C, H, W) uint8; labels: (N,) int64 class numbers; both on one device.

    Images loaded by this module are channels_last in memory, as a minibatch of them is to be.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(
                f"images must be a uint8 tensor (N, C, H, W) with values from 0 to 255; got "
                f"{images.dtype} of shape {tuple(images.shape)}"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"labels must be an int64 tensor with one class number for each of the "
                f"{len(images)} images; got {labels.dtype} of shape {tuple(labels.shape)}"
            )

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
    """What a search learns from. mean, std: (C,) per-channel, of training images in [0, 1].

    checksum: of the images and of which ones are for training and validation; content: of the
    images alone, "" where it is not known. source: the folder or zip that they come from.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    valid: Split
    mean: Tensor
    std: Tensor
    checksum: str
    fit: str = "squash"  # how images that are not square became so, see `DataConfig`
    content: str = ""
    source: str | None = None

    def __post_init__(self) -> None:
        for part in (self.train, self.valid):
            if part.images.shape[1:] != self.train.images.shape[1:]:
                raise ValueError(
                    f"training and validation images must have one shape; got "
                    f"{tuple(self.train.images.shape[1:])} and {tuple(part.images.shape[1:])}"
                )
            labels = part.labels
            if labels.device.type != "cpu" or not len(labels):  # checked before it was moved there
                continue
            if not 0 <= int(labels.min()) <= int(labels.max()) < len(self.classes):
                raise ValueError(
                    f"labels must be numbers of the {len(self.classes)} classes, from 0; got "
                    f"{int(labels.min())} to {int(labels.max())}"
                )

    @property
    def channels(self) -> int:
        return self.train.images.shape[1]

    def to(self, device: torch.device) -> Data:
        places = ("train", "valid", "mean", "std")
        return replace(self, **{name: getattr(self, name).to(device) for name in places})

    def header(self) -> dict[str, object]:
        """What a trace says about its data."""
        return {
            "name": self.name,
            "checksum": self.checksum,
            "classes": list(self.classes),
            "train": len(self.train),
            "valid": len(self.valid),
            "shape": list(self.train.images.shape[1:]),
            "fit": self.fit,
        }

    def facts(self) -> dict[str, object]:
        """The header and what tells these images from others: for `run.json` and rankings."""
        return {**self.header(), "content": self.content, "source": self.source}

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
    of_kind(config, DataConfig, "a DataConfig, such as enas_viz.recipe('macro-tiny').data")
    whole(seed, "a seed", 0, 2**64 - 1)
    of_kind(source, str | os.PathLike | None, "a folder or zip of images")
    found = _load_part(config, source, "train")
    labels = found.labels
    train_index, valid_index = torch.arange(len(labels)), torch.arange(0)
    if config.holdout:
        train_index, valid_index = _split(found, seed)
    train_index = _subset(train_index, labels, config.train_images, "data.train_images", seed)
    valid_index = _subset(valid_index, labels, config.valid_images, "data.valid_images", seed)
    if config.holdout and len(valid_index) < LEAST_VALID:
        raise DataError(
            f"data.valid_images is {config.valid_images}, and an accuracy on one image is 0 or 1; "
            f"expected at least {LEAST_VALID}, or 0 for all of them"
        )
    _tell_missing_classes(found, train_index, "training", config.train_images)
    if config.holdout:
        _tell_missing_classes(found, valid_index, "validation", config.valid_images)
    everything = Split(found.images, labels)
    train, valid = (Split(*everything.take(index)) for index in (train_index, valid_index))
    mean, std = _moments(train.images)
    summed = hashlib.sha256()
    for part in (found.images.numpy(), labels.numpy()):
        summed.update(np.ascontiguousarray(part).tobytes())
    content = summed.hexdigest()[:16]
    for part in (train_index.numpy(), valid_index.numpy()):
        summed.update(np.ascontiguousarray(part).tobytes())
    return Data(
        found.name,
        found.classes,
        train,
        valid,
        mean,
        std,
        checksum=summed.hexdigest()[:16],
        fit=config.fit,
        content=content,
        source=source_of(config, source),
    )


def source_of(config: DataConfig, source: str | Path | None = None) -> str | None:
    """The folder or zip that images come from, as a whole path; None for a dataset by its name."""
    if source is None and config.name in DATASETS:
        return None
    path = Path(config.name if source is None else source)
    with suppress(RuntimeError):  # of a user who is not there: told when the images are loaded
        path = path.expanduser()
    return str(path.absolute())


def load_test_data(
    config: DataConfig,
    source: str | Path | None = None,
    classes: tuple[str, ...] | None = None,
    channels: int | None = None,
) -> Split:
    """The held-out test images. For a final figure, once; never during a search.

    classes, channels: those of the training images. Grey test images get as many channels as the
    training images have. DataError when the test images have other classes, or are coloured and
    the training images are grey.
    """
    found = _load_part(config, source, "test")
    if classes is not None:
        check_classes(found.classes, classes)
    images = found.images
    if channels == 1 and images.shape[1] == 3:
        coloured = (images != images[:, :1]).flatten(1).any(1)
        raise DataError(
            f"the training images are all grey, and {int(coloured.sum())} of the {len(images)} "
            f"test images are coloured{_first_of(config, source, coloured)}; a network has one "
            f"channel or three, so make all of them grey, or all of them coloured"
        )
    if channels == 3 and images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1).contiguous()
    return Split(images, found.labels)


def check_test_data(config: DataConfig, source: str | Path | None = None) -> None:
    """Raises DataError when there will be no test images, or of other classes than the training's.

    Asked before a training, so that it does not fail at its very end; no image is read.
    """
    layout = _layout(config, source)
    if layout is not None:
        check_classes(layout.part("test").classes, layout.part("train").classes)


def warn_without_test_data(config: DataConfig, source: str | Path | None = None) -> None:
    """Warns where `check_test_data` would raise: for a search, which can do without them."""
    try:
        check_test_data(config, source)
    except DataError as error:
        warnings.warn(
            f"{error}. This search does not need them, but a final training of what it finds does",
            stacklevel=2,
        )


def check_test_images(config: DataConfig, source: str | Path | None, train: Data) -> None:
    """Raises DataError when a test image cannot be read, or does not fit the training images.

    Asked before a final training. The images are decoded and forgotten: no network sees them, and
    nothing is chosen by them.
    """
    if _layout(config, source) is not None:  # datasets that are downloaded come with checksums
        load_test_data(config, source, train.classes, train.channels)


def _layout(config: DataConfig, source: str | Path | None) -> Layout | None:
    """Where a folder or zip has its images; None for the datasets with a name."""
    if source is None and config.name in DATASETS:
        return None
    path = _existing(config.name if source is None else str(source))
    return None if path is None else Layout(Source(path))


def _first_of(config: DataConfig, source: str | Path | None, which: Tensor) -> str:
    """The name of the first test image that `which`, (N,) bool, marks, for an error."""
    layout = _layout(config, source)
    if layout is None:
        return ""
    return f", for example {shown(layout.part('test').names[int(which.nonzero()[0])])}"


@dataclass(frozen=True, eq=False)
class _Loaded:
    """All images of a part, before it is split.

    valid: how many of them are for validation. chosen: which ones, "drawn" by class, or the last
    ones as they come ("last"), or the last ones, which are sorted by class ("sorted").
    """

    name: str
    classes: tuple[str, ...]
    images: Tensor
    labels: Tensor
    valid: int = 0
    chosen: Literal["drawn", "last", "sorted"] = "drawn"


def _load_part(config: DataConfig, source: str | Path | None, part: str) -> _Loaded:
    wanted = str(source) if source is not None else config.name
    if source is None and wanted in LOADERS:
        return LOADERS[wanted](config.resolution, part)
    path = _existing(wanted)
    if path is None:
        moved = "" if source is None else "; if the images were moved, say where by --data"
        raise DataError(
            f"no dataset {wanted[:300]!r}: expected {', '.join(map(repr, DATASETS))}, or a folder "
            f"or zip with one folder of images per class, but there is no such file or folder"
            f"{moved}"
        )
    return _image_folder(path, config, part)


def _existing(name: str) -> Path | None:
    """The file or folder of that name, where there is one; no name is not the folder "."."""
    if not name:
        return None
    try:
        path = Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # a name that is too long, or of a user who is not there
        return None


def _handwritten() -> np.ndarray:
    """scikit-learn's digits, (1797, 65): of each image 64 shades from 0 to 16, then its label.

    Its file is read where it lies, since importing scikit-learn takes half as long as torch.
    """
    home = find_spec("sklearn")
    file = Path(home.origin).parent / "datasets" / "data" / "digits.csv.gz" if home else None
    if file and file.exists():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    found = load_digits()
    return np.column_stack([found.data, found.target])


def _digits(resolution: int, part: str) -> _Loaded:
    table = _handwritten()
    shades = table[:, :-1].reshape(-1, 1, 8, 8)
    pixels = torch.from_numpy((shades * (255 / 16)).round().astype(np.uint8))
    labels = torch.from_numpy(table[:, -1].astype(np.int64))
    # The test images are fixed, whatever the seed of the search: a stratified share of each class.
    order = _by_class(labels, draws.generator(0, "split"))
    counts = DATASETS["digits"]
    test, rest = order[: counts.test], order[counts.test :].sort().values
    index = test.sort().values if part == "test" else rest
    classes = tuple(map(str, range(10)))
    images = _resize(pixels[index], resolution)
    return _Loaded("digits", classes, images, labels[index], counts.valid)


def _cifar10(resolution: int, part: str) -> _Loaded:
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
    images = _resize(images, resolution)
    return _Loaded(
        "cifar10", tuple(found.classes), images, labels, DATASETS["cifar10"].valid, "last"
    )


LOADERS: dict[str, Callable[[int, str], _Loaded]] = {"digits": _digits, "cifar10": _cifar10}


def dataset(
    name: str,
    load: Callable[[str], tuple[Tensor, Tensor]],
    *,
    classes: Sequence[str],
    train: int,
    valid: int,
    test: int,
    channels: int = 3,
) -> None:
    """A dataset of your own, known by its name to recipes (`data.name`) from then on.

    load: is called with "train" or "test" and gives (images, labels): (N, C, H, W) uint8 and (N,)
    int64, numbers of `classes`. Of the part "train" has train + valid images, of which `valid` are
    drawn by class for validation. channels: 1 or 3. Images are resized to the recipe's resolution.
    Raises TypeError for no callable, ValueError for a name or numbers that cannot be.
    """
    if not callable(load):
        raise TypeError(
            f"load gives the images of a part, 'train' or 'test'; got {shortened(load)}"
        )
    if not isinstance(name, str) or not name.isidentifier() or name in ("digits", "cifar10"):
        raise ValueError(
            f"a dataset's name is a word such as 'rings', and not that of one of ours; got "
            f"{shortened(name)}"
        )
    names = tuple(map(str, classes))
    if len(names) < 2 or channels not in (1, 3) or min(train, valid, test) < 1:
        raise ValueError(
            f"a dataset has at least 2 classes, 1 or 3 channels, and images in each part; got "
            f"{len(names)} classes, {channels} channels, and {train}, {valid}, {test} images"
        )

    def loaded(resolution: int, part: str) -> _Loaded:
        images, labels = load(part)
        wanted = train + valid if part == "train" else test
        shape, kind = tuple(images.shape), images.dtype
        if kind != torch.uint8 or len(shape) != 4 or shape[:2] != (wanted, channels):
            raise DataError(
                f"the dataset {name!r} gives {kind} of shape {shape} for {part!r}; expected uint8 "
                f"of ({wanted}, {channels}, height, width)"
            )
        if labels.shape != (wanted,) or not bool(((labels >= 0) & (labels < len(names))).all()):
            raise DataError(
                f"the dataset {name!r} gives labels of shape {tuple(labels.shape)} for {part!r}; "
                f"expected {wanted} numbers from 0 to {len(names) - 1}"
            )
        made = _resize(images.contiguous(), resolution)
        return _Loaded(name, names, made, labels.long(), valid if part == "train" else 0)

    LOADERS[name] = loaded
    DATASETS[name] = Dataset(
        train=train, valid=valid, test=test, channels=channels, classes=len(names)
    )


def _image_folder(path: Path, config: DataConfig, part: str) -> _Loaded:
    """A folder or zip, laid out as `folders.py` says."""
    source = Source(path)
    layout = Layout(source)
    found = layout.part(part)
    unused = layout.unused()
    if unused and part == "train":
        warnings.warn(
            f"{len(unused)} images of {path} are in no class folder and are not used, for example "
            f"{shown(unused[0])}",
            stacklevel=2,
        )
    misnamed = layout.misnamed()
    if misnamed:
        warnings.warn(
            f"{len(misnamed)} files of {path} hold images and are not used, since their names do "
            f"not end in .png, .jpg or the like, for example {shown(misnamed[0])}",
            stacklevel=2,
        )
    cached = cache_folder() / f"images-{_key(source, found, part, config)}.safetensors"
    tensors = _read_cache(cached)
    if tensors is None:
        images = _decode_all(source, found, Decoder(config.resolution, config.fit))
        tensors = {"images": images, "labels": torch.tensor(found.labels)}
        _write_cache(cached, tensors)
    images, labels = tensors["images"], tensors["labels"]
    name = Path(os.path.abspath(path)).stem or "data"  # "." and ".." have one, too
    if found.valid:
        return _Loaded(name, found.classes, images, labels, found.valid, "sorted")
    valid = max(LEAST_VALID, round(FOLDER_VALID_SHARE * len(labels)))
    return _Loaded(name, found.classes, images, labels, valid)


def _decode_all(source: Source, part: Part, decoder: Decoder) -> Tensor:
    """(N, C, H, W) uint8 of all images of a part; one channel when all of them are grey."""
    from tqdm.auto import tqdm

    images = np.empty((len(part.names), 3, decoder.side, decoder.side), np.uint8)
    with source.opened() as content:
        names = tqdm(part.names, "decoding images", leave=False, unit="image", disable=None)
        for k, name in enumerate(names):
            try:
                images[k] = decoder.decode(content(name))
            except Exception as error:  # strangers' files make decoders raise nearly anything
                raise DataError(
                    f"the image {shown(name)} in {source.path} cannot be read "
                    f"({why_unreadable(error)}); mend or remove that file"
                ) from None
    if 0 < decoder.brightest < DARK:
        warnings.warn(
            f"the images of {source.path} have 16 bits a pixel and use only the lowest "
            f"{100 * decoder.brightest:.2g} % of that range, so few shades are left with 8 bits; "
            f"scale their values up to 65535 first",
            stacklevel=2,
        )
    if (images[:, :1] == images[:, 1:]).all():
        images = images[:, :1].copy()
    return torch.from_numpy(images)


# ---------------------------------------------------------------- splits


def _split(found: _Loaded, seed: int) -> tuple[Tensor, Tensor]:
    """(training, validation): which images are for what."""
    count, valid = len(found.labels), found.valid
    if found.chosen == "drawn" and count < LEAST_IMAGES:
        raise DataError(
            f"{count} images are too few to set a tenth aside for validation; at least "
            f"{LEAST_IMAGES}, or validation images of their own in val/<class>"
        )
    order = torch.arange(count).roll(valid)  # those for validation first
    if found.chosen == "last":
        return order[valid:], order[:valid]
    if found.chosen == "drawn":
        order = _by_class(found.labels, draws.generator(seed, "split", 1))
    # Minibatches of validation images are taken in order, and batch norm looks at a minibatch as a
    # whole, so one must not hold a single class only, as files sorted by class would have it.
    shuffled = draws.generator(seed, "split", 2).permutation(valid)
    return order[valid:].sort().values, order[:valid][torch.from_numpy(shuffled)]


def _tell_missing_classes(found: _Loaded, index: Tensor, part: str, asked: int) -> None:
    """Warns of classes of which a part has no image. asked: how many it was to have, 0 for all."""
    counts = torch.bincount(found.labels[index], minlength=len(found.classes)).tolist()
    missing = [name for name, count in zip(found.classes, counts, strict=True) if not count]
    if missing:
        field = {"training": "train_images", "validation": "valid_images"}[part]
        cause = f"data.{field} = {asked}" if asked else f"the split of {len(found.labels)} images"
        warnings.warn(
            f"{cause} leaves no {part} images of {listed(missing)} in {found.name}", stacklevel=3
        )


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
    # A channel that is the same everywhere must not be divided by nearly 0: images of a later part
    # may differ in it.
    std = ((share * values**2).sum(1) - mean**2).clamp(min=0).sqrt().clamp(min=LEAST_STD)
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


def _key(source: Source, part: Part, name: str, config: DataConfig) -> str:
    """Names the decoded images of a part: by its place, the content of its files, and the size."""
    where = source.path.resolve()
    key = hashlib.sha256(f"{where}:{name}:{config.resolution}:{config.fit}:4".encode())
    for image in part.names:
        try:
            key.update(f"{image}:{source.stamp(image)};".encode())
        except OSError as error:
            raise DataError(
                f"the image {shown(image)} in {source.path} cannot be read ({error}); mend or "
                f"remove that file"
            ) from None
    return key.hexdigest()[:20]


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
