"""Episodes of strategies without a policy: even chances, and it says so; mutations are marked."""

import dataclasses
import random

import pytest
from episodes import made_up_cells, made_up_episode

import enas_viz as ev
from enas_viz.records.trace import Episode, Header, Trace
from enas_viz.view.given import mutated, played
from enas_viz.view.timeline import film, moments

SPACES = [ev.MacroSpace(4), ev.MicroSpace(3)]


def evolved(space, n: int = 12) -> Trace:
    """A trace as evolution records it: each network a child of the one before."""
    rng = random.Random(0)
    header = Header(space, space.orders[0], recipe={"name": "made up", "strategy": "evolution"})
    found, parent = [], None
    for k in range(n):
        child = space.mutate(parent, rng) if parent else space.sample(rng)
        extra = {"parent": parent.flat, "parent_number": k - 1} if parent else {}
        found.append(
            Episode(
                child,
                accuracy=k / n,
                reward=k / n,
                n=k + 1,
                order=header.order,
                extra=extra,
                header=header,
            )
        )
        parent = child
    return Trace(header, tuple(found))


@pytest.mark.parametrize("space", SPACES, ids=["macro", "micro"])
def test_an_episode_without_steps_plays_with_even_chances_and_says_so(space):
    episode = evolved(space).episodes[3]

    replay = ev.Replay(episode)

    shown = played(episode)
    assert len(shown.steps) == len(space.steps())
    assert all(len({p for row in s.probabilities for p in row}) <= 1 for s in shown.steps)
    assert [s.picks for s in shown.steps] == [
        space.picks(episode.architecture, d) for d in space.steps()
    ]
    assert replay.episode["note"] == (
        "Evolution has no policy with probabilities. At each step every option is shown as equally "
        "likely. It is network 3 with the marked decision changed."
    )


@pytest.mark.parametrize("space", SPACES, ids=["macro", "micro"])
def test_a_child_marks_the_decision_in_which_it_differs_from_its_parent(space):
    first, *children = evolved(space).episodes

    assert mutated(first) == ()
    for episode in children:
        (step,) = mutated(episode)
        decision = space.steps()[step]
        parent = space.decode(episode.extra["parent"])
        picks = space.picks(episode.architecture, decision)
        assert space.replaced(parent, decision, picks) == episode.architecture
        assert list(ev.Replay(episode).episode["changed"]) == [step]


@pytest.mark.parametrize("parent", ["nonsense", [1, 2], None, [99] * 10, {"a": 1}])
def test_a_parent_that_cannot_be_one_marks_nothing(parent):
    episode = dataclasses.replace(made_up_episode(4), extra={"parent": parent})

    assert mutated(episode) == ()


@pytest.mark.parametrize("space", SPACES, ids=["macro", "micro"])
def test_a_trace_without_steps_is_a_film_of_all_its_networks(space, tmp_path):
    trace = evolved(space)

    shown = moments(trace, 6)
    made = film(trace, shown)

    assert len(shown) == 6
    assert made["note"].startswith("Evolution has no policy")
    assert made["note"].endswith("Marked: what differs from its parent.")
    assert [m.get("changed") for m in made["moments"]] == [mutated(e) or None for e in shown]
    for name in ("x.html", "x.png", "x.gif"):
        assert ev.save(trace, tmp_path / name).stat().st_size > 1000


def test_of_enas_the_note_says_that_steps_were_not_kept():
    episode = dataclasses.replace(made_up_cells(2), steps=())

    note = ev.Replay(episode).episode["note"]

    assert note.startswith("The steps of this episode were not kept.")


def test_where_some_episodes_have_steps_a_film_takes_only_these():
    kept = [
        dataclasses.replace(made_up_episode(3, seed=s), accuracy=0.5, n=s + 1) for s in range(4)
    ]
    bare = dataclasses.replace(kept[1], steps=())
    header = Header(kept[0].architecture.space, "op-first")

    assert moments(Trace(header, (kept[0], bare, *kept[2:]))) == (kept[0], *kept[2:])


@pytest.mark.parametrize("space", SPACES, ids=["macro", "micro"])
def test_a_dashboard_says_that_there_is_no_policy_and_draws_no_limits_of_one(space):
    (facts,) = ev.Dashboard(evolved(space)).runs

    assert (facts["policy"], facts["band"], facts["target"]) == (False, None, None)
