"""Search spaces: decisions, sizes, architectures, flat lists, and what is refused."""

import json
import math
import random
import re
from collections import Counter
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.spaces import (
    MACRO_OPS,
    MAX_LAYERS,
    MAX_NODES,
    MICRO_OPS,
    Architecture,
    Decision,
    MacroSpace,
    MicroSpace,
    space_from_json,
)
from enas_viz.spaces.micro import canonical_cell, relabelled
from enas_viz.spaces.operations import EXTRA_OPS, Operation

# ---- every kind of space, and random architectures in them

macro_spaces = st.builds(
    MacroSpace,
    layers=st.integers(1, 16),
    ops=st.permutations(MACRO_OPS).flatmap(
        lambda ops: st.integers(1, 6).map(lambda n: tuple(ops[:n]))
    ),
    wiring=st.sampled_from(("layer", "code")),
)
micro_spaces = st.builds(
    MicroSpace,
    nodes=st.integers(1, 7),
    ops=st.permutations(MICRO_OPS + EXTRA_OPS).flatmap(
        lambda ops: st.integers(1, 6).map(lambda n: tuple(ops[:n]))
    ),
    cells=st.sampled_from((("normal",), ("normal", "reduction"))),
)
spaces = macro_spaces | micro_spaces
architectures = st.builds(
    lambda space, seed: space.sample(random.Random(seed)), spaces, st.integers(0, 2**32)
)
thousands = settings(max_examples=1500, deadline=None)


@thousands
@given(architectures)
def test_decode_undoes_encode(made):
    assert made.space.decode(made.flat) == made


@thousands
@given(architectures)
def test_json_gives_an_equal_architecture_with_an_equal_hash(made):
    again = Architecture.from_json(json.loads(json.dumps(made.to_json())))

    assert again == made
    assert hash(again) == hash(made)
    assert {made: "found"}[again] == "found"


@thousands
@given(architectures, st.integers(0, 2**32))
def test_a_mutation_changes_exactly_one_decision(made, seed):
    space = made.space
    changed = space.mutate(made, random.Random(seed))

    differences = sum(a != b for a, b in zip(made.flat, changed.flat, strict=True))
    assert changed.space == space
    assert differences == (0 if space.size == 1 else 1)


@settings(max_examples=300, deadline=None)
@given(spaces)
def test_the_steps_of_a_space_hold_its_decisions(space):
    decided = [d for d in space.steps() if d.kind != "silent"]

    assert sum(d.rows for d in decided) == len(space.sample(random.Random(0)).flat)
    assert math.prod(d.options**d.rows for d in decided) == space.size


@settings(max_examples=300, deadline=None)
@given(macro_spaces)
def test_both_macro_orders_hold_the_same_decisions(space):
    decided = [
        Counter(d for d in space.steps(order) if d.rows) for order in ("op-first", "skips-first")
    ]

    assert decided[0] == decided[1]


def test_architectures_differ_with_content_or_space():
    content = ((0,), (1, 1))
    made = Architecture(MacroSpace(2), content)

    assert made != Architecture(MacroSpace(2), ((0,), (1, 0)))
    assert made != Architecture(MacroSpace(2, wiring="code"), content)
    assert made == Architecture(MacroSpace(2), [[0], [1, 1]])


# ---- decisions and sizes


def test_op_first_alternates_operations_and_skips_and_its_first_anchor_step_is_silent():
    steps = MacroSpace(layers=3).steps("op-first")

    assert [(d.kind, d.at, d.rows, d.options) for d in steps] == [
        ("op", 0, 1, 6),
        ("silent", 0, 0, 0),
        ("op", 1, 1, 6),
        ("skip", 1, 1, 2),
        ("op", 2, 1, 6),
        ("skip", 2, 2, 2),
    ]


def test_skips_first_starts_with_an_operation_and_then_asks_for_skips_first():
    steps = MacroSpace(layers=4).steps("skips-first")

    assert [(d.kind, d.at) for d in steps] == [
        ("op", 0),
        *(("skip", 1), ("op", 1)),
        *(("skip", 2), ("op", 2)),
        *(("skip", 3), ("op", 3)),
    ]


