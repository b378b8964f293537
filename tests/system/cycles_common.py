"""Cycle after cycle on a location that two users keep changing: after each, a target is exactly the snapshot that it names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from airflow_provider_livedata.engine import ReplicateOptions, Report, replicate
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from tests.services.writer import KINDS, done_so_far, start_writer, stop_writer
from tests.system.conftest import Contents, Place, hdfs_place, s3_place

if TYPE_CHECKING:
    from tests.services.hdfs import HdfsCluster
    from tests.services.s3 import MotoServer, S3Server

ALL = ReplicateOptions(max_delete_ratio=1.0)
PACE = 40.0  # operations a second of each writer
MORE_CYCLES = 100  # at most, for what the writers did not come to yet
KEPT = {"hdfs": ("owner", "group", "mode", "acl", "mtime_ms"), "file": ("mode", "mtime_ms"), "s3": ()}


def three_targets(
    cluster: HdfsCluster, directory: str, server: S3Server | MotoServer, bucket: str, local: Path
) -> list[Place]:
    """A directory of the same HDFS, a prefix on S3, a local directory."""
    return [hdfs_place(cluster, f"{directory}/target"), s3_place(server, bucket), Place(f"file://{local}/target", {})]


def campaign(
    cluster: HdfsCluster,
    source: Place,
    path: str,
    targets: list[Place],
    logs: Path,
    *,
    cycles: int,
    seed: int,
    times: bool = True,
) -> Counter[str]:
    """Run the cycles towards all targets while two writers are at work; what the writers did.

    There are more of them where the writers have not carried out an operation of each kind by then: short cycles leave little time.
    """
    before = _children()
    writers = [start_writer(cluster.uri, path, logs / f"writer{n}.log", seed=seed * 2 + n, pace=PACE) for n in range(2)]
    try:
        for cycle in range(cycles + MORE_CYCLES):
            if cycle >= cycles and done_so_far(writers).keys() >= set(KINDS):
                break
            for target in targets:
                report = one_cycle(source, target, times=times)
                assert report.found_by.startswith("difference of snapshots" if cycle else "listings"), report.found_by
        done = sum((stop_writer(writer) for writer in writers), Counter[str]())
    finally:
        for writer in writers:
            writer.kill()
    for target in targets:  # and once all is quiet nothing is left unsettled
        report = one_cycle(source, target, times=times)
        assert report.unsettled == 0 or one_cycle(source, target, times=times).unsettled == 0
    assert _children() == before
    return done


def one_cycle(source: Place, target: Place, *, times: bool = True) -> Report:
    """Replicate, and compare what the target holds with what the snapshot of its checkpoint holds."""
    from_zone, to_zone = source.open(), target.open()
    report = replicate(from_zone, to_zone, ALL)
    compare(from_zone, to_zone, times=times)
    from_zone.close()
    to_zone.close()
    return report


def compare(source: Zone, target: Zone, *, times: bool = True) -> None:
    """Names, kinds, bytes and kept attributes, but of files that were being written at the snapshot.

    ``times`` False: HDFS that freezes open files does not tell that one was closed without another byte, which set its time.
    """
    state = StateFolder(target)
    checkpoint = checkpoints.latest(state)
    assert checkpoint is not None
    (snapshot,) = [one for one in source.snapshots() if one.name == checkpoint.snapshot]  # type: ignore[attr-defined]
    frozen = source.at(snapshot)  # type: ignore[attr-defined]
    about, unsettled = f"{checkpoint.snapshot} at {target.address}", frozenset(checkpoint.unsettled)
    wanted, found = contents(frozen, unsettled), contents(target, unsettled)
    assert {path: data is None for path, data in found.items()} == {
        path: data is None for path, data in wanted.items()
    }, about
    assert [path for path, data in wanted.items() if found[path] != data] == [], about
    settled = [one for one in frozen.scan() if one.path not in unsettled]
    kept, all_kept = KEPT[target.address.scheme], ("size_bytes", *KEPT["hdfs"])
    if not times:
        kept, all_kept = (tuple(name for name in names if name != "mtime_ms") for names in (kept, all_kept))
    rows = {row.entry.path: row.entry for row in checkpoints.manifest(state, checkpoint)}
    assert rows.keys() == wanted.keys(), about
    assert different(settled, {one.path: one for one in target.scan()}, kept) == {}, about
    assert different(settled, rows, all_kept) == {}, about


def contents(zone: Zone, unread: frozenset[str]) -> Contents:
    """All paths with their bytes, None for directories, nothing for those that are not to be read."""
    found: Contents = {}
    for entry in zone.scan():
        if entry.path in unread:
            found[entry.path] = b""
            continue
        data = bytearray(entry.size_bytes)
        if entry.size_bytes:
            assert zone.read_into(entry.path, 0, memoryview(data)) == len(data)
        found[entry.path] = None if entry.kind == "directory" else bytes(data)
    return found


def different(wanted: list[Entry], found: dict[str, Entry], names: tuple[str, ...]) -> dict[str, object]:
    """Paths whose entries differ in one of the names, with both sides."""
    pairs = {one.path: (_kept(one, names), _kept(found[one.path], names)) for one in wanted}
    return {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}


def _kept(entry: Entry, names: tuple[str, ...]) -> dict[str, object]:
    # HDFS does not tell of a directory's time when entries came and went below.
    return {name: getattr(entry, name) for name in names if entry.kind == "file" or name != "mtime_ms"}


def _children() -> set[int]:
    return {one.pid for one in psutil.Process().children(recursive=True)}
