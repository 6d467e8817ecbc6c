"""An operation that a builder does not know is refused by name, never built as something else."""

import random

import pytest
import torch

import enas_viz as ev
from enas_viz import anatomy as anatomy_module
from enas_viz import cost, space
from enas_viz.anatomy import anatomy
from enas_viz.genotypes import genotype
from enas_viz.published import explain_numbers
from enas_viz.recipes import Fidelity, change, recipe
from enas_viz.search.child import MacroChild, MicroChild
from enas_viz.search.macro_controller import MacroController
from enas_viz.search.macro_supernet import MacroSupernet
from enas_viz.search.micro_controller import MicroController
from enas_viz.search.micro_supernet import MicroSupernet
from enas_viz.search.ops import PoolBranch, pool
from enas_viz.space import EXTRA_OPS, MACRO_OPS, MICRO_OPS, Architecture, MacroSpace, MicroSpace
from enas_viz.view.shapes import icon
from enas_viz.view.sharing_svg import bare

INVENTED = ("dil3x3", "avg7x7", "conv7x7", "sep7x7", "none", "skip_connect", "dil_conv_3x3", "")
REDUCTIONS = ("fr_then_cell", "fr_both", "stride2")
MACRO, MICRO = recipe("macro-tiny"), recipe("micro-tiny")
MACRO_FINAL, MICRO_FINAL = recipe("macro-final-tiny"), recipe("micro-final-tiny")


def reducing(how: str) -> Fidelity:
    return Fidelity(micro_reduction_search=how)


MACRO_BUILDERS = {
    "supernet": lambda a: MacroSupernet(a.space, 2),
    "child": lambda a: MacroChild(a, 2),
    "dense child": lambda a: MacroChild(a, 2, fidelity=Fidelity(macro_final_ops="dense")),
    "parameters of an operation": lambda a: cost.op_parameters(a.space.ops[0], 2),
    "work of an operation": lambda a: cost.op_multiply_adds(a.space.ops[0], 2, 2),
    "parameters of the supernet": lambda a: cost.supernet_parameters(a.space, 2),
    "cost of the path": lambda a: cost.path_cost(a, 2, 4),
    "cost of the child": lambda a: cost.child_cost(a, MACRO_FINAL),
    "anatomy": lambda a: anatomy(a, MACRO),
    "receptive field": lambda a: anatomy_module._macro_field(a, "add"),
    "numbers": explain_numbers,
    "drawing": ev.draw,
    "icon": lambda a: icon(a.space.ops[0]),
}
MICRO_BUILDERS = {
    **{
        f"supernet, {r}": lambda a, r=r: MicroSupernet(a.space, 3, 2, fidelity=reducing(r))
        for r in REDUCTIONS
    },
    "child": lambda a: MicroChild(a, 3, 2),
    "parameters of the supernet": lambda a: cost.cells_supernet_parameters(a.space, 3, 2),
    "cost of the path": lambda a: cost.cells_path_cost(a, 3, 2, 8),
    "cost of the child": lambda a: cost.child_cost(a, MICRO_FINAL),
    "anatomy": lambda a: anatomy(a, MICRO),
    **{
        f"receptive field, {r}": lambda a, r=r: anatomy_module._cells_field(
            a, change(MICRO, fidelity=reducing(r))
        )
        for r in REDUCTIONS
    },
    "genotype": genotype,
    "numbers": explain_numbers,
    "drawing": ev.draw,
    "paths without weights": lambda a: bare(a.space),
}


@pytest.fixture
def any_ops(monkeypatch):
    """A space takes any name, as if somebody had added an operation to it and nowhere else."""
    monkeypatch.setattr(space, "_check_ops", lambda ops, known: None)


def layers_of(op: str) -> Architecture:
    return Architecture(MacroSpace(3, ops=(op,)), ((0,), (0, 1), (0, 1, 0)))


def cells_of(op: str) -> Architecture:
    return MicroSpace(1, ops=(op,)).sample(random.Random(0))


@pytest.mark.parametrize("builder", MACRO_BUILDERS)
def test_no_builder_of_layers_takes_an_unknown_operation_for_another(any_ops, builder):
    for op in INVENTED:
        with pytest.raises(ValueError, match=f"the operation {op!r} is unknown; known are conv3x3"):
            MACRO_BUILDERS[builder](layers_of(op))


@pytest.mark.parametrize("builder", MICRO_BUILDERS)
def test_no_builder_of_cells_takes_an_unknown_operation_for_another(any_ops, builder):
    shared = builder.startswith(("numbers", "drawing", "receptive"))  # one table for both kinds
    for op in INVENTED if shared else (*INVENTED, "conv3x3", "conv5x5"):
        with pytest.raises(ValueError, match=f"the operation {op!r} is unknown; known are "):
            MICRO_BUILDERS[builder](cells_of(op))


@pytest.mark.parametrize(
    "build",
    [
        lambda fidelity: MacroSupernet(MacroSpace(2), 2, fidelity=fidelity),
        lambda fidelity: MicroSupernet(MicroSpace(1), 3, 2, fidelity=fidelity),
        lambda fidelity: MacroChild(layers_of("conv3x3"), 2, fidelity=fidelity),
        lambda fidelity: MicroChild(cells_of("sep3x3"), 3, 2, fidelity=fidelity),
        lambda fidelity: MacroController(MacroSpace(2), fidelity=fidelity),
        lambda fidelity: MicroController(MicroSpace(1), fidelity=fidelity),
        lambda fidelity: cost.cells_path_cost(cells_of("sep3x3"), 3, 2, 8, fidelity=fidelity),
        lambda fidelity: cost.cells_supernet_parameters(MicroSpace(1), 3, 2, fidelity=fidelity),
    ],
)
@pytest.mark.parametrize(
    "slip",
    [{"skip_merge_search": "concatenate"}, {"op_prior": None}, {"sep_conv_stack": 3}],
    ids=str,
)
def test_a_fidelity_that_does_not_exist_is_not_built_as_another(build, slip):
    with pytest.raises(ValueError, match=f"fidelity.{next(iter(slip))} is one of .*; got "):
        build(Fidelity(**slip))
    with pytest.raises(TypeError, match="expected a Fidelity, e.g. .*; got 'paper'"):
        build("paper")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_a_pool_is_an_average_or_a_maximum_and_nothing_else(size, stride):
    with pytest.raises(ValueError, match="the operation 'sum' is unknown; known are avg, max"):
        pool(torch.zeros(1, 1, 4, 4), "sum", size, stride)
    with pytest.raises(ValueError, match="the operation 'sum' is unknown; known are avg, max"):
        PoolBranch(2, "sum", Fidelity())


def test_every_builder_knows_every_operation_that_its_space_may_have():
    for name, build in MACRO_BUILDERS.items():
        for op in MACRO_OPS:
            if name != "dense child" or op.startswith(("conv", "sep")):
                build(layers_of(op))
    for build in MICRO_BUILDERS.values():
        for op in MICRO_OPS + EXTRA_OPS:
            build(cells_of(op))


@pytest.mark.parametrize("ops", [("sep3x3",), ("identity", "sep5x5"), ("avg5x5",), MICRO_OPS])
def test_a_supernet_of_cells_is_counted_with_the_operations_that_its_space_has(ops):
    cells = MicroSpace(2, ops=ops)

    net = MicroSupernet(cells, 3, 4)

    assert cost.cells_supernet_parameters(cells, 3, 4) == sum(p.numel() for p in net.parameters())
