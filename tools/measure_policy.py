"""Measures whether finished searches learned: their policies against chance, under shared weights.

For each run: 200 samples of the policy, and 200 architectures by chance (macro: at the policy's own
skip rate), all on the whole validation split with the run's shared weights.

    python tools/measure_policy.py NAME runs/a runs/b ... [--data PATH] [--device cuda] [--append]
"""

import argparse
import json
import math
from datetime import date
from pathlib import Path

from enas_viz.facts.measured import TABLE
from enas_viz.records.trace import load_trace
from enas_viz.search import candidates
from enas_viz.search.runs.folder import read_run
from enas_viz.search.runs.run import restore

SAMPLES = 200
RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="of the file in benchmarks/results/")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--data", help="the images, where the run does not know its own any more")
    parser.add_argument("--device", default="cpu", help="that scores: auto, cpu, cuda, ...")
    parser.add_argument("--append", action="store_true", help="to the rows that the file has")
    parser.add_argument("--busy", action="store_true", help="other programs ran: no estimate")
    options = parser.parse_args()
    path = RESULTS / f"{options.name}.json"
    rows = json.loads(path.read_text())["rows"] if options.append else []
    for folder in options.folders:
        trace = load_trace(folder)
        compared = candidates.compare_shared(
            restore(folder, device=options.device, data=options.data), SAMPLES
        )
        policy, chance = map(candidates.mean_and_error, (compared.first, compared.second))
        error = math.hypot(policy[1], chance[1])
        rows.append(
            {
                "seed": read_run(folder)["seed"],
                "policy": [round(v, 5) for v in policy],
                "chance": [round(v, 5) for v in chance],
                "standard_errors": round((policy[0] - chance[0]) / error, 1),
                "minutes": round(trace.seconds / 60, 1),
                "episodes": len(trace.episodes),
                "started": trace.header.clock["started"],
                "digest": trace.digest(),
                **({"busy": True} if options.busy else {}),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    header = load_trace(options.folders[0]).header.to_json()
    kept = {name: header[name] for name in ("recipe", "dataset", "device", "versions")}
    about = {"what": __doc__.partition("\n")[0], "samples": SAMPLES, "date": str(date.today())}
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "rows": rows, **kept}, indent=1) + "\n")
    print(f"wrote {path}")
    table = json.loads(TABLE.read_text())  # which estimates are made from
    of = {part: kept["recipe"][part] for part in ("data", "network", "controller", "train")}
    if minutes := [row["minutes"] for row in rows if not row.get("busy")]:
        table["searches"][options.name] = {"minutes": minutes, "date": about["date"], "of": of}
        TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
