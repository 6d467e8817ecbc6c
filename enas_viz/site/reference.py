"""The reference: what `enas_viz` and `enas_viz.search` offer, read from the source.

Names, signatures and docstrings come from the syntax trees, so nothing is imported and PyTorch is
not needed.

Not here: the page around it (`shell`).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from textwrap import dedent

import enas_viz

PACKAGE = Path(enas_viz.__file__).parent
WIDE = 84  # characters of a signature in one line
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Entry:
    """A public name. module: where it is defined, such as "view.export"; line: from 1."""

    name: str  # as one writes it: "ev.draw", "search.run", "Trace.best"
    kind: str  # "class", "function", "method", "property", "value"
    signature: str
    text: str  # the docstring, without indents
    module: str
    line: int
    members: tuple[Entry, ...] = ()

    @property
    def summary(self) -> str:
        return " ".join(self.text.partition("\n\n")[0].split())


def entries() -> dict[str, tuple[Entry, ...]]:
    """The public names by the door they come through: "enas_viz" and "enas_viz.search".

    Raises ValueError for a name that the source does not define.
    """
    offered = ast.literal_eval(_value(_tree("search"), "_HOMES"))  # without importing torch
    return {
        "enas_viz": tuple(
            _entry(f"ev.{name}", name, home) for name, home in sorted(enas_viz._HOMES.items())
        ),
        "enas_viz.search": tuple(
            _entry(f"search.{name}", name, f"search.{home}")
            for name, home in sorted(offered.items())
        ),
    }


def html(entry: Entry, source: str, depth: int = 3) -> str:
    """An entry as a section of a page. source: the address of its source; depth: of its heading."""
    tag = f"h{depth}"
    members = "".join(html(member, "", depth + 1) for member in entry.members)
    where = f'<a class="source" href="{escape(source)}">source</a>' if source else ""
    kind = f'<span class="kind">{entry.kind}</span>'
    return (
        f'<section class="entry" id="{entry.name}"><{tag}><code>{escape(entry.name)}</code> '
        f"{kind} {where}</{tag}>"
        + (
            f'<pre class="code"><code>{escape(entry.signature)}</code></pre>'
            * bool(entry.signature)
        )
        + prose(entry.text)
        + (f'<div class="members">{members}</div>' if members else "")
        + "</section>"
    )


def prose(text: str) -> str:
    """A docstring as paragraphs; what it raises and returns begins one, indented parts keep their
    lines."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if not block.strip():
            continue
        if all(line.startswith("    ") for line in block.splitlines()):
            parts.append(f'<pre class="code"><code>{escape(dedent(block))}</code></pre>')
        else:
            for piece in re.split(r"\n(?=(?:Raises|Returns|Source:) )", block):
                words = escape(" ".join(piece.split()), quote=False)
                marked = re.sub("`([^`]+)`", r"<code>\1</code>", words)
                parts.append(f"<p>{marked}</p>")
    return "".join(parts)


def short(entry: Entry) -> str:
    """The first sentence of an entry, as HTML."""
    sentence = re.split(r"(?<=\.) (?=[A-Z])", entry.summary)[0]
    return prose(sentence).removeprefix("<p>").removesuffix("</p>")


def file_of(module: str) -> str:
    """A module's file in the package: "view/export.py"."""
    path = PACKAGE.joinpath(*module.split("."))
    return f"{module.replace('.', '/')}{'/__init__' if path.is_dir() else ''}.py"


# ---------------------------------------------------------------- reading


@cache
def _tree(module: str) -> ast.Module:
    path = PACKAGE.joinpath(*module.split(".")) if module else PACKAGE
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _home(name: str, module: str) -> tuple[ast.stmt, str] | None:
    """The statement that defines a name, and its module, past the modules that only pass it on."""
    for node in _tree(module).body:
        if isinstance(node, _FUNCTION | ast.ClassDef) and node.name == name:
            return node, module
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node, module
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("enas_viz."):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _home(alias.name, node.module.removeprefix("enas_viz."))
    return None


