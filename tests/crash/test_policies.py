"""Syncs of policies that are disturbed at every change: the target is as before or complete, and the report says which."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_livedata.engine import (
    PolicyReport,
    PolicySyncOptions,
    open_policies,
    protect_replica,
    sync_policies,
    verify_policies,
)
from airflow_provider_livedata.engine.errors import (
    BadInput,
    CannotHold,
    LeaseLost,
    PolicyAccessRefused,
    PolicyStoreUnreachable,
    RunFailed,
    SourceEmpty,
    StateDamaged,
    TargetTouched,
)
from airflow_provider_livedata.engine.policies.model import (
    Broken,
    Facts,
    Grant,
    Policy,
    Role,
    SecurityZone,
    Tagged,
    Values,
    Who,
    resource_of,
)
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.registry import open_zone
from tests.crash.memory_policies import HIVE, MemoryPolicies

READ = Grant(Who(groups=("bi",)), ("select",))
DENY = Grant(Who(groups=("public",)), ("drop",))
OWN = Policy("own", resources=(resource_of({"database": Values(("x",))}),), allow=(READ,))


def on(database: str, table: str = "*") -> Any:
    return (resource_of({"database": Values((database,)), "table": Values((table,))}),)


def policy(name: str, table: str, **fields: Any) -> Policy:
    return Policy(name, **{"resources": on("sales", table), "allow": (READ,), **fields})


@pytest.fixture
def source() -> MemoryPolicies:
    masked = policy("masked", "c", kind="mask", allow=(replace(READ, mask="MASK"),))
    return MemoryPolicies("prod").give(
        policy("a", "a"), policy("b", "b", deny=(DENY,)), masked, policy("other", "x", resources=on("hr"))
    )


@pytest.fixture
def target() -> MemoryPolicies:
    return MemoryPolicies("dr").give(OWN)


@pytest.fixture
def state() -> Zone:
    return open_zone(f"memory://policies-{uuid.uuid4().hex}/state")


def synced(source: MemoryPolicies, target: MemoryPolicies, state: Zone, **options: Any) -> PolicyReport:
    return sync_policies(
        source, target, PolicySyncOptions(**{"databases": {"sales": "sales_dr"}, **options}), state=state
    )


PII = Policy(
    "pii", resources=(resource_of({"tag": Values(("PII",))}),), deny=(Grant(Who(groups=("bi",)), ("hive:select",)),), number=77
)  # fmt: skip


def said(service: MemoryPolicies) -> set[tuple[Any, ...]]:
    """What a service says, whatever its numbers are."""
    return {(one.name, one.digest(), one.origin) for one in service.kept.values()}


def test_only_what_is_replicated_comes_and_a_second_run_asks_for_versions_alone(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    report = synced(source, target, state)
    assert (report.state, report.done, report.seen) == ("synced", {"created": 3}, 4)
    assert {one.name for one in target.kept.values()} == {"own", "livedata a", "livedata b", "livedata masked"}
    assert (
        synced(source, target, state).found_by == "comparing all policies"
    )  # somebody may have changed the target meanwhile
    listings = source.listings + target.listings
    again = synced(source, target, state)
    assert again.notes == [
        f"what could not be carried over, if anything: {state.address}/.livedata/policies/runs/2/report.json"
    ]
    assert (again.state, again.done, again.found_by, again.seen, again.same) == (
        "synced",
        {},
        "the versions of both services",
        4,
        3,
    )
    assert source.listings + target.listings == listings
    source.by_tags = [PII]
    with pytest.raises(CannotHold, match="policies by tags"):
        synced(source, target, state)
    source.by_tags, target.security_zones = [], [SecurityZone("vault", on("hr"))]
    assert synced(source, target, state).found_by == "comparing all policies"
    source.give(policy("new", "n"))
    assert synced(source, target, state).done == {"created": 1}
    assert synced(source, target, state, users={"a": "b"}).found_by == "comparing all policies"


def test_what_somebody_else_writes_at_the_target_is_noticed_though_the_source_did_not_change(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    synced(source, target, state)
    number = next(number for number, one in target.kept.items() if one.name == "livedata a")
    target.kept[number] = replace(target.kept[number], allow=(replace(READ, may_grant=True),))
    target.changes += 1
    before = said(target)
    with pytest.raises(TargetTouched, match="livedata a"):
        synced(source, target, state)
    assert said(target) == before
    assert synced(source, target, state, changed_at_target="overwrite").done == {"updated": 1}


def test_a_dry_run_changes_nothing_and_shows_what_a_person_would_review(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    before = said(target)
    report = synced(source, target, state, dry_run=True)
    assert (report.state, report.planned, said(target)) == ("dry run", {"creates": 3}, before)
    assert "  + deny drop to groups public" in report.changes
    assert "/dry/" in report.plan
    assert synced(source, target, state).run == 1


@pytest.mark.parametrize("breaks_after", [False, True], ids=["before it took place", "after it took place"])
@pytest.mark.parametrize("change", range(1, 6))
def test_broken_off_at_any_change_the_target_is_put_back(
    source: MemoryPolicies,
    target: MemoryPolicies,
    state: Zone,
    change: int,
    breaks_after: bool,
) -> None:
    synced(source, target, state)
    source.kept[1] = replace(source.kept[1], allow=(DENY,))
    del source.kept[2]
    source.give(policy("new", "n"), policy("newer", "m", deny=(DENY,)), policy("newest", "o"))
    before = said(target)
    target.breaks, target.breaks_after = {target.changes + change: PolicyStoreUnreachable("gone")}, breaks_after
    with pytest.raises(RunFailed, match="was put back to what it was") as failed:
        synced(source, target, state)
    assert said(target) == before
    assert (failed.value.report.state, failed.value.report.done, failed.value.report.left) == ("restored", {}, [])
    assert synced(source, target, state).done == {"created": 3, "updated": 1, "deleted": 1}
    assert verify_policies(source, target, PolicySyncOptions({"sales": "sales_dr"}), state=state).state == "same"


def test_where_putting_back_fails_too_the_report_names_what_is_not_as_it_was(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    error = PolicyAccessRefused("no")
    target.breaks = {target.changes + 3: error, target.changes + 4: error}
    with pytest.raises(RunFailed, match="could not be put back") as failed:
        synced(source, target, state)
    report = failed.value.report
    assert report.state == "between"
    assert [text.split(":")[0] for text in report.left] == ["create of livedata b"]
    assert {one.name for one in target.kept.values()} == {"own", "livedata b"}
    assert synced(source, target, state).done == {"created": 2}  # what is there is what it has to be


def test_a_run_that_lost_its_lease_changes_nothing_more(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.breaks = {target.changes + 2: LeaseLost("woken too late")}
    with pytest.raises(RunFailed) as failed:
        synced(source, target, state)
    assert (failed.value.report.state, target.changes) == ("between", 3)
    assert [text.split(":")[0] for text in failed.value.report.left][0] == "create of livedata masked"


def test_a_policy_that_only_allows_and_is_refused_fails_alone(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.refuses = "livedata a"
    with pytest.raises(RunFailed, match="all others were") as failed:
        synced(source, target, state)
    assert (failed.value.report.state, failed.value.report.done) == ("failed", {"created": 2})
    assert failed.value.report.failures == ["livedata a: no"]
    target.refuses = ""
    assert synced(source, target, state).done == {"created": 1}


def test_a_policy_that_denies_and_is_refused_has_the_target_put_back(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    before, target.refuses = said(target), "livedata masked"
    with pytest.raises(RunFailed, match="was put back"):
        synced(source, target, state)
    assert said(target) == before


@pytest.mark.parametrize("what", ["broken", "mask", "zone", "tags"])
def test_what_restricts_and_cannot_come_stops_the_run_or_by_choice_is_reported(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone, what: str
) -> None:
    if what == "broken":
        source.broken = [Broken("odd", "no values", 77)]
    elif what == "mask":
        target.known = replace(target.known, masks=frozenset())
    elif what == "zone":
        source.security_zones = [SecurityZone("vault", on("sales")), SecurityZone("elsewhere", on("hr"))]
    else:
        source.by_tags = [PII, replace(PII, name="hr", number=78)]
    before = said(target)
    with pytest.raises(CannotHold, match="leave_out"):
        synced(source, target, state)
    assert said(target) == before
    report = synced(source, target, state, inexpressible="leave_out", tags="leave_out")
    assert report.state == "synced"
    assert len(report.widening) == (0 if what == "tags" else 1)
    assert ("2 policies by tags" in str(report.notes)) == (what == "tags")


def test_policies_by_tags_follow_what_bears_the_tags_and_those_that_cannot_stop_the_run(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.known = source.known = replace(HIVE, parts=HIVE.parts | {"column"})
    source.by_tags = [PII]
    column = resource_of(
        {name: Values((value,)) for name, value in (("database", "sales"), ("table", "t"), ("column", "c"))}
    )
    source.bearing = [Tagged(column, frozenset({"PII"}))]
    chosen = {"tags": "resolve"}
    assert synced(source, target, state, **chosen).done == {"created": 4}
    made = next(one for one in target.kept.values() if one.name == "livedata pii on columns of sales.t")
    assert dict(made.resources[0])["database"].values == ("sales_dr",)
    assert (made.overrides, made.deny[0].accesses) == (True, ("select",))
    source.bearing = []
    source.changes += 1  # as the version of the tags does
    assert synced(source, target, state, **chosen).done == {"deleted": 1}
    source.by_tags = [PII, Broken("odd", "no values", 79)]
    with pytest.raises(CannotHold, match="odd: cannot be read"):
        synced(source, target, state, **chosen)


def test_what_a_tag_denied_stays_where_its_policy_cannot_be_carried_over_any_more(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.known = source.known = replace(HIVE, parts=HIVE.parts | {"column"})
    column = resource_of({name: Values((name[0],)) for name in ("table", "column")} | {"database": Values(("sales",))})
    source.by_tags, source.bearing = [PII], [Tagged(column, frozenset({"PII"}))]
    synced(source, target, state, tags="resolve")
    source.by_tags = [replace(PII, denies_all_else=True)]
    report = synced(source, target, state, tags="resolve", inexpressible="leave_out")
    assert report.done == {}
    assert "livedata pii on columns of sales.t: stays as an earlier sync has left it" in str(report.notes)


def test_a_security_zone_has_to_hold_the_same_at_the_target(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    source.security_zones, target.security_zones = (
        [SecurityZone("vault", on("sales"))],
        [SecurityZone("vault", on("sales"))],
    )
    with pytest.raises(CannotHold, match="security zone vault: at the target it lacks database sales_dr"):
        synced(source, target, state)
    target.security_zones = [SecurityZone("vault", on("sales_dr")), SecurityZone("else", on("sales_dr"))]
    report = synced(source, target, state)
    assert report.notes == [
        "security zone else of the target holds what is replicated; policies of this sync do not hold in it"
    ]


def test_what_only_allows_and_cannot_come_fails_and_the_others_come(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    source.give(policy("roles", "r", allow=(Grant(Who(roles=("nobody",)), ("select",)),)))
    with pytest.raises(RunFailed) as failed:
        synced(source, target, state)
    assert failed.value.report.done == {"created": 3}
    assert "who is in the role nobody" in failed.value.report.failures[0]


def test_who_is_in_a_role_is_looked_at_again_each_time(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    source.who_is_in = {"r": Who(users=("ann",))}
    source.give(policy("roles", "r", allow=(Grant(Who(roles=("r",)), ("select",)),)))
    synced(source, target, state)
    source.who_is_in = {"r": Who(users=("bob",))}
    assert synced(source, target, state).done == {"updated": 1}


MIRROR: dict[str, Any] = {"roles_as": "mirror"}


@pytest.fixture
def with_roles(source: MemoryPolicies) -> MemoryPolicies:
    source.who_is_in = {
        "r": Who(users=("ann",), roles=("inner",)), "inner": Who(users=("eve",)), "denied": Who(groups=("bi",))
    }  # fmt: skip
    return source.give(
        policy("roles", "r", allow=(Grant(Who(roles=("r",)), ("select",)),)),
        policy("not them", "s", deny=(Grant(Who(roles=("denied",)), ("select",)),)),
    )


def roles_said(service: MemoryPolicies) -> set[tuple[Any, ...]]:
    return {(one.name, one.digest(), one.origin) for one in service.own_roles.values()}


@pytest.mark.parametrize("breaks_after", [False, True], ids=["before it took place", "after it took place"])
@pytest.mark.parametrize("change", range(1, 9))
def test_broken_off_at_any_change_of_roles_too_the_target_is_put_back(
    with_roles: MemoryPolicies, target: MemoryPolicies, state: Zone, change: int, breaks_after: bool
) -> None:
    source = with_roles
    synced(source, target, state, **MIRROR)
    source.who_is_in = {
        "r": Who(users=("bob",), roles=("new",)),
        "new": Who(users=("zoe",)),
        "denied": Who(users=("cid",)),
    }
    source.give(policy("newer", "m"))
    before, roles_before = said(target), roles_said(target)
    target.breaks, target.breaks_after = {target.changes + change: PolicyStoreUnreachable("gone")}, breaks_after
    if change > 7:  # there are as many changes: one is made, two change by two steps each, one goes, and a policy comes
        target.breaks = {}
    else:
        with pytest.raises(RunFailed, match="was put back to what it was"):
            synced(source, target, state, **MIRROR)
        assert (said(target), roles_said(target)) == (before, roles_before)
    report = synced(source, target, state, **MIRROR)
    assert report.done == {"created": 1, "roles created": 1, "roles updated": 4, "roles deleted": 1}
    assert {one.name: one.who for one in target.own_roles.values()} == source.who_is_in
    chosen = PolicySyncOptions({"sales": "sales_dr"}, **MIRROR)
    assert verify_policies(source, target, chosen, state=state).state == "same"


def test_who_is_in_the_roles_of_either_side_is_looked_at_though_no_policy_changed(
    with_roles: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    source = with_roles
    for _ in range(2):
        synced(source, target, state, **MIRROR)
    assert synced(source, target, state, **MIRROR).found_by == "the versions of both services"
    source.who_is_in = {**source.who_is_in, "inner": Who(users=("eve", "zoe"))}
    assert synced(source, target, state, **MIRROR).done == {"roles updated": 1}
    number = next(number for number, one in target.own_roles.items() if one.name == "inner")
    target.own_roles[number] = replace(target.own_roles[number], who=Who(users=("mallory",)))
    with pytest.raises(TargetTouched, match="role inner"):
        synced(source, target, state, **MIRROR)


def test_a_role_that_the_target_does_not_let_go_stays_and_one_that_denies_and_is_refused_has_it_put_back(
    with_roles: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    source = with_roles
    synced(source, target, state, **MIRROR)
    source.kept = {number: one for number, one in source.kept.items() if one.name != "roles"}
    target.refuses = "inner"
    report = synced(source, target, state, **MIRROR)
    assert (report.state, report.done) == ("synced", {"deleted": 1, "roles deleted": 1})
    assert "role inner stays: no" in report.notes
    before, target.refuses = said(target), "denied"
    source.who_is_in = {**source.who_is_in, "denied": Who(groups=("bi", "ops"))}
    with pytest.raises(RunFailed, match="was put back"):
        synced(source, target, state, **MIRROR)
    assert said(target) == before


def test_a_role_that_is_somebodys_own_at_the_target_is_left_alone_and_its_members_named(
    with_roles: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.own_roles[1] = Role("denied", Who(users=("own",)), number=1)
    report = synced(with_roles, target, state, **MIRROR)
    assert target.own_roles[1].who == Who(users=("own",))
    made = next(one for one in target.kept.values() if one.name == "livedata not them")
    assert made.deny[0].who == Who(groups=("bi",))
    assert any(text.startswith("role denied: who is in it is named in its place") for text in report.notes)


def test_a_source_that_tells_nothing_stops_the_run(source: MemoryPolicies, target: MemoryPolicies, state: Zone) -> None:
    synced(source, target, state)
    source.kept, source.changes = {}, 99
    with pytest.raises(SourceEmpty):
        synced(source, target, state)


def test_policies_go_to_a_service_of_the_same_kind_alone(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    target.known = Facts("hdfs", frozenset(), frozenset())
    with pytest.raises(BadInput, match="of the same kind"):
        synced(source, target, state)
    source.known = Facts("hdfs", frozenset(), frozenset())
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "name the replicated locations"), ({"locations": {"/data": "s3a://lake/data"}}, "go to HDFS"),
    ]  # fmt: skip
    for options, said in wrong:
        with pytest.raises(BadInput, match=said):
            synced(source, target, state, **options)
        with pytest.raises(BadInput, match=said):
            protect_replica(target, PolicySyncOptions({"a": "b"}, **options), ETL, state=state)
    source.known = target.known = Facts("kafka", frozenset(), frozenset())
    with pytest.raises(BadInput, match="hive or hdfs"):
        synced(source, target, state)


def test_a_state_that_its_writer_did_not_leave_is_refused(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    synced(source, target, state)
    from airflow_provider_livedata.engine.stored.state import StateFolder

    StateFolder(state).write("policies/state.json", b'{"sauce": 1}')
    with pytest.raises(StateDamaged):
        synced(source, target, state)


def test_a_verification_names_what_differs_and_changes_nothing(
    source: MemoryPolicies, target: MemoryPolicies, state: Zone
) -> None:
    options = PolicySyncOptions({"sales": "sales_dr"})
    before = said(target)
    report = verify_policies(source, target, options, state=state)
    assert (report.state, report.planned, said(target)) == ("different", {"creates": 3}, before)
    assert "create livedata a" in report.changes
    assert "/verify/" in report.address
    synced(source, target, state)
    assert verify_policies(source, target, options, state=state).state == "same"
    source.broken = [Broken("odd", "x")]
    assert verify_policies(source, target, options, state=state).state == "different"


ETL = Who(users=("etl",))


def test_a_replica_is_protected_and_that_is_lifted_again(
    target: MemoryPolicies, source: MemoryPolicies, state: Zone
) -> None:
    options = PolicySyncOptions({"sales": "sales_dr"})
    synced(source, target, state)
    before = said(target)
    rehearsed = protect_replica(target, replace(options, dry_run=True), ETL, state=state)
    assert (rehearsed.state, rehearsed.planned, said(target)) == ("dry run", {"creates": 1}, before)
    assert "  + deny not drop, update to users etl" in rehearsed.changes
    done = protect_replica(target, options, ETL, state=state)
    assert (done.state, done.done) == ("synced", {"created": 1})
    assert "/protection/" in done.address
    assert protect_replica(target, options, ETL, state=state).done == {}
    assert synced(source, target, state).done == {}  # a sync leaves it alone
    assert protect_replica(target, options, Who(users=("other",)), state=state).done == {"updated": 1}
    assert protect_replica(target, options, None, state=state).done == {"deleted": 1}
    assert said(target) == before
    assert protect_replica(target, options, None, state=state).done == {}


def test_a_protection_that_cannot_be_set_says_so_and_leaves_the_target_as_it_was(
    target: MemoryPolicies, state: Zone
) -> None:
    options, before = PolicySyncOptions({"sales": "sales_dr"}), said(target)
    target.breaks, target.breaks_after = {target.changes + 1: PolicyStoreUnreachable("gone")}, True
    with pytest.raises(RunFailed, match="could not be changed") as failed:
        protect_replica(target, options, ETL, state=state)
    assert (failed.value.report.state, said(target)) == ("restored", before)
    name = "livedata replica, not to be written to (database)"
    target.give(replace(OWN, name=name), replace(OWN, name=f"{name} [protection of database]"))
    with pytest.raises(RunFailed, match="somebody's own policies"):
        protect_replica(target, options, ETL, state=state)


def test_what_a_file_of_sentry_grants_comes_to_ranger_and_what_cannot_be_told_fails_by_itself(
    target: MemoryPolicies, state: Zone
) -> None:
    data = (
        b"[groups]\nbi = r\n[roles]\nr = server=s->db=sales->action=select, server=s->db=sales->table=t->action=fly\n"
    )
    source, options = open_policies("sentry", data=data, name="file:///p.ini"), PolicySyncOptions({"sales": "sales_dr"})
    target.known = replace(HIVE, parts=frozenset({"database", "table", "column"}))
    with pytest.raises(RunFailed, match="an action that is not known here"):
        sync_policies(source, target, options, state=state)
    made = target.kept[2]
    assert (made.name, made.allow) == ("livedata sentry sales.*.*", (READ,))
    better = open_policies("sentry", data=data.replace(b"fly", b"insert"), name="file:///p.ini")
    assert sync_policies(better, target, options, state=state).done == {"created": 1}
    assert sync_policies(better, target, options, state=state).planned == {}
