"""Recipes: the numbers of the sources, presets, and how a variant is made or refused."""

import json
import math
from dataclasses import asdict, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from enas_viz.recipes import (
    IN_USE,
    MICRO_PRESETS,
    PRESETS,
    RANGES,
    RECIPES,
    Compute,
    Fidelity,
    TrainConfig,
    as_json,
    change,
    check,
    field_names,
    recipe,
    recipe_from_json,
    recorded_fidelity,
)
from enas_viz.spaces import MacroSpace, MicroSpace

GOLDEN = json.loads((Path(__file__).parent / "golden" / "hyperparameters.json").read_text())
SEARCH = GOLDEN["recipes"]["macro_search"]

# Where the sources differ: field, default, and what the authors' released code (commit 4bcfd73),
# the paper (arXiv:1802.03268) and the article (R. Karim, "Illustrated: Efficient Neural
# Architecture Search") do; "macro/micro" where the authors' two programs differ. A source that is
# silent about a field keeps the default, but never the released prior, which only the code has.
TABLE = """
macro_dispatch          sampled               last_branch     sampled               sampled
macro_order             op-first              op-first        skips-first           skips-first
skip_wiring             layer                 code            layer                 layer
skip_merge_search       add                   add             input                 concat
skip_merge_final        concat                concat          concat                concat
macro_final_ops         true                  dense           true                  true
micro_reduction_search  fr_then_cell          fr_then_cell    stride2               stride2
loose_inputs            count                 count           exclude               count
micro_stack             two_reductions        two_reductions  trailing              trailing
skip_penalty_in         loss                  loss            reward                loss
sep_conv_stack          2                     2               2                     2
state_after_anchor      carried               carried         carried               carried
next_input              sum_over_1_plus_n     sum_over_1_plus_n  mean               mean
entropy                 full                  sampled/full    full                  full
skip_penalty_on         sampling_probability  logit           sampling_probability  sampling_probability
op_prior                released              released        none                  none
baseline_start          zero                  zero            zero                  zero
reward_bn               batch                 moving/batch    batch                 batch
reward_dropout          off                   off/on          off                   off
reward_batch            own                   own             own                   own
idle_weights            still                 decay           still                 still
clip                    none                  none            none                  none
aux_head                trained               frozen          trained               trained
cutout                  centre                corner          centre                centre
restart_step            clean                 mid_rate        clean                 clean
bn_average              plain                 zero_debiased   plain                 plain
init_fan_in             true                  released        true                  true
"""  # noqa: E501 (a table)
SOURCES = ("default", "released", "paper", "article")
ROWS = [line.split() for line in TABLE.strip().split("\n")]


# ---- what the sources say


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_presets_are_the_table_of_where_the_sources_differ(row):
    name, *values = row
    for column, presets in enumerate((PRESETS, MICRO_PRESETS)):
        wanted = [value.split("/")[column if "/" in value else 0] for value in values]

        assert [str(getattr(presets[source], name)) for source in SOURCES] == wanted


def test_no_two_sources_are_the_same():
    for presets in (PRESETS, MICRO_PRESETS):
        assert tuple(presets) == SOURCES
        assert len(set(presets.values())) == len(SOURCES)


def test_the_table_has_a_row_for_each_field_of_fidelity():
    assert [row[0] for row in ROWS] == [f.name for f in fields(Fidelity)]
    assert {f.name for f in fields(Fidelity)} == set().union(*IN_USE.values())
    assert Fidelity() == PRESETS["default"]


def test_every_value_of_a_preset_is_among_the_choices_of_its_field():
    for name, hint in get_type_hints(Fidelity).items():
        assert len(get_args(hint)) > 1
        assert all(getattr(preset, name) in get_args(hint) for preset in PRESETS.values())


def test_final_training_recorded_before_it_had_a_choice_concatenated_its_skips():
    results = Path(__file__).parents[1] / "results"
    kept = results / "macro-final-cpu-derive-seed0" / "run.json"
    told = json.loads(kept.read_text(encoding="utf-8"))["recipe"]
    assert "skip_merge_final" not in told["fidelity"]

    assert recipe_from_json(told).fidelity.skip_merge(final=True) == "concat"
    assert recorded_fidelity(told["fidelity"]).skip_merge(final=True) == "concat"


