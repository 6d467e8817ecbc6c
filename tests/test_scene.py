"""Facts about what is shown and said at each step."""

import dataclasses
import json
from collections import deque

import pytest
from episodes import made_up_article_episode, made_up_episode

from enas_viz.records.trace import Header, Step, Trace
from enas_viz.spaces import Decision, MacroSpace
from enas_viz.spaces.published import ARTICLE_MACRO
from enas_viz.view.scene import MacroScene, episode_json, facts, scene_of, subject


def logit(p):
    """The z of a skip whose probability of yes is p, found by bisection on what Step says."""
    low, high = -20.0, 20.0
    for _ in range(60):
        z = (low + high) / 2
        yes = Step(Decision("skip", 1, 1, 2), (1,), ((z,),)).probabilities[0][1]
        low, high = (z, high) if yes < p else (low, z)
    return z


def skip_step(at, chances, picks):
    return Step(Decision("skip", at, at, 2), picks, tuple((logit(p),) for p in chances))


def test_the_articles_example_plays_in_seven_steps_with_its_tokens():
    scene = scene_of(made_up_article_episode(), "layer")

    tokens = ["\n".join(scene.token(t, p)) for t, p in enumerate(scene.picks(ARTICLE_MACRO))]

    assert tokens == ["conv\n3×3", "1", "sep\n5×5", "1,2", "max\n3×3", "1,3", "conv\n5×5"]


def test_in_the_order_of_the_code_it_takes_eight_steps_one_of_them_silent():
    scene = scene_of(made_up_article_episode("op-first"))

    assert [d.kind for d in scene.plan] == ["op", "silent"] + ["op", "skip"] * 3
    assert scene.question(1) == "nothing to decide."
    assert "No layer comes before layer 1" in scene.answer(1, {1: Step(scene.plan[1])})


def test_a_caption_is_one_plain_sentence():
    scene = MacroScene(ARTICLE_MACRO.space, "skips-first")

    said = scene.caption(3, {3: skip_step(2, (0.62, 0.55), (1, 1))})

    assert said == (
        "Step 4 of 7: which earlier layers feed layer 3? Layer 1, probability 0.62: yes. "
        "Layer 2, probability 0.55: yes."
    )


def test_an_operation_is_told_by_its_full_name():
    scene = MacroScene(MacroSpace(4), "skips-first")
    step = Step(Decision("op", 0, 1, 6), (0,), ((0.0,) * 6,))

    assert scene.caption(0, {0: step}) == (
        "Step 1 of 7: which operation does layer 1 use? Convolution 3×3, probability 0.17."
    )


def test_long_lists_of_skips_are_summed_up():
    scene = MacroScene(MacroSpace(12), "op-first")
    chances = (0.1, 0.61, 0.2, 0.1, 0.52, 0.3)

    some = scene.answer(13, {13: skip_step(6, chances, (0, 1, 0, 0, 1, 0))})
    none = scene.answer(13, {13: skip_step(6, chances, (0,) * 6)})

    assert some == "Yes to 2 of 6: layer 2 (0.61), layer 5 (0.52)."
    assert none == "No to all 6."


def test_the_last_step_says_that_the_network_is_whole():
    for order in ("op-first", "skips-first"):
        episode = made_up_episode(5, order)
        scene = scene_of(episode)

        said = [scene.caption(t, episode.steps) for t in range(len(episode.steps))]

        assert [scene.whole in s for s in said] == [False] * (len(said) - 1) + [True]


def test_under_code_wiring_the_stem_is_asked_about_first():
    episode = made_up_episode(4, wiring="code")
    scene = scene_of(episode)

    labels = [bar.label for bar in scene.bars(5, episode.steps[5])]

    assert labels == ["the stem", "layer 1"]


