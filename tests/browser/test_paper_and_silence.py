"""Exported pages on paper, and where JavaScript is off."""

import re
import zlib

import pytest

import enas_viz as ev
from enas_viz.view.gallery import gallery


def pages():
    trace = ev.load_trace("macro-tiny")
    return {
        "replay": lambda: ev.Replay(trace.best, step=2),
        "film": lambda: ev.Replay(trace),
        "editor": lambda: ev.Editor(trace),
        "dashboard": lambda: ev.Dashboard(trace),
        "shared weights": lambda: ev.SharedWeights(trace),
        "microscope": ev.Microscope,
        "lens": lambda: ev.Lens(ev.load_trace("controller-macro"), step=3),
    }


def filled(pdf: bytes) -> list[bytes]:
    """Every colour that a PDF fills something with, as often as it does, in order of colours."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, flags=re.S)
    found = []
    for stream in streams:
        try:
            found += re.findall(rb"[\d.]+ [\d.]+ [\d.]+ rg\b", zlib.decompress(stream))
        except zlib.error:  # a font or a picture, packed in another way
            continue
    return sorted(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["replay", "shared weights", "editor"])
def test_a_printed_page_keeps_its_bars(new_page, tmp_path, name, scheme):
    """Browsers leave out what is a background; the bars of a page are."""
    path = ev.save(pages()[name](), tmp_path / "x.html")
    page = new_page(offline=True, color_scheme=scheme, reduced_motion="reduce")
    page.goto(path.as_uri())
    page.wait_for_function("() => document.querySelector('#app svg text')")

    printed = filled(page.pdf())

    assert printed == filled(page.pdf(print_background=True))
    assert len(set(printed)) > 3


def test_a_dark_page_is_printed_light(new_page, tmp_path):
    path = ev.save(pages()["replay"](), tmp_path / "x.html")
    found = []
    for scheme in ("light", "dark"):
        page = new_page(offline=True, color_scheme=scheme, reduced_motion="reduce")
        page.goto(path.as_uri())
        page.wait_for_selector(".bars li")
        found.append(filled(page.pdf()))

    assert found[0] == found[1]


@pytest.mark.parametrize("name", pages())
def test_a_page_without_javascript_shows_its_still(new_page, tmp_path, name):
    path = ev.save(pages()[name](), tmp_path / "x.html")
    page = new_page(offline=True, java_script_enabled=False)

    page.goto(path.as_uri())

    drawing = page.locator("noscript > div > svg")
    box = drawing.bounding_box()
    assert drawing.count() == 1
    assert box["width"] > 300
    assert box["height"] > 100
    assert page.locator("noscript p").inner_text().startswith("This is a still picture")


def test_a_page_with_javascript_shows_no_still_beside_its_widget(new_page, tmp_path):
    path = ev.save(pages()["replay"](), tmp_path / "x.html")
    page = new_page(offline=True)

    page.goto(path.as_uri())
    page.wait_for_selector(".bars li")

    assert not page.locator("noscript").first.is_visible()
    assert page.locator("#app .network svg").count() == 1


def test_the_gallery_without_javascript_shows_a_still_in_every_place(new_page, tmp_path):
    path = tmp_path / "gallery.html"
    path.write_text(gallery(), encoding="utf-8")
    page = new_page(offline=True, java_script_enabled=False)

    page.goto(path.as_uri())

    places = page.locator("[data-widget]").count()
    assert places > 4
    assert page.locator("[data-widget] noscript > div > svg").count() == places
