"""Checkpoints, run folders and data sets that strangers made: refused in a sentence, never run.

Everything is made here, while the tests run. Traces and texts are in `../test_hostile.py`.
"""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save

from enas_viz import cli, search
from enas_viz.recipes import DataConfig, recipe
from enas_viz.records.trace import load_trace
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.folder import FolderError
from enas_viz.search.runs.run import restore
from enas_viz.search.training import data
from enas_viz.search.training.data import DataError, load_data

TINY = recipe(
    "macro-tiny",
    network__layers=2,
    network__filters=2,
    controller__hidden=8,
    train__epochs=1,
    train__batch_size=200,
    controller__updates=1,
    controller__samples=2,
)


class Marking:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENAS_VIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(run.json, trace so far, bytes of the only checkpoint) of a run that was stopped."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    items = search.run(TINY, folder=folder)
    for _ in range(4):
        next(items)
    items.close()
    (file,) = checkpoint.found(folder)
    return folder / "run.json", folder / "trace.jsonl", file.read_bytes()


@pytest.fixture
def folder(tmp_path, run):
    """A run's folder without a checkpoint."""
    made = tmp_path / "run"
    made.mkdir()
    for path in run[:2]:
        (made / path.name).write_bytes(path.read_bytes())
    return made


def refused(folder: Path, capsys) -> str:
    """How resuming, looking and the commands refuse a folder: alike, in a sentence."""
    with pytest.raises(FolderError) as caught:
        list(search.resume(folder, device="cpu"))
    told = str(caught.value)
    assert len(told) < 2000
    with pytest.raises(FolderError):
        restore(folder)
    for command in ("resume", "derive"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, str(folder)])
        assert ended.value.code == 2
        assert "enas-viz: error: " in capsys.readouterr().err
    return told


# ---- checkpoints


def with_header(header: dict, payload: bytes = b"") -> bytes:
    packed = json.dumps(header).encode()
    return struct.pack("<Q", len(packed)) + packed + payload


def f32(*offsets: int) -> dict:
    return {"dtype": "F32", "shape": [1], "data_offsets": list(offsets)}


