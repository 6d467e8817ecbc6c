"""Genotypes of DARTS: read from text and objects, written, and refused with what is wrong."""

import ast
import random
from collections import namedtuple
from reprlib import repr as shortened
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.spaces import MICRO_OPS, MicroSpace
from enas_viz.spaces.genotypes import genotype
from enas_viz.spaces.operations import EXTRA_OPS
from enas_viz.spaces.published import ARTICLE_MACRO, ARTICLE_MICRO, MICRO, decode, explain

Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")

CELL = [("sep_conv_3x3", 0), ("skip_connect", 1), ("max_pool_3x3", 2), ("avg_pool_3x3", 0)]
OURS = ((0, 1, 0, 4), (2, 0, 3, 2))
ALL = Genotype(normal=CELL, normal_concat=range(2, 4), reduce=CELL, reduce_concat=[3, 1, 2])
LOOSE = Genotype(CELL, [3], CELL, [3])

micro_spaces = st.builds(
    MicroSpace,
    nodes=st.integers(1, 9),
    ops=st.permutations(MICRO_OPS + EXTRA_OPS).flatmap(
        lambda ops: st.integers(1, 6).map(lambda n: tuple(ops[:n]))
    ),
    cells=st.sampled_from((("normal",), ("normal", "reduction"))),
)


# ---- reading


@pytest.mark.parametrize(
    "given",
    [
        ALL,
        ALL._asdict(),
        SimpleNamespace(**ALL._asdict()),
        str(ALL),
        str(ALL._asdict()).replace("range(2, 4)", "[2, 3]"),
        f"DARTS_MINE = {ALL}\n",
        f"03/12 10:07:31 AM genotype = {ALL}",
        f"genotypes.{ALL}",
        "Genotype({}, {}, {}, {})".format(*ALL),
        str(ALL).replace("(", "(\n  "),
        ALL._replace(normal=[[op, np.int64(source)] for op, source in CELL]),
    ],
    ids=[
        *("namedtuple", "dict", "object", "text", "text of a dict", "assigned", "logged"),
        *("of a module", "by position", "over lines", "lists and numpy's numbers"),
    ],
)
def test_a_genotype_is_read_in_any_usual_dress(given):
    read = decode(given)

    assert read.architecture == MicroSpace(2).decode(MicroSpace(2).encode(read.architecture))
    assert read.architecture.content == (OURS, OURS)
    assert read.how.startswith(
        "read as a DARTS genotype: a normal cell and a reduction cell of 2 computed nodes"
    )


@pytest.mark.parametrize(
    "before",
    ["03/12 10:07:31 AM", "2026-11-26 12:00:00,123 INFO", "[Epoch 12] (search.py:7) best:", "not"],
)
def test_what_a_log_writes_before_a_genotype_is_left_out_and_named(before):
    read = decode(f"{before} genotype = genotypes.{LOOSE}\n")

    assert read.architecture == decode(LOOSE).architecture
    assert read.how.endswith(f"; left out before it: {shortened(before)}")
    assert "left out" not in decode(f" genotype = {LOOSE}").how


def test_a_concat_beyond_the_loose_ends_is_remarked():
    assert decode(ALL).how.endswith(
        "; normal_concat joins nodes 3, 4, ENAS joins the loose ends, which no node reads: "
        "node 4; reduce_concat joins nodes 4, 2, 3, ENAS joins the loose ends, which no node "
        "reads: node 4"
    )


@pytest.mark.parametrize("given", [LOOSE, {"normal": CELL, "reduce": CELL}])
def test_a_concat_of_the_loose_ends_or_none_needs_no_remark(given):
    assert decode(given).how.endswith("of 2 computed nodes, operations by name")


def test_a_concat_that_leaves_out_an_input_which_no_node_reads_is_remarked():
    beside_one = [("sep_conv_3x3", 1), ("sep_conv_3x3", 1)]

    assert decode({"normal": beside_one, "normal_concat": [2]}).how.endswith(
        "normal_concat joins node 3, ENAS joins the loose ends, which no node reads: nodes 1, 3"
    )


def test_a_genotype_without_a_reduction_cell_is_a_normal_cell():
    read = decode({"normal": CELL})

    assert read.architecture.space == MicroSpace(2, cells=("normal",))
    assert read.architecture.content == (OURS,)


def test_a_space_that_is_given_numbers_the_operations():
    space = MicroSpace(2, ops=MICRO_OPS[::-1])

    assert decode(LOOSE, space).architecture.content[0] == ((0, 1, 4, 0), (2, 0, 1, 2))


# ---- writing


def test_the_published_cells_are_written_with_their_loose_ends():
    text = genotype(MICRO)

    assert text.startswith("Genotype(normal=[('avg_pool_3x3', 0), ('sep_conv_3x3', 0), ")
    assert "normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_3x3', 1), " in text
    assert text.endswith("reduce_concat=[2, 4, 5, 6])")


def test_the_articles_cell_leaves_the_reduction_fields_empty_and_comes_back():
    text = genotype(ARTICLE_MICRO)

    assert text.endswith("('avg_pool_3x3', 0)], normal_concat=[3], reduce=[], reduce_concat=[])")
    assert decode(text).architecture == ARTICLE_MICRO
    assert explain(decode(text).architecture).endswith(
        "only node 4 is loose, so nothing has to be joined"
    )


