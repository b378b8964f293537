"""The DAG, the operators and the sensor of metadata, on two real metastores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_livedata.engine.metastore.model import Principal
from tests.airflow.runs import Run, make_tree, migrate, run
from tests.services.airflow_home import connection_variable
from tests.services.hive import Metastore
from tests.system.catalogue_common import Pair, pair_of

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def pair(
    metastore: Metastore, other_metastore: Metastore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pair]:
    """Two metastores with connections; the source's first host does not answer."""
    for name, server, first in (("prod_ms", metastore, "127.0.0.1:9,"), ("dr_ms", other_metastore, "")):
        connection = {
            "conn_type": "livedatametastore",
            "host": f"{first}127.0.0.1",
            "port": server.port,
            "login": "ann",
        }
        monkeypatch.setenv(connection_variable(name), json.dumps(connection))
    for one in pair_of(metastore.uri, other_metastore.uri, tmp_path):
        one.create("plain")
        one.create("by_day", days=("2024-01-01", "2024-01-02"))
        yield one


def places(pair: Pair) -> dict[str, Any]:
    locations = {f"file:{pair.root}/source": f"file:{pair.root}/target"}
    return {"source": "prod_ms", "target": "dr_ms", "state": f"file://{pair.root}/state", "locations": locations}


def sync(pair: Pair, **params: Any) -> Run:
    from airflow_provider_livedata.dag_templates.metastore_sync import metastore_sync_dag

    conf = {**places(pair), "databases": [f"{pair.database}*"], "dry_run": False, **params}
    return run(metastore_sync_dag(), conf=conf, mark_success="approve")


def test_the_dag_previews_syncs_verifies_and_tells(pair: Pair) -> None:
    preview = sync(pair, dry_run=True)
    assert preview.report["outcome"] == "PREVIEWED", preview.report["text"]
    assert pair.target.database(pair.database) is None
    done = sync(pair)
    assert done.report["outcome"] == "SYNCED", done.report["text"]
    assert "2 created tables" in done.report["why"]
    assert done.states["verify"] == "success"
    assert len(pair.partitions("by_day")) == 2
    again = sync(pair, verify=False)
    assert (again.results["sync"]["planned"], again.states["verify"]) == ({}, "skipped")
    assert "0 events of the source's log" in again.report["text"]


def test_the_dag_stops_at_what_somebody_changed_and_says_how_to_go_on(pair: Pair) -> None:
    sync(pair)
    found = pair.found("plain")
    assert found is not None
    pair.target.alter_table(replace(found, owner=Principal("eve")))
    stopped = sync(pair, find_by="full")
    assert stopped.report["outcome"] == "STOPPED"
    assert stopped.failures["preview"]["error"] == "TargetTouched"
    assert "changed_at_target='overwrite'" in stopped.report["text"]
    assert stopped.failures["preview"]["report"] is None
    assert sync(pair, find_by="full", changed_at_target="overwrite").report["outcome"] == "SYNCED"


def test_the_operator_of_verification_fails_for_good_and_names_what_differs(pair: Pair) -> None:
    from airflow_provider_livedata.operators.metastore import MetastoreVerifyOperator

    verify = MetastoreVerifyOperator(task_id="verify", options={"databases": f"{pair.database}*"}, **places(pair))
    with pytest.raises(AirflowFailException, match=f"table {pair.database}.plain: missing"):
        verify.execute(_context())
    verify.is_dry_run = True
    assert len(verify.execute(_context())["changes"]) == 5
    verify.rows_at_source = "prod_sql"
    with pytest.raises(AirflowFailException, match="name that too"):
        verify.execute(_context())


def test_the_sensor_waits_for_a_change_of_chosen_tables_and_says_up_to_where(pair: Pair) -> None:
    from airflow_provider_livedata.sensors.metastore import MetastoreChangeSensor
    from airflow_provider_livedata.triggers.looks import LookTrigger

    sync(pair)
    chosen = {"databases": f"{pair.database}*", "tables": f"{pair.database}.by_*"}
    sensor = MetastoreChangeSensor(task_id="wait", metastore="prod_ms", state=f"file://{pair.root}/state", **chosen)
    sensor.after = sensor._begin()
    assert not sensor.poke({}).is_done
    pair.create("other")
    assert not sensor.poke({}).is_done
    table = pair.found("by_day", at="source")
    assert table is not None
    pair.source.add_partitions(table, [pair.partition(table, "2024-01-03")])
    found = sensor.poke({})
    assert found.xcom_value is not None
    assert (found.is_done, found.xcom_value["position"]) == (True, pair.source.position())
    assert found.xcom_value["change"] == f"ADD_PARTITION {pair.database}.by_day"
    name, arguments = sensor.look()
    trigger = LookTrigger(name, arguments, 0.1, 0)
    path, serialized = trigger.serialize()
    assert (path, json.loads(json.dumps(serialized))) == (
        "airflow_provider_livedata.triggers.looks.LookTrigger",
        serialized,
    )

    async def first() -> Any:
        return (await anext(aiter(trigger.run()))).payload

    assert asyncio.run(first())["value"] == found.xcom_value


def test_a_connection_says_what_is_wrong_with_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_livedata.engine.errors import BadInput
    from airflow_provider_livedata.hooks.metastore import MetastoreHook

    monkeypatch.setenv(connection_variable("no_ms"), json.dumps({"conn_type": "livedatametastore"}))
    monkeypatch.setenv(connection_variable("http_ms"), json.dumps({"conn_type": "http", "host": "x"}))
    for name, said in (
        ("no_ms", "names no host"),
        ("http_ms", "of type 'http'"),
        ("nowhere", "there is no Airflow connection"),
    ):
        with pytest.raises(BadInput, match=said):
            MetastoreHook(name).get_conn()
    works, text = MetastoreHook("dr_ms").test_connection()
    assert (works, text.endswith("databases")) == (True, True)
    assert MetastoreHook("nowhere").test_connection()[0] is False


def _context() -> Any:
    class Ti:
        dag_id, run_id, task_id = "d", "r", "t"

        def xcom_push(self, key: str, value: Any) -> None:
            self.pushed = key, value

    return {"ti": Ti(), "outlet_events": {}}


def test_metadata_follow_a_migration_where_they_are_asked_for(pair: Pair) -> None:
    source, target = f"file://{pair.root}/source", f"file://{pair.root}/target"
    make_tree(Path(pair.root) / "source", {"plain/a": b"1"})
    asked = {**places(pair), "options": {"databases": f"{pair.database}*"}}
    done = migrate(source, target, metadata=asked)
    assert done.report["outcome"] == "MIGRATED", done.report["text"]
    assert (done.states["policies"], done.states["metadata"]) == ("skipped", "success")
    assert "2 created tables" in done.report["text"]
    assert pair.target.database(pair.database) is not None
