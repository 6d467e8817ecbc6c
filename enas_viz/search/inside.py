"""What is inside a network of a trained supernet: its feature maps, while it classifies ten images.

`look_inside` opens one architecture; what comes back is a recording of it as it is, and can be
asked what any change makes: an arc cut, another operation. `recorded` asks for every single one.

Batch norm works as in a reward, so a network that normalises by its batch sees the ten images
among the others of one validation minibatch, always the same.

Not here: what a recording holds and how it is kept (`enas_viz/records/inside.py`), showing it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from enas_viz.records.inside import (
    CHANNEL_RULE,
    IMAGE_RULE,
    LEVELS,
    MOST_IMAGES,
    SCALE_RULE,
    SHOWN,
    Inside,
    Seen,
    Shown,
    Window,
    drawn,
    rewired,
)
from enas_viz.search.asked import of_kind, whole
from enas_viz.search.candidates import derive
from enas_viz.search.enas import Enas
from enas_viz.search.nets.kinds import Supernet
from enas_viz.search.nets.micro.cells import INPUTS
from enas_viz.search.nets.micro.supernet import Cell
from enas_viz.search.nets.ops import Padding
from enas_viz.search.runs import terms
from enas_viz.search.training import draws
from enas_viz.search.training.sizes import reward_images
from enas_viz.search.training.step import autocast, evaluating, refit_batch_norm
from enas_viz.spaces import Architecture
from enas_viz.spaces.operations import Operation

Cut = frozenset[tuple[int, int]]  # (node, side) of inputs that add nothing


class LookInside:
    """One architecture of a trained supernet, opened. `inside` is the network as it is.

    Calling it with changes, as `inside.changes` lists them, gives what they alter, a `Seen`; any
    number of changes at once, one cut and one operation for each place.
    """

    def __init__(self, search: Enas, opened: _Opened, levels: int) -> None:
        self.search, self._opened, self._levels = search, opened, levels
        self.architecture = architecture = opened.architecture
        self._batch = batch = _Batch(search)
        data, merge = search.data, opened.merge
        self._wanted = drawn(architecture, merge, opened.kind, opened.fitted)
        self._watch = _Watch(search, batch, opened)
        probabilities, tensors, sources = self._watch.look(architecture, frozenset())
        self._ten = _close_calls(probabilities, batch.labels)
        self._first = {key: tensors[key][self._ten].cpu() for key in self._wanted}
        shown = {key: _shown(one) for key, one in self._first.items()}
        if merge == "add":
            _align(shown, self._first)
        self._shown = shown
        numbers = batch.index[self._ten]
        pixels = data.valid.images[numbers.to(search.device)]
        self.inside = Inside(
            architecture,
            data.classes,
            pixels.shape[-1],
            pixels.shape[1],
            pixels.contiguous().cpu().numpy().tobytes(),
            tuple(batch.labels[self._ten].tolist()),
            shown,
            self._seen(probabilities, tensors, sources, self._wanted),
            {},
            merge,
            opened.kinds,
            opened.position,
            opened.loose,
            opened.fitted,
            opened.inputs,
            levels,
            self._about(),
        )

    def __call__(self, changes: Iterable[str]) -> Seen:
        """What these changes alter. Raises ValueError for what is no change of this network."""
        architecture, cut = rewired(self.architecture, changes, self._opened.kind)
        found = self._watch.look(architecture, cut)
        probabilities, tensors, sources = found
        wanted = [key for key in self._wanted if key in tensors]
        seen, base = self._seen(probabilities, tensors, sources, wanted), self.inside.base
        return replace(
            seen,
            maps={k: v for k, v in seen.maps.items() if v != base.maps[k]},
            windows={k: w for k, w in seen.windows.items() if w != base.windows.get(k)},
        )

    def recorded(self) -> Inside:
        """The network as it is and after every single change."""
        return replace(self.inside, variants={c: self([c]) for c in self.inside.changes})

    # ---- its parts

    def _seen(
        self,
        probabilities: Tensor,
        tensors: dict[str, Tensor],
        sources: dict[str, _Slid],
        wanted: Iterable[str],
    ) -> Seen:
        rows = probabilities[self._ten].double().tolist()
        maps = {
            key: _bytes(tensors[key][self._ten].cpu(), self._shown[key], self._levels)
            for key in wanted
            if key in tensors
        }
        windows = {place: self._window(place, slid) for place, slid in sources.items()}
        return Seen(tuple(tuple(round(p, 5) for p in row) for row in rows), maps, windows)

    def _window(self, place: str, slid: _Slid) -> Window:
        """One channel of what an operation slides over, and its filter."""
        key = f"o{place}" if f"o{place}" in self._shown else f"t{place}"
        output = self._shown[f"x{place}" if "." in place else key].channels[0]
        channel, weights = slid.choose(output)
        x = slid.source[self._ten, channel].cpu()
        low, high = (_short(float(v)) for v in (x.min(), x.max()))
        pad = Padding.same(x[None], slid.size, slid.stride)
        shown = Shown(x.shape[-1], slid.source.shape[1], (channel,), (low,), (high,))
        return Window(
            slid.kind,
            slid.size,
            slid.stride,
            pad.left,
            tuple(_short(w) for w in weights),
            channel,
            output,
            slid.source.shape[1],
            x.shape[-1],
            low,
            high,
            _bytes(slid.source[self._ten].cpu(), shown, self._levels),
        )

    def _about(self) -> dict[str, Any]:
        search = self.search
        header, bn = search.header, search.recipe.fidelity.reward_bn
        how = {
            "batch": "by the batch: the ten images are classified among the others of a validation "
            "minibatch, and what is said of one depends on them",
            "moving": "by moving averages",
            "refit": "by averages refitted to each network on training images",
        }
        return {
            "recipe": header.recipe,
            "fidelity": header.fidelity,
            "seed": search.seed,
            "epochs": search.at.epoch,
            "dataset": {k: v for k, v in header.dataset.items() if k != "classes"},
            "device": header.device,
            "versions": header.versions,
            "batch_norm": bn,
            "normalised": how[bn],
            "minibatch": self._batch.index.tolist() if bn == "batch" else None,
            "images": self._batch.index[self._ten].tolist(),
            "picked": IMAGE_RULE,
            "channels": CHANNEL_RULE,
            "scale": SCALE_RULE,
        }


def look_inside(
    search: Enas,
    architecture: Architecture | None = None,
    *,
    cell: int | None = None,
    levels: int = LEVELS,
) -> LookInside:
    """A network of a trained supernet, opened: its feature maps on ten images of one minibatch.

    search: restored or under way; its shared weights are not changed. architecture: by default the
    most accurate of ten that the controller samples. cell: of a micro network which cell, counted
    from 1; by default the last normal cell after the first reduction, or else the last normal one.
    levels: to how many steps, less one, a value is rounded; fewer make a smaller recording.
    The images are, of each class in a validation minibatch drawn by the search's seed, the one
    whose verdict is the closest call: where the probability of the right class and the highest
    other one differ least. With fewer than ten classes, the next ones until there are ten.
    Raises ValueError for an architecture of another space, a cell that is not there, a search
    whose skips are the input of a layer (`fidelity.skip_merge_search` "input"), and a strided
    reduction cell whose loose ends hold one of its inputs.
    """
    of_kind(search, Enas, "a search, such as search.restore(folder) gives")
    net, space = search.net, search.recipe.space
    if getattr(net, "merge", "") == "input":
        raise ValueError(
            "skips are shown where they join a layer's result, by addition or concatenation; in "
            "this search they are the layer's input (fidelity.skip_merge_search is 'input')"
        )
    if architecture is None:
        architecture = derive(search, 10)[0].architecture
    (architecture,) = terms.architectures_of([architecture], space)
    opened = OPENED[space.kind](net, architecture, cell)
    return LookInside(search, opened, whole(levels, "levels", 1, LEVELS))


def _default_cell(net: Supernet) -> int:
    kinds = [net.space.cells[cell.cell] for cell in net.cells]
    halved = [k for k, cell in enumerate(net.cells) if cell.leaves[1][1] == 1]
    within = [k for k in halved if kinds[k] == "normal"]
    return within[-1] if within else len(kinds) - 1 - kinds[::-1].index("normal")


# ---------------------------------------------------------------- the images


class _Batch:
    """A validation minibatch as a reward is measured on. index: (N,) numbers of its images."""

    def __init__(self, search: Enas) -> None:
        count = reward_images(search.recipe, search.data)
        rng = draws.generator(search.seed, "reward", search.at.epoch, 0, 0)
        index = rng.choice(len(search.data.valid), count, replace=False, shuffle=False)
        self.index = torch.from_numpy(index)
        images, labels = search.data.valid.take(draws.put(index, search.device))
        self.images, self.labels = search.data.normalise(images), labels.cpu()


def _close_calls(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Which images are shown: of each class those whose verdict is the closest call."""
    rows = torch.arange(len(labels))
    right = probabilities[rows, labels]
    others = probabilities.clone()
    others[rows, labels] = -1
    margins = (right - others.amax(1)).abs()
    seen: dict[int, int] = {}
    order = []  # (how many of its class are closer, class, place)
    for place in margins.argsort(stable=True).tolist():
        label = int(labels[place])
        order.append((seen.get(label, 0), label, place))
        seen[label] = seen.get(label, 0) + 1
    chosen = sorted(order)[:MOST_IMAGES]
    return torch.tensor([place for _, _, place in sorted(chosen, key=lambda one: one[1:])])


