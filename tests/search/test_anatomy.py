"""What `anatomy` says without torch, beside the networks that torch builds."""

import random

import pytest
import torch
from soak import in_soak

from enas_viz.facts.anatomy import anatomy
from enas_viz.facts.cost import child_cost, recipe_path_cost
from enas_viz.recipes import recipe
from enas_viz.search import make_supernet
from enas_viz.search.nets.child import make_child
from enas_viz.spaces import Architecture
from enas_viz.spaces.published import MACRO, MICRO

SIDE = 256


def columns(made, architecture, monkeypatch):
    """How wide the image columns are that one pixel of the last map depends on, measured."""
    if made.strategy == "final":
        net = make_child(made, architecture, 3, 10, 0).eval().double()
    else:
        net = make_supernet(made, 3, 10, 0).eval().double()
    with torch.no_grad():
        for weight in net.parameters():
            weight.abs_()  # nothing cancels, nothing is rectified away
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.zero_()
    images = torch.rand(1, 3, SIDE, SIDE, dtype=torch.float64).requires_grad_()
    last = last_map(net, images, architecture, monkeypatch)
    middle = last.shape[-1] // 2
    last[0, :, middle, middle].sum().backward()
    found = images.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    return int(found[-1] - found[0]) + 1


def last_map(net, images, architecture, monkeypatch):
    """The last feature map: what is averaged over its pixels before the classifier."""
    found, mean = [], torch.Tensor.mean

    def watched(self, *args, **kwargs):
        found.append(self)
        return mean(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "mean", watched)
        net(images, architecture)
    return found[-1]


def without_max(architecture):
    """Average instead of max pooling, which reaches as far and passes every gradient."""
    ops = architecture.space.ops
    swap = {ops.index("max3x3"): ops.index("avg3x3")}
    if architecture.space.kind == "macro":
        content = tuple((swap.get(row[0], row[0]), *row[1:]) for row in architecture.content)
    else:
        content = tuple(
            tuple((i, j, swap.get(a, a), swap.get(b, b)) for i, j, a, b in cell)
            for cell in architecture.content
        )
    return Architecture(architecture.space, content)


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("name", ["macro-tiny", "micro-tiny"])
@pytest.mark.parametrize("seed", [0, 1, *in_soak(2, 3)])
def test_the_receptive_field_is_what_the_network_depends_on(name, preset, seed, monkeypatch):
    sizes = {"data__resolution": SIDE, "network__filters": 2}
    made = recipe(name, fidelity=preset, fidelity__reward_bn="moving", **sizes)
    architecture = without_max(made.space.sample(random.Random(seed)))

    assert anatomy(architecture, made).receptive_field == columns(made, architecture, monkeypatch)


@pytest.mark.parametrize("name", ["macro-final-tiny", "micro-final-tiny"])
@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("seed", range(2))
def test_of_final_training_it_describes_the_network_of_its_own(name, preset, seed, monkeypatch):
    made = recipe(name, fidelity=preset, data__resolution=SIDE, network__filters=2)
    architecture = without_max(made.space.sample(random.Random(seed)))

    found = anatomy(architecture, made, 3, 10)

    assert found.receptive_field == columns(made, architecture, monkeypatch)
    built = make_child(made, architecture, 3, 10, 0).parameters()
    assert found.parameters == sum(w.numel() for w in built)


def test_a_path_through_shared_weights_is_none_of_final_training():
    with pytest.raises(ValueError, match="macro-final-tiny is a final training"):
        recipe_path_cost(MACRO, recipe("macro-final-tiny", network__layers=24))


def test_published_networks_are_as_deep_as_they_look():
    macro = anatomy(MACRO, recipe("macro-released"))
    micro = anatomy(MICRO, recipe("micro-paper"))

    assert macro.depth == 24
    assert macro.shortest == 0  # a skip from the stem into the last layer
    assert (micro.depth, micro.shortest) == (1, 1)
    assert micro.unread["normal"] == (3, 4, 5, 6, 7)


def test_where_skips_are_the_input_a_network_is_as_deep_as_its_longest_way():
    made = recipe("macro-tiny", fidelity__skip_merge_search="input")
    space = made.space
    chain = anatomy(space.architecture([0] * 6), made)  # without skips: each reads the one before
    skips = [(1,), (1, 0), (1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 0, 1)]
    two = anatomy(space.architecture([5] * 6, skips), made)

    assert (chain.depth, chain.shortest, chain.unread) == (6, 6, {"layers": ()})
    # layers 1, 3, 5, 6: layer 3 reads 1, layer 5 reads 3, layer 6 reads 5
    assert (two.depth, two.shortest, two.unread) == (4, 4, {"layers": (2, 4)})


def test_a_recipe_for_the_other_space_is_refused():
    with pytest.raises(ValueError, match="macro-tiny is for macro networks; got a micro"):
        anatomy(MICRO, recipe("macro-tiny"))


@pytest.mark.parametrize("space", ["macro", "micro"])
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 100)])
def test_what_is_counted_is_of_the_images_channels_and_classes(space, channels, classes):
    search = recipe(f"{space}-tiny")
    final = recipe(f"{space}-final-tiny")
    architecture = search.space.sample(random.Random(0))
    base = anatomy(architecture, search, 3, 10)

    found = anatomy(architecture, search, channels, classes)

    nets = [make_supernet(search, *images, 0) for images in ((channels, classes), (3, 10))]
    built, ten = (sum(w.numel() for w in net.parameters()) for net in nets)
    assert found.parameters - base.parameters == built - ten
    child = make_child(final, architecture, channels, classes, 0)
    counted = child_cost(architecture, final, channels, classes).parameters
    assert counted == sum(w.numel() for w in child.parameters())


def test_of_a_dataset_with_a_name_its_channels_and_classes_are_known():
    digits, cifar = recipe("macro-tiny"), recipe("macro-tiny", data__name="cifar10")
    architecture = digits.space.sample(random.Random(0))

    assert recipe_path_cost(architecture, digits) == recipe_path_cost(architecture, digits, 1, 10)
    assert recipe_path_cost(architecture, cifar) == recipe_path_cost(architecture, digits, 3, 10)
