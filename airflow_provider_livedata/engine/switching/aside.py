"""What was written to the old source after the switch: found, listed, and kept aside before anything comes back.

    .livedata/fail-back/<generation>-<k>/found-<n>.jsonl     what was found, written before anything is moved
    .livedata/aside/<generation>-<k>/<path>                  new and changed files, as they were

``<k>`` counts the attempts of a fail-back: each looks again, so that one which was cut off is completed by the next.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.deciding.renames import Renames
from airflow_provider_livedata.engine.errors import StateDamaged, Unsupported
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Entry, Held
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.looking import look
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.replication.finding import Known, choose
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.stored.lease import Lease
from airflow_provider_livedata.engine.stored.state import FOLDER, FORMAT, StateFolder, refuse_newer
from airflow_provider_livedata.engine.switching.common import freeze, thaw
from airflow_provider_livedata.engine.switching.knowing import confirmed
from airflow_provider_livedata.engine.switching.report import KEPT, FailBackReport
from airflow_provider_livedata.engine.switching.swap import Found, found_in, with_others
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Moves, SetAttributes, SnapshotDifference

log = logging.getLogger(__name__)
LINES_A_FILE = 10_000
_SAME_VERSION = (
    "without the snapshot of the switch's checkpoint nothing tells of a file that it was replaced late by one of the same size and "
    "time; a verification by content does"
)


def compared(options: ReplicateOptions) -> frozenset[str]:
    """Names of the attributes whose change is a change."""
    return frozenset(name for name in options.preserve if name != "mtime")


@dataclass(slots=True)
class Aside:
    """One attempt to keep aside what the old source holds beyond ``known``, its records as a target.

    ``forward``: the records of the direction before the switch, by whose snapshot the old source may tell what changed.
    """

    zone: Zone
    known: Known
    forward: Known
    options: ReplicateOptions
    generation: int
    report: FailBackReport
    state: StateFolder = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.state = StateFolder(self.zone)
        self.name = f"{self.generation:012d}-{self._earlier() + 1}"

    def keep(self, prefix: str, lease: Lease) -> None:
        """Find it, list it, move it aside; ``prefix`` begins the names of the snapshots that are taken for it."""
        with self._rows(f"{prefix}look-{self.generation}", freezes=True) as rows:
            files = list(self._listed(self._account(self._found(rows))))
        if files:
            self._keep(files, lease)
        thaw(self.zone, prefix)

    def _keep(self, files: list[str], lease: Lease) -> None:
        self.report.found_at = self.state.address(f"fail-back/{self.name}")
        self.report.aside = self.state.address(f"aside/{self.name}")
        self._make_private(f"{FOLDER}/aside/{self.name}")
        for found in self._read(files):
            lease.check()
            self._act(found)
        self._remove_directories(files)

    def rehearse(self) -> None:
        """Find it and count it; nothing is written or moved."""
        with self._rows("", freezes=False) as rows:
            for _ in self._account(self._found(rows)):
                pass

    # finding ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _rows(self, snapshot_name: str, *, freezes: bool) -> Generator[Iterator[Row]]:
        chosen = self.options.filter
        frozen = freeze(self.zone, snapshot_name, allow=False) if freezes else None
        # The difference of HDFS begins at the checkpoint's snapshot, so listings that are due by the clock are not due here.
        way = choose(self.zone, frozen, self.forward, replace(self.options, list_every_h=0), 0)
        self.report.found_by = way.text if freezes else "listing (a rehearsal takes no snapshot)"
        if way.cover is not None:
            rows = self._lined_up(look(self.zone, chosen, way.cover), way.cover)
            yield rows if way.renames is None else self._with_others(rows, way.cover, way.renames)
            return
        if isinstance(self.zone, SnapshotDifference):
            self.report.notes.append(_SAME_VERSION)
        with contextlib.closing(scan(self.zone, chosen)) as entries:
            yield self._lined_up(entries, None)

    def _lined_up(self, entries: Iterable[Entry], cover: Any) -> Iterator[Row]:
        return map(self._doubted, line_up((), overlay(self.known.runs(cover)), entries, self.known.planned()))

    def _with_others(self, rows: Iterator[Row], cover: Cover, renames: Renames) -> Iterator[Row]:
        # What an earlier attempt found is not taken for late again: what stands there now may be what came back.
        met = frozenset(found.entry.path for found in self._read(self._found_before()))
        before = overlay(confirmed(self.forward).runs(cover))
        return with_others(rows, before, lambda path: path not in met and renames.is_other(path))

    def _found_before(self) -> list[str]:
        """Names of the lists of earlier attempts."""
        prefix = f"fail-back/{self.generation:012d}-"
        return [
            one.path
            for one in self.state.files("fail-back")
            if one.path.startswith(prefix) and one.path.endswith(".jsonl")
        ]

    def _doubted(self, row: Row) -> Row:
        """Where an unfinished run meant to write an object, one that does not name the file it came from is somebody else's."""
        if not row.planned or row.target is None or row.target.kind != "file" or not self.zone.facts.puts_publish:
            return row
        there = self.zone.stat(row.target.path)
        return row if there is None or there.source_version else row._replace(planned=False)

    def _found(self, rows: Iterator[Row]) -> Iterator[Found]:
        return found_in(rows, compared(self.options), self.zone.facts)

    def _account(self, items: Iterable[Found]) -> Iterator[Found]:
        report = self.report
        for found in items:
            report.found[found.kind] = report.found.get(found.kind, 0) + 1
            if len(report.found_paths) < KEPT:
                report.found_paths.append(f"{found.kind} {found.entry.key} {found.detail}".rstrip())
            if found.is_in_the_way and found.entry.kind == "file":
                report.kept_aside += 1
                report.kept_bytes += found.entry.size_bytes
            yield found

    def _earlier(self) -> int:
        """How many attempts there were."""
        names = {entry.path.split("/")[1] for entry in self.state.files("fail-back") if entry.path.count("/") == 2}
        return sum(name.startswith(f"{self.generation:012d}-") for name in names)

    # listing ----------------------------------------------------------------------------------------------------

    def _listed(self, items: Iterator[Found]) -> Iterator[str]:
        # The journal of a run that has removed them: so the way back looks at these paths, whatever else it looks at, and
        # takes them for nobody's. It comes before the first move, and before the list that tells later attempts what was
        # found; what is still in its place then is found again.
        journal, number = Journal(self.state, max([0, *self._runs()]) + 1), 0
        while batch := list(islice(items, LINES_A_FILE)):
            name = f"fail-back/{self.name}/found-{number:06d}.jsonl"
            journal.add_now(Held(one.was, is_gone=True) for one in batch if one.was and one.kind != "attributes")
            self.state.write(name, b"".join(map(_line, batch)))
            number += 1
            yield name

    def _runs(self) -> list[int]:
        checkpoint = self.known.checkpoint
        return [*self.state.runs(), checkpoint.run if checkpoint else 0]

    def _read(self, files: Iterable[str], *, backwards: bool = False) -> Iterator[Found]:
        for name in files:
            data = self.state.read(name)
            if data is None:
                raise StateDamaged("a list of what was found vanished", file=self.state.address(name))
            lines = data.splitlines()
            for line in reversed(lines) if backwards else lines:
                yield _found_of(line, self.state.address(name))

    # acting -----------------------------------------------------------------------------------------------------

    def _act(self, found: Found) -> None:
        entry = found.entry
        if found.kind == "attributes" and isinstance(self.zone, SetAttributes) and found.was is not None:
            names = compared(self.options)
            was = {name: value for name, value in found.was.attributes._asdict().items() if name in names}
            self.zone.set_attributes(entry.path, Attributes(**was))
        elif found.is_in_the_way and entry.kind == "directory":
            self.zone.make_directory(self._place(entry), attributes=entry.attributes._replace(mtime_ms=None))
        elif (
            found.is_in_the_way and entry.kind == "file"
        ):  # anything else is in nobody's way: it is not brought anywhere
            self._move(entry)

    def _move(self, entry: Entry) -> None:
        if not isinstance(self.zone, Moves):
            raise Unsupported("this zone cannot keep files aside", address=str(self.zone.address))
        self.zone.move(entry.path, self._place(entry), version=entry.version, expect=ABSENT)
        there = self.zone.stat(entry.path)
        if there is not None and there.version == entry.version:  # object stores copy
            for failure in self.zone.delete([entry]):
                log.warning("%s was kept aside and is still in its place: %s", failure.path, failure.reason)

    def _remove_directories(self, files: list[str]) -> None:
        for found in self._read(reversed(files), backwards=True):
            if found.kind == "new" and found.entry.kind == "directory":
                for failure in self.zone.delete([found.entry]):
                    log.info("%s stays, since it holds what is left out: %s", failure.path, failure.reason)

    def _place(self, entry: Entry) -> str:
        return f"{FOLDER}/aside/{self.name}/{entry.path}"

    def _make_private(self, folder: str) -> None:
        # Files keep their rights there, but no longer lie below the directories that may have hidden them.
        if self.zone.facts.has_directories:
            self.zone.make_directory(folder, attributes=Attributes(mode=0o700))


def _line(found: Found) -> bytes:
    value = {
        "format": FORMAT,
        "kind": found.kind,
        "entry": _values(found.entry),
        "was": _values(found.was),
        "detail": found.detail,
    }
    return json.dumps(value, ensure_ascii=True).encode() + b"\n"


def _values(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    values = {name: value for name, value in entry._asdict().items() if value is not None}
    if entry.xattrs is not None:
        values["xattrs"] = [[name, value.hex()] for name, value in entry.xattrs]
    return values


def _entry(values: dict[str, Any] | None) -> Entry | None:
    if values is None:
        return None
    if "xattrs" in values:
        values["xattrs"] = tuple((name, bytes.fromhex(value)) for name, value in values["xattrs"])
    return Entry(**values)


def _found_of(line: bytes, file: str) -> Found:
    value = json.loads(line)
    refuse_newer(value, file)
    entry = _entry(value["entry"])
    if entry is None:
        raise StateDamaged("a list of what was found has a line without an entry", file=file)
    return Found(value["kind"], entry, _entry(value["was"]), value["detail"])
