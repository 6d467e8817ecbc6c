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
    "spaces": "",
    "spaces.operations": "",
    "space": "spaces.operations",
    "files": "",
    "commands": "",
    "openmp": "",
    "keys": "",
    "memory": "",
    "decoding": "space",
    "genotypes": "space",
    "published": "space decoding genotypes",
    "recipes": "space",
    "exercises": "space published recipes specimen anatomy",
    "questions": "exercises space",
    "watching": "trace",
    "trace": "space files",
    "specimen": "space files",
    "inside": "space files",
    "sampler": "space trace recipes",
    "policy": "space files trace recipes keys sampler",
    "inheritance": "space trace recipes",
    "turns": "space files recipes trace inheritance",
    "cost": "space recipes",
    "anatomy": "space recipes cost",
    "limits": "space recipes",
    "following": "recipes",
    "ranking": "space files recipes",
    "measured": "recipes space",
    "estimates": "space recipes cost published measured",
    "ledger": "space commands recipes trace published estimates",
    # search writes traces: draws <- everything; ops <- supernet <- train <- enas <- the rest
    "search.draws": "keys",
    "search.asked": "recipes",
    "search.checkpoint": "files",
    "search.augment": "CORE search.draws",
    "search.images": "",
    "search.folders": "search.images",
    "search.data": "CORE files search.asked search.draws search.augment search.images "
    "search.folders",
    "search.sizes": "CORE search.data",
    "search.ops": "CORE search.draws",
    "search.own_operations": "CORE search.ops",
    "search.lstm": "CORE sampler search.asked search.draws",
    "search.macro_controller": "CORE search.draws search.lstm",
    "search.micro_controller": "CORE search.draws search.lstm",
    "search.controller": "CORE enas_viz search.asked search.lstm search.macro_controller "
    "search.micro_controller",
    "search.diagnostics": "CORE search.controller",
    "search.macro_supernet": "CORE search.asked search.draws search.ops",
    "search.micro_supernet": "CORE search.asked search.draws search.ops",
    "search.child": "CORE search.asked search.draws search.ops",
    "search.supernet": "CORE search.asked search.ops search.macro_supernet search.micro_supernet",
    "search.ranks": "",
    "search.train": "CORE search.data search.draws search.ops search.child search.ranks "
    "search.supernet",
    "search.weights": "CORE search.draws search.data search.ranks search.sizes search.train",
    "search.enas": "CORE BENCH inheritance search.controller search.lstm search.ranks search.sizes "
    "search.train search.weights",
    "search.alone": "CORE BENCH search.train",
    "search.candidates": "CORE BENCH search.alone search.controller search.train search.enas "
    "memory search.asked search.maker search.terms",
    "search.seat": "CORE sampler search.draws search.controller search.candidates search.enas "
    "search.lstm search.asked search.terms",
    "search.microscope": "CORE specimen search.draws search.controller search.enas search.train",
    "search.dissection": "CORE sampler search.draws search.controller search.enas search.seat "
    "search.terms",
    "search.inside": "CORE inside search.draws search.asked search.terms search.candidates "
    "search.enas search.micro_supernet search.ops search.sizes search.train",
    "search.turns": "CORE inheritance sampler turns search.draws search.alone search.asked "
    "search.controller search.enas search.strategies search.terms search.train",
    "search.final": "CORE BENCH search.child search.ranks search.train search.weights",
    "search.maker": "",
    "search.terms": "CORE search.asked search.data",
    "search.strategies": "CORE BENCH enas_viz memory ranking search.child search.controller "
    "search.ranks search.train search.enas search.final search.checkpoint search.maker "
    "search.terms",
    "search.policy": "CORE policy search.checkpoint search.controller search.maker "
    "search.strategies search.terms search.train",
    "search.reproduction": "CORE following estimates ledger ranking search.candidates "
    "search.strategies search.checkpoint search.ranks",
    "search": "search.* openmp",
    # view reads traces: graph <- layouts <- scene <- shapes <- svg <- curves <- timeline <- export
    "view.graph": "LOOK",
    "view.layout": "LOOK view.graph",
    "view.micro_layout": "LOOK view.layout",
    "view.given": "LOOK published",
    "view.scene": "LOOK view.given view.graph PLACES",
    "view.shapes": "PLACES spaces.operations view.scene",
    "view.macro_svg": "LOOK PLACES view.scene view.shapes",
    "view.micro_svg": "LOOK PLACES view.scene view.shapes",
    "view.stack": "LOOK PLACES view.given view.scene view.shapes",
    "view.svg": "LOOK PLACES view.scene view.shapes view.macro_svg view.micro_svg view.stack",
    "view.pack": "LOOK",
    "view.clear": "view.shapes",
    "view.curves": "LOOK view.graph view.scene view.shapes",
    "view.timeline": "LOOK view.given view.graph view.scene view.svg view.curves view.pack",
    "view.chapters": "LOOK view.scene view.curves",
    "view.board": "LOOK view.given view.scene view.svg view.curves view.pack",
    "view.sharing_svg": "LOOK PLACES inheritance view.scene view.shapes",
    "view.sharing": "LOOK inheritance view.scene view.shapes view.pack view.sharing_svg",
    "view.closeup": "LOOK view.graph view.scene view.shapes",
    "view.step_closeup": "LOOK view.scene view.shapes",
    "view.scores": "view.shapes",
    "view.motion": "",
    "view.loop_nets": "LOOK view.motion view.scene view.shapes",
    "view.loop": "LOOK turns estimates view.loop_nets view.motion view.scene view.shapes",
    "view.compass": "LOOK specimen view.scene view.shapes",
    "view.stage": "LOOK view.scene view.shapes view.svg view.curves view.timeline view.chapters",
    "view.reel": "view.shapes view.stage",
    "view.child": "inside space view.scene view.shapes",
    "view.repaint": "",
    "view.animation": "files",
    "view.export": "LOOK files view.clear view.graph view.scene view.shapes view.stack view.svg "
    "view.curves "
    "view.timeline view.closeup view.step_closeup view.scores view.animation "
    "view.stage view.reel view.repaint",
    "view.poster": "LOOK view.scene view.svg view.curves view.timeline view.export",
    "view.gallery": "LOOK inside published turns view.given view.scene view.shapes view.stack "
    "view.child view.timeline view.loop view.motion view.board view.poster view.export",
    "view": "view.*",
    # widgets show what view draws: base <- each of them; none imports another
    "widgets.base": "",
    "widgets.replay": "LOOK policy view.* widgets.base",
    "widgets.dashboard": "LOOK view.* widgets.base",
    "widgets.editor": "LOOK anatomy view.* widgets.base widgets.replay",  # a replay with a desk
    "widgets.microscope": "LOOK specimen view.* widgets.base",
    "widgets.exercise": "LOOK exercises questions view.* widgets.base",
    "widgets.lens": "LOOK view.* widgets.base",
    "widgets.child": "inside view.* widgets.base",
    "widgets.loop": "LOOK turns view.* widgets.base",
    "widgets.shared_weights": "LOOK view.* widgets.base",
    "widgets": "widgets.*",
    # the doors
    "enas_viz": "CORE exercises inside limits policy specimen turns watching view.* widgets.*",
    # the website of the course: its pages <- build, from the notebooks, the gallery, the source
    "site.shell": "",
    "site.reference": "enas_viz",
    "site.running": "widgets.base",
    "site.notebook": "site.running",
    "site.build": "files view.gallery view.shapes site.shell site.reference site.running "
    "site.notebook",
    "site": "site.*",
    # the command line: options, progress <- one file per group of commands <- entry
    "cli.options": "CORE enas_viz",
    "cli.progress": "CORE ledger watching",
    "cli.looking": "COMMAND cli.options",
    "cli.searching": "COMMAND cli.options cli.progress",
    "cli.training": "COMMAND cli.options cli.progress",
    "cli.demo": "COMMAND cli.options cli.progress estimates measured",
    "cli.entry": "enas_viz commands memory cli.*",
    "cli": "cli.entry",
    "__main__": "cli",
}
GROUPS = {
    "CORE": "space files commands published recipes trace cost",
    "LOOK": "space trace recipes cost limits",
    "PLACES": "view.layout view.micro_layout",
    "COMMAND": "CORE following ranking estimates ledger enas_viz view.* widgets.* site.*",
    "BENCH": "search.draws search.data search.ops search.supernet",
}
INSIDE_FUNCTIONS = {
    f"cli.{name}": "search.*" for name in ("progress", "searching", "training", "demo")
} | {"widgets.child": "search.*"}  # only where it is given a run, to open it


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
            found |= {name, "spaces.operations"} if name == "space" else {name}
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

    assert by_text == ["enas_viz"]
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
from enas_viz.space import MacroSpace
class A:
    import enas_viz.cost
def f():
    from enas_viz.search import draws
    def g():
        import enas_viz.search.enas as e
    from enas_viz.space import MicroSpace
"""

    assert imports(source, "x") == {
        "enas_viz": False,
        "search": False,
        "space": False,
        "cost": False,
        "search.draws": True,
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
