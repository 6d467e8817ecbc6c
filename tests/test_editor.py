"""Facts about choosing by hand: the editor, and a replay that answers what if. No torch."""

import random

import pytest
from episodes import made_up_cells, made_up_episode
from module import run_module

import enas_viz as ev
from enas_viz.facts.cost import child_cost
from enas_viz.recipes import recipe
from enas_viz.records.trace import Episode, Step
from enas_viz.spaces import MacroSpace, MicroSpace, assemble
from enas_viz.spaces.published import MICRO
from enas_viz.view.assets import module

SPACES = [
    MacroSpace(5),
    MacroSpace(4, wiring="code"),
    MicroSpace(3),
    MicroSpace(2, cells=("normal",)),
]


class Told:
    """A made-up controller: it likes what it was told before, and remembers what it was asked."""

    def __init__(self, space, order):
        self.space, self.order, self.asked = space, order, []

    def __call__(self, picks=(), seed=0):
        self.asked.append(([tuple(p) for p in picks], seed))
        rng, steps, before = random.Random(seed), [], 0
        for t, decision in enumerate(self.space.steps(self.order)):
            if decision.kind == "silent":
                steps.append(Step(decision))
                continue
            width = 1 if decision.kind == "skip" else decision.options
            row = tuple(float((before + i) % 7) for i in range(width))
            picked = (
                tuple(picks[t])
                if t < len(picks)
                else tuple(rng.randrange(decision.options) for _ in range(decision.rows))
            )
            before += sum(picked) + 1
            steps.append(Step(decision, picked, (row,) * decision.rows))
        made = assemble(self.space, [s.picks for s in steps], self.order)
        return Episode(made, tuple(steps), order=self.order)


def told(episode):
    return Told(episode.architecture.space, episode.order)


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_picks_are_put_together_to_the_architecture_that_they_come_from(space, seed):
    architecture = space.sample(random.Random(seed))
    orders = ("op-first", "skips-first") if space.kind == "macro" else ("indices-first",)

    for order in orders:
        picks = [space.picks(architecture, decision) for decision in space.steps(order)]
        assert assemble(space, picks, order) == architecture


def test_picks_that_a_space_does_not_have_are_refused():
    space = MacroSpace(2)

    with pytest.raises(ValueError, match="there are 4 steps in this space; got 1"):
        assemble(space, [(0,)], "op-first")
    with pytest.raises(ValueError, match="layer 2 takes an operation from 0 to 5"):
        assemble(space, [(0,), (), (6,), (1,)], "op-first")


# ---- what if


@pytest.mark.parametrize("episode", [made_up_episode(4), made_up_cells(3)], ids=["macro", "micro"])
def test_a_choice_moves_the_later_probabilities_and_no_earlier_ones(episode):
    replay = ev.Replay(episode, told(episode))
    step = next(t for t, s in enumerate(replay.recorded.steps) if t > 3 and s.picks)
    picks = [list(s.picks) for s in replay.recorded.steps]
    picks[step][0] = (picks[step][0] + 1) % 2

    replay.mine = picks

    was = [[*map(list, s.logits)] for s in replay.recorded.steps]
    now = [[*map(list, logits)] for _, logits in replay.answer["steps"]]
    assert now[: step + 1] == was[: step + 1]
    assert now[step + 1 :] != was[step + 1 :]
    assert replay.chosen != episode.architecture
    replay.mine = []
    assert (replay.answer, replay.chosen) == ({}, episode.architecture)


def test_probabilities_are_those_of_the_controller_that_is_asked():
    episode = made_up_episode(4)
    controller = told(episode)

    replay = ev.Replay(episode, controller)

    picks = [s.picks for s in episode.steps]
    assert replay.recorded.steps == controller(picks).steps
    assert replay.recorded.architecture == episode.architecture
    assert (replay.free, replay.asks) == (True, True)
    assert not ev.Replay(episode).free


def test_the_controller_goes_on_from_a_step_with_other_draws_each_time():
    episode = made_up_episode(6)
    replay = ev.Replay(episode, told(episode), step=3)
    first = [list(s.picks) for s in replay.recorded.steps[:4]]

    found = []
    for _ in range(5):
        replay._heard(replay, {"ask": "continue", "step": 3}, [])
        found.append(replay.chosen)
        assert replay.mine[:4] == first

    assert len(set(found)) > 1


