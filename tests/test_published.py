"""Published architectures equal the authors' scripts; anybody's flat list is read and explained."""

import array
import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.spaces import (
    MACRO_OPS,
    MICRO_OPS,
    Architecture,
    MacroSpace,
    MicroSpace,
)
from enas_viz.spaces.published import (
    ARCHITECTURES,
    ARTICLE_MACRO,
    ARTICLE_MICRO,
    MACRO,
    MICRO,
    decode,
    explain,
    explain_numbers,
)

GOLDEN = json.loads((Path(__file__).parent / "golden/published_architectures.json").read_text())
OURS = {  # the golden file's names of operations
    **{f"conv_{n}": f"conv{n}" for n in ("3x3", "5x5")},
    **{f"sep_conv_{n}": f"sep{n}" for n in ("3x3", "5x5")},
    **{"avg_pool_3x3": "avg3x3", "max_pool_3x3": "max3x3", "identity": "identity"},
}


# Lists of other programs: NAO's (its scripts' fixed_arc, two cells of which operations are numbered
# to 15, or to 4 as here), LaNet's (a cell of seven nodes, all operations before all sources).
NAO_A = [0, 7, 1, 15, 2, 8, 1, 7, 0, 6, 1, 7, 0, 8, 4, 7, 1, 5, 0, 7] * 2
NAO_B = [int(n) for n in "0102012213024013210311102124102331220202"]
LANET = [0, 2, 1, 3, 0, 0, 2, 1, 1, 3, 0, 2, 0, 1, 0, 1, 1, 1, 2, 1, 1, 0, 3, 4, 3, 0, 0, 2]


class Table:
    """Iterates over the names of its columns, as a table of pandas does."""

    def keys(self):
        return range(3)

    def __iter__(self):
        return iter(self.keys())


def tensors(names: list[str]) -> tuple[int, ...]:
    """Our numbers of the golden file's tensors: 0 is the stem, j + 1 the output of layer j."""
    return tuple(0 if name == "stem" else int(name.removeprefix("layer_")) + 1 for name in names)


# ---- the published networks


def test_operations_stand_in_the_authors_order():
    for kind, ops in (("macro", MACRO_OPS), ("micro", MICRO_OPS)):
        table = GOLDEN["op_tables"][kind]
        assert tuple(OURS[table[str(i)]] for i in range(len(ops))) == ops
        assert len(table) == len(ops)


def test_the_macro_network_is_the_authors_list():
    assert MACRO.flat == GOLDEN["macro"]["arc_flat"]
    assert MACRO.space == MacroSpace(24, wiring="code")
    assert MACRO.space.pool_after() == tuple(GOLDEN["macro"]["pool_after_layers"])


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_every_macro_layer_has_the_authors_operation_and_skips(wiring):
    space = MacroSpace(24, wiring=wiring)
    made = space.decode(MACRO.flat)

    for k, layer in enumerate(GOLDEN["macro"]["layers"]):
        assert space.op_names(made)[k] == OURS[layer["op"]]
        assert space.skips(made)[k] == tuple(layer["skip_bits"])
        assert space.sources(made, k) == tensors(layer[f"skip_sources_{wiring}_wiring"])


def test_the_micro_cells_are_the_authors_list():
    golden = GOLDEN["micro"]

    assert MICRO.flat == golden["arc_flat"]
    for cell, nodes in zip(("normal", "reduction"), MICRO.content, strict=True):
        for ours, theirs in zip(nodes, golden[f"{cell}_cell"]["nodes"], strict=True):
            x, y = theirs["x"], theirs["y"]
            assert ours[:2] == (x["index"], y["index"])
            assert [MICRO_OPS[op] for op in ours[2:]] == [OURS[x["op"]], OURS[y["op"]]]


@pytest.mark.parametrize("cell", ["normal", "reduction"])
def test_loose_ends_of_the_micro_cells_are_the_authors(cell):
    golden = GOLDEN["micro"][f"{cell}_cell"]

    assert list(MICRO.space.loose_ends(MICRO, cell)) == golden["loose_ends"]
    assert golden["unused_cell_inputs"] == []


