"""One network trained alone: `search/alone.py`."""

import pytest

from enas_viz.recipes import recipe
from enas_viz.search.judges.alone import train_network
from enas_viz.search.training.data import load_data, load_test_data
from enas_viz.search.training.step import NonFiniteLoss

TINY = recipe("macro-tiny", network__layers=2, network__filters=4, fidelity__reward_bn="moving")
NETWORK = TINY.space.decode([0, 5, 1])


@pytest.fixture(scope="module")
def digits():
    return load_data(TINY.data, 0)


def test_a_training_tells_a_loss_for_each_epoch_and_what_it_got_right_of_each_split(digits):
    test = load_test_data(TINY.data)

    found = train_network(NETWORK, TINY, digits, epochs=3, test=test)

    assert len(found.losses) == 3
    assert found.losses[-1] < found.losses[0]
    assert 0.1 < found.valid_right / len(digits.valid) <= 1  # better than chance
    assert 0.1 < found.test_right / len(test) <= 1


def test_without_test_images_there_is_no_test_figure(digits):
    assert train_network(NETWORK, TINY, digits, epochs=1).test_right is None


def test_seed_and_number_give_a_training_its_own_weights_and_equal_ones_repeat_it(digits):
    def losses(**key):
        return train_network(NETWORK, TINY, digits, epochs=1, **key).losses

    assert losses(seed=1, number=2) == losses(seed=1, number=2)
    assert len({losses(), losses(seed=1), losses(number=1)}) == 3


def test_a_training_that_diverges_ends_with_the_network_and_the_field_to_lower(digits):
    wild = recipe("macro-tiny", network__layers=2, network__filters=4, train__lr_max=1e30)

    with pytest.raises(NonFiniteLoss, match=r"network \[0, 5, 1\]; a lower train.lr_max"):
        train_network(NETWORK, wild, digits, epochs=1)