# ---------------------------------------------------------------- bytes


def _short(value: float) -> float:
    """With as many digits as a recording keeps, so that it means the same before and after."""
    return float(f"{value:.6g}")


def _shown(maps: Tensor) -> Shown:
    """The channels of largest variance of (images, C, H, W), and their limits."""
    flat = maps.double().transpose(0, 1).flatten(1)  # (C, images * H * W)
    most = flat.var(1, unbiased=False).argsort(descending=True, stable=True)[:SHOWN]
    return _limits(maps, tuple(sorted(most.tolist())))


def _limits(maps: Tensor, channels: tuple[int, ...]) -> Shown:
    chosen = maps[:, list(channels)].transpose(0, 1).flatten(1)
    low = tuple(_short(v) for v in chosen.amin(1).tolist())
    high = tuple(_short(v) for v in chosen.amax(1).tolist())
    return Shown(maps.shape[-1], maps.shape[1], channels, low, high)


def _align(shown: dict[str, Shown], maps: dict[str, Tensor]) -> None:
    """What is added is shown at the channels of the sum, since channel is added to channel."""
    for key in shown:
        if key[0] == "x":
            total = f"n{key[1:].partition('.')[0]}"
        elif key[0] in "so" and key != "out":
            total = f"t{key[1:].partition('-')[0]}"
        else:
            continue
        shown[key] = _limits(maps[key], shown[total].channels)


