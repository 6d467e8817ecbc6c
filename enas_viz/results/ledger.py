"""The ledger of results: run folders in, one Markdown page out, nothing edited by hand.

A final training that went to its end has one test figure, read once after its last epoch; the
ledger puts it beside the paper's where recipe and data are those of the paper's row, and elsewhere
with what differs where they are not. What has not been run says so, with an estimate of its time.

Not here: training (`enas_viz.search`), estimating (`estimates`).
Source of the paper's figures: Pham et al. 2018, table of CIFAR-10 results and section 3.3.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from enas_viz import commands
from enas_viz.facts.estimates import CPU, GPU, Device, estimate, tell_hours
from enas_viz.recipes import DATASETS, GUIDED_SKIPS, RECIPES, Recipe, recipe_from_json
from enas_viz.records.trace import Trace, load_trace, save_trace
from enas_viz.spaces import KINDS, Architecture
from enas_viz.spaces.published import ARCHITECTURES

HALF = ".half"  # ends the name of a copy under way
COMMITTED = "results"  # folder of the small copies from which RESULTS.md is made
KEPT = Path(__file__).parents[1] / "assets" / COMMITTED  # the same copies, shipped
TRACES = ("trace.jsonl.gz", "trace.jsonl")
OFFICIAL_TEST = DATASETS["cifar10"].test  # images
DATA_LABELS = {"cifar10": "CIFAR-10", "cifar10-jpeg": "CIFAR-10 (JPEG copy)"}
VARIANTS = ("", "-paper", "-released")  # a recipe as we advise it, with the paper's numbers, ...


@dataclass(frozen=True)
class Row:
    """A line that waits to be filled: by which recipes, and by searched or random networks.

    paper: its test error in percent, None where the paper has no such row.
    """

    what: str
    recipes: tuple[str, ...]
    random: bool = False
    paper: float | None = None


def _paper_row(what: str, recipe: str, error: float, random: bool = False) -> Row:
    return Row(what, tuple(recipe + v for v in VARIANTS), random, error)


PAPER = (
    _paper_row("ENAS macro", "macro-final", 4.23),
    _paper_row("ENAS macro, more channels", "macro-final-wide", 3.87),
    _paper_row("ENAS micro", "micro-final", 3.54),
    _paper_row("ENAS micro + CutOut", "micro-final-cutout", 2.89),
    _paper_row("guided random search, macro", "macro-final", 5.86, random=True),
    _paper_row("guided random search, micro", "micro-final", 6.77, random=True),
)
SMALL = (
    Row("macro", ("macro-final-cpu",)),
    Row("micro", ("micro-final-cpu",)),
    Row("micro + CutOut", ("micro-final-cutout-cpu",)),
    Row("guided random search, macro", ("macro-final-cpu",), random=True),
    Row("guided random search, micro", ("micro-final-cpu",), random=True),
)


@dataclass(frozen=True)
class FinalRun:
    """One final training, as its folder tells it. facts: what its `run.json` says."""

    folder: str
    recipe: Recipe
    facts: dict[str, Any]
    trace: Trace | None  # None: it has only just begun

    @property
    def seed(self) -> int:
        return self.facts["seed"]

    @property
    def finished(self) -> bool:
        return self.trace is not None and self.trace.result is not None

    @property
    def error(self) -> float:
        """Test error in percent."""
        return 100 * (1 - self.trace.result.accuracy)

    @property
    def standard_error(self) -> float:
        """Binomial standard error of `error` for the number of test images, in points."""
        return 100 * self.trace.result.standard_error

    @property
    def architecture(self) -> Architecture:
        """What was trained. ValueError when its `run.json` does not tell one."""
        return Architecture.from_json(self.facts["architecture"])

    @property
    def hours(self) -> float:
        return self.trace.seconds / 3600

    @property
    def started(self) -> str:
        return str(self.trace.header.clock.get("started", ""))

    @property
    def device(self) -> str:
        found = self.trace.header.device
        if "name" in found:
            return str(found["name"])
        threads = found.get("threads")
        told = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
        return f"{str(found.get('type', 'unknown')).upper()}{told}"

    @property
    def resolution(self) -> int:
        shape = self.trace.header.dataset.get("shape") or [self.recipe.data.resolution]
        return shape[-1]

    @property
    def official(self) -> bool:
        """Whether the images are CIFAR-10's own: those that the recipe downloads."""
        name = self.trace.header.dataset.get("name")
        return name == "cifar10" and not self.facts.get("data")

    @property
    def data(self) -> str:
        """The label of its images: a copy is never called by the name of the original."""
        name = str(self.trace.header.dataset.get("name", "unknown"))
        label = DATA_LABELS.get(name, name)
        if name in DATASETS and self.facts.get("data"):
            label = f"a folder or zip named {name}"
        pixels = self.resolution
        return label if pixels == 32 else f"{label}, {pixels}×{pixels} pixels"

    @cached_property
    def changed(self) -> tuple[str, ...]:
        return changed_fields(self.compared)

    @cached_property
    def compared(self) -> Recipe:
        """Its recipe as it is compared with others. How skips are wired belongs to the network
        that it trained, except where that was drawn at random by the recipe."""
        made, named = self.recipe, RECIPES.get(self.recipe.name)
        if named is None or self.how == "random":
            return made
        wired = dataclasses.replace(made.fidelity, skip_wiring=named.fidelity.skip_wiring)
        return dataclasses.replace(made, fidelity=wired)

    @cached_property
    def how(self) -> str:
        """Where its architecture comes from: published, derive, random, or given.

        Published is what equals a published one, whatever the folder says of itself.
        """
        if self.published:
            return "published"
        how = self.origin.get("how")
        return how if how in ("derive", "random") else "given"

    @cached_property
    def published(self) -> str:
        """The published name of its architecture, "" where it has none."""
        try:
            mine = self.architecture
        except (KeyError, TypeError, ValueError):
            return ""
        return next((name for name, known in ARCHITECTURES.items() if known == mine), "")

    @property
    def origin(self) -> dict[str, Any]:
        found = self.facts.get("architecture_from")
        return found if isinstance(found, dict) else {}

    @property
    def source(self) -> str:
        """`how` with what tells apart two runs of the same kind, their seeds left out."""
        if self.how == "published":
            return f"published (`{self.published}`)"
        if self.how == "derive":
            by = self.origin.get("made_by")
            others = f", with {', '.join(map(str, by.values()))}" if isinstance(by, dict) else ""
            stopped = f", unfinished ({told})" if (told := self.origin.get("unfinished")) else ""
            return (
                f"searched by `{self.origin.get('recipe', 'an unknown recipe')}`{others}{stopped}"
            )
        if self.how == "random" and "skip_rate" in self.origin:
            return f"random, skips with probability {self.origin['skip_rate']}"
        return self.how


