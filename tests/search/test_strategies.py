"""Runs in folders: equal digests, kills, resumes, locks, and everything that can go wrong."""

import errno
import json
import shutil

import pytest
import torch
from soak import in_soak

from enas_viz import search
from enas_viz.recipes import RECIPES, change, recipe
from enas_viz.records.trace import Episode, Header, Tick, Trace, load_trace
from enas_viz.search.runs import checkpoint
from enas_viz.search.runs.build import build, pick_device
from enas_viz.search.runs.checkpoint import CheckpointError
from enas_viz.search.runs.folder import FolderError
from enas_viz.search.runs.run import restore
from enas_viz.search.training.data import Data, Split

TINY = recipe(
    "macro-tiny",
    network__layers=3,
    network__filters=4,
    train__epochs=2,
    train__batch_size=100,
    controller__updates=2,
    controller__samples=3,
)


def finish(items) -> list:
    return list(items)


def after(items, condition) -> None:
    """Iterates until an item meets the condition, then closes the iterator."""
    for item in items:
        if condition(item):
            items.close()
            return
    pytest.fail("the search ended before it could be stopped")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run of TINY that nothing happened to; tests look and leave it as it is."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(search.run(TINY, folder=folder))
    return folder


def test_equal_seeds_give_equal_traces_and_others_do_not(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        finish(search.run(TINY, seed=seed, folder=tmp_path / name))

    digests = [load_trace(tmp_path / name).digest() for name in "abc"]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_recorded_search_equals_a_live_one(tmp_path):
    live = [r for r in search.run(TINY, seed=5) if isinstance(r, Episode)]
    finish(search.run(TINY, seed=5, folder=tmp_path / "run"))

    recorded = load_trace(tmp_path / "run").episodes
    assert [e.architecture for e in recorded] == [e.architecture for e in live]
    assert [e.reward for e in recorded] == [e.reward for e in live]


def test_a_finished_run_has_a_gzipped_trace_and_resumes_to_nothing(tmp_path):
    finish(search.run(TINY, folder=tmp_path / "run"))

    assert (tmp_path / "run" / "trace.jsonl.gz").exists()
    assert not (tmp_path / "run" / "trace.jsonl").exists()
    assert finish(search.resume(tmp_path / "run")) == []


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(
            lambda r: isinstance(r, Tick) and r.phase == "weights" and r.step == 4, id="w"
        ),
        pytest.param(lambda r: isinstance(r, Tick) and r.epoch == 1 and r.step == 10, id="w2"),
        pytest.param(lambda r: isinstance(r, Tick) and r.phase == "controller", id="tick"),
        pytest.param(lambda r: isinstance(r, Episode) and r.sample == 1, id="episode"),
        pytest.param(lambda r: isinstance(r, Episode) and r.update == 1, id="update"),
        pytest.param(lambda r: type(r).__name__ == "Epoch", id="epoch"),
        pytest.param(lambda r: type(r).__name__ == "Header", id="header"),
    ],
)
def test_closing_anywhere_leaves_a_checkpoint_that_goes_on_exactly(tmp_path, whole, stop):
    after(search.run(TINY, folder=tmp_path / "cut"), stop)
    assert checkpoint.found(tmp_path / "cut")

    finish(search.resume(tmp_path / "cut"))

    assert load_trace(tmp_path / "cut").digest() == load_trace(whole).digest()
    a, b = restore(tmp_path / "cut"), restore(whole)
    for x, y in zip(a.net.state_dict().values(), b.net.state_dict().values(), strict=True):
        assert torch.equal(x, y)


def test_a_search_with_shared_reward_images_goes_on_exactly_within_an_update(tmp_path):
    shared = change(TINY, fidelity__reward_batch="shared")
    finish(search.run(shared, folder=tmp_path / "whole"))
    after(search.run(shared, folder=tmp_path / "cut"), lambda r: getattr(r, "sample", -1) == 1)

    finish(search.resume(tmp_path / "cut"))

    assert load_trace(tmp_path / "cut").digest() == load_trace(tmp_path / "whole").digest()


