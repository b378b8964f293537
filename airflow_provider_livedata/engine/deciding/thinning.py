"""Which snapshots of a target may go. Pure: no I/O, no clock.

kept    the newest; all of the last hour; of every hour before that the last one, for as many days as wanted
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_livedata.engine.model import Snapshot

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def surplus(taken: Iterable[Snapshot], now_ms: int, keep_days: float) -> list[Snapshot]:
    """Those of ``taken`` that need not be kept, oldest first; never the newest.

    Args:
        taken: Snapshots of one replication, in any order.
        now_ms: Epoch milliseconds.
        keep_days: How far back an hourly state is kept; 0: the newest alone.
    """
    ordered = sorted(taken, key=lambda one: (one.taken_ms, one.name))
    since = now_ms - round(keep_days * DAY_MS)
    last_of_hour = {one.taken_ms // HOUR_MS: one for one in ordered}
    return [one for one in ordered[:-1] if not _is_kept(one, now_ms, since, last_of_hour)]


def _is_kept(one: Snapshot, now_ms: int, since_ms: int, last_of_hour: dict[int, Snapshot]) -> bool:
    if one.taken_ms < since_ms:
        return False
    return one.taken_ms > now_ms - HOUR_MS or last_of_hour[one.taken_ms // HOUR_MS] is one