@pytest.mark.parametrize(
    ("space", "order", "steps", "decided"),
    [
        (MacroSpace(12), "op-first", 24, 23),
        (MacroSpace(12), "skips-first", 23, 23),
        (MacroSpace(4), "skips-first", 7, 7),
        (MacroSpace(1), "op-first", 2, 1),
        (MacroSpace(1), "skips-first", 1, 1),
        (MicroSpace(5), "indices-first", 54, 40),
        (MicroSpace(5, cells=("normal",)), "indices-first", 27, 20),
    ],
)
def test_a_controller_takes_so_many_steps_and_decides_in_so_many(space, order, steps, decided):
    plan = space.steps(order)

    assert len(plan) == steps
    assert sum(d.kind != "silent" for d in plan) == decided


def test_a_micro_node_decides_two_sources_then_two_operations_then_steps_silently():
    plan = MicroSpace(nodes=2).steps()

    assert [d.kind for d in plan[:2]] == ["silent", "silent"]
    node = plan[7:12]  # the second computed node
    assert [(d.kind, d.side) for d in node] == [
        *(("index", 0), ("index", 1)),
        *(("op", 0), ("op", 1)),
        ("silent", 0),
    ]
    assert {(d.at, d.cell) for d in node} == {(3, "normal")}
    assert node[0].options == 3
    assert plan[12].cell == "reduction"


@pytest.mark.parametrize("space", [MacroSpace(), MicroSpace()])
def test_an_unknown_order_is_refused_with_the_orders_there_are(space):
    with pytest.raises(ValueError, match="order.*-first.*; got 'sideways'"):
        space.steps("sideways")


@pytest.mark.parametrize(
    ("layers", "entries", "bits"), [(1, 1, 0), (4, 10, 6), (12, 78, 66), (24, 300, 276)]
)
def test_a_macro_list_has_so_many_entries_and_skip_bits(layers, entries, bits):
    space = MacroSpace(layers)

    assert len(space.sample(random.Random(0)).flat) == entries
    assert space.skip_bits == bits
    assert space.size == space.paper_size == 6**layers * 2**bits


def test_a_tiny_macro_space_is_as_large_as_its_list_of_architectures():
    space = MacroSpace(3, ops=("conv3x3", "max3x3"))
    rng = random.Random(0)

    assert len({space.sample(rng) for _ in range(1500)}) == space.size == 2**3 * 2**3


def test_a_tiny_micro_space_is_as_large_as_its_list_of_architectures():
    space = MicroSpace(1, ops=("sep3x3", "identity"), cells=("normal",))
    rng = random.Random(0)
    found = {space.sample(rng) for _ in range(500)}

    nodes = {frozenset(Counter(((i, a), (j, b))).items()) for (((i, j, a, b),),) in contents(found)}
    assert len(found) == space.size == 16
    assert len(nodes) == space.distinct_size == 10


def contents(found):
    return [made.content for made in found]


@pytest.mark.parametrize(
    ("layers", "halved"), [(1, ()), (2, ()), (3, (0, 1)), (6, (1, 3)), (12, (3, 7)), (24, (7, 15))]
)
def test_tensors_are_halved_after_each_third(layers, halved):
    assert MacroSpace(layers).pool_after() == halved


# ---- uniform samples


def test_macro_samples_are_uniform_in_operations_and_skips():
    space, rng = MacroSpace(6), random.Random(1)
    made = [space.sample(rng) for _ in range(4000)]

    for layer in range(6):
        counts = Counter(a.content[layer][0] for a in made)
        assert all(counts[op] / 4000 == pytest.approx(1 / 6, abs=0.025) for op in range(6))
    rates = np.mean([a.flat for a in made], axis=0)[[2, 4, 5, 7, 8, 9]]
    assert rates == pytest.approx([0.5] * 6, abs=0.04)


@pytest.mark.parametrize("rate", [0.0, 0.2, 1.0])
def test_macro_samples_take_the_rate_of_skips_that_is_asked_for(rate):
    space, rng = MacroSpace(12), random.Random(2)

    found = [space.skip_rate(space.sample(rng, rate)) for _ in range(200)]

    assert np.mean(found) == pytest.approx(rate, abs=0.02)


