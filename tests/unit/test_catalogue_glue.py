"""Glue's structures to the neutral model and back, what Glue cannot hold, and how calls end."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.clients.aws import AwsClient
from airflow_provider_livedata.engine.errors import (
    CatalogueError,
    MetastoreBusy,
    MetastoreRefused,
    MetastoreUnreachable,
    ObjectExists,
    ObjectMissing,
)
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore import glue_convert as convert
from airflow_provider_livedata.engine.metastore.glue import _expressions
from airflow_provider_livedata.engine.metastore.glue_fit import fit
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    Database,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.retry import RetryPolicy

names = st.text("abz_é09", min_size=1, max_size=6)
texts = st.text(max_size=6) | st.sampled_from(["a\nb", "x" * 300, "\x07", "\U0001f600", "\ud800"])
optional = st.none() | texts
mappings = st.dictionaries(texts, texts, max_size=3)
columns = st.lists(st.builds(Column, names, names, optional), max_size=3).map(tuple)
owners = st.none() | st.builds(Principal, names, st.sampled_from(["user", "group", "role"]))
many = st.lists(names, max_size=3).map(tuple)
skewed = st.lists(st.text(max_size=4), min_size=1, max_size=3).map(tuple)
plain = st.none() | names
storages = st.builds(
    Storage, columns, plain, plain, plain, st.builds(Serde, plain, plain, mappings), st.booleans(), st.integers(-1, 9), many,
    st.lists(st.tuples(names, st.integers(0, 1)), max_size=2).map(tuple), mappings, many, st.lists(skewed, max_size=2).map(tuple),
    st.dictionaries(skewed, names, max_size=2).map(lambda found: tuple(sorted(found.items()))), st.booleans(),
)  # fmt: skip
tables = st.builds(
    Table, names, names, st.sampled_from(["managed", "external", "view", "materialized view", "index"]), storages, columns, mappings, owners,
    plain, plain, st.none() | st.booleans(), st.integers(-2, 9), st.just(0), st.integers(0, 9),
)  # fmt: skip
partitions = st.builds(Partition, many.filter(bool), storages, mappings, st.just(0), st.integers(0, 9))
databases = st.builds(Database, names, optional, plain, plain, mappings, owners)


@cache
def shapes() -> Any:
    """Glue's own description of its calls."""
    import botocore.session

    return botocore.session.get_session().get_service_model("glue")


def refused(name: str, value: Any) -> list[str]:
    """What Glue's description says against a value: botocore checks the form, and this the longest texts and the letters."""
    from botocore.validate import ParamValidator

    shape = shapes().shape_for(name)
    report = ParamValidator().validate(value, shape)
    return [report.generate_report()] * report.has_errors() + list(_against(shape, value))


