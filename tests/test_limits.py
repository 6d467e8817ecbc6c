"""What a policy can reach: known values, and a search over logits that finds nothing beyond."""

import math
import random
from dataclasses import asdict

import pytest

import enas_viz as ev
from enas_viz.facts.limits import Reach, reach, reach_of_header
from enas_viz.recipes import RECIPES, Recipe, recipe
from enas_viz.records.trace import load_trace
from enas_viz.spaces import MacroSpace, MicroSpace

MICRO_MOST = 20 * math.log(5) + 4 * sum(math.log(i) for i in range(2, 7))
CLOSE_CAPS = {"controller__tanh_constant": 0.5}  # 0.2 for operations, which is less than the shift


def found(reached: Reach, kind: str, cell: str = "", options: int = 0):
    """The first decision of a kind, and of a cell and a number of options where they are given."""
    return next(
        d
        for d in reached.decisions
        if d.decision.kind == kind
        and cell in ("", d.decision.cell)
        and options in (0, d.decision.options)
    )


def softmax(logits: list[float]) -> list[float]:
    weights = [math.exp(z) for z in logits]
    return [w / sum(weights) for w in weights]


def entropy(logits: list[float]) -> float:
    return -sum(p * math.log(p) for p in softmax(logits))


def box(made: Recipe, decision, saturated: bool) -> list[tuple[float, float]]:
    """Where each logit of a decision can be, told anew."""
    c, t = made.controller.tanh_constant, made.controller.temperature
    if decision.kind != "op" or made.network.space == "macro":
        return [(-c, c)] * decision.options
    c /= made.controller.op_tanh_reduce
    prior = made.fidelity.op_prior == "released"
    ends = []
    for op in made.space.ops:
        favoured = op in ("sep3x3", "sep5x5")
        low = c * math.tanh(10 / t) if prior and saturated and favoured else -c
        high = low if prior and saturated and favoured else c
        shift = (0.25 if favoured else -0.25) if prior and decision.cell == "normal" else 0
        ends.append((low + shift, high + shift))
    return ends


# ---- known values


def test_the_released_micro_policy_has_at_most_58_nats_and_a_half():
    assert reach(recipe("micro-released")).entropy_high == pytest.approx(MICRO_MOST, abs=1e-12)
    assert round(MICRO_MOST, 2) == 58.51


def test_the_released_micro_policy_keeps_45_nats_whatever_it_learns():
    free, held = (reach(recipe("micro-released"), saturated=s) for s in (False, True))

    assert free.entropy_low == pytest.approx(45.168, abs=1e-3)
    assert held.entropy_low == pytest.approx(free.entropy_low, abs=1e-6)  # both favoured on top


def test_while_saturated_the_released_micro_policy_cannot_become_uniform():
    held = reach(recipe("micro-released"), saturated=True)

    assert held.entropy_high == pytest.approx(58.195, abs=1e-3)
    normal = softmax([0.69, 0.69, 0.19, 0.19, 0.19])
    most = -sum(p * math.log(p) for p in normal)
    assert found(held, "op", "normal").entropy_high == pytest.approx(most, abs=1e-6)


def test_one_of_six_sources_is_picked_with_at_most_0643():
    index = found(reach(recipe("micro-released")), "index", options=6)

    assert index.highest == pytest.approx(0.643, abs=5e-4)


@pytest.mark.parametrize(
    ("cell", "low", "high"), [("normal", 0.262, 0.363), ("reduction", 0.200, 0.308)]
)
def test_a_separable_convolution_stays_in_a_narrow_range_while_its_bias_is_saturated(
    cell, low, high
):
    held = found(reach(recipe("micro-released"), saturated=True), "op", cell)

    for option in (0, 1):  # sep3x3, sep5x5
        assert held.ranges[option] == pytest.approx((low, high), abs=5e-4)


def test_in_principle_a_separable_convolution_could_go_further_than_while_saturated():
    free, held = (reach(recipe("micro-released"), saturated=s) for s in (False, True))

    assert free.share(1) == pytest.approx((0.1111, 0.4185), abs=1e-4)
    assert held.share(1) == pytest.approx((0.2309, 0.3356), abs=1e-4)
    assert free.share(3) == pytest.approx((0.0833, 0.3444), abs=1e-4)
    assert held.share(3) == pytest.approx((0.0833, 0.2281), abs=1e-4)


def test_macro_operations_and_skips_have_the_released_ranges():
    reached = reach(recipe("macro-released"))
    op, skip = found(reached, "op"), found(reached, "skip")

    assert (op.lowest, op.highest) == pytest.approx((0.0099, 0.801), abs=5e-4)
    assert skip.ranges[1] == pytest.approx((0.047, 0.953), abs=5e-4)
    assert skip.ranges[0] == pytest.approx(skip.ranges[1], abs=1e-12)