MICRO = recipe(
    "micro-tiny",
    network__filters=4,
    network__nodes=2,
    data__train_images=500,
    train__epochs=2,
    train__batch_size=100,
    controller__updates=2,
    controller__samples=3,
)


def test_a_run_from_before_some_fields_existed_goes_on_with_their_defaults(tmp_path, whole):
    cut = tmp_path / "cut"
    after(search.run(TINY, folder=cut), lambda r: getattr(r, "sample", -1) == 1)
    newer = ("micro_stack", "skip_penalty_in")
    facts = json.loads((cut / "run.json").read_text())
    for name in newer:
        del facts["recipe"]["fidelity"][name]
    (cut / "run.json").write_text(json.dumps(facts))
    header, *rest = (cut / "trace.jsonl").read_text().splitlines(keepends=True)
    told = json.loads(header)
    for name in newer:
        del told["fidelity"][name]
    (cut / "trace.jsonl").write_text("".join([json.dumps(told) + "\n", *rest]))

    finish(search.resume(cut))

    assert restore(cut).recipe.fidelity == TINY.fidelity
    ours, theirs = load_trace(cut).records, load_trace(whole).records
    assert [r.to_json() | {"clock": 0} for r in ours] == [
        r.to_json() | {"clock": 0} for r in theirs
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"fidelity": "released"},
        {"fidelity__reward_batch": "shared"},
        *in_soak({}, {"fidelity": "paper"}),
    ],
    ids=lambda c: "-".join(map(str, c.values())) or "own",
)
def test_a_search_of_cells_goes_on_exactly_wherever_it_was_left(tmp_path, changes):
    made = change(MICRO, **changes)
    finish(search.run(made, folder=tmp_path / "whole"))
    for name, stop in (
        ("weights", lambda r: isinstance(r, Tick) and r.epoch == 1 and r.step == 4),
        ("update", lambda r: isinstance(r, Episode) and r.sample == 1 and r.update == 1),
    ):
        after(search.run(made, folder=tmp_path / name), stop)
        finish(search.resume(tmp_path / name))

        trace = load_trace(tmp_path / name)
        assert trace.digest() == load_trace(tmp_path / "whole").digest()
        assert trace.header.order == "indices-first"
        assert trace.episodes[0].steps
        a, b = restore(tmp_path / name), restore(tmp_path / "whole")
        for x, y in zip(a.net.state_dict().values(), b.net.state_dict().values(), strict=True):
            assert torch.equal(x, y)


