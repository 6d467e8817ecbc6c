"""Facts about where a pair of cells stands. Geometry, no pixels."""

import itertools

import pytest

from enas_viz.spaces import MicroSpace
from enas_viz.view.micro_layout import place_cell_strip, place_cells

NODES = (1, 2, 4, 5, 7)
INSIDE = 1200 - 42  # the widget's width in a wide notebook, less its margins


def boxes_of(cell):
    return [*cell.inputs, *(box for node in cell.nodes for box in node.boxes), cell.output]


def crosses(a, b, box, margin=1.0):
    """Whether the straight piece from a to b runs through the inside of a box."""
    (x1, x2), (y1, y2) = sorted((a[0], b[0])), sorted((a[1], b[1]))
    left, right = box.left + margin, box.right - margin
    top, bottom = box.y - box.h / 2 + margin, box.y + box.h / 2 - margin
    return x1 < right and x2 > left and y1 < bottom and y2 > top


@pytest.mark.parametrize("nodes", NODES)
def test_no_wire_crosses_a_box(nodes):
    for cell in place_cells(MicroSpace(nodes)).cells:
        wires = [*cell.edges.values(), *cell.loose.values(), cell.out]
        wires += [wire for node in cell.nodes for wire in node.sums]
        for wire in wires:
            for a, b in itertools.pairwise(wire.points):
                assert a[0] == b[0] or a[1] == b[1]
                assert not any(crosses(a, b, box) for box in boxes_of(cell))


@pytest.mark.parametrize("nodes", NODES)
def test_no_two_boxes_touch_and_nothing_leaves_the_picture(nodes):
    found = place_cells(MicroSpace(nodes))

    boxes = [box for cell in found.cells for box in boxes_of(cell)]
    for a, b in itertools.combinations(boxes, 2):
        apart_x = abs(a.x - b.x) - (a.w + b.w) / 2
        apart_y = abs(a.y - b.y) - (a.h + b.h) / 2
        assert max(apart_x, apart_y) >= 3
    points = [
        p for c in found.cells for w in (*c.edges.values(), *c.loose.values()) for p in w.points
    ]
    assert all(0 <= x <= found.width and 0 <= y <= found.height for x, y in points)
    assert all(b.left >= 0 and b.right <= found.width for b in boxes)


@pytest.mark.parametrize("nodes", NODES)
def test_an_input_runs_from_its_source_to_its_operation(nodes):
    (cell, *_) = place_cells(MicroSpace(nodes)).cells

    for (node, side, source), wire in cell.edges.items():
        box = cell.nodes[node].boxes[side]
        assert wire.points[-1] == (box.x, box.y - box.h / 2 - 1)
        if source < 2:
            assert wire.points[0] == (cell.inputs[source].right, cell.inputs[source].y)
        else:
            merge = cell.nodes[source - 2]
            assert wire.points[0][0] == merge.x
            assert wire.points[0][1] > merge.y
    assert len(cell.edges) == sum(2 * (n + 2) for n in range(nodes))


@pytest.mark.parametrize("nodes", NODES)
def test_every_tensor_has_a_track_of_its_own(nodes):
    (cell, *_) = place_cells(MicroSpace(nodes)).cells

    tracks = {source: wire.points[-2][1] for (_, _, source), wire in cell.edges.items()}
    heights = sorted(tracks.values())

    assert len(set(heights)) == len(heights) == nodes + 1
    assert all(b - a >= 8 for a, b in itertools.pairwise(heights))


@pytest.mark.parametrize(("nodes", "least"), [(4, 1.0), (5, 1.0), (7, 0.9)])
def test_a_pair_of_cells_and_its_controller_fit_1200_pixels(nodes, least):
    space = MicroSpace(nodes)
    width = max(place_cells(space).width, place_cell_strip(space).width)

    assert least * width <= INSIDE


@pytest.mark.parametrize("nodes", NODES)
def test_the_controllers_steps_stand_over_the_nodes_that_they_decide(nodes):
    space = MicroSpace(nodes)
    strip, cells = place_cell_strip(space), place_cells(space).cells

    assert len(strip.steps) == len(space.steps())
    for (x, _, _), decision in zip(strip.steps, space.steps(), strict=True):
        if decision.kind == "op":
            box = cells[0].nodes[decision.at - 2].boxes[decision.side]
            assert abs(x - box.x) < 40
    rows = {}
    for x, y, width in strip.steps:
        rows.setdefault(y, []).append((x - width / 2, x + width / 2))
    for row in rows.values():
        assert all(a[1] <= b[0] + 0.01 for a, b in itertools.pairwise(row))
    assert len(rows) == 2


def test_a_wire_bends_round_and_ends_where_it_should():
    (cell, *_) = place_cells(MicroSpace(2)).cells
    wire = cell.edges[1, 0, 2]

    assert wire.path.startswith(f"M{wire.points[0][0]:g} {wire.points[0][1]:g}L")
    assert wire.path.count("Q") == len(wire.points) - 2
    assert wire.path.endswith(f"L{wire.points[-1][0]:g} {wire.points[-1][1]:g}")
