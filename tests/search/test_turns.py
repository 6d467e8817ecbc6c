"""Turns of a real search: each stage does what the search itself does, and a loop shows it."""

import json

import pytest
import torch

import enas_viz as ev
from enas_viz import search
from enas_viz.recipes import change
from enas_viz.records.training_counts import size
from enas_viz.records.turns import load_turns, save_turns
from enas_viz.search.runs.build import build
from enas_viz.search.turns import Turns, alone, loop_recipe, record, telling

KINDS = pytest.mark.parametrize("kind", ["macro", "micro"])


def small(kind, **changes):
    """A loop whose minibatches and rewards are few images on few pixels."""
    how = {
        "data__resolution": 8,
        "data__train_images": 60,
        "network__filters": 4,
        "train__batch_size": 10,
        "controller__reward_images": 20,
    }
    return change(loop_recipe(kind, 6), **{**how, **changes})


def begun(kind, **changes):
    return Turns(build(small(kind, **changes), 0, "cpu", None))


@KINDS
def test_a_turn_samples_trains_rewards_and_updates(kind):
    going = begun(kind)
    weights = {k: v.clone() for k, v in going.search.net.state_dict().items()}
    policy = {k: v.clone() for k, v in going.search.controller.state_dict().items()}

    sampled = going.sample()
    assert sampled.stages == 1
    trained = going.train()
    moved = [k for k, v in going.search.net.state_dict().items() if not torch.equal(v, weights[k])]
    assert moved
    assert sum(going.counts) == len(set(_took(going))) > 0
    rewarded = going.reward()
    same = going.search.controller.state_dict()
    assert all(torch.equal(v, policy[k]) for k, v in same.items())
    updated = going.update()

    assert (trained.stages, rewarded.stages, updated.stages) == (2, 3, 4)
    assert trained.trained.size == 10
    assert len(rewarded.rewarded.images.pixels) == 10
    assert rewarded.rewarded.reward == rewarded.rewarded.accuracy
    assert updated.updated.rewards == (rewarded.rewarded.reward,)
    assert updated.updated.after == going.baseline


def _took(going):
    return [k for k, n in enumerate(going.counts) if n]


@KINDS
def test_the_reward_is_what_the_search_itself_would_measure(kind):
    going = begun(kind)
    for _ in going.turns(3):
        pass
    going.sample()
    going.train()

    turn = going.reward()

    (wanted,) = going.search.judge.counts([turn.sampled.architecture], range(1))
    assert turn.rewarded.right == wanted
    images = turn.rewarded.images
    assert images.right == sum(a == b for a, b in zip(images.answers, images.labels, strict=True))


@KINDS
def test_logits_after_an_update_are_those_of_the_updated_controller(kind):
    going = begun(kind, controller__lr=0.05)
    turns = list(going.turns(3))

    policy = search.ask(going.search)
    told = policy([step.picks for step in turns[-1].sampled.steps])
    for step, logits in zip(told.steps, turns[-1].updated.logits, strict=True):
        for mine, theirs in zip(step.logits, logits, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-5)
    assert turns[-1].moved > 0


def test_an_update_of_several_samples_rewards_each_of_them():
    going = begun("macro", controller__samples=3)

    (turn,) = going.turns(1)

    assert turn.updated.samples == 3
    assert turn.updated.rewards[0] == turn.rewarded.reward


def test_the_stages_come_in_their_order():
    going = begun("macro")

    for name in ("train", "reward", "update"):
        with pytest.raises(ValueError, match=r"now comes sample\(\)"):
            getattr(going, name)()
    going.sample()
    with pytest.raises(ValueError, match=r"now comes train\(\), not update\(\)"):
        going.update()


def test_the_same_seed_gives_the_same_turns():
    first, second = (list(begun("macro").turns(8)) for _ in range(2))

    for a, b in zip(first, second, strict=True):
        assert a.sampled == b.sampled
        assert (a.trained.loss, a.rewarded.right) == (b.trained.loss, b.rewarded.right)
        assert a.updated == b.updated