def test_micro_samples_are_uniform_over_the_options_of_each_decision():
    space, rng = MicroSpace(5), random.Random(3)
    made = [space.sample(rng) for _ in range(4000)]

    for cell in (0, 1):
        for node in range(5):
            for spot, options in enumerate((node + 2, node + 2, 5, 5)):
                counts = Counter(a.content[cell][node][spot] for a in made)
                shares = [counts[value] / 4000 for value in range(options)]
                assert shares == pytest.approx([1 / options] * options, abs=0.04)


def test_a_mutation_reaches_every_decision():
    for space in (MacroSpace(4), MicroSpace(2)):
        rng = random.Random(4)
        made = space.sample(rng)
        changed = {
            at
            for _ in range(400)
            for at, (a, b) in enumerate(zip(made.flat, space.mutate(made, rng).flat, strict=True))
            if a != b
        }
        assert changed == set(range(len(made.flat)))


# ---- reading and making architectures


def test_the_two_wirings_read_the_same_bits_as_tensors_one_apart():
    content = ((0,), (0, 1), (0, 1, 0), (0, 1, 0, 1))
    layer, code = (Architecture(MacroSpace(4, wiring=w), content) for w in ("layer", "code"))

    assert layer.space.sources(layer, 3) == (1, 3)  # the outputs of layers 0 and 2
    assert code.space.sources(code, 3) == (0, 2)  # the stem, the output of layer 1
    assert code.space.sources(code, 0) == ()


def test_a_macro_architecture_is_made_from_names_or_numbers_with_or_without_the_empty_row():
    space = MacroSpace(3)

    named = space.architecture(["conv3x3", "sep5x5", "max3x3"], [(1,), (0, 1)])

    assert named == space.architecture([0, 3, 5], [(), (1,), (0, 1)])
    assert space.op_names(named) == ("conv3x3", "sep5x5", "max3x3")
    assert space.skips(named) == ((), (1,), (0, 1))
    assert named.flat == [0, 3, 1, 5, 0, 1]
    assert space.skip_rate(named) == pytest.approx(2 / 3)
    assert space.skips(space.architecture([0, 0, 0])) == ((), (0,), (0, 0))


def test_integers_of_numpy_are_taken_and_kept_as_plain_ones():
    made = MacroSpace(2).decode(np.array([1, 2, 1]))

    assert made == MacroSpace(2).decode([1, 2, 1])
    assert {type(v) for row in made.content for v in row} == {int}


def test_depth_counts_the_computed_nodes_of_the_longest_chain():
    flat_cell, chain = [1, 0, 0, 0] * 3, [0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 3, 0]
    made = MicroSpace(3).decode([*flat_cell, *chain])

    assert made.space.depth(made, "normal") == 1
    assert made.space.depth(made, "reduction") == 3


@thousands
@given(micro_spaces, st.integers(0, 2**32))
def test_depth_lies_between_one_and_all_nodes(space, seed):
    made = space.sample(random.Random(seed))

    for cell in space.cells:
        assert 1 <= space.depth(made, cell) <= space.nodes


def test_loose_ends_count_unused_inputs_unless_told_otherwise():
    space = MicroSpace(2, cells=("normal",))
    made = Architecture(space, (((1, 1, 0, 0), (1, 2, 0, 0)),))

    assert space.loose_ends(made) == (0, 3)
    assert space.loose_ends(made, inputs=False) == (3,)


def test_an_unused_second_input_is_a_loose_end_of_its_cell_only():
    space = MicroSpace(2)
    first_only, second_only = ((0, 0, 0, 0), (0, 2, 0, 0)), ((1, 1, 0, 0), (1, 1, 0, 0))
    made = Architecture(space, (first_only, second_only))

    assert space.loose_ends(made) == (1, 3)
    assert space.loose_ends(made, inputs=False) == (3,)
    assert space.loose_ends(made, "reduction") == (0, 2, 3)
    assert space.loose_ends(made, "reduction", inputs=False) == (2, 3)


