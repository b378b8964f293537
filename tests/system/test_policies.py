"""Syncs of policies between two stand-ins of Ranger Admin; what they mean is asked of Ranger's real policy engine."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_livedata.engine import (
    PolicyReport,
    PolicySyncOptions,
    open_policies,
    protect_replica,
    replicate,
    sync_policies,
    verify_policies,
)
from airflow_provider_livedata.engine.errors import (
    PolicyAccessRefused,
    PolicyMissing,
    PolicyStoreUnreachable,
    RunFailed,
)
from airflow_provider_livedata.engine.policies.base import PolicyTarget
from airflow_provider_livedata.engine.policies.model import Policy, Who
from airflow_provider_livedata.engine.policies.ranger_json import policy_of, role_of
from airflow_provider_livedata.engine.retry import RetryPolicy
from tests.airflow.runs import Run, make_tree, migrate, recover, run
from tests.services.airflow_home import connection_variable
from tests.services.ranger_admin import RangerAdmin
from tests.services.ranger_engine import Question, RangerEngine
from tests.system.policy_common import (
    ROLES,
    Json,
    hive_questions,
    line,
    path,
    path_questions,
    some_path,
    some_policies,
    some_table,
    table,
)
from tests.unit.policy_answers import Question as Asked
from tests.unit.policy_answers import is_allowed

TWICE = RetryPolicy(attempts=2, base_s=0, max_s=0)
HIVE: dict[str, Any] = {"databases": {"sales": "sales_dr", "hr": "hr"}}
NAMED = {"sales": "sales_dr"}


@pytest.fixture(scope="module")
def engine() -> Iterator[RangerEngine]:
    with RangerEngine() as started:
        yield started


@pytest.fixture
def pair(engine: RangerEngine) -> Iterator[tuple[RangerAdmin, RangerAdmin]]:
    defs = {kind: engine.service_def(kind) for kind in ("hive", "hdfs")}
    with RangerAdmin(service_defs=defs) as source, RangerAdmin(service_defs=defs) as target:
        for admin in (source, target):
            for kind in ("hive", "hdfs"):
                admin.add_service(kind, kind)
        for role in ROLES:
            source.add_role(role)
        yield source, target


def opened(admin: RangerAdmin, service: str = "hive", **more: Any) -> PolicyTarget:
    found = open_policies(
        "ranger", service=service, url=admin.url, user=admin.user, password=admin.password, policy=TWICE, **more
    )
    assert isinstance(found, PolicyTarget)
    return found


def synced(
    pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, service: str = "hive", **options: Any
) -> PolicyReport:
    chosen = PolicySyncOptions(**options)
    return sync_policies(
        opened(pair[0], service), opened(pair[1], service), chosen, state=f"file://{tmp_path}/state-{service}"
    )


def give(admin: RangerAdmin, *policies: Json, service: str = "hive") -> None:
    for policy in policies:
        admin.add_policy({"service": service, "policyType": 0, **policy})


def said(admin: RangerAdmin, service: str = "hive") -> set[str]:
    """What a service says, whatever its numbers are."""
    found = [policy_of(one) for one in admin.policies(service)]
    return {f"{one.name} {one.digest()} {one.origin}" for one in found if isinstance(one, Policy)}


def answers(
    engine: RangerEngine, admin: RangerAdmin, questions: list[Question], service: str = "hive", *, roles: bool = True
) -> list[bool]:
    return engine.answers(engine.service_def(service), admin.policies(service), ROLES if roles else [], questions)


def test_a_user_gets_the_same_answers_at_the_target(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = pair
    give(
        source,
        {
            "name": "readers",
            "resources": table("sales"),
            "policyItems": [line("select", groups="bi", roles="analysts")],
        },
        {"name": "all", "resources": table("*"), "policyItems": [line("select update drop", users="hdfs_etl")]},
        {"name": "no drops", "resources": table("s*", "t1"), "denyPolicyItems": [line("drop", groups="public")]},
        {
            "name": "not hr",
            "resources": table("hr other", isExcludes=True),
            "policyItems": [line("update", users="zoe")],
        },
    )
    report = synced(pair, tmp_path, **HIVE)
    assert (report.state, report.done) == ("synced", {"created": 4})
    before, after = (
        answers(engine, source, hive_questions()),
        answers(engine, target, hive_questions(databases=NAMED), roles=False),
    )
    assert after == before
    assert {True, False} == set(before)
    assert not any(
        answers(
            engine,
            target,
            [Question("hdfs_etl", (), (("database", "other"), ("table", "t"), ("column", "c")), "select")],
        )
    )
    options = PolicySyncOptions(**HIVE)
    assert (
        verify_policies(opened(source), opened(target), options, state=f"file://{tmp_path}/state-hive").state == "same"
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_policies_of_hive_give_the_same_answers(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, seed: int
) -> None:
    source, target = pair
    give(source, *some_policies(random.Random(seed), 12, some_table, ["select", "update", "drop"]))
    report = synced(pair, tmp_path, **HIVE)
    assert report.state == "synced"
    before, after = (
        answers(engine, source, hive_questions()),
        answers(engine, target, hive_questions(databases=NAMED), roles=False),
    )
    wrong = [one for one, was, now in zip(hive_questions(), before, after, strict=True) if was != now]
    assert wrong == [], report.table()


@pytest.mark.parametrize("seed", range(6))
def test_roles_that_are_made_at_the_target_give_the_same_answers_also_after_they_changed(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, seed: int
) -> None:
    source, target = pair
    target.add_role(
        {"name": "auditors", "users": [{"name": "zoe"}]} if seed % 2 else {"name": "own", "users": [{"name": "zoe"}]}
    )
    give(source, *some_policies(random.Random(200 + seed), 12, some_table, ["select", "update", "drop"]))
    for changed in (False, True):
        if changed:
            inner = next(one for one in source.roles() if one["name"] == "auditors")
            change(source, {**inner, "users": [{"name": "ann"}], "groups": [{"name": "etl"}]})
        report = synced(pair, tmp_path, **HIVE, roles_as="mirror")
        assert report.state == "synced", report.table()
        before = engine.answers(engine.service_def("hive"), source.policies("hive"), source.roles(), hive_questions())
        after = engine.answers(
            engine.service_def("hive"), target.policies("hive"), target.roles(), hive_questions(databases=NAMED)
        )
        wrong = [one for one, was, now in zip(hive_questions(), before, after, strict=True) if was != now]
        assert wrong == [], report.table()
    assert {one["name"]: one["users"] for one in target.roles() if not one["options"]} == {
        "auditors" if seed % 2 else "own": [{"name": "zoe"}]
    }
    named = {name for one in target.policies("hive") for item in one["policyItems"] for name in item["roles"]}
    assert bool(named) == (seed % 2 == 0)  # what is somebody's own is not used
    chosen = PolicySyncOptions(**HIVE, roles_as="mirror")
    assert (
        verify_policies(opened(source), opened(target), chosen, state=f"file://{tmp_path}/state-hive").state == "same"
    )


def change(admin: RangerAdmin, role: Json) -> None:
    url = f"{admin.url}/service/public/v2/api/roles/{role['id']}"
    requests.put(url, json=role, auth=(admin.user, admin.password), timeout=60).raise_for_status()


@pytest.mark.parametrize("seed", range(8))
def test_random_policies_of_hdfs_give_the_same_answers_below_the_new_path(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, seed: int
) -> None:
    source, target = pair
    give(source, *some_policies(random.Random(seed), 12, some_path, ["read", "write"]), service="hdfs")
    report = synced(pair, tmp_path, "hdfs", locations={"hdfs://nn1:8020/data/sales": "hdfs://nn2:8020/dr/s"})
    assert report.state == "synced"
    before = answers(engine, source, path_questions("/data/sales"), "hdfs")
    after = answers(engine, target, path_questions("/dr/s"), "hdfs", roles=False)
    wrong = [one for one, was, now in zip(path_questions("/data/sales"), before, after, strict=True) if was != now]
    assert wrong == [], report.table()
    beside = [
        Question("ann", ("bi",), (("path", one),), "read") for one in ("/dr", "/dr/sx", "/other", "/data/sales/x")
    ]
    assert not any(answers(engine, target, beside, "hdfs", roles=False))


@pytest.mark.parametrize("seed", range(4))
def test_nobody_may_more_where_names_are_missing(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, seed: int
) -> None:
    source, target = pair
    give(source, *some_policies(random.Random(100 + seed), 12, some_table, ["select", "update", "drop"]))
    named = {"bi": "grp-bi", "etl": "grp-etl"}
    synced(pair, tmp_path, **HIVE, groups=named, users={"ann": "ann", "hdfs_*": "hdfs_*"})
    questions = hive_questions(named, NAMED)
    before, after = answers(engine, source, hive_questions()), answers(engine, target, questions, roles=False)
    assert [one for one, was, now in zip(questions, before, after, strict=True) if now and not was] == []


@pytest.mark.parametrize("seed", range(4))
def test_the_written_rules_of_the_unit_tests_are_those_of_the_engine(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], seed: int
) -> None:
    source, roles = pair[0], dict(role_of(one) for one in ROLES)
    give(source, *some_policies(random.Random(200 + seed), 15, some_table, ["select", "update", "drop"]))
    policies = [one for one in map(policy_of, source.policies("hive")) if isinstance(one, Policy)]
    ours = [
        is_allowed(policies, Asked(one.user, one.groups, one.resource, one.access), roles) for one in hive_questions()
    ]
    assert ours == answers(engine, source, hive_questions())


def test_masks_and_row_filters_are_the_same_at_the_target(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = pair
    masked = [
        line("select", users="bob", dataMaskInfo={"dataMaskType": "MASK_NONE"}),
        line("select", groups="public", dataMaskInfo={"dataMaskType": "CUSTOM", "valueExpr": "sha({col})"}),
    ]
    rows = [line("select", groups="bi", rowFilterInfo={"filterExpr": "region = 'eu'"})]
    one = {"database": {"values": ["sales"]}, "table": {"values": ["t1"]}}
    give(
        source,
        {
            "name": "m",
            "policyType": 1,
            "resources": {**one, "column": {"values": ["c"]}},
            "dataMaskPolicyItems": masked,
        },
        {"name": "r", "policyType": 2, "resources": one, "rowFilterPolicyItems": rows},
    )
    synced(pair, tmp_path, **HIVE)
    definition = engine.service_def("hive")
    for ask, parts in (
        (engine.masks, 3),
        (engine.row_filters, 2),
    ):  # Hive asks for masks of columns, and for filters of tables
        before = ask(definition, source.policies("hive"), ROLES, narrowed(hive_questions(), parts))
        assert ask(definition, target.policies("hive"), [], narrowed(hive_questions(databases=NAMED), parts)) == before
        assert len(set(before)) > 1


def narrowed(questions: list[Question], parts: int) -> list[Question]:
    return [replace(one, resource=one.resource[:parts], access="select") for one in questions]


def test_a_persons_own_policies_of_the_same_name_and_resources_stay_as_they_are(
    engine: RangerEngine, pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = pair
    give(source, {"name": "readers", "resources": table("sales"), "policyItems": [line("select", users="ann")]})
    give(
        target,
        {"name": "livedata readers", "resources": table("mine"), "policyItems": [line("drop", users="bob")]},
        {"name": "theirs", "resources": table("sales_dr"), "policyItems": [line("update", users="zoe")]},
    )
    before = target.policies("hive")
    synced(pair, tmp_path, **HIVE)
    after = target.policies("hive")
    assert after[:2] == before
    assert (after[2]["name"], after[2]["resources"]["database"]["values"]) == (
        "livedata readers [1]",
        ["livedata-1", "sales_dr"],
    )
    there = (("database", "sales_dr"), ("table", "t"), ("column", "c"))
    asked = [
        Question("ann", (), there, "select"),
        Question("zoe", (), there, "update"),
        Question("ann", (), there, "update"),
    ]
    assert answers(engine, target, asked) == [True, True, False]


def test_very_large_policies_and_odd_names_come_whole(pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path) -> None:
    source, target = pair
    names = [f"user-{number}" for number in range(1000)] + ["o'neil", 'qu"ote', "Zoë", "мария", "名前"]
    paths = " ".join(f"/data/sales/dir-{number}" for number in range(500))
    target.password = "пароль ü"
    give(
        source,
        {"name": 'large "one\'s" ü', "resources": path(paths), "policyItems": [{**line("read"), "users": names}]},
        service="hdfs",
    )
    synced(pair, tmp_path, "hdfs", locations={"/data/sales": "/dr"})
    (made,) = target.policies("hdfs")
    assert made["name"] == 'livedata large "one\'s" ü'
    assert (sorted(made["policyItems"][0]["users"]), len(made["resources"]["path"]["values"])) == (sorted(names), 500)


def test_five_thousand_policies_are_compared_page_by_page(
    pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = pair
    for number in range(5000):
        give(
            source,
            {
                "name": f"p{number}",
                "resources": table("sales", f"t{number}"),
                "policyItems": [line("select", users="ann")],
            },
        )
    first = synced(pair, tmp_path, **HIVE)
    assert first.done == {"created": 5000}
    assert synced(pair, tmp_path, **HIVE).same == 5000
    asked = len(source.requests), len(target.requests)
    assert synced(pair, tmp_path, **HIVE).found_by == "the versions of both services"
    assert len(source.requests) + len(target.requests) - sum(asked) <= 16
    give(source, {"name": "new", "resources": table("hr"), "policyItems": [line("select", users="ann")]})
    asked = len(source.requests), len(target.requests)
    assert synced(pair, tmp_path, **HIVE).done == {"created": 1}
    assert len(source.requests) - asked[0] <= 40  # 26 pages of policies, and who, what and which version
    assert len(target.requests) - asked[1] <= 40


@pytest.mark.parametrize("status", [401, 409, 500, 0], ids=["401", "409", "500", "no answer"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_when_ranger_fails_half_way_the_target_is_as_before(
    pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, status: int, after: int
) -> None:
    source, target = pair
    give(
        source,
        *(
            {"name": name, "resources": table("sales", name), "policyItems": [line("select", users="ann")]}
            for name in ("a", "b")
        ),
    )
    synced(pair, tmp_path, **HIVE)
    give(source, {"name": "c", "resources": table("sales", "c"), "denyPolicyItems": [line("drop", groups="public")]})
    give(source, {"name": "d", "resources": table("sales", "d"), "policyItems": [line("select", users="ann")]})
    give(source, {"name": "e", "resources": table("sales", "e"), "policyItems": [line("select", users="ann")]})
    before = said(target)
    target.fail("POST", status, after=after, times=1)
    with pytest.raises(RunFailed, match="was put back") as failed:
        synced(pair, tmp_path, **HIVE)
    assert failed.value.report.state == "restored"
    assert said(target) == before
    assert synced(pair, tmp_path, **HIVE).done == {"created": 3}


@pytest.mark.parametrize("restricts", [False, True])
def test_a_ranger_that_forgets_whose_a_policy_is_keeps_none_of_them(
    pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restricts: bool
) -> None:
    source, target = pair
    lines = "denyPolicyItems" if restricts else "policyItems"
    give(source, {"name": "a", "resources": table("sales"), lines: [line("select", users="ann")]})
    add = target._store.add_policy
    monkeypatch.setattr(
        target._store, "add_policy", lambda given: add({**given, "options": None})
    )  # as Ranger before 2.0
    with pytest.raises(RunFailed, match="is it 2.0 or newer") as failed:
        synced(pair, tmp_path, **HIVE)
    assert (failed.value.report.state, failed.value.report.left) == ("restored", [])
    assert target.policies("hive") == []


def test_a_read_that_fails_once_is_tried_again_and_one_that_is_refused_changes_nothing(
    pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = pair
    give(source, {"name": "a", "resources": table("sales"), "policyItems": [line("select", users="ann")]})
    for status in (500, 0):
        source.fail("GET", status, times=1)
        assert synced(pair, tmp_path, **HIVE).state == "synced"
    before = said(target)
    source.fail("GET", 500, times=99)
    with pytest.raises(PolicyStoreUnreachable, match="Ranger failed"):
        synced(pair, tmp_path, **HIVE, prefix="x ")
    wrong = open_policies(
        "ranger", service="hive", url=target.url, user=target.user, password="wrong-secret", policy=TWICE
    )
    with pytest.raises(PolicyAccessRefused) as refused:
        wrong.facts()
    assert "wrong-secret" not in str(refused.value)
    with pytest.raises(PolicyMissing, match="no service of this name"):
        opened(target, "nowhere").facts()
    assert said(target) == before


def test_roles_and_security_zones_of_both_sides_are_read(pair: tuple[RangerAdmin, RangerAdmin], tmp_path: Path) -> None:
    source, target = pair
    for admin, database in zip(pair, ("sales", "sales_dr"), strict=True):
        resources = [{"database": [database], "table": ["secret"]}]
        admin.add_zone({"name": "vault", "services": {"hive": {"resources": resources}}})
    give(
        source,
        {
            "name": "a",
            "resources": table("sales", "secret"),
            "zoneName": "vault",
            "policyItems": [line("select", roles="analysts")],
        },
        {"name": "a", "resources": table("sales"), "policyItems": [line("select", users="zoe")]},
    )
    report = synced(pair, tmp_path, **HIVE)
    assert report.notes == []
    made = {one["name"]: one for one in target.policies("hive")}
    assert made["livedata a"]["zoneName"] == "vault"
    assert (made["livedata a"]["policyItems"][0]["users"], made["livedata a"]["policyItems"][0]["groups"]) == (
        ["bob", "eve"],
        ["bi"],
    )
    assert not made["livedata a [2]"].get("zoneName")


# ---- from Airflow


@pytest.fixture
def connected(
    pair: tuple[RangerAdmin, RangerAdmin], airflow_home: object, monkeypatch: pytest.MonkeyPatch
) -> tuple[RangerAdmin, RangerAdmin]:
    for name, admin in zip(("prod_rg", "dr_rg"), pair, strict=True):
        host, _, port = admin.url.rpartition(":")
        told = {
            "conn_type": "livedataranger",
            "host": host,
            "port": int(port),
            "login": admin.user,
            "password": admin.password,
        }
        monkeypatch.setenv(connection_variable(name), json.dumps(told))
    give(
        pair[0], {"name": "readers", "resources": table("sales"), "policyItems": [line("select", users="ann")]},
        {"name": "no drops", "resources": table("hr"), "denyPolicyItems": [line("drop", groups="public")]},
    )  # fmt: skip
    return pair


def dag_run(tmp_path: Path, **params: Any) -> Run:
    from airflow_provider_livedata.dag_templates.policy_sync import policy_sync_dag

    conf = {
        "source": "ranger://prod_rg/hive", "target": "ranger://dr_rg/hive", "state": f"file://{tmp_path}/state",
        "databases": {"sales": "sales_dr", "hr": "hr"}, "dry_run": False, **params,
    }  # fmt: skip
    return run(policy_sync_dag(), conf=conf, mark_success="approve")


def test_the_dag_previews_syncs_verifies_and_tells(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target = connected[1]
    preview = dag_run(tmp_path, dry_run=True)
    assert preview.report["outcome"] == "PREVIEWED", preview.report["text"]
    assert "create livedata readers" in preview.results["preview"]["changes"]
    assert target.policies("hive") == []
    done = dag_run(tmp_path)
    assert done.report["outcome"] == "SYNCED", done.report["text"]
    assert done.report["why"] == "2 created, and verified"
    again = dag_run(tmp_path, verify=False)
    assert (again.results["sync"]["planned"], again.states["verify"]) == ({}, "skipped")
    everything = caplog.text + json.dumps(done.results) + "".join(one.read_text() for one in tmp_path.rglob("*.json*"))
    assert target.password not in everything


def test_the_dag_stops_at_what_somebody_changed_and_says_how_to_go_on(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    dag_run(tmp_path)
    target = connected[1]
    found = next(one for one in target.policies("hive") if one["name"] == "livedata readers")
    policy = policy_of({**found, "policyItems": [line("drop", users="eve")]})
    assert isinstance(policy, Policy)
    opened(target).update(policy)
    stopped = dag_run(tmp_path)
    assert (stopped.report["outcome"], stopped.failures["preview"]["error"]) == ("STOPPED", "TargetTouched")
    assert dag_run(tmp_path, changed_at_target="overwrite").report["outcome"] == "SYNCED"


def test_the_policies_of_an_exported_file_are_synced_too(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    import requests

    source, target = connected
    told = requests.get(
        f"{source.url}/service/plugins/policies/exportJson",
        params={"serviceName": "hive"},
        auth=(source.user, source.password),
        timeout=30,
    )
    (tmp_path / "export.json").write_bytes(told.content)
    done = dag_run(tmp_path, source=f"file://{tmp_path}/export.json#hive", roles_as="keep")
    assert done.report["outcome"] == "SYNCED", done.report["text"]
    assert len(target.policies("hive")) == 2


def test_policies_follow_a_migration_where_they_are_asked_for(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    source, target = make_tree(tmp_path / "source", {"a": b"1"}), f"file://{tmp_path}/target"
    asked = {
        "source": "ranger://prod_rg/hive", "target": "ranger://dr_rg/hive", "state": f"file://{tmp_path}/state", "databases": {"sales": "sales"},
        "options": {"prefix": "of the migration "},
    }  # fmt: skip
    rehearsed = migrate(source, target, policies=asked, dry_run=True)
    assert (rehearsed.states["policies"], connected[1].policies("hive")) == ("skipped", [])
    done = migrate(source, target, policies=asked)
    assert (done.states["policies"], done.states["metadata"]) == ("success", "skipped")
    assert done.report["outcome"] == "MIGRATED", done.report["text"]
    assert done.report["why"].endswith("policies followed")
    assert "1 created" in done.report["text"]
    assert [one["name"] for one in connected[1].policies("hive")] == ["of the migration readers"]
    failed = migrate(source, target, policies={**asked, "target": "ranger://nowhere/hive"})
    assert (failed.report["outcome"], failed.states["final_verify"]) == ("STOPPED", "success")
    assert "at policies" in failed.report["why"]


def test_policies_follow_each_location_of_disaster_recovery_that_asks_for_them(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    def place(name: str, **more: Any) -> Json:
        return {
            "source": make_tree(tmp_path / name / "source", {"a": b"1"}),
            "target": f"file://{tmp_path}/{name}/target",
            **more,
        }

    asked = {
        "source": "ranger://prod_rg/hive",
        "target": "ranger://dr_rg/hive",
        "state": f"file://{tmp_path}/state",
        "databases": {"sales": "sales"},
    }
    done = recover(
        place("one", policies=asked),
        place("two"),
        place("three", policies={**asked, "source": "ranger://nowhere/hive"}),
    )
    states = [done.states[f"location.policies[{number}]"] for number in range(3)]
    assert states == ["success", "skipped", "failed"]
    assert done.results["location.policies[0]"]["done"] == {"created": 1}
    assert [one["name"] for one in connected[1].policies("hive")] == ["livedata readers"]
    told = done.report["locations"]
    assert [one["state"] for one in told] == ["ok", "ok", "failed"]
    assert "policies: there is no Airflow connection 'nowhere'" in told[2]["why"]


def test_the_protection_of_a_replica_is_lifted_by_a_fail_over_and_set_again_by_a_fail_back(
    connected: tuple[RangerAdmin, RangerAdmin], tmp_path: Path
) -> None:
    from airflow_provider_livedata.dag_templates.failback import failback_dag
    from airflow_provider_livedata.dag_templates.failover import failover_dag

    ranger = connected[1]
    asked: dict[str, Any] = {
        "target": "ranger://dr_rg/hive", "state": f"file://{tmp_path}/policy-state", "writers": {"users": ["replicator"]}, "databases": {"sales": "sales"},
    }  # fmt: skip
    source, target = make_tree(tmp_path / "source", {"a": b"1"}), f"file://{tmp_path}/target"
    replicate(source, target)
    protect_replica(
        opened(ranger),
        PolicySyncOptions(databases={"sales": "sales"}),
        Who(users=("replicator",)),
        state=asked["state"],
    )
    assert len(ranger.policies("hive")) == 1
    conf = {"source": source, "target": target, "protection": asked}
    rehearsed = run(failover_dag(), conf=conf)
    assert (rehearsed.states["lift_protection"], len(ranger.policies("hive"))) == ("skipped", 1)
    over = run(failover_dag(), conf={**conf, "dry_run": False}, mark_success="approve")
    assert (over.report["outcome"], over.states["lift_protection"]) == ("SWITCHED", "success"), over.report["text"]
    assert ranger.policies("hive") == []
    back = run(failback_dag(), conf={**conf, "dry_run": False}, mark_success="approve")
    assert (back.report["outcome"], back.states["protect"]) == ("SWITCHED", "success"), back.report["text"]
    assert len(ranger.policies("hive")) == 1
    assert "1 created" in back.report["text"]
