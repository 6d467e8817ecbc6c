"""The ENAS loop: what it yields, in which order, and how reward and baseline are formed."""

import pytest
import torch

from enas_viz import search
from enas_viz.recipes import change, recipe
from enas_viz.records import training_counts as inheritance
from enas_viz.records.trace import Episode, Epoch, Header, Tick, load_trace
from enas_viz.search.enas import Enas
from enas_viz.search.runs.build import build
from enas_viz.search.training import data as data_module
from enas_viz.search.training import draws
from enas_viz.search.training.step import NonFiniteLoss
from enas_viz.view.scene import episode_json

TINY = recipe(
    "macro-tiny",
    network__layers=3,
    network__filters=4,
    train__epochs=2,
    train__batch_size=200,
    controller__updates=2,
    controller__samples=3,
    controller__reward_images=20,
    keep_steps=2,
)


def tiny(**changes) -> Enas:
    return build(change(TINY, **changes), 0, "cpu", None)


def test_a_search_yields_header_ticks_episodes_and_epochs_in_order():
    kinds = [type(r) for r in search.run(TINY)]

    weights, controller = [Tick] * 5, [Episode, Tick] * 6
    assert kinds == [Header, *weights, *controller, Epoch, *weights, *controller, Epoch]


def test_records_are_numbered_from_0_and_ticks_grow_to_the_end():
    items = list(search.run(TINY))
    records = [r for r in items if not isinstance(r, Tick)]
    done = [t.done for t in items if isinstance(t, Tick)]

    assert [r.n for r in records] == list(range(len(records)))
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)


def test_every_fifth_episode_keeps_its_steps_when_asked_to_and_so_does_every_new_best():
    episodes = [r for r in search.run(change(TINY, keep_steps=5), seed=1) if isinstance(r, Episode)]

    found = [e.accuracy for e in episodes]
    bests = [a > max(found[:i], default=-1.0) for i, a in enumerate(found)]
    assert [bool(e.steps) for e in episodes] == [b or i % 5 == 0 for i, b in enumerate(bests)]
    assert any(best and i % 5 for i, best in enumerate(bests))
    taken = episodes[0]
    assert len(taken.steps) == 6
    assert taken.log_probability == pytest.approx(taken.extra["log_probability"], abs=1e-3)
    assert taken.entropy == pytest.approx(taken.extra["entropy"], abs=1e-3)


def test_a_full_record_survives_the_trace_and_stays_out_of_the_replay(tmp_path):
    list(search.run(change(TINY, record="full", train__epochs=1), folder=tmp_path / "run"))

    kept = load_trace(tmp_path / "run").episodes[0]
    assert [len(step.detail["hidden"]) for step in kept.steps] == [64] * 6
    assert [len(step.detail["raw"]) for step in kept.steps] == [6, 0, 6, 1, 6, 2]
    assert all(len(step) == 2 for step in episode_json(kept)["steps"])


def test_the_reward_is_accuracy_plus_weighted_entropy_and_the_baseline_follows_it():
    baseline = 0.0
    for e in (r for r in search.run(TINY) if isinstance(r, Episode)):
        assert e.accuracy * 20 == pytest.approx(round(e.accuracy * 20))
        expected = e.accuracy + 1e-4 * e.extra["entropy"]
        assert e.reward == pytest.approx(expected, abs=1e-7)
        baseline -= 0.01 * (baseline - e.reward)
        assert e.baseline == pytest.approx(baseline)
        assert e.advantage == pytest.approx(e.reward - baseline)


def test_the_first_advantage_is_099_of_the_reward_when_the_baseline_starts_at_zero():
    first = next(r for r in search.run(TINY) if isinstance(r, Episode))

    assert first.advantage == pytest.approx(0.99 * first.reward)


def test_the_baseline_may_start_at_the_first_reward():
    first = next(
        r for r in tiny(fidelity__baseline_start="first_reward").records() if isinstance(r, Episode)
    )

    assert first.advantage == pytest.approx(0, abs=1e-12)


