"""Files and texts that strangers made: refused in a sentence, or shown as the text that they are.

Everything is made here, while the tests run. Checkpoints, run folders and images, which need torch,
are in `search/test_hostile_runs.py`.
"""

import gzip
import json
import os
import pickle
import tracemalloc
import warnings
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soak import SOAK

import enas_viz as ev
from enas_viz import cli
from enas_viz.records.ranking import read_architecture
from enas_viz.records.trace import ASSETS, Episode, Header, load_trace, read_trace
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import MICRO

REAL = gzip.decompress((ASSETS / "macro-tiny.jsonl.gz").read_bytes()).splitlines()
WITH_STEPS = [line for line in REAL if b'"steps":[' in line][:2]
EPOCH = next(line for line in REAL if b'"type":"epoch"' in line)
RESULT = b'{"n":9,"type":"result","right":3,"images":4,"parameters":5,"epoch":1,"clock":{"s":1.5}}'
SMALL = [REAL[0], *WITH_STEPS, EPOCH, RESULT]  # a header, two episodes, an epoch, a result


class Marking:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def changed(line: bytes, **values) -> bytes:
    return json.dumps(json.loads(line) | values).encode()


def lines(*rows: bytes) -> bytes:
    return b"".join(row + b"\n" for row in rows)


def bomb(byte: bytes) -> bytes:
    """A gzip file of a megabyte that unpacks to more than a thousand."""
    return gzip.compress(byte * (64 * 2**20), 9) * 18


HEADER = REAL[0]
DEEP = b"[" * 100_000 + b"]" * 100_000
DIGITS = b"9" * 100_000
HOSTILE = {
    "empty": b"",
    "empty gzip": gzip.compress(b""),
    "gzip of a gzip": gzip.compress(gzip.compress(lines(HEADER))),
    "gzip bomb of zeros": bomb(b"\0"),
    "gzip bomb of empty lines": bomb(b"\n"),
    "gzip bomb of small records": gzip.compress(
        lines(HEADER) + b'{"type":"epoch","epoch":1}\n' * 4_000_000
    ),
    "letters that are none": b"\xff\xfe\xfd",
    "letters that are none, later": lines(HEADER, b'{"type":"epoch","epoch":0,"x":"\xff\xfe"}'),
    "NUL bytes": b"\0" * 4096,
    "NUL bytes behind a header": lines(HEADER, b"\0" * 4096),
    "UTF-16": lines(HEADER).decode().encode("utf-16"),
    "nested deep": lines(DEEP),
    "objects nested deep": lines(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a header nested deep": lines(HEADER[:-1] + b',"x":' + DEEP + b"}"),
    "a record nested deep": lines(HEADER, b'{"type":"epoch","epoch":0,"x":' + DEEP + b"}"),
    "nested as deep as JSON is read": lines(
        HEADER, b'{"type":"epoch","epoch":0,"x":' + b"[" * 600 + b"]" * 600 + b"}"
    ),
    "a thousand million layers": lines(
        changed(HEADER, space={"kind": "macro", "layers": 10**9}), *WITH_STEPS
    ),
    "a thousand million nodes": lines(
        changed(HEADER, space={"kind": "micro", "nodes": 10**9}, order="indices-first")
    ),
    "a hundred thousand digits": lines(HEADER[:-1] + b',"seed":' + DIGITS + b"}"),
    "a hundred thousand digits, later": lines(HEADER, b'{"type":"epoch","epoch":' + DIGITS + b"}"),
    "four thousand digits": lines(HEADER, b'{"type":"epoch","epoch":' + b"9" * 4000 + b"}"),
    "not a number": lines(HEADER, b'{"type":"epoch","epoch":0,"loss":NaN}'),
    "infinity": lines(HEADER, b'{"type":"epoch","epoch":0,"x":[-Infinity]}'),
    "infinity in digits": lines(HEADER, b'{"type":"epoch","epoch":0,"loss":1e999}'),
    "infinity in digits, hidden": lines(HEADER, b'{"type":"epoch","epoch":0,"x":[{"y":1e999}]}'),
    "one name twice": lines(HEADER, b'{"type":"epoch","epoch":0,"epoch":1}'),
    "one name twice in the header": lines(HEADER[:-1] + b',"seed":1,"seed":2}'),
    "one name twice, inside": lines(HEADER, b'{"type":"epoch","epoch":0,"clock":{"a":1,"a":2}}'),
    "half a letter": lines(HEADER, b'{"type":"epoch","epoch":0,"x":"\\ud800"}'),
    "half a letter in the header": lines(changed(HEADER, note="\ud83d")),
    "a million picks": lines(HEADER, changed(WITH_STEPS[0], content=[[0] * 10**6])),
    "a format of a million numbers": lines(changed(HEADER, format=[1] * 10**6)),
    "a negative epoch": lines(HEADER, changed(EPOCH, epoch=-1)),
    "a negative count of steps": lines(HEADER, changed(EPOCH, steps=-5)),
    "negative test images": lines(HEADER, changed(RESULT, images=-4, right=-3)),
    "more right than there are": lines(HEADER, changed(RESULT, right=5)),
    "an accuracy of 120 per cent": lines(HEADER, changed(WITH_STEPS[0], accuracy=1.2)),
    "a negative time": lines(HEADER, changed(EPOCH, clock={"weights_s": -1})),
    "a time of letters": lines(HEADER, changed(EPOCH, clock={"weights_s": "long"})),
    "an operation of a stranger": lines(
        changed(HEADER, space={"kind": "macro", "layers": 2, "ops": ["<script>", "conv3x3"]})
    ),
    "unhashable operations": lines(
        changed(HEADER, space={"kind": "macro", "layers": 2, "ops": [[], {}]})
    ),
}


