"""The site: every link leads somewhere, nothing is loaded from elsewhere, and widgets are live."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from sites import small_site

import enas_viz
from enas_viz.cli import main
from enas_viz.site import build, reference
from enas_viz.site.notebook import Page, sections
from enas_viz.site.running import needs_torch


class Addresses(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has; not inside `srcdoc`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link":
            self.loads.append(given["href"])
        elif tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loads.append(given["src"])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return small_site(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def pages(built):
    return {path: Addresses(path) for path in sorted(built.folder.rglob("*.html"))}


def test_there_is_a_page_for_everything(built):
    there = {path.relative_to(built.folder).as_posix() for path in built.folder.rglob("*.*")}

    assert {"index.html", "00_small.html", "01_next.html", "gallery.html", "api.html"} <= there
    assert built.size == sum((built.folder / name).stat().st_size for name in there)
    assert built.size < 25_000_000
    hidden = [path for path in built.folder.rglob("*") if path.name.startswith(".")]
    assert hidden == []  # GitHub Pages would not get these


def test_every_link_and_every_anchor_is_there(built, pages):
    wrong = []
    for path, page in pages.items():
        for address in (*page.links, *page.loads):
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "data"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[target].anchors if target in pages else set()
            if not target.is_file() or (parts.fragment and parts.fragment not in known):
                wrong.append(f"{path.name}: {address}")

    assert wrong == []
    assert sum(len(page.links) for page in pages.values()) > 100


def test_nothing_is_loaded_from_elsewhere(built, pages):
    loads = [load for page in pages.values() for load in page.loads]
    styles = [path.read_text(encoding="utf-8") for path in built.folder.rglob("*.css")]
    scripts = [path.read_text(encoding="utf-8") for path in (built.folder / "assets").glob("s*.js")]

    assert [load for load in loads if urlsplit(load).scheme or urlsplit(load).netloc] == []
    assert not [text for text in styles if "url(" in text or "@import" in text]
    assert not [text for text in scripts if re.search(r"\bfetch\(|XMLHttpRequest|import\(", text)]
    for path in pages:  # scripts that are files are classic ones: modules are not loaded from files
        opened = re.findall(r"<script\b[^>]*\bsrc=[^>]*>", path.read_text(encoding="utf-8"))
        assert not [tag for tag in opened if "module" in tag]


def test_every_widget_has_its_live_page_and_one_that_did_not_run_says_so(built, pages):
    frames = {
        name: [load for load in pages[built.folder / name].loads if load.endswith(".html")]
        for name in ("00_small.html", "01_next.html")
    }

    assert frames == {
        "00_small.html": ["widgets/00_small-1.html", "widgets/00_small-4-0.html"],
        "01_next.html": ["widgets/01_next-1.html"],
    }
    assert (built.live, built.stills) == (3, 1)
    for name in (*frames["00_small.html"], *frames["01_next.html"]):
        page = (built.folder / name).read_text(encoding="utf-8")
        assert "hostModel" in page
        assert "inside.js" in page
    kept = (built.folder / "01_next.html").read_text(encoding="utf-8")
    assert kept.count("was not run for this site") == 1
    assert '<img src="images/01_next-1-0.png"' in kept


def test_a_page_shows_text_tables_code_and_what_was_printed(built):
    page = (built.folder / "00_small.html").read_text(encoding="utf-8")

    assert '<h2 id="one-replay">One replay</h2>' in page
    assert re.search(r"<td>an <em>operation</em></td>", page)
    assert '<span class="kn">import</span>' in page
    assert '<pre class="out">1 &lt; 2\n</pre>' in page
    assert 'alt="A network of 4 layers' in page
    assert 'href="source/enas_viz.records.trace.html#L-20"' in page
    assert "a file that is no page and" in page  # words without a link
    assert '<a rel="next" href="01_next.html">' in page


def test_home_is_the_first_part_of_the_readme_without_pictures_from_elsewhere(built):
    page = (built.folder / "index.html").read_text(encoding="utf-8")

    assert '<a href="00_small.html">Its first notebook</a>, a plan.' in page
    assert "badge" not in page
    assert "Every widget on these pages plays" not in page  # one is a still
    assert "Second section" not in page
    assert "What is a platypus?" in page  # the question of the notebook, in the list of them


def test_the_search_knows_notebooks_gallery_and_names(built):
    text = (built.folder / "assets" / "index.js").read_text(encoding="utf-8")

    known = json.loads(text.removeprefix("window.enasIndex = ").removesuffix(";\n"))

    by_address = {entry["u"]: entry for entry in known}
    assert "platypus" in by_address["00_small.html#a-small-tour"]["x"]
    assert {"gallery.html#a-search", "api.html#ev.Replay", "api.html#search.run"} <= set(by_address)


def test_the_same_folder_is_built_again_but_no_other_is_touched(built, tmp_path):
    with pytest.raises(ValueError, match="holds something else than a site"):
        build(Path(__file__).parent, built.folder.parent / "notebooks")
    with pytest.raises(ValueError, match="there is no notebook in"):
        build(tmp_path / "site", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cell_that_fails_is_told_and_leaves_no_folder(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), folder / "bad.ipynb")

    with pytest.raises(ValueError, match=r"a cell of bad.ipynb failed:[\s\S]*ZeroDivisionError"):
        build(tmp_path / "site", folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_the_command_refuses_a_folder_without_notebooks(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["site", "--out", str(tmp_path / "site"), "--notebooks", str(tmp_path / "none")])

    assert stopped.value.code == 2
    assert "there is no notebook in" in capsys.readouterr().err


def test_a_missing_package_of_the_site_is_told_with_its_extra(monkeypatch, tmp_path, capsys):
    (tmp_path / "a.ipynb").write_text("{}")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(SystemExit):
        main(["site", "--out", str(tmp_path / "site"), "--notebooks", str(tmp_path)])
    assert "this needs ipykernel" in (told := capsys.readouterr().err)
    assert "enas-viz[site]" in told


# ---- parts


def test_a_cell_needs_torch_when_it_imports_it_or_reads_what_such_a_cell_made():
    cells = (
        "import enas_viz as ev\ntrace = 1",
        "from enas_viz import search\nboard = search.run(trace)",
        "print(trace)",
        "trace = await board",
        "ev.plot(trace)",
        "trace = ev.load_trace('macro-tiny')",
        "ev.plot(trace)",
        "import torch",
        "from enas_viz.search.candidates import derive",
        "%pip install enas-viz",
        "import enas_viz as ev, torch as t",
        "ev.plot(1)",
        "import enas_viz as ev\nev.plot(1)",
    )

    assert needs_torch(cells) == [0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0]


def test_the_reference_holds_every_public_name_with_its_signature_and_words():
    offered = reference.entries()

    assert [e.name for e in offered["enas_viz"]] == [f"ev.{name}" for name in enas_viz.__all__]
    every = [e for entries in offered.values() for e in entries]
    assert [e.name for e in every if not e.text] == []
    by_name = {e.name: e for e in every}
    assert by_name["ev.draw"].signature.startswith("ev.draw(\n    x: Any,\n    *,\n    level:")
    assert by_name["search.run"].module == "search.runs.run"
    assert "Replay.html" in [member.name for member in by_name["ev.Replay"].members]
    assert by_name["ev.MacroSpace"].signature.startswith("ev.MacroSpace(")


def test_a_docstring_becomes_paragraphs_and_code():
    html = reference.prose("Says `x` < 1.\n\n    a = 1\n      b\n\nOf x.\nRaises ValueError.")

    assert html == (
        "<p>Says <code>x</code> &lt; 1.</p>"
        '<pre class="code"><code>a = 1\n  b</code></pre><p>Of x.</p><p>Raises ValueError.</p>'
    )


def test_a_page_falls_into_sections_without_what_cells_showed():
    page = Page("x", lambda url: url)
    for source in ("# One `a`\n\nfirst", "## Two\n\nsecond"):
        page.html.append(page.markdown(source))
    page.html.insert(1, "<!--out--><pre>shown</pre><!--/out-->")

    found = sections("".join(page.html))

    assert [(s.title, s.anchor, s.words) for s in found] == [
        ("One a", "one-a", "first"),
        ("Two", "two", "second"),
    ]
