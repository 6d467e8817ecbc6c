"""The macro supernet: one bank of shared weights, in which every architecture is a path.

`forward(images, architecture)` computes the sampled path only. Nothing is stacked, masked or
zeroed: an operation that was not sampled costs nothing and gets no gradient.

Not here: what to train it on (`enas.py`), networks with weights of their own (`child.py`).
Source: authors' `general_child.py`; sizes as in `cifar10_macro_search.sh`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from enas_viz.recipes import Fidelity, checked_fidelity
from enas_viz.search.asked import check_sizes, of_kind
from enas_viz.search.nets.ops import (
    FactorizedReduction,
    InputMerge,
    Merge,
    Stem,
    classifier,
    initialise,
    macro_branch,
)
from enas_viz.search.training import draws
from enas_viz.spaces import Architecture, MacroSpace

# What a path has computed so far: for every tensor its versions, by number of halvings.
Trail = list[dict[int, Tensor]]


class MacroSupernet(nn.Module):
    """Stem, L layers with one bank of operations each, reductions, classifier.

    Tensor 0 is the stem's output, tensor j+1 the output of layer j. After the layers named by
    `space.pool_after()` a stored tensor is read through a factorized reduction of its own, which
    is computed when a later layer first asks for it. 697 860 trainable parameters at 12 layers and
    36 filters. `fidelity.skip_merge_search`: where skips join (see `ops.Merge`, `ops.InputMerge`).
    """

    def __init__(
        self,
        space: MacroSpace,
        filters: int,
        image_channels: int = 3,
        classes: int = 10,
        fidelity: Fidelity | None = None,
        seed: int = 0,
        stream: str = "weights",
    ) -> None:
        super().__init__()
        of_kind(space, MacroSpace, "a MacroSpace")
        check_sizes(fidelity, filters=filters, image_channels=image_channels, classes=classes)
        self.space = space
        self.fidelity = checked_fidelity(fidelity)
        self.filters = filters
        self.features = filters  # channels before the classifier
        self.stem = Stem(image_channels, filters, self.fidelity)
        self.banks = nn.ModuleList(
            nn.ModuleList(macro_branch(op, filters, self.fidelity) for op in space.ops)
            for _ in range(space.layers)
        )
        self.merge = self.fidelity.skip_merge_search
        self.merges = nn.ModuleList(self._merge(k) for k in range(1, space.layers))
        self.reductions = nn.ModuleDict(
            {
                str(p): nn.ModuleList(
                    FactorizedReduction(filters, filters, self.fidelity) for _ in range(p + 2)
                )
                for p in space.pool_after()
            }
        )
        pools = space.pool_after()
        self.halvings = [sum(p < k for p in pools) for k in range(space.layers)]  # before layer k
        self.classifier = classifier(filters, classes)
        initialise(self, draws.torch_generator(seed, stream), self.fidelity)

    def _merge(self, bits: int) -> nn.Module:
        """What joins the skips of a layer; where they are its input, one alone is not merged."""
        if self.merge != "input":
            return Merge(self.filters, bits, self.fidelity)
        return InputMerge(self.filters, bits, self.fidelity) if bits > 1 else nn.Identity()

    def forward(
        self, images: Tensor, architecture: Architecture, drop: Tensor | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W), wired as `architecture`.

        drop: (B, filters) factors on the features before the classifier, made by
        `draws.dropout_mask`; None for no dropout.
        """
        return self._follow(images, architecture, [], drop)

    def forward_train(
        self, images: Tensor, architecture: Architecture, drop: Tensor | None = None
    ) -> tuple[Tensor, None]:
        """`forward`, and the logits of an auxiliary head, which macro networks do not have."""
        return self(images, architecture, drop), None

    def forward_each(
        self,
        images: Tensor,
        architectures: Sequence[Architecture],
        drops: Sequence[Tensor | None] | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """(index, logits) of every architecture on the same images, without gradients.

        They come in the order of their first differing layers, since what equal beginnings have
        in common is computed once: the more alike the architectures, the cheaper.
        """
        trail: Trail = []
        done: tuple[tuple[int, ...], ...] = ()
        for i in sorted(range(len(architectures)), key=lambda i: architectures[i].content):
            content = architectures[i].content
            alike = 0
            while alike < min(len(done), len(content)) and done[alike] == content[alike]:
                alike += 1
            with torch.inference_mode():
                del trail[1 + alike :]
                logits = self._follow(images, architectures[i], trail, drops and drops[i])
            done = content
            yield i, logits

    def _follow(
        self, images: Tensor, architecture: Architecture, trail: Trail, drop: Tensor | None
    ) -> Tensor:
        """Logits by the path; of the tensors in `trail` only those missing are computed, and added.

        A layer that the classifier does not depend on is left out (see `MacroSpace.reached`).
        """
        space = self.space
        of_kind(architecture, Architecture, "an Architecture")
        if architecture.space != space:
            raise ValueError(
                f"this supernet is built for {space}; got an architecture of {architecture.space}"
            )
        if not trail:
            trail.append({0: self.stem(images)})
        trail += [{} for _ in range(len(trail), space.layers + 1)]
        for k in space.reached(architecture, self.merge):
            if not trail[k + 1]:
                trail[k + 1][self.halvings[k]] = self._layer(k, architecture, trail)
        features = self._read(trail, space.layers, len(self.reductions)).mean((2, 3))
        if drop is not None:
            features = features * drop
        return self.classifier(features)  # (B, classes) from (B, filters)

    def _layer(self, k: int, architecture: Architecture, trail: Trail) -> Tensor:
        """The output of layer k, from the tensors before it."""
        space, halvings = self.space, self.halvings[k]
        branch = self.branch(k, architecture.content[k][0])
        inputs = space.inputs(architecture, k, self.merge)
        if len(inputs) > 1:
            return branch(self.merges[k - 1](self._skips(k, inputs, trail)))
        out = branch(self._read(trail, inputs[0], halvings))
        if k == 0 or self.merge == "input":
            return out
        return self.merges[k - 1](out, self._skips(k, space.sources(architecture, k), trail))

    def _skips(self, k: int, tensors: tuple[int, ...], trail: Trail) -> list[tuple[int, Tensor]]:
        """(number of the bit, tensor) of tensors that layer k chose."""
        shift = 1 if self.space.wiring == "layer" else 0
        return [(t - shift, self._read(trail, t, self.halvings[k])) for t in tensors]

    def _read(self, trail: Trail, tensor: int, halvings: int) -> Tensor:
        """A tensor after so many halvings; what nobody reads is never reduced."""
        versions = trail[tensor]
        if halvings not in versions:
            after = self.space.pool_after()[halvings - 1]
            reduce = self.reductions[str(after)][tensor]
            versions[halvings] = reduce(self._read(trail, tensor, halvings - 1))
        return versions[halvings]

    def branch(self, layer: int, op: int) -> nn.Module:
        """The operation that runs when a layer's decision is `op`.

        `fidelity.macro_dispatch="last_branch"` is a slip of the released code: its branches are
        closures over one loop variable, so the last one runs whatever was sampled.
        """
        if self.fidelity.macro_dispatch == "last_branch":
            op = len(self.space.ops) - 1
        return self.banks[layer][op]
