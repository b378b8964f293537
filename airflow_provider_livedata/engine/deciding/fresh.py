"""What is new at a target since it was last told of, in runs that are complete and proved. Pure: no I/O, no clock, no zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_provider_livedata.engine.deciding.partitions import merged

ADDED = ("changes", "copied_files", "copied_bytes", "renamed", "deleted")  # over all runs that are told of
ALL = "*"  # in place of a partition: look at all of them
LONGEST = 250  # characters of a key, by Airflow
LAST = ("run", "source", "target", "snapshot", "as_of_ms", "lag_seconds", "checkpoint", "report")


def fresh(runs: Sequence[Mapping[str, Any]], *, told: int, proved: int) -> dict[str, Any] | None:
    """What to tell of a target, None where nothing changed.

    Args:
        runs: As ``standing.completed`` gives them, oldest first.
        told: The number of the last run that was told of, 0 for none.
        proved: The number of the newest run whose result was verified.

    Returns:
        ``LAST`` of the newest of these runs, the sums of ``ADDED``, and the partitions that they touched.
    """
    new = [one for one in runs if told < one["run"] <= proved]
    if not any(one["changes"] is None or one["changes"] for one in new):  # None: its report is not there
        return None
    partitions, has_more = merged(one["partitions"] for one in new)
    return {
        **{name: new[-1][name] for name in LAST},
        **{name: sum(one[name] or 0 for one in new) for name in ADDED},
        "partitions": partitions,
        "has_more_partitions": has_more or _any(new, "has_more_partitions"),
        "changes_elsewhere": _any(new, "changes_elsewhere"),
    }


def partition_keys(told: Mapping[str, Any], longest: int = LONGEST) -> list[str]:
    """The partitions as keys of an event each, ``ALL`` where there are others that cannot be told so; none where none changed."""
    short = [name for name in told["partitions"] if len(name) <= longest]
    has_more = told["has_more_partitions"] or len(short) < len(told["partitions"])
    return [*short, *([ALL] if has_more else [])]


def _any(runs: Iterable[Mapping[str, Any]], name: str) -> bool:
    return any(bool(one[name]) for one in runs)