def refused(path: Path, capsys) -> str:
    """How a trace is refused: one sentence of Python's, the same in one line of the command."""
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        load_trace(path)
    told = str(caught.value)
    assert len(told) < 2000
    with pytest.raises(SystemExit) as ended:
        cli.main(["replay", str(path), "--out", str(path.parent / "out.html")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip().startswith("enas-viz: error: ")
    return told


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_trace_is_refused_in_a_sentence(tmp_path, capsys, name):
    path = tmp_path / ("t.jsonl.gz" if "gzip" in name else "t.jsonl")
    path.write_bytes(HOSTILE[name])

    assert "t.jsonl" in refused(path, capsys)


@pytest.mark.parametrize("name", ["gzip bomb of zeros", "gzip bomb of empty lines"])
def test_a_gzip_bomb_takes_little_memory(tmp_path, name):
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="unpacks to more than .* so it is refused"):
            load_trace(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 300 * 2**20


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_never_loaded(tmp_path, capsys, packed, protocol):
    marker = tmp_path / "marker"
    data = pickle.dumps(Marking(marker), protocol)
    path = tmp_path / "trace.jsonl"
    path.write_bytes(gzip.compress(data) if packed else data)

    assert "not JSON" in refused(path, capsys)
    assert "not JSON" in refused(tmp_path, capsys)  # as a run's folder
    assert not marker.exists()
    pickle.loads(data)  # a marker it is
    assert marker.exists()


def test_what_is_no_file_is_refused(tmp_path, capsys):
    (tmp_path / "trace.jsonl").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")

    assert "is no file" in refused(tmp_path, capsys)
    assert "no trace" in refused(tmp_path / "trace.jsonl", capsys)
    assert "no trace" in refused(tmp_path / "loop", capsys)
    assert "is no file" in refused(tmp_path / "pipe", capsys)  # it would wait for ever
    assert "is no file" in refused(Path("/dev/zero"), capsys)


# ---- wrong kinds everywhere

ODD = (None, True, -1, 0, 1.5, 10**300, 1e308, "", "x", "\0\x1b[2J", [], [[]], {}, {"a": [1]})


def shown_or_refused(data: bytes, level: str = "graph") -> None:
    """That a trace is refused by a ValueError, or else can be summed up, drawn and played."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a torn last line; of numbers too large for a picture
        try:
            trace = read_trace(data)
        except ValueError:
            return
        assert len(trace.digest()) == 64
        assert trace.seconds >= 0
        if trace.episodes:
            ET.fromstring(ev.draw(trace, level=level).svg)
            if level == "graph":
                ev.Replay(trace)


@pytest.mark.parametrize("row", range(len(SMALL)), ids=["header", "one", "two", "epoch", "result"])
def test_a_field_of_another_kind_is_refused_or_does_no_harm(row):
    fields = json.loads(SMALL[row])
    for name in [*fields, "note", "extra", "entropy", "read", "header", "order"]:
        for value in ODD:
            made = list(SMALL)
            made[row] = changed(SMALL[row], **{name: value})
            shown_or_refused(lines(*made))


def test_a_recipe_or_data_set_of_nonsense_does_no_harm_to_a_picture():
    head = json.loads(HEADER)
    for part in ("recipe", "fidelity", "dataset", "device", "versions"):
        for name in head[part]:
            for value in (None, "x", 10**300, [[]], {"layers": 10**9}):
                made = changed(HEADER, **{part: head[part] | {name: value}})
                shown_or_refused(lines(made, WITH_STEPS[0]), "network")
    for part, inner in head["recipe"].items():
        for name in inner if isinstance(inner, dict) else ():
            for value in ("x", 10**300, -1):
                recipe = head["recipe"] | {part: inner | {name: value}}
                shown_or_refused(lines(changed(HEADER, recipe=recipe), WITH_STEPS[0]), "network")


def test_a_stack_of_a_thousand_million_cells_is_not_drawn():
    recipe = {"network": {"layers": 10**9, "filters": 10**9}, "data": {"resolution": 10**9}}
    episode = Episode(MICRO, header=Header(MICRO.space, "indices-first", recipe=recipe))

    assert len(ev.draw(episode, level="network").svg) < 200_000


# ---- shown as text

SCRIPTS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>alert(1)",
    "--></script><img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>",
    "</style></title></svg><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "\u2028alert(1)//\u2029",
    "\0\x01\x1b[2J\x7f\uffff",
    "&lt;script&gt; ${alert(1)} `+alert(1)+`",
    "javascript:alert(1)",
]


class Page(HTMLParser):
    """What a page would run, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str, str]] = []  # (type, content)
        self.handlers: list[str] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type", ""), ""))
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.handlers += [v for _, v in attrs if v and v.strip().startswith("javascript:")]

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        else:
            self.words.append(data)