def test_a_trace_shorter_than_its_newest_checkpoint_goes_back_to_the_older_one(tmp_path, whole):
    cut = tmp_path / "cut"
    items = search.run(TINY, folder=cut, checkpoint_every=0)
    after(items, lambda r: isinstance(r, Episode) and r.epoch == 1 and r.sample == 2)
    lines = (cut / "trace.jsonl").read_bytes().splitlines(keepends=True)
    (cut / "trace.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # torn at a crash

    finish(search.resume(cut))

    assert load_trace(cut).digest() == load_trace(whole).digest()


def test_two_checkpoints_are_kept(tmp_path):
    finish(search.run(TINY, folder=tmp_path / "run", checkpoint_every=0))

    assert len(checkpoint.found(tmp_path / "run")) == 2


def test_the_newest_checkpoint_is_the_one_with_the_largest_number_however_long(tmp_path):
    for serial in (999_999_999, 1_000_000_000, 12_345_678_901):
        checkpoint.write(tmp_path, serial, {"x": torch.zeros(1)}, {})

    kept = [path.name for path in checkpoint.found(tmp_path)]

    assert kept == [f"checkpoint-{n}.safetensors" for n in (12_345_678_901, 1_000_000_000)]


def test_a_checkpoint_holds_no_pickle(tmp_path):
    finish(search.run(TINY, folder=tmp_path / "run"))

    tensors, facts = checkpoint.read(checkpoint.found(tmp_path / "run")[0])
    assert facts["position"]["finished"]
    assert "net.classifier.weight" in tensors
    assert not any(p.read_bytes()[:2] == b"\x80\x04" for p in (tmp_path / "run").iterdir())


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    finish(search.run(TINY, folder=tmp_path / "run"))

    with pytest.raises(FolderError, match="holds a run already and is not overwritten"):
        search.run(TINY, folder=tmp_path / "run")


def test_a_run_in_use_is_refused(tmp_path):
    items = search.run(TINY, folder=tmp_path / "run")
    next(items)

    with pytest.raises(FolderError, match="is in use by another process"):
        finish(search.resume(tmp_path / "run"))
    items.close()
    assert finish(search.resume(tmp_path / "run"))


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(FolderError, match=r"holds no run \(no run.json in it\)"):
        search.resume(tmp_path)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    for name, made in (("a", TINY), ("b", change(TINY, controller__lr=0.5))):
        items = search.run(made, folder=tmp_path / name)
        after(items, lambda r: isinstance(r, Episode))
    for path in checkpoint.found(tmp_path / "a"):
        path.unlink()
    for path in checkpoint.found(tmp_path / "b"):
        shutil.copy(path, tmp_path / "a")

    with pytest.raises(FolderError, match="belongs to another recipe or seed"):
        finish(search.resume(tmp_path / "a"))


def test_other_images_than_those_of_the_checkpoint_are_refused(tmp_path):
    items = search.run(TINY, folder=tmp_path / "run", data=made_up_cifar())
    after(items, lambda r: isinstance(r, Episode))

    with pytest.raises(FolderError, match="the images are not those that"):
        finish(search.resume(tmp_path / "run"))  # with the recipe's own digits


def test_a_checkpoint_of_a_newer_format_says_so(tmp_path):
    checkpoint.write(tmp_path, 1, {"x": torch.ones(1)}, {})
    (path,) = checkpoint.found(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'\\"format\\": 2', b'\\"format\\": 9'))

    with pytest.raises(CheckpointError, match="checkpoint format 9, this enas_viz reads up to 2"):
        checkpoint.read(path)


def test_a_full_disk_loses_nothing_that_was_written(tmp_path, whole, monkeypatch):
    cut = tmp_path / "cut"
    original, count = checkpoint.write, [0]

    def full(*args):
        count[0] += 1
        if count[0] == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args)

    monkeypatch.setattr(checkpoint, "write", full)
    with pytest.raises(FolderError, match=r"no space left .* free some space, then `enas-viz"):
        finish(search.run(TINY, folder=cut, checkpoint_every=0))
    monkeypatch.undo()

    finish(search.resume(cut))

    assert load_trace(cut).digest() == load_trace(whole).digest()


def test_a_disk_that_fills_while_the_trace_is_written_is_told_too(tmp_path, whole, monkeypatch):
    from enas_viz.records import trace

    original, count = trace._canonical, [0]

    def full(value):
        count[0] += 1
        if count[0] == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(value)

    monkeypatch.setattr(trace, "_canonical", full)
    with pytest.raises(FolderError, match="no space left"):
        finish(search.run(TINY, folder=tmp_path / "cut"))
    monkeypatch.undo()

    with pytest.warns(UserWarning, match="starts again from its beginning"):  # it just began
        finish(search.resume(tmp_path / "cut"))

    assert load_trace(tmp_path / "cut").digest() == load_trace(whole).digest()


def test_nothing_is_left_on_disk_when_the_data_are_wrong(tmp_path):
    with pytest.raises(ValueError, match="no dataset"):
        finish(search.run(TINY, data="/nowhere", folder=tmp_path / "run"))

    assert not (tmp_path / "run").exists()


