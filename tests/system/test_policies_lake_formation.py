"""Syncs of policies to AWS Lake Formation. It is moto, a STAND-IN of AWS, and has one of data cells filters: see tests/services/glue.py; pages and refusals are answered by the tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import PolicyReport, PolicySyncOptions, sync_policies, verify_policies
from airflow_provider_livedata.engine.errors import (
    BadInput,
    MetastoreRefused,
    PolicyAccessRefused,
    RunFailed,
    SourceEmpty,
    TargetTouched,
    TooManyDeletes,
    VerifyFailed,
)
from airflow_provider_livedata.engine.policies.lake_formation import permissions_from
from airflow_provider_livedata.engine.policies.model import Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.permissions import EVERY, Permission, Place
from airflow_provider_livedata.hooks.ranger import target_at
from airflow_provider_livedata.operators.policies import PolicySyncOperator, PolicyVerifyOperator
from tests.crash.memory_policies import MemoryPolicies
from tests.services.airflow_home import connection_variable
from tests.services.glue import CellFilters, GlueRequests, glue_client, lake_formation_on
from tests.services.s3 import MotoServer

HIVE = Facts("hive", frozenset({"select", "update"}), frozenset({"database", "table", "column"}))
BI, ANN, TEMPS = (f"arn:aws:iam::123456789012:role/{name}" for name in ("bi", "ann", "temps"))
NAMED = {"groups": {"bi": BI, "temps": TEMPS}, "users": {"ann": ANN}}
READ = Grant(Who(groups=("bi",)), ("select",))


@dataclass
class Lake:
    """A source in memory, and a database of Glue with the tables ``orders`` and ``pay``."""

    server: MotoServer
    root: Path
    database: str
    source: MemoryPolicies = field(default_factory=lambda: MemoryPolicies("prod", HIVE))
    requests: GlueRequests | None = None
    cells: CellFilters = field(default_factory=CellFilters)

    def options(self, **more: Any) -> PolicySyncOptions:
        return PolicySyncOptions(**{"databases": {"sales": self.database}, **NAMED, **more})

    def sync(self, **more: Any) -> PolicyReport:
        target, self.requests = lake_formation_on(self.server, self.cells)
        return sync_policies(self.source, target, self.options(**more), state=f"file://{self.root}/state")

    def verify(self) -> PolicyReport:
        target, self.requests = lake_formation_on(self.server, self.cells)
        return verify_policies(self.source, target, self.options(), state=f"file://{self.root}/state")

    def raw(self) -> Any:
        """A client of boto3, of somebody else."""
        return glue_client(self.server, "lakeformation")

    def by_hand(self, call: str, resource: dict[str, Any], principal: str, *permissions: str) -> None:
        getattr(self.raw(), call)(
            Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource, Permissions=list(permissions)
        )

    def table(self, name: str) -> dict[str, Any]:
        return {"Table": {"DatabaseName": self.database, "Name": name}}

    def create(self, table: str, *columns: str) -> None:
        storage = {"Columns": [{"Name": one, "Type": "string"} for one in columns]}
        glue_client(self.server).create_table(
            DatabaseName=self.database, TableInput={"Name": table, "StorageDescriptor": storage}
        )

    def held(self) -> list[str]:
        """What is granted in the database, with short names."""
        listed = self.raw().list_permissions()["PrincipalResourcePermissions"]
        found = (one for told in listed for one in permissions_from(told) if one.place.database == self.database)
        return sorted(
            str(one).replace(f"{self.database}.", "").replace("arn:aws:iam::123456789012:role/", "") for one in found
        )


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    """A server of moto."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def lake(moto: MotoServer, tmp_path: Path) -> Lake:
    made = Lake(moto, tmp_path, f"sales_{uuid.uuid4().hex[:8]}")
    glue_client(moto).create_database(DatabaseInput={"Name": made.database})
    made.create("orders", "id", "ssn")
    made.create("pay", "id", "ssn")
    return made


