"""The close-up of a step: the numbers in it are those of the step, and what-ifs are arithmetic."""

import math
import re
from dataclasses import replace

import pytest

import enas_viz as ev
from enas_viz.view.step_closeup import opened, step_svg

MACRO, MICRO = "controller-macro", "controller-micro"
BOTH = pytest.mark.parametrize("name", [MACRO, MICRO])


def episode(name=MACRO):
    return ev.load_trace(name).last


def steps_of(kind, name=MACRO):
    return [k for k, s in enumerate(episode(name).steps) if s.decision.kind == kind]


def numbers(svg, name):
    """The numbers written in one column, from the first row on."""
    found = re.findall(rf'<text class="end" data-of="{name}"[^>]*>([^<]+)<', svg)
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in found]


@BOTH
def test_a_drawing_tells_the_numbers_of_its_step(name):
    for k, step in enumerate(episode(name).steps):
        svg = ev.draw_step(episode(name), k).svg

        flat = [row[-1] if step.decision.kind == "skip" else row for row in step.logits]
        shaped = flat if step.decision.kind == "skip" else [z for row in flat for z in row]
        rows = step.probabilities
        chances = [row[1] for row in rows] if step.decision.kind == "skip" else sum(rows, ())
        assert numbers(svg, "raw") == pytest.approx(step.detail.get("raw", []), abs=6e-4)
        assert numbers(svg, "shaped") == pytest.approx(shaped, abs=6e-4)
        assert numbers(svg, "p") == pytest.approx(list(chances), abs=6e-4)


@BOTH
def test_what_was_picked_is_marked_and_nothing_else(name):
    for k, step in enumerate(episode(name).steps):
        svg = ev.draw_step(episode(name), k).svg

        marked = [int(n) for n in re.findall(r'class="option picked" data-row="(\d+)"', svg)]
        bits = step.decision.kind == "skip"
        assert marked == ([i for i, b in enumerate(step.picks) if b] if bits else list(step.picks))


def test_a_look_back_has_a_line_for_each_earlier_layer_as_thick_as_it_is_probable():
    k = steps_of("skip")[-1]
    step, svg = episode().steps[k], ev.draw_step(episode(), k).svg

    wide = [float(w) for w in re.findall(r'class="look[^"]*".*?stroke-width="([\d.]+)"', svg)]
    assert wide == pytest.approx([0.6 + 6 * row[1] for row in step.probabilities], abs=0.01)


def test_an_operation_step_looks_back_at_nothing():
    assert 'class="look' not in ev.draw_step(episode(), steps_of("op")[1]).svg


def test_the_draw_stands_inside_the_share_that_was_picked():
    for k in steps_of("op"):
        found = opened(episode(), k)

        chances = [row.bar.probability for row in found.rows]
        (pick,) = (i for i, row in enumerate(found.rows) if row.bar.picked)
        low = sum(chances[:pick])
        assert low - 1e-5 <= found.rows[0].draw <= low + chances[pick] + 1e-5


def test_what_is_read_is_named_by_what_was_picked_before():
    found = episode()
    for k in steps_of("op"):
        if k == 0:
            assert opened(found, k).reads == "the start vector, which is learned"
        else:
            picks = found.steps[k - 1].picks
            reads = opened(found, k).reads
            assert all((f"layer {i + 1}" in reads) == bool(bit) for i, bit in enumerate(picks))
    for k in steps_of("skip"):
        assert opened(found, k).reads.startswith("the embedding of ")


def test_cells_read_a_remembered_node_or_zeros():
    found = episode(MICRO)
    for k in steps_of("index", MICRO):
        if k + 1 < len(found.steps):
            (pick,) = found.steps[k].picks
            reads = opened(found, k + 1).reads
            assert reads.startswith(
                "zeros" if pick < 2 else f"the remembered state of node {pick + 1}"
            )
            assert (set(found.steps[k + 1].detail["input"]) == {0.0}) == (pick < 2)


