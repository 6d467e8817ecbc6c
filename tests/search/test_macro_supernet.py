"""The macro supernet against the authors' own numbers, and what a path costs."""

import random
from dataclasses import replace

import golden
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from enas_viz.facts import cost
from enas_viz.recipes import PRESETS, Fidelity
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.nets.ops import FactorizedReduction
from enas_viz.spaces import Architecture, MacroSpace

SPACE = MacroSpace(layers=6, wiring="code")
DISPATCH = {"as_written": "last_branch", "branches_bound": "sampled"}
CASES = [
    pytest.param(kind, case, id=f"{kind}-{i}")
    for kind in DISPATCH
    for i, case in enumerate(golden.load("child")["macro_search"][kind])
]


def authors(kind: str) -> MacroSupernet:
    fidelity = replace(PRESETS["released"], macro_dispatch=DISPATCH[kind])
    net = MacroSupernet(SPACE, 8, fidelity=fidelity)
    golden.set_supernet(net)
    return net.to(memory_format=torch.channels_last)


def tiny(layers: int = 4, **fidelity: str) -> MacroSupernet:
    return MacroSupernet(MacroSpace(layers), 4, 1, 3, Fidelity(**fidelity), seed=1)


@pytest.mark.parametrize(
    ("layers", "filters", "parameters"),
    [(12, 36, 697_860), (12, 24, 316_056), (6, 8, 19_752), (4, 16, 48_624)],
)
def test_the_supernet_has_as_many_parameters_as_the_authors(layers, filters, parameters):
    space = MacroSpace(layers)

    net = MacroSupernet(space, filters)

    assert sum(p.numel() for p in net.parameters()) == parameters
    assert cost.supernet_parameters(space, filters) == parameters


@pytest.mark.parametrize("merge", ["add", "concat", "input"])
def test_cost_counts_the_parameters_of_every_merge(merge):
    net = tiny(5, skip_merge_search=merge)

    expected = cost.supernet_parameters(net.space, 4, 1, 3, merge)
    assert sum(p.numel() for p in net.parameters()) == expected


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_logits_are_the_authors_in_training_and_in_evaluation(kind, case):
    net, arch = authors(kind), SPACE.decode(case["arc"])

    def same(logits, key):
        torch.testing.assert_close(logits, torch.tensor(case[key]), rtol=1e-4, atol=2e-5)

    with torch.no_grad():
        logits = net(golden.images("A"), arch)
        same(logits, "train_logits_A")
        loss = F.cross_entropy(logits, golden.LABELS).item()
        net.eval()
        same(net(golden.images("B"), arch), "test_graph_logits_B_after_update_A")
        net.train()
        same(net(golden.images("B"), arch), "train_logits_B")
        net.eval()
        same(net(golden.images("A"), arch), "test_graph_logits_A_after_updates_A_B")
    assert loss == pytest.approx(case["cross_entropy_A"], 1e-5)


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_gradients_are_the_authors(kind, case):
    net = authors(kind)

    logits = net(golden.images("A"), SPACE.decode(case["arc"]))
    F.cross_entropy(logits, golden.LABELS).backward()

    for name, (norm, total) in case["grad_norm_and_sum_A"].items():
        gradient = golden.parameter(net, name).grad
        if gradient is None:
            assert norm == pytest.approx(0, abs=1e-6), name
            continue
        size = gradient.abs().sum().item()
        assert gradient.norm().item() == pytest.approx(norm, 1e-4, 1e-6), name
        # some sums are zero but for rounding, so they are compared in parts of what is summed
        assert gradient.sum().item() == pytest.approx(total, 1e-4, 5e-6 + 1e-5 * size), name


