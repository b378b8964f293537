"""HDFS to S3 and back: ours beside rclone and DistCp, interleaved, each run into a place that was never used.

warm      ours, warm   ours, warm   ours   rclone                   does not count
round 1   ours, warm   ours   rclone   DistCp   read   write
round 2   ours   rclone   read   write   ours, warm                 the order turns; DistCp, being slow, and the floors run less often
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from benchmarks import contenders
from benchmarks.measured import Taken, Worker, beside
from benchmarks.results import say
from benchmarks.shapes import MIB, Shape, Size
from benchmarks.site import Site, Spot

DIRECTIONS = (("hdfs", "s3"), ("s3", "hdfs"))
FLOOR_THREADS = 16
Runs = dict[str, list[dict[str, float]]]


KEYS = [f"{source}-{target} {shape}" for shape in ("small", "medium", "large") for source, target in DIRECTIONS]


def measure(site: Site, size: Size, chosen: frozenset[str], keys: Collection[str] = frozenset(KEYS)) -> dict[str, Any]:
    """All shapes in both directions, or those of ``keys``: {"hdfs-s3 large": {"shape": ..., "runs": {"rclone": [...], ...}}, ...}."""
    found = {}
    for shape in size.shapes:
        for source_scheme, target_scheme in DIRECTIONS:
            key = f"{source_scheme}-{target_scheme} {shape.name}"
            if key in keys:
                copied = size.slow if (target_scheme, shape.name) == ("hdfs", size.slow.name) else shape
                with site.filled(source_scheme, copied) as source:
                    runs = compare(site, size, copied, source, target_scheme, chosen)
                found[key] = {"shape": copied.to_json(), "runs": runs}
    return found


def compare(site: Site, size: Size, shape: Shape, source: Spot, target_scheme: str, chosen: frozenset[str]) -> Runs:
    """One shape in one direction; first copies warm servers and worker, and do not count."""
    rounds = size.rounds_of(shape)
    turns = _turns(size, shape)
    with Worker(contenders.environment()) as worker:
        copies = _copies(site, shape, chosen, worker, from_hdfs=source.scheme == "hdfs")
        one(site, shape, source, target_scheme, copies["ours, warm"])
        runs: Runs = {name: [] for name in copies}
        for number in range(-size.warm_rounds, rounds):
            for name in turned(list(copies), number):
                if number in turns(name):
                    taken = one(site, shape, source, target_scheme, copies[name], is_copy=name != "read")
                    counts = "" if number >= 0 else ", which does not count"
                    say(f"{source.scheme} to {target_scheme}, {shape.title}: {name} {taken.wall_s:.2f} s{counts}")
                    runs[name] += [taken.to_json()] if number >= 0 else []
    return runs


def _turns(size: Size, shape: Shape) -> Callable[[str], range]:
    """The rounds in which a contender takes its turn; those before 0 warm."""
    quick, few = range(-size.warm_rounds, size.rounds_of(shape)), range(size.few_rounds)
    others = {"distcp": range(size.slow_rounds_of(shape)), "read": few, "write": few}
    return lambda name: others.get(name, quick)


def one(
    site: Site, shape: Shape, source: Spot, target_scheme: str, copy: contenders.Copy, *, is_copy: bool = True
) -> Taken:
    """One run into a fresh place, which is counted and removed."""
    target = site.fresh(target_scheme)
    try:
        site.settle()
        taken = beside(site.cpu_s, lambda: copy(source, target))
        if is_copy:
            site.check(target, shape)
    finally:
        site.remove(target)
        if source.scheme == "hdfs":
            site.forget_snapshots(source)
    return taken


def turned(names: list[str], by: int) -> list[str]:
    """The names from another one on, so that none is always the first."""
    start = by % len(names)
    return names[start:] + names[:start]


def warm(worker: Worker, options: dict[str, object] | None = None) -> contenders.Copy:
    """``replicate`` in a process that did it before."""

    def copy(source: Spot, target: Spot) -> Taken:
        return worker.ask("replicate", source=source.place, target=target.place, options=options or {})[0]

    return copy


def _copies(
    site: Site, shape: Shape, chosen: frozenset[str], worker: Worker, *, from_hdfs: bool
) -> dict[str, contenders.Copy]:
    is_small = shape.size_bytes < MIB
    files: dict[str, Any] = {"files": shape.files, "size_bytes": shape.size_bytes, "threads": FLOOR_THREADS}
    every: dict[str, Callable[[], contenders.Copy]] = {
        "ours, warm": lambda: warm(worker),
        "ours": contenders.ours,
        **({"ours, a file open": lambda: contenders.ours_beside_open(site)} if is_small and from_hdfs else {}),
        "rclone": lambda: contenders.rclone(site, shape),
        "distcp": lambda: contenders.distcp(site),
        "read": lambda: lambda source, _: worker.ask("read", zone=source.place, **files)[0],
        "write": lambda: lambda _, target: worker.ask("write", zone=target.place, **files)[0],
    }
    return {name: make() for name, make in every.items() if name not in ("rclone", "distcp") or name in chosen}