def policy(name: str, table: str = "*", column: str = "*", **fields: Any) -> Policy:
    parts = {"database": Values(("sales",)), "table": Values((table,)), "column": Values((column,))}
    return Policy(name, **{"resources": (resource_of(parts),), "allow": (READ,), **fields})


def test_a_grant_on_a_table_comes_and_goes_with_its_policy(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    report = lake.sync()
    assert (report.state, report.done, report.seen) == ("synced", {"granted": 2}, 2)
    assert lake.held() == ["SELECT on orders to bi", "SELECT on pay to bi"]
    assert lake.sync().planned == {}
    assert lake.requests is not None
    assert lake.requests.changes() == {}
    assert lake.verify().state == "same"
    del lake.source.kept[2]
    assert lake.verify().state == "different"
    assert lake.sync().done == {"revoked": 1}
    assert lake.held() == ["SELECT on orders to bi"]


def test_a_rule_of_all_tables_holds_for_those_to_come_and_any_other_pattern_for_those_that_are_there(
    lake: Lake,
) -> None:
    lake.source.give(policy("all"), policy("some", "p*", allow=(Grant(Who(users=("ann",)), ("update",)),)))
    lake.sync()
    now = ["DELETE on pay to ann", "INSERT on pay to ann", "SELECT on * to bi"]
    assert lake.held() == now
    lake.create("paid", "id")
    assert lake.verify().planned == {"grants": 2}
    assert lake.sync().done == {"granted": 2}
    assert lake.held() == sorted([*now, "DELETE on paid to ann", "INSERT on paid to ann"])


def test_a_denial_of_a_column_leaves_the_others_and_never_is_more_allowed_meanwhile(lake: Lake) -> None:
    lake.source.give(policy("all"))
    lake.sync()
    lake.source.give(policy("no", "pay", "ssn", allow=(), deny=(READ,)))
    report = lake.sync()
    assert report.changes == [
        f"- SELECT on {lake.database}.* to {BI}", f"+ SELECT on {lake.database}.orders to {BI}", f"+ SELECT on {lake.database}.pay.id to {BI}"
    ]  # fmt: skip
    assert lake.held() == ["SELECT on orders to bi", "SELECT on pay.id to bi"]
    assert lake.requests is not None
    assert list(lake.requests.changes()) == ["BatchRevokePermissions", "BatchGrantPermissions"]
    del lake.source.kept[2]
    lake.sync()
    assert lake.held() == ["SELECT on * to bi"]


def test_what_a_person_granted_is_never_revoked_and_no_grant_of_ours(lake: Lake) -> None:
    lake.by_hand("grant_permissions", lake.table("orders"), BI, "SELECT")
    lake.by_hand("grant_permissions", lake.table("pay"), BI, "ALL")
    lake.source.give(policy("a", "orders"), policy("b", "pay"), policy("c", "none"))
    assert lake.sync().planned == {}
    lake.source.kept.clear()
    lake.source.give(policy("c", "none"))
    lake.sync(max_delete_ratio=1)
    assert {"SELECT on orders to bi", "ALL on pay to bi"} <= set(lake.held())


def test_what_a_person_revoked_of_ours_is_told_and_stops_is_granted_again_or_kept(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    lake.sync()
    lake.by_hand("revoke_permissions", lake.table("pay"), BI, "SELECT")
    with pytest.raises(TargetTouched, match="somebody changed grants of this sync"):
        lake.sync()
    kept = lake.sync(changed_at_target="keep")
    assert kept.touched == [f"SELECT on {lake.database}.pay to {BI}: was revoked"]
    assert lake.held() == ["SELECT on orders to bi"]
    with pytest.raises(TargetTouched):  # keeping it once does not forget it
        lake.sync()
    assert lake.sync(changed_at_target="overwrite").done == {"granted": 1}
    assert lake.held() == ["SELECT on orders to bi", "SELECT on pay to bi"]


def test_the_grant_option_comes_and_goes(lake: Lake) -> None:
    """moto takes no grant option in batches, and fails to revoke one: what is asked of it is looked at."""
    passing = Grant(Who(groups=("bi",)), ("select",), may_grant=True)
    lake.source.give(policy("a", "orders", allow=(passing,)))

    def asked(call: str) -> list[Any]:
        assert lake.requests is not None
        return [entry.get("PermissionsWithGrantOption") for one in lake.requests.of(call) for entry in one["Entries"]]

    lake.sync()
    assert asked("BatchGrantPermissions") == [["SELECT"]]
    lake.raw().grant_permissions(
        Principal={"DataLakePrincipalIdentifier": BI}, Resource=lake.table("orders"), Permissions=["SELECT"],
        PermissionsWithGrantOption=["SELECT"],
    )  # fmt: skip
    assert lake.held() == ["SELECT on orders to bi with grant option"]
    assert lake.sync().planned == {}
    lake.source.kept.clear()
    lake.source.give(policy("a", "orders"))
    target, lake.requests = lake_formation_on(lake.server)
    lake.requests.answer("BatchRevokePermissions", {"Failures": []})
    report = sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state")
    assert report.done == {"revoked": 1, "granted": 1}
    assert (asked("BatchRevokePermissions"), asked("BatchGrantPermissions")) == ([["SELECT"]], [None])


def test_guards_stop_an_empty_source_and_too_many_revocations_before_anything_is_changed(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    lake.sync()
    before = lake.held()
    kept = dict(lake.source.kept)
    lake.source.kept.clear()
    with pytest.raises(SourceEmpty, match="grants of this sync"):
        lake.sync()
    lake.source.give(policy("c", "none"))
    with pytest.raises(TooManyDeletes, match="more grants of this sync"):
        lake.sync()
    assert lake.held() == before
    assert lake.sync(deletes="keep").planned == {}
    lake.source.kept = kept
    assert lake.sync().planned == {}


def test_a_dry_run_shows_the_grants_and_changes_nothing(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"))
    report = lake.sync(dry_run=True)
    assert (report.state, report.planned) == ("dry run", {"grants": 1})
    assert report.changes == [f"+ SELECT on {lake.database}.orders to {BI}"]
    assert lake.held() == []
    assert not (lake.root / "state/.livedata/policies/state.json").exists()


def test_what_is_granted_is_sent_twenty_a_call(lake: Lake) -> None:
    for number in range(45):
        lake.create(f"t{number:02}", "id")
    lake.source.give(policy("a", "t*"))
    assert lake.sync().done == {"granted": 45}
    assert lake.requests is not None
    assert [len(one["Entries"]) for one in lake.requests.of("BatchGrantPermissions")] == [20, 20, 5]


def test_all_pages_of_a_listing_are_read(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    lake.sync()
    told = [
        {"Principal": {"DataLakePrincipalIdentifier": BI}, "Permissions": ["SELECT"], "Resource": lake.table(name)}
        for name in ("orders", "pay")
    ]
    target, requests = lake_formation_on(lake.server)
    pages: list[Any] = [
        {"PrincipalResourcePermissions": told[:1], "NextToken": "1"}, {"PrincipalResourcePermissions": [], "NextToken": "2"},
        {"PrincipalResourcePermissions": told[1:]},
    ]  # fmt: skip
    requests.answer("ListPermissions", *pages)
    report = sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state")
    assert (report.same, report.planned) == (2, {})
    assert report.target_calls["list_permissions"] == 3


def rows(name: str, expression: str, table: str = "pay", **who: Any) -> Policy:
    resource = resource_of({"database": Values(("sales",)), "table": Values((table,))})
    line = Grant(Who(**(who or {"groups": ("bi",)})), ("select",), row_filter=expression)
    return Policy(name, "row filter", (resource,), allow=(line,))


def filters(lake: Lake) -> list[tuple[str, Any]]:
    return sorted(
        (told["RowFilter"]["FilterExpression"], told.get("ColumnNames", "all")) for told in lake.cells.kept.values()
    )


def test_a_row_filter_becomes_a_filter_that_is_granted_on_and_goes_with_its_grants(lake: Lake) -> None:
    lake.source.give(policy("a", "pay"), rows("own", "ssn = 'it-s'"))
    report = lake.sync()
    assert report.lost == []
    assert filters(lake) == [("(ssn = 'it-s')", "all")]
    (name,) = (key[2] for key in lake.cells.kept)
    assert lake.held() == [f"SELECT on pay (rows of {name}) to bi"]
    assert [one.split(":")[0] for one in report.changes] == [
        f"+ row filter of {lake.database}.pay (rows of {name})", f"+ SELECT on {lake.database}.pay (rows of {name}) to arn"
    ]  # fmt: skip
    assert lake.requests is not None
    changing = [call for call, _ in lake.requests.sent if call.startswith(("Create", "Batch"))]
    assert changing == ["CreateDataCellsFilter", "BatchGrantPermissions"]
    (told,) = lake.cells.kept.values()
    assert told["TableCatalogId"] == "123456789012"
    assert (lake.sync().planned, lake.verify().state) == ({}, "same")
    del lake.source.kept[2]
    lake.source.give(rows("own", "id = 'x'"))
    assert lake.sync().planned == {"grants": 1, "revokes": 1, "sets": 1, "unsets": 1}
    assert filters(lake) == [("(id = 'x')", "all")]
    lake.source.kept.clear()
    lake.source.give(policy("a", "orders"))
    lake.sync(max_delete_ratio=1)
    assert (lake.cells.kept, lake.held()) == ({}, ["SELECT on orders to bi"])


def test_a_mask_and_a_filter_leave_some_columns_of_some_rows(lake: Lake) -> None:
    masked = policy("m", "pay", "ssn", kind="mask", allow=(Grant(Who(groups=("bi",)), ("select",), mask="MASK"),))
    lake.source.give(policy("a", "pay"), masked, rows("own", "id = 'x'"))
    report = lake.sync()
    assert filters(lake) == [("(id = 'x')", ["id"])]
    assert report.lost == [
        "bi gets no select on pay.ssn: it may be denied, or changed, to some of them by the mask of m".replace("pay", f"{lake.database}.pay").replace("bi ", f"{BI} ", 1)
    ]  # fmt: skip


def test_who_may_be_under_two_filters_and_what_partiql_does_not_say_gets_nothing(lake: Lake) -> None:
    both = (Grant(Who(groups=("bi", "temps")), ("select",)),)
    lake.source.give(policy("a", "pay", allow=both), rows("own", "id = 'x'", groups=("bi",)))
    report = lake.sync()
    assert [one.partition(" (rows")[0] for one in lake.held()] == ["SELECT on pay"]
    assert "who has this name may be under different lines of it" in report.lost[0]
    del lake.source.kept[2]
    lake.source.give(rows("own", "id = current_user()", groups=("bi", "temps")))
    assert lake.sync(max_delete_ratio=1).done == {"revoked": 1, "unset": 1}
    assert lake.held() == []


def test_a_filter_that_somebody_changed_is_told_and_set_right(lake: Lake) -> None:
    lake.source.give(policy("a", "pay"), rows("own", "id = 'x'"))
    lake.sync()
    (told,) = lake.cells.kept.values()
    told["RowFilter"] = {"FilterExpression": "(id <> 'x')"}
    with pytest.raises(TargetTouched, match=r"row filter of .*was changed"):
        lake.sync()
    lake.sync(changed_at_target="overwrite")
    assert filters(lake) == [("(id = 'x')", "all")]


def test_a_filter_that_somebody_widened_by_a_column_is_told_and_set_right(lake: Lake) -> None:
    masked = policy("m", "pay", "ssn", kind="mask", allow=(Grant(Who(groups=("bi",)), ("select",), mask="MASK"),))
    lake.source.give(policy("a", "pay"), masked, rows("own", "id = 'x'"))
    lake.sync()
    (told,) = lake.cells.kept.values()
    before = dict(told)
    told["ColumnNames"] = [*told["ColumnNames"], "ssn"]
    with pytest.raises(TargetTouched, match=r"row filter of .*was changed"):
        lake.sync()
    lake.sync(changed_at_target="overwrite")
    (told,) = lake.cells.kept.values()
    assert told["ColumnNames"] == before["ColumnNames"]


def test_a_filter_that_somebody_granted_on_stays(lake: Lake) -> None:
    lake.source.give(policy("a", "pay"), rows("own", "id = 'x'"))
    lake.sync()
    ((database, table, name),) = lake.cells.kept
    theirs = {
        "DataCellsFilter": {
            "TableCatalogId": "123456789012",
            "DatabaseName": database,
            "TableName": table,
            "Name": name,
        }
    }
    lake.by_hand("grant_permissions", theirs, ANN, "SELECT")
    lake.source.kept.clear()
    lake.source.give(policy("a", "orders"))
    lake.sync(max_delete_ratio=1)
    assert lake.held() == ["SELECT on orders to bi", f"SELECT on pay (rows of {name}) to ann"]
    assert len(lake.cells.kept) == 1


def refused(number: int, code: str, said: str = "no") -> dict[str, Any]:
    error = {"ErrorCode": code, "ErrorMessage": said}
    return {"Failures": [{"RequestEntry": {"Id": str(number)}, "Error": error}]}


def test_a_grant_that_is_refused_fails_alone_and_is_not_ours(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    target, requests = lake_formation_on(lake.server)
    requests.answer("BatchGrantPermissions", refused(1, "InvalidInputException", "no such principal"))
    with pytest.raises(RunFailed, match="some policies that allow") as caught:
        sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state")
    assert caught.value.report.failures == [
        f"SELECT on {lake.database}.pay to {BI}: InvalidInputException: no such principal"
    ]
    state = json.loads((lake.root / "state/.livedata/policies/state.json").read_text())
    assert [row[1] for row in state["given"]] == ["orders"]


def test_what_is_throttled_is_sent_again_and_what_is_gone_needs_no_revoking(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"), policy("b", "pay"))
    target, requests = lake_formation_on(lake.server)
    requests.answer("BatchGrantPermissions", refused(0, "ConcurrentModificationException"), "ThrottledException")
    assert sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state").done == {"granted": 2}
    del lake.source.kept[2]
    target, requests = lake_formation_on(lake.server)
    gone = "No permissions revoked. Grantee does not have: [SELECT]"
    requests.answer("BatchRevokePermissions", refused(0, "InvalidInputException", gone))
    assert sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state").done == {"revoked": 1}


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (refused(0, "AccessDeniedException"), PolicyAccessRefused),
        ("AccessDeniedException", MetastoreRefused),
    ],
)
def test_who_may_not_grant_leaves_the_target_as_it_was(lake: Lake, answer: Any, cause: type[Exception]) -> None:
    lake.source.give(policy("all"))
    lake.sync()
    lake.source.give(policy("no", "pay", allow=(), deny=(READ,)))
    target, requests = lake_formation_on(lake.server)
    requests.answer("BatchGrantPermissions", answer)
    with pytest.raises(RunFailed, match="was put back") as caught:
        sync_policies(lake.source, target, lake.options(), state=f"file://{lake.root}/state")
    assert isinstance(caught.value.__cause__, cause)
    assert lake.held() == ["SELECT on * to bi"]
    assert lake.sync().done == {"revoked": 1, "granted": 1}


def test_where_everybody_in_iam_is_let_in_that_is_told(lake: Lake) -> None:
    lake.by_hand("grant_permissions", lake.table("pay"), "IAM_ALLOWED_PRINCIPALS", "ALL")
    lake.source.give(policy("a", "orders"))
    report = lake.sync()
    assert [one for one in report.notes if "holds nobody back" in one and f"{lake.database}.pay" in one]


def test_a_database_that_is_not_there_is_told(lake: Lake) -> None:
    lake.source.give(policy("a", "orders"))
    report = lake.sync(databases={"sales": "nowhere"})
    assert "nowhere is not at the target: nothing is granted in it" in report.notes


def test_policies_of_paths_and_roles_that_are_kept_are_refused(lake: Lake) -> None:
    with pytest.raises(BadInput, match="set roles_as to 'members'"):
        lake.sync(roles_as="keep")
    lake.source.known = Facts("hdfs", frozenset({"read"}), frozenset({"path"}))
    with pytest.raises(BadInput, match="only policies of Hive can become grants of Lake Formation"):
        lake.sync()


def test_roles_become_who_is_in_them(lake: Lake) -> None:
    lake.source.who_is_in["readers"] = Who(users=("ann",), groups=("bi",))
    lake.source.give(policy("a", "orders", allow=(Grant(Who(roles=("readers",)), ("select",)),)))
    lake.sync()
    assert lake.held() == ["SELECT on orders to ann", "SELECT on orders to bi"]


def test_listings_as_aws_writes_them_are_read() -> None:
    def told(resource: dict[str, Any], *privileges: str, **more: Any) -> set[Permission]:
        principal = {"DataLakePrincipalIdentifier": BI}
        item = {"Principal": principal, "Resource": resource, "Permissions": list(privileges), **more}
        return set(permissions_from(item))

    of_table = {"DatabaseName": "d", "Name": "t"}
    every = {"DatabaseName": "d", "Name": "ALL_TABLES"}
    read = {Permission(Place("d", "t"), BI, "SELECT")}
    assert told({"TableWithColumns": {**of_table, "ColumnWildcard": {}}}, "SELECT") == read
    assert told({"TableWithColumns": {**every, "ColumnWildcard": {}}}, "SELECT") == {
        Permission(Place("d", EVERY), BI, "SELECT")
    }
    excluded = {"ExcludedColumnNames": ["ssn"]}
    assert told({"TableWithColumns": {**of_table, "ColumnWildcard": excluded}}, "SELECT") == set()
    assert told({"Table": {**every, "TableWildcard": {}}}, "DROP") == {Permission(Place("d", EVERY), BI, "DROP")}
    assert told({"Catalog": {}}, "CREATE_DATABASE") == set()
    assert told({"Table": of_table}, "SELECT", Condition={"Expression": "x"}) == set()
    every_of_database = told({"Database": {"Name": "d"}}, "ALL", PermissionsWithGrantOption=["ALL"])
    assert {one.privilege for one in every_of_database if one.may_grant} == {
        "ALL",
        "ALTER",
        "CREATE_TABLE",
        "DESCRIBE",
        "DROP",
    }


class _Ti:
    dag_id, run_id, task_id, map_index, try_number = "d", "r", "t", -1, 1

    def xcom_push(self, key: str, value: Any) -> None: ...


def test_the_operators_sync_and_verify_by_connections(
    lake: Lake, airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(connection_variable("aws_dr"), lake.server.connection_json())
    resources = {"database": {"values": ["sales"]}, "table": {"values": ["*"]}, "column": {"values": ["*"]}}
    items = [{"accesses": [{"type": "select", "isAllowed": True}], "groups": ["bi"]}]
    exported = {"service": "hive", "name": "p", "resources": resources, "policyItems": items}
    (lake.root / "export.json").write_text(json.dumps({"policies": [exported]}))
    chosen: dict[str, Any] = {
        "source": f"file://{lake.root}/export.json#hive", "target": "lakeformation://aws_dr", "state": f"file://{lake.root}/state",
        "databases": {"sales": lake.database}, "groups": {"bi": BI},
    }  # fmt: skip
    context: Any = {"ti": _Ti(), "outlet_events": {}}
    with pytest.raises(Exception, match="policies differ") as caught:
        PolicyVerifyOperator(task_id="verify", **chosen).execute(context)
    assert isinstance(caught.value.__cause__, VerifyFailed)
    done = PolicySyncOperator(task_id="sync", **chosen).execute(context)
    assert (done["done"], done["target"]) == ({"granted": 1}, "lakeformation://aws_dr")
    assert lake.held() == ["SELECT on * to bi"]
    assert PolicyVerifyOperator(task_id="verify", **chosen).execute(context)["state"] == "same"
    with pytest.raises(BadInput, match="Lake Formation is named by lakeformation://connection"):
        target_at("lakeformation://aws_dr/12")
    with pytest.raises(BadInput, match="policies go to ranger://"):
        target_at("glue://aws_dr")
