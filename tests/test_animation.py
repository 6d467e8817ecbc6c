"""Facts about animations: every step once, nothing jumps, colours stay, no half files."""

import dataclasses
import io
import itertools
import math
import subprocess
import sys
from itertools import pairwise

import pytest
from episodes import made_up_article_episode, made_up_episode, made_up_trace

import enas_viz as ev
from enas_viz import cli
from enas_viz.records.trace import Trace
from enas_viz.spaces.published import ARTICLE_MACRO
from enas_viz.view import animation
from enas_viz.view.assets import palette
from enas_viz.view.export import png

EPISODE = made_up_article_episode()  # four layers, seven steps, sentences of different length


@pytest.fixture(scope="module")
def gif(tmp_path_factory):
    return ev.save(EPISODE, tmp_path_factory.mktemp("film") / "film.gif")


def frames_of(path):
    """[(H, W, 3) pixels], [milliseconds] of a GIF."""
    import numpy as np
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        shown = [
            (np.asarray(frame.convert("RGB")).astype(int), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    frames, durations = zip(*shown, strict=True)
    return list(frames), list(durations)


def pixels_of(picture):
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


# ---------------------------------------------------------------- GIF


def test_a_gif_shows_every_step_once_and_the_last_one_longer(gif):
    _, durations = frames_of(gif)

    assert durations == [1200] * 6 + [3600]


def test_a_gif_goes_round_for_ever(gif):
    from PIL import Image

    with Image.open(gif) as image:
        assert image.info["loop"] == 0


def test_every_step_has_a_still_of_the_same_size():
    for episode in (EPISODE, made_up_episode(6), made_up_episode(12, "skips-first")):
        pictures = [ev.draw(episode, step=k).svg for k in range(len(episode.steps))]

        assert len({svg.partition(" viewBox=")[2].partition(">")[0] for svg in pictures}) == 1


def test_a_frame_is_the_still_of_its_step(gif):
    frames, _ = frames_of(gif)

    for k, frame in enumerate(frames):
        off = abs(frame - pixels_of(png(ev.draw(EPISODE, step=k).svg, 1)))
        assert off.max() < 16
        assert (off.max(2) > 0).mean() < 0.05


def test_nothing_jumps_from_frame_to_frame(gif):
    import numpy as np

    frames, _ = frames_of(gif)

    changed = [(a != b).any(2) for a, b in itertools.pairwise(frames)]
    assert all(0 < part.mean() < 0.1 for part in changed)
    ever = np.any(changed, axis=0)
    assert not ever[-55:].any()  # the legend's last line and the note
    assert not ever[:, :20].any()  # the margins
    assert not ever[:, -20:].any()


def test_plain_colours_are_exactly_those_of_the_palette(gif):
    last = frames_of(gif)[0][-1]
    colours = {tuple(c) for c in last.reshape(-1, 3)}

    wanted = ("surface", "ink", "quiet", "band", "now", "now-wash")
    ops = ("conv3x3", "sep3x3", "conv5x5", "sep5x5", "avg3x3", "max3x3")  # in the legend
    for name in (*wanted, *ops):
        light = palette()[f"--enas-{name}"][0]
        assert tuple(bytes.fromhex(light[1:])) in colours, name


def test_all_frames_of_a_gif_share_one_palette(gif):
    local = own_palettes(gif.read_bytes())

    assert local == [False] * 7


def own_palettes(data):
    """For each image in a GIF, whether it carries a colour table of its own."""
    at, found = 13 + 3 * 2 ** ((data[10] & 7) + 1), []
    while data[at] != 0x3B:
        if data[at] == 0x21:  # an extension
            at += 2
        else:
            found.append(bool(data[at + 9] & 0x80))
            at += 11
        while data[at]:  # its blocks
            at += data[at] + 1
        at += 1
    return found


def test_a_gif_of_four_layers_is_small(gif):
    assert gif.stat().st_size < 200_000


def test_colours_that_a_palette_has_room_for_stay_as_they_are():
    shapes = "".join(f'<path d="M{i} 0h1v9h-1z" fill="#{i:02x}8040"/>' for i in range(200))
    one = f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="9">{shapes}</svg>'
    pictures = [pixels_of(png(one.replace("8040", tint), 1)) for tint in ("8040", "8140")]
    pictures = [picture.astype("uint8") for picture in pictures]

    same = animation.gif(animation.Strip(pictures[:1] * 2, 1))
    both = animation.gif(animation.Strip(pictures, 1))

    assert (frames_of(io.BytesIO(same))[0][0] == pictures[0]).all()
    assert abs(frames_of(io.BytesIO(both))[0][1] - pictures[1]).max() <= 1


def test_equal_pictures_are_one_frame_that_is_shown_longer():
    import numpy as np

    white, black = np.full((9, 9, 3), 255, np.uint8), np.zeros((9, 9, 3), np.uint8)

    made = animation.gif(animation.Strip([white, white, black, white], 0.5))

    frames, durations = frames_of(io.BytesIO(made))
    assert durations == [1000, 500, 2900]
    assert [frame.mean() for frame in frames] == [255, 0, 255]


def test_the_palette_counts_each_colour_as_often_as_it_is_shown():
    import numpy as np

    pictures = [pixels_of(png(ev.draw(EPISODE, step=k).svg, 1)).astype("uint8") for k in (0, 0, 3)]

    found = animation.Strip(pictures, 1).colours()

    whole = np.zeros(1 << 24, np.int64)
    for picture in pictures:
        animation._count(whole, picture, 1)
    assert (found == whole).all()


# ---------------------------------------------------------------- what is filmed, and how


def test_traces_and_replays_are_filmed_like_their_episode(tmp_path, gif):
    scored = dataclasses.replace(EPISODE, reward=0.5)
    trace = Trace(EPISODE.header, (scored,))

    made = [ev.save(x, tmp_path / "x.gif").read_bytes() for x in (scored, trace, ev.Replay(trace))]

    assert made[0] == made[1] == made[2]
    assert ev.save(ev.Replay(EPISODE), tmp_path / "x.GIF").read_bytes() == gif.read_bytes()


def test_a_replay_is_filmed_in_its_own_colours(tmp_path):
    replay = ev.Replay(EPISODE, colour="layer")

    made = ev.save(replay, tmp_path / "a.gif", width=300).read_bytes()

    assert made == ev.save(EPISODE, tmp_path / "b.gif", width=300, colour="layer").read_bytes()


def test_seconds_and_width_are_as_asked_for(tmp_path):
    path = ev.save(EPISODE, tmp_path / "x.gif", seconds=0.254, width=301)

    frames, durations = frames_of(path)
    # a GIF counts in hundredths of a second; what is rounded off does not add up
    assert [sum(durations[: k + 1]) for k in range(6)] == [250, 510, 760, 1020, 1270, 1520]
    assert sum(durations) == 4180  # 7 * 0.254 + 2.4
    assert {frame.shape[1] for frame in frames} == {301}


def test_a_film_is_at_most_1600_pixels_wide_unless_asked_otherwise():
    assert animation.pixels(None, 892.4) == 893
    assert animation.pixels(None, 2132) == 1600
    assert animation.pixels(2000, 892) == 2000


@pytest.mark.parametrize("seconds", [0, -1, 0.05, 61, math.nan, math.inf, "1", True])
def test_seconds_that_cannot_be_are_refused(tmp_path, seconds):
    with pytest.raises(ValueError, match=r"number from 0\.1 to 60 .by default 1\.2.; got"):
        ev.save(EPISODE, tmp_path / "x.gif", seconds=seconds)


@pytest.mark.parametrize("width", [0, -5, 99, 3841, 640.0, "640", True])
def test_a_width_that_cannot_be_is_refused(tmp_path, width):
    with pytest.raises(ValueError, match="whole number from 100 to 3840"):
        ev.save(EPISODE, tmp_path / "x.gif", width=width)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_what_has_no_steps_is_refused_and_a_picture_offered(tmp_path, ending):
    for x, got in [
        (ARTICLE_MACRO, "a single Architecture"),
        (ev.draw(ARTICLE_MACRO), "a single Drawing"),
        (list(ARTICLE_MACRO.flat), "recorded without them"),
    ]:
        with pytest.raises(ValueError, match=rf"needs the steps .*{got}.* \.svg or \.png"):
            ev.save(x, tmp_path / f"x.{ending}")
    assert not list(tmp_path.iterdir())


def test_a_film_of_one_step_is_refused(tmp_path):
    with pytest.raises(ValueError, match="leave out step="):
        ev.save(EPISODE, tmp_path / "x.gif", step=2)


# ---------------------------------------------------------------- MP4


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # imageio_ffmpeg leaves its pipes open
def test_an_mp4_shows_every_step_in_a_form_that_all_players_accept(tmp_path):
    import imageio_ffmpeg
    import numpy as np

    path = ev.save(EPISODE, tmp_path / "x.mp4", seconds=0.2, width=401)

    reader = imageio_ffmpeg.read_frames(str(path))
    facts = next(reader)
    width, height = facts["size"]
    frames = [np.frombuffer(f, np.uint8).reshape(height, width, 3).astype(int) for f in reader]
    assert facts["codec"] == "h264"
    assert facts["pix_fmt"].startswith("yuv420p")
    assert facts["fps"] == 25
    assert (width, height % 2) == (402, 0)
    assert len(frames) == 7 * 5 + 60  # 0.2 seconds each, 2.4 seconds more at the end
    for k in range(7):
        still = pixels_of(png(ev.draw(EPISODE, step=k).svg, width=401))
        first, last = (frames[i][: len(still), :401] for i in (5 * k, 5 * k + 4))
        assert abs(first - still).mean() < 2  # two successive stills differ by 4 and more
        assert abs(last - still).mean() < 2
    assert abs(frames[-1] - frames[32]).mean() < 1


def test_the_end_of_an_mp4_stays_for_the_whole_hold(tmp_path):
    import imageio_ffmpeg

    path = ev.save(EPISODE, tmp_path / "x.mp4", seconds=0.25, width=200)

    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == round((7 * 0.25 + 2.4) * 25)


def test_without_the_extra_an_mp4_is_refused_by_naming_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)

    with pytest.raises(ImportError, match=r'pip install "enas-viz\[video\]"; a .gif needs nothing'):
        ev.save(EPISODE, tmp_path / "x.mp4")
    with pytest.raises(SystemExit):
        cli.main(["replay", "macro-tiny", "--out", str(tmp_path / "x.mp4")])

    assert capsys.readouterr().err.count("enas-viz[video]") == 1
    assert not list(tmp_path.iterdir())


def test_replay_writes_a_film_by_its_ending(tmp_path, capsys):
    cli.main(["replay", "macro-tiny", "--out", str(tmp_path / "x.gif"), "--episode", "1"])

    assert capsys.readouterr().out.strip() == f"wrote {tmp_path / 'x.gif'}"
    assert len(frames_of(tmp_path / "x.gif")[0]) == 12


def test_a_search_is_filmed_through_its_moments_in_frames_of_one_size(tmp_path):
    trace = made_up_trace(4, epochs=3, per_epoch=4)

    path = ev.save(trace, tmp_path / "x.gif", moments=5, width=400)

    frames, durations = frames_of(path)
    assert len(frames) == 5
    assert durations == [250] * 4 + [2650]
    assert len({frame.shape for frame in frames}) == 1
    assert all((a != b).any() for a, b in pairwise(frames))
    replay = ev.Replay(trace, moments=5)
    assert ev.save(replay, tmp_path / "y.gif", moments=5, width=400).read_bytes() == (
        path.read_bytes()
    )


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_failed_write_leaves_the_file_that_was_there_and_no_other(tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    path.write_bytes(b"before")

    def pictures():
        yield pixels_of(png(ev.draw(ARTICLE_MACRO).svg, width=100)).astype("uint8")
        raise OSError("no picture")

    with pytest.raises(OSError, match="no picture"):
        animation.animate(path, pictures())

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_write_that_is_interrupted_leaves_no_half_file(tmp_path, monkeypatch, ending):
    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("enas_viz.records.files.os.fsync", broken)

    with pytest.raises(KeyboardInterrupt):
        ev.save(EPISODE, tmp_path / f"x.{ending}", width=100)

    assert not list(tmp_path.iterdir())


def test_a_film_takes_the_place_of_an_older_one(tmp_path):
    path = tmp_path / "x.gif"
    path.write_bytes(b"before")

    ev.save(EPISODE, path, width=100)

    assert path.read_bytes()[:6] == b"GIF89a"
    assert list(tmp_path.iterdir()) == [path]


def test_looking_loads_what_makes_films_only_to_make_one():
    code = (
        "import sys, enas_viz as ev; ev.save; ev.Replay(ev.load_trace('article-macro'))\n"
        "print([m for m in ('torch', 'PIL', 'imageio_ffmpeg') if m in sys.modules])"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"