@settings(max_examples=300, deadline=None)
@given(micro_spaces, st.integers(0, 2**32))
def test_the_last_node_is_always_a_loose_end(space, seed):
    made = space.sample(random.Random(seed))

    for cell in space.cells:
        assert space.loose_ends(made, cell)[-1] == space.nodes + 1


# ---- what is refused

WRONG_VALUES = [
    *(-1, 2.0, 0.0, 1.5, math.nan, math.inf, True, False, None, "1", [1], (1,), 1j),
    *(Fraction(1), np.float32(1), np.bool_(True), b"1", {}, 10**30),
]


@pytest.mark.parametrize("value", [*WRONG_VALUES, 6])
@pytest.mark.parametrize("layer", [0, 2])
def test_an_operation_that_is_none_is_refused_with_its_layer(value, layer):
    flat = [0, 1, 0, 2, 0, 1]
    flat[(0, 1, 3)[layer]] = value

    with pytest.raises(ValueError, match=f"^macro layer {layer + 1} takes an operation from 0 to"):
        MacroSpace(3).decode(flat)


@pytest.mark.parametrize("value", [*WRONG_VALUES, 2])
def test_a_skip_bit_that_is_none_is_refused_with_its_layer(value):
    with pytest.raises(ValueError, match="^macro layer 3 takes skip bits that are 0 or 1; got"):
        MacroSpace(3).decode([0, 1, 0, 2, 0, value])


@pytest.mark.parametrize("value", [*WRONG_VALUES, 3])
def test_a_source_that_is_none_or_points_forward_is_refused_with_its_node(value):
    flat = [0, 0, 1, 0, *(value, 0, 1, 0)] * 2

    with pytest.raises(ValueError, match="^normal cell, node 4 takes a source index from 0 to 2"):
        MicroSpace(2).decode(flat)


@pytest.mark.parametrize("value", [*WRONG_VALUES, 5])
def test_a_micro_operation_that_is_none_is_refused_with_its_cell_and_node(value):
    right = [0, 0, 1, 0] * 2

    with pytest.raises(ValueError, match="^reduction cell, node 4 takes an operation from 0 to 4"):
        MicroSpace(2).decode([*right, *(0, 0, 1, 0), *(0, 0, 1, value)])


@pytest.mark.parametrize("bits", [(), (0,), (0, 1, 1, 0), (None, "1"), (np.int64(1),) * 2, (1j,)])
def test_a_layer_wants_one_skip_bit_per_earlier_layer(bits):
    content = ((0,), (0, 1), (0, 1, 1), (0, *bits))
    skip = Decision("skip", at=3, rows=3, options=2)

    with pytest.raises(ValueError, match=f"^macro layer 4 takes 3 skip bits.*; got {len(bits)}: "):
        Architecture(MacroSpace(4), content)
    with pytest.raises(ValueError, match="macro layer 4 takes 3 skip bits"):
        MacroSpace(4).check(skip, bits)


def test_a_layer_without_its_operation_is_refused():
    with pytest.raises(ValueError, match=r"^macro layer 1 takes 1 operation; got \(\)"):
        Architecture(MacroSpace(1), ((),))


@pytest.mark.parametrize("node", [(), (0, 0, 0), (0, 0, 0, 0, 0)])
def test_a_node_wants_two_sources_and_two_operations(node):
    with pytest.raises(ValueError, match=r"^normal cell, node 3 takes \(index, index, op, op\)"):
        Architecture(MicroSpace(1, cells=("normal",)), ((node,),))


@pytest.mark.parametrize("flat", [None, 5, "011", b"011", {}, {0}])
@pytest.mark.parametrize("space", [MacroSpace(2), MicroSpace(1)])
def test_what_is_no_sequence_is_no_list(space, flat):
    with pytest.raises(ValueError, match=f"^a {space.kind} list is a sequence of whole numbers; g"):
        space.decode(flat)


