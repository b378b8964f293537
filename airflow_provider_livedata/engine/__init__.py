"""The engine: moves and proves data between zones, and knows nothing of Airflow.

What is public is imported when it is first asked for, so that reading a DAG file costs no Parquet library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.backup_catalogue import Catalogue
    from airflow_provider_livedata.engine.backup_options import BackupOptions
    from airflow_provider_livedata.engine.backup_report import BackupReport
    from airflow_provider_livedata.engine.backups import BackupFacts, BackupState
    from airflow_provider_livedata.engine.durations import Duration
    from airflow_provider_livedata.engine.flows.backing_up import backup
    from airflow_provider_livedata.engine.flows.cataloguing import catalogue
    from airflow_provider_livedata.engine.flows.catch_up import catch_up, settle
    from airflow_provider_livedata.engine.flows.changes import Fingerprint, changed, fingerprint
    from airflow_provider_livedata.engine.flows.fail_back import fail_back
    from airflow_provider_livedata.engine.flows.fail_over import fail_over
    from airflow_provider_livedata.engine.flows.proving import verify_backup
    from airflow_provider_livedata.engine.flows.removing_named import remove_backups
    from airflow_provider_livedata.engine.flows.replicate import preflight, replicate
    from airflow_provider_livedata.engine.flows.restore import restore, restore_drill
    from airflow_provider_livedata.engine.flows.restoring import bring_back
    from airflow_provider_livedata.engine.flows.retaining import hold, release, retain
    from airflow_provider_livedata.engine.flows.scripting import restore_script
    from airflow_provider_livedata.engine.flows.standing import (
        Lag,
        Proof,
        completed,
        lag,
        newest_run,
        proofs,
        stop_live,
        stop_mark,
    )
    from airflow_provider_livedata.engine.flows.undoing import undo_restore
    from airflow_provider_livedata.engine.flows.verify import verify
    from airflow_provider_livedata.engine.options import ReplicateOptions
    from airflow_provider_livedata.engine.report import Report
    from airflow_provider_livedata.engine.restore_options import DrillOptions, RestoreOptions
    from airflow_provider_livedata.engine.restore_report import DrillReport, RestoreReport
    from airflow_provider_livedata.engine.retention import Decision, Retention, decide_retention
    from airflow_provider_livedata.engine.retention_policy import RetentionPolicy
    from airflow_provider_livedata.engine.retention_report import RetentionReport
    from airflow_provider_livedata.engine.switch_report import FailBackReport, FailOverReport
    from airflow_provider_livedata.engine.verify_report import VerifyReport
    from airflow_provider_livedata.engine.zones.registry import open_zone

__all__ = [
    "BackupFacts",
    "BackupOptions",
    "BackupReport",
    "BackupState",
    "Catalogue",
    "Decision",
    "DrillOptions",
    "DrillReport",
    "Duration",
    "FailBackReport",
    "FailOverReport",
    "Fingerprint",
    "Lag",
    "Proof",
    "ReplicateOptions",
    "Report",
    "RestoreOptions",
    "RestoreReport",
    "Retention",
    "RetentionPolicy",
    "RetentionReport",
    "VerifyReport",
    "backup",
    "bring_back",
    "catalogue",
    "catch_up",
    "changed",
    "completed",
    "decide_retention",
    "fail_back",
    "fail_over",
    "fingerprint",
    "hold",
    "lag",
    "newest_run",
    "open_zone",
    "preflight",
    "proofs",
    "release",
    "remove_backups",
    "replicate",
    "restore",
    "restore_drill",
    "restore_script",
    "retain",
    "settle",
    "stop_live",
    "stop_mark",
    "undo_restore",
    "verify",
    "verify_backup",
]

_MODULES = {
    "BackupFacts": "backups",
    "BackupOptions": "backup_options",
    "BackupReport": "backup_report",
    "BackupState": "backups",
    "Catalogue": "backup_catalogue",
    "Decision": "retention",
    "DrillOptions": "restore_options",
    "DrillReport": "restore_report",
    "Duration": "durations",
    "FailBackReport": "switch_report",
    "FailOverReport": "switch_report",
    "Fingerprint": "flows.changes",
    "Lag": "flows.standing",
    "Proof": "flows.standing",
    "ReplicateOptions": "options",
    "Report": "report",
    "RestoreOptions": "restore_options",
    "RestoreReport": "restore_report",
    "Retention": "retention",
    "RetentionPolicy": "retention_policy",
    "RetentionReport": "retention_report",
    "VerifyReport": "verify_report",
    "backup": "flows.backing_up",
    "bring_back": "flows.restoring",
    "catalogue": "flows.cataloguing",
    "catch_up": "flows.catch_up",
    "changed": "flows.changes",
    "completed": "flows.standing",
    "decide_retention": "retention",
    "fail_back": "flows.fail_back",
    "fail_over": "flows.fail_over",
    "fingerprint": "flows.changes",
    "hold": "flows.retaining",
    "lag": "flows.standing",
    "newest_run": "flows.standing",
    "open_zone": "zones.registry",
    "preflight": "flows.replicate",
    "proofs": "flows.standing",
    "release": "flows.retaining",
    "remove_backups": "flows.removing_named",
    "replicate": "flows.replicate",
    "restore": "flows.restore",
    "restore_drill": "flows.restore",
    "restore_script": "flows.scripting",
    "retain": "flows.retaining",
    "settle": "flows.catch_up",
    "stop_live": "flows.standing",
    "stop_mark": "flows.standing",
    "undo_restore": "flows.undoing",
    "verify": "flows.verify",
    "verify_backup": "flows.proving",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
