"""What the authors' program prints and their scripts hold is read; what is unknown is refused."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO, MACRO, MICRO, decode

NORMAL, REDUCTION = (" ".join(map(str, MICRO.flat[at : at + 20])) for at in (0, 20))
PRINTED_MACRO = "[0]\n[3 1]\n[5 1 1]\n[2 1 0 1]\n"
DASHES = "-" * 80
CODED = Architecture(MacroSpace(4, wiring="code"), ARTICLE_MACRO.content)
SCRIPT = f"""#!/bin/bash

export PYTHONPATH="$(pwd)"

fixed_arc="{NORMAL}"
fixed_arc="$fixed_arc {REDUCTION}"  # reduction

python src/cifar10/main.py \\
  --data_format="NCHW" \\
  --reset_output_dir \\
  --batch_size=144 \\
  --num_epochs 630 \\
  --child_fixed_arc="${{fixed_arc}}" \\
  "$@"
"""


def printed(made) -> str:
    """As the authors' program prints an architecture; numpy wraps the long lines."""
    flat, space = made.flat, made.space
    if space.kind == "micro":
        ends = range(4 * space.nodes, len(flat) + 1, 4 * space.nodes)
    else:
        ends = [k * (k + 1) // 2 for k in range(1, space.layers + 1)]
    rows = [np.array(flat[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    return "".join(f"{row}\n" for row in rows) + f"val_acc=0.6875\n{DASHES}\n"


# ---- printed


@pytest.mark.parametrize(
    "text",
    [
        f"[{NORMAL}]\n[{REDUCTION}]\nval_acc=0.6875\n{DASHES}",
        f"{DASHES}\nHere are 10 architectures\n[{NORMAL}]\n[{REDUCTION}]\nval_acc=nan   ",
        f"[{NORMAL[:17]}\n {NORMAL[17:]}]\r\n[{REDUCTION}]",
        f"[[{NORMAL}]\n [{REDUCTION}]]",
    ],
    ids=["as it is", "the first of ten", "wrapped", "as one array"],
)
def test_two_cells_are_read_as_the_authors_print_them(text):
    read = decode(text)

    assert read.architecture == MICRO
    assert read.how == (
        "read as two cells printed by the authors' program: a normal cell and a reduction cell of "
        "5 computed nodes, operations numbered as by the authors of ENAS"
    )


def test_printed_layers_are_wired_as_the_authors_program_builds_them():
    read = decode(f"{PRINTED_MACRO}val_acc=0.7500\n{DASHES}\n")

    assert read.architecture == CODED
    assert read.architecture.space.sources(read.architecture, 3) == (0, 2)  # the stem, layer 2
    assert read.how == (
        "read as layers printed by the authors' program: macro, 4 layers, operations numbered as "
        "by the authors of ENAS, code wiring (as the authors' program builds it); for layer "
        "wiring: ev.decode(..., wiring='layer') or --wiring layer"
    )


@pytest.mark.parametrize(
    "text",
    [
        PRINTED_MACRO,
        PRINTED_MACRO.replace("\n", " "),
        f"{ARTICLE_MACRO.flat} val_acc=0.6875",
        f"Here are 10 architectures\n{ARTICLE_MACRO.flat}",
        "\n".join(
            ['fixed_arc="0"', *(f'fixed_arc="$fixed_arc {x}"' for x in ("3 1", "5 1 1", "2 1 0 1"))]
        ),
        f'--child_fixed_arc "{" ".join(map(str, ARTICLE_MACRO.flat))}"',
    ],
    ids=["layers", "in one line", "with accuracy", "with a title", "script", "flag"],
)
def test_whatever_is_recognised_as_the_authors_has_code_wiring_unless_asked_otherwise(text):
    asked = decode(text, wiring="layer")

    assert decode(text).architecture == CODED
    assert "code wiring (as the authors' program builds it); for layer wiring: " in decode(text).how
    assert asked.architecture == ARTICLE_MACRO
    assert "layer wiring (as asked); for code wiring: ev.decode(..., wiring='code')" in asked.how
    assert decode(text, MacroSpace(4)).architecture == ARTICLE_MACRO  # a space decides, too


@pytest.mark.parametrize(
    "bare",
    [
        ARTICLE_MACRO.flat,
        ARTICLE_MACRO.content,
        str(ARTICLE_MACRO.flat),
        str(np.array(ARTICLE_MACRO.flat)),
        str(ARTICLE_MACRO.content),
        "0 | 3 1 | 5 1 1 | 2 1 0 1",
        f"0 3 1 5 1 1 2 1 0 1\n{DASHES}",
        'fixed_arc="0 3 1 5 1 1 2 1 0 1"\npython train.py --arch="$fixed_arc"',
    ],
)
def test_whatever_is_not_recognised_as_the_authors_has_layer_wiring_unless_asked_otherwise(bare):
    assert decode(bare).architecture == ARTICLE_MACRO
    assert "layer wiring (the default for bare lists); for code wiring: " in decode(bare).how
    assert decode(bare, wiring="code").architecture == CODED


def test_two_printed_cells_are_micro_even_where_their_length_fits_macro():
    cells = [[0] * 60] * 2

    assert decode("\n".join(map(str, cells))).architecture.space == MicroSpace(15)
    assert decode(str(cells[0] * 2)).architecture.space == MacroSpace(15)


def test_a_printed_published_network_is_read_under_code_wiring():
    assert decode(printed(MACRO)).architecture == MACRO


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 24), st.integers(0, 2**32))
def test_micro_architectures_come_back_from_what_the_authors_print(nodes, seed):
    made = MicroSpace(nodes).sample(random.Random(seed))

    assert decode(printed(made)).architecture == made


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 50), st.integers(0, 2**32))
def test_macro_architectures_come_back_from_what_the_authors_print(layers, seed):
    made = MacroSpace(layers, wiring="code").sample(random.Random(seed))

    assert decode(printed(made)).architecture == made


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (2 * f"{PRINTED_MACRO}val_acc=0.5\n{DASHES}\n", "this text holds 2 architectures, with"),
        (f"{PRINTED_MACRO}{DASHES}\n[0]", "holds 2 architectures.*give one of them at a time"),
        ("[0]\n[3 1]\nval_acc=0.5 0 1\n", "holds 2 architectures"),
        ("[0]\n[3 1]\n[5 1]", "brackets of 1, 2, 2 numbers"),
        ("[0 1 0 1]\n" * 10, "or a bracket for each layer.*got brackets of 4, 4, .*, ... numbers"),
        ("[0 1 2 3 0 0]\n[0 1 2 3 0 0]", "two cells of equal length .*brackets of 6, 6 numbers"),
        (f"test_acc=0.9\n{PRINTED_MACRO}", "got 'test_acc=0.9'"),
        (f"{PRINTED_MACRO}val_acc=good", "got 'val_acc=good'"),
        (f"Epoch 3: {PRINTED_MACRO}", "got 'Epoch'.*a DARTS Genotype"),
        ("[0 1 ... 1 1]", "got '...'"),
        ("0 --1 0", "got '--1'"),
        ("9" * 5000, "got '999999999999...9999999999999'"),
        (f"val_acc=0.5\n{DASHES}", "holds at least one number; got none"),
        ("[0]\n[3 1]\n[5 1 1", "brackets come in pairs; got '.' without its end"),
        ("0]\n[3 1]\n[5 1 1]", "brackets come in pairs; got '.' without its beginning"),
        ("(0 3 1]", "brackets come in pairs; got '.' without its beginning"),
        ("0 [3 1]", "in brackets or outside of them; got some of both"),
        ("[0] 3 1 [5 1 1]", "in brackets or outside of them; got some of both"),
        ("[0 [3 1]]", "in brackets or outside of them; got some of both"),
        (str(MICRO.content), "one or two levels of brackets; got more .the content of an ev.Arch"),
        ("0\n3 0\n0 00", "each skip bit as a number of its own, .* between; got '00'"),
        ("0 " * 2_500_001, "as text has 5000000 characters at most; got 5000002"),
    ],
)
def test_text_that_is_not_one_printed_architecture_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        decode(text)