def test_the_articles_macro_example_is_its_flat_list():
    assert ARTICLE_MACRO.flat == [0, 3, 1, 5, 1, 1, 2, 1, 0, 1]
    assert ARTICLE_MACRO.space.op_names(ARTICLE_MACRO) == ("conv3x3", "sep5x5", "max3x3", "conv5x5")
    sources = [ARTICLE_MACRO.space.sources(ARTICLE_MACRO, k) for k in range(4)]
    assert sources == [(), (1,), (1, 2), (1, 3)]


def test_the_articles_micro_example_is_one_cell_with_an_operation_of_its_own():
    space = ARTICLE_MICRO.space

    assert space.cells == ("normal",)
    assert ARTICLE_MICRO.flat == [1, 5, 0, 1, 2, 4, 0, 2]
    assert space.loose_ends(ARTICLE_MICRO) == (3,)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_published_architecture_is_found_again_in_its_list(name):
    made = ARCHITECTURES[name]

    assert decode(made.flat, made.space).architecture == made


def test_the_published_normal_cell_is_one_node_deep_the_others_are_two():
    assert MICRO.space.depth(MICRO, "normal") == 1
    assert MICRO.space.depth(MICRO, "reduction") == 2
    assert ARTICLE_MICRO.space.depth(ARTICLE_MICRO, "normal") == 2


# ---- reading names


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_published_architecture_is_read_by_name_and_as_a_bare_list(name):
    by_name = decode(f" {name.upper()}\n")

    assert by_name.architecture == ARCHITECTURES[name]
    assert by_name.how.startswith(f"read as the published architecture {name!r}: ")
    assert decode(ARCHITECTURES[name].flat).architecture == ARCHITECTURES[name]


def test_the_articles_list_with_an_operation_of_its_own_is_known_again():
    assert decode([1, 5, 0, 1, 2, 4, 0, 2]).how == (
        "read as micro: a normal cell of 2 computed nodes (as it equals the article's example), "
        "operations numbered as by the authors of ENAS (5 is avg5x5)"
    )


def test_a_named_macro_network_may_be_read_under_the_other_wiring():
    read = decode("enas-macro", wiring="layer")

    assert read.architecture == Architecture(MacroSpace(24), MACRO.content)
    assert read.how == (
        "read as the published architecture 'enas-macro': macro, 24 layers, operations numbered "
        "as by the authors of ENAS, layer wiring (as asked); for code wiring: ev.decode(..., "
        "wiring='code') or --wiring code"
    )


@pytest.mark.parametrize(
    ("name", "space", "wiring", "told"),
    [
        ("enas-mirco", None, None, "no published .* 'enas-mirco'; there are enas-macro, enas-micr"),
        ("enas-micro", "macro", None, "'enas-micro' is micro; it cannot be read as macro"),
        ("enas-macro", MicroSpace(), None, "'enas-macro' is macro; it cannot be read as micro"),
        ("enas-micro", None, "code", "wiring concerns macro lists"),
        ("enas-micro", MicroSpace(4), None, "a micro list for 4 nodes has .*; got 40"),
        ("article-micro", MicroSpace(2, cells=("normal",)), None, "'article-micro' counts the op"),
    ],
)
def test_a_name_that_does_not_fit_what_is_asked_for_is_refused(name, space, wiring, told):
    with pytest.raises(ValueError, match=told):
        decode(name, space, wiring)


# ---- reading lists


def test_a_published_list_is_read_under_code_wiring_unless_asked_otherwise():
    by_itself, asked = decode(MACRO.flat), decode(MACRO.flat, wiring="layer")

    assert by_itself.architecture == MACRO
    assert by_itself.how == (
        "read as macro, 24 layers, operations numbered as by the authors of ENAS, code wiring (as "
        "it equals the published 24-layer network); for layer wiring: ev.decode(..., "
        "wiring='layer') or --wiring layer"
    )
    assert asked.architecture.space.wiring == "layer"
    assert "layer wiring (as asked); for code wiring: ev.decode(..., wiring='code')" in asked.how


def test_a_new_list_is_read_under_layer_wiring_unless_asked_otherwise():
    flat = MacroSpace(24).sample(random.Random(0)).flat

    assert decode(flat).architecture.space.wiring == "layer"
    assert "layer wiring (the default for bare lists)" in decode(flat).how
    assert decode(flat, wiring="code").architecture.space.wiring == "code"


