"""Checkpoint files: whole, checked on reading, the older one kept for when the newer is damaged."""

import json
import random
import struct
import warnings

import pytest
import torch
from safetensors.torch import save

from enas_viz import search
from enas_viz.recipes import recipe
from enas_viz.records.trace import Episode, Header, load_trace
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.checkpoint import CheckpointError
from enas_viz.search.runs.folder import FolderError
from enas_viz.search.runs.run import restore

TINY = recipe(
    "macro-tiny",
    network__layers=2,
    network__filters=2,
    train__epochs=2,
    train__batch_size=200,
    controller__hidden=8,
    controller__updates=2,
    controller__samples=2,
)


def stopped(folder, every=0.0):
    """A run that was left in its second epoch, with two checkpoints."""
    items = search.run(TINY, folder=folder, checkpoint_every=every)
    for item in items:
        if isinstance(item, Episode) and item.epoch == 1:
            items.close()
    assert len(checkpoint.found(folder)) == 2
    return checkpoint.found(folder)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(bytes of a real checkpoint, where its payload begins)."""
    newest, _ = stopped(tmp_path_factory.mktemp("runs") / "run")
    data = newest.read_bytes()
    return data, 8 + int.from_bytes(data[:8], "little")


def refused(path, data: bytes) -> str:
    """How a checkpoint of these bytes is refused; the error names the file."""
    path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read_back(tmp_path):
    tensors = {
        "a": torch.arange(6.0).reshape(2, 3),
        "b": torch.tensor(3, dtype=torch.int64),
        "c": torch.zeros(0, 4),
        "d": torch.ones(3, dtype=torch.bfloat16),
    }
    path = checkpoint.write(tmp_path, 7, tensors, {"seed": 1})

    found, facts = checkpoint.read(path)

    assert facts == {"format": 2, "seed": 1}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_every_flipped_bit_of_a_real_checkpoint_is_noticed(tmp_path, written):
    data, begins = written
    rng = random.Random(0)
    places = [rng.randrange(8 * begins) for _ in range(150)]
    places += [rng.randrange(8 * begins, 8 * len(data)) for _ in range(50)]
    places += [8 * 8, 8 * begins, 8 * len(data) - 1]

    for bit in places:
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        refused(tmp_path / "checkpoint-000000001.safetensors", bytes(damaged))


def test_every_flipped_bit_of_a_small_checkpoint_is_noticed(tmp_path):
    path = checkpoint.write(tmp_path, 1, {"x": torch.ones(1)}, {})
    data = path.read_bytes()

    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        refused(path, bytes(damaged))


def test_a_truncated_checkpoint_is_refused_at_any_length(tmp_path, written):
    data, begins = written
    rng = random.Random(1)
    lengths = [0, 1, 7, 8, 9, begins - 1, begins, begins + 1, len(data) - 1]
    lengths += [rng.randrange(len(data)) for _ in range(60)]

    for length in lengths:
        refused(tmp_path / "checkpoint-000000001.safetensors", data[:length])


def test_bytes_that_were_added_are_noticed(tmp_path, written):
    refused(tmp_path / "checkpoint-000000001.safetensors", written[0] + b"\0")


@pytest.mark.parametrize("size", [2**63, 2**64 - 1, 2**40, 10**8, 17 * 2**20])
def test_an_absurd_header_is_refused_before_it_is_read(tmp_path, written, size):
    told = refused(tmp_path / "c.safetensors", struct.pack("<Q", size) + written[0][8:])

    assert f"its header says that it has {size} bytes; at most" in told


def test_a_checkpoint_of_format_1_has_no_checksum_and_is_read(tmp_path, written):
    path = tmp_path / "checkpoint-000000001.safetensors"
    path.write_bytes(written[0])
    tensors, facts = checkpoint.read(path)
    path = tmp_path / "checkpoint-000000002.safetensors"
    path.write_bytes(save(tensors, {"enas_viz": json.dumps(facts | {"format": 1})}))

    again, told = checkpoint.read(path)

    assert told == facts | {"format": 1}
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_a_run_whose_checkpoints_are_of_format_1_goes_on_exactly(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    list(search.run(TINY, folder=whole))
    for path in stopped(cut):
        tensors, facts = checkpoint.read(path)
        data = save(tensors, {"enas_viz": json.dumps(facts | {"format": 1})})
        path.write_bytes(data)

    list(search.resume(cut))

    assert load_trace(cut).digest() == load_trace(whole).digest()


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"enas_viz": "[1]"},
        {"enas_viz": "{}"},
        {"enas_viz": '{"format":0}'},
        {"enas_viz": '{"format":true}'},
        {"enas_viz": '{"format":"2"}'},
        {"enas_viz": '{"format":2}'},
        {"enas_viz": '{"format":2}', "sha256": "0" * 64},
        {"enas_viz": "[" * 100_000},
    ],
)
def test_facts_that_are_none_are_refused(tmp_path, kept):
    refused(tmp_path / "c.safetensors", save({"x": torch.ones(1)}, kept))


def test_a_half_written_checkpoint_goes_when_writing_fails(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, 1, {"x": torch.ones(1)}, {})

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("enas_viz.records.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(tmp_path, 2, {"x": torch.ones(1)}, {})

    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint-000000001.safetensors"]


def test_the_half_that_a_killed_process_left_goes_with_the_next_checkpoint(tmp_path):
    (tmp_path / "checkpoint-000000009.safetensors.half").write_bytes(b"half")

    path = checkpoint.write(tmp_path, 10, {"x": torch.ones(1)}, {})

    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_reach_the_disk_before_an_older_checkpoint_goes(tmp_path, monkeypatch):
    from enas_viz.records import files

    done = []
    real_sync, real_folder = files.os.fsync, files.sync_folder
    monkeypatch.setattr(files.os, "fsync", lambda n: (done.append("sync"), real_sync(n)))
    monkeypatch.setattr(
        files,
        "sync_folder",
        lambda f: (done.append(sorted(p.name for p in f.iterdir())), real_folder(f)),
    )
    for serial in (1, 2, 3):
        done.clear()
        checkpoint.write(tmp_path, serial, {"x": torch.ones(1)}, {})

    names = [f"checkpoint-{n:09d}.safetensors" for n in (1, 2, 3)]
    assert done == ["sync", names, "sync"]  # the file, its new name beside the old ones, the folder
    assert [p.name for p in checkpoint.found(tmp_path)] == names[:0:-1]


def test_checkpoints_that_a_run_went_back_behind_do_not_outlive_its_new_ones(tmp_path):
    left = stopped(tmp_path / "run")
    (tmp_path / "run" / "trace.jsonl").write_bytes(b"")  # lost, so the run starts afresh

    items = search.resume(tmp_path / "run", checkpoint_every=0)
    with pytest.warns(UserWarning, match="starts again from its beginning"):
        next(items)
    for item in items:
        if isinstance(item, Episode):
            items.close()
    kept = checkpoint.found(tmp_path / "run")
    items = search.resume(tmp_path / "run")

    assert len(kept) == 2
    assert not set(kept) & set(left)
    assert not isinstance(next(items), Header)  # it goes on where it was left
    items.close()


# ---- which one serves


def flip(path, at=-1):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [flip, lambda p: p.write_bytes(p.read_bytes()[:-100])])
def test_a_damaged_newest_checkpoint_is_told_and_the_older_one_serves(tmp_path, damage):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    list(search.run(TINY, folder=whole))
    newest, older = stopped(cut)
    damage(newest)

    with pytest.warns(UserWarning, match=f"{newest} is .*damaged.*; the older {older} serves"):
        list(search.resume(cut))

    assert load_trace(cut).digest() == load_trace(whole).digest()
    assert restore(cut).at == restore(whole).at


def test_a_damaged_older_checkpoint_harms_nobody(tmp_path):
    _, older = stopped(tmp_path / "run")
    flip(older)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(search.resume(tmp_path / "run"))


def test_two_damaged_checkpoints_are_both_named_and_the_trace_stays(tmp_path):
    folder = tmp_path / "run"
    newest, older = stopped(folder)
    flip(newest)
    flip(older)
    before = (folder / "trace.jsonl").read_bytes()

    for use in (lambda: list(search.resume(folder)), lambda: restore(folder)):
        with pytest.raises(FolderError) as caught:
            use()
        told = str(caught.value)
        assert f"{newest} is damaged" in told
        assert f"{older} is damaged" in told
        assert f"the trace there is intact and `enas-viz replay {folder}` shows it" in told
        assert "start anew in another folder" in told
    assert (folder / "trace.jsonl").read_bytes() == before
    assert load_trace(folder).records