@pytest.mark.parametrize("length", [0, 1, 5, 7, 78])
def test_a_macro_list_of_wrong_length_is_refused_with_the_length_wanted(length):
    with pytest.raises(ValueError, match=f"list for 3 layers has 6 integers .*; got {length}$"):
        MacroSpace(3).decode([0] * length)


@pytest.mark.parametrize("length", [0, 8, 15, 17])
def test_a_micro_list_of_wrong_length_is_refused_with_the_length_wanted(length):
    with pytest.raises(ValueError, match=f"for 2 nodes has 8 .* 2 cells .*16.*; got {length}$"):
        MicroSpace(2).decode([0] * length)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "a macro architecture is a sequence with one entry per layer; got None"),
        ("0", "a macro architecture is a sequence"),
        (7, "a macro architecture is a sequence"),
        ((0, (0, 1)), "a macro architecture has a sequence of integers for layer 1; got 0"),
        (((0,), "01"), "a sequence of integers for layer 2; got '01'"),
        (((0,),), "of this space has 2 layers; got 1"),
        (((0,), (0, 1), (0, 1, 1)), "of this space has 2 layers; got 3"),
        (((0,), ((0, 1),)), "macro layer 2 takes an operation"),
    ],
)
def test_macro_content_of_another_shape_is_refused(content, told):
    with pytest.raises(ValueError, match=told):
        Architecture(MacroSpace(2), content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "a micro architecture is a sequence with one entry per cell; got None"),
        (((0, 0, 0, 0),), "the normal cell has a sequence of integers for node 1; got 0"),
        ((((0, 0, 0, 0),), ((0, 0, 0, 0),)), "has 1 cell; got 2"),
        ((), "has 1 cell; got 0"),
        (((),), "the normal cell has 1 computed node; got 0"),
        ((((0, 0, 0, 0),) * 2,), "the normal cell has 1 computed node; got 2"),
    ],
)
def test_micro_content_of_another_shape_is_refused(content, told):
    with pytest.raises(ValueError, match=told):
        Architecture(MicroSpace(1, cells=("normal",)), content)


@pytest.mark.parametrize(
    ("ops", "skips", "told"),
    [
        (["conv3x3"], (), "of 2 layers takes 2 operations"),
        (["conv3x3"] * 2, [(), (1,), (1, 1)], "as many rows of skip bits; got 2 and 3"),
        (["conv3x3", "conv7x7"], (), "macro layer 2 takes an operation .*; got 'conv7x7'"),
        (5, (), "operations are a sequence of numbers or names, one per layer; got 5"),
        ([0, 0], 5, "the skips are a sequence with one row of bits per layer; got 5"),
        ([0, 0], [1], "a row of skips is a sequence of bits, one per earlier layer; got 1"),
    ],
)
def test_a_macro_architecture_made_of_wrong_parts_is_refused(ops, skips, told):
    with pytest.raises(ValueError, match=told):
        MacroSpace(2).architecture(ops, skips)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: MacroSpace(0), "at least 1 layer; got layers=0"),
        (lambda: MacroSpace("12"), "at least 1 layer; got layers='12'"),
        (lambda: MacroSpace(True), "at least 1 layer; got layers=True"),
        (lambda: MacroSpace(-1), "at least 1 layer; got layers=-1"),
        (lambda: MacroSpace(12.0), "at least 1 layer; got layers=12.0"),
        (lambda: MacroSpace(10**30), "at most 1000 layers; got layers=10{30}$"),
        (lambda: MacroSpace(MAX_LAYERS + 1), "at most 1000 layers; got layers=1001"),
        (lambda: MacroSpace(ops=5), r"sequence of names, e.g. \('conv3x3', 'sep3x3'\); got 5"),
        (lambda: MacroSpace(ops="conv3x3"), "operations are a sequence of names, .*got 'conv3x3'"),
        (lambda: MacroSpace(ops=([],)), r"operation \[\] is unknown here; known are"),
        (lambda: MacroSpace(wiring=[]), r"wiring is 'layer' or 'code'; got \[\]"),
        (lambda: MacroSpace(wiring="ring"), "wiring is 'layer' or 'code'; got 'ring'"),
        (lambda: MacroSpace(ops=()), "needs at least one operation, and no duplicates"),
        (
            lambda: MacroSpace(ops=("conv3x3",) * 2),
            "needs at least one operation, and no duplicates",
        ),
        (lambda: MacroSpace(ops=("identity",)), "the identity is an operation of cells"),
        (lambda: MicroSpace(0), "at least 1 computed node; got nodes=0"),
        (lambda: MicroSpace(10**30), "at most 1000 computed nodes; got nodes=10{30}$"),
        (lambda: MicroSpace(MAX_NODES + 1), "at most 1000 computed nodes; got nodes=1001"),
        (lambda: MicroSpace(ops=None), "operations are a sequence of names, .*; got None"),
        (lambda: MicroSpace(cells=5), r"cells are a sequence .*\('normal', 'reduction'\); got 5"),
        (lambda: MicroSpace(ops=("none",)), "operation 'none' is unknown here"),
        (lambda: MicroSpace(cells=()), r"cells are \('normal',\) or"),
        (lambda: MicroSpace(cells=("reduction",)), r"cells are \('normal',\) or"),
        (lambda: space_from_json({"kind": "nano"}), "kind 'macro' or 'micro'; got 'nano'"),
        (lambda: space_from_json({}), "kind 'macro' or 'micro'; got None"),
        (lambda: space_from_json({"kind": []}), r"kind 'macro' or 'micro'; got \[\]"),
        (lambda: space_from_json([]), r"a space in JSON is an object, .*'macro'}; got \[\]"),
        (lambda: space_from_json(None), "a space in JSON is an object, .*; got None"),
        (lambda: Architecture.from_json([]), r"object with 'space' and 'content'; got \[\]"),
        (lambda: Architecture.from_json({"space": {}}), "object with 'space' and 'content'; got {"),
    ],
)
def test_a_space_that_cannot_be_is_refused(made, told):
    with pytest.raises(ValueError, match=told):
        made()


