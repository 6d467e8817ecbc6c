"""Children against the authors' fixed networks: sizes, values, gradients, a few training steps."""

import random
from dataclasses import replace

import golden
import pytest
import torch
import torch.nn.functional as F

from enas_viz.facts import cost
from enas_viz.recipes import MICRO_PRESETS, PRESETS, Compute, Fidelity, TrainConfig, change, recipe
from enas_viz.search.nets.child import Drops, make_child
from enas_viz.search.nets.macro.child import MacroChild
from enas_viz.search.nets.micro.child import MicroChild
from enas_viz.search.nets.ops import Conv, FactorizedReduction
from enas_viz.search.training.step import make_optimiser, train_step
from enas_viz.spaces import MacroSpace, MicroSpace
from enas_viz.spaces.published import MACRO, MICRO

CASES = {kind: golden.load("child")[f"{kind}_fixed"]["cases"][0] for kind in ("macro", "micro")}
MACRO_ARCH = MacroSpace(6, wiring="code").decode(CASES["macro"]["arc"])
MICRO_ARCH = MicroSpace(5).decode(CASES["micro"]["normal_arc"] + CASES["micro"]["reduce_arc"])
RELEASED = {"macro": PRESETS["released"], "micro": MICRO_PRESETS["released"]}
SIZES = golden.load("param_counts")


def authors(kind: str, dtype: torch.dtype = torch.float32) -> MacroChild | MicroChild:
    if kind == "macro":
        net = MacroChild(MACRO_ARCH, 8, fidelity=RELEASED[kind])
    else:
        net = MicroChild(MICRO_ARCH, 3, 8, fidelity=RELEASED[kind], auxiliary_weight=0.4)
    golden.set_child(net, dtype)
    net = net.to(memory_format=torch.channels_last)
    return net.double() if dtype == torch.float64 else net


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("filters", "final_ops", "parameters"),
    [
        (96, "dense", SIZES["macro_final_96"]["printed_by_code"]),
        (36, "dense", SIZES["macro_final_36"]["printed_by_code"]),
        (96, "dense", 42_559_392),
        (128, "dense", 75_636_608),
        (96, "true", 30_947_424),
    ],
)
def test_the_published_macro_network_has_as_many_parameters(filters, final_ops, parameters):
    with torch.device("meta"):
        net = MacroChild(MACRO, filters, fidelity=Fidelity(macro_final_ops=final_ops))

    assert count(net) == parameters


@pytest.mark.parametrize(
    ("arc", "final_ops", "parameters"),
    [
        ("0 1 1 2 0 1 3 1 1 0 0 0 0 0 1 2 1 0 1 0 1", "dense", 63_576),
        ("0 1 1 2 0 1 3 1 1 0 0 0 0 0 1 2 1 0 1 0 1", "true", 57_392),
    ],
)
def test_a_small_macro_network_has_as_many_parameters(arc, final_ops, parameters):
    arch = MacroSpace(6, wiring="code").decode(list(map(int, arc.split())))

    assert count(MacroChild(arch, 8, fidelity=Fidelity(macro_final_ops=final_ops))) == parameters


@pytest.mark.parametrize(
    ("layers", "filters", "parameters"),
    [(15, 36, 3_894_372), (18, 36, 4_587_372), (6, 20, 608_540), (3, 8, 78_248)],
)
def test_the_published_cells_have_as_many_parameters(layers, filters, parameters):
    assert count(MicroChild(MICRO, layers, filters)) == parameters


def test_the_auxiliary_head_has_as_many_parameters_and_as_released_none_is_trained():
    net = MicroChild(MICRO, 15, 36, fidelity=RELEASED["micro"], auxiliary_weight=0.4)

    assert count(net.auxiliary) == SIZES["micro_final"]["aux"] == 494_848
    assert not any(p.requires_grad for p in net.auxiliary.parameters())


