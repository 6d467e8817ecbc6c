"""Facts about the theatre's module: in the browser the stage is what Python draws of it."""

import json
import re

import pytest
from episodes import made_up_article_episode, made_up_cells, made_up_episode
from module import run_module

import enas_viz as ev
from enas_viz.view import stage as drawn
from enas_viz.view.assets import look, module
from enas_viz.view.export import staged
from enas_viz.view.scene import episode_json
from enas_viz.view.svg import skeleton

# What the theatre draws at each step; `whole` and `moment` are those of a film.
DRAWN = """
given.cases.map(({ step, moment, whole, episode }) => {
  const { scene, stage, order } = given, place = order.indexOf(step);
  return [
    m.underTitle(stage, episode, moment),
    m.strip(stage, scene, episode, order, step, whole).join(""),
    String(m.offset(stage, order.length, place)),
    m.dots(stage, order.length, place),
    m.words(stage, given.told[step]),
    m.barRows(stage, scene, given.bars[`${step} ${moment}`]).join(""),
    stage.at ? m.chips(stage, moment) : "",
  ];
})
"""


def compared(play, moments, steps, folder):
    """(what the browser draws, what Python draws), a list of markup for every moment and step."""
    scene, stage = play.scene, play.stage
    cases, bars, expected, told = [], {}, [], {}
    for moment in moments:
        episode = play.episodes[moment]
        for step in steps:
            at = {"step": step, "moment": moment, "whole": play.is_film}
            cases.append({**at, "episode": episode_json(episode)})
            bars[f"{step} {moment}"] = [
                {"label": b.label, "p": b.probability, "picked": b.picked, "answer": b.answer}
                | {"op": b.op}
                for b in scene.bars(step, episode.steps[step])
            ]
            told[step] = {
                "count": scene.count(step),
                "question": scene.question(step, episode.steps),
                "answer": scene.answer(step, episode.steps),
            }
            place, count = scene.numbers[step] - 1, len(scene.shown)
            expected.append(
                [
                    drawn.under_title(stage, episode, moment),
                    "".join(drawn.strip(scene, episode, step, play.is_film)),
                    f"{drawn.offset(stage, count, place):g}",
                    drawn.dots(stage, count, place),
                    drawn.words(scene, episode, step),
                    "".join(drawn.bars(scene, episode, step)),
                    drawn.chips(stage, moment) if play.is_film else "",
                ]
            )
    given = {"scene": skeleton(scene), "stage": stage, "order": list(scene.shown), "cases": cases}
    found = run_module(DRAWN, {**given, "bars": bars, "told": told}, folder, "theatre.js")
    return found, expected


@pytest.mark.parametrize("colour", ["op", "layer"])
def test_every_step_of_an_episode_is_drawn_alike(tmp_path, colour):
    long = ev.Replay("article-macro").recorded  # with a note of several sentences
    best = ev.load_trace("macro-tiny").best
    for episode in (made_up_article_episode(), made_up_episode(24), long, best):
        play = staged(episode, colour=colour)

        found, expected = compared(play, [0], play.scene.shown, tmp_path)

        assert found == expected


@pytest.mark.parametrize("colour", ["op", "node"])
@pytest.mark.parametrize("silent", [False, True])
def test_every_step_of_cells_is_drawn_alike(tmp_path, colour, silent):
    play = staged(made_up_cells(), colour=colour, silent=silent)

    found, expected = compared(play, [0], play.scene.shown, tmp_path)

    assert found == expected


@pytest.mark.parametrize("name", ["macro-cifar10-cpu", "micro-cifar10-cpu"])
def test_every_moment_of_a_film_is_drawn_alike(tmp_path, name):
    play = staged(ev.load_trace(name))

    found = expected = None
    for moment in range(0, len(play.episodes), 7):
        found, expected = compared(play, [moment], [play.step], tmp_path)
        assert found == expected
    assert 'class="chapter here"' in found[0][-1]


def test_lines_break_where_python_breaks_them(tmp_path):
    texts = ["", "one", "a line that is rather long and goes on " * 4, "word" * 30]
    given = [[text, width, size] for text in texts for width in (300, 515) for size in (20, 22)]

    found = run_module("given.map((one) => m.wrap(...one))", given, tmp_path, "theatre.js")

    assert found == [drawn.wrap(*one) for one in given]


def test_a_replay_brings_its_stage_along_and_others_their_own():
    film = ev.Replay(ev.load_trace("macro-tiny"), moments=20)
    episode = ev.Replay(made_up_article_episode())

    assert len(film.stage["at"]) == 20
    assert "at" not in episode.stage
    assert not film.theatre
    assert json.loads(json.dumps(film.stage)) == film.stage


def test_a_film_that_begins_in_the_theatre_opens_at_its_telling_step():
    trace = ev.load_trace("macro-tiny")

    opened = ev.Replay(trace, moments=20, theatre=True)
    asked = ev.Replay(trace, moments=20, theatre=True, step=4)

    assert opened.theatre
    assert opened.step == drawn.telling_step(opened._scene, opened.episodes)
    assert asked.step == 4


def test_a_page_opens_in_the_theatre_that_the_widget_was_in():
    page = ev.Replay(made_up_article_episode(), theatre=True).html()
    state = json.loads(re.search(r'id="state">(.*?)</script>', page)[1])

    assert state["theatre"] is True
    assert state["stage"]["grid"]
    assert "<title>ENAS replay</title>" in page


def test_module_and_styles_of_the_theatre_stay_small():
    # 58,000 for the replay itself, and the theatre; kept notebooks hold no widget state.
    # Of the rest, 700 let tokens slide.
    assert len((module("theatre.js") + look("theatre")).encode()) < 75_000


def test_the_module_is_one_file():
    assert not re.search(r"^import ", module("theatre.js"), flags=re.M)
