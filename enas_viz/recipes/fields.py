"""The fields of a recipe: frozen configs of data, network, controller, training and computing.

Origins: [C] the authors' released code and scripts, [P] the paper, [P0] its early anonymous draft,
where the paper itself says nothing, [A] the article; ours where no source is named.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from enas_viz.recipes.fidelity import Fidelity
from enas_viz.spaces import MACRO_OPS, MICRO_OPS, MacroSpace, MicroSpace, Space
from enas_viz.spaces.operations import found


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset with a name: how many images of which part, their channels and classes."""

    train: int
    valid: int
    test: int
    channels: int
    classes: int = 10


DATASETS = {
    "digits": Dataset(train=1000, valid=397, test=400, channels=1),
    "cifar10": Dataset(train=45_000, valid=5_000, test=10_000, channels=3),
}


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, and how they are augmented."""

    name: str = "cifar10"  # "digits", "cifar10", or a folder or zip in ImageFolder layout
    resolution: int = 32  # height and width in pixels that images are resized to
    # How images that are not square become so: resized to a square, cut to the middle, or with
    # black bars added.
    fit: Literal["squash", "crop", "pad"] = "squash"
    train_images: int = 0  # use only so many training images, class-balanced; 0: all of them
    valid_images: int = 0  # the same for validation
    crop_padding: int = 4  # zero pixels added on each side before the random crop [C]
    flip: bool = True  # mirror half of the training images [C]
    cutout: int = 0  # pixels of the square that CutOut blanks; 0: none; [P] 16 for its 2.89 %
    holdout: bool = True  # keep validation images apart; false: train on all of them [C final]


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What is searched or trained, and its size."""

    space: Literal["macro", "micro"] = "macro"
    layers: int = 12  # [C] cifar10_macro_search.sh; micro: normal cells (see fidelity.micro_stack)
    filters: int = 36  # channels of every layer [C]; micro: of the first cells
    keep_prob: float = 0.9  # of the dropout before the classifier [C]
    nodes: int = 5  # micro: computed nodes of a cell [C]
    ops: tuple[str, ...] = ()  # to choose from, by name; final: what numbers in a list mean
    aux_weight: float = 0.0  # micro: of the auxiliary head's loss, 0: no such head; [C] 0.4
    drop_path_keep: float = 1.0  # micro, final: of the last cell at the last step; [C] 0.6

    def __post_init__(self) -> None:
        if isinstance(self.ops, list | tuple):  # lists from JSON, operations from whoever has them
            names = tuple(str(op) if isinstance(op, str) else op for op in self.ops)
            object.__setattr__(self, "ops", names)


