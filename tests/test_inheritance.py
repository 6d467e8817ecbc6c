"""What each minibatch trains: paths counted, recorded, read back, and estimated where they lack."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from episodes import made_up_micro_trace, made_up_trace

from enas_viz.records.trace import Episode, Epoch, Header, Trace, load_trace, read_trace, save_trace
from enas_viz.records.training_counts import count, inheritance, paths, size, to_json, total
from enas_viz.spaces import Architecture, MacroSpace, MicroSpace

MACRO, MICRO = MacroSpace(3), MicroSpace(2)


def drawn(space, n=40):
    rng = random.Random(0)
    return [space.sample(rng) for _ in range(n)]


def with_epochs(trace, epochs, **extra) -> Trace:
    made = tuple(Epoch(k, steps=5, extra=extra) for k in range(epochs))
    return replace(trace, records=(*trace.records, *made))


def test_a_macro_network_takes_one_operation_of_each_layer_and_its_skips():
    architecture = Architecture(MACRO, ((0,), (3, 1), (5, 0, 1)))

    assert paths(architecture) == [0, 6 + 3, 12 + 5, 18, 18 + 2]
    assert size(MACRO) == 3 * 6 + 3


def test_a_cell_takes_two_operations_of_each_node_each_on_a_source():
    cell = ((0, 1, 2, 4), (2, 0, 1, 1))
    architecture = Architecture(MICRO, (cell, cell))

    one = [0 * 5 + 2, (2 + 1) * 5 + 4, 20 + 2 * 5 + 1, 20 + (3 + 0) * 5 + 1]
    assert paths(architecture) == one + [50 + path for path in one]
    assert size(MICRO) == 2 * (20 + 30)


@pytest.mark.parametrize("space", [MACRO, MICRO, MacroSpace(12), MicroSpace(5)])
def test_every_decision_of_a_space_has_paths_of_its_own(space):
    taken = [paths(architecture) for architecture in drawn(space, 3000)]

    assert all(len(set(found)) == len(found) for found in taken)
    assert {path for found in taken for path in found} == set(range(size(space)))


@pytest.mark.parametrize("space", [MACRO, MICRO])
def test_counts_are_how_many_networks_take_a_path(space):
    children = drawn(space)
    expected = Counter(path for child in children for path in paths(child))

    *counts, different = count([*children, children[0]], space)

    for path in paths(children[0]):
        expected[path] += 1
    assert counts == [expected[path] for path in range(size(space))]
    assert different == len(set(children))


def test_the_released_slip_trains_the_last_operation_whatever_was_sampled():
    children = drawn(MACRO)

    told = to_json(count(children, MACRO, last_op=True), MACRO)

    assert told["ops"] == [[0, 0, 0, 0, 0, 40]] * 3
    assert told["skips"] == to_json(count(children, MACRO), MACRO)["skips"]


def test_where_skips_are_the_input_only_layers_that_are_read_are_trained():
    architecture = Architecture(MACRO, ((0,), (3, 1), (5, 1, 0)))  # layer 3 reads layer 1 alone

    assert paths(architecture, "input") == [0, 12 + 5, 18 + 1]
    *counts, different = count([architecture] * 4, MACRO, merge="input")
    assert (counts[6 + 3], counts[18], different) == (0, 0, 1)
    space = MacroSpace(2, wiring="code")
    unread = Architecture(space, ((0,), (3, 1)))  # layer 2 reads the stem
    told = {"trained": to_json(count([unread] * 4, space, merge="input"), space)}
    header = Header(space, "skips-first", fidelity={"skip_merge_search": "input"})
    (found,) = inheritance(Trace(header, (Epoch(0, steps=4, n=1, extra=told),)))
    assert found.minibatches == 4


@pytest.mark.parametrize("merge", ["add", "input"])
def test_an_estimate_knows_where_skips_join(merge):
    header = Header(MACRO, "skips-first", fidelity={"skip_merge_search": merge})
    architecture = Architecture(MACRO, ((0,), (3, 1), (5, 1, 0)))
    records = (Episode(architecture, accuracy=0.5, n=1), Epoch(0, steps=8, n=2))

    (found,) = inheritance(Trace(header, records))

    assert found.counts[6 + 3] == (8 if merge == "add" else 0)


def test_a_record_is_nested_as_readers_think_of_it():
    architecture = Architecture(MACRO, ((0,), (3, 1), (5, 0, 1)))
    assert to_json(count([architecture] * 2, MACRO), MACRO) == {
        "ops": [[2, 0, 0, 0, 0, 0], [0, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 2]],
        "skips": [[], [2], [0, 2]],
        "architectures": 1,
    }
    cell = ((0, 1, 2, 4), (2, 0, 1, 1))
    told = to_json(count([Architecture(MICRO, (cell, cell))], MICRO), MICRO)
    assert told["ops"][1][0] == [[[0, 0, 1, 0, 0], [0] * 5], [[0] * 5, [0, 0, 0, 0, 1]]]
    assert [len(side) for side in told["ops"][0][1]] == [3, 3]


@pytest.mark.parametrize("space", [MACRO, MICRO])
def test_recorded_counts_come_back_through_a_file(space, tmp_path):
    children = drawn(space)
    counted = count(children, space)
    trace = made_up_trace(3) if space is MACRO else made_up_micro_trace(2)
    trace = with_epochs(trace, 2, trained=to_json(counted, space))

    (first, second) = inheritance(load_trace(save_trace(trace, tmp_path / "x.jsonl.gz")))

    assert first.counts == tuple(counted[:-1])
    assert (first.minibatches, first.different, first.exact) == (40, counted[-1], True)
    assert total((first, second), space) == tuple(2 * n for n in counted[:-1])


@pytest.mark.parametrize("trace", [made_up_trace(3, 2, 20), made_up_micro_trace(2, 2, 20)])
def test_an_older_trace_is_estimated_from_its_samples(trace):
    (first, _) = inheritance(with_epochs(trace, 2))

    children = [episode.architecture for episode in trace.episodes if not episode.epoch]
    *counts, _ = count(children, trace.space)
    assert first.counts == pytest.approx([n / 20 * 5 for n in counts])
    assert (first.minibatches, first.exact, first.different) == (5, False, None)


def test_an_estimate_knows_that_a_step_may_average_several_minibatches():
    trace = with_epochs(made_up_trace(3, 2, 20), 2)
    header = replace(trace.header, recipe={"train": {"accumulate": 4}})

    assert inheritance(replace(trace, header=header))[0].minibatches == 20


def test_a_trace_that_says_nothing_of_its_training_is_refused():
    with pytest.raises(ValueError, match="says of no epoch what it trained"):
        inheritance(load_trace("article-macro"))
    with pytest.raises(ValueError, match="no whole epoch"):
        inheritance(made_up_trace(3))


@pytest.mark.parametrize(
    "told",
    [
        7,
        {},
        {"ops": [[1] * 6] * 3},
        {"ops": [[1] * 6] * 3, "skips": [[], [1], [1, -1]]},
        {"ops": [[1] * 6] * 3, "skips": [[], [1], [1, True]]},
        {"ops": [[1] * 6] * 2, "skips": [[], [1], [1, 1]]},
        {"ops": [["a"] * 6] * 3, "skips": [[], [1], [1, 1]]},
        {"ops": [[1] * 6] * 3, "skips": [[], [1], [1, 1]], "architectures": "x"},
    ],
)
def test_counts_that_the_space_cannot_have_are_refused(told):
    with pytest.raises(ValueError, match="counts of epoch 1 do not fit the space"):
        inheritance(with_epochs(made_up_trace(3), 1, trained=told))


def test_a_trace_of_format_1_0_is_read_as_before():
    assert read_trace(b'{"type":"header","format":[1,0],"space":{"kind":"macro"}}\n').records == ()