DEEP = "[" * 50_000 + "]" * 50_000
FILES = {
    "empty": b"",
    "a header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "a header of 2^64 - 1 bytes": b"\xff" * 8 + b"{}",
    "a header that is longer than its file": struct.pack("<Q", 5000) + b"{}",
    "a header nested deep": struct.pack("<Q", 10**5) + DEEP.encode(),
    "a header that is no text": struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    "overlapping tensors": with_header({"a": f32(0, 4), "b": f32(2, 6)}, b"\0" * 6),
    "a hole between tensors": with_header({"a": f32(0, 4), "b": f32(8, 12)}, b"\0" * 12),
    "offsets beyond the file": with_header({"a": f32(0, 2**40)}, b"\0" * 4),
    "offsets that go back": with_header({"a": f32(4, 0)}, b"\0" * 4),
    "a shape of thousands of millions": with_header(
        {"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}, b"\0" * 4
    ),
    "a negative shape": with_header(
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4
    ),
    "a dtype that is none": with_header({"a": {**f32(0, 4), "dtype": "PYOBJ"}}, b"\0" * 4),
    "no facts": with_header({"a": f32(0, 4)}, b"\0" * 4),
    "a zip file": b"PK\x03\x04" + b"\0" * 100,
    "zeros": b"\0" * 4096,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_checkpoint_is_refused_by_its_name(folder, capsys, name):
    (folder / "checkpoint-000400000.safetensors").write_bytes(FILES[name])

    assert "checkpoint-000400000.safetensors" in refused(folder, capsys)


@pytest.mark.parametrize("made", ["pickle", "torch.save"])
def test_a_pickle_under_a_checkpoints_name_is_never_loaded(tmp_path, folder, capsys, made):
    marker, path = tmp_path / "marker", folder / "checkpoint-000400000.safetensors"
    if made == "pickle":
        path.write_bytes(pickle.dumps(Marking(marker)))
    else:
        torch.save(Marking(marker), path)

    assert path.name in refused(folder, capsys)
    assert not marker.exists()
    content = path.read_bytes()
    if made == "pickle":
        pickle.loads(content)
    else:
        torch.load(io.BytesIO(content), weights_only=False)
    assert marker.exists()  # a marker it was


@pytest.mark.parametrize("made", ["run.json", "trace.jsonl"])
def test_a_pickle_under_another_name_of_a_run_is_never_loaded(tmp_path, folder, capsys, made):
    marker = tmp_path / "marker"
    (folder / made).write_bytes(pickle.dumps(Marking(marker)))

    if made == "run.json":
        assert "run.json is damaged" in refused(folder, capsys)
    else:
        with pytest.raises(ValueError, match="not JSON"):
            load_trace(folder)
        assert list(search.resume(folder))  # its trace is made anew, since no checkpoint tells more
    assert not marker.exists()


def test_what_is_no_file_is_no_checkpoint(folder, capsys):
    path = folder / "checkpoint-000400000.safetensors"
    path.mkdir()
    assert "it is no regular file" in refused(folder, capsys)
    path.rmdir()
    path.symlink_to(path)
    assert path.name in refused(folder, capsys)
    path.unlink()
    os.mkfifo(path)
    assert "it is no regular file" in refused(folder, capsys)  # it would wait for ever


def forged(run_bytes: bytes, tensors=None, **facts) -> bytes:
    """The checkpoint with other tensors or facts, and a checksum that fits them."""
    size = int.from_bytes(run_bytes[:8], "little")
    kept = json.loads(json.loads(run_bytes[8 : 8 + size])["__metadata__"]["enas_viz"])
    found = load(run_bytes)
    found = {k: v for k, v in (found | (tensors or {})).items() if v is not None}
    told = json.dumps(kept | facts)
    return save(found, {"enas_viz": told, "sha256": checkpoint.checksum(found, told)})


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ({"net.classifier.weight": torch.zeros(10, 3)}, "net.classifier.weight is torch.float32"),
        ({"net.classifier.weight": torch.zeros(10, 2, dtype=torch.int64)}, "torch.int64"),
        ({"losses": torch.zeros(10**6)}, "losses is torch.float32"),
        ({"net.classifier.weight": None}, "does not fit its recipe"),
        ({"losses": None}, "does not fit its recipe"),
        ({"net.of.a.stranger": torch.zeros(1)}, "does not fit its recipe"),
        ({"momentum.x.of.a.stranger": torch.zeros(1)}, "does not fit its recipe"),
        ({"momentum": torch.zeros(1), "momentum.": torch.zeros(1)}, "does not fit its recipe"),
        (
            {"adam.exp_avg.of.a.stranger": torch.zeros(1)},
            "does not fit its recipe",
        ),
    ],
)
def test_tensors_that_do_not_fit_the_recipe_are_refused_by_the_files_name(
    folder, run, capsys, tensors, told
):
    (folder / "checkpoint-000400000.safetensors").write_bytes(forged(run[2], tensors))

    found = refused(folder, capsys)
    assert told in found
    assert "checkpoint-000400000.safetensors" in found


POSITION = {"records": 1, "epoch": 0, "phase": "weights", "step": 3}


@pytest.mark.parametrize(
    "position",
    [
        *(None, 5, [], {}, {"records": None}, {"records": -1}, {"records": "1"}),
        *(POSITION | {"records": True}, POSITION | {"epoch": -1}, POSITION | {"epoch": 1.5}),
        *(POSITION | {"step": "x"}, POSITION | {"phase": 3}, POSITION | {"right": 5}),
        *(POSITION | {"right": ["x"]}, POSITION | {"baseline": "x"}, POSITION | {"__class__": 1}),
    ],
)
def test_a_position_that_cannot_be_is_refused(folder, run, capsys, position):
    made = forged(run[2], position=position)
    (folder / "checkpoint-000400000.safetensors").write_bytes(made)

    assert "checkpoint-000400000.safetensors" in refused(folder, capsys)


