"""Traces: written while they go, read back whole, torn, newer or damaged."""

import gzip
import json
import math
import sys
from dataclasses import replace

import pytest
from episodes import made_up_article_episode, made_up_cells, made_up_episode
from hypothesis import given, settings
from hypothesis import strategies as st

from enas_viz.records.trace import (
    FORMAT,
    UNNUMBERED,
    Episode,
    Epoch,
    Header,
    NewerFormat,
    Step,
    Tick,
    Trace,
    keep_records,
    load_trace,
    read_trace,
    record,
    save_trace,
)
from enas_viz.spaces import Architecture, Decision, MacroSpace, MicroSpace

OP = Decision("op", 0, 1, 6)
SKIP = Decision("skip", 2, 2, 2)
SPACE = MacroSpace(3)
HEADER = Header(
    SPACE,
    seed=7,
    recipe={"name": "macro-tiny"},
    fidelity={"entropy": "full"},
    dataset={"name": "digits", "checksum": "ab12"},
    device={"kind": "cpu", "threads": 1},
    versions={"enas_viz": "0.1.0"},
    clock={"started": "2024-05-06T07:08:09Z"},
    note="made for a test",
)


def episode(n: int, **values) -> Episode:
    """Number `n` of the trace of a three-layer search, its steps made up."""
    made = made_up_episode(3, seed=n)
    rewarded = {"accuracy": 0.5, "reward": 0.51, "baseline": 0.1, "advantage": 0.41}
    return replace(made, n=n, epoch=1, update=2, sample=n, header=None, **{**rewarded, **values})


RECORDS = [
    HEADER,
    Epoch(0, 2.25, 0.125, 0.25, 0.05, steps=31, n=1, clock={"seconds": 1.5}),
    episode(2),
    Tick("weights", 1, 3, 31, 0.5),
    episode(3, steps=()),
    Epoch(1, n=4, clock={"weights": 2.0, "controller": 0.25}),
]


def write(path, records=RECORDS, append=False):
    """Records them and gives back what was passed on."""
    return list(record(records, path, append))


def lines(*values) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def header_json(**values):
    return {"n": 0, **HEADER.to_json(), **values}


def episode_json(**values):
    return {"n": 1, "type": "episode", "content": [[0], [1, 1], [2, 0, 1]], **values}


# ---- steps


def test_an_operation_of_equal_logits_is_uniform():
    step = Step(OP, (2,), ((0.3,) * 6,))

    assert step.probabilities == (pytest.approx((1 / 6,) * 6),)
    assert step.log_probability == pytest.approx(-math.log(6))
    assert step.entropy == pytest.approx(math.log(6))


def test_an_operation_is_picked_by_the_softmax_of_its_logits():
    step = Step(Decision("index", 3, 1, 3), (1,), ((0.0, math.log(2), math.log(3)),))

    assert step.probabilities == (pytest.approx((1 / 6, 1 / 3, 1 / 2)),)
    assert step.log_probability == pytest.approx(math.log(1 / 3))
    assert step.entropy == pytest.approx(
        math.log(6) / 6 + math.log(3) / 3 + math.log(2) / 2  # sum of -p ln p
    )


def test_a_skip_has_one_logit_for_two_options():
    z = math.log(3) / 2  # sigmoid(2 z) = 3/4
    step = Step(SKIP, (1, 0), ((z,), (z,)))

    assert step.probabilities == (pytest.approx((0.25, 0.75)),) * 2
    assert step.log_probability == pytest.approx(math.log(0.75) + math.log(0.25))
    assert step.entropy == pytest.approx(2 * (0.25 * math.log(4) + 0.75 * math.log(4 / 3)))


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    st.integers(0, 5),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_pick_has_a_finite_log_probability_however_unlikely_it_is(row, pick, skip):
    if skip:
        step = Step(SKIP, (pick % 2,) * len(row), tuple((z,) for z in row))
    else:
        pick %= len(row)
        step = Step(Decision("index", 3, 1, len(row)), (pick,), (tuple(row),))
        top = max(row)
        far = math.fsum(math.exp(z - top) for z in row)
        assert step.log_probability == pytest.approx(row[pick] - top - math.log(far)) or (
            row[pick] - top == -math.inf
        )

    assert -sys.float_info.max <= step.log_probability <= 0
    assert 0 <= step.entropy < 10
    assert math.isfinite(replace(episode(1), steps=(step,) * 3).log_probability)


