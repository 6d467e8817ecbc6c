"""Recipes: every number of a search in one frozen place, each with its origin.

A `Recipe` names its data, network, controller, training and computing; `Fidelity` names each point
where paper, released code and article differ. A variant is `change(recipe, ...)`, so a difference
is one visible line. Origins: [C] the authors' released code and scripts, [P] the paper, [P0] its
early anonymous draft, where the paper itself says nothing, [A] the article; ours where no source is
named.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, Literal, get_args, get_origin, get_type_hints

from enas_viz.space import MAX_LAYERS, MAX_NODES, MacroSpace, MicroSpace, Space
from enas_viz.spaces.operations import MACRO_OPS, MICRO_OPS, STANDARD

Preset = Literal["default", "released", "paper", "article"]

GUIDED_SKIPS = 0.4  # probability of a skip in the guided random search [P]

AUXILIARY_WINDOW = 5  # pixels of the first pool of a micro network's auxiliary head

# fidelity.op_prior = "released", as in the authors' micro_controller.py
FAVOURED = tuple(op for op in STANDARD.values() if op.family == "sep")  # what it favours
PRIOR_BIAS = 10.0  # where their learned bias starts, ...
PRIOR_SHIFT = 0.25  # ... and what is added to them, and taken from the others, in normal cells


_hints = functools.cache(get_type_hints)


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
class Fidelity:
    """Where the sources differ, one field each; a field changes one visible place in the code.

    Defaults are what a faithful new implementation should do. `preset` gives the other sources.
    Each kind of search reads the fields that `IN_USE` names for it; presets carry all of them, so
    that a trace says what its source would do. Setting one by name that a recipe's search does not
    read is refused.
    """

    # Operation of a macro layer: the sampled one, or always max pool (a slip in the released code).
    macro_dispatch: Literal["sampled", "last_branch"] = "sampled"
    # Order inside a macro layer: operation then skips [C], or skips then operation [P, A].
    macro_order: Literal["op-first", "skips-first"] = "op-first"
    # Bit i selects the output of layer i [P, A], or stored tensor i where the stem is 0 [C].
    skip_wiring: Literal["layer", "code"] = "layer"
    # Skips of a macro layer in search: added to its operation's output, batch norm [C]; joined with
    # it, 1x1 convolution [A]; or what was chosen, joined where it is several, is the operation's
    # input [P]: where nothing was chosen, the layer before, to which the draft forces recurrent
    # layers [P0]; "input" holds for final networks, too.
    skip_merge_search: Literal["add", "concat", "input"] = "add"
    # Skips of a final macro layer: joined with its operation's output, 1x1 convolution [C, P, A],
    # or added to it, batch norm, as the search does [C]. The article draws one network, which it
    # searches and then trains, and joins in it; of another merge for training it says nothing.
    skip_merge_final: Literal["concat", "add"] = "concat"
    # Operations of the final macro network: as named, or separable ones built dense [C].
    macro_final_ops: Literal["true", "dense"] = "true"
    # Reduction cells in micro search: factorized reduction of one input then a stride-1 cell [C],
    # of both inputs, or a stride-2 cell [P, A].
    micro_reduction_search: Literal["fr_then_cell", "fr_both", "stride2"] = "fr_then_cell"
    # Whether a cell's unused inputs are loose ends: yes [C], no [P].
    loose_inputs: Literal["count", "exclude"] = "count"
    # Reduction cells of a stack: two, between three stages of normal cells [C], or three, each at
    # the end of a block of normal cells [P, A: their figures]. In search and final training.
    micro_stack: Literal["two_reductions", "trailing"] = "two_reductions"
    # Skip penalty in the loss, with its gradient [C], or subtracted from the reward [P].
    skip_penalty_in: Literal["loss", "reward"] = "loss"
    # How often a separable convolution of a cell is applied: twice [C, P], once (some ports).
    sep_conv_stack: Literal[2, 1] = 2
    # LSTM state after the step that remembers a layer or node: carried [C], dropped (some ports).
    state_after_anchor: Literal["carried", "dropped"] = "carried"
    # Next input after skips: sum of chosen anchors over 1 + n [C], or their mean [P0].
    next_input: Literal["sum_over_1_plus_n", "mean"] = "sum_over_1_plus_n"
    # Macro "entropy": of the whole distribution [P], or only the sampled term -p log p [C].
    entropy: Literal["full", "sampled"] = "full"
    # Skip penalty on the probability that is sampled [P], or on sigmoid of the half logit [C].
    skip_penalty_on: Literal["sampling_probability", "logit"] = "sampling_probability"
    # Fixed preference for separable convolutions in micro cells: none, or as released [C].
    op_prior: Literal["none", "released"] = "released"
    # Moving baseline starts at zero [C], or at the first reward (some ports).
    baseline_start: Literal["zero", "first_reward"] = "zero"
    # Batch norm when a reward is measured: statistics of the batch [C micro], moving averages
    # [C macro], or statistics refitted to the architecture on training batches.
    reward_bn: Literal["batch", "moving", "refit"] = "batch"
    # Dropout when a reward is measured: off [C macro], on [C micro].
    reward_dropout: Literal["off", "on"] = "off"
    # Validation minibatch of a reward: each sample its own [C], or one shared by an update.
    reward_batch: Literal["own", "shared"] = "own"
    # Weights that the sampled path left out: still, or moved by L2 and momentum [C].
    idle_weights: Literal["still", "decay"] = "still"
    # Gradient clipping: none (what the released code amounts to), global norm 5 (some ports).
    clip: Literal["none", "global5"] = "none"
    # Auxiliary head of micro networks: trained [P], or left at its random start [C].
    aux_head: Literal["trained", "frozen"] = "trained"
    # CutOut square: around a uniform centre [P], from a uniform corner [C].
    cutout: Literal["centre", "corner"] = "centre"
    # First step of a warm restart: clean, or once at the middle rate [C].
    restart_step: Literal["clean", "mid_rate"] = "clean"
    # Moving averages of batch norm: plain, or zero-debiased as in TensorFlow [C].
    bn_average: Literal["plain", "zero_debiased"] = "plain"
    # Fan-in when initialised: what a weight reads, or what TensorFlow's initialiser makes of its
    # layout [C]: all channels for a depthwise kernel, number of inputs for stacked micro weights.
    init_fan_in: Literal["true", "released"] = "true"

    def skip_merge(self, final: bool) -> Literal["add", "concat", "input"]:
        """How a macro network merges its skips: one of a search, or a final one.

        Raises ValueError for a final one that adds what its search reads as a layer's input.
        """
        if not final:
            return self.skip_merge_search
        if self.skip_merge_search != "input":
            return self.skip_merge_final
        if self.skip_merge_final == "add":
            raise ValueError(
                "fidelity.skip_merge_final='add' adds skips to what a layer's operation made, but "
                "with fidelity.skip_merge_search='input' they are what it reads; set "
                "skip_merge_final to 'concat', or skip_merge_search to 'add' or 'concat'"
            )
        return "input"


_RELEASED = {
    "macro_dispatch": "last_branch",
    "skip_wiring": "code",
    "macro_final_ops": "dense",
    "entropy": "sampled",
    "skip_penalty_on": "logit",
    "reward_bn": "moving",
    "idle_weights": "decay",
    "aux_head": "frozen",
    "cutout": "corner",
    "restart_step": "mid_rate",
    "bn_average": "zero_debiased",
    "init_fan_in": "released",
}
_ARTICLE = {
    "macro_order": "skips-first",
    "skip_merge_search": "concat",
    "micro_reduction_search": "stride2",
    "micro_stack": "trailing",
    "next_input": "mean",
    "op_prior": "none",
}
_PAPER = _ARTICLE | {
    "skip_merge_search": "input",
    "loose_inputs": "exclude",
    "skip_penalty_in": "reward",
}
PRESETS: dict[str, Fidelity] = {
    "default": Fidelity(),
    "released": Fidelity(**_RELEASED),  # macro's values where macro and micro differ
    "paper": Fidelity(**_PAPER),
    "article": Fidelity(**_ARTICLE),
}

# The same for a micro search: where the authors' two programs differ, theirs for cells.
MICRO_PRESETS: dict[str, Fidelity] = {
    **PRESETS,
    "released": dataclasses.replace(
        PRESETS["released"], entropy="full", reward_bn="batch", reward_dropout="on"
    ),
}

# The fields that each kind of run reads: a search of either space, and the final training of what
# it found.
_ALL = {"clip", "restart_step", "bn_average", "init_fan_in"}
_BOTH = {
    *_ALL,
    *("state_after_anchor", "baseline_start", "reward_bn", "reward_dropout", "reward_batch"),
    "idle_weights",
}
IN_USE = {
    "macro": frozenset(
        {
            *_BOTH,
            *("macro_dispatch", "macro_order", "skip_wiring", "skip_merge_search"),
            *("next_input", "entropy", "skip_penalty_on", "skip_penalty_in"),
        }
    ),
    "micro": frozenset(
        {
            *_BOTH,
            *("micro_reduction_search", "loose_inputs", "micro_stack", "sep_conv_stack"),
            *("op_prior", "aux_head"),
        }
    ),
    "macro-final": frozenset(
        {
            *_ALL,
            *("macro_final_ops", "skip_wiring", "skip_merge_search", "skip_merge_final"),
            *("idle_weights", "cutout"),
        }
    ),
    "micro-final": frozenset(
        {*_ALL, "loose_inputs", "micro_stack", "sep_conv_stack", "aux_head", "cutout"}
    ),
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
    strategy: Literal["enas", "final"] = "enas"  # final: one architecture, weights of its own
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    controller: ControllerConfig = field(default_factory=ControllerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    fidelity: Fidelity = field(default_factory=Fidelity)
    compute: Compute = field(default_factory=Compute)
    keep_steps: int = 1  # every so many episodes keep their steps in the trace; new bests do, too
    record: Literal["steps", "full"] = "steps"  # full: with raw logits and hidden states

    @property
    def space(self) -> Space:
        network = self.network
        if network.space == "micro":
            return MicroSpace(network.nodes, network.ops or MICRO_OPS)
        return MacroSpace(network.layers, network.ops or MACRO_OPS, self.fidelity.skip_wiring)

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
        if self.network.space == "macro":
            return 0
        return self.network.layers + (3 if self.fidelity.micro_stack == "trailing" else 2)

    @property
    def kind(self) -> str:
        """What a run of it is, as `IN_USE` names it: macro, micro, macro-final, micro-final."""
        return self.network.space + ("-final" if self.strategy == "final" else "")

    def to_json(self) -> dict[str, Any]:
        """The recipe as nested JSON, `fidelity` apart (a trace's header keeps it beside)."""
        return {k: v for k, v in as_json(self).items() if k != "fidelity"}


def as_json(config: Any) -> dict[str, Any]:
    """The fields of a recipe, or of a part of one, as JSON gives them back: tuples become lists.

    What is compared with fields that were read from a file goes through here."""
    return json.loads(json.dumps(dataclasses.asdict(config), allow_nan=False))


# cifar10_micro_search.sh [C]
_MICRO_NETWORK = NetworkConfig(space="micro", layers=6, filters=20, aux_weight=0.4)


def _micro_controller(**changes: Any) -> ControllerConfig:
    """The numbers of cifar10_micro_search.sh [C], some changed."""
    released = {"tanh_constant": 1.1, "lr": 3.5e-3, "updates": 30, "samples": 10}
    return ControllerConfig(**(released | changes))


# cifar10_macro_final.sh, cifar10_micro_final.sh [C]; the script has 15 normal cells. With two
# reduction cells 18 give the 4.6 million parameters of the paper's table; with the three of its
# figure (fidelity.micro_stack="trailing") they give 6.2 million.
_MACRO_FINAL = NetworkConfig(layers=24, filters=96, keep_prob=0.5)
_MICRO_FINAL = NetworkConfig(
    space="micro", layers=18, filters=36, keep_prob=0.8, aux_weight=0.4, drop_path_keep=0.6
)
_ALL_IMAGES = DataConfig(holdout=False)
_CUTOUT = DataConfig(holdout=False, cutout=16)
_MACRO_FINAL_TRAIN = TrainConfig(batch_size=100, lr_min=1e-3, l2=2e-4)
_MICRO_FINAL_TRAIN = TrainConfig(epochs=630, batch_size=144, lr_min=1e-4, l2=2e-4)


def _finals() -> Iterator[Recipe]:
    """Final training: the networks of the paper's table, one recipe for each source."""
    for name, about, space, network, data in (
        ("macro-final", "a macro network", "macro", _MACRO_FINAL, _ALL_IMAGES),
        (
            *("macro-final-wide", "a macro network of more channels", "macro"),
            *(dataclasses.replace(_MACRO_FINAL, filters=128), _ALL_IMAGES),
        ),
        ("micro-final", "a network of cells", "micro", _MICRO_FINAL, _ALL_IMAGES),
        ("micro-final-cutout", "a network of cells, with CutOut", "micro", _MICRO_FINAL, _CUTOUT),
    ):
        train = _MACRO_FINAL_TRAIN if space == "macro" else _MICRO_FINAL_TRAIN
        common = {"strategy": "final", "data": data, "network": network, "train": train}
        yield Recipe(name=name, about=f"final training of {about}, for a GPU", **common)
        presets = MICRO_PRESETS if space == "micro" else PRESETS
        released = dict(common, fidelity=presets["released"])
        if space == "micro":
            released["network"] = dataclasses.replace(network, layers=15)
        yield Recipe(
            name=f"{name}-released",
            about=f"final training of {about} as released, for a GPU",
            **released,
        )
        # [P] 310 epochs (10 + 20 + 40 + 80 + 160), lr_min 0.001, l2 1e-4; what it does not say is
        # as in the scripts
        paper = dict(common, fidelity=presets["paper"])
        paper["train"] = dataclasses.replace(train, epochs=310, lr_min=1e-3, l2=1e-4)
        yield Recipe(
            name=f"{name}-paper",
            about=f"final training of {about} with the paper's numbers, for a GPU",
            **paper,
        )


def _small_finals() -> Iterator[Recipe]:
    """Their twins for two cores, and still smaller ones on digits."""
    small = DataConfig(resolution=16, holdout=False)
    # two cosines: 5 and 10 epochs
    train = TrainConfig(epochs=15, restart_period=5, l2=2e-4, lr_min=1e-4)
    macro = NetworkConfig(layers=6, filters=12, keep_prob=0.8)
    micro = NetworkConfig(space="micro", layers=3, filters=8, keep_prob=0.8, drop_path_keep=0.8)
    digits = DataConfig(name="digits", resolution=8, crop_padding=1, flip=False)
    tiny = TrainConfig(epochs=3, batch_size=32, restart_period=1, lr_min=1e-4)  # 1 and 2 epochs
    for name, about, data, network, schedule in (
        ("macro-final-cpu", "a macro network on 16x16 pixels", small, macro, train),
        ("micro-final-cpu", "a network of cells on 16x16 pixels", small, micro, train),
        (
            *("micro-final-cutout-cpu", "the same with CutOut"),
            *(dataclasses.replace(small, cutout=8), micro, train),
        ),
    ):
        yield Recipe(
            name=name,
            about=f"final training of {about}, for two cores",
            strategy="final",
            data=data,
            network=network,
            train=schedule,
            compute=Compute(threads=1),
        )
    for name, network in (
        ("macro-final-tiny", dataclasses.replace(macro, filters=8)),
        ("micro-final-tiny", micro),
    ):
        yield Recipe(
            name=name,
            about="final training on scikit-learn's digits, for two cores",
            strategy="final",
            data=dataclasses.replace(digits, holdout=False),
            network=network,
            train=tiny,
            compute=Compute(threads=1),
        )


RECIPES: dict[str, Recipe] = {
    made.name: made
    for made in (
        Recipe(
            name="macro-tiny",
            about="macro search on scikit-learn's digits, for two cores",
            data=DataConfig(name="digits", resolution=8, crop_padding=1, flip=False),
            network=NetworkConfig(layers=6, filters=16),
            controller=ControllerConfig(lr=3.5e-3, updates=10, samples=10, reward_images=100),
            train=TrainConfig(epochs=60, batch_size=32, restart_period=60),  # one cosine
            compute=Compute(threads=1),  # networks so small gain nothing from a second core
            keep_steps=10,
        ),
        Recipe(
            name="macro-cifar10-cpu",
            about="macro search on CIFAR-10 at 16x16 pixels, for two cores",
            data=DataConfig(resolution=16),
            network=NetworkConfig(layers=6, filters=16),
            # Seed 0 at this rate had chosen its operations after 600 updates; at half of it,
            # it had barely begun to prefer some after 800.
            controller=ControllerConfig(lr=7e-3, updates=20, samples=10, reward_images=256),
            train=TrainConfig(epochs=70),  # three cosines: 10, 20 and 40 epochs
            compute=Compute(threads=1),
            keep_steps=70,
        ),
        Recipe(
            name="macro-laptop",
            about="macro search on CIFAR-10 with the paper's network and a tenth of its epochs, "
            "for a night on two cores",
            # the rate as measured: benchmarks/results/macro-laptop-rate.json
            controller=ControllerConfig(lr=2.8e-2, updates=15, samples=10, reward_images=256),
            train=TrainConfig(epochs=30),  # two cosines: 10 and 20 epochs
            compute=Compute(threads=1),
            keep_steps=30,
        ),
        Recipe(
            name="macro-paper",
            about="macro search with the paper's numbers, for a GPU",
            controller=ControllerConfig(
                hidden=100,
                tanh_constant=2.5,
                temperature=5.0,
                lr=3.5e-4,
                updates=100,  # [P] 2000 controller steps an epoch, averaged by 20 as in the code
                entropy_weight=0.1,
            ),
            train=TrainConfig(lr_min=1e-3, l2=1e-4),
            fidelity=PRESETS["paper"],
            keep_steps=1000,
        ),
        Recipe(
            name="macro-released",
            about="what the authors' released macro search truly computes, for a GPU",
            fidelity=PRESETS["released"],
            keep_steps=1000,
        ),
        Recipe(
            name="micro-tiny",
            about="micro search on scikit-learn's digits, for two cores",
            data=DataConfig(name="digits", resolution=8, crop_padding=1, flip=False),
            network=NetworkConfig(space="micro", layers=3, filters=8),
            controller=_micro_controller(
                lr=7e-3, op_tanh_reduce=1.0, updates=10, reward_images=100
            ),
            train=TrainConfig(epochs=60, batch_size=32, restart_period=60),
            fidelity=Fidelity(op_prior="none"),
            compute=Compute(threads=1),
            keep_steps=10,
        ),
        Recipe(
            name="micro-cifar10-cpu",
            about="micro search on CIFAR-10 at 16x16 pixels, for two cores",
            data=DataConfig(resolution=16),
            network=NetworkConfig(space="micro", layers=3, filters=8),
            controller=_micro_controller(
                lr=7e-3, op_tanh_reduce=1.0, updates=15, reward_images=256
            ),
            train=TrainConfig(epochs=70),
            fidelity=Fidelity(op_prior="none"),
            compute=Compute(threads=1),
            keep_steps=50,
        ),
        Recipe(
            name="micro-paper",
            about="micro search with the paper's numbers, for a GPU",
            network=_MICRO_NETWORK,
            controller=ControllerConfig(
                hidden=100,
                tanh_constant=2.5,
                temperature=5.0,
                op_tanh_reduce=1.0,
                lr=3.5e-4,
                updates=200,  # [P] 2000 controller steps an epoch, averaged by 10 as in the code
                samples=10,
                entropy_weight=0.1,
            ),
            train=TrainConfig(batch_size=160, lr_min=1e-3, l2=1e-4),  # batch size as in the code
            fidelity=PRESETS["paper"],
            keep_steps=1000,
        ),
        Recipe(
            name="micro-released",
            about="what the authors' released micro search truly computes, for a GPU",
            network=_MICRO_NETWORK,
            controller=_micro_controller(),
            train=TrainConfig(epochs=150, batch_size=160, l2=1e-4),
            fidelity=MICRO_PRESETS["released"],
            keep_steps=1000,
        ),
        *_finals(),
        *_small_finals(),
    )
}


def order_of(space: Space, fidelity: Fidelity) -> str:
    """The order in which a controller of `space` decides: a name that `space.steps` knows."""
    return "indices-first" if isinstance(space, MicroSpace) else fidelity.macro_order


def recipe(name: str, /, **changes: Any) -> Recipe:
    """The recipe of that name, changed as `change` does. ValueError with the nearest names."""
    if not isinstance(name, str) or name not in RECIPES:
        near = _did_you_mean(name, RECIPES)
        raise ValueError(f"no recipe {shortened(name)}; there are {', '.join(RECIPES)}{near}")
    return change(RECIPES[name], **changes)


def change(base: Recipe, /, **changes: Any) -> Recipe:
    """A copy of a recipe with some values replaced.

    Each keyword is a field of the recipe, or `part__field`, e.g. `train__epochs=3`,
    `controller__lr=1e-3`; `fidelity` also takes the name of a preset. Raises ValueError for an
    unknown field, a value outside its choices or range, or a fidelity field that this search does
    not read.
    """
    _check_recipe(base)
    order = sorted(changes, key=lambda key: key.startswith("fidelity"))  # last: of this kind
    for key in order:
        value = changes[key]
        path = key.replace("__", ".")
        part, _, name = path.partition(".")
        if part not in {f.name for f in fields(Recipe)}:
            raise ValueError(_no_field(path))
        if part == "fidelity" and isinstance(value, str) and not name:
            if value not in PRESETS:
                raise ValueError(
                    f"fidelity preset is one of {', '.join(PRESETS)}; got {value!r}"
                    f"{_did_you_mean(value, PRESETS)}"
                )
            value = (MICRO_PRESETS if base.network.space == "micro" else PRESETS)[value]
        if name:
            inner = getattr(base, part)
            if not dataclasses.is_dataclass(inner) or name not in {f.name for f in fields(inner)}:
                raise ValueError(_no_field(path))
            _check_kind(path, value, _hints(type(inner))[name])
            if value != getattr(inner, name):
                _check_in_use(base, part, name)
            value = dataclasses.replace(inner, **{name: value})
        base = dataclasses.replace(base, **{part: value})
        _check_part(part, value)  # at once, since the next change may look at it
    check(base)
    return base


def _check_in_use(made: Recipe, part: str, name: str) -> None:
    """Raises ValueError when a run of this kind does not read the field `part.name`."""
    final, space = made.strategy == "final", made.network.space
    what = f"final training of {space} networks" if final else f"a {space} search"
    if part == "fidelity" and name not in IN_USE[made.kind]:
        reads = f"reads {', '.join(sorted(IN_USE[made.kind]))}"
    elif (part == "controller" and final) or (name == "nodes" and space == "macro"):
        reads = "has none to set"
    else:
        return
    raise ValueError(f"{part}.{name} concerns another kind of run; {what} {reads}")


def recipe_from_json(value: dict[str, Any]) -> Recipe:
    """The recipe that `dataclasses.asdict` wrote.

    Raises ValueError for a field that is unknown or missing, and for a value that `check` refuses.
    """
    if not isinstance(value, dict):
        raise ValueError(f"a recipe in JSON is an object of fields; got {shortened(value)}")
    parts = _parts()
    for part, inner in value.items():
        if part not in {f.name for f in fields(Recipe)}:
            raise ValueError(_no_field(str(part)))
        if part not in parts:
            continue
        if not isinstance(inner, dict):
            raise ValueError(
                f"{part} of a recipe in JSON is an object of fields; got {shortened(inner)}"
            )
        for name in inner:
            if name not in {f.name for f in fields(parts[part])}:
                raise ValueError(_no_field(f"{part}.{name}"))
    for name in ("name", "about"):
        if name not in value:
            raise ValueError(f"a recipe in JSON has the field {name!r}; got only {list(value)}")
    made = Recipe(**{k: parts[k](**v) if k in parts else v for k, v in value.items()})
    check(made)
    return made


def recorded_fidelity(told: dict[str, Any]) -> Fidelity:
    """The fidelity that a trace's header tells.

    A field that it does not tell, since the trace is older, has its default; so has one that it
    tells nonsense of, and what this version does not know is left out.
    """
    hints = _hints(Fidelity)
    known = {k: told[k] for k in hints if k in told and _is_choice(told[k], get_args(hints[k]))}
    return Fidelity(**known)


# What each number may be, besides finite: how an error says it, the test, and the fields.
RANGES: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    (
        "must be greater than 0",
        lambda x: x > 0,
        (
            *("data.resolution", "network.layers", "network.filters", "network.nodes"),
            *("controller.hidden", "controller.tanh_constant", "controller.temperature"),
            "controller.op_tanh_reduce",
            *("controller.lr", "controller.adam_eps", "controller.samples"),
            *("train.epochs", "train.batch_size", "train.lr_max"),
            *("train.restart_period", "train.restart_factor", "train.accumulate"),
            *("compute.processes", "keep_steps"),
        ),
    ),
    (
        "must be 0 or greater",
        lambda x: x >= 0,
        (
            *("data.train_images", "data.valid_images", "data.crop_padding", "data.cutout"),
            *("controller.init_range", "controller.updates", "controller.reward_images"),
            *("controller.entropy_weight", "controller.skip_weight"),
            *("train.lr_min", "train.l2", "compute.threads", "network.aux_weight"),
        ),
    ),
    ("is in (0, 1]", lambda x: 0 < x <= 1, ("network.keep_prob", "network.drop_path_keep")),
    ("is in (0, 1)", lambda x: 0 < x < 1, ("controller.skip_prior",)),
    ("is in [0, 1]", lambda x: 0 <= x <= 1, ("controller.baseline_decay",)),
    (
        "is in [0, 1)",
        lambda x: 0 <= x < 1,
        ("controller.adam_beta1", "controller.adam_beta2", "train.momentum"),
    ),
)