def _against(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        for name, one in value.items():
            yield from _against(shape.members[name], one)
    elif shape.type_name == "list":
        for one in value:
            yield from _against(shape.member, one)
    elif shape.type_name == "map":
        for name, one in value.items():
            yield from _against(shape.key, name)
            yield from _against(shape.value, one)
    elif shape.type_name == "string":
        if len(value) > shape.metadata.get("max", len(value)):
            yield f"{shape.name} is too long"
        if shape.name in {"CommentString", "KeyString"} and re.search(
            "[^\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value
        ):
            yield f"{shape.name} holds {value!r}"


@given(table=tables)
def test_a_table_that_fits_loses_nothing_on_its_way_to_glue(table: Table) -> None:
    fitted, _ = fit(table)
    told = convert.to_table(fitted)
    assert refused("TableInput", told) == []
    assert convert.table_from(told, table.database) == fitted
    assert diff.table_digest(convert.table_from(told, table.database)) == diff.table_digest(fitted)


@given(partition=partitions)
def test_a_partition_that_fits_loses_nothing(partition: Partition) -> None:
    fitted, _ = fit(partition)
    told = convert.to_partition(fitted)
    assert refused("PartitionInput", told) == []
    assert convert.partition_from(told) == fitted


@given(database=databases)
def test_a_database_that_fits_loses_nothing(database: Database) -> None:
    fitted, _ = fit(database)
    told = convert.to_database(fitted)
    assert refused("DatabaseInput", told) == []
    assert convert.database_from(told) == fitted


@given(thing=tables | partitions | databases)
def test_what_fits_is_left_alone_and_what_is_changed_is_told(thing: Any) -> None:
    fitted, notes = fit(thing)
    assert fit(fitted) == (fitted, ())
    lower = replace(thing, name=thing.name.lower()) if not isinstance(thing, Partition) else thing
    lower = replace(lower, database=thing.database.lower()) if isinstance(thing, Table) else lower
    same = replace(lower, is_rewrite_enabled=None) if isinstance(thing, Table) else lower
    assert bool(notes) == (fitted != same or getattr(thing, "is_rewrite_enabled", None) is True)


def test_each_thing_that_glue_cannot_hold_is_named_with_the_reason() -> None:
    accurate = json.dumps({"BASIC_STATS": "true", "COLUMN_STATS": {"id": "true", "at": "true"}})
    table = Table(
        "D", "T", "external", Storage((Column("id", "int", "a" * 256), Column("at", "date", "a\nb"))), (),
        {"k" * 256: "v", "COLUMN_STATS_ACCURATE": accurate, "kept": "v"}, Principal("staff", "group"), retention=-1, is_rewrite_enabled=True,
    )  # fmt: skip
    fitted, notes = fit(table)
    assert (fitted.full_name, fitted.owner, fitted.retention) == ("d.t", Principal("staff"), 0)
    assert fitted.parameters == {"COLUMN_STATS_ACCURATE": '{"BASIC_STATS":"true"}', "kept": "v"}
    assert [len(one.comment or "") for one in fitted.storage.columns] == [255, 3]
    assert notes == (
        "that its owner staff is a group is left out: Glue keeps the name alone",
        "its retention (-1) becomes 0: Glue takes none below",
        "that queries may be rewritten with it is left out: Glue does not know this",
        "the comment of column id is cut to 255 of 256 characters: Glue takes no more",
        "the comment of column at has blanks for line ends and control characters: Glue takes none there",
        f"parameter '{'k' * 50}' is left out: Glue takes no such name",
        "statistics of columns are left out (at, id): they are not written to Glue",
    )
    _, told = fit(Database("d", "x" * 2049, "s3://b/d", "s3://b/m", {"big": "v" * 512_001}, Principal("ann")))
    assert told == (
        "its owner (user ann) is left out: databases of Glue have none",
        "its managed location (s3://b/m) is left out: Glue knows one location",
        "its comment is cut to 2,048 of 2,049 characters: Glue takes no more",
        "parameter big is left out: its value has 512,001 characters, Glue takes 512,000",
    )


@pytest.mark.parametrize("accurate", ["", "TRUE", "[]", '{"BASIC_STATS":"true"}', '{"COLUMN_STATS":"x"}'])
def test_what_says_nothing_of_columns_statistics_is_left_alone(accurate: str) -> None:
    partition = Partition(("1",), Storage(), {"COLUMN_STATS_ACCURATE": accurate})
    assert fit(partition) == (partition, ())


def test_skewed_values_are_written_as_the_client_of_aws_for_hive_does() -> None:
    storage = Storage(skewed_columns=("a", "b"), skewed_values=(("ab", "1$x"), ("", "\U0001f600")))
    told = convert.to_storage(storage)
    assert told["SkewedInfo"]["SkewedColumnValues"] == ["2$ab3$1$x", "0$2$\U0001f600"]
    assert convert.storage_from(told) == storage
    assert convert.storage_from({"SkewedInfo": {"SkewedColumnValues": ["plain", "9$x"]}}).skewed_values == (
        ("plain",),
        ("9$x",),
    )


def test_what_crawlers_and_others_leave_out_is_empty() -> None:
    assert convert.table_from({"Name": "t", "DatabaseName": "d"}) == Table("d", "t", "external", Storage())
    assert convert.database_from({"Name": "d"}) == Database("d")


def test_names_are_asked_for_in_patterns_that_glue_takes() -> None:
    many_names = [f"table_{number:04}" for number in range(1000)]
    groups = list(_expressions(many_names))
    assert [name for group in groups for name in group] == many_names
    assert max(len("|".join(group)) for group in groups) <= 2048
    assert len(groups) == 6


class Answering:
    """A client that answers what it is told, in turn."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def get_table(self, **_: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def failed(code: str, status: int = 400) -> Exception:
    from botocore.exceptions import ClientError

    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetTable")


@pytest.mark.parametrize(
    ("code", "status", "kind", "attempts"),
    [
        ("ThrottlingException", 400, MetastoreBusy, 3), ("ConcurrentModificationException", 400, MetastoreBusy, 3),
        ("TooMany", 429, MetastoreBusy, 3), ("InternalServiceException", 500, MetastoreUnreachable, 3), ("Odd", 503, MetastoreUnreachable, 3),
        ("ExpiredTokenException", 400, MetastoreUnreachable, 1), ("AlreadyExistsException", 400, ObjectExists, 1),
        ("EntityNotFoundException", 400, ObjectMissing, 1), ("AccessDeniedException", 400, MetastoreRefused, 1),
    ],
)  # fmt: skip
def test_an_answer_says_whether_to_try_again(code: str, status: int, kind: type[CatalogueError], attempts: int) -> None:
    client = AwsClient(Answering(*[failed(code, status)] * 3), policy=RetryPolicy(3, 0, 0))
    with pytest.raises(kind, match="no"):
        client.call("get_table")
    assert client.calls == {"get_table": attempts}


def test_a_call_that_was_throttled_is_made_again() -> None:
    client = AwsClient(Answering(failed("ThrottlingException"), {"Table": {}}), policy=RetryPolicy(3, 0, 0))
    assert client.call("get_table") == {"Table": {}}