def trace_that_says(text: str):
    head = json.loads(HEADER)
    head |= {
        "note": text,
        "recipe": head["recipe"] | {"name": text, "about": text},
        "dataset": head["dataset"] | {"name": text, "classes": [text] * 10},
        "device": {"type": text, text: text},
        "versions": {text: text},
        "fidelity": head["fidelity"] | {"skip_merge_search": text, "loose_inputs": text},
        text: text,
    }
    rows = [changed(line, note=text, **{text: text}) for line in WITH_STEPS]
    return read_trace(lines(json.dumps(head).encode(), *rows, changed(EPOCH, **{text: text})))


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_page_shows_scripts_of_a_trace_as_text(tmp_path, text):
    trace = trace_that_says(text)
    clean = Page(ev.save(trace_that_says("calm"), tmp_path / "c.html").read_text("utf-8"))

    found = Page(ev.save(trace, tmp_path / "t.html").read_text("utf-8"))

    assert [kind for kind, _ in found.scripts] == ["application/json", "module"]
    assert found.scripts[1] == clean.scripts[1]  # nothing of the trace is in what runs
    assert not found.handlers
    state = json.loads(found.scripts[0][1])
    assert any(text in moment["facts"] for moment in state["film"]["moments"])


@pytest.mark.parametrize("text", SCRIPTS)
def test_pictures_and_their_pages_show_scripts_of_a_trace_as_text(tmp_path, text):
    episode = trace_that_says(text).episodes[0]
    for options in ({}, {"step": 2}, {"level": "network"}):
        made = ET.fromstring(ev.save(episode, tmp_path / "e.svg", **options).read_text("utf-8"))
        names = [element.tag.rpartition("}")[2] for element in made.iter()]
        assert "script" not in names
        assert not [a for e in made.iter() for a in e.attrib if a.lower().startswith("on")]
        shown = "".join(made.itertext()).split()
        printed = "".join(c if c.isprintable() else " " for c in text).split()
        assert all(any(word in part for part in shown) for word in printed if word.isascii())
    page = Page(ev.save(episode, tmp_path / "n.html", level="network").read_text("utf-8"))
    assert not page.handlers
    assert not any("alert" in content for _, content in page.scripts)


def test_a_frame_holds_a_hostile_page_as_one_attribute(tmp_path):
    replay = ev.Replay(trace_that_says(SCRIPTS[4]).episodes[0])

    found = Page(replay.iframe().data)

    assert not found.scripts
    assert not found.handlers


# ---- architectures


