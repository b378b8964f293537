"""Hive's structures to the neutral model and back, and the names of partitions."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hive_metastore import ttypes
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.metastore import convert
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    ColumnStatistics,
    Constraint,
    Database,
    Function,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import partition_name, values_of

texts = st.text(max_size=6)
optional = st.none() | texts
mappings = st.dictionaries(texts, texts, max_size=3)
columns = st.lists(st.builds(Column, texts, texts, optional), max_size=3).map(tuple)
owners = st.none() | st.builds(Principal, st.text(min_size=1, max_size=5), st.sampled_from(["user", "group", "role"]))
many = st.lists(texts, max_size=3).map(tuple)
storages = st.builds(
    Storage, columns, optional, optional, optional, st.builds(Serde, optional, optional, mappings), st.booleans(), st.integers(-1, 9), many,
    st.lists(st.tuples(texts, st.integers(0, 1)), max_size=2).map(tuple), mappings, many, st.lists(many, max_size=2).map(tuple),
    st.dictionaries(many, texts, max_size=2).map(lambda found: tuple(sorted(found.items()))), st.booleans(),
)  # fmt: skip
tables = st.builds(
    Table, texts, texts, st.sampled_from(["managed", "external", "view", "materialized view", "index"]), storages, columns, mappings, owners,
    optional, optional, st.none() | st.booleans(), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9),
)  # fmt: skip
TABLE = Table("d", "t", "managed", Storage())


def sent(thing: Any) -> Any:
    """What a server reads of a structure, by way of its bytes."""
    from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
    from thrift.transport.TTransport import TMemoryBuffer

    buffer = TMemoryBuffer()
    thing.write(TBinaryProtocolAccelerated(buffer, fallback=False))
    told = type(thing)()
    told.read(TBinaryProtocolAccelerated(TMemoryBuffer(buffer.getvalue()), fallback=False))
    return told


@given(table=tables)
def test_a_table_loses_nothing_on_its_way_through_thrift(table: Table) -> None:
    assert convert.table_from(sent(convert.to_table(table))) == table


@given(partition=st.builds(Partition, many, storages, mappings, st.integers(0, 9), st.integers(0, 9)))
def test_a_partition_loses_nothing(partition: Partition) -> None:
    assert convert.partition_from(sent(convert.to_partition(TABLE, partition))) == partition


@given(database=st.builds(Database, texts, optional, optional, optional, mappings, owners))
def test_a_database_loses_nothing(database: Database) -> None:
    assert convert.database_from(sent(convert.to_database(database))) == database


@given(
    resources=st.lists(st.tuples(st.sampled_from(["jar", "file", "archive"]), texts), max_size=2).map(tuple),
    owner=owners,
)
def test_a_function_loses_nothing(resources: Any, owner: Any) -> None:
    function = Function("d", "f", "a.B", owner, resources, 7)
    assert convert.function_from(sent(convert.to_function(function))) == function


CONSTRAINTS = [
    Constraint("primary key", "pk", ("a", "b"), is_enabled=True),
    Constraint("foreign key", "fk", ("a", "b"), ("e", "parent", ("x", "y")), is_validated=True, rules=(1, 2)),
    Constraint("unique", "u", ("b", "a"), is_relied_on=True),
    Constraint("not null", "n", ("a",)),
    Constraint("default", "d", ("a",), value="'x'"),
    Constraint("check", "c", ("a",), value="a > 1"),
]


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda one: one.kind)
def test_a_constraint_loses_nothing_whatever_the_order_of_its_rows(constraint: Constraint) -> None:
    rows = [sent(row) for row in convert.to_constraint(TABLE, constraint)]
    assert convert.constraint_rows(constraint.kind, reversed(rows)) == [constraint]


COUNTS = {"numNulls": 1, "numDVs": 2, "bitVectors": b"HL"}
STATISTICS = [
    ColumnStatistics("a", "bigint", "long", {"lowValue": -1, "highValue": 1, **COUNTS}),
    ColumnStatistics(
        "b",
        "decimal(9,2)",
        "decimal",
        {"lowValue": ("Decimal", b"\x01", 2), "highValue": ("Decimal", b"\x02", 2), **COUNTS},
    ),
    ColumnStatistics("c", "date", "date", {"lowValue": ("Date", -5), "highValue": ("Date", 5), **COUNTS}),
    ColumnStatistics(
        "d", "timestamp", "timestamp", {"lowValue": ("Timestamp", 1), "highValue": ("Timestamp", 2), **COUNTS}
    ),
    ColumnStatistics("e", "string", "string", {"maxColLen": 9, "avgColLen": 1.5, **COUNTS}),
    ColumnStatistics("f", "boolean", "boolean", {"numTrues": 1, "numFalses": 2, "numNulls": 0, "bitVectors": None}),
]


def test_statistics_of_every_kind_lose_nothing() -> None:
    (told,) = convert.to_statistics(TABLE, {"day=1": STATISTICS}, 7)
    read = sent(told)
    assert (read.statsDesc.isTblLevel, read.statsDesc.partName, read.statsDesc.lastAnalyzed) == (False, "day=1", 7)
    assert list(convert.statistics_from(read.statsObj)) == STATISTICS


def test_what_a_server_leaves_out_is_empty() -> None:
    assert convert.table_from(ttypes.Table(tableName="t", dbName="d")).storage == Storage()
    unknown = ttypes.ColumnStatisticsObj("a", "int", ttypes.ColumnStatisticsData())
    assert convert.statistics_from([unknown]) == ()


def event(kind: str, message: Any, form: str = "json-0.2", table: str | None = "t") -> Any:
    text = message if isinstance(message, str) else json.dumps(message)
    return convert.event_from(ttypes.NotificationEvent(7, 1, kind, "d", table, text, form))


def test_an_event_names_the_table_before_and_after_and_the_partitions() -> None:
    named = {
        f"tableObj{when}Json": json.dumps({"1": {"str": name}}) for when, name in (("Before", "old"), ("After", "t"))
    }
    assert event("ALTER_TABLE", named).tables == ("t", "old")
    assert event("ALTER_TABLE", named, table="old").tables == ("old", "t")
    partitions = [{"Year": "2024", "what": "a/b"}, {"Year": "", "what": "x"}]
    told = ("year=2024/what=a%2Fb", "year=__HIVE_DEFAULT_PARTITION__/what=x")
    assert event("ADD_PARTITION", {"partitions": partitions}).partitions == told
    assert event("ALTER_PARTITION", {"keyValues": partitions[0]}).partitions == told[:1]
    renamed = {
        "keyValues": partitions[0],
        **{
            f"partitionObj{when}Json": json.dumps({"1": {"lst": ["str", 2, year, "a/b"]}})
            for when, year in (("Before", "2024"), ("After", "2025"))
        },
    }
    assert event("ALTER_PARTITION", renamed).partitions is None
    same = renamed | {"partitionObjAfterJson": renamed["partitionObjBeforeJson"]}
    assert event("ALTER_PARTITION", same).partitions == told[:1]
    packed = base64.b64encode(gzip.compress(json.dumps({"partitions": partitions}).encode())).decode()
    assert event("DROP_PARTITION", packed, "gzip(json-2.0)").partitions == told
    assert event("CREATE_DATABASE", {}, table=None).tables == ()


@pytest.mark.parametrize("message", ["", "no JSON", "[]", {"partitions": [{}]}, {"keyValues": None}])
def test_a_message_that_cannot_be_read_counts_for_the_whole_table(message: Any) -> None:
    assert event("ADD_PARTITION", message).partitions is None
    assert event("ADD_PARTITION", "x", "gzip(json-2.0)").partitions is None


@given(values=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
def test_the_name_of_a_partition_gives_its_values_back(values: list[str]) -> None:
    assert values_of(partition_name({f"c{number}": value for number, value in enumerate(values)})) == tuple(values)


def test_what_is_no_code_in_a_name_stays_as_it_is() -> None:
    assert values_of("a=%/b=%4/c=%zz/d=50%25") == ("%", "%4", "%zz", "50%")
