"""Facts about files and pictures."""

import base64
import dataclasses
import re
import subprocess
import sys
from itertools import groupby
from xml.etree import ElementTree

import pytest
from episodes import made_up_article_episode, made_up_episode

import enas_viz as ev
from enas_viz.records.trace import Trace
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.spaces.published import ARTICLE_MACRO, MACRO
from enas_viz.view.export import WIDEST, Drawing, _with_joined_arcs, iframe, png


def size_of(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def test_a_drawing_shows_itself_as_a_png_of_its_natural_width():
    """Notebooks scale a PNG down to a narrow cell; a wide SVG they would cut off."""
    drawing = ev.draw(ARTICLE_MACRO)

    bundle, looks = drawing._repr_mimebundle_()

    width = size_of(base64.b64decode(bundle["image/png"]))[0]
    assert "image/svg+xml" not in bundle
    assert width > 600
    assert looks["image/png"] == {"width": width // 2, "alt": drawing.about}


def test_a_png_has_two_pixels_for_one():
    drawing = ev.draw(MACRO)
    root = ElementTree.fromstring(drawing.svg)

    width, height = size_of(drawing.png)

    assert abs(width - 2 * float(root.get("width"))) <= 2
    assert abs(height - 2 * float(root.get("height"))) <= 2


def test_a_png_shows_letters_even_without_fonts_on_the_machine():
    drawing = ev.draw(ARTICLE_MACRO)
    silent = re.sub(r"<text.*?</text>", "", drawing.svg)

    assert len(drawing.png) > len(png(silent)) + 2000


def test_a_very_wide_picture_gets_fewer_pixels_and_is_shown_as_wide_as_it_is():
    """Browsers show no picture wider than 16,384 pixels."""
    drawing = Drawing('<svg xmlns="http://www.w3.org/2000/svg" width="40000" height="50"/>')

    assert size_of(drawing.png) == (WIDEST, 20)
    assert drawing._repr_mimebundle_()[1]["image/png"]["width"] == 40000


def test_a_png_draws_thousands_of_skips_as_few_paths_and_leaves_none_out():
    """Each path costs by its length: one for each skip took a minute at 200 layers."""
    every = MacroSpace(60)
    dense = Architecture(every, tuple((0, *(1,) * k) for k in range(60)))
    svg = ev.draw(dense).svg
    arcs = re.findall(r'<path class="arc [^"]*" d="([^"]*)"', svg)

    joined = _with_joined_arcs(svg)

    paths = re.findall(
        r'<path class="arc [^"]*" style="[^"]*" stroke-width="[^"]*" d="([^"]*)"', joined
    )
    assert len(arcs) == 59 * 60 / 2
    assert len(paths) < 10
    assert sorted(re.findall("M[^M]*", "".join(paths))) == sorted(arcs)


def test_a_png_keeps_the_order_of_skips_of_different_colours():
    """Joined to one path for each colour, the last colour would cover the others."""
    every = MacroSpace(60)
    dense = Architecture(every, tuple((0, *(1,) * k) for k in range(60)))
    svg = ev.draw(dense, colour="layer").svg

    looks = re.findall('<path class="(arc [^"]*)"', svg)
    joined = re.findall('<path class="(arc [^"]*)"', _with_joined_arcs(svg))
    assert [k for k, _ in groupby(joined)] == [k for k, _ in groupby(looks)]


def test_a_png_of_a_usual_network_draws_its_skips_one_by_one():
    svg = ev.draw(MACRO).svg

    assert _with_joined_arcs(svg) == svg


@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_episodes_architectures_and_traces_are_saved_in_every_format(tmp_path, ending):
    episode = made_up_episode(4)
    scored = dataclasses.replace(episode, reward=0.5)
    things = [episode, episode.architecture, Trace(episode.header, (scored,)), ev.draw(MACRO)]

    for i, thing in enumerate(things):
        path = ev.save(thing, tmp_path / f"{i}.{ending}")
        assert path.stat().st_size > 2000


def test_the_page_is_complete_and_small():
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        text = ev.save(made_up_episode(12), Path(folder) / "x.html").read_text(encoding="utf-8")

    addresses = set(re.findall(r"https?://[^\s\"'<>)\\]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG, never fetched
    assert len(text.encode()) < 200_000  # the theatre included
    assert text.count("</script>") == 2


def test_a_page_of_an_architecture_shows_the_network(tmp_path):
    text = ev.save(made_up_episode(4).architecture, tmp_path / "x.html").read_text(encoding="utf-8")

    assert "<svg" in text
    assert "<script" not in text


def test_a_note_cannot_break_out_of_the_page(tmp_path):
    episode = dataclasses.replace(made_up_episode(3), note="</script><b>&")

    page = ev.save(episode, tmp_path / "x.html").read_text(encoding="utf-8")
    picture = ev.save(episode, tmp_path / "x.svg").read_text(encoding="utf-8")

    assert "</script><b>" not in page
    ElementTree.fromstring(picture)


def test_an_unknown_ending_is_refused_by_naming_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.html, \.gif, \.mp4; got 'x\.bmp'"):
        ev.save(ARTICLE_MACRO, tmp_path / "x.bmp")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ev.save(ARTICLE_MACRO, tmp_path / "nowhere" / "x.svg")


@pytest.mark.parametrize("step", [7, -8, "2", True])
def test_a_step_that_is_not_there_is_refused(step):
    with pytest.raises(ValueError, match="step is from 0 to 6"):
        ev.draw(made_up_article_episode(), step=step)


def test_a_negative_step_counts_from_the_end():
    episode = made_up_article_episode()

    assert ev.draw(episode, step=-1) == ev.draw(episode, step=6)


def test_an_architecture_has_no_step():
    with pytest.raises(ValueError, match="goes with an episode"):
        ev.draw(ARTICLE_MACRO, step=0)


def test_the_article_can_be_drawn_with_and_without_reductions():
    bare, reduced = (ev.draw(ARTICLE_MACRO, reductions=r).svg for r in (False, True))

    assert "½" not in bare
    assert reduced.count("½") == 2
    assert ev.draw(ARTICLE_MACRO).svg == bare


def test_a_frame_holds_the_page_as_text():
    made = iframe('<p class="x">&amp; it\'s</p>', 300)

    assert """srcdoc='&lt;p class="x"&gt;&amp;amp; it&#x27;s&lt;/p&gt;'""" in made
    assert 'height="300"' in made


@pytest.mark.parametrize(("shown", "title"), [(ev.Child, "ENAS child"), (ev.Loop, "ENAS loop")])
def test_a_frame_has_the_title_of_the_page_in_it(shown, title):
    assert f' title="{title}" ' in shown().iframe().data


def test_a_drawing_does_not_print_its_markup():
    assert len(repr(Drawing("<svg/>" * 1000))) < 80


@pytest.mark.parametrize("module", ["enas_viz.view.export", "enas_viz.widgets.replay"])
def test_viewing_loads_neither_torch_nor_what_makes_pixels(module):
    heavy = "torch numpy matplotlib resvg_py"
    code = f"import sys, {module}; print([m for m in {heavy.split()!r} if m in sys.modules])"
    if module == "enas_viz.widgets.replay":
        code = code.replace("'numpy', ", "")  # ipywidgets may load it

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("x.html", {"filters": 3}, "filters= does not go with .html; it takes as_article, colour"),
        ("x.gif", {"hint": "a"}, "hint= does not go with .gif"),
        ("x.gif", {"level": "network"}, "a whole network has no steps to show in an animation"),
    ],
)
def test_options_that_a_kind_of_file_does_not_have_are_refused(tmp_path, name, options, told):
    with pytest.raises(ValueError, match=told):
        ev.save(made_up_episode(3), tmp_path / name, **options)


def test_a_level_of_graph_may_be_named_and_the_network_says_how_a_list_was_read(tmp_path):
    ev.save(made_up_episode(3), tmp_path / "x.html", level="graph")

    assert "Read as the published architecture" in ev.draw("enas-micro", level="network").svg
    assert "a last word" in ev.draw("enas-micro", level="network", hint="a last word").svg


@pytest.mark.parametrize(
    ("make", "name", "options", "told"),
    [
        (lambda: ev.draw(MACRO), "x.svg", {"colour": "layer"}, "saved as it is; pass colour="),
        (lambda: ev.draw(MACRO), "x.html", {"step": 1}, "saved as it is; pass step="),
        (lambda: ev.Replay(MACRO), "x.html", {"step": 1}, "Replay is saved as it is"),
        (lambda: ev.Replay(MACRO), "x.svg", {"hint": "x"}, "Replay is saved as it is"),
        (lambda: ev.Microscope(), "x.png", {"colour": "op"}, "Microscope is saved as it is"),
        (lambda: ev.Microscope(), "x.gif", {}, "a Microscope can be saved as"),
        (lambda: "enas-macro", "x.svg", {"moments": 3}, "moments= does not go with a picture"),
        (lambda: "enas-macro", "x.html", {"moments": 3}, "moments= goes with a trace"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(tmp_path, make, name, options, told):
    with pytest.raises(ValueError, match=told):
        ev.save(make(), tmp_path / name, **options)

    assert not list(tmp_path.iterdir())


def test_an_episode_whose_steps_are_not_its_own_is_refused():
    episode, other = made_up_episode(4, seed=0), made_up_episode(4, seed=1)
    few = dataclasses.replace(episode, steps=episode.steps[:3])
    empty = dataclasses.replace(
        episode, steps=tuple(dataclasses.replace(s, logits=()) for s in episode.steps)
    )

    for wrong, told in (
        (few, "must have the 8 steps of its space"),
        (dataclasses.replace(episode, steps=other.steps), "lead to its architecture"),
        (dataclasses.replace(episode, steps=made_up_episode(5).steps), "8 steps of its space"),
        (empty, "a logit for every option"),
    ):
        for show in (ev.draw, ev.Replay, lambda e: ev.draw(e, level="network")):
            with pytest.raises(ValueError, match=told):
                show(wrong)


@pytest.mark.parametrize("accuracy", [55, -0.1, "x", 1.0001])
def test_an_accuracy_in_per_cent_is_refused(accuracy):
    with pytest.raises(ValueError, match="share from 0 to 1"):
        dataclasses.replace(made_up_episode(4), accuracy=accuracy)
