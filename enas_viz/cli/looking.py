"""The commands that only look: `recipes`, `replay`, `gallery`, `site`, `decode`. They import no
torch; cells of notebooks that `site` runs in a kernel may."""

from __future__ import annotations

import re
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

import enas_viz
from enas_viz.cli.options import UsageError, parse
from enas_viz.facts import estimates
from enas_viz.recipes import RECIPES
from enas_viz.records.files import check_folder, check_target, is_direct, write_text
from enas_viz.records.trace import load_trace
from enas_viz.view.export import check_saved
from enas_viz.view.scene import subject


@dataclass(frozen=True)
class ReplayOptions:
    """Make a page that replays a search, or one episode; it needs no network and no kernel."""

    trace: Positional[str]
    """A trace file, a run's folder, or the name of a trace that ships with enas_viz."""
    out: Path = Path("replay.html")
    """The file to write: .html, .svg, .png, or for slides an animation, .gif or .mp4."""
    episode: int | None = None
    """Serial number `n` of an episode in the trace, to replay it alone."""
    open: bool = False
    """Show it in the browser at once."""


@dataclass(frozen=True)
class GalleryOptions:
    """Make one page of all examples, recorded searches and published networks."""

    out: Path = Path("gallery/index.html")
    """The page to write, or the folder for its index.html."""
    notebooks: Path = Path("notebooks")
    """Folder of the notebooks to link to; without it, no links."""
    repository: str | None = None
    """OWNER/NAME on GitHub: the links then open the notebooks on Binder."""


@dataclass(frozen=True)
class SiteOptions:
    """Make a website of the course that plays offline: the notebooks, the gallery, the API."""

    out: Path = Path("site")
    """The folder to write. A site that is there is replaced; other files are not."""
    notebooks: Path = Path("notebooks")
    """Folder of the notebooks; a README.md beside it opens the site."""
    train: bool = True
    """Run the cells that need PyTorch, too. With --no-train they keep the outputs that the notebook
    has, their widgets as still pictures."""


@dataclass(frozen=True)
class DecodeOptions:
    """Explain an ENAS architecture that is given as a list, a published name or a genotype."""

    list: Positional[str]
    """Its numbers, bare or as the authors' program and scripts have them; a published name, such as
    enas-micro; or a DARTS genotype."""
    numbers: bool = False
    """Explain every number of the flat list, too."""
    wiring: Literal["layer", "code"] | None = None
    """How macro skip bits are read; by default layer, for the authors' prints, scripts and
    published lists code."""
    space: Literal["macro", "micro"] | None = None
    """When a length fits both."""
    ops: tuple[str, ...] = ()
    """Names of the operations that its numbers mean, where they are not the authors'."""
    out: Path | None = None
    """Draw it into this file, too (.svg, .png or .html)."""


def recipes_command(args: Sequence[str]) -> None:
    """List the recipes."""
    if args and args[0] not in ("-h", "--help"):
        raise UsageError(f"`enas-viz recipes` takes no arguments; got {args[0]!r}")
    width = max(map(len, RECIPES))
    for made in RECIPES.values():
        n, c, t = made.network, made.controller, made.train
        final = not made.searches
        print(f"{made.name:{width}} {made.about}")
        size = f"{made.cells} cells" if made.cells else f"{n.layers} layers"
        samples = "" if final else f", {c.updates} x {c.samples} controller samples an epoch"
        print(
            f"{'':{width}} {made.data.name}, {size}, {n.filters} filters, {t.epochs} epochs"
            f"{samples}\n"
            f"{'':{width}} {estimates.needs(made)}"
        )


def replay_command(args: Sequence[str]) -> None:
    """Make a page that replays a search, or an episode."""
    options = parse(ReplayOptions, args, "replay")
    check_saved(options.out)
    trace = load_trace(options.trace)
    shown, episode = trace, subject(trace)
    if options.episode is not None:
        by_number = {e.n: e for e in trace.episodes}
        if options.episode not in by_number:
            raise UsageError(f"the trace has no episode with n = {options.episode}")
        shown = episode = by_number[options.episode]
    written = enas_viz.save(shown, options.out)
    print(f"wrote {written}")
    if shown is trace and episode.is_scored:
        print(f"it shows episode {episode.n} first: {trace.best_of}")
    if options.open:
        webbrowser.open(Path(written).resolve().as_uri())


def gallery_command(args: Sequence[str]) -> None:
    """Make one page of all examples, searches and networks."""
    options = parse(GalleryOptions, args, "gallery")
    from enas_viz.view.gallery import gallery, notebook_links

    whole = options.out.suffix.lower() == ".html" or is_direct(options.out)
    written = options.out if whole else options.out / "index.html"
    check_folder(written.parent)
    if written.parent.exists():
        check_target(written)
    links = notebook_links(options.notebooks, written.parent, options.repository)
    page = gallery(links)
    written.parent.mkdir(parents=True, exist_ok=True)
    write_text(written, page)
    print(f"wrote {written}")


def site_command(args: Sequence[str]) -> None:
    """Make a website of the notebooks that plays offline."""
    options = parse(SiteOptions, args, "site")
    from enas_viz.site import build

    built = build(options.out, options.notebooks, train=options.train, say=print)
    stills = f", {built.stills} are stills" if built.stills else ""
    print(f"wrote {built.folder / 'index.html'}")
    print(
        f"{built.notebooks} notebooks, {built.live} widgets play{stills}; {built.size / 1e6:.1f} MB"
    )


def decode_command(args: Sequence[str]) -> None:
    """Say what a flat list or a genotype means."""
    # lines of the authors that begin like an option of ours; behind a space they are an argument
    args = [f" {a}" if re.match(r"--child_fixed_arc|-{2,}\s", a) else a for a in args]
    options = parse(DecodeOptions, args, "decode")
    from enas_viz.spaces.published import decode, explain, explain_numbers

    if options.out:
        check_saved(options.out)

    found = decode(options.list, options.space, options.wiring, options.ops)
    print(found.how)
    print(explain(found.architecture))
    if options.numbers:
        print("\nthe flat list, number by number (position, value, meaning):")
        print(explain_numbers(found.architecture))
    else:
        print("`--numbers` explains every number of the flat list")
    if options.out:
        print(f"wrote {enas_viz.save(found, options.out)}")