def test_a_silent_step_decides_nothing():
    step = Step(Decision("silent", 0, 0))

    assert step.probabilities == ()
    assert step.log_probability == 0
    assert step.entropy == 0


def test_logits_far_apart_overflow_nothing():
    step = Step(OP, (0,), ((1000.0, 0.0, 0.0, 0.0, 0.0, -1000.0),))

    assert step.log_probability == 0
    assert step.entropy == 0


def test_a_logit_is_kept_with_six_significant_digits():
    step = Step(OP, (4,), ((1.23456789, -0.000123456789, 0.0, 1e-12, 123456.789, -1.0),))

    assert step.to_json() == [(4,), [[1.23457, -0.000123457, 0.0, 1e-12, 123457.0, -1.0]]]


def test_an_episode_sums_over_its_steps():
    made = made_up_episode(5, seed=3)

    assert made.log_probability == pytest.approx(sum(s.log_probability for s in made.steps))
    assert made.entropy == pytest.approx(sum(s.entropy for s in made.steps))
    assert replace(made, steps=()).entropy == 0


# ---- writing and reading back


def test_a_trace_comes_back_as_it_was_written_without_its_ticks(tmp_path):
    passed = write(tmp_path / "t.jsonl")

    trace = load_trace(tmp_path / "t.jsonl.gz")

    assert passed == RECORDS
    assert trace.header == HEADER
    assert trace.records == tuple(r for r in RECORDS[1:] if not isinstance(r, Tick))
    assert not trace.torn
    assert trace.epochs[0].clock == {"seconds": 1.5}
    assert trace.seconds == 3.75
    assert trace.space == SPACE
    assert trace.episodes[0].header is trace.header
    assert [r.n for r in trace.records] == [1, 2, 3, 4]
    assert not (tmp_path / "t.jsonl").exists()


@pytest.mark.parametrize("order", ["op-first", "skips-first"])
def test_an_episode_keeps_its_steps_in_the_order_of_its_trace(tmp_path, order):
    made = replace(made_up_episode(6, order), n=1)

    write(tmp_path / "t.jsonl", [made.header, made])

    (again,) = load_trace(tmp_path / "t.jsonl.gz").episodes
    assert again == made
    assert again.order == order
    assert [s.decision for s in again.steps] == list(MacroSpace(6).steps(order))


def test_the_articles_example_keeps_its_note(tmp_path):
    made = made_up_article_episode()

    write(tmp_path / "t.jsonl", [made.header, made])

    assert load_trace(tmp_path / "t.jsonl.gz").last.note == made.note


def test_a_micro_trace_is_read_too(tmp_path):
    space = MicroSpace(2)
    made = Episode(space.decode([0, 1, 1, 2] * 4), n=1, reward=0.5, order="indices-first")

    write(tmp_path / "t.jsonl", [Header(space, "indices-first"), made])

    assert load_trace(tmp_path / "t.jsonl.gz").records == (made,)


def test_each_record_is_on_disk_before_it_is_passed_on(tmp_path):
    path = tmp_path / "t.jsonl"
    told = 0
    for item in record(RECORDS, path):
        told += not isinstance(item, Tick)
        assert len(path.read_bytes().splitlines()) == told


def test_iteration_closed_early_leaves_a_trace_to_resume_and_closes_what_it_reads(tmp_path):
    path, closed = tmp_path / "t.jsonl", []

    def search():
        try:
            yield from RECORDS
        finally:
            closed.append(True)

    going = record(search(), path)
    next(going), next(going)
    going.close()

    assert closed == [True]
    assert load_trace(path).records == (RECORDS[1],)
    assert not (tmp_path / "t.jsonl.gz").exists()


def test_a_resumed_trace_is_the_trace_that_was_never_stopped(tmp_path):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    write(whole)
    going = record(RECORDS, cut)
    for _ in range(3):
        next(going)
    going.close()

    passed = write(cut, [HEADER, *RECORDS[3:]], append=True)  # the header is told again

    assert passed[0] == HEADER
    assert (tmp_path / "cut.jsonl.gz").read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_nothing_is_overwritten(tmp_path, name):
    (tmp_path / name).write_text("precious")

    with pytest.raises(FileExistsError, match="is there already and is not overwritten"):
        write(tmp_path / "t.jsonl")
    with pytest.raises(FileExistsError):
        save_trace(Trace(HEADER), tmp_path / "t.jsonl.gz")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, "precious")]


