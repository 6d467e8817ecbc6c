"""The loop: it shows the recording's numbers, motions join up, hostile files are refused."""

import gzip
import json
import math
import re
from dataclasses import replace
from functools import cache

import pytest
from module import run_module

import enas_viz as ev
from enas_viz.facts.estimates import tell_time
from enas_viz.records.trace import ASSETS, Step
from enas_viz.records.training_counts import count, size
from enas_viz.records.turns import NAMES, Recording, load_turns, save_turns
from enas_viz.view.loop import WIDTH, Picture, change, liveliest, signed
from enas_viz.view.loop_nets import THICK, THIN
from enas_viz.view.motion import WORDS, state_at

KINDS = pytest.mark.parametrize("kind", NAMES)


@cache
def recording(kind) -> Recording:
    return load_turns(kind)


@cache
def picture(kind) -> Picture:
    return Picture(recording(kind))


def turn_of(kind):
    found = recording(kind)
    return found.turns[liveliest(found)]


@cache
def states(kind):
    return list(picture(kind).states(turn_of(kind)))


# ---- what ships


@KINDS
def test_a_recording_ships_that_is_small_and_says_where_it_comes_from(kind):
    found = recording(kind)

    assert (ASSETS / f"loop-{kind}.json.gz").stat().st_size <= 150_000
    assert found.header.recipe["name"] == f"loop-{kind}"
    assert found.header.seed == 0
    assert found.header.dataset["name"] == "digits"
    assert (found.header.device["type"], found.header.device["threads"]) == ("cpu", 1)
    assert len(found.header.versions["commit"]) == 12
    assert re.fullmatch(r"2026-\d\d-\d\d", found.date)
    assert found.machine


@KINDS
def test_the_recorded_turns_are_of_the_start_the_liveliest_update_and_the_end(kind):
    numbers = [turn.number for turn in recording(kind).turns]

    assert numbers[:3] == [1, 2, 3]
    assert numbers[-3:] == [recording(kind).planned - 2 + k for k in range(3)]
    assert len(numbers) <= 10
    assert 3 < turn_of(kind).number < numbers[-3]


@KINDS
def test_it_begins_with_the_largest_update_among_turns_that_show_right_and_wrong_answers(kind):
    images, moved = turn_of(kind).rewarded.images, turn_of(kind).moved

    assert 0 < images.right < len(images.answers)
    assert moved > 0.3  # of a probability: a bar that visibly grows or shrinks
    for turn in recording(kind).turns:
        seen = turn.rewarded.images
        assert turn.moved <= moved or seen.right in (0, len(seen.answers))


def test_where_every_turn_is_all_wrong_it_begins_with_the_largest_update():
    found = recording("macro")
    wrong = tuple(turn for turn in found.turns if turn.rewarded.images.right == 0)

    assert len(wrong) > 1
    start = liveliest(replace(found, turns=wrong))
    assert wrong[start].moved == max(turn.moved for turn in wrong)


@KINDS
def test_a_recording_that_ships_has_a_short_and_a_full_name(kind):
    assert ev.Loop(f"loop-{kind}").recording == ev.Loop(kind).recording == recording(kind)


@KINDS
def test_every_minibatch_so_far_trained_one_path(kind):
    found = recording(kind)

    for turn in found.turns:
        ops = len(found.space.ops)
        first = sum(turn.trained.counts[: ops if kind == "macro" else 2 * ops])
        assert first == turn.number - 1
    added = count([turn_of(kind).sampled.architecture], found.space)[:-1]
    took = found.took(turn_of(kind).sampled.architecture)
    assert [k for k, n in enumerate(added) if n] == sorted(took)


@KINDS
def test_a_recorded_draw_falls_on_what_was_picked(kind):
    for turn in recording(kind).turns:
        for step, draws in zip(turn.sampled.steps, turn.sampled.draws, strict=True):
            for pick, row, u in zip(step.picks, step.probabilities, draws, strict=True):
                if step.decision.kind == "skip":
                    assert (u < row[1]) == bool(pick)
                else:
                    assert sum(row[:pick]) - 1e-5 <= u <= sum(row[: pick + 1]) + 1e-5


@KINDS
def test_a_recording_reads_back_as_it_was(kind, tmp_path):
    save_turns(recording(kind), tmp_path / "a.json.gz")
    again = load_turns(tmp_path / "a.json.gz")

    assert again == recording(kind)
    save_turns(again, tmp_path / "b.json.gz")
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


# ---- hostile and damaged files

