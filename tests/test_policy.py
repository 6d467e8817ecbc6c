"""Facts about recorded policies: the file, what is refused, and sampling without torch."""

import base64
import copy
import gzip
import json
import random
from contextlib import suppress

import numpy as np
import pytest

import enas_viz as ev
from enas_viz.records.policy import (
    MOST_BYTES,
    STAGES,
    histogram,
    load_policy,
    policy_from_json,
    sample,
    save_policy,
)
from enas_viz.records.trace import ASSETS, NewerFormat, load_trace
from enas_viz.view.assets import shipped

NAME = "micro-cifar10-cpu"
NAMES = sorted(p.name.removesuffix(".policy.json.gz") for p in ASSETS.glob("*.policy.json.gz"))
FILE = ASSETS / f"{NAME}.policy.json.gz"


@pytest.fixture(scope="module")
def policy():
    return load_policy(NAME)


@pytest.fixture(scope="module")
def text():
    return json.loads(gzip.decompress(FILE.read_bytes()))


@pytest.fixture
def value(text):
    return copy.deepcopy(text)


def pages(value, path):
    """Writes JSON as a file of a policy."""
    path.write_bytes(gzip.compress(json.dumps(value).encode(), 1))
    return path


# ---- what ships


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_is_small_whole_and_says_where_it_comes_from(name):
    path = ASSETS / f"{name}.policy.json.gz"
    policy = load_policy(name)

    assert path.stat().st_size <= 400_000
    header = policy.header
    assert header.recipe["name"] == policy.recipe.name == name
    assert (header.seed, header.device["type"], header.device["threads"]) == (0, "cpu", 1)
    assert header.clock["started"].startswith("2026-")
    assert len(header.versions["commit"]) == 12
    assert header.dataset["checksum"]
    assert any((policy.first[k] != policy.final[k]).any() for k in policy.first)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_policy_learned_something(name):
    policy = load_policy(name)

    entropies = {
        stage: np.mean([e.entropy for e in sample(policy.controller(stage), 20)])
        for stage in STAGES
    }
    assert entropies["final"] < entropies["first"] - 1


@pytest.mark.parametrize("name", NAMES)
def test_the_first_policy_is_that_of_the_searchs_first_sample(name):
    if not (ASSETS / f"{name}.jsonl.gz").exists():
        assert name == "micro-tiny"  # the one search whose trace does not ship
        return
    first = next(e for e in load_trace(name).episodes if e.steps)
    assert (first.epoch, first.update) == (0, 0)  # before anything was learned

    found = load_policy(name).controller("first")([s.picks for s in first.steps])

    assert found.architecture == first.architecture
    for mine, theirs in zip(found.steps, first.steps, strict=True):
        for row, other in zip(mine.logits, theirs.logits, strict=True):
            assert row == pytest.approx(other, abs=1e-5)


def test_the_policy_over_cells_is_of_the_very_search_whose_trace_ships(policy):
    assert policy.trace == load_trace(NAME).digest()


# ---- sampling


def test_a_replay_takes_a_recorded_controller(policy):
    controller = policy.controller("final")
    replay = ev.Replay(controller(seed=3), controller)

    was = [list(s.picks) for s in replay.recorded.steps]
    at = next(t for t, s in enumerate(replay.recorded.steps) if s.decision.kind == "op")
    other = (was[at][0] + 1) % len(policy.space.ops)
    replay.mine = [*was[:at], [other], *was[at + 1 :]]

    assert replay.answer
    assert replay.shown.steps[at].picks == (other,)
    (shown,), (its,) = (
        steps[at].probabilities for steps in (replay.shown.steps, controller(replay.mine).steps)
    )
    assert shown == pytest.approx(its, abs=1e-5)  # a page is told six digits
    replay.go_on(at)
    assert replay.shown.steps[at].picks == (other,)


def test_told_picks_stand_and_the_rest_is_sampled_by_the_seed(policy):
    controller = policy.controller("first")
    told = [s.picks for s in controller(seed=1).steps]

    found = [controller(told[:20], seed=s) for s in range(5)]

    assert all([s.picks for s in e.steps][:20] == told[:20] for e in found)
    assert len({e.architecture for e in found}) == 5
    assert controller(told[:20], seed=2) == found[2]


