"""How fast the things are that this project exists for: one command, ratios measured in one run.

    python benchmarks/speed.py                       # everything of ours
    python benchmarks/speed.py --peers FOLDER        # beside public implementations (see peers.py)
    python benchmarks/speed.py --save                # keeps the figures in benchmarks/results/

CPU-seconds of one thread. Everything is measured in turns, round after round, and of each the
quickest turn counts: what other programs on the machine add is left out as far as it can be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import peers
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import enas_viz
from enas_viz import search
from enas_viz.recipes import Recipe, recipe
from enas_viz.search.controller import ControllerOptimiser, make_controller
from enas_viz.search.supernet import MacroSupernet
from enas_viz.search.train import count_right, count_right_each, make_optimiser, train_step
from enas_viz.space import MACRO_OPS, Architecture
from enas_viz.trace import Tick, record

BATCH, RESOLUTION = 128, 32
CHILDREN, SKIPS = 10, 0.4
SAMPLES, UPDATE = 100, 20


@dataclass
class Turns:
    """CPU-seconds of named tasks, each measured several times; `best` are the quickest turns."""

    best: dict[tuple[str, int], float] = field(default_factory=dict)

    def take(self, name: str, task: Callable[[], object], part: int = 0) -> None:
        """Measures one turn; part: which of several tasks that are summed under one name."""
        started = time.process_time()
        task()
        took = time.process_time() - started
        self.best[name, part] = min(took, self.best.get((name, part), took))

    def mean(self, name: str) -> float:
        found = [took for (known, _), took in self.best.items() if known == name]
        return sum(found) / len(found)


@dataclass
class Figures:
    """Rows of the table: what, its value with a unit, and what it is measured against."""

    rows: list[dict[str, str | float]] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, against: str = "", ratio: float = 0) -> None:
        self.rows.append(
            {"what": what, "value": value, "unit": unit, "against": against, "ratio": ratio}
        )
        told = f"{ratio:6.2f} x  {against}" if against else ""
        print(f"  {what:44} {value:10.4g} {unit:14} {told}", flush=True)

    def table(self) -> str:
        lines = ["| what | figure | against | ratio |", "|---|---|---|---|"]
        for r in self.rows:
            ratio = f"{r['ratio']:.2f}" if r["against"] else ""
            lines.append(
                f"| {r['what']} | {r['value']:.4g} {r['unit']} | {r['against']} | {ratio} |"
            )
        return "\n".join(lines) + "\n"


def children(made: Recipe) -> list[Architecture]:
    """Ten architectures that hold every operation equally often, with skips at 0.4."""
    space, rng = made.space, random.Random(0)
    slots = CHILDREN * space.layers
    ops = [k % len(MACRO_OPS) for k in range(slots)]
    rng.shuffle(ops)
    rows = [
        tuple(
            (ops[i * space.layers + k], *(int(rng.random() < SKIPS) for _ in range(k)))
            for k in range(space.layers)
        )
        for i in range(CHILDREN)
    ]
    return [Architecture(space, row) for row in rows]


# ---------------------------------------------------------------- what is measured


def supernet(figures: Figures, others: list[peers.Peer], rounds: int) -> None:
    """Training step and reward minibatch at 12 layers, 36 filters, 128 images of 32x32 pixels."""
    made = recipe("macro-paper", fidelity="default", compute__threads=1)
    net = MacroSupernet.of(made, 3, 10, 0)
    optimiser = make_optimiser(net, made.train)
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, RESOLUTION, RESOLUTION, generator=rng)
    labels = torch.randint(10, (BATCH,), generator=rng)
    paths = children(made)
    alike = make_controller(made.space, seed=0).sample(UPDATE).architectures()
    theirs = {
        p.name: torch.optim.SGD(p.net.parameters(), 0.05, 0.9, nesterov=True, weight_decay=5e-4)
        for p in others
    }
    kernel = torch.randn(36, 36, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    maps = torch.randn(BATCH, 36, RESOLUTION, RESOLUTION)
    maps = maps.to(memory_format=torch.channels_last).requires_grad_()
    pull = torch.randn_like(maps)

    def step(child: Architecture) -> None:
        net.train()
        train_step(net, optimiser, child, images, labels, 0.05, made.fidelity, made.compute)

    def reward(child: Architecture) -> None:
        net.eval()
        int(count_right(net, child, images, labels, made.compute))

    def shared() -> None:
        net.eval()
        for _, right in count_right_each(net, alike, images, labels, made.compute):
            int(right)

    turns = Turns()
    for _ in range(rounds):
        for i, child in enumerate(paths):
            for peer in others:
                peer.wire(child)
            turns.take("step", lambda child=child: step(child), i)
            for peer in others:
                optim = theirs[peer.name]
                turns.take(
                    f"step {peer.name}",
                    lambda peer=peer, optim=optim: peer.train_step(images, labels, optim),
                    i,
                )
            turns.take("reward", lambda child=child: reward(child), i)
            for peer in others:
                turns.take(f"reward {peer.name}", lambda peer=peer: peer.reward(images, labels), i)
        turns.take(
            "conv",
            lambda: torch.autograd.grad(F.conv2d(maps, kernel, padding=1), (maps, kernel), pull),
        )
        turns.take("shared", shared)

    rate = 3 * 2 * BATCH * RESOLUTION**2 * 9 * 36**2 / turns.mean("conv")
    forward = _forward_flops(net, paths, images)
    figures.add("convolution 3x3, forward and backward", rate / 1e9, "GFLOP/s")
    bound = 3 * forward / rate
    took = turns.mean("step")
    figures.add("supernet step", took, "CPU-s", "its convolutions at that rate", bound / took)
    for peer in others:
        theirs_took = turns.mean(f"step {peer.name}")
        figures.add(
            f"supernet step of {peer.name}", theirs_took, "CPU-s", "ours", theirs_took / took
        )
    took = turns.mean("reward")
    figures.add(
        "reward minibatch", took, "CPU-s", "its convolutions at that rate", forward / rate / took
    )
    each = turns.mean("shared") / UPDATE
    figures.add("the same, 20 samples on shared images", each, "CPU-s", "one by one", took / each)
    for peer in others:
        theirs_took = turns.mean(f"reward {peer.name}")
        figures.add(
            f"reward minibatch of {peer.name}", theirs_took, "CPU-s", "ours", theirs_took / took
        )


def _forward_flops(net: MacroSupernet, paths: list[Architecture], images: torch.Tensor) -> float:
    """Of one forward pass, the mean over the paths; a multiply-add counts as two."""
    total = 0
    with torch.no_grad():
        for child in paths:
            with FlopCounterMode(display=False) as counter:
                net(images[:1], child)
            total += counter.get_total_flops()
    return total / len(paths) * len(images)


def controller(figures: Figures, others: list[peers.Peer], rounds: int) -> None:
    """Sampling 100 architectures in a pass, and one update on 20 samples, at 12 layers.

    A sample is what the peers' are: tensors of choices, its random numbers included.
    """
    policy = make_controller(recipe("macro-paper", fidelity="default").space)
    optimiser = ControllerOptimiser(policy)
    given = policy.sample(UPDATE).architectures()
    advantage = torch.linspace(-1, 1, UPDATE)

    def update() -> None:
        scored = policy.score(given)
        optimiser.zero_grad()
        (0.8 * scored.skip_penalty - scored.log_probability * advantage).mean().backward()
        optimiser.step()

    turns = Turns()
    for _ in range(3 * rounds):
        turns.take("sample", lambda: policy.sample(SAMPLES))
        turns.take("listed", lambda: policy.sample(SAMPLES).architectures())
        turns.take("update", update)
    for _ in range(rounds):
        for peer in others:
            turns.take(f"sample {peer.name}", peer.sample)
            turns.take(f"update {peer.name}", lambda peer=peer: peer.update(advantage))
    each, took = turns.mean("sample") / SAMPLES, turns.mean("update")
    figures.add("sampling an architecture, 100 in a pass", 1e3 * each, "CPU-ms")
    listed = 1e3 * turns.mean("listed") / SAMPLES
    figures.add("the same, as Architecture objects", listed, "CPU-ms")
    for peer in others:
        theirs = turns.mean(f"sample {peer.name}")
        figures.add(f"sampling one with {peer.name}", 1e3 * theirs, "CPU-ms", "ours", theirs / each)
    figures.add("controller update on 20 samples", 1e3 * took, "CPU-ms")
    for peer in others:
        theirs = turns.mean(f"update {peer.name}")
        figures.add(f"update of {peer.name}", 1e3 * theirs, "CPU-ms", "ours", theirs / took)


def recording(figures: Figures, rounds: int) -> None:
    """What writing the trace adds to a search with default steps."""
    made = recipe("macro-tiny", train__epochs=3)
    searching, writing = [], []
    for _ in range(rounds):
        started = time.process_time()
        kept = [item for item in search.run(made, seed=0, device="cpu") if type(item) is not Tick]
        searching.append(time.process_time() - started)
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            for _ in record(kept, Path(folder) / "trace.jsonl"):
                pass
            writing.append(time.process_time() - started)
    share = min(writing) / min(searching)
    figures.add("recording a search", 100 * share, "% of its CPU-s")


def importing(figures: Figures, rounds: int) -> None:
    """`import enas_viz`, and the first look at a widget, less what Python itself takes."""
    for name, code in (
        ("import enas_viz", "import enas_viz"),
        ("the first ev.Replay", "import enas_viz as ev; ev.Replay(ev.load_trace('macro-tiny'))"),
    ):
        took = min(_seconds(code) for _ in range(2 * rounds))
        figures.add(name, took - min(_seconds("pass") for _ in range(2 * rounds)), "s")


def _seconds(code: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.monotonic() - started


# Measures from setting a trait to the frame after the one that paints it.
LATENCY = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const found = { handler: [], paint: [] };
  for (let i = 0; i < 120; i++) {
    await frame();
    const started = performance.now();
    enasModel.set("step", (i * 7) % 24);
    found.handler.push(performance.now() - started);
    await frame();
    await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    });
    found.paint.push(performance.now() - started);
  }
  const p = (all, q) => all.sort((a, b) => a - b)[Math.floor(q * (all.length - 1))];
  return { handler: p(found.handler, 0.95), p50: p(found.paint, 0.5), p95: p(found.paint, 0.95) };
}"""
MOMENTS = LATENCY.replace('"step", (i * 7) % 24', '"moment", (i * 7) % 200')


