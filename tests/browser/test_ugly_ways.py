"""What readers meet who do not run a notebook: unopened trust, exports, no network, no kernel."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from episodes import made_up_trace
from lab_server import lab
from nbconvert import HTMLExporter
from playwright.sync_api import expect

import enas_viz as ev

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
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
    wanted = [i for i, c in enumerate(cells) if "Replay(" in c.source]
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
        inside.locator("[data-act=first]").click()
        expect(inside.locator(".count")).to_contain_text("Step 1 of")
        inside.locator("[data-act=next]").click()
        expect(inside.locator(".count")).to_contain_text("Step 2 of")


def test_ninety_steps_dragged_in_a_second_and_a_half_show_at_least_eighty(new_page, tmp_path):
    """A real mouse over the slider of a 24-layer film; a frame counts when its step is new."""
    path = ev.save(made_up_trace(24, epochs=10, per_epoch=9), tmp_path / "film.html")
    page = new_page(1300, 1000, offline=True)
    page.goto(path.as_uri())
    page.evaluate("""() => {
      window.seen = [];
      const look = () => {
        const at = document.querySelector('.place').textContent;
        if (at !== window.seen.at(-1)) window.seen.push(at);
        requestAnimationFrame(look);
      };
      look();
    }""")

    shown = page.evaluate("""async () => {
      const slider = document.querySelector('input[aria-label^=Network]');
      const started = performance.now();
      for (let k = 0; k < 90; k++) {
        while (performance.now() < started + k * (1500 / 90)) await new Promise(r => setTimeout(r));
        slider.value = (k + 1) % 90;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
      }
      await new Promise(r => setTimeout(r, 100));
      return [performance.now() - started, window.seen.length];
    }""")

    took, frames = shown
    assert took < 2200
    assert frames >= 80
