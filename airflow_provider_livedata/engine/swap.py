"""A replication turned round: rows of its manifest with the sides exchanged, and what the old source has that they do not say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from airflow_provider_livedata.engine.diff import Row
from airflow_provider_livedata.engine.model import Entry, Held

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


def judge(row: Row, names: frozenset[str], *, has_directories: bool) -> Found | None:
    """What was done to the old source at one key since its manifest, None where nothing was.

    Args:
        row: ``known`` is the swapped row, ``target`` what the old source holds now.
        names: Attributes that are compared.
        has_directories: Of the old source; elsewhere directories come and go with what they hold.
    """
    known, there = row.known, row.target
    if row.planned or (there is not None and there.is_implied):
        return None
    if there is None:
        is_kept = known is None or (known.entry.kind == "directory" and not has_directories)
        return None if known is None or is_kept else Found("deleted", known.entry, known.entry)
    if known is None:
        return Found("new", there)
    if there.kind == "file" and there.version != known.target_version:
        return Found("changed", there, known.entry)
    changed = sorted(name for name in names if _differs(getattr(there, name), getattr(known.entry, name)))
    return Found("attributes", there, known.entry, _told(there, known.entry, changed)) if changed else None


def found_in(rows: Iterable[Row], names: frozenset[str], *, has_directories: bool) -> Iterator[Found]:
    """All that was done, in the order of the rows."""
    for row in rows:
        found = judge(row, names, has_directories=has_directories)
        if found is not None:
            yield found


def _differs(now: object, before: object) -> bool:
    return now is not None and before is not None and now != before


def _told(now: Entry, before: Entry, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_text(getattr(before, name))} -> {_text(getattr(now, name))}" for name in names)


def _text(value: object) -> str:
    return f"{value:o}" if isinstance(value, int) else str(value)
