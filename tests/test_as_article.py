"""Facts about drawings and replays that are as the article draws its two examples."""

import dataclasses
import re
from xml.etree import ElementTree

import pytest
import traitlets
from episodes import (
    made_up_article_cells,
    made_up_article_episode,
    made_up_cells,
    made_up_episode,
)
from module import run_module

import enas_viz as ev
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO
from enas_viz.view.micro_svg import network_parts
from enas_viz.view.scene import episode_json, scene_of
from enas_viz.view.svg import skeleton


def parsed(x, **how):
    return ElementTree.fromstring(ev.draw(x, as_article=True, **how).svg)


def with_class(root, *names):
    return [e for e in root.iter() if set(names) <= set(e.get("class", "").split())]


def words(root):
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("text")]


@pytest.mark.parametrize("x", ["article-micro", ARTICLE_MICRO, made_up_article_cells()])
def test_the_articles_cell_takes_eight_steps_none_of_them_silent(x):
    replay = ev.Replay(x, as_article=True)
    scene = replay._scene

    shown = [scene.token(t, replay.recorded.steps[t].picks) for t in scene.shown]
    assert [" ".join(token) for token in shown] == [
        *("2", "1", "avg 5×5", "sep 5×5", "3", "1", "id", "avg 3×3")
    ]
    assert len(replay.recorded.steps) == 12  # `step` counts as the recording does
    assert [e.text for e in with_class(parsed(made_up_article_cells(), step=4), "number")] == [
        *"12345678"
    ]


def test_the_cell_stands_behind_the_two_finished_cells_that_it_reads():
    root = parsed(made_up_article_cells())

    told = words(root)
    assert [w for w in told if w.startswith("cell ")] == ["cell 1", "cell 2"]
    assert [w for w in told if w.startswith("its output is")] == [
        *("its output is node 1", "its output is node 2")
    ]
    assert "Cell 3: keeps height and width" in told
    # each of them ends in an addition, as do the two nodes of the cell; and the legend has one
    signs = [s.get("d") for s in with_class(root, "sign")]
    assert len([d for d in signs if "h7.2" in d]) == 5


def test_the_cells_wires_begin_where_the_finished_cells_end():
    place = scene_of(ARTICLE_MICRO, as_article=True).layout.cells[0]

    for (_, _, source), wire in place.edges.items():
        if source < 2:
            x, y = wire.points[0]
            assert (x, y) == (place.inputs[source].right + 7.5, place.inputs[source].y)


def test_nodes_are_red_blue_green_and_purple_without_being_asked():
    root = parsed(made_up_article_cells())

    faces = [f.get("class").split()[-1] for f in with_class(root, "face")]

    assert faces == ["at-1", "at-3", "at-2", "at-2", "at-4", "at-4"]
    assert scene_of(ARTICLE_MACRO, as_article=True).colour == "layer"


def test_only_the_examples_themselves_cite_sections_and_figures():
    episode = made_up_article_cells()
    micro, macro = (scene_of(x, as_article=True) for x in (episode, made_up_article_episode()))
    other = scene_of(made_up_cells(2), as_article=True)

    assert micro.builds == "The cell it builds, as in the article, figure 1.2.8"
    assert micro.count(2) == "Step 1 of 8 · article, section 1.2 (green)"
    assert micro.count(10) == "Step 8 of 8 · article, figure 1.2.10 (purple)"
    assert micro.caption(7, episode.steps).startswith(
        "Step 5 of 8 · article, figure 1.2.10 (purple): which earlier node is the first input"
    )
    assert [macro.count(t).partition("(")[2] for t in range(7)] == [
        *("red)", "green)", "green)", "blue)", "blue)", "purple)", "purple)")
    ]
    assert other.count(2) == "Step 1 of 16"
    assert other.builds == "The cells it builds, as in the article"
    assert scene_of(episode).count(2) == "Step 1 of 8"


def test_all_that_a_step_sampled_is_fed_to_the_next_as_the_article_says():
    root = parsed(made_up_article_cells(), step=10)

    fed = [
        int(step.get("data-step"))
        for step in with_class(root, "step")
        if any("C" in (line.get("d") or "") for line in with_class(step, "line"))
    ]

    assert fed == [3, 4, 5, 7, 8, 9, 10]


def test_the_articles_network_has_no_stem_concatenates_and_halves_nothing():
    root = parsed(made_up_article_episode())
    scene = scene_of(made_up_episode(12, "skips-first"), as_article=True)

    told = words(root)
    assert "image" in told
    assert "stem" not in told
    assert "skips are concatenated here" in told
    assert "skips are added here" not in told
    assert scene.merge == "concat"
    assert scene.narrowings == ()
    place = scene_of(made_up_article_episode(), as_article=True).layout
    into_layer_1 = f"M{place.image.right:g} {place.axis:g}H{place.taps[0]:g}"
    assert into_layer_1 in [e.get("d") for e in root.iter()]
    assert place.image.right < place.taps[0] < place.boxes[0].left


def test_by_name_the_articles_network_is_decided_skips_first_in_seven_steps():
    replay = ev.Replay("article-macro", as_article=True)

    assert [s.decision.kind for s in replay.recorded.steps] == [
        *("op", "skip", "op", "skip", "op", "skip", "op")
    ]
    assert "every option is shown as equally likely" in replay.recorded.note
    assert replay.drawing(3).svg == ev.draw(replay.recorded, step=3, as_article=True).svg


