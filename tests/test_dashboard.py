"""Facts about the dashboard that need no browser."""

import json
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from episodes import made_up_trace
from module import run_module
from waiting import LONG, wait_for

import enas_viz as ev
from enas_viz.records.trace import Tick, Trace
from enas_viz.view.assets import module, shipped
from enas_viz.view.board import Board
from enas_viz.view.scene import episode_json, scene_of
from enas_viz.view.timeline import tick_texts
from enas_viz.widgets import dashboard


class Live:
    """Records of a run, each only when the test lets it come; knows whether it was closed."""

    def __init__(self, trace: Trace, fails: Exception | None = None) -> None:
        self.trace, self.closed, self.asked, self.fails = trace, False, 0, fails
        self.gate = threading.Semaphore(0)
        self.thread = None

    def __iter__(self):
        yield self.trace.header
        total = len(self.trace.records)
        try:
            for i, item in enumerate(self.trace.records):
                self.asked += 1
                self.gate.acquire()
                self.thread = threading.current_thread()
                yield item
                yield Tick("controller", 0, i, total, (i + 1) / total)
            if self.fails:
                raise self.fails
        finally:
            self.closed = True

    def let(self, count: int) -> None:
        self.gate.release(count)


@pytest.fixture
def live():
    return Live(made_up_trace(4, epochs=2, per_epoch=20))


def test_a_recorded_search_is_whole_at_once():
    trace = ev.load_trace("macro-tiny")

    board = ev.Dashboard(trace)

    assert board.state[0]["status"] == "finished"
    assert board.trace.digest() == trace.digest()
    assert board.news[0]["samples"] == 6000
    board.wait()


def test_a_recorded_search_that_was_stopped_is_not_called_finished(tmp_path):
    whole = ev.load_trace("macro-tiny")
    cut = Trace(whole.header, whole.records[:210])  # in its third epoch

    board = ev.Dashboard(cut)

    state, facts = board.state[0], board.runs[0]
    told = run_module(
        f"m.standing({json.dumps(state)}, {facts['epochs']}, {board.news[0]['samples']})",
        None,
        tmp_path,
        "dashboard.js",
    )
    assert told == "stopped: epoch 3 of 60, 208 samples"
    assert state["done"] == pytest.approx(2 / 60, abs=1e-3)


def test_a_run_that_was_stopped_while_its_third_epoch_trained_weights_stands_in_that_epoch():
    whole = ev.load_trace("macro-tiny")
    second = next(i for i, r in enumerate(whole.records) if r is whole.epochs[1])

    state = ev.Dashboard(Trace(whole.header, whole.records[: second + 1])).state[0]

    assert (state["status"], state["epoch"]) == ("stopped", 2)  # counted from 0


def test_a_file_and_several_runs_by_name_are_taken():
    board = ev.Dashboard({"a": "macro-tiny", "b": ev.load_trace("micro-cifar10-cpu")})

    assert [facts["name"] for facts in board.runs] == ["a", "b"]
    assert set(board.traces) == {"a", "b"}
    with pytest.raises(ValueError, match="several runs: use traces"):
        board.trace  # noqa: B018


def test_a_live_run_comes_in_while_it_goes(live):
    board = ev.Dashboard(live)
    live.let(7)

    wait_for(lambda: board.news[0]["samples"] == 7)
    assert board.state[0]["status"] == "running"
    assert live.thread is not threading.current_thread()
    live.let(1000)
    board.wait(LONG)
    assert board.state[0]["status"] == "finished"
    assert board.trace.digest() == live.trace.digest()
    assert live.closed


def test_pausing_is_not_asking_and_going_on_loses_nothing(live):
    board = ev.Dashboard(live)
    live.let(5)
    wait_for(lambda: board.news[0]["samples"] == 5)

    board._asked(board, {"run": 0, "action": "pause"}, [])  # as the browser asks
    live.let(1)
    wait_for(lambda: board.state[0]["status"] == "paused")
    live.let(1000)
    time.sleep(0.2)
    assert board.news[0]["samples"] == 6
    board._asked(board, {"run": 0, "action": "resume"}, [])
    board.wait(LONG)

    assert board.trace.digest() == live.trace.digest()


