"""What a place of backups holds, oldest first, and which of them is meant. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from airflow_provider_livedata.engine.backups.record import FORMAT, BackupRecord, Intent, Places, number_of
from airflow_provider_livedata.engine.errors import BackupMissing, BackupUnusable
from airflow_provider_livedata.engine.units import human_bytes

State = Literal["complete", "incomplete", "damaged", "removing"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a backup must not go. ``until_ms``: from then on it may (0: never by itself)."""

    hold: str
    why: str
    by: str
    since_ms: int
    until_ms: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Verified:
    """The newest verification of a backup: how many differences it found, at which level. None: the backup is proved."""

    at_ms: int
    level: str
    report: str = ""
    differences: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of a place.

    ``why``: of one that cannot be used. ``record`` is None unless it was completed. ``verified``: its newest verification, if that
    found it intact; ``differed``: if it did not. ``has_script``: the commands that restore it lie beside it. ``is_brought``: of an
    incomplete one with a directory of its own: it has brought all its files, and the newest checkpoint counts on them.
    """

    name: str
    state: State
    began_ms: int
    record: BackupRecord | None = None
    intent: Intent | None = None
    verified: Verified | None = None
    holds: tuple[Hold, ...] = ()
    why: str = ""
    differed: Verified | None = None
    has_script: bool = False
    is_brought: bool = False

    @property
    def as_of_ms(self) -> int:
        """The instant that it is of, or when it was begun."""
        return self.record.as_of_ms if self.record else self.began_ms

    def is_held(self, now_ms: int) -> bool:
        """Whether something still needs it."""
        return any(not hold.until_ms or hold.until_ms > now_ms for hold in self.holds)


@dataclass(slots=True)
class Catalogue:
    """What a place holds, oldest first.

    ``notes``: what a person should know. ``reasons``: why the newest decision of a policy keeps a backup or lets it go, by its name.
    ``commands``: those of Hadoop that bring back the newest complete one.
    """

    place: str
    backups: list[Backup]
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)

    def complete(self) -> list[Backup]:
        """Those that can be restored."""
        return [one for one in self.backups if one.state == "complete"]

    def find(self, which: str | int | datetime = "latest") -> Backup:
        """A complete backup: by its name, "latest", or the newest one that is not after a time (epoch ms, aware, or ISO 8601).

        Raises:
            BackupMissing: There is none; lists those that are there.
            BackupUnusable: It is not complete, or damaged.
        """
        if isinstance(which, str) and number_of(which):
            return self._usable(which)
        at_ms = _epoch_ms(which)
        found = [one for one in self.complete() if at_ms is None or one.as_of_ms <= at_ms]
        if not found:
            there = [one.name for one in self.complete()][-20:]
            why = (
                "of that time; choose one of those that are there"
                if there
                else "at this place; correct it, or make one"
            )
            raise BackupMissing(f"there is no complete backup {why}", place=self.place, which=str(which), there=there)
        return max(found, key=lambda one: (one.as_of_ms, number_of(one.name)))

    def records(self) -> list[BackupRecord]:
        """Of those that were completed and are not on their way out, oldest first."""
        return [one.record for one in self.backups if one.record is not None and one.state != "removing"]

    def places(self) -> Places:
        """Where versions lie: in all that were completed and are not on their way out, damaged ones too."""
        return Places(one.name for one in self.backups if one.state in ("complete", "damaged"))

    def completed(self, record: BackupRecord) -> Catalogue:
        """The same once the backup of that record is complete."""
        done = next((one for one in self.backups if one.name == record.name), None)
        done = done or Backup(record.name, "complete", record.begun_ms)
        others = [one for one in self.backups if one.name != record.name]
        backups = [*others, replace(done, state="complete", record=record)]
        return replace(self, backups=sorted(backups, key=lambda one: (number_of(one.name), one.name)))

    def removing(self, name: str) -> Catalogue:
        """The same once a backup is marked as on its way out."""
        backups = [replace(one, state="removing") if one.name == name else one for one in self.backups]
        return replace(self, backups=backups)

    def table(self) -> str:
        """For the log and the terminal."""
        head = f"{'name':<24}{'as of':<21}{'state':<12}{'layout':<12}{'files':>12}{'size':>12}{'changed':>12}  verified, held, why kept"
        lines = [_line(one) + self._because(one) for one in self.backups]
        if self.commands:
            lines += ["the newest complete one is restored by:", *(f"  {one}" for one in self.commands)]
            lines.append(
                "any of them, or a path of it, by restore.sh beside it, or engine.restore_script(place, name, path)"
            )
        return "\n".join([f"backups of {self.place}", head, *lines, *self.notes])

    def _because(self, one: Backup) -> str:
        return f", {self.reasons[one.name]}" if one.name in self.reasons else ""

    def _usable(self, name: str) -> Backup:
        found = next((one for one in self.backups if one.name == name), None)
        if found is None:
            raise BackupMissing("there is no backup of that name; choose one of those that are there", place=self.place,
                                which=name, there=[one.name for one in self.complete()][-20:])  # fmt: skip
        if found.state != "complete":
            raise BackupUnusable(
                f"the backup is {found.state} and cannot be restored; choose another one", place=self.place, which=name,
                why=found.why, there=[one.name for one in self.complete()][-20:],
            )  # fmt: skip
        return found


def _epoch_ms(which: str | int | datetime) -> int | None:
    if which == "latest":
        return None
    if isinstance(which, int):
        return which
    try:
        moment = datetime.fromisoformat(which) if isinstance(which, str) else which
    except ValueError:
        raise BackupMissing(
            "neither a name of a backup, 'latest', nor a time; write for example 2024-05-17T08:30", which=which
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def utc(at_ms: int) -> str:
    """For people."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _line(one: Backup) -> str:
    record = one.record
    files = f"{record.files:,}" if record and record.files is not None else ""
    size = human_bytes(record.size_bytes) if record and record.size_bytes is not None else ""
    changed = human_bytes(record.changed_bytes) if record and record.changed_bytes is not None else ""
    proved = f"{one.verified.level} {utc(one.verified.at_ms)}" if one.verified else "not verified"
    if one.differed:
        proved = f"{one.differed.differences:,} DIFFERENCES {utc(one.differed.at_ms)}: {one.differed.report}"
    held = "".join(f", held by {hold.by}: {hold.why}" for hold in one.holds)
    layout = record.layout if record else one.intent.layout if one.intent else ""
    return (
        f"{one.name:<24}{utc(one.as_of_ms):<21}{one.state:<12}{layout:<12}{files:>12}{size:>12}{changed:>12}  "
        f"{proved}{held}{': ' + one.why if one.why else ''}"
    )
