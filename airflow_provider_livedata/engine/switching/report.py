"""What a fail-over or a fail-back did, and what a person has to know of it: JSON for programs, a table for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from airflow_provider_livedata.engine.told import Told
from airflow_provider_livedata.engine.units import human_bytes, human_seconds

FORMAT = 1
KEPT = 1000  # paths that a report holds; their number counts all
SwitchState = Literal["switched", "brought back", "already switched", "dry run"]


@dataclass(slots=True)
class SwitchReport(Told):
    """What both have in common. Times are epoch milliseconds or seconds as the names say."""

    active: str  # the side that is active afterwards
    standby: str
    state: SwitchState = "switched"
    why: str = ""  # of a dry run: what would stop the switch
    how: str = ""
    generation: int = 0  # of the roles
    by: str = ""
    started_ms: int = 0
    seconds: float = 0.0
    run: int = 0  # of the checkpoint at which was switched
    snapshot: str = ""
    as_of_ms: int = 0
    reports: list[str] = field(
        default_factory=list
    )  # addresses of the replications and verifications that belong to it
    notes: list[str] = field(default_factory=list)
    address: str = ""
    digest: str = ""
    format: int = FORMAT

    def _rows(self) -> list[tuple[str, Any]]:
        return [
            ("state", f"{self.state.upper()}{': ' + self.why if self.why else ''}"),
            ("active", self.active),
            ("standby", self.standby),
            ("how", self.how),
            ("checkpoint", f"{self.run} {self.snapshot}, of {utc(self.as_of_ms)}" if self.run else ""),
            *self._more(),
            ("time", human_seconds(self.seconds)),
            ("report", self.address),
        ]

    def _more(self) -> list[tuple[str, Any]]:
        return []

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        return [("reports", len(self.reports), self.reports), ("notes", len(self.notes), self.notes)]


@dataclass(slots=True)
class FailOverReport(SwitchReport):
    """How the target became the active side.

    Unplanned: what the source took in after ``as_of_ms`` is not at the target; ``last_contact_ms`` is when a run was last
    known to read the source. ``newer``: what an unfinished run had brought of a later state (consistency "files").
    """

    last_contact_ms: int = 0
    lost_seconds: float = 0.0  # from as_of_ms to the fail-over; 0 where nothing is lost
    unsettled: int = 0
    unsettled_paths: list[str] = field(default_factory=list)
    newer: int = 0
    newer_paths: list[str] = field(default_factory=list)
    put_back: int = 0  # files that an unfinished run had put aside, and that are back in sight; of a dry run: would be
    not_held: list[str] = field(default_factory=list)  # attributes that the active side does not keep

    def _more(self) -> list[tuple[str, Any]]:
        is_lost = bool(self.lost_seconds)
        lost = (
            f"what the source took in after {utc(self.as_of_ms)}: up to {human_seconds(self.lost_seconds)} of changes"
        )
        would = " would be" if self.state == "dry run" else ""
        return [
            ("lost", lost if is_lost else "nothing that is known"),
            ("last contact", utc(self.last_contact_ms) if is_lost and self.last_contact_ms else ""),
            ("put back", f"{self.put_back:,} files{would}" if self.put_back else ""),
            ("not kept there", ", ".join(self.not_held)),
        ]

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        return [
            ("being written at the source when they were copied", self.unsettled, self.unsettled_paths),
            ("newer than the checkpoint, brought by a run that was cut off", self.newer, self.newer_paths),
            *SwitchReport._lists(self),
        ]


@dataclass(slots=True)
class FailBackReport(SwitchReport):
    """How the old source became the active side again.

    ``found``: what had been written to it after the switch, by kind; ``found_paths`` name the first of them,
    ``found_at`` the files that list all. What was new or changed lies below ``aside``.
    """

    found: dict[str, int] = field(default_factory=dict)
    found_paths: list[str] = field(default_factory=list)
    found_by: str = ""
    found_at: str = ""
    aside: str = ""
    kept_aside: int = 0
    kept_bytes: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    deleted: int = 0
    renamed: int = 0
    changed_examples: list[str] = field(default_factory=list)  # of a dry run: what would come back
    brought_by: str = ""  # how what changed on the active side was found

    def _more(self) -> list[tuple[str, Any]]:
        would = "would be " if self.state == "dry run" else ""
        aside = f": {self.aside}" if self.aside else " would be"
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.found.items()))
        back = f"{self.copied_files:,} files, {human_bytes(self.copied_bytes)} {would}copied, {self.deleted:,} {would}deleted"
        return [
            ("written there", kinds or "nothing after the switch"),
            ("found by", self.found_by),
            (
                "kept aside",
                f"{self.kept_aside:,} files, {human_bytes(self.kept_bytes)}{aside}" if self.kept_aside else "",
            ),
            ("all listed at", self.found_at),
            ("brought back", back + (f", {self.renamed:,} renamed" if self.renamed else "")),
            ("changes found by", self.brought_by),
        ]

    def _lists(self) -> list[tuple[str, int, list[str]]]:
        found = sum(self.found.values())
        return [
            ("written to the old source after the switch", found, self.found_paths),
            ("would come back", len(self.changed_examples), self.changed_examples),
            *SwitchReport._lists(self),
        ]


def utc(ms: int) -> str:
    """An instant for people."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
