"""The plan of the house: who may import whom, read from the source, and what looking loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import enas_viz

PACKAGE = Path(__file__).parent.parent / "enas_viz"

# module: the modules of ours that it may import. A line names everything that is allowed, whether
# or not it is used today; "enas_viz" is the package's own door (its names and its version).
MAY_IMPORT = {
    # doors that hold nothing but a sentence
    "records": "",
    "facts": "",
    "results": "",
    "course": "",
    "search.training": "",
    "search.nets": "",
    "search.nets.macro": "",
    "search.nets.micro": "",
    "search.runs": "",
    # what can be decided: operations <- a space <- the two of them <- reading lists and names
    "spaces.operations": "",
    "spaces.architecture": "spaces.operations",
    "spaces.macro": "spaces.architecture spaces.operations",
    "spaces.micro": "spaces.architecture spaces.operations",
    "spaces": "spaces.architecture spaces.macro spaces.micro spaces.operations",
    "records.files": "",
    "commands": "",
    "openmp": "",
    "moved": "",
    "keys": "",
    "memory": "",
    "spaces.decoding": "spaces",
    "spaces.genotypes": "spaces",
    "spaces.published": "spaces spaces.decoding spaces.genotypes",
    # recipes: fidelity <- fields <- the named ones <- changing and checking
    "recipes.fidelity": "spaces",
    "recipes.fields": "spaces recipes.fidelity",
    "recipes.strategies": "recipes.fields",
    "recipes.catalogue": "spaces recipes.fidelity recipes.fields",
    "recipes.changing": "spaces recipes.strategies recipes.fidelity recipes.fields "
    "recipes.catalogue",
    "recipes": "recipes.fidelity recipes.fields recipes.catalogue recipes.changing",
    "course.exercises": "spaces spaces.published recipes facts.specimen facts.anatomy",
    "course.questions": "course.exercises spaces",
    "records.progress": "records.trace",
    "records.trace": "spaces records.files",
    "facts.specimen": "spaces records.files",
    "records.inside": "spaces records.files",
    "records.sampler": "spaces records.trace recipes",
    "records.policy": "spaces records.files records.trace recipes keys records.sampler",
    "records.training_counts": "spaces records.trace recipes",
    "records.turns": "spaces records.files recipes records.trace records.training_counts",
    "facts.cost": "spaces recipes",
    "facts.anatomy": "spaces recipes facts.cost",
    "facts.limits": "spaces recipes",
    "results.following": "recipes",
    "records.ranking": "spaces records.files recipes",
    "facts.measured": "recipes spaces",
    "facts.estimates": "spaces recipes facts.cost spaces.published facts.measured",
    "results.ledger": "spaces commands recipes records.trace spaces.published facts.estimates",
    # search writes traces: draws <- everything; ops <- supernet <- train <- enas <- the rest
    "search.training.draws": "keys",
    "search.asked": "recipes",
    "search.runs.checkpoint": "records.files",
    "search.training.augment": "CORE search.training.draws",
    "search.training.images": "",
    "search.training.folders": "search.training.images",
    "search.training.data": "CORE records.files search.asked search.training.draws "
    "search.training.augment search.training.images search.training.folders",
    "search.training.sizes": "CORE search.training.data",
    "search.nets.ops": "CORE search.training.draws",
    "search.nets.own_operations": "CORE search.nets.ops",
    "search.nets.lstm": "CORE records.sampler search.asked search.training.draws",
    "search.nets.macro.controller": "CORE search.training.draws search.nets.lstm",
    "search.nets.micro.controller": "CORE search.training.draws search.nets.lstm",
    "search.nets.controller": "CORE enas_viz search.asked search.nets.lstm search.nets.kinds",
    "search.diagnostics": "CORE search.nets.controller",
    "search.nets.fixed": "CORE",
    "search.nets.micro.cells": "CORE search.nets.ops",
    "search.nets.macro.supernet": "CORE search.asked search.training.draws search.nets.ops",
    "search.nets.micro.supernet": "CORE search.asked search.training.draws search.nets.ops "
    "search.nets.micro.cells",
    "search.nets.macro.child": "CORE search.asked search.training.draws search.nets.ops "
    "search.nets.fixed",
    "search.nets.micro.child": "CORE search.asked search.training.draws search.nets.ops "
    "search.nets.fixed search.nets.micro.cells",
    "search.nets.kinds": "CORE search.nets.macro.* search.nets.micro.*",
    "search.nets.child": "CORE search.asked search.nets.ops search.nets.fixed search.nets.kinds "
    "search.nets.macro.child search.nets.micro.child",
    "search.nets.supernet": "CORE search.asked search.nets.ops search.nets.kinds",
    "search.training.ranks": "",
    "search.training.step": "CORE search.training.data search.training.draws search.nets.ops "
    "search.nets.child search.training.ranks search.nets.supernet",
    "search.training.epochs": "CORE search.training.draws search.training.data "
    "search.training.ranks search.training.sizes search.training.step",
    "search.strategies": "",
    "search.judges": "",
    "search.strategies.strategy": "CORE",
    "search.strategies.random": "CORE keys search.strategies.strategy",
    "search.strategies.evolution": "CORE search.strategies.strategy search.strategies.random",
    "search.strategies.reinforce": "CORE search.nets.controller search.nets.lstm "
    "search.strategies.strategy search.training.draws search.training.step",
    "search.judges.judge": "CORE",
    "search.judges.table": "CORE search.judges.judge",
    "search.judges.rewards": "CORE",
    "search.judges.alone": "CORE BENCH search.judges.judge search.training.sizes "
    "search.training.step",
    "search.judges.shared": "CORE BENCH records.training_counts search.judges.judge "
    "search.training.epochs search.training.ranks search.training.sizes search.training.step",
    "search.judges.make": "CORE search.judges.* search.training.data search.training.ranks",
    "search.enas": "CORE search.judges.judge search.judges.make search.judges.rewards "
    "search.strategies.strategy search.training.data search.training.ranks",
    "search.runs.build": "CORE enas_viz search.enas search.final search.judges.judge "
    "search.judges.rewards search.nets.child search.runs.terms search.training.data "
    "search.training.ranks search.training.step",
    "search.runs.folder": "CORE search.runs.build search.runs.checkpoint search.runs.maker "
    "search.runs.terms search.training.ranks",
    "search.runs.run": "CORE memory records.ranking search.judges.judge search.judges.rewards "
    "search.judges.table "
    "search.runs.build search.runs.checkpoint search.runs.folder search.runs.maker "
    "search.runs.terms search.training.data search.training.ranks",
    "search.candidates": "CORE BENCH search.judges.alone search.nets.controller "
    "search.training.step search.enas memory search.asked search.runs.maker search.runs.terms "
    "search.strategies.strategy",
    "search.seat": "CORE records.sampler search.training.draws search.nets.controller "
    "search.candidates search.enas search.nets.lstm search.asked search.runs.terms",
    "search.microscope": "CORE facts.specimen search.training.draws search.nets.controller "
    "search.enas search.training.step",
    "search.dissection": "CORE records.sampler search.training.draws search.nets.controller "
    "search.enas search.seat search.runs.terms",
    "search.inside": "CORE records.inside search.training.draws search.asked search.runs.terms "
    "search.candidates search.enas search.nets.kinds search.nets.micro.cells "
    "search.nets.micro.supernet search.nets.ops "
    "search.training.sizes search.training.step",
    "search.turns": "CORE records.training_counts records.sampler records.turns "
    "search.training.draws search.judges.alone search.asked search.nets.controller search.enas "
    "search.runs.run search.runs.terms search.training.step search.runs.build "
    "search.strategies.strategy",
    "search.final": "CORE BENCH search.nets.child search.training.ranks search.training.step "
    "search.training.epochs",
    "search.runs.maker": "",
    "search.runs.terms": "CORE search.asked search.training.data",
    "search.runs.policy": "CORE records.policy search.runs.checkpoint search.nets.controller "
    "search.runs.maker search.runs.run search.runs.terms search.training.step search.runs.build "
    "search.runs.folder",
    "search.runs.reproduction": "CORE results.following facts.estimates results.ledger "
    "records.ranking search.candidates search.runs.run search.runs.checkpoint "
    "search.training.ranks search.runs.build search.runs.folder",
    "search": "search.* openmp",
    # view reads traces: graph <- layouts <- scene <- shapes <- kinds <- svg <- curves <- export
    "view.graph": "LOOK",
    "view.layout": "LOOK view.graph",
    "view.micro_layout": "LOOK view.layout",
    "view.given": "LOOK spaces.published",
    "view.scene": "LOOK view.given view.graph PLACES",
    "view.assets": "",
    "view.shapes": "PLACES spaces.operations view.scene view.assets",
    "view.macro_svg": "LOOK PLACES view.scene view.shapes",
    "view.micro_svg": "LOOK PLACES view.scene view.shapes",
    "view.slabs": "LOOK",
    "view.macro_stack": "LOOK PLACES view.shapes view.slabs",
    "view.micro_stack": "LOOK PLACES view.given view.scene view.shapes view.slabs",
    "view.sharing_svg": "",
    "view.macro_sharing": "LOOK PLACES view.shapes view.sharing_svg",
    "view.micro_sharing": "LOOK PLACES records.training_counts view.scene view.shapes "
    "view.sharing_svg",
    "view.child_picture": "records.inside view.shapes",
    "view.macro_child": "records.inside spaces view.child_picture view.shapes",
    "view.micro_child": "records.inside spaces view.child_picture view.scene view.shapes",
    "view.motion": "",
    "view.loop_nets": "LOOK view.motion view.scene view.shapes",
    # the kinds of space: what differs between them <- each <- their table <- whatever draws
    "view.drawings": "LOOK facts.anatomy view.loop_nets view.scene view.slabs",
    "view.macro": "KIND view.macro_child view.macro_sharing view.macro_stack view.macro_svg",
    "view.micro": "KIND view.micro_child view.micro_sharing view.micro_stack view.micro_svg",
    "view.kinds": "spaces view.drawings view.macro view.micro",
    "view.stack": "LOOK PLACES view.kinds view.scene view.shapes view.slabs",
    "view.svg": "LOOK view.kinds view.micro_svg view.scene view.shapes view.slabs view.stack",
    "view.pack": "LOOK",
    "view.clear": "view.shapes",
    "view.curves": "LOOK view.kinds view.scene view.shapes",
    "view.timeline": "LOOK view.given view.kinds view.scene view.svg view.curves view.pack",
    "view.chapters": "LOOK view.drawings view.kinds view.scene view.curves",
    "view.board": "LOOK view.given view.kinds view.scene view.svg view.curves view.pack",
    "view.sharing": "LOOK records.training_counts view.kinds view.scene view.shapes view.pack "
    "view.sharing_svg",
    "view.closeup": "LOOK view.graph view.scene view.shapes",
    "view.step_closeup": "LOOK view.scene view.shapes",
    "view.scores": "view.shapes",
    "view.loop": "LOOK records.turns facts.estimates view.kinds view.loop_nets view.motion "
    "view.scene view.shapes",
    "view.compass": "LOOK facts.specimen view.kinds view.shapes",
    "view.stage": "LOOK view.kinds view.scene view.shapes view.svg view.curves view.timeline "
    "view.chapters",
    "view.reel": "view.shapes view.stage",
    "view.child": "records.inside spaces view.child_picture view.kinds view.shapes",
    "view.repaint": "",
    "view.animation": "records.files",
    "view.export": "LOOK records.files view.clear view.given view.kinds view.graph view.scene "
    "view.shapes view.slabs view.stack view.svg view.curves view.timeline view.closeup "
    "view.step_closeup view.scores view.animation view.stage view.reel view.repaint",
    "view.poster": "LOOK view.scene view.svg view.curves view.timeline view.export",
    "view.gallery": "LOOK records.inside spaces.published records.turns view.given view.scene "
    "view.shapes view.stack view.child view.timeline view.loop view.motion view.board "
    "view.poster view.export",
    "view": "view.*",
    # widgets show what view draws: base <- each of them; an editor is a replay with a desk
    "widgets.base": "view.*",
    "widgets.replay": "LOOK records.policy view.* widgets.base",
    "widgets.dashboard": "LOOK view.* widgets.base",
    "widgets.editor": "LOOK facts.anatomy view.* widgets.base widgets.replay",
    "widgets.microscope": "LOOK facts.specimen view.* widgets.base",
    "widgets.exercise": "LOOK course.exercises course.questions view.* widgets.base",
    "widgets.lens": "LOOK view.* widgets.base",
    "widgets.child": "records.inside view.* widgets.base",
    "widgets.loop": "LOOK records.turns view.* widgets.base",
    "widgets.shared_weights": "LOOK view.* widgets.base",
    "widgets": "widgets.*",
    # the doors
    "enas_viz": "CORE moved course.exercises records.inside facts.limits records.policy "
    "facts.specimen records.turns records.progress view.* widgets.*",
    # the website of the course: its pages <- build, from the notebooks, the gallery, the source
    "site.shell": "",
    "site.reference": "enas_viz",
    "site.running": "widgets.base",
    "site.notebook": "site.running",
    "site.build": "records.files view.gallery view.shapes site.shell site.reference site.running "
    "site.notebook",
    "site": "site.*",
    # the command line: options, progress <- one file per group of commands <- entry
    "cli.options": "CORE enas_viz",
    "cli.progress": "CORE results.ledger records.progress",
    "cli.looking": "COMMAND cli.options",
    "cli.searching": "COMMAND cli.options cli.progress",
    "cli.training": "COMMAND cli.options cli.progress",
    "cli.demo": "COMMAND cli.options cli.progress facts.estimates facts.measured",
    "cli.entry": "enas_viz commands memory cli.*",
    "cli": "cli.entry",
    "__main__": "cli",
}
GROUPS = {
    "CORE": "spaces records.files commands spaces.published recipes records.trace facts.cost",
    "LOOK": "spaces records.trace recipes facts.cost facts.limits",
    "PLACES": "view.layout view.micro_layout",
    "KIND": "LOOK facts.anatomy view.drawings view.loop_nets view.scene view.shapes view.slabs",
    "COMMAND": "CORE results.following records.ranking facts.estimates results.ledger enas_viz "
    "view.* widgets.* site.*",
    "BENCH": "search.training.draws search.training.data search.nets.ops search.nets.supernet",
}
INSIDE_FUNCTIONS = {
    f"cli.{name}": "search.*" for name in ("progress", "searching", "training", "demo")
} | {
    "widgets.child": "search.*",  # only where it is given a run, to open it
    "search.strategies": "search.runs.*",  # names that were there before 0.2
}


def name_of(path: Path) -> str:
    """A module's name inside the package, as in the table: `search.enas`; a room is its door."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) or "enas_viz"


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def spelled(names: str) -> set[str]:
    """The modules that a line of the table names."""
    found = set()
    for name in names.split():
        if name in GROUPS:
            found |= spelled(GROUPS[name])
        elif name.endswith(".*"):
            room = name.removesuffix(".*")
            found |= {m for m in FILES if m == room or m.startswith(f"{room}.")}
        else:  # whoever may import the spaces may import what they are built from
            beside = {
                "spaces": "spaces.operations",
                "recipes": "recipes.strategies",
                "view.shapes": "view.assets",
            }
            found |= {name, beside.get(name, name)}
    return found


