"""What a backup did, and how its data is had back with standard tools: JSON for programs, a table for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_livedata.engine.report import SHOWN
from airflow_provider_livedata.engine.told import Told
from airflow_provider_livedata.engine.units import human_bytes, human_seconds

FORMAT = 1
BackupState = Literal["complete", "incomplete", "dry run"]


@dataclass(slots=True)
class BackupReport(Told):
    """How making a backup ended.

    Times are epoch milliseconds or seconds as the names say. ``finished_before``: the name of a backup that an earlier run had begun, and that
    this run completed first. ``linked_files``: files of a whole tree that were had from the backup before, by hard link or copies within
    the store. ``run``: the report of the copy. ``script_commands``: those that run the restore script; they are told where the others are many.
    """

    source: str
    place: str
    layout: str
    name: str = ""
    state: BackupState = "complete"
    why: str = ""
    started_ms: int = 0
    seconds: float = 0.0
    as_of_ms: int = 0
    resumed: bool = False
    finished_before: str = ""
    snapshot: str = ""
    files: int | None = None
    size_bytes: int | None = None
    changed_files: int | None = None
    changed_bytes: int | None = None
    planned_links: int = 0  # of a dry run: files that a whole tree would have from the backup before
    linked_files: int = 0
    unsettled: int = 0
    restore_commands: list[str] = field(default_factory=list)
    bulk_commands: list[str] = field(default_factory=list)  # that do the same: DistCp, for much data; the AWS CLI
    script_commands: list[str] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # what failed though the backup is complete
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    def summary(self) -> dict[str, Any]:
        """See ``Told``; but of commands all go along or none, since the first of them bring back an older state."""
        return {**Told.summary(self), "restore_commands": self._restoring(), "bulk_commands": self._in_bulk()}

    def table(self) -> str:
        """For the log and the terminal."""
        lines = [f"{name:<18}{value}" for name, value in self._rows() if value not in ("", None)]
        if self.restore_commands:
            lines += ["restored by:"] + [f"  {one}" for one in self._restoring()]
        if self.bulk_commands:
            lines += ["or, for much data or without Hadoop:"] + [f"  {one}" for one in self._in_bulk()]
        lines += [f"WARNING: {one}" for one in self.warnings]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _restoring(self) -> list[str]:
        return self.restore_commands if len(self.restore_commands) <= SHOWN else self.script_commands

    @property
    def tells_all_commands(self) -> bool:
        """Whether the table and XCom have each of the ways to restore it whole."""
        return all(len(one) <= SHOWN for one in (self.restore_commands, *self._kinds()))

    def _kinds(self) -> tuple[list[str], list[str]]:
        by_aws = [one for one in self.bulk_commands if one.startswith("aws ")]
        return by_aws, [one for one in self.bulk_commands if not one.startswith("aws ")]

    def _in_bulk(self) -> list[str]:
        by_aws, by_distcp = self._kinds()
        if len(by_distcp) > SHOWN:
            by_distcp = [one.replace("&& bash", "&& WITH=distcp bash") for one in self.script_commands]
        return by_distcp + (by_aws if len(by_aws) <= SHOWN else [])

    def _rows(self) -> list[tuple[str, Any]]:
        return [
            ("backup", self.name),
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("source", self.source),
            ("place", f"{self.place} ({self.layout})"),
            ("holds", _amount(self.files, self.size_bytes)),
            ("new or changed", _amount(self.changed_files, self.changed_bytes)),
            ("linked", f"{self.linked_files:,} files" if self.linked_files else ""),
            ("would link", f"{self.planned_links:,} files within the place" if self.planned_links else ""),
            ("finished before", self.finished_before),
            ("unsettled", f"{self.unsettled:,} files were being written" if self.unsettled else ""),
            ("time", human_seconds(self.seconds)),
            ("report", self.address),
        ]


def _amount(files: int | None, size_bytes: int | None) -> str:
    return "" if files is None else f"{files:,} files, {human_bytes(size_bytes or 0)}"
