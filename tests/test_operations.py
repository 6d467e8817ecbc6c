"""Operations as data: what follows from family and window, what is refused, what travels."""

import copy
import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import enas_viz as ev
from enas_viz.spaces import MacroSpace, MicroSpace, space_from_json
from enas_viz.spaces.operations import (
    EXTRA_OPS,
    FAMILIES,
    LARGEST_WINDOW,
    MACRO_OPS,
    MICRO_OPS,
    SLOTS,
    STANDARD,
    Operation,
    from_json,
    known_operations,
    register,
)

SQUEEZE = Operation(
    "se3x3",
    "se",
    3,
    words="squeeze and excite 3x3",
    weights=("1/2", "9", "0"),
    work_once=("1/2",) * 3,
)
terms = st.tuples(*[st.sampled_from(["0", "1", "9", "1/2", "-3", "25/4"])] * 3)


@st.composite
def operations(draw):
    """Any operation that may be: of a known family, or of one's own."""
    family = draw(st.sampled_from([*FAMILIES, "blur", "se_2"]))
    window = 1 if family == "identity" else draw(st.integers(0, LARGEST_WINDOW // 2)) * 2 + 1
    dilated = family not in ("avg", "max") and window > 1
    facts = {
        "window": window,
        "dilation": draw(st.integers(1, LARGEST_WINDOW)) if dilated else 1,
        "slot": draw(st.sampled_from(["", *SLOTS])),
        "words": draw(st.sampled_from(["", "a phrase, 3x3"])),
        "short": draw(st.sampled_from(["", "op 1"])),
    }
    if family not in FAMILIES:
        own = {name: draw(terms) for name in ("weights", "work", "work_once")}
        facts |= own | {"words": "blurs", "icon": draw(st.sampled_from(["", "M0 0h4v4z"]))}
    return Operation(draw(st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)), family, **facts)


def test_the_standard_operations_are_numbered_as_by_the_authors():
    assert MACRO_OPS == ("conv3x3", "sep3x3", "conv5x5", "sep5x5", "avg3x3", "max3x3")
    assert MICRO_OPS == ("sep3x3", "sep5x5", "avg3x3", "max3x3", "identity")
    assert {*MACRO_OPS, *MICRO_OPS, *EXTRA_OPS} == STANDARD.keys()


@pytest.mark.parametrize(
    ("name", "title", "label", "reach", "genotype", "weights"),
    [
        ("conv3x3", "convolution 3×3", "conv 3×3", 2, "conv_3x3", 9 * 16),
        ("conv7x7", "convolution 7×7", "conv 7×7", 6, "conv_7x7", 49 * 16),
        ("sep5x5", "separable convolution 5×5", "sep 5×5", 4, "sep_conv_5x5", 25 * 4 + 16),
        ("dil3x3", "dilated separable convolution 3×3", "dil 3×3", 4, "dil_conv_3x3", 9 * 4 + 16),
        ("avg5x5", "average pooling 5×5", "avg 5×5", 4, "avg_pool_5x5", 0),
        ("max3x3", "max pooling 3×3", "max 3×3", 2, "max_pool_3x3", 0),
        ("identity", "identity", "id", 0, "skip_connect", 0),
    ],
)
def test_the_facts_follow_from_family_and_window(name, title, label, reach, genotype, weights):
    op = ev.operation(name)

    assert (op.title, op.label, op.reach, op.genotype) == (title, label, reach, genotype)
    assert op.parameters(4) == weights
    assert op.multiply_adds(4, 10) == 10 * weights


@given(operations())
def test_an_operation_is_the_same_after_json_pickle_and_copy(op):
    assert from_json(json.loads(json.dumps(op.to_json()))) == op
    assert pickle.loads(pickle.dumps(op)) == op == copy.deepcopy(op)


def test_an_operation_equals_its_name_and_another_one_only_in_all_facts():
    op, other = (Operation("blur3x3", "blur", window, words="blurs") for window in (3, 5))

    assert op == "blur3x3" == other
    assert op != other
    assert hash(op) == hash("blur3x3")
    assert MacroSpace(2, ops=(op,)) != MacroSpace(2, ops=(other,))
    assert json.dumps([op]) == '["blur3x3"]'


@pytest.mark.parametrize("made", [MacroSpace, MicroSpace])
def test_a_space_carries_what_it_needs_to_tell_of_its_operations(made):
    space = made(2, ops=("sep3x3", "conv7x7", SQUEEZE))
    text = json.dumps(space.to_json())

    assert json.loads(text)["ops"][0] == "sep3x3"  # everybody knows it
    assert json.loads(text)["ops"][1]["window"] == 7
    assert space_from_json(json.loads(text)) == space
    assert "se3x3" not in known_operations()  # read from somewhere is not yours


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"name": "Conv"}, "name of the operation 'Conv' is small letters"),
        ({"name": "a b"}, "name of the operation 'a b' is small letters"),
        ({"window": 4}, "window .* is an odd number of pixels from 1 to 31; got 4"),
        ({"window": 3.0}, "window .* is an odd number"),
        ({"window": 33}, "window .* from 1 to 31; got 33"),
        ({"dilation": 0}, "dilation .* is a number of pixels from 1 to 31; got 0"),
        ({"slot": "red"}, "slot .* is one of conv3x3, .*; got 'red'"),
        ({"icon": "M0 0<script>"}, "icon .* is a path of SVG"),
        ({"words": "<b>bold</b>"}, "words .* is a short phrase"),
        ({"short": "far too long"}, "short .* is at most 8 plain letters"),
        ({"weights": (1, 2, 3)}, "weights .* is three numbers as text"),
        ({"weights": ("1/0", "0", "0")}, "weights .* is three numbers as text"),
        ({"weights": ("1", "0")}, "weights .* is three numbers as text"),
        ({"weights": 3}, "weights .* is three numbers as text"),
        ({"family": "identity", "window": 3}, "window .* is 1, since an identity reads no other"),
        (
            {"family": "avg", "window": 3, "dilation": 2},
            "dilation .* is 1, since only convolutions",
        ),
        (
            {"family": "conv", "dilation": 2},
            "dilation .* is 1, since only convolutions of a larger",
        ),
        ({"family": 3, "words": "x"}, "family .* is small letters"),
        ({"family": "conv", "weights": ("1", "0", "0")}, "left out, since the family conv"),
        ({"words": ""}, "of the family 'blur', which is none of conv, .*; give its words"),
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused_by_name(facts, told):
    with pytest.raises(ValueError, match=told):
        Operation(**({"name": "blur3x3", "family": "blur", "words": "blurs"} | facts))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("blur3x3", "operation 'blur3x3' is unknown here; known are conv3x3"),
        (3, "operation 3 is unknown here"),
        ({"name": "blur3x3"}, "an object with 'name' and 'family'; got"),
        ({"name": 3, "family": "conv"}, "the name of an operation is text; got 3"),
        ({"name": "conv3x3", "family": "conv", "window": 5}, "the name of a standard operation"),
    ],
    ids=str,
)
def test_json_that_is_no_operation_is_refused(value, told):
    with pytest.raises(ValueError, match=told):
        from_json(value)


