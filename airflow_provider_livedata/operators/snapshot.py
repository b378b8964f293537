"""Named snapshots of a location, taken and released by a DAG."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.bridge import as_bool
from airflow_provider_livedata.engine.errors import BadOption, Unsupported
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.operators.base import LiveDataOperator, opened

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LiveDataSnapshotOperator(LiveDataOperator):
    """Take a snapshot of a location, or release it; returns its name.

    Both can be tried again: a snapshot that is there is taken, one that is gone is released.

    Args:
        location: Address of a directory whose zone has snapshots (HDFS).
        snapshot_name: By default ``airflow-`` and the time of the DAG run.
        action: ``take`` or ``release``.
        allow_snapshot: Make the location snapshottable where that needs to be and may be done.
        dry_run: Only find out whether it could be done.
    """

    template_fields: Collection[str] = ("location", "snapshot_name", "action", "allow_snapshot", "is_dry_run")

    def __init__(
        self, *, location: str, snapshot_name: str = 'airflow-{{ dag_run.run_after.strftime("%Y%m%dT%H%M%S%f") }}',
        action: str = "take", allow_snapshot: bool | str = True, dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.location = location
        self.snapshot_name = snapshot_name
        self.action = action
        self.allow_snapshot = allow_snapshot
        self.is_dry_run = dry_run

    def work(self, context: Context) -> str:
        """Take or release it."""
        if self.action not in {"take", "release"}:
            raise BadOption("action is take or release", action=self.action)
        is_dry, is_allowed = as_bool(self.is_dry_run, "dry_run"), as_bool(self.allow_snapshot, "allow_snapshot")
        with opened(self.location) as zone:
            zone.check(writable=False)
            if not isinstance(zone, Snapshots):
                raise Unsupported("this zone has no snapshots", address=str(zone.address))
            self._act(zone, is_dry=is_dry, is_allowed=is_allowed)
        return self.snapshot_name

    def _act(self, zone: Snapshots, *, is_dry: bool, is_allowed: bool) -> None:
        if self.action == "take":
            root = zone.prepare_snapshots(allow=is_allowed and not is_dry)
            if not is_dry:
                zone.snapshot(self.snapshot_name)
            self.log.info("snapshot %s of %s %s", self.snapshot_name, root, "could be taken" if is_dry else "taken")
        elif not is_dry:
            zone.drop_snapshot(self.snapshot_name)
            self.log.info("snapshot %s of %s released", self.snapshot_name, self.location)
