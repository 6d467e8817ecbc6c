"""Trains every network of a small space alone, and keeps what each one reached.

    python tools/record_world.py pilot --data cifar10.zip     # settings compared on 40 networks
    nice -n 19 python tools/record_world.py alone --data cifar10.zip --out results/worlds/macro-3
    python tools/record_world.py status --out results/worlds/macro-3

Any number of processes may record at once, each on one thread: a process takes a chunk of networks
under a lock, and writes a line for each network as soon as it is trained. Stop it whenever you
like; what is written stays, and the same command goes on with the rest. A world is recorded by one
version of the package: another one is refused (the header says which).
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import filelock
import torch
from scipy import stats

import enas_viz
from enas_viz.recipes import Recipe, as_json, change, recipe
from enas_viz.records.files import write_text
from enas_viz.search.judges.alone import Training, train_network
from enas_viz.search.microscope import every
from enas_viz.search.training import draws
from enas_viz.search.training.data import Data, Split, load_data, load_test_data
from enas_viz.spaces import Architecture

ROOT = Path(__file__).parent.parent
PILOT = ROOT / "benchmarks" / "results" / "world-pilot.json"
PILOT_NETWORKS, PILOT_SEEDS = 40, (0, 1)
MOST_NETWORKS = 10_000
CHUNK = 48  # networks that one process takes at a time


@dataclass(frozen=True)
class World:
    """What is recorded: every network of `recipe.space`, `epochs` long, once with each seed."""

    name: str
    recipe: Recipe
    epochs: int
    seeds: tuple[int, ...]


def _macro(**changes: Any) -> Recipe:
    """Three layers on 5 000 images of 16x16 pixels: little augmentation, no dropout, and batch norm
    that evaluates by moving averages."""
    base = change(
        recipe("macro-cifar10-cpu"),
        name="macro-3",
        about="one network of the world macro-3, trained alone",
        data__train_images=5000,
        data__crop_padding=1,
        network__layers=3,
        network__keep_prob=1.0,
        fidelity__reward_bn="moving",
    )
    return change(base, **changes)


# The settings that the pilot compares: (recipe, epochs), each at most 250 steps.
SETTINGS: dict[str, tuple[Recipe, int]] = {
    "batch 128, 6 epochs": (_macro(), 6),
    "batch 128, 6 epochs, rate 0.1": (_macro(train__lr_max=0.1), 6),
    "batch 64 of 2500 images, 6 epochs": (
        _macro(data__train_images=2500, train__batch_size=64),
        6,
    ),
    "batch 64, 3 epochs, crops and dropout of the search": (
        _macro(train__batch_size=64, data__crop_padding=4, network__keep_prob=0.9),
        3,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=("pilot", "alone", "status"))
    parser.add_argument("--data", help="folder or zip of CIFAR-10 in ImageFolder layout")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "worlds" / "macro-3")
    parser.add_argument("--only", default="", help="of the pilot: settings whose name holds this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.part != "status":
        _refuse_changes()
    if options.part == "pilot":
        pilot(options.data, options.only)
    elif options.part == "alone":
        record_alone(WORLDS[options.out.name], options.out, options.data)
    else:
        print(status(WORLDS[options.out.name], options.out))


# ---------------------------------------------------------------- the pilot


def pilot(data: str | None, only: str) -> None:
    """Trains the same 40 random networks with two seeds under each setting; keeps PILOT."""
    kept = json.loads(PILOT.read_text()) if PILOT.exists() else {"settings": {}}
    for name, (made, epochs) in SETTINGS.items():
        if only not in name:
            continue
        images, test = load_data(made.data, 0, data), load_test_data(made.data, data)
        networks = every(made.space, MOST_NETWORKS)
        chosen = draws.generator(0, "uniform", 0, 0, 0).permutation(len(networks))[:PILOT_NETWORKS]
        rows = []
        for number in map(int, chosen):
            found = [
                train_network(
                    networks[number], made, images, epochs=epochs, seed=s, number=number, test=test
                )
                for s in PILOT_SEEDS
            ]
            rows.append([number, *found])
            print(f"{name}: {len(rows)} of {PILOT_NETWORKS}", end="\r", file=sys.stderr)
        kept["settings"][name] = told = _spread(rows, images, test)
        told |= {"recipe": made.to_json(), "epochs": epochs}
        print(name, {k: v for k, v in told.items() if k not in ("rows", "recipe")}, flush=True)
        kept |= {"what": __doc__.partition("\n")[0], "seeds": PILOT_SEEDS, **_made_by(images)}
        write_text(PILOT, json.dumps(kept) + "\n")


def _spread(rows: list[list[Any]], data: Data, test: Split) -> dict[str, Any]:
    """How far networks and seeds spread: standard deviations in [0, 1], and rank correlations.

    seeds: of one network's accuracies, pooled over networks. networks: of the networks' true means,
    what is left of the variance of their means after the seeds' share is taken off.
    """
    told: dict[str, Any] = {}
    for split, right, count in (
        ("valid", "valid_right", len(data.valid)),
        ("test", "test_right", len(test)),
    ):
        pairs = [[getattr(a, right) / count for a in found] for _, *found in rows]
        within = statistics.mean(statistics.variance(pair) for pair in pairs)
        means = statistics.variance([statistics.mean(pair) for pair in pairs])
        told[split] = {
            "mean": round(statistics.mean(map(statistics.mean, pairs)), 4),
            "best": round(max(map(statistics.mean, pairs)), 4),
            "worst": round(min(map(statistics.mean, pairs)), 4),
            "networks": round(max(0.0, means - within / len(PILOT_SEEDS)) ** 0.5, 4),
            "seeds": round(within**0.5, 4),
            "kendall": round(float(stats.kendalltau(*zip(*pairs, strict=True)).statistic), 3),
        }
    told["cpu_s"] = round(statistics.mean(a.cpu_s for _, *found in rows for a in found), 2)
    told["rows"] = [
        [number, [[a.valid_right, a.test_right] for a in found]] for number, *found in rows
    ]
    return told


# ---------------------------------------------------------------- the record


def record_alone(world: World, out: Path, data: str | None) -> None:
    """Trains what is left of a world, chunk by chunk, until nothing is."""
    made = world.recipe
    images, test = load_data(made.data, 0, data), load_test_data(made.data, data)
    _header(world, out, images, test)
    networks = every(made.space, MOST_NETWORKS)
    for path, seed, numbers in _chunks(world, out, len(networks)):
        try:
            lock = filelock.FileLock(path.with_suffix(".lock"), timeout=0)
            lock.acquire()
        except filelock.Timeout:
            continue  # another process records it
        try:
            left = numbers[len(_read(path)) :]
            with path.open("a", encoding="utf-8") as file:
                for number in left:
                    found = train_network(
                        networks[number], made, images, epochs=world.epochs, seed=seed,
                        number=number, test=test,
                    )  # fmt: skip
                    file.write(json.dumps(_row(number, seed, networks[number], found)) + "\n")
                    file.flush()
            if left:
                print(status(world, out), flush=True)
        finally:
            lock.release()


def _row(number: int, seed: int, network: Architecture, found: Training) -> dict[str, Any]:
    return {
        "network": number,
        "flat": network.flat,
        "seed": seed,
        "valid": found.valid_right,
        "test": found.test_right,
        "train": round(found.train_accuracy, 5),
        "losses": [round(loss, 4) for loss in found.losses],
        "cpu_s": round(found.cpu_s, 2),
    }


def _chunks(world: World, out: Path, count: int) -> Iterator[tuple[Path, int, list[int]]]:
    """(file, seed, networks) of every part: one seed after the other, networks in random order, so
    that whatever is finished is a fair sample of the world."""
    for seed in world.seeds:
        order = draws.generator(seed, "uniform", 0, 0, 1).permutation(count).tolist()
        for k, at in enumerate(range(0, count, CHUNK)):
            yield out / "alone" / f"seed{seed}-{k:02d}.jsonl", seed, order[at : at + CHUNK]


def _read(path: Path) -> list[dict[str, Any]]:
    """The rows of a part; a last line that a kill tore is cut off from the file."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_text(path, whole)
    return [json.loads(line) for line in whole.splitlines()]


