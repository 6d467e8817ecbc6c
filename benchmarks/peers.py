"""Public ENAS implementations to compare with, loaded from folders outside this repository.

None of their code is here. `folder` holds checkouts that the user fetched:

    tdv/   github.com/TDeVries/enas_pytorch, commit a3e54b2
    nni/   github.com/microsoft/nni, tag v2.4 (its folders `nni` and `examples`)
    mtj/   github.com/MengTianjian/enas-pytorch, commit 8dfeea8; the one of micro

Patches, all made while loading: TDeVries' and MengTianjian's `.cuda()` calls leave tensors on the
CPU; NNI's package is entered past its `__init__` files, which start its experiment manager; and
TDeVries and NNI add skips in place (`out += ...`) to what a ReLU still needs for its gradient,
which today's PyTorch refuses, so that line adds out of place. Each peer is run with its own modules
and its own training step; only the architecture is handed in from outside.

Where MengTianjian's search differs from ours at the same sizes and with the same operations, two
stacked separable convolutions included: it trains without an auxiliary head, unless told otherwise,
and then gives the head no loss, so ours without one stands beside it; plain momentum; average
pooling counts the padding as zeros; dropout of whole channels before the classifier, in rewards,
too. A controller update of its own takes one sample; here it averages as many as ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from cases import Case
from torch import Tensor, nn

from enas_viz.spaces import Architecture

CLIP = 5.0  # the macro peers clip the norm of the gradient


@dataclass(frozen=True)
class Peer:
    """One implementation: its supernet wired as an architecture, and its controller.

    optimiser: of the supernet. wire(architecture) makes it the next to run. forward(images) gives
    logits. sample() draws one architecture. update(rewards) is one controller update on as many
    samples as rewards. clip: largest norm of a supernet's gradient.
    """

    name: str
    net: nn.Module
    optimiser: torch.optim.Optimizer
    wire: Callable[[Architecture], None]
    forward: Callable[[Tensor], Tensor]
    sample: Callable[[], None]
    update: Callable[[Tensor], None]
    clip: float | None = CLIP

    def train_step(self, images: Tensor, labels: Tensor) -> None:
        """As all of them train shared weights: one minibatch, clipped if so, read back."""
        self.net.train()
        self.optimiser.zero_grad()
        loss = F.cross_entropy(self.forward(images), labels)
        loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.optimiser.step()
        loss.item()

    @torch.no_grad()
    def reward(self, images: Tensor, labels: Tensor) -> float:
        self.net.eval()
        return (self.forward(images).argmax(1) == labels).float().mean().item()


def found(folder: Path, case: Case) -> list[Peer]:
    """The peers of the case's search that are in `folder`, at its sizes."""
    makers = {"macro": {"tdv": tdevries, "nni": nni}, "micro": {"mtj": meng_tianjian}}[case.name]
    network = case.recipe.network
    return [
        make(folder / name, network.layers, network.filters)
        for name, make in makers.items()
        if (folder / name).is_dir()
    ]


def tdevries(folder: Path, layers: int, filters: int) -> Peer:
    with _on_path(folder), _no_cuda():
        shared_cnn = _patched("models.shared_cnn", "out += prev_layers[i]")
        controllers = importlib.import_module("models.controller")
    net = shared_cnn.SharedCNN(num_layers=layers, num_branches=6, out_filters=filters)
    controller = controllers.Controller(
        num_layers=layers, num_branches=6, out_filters=filters, lstm_size=64, lstm_num_layers=1
    )
    adam = torch.optim.Adam(controller.parameters(), lr=1e-3, betas=(0.0, 0.999), eps=1e-3)
    state = {}

    def wire(architecture: Architecture) -> None:
        state["arc"] = {
            str(k): [torch.tensor([row[0]]), torch.tensor(row[1:])][: 1 + (k > 0)]
            for k, row in enumerate(architecture.content)
        }

    def sample() -> None:
        with torch.no_grad(), _no_cuda():
            controller()

    def update(rewards: Tensor) -> None:
        controller.zero_grad()
        for reward in rewards:
            with _no_cuda():
                controller()
            loss = -controller.sample_log_prob * reward + 0.8 * controller.skip_penaltys
            (loss / len(rewards)).backward(retain_graph=True)
        nn.utils.clip_grad_norm_(controller.parameters(), CLIP)
        adam.step()

    def forward(images: Tensor) -> Tensor:
        return net(images, state["arc"])

    return Peer("TDeVries/enas_pytorch", net, _nesterov(net), wire, forward, sample, update)


