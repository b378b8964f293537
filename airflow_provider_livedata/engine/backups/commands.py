"""A script of Hadoop's own commands that brings a backup back, so that nothing else has to survive. Pure.

    for each backup from the oldest to the one that is meant    remove what had gone by then -> copy what it brought over the rest
    then                                                        empty directories -> times, modes, ACLs, extended attributes, owners

Paths are patterns to ``hadoop fs``, which expands them itself, so that their special characters are escaped twice. FsShell sets times to the
second, and one command sets one time; so of many different ones they are set only when asked for. Source: the Apache Hadoop
documentation, "FileSystem Shell".
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_livedata.engine.backups.record import BackupRecord
from airflow_provider_livedata.engine.model import Entry

DESTINATION = '"$DESTINATION"'
MOST_PATHS = 100  # in one command, whose length has a limit too
MOST_BYTES = 60_000
MOMENTS_UP_TO = 100  # different times that are set unasked
_OWN = ".livedata"
_ACCOUNT = "@ACCOUNT."
# Every name but those that begin with ".livedata": the state of the place is frozen with it.
NOT_OURS = (
    "{" + ",".join(["[^.]*", *(f"{_OWN[:n]}[^{_OWN[n]}]*" for n in range(1, len(_OWN))), *(_OWN[:n] for n in range(2, len(_OWN)))]) + "}"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One directory of a place that goes over those before it. ``removed``: paths that had gone since, none inside another."""

    name: str
    removed: tuple[str, ...] = ()
    is_empty: bool = False


def header(record: BackupRecord, made: str) -> Iterator[str]:
    """How the script begins; ``made`` is the time that the backup is of, for people."""
    yield "#!/usr/bin/env bash"
    yield f"# Brings back {_plain(record.source)} as of {made}: backup {record.name} at {_plain(record.place)}."
    yield "# bash restore.sh hdfs://namenode:8020/where/to        needs the command hadoop, and nothing else"
    yield "# WITH=distcp bash restore.sh hdfs://...               much data: the nodes of the cluster copy it"
    if record.place.startswith("abfs://"):  # an address does not tell the account, and Hadoop has to be told
        yield f"# First name the storage account: sed -i 's/{_ACCOUNT}/@<the account>./g' restore.sh"
    yield "set -euo pipefail"
    yield 'DESTINATION="${1:?name the directory to restore to, as hadoop fs knows it}"'
    yield f'if hadoop fs -test -e {DESTINATION}; then echo "$DESTINATION is there already: name a new directory" >&2; exit 1; fi'
    yield f"hadoop fs -mkdir -p {DESTINATION}"


def copying(record: BackupRecord, layers: Sequence[Layer], path: str = "") -> Iterator[str]:
    """The commands that bring the bytes of the directory ``path``, of everything where it is ""."""
    below = f"/{_escaped(path)}" if path else ""
    if record.snapshot:  # with all attributes, since it is a snapshot of the same kind of store
        names = "*" if path else NOT_OURS
        yield f"hadoop fs -cp -f -ptopax {_quoted(f'{snapshot_uri(record)}{below}/{names}')} {DESTINATION}/"
        return
    for layer in layers:
        yield from removing(layer)
        if not layer.is_empty:
            yield f"hadoop fs -cp -f {_quoted(f'{hadoop_uri(record.place)}/{layer.name}{below}/*')} {DESTINATION}/"


def removing(layer: Layer) -> Iterator[str]:
    """The commands that remove what had gone when a layer was made."""
    yield from _batched("hadoop fs -rm -r -f -skipTrash", layer.removed)


def copying_file(record: BackupRecord, holder: str, path: str) -> str:
    """The command that brings one file; ``holder``: the backup in whose directory it lies."""
    if record.snapshot:
        return f"hadoop fs -cp -f -ptopax {_quoted(f'{snapshot_uri(record)}/{_escaped(path)}')} {DESTINATION}/"
    return f"hadoop fs -cp -f {_quoted(f'{hadoop_uri(record.place)}/{holder}/{_escaped(path)}')} {DESTINATION}/"


def by_script(record: BackupRecord, script: str) -> list[str]:
    """The command that runs the script of a backup, which lies at the address ``script``; "": that makes it first.

    In one line, so that nothing runs of a script that did not come whole.
    """
    making = f"print(restore_script({record.place!r}, {record.name!r}), end='')"
    getting = (
        f"hadoop fs -cat {_quoted(hadoop_uri(script))}"
        if script
        else f"python -c {_quoted(f'from airflow_provider_livedata.engine import restore_script; {making}')}"
    )
    return [f"{getting} > restore.sh && bash restore.sh {DESTINATION}"]


