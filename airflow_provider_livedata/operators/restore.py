"""Restoring backups, and trying how it would be."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_bool, options_of
from airflow_provider_livedata.operators.base import LiveDataOperator, holder_in, opened

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LiveDataRestoreOperator(LiveDataOperator):
    """Bring a backup back, all of it or some paths, or with ``dry_run`` say what that would change.

    Args:
        place: Address of the place of the backups: the designated path, or a location with snapshots of its own.
        which: Name of a backup, ``latest``, or a time in ISO 8601: the newest complete one that is not after it.
        destination: Address of the directory to restore into. Empty: the location itself, where its backups are its own snapshots.
        options: Fields of ``engine.RestoreOptions`` by name (paths, mode, overwrite_newer, ...); texts will do.
        dry_run: Write the plan, return its address, digest and totals, and change nothing else. Kept as ``is_dry_run``:
            Airflow's operators have a method of the shorter name.

    Returns the report's address, digest and totals, and how to undo the restore. It can be run again: what has landed is not copied again.
    """

    template_fields: Collection[str] = ("place", "which", "destination", "options", "is_dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}

    def __init__(
        self, *, place: str, which: str = "latest", destination: str = "", options: Mapping[str, Any] | None = None,
        dry_run: bool | str = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.place = place
        self.which = which
        self.destination = destination
        self.options = options or {}
        self.is_dry_run = dry_run

    def work(self, context: Context) -> Any:
        """Open both zones and call the engine."""
        is_dry = as_bool(self.is_dry_run, "dry_run")
        options = options_of(engine.RestoreOptions, {"holder": holder_in(context), **self.options}, dry_run=is_dry)
        zone_options = engine.ReplicateOptions(
            threads=options.threads, memory_mib=options.memory_mib, preserve=options.preserve, exclusive=options.exclusive
        )  # fmt: skip
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(opened(self.place, zone_options))
            into = stack.enter_context(opened(self.destination, zone_options)) if self.destination else None
            report = engine.restore(place, self.which or "latest", into, options)
        return {**report.summary(), "place": self.place, "target": self.destination or self.place}


class LiveDataRestoreDrillOperator(LiveDataOperator):
    """Restore a random sample of a backup to a scratch place, compare it by content, measure, and remove it again.

    Args:
        place: Address of the place of the backups.
        scratch: Address of a directory outside of it; the drill makes a folder of its own there and removes that alone.
        which: As for ``LiveDataRestoreOperator``, or ``random``: any of the complete backups.
        options: Fields of ``engine.DrillOptions`` by name (sample_files, sample_bytes, seed, ...); texts will do.

    Returns the report's address, digest, totals and pace. The seed in it repeats the drill.
    """

    template_fields: Collection[str] = ("place", "scratch", "which", "options")
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}

    def __init__(
        self, *, place: str, scratch: str, which: str = "random", options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.place = place
        self.scratch = scratch
        self.which = which
        self.options = options or {}

    def work(self, context: Context) -> Any:
        """Open both zones and call the engine."""
        options = options_of(engine.DrillOptions, {"holder": holder_in(context), **self.options})
        zone_options = engine.ReplicateOptions(
            threads=options.threads, memory_mib=options.memory_mib, holder=options.holder
        )
        with (
            opened(self.place, zone_options, into=self.scratch, begins=True) as place,
            opened(self.scratch, zone_options, into="") as scratch,
        ):
            report = engine.restore_drill(place, scratch, self.which or "random", options)
        return {**report.summary(), "place": self.place, "target": self.scratch}