def test_a_controller_of_another_space_is_refused():
    with pytest.raises(ValueError):
        ev.Replay(made_up_episode(4), told(made_up_episode(5)))
    with pytest.raises(ValueError, match="no controller to go on"):
        ev.Replay(made_up_episode(4)).go_on()


def test_choices_that_cannot_be_are_refused():
    episode = made_up_episode(3)
    replay = ev.Replay(episode, told(episode))

    with pytest.raises(ValueError, match="steps in this space"):
        replay.mine = [[0]]
    assert replay.mine == []


def test_the_browser_changes_one_choice(tmp_path):
    expression = """[
      m.chosen({ plan: [{ kind: "pick" }, { kind: "bits" }] }, [[2], [0, 1]], 0, 4),
      m.chosen({ plan: [{ kind: "pick" }, { kind: "bits" }] }, [[2], [0, 1]], 1, 1),
      m.changedSteps([[1], [0, 1], []], [[1], [1, 1], []]),
    ]"""

    assert run_module(expression, None, tmp_path) == [[[4], [0, 1]], [[2], [0, 0]], [1]]


# ---- the editor


@pytest.mark.parametrize("x", [MacroSpace(5), MicroSpace(4), "macro-tiny", MICRO, "enas-micro"])
def test_an_editor_opens_on_a_whole_network_and_tells_what_it_is_like(x):
    editor = ev.Editor(x)

    assert editor.whole
    assert editor.flat == str(editor.architecture.flat)
    labels = [label for label, *_ in editor.facts]
    assert labels[:3] == ["parameters", "multiply-adds", "receptive field"]
    if x in (MICRO, "enas-micro"):
        assert editor.architecture == MICRO


@pytest.mark.parametrize(
    ("layers", "told"), [(1, "1 operation"), (2, "2 operations"), (3, "1 to 3 operations")]
)
def test_ways_through_are_told_in_the_right_number(layers, told):
    bits = [(0,) * k for k in range(layers)]
    if layers == 3:
        bits[2] = (1, 0)
    space = ev.MacroSpace(layers)

    editor = ev.Editor(space.architecture(["conv3x3"] * layers, bits[1:]))

    assert ["paths", told, "long"] in [list(row) for row in editor.facts]


def test_a_recipe_that_is_named_wires_the_drawing_and_the_facts_alike():
    network = MacroSpace(4).architecture([0] * 4, [(0,), (1, 0), (0, 0, 1)])

    plain, paper = ev.Editor(network), ev.Editor(network, recipe="macro-paper")

    facts = [{label: value for label, value, _ in editor.facts} for editor in (plain, paper)]
    assert facts[0]["no skip from"] == "layer 2"
    assert facts[1]["unused"] == "layer 2"
    assert [f["paths"] for f in facts] == ["1 to 4 operations", "3 operations"]
    assert ["data-none" in editor.scene["network"] for editor in (plain, paper)] == [False, True]


@pytest.mark.parametrize("space", ["macro", "micro"])
def test_of_a_final_training_the_facts_are_those_of_the_network_of_its_own(space):
    final = recipe(f"{space}-final-tiny")
    architecture = final.space.sample(random.Random(0))

    label, number, whose = ev.Editor(architecture, recipe=final).facts[0]

    assert label == "parameters"
    assert number == f"{child_cost(architecture, final).parameters:,}"
    assert whose == "of this network"


def test_a_choice_changes_the_list_and_the_facts():
    editor = ev.Editor(MacroSpace(4))
    before = (editor.flat, editor.facts)
    picks = [list(p) for p in editor.mine]
    picks[0] = [2]

    editor.mine = picks

    assert editor.architecture.content[0] == (2,)
    assert editor.flat == "[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]"
    assert editor.facts != before[1]


