"""livedata.yaml in Airflow: each entry that is right has its DAGs, and all that is wrong is one import error."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_livedata.configuration import load, read
from airflow_provider_livedata.configuration.fields import PRESETS
from airflow_provider_livedata.configuration.model import DisasterRecovery, Migration, MigrationOptions, RecoveryOptions
from airflow_provider_livedata.dag_bundle import LiveDataDagBundle
from airflow_provider_livedata.dag_templates.configured import configured_locations, replication_dags
from airflow_provider_livedata.dag_templates.disaster_recovery import disaster_recovery_dag
from airflow_provider_livedata.dag_templates.disaster_recovery_params import DEFAULT_OPTIONS, locations_of
from airflow_provider_livedata.dag_templates.failover import failover_dag
from airflow_provider_livedata.dag_templates.migration_params import migration_params
from tests.airflow.runs import make_tree, read_tree, run_dag
from tests.airflow.test_dags import WITHOUT_A_FILE
from tests.conftest import REPOSITORY
from tests.services.airflow_home import AirflowHome

NAMED = "AIRFLOW__LIVEDATA__CONFIG_FILE"
TEXT = """\
zones:
  prod: {address: "hdfs://hdfs_prod@nn1:8020/data", options: {bandwidth: 50MiB/s}}
  lake: {address: "s3://aws_default@lake/copies"}
replications:
  sales: {kind: disaster_recovery, source: "prod:/sales", target: "lake:sales", schedule: "@continuous", interval_s: 30}
  events: {kind: disaster_recovery, source: "prod:/events", target: "lake:events", options: {exclude: ["*.tmp"]}}
  hr: {kind: migration, source: "prod:/hr", target: "lake:hr", schedule: 0 2 * * *, timezone: Europe/Berlin, approval: true}
"""
OWN = {
    "livedata_disaster_recovery_sales", "livedata_failover_sales", "livedata_failback_sales",
    "livedata_failover_events", "livedata_failback_events", "livedata_migration_hr",
}  # fmt: skip
METADATA = {
    "source": "a",
    "target": "b",
    "state": "file:///m",
    "locations": {"file:/srv": "file:/copies"},
    "options": {"deletes": "keep"},
}
POLICIES = {"source": "ranger://a/b", "target": "ranger://c/d", "state": "file:///p", "databases": {"sales": "sales"}}
PROTECTION = {
    "target": "ranger://c/d",
    "state": "file:///p",
    "databases": {"sales": "sales"},
    "writers": {"users": ["replicator"]},
}
SHARED = {path.stem for path in (REPOSITORY / "dags").glob("*.py")} - WITHOUT_A_FILE


pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a file, and have Airflow's configuration name it."""

    def write(text: str) -> Path:
        file = tmp_path / "livedata.yaml"
        file.write_text(text)
        monkeypatch.setenv(NAMED, str(file))
        return file

    return write


def bag() -> Any:
    from airflow.dag_processing.dagbag import BundleDagBag

    bundle = LiveDataDagBundle(name="livedata")
    bundle.initialize()
    return BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)


def dags(text: str) -> dict[str, Any]:
    configuration = read(text)
    configuration.raise_problems()
    return {dag.dag_id: dag for dag in replication_dags(configuration)}


def test_airflow_knows_the_option_and_its_default(airflow_home: AirflowHome) -> None:
    ask = ("config", "get-value", "livedata", "config_file")
    assert airflow_home.run(*ask).stdout.splitlines()[-1:] in ([], [""])
    assert airflow_home.run(*ask, env={NAMED: "/etc/livedata.yaml"}).stdout.splitlines()[-1] == "/etc/livedata.yaml"


def test_with_no_file_named_nothing_is_configured() -> None:
    assert (dict(load().replications), load().problems) == ({}, ())
    found = bag()
    assert (set(found.dags), found.import_errors) == (SHARED, {})


