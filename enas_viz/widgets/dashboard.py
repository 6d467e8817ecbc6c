"""The dashboard: one or several runs, live or recorded, in one look.

A live run is asked for its records by a thread of its own, so that the notebook stays usable and
the buttons work. What has come is passed on to the browser at most ten times a second.

Not here: what is kept of a run (`view.board`), drawing it (`static/dashboard.js`), running
a search (`enas_viz.search`).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from numbers import Real
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import traitlets

from enas_viz.records.trace import Episode, Header, Tick, Trace, load_trace
from enas_viz.view.assets import look, module
from enas_viz.view.board import Board
from enas_viz.view.export import Drawing, page
from enas_viz.view.poster import Poster, PosterRun
from enas_viz.widgets.base import Number, Refused, Widget

PUSH = 0.1  # seconds between two looks at what has come
SHARE = 0.015  # of a core that passing on may take; where a look costs more, they become fewer
GOES = ("waiting", "running", "paused")  # of a run that is not over
HINT = (
    "A still picture of when it was drawn. Run this cell, in JupyterLab or on Binder, to watch, "
    "scrub and open samples."
)


class Dashboard(Widget):
    """Shows searches while they run, or as they ran.

        board = ev.Dashboard(search.run(ev.recipe("macro-tiny"), seed=0))  # begins at once
        await board    # until it is over, while the buttons work; in a script: board.wait()
        ev.Dashboard(ev.load_trace("macro-tiny"))                          # a recorded one
        ev.Dashboard({"seed 0": one, "seed 1": another})                   # side by side
        ev.Dashboard({"seed 0": one, "seed 1": another}, overlaid=True)    # curves on the same axes

    records: the records of a run, as `search.run` yields them, or a trace, or its file; or several
    of them by name. The first record of a run is its header. overlaid: whether runs of one kind
    (macro, micro, final training) share their axes, with a line for each, named beside it; a button
    changes it. TypeError when it is no bool.

    Pause, go on and stop by the buttons or by `pause()`, `go_on()`, `stop()`; a run that has a
    folder can be resumed after it was stopped. `trace`, or `traces` by name, is what has been
    recorded so far; `opened_episode` the sample that is replayed below.
    A resumed run is shown from its beginning by `search.resume(folder, whole=True)`.
    Raises ValueError when there is nothing to show, or records do not begin with a header;
    TypeError for what holds no records.

    All that is shown is in traits, so it survives in saved notebooks: `at` (the moment that is
    looked at, in epochs; below 0 the newest), `opened` (number of the run and of the sample).
    """

    _esm = module("dashboard.js")
    _css = look("dashboard")
    height = 900  # pixels of a frame around its page
    runs = traitlets.List().tag(sync=True, told=True)
    told = traitlets.List().tag(sync=True, told=True)
    news = traitlets.List().tag(sync=True, told=True)
    state = traitlets.List().tag(sync=True, told=True)
    at = Number(-1.0).tag(sync=True)
    opened = traitlets.List().tag(sync=True)
    overlaid = traitlets.Bool(False).tag(sync=True)

    def __init__(self, records: Any, *, overlaid: bool = False) -> None:
        if not isinstance(overlaid, bool):
            raise TypeError(f"overlaid must be True or False; got {shortened(overlaid)}")
        named = dict(records) if isinstance(records, Mapping) else {"": records}
        if not named:
            raise ValueError("a dashboard shows at least one run; got an empty dictionary")
        if len(set(map(str, named))) < len(named):
            raise ValueError(f"runs must have different names; got {shortened(list(named))}")
        self._runs = [_Run(str(name), source) for name, source in named.items()]
        super().__init__(
            runs=[run.board.facts() for run in self._runs],
            told=[run.board.snapshot() for run in self._runs],
            news=[run.board.news() for run in self._runs],
            state=[run.state() for run in self._runs],
            overlaid=overlaid,
        )
        self._going = [run for run in self._runs if run.status in GOES]
        self.on_msg(self._asked)
        self.spent = 0.0  # CPU-seconds of passing on what has come
        self._pusher: threading.Thread | None = None
        for run in self._going:
            run.start()
        if self._going:
            self._pusher = threading.Thread(target=self._push_on, daemon=True)
            self._pusher.start()

    @traitlets.validate("opened")
    def _there(self, proposal: Any) -> list[int]:
        found = proposal["value"]
        if not found:
            return []
        known = len(found) == 2 and all(type(n) is int for n in found)
        if not known or not 0 <= found[0] < len(self._runs):
            raise Refused(
                f"opened must be empty or [run, sample], the run an int from 0 to "
                f"{len(self._runs) - 1}; got {shortened(found)}"
            )
        try:
            self._runs[found[0]].board.episode(found[1])
        except ValueError as error:
            raise Refused(f"opened must name a recorded sample: {error}") from None
        return found

    # ---- what it holds

    @property
    def traces(self) -> dict[str, Trace]:
        """What has been recorded so far, by the names of the runs."""
        return {run.board.name: run.board.trace() for run in self._runs}

    @property
    def trace(self) -> Trace:
        """What has been recorded of the only run. ValueError when there are several."""
        if len(self._runs) > 1:
            names = ", ".join(run.board.name for run in self._runs)
            raise ValueError(f"there are several runs: use traces[name], name one of {names}")
        return self._runs[0].board.trace()

    @property
    def opened_episode(self) -> Episode | None:
        """The sample that is replayed, as recorded."""
        if not self.opened:
            return None
        run, n = self.opened
        return self._runs[run].board.episode(n)

    # ---- files and pages

    def html(self) -> str:
        """One complete page that shows this as it stands; it needs no kernel and no network."""
        names = ("runs", "told", "news", "state", "at", "opened", "overlaid")
        state = {name: getattr(self, name) for name in names}
        return page(state, self.drawing(), "dashboard", "How a search went")

    def drawing(self) -> Drawing:
        """A still: of every run its curves at the moment that is looked at; of a single one also
        its best network until then."""
        return self._poster().still(self.at if self.at >= 0 else None)

    def frames(self, count: int) -> Iterator[Drawing]:
        """A time-lapse of what has been recorded so far, for `ev.save(..., "x.gif")`.

        Raises ValueError when nothing has been sampled yet, and for a count below 1.
        """
        if type(count) is not int or count < 1:
            raise ValueError(f"count must be an int of at least 1; got {shortened(count)}")
        return self._poster().frames(count)

    def _poster(self) -> Poster:
        told = zip(self.runs, self._runs, strict=True)
        shown = [PosterRun(facts["name"], facts["about"], run.board.trace()) for facts, run in told]
        return Poster(shown, self.overlaid)

    def kept(self) -> Drawing:
        """A still that says what to do to see more, for viewers that show no widgets."""
        return self._poster().still(self.at if self.at >= 0 else None, HINT)

    # ---- asking something of the runs

    def pause(self) -> None:
        """Stops asking for records, so that the runs stand still."""
        for run in self._runs:
            run.do("pause")

    def go_on(self) -> None:
        """Lets paused runs go on."""
        for run in self._runs:
            run.do("resume")

    def stop(self) -> None:
        """Ends the runs after the minibatch under way; those with a folder can be resumed."""
        for run in self._runs:
            run.do("stop")

    def wait(self, seconds: float | None = None) -> None:
        """Returns when all runs are over, or after so many seconds; for scripts.

        Interrupting it stops the runs. Raises whatever ended a run that failed. A notebook's kernel
        would hear no button meanwhile: there, `await board` does the same.
        """
        if seconds is not None and not (isinstance(seconds, Real) and seconds >= 0):
            raise ValueError(f"seconds must be a number of at least 0; got {shortened(seconds)}")
        until = None if seconds is None else time.monotonic() + seconds
        try:
            while self._goes_on() and (until is None or time.monotonic() < until):
                time.sleep(PUSH)
        except KeyboardInterrupt:
            self._stopped()
        self._tell_failure()

    def __await__(self) -> Generator[Any, None, Trace | dict[str, Trace]]:
        """Waits for all runs to be over, letting the kernel hear buttons meanwhile; what `trace`
        is then, or `traces` of several. Interrupting and failures are as for `wait`."""
        return self._over().__await__()

    async def _over(self) -> Trace | dict[str, Trace]:
        try:
            while self._goes_on():
                await asyncio.sleep(PUSH)
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._stopped()
        self._tell_failure()
        return self.trace if len(self._runs) == 1 else self.traces

    def _goes_on(self) -> bool:
        return self._pusher is not None and self._pusher.is_alive()

    def _stopped(self) -> None:
        self.stop()
        if self._pusher is not None:
            self._pusher.join()

    def _tell_failure(self) -> None:
        for run in self._going:
            if run.error is not None:
                raise run.error

    def _asked(self, _: Any, content: Any, __: Any) -> None:
        """A button was pressed. A message, not a trait: while a cell awaits the runs, the browser
        holds back changes of traits until it ends."""
        run = content.get("run") if isinstance(content, dict) else None
        if type(run) is int and 0 <= run < len(self._runs):
            self._runs[run].do(content.get("action"))

    # ---- passing on

    def _push_on(self) -> None:
        while True:
            over = not any(run.thread.is_alive() for run in self._going)
            self._push(over)
            if over:
                self.spent = time.thread_time()
                return
            cost, self.spent = time.thread_time() - self.spent, time.thread_time()
            time.sleep(max(PUSH, cost / SHARE))

    def _push(self, over: bool = False) -> None:
        """Sends what has come since the last time, if anything has."""
        state = [run.state() for run in self._runs]
        if not over and not any(run.dirty for run in self._going):
            self.state = state
            return
        news, told, renewed = [], [], False
        for k, run in enumerate(self._runs):
            with run.lock:
                run.dirty = False
                due = over or run.board.renewed
                told.append(run.board.snapshot() if due else self.told[k])
                news.append(run.board.news())
                renewed = renewed or due
        with self.hold_sync():  # in one message, since they belong together
            if renewed:
                self.told = told
            self.news, self.state = news, state


class _Run:
    """One run: its board, and the thread that asks for its records."""

    def __init__(self, name: str, source: Any) -> None:
        self.lock = threading.Lock()
        self.error: BaseException | None = None
        self.dirty = False
        self.message = ""
        self._goes, self._left = threading.Event(), False
        self._goes.set()
        self._done = self._first_done = 0.0
        self._epoch, self._seconds, self._since = 0, 0.0, None
        if isinstance(source, str | Path):
            source = load_trace(source)
        if isinstance(source, Trace):
            self.status, self.items = "finished", None
            header, records = source.header, source.records
            self._seconds = source.seconds
        else:
            if not isinstance(source, Iterable) or isinstance(source, type):
                raise TypeError(
                    "a dashboard shows the records of a run, as search.run(...) yields them, a "
                    f"Trace, or its file; got {shortened(source)}"
                )
            self.status, self.items = "waiting", iter(source)
            header, records = next(self.items, None), ()
            if not isinstance(header, Header):
                raise ValueError(
                    "the records of a run begin with its header, as those of search.run do, or of "
                    "search.resume(folder, whole=True); got "
                    + (shortened(header) if header is not None else "none at all")
                )
        self.board = Board(name or header.recipe.get("name") or "search", header)
        for record in records:
            self.board.add(record)
        if self.items is None:
            self._done, known = 1.0, len(source.epochs)
            self._epoch = max((e.epoch for e in self.board.records), default=0)
            if known < self.board.planned:  # an epoch's own record ends it, so it was in the next
                self.status, self._done = "stopped", known / self.board.planned
                self._epoch = max([self._epoch, *(e.epoch + 1 for e in source.epochs)])

    def start(self) -> None:
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        """Asks for one record after the other, until there is none or the reader wants no more."""
        self.status, self._since = "running", time.monotonic()
        try:
            for item in self.items:
                self._take(item)
                self._rest()
                if self._left:
                    break
            self.status = "stopped" if self._left else "finished"
        except Exception as error:
            self.status, self.error = "failed", error
            self.message = f"{type(error).__name__}: {error}"
        finally:
            try:
                if hasattr(self.items, "close"):
                    self.items.close()  # leaves a checkpoint, where there is a folder
            except Exception as error:
                self.status, self.error = "failed", error
                self.message = f"{type(error).__name__}: {error}"
            self._count_time()
            self.dirty = True

    def _take(self, item: Any) -> None:
        if isinstance(item, Tick):
            self._first_done = self._first_done or item.done
            self._done, self._epoch = item.done, item.epoch
            return
        with self.lock:
            self.board.add(item)
            self.dirty = True

    def _rest(self) -> None:
        if self._goes.is_set() or self._left:
            return
        self._count_time()
        self.status = "paused"
        self._goes.wait()
        if not self._left:
            self.status, self._since = "running", time.monotonic()

    def _count_time(self) -> None:
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
            self._since = None

    def do(self, action: str) -> None:
        """What a button asks: "pause", "resume" or "stop"."""
        if self.status not in GOES:
            return
        if action == "pause":
            self._goes.clear()
        elif action == "resume":
            self._goes.set()
        elif action == "stop":
            self._left = True
            self._goes.set()

    def state(self) -> dict[str, Any]:
        """How it stands, for the browser. seconds: of running; left: about what remains."""
        running = self._since
        seconds = self._seconds + (time.monotonic() - running if running is not None else 0)
        done, new = self._done, self._done - self._first_done
        left = seconds * (1 - done) / new if self.status in GOES and new > 0.005 else 0.0
        return {
            "status": self.status,
            "done": round(done, 3),
            "epoch": self._epoch,
            "seconds": int(seconds) if self.status not in GOES else 0,
            "left": int(left) if left < 120 else 10 * int(left / 10),
            "message": self.message,
        }
