"""Reads the numbers measured from the authors' program, and carries their weights over to ours.

The formulas of the inputs and weights, and the tolerances, are explained in tests/golden/README.md.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from enas_viz.search.nets.child import Child
from enas_viz.search.nets.controller import Controller
from enas_viz.search.nets.macro.child import MacroChild
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.nets.micro.child import ChildCell, MicroChild
from enas_viz.search.nets.micro.supernet import Cell, MicroSupernet
from enas_viz.search.nets.ops import SepConv

FOLDER = Path(__file__).parent.parent / "golden"
CONTROLLER_NAMES = {
    "controller/lstm/layer_0/w": "lstm",
    "controller/g_emb": "start",
    "controller/emb/w": "op_embedding",
    "controller/softmax/w": "op_softmax",
    "controller/softmax/b": "op_bias",
    "controller/attention/w_1": "w1",
    "controller/attention/w_2": "w2",
    "controller/attention/v": "v",
}


@cache
def load(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def hashed(shape: list[int], k: int) -> np.ndarray:
    """u(i, k): numbers in (-1, 1) that look random, by exact arithmetic on whole numbers."""
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    prime = 1_000_003
    n = i + 1 + 7919 * k
    h = ((n * n) % prime * 7919 + n * 104729 + 12345) % prime
    return (2 * h / prime - 1).reshape(shape)


def set_controller(controller: Controller, weight_set: str) -> None:
    """Gives our controller the weights with which the authors' one was measured."""
    for variable in load("controller")[controller.space.kind]["variables"]:
        shape, k = variable["shape"], variable["k"]
        if weight_set == "hash":
            values = 0.5 * hashed(shape, k)
        else:
            i = np.arange(int(np.prod(shape)))
            values = 0.1 * np.sin(0.37 * i + k).reshape(shape)
        if weight_set == "sin_b_init" and variable["name"].endswith("softmax/b"):
            values = np.array([[10, 10, 0, 0, 0]])
        weight = getattr(controller, CONTROLLER_NAMES[variable["name"]])
        weight.data = torch.tensor(values, dtype=torch.float32)


def images(which: str) -> Tensor:
    """Images A or B: (4, 3, 32, 32)."""
    k = {"A": 5000, "B": 6000}[which]
    values = np.sqrt(3) * hashed([4, 32, 32, 3], k)
    made = torch.tensor(values.transpose(0, 3, 1, 2).copy(), dtype=torch.float32)
    return made.contiguous(memory_format=torch.channels_last)


LABELS = torch.tensor([3, 1, 4, 1])


def set_supernet(net: MacroSupernet | MicroSupernet, dtype: torch.dtype = torch.float32) -> None:
    """Gives our supernet the weights with which the authors' one was measured."""
    _set(net, load("child")[f"{net.space.kind}_search"]["variables"], dtype)


def set_child(net: Child, dtype: torch.dtype = torch.float32) -> None:
    """Gives our child the weights with which the authors' fixed network was measured."""
    kind = net.architecture.space.kind
    _set(net, load("child")[f"{kind}_fixed"]["cases"][0]["variables"], dtype)


def _set(net: nn.Module, variables: list[dict], dtype: torch.dtype) -> None:
    for variable in variables:
        name = variable["name"]
        values = hashed(variable["shape"], variable["k"])
        if name.endswith("/scale"):
            values = 1 + 0.3 * values
        elif name.endswith("/offset"):
            values = 0.2 * values
        else:
            values = 0.5 * values
        weights = parameters(net, name)
        # in a supernet's cells a row for each source
        rows = values if "/cell_" in name and isinstance(net, MicroSupernet) else [values]
        for weight, row in zip(weights, rows, strict=True):
            shape = weight.shape
            layout = _layout if isinstance(net, MicroSupernet) else _plain_layout
            weight.data = torch.tensor(layout(row, name, shape), dtype=dtype)


def parameters(net: nn.Module, name: str) -> list[nn.Parameter]:
    """Our parameters for a variable of the authors' program: in a supernet one for each source."""
    if isinstance(net, MacroSupernet):
        return [parameter(net, name)]
    if isinstance(net, MacroChild):
        return [_of_macro_child(net, *name.split("/")[1:])]
    part, *rest = name.split("/")[1:]
    if part == "stem_conv":
        return [_norm(net.stem[1], rest) if rest[0] == "bn" else net.stem[0].weight]
    if part == "fc":
        return [net.classifier.weight]
    if part == "aux_head":
        first = {"proj": 2, "avg_pool": 5, "fc": 10}[rest[0]]
        module = net.auxiliary[first + ("bn" in rest)]
        return [_norm(module, rest) if "bn" in rest else module.weight]
    cell = net.cells[int(part.removeprefix("layer_"))]
    if isinstance(net, MicroChild):
        return [_of_child_cell(cell, rest)]
    if rest[0].startswith("cell_"):
        return [_of_sep_conv(module, rest) for module in _bank(cell, rest)]
    if rest[0] == "final_conv":
        return [_norm(cell.output.norm, rest) if "bn" in rest else cell.output.slices]
    if rest[0] == "calibrate":
        module = {"pool_x": cell.fit_before, "pool_y": cell.fit_last}[rest[1]]
        if len(module) == 3:
            return [_norm(module[2], rest) if "bn" in rest else module[1].weight]
        return [_of_reduction(module[1], rest[2:])]
    return [_of_reduction(cell.reduce_last, rest)]


