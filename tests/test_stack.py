"""Facts about the whole network as a stack."""

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from episodes import made_up_episode

import enas_viz as ev
from enas_viz.facts.cost import child_cost
from enas_viz.recipes import recipe
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.spaces.published import ARTICLE_MICRO, MACRO, MICRO
from enas_viz.view.scene import scene_of
from enas_viz.view.stack import plan_of, slabs, stack_parts


def words(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text") and e.text]


def test_a_micro_network_is_stacked_as_the_search_script_stacks_it():
    found = slabs(plan_of(MICRO))

    assert [s.kind for s in found] == [
        *("normal", "normal", "reduction", "normal", "normal", "reduction", "normal", "normal")
    ]
    assert [s.size for s in found] == [
        *[(20, 32, 32)] * 2,
        *[(40, 16, 16)] * 3,
        *[(80, 8, 8)] * 3,
    ]


def test_five_normal_cells_a_stage_make_seventeen():
    found = slabs(plan_of(MICRO, layers=15, filters=36))

    assert len(found) == 17
    assert [k for k, s in enumerate(found) if s.kind == "reduction"] == [5, 11]
    assert found[-1].size == (144, 8, 8)


def test_a_macro_network_keeps_its_width_and_halves_its_maps_twice():
    found = slabs(plan_of(MacroSpace(12).architecture([0] * 12)))

    assert [s.size for s in found] == [
        *[(36, 32, 32)] * 4,
        *[(36, 16, 16)] * 4,
        *[(36, 8, 8)] * 4,
    ]


def test_a_final_macro_network_is_drawn_as_wide_as_it_is_built():
    plan = plan_of(MACRO, recipe="macro-final-released")

    assert [s.size for s in slabs(plan)] == list(
        child_cost(MACRO, recipe("macro-final-released")).tensors[1:]
    )
    assert {"32×32×96", "16×16×192", "8×8×384"} <= set(
        words(ev.draw(MACRO, level="network", recipe="macro-final-released").svg)
    )


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("macro-released", "added"),
        ("macro-final", "concatenated here"),
        ("macro-paper", "what a layer chose"),
        ("macro-final-paper", "what a layer chose"),
        (recipe("macro-final", fidelity__skip_merge_final="add"), "skips are added here"),
        (recipe("macro-final", fidelity__skip_merge_search="concat"), "concatenated here"),
    ],
)
def test_the_legend_says_how_the_recipe_that_is_given_merges_skips(name, sign):
    drawn = ev.draw(MACRO, level="network", recipe=name).svg

    assert any(sign in line for line in words(drawn))


@pytest.mark.parametrize(
    ("name", "merging"), [("macro-final", (1, 2, 3)), ("macro-final-paper", (2, 3))]
)
def test_a_merge_is_marked_at_every_layer_where_there_is_something_to_merge(name, merging):
    skips = [(1,), (1, 1), (1, 1, 0), (0, 0, 0, 0)]
    architecture = MacroSpace(5).architecture([0] * 5, skips)
    parts, _, _ = stack_parts(plan_of(architecture, recipe=name))

    rings = [float(re.search(r"translate\(([\d.]+)", p)[1]) for p in parts if 'class="ring"' in p]
    boxes = [re.search(r'face op-conv3x3" x="([\d.]+)".* width="([\d.]+)"', p) for p in parts]
    left, right = zip(*((float(b[1]), float(b[1]) + float(b[2])) for b in boxes if b), strict=True)
    behind = [sum(x > edge for edge in right) - 1 for x in rings]  # the layer at whose right it is

    assert behind == [k - (name == "macro-final-paper") for k in merging]
    assert all(x < left[k + 1] for x, k in zip(rings, behind, strict=True))


@pytest.mark.parametrize(
    ("fidelity", "merge"),
    [
        ({}, "concat"),
        ({"skip_merge_final": "add"}, "add"),
        ({"skip_merge_search": "input"}, "input"),
    ],
)
def test_a_final_network_is_drawn_as_it_merges_its_skips(fidelity, merge):
    final = recipe("macro-final", network__layers=6).to_json()
    episode = made_up_episode(6)
    header = replace(episode.header, recipe=final, fidelity=fidelity)
    drawn = replace(episode, header=header)

    assert scene_of(drawn).merge == merge
    assert plan_of(drawn).merge == merge


