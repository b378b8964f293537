"""Syncs of policies to Unity Catalog, of which tests/services/unity_catalog.py is a STAND-IN; its names are parsed by the real parser of Spark SQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import (
    PolicyReport,
    PolicySyncOptions,
    open_grants,
    sync_policies,
    verify_policies,
)
from airflow_provider_livedata.engine.errors import (
    BadInput,
    MetastoreRefused,
    MetastoreUnreachable,
    RunFailed,
    TargetTouched,
)
from airflow_provider_livedata.engine.policies.model import Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.permissions import EVERY, Permission, Place
from airflow_provider_livedata.engine.policies.unity_catalog import Statements, UnityCatalog, permissions_from
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.operators.policies import PolicySyncOperator, PolicyVerifyOperator
from tests.crash.memory_policies import MemoryPolicies
from tests.services.airflow_home import connection_variable
from tests.services.py4j import quoted
from tests.services.spark_sql import SparkSql
from tests.services.unity_catalog import UnityCatalogStandIn

HIVE = Facts(
    "hive", frozenset({"select", "update", "create"}), frozenset({"database", "table", "column"}), frozenset({"MASK", "MASK_NONE"})
)  # fmt: skip
READ = Grant(Who(groups=("bi",)), ("select",))
OPEN = ["USE CATALOG ON main TO bi", "USE SCHEMA ON main.sales TO bi"]
AT_ONCE = RetryPolicy(attempts=3, base_s=0, max_s=0)


class Unity:
    """A source in memory, and a catalogue with a schema."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = MemoryPolicies("prod", HIVE)
        self.server = UnityCatalogStandIn("main", {"sales": ["orders", "pay"], "hr": ["x"]})
        self.functions = self.server.functions
        self.functions.columns["sales", "pay"] = [("id", "bigint"), ("country", "string"), ("ssn", "string")]
        self.functions.columns["sales", "orders"] = [("id", "bigint")]
        self.functions.groups = ["bi", "ops"]

    def options(self, **more: Any) -> PolicySyncOptions:
        return PolicySyncOptions(**{"databases": {"sales": "sales"}, **more})

    def target(self) -> UnityCatalog:
        self.server.sent.clear()
        made = open_grants("unity catalog", sender=self.server, catalog="main", policy=AT_ONCE)
        assert isinstance(made, UnityCatalog)
        return made

    def sync(self, **more: Any) -> PolicyReport:
        return sync_policies(self.source, self.target(), self.options(**more), state=f"file://{self.root}/state")

    def verify(self) -> PolicyReport:
        return verify_policies(self.source, self.target(), self.options(), state=f"file://{self.root}/state")

    def held(self) -> list[str]:
        return sorted(f"{privilege} ON {'.'.join(what)} TO {who}" for what, who, privilege in self.server.held)


@pytest.fixture
def unity(tmp_path: Path) -> Unity:
    return Unity(tmp_path)


def policy(name: str, table: str = "*", column: str = "*", **fields: Any) -> Policy:
    parts = {"database": Values(("sales",)), "table": Values((table,)), "column": Values((column,))}
    return Policy(name, **{"resources": (resource_of(parts),), "allow": (READ,), **fields})


def test_a_grant_comes_with_what_leads_to_it_and_goes_with_its_policy(unity: Unity) -> None:
    unity.source.give(
        policy("a", "orders"), policy("b", "pay", allow=(Grant(Who(users=("ann@x.org",)), ("update", "create")),))
    )
    assert unity.sync().state == "synced"
    assert unity.held() == sorted([
        "SELECT ON main.sales.orders TO bi", *OPEN, "MODIFY ON main.sales.pay TO ann@x.org",
        "USE CATALOG ON main TO ann@x.org", "USE SCHEMA ON main.sales TO ann@x.org",
    ])  # fmt: skip
    assert unity.server.changes()[0] == "GRANT USE CATALOG ON CATALOG `main` TO `ann@x.org`"
    assert unity.sync().planned == {}
    assert unity.server.changes() == []
    assert unity.verify().state == "same"
    del unity.source.kept[2]
    assert unity.verify().planned == {"revokes": 3}
    unity.sync()
    assert unity.held() == sorted(["SELECT ON main.sales.orders TO bi", *OPEN])


