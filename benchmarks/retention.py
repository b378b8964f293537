"""Which of very many backups stay, decided in a process of its own: seconds and the peak of its memory."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import contenders
from benchmarks.measured import OURS, launch
from benchmarks.results import say
from benchmarks.shapes import Size
from benchmarks.site import Site

POLICY = {
    "keep_last": 24, "keep_hourly": 48, "keep_daily": 30, "keep_weekly": 8, "keep_monthly": 24, "keep_yearly": -1,
    "keep_within": "7d", "timezone": "Europe/Berlin",
}  # fmt: skip
EVERY_MINUTES = 15


def measure(_site: Site, size: Size, _chosen: frozenset[str]) -> dict[str, Any]:
    """{"backups": 100000, "rules": 7, "kept": ..., "wall_s": ..., "cpu_s": ..., "peak_mib": ...}; seconds are those of the call."""
    backups = size.planned_entries // 10
    request = {"kind": "retention", "backups": backups, "policy": POLICY, "every_minutes": EVERY_MINUTES}
    _, said = launch(OURS, env=contenders.environment(), given=json.dumps(request) + "\n")
    found = {"backups": backups, "rules": len(POLICY) - 1, **json.loads(said)}
    say(f"{backups:,} backups decided in {found['wall_s']:.2f} s")
    return found
