"""Recipes changed, checked, and read from JSON: a variant is one visible line."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from reprlib import repr as shortened  # what is refused may be endless
from typing import Any, get_args, get_origin, get_type_hints

from enas_viz.recipes.catalogue import RECIPES
from enas_viz.recipes.fidelity import IN_USE, PRESETS, Fidelity, presets_of
from enas_viz.recipes.fields import JudgeConfig, Recipe
from enas_viz.recipes.strategies import FINAL, config_of, known
from enas_viz.spaces import KINDS, MAX_LAYERS, MAX_NODES

AUXILIARY_WINDOW = 5  # pixels of the first pool of a micro network's auxiliary head

# Fields of `controller` that every strategy reads: so many turns an epoch, so many architectures
# each, judged on so many images.
OF_EVERY_STRATEGY = ("updates", "samples", "reward_images")
# Fields of fidelity that only an LSTM which learns by REINFORCE reads.
OF_CONTROLLERS = frozenset(
    {
        *("macro_order", "state_after_anchor", "next_input", "entropy", "op_prior"),
        *("skip_penalty_on", "skip_penalty_in", "baseline_start"),
    }
)

_hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)


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
    first = {"strategy": 0, "fidelity": 2}  # fidelity last, as it is of this kind
    order = sorted(changes, key=lambda key: first.get(key.partition("__")[0], 1))
    for key in order:
        value = changes[key]
        path = key.replace("__", ".")
        part, _, name = path.partition(".")
        if name and part not in _parts() and config_of(part) is not None:
            if part != base.strategy:
                raise ValueError(
                    f"{path} concerns the strategy {part!r}; this recipe's strategy is "
                    f"{base.strategy!r}"
                )
            part = "options"
        if part not in {f.name for f in fields(Recipe)}:
            raise ValueError(_no_field(path))
        if part == "fidelity" and isinstance(value, str) and not name:
            if value not in PRESETS:
                raise ValueError(
                    f"fidelity preset is one of {', '.join(PRESETS)}; got {value!r}"
                    f"{_did_you_mean(value, PRESETS)}"
                )
            value = presets_of(base.network.space)[value]
        if name:
            inner: Any = getattr(base, part)
            if not hasattr(inner, "__dataclass_fields__") or name not in {
                f.name for f in fields(inner)
            }:
                raise ValueError(_no_field(path))
            _check_kind(path, value, _hints(type(inner))[name])
            if value != getattr(inner, name):
                _check_in_use(base, part, name)
            value = replace(inner, **{name: value})
        base = replace(base, **{part: value})
        if part == "strategy" and value in known():
            kind = config_of(value)
            base = replace(base, options=kind and kind())
        _check_part(part, value)  # at once, since the next change may look at it
    check(base)
    return base


def _check_in_use(made: Recipe, part: str, name: str) -> None:
    """Raises ValueError when a run of this kind does not read the field `part.name`."""
    final, space = made.strategy == FINAL, made.network.space
    what = f"final training of {space} networks" if final else f"a {space} search"
    own = not final and made.strategy != "enas"
    if own:
        what += f" by the strategy {made.strategy!r}"
    if part == "fidelity" and name not in (read := fidelity_in_use(made)):
        reads = f"reads {', '.join(sorted(read))}"
    elif part == "controller" and own and name not in OF_EVERY_STRATEGY:
        reads = f"reads {', '.join(OF_EVERY_STRATEGY)}"
    elif (part in ("controller", "judge", "reward") and final) or (
        name == "nodes" and not KINDS[space].cells
    ):
        reads = "has none to set"
    else:
        return
    raise ValueError(f"{part}.{name} concerns another kind of run; {what} {reads}")


def fidelity_in_use(made: Recipe) -> frozenset[str]:
    """The fields of fidelity that a run of this recipe reads."""
    read = IN_USE[made.kind]
    return read if made.strategy in ("enas", FINAL) else read - OF_CONTROLLERS


def recipe_from_json(value: dict[str, Any]) -> Recipe:
    """The recipe that `dataclasses.asdict` wrote.

    Raises ValueError for a field that is unknown or missing, and for a value that `check` refuses.
    """
    if not isinstance(value, dict):
        raise ValueError(f"a recipe in JSON is an object of fields; got {shortened(value)}")
    strategy = value.get("strategy", Recipe.strategy)
    kind = config_of(strategy) if isinstance(strategy, str) else None
    if kind is not None:  # what its strategy reads stands under the strategy's name
        value = {"options" if k == strategy else k: v for k, v in value.items()}
    parts = _parts() | ({"options": kind} if kind else {})
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
            *("train.epochs", "train.batch_size", "train.lr_max", "judge.epochs"),
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
            *("controller.entropy_weight", "controller.skip_weight", "reward.weight"),
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
    "judge.epochs": 10**9,
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
    _check_unread(made)
    if hasattr(made.options, "check"):
        made.options.check()


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
    _check_strategy(made)


def _check_strategy(made: Recipe) -> None:
    """Raises ValueError for a strategy that is not known, and for options that are not its."""
    names = (*known(), FINAL)
    if not isinstance(made.strategy, str) or made.strategy not in names:
        raise ValueError(
            f"strategy is one of {', '.join(names)}; got {shortened(made.strategy)}"
            f"{_did_you_mean(made.strategy, names)}; one of your own is registered by a file, see "
            f"enas-viz --import FILE"
        )
    kind = config_of(made.strategy)
    if not isinstance(made.options, kind or type(None)):
        raise ValueError(
            f"options of the strategy {made.strategy!r} are "
            f"{'a ' + kind.__name__ if kind else 'None'}; got {shortened(made.options)}"
        )
    for name, hint in _hints(kind).items() if kind else ():
        _check_kind(f"{made.strategy}.{name}", getattr(made.options, name), hint)


def _check_part(part: str, value: Any) -> None:
    """Raises ValueError for a value of a recipe's field that is of another kind than its."""
    kind = _parts().get(part)
    if part in ("strategy", "options"):
        return  # see _check_strategy, which needs both
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
    if KINDS[made.network.space].cells:
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
    if not KINDS[made.network.space].cells and made.network.aux_weight:
        raise ValueError(
            f"network.aux_weight is for micro networks, since macro networks have no auxiliary "
            f"head; got {made.network.aux_weight}, expected 0"
        )
    _check_operations(made)
    final = made.strategy == FINAL
    if final and not made.space.cells:
        made.fidelity.skip_merge(final)  # refuses what cannot be together
    if made.network.drop_path_keep < 1 and not (final and made.space.cells):
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


