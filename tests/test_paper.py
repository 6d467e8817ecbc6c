"""Facts of the paper, the released code and the article about spaces and counts."""

import math
from collections import Counter

import pytest

from enas_viz.recipes import recipe
from enas_viz.records.trace import Step
from enas_viz.spaces import MacroSpace, MicroSpace
from enas_viz.spaces.published import ARTICLE_MACRO, MACRO, MICRO


def test_macro_space_is_as_large_as_the_paper_says():
    size = MacroSpace(layers=12).size

    assert size == 6**12 * 2**66 == 160618186625454535808756219904
    assert f"{size:.1e}" == "1.6e+29"  # paper: 1.6 x 10^29 networks


def test_macro_space_of_four_operations_and_24_layers_is_as_large_as_its_formula():
    ops = ("conv3x3", "sep3x3", "conv5x5", "sep5x5")

    assert MacroSpace(24, ops).size == 4**24 * 2**276


def test_micro_space_is_far_larger_than_the_papers_formula_says():
    space = MicroSpace(nodes=5)

    assert space.paper_size == (5 * math.factorial(5)) ** 4 == 129_600_000_000  # 1.3 x 10^11
    assert space.size == ((720 * 5**5) ** 2) ** 2 == 25628906250000000000000000
    assert math.isclose(space.distinct_size, 4.39e22, rel_tol=1e-3)
    one_cell = MicroSpace(5, cells=("normal",))
    assert math.isclose(one_cell.size, 5.06e12, rel_tol=1e-3)
    assert math.isclose(one_cell.distinct_size, 2.09e11, rel_tol=3e-3)


@pytest.mark.parametrize(
    ("made", "entries"),
    [(ARTICLE_MACRO, 10), (MacroSpace(12).architecture([0] * 12), 78), (MACRO, 300), (MICRO, 40)],
)
def test_a_flat_list_has_so_many_numbers(made, entries):
    assert len(made.flat) == entries


def test_the_published_macro_network_has_98_of_276_skips():
    space = MACRO.space

    assert sum(map(sum, space.skips(MACRO))) == 98
    assert space.skip_bits == 276
    assert round(space.skip_rate(MACRO), 4) == 0.3551
    assert [k for k, bits in enumerate(space.skips(MACRO)) if not any(bits)] == [0, 1, 4, 9]


def test_the_published_macro_network_has_no_pooling_and_few_separable_convolutions():
    assert Counter(MACRO.space.op_names(MACRO)) == {
        "conv3x3": 8,
        "sep3x3": 2,
        "conv5x5": 9,
        "sep5x5": 5,
    }


def test_the_published_normal_cell_reads_its_two_inputs_only():
    normal, reduction = MICRO.content

    assert {source for node in normal for source in node[:2]} == {0, 1}
    assert {source for node in reduction for source in node[:2]} == {0, 1, 3}
    assert MICRO.space.loose_ends(MICRO, "normal") == (2, 3, 4, 5, 6)
    assert MICRO.space.loose_ends(MICRO, "reduction") == (2, 4, 5, 6)


def test_a_macro_sample_of_equal_choices_costs_67_nats():
    steps = [
        Step(d, (0,) * d.rows, ((0.0,) * (6 if d.kind == "op" else 1),) * d.rows)
        for d in MacroSpace(12).steps()
    ]

    nats = -sum(step.log_probability for step in steps)

    assert nats == pytest.approx(12 * math.log(6) + 66 * math.log(2)) == pytest.approx(67.249, 1e-5)
    assert sum(step.entropy for step in steps) == pytest.approx(nats)


def test_a_skip_logit_at_the_target_of_the_penalty_gives_a_lower_rate_than_the_target():
    z = math.log(2 / 3)  # where sigmoid of the half logit is 0.4, the wanted rate
    skip = next(d for d in MacroSpace(2).steps() if d.kind == "skip")

    step = Step(skip, (1,), ((z,),))

    assert 1 / (1 + math.exp(-z)) == pytest.approx(recipe("macro-released").controller.skip_prior)
    assert step.probabilities[0][1] == pytest.approx(0.30769, 1e-4)


def test_the_first_advantage_keeps_99_hundredths_of_the_reward():
    decay = recipe("macro-released").controller.baseline_decay

    baseline = 0.0 - (1 - decay) * (0.0 - 1.0)  # after a reward of 1

    assert 1.0 - baseline == pytest.approx(0.99)


def test_the_released_search_rewards_310_000_architectures():
    made = recipe("macro-released")

    assert made.train.epochs * made.controller.updates * made.controller.samples == 310_000


def test_cosine_restarts_end_with_the_last_epoch():
    train = recipe("macro-released").train
    period, end = train.restart_period, 0
    while end < train.epochs:
        end, period = end + period, period * train.restart_factor

    assert end == train.epochs == 10 + 20 + 40 + 80 + 160
