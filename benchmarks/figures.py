"""What a measurement is made of: tasks measured in turns, and the rows of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Turns:
    """CPU-seconds of named tasks, each measured several times; `best` are the quickest turns."""

    best: dict[tuple[str, int], float] = field(default_factory=dict)

    def take(self, name: str, task: Callable[[], object], part: int = 0) -> None:
        """Measures one turn; part: which of several tasks that are summed under one name."""
        started = time.process_time()
        task()
        took = time.process_time() - started
        self.best[name, part] = min(took, self.best.get((name, part), took))

    def mean(self, name: str) -> float:
        found = [took for (known, _), took in self.best.items() if known == name]
        return sum(found) / len(found)


@dataclass
class Figures:
    """Rows of the table: what, its value with a unit, and what it is measured against."""

    rows: list[dict[str, str | float]] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, against: str = "", ratio: float = 0) -> None:
        self.rows.append(
            {"what": what, "value": value, "unit": unit, "against": against, "ratio": ratio}
        )
        told = f"{ratio:6.2f} x  {against}" if against else ""
        print(f"  {what:52} {value:10.4g} {unit:14} {told}", flush=True)

    def table(self) -> str:
        lines = ["| what | figure | against | ratio |", "|---|---|---|---|"]
        for r in self.rows:
            ratio = f"{r['ratio']:.2f}" if r["against"] else ""
            lines.append(
                f"| {r['what']} | {r['value']:.4g} {r['unit']} | {r['against']} | {ratio} |"
            )
        return "\n".join(lines) + "\n"
