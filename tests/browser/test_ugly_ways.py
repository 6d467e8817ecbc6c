"""What readers meet who do not run a notebook: unopened trust, exports, no network, no kernel."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from episodes import made_up_trace
from lab_server import lab
from nbconvert import HTMLExporter
from playwright.sync_api import expect

import enas_viz as ev

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
WIDGET = re.compile(r"\b(Replay|Dashboard|Editor|SharedWeights|Lens|Microscope)\(")
PICTURE = re.compile(r"\bev\.draw")
PATHS = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
REPR = re.compile(r"<[\w.]+ (object|drawing)|object at 0x|Replay\(|Error displaying widget")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untrusted")
    for path in NOTEBOOKS:
        shutil.copy(path, folder)
    with lab(folder) as found:
        yield found


@PATHS
def test_a_notebook_that_nobody_trusts_or_runs_shows_stills_and_hints(new_page, address, path):
    url, token = address
    page = new_page(1400, 1000)
    page.goto(f"{url}lab/tree/{path.name}?token={token}&reset")
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=60_000)
    cells = nbformat.read(path, as_version=4).cells
    shown = WIDGET if any(WIDGET.search(c.source) for c in cells) else PICTURE
    wanted = [i for i, c in enumerate(cells) if c.cell_type == "code" and shown.search(c.source)]
    assert wanted

    for i in wanted:
        page.evaluate(
            "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", i
        )
        cell = page.locator(f'.jp-Cell[data-windowed-list-index="{i}"]')
        output = cell.locator(".jp-OutputArea-output").first
        output.wait_for(timeout=20_000)
        if ".iframe" in cells[i].source:
            expect(output).to_contain_text("trust")
        else:
            picture = output.locator("img")
            picture.wait_for(timeout=20_000)
            assert picture.evaluate("e => e.naturalWidth") > 600
        assert not REPR.search(cell.locator(".jp-Cell-outputArea").inner_text())


@PATHS
def test_an_exported_notebook_shows_its_stills_and_plays_its_frames_offline(
    new_page, tmp_path, path
):
    html, _ = HTMLExporter().from_filename(path)
    (tmp_path / "export.html").write_text(html, encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    drawn = sum(
        any("image/png" in output.get("data", {}) for output in cell.get("outputs", ()))
        for cell in cells
    )
    page = new_page(1200, 900, offline=True)

    page.goto((tmp_path / "export.html").as_uri(), wait_until="domcontentloaded")

    widths = page.locator(".jp-OutputArea-output img").evaluate_all(
        "a => a.map(e => e.naturalWidth)"
    )
    assert len(widths) == drawn
    assert min(widths) > 300
    assert not REPR.search("".join(page.locator(".jp-OutputArea-output").all_inner_texts()))
    for frame in page.locator("iframe").all():
        frame.scroll_into_view_if_needed()
        inside = frame.content_frame
        inside.locator("main").wait_for()
        if inside.locator(".slab").count():  # a network whose cells open
            inside.locator(".slab").nth(2).click()
            expect(inside.locator(".opened:visible")).to_contain_text("Reduction cell")
            continue
        if not inside.locator("[data-act=first]").count():  # nothing in it goes step by step
            continue
        inside.locator("[data-act=first]").click()
        expect(inside.locator(".count")).to_contain_text("Step 1 of")
        inside.locator("[data-act=next]").click()
        expect(inside.locator(".count")).to_contain_text("Step 2 of")


@pytest.mark.parametrize(
    ("layers", "slider", "told", "count"),
    [(24, "Step", ".count", 48), (12, "Network", ".place", 90)],
)
def test_a_drag_shows_a_new_position_in_nearly_every_frame_that_the_browser_has(
    new_page, tmp_path, layers, slider, told, count
):
    """Browsers hand a drag's moves out frame by frame: 90 in a second and a half, fewer on a busy
    machine, where as many frames without a drag are counted beside it."""
    path = ev.save(made_up_trace(layers, epochs=10, per_epoch=9), tmp_path / "film.html")
    page = new_page(1300, 1000, offline=True)
    page.goto(path.as_uri())

    frames, seen = page.evaluate(
        """async ([slider, told, count]) => {
          let frames = 0;
          for (const began = performance.now(); performance.now() < began + 1500; frames++)
            await new Promise(requestAnimationFrame);
          const input = document.querySelector(`input[aria-label^=${slider}]`);
          const seen = [], started = performance.now();
          for (let k = 1; performance.now() < started + 1500; k++) {
            const there = k % (2 * count - 2);  // to the end and back
            input.value = there < count ? there : 2 * count - 2 - there;
            input.dispatchEvent(new Event('input', { bubbles: true }));
            await new Promise(requestAnimationFrame);
            seen.push(document.querySelector(told).textContent);
          }
          return [frames, seen];
        }""",
        [slider, told, count],
    )

    shown = sum(a != b for a, b in pairwise(seen))
    assert shown >= 0.9 * len(seen)  # a new one each time
    assert shown >= min(79, 0.5 * frames)  # and the frames of a drag take little longer