def test_the_released_recipe_has_the_numbers_of_the_authors_script():
    made = recipe("macro-released")
    child, optimizer = SEARCH["child"], SEARCH["optimizer"]

    network = made.network
    assert (network.space, network.layers) == ("macro", child["num_layers"])
    assert (network.filters, network.keep_prob) == (child["out_filters"], child["keep_prob"])
    assert asdict(made.train) == {
        "epochs": SEARCH["num_epochs"],
        "batch_size": SEARCH["batch_size"],
        "lr_max": optimizer["lr_max"],
        "lr_min": optimizer["lr_min"],
        "restart_period": optimizer["lr_T_0"],
        "restart_factor": optimizer["lr_T_mul"],
        "momentum": optimizer["momentum"],
        "l2": optimizer["l2_reg_tf"],
        "accumulate": 1,  # one architecture a step
    }


def final_numbers(script: str) -> dict:
    """The values of a script for final training that take effect, as a recipe names them."""
    theirs = GOLDEN["recipes"][script]
    child, optimizer = theirs["child"], theirs["optimizer"]
    return {
        "layers": child["num_layers"],
        "filters": child["out_filters"],
        "keep_prob": child["keep_prob"],
        "drop_path_keep": child.get("drop_path_keep_prob") or 1.0,
        "aux_weight": child.get("aux_weight") or 0.0,
        "epochs": theirs["num_epochs"],
        "batch_size": theirs["batch_size"],
        "lr_max": optimizer["lr_max"],
        "lr_min": optimizer["lr_min"],
        "l2": optimizer["l2_reg_tf"],
    }


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_the_released_final_recipes_have_the_numbers_of_the_authors_scripts(kind):
    made = recipe(f"{kind}-final-released")

    found = asdict(made.network) | asdict(made.train)
    wanted = final_numbers(f"{kind}_final")
    assert {name: found[name] for name in wanted} == wanted
    assert not made.data.holdout
    assert recipe("micro-final").network.layers == 18  # the paper's 4.6 million parameters
    assert recipe("micro-final-cutout").data.cutout == 16


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("macro-tiny", {"data__holdout": False}, "a search needs validation images"),
        ("macro-tiny", {"data__cutout": 4}, "data.cutout is for final training"),
        ("micro-tiny", {"network__drop_path_keep": 0.5}, "is for the final training of cells"),
        ("macro-final", {"network__drop_path_keep": 0.5}, "is for the final training of cells"),
        ("macro-tiny", {"compute__processes": 2}, "must be a multiple of compute.processes"),
    ],
)
def test_what_another_kind_of_run_needs_is_refused(name, changes, told):
    with pytest.raises(ValueError, match=told):
        recipe(name, **changes)


def test_the_released_controller_has_the_numbers_of_the_authors_script():
    made, theirs = recipe("macro-released").controller, SEARCH["controller"]

    assert theirs["temperature"] is None  # unset: logits are not divided
    assert theirs["init"] == "uniform(-0.1, 0.1)"
    assert SEARCH["reward"]["batch_size"] == SEARCH["batch_size"]  # what reward_images=0 means
    assert asdict(made) == {
        "hidden": theirs["lstm_size"],
        "init_range": 0.1,
        "tanh_constant": theirs["tanh_constant"],
        "temperature": 1.0,
        "lr": theirs["lr"],
        "adam_beta1": theirs["adam_beta1"],
        "adam_beta2": theirs["adam_beta2"],
        "adam_eps": theirs["adam_eps"],
        "updates": theirs["updates_per_epoch"],
        "samples": theirs["num_aggregate"],
        "reward_images": 0,
        "entropy_weight": theirs["entropy_weight"],
        "baseline_decay": theirs["baseline_decay"],
        "skip_prior": theirs["skip_target"],
        "skip_weight": theirs["skip_weight"],
        "op_tanh_reduce": 2.5,  # passed by the script, and read by the micro search only
    }


