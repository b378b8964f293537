"""The engine: moves and proves data between zones, and knows nothing of Airflow."""

from __future__ import annotations

from airflow_provider_livedata.engine.flows.replicate import preflight, replicate
from airflow_provider_livedata.engine.flows.verify import VerifyReport, verify
from airflow_provider_livedata.engine.options import ReplicateOptions
from airflow_provider_livedata.engine.report import Report
from airflow_provider_livedata.engine.zones.registry import open_zone

__all__ = ["ReplicateOptions", "Report", "VerifyReport", "open_zone", "preflight", "replicate", "verify"]
