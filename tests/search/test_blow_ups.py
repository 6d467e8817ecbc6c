"""Values that blow up: a run stops with the step and the cause; it never goes on with NaN."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz import cli, search
from enas_viz.memory import OutOfMemory
from enas_viz.recipes import LARGEST, SMALLEST, change, recipe
from enas_viz.records.trace import Tick, Trace, read_trace
from enas_viz.search.nets.lstm import NonFinitePolicy
from enas_viz.search.nets.macro.supernet import MacroSupernet
from enas_viz.search.runs.build import build
from enas_viz.search.training import step as train
from enas_viz.search.training.data import Data, Split
from enas_viz.search.training.step import NonFiniteLoss, right_answers
from enas_viz.spaces import MacroSpace

SMALL = {"network__layers": 2, "network__filters": 2, "train__epochs": 2, "train__batch_size": 8}
TINY = recipe(
    "macro-tiny",
    **{"controller__hidden": 8, "controller__updates": 2, "controller__samples": 2},
    controller__reward_images=10,
    **SMALL,
)
FINAL = recipe("macro-final-tiny", **SMALL)
ARCH = MacroSpace(2).decode([0, 1, 1])


def images(count: int = 20, side: int = 8) -> Data:
    pixels = torch.arange(20 * side * side).reshape(20, 1, side, side) % 251
    valid = Split(pixels.to(torch.uint8), torch.arange(20) % 10)
    train = Split(valid.images[:count], valid.labels[:count])
    return Data("made-up", tuple("0123456789"), train, valid, torch.zeros(1), torch.ones(1), "ab")


IMAGES = images()
EXTREMES = {
    "controller__init_range": (0.0, SMALLEST, 1e10, LARGEST),
    "controller__temperature": (SMALLEST, 1e-10, LARGEST),
    "controller__tanh_constant": (SMALLEST, 1e3, 1e10, LARGEST),
    "controller__lr": (SMALLEST, 1e10, LARGEST),
    "controller__adam_eps": (SMALLEST, LARGEST),
    "controller__adam_beta1": (0.0, 1 - 2**-53),
    "controller__adam_beta2": (0.0, 1 - 2**-53),
    "controller__entropy_weight": (0.0, 1e10, LARGEST),
    "controller__skip_weight": (0.0, 1e10, LARGEST),
    "controller__skip_prior": (SMALLEST, 1 - 2**-53),
    "controller__baseline_decay": (0.0, 1.0),
    "train__lr_max": (SMALLEST, 1e5, LARGEST),
    "train__lr_min": (0.0, LARGEST),
    "train__l2": (0.0, 1e10, LARGEST),
    "train__momentum": (0.0, 1 - 2**-53),
    "network__keep_prob": (SMALLEST, 1.0),
}


def finite(trace: Trace) -> bool:
    """Whether it can be written and read back, its numbers finite."""
    text = b"".join(
        (json.dumps(line, allow_nan=False) + "\n").encode()
        for line in ({"n": r.n, **r.to_json()} for r in (trace.header, *trace.records))
    )
    return read_trace(text).digest() == trace.digest()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(EXTREMES)), min_size=1, max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({n: st.sampled_from(EXTREMES[n]) for n in names})
    ),
    st.sampled_from(
        [{}, {"fidelity": "paper"}, {"fidelity": "released"}, {"train__accumulate": 2}]
    ),
)
def test_a_search_of_extreme_values_ends_with_finite_numbers_or_says_where_it_stopped(
    extreme, others
):
    made = change(TINY, **extreme, **others)
    records, said = [], ""
    try:
        records += (r for r in search.run(made, data=IMAGES) if not isinstance(r, Tick))
    except (NonFiniteLoss, NonFinitePolicy) as error:
        said = str(error)
    if records and not said:
        assert finite(Trace(records[0], tuple(records[1:])))
    else:
        assert "controller" in said or "a lower train.lr_m" in said


@pytest.mark.parametrize(
    ("made", "arch"),
    [(change(TINY, train__epochs=1), None), (change(FINAL, train__epochs=1), ARCH)],
)
def test_weights_that_only_the_last_step_ruined_are_found(monkeypatch, made, arch):
    """No loss comes after it, and a network of such weights still answers."""
    running = build(made, 0, "cpu", IMAGES, architecture=arch)
    step, count = train.averaged_step, [0]

    def ruined(net, *rest):
        found = step(net, *rest)
        count[0] += 1
        if count[0] == getattr(running, "judge", running).steps_per_epoch:
            next(net.parameters()).data.view(-1)[0] = 1e30
        return found

    monkeypatch.setattr("enas_viz.search.training.epochs.averaged_step", ruined)

    with pytest.raises(NonFiniteLoss, match="epoch 1 left weights .* lower train.lr_max"):
        list(running.records())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train__lr_max": 1e20}, r"a lower train.lr_max \(now 1e\+20\) may help$"),
        ({"train__lr_min": 1e20}, r"a lower train.lr_min \(now 1e\+20\) may help$"),
        ({"train__l2": 1e20}, r"train.l2 is 1e\+20, too$"),
    ],
)
def test_a_loss_that_is_not_finite_names_what_drove_it(changes, said):
    with pytest.raises(NonFiniteLoss, match=said):
        list(search.run(change(TINY, train__restart_period=2, **changes), data=IMAGES))


def test_a_reward_that_is_not_finite_stops_the_search_at_that_sample(monkeypatch):
    monkeypatch.setattr(
        "enas_viz.search.strategies.reinforce.bonus", lambda _, sample: [0.0, -math.inf][sample]
    )

    with pytest.raises(NonFinitePolicy, match="reward was -inf in epoch 1, update 1, sample 2, "):
        list(search.run(TINY, data=IMAGES))


def test_a_controller_whose_moments_overflow_stops_at_that_update():
    """Its weights would stand still for good, and nothing else would show it."""
    running = build(TINY, 0, "cpu", IMAGES)
    children = running.controller.sample(2).architectures()
    running.strategy.controller_optimiser.reinforce(children, [0.1, 0.2])

    with pytest.raises(NonFinitePolicy, match="update 2 of the controller .* controller.lr"):
        running.strategy.controller_optimiser.reinforce(children, [1e25, 1e25])


@pytest.mark.parametrize("name", ["macro-tiny", "micro-tiny"])
def test_logits_that_are_not_finite_are_found_when_they_are_computed(name):
    controller = build(recipe(name, train__epochs=1), 0, "cpu", None).controller
    with torch.no_grad():
        controller.v += torch.nan

    for use in (lambda: controller.sample(1), lambda: search.ask(controller)()):
        with pytest.raises(NonFinitePolicy, match="logits are not finite"):
            use()


# ---- a single number to average


@pytest.mark.parametrize(
    ("made", "arch", "data"),
    [
        (change(TINY, network__layers=3, train__batch_size=1), None, images(side=2)),
        (change(TINY, network__layers=3, controller__reward_images=1), None, images(side=2)),
        (change(TINY, network__layers=3, train__batch_size=1), None, images(1, side=2)),
        (
            change(FINAL, network__layers=3, train__batch_size=1),
            MacroSpace(3).decode([0, 1, 1, 2, 0, 0]),
            images(side=2),
        ),
    ],
)
def test_one_image_on_maps_of_one_pixel_is_refused_at_the_start(tmp_path, made, arch, data):
    asked = {"data": data, "folder": tmp_path / "run"}
    items = search.train_child(made, arch, **asked) if arch else search.run(made, **asked)

    with pytest.raises(ValueError, match="a single number to average: .* data.resolution"):
        next(items)
    assert not (tmp_path / "run").exists()


def test_one_image_on_larger_maps_is_trained():
    made = change(TINY, train__batch_size=1, controller__reward_images=1, train__epochs=1)

    assert list(search.run(made, data=images(3)))[-1].loss > 0


def test_no_image_is_evaluated_alone_at_the_end_of_a_split():
    class Counting:
        def __init__(self):
            self.sizes = []

        def __call__(self, batch, _):
            self.sizes.append(len(batch))
            return torch.zeros(len(batch), 10)

    for count, size, wanted in ((17, 8, [8, 9]), (16, 8, [8, 8]), (18, 8, [8, 8, 2]), (1, 8, [1])):
        net, data = Counting(), images(count)
        right = right_answers(net, ARCH, data, data.train, TINY.compute, size)
        assert (net.sizes, len(right)) == (wanted, count)


# ---- out of memory

FORMS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17.5 GB)"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


@pytest.mark.parametrize("error", FORMS, ids=lambda e: type(e).__name__)
def test_running_out_of_memory_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, error):
    def fails(*_):
        raise error

    monkeypatch.setattr(MacroSupernet, "forward_train", fails)

    for asked in ({}, {"folder": tmp_path / "run"}):
        with pytest.raises(OutOfMemory, match="ran out of memory .* train.batch_size"):
            list(search.run(TINY, data=IMAGES, **asked))
    with pytest.raises(SystemExit) as ended:
        cli.main(["search", "macro-tiny", "--folder", str(tmp_path / "other")])
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert ended.value.code == 2
    assert told.startswith("enas-viz: error: the run in ")
    assert "enas-viz resume" in told


def test_a_real_allocation_that_fails_is_told_and_other_errors_pass(monkeypatch):
    monkeypatch.setattr(
        MacroSupernet, "forward_train", lambda *_: torch.empty(2**50, dtype=torch.uint8)
    )
    with pytest.raises(OutOfMemory, match="this run ran out of memory"):
        list(search.run(TINY, data=IMAGES))

    monkeypatch.setattr(MacroSupernet, "forward_train", lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="inconsistent tensor size|size mismatch|shape"):
        list(search.run(TINY, data=IMAGES))