HOSTILE = {
    "format": ({"format": 2}, "format 1"),
    "no turns": ({"turns": []}, "at least one turn"),
    "turns of text": ({"turns": "x"}, "a list of"),
    "no header": ({"header": {}}, "header"),
    "planned": ({"planned": 2}, "planned"),
    "machine": ({"machine": 5}, "machine"),
    "seconds": ({"seconds": -1}, "seconds"),
    "number": ({"turns.0.number": 0}, "number"),
    "order": ({"turns.1.number": 1}, "in order"),
    "content": ({"turns.0.content": [[9], [0, 0], [0, 0, 0], [0, 0, 0, 0]]}, "operation"),
    "nothing": ({"turns.0": None}, "an object"),
    "draw": ({"turns.0.draws.0": [1.0]}, r"in \[0, 1\)"),
    "draws": ({"turns.0.draws.0": []}, "draws of step 1"),
    "logits": ({"turns.0.logits.0": [[0.0]]}, "logits of step 1"),
    "a logit": ({"turns.0.logits.0": [["x"] * 6]}, "finite number"),
    "after": ({"turns.0.updated.logits": []}, "logits"),
    "counts": ({"turns.0.trained.counts": [1]}, "counts of paths"),
    "a count": ({"turns.0.trained.counts.0": -1}, "a count"),
    "loss": ({"turns.0.trained.loss": "x"}, "loss"),
    "right": ({"turns.0.trained.right": 33}, "right"),
    "size": ({"turns.0.rewarded.size": 0}, "size"),
    "pixels": ({"turns.0.trained.images.pixels.0": "!!"}, "base64"),
    "an image": ({"turns.0.trained.images.pixels.0": "AAAA"}, "an image has 256 numbers"),
    "shape": ({"turns.0.trained.images.shape": [1, 4096, 4096]}, "channels of few pixels"),
    "label": ({"turns.0.trained.images.labels.0": 10}, "label"),
    "answers": ({"turns.0.rewarded.images.answers": []}, "answers"),
    "rewards": ({"turns.0.updated.rewards": []}, "at least one reward"),
    "baseline": ({"turns.0.updated.after": None}, "baseline"),
    "deep": ({"extra": json.loads("[" * 60 + "]" * 60)}, "nested deeper"),
}


def damaged(kind, changes):
    value = json.loads(json.dumps(recording(kind).to_json()))
    for where, what in changes.items():
        *way, last = where.split(".")
        inside = value
        for name in way:
            inside = inside[int(name) if name.isdigit() else name]
        inside[int(last) if last.isdigit() else last] = what
    return value


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_is_refused_in_a_sentence(name, tmp_path):
    changes, told = HOSTILE[name]
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(json.dumps(damaged("macro", changes)).encode()))

    with pytest.raises(ValueError, match=told) as caught:
        load_turns(path)
    assert len(str(caught.value)) < 500


def test_every_field_that_is_missing_is_missed(tmp_path):
    whole = recording("macro").to_json()
    for name in ("header", "turns", "planned", "machine", "seconds", "date"):
        with pytest.raises(ValueError, match="lacks|header"):
            Recording.from_json({k: v for k, v in whole.items() if k != name})


@pytest.mark.parametrize("kind", ["macro", "micro"])
def test_a_draw_that_decides_otherwise_than_what_was_picked_is_refused(kind):
    plan = recording(kind).turns[0].sampled.steps
    for t, step in enumerate(plan):
        for k in range(len(step.picks)):
            value = json.loads(json.dumps(recording(kind).to_json()))
            draws = value["turns"][0]["draws"][t]
            chance, pick = step.probabilities[k], step.picks[k]
            yes = step.decision.kind == "skip"
            if max(chance) < 0.999:
                draws[k] = float(0.9999 * (bool(pick) if yes else pick < len(chance) - 1))
                with pytest.raises(ValueError, match=f"a draw of step {t + 1} decides otherwise"):
                    Recording.from_json(value)


@pytest.mark.parametrize(
    "content",
    [b"", b"x", gzip.compress(b"[]"), gzip.compress(b"{")],
    ids=["empty", "plain", "a list", "open"],
)
def test_a_file_of_something_else_is_refused(content, tmp_path):
    path = tmp_path / "x.json.gz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="holds no turns of a loop"):
        load_turns(path)


