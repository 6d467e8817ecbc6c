"""Facts about where things stand. Geometry, no pixels."""

import itertools
import random

import pytest

from enas_viz.spaces import MacroSpace
from enas_viz.view.graph import candidates, network
from enas_viz.view.layout import MERGE_R, Box, place, place_strip
from enas_viz.view.scene import MacroScene

SPACES = [
    MacroSpace(layers, wiring=wiring)
    for layers in (1, 2, 4, 12, 24)
    for wiring in ("layer", "code")
]
MARGIN = 2  # pixels that an arc keeps from a box


def layout_of(space, order="op-first", reductions=True, merge="add"):
    return place(candidates(space, order, merge), space.pool_after() if reductions else ())


def covers(box: Box, point):
    x, y = point
    return box.left - MARGIN < x < box.right + MARGIN and abs(y - box.y) < box.h / 2 + MARGIN


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s.layers}-{s.wiring}")
@pytest.mark.parametrize("reductions", [True, False])
@pytest.mark.parametrize("merge", ["add", "input"])
def test_no_arc_crosses_a_box(space, reductions, merge):
    found = layout_of(space, reductions=reductions, merge=merge)

    boxes = [found.image, found.stem, *found.boxes, found.head]
    for arc in found.arcs:
        assert not any(covers(box, p) for box in boxes for p in arc.points(200))


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s.layers}-{s.wiring}")
@pytest.mark.parametrize("merge", ["add", "input"])
def test_nothing_leaves_the_picture(space, merge):
    found = layout_of(space, merge=merge)

    points = [p for arc in found.arcs for p in arc.points()]
    assert all(2 <= x <= found.width - 2 and 2 <= y <= found.height - 2 for x, y in points)
    assert found.image.left > 0
    assert found.head.right < found.width
    assert max(found.label_y, found.stage_y if space.pool_after() else 0) < found.height


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s.layers}-{s.wiring}")
def test_boxes_and_merge_points_keep_apart(space):
    found = layout_of(space)

    row = [found.image, found.stem, *found.boxes, found.head]
    assert all(a.right + 8 < b.left for a, b in itertools.pairwise(row))
    for box, after, merge in zip(found.boxes, row[3:], found.merges, strict=True):
        assert box.right < merge - MERGE_R
        assert merge + MERGE_R < after.left


def test_nothing_moves_between_architectures_nor_between_orders():
    space, rng = MacroSpace(12), random.Random(0)
    reference = layout_of(space)

    for _ in range(20):
        chosen = place(network(space.sample(rng), "op-first"), space.pool_after())
        assert chosen.boxes == reference.boxes
        assert chosen.merges == reference.merges
    other = layout_of(space, "skips-first")
    assert [a.path for a in other.arcs] == [a.path for a in reference.arcs]


def test_an_arc_starts_at_its_source_and_ends_at_its_layer():
    found = layout_of(MacroSpace(6))

    for arc in found.arcs:
        points = arc.points()
        assert points[0] == (found.taps[arc.source], found.axis)
        assert points[-1] == (found.merges[arc.layer], found.axis - MERGE_R)


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_where_skips_are_the_input_they_arrive_before_the_box(wiring):
    found = layout_of(MacroSpace(6, wiring=wiring), merge="input")

    row = [found.stem, *found.boxes]
    for before, box, tap, merge in zip(row, found.boxes, found.taps, found.merges, strict=False):
        assert before.right < tap < merge - MERGE_R < merge + MERGE_R < box.left
    for arc in found.arcs:
        assert arc.points()[0] == (found.taps[arc.source], found.axis)
        assert arc.points()[-1] == (found.merges[arc.layer], found.axis)
        assert arc.straight == arc.otherwise == (arc.source == arc.layer)
    assert sum(arc.straight for arc in found.arcs) == 5  # from the layer before, of all but one


def test_longer_arcs_rise_higher_and_are_lighter():
    arcs = sorted(layout_of(MacroSpace(12)).arcs, key=lambda a: a.layer - a.source)

    assert all(a.rise <= b.rise and a.weight >= b.weight for a, b in itertools.pairwise(arcs))


def test_the_band_is_half_as_high_after_each_reduction():
    stages = layout_of(MacroSpace(12)).stages

    assert [(s.first, s.last, s.halvings) for s in stages] == [(0, 3, 0), (4, 7, 1), (8, 11, 2)]
    assert all(a.x2 < b.x1 for a, b in itertools.pairwise(stages))


@pytest.mark.parametrize("order", ["op-first", "skips-first"])
@pytest.mark.parametrize("layers", [1, 4, 12, 24])
def test_the_strip_has_a_cell_for_each_step(layers, order):
    plan = MacroSpace(layers).steps(order)

    strip = place_strip(tuple(d.at for d in plan))

    gaps = {round(b - a, 1) for a, b in itertools.pairwise(strip.cells)}
    assert len(strip.cells) == len(plan)
    assert gaps <= {strip.pitch}
    assert strip.cells[-1] + strip.pitch / 2 < strip.width
    assert [k for k, _, _ in strip.groups] == list(range(layers))


@pytest.mark.parametrize("order", ["op-first", "skips-first"])
@pytest.mark.parametrize("merge", ["add", "input"])
def test_twelve_layers_fit_a_notebook_cell_without_scrolling(order, merge):
    scene = MacroScene(MacroSpace(12), order, merge=merge)
    inside = 1066 - 42  # less the widget's margins

    assert 0.85 * max(scene.layout.width, scene.strip.width) <= inside
