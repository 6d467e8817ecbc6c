"""Facts about the stills and time-lapses of runs, on a dashboard or off it."""

import base64
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from episodes import made_up_micro_trace, made_up_trace
from PIL import Image

import enas_viz as ev
from enas_viz.records.trace import Epoch, Trace
from enas_viz.view.export import png
from enas_viz.view.poster import Poster, PosterRun

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 400  # pixels of the animations here


def run(trace: Trace, name: str = "a run") -> PosterRun:
    return PosterRun(name, "seed 0", trace)


def without_steps(trace: Trace) -> Trace:
    bare = (replace(e, steps=()) if e.steps else e for e in trace.records)
    return Trace(trace.header, tuple(bare))


def empty() -> Trace:
    header = made_up_trace(4).header
    return Trace(header, (Epoch(0, loss=2.0, lr=0.1),))


@pytest.fixture
def board():
    return ev.Dashboard(made_up_trace(4, epochs=3, per_epoch=4))


@pytest.mark.parametrize("ending", ["svg", "png", "html", "gif", "mp4"])
@pytest.mark.parametrize("several", [False, True])
def test_a_dashboard_is_saved_in_every_format(tmp_path, ending, several):
    trace = made_up_trace(4, epochs=3, per_epoch=4)
    board = ev.Dashboard({"a": trace, "b": made_up_micro_trace(2, 2, 3)} if several else trace)
    options = {"moments": 3, "width": WIDTH} if ending in ("gif", "mp4") else {}

    path = ev.save(board, tmp_path / f"x.{ending}", **options)

    start = path.read_bytes()[:40]
    signs = {"svg": b"<svg ", "png": b"\x89PNG", "html": b"<!doctype html>", "gif": b"GIF89a"}
    assert signs.get(ending, b"ftyp") in start
    assert path.stat().st_size > 2000


def test_overlaid_runs_of_a_kind_share_one_set_of_axes_in_a_still():
    runs = [run(made_up_trace(4, epochs), name) for epochs, name in ((3, "one"), (5, "<two>"))]
    cells = run(made_up_micro_trace(2, 2, 3), "cells")

    beside, over = (
        ElementTree.fromstring(Poster([*runs, cells], overlaid).still().svg)
        for overlaid in (False, True)
    )

    def titles(root):
        return [t.text for t in root.iter(f"{SVG}text") if "Reward" in (t.text or "")]

    lines = [p.get("class") for p in over.iter(f"{SVG}path") if "series" in p.get("class", "")]
    assert len(titles(beside)) == 3
    assert len(titles(over)) == 2  # one for both runs on layers, one for the cells
    assert set(lines) == {"series series-1", "series series-2"}
    assert any(t.text == "<two>" for t in over.iter(f"{SVG}tspan"))


@pytest.mark.parametrize("ending", ["svg", "png", "html", "gif", "mp4"])
def test_a_replay_is_saved_in_every_format(tmp_path, ending):
    replay = ev.Replay(made_up_trace(3, epochs=2, per_epoch=3).best)
    options = {"width": WIDTH} if ending in ("gif", "mp4") else {}

    assert ev.save(replay, tmp_path / f"x.{ending}", **options).stat().st_size > 2000


def test_viewers_without_widgets_get_a_still_that_says_so(board):
    data, looks = board._repr_mimebundle_()

    assert "application/vnd.jupyter.widget-view+json" in data
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert looks["image/png"]["width"] > 1000


def test_the_cursor_stands_at_the_moment_that_is_looked_at(board):
    def cursors() -> list[str]:
        return re.findall(r'class="cursor" transform="translate\(([\d.]+) 0\)', board.drawing().svg)

    board.at = 1.5
    middle = cursors()
    board.at = -1.0

    assert middle == ["318.0"] * 2
    assert cursors() == ["572.0"] * 2