def attributes(entries: Iterable[Entry]) -> Iterator[str]:
    """The commands that make directories that hold nothing and set what an object store does not keep, of entries in key order."""
    groups = _Groups()
    waiting: Entry | None = None
    empty: list[str] = []
    for entry in entries:
        if waiting is not None and not entry.key.startswith(waiting.key):
            empty.append(waiting.path)
        waiting = entry if entry.kind == "directory" else None
        groups.add(entry)
    if waiting is not None:
        empty.append(waiting.path)
    yield from _batched("hadoop fs -mkdir -p", empty)
    yield from groups.commands()


class _Groups:
    """Entries by what they have; the commonest value is set for all at once, the others by name."""

    def __init__(self) -> None:
        self._owners: dict[str, list[str]] = {}
        self._modes: dict[str, list[str]] = {}
        self._acls: dict[str, list[str]] = {}
        self._xattrs: list[tuple[str, str, bytes]] = []
        self._times: dict[int, list[str]] = {}  # by seconds

    def add(self, entry: Entry) -> None:
        """Remember what an entry has."""
        if entry.owner is not None:
            self._owners.setdefault(f"{entry.owner}:{entry.group or ''}", []).append(entry.path)
        if entry.mode is not None:
            self._modes.setdefault(f"{entry.mode:o}", []).append(entry.path)
        if entry.acl:
            self._acls.setdefault(entry.acl, []).append(entry.path)
        if entry.mtime_ms:
            self._times.setdefault(entry.mtime_ms // 1000, []).append(entry.path)
        self._xattrs += [(entry.path, name, value) for name, value in entry.xattrs or ()]

    def commands(self) -> Iterator[str]:
        """Times first, which need the right to write; owners last: from then on the files may be somebody else's."""
        yield from self._touching()
        yield from _for_all("hadoop fs -chmod", self._modes)
        for acl, paths in sorted(self._acls.items()):
            yield from _batched(f"hadoop fs -setfacl -m {_quoted(acl)}", paths, most=1)
        for path, name, value in self._xattrs:
            yield from _batched(f"hadoop fs -setfattr -n {_quoted(name)} -v 0x{value.hex() or '00'}", [path], most=1)
        yield from _for_all("hadoop fs -chown", self._owners)

    def _touching(self) -> Iterator[str]:
        if not self._times:
            return
        usual = "yes" if len(self._times) <= MOMENTS_UP_TO else "no"
        yield f"# TIMES=yes sets times, to the second, TIMES=no does not: it takes {len(self._times):,} commands, needs Hadoop 3.2"
        yield f'if [ "${{TIMES:-{usual}}}" = yes ]; then'
        for second, paths in sorted(self._times.items()):
            stamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%d:%H%M%S")
            yield from _batched(f"  TZ=UTC hadoop fs -touch -c -m -t {stamp}", paths)
        yield "fi"


def _for_all(command: str, groups: dict[str, list[str]]) -> Iterator[str]:
    if not groups:
        return
    common = Counter({value: len(paths) for value, paths in groups.items()}).most_common(1)[0][0]
    yield f"{command} -R {_quoted(common)} {DESTINATION}"
    for value, paths in sorted(groups.items()):
        if value != common:
            yield from _batched(f"{command} {_quoted(value)}", paths)


def _batched(command: str, paths: Iterable[str], *, most: int = MOST_PATHS) -> Iterator[str]:
    batch: list[str] = []
    for path in paths:
        if batch and (len(batch) >= most or sum(map(len, batch)) > MOST_BYTES):
            yield " ".join([command, *batch])
            batch = []
        batch.append(f"{DESTINATION}/{_quoted(_escaped(path))}")
    if batch:
        yield " ".join([command, *batch])


def hadoop_uri(place: str) -> str:
    """An address as Hadoop knows it: S3 by the scheme of its S3A client, Azure with an account that is yet to be named."""
    scheme, _, rest = place.partition("://")
    if scheme == "abfs":
        container, _, path = rest.partition("/")
        return f"abfss://{container}{_ACCOUNT}dfs.core.windows.net/{_escaped(path)}"
    return f"{'s3a' if scheme == 's3' else scheme}://{_escaped(rest)}"


def snapshot_uri(record: BackupRecord) -> str:
    """Where the snapshot of a backup is read."""
    scheme, _, rest = record.place.partition("://")
    authority, _, path = rest.partition("/")
    root = record.snapshot_root.strip("/")
    below = path.strip("/").removeprefix(root).strip("/")
    names = [one for one in (root, ".snapshot", record.snapshot, below) if one]
    return f"{scheme}://{authority}/{_escaped('/'.join(names))}"


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths without those that lie inside another one of them."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda one: f"{one}/"):
        if not kept or not path.startswith(f"{kept[-1]}/"):
            kept.append(path)
    return tuple(kept)


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?\[\]{}^])", r"\\\1", path)


def _quoted(text: str) -> str:
    return shlex.quote(text)


def _plain(text: str) -> str:
    return re.sub(r"[\r\n]", "?", text)