@pytest.mark.parametrize("facts", [{"recipe": None}, {"recipe": [1]}, {"seed": "0"}, {"data": {}}])
def test_facts_of_another_run_are_refused(folder, run, capsys, facts):
    (folder / "checkpoint-000400000.safetensors").write_bytes(forged(run[2], **facts))

    assert "checkpoint-000400000.safetensors" in refused(folder, capsys)


# ---- run.json

HUGE = 10**9


@pytest.mark.parametrize(
    "value",
    [
        *(None, 5, "run", [], {}, [[]]),
        *({"recipe": None}, {"recipe": []}, {"recipe": "macro-tiny"}, {"recipe": {}}),
        *({"seed": None}, {"seed": "0"}, {"seed": True}, {"seed": 0.5}, {"seed": []}),
        *({"device": None}, {"device": 0}, {"device": ["cpu"]}, {"data": 5}, {"data": ["x"]}),
        *({"architecture": None}, {"architecture": []}, {"architecture": {"space": 1}}),
        {"architecture": {"space": {"kind": "macro", "layers": HUGE}, "content": []}},
        {"recipe": {"name": "x", "about": "x", "exec": "rm"}},
        {"recipe": {"name": [], "about": {}}},
        {"recipe": {"name": "x", "about": "x", "network": None}},
        {"recipe": {"name": "x", "about": "x", "network": {"layers": [1]}}},
        {"recipe": {"name": "x", "about": "x", "network": {"layers": "9" * 10**6}}},
        {"recipe": {"name": "x", "about": "x", "train": {"lr_max": 1e999}}},
        *(
            {"recipe": {"name": "x", "about": "x", part: {name: HUGE * HUGE}}}
            for part, name in (
                *(("data", "resolution"), ("data", "crop_padding"), ("network", "layers")),
                *(("network", "filters"), ("controller", "hidden"), ("controller", "samples")),
                *(("train", "batch_size"), ("train", "accumulate"), ("compute", "threads")),
                *(("compute", "processes"), ("train", "epochs")),
            )
        ),
        {"recipe": {"name": "x", "about": "x", "network": {"layers": 1000, "filters": 8192}}},
        {
            "recipe": {
                **{"name": "x", "about": "x"},
                "network": {"space": "micro", "nodes": 1000, "layers": 1000, "filters": 64},
            }
        },
    ],
)
def test_a_run_json_that_cannot_be_is_refused(folder, run, capsys, value):
    facts = json.loads(run[0].read_text())
    made = facts | value if isinstance(value, dict) and value else value
    (folder / "run.json").write_text(json.dumps(made))

    assert "run.json" in refused(folder, capsys)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"\xff\xfe\xfd", b"\0" * 100, b'{"seed": NaN}', b"[" * 100_000),
        *(b'{"a":' * 100_000, b'{"seed": ' + b"9" * 100_000 + b"}"),
    ],
)
def test_a_run_json_that_is_no_json_is_refused(folder, capsys, content):
    (folder / "run.json").write_bytes(content)

    assert "run.json is damaged" in refused(folder, capsys)


def test_a_run_json_that_is_no_file_is_refused(folder, capsys):
    (folder / "run.json").unlink()
    (folder / "run.json").mkdir()
    assert "run.json" in refused(folder, capsys)
    (folder / "run.json").rmdir()
    (folder / "run.json").symlink_to(folder / "run.json")
    assert "run.json" in refused(folder, capsys)


