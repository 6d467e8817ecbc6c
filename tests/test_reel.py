"""Facts about films of the stage: size, length, what moves, and that they end as a still."""

import io
from fractions import Fraction
from itertools import pairwise

import pytest
from episodes import made_up_article_episode, made_up_trace
from test_animation import frames_of, own_palettes

import enas_viz as ev
from enas_viz.view import animation
from enas_viz.view.assets import palette
from enas_viz.view.export import _pixels, png, staged
from enas_viz.view.reel import CHIP_H, Reel, _with, _write, between
from enas_viz.view.stage import PITCH, STRIP_Y, WINDOW_H

EPISODE = made_up_article_episode()
SEARCH = made_up_trace(4, epochs=4, per_epoch=6)


def pixels_of(svg):
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png(svg, 1))).convert("RGB")).astype(int)


@pytest.fixture(scope="module", params=["episode", "search"])
def filmed(request, tmp_path_factory):
    """(what is filmed, its GIF of the stage)"""
    if request.param == "episode":
        x, how = ev.Replay(EPISODE, colour="layer", step=6), {"seconds": 0.8}
    else:
        x, how = ev.Replay(SEARCH, colour="layer", moments=5, step=3), {"moments": 5}
        x.moment = 4
    path = tmp_path_factory.mktemp("reel") / "film.gif"
    return x, ev.save(x, path, size="16:9", **how)


def test_the_last_picture_is_what_a_still_shows(filmed, tmp_path):
    replay, path = filmed
    still = pixels_of(ev.save(replay, tmp_path / "stage.svg", size="16:9").read_text())

    last = frames_of(path)[0][-1]

    assert last.shape == (720, 1280, 3)
    off = abs(last - still).max(2)
    assert off.mean() < 1
    assert (off > 40).mean() < 0.001


def test_a_gif_lasts_as_long_as_its_moments_and_has_one_palette(filmed):
    replay, path = filmed
    frames, durations = frames_of(path)
    seconds, beats = (0.8, 7) if replay.trace is None else (0.4, 5)

    assert sum(durations) == round(1000 * (seconds * beats + animation.HOLD))
    assert len(frames) == len(durations) > 3 * beats  # it moves in between
    assert not any(own_palettes(path.read_bytes()))


