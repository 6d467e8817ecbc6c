"""Facts about asking a controller: told its first decisions, it goes on by itself."""

import pytest
import torch

from enas_viz.recipes import recipe
from enas_viz.records.trace import Episode
from enas_viz.search import ask, make_controller, responses
from enas_viz.spaces import MacroSpace, MicroSpace

SPACES = [MacroSpace(5), MacroSpace(4, wiring="code"), MicroSpace(3)]


def controller_of(space, **changes):
    """An untrained one, far enough from chance that choices matter."""
    made = recipe(f"{space.kind}-tiny", **changes)
    controller = make_controller(space, made.controller, made.fidelity, seed=3)
    with torch.no_grad():
        for weight in controller.parameters():
            weight *= 4
    return controller


def picks_of(episode):
    return [step.picks for step in episode.steps]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_told_nothing_it_samples_by_its_seed(space):
    policy = ask(controller_of(space))

    assert policy(seed=5) == policy((), seed=5)
    assert len({policy(seed=s).architecture for s in range(20)}) > 10


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_it_is_told_stands_and_the_rest_is_its_own(space):
    policy = ask(controller_of(space))
    told = picks_of(policy(seed=1))

    for count in range(len(told) + 1):
        found = [picks_of(policy(told[:count], seed=s)) for s in range(8)]

        assert all(picks[:count] == told[:count] for picks in found)
    assert all(picks == told for picks in found)  # told everything, nothing is left


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_probabilities_of_what_it_is_told_are_those_of_scoring(space):
    controller = controller_of(space)
    episode = ask(controller)(picks_of(ask(controller)(seed=9)))

    with torch.no_grad():
        scored = controller.score([episode.architecture])

    assert episode.log_probability == pytest.approx(float(scored.log_probability[0]), abs=1e-4)
    for step, wanted in zip(episode.steps, scored.steps(0), strict=True):
        for row, other in zip(step.logits, wanted.logits, strict=True):
            assert row == pytest.approx(other, abs=1e-5)


def test_steps_before_a_choice_do_not_know_of_it():
    policy = ask(controller_of(MacroSpace(5)))
    told = picks_of(policy(seed=1))
    other = [*told[:4], ((told[4][0] + 1) % 6,), *told[5:]]

    was, now = policy(told), policy(other)

    assert [s.logits for s in was.steps[:5]] == [s.logits for s in now.steps[:5]]
    assert was.steps[6].logits != now.steps[6].logits


def test_the_order_of_skips_first_is_kept():
    controller = controller_of(MacroSpace(4), fidelity__macro_order="skips-first")
    policy = ask(controller)

    episode = policy(picks_of(policy(seed=2))[:3], seed=4)

    assert episode.order == "skips-first"
    assert [s.decision.kind for s in episode.steps[:3]] == ["op", "skip", "op"]


def test_picks_that_the_space_does_not_have_are_refused():
    policy = ask(controller_of(MacroSpace(3)))

    with pytest.raises(ValueError, match="layer 1 takes an operation from 0 to 5"):
        policy([(9,)])
    with pytest.raises(ValueError, match="layer 2 takes 1 skip bit"):
        policy([(0,), (), (1,), (1, 1)])


def test_responses_are_what_the_policy_says_when_one_answer_is_changed():
    policy = ask(controller_of(MacroSpace(3)))
    episode = policy(seed=1)
    picks = [step.picks for step in episode.steps]

    found = responses(policy, episode)

    moves = [abs(r.after - r.before) for r in found]
    assert moves == sorted(moves, reverse=True)
    assert moves[0] > 0
    assert all(r.later > r.step and r.picks != picks[r.step] for r in found)
    first = found[0]
    changed = policy([*picks[: first.step], first.picks, *picks[first.step + 1 :]])
    for steps, told in ((episode.steps, first.before), (changed.steps, first.after)):
        rows = steps[first.later].probabilities
        skip = steps[first.later].decision.kind == "skip"
        assert told == pytest.approx(rows[first.option][1] if skip else rows[0][first.option])
    assert f"step {first.step + 1} instead" in repr(first)
    assert all(name in repr(first) for name in first.names)
    others = {r.picks for r in found if r.step == 0}
    assert others == {(op,) for op in range(6)} - {picks[0]}  # every other operation of layer 1


def test_responses_need_the_steps_of_an_episode():
    policy = ask(controller_of(MacroSpace(3)))

    with pytest.raises(ValueError, match="recorded without its steps"):
        responses(policy, Episode(policy(seed=1).architecture))
    with pytest.raises(TypeError, match="expected an episode"):
        responses(policy, "best")
