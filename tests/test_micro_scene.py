"""Facts about what is shown and said of a pair of cells at each step."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from episodes import made_up_article_cells, made_up_cells, made_up_micro_trace
from module import run_module

import enas_viz as ev
from enas_viz.records.trace import Episode, Header
from enas_viz.spaces import MicroSpace
from enas_viz.spaces.published import ARTICLE_MICRO, MICRO
from enas_viz.view.micro_svg import HEAD, network_parts
from enas_viz.view.scene import MicroScene, scene_of
from enas_viz.view.svg import describe, skeleton, still
from enas_viz.view.timeline import film


def parsed(episode, step=None, colour="op"):
    scene = scene_of(episode, colour)
    return ElementTree.fromstring(still(scene, episode.architecture, episode, step))


def with_class(root, *names):
    return [e for e in root.iter() if set(names) <= set(e.get("class", "").split())]


def test_the_articles_cell_takes_twelve_steps_of_which_the_eight_that_emit_its_tokens_are_shown():
    scene = scene_of(ARTICLE_MICRO, "node")

    tokens = [" ".join(scene.token(t, p)) for t, p in enumerate(scene.picks(ARTICLE_MICRO))]
    emitted = [tokens[t] for t in scene.shown]

    assert len(tokens) == 12
    assert emitted == ["2", "1", "avg 5×5", "sep 5×5", "3", "1", "id", "avg 3×3"]
    assert {token for t, token in enumerate(tokens) if t not in scene.shown} == {"–"}


def test_a_silent_step_is_told_with_the_decision_before_it_unless_it_is_asked_for():
    episode = made_up_cells(2)
    folded, whole = scene_of(episode), scene_of(episode, silent=True)

    assert folded.homes == (2, 2, 2, 3, 4, 5, 5, 7, 8, 9, 10, 10, 10, 10, *folded.homes[14:])
    assert folded.homes[22:] == (22, 22)
    assert whole.homes == whole.shown == tuple(range(24))
    assert [folded.count(t) for t in (0, 5, 6, 7)] == [
        *("Step 1 of 16", "Step 4 of 16", "Step 4 of 16", "Step 5 of 16")
    ]
    assert whole.count(6) == "Step 7 of 24"
    assert "so its output is the cell's output." in folded.answer(10, episode.steps)
    assert "output" not in whole.answer(10, episode.steps)
    assert folded.answer(22, episode.steps).endswith("Both cells are complete.")
    with pytest.raises(ValueError, match="silent must be True or False; got 1"):
        scene_of(episode, silent=1)


def test_a_still_shows_silent_steps_only_when_asked():
    episode = made_up_cells(2)

    def numbers(**how):
        root = ElementTree.fromstring(ev.draw(episode, step=10, **how).svg)
        return [e.text for e in with_class(root, "number")]

    assert numbers() == [str(n) for n in range(1, 17)]
    assert numbers(silent=True) == [str(n) for n in range(1, 25)]
    assert ev.draw(episode, step=11).svg == ev.draw(episode, step=10).svg
    assert ev.draw(episode, step=11, silent=True).svg != ev.draw(episode, step=10, silent=True).svg


def test_with_its_last_decision_a_cell_is_whole():
    episode = made_up_article_cells()
    root = parsed(episode, 10)

    (loose,) = [a for a in with_class(root, "arc") if a.get("data-loose")]

    assert loose.get("class").split()[2] == "now"
    assert not [e for e in with_class(root, "future") if e.get("data-born")]


def test_every_wire_into_an_operation_ends_in_an_arrow_head_and_says_where_it_comes_from():
    episode = made_up_cells(5, seed=3)
    root = parsed(episode)

    wires = [a.get("d") for a in with_class(root, "arc") if a.get("data-row")]
    told = [int(e.text) for e in with_class(root, "from")]

    assert len(wires) == len(told) == 20
    assert all(wire.endswith(HEAD) for wire in wires)
    assert told == [t + 1 for cell in episode.architecture.content for n in cell for t in n[:2]]
    assert len(with_class(root, "head")) == 20  # and into the sum of each node, two


def test_a_source_is_told_where_its_wire_ends_and_apart_from_other_shapes():
    episode = made_up_cells(5, seed=3)
    place = scene_of(episode).layout

    for cell in place.cells:
        lowest = max(wire.points[-2][1] for wire in cell.edges.values())
        for node in cell.nodes:
            for box in node.boxes:
                baseline = box.y - box.h / 2 - 8
                assert lowest <= baseline - 9  # digits of 12 pixels are nine high
                assert box.x - 6 - 14 > box.left  # two of them are 14 wide


def test_what_a_step_sampled_is_fed_to_the_next_but_every_node_begins_anew():
    episode = made_up_cells(2)

    def fed(**how):
        root = ElementTree.fromstring(ev.draw(episode, step=10, **how).svg)
        return [
            int(step.get("data-step"))
            for step in with_class(root, "step")
            if any("C" in (line.get("d") or "") for line in with_class(step, "line"))
        ]

    assert fed() == [3, 4, 5, 8, 9, 10, 15, 16, 17, 20, 21, 22]
    assert fed(silent=True) == [3, 4, 5, 6, 8, 9, 10, 11, 15, 16, 17, 18, 20, 21, 22, 23]


def test_the_articles_nodes_are_red_blue_green_and_purple():
    root = parsed(made_up_article_cells(), colour="node")

    faces = [f.get("class").split()[-1] for f in with_class(root, "face")]
    edges = [a.get("class") for a in with_class(root, "arc") if a.get("data-row")]

    assert faces == ["at-1", "at-3", "at-2", "at-2", "at-4", "at-4"]
    assert sorted(edges) == [
        *["arc rail past tone at-1"] * 2,
        *["arc rail past tone at-2", "arc rail past tone at-3"],
    ]


def test_at_its_end_the_articles_cell_has_one_loose_end_and_nothing_to_join():
    episode = made_up_article_cells()
    scene = scene_of(episode)

    said = scene.answer(11, episode.steps)

    assert said == (
        "Node 4 is the last one, so no other node can read it. The only loose end is node 4, so "
        "its output is the cell's output. The cell is complete."
    )
    root = parsed(episode)
    loose = [a for a in with_class(root, "arc") if a.get("data-loose")]
    assert [a.get("data-loose") for a in loose] == ["0.3"]
    (join,) = [g for g in with_class(root, "merge") if g.get("data-loose") == "0.join"]
    assert "out" in join.get("class").split()


def test_loose_ends_of_the_published_cells_are_told_and_drawn():
    scene = scene_of(MICRO)
    picked = dict(enumerate(scene.picks(MICRO)))

    assert scene.loose(picked, 0) == [f"node {t}" for t in range(3, 8)]
    assert scene.loose(picked, 1) == ["node 3", "node 5", "node 6", "node 7"]
    root = ElementTree.fromstring(still(scene, MICRO))
    drawn = [a.get("data-loose") for a in with_class(root, "arc") if a.get("data-loose")]
    assert drawn == [f"0.{t}" for t in range(2, 7)] + ["1.2", "1.4", "1.5", "1.6"]


def test_unused_inputs_are_loose_ends_unless_the_header_excludes_them():
    for rule, expected in (("count", {0, 1}), ("exclude", set())):
        scene = MicroScene(MicroSpace(1, cells=("normal",)), counts_inputs=rule == "count")
        both = dict.fromkeys(range(len(scene.plan)), (0,))
        only = scene.loose_ends(both, 0)
        assert set(only) - {2} == expected - {0}
        assert scene_of(made_up_cells(2, loose_inputs=rule)).counts_inputs == (rule == "count")


def test_silent_steps_say_what_they_are_for():
    episode = made_up_cells(2)
    scene = scene_of(episode)

    told = {
        t: scene.answer(t, episode.steps) for t, d in enumerate(scene.plan) if d.kind == "silent"
    }

    assert list(told) == [0, 1, 6, 11, 12, 13, 18, 23]
    assert told[0].startswith("A warm-up step: node 1 is the output of the cell two back")
    assert told[1].startswith("A warm-up step: node 2 is the output of the previous cell")
    assert "only to remember it, so that later nodes can point at it" in told[6]
    assert scene.question(11) == "nothing to decide: the normal cell is complete."
    assert told[11].startswith("Node 4 is the last one, so no other node can read it.")
    assert told[23].endswith("Both cells are complete.")


def test_a_question_names_the_input_that_an_operation_works_on():
    episode = made_up_article_cells()
    scene = scene_of(episode)

    assert scene.question(4, episode.steps) == (
        "which operation works on the first input of the normal cell's node 3, node 2?"
    )
    assert scene.question(4) == (
        "which operation works on the first input of the normal cell's node 3?"
    )
    assert scene.caption(2, episode.steps).startswith(
        "Step 1 of 8: which earlier node is the first input of the normal cell's node 3? Node 2, "
        "the output of the previous cell, probability 0."
    )


def test_at_an_index_step_the_candidates_are_faint_and_the_choice_is_solid():
    episode = made_up_cells(5, seed=2)
    scene = scene_of(episode)
    step = 22  # first input of the last node: six candidates
    assert scene.plan[step].options == 6

    here = [a for a in with_class(parsed(episode, step), "arc") if a.get("data-born") == str(step)]
    later = [
        a for a in with_class(parsed(episode, step + 1), "arc") if a.get("data-born") == str(step)
    ]

    assert sorted(a.get("class").split()[2] for a in here) == ["now", *["rejected"] * 5]
    assert [a.get("class").split()[2] for a in later] == ["past"]
    assert later[0].get("data-row") == str(episode.steps[step].picks[0])


def test_nothing_moves_from_step_to_step_nor_between_architectures():
    def boxes(episode, step):
        parts = "".join(network_parts(scene_of(episode), episode.architecture, step))
        return re.findall(r'<rect class="(?:slot|fixed)[^"]*" x="[\d.]+" y="[\d.]+"', parts)

    a, b = made_up_cells(4, 1), made_up_cells(4, 2)

    assert len({tuple(boxes(x, step)) for x in (a, b) for step in range(len(a.steps))}) == 1


@pytest.mark.parametrize("nodes", [1, 2, 5, 7])
def test_the_skeleton_holds_every_candidate_and_nothing_decided(nodes):
    scene = MicroScene(MicroSpace(nodes))

    made = skeleton(scene)
    network, strip = (ElementTree.fromstring(made[name]) for name in ("network", "strip"))

    edges = [a for a in with_class(network, "arc") if a.get("data-row")]
    assert len(edges) == 2 * sum(2 * (n + 2) for n in range(nodes))
    assert len(with_class(strip, "step")) == 2 * (2 + 5 * nodes)
    assert all("future" in e.get("class").split() for e in with_class(network, "arc"))


@pytest.mark.parametrize("step", [None, 0, 2, 4, 11, 23])
def test_a_still_is_valid_xml_that_stands_alone(step):
    episode = made_up_cells(2)

    text = still(scene_of(episode), episode.architecture, episode, step)

    ElementTree.fromstring(text)
    assert "var(" not in text
    assert not re.search(r'(href|src)="(?!#)', text)


def test_the_description_tells_every_node():
    told = describe(scene_of(ARTICLE_MICRO), ARTICLE_MICRO)

    assert told == (
        "A normal cell: node 3 adds average pooling 5×5 of node 2 and separable convolution 5×5 of "
        "node 1; node 4 adds identity of node 3 and average pooling 3×3 of node 1."
    )


def test_colours_mean_operations_or_nodes():
    with pytest.raises(ValueError, match="'op' or 'node' for a micro space; got 'layer'"):
        ev.draw(MICRO, colour="layer")


def test_cells_are_drawn_replayed_and_saved(tmp_path):
    episode = made_up_cells(3)
    replay = ev.Replay(episode)

    assert replay.step == 0
    for name in ("x.svg", "x.png", "x.html"):
        assert ev.save(episode, tmp_path / name).stat().st_size > 4000
    assert "How a controller built a network" in (tmp_path / "x.html").read_text()


def recorded(mode: str, **fidelity) -> Episode:
    episode = made_up_cells(2)
    header = Header(
        episode.architecture.space,
        "indices-first",
        recipe={"name": "mine", "network": {"layers": 3, "filters": 4, "novel": 1}},
        fidelity={"micro_reduction_search": mode, **fidelity},
        dataset={"classes": ["a", "b", "c"], "shape": [1, 16, 16]},
    )
    return replace(episode, header=header)


def test_where_the_search_dropped_the_cell_two_back_the_reduction_cell_says_so():
    for mode, names in (
        ("fr_then_cell", ["previous cell", "same, halved"]),
        ("stride2", ["two cells back", "previous cell"]),
    ):
        episode = recorded(mode)
        scene = scene_of(episode)

        told = "".join(network_parts(scene, episode.architecture, 99))

        assert list(scene.inputs("reduction")) == names
        assert list(scene.inputs("normal")) == ["two cells back", "previous cell"]
        assert told.count("two cells back") == (1 if mode == "fr_then_cell" else 2)
        assert told.count("same, halved") == (1 if mode == "fr_then_cell" else 0)
        full = {"previous cell": "of the previous cell", "two cells back": "of the cell two back"}
        assert full[names[0]] in scene.answer(12, episode.steps)


def test_the_whole_network_is_drawn_by_its_own_header():
    drawn = ev.draw(recorded("stride2", loose_inputs="exclude"), level="network")
    words = "".join(e.text or "" for e in ElementTree.fromstring(drawn.svg).iter())

    assert "3 classes" in words
    assert "32×32×1" in words  # the resolution is not told, so it is the script's
    assert "recipe mine" in words
    assert "auxiliary" not in words
    episode = recorded("stride2", loose_inputs="exclude")
    ends = {e.get("data-loose") for e in with_class(ElementTree.fromstring(drawn.svg), "arc")}
    scene = scene_of(episode)
    picked = dict(enumerate(scene.picks(episode.architecture)))
    assert ends - {None} == {f"{c}.{t}" for c in (0, 1) for t in scene.loose_ends(picked, c)}
    arcs = [len(re.findall("C[0-9. -]+", ev.draw(recorded(m), level="network").svg))
            for m in ("stride2", "fr_then_cell")]  # fmt: skip
    assert arcs[0] == arcs[1] + 2


@pytest.mark.parametrize(
    "damaged",
    [{"network": None}, {"network": {"layers": 0}}, {"network": {"layers": "6"}}, {"data": None}],
)
def test_a_damaged_recipe_in_a_header_falls_back_to_the_script(damaged):
    episode = made_up_cells(2)
    header = Header(episode.architecture.space, "indices-first", recipe=damaged)

    drawn = ev.draw(replace(episode, header=header), level="network")

    assert "32×32×60" in drawn.svg


def test_a_film_of_many_nodes_packs_its_picks(tmp_path):
    trace = made_up_micro_trace(40, epochs=1, per_epoch=3)

    made = film(trace, trace.episodes)

    assert made["pickDigits"] == 2
    found = run_module(
        "given.film.moments.map((_, k) => "
        "m.unpack(given.scene, given.film, k).steps.map((step) => step[0]))",
        {"scene": skeleton(scene_of(trace.episodes[0])), "film": made},
        tmp_path,
    )
    assert found == [[list(s.picks) for s in e.steps] for e in trace.episodes]
