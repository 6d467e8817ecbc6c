"""Facts about the gallery that need no browser."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from enas_viz.cli import main
from enas_viz.records.trace import load_trace
from enas_viz.view.gallery import Link, gallery, notebook_links

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture(scope="module")
def page() -> str:
    links = notebook_links(NOTEBOOKS, NOTEBOOKS.parent / "gallery")
    return gallery([*links, Link("<script>alert(1)</script> & more", "", "a.ipynb")])


def states(page: str) -> list[tuple[str, dict]]:
    """The widgets of the page, each with the values of its traits."""
    held = r'<div data-widget="(\w+)"><script type="application/json">(.*?)</script>'
    return [(name, json.loads(text)) for name, text in re.findall(held, page, flags=re.S)]


def test_it_is_one_page_of_three_megabytes_that_fetches_nothing(page):
    # one of them holds the feature maps of two networks, after every single change; packed, as web
    # servers send it, the page has less than one
    assert len(page.encode()) < 3_250_000
    assert len(gzip.compress(page.encode())) < 1_000_000
    assert re.findall(r"<(?:script|img|iframe|link|video)[^>]* (?:src|href)=", page) == []
    assert re.findall(r"@import|url\(|fetch\(|import\(", page) == []
    addresses = set(re.findall(r"https?://[^\s\"'<>)\\]+", page))
    assert addresses == {"http://www.w3.org/2000/svg", "https://arxiv.org/abs/1802.03268"}


def test_it_holds_every_module_and_style_once(page):
    for once in ("function hostModel(", "const BEAT =", "const LAPSE =", ".enas-svg .veil{"):
        assert page.count(once) == 1, once
    assert page.count("<style>") == 1


def test_it_shows_examples_searches_and_the_published_architectures(page):
    found = states(page)

    names = ["loop"] * 2 + ["replay"] * 2 + ["dashboard"] + ["replay"] * 3 + ["child"] * 2
    assert [name for name, _ in found] == names
    steps = [len(state["episode"]["steps"]) for _, state in found if state.get("episode")]
    assert steps == [7, 12, 54, 48]
    dashboard, film = found[4][1], found[5][1]["film"]
    assert dashboard["news"][0]["samples"] == len(load_trace("macro-cifar10-cpu").episodes)
    assert len(film["moments"]) == 200
    cells = page.partition('id="published-cells"')[2].partition("</section>")[0]
    assert cells.count('class="slab') == 17  # to be clicked
    for state in (found[-2][1], found[-1][1]):  # every change can be made
        held = state["picture"]["recording"]["variants"]
        assert set(held) == set(state["picture"]["changes"])


def test_no_clock_runs_when_it_opens(page):
    for name, state in states(page):
        if name == "loop":
            assert (state["playing"], state["done"]) == (False, 0)
        if name == "replay":
            assert (state["playing"], state["rolling"]) == (False, False)
    assert "autoplay" not in page


def test_a_recorded_run_is_shown_with_its_recipe_seed_device_date_and_time_taken(page):
    trace = load_trace("micro-cifar10-cpu")
    started = trace.header.clock["started"][:10]

    told = (
        f"Recorded by this program: recipe <code>micro-cifar10-cpu</code>, seed 0, cifar10-jpeg "
        f"at 16×16 pixels, 45,000 images to train on and 5,000 for the reward, 1 CPU thread, "
        f"{trace.seconds / 60:.0f} minutes, {started}."
    )
    assert told in page


def test_the_notebooks_are_linked_in_order_and_the_links_hold(page):
    links = re.findall(r'<li><a href="(\.\./notebooks/[^"]+)">(.+?)</a> <span>(.*?)</span>', page)

    names = sorted(p.name for p in NOTEBOOKS.glob("*.ipynb"))
    assert [Path(address).name for address, _, _ in links] == names
    assert links[0][1:] == ("ENAS, a first tour", "Can a network learn to design networks?")


def test_a_repository_makes_links_that_open_binder(tmp_path):
    first, *_ = notebook_links(NOTEBOOKS, tmp_path, "me/enas_viz")

    binder = "https://mybinder.org/v2/gh/me/enas_viz/HEAD?urlpath=lab/tree/notebooks/00_tour.ipynb"
    assert first.address == binder
    with pytest.raises(ValueError, match="OWNER/NAME"):
        notebook_links(NOTEBOOKS, tmp_path, "https://github.com/me/enas_viz")


def test_where_no_notebooks_are_none_are_linked(tmp_path):
    assert notebook_links(tmp_path / "nowhere", tmp_path) == ()


def test_words_of_a_notebook_cannot_break_the_page(page, tmp_path):
    cell = {"cell_type": "markdown", "source": ["# No question\n", "text"]}
    (tmp_path / 'a"b.ipynb').write_text(json.dumps({"cells": [cell]}))
    (link,) = notebook_links(tmp_path, tmp_path)

    assert link == Link("No question", "", "a%22b.ipynb")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more</a>" in page


def test_the_command_writes_the_same_bytes_every_time(tmp_path, capsys):
    notebooks = ["--notebooks", str(NOTEBOOKS)]

    main(["gallery", "--out", str(tmp_path / "a" / "gallery"), *notebooks])
    again = [sys.executable, "-m", "enas_viz", "gallery", "--out", "b/x/index.html", *notebooks]
    seeded = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run(again, cwd=tmp_path, env=seeded, check=True, capture_output=True)

    written = tmp_path / "a" / "gallery" / "index.html"
    assert capsys.readouterr().out == f"wrote {written}\n"
    assert written.read_bytes() == (tmp_path / "b" / "x" / "index.html").read_bytes()
