"""An operation without a module is refused by name, never built as something else."""

import random

import pytest
import torch
from torch import nn

import enas_viz as ev
from enas_viz.facts import cost
from enas_viz.facts.anatomy import anatomy
from enas_viz.recipes import Fidelity, change, recipe
from enas_viz.search.nets.macro.child import MacroChild
from enas_viz.search.nets.macro.controller import MacroController
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.nets.micro.child import MicroChild
from enas_viz.search.nets.micro.controller import MicroController
from enas_viz.search.nets.micro.supernet import MicroSupernet
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace
from enas_viz.spaces.genotypes import genotype
from enas_viz.spaces.operations import MICRO_OPS, Operation, known_operations
from enas_viz.spaces.published import explain_numbers
from enas_viz.view.sharing import bare

REDUCTIONS = ("fr_then_cell", "fr_both", "stride2")
MACRO, MICRO = recipe("macro-tiny"), recipe("micro-tiny")
MACRO_FINAL, MICRO_FINAL = recipe("macro-final-tiny"), recipe("micro-final-tiny")
BROUGHT = Operation("blur3x3", "blur", 3, words="blur 3x3", weights=("0", "2", "0"))
WEIGHTED = [op for op in known_operations() if op.weighted]
LAYERS = [op for op in known_operations() if op.family != "identity"]


def reducing(how: str) -> Fidelity:
    return Fidelity(micro_reduction_search=how)


MACRO_NETWORKS = {
    "supernet": lambda a: MacroSupernet(a.space, 2),
    "child": lambda a: MacroChild(a, 2),
    "dense child": lambda a: MacroChild(a, 2, fidelity=Fidelity(macro_final_ops="dense")),
}
MACRO_FACTS = {
    "parameters of an operation": lambda a: cost.op_parameters(a.space.ops[0], 2),
    "work of an operation": lambda a: cost.op_multiply_adds(a.space.ops[0], 2, 2),
    "parameters of the supernet": lambda a: cost.supernet_parameters(a.space, 2),
    "cost of the path": lambda a: cost.path_cost(a, 2, 4),
    "cost of the child": lambda a: cost.child_cost(a, MACRO_FINAL),
    "anatomy": lambda a: anatomy(a, MACRO),
    "numbers": explain_numbers,
    "drawing": ev.draw,
}
MICRO_NETWORKS = {
    **{
        f"supernet, {r}": lambda a, r=r: MicroSupernet(a.space, 3, 2, fidelity=reducing(r))
        for r in REDUCTIONS
    },
    "child": lambda a: MicroChild(a, 3, 2),
}
MICRO_FACTS = {
    "parameters of the supernet": lambda a: cost.cells_supernet_parameters(a.space, 3, 2),
    "cost of the path": lambda a: cost.cells_path_cost(a, 3, 2, 8),
    "cost of the child": lambda a: cost.child_cost(a, MICRO_FINAL),
    **{
        f"anatomy, {r}": lambda a, r=r: anatomy(a, change(MICRO, fidelity=reducing(r)))
        for r in REDUCTIONS
    },
    "genotype": genotype,
    "numbers": explain_numbers,
    "drawing": ev.draw,
    "paths without weights": lambda a: bare(a.space),
}


def layers_of(op: Operation) -> Architecture:
    return Architecture(MacroSpace(3, ops=(op,)), ((0,), (0, 1), (0, 1, 0)))


def cells_of(op: Operation) -> Architecture:
    return MicroSpace(1, ops=(op,)).sample(random.Random(0))


@pytest.mark.parametrize("made", [layers_of, cells_of])
def test_a_network_with_an_operation_that_has_no_module_is_refused_by_its_name(made):
    networks = MACRO_NETWORKS if made is layers_of else MICRO_NETWORKS
    for build in networks.values():
        with pytest.raises(ValueError, match="'blur3x3' of the family 'blur' has no module here"):
            build(made(BROUGHT))


@pytest.mark.parametrize("name", ["avg7x7", "sep7x7", "none", "skip_connect", "dil_conv_3x3", ""])
def test_a_space_refuses_a_name_that_no_operation_has(name):
    for made in (MacroSpace, MicroSpace):
        with pytest.raises(ValueError, match=f"operation {name!r} is unknown here; known are conv"):
            made(3, ops=(name,))


def test_an_identity_is_an_operation_of_cells_only():
    with pytest.raises(ValueError, match="the identity is an operation of cells"):
        MacroSpace(3, ops=("conv3x3", "identity"))


def test_what_is_known_of_an_operation_is_told_without_its_module():
    for told in MACRO_FACTS.values():
        told(layers_of(BROUGHT))
    for told in MICRO_FACTS.values():
        told(cells_of(BROUGHT))


@pytest.mark.parametrize("op", LAYERS)
def test_every_builder_of_layers_builds_and_counts_every_operation(op):
    networks, facts = MACRO_NETWORKS, MACRO_FACTS
    for name, build in {**networks, **facts}.items():
        if name != "dense child" or not op.pools:
            build(layers_of(op))
    net = MacroSupernet(layers_of(op).space, 4)
    child = MacroChild(layers_of(op), 4)
    final = change(MACRO_FINAL, network__layers=3, network__filters=4)

    assert cost.supernet_parameters(net.space, 4) == sum(p.numel() for p in net.parameters())
    told = cost.child_cost(layers_of(op), final, image_channels=3).parameters
    assert told == sum(p.numel() for p in child.parameters())


@pytest.mark.parametrize("op", known_operations())
def test_every_builder_of_cells_builds_and_counts_every_operation(op):
    for build in {**MICRO_NETWORKS, **MICRO_FACTS}.values():
        build(cells_of(op))
    child = MicroChild(cells_of(op), 3, 4)
    final = change(MICRO_FINAL, network__layers=3, network__filters=4, network__aux_weight=0.0)

    told = cost.child_cost(cells_of(op), final, image_channels=3).parameters
    assert told == sum(p.numel() for p in child.parameters())


@pytest.mark.parametrize("op", [op for op in WEIGHTED if op.family == "conv"])
def test_a_final_network_holds_the_convolution_that_it_was_told(op):
    child = MacroChild(layers_of(op), 2)

    windows = [m.kernel_size for m in child.modules() if isinstance(m, nn.Conv2d)]
    assert windows.count((op.window, op.window)) >= 3


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


@pytest.mark.parametrize("ops", [("sep3x3",), ("identity", "sep5x5"), ("avg5x5",), MICRO_OPS])
def test_a_supernet_of_cells_is_counted_with_the_operations_that_its_space_has(ops):
    cells = MicroSpace(2, ops=ops)

    net = MicroSupernet(cells, 3, 4)

    assert cost.cells_supernet_parameters(cells, 3, 4) == sum(p.numel() for p in net.parameters())


def test_a_dilated_window_reads_what_lies_apart():
    op = ev.operation("dil3x3")
    x = torch.zeros(1, 2, 9, 9)
    x[:, :, 4, 6] = 1.0
    branch = MacroSupernet(MacroSpace(1, ops=(op,)), 2).banks[0][0]

    made = branch[3](x)  # depthwise
    assert made[0, :, 4, 4].abs().sum() > 0
    assert made[0, :, 4, 5].abs().sum() == 0