def test_equal_traces_are_equal_files_whatever_their_name(tmp_path):
    write(tmp_path / "one.jsonl")
    write(tmp_path / "another.jsonl")

    data = (tmp_path / "one.jsonl.gz").read_bytes()
    assert data == (tmp_path / "another.jsonl.gz").read_bytes()
    assert data[4:8] == bytes(4)  # gzip's time stamp


def test_a_number_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "t.jsonl", [HEADER, Epoch(0, math.nan, n=1)])


@pytest.mark.parametrize("name", ["copy.jsonl", "copy.jsonl.gz"])
def test_a_whole_trace_is_saved_plain_or_gzipped(tmp_path, name):
    trace = Trace(HEADER, tuple(r for r in RECORDS[1:] if not isinstance(r, Tick)))

    path = save_trace(trace, tmp_path / name)

    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    assert load_trace(path) == trace


@pytest.mark.parametrize("count", [0, 1, 3, 5, 9])
def test_an_unfinished_trace_is_cut_to_its_first_records(tmp_path, count):
    path = tmp_path / "t.jsonl"
    kept = lines(header_json(), *(episode_json(n=n) for n in range(1, 5)))
    path.write_bytes(kept + b'{"torn')

    assert keep_records(path, count) == min(count, 5)
    assert path.read_bytes() == b"".join(kept.splitlines(keepends=True)[:count])
    assert [p.name for p in tmp_path.iterdir()] == ["t.jsonl"]


# ---- finding


def test_a_trace_is_found_by_file_by_folder_and_by_the_name_it_ships_under(tmp_path):
    write(tmp_path / "trace.jsonl")

    assert load_trace(tmp_path) == load_trace(tmp_path / "trace.jsonl.gz")
    assert load_trace(str(tmp_path)).header == HEADER
    assert load_trace("article-macro").space.layers == 4


def test_a_folder_shows_the_unfinished_trace_of_a_search_that_goes_on(tmp_path):
    (tmp_path / "trace.jsonl").write_bytes(lines(header_json()))

    assert load_trace(tmp_path).records == ()