def test_a_histogram_counts_every_draw_of_every_step(policy):
    episodes = sample(policy.controller("final"), 25, seed=5)
    counts = histogram(episodes)

    for t, (row, step) in enumerate(zip(counts, episodes[0].steps, strict=True)):
        assert len(row) == step.decision.rows
        for draw, options in enumerate(row):
            assert len(options) == step.decision.options
            assert sum(options) == 25
            assert options[0] == sum(e.steps[t].picks[draw] == 0 for e in episodes)


def test_many_samples_follow_the_probabilities_of_the_first_step(policy):
    """Its first draw depends on nothing before it, so its counts are binomial."""
    episodes = sample(policy.controller("final"), 300)
    at = next(t for t, s in enumerate(episodes[0].steps) if s.decision.kind != "silent")

    (counts,) = histogram(episodes)[at]

    (chances,) = episodes[0].steps[at].probabilities
    for count, p in zip(counts, chances, strict=True):
        assert count == pytest.approx(300 * p, abs=5 * (300 * p * (1 - p)) ** 0.5)


@pytest.mark.parametrize("stage", ["last", None, 1])
def test_a_stage_that_was_not_recorded_is_refused(policy, stage):
    with pytest.raises(ValueError, match="recorded 'first' and 'final'"):
        policy.controller(stage)


def test_what_nothing_can_be_sampled_with_is_refused(policy):
    controller = policy.controller()
    with pytest.raises(ValueError, match="normal cell, node 3 takes a source index"):
        controller([(), (), (9,)])
    with pytest.raises(ValueError, match="step 1 decides nothing"):
        controller([(1,)])
    with pytest.raises(ValueError, match="54 steps"):
        controller([()] * 55)
    with pytest.raises(TypeError, match="one list a step"):
        controller(5)
    with pytest.raises(TypeError, match="a seed must be an int"):
        controller(seed=1.5)
    with pytest.raises(ValueError, match="a seed must be from 0"):
        controller(seed=-1)
    with pytest.raises(ValueError, match="takes 40 uniform numbers; got 3"):
        policy.sampler().steps((), [0.1, 0.2, 0.3])


def test_what_no_histogram_can_be_made_of_is_refused(policy):
    trace = load_trace("macro-tiny")
    with pytest.raises(ValueError, match="1 to 100000 episodes; got 0"):
        histogram([])
    with pytest.raises(ValueError, match="have their steps"):
        histogram([next(e for e in trace.episodes if not e.steps)])
    with pytest.raises(ValueError, match="one space and one order"):
        histogram([trace.best, policy.controller()()])
    with pytest.raises(TypeError, match="of episodes"):
        histogram(["x"])
    with pytest.raises(TypeError, match="callable controller"):
        sample(policy)
    with pytest.raises(ValueError, match="count must be from 1"):
        sample(policy.controller(), 0)


# ---- files


def test_the_same_policy_is_the_same_file(policy, tmp_path):
    save_policy(policy, tmp_path / "a")
    save_policy(load_policy(tmp_path / "a"), tmp_path / "b")

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load_policy(tmp_path / "b").header == policy.header


def test_unknown_fields_of_a_newer_minor_format_are_ignored(value):
    value |= {"format": [1, 7], "later": {"a": 1}}

    assert policy_from_json(value).trace == value["trace"]


def test_a_newer_major_format_is_refused_with_the_way_out(value, tmp_path):
    value["format"] = [2, 0]

    with pytest.raises(NewerFormat, match="pip install -U enas-viz"):
        load_policy(pages(value, tmp_path / "p"))


def weights(value, change):
    numbers = np.frombuffer(base64.b64decode(value["weights"]["final"]), "<f4").copy()
    value["weights"]["final"] = base64.b64encode(change(numbers).tobytes()).decode()


def nan(numbers):
    numbers[17] = np.nan
    return numbers


