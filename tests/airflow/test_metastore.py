"""What the DAG, operators, sensor and connection of metadata do before any metastore is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jinja2 import Template

from airflow_provider_livedata.bridge import options_of
from airflow_provider_livedata.dag_templates.metastore_outcome import metastore_outcome
from airflow_provider_livedata.dag_templates.metastore_sync import metastore_sync_dag
from airflow_provider_livedata.engine.errors import BadInput, BadOption, MetastoreRefused, MetastoreUnreachable
from airflow_provider_livedata.engine.metastore.model import Storage, Table
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.hooks import databricks
from airflow_provider_livedata.hooks.glue import parts_of
from airflow_provider_livedata.hooks.metastore import MetastoreHook, access_of
from airflow_provider_livedata.hooks.row_counts import SqlRows
from airflow_provider_livedata.operators.metastore import MetastoreSyncOperator, mapping_of
from airflow_provider_livedata.provider_info import get_provider_info
from airflow_provider_livedata.sensors.metastore import MetastoreChangeSensor
from tests.services.airflow_home import connection_variable

STAGES = ["preview", "approve", "sync", "verify", "delta"]
PREVIEWED = {
    "planned": {"create tables": 2},
    "found_by": "comparing everything: x",
    "address": "file:///r",
    "touched": ["d.t"],
}


@pytest.mark.parametrize("name", ["databases", "tables"])
def test_a_field_that_was_emptied_is_refused_and_no_sync_of_nothing(name: str) -> None:
    sync: Any = metastore_sync_dag().get_task("sync")
    text = Template(sync.options[name]).render(params={name: None})
    with pytest.raises(BadOption, match=f"{name} is empty, .* takes all"):
        options_of(SyncOptions, {name: text})


def connection(**fields: Any) -> Any:
    from airflow.providers.common.compat.sdk import Connection

    extra = json.dumps(fields.pop("extra", {}))
    return Connection(conn_id="ms", conn_type="livedatametastore", extra=extra, **fields)


def test_a_connection_names_several_servers_and_how_they_are_reached() -> None:
    extra = {"use_tls": "yes", "tls_ca": "/ca.pem", "kerberos_service": "hive", "timeout_s": "30"}
    assert access_of(connection(host="a, b:9000", login="ann", port=9084, extra=extra)) == {
        "uris": ["thrift://a:9084", "thrift://b:9000"], "use_tls": True, "tls_ca": "/ca.pem", "kerberos_service": "hive", "timeout_s": 30.0,
        "user": "ann",
    }  # fmt: skip
    assert access_of(connection(host="a")) == {"uris": ["thrift://a:9083"]}
    with pytest.raises(BadInput, match="names no host"):
        access_of(connection())


def test_glue_is_named_by_an_aws_connection_and_an_account() -> None:
    assert parts_of("glue://aws_prod/123456789012") == ("aws_prod", "123456789012")
    assert (parts_of("glue://aws_prod"), parts_of("glue://")) == (("aws_prod", ""), ("", ""))
    for wrong in ("glue:/aws", "glue://aws/prod", "glue://a b", "glue://aws/1"):
        with pytest.raises(BadInput, match="12 digits"):
            parts_of(wrong)


def test_a_connection_for_glue_says_what_is_wrong_with_it(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, told in (("http_x", {"conn_type": "http"}), ("aws_x", {"conn_type": "aws"})):
        monkeypatch.setenv(connection_variable(name), json.dumps(told))
    for variable in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)
    for name, said in (
        ("glue://nowhere", "there is no Airflow connection 'nowhere'"), ("glue://http_x", "takes one of type 'aws'"),
        ("glue://aws_x", "region"), ("aws_x", "Glue is named by glue://aws_x"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=said):
            MetastoreHook(name).get_conn()


def test_databricks_is_named_by_a_connection_and_a_catalogue() -> None:
    assert databricks.parts_of("databricks://dbx_prod/main") == ("dbx_prod", "main")
    assert databricks.parts_of("databricks://dbx_prod") == ("dbx_prod", "hive_metastore")
    assert databricks.parts_of("databricks://") == ("databricks_default", "hive_metastore")
    for wrong in ("databricks:/dbx", "databricks://dbx/main/d", "databricks://a b"):
        with pytest.raises(BadInput, match="databricks://connection/catalogue"):
            databricks.parts_of(wrong)


def test_a_connection_for_databricks_says_what_is_wrong_with_it(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {"conn_type": "databricks", "host": "dbx.example", "password": "x", "extra": {"http_path": "/sql/x"}}
    for name, told in (("http_x", {"conn_type": "http"}), ("dbx_x", {"conn_type": "databricks"}), ("dbx_y", whole)):
        monkeypatch.setenv(connection_variable(name), json.dumps(told))
    for name, said in (
        ("databricks://nowhere", "there is no Airflow connection 'nowhere'"), ("databricks://http_x", "takes one of type 'databricks'"),
        ("databricks://dbx_x", "http_path"), ("dbx_x", "Databricks is named by databricks://dbx_x"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=said):
            MetastoreHook(name).get_conn()
    catalogue = MetastoreHook("databricks://dbx_y/main").get_conn()  # nothing is sent before something is asked
    assert catalogue.name == "databricks://dbx_y, catalogue main"
    catalogue.close()


def test_a_connection_to_databricks_that_broke_is_opened_anew() -> None:
    from databricks.sql import exc

    class Connection:
        description: Any = None
        closed = 0

        def __init__(self, error: Exception | None) -> None:
            self.error = error

        def cursor(self) -> Any:
            return self

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def execute(self, statement: str) -> None:
            if self.error:
                raise self.error
            self.description = [("name",)] if statement == "SHOW" else None

        def fetchall(self) -> list[tuple[str]]:
            return [("a",)]

        def close(self) -> None:
            Connection.closed += 1
            raise OSError("broken")

    made: Any = exc
    errors: list[Exception] = [made.RequestError("no answer"), made.ServerOperationError("[X] refused")]
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(Connection(errors.pop(0)))
        return opened[-1]

    warehouse = databricks.Warehouse("databricks://x", connect)
    with pytest.raises(MetastoreUnreachable, match="no answer"):
        warehouse.run("SHOW")
    with pytest.raises(MetastoreRefused, match="refused"):
        warehouse.run("SHOW")
    opened[-1].error = None
    assert (list(warehouse.run("SHOW")), list(warehouse.run("DROP"))) == ([("a",)], [])
    warehouse.close()
    warehouse.close()
    assert (len(opened), Connection.closed) == (2, 2)


def test_rows_are_counted_by_whatever_hook_runs_sql_with_names_quoted_as_it_wants_them(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.common.compat.sdk import BaseHook

    class Hook:
        def __init__(self, conn_type: str) -> None:
            self.conn_type, self.sent = conn_type, [""]

        def get_first(self, statement: str) -> tuple[int]:
            self.sent.append(statement)
            if "gone" in statement:
                raise OSError("no such table")
            return (7,)

    found = {"hive": Hook("hiveserver2"), "trino": Hook("trino"), "http_x": object()}
    monkeypatch.setattr(BaseHook, "get_hook", lambda name: found[name])
    table = Table("d", 't`"t', "external", Storage((), "file:/t"))
    hive, trino = SqlRows("hive"), SqlRows("trino")
    assert (hive(table), trino(table)) == (7, 7)
    assert found["hive"].sent[-1] == 'SELECT COUNT(*) FROM `d`.`t``"t`'  # type: ignore[attr-defined]
    assert found["trino"].sent[-1] == 'SELECT COUNT(*) FROM "d"."t`""t"'  # type: ignore[attr-defined]
    with pytest.raises(MetastoreRefused, match="no such table"):
        trino(Table("d", "gone", "external", Storage((), "file:/t")))
    with pytest.raises(BadInput, match="runs no SQL"):
        SqlRows("http_x")
    hive.close()


def test_what_counts_rows_has_to_be_there_and_to_be_told_for_the_target() -> None:
    with pytest.raises(BadInput, match="no Airflow connection 'nowhere' to count rows by"):
        SqlRows("nowhere")
    with pytest.raises(BadInput, match="there is no Airflow connection 'nowhere'"):
        SqlRows("databricks://nowhere")


def test_rows_are_counted_by_the_warehouse_of_databricks(airflow_home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_livedata.hooks import row_counts

    class Sender:
        name, sent, closed = "dbx", [""], False

        def run(self, statement: str) -> list[tuple[int]]:
            self.sent.append(statement)
            return [(3,)]

        def close(self) -> None:
            self.closed = True

    sender = Sender()
    monkeypatch.setattr(row_counts, "databricks_warehouse", lambda _: sender)
    rows = SqlRows("databricks://dbx/main")
    assert rows(Table("d", "t`", "external", Storage((), "s3://t"))) == 3
    assert sender.sent[-1] == "SELECT COUNT(*) FROM `main`.`d`.`t```"
    rows.close()
    assert sender.closed


def test_airflow_knows_the_connection_type_and_its_form(airflow_home: object) -> None:
    from airflow.providers_manager import ProvidersManager

    told = next(one for one in get_provider_info()["connection-types"] if one["connection-type"] == "livedatametastore")
    assert "_" not in told["connection-type"]
    manager = ProvidersManager()  # type: ignore[no-untyped-call]
    assert "livedatametastore" in manager.field_behaviours
    widgets = manager.connection_form_widgets
    assert {name for name in told["conn-fields"] if f"extra__livedatametastore__{name}" not in widgets} == set()


def test_every_param_of_the_dag_has_a_title_and_is_used() -> None:
    dag = metastore_sync_dag(defaults={"source": "prod_ms"})
    assert dag.params["source"] == "prod_ms"
    params = {name: dag.params.get_param(name) for name in dag.params}
    assert {name for name, param in params.items() if not param.schema.get("title")} == set()
    steps = [dag.get_task(name) for name in ("sync", "verify", "delta")]
    used = json.dumps([getattr(step, name) for step in steps for name in step.template_fields])
    assert {name for name in params if f"params.{name}" not in used} == {"dry_run", "approval", "verify"}
    with pytest.raises(ValueError, match="sauce"):
        metastore_sync_dag(defaults={"sauce": "x"})


@pytest.mark.parametrize(
    ("states", "failures", "outcome"),
    [
        ({"preview": "failed"}, {"preview": {"error": "TargetTouched", "message": "look"}}, "STOPPED"),
        ({"preview": "success", "approve": "failed"}, {}, "NOT SYNCED"),
        ({"preview": "success", "approve": "skipped", "sync": "success", "verify": "skipped"}, {}, "SYNCED"),
        ({"preview": "success"}, {}, "NOT FINISHED"),
    ],
)
def test_the_report_says_how_it_ended(states: dict[str, str], failures: dict[str, Any], outcome: str) -> None:
    results = (
        {"preview": PREVIEWED, "sync": {"done": {"created tables": 2}}} if "sync" in states else {"preview": PREVIEWED}
    )
    told = metastore_outcome({"source": "a", "target": "b", "dry_run": False}, STAGES, states, results, failures)
    assert told["outcome"] == outcome
    assert told["text"].startswith(outcome)
    assert told["reports"] == {"preview": "file:///r"}


def test_a_preview_says_what_is_planned_and_what_was_touched() -> None:
    told = metastore_outcome({"dry_run": True}, STAGES, {"preview": "success"}, {"preview": PREVIEWED}, {})
    assert (told["outcome"], told["why"]) == ("PREVIEWED", "nothing was changed; planned: 2 create tables")
    assert "1 touched" in told["text"]


def test_texts_of_templates_become_options() -> None:
    sync = MetastoreSyncOperator(
        task_id="s", source="a", target="b", state="file:///s", locations='{"/a": "/b"}', up_to="7", after_data="true",
        options={"tables": '["d.*"]', "max_delete_ratio": "0.25", "deletes": "keep", "compare_every_h": "1.5"}, dry_run="False",
    )  # fmt: skip
    options = sync.chosen(_context())
    assert (options.locations, options.tables, options.max_delete_ratio, options.deletes) == (
        {"/a": "/b"},
        ("d.*",),
        0.25,
        "keep",
    )
    assert (options.up_to, options.after_data, options.dry_run, options.compare_every_h) == (7, True, False, 1.5)
    assert "task s" in options.holder
    sync.up_to = "None"
    assert sync.chosen(_context()).up_to == -1
    sync.options = '{"deletes": "mirror"}'
    assert sync.chosen(_context()).deletes == "mirror"
    sync.options = "[]"
    with pytest.raises(BadOption, match="options is a mapping"):
        sync.chosen(_context())
    for bad in ("[]", "{", '{"a": 1}'):
        with pytest.raises(BadOption):
            mapping_of(bad, "locations")


def test_the_sensor_in_mode_reschedule_has_to_be_told_after_which_event() -> None:
    sensor = MetastoreChangeSensor(task_id="w", metastore="ms", mode="reschedule")
    with pytest.raises(BadOption, match="after which event"):
        sensor._begin()
    sensor.after = "5"
    assert sensor.look() == ("metastore_changed", {"metastore": "ms", "after": 5, "databases": ["*"], "tables": ["*"]})


def _context() -> Any:
    class Ti:
        dag_id, run_id, task_id = "d", "r", "s"

    return {"ti": Ti()}