def test_what_is_not_there_is_told_with_what_ships(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no trace 'nothing': .*article-macro"):
        load_trace("nothing")
    with pytest.raises(FileNotFoundError, match=r"no trace.jsonl or trace.jsonl.gz in the folder"):
        load_trace(tmp_path)


# ---- torn, newer, damaged


@pytest.mark.parametrize("lost", [1, 5, 100])
def test_a_torn_last_line_is_told_and_left_out(tmp_path, lost):
    path = tmp_path / "t.jsonl"
    data = lines(header_json(), episode_json(), episode_json(n=2, note="long" * 50))
    path.write_bytes(data[: -1 - lost])

    with pytest.warns(UserWarning, match=r"t.jsonl: the last line is torn and left out"):
        trace = load_trace(path)

    assert trace.torn
    assert [e.n for e in trace.episodes] == [1]


def test_a_letter_torn_in_two_is_told_too():
    data = lines(header_json()) + '{"note":"ü'.encode()[:-1]

    with pytest.warns(UserWarning, match="the last line is torn"):
        assert read_trace(data).records == ()


def test_a_line_that_is_torn_in_the_middle_is_refused():
    data = lines(header_json()) + b'{"type":"epi\n' + lines(episode_json())

    with pytest.raises(ValueError, match=r"line 2: not JSON \('\{\"type\":\"epi"):
        read_trace(data)


def test_a_newer_major_format_is_refused_with_the_version_that_reads_it():
    newer = FORMAT[0] + 1

    with pytest.raises(NewerFormat, match=rf"format {newer}.4, .* enas_viz {newer}.0 or newer"):
        read_trace(lines(header_json(format=[newer, 4])))


def test_what_a_newer_minor_format_adds_is_kept_or_passed_over(tmp_path):
    data = lines(
        header_json(format=[FORMAT[0], 9], mood="calm"),
        episode_json(parent=4, predicted=0.25),
        {"n": 2, "type": "weather", "sun": True},
        {"n": 3, "type": "epoch", "epoch": 0, "steps": 5, "norm": 1.5},
    )

    trace = read_trace(data)

    assert trace.header.format == (FORMAT[0], 9)
    assert trace.header.extra == {"mood": "calm"}
    assert [type(r) for r in trace.records] == [Episode, Epoch]
    assert trace.episodes[0].extra == {"parent": 4, "predicted": 0.25}
    assert trace.epochs[0].extra == {"norm": 1.5}
    again = load_trace(save_trace(trace, tmp_path / "again.jsonl"))
    assert again == trace
    assert again.digest() == trace.digest()
    assert [r.extra for r in again.records] == [r.extra for r in trace.records]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is no enas_viz trace: its first line is not a header"),
        (b"\n\n", "is no enas_viz trace"),
        (b"hello", "line 1: not JSON"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "line 1: not JSON"),
        (b"[1]\n", "is no enas_viz trace"),
        (b'{"type":"episode"}\n', "is no enas_viz trace"),
        (b'{"type":"header"}\n', "the header names no format; got None"),
        (lines(header_json(format="1.0")), "the header names no format; got '1.0'"),
        (lines(header_json(format=[])), r"the header names no format; got \[\]"),
        (lines(header_json(space=None)), "the header names no space; got None"),
        (lines(header_json(space={"kind": "nano"})), "a space is of kind 'macro' or 'micro'"),
        (
            lines(header_json(space={"kind": []})),
            r"t.jsonl: not a valid header: a space .*got \[\]",
        ),
        (lines(header_json(order="sideways")), "not a valid header: order is one of op-first, "),
        (lines(header_json(order=[])), r"not a valid header: its order is text; got \[\]"),
        (lines(header_json(recipe=[])), r"t.jsonl: recipe in the header is an object; got \[\]"),
        (lines(header_json(clock=5)), "t.jsonl: clock in the header is an object; got 5"),
        (b'{"type":"header","seed":' + b"9" * 5000 + b"}\n", "line 1: not JSON"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path, data, told):
    path = tmp_path / "t.jsonl"
    path.write_bytes(data)

    with pytest.raises(ValueError, match=told):
        load_trace(path)


@pytest.mark.parametrize("count", [10**30, 1001, 0, -1, True, 6.0, "6", None, [6]])
@pytest.mark.parametrize(
    ("kind", "field", "order"),
    [("macro", "layers", "op-first"), ("micro", "nodes", "indices-first")],
)
def test_a_trace_of_an_absurd_size_is_refused_before_its_steps_are_listed(
    kind, field, order, count
):
    head = header_json(space={"kind": kind, field: count}, order=order)

    with pytest.raises(ValueError, match=f"t: not a valid header: .* has at (mo|lea)st .*{field}="):
        read_trace(lines(head, episode_json()), "t")


def steps_json(at: int, step) -> dict:
    """An episode whose steps are right, but for number `at` (from 1)."""
    rows = [[[0], [[0.0] * 6]], [[], []], [[1], [[0.0] * 6]], [[1], [[0.5]]]]
    rows += [[[2], [[0.0] * 6]], [[0, 1], [[0.5], [1]]]]
    rows[at - 1] = step
    return episode_json(steps=rows)


def test_steps_are_read_with_details_and_whole_numbers_where_they_have_them():
    trace = read_trace(lines(header_json(), steps_json(2, [[], [], {"hidden": [0.5]}])))

    assert trace.episodes[0].steps[1].detail == {"hidden": [0.5]}
    assert trace.episodes[0].steps[5].logits == ((0.5,), (1,))


@pytest.mark.parametrize(
    ("at", "step", "told"),
    [
        (1, [[0], [[0.0] * 5]], r"step 1 takes 6 logits in each row; got \[0.0, "),
        (1, [[0], [[0.0] * 7]], "step 1 takes 6 logits in each row"),
        (3, [[1], [[]]], r"step 3 takes 6 logits in each row; got \[\]"),
        (3, [[1], [0.5]], "step 3 takes 6 logits in each row; got 0.5"),
        (3, [[1], ["abcdef"]], "step 3 takes 6 logits in each row; got 'abcdef'"),
        (6, [[0, 1], [[0.5], [0.5, 0.5]]], r"step 6 takes 1 logit in each row; got \[0.5, 0.5\]"),
        (6, [[0, 1], [[0.5]]], "step 6 has 1 rows of logits, not 2"),
        (2, [[], [[0.5]]], "step 2 has 1 rows of logits, not 0"),
        (2, [[1], []], r"step 2 decides nothing and takes no picks; got \[1\]"),
        *(
            (4, [[1], [[z]]], "step 4 takes logits that are finite numbers; got ")
            for z in ("0.5", None, True, [0.5], 10**400)
        ),
        *(
            (5, step, "step 5 is a list of picks and a list of logits, with an object of details")
            for step in (
                *(3, None, "ab", {}, [], [[2]], [2, [[0.0] * 6]], [[2], None], [[2], {}]),
                *([[2], [[0.0] * 6], 5], [[2], [[0.0] * 6], {}, {}]),
            )
        ),
    ],
)
def test_a_step_that_is_not_valid_is_refused_with_its_line_and_number(at, step, told):
    with pytest.raises(ValueError, match=f"t, line 2: not a valid episode: {told}"):
        read_trace(lines(header_json(), steps_json(at, step)), "t")


@pytest.mark.parametrize("steps", [None, 5, "steps!", {"1": 2}])
def test_steps_that_are_no_list_are_refused(steps):
    with pytest.raises(ValueError, match="t, line 2: not a valid episode: its steps are a list; g"):
        read_trace(lines(header_json(), episode_json(steps=steps)), "t")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (5, "t, line 2: a record is a JSON object; got 5"),
        ([1], "t, line 2: a record is a JSON object"),
        (
            episode_json(content=[[0], [1, 1], [9, 0, 1]]),
            "line 2: not a valid episode: macro layer 3",
        ),
        (episode_json(content=None), "line 2: not a valid episode: a macro architecture is"),
        ({"type": "episode"}, "line 2: not a valid episode: 'content'"),
        (episode_json(steps=[[[0], [[0.0] * 6]]]), "has 1 steps where its space has 6"),
        (
            episode_json(steps=[[[9], [[0.0] * 6]], *[[[], []]] * 5]),
            "macro layer 1 takes an operat",
        ),
        (episode_json(steps=[[[0], []], *[[[], []]] * 5]), "step 1 has 0 rows of logits, not 1"),
        (episode_json(steps=[3] * 6), "line 2: not a valid episode"),
        ({"type": "epoch"}, "line 2: not a valid epoch"),
    ],
)
def test_a_record_that_is_not_valid_is_refused_with_its_line(value, told):
    with pytest.raises(ValueError, match=told):
        read_trace(lines(header_json(), value), "t")


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1), (1, 2, 3, 2), (0,), (1, UNNUMBERED, 1)])
@pytest.mark.parametrize("kind", ["episode", "epoch", "result"])
def test_records_that_are_doubled_or_out_of_order_are_refused_with_their_line(kind, numbers):
    result = {"type": "result", "right": 1, "images": 2, "parameters": 3, "epoch": 0}
    made = {"episode": episode_json(), "epoch": {"type": "epoch", "epoch": 0}, "result": result}
    rows = [{**made[kind], "n": n} for n in numbers]

    with pytest.raises(ValueError, match=rf"t, line {len(numbers) + 1}: its serial number n must"):
        read_trace(lines(header_json(), *rows), "t")