def test_each_entry_has_its_dags(named: Callable[[str], Path]) -> None:
    named(TEXT)
    found = bag()
    assert (set(found.dags), found.import_errors) == (SHARED | OWN, {})
    (location,) = found.dags["livedata_disaster_recovery"].params["locations"]
    assert location == {
        "source": "hdfs://hdfs_prod@nn1:8020/data/events", "target": "s3://aws_default@lake/copies/events",
        "options": {"bandwidth": "50MiB/s", "exclude": ["*.tmp"]},
    }  # fmt: skip


def test_what_is_wrong_is_one_import_error_and_the_rest_goes_on(named: Callable[[str], Path]) -> None:
    file = named(TEXT.replace("approval: true", "approval: maybe").replace("lake:sales", "lakes:sales"))
    found = bag()
    gone = {dag_id for dag_id in OWN if dag_id.endswith(("_sales", "_hr"))}
    assert set(found.dags) == SHARED | OWN - gone
    ((where, message),) = found.import_errors.items()
    assert where.endswith("livedata_configuration.py")
    assert (
        f"BadConfiguration: the entries that these lines are about were left out, all others hold:\n  {file}:5: "
        in message
    )
    assert f"{file}:5: replications.sales.target: is neither an address" in message
    assert f"{file}:7: replications.hr.approval: is true or false, not 'maybe'" in message


def test_a_file_that_is_not_there_is_one_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, "/nowhere/livedata.yaml")
    found = bag()
    assert set(found.dags) == SHARED
    (message,) = found.import_errors.values()
    assert "/nowhere/livedata.yaml: cannot be read: No such file or directory" in message


def test_an_installation_shows_the_import_error_and_keeps_the_other_dags(tmp_path: Path) -> None:
    file, where = tmp_path / "livedata.yaml", tmp_path / "home"
    where.mkdir()
    (where / "airflow.cfg").write_text(f"[livedata]\nconfig_file = {file}\n")
    home = AirflowHome(where, dags=REPOSITORY / "dags").place_database()

    def parsed(text: str) -> tuple[set[str], list[dict[str, str]]]:
        file.write_text(text)
        home.run("dags", "reserialize")
        listed = home.run("dags", "list", "-o", "json").stdout
        errors = home.run("dags", "list-import-errors", "-o", "json", check=False).stdout
        return {one["dag_id"] for one in _json(listed)}, _json(errors)

    assert parsed(TEXT) == (SHARED | OWN, [])
    known, errors = parsed(TEXT.replace("approval: true", "approval: maybe"))
    assert known >= (SHARED | OWN) - {"livedata_migration_hr"}
    assert [Path(error["filepath"]).name for error in errors] == ["livedata_configuration.py"]
    assert f"{file}:7: replications.hr.approval" in errors[0]["error"]


def _json(said: str) -> Any:
    """The JSON list at the end of what a command said; nothing where it said none."""
    begin = said.find("[{")
    return json.loads(said[begin : said.rindex("]") + 1]) if begin >= 0 else []


def test_a_migration_has_its_form_filled_in_and_its_schedule() -> None:
    dag = dags(TEXT)["livedata_migration_hr"]
    assert (dag.params["source"], dag.params["target"]) == (
        "hdfs://hdfs_prod@nn1:8020/data/hr",
        "s3://aws_default@lake/copies/hr",
    )
    assert (dag.params["bandwidth"], dag.params["approval"], dag.params["threads"]) == ("50MiB/s", True, 0)
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 2 * * *", "Europe/Berlin")
    assert not dag.catchup


def test_a_disaster_recovery_with_a_schedule_has_one_location_and_its_pace() -> None:
    dag = dags(TEXT)["livedata_disaster_recovery_sales"]
    assert [location["source"] for location in dag.params["locations"]] == ["hdfs://hdfs_prod@nn1:8020/data/sales"]
    assert (dag.params["interval_s"], dag.params["duration_s"], dag.max_active_runs) == (30, 3600, 1)
    assert type(dag.timetable).__name__ == "ContinuousTimetable"
    interval = dags(TEXT.replace('"@continuous"', "{hours: 6}"))["livedata_disaster_recovery_sales"]
    assert interval.timetable.delta == timedelta(hours=6)


