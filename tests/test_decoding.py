"""What the authors' program prints and their scripts hold is read; what is unknown is refused."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.published import ARTICLE_MACRO, MACRO, MICRO, decode
from enas_viz.space import MacroSpace, MicroSpace

NORMAL, REDUCTION = (" ".join(map(str, MICRO.flat[at : at + 20])) for at in (0, 20))
PRINTED_MACRO = "[0]\n[3 1]\n[5 1 1]\n[2 1 0 1]\n"
DASHES = "-" * 80
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
        "read as two cells printed by the authors' program: "
        "a normal cell and a reduction cell of 5 computed nodes"
    )


def test_layers_are_read_as_the_authors_print_them():
    read = decode(f"{PRINTED_MACRO}val_acc=0.7500\n{DASHES}\n")

    assert read.architecture == ARTICLE_MACRO
    assert read.how == (
        "read as layers printed by the authors' program: macro, 4 layers, layer wiring (the "
        "default for new lists; the authors' program itself builds code wiring); for the other "
        "reading ask for wiring 'code'"
    )


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

    assert decode(printed(made), wiring="code").architecture == made


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


def test_a_macro_script_has_a_line_for_each_layer():
    lines = ['fixed_arc="0"', *(f'fixed_arc="$fixed_arc {x}"' for x in ("3 1", "5 1 1", "2 1 0 1"))]

    assert decode("\n".join(lines)).architecture == ARTICLE_MACRO


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
