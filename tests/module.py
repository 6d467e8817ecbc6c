"""Runs the widget's module under Node: what Python drew, JavaScript must tell."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from enas_viz.view.assets import module

BEFORE = """
import { readFileSync } from "node:fs";
const [modulePath, casePath] = process.argv.slice(2);
const source = readFileSync(modulePath).toString("base64");
const m = await import(`data:text/javascript;base64,${source}`);
const given = JSON.parse(readFileSync(casePath, "utf8"));
"""


def run_module(expression: str, given: Any, folder: Path, name: str = "replay.js") -> Any:
    """What a JavaScript expression over `m` (a widget's module) and `given` (JSON) says."""
    (folder / "given.json").write_text(json.dumps(given))
    (folder / name).write_text(module(name), encoding="utf-8")
    script = f"{BEFORE}console.log(JSON.stringify({expression}));\n"
    (folder / "run.mjs").write_text(script, encoding="utf-8")
    node = shutil.which("node")
    assert node, "Node.js is needed to run the widget's module"
    run = subprocess.run(
        [node, folder / "run.mjs", folder / name, folder / "given.json"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return json.loads(run.stdout)
