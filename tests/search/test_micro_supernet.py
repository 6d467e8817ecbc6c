"""The micro supernet against the authors' own numbers, and what a path costs."""

import itertools
import random
from dataclasses import replace

import golden
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from enas_viz.facts import cost
from enas_viz.recipes import MICRO_PRESETS, Fidelity
from enas_viz.search.nets.micro import cells as micro_cells
from enas_viz.search.nets.micro.supernet import MicroSupernet
from enas_viz.search.nets.ops import CellOutput, FactorizedReduction, pool
from enas_viz.spaces import MicroSpace
from enas_viz.spaces.operations import STANDARD
from enas_viz.spaces.published import MICRO

SPACE = MicroSpace()
CASE = golden.load("child")["micro_search"]["cases"][0]
ARCH = SPACE.decode(CASE["normal_arc"] + CASE["reduce_arc"])


def authors(**changes) -> MicroSupernet:
    fidelity = replace(MICRO_PRESETS["released"], **changes)
    net = MicroSupernet(SPACE, 3, 8, fidelity=fidelity, auxiliary_weight=0.4)
    golden.set_supernet(net)
    return net.to(memory_format=torch.channels_last)


def tiny(layers: int = 3, nodes: int = 2, aux: float = 0.0, **fidelity) -> MicroSupernet:
    return MicroSupernet(MicroSpace(nodes), layers, 4, 1, 3, Fidelity(**fidelity), aux, seed=1)


def count(net: MicroSupernet) -> tuple[int, int]:
    """Parameters of the trunk, and of the auxiliary head."""
    sizes = [(n.startswith("auxiliary."), p.numel()) for n, p in net.named_parameters()]
    return sum(n for aux, n in sizes if not aux), sum(n for aux, n in sizes if aux)


@pytest.mark.parametrize(
    ("layers", "filters", "trunk", "head"),
    [(6, 20, 5_373_140, 412_928), (6, 8, 1_152_488, None), (3, 8, 757_480, 406_784)],
)
def test_the_supernet_has_as_many_parameters_as_the_authors(layers, filters, trunk, head):
    found = count(MicroSupernet(SPACE, layers, filters, auxiliary_weight=0.4 if head else 0.0))

    assert found == (trunk, head or 0)


