"""Files of `static/` as widgets and pages carry them: modules in one file, styles, the palette.

Not here: shapes (`shapes.py`), pages (`export.py`).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
DRAWLESS = ("exercise",)  # widgets that draw nothing, so that the palette is enough


@cache
def palette() -> dict[str, tuple[str, str]]:
    """Every colour by its variable, those of single widgets, too: (light, dark)."""
    sheets = sorted(STATIC.glob("*.css"))
    css = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    found = re.findall(r"(--enas-[\w-]+): light-dark\((#\w+), (#\w+)\)", css)
    return {name: (light, dark) for name, light, dark in found}


@cache
def styles(widget: str = "enas_viz") -> str:
    """The rules of a drawing with the light palette filled in, for pictures that stand alone."""
    css = (STATIC / f"{widget}.css").read_text(encoding="utf-8")
    part = css.partition("drawing: begin")[2].partition("/* ==== drawing: end")[0]
    part = part.partition("*/")[2]
    return re.sub(r"\s*\n\s*", "", filled(part))


def filled(css: str) -> str:
    """Styles with the light colours in the places of the palette's variables."""
    """Rules with the light colours in place of variables, for what draws without a browser."""
    return re.sub(r"var\((--enas-[\w-]+)\)", lambda m: palette()[m[1]][0], css)


def look(widget: str, *extras: str) -> str:
    """The styles of a widget: those of all, and its own where it has some; then those of `extras`,
    modules that it is joined with."""
    shared = shipped("enas_viz.css")
    if widget in DRAWLESS:
        shared = shared.partition(".enas-svg,")[0]  # the palette and the themes of hosts
    own = (f"{name.partition('.')[0]}.css" for name in (widget, *extras))
    return shared + "".join(shipped(css) for css in own if (STATIC / css).exists())


@cache
def module(name: str, *extras: str) -> str:
    """A module of `static/` with those that it imports inside it, as anywidget wants: one file.

    An imported module becomes a function that is called once and returns what it exports. extras:
    modules whose default exports the widget's `render` is handed, as `extras`.
    """
    if extras:
        names = [extra.partition(".")[0] for extra in extras]
        parts = [f"const widget = {_called(name, '')}.default;\n"]
        parts += [
            f"const {n} = {_called(x, '')}.default;\n" for n, x in zip(names, extras, strict=True)
        ]
        return (
            f"{''.join(parts)}const render = (host) => "
            f"widget.render({{ ...host, extras: [{', '.join(names)}] }});\n"
            "export default { render };\n"
        )
    text, parts = shipped(name), []
    for line in re.findall(r"^import .*;$", text, flags=re.M):
        default, names, file = re.fullmatch(
            r'import (?:(\w+), )?\{ (.*) \} from "\./([\w.]+)";', line
        ).groups()
        wanted = f"{{ {f'default: {default}, ' if default else ''}{names} }}"
        parts.append(f"const {wanted} = {_called(file, names)};\n")
        text = text.replace(line + "\n", "")
    return "".join(parts) + text


def _called(file: str, names: str) -> str:
    """A module as the call of a function that returns these of its exports, and its default."""
    body = module(file)
    exported = re.search(r"^export default (.*);$", body, flags=re.M)
    body = re.sub(r"^export default .*;$", "", body, flags=re.M)
    body = re.sub(r"^export (?=const|function)", "", body, flags=re.M)
    inside = f"return {{ default: {exported[1] if exported else 'null'}, {names} }};"
    return f"(() => {{\n{body}{inside}\n}})()"


@cache
def shipped(name: str) -> str:
    """A file of `static/` as widgets and pages carry it: without comments and indents, styles also
    without the spaces that mean nothing, a fifth smaller, since a saved notebook keeps a copy for
    each widget."""
    text = (STATIC / name).read_text(encoding="utf-8")
    is_style = name.endswith(".css")
    if is_style:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        # a space before a colon or a bracket means something in a selector; these mean nothing
        text = re.sub(r"([:;,{]) | (?=[{}])", r"\1", text).replace(";}", "}")
    lines = (re.sub(r"\s+// .*$", "", line).strip() for line in text.splitlines())
    comment = () if is_style else ("//", "/*", "*")  # in styles a star selects everything
    kept = [line for line in lines if line and not line.startswith(comment)]
    text = "\n".join(kept) + "\n"
    return re.sub(r"(?<=[{};,])\n", "", text) if is_style else text
