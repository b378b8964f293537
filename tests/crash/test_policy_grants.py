"""Syncs of grants that are disturbed at every call: the target is as before or complete, and ours stay ours."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from airflow_provider_livedata.engine import PolicyReport, PolicySyncOptions, sync_policies, verify_policies
from airflow_provider_livedata.engine.errors import (
    BadInput,
    CannotHold,
    LeaseLost,
    PolicyAccessRefused,
    PolicyStoreUnreachable,
    RunFailed,
    StateDamaged,
)
from airflow_provider_livedata.engine.policies.model import (
    Facts,
    Grant,
    Policy,
    SecurityZone,
    Tagged,
    Values,
    Who,
    resource_of,
)
from airflow_provider_livedata.engine.policies.permissions import Permission, Place
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.registry import open_zone
from tests.crash.memory_grants import MemoryGrants, When
from tests.crash.memory_policies import MemoryPolicies

HIVE = Facts("hive", frozenset({"select", "update"}), frozenset({"database", "table", "column"}))
THEIRS = Permission(Place("sales", "a"), "zoe", "SELECT")
TIMES: list[When] = ["before", "amid", "after"]


class Killed(BaseException):
    """The process ends at this point."""


def policy(name: str, table: str, group: str = "bi", *, denied: bool = False) -> Policy:
    parts = {"database": Values(("sales",)), "table": Values((table,)), "column": Values(("*",))}
    line = (Grant(Who(groups=(group,)), ("select",)),)
    return Policy(name, resources=(resource_of(parts),), allow=() if denied else line, deny=line if denied else ())


@pytest.fixture
def source() -> MemoryPolicies:
    return MemoryPolicies("prod", HIVE).give(policy("all", "*"), policy("b", "b", "ops"))


@pytest.fixture
def target() -> MemoryGrants:
    return MemoryGrants("unity", {"sales": dict.fromkeys("abcdef", ())}, held={THEIRS})


@pytest.fixture
def state() -> Zone:
    return open_zone(f"memory://{uuid.uuid4().hex}/state")


def options(**more: Any) -> PolicySyncOptions:
    return PolicySyncOptions(**{"databases": {"sales": "sales"}, "max_delete_ratio": 1, **more})


def sync(source: MemoryPolicies, target: MemoryGrants, state: Zone, **more: Any) -> PolicyReport:
    return sync_policies(source, target, options(**more), state=state)


def changed(source: MemoryPolicies) -> MemoryPolicies:
    """All tables but one, for bi: one grant goes, five come; ops goes."""
    del source.kept[2]
    return source.give(policy("not f", "f", denied=True))


def dies_at(source: MemoryPolicies, target: MemoryGrants, state: Zone, call: int, when: When) -> None:
    """A sync, a change, and a sync that is killed at that change of the target."""
    sync(source, target, state)
    changed(source)
    target.breaks, target.breaks_when = {target.changes + call: Killed()}, when
    with pytest.raises(Killed):
        sync(source, target, state)


def wanted_after(source: MemoryPolicies, tables: Any) -> set[Permission]:
    target = MemoryGrants("unity", tables, held={THEIRS})
    sync(source, target, open_zone(f"memory://{uuid.uuid4().hex}/state"))
    return target.held


@pytest.mark.parametrize("when", TIMES)
@pytest.mark.parametrize("call", range(1, 6))
def test_a_target_that_fails_at_any_call_is_put_back_and_complete_after_the_next(
    source: MemoryPolicies, target: MemoryGrants, state: Zone, call: int, when: When
) -> None:
    sync(source, target, state)
    before = set(target.held)
    changed(source)
    target.seen.clear()
    target.breaks, target.breaks_when = {target.changes + call: PolicyStoreUnreachable("gone")}, when
    with pytest.raises(RunFailed, match="was put back") as caught:
        sync(source, target, state)
    assert caught.value.report.state == "restored"
    assert target.held == before
    recorded = StateFolder(state).read_json("policies/state.json")
    assert recorded is not None
    assert recorded["pending"] == []  # else a person's grant of the same would be taken for ours
    after = wanted_after(source, target.tables)
    for held in target.seen:
        assert held <= before or held <= after, "more than before and more than after"
    assert sync(source, target, state).state == "synced"
    assert target.held == after
    source.kept.clear()
    source.give(policy("none", "nothing"))
    sync(source, target, state)
    assert target.held == {THEIRS}


@pytest.mark.parametrize("when", TIMES)
@pytest.mark.parametrize("call", range(1, 6))
def test_a_run_killed_at_any_call_is_completed_by_the_next_and_all_stays_ours(
    source: MemoryPolicies, target: MemoryGrants, state: Zone, call: int, when: When
) -> None:
    dies_at(source, target, state, call, when)
    report = sync(source, target, state)
    assert (report.state, report.touched) == ("synced", [])
    assert target.held == wanted_after(source, target.tables)
    source.kept.clear()
    source.give(policy("none", "nothing"))
    sync(source, target, state)
    assert target.held == {THEIRS}


@pytest.mark.parametrize("when", TIMES)
@pytest.mark.parametrize("call", range(1, 6))
def test_what_a_killed_run_granted_stays_ours_though_the_next_one_fails_and_is_put_back(
    source: MemoryPolicies, target: MemoryGrants, state: Zone, call: int, when: When
) -> None:
    dies_at(source, target, state, call, when)
    source.give(policy("later", "c", "dev"))
    target.breaks, target.breaks_when = {target.changes + 1: PolicyStoreUnreachable("gone")}, "before"
    with pytest.raises(RunFailed, match="was put back"):
        sync(source, target, state)
    sync(source, target, state)
    assert target.held == wanted_after(source, target.tables)
    source.kept.clear()
    source.give(policy("none", "nothing"))
    sync(source, target, state)
    assert target.held == {THEIRS}


def test_what_cannot_be_put_back_is_named_and_mended_by_the_next(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    sync(source, target, state)
    changed(source)
    gone = PolicyStoreUnreachable("gone")
    target.breaks = dict.fromkeys(range(target.changes + 3, target.changes + 20), gone)
    with pytest.raises(RunFailed, match="could not be put back") as caught:
        sync(source, target, state)
    report = caught.value.report
    assert report.state == "between"
    assert "revoke of SELECT on sales.* to bi: gone" in report.left
    target.breaks.clear()
    assert sync(source, target, state).state == "synced"
    assert target.held == wanted_after(source, target.tables)


def test_a_revocation_that_is_refused_puts_the_target_back(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    sync(source, target, state)
    before = set(target.held)
    changed(source)
    target.refuses = {"ops"}
    with pytest.raises(RunFailed, match="was put back") as caught:
        sync(source, target, state)
    assert "cannot be revoked: no" in str(caught.value)
    assert target.held == before


def test_a_grant_that_is_refused_fails_alone_and_comes_later(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    target.refuses = {"ops"}
    with pytest.raises(RunFailed, match="some policies that allow") as caught:
        sync(source, target, state)
    assert len(caught.value.report.failures) == 3
    target.refuses = set()
    assert sync(source, target, state).done == {"granted": 3}
    assert verify_policies(source, target, options(), state=state).state == "same"


def test_a_lease_that_is_lost_stops_all_changes_and_names_what_was_done(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    target.breaks = {2: LeaseLost("another run")}
    with pytest.raises(RunFailed) as caught:
        sync(source, target, state)
    assert caught.value.report.state == "between"
    assert len(caught.value.report.left) == 4
    assert sync(source, target, state).state == "synced"


def test_more_than_the_target_lets_us_grant_changes_nothing(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    target.breaks = {1: PolicyAccessRefused("you may not")}
    with pytest.raises(RunFailed, match="you may not"):
        sync(source, target, state)
    assert target.held == {THEIRS}


def test_the_state_of_another_target_or_of_ranger_is_never_taken_for_ours(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    sync(source, target, state)
    with pytest.raises(BadInput, match="state is of a sync to another target"):
        sync(source, MemoryGrants("other", target.tables), state)
    other = open_zone(f"memory://{uuid.uuid4().hex}/state")
    sync_policies(source, MemoryPolicies("dr", HIVE), options(), state=other)
    with pytest.raises(StateDamaged):
        sync(source, target, other)


@pytest.mark.parametrize("given", ['[["sales"]]', '[[1, "a", "", "bi", "SELECT", 0]]'])
def test_a_state_that_is_damaged_or_newer_is_an_error(
    source: MemoryPolicies, target: MemoryGrants, state: Zone, given: str
) -> None:
    for text in (
        f'{{"grants_of": "unity", "source": "x", "given": {given}}}',
        '{"grants_of": "unity", "source": "x", "format": 2}',
    ):
        StateFolder(state).write("policies/state.json", text.encode())
        with pytest.raises(StateDamaged):
            sync(source, target, state)


def test_in_a_security_zone_nothing_is_granted_and_policies_by_tags_stop_the_run(
    source: MemoryPolicies, target: MemoryGrants, state: Zone
) -> None:
    def zone(database: str, table: str) -> SecurityZone:
        return SecurityZone("vault", (resource_of({"database": Values((database,)), "table": Values((table,))}),))

    source.security_zones = [zone("sales", "f"), zone("hr", "x")]
    report = sync(source, target, state)
    read = {one.place.table for one in target.held if one.principal == "bi" and one.privilege == "SELECT"}
    assert read == set("abcde")
    assert (
        "bi gets no select on sales.f: it may be denied, or changed, to some of them by the security zone vault"
        in report.lost
    )
    source.security_zones = [zone("db_{USER}", "*")]  # it may be any database
    assert sync(source, target, state, dry_run=True).planned == {"revokes": len(target.held) - 1}
    column = resource_of({"database": Values(("sales",)), "table": Values(("a",)), "column": Values(("*",))})
    source.by_tags = [
        Policy("pii", resources=(resource_of({"tag": Values(("PII",))}),), deny=(Grant(Who(groups=("bi",)), ("hive:select",)),), number=77)
    ]  # fmt: skip
    with pytest.raises(CannotHold, match="cannot be carried over"):
        sync(source, target, state)
    assert sync(source, target, state, tags="leave_out", dry_run=True).state == "dry run"
    source.security_zones, source.bearing = [], [Tagged(column, frozenset({"PII"}))]
    sync(source, target, state, tags="resolve", max_delete_ratio=1)
    read = {one.place.table for one in target.held if one.principal == "bi" and one.privilege == "SELECT"}
    assert "a" not in read
    assert "b" in read
