"""Statements for Databricks, what it can hold, what it answers, and how its errors are told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.clients.databricks import DatabricksClient, meaning
from airflow_provider_livedata.engine.clients.quoting import (
    dotted,
    quoted_name,
    quoted_pairs,
    quoted_text,
)
from airflow_provider_livedata.engine.errors import (
    CatalogueError,
    MetastoreRefused,
    MetastoreUnreachable,
    ObjectExists,
    ObjectMissing,
    PartitionsRefused,
    PlaceNotAllowed,
)
from airflow_provider_livedata.engine.metastore import databricks_read as read
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore.databricks import open_databricks
from airflow_provider_livedata.engine.metastore.databricks_fit import DatabricksFit
from airflow_provider_livedata.engine.metastore.databricks_formats import format_of, options_of, unreadable
from airflow_provider_livedata.engine.metastore.databricks_sql import Statements
from airflow_provider_livedata.engine.metastore.databricks_types import (
    Type,
    UnknownType,
    from_json,
    in_hive,
    in_sql,
    parsed,
)
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    Constraint,
    Database,
    Function,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.plan import CataloguePlan, TablePlan, guard_places
from airflow_provider_livedata.engine.retry import RetryPolicy

OLD, UNITY = DatabricksFit(is_unity=False), DatabricksFit(is_unity=True)
SQL = Statements("main")
PARQUET = Serde("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe")
LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
TEXT = "org.apache.hadoop.mapred.TextInputFormat"
ID, DAY = Column("id", "int"), Column("day", "date")
odd = st.text("ab`'\\\"${}%\n\r\t\x00;-/*:? \ud800é", max_size=12)


def unquoted(literal: str) -> str:
    """What Spark reads from a literal."""
    assert literal[0] == literal[-1] == "'"
    inner, found = literal[1:-1], ""
    while inner:
        piece = re.match(r"\\u([0-9a-f]{4})|\\(.)|[^'\\]", inner, re.DOTALL)
        assert piece is not None
        found += chr(int(piece[1], 16)) if piece[1] else piece[2] or piece[0]
        inner = inner[piece.end() :]
    return found


def parquet(*columns: Column, by: tuple[Column, ...] = (), **parameters: str) -> Table:
    return Table("d", "t", "external", Storage(columns or (ID,), "s3://b/t", serde=PARQUET), by, parameters)


def text(
    library: str, parameters: dict[str, str] | None = None, own: dict[str, str] | None = None, column: Column = ID
) -> Table:
    storage = Storage((column,), "s3://b/t", TEXT, serde=Serde(library, None, own or {}))
    return Table("d", "t", "external", storage, (), parameters or {})


# ---- quoting


@given(text=odd)
def test_a_text_is_read_back_as_it_was_and_ends_nothing(text: str) -> None:
    literal = quoted_text(text)
    assert unquoted(literal) == text
    assert "${" not in literal
    assert not re.search("[\x00-\x1f\ud800-\udfff]", literal)


@given(name=odd)
def test_a_name_stands_between_back_quotes_that_nothing_in_it_ends(name: str) -> None:
    quoted = quoted_name(name)
    assert quoted[0] == quoted[-1] == "`"
    assert "`" not in quoted[1:-1].replace("``", "")
    assert quoted[1:-1].replace("``", "`") == name


@given(names=st.lists(odd, min_size=2, max_size=5), value=odd)
def test_every_statement_names_nothing_that_is_not_quoted(names: list[str], value: str) -> None:
    column = Column(names[0], "struct<a:int>", value)
    storage = Storage((column,), value, serde=Serde("csv", None, {value: value}))
    table = Table(
        names[1],
        names[-1],
        "external",
        storage,
        (Column("p" + names[0], "string", value),),
        {value: value, "comment": value},
    )
    other = replace(
        table,
        parameters={"new" + value: value, "comment": "x" + value},
        storage=replace(storage, columns=(replace(column, comment="y"), ID)),
    )
    partition, schema = (
        Partition((value,), Storage(location=value)),
        Database(names[1], value, parameters={value: value}),
    )
    altered = SQL.alter_table(table, other)
    assert altered is not None
    for statement in (
        SQL.schemas(), SQL.schema(names[1]), SQL.tables(names[1]), SQL.table(names[1], names[-1]), SQL.table_in_rows(names[1], names[-1]),
        SQL.partitions(table), SQL.partition(table, (value,)), SQL.create_schema(schema), SQL.comment_schema(names[1], value),
        SQL.set_schema(names[1], {value: value}), SQL.unset_schema(names[1], [value]), SQL.drop_schema(names[1]), SQL.create_table(table), SQL.drop_table(names[1], names[-1]),
        SQL.add_partitions(table, [partition, partition]), SQL.move_partition(table, partition), SQL.drop_partitions(table, [(value,), (value,)]),
        *altered,
    ):  # fmt: skip
        plain = re.sub(r"`(?:``|[^`])*`|'(?:\\.|[^'\\])*'", "", statement, flags=re.DOTALL)
        assert re.fullmatch(r"[A-Za-z0-9(),.=<>: ]*", plain), statement


def test_pairs_are_sorted_and_dots_stand_between_names() -> None:
    assert quoted_pairs({"b": "2", "a": "it's"}) == "('a' = 'it\\'s', 'b' = '2')"
    assert dotted("a.b", "c`") == "`a.b`.`c```"


# ---- statements


def test_a_table_is_created_with_all_that_it_has() -> None:
    table = Table(
        "d", "t", "external", Storage((Column("a", "struct<x y:int>", "it"),), "s3://b/t", serde=Serde("csv", None, {"sep": "\x01"})), (DAY,),
        {"comment": "c", "k": "v"},
    )  # fmt: skip
    assert SQL.create_table(table) == (
        "CREATE TABLE `main`.`d`.`t` (`a` struct<`x y`:int> COMMENT 'it', `day` date) USING CSV OPTIONS ('sep' = '\\u0001') "
        "PARTITIONED BY (`day`) LOCATION 's3://b/t' COMMENT 'c' TBLPROPERTIES ('k' = 'v')"
    )
    bare = Table("d", "t", "external", Storage((ID,), "s3://b/t", serde=Serde("orc")))
    assert SQL.create_table(bare) == "CREATE TABLE `main`.`d`.`t` (`id` int) USING ORC LOCATION 's3://b/t'"
    delta = replace(bare, storage=replace(bare.storage, serde=Serde("delta")), parameters={"livedata.definition": "x"})
    assert SQL.create_table(delta) == "CREATE TABLE `main`.`d`.`t` USING DELTA LOCATION 's3://b/t'"


def test_a_table_is_altered_by_what_differs_and_the_properties_come_last() -> None:
    old = parquet(ID, Column("n", "string"), a="1", b="2", comment="x")
    new = parquet(replace(ID, comment="which"), Column("n", "string"), DAY, b="3", c="4")
    table = "ALTER TABLE `main`.`d`.`t`"
    assert SQL.alter_table(old, new) == [
        f"{table} ADD COLUMNS (`day` date)", f"{table} ALTER COLUMN `id` COMMENT 'which'", "COMMENT ON TABLE `main`.`d`.`t` IS ''",
        f"{table} UNSET TBLPROPERTIES IF EXISTS ('a')", f"{table} SET TBLPROPERTIES ('b' = '3', 'c' = '4')",
    ]  # fmt: skip
    assert SQL.alter_table(old, old) == []
    avro = replace(old, storage=replace(old.storage, serde=Serde("avro")))
    assert (
        SQL.alter_table(avro, replace(avro, storage=replace(avro.storage, columns=(*avro.storage.columns, DAY))))
        is None
    )


@pytest.mark.parametrize(
    "other",
    [
        parquet(Column("id", "bigint")), parquet(Column("other", "int")), parquet(by=(DAY,)),
        replace(parquet(), storage=replace(parquet().storage, location="s3://b/other")),
        replace(parquet(), storage=replace(parquet().storage, serde=Serde("orc"))),
    ],
)  # fmt: skip
def test_other_columns_formats_and_places_make_another_table(other: Table) -> None:
    assert SQL.alter_table(parquet(), other) is None


def test_null_is_no_text_in_a_partition() -> None:
    table = parquet(by=(DAY, Column("n", "int")))
    assert SQL.partition(table, ("__HIVE_DEFAULT_PARTITION__", "1")).endswith("PARTITION (`day` = NULL, `n` = '1')")


def test_a_schema_is_created_without_a_place() -> None:
    assert SQL.create_schema(Database("d", location="s3://b/d")) == "CREATE SCHEMA `main`.`d`"
    told = SQL.create_schema(Database("d", "c", parameters={"a": "1"}))
    assert told == "CREATE SCHEMA `main`.`d` COMMENT 'c' WITH DBPROPERTIES ('a' = '1')"


# ---- types

plain_types = st.sampled_from(
    [Type("int"), Type("string"), Type("decimal", (5, 2)), Type("varchar", (9,)), Type("timestamp")]
)
fields = st.text("ab _é", min_size=1, max_size=4).map(str.strip).filter(bool)
types = st.recursive(
    plain_types,
    lambda inner: (
        st.builds(lambda one: Type("array", (), (one,)), inner)
        | st.builds(lambda one, other: Type("map", (), (one, other)), inner, inner)
        | st.lists(st.tuples(fields, inner), min_size=1, max_size=3).map(
            lambda made: Type("struct", (), tuple(one for _, one in made), tuple(name for name, _ in made))
        )
    ),
    max_leaves=5,
)


@given(kind=types)
def test_a_type_is_the_same_after_writing_and_reading_and_as_databricks_tells_it(kind: Type) -> None:
    assert parsed(in_hive(kind)) == kind
    assert from_json(as_json(kind)) == kind


def as_json(kind: Type) -> dict[str, Any]:
    inner = [as_json(one) for one in kind.parts]
    if kind.name == "array":
        return {"name": "array", "element_type": inner[0]}
    if kind.name == "map":
        return {"name": "map", "key_type": inner[0], "value_type": inner[1]}
    if kind.name == "struct":
        return {
            "name": "struct",
            "fields": [{"name": name, "type": one} for name, one in zip(kind.fields, inner, strict=True)],
        }
    keys = {1: ("length",), 2: ("precision", "scale")}.get(len(kind.numbers), ())
    return {"name": kind.name, **dict(zip(keys, kind.numbers, strict=True))}


@pytest.mark.parametrize(
    ("told", "read_as"),
    [
        ("DECIMAL", "decimal(10,0)"), ("decimal( 5 )", "decimal(5,0)"), ("Integer", "int"), ("timestamp with local time zone", "timestamp"),
        ("double precision", "double"), ("MAP< string , ARRAY<int> >", "map<string,array<int>>"), ("struct<A: int>", "struct<A:int>"),
    ],
)  # fmt: skip
def test_a_type_has_one_form(told: str, read_as: str) -> None:
    assert in_hive(parsed(told)) == read_as
    assert in_sql(parsed("struct<a`b:int>")) == "struct<`a``b`:int>"


@pytest.mark.parametrize(
    "told",
    [
        "",
        "uniontype<int>",
        "interval_year_month",
        "array<int",
        "array<int,int>",
        "map<int>",
        "struct<a>",
        "int x",
        "int>",
        "array<>",
    ],
)
def test_a_type_that_databricks_has_not_is_refused(told: str) -> None:
    with pytest.raises(UnknownType):
        parsed(told)


def test_lengths_of_texts_are_left_out_and_told() -> None:
    fitted, notes = OLD(parquet(Column("c", "array<varchar(9)>"), Column("d", "char(2)")))
    assert [one.type for one in fitted.storage.columns] == ["array<string>", "string"]
    assert [note.split(" is left")[0] for note in notes] == [
        "the length of array<varchar(9)> of column c", "the length of char(2) of column d",
    ]  # fmt: skip
    assert OLD(fitted) == (fitted, ())


def test_types_of_databricks_alone_keep_their_names() -> None:
    assert from_json({"name": "VARIANT"}) == Type("variant")
    assert from_json({"name": "timestamp_ltz"}) == Type("timestamp")


# ---- formats


@pytest.mark.parametrize(
    ("library", "found"),
    [
        (PARQUET.library, "parquet"), ("org.apache.hadoop.hive.ql.io.orc.OrcSerde", "orc"), ("org.apache.hadoop.hive.serde2.avro.AvroSerDe", "avro"),
        ("org.apache.hive.hcatalog.data.JsonSerDe", "json"), (LAZY, ""), ("a.B", ""), (None, ""), ("parquet", "parquet"),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_serde(library: str | None, found: str) -> None:
    assert format_of(Storage(serde=Serde(library)), {}) == found
    assert format_of(Storage(serde=Serde(library)), {"spark.sql.sources.provider": "DELTA"}) == "delta"
    assert format_of(Storage(serde=Serde(library)), {"spark.sql.sources.provider": "com.example"}) == ""


def test_text_is_read_with_the_options_that_hive_reads_it_with() -> None:
    usual = {"sep": "\x01", "nullValue": "\\N", "quote": ""}
    assert options_of(text(LAZY)) == usual
    assert options_of(text(LAZY, {}, {"serialization.format": "9"})) == {**usual, "sep": "\t"}
    assert options_of(text(LAZY, {}, {"serialization.format": "|"})) == {**usual, "sep": "|"}
    told = {"field.delim": "||", "serialization.null.format": "", "serialization.encoding": "GBK"}
    assert options_of(text(LAZY, {"skip.header.line.count": "1"}, told)) == {
        "sep": "||", "nullValue": "", "quote": "", "encoding": "GBK", "header": "true",
    }  # fmt: skip
    assert options_of(text(CSV)) == {"sep": ",", "quote": '"', "escape": "\\"}
    assert options_of(parquet()) == {}
    spark = text(LAZY, {"spark.sql.sources.provider": "csv"}, {"sep": ";", "path": "s3://b/t"})
    assert (options_of(spark), unreadable(spark)) == ({"sep": ";"}, "")


@pytest.mark.parametrize(
    ("own", "parameters", "why"),
    [
        ({"escape.delim": "\\"}, {}, "escaped"), ({"line.delim": "\r"}, {}, "rows end with"), ({"input.regex": "x"}, {}, "pattern"),
        ({}, {"skip.header.line.count": "2"}, "header"), ({}, {"skip.footer.line.count": "1"}, "footer"),
    ],
)  # fmt: skip
def test_text_that_databricks_would_read_in_another_way_is_refused(
    own: dict[str, str], parameters: dict[str, str], why: str
) -> None:
    assert why in unreadable(text(LAZY, parameters, own))
    assert "no option of Databricks says so" in OLD.refuses(text(LAZY, parameters, own))
    assert unreadable(text(LAZY, {}, {"line.delim": "\n", "collection.delim": ","})) == ""


# ---- what fits


def test_what_is_left_out_of_a_table_is_told_with_the_reason() -> None:
    storage = Storage(
        (replace(ID, type="INT", comment=""),), "file:/b//t/", TEXT, serde=Serde(LAZY), buckets=4, bucket_columns=("id",),
        skewed_columns=("id",),
    )  # fmt: skip
    told = {
        "EXTERNAL": "TRUE", "transient_lastDdlTime": "1", "numRows": "1", "comment": "my url", "spark.sql.create.version": "3", "owner": "x",
        "avro.schema.url": "x", "kept": "1", "also": "a token",
    }  # fmt: skip
    table = Table("D", "T", "managed", storage, (DAY,), told, Principal("ann"), retention=5)
    fitted, notes = OLD(table)
    assert fitted == Table(
        "d", "t", "external", Storage((ID,), "file:///b/t", serde=Serde("csv", None, {"sep": "\x01", "nullValue": "\\N", "quote": ""})), (DAY,),
        {"comment": "my url", "kept": "1"},
    )  # fmt: skip
    assert notes == (
        "its owner (user ann) is left out: grants are Databricks's own",
        "that it is bucketed is left out: Spark spreads rows over buckets in another way than Hive",
        "its skewed columns are left out: Databricks knows none",
        "its retention (5) is left out: Databricks knows none",
        "its statistics are left out: ANALYZE TABLE makes them there",
        "Databricks reads empty texts of it as NULL",
        "parameter owner is left out: Databricks keeps that name for itself",
        "parameter avro.schema.url is left out: Databricks hides it, so that nobody could tell whether it is right",
        "parameter also is left out: Databricks hides it, so that nobody could tell whether it is right",
    )
    assert OLD(fitted) == (fitted, ())
    assert UNITY(fitted)[0].parameters["partitionMetadataEnabled"] == "true"
    assert "sorted" in OLD(replace(table, storage=replace(storage, bucket_columns=(), sort_columns=(("id", 1),))))[1][1]
    assert OLD(parquet(comment=""))[0].parameters == {}


def test_of_a_delta_table_the_place_alone_is_kept() -> None:
    storage = Storage((ID,), "s3://b/t-__PLACEHOLDER__", serde=Serde(LAZY, None, {"path": "s3://b/t"}))
    table = Table("d", "t", "managed", storage, (), {"spark.sql.sources.provider": "delta", "k": "v"})
    fitted, notes = OLD(table)
    assert fitted == Table("d", "t", "external", Storage((), "s3://b/t", serde=Serde("delta")))
    assert notes == ("its parameters and comments are those in the log of the Delta table",)
    assert (OLD(fitted), OLD.refuses(table), OLD.refuses(fitted)) == ((fitted, ()), "", "")
    assert "tells its partitions" in OLD.refuses(fitted, Partition(("1",), Storage()))


def test_what_is_left_out_of_databases_and_partitions_is_told() -> None:
    database = Database("D", "", "s3://b/d", "s3://b/m", {"a,b": "1", "c": "x),(y", "k": "v"}, Principal("ann"))
    fitted, notes = OLD(database)
    assert fitted == Database("d", None, parameters={"k": "v"})
    commented = replace(fitted, comment="c")
    assert OLD(commented) == (
        fitted, ("its comment is left out: the catalogue of Hive never changes that of a schema",),
    )  # fmt: skip
    assert UNITY(commented) == (commented, ())
    assert [note.split(" is left out")[0] for note in notes] == [
        "its owner (user ann)", "its location (s3://b/d)", "its location (s3://b/m)", "parameter a,b", "parameter c",
    ]  # fmt: skip
    assert OLD(fitted) == (fitted, ())
    partition, told = OLD(Partition(("1",), Storage((ID,), "file:/b/1", TEXT), {"k": "v", "numRows": "1"}))
    assert partition == Partition(("1",), Storage(location="file:///b/1"))
    assert told == ("parameters of partitions are left out (k): no statement of Databricks sets them",)
    assert OLD(Partition(("1",), Storage())) == (Partition(("1",), Storage()), ())


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (replace(parquet(), kind="view"), "a view's text"), (Table("d", "t", "external", Storage((ID,), "s3://b", "x.Y")), r"\(x.Y\)"),
        (Table("d", "t", "external", Storage(serde=PARQUET)), "no location"), (parquet(Column("u", "uniontype<int>")), "its column u"),
        (parquet(Column("a${b", "int")), "Spark would replace"), (text(LAZY, column=Column("m", "map<int,int>")), "reads no map from text"),
        (replace(parquet(Column("col", "array<string>")), parameters={"spark.sql.sources.provider": "json"}), "parameters alone"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_at_all_is_refused_with_the_reason(table: Table, why: str) -> None:
    assert re.search(why, OLD.refuses(table))
    assert OLD.refuses(parquet(by=(DAY,))) == ""


@pytest.mark.parametrize(
    ("value", "why"), [("1", ""), ("-1", ""), ("__HIVE_DEFAULT_PARTITION__", ""), ("01", "n=01 as n=1"), ("x", "n=x as n=NULL")]
)  # fmt: skip
def test_a_partition_whose_name_databricks_would_change_is_refused(value: str, why: str) -> None:
    told = OLD.refuses(parquet(by=(Column("n", "int"),)), Partition((value,), Storage()))
    assert told.endswith(why) if why else told == ""


def test_a_partition_of_another_format_is_refused() -> None:
    orc = Serde("org.apache.hadoop.hive.ql.io.orc.OrcSerde")
    assert "its files are orc" in OLD.refuses(parquet(by=(DAY,)), Partition(("x",), Storage(serde=orc)))


# ---- what Databricks answers


def test_a_table_is_read_from_json() -> None:
    told = {
        "type": "EXTERNAL", "provider": "PARQUET", "location": "file:/b/t", "comment": "c", "table_properties": {"k": "v"},
        "storage_properties": {"path": "x", "sep": ";"}, "partition_columns": ["day"],
        "columns": [{"name": "id", "type": {"name": "integer"}, "comment": "which"}, {"name": "day", "type": {"name": "date"}}],
    }  # fmt: skip
    assert read.table_from(json.dumps(told), "d", "t") == Table(
        "d", "t", "external", Storage((replace(ID, comment="which"),), "file:///b/t", serde=Serde("parquet", None, {"sep": ";"})), (DAY,),
        {"k": "v", "comment": "c"},
    )  # fmt: skip
    assert read.table_from('{"type": "VIEW"}', "d", "v") == Table("d", "v", "view", Storage())
    delta = read.table_from(json.dumps({**told, "provider": "delta"}), "d", "t")
    assert delta == Table("d", "t", "external", Storage((), "file:///b/t", serde=Serde("delta")))


def test_a_table_and_a_partition_are_read_from_rows() -> None:
    rows = [
        ("Type", "string", ""), ("", "", ""), ("# Detailed Table Information", "", ""), ("Type", "MANAGED", ""), ("Location", "file:/b/t", ""),
        ("Provider", "delta", ""), ("", None, None), ("# Storage Information", "", ""), ("Location", "other", ""),
    ]  # fmt: skip
    assert read.table_from_rows(rows, "d", "t") == Table(
        "d", "t", "managed", Storage((), "file:///b/t", serde=Serde("delta"))
    )
    assert read.table_from_rows([], "d", "t") == Table("d", "t", "external", Storage())
    assert (
        read.place_from([("# Detailed Partition Information", "", ""), ("Location", "file:/b/1", "")]) == "file:///b/1"
    )
    assert read.place_from(rows) is None


properties = st.dictionaries(st.text("ab(=) ", min_size=1, max_size=4), st.text("ab(,) ", max_size=6), max_size=4)


@given(parameters=properties)
def test_the_properties_of_a_schema_that_fit_are_read_back(parameters: dict[str, str]) -> None:
    (fitted, _) = OLD(Database("d", parameters=parameters))
    marked = {**fitted.parameters, **read.delta_mark(diff.marked(Table("d", "t", "external", Storage())))}
    shown = f"({', '.join(f'({name},{value})' for name, value in sorted(marked.items()))})"
    database, marks = read.schema_from("d", [("Comment", ""), ("Location", "x"), ("Properties", shown)])
    assert database == Database("d", None, "x", None, fitted.parameters)
    assert diff.is_ours(Table("d", "t", "external", Storage(), parameters=read.marks_from(marks["t"])))


def test_an_empty_mark_is_of_a_table_that_was_dropped() -> None:
    assert read.delta_mark(Table("d", "t", "external", Storage())) == {"livedata.delta.t": "/"}
    assert read.marks_from("/") == {}
    assert read.schema_from("d", []) == (Database("d"), {})


# ---- sending


class Answering:
    """A sender that answers by the beginning of a statement: rows, or an error."""

    name = "databricks://x"

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", " ").upper(): answer for name, answer in answers.items()}
        self.sent: list[str] = []
        self.closed = 0

    def run(self, statement: str) -> Sequence[Sequence[Any]]:
        self.sent.append(statement)
        found: Any = next((one for start, one in self.answers.items() if statement.startswith(start)), [])
        if callable(found):
            found = found(statement)
        if isinstance(found, Exception):
            raise found
        rows: Sequence[Sequence[Any]] = found
        return rows

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("[TABLE_OR_VIEW_ALREADY_EXISTS] x", ObjectExists), ("Error: [SCHEMA_ALREADY_EXISTS] x", ObjectExists),
        ("[TABLE_OR_VIEW_NOT_FOUND] x", ObjectMissing), ("[PARTITIONS_NOT_FOUND] x", ObjectMissing),
        ("[SCHEMA_NOT_FOUND] x", ObjectMissing), ("[PARSE_SYNTAX_ERROR] x", MetastoreRefused), ("out of luck", MetastoreRefused),
    ],
)  # fmt: skip
def test_a_message_says_what_it_means(message: str, kind: type[CatalogueError]) -> None:
    error = meaning(message, "SHOW X")
    assert (type(error), error.args[0], error.where["statement"]) == (kind, message, "SHOW X")


def test_what_got_no_answer_is_sent_again_and_calls_are_counted() -> None:
    sender = Answering(show=MetastoreUnreachable("gone"), drop=MetastoreRefused("[SCHEMA_NOT_FOUND] x"))
    client = DatabricksClient(sender, RetryPolicy(3, 0, 0))
    with pytest.raises(MetastoreUnreachable):
        client.rows("SHOW SCHEMAS IN `main`")
    with pytest.raises(ObjectMissing):
        client.change("DROP SCHEMA `x` RESTRICT")
    assert client.calls == {"show schemas": 3, "drop schema": 1}


def told(table: Table, **more: Any) -> list[tuple[str]]:
    columns = [
        {"name": one.name, "type": as_json(parsed(one.type))}
        for one in (*table.storage.columns, *table.partition_columns)
    ]
    by = [one.name for one in table.partition_columns]
    found = {
        "type": "EXTERNAL",
        "provider": "parquet",
        "location": table.storage.location,
        "table_properties": dict(table.parameters),
    }
    return [(json.dumps({**found, "columns": columns, "partition_columns": by, **more}),)]


def test_a_creation_that_was_repeated_is_no_failure_where_it_took_place() -> None:
    table, exists = diff.marked(OLD(parquet())[0]), MetastoreRefused("[TABLE_OR_VIEW_ALREADY_EXISTS] x")
    open_databricks(Answering(create_table=exists, describe=told(table))).create_table(table)
    with pytest.raises(ObjectExists):
        open_databricks(Answering(create_table=exists, describe=told(table, provider="orc"))).create_table(table)
    schema, taken = Database("d", parameters={"k": "v"}), MetastoreRefused("[SCHEMA_ALREADY_EXISTS] x")
    shown = [("Properties", "((k,v))")]
    open_databricks(Answering(create_schema=taken, describe=shown)).create_database(schema)
    with pytest.raises(ObjectExists):
        open_databricks(Answering(create_schema=taken, describe=[])).create_database(schema)


def test_what_is_gone_meanwhile_is_missing() -> None:
    gone = open_databricks(
        Answering(
            describe=MetastoreRefused("[TABLE_OR_VIEW_NOT_FOUND] x"), show=MetastoreRefused("[SCHEMA_NOT_FOUND] x")
        )
    )
    doings: tuple[Callable[[], None], ...] = (
        lambda: gone.alter_table(parquet()), lambda: gone.drop_table(parquet()), lambda: gone.alter_database(Database("d")),
    )  # fmt: skip
    for changing in doings:
        with pytest.raises(ObjectMissing, match="gone"):
            changing()
    assert (gone.table_names("d"), list(gone.tables("d", ["t"])), gone.database("d")) == ([], [], None)
    assert gone.partitions(parquet(by=(DAY,)), ["day=1"]) == {}
    assert gone.partition_names(parquet()) == []


def test_a_table_that_is_told_in_no_way_fails_with_databricks_own_words() -> None:
    def answer(statement: str) -> Any:
        return MetastoreRefused("no JSON") if statement.endswith("JSON") else []

    with pytest.raises(MetastoreRefused, match="no JSON"):
        list(open_databricks(Answering(describe=answer)).tables("d", ["t"]))


def test_one_partition_that_is_refused_is_named_and_the_others_are_added() -> None:
    def answer(statement: str) -> Any:
        return MetastoreRefused("no such day") if "'3'" in statement else []

    sender, table = Answering(alter=answer), parquet(by=(DAY,))
    partitions = [Partition((str(number),), Storage(location=f"s3://b/{number}")) for number in range(5)]
    catalogue = open_databricks(sender)
    for doing in (catalogue.add_partitions, catalogue.alter_partitions):
        with pytest.raises(PartitionsRefused) as failed:
            doing(table, partitions)
        assert failed.value.where["refused"] == {"day=3": "no such day"}
    catalogue.add_partitions(table, [])


def test_a_partition_whose_place_is_not_told_lies_at_the_usual_one() -> None:
    found = open_databricks(Answering(describe=[])).partitions(parquet(by=(DAY,)), ["day=1"])
    assert found["day=1"].storage.location == "s3://b/t/day=1"
    assert diff.is_ours(found["day=1"])


def test_what_databricks_lacks_is_refused() -> None:
    catalogue, function = open_databricks(Answering(), catalog="main"), Function("d", "f")
    catalogue.add_constraints(parquet(), [])
    doings: tuple[Callable[[], None], ...] = (
        lambda: catalogue.put_function(function), lambda: catalogue.drop_function(function), lambda: catalogue.drop_constraint(parquet(), "x"),
        lambda: catalogue.add_constraints(parquet(), [Constraint("unique", "u", ("id",))]), lambda: catalogue.put_statistics(parquet(), {}),
    )  # fmt: skip
    for asking in doings:
        with pytest.raises(MetastoreRefused):
            asking()
    assert (catalogue.functions(), catalogue.constraints(parquet()), catalogue.statistics(parquet(), [], None)) == (
        [],
        [],
        {},
    )
    assert (catalogue.calls(), catalogue.name) == ({}, "databricks://x, catalogue main")
    catalogue.close()


def test_in_unity_catalog_other_columns_make_the_table_anew() -> None:
    table = OLD(parquet())[0]
    catalogue = open_databricks(Answering(describe=told(table)), catalog="main")
    with pytest.raises(MetastoreRefused, match="made anew"):
        catalogue.alter_table(OLD(parquet(ID, DAY))[0])


def test_places_that_no_external_location_covers_are_named() -> None:
    rows = [("a", "s3://b/one/", ""), ("b", "abfss://c@a/x", "")]
    unity = open_databricks(Answering(show=rows), catalog="main")
    places = ["s3://b/one/t", "s3://b/one", "s3://b/onemore", "abfss://c@a/x/y", "s3://z"]
    assert unity.missing_places(places) == ["s3://b/onemore", "s3://z"]
    assert open_databricks(Answering()).missing_places(places) == []
    plan = CataloguePlan(tables=[TablePlan(parquet(), parquet(), action="create"), TablePlan(parquet(), parquet())])
    assert plan.places() == ["s3://b/t"]
    guard_places([])
    with pytest.raises(PlaceNotAllowed, match="s3://z"):
        guard_places(["s3://z"])


def test_a_schema_is_dropped_where_its_directory_is_the_catalogues_own() -> None:
    def answer(statement: str) -> Any:
        return [("Location", "dbfs:/w" if "`default`" in statement else places.pop())]

    places = ["s3://data/d", "dbfs:/w/d.db"]
    sender = Answering(describe=answer)
    catalogue = open_databricks(sender)
    catalogue.drop_database("d")
    with pytest.raises(MetastoreRefused, match="drop it by hand"):
        catalogue.drop_database("d")
    assert [one for one in sender.sent if one.startswith("DROP")] == ["DROP SCHEMA `hive_metastore`.`d` RESTRICT"]
