"""Rules for colours, read from the style sheets: marks can be seen, and vermillion means "now"."""

import re

import pytest
from test_svg import blend, contrast

from enas_viz.spaces.operations import STANDARD
from enas_viz.view.assets import STATIC, palette, shipped

THEMES = pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
GROUNDS = {"surface", "quiet", "band", "now-wash"}  # what marks stand on
# Lines whose loss loses nothing: grids and brackets whose numbers stay, frames around words, wires
# that are not there yet, and texts, which tests/test_svg.py holds to more.
DECORATION = (
    r"\.(rule|lane|fixed|future \.line|small|body|kicker|angle|number|kind|word|hint)\b|text"
)
# Present: a step, its picks, the layer it is about, a cursor, a slider that sets the moment.
PRESENT = r"now|picked|about|cursor|halo|wash|kicker|count|present|here|\.controls input|live|toss"


def colours(theme: int) -> dict[str, str]:
    return {name.removeprefix("--enas-"): pair[theme] for name, pair in palette().items()}


def rules() -> list[tuple[str, str]]:
    """(selector, declarations) of every innermost rule of every style sheet."""
    found = []
    for sheet in sorted(STATIC.glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        found += re.findall(r"([^{};]+)\{([^{}]*)\}", text)
    return [(" ".join(selector.split()), inside) for selector, inside in found]


def marks() -> list[tuple[str, str, float]]:
    """(selector, colour, opacity) of every stroke or fill of a drawing that carries meaning."""
    found = []
    for selector, inside in rules():
        if ".enas-svg" not in selector or re.search(DECORATION, selector):
            continue
        said = dict(re.findall(r"(stroke|fill|stroke-opacity|fill-opacity): ([^;]+)", inside))
        for kind in ("stroke", "fill"):
            colour = re.fullmatch(r"var\(--enas-([\w-]+)\)", said.get(kind, "").strip())
            if colour and colour[1] not in GROUNDS:
                found.append((selector, colour[1], float(said.get(f"{kind}-opacity", 1))))
    return found


@THEMES
def test_every_mark_of_a_drawing_has_a_contrast_of_three_to_its_ground(theme):
    found = colours(theme)

    weak = {
        (selector, name): round(ratio, 2)
        for selector, name, opacity in marks()
        if (ratio := contrast(blend(found[name], found["surface"], opacity), found["surface"])) < 3
    }

    assert len(marks()) > 30
    assert weak == {}


@THEMES
def test_every_operation_and_layer_has_a_contrast_of_three_on_its_own_tint(theme):
    found = colours(theme)
    names = [*STANDARD, "layer1", "layer4", "layer8", "arc", "example", "run1", "run2"]
    names += ["run3", "run4", "wrong"]

    for name in names:
        for ground in (found["surface"], blend(found[name], found["surface"], 0.2)):
            if name == "arc" and ground != found["surface"]:
                ground = found["quiet"]  # bars on their track
            assert contrast(found[name], ground) >= 3, name


@THEMES
def test_chips_of_both_window_sizes_are_told_apart_by_a_frame_of_three_to_one(theme):
    found = colours(theme)
    framed = next(inside for selector, inside in rules() if ".tinted.op-conv5x5" in selector)

    assert "stroke: currentColor" in framed
    for small, large in (("conv3x3", "conv5x5"), ("sep3x3", "sep5x5"), ("avg3x3", "avg5x5")):
        chips = [blend(found[op], found["surface"], 0.2) for op in (small, large)]
        assert all(contrast(found[large], chip) >= 3 for chip in chips)


def test_vermillion_means_the_present_and_nothing_else():
    users = [selector for selector, inside in rules() if "var(--enas-now" in inside]

    assert len(users) > 15
    assert [selector for selector in users if not re.search(PRESENT, selector)] == []


def test_runs_on_the_same_axes_differ_by_dash_where_their_colours_are_alike():
    drawn = {s: inside for s, inside in rules() if re.fullmatch(r"\.enas-svg \.series-\d", s)}
    dashes = [re.findall(r"stroke-dasharray: ([^;]+)", inside) for inside in drawn.values()]

    assert len(drawn) == 4
    assert len({str(dash) for dash in dashes}) == 4


@pytest.mark.parametrize("sheet", sorted(path.name for path in STATIC.glob("*.css")))
def test_every_selector_of_a_style_sheet_reaches_the_page(sheet):
    whole = re.sub(r"/\*.*?\*/", "", (STATIC / sheet).read_text(encoding="utf-8"), flags=re.S)

    def selectors(css):
        found = re.findall(r"([^{};]+)\{", css)
        return ["".join(selector.split()) for selector in found]

    assert selectors(shipped(sheet)) == selectors(whole)
    assert selectors(whole)


def test_a_rule_for_everything_reaches_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("enas_viz.view.assets.STATIC", tmp_path)
    (tmp_path / "star.css").write_text(
        ".a {\n  color: red;\n  /* not * this */\n  * { top: 0; }\n}\n"
    )

    assert shipped.__wrapped__("star.css") == ".a{color:red;*{top:0}}"