def test_logits_of_both_heads_are_the_authors():
    net = authors()

    with torch.no_grad():
        logits, auxiliary = net.forward_train(golden.images("A"), ARCH)
        later = net(golden.images("B"), ARCH)

    torch.testing.assert_close(logits, torch.tensor(CASE["train_logits_A"]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(auxiliary, torch.tensor(CASE["aux_logits_A"]), rtol=1e-4, atol=5e-5)
    torch.testing.assert_close(later, torch.tensor(CASE["train_logits_B"]), rtol=1e-4, atol=1e-5)
    loss = F.cross_entropy(logits, golden.LABELS).item()
    assert loss == pytest.approx(CASE["cross_entropy_A"], 1e-5)
    loss = F.cross_entropy(auxiliary, golden.LABELS).item()
    assert loss == pytest.approx(CASE["aux_cross_entropy_A"], 1e-5)


def test_gradients_are_the_authors():
    """In float64: so deep a network has float32 gradients that are exact to 5e-4 only."""
    net = authors().double()
    golden.set_supernet(net, torch.float64)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1.001e-5  # what TensorFlow's fused kernel makes of 1e-5
    logits, auxiliary = net.forward_train(golden.images("A").double(), ARCH)

    loss = F.cross_entropy(logits, golden.LABELS) + 0.4 * F.cross_entropy(auxiliary, golden.LABELS)
    loss.backward()

    told = CASE["grad_norm_and_sum_A"]
    for name, (norm, total) in told.items():
        gradients = [p.grad for p in golden.parameters(net, name) if p.grad is not None]
        if not gradients:
            assert norm == pytest.approx(0, abs=1e-6), name
            continue
        flat = torch.cat([g.flatten() for g in gradients])
        assert flat.norm().item() == pytest.approx(norm, 2e-5, 1e-6), name
        # some sums are zero but for rounding, so they are compared in parts of what is summed
        size = flat.abs().sum().item()
        assert flat.sum().item() == pytest.approx(total, 1e-4, 5e-6 + 1e-5 * size), name
    assert len(told) == 841  # all trained variables
    assert all(p.grad is None for p in net.auxiliary.parameters())  # frozen as released


def test_a_trained_auxiliary_head_has_gradients():
    net = MicroSupernet(MicroSpace(1), 3, 4, 1, 3, Fidelity(), 0.4)
    arch = net.space.decode([0] * 8)

    _, auxiliary = net.forward_train(torch.randn(2, 1, 32, 32), arch)
    auxiliary.sum().backward()

    assert all(p.grad is not None for p in net.auxiliary.parameters())
    assert net.classifier.weight.grad is None


def test_only_the_sampled_operations_are_computed_and_trained():
    net = tiny()
    ran = set()
    places = [
        (p, node, side, op, source)
        for p, cell in enumerate(net.cells)
        for node, sides in enumerate(cell.bank)
        for side, bank in enumerate(sides)
        for op, row in bank.items()
        for source in range(len(row))
    ]
    for p, node, side, op, source in places:
        module = net.cells[p].bank[node][side][op][source]
        module.register_forward_hook(lambda *_, at=(p, node, side, op, source): ran.add(at))
    # normal: sep5x5 of 1 + avg of 0; sep3x3 of 2 + identity of 2. reduction: max, max; sep3x3 twice
    arch = net.space.decode([1, 1, 0, 2, 2, 0, 2, 4, 0, 3, 1, 3, 1, 0, 2, 0])

    net(torch.randn(2, 1, 8, 8), arch).sum().backward()

    expected = set()
    for p, kind in enumerate(["normal", "reduction", "normal", "reduction", "normal"]):
        if kind == "normal":
            expected |= {(p, 0, 0, "sep5x5", 1), (p, 1, 0, "sep3x3", 2)}
        else:
            expected |= {(p, 1, 0, "sep3x3", 1), (p, 1, 1, "sep3x3", 2)}
    assert ran == expected
    for p, node, side, op, source in places:
        weights = net.cells[p].bank[node][side][op][source].parameters()
        touched = {w.grad is not None for w in weights}
        assert touched == {(p, node, side, op, source) in ran}


def test_loose_ends_alone_reach_the_output_and_unused_inputs_count_where_asked():
    arch = MicroSpace(2).decode([1, 2, 1, 3, 1, 2, 1, 2] * 2)  # nothing reads inputs 0, nor nodes
    moved = {}
    for field in ("count", "exclude"):
        net = tiny(loose_inputs=field)

        net(torch.randn(2, 1, 8, 8), arch).square().sum().backward()

        slices = net.cells[0].output.slices.grad.abs().sum((1, 2)) > 0
        moved[field] = slices.tolist()
    assert moved == {"count": [True, False, True, True], "exclude": [False, False, True, True]}


def by_hand(cell, before, last, nodes, ops):
    """A plain reading of a normal cell, one operation at a time."""
    tensors = [cell.fit_before(before), cell.fit_last(last) if cell.fit_last else last]
    for node, (i, j, a, b) in enumerate(nodes):
        total = 0
        for side, (source, op) in enumerate(((i, a), (j, b))):
            x, name = tensors[source], ops[op]
            if name.startswith("sep"):
                bank = cell.bank[node][side][name][source]
                for depthwise, pointwise, norm in bank.stack:
                    x = norm(pointwise(depthwise(F.relu(x))))
            elif name == "avg3x3":
                x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            elif name == "max3x3":
                x = F.max_pool2d(x, 3, 1, 1)
            total = total + x
        tensors.append(total)
    read = {s for node in nodes for s in node[:2]}
    loose = [t for t in range(len(tensors)) if t not in read]
    kernel = torch.cat([cell.output.slices[t] for t in loose], 1)[:, :, None, None]
    return cell.output.norm(F.conv2d(F.relu(torch.cat([tensors[t] for t in loose], 1)), kernel))


def test_a_cell_is_what_its_numbers_say():
    net = tiny(nodes=5).double()
    rng = random.Random(5)
    stem = net.stem(torch.randn(2, 1, 8, 8, dtype=torch.float64))
    for _ in range(10):
        arch = net.space.sample(rng)

        before, out = net.cells[0](stem, stem, arch)

        expected = by_hand(net.cells[0], stem, stem, arch.content[0], net.space.ops)
        torch.testing.assert_close(out, expected)
        assert before is not out


MODES = ("fr_then_cell", "fr_both", "stride2")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("counts", ["count", "exclude"])
def test_every_way_to_reduce_halves_twice_and_doubles_the_channels(mode, counts):
    net = tiny(6, 3, micro_reduction_search=mode, loose_inputs=counts)
    seen = []
    for cell in net.cells:
        cell.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out[1].shape[1:])))
    rng = random.Random(0)
    for _ in range(5):
        net(torch.randn(2, 1, 16, 16), net.space.sample(rng)).sum().backward()

    assert seen[:8] == [(4, 16, 16)] * 2 + [(8, 8, 8)] * 3 + [(16, 4, 4)] * 3