def status(world: World, out: Path) -> str:
    """How much is recorded, and how many CPU-hours the rest takes."""
    chunks = list(_chunks(world, out, world.recipe.space.size))
    done = list(itertools.chain.from_iterable(_read(path) for path, *_ in chunks if path.exists()))
    whole = sum(len(numbers) for *_, numbers in chunks)
    if not done:
        return f"{world.name}: 0 of {whole} trainings"
    each = statistics.mean(row["cpu_s"] for row in done)
    hours = (whole - len(done)) * each / 3600
    return f"{world.name}: {len(done)} of {whole} trainings, {hours:.1f} CPU-hours left"


def _header(world: World, out: Path, data: Data, test: Split) -> None:
    """Writes what the record is of; refuses one of another world, data or version."""
    (out / "alone").mkdir(parents=True, exist_ok=True)
    told = {
        "world": world.name,
        "recipe": as_json(world.recipe),
        "epochs": world.epochs,
        "seeds": list(world.seeds),
        "test": len(test),
        **_made_by(data),
    }
    path = out / "header.json"
    with filelock.FileLock(out / "header.lock"):
        if not path.exists():
            write_text(path, json.dumps(told, indent=1) + "\n")
            return
    kept = json.loads(path.read_text(encoding="utf-8"))
    free = ("commit", "date", "device", "started")  # may differ between processes
    for name in sorted(told.keys() | kept.keys()):
        if name not in free and told.get(name) != kept.get(name):
            raise SystemExit(
                f"{path} was begun with another {name}: it has {kept.get(name)!r}, this run "
                f"{told.get(name)!r}; record with the version of commit {kept['commit']}"
            )


def _made_by(data: Data) -> dict[str, Any]:
    """The facts that every kept figure carries. code: the hash of the package's files, whatever
    commit holds them."""
    return {
        "dataset": data.header(),
        "device": f"{platform.machine()} CPU, 1 thread",
        "versions": {
            "enas_viz": enas_viz.__version__,
            "torch": torch.__version__.partition("+")[0],
            "python": platform.python_version(),
        },
        "code": _git("rev-parse", "HEAD:enas_viz"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "date": str(date.today()),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _refuse_changes() -> None:
    """Ends the program when the package differs from the commit that the record would name."""
    if _git("status", "--porcelain", "--", "enas_viz", "tools/record_world.py"):
        raise SystemExit("the package has changes that are not committed; commit them first")


WORLDS: dict[str, World] = {
    "macro-3": World("macro-3", *SETTINGS["batch 128, 6 epochs"], seeds=(0, 1, 2)),
}

if __name__ == "__main__":
    started = time.process_time()
    main()
    print(f"{time.process_time() - started:.0f} CPU-seconds", file=sys.stderr)