@pytest.mark.parametrize("paused", [False, True])
def test_stopping_closes_the_records_in_the_thread_that_asks_for_them(live, paused):
    board = ev.Dashboard(live)
    live.let(3)
    wait_for(lambda: board.news[0]["samples"] == 3)
    if paused:
        board.pause()
        live.let(1)
        wait_for(lambda: board.state[0]["status"] == "paused")

    board.stop()
    live.let(1)
    board.wait(LONG)

    assert live.closed
    assert board.state[0]["status"] == "stopped"
    assert 3 <= len(board.trace.episodes) <= 5


def test_a_run_that_fails_says_so_and_wait_raises_it():
    live = Live(made_up_trace(4, epochs=1, per_epoch=4), ArithmeticError("the loss is nan"))
    board = ev.Dashboard(live)
    live.let(1000)

    with pytest.raises(ArithmeticError, match="the loss is nan"):
        board.wait(LONG)

    assert board.state[0]["status"] == "failed"
    assert board.state[0]["message"] == "ArithmeticError: the loss is nan"
    assert len(board.trace.episodes) == 4  # nothing is lost


class Clock:
    """Stands for `time` in the dashboard: `now` is what the test says, and `rests` are all asked
    for at once, or, with `held`, one by one as the test ends them by `end.release()`."""

    def __init__(self, monkeypatch, held=False) -> None:
        self.now, self.rests, self.held, self.end = 0.0, [], held, threading.Semaphore(0)
        known = {"monotonic": lambda: self.now, "sleep": self.sleep}
        fake = SimpleNamespace(thread_time=time.thread_time, **known)
        monkeypatch.setattr(dashboard, "time", fake)

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        if self.held:
            self.end.acquire()
        else:
            time.sleep(0.001)


def test_pushes_are_joined_to_ten_a_second_at_most(live, monkeypatch):
    clock, pushed = Clock(monkeypatch, held=True), []
    board = ev.Dashboard(live)
    board.observe(lambda change: pushed.append(change["new"][0]["samples"]), names="news")
    wait_for(lambda: clock.rests)
    for more, come in ((30, 30), (1, 31)):
        rests = len(clock.rests)
        live.let(more)
        wait_for(lambda count=come: live.asked > count)  # so that many have come
        clock.end.release()
        wait_for(lambda before=rests: len(clock.rests) > before)

    assert pushed == [30, 31]
    assert all(rest >= 0.1 for rest in clock.rests)
    clock.held = False
    clock.end.release()
    live.let(1000)
    wait_for(lambda: board.state[0]["status"] == "finished")
    assert board.news[0]["samples"] == len(live.trace.episodes)


def test_what_is_no_run_is_refused():
    with pytest.raises(ValueError, match="at least one run"):
        ev.Dashboard({})
    with pytest.raises(ValueError, match="begin with its header.*got none at all"):
        ev.Dashboard([])
    with pytest.raises(ValueError, match="begin with its header.*got Episode"):
        ev.Dashboard(made_up_trace(4).records)


def test_the_opened_sample_is_the_recorded_one():
    trace = ev.load_trace("macro-tiny")
    board = ev.Dashboard(trace)

    assert board.opened_episode is None
    board.opened = [0, trace.best.n]
    assert board.opened_episode == trace.best


def test_the_module_holds_what_it_imports_and_no_name_that_anywidget_would_mistake():
    text = module("dashboard.js")

    assert "import " not in text
    assert text.rstrip().endswith("export default { render };")
    assert "export function render" not in text
    assert len(shipped("dashboard.js") + shipped("dashboard.css")) < 40_000  # its own part