def test_a_space_that_is_given_decides_the_wiring():
    read = decode([0, 3, 1], MacroSpace(2, wiring="code"))
    published = decode(MACRO.flat, MacroSpace(24))

    assert read.architecture.space.wiring == "code"
    assert "code wiring (as its space says)" in read.how
    assert published.architecture.space == MacroSpace(24)
    assert "layer wiring (as its space says)" in published.how


def test_a_micro_list_is_told_by_its_length():
    both, one = decode(MICRO.flat), decode(MICRO.flat[:20])

    assert both.architecture == MICRO
    assert both.how == (
        "read as micro: a normal cell and a reduction cell of 5 computed nodes, operations "
        "numbered as by the authors of ENAS"
    )
    assert one.architecture.content == MICRO.content[:1]
    assert one.how.startswith("read as micro: a normal cell of 5 computed nodes, operations ")


@pytest.mark.parametrize(
    "text",
    [
        "0 3 1 5 1 1 2 1 0 1",
        "[0, 3, 1, 5, 1, 1, 2, 1, 0, 1]",
        "(0,3,1,5,1,1,2,1,0,1)",
        "0\n3 1\n5 1 1\n2 1 0 1\n",
        "0 | 3; 1 | 5; 1 1 | 2; 1 0 1",
    ],
)
def test_a_list_may_be_text_in_any_usual_dress(text):
    assert decode(text).architecture == ARTICLE_MACRO


@pytest.mark.parametrize(("length", "layers", "nodes"), [(28, 7, 7), (36, 8, 9), (120, 15, 15)])
def test_a_length_that_fits_both_is_macro_where_valid_and_micro_when_named(length, layers, nodes):
    zeros = [0] * length

    assert decode(zeros).architecture.space == MacroSpace(layers)
    assert f"{length} numbers fit " in decode(zeros).how
    assert "too: ev.decode(..., 'micro') or --space micro" in decode(zeros).how
    assert decode(zeros, "micro").architecture.space.nodes == nodes
    assert "fit" not in decode(zeros, "micro").how


def test_a_length_that_fits_both_is_micro_when_macro_is_not_valid():
    flat = [0] * 28
    flat[1], flat[-2] = 4, 4  # operations of micro nodes; in the macro list one is a skip bit

    assert decode(flat).architecture.space.kind == "micro"
    assert decode(flat).how.endswith(
        "; not as a macro network: macro layer 7 takes skip bits that are 0 or 1; got 4"
    )


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 16), st.integers(0, 2**32), st.sampled_from(("layer", "code")))
def test_macro_lists_come_back_from_integers_and_text(layers, seed, wiring):
    made = MacroSpace(layers, wiring=wiring).sample(random.Random(seed))

    assert decode(made.flat, "macro", wiring).architecture == made
    assert decode(" ".join(map(str, made.flat)), wiring=wiring).architecture == made


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32))
def test_micro_lists_come_back_from_integers_and_text(nodes, seed):
    made = MicroSpace(nodes).sample(random.Random(seed))

    assert decode(made.flat, "micro").architecture == made
    assert decode(str(made.flat), "micro").architecture == made


# ---- what is refused