def test_the_dags_to_switch_have_the_same_places_and_exclusions() -> None:
    found = dags(TEXT)
    for dag_id in ("livedata_failover_events", "livedata_failback_events"):
        params = found[dag_id].params
        assert (params["source"], params["exclude"]) == ("hdfs://hdfs_prod@nn1:8020/data/events", ["*.tmp"])
        assert (params["dry_run"], params["approval"]) == (True, True)


@pytest.mark.parametrize(
    "schedule", [*PRESETS, "*/15 2 * * MON-FRI", "0 3 L * *", "0 0 * * 5#2", {"weeks": 1, "minutes": 5}]
)
def test_every_schedule_makes_dags_that_airflow_takes(schedule: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    said = yaml.safe_load(TEXT)
    for entry in ("sales", "hr"):
        said["replications"][entry].update(schedule=schedule, timezone="America/New_York")
    for dag in dags(yaml.safe_dump(said)).values():
        dag.validate()
        taken = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        if dag.dag_id.endswith(("recovery_sales", "migration_hr")):
            assert taken.next_dagrun_info(last_automated_run_info=None) is not None


def test_dags_are_made_of_entries_that_say_all_that_can_be_said() -> None:
    options: dict[str, Any] = {
        "bandwidth": "08:00-18:00=50MiB/s, off", "threads": 4, "max_reads": 2, "max_namenode_calls_per_s": 500, "priority": 20, "preserve": ["mtime", "xattrs"], "allow_snapshot": False,
        "skip_unholdable": True, "exclude": ["*.tmp", "logs/*/raw"], "max_delete_ratio": 1, "foreign": "keep", "find_by": "listings",
        "accept_new_filter": True, "exclusive": True,
    }  # fmt: skip
    more = {"consistency": "files", "keep_removed": 0.5, "list_every_h": 1, "memory_mib": 200}
    assert set(options) == set(MigrationOptions.model_fields)
    assert {*options, *more} == set(RecoveryOptions.model_fields)
    entries: dict[str, dict[str, Any]] = {
        "all": {
            "metadata": METADATA, "policies": POLICIES, "kind": "migration", "source": "s3://a/b", "target": "file:///c", "options": options, "schedule": "@weekly",
            "timezone": "Asia/Tokyo", "verify_level": "listing", "approval": True, "catch_up_until_changes": 0, "catch_up_max_rounds": 1,
        },
        "live": {
            "metadata": METADATA, "policies": POLICIES, "protection": PROTECTION, "kind": "disaster_recovery", "source": "s3://a/b", "target": "file:///d", "options": {**options, **more},
            "schedule": "@continuous", "timezone": "UTC", "interval_s": 1, "duration_s": None, "max_failures_in_row": 1,
            "verify_listing_every_h": 0, "verify_checksum_every_h": 0.5,
        },
    }  # fmt: skip
    assert set(entries["all"]) == set(Migration.model_fields)
    assert set(entries["live"]) == set(DisasterRecovery.model_fields)
    found = dags(yaml.safe_dump({"replications": entries}))
    migration, live = found["livedata_migration_all"], found["livedata_disaster_recovery_live"]
    assert {name: migration.params[name] for name in options} == options
    assert live.params["locations"][0]["options"] == {**options, **more}
    assert live.params["duration_s"] is None
    assert [one["source"] for one in locations_of(dict(live.params))] == ["s3://a/b"]
    over, back = found["livedata_failover_live"].params, found["livedata_failback_live"].params
    assert {name: over[name] for name in ("consistency", "keep_removed")} == {
        "consistency": "files",
        "keep_removed": 0.5,
    }
    assert {name: back[name] for name in options} == {name: over[name] for name in options} == options
    for dag in found.values():
        dag.validate()
        dag.params.validate()


def test_changing_one_entry_leaves_the_dags_of_the_others_as_they_are() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    def serialized(text: str) -> dict[str, str]:
        return {
            dag_id: json.dumps(DagSerialization.to_dict(dag), sort_keys=True, default=str)
            for dag_id, dag in dags(text).items()
        }

    before, after = serialized(TEXT), serialized(TEXT.replace("interval_s: 30", "interval_s: 60"))
    assert {dag_id for dag_id in before if before[dag_id] != after[dag_id]} == {"livedata_disaster_recovery_sales"}


def test_everything_that_can_be_written_is_known_to_the_forms() -> None:
    assert set(MigrationOptions.model_fields) <= set(migration_params({}))
    own = {"kind", "options", "schedule", "timezone"}
    assert set(Migration.model_fields) - own <= set(migration_params({}))
    recovery = disaster_recovery_dag().params
    elsewhere = {"source", "target", "policies", "metadata", "protection"}  # of each location, and of the switches
    assert set(DisasterRecovery.model_fields) - own - elsewhere <= set(recovery)
    assert "protection" in failover_dag().params
    forms: dict[Any, Any] = {Migration: migration_params({}), DisasterRecovery: recovery}
    for model, params in forms.items():
        for name in set(model.model_fields) - own - elsewhere:
            assert model.model_fields[name].default == params[name] or (
                model is Migration and model.model_fields[name].default == params[name].value
            ), name


def test_what_the_dag_decides_is_what_the_schema_says() -> None:
    assert {name: RecoveryOptions.model_fields[name].default for name in DEFAULT_OPTIONS} == dict(DEFAULT_OPTIONS)


def test_a_configured_migration_and_a_configured_location_run(tmp_path: Path) -> None:
    make_tree(tmp_path / "source", {"a": b"1", "b/c": b"22", "b/x.tmp": b"3"})
    text = f"""
zones: {{here: {{address: "file://{tmp_path}"}}}}
replications:
  moved: {{kind: migration, source: "here:source", target: "here:moved", options: {{exclude: ["*.tmp"]}}}}
  live: {{kind: disaster_recovery, source: "here:source", target: "here:live", schedule: "@once", duration_s: 0}}
"""
    found = dags(text)
    assert run_dag(found["livedata_migration_moved"]).state == "success"
    assert read_tree(tmp_path / "moved") == {"a": b"1", "b/c": b"22"}
    assert run_dag(found["livedata_disaster_recovery_live"]).state == "success"
    assert read_tree(tmp_path / "live") == {"a": b"1", "b/c": b"22", "b/x.tmp": b"3"}


def test_locations_of_the_shared_dag_are_those_without_a_dag_of_their_own() -> None:
    assert configured_locations(read("")) == {}
    assert [one["target"] for one in configured_locations(read(TEXT))["locations"]] == [
        "s3://aws_default@lake/copies/events"
    ]


def test_what_follows_a_replication_is_in_the_forms_of_its_dags() -> None:
    text = """\
replications:
  sales:
    kind: disaster_recovery
    source: file:///srv/sales
    target: file:///copies/sales
    schedule: "@continuous"
    metadata: {source: prod_ms, target: dr_ms, state: "file:///state/m", locations: {"file:/srv": "file:/copies"}}
    protection: {target: "ranger://dr/hive", state: "file:///state/p", databases: {sales: sales}, writers: {users: [replicator]}}
  hr:
    kind: migration
    source: file:///srv/hr
    target: file:///copies/hr
    policies: {source: "ranger://prod/hive", target: "ranger://dr/hive", state: "file:///state/h", databases: {hr: hr}}
"""
    found = dags(text)
    (location,) = found["livedata_disaster_recovery_sales"].params["locations"]
    assert location["metadata"]["state"] == "file:///state/m"
    assert "policies" not in location
    for name in ("livedata_failover_sales", "livedata_failback_sales"):
        assert found[name].params["protection"]["writers"] == {"users": ["replicator"]}
    assert found["livedata_migration_hr"].params["policies"]["databases"] == {"hr": "hr"}
    assert found["livedata_migration_hr"].params["metadata"] is None
