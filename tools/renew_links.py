"""Writes at the end of every notebook where in the source its matter stands, line by line.

python tools/renew_links.py           # after code has moved
python tools/renew_links.py --check   # fails when a link leads elsewhere
"""

import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGINS = "*In the source:* "
PLACES = {
    "00_tour": ["trace:load_trace", "widgets/replay:Replay"],
    "01_macro_search": [
        *("space:MacroSpace", "search/macro_controller:MacroController"),
        *("search/macro_supernet:MacroSupernet", "search/enas:Enas.records"),
    ],
    "02_micro_search": [
        *("space:MicroSpace", "search/micro_controller:MicroController"),
        "search/micro_supernet:Cell",
    ],
    "03_controller": [
        *("search/lstm:LstmPolicy", "search/macro_controller:MacroController._walk"),
        *("search/micro_controller:MicroController._walk", "search/dissection:dissect"),
    ],
    "04_shared_weights": [
        *("search/macro_supernet:MacroSupernet", "search/micro_supernet:Cell"),
        *("search/enas:Enas._train_weights", "inheritance:count"),
    ],
    "05_reinforce": [
        *("search/enas:Enas._update_controller", "search/controller:ControllerOptimiser.reinforce"),
        "search/microscope:Exact",
    ],
    "06_run_a_search": [
        *("search/enas:Enas.records", "search/strategies:resume", "widgets/dashboard:Dashboard"),
    ],
    "07_results": [
        *("search/candidates:derive", "search/final:FinalTraining", "search/child:make_child"),
        "ledger:render",
    ],
    "08_design_your_own": ["anatomy:anatomy", "search/seat:ask", "widgets/editor:Editor"],
    "A_research_notes": ["search/microscope:Exact", "limits:Reach"],
}


def line_of(place: str) -> tuple[str, str, int]:
    """(path, name, line) of a class, function or method. KeyError when there is none."""
    module, _, name = place.partition(":")
    path = f"enas_viz/{module}.py"
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = {n.name: n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
        node = found[part]
        body = node.body
    return path, name, node.lineno


def told(places: list[str]) -> str:
    links = []
    for path, name, line in map(line_of, places):
        file = path.rpartition("/")[2]
        links.append(f"[{name} in {file}, line {line}](../{path}#L{line})")
    return BEGINS + ", ".join(links)


def main() -> None:
    stale = []
    for stem, places in PLACES.items():
        path = ROOT / "notebooks" / f"{stem}.ipynb"
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        last = next(c for c in reversed(notebook["cells"]) if c["cell_type"] == "markdown")
        lines = "".join(last["source"]).split("\n")
        while lines and (lines[-1].startswith(BEGINS) or not lines[-1].strip()):
            lines.pop()
        lines += ["", told(places)]
        last["source"] = "\n".join(lines).splitlines(keepends=True)
        made = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        if made != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(made, encoding="utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"links of {', '.join(stale)} lead elsewhere; run `python tools/renew_links.py`")
    print(f"links of {len(PLACES)} notebooks, {len(stale)} renewed")


if __name__ == "__main__":
    main()