@pytest.mark.parametrize("mode", MODES)
def test_a_trailing_reduction_ends_each_of_three_blocks(mode):
    net = tiny(6, 3, aux=0.4, micro_reduction_search=mode, micro_stack="trailing")
    seen = []
    for cell in net.cells:
        cell.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out[1].shape[1:])))
    arch = net.space.sample(random.Random(0))
    logits, auxiliary = net.forward_train(torch.randn(2, 1, 24, 24), arch)
    (logits.sum() + auxiliary.sum()).backward()

    blocks = [[(4, 24, 24)] * 2, [(8, 12, 12)] * 3, [(16, 6, 6)] * 3, [(32, 3, 3)]]
    assert seen == list(itertools.chain(*blocks))
    assert [k for k, cell in enumerate(net.cells) if cell.mode] == [2, 5, 8]
    assert net.auxiliary_after == 6  # the cell after the second reduction, as without a third
    assert net.classifier.in_features == net.features == 32
    assert tiny(6, 3).fidelity.micro_stack == "two_reductions"
    assert len(tiny(6, 3).cells) == 8


CHOICES = {
    "micro_reduction_search": MODES,
    "loose_inputs": ("count", "exclude"),
    "micro_stack": ("two_reductions", "trailing"),
    "sep_conv_stack": (2, 1),
}
EVERY = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]


@pytest.mark.parametrize("choices", EVERY, ids=str)
def test_cost_counts_the_supernet_under_every_fidelity(choices):
    ops = MicroSpace().ops if choices["loose_inputs"] == "count" else ("sep5x5", "max3x3")
    space, fidelity = MicroSpace(1, ops), Fidelity(**choices)

    found = cost.cells_supernet_parameters(space, 3, 4, 1, 3, fidelity)

    assert found == count(MicroSupernet(space, 3, 4, 1, 3, fidelity))[0]


def test_as_released_the_cell_two_back_does_not_enter_a_reduction_cell():
    nodes = 1
    only_inputs = MicroSpace(nodes).decode([0, 4, 1, 4] * 2)
    for mode in MODES:
        net = tiny(3, nodes, micro_reduction_search=mode)
        cell = net.cells[1]
        before = torch.randn(2, 12 if mode != "fr_then_cell" else 4, 8, 8)
        last = torch.randn(2, 4, 8, 8)
        with torch.no_grad():
            _, out = cell(before, last, only_inputs)
            _, other = cell(before + torch.randn_like(before), last, only_inputs)

        assert torch.equal(out, other) == (mode == "fr_then_cell"), mode