def test_pausing_a_run_differs_from_playing_its_past_in_words_and_sign(tmp_path):
    board = ev.Dashboard(made_up_trace(3))
    page = board.html()

    assert "Pause the run" in page
    assert "Go on with the run" in page
    assert "Play the search so far" in page
    icons = run_module("[m.RESUME, m.PLAY]", None, tmp_path, "dashboard.js")
    assert icons[0] != icons[1]


@pytest.mark.parametrize(
    ("ticks", "share", "texts"),
    [
        ([0, 0.05], False, ["0", "0.05"]),
        ([0.04998, 0.05], False, ["0.04998", "0.05"]),  # the first epochs of a slow schedule
        ([0.0475, 0.0525], False, ["0.0475", "0.0525"]),
        ([20, 30], False, ["20", "30"]),
        ([0, 0.5, 1], True, ["0 %", "50 %", "100 %"]),
        ([0.45, 0.452, 0.454], True, ["45.0 %", "45.2 %", "45.4 %"]),
        ([], False, []),
    ],
)
def test_no_two_ticks_of_an_axis_read_alike(tmp_path, ticks, share, texts):
    expression = f"m.tickTexts(given, {json.dumps(share)})"

    assert run_module(expression, ticks, tmp_path, "dashboard.js") == texts
    assert [t.replace("%", " %") for t in tick_texts(ticks, share)] == texts


def test_a_rate_that_hardly_falls_has_ticks_of_different_words(tmp_path):
    rates = [0.05 * (1 - 1e-4 * k**2) for k in range(6)]
    expression = "m.tickTexts(m.scale(given, 2)[2])"

    texts = run_module(expression, rates, tmp_path, "dashboard.js")

    assert len(set(texts)) == len(texts) > 1


def test_runs_that_are_to_be_overlaid_say_so_in_a_trait_that_pages_keep():
    trace = made_up_trace(4)

    board = ev.Dashboard({"a": trace, "b": trace}, overlaid=True)

    assert board.overlaid
    assert '"overlaid":true' in board.html()
    assert not ev.Dashboard(trace).overlaid
    with pytest.raises(TypeError, match="overlaid must be True or False; got 'yes'"):
        ev.Dashboard(trace, overlaid="yes")


def test_the_browser_joins_what_was_told_and_the_news(tmp_path):
    trace = made_up_trace(4, epochs=3, per_epoch=200)
    board = Board("", trace.header)
    cases, told = [], board.snapshot()
    for i, item in enumerate(trace.records):
        board.add(item)
        if i % 90 == 0:
            cases.append([told, board.news()])
        if i % 250 == 0:
            told = board.snapshot()

    found = run_module("given.map(([t, n]) => m.joined(t, n))", cases, tmp_path, "dashboard.js")

    for (told, news), known in zip(cases, found, strict=True):
        assert known["points"]["n"] == told["points"]["n"] + news["points"]["n"]
        assert len(known["epochs"]) == len(told["epochs"]) + len(news["epochs"])
        assert known["samples"] == news["samples"]


def test_news_that_do_not_follow_wait_for_the_snapshot(tmp_path):
    board = Board("", made_up_trace(4).header)
    told = board.snapshot()
    for item in made_up_trace(4).records[:9]:
        board.add(item)
    board.snapshot()
    stray = board.news()

    known = run_module("m.joined(given[0], given[1])", [told, stray], tmp_path, "dashboard.js")

    assert known["points"]["n"] == []
    assert known["samples"] == 9


