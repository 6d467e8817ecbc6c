"""Builds the site: every notebook a page whose widgets play, the gallery, the reference, a search.

A build goes to a folder beside the target, which takes its name once everything is written.

Not here: running notebooks (`running`); what pages hold (`notebook`, `reference`, `shell`).
"""

from __future__ import annotations

import importlib.util
import json
import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from enas_viz.records.files import check_folder
from enas_viz.site import reference
from enas_viz.site.notebook import Page, Section, sections, words_of
from enas_viz.site.running import run
from enas_viz.site.shell import Place, bar, head, neighbours, page
from enas_viz.view.assets import STATIC
from enas_viz.view.gallery import Link, gallery, notebook_links

MARK = "assets/site.js"  # a folder that has it was built by this module, and may be replaced
ASSETS = ("site.css", "site.js", "theme.js", "inside.css", "inside.js")
PICTURES = (".png", ".gif", ".svg", ".jpg")
LEAD = (
    "Play the decisions of a controller that designs neural networks: the course, without "
    "installation."
)


@dataclass(frozen=True)
class Built:
    """What a build made. live: widgets that play; stills: those that are pictures, as the cells
    that make them were not run; size: bytes of all files."""

    folder: Path
    notebooks: int
    live: int
    stills: int
    size: int


def build(
    out: Path,
    notebooks: Path = Path("notebooks"),
    *,
    train: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Built:
    """Writes the site of the notebooks in a folder to the folder `out`, and says what was made.

    A README.md beside the folder of notebooks opens the site with what stands before its first
    section. train: whether cells that need PyTorch run, too; where it is not installed they never
    do, and show what the notebook keeps. say: hears one line about each notebook.
    Raises ValueError without notebooks, for a cell that fails, and for a folder `out` that holds
    something else than a site; OSError where nothing can be written; ModuleNotFoundError where
    `enas-viz[site]` is not installed.
    """
    found = sorted(notebooks.glob("*.ipynb"))
    if not found:
        raise ValueError(
            f"there is no notebook in {str(notebooks)!r}; run this in the project's folder, or "
            f"give the folder of the notebooks"
        )
    _check_out(out)
    if importlib.util.find_spec("ipykernel") is None:
        raise ModuleNotFoundError("notebooks run in a kernel of ipykernel", name="ipykernel")
    if train and importlib.util.find_spec("torch") is None:
        say("PyTorch is not installed: cells that need it keep what the notebook has")
        train = False
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        half.chmod(0o755)  # mkdtemp keeps others out, a web server among them
        site = _Site(half, notebooks)
        site.add_course(found, train, say)
        site.add_home()
        site.add_reference()
        site.add_sources()
        site.add_gallery()
        site.add_assets()
        size = sum(file.stat().st_size for file in half.rglob("*") if file.is_file())
        if target.exists():
            shutil.rmtree(target)
        half.rename(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return Built(out, len(found), site.live, site.stills, size)


def _check_out(out: Path) -> None:
    check_folder(out)
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ValueError(
            f"the folder {str(out)!r} holds something else than a site; give an empty or a new one"
        )


@dataclass
class _Site:
    """A site that is being written. folder: where to; notebooks: the folder they are in."""

    folder: Path
    notebooks: Path
    links: Sequence[Link] = ()
    course: list[Place] = field(default_factory=list)
    found: list[dict[str, str]] = field(default_factory=list)  # what the search knows
    sources: set[str] = field(default_factory=set)  # files of the package that are linked to
    live: int = 0
    stills: int = 0

    def __post_init__(self) -> None:
        for name in ("assets", "images", "source", "widgets"):
            (self.folder / name).mkdir()
        told = notebook_links(self.notebooks, self.notebooks)
        self.course = [
            Place(link.title, link.question, unquote(link.address).replace(".ipynb", ".html"))
            for link in told
        ]
        self.links = [Link(p.title, p.question, p.address) for p in self.course]

    # ---- pages

    def add_course(self, paths: Sequence[Path], train: bool, say: Callable[[str], None]) -> None:
        with tempfile.TemporaryDirectory() as place:  # where cells write their runs
            for number, path in enumerate(paths):
                notebook = nbformat.read(path, as_version=4)
                widgets = self.folder / "widgets"
                ran = run(notebook, path.stem, widgets, Path(place), train)
                made = Page(path.stem, self.link_from(self.notebooks.name))
                for k, cell in enumerate(notebook.cells):
                    made.add(cell, k, ran[k])
                self._write_notebook(made, number)
                stills = f", {made.stills} as stills" if made.stills else ""
                say(f"{path.name}: {len(made.live)} widgets play{stills}")

    def _write_notebook(self, made: Page, number: int) -> None:
        place = self.course[number]
        for name, pixels in made.images.items():
            (self.folder / "images" / name).write_bytes(pixels)
        for name, html in made.frames.items():
            self._write(f"widgets/{name}", html)
        for name in made.live:
            path = self.folder / "widgets" / name
            path.write_text(_inside(path.read_text(encoding="utf-8")), encoding="utf-8")
        parts = made.sections()
        contents = "".join(
            f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in parts[1:]
        )
        listed = (
            '<details class="contents"><summary>On this page</summary>'
            f"<ul>{contents}</ul></details>"
        )
        body = f"{listed * bool(contents)}{''.join(made.html)}{neighbours(self.course, number)}"
        self._write_page(place.title, body, place.address, place.question)
        self._know(place.title, place.address, parts)
        self.live += len(made.live)
        self.stills += made.stills

    def add_home(self) -> None:
        readme = self.notebooks.parent / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else "# enas_viz\n"
        start = re.split(r"^## ", text, maxsplit=1, flags=re.M)[0]
        # badges and other pictures from elsewhere would not show without a network
        kept = [p for p in start.split("\n\n") if not re.search(r"!\[[^\]]*\]\(https?:", p)]
        made = Page("index", self.link_from("."))
        cards = "".join(
            f'<li><a href="{p.address}">{escape(p.title)}</a><p>{escape(p.question)}</p></li>'
            for p in self.course
        )
        opening = made.markdown("\n\n".join(kept))
        plays = "Every widget on these pages plays"
        if self.stills:
            plays = "Widgets on these pages play, unless a note below one says that it is a picture"
        body = (
            f'<div class="text">{opening}</div>'
            '<div class="text"><h2 id="notebooks">The notebooks</h2><p>Take them in order. '
            f"{plays}; what a notebook asks of a running search, such as the controller’s answer "
            "to your own choice, needs the notebook itself.</p></div>"
            f'<ol class="cards" start="0">{cards}</ol>'
            '<div class="text"><h2 id="more">More</h2><ul><li><a href="gallery.html">The gallery'
            "</a>: examples, recorded searches and published networks on one page</li>"
            '<li><a href="api.html">The API</a>: everything that <code>enas_viz</code> and '
            "<code>enas_viz.search</code> offer</li></ul></div>"
        )
        self._write_page("enas_viz", body, "index.html", LEAD)
        self._know("enas_viz", "index.html", sections(body))

    def add_reference(self) -> None:
        said = {
            "enas_viz": "Looking: spaces, traces, drawings, widgets. Needs no PyTorch. "
            "<code>import enas_viz as ev</code>",
            "enas_viz.search": "Training: supernets, controllers, searches. Needs PyTorch. "
            "<code>from enas_viz import search</code>",
        }
        parts = ['<div class="text"><h1 id="api">API</h1></div>']
        for door, offered in reference.entries().items():
            listed = "".join(
                f'<li><a href="#{e.name}"><code>{e.name}</code></a> {reference.short(e)}</li>'
                for e in offered
            )
            parts.append(
                f'<div class="text"><h2 id="{door}">{door}</h2><p>{said[door]}</p></div>'
                f'<ul class="names">{listed}</ul>'
            )
            for entry in offered:
                file = f"enas_viz/{reference.file_of(entry.module)}"
                html = reference.html(entry, self._source(file, entry.line))
                parts.append(html)
                for known in (entry, *entry.members):
                    self._tell(
                        known.name,
                        "API",
                        f"api.html#{known.name}",
                        words_of(reference.prose(known.text)),
                    )
        self._write_page("API", "".join(parts), "api.html", "What enas_viz offers, by name.")

    def add_sources(self) -> None:
        for file in sorted(self.sources):
            text = reference.PACKAGE.parent.joinpath(file).read_text(encoding="utf-8")
            marked = highlight(text, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
            lines = "".join(
                f'<span id="L-{n}">{line}</span>\n'
                for n, line in enumerate(marked.rstrip("\n").split("\n"), start=1)
            )
            body = (
                f'<div class="text"><h1>{file}</h1></div>'
                f'<pre class="code lines"><code>{lines}</code></pre>'
            )
            self._write_page(file, body, self._source(file))

    def add_gallery(self) -> None:
        html = gallery(self.links)
        opening = '<body class="enas-page">'
        if html.count(opening) != 1:
            raise ValueError("the gallery's page has no place for the site's bar")
        html = html.replace(opening, f"{opening}{bar(self.course, 'gallery.html')}")
        html = html.replace("</head>", f"{head()}</head>", 1)
        html = html.replace("<main>", '<main id="main">', 1)
        self._write("gallery.html", html)
        parts = re.findall(
            r'<section class="exhibit" id="([^"]+)".*?<h2[^>]*>(.*?)</h2>'
            r'<p class="words">(.*?)</p>',
            html,
            flags=re.S,
        )
        known = [Section(words_of(title), name, words_of(text)) for name, title, text in parts]
        self._know("Gallery", "gallery.html", known)

    def add_assets(self) -> None:
        for name in ASSETS:
            shutil.copy(STATIC / name, self.folder / "assets" / name)
        known = json.dumps(self.found, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._write("assets/index.js", f"window.enasIndex = {known};\n")

    # ---- links, files, and what the search knows

    def link_from(self, folder: str) -> Callable[[str], str | None]:
        """Turns an address in a text of `folder`, relative to the project's, into one of the site.

        None where the site has nothing there: then the words stand without a link.
        """

        def link(url: str) -> str | None:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or not parts.path:
                return url
            path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
            file = self.notebooks.parent / path
            page_of = {place.address: place.address for place in self.course}
            at = f"#{parts.fragment}" if parts.fragment else ""
            name = posixpath.basename(path)
            if path.endswith(".ipynb") and posixpath.dirname(path) == self.notebooks.name:
                address = page_of.get(name.replace(".ipynb", ".html"))
                return address and address + at
            if path.startswith("enas_viz/") and path.endswith(".py"):
                line = re.fullmatch(r"L(\d+)", parts.fragment)
                known = reference.PACKAGE.parent.joinpath(path).is_file()
                return self._source(path, int(line[1]) if line else 1) if known else None
            if path.lower().endswith(PICTURES) and not path.startswith("..") and file.is_file():
                shutil.copy(file, self.folder / "images" / name)
                return f"images/{name}"
            return None

        return link

    def _source(self, file: str, line: int | None = None) -> str:
        """The address of a file of the package, and of a line in it."""
        self.sources.add(file)
        name = file.removesuffix(".py").replace("/", ".")
        return f"source/{name}.html" + (f"#L-{line}" if line else "")

    def _write_page(self, title: str, body: str, address: str, about: str = "") -> None:
        shown = title if title == "enas_viz" else f"{title} · enas_viz"
        self._write(address, page(shown, body, self.course, address, about))

    def _write(self, address: str, text: str) -> None:
        (self.folder / address).write_text(text, encoding="utf-8")

    def _know(self, title: str, address: str, parts: Sequence[Section]) -> None:
        for part in parts:
            where = "" if part.title == title else title
            self._tell(part.title, where, f"{address}#{part.anchor}", part.words)

    def _tell(self, title: str, where: str, address: str, words: str) -> None:
        self.found.append({"t": title, "w": where, "u": address, "x": words})


def _inside(html: str) -> str:
    """A widget's page, and what makes it fit into a frame and take the theme of the page around."""
    if html.count("</head>") < 1:
        raise ValueError("a widget's page has no head to add to")
    more = (
        '<link rel="stylesheet" href="../assets/inside.css">'
        '<script src="../assets/theme.js"></script><script src="../assets/inside.js"></script>'
    )
    return html.replace("</head>", f"{more}</head>", 1)
