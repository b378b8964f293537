"""The engine: moves and proves data between zones, and knows nothing of Airflow.

What is public is imported when it is first asked for, so that reading a DAG file costs no Parquet library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_livedata.engine.backups.catalogue import Catalogue
    from airflow_provider_livedata.engine.backups.cataloguing import catalogue
    from airflow_provider_livedata.engine.backups.facts import BackupFacts, BackupState
    from airflow_provider_livedata.engine.backups.options import BackupOptions
    from airflow_provider_livedata.engine.backups.report import BackupReport
    from airflow_provider_livedata.engine.backups.retention import Decision, Retention, decide_retention
    from airflow_provider_livedata.engine.backups.retention_policy import RetentionPolicy
    from airflow_provider_livedata.engine.backups.retention_report import RetentionReport
    from airflow_provider_livedata.engine.backups.scripting import restore_script
    from airflow_provider_livedata.engine.durations import Duration
    from airflow_provider_livedata.engine.flows.backup import backup
    from airflow_provider_livedata.engine.flows.catch_up import catch_up, settle
    from airflow_provider_livedata.engine.flows.fail_back import fail_back
    from airflow_provider_livedata.engine.flows.fail_over import fail_over
    from airflow_provider_livedata.engine.flows.follow import follow
    from airflow_provider_livedata.engine.flows.make_delta import convert_to_delta, copy_to_delta
    from airflow_provider_livedata.engine.flows.protect_replica import protect_replica
    from airflow_provider_livedata.engine.flows.proving import verify_backup
    from airflow_provider_livedata.engine.flows.removing_named import remove_backups
    from airflow_provider_livedata.engine.flows.replicate import preflight, replicate
    from airflow_provider_livedata.engine.flows.restore import restore, restore_drill
    from airflow_provider_livedata.engine.flows.restoring import bring_back
    from airflow_provider_livedata.engine.flows.retaining import hold, release, retain
    from airflow_provider_livedata.engine.flows.sync_catalogue import sync_catalogue
    from airflow_provider_livedata.engine.flows.sync_policies import sync_policies
    from airflow_provider_livedata.engine.flows.two_way_sync import two_way_sync
    from airflow_provider_livedata.engine.flows.undoing import undo_restore
    from airflow_provider_livedata.engine.flows.verify import verify
    from airflow_provider_livedata.engine.flows.verify_catalogue import verify_catalogue
    from airflow_provider_livedata.engine.flows.verify_policies import verify_policies
    from airflow_provider_livedata.engine.metastore.delta_options import DeltaOptions
    from airflow_provider_livedata.engine.metastore.registry import open_catalogue
    from airflow_provider_livedata.engine.metastore.report import CatalogueReport
    from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
    from airflow_provider_livedata.engine.options import ReplicateOptions
    from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
    from airflow_provider_livedata.engine.policies.registry import open_grants, open_policies
    from airflow_provider_livedata.engine.policies.report import PolicyReport
    from airflow_provider_livedata.engine.replication.changes import Fingerprint, changed, fingerprint
    from airflow_provider_livedata.engine.replication.standing import (
        Lag,
        Proof,
        completed,
        lag,
        newest_run,
        proofs,
        stop_live,
        stop_mark,
    )
    from airflow_provider_livedata.engine.report import Report
    from airflow_provider_livedata.engine.restores.options import DrillOptions, RestoreOptions
    from airflow_provider_livedata.engine.restores.report import DrillReport, RestoreReport
    from airflow_provider_livedata.engine.switching.report import FailBackReport, FailOverReport
    from airflow_provider_livedata.engine.two_way.options import TwoWayOptions
    from airflow_provider_livedata.engine.two_way.report import TwoWayReport
    from airflow_provider_livedata.engine.two_way.telling import conflicts_after, newest_two_way_run
    from airflow_provider_livedata.engine.verify_report import VerifyReport
    from airflow_provider_livedata.engine.zones.registry import open_zone

__all__ = [
    "BackupFacts",
    "BackupOptions",
    "BackupReport",
    "BackupState",
    "Catalogue",
    "CatalogueReport",
    "Decision",
    "DeltaOptions",
    "DrillOptions",
    "DrillReport",
    "Duration",
    "FailBackReport",
    "FailOverReport",
    "Fingerprint",
    "Lag",
    "PolicyReport",
    "PolicySyncOptions",
    "Proof",
    "ReplicateOptions",
    "Report",
    "RestoreOptions",
    "RestoreReport",
    "Retention",
    "RetentionPolicy",
    "RetentionReport",
    "SyncOptions",
    "TwoWayOptions",
    "TwoWayReport",
    "VerifyReport",
    "backup",
    "bring_back",
    "catalogue",
    "catch_up",
    "changed",
    "completed",
    "conflicts_after",
    "convert_to_delta",
    "copy_to_delta",
    "decide_retention",
    "fail_back",
    "fail_over",
    "fingerprint",
    "follow",
    "hold",
    "lag",
    "newest_run",
    "newest_two_way_run",
    "open_catalogue",
    "open_grants",
    "open_policies",
    "open_zone",
    "preflight",
    "proofs",
    "protect_replica",
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
    "sync_catalogue",
    "sync_policies",
    "two_way_sync",
    "undo_restore",
    "verify",
    "verify_backup",
    "verify_catalogue",
    "verify_policies",
]

_MODULES = {
    "BackupFacts": "backups.facts",
    "BackupOptions": "backups.options",
    "BackupReport": "backups.report",
    "BackupState": "backups.facts",
    "Catalogue": "backups.catalogue",
    "CatalogueReport": "metastore.report",
    "Decision": "backups.retention",
    "DeltaOptions": "metastore.delta_options",
    "DrillOptions": "restores.options",
    "DrillReport": "restores.report",
    "Duration": "durations",
    "FailBackReport": "switching.report",
    "FailOverReport": "switching.report",
    "Fingerprint": "replication.changes",
    "Lag": "replication.standing",
    "PolicyReport": "policies.report",
    "PolicySyncOptions": "policies.options",
    "Proof": "replication.standing",
    "ReplicateOptions": "options",
    "Report": "report",
    "RestoreOptions": "restores.options",
    "RestoreReport": "restores.report",
    "Retention": "backups.retention",
    "RetentionPolicy": "backups.retention_policy",
    "RetentionReport": "backups.retention_report",
    "SyncOptions": "metastore.sync_options",
    "TwoWayOptions": "two_way.options",
    "TwoWayReport": "two_way.report",
    "VerifyReport": "verify_report",
    "backup": "flows.backup",
    "bring_back": "flows.restoring",
    "catalogue": "backups.cataloguing",
    "catch_up": "flows.catch_up",
    "changed": "replication.changes",
    "completed": "replication.standing",
    "conflicts_after": "two_way.telling",
    "convert_to_delta": "flows.make_delta",
    "copy_to_delta": "flows.make_delta",
    "decide_retention": "backups.retention",
    "fail_back": "flows.fail_back",
    "fail_over": "flows.fail_over",
    "fingerprint": "replication.changes",
    "follow": "flows.follow",
    "hold": "flows.retaining",
    "lag": "replication.standing",
    "newest_run": "replication.standing",
    "newest_two_way_run": "two_way.telling",
    "open_catalogue": "metastore.registry",
    "open_grants": "policies.registry",
    "open_policies": "policies.registry",
    "open_zone": "zones.registry",
    "preflight": "flows.replicate",
    "proofs": "replication.standing",
    "protect_replica": "flows.protect_replica",
    "release": "flows.retaining",
    "remove_backups": "flows.removing_named",
    "replicate": "flows.replicate",
    "restore": "flows.restore",
    "restore_drill": "flows.restore",
    "restore_script": "backups.scripting",
    "retain": "flows.retaining",
    "settle": "flows.catch_up",
    "stop_live": "replication.standing",
    "stop_mark": "replication.standing",
    "sync_catalogue": "flows.sync_catalogue",
    "sync_policies": "flows.sync_policies",
    "two_way_sync": "flows.two_way_sync",
    "undo_restore": "flows.undoing",
    "verify": "flows.verify",
    "verify_backup": "flows.proving",
    "verify_catalogue": "flows.verify_catalogue",
    "verify_policies": "flows.verify_policies",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