@pytest.mark.parametrize("order", ["op-first", "skips-first"])
def test_the_panel_shows_every_option_and_marks_what_was_sampled(order):
    episode = made_up_episode(7, order)
    scene = scene_of(episode)

    for t, step in enumerate(episode.steps):
        bars = scene.bars(t, step)
        assert len(bars) == {"op": 6, "skip": step.decision.rows, "silent": 0}[step.decision.kind]
        if step.decision.kind == "op":
            assert sum(bar.probability for bar in bars) == pytest.approx(1)
            assert [bar.picked for bar in bars].index(True) == step.picks[0]
        if step.decision.kind == "skip":
            assert tuple(int(bar.picked) for bar in bars) == step.picks
            assert [bar.answer for bar in bars] == [("no", "yes")[p] for p in step.picks]


def test_the_panel_is_as_high_at_every_step():
    scene = MacroScene(MacroSpace(24))

    assert scene.panel_rows == 8  # 23 skips in three columns
    assert MacroScene(MacroSpace(4)).panel_rows == 6  # six operations


def test_sizes_come_from_the_recipe_and_are_relative_without_one():
    known = scene_of(made_up_episode(12))
    unknown = scene_of(made_up_episode(12, sizes=False))

    assert [known.stage_label(k, i) for i, k in enumerate((0, 4, 8))] == [
        "32×32×36",
        "16×16×36",
        "8×8×36",
    ]
    assert [unknown.stage_label(0, i) for i in range(3)] == [
        "full size",
        "half size",
        "quarter size",
    ]


def test_reductions_show_by_default_where_there_are_some_to_be_expected():
    assert scene_of(made_up_episode(4)).reductions  # its recipe is known
    assert not scene_of(made_up_article_episode()).reductions
    assert not scene_of(ARTICLE_MACRO).reductions
    assert scene_of(ARTICLE_MACRO, reductions=True).reductions
    assert scene_of(MacroSpace(6).architecture([0] * 6)).reductions


def test_skips_merge_as_the_header_says():
    assert scene_of(made_up_article_episode()).merge == "concat"
    assert scene_of(made_up_episode(6)).merge == "add"
    assert scene_of(ARTICLE_MACRO).merge == "add"
    assert scene_of(made_up_episode(6, merge="input")).merge == "input"
    assert scene_of(made_up_episode(6, merge="nonsense")).merge == "add"


def test_where_skips_are_the_input_the_words_say_what_is_read():
    episode = made_up_episode(4, "skips-first", merge="input")
    scene = scene_of(episode)

    assert "which earlier layers does layer 3 read (if none, layer 2)?" in scene.question(3)
    assert scene.answer(6, episode.steps).endswith("a layer that nothing reads is not computed.")
    assert scene_of(made_up_episode(4)).whole == "That completes the network."


def test_an_episode_for_the_browser_is_compact_and_keeps_six_digits():
    episode = made_up_episode(12)
    text = json.dumps(episode_json(episode), separators=(",", ":"))

    assert len(text) < 2000  # 200 of them fit a page of 400 kB
    assert json.loads(text)["steps"][0][1][0] == [
        float(f"{z:.6g}") for z in episode.steps[0].logits[0]
    ]


def test_facts_tell_only_what_was_recorded():
    assert facts(made_up_article_episode()) == ""


def test_of_a_trace_the_best_episode_is_drawn():
    episodes = [dataclasses.replace(made_up_episode(4, seed=s), reward=s / 10) for s in range(3)]
    trace = Trace(Header(MacroSpace(4)), tuple(episodes))

    assert subject(trace) is episodes[2]
    with pytest.raises(TypeError, match="got 3"):
        subject(3)


@pytest.mark.parametrize("read", [range(1), deque([0, 3, 1]), "0 3 1", ((0,), (3, 1)), iter([0])])
def test_whatever_decode_reads_is_drawn(read):
    assert subject(read).note.startswith("Read as ")


def test_colour_means_operations_or_layers():
    with pytest.raises(ValueError, match="'op' or 'layer' for a macro space; got 'rainbow'"):
        scene_of(ARTICLE_MACRO, "rainbow")