def test_macro_entropy_counts_every_skip_bit():
    made = recipe("macro-released")

    most = 12 * math.log(6) + 66 * math.log(2)
    assert reach(made).entropy_high == pytest.approx(most, abs=1e-9)
    one_bit = entropy([-1.5, 1.5])
    one_op = entropy([1.5] + [-1.5] * 5)
    assert reach(made).entropy_low == pytest.approx(12 * one_op + 66 * one_bit, abs=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_lists_its_deciding_steps_in_order(name):
    made = recipe(name)

    deciding = [d for d in made.space.steps(made.order) if d.kind != "silent" and d.rows]
    assert [d.decision for d in reach(made).decisions] == deciding


# ---- nothing lies beyond


@pytest.mark.parametrize("saturated", [False, True])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("micro-released", {}),
        ("micro-released", CLOSE_CAPS),
        ("micro-released", {"controller__temperature": 5.0}),
        ("micro-cifar10-cpu", {}),
        ("micro-paper", {}),
        ("macro-released", {}),
        ("macro-paper", {}),
    ],
)
def test_a_random_search_over_logits_comes_near_each_limit_and_never_beyond(
    name, changes, saturated
):
    made, rng = recipe(name, **changes), random.Random(0)
    seen = set()
    for d in reach(made, saturated).decisions:
        if (key := (d.decision.kind, d.decision.options, d.decision.cell)) in seen:
            continue
        seen.add(key)
        ends = box(made, d.decision, saturated)
        points = [[rng.uniform(*pair) for pair in ends] for _ in range(400)]
        points += [[rng.choice(pair) for pair in ends] for _ in range(1200)]
        # equal logits, as far as each interval lets them be
        levels = [rng.uniform(-0.7, 0.7) for _ in range(400)]
        points += [[min(max(z, low), high) for low, high in ends] for z in levels]
        nats = [entropy(point) for point in points]
        chances = list(zip(*map(softmax, points), strict=True))

        assert d.entropy_low == pytest.approx(min(nats), abs=1e-9)
        assert d.entropy_low <= min(nats) + 1e-12
        assert d.entropy_high == pytest.approx(max(nats), abs=1e-3)
        assert d.entropy_high >= max(nats) - 1e-12
        for (low, high), ps in zip(d.ranges, chances, strict=True):
            assert (low, high) == pytest.approx((min(ps), max(ps)), abs=1e-9)


def test_caps_closer_than_the_shift_keep_the_prior_in_every_policy():
    normal = found(reach(recipe("micro-released", **CLOSE_CAPS)), "op", "normal")

    assert normal.entropy_high < math.log(5)
    assert normal.ranges[0][0] < normal.ranges[2][1]  # one each may cross; all together may not


def test_the_temperature_moves_no_limit_that_tanh_sets():
    warm = recipe("micro-released", controller__temperature=5.0)

    assert reach(warm) == reach(recipe("micro-released"))
    assert reach(warm, saturated=True) != reach(recipe("micro-released"), saturated=True)


def test_saturation_concerns_the_released_prior_only():
    for name in ("micro-paper", "macro-released"):
        assert reach(recipe(name), saturated=True) == reach(recipe(name))


@pytest.mark.parametrize("constant", [1.1, 1e6])
def test_one_operation_alone_is_certain(constant):
    controller = {"tanh_constant": constant}
    (*_, op) = reach_of_header(
        {"controller": controller}, {}, MicroSpace(1, ("identity",)), "indices-first"
    ).decisions

    assert op.ranges == ((1.0, 1.0),)
    assert (op.entropy_low, op.entropy_high) == (0, 0)


def test_a_huge_constant_overflows_nothing():
    reached = reach(recipe("macro-tiny", controller__tanh_constant=1e6))

    assert found(reached, "op").ranges[0] == (0, 1)
    assert reached.entropy_low == 0


# ---- from a trace


@pytest.mark.parametrize("name", RECIPES)
def test_a_header_tells_the_same_as_its_recipe(name):
    made = recipe(name)

    told = (made.to_json(), asdict(made.fidelity), made.space, made.order)

    assert reach_of_header(*told) == reach(made)
    assert reach_of_header(*told, saturated=True) == reach(made, saturated=True)


def test_an_older_header_without_a_reduction_counts_the_released_one():
    made = recipe("micro-released")
    told = made.to_json()
    del told["controller"]["op_tanh_reduce"], told["controller"]["temperature"]

    assert reach_of_header(told, {}, made.space, made.order) == reach(made)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"controller": None},
        {"controller": {"lr": 0.1}},
        {"controller": {"tanh_constant": None}},
        {"controller": {"tanh_constant": "1.5"}},
        {"controller": {"tanh_constant": 0}},
        {"controller": {"tanh_constant": math.inf}},
        {"controller": {"tanh_constant": 1.5, "op_tanh_reduce": -1}},
    ],
)
def test_a_header_without_numbers_of_a_controller_tells_nothing(told):
    assert reach_of_header(told, {}, MacroSpace(3), "op-first") is None


def test_the_policies_that_ship_kept_within_their_reach():
    for name in ("macro-tiny", "macro-cifar10-cpu"):
        trace = load_trace(name)
        header = trace.header
        reached = reach_of_header(header.recipe, header.fidelity, header.space, header.order)
        for episode in trace.episodes:
            if not episode.steps:
                continue
            assert reached.entropy_low - 1e-4 < episode.entropy < reached.entropy_high + 1e-4
    article = load_trace("article-macro").header
    assert reach_of_header(article.recipe, article.fidelity, article.space, article.order) is None


# ---- errors


def test_what_is_no_recipe_is_refused():
    with pytest.raises(ValueError, match="a recipe is what `recipe"):
        ev.reach("micro-released")


def test_an_operation_that_is_not_there_is_refused():
    reached = ev.reach(recipe("micro-released"))

    for option in (-1, 5):
        with pytest.raises(ValueError, match=f"from 0 to 4; got {option}"):
            reached.share(option)
