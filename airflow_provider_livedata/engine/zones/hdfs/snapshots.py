"""Native snapshots of a location: of itself where that is allowed, else of a directory above it."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    PathMissing,
    PermissionRefused,
    SnapshotRefused,
)
from airflow_provider_livedata.engine.model import Difference, Snapshot
from airflow_provider_livedata.engine.zones.hdfs.command import HdfsCommand
from airflow_provider_livedata.engine.zones.hdfs.control import WebHdfs
from airflow_provider_livedata.engine.zones.hdfs.difference import difference
from airflow_provider_livedata.engine.zones.hdfs.directories import WebDirectories

LIMIT = 65_536  # of HDFS itself, for one directory
MAX = "dfs.namenode.snapshot.max.limit"
FREEZE = "dfs.namenode.snapshot.capture.openfiles"
_FILES = "Hadoop:service=NameNode,name=FSNamesystem"
_NODE = "Hadoop:service=NameNode,name=NameNodeInfo"


class _Allowed(NamedTuple):
    """A directory of which snapshots may be taken. ``quota`` is None for one that only shows by its ``.snapshot``."""

    path: str
    taken: int = 0
    quota: int | None = None


class SnapshotStore:
    """Snapshots that cover the location at ``root``, an absolute path."""

    def __init__(self, root: str, control: WebHdfs, command: HdfsCommand | None = None) -> None:
        self._root, self._control, self._command = root, control, command
        self._directories = WebDirectories(control)
        self._covering: str | None = None
        self._freezes: bool | None = None
        self._just_listed: list[Snapshot] | None = None

    def prepare(self, *, allow: bool) -> str:
        """See ``Snapshots.prepare_snapshots``."""
        listed = self._listed()
        found = self._cover(listed)
        if found is None:
            self._refuse_nested(listed)
            self._allow(permitted=allow)
            found = _Allowed(self._root)
        elif found.quota is None:
            raise SnapshotRefused(
                f"{found.path} may be snapshotted, but only by its owner or a superuser: have one of them run this, or make "
                "this user its owner", address=self._address, snapshottable=found.path)  # fmt: skip
        else:
            self._refuse_full(found)
        self._covering = found.path
        return found.path

    def take(self, name: str, root: str = "") -> Snapshot:
        """See ``Snapshots.snapshot``. The list that tells its time serves the next question for all as well."""
        directory = self._covering = self._covering or root or self._covered()
        self._just_listed = None
        try:
            self._control.call("CREATESNAPSHOT", directory, method="PUT", snapshotname=name)
        except SnapshotRefused as error:
            if self._directories.status(_inside(directory, name)) is None:
                raise self._explained(error, directory) from error
        except PermissionRefused as error:
            raise SnapshotRefused(
                f"only the owner of {directory} or a superuser may take its snapshots", address=self._address,
                reason=error.where.get("reason")) from error  # fmt: skip
        listed = self.all()
        taken = next((one for one in listed if one.name == name), None)
        if taken is None:
            raise SnapshotRefused(
                "the snapshot was removed as soon as it was taken", address=self._address, snapshot=name
            )
        self._just_listed = listed
        return taken

    def all(self) -> list[Snapshot]:
        """See ``Snapshots.snapshots``; none where none can be taken."""
        just_listed, self._just_listed = self._just_listed, None
        if just_listed is not None:
            return just_listed
        directory = self._covering or self._find()
        if directory is None:
            return []
        freezes = self.freezes_open_files()
        return [Snapshot(name, directory, taken_ms, freezes) for name, taken_ms in self._names(directory)]

    def drop(self, name: str) -> None:
        """See ``Snapshots.drop_snapshot``."""
        self._just_listed = None
        directory = self._covering or self._find()
        if directory is None:
            return
        try:
            self._control.call("DELETESNAPSHOT", directory, method="DELETE", snapshotname=name)
        except (SnapshotRefused, PathMissing):
            if self._directories.status(_inside(directory, name)) is not None:
                raise

    def place(self, snapshot: Snapshot) -> str:
        """The absolute path of the location as ``snapshot`` holds it.

        Raises:
            SnapshotRefused: It is of another directory.
        """
        if self._root != snapshot.root and not self._root.startswith(_below(snapshot.root)):
            raise SnapshotRefused("the snapshot is of another directory", address=self._address, snapshot=snapshot.root)
        rest = self._root[len(snapshot.root.rstrip("/")) :]
        return _inside(snapshot.root, snapshot.name) + (rest if rest != "/" else "")

    def difference(self, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        """See ``SnapshotDifference``."""
        self.place(old)  # so that both are of a directory that covers the location
        below = self.place(new)[len(_inside(new.root, new.name)) :].strip("/")
        try:
            return difference(self._control, new.root, below, old.name, new.name, most=most, command=self._command)
        except SnapshotRefused as error:
            raise PathMissing("a snapshot is gone", address=self._address, snapshots=[old.name, new.name],
                              reason=error.where.get("reason")) from error  # fmt: skip

    def freezes_open_files(self) -> bool:
        """Whether the NameNode freezes files that are open; asked once. Not where that cannot be found out."""
        if self._freezes is None:
            is_namenode = bool(
                self._control.bean(_NODE, "JournalTransactionInfo")
            )  # not a gateway with settings of its own
            self._freezes = is_namenode and self._control.setting(FREEZE) == "true"
        return self._freezes

    def may_have_open_files(self) -> bool:
        """See ``OpenFiles.may_have_open_files``.

        The NameNode counts the files that are open, together with its last transaction, but shows numbers of up to ten
        seconds ago. So they count only if they are of after the last transaction that is known now.
        """
        if self.freezes_open_files():
            return False
        latest = str(self._control.bean(_NODE, "JournalTransactionInfo").get("JournalTransactionInfo", ""))
        numbers = self._control.bean(_FILES)
        return not _none_open(latest, numbers)

    @property
    def _address(self) -> str:
        return f"{self._control.origin}{self._root}"

    def _covered(self) -> str:
        directory = self._covering or self._find()
        if directory is None:
            raise SnapshotRefused(self._how_to_allow(), address=self._address)
        return directory

    def _find(self) -> str | None:
        found = self._cover(self._listed())
        self._covering = found.path if found is not None else None
        return self._covering

    def _cover(self, listed: dict[str, _Allowed]) -> _Allowed | None:
        """The nearest snapshottable directory: the location itself or one above it."""
        place = self._root
        while True:
            if place in listed:
                return listed[place]
            # Users see only their own in the list. "/" has a .snapshot whether it is allowed or not.
            if place != "/" and self._directories.status(_inside(place)) is not None:
                return _Allowed(place)
            if place == "/":
                return None
            place = place.rpartition("/")[0] or "/"

    def _listed(self) -> dict[str, _Allowed]:
        try:
            found = self._control.call("GETSNAPSHOTTABLEDIRECTORYLIST", "/").get("SnapshottableDirectoryList") or []
        except LiveDataError as error:
            if error.where.get("java_class") != "IllegalArgumentException":  # Hadoop before 3.1 does not tell
                raise
            found = []
        return {one.path: one for one in map(_allowed, found)}

    def _names(self, directory: str) -> list[tuple[str, int]]:
        """Names and times (epoch ms), oldest first."""
        try:
            found = self._control.call("GETSNAPSHOTLIST", directory).get("SnapshotList") or []
        except LiveDataError as error:
            if error.where.get("java_class") != "IllegalArgumentException":  # Hadoop before 3.3
                raise
            pages = list(self._directories.pages(_inside(directory)))
            return sorted(
                ((one.name, one.mtime_ms) for page in pages for one in page), key=lambda one: (one[1], one[0])
            )
        ordered = sorted(found, key=lambda one: (one["dirStatus"]["modificationTime"], one["snapshotID"]))
        return [(one["dirStatus"]["pathSuffix"], one["dirStatus"]["modificationTime"]) for one in ordered]

    def _allow(self, *, permitted: bool) -> None:
        if not permitted:
            raise SnapshotRefused(self._how_to_allow(), address=self._address)
        try:
            self._control.call("ALLOWSNAPSHOT", self._root, method="PUT")
        except PermissionRefused as error:
            raise SnapshotRefused(
                self._how_to_allow(), address=self._address, reason=error.where.get("reason")
            ) from error
        except SnapshotRefused as error:
            raise self._explained(error, self._root) from error

    def _refuse_nested(self, listed: dict[str, _Allowed]) -> None:
        below = sorted(path for path in listed if path.startswith(_below(self._root)))
        if below:
            raise SnapshotRefused(_nested(below), address=self._address, snapshottable=below[:10])

    def _refuse_full(self, found: _Allowed) -> None:
        limits = (str(found.quota), self._control.setting(MAX) or "", str(LIMIT))
        limit = min(int(one) for one in limits if one.isdigit())
        if found.taken >= limit:
            raise SnapshotRefused(_full(found.path), address=self._address, snapshots=found.taken, limit=limit)

    def _explained(self, error: LiveDataError, directory: str) -> SnapshotRefused:
        reason = str(error.where.get("reason", ""))
        if "quota" in reason or "limit" in reason.lower():
            what = _full(directory)
        elif "subdirectory" in reason:
            what = _nested([])
        elif "not a snapshottable" in reason:
            what = self._how_to_allow()
        else:
            what = "HDFS does not take the snapshot"
        return SnapshotRefused(what, address=self._address, reason=reason)

    def _how_to_allow(self) -> str:
        return (
            "no snapshot may be taken here or above; have an administrator run: "
            f"hdfs dfsadmin -allowSnapshot {shlex.quote(self._root)}"
        )


def _allowed(found: dict[str, Any]) -> _Allowed:
    parent, name = found["parentFullPath"].rstrip("/"), found["dirStatus"]["pathSuffix"]
    return _Allowed(f"{parent}/{name}", found["snapshotNumber"], found["snapshotQuota"])


def _full(directory: str) -> str:
    command = f"hdfs dfs -deleteSnapshot {shlex.quote(directory)} <name>"
    return f"{directory} holds as many snapshots as it may; remove some: {command}"


def _nested(below: list[str]) -> str:
    named = ", ".join(below[:3]) if below else "a directory below it"
    command = (
        f"hdfs dfsadmin -disallowSnapshot {shlex.quote(below[0])}"
        if below
        else "hdfs dfsadmin -disallowSnapshot <path>"
    )
    return (
        f"no snapshot can be allowed here, since {named} is snapshottable already and HDFS does not nest them; replicate that "
        f"one by itself, or remove its snapshots and run: {command}"
    )


def _none_open(latest: str, numbers: dict[str, Any]) -> bool:
    open_files, written = numbers.get("NumFilesUnderConstruction"), numbers.get("LastWrittenTransactionId")
    digits = latest.partition('LastAppliedOrWrittenTxId":"')[2].partition('"')[0]
    if open_files is None or written is None or not digits.isdigit():
        return False
    return int(written) >= int(digits) and int(open_files) == 0


def _inside(directory: str, name: str = "") -> str:
    return f"{directory.rstrip('/')}/.snapshot{'/' if name else ''}{name}"


def _below(directory: str) -> str:
    return directory.rstrip("/") + "/"