def _bytes(maps: Tensor, shown: Shown, levels: int) -> bytes:
    """(images, channels, side, side) bytes, each channel from its low to its high."""
    chosen = maps[:, list(shown.channels)].double()
    low = torch.tensor(shown.low, dtype=torch.float64)[:, None, None]
    high = torch.tensor(shown.high, dtype=torch.float64)[:, None, None]
    share = (chosen - low) / (high - low).clamp(min=1e-12)
    return (share.clamp(0, 1) * levels).round().to(torch.uint8).contiguous().numpy().tobytes()


# ---------------------------------------------------------------- watching a network


class _Slid:
    """What an operation slides over: its input (N, C, H, W), and the weights that it has there."""

    def __init__(
        self, kind: str, size: int, source: Tensor, stride: int = 1, *convs: nn.Module
    ) -> None:
        self.kind, self.size, self.source, self.stride = kind, size, source, stride
        self.convs = [conv.weight.detach().cpu() for conv in convs]

    def choose(self, output: int) -> tuple[int, list[float]]:
        """(channel of the input, its filter) that counts most in channel `output` of the result.

        By the size of the weights on the way to it, times how far the channel's values spread: a
        filter's own for one that reads all channels, else those of the 1x1 convolution after it.
        """
        if not self.convs:
            return output, []
        spread = self.source.transpose(0, 1).flatten(1).std(1).cpu()
        if self.kind == "conv":
            of_output = self.convs[0][output]  # (C, f, f)
            channel = int((of_output.abs().sum((1, 2)) * spread).argmax())
            return channel, of_output[channel].flatten().tolist()
        depthwise, pointwise = self.convs
        reach = pointwise[output, :, 0, 0].abs() * depthwise[:, 0].abs().sum((1, 2))
        channel = int((reach * spread).argmax())
        return channel, depthwise[channel, 0].flatten().tolist()


Look = tuple[Tensor, dict[str, Tensor], dict[str, _Slid]]


class _Opened(Protocol):
    """What of a supernet is watched, and what a recording says of it (see `Inside`)."""

    architecture: Architecture
    merge: str
    kinds: tuple[str, ...]
    kind: str
    position: int
    loose: tuple[int, ...]
    fitted: tuple[bool, bool]
    inputs: tuple[str, ...]

    def watch(
        self,
        stack: contextlib.ExitStack,
        architecture: Architecture,
        tensors: dict[str, Tensor],
        slid: dict[str, _Slid],
        cut: Cut,
    ) -> None:
        """Until `stack` is left, a forward pass fills `tensors` and `slid`; see `_Watch.look`."""