def test_an_unknown_device_is_refused_in_one_line():
    with pytest.raises(
        ValueError, match="device 'abacus' is not available on this machine"
    ) as caught:
        pick_device("abacus")

    assert "\n" not in str(caught.value)


def test_the_header_says_what_the_run_was(tmp_path):
    finish(search.run(TINY, seed=7, folder=tmp_path / "run"))

    header = load_trace(tmp_path / "run").header
    assert header.seed == 7
    assert header.recipe["name"] == "macro-tiny"
    assert header.fidelity["skip_wiring"] == "layer"
    assert header.dataset["name"] == "digits"
    assert header.device["type"] == "cpu"
    assert header.versions["torch"] == torch.__version__
    assert header.clock["started"].startswith("20")


def made_up_cifar() -> Data:
    """Random images of CIFAR-10's shape: enough to step a recipe, nothing to learn from."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (160, 3, 32, 32), generator=rng, dtype=torch.uint8)
    labels = torch.randint(0, 10, (160,), generator=rng)
    part = Split(images, labels)
    return Data(
        "made-up", tuple("0123456789"), part, part, torch.full((3,), 0.5), torch.ones(3), ""
    )


@pytest.mark.parametrize("name", ["macro-paper", *in_soak("macro-released")])
def test_the_paper_and_released_recipes_step_at_full_size(name):
    made = change(RECIPES[name], train__epochs=1, controller__updates=1, controller__samples=2)

    records = finish(search.run(made, data=made_up_cifar()))

    episodes = [r for r in records if isinstance(r, Episode)]
    assert len(episodes) == 2
    steps = {"macro-paper": 23, "macro-released": 24}[name]
    assert len(episodes[0].steps) == steps
    net = build(made, 0, "cpu", made_up_cifar()).net
    wanted = (
        697_860
        if name == "macro-released"
        # where several tensors may be chosen, a slice for each; layer 2 has nothing to merge
        else 697_860 + sum(k * 36**2 for k in range(2, 12)) - 2 * 36
    )
    assert sum(p.numel() for p in net.parameters()) == wanted


@pytest.mark.parametrize("name", ["micro-released", *in_soak("micro-paper")])
def test_the_paper_and_released_recipes_of_cells_step_at_full_size(name):
    made = change(RECIPES[name], train__epochs=1, controller__updates=1, controller__samples=2)

    records = finish(search.run(made, data=made_up_cifar()))

    episodes = [r for r in records if isinstance(r, Episode)]
    better = episodes[1].accuracy > episodes[0].accuracy  # a new best keeps its steps
    assert [len(e.steps) for e in episodes] == [54, 54 * better]
    assert records[0].order == "indices-first"
    if name == "micro-released":
        net = build(made, 0, "cpu", made_up_cifar()).net
        assert sum(p.numel() for p in net.parameters()) == 5_373_140 + 412_928


def test_run_json_holds_the_recipe_whole(tmp_path):
    finish(search.run(TINY, folder=tmp_path / "run"))

    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    from enas_viz.recipes import recipe_from_json

    assert recipe_from_json(facts["recipe"]) == TINY


MANY = change(TINY, controller__samples=20)


@pytest.fixture(scope="module")
def plain():
    return [item for item in search.run(MANY, seed=4) if not isinstance(item, Tick)]


@pytest.mark.parametrize("records", [0, 1, 5, 60])
def test_a_resumed_run_can_be_told_from_its_beginning(tmp_path, plain, records):
    begun = search.run(MANY, seed=4, folder=tmp_path / "run")
    for item in begun:
        records -= not isinstance(item, Tick)
        if records < 0:
            break
    begun.close()

    told = [i for i in search.resume(tmp_path / "run", whole=True) if not isinstance(i, Tick)]

    assert isinstance(told[0], Header)
    assert Trace(told[0], tuple(told[1:])).digest() == Trace(plain[0], tuple(plain[1:])).digest()
    assert load_trace(tmp_path / "run").digest() == Trace(plain[0], tuple(plain[1:])).digest()