def test_the_released_micro_recipe_has_the_numbers_of_the_authors_script():
    made, theirs = recipe("micro-released"), GOLDEN["recipes"]["micro_search"]
    child, optimizer, controller = theirs["child"], theirs["optimizer"], theirs["controller"]

    assert asdict(made.network) == {
        "space": "micro",
        "layers": child["num_layers"],
        "filters": child["out_filters"],
        "keep_prob": child["keep_prob"],
        "nodes": child["nodes_per_cell"],
        "aux_weight": child["aux_weight"],
        "drop_path_keep": 1.0,  # no drop path while searching
        "ops": (),  # the paper's
    }
    assert (made.train.epochs, made.train.batch_size) == (
        theirs["num_epochs"],
        theirs["batch_size"],
    )
    assert (made.train.lr_max, made.train.lr_min) == (optimizer["lr_max"], optimizer["lr_min"])
    assert made.train.l2 == optimizer["l2_reg_tf"]
    assert made.controller.lr == controller["lr"]
    assert made.controller.tanh_constant == controller["tanh_constant"]
    assert made.controller.op_tanh_reduce == controller["op_tanh_reduce_effective"]
    assert (made.controller.updates, made.controller.samples) == (
        controller["updates_per_epoch"],
        controller["num_aggregate"],
    )
    assert theirs["reward"]["batch_norm"] == "batch statistics"
    assert made.fidelity.reward_bn == "batch"
    assert theirs["reward"]["dropout"]
    assert made.fidelity.reward_dropout == "on"
    assert "full" in controller["entropy_form"]
    assert made.fidelity.entropy == "full"
    assert not child["aux_head_weights_trained"]
    assert made.fidelity.aux_head == "frozen"
    assert made.fidelity.op_prior == "released"


def test_a_preset_means_the_authors_micro_program_for_a_micro_recipe():
    made = recipe("micro-tiny", fidelity="released")

    assert made.fidelity == MICRO_PRESETS["released"]
    assert made.fidelity != PRESETS["released"]
    assert all(MICRO_PRESETS[name] == PRESETS[name] for name in ("default", "paper", "article"))


def test_micro_recipes_for_two_cores_leave_the_prior_out_and_say_so():
    for name in ("micro-tiny", "micro-cifar10-cpu"):
        assert recipe(name).fidelity == Fidelity(op_prior="none")


def test_a_micro_recipes_space_is_its_nodes_and_its_order_its_own():
    made = recipe("micro-tiny", network__nodes=3)

    assert made.space == MicroSpace(3)
    assert made.order == "indices-first"
    assert recipe("macro-paper").order == "skips-first"


def test_the_released_recipe_treats_images_and_rewards_as_the_authors_script_does():
    made = recipe("macro-released")

    assert (made.data.name, made.data.resolution) == ("cifar10", 32)
    assert SEARCH["data"]["train_augment"][0].startswith(f"zero-pad {made.data.crop_padding} px")
    assert made.data.flip
    assert SEARCH["reward"]["batch_norm"] == "moving averages"
    assert made.fidelity.reward_bn == "moving"
    assert (made.fidelity.reward_dropout == "on") == SEARCH["reward"]["dropout"]
    assert SEARCH["optimizer"]["grad_clip_effective"] is None
    assert made.fidelity.clip == "none"


def test_the_paper_recipe_has_the_numbers_of_the_text():
    made, text = recipe("macro-paper"), GOLDEN["paper_text"]
    child, controller = text["child"], text["controller"]

    assert made.train.lr_max == child["lr_max"]
    assert made.train.lr_min == child["lr_min"]
    assert made.train.restart_period == child["T_0"]
    assert made.train.restart_factor == child["T_mul"]
    assert made.train.epochs == child["epochs"]
    assert made.train.l2 == child["l2"]
    assert made.controller.hidden == controller["lstm_hidden"]
    assert made.controller.lr == controller["lr"]
    assert made.controller.init_range == controller["init_range"]
    assert made.controller.tanh_constant == controller["tanh_constant"]
    assert made.controller.temperature == controller["temperature"]
    assert made.controller.entropy_weight == controller["entropy_weight"]
    assert made.controller.skip_prior == controller["skip_target"]
    assert made.controller.skip_weight == controller["skip_weight"]
    assert made.controller.updates * made.controller.samples == controller["steps_per_epoch"]


