"""The record of a world: every network once with every seed, whatever interrupts it."""

import importlib.util
import json
import sys
from pathlib import Path

import filelock
import pytest

from enas_viz.recipes import recipe

TOOL = Path(__file__).parent.parent.parent / "tools" / "record_world.py"
spec = importlib.util.spec_from_file_location("record_world", TOOL)
record_world = importlib.util.module_from_spec(spec)
sys.modules["record_world"] = record_world  # dataclasses look their module up
spec.loader.exec_module(record_world)
TINY = recipe(
    "macro-tiny",
    network__layers=1,  # six networks
    network__filters=4,
    data__train_images=64,
    fidelity__reward_bn="moving",
)


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(record_world, "CHUNK", 4)
    return record_world.World("tiny", TINY, epochs=1, seeds=(0, 1))


def rows(out):
    """What is recorded, without the time it took, in order of seed and network."""
    found = []
    for path in out.glob("alone/*.jsonl"):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    for row in found:
        del row["cpu_s"]
    return sorted(found, key=lambda row: (row["seed"], row["network"]))


def test_every_network_is_trained_once_with_every_seed(world, tmp_path):
    record_world.record_alone(world, tmp_path, None)

    recorded = rows(tmp_path)
    assert [(row["seed"], row["network"]) for row in recorded] == [
        (seed, network) for seed in (0, 1) for network in range(6)
    ]
    assert len({row["valid"] for row in recorded}) > 1
    assert "12 of 12 trainings" in record_world.status(world, tmp_path)


def test_a_record_that_was_torn_goes_on_and_ends_the_same(world, tmp_path):
    record_world.record_alone(world, tmp_path / "whole", None)
    record_world.record_alone(world, tmp_path / "torn", None)
    torn = tmp_path / "torn" / "alone" / "seed1-00.jsonl"
    torn.write_text(torn.read_text()[:-40])  # a kill in the middle of a line

    record_world.record_alone(world, tmp_path / "torn", None)

    assert rows(tmp_path / "torn") == rows(tmp_path / "whole")


def test_a_part_that_another_process_records_is_left_to_it(world, tmp_path):
    (tmp_path / "alone").mkdir()
    other = filelock.FileLock(tmp_path / "alone" / "seed0-00.lock")
    with other:
        record_world.record_alone(world, tmp_path, None)

    assert len(rows(tmp_path)) == 12 - 4


def test_a_record_of_another_recipe_or_version_is_refused(world, tmp_path):
    record_world.record_alone(world, tmp_path, None)
    header = tmp_path / "header.json"
    kept = json.loads(header.read_text())

    header.write_text(json.dumps(kept | {"epochs": 2}))
    with pytest.raises(SystemExit, match="begun with another epochs: it has 2, this run 1"):
        record_world.record_alone(world, tmp_path, None)
    header.write_text(json.dumps(kept | {"code": "0" * 40}))
    with pytest.raises(SystemExit, match="record with the version of commit"):
        record_world.record_alone(world, tmp_path, None)