def test_the_pages_words_and_scales(tmp_path):
    expression = """[
      m.countUntil([1, 2, 2, 5], 2), m.countUntil([], 1),
      m.bestOf([3, 9, 4, 9], 4), m.bestOf([], 0),
      m.scale([0.1, 0.83]), m.scale([5, 5], 2), m.scale([]), m.nice(7), m.nice(0.2),
      m.duration(41), m.duration(90), m.duration(4000),
      m.standing({ status: "running", epoch: 3, left: 70 }, 60, 1234),
      m.standing({ status: "paused", epoch: 3, left: 0 }, 0, 1),
      m.standing({ status: "failed", message: "no" }, 60, 1),
      m.standing({ status: "finished", epoch: 59, seconds: 31 }, 60, 6000),
    ]"""

    found = run_module(expression, None, tmp_path, "dashboard.js")

    assert found[:4] == [3, 0, 1, -1]
    assert found[4] == [0, 1, [0, 0.5, 1]]
    assert found[5][0] < 5 < found[5][1]
    assert found[6:9] == [[0, 1, []], 10, 1]
    assert found[9:12] == ["41 s", "2 min", "1 h 07 min"]
    assert found[12:] == [
        "running: epoch 4 of 60, 1,234 samples, about 1 min left",
        "paused: epoch 4, 1 sample",
        "failed: no",
        "finished: 60 epochs, 6,000 samples, 31 s",
    ]


def test_a_page_shows_it_without_a_kernel(tmp_path):
    board = ev.Dashboard(ev.load_trace("macro-tiny"))
    board.at = 20.0

    page = ev.save(board, tmp_path / "x.html").read_text(encoding="utf-8")

    assert '"at":20.0' in page
    assert "https://" not in page
    assert len(page) < 400_000


def test_times_of_a_run_leave_out_its_pauses(live, monkeypatch):
    clock = Clock(monkeypatch)
    board = ev.Dashboard(live)
    live.let(2)
    wait_for(lambda: board.news[0]["samples"] == 2)
    clock.now += 5
    board.pause()
    live.let(1)
    wait_for(lambda: board.state[0]["status"] == "paused")
    clock.now += 1000
    board.go_on()
    wait_for(lambda: board.state[0]["status"] == "running")
    clock.now += 2
    live.let(1000)
    wait_for(lambda: board.state[0]["status"] == "finished")

    assert board.state[0]["seconds"] == 7
    assert replace(board.trace.header) == live.trace.header


def test_a_closed_search_has_nothing_to_show():
    search = (record for record in [made_up_trace(3).header])
    search.close()

    with pytest.raises(ValueError, match="got none at all"):
        ev.Dashboard(search)


def test_a_run_that_yields_no_record_fails_in_words_and_keeps_what_came():
    trace = made_up_trace(3)
    board = ev.Dashboard(iter([trace.header, trace.episodes[0], "a line", trace.episodes[1]]))

    with pytest.raises(TypeError, match="records of a run .* got 'a line'"):
        board.wait(30)

    assert board.trace.records == trace.episodes[:1]
    assert board.state[0]["status"] == "failed"
    assert "got 'a line'" in board.state[0]["message"]
    assert board.html()


def test_runs_of_one_name_are_refused():
    trace = made_up_trace(3)

    with pytest.raises(ValueError, match="different names"):
        ev.Dashboard({1: trace, "1": trace})


@pytest.mark.parametrize("seconds", [float("nan"), -1, "x"])
def test_a_wait_that_would_not_wait_is_refused(seconds):
    with pytest.raises(ValueError, match="seconds must be"):
        ev.Dashboard(made_up_trace(3)).wait(seconds)


def test_what_a_dashboard_draws_is_told_in_words(tmp_path):
    trace = made_up_trace(4, epochs=4, per_epoch=10)
    news = ev.Dashboard(trace).news[0]
    episode = trace.episodes[0]
    scene = scene_of(episode).to_json()
    expression = "m.named(given[0], given[1])"

    told = run_module(expression, [scene, episode_json(episode)], tmp_path, "dashboard.js")

    assert news["summary"].startswith("Mean reward rises from ")
    assert f"Best sample: {trace.best.accuracy:.1%}." in news["summary"]
    parts = told.split("; ")
    assert [part.split(": ")[0] for part in parts] == [f"layer {k + 1}" for k in range(4)]
    ops = trace.space.op_names(episode.architecture)
    assert all(op.label in part for op, part in zip(ops, parts, strict=True))