def test_records_may_have_gaps_or_no_numbers():
    rows = [{"type": "epoch", "epoch": k, "n": n} for k, n in enumerate((1, 5, UNNUMBERED, 9))]

    found = read_trace(lines(header_json(), *rows), "t")

    assert [record.n for record in found.records] == [1, 5, UNNUMBERED, 9]


def test_two_traces_in_one_file_are_refused():
    one = lines(header_json(), {**episode_json(), "n": 1})

    with pytest.raises(ValueError, match="t, line 3: a second header; a file holds one trace"):
        read_trace(one + one, "t")


@pytest.mark.parametrize("damage", ["cut", "flipped", "ending"])
def test_a_damaged_gzip_file_is_refused(tmp_path, damage):
    data = bytearray(gzip.compress(lines(header_json(), *[episode_json()] * 50)))
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "flipped":
        data[12] ^= 0xFF
    else:
        data[-6] ^= 0xFF  # its checksum
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(data)

    with pytest.raises(ValueError, match=r"t.jsonl.gz is a damaged gzip file"):
        load_trace(path)


# ---- digest, best, last

PLAIN = Trace(HEADER, (Epoch(0, 2.0, n=1, clock={"seconds": 1.0}), episode(2)))


def changed(**values) -> Trace:
    return replace(PLAIN, records=(PLAIN.records[0], replace(PLAIN.records[1], **values)))


