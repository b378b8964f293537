"""How exactly a bandwidth limit is kept: bytes read from HDFS in every window of half a minute, against what may be."""

from __future__ import annotations

import json
from typing import Any

from benchmarks import contenders
from benchmarks.measured import OURS, launch
from benchmarks.pace import busiest, quietest
from benchmarks.results import say
from benchmarks.shapes import KIB, MIB, Shape, Size
from benchmarks.site import Site


def measure(site: Site, size: Size, _chosen: frozenset[str]) -> dict[str, Any]:
    """{"limit_bytes_s": ..., "window_s": 30, "large": {"busiest": 1.01, "quietest": 0.99, "mean": 1.0}, ...} of the limit."""
    limit, window_s = size.limit_mib_s * MIB, size.limit_window_s
    total = limit * size.limit_s
    shapes = (Shape("large", -(-total // (64 * MIB)), 64 * MIB), Shape("medium", -(-total // (1024 * KIB)), 1024 * KIB))
    return {"limit_bytes_s": limit, "window_s": window_s,
            "shapes": {shape.name: _measure(site, size, shape, limit) for shape in shapes}}  # fmt: skip


def _measure(site: Site, size: Size, shape: Shape, limit: int) -> dict[str, Any]:
    options = {"bandwidth": f"{size.limit_mib_s}MiB/s"}
    with site.filled("hdfs", shape) as source:
        target = site.fresh("s3")
        request = {"kind": "paced", "source": source.place, "target": target.place, "options": options}
        answer = json.loads(launch(OURS, env=contenders.environment(), given=json.dumps(request) + "\n")[1])
        site.check(target, shape)
        site.remove(target)
    reads, window_s = [(at, count) for at, count in answer["reads"]], size.limit_window_s
    allowed = limit * window_s
    first = sum(count for at, count in reads if at == 0)  # what the first read brought took no time of the limit's
    lasted = max(at for at, _ in reads)
    found = {
        "busiest": busiest(reads, window_s) / allowed,
        "quietest": quietest(reads, window_s) / allowed,
        "mean": (sum(count for _, count in reads) - first) / lasted / limit,
    }
    say(f"limit of {size.limit_mib_s} MiB/s, {shape.title}: {found}")
    return {"shape": shape.to_json(), "lasted_s": lasted, **{name: round(value, 4) for name, value in found.items()}}
