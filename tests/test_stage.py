"""Facts about the stage: what it shows, how large its letters are, that nothing leaves it."""

import re

import pytest
from episodes import made_up_article_episode, made_up_cells, made_up_episode, made_up_trace

import enas_viz as ev
from enas_viz.view.assets import palette
from enas_viz.view.export import staged
from enas_viz.view.stage import HEIGHT, WIDTH

FILMS = ("macro-cifar10-cpu", "micro-cifar10-cpu")


@pytest.fixture(scope="module", params=FILMS)
def film(request):
    return staged(ev.load_trace(request.param))


def letters(play, **at):
    """[(pixels of its letters on the screen, is it in the network, markup)] of every text."""
    found = []
    for _, shapes in play.tiles(**at):
        child = re.search(
            r'<svg class="child"[^>]* width="([\d.]+)"[^>]* viewBox="([^"]*)"', shapes
        )
        scale = float(child[1]) / float(child[2].split()[2]) if child else 1
        for name, style in re.findall(r'<text class="([^"]*)"[^>]*?(?:style="([^"]*)")?>', shapes):
            size = re.search(r"font-size:([\d.]+)px", style or "")
            default = 28 if "headline" in name else 20
            found.append(((float(size[1]) if size else default) * scale, bool(child), name))
    return found


def test_letters_have_20_pixels_and_those_in_a_network_14(film):
    for step in (0, 1, film.step, len(film.scene.plan) - 1):
        for size, in_network, name in letters(film, step=step):
            assert size >= (14 if in_network else 19.99), (step, name)


@pytest.mark.parametrize("layers", [1, 2, 4, 12, 24])
def test_a_network_of_any_length_keeps_its_letters(layers):
    play = staged(made_up_episode(layers))

    for step in range(0, len(play.scene.plan), 5):
        assert all(
            size >= (14 if inside else 19.99) for size, inside, _ in letters(play, step=step)
        )


def test_what_is_too_long_is_seen_around_the_present_layer():
    play = staged(made_up_episode(24))
    boxes = play.scene.layout.boxes

    for step, turn in enumerate(play.scene.turns):
        x, _, width, _ = map(float, play.stage["views"][step].split())
        assert x <= boxes[int(turn.at)].left
        assert boxes[int(turn.at)].right <= x + width


def test_of_cells_that_one_is_seen_which_the_step_is_about():
    play = staged(made_up_cells())
    tops = {
        turn.at.split(".")[0]: play.stage["views"][k] for k, turn in enumerate(play.scene.turns)
    }

    assert len(set(tops.values())) == 2


def test_tiles_lie_on_the_stage_and_apart(film):
    for step in (0, film.step):
        boxes = [box for box, _ in film.tiles(step=step)]
        for k, (x, y, w, h) in enumerate(boxes):
            assert 0 <= x < x + w <= WIDTH
            assert 0 <= y < y + h <= HEIGHT
            for x2, y2, w2, h2 in boxes[:k]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_film_is_seen_where_its_probabilities_change_most():
    play = staged(ev.load_trace("macro-cifar10-cpu"))
    first, last = (
        e.steps[play.step].probabilities[0] for e in (play.episodes[0], play.episodes[-1])
    )

    assert max(first) < 0.2  # six even bars
    assert max(last) > 0.75  # become one or two


def test_a_film_shows_the_whole_network_and_marks_the_present_step():
    play = staged(ev.load_trace("macro-cifar10-cpu"), step=2)
    svg = play.svg()

    assert 'class="layer future' not in svg
    assert len(re.findall(r'class="layer now about"', svg)) == 1
    assert "step future" not in svg


def test_an_episode_shows_what_was_decided_so_far():
    svg = staged(made_up_article_episode(), step=2).svg()

    assert len(re.findall(r'class="layer future', svg)) == 2
    assert "step future" in svg


def test_a_film_tells_its_epoch_and_its_chapters():
    svg = staged(ev.load_trace("macro-cifar10-cpu")).svg()

    assert re.search(r"epoch \d+ of 70 · ", svg)
    assert svg.count('class="chapter"') + svg.count('class="chapter here"') == 4
    assert svg.count('class="chapter here"') == 1


def test_a_replay_is_shown_at_its_own_step_and_moment_in_its_own_colours(tmp_path):
    replay = ev.Replay(ev.load_trace("macro-tiny"), colour="layer", moments=20, step=4)
    replay.moment = 7

    svg = ev.save(replay, tmp_path / "stage.svg", size="16:9").read_text()

    assert "Step 5 of 12" in svg
    epoch = replay.recorded.epoch + 1
    assert f"epoch {epoch} of 60" in svg
    assert 'class="face at-3"' in svg


def test_a_picture_of_the_stage_has_its_size(tmp_path):
    path = ev.save(made_up_article_episode(), tmp_path / "stage.png", size="16:9")

    assert [int.from_bytes(path.read_bytes()[a : a + 4], "big") for a in (16, 20)] == [1280, 720]


def test_colours_of_layers_reach_the_pixels(tmp_path):
    from PIL import Image

    found = []
    for colour in ("op", "layer"):
        path = ev.save(
            made_up_article_episode(), tmp_path / f"{colour}.png", size="16:9", colour=colour
        )
        with Image.open(path) as image:
            found.append({pixel[1] for pixel in image.convert("RGB").getcolors(1 << 20)})
    red = tuple(bytes.fromhex(palette()["--enas-layer1"][0][1:]))  # of layer 1 alone

    assert red not in found[0]
    assert red in found[1]


@pytest.mark.parametrize("size", ["4:3", "", None, 1280, (16, 9), ["16:9"]])
def test_another_size_is_refused(tmp_path, size):
    with pytest.raises(ValueError, match=r"size is '16:9' \(1280 by 720 pixels\); .*got"):
        ev.save(made_up_article_episode(), tmp_path / "x.png", size=size)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("x.html", {}),
        ("x.png", {"seconds": 1}),
        ("x.gif", {"width": 300}),
        ("x.svg", {"hint": "a"}),
    ],
)
def test_what_does_not_go_with_a_size_is_refused(tmp_path, name, option):
    with pytest.raises(ValueError, match=r"size="):
        ev.save(made_up_article_episode(), tmp_path / name, size="16:9", **option)
    assert not list(tmp_path.iterdir())


def test_what_has_no_steps_has_no_stage(tmp_path):
    for x in ("enas-micro", ev.draw("enas-micro"), ev.Dashboard(made_up_trace(4))):
        with pytest.raises(ValueError, match=r"size= .*steps"):
            ev.save(x, tmp_path / "x.png", size="16:9")