def test_a_file_that_unpacks_to_very_much_is_refused(tmp_path):
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b" " * 21_000_000))

    with pytest.raises(ValueError, match="more than 20 MB"):
        load_turns(path)


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(FileNotFoundError, match=r"macro, micro \(or loop-macro, loop-micro\)"):
        ev.Loop("nothing.json.gz")


# ---- the picture says what the record says


@KINDS
def test_the_gauge_and_the_words_show_the_recorded_accuracy(kind):
    rewarded, state = turn_of(kind).rewarded, states(kind)[3]

    empty = states(kind)[0]["fill", "y"]
    full = state_at([], 0, state)["fill", "height"]
    tube = empty - picture(kind)._level(1)
    assert full / tube == pytest.approx(rewarded.right / rewarded.size)
    assert state["acc", "text"] == f"accuracy {rewarded.right / rewarded.size:.2f}"
    assert f"{rewarded.right} of {rewarded.size} are right" in state["say", "text"]


@KINDS
def test_a_tick_stands_where_the_answer_is_the_label_and_a_cross_with_the_answer_elsewhere(kind):
    images, state = turn_of(kind).rewarded.images, states(kind)[3]

    for i, (label, answer) in enumerate(zip(images.labels, images.answers, strict=True)):
        assert state[f"ok{i}", "opacity"] == (label == answer)
        assert state[f"no{i}", "opacity"] == (label != answer)
        if label != answer:
            assert state[f"as{i}", "text"] == str(answer)


@KINDS
def test_bars_are_the_softmax_of_the_recorded_logits_before_and_after_the_update(kind):
    drawn, turn = picture(kind), turn_of(kind)
    _, long = drawn._track()

    for s, k in enumerate(drawn.kept):
        step = turn.sampled.steps[k]
        for state, logits in (
            (states(kind)[1], step.logits),
            (states(kind)[4], turn.updated.logits[k]),
        ):
            rows = [[-row[0], row[0]] if step.decision.kind == "skip" else row for row in logits]
            exp = [[math.exp(z) for z in row] for row in rows]
            shares = [[e / sum(row) for e in row] for row in exp]
            told = [r[1] for r in shares] if step.decision.kind == "skip" else shares[0]
            for i, share in enumerate(told):
                assert state[f"b{s}.{i}", "width"] == pytest.approx(long * share)


@KINDS
def test_only_the_lines_of_the_path_thicken(kind):
    drawn, turn = picture(kind), turn_of(kind)
    before, after = states(kind)[1], states(kind)[2]
    took = set(recording(kind).took(turn.sampled.architecture))

    for path in range(size(drawn.space)):
        for key in drawn.net.thread[path]:
            grew = after[key, "stroke-width"] > before[key, "stroke-width"]
            assert grew == (path in took)
            assert before[key, "stroke-width"] == drawn.net.width(turn.trained.counts[path])


@KINDS
def test_the_child_is_lit_and_nothing_else(kind):
    drawn, turn = picture(kind), turn_of(kind)
    lit = {k for k, dim in drawn.net.lights.items() if states(kind)[1][k, "opacity"] == 1}

    wanted = {
        key
        for k in drawn.kept
        for key in drawn.net.lit(turn.sampled.architecture, turn.sampled.steps[k].decision)
    }
    assert lit == wanted
    took = recording(kind).took(turn.sampled.architecture)
    assert {f"{key}+" for path in took for key in drawn.net.thread[path]} <= lit


@KINDS
def test_the_needle_stops_at_the_recorded_draw(kind):
    drawn, turn = picture(kind), turn_of(kind)
    (act, *_) = drawn.acts(turn)

    found = [
        cue.values[-3] for cue in act.cues if re.fullmatch(r"n\d", cue.key) and cue.what == "at"
    ]
    wanted = []
    for k in drawn.kept:
        draws = turn.sampled.draws[k]
        for n, u in enumerate(draws):
            x0, x1 = drawn._coin(n, len(draws))
            wanted.append(x0 + (x1 - x0) * u)
    assert sorted(found) == pytest.approx(sorted(wanted))


@KINDS
def test_the_update_tells_reward_baseline_and_advantage_of_the_record(kind):
    updated, state = turn_of(kind).updated, states(kind)[4]

    told = picture(kind).acts(turn_of(kind))[3].said
    assert f"Reward {updated.rewards[0]:.2f}" in told
    assert f"baseline {updated.after:.2f}" in told
    assert signed(updated.rewards[0] - updated.after) in told
    assert state["baset", "text"] == f"baseline {updated.after:.2f}"


