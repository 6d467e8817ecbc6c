"""What readers meet who do not run a notebook: unopened trust, exports, no network, no kernel."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from episodes import made_up_trace
from nbconvert import HTMLExporter
from playwright.sync_api import expect

import enas_viz as ev

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
WIDGET = re.compile(r"\b(Replay|Dashboard|Editor|SharedWeights|Lens|Microscope)\(")
PICTURE = re.compile(r"\bev\.(draw|plot)")
PATHS = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
REPR = re.compile(r"<[\w.]+ (object|drawing)|object at 0x|Replay\(|Error displaying widget")


@PATHS
def test_a_notebook_that_nobody_trusts_or_runs_shows_stills_and_hints(lab, path):
    copy = shutil.copy(path, lab.new_folder("untrusted"))
    cells = nbformat.read(path, as_version=4).cells
    shown = WIDGET if any(WIDGET.search(c.source) for c in cells) else PICTURE
    wanted = [i for i, c in enumerate(cells) if c.cell_type == "code" and shown.search(c.source)]
    assert wanted

    with lab.opened(Path(copy), kernel=False) as page:
        for i in wanted:
            page.evaluate(
                "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", i
            )
            cell = page.locator(f'.jp-Cell[data-windowed-list-index="{i}"]')
            output = cell.locator(".jp-Cell-outputArea")
            output.wait_for()
            if ".iframe" in cells[i].source:
                expect(output).to_contain_text("trust")
            else:
                picture = output.locator("img").first
                picture.wait_for()
                assert picture.evaluate("e => e.naturalWidth") > 600
            assert not REPR.search(output.inner_text())


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
def test_a_drag_shows_each_position_at_once(new_page, tmp_path, layers, slider, told, count):
    """None waits for a timer or a frame, so a drag shows as many as the browser has frames."""
    path = ev.save(made_up_trace(layers, epochs=10, per_epoch=9), tmp_path / "film.html")
    page = new_page(1300, 1000, offline=True)
    page.goto(path.as_uri())

    positions = [*range(count), *reversed(range(count))]  # to the end and back

    seen = page.evaluate(
        """([slider, told, positions]) => {
          const input = document.querySelector(`input[aria-label^=${slider}]`);
          return positions.map((position) => {
            input.value = position;
            input.dispatchEvent(new Event('input', { bubbles: true }));
            return document.querySelector(told).textContent;
          });
        }""",
        [slider, told, positions],
    )

    assert seen == [f"{slider} {k + 1} of {count}".replace("Net", "net") for k in positions]
