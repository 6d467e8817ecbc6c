"""Cells that `canonical` makes equal are the same network, once each node has its weights again."""

import random

import pytest
import torch
from torch import nn

from enas_viz.recipes import Fidelity
from enas_viz.search.nets.micro.child import ChildCell, MicroChild
from enas_viz.search.nets.micro.supernet import MicroSupernet
from enas_viz.spaces import Architecture, MicroSpace
from enas_viz.spaces.micro import canonical_order

OPS = ("sep3x3", "conv3x3", "avg3x3", "max3x3", "identity")
SPACE = MicroSpace(4, OPS)
EXACT = {"rtol": 0, "atol": 1e-9}


def sampled(wanted: int) -> list[Architecture]:
    """So many architectures whose nodes stand in another order in their canonical form."""
    made = (SPACE.sample(random.Random(seed)) for seed in range(1000))
    moved = (a for a in made if any(canonical_order(c) != (0, 1, 2, 3) for c in a.content))
    return [next(moved) for _ in range(wanted)]


def numbers(cell) -> dict[int, int]:
    """The number in the canonical cell of each tensor of a cell."""
    return {0: 0, 1: 1} | {n + 2: p + 2 for p, n in enumerate(canonical_order(cell))}


def places(cell):
    """(place, side) in the canonical cell and (node, side) in the cell, of each operation."""
    number = numbers(cell)
    for place, node in enumerate(canonical_order(cell)):
        i, j, a, b = cell[node]
        by_size = sorted(((number[i], a, 0), (number[j], b, 1)), key=lambda pair: pair[:2])
        for side, (*_, old) in enumerate(by_size):
            yield (place, side), (node, old)


def randomised(net: nn.Module) -> nn.Module:
    """The network in double precision; no batch norm is as plain as it starts."""
    generator = torch.Generator().manual_seed(1)
    net = net.double()
    with torch.no_grad():
        for weight in net.parameters():
            if weight.dim() == 1:
                weight.add_(0.3 * torch.randn(weight.shape, generator=generator).double())
    return net


def reordered(reader: nn.Module, channels: list[int]) -> None:
    """Lets what reads a concatenation find its channels in another order."""
    with torch.no_grad():
        for name, weight in reader.named_parameters():
            if weight.dim() > 1 and name in ("1.weight", "1.even.weight", "1.odd.weight"):
                weight.copy_(weight[:, channels])


def order_of_channels(cell: ChildCell, canonical: ChildCell) -> list[int]:
    """Where the output of `cell` has each channel of the canonical cell's."""
    old = {new: t for t, new in numbers(cell.nodes).items()}
    width = cell.leaves[1][0] // len(cell.loose)
    blocks = [cell.loose.index(old[t]) for t in canonical.loose]
    return [b * width + c for b in blocks for c in range(width)]


def give_weights(net: MicroChild, canonical: MicroChild) -> None:
    """Gives the canonical child the weights of the other one, node by node."""
    canonical.stem.load_state_dict(net.stem.state_dict())
    before = last = list(range(net.stem[0].out_channels))
    for cell, other in zip(net.cells, canonical.cells, strict=True):
        for (place, side), (node, old) in places(cell.nodes):
            if f"{node}_{old}" in cell.weighted:
                weights = cell.weighted[f"{node}_{old}"].state_dict()
                other.weighted[f"{place}_{side}"].load_state_dict(weights)
        for part in ("fit_before", "fit_last", "base", "loose_inputs"):
            if getattr(cell, part) is not None:
                getattr(other, part).load_state_dict(getattr(cell, part).state_dict())
        if other.fit_before is not None:
            reordered(other.fit_before, before)
        else:  # read as it is, so its channels must not move
            assert before == sorted(before)
        reordered(other.base if other.fit_last is None else other.fit_last, last)
        before, last = last, order_of_channels(cell, other)
        if cell is net.cells[net.auxiliary_after] and net.auxiliary is not None:
            canonical.auxiliary.load_state_dict(net.auxiliary.state_dict())
            with torch.no_grad():
                first = canonical.auxiliary[2].weight
                first.copy_(first[:, last])
    canonical.classifier.load_state_dict(net.classifier.state_dict())
    with torch.no_grad():
        canonical.classifier.weight.copy_(canonical.classifier.weight[:, last])


@pytest.mark.parametrize("loose", ["count", "exclude"])
def test_a_child_of_the_canonical_cells_computes_the_same(loose):
    fidelity, images = Fidelity(loose_inputs=loose), torch.randn(2, 3, 32, 32).double()
    compared = 0
    for architecture in sampled(30):
        canonical = SPACE.canonical(architecture)
        counts = loose == "count"
        if len(SPACE.loose_ends(architecture, "normal", counts)) == 2:
            continue  # as wide as the reduction cell, which reads them without a convolution
        sizes = {"layers": 6, "filters": 4, "fidelity": fidelity, "auxiliary_weight": 0.4}
        net, other = (randomised(MicroChild(a, **sizes)) for a in (architecture, canonical))

        give_weights(net, other)

        both = zip(net.forward_train(images), other.forward_train(images), strict=True)
        for expected, found in both:
            torch.testing.assert_close(found, expected, **EXACT)
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("loose", ["count", "exclude"])
@pytest.mark.parametrize("mode", ["fr_then_cell", "fr_both", "stride2"])
def test_the_path_of_the_canonical_cells_computes_the_same(mode, loose):
    fidelity = Fidelity(micro_reduction_search=mode, loose_inputs=loose)
    images = torch.randn(2, 3, 16, 16).double()
    for architecture in sampled(6):
        net, other = (randomised(MicroSupernet(SPACE, 3, 4, fidelity=fidelity)) for _ in "ab")
        other.load_state_dict(net.state_dict())
        for cell, its in zip(net.cells, other.cells, strict=True):
            nodes = architecture.content[cell.cell]
            number = numbers(nodes)
            with torch.no_grad():
                for old, new in number.items():
                    its.output.slices[new] = cell.output.slices[old]
            for (place, side), (node, old) in places(nodes):
                source, op = nodes[node][old], nodes[node][2 + old]
                if SPACE.ops[op] in cell.bank[node][old]:
                    weights = cell.bank[node][old][SPACE.ops[op]]
                    if source < len(weights):
                        into = its.bank[place][side][SPACE.ops[op]][number[source]]
                        into.load_state_dict(weights[source].state_dict())

        found = other(images, SPACE.canonical(architecture))

        torch.testing.assert_close(found, net(images, architecture), **EXACT)


def test_without_the_weights_of_its_nodes_the_canonical_path_is_another():
    images = torch.randn(2, 3, 16, 16).double()
    net = randomised(MicroSupernet(SPACE, 3, 4))
    (architecture,) = sampled(1)

    assert not torch.allclose(net(images, architecture), net(images, SPACE.canonical(architecture)))