def test_colours_of_layers_reach_every_picture_of_a_film(filmed):
    import numpy as np

    red = tuple(bytes.fromhex(palette()["--enas-layer1"][0][1:]))

    frames, _ = frames_of(filmed[1])
    assert all((frame == np.array(red)).all(2).any() for frame in frames[len(frames) // 2 :])


def test_what_does_not_move_stays_to_the_pixel(filmed):
    import numpy as np

    frames, _ = frames_of(filmed[1])

    assert all((a[:50] == b[:50]).all() for a, b in pairwise(frames))
    assert all((a[:, :24] == b[:, :24]).all() for a, b in pairwise(frames))
    assert np.any([(a != b).any() for a, b in pairwise(frames)])


def test_bars_grow_from_one_moment_to_the_next():
    reel = Reel(staged(SEARCH, moments=5, step=2, moving=True), 0.4, _pixels)
    a, b = reel._state(0), reel._state(1)

    def width_of(picture, mover):
        x, y, _, h, _ = mover
        row = picture[round(y + h / 2), round(x) : 1240].astype(int)
        track = bytes.fromhex(palette()["--enas-quiet"][0][1:])
        return int((abs(row - list(track)).sum(1) > 30).argmin())

    for k, (one, two) in enumerate(zip(a.movers[:6], b.movers[:6], strict=True)):
        if abs(one[2] - two[2]) > 12:
            half = width_of(between(a, b, 0.5), two)
            assert half == pytest.approx((one[2] + two[2]) / 2, abs=2), k
    assert any(abs(p[2] - q[2]) > 12 for p, q in zip(a.movers[:6], b.movers[:6], strict=True))


@pytest.mark.parametrize("name", ["macro-cifar10-cpu", "micro-cifar10-cpu"])
def test_tokens_slide_and_nothing_else_in_the_strip_moves(name):
    import numpy as np

    reel = Reel(staged(ev.load_trace(name), moments=4, moving=True), 0.4, _pixels)
    a, b = reel._state(0), reel._state(3)
    olds, news = ({t[1:]: t[0] for t in state.tokens} for state in (a, b))
    changed = [place for place in olds if not np.array_equal(olds[place], news[place])]

    first, middle, last = (between(a, b, t).astype(int) for t in (1e-6, 0.5, 1 - 1e-6))

    assert changed
    assert len(changed) < len(olds)
    for left, top in olds:
        chip = (slice(top, top + CHIP_H), slice(left + 6, left + PITCH - 6))
        around = (slice(top + CHIP_H + 8, STRIP_Y + WINDOW_H), chip[1])
        assert (middle[around] == last[around]).all()  # the cell of the step, its number, its kind
        if (left, top) in changed:
            assert abs(middle[chip] - first[chip]).max() > 20
            assert abs(middle[chip] - last[chip]).max() > 20
    for shown, state in ((first, a), (last, b)):  # a motion begins and ends in the pictures
        whole = reel._state(0 if state is a else 3)
        strip_of = slice(STRIP_Y, STRIP_Y + WINDOW_H)
        assert abs(shown[strip_of] - _with(whole)[strip_of].astype(int)).max() <= 2


def test_a_token_on_its_way_has_moved_and_is_cut_off_by_its_chip():
    import numpy as np

    white = np.full((99, 99, 3), 255, np.uint8)
    ink = np.zeros((20, 10, 3), np.int16)
    ink[15:] = -200

    for down, rows in ((0, range(45, 50)), (3, range(48, 50)), (-14, range(31, 36))):
        picture = white.copy()
        _write(picture, (ink, 40, 30), down, 0.5)
        assert list(np.flatnonzero((picture == 155).any((1, 2)))) == list(rows)


def test_tiles_put_together_are_the_whole_stage():
    for play in (staged(EPISODE, step=4), staged(SEARCH, step=3)):
        reel = Reel(play, 0.4, _pixels)
        state = reel._state(play.moment if play.is_film else play.step)

        whole = pixels_of(play.svg())
        made = between(state, state, 0.5).astype(int)
        assert (abs(made - whole).max(2) > 40).mean() < 0.0005


def test_the_ticks_of_a_beat_take_its_time():
    for seconds in (0.1, 0.25, 1.2):
        reel = Reel(staged(EPISODE), seconds, _pixels)

        assert reel.ticks * reel.tick == Fraction(seconds).limit_denominator(1000)
        assert sum(ticks for _, ticks in reel.frames()) == 7 * reel.ticks


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # imageio_ffmpeg leaves its pipes open
def test_an_mp4_of_the_stage_has_its_size_and_length(tmp_path):
    import imageio_ffmpeg
    import numpy as np

    path = ev.save(SEARCH, tmp_path / "x.mp4", size="16:9", moments=4, seconds=0.5)
    still = ev.Replay(SEARCH, moments=4)
    still.moment = 3
    still.step = staged(SEARCH, moments=4, moving=True).step

    reader = imageio_ffmpeg.read_frames(str(path))
    facts = next(reader)
    frames = [np.frombuffer(f, np.uint8).reshape(720, 1280, 3) for f in reader]
    assert facts["size"] == (1280, 720)
    assert facts["pix_fmt"].startswith("yuv420p")
    assert len(frames) == 4 * 12.5 + 60  # half a second each, 2.4 more at the end
    shown = pixels_of(ev.save(still, tmp_path / "s.svg", size="16:9").read_text())
    assert abs(frames[-1].astype(int) - shown).mean() < 2


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_an_episode_is_filmed_through_all_its_steps(tmp_path, ending):
    with pytest.raises(ValueError, match="shows every step; leave out step="):
        ev.save(EPISODE, tmp_path / f"x.{ending}", size="16:9", step=2)
    assert not list(tmp_path.iterdir())


def test_ffmpeg_that_fails_says_why(tmp_path):
    class Broken(Reel):
        def frames(self):
            yield next(super().frames())[0][:3], 1

    with pytest.raises(OSError, match="ffmpeg could not make the .mp4: "):
        animation.roll(tmp_path / "x.mp4", Broken(staged(EPISODE), 0.4, _pixels))
    assert not list(tmp_path.iterdir())