def test_a_written_genotype_is_the_call_of_a_namedtuple():
    call = ast.parse(genotype(MICRO), mode="eval").body

    fields = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    assert decode(Genotype(**fields)).architecture == MICRO


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**32))
def test_cells_of_the_authors_operations_come_back_from_their_genotype(nodes, seed):
    made = MicroSpace(nodes).sample(random.Random(seed))

    read = decode(genotype(made))
    assert read.architecture == made
    assert "ENAS joins" not in read.how


@settings(max_examples=200, deadline=None)
@given(micro_spaces, st.integers(0, 2**32))
def test_cells_of_any_space_come_back_from_their_genotype_when_the_space_is_named(space, seed):
    made = space.sample(random.Random(seed))

    assert decode(genotype(made), space).architecture == made


def test_a_macro_network_has_no_genotype():
    with pytest.raises(ValueError, match="a genotype describes cells; this is a macro"):
        genotype(ARTICLE_MACRO)


# ---- what is refused


def cell(*pairs) -> dict:
    return {"normal": list(pairs)}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            cell(("dil_conv_9x9", 0), ("none", 1), ("none", 0), ("sep_conv_3x3", 0)),
            "no operation 'dil_conv_9x9', 'none'; known in a genotype are sep_conv_3x3, sep_conv_5",
        ),
        (cell(*CELL[:1]), "two for each node; got 1 pairs"),
        (cell((0, "sep_conv_3x3"), CELL[0]), r"pairs .operation, source.*got \(0, 'sep_conv_3x3'"),
        (cell(("sep_conv_3x3", True), CELL[0]), "got .'sep_conv_3x3', True"),
        (cell(5), "pairs .*; got 5"),
        (
            cell(("sep_conv_3x3", 2), CELL[0]),
            "normal cell, node 3 takes a source index from 0 to 1",
        ),
        (cell(), "at least 1 computed node; got nodes=0"),
        (cell(*CELL[:2] * 1001), "for 1000 nodes at most; got more"),
        ({"normal": "sep_conv_3x3"}, "two for each node; got 'sep_conv_3x3'"),
        ({"normal": CELL, "reduce": CELL[:2]}, "the reduction cell has 2 computed nodes; got 1"),
        ({"normal": CELL, "normal_concat": [4]}, "takes tensors from 0 to 3; got 4"),
        ({"normal": CELL, "normal_concat": 4}, "normal_concat is a sequence of tensor .*got 4"),
        ({"normal": CELL, "normal_concat": range(10**30)}, "1000 nodes at most; got more"),
        ({"normal": CELL, "noraml_concat": [4]}, "fields normal, .*; got 'noraml_concat'"),
        ({"reduce": CELL}, "normal is missing"),
    ],
)
def test_a_genotype_that_is_no_enas_cell_is_refused_with_what_is_wrong(given, told):
    with pytest.raises(ValueError, match=told):
        decode(given)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Genotype(normal=[('sep_conv_3x3', 0)", "a genotype is text like .*one at a time"),
        (f"{ALL}\n{ALL}", "one at a time"),
        (f"{ALL} or {ALL}", "one at a time; got 2"),
        (f"[{ALL}]", "got other text"),
        (f"print({ALL})", "got other text"),
        (f"{ALL} and more", "got another expression"),
        (f"epoch 49\n{ALL}", "of a log its line alone, 500 characters before it at most; got more"),
        (f"{'x' * 501} {ALL}", "of a log its line alone, 500 characters before it at most"),
        (f"{ALL}\nepoch 50", "got other text"),
        ("Genotype(normal=open('x'))", "normal in a genotype is a list of literals, or range"),
        ("Genotype(normal=range(1, 2, 0))", "list of literals, or range"),
        ("Genotype(normal='\\d')", "normal in a genotype is a sequence of pairs"),
        ("Genotype(normal=[], normal=[])", "each once"),
        ("Genotype([], [], [], [], [])", "each once"),
        ("Genotype(**{})", "a genotype has the fields .*; got None"),
        ("{a.b: 2}", "a genotype has the fields .*; got None"),
        ("{1, 2}", "got another expression"),
        (f"Genotype(normal={'[' * 100_000}", "a genotype is text like .*too many nested"),
        (f"Genotype(normal={'-' * 100_000}1)", "nested too deep"),
        (f"Genotype(normal={'+'.join('1' * 50_000)})", "nested too deep"),
        (f"Genotype({' ' * 1_000_000})", "1000000 characters at most"),
        ("Genotype(\0)", "none of them NUL"),
    ],
)
def test_text_that_is_not_one_genotype_is_refused_and_never_run(text, told):
    with pytest.raises(ValueError, match=told):
        decode(text)


def test_a_genotype_is_micro_and_has_no_wiring():
    with pytest.raises(ValueError, match="a DARTS genotype is micro; it cannot be read as macro"):
        decode(LOOSE, "macro")
    with pytest.raises(ValueError, match="wiring concerns macro lists"):
        decode(LOOSE, wiring="code")
    with pytest.raises(ValueError, match="the normal cell has 3 computed nodes; got 2"):
        decode(LOOSE, MicroSpace(3))


def test_an_operation_that_the_given_space_lacks_is_refused():
    with pytest.raises(
        ValueError, match="no operation 'sep_conv_3x3', .*known .* are skip_connect"
    ):
        decode(LOOSE, MicroSpace(2, ops=("identity",)))