def test_nothing_moves_between_two_cells_drawn_as_the_article_does():
    def boxes(episode, step):
        scene = scene_of(episode, as_article=True)
        parts = "".join(network_parts(scene, episode.architecture, step))
        return re.findall(r'<rect class="(?:slot|fixed)[^"]*" x="[\d.]+" y="[\d.]+"', parts)

    a, b = made_up_cells(3, 1), made_up_cells(3, 2)

    assert len({tuple(boxes(x, step)) for x in (a, b) for step in range(len(a.steps))}) == 1


@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_wires_of_a_cell_behind_finished_ones_cross_no_box(nodes):
    scene = scene_of(made_up_cells(nodes), as_article=True)

    for cell in scene.layout.cells:
        boxes = [*cell.inputs, *(b for node in cell.nodes for b in node.boxes), cell.output]
        for wire in (*cell.edges.values(), *cell.loose.values()):
            for (x1, y1), (x2, y2) in zip(wire.points, wire.points[1:], strict=False):
                for b in boxes:
                    over = min(x1, x2) < b.right - 1 and max(x1, x2) > b.left + 1
                    beside = min(y1, y2) < b.y + b.h / 2 - 1 and max(y1, y2) > b.y - b.h / 2 + 1
                    assert not (over and beside)
        assert all(b.left > 0 and b.right < scene.layout.width for b in boxes)


def test_the_page_says_what_python_says_with_its_place_in_the_article(tmp_path):
    episodes = [made_up_article_cells(), made_up_article_episode()]
    scenes = [scene_of(episode, as_article=True) for episode in episodes]

    said = run_module(
        "given.map(({ scene, episode }) => { const home = m.homes(scene, !scene.folds);"
        " return [...new Set(home)].map((t) => m.caption(scene, episode, t, home).whole); })",
        [
            {"scene": skeleton(scene), "episode": episode_json(episode)}
            for scene, episode in zip(scenes, episodes, strict=True)
        ],
        tmp_path,
    )

    for scene, episode, found in zip(scenes, episodes, said, strict=True):
        assert found == [scene.caption(t, episode.steps) for t in scene.shown]


def test_what_the_article_does_not_draw_is_refused():
    code = MacroSpace(3, wiring="code").architecture([0] * 3)
    for x, how, told in [
        (made_up_article_cells(), {"silent": True}, "leave out silent=True"),
        (made_up_article_episode(), {"reductions": True}, "leave out reductions=True"),
        (made_up_episode(4), {}, "before its operation; this episode was .*'op-first'"),
        (code, {}, "its wiring is 'code'"),
    ]:
        with pytest.raises(ValueError, match=told):
            ev.draw(x, as_article=True, **how)
    with pytest.raises(ValueError, match="as_article must be True or False; got 1"):
        ev.draw(ARTICLE_MICRO, as_article=1)
    replay = ev.Replay("article-micro", as_article=True)
    with pytest.raises(traitlets.TraitError, match="silent must be False"):
        replay.silent = True


def test_a_replay_is_saved_as_the_article_draws_it(tmp_path):
    replay = ev.Replay(made_up_article_cells(), as_article=True, step=4)

    page = ev.save(replay, tmp_path / "x.html").read_text(encoding="utf-8")
    direct = ev.save(replay.recorded, tmp_path / "y.html", as_article=True, step=4)

    assert "its output is node 1" in page
    assert direct.read_text(encoding="utf-8").count("its output is node 1") == page.count(
        "its output is node 1"
    )
    assert ev.save(replay, tmp_path / "x.svg").read_text(encoding="utf-8") == replay.drawing().svg


# ---------------------------------------------------------------- one merge for one network


LIST = "0 3 1 5 1 1 2 1 0 1"


@pytest.mark.parametrize("x", [LIST, ARTICLE_MACRO.flat, "article-macro", "trace"])
@pytest.mark.parametrize("how", [{}, {"as_article": True}])
def test_the_articles_network_is_concatenated_however_it_is_given(x, how):
    x = ev.load_trace("article-macro") if x == "trace" else x

    for drawn in (ev.draw(x, **how), ev.Replay(x, **how).drawing()):
        told = words(ElementTree.fromstring(drawn.svg))
        assert "skips are concatenated here" in told
        assert "skips are added here" not in told


def test_the_list_says_which_merge_is_drawn_and_which_a_search_has():
    said = ev.decode(LIST).how

    assert "concatenates its skips, as it is drawn, where a search adds them" in said
    assert "concatenates its skips" in " ".join(words(ElementTree.fromstring(ev.draw(LIST).svg)))
    assert "concatenates" not in ev.decode(LIST, wiring="code").how
    other = ev.draw([0, 3, 1, 5, 1, 1, 2, 1, 1, 1])
    assert "skips are added here" in words(ElementTree.fromstring(other.svg))


def test_an_architecture_by_itself_is_drawn_as_a_search_merges():
    made = ev.draw(Architecture(ARTICLE_MACRO.space, ARTICLE_MACRO.content))

    assert "skips are added here" in words(ElementTree.fromstring(made.svg))
    assert dataclasses.asdict(scene_of(ARTICLE_MACRO))["merge"] == "add"


def test_the_stage_counts_the_steps_that_the_replay_counts(tmp_path):
    episode = made_up_article_cells()

    for silent, told in ((False, "Step 5 of 8"), (True, "Step 8 of 12")):
        replay = ev.Replay(episode, step=7, silent=silent)
        stage = ev.save(replay, tmp_path / "x.svg", size="16:9").read_text(encoding="utf-8")
        assert told in stage


def test_the_stage_is_drawn_as_the_article_draws(tmp_path):
    replay = ev.Replay("article-micro", as_article=True)

    stage = ev.save(replay, tmp_path / "x.svg", size="16:9").read_text(encoding="utf-8")

    assert "Step 1 of 8 · article, section 1.2 (green)" in stage
    assert "finished cells" in stage