def test_the_largest_spaces_that_there_are_list_their_steps():
    assert len(MacroSpace(MAX_LAYERS).steps()) == 2 * MAX_LAYERS
    assert len(MicroSpace(MAX_NODES, cells=("normal",)).steps()) == 2 + 5 * MAX_NODES


@settings(max_examples=200, deadline=None)
@given(spaces)
def test_a_space_survives_json_and_fields_of_a_newer_format(space):
    text = json.dumps({**space.to_json(), "colour": "green"})

    assert space_from_json(json.loads(text)) == space


# ---- what a layer reads


def test_where_skips_are_the_input_a_layer_reads_what_it_chose_or_the_layer_before():
    space = MacroSpace(4)
    made = space.architecture([0] * 4, [(0,), (1, 0), (1, 0, 1)])

    assert [space.inputs(made, k, "input") for k in range(4)] == [(0,), (1,), (1,), (1, 3)]
    assert [space.inputs(made, k) for k in range(4)] == [(0,), (1,), (2,), (3,)]
    assert space.reached(made, "input") == (0, 2, 3)
    assert space.reached(made, "concat") == space.reached(made) == (0, 1, 2, 3)


def test_under_the_codes_wiring_the_input_may_be_the_stem():
    space = MacroSpace(3, wiring="code")
    made = space.architecture([0] * 3, [(1,), (1, 0)])

    assert [space.inputs(made, k, "input") for k in range(3)] == [(0,), (0,), (0,)]
    assert space.reached(made, "input") == (2,)


def test_the_last_layer_is_always_reached_and_what_is_reached_reads_only_what_is():
    rng = random.Random(0)
    for space in (MacroSpace(7), MacroSpace(7, wiring="code"), MacroSpace(1)):
        for made in (space.sample(rng) for _ in range(50)):
            reached = space.reached(made, "input")

            read = {t - 1 for k in reached for t in space.inputs(made, k, "input")} - {-1}
            assert {*read, space.layers - 1} == set(reached)


# ---- places and wiring


