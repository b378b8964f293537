"""A replication turned round: rows of its manifest with the sides exchanged, and what the old source has that they do not say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from airflow_provider_livedata.engine.deciding.diff import Row, with_before
from airflow_provider_livedata.engine.model import Entry, Facts, Held

FoundKind = Literal["new", "changed", "deleted", "attributes"]


class Found(NamedTuple):
    """Something that was written to the old source after the switch's checkpoint.

    ``entry``: what is there now; of "deleted" what was there. ``was``: what the manifest says was there, None for "new".
    """

    kind: FoundKind
    entry: Entry
    was: Entry | None = None
    detail: str = ""

    @property
    def is_in_the_way(self) -> bool:
        """Whether it has to be kept aside, so that what comes back overwrites nothing."""
        return self.kind in ("new", "changed")


def swapped(held: Held) -> Held:
    """The row of the same file or directory for the other direction.

    The entry becomes that of the old target, with the attributes that the source had: those are what the old target was given.
    """
    entry = held.entry._replace(version=held.target_version)
    return Held(entry, held.entry.version, "", is_settled=True, is_gone=held.is_gone)


def with_others(rows: Iterable[Row], before: Iterable[Held], is_other: Callable[[str], bool]) -> Iterator[Row]:
    """The rows, those marked whose file is another one than at the switch though its version is the same.

    Args:
        rows: As ``judge`` takes them, in key order.
        before: Rows of the manifest at the switch, of the direction before it, in key order. What has come back since is told from
            them by its row.
        is_other: Whether what is at a path came there since the switch.
    """
    for row, was in with_before(rows, before):
        is_marked = was is not None and _is_as_before(row, was) and is_other(row.key)
        yield row._replace(is_other=True) if is_marked else row


def _is_as_before(row: Row, was: Held) -> bool:
    if row.known is None or row.target is None or row.target.kind != "file":
        return False
    then = swapped(was)
    return (row.known.entry.version, row.known.target_version) == (then.entry.version, then.target_version)


def judge(row: Row, names: frozenset[str], facts: Facts) -> Found | None:
    """What was done to the old source at one key since its manifest, None where nothing was.

    Args:
        row: ``known`` is the swapped row, ``target`` what the old source holds now; ``is_other``: it came there since, even if
            its version is the same.
        names: Attributes that are compared.
        facts: Of the old source. Where there are no directories they come and go with what they hold.
    """
    known, there = row.known, row.target
    if (row.planned and _may_be_ours(there, facts)) or (there is not None and there.is_implied):
        return None
    if there is None:
        is_kept = known is None or (known.entry.kind == "directory" and not facts.has_directories)
        return None if known is None or is_kept else Found("deleted", known.entry, known.entry)
    if known is None:
        return Found("new", there)
    if there.kind == "file" and (there.version != known.target_version or row.is_other):
        return Found("changed", there, known.entry)
    changed = sorted(name for name in names if _differs(getattr(there, name), getattr(known.entry, name)))
    return Found("attributes", there, known.entry, _told(there, known.entry, changed)) if changed else None


def found_in(rows: Iterable[Row], names: frozenset[str], facts: Facts) -> Iterator[Found]:
    """All that was done, in the order of the rows."""
    for row in rows:
        found = judge(row, names, facts)
        if found is not None:
            yield found


def _may_be_ours(there: Entry | None, facts: Facts) -> bool:
    """Whether an unfinished run may have left this at a path that it meant to act on, although no record says so."""
    # Where files appear by a rename the journal is written before that: a file that no record knows is somebody else's.
    return there is None or there.kind == "directory" or facts.puts_publish


def _differs(now: object, before: object) -> bool:
    return now is not None and before is not None and now != before


def _told(now: Entry, before: Entry, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_text(getattr(before, name))} -> {_text(getattr(now, name))}" for name in names)


def _text(value: object) -> str:
    return f"{value:o}" if isinstance(value, int) else str(value)
