"""docs/backup-and-recovery.md shows what the code says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from airflow_provider_livedata.engine.backups.facts import BackupFacts, BackupState
from airflow_provider_livedata.engine.backups.record import file_of, name_of
from airflow_provider_livedata.engine.backups.retention import decide_retention
from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "backup-and-recovery.md").read_text()
LAST_NIGHT = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
POLICY = RetentionPolicy.of(
    {"keep_last": 2, "keep_daily": 4, "keep_weekly": 3, "keep_monthly": 2, "timezone": "Europe/Berlin"}
)


def one(
    nights_ago: int, state: BackupState = BackupState.COMPLETE, *, verified: bool = False, held: bool = False
) -> BackupFacts:
    moment = LAST_NIGHT - timedelta(days=nights_ago)
    name = name_of(101 - nights_ago, int(moment.timestamp() * 1000))
    return BackupFacts(name, moment, state, moment if verified else None, held)


def test_the_worked_example_is_what_the_policy_makes_of_these_backups() -> None:
    backups = [
        one(0), one(1, verified=True), one(2, BackupState.INCOMPLETE), one(3), one(4, BackupState.DAMAGED), one(5), one(6), one(8),
        one(9, verified=True), one(22), one(23), one(53), one(76, held=True), one(100),
    ]  # fmt: skip
    table = decide_retention(backups, POLICY, LAST_NIGHT + timedelta(hours=1)).table()
    assert table in PAGE, table


def test_every_rule_of_the_example_is_in_its_heading() -> None:
    rules = re.search(r'"retention": (\{[^}]*\})', PAGE)
    assert rules is not None
    assert str(POLICY).startswith(rules[1].strip("{}").replace('"', "").replace(":", ""))


def test_the_page_on_stored_formats_names_every_file_of_a_backup() -> None:
    formats = (REPOSITORY / "docs" / "formats.md").read_text()
    for kind in ("intent", "complete", "verified", "removing"):
        assert file_of("<name>", kind) in formats, kind
    assert "backups/<name>/held-<id>.json" in formats
