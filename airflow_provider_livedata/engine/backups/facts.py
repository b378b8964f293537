"""What is known of a backup when it is decided which ones stay. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BackupState(StrEnum):
    """How far a backup is. Only a complete one can be restored as a whole."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"  # being made, or cut off while it was
    DAMAGED = "damaged"  # it was complete, and a verification found it different
    REMOVING = "removing"  # its removal was begun: parts of it may be gone


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """One backup, as retention looks at it.

    Args:
        name: Unique among the backups of one location.
        time: The instant that it shows; aware, in UTC.
        state: See ``BackupState``.
        verified: When it was last found intact, None: never.
        held: Somebody wants it kept, whatever the policy says.
        is_brought: Of an incomplete one: all of it is there, and the next backup completes it.
    """

    name: str
    time: datetime
    state: BackupState
    verified: datetime | None
    held: bool
    is_brought: bool = False