def test_an_update_of_several_samples_says_so():
    found = recording("macro")
    turn = turn_of("macro")
    several = replace(turn, updated=replace(turn.updated, rewards=(turn.rewarded.reward, 0.5, 0.4)))

    assert "Moved by this sample alone" in picture("macro").acts(turn)[3].said
    told = Picture(replace(found, turns=(several,))).acts(several)[3].said
    assert "Moved by 3 samples, of which this is the first" in told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.191, "+0.19"), (-0.05, "\N{MINUS SIGN}0.05"), (0.004, "+0.004"), (0, "0")],
)
def test_an_advantage_has_its_sign(value, told):
    assert signed(value) == told


def test_a_change_too_small_for_its_digits_says_its_direction():
    assert change(0.17, 0.21, True) == "17.0 \N{RIGHTWARDS ARROW} 21.0 %"
    assert change(0.17, 0.1701, True) == "17.0 % \N{BLACK UP-POINTING TRIANGLE}"
    assert change(0.17, 0.168, False) == "17 % \N{BLACK DOWN-POINTING TRIANGLE}"
    assert change(0.5, 0.5, False) == "50 %"


# ---- motion


@KINDS
def test_every_cue_moves_a_shape_of_the_picture_that_the_rest_sets_or_may_keep(kind):
    drawn = picture(kind)

    assert {key for key, _ in drawn.rest(turn_of(kind))} <= drawn.keys
    for turn in recording(kind).turns:
        for act in [*drawn.acts(turn), *drawn.plain_acts(turn)]:
            assert {cue.key for cue in act.cues} <= drawn.keys
            assert all(0 <= cue.start < cue.end <= act.ms for cue in act.cues)


@KINDS
def test_no_two_cues_move_the_same_thing_at_once(kind):
    for turn in recording(kind).turns:
        for act in [*picture(kind).acts(turn), *picture(kind).plain_acts(turn)]:
            ends = {}
            for cue in act.cues:
                assert cue.start >= ends.get((cue.key, cue.what), 0), (act.name, cue)
                if cue.what not in WORDS:
                    ends[cue.key, cue.what] = cue.end


@KINDS
def test_a_motion_begins_where_the_last_one_ended(kind):
    """What is seen does not jump: a cue of something that is in sight starts at its value."""
    drawn = picture(kind)
    for turn in recording(kind).turns:
        state = drawn.rest(turn)
        for act in drawn.acts(turn):
            for cue in act.cues:
                before = state_at(act.cues, cue.start - 1, state)
                key, seen = (cue.key, cue.what), cue.what in ("opacity", "stroke-width", "width")
                if seen and key in before and cue.end - cue.start > 1 and cue.key[0] not in "zg":
                    assert before[key] == pytest.approx(cue.values[0], abs=1e-6), (act.name, cue)
            state = state_at(act.cues, math.inf, state)


@KINDS
def test_the_browser_computes_the_same_states(kind, tmp_path):
    loop = ev.Loop(kind)
    at = loop.turn
    given = {"turn": loop.turns[at], "common": loop.common}
    times = [0, 777, 1500, 2345.6, 1e9]
    found = run_module(
        "((t, before) => t.acts.map((act, k) => given.times.map((time) => "
        "m.stateAt(act.cues, time, m.stateAfter(t.acts, k, before)))))"
        "(m.unpacked(given.turn), m.atRest(given.common, given.turn.rest))",
        {**given, "times": times},
        tmp_path,
        "loop.js",
    )

    turn = recording(kind).turns[at]
    for k, act in enumerate(picture(kind).acts(turn)):
        for n, time in enumerate(times):
            wanted = state_at(act.cues, time, list(picture(kind).states(turn))[k])
            assert set(found[k][n]) >= {f"{key} {what}" for key, what in wanted}
            for (key, what), value in wanted.items():
                got = found[k][n][f"{key} {what}"]
                if isinstance(value, str):
                    assert got == value
                else:
                    assert got == pytest.approx(value, abs=0.02), (key, what)


@KINDS
def test_sentences_fit_into_the_picture(kind):
    for turn in recording(kind).turns:
        for act in picture(kind).acts(turn):
            for cue in act.cues:
                if cue.key == "say" and cue.what == "text":
                    assert len(cue.values[0]) * 11.6 < WIDTH - 40, cue.values[0]


# ---- plain NAS