@pytest.mark.parametrize("name", ["macro-final", "micro-final", "micro-final-cutout"])
def test_the_papers_final_recipes_have_the_numbers_of_the_text(name):
    made, text = recipe(f"{name}-paper"), GOLDEN["paper_text"]["child"]

    train = made.train
    assert (train.epochs, train.lr_max, train.lr_min) == (310, text["lr_max"], text["lr_min"])
    assert train.epochs == text["epochs"]
    assert (train.restart_period, train.restart_factor) == (text["T_0"], text["T_mul"])
    assert train.l2 == text["l2"]
    assert made.fidelity == PRESETS["paper"]


@pytest.mark.parametrize("name", RECIPES)
def test_training_ends_with_a_whole_cosine(name):
    train = recipe(name).train

    ends, period = 0, train.restart_period
    while ends < train.epochs:
        ends, period = ends + period, period * train.restart_factor
    assert ends == train.epochs


# ---- recipes


def test_the_micro_paper_recipe_has_the_numbers_of_the_text():
    made, text = recipe("micro-paper"), GOLDEN["paper_text"]

    assert made.train.lr_min == text["child"]["lr_min"]
    assert made.train.l2 == text["child"]["l2"]
    for name, told in (
        *(("hidden", "lstm_hidden"), ("lr", "lr"), ("tanh_constant", "tanh_constant")),
        *(("temperature", "temperature"), ("entropy_weight", "entropy_weight")),
    ):
        assert getattr(made.controller, name) == text["controller"][told]
    assert made.controller.op_tanh_reduce == 1.0  # the text has one constant for all logits
    steps = made.controller.updates * made.controller.samples
    assert steps == text["controller"]["steps_per_epoch"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_and_known_by_its_name(name):
    made = recipe(name)

    check(made)
    assert made.name == name
    assert made.about


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_comes_back_from_its_json(name):
    made = recipe(name, train__epochs=3, keep_steps=2)

    again = recipe_from_json(json.loads(json.dumps(as_json(made))))

    assert again == made
    assert hash(again) == hash(made)
    assert {**made.to_json(), "fidelity": as_json(made.fidelity)} == as_json(made)
    assert as_json(again) == as_json(made)
    assert "fidelity" not in made.to_json()


def test_the_wiring_of_a_recipes_space_is_its_fidelitys():
    assert recipe("macro-released").space == MacroSpace(12, wiring="code")
    assert recipe("macro-tiny").space == MacroSpace(6)


def test_fields_are_listed_as_part_and_name():
    names = field_names()

    assert {"name", "keep_steps", "train.epochs", "fidelity.entropy", "data.flip"} <= set(names)
    assert len(names) == len(set(names))
    assert "train" not in names


def test_every_number_of_a_recipe_has_one_range():
    made = recipe("macro-tiny")
    numbers = [
        name
        for name in field_names()
        if type(attrgetter(name)(made)) in (int, float) and not name.startswith("fidelity.")
    ]

    assert sorted(name for _, _, names in RANGES for name in names) == sorted(numbers)


def test_recorded_fidelity_has_defaults_where_a_trace_tells_nothing_or_nonsense():
    told = {"loose_inputs": "exclude", "clip": "hard", "sep_conv_stack": True, "novel": 1}

    assert recorded_fidelity(told) == Fidelity(loose_inputs="exclude")
    assert recorded_fidelity(asdict(PRESETS["paper"])) == PRESETS["paper"]
    assert recorded_fidelity({}) == Fidelity()


# ---- variants


def test_a_variant_differs_where_it_says_so_and_leaves_its_base_alone():
    base = recipe("macro-tiny")

    made = change(base, train__epochs=3, controller__lr=1, data__flip=True, name="mine")

    assert made == replace(
        base,
        name="mine",
        train=replace(base.train, epochs=3),
        controller=replace(base.controller, lr=1),
        data=replace(base.data, flip=True),
    )
    assert base == RECIPES["macro-tiny"]


def test_fidelity_is_changed_by_preset_by_object_or_by_field():
    by_name = recipe("macro-tiny", fidelity="released", fidelity__entropy="full")

    assert by_name.fidelity == replace(PRESETS["released"], entropy="full")
    assert recipe("macro-tiny", fidelity=PRESETS["paper"]).fidelity == PRESETS["paper"]


@pytest.mark.parametrize("kind", IN_USE)
def test_a_field_that_a_search_does_not_read_may_keep_its_value_only(kind):
    base = RECIPES[f"{kind}-tiny"]
    assert recipe(base.name, fidelity__cutout="centre") == base
    for name, hint in get_type_hints(Fidelity).items():
        other = next(v for v in get_args(hint) if v != getattr(base.fidelity, name))
        if name in IN_USE[kind]:
            assert recipe(base.name, **{f"fidelity__{name}": other})
        else:
            with pytest.raises(ValueError, match=f"fidelity.{name} concerns another kind of"):
                recipe(base.name, **{f"fidelity__{name}": other})


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("macro-tiny", {"network__aux_weight": 0.4}, "macro networks have no auxiliary head"),
        ("micro-tiny", {"network__aux_weight": 0.4}, "at least 5 by 5 .* of 8 leaves 2 .* to 17"),
        ("micro-tiny", {"network__nodes": 2000}, "network.nodes must be at most 1000"),
        ("macro-tiny", {"network__nodes": 7}, "nodes concerns another kind .* a macro search has"),
        ("macro-final-tiny", {"controller__lr": 0.1}, "lr concerns another .* final training of"),
        ("macro-final-tiny", {"data__valid_images": 9}, "valid_images is 9, but with data.holdout"),
        ("micro-tiny", {"network__space": "mini"}, "is one of macro, micro; got 'mini'"),
    ],
)
def test_what_cannot_be_is_refused(name, changes, told):
    with pytest.raises(ValueError, match=told):
        recipe(name, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("macro-tny", {}, "no recipe 'macro-tny'; there are macro-tiny, .*mean 'macro-tiny'?"),
        ("xyz", {}, "no recipe 'xyz'; there are macro-tiny, macro-cifar10-cpu, [^;]*$"),
        ("macro-tiny", {"epochs": 3}, "no field 'epochs'; did you mean 'train.epochs'?"),
        ("macro-tiny", {"train__epoch": 3}, "no field 'train.epoch'; did you mean 'train.epochs'?"),
        ("macro-tiny", {"lr": 3}, "no field 'lr'; did you mean 'controller.lr'?"),
        ("macro-tiny", {"train__filters": 3}, "'train.filters'; did you mean 'network.filters'?"),
        ("macro-tiny", {"xyzzy": 3}, "no field 'xyzzy'$"),
        ("macro-tiny", {"base": 3}, "no field 'base'"),
        ("macro-tiny", {"name__short": "x"}, "a recipe has no field 'name.short'"),
        ("macro-tiny", {"record": "ful"}, "record is one of steps, full; .*'ful'; .*mean 'full'?"),
        ("macro-tiny", {"record": None}, "record is one of steps, full; got None"),
        (
            "macro-tiny",
            {"strategy": "enass"},
            "strategy is one of enas, evolution, random, final; .*did you mean 'enas'?",
        ),
        ("macro-tiny", {"fidelity": "relased"}, "got 'relased'; did you mean 'released'?"),
        ("macro-tiny", {"fidelity__clip": "global"}, "got 'global'; did you mean 'global5'?"),
        (None, {}, "no recipe None; there are macro-tiny, "),
        ([], {}, r"no recipe \[\]; there are macro-tiny, "),
        ("macro-tiny", {"fidelity": "rumour"}, "preset is one of default, .*; got 'rumour'"),
        ("macro-tiny", {"fidelity__clip": "hard"}, "fidelity.clip is one of none, .*got 'hard'"),
        ("macro-tiny", {"compute__precision": "int8"}, "compute.precision is one of auto, "),
    ],
)
def test_a_wish_for_what_is_not_there_is_refused_with_what_is_near(name, changes, told):
    with pytest.raises(ValueError, match=told):
        recipe(name, **changes)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        *(
            (name, 0, f"{name.replace('__', '.')} must be greater than 0; got 0")
            for name in (
                *("data__resolution", "network__layers", "network__filters"),
                *("controller__hidden", "controller__samples", "controller__lr"),
                *("controller__temperature", "controller__tanh_constant"),
                *("train__epochs", "train__batch_size", "train__lr_max"),
                *("train__restart_period", "train__restart_factor", "keep_steps"),
            )
        ),
        *(
            (name, -1, f"{name.replace('__', '.')} must be 0 or greater; got -1")
            for name in (
                *("data__train_images", "data__valid_images", "data__crop_padding"),
                *("controller__init_range", "controller__updates", "controller__reward_images"),
                *("controller__entropy_weight", "controller__skip_weight"),
                *("train__lr_min", "train__l2", "compute__threads"),
            )
        ),
        *(
            (name, math.inf, f"{name.replace('__', '.')} must be at most 1e.30; got inf")
            for name in (
                *("controller__lr", "controller__tanh_constant", "controller__temperature"),
                *("controller__adam_eps", "controller__init_range", "controller__entropy_weight"),
                *("controller__skip_weight", "train__lr_max", "train__lr_min", "train__l2"),
            )
        ),
        *(
            (name, value, rf"{name.replace('__', '.')} is in \[0, 1.; got {value}")
            for name, *values in (
                ("controller__baseline_decay", -0.1, 1.1, math.inf, math.nan),
                ("controller__adam_beta1", -0.1, 1.0, math.nan),
                ("controller__adam_beta2", -0.1, 1.0, math.nan),
                ("train__momentum", -0.1, 1.0, math.nan),
            )
            for value in values
        ),
        ("controller__adam_eps", 0.0, "controller.adam_eps must be greater than 0; got 0.0"),
        ("controller__entropy_weight", math.nan, "entropy_weight must be 0 or greater; got nan"),
        ("controller__lr", 10**400, "controller.lr must be at most 1e.30; got 1000"),
        ("network__keep_prob", math.nan, r"network.keep_prob is in \(0, 1\]; got nan"),
        ("network__layers", 1001, "network.layers must be at most 1000; got 1001"),
        ("data__cutout", 10**20, "data.cutout must be at most 4096; got 1000"),
        ("fidelity__clip", True, "fidelity.clip is one of none, global5; got True"),
        ("controller__temperature", 1e-40, "controller.temperature must be at least 1e-30; got"),
        ("name", "caf\udce9", "name must be text that UTF-8 can hold; got 'caf.udce9'"),
        ("network", None, "network of a recipe is a NetworkConfig; got None"),
        ("name", 5, "^name must be a str; got 5"),
        ("about", None, "^about must be a str; got None"),
        ("train__epochs", -3, "train.epochs must be greater than 0; got -3"),
        ("controller__lr", float("nan"), "controller.lr must be greater than 0; got nan"),
        ("network__filters", 7, "network.filters must be even, .*; got 7"),
        ("network__keep_prob", 0.0, r"network.keep_prob is in \(0, 1\]; got 0.0"),
        ("network__keep_prob", 1.5, r"network.keep_prob is in \(0, 1\]; got 1.5"),
        ("controller__skip_prior", 1.0, r"controller.skip_prior is in \(0, 1\); got 1.0"),
        ("controller__skip_prior", 0.0, r"controller.skip_prior is in \(0, 1\); got 0.0"),
        ("train__epochs", "3", "train.epochs must be an int; got '3'"),
        ("train__epochs", 2.5, "train.epochs must be an int; got 2.5"),
        ("train__epochs", True, "train.epochs must be an int; got True"),
        ("train__lr_max", None, "train.lr_max must be a float; got None"),
        ("data__flip", 1, "data.flip must be a bool; got 1"),
        ("data__name", 10, "data.name must be a str; got 10"),
        ("keep_steps", "all", "keep_steps must be an int; got 'all'"),
        ("data", "cifar10", "data of a recipe is a DataConfig; got 'cifar10'"),
        ("train", Compute(), "train of a recipe is a TrainConfig; got Compute"),
    ],
)
def test_a_value_outside_its_range_is_refused_with_its_field(field, value, told):
    with pytest.raises(ValueError, match=told):
        recipe("macro-tiny", **{field: value})