def test_a_what_if_is_the_formula_and_the_same_draw():
    k = steps_of("op")[2]
    found = opened(episode(), k, temperature=5, constant=2.5)

    raw = episode().steps[k].detail["raw"]
    shaped = [2.5 * math.tanh(x / 5) for x in raw]
    total = sum(map(math.exp, shaped))
    assert [r.shaped for r in found.rows] == pytest.approx(shaped)
    assert [r.bar.probability for r in found.rows] == pytest.approx(
        [math.exp(z) / total for z in shaped]
    )
    assert found.changed
    assert found.rows[0].draw == opened(episode(), k).rows[0].draw
    assert "What if: temperature 5, constant 2.5." in step_svg(found)


def test_the_recorded_numbers_themselves_change_nothing():
    plain = opened(episode(), 0)

    assert opened(episode(), 0, temperature=plain.temperature, constant=plain.constant) == plain


def points(path):
    """The points of a path of straight lines."""
    return [tuple(map(float, p.split())) for p in path[1:].split("L")]


def test_a_what_if_and_the_recording_are_compared_on_the_same_axes():
    k = steps_of("op")[2]
    svg = ev.draw_step(episode(), k, temperature=5, constant=2.5, compare=True).svg
    (paper,) = re.findall(r'class="curve squash"[^>]* d="(M[^"]+)"', svg)
    (recorded,) = re.findall(r'class="curve dashed" d="(M[^"]+)"', svg)

    was = opened(episode(), k)
    assert (was.temperature, was.constant) == (1, 1.5)
    (left, _), *_, (right, _) = points(paper)
    top, low = min(y for _, y in points(paper)), max(y for _, y in points(paper))
    unit = (low - top) / (2 * 2.5 * math.tanh(2))  # of a logit; the axis ends at twice 5
    for curve, heat, most in ((paper, 5, 2.5), (recorded, 1, 1.5)):
        for x, y in points(curve):
            raw = 10 * (2 * (x - left) / (right - left) - 1)
            z = most * math.tanh(raw / heat)
            assert (top + low) / 2 - y == pytest.approx(unit * z, abs=0.35)
    assert ">dashed: ÷ 1, tanh, × 1.5<" in svg
    alone = ev.draw_step(episode(), k, temperature=5, constant=2.5).svg
    assert "dashed" not in re.sub(r"<style>.*?</style>", "", alone, flags=re.S)


@pytest.mark.parametrize("options", [{}, {"temperature": 1}, {"constant": 1.5, "temperature": 1.0}])
def test_there_is_nothing_to_compare_where_nothing_is_changed(options):
    with pytest.raises(ValueError, match="compare=True draws the recorded curve beside"):
        ev.draw_step(episode(), 4, compare=True, **options)


def test_a_nearly_endless_temperature_leaves_no_preference():
    found = opened(episode(), 0, temperature=1e5)

    assert [r.bar.probability for r in found.rows] == pytest.approx([1 / 6] * 6, abs=1e-3)


def test_an_episode_without_details_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="dissect"):
        ev.draw_step(ev.load_trace("macro-tiny").best)


@pytest.mark.parametrize("step", [12, -13, 1.0, True])
def test_a_step_that_is_not_there_is_refused(step):
    with pytest.raises(ValueError, match="step is from 0 to 11"):
        ev.draw_step(episode(), step)


@pytest.mark.parametrize("value", [0, -1, math.nan, "5"])
def test_a_temperature_that_is_no_positive_number_is_refused(value):
    with pytest.raises(ValueError, match="temperature is a positive number"):
        ev.draw_step(episode(), 0, temperature=value)


def test_raw_logits_that_do_not_lead_to_the_recorded_ones_are_refused():
    found = episode()
    first = replace(found.steps[0], detail={**found.steps[0].detail, "raw": [9.0] * 6})

    with pytest.raises(ValueError, match="are not the logits that were recorded"):
        ev.draw_step(replace(found, steps=(first, *found.steps[1:])))


def test_a_step_with_raw_logits_and_state_alone_is_drawn_without_the_rest():
    found = episode()
    kept = tuple(
        replace(s, detail={k: s.detail[k] for k in ("raw", "hidden") if k in s.detail})
        for s in found.steps
    )

    svg = ev.draw_step(replace(found, steps=kept), 4).svg

    assert "hidden state" in svg
    assert not any(word in svg for word in ("gate", "memory</text>", 'class="needle"'))