# Far beyond any run: a recipe that a stranger sent must not fill the memory before it is refused.
MOST: dict[str, int] = {
    "data.resolution": 4096,
    "data.crop_padding": 4096,
    "data.cutout": 4096,
    "network.filters": 8192,
    "controller.hidden": 8192,
    "controller.samples": 100_000,
    "controller.updates": 10**9,
    "controller.reward_images": 10**9,
    "train.epochs": 10**9,
    "train.batch_size": 10**9,
    "train.accumulate": 10**6,
    "train.restart_period": 10**9,
    "train.restart_factor": 10**9,
    "compute.threads": 4096,
    "compute.processes": 4096,
}
# Of all other numbers: single precision, in which networks compute, holds these with room to spare.
LARGEST, SMALLEST = 1e30, 1e-30
MOST_WEIGHTS = 10**8  # layers times filters squared, of cells also times 2 nodes squared


def check(made: Recipe) -> None:
    """Raises ValueError, naming the field, when a value is outside its choices or its range."""
    _check_recipe(made)
    _check_kinds(made)
    _check_ranges(made)
    _check_size(made)
    _check_together(made)


def checked_fidelity(fidelity: Fidelity | None) -> Fidelity:
    """By what to build: the default for None. Raises ValueError for a value that its field does not
    have, so that nothing is built by a default instead."""
    if fidelity is None:
        return Fidelity()
    if not isinstance(fidelity, Fidelity):
        expected = "a Fidelity, e.g. recipes.PRESETS['paper']"
        raise TypeError(f"expected {expected}; got {shortened(fidelity)}")
    for name, hint in _hints(Fidelity).items():
        _check_kind(f"fidelity.{name}", getattr(fidelity, name), hint)
    return fidelity