def test_as_released_the_sampled_operation_changes_nothing_and_skips_do():
    net = authors("as_written").eval()
    images = golden.images("A")
    skips = [(1,), (0, 1), (1, 0, 1), (0, 0, 0, 0), (1, 1, 0, 0, 0)]
    other_skips = [(1,), (0, 1), (1, 1, 1), (0, 0, 0, 0), (1, 1, 0, 0, 0)]

    with torch.no_grad():
        convs = net(images, SPACE.architecture([0] * 6, skips))
        pools = net(images, SPACE.architecture([4] * 6, skips))
        skipped = net(images, SPACE.architecture([0] * 6, other_skips))

    assert torch.equal(convs, pools)
    assert (convs - skipped).abs().max() > 1e-3


def test_only_the_sampled_path_is_computed_and_trained():
    net = tiny()
    ran = []
    for k, bank in enumerate(net.banks):
        for op, branch in enumerate(bank):
            branch.register_forward_hook(lambda *_, where=(k, op): ran.append(where))
    arch = net.space.architecture([0, 3, 4, 1], [(1,), (0, 0), (0, 1, 0)])

    net(torch.randn(2, 1, 8, 8), arch).sum().backward()

    assert ran == [(0, 0), (1, 3), (2, 4), (3, 1)]
    for k, bank in enumerate(net.banks):
        for op, branch in enumerate(bank):
            touched = [p.grad is not None for p in branch.parameters()]
            assert all(touched) if (k, op) in ran else not any(touched)


def test_a_tensor_that_no_later_layer_reads_is_not_reduced():
    net = tiny()  # halved after layers 1 and 2 of 4, counted from 1
    arch = net.space.architecture([0] * 4, [(0,), (0, 0), (0, 0, 0)])

    net(torch.randn(2, 1, 8, 8), arch).sum().backward()

    used = {
        (p, i): module.norm.weight.grad is not None
        for p, row in net.reductions.items()
        for i, module in enumerate(row)
    }
    assert used == {("0", 0): False, ("0", 1): True} | {
        ("1", 0): False,
        ("1", 1): False,
        ("1", 2): True,
    }


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_a_skip_bit_reads_the_tensor_that_the_wiring_names(wiring):
    space = MacroSpace(3, wiring=wiring)
    net = MacroSupernet(space, 4, 1, 3, seed=2).double()
    for row in net.reductions.values():  # no reductions in the way: read tensors as they are
        for module in row:
            module.forward = lambda x: x
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    arch = space.architecture([5, 5, 5], [(0,), (0, 1)])

    stem = net.stem(images)
    first = net.banks[0][5](stem)
    second = net.merges[0](net.banks[1][5](first), [])
    skip = second if wiring == "layer" else first
    third = net.merges[1](net.banks[2][5](second), [(1, skip)])
    expected = net.classifier(third.mean((2, 3)))

    torch.testing.assert_close(net(images, arch), expected)


def test_concat_merges_the_chosen_slices_only():
    net = tiny(4, skip_merge_search="concat")
    arch = net.space.architecture([0] * 4, [(0,), (0, 0), (0, 1, 0)])

    net(torch.randn(2, 1, 8, 8), arch).square().sum().backward()

    moved = net.merges[2].slices.grad.abs().sum((1, 2)) > 0
    assert moved.tolist() == [False, True, False, True]  # bit of layer 2, and the layer itself


# ---- the paper: what was chosen is the input


def without_reductions(net: MacroSupernet) -> MacroSupernet:
    for row in net.reductions.values():  # tensors are read as they are
        for module in row:
            module.forward = lambda x: x
    return net


