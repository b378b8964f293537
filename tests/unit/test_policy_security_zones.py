"""Security zones of both sides: what is in one alone may be under policies that allow more."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_livedata.engine.policies.model import SecurityZone, Values, resource_of
from airflow_provider_livedata.engine.policies.scope import Scope
from airflow_provider_livedata.engine.policies.security_zones import compared, narrowed

SCOPE = Scope({"sales": "sales_dr", "hr": "hr"}, {"hdfs://a/data": "hdfs://b/dr"})


def of(**parts: str) -> Any:
    return resource_of({name: Values(tuple(values.split())) for name, values in parts.items()})


def zone(*resources: Any, name: str = "vault") -> SecurityZone:
    return SecurityZone(name, resources)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (of(database="sales", table="t"), of(database="sales_dr", table="t")),
        (of(database="sales", table="t"), of(database="SALES_DR", table="T")),
        (of(database="sales other", table="t*"), of(database="sales_dr", table="t*")),
        (of(database="*"), of(database="*")),
        (of(database="sales"), of(database="sales_dr", table="*")),
        (of(path="/data/x"), of(path="/dr/x")),
        (of(database="outside"), of(database="elsewhere")),
    ],
)
def test_zones_that_hold_the_same_of_what_is_replicated_are_the_same(ours: Any, theirs: Any) -> None:
    found = compared([zone(ours)], [zone(theirs)], SCOPE)
    assert (found.wrong, found.notes) == ([], [])


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        (
            of(database="sales", table="t u"),
            of(database="sales_dr", table="t"),
            "it lacks database sales_dr, table t u",
        ),
        (of(database="sales", table="t"), of(database="sales_dr"), "it has database sales_dr, which"),
        (of(database="sales", table="t*"), of(database="sales_dr", table="t1"), "it lacks database sales_dr, table t*"),
        (of(path="/data/x"), of(path="/dr/y"), "it lacks path /dr/x"),
    ],
)
def test_what_one_of_them_lacks_is_named(ours: Any, theirs: Any, why: str) -> None:
    assert any(
        f"security zone vault: at the target {why}" in text
        for text in compared([zone(ours)], [zone(theirs)], SCOPE).wrong
    )


def test_a_zone_that_is_missing_and_one_that_only_the_target_has_are_told() -> None:
    (missing,) = compared([zone(of(database="sales"))], [], SCOPE).wrong
    assert "the target has none of this name" in missing
    found = compared([], [zone(of(database="hr"), name="theirs"), zone(of(database="x"))], SCOPE)
    assert found.wrong == []
    assert "security zone theirs of the target holds what is replicated" in found.notes[0]


def test_what_is_known_only_when_it_is_asked_may_be_all_that_is_replicated() -> None:
    (found,) = narrowed([zone(of(database="db_{USER}", table="t"))], SCOPE)
    assert dict(found.resources[0])["database"].values == ("hr", "sales_dr")
