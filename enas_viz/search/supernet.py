"""The macro supernet: one bank of shared weights, in which every architecture is a path.

`forward(images, architecture)` computes the sampled path only. Nothing is stacked, masked or
zeroed: an operation that was not sampled costs nothing and gets no gradient.

Leaves to others: what to train it on (`enas.py`), networks with weights of their own (later).
Source: authors' `general_child.py`; sizes as in `cifar10_macro_search.sh`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from enas_viz.recipes import Fidelity, Recipe
from enas_viz.search import draws
from enas_viz.search.ops import MACRO_BRANCHES, FactorizedReduction, Merge, Stem, initialise
from enas_viz.space import Architecture, MacroSpace


class MacroSupernet(nn.Module):
    """Stem, L layers with one bank of operations each, reductions, classifier.

    Tensor 0 is the stem's output, tensor j+1 the output of layer j. After the layers named by
    `space.pool_after()` every stored tensor that is still read is replaced by a factorized
    reduction of its own. 697 860 trainable parameters at 12 layers and 36 filters.
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
        self.space = space
        self.fidelity = fidelity or Fidelity()
        self.filters = filters
        self.stem = Stem(image_channels, filters, self.fidelity)
        self.banks = nn.ModuleList(
            nn.ModuleList(MACRO_BRANCHES[op](filters, self.fidelity) for op in space.ops)
            for _ in range(space.layers)
        )
        self.merges = nn.ModuleList(
            Merge(filters, k, self.fidelity) for k in range(1, space.layers)
        )
        self.reductions = nn.ModuleDict(
            {
                str(p): nn.ModuleList(
                    FactorizedReduction(filters, filters, self.fidelity) for _ in range(p + 2)
                )
                for p in space.pool_after()
            }
        )
        with torch.device("meta"):
            self.classifier = nn.Linear(filters, classes, bias=False)
        self.classifier.weight = nn.Parameter(torch.zeros(classes, filters))
        initialise(self, draws.torch_generator(seed, stream), self.fidelity)

    @classmethod
    def of(
        cls, recipe: Recipe, image_channels: int, classes: int, seed: int, stream: str = "weights"
    ) -> MacroSupernet:
        """The supernet that a recipe asks for, in the memory format that it asks for."""
        net = cls(
            recipe.space,
            recipe.network.filters,
            image_channels,
            classes,
            recipe.fidelity,
            seed,
            stream,
        )
        channels_last = recipe.compute.channels_last
        return net.to(memory_format=torch.channels_last) if channels_last else net

    def forward(
        self, images: Tensor, architecture: Architecture, drop: Tensor | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W), wired as `architecture`.

        drop: (B, filters) factors on the features before the classifier, made by
        `draws.dropout_mask`; None for no dropout.
        """
        if architecture.space != self.space:
            raise ValueError(
                f"this supernet is built for {self.space}; got an architecture of "
                f"{architecture.space}"
            )
        space = self.space
        sources = [space.sources(architecture, k) for k in range(space.layers)]
        shift = 1 if space.wiring == "layer" else 0
        tensors: list[Tensor | None] = [self.stem(images)]
        for k, (op, *_) in enumerate(architecture.content):
            out = self.branch(k, op)(tensors[k])
            if k > 0:
                out = self.merges[k - 1](out, [(t - shift, tensors[t]) for t in sources[k]])
            tensors.append(out)
            if str(k) in self.reductions:
                read = {k + 1}.union(*sources[k + 1 :])  # the others are never looked at again
                tensors = [
                    reduce(tensor) if t in read else None
                    for t, (reduce, tensor) in enumerate(
                        zip(self.reductions[str(k)], tensors, strict=True)
                    )
                ]
        features = tensors[-1].mean((2, 3))  # (B, filters)
        if drop is not None:
            features = features * drop
        return self.classifier(features)

    def branch(self, layer: int, op: int) -> nn.Module:
        """The operation that runs when a layer's decision is `op`.

        `fidelity.macro_dispatch="last_branch"` is a slip of the released code: its branches are
        closures over one loop variable, so the last one runs whatever was sampled.
        """
        if self.fidelity.macro_dispatch == "last_branch":
            op = len(self.space.ops) - 1
        return self.banks[layer][op]