def _check_kinds(made: Recipe) -> None:
    for f in fields(Recipe):
        _check_part(f.name, getattr(made, f.name))


def _check_part(part: str, value: Any) -> None:
    """Raises ValueError for a value of a recipe's field that is of another kind than its."""
    kind = _parts().get(part)
    if kind is None:
        _check_kind(part, value, _hints(Recipe)[part])
        return
    if not isinstance(value, kind):
        raise ValueError(f"{part} of a recipe is a {kind.__name__}; got {shortened(value)}")
    for name, hint in _hints(kind).items():
        _check_kind(f"{part}.{name}", getattr(value, name), hint)


def _check_ranges(made: Recipe) -> None:
    for what, holds, names in RANGES:
        for where in names:
            part, _, name = where.rpartition(".")
            value = getattr(getattr(made, part) if part else made, name)
            if not holds(value):
                raise ValueError(f"{where} {what}; got {shortened(value)}")
            if value > (most := MOST.get(where, LARGEST)):
                raise ValueError(f"{where} must be at most {most}; got {shortened(value)}")
            if 0 < value < SMALLEST:
                raise ValueError(f"{where} must be at least {SMALLEST}; got {shortened(value)}")


def _check_size(made: Recipe) -> None:
    if made.network.layers > MAX_LAYERS:
        raise ValueError(f"network.layers must be at most {MAX_LAYERS}; got {made.network.layers}")
    if made.network.nodes > MAX_NODES:
        raise ValueError(f"network.nodes must be at most {MAX_NODES}; got {made.network.nodes}")
    size = made.network.layers * made.network.filters**2
    if made.network.space == "micro":
        size *= 2 * made.network.nodes**2  # each node has weights for every tensor before it
    if size > MOST_WEIGHTS:
        raise ValueError(
            f"network.layers, filters and nodes make a network of more than a thousand million "
            f"weights; got {made.network.layers}, {made.network.filters}, {made.network.nodes}"
        )
    if made.network.filters % 2:
        raise ValueError(
            f"network.filters must be even, since a factorized reduction joins two halves; "
            f"got {made.network.filters}"
        )


