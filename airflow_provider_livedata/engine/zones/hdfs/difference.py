"""What changed between two snapshots of HDFS, page by page where the NameNode can.

Created, deleted and modified entries come in pages; a deleted entry that was renamed names where it went. An entry may come
twice, since the NameNode begins a page anew within a directory. Source: HDFS-12594 and HDFS-16911, "SnapshotDiff".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_livedata.engine.errors import LiveDataError, Unsupported
from airflow_provider_livedata.engine.model import Change, Difference
from airflow_provider_livedata.engine.zones.hdfs.command import HdfsCommand
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs

PAGED, WHOLE, PRINTED = "in pages", "in one answer", "by the command hdfs snapshotDiff"
_UNKNOWN_OPERATION = frozenset({"IllegalArgumentException", "UnsupportedOperationException"})
_KINDS: dict[str, Any] = {"CREATE": "create", "DELETE": "delete", "MODIFY": "modify", "RENAME": "rename"}


def difference(
    control: WebHdfs, root: str, below: str, old: str, new: str, *, most: int, command: HdfsCommand | None = None
) -> Difference:
    """See ``SnapshotDifference``.

    Args:
        control: Of the cluster.
        root: Absolute path of the snapshottable directory.
        below: The location's path relative to it, "" when they are the same.
        old: Name of the older snapshot.
        new: Name of the newer one.
        most: See there.
        command: For where the NameNode tells no differences by WebHDFS.
    """
    address = f"{control.origin}{root}"
    for way, told in ((PAGED, _paged), (WHOLE, _whole)):
        try:
            found = _bounded(_located(told(control, root, old, new), below), most, address)
        except LiveDataError as error:
            if error.where.get("java_class") not in _UNKNOWN_OPERATION:
                raise
        else:
            return Difference(way, found)
    if command is not None:
        return Difference(PRINTED, _bounded(_located(command.difference(root, old, new), below), most, address))
    raise Unsupported("this NameNode has no snapshot differences by WebHDFS (Hadoop 3.1 or newer has), and no command hdfs "
                      "was found by PATH or HADOOP_HOME", address=address)  # fmt: skip


def _paged(control: WebHdfs, root: str, old: str, new: str) -> Iterator[Change]:
    path, index = "", -1
    while True:
        found = control.call("GETSNAPSHOTDIFFLISTING", root, oldsnapshotname=old, snapshotname=new,
                             snapshotdiffstartpath=path, snapshotdiffindex=index)  # fmt: skip
        page = found["SnapshotDiffReportListing"]
        yield from _changes(page)
        path, index = page.get("lastPath") or "", int(page.get("lastIndex", -1))
        if not path and index == -1:
            return


def _changes(page: dict[str, Any]) -> Iterator[Change]:
    for one in page.get("modifyList") or ():
        yield Change("modify", one["sourcePath"])
    for one in page.get("createList") or ():
        # What was moved here is told where it was moved from, but for what came from outside: so this is never left out.
        yield Change("create", one["sourcePath"])
    for one in page.get("deleteList") or ():
        target = one.get("targetPath")
        yield Change("rename", one["sourcePath"], target) if target else Change("delete", one["sourcePath"])


def _whole(control: WebHdfs, root: str, old: str, new: str) -> Iterator[Change]:
    found = control.call("GETSNAPSHOTDIFF", root, oldsnapshotname=old, snapshotname=new)
    for one in found["SnapshotDiffReport"].get("diffList") or ():
        yield Change(_KINDS[one["type"]], one.get("sourcePath") or "", one.get("targetPath") or "")


def _located(changes: Iterator[Change], below: str) -> Iterator[Change]:
    """Those of the location, by paths relative to it.

    Raises:
        Unsupported: The location itself, or a directory above it, was moved, made or deleted: then all of it may be other.
    """
    prefix = f"{below}/" if below else ""
    for change in changes:
        if change.kind != "modify" and any(
            path and prefix.startswith(f"{path}/") for path in (change.path, change.new_path)
        ):
            raise Unsupported("the location was moved or replaced between the snapshots", path=below)
        paths = [path[len(prefix) :] if path.startswith(prefix) else "" for path in (change.path, change.new_path)]
        if any(paths):
            yield Change(change.kind if paths[0] else "create", paths[0] or paths[1], paths[1] if paths[0] else "")


def _bounded(changes: Iterator[Change], most: int, address: str) -> tuple[Change, ...]:
    found: set[Change] = set()
    for change in changes:
        found.add(change)
        if len(found) > most:
            raise Unsupported(f"the snapshots differ in more than {most:,} entries", address=address)
    return tuple(found)