def test_a_weight_epoch_moves_no_controller_and_a_controller_phase_no_weights():
    running = tiny()
    items = running.records()
    start = [p.clone() for p in running.controller.parameters()]
    for _ in range(1 + 5):  # header, one epoch of minibatches
        next(items)
    assert all(
        torch.equal(a, b) for a, b in zip(start, running.controller.parameters(), strict=True)
    )
    weights = [p.clone() for p in running.net.parameters()]
    for _ in range(12):
        next(items)
    assert isinstance(next(items), Epoch)

    assert all(torch.equal(a, b) for a, b in zip(weights, running.net.parameters(), strict=True))
    moved = [
        not torch.equal(a, b) for a, b in zip(start, running.controller.parameters(), strict=True)
    ]
    assert all(moved)


def test_one_update_follows_the_gradient_averaged_over_its_samples():
    """Against the definition, sample by sample, without the batched pass."""
    running, reference = tiny(), tiny()
    items = running.records()
    episodes: list[Episode] = []
    while len(episodes) < 4:  # the update is made before the fourth sample is scored
        item = next(items)
        episodes += [item] if isinstance(item, Episode) else []

    controller, config = reference.controller, reference.recipe.controller
    for e in episodes[:3]:
        scored = controller.score([e.architecture])
        loss = -scored.log_probability * e.advantage + config.skip_weight * scored.skip_penalty
        (loss.sum() / 3).backward()  # gradients add up over the samples
    reference.strategy.controller_optimiser.step()

    for a, b in zip(controller.parameters(), running.controller.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def samples_of(items) -> list[Episode]:
    return [r for r in items if isinstance(r, Episode)]


def test_the_skip_penalty_lowers_the_reward_where_fidelity_says_so_and_never_the_accuracy():
    plain = samples_of(tiny(train__epochs=1).records())
    paid = samples_of(tiny(train__epochs=1, fidelity__skip_penalty_in="reward").records())

    for a, b in zip(plain[:3], paid[:3], strict=True):  # of one policy, before it moves apart
        assert (a.architecture, a.accuracy) == (b.architecture, b.accuracy)
        assert "skip_penalty" not in a.extra
    for e in paid:
        kl = e.extra["skip_penalty"]
        assert kl > 0
        expected = e.accuracy + 1e-4 * e.extra["entropy"] - 0.8 * kl
        assert e.reward == pytest.approx(expected, abs=1e-4)
        assert e.accuracy * 20 == pytest.approx(round(e.accuracy * 20))


def test_a_penalty_in_the_reward_has_no_gradient_of_its_own():
    running, reference = (tiny(fidelity__skip_penalty_in="reward") for _ in range(2))
    episodes, items = [], running.records()
    while len(episodes) < 4:  # the update is made before the fourth sample is scored
        item = next(items)
        episodes += [item] if isinstance(item, Episode) else []

    controller = reference.controller
    scored = controller.score([e.architecture for e in episodes[:3]])
    advantages = torch.tensor([e.advantage for e in episodes[:3]])
    (-scored.log_probability * advantages).mean().backward()
    reference.strategy.controller_optimiser.step()

    for a, b in zip(controller.parameters(), running.controller.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_search_that_goes_on_within_an_update_knows_the_penalties_behind_it():
    whole = samples_of(tiny(train__epochs=1, fidelity__skip_penalty_in="reward").records())
    first, second = (tiny(train__epochs=1, fidelity__skip_penalty_in="reward") for _ in range(2))
    begun = []
    for item in first.records():
        begun += [item] if isinstance(item, Episode) else []
        if len(begun) == 2:
            break
    second.restore(*first.snapshot())

    assert [*begun, *samples_of(second.records())] == whole


def test_a_rewarded_choice_becomes_more_probable():
    """Episodes of two architectures, one always right, one always wrong."""
    running = tiny(controller__lr=0.01)
    space = running.recipe.space
    good, bad = space.architecture([0] * 3), space.architecture([5] * 3)
    before = running.controller.score([good, bad]).log_probability.detach()

    for _ in range(10):
        running.strategy.controller_optimiser.reinforce([good, bad], [0.5, -0.5])

    after = running.controller.score([good, bad]).log_probability.detach()
    assert after[0] > before[0] + 0.5
    assert after[1] < before[1] - 0.5


def test_own_reward_batches_differ_and_a_shared_one_is_the_same(monkeypatch):
    seen = []
    original = draws.generator

    def spy(seed, stream, *key):
        if stream == "reward":
            seen.append(key)
        return original(seed, stream, *key)

    monkeypatch.setattr(draws, "generator", spy)
    list(tiny(train__epochs=1).records())
    own = list(seen)
    seen.clear()
    list(tiny(train__epochs=1, fidelity__reward_batch="shared").records())

    assert len(set(own)) == 6
    assert len(set(seen)) == 2  # one for each update


@pytest.mark.parametrize(
    "changes",
    [
        {"fidelity__reward_bn": "moving"},
        {"fidelity__reward_bn": "refit"},
        {"fidelity__reward_dropout": "on"},
        {"fidelity__skip_merge_search": "concat"},
        {"fidelity__skip_merge_search": "input"},
        {"fidelity__skip_merge_search": "input", "fidelity__skip_wiring": "code"},
        {"fidelity__skip_merge_search": "input", "fidelity__reward_bn": "refit"},
        {"fidelity__skip_merge_search": "input", "fidelity__idle_weights": "decay"},
        {"fidelity__macro_order": "skips-first"},
        {"fidelity": "released"},
        {"fidelity": "paper"},
        {"fidelity": "article"},
        {"compute__channels_last": False},
        {"compute__precision": "bfloat16"},
    ],
)
def test_every_way_of_searching_runs_to_its_end(changes):
    records = [r for r in tiny(train__epochs=1, **changes).records() if isinstance(r, Epoch)]

    assert len(records) == 1
    assert 0 < records[0].loss < 10


def test_deterministic_kernels_suffice():
    try:
        records = list(tiny(train__epochs=1, compute__deterministic=True).records())
    finally:
        torch.use_deterministic_algorithms(False)

    assert isinstance(records[-1], Epoch)


def test_rewards_of_the_moving_and_the_batch_statistics_differ():
    def rewards(**changes):
        return [e.reward for e in tiny(**changes).records() if isinstance(e, Episode)]

    assert rewards() != rewards(fidelity__reward_bn="moving")


def test_a_non_finite_loss_is_traced_to_its_step_and_architecture():
    running = tiny(train__lr_max=1e30, train__lr_min=1e30)

    with pytest.raises(NonFiniteLoss, match=r"epoch 1, minibatch \d, under the architecture \[\d"):
        list(running.records())


def test_a_search_never_loads_test_images(monkeypatch):
    parts = []
    original = data_module._load_part

    def spy(config, source, part):
        parts.append(part)
        return original(config, source, part)

    monkeypatch.setattr(data_module, "_load_part", spy)

    list(search.run(TINY))

    assert parts == ["train"]


def test_the_order_of_training_images_changes_from_epoch_to_epoch_and_covers_them_all():
    running = tiny()
    first = running.judge.shuffled()
    running.at.epoch = 1
    second = running.judge.shuffled()

    assert sorted(first.tolist()) == list(range(1000))
    assert not torch.equal(first, second)


def test_a_last_minibatch_is_filled_up():
    running = tiny(train__batch_size=300)

    order = running.judge.shuffled()

    assert len(order) == 4 * 300
    assert torch.equal(order[1000:], order[:200])


def test_a_search_of_cells_yields_the_same_kinds_and_rewards_without_a_penalty():
    made = recipe(
        "micro-tiny",
        network__filters=4,
        network__nodes=2,
        train__epochs=1,
        train__batch_size=200,
        controller__updates=2,
        controller__samples=3,
        controller__reward_images=20,
        keep_steps=1,
    )
    items = list(search.run(made))

    assert [type(r) for r in items] == [Header, *[Tick] * 5, *[Episode, Tick] * 6, Epoch]
    episodes = [r for r in items if isinstance(r, Episode)]
    for e in episodes:
        assert len(e.steps) == 24
        assert e.entropy == pytest.approx(e.extra["entropy"], abs=1e-3)
        weight = made.controller.entropy_weight
        assert e.reward == pytest.approx(e.accuracy + weight * e.extra["entropy"], abs=1e-5)
    rollout = build(made, 0, "cpu", None).controller.sample(3)
    assert rollout.penalty.tolist() == [0, 0, 0]


def test_the_auxiliary_heads_loss_trains_the_trunk_and_itself_where_it_is_trained():
    moved = {}
    for head in ("trained", "frozen"):
        made = build(
            recipe(
                "micro-tiny",
                data__resolution=20,
                network__filters=4,
                network__nodes=1,
                network__aux_weight=0.4,
                fidelity__aux_head=head,
                train__epochs=1,
                train__batch_size=500,
                controller__updates=0,
            ),
            0,
            "cpu",
            None,
        )
        before = [p.clone() for p in made.net.auxiliary.parameters()]
        for _ in made.records():
            pass
        after = list(made.net.auxiliary.parameters())
        moved[head] = any((a != b).any() for a, b in zip(before, after, strict=True))
    assert moved == {"trained": True, "frozen": False}


# ---- what is trained


def trained_of(search) -> tuple[list, list]:
    """(the paths that the supernet really ran in training, epoch by epoch; what was recorded)."""
    ran, epochs = [[]], []
    forward = search.net.forward_train

    def watched(images, child, drop=None):
        ran[-1].append(child)
        return forward(images, child, drop)

    search.net.forward_train = watched
    for item in search.records():
        if isinstance(item, Epoch):
            epochs.append(item.extra["trained"])
            ran.append([])
    return ran[:-1], epochs


@pytest.mark.parametrize("name", ["macro-tiny", "micro-tiny"])
def test_an_epoch_records_exactly_what_its_minibatches_trained(name):
    sizes = {"layers": 3} if name == "macro-tiny" else {"nodes": 2}
    made = recipe(
        name,
        **{f"network__{k}": v for k, v in sizes.items()},
        network__filters=4,
        train__epochs=3,
        train__batch_size=100,
        train__accumulate=2,
        controller__updates=2,
        controller__samples=3,
        controller__lr=0.5,  # so that the policy has moved when the epoch is recorded
    )

    ran, told = trained_of(build(made, 0, "cpu", None))

    assert [len(children) for children in ran] == [10] * 3
    space = made.space
    assert told == [inheritance.to_json(inheritance.count(c, space), space) for c in ran]


def test_under_the_released_slip_only_the_last_operation_is_recorded_as_trained():
    _, told = trained_of(tiny(fidelity__macro_dispatch="last_branch"))

    assert [epoch["ops"] for epoch in told] == [[[0, 0, 0, 0, 0, 5]] * 3] * 2


def test_where_skips_are_the_input_an_epoch_records_the_layers_that_ran():
    running = tiny(network__layers=5, fidelity__skip_merge_search="input", train__epochs=1)
    ran = [[0] * 6 for _ in range(5)]

    def watch(k: int, op: int, branch: torch.nn.Module) -> None:
        def hook(*_):
            ran[k][op] += torch.is_grad_enabled()

        branch.register_forward_hook(hook)

    for k, bank in enumerate(running.net.banks):
        for op, branch in enumerate(bank):
            watch(k, op, branch)
    (told,) = (r.extra["trained"] for r in running.records() if isinstance(r, Epoch))

    assert told["ops"] == ran
    assert sum(map(sum, ran)) < 5 * 5  # some layer was read by none
    assert sum(ran[-1]) == 5


def test_a_checkpoint_of_an_older_version_goes_on_without_the_counts_of_its_epoch():
    first = tiny()
    items = first.records()
    next(item for item in items if isinstance(item, Episode))  # counts cannot be had again
    tensors, facts = first.snapshot()
    del tensors["trained"]
    second = tiny()

    second.restore(tensors, facts)

    assert "trained" not in second.snapshot()[0]
    told = ["trained" in r.extra for r in second.records() if isinstance(r, Epoch)]
    assert told == [False, True]
