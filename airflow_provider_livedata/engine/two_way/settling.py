"""Who wins a conflict, and where the loser is kept. Pure: values alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.two_way.changes import Side

ConflictKind = Literal["content", "file against directory", "attributes"]
POLICIES = ("newest", "keep_both", "fail")  # and prefer:<name>
PREFER = "prefer:"
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One path that both sides changed. ``loser``: the side whose version gave way, "" where nothing was done.

    ``kept_at``: where on that side, and with ``keep_both`` on the other one too, its version is now. Times are epoch ms.
    """

    path: str
    kind: ConflictKind
    policy: str
    loser: Side | Literal[""]
    kept_at: str
    left_bytes: int = 0
    right_bytes: int = 0
    left_mtime_ms: int = 0
    right_mtime_ms: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def other(side: Side) -> Side:
    """The other one."""
    return "right" if side == "left" else "left"


def loser_of(policy: str, names: tuple[str, str], left: Entry, right: Entry) -> Side:
    """The side whose version of a path gives way; of equal times the left one stays. ``names``: of the left and the right side."""
    if policy.startswith(PREFER):
        return "right" if policy.removeprefix(PREFER) == names[0] else "left"
    return "left" if right.mtime_ms > left.mtime_ms else "right"


def beside(path: str, name: str, at_ms: int, *, number: int = 1, most_bytes: int = 1 << 30) -> str:
    """Where the loser goes that is kept beside the winner: ``report.csv.conflict-cloud-20261127T211500Z``.

    ``name``: of its side. ``number``: from 2 on, for names that are taken. ``most_bytes``: how long a name may be.
    """
    folder, slash, last = path.rpartition("/")
    ending = f".conflict-{name}-{datetime.fromtimestamp(at_ms / 1000, UTC).strftime(STAMP)}" + (
        f"-{number}" if number > 1 else ""
    )
    room = max(most_bytes - len(ending.encode()), 1)
    return f"{folder}{slash}{last.encode()[:room].decode(errors='ignore')}{ending}"
