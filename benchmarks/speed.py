"""How fast the things are that this project exists for: one command, ratios measured in one run.

    python benchmarks/speed.py                       # everything of ours
    python benchmarks/speed.py --peers FOLDER        # beside public implementations (see peers.py)
    python benchmarks/speed.py --only micro          # one part of it (macro, micro, ...)
    python benchmarks/speed.py --quick               # tiny sizes: whether it runs
    python benchmarks/speed.py --save                # keeps the figures in benchmarks/results/

CPU-seconds of one thread. Everything is measured in turns, round after round, and of each the
quickest turn counts: what other programs on the machine add is left out as far as it can be.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cases
import peers
import torch
from children import children
from controllers import controller
from dashboard import dashboard
from figures import Figures
from films import drawn_films, films
from pipeline import pipeline
from supernets import ranking, supernet

import enas_viz
from enas_viz import search
from enas_viz.recipes import recipe
from enas_viz.records.trace import Tick, record
from enas_viz.records.training_counts import count
from enas_viz.spaces import MacroSpace, MicroSpace

# ---------------------------------------------------------------- what is measured


def case(figures: Figures, measured: cases.Case, folder: Path | None, rounds: int) -> None:
    """A search's supernet and controller, beside the peers in `folder`."""
    others = peers.found(folder, measured) if folder else []
    supernet(figures, measured, others, rounds)
    ranking(figures, measured, rounds)
    controller(figures, measured, others, rounds)


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
    for space in (MacroSpace(12), MicroSpace(5)):
        children = [space.sample(Random(k)) for k in range(352)]  # of an epoch as released
        counting = []
        for _ in range(rounds):
            started = time.process_time()
            count(children, space)
            counting.append(time.process_time() - started)
        figures.add(f"counting an epoch's {space.kind} networks", 1e3 * min(counting), "ms")


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
SAMPLES = LATENCY.replace('"step", (i * 7) % 24', '"samples", [1, 10, 100, 1000][i % 4]')
EPOCHS = LATENCY.replace('"step", (i * 7) % 24', '"at", (i * 7) % 71')
# Moves the scrubber in every frame of a second and a half; the share that showed a new moment, of
# the frames that the page has when nothing is moved.
DRAG = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  let still = 0, shown = 0, before = "";
  for (const began = performance.now(); performance.now() < began + 1500; still++) await frame();
  const slider = document.querySelector("input[aria-label^=Network]"), began = performance.now();
  for (let k = 1; performance.now() < began + 1500; k++) {
    slider.value = k % 200;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
    const place = document.querySelector(".place").textContent;
    shown += place !== before;
    before = place;
  }
  return shown / still;
}"""


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
        figures.add("a drag's frames with a new moment", 100 * page.evaluate(DRAG), "% of frames")
        page.goto(enas_viz.save(enas_viz.Microscope(), Path(folder) / "scope.html").as_uri())
        found = page.evaluate(SAMPLES)
        figures.add("microscope's samples to paint, 95 %", found["p95"], "ms")
        shared = enas_viz.SharedWeights("micro-cifar10-cpu")
        page.goto(enas_viz.save(shared, Path(folder) / "shared.html").as_uri())
        found = page.evaluate(EPOCHS)
        figures.add("shared weights' epoch to paint, cells, 95 %", found["p95"], "ms")
        browser.close()


# ---------------------------------------------------------------- the command

CASES = {"macro": cases.macro, "micro": cases.micro}
SECTIONS = (
    *CASES,
    "children",
    "pipeline",
    "recording",
    "importing",
    "widget",
    "dashboard",
    "films",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=Path, help="folder with public implementations")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each task")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--quick", action="store_true", help="tiny networks: whether it runs")
    parser.add_argument("--save", action="store_true", help="keep in benchmarks/results/")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--quick tells only whether everything runs; its figures are not kept")
    torch.set_num_threads(1)
    figures = Figures()
    print(f"{_machine()}, {date.today()}; one thread, {options.rounds} rounds")
    for name in options.only:
        print(f"{name}:")
        if name in CASES:
            case(figures, CASES[name](options.quick), options.peers, options.rounds)
        elif name == "children":
            children(figures, options.rounds, options.quick)
        elif name == "pipeline":
            pipeline(figures, options.rounds, options.quick)
        elif name == "dashboard":
            dashboard(figures, options.rounds, options.quick)
        elif name == "films":
            films(figures, options.rounds, options.quick)
            drawn_films(figures, options.rounds, options.quick)
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
    parts = [] if tuple(options.only) == SECTIONS else options.only
    stem = "-".join([str(date.today()), "cpu", *parts])
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
        f"which share of its limit (`benchmarks/limits.py`) it reaches.\n\n{figures.table()}"
    )
    print(f"kept in {folder / stem}.md and .json")


if __name__ == "__main__":
    main()
