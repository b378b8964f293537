"""A listing of a million entries, made as it is read, planned in a process of its own: seconds and the peak of its memory."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import contenders
from benchmarks.measured import OURS, launch
from benchmarks.results import say
from benchmarks.shapes import Size
from benchmarks.site import Site
from tests.services.scratch import Scratch


def measure(_site: Site, size: Size, _chosen: frozenset[str]) -> dict[str, Any]:
    """{"entries": 1000000, "wall_s": ..., "cpu_s": ..., "peak_mib": ...}."""
    scratch = Scratch("bench-plan")
    try:
        target = {"address": f"file://{scratch.path}/target", "options": {}}
        source = {"address": f"many://{size.planned_entries}/warehouse", "options": {}}
        request = {"kind": "replicate", "source": source, "target": target, "options": {"dry_run": True}}
        taken, said = launch(OURS, env=contenders.environment(), given=json.dumps(request) + "\n")
    finally:
        scratch.remove()
    planned = json.loads(said)["planned"]
    say(f"{planned:,} entries planned in {taken.wall_s:.1f} s with {taken.peak_mib:.0f} MiB")
    return {"entries": planned, **taken.to_json()}