@KINDS
def test_a_recording_is_saved_read_and_shown(kind, tmp_path):
    made = record(small(kind), 7, epochs=1)
    path = tmp_path / "loop.json.gz"
    save_turns(made, path)

    again = load_turns(path)

    assert [t.number for t in again.turns] == [t.number for t in made.turns]
    for a, b in zip(again.turns, made.turns, strict=True):
        assert a.sampled.architecture == b.sampled.architecture
        assert a.trained.counts == b.trained.counts
        assert a.rewarded.images == b.rewarded.images
        assert a.alone.right == b.alone.right
    assert ev.Loop(path).drawing().svg.startswith("<svg")


def test_a_recording_keeps_the_turns_that_tell():
    turns = list(begun("macro", controller__lr=0.02).turns(30))

    kept = telling(turns)

    assert kept[:3] == [0, 1, 2]
    assert kept[-3:] == [27, 28, 29]
    better = [t for t in turns[:15] if t.updated.advantage > 0]
    assert max(better, key=lambda t: t.moved).number - 1 in kept


def test_a_child_is_trained_alone_on_the_images_of_its_reward():
    going = begun("macro")
    (turn,) = going.turns(1)

    found = alone(going.search, turn, 1).alone

    assert found.images.pixels == turn.rewarded.images.pixels
    assert len(found.images.answers) == len(found.images.labels)
    assert found.size == len(going.search.data.valid)
    going.sample()
    with pytest.raises(ValueError, match="once it was rewarded"):
        alone(going.search, going.now, 1)


# ---- live


def test_each_button_of_a_live_loop_runs_the_real_thing():
    going = begun("macro")
    loop = ev.Loop(going)
    assert (loop.live, loop.done, loop.turns[0]["acts"]) == (True, 0, [])

    for done, stage in enumerate(("sample", "train", "reward", "update"), 1):
        loop._handle_custom_msg({"ask": stage}, [])
        loop.wait()
        assert (loop.done, loop.busy, loop.problem) == (done, "", "")
        assert [act["name"] for act in loop.turns[-1]["acts"]][-1] == stage

    assert loop.recording.turns == (going.now,)
    assert f"accuracy {going.now.rewarded.accuracy:.2f}" in loop.drawing().svg
    loop.ask("sample")
    loop.wait()
    assert (len(loop.turns), loop.turn, loop.done) == (2, 1, 1)
    json.dumps(loop.turns, allow_nan=False)


def test_what_fails_while_a_live_loop_works_is_told():
    loop = ev.Loop(begun("macro"))

    loop.ask("update")
    loop.wait()

    assert "now comes sample()" in loop.problem
    assert (loop.busy, loop.done) == ("", 0)
    loop.ask("sample")
    loop.wait()
    assert (loop.problem, loop.done) == ("", 1)


def test_only_the_last_turns_of_a_live_loop_are_kept():
    loop = ev.Loop(begun("macro"))

    for _ in range(7):
        for stage in ("sample", "train", "reward", "update"):
            loop.ask(stage)
            loop.wait()

    assert [t["number"] for t in loop.turns] == [3, 4, 5, 6, 7]
    assert [t.number for t in loop.recording.turns] == [3, 4, 5, 6, 7]
    assert (loop.turn, loop.done) == (4, 4)


def test_a_recorded_loop_has_nothing_to_ask():
    with pytest.raises(ValueError, match="this loop is recorded"):
        ev.Loop("macro").ask("sample")
    with pytest.raises(ValueError, match="stage is one of"):
        ev.Loop(begun("macro")).ask("jump")


def test_a_run_is_taken_on_from_its_folder(tmp_path):
    recipe = change(small("macro"), train__epochs=1, controller__updates=2)
    for _ in search.run(recipe, seed=0, device="cpu", folder=tmp_path / "run"):
        pass
    before = sorted((p.name, p.stat().st_size) for p in (tmp_path / "run").iterdir())

    going = Turns(tmp_path / "run")

    assert len(going.counts) == size(recipe.space)
    assert sum(going.counts[:6]) == 6  # minibatches of its only epoch, by the first layer's op
    (turn,) = going.turns(1)
    assert turn.updated.before is not None  # the search's own baseline goes on
    assert sum(going.counts[:6]) == 7
    after = sorted((p.name, p.stat().st_size) for p in (tmp_path / "run").iterdir())
    assert after == before
    assert ev.Loop(Turns(tmp_path / "run")).live
