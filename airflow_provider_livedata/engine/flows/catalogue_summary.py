"""What a catalogue comes to: few numbers for programs, and why each backup would stay by a policy."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from airflow_provider_livedata.engine.backups.catalogue import Backup, Catalogue
from airflow_provider_livedata.engine.backups.record import number_of
from airflow_provider_livedata.engine.backups.retention import Retention, decide_retention
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from airflow_provider_livedata.engine.flows.retaining import facts_of
from airflow_provider_livedata.engine.report import SHOWN


def decisions(found: Catalogue, policy: RetentionPolicy, now: datetime) -> Retention:
    """What ``policy`` would make of the backups of a catalogue, with the reasons; nothing is removed."""
    return decide_retention([facts_of(one, _epoch_ms(now)) for one in found.backups], policy, now)


def catalogue_summary(found: Catalogue, now: datetime, decided: Retention | None = None) -> dict[str, Any]:
    """The small part that travels through XCom, however many backups there are.

    Returns:
        ``place``; ``count`` of all backups and ``states`` with how many are in each; ``held``; ``newest`` and ``newest_verified``, each the name
        of a complete backup or "", with ``newest_as_of_ms`` and ``newest_age_seconds``, None where there is none; names of those
        that are ``damaged``, and of those whose newest verification found them ``differing``;
        ``backups``, the newest twenty, newest first; and of a policy ``would_keep`` and ``would_remove``, how many.
    """
    newest = max(found.complete(), key=_age_key, default=None)
    proved = max((one for one in found.complete() if one.verified), key=_age_key, default=None)
    reasons = {one.backup.name: list(one.reasons) for one in decided.decisions} if decided else {}
    shown = found.backups[::-1][:SHOWN]  # by their numbers, whatever a clock did
    return {
        "place": found.place,
        "count": len(found.backups),
        "states": dict(Counter(one.state for one in found.backups)),
        "held": sum(one.is_held(_epoch_ms(now)) for one in found.backups),
        "newest": newest.name if newest else "",
        "newest_as_of_ms": newest.as_of_ms if newest else None,
        "newest_age_seconds": round(now.timestamp() - newest.as_of_ms / 1000, 3) if newest else None,
        "newest_verified": proved.name if proved else "",
        "differing": [one.name for one in found.backups if one.differed][-SHOWN:],
        "damaged": [one.name for one in found.backups if one.state == "damaged"][-SHOWN:],
        "backups": [_told(one, reasons.get(one.name)) for one in shown],
        **({"would_keep": len(decided.kept), "would_remove": len(decided.removed)} if decided else {}),
    }


def _told(one: Backup, reasons: list[str] | None) -> dict[str, Any]:
    record = one.record
    told: dict[str, Any] = {
        "name": one.name, "state": one.state, "as_of_ms": one.as_of_ms, "why": one.why,
        "files": record.files if record else None, "size_bytes": record.size_bytes if record else None,
        "changed_bytes": record.changed_bytes if record else None,
        "verified_ms": one.verified.at_ms if one.verified else None, "verified_level": one.verified.level if one.verified else "",
        "differences": one.differed.differences if one.differed else 0,
        "held_by": [f"{hold.by}: {hold.why}" for hold in one.holds][:SHOWN],
    }  # fmt: skip
    return told if reasons is None else {**told, "reasons": reasons}


def _age_key(one: Backup) -> tuple[int, int]:
    return one.as_of_ms, number_of(one.name)


def _epoch_ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