def _check_unread(made: Recipe) -> None:
    """Raises ValueError for numbers of a judge or reward that another one would read."""
    judge, reward = made.judge, made.reward
    if judge.epochs != JudgeConfig.epochs and judge.name != "alone":
        raise ValueError(
            f"judge.epochs is of trainings alone, and judge.name is {judge.name!r}; got "
            f"{judge.epochs}, expected {JudgeConfig.epochs}, or judge.name alone"
        )
    costs = reward.name == "accuracy_minus_cost"
    if costs != bool(reward.weight):
        raise ValueError(
            f"reward.weight goes with reward.name accuracy_minus_cost, and it with a weight above "
            f"0; got {reward.weight} with {reward.name}"
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


def _parts() -> dict[str, type[Any]]:
    hints = _hints(Recipe)
    return {name: kind for name, kind in hints.items() if hasattr(kind, "__dataclass_fields__")}


def _no_field(path: str) -> str:
    names = field_names()
    same = [name for name in names if name.rpartition(".")[2] == path.rpartition(".")[2]]
    hint = f"; did you mean {same[0]!r}?" if same else _did_you_mean(path, names)
    return f"a recipe has no field {path!r}{hint}"


def _did_you_mean(word: Any, names: Iterable[str]) -> str:
    """The end of an error: the nearest of `names`, or nothing where none is near."""
    near = difflib.get_close_matches(word, names, 1, 0.5) if isinstance(word, str) else []
    return f"; did you mean {near[0]!r}?" if near else ""
