"""A notebook as HTML: text, highlighted code, and what the cells showed.

A widget that has a page of its own is shown as that page, in a frame; everything else as the
notebook keeps it: text and PNG stills.

Not here: running cells (`running`); the page around them (`shell`); files (`build`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

import mistune
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer

from enas_viz.site.running import NOTE, plain

# pixels of height until the page inside says its own, as they are in a column of 1,180 pixels
HEIGHTS = {
    "Child": 640,
    "Dashboard": 760,
    "Editor": 780,
    "Exercise": 190,
    "Guess": 130,
    "Lens": 820,
    "Loop": 640,
    "Microscope": 1007,
    "Replay": 590,
    "SharedWeights": 900,
}
NAMES = {"SharedWeights": "Shared weights"}  # in words, where the class's name is not
FRAME = re.compile(r"<iframe srcdoc=([\"'])(.*?)\1.*?\bheight=\"(\d+)\"", re.S)  # `.iframe()`
OUT = re.compile("<!--out-->.*?<!--/out-->", re.S)  # what cells showed: not searched


@dataclass(frozen=True)
class Section:
    """A part of a page, for the search: its heading, the words below it, and its anchor."""

    title: str
    anchor: str
    words: str


@dataclass
class Page:
    """What a notebook becomes. link: turns an address in the text into one of the site, None where
    there is nothing to link to. stem: the notebook's name, for the files of its page."""

    stem: str
    link: Callable[[str], str | None]
    html: list[str] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)  # PNG files by name
    frames: dict[str, str] = field(default_factory=dict)  # pages to show in frames, by name
    live: list[str] = field(default_factory=list)  # the names of all pages shown in frames
    stills: int = 0  # widgets that are shown as pictures

    def add(self, cell: Any, number: int, ran: bool) -> None:
        """Adds a cell of nbformat. number: its position, from 0; ran: whether it was executed."""
        if cell.cell_type == "markdown":
            self.html.append(f'<div class="text">{self.markdown(cell.source)}</div>')
        elif cell.cell_type == "code" and cell.source.strip():
            shown = "".join(
                self._output(output, f"{self.stem}-{number}-{k}", ran)
                for k, output in enumerate(_joined(cell.outputs))
            )
            out = f'<!--out--><div class="shown">{shown}</div><!--/out-->' if shown else ""
            self.html.append(f'<div class="cell">{code(cell.source)}{out}</div>')

    def markdown(self, text: str) -> str:
        return mistune.create_markdown(renderer=_Text(self.link), plugins=["table"])(text)

    def sections(self) -> list[Section]:
        return sections("".join(self.html))

    def _output(self, output: Any, name: str, ran: bool) -> str:
        if output.output_type == "stream":
            return f'<pre class="out">{escape(plain(output.text))}</pre>' * (
                output.name != "stderr"
            )
        if output.output_type == "error":
            return f'<pre class="out">{escape(plain(chr(10).join(output.traceback)))}</pre>'
        data, note = output.data, output.metadata.get(NOTE, {})
        if "page" in note:
            kind = note["kind"]
            return self._frame(note["page"], NAMES.get(kind, kind), HEIGHTS.get(kind, 700))
        words = note.get("words", "")
        if "text/html" in data:
            return self._html(data["text/html"], name)
        if "image/png" in data:
            return self._still(output, name, words, ran)
        return f'<pre class="out">{escape(plain(data.get("text/plain", "")))}</pre>'

    def _frame(self, name: str, kind: str, height: int) -> str:
        self.live.append(name)
        return (
            f'<figure class="live"><iframe src="widgets/{name}" height="{height}" loading="lazy" '
            f'title="{escape(kind)}, to be played" allowfullscreen></iframe>'
            f'<figcaption><a href="widgets/{name}">{escape(kind)} on a page of its own</a>'
            "</figcaption></figure>"
        )

    def _html(self, html: str, name: str) -> str:
        framed = FRAME.search(html)
        if not framed:
            return f'<div class="html">{html}</div>'
        self.frames[f"{name}.html"] = unescape(framed[2])
        return self._frame(f"{name}.html", "The same", int(framed[3]))

    def _still(self, output: Any, name: str, words: str, ran: bool) -> str:
        self.images[f"{name}.png"] = base64.b64decode(output.data["image/png"])
        width = output.metadata.get("image/png", {}).get("width")
        size = f' width="{width}"' if width else ""
        picture = (
            f'<div class="picture"><img src="images/{name}.png"{size} loading="lazy" '
            f'alt="{escape(words or "What this cell shows, as a picture")}"></div>'
        )
        if ran or not re.match(r"<enas_viz\.widgets\.", output.data.get("text/plain", "")):
            return picture
        self.stills += 1
        return (
            f'{picture}<p class="note">This is a still picture: its cell trains with PyTorch, and '
            "was not run for this site. In the notebook it is live.</p>"
        )


class _Text(mistune.HTMLRenderer):
    """Markdown with anchors at headings, highlighted code, and links that lead somewhere."""

    def __init__(self, link: Callable[[str], str | None]) -> None:
        super().__init__(escape=False)
        self._link = link

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f'<h{level} id="{anchor(text)}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        address = self._link(unescape(url))
        return text if address is None else super().link(text, address, title)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        address = self._link(unescape(url))
        return "" if address is None else super().image(text, address, title)

    def block_code(self, text: str, info: str | None = None) -> str:
        return code(text, bool(info and info.startswith("py")))


def code(text: str, python: bool = True) -> str:
    """Code as a block, Python with its parts marked."""
    lexer = PythonLexer() if python else TextLexer()
    marked = highlight(text.strip("\n"), lexer, HtmlFormatter(nowrap=True))
    return f'<pre class="code"><code>{marked.rstrip()}</code></pre>'


def anchor(heading: str) -> str:
    """The name of a heading in addresses."""
    words = re.sub(r"<[^>]+>", "", unescape(heading)).lower()
    return re.sub(r"[^\w]+", "-", words).strip("-") or "section"


def sections(html: str) -> list[Section]:
    """The parts of a page, one for each heading that has an anchor."""
    found = []
    parts = re.split(r'<h[1-4] id="([^"]+)">(.*?)</h[1-4]>', OUT.sub(" ", html), flags=re.S)
    for name, title, below in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found.append(Section(words_of(title), name, words_of(below)))
    return found


def words_of(html: str) -> str:
    """The text of a piece of HTML, in one line."""
    spaced = re.sub(r"</?(?:p|li|td|th|div|pre|h\d|br|ul|ol|table|tr|summary)\b[^>]*>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", spaced)).split())


def _joined(outputs: list[Any]) -> list[Any]:
    """The outputs, and what was printed piece by piece as one."""
    found: list[Any] = []
    for output in outputs:
        last = found[-1] if found else None
        same = last is not None and last.output_type == output.output_type == "stream"
        if same and last.name == output.name:
            last.text += output.text
        else:
            found.append(output.copy())
    return found
