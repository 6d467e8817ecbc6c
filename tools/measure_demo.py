"""Measures how long the demo takes, and keeps what it found.

Runs `enas-viz demo` in a process of its own, one thread. Its time goes to
`enas_viz/facts/measured.json`, from which the demo, README and notebook 00 take the minutes that
they promise; its figures go to `benchmarks/results/demo-SPACE.json`, from which README has its
table.

    python tools/measure_demo.py [macro] [micro]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from measure_recipes import TABLE, processor  # sets one thread, too

from enas_viz.records.trace import load_trace

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("spaces", nargs="*", default=["macro", "micro"], metavar="SPACE")
    for space in parser.parse_args().spaces:
        with tempfile.TemporaryDirectory() as folder:
            took = run(space, Path(folder) / "demo")
            found = figures(Path(folder) / "demo")
        table = json.loads(TABLE.read_text())
        table["demo"] = table.get("demo", {}) | {space: took}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
        about = {"what": f"What `enas-viz demo --space {space}` found, and how long it took."}
        text = json.dumps(about | found | took, indent=1) + "\n"
        (RESULTS / f"demo-{space}.json").write_text(text)
        print(space, took)


def run(space: str, folder: Path) -> dict[str, Any]:
    """Runs the demo; says how long it took, where and when."""
    load, begun = os.getloadavg()[0], time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "enas_viz", "demo", "--space", space, "--folder", str(folder)]
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return {
        "cpu_minutes": round(seconds / 60, 2),
        "minutes": round((time.monotonic() - begun) / 60, 2),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],  # before and after
        "device": processor(),
        "threads": 1,
        "date": str(date.today()),
    }


def figures(folder: Path) -> dict[str, Any]:
    """What the demo found, and the trace that it found it in."""
    trace = load_trace(folder)
    found = json.loads((folder / "results.json").read_text())
    for part in ("shared_weights", "alone"):
        found[part] = {name: rounded(value) for name, value in found[part].items()}
    return found | {"versions": trace.header.versions, "digest": trace.digest()}


def rounded(value: Any) -> Any:
    """Accuracies to four decimals, a p-value to three digits."""
    return [round(v, 4) for v in value] if isinstance(value, list) else float(f"{value:.3g}")


if __name__ == "__main__":
    main()