@pytest.mark.parametrize(
    ("flat", "told"),
    [
        ([], "holds at least one number; got none"),
        ("", "holds at least one number; got none"),
        ([0, 1], "no architecture has a list of 2 numbers: macro lists have 1, 3, 6, 10"),
        ([6], "^macro layer 1 takes an operation from 0 to 5 .*; got 6"),
        ([0, -1, 0], "^macro layer 2 takes an operation from 0 to 5 .*; got -1"),
        ([0, 1, 2], "^macro layer 2 takes skip bits that are 0 or 1; got 2"),
        ([2, 0, 0, 0] + [0] * 36, "^normal cell, node 3 takes a source index from 0 to 1 .*got 2"),
        ([0] * 39 + [5], "^reduction cell, node 7 takes an operation from 0 to 4 .*; got 5"),
        ([0] * 27 + [7], "macro layer 7 takes skip bits .*; or, read otherwise, normal cell"),
        ([0, 1.0, 0], "a flat list holds whole numbers; got 1.0"),
        ([0, True, 0], "a flat list holds whole numbers; got True"),
        ([0, None, 0], "a flat list holds whole numbers; got None"),
        ([0, "1", 0], "a flat list holds whole numbers; got '1'"),
        ([[0], 3, 1], "a list holds whole numbers or rows of them; got 3"),
        ([[0], "31"], "a list holds whole numbers or rows of them; got '31'"),
        ([[0], [1.0, 0]], "a flat list holds whole numbers; got 1.0"),
        ([[0], [3, 1], [5, 1]], "brackets of 1, 2, 2 numbers"),
        (MICRO.content, r"a flat list holds whole numbers; got \(0, 0, 2, 0\)"),
        (["0", "3", "1"], "a flat list holds whole numbers; got '0'"),
        (np.array([0.0, 3.0, 1.0]), "a flat list holds whole numbers; got np.float64"),
        (np.array([False]), "a flat list holds whole numbers; got np.False_"),
        (np.ma.masked_array([0, 3, 1], [0, 1, 0]), "a flat list holds whole numbers; got masked"),
        ([10**5000], "the numbers of a flat list have 9 digits at most"),
        ("0,,3,1", "a number before every comma; got none"),
        (",0,3,1", "a number before every comma; got none"),
        (range(2, 6), "^normal cell, node 3 takes a source index from 0 to 1 .*; got 2"),
        ("range(2, 6)", "whole numbers separated by spaces or commas; got 'range'"),
        (itertools.count(), "1000000 at most; got more"),
        (itertools.repeat([0]), "1000000 at most; got more"),
        ([[0], itertools.repeat(0)], "1000000 at most; got more"),
        ("0 one 0", "whole numbers separated by spaces or commas; got 'one'"),
        ("0 -1 0", "whole numbers separated by spaces or commas; got '-1'"),
        ("0 1.0 0", "whole numbers separated by spaces or commas; got '1.0'"),
    ],
)
def test_a_list_that_fits_no_space_is_refused_with_what_is_wrong(flat, told):
    with pytest.raises(ValueError, match=told):
        decode(flat)


@pytest.mark.parametrize(
    "flat",
    [None, 5, 1.5, b"0 1", bytearray(3), memoryview(b"0"), {0: 1}, {0}, np.array(3), Table()],
    ids=type,
)
def test_what_is_no_list_is_refused_with_what_a_list_is(flat):
    with pytest.raises(ValueError, match="a flat list is a sequence of whole numbers, or text .*"):
        decode(flat)