def imports(source: str, name: str) -> dict[str, bool]:
    """The modules of ours that `source` imports, and whether only inside functions."""
    found: dict[str, bool] = {}

    def walk(node: ast.AST, inside: bool) -> None:
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for module in modules(node, name):
            found[module] = found.get(module, True) and inside
        for child in ast.iter_child_nodes(node):
            walk(child, inside)

    walk(ast.parse(source), False)
    return found


def modules(node: ast.AST, name: str) -> set[str]:
    """The modules of ours that one statement names, as in the table."""
    if isinstance(node, ast.Import):
        wanted = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{name} imports relatively; write the module's whole name"
        wanted = [f"{node.module}.{alias.name}" for alias in node.names]  # a module, or its name
    else:
        return set()
    return {nearest(full) for full in wanted if full.split(".")[0] == "enas_viz"}


def nearest(full: str) -> str:
    """The module that holds `full`, which is a module itself or a name inside one."""
    inner = full.removeprefix("enas_viz").removeprefix(".")
    while inner and inner not in FILES:
        inner = inner.rpartition(".")[0]
    return inner or "enas_viz"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


# ---- the table


def test_every_module_has_a_line_in_the_table_and_every_line_a_module():
    assert set(MAY_IMPORT) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_module_imports_only_what_its_room_may(name):
    allowed = spelled(MAY_IMPORT.get(name, ""))
    later = spelled(INSIDE_FUNCTIONS.get(name, ""))

    found = imports(FILES[name].read_text(encoding="utf-8"), name)

    wrong = {m for m, inside in found.items() if m not in allowed and not (inside and m in later)}
    assert not wrong, f"{name} may not import {', '.join(sorted(wrong))}"