def widget(figures: Figures) -> None:
    """From a move of the scrubber to its paint, in a Chromium without a GPU; 12 layers."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "browser"))
    from episodes import made_up_trace
    from lab_server import chromium

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = enas_viz.save(made_up_trace(12, 70, 3), Path(folder) / "film.html")
        figures.add("page of 200 episodes, 12 layers", path.stat().st_size / 1e3, "kB")
        browser = playwright.chromium.launch(**chromium())
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(path.as_uri())
        for name, script in (("step", LATENCY), ("moment", MOMENTS)):
            found = page.evaluate(script)
            figures.add(f"{name} to paint, median", found["p50"], "ms")
            figures.add(f"{name} to paint, 95 %", found["p95"], "ms")
            figures.add("its handler, 95 %", found["handler"], "ms")
        browser.close()


# ---------------------------------------------------------------- the command

SECTIONS = ("supernet", "controller", "recording", "importing", "widget")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, help="folder with public implementations")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each task")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--save", action="store_true", help="keep in benchmarks/results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    others = peers.found(options.peers, 12, 36) if options.peers else []
    figures = Figures()
    print(f"{_machine()}, {date.today()}; one thread, {options.rounds} rounds")
    for name in options.only:
        print(f"{name}:")
        if name in ("supernet", "controller"):
            globals()[name](figures, others, options.rounds)
        elif name == "widget":
            widget(figures)
        else:
            globals()[name](figures, options.rounds)
    if options.save:
        _save(figures, options)


def _machine() -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name}, {os.cpu_count()} cores, PyTorch {torch.__version__}"


def _save(figures: Figures, options: argparse.Namespace) -> None:
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    stem = f"{date.today()}-cpu"
    about = {
        "machine": _machine(),
        "date": str(date.today()),
        "rounds": options.rounds,
        "enas_viz": enas_viz.__version__,
    }
    (folder / f"{stem}.json").write_text(json.dumps({**about, "figures": figures.rows}, indent=1))
    (folder / f"{stem}.md").write_text(
        f"# Speed on {about['machine']}\n\n{about['date']}, one thread, {options.rounds} rounds, "
        f"`python benchmarks/speed.py`. A ratio above 1 says how many times quicker ours is, or "
        f"which share of the bound it reaches.\n\n{figures.table()}"
    )
    print(f"kept in {folder / stem}.md and .json")


if __name__ == "__main__":
    main()
