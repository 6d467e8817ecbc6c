"""What a dashboard costs: the kernel's CPU-seconds, and from news to their paint in the page."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from figures import Figures

import enas_viz
from enas_viz.view.board import Board

RECORDS = 40  # a second, as they may come
PUSHES = 10  # a second, as they are joined

SETUP = """
import os, time
os.environ["OMP_NUM_THREADS"] = "1"
import enas_viz as ev
from enas_viz import search
recipe = ev.recipe("macro-tiny", train__epochs={epochs}, compute__threads=1)
for _ in search.run(ev.recipe("macro-tiny", train__epochs=1, compute__threads=1)): pass
"""
PLAIN = """
started = time.process_time()
for _ in search.run(recipe, seed=0): pass
print(time.process_time() - started)
"""
SHOWN = """
started = time.process_time()
board = ev.Dashboard(search.run(recipe, seed=0))
display(board)
await board
print(time.process_time() - started)
"""

# Sets the news one push after the other, and measures from each to the frame after its paint.
PAINT = """async (pushes) => {
  const frame = () => new Promise(requestAnimationFrame), found = [];
  for (const [told, news] of pushes) {
    const began = performance.now();
    if (told) enasModel.set("told", [told]);
    enasModel.set("news", [news]);
    await frame();
    await frame();
    await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    });
    found.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, Math.max(0, 100 - found.at(-1))));
  }
  return found.sort((a, b) => a - b);
}"""


def dashboard(figures: Figures, rounds: int, quick: bool) -> None:
    """A search in a Jupyter kernel with and without its dashboard; the page while news come."""
    kernel(figures, rounds, epochs=2 if quick else 8)
    page(figures, pushes=20 if quick else 120)


def kernel(figures: Figures, rounds: int, epochs: int) -> None:
    """CPU-seconds of the kernel's process, turns about; the quickest of each counts."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        _run(client, SETUP.format(epochs=epochs))
        plain, shown = [], []
        for _ in range(rounds):
            plain.append(float(_run(client, PLAIN)))
            shown.append(float(_run(client, SHOWN)))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    figures.add(f"a search of {epochs} epochs, alone", min(plain), "CPU-s")
    figures.add("the same under a dashboard", min(shown), "CPU-s")
    figures.add("what the dashboard adds", 100 * (min(shown) / min(plain) - 1), "% of CPU-s")


def _run(client, code: str) -> str:
    """What a cell prints; its errors are raised here."""
    told: list[str] = []

    def hear(message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            told.append(content["text"])

    reply = client.execute_interactive(code, output_hook=hear, timeout=600)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"].get("traceback", ["a cell failed"])))
    return "".join(told)


def page(figures: Figures, pushes: int) -> None:
    """From news to their paint, in a Chromium without a GPU, while a search of six layers goes."""
    from playwright.sync_api import sync_playwright

    tests = Path(__file__).parent.parent / "tests"
    sys.path[:0] = [str(tests), str(tests / "browser")]
    from lab_server import chromium

    trace = enas_viz.load_trace("macro-tiny")
    shown = enas_viz.Dashboard(enas_viz.records.trace.Trace(trace.header, trace.records[:1]))
    made = list(_pushes(trace, pushes))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = enas_viz.save(shown, Path(folder) / "board.html")
        browser = playwright.chromium.launch(**chromium())
        opened = browser.new_page(viewport={"width": 1200, "height": 1000})
        opened.goto(path.as_uri())
        found = opened.evaluate(PAINT, made)
        browser.close()
    sizes = [len(json.dumps(push)) for push in made]
    figures.add("news to paint, median", found[len(found) // 2], "ms")
    figures.add("news to paint, 95 %", found[int(0.95 * (len(found) - 1))], "ms")
    figures.add("a push, mean", sum(sizes) / len(sizes) / 1e3, "kB")


def _pushes(trace, count: int):
    """[what was told or None, news] as they leave the kernel, every RECORDS / PUSHES records."""
    board = Board("", trace.header)
    board.snapshot()
    each = RECORDS // PUSHES
    for start in range(0, each * count, each):
        for item in trace.records[start : start + each]:
            board.add(item)
        yield [board.snapshot() if board.renewed else None, board.news()]
