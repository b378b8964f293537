"""The whole DAG of policy syncs against targets that know grants: Lake Formation on moto and Unity Catalog, both STAND-INS (tests/services)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.runs import Run, run
from tests.services.airflow_home import connection_variable
from tests.services.glue import glue_client
from tests.services.s3 import MotoServer
from tests.services.unity_catalog import UnityCatalogStandIn

BI = "arn:aws:iam::123456789012:role/bi"


def on(table: str, column: str = "") -> dict[str, Any]:
    parts = {"database": {"values": ["sales"]}, "table": {"values": [table]}}
    return {**parts, "column": {"values": [column]}} if column else parts


def line(**more: Any) -> dict[str, Any]:
    return {"accesses": [{"type": "select", "isAllowed": True}], "groups": ["bi"], **more}


READERS = {"service": "hive", "name": "readers", "resources": on("pay", "*"), "policyItems": [line()]}
EU = {
    "service": "hive", "name": "eu", "policyType": 2, "resources": on("pay"), "rowFilterPolicyItems": [line(rowFilterInfo={"filterExpr": "country = 'EU'"})],
}  # fmt: skip
HIDDEN = {
    "service": "hive", "name": "hidden", "policyType": 1, "resources": on("pay", "ssn"), "dataMaskPolicyItems": [line(dataMaskInfo={"dataMaskType": "MASK"})],
}  # fmt: skip


def export(root: Path, *policies: dict[str, Any]) -> str:
    (root / "export.json").write_text(json.dumps({"policies": list(policies)}))
    return f"file://{root}/export.json#hive"


def synced(root: Path, target: str, *policies: dict[str, Any], **params: Any) -> Run:
    from airflow_provider_livedata.dag_templates.policy_sync import policy_sync_dag

    conf = {
        "source": export(root, *policies), "target": target, "state": f"file://{root}/state", "databases": {"sales": "sales"}, "dry_run": False,
        "approval": True, **params,
    }  # fmt: skip
    return run(policy_sync_dag(), conf=conf, mark_success="approve")


@pytest.fixture
def unity(airflow_home: object, monkeypatch: pytest.MonkeyPatch) -> UnityCatalogStandIn:
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    server = UnityCatalogStandIn("main", {"sales": ["orders", "pay"]})
    server.functions.columns["sales", "pay"] = [("id", "bigint"), ("country", "string"), ("ssn", "string")]
    server.functions.groups = ["bi"]
    dbx = {
        "conn_type": "databricks",
        "host": "dbx.example",
        "password": "hushhush",
        "extra": {"http_path": "/sql/1.0/x"},
    }
    monkeypatch.setenv(connection_variable("dbx"), json.dumps(dbx))
    monkeypatch.setattr(DatabricksSqlHook, "get_conn", lambda _: server.dbapi())
    return server


def test_the_dag_gives_unity_catalog_filters_masks_and_grants_and_takes_them_back(
    unity: UnityCatalogStandIn, tmp_path: Path
) -> None:
    preview = synced(tmp_path, "databricks://dbx/main", READERS, EU, HIDDEN, dry_run=True)
    assert preview.report["outcome"] == "PREVIEWED", preview.report["text"]
    changes = preview.results["preview"]["changes"]
    assert [one.split(":")[0] for one in changes[:2]] == ["+ row filter of sales.pay", "+ mask of sales.pay.ssn"]
    assert changes[-1] == "+ SELECT on sales.pay to bi"
    assert (unity.changes(), unity.held) == ([], set())
    done = synced(tmp_path, "databricks://dbx/main", READERS, EU, HIDDEN)
    assert done.report["outcome"] == "SYNCED", done.report["text"]
    assert done.report["why"] == "3 granted, 2 set, and verified"
    assert done.results["verify"]["state"] == "same"
    assert "c0 = 'EU'" in unity.functions.body_of("sales", "pay")
    gone = synced(tmp_path, "databricks://dbx/main", {**READERS, "resources": on("orders", "*")}, max_delete_ratio=1)
    assert gone.report["outcome"] == "SYNCED", gone.report["text"]
    assert (unity.functions.rows, unity.functions.masks) == ({}, {})
    assert (("main", "sales", "orders"), "bi", "SELECT") in unity.held
    assert "hushhush" not in "".join(one.read_text() for one in tmp_path.rglob("*.json*"))


def test_the_dag_stops_where_somebody_removed_a_filter_and_says_so(unity: UnityCatalogStandIn, tmp_path: Path) -> None:
    synced(tmp_path, "databricks://dbx/main", READERS, EU)
    unity.functions.rows.clear()
    stopped = synced(tmp_path, "databricks://dbx/main", READERS, EU)
    assert (stopped.report["outcome"], stopped.failures["preview"]["error"]) == ("STOPPED", "TargetTouched")
    assert "row filter of sales.pay: was removed, or replaced" in stopped.report["text"]
    again = synced(tmp_path, "databricks://dbx/main", READERS, EU, changed_at_target="overwrite")
    assert again.report["outcome"] == "SYNCED", again.report["text"]


def test_the_dag_gives_lake_formation_grants_and_tells_what_is_less(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with MotoServer() as server:
        monkeypatch.setenv(connection_variable("aws_dr"), server.connection_json())
        database = f"sales_{uuid.uuid4().hex[:8]}"
        glue = glue_client(server)
        glue.create_database(DatabaseInput={"Name": database})
        columns = [{"Name": name, "Type": "string"} for name in ("id", "ssn")]
        glue.create_table(DatabaseName=database, TableInput={"Name": "pay", "StorageDescriptor": {"Columns": columns}})
        params = {"databases": {"sales": database}, "groups": {"bi": BI}}
        preview = synced(tmp_path, "lakeformation://aws_dr", READERS, HIDDEN, dry_run=True, **params)
        assert preview.report["outcome"] == "PREVIEWED", preview.report["text"]
        assert preview.results["preview"]["changes"] == [f"+ SELECT on {database}.pay.id to {BI}"]
        done = synced(tmp_path, "lakeformation://aws_dr", READERS, HIDDEN, **params)
        assert (done.report["outcome"], done.report["why"]) == ("SYNCED", "1 granted, and verified"), done.report[
            "text"
        ]
        assert "the mask of hidden" in done.report["text"]
        held = glue_client(server, "lakeformation").list_permissions()["PrincipalResourcePermissions"]
        assert [one["Resource"]["TableWithColumns"]["ColumnNames"] for one in held] == [["id"]]