@dataclass(frozen=True, kw_only=True)
class ControllerConfig:
    """The controller LSTM and its REINFORCE updates; defaults from cifar10_macro_search.sh [C]."""

    hidden: int = 64  # LSTM units, one layer, no bias; [P] 100
    init_range: float = 0.1  # every weight starts uniform in (-0.1, 0.1)
    tanh_constant: float = 1.5  # squashes logits into (-1.5, 1.5); [P] 2.5
    temperature: float = 1.0  # logits are divided by it before tanh; [P] 5.0
    op_tanh_reduce: float = 2.5  # micro: operations have tanh_constant over this; [P] none: 1
    lr: float = 1e-3  # Adam; [P] 3.5e-4
    adam_beta1: float = 0.0  # no momentum
    adam_beta2: float = 0.999
    adam_eps: float = 1e-3  # in TensorFlow's form of Adam
    updates: int = 50  # per epoch of weight training
    samples: int = 20  # architectures whose gradients one update averages
    reward_images: int = 0  # validation images a reward; 0: a training minibatch's number [C]
    entropy_weight: float = 1e-4  # reward per nat of entropy; [P] 0.1
    baseline_decay: float = 0.99  # of the moving-average reward
    skip_prior: float = 0.4  # wanted probability of a skip
    skip_weight: float = 0.8  # weight of the KL pull towards it


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Training of weights; defaults from cifar10_macro_search.sh [C]."""

    epochs: int = 310
    batch_size: int = 128
    lr_max: float = 0.05  # cosine from lr_max to lr_min, constant within an epoch
    lr_min: float = 5e-4  # [P] 1e-3
    restart_period: int = 10  # epochs of the first cosine period
    restart_factor: int = 2  # each period is so many times longer than the last
    momentum: float = 0.9  # Nesterov
    accumulate: int = 1  # minibatches, in a search each with its architecture, that a step averages
    l2: float = 2.5e-4  # adds l2 * sum(w^2), batch norm included: weight decay 2 * l2; [P] 1e-4


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """Who says how accurate an architecture is."""

    # shared: its path through shared weights, on a minibatch of validation images. alone: trained
    # from scratch, all validation images. table: looked up. own: somebody's own. The last two are
    # given in Python.
    name: Literal["shared", "alone", "table", "own"] = "shared"
    epochs: int = 1  # of a training alone


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """What an architecture is worth, from its accuracy and itself."""

    # accuracy_minus_cost: less `weight` times its multiply-adds, in units of their mean. own: a
    # function that is given in Python.
    name: Literal["accuracy", "accuracy_minus_cost", "own"] = "accuracy"
    weight: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Compute:
    """How to compute: what may change speed and last digits, never the method."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 on CUDA
    channels_last: bool = True
    deterministic: bool = False  # CUDA: only deterministic kernels, slower
    threads: int = 0  # CPU threads; 0: as PyTorch chooses
    processes: int = 1  # that share the work; train.accumulate must be a multiple of it


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All of one search or final training. Variants: `change`. Looked up by `recipe(name)`."""

    name: str
    about: str
    strategy: str = "enas"  # how architectures are chosen; "final": one, weights of its own
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    options: Any = None  # what its strategy reads besides; in JSON under the strategy's name
    fidelity: Fidelity = field(default_factory=Fidelity)
    compute: Compute = field(default_factory=Compute)
    keep_steps: int = 1  # every so many episodes keep their steps in the trace; new bests do, too
    record: Literal["steps", "full"] = "steps"  # full: with raw logits and hidden states

    @property
    def space(self) -> Space:
        network = self.network
        if network.space == "micro":
            return MicroSpace(network.nodes, found(network.ops) or MICRO_OPS)
        wiring = self.fidelity.skip_wiring
        return MacroSpace(network.layers, found(network.ops) or MACRO_OPS, wiring)

    @property
    def dataset(self) -> Dataset:
        """The dataset of its name; for a folder or zip, what CIFAR-10 has stands in for it."""
        return DATASETS.get(self.data.name, DATASETS["cifar10"])

    @property
    def order(self) -> str:
        """The order in which the controller decides, as `space.steps` knows it."""
        return order_of(self.space, self.fidelity)

    @property
    def cells(self) -> int:
        """How many cells its network stacks, the reducing ones included; 0 for a macro network."""
        if not self.space.cells:
            return 0
        return self.network.layers + (3 if self.fidelity.micro_stack == "trailing" else 2)

    @property
    def searches(self) -> bool:
        """Whether it is a search, by whatever strategy; false: final training of one network."""
        return self.strategy != "final"

    @property
    def kind(self) -> str:
        """What a run of it is, as `IN_USE` names it: macro, micro, macro-final, micro-final."""
        return self.network.space + ("" if self.searches else "-final")

    def to_json(self) -> dict[str, Any]:
        """The recipe as nested JSON, `fidelity` apart (a trace's header keeps it beside)."""
        return {k: v for k, v in as_json(self).items() if k != "fidelity"}


def as_json(config: Any) -> dict[str, Any]:
    """The fields of a recipe, or of a part of one, as JSON gives them back: tuples become lists.

    What is compared with fields that were read from a file goes through here."""
    told: dict[str, Any] = dataclasses.asdict(config)
    if isinstance(config, Recipe):
        options = told.pop("options")
        told |= {config.strategy: options} if options else {}
    read: dict[str, Any] = json.loads(json.dumps(told, allow_nan=False))
    return read


def order_of(space: Space, fidelity: Fidelity) -> str:
    """The order in which a controller of `space` decides: a name that `space.steps` knows."""
    return space.order(fidelity.macro_order)
