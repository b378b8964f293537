"""The source as of one instant: its snapshots are prepared, taken, and dropped when no checkpoint needs them any more."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError, SnapshotRefused
from airflow_provider_livedata.engine.model import Snapshot
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.reading.scan import past
from airflow_provider_livedata.engine.replication.accounts import note
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.stored.checkpoint import Checkpoint
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles, Snapshots

MAY_GROW = (
    "files of this HDFS are open, which may go on growing in the snapshot. Those that are copied now are looked at until they are closed; what "
    "is appended to another one, that was opened before the snapshot and had not grown by then, is found by the next listing of both sides. "
    "With dfs.namenode.snapshot.capture.openfiles=true at the NameNode each snapshot is exact"
)


def replication_id(source: Address, target: Address) -> str:
    """What names the snapshots of this pair of places; the connections they are reached by do not matter."""
    pair = f"{replace(source, conn_id=None)} -> {replace(target, conn_id=None)}"
    return hashlib.sha256(pair.encode()).hexdigest()[:8]


@dataclass(slots=True)
class Freezing:
    """The source of a replication, and its snapshots. ``replication``: what names those, see ``replication_id``."""

    source: Zone
    replication: str
    options: ReplicateOptions
    report: Report
    home_ms: int = 0  # see ``Checkpoint``
    root: str = ""  # snapshottable directory, where that is known from before
    snapshot: Snapshot | None = None  # the one of this run, once it is taken
    taken: list[Snapshot] = field(default_factory=list)  # all there are, as of that one

    def trust(self, checkpoint: Checkpoint | None) -> None:
        """Take from the checkpoint how the source is frozen, where it tells that."""
        root = checkpoint.snapshot_root if checkpoint is not None and isinstance(self.source, Snapshots) else ""
        is_location = root.strip("/") == self.source.address.path.strip("/")  # one above can be frozen without it
        self.root = root if is_location else ""

    def prepare(self) -> None:
        """Make sure that a snapshot can be taken; the report tells from what the source is read.

        Raises:
            SnapshotRefused: None can, and this is no rehearsal.
        """
        if not isinstance(self.source, Snapshots):
            self.report.notes.append(
                "the source has no snapshots: it is listed, and a file that changes while it is read "
                "is copied again or reported"
            )
            return
        try:
            root = self.root or self.source.prepare_snapshots(allow=self._may_allow)
            self.report.notes.append(f"the source is read from a snapshot of {root}")
        except SnapshotRefused as error:
            if not self.options.dry_run:
                raise
            self.report.notes.append(
                f"no snapshot can be taken as things are, and the run itself {self._does}: {error}"
            )

    @property
    def _may_allow(self) -> bool:
        return self.options.allow_snapshot and not self.options.dry_run

    @property
    def _does(self) -> str:
        return "tries to change that by itself, and stops where it may not" if self.options.allow_snapshot else "stops"

    def highest(self) -> int:
        """The highest number among our snapshots that are there; to be asked by a first run, which has to take a higher one.

        Records may have been removed to start over. A snapshot that is there already is taken for the one that was asked for.
        """
        if not isinstance(self.source, Snapshots):
            return 0
        numbers = (one.name.removeprefix(self._prefix) for one in self.source.snapshots())
        return max((int(number) for number in numbers if number.isdigit()), default=0)

    def take(self, run: int) -> None:
        """Freeze the source for a run, where it can be frozen."""
        self.report.as_of_ms = now_ms()
        if not isinstance(self.source, Snapshots):
            return
        snapshot = self._taken(self.source, f"{self._prefix}{run}")
        self.taken = self.source.snapshots()
        self.snapshot = snapshot
        self.report.snapshot, self.report.as_of_ms = snapshot.name, snapshot.taken_ms

    def _taken(self, source: Snapshots, name: str) -> Snapshot:
        try:
            return source.snapshot(name, root=self.root)
        except SnapshotRefused:
            if not self.root:
                raise
            source.prepare_snapshots(allow=self.options.allow_snapshot)
            return source.snapshot(name)

    @property
    def _prefix(self) -> str:
        return f"livedata-{self.replication}-"

    def view(self) -> Zone:
        """The source as it is read: its snapshot, or the live one where none was taken."""
        source = self.source
        return past(source.at(self.snapshot) if self.snapshot is not None and isinstance(source, Snapshots) else source)

    def open_files(self) -> OpenFiles | None:
        """Whom to ask for files that are being written; None: none can be open in what is read.

        To be asked after the snapshot and before the scan: a file that is closed by then cannot grow in the snapshot.
        """
        live, is_frozen = self.source, self.snapshot is not None
        return live if is_frozen and isinstance(live, OpenFiles) and live.may_have_open_files() else None

    def forget(self, run: int, kept: str) -> None:
        """Drop our snapshots but ``kept``, which a checkpoint needs ("": none); a failure costs space and is tried again next time."""
        if not isinstance(self.source, Snapshots):
            return
        try:
            for snapshot in self.taken:
                # Never a newer one: should this run have lost its lease, that one belongs to the run that took it.
                number = snapshot.name.removeprefix(self._prefix)
                ours = number.isdigit() and int(number) <= run
                if ours and snapshot.name != kept:
                    self.source.drop_snapshot(snapshot.name)
        except LiveDataError as error:
            note(self.report, f"an older snapshot could not be dropped and is tried again next time: {error}")