def _check_together(made: Recipe) -> None:
    """What one field allows another to be."""
    if made.network.space == "macro" and made.network.aux_weight:
        raise ValueError(
            f"network.aux_weight is for micro networks, since macro networks have no auxiliary "
            f"head; got {made.network.aux_weight}, expected 0"
        )
    _check_operations(made)
    final = made.strategy == "final"
    if made.kind == "macro-final":
        made.fidelity.skip_merge(final)  # refuses what cannot be together
    if made.network.drop_path_keep < 1 and made.kind != "micro-final":
        raise ValueError(
            f"network.drop_path_keep is for the final training of cells; a {made.kind} recipe "
            f"takes 1, got {made.network.drop_path_keep}"
        )
    if not final and not made.data.holdout:
        raise ValueError(
            "data.holdout is false, but a search needs validation images for its rewards; only "
            "final training may use all images"
        )
    if made.data.valid_images and not made.data.holdout:
        raise ValueError(
            f"data.valid_images is {made.data.valid_images}, but with data.holdout false all "
            f"images are for training; set data.holdout to true, or data.valid_images to 0"
        )
    if not final and made.data.cutout:
        raise ValueError(
            f"data.cutout is for final training; a search takes 0, got {made.data.cutout}"
        )
    if made.train.accumulate % made.compute.processes:
        raise ValueError(
            f"train.accumulate ({made.train.accumulate}) must be a multiple of compute.processes "
            f"({made.compute.processes}), since each process takes minibatches of its own; e.g. "
            f"train.accumulate {made.compute.processes}"
        )
    side = -(-made.data.resolution // 4)  # pixels after two reductions
    if made.network.aux_weight and side < AUXILIARY_WINDOW:
        raise ValueError(
            f"the auxiliary head reads a map of at least {AUXILIARY_WINDOW} by {AUXILIARY_WINDOW} "
            f"pixels, and a resolution of {made.data.resolution} leaves {side} after two "
            f"reductions; set network.aux_weight to 0, or data.resolution to "
            f"{4 * AUXILIARY_WINDOW - 3} or more"
        )


def _check_operations(made: Recipe) -> None:
    """Raises ValueError for operations that the recipe's space cannot have."""
    try:
        _ = made.space
    except ValueError as error:
        raise ValueError(f"network.ops: {error}") from None


def _check_recipe(made: Any) -> None:
    if not isinstance(made, Recipe):
        raise ValueError(f"a recipe is what `recipe(name)` gives; got {shortened(made)}")


def _check_kind(where: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"{where} is a list of names; got {shortened(value)}")
        return
    if choices := get_args(hint):
        if not _is_choice(value, choices):
            names = [str(c) for c in choices]
            got = f"{shortened(value)}{_did_you_mean(value, names)}"
            raise ValueError(f"{where} is one of {', '.join(names)}; got {got}")
        return
    taken = (int, float) if hint is float else hint
    if not isinstance(value, taken) or (isinstance(value, bool) and hint is not bool):
        kind = f"a{'n' if hint is int else ''} {hint.__name__}"
        raise ValueError(f"{where} must be {kind}; got {shortened(value)}")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{where} must be text that UTF-8 can hold; got {value!r}")


def _is_choice(value: Any, choices: tuple[Any, ...]) -> bool:
    return any(type(value) is type(c) and value == c for c in choices)


def field_names() -> list[str]:
    """Every settable field of a recipe as `part.field`."""
    return [
        f"{f.name}.{inner.name}" if f.name in _parts() else f.name
        for f in fields(Recipe)
        for inner in (fields(_parts()[f.name]) if f.name in _parts() else (f,))
    ]


def _parts() -> dict[str, type]:
    hints = _hints(Recipe)
    return {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}


def _no_field(path: str) -> str:
    names = field_names()
    same = [name for name in names if name.rpartition(".")[2] == path.rpartition(".")[2]]
    hint = f"; did you mean {same[0]!r}?" if same else _did_you_mean(path, names)
    return f"a recipe has no field {path!r}{hint}"


def _did_you_mean(word: Any, names: Iterable[str]) -> str:
    """The end of an error: the nearest of `names`, or nothing where none is near."""
    near = difflib.get_close_matches(word, names, 1, 0.5) if isinstance(word, str) else []
    return f"; did you mean {near[0]!r}?" if near else ""
