"""The macro child: one architecture as a network of its own, for its final training.

It is not a path of the supernet. The authors build it anew: layers widen at each reduction and
concatenate their skips, where the search adds them.

Not here: the shared weights (`supernet.py`), the training (`final.py`).
Source: authors' `general_child.py` (`_fixed_layer`); sizes as in `cifar10_macro_final.sh`.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from enas_viz.recipes import Fidelity
from enas_viz.search.asked import check_sizes, of_kind
from enas_viz.search.nets.fixed import Drops, check_own, tracked
from enas_viz.search.nets.ops import (
    Conv,
    FactorizedReduction,
    Pool,
    Stem,
    brought,
    classifier,
    initialise,
    join,
    norm,
)
from enas_viz.search.training import draws
from enas_viz.spaces import Architecture, MacroSpace
from enas_viz.spaces.operations import Operation


class MacroChild(nn.Module):
    """A macro network: stem, one operation a layer, skips merged into its output, classifier.

    Layers work in pre-activation order. Both after-reduction stages are twice as wide as the one
    before. Every stored tensor has a reduction of its own at each of the two points, as in the
    authors' program; those that no later layer reads are never computed. Published architecture as
    released: 42 559 392 parameters at 96 filters, 75 636 608 at 128; truly separable 30 947 424 at
    96. `fidelity.macro_final_ops`: "true" as named, "dense" with dense kernels for separable ones.
    `fidelity.skip_merge_search`: "input", what a layer chose, joined where it is several, is what
    its operation reads, and a layer that nothing depends on is not built. Otherwise
    `fidelity.skip_merge_final`, whatever the search did: "concat", a layer's skips and its own
    result pass a 1x1 convolution side by side (authors' code); "add", their sum is normalised.
    Raises ValueError where "dense" meets pooling, which the released program cannot build, and
    where skips that are the input are to be added.
    """

    def __init__(
        self,
        architecture: Architecture,
        filters: int,
        image_channels: int = 3,
        classes: int = 10,
        fidelity: Fidelity | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        of_kind(architecture, Architecture, "an Architecture")
        check_sizes(fidelity, filters=filters, image_channels=image_channels, classes=classes)
        space = architecture.space
        if not isinstance(space, MacroSpace):
            raise ValueError(f"a macro network is made of a macro architecture; got one of {space}")
        fidelity = tracked(fidelity)
        self.architecture = architecture
        pools = space.pool_after()
        self.halvings = [sum(p < k for p in pools) for k in range(space.layers + 1)]
        widths = [filters * 2**halvings for halvings in self.halvings]
        self.features = widths[-1]  # channels before the classifier
        self.merge = merge = fidelity.skip_merge(final=True)
        self.reached = space.reached(architecture, merge)
        self.inputs = [space.inputs(architecture, k, merge) for k in range(space.layers)]
        self.sources = [space.sources(architecture, k) for k in range(space.layers)]
        self.stem = Stem(image_channels, filters, fidelity)
        self.branches = nn.ModuleList(
            _branch(op, widths[k], fidelity) if k in self.reached else nn.Identity()
            for k, op in enumerate(space.op_names(architecture))
        )
        self.merges = nn.ModuleList(
            self._merge(k, c, fidelity) for k, c in enumerate(widths[1:-1], start=1)
        )
        self.reductions = nn.ModuleList(
            nn.ModuleList(
                FactorizedReduction(widths[p], 2 * widths[p], fidelity) for _ in range(p + 2)
            )
            for p in pools
        )
        self.classifier = classifier(self.features, classes)
        initialise(self, draws.torch_generator(seed, "alone"), fidelity)

    def forward(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> Tensor:
        """(B, classes) logits of `images` (B, C, H, W).

        architecture: of the network itself, if at all (a supernet is told which one to be).
        """
        check_own(self.architecture, architecture)
        tensors = [{0: self.stem(images)}]  # each in its versions, by number of halvings
        tensors += [{} for _ in self.branches]
        for k in self.reached:
            tensors[k + 1][self.halvings[k]] = self._layer(k, tensors)
        last = self._read(tensors, len(self.branches), self.halvings[-1])
        features = last.mean((2, 3))
        if drops is not None and drops.features is not None:
            features = features * drops.features
        return self.classifier(features)  # (B, classes) from (B, features)

    def forward_train(
        self, images: Tensor, architecture: Architecture | None = None, drops: Drops | None = None
    ) -> tuple[Tensor, None]:
        """`forward`, and the logits of an auxiliary head, which macro networks do not have."""
        return self(images, architecture, drops), None

    def _joined(self, k: int) -> int:
        """How many tensors are joined at layer k: what it chose and its own result; where what it
        chose is its input, only that, if it is more than one. 0: none."""
        if self.merge != "input":
            return len(self.sources[k]) + 1
        return len(self.inputs[k]) if k in self.reached and len(self.inputs[k]) > 1 else 0

    def _merge(self, k: int, c: int, fidelity: Fidelity) -> nn.Module:
        joined = self._joined(k)
        if not joined:
            return nn.Identity()
        if self.merge == "add":
            return norm(c, fidelity)
        return nn.Sequential(Conv(joined * c, c, 1), norm(c, fidelity))

    def _layer(self, k: int, tensors: list[dict[int, Tensor]]) -> Tensor:
        halvings = self.halvings[k]
        if len(self.inputs[k]) > 1:
            chosen = [self._read(tensors, t, halvings) for t in self.inputs[k]]
            return self.branches[k](self.merges[k - 1](F.relu_(join(chosen))))
        out = self.branches[k](self._read(tensors, self.inputs[k][0], halvings))
        if k == 0 or self.merge == "input":
            return out
        skips = [self._read(tensors, t, halvings) for t in self.sources[k]]
        if self.merge == "add":
            return self.merges[k - 1](sum(skips, out))
        return self.merges[k - 1](F.relu_(join([*skips, out])))

    def _read(self, tensors: list[dict[int, Tensor]], number: int, halvings: int) -> Tensor:
        versions = tensors[number]
        if halvings not in versions:
            reduce = self.reductions[halvings - 1][number]
            versions[halvings] = reduce(self._read(tensors, number, halvings - 1))
        return versions[halvings]


# ---------------------------------------------------------------- parts of a macro layer


def _branch(op: Operation, c: int, fidelity: Fidelity) -> nn.Module:
    """ReLU, 1x1 convolution, batch norm; then pooling, or ReLU, convolution, batch norm."""
    inner = (nn.ReLU(), Conv(c, c, 1), norm(c, fidelity))
    dense = fidelity.macro_final_ops == "dense"
    if op.pools:
        if dense:
            raise ValueError(
                f"the operation {op} cannot be built under fidelity.macro_final_ops='dense', since "
                f"the released final network has no pooling; use 'true'"
            )
        return nn.Sequential(*inner, Pool(op))
    if op.family not in ("conv", "sep"):
        return nn.Sequential(*inner, nn.ReLU(inplace=True), brought(op, c, fidelity))
    window = {"size": op.window, "dilation": op.dilation}
    kernel = (Conv(c, c, **window),)
    if op.family == "sep" and not dense:
        kernel = (Conv(c, c, groups=c, **window), Conv(c, c, 1))
    return nn.Sequential(*inner, nn.ReLU(inplace=True), *kernel, norm(c, fidelity))