@pytest.mark.parametrize("apart", [1.0, 1e3, 1e300])
def test_a_choice_that_its_controller_would_never_make_is_told_without_an_error(apart):
    space = MacroSpace(3)

    def sure(picks=(), seed=0):
        """A controller that is sure of operation 0 and of no skip."""
        steps = []
        for t, decision in enumerate(space.steps("op-first")):
            rows = ((-apart,),) if decision.kind == "skip" else ((apart, *(0.0,) * 5),)
            picked = tuple(picks[t]) if t < len(picks) else (0,) * decision.rows
            steps.append(Step(decision, picked, rows * decision.rows))
        made = assemble(space, [s.picks for s in steps], "op-first")
        return Episode(made, tuple(steps))

    editor = ev.Editor(space, sure)
    editor.architecture = "3 3 1 3 1 1"

    label, nats, told = editor.facts[-1]
    assert label == "log-probability"
    assert float(nats.removesuffix(" nats")) < -2
    assert "as likely as its typical sample" in told
    assert len(nats + told) < 80


def test_an_architecture_can_be_set_in_any_form():
    editor = ev.Editor(MicroSpace(5))

    editor.architecture = "enas-micro"

    assert editor.architecture == MICRO
    with pytest.raises(ValueError, match="this editor is for"):
        editor.architecture = MacroSpace(4).sample(random.Random(0))


def test_shuffling_leaves_a_valid_network():
    editor = ev.Editor(MicroSpace(3))

    found = {(editor.shuffle(seed), editor.architecture)[1] for seed in range(10)}

    assert len(found) == 10


def test_yours_is_ranked_among_the_controllers_own():
    space = MacroSpace(4)
    asked = []

    def score(architecture):
        asked.append(architecture)
        return sum(architecture.flat) / 40

    editor = ev.Editor(space, Told(space, "op-first"), score)
    assert len(editor.board) == 10
    editor.shuffle(5)
    accuracy = editor.score()
    editor._heard(editor, {"ask": "score"}, [])  # a second time it is known already

    assert len(asked) == 11
    assert [a for a, *_ in editor.board] == sorted((a for a, *_ in editor.board), reverse=True)
    assert [row for row in editor.board if row[1] == "yours"] == [
        [accuracy, "yours", editor.flat, True]
    ]
    assert editor.facts[-1][0] == "log-probability"


def test_an_editor_without_a_score_says_how_to_give_it_one():
    with pytest.raises(ValueError, match="this editor has no score"):
        ev.Editor(MacroSpace(3)).score()


def test_without_a_controller_no_probability_is_told():
    words = ev.Editor(MacroSpace(3)).scene["words"]

    assert "{p}" not in "".join(words[name] for name in ("picked", "row", "item"))


def test_an_editor_is_saved_as_page_and_picture(tmp_path):
    editor = ev.Editor("enas-micro")

    page = ev.save(editor, tmp_path / "x.html").read_text(encoding="utf-8")
    picture = ev.save(editor, tmp_path / "x.svg").read_text(encoding="utf-8")

    assert "https://" not in page
    assert editor.flat in page
    assert picture == ev.draw(MICRO, hint="").svg
    assert len(page) < 206_000  # the still for pages without JavaScript included


def test_what_is_saved_step_by_step_is_what_was_chosen(tmp_path):
    episode = made_up_episode(3)
    replay = ev.Replay(episode, told(episode))
    picks = [list(s.picks) for s in replay.recorded.steps]
    picks[0] = [(picks[0][0] + 1) % 6]
    replay.mine = picks

    assert replay.shown.architecture == replay.chosen
    assert [s.picks for s in replay.shown.steps] == [tuple(p) for p in picks]
    logits = [[list(row) for row in s.logits] for s in replay.shown.steps]
    assert logits == [row for _, row in replay.answer["steps"]]
    drawn = replay.drawing(0).svg
    assert drawn == ev.draw(replay.shown, step=0).svg
    assert ev.save(replay, tmp_path / "x.gif", width=300).stat().st_size > 1000


def test_the_module_holds_what_it_imports():
    text = module("editor.js")

    assert "import " not in text
    assert text.rstrip().endswith("export default { render };")
    assert len(text) < 45_000  # the whole module of the replay is in it


def test_a_controller_of_another_space_is_refused_also_where_a_space_is_given():
    """Otherwise the editor would be for the controller's space, whatever was asked for."""
    other = ev.load_trace("article-macro").last  # of four layers

    with pytest.raises(ValueError, match="ask one of the same space"):
        ev.Editor(ev.MacroSpace(3), lambda picks, seed=0: other)