def _of_macro_child(net: MacroChild, part: str, *rest: str) -> nn.Parameter:
    if part == "stem_conv":
        return _norm(net.stem[1], rest) if rest[0] == "bn" else net.stem[0].weight
    if part == "fc":
        return net.classifier.weight
    layer, norm = int(part.removeprefix("layer_")), "bn" in rest
    if rest[0] == "skip":
        module = net.merges[layer - 1][int(norm)]
    elif rest[0].startswith("conv_"):
        module = net.branches[layer][(1 if rest[0] == "conv_1x1" else 4) + norm]
    else:
        stage = net.architecture.space.pool_after().index(layer)
        module = net.reductions[stage][int(rest[1].removeprefix("from_"))]
        return _of_reduction(module, list(rest[2:]))
    return _norm(module, list(rest)) if norm else module.weight


def _of_child_cell(cell: ChildCell, path: list[str]) -> nn.Parameter:
    norm = "bn" in path
    if path[0] in ("layer_base", "calibrate"):
        named = path[1] if path[0] == "calibrate" else ""
        module = {"": cell.base, "pool_x": cell.fit_before, "pool_y": cell.fit_last}[named]
        if len(module) == 3:
            return _norm(module[2], path) if norm else module[1].weight
        return _of_reduction(module[1], path[2:])
    node, side = int(path[0].removeprefix("cell_")), ("x_conv", "y_conv").index(path[1])
    module = cell.weighted[f"{node}_{side}"]
    if not path[2].startswith("sep_conv_"):
        return _of_reduction(module, path[2:])
    depthwise, pointwise, after = module.stack[int(path[2].removeprefix("sep_conv_"))]
    if norm:
        return _norm(after, path)
    return {"w_depth": depthwise, "w_point": pointwise}[path[3]].weight


def _bank(cell: Cell, path: list[str]) -> nn.ModuleList:
    node, side, conv = path[:3]
    size = conv.removeprefix("conv_")
    return cell.bank[int(node.removeprefix("cell_"))][("x", "y").index(side)][f"sep{size}"]


def _of_sep_conv(module: SepConv, path: list[str]) -> nn.Parameter:
    depthwise, pointwise, norm = module.stack[int(path[3].removeprefix("stack_"))]
    if path[4] == "bn":
        return _norm(norm, path)
    return {"w_depth": depthwise, "w_point": pointwise}[path[4]].weight


def _of_reduction(module: nn.Module, path: list[str]) -> nn.Parameter:
    if path[0] == "bn":
        return _norm(module.norm, path)
    return {"path1_conv": module.even, "path2_conv": module.odd}[path[0]].weight


def parameter(net: MacroSupernet, name: str) -> nn.Parameter:
    """Our parameter for a variable of the authors' program."""
    part, *rest = name.split("/")[1:]
    if part == "stem_conv":
        return _norm(net.stem[1], rest) if rest[0] == "bn" else net.stem[0].weight
    if part == "fc":
        return net.classifier.weight
    layer = int(part.removeprefix("layer_"))
    if rest[0].startswith("branch_"):
        branch = net.banks[layer][int(rest[0].removeprefix("branch_"))]
        first = rest[1] in ("inp_conv_1", "conv_1")
        if rest[2] == "bn":
            norms = [m for m in branch if isinstance(m, nn.BatchNorm2d)]
            return _norm(norms[0 if first else 1], rest[2:])
        convs = [m for m in branch if isinstance(m, nn.Conv2d)]
        return convs[0 if first else -1 if rest[2] == "w_point" else 1].weight
    if rest[0] == "skip":
        return _norm(net.merges[layer - 1].norm, rest[1:])
    reduction = net.reductions[str(layer)][int(rest[1].removeprefix("from_"))]
    if rest[2] == "bn":
        return _norm(reduction.norm, rest[2:])
    return {"path1_conv": reduction.even, "path2_conv": reduction.odd}[rest[2]].weight


def _norm(module: nn.BatchNorm2d, path: list[str]) -> nn.Parameter:
    return {"scale": module.weight, "offset": module.bias}[path[-1]]


def _layout(values: np.ndarray, name: str, shape: torch.Size) -> np.ndarray:
    """From the layout of the authors' program to PyTorch's (out, in, height, width)."""
    if "/cell_" in name and name.endswith("w_depth"):
        values = values.reshape(*shape[2:], shape[0], 1).transpose(2, 3, 0, 1)
    elif "/cell_" in name and name.endswith("w_point"):
        values = values.reshape(shape[1], shape[0]).T.reshape(tuple(shape))
    elif name.endswith("final_conv/w"):
        values = values.reshape(shape[0], shape[2], shape[1]).transpose(0, 2, 1)
    elif name.endswith("w_point"):
        values = values.reshape(tuple(shape))  # kept as (out, in) there, too
    else:
        return _plain_layout(values, name, shape)
    return np.ascontiguousarray(values)


def _plain_layout(values: np.ndarray, name: str, shape: torch.Size) -> np.ndarray:
    """The same where a variable holds one kernel: height, width, in, out."""
    if name.endswith("w_depth"):
        values = values.transpose(2, 3, 0, 1)
    elif name.endswith("fc/w"):
        values = values.T
    elif values.ndim == 4:
        values = values.transpose(3, 2, 0, 1)
    elif values.ndim == 2:  # a macro supernet's pointwise kernel, (out, in) there, too
        values = values.reshape(tuple(shape))
    return np.ascontiguousarray(values)