DAMAGES = {
    "of no type": (lambda v: v.pop("type"), '"type": "policy"'),
    "of no format": (lambda v: v.pop("format"), "names no format"),
    "of a strange format": (lambda v: v.update(format=["1"]), "names no format"),
    "without a header": (lambda v: v.pop("header"), "header"),
    "of a space of nonsense": (lambda v: v["header"]["space"].update(nodes=0), "node"),
    "of another space": (lambda v: v["header"]["space"].update(nodes=4), "another space"),
    "of another order": (lambda v: v["header"].update(order="op-first"), "order"),
    "without a recipe": (lambda v: v["header"].pop("recipe"), "recipe"),
    "of a huge controller": (
        lambda v: v["header"]["recipe"]["controller"].update(hidden=10**6),
        "bytes in base64|hidden",
    ),
    "of no temperature": (
        lambda v: v["header"]["recipe"]["controller"].update(temperature=0),
        "temperature",
    ),
    "of an unknown fidelity": (
        lambda v: v["header"]["fidelity"].update(state_after_anchor="lost"),
        "state_after_anchor",
    ),
    "of another strategy": (lambda v: v["header"]["recipe"].update(strategy="random"), "strategy"),
    "without a trace": (lambda v: v.pop("trace"), "digest"),
    "of a trace of nonsense": (lambda v: v.update(trace="x" * 64), "digest"),
    "without weights": (lambda v: v.pop("weights"), "first"),
    "with one policy": (lambda v: v["weights"].pop("first"), "first"),
    "of weights that are numbers": (lambda v: v["weights"].update(first=[1.0]), "base64"),
    "of weights that are no base64": (lambda v: v["weights"].update(first="*" * 99), "."),
    "of weights too few": (lambda v: weights(v, lambda w: w[:-1]), "bytes in base64; got"),
    "of weights too many": (lambda v: weights(v, lambda w: np.append(w, w)), "bytes in base64"),
    "of weights that are no numbers": (lambda v: weights(v, nan), "not finite"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_policy_is_refused_in_a_sentence(name, value, tmp_path):
    damage, says = DAMAGES[name]
    damage(value)

    with pytest.raises(ValueError, match=says) as refused:
        load_policy(pages(value, tmp_path / "p"))
    told = str(refused.value)
    assert told.startswith("p holds no policy that can be read: ")
    assert len(told) < 600


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "."),
        (b"not gzip", "gzip"),
        (FILE.read_bytes()[:5000], "."),
        (gzip.compress(b"{"), "."),
        (gzip.compress(b"[" * 100_000), "."),
        (gzip.compress(b"NaN"), "finite numbers only"),
        (gzip.compress(b" " * (MOST_BYTES + 1)), "unpacks to more than 20 MB"),
        ((ASSETS / "macro-tiny.jsonl.gz").read_bytes(), "."),
        ((ASSETS / "two-layers.json.gz").read_bytes(), '"type": "policy"'),
    ],
    ids=["empty", "plain", "torn", "open", "deep", "NaN", "bomb", "a trace", "a specimen"],
)
def test_what_is_no_policy_is_refused_in_a_sentence(data, says, tmp_path):
    (tmp_path / "p").write_bytes(data)

    with pytest.raises(ValueError, match=says) as refused:
        load_policy(tmp_path / "p")
    assert str(refused.value).startswith("p holds no policy that can be read: ")


def test_bytes_changed_at_random_are_refused_or_make_a_policy_that_samples(text, tmp_path):
    whole, rng = json.dumps(text).encode(), random.Random(0)
    head = whole.index(b'"weights"')
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(head)] = rng.randrange(32, 127)
        (tmp_path / "p").write_bytes(gzip.compress(bytes(data), 1))
        with suppress(ValueError):  # one of load_policy's, and no other error
            assert np.isfinite(load_policy(tmp_path / "p").controller()().log_probability)


def test_extreme_weights_still_give_numbers(value):
    weights(value, lambda w: np.full_like(w, 3e38) * np.sign(w + 1e-9))

    with np.errstate(all="raise", under="ignore"):
        episode = policy_from_json(value).controller("final")()

    assert np.isfinite(episode.entropy)


def test_a_policy_that_is_not_there_names_those_that_are():
    with pytest.raises(FileNotFoundError, match=f"no policy 'nonsense'.*{NAME}"):
        load_policy("nonsense")


def test_the_browsers_half_is_small_and_needs_nothing():
    source = shipped("policy.js")

    assert len(source.encode()) < 6_000
    assert "import" not in source