def multiply_adds(net: torch.nn.Module, image: torch.Tensor) -> int:
    """Counted while an image passes: of every kernel its weights times its output's pixels."""
    found = []

    def count_work(module, _inputs, out):
        reduces = isinstance(module, FactorizedReduction)
        weights = (module.even.weight, module.odd.weight) if reduces else (module.weight,)
        found.append(sum(w.numel() for w in weights) * out[0, 0].numel())

    for module in net.modules():
        if isinstance(module, Conv | FactorizedReduction | torch.nn.Linear):
            module.register_forward_hook(count_work)
    with torch.no_grad():
        net.eval()(image)
    return sum(found)


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_cost_counts_the_parameters_and_the_multiply_adds_of_children(kind):
    rng = random.Random(3)
    space = MacroSpace(6) if kind == "macro" else MicroSpace(4)
    base = recipe(f"{kind}-final-tiny", data__resolution=16)
    for field, value in (
        ("loose_inputs", "count"),
        ("loose_inputs", "exclude"),
        ("macro_final_ops", "true"),
        ("skip_merge_search", "input"),
        ("skip_merge_final", "add"),
        ("micro_stack", "trailing"),
        ("sep_conv_stack", 1),
    ):
        made = replace(base, fidelity=replace(base.fidelity, **{field: value}))
        arch = space.sample(rng)
        net = make_child(made, arch, 3, 10, seed=0)
        work = multiply_adds(net, torch.zeros(1, 3, 16, 16))
        found = cost.child_cost(arch, made, 3, 10)
        assert found.parameters == count(net)
        assert found.multiply_adds == work


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("kind", CASES)
def test_logits_are_the_authors_in_training_and_in_evaluation(kind):
    net, case = authors(kind), CASES[kind]

    def same(logits, key):
        torch.testing.assert_close(logits, torch.tensor(case[key]), rtol=1e-4, atol=5e-5)

    with torch.no_grad():
        logits, auxiliary = net.forward_train(golden.images("A"))
        same(logits, "train_logits_A")
        if kind == "micro":
            same(auxiliary, "aux_logits_A")
        loss = F.cross_entropy(logits, golden.LABELS).item()
        net.eval()
        same(net(golden.images("B")), "test_graph_logits_B_after_update_A")
        net.train()
        same(net(golden.images("B")), "train_logits_B")
        net.eval()
        same(net(golden.images("A")), "test_graph_logits_A_after_updates_A_B")
    assert loss == pytest.approx(case["cross_entropy_A"], 1e-5)


@pytest.mark.parametrize("kind", CASES)
def test_gradients_are_the_authors(kind):
    """In float64, since float32 of networks so deep is exact to 5e-4 only."""
    net, case = authors(kind, torch.float64), CASES[kind]

    logits, auxiliary = net.forward_train(golden.images("A").double())
    loss = F.cross_entropy(logits, golden.LABELS)
    if auxiliary is not None:
        loss = loss + 0.4 * F.cross_entropy(auxiliary, golden.LABELS)
    loss.backward()

    assert len(case["grad_norm_and_sum_A"]) > 80
    for name, (norm, total) in case["grad_norm_and_sum_A"].items():
        (weight,) = golden.parameters(net, name)
        gradient = weight.grad
        if gradient is None:  # of a reduction that nothing reads
            assert norm == pytest.approx(0, abs=1e-6), name
            continue
        size = gradient.abs().sum().item()
        assert gradient.norm().item() == pytest.approx(norm, 1e-3, 1e-5), name
        assert gradient.sum().item() == pytest.approx(total, 1e-3, 1e-5 + 1e-4 * size), name