def test_printed_cells_are_not_read_as_macro_nor_layers_as_micro():
    with pytest.raises(
        ValueError, match="two cells printed .* is micro; it cannot be read as macro"
    ):
        decode(printed(MICRO), "macro")
    with pytest.raises(ValueError, match="layers printed .* is macro; it cannot be read as micro"):
        decode(PRINTED_MACRO, MicroSpace())


# ---- scripts


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        SCRIPT.replace("\n", "\r\n"),
        f'fixed_arc="{NORMAL}"\nfixed_arc="${{fixed_arc}} {REDUCTION}"',
        f'--child_fixed_arc="{NORMAL} {REDUCTION}"',
        f"--child_fixed_arc '{NORMAL} {REDUCTION}' \\",
    ],
    ids=["whole script", "Windows lines", "two lines", "flag", "flag and value apart"],
)
def test_the_fixed_arc_of_a_script_is_read(text):
    read = decode(text)

    assert read.architecture == MICRO
    assert read.how.startswith("read as the fixed_arc of the authors' scripts: a normal cell and")


@pytest.mark.parametrize(
    "call",
    ['--arch="$fixed_arc"', "--arch ${fixed_arc} \\\n --seed 3", '--child__fixed_arc="$fixed_arc"'],
)
def test_a_script_that_passes_its_list_to_another_flag_is_not_called_the_authors(call):
    read = decode(f'fixed_arc="{NORMAL} {REDUCTION}"\npython train.py --out=my_fixed_arc {call}')

    assert read.architecture == MICRO
    assert "the fixed_arc of a script that passes it to '--" in read.how
    assert "as the authors' scripts do not: a normal cell" in read.how


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'fixed_arc="$fixed_arc {REDUCTION}"', "goes on with .fixed_arc from a line that is miss"),
        ('--child_fixed_arc="${fixed_arc}"', "from a line that is missing; add it"),
        (f'fixed_arc="{NORMAL}"\nfixed_arc="{REDUCTION}"', "set twice without going on with"),
        ('fixed_arc="0 3', 'expected whole lines fixed_arc="0 2 ..."; got No closing quotation'),
        ("fixed_arc=0 3 1", "got '3' .numbers stand in quotes after fixed_arc=."),
        ('fixed_arc="0 x"', "got 'x'"),
        ('fixed_arc="0"\nrm everything', "only the other lines of a shell script .*got 'rm'"),
        ('fixed_arc=""', "holds at least one number; got none"),
        (f'fixed_arc="{"0 " * 100_000}"', "has 200000 characters at most; got 200012"),
    ],
)
def test_a_script_that_does_not_hold_one_whole_list_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        decode(text)
