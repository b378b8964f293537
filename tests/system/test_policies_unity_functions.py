"""Functions of row filters and masks, made and asked by real Spark SQL: they show what the source's filter shows, and what the functions of real Hive leave.

Spark knows SQL functions, and neither row filters nor masks nor groups: a function of ours stands for the groups, and statements that set filters are read name by name.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import pytest

from airflow_provider_livedata.engine.clients.quoting import quoted_text
from airflow_provider_livedata.engine.errors import MetastoreRefused
from airflow_provider_livedata.engine.policies.guards import Around, Guard, Table, guarded
from airflow_provider_livedata.engine.policies.model import Grant, Policy, Values, Who, resource_of
from airflow_provider_livedata.engine.policies.permissions import Place
from airflow_provider_livedata.engine.policies.unity_functions import FunctionStatements, comment_of, function_of
from tests.services.py4j import quoted
from tests.services.spark_sql import SparkSql

SQL = FunctionStatements("spark_catalog", "default")
BI = Who(groups=("bi",))
ROWS = Place("default", "policy_rows")
TABLE = Table((("id", "bigint"), ("country", "string"), ("old", "boolean"), ("paid", "decimal(10,2)")))
FILTERS = [
    "country = 'EU'", "country <> 'EU'", "NOT country = 'EU' OR id > 2", "id IN (1, 2) AND country IS NOT NULL", "id NOT IN (1, -2)", "old", "NOT old",
    "id BETWEEN 1 AND 2 OR country IS NULL", "paid >= 2", "1 = 0", "true", "country < 'F' AND NOT (id = 1 OR old)",
]  # fmt: skip
TEXTS = [
    None,
    "",
    "a",
    "1234",
    "Ab-12 Zz",
    "12345678901234",
    "ÄÖü ß 42",
    "9876é",
    "日本語123456",
    "😀12345678",
    "12345678😀",
    "a\nB 3456",
]


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSql]:
    with SparkSql() as started:
        for known in ("is_account_group_member", "is_member"):
            started.run(f"CREATE FUNCTION {known}(name STRING) RETURNS BOOLEAN RETURN name = 'bi'")
        started.run(
            "CREATE TABLE policy_rows (id BIGINT, country STRING, old BOOLEAN, paid DECIMAL(10,2)) USING parquet"
        )
        values = itertools.product(
            ["1", "2", "3", "NULL"], ["'EU'", "'US'", "''", "NULL"], ["true", "false", "NULL"], ["1.5", "2", "NULL"]
        )
        joined = ", ".join("(" + ", ".join(one) + ")" for one in values)
        started.run(f"INSERT INTO policy_rows VALUES {joined}")
        yield started


def made(spark: SparkSql, *policies: Policy, table: Table = TABLE, place: Place = ROWS) -> Guard:
    found = guarded(policies, {place: table}, Around("session_user()", frozenset({"bi", "ops"})))
    assert found.notes() == []
    (guard,) = found.guards
    spark.run(SQL.make(guard, "s"))
    return guard


def rows(text: str, who: Who = BI) -> Policy:
    on = resource_of({"database": Values(("default",)), "table": Values(("policy_rows",))})
    return Policy("p", "row filter", (on,), allow=(Grant(who, ("select",), row_filter=text),))


def count(spark: SparkSql, where: str) -> list[tuple[object, ...]]:
    return sorted(map(tuple, spark.run(f"SELECT * FROM policy_rows WHERE {where}")), key=repr)


def test_a_filters_function_shows_the_rows_of_the_sources_text(spark: SparkSql) -> None:
    for text in FILTERS:
        guard = made(spark, rows(text))
        asked = f"default.{guard.function('s')}({', '.join(name for name, _ in guard.uses)})"
        assert count(spark, asked) == count(spark, text), text
    assert 0 < len(count(spark, "country = 'EU'")) < len(count(spark, "true"))


def test_who_is_in_no_line_sees_all_and_who_is_one_of_the_users_what_is_theirs(spark: SparkSql) -> None:
    me = str(spark.run("SELECT session_user()")[0][0])
    for who, text, same in (
        (Who(groups=("ops",)), "id = 1", "true"), (Who(users=(me.upper(),)), "id = 1", "id = 1"), (Who(users=("zoe",)), "id = 1", "true"),
        (Who(groups=("public",)), "id = 1", "id = 1"), (BI, "country = current_user()", "false"),
    ):  # fmt: skip
        guard = made(spark, rows(text, who))
        asked = f"default.{guard.function('s')}({', '.join(name for name, _ in guard.uses)})"
        assert count(spark, asked) == count(spark, same), who


@pytest.mark.parametrize(
    ("kind", "function", "arguments"),
    [
        ("MASK", "GenericUDFMask", ""), ("MASK_SHOW_LAST_4", "GenericUDFMaskShowLastN", ", 4, 'x', 'x', 'x', -1, '1'"),
        ("MASK_SHOW_FIRST_4", "GenericUDFMaskShowFirstN", ", 4, 'x', 'x', 'x', -1, '1'"),
    ],
)  # fmt: skip
def test_a_mask_leaves_what_the_function_of_hive_leaves(
    spark: SparkSql, kind: str, function: str, arguments: str
) -> None:
    spark.run(f"CREATE OR REPLACE TEMPORARY FUNCTION of_hive AS 'org.apache.hadoop.hive.ql.udf.generic.{function}'")
    guard = mask(spark, kind)
    for text in TEXTS:
        value = "CAST(NULL AS STRING)" if text is None else quoted_text(text)
        ((ours, hives),) = spark.run(
            f"SELECT default.{guard.function('s')}({value}) AS a, of_hive({value}{arguments}) AS b"
        )
        if text is not None and any(ord(letter) > 0xFFFF for letter in text) and kind != "MASK":
            assert not any(letter.isdigit() for letter in str(ours)), text  # of these nothing is shown
        else:
            assert ours == hives, text


def test_other_masks_say_what_they_are_said_to(spark: SparkSql) -> None:
    for kind, expression, left in (
        ("MASK_NULL", "", None), ("MASK_NONE", "", "it's"), ("CUSTOM", "'***'", "***"), ("CUSTOM", "NULL", None),
        ("MASK_HASH", "", hashlib.sha256(b"it's").hexdigest()),
    ):  # fmt: skip
        guard = mask(spark, kind, expression)
        value = quoted_text("it's")
        assert spark.run(f"SELECT default.{guard.function('s')}({value}) AS a")[0][0] == left


def mask(spark: SparkSql, kind: str, expression: str = "") -> Guard:
    on = resource_of({"database": Values(("default",)), "table": Values(("t",)), "column": Values(("c",))})
    policy = Policy("p", "mask", (on,), allow=(Grant(BI, ("select",), mask=kind, mask_expression=expression),))
    return made(spark, policy, table=Table((("c", "string"),)), place=Place("default", "t"))


def test_a_comment_comes_back_as_it_was_written_and_tells_whose_a_function_is(spark: SparkSql) -> None:
    guard = made(spark, rows("country = 'EU'"))
    for sync in ("s", "it's \\ ${x} \n ü"):
        comment = comment_of(guard, sync)
        assert f" COMMENT {quoted_text(comment)} RETURN " in SQL.make(guard, sync)
        found = function_of(spark.run(f"SELECT {quoted_text(comment)} AS told")[0][0], guard.body)
        assert found is not None
        assert (found.sync, found.guard) == (sync, guard)
    assert function_of(None, "TRUE") is None
    assert function_of('{"livedata": "s"}', "TRUE") is None


def test_every_name_in_a_statement_of_filters_is_one_name(spark: SparkSql) -> None:
    parser = spark.gateway.call(spark.gateway.call(spark._session, "sessionState"), "sqlParser")

    def parsed(names: str) -> str:
        found = spark.gateway.call(parser, "parseMultipartIdentifier", quoted(names))
        return spark.gateway.call(found, "mkString", quoted("|"))

    for name in ("with `quote`", "a; DROP TABLE b --", "ünïcode 表", "dot.dot", "' or ''"):
        sql = FunctionStatements(f"c {name}", f"f {name}")
        rows_of = Guard(Place(f"s {name}", f"t {name}"), ((f"k {name}", "string"),), "c0 = 'x'")
        mask_of = Guard(Place(f"s {name}", f"t {name}", f"k {name}"), ((f"k {name}", "string"),), "c0")
        head, _, column = sql.set(rows_of, "s").removeprefix("ALTER TABLE ").partition(" ON (")
        table, _, function = head.partition(" SET ROW FILTER ")
        assert (parsed(table), parsed(column[:-1])) == (f"c {name}|s {name}|t {name}", f"k {name}")
        assert parsed(function) == f"c {name}|f {name}|{rows_of.function('s')}"
        head, _, function = sql.set(mask_of, "s").removeprefix("ALTER TABLE ").partition(" SET MASK ")
        assert parsed(head.partition(" ALTER COLUMN ")[2]) == f"k {name}"
        assert parsed(function) == f"c {name}|f {name}|{mask_of.function('s')}"
        assert parsed(sql.drop("x").removeprefix("DROP FUNCTION IF EXISTS ")) == f"c {name}|f {name}|x"
        for statement in (
            sql.set(rows_of, "s"),
            sql.set(mask_of, "s"),
            sql.unset(rows_of.place),
            sql.unset(mask_of.place),
        ):
            with pytest.raises(MetastoreRefused):  # no Spark but that of Databricks has these
                spark.run(statement)
