"""How to back up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import get_args

from airflow_provider_livedata.engine.backups.record import Layout
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.options import BACKUP_LISTS_EVERY_H, ReplicateOptions


def _usual_copy() -> ReplicateOptions:
    return ReplicateOptions(list_every_h=BACKUP_LISTS_EVERY_H)


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """How to back up.

    Args:
        layout: "auto": "in place" without a place, "snapshots" where the place has snapshots (HDFS), "increments" on object stores, "tree"
            on file systems; or one of these.
        dry_run: Say what would be brought and what it would cost; change nothing else.
        max_delete_ratio: Share of the files, 0 to 1, that may have vanished since the backup before; above it no backup is made, since
            retention would let the good ones go in time.
        copy: How what differs is brought; consistency, keep_removed and what is done about foreign files are given. Left out,
            everything is listed once a week.
    """

    layout: Layout | str = "auto"
    dry_run: bool = False
    max_delete_ratio: float = 0.9
    copy: ReplicateOptions = field(default_factory=_usual_copy)

    def __post_init__(self) -> None:
        known = ("auto", *get_args(Layout))
        if self.layout not in known:
            raise BadOption(f"layout is one of {', '.join(known)}", layout=self.layout)

    def of_the_run(self) -> ReplicateOptions:
        """Those of the run that brings what differs."""
        return replace(
            self.copy, dry_run=self.dry_run, max_delete_ratio=self.max_delete_ratio, consistency="files", keep_removed=0,
            keep_manifests=True, foreign="stop", accept_new_filter=True,
        )  # fmt: skip
