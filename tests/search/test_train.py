"""Schedule, optimiser and single steps against the authors' own numbers."""

from dataclasses import replace

import golden
import pytest
import torch
import torch.nn.functional as F

from enas_viz.recipes import PRESETS, Compute, Fidelity, TrainConfig
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.training import step as train
from enas_viz.spaces import MacroSpace

SPACE = MacroSpace(layers=6, wiring="code")
SCHEDULES = [
    name for name in golden.load("schedule") if "lr_per_epoch" in golden.load("schedule")[name]
]


def schedule(told: dict) -> TrainConfig:
    return TrainConfig(
        epochs=told["num_epochs"],
        lr_max=told["lr_max"],
        lr_min=told["lr_min"],
        restart_period=told["T_0"],
        restart_factor=told["T_mul"],
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_learning_rate_of_every_epoch_is_the_authors(name):
    told = golden.load("schedule")[name]

    rates = [train.learning_rate(schedule(told), e) for e in range(told["num_epochs"])]

    assert rates == pytest.approx(told["lr_per_epoch"], rel=1e-5)  # float32 there


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_first_step_of_a_restart_is_at_the_middle_rate_as_released_only(name):
    told = golden.load("schedule")[name]
    config, at = schedule(told), told["epochs_where_first_step_differs"]

    as_released = [train.first_step_rate(config, PRESETS["released"], e) for e in at]
    clean = [train.first_step_rate(config, Fidelity(), e) for e in at]

    assert as_released == pytest.approx(told["lr_at_first_step_of_those"], rel=1e-6)
    assert clean == [config.lr_max] * len(at)
    elsewhere = set(range(told["num_epochs"])) - set(at)
    for e in elsewhere:
        rate = train.first_step_rate(config, PRESETS["released"], e)
        assert rate == train.learning_rate(config, e)


def test_training_steps_move_all_weights_as_the_authors_do():
    told = golden.load("child_training")["macro_search_branches_bound"]
    fidelity = replace(PRESETS["released"], macro_dispatch="sampled")
    net = MacroSupernet(SPACE, 8, fidelity=fidelity)
    golden.set_supernet(net)
    optimiser = train.make_optimiser(net, TrainConfig(l2=2.5e-4))
    arch = SPACE.decode(told["arc"])

    for loss, rate, norm in told["loss_lr_gradnorm_per_step"]:
        was = [p.detach().clone() for p in net.parameters()]
        mine, _ = train.train_step(
            net, optimiser, arch, golden.images("A"), golden.LABELS, rate, fidelity, Compute()
        )
        pairs = zip(net.parameters(), was, strict=True)
        with_l2 = torch.cat([(p.grad + 2 * 2.5e-4 * w).flatten() for p, w in pairs])
        assert mine.item() == pytest.approx(loss, 1e-5)
        assert with_l2.norm().item() == pytest.approx(norm, 1e-4)
    for name, (norm, total) in told["variables_l2_and_sum_after"].items():
        weight = golden.parameter(net, name)
        assert weight.norm().item() == pytest.approx(norm, 1e-4, 1e-6), name
        assert weight.sum().item() == pytest.approx(total, 1e-4, 2e-4), name


def one_step(**fidelity: str) -> tuple[MacroSupernet, MacroSupernet]:
    """(before, after) a step of a tiny supernet that samples operation 0 in every layer."""
    chosen = Fidelity(**fidelity)
    nets = [MacroSupernet(MacroSpace(3), 4, 1, 3, chosen, seed=5) for _ in range(2)]
    optimiser = train.make_optimiser(nets[1], TrainConfig(l2=0.01))
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    arch = nets[1].space.architecture([0] * 3)
    labels = torch.tensor([0, 1, 2, 0])
    train.train_step(nets[1], optimiser, arch, images, labels, 0.1, chosen, Compute())
    return nets[0], nets[1]


@pytest.mark.parametrize(("idle", "moves"), [("still", False), ("decay", True)])
def test_idle_weights_move_only_when_they_decay(idle, moves):
    before, after = one_step(idle_weights=idle)

    was, now = before.banks[1][3][0].weight, after.banks[1][3][0].weight

    assert torch.equal(was, now) != moves
    if moves:  # w - lr * (g + momentum * g) with g = 2 * l2 * w
        torch.testing.assert_close(now, was * (1 - 0.1 * 1.9 * 2 * 0.01))


def test_clipping_shortens_the_step_only_when_the_gradient_is_long(monkeypatch):
    plain = one_step()[1]
    unclipped = one_step(clip="global5")[1]
    monkeypatch.setattr(train, "CLIP_NORM", 1e-3)
    clipped = one_step(clip="global5")[1]

    start = one_step()[0]
    moved = [
        (a.classifier.weight - start.classifier.weight).norm() for a in (plain, unclipped, clipped)
    ]
    assert moved[0] == moved[1]
    assert moved[2] < moved[0] / 10


def test_a_step_returns_the_loss_before_it_and_the_count_of_right_answers():
    net = MacroSupernet(MacroSpace(3), 4, 1, 3, seed=5)
    arch = net.space.architecture([0] * 3)
    images, labels = torch.randn(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.no_grad():
        logits = net(images, arch)

    loss, right = train.train_step(
        net,
        train.make_optimiser(net, TrainConfig()),
        arch,
        images,
        labels,
        0.1,
        Fidelity(),
        Compute(),
    )

    torch.testing.assert_close(loss, F.cross_entropy(logits, labels))
    assert right.item() == (logits.argmax(1) == labels).sum().item()


def test_refitting_gives_the_statistics_of_the_one_architecture():
    net = MacroSupernet(MacroSpace(3), 4, 1, 3, Fidelity(reward_bn="refit"), seed=5)
    arch = net.space.architecture([0] * 3)
    batch = torch.randn(16, 1, 8, 8)

    train.refit_batch_norm(net, arch, [batch])

    with torch.no_grad():
        out = net.stem[0](batch)
    torch.testing.assert_close(net.stem[1].running_mean, out.mean((0, 2, 3)))
    assert net.stem[1].momentum == 0.1


def test_bfloat16_is_used_when_asked_for_and_not_by_itself_on_the_cpu():
    cpu = torch.device("cpu")
    with train.autocast(cpu, Compute()):
        plain = torch.ones(2, 2) @ torch.ones(2, 2)
    with train.autocast(cpu, Compute(precision="bfloat16")):
        reduced = torch.ones(2, 2) @ torch.ones(2, 2)

    assert plain.dtype == torch.float32
    assert reduced.dtype == torch.bfloat16
