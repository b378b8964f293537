"""Which backups stay and which go, each with the reasons. Pure: no I/O but for the time zone's rules, no clock.

    backups, newest first     c   c   i   c   c   c      complete, incomplete
    keep_last 2               *   *
    keep_daily 3              *           *       *      the newest of each of the last 3 days that have any
    safety                    *       *                  the newest complete one; what may still be at work
                              keep ............  go

The rules are those of restic (its manual, "Removing snapshots according to a policy"); the safety rules are ours.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from airflow_provider_livedata.engine.backups.facts import BackupFacts, BackupState
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.errors import BadInput

SHOWN = 1000
Reason = tuple[str, str]  # the name of a backup, why it is kept


class Period(NamedTuple):
    """A part of the calendar: what it is called, and which one a local time lies in, as a key and as a text."""

    unit: str
    key: Callable[[datetime], object]
    label: Callable[[datetime], str]


PERIODS = {
    # The offset tells apart the two equal hours of a night in autumn.
    "hourly": Period("hour", lambda t: (t.date(), t.hour, t.utcoffset()), lambda t: f"{t:%Y-%m-%d %H:00 %z}"),
    "daily": Period("day", lambda t: t.date(), lambda t: f"{t:%Y-%m-%d}"),
    "weekly": Period("week", lambda t: t.isocalendar()[:2], lambda t: f"{t:%G-W%V}"),
    "monthly": Period("month", lambda t: (t.year, t.month), lambda t: f"{t:%Y-%m}"),
    "yearly": Period("year", lambda t: t.year, lambda t: f"{t:%Y}"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether one backup stays, and why."""

    backup: BackupFacts
    keep: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """What a policy makes of the backups of one location, newest first."""

    policy: RetentionPolicy
    decisions: tuple[Decision, ...]

    @property
    def kept(self) -> tuple[BackupFacts, ...]:
        """Those that stay, newest first."""
        return tuple(one.backup for one in self.decisions if one.keep)

    @property
    def removed(self) -> tuple[BackupFacts, ...]:
        """Those that go, newest first."""
        return tuple(one.backup for one in self.decisions if not one.keep)

    def table(self, *, shown: int = SHOWN) -> str:
        """For the log and the terminal, times in the policy's time zone; of more than ``shown`` backups the newest."""
        rows = [_row(one, self.policy.zone) for one in self.decisions[:shown]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"{'policy':<18}{self.policy}",
            f"{'backups':<18}{len(self.decisions):,}: {len(self.kept):,} kept, {len(self.removed):,} to be removed",
            *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        ]
        if len(self.decisions) > len(rows):
            lines.append(f"... and {len(self.decisions) - len(rows):,} older ones")
        return "\n".join(lines)


def decide_retention(backups: Iterable[BackupFacts], policy: RetentionPolicy, now: datetime) -> Retention:
    """Decide which ``backups`` of one location stay.

    Only complete backups that are not dated in the future count towards a rule. Whatever the rules say, these stay: the newest
    complete and the newest verified backup, held and damaged ones, those dated in the future, incomplete ones within the
    policy's grace time, or that are brought; and all of them where the policy has no rule. What remains goes, and so does what was already being
    removed, unless it is held.

    Args:
        backups: In any order; the order does not matter.
        policy: The rules.
        now: Aware.

    Raises:
        BadInput: Two backups have the same name, or a time has no time zone.
    """
    newest_first = _ordered(backups, now)
    if policy.is_empty:
        reason = ("the policy has no rule, so nothing is removed",)
        return Retention(policy, tuple(Decision(one, keep=True, reasons=reason) for one in newest_first))
    why = defaultdict(list)
    for name, reason_to_keep in _reasons(newest_first, policy, now):
        why[name].append(reason_to_keep)
    return Retention(policy, tuple(_decision(one, why.get(one.name), policy) for one in newest_first))


def _ordered(backups: Iterable[BackupFacts], now: datetime) -> list[BackupFacts]:
    found = list(backups)
    for one in found:
        if one.time.utcoffset() is None:
            raise BadInput("the time of a backup needs a time zone", backup=one.name, time=one.time.isoformat())
    if now.utcoffset() is None:
        raise BadInput("now needs a time zone", now=now.isoformat())
    found.sort(key=lambda one: (one.time, one.name), reverse=True)
    twice = sorted(name for name, count in Counter(one.name for one in found).items() if count > 1)
    if twice:
        raise BadInput("backups of one location need names of their own", twice=twice[:20])
    return found


