"""The poster: searches as one still, and as the frames of a time-lapse.

Of every run its name and the two drawings of the timeline; of a single run a network, too: on a
still the best sample so far, in a time-lapse the newest. A run without samples says so.

Not here: the drawings (`timeline`, `svg`), files and pixels (`export`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape

from enas_viz.records.trace import Episode, Trace
from enas_viz.view.curves import series, summary
from enas_viz.view.export import Drawing
from enas_viz.view.scene import scene_of
from enas_viz.view.svg import Block, paragraph, stacked, still
from enas_viz.view.timeline import MOST, Overview, best_of, overlay, overview, side_by_side

WIDE = 1196  # of a poster without drawings, as wide as one with them
BETWEEN = 18  # one run and the next


@dataclass(frozen=True)
class PosterRun:
    """One run on a poster. about: what is said of it behind its name."""

    name: str
    about: str
    trace: Trace
    beside: tuple[Trace, ...] = ()  # others of its kind, to whose scales it is drawn, too

    def like(self, other: PosterRun) -> bool:
        """Whether both search spaces of one kind, so that their curves can be compared."""
        return self.trace.space.kind == other.trace.space.kind

    @cached_property
    def sampled(self) -> tuple[Episode, ...]:
        return tuple(_sampled(self.trace))

    @cached_property
    def shown(self) -> tuple[Episode, ...]:
        """The samples that have a dot, thinned evenly: those that kept their steps, if any did."""
        found = tuple(e for e in self.sampled if e.steps) or self.sampled
        if len(found) <= MOST:
            return found
        chosen = {round(i * (len(found) - 1) / (MOST - 1)) for i in range(MOST)}
        return tuple(found[i] for i in sorted(chosen | {best_of(found)}))

    @cached_property
    def drawn(self) -> Overview:
        found = [series(trace) for trace in self.beside if any(_sampled(trace))]
        return overview(self.trace, self.shown, best_of(self.shown), found)

    def newest(self, x: float) -> int:
        """Number of the last of `shown` until a place in the drawings; the first if none was."""
        return max((k for k, place in enumerate(self.drawn.places) if place <= x), default=0)

    def block(self, time: float | None, veiled: bool = False) -> list[Block]:
        """Its name and its drawings at a moment, in epochs; None: at the end."""
        blocks = [_heading(self)]
        if not self.sampled:
            return [*blocks, paragraph("No network has been sampled yet.", WIDE)]
        x = self.drawn.at(self.drawn.epochs if time is None else time)
        return [*blocks, side_by_side(self.drawn.curves, self.drawn.layers, x, veiled)]


@dataclass(frozen=True)
class Poster:
    """One or several runs as pictures, those of one kind of space to the same scales.

    overlaid: whether the curves of runs of one kind of space share their axes, too.
    """

    runs: Sequence[PosterRun]
    overlaid: bool = False

    def __post_init__(self) -> None:
        scaled = [
            replace(run, beside=tuple(o.trace for o in self.runs if o is not run and o.like(run)))
            for run in self.runs
        ]
        object.__setattr__(self, "runs", scaled)

    def still(self, time: float | None = None, hint: str = "") -> Drawing:
        """How they stand at a moment, in epochs from the start; by default at the end."""
        run = self.runs[0]
        if len(self.runs) > 1 or not run.sampled:
            return self._curves(time, False, hint)
        seen = run.shown
        if time is not None:
            seen = run.shown[: run.newest(run.drawn.at(time)) + 1]
        return self._network(time, seen[best_of(seen)], "The best sample so far", hint=hint)

    def frames(self, count: int) -> Iterator[Drawing]:
        """The runs going on, in `count` pictures of one size.

        Raises ValueError when none of them has sampled anything.
        """
        epochs = max((run.drawn.epochs for run in self.runs if run.sampled), default=0)
        if not epochs:
            raise ValueError("no run has sampled a network yet, so there is nothing to animate")
        for k in range(1, count + 1):
            time = epochs * k / count
            if len(self.runs) > 1:
                yield self._curves(time, True)
                continue
            run = self.runs[0]
            newest = run.shown[run.newest(run.drawn.at(time))]
            yield self._network(time, newest, "The newest sample", veiled=True)

    def _curves(self, time: float | None, veiled: bool, hint: str = "") -> Drawing:
        blocks: list[Block] = []
        for group in self._groups():
            if len(group) > 1:
                told = [(run.name, series(run.trace)) for run in group]
                blocks += [overlay(told, group[0].trace.space, time), ([], WIDE, BETWEEN)]
            else:
                blocks += [*group[0].block(time, veiled), ([], WIDE, BETWEEN)]
        if hint:
            blocks.append(paragraph(hint, WIDE, "hint"))
        told = (f"{r.name}: {summary(r.trace) if r.sampled else 'no sample.'}" for r in self.runs)
        caption = f"How searches went. {' '.join(told)}"
        return Drawing(stacked(blocks, WIDE, caption, "dashboard"))

    def _groups(self) -> list[list[PosterRun]]:
        """Runs that are drawn together: by themselves, or where they are overlaid by their kind."""
        groups: list[list[PosterRun]] = []
        for run in self.runs:
            together = (g for g in groups if g[0].sampled and g[0].like(run))
            found = next(together, None) if self.overlaid and run.sampled else None
            if found is None:
                groups.append([run])
            else:
                found.append(run)
        return groups

    def _network(
        self, time: float | None, episode: Episode, words: str, veiled: bool = False, hint: str = ""
    ) -> Drawing:
        above = [
            *self.runs[0].block(time, veiled),
            ([], WIDE, 4),
            paragraph(words, WIDE, "small strong"),
            ([], WIDE, 10),
        ]
        made = still(scene_of(episode), episode.architecture, episode, above=above, hint=hint)
        return Drawing(made)


def _sampled(trace: Trace) -> Iterator[Episode]:
    return (e for e in trace.episodes if e.is_scored)


def _heading(run: PosterRun) -> Block:
    words = (
        f'<text class="start" x="2" y="12"><tspan class="title">{escape(run.name)}</tspan>'
        f'<tspan class="small" dx="12">{escape(run.about)}</tspan></text>'
    )
    return [words], WIDE, 34
