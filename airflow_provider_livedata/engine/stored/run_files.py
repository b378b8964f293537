"""Plans and reports of the runs of a sync, in a folder below ``.livedata`` of the place that keeps its state.

.livedata/<folder>/runs/<n>/plan.jsonl      the steps, one JSON object a line
.livedata/<folder>/runs/<n>/report.json     how it ended
.livedata/<folder>/dry/<ms>/...             the same of a dry run
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.told import Told

KEPT_RUNS = 30


class RunFiles:
    """The files of the runs of one sync."""

    def __init__(self, state: StateFolder, folder: str) -> None:
        self.state, self.folder = state, folder

    def next_run(self) -> int:
        """A number that no run has had."""
        return max(self._runs(), default=0) + 1

    def write_plan(self, where: str, lines: Iterable[dict[str, Any]]) -> tuple[str, str]:
        """Address and SHA-256 of the file that holds the steps."""
        data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        name = f"{self.folder}/{where}/plan.jsonl"
        self.state.write(name, data)
        return self.state.address(name), hashlib.sha256(data).hexdigest()

    def report_address(self, where: str) -> str:
        """Where the report of a run lies."""
        return self.state.address(f"{self.folder}/{where}/report.json")

    def write_report(self, where: str, report: Told) -> None:
        """Keep a report, which from then on knows its address and digest."""
        name = f"{self.folder}/{where}/report.json"
        self.state.write(name, report.seal(self.state.address(name)).encode())

    def tidy(self) -> None:
        """Remove all but the newest runs."""
        gone = set(sorted(self._runs())[:-KEPT_RUNS])
        if gone:
            self.state.remove(f"{self.folder}/runs", only=lambda name: _run_of(name) in gone)

    def _runs(self) -> set[int]:
        entries = self.state.files(f"{self.folder}/runs")
        return {number for entry in entries if (number := _run_of(entry.path)) is not None}


def _run_of(name: str) -> int | None:
    parts = name.split("/")
    return int(parts[2]) if len(parts) > 3 and parts[2].isdigit() else None