@given(architectures)
def test_an_architecture_has_a_row_and_operations_for_each_of_its_places(made):
    space = made.space
    rows, ops = space.rows(made), space.ops_by_place(made)

    assert len(space.places) == len(set(space.places)) == len(rows) == len(ops)
    assert space.from_rows([n for row in rows for n in row]) == made
    assert all(0 <= op < len(space.ops) for at in ops for op in at)


def test_places_are_layers_or_the_computed_nodes_of_each_cell():
    assert MacroSpace(3).places == ("layer 1", "layer 2", "layer 3")
    assert MicroSpace(2).places == ("normal 3", "normal 4", "reduction 3", "reduction 4")


def test_the_simplest_architecture_is_a_chain_of_the_first_operation():
    assert MacroSpace(3).plain().content == ((0,), (0, 0), (0, 0, 0))
    assert MicroSpace(2, cells=("normal",)).plain().content == (((1, 0, 0, 0), (2, 1, 0, 0)),)


def test_wiring_is_told_by_the_share_of_skips_or_the_mean_number_of_loose_ends():
    macro = MacroSpace(3).architecture([0] * 3, [(1,), (1, 0)])
    micro = MicroSpace(2, cells=("normal",)).decode([1, 0, 1, 0, 1, 0, 1, 0])

    assert macro.space.wiring_statistic(macro) == pytest.approx(2 / 3)
    assert micro.space.wiring_statistic(micro) == 3  # input 1 and both nodes
    assert micro.space.wiring_statistic(micro, inputs=False) == 2


# ---- all architectures, neighbours, canonical forms

OWN = Operation("blur3x3", "blur", 3, words="blur 3x3")
SMALL = [
    MacroSpace(1),
    MacroSpace(2),
    MacroSpace(3, ("conv3x3", "max3x3"), "code"),
    MacroSpace(2, ("conv7x7", OWN, "dil3x3")),
    MicroSpace(1),
    MicroSpace(1, ("identity",)),
    MicroSpace(2, ("sep3x3", "identity"), ("normal",)),
    MicroSpace(1, (OWN, "conv7x7", "max3x3")),
]
small_macro = st.builds(MacroSpace, st.integers(1, 4), st.just(MACRO_OPS[:2]))
small_micro = st.builds(
    MicroSpace,
    st.integers(1, 4),
    st.sampled_from([MICRO_OPS[:1], MICRO_OPS[:2], (OWN, "identity")]),
)
small = st.builds(
    lambda space, seed: space.sample(random.Random(seed)),
    small_macro | small_micro,
    st.integers(0, 2**32),
)
cells_of_few = st.builds(
    lambda space, seed: space.sample(random.Random(seed)).content[0],
    small_micro,
    st.integers(0, 2**32),
)


@pytest.mark.parametrize("space", SMALL, ids=str)
def test_a_small_space_lists_each_of_its_architectures_once_and_in_order(space):
    found = list(space.all())

    assert len(set(found)) == len(found) == space.size
    assert found == sorted(found, key=lambda a: a.content)
    assert all(space.check_content(a.content) == a.content for a in found)


@pytest.mark.parametrize(
    "space", [MacroSpace(6), MacroSpace(), MicroSpace(2), MicroSpace()], ids=str
)
def test_more_than_ten_million_architectures_are_not_listed(space):
    with pytest.raises(ValueError, match=re.escape(f"this space has {space.size:.6g} arch")):
        space.all()


def test_just_under_ten_million_are_listed():
    space = MacroSpace(5)

    assert space.size == 7_962_624
    assert next(space.all()).content == ((0,), (0, 0), (0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0, 0))


@settings(max_examples=200, deadline=None)
@given(architectures)
def test_neighbours_differ_in_exactly_one_decision_and_are_as_many_as_there_are_other_values(made):
    space = made.space
    plan = space.steps()

    found = list(space.neighbours(made))

    assert len(set(found)) == len(found) == sum(d.rows * (d.options - 1) for d in plan if d.rows)
    for other in found:
        before, after = ([space.picks(a, d) for d in plan] for a in (made, other))
        pairs = [p for a, b in zip(before, after, strict=True) for p in zip(a, b, strict=True)]
        assert sum(a != b for a, b in pairs) == 1