class _Watch:
    """Runs a minibatch through the supernet, and keeps what flows through it."""

    def __init__(self, search: Enas, batch: _Batch, opened: _Opened) -> None:
        self.search, self.batch, self.opened = search, batch, opened

    @torch.no_grad()
    def look(self, architecture: Architecture, cut: Cut) -> Look:
        """(probabilities of the minibatch, tensors by name, what operations slide over)."""
        search, net = self.search, self.search.net
        tensors: dict[str, Tensor] = {}
        slid: dict[str, _Slid] = {}
        kept = {name: buffer.clone() for name, buffer in net.named_buffers()}
        with evaluating(net):
            if search.recipe.fidelity.reward_bn == "refit":
                refit_batch_norm(net, architecture, search.judge.refit_batches())
                net.eval()
            with contextlib.ExitStack() as stack:
                self.opened.watch(stack, architecture, tensors, slid, cut)
                stack.enter_context(autocast(search.device, search.recipe.compute))
                logits = net(self.batch.images, architecture)
        for name, buffer in net.named_buffers():
            buffer.copy_(kept[name])
        return logits.float().softmax(1).cpu(), tensors, slid


class _Layers:
    """All layers of a macro supernet."""

    kinds: tuple[str, ...] = ()
    kind, position = "", 0
    loose: tuple[int, ...] = ()
    fitted = (False, False)
    inputs: tuple[str, ...] = ()

    def __init__(self, net: Supernet, architecture: Architecture, cell: int | None) -> None:
        if cell is not None:
            raise ValueError("a macro network has no cells; leave out cell=")
        self.net, self.architecture, self.merge = net, architecture, net.merge

    def watch(
        self,
        stack: contextlib.ExitStack,
        architecture: Architecture,
        tensors: dict[str, Tensor],
        slid: dict[str, _Slid],
        cut: Cut,
    ) -> None:
        net, space = self.net, architecture.space

        def keep(module: nn.Module, *names: str) -> None:
            def hook(_module: nn.Module, _given: Any, made: Tensor) -> None:
                tensors.update(dict.fromkeys(names, made.detach().float().clone()))

            stack.callback(module.register_forward_hook(hook).remove)

        pools = space.pool_after()
        keep(net.stem, "t0")
        for h, p in enumerate(pools, start=1):
            for t, module in enumerate(net.reductions[str(p)]):
                halved = h - sum(q < t - 1 for q in pools)  # a tensor made before so many pools
                keep(module, f"t{t}/{halved}")
        for k, layer in enumerate(architecture.content):
            branch = net.branch(k, layer[0])
            keep(branch, f"o{k + 1}" if k else "t1")
            _watch_window(stack, branch, space.ops[layer[0]], slid, str(k + 1))
            if not k:
                continue
            keep(net.merges[k - 1], f"t{k + 1}")
            if net.merge == "add":
                shift = 1 if space.wiring == "layer" else 0
                _watch_skips(stack, net.merges[k - 1], tensors, k, shift)