def test_a_rule_of_all_tables_becomes_a_grant_on_the_schema_until_somebody_is_denied_in_it(unity: Unity) -> None:
    unity.source.give(policy("all", allow=(Grant(Who(groups=("bi",)), ("select", "update", "create")),)))
    unity.sync()
    assert unity.held() == sorted([
        "SELECT ON main.sales TO bi", "MODIFY ON main.sales TO bi", "CREATE TABLE ON main.sales TO bi", *OPEN
    ])  # fmt: skip
    unity.source.give(policy("no", "pay", allow=(), deny=(READ,)))
    unity.sync()
    assert unity.held() == sorted([
        "SELECT ON main.sales.orders TO bi", "MODIFY ON main.sales TO bi", "CREATE TABLE ON main.sales TO bi", *OPEN
    ])  # fmt: skip
    assert [one.split()[0] for one in unity.server.changes()] == ["REVOKE", "GRANT"]
    unity.server.schemas["sales"].append("paid")
    assert unity.sync().planned == {"grants": 1}
    del unity.source.kept[2]
    assert unity.sync().planned == {"revokes": 2, "grants": 1}
    assert "SELECT ON main.sales TO bi" in unity.held()


def test_everybody_is_account_users_and_a_mask_that_cannot_be_said_takes_the_table_away(unity: Unity) -> None:
    everybody = Grant(Who(groups=("public",)), ("select",))
    mask = policy("m", "pay", "id", kind="mask", allow=(Grant(Who(groups=("bi",)), ("select",), mask="MASK"),))
    unity.source.give(policy("all", allow=(everybody,)), mask)
    report = unity.sync()
    assert "SELECT ON main.sales.orders TO account users" in unity.held()
    assert not any("pay" in one for one in unity.held())
    assert report.lost == [
        "public gets no select on sales.pay: it may be denied, or changed, to some of them by the mask of m"
    ]


def rows(name: str, expression: str, group: str = "bi", table: str = "pay") -> Policy:
    resource = resource_of({"database": Values(("sales",)), "table": Values((table,))})
    return Policy(
        name, "row filter", (resource,), allow=(Grant(Who(groups=(group,)), ("select",), row_filter=expression),)
    )


def mask(name: str = "hidden", column: str = "ssn", kind: str = "MASK") -> Policy:
    return policy(name, "pay", column, kind="mask", allow=(Grant(Who(groups=("bi",)), ("select",), mask=kind),))


EU = "CASE WHEN is_account_group_member('bi') OR is_member('bi') THEN coalesce((c0 = 'EU'), FALSE) ELSE TRUE END"