def test_names_are_imported_by_text_only_at_the_door_and_only_from_rooms_that_look():
    by_text = [n for n, path in FILES.items() if "import_module" in path.read_text("utf-8")]

    assert by_text == [
        "enas_viz",
        "moved",
        "recipes.strategies",
        "search",
        "search.strategies.strategy",
    ]
    assert set(enas_viz._HOMES.values()) <= spelled(MAY_IMPORT["enas_viz"])


def test_the_table_holds_no_circle():
    left = {name: spelled(line) & set(FILES) - {name} for name, line in MAY_IMPORT.items()}
    for door in (
        "enas_viz",
        "search",
        "view",
        "widgets",
        "cli",
    ):  # doors hold names, resolved later
        left.pop(door)
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        assert free, f"a circle among {', '.join(sorted(left))}"
        left = {name: needs for name, needs in left.items() if name not in free}


def test_looking_never_leads_to_torch_by_the_table():
    for name, line in MAY_IMPORT.items():
        if not name.startswith("search"):
            assert not {m for m in spelled(line) if m.startswith("search")}, name


@pytest.mark.parametrize("name", [n for n in FILES if n.partition(".")[0] != "search"])
def test_only_search_names_torch(name):
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    roots = {
        full.partition(".")[0]
        for node in ast.walk(tree)
        for full in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert not roots & {"torch", "torchvision", "accelerate", "safetensors", "sklearn"}


def test_imports_are_found_wherever_they_hide():
    source = """
import enas_viz
from enas_viz import search
from enas_viz.spaces import MacroSpace
class A:
    import enas_viz.facts.cost
def f():
    from enas_viz.search.training import draws
    def g():
        import enas_viz.search.enas as e
    from enas_viz.spaces import MicroSpace
"""

    assert imports(source, "x") == {
        "enas_viz": False,
        "search": False,
        "spaces": False,
        "facts.cost": False,
        "search.training.draws": True,
        "search.enas": True,
    }


# ---- what looking loads


@pytest.mark.parametrize(
    "code",
    [
        "",
        "ev.load_trace('macro-tiny')",
        "ev.draw(ev.load_trace('article-macro').last)",
        "ev.Replay(ev.load_trace('macro-tiny').best)",
        "ev.load_policy('micro-cifar10-cpu').controller('final')()",
        "ev.decode('0 3 1'), ev.recipe('macro-tiny')",
        "[getattr(ev, name) for name in ev.__all__]",
    ],
    ids=["import", "load_trace", "draw", "Replay", "load_policy", "decode", "every name"],
)
def test_looking_loads_no_torch(code):
    run(f"import sys, enas_viz as ev\n{code}\nassert 'torch' not in sys.modules")


def test_the_import_itself_loads_nothing_but_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import enas_viz\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )

    assert set(run(code).split()) - sys.stdlib_module_names == {"enas_viz"}


def test_a_name_that_is_not_there_is_refused_and_the_others_are_listed():
    assert {"Replay", "load_trace", "__version__"} <= set(dir(enas_viz))
    with pytest.raises(AttributeError, match="'enas_viz' has no attribute 'serach'"):
        _ = enas_viz.serach