def changed_fields(made: Recipe) -> tuple[str, ...]:
    """The fields in which a recipe differs from the one of its name; how to compute aside."""
    named = RECIPES.get(made.name)
    if named is None:
        return (f"no recipe of ours is called {made.name}",)
    mine, ours = _fields(made), _fields(named)
    return tuple(f"{k} {mine[k]} instead of {ours[k]}" for k in ours if mine[k] != ours[k])


# ---------------------------------------------------------------- reading folders


def read_runs(folders: Iterable[str | Path]) -> tuple[list[FinalRun], list[str]]:
    """(final trainings at or below `folders`, one line for each folder that is damaged).

    A folder that holds another kind of run is passed by, and so is one that is not there. A run
    that stands in two places (a kept copy) is told once.
    """
    runs: list[FinalRun] = []
    damaged: list[str] = []
    seen = set()
    for folder in _run_folders(folders):
        try:
            found = _read_run(folder)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            damaged.append(f"{folder.as_posix()} is left out: {told}")
            continue
        if found is None:
            continue
        mark = found.trace.digest() if found.finished else found.folder
        if mark not in seen:
            seen.add(mark)
            runs.append(found)
    return runs, damaged


def kept(where: str | Path = KEPT) -> list[FinalRun]:
    """The finished runs of which small copies are kept in a folder, by default those that the
    package ships: copies of the repository's folder `results`.

    Raises FileNotFoundError where there is no such folder.
    """
    if not Path(where).is_dir():
        raise FileNotFoundError(f"there is no folder {str(where)!r} with kept runs")
    return [run for run in read_runs([where])[0] if run.finished]


def _run_folders(folders: Iterable[str | Path]) -> Iterator[Path]:
    told = set()
    for top in map(Path, folders):
        for file in sorted(top.rglob("run.json")):
            if file.parent.suffix == HALF:  # a copy that was cut short
                continue
            if file.parent.resolve() not in told:
                told.add(file.parent.resolve())
                yield file.parent