def test_sizes_of_an_episode_are_its_recipes():
    plan = plan_of(made_up_episode(6))

    assert (plan.layers, plan.filters, plan.resolution) == (6, 36, 32)


def test_the_picture_tells_the_sizes_of_tensors_and_where_they_come_from():
    told = words(ev.draw(MICRO, level="network").svg)

    assert {"32×32×3", "32×32×60", "32×32×20", "16×16×40", "8×8×80", "auxiliary head"} <= set(told)
    assert any("the authors' search script" in line for line in told)
    given = words(ev.draw(MICRO, level="network", layers=15, filters=36).svg)
    assert "8×8×144" in given
    assert any("sizes as given" in line for line in given)
    assert "8×8×36" in words(ev.draw(MACRO, level="network").svg)


@pytest.mark.parametrize("layers", [3, 6, 15, 18])
def test_slabs_stand_apart_and_inside_the_picture(layers):
    parts, width, _ = stack_parts(plan_of(MICRO, layers=layers))

    boxes = re.findall(
        r'<rect class="face[^"]*" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', "".join(parts)
    )
    spans = [(float(x), float(x) + float(w)) for x, w in boxes]
    assert len(spans) == layers + 2
    assert all(a[1] + 4 < b[0] for a, b in itertools.pairwise(spans))
    assert spans[-1][1] < width


def test_a_page_has_both_cells_ready_to_be_opened(tmp_path):
    page = ev.save(MICRO, tmp_path / "net.html", level="network").read_text(encoding="utf-8")

    assert page.count("data-open=") >= 2
    assert page.count('class="slab"') == 8
    assert page == ev.draw(MICRO, level="network").html()
    assert "https://" not in page.replace("http://www.w3.org", "")
    assert "<iframe srcdoc=" in ev.draw(MICRO, level="network").iframe().data


OTHER_CELL = Architecture(ARTICLE_MICRO.space, (((0, 1, 0, 1), (2, 0, 4, 2)),))


@pytest.mark.parametrize("x", [ARTICLE_MICRO, "article-micro", "trace"])
def test_the_articles_cell_is_stacked_to_its_block_of_three_normal_cells_and_a_reduction_cell(x):
    drawn = ev.draw(ev.load_trace("article-micro") if x == "trace" else x, level="network")

    plan = drawn.plan
    root = ElementTree.fromstring(drawn.svg)
    words = [e.text for e in root.iter() if e.text]
    assert [slab.kind for slab in slabs(plan)] == ["normal"] * 3 + ["reduction"]
    assert [slab.words for slab in slabs(plan)] == ["full size"] * 3 + ["half size"]
    assert {"image", "classifier"} <= set(words)
    assert "stem" not in words  # the article tells of none
    assert drawn.svg.count('class="slab"') == 3  # of the reduction cell nothing is known
    assert "halves height and width" in root[1].text


def test_of_the_articles_block_cells_and_pixels_can_be_chosen():
    plan = plan_of(ARTICLE_MICRO, layers=5, resolution=15)

    assert [slab.words for slab in slabs(plan)] == ["15×15"] * 5 + ["8×8"]
    assert "5 normal cells" in plan.source


def test_in_the_articles_block_every_cell_but_the_first_reads_the_one_before_the_last():
    svg = ev.draw(ARTICLE_MICRO, level="network").svg

    arcs = re.findall(r'<path class="line" d="M[\d.]+ [\d.]+C', svg)
    assert len(arcs) == 3


@pytest.mark.parametrize(
    ("x", "options", "told"),
    [
        (MACRO, {"layers": 3}, "leave out layers="),
        (OTHER_CELL, {}, "has a normal cell only"),
        (ARTICLE_MICRO, {"filters": 36}, "the article's block has no known channels .* filters="),
        (ARTICLE_MICRO, {"recipe": "micro-paper"}, "follows no recipe; leave out recipe="),
        (ARTICLE_MICRO, {"as_article": True}, "as_article= goes with level='graph'"),
        (MICRO, {"silent": True}, "silent= goes with level='graph'"),
        (MICRO, {"filters": 0}, "filters is a whole number of at least 1; got 0"),
        (MICRO, {"resolution": "32"}, "resolution is a whole number"),
        (MICRO, {"step": 3}, "the whole network has no steps"),
    ],
)
def test_what_cannot_be_stacked_is_refused(x, options, told):
    with pytest.raises(ValueError, match=told):
        ev.draw(x, level="network", **options)


def test_sizes_and_levels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="layers= goes with level='network'"):
        ev.draw(MICRO, layers=6)
    with pytest.raises(ValueError, match="level is one of 'graph', 'network'; got 'net'"):
        ev.draw(MICRO, level="net")


def test_a_reduction_cell_reads_the_cell_two_back_in_a_final_network_and_not_in_a_search():
    search, final = (
        ev.draw(MICRO, level="network", recipe=name).svg
        for name in ("micro-released", "micro-final-released")
    )

    assert final.count("two cells back") - search.count("two cells back") == 1
    assert (search.count("same, halved"), final.count("same, halved")) == (1, 0)
    assert plan_of(MICRO, recipe="micro-final-released").layers == 15


@pytest.mark.parametrize("layers", [6, 18])
def test_where_reductions_trail_one_ends_each_of_three_blocks(layers):
    plan = plan_of(MICRO, layers=layers, filters=8, resolution=24, recipe="micro-paper")

    found, third = slabs(plan), layers // 3
    block = ["normal"] * third + ["reduction"]
    assert [s.kind for s in found] == block * 3
    assert [s.size for s in found[third :: third + 1]] == [(16, 12, 12), (32, 6, 6), (64, 3, 3)]
    told = words(ev.draw(MICRO, level="network", recipe="micro-final-paper").svg)
    assert {"4×4×288", "1 reduction"} <= set(told)
    parts, width, _ = stack_parts(plan)
    assert "".join(parts).count('class="slab"') == layers + 3
    boxes = re.findall(r'<rect class="face[^"]*" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"',
                       "".join(parts))  # fmt: skip
    spans = [(float(x), float(x) + float(w)) for x, w in boxes]
    assert all(a[1] + 4 < b[0] for a, b in itertools.pairwise(spans))
    assert spans[-1][1] < width


def test_the_recipe_that_is_named_wires_what_is_drawn():
    released, paper = (
        ev.draw(MICRO, level="network", recipe=f"micro-{name}").svg
        for name in ("released", "paper")
    )

    assert (released.count("same, halved"), paper.count("same, halved")) == (1, 0)
    unread = MICRO.space.decode([1, 0, 1, 0] * 5 + [0, 0, 1, 0] * 5)  # input 1 of the first cell
    ends = [
        ev.draw(unread, level="network", recipe=f"micro-{name}").svg.count("data-loose")
        for name in ("released", "paper")
    ]
    assert ends[0] == ends[1] + 1


def test_a_trace_from_before_the_stack_had_a_choice_is_drawn_with_two_reductions():
    trace = ev.load_trace("micro-cifar10-cpu")
    del trace.header.fidelity["micro_stack"]
    trace.header.recipe.get("fidelity", {}).pop("micro_stack", None)

    assert [s.kind for s in slabs(plan_of(trace.best))].count("reduction") == 2


def test_a_recipe_of_another_space_is_refused():
    with pytest.raises(ValueError, match="recipe 'macro-final' is of macro networks"):
        ev.draw(MICRO, level="network", recipe="macro-final")


@pytest.mark.parametrize("name", ["article-macro", "enas-micro"])
def test_a_whole_network_in_words_names_every_operation_and_where_it_reads(name):
    whole, graph = ev.draw(name, level="network"), ev.draw(name)

    assert whole.about.endswith(graph.about)
    assert whole.about in repr(whole)
    assert graph.about in graph._repr_mimebundle_()[0]["text/plain"]
