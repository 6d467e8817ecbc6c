"""The frame of every page of the site: head, bar with navigation and search, foot.

Not here: what the pages say (`notebook`, `reference`); how they look (`static/site.css`) and what
the bar does (`static/site.js`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Place:
    """A page of the course. address: its file in the site's folder."""

    title: str
    question: str
    address: str


def page(title: str, body: str, course: Sequence[Place], address: str, about: str = "") -> str:
    """One complete page. body: HTML for its main part; course: the notebooks, for the bar;
    address: its file, in the site's folder or one below; about: what it says, in a sentence."""
    up = "../" * address.count("/")
    described = f'<meta name="description" content="{escape(about)}">' if about else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>{described}{head(up)}</head>"
        f'<body class="site">{bar(course, address)}<main class="page" id="main">{body}</main>'
        f"{_foot()}</body></html>\n"
    )


def head(up: str = "") -> str:
    """Styles and scripts that every page loads. up: the way to the site's folder."""
    return (
        f'<link rel="stylesheet" href="{up}assets/site.css">'
        f'<script src="{up}assets/theme.js"></script>'
        f'<script src="{up}assets/site.js" defer></script>'
    )


def bar(course: Sequence[Place], address: str) -> str:
    """The bar at the top: where one can go, the search, and the switch of the theme."""
    up = "../" * address.count("/")

    def link(to: str, text: str, more: str = "") -> str:
        here = ' aria-current="page"' if to == address else ""
        return f'<a href="{up}{to}"{here}{more}>{escape(text)}</a>'

    listed = "".join(f"<li>{link(place.address, place.title)}</li>" for place in course)
    return (
        '<header class="bar"><a class="skip" href="#main">Skip to the text</a>'
        '<nav aria-label="Site">'
        + link("index.html", "enas_viz", ' class="brand"')
        + '<details class="course"><summary>Notebooks</summary>'
        + f'<ol start="0">{listed}</ol></details>'
        + link("gallery.html", "Gallery")
        + link("api.html", "API")
        + '</nav><div class="find" role="search" hidden>'
        '<input type="search" placeholder="Search (press /)" aria-label="Search this site" '
        'autocomplete="off" spellcheck="false"><div class="found" hidden>'
        '<p role="status"></p><ol></ol></div></div>'
        '<button class="theme" type="button" hidden></button></header>'
    )


def neighbours(course: Sequence[Place], number: int) -> str:
    """Links to the notebooks before and after one of the course."""
    before = course[number - 1] if number else None
    after = course[number + 1] if number + 1 < len(course) else None
    links = "".join(
        f'<a rel="{rel}" href="{place.address}"><span>{word}</span> {escape(place.title)}</a>'
        for rel, word, place in (("prev", "Previous", before), ("next", "Next", after))
        if place
    )
    return f'<nav class="neighbours" aria-label="Neighbouring notebooks">{links}</nav>'


def _foot() -> str:
    return (
        '<footer class="foot"><p>Made by <code>enas-viz site</code>. Everything is in this folder: '
        "the pages work without a network. Program and pages are free under the MIT licence.</p>"
        "</footer>"
    )