def _value(tree: ast.Module, name: str) -> ast.expr:
    return next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
    )


def _entry(shown: str, name: str, module: str) -> Entry:
    found = _home(name, module)
    if found is None:
        raise ValueError(f"enas_viz.{module} offers {name!r}, but its source does not define it")
    node, home = found
    if isinstance(node, _FUNCTION):
        return _function(node, shown, home)
    if isinstance(node, ast.ClassDef):
        return _class(node, shown, home)
    return Entry(shown, "value", ast.unparse(node), "", home, node.lineno)


def _function(node: ast.stmt, shown: str, home: str, kind: str = "function") -> Entry:
    text = ast.get_docstring(node) or ""
    signature = "" if kind == "property" else _signature(shown, node)
    if kind == "property" and node.returns:
        signature = f"{shown}: {ast.unparse(node.returns)}"
    return Entry(shown, kind, signature, text, home, node.lineno)


def _class(node: ast.ClassDef, shown: str, home: str) -> Entry:
    """A class with its public members, those of its bases in this package included."""
    kin = _kin(node, home)
    bodies = [relative.body for relative, _ in kin]
    members: dict[str, Entry] = {}
    for relative, module in kin:
        for part in relative.body:
            known = isinstance(part, _FUNCTION) and ast.get_docstring(part)
            if known and not part.name.startswith("_") and part.name not in members:
                marks = {ast.unparse(mark).partition("(")[0] for mark in part.decorator_list}
                kind = "property" if marks & {"property", "cached_property"} else "method"
                short = shown.rpartition(".")[2]
                members[part.name] = _function(part, f"{short}.{part.name}", module, kind)
    return Entry(
        shown,
        "class",
        _construction(shown, node, bodies),
        ast.get_docstring(node) or "",
        home,
        node.lineno,
        tuple(members.values()),
    )


def _kin(node: ast.ClassDef, home: str) -> list[tuple[ast.ClassDef, str]]:
    """The class and its bases of this package, nearest first."""
    found = [(node, home)]
    for base in node.bases:
        above = _home(base.id, home) if isinstance(base, ast.Name) else None
        if above and isinstance(above[0], ast.ClassDef):
            found += _kin(*above)
    return found


def _construction(shown: str, node: ast.ClassDef, bodies: list[list[ast.stmt]]) -> str:
    """How an object is made: from `__init__`, or of a dataclass from its fields."""
    for body in bodies:
        for part in body:
            if isinstance(part, _FUNCTION) and part.name == "__init__":
                return _signature(shown, part, returns=False)
    if not any(ast.unparse(mark).startswith("dataclass") for mark in node.decorator_list):
        return ""
    fields = [
        ast.unparse(part).replace("\n", " ")
        for body in reversed(bodies)
        for part in body
        if isinstance(part, ast.AnnAssign) and not part.target.id.startswith("_")
    ]
    return _call(shown, fields, "")


def _signature(shown: str, node: ast.stmt, returns: bool = True) -> str:
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    parts = [_argument(a, d) for a, d in zip(plain, defaults, strict=True)]
    if plain and plain[0].arg in ("self", "cls"):
        parts = parts[1:]
    if given.vararg:
        parts.append(f"*{_argument(given.vararg, None)}")
    elif given.kwonlyargs:
        parts.append("*")
    parts += [_argument(a, d) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        parts.append(f"**{_argument(given.kwarg, None)}")
    result = f" -> {ast.unparse(node.returns)}" if returns and node.returns else ""
    return _call(shown, parts, result)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    text = argument.arg
    if argument.annotation:
        text += f": {ast.unparse(argument.annotation)}"
    if default is not None:
        equals = " = " if argument.annotation else "="
        text += f"{equals}{ast.unparse(default)}"
    return text


def _call(shown: str, parts: list[str], result: str) -> str:
    line = f"{shown}({', '.join(parts)}){result}"
    if len(line) <= WIDE:
        return line
    inside = "".join(f"    {part},\n" for part in parts)
    return f"{shown}(\n{inside}){result}"
