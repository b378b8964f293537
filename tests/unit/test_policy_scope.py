"""Patterns, names, and which part of a policy speaks of what is replicated."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import Resource, Values, resource_of
from airflow_provider_livedata.engine.policies.naming import Names
from airflow_provider_livedata.engine.policies.patterns import is_literal, left_after, matches, matches_any
from airflow_provider_livedata.engine.policies.scope import Scope, Untold
from tests.unit.policy_answers import regex

PATTERN = st.text(alphabet="ab/*?", max_size=8)
TEXT = st.text(alphabet="ab/", max_size=8)
SCOPE = Scope(
    {"Sales": "sales_dr", "hr": "hr"}, {"hdfs://nn1:8020/data/sales": "hdfs://nn2/dr/sales", "/data/hr/": "/hr"}
)


@given(PATTERN, TEXT)
def test_a_pattern_takes_what_the_regular_expression_of_it_takes(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (regex(pattern).fullmatch(text) is not None)


@given(PATTERN, TEXT, TEXT)
def test_what_is_left_of_a_pattern_takes_exactly_the_rests(pattern: str, prefix: str, rest: str) -> None:
    assert matches_any(left_after(pattern, prefix), rest) == matches(pattern, prefix + rest)


def test_cases_count_for_paths_and_not_for_names_of_hive() -> None:
    assert (matches("Sal*", "sales"), matches("Sal*", "sales", ignores_case=True)) == (False, True)
    assert (is_literal("a/b"), is_literal("a*"), is_literal("a?")) == (True, False, False)


def test_names_are_mapped_by_a_table_and_by_rules_the_most_exact_one_first() -> None:
    names = Names({"etl": "loader", "hdfs_*": "grp-*", "hdfs_x*": "x-*", "*_ro": "readers"}, "groups")
    told = {name: names.target_of(name) for name in ("etl", "hdfs_sales", "hdfs_xy", "a_ro", "bob", "hdfs_", "ETL")}
    assert told == {
        "etl": "loader", "hdfs_sales": "grp-sales", "hdfs_xy": "x-y", "a_ro": "readers", "bob": None, "hdfs_": "grp-", "ETL": None,
    }  # fmt: skip
    assert Names({}, "groups").target_of("bob") == "bob"
    ends = Names({"ab*ba": "x-*", "*_rw": "w-*"}, "groups")
    assert [ends.target_of(name) for name in ("aba", "abba", "ab-ba", "sales_rw")] == [None, "x-", "x--", "w-sales"]


@pytest.mark.parametrize("rule", [{"": "a"}, {"a": ""}, {"a*b*": "c"}, {"a": "b*"}, {"a*": "*b*"}])
def test_a_rule_that_cannot_be_meant_is_refused(rule: dict[str, str]) -> None:
    with pytest.raises(BadOption, match="a rule of groups"):
        Names(rule, "groups")


def on(**parts: Values | str) -> Resource:
    return resource_of({name: one if isinstance(one, Values) else Values((one,)) for name, one in parts.items()})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (on(database="sales", table="*"), on(database="sales_dr", table="*")),
        (on(database="*"), on(database=Values(("hr", "sales_dr")))),
        (on(database="S?les"), on(database="sales_dr")),
        (on(database="other"), None),
        (on(database=Values(("hr",), excludes=True)), on(database="sales_dr")),
        (on(path=Values(("/data/sales/x",), recursive=True)), on(path=Values(("/dr/sales/x",), recursive=True))),
        (on(path=Values(("/data",), recursive=True)), on(path=Values(("/dr/sales", "/hr"), recursive=True))),
        (on(path=Values(("/",), recursive=True)), on(path=Values(("/dr/sales", "/hr"), recursive=True))),
        (on(path="/data"), None),
        (on(path="/data/sales/"), on(path="/dr/sales")),
        (on(path="/data/*/raw"), on(path=Values(("/dr/sales/*/raw", "/dr/sales/raw", "/hr/*/raw", "/hr/raw")))),
        (on(path="/data/salesmen"), None),
        (on(path="/data/sales?"), None),
        (on(path="/data/sales/{USER}/x"), on(path="/dr/sales/{USER}/x")),
        (on(path="/home/{USER}"), None),
        (on(url="hdfs://nn1:8020/data/sales/x"), on(url="hdfs://nn2/dr/sales/x")),
        (on(url="*"), on(url=Values(("/hr", "/hr/*", "hdfs://nn2/dr/sales", "hdfs://nn2/dr/sales/*")))),
        (on(hiveservice="*"), None),
    ],
)  # fmt: skip
def test_a_resource_is_narrowed_to_what_is_replicated_and_named_as_at_the_target(
    given: Resource, expected: Resource | None
) -> None:
    assert SCOPE.narrowed(given) == expected
    assert SCOPE.touches(given) == (expected is not None)


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        (on(database="db_{USER}", table="t"), on(database=Values(("hr", "sales_dr")), table="t")),
        (on(path="/data/{USER}"), on(path=Values(("/dr/sales", "/hr"), recursive=True))),
        (on(path="/data/s*/{USER}"), on(path=Values(("/dr/sales", "/hr"), recursive=True))),
        (on(url=Values(("/x",), excludes=True)), on(url=Values(("/hr", "hdfs://nn2/dr/sales"), recursive=True))),
    ],
)
def test_what_is_known_only_when_asked_may_be_anything_that_is_replicated(given: Resource, whole: Resource) -> None:
    with pytest.raises(Untold):
        SCOPE.narrowed(given)
    assert SCOPE.touches(given)
    assert SCOPE.everything(given) == whole


@pytest.mark.parametrize(
    ("databases", "locations", "said"),
    [
        ({"sa*": "x"}, {}, "one by one"),
        ({"a": ""}, {}, "one by one"),
        ({}, {"data": "/x"}, "absolute path"),
        ({}, {"s3:lake": "/x"}, "absolute path"),
        ({}, {"/data": "lake"}, "absolute path"),
        ({}, {"/data/../x": "/x"}, "absolute path"),
        ({}, {"/data": "/x*"}, "absolute path"),
        ({}, {"/data": "/x", "/data/a": "/y"}, "one inside the other"),
        ({}, {"hdfs://a/data": "/x", "hdfs://b/data": "/y"}, "same path"),
    ],
)
def test_a_scope_that_cannot_be_meant_is_refused(
    databases: dict[str, str], locations: dict[str, str], said: str
) -> None:
    with pytest.raises(BadOption, match=said):
        Scope(databases, locations)


@given(st.text(alphabet="as/*?", max_size=7), st.booleans(), st.text(alphabet="as/", max_size=6))
def test_below_a_location_the_same_paths_are_taken_at_the_target(pattern: str, recursive: bool, rest: str) -> None:
    scope = Scope({}, {"/as": "/t"})
    values = Values((f"/{pattern}",), recursive=recursive)
    found = scope.narrowed(on(path=values))
    path = f"/{rest}".rstrip("/") if rest else ""
    assume("//" not in path and "//" not in f"/{pattern}")
    assert _takes(values, f"/as{path}") == (found is not None and _takes(dict(found)["path"], f"/t{path}"))


def _takes(values: Values, path: str) -> bool:
    names = (
        [path, *(path[:i] for i, letter in enumerate(path) if letter == "/" and i), "/"] if values.recursive else [path]
    )
    patterns = [value.rstrip("/") or "/" for value in values.values]
    return any(matches(pattern, name) for pattern in patterns for name in names)


def test_a_location_may_be_a_whole_bucket() -> None:
    scope = Scope({}, {"s3a://old": "s3a://new/part"})
    assert scope.narrowed(on(url="s3a://old/x")) == on(url="s3a://new/part/x")


def test_policies_of_hdfs_go_to_locations_of_hdfs() -> None:
    assert [SCOPE.problem_for(kind) for kind in ("hive", "hdfs")] == ["", ""]
    assert "name the replicated locations" in Scope({"a": "b"}, {}).problem_for("hdfs")
    other = Scope({}, {"/a": "viewfs://c/a", "/b": "s3a://lake/b"})
    assert (other.problem_for("hive"), other.problem_for("hdfs")) == (
        "",
        "policies of HDFS go to HDFS; s3a://lake/b is none",
    )