@pytest.mark.parametrize("wiring", ["layer", "code"])
def test_what_was_chosen_is_the_input_of_the_operation(wiring):
    space = MacroSpace(4, wiring=wiring)
    net = MacroSupernet(space, 4, 1, 3, Fidelity(skip_merge_search="input"), seed=2)
    without_reductions(net.double())
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    arch = space.architecture([5, 0, 4, 1], [(0,), (0, 1), (1, 0, 1)])

    tensors = [net.stem(images)]
    tensors.append(net.banks[0][5](tensors[0]))
    tensors.append(net.banks[1][0](tensors[1]))  # nothing chosen: the layer before
    at = 1 if wiring == "layer" else 0
    tensors.append(net.banks[2][4](tensors[1 + at]))  # one chosen: it alone
    chosen = torch.cat([tensors[0 + at], tensors[2 + at]], 1)
    kernel = torch.cat([net.merges[2].slices[0], net.merges[2].slices[2]], 1)
    mixed = F.relu(net.merges[2].norm(F.conv2d(chosen, kernel[:, :, None, None])))
    expected = net.classifier(net.banks[3][1](mixed).mean((2, 3)))

    torch.testing.assert_close(net(images, arch), expected)


def test_an_input_of_chosen_tensors_hears_of_no_other():
    """Layer 4 does not hear of layer 3, which it did not choose; where skips are added it does."""
    net = tiny(4, skip_merge_search="input")
    added = tiny(4)
    arch = net.space.architecture([0] * 4, [(1,), (1, 1), (1, 1, 0)])

    for made, hears in ((net, False), (added, True)):
        made(torch.randn(2, 1, 8, 8), arch).square().sum().backward()

        weights = list(made.banks[2][0].parameters())
        assert all((w.grad is not None) == hears for w in weights)


def test_a_layer_that_nothing_reads_is_neither_computed_nor_counted():
    net = tiny(6, skip_merge_search="input")
    ran = []
    for k, bank in enumerate(net.banks):
        bank[0].register_forward_hook(lambda *_, k=k: ran.append(k))
    skips = [(1,), (1, 0), (1, 0, 1), (0, 0, 1, 0), (0, 0, 0, 0, 1)]
    arch = net.space.architecture([0] * 6, skips)

    net(torch.randn(2, 1, 8, 8), arch).sum().backward()

    assert ran == [0, 2, 4, 5] == list(net.space.reached(arch, "input"))
    found = cost.path_cost(arch, 4, 8, 1, 3, "input")
    assert found.parameters == cost.supernet_parameters(net.space, 4, 1, 3, "input") - sum(
        p.numel()
        for k, bank in enumerate(net.banks)
        for op, branch in enumerate(bank)
        if op or k not in ran
        for p in branch.parameters()
    )


def test_only_the_slices_of_chosen_tensors_are_trained():
    net = tiny(4, skip_merge_search="input")
    arch = net.space.architecture([0] * 4, [(0,), (0, 0), (1, 0, 1)])

    net(torch.randn(2, 1, 8, 8), arch).square().sum().backward()

    assert (net.merges[2].slices.grad.abs().sum((1, 2)) > 0).tolist() == [True, False, True]
    assert net.merges[1].slices.grad is None  # nothing was chosen there


@pytest.mark.parametrize("wiring", ["layer", "code"])
@pytest.mark.parametrize("merge", ["concat", "input"])
@pytest.mark.parametrize("seed", range(3))
def test_a_path_costs_what_cost_says(wiring, merge, seed):
    ops = tuple(op for op in SPACE.ops if op != "avg3x3")  # averages are convolutions in disguise
    space = MacroSpace(6, ops, wiring)
    net = MacroSupernet(space, 4, 1, 3, Fidelity(skip_merge_search=merge))
    arch = space.sample(random.Random(seed), 0.3)
    zeros = []  # a reduction's kernel is block-diagonal, and the counter counts its zeros
    for module in net.modules():
        if isinstance(module, FactorizedReduction):
            module.register_forward_hook(
                lambda _, given, out: zeros.append(given[0].shape[1] * out.numel())
            )

    with FlopCounterMode(display=False) as counted:
        net(torch.randn(2, 1, 8, 8), arch)

    found = 2 * cost.path_cost(arch, 4, 8, 1, 3, merge).multiply_adds
    computed = counted.get_total_flops() / 2 - sum(zeros)
    if merge == "input":
        assert found == computed
    else:  # as if all tensors before a reduction were halved, whether a later layer reads them
        assert found >= computed