def test_a_row_filter_and_a_mask_stand_before_the_grant_and_go_after_it(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"), mask())
    report = unity.sync()
    assert report.lost == []
    assert unity.functions.body_of("sales", "pay") == EU
    assert unity.functions.rows["sales", "pay"][1] == ("country",)
    masked = "CASE WHEN is_account_group_member('bi') OR is_member('bi') THEN mask(c0, 'X', 'x', 'n', NULL) ELSE c0 END"
    assert unity.functions.body_of("sales", "pay", "ssn") == masked
    assert "SELECT ON main.sales.pay TO bi" in unity.held()
    changes = unity.server.changes()
    assert changes[0].startswith("CREATE SCHEMA IF NOT EXISTS `main`.`livedata_policies`")
    first_grant = next(at for at, one in enumerate(changes) if one.startswith("GRANT"))
    assert [one for one in changes[first_grant:] if not one.startswith("GRANT")] == []
    assert report.changes == [
        f"+ row filter of sales.pay: {EU}", f"+ mask of sales.pay.ssn: {masked}", "+ USE CATALOG on the catalogue to bi", "+ USE SCHEMA on sales to bi",
        "+ SELECT on sales.pay to bi",
    ]  # fmt: skip
    assert (unity.sync().planned, unity.server.changes()) == ({}, [])
    assert unity.verify().state == "same"
    unity.source.kept.clear()
    unity.source.give(policy("other", "orders"))
    unity.sync(max_delete_ratio=1)
    changes = unity.server.changes()
    assert [one.split(" ON ")[0] for one in changes[:2]] == ["REVOKE SELECT", "GRANT SELECT"]
    assert [one.endswith(("DROP ROW FILTER", "DROP MASK")) for one in changes[2:4]] == [True, True]
    assert (unity.functions.rows, unity.functions.masks, unity.functions.made) == ({}, {}, {})


def test_a_filter_that_changes_is_replaced_at_once_and_its_function_goes(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    unity.sync()
    del unity.source.kept[2]
    unity.source.give(rows("eu", "country = 'US'"))
    assert unity.verify().planned == {"sets": 1}
    assert unity.sync().done == {"set": 1}
    assert [one.split("`")[0].strip() for one in unity.server.changes()] == [
        "CREATE OR REPLACE FUNCTION", "ALTER TABLE", "DROP FUNCTION IF EXISTS"
    ]  # fmt: skip
    assert "'US'" in unity.functions.body_of("sales", "pay")
    assert len(unity.functions.made) == 1


def test_what_cannot_be_said_is_not_granted_and_what_stood_before_stays(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    unity.sync()
    del unity.source.kept[2]
    unity.source.give(rows("eu", "upper(country) = 'EU'"))
    report = unity.sync(max_delete_ratio=1)
    assert report.lost == [
        "bi gets no select on sales.pay: it may be denied, or changed, to some of them by the row filter of eu"
    ]
    assert "SELECT ON main.sales.pay TO bi" not in unity.held()
    assert unity.functions.body_of("sales", "pay") == EU
    assert "row filter of sales.pay: stays as an earlier sync has left it" in report.notes
    assert any("sales.pay: the row filter of eu is not said" in one for one in report.notes)


def test_a_persons_filter_mask_and_function_are_never_replaced(unity: Unity) -> None:
    theirs = ("main", "own", "theirs")
    unity.functions.rows["sales", "pay"] = (theirs, ())
    unity.functions.masks["sales", "pay", "ssn"] = theirs
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"), mask())
    report = unity.sync()
    assert (unity.functions.rows["sales", "pay"][0], unity.functions.masks["sales", "pay", "ssn"]) == (theirs, theirs)
    assert unity.functions.made == {}
    assert not any("pay" in one for one in unity.held())
    assert len([one for one in report.notes if "somebody else's" in one]) == 2


def test_a_function_of_somebody_with_the_name_of_ours_stops_the_run(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    unity.sync()
    (made,) = unity.functions.made.values()
    made.comment, made.body = "", "TRUE"
    unity.functions.rows.clear()
    with pytest.raises(BadInput, match="has the name of one of ours"):
        unity.sync(changed_at_target="overwrite")
    assert made.body == "TRUE"


def test_what_somebody_did_to_a_filter_of_ours_is_told_and_done_as_is_chosen(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    unity.sync()
    (made,) = unity.functions.made.values()
    made.body = "TRUE"
    with pytest.raises(TargetTouched, match="its function livedata_[0-9a-f]+ was changed"):
        unity.sync()
    unity.sync(changed_at_target="overwrite")
    assert unity.functions.body_of("sales", "pay") == EU
    unity.functions.rows.clear()
    with pytest.raises(TargetTouched, match=r"row filter of sales\.pay: was removed, or replaced"):
        unity.sync()
    unity.sync(changed_at_target="keep", max_delete_ratio=1)
    assert unity.functions.rows == {}
    assert "SELECT ON main.sales.pay TO bi" not in unity.held()  # for it would show all rows
    unity.sync(changed_at_target="overwrite")
    assert unity.functions.body_of("sales", "pay") == EU


def test_filters_are_put_back_when_a_grant_fails_and_a_killed_runs_functions_are_of_use(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    real = unity.server.run

    def gone(statement: str) -> Any:
        if statement.startswith(refused):
            raise MetastoreUnreachable("gone")
        return real(statement)

    refused = "GRANT SELECT"
    unity.server.run = gone  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="was put back"):
        unity.sync()
    assert (unity.held(), unity.functions.rows) == ([], {})
    assert len(unity.functions.made) == 1
    unity.server.run = real  # type: ignore[method-assign]
    assert unity.sync().touched == []
    unity.source.give(rows("us", "country = 'US'", "ops"))
    refused = "GRANT SELECT ON TABLE `main`.`sales`.`orders`"
    unity.server.run = gone  # type: ignore[method-assign]
    del unity.source.kept[1]
    unity.source.give(policy("b", "orders"))
    with pytest.raises(RunFailed, match="was put back"):
        unity.sync(max_delete_ratio=1)
    assert unity.functions.body_of("sales", "pay") == EU


def test_a_view_a_group_that_is_not_there_and_who_may_not_ask_for_groups_get_nothing(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'", "bi"))
    unity.functions.groups = ["ops"]
    report = unity.sync()
    assert any("there is no group bi at the target" in one for one in report.notes)
    assert unity.held() == []
    unity.functions.groups = ["bi"]
    unity.functions.kinds["sales", "pay"] = "VIEW"
    report = unity.sync()
    assert any("no row filters and masks on tables of the kind VIEW" in one for one in report.notes)
    unity.functions.kinds.clear()
    unity.server.fails["SHOW GROUPS"] = MetastoreRefused("[PERMISSION_DENIED] no")
    assert unity.sync().planned == {}
    assert unity.sync().planned == {"grants": 3, "sets": 1}


def test_a_lost_state_leaves_no_filter_behind(unity: Unity) -> None:
    unity.source.give(policy("a", "pay"), rows("eu", "country = 'EU'"))
    unity.sync()
    unity.source.kept.clear()
    unity.source.give(policy("a", "orders"))
    other = f"file://{unity.root}/other"
    report = sync_policies(unity.source, unity.target(), unity.options(max_delete_ratio=1), state=other)
    assert report.done["unset"] == 1
    assert (unity.functions.rows, unity.functions.made) == ({}, {})


def test_what_a_person_granted_stays_and_what_a_person_revoked_is_told(unity: Unity) -> None:
    theirs = (("main", "sales", "orders"), "bi", "SELECT")
    unity.server.held.add(theirs)
    unity.source.give(policy("a", "orders"), policy("b", "pay"))
    unity.sync()
    unity.server.held.remove((("main", "sales", "pay"), "bi", "SELECT"))
    with pytest.raises(TargetTouched, match=r"SELECT on sales\.pay to bi: was revoked"):
        unity.sync()
    unity.sync(changed_at_target="overwrite")
    unity.source.kept.clear()
    unity.source.give(policy("c", "none"))
    unity.sync(max_delete_ratio=1)
    assert unity.server.held == {theirs}


def test_who_is_not_there_fails_alone_and_a_table_that_is_dropped_is_no_matter(unity: Unity) -> None:
    unity.server.nobody = {"temps"}
    unity.source.give(policy("a", "orders"), policy("b", "pay", allow=(Grant(Who(groups=("temps",)), ("select",)),)))
    with pytest.raises(RunFailed, match="some policies that allow") as caught:
        unity.sync()
    assert all("PRINCIPAL_DOES_NOT_EXIST" in one for one in caught.value.report.failures)
    assert "SELECT ON main.sales.orders TO bi" in unity.held()
    unity.server.nobody = set()
    unity.sync()
    unity.server.schemas["sales"].remove("orders")
    unity.server.held = {one for one in unity.server.held if one[0] != ("main", "sales", "orders")}
    assert unity.sync(max_delete_ratio=1).planned == {"revokes": 2}  # what led there


def test_a_table_that_is_dropped_before_its_grant_goes_is_no_failure(unity: Unity) -> None:
    unity.server.schemas["sales"].remove("orders")
    place = Permission(Place("sales", "orders"), "bi", "SELECT")
    assert unity.target().revoke([place]) == {}
    assert "TABLE_OR_VIEW_NOT_FOUND" in unity.target().grant([place])[place]
    assert list(unity.target().granted([place.place])) == []
    unity.server.fails["REVOKE"] = MetastoreRefused("[PERMISSION_DENIED] no MANAGE")
    assert unity.target().revoke([place]) == {place: unity_error("no MANAGE", place)}


def unity_error(said: str, place: Permission) -> str:
    return f"[PERMISSION_DENIED] {said} (statement='REVOKE SELECT ON TABLE `main`.`sales`.`orders` FROM `bi`', code='PERMISSION_DENIED')"


def test_a_warehouse_that_is_gone_leaves_the_target_as_it_was(unity: Unity) -> None:
    unity.source.give(policy("all"))
    unity.sync()
    before = unity.held()
    unity.source.give(policy("no", "pay", allow=(), deny=(READ,)))
    real = unity.server.run

    def gone(statement: str) -> Any:
        if statement.startswith("GRANT SELECT ON TABLE"):
            raise MetastoreUnreachable("gone")
        return real(statement)

    unity.server.run = gone  # type: ignore[method-assign]
    with pytest.raises(RunFailed, match="was put back"):
        unity.sync()
    assert unity.held() == before
    unity.server.run = real  # type: ignore[method-assign]
    assert unity.sync().done == {"granted": 1, "revoked": 1}


def test_grants_are_read_of_the_object_itself_and_on_a_schema_those_of_tables_are_of_all(unity: Unity) -> None:
    rows = [
        ("bi", "SELECT", "SCHEMA", "main.sales"), ("bi", "USE_SCHEMA", "SCHEMA", "main.sales"), ("ops", "USE CATALOG", "CATALOG", "main"),
        ("ops", "SELECT", "TABLE", "main.sales.orders"),
    ]  # fmt: skip
    assert set(permissions_from(rows, Place("sales"))) == {
        Permission(Place("sales", EVERY), "bi", "SELECT"), Permission(Place("sales"), "bi", "USE SCHEMA")
    }  # fmt: skip
    assert set(permissions_from(rows, Place("sales", "orders"))) == {
        Permission(Place("sales", "orders"), "ops", "SELECT")
    }
    assert set(permissions_from(rows, Place())) == {Permission(Place(), "ops", "USE CATALOG")}


def test_the_old_catalogue_of_a_workspace_is_refused(unity: Unity) -> None:
    with pytest.raises(BadInput, match="name a catalogue"):
        open_grants("unity catalog", sender=unity.server, catalog="hive_metastore")
    with pytest.raises(BadInput, match="grants are kept by lake formation, unity catalog"):
        open_grants("ranger")


NAMES = ["plain", "with `quote`", "a; DROP TABLE b --", "ünïcode 表", "line\nbreak", "dot.dot", "' or ''"]


def test_every_name_in_a_statement_is_one_name_for_the_parser_of_spark_sql() -> None:
    """Open-source Spark knows GRANT and REVOKE by their first word alone, and says so: what follows is parsed as the identifiers that it is."""
    with SparkSql() as spark:
        parser = spark.gateway.call(spark.gateway.call(spark._session, "sessionState"), "sqlParser")

        def parsed(names: str) -> str:
            found = spark.gateway.call(parser, "parseMultipartIdentifier", quoted(names))
            return spark.gateway.call(found, "mkString", quoted("|"))

        for name in NAMES:
            sql = Statements(f"c {name}")
            for statement in (
                sql.grant(Place(f"s {name}", f"t {name}"), name, ["SELECT", "MODIFY"]), sql.revoke(Place(f"s {name}", f"t {name}"), name, ["SELECT"]),
            ):  # fmt: skip
                head, _, rest = statement.partition(" ON TABLE ")
                word = " TO " if head.startswith("GRANT") else " FROM "
                table, _, who = rest.rpartition(word)
                assert parsed(table) == f"c {name}|s {name}|t {name}"
                assert parsed(who) == name
                with pytest.raises(MetastoreRefused, match=f"clause: {head.split()[0]} is not valid"):
                    spark.run(statement)


class _Ti:
    dag_id, run_id, task_id, map_index, try_number = "d", "r", "t", -1, 1

    def xcom_push(self, key: str, value: Any) -> None: ...


def test_the_operators_reach_unity_catalog_by_the_providers_connection(
    unity: Unity, airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    dbx = {"conn_type": "databricks", "host": "dbx.example", "password": "x", "extra": {"http_path": "/sql/1.0/x"}}
    monkeypatch.setenv(connection_variable("dbx"), json.dumps(dbx))
    monkeypatch.setattr(DatabricksSqlHook, "get_conn", lambda _: unity.server.dbapi())
    resources = {"database": {"values": ["sales"]}, "table": {"values": ["*"]}, "column": {"values": ["*"]}}
    items = [{"accesses": [{"type": "select", "isAllowed": True}], "groups": ["bi"]}]
    exported = {"service": "hive", "name": "p", "resources": resources, "policyItems": items}
    (unity.root / "export.json").write_text(json.dumps({"policies": [exported]}))
    chosen: dict[str, Any] = {
        "source": f"file://{unity.root}/export.json#hive", "target": "databricks://dbx/main", "state": f"file://{unity.root}/state",
        "databases": {"sales": "sales"},
    }  # fmt: skip
    context: Any = {"ti": _Ti(), "outlet_events": {}}
    shown = PolicySyncOperator(task_id="preview", dry_run=True, **chosen).execute(context)
    assert shown["changes"] == [
        "+ USE CATALOG on the catalogue to bi",
        "+ USE SCHEMA on sales to bi",
        "+ SELECT on sales.* to bi",
    ]
    assert PolicySyncOperator(task_id="sync", **chosen).execute(context)["done"] == {"granted": 3}
    assert unity.held() == sorted(["SELECT ON main.sales TO bi", *OPEN])
    assert PolicyVerifyOperator(task_id="verify", **chosen).execute(context)["state"] == "same"
