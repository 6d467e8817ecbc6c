"""The lens: its traits hold every step's drawing and what a what-if starts from."""

import json
import re
from dataclasses import replace

import pytest

import enas_viz as ev
from enas_viz.view.step_closeup import opened


def trace():
    return ev.load_trace("controller-macro")


def test_a_trace_gives_a_side_for_each_episode_by_what_its_note_says():
    lens = ev.Lens(trace())

    assert [side["name"] for side in lens.sides] == [e.note.rstrip(".") for e in trace().episodes]
    assert [len(side["steps"]) for side in lens.sides] == [12, 12]


def test_a_step_holds_what_the_drawing_was_made_of():
    episode = trace().last

    (side,) = ev.Lens(episode).sides

    for k, step in enumerate(side["steps"]):
        found = opened(episode, k)
        assert [row["raw"] for row in step["rows"]] == [row.raw for row in found.rows]
        assert [row["picked"] for row in step["rows"]] == [row.bar.picked for row in found.rows]
        assert (step["temperature"], step["constant"]) == (found.temperature, found.constant)
        assert found.question in step["said"]


def test_all_drawings_are_equally_high_so_that_nothing_jumps():
    lens = ev.Lens(trace())

    drawings = [step["svg"] for side in lens.sides for step in side["steps"]]
    assert len({re.search(r'viewBox="([^"]+)"', svg)[1] for svg in drawings}) == 1


def test_step_and_side_stay_inside():
    lens = ev.Lens(trace(), step=99)

    assert lens.step == 11
    lens.side, lens.step = 7, -3
    assert (lens.side, lens.step) == (1, 0)


def test_the_still_shows_the_step_and_the_what_if():
    lens = ev.Lens(trace(), step=4)
    lens.temperature = 5.0

    assert "What if: temperature 5, constant 1.5." in lens.drawing().svg
    assert "image/png" in lens._repr_mimebundle_()[0]


def test_the_page_is_whole():
    html = ev.Lens(trace()).html()

    state = json.loads(html.split('id="state">')[1].split("</script>")[0])
    assert len(state["sides"]) == 2
    assert "import " not in html.split('<script type="module">')[1]
    assert len(html) < 700_000


def test_nothing_to_look_at_is_refused():
    with pytest.raises(ValueError, match="got none"):
        ev.Lens({})


def test_episodes_of_two_spaces_are_refused():
    with pytest.raises(ValueError, match="one space"):
        ev.Lens({"a": trace().last, "b": ev.load_trace("controller-micro").last})


def test_an_episode_without_details_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="dissect"):
        ev.Lens(ev.load_trace("macro-tiny").best)


def test_episodes_of_one_note_are_all_shown():
    found = trace()
    alike = replace(found, records=tuple(replace(e, note="Same.") for e in found.episodes))

    lens = ev.Lens(alike)

    assert len(lens.episodes) == len(found.episodes) > 1
    assert next(iter(lens.episodes)) == "Same episode 1"


def test_episodes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="different names"):
        ev.Lens({1: trace().last, "1": trace().last})