@settings(max_examples=100, deadline=None)
@given(small)
def test_each_of_two_neighbours_is_the_others(made):
    space = made.space

    assert all(made in set(space.neighbours(other)) for other in space.neighbours(made))


def test_neighbours_and_canonical_forms_are_of_the_same_space():
    other = MacroSpace(3).sample(random.Random(0))

    for of_space in (lambda a: list(MacroSpace(4).neighbours(a)), MacroSpace(4).canonical):
        with pytest.raises(ValueError, match="of another space"):
            of_space(other)


def orders(cell):
    """Every order of a cell's nodes in which each stands behind those that it reads."""
    return [
        order
        for order in permutations(range(len(cell)))
        if all(
            source < 2 or source - 2 in order[:place]
            for place, node in enumerate(order)
            for source in cell[node][:2]
        )
    ]


def swapped(cell, rng):
    """The cell with the two inputs of some nodes the other way round."""
    return tuple((j, i, b, a) if rng.random() < 0.5 else (i, j, a, b) for i, j, a, b in cell)


@thousands
@given(architectures, st.integers(0, 2**32))
def test_the_canonical_form_is_the_same_whatever_the_order_of_nodes_and_inputs(made, seed):
    space, rng = made.space, random.Random(seed)
    found = space.canonical(made)

    assert space.canonical(found) == found
    if space.cells:
        content = tuple(
            swapped(relabelled(cell, random_order(cell, rng)), rng) for cell in made.content
        )
        assert space.canonical(Architecture(space, content)) == found


def random_order(cell, rng):
    """Nodes drawn one after the other from those whose sources are all there."""
    order = []
    while len(order) < len(cell):
        ready = [
            k
            for k, node in enumerate(cell)
            if k not in order and all(s < 2 or s - 2 in order for s in node[:2])
        ]
        order.append(rng.choice(ready))
    return order


@thousands
@given(cells_of_few)
def test_the_canonical_cell_is_the_smallest_of_all_orders(cell):
    assert canonical_cell(cell) == min(relabelled(cell, order) for order in orders(cell))


def test_cells_that_differ_have_different_canonical_forms():
    space = MicroSpace(3, MICRO_OPS[:1], ("normal",))
    cells = [a.content[0] for a in space.all()]

    by_brute_force = {
        frozenset(relabelled(cell, order) for order in orders(cell)) for cell in cells
    }

    assert len({canonical_cell(cell) for cell in cells}) == len(by_brute_force)
    assert all(len({canonical_cell(c) for c in same}) == 1 for same in by_brute_force)


def test_a_layer_has_its_place_so_a_macro_network_is_its_own_canonical_form():
    made = MacroSpace(4).sample(random.Random(0))

    assert MacroSpace(4).canonical(made) is made


# ---- what a space says of itself


def test_a_rate_of_skips_changes_nothing_where_there_are_none():
    space = MicroSpace(3)

    assert not space.has_skips
    assert space.sample(random.Random(1), 0.4) == space.sample(random.Random(1))
    assert space.skip_rate(space.sample(random.Random(1))) == 0


@settings(max_examples=200, deadline=None)
@given(architectures, st.sampled_from(["add", "concat", "input"]))
def test_layers_are_reached_or_unreached_and_cells_leave_nothing_out(made, merge):
    space, unreached = made.space, made.space.unreached(made, merge)

    if space.has_skips:
        assert sorted((*space.reached(made, merge), *unreached)) == list(range(space.layers))
    else:
        assert unreached == ()


def test_an_architecture_in_short_is_a_line_for_each_cell_or_one():
    layers = MacroSpace(3).architecture(["conv3x3", "max3x3", "sep5x5"], [(), (1,), (0, 0)])
    cells = MicroSpace(1).decode([0, 4, 1, 0, 1, 2, 1, 2])

    assert MacroSpace(3).in_short(layers) == [" 0.33  conv3x3 max3x3 sep5x5"]
    assert MicroSpace(1).in_short(cells) == [
        "normal     3: identity(1) + sep3x3(2)",
        "reduction  3: avg3x3(2) + avg3x3(2)",
    ]
