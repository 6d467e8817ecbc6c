"""One run on several processes: the same as on one, whoever stops, closes or is killed.

What the processes do is in `processes.py`; two, and four, are started once for all tests, since
importing torch takes them longer than what they do.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from processes import EQUAL, MOVING, OF_FOUR, architecture, whole
from safetensors import safe_open
from waiting import LONG

from enas_viz import search
from enas_viz.recipes import change
from enas_viz.records.trace import Episode, Epoch, load_trace
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.build import build
from enas_viz.search.runs.run import restore
from enas_viz.search.training.ranks import RankLost, Ranks, Stopped, join
from enas_viz.search.training.step import averaged_step, make_optimiser

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
SCENES = Path(__file__).parent / "processes.py"
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}  # sums of float32 in another order, over two epochs


def start(*command) -> subprocess.Popen:
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """(folder, what was started in it) by name, all at once: most of their time is imports."""
    out = {name: tmp_path_factory.mktemp(name) for name in ("two", "four", "accelerate")}
    scenes = ("equal", "closed", "used", "interrupted", "lost")
    launch = (sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", 2)
    command = ("-m", "enas_viz", "search", "macro-tiny", "--folder", out["accelerate"] / "run")
    fields = ("--compute.processes", 2, "--train.accumulate", 2)
    running = {
        "two": start(*TORCHRUN, 2, SCENES, out["two"], *scenes),
        "four": start(sys.executable, SCENES, "--fork", 4, out["four"], "equal"),
        "accelerate": start(*launch, *command, *fields),
    }
    yield {name: (out[name], running[name]) for name in out}
    for process in running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended(started) -> tuple[Path, str, int]:
    """(folder, what was printed, exit code), once it has ended."""
    folder, process = started
    printed, _ = process.communicate(timeout=LONG)
    return folder, printed, process.returncode


@pytest.fixture(scope="module")
def two(started):
    """All scenes on two processes, of which one is killed in the last."""
    return ended(started["two"])


@pytest.fixture(scope="module")
def four(started):
    return ended(started["four"])


@pytest.fixture(scope="module")
def one(started):
    """(tensors, figures) of the same runs on this process alone, while the others run theirs."""
    return {name: whole(made, Ranks()) for name, made in EQUAL.items()}


def held(path: Path) -> tuple[dict, dict]:
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["told"])
        return {name: file.get_tensor(name) for name in file.keys()}, told  # noqa: SIM118


def assert_close(found: dict, wanted: dict) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(
            found[name], value, **TOLERANCE, msg=lambda m, n=name: f"{n} {m}"
        )


# ---- the same run, whoever computes


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 2) for name in EQUAL), *((name, 4) for name in OF_FOUR)]
)
def test_a_run_on_several_processes_equals_the_one_on_one(name, size, one, request):
    out, printed, _ = request.getfixturevalue({2: "two", 4: "four"}[size])
    assert (out / f"{name}-{size}-0.safetensors").exists(), printed
    tensors, told = one[name]

    found, said = held(out / f"{name}-{size}-0.safetensors")

    for figure in ("rewards", "losses", "accuracies"):
        assert said.pop(figure) == pytest.approx(told[figure], rel=1e-5), figure
    assert said == {figure: told[figure] for figure in said}
    assert_close(found, tensors)
    for rank in range(1, size):  # all of them hold the same bits
        others, heard = held(out / f"{name}-{size}-{rank}.safetensors")
        assert heard == held(out / f"{name}-{size}-0.safetensors")[1]
        assert all(torch.equal(others[key], value) for key, value in found.items())


def test_moving_statistics_were_moved_and_counters_take_the_largest(one):
    tensors, _ = one["moving"]
    means = [v for k, v in tensors.items() if k.endswith("running_mean")]
    counts = [int(v) for k, v in tensors.items() if k.endswith("num_batches_tracked")]

    assert any(bool(mean.any()) for mean in means)
    assert max(counts) == 4  # two epochs of two steps: once a step, not once a minibatch


def test_each_of_the_minibatches_has_its_own_architecture_and_draws(one):
    running = build(MOVING, 0, "cpu", None)
    seen = []
    running.judge.minibatch = lambda number, child, order: (
        seen.append((number, child)),
        torch.zeros(2),
    )[1]
    items = running.records()
    for _ in range(3):  # the header, and an epoch
        next(items)

    assert [number for number, _ in seen] == list(range(8))
    assert len({child for _, child in seen}) > 4


def test_a_step_follows_the_sum_over_those_that_used_a_weight_divided_by_all():
    weights = torch.nn.ParameterDict({name: torch.ones(2) for name in "abc"})
    uses = [("a", 3.0), ("b", 1.0), ("a", 5.0), ("b", 2.0)]

    def run(m):
        name, factor = uses[m]
        (weights[name] * factor).sum().backward()
        return torch.tensor(float(m)), torch.tensor(m)

    config = change(MOVING, train__momentum=0.0, train__l2=0.5).train
    optimiser = make_optimiser(weights, config)
    losses, rights = averaged_step(weights, optimiser, run, 4, 0.1, MOVING.fidelity)

    assert losses.tolist() == rights.tolist() == [0, 1, 2, 3]
    assert weights["c"].grad is None  # nor does L2 move it
    assert weights["c"].tolist() == [1, 1]
    assert weights["a"].tolist() == pytest.approx([1 - 0.1 * (8 / 4 + 1)] * 2)
    assert weights["b"].tolist() == pytest.approx([1 - 0.1 * (3 / 4 + 1)] * 2)


def by_itself(total):
    """A process of two whose exchange gives what `total` makes of its own part."""

    class Alone(Ranks):
        def mine(self, count, start=0):
            return range(start, count)

        def sum(self, values):
            return total(values)

    return Alone(0, 2)


def test_the_path_through_an_exchange_changes_no_bit():
    both = []
    for ranks in (Ranks(), by_itself(torch.clone)):
        running = build(change(MOVING, train__epochs=1), 0, "cpu", None, ranks)
        list(running.records())
        both.append(running.snapshot()[0])

    assert all(torch.equal(value, both[1][key]) for key, value in both[0].items())


def gone(values):
    raise RankLost("another process of this run ended")


@pytest.mark.parametrize(
    ("total", "leaving", "error"), [(torch.clone, True, Stopped), (gone, False, RankLost)]
)
def test_a_step_that_another_process_ends_changes_nothing(total, leaving, error):
    running = build(MOVING, 0, "cpu", None)
    running.ranks = running.judge.ranks = by_itself(total)
    running.ranks.leaving = leaving
    before = {key: value.clone() for key, value in running.snapshot()[0].items()}

    with pytest.raises(error):
        list(running.records())

    after, facts = running.snapshot()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert facts["position"]["step"] == 0


def test_samples_and_minibatches_are_dealt_out_in_turn_without_regard_to_where_one_resumed():
    assert [list(Ranks(rank, 4).mine(10)) for rank in (0, 3)] == [[0, 4, 8], [3, 7]]
    assert [list(Ranks(rank, 4).mine(10, 5)) for rank in range(4)] == [[8], [5, 9], [6], [7]]
    assert list(Ranks().mine(3, 1)) == [1, 2]


# ---- stopping, closing, killing


@pytest.mark.parametrize("name", ["weights", "controller", "epoch", "first"])
def test_when_one_process_closes_all_end_and_one_goes_on_to_the_same_end(name, one, two):
    out, printed, _ = two
    seen = [out / f"closed-{name}-{rank}.json" for rank in (0, 1)]
    assert all(path.exists() for path in seen), printed
    assert not (out / f"closed-{name}" / "trace.jsonl.gz").exists()

    go_on_alone(out / f"closed-{name}", one["moving"])


def test_final_training_goes_on_alone_as_well(one, two):
    out, *_ = two
    assert not (out / "closed-final" / "trace.jsonl.gz").exists()

    go_on_alone(out / "closed-final", one["final"])


def go_on_alone(folder, wanted) -> None:
    """Resumes a run of two processes on this one; it must end as the uninterrupted one did."""
    tensors, told = wanted
    assert checkpoint.found(folder)

    list(search.resume(folder))

    trace = load_trace(folder)
    assert [e.reward for e in trace.episodes] == pytest.approx(told["rewards"], rel=1e-5)
    losses = [r.loss for r in trace.records if isinstance(r, Epoch)]
    assert losses == pytest.approx(told["losses"], rel=1e-5)
    assert [r.n for r in trace.records] == list(range(1, 1 + len(trace.records)))
    assert_close(restore(folder).snapshot()[0], tensors)


def test_ctrl_c_on_one_process_stops_all_and_the_first_tells(two):
    out, printed, _ = two
    assert (out / "interrupted-0.txt").exists(), printed
    first, second = ((out / f"interrupted-{rank}.txt").read_text() for rank in (0, 1))

    assert f"stopped; go on with `enas-viz resume {out / 'interrupted'}`" in first
    assert first.endswith("exit code 130\n")
    assert second.strip() == "exit code 130"
    assert checkpoint.found(out / "interrupted")
    assert any(isinstance(r, Episode) for r in load_trace(out / "interrupted").records)


def test_a_killed_process_ends_the_others_with_a_line_and_nothing_is_lost(one, two):
    out, _, code = two
    told = (out / "lost-0.txt").read_text()

    (line,) = [line for line in told.splitlines() if "error" in line]
    assert "another process of this run ended" in line
    assert line.endswith(f"nothing that was saved is lost: go on with `enas-viz resume {out}/lost`")
    assert told.endswith("exit code 2\n")
    assert code
    go_on_alone(out / "lost", one["moving"])


def test_only_the_first_process_writes(two):
    out, *_ = two
    written = {path.name.partition("-")[0] for path in (out / "lost").iterdir()}

    assert written <= {"run.json", "run.lock", "checkpoint", "trace.jsonl", "trace.jsonl.gz"}
    lines = (out / "closed-first" / "run.json").read_text()
    assert json.loads(lines)["recipe"]["compute"]["processes"] == 2


def test_a_used_folder_is_refused_by_the_first_process_and_told_to_the_others(two):
    out, printed, _ = two
    assert (out / "used-1.txt").exists(), printed

    assert (out / "used-0.txt").read_text().startswith("FolderError: ")
    assert "holds a run already" in (out / "used-0.txt").read_text()
    assert (out / "used-1.txt").read_text().startswith("RankLost: the first process")


# ---- how many there are


@pytest.mark.parametrize(
    ("wanted", "started", "said"),
    [
        (2, None, "compute.processes is 2, but this is a single one; .* `torchrun --nproc-per"),
        (2, 4, "compute.processes is 2, but 4 were started"),
        (1, 2, "compute.processes is 1, but 2 processes were started; start it without torchrun"),
    ],
)
def test_another_number_of_processes_than_the_recipe_asks_for_is_refused(
    wanted, started, said, monkeypatch
):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if started:
        monkeypatch.setenv("WORLD_SIZE", str(started))
    made = change(MOVING, compute__processes=wanted)

    with pytest.raises(ValueError, match=said):
        search.run(made)
    final = change(EQUAL["final"], compute__processes=wanted)
    with pytest.raises(ValueError, match=said):
        search.train_child(final, architecture(final))


def test_what_accelerate_launch_starts_on_a_cpu_is_refused(started):
    out, printed, code = ended(started["accelerate"])

    assert code
    (line,) = [line for line in printed.splitlines() if line.startswith("enas-viz: error")]
    assert "compute.processes is 2, but this is a single one" in line
    assert "with `torchrun --nproc-per-node 2 -m enas_viz` in place of `enas-viz`" in line
    assert not (out / "run").exists()


def test_a_run_is_not_resumed_by_processes_that_cannot_share_a_step(tmp_path, monkeypatch):
    items = search.run(MOVING, folder=tmp_path / "run")
    next(items)
    items.close()
    monkeypatch.setenv("WORLD_SIZE", "3")

    with pytest.raises(ValueError, match="4 minibatches, which 3 processes .* with 1 or 2 or 4"):
        search.resume(tmp_path / "run")


def test_looking_at_a_run_of_several_processes_needs_only_one(two):
    out, *_ = two

    assert restore(out / "closed-first").recipe.compute.processes == 2


def test_a_single_process_waits_for_nobody():
    alone = join(1, "cpu")

    assert alone.first
    assert alone.told_by_first(lambda: 7) == 7
    with pytest.raises(KeyError):
        alone.told_by_first(lambda: {}["missing"])