def training_losses(rounding: float, seed: int = 0) -> tuple[list[float], MicroChild]:
    """Losses of the authors' five training steps, from weights moved by so much of themselves."""
    case = golden.load("child_training")["micro_fixed"]
    config = golden.load("child")["micro_fixed"]["config"]
    net, rng = authors("micro", torch.float64), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            noise = torch.randn(weight.shape, generator=rng, dtype=weight.dtype)
            weight.mul_(1 + rounding * noise)
    optimiser = make_optimiser(net, TrainConfig(lr_max=config["lr_max"], l2=config["l2_reg"]))
    images, losses = golden.images("A").double(), []
    for _, rate, _ in case["loss_lr_gradnorm_per_step"]:
        loss, _ = train_step(
            *(net, optimiser, net.architecture, images, golden.LABELS, rate),
            *(RELEASED["micro"], Compute()),
        )
        losses.append(loss.item())
    return losses, net


def test_a_few_training_steps_have_the_authors_losses_and_weights():
    """Exact for three steps. After them float32 rounding decides, in the authors' run as in ours:
    what it may change is measured by moving our first weights by as little."""
    case = golden.load("child_training")["micro_fixed"]
    theirs = [loss for loss, *_ in case["loss_lr_gradnorm_per_step"]]

    ours, net = training_losses(0)
    moved = [training_losses(1e-7, seed)[0] for seed in (1, 2)]  # about float32's resolution

    for step, tolerance in enumerate((1e-5, 1e-4, 1e-3)):
        assert ours[step] == pytest.approx(theirs[step], tolerance)
    for step in range(3, len(theirs)):
        unsure = max(abs(run[step] - ours[step]) for run in moved)
        assert 0.01 < unsure < 0.5
        assert abs(ours[step] - theirs[step]) < 3 * unsure
    told = {n: norm for n, (norm, _) in case["variables_l2_and_sum_after"].items()}
    far = sorted(abs(golden.parameters(net, n)[0].norm().item() / told[n] - 1) for n in told)
    start = authors("micro", torch.float64)
    before = sorted(abs(golden.parameters(start, n)[0].norm().item() / told[n] - 1) for n in told)
    middle = len(told) // 2
    assert far[middle] < 1e-3 < 1e-2 < before[middle]
    assert far[9 * len(told) // 10] < 0.05


# ---------------------------------------------------------------- behaviour


def test_pooling_is_done_right_and_refused_where_the_released_program_cannot_build_it():
    arch = MacroSpace(3).architecture(["avg3x3", "max3x3", "sep3x3"], [(1,), (0, 1)])

    net = MacroChild(arch, 4)
    assert net(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    with pytest.raises(ValueError, match="avg3x3 cannot be built under .*'dense'"):
        MacroChild(arch, 4, fidelity=Fidelity(macro_final_ops="dense"))


def test_skips_are_joined_in_order_with_the_layers_own_result_last():
    arch = MacroSpace(3).architecture(["conv3x3"] * 3, [(0,), (1, 1)])
    net = MacroChild(arch, 4).eval()
    seen = []
    net.merges[1].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    outs = {}
    for k, branch in enumerate(net.branches):
        branch.register_forward_hook(lambda _m, _i, out, k=k: outs.__setitem__(k, out))

    with torch.no_grad():
        net(torch.randn(2, 3, 8, 8))

    (joined,) = seen
    assert joined.shape[1] == 3 * 16  # two skips and the layer itself, widths doubled twice
    assert torch.equal(joined[:, 32:], F.relu(outs[2]))


@pytest.mark.parametrize("merge", ["concat", "add"])
def test_a_final_macro_network_is_counted_as_it_merges_its_skips(merge):
    arch = MacroSpace(6).sample(random.Random(1))
    made = recipe("macro-final-tiny", fidelity__skip_merge_final=merge)
    net = make_child(made, arch, 3, 10, seed=0)

    found = cost.child_cost(arch, made, 3, 10)

    assert found.parameters == count(net)
    joins = sum(w.numel() for w in net.merges.parameters() if w.ndim == 4)
    assert (joins > 0) == (merge == "concat")


def test_a_final_network_that_adds_its_skips_normalises_the_sum_as_a_search_does():
    arch = MacroSpace(3).architecture(["conv3x3"] * 3, [(0,), (1, 1)])
    made = recipe("macro-final-tiny", network__layers=3, fidelity__skip_merge_final="add")
    net = make_child(made, arch, 1, 10, seed=0).eval()
    seen, outs = [], {}
    for merge in net.merges:
        merge.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    for k, branch in enumerate(net.branches):
        branch.register_forward_hook(lambda _m, _i, out, k=k: outs.__setitem__(k, out.clone()))

    with torch.no_grad():
        logits = net(torch.randn(2, 1, 8, 8))
        halved = [net.reductions[1][1](net.reductions[0][1](outs[0]))]
        halved.append(net.reductions[1][2](net.merges[0](outs[1])))
        total = halved[0] + halved[1] + outs[2]

        torch.testing.assert_close(seen[0], outs[1])  # a layer without skips is normalised, too
        torch.testing.assert_close(seen[1], total)
        torch.testing.assert_close(logits, net.classifier(net.merges[1](total).mean((2, 3))))


def test_skips_that_are_a_layers_input_are_not_added_to_its_output():
    both = {"skip_merge_search": "input", "skip_merge_final": "add"}
    arch = MacroSpace(6).sample(random.Random(1))

    with pytest.raises(ValueError, match="skip_merge_final='add' adds skips to what"):
        recipe("macro-final-tiny", **{f"fidelity__{k}": v for k, v in both.items()})
    with pytest.raises(ValueError, match="skip_merge_final='add' adds skips to what"):
        MacroChild(arch, 4, fidelity=Fidelity(**both))


def test_where_skips_are_the_input_a_child_joins_what_was_chosen_before_its_operation():
    space = MacroSpace(4)
    arch = space.architecture([5, 0, 4, 1], [(0,), (1, 0), (1, 0, 1)])
    made = recipe("macro-final-tiny", network__layers=4, fidelity__skip_merge_search="input")
    net = make_child(made, arch, 1, 3, seed=0).eval()
    images = torch.randn(2, 1, 8, 8)

    with torch.no_grad():
        first = {0: net.branches[0](net.stem(images))}
        halved = net.reductions[0][1](first[0])
        third = net.branches[2](net.reductions[1][1](halved))
        chosen = torch.cat([net.reductions[1][1](halved), third], 1)
        expected = net.branches[3](net.merges[2](torch.relu(chosen))).mean((2, 3))
        found = net(images)

    torch.testing.assert_close(found, net.classifier(expected))
    assert not list(net.branches[1].parameters())  # layer 2 is read by nothing: it is not built
    assert not list(net.merges[0].parameters())
    assert not list(net.merges[1].parameters())  # one tensor is read as it is
    plain = make_child(recipe("macro-final-tiny", network__layers=4), arch, 1, 3, seed=0)
    assert all(list(module.parameters()) for module in (*plain.branches, *plain.merges))


def test_a_reduction_that_nothing_reads_is_not_computed():
    arch = MacroSpace(6).architecture(["conv3x3"] * 6, [(0,) * k for k in range(1, 6)])
    net = MacroChild(arch, 4)
    ran = []
    for stage, row in enumerate(net.reductions):
        for number, module in enumerate(row):
            module.register_forward_hook(lambda *_, at=(stage, number): ran.append(at))

    net(torch.randn(2, 3, 16, 16))

    assert ran == [(0, 2), (1, 4)]


def test_drop_path_scales_what_stays_and_spares_identities():
    arch = MicroSpace(2).decode([0, 4, 1, 2, 2, 0, 1, 4] * 2)
    net = MicroChild(arch, 3, 4)
    images = torch.randn(3, 3, 16, 16)

    assert len(net.drop_cells) == 5 * 2  # five cells, two operations that are no identity
    whole = net(images)
    ones = Drops(paths=torch.ones(len(net.drop_cells), 3))
    torch.testing.assert_close(net(images, drops=ones), whole)
    none = Drops(paths=torch.zeros(len(net.drop_cells), 3))
    bank = {name: w.grad for name, w in _grads(net, images, none).items() if ".stack." in name}
    assert bank
    assert all(g is None or not g.any() for g in bank.values())


def _grads(net, images, drops):
    net.zero_grad()
    net(images, drops=drops).square().sum().backward()
    return dict(net.named_parameters())


def test_drop_path_keeps_as_the_authors_schedule_says():
    told = golden.load("schedule")["drop_path_micro_final"]
    net = MicroChild(MICRO, told["num_layers_flag"], 4)

    for point in told["points"]:
        final, step, steps = (
            told["drop_path_keep_prob"],
            point["global_step"],
            told["num_train_steps"],
        )
        keep = net.drop_path_keep(final, step, steps)
        by_cell = dict(zip(net.drop_cells, keep, strict=True))
        for cell, value in zip(told["layer_ids"], point["keep_prob_by_layer"], strict=True):
            assert by_cell[cell] == pytest.approx(value, abs=1e-6)


def test_a_trailing_reduction_cell_ends_the_last_block():
    made = recipe(
        "micro-final-tiny",
        fidelity__micro_stack="trailing",
        data__resolution=24,
        network__aux_weight=0.4,
    )
    arch = MicroSpace(2).sample(random.Random(0))
    net, plain = (
        make_child(each, arch, 1, 3, seed=0)
        for each in (made, change(made, fidelity__micro_stack="two_reductions"))
    )
    seen = []
    for cell in net.cells:
        cell.register_forward_hook(lambda *given: seen.append(given[2].shape[-1]))

    logits, auxiliary = net.forward_train(torch.zeros(2, 1, 24, 24))

    assert seen == [24, 12, 12, 6, 6, 3]
    assert [cell.stride for cell in net.cells] == [1, 2, 1, 2, 1, 2]
    assert logits.shape == auxiliary.shape == (2, 3)
    assert net.auxiliary_after == plain.auxiliary_after == 4
    assert len(plain.cells) == 5
    keep = net.drop_path_keep(0.6, 9, 10)
    assert keep[-1] == pytest.approx(0.6)  # of the last cell, which is the third reduction


def test_an_unused_input_is_a_loose_end_or_not():
    arch = MicroSpace(1).decode([0, 4, 0, 4] * 2)  # node 3 reads the first input twice

    counted = MicroChild(arch, 3, 4, fidelity=Fidelity(loose_inputs="count"))
    left_out = MicroChild(arch, 3, 4, fidelity=Fidelity(loose_inputs="exclude"))

    assert counted.features == 2 * 16
    assert left_out.features == 16
    assert counted(torch.randn(2, 3, 16, 16)).shape == (2, 10)


@pytest.mark.parametrize(
    ("name", "arch", "told"),
    [
        ("macro-final-tiny", MICRO, "trains macro networks; got a micro architecture"),
        ("micro-final-tiny", MACRO, "trains micro networks; got a macro architecture"),
        ("macro-final-tiny", MACRO, "is for 6 layers, the architecture has 24; set network.layers"),
    ],
)
def test_an_architecture_that_a_recipe_cannot_train_is_refused(name, arch, told):
    with pytest.raises(ValueError, match=told):
        make_child(recipe(name), arch, 3, 10, seed=0)


def test_another_architecture_than_its_own_is_refused():
    net = MacroChild(MACRO_ARCH, 4)

    with pytest.raises(ValueError, match="this network is built for"):
        net(torch.zeros(1, 3, 8, 8), MACRO)


def test_equal_seeds_give_equal_weights():
    a, b, c = (MicroChild(MICRO, 3, 4, seed=s).state_dict() for s in (1, 1, 2))

    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["classifier.weight"], c["classifier.weight"])