def test_the_digest_knows_no_clock():
    other = Trace(
        replace(HEADER, clock={"started": "yesterday"}),
        (replace(PLAIN.records[0], clock={}), PLAIN.records[1]),
    )

    assert other.digest() == PLAIN.digest()


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, header=replace(HEADER, seed=8)),
        replace(PLAIN, header=replace(HEADER, order="skips-first")),
        replace(PLAIN, header=replace(HEADER, space=MacroSpace(3, wiring="code"))),
        *(
            replace(PLAIN, header=replace(HEADER, **{name: {"other": 1}}))
            for name in ("recipe", "fidelity", "dataset", "device", "versions")
        ),
        replace(PLAIN, header=replace(HEADER, note="")),
        replace(PLAIN, header=replace(HEADER, extra={"mood": "calm"})),
        replace(PLAIN, records=PLAIN.records[:1]),
        replace(PLAIN, records=PLAIN.records[::-1]),
        replace(PLAIN, records=(replace(PLAIN.records[0], loss=2.5), PLAIN.records[1])),
        changed(architecture=Architecture(SPACE, ((0,), (0, 0), (0, 0, 0)))),
        changed(steps=()),
        changed(note="by hand"),
        changed(extra={"parent": 1}),
        *(changed(**{name: 0.75}) for name in ("accuracy", "reward", "baseline", "advantage")),
        *(changed(**{name: 9}) for name in ("n", "epoch", "update", "sample")),
    ],
)
def test_the_digest_changes_with_anything_else(other):
    assert other.digest() != PLAIN.digest()


def test_the_digest_survives_writing_and_reading(tmp_path):
    assert load_trace(save_trace(PLAIN, tmp_path / "t.jsonl.gz")).digest() == PLAIN.digest()


@pytest.mark.parametrize(
    ("made", "header"),
    [
        *((made_up_episode(4), {"order": order}) for order in ("op-first", "skips-first")),
        (made_up_cells(3), {"order": "indices-first"}),
    ],
    ids=["op-first", "skips-first", "micro"],
)
def test_an_episode_whose_steps_lead_to_another_architecture_is_refused(made, header):
    space = made.architecture.space
    head = {"n": 0, **Header(space, **header).to_json()}
    plan = space.steps(header["order"])

    def steps(changed: int | None = None) -> list:
        """The steps to its architecture, with another pick at one of them."""
        rows = []
        for t, decision in enumerate(plan):
            picks = list(space.picks(made.architecture, decision))
            if t == changed:
                picks[-1] = (picks[-1] + 1) % decision.options
            width = 1 if decision.kind == "skip" else decision.options
            rows.append([picks, [[0.0] * width] * decision.rows])
        return rows

    whole = episode_json(content=made.architecture.content, steps=steps())
    assert read_trace(lines(head, whole)).episodes[0].architecture == made.architecture
    for t, decision in enumerate(plan):
        if decision.options > 1 and decision.rows:
            wrong = lines(head, whole | {"steps": steps(t)})
            with pytest.raises(ValueError, match=rf"line 2: .* step {t + 1} leads to another"):
                read_trace(wrong, "t")


def test_the_best_and_the_last_are_taken_among_those_that_kept_their_steps():
    made = [episode(1, accuracy=0.4), episode(2, accuracy=0.9, steps=())]
    made += [episode(3, accuracy=0.6), episode(4, accuracy=0.5), episode(5, accuracy=0.7, steps=())]
    trace = Trace(HEADER, tuple(made))

    assert trace.best.n == 3
    assert trace.last.n == 4
    assert trace.best_of == (
        "the best of the 3 that kept their steps, of 5 samples (the best of all, episode 2, had "
        "90.0%)"
    )


def test_without_any_steps_the_best_and_the_last_are_taken_among_all():
    made = [episode(n, accuracy=r, steps=()) for n, r in ((1, 0.4), (2, 0.9), (3, None))]
    trace = Trace(HEADER, tuple(made))

    assert trace.best.n == 2
    assert trace.best_of == "the best of 2 samples"
    assert trace.last.n == 3


def test_a_trace_without_episodes_has_neither_best_nor_last():
    trace = Trace(HEADER, (Epoch(0, n=1),))

    with pytest.raises(ValueError, match="no episode with an accuracy yet, so none is the best"):
        _ = trace.best
    with pytest.raises(ValueError, match="the trace has no episode yet"):
        _ = trace.last


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused_with_its_line(value):
    with pytest.raises(ValueError, match="t, line 2: a trace holds finite numbers only; got"):
        read_trace(lines(header_json(), episode_json(reward=value)), "t")
