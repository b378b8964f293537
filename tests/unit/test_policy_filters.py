"""Row filters of Hive in other words: the same rows, NULLs included, or nothing at all."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.policies.filter_expressions import Unsayable, columns_of, parsed
from airflow_provider_livedata.engine.policies.filter_texts import Words, kind_of, written
from airflow_provider_livedata.engine.policies.guards import me_of
from airflow_provider_livedata.engine.policies.masks import masked
from airflow_provider_livedata.engine.policies.model import Grant, Who

TYPES = {
    "country": "string",
    "region": "varchar(8)",
    "id": "bigint",
    "paid": "decimal(10,2)",
    "old": "boolean",
    "at": "date",
}
WORDS = Words(lambda text: "'" + text.replace("'", "''") + "'", lambda name: f"c_{name}", me="me()")
LAKE = Words(
    WORDS.text,
    lambda name: name,
    compares_columns=False,
    compares_constants=False,
    tells_missing=lambda name: name != "region",
)


def said(text: str, words: Words = WORDS) -> str:
    return written(parsed(text), TYPES, words)


@pytest.mark.parametrize(
    ("text", "said_there"),
    [
        ("country = 'EU'", "(c_country = 'EU')"),
        ('COUNTRY == "it\'s"', "(c_country = 'it''s')"),
        ("`id` != -07", "(c_id <> -7)"),
        ("5<=id", "(5 <= c_id)"),
        ("old", "(c_old = TRUE)"),
        ("not old and id > 1 or true", "(((NOT (c_old = TRUE)) AND (c_id > 1)) OR (1 = 1))"),
        ("false", "(1 = 0)"),
        ("1=0", "(1 = 0)"),
        ("country in ('a','b')", "(c_country IN ('a', 'b'))"),
        ("paid not in (1)", "(NOT (c_paid IN (1)))"),
        ("at is null", "(c_at IS NULL)"),
        ("region IS NOT NULL", "(NOT (c_region IS NULL))"),
        ("id between 1 and 3", "((c_id >= 1) AND (c_id <= 3))"),
        ("id not between 1 and 3", "(NOT ((c_id >= 1) AND (c_id <= 3)))"),
        ("country = region", "(c_country = c_region)"),
        ("(country = current_user())", "(c_country = me())"),
        ("country = 'x' AND current_user() = region", "((c_country = 'x') AND (me() = c_region))"),
        ("not not id = 1", "(NOT (NOT (c_id = 1)))"),
    ],
)
def test_what_the_grammar_knows_is_said(text: str, said_there: str) -> None:
    assert said(text) == said_there


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "country", "country =", "country = 'a", "country = 'a\\'b'", "country = 'a''b'", "country = 'a' 'b'", "id = 1.5", "id = 1L",
        "id = 1e3", "id = '1'", "country = 1", "at = '2020-01-01'", "at < 5", "nothing = 1", "nothing is null", "upper(country) = 'A'",
        "country like 'a%'", "country rlike 'a'", "not in (1)", "id not 5", "id not like 'x'", "id in ()", "id in (1, null)", "id in (1", "id in (1, 'a')",
        "id is 5", "id = null", "id <=> 1", "id = 1; drop table x", "id = 1 -- more", "t.id = 1", "id = {x}", "${{USER.name}} = country",
        "country = current_user", "country <> current_user()", "not country = current_user()", "'a' = current_user()", "id = current_user()",
        "current_user() = current_user()", "current_date = 1", "id = 1 and", "id = 1 id = 2", "(id = 1", "id = 1)", "id between 1", "id between 1 and a",
        "exists (select 1)", "id = 1234567890123456789", "id = -", "5", "'a'", "'a' in ('a')", "id = 1 = 2", "= 1", "id = 1 is null", "paid = 1.0", "old > 1",
    ],
)  # fmt: skip
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(Unsayable):
        said(text)


def test_what_an_engine_does_not_know_is_refused_there_alone() -> None:
    assert said("country = 'EU' AND id IS NULL", LAKE) == "((country = 'EU') AND (id IS NULL))"
    for text in ("country = region", "true", "1 = 1", "region is null", "country = current_user()"):
        with pytest.raises(Unsayable):
            said(text, LAKE)


def test_a_filter_knows_what_it_reads() -> None:
    text = "Country in ('a') and not (id is null or 1 = 1) or true or region = current_user()"
    assert columns_of(parsed(text)) == {"country", "id", "region"}


@pytest.mark.parametrize(
    ("type_", "kind"),
    [("STRING", "text"), ("varchar(5)", "text"), ("char(5)", ""), ("INT", "whole"), ("decimal(10,2)", "whole"), ("double", ""), ("string collate utf8_lcase", "")],
)  # fmt: skip
def test_literals_are_compared_with_columns_of_their_kind_alone(type_: str, kind: str) -> None:
    assert kind_of(type_) == kind


# ---- the same rows, in a database that evaluates both

TEXTS = st.sampled_from(["'EU'", "'it''s'", "''", "'x y'"])
COMPARISONS = st.sampled_from(["=", "==", "<>", "!=", "<", "<=", ">", ">="])
WHOLES = st.integers(-3, 3).map(str)
ATOMS = st.one_of(
    st.tuples(st.sampled_from(["country", "region"]), COMPARISONS, TEXTS.filter(lambda text: "''s" not in text)).map(" ".join),
    st.tuples(st.sampled_from(["id", "paid"]), COMPARISONS, WHOLES).map(" ".join),
    st.tuples(WHOLES, COMPARISONS, st.just("id")).map(" ".join),
    st.sampled_from(["old", "old = false", "true", "false", "1=1", "1=0", "country < region", "id IS NULL", "country is not null"]),
    st.builds(lambda column, word, values: f"{column}{word}({', '.join(values)})", st.just("id "), st.sampled_from(["in ", "not in "]), st.lists(WHOLES, min_size=1, max_size=3)),
    st.builds("id {}between {} and {}".format, st.sampled_from(["", "not "]), WHOLES, WHOLES),
)  # fmt: skip
FILTERS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("({})".format), inner.map("not {}".format), st.tuples(inner, st.sampled_from(["and", "AND", "or", "OR"]), inner).map(" ".join)
    ),
    max_leaves=6,
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, "EU", "", "US"]), st.sampled_from([None, "EU", "x y"]), st.one_of(st.none(), st.integers(-3, 3)),
        st.one_of(st.none(), st.integers(-3, 3)), st.sampled_from([None, 0, 1]),
    ), max_size=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FILTERS, ROWS)
def test_the_same_rows_are_shown_nulls_included(text: str, rows: list[Any]) -> None:
    there = re.sub(r"c_(\w+)", r"\1", said(text))
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE t (country TEXT, region TEXT, id INT, paid INT, old INT)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
        shown = [db.execute(f"SELECT rowid FROM t WHERE {one}").fetchall() for one in (text, there)]
    assert shown[0] == shown[1], there


# ---- who asks, and masks


def test_who_asks_is_turned_back_into_the_name_at_the_source() -> None:
    assert me_of({}) == "session_user()"
    assert (
        me_of({"o'ann": "Ann@X.org", "bob": "b"})
        == "CASE lower(session_user()) WHEN 'b' THEN 'bob' WHEN 'ann@x.org' THEN 'o\\'ann' END"
    )
    assert me_of({"*": "*@x.org"}) == ""
    assert me_of({"a": "x", "b": "X"}) == ""


def line(mask: str, expression: str = "", condition: str = "") -> Grant:
    return Grant(Who(users=("ann",)), ("select",), mask=mask, mask_expression=expression, mask_condition=condition)


def test_masks_of_texts_are_said_and_of_other_types_null_alone() -> None:
    assert masked(line("MASK"), "string") == "mask(c0, 'X', 'x', 'n', NULL)"
    assert masked(line("MASK_HASH"), "string") == "sha2(c0, 256)"
    assert "right(c0, 4)" in masked(line("MASK_SHOW_LAST_4"), "string")
    assert "left(c0, 4)" in masked(line("MASK_SHOW_FIRST_4"), "string")
    assert masked(line("MASK_NONE"), "decimal(10,2)") == "c0"
    assert masked(line("MASK_NULL"), "decimal(10,2)") == "CAST(NULL AS decimal(10,2))"
    assert masked(line("CUSTOM", " null "), "int") == "CAST(NULL AS int)"
    assert masked(line("CUSTOM", "'***'"), "string") == "'***'"


@pytest.mark.parametrize(
    ("one", "type_"),
    [
        (line("MASK"), "int"), (line("MASK_HASH"), "varchar(5)"), (line("CUSTOM", "'x'"), "int"), (line("CUSTOM", "upper({col})"), "string"),
        (line("CUSTOM", "'a\\'"), "string"), (line("MASK_DATE_SHOW_YEAR"), "string"), (line("MASK_NULL", condition="a = 1"), "string"),
        (line("MASK_NULL"), "struct<a:int>"), (line(""), "string"),
    ],
)  # fmt: skip
def test_a_mask_without_an_exact_counterpart_is_refused(one: Grant, type_: str) -> None:
    with pytest.raises(Unsayable):
        masked(one, type_)
