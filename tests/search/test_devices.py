"""What a device may lack: nothing that a run keeps there has double precision (Apple's MPS has
none), and what a network hands out can be saved by others."""

import random

import pytest
import torch
from safetensors.torch import load, save
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from enas_viz import search
from enas_viz.recipes import change, recipe
from enas_viz.search.candidates import compare_shared, derive, train_alone
from enas_viz.search.runs.build import build
from enas_viz.spaces import MacroSpace, MicroSpace

SMALL = {"train__epochs": 1, "train__batch_size": 200, "network__filters": 4}
SEARCH = {**SMALL, "controller__updates": 1, "controller__samples": 2, "controller__hidden": 8}
MACRO = recipe("macro-tiny", network__layers=3, **SEARCH)
MICRO = recipe("micro-tiny", network__nodes=2, **SEARCH)
MACRO_ARCH = MacroSpace(3).sample(random.Random(1))
MICRO_ARCH = MicroSpace(2).sample(random.Random(1))
MACRO_FINAL = recipe("macro-final-tiny", network__layers=3, **SMALL)
MICRO_FINAL = recipe("micro-final-tiny", network__nodes=2, **SMALL)


class NoDoublePrecision(TorchFunctionMode):
    """A CPU that plays a device without float64, save for tensors that `.cpu()` gave."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = WeakTensorKeyDictionary()  # tensors on the host, and what came of them

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if func is torch.Tensor.cpu:
            made = made.clone()  # `.cpu()` of a tensor on the CPU is the tensor itself
        elif any(t not in self.moved for t in given) or not given:
            for tensor in tree_leaves(made):
                if isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64:
                    raise TypeError(f"{func} makes float64 on a device that has none")
            return made
        self.moved.update({t: 1 for t in tree_leaves(made) if isinstance(t, torch.Tensor)})
        return made


@pytest.mark.parametrize(
    ("made", "arch"),
    [
        *((MACRO, None), (change(MACRO, fidelity="released", train__accumulate=2), None)),
        *((MICRO, None), (change(MICRO, fidelity__reward_batch="shared"), None)),
        *((MACRO_FINAL, MACRO_ARCH), (change(MICRO_FINAL, fidelity="released"), MICRO_ARCH)),
    ],
)
def test_a_run_needs_no_double_precision_on_its_device(made, arch):
    running = build(made, 0, "cpu", None, architecture=arch)

    with NoDoublePrecision():
        records = list(running.records())

    assert records[-1].n > 0


def test_what_follows_a_search_needs_no_double_precision_on_its_device():
    running = build(MACRO, 0, "cpu", None)

    with NoDoublePrecision():
        found = derive(running, 3)
        compare_shared(running, 2)
        train_alone(found[0].architecture, MACRO, running.data, epochs=1)

    assert len(found) == 3


def test_double_precision_is_refused_where_a_device_has_none():
    with pytest.raises(TypeError, match="float64 on a device"), NoDoublePrecision():
        torch.zeros(3).double()
    with NoDoublePrecision():
        assert torch.zeros(3).cpu().double().mean() == 0


@pytest.mark.parametrize(
    "net",
    [
        search.make_supernet(MACRO, 1, 10, 0),
        search.make_supernet(MICRO, 1, 10, 0),
        search.make_supernet(change(MACRO, fidelity__skip_merge_search="concat"), 3, 10, 0),
        search.make_child(MACRO_FINAL, MACRO_ARCH, 1, 10, 0),
        search.make_child(MICRO_FINAL, MICRO_ARCH, 3, 10, 0),
        search.make_controller(MACRO.space),
    ],
    ids=lambda net: type(net).__name__,
)
def test_safetensors_saves_a_network_and_reads_it_back(net):
    kept = load(save(net.state_dict()))

    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    formats = {name: weight.stride() for name, weight in net.named_parameters()}
    net.load_state_dict(kept)
    assert {name: weight.stride() for name, weight in net.named_parameters()} == formats
    named = dict(net.named_parameters())
    assert all(w is named[k] for k, w in net.state_dict(keep_vars=True).items() if k in named)
