"""Facts about pictures of which only a part is rendered again: they are those drawn whole."""

import numpy as np
import pytest
from episodes import made_up_article_episode
from soak import in_soak

import enas_viz as ev
from enas_viz.view.export import _pixels, draw_moment
from enas_viz.view.repaint import Canvas, joined, letters, reach, taken_apart
from enas_viz.view.timeline import film, moments


def stills(kind):
    if kind == "episode":
        episode = made_up_article_episode()
        return [ev.draw(episode, step=k).svg for k in range(len(episode.steps))]
    if kind.startswith("loop"):
        return [drawing.svg for drawing in ev.Loop(kind.removeprefix("loop-")).reel(1.3)][:12]
    if kind == "dashboard":
        return [d.svg for d in ev.Dashboard(ev.load_trace("macro-cifar10-cpu")).frames(5)]
    trace = ev.load_trace(kind)
    shown = moments(trace, 5)
    made = film(trace, shown)
    return [draw_moment(made, shown, k).svg for k in range(len(shown))]


KINDS = ("episode", "macro-cifar10-cpu", "micro-cifar10-cpu", "dashboard", "loop-macro")


@pytest.mark.parametrize("width", [700, *in_soak(None)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_after_another_is_the_one_drawn_whole(kind, width):
    canvas = Canvas(_pixels, width)

    for svg in stills(kind):
        off = np.abs(canvas.show(svg).astype(int) - _pixels(svg, width)).max(2)
        # a renderer rounds a little differently at another place: on edges, by a few shades
        assert (off > 0).mean() < 1e-3
        assert (off > 24).mean() < 2e-4


@pytest.mark.parametrize("kind", KINDS)
def test_where_no_shape_has_changed_no_pixel_does(kind):
    canvas, before = Canvas(_pixels), None

    for svg in stills(kind):
        now = canvas.show(svg)
        regions = before is not None and Canvas._changed(
            stand_in(canvas, before), *taken_apart(svg)
        )
        if regions:
            outside = np.ones(now.shape[:2], bool)
            for _, boxes in regions:
                for left, top, right, bottom in boxes:
                    outside[top:bottom, left:right] = False
            assert (now == before[1]).all(2)[outside].all()
        before = (svg, now)


def stand_in(canvas, before):
    """The canvas as it was when it showed the picture `before`."""
    made = Canvas(_pixels)
    made._head, made._shapes = taken_apart(before[0])
    made._pixels, made._letters = before[1], canvas._letters
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_every_shape_lies_within_its_reach(kind):
    head, shapes = taken_apart(stills(kind)[-1])
    drawn = [s for s in shapes if not s.markup.startswith("<defs")]
    whole = Canvas(_pixels)
    whole.show(stills(kind)[-1])

    for shape in drawn[:: max(1, len(drawn) // 25)]:
        left, top, right, bottom = (int(v) for v in np.clip(reach(shape, letters(head)), 0, 4000))
        tags = "".join(shape.groups)
        ends = "".join("</svg>" if t.startswith("<svg") else "</g>" for t in shape.groups[::-1])
        symbols = next((s.markup for s in shapes if s.markup.startswith("<defs")), "")
        alone = _pixels(f"{head}{symbols}{tags}{shape.markup}{ends}</svg>").astype(int)
        alone[top : bottom + 1, left : right + 1] = 0
        assert not alone.any(), shape


def test_a_picture_of_another_kind_is_drawn_whole():
    one, other = (ev.draw(name).svg for name in ("article-macro", "enas-micro"))
    canvas = Canvas(_pixels)

    canvas.show(one)
    assert (canvas.show(other) == _pixels(other)).all()


def test_rectangles_far_from_each_other_stay_apart():
    near, far = (0, 0, 9, 9), (3000, 3000, 3009, 3009)

    assert [region for region, _ in joined([near, (5, 5, 12, 12), far])] == [(0, 0, 12, 12), far]