def test_the_best_sample_is_that_of_the_time_until_then():
    trace = made_up_trace(4, epochs=3, per_epoch=4)
    early = max(trace.episodes[:4], key=lambda e: e.accuracy)

    first, last = (Poster([run(trace)]).still(time).svg for time in (1.0, None))

    assert f"epoch 1, sample {early.sample + 1}" in first
    assert f"epoch 3, sample {trace.best.sample + 1}" in last


def test_several_runs_stand_one_under_the_other_by_name():
    runs = [run(made_up_trace(4), "seed <0>"), run(made_up_micro_trace(2), "cells")]

    svg = Poster(runs).still(hint="Run the cell.").svg

    ElementTree.fromstring(svg)
    assert svg.index("seed &lt;0&gt;") < svg.index(">cells<") < svg.index("Run the cell.")


@pytest.mark.parametrize("several", [False, True])
def test_a_run_without_samples_says_so(several):
    runs = [run(empty())] + [run(made_up_trace(4))] * several

    poster = Poster(runs)

    assert "No network has been sampled yet." in poster.still().svg
    assert png(poster.still(0.0).svg)[:4] == b"\x89PNG"


def test_nothing_sampled_cannot_be_animated(tmp_path):
    trace = empty()

    with pytest.raises(ValueError, match="nothing to animate"):
        ev.save(ev.Dashboard(trace), tmp_path / "x.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_kept_no_steps_has_its_curves_and_its_best_network():
    svg = Poster([run(without_steps(made_up_trace(4, 2, 5)))]).still().svg

    assert svg.count('class="dot"') == 9  # of ten samples; the best has a ring
    assert "LSTM step" not in svg
    assert "layer 4" in svg


def test_a_long_run_is_thinned_and_its_best_sample_stays():
    trace = made_up_trace(2, epochs=5, per_epoch=90)
    shown = run(trace).shown

    assert 200 <= len(shown) <= 201
    assert max(trace.episodes, key=lambda e: e.accuracy) in shown


def test_frames_are_of_one_size_and_veil_what_is_to_come():
    frames = list(Poster([run(made_up_trace(4, 3, 4))]).frames(3))

    sizes = {re.search(r'width="[\d.]+" height="[\d.]+"', f.svg)[0] for f in frames}
    veils = [re.findall(r'"veil" x="([\d.]+)"', f.svg) for f in frames]
    assert len(sizes) == 1
    assert [v[0] for v in veils] == ["233.3", "402.7", "572.0"]
    assert all(len(v) == 4 for v in veils)  # reward, entropy, skips; and the layers


def test_a_time_lapse_shows_so_many_moments(board, tmp_path):
    path = ev.save(board, tmp_path / "x.gif", moments=5, width=WIDTH, seconds=0.2)

    with Image.open(path) as film:
        assert (film.n_frames, film.width) == (5, WIDTH)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"moments": 1}, "at least 2 moments; got moments=1"),
        ({"colour": "op"}, "colour= does not go with an animation of a dashboard"),
        ({"seconds": 0}, "a number from 0.1 to 60"),
        ({"width": 3}, "a whole number from 100"),
    ],
)
def test_wrong_options_of_a_time_lapse_are_refused(board, tmp_path, options, told):
    with pytest.raises(ValueError, match=told):
        ev.save(board, tmp_path / "x.gif", **options)


def test_runs_of_one_kind_side_by_side_have_the_same_scales():
    good = made_up_trace(4, epochs=3, per_epoch=4)
    poor = (replace(e, accuracy=0.1) if getattr(e, "accuracy", None) else e for e in good.records)
    runs = [run(good), run(Trace(good.header, tuple(poor)), "poor")]

    drawn = [each.drawn.curves for each in Poster(runs).runs]

    reward = [re.findall(r">(\d+%)</text>", curves) for curves in drawn]
    assert reward[0] == reward[1]
    assert re.findall(r">(\d+%)</text>", runs[1].drawn.curves) != reward[0]