def test_strided_operations_read_the_pixels_that_tensorflow_reads():
    net = tiny(3, 1, micro_reduction_search="stride2")
    cell = net.cells[1]
    x = torch.randn(2, 8, 6, 6)

    padded = F.pad(x, (0, 1, 0, 1), value=-1e9)  # one pixel after, none before
    torch.testing.assert_close(pool(x, STANDARD["max3x3"], 2), F.max_pool2d(padded, 3, 2))
    conv = cell.bank[0][0]["sep5x5"][0].stack[0][0]
    padded = F.pad(x, (1, 2, 1, 2))
    expected = F.conv2d(padded, conv.weight, stride=2, groups=8)
    torch.testing.assert_close(conv(x), expected)
    ones = torch.ones(1, 8, 6, 6)
    torch.testing.assert_close(pool(ones, STANDARD["avg3x3"], 2), torch.ones(1, 8, 3, 3))


def test_a_separable_convolution_may_be_applied_once():
    once, twice = tiny(sep_conv_stack=1), tiny()

    assert len(once.cells[0].bank[0][0]["sep3x3"][0].stack) == 1
    assert count(once)[0] < count(twice)[0]


def test_as_released_stacked_weights_start_by_the_number_of_sources():
    spread = {}
    for value in ("true", "released"):
        net = MicroSupernet(MicroSpace(2), 3, 16, 1, 3, Fidelity(init_fan_in=value))
        bank = net.cells[0].bank[1][0]["sep3x3"]
        spread[value] = torch.stack([m.stack[0][1].weight for m in bank]).std().item()
    # He-normal's spread is sqrt(2 / fan-in), less 12 % for what is cut off at two deviations
    assert spread["true"] == pytest.approx(0.88 * (2 / 16) ** 0.5, rel=0.05)
    assert spread["released"] == pytest.approx(0.88 * (2 / 3) ** 0.5, rel=0.05)


def test_batch_statistics_make_evaluation_equal_to_training():
    net, images = tiny(), torch.randn(5, 1, 8, 8)
    arch = net.space.sample(random.Random(2))

    with torch.no_grad():
        torch.testing.assert_close(net.train()(images, arch), net.eval()(images, arch))
    assert not [name for name, _ in net.named_buffers()]


def test_moving_statistics_make_one_image_independent_of_the_others():
    net, images = tiny(reward_bn="moving"), torch.randn(5, 1, 8, 8)
    arch = net.space.sample(random.Random(2))

    with torch.no_grad():
        net.train()(images, arch)
        net.eval()
        torch.testing.assert_close(net(images, arch)[:1], net(images[:1], arch))


def test_the_dropout_factors_scale_the_features():
    net, images = tiny(), torch.randn(2, 1, 8, 8)
    arch = net.space.sample(random.Random(2))

    with torch.no_grad():
        assert torch.equal(net(images, arch, torch.zeros(2, 16)), torch.zeros(2, 3))
        kept = net(images, arch, torch.ones(2, 16))
        torch.testing.assert_close(kept, net(images, arch))
    assert net.features == 16


@pytest.mark.parametrize("mode", MODES)
def test_many_architectures_on_the_same_images_come_out_as_one_by_one(mode):
    net = tiny(3, 3, micro_reduction_search=mode).double().eval()
    rng = random.Random(3)
    children = [net.space.sample(rng) for _ in range(8)]
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)

    found = dict(net.forward_each(images, children))

    assert sorted(found) == list(range(8))
    for i, child in enumerate(children):
        torch.testing.assert_close(found[i], net(images, child).detach())


def test_what_reads_only_the_images_is_computed_once():
    net = tiny().eval()
    calls = []
    for name, module in net.named_modules():
        if name in ("stem", "cells.0.bank.0.0.sep3x3.1", "cells.2.bank.0.0.sep3x3.1"):
            module.register_forward_hook(lambda *_, name=name: calls.append(name))
    children = [net.space.decode([1, 0, 0, op, *[0, 3] * 2, *[0, 2] * 4]) for op in (2, 3, 4)]

    list(net.forward_each(torch.randn(2, 1, 8, 8), children))

    assert calls.count("stem") == 1
    assert calls.count("cells.0.bank.0.0.sep3x3.1") == 1
    assert calls.count("cells.2.bank.0.0.sep3x3.1") == 3


