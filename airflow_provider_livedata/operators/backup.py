"""Backups of a location: made, listed and proved. A place is the designated path, or a location with snapshots of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, as_int
from airflow_provider_livedata.operators.backup_values import as_place, backup_options_from, policy_from
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened
from airflow_provider_livedata.operators.verify import verify_failed

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.backups.options import BackupOptions
    from airflow_provider_livedata.engine.flows.proving import BackupLevel
    from airflow_provider_livedata.engine.zones.base import Zone


class LiveDataBackupOperator(LiveDataOperator):
    """Make a backup of a location; one that an earlier task left unfinished is finished first.

    Args:
        source: Address of the location, ``scheme://[conn_id@]authority/path``.
        place: Address of the designated path, which keeps the backups of this location alone. None or an empty text: snapshots of the
            location itself (HDFS).
        layout: ``auto``, ``in place``, ``snapshots``, ``increments`` or ``tree``: docs/backup-and-recovery.md.
        options: Fields of ``engine.ReplicateOptions`` by name (exclude, bandwidth, threads, ...), but for those that are the same for
            every backup; texts will do. ``max_delete_ratio`` is 0.9 unless given: more must not have vanished since the backup before.
        verify_level: Prove the backup afterwards at this level, ``checksum`` or ``content``; None or an empty text: do not.
        dry_run: Write the plan, return its address, digest and totals, and change nothing else.

    Returns the report's address, digest and totals, the backup's ``name``, and what ``verified`` it. Some files that cannot be read
    fail the task and leave the backup incomplete: it is never offered for a restore, and the next try takes it up.
    """

    template_fields: Collection[str] = ("source", "place", "layout", "options", "verify_level", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}

    def __init__(
        self, *, source: str, place: str | None = None, layout: str = "auto", options: Mapping[str, Any] | None = None,
        verify_level: str | None = None, dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.source = source
        self.place = place
        self.layout = layout
        self.options = options or {}
        self.verify_level = verify_level
        self.is_dry_run = dry_run

    def work(self, context: Context) -> dict[str, Any]:
        """Open what is needed and call the engine."""
        given = {"holder": holder_in(context), **self.options}
        options = backup_options_from(given, layout=self.layout, dry_run=as_bool(self.is_dry_run, "dry_run"))
        address = as_place(self.place)
        if address is None:
            with opened(self.source, options.copy) as source:
                return self._back_up(source, None, options)
        with (
            opened(self.source, options.copy, into=address, begins=True) as source,
            opened(address, options.copy, into="") as place,
        ):
            return self._back_up(source, place, options)

    def _back_up(self, source: Zone, place: Zone | None, options: BackupOptions) -> dict[str, Any]:
        report = engine.backup(source, place, options)
        level = as_place(self.verify_level)
        verified = None if level is None or options.dry_run else prove(place or source, report.name, level)
        return {**report.summary(), "target": report.place, "verified": verified}


class PlaceOperator(LiveDataOperator):
    """An operator on the backups of one place.

    Args:
        place: Address of the designated path, or of a location whose own snapshots are its backups.
    """

    template_fields: Collection[str] = ("place",)

    def __init__(self, *, place: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.place = place

    def work(self, context: Context) -> Any:
        """Open the place and hand it to ``at``."""
        with opened(self.place, into="") as place:
            return {**self.at(place, context), "place": self.place, "target": self.place}

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """Call the engine and return what goes to XCom."""
        raise NotImplementedError


class LiveDataCatalogueOperator(PlaceOperator):
    """List the backups of a place: a table in the log, few numbers and the newest twenty in XCom. It changes nothing.

    Args:
        check: Read the manifests and compare them with their records, so that damage is seen; else only look whether they are there.
        policy: Rules as for ``LiveDataRetentionOperator``: also tell why each backup would stay or go.

    Returns what ``engine.flows.catalogue_summary`` says.
    """

    template_fields: Collection[str] = (*PlaceOperator.template_fields, "check", "policy")
    template_fields_renderers: ClassVar[dict[str, str]] = {"policy": "json"}

    def __init__(
        self, *, check: bool | str = True, policy: Mapping[str, Any] | str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.policy = policy

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """See ``engine.catalogue``."""
        from airflow_provider_livedata.engine.flows.catalogue_summary import catalogue_summary, decisions

        policy = policy_from(self.policy) if self.policy else None
        found, now = engine.catalogue(place, check=as_bool(self.check, "check")), datetime.now(UTC)
        decided = decisions(found, policy, now) if policy else None
        self.log.info("catalogue\n%s%s", found.table(), f"\n\n{decided.table()}" if decided else "")
        return catalogue_summary(found, now, decided)


class LiveDataVerifyBackupOperator(PlaceOperator):
    """Compare a backup with its manifest; any difference fails the task for good, else the catalogue tells that it is proved.

    Args:
        which: The name of a backup, ``latest``, or a time: the newest complete backup that is not after it.
        level: ``checksum`` (the store's own checksums where it keeps some, else the files are read) or ``content`` (all is read).
        threads: Files at once.

    Returns the report's address and totals.
    """

    template_fields: Collection[str] = (*PlaceOperator.template_fields, "which", "level", "threads")

    def __init__(
        self, *, which: str = "latest", level: str = "checksum", threads: int | str = 16, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.which = which
        self.level = level
        self.threads = threads

    def at(self, place: Zone, context: Context) -> dict[str, Any]:
        """See ``engine.verify_backup``."""
        return prove(place, self.which, self.level, threads=as_int(self.threads, "threads"))


def prove(place: Zone, which: str, level: str, *, threads: int = 16) -> dict[str, Any]:
    """Verify a backup and return the report's totals.

    Raises:
        VerifyFailed: It is not what was made.
    """
    report = engine.verify_backup(place, which, level=cast("BackupLevel", level), threads=threads)
    if report.is_same:
        return {**report.summary(), "name": report.target.rpartition("/")[2]}
    raise verify_failed(
        report, "the backup is not what was made; find out who changed it, restore from another one, and make a new one"
    )