@pytest.mark.parametrize(
    "value",
    [
        *ODD,
        {"space": None, "content": None},
        {"space": {"kind": "macro", "layers": 10**9}, "content": []},
        {"space": {"kind": "micro", "nodes": 10**9}, "content": []},
        {"space": {"kind": "macro", "layers": 2}, "content": [[0], [0, 10**400]]},
        {"space": {"kind": "macro", "layers": 2}, "content": [[0], [True, 1]]},
        {"space": {"kind": "macro", "layers": 2}, "content": [[0] * 10**6]},
        {"space": {"kind": "macro", "layers": 2}, "content": {"0": [0]}},
        {"space": {"kind": "macro", "layers": [2]}, "content": [[0]]},
        {"space": {"kind": "macro", "layers": 2, "wiring": {}}, "content": [[0]]},
        {"space": {"kind": "micro", "nodes": 1, "cells": [[]]}, "content": [[0]]},
        {"space": {"kind": "micro", "nodes": 1}, "content": [[[9, 0, 0, 0]], [[0, 0, 0, 0]]]},
    ],
)
def test_an_architecture_of_nonsense_is_refused(value):
    with pytest.raises(ValueError) as caught:
        Architecture.from_json(value)

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "[" * 100_000,
        "0 " * 1_000_000,
        "9" * 100_000,
        "0 " + "9" * 100_000,
        "-1 0 0",
        "0 1e5 0",
        "0 0x1 0",
        "fixed_arc=" + '"0" ' * 100_000,
        'fixed_arc="$(touch marker)"',
        "Genotype(" + "[" * 100_000,
        "Genotype(normal=" + "[" * 90 + "]" * 90 + ")",
        "Genotype(normal=__import__('os').mkdir('marker'))",
        "Genotype(normal=range(10**12), reduce=range(10**12))",
        "Genotype(normal=[('x' * 10**9, 0)])",
        "{" * 100_000,
        "<script>alert(1)</script>",
        "../../etc/passwd",
    ],
)
def test_decode_refuses_hostile_text(tmp_path, monkeypatch, capsys, text):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as ended:
        cli.main(["decode", "--", text] if text.startswith("-") else ["decode", text])

    told = capsys.readouterr().err.strip()
    assert ended.value.code == 2
    assert told.startswith("enas-viz: error: ")
    assert len(told) < 3000
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"5"),
        *(b"{}", b'{"candidates":[]}', b'{"candidates":{}}', b'{"candidates":[[]]}', b"NaN"),
        b'{"candidates":[{"architecture":5}]}',
        b'{"space":{"kind":"macro","layers":1000000000},"content":[]}',
        b'{"space":{"kind":"macro","layers":1},"content":[[NaN]]}',
        b" " * (17 * 2**20),
    ],
)
def test_a_file_of_an_architecture_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "arch.json"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"arch\.json holds neither an architecture nor") as caught:
        read_architecture(path)
    assert len(str(caught.value)) < 1000


def test_a_pickle_under_an_architectures_name_is_never_loaded(tmp_path):
    path, marker = tmp_path / "arch.json", tmp_path / "marker"
    path.write_bytes(pickle.dumps(Marking(marker)))

    with pytest.raises(ValueError, match=r"arch\.json holds neither"):
        read_architecture(path)
    assert not marker.exists()


def test_what_is_no_file_holds_no_architecture(tmp_path):
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    os.mkfifo(tmp_path / "pipe.json")

    for path in (tmp_path, tmp_path / "loop.json", tmp_path / "pipe.json", Path("/dev/zero")):
        with pytest.raises(ValueError, match=f"{path}"):
            read_architecture(path)


@pytest.mark.parametrize("text", ["0 " * 100_000, "[" * 100_000, "\0", "x" * 5000])
def test_arch_takes_no_hostile_text(capsys, text):
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "macro-final-tiny", "--arch", text])

    assert ended.value.code == 2
    assert len(capsys.readouterr().err) < 3000


# ---- at random

EXAMPLES = 3000 if SOAK else 120
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
BYTES = lines(*SMALL)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@FUZZ
@given(
    st.lists(
        st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 3), st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    )
)
def test_a_trace_with_bytes_changed_at_random_is_refused_or_read(changes):
    data = bytearray(BYTES)
    for at, how, new in changes:
        if how == 0:
            data[at : at + len(new)] = new
        elif how == 1:
            data[at:at] = new
        elif how == 2:
            del data[at : at + 3]
        else:
            data[at % max(1, len(data)) :] = new
            data = data or bytearray(b"\n")

    shown_or_refused(bytes(data))


@FUZZ
@given(st.integers(0, len(SMALL) - 1), st.lists(st.integers(0, 50), max_size=6), JSON)
def test_a_trace_with_a_value_changed_at_random_is_refused_or_read(row, path, value):
    made = json.loads(SMALL[row])
    inner, last = made, None
    for step in path:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            break
        last = (inner, keys[step % len(keys)])
        if not isinstance(inner[last[1]], list | dict):
            break
        inner = inner[last[1]]
    if last:
        last[0][last[1]] = value
    rows = list(SMALL)
    rows[row] = json.dumps(made).encode()

    shown_or_refused(lines(*rows))