def test_a_tensor_that_several_nodes_read_is_pooled_once(monkeypatch):
    net = tiny(nodes=3).eval()
    arch = net.space.decode([1, 2, 1, 2, 1, 2, 1, 0, 1, 1, 1, 0] * 2)
    made = []
    plain = micro_cells.pool
    monkeypatch.setattr(micro_cells, "pool", lambda *a: made.append(a) or plain(*a))

    net(torch.randn(2, 1, 8, 8), arch)

    assert len(made) == 5  # one in each cell


def test_equal_seeds_give_equal_weights_and_no_global_draw():
    before = torch.get_rng_state()

    first, second = tiny(), tiny()

    assert torch.equal(before, torch.get_rng_state())
    pairs = itertools.zip_longest(first.parameters(), second.parameters())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_space_without_a_reduction_cell_makes_no_network():
    with pytest.raises(ValueError, match="needs a normal and a reduction cell"):
        MicroSupernet(MicroSpace(cells=("normal",)), 3, 4)


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(ValueError, match="this supernet is built for MicroSpace"):
        tiny()(torch.randn(2, 1, 8, 8), MICRO)


def test_the_stem_has_three_times_the_channels_and_feeds_both_inputs():
    net = tiny()

    assert net.stem[0].weight.shape[0] == 12
    assert net.cells[0].fit_before is not None
    assert net.cells[0].fit_last is not None


def test_cells_train_under_autocast():
    net = tiny(nodes=3)
    arch = net.space.decode([0, 2, 1, 2, 1, 3, 2, 0, 2, 4, 0, 1] * 2)

    with torch.autocast("cpu", torch.bfloat16):
        logits, _ = net.forward_train(torch.randn(2, 1, 8, 8), arch)
    logits.float().sum().backward()

    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in gradients)
    assert logits.dtype is torch.bfloat16


@pytest.mark.parametrize("seed", range(len(EVERY)))
def test_a_path_costs_what_cost_says(seed):
    ops = ("sep3x3", "sep5x5", "max3x3", "identity")  # averages are convolutions in disguise
    net = MicroSupernet(MicroSpace(3, ops), 4, 6, 1, 3, Fidelity(**EVERY[seed]))
    arch = net.space.sample(random.Random(seed))
    zeros = []  # a reduction's kernel is block-diagonal, and the counter counts its zeros
    used = []  # parameters of what ran

    def ran(module, given, out):
        if isinstance(module, FactorizedReduction):
            zeros.append(given[0].shape[1] * out.numel())
            used.extend([module.even.weight.numel(), module.odd.weight.numel()])
        elif isinstance(module, CellOutput):
            used.append(len(given[0]) * module.slices[0].numel())
        elif not list(module.children()):
            used.extend(p.numel() for p in module.parameters())

    for module in net.modules():
        module.register_forward_hook(ran)
    with FlopCounterMode(display=False) as counted:
        net(torch.randn(2, 1, 16, 16), arch)

    found = cost.cells_path_cost(arch, 4, 6, 16, 1, 3, net.fidelity)
    assert found.parameters == sum(used)
    assert 2 * found.multiply_adds == counted.get_total_flops() / 2 - sum(zeros)


def test_as_released_only_rows_by_source_start_by_the_number_of_sources():
    net = MicroSupernet(
        MicroSpace(3),
        3,
        32,
        1,
        3,
        Fidelity(init_fan_in="released", micro_reduction_search="stride2"),
    )
    reductions = [
        m.even.weight.std().item()
        for m in net.cells[1].modules()
        if isinstance(m, FactorizedReduction)
    ]
    # He-normal on what it reads, wherever it stands
    assert all(s == pytest.approx(0.88 * (2 / 64) ** 0.5, rel=0.2) for s in reductions[-6:])
