"""The engine is complete without Airflow, its public surface is what it says, and bad imports break the build."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from airflow_provider_livedata import engine

ROOT = Path(__file__).parents[2]
PACKAGE = "airflow_provider_livedata"
STORES = ("abfs", "any_fsspec", "gs", "hdfs", "local", "memory", "s3")
COMMON = {
    "address",
    "around",
    "base",
    "below",
    "in_order",
    "objects",
    "powers",
    "ranges",
    "registry",
    "webhdfs_paths",
    "wrappers",
}  # to all stores
PLANTED = {  # module: what it must not import
    "engine.deciding.plan": "time",
    "engine.backups.record": "airflow_provider_livedata.engine.zones.base",
    "engine.transfer.phases": "airflow",
    "engine.reading.scan": "airflow_provider_livedata.hooks.livedata",
    "engine.zones.base": "airflow_provider_livedata.engine.flows.verify",
    "engine.zones.around": "airflow_provider_livedata.engine.zones.wrappers",
    "engine.zones.s3.zone": "airflow_provider_livedata.engine.zones.hdfs.zone",
    "engine.flows.verify": "airflow_provider_livedata.engine.flows.fail_over",
    "engine.deciding.diff": "airflow_provider_livedata.engine.deciding.plan",
    "bridge": "airflow_provider_livedata.operators.base",
    "testing.faults": "airflow",
}

PUBLIC = {
    "BackupFacts", "BackupOptions", "BackupReport", "BackupState", "Catalogue", "CatalogueReport", "Decision", "DeltaOptions", "DrillOptions",
    "DrillReport", "Duration", "FailBackReport", "FailOverReport", "Fingerprint", "Lag", "Proof", "ReplicateOptions",
    "PolicyReport", "PolicySyncOptions", "Report", "RestoreOptions", "RestoreReport", "Retention", "RetentionPolicy", "RetentionReport", "SyncOptions", "TwoWayOptions", "TwoWayReport", "VerifyReport",
    "backup", "bring_back", "catalogue", "catch_up", "changed", "completed", "conflicts_after", "convert_to_delta", "copy_to_delta", "decide_retention", "fail_back",
    "fail_over", "fingerprint", "follow", "hold", "lag", "newest_run", "newest_two_way_run", "open_catalogue", "open_grants", "open_policies", "open_zone", "preflight", "proofs", "protect_replica", "release",
    "remove_backups",
    "replicate", "restore", "restore_drill", "restore_script", "retain", "settle", "stop_live", "stop_mark",
    "sync_catalogue", "sync_policies", "two_way_sync", "undo_restore", "verify", "verify_backup", "verify_catalogue", "verify_policies",
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


def test_a_bad_import_breaks_a_contract_wherever_it_is_planted(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, bad in PLANTED.items():
        file = (tmp_path / PACKAGE / module.replace(".", "/")).with_suffix(".py")
        file.write_text(f"{file.read_text()}\nimport {bad}\n")
    linter = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(
        linter, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    said = re.sub(r"\s+", " ", done.stdout)
    found = {module for module, bad in PLANTED.items() if f"{PACKAGE}.{module} -> {bad}" in said}
    assert found == set(PLANTED), done.stdout + done.stderr
    assert done.returncode == 1


def test_no_module_of_one_store_imports_one_of_another() -> None:
    zones = f"{PACKAGE}.engine.zones"
    graph = grimp.build_graph(PACKAGE)
    names = {module.rpartition(".")[2] for module in graph.find_children(zones)}
    assert names == COMMON | set(STORES)
    for module in graph.find_descendants(zones):
        for imported in graph.find_modules_directly_imported_by(module):
            other = _store(imported)
            assert not other or other == _store(module) or module == f"{zones}.registry", f"{module} imports {imported}"


def _store(module: str) -> str:
    name = module.removeprefix(f"{PACKAGE}.engine.zones.").partition(".")[0]
    return name if name in STORES else ""


def test_what_says_that_it_is_pure_is_held_to_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = next(one["source_modules"] for one in contracts if one["name"] == "Decisions are pure")
    says = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / PACKAGE / "engine").rglob("*.py")
        if "zones" not in file.parts and re.search(r"\bPure[.:]", (file.read_text().split('"""') + ["", ""])[1])
    }
    unheld = {module for module in says if not any(f"{module}.".startswith(f"{one}.") for one in held)}
    assert unheld == set()


def test_the_drawing_of_the_layers_is_what_the_imports_say() -> None:
    drawn = subprocess.run([sys.executable, "tools/drawing.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr
