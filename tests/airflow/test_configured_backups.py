"""Backups in livedata.yaml: each that is right has DAGs of its own, and they run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.configuration import read
from airflow_provider_livedata.configuration.model import BackupOptions
from airflow_provider_livedata.dag_templates.backup_params import LAYOUTS, OPTIONS, backup_params
from airflow_provider_livedata.dag_templates.configured_backups import backup_dags
from airflow_provider_livedata.engine import catalogue
from tests.airflow.runs import make_tree, read_tree, run_dag
from tests.airflow.test_configuration_dags import SHARED, bag, named

__all__ = ["named"]
TEXT = """\
zones:
  prod: {address: "hdfs://hdfs_prod@nn1:8020/data", options: {bandwidth: 50MiB/s}}
  lake: {address: "s3://aws_default@lake/backups"}
backups:
  nightly: {source: "prod:/sales", target: "lake:sales", layout: tree, schedule: 30 1 * * *, timezone: Europe/Berlin, exclude: ["*.tmp"],
            retention: {keep_daily: 7, keep_within: 2d}, options: {memory_mib: 200}, verify: {level: content, schedule: "@weekly"}}
  hourly: {source: "prod:/sales", schedule: {hours: 1}, retention: {keep_last: 24}}
  by-hand: {source: "prod:/hr", target: "lake:hr"}
"""
OWN = {
    "livedata_backup_nightly",
    "livedata_verify_backup_nightly",
    "livedata_backup_hourly",
    "livedata_backup_by-hand",
    "livedata_restore_nightly",
    "livedata_restore_hourly",
    "livedata_restore_by-hand",
}

pytestmark = pytest.mark.usefixtures("airflow_home")


def dags(text: str) -> dict[str, Any]:
    configuration = read(text)
    configuration.raise_problems()
    return {dag.dag_id: dag for dag in backup_dags(configuration)}


def test_each_backup_has_its_dags_beside_the_one_that_is_triggered_by_hand(named: Callable[[str], Path]) -> None:
    named(TEXT)
    found = bag()
    assert (set(found.dags), found.import_errors) == (SHARED | OWN, {})
    named(TEXT.replace("keep_last: 24", "keep_last: many"))
    left = bag()
    assert set(left.dags) == (SHARED | OWN) - {"livedata_backup_hourly", "livedata_restore_hourly"}
    assert [Path(file).name for file in left.import_errors] == ["livedata_configuration.py"]


def test_the_form_is_filled_in_and_the_clock_is_that_of_the_entry() -> None:
    nightly = dags(TEXT)["livedata_backup_nightly"]
    params = nightly.params
    assert (params["source"], params["place"]) == (
        "hdfs://hdfs_prod@nn1:8020/data/sales",
        "s3://aws_default@lake/backups/sales",
    )
    assert (params["layout"], params["exclude"], params["bandwidth"]) == ("tree", ["*.tmp"], "50MiB/s")
    assert (params["memory_mib"], params["verify_level"], params["timezone"]) == (200, "none", "Europe/Berlin")
    assert params["retention"] == {"keep_daily": 7, "keep_within": "2d"}
    assert (nightly.timetable.expression, str(nightly.timetable.timezone)) == ("30 1 * * *", "Europe/Berlin")
    hourly = dags(TEXT)["livedata_backup_hourly"]
    assert (hourly.params["place"], hourly.params["verify_level"]) == ("", "checksum")
    assert hourly.timetable.delta == timedelta(hours=1)
    assert type(dags(TEXT)["livedata_backup_by-hand"].timetable).__name__ == "NullTimetable"


def test_proofs_have_a_schedule_of_their_own_where_the_entry_says_so() -> None:
    found = dags(TEXT)
    verify = found["livedata_verify_backup_nightly"]
    assert verify.timetable.expression == "0 0 * * 0"
    task = verify.get_task("verify")
    assert (task.place, task.level, task.which) == ("s3://aws_default@lake/backups/sales", "content", "latest")


def test_changing_one_entry_leaves_the_dags_of_the_others_as_they_are() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    def serialized(text: str) -> dict[str, str]:
        return {
            dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True, default=str)
            for dag_id, dag in dags(text).items()
        }

    before, after = serialized(TEXT), serialized(TEXT.replace("{hours: 1}", "{hours: 2}"))
    assert {dag_id for dag_id in before if before[dag_id] != after[dag_id]} == {"livedata_backup_hourly"}


def test_everything_that_can_be_written_is_known_to_the_form() -> None:
    params = backup_params({})
    assert set(BackupOptions.model_fields) <= set(OPTIONS)
    for name, field in BackupOptions.model_fields.items():
        assert field.default == params[name].value, name
    assert set(LAYOUTS) >= {"auto", "snapshots", "increments", "tree"}


def test_a_configured_backup_runs(tmp_path: Path) -> None:
    make_tree(tmp_path / "data", {"a": b"1", "b/x.tmp": b"3"})
    text = f"""
zones: {{here: {{address: "file://{tmp_path}"}}}}
backups:
  one: {{source: "here:data", target: "here:vault", exclude: ["*.tmp"], schedule: "@once", retention: {{keep_last: 1}}}}
"""
    for _ in range(2):
        done = run_dag(dags(text)["livedata_backup_one"])
        assert done.state == "success", done.report["text"]
    (kept,) = catalogue(f"file://{tmp_path}/vault").backups
    assert read_tree(tmp_path / "vault" / kept.name) == {"a": b"1"}
    assert kept.verified is not None
