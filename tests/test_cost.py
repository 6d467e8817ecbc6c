"""What an architecture costs: parameters against the authors' counts, multiply-adds by hand."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.facts.anatomy import anatomy
from enas_viz.facts.cost import (
    cell_places,
    cells_path_cost,
    cells_supernet_parameters,
    child_cost,
    op_multiply_adds,
    op_parameters,
    path_cost,
    recipe_path_cost,
    supernet_parameters,
    tensor_sizes,
)
from enas_viz.recipes import RECIPES, recipe
from enas_viz.spaces import MACRO_OPS, Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MICRO, MICRO

COUNTS = json.loads((Path(__file__).parent / "golden" / "param_counts.json").read_text())


@pytest.mark.parametrize(
    ("layers", "filters", "count"),
    [(12, 36, 697_860), (12, 24, 316_056), (6, 8, 19_752), (4, 16, 48_624)],
)
def test_a_macro_supernet_has_as_many_parameters_as_the_authors_graph(layers, filters, count):
    assert supernet_parameters(MacroSpace(layers), filters) == count


def test_the_searched_supernet_has_the_count_that_the_authors_program_prints():
    golden = COUNTS["macro_search"]

    found = supernet_parameters(MacroSpace(golden["num_layers"]), golden["out_filters"])

    assert found == golden["printed_by_code"]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 24), st.integers(1, 32).map(lambda half: 2 * half))
def test_a_supernet_is_counted_by_one_formula(layers, c):
    reductions = len(MacroSpace(layers).pool_after())
    tensors = sum(at + 2 for at in MacroSpace(layers).pool_after())

    formula = 27 * c + 2 * c + layers * (42 * c**2 + 54 * c) + 2 * c * (layers - 1) + 10 * c
    formula += tensors * (c**2 + 2 * c)

    assert supernet_parameters(MacroSpace(layers), c) == formula
    if layers % 3 == 0:  # then the two reductions hold L + 2 tensors
        assert (reductions, tensors) == (2, layers + 2)


@pytest.mark.parametrize(
    ("op", "parameters", "work"),
    [  # at two filters on 3x3 pixels; each starts with a 1x1 convolution and its batch norm
        ("conv3x3", 4 + 4 + 36 + 4, (4 + 36) * 9),
        ("sep3x3", 4 + 4 + 18 + 4 + 4, (4 + 18 + 4) * 9),
        ("conv5x5", 4 + 4 + 100 + 4, (4 + 100) * 9),
        ("sep5x5", 4 + 4 + 50 + 4 + 4, (4 + 50 + 4) * 9),
        ("avg3x3", 4 + 4, 4 * 9),
        ("max3x3", 4 + 4, 4 * 9),
    ],
)
def test_an_operation_is_counted_by_hand(op, parameters, work):
    assert op_parameters(op, 2) == parameters
    assert op_multiply_adds(op, 2, 3) == work


def test_a_tiny_path_is_counted_by_hand():
    made = Architecture(MacroSpace(3), ((0,), (5, 1), (1, 0, 1)))

    cost = path_cost(made, filters=2, resolution=5, image_channels=1, classes=3)

    assert cost.tensors == ((2, 5, 5), (2, 5, 5), (2, 3, 3), (2, 2, 2))
    assert cost.multiply_adds == sum(
        [
            9 * 1 * 2 * 25,  # stem
            (4 + 36) * 25,  # layer 1: conv3x3
            2 * 4 * 9,  # two tensors halved to 3x3
            4 * 9,  # layer 2: max3x3
            3 * 4 * 4,  # three tensors halved to 2x2
            (4 + 18 + 4) * 4,  # layer 3: sep3x3
            2 * 3,  # classifier
        ]
    )
    assert cost.parameters == sum(
        [
            9 * 1 * 2 + 4,  # stem and its batch norm
            48 + 8 + 34,  # the three operations
            2 * 4,  # batch norms of two merges
            (2 + 3) * (4 + 4),  # five reductions
            2 * 3,  # classifier
        ]
    )


def test_concatenating_skips_costs_a_convolution_that_reads_them():
    made = Architecture(MacroSpace(2), ((5,), (5, 1)))
    sizes = {"filters": 2, "resolution": 4, "image_channels": 1, "classes": 2}

    add, concat = path_cost(made, **sizes), path_cost(made, **sizes, merge="concat")

    assert concat.multiply_adds - add.multiply_adds == 2 * 4 * 16  # skip and layer itself
    assert concat.parameters - add.parameters == 2 * 4
    assert supernet_parameters(MacroSpace(2), 2, merge="concat") == (
        supernet_parameters(MacroSpace(2), 2) + 2 * 4
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32), st.sampled_from(("add", "concat", "input")))
def test_a_path_is_the_supernet_less_the_operations_not_taken(layers, seed, merge):
    space = MacroSpace(layers)
    made = space.sample(random.Random(seed))

    reached = space.reached(made, merge)
    left_out = sum(
        op_parameters(op, 8)
        for k, name in enumerate(space.op_names(made))
        for op in MACRO_OPS
        if op != name or k not in reached
    )

    path = path_cost(made, 8, 16, merge=merge)
    assert path.parameters == supernet_parameters(space, 8, merge=merge) - left_out


def test_skips_are_free_when_added():
    space = MacroSpace(6)
    ops = ["conv3x3"] * 6

    none, all_on = (space.architecture(ops, [(bit,) * k for k in range(6)]) for bit in (0, 1))

    assert path_cost(none, 8, 32) == path_cost(all_on, 8, 32)
    assert (
        path_cost(none, 8, 32, merge="concat").multiply_adds
        < path_cost(all_on, 8, 32, merge="concat").multiply_adds
    )


def test_tensors_halve_after_the_layers_that_pool_and_odd_sides_round_up():
    assert tensor_sizes(MacroSpace(6), 16, 8) == (
        *(((16, 8, 8),) * 3),  # stem, layers 1 and 2
        *(((16, 4, 4),) * 2),
        *(((16, 2, 2),) * 2),
    )
    assert [side for _, side, _ in tensor_sizes(MacroSpace(3), 4, 7)] == [7, 7, 4, 2]


@pytest.mark.parametrize("name", [name for name, made in RECIPES.items() if made.cells])
def test_a_recipe_knows_how_many_cells_it_stacks(name):
    made = RECIPES[name]
    places = cell_places(made.network.layers, 4, made.fidelity.micro_stack)

    assert made.cells == len(places)
    assert made.network.space == "micro"
    reductions = [place.kind for place in places].count("reduction")
    assert reductions == (3 if name.endswith("-paper") else 2)


def test_the_papers_count_of_parameters_fits_two_reduction_cells_not_the_three_of_its_figure():
    two = recipe("micro-final-paper", fidelity__micro_stack="two_reductions")

    assert child_cost(MICRO, two).parameters == 4_587_372
    assert child_cost(MICRO, recipe("micro-final-paper")).parameters == 6_235_596


def test_a_recipe_gives_its_sizes_and_its_merge():
    made = MacroSpace(6).architecture(["sep5x5"] * 6)
    tiny = recipe("macro-tiny")

    assert recipe_path_cost(made, tiny, 1) == path_cost(made, 16, 8, 1)
    concat = recipe("macro-tiny", fidelity__skip_merge_search="concat")
    assert recipe_path_cost(made, concat, 1) == path_cost(made, 16, 8, 1, merge="concat")


@pytest.mark.parametrize(
    ("layers", "filters", "count"), [(6, 20, 5_373_140), (6, 8, 1_152_488), (3, 8, 757_480)]
)
def test_a_micro_supernet_has_as_many_parameters_as_the_authors_graph(layers, filters, count):
    assert cells_supernet_parameters(MicroSpace(), layers, filters) == count


def test_the_searched_cells_have_the_count_that_the_authors_program_prints():
    golden = COUNTS["micro_search"]
    sizes = golden["num_layers"], golden["out_filters"]

    assert cells_supernet_parameters(MicroSpace(), *sizes) == golden["printed_by_code"]


def test_a_path_of_cells_costs_less_the_more_of_it_has_no_weights():
    made = recipe("micro-tiny")
    space = made.space
    light, mixed, heavy = (space.decode([0, op, 1, op] * 10) for op in (3, 0, 1))

    costs = [recipe_path_cost(a, made, 1) for a in (light, mixed, heavy)]

    assert costs[0].parameters < costs[1].parameters < costs[2].parameters
    assert costs[0].multiply_adds < costs[1].multiply_adds < costs[2].multiply_adds
    assert costs[0].tensors == (
        *[(24, 8, 8), (8, 8, 8), (16, 4, 4), (16, 4, 4), (32, 2, 2), (32, 2, 2)],
    )


def test_as_released_every_layer_costs_what_its_last_operation_does():
    made = recipe("macro-released")
    space = made.space
    skips = [(0,) * k for k in range(1, 12)]
    convs, pools = (space.architecture([op] * 12, skips) for op in ("conv5x5", "max3x3"))

    found = recipe_path_cost(convs, made)

    assert found == recipe_path_cost(pools, made)
    bound = recipe("macro-released", fidelity__macro_dispatch="sampled")
    assert recipe_path_cost(convs, bound).multiply_adds > 4 * found.multiply_adds


@pytest.mark.parametrize(
    "count",
    [
        lambda: cells_supernet_parameters(ARTICLE_MICRO.space, 3, 4),
        lambda: cells_path_cost(ARTICLE_MICRO, 3, 4, 8),
        lambda: recipe_path_cost(ARTICLE_MICRO, recipe("micro-tiny")),
        lambda: child_cost(ARTICLE_MICRO, recipe("micro-final-tiny")),
        lambda: anatomy(ARTICLE_MICRO, recipe("micro-tiny")),
    ],
)
def test_a_network_without_a_reduction_cell_is_not_counted(count):
    with pytest.raises(ValueError, match="needs a normal and a reduction cell; got normal"):
        count()


def test_an_unknown_merge_is_not_counted_as_another():
    for count in (
        lambda: supernet_parameters(MacroSpace(2), 4, merge="concatenate"),
        lambda: path_cost(MacroSpace(2).decode([0, 0, 1]), 4, 8, merge="concatenate"),
    ):
        with pytest.raises(ValueError, match="by 'add', 'concat' or 'input'; got 'concatenate'"):
            count()


PAIR, NETWORK = MICRO, MacroSpace(6).decode([0] * 21)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (lambda: supernet_parameters(PAIR.space, 4), "cells, which cells_supernet_parameters is"),
        (lambda: path_cost(PAIR, 4, 8), "cells, which cells_path_cost is for"),
        (lambda: tensor_sizes(PAIR.space, 4, 8), "cells, which cell_places is for"),
        (lambda: cells_supernet_parameters(NETWORK.space, 6, 4), "macro networks, which path_cost"),
        (lambda: cells_path_cost(NETWORK, 6, 4, 8), "macro networks, which path_cost"),
        (lambda: recipe_path_cost(NETWORK, RECIPES["micro-tiny"]), "is for micro networks"),
        (lambda: recipe_path_cost(PAIR, RECIPES["macro-tiny"]), "is for macro networks"),
        (lambda: child_cost(NETWORK, RECIPES["micro-final-tiny"]), "is for micro networks"),
        (lambda: child_cost(PAIR, RECIPES["macro-final-tiny"]), "is for macro networks"),
    ],
)
def test_networks_of_one_kind_are_not_counted_as_the_other(count, said):
    with pytest.raises(ValueError, match=said):
        count()


@pytest.mark.parametrize("wrong", [None, "enas-macro", [0, 1, 1], PAIR.space])
def test_what_is_no_architecture_has_no_cost(wrong):
    for count in (
        lambda: path_cost(wrong, 4, 8),
        lambda: cells_path_cost(wrong, 6, 4, 8),
        lambda: recipe_path_cost(wrong, RECIPES["micro-tiny"]),
        lambda: child_cost(wrong, RECIPES["micro-final-tiny"]),
        lambda: anatomy(wrong, RECIPES["micro-tiny"]),
    ):
        with pytest.raises(TypeError, match="expected an Architecture; got"):
            count()


@pytest.mark.parametrize("wrong", [None, "macro-tiny", PAIR])
@pytest.mark.parametrize("count", [recipe_path_cost, child_cost, anatomy])
def test_what_is_no_recipe_gives_no_cost(count, wrong):
    with pytest.raises(TypeError, match=r"expected a Recipe, such as recipe\('macro-tiny'\); got"):
        count(NETWORK, wrong)