def test_the_dropout_factors_scale_the_features():
    net, arch = tiny(), tiny().space.architecture([0] * 4)
    images = torch.randn(2, 1, 8, 8)

    with torch.no_grad():
        dropped = net(images, arch, torch.zeros(2, 4))
        kept = net(images, arch, torch.ones(2, 4))

        assert torch.equal(dropped, torch.zeros(2, 3))
        torch.testing.assert_close(kept, net(images, arch))


def test_batch_statistics_make_evaluation_equal_to_training():
    net, arch = tiny(), tiny().space.architecture([2] * 4)
    images = torch.randn(5, 1, 8, 8)

    with torch.no_grad():
        torch.testing.assert_close(net.train()(images, arch), net.eval()(images, arch))
    assert not [name for name, _ in net.named_buffers()]


def test_moving_statistics_make_one_image_independent_of_the_others():
    net, arch = tiny(reward_bn="moving"), tiny().space.architecture([2] * 4)
    images = torch.randn(5, 1, 8, 8)

    with torch.no_grad():
        net.train()(images, arch)
        net.eval()
        torch.testing.assert_close(net(images, arch)[:1], net(images[:1], arch))


def test_equal_seeds_give_equal_weights_and_no_global_draw():
    before = torch.get_rng_state()

    first, second = tiny(), tiny()

    assert torch.equal(before, torch.get_rng_state())
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    other = MacroSupernet(MacroSpace(4), 4, 1, 3, seed=9)
    assert not torch.equal(other.classifier.weight, first.classifier.weight)


def sampled(space: MacroSpace, n: int) -> list[Architecture]:
    rng = random.Random(3)
    return [space.sample(rng, 0.5) for _ in range(n)]


@pytest.mark.parametrize("wiring", ["layer", "code"])
@pytest.mark.parametrize("merge", ["add", "concat", "input"])
def test_many_architectures_on_the_same_images_come_out_as_one_by_one(wiring, merge):
    space = MacroSpace(6, wiring=wiring)
    net = MacroSupernet(space, 4, 1, 3, Fidelity(skip_merge_search=merge)).double().eval()
    few = sampled(space, 5)
    half = [Architecture(space, few[0].content[:3] + a.content[3:]) for a in few]  # alike at first
    children = [*few, *half, few[2]]
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)

    found = dict(net.forward_each(images, children))

    assert sorted(found) == list(range(len(children)))
    for i, child in enumerate(children):
        torch.testing.assert_close(found[i], net(images, child).detach())


def test_what_equal_beginnings_share_is_computed_once():
    net = tiny(6).eval()
    (first,) = sampled(net.space, 1)
    ops = [(first.content[-1][0] + shift) % 6 for shift in range(3)]
    children = [
        Architecture(net.space, (*first.content[:-1], (op, *first.content[-1][1:]))) for op in ops
    ]
    calls = []
    for name, module in net.named_modules():
        if name.endswith("norm") or name.startswith("stem."):
            module.register_forward_hook(lambda *_, name=name: calls.append(name))

    list(net.forward_each(torch.randn(2, 1, 8, 8), children))

    assert calls.count("stem.0") == 1
    assert calls.count("merges.3.norm") == 1
    assert calls.count("merges.4.norm") == 3  # the last layer, of each


def test_each_of_many_architectures_has_its_own_dropout():
    net = tiny().eval()
    (child,) = sampled(net.space, 1)
    images, drop = torch.randn(2, 1, 8, 8), torch.zeros(2, 4)

    (_, whole), (_, dropped) = net.forward_each(images, [child, child], [None, drop])

    assert whole.abs().sum() > 0
    assert dropped.abs().sum() == 0


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ValueError, match="this supernet is built for MacroSpace"):
        tiny()(torch.randn(2, 1, 8, 8), MacroSpace(5).architecture([0] * 5))