def _read_run(folder: Path) -> FinalRun | None:
    """The final training in `folder`, None for another kind of run. ValueError when damaged."""
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    made = recipe_from_json(facts["recipe"])
    if made.searches:
        return None
    if type(facts.get("seed")) is not int:
        raise ValueError(f"the seed in its run.json is a whole number; got {facts.get('seed')!r}")
    trace = None
    if any((folder / name).exists() for name in TRACES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a run under way may be writing its last line
            trace = load_trace(folder)
    run = FinalRun(folder.as_posix(), made, facts, trace)
    if trace is not None:
        _check_same(run)
    return run


def _check_same(run: FinalRun) -> None:
    """Raises ValueError when a trace is not of the run that its folder says it is."""
    header, trace = run.trace.header, run.trace
    told = recipe_from_json({**header.recipe, "fidelity": header.fidelity})
    if _fields(told) != _fields(run.recipe) or header.seed != run.seed:
        raise ValueError("its trace is of another recipe or seed than its run.json")
    trained = header.extra.get("architecture")
    if trained is not None and _plain(trained) != _plain(run.facts["architecture"]["content"]):
        raise ValueError("its trace is of another architecture than its run.json")
    if by := header.extra.get("made_by"):
        named = ", ".join(map(str, by.values() if isinstance(by, dict) else [by]))
        raise ValueError(f"it was trained by code that is not enas_viz's own ({named})")
    done, epochs = len(trace.epochs), run.recipe.train.epochs
    if trace.result is None and (Path(run.folder) / TRACES[0]).exists():
        raise ValueError("its trace has ended without a result")
    if trace.result is not None and done != epochs:
        raise ValueError(f"its trace has a result after {done} of {epochs} epochs")


# ---------------------------------------------------------------- keeping small copies


def keep(folders: Iterable[str | Path], where: str | Path = COMMITTED) -> list[Path]:
    """Copies `run.json` and the trace of every finished run at or below `folders` to `where`.

    Each goes into a folder named by recipe, origin and seed; one that is there already is left as
    it is. Of the path of the images only the last part is kept, since it is of one machine.
    Raises ValueError when there is no finished run, or a folder is damaged.
    """
    runs, damaged = read_runs(folders)
    if damaged:
        raise ValueError(damaged[0])
    finished = [run for run in runs if run.finished]
    if not finished:
        raise ValueError(
            f"no finished final training in {', '.join(map(str, folders))}; `enas-viz train` and "
            f"`enas-viz reproduce` make some"
        )
    held = {run.trace.digest(): Path(run.folder) for run in read_runs([where])[0] if run.finished}
    made = []
    for run in finished:
        digest = run.trace.digest()
        if digest not in held:
            held[digest] = _copy(run, Path(where))
        made.append(held[digest])
    return made


def _copy(run: FinalRun, where: Path) -> Path:
    name = f"{run.recipe.name}-{run.how}-seed{run.seed}"
    target, number = where / name, 1
    while target.exists():
        number += 1
        target = where / f"{name}-{number}"
    half = where / f".{target.name}{HALF}"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    text = json.dumps(_without_places(run.facts), indent=1, allow_nan=False) + "\n"
    (half / "run.json").write_text(text, encoding="utf-8", newline="\n")
    packed = Path(run.folder) / TRACES[0]
    if packed.exists():
        shutil.copyfile(packed, half / TRACES[0])
    else:  # killed between its last record and packing
        save_trace(run.trace, half / TRACES[0])
    half.rename(target)
    return target


def _without_places(facts: Any) -> Any:
    """The facts of a run; of each path of images only the last part, since it is of one machine."""
    if not isinstance(facts, dict):
        return facts
    return {
        name: Path(value).name
        if name in ("data", "source") and isinstance(value, str)
        else _without_places(value)
        for name, value in facts.items()
    }


# ---------------------------------------------------------------- what counts for which row


@dataclass(frozen=True)
class Group:
    """Runs that differ in seeds only: one line of a table."""

    runs: tuple[FinalRun, ...]

    @property
    def error(self) -> str:
        """Mean test error in percent with its standard error, and where that comes from."""
        errors = [run.error for run in self.runs]
        mean = sum(errors) / len(errors)
        if len(errors) > 1:
            spread = sum((e - mean) ** 2 for e in errors) / (len(errors) - 1)
            if not spread:  # equal by chance: their mean is not known without an error
                return f"{mean:.2f} % ({len(errors)} runs, all equal)"
            return f"{mean:.2f} ± {math.sqrt(spread / len(errors)):.2f} % ({len(errors)} runs)"
        images, error = self.runs[0].trace.result.images, self.runs[0].standard_error
        return f"{mean:.2f} ± {error:.2f} % (1 run, binomial, {images} images)"

    def cells(self) -> list[str]:
        """Everything that stands right of a row's name and the paper's figure."""
        first = self.runs[0]
        source = first.source
        if first.how in ("derive", "random"):
            seeds = [run.origin.get("seed", "?") for run in self.runs]
            source += f" (seed {_each(seeds)})"
        return [
            f"`{first.recipe.name}`",
            self.error,
            _each(run.seed for run in self.runs),
            source,
            _each(f"{run.trace.result.parameters / 1e6:.3g} M" for run in self.runs),
            first.data,
            first.device,
            _each(run.started[:10] for run in self.runs),
            tell_hours(sum(run.hours for run in self.runs) / len(self.runs)),
            _each(run.trace.header.versions.get("commit", "unknown") for run in self.runs),
        ]


@dataclass(frozen=True)
class Sorted:
    """Runs by where they stand in the ledger."""

    paper: dict[Row, list[Group]]
    small: dict[Row, list[Group]]
    others: list[tuple[Group, str]]  # with what keeps them from the tables above
    under_way: list[FinalRun]


def sort_runs(runs: Sequence[FinalRun]) -> Sorted:
    """Puts every run into one place: a row of the paper's table, a small row, others, or under way.

    Of runs that differ in nothing but when and where they ran, only the latest counts.
    """
    finished = sorted((r for r in runs if r.finished), key=lambda run: run.started, reverse=True)
    paper: dict[Row, list[FinalRun]] = {row: [] for row in PAPER}
    small: dict[Row, list[FinalRun]] = {row: [] for row in SMALL}
    others: list[tuple[FinalRun, str]] = []
    counted = set()
    for run in finished:
        table, row, why = _place(run)
        mark = (
            _key(run),
            run.seed,
            json.dumps(run.facts.get("architecture"), sort_keys=True, allow_nan=False),
        )
        if row is not None and mark in counted:
            table, row, why = None, None, "the same run again; a later one counts"
        counted.add(mark)
        if row is None:
            others.append((run, why))
        else:
            {"paper": paper, "small": small}[table][row].append(run)
    return Sorted(
        {row: _grouped(found) for row, found in paper.items()},
        {row: _grouped(found) for row, found in small.items()},
        _others(others),
        [run for run in runs if not run.finished],
    )


def _place(run: FinalRun) -> tuple[str | None, Row | None, str]:
    """(table, row) of a finished run; where it fits none, what keeps it from the tables."""
    found = [
        (table, row)
        for table, rows in (("paper", PAPER), ("small", SMALL))
        for row in rows
        if run.recipe.name in row.recipes and row.random == (run.how == "random")
    ]
    if run.changed:
        return None, None, "; ".join(run.changed)
    if run.how == "given":
        return None, None, "an architecture given by hand"
    if not found:
        return None, None, "no row of the tables above"
    table, row = found[0]
    skips = KINDS[run.recipe.network.space].has_skips
    if run.how == "random" and skips and run.origin.get("skip_rate") != GUIDED_SKIPS:
        return None, None, f"not known to have skips with probability {GUIDED_SKIPS}"
    if table == "paper":
        images = run.trace.result.images
        if not run.official or run.resolution != 32 or images != OFFICIAL_TEST:
            return None, None, f"on {run.data} ({images} test images), not CIFAR-10's own"
    return table, row, ""


def _key(run: FinalRun) -> tuple[str, ...]:
    """What runs of one line have in common."""
    fields = json.dumps(_fields(run.compared), sort_keys=True, default=str, allow_nan=False)
    return (fields, run.source, run.data, run.device)


def _grouped(runs: Iterable[FinalRun]) -> list[Group]:
    found: dict[tuple[str, ...], list[FinalRun]] = {}
    for run in sorted(runs, key=lambda run: (run.recipe.name, run.source, run.seed, run.started)):
        found.setdefault(_key(run), []).append(run)
    return [Group(tuple(members)) for members in found.values()]


def _others(pairs: Sequence[tuple[FinalRun, str]]) -> list[tuple[Group, str]]:
    found = []
    for why in dict.fromkeys(why for _, why in pairs):
        found += [(group, why) for group in _grouped(r for r, w in pairs if w == why)]
    return sorted(found, key=lambda pair: (pair[0].runs[0].recipe.name, pair[1]))


# ---------------------------------------------------------------- the page


COLUMNS = (
    *("our recipe", "our test error", "seeds", "architecture", "parameters", "data"),
    *("device", "date", "hours", "commit"),
)


def render(runs: Sequence[FinalRun], command: str) -> str:
    """The whole page. command: the one that makes it, for those who would edit it by hand."""
    found = sort_runs(runs)
    parts = [
        "# Results",
        f"Generated by `{command}`; do not edit by hand.",
        "A test error is read once, after the last epoch, on test images that nothing else has "
        "seen. ± is one standard error: of the mean over runs or, for a single run, the binomial "
        "one from the number of test images. Hours are hours of training, per run.",
        "## The paper's table (CIFAR-10)",
        "The second column is what the paper reports, not a result of ours. A run of ours stands "
        "here only if no field of its recipe is changed and it was trained and tested on CIFAR-10 "
        "itself at 32×32 pixels; how it was computed (device, precision) may differ. Recipes that "
        "end in `-paper` have the paper's numbers, in `-released` those of the authors' code; each "
        "fills a line of its own.",
        _table(found.paper, GPU),
        _estimates(found.paper, GPU),
        "## Small versions for two cores",
        "The same steps on smaller images with smaller networks and fewer epochs. They are no "
        "reproduction of the paper's figures.",
        _table(found.small, CPU),
        _estimates(found.small, CPU),
    ]
    if found.others:
        head = ("what keeps it from the tables above", *COLUMNS)
        lines = [[why, *group.cells()] for group, why in found.others]
        parts += ["## Other runs", _markdown(head, lines)]
    if found.under_way:
        parts += ["## Under way", "\n".join(f"- {_progress(run)}" for run in found.under_way)]
    return "\n\n".join(part for part in parts if part) + "\n"


def command(folders: Iterable[str | Path], out: str | Path) -> str:
    """The command that makes a page from these folders (none: the usual ones)."""
    *named, page = (PurePosixPath(Path(path).as_posix()) for path in (*folders, out))
    return commands.command("results", *named, "--out", page)


def lines(runs: Sequence[FinalRun]) -> list[str]:
    """For a terminal: one line for each filled line of the page."""
    found = sort_runs(runs)
    named = [
        (f"{row.what} (paper: {row.paper:.2f} %)" if row.paper else row.what, group)
        for rows in (found.paper, found.small)
        for row, groups in rows.items()
        for group in groups
    ]
    named += [(f"other: {why}", group) for group, why in found.others]
    told = []
    for what, group in named:
        name, error, seeds, source, parameters, data, *_ = group.cells()
        told.append(
            f"{what}: {error}; {name.strip('`')}, seed {seeds}, {source}, {parameters}, {data}"
        )
    return told + [_progress(run) for run in found.under_way]


def _table(rows: dict[Row, list[Group]], device: Device) -> str:
    shown = []
    with_paper = any(row.paper is not None for row in rows)
    for row, groups in rows.items():
        name = [row.what] + ([f"{row.paper:.2f} %"] if with_paper else [])
        shown += [[*name, *group.cells()] for group in groups]
        if not groups:
            need = estimate(RECIPES[row.recipes[0]], device)
            told = f"not run yet: {device.needs(f'{tell_hours(need.hours)} {device.unit}')}"
            shown.append([*name, f"`{row.recipes[0]}`", told, *[""] * (len(COLUMNS) - 2)])
    head = ["result"] + (["paper's test error (not ours)"] if with_paper else [])
    return _markdown((*head, *COLUMNS), shown)


def _estimates(rows: dict[Row, list[Group]], device: Device) -> str:
    """How the times of the rows without a run were estimated."""
    missing = list(dict.fromkeys(row.recipes[0] for row, found in rows.items() if not found))
    if not missing:
        return ""
    told = f"How these times were estimated ({device.assumed}):"
    return "\n".join(
        [told, "", *(f"- `{name}`: {estimate(RECIPES[name], device).how}." for name in missing)]
    )


def _progress(run: FinalRun) -> str:
    done = 0 if run.trace is None else len(run.trace.epochs)
    return (
        f"{run.folder} (`{run.recipe.name}`, seed {run.seed}), under way: epoch {done} of "
        f"{run.recipe.train.epochs}"
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    shown = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in shown)


def _cell(text: str) -> str:
    """Text that stays in its cell, whatever a run's folder holds: one line, no bar."""
    return " ".join(text.split()).replace("|", "\\|")


# ---------------------------------------------------------------- helpers


def _fields(made: Recipe) -> dict[str, Any]:
    """What decides a recipe's result, by `part.field`: all but words, computing and recording."""
    found = {}
    for name, value in dataclasses.asdict(made).items():
        if name in ("about", "compute", "keep_steps", "record"):
            continue
        inner = value.items() if isinstance(value, dict) else [("", value)]
        found.update({f"{name}.{k}" if k else name: v for k, v in inner})
    return found


def _plain(content: Any) -> Any:
    """As JSON holds it: tuples become lists."""
    return json.loads(json.dumps(content, allow_nan=False))


def _each(values: Iterable[Any]) -> str:
    """All of them, or the one that they all are."""
    return ", ".join(dict.fromkeys(map(str, values)))
