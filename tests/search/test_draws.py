"""Stateless randomness."""

import random

import numpy as np
import pytest
import torch

from enas_viz.search.training import draws


def test_equal_keys_give_equal_numbers_and_every_part_of_a_key_counts():
    keys = [
        (0, "child", 0, 0, 0),
        (1, "child", 0, 0, 0),
        (0, "sample", 0, 0, 0),
        (0, "child", 1, 0, 0),
        (0, "child", 0, 1, 0),
        (0, "child", 0, 0, 1),
    ]

    first = [draws.generator(*key).random() for key in keys]

    assert first == [draws.generator(*key).random() for key in keys]
    assert len(set(first)) == len(keys)


def test_a_row_of_uniforms_depends_on_its_own_sample_only():
    whole = draws.uniforms(4, "sample", 2, 3, range(6), 10)
    part = draws.uniforms(4, "sample", 2, 3, (5, 1), 10)

    assert torch.equal(part, whole[[5, 1]])
    assert whole.min() >= 0
    assert whole.max() < 1


def test_a_dropout_mask_keeps_its_share_and_the_mean():
    rng = draws.generator(0, "dropout")

    mask = draws.dropout_mask((2000, 50), 0.9, rng, torch.device("cpu"))

    assert (mask > 0).float().mean().item() == pytest.approx(0.9, abs=0.005)
    assert mask.mean().item() == pytest.approx(1, abs=0.01)
    assert draws.dropout_mask((2, 2), 1.0, rng, torch.device("cpu")) is None


def test_no_global_generator_is_touched():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()

    draws.uniforms(0, "child", 0, 0, range(3), 4)
    draws.torch_generator(0, "weights")

    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_no_two_streams_share_a_number():
    assert len(set(draws.STREAMS.values())) == len(draws.STREAMS)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="a seed is a whole number of at least 0; got -1"):
        draws.generator(-1, "child")


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**70])
def test_a_key_is_the_seed_of_numpys_own_generator(seed):
    found = draws.generator(seed, "sample", 3, 2, 1).random(4)

    wanted = np.random.default_rng((seed, draws.STREAMS["sample"], 3, 2, 1)).random(4)
    assert (found == wanted).all()