@pytest.mark.parametrize("length", [1001 * 1002 // 2, 4 * 1001, 8 * 1001])
def test_a_list_of_a_network_beyond_the_limits_is_refused_with_the_limits(length):
    with pytest.raises(ValueError, match="1000 layers at most.*1000 nodes at most"):
        decode([0] * length)


def test_a_list_too_long_for_cells_is_read_as_the_macro_network_that_it_fits():
    assert decode([0] * (127 * 128 // 2)).architecture.space == MacroSpace(127)


@pytest.mark.parametrize(
    "given",
    [
        np.array(ARTICLE_MACRO.flat),
        np.array(ARTICLE_MACRO.flat, dtype=np.uint8),
        np.array([ARTICLE_MACRO.flat]),
        list(np.array(ARTICLE_MACRO.flat)),
        [np.array(row) for row in ARTICLE_MACRO.content],
        ARTICLE_MACRO.content,
        [ARTICLE_MACRO.flat],
        array.array("b", ARTICLE_MACRO.flat),
        iter(ARTICLE_MACRO.flat),
    ],
)
def test_whole_numbers_of_any_kind_are_read_flat_or_in_rows(given):
    assert decode(given).architecture == ARTICLE_MACRO


@pytest.mark.parametrize(
    "given", [np.reshape(MICRO.flat, (2, 20)), [MICRO.flat[:20], MICRO.flat[20:]]]
)
def test_two_cells_are_read_from_two_rows(given):
    read = decode(given)

    assert read.architecture == MICRO
    assert read.how.startswith("read as a row for each cell: a normal cell and a reduction cell")


@pytest.mark.parametrize(
    ("flat", "told"),
    [
        ((4, 0, 3, 1, 4, 3), "^macro layer 2 takes skip bits that are 0 or 1; got 3"),
        (NAO_A, "^normal cell, node 3 takes an operation from 0 to 4 .*; got 7"),
    ],
    ids=["NAS-Bench-201", "NAO"],
)
def test_a_list_of_another_program_is_refused_at_the_first_number_that_cannot_be(flat, told):
    with pytest.raises(ValueError, match=told):
        decode(flat)


@pytest.mark.parametrize("flat", [(4, 0, 1, 1, 0, 1), NAO_B, LANET])
def test_a_list_of_another_program_that_fits_is_read_in_the_authors_numbering_and_says_so(flat):
    assert ", operations numbered as by the authors of ENAS" in decode(flat).how


def test_a_space_that_is_given_says_whose_numbers_the_operations_have():
    read = decode(MICRO.flat, MicroSpace(5, ops=MICRO_OPS[::-1]))

    assert read.how.endswith(
        ", operations numbered as in its space (identity, max3x3, avg3x3, sep5x5, sep3x3)"
    )
    assert explain(read.architecture).split("\n")[1] == "  node 3: avg3x3 of 1, plus identity of 1"


def test_what_the_article_does_not_have_is_said_of_its_network():
    for article in ("article-macro", ARTICLE_MACRO.flat):
        assert decode(article).how.endswith(
            "; the article's own network concatenates its skips, as it is drawn, where a search "
            "adds them, and has neither stem nor halved maps, which networks built "
            "here have"
        )
    assert "article" not in decode(ARTICLE_MACRO.flat, wiring="code").how


@pytest.mark.parametrize(
    ("space", "wiring", "told"),
    [
        ("nano", None, "space is 'macro', 'micro' or a space itself; got 'nano'"),
        (5, None, "space is 'macro', 'micro' or a space itself; got 5"),
        ([], None, r"space is 'macro', 'micro' or a space itself; got \[\]"),
        (None, "", "wiring is 'layer' or 'code'; got ''"),
        (None, 5, "wiring is 'layer' or 'code'; got 5"),
        ("micro", None, "no micro architecture has a list of 10 numbers"),
        (None, "ring", "wiring is 'layer' or 'code'; got 'ring'"),
        (MacroSpace(3), None, "a macro list for 3 layers has 6 integers .*; got 10"),
    ],
)
def test_a_wrong_wish_is_refused(space, wiring, told):
    with pytest.raises(ValueError, match=told):
        decode(ARTICLE_MACRO.flat, space, wiring)


def test_micro_lists_have_no_wiring():
    with pytest.raises(ValueError, match="wiring concerns macro lists"):
        decode(MICRO.flat, wiring="code")


# ---- explaining


def test_a_macro_network_is_explained_a_line_a_layer():
    assert explain(ARTICLE_MACRO).split("\n") == [
        "layer 1: conv3x3 of the stem; then all tensors are halved",
        "layer 2: sep5x5 of layer 1; skips from layer 1; then all tensors are halved",
        "layer 3: max3x3 of layer 2; skips from layer 1, layer 2",
        "layer 4: conv5x5 of layer 3; skips from layer 1, layer 3",
    ]


def test_code_wiring_is_explained_with_the_stem_as_a_source():
    lines = explain(Architecture(MacroSpace(2, wiring="code"), ((0,), (5, 1)))).split("\n")

    assert lines[1] == "layer 2: max3x3 of layer 1; skips from the stem"


def test_a_cell_is_explained_a_line_a_node():
    assert explain(ARTICLE_MICRO).split("\n") == [
        "normal cell (1 is the output of the cell two back, 2 of the previous cell)",
        "  node 3: avg5x5 of 2, plus sep5x5 of 1",
        "  node 4: identity of 3, plus avg3x3 of 1",
        "  depth 2: the longest way from the inputs passes 2 computed nodes",
        "  output: only node 4 is loose, so nothing has to be joined",
    ]


def test_both_micro_cells_are_explained():
    lines = explain(MICRO).split("\n")

    assert len(lines) == 2 * (1 + 5 + 2)
    assert lines[6] == "  depth 1: every node reads only the two inputs"
    assert lines[8].startswith("reduction cell ")
    assert lines[-1].endswith("joined: 3, 5, 6, 7")


def test_inputs_that_no_node_reads_are_named():
    told = explain(MicroSpace(2, cells=("normal",)).decode([0, 0, 0, 0, 2, 4, 2, 4]))

    assert "input 2 is read by no node, so it goes straight into the output" in told
    assert "input 1 is" not in told
    assert told.endswith("joined: 2, 4")


# ---- explaining numbers


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_number_of_a_list_has_its_line(name):
    flat = ARCHITECTURES[name].flat

    lines = explain_numbers(ARCHITECTURES[name]).split("\n")

    assert [tuple(map(int, line.split()[:2])) for line in lines] == [*enumerate(flat, start=1)]


def test_the_numbers_of_a_micro_list_are_sources_and_operations():
    lines = explain_numbers(MICRO).split("\n")

    assert lines[0] == (
        " 1   0   normal cell, node 3: first input is tensor 0 = node 1, "
        "the output of the cell two back"
    )
    assert (
        lines[1] == " 2   2   normal cell, node 3: operation on it: 2 = avg3x3, average pooling 3x3"
    )
    assert lines[30] == (
        "31   3   reduction cell, node 5: second input is tensor 3 = node 4, computed in this cell"
    )
    assert lines[-2].endswith(
        "node 7: second input is tensor 1 = node 2, the output of the previous cell"
    )


def test_the_numbers_of_a_macro_list_are_operations_and_skip_bits():
    assert explain_numbers(ARTICLE_MACRO).split("\n")[3:9] == [
        " 4   5   layer 3: operation 5 = max3x3, max pooling 3x3",
        " 5   1   layer 3: skip bit 0 = 1: yes, from layer 1",
        " 6   1   layer 3: skip bit 1 = 1: yes, from layer 2",
        " 7   2   layer 4: operation 2 = conv5x5, convolution 5x5",
        " 8   1   layer 4: skip bit 0 = 1: yes, from layer 1",
        " 9   0   layer 4: skip bit 1 = 0: no, not from layer 2",
    ]


def test_under_code_wiring_the_first_skip_bit_is_the_stems():
    lines = explain_numbers(decode("article-macro", wiring="code").architecture).split("\n")

    assert lines[4].endswith("layer 3: skip bit 0 = 1: yes, from the stem")
    assert lines[5].endswith("layer 3: skip bit 1 = 1: yes, from layer 1")


def test_a_list_that_is_no_pair_of_cells_is_read_as_one_cell():
    found = decode([1, 2, 0, 1, 2, 4, 0, 2])  # tensor 2 does not exist in a first node

    assert found.architecture.space == MicroSpace(2, cells=("normal",))
    assert found.architecture.content == (((1, 0, 2, 1), (2, 0, 4, 2)),)
    with pytest.raises(ValueError, match="reduction cell, node 3"):
        decode("[1 2 0 1] [2 4 0 2]")  # printed as two cells, and no cells at all


# ---- lists that count other operations


def test_numbers_mean_the_operations_that_are_named():
    ops = ("max3x3", "conv3x3", "sep3x3", "sep5x5", "avg3x3", "conv5x5", "conv7x7", "dil3x3")

    read = decode([0, 7, 1], ops=ops)

    assert read.architecture.space.op_names(read.architecture) == ("max3x3", "dil3x3")
    assert f"operations numbered as in its space ({', '.join(ops)})" in read.how


def test_a_number_beyond_those_that_are_named_is_refused():
    with pytest.raises(ValueError, match="an operation from 0 to 1 .conv3x3, max3x3.; got 2"):
        decode([0, 2, 1], ops=("conv3x3", "max3x3"))


def test_a_list_with_an_identity_is_one_of_cells():
    read = decode([0, 0, 1, 1], ops=("identity", "max3x3"))

    assert read.architecture.space.kind == "micro"


@pytest.mark.parametrize("given", ["enas-micro", "article-macro"])
def test_a_published_network_has_its_operations(given):
    with pytest.raises(ValueError, match="operations of the published .* are known; leave out ops"):
        decode(given, ops=("conv3x3",))