def _reasons(newest_first: Sequence[BackupFacts], policy: RetentionPolicy, now: datetime) -> Iterator[Reason]:
    yield from _states(newest_first, policy, now)
    counting = [one for one in newest_first if one.state is BackupState.COMPLETE and one.time <= now]
    if not counting:
        return
    yield counting[0].name, "newest complete backup"
    verified = next((one for one in counting if one.verified is not None), None)
    if verified is not None:
        yield verified.name, "newest verified backup"
    local = [one.time.astimezone(policy.zone) for one in counting]
    yield from _last(counting, policy.keep_last)
    for rule, period in PERIODS.items():
        yield from _counted(counting, local, rule, period, getattr(policy, f"keep_{rule}"))
    yield from _within(counting, local, policy)


def _states(backups: Iterable[BackupFacts], policy: RetentionPolicy, now: datetime) -> Iterator[Reason]:
    young = policy.grace.before(now, policy.zone)
    for one in backups:
        if one.held:
            yield one.name, "held"
        if one.state is BackupState.DAMAGED:
            yield one.name, "damaged: only a person may remove it"
        elif one.is_brought:
            yield one.name, "incomplete, and all of it is there: the next backup completes it"
        elif one.state is BackupState.INCOMPLETE and one.time >= young:
            yield one.name, f"incomplete, and may still be at work: not older than {policy.grace}"
        elif one.state is BackupState.COMPLETE and one.time > now:
            yield one.name, "dated in the future, so it counts for no rule"


def _last(counting: Sequence[BackupFacts], count: int) -> Iterator[Reason]:
    for number, one in enumerate(counting[: count if count >= 0 else None], start=1):
        yield one.name, f"last ({number} of {_of(count)})"


def _counted(
    counting: Sequence[BackupFacts], local: Sequence[datetime], rule: str, period: Period, count: int
) -> Iterator[Reason]:
    newest = list(islice(_newest_of_each(local, period), count if count >= 0 else None))
    for number, index in enumerate(newest, start=1):
        label = period.label(local[index])
        yield counting[index].name, f"newest of the {period.unit} {label} ({number} of {_of(count)} {rule})"
    # While not all are filled, the oldest one stays, so that history is as long as it can be until then.
    if (count < 0 or len(newest) < count) and newest[-1] != len(counting) - 1:
        unfilled = f"while {len(newest)} of {count} {rule} are filled" if count > 0 else f"kept with all {rule}"
        yield counting[-1].name, f"oldest, {unfilled}"


def _within(counting: Sequence[BackupFacts], local: Sequence[datetime], policy: RetentionPolicy) -> Iterator[Reason]:
    if policy.keep_within:
        since = policy.keep_within.before(local[0], policy.zone)
        yield from ((one.name, f"within {policy.keep_within} of the newest") for one in counting if one.time > since)
    for rule, period in PERIODS.items():
        within = getattr(policy, f"keep_within_{rule}")
        since = within.before(local[0], policy.zone)
        for index in _newest_of_each(local, period) if within else ():
            if counting[index].time <= since:
                break
            label = period.label(local[index])
            yield counting[index].name, f"newest of the {period.unit} {label} ({rule} within {within} of the newest)"


def _newest_of_each(local: Iterable[datetime], period: Period) -> Iterator[int]:
    """Yield the place of the first time in each period."""
    seen = set()
    for index, moment in enumerate(local):
        key = period.key(moment)
        if key not in seen:
            seen.add(key)
            yield index


def _of(count: int) -> str:
    return "all" if count < 0 else str(count)


def _decision(one: BackupFacts, why: Sequence[str] | None, policy: RetentionPolicy) -> Decision:
    if why:
        return Decision(one, keep=True, reasons=tuple(why))
    reason = {
        BackupState.REMOVING: "its removal was begun",
        BackupState.INCOMPLETE: f"incomplete, and older than {policy.grace}",
    }.get(one.state, "no rule keeps it")
    return Decision(one, keep=False, reasons=(reason,))


def _row(one: Decision, zone: ZoneInfo) -> tuple[str, ...]:
    backup = one.backup
    marks = (backup.state, *(("verified",) if backup.verified else ()), *(("held",) if backup.held else ()))
    return (
        "keep" if one.keep else "remove",
        f"{backup.time.astimezone(zone):%Y-%m-%d %H:%M %z}",
        backup.name,
        ", ".join(marks),
        "; ".join(one.reasons),
    )