@KINDS
def test_the_clock_of_plain_nas_is_computed_from_what_was_measured(kind):
    found = recording(kind)
    alone = [t.alone for t in found.turns]
    seconds = found.planned * sum(a.seconds for a in alone) / len(alone)

    told, rule = picture(kind).clock(turn_of(kind))

    assert f"This child: {turn_of(kind).alone.seconds:.1f} s instead of " in told
    assert f"{found.planned:,} children: {tell_time(seconds / 3600)} instead of " in told
    assert tell_time(found.seconds / 3600) in told
    assert found.machine in rule
    assert found.date in rule
    assert seconds > 10 * found.seconds


@KINDS
def test_plain_nas_shows_the_accuracy_of_the_child_trained_alone_and_throws_its_weights_away(kind):
    drawn, turn = picture(kind), turn_of(kind)
    state = drawn.rest(turn)
    first = drawn.net.thread[recording(kind).took(turn.sampled.architecture)[0]][0]

    seen = []
    for act in drawn.plain_acts(turn):
        state = state_at(act.cues, math.inf, state)
        seen.append(state)

    assert seen[2]["acc", "text"] == f"accuracy {turn.alone.right / turn.alone.size:.2f}"
    assert seen[1][first, "stroke-width"] == pytest.approx(THICK)
    assert seen[3][first, "stroke-width"] == pytest.approx(THIN)


def test_a_recording_without_children_trained_alone_has_no_plain_nas():
    found = recording("macro")
    bare = replace(found, turns=tuple(replace(t, alone=None) for t in found.turns))

    assert all(turn["plain"] == [] for turn in ev.Loop(bare).turns)


# ---- the widget


def test_a_loop_opens_at_its_liveliest_turn_or_at_one_of_the_recorded_turns():
    loop = ev.Loop()

    turns = loop.recording.turns
    assert loop.turn == liveliest(loop.recording)
    assert (ev.Loop(turn=99).turn, ev.Loop(turn=-1).turn) == (len(turns) - 1, 0)


def test_a_loop_says_where_its_turns_come_from_and_how_its_search_differs():
    loop = ev.Loop("macro")

    assert loop.note.startswith("Recipe loop-macro, seed 0, AMD EPYC, 2026-")
    assert "alternates minibatch by minibatch" in loop.note


def test_module_and_styles_are_small():
    assert len((ev.Loop._esm + ev.Loop._css).encode()) < 40_000


@KINDS
def test_the_page_is_whole_and_the_still_is_the_state_at_hand(kind):
    loop = ev.Loop(kind)
    html = loop.html()

    assert "import " not in html.split('<script type="module">')[1]
    assert len(html) < 1_200_000
    loop.done = 4
    assert "Moved by this sample alone" in loop.drawing().svg
    assert 'width="1280" height="720"' in loop.drawing().svg


def test_stages_are_clamped():
    loop = ev.Loop()

    loop.done = 9
    assert loop.done == 4
    loop.done = -2
    assert loop.done == 0


def test_a_space_without_room_is_refused_with_one_that_has_room():
    found = recording("macro")
    large = ev.MacroSpace(24)

    with pytest.raises(ValueError, match="room for 20 decisions.*search.loop_recipe"):
        Picture(replace(found, header=replace(found.header, space=large)))


def test_the_frames_of_a_film_go_from_rest_to_the_end(tmp_path):
    loop = ev.Loop("macro", speed=8)

    found = [drawing.svg for drawing in loop.reel(0.5)]

    assert len(found) > 4
    assert found[0] == Picture(loop.recording).svg(states("macro")[0])
    with pytest.raises(ValueError, match="turns must be an int"):
        list(loop.reel(0.1, turns=0))


def test_a_loop_is_saved_as_a_film(tmp_path):
    path = ev.save(ev.Loop("macro", speed=8), tmp_path / "loop.gif", seconds=0.6, width=320)

    from PIL import Image

    with Image.open(path) as film:
        assert film.size == (320, 180)
        assert film.n_frames >= 3
    with pytest.raises(ValueError, match="colour= does not go with a film"):
        ev.save(ev.Loop(), tmp_path / "x.gif", colour="op")


@KINDS
def test_sentences_have_the_right_article(kind):
    for turn in recording(kind).turns:
        for cue in picture(kind).sample(turn).cues:
            if cue.key == "say":
                assert not re.search(r" a [aeiou]| an [^aeiou]", cue.values[0]), cue.values[0]


def test_what_a_step_says_after_the_update_is_what_was_recorded():
    turn = turn_of("macro")

    assert [s.logits for s in turn.after] == list(turn.updated.logits)
    assert isinstance(turn.after[0], Step)