def test_the_ends_of_a_range_that_belong_to_it_are_taken():
    made = recipe(
        "macro-tiny",
        controller__baseline_decay=0.0,
        controller__adam_beta1=0,
        train__momentum=0.0,
        train__l2=0.0,
        network__keep_prob=1.0,
        network__layers=1000,
    )

    assert change(made, controller__baseline_decay=1.0).controller.baseline_decay == 1.0


def test_a_choice_is_refused_where_it_is_only_equal_in_number():
    with pytest.raises(ValueError, match="fidelity.sep_conv_stack is one of 2, 1; got True"):
        recipe("macro-tiny", fidelity=Fidelity(sep_conv_stack=True))


def test_a_recipe_takes_a_name_of_its_own():
    assert recipe("macro-tiny", name="mine", about="my search").name == "mine"


@pytest.mark.parametrize("value", [None, "macro-tiny", {}])
def test_what_is_no_recipe_is_neither_checked_nor_changed(value):
    for refuse in (check, change, lambda base: change(base, keep_steps=2)):
        with pytest.raises(ValueError, match="a recipe is what `recipe.name.` gives; got"):
            refuse(value)


def test_a_whole_part_may_be_replaced():
    assert recipe("macro-tiny", train=TrainConfig(epochs=2)).train.epochs == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"name": "x", "about": "", "train": {"epoch": 3}}, "no field 'train.epoch'; did you mean"),
        ({"name": "x", "about": "", "trane": {}}, "a recipe has no field 'trane'"),
        ({"name": "x", "about": "", "train": {"epochs": 0}}, "train.epochs must be greater than 0"),
        ([], r"a recipe in JSON is an object of fields; got \[\]"),
        (None, "a recipe in JSON is an object of fields; got None"),
        ({"name": "x", "about": "", "train": [3]}, r"train of a recipe in JSON is an .*got \[3\]"),
        ({"name": "x", "about": "", "train": None}, "train of a recipe in JSON is an .*got None"),
        ({"name": "x", "about": "", "train": {"epochs": [3]}}, r"epochs must be an int; got \[3\]"),
        ({"name": "x", "about": "", "train": {5: 3}}, "a recipe has no field 'train.5'"),
        ({"name": "x", "about": "", 5: 3}, "a recipe has no field '5'"),
        ({"name": "x", "about": "", "record": []}, r"record is one of steps, full; got \[\]"),
        ({"about": ""}, r"a recipe in JSON has the field 'name'; got only \['about'\]"),
        ({"name": "x"}, r"a recipe in JSON has the field 'about'; got only \['name'\]"),
    ],
)
def test_json_with_wrong_fields_is_refused(value, told):
    with pytest.raises(ValueError, match=told):
        recipe_from_json(value)


def test_a_preset_means_the_same_in_whatever_order_a_change_is_told():
    one = recipe("macro-tiny", fidelity="released", network__space="micro")
    other = recipe("macro-tiny", network__space="micro", fidelity="released")

    assert one == other
    assert one.fidelity == MICRO_PRESETS["released"]


@pytest.mark.parametrize("name", [n for n in RECIPES if n.endswith(("-cpu", "-tiny"))])
def test_a_recipe_for_the_cpu_states_its_number_of_threads(name):
    assert RECIPES[name].compute.threads == 1
