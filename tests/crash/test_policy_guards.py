"""Syncs of row filters that are killed or fail at every statement, on the STAND-IN of Unity Catalog: no grant ever shows what its filter hides."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from airflow_provider_livedata.engine import PolicyReport, PolicySyncOptions, open_grants, sync_policies
from airflow_provider_livedata.engine.errors import LeaseLost, MetastoreUnreachable, RunFailed
from airflow_provider_livedata.engine.policies.model import Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.registry import open_zone
from tests.crash.memory_policies import MemoryPolicies
from tests.services.unity_catalog import UnityCatalogStandIn

HIVE = Facts("hive", frozenset({"select"}), frozenset({"database", "table", "column"}))
ONCE = RetryPolicy(attempts=1, base_s=0, max_s=0)
PAY = (("main", "sales", "pay"), "bi", "SELECT")
EU, US = "country = 'EU'", "country = 'US'"
STATEMENTS = range(1, 9)


class Killed(BaseException):
    """The process ends at this point."""


class Breaking(UnityCatalogStandIn):
    """Breaks at one of the statements that change something, before or after it took place; and looks at each what everybody may read."""

    def __init__(self) -> None:
        super().__init__("main", {"sales": ["orders", "pay"]})
        self.functions.columns["sales", "pay"] = [("country", "string")]
        self.functions.groups = ["bi"]
        self.breaks: tuple[int, Literal["before", "after"], BaseException] | None = None
        self.done = 0
        self.seen: list[str] = []

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        """See ``Sender``."""
        if statement.startswith(("SHOW", "SELECT")):
            return super().run(statement)
        self.done += 1
        number, when, error = self.breaks or (0, "before", Killed())
        if self.done == number and when == "before":
            raise error
        rows = super().run(statement)
        self.seen.append(self.shown())
        if self.done == number:
            raise error
        return rows

    def shown(self) -> str:
        """What bi reads of the table: nothing, all, or the rows of a filter."""
        if PAY not in self.held:
            return ""
        body = self.functions.body_of("sales", "pay") if ("sales", "pay") in self.functions.rows else "all"
        return next((one for one in (EU, US) if one.partition(" = ")[2] in body), body)

    def state(self) -> tuple[Any, ...]:
        """What is granted and what stands."""
        return frozenset(self.held), self.shown(), tuple(self.functions.rows)


def policies(expression: str = "", *, is_granted: bool = True) -> MemoryPolicies:
    table = {"database": Values(("sales",)), "table": Values(("pay" if is_granted else "orders",))}
    allow = Policy(
        "a",
        resources=(resource_of({**table, "column": Values(("*",))}),),
        allow=(Grant(Who(groups=("bi",)), ("select",)),),
    )
    on = resource_of({"database": Values(("sales",)), "table": Values(("pay",))})
    line = Grant(Who(groups=("bi",)), ("select",), row_filter=expression)
    return MemoryPolicies("prod", HIVE).give(
        allow, *([Policy("f", "row filter", (on,), allow=(line,))] if expression else [])
    )


def sync(source: MemoryPolicies, server: Breaking, state: Zone) -> PolicyReport:
    target = open_grants("unity catalog", sender=server, catalog="main", policy=ONCE)
    return sync_policies(
        source, target, PolicySyncOptions(databases={"sales": "sales"}, max_delete_ratio=1), state=state
    )


CHANGES = {  # from, to, and what bi may read on the way
    "comes": (policies(is_granted=False), policies(EU), {"", EU}), "changes": (policies(EU), policies(US), {EU, US}),
    "goes with its grant": (policies(EU), policies(is_granted=False), {EU, ""}), "goes alone": (policies(EU), policies(), {EU, "all"}),
}  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", STATEMENTS)
@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize(
    "error", [Killed(), MetastoreUnreachable("gone"), LeaseLost("another run")], ids=["killed", "gone", "lost"]
)
def test_no_grant_ever_shows_what_its_filter_hides_and_the_next_run_completes_it(
    change: str, number: int, when: Literal["before", "after"], error: BaseException
) -> None:
    before, after, allowed = CHANGES[change]
    server, state = Breaking(), open_zone(f"memory://{uuid.uuid4().hex}/state")
    sync(before, server, state)
    started = server.state()
    server.done, server.seen, server.breaks = 0, [], (number, when, error)
    try:
        sync(after, server, state)
    except Killed:
        pass
    except RunFailed as failed:
        is_put_back = failed.report.state == "restored"
        assert is_put_back == isinstance(error, MetastoreUnreachable)
        assert not is_put_back or server.state() == started
    server.breaks = None
    report = sync(after, server, state)
    assert (report.state, report.touched) == ("synced", [])
    assert set(server.seen) <= allowed
    clean = Breaking()
    sync(after, clean, open_zone(f"memory://{uuid.uuid4().hex}/state"))
    assert server.state() == clean.state()
    assert server.functions.made.keys() == clean.functions.made.keys()
