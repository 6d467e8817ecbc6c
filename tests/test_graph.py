"""Facts about the graph of a macro network."""

import networkx as nx
import pytest
from episodes import made_up_episode

from enas_viz.spaces import MacroSpace
from enas_viz.spaces.published import ARTICLE_MACRO, MICRO
from enas_viz.view.graph import candidates, network


def skips(graph):
    return [(a, b) for a, b, edge in graph.edges(data=True) if edge["kind"] == "skip"]


def test_the_articles_network_has_five_skips_and_a_chain():
    graph = network(ARTICLE_MACRO, "skips-first")

    assert skips(graph) == [
        ("out0", "out1"),
        ("out0", "out2"),
        ("out0", "out3"),
        ("out1", "out2"),
        ("out2", "out3"),
    ]
    chain = ["image", "stem", *(f"{what}{k}" for k in range(4) for what in ("op", "out")), "head"]
    assert nx.is_path(graph, chain)
    assert [graph.nodes[f"op{k}"]["op"] for k in range(4)] == [
        "conv3x3",
        "sep5x5",
        "max3x3",
        "conv5x5",
    ]


@pytest.mark.parametrize("wiring", ["layer", "code"])
@pytest.mark.parametrize("order", ["op-first", "skips-first"])
def test_candidates_hold_every_skip_of_the_space_and_no_cycle(order, wiring):
    space = MacroSpace(12, wiring=wiring)

    graph = candidates(space, order)

    assert len(skips(graph)) == space.skip_bits
    assert nx.is_directed_acyclic_graph(graph)


def test_each_shape_knows_the_step_that_decides_it():
    graph = candidates(MacroSpace(4), "skips-first")

    assert [graph.nodes[f"op{k}"]["born"] for k in range(4)] == [0, 2, 4, 6]
    assert graph.edges["out0", "out3"]["born"] == 5
    assert graph.nodes["stem"]["born"] == -1


def test_under_code_wiring_the_first_bit_is_the_stem():
    episode = made_up_episode(6, wiring="code", seed=3)

    graph = network(episode.architecture)

    for k in range(6):
        tensors = episode.architecture.space.sources(episode.architecture, k)
        names = {"stem" if t == 0 else f"out{t - 1}" for t in tensors}
        assert {a for a, b in skips(graph) if b == f"out{k}"} == names


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_where_skips_are_the_input_the_graph_has_what_each_operation_reads(wiring):
    for seed in range(5):
        architecture = made_up_episode(6, wiring=wiring, seed=seed).architecture
        space = architecture.space

        graph = network(architecture, "skips-first", "input")

        for k in range(6):
            read = {
                "stem" if t == 0 else f"out{t - 1}" for t in space.inputs(architecture, k, "input")
            }
            assert set(graph.predecessors(f"op{k}")) == read
            assert set(graph.predecessors(f"out{k}")) == {f"op{k}"}
        reached = nx.ancestors(graph, "head")
        assert [k for k in range(6) if f"op{k}" in reached] == list(
            space.reached(architecture, "input")
        )


def test_a_micro_architecture_is_refused_in_plain_words():
    with pytest.raises(ValueError, match="about the layers of macro networks; got a micro space"):
        network(MICRO)