def nni(folder: Path, layers: int, filters: int) -> Peer:
    for name in (
        *("nni", "nni.nas", "nni.nas.pytorch", "nni.algorithms", "nni.algorithms.nas"),
        *("nni.algorithms.nas.pytorch", "nni.algorithms.nas.pytorch.enas"),
    ):
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")))]
        sys.modules[name] = package
    mutator_module = importlib.import_module("nni.algorithms.nas.pytorch.enas.mutator")
    with _on_path(folder / "examples" / "nas" / "oneshot" / "enas"):
        net = _patched("macro", "out += connection").GeneralNetwork(layers, filters)
    mutator = mutator_module.EnasMutator(net)
    # Its Adam keeps to the published settings here, so that the work of an update is alike.
    adam = torch.optim.Adam(mutator.parameters(), lr=3.5e-4)
    ops = [layer.mutable.key for layer in net.layers]
    skips = [layer.skipconnect.key if layer.skipconnect else None for layer in net.layers]

    def wire(architecture: Architecture) -> None:
        choices = {}
        for key, skip, row in zip(ops, skips, architecture.content, strict=True):
            choices[key] = F.one_hot(torch.tensor(row[0]), 6).bool()
            if skip:
                choices[skip] = torch.tensor(row[1:]).bool()
        mutator._cache = choices

    def sample() -> None:
        with torch.no_grad():
            mutator.reset()

    def update(rewards: Tensor) -> None:
        adam.zero_grad()
        for reward in rewards:
            mutator.reset()
            loss = mutator.sample_log_prob * reward + 0.8 * mutator.sample_skip_penalty
            (loss / len(rewards)).backward()
        nn.utils.clip_grad_norm_(mutator.parameters(), CLIP)
        adam.step()

    return Peer("NNI 2.4", net, _nesterov(net), wire, net, sample, update)


def meng_tianjian(folder: Path, layers: int, filters: int) -> Peer:
    with _on_path(folder), _no_cuda():
        micro_child = importlib.import_module("micro_child")
        micro_controller = importlib.import_module("micro_controller")
        args = types.SimpleNamespace(  # the defaults of its train_search.py
            child_num_layers=layers,
            child_out_filters=filters,
            child_num_branches=5,
            child_num_cells=5,
            child_use_aux_heads=False,
            lstm_size=64,
            lstm_num_layers=1,
            lstm_keep_prob=0,
            temperature=5.0,
            controller_tanh_constant=1.1,
            controller_op_tanh_reduce=2.5,
        )
        net, controller = micro_child.CNN(args), micro_controller.Controller(args)
    sgd = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)
    adam = torch.optim.Adam(controller.parameters(), 3.5e-3, betas=(0.1, 0.999), eps=1e-3)
    state = {}

    def wire(architecture: Architecture) -> None:
        state["dag"] = torch.tensor(architecture.flat).chunk(2)

    def forward(images: Tensor) -> Tensor:
        return net(images, state["dag"])[0]

    def sample() -> None:
        with torch.no_grad(), _no_cuda():
            controller()

    def update(rewards: Tensor) -> None:
        adam.zero_grad()
        for reward in rewards:
            with _no_cuda():
                _, log_probability, _ = controller()
            (-log_probability * reward / len(rewards)).backward()
        adam.step()

    name = "MengTianjian/enas-pytorch"
    return Peer(name, net, sgd, wire, forward, sample, update, clip=None)


def _nesterov(net: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(net.parameters(), 0.05, 0.9, nesterov=True, weight_decay=5e-4)


def _patched(name: str, line: str) -> types.ModuleType:
    """A module in which the one `line`, an addition in place, adds out of place."""
    spec = importlib.util.find_spec(name)
    source = Path(spec.origin).read_text()
    target, term = line.split(" += ")
    assert source.count(line) == 1, f"{spec.origin} is another version: it has no {line!r}"
    module = importlib.util.module_from_spec(spec)
    exec(
        compile(source.replace(line, f"{target} = {target} + {term}"), spec.origin, "exec"),
        module.__dict__,
    )
    return module


@contextmanager
def _on_path(folder: Path):
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _no_cuda():
    was = torch.Tensor.cuda
    torch.Tensor.cuda = lambda self, *args, **kwargs: self
    try:
        yield
    finally:
        torch.Tensor.cuda = was
