"""What one move of a widget costs the kernel, in CPU-milliseconds, and how soon a page shows it.

    python benchmarks/answers.py           # a minute or two
    python benchmarks/answers.py --save    # writes benchmarks/results/DATE-cpu-answers.json

Kernel: a page sends a new value, as `set_state` gets it; process time, garbage collection included.
Page: from the value to its paint in a Chromium without a GPU, wall-clock time, of an exported page;
on a busy machine it says how busy the machine was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import enas_viz as ev

RESULTS = Path(__file__).parent / "results"
TESTS = Path(__file__).parent.parent / "tests"
ROUNDS = 60
# by widget: how it is made, the trait that a reader moves, and the values that it takes in turn
MOVES: dict[str, tuple[Any, str, Any]] = {
    "replay, step": (lambda: ev.Replay("enas-macro"), "step", lambda k: 7 * k % 48),
    "film, moment": (
        lambda: ev.Replay(ev.load_trace("macro-tiny")),
        "moment",
        lambda k: 7 * k % 60,
    ),
    "lens, step": (lambda: ev.Lens(ev.load_trace("controller-macro")), "step", lambda k: k % 6),
    "loop, done": (lambda: ev.Loop("macro"), "done", lambda k: k % 4),
    "shared weights, layers, at": (lambda: ev.SharedWeights("macro-tiny"), "at", lambda k: k % 9),
    "shared weights, cells, at": (
        *(lambda: ev.SharedWeights("micro-cifar10-cpu"), "at", lambda k: 7 * k % 71),
    ),
    "microscope, samples": (ev.Microscope, "samples", lambda k: (1, 10, 100, 1000)[k % 4]),
    "dashboard, at": (lambda: ev.Dashboard(ev.load_trace("macro-tiny")), "at", lambda k: k % 9),
    "child, layers, image": (lambda: ev.Child("macro"), "image", lambda k: k % 10),
    "child, cell, image": (lambda: ev.Child("micro"), "image", lambda k: k % 10),
}
TO_PAINT = """async ([trait, values]) => {
  const frame = () => new Promise(requestAnimationFrame), paint = [];
  for (const value of values) {
    await frame();
    const started = performance.now();
    enasModel.set(trait, value);
    await frame();
    await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    });
    paint.push(performance.now() - started);
  }
  return paint;
}"""


def kernel(widget: Any, trait: str, value: Any) -> list[float]:
    """CPU-milliseconds of each of ROUNDS answers."""
    took = []
    for k in range(ROUNDS):
        began = time.process_time()
        widget.set_state({trait: value(k)})
        took.append(1000 * (time.process_time() - began))
    return took


def p95(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=20)[-1], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", action="store_true", help="keep the figures")
    options = parser.parse_args()
    sys.path[:0] = [str(TESTS), str(TESTS / "browser")]
    from lab_server import chromium
    from playwright.sync_api import sync_playwright

    rows, load = {}, os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium())
        for name, (make, trait, value) in MOVES.items():
            widget = make()
            took = kernel(widget, trait, value)
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            page.goto(ev.save(widget, Path(folder) / "page.html").as_uri())
            shown = page.evaluate(TO_PAINT, [trait, [value(k) for k in range(ROUNDS)]])
            page.close()
            rows[name] = {
                "kernel_cpu_ms_median": round(statistics.median(took), 2),
                "kernel_cpu_ms_p95": p95(took),
                "page_paint_ms_median": round(statistics.median(shown), 1),
                "page_paint_ms_p95": p95(shown),
            }
            print(f"{name}: {rows[name]}", flush=True)
        browser.close()
    if not options.save:
        return
    cores = os.cpu_count() or 1
    about = {
        "what": __doc__.partition("\n")[0],
        "device": f"{platform.machine()} CPU, {cores} cores; Chromium without a GPU",
        "date": str(date.today()),
        "load_before": round(load, 1),
        "busy": load > 0.5 * cores,
        "rounds": ROUNDS,
        "rows": rows,
    }
    path = RESULTS / f"{date.today()}-cpu-answers.json"
    path.write_text(json.dumps(about, indent=1) + "\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