class _OpenCell:
    """One cell of a micro supernet, and with it what every change alters in cells of its kind."""

    merge = "add"

    def __init__(self, net: Supernet, architecture: Architecture, cell: int | None) -> None:
        default = _default_cell(net)
        count = len(net.cells)
        self.position = default if cell is None else whole(cell, "cell", 1, count) - 1
        self.net, self.architecture, self.cell = net, architecture, net.cells[self.position]
        self.kinds = tuple(net.space.cells[c.cell] for c in net.cells)
        self.kind = self.kinds[self.position]
        counts = self.cell.counts_inputs
        self.loose = net.space.loose_ends(architecture, self.kind, inputs=counts)
        if self.cell.loose_inputs is not None and self.loose[0] < INPUTS:
            raise ValueError(
                f"cell {self.position + 1} joins an input that no node reads after halving it once "
                f"more, which is not drawn; open a normal cell (cell={default + 1})"
            )
        self.fitted = (self.cell.fit_before is not None, self.cell.fit_last is not None)
        self.inputs = self._inputs()

    def _inputs(self) -> tuple[str, str]:
        """What the two inputs of the cell are, in words."""
        cell, k = self.cell, self.position
        before, last = (f"cell {n}" if n > 0 else "stem" for n in (k - 1, k))
        if k and self.net.cells[k - 1].reduce_last is not None:
            before += ", halved"  # it hands on what it reduced itself
        if cell.mode == "fr_then_cell":
            return last, f"{last}, halved"
        halved = (f"{before}, halved", f"{last}, halved")
        return halved if cell.mode == "fr_both" else (before, last)

    def watch(
        self,
        stack: contextlib.ExitStack,
        architecture: Architecture,
        tensors: dict[str, Tensor],
        slid: dict[str, _Slid],
        cut: Cut,
    ) -> None:
        net, opened = self.net, self.cell
        for position, cell in enumerate(net.cells):
            if cell.cell != opened.cell:
                continue  # a change is one of this kind of cell, wherever it stands
            watched = (tensors, slid) if position == self.position else None
            stack.enter_context(_operands(cell, cut, watched))

        def before(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
            both = (given[1], given[1]) if opened.mode == "fr_then_cell" else given[:2]
            for side, x in enumerate(both):
                tensors[f"g{side}"] = x.detach().float().clone()

        def after(_module: nn.Module, _given: Any, made: tuple[Tensor, Tensor]) -> None:
            tensors["out"] = made[1].detach().float().clone()

        stack.callback(opened.register_forward_pre_hook(before).remove)
        stack.callback(opened.register_forward_hook(after).remove)


OPENED: dict[str, Callable[[Supernet, Architecture, int | None], _Opened]] = {
    "macro": _Layers,
    "micro": _OpenCell,
}


def _watch_window(
    stack: contextlib.ExitStack,
    branch: nn.Sequential,
    op: Operation,
    slid: dict[str, _Slid],
    place: str,
) -> None:
    """Keeps what the window of a layer's operation reads: a 1x1 convolution stands before it."""
    if not op.slides:
        return
    module = branch[3]

    def hook(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
        source = given[0].detach().float().clone()
        if op.pools:
            slid[place] = _Slid(op.pools, op.window, source)
        elif module.groups == 1:
            slid[place] = _Slid("conv", module.kernel_size[0], source, 1, module)
        else:
            slid[place] = _Slid("sep", module.kernel_size[0], source, 1, module, branch[4])

    stack.callback(module.register_forward_pre_hook(hook).remove)


def _watch_skips(
    stack: contextlib.ExitStack, merge: nn.Module, tensors: dict[str, Tensor], k: int, shift: int
) -> None:
    def hook(_module: nn.Module, given: tuple[Tensor, list[tuple[int, Tensor]]]) -> None:
        for bit, x in given[1]:
            tensors[f"s{k + 1}-{bit + shift}"] = x.detach().float().clone()

    stack.callback(merge.register_forward_pre_hook(hook).remove)


@contextlib.contextmanager
def _operands(
    cell: Cell, cut: Cut, watched: tuple[dict[str, Tensor], dict[str, _Slid]] | None
) -> Iterator[None]:
    """Inside, `cell` adds nothing for a cut input, and what it computes is kept where watched."""
    run: Callable[..., Tensor] = cell._run
    inner: list[list[Tensor]] = []  # the cell's own list of its tensors, which grows node by node

    def kept(
        node: int, side: int, op: int, source: int, tensors: list[Tensor], memo: Any
    ) -> Tensor:
        made = run(node, side, op, source, tensors, memo)
        number = node + INPUTS
        if watched is not None:
            found, slid = watched
            if (number, side) not in cut:
                found[f"x{number}.{side}"] = made.detach().float().clone()
            stride = cell.stride if source < INPUTS else 1
            one = _slid(cell, node, side, cell.space.ops[op], source, tensors[source], stride)
            if one is not None:
                slid[f"{number}.{side}"] = one
            inner.append(tensors)
        return torch.zeros_like(made) if (number, side) in cut else made

    cell._run = kept
    try:
        yield
    finally:
        del cell._run  # the class's own again
        if watched is not None and inner:
            for t, x in enumerate(inner[-1]):
                watched[0][f"n{t}"] = x.detach().float().clone()


def _slid(
    cell: Cell, node: int, side: int, op: Operation, source: int, x: Tensor, stride: int
) -> _Slid | None:
    """What an operation of a cell slides over; None for one that passes its input on."""
    if not op.slides:
        return None
    if op.pools:
        return _Slid(op.pools, op.window, x.detach().float().clone(), stride)
    module = cell.bank[node][side][op][source]
    rectified = x.detach().float().clamp(min=0)
    if op.family == "conv":
        return _Slid("conv", op.window, rectified, stride, module[0])
    depthwise, pointwise = module.stack[0][:2]
    return _Slid("sep", depthwise.kernel_size[0], rectified, stride, depthwise, pointwise)
