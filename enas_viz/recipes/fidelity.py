"""Points where paper, released code and article differ: one named field each, a preset per source.

Origins: [C] the authors' released code and scripts, [P] the paper, [P0] its early anonymous draft,
[A] the article; ours where no source is named.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from enas_viz.spaces.operations import STANDARD

Preset = Literal["default", "released", "paper", "article"]

# fidelity.op_prior = "released", as in the authors' micro_controller.py
FAVOURED = tuple(op for op in STANDARD.values() if op.family == "sep")  # what it favours
PRIOR_BIAS = 10.0  # where their learned bias starts, ...
PRIOR_SHIFT = 0.25  # ... and what is added to them, and taken from the others, in normal cells


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


_RELEASED: dict[str, Any] = {
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
_ARTICLE: dict[str, Any] = {
    "macro_order": "skips-first",
    "skip_merge_search": "concat",
    "micro_reduction_search": "stride2",
    "micro_stack": "trailing",
    "next_input": "mean",
    "op_prior": "none",
}
_PAPER: dict[str, Any] = _ARTICLE | {
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

_PRESETS = {"micro": MICRO_PRESETS}


def presets_of(space: str) -> dict[str, Fidelity]:
    """The presets of a search over that kind of space, by the name of its source."""
    return _PRESETS.get(space, PRESETS)


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