@pytest.mark.parametrize(
    "where",
    [
        "/etc/passwd",
        "/dev/zero",
        "/dev/null",
        "/proc/self/mem",
        "/nowhere",
        "x" * 5000,
        "\0",
        "~x/",
    ],
)
def test_data_in_odd_places_are_refused(folder, run, where):
    facts = json.loads(run[0].read_text()) | {"data": where}
    (folder / "run.json").write_text(json.dumps(facts))

    with pytest.raises(DataError):
        list(search.resume(folder))


@pytest.mark.parametrize("device", ["", "cpu:x", "meta", "\0", "cuda:99999999999999", "x" * 10**5])
def test_a_device_that_cannot_be_is_refused(folder, run, device):
    facts = json.loads(run[0].read_text()) | {"device": device}
    (folder / "run.json").write_text(json.dumps(facts))

    with pytest.raises(ValueError, match="is not available on this machine") as caught:
        list(search.resume(folder))
    assert len(str(caught.value)) < 1000


# ---- data sets

CONFIG = DataConfig(resolution=8, flip=False)


def png(size=(4, 4), kind="PNG") -> bytes:
    packed = io.BytesIO()
    Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).save(packed, kind)
    return packed.getvalue()


def lying(width: int, height: int) -> bytes:
    """A PNG that says it is of that size and holds a few pixels."""
    made = bytearray(png())
    made[16:24] = struct.pack(">II", width, height)
    made[29:33] = struct.pack(">I", zlib.crc32(bytes(made[12:29])))
    return bytes(made)


