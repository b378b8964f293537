"""What the DAG, operators and connection of policies do before any Ranger is asked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template

from airflow_provider_livedata.dag_templates.policy_outcome import policy_outcome
from airflow_provider_livedata.dag_templates.policy_sync import policy_sync_dag
from airflow_provider_livedata.engine.errors import BadAddress, BadInput, BadOption, PathMissing
from airflow_provider_livedata.engine.policies.model import Who
from airflow_provider_livedata.hooks.ranger import RangerHook, access_of, policies_at, service_at, target_at
from airflow_provider_livedata.operators.policies import PolicySyncOperator, who_in
from airflow_provider_livedata.provider_info import get_provider_info
from tests.services.airflow_home import connection_variable

STAGES = ["preview", "approve", "sync", "verify"]
PREVIEWED = {
    "planned": {"creates": 2},
    "seen": 9,
    "same": 1,
    "address": "file:///r",
    "lost": ["p: less"],
    "widening": ["q: more"],
}


def connection(**fields: Any) -> Any:
    from airflow.providers.common.compat.sdk import Connection

    extra = json.dumps(fields.pop("extra", {}))
    return Connection(conn_id="rg", conn_type="livedataranger", extra=extra, **fields)


def test_a_connection_names_the_server_and_how_it_is_reached() -> None:
    extra = {"tls_ca": "/ca.pem", "timeout_s": "30"}
    assert access_of(connection(host="https://rg", login="ann", password="x", port=9000, extra=extra)) == {
        "url": "https://rg:9000", "user": "ann", "password": "x", "verify": "/ca.pem", "timeout_s": 30.0,
    }  # fmt: skip
    for host, schema, url in (
        ("rg", None, "https://rg:6182"),
        ("http://rg", None, "http://rg:6080"),
        ("rg", "http", "http://rg:6080"),
    ):
        assert access_of(connection(host=host, schema=schema, login="ann"))["url"] == url
    for wrong in ({"host": "rg"}, {"login": "ann"}, {"host": "ftp://rg", "login": "ann"}):
        with pytest.raises(BadInput, match="needs a host"):
            access_of(connection(**wrong))


def test_an_address_says_what_is_wrong_with_it(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(connection_variable("http_x"), json.dumps({"conn_type": "http"}))
    for address, said in (
        ("ranger://nowhere/hive", "there is no Airflow connection 'nowhere'"), ("ranger://http_x/hive", "takes one of type 'livedataranger'"),
        ("ranger://rg", "ranger://connection/service"), ("ranger:///hive", "ranger://connection/service"), ("hive", "file that Ranger exported"),
        (f"file://{tmp_path}/export.json#", "file that Ranger exported"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=said):
            policies_at(address)
    with pytest.raises(BadAddress):
        service_at(f"file://{tmp_path}/export.json#hive")
    with pytest.raises(PathMissing, match="no such file"):
        policies_at(f"file://{tmp_path}/export.json#hive")


def test_the_address_of_a_target_of_grants_says_what_is_wrong_with_it(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(connection_variable("http_x"), json.dumps({"conn_type": "http"}))
    monkeypatch.setenv(
        connection_variable("dbx"), json.dumps({"conn_type": "databricks", "extra": {"http_path": "/x"}})
    )
    for address, said in (
        ("lakeformation://nowhere", "there is no Airflow connection 'nowhere'"), ("lakeformation://http_x", "lakeformation:// takes one of type 'aws'"),
        ("lakeformation://aws/12", "lakeformation://connection/account"), ("databricks://http_x/main", "takes one of type 'databricks'"),
        ("databricks://dbx", "name a catalogue"), ("glue://aws", "policies go to ranger://"), ("ranger://rg", "ranger://connection/service"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=said):
            target_at(address)
    pattern = policy_sync_dag().params.get_param("target").schema["pattern"]
    for address in (
        "ranger://a/hive",
        "lakeformation://aws",
        "lakeformation://",
        "lakeformation://aws/123456789012",
        "databricks://dbx/main",
    ):
        assert re.search(pattern, address)
    for address in ("ranger://a", "lakeformation://aws/x", "databricks://dbx", "glue://aws"):
        assert not re.search(pattern, address)


def test_the_policies_of_an_exported_file_are_read_from_any_zone(airflow_home: object, tmp_path: Path) -> None:
    policy = {"service": "hive", "name": "p", "resources": {"database": {"values": ["x"]}}}
    (tmp_path / "export.json").write_text(json.dumps({"policies": [policy]}))
    found = policies_at(f"file://{tmp_path}/export.json#hive")
    assert [one.name for one in found.policies()] == ["p"]


def test_the_button_of_the_form_says_why_ranger_cannot_be_used(
    airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "conn_type": "livedataranger",
        "host": "http://127.0.0.1",
        "port": 1,
        "login": "ann",
        "password": "hushhush",
    }
    monkeypatch.setenv(connection_variable("rg_x"), json.dumps(told))
    monkeypatch.setattr("airflow_provider_livedata.engine.retry.time.sleep", lambda seconds: None)
    works, said = RangerHook("rg_x").test_connection()
    assert not works
    assert "does not answer" in said
    assert "hushhush" not in said


def test_airflow_knows_the_connection_type_and_its_form(airflow_home: object) -> None:
    from airflow.providers_manager import ProvidersManager

    told = next(one for one in get_provider_info()["connection-types"] if one["connection-type"] == "livedataranger")
    manager = ProvidersManager()  # type: ignore[no-untyped-call]
    assert "livedataranger" in manager.field_behaviours
    widgets = manager.connection_form_widgets
    assert {name for name in told["conn-fields"] if f"extra__livedataranger__{name}" not in widgets} == set()


def test_every_param_of_the_dag_has_a_title_and_is_used() -> None:
    dag = policy_sync_dag(defaults={"source": "ranger://a/hive"})
    assert dag.params["source"] == "ranger://a/hive"
    params = {name: dag.params.get_param(name) for name in dag.params}
    assert {name for name, param in params.items() if not param.schema.get("title")} == set()
    sync: Any = dag.get_task("sync")
    used = json.dumps([getattr(sync, name) for name in sync.template_fields])
    assert {name for name in params if f"params.{name}" not in used} == {"dry_run", "approval", "verify"}
    prefix = Template(sync.options["prefix"])
    assert [prefix.render(params={"prefix": one}) for one in (None, "", "ours ")] == ["", "", "ours "]
    with pytest.raises(ValueError, match="sauce"):
        policy_sync_dag(defaults={"sauce": "x"})


@pytest.mark.parametrize(
    ("states", "failures", "outcome"),
    [
        ({"preview": "failed"}, {"preview": {"error": "CannotHold", "message": "look"}}, "STOPPED"),
        ({"preview": "success", "approve": "failed"}, {}, "NOT SYNCED"),
        ({"preview": "success", "approve": "skipped", "sync": "success", "verify": "success"}, {}, "SYNCED"),
        ({"preview": "success"}, {}, "NOT FINISHED"),
    ],
)
def test_the_report_says_how_it_ended(states: dict[str, str], failures: dict[str, Any], outcome: str) -> None:
    results: dict[str, Any] = {"preview": PREVIEWED}
    if "sync" in states:
        results["sync"] = {**PREVIEWED, "done": {"created": 2}}
    told = policy_outcome({"source": "a", "target": "b", "dry_run": False}, STAGES, states, results, failures)
    assert (told["outcome"], told["reports"]["preview"]) == (outcome, "file:///r")
    assert told["text"].startswith(outcome)
    assert "less than at the source\n  p: less" in told["text"]
    assert "restricts at the source alone\n  q: more" in told["text"]
    if outcome == "SYNCED":
        assert told["why"] == "2 created, and verified"


def test_a_preview_says_what_is_planned() -> None:
    told = policy_outcome({"dry_run": True}, STAGES, {"preview": "success"}, {"preview": PREVIEWED}, {})
    assert (told["outcome"], told["why"]) == ("PREVIEWED", "nothing was changed; planned: 2 creates")
    assert "9 policies read, 1 the same" in told["text"]


def test_texts_of_templates_become_options() -> None:
    sync = PolicySyncOperator(
        task_id="s", source="ranger://a/hive", target="ranger://b/hive", state="file:///s", databases='{"sales": "sales_dr"}',
        groups={"hdfs_*": "grp-*"}, options={"max_delete_ratio": "0.25", "deletes": "keep", "prefix": "x "}, dry_run="False",
    )  # fmt: skip

    class Ti:
        dag_id, run_id, task_id = "d", "r", "s"

    context: Any = {"ti": Ti()}
    options = sync.chosen(context)
    assert (options.databases, options.groups, options.max_delete_ratio) == (
        {"sales": "sales_dr"},
        {"hdfs_*": "grp-*"},
        0.25,
    )
    assert (options.deletes, options.prefix, options.dry_run, options.users) == ("keep", "x ", False, {})
    assert "task s" in options.holder
    sync.users = "[]"
    with pytest.raises(BadOption, match="users is a mapping"):
        sync.chosen(context)


def test_who_replicates_is_a_mapping_of_lists_or_json_of_one() -> None:
    assert who_in('{"users": ["etl", "b"], "groups": null}') == Who(users=("b", "etl"))
    assert who_in({"roles": ["r"]}) == Who(roles=("r",))
    wrongs: list[Any] = ["[]", "{", {"users": "etl"}, {"x": []}, {"people": ["etl"]}, {"users": [1]}]
    for wrong in wrongs:
        with pytest.raises(BadOption, match="writers is a mapping"):
            who_in(wrong)
