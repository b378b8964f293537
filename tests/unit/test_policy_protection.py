"""What keeps everybody but the replication from writing to a replica."""

from __future__ import annotations

import pytest

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.policies.model import Facts, Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.options import PolicySyncOptions
from airflow_provider_livedata.engine.policies.protection import protections
from tests.unit.policy_answers import Question, is_allowed

HIVE = Facts(
    "hive",
    frozenset({"select", "update", "drop", "lock", "read", "write"}),
    frozenset({"database", "table", "column", "url"}),
)
HDFS = Facts("hdfs", frozenset({"read", "write", "execute"}), frozenset({"path"}))
OPTIONS = PolicySyncOptions({"sales": "sales_dr"}, {"hdfs://nn1/data": "hdfs://nn2/dr", "/x": "/y"})
ETL = Who(users=("etl",))


def test_databases_and_urls_of_hive_and_paths_of_hdfs_are_protected_under_the_targets_names() -> None:
    found = dict(protections(OPTIONS, HIVE, ETL))
    assert list(found) == ["protection of database", "protection of url"]
    whole = Values(("*",))
    assert found["protection of database"].resources == (
        resource_of({"database": Values(("sales_dr",)), "table": whole, "column": whole}),
    )
    assert found["protection of url"].resources == (resource_of({"url": Values(("hdfs://nn2/dr",), recursive=True)}),)
    (path,) = dict(protections(OPTIONS, HDFS, ETL)).values()
    assert path.resources == (resource_of({"path": Values(("/dr", "/y"), recursive=True)}),)
    assert path.deny == (Grant(Who(groups=("public",)), ("write",)),)
    assert dict(protections(PolicySyncOptions({}, {"/x": "/y"}), HIVE, ETL)) == {}


def test_readers_go_on_and_whoever_replicates_may_write_and_nobody_else() -> None:
    everything = Grant(Who(groups=("public",)), tuple(sorted(HIVE.accesses)))
    where = resource_of({"database": Values(("*",)), "table": Values(("*",)), "column": Values(("*",))})
    policies = [
        Policy("all", resources=(where,), allow=(everything,), overrides=True),
        *dict(protections(OPTIONS, HIVE, ETL)).values(),
    ]

    def may(user: str, access: str, database: str = "sales_dr") -> bool:
        return is_allowed(
            policies, Question(user, (), (("database", database), ("table", "t"), ("column", "c")), access), {}
        )

    assert [may("ann", access) for access in ("select", "lock", "update", "drop", "write")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [may("etl", access) for access in ("select", "update", "drop")] == [True, True, True]
    assert may("ann", "update", "mine")


def test_somebody_has_to_replicate() -> None:
    with pytest.raises(BadOption, match="name who replicates"):
        list(protections(OPTIONS, HIVE, Who()))
