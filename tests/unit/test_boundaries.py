"""The engine is complete without Airflow, and its public surface is what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_livedata import engine

PUBLIC = {
    "BackupFacts", "BackupOptions", "BackupReport", "BackupState", "Catalogue", "Decision", "DrillOptions",
    "DrillReport", "Duration", "FailBackReport", "FailOverReport", "Fingerprint", "Lag", "Proof", "ReplicateOptions",
    "Report", "RestoreOptions", "RestoreReport", "Retention", "RetentionPolicy", "RetentionReport", "VerifyReport",
    "backup", "bring_back", "catalogue", "catch_up", "changed", "completed", "decide_retention", "fail_back",
    "fail_over", "fingerprint", "hold", "lag", "newest_run", "open_zone", "preflight", "proofs", "release", "remove_backups",
    "replicate", "restore", "restore_drill", "restore_script", "retain", "settle", "stop_live", "stop_mark",
    "undo_restore", "verify", "verify_backup",
}  # fmt: skip
EVERYTHING = """
import pkgutil, sys
import airflow_provider_livedata.engine as engine
for module in pkgutil.walk_packages(engine.__path__, engine.__name__ + "."):
    __import__(module.name)
for name in engine.__all__:
    getattr(engine, name)
print(*sys.modules)
"""


def modules_after(script: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_module_of_the_engine_imports_airflow() -> None:
    loaded = modules_after(EVERYTHING)
    assert "airflow_provider_livedata.engine.flows.replicate" in loaded
    assert {name for name in loaded if name == "airflow" or name.startswith("airflow.")} == set()


def test_importing_the_engine_loads_nothing_heavy() -> None:
    loaded = modules_after("import sys, airflow_provider_livedata.engine; print(*sys.modules)")
    assert loaded.isdisjoint({"airflow", "pyarrow", "boto3", "awscrt", "obstore", "hdfs_native", "numpy"})


def test_the_public_surface_is_pinned() -> None:
    assert set(engine.__all__) == PUBLIC
    assert all(hasattr(engine, name) for name in PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        engine.nothing  # noqa: B018 - asking is the test
