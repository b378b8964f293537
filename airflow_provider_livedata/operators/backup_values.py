"""Values of backups as templates and forms give them, a text for each, become those of the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_int, is_blank, options_from
from airflow_provider_livedata.engine.backups.retention_policy import COUNTS, RetentionPolicy
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.options import BACKUP_LISTS_EVERY_H

# What a backup fixes itself: see BackupOptions.of_the_run.
_FIXED = frozenset({"consistency", "keep_removed", "keep_manifests", "foreign", "accept_new_filter", "dry_run"})


def backup_options_from(values: Mapping[str, Any], *, layout: str, dry_run: bool) -> engine.BackupOptions:
    """Options of a backup: those of the copy by their names, and ``max_delete_ratio``, which is that of the backup.

    Raises:
        BadOption: An unknown name, one that a backup decides itself, or a value that the option cannot have.
    """
    fixed = sorted(_FIXED & set(values))
    if fixed:
        raise BadOption("these options are the same for every backup; leave them out", options=fixed)
    copy = options_from({"list_every_h": BACKUP_LISTS_EVERY_H, **values})
    own = {} if values.get("max_delete_ratio") is None else {"max_delete_ratio": copy.max_delete_ratio}
    return engine.BackupOptions(layout=layout or "auto", dry_run=dry_run, copy=copy, **own)


def policy_from(values: Mapping[str, Any] | str) -> RetentionPolicy:
    """A retention policy from its rules by name, or from JSON of them; numbers may be texts, and what is empty is no rule.

    Raises:
        BadOption: Not rules by name, an unknown one, or a value that it cannot have.
    """
    rules: Any = values
    if isinstance(values, str):
        try:
            rules = json.loads(values) if values.strip() else {}
        except ValueError:
            rules = None
    if not isinstance(rules, Mapping):
        raise BadOption(
            'a policy is written as {"keep_daily": 7, "keep_within": "1m"}, or as JSON of that', policy=values
        )
    given = {name: value for name, value in rules.items() if value is not None and value != ""}
    return RetentionPolicy.of({name: as_int(value, name) if name in COUNTS else value for name, value in given.items()})


def as_place(value: str | None) -> str | None:
    """An address, or None where it is None or an empty text, as a form gives it."""
    return None if is_blank(value) else value


def as_epoch_ms(value: Any, name: str) -> int:
    """Epoch milliseconds from a time in ISO 8601 (UTC where it names no zone) or a datetime; 0 where it is None or an empty text.

    Raises:
        BadOption: It is neither.
    """
    if is_blank(value):
        return 0
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise BadOption(f"{name} is a time such as 2027-12-31 or 2027-12-31T18:00+01:00", **{name: value}) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
