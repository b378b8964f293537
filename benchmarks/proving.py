"""What proof costs: the engine as it is beside the same engine without checksums (benchmarks/unproved.py), HDFS to S3."""

from __future__ import annotations

from typing import Any

from benchmarks import contenders
from benchmarks.copies import one, turned, warm
from benchmarks.measured import Worker
from benchmarks.results import say
from benchmarks.shapes import Size
from benchmarks.site import Site


def measure(site: Site, size: Size, _chosen: frozenset[str]) -> dict[str, Any]:
    """Warm calls of both, interleaved: {"large": {"shape": ..., "runs": {"proved": [...], "unproved": [...]}}, ...}."""
    found: dict[str, Any] = {}
    with Worker(contenders.environment()) as proved, Worker(contenders.environment()) as unproved:
        unproved.ask("unprove")
        copies = {"proved": warm(proved), "unproved": warm(unproved)}
        for shape in size.shapes:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in copies}
            with site.filled("hdfs", shape) as source:
                for number in range(size.rounds + 1):  # the first round warms, and does not count
                    for name in turned(list(copies), number):
                        taken = one(site, shape, source, "s3", copies[name])
                        say(f"{shape.title}: {name} {taken.wall_s:.2f} s")
                        runs[name] += [taken.to_json()] if number else []
            found[shape.name] = {"shape": shape.to_json(), "runs": runs}
    return found