def zipped(path: Path, *more: tuple[str | zipfile.ZipInfo, bytes], images: int = 10) -> Path:
    """A data set of two classes, and `more` members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(images):
            archive.writestr(f"{'cat' if k % 2 else 'dog'}/{k}.png", png())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a name that is there twice is meant
            for name, content in more:
                archive.writestr(name, content)
    return path


def link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("cat/link.png")
    made.create_system, made.external_attr = 3, 0o120777 << 16
    return made


MEMBERS = {
    "a way up": [("../../etc/cron.d/x.png", png())],
    "a way up inside": [("cat/../../x.png", png())],
    "an absolute name": [("/etc/x.png", png())],
    "a backslash": [("..\\..\\x.png", png())],
    "a drive": [("C:/cat/x.png", png())],
    "a drive and backslashes": [("C:\\cat\\x.png", png())],
    "one name twice": [("cat/1.png", png())],
    "a link": [(link(), b"/etc/passwd")],
    "no image": [("cat/x.png", b"MZ" + b"\0" * 500)],
    "an empty image": [("cat/x.png", b"")],
    "a text": [("cat/x.png", b"<svg onload=alert(1)>")],
    "a program of PostScript": [
        ("cat/x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    ],
    "a truncated image": [("cat/x.png", png((64, 64))[:-20])],
    "an image of ten thousand million pixels": [("cat/x.png", lying(100_000, 100_000))],
    "an image above the warning of a bomb": [("cat/x.png", lying(10_000, 10_000))],
    "an image of no pixels": [("cat/x.png", lying(0, 0))],
    "a member of 100 megabytes of zeros": [("cat/x.png", b"\0" * (100 * 2**20))],
    "a pickle": [("cat/x.png", pickle.dumps(Marking(Path("marker"))))],
    "a command to the terminal": [("cat/\x1b[2J.png", b"x")],
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_hostile_member_of_a_zip_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = zipped(tmp_path / "set.zip", *MEMBERS[name])

    with pytest.raises(DataError) as caught:
        load_data(CONFIG, source=path)

    told = str(caught.value)
    assert "set.zip" in told
    assert told.isprintable()
    assert len(told) < 1000
    assert {p.name for p in tmp_path.iterdir()} <= {"set.zip", "cache"}  # nothing was unpacked


def damaged(path: Path, name: str) -> Path:
    raw = bytearray(zipped(path).read_bytes())
    central = raw.index(b"PK\x01\x02")
    if name == "truncated":
        del raw[len(raw) // 2 :]
    elif name == "encrypted":  # the flag of every member
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = -1
            while (start := raw.find(mark, start + 1)) >= 0:
                raw[start + at] |= 1
    elif name == "an unknown compression":
        raw[central + 10 : central + 12] = struct.pack("<H", 77)
    elif name == "a list of members that is cut":
        del raw[central + 20 : central + 40]
    elif name == "a wrong checksum":
        raw[central + 16] ^= 0xFF
    elif name == "a member that begins elsewhere":
        raw[central + 42 : central + 46] = struct.pack("<I", 2**31)
    elif name == "a size that lies":
        raw[central + 24 : central + 28] = struct.pack("<I", 2**31)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("truncated", "encrypted", "an unknown compression", "a list of members that is cut"),
        *("a wrong checksum", "a member that begins elsewhere", "a size that lies"),
    ],
)
def test_a_damaged_or_encrypted_zip_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"set\.zip"):
        load_data(CONFIG, source=damaged(tmp_path / "set.zip", name))


@pytest.mark.slow
def test_a_zip_of_a_hundred_thousand_empty_members_is_refused_soon(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(100_000):
            archive.writestr(f"{'cat' if k % 2 else 'dog'}/{k}.png", b"")

    with pytest.raises(DataError, match="its content is no image"):
        load_data(CONFIG, source=path)


def test_an_honest_zip_is_read_beside_its_folders_and_notes(tmp_path):
    path = zipped(tmp_path / "set.zip", ("cat/", b""), ("README.txt", b"hello"), images=20)

    assert load_data(CONFIG, source=path).classes == ("cat", "dog")


def test_links_pipes_and_depth_in_a_folder_do_no_harm(tmp_path):
    folder = tmp_path / "set"
    for k in range(20):
        file = folder / ("cat" if k % 2 else "dog") / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png())
    (folder / "cat" / "loop.png").symlink_to(folder / "cat" / "loop.png")
    (folder / "cat" / "up").symlink_to(folder)
    os.mkfifo(folder / "cat" / "pipe.png")
    deep = folder / Path(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "x.png").write_bytes(b"no image")

    found = load_data(CONFIG, source=folder)

    assert len(found.train) + len(found.valid) == 20


@pytest.mark.parametrize("name", ["<script>alert(1)<", "<img src=x onerror=alert(1)>", "a\x1b[2J"])
def test_a_class_named_like_a_script_is_shown_as_text(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for k in range(40):
            part = "train" if k < 20 else "test"
            archive.writestr(f"{part}/{name if k % 2 else 'dog'}/{k}.png", png())
    made = recipe(
        "macro-tiny",
        **{"network__layers": 2, "network__filters": 2, "train__epochs": 1, "keep_steps": 1},
        **{"controller__updates": 1, "controller__samples": 2, "controller__reward_images": 2},
        train__batch_size=10,
    )
    list(search.run(made, data=tmp_path / "set.zip", folder=tmp_path / "run"))

    assert load_trace(tmp_path / "run").header.dataset["classes"] == sorted(["dog", name])
    cli.main(["replay", str(tmp_path / "run"), "--out", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text("utf-8")
    assert name not in page
    assert page.count("<script") == 2


def test_a_cache_that_cannot_be_written_is_told_and_the_images_are_read(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.warns(UserWarning, match="the decoded images are not kept for the next time"):
        found = load_data(CONFIG, source=zipped(tmp_path / "set.zip"))

    assert len(found.classes) == 2


def test_a_hostile_cache_is_not_believed(tmp_path):
    path = zipped(tmp_path / "set.zip")
    load_data(CONFIG, source=path)
    (cached,) = (tmp_path / "cache").iterdir()
    marker = tmp_path / "marker"
    for content in (pickle.dumps(Marking(marker)), struct.pack("<Q", 2**63), b""):
        cached.write_bytes(content)
        assert data._read_cache(cached) is None
        assert len(load_data(CONFIG, source=path).classes) == 2
    assert not marker.exists()