def test_what_is_registered_is_known_by_its_name_and_a_name_is_given_once():
    made = ev.operation("conv9x9", "conv", window=9)

    assert ev.operation("conv9x9") is made
    assert MacroSpace(2, ops=("conv9x9",)).ops[0].window == 9
    assert ev.operation("conv9x9", "conv", window=9) == made  # a cell that is run again
    with pytest.raises(ValueError, match="another operation is called 'conv9x9'"):
        register(Operation("conv9x9", "sep", 9))
    with pytest.raises(ValueError, match="needs a family"):
        ev.operation("conv11x11", window=11)
    with pytest.raises(ValueError, match="an operation has no size; it has name, family"):
        ev.operation("conv11x11", "conv", size=11)


@pytest.mark.parametrize("space", [MacroSpace, MicroSpace])
def test_a_network_with_operations_from_elsewhere_is_drawn_with_their_words(space):
    import random

    made = space(2, ops=(SQUEEZE, "conv7x7")).sample(random.Random(1))
    page = ev.draw(made).svg

    assert any(op.title in page for op in (SQUEEZE, ev.operation("conv7x7")))
    assert "var(" not in page  # a still has colours, not variables
    assert ".op-se3x3{color:#" in page


def test_a_page_without_scripts_keeps_the_colours_of_operations_from_elsewhere(tmp_path):
    made = MacroSpace(2, ops=(SQUEEZE,)).architecture(["se3x3", "se3x3"])

    page = ev.save(ev.Replay(made), tmp_path / "x.html").read_text(encoding="utf-8")

    without = page.partition("<noscript>")[2].partition("</noscript>")[0]
    assert ".op-se3x3{color:" in without
    assert without.count("<style>") == 1


def test_a_genotype_is_read_with_the_authors_operation_where_ones_own_equals_it():
    ev.operation("mine3x3", "sep", window=3)
    pair = ("sep_conv_3x3", 0), ("max_pool_3x3", 1)

    made = ev.decode({"normal": list(pair), "normal_concat": [2]}).architecture

    assert [str(made.space.ops[op]) for op in made.content[0][0][2:]] == ["sep3x3", "max3x3"]


def test_an_operation_that_is_called_like_a_colour_leaves_the_palette_alone(tmp_path):
    inks = MacroSpace(2, ops=(Operation("ink", "conv", 3),)).architecture(["ink", "ink"])

    page = ev.save(ev.Replay(inks), tmp_path / "x.html").read_text(encoding="utf-8")

    assert set(re.findall(r"--enas-ink:([^;}]*)", page)) == {"light-dark(#1d2530,#e8ebf0)"}
    assert "--enas-op-ink:var(--enas-layer1)" in page
