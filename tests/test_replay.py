"""Facts about the replay widget that need no browser; and that its module says what Python says."""

import re
from pathlib import Path

import pytest
import traitlets
from episodes import (
    made_up_article_cells,
    made_up_article_episode,
    made_up_cells,
    made_up_episode,
)
from module import run_module

import enas_viz as ev
from enas_viz.spaces import Architecture
from enas_viz.spaces.genotypes import genotype
from enas_viz.spaces.published import ARTICLE_MACRO, MACRO, MICRO
from enas_viz.view.assets import STATIC, module, shipped
from enas_viz.view.scene import episode_json, scene_of
from enas_viz.view.svg import skeleton
from enas_viz.widgets.replay import HINT

MODULE = (STATIC / "replay.js").read_text(encoding="utf-8")


def test_a_replay_starts_at_the_first_step_and_stands_still():
    replay = ev.Replay(made_up_episode(4))

    assert (replay.step, replay.playing, replay.speed) == (0, False, 1.0)


def test_the_step_stays_inside_the_episode():
    replay = ev.Replay(made_up_episode(4), step=100)

    assert replay.step == 7
    replay.step = -3
    assert replay.step == 0


def test_speed_is_positive():
    with pytest.raises(traitlets.TraitError, match="speed must be"):
        ev.Replay(made_up_episode(4)).speed = 0


def test_viewers_without_widgets_get_the_finished_network():
    replay = ev.Replay(made_up_article_episode(), colour="layer")

    data, looks = replay._repr_mimebundle_()

    assert "application/vnd.jupyter.widget-view+json" in data
    still = ev.draw(replay.recorded, colour="layer", hint=HINT)
    assert data["image/png"] == still._repr_mimebundle_()[0]["image/png"]
    assert "Run this cell" in still.svg
    assert replay.drawing().svg.count('class="arc past') == 5
    assert looks["image/png"]["width"] > 300


def test_what_is_no_episode_is_refused():
    with pytest.raises(TypeError, match="got 3"):
        ev.Replay(3)


@pytest.mark.parametrize("x", [ARTICLE_MACRO, MICRO, "enas-micro", MACRO.flat])
def test_an_architecture_that_nobody_sampled_plays_with_even_chances_and_says_so(x):
    replay = ev.Replay(x)

    episode = replay.recorded
    assert "every option is shown as equally likely" in episode.note
    assert all(
        p == pytest.approx(1 / len(row))
        for s in episode.steps
        for row in s.probabilities
        for p in row
    )
    architecture = x if isinstance(x, Architecture) else ev.decode(x).architecture
    assert episode.architecture == architecture
    assert replay._scene.picks(architecture) == tuple(s.picks for s in episode.steps)


def test_a_genotype_is_drawn_and_the_picture_says_how_it_was_read():
    text = genotype(MICRO)

    drawn = ev.draw(text)

    assert "Read as a DARTS genotype" in drawn.svg
    assert ev.Replay(text).recorded.architecture == MICRO


def test_a_replay_is_saved_as_page_and_as_picture(tmp_path):
    replay = ev.Replay(made_up_article_episode(), colour="layer", step=2)

    page = ev.save(replay, tmp_path / "x.html").read_text(encoding="utf-8")
    picture = ev.save(replay, tmp_path / "x.svg").read_text(encoding="utf-8")

    assert '"step":2' in page
    assert picture == replay.drawing().svg


def test_the_frame_for_exported_notebooks_holds_the_page():
    shown = ev.Replay(made_up_episode(4)).iframe()

    assert "<iframe srcdoc=" in shown.data
    assert "&lt;!doctype html&gt;" in shown.data


def test_the_module_with_its_styles_is_small():
    # Kept notebooks hold no widget state, and an exported page carries it once: 58 kB, then, where
    # a widget that is saved with each notebook would have 40. The last of them is where other
    # modules join it.
    assert len((shipped("replay.js") + shipped("enas_viz.css")).encode()) < 58_000


def test_what_notebooks_keep_is_the_module_without_its_comments_and_indents():
    kept = [line.strip() for line in MODULE.splitlines()]
    plain = [
        line.partition(" // ")[0].rstrip()
        for line in kept
        if line and not line.startswith(("//", "/*", "*"))
    ]

    assert shipped("replay.js").splitlines() == plain
    assert "`" not in "".join(line for line in plain if line.count("`") % 2)  # no text over lines
    assert "drawing: begin" not in shipped("enas_viz.css")
    assert ".enas-svg .paper{" in shipped("enas_viz.css")


def test_the_module_is_self_contained_and_exports_no_name_that_anywidget_would_mistake():
    carried = module("replay.js")  # as notebooks and pages get it

    assert not re.search(r"^\s*import\b|\bimport\(", carried, re.M)
    assert not re.search(r"export\s+(const|let|function|async function)\s+render\b", carried)
    assert carried.rstrip().endswith("export default { render };")
    assert "https://" not in carried


SAYS = """given.map(({ scene, episode, silent }) => scene.plan.map((_, t) => ({
  said: m.caption(scene, episode, m.homes(scene, silent)[t], m.homes(scene, silent)).whole,
  token: m.token(scene, episode, t),
  bars: m.bars(scene, episode, t).map((b) => [b.label, b.p.toFixed(4), b.picked, b.answer, b.op]),
})))"""


@pytest.mark.parametrize("silent", [False, True])
def test_the_module_says_what_python_says(tmp_path: Path, silent: bool):
    episodes = [
        *(
            made_up_episode(layers, order, seed, wiring)
            for seed, layers in enumerate((1, 2, 5, 12))
            for order in ("op-first", "skips-first")
            for wiring in ("layer", "code")
        ),
        *(made_up_cells(nodes, seed=nodes) for nodes in (1, 2, 5, 7)),
        *(made_up_cells(3, seed, loose_inputs="exclude") for seed in range(3)),
        made_up_article_cells(),
    ]
    cases = [
        {
            "scene": skeleton(scene := scene_of(episode, silent=silent)),
            "episode": episode_json(episode),
            "silent": scene.silent,
        }
        for episode in episodes
    ]

    said = run_module(SAYS, cases, tmp_path)

    for episode, found in zip(episodes, said, strict=True):
        scene = scene_of(episode, silent=silent)
        for t, (step, line) in enumerate(zip(episode.steps, found, strict=True)):
            assert line["said"] == scene.caption(scene.homes[t], episode.steps)
            assert line["token"] == list(scene.token(t, step.picks))
            assert line["bars"] == [
                [b.label, f"{b.probability:.4f}", b.picked, b.answer, b.op]
                for b in scene.bars(t, step)
            ]


def test_silent_steps_are_left_out_unless_asked_for_and_the_recorded_numbers_stay():
    episode = made_up_cells(2)

    folded, whole = ev.Replay(episode, step=7), ev.Replay(episode, step=7, silent=True)

    assert (folded.silent, whole.silent) == (False, True)
    assert folded.step == whole.step == 7
    assert folded.drawing(7).svg == ev.draw(episode, step=7).svg
    whole.silent = False
    assert whole.drawing(7).svg == folded.drawing(7).svg
    assert '"silent":false' in folded.html()
