"""The file ``livedata.yaml``: zones, replications, backups and locations by name. It is read by DAG files, and never stops one.

configuration = load()          # what [livedata] config_file names, or load("livedata.yaml")
configuration.backups           # those that are right: {"nightly": Backup(...)}, places as addresses
configuration.locations         # those with a home and followers
configuration.shared            # those that two zones write to
configuration.problems          # what is wrong, each with file and line; the entries concerned are left out
"""

from __future__ import annotations

from airflow_provider_livedata.configuration.homes import Feed
from airflow_provider_livedata.configuration.loading import Configuration, load, read
from airflow_provider_livedata.configuration.locating import Located
from airflow_provider_livedata.configuration.location import Follower, Location
from airflow_provider_livedata.configuration.model import (
    Backup,
    DisasterRecovery,
    Drill,
    Migration,
    Retention,
    VerifyBackup,
    Zone,
)
from airflow_provider_livedata.configuration.problems import Problem
from airflow_provider_livedata.configuration.two_way import Shared, TwoWayLocation

__all__ = [
    "Backup",
    "Configuration",
    "DisasterRecovery",
    "Drill",
    "Feed",
    "Follower",
    "Located",
    "Location",
    "Migration",
    "Problem",
    "Retention",
    "Shared",
    "TwoWayLocation",
    "VerifyBackup",
    "Zone",
    "load",
    "read",
]
