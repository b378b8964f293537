"""What changes at the source after a sync, what others change at the target, and syncs that are disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.errors import (
    MetastoreUnreachable,
    RunFailed,
    SourceEmpty,
    TargetTouched,
    TooManyDeletes,
)
from airflow_provider_livedata.engine.metastore.convert import to_table
from airflow_provider_livedata.engine.metastore.hive import HiveCatalogue
from airflow_provider_livedata.engine.metastore.hive_client import HiveAccess
from airflow_provider_livedata.engine.metastore.model import Column, Table
from tests.services.hive import Metastore
from tests.system.catalogue_common import DAY, ID, NAME, Pair, pair_of

DAYS = ("2024-01-01", "2024-01-02", "2024-01-03")
BY = pytest.mark.parametrize("find_by", ["auto", "full"])


@pytest.fixture
def pair(metastore: Metastore, other_metastore: Metastore, tmp_path: Path) -> Iterator[Pair]:
    """Two metastores with three tables that were synced."""
    for one in pair_of(metastore.uri, other_metastore.uri, tmp_path):
        for name in ("first", "second"):
            one.create(name)
        one.create("by_day", days=DAYS)
        one.sync()
        yield one


@BY
def test_a_column_that_was_added_and_a_type_that_was_widened_follow(pair: Pair, find_by: str) -> None:
    table = pair.found("first", at="source")
    assert table is not None
    pair.source.alter_table(replace(table, storage=replace(table.storage, columns=(ID, NAME, Column("n", "int")))))
    assert pair.sync(find_by=find_by).done == {"altered tables": 1}
    changed = (ID, NAME, Column("n", "bigint", "wider"))
    pair.source.alter_table(replace(table, storage=replace(table.storage, columns=changed)))
    assert pair.sync(find_by=find_by).done == {"altered tables": 1}
    found = pair.found("first")
    assert found is not None
    assert found.storage.columns == changed


@BY
def test_a_table_that_was_made_anew_with_another_layout_is_made_anew(pair: Pair, find_by: str) -> None:
    table = pair.found("by_day", at="source")
    assert table is not None
    pair.source.drop_table(table)
    anew = replace(
        table, storage=replace(table.storage, columns=(NAME,)), partition_columns=(Column("hour", "int"), DAY)
    )
    pair.source.create_table(anew)
    pair.source.add_partitions(anew, [pair.partition(anew, "7", "2024-05-05", at="h7")])
    pair.sync(find_by=find_by)
    found = pair.found("by_day")
    assert found is not None
    assert (found.storage.columns, [one.name for one in found.partition_columns]) == ((NAME,), ["hour", "day"])
    assert set(pair.partitions("by_day")) == {"hour=7/day=2024-05-05"}


@BY
def test_columns_in_an_order_that_the_server_refuses_to_alter_make_the_table_anew(pair: Pair, find_by: str) -> None:
    table = pair.found("by_day", at="source")
    assert table is not None
    pair.source.drop_table(table)
    anew = replace(table, storage=replace(table.storage, columns=(Column("id", "string"), Column("name", "bigint"))))
    pair.source.create_table(anew)
    pair.source.add_partitions(anew, [pair.partition(anew, DAYS[0])])
    assert pair.sync(find_by=find_by, max_delete_ratio=1).done["made anew tables"] == 1
    found = pair.found("by_day")
    assert found is not None
    assert [one.type for one in found.storage.columns] == ["string", "bigint"]
    assert set(pair.partitions("by_day")) == {f"day={DAYS[0]}"}


@BY
def test_partitions_that_were_re_pointed_added_and_dropped_follow(pair: Pair, find_by: str) -> None:
    table = pair.found("by_day", at="source")
    assert table is not None
    moved = pair.partition(table, DAYS[0], at="elsewhere")
    pair.source.alter_partitions(table, [moved])
    pair.source.add_partitions(table, [pair.partition(table, "2024-02-01")])
    pair.source.drop_partitions(table, [f"day={DAYS[1]}"])
    report = pair.sync(find_by=find_by)
    assert report.done == {"added partitions": 1, "altered partitions": 1, "dropped partitions": 1}
    partitions = pair.partitions("by_day")
    assert set(partitions) == {f"day={DAYS[0]}", f"day={DAYS[2]}", "day=2024-02-01"}
    assert partitions[f"day={DAYS[0]}"].storage.location == f"file:{pair.here}/by_day/elsewhere"


@BY
def test_a_renamed_table_is_found_under_its_new_name_alone(pair: Pair, find_by: str) -> None:
    table = pair.found("by_day", at="source")
    assert table is not None
    daily = replace(table, name="daily", kind="external", parameters={"EXTERNAL": "TRUE"})
    pair.source._client.call("alter_table", pair.database, "by_day", to_table(daily))
    pair.sync(find_by=find_by)
    assert sorted(pair.target.table_names(pair.database)) == ["daily", "first", "second"]
    assert len(pair.partitions("daily")) == 3


@BY
def test_no_drop_of_any_kind_touches_a_file(pair: Pair, find_by: str) -> None:
    for file in list(pair.files()):
        copied = Path(pair.root, file.replace("source/", "target/", 1))
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(b"data")
    before = pair.files()
    table, first = pair.found("by_day", at="source"), pair.found("first", at="source")
    assert table is not None
    assert first is not None
    pair.source.drop_partitions(table, [f"day={DAYS[0]}"])
    pair.source.drop_table(first)
    assert pair.sync(find_by=find_by).done == {"dropped partitions": 1, "dropped tables": 1}
    assert pair.files() == before
    pair.source._client.call("drop_database", pair.database, False, True)  # with CASCADE
    report = pair.sync(find_by=find_by, max_delete_ratio=1)
    assert report.done == {"dropped databases": 1, "dropped tables": 2}
    assert pair.target.database(pair.database) is None
    assert pair.files() == before


def test_what_is_gone_at_the_source_stays_where_deletes_are_to_be_kept(pair: Pair) -> None:
    table = pair.found("first", at="source")
    assert table is not None
    pair.source.drop_table(table)
    report = pair.sync(deletes="keep")
    assert report.planned == {}
    assert any("deletes='keep'" in one for one in report.notes)
    assert pair.found("first") is not None


def test_more_deletes_than_allowed_stop_the_run_before_anything_is_changed(pair: Pair) -> None:
    for name in ("first", "second"):
        table = pair.found(name, at="source")
        assert table is not None
        pair.source.drop_table(table)
    pair.create("third")
    with pytest.raises(TooManyDeletes, match="2 of 3 tables"):
        pair.sync()
    with pytest.raises(TooManyDeletes, match="2 of 3 tables"):
        pair.sync(find_by="full")
    assert pair.found("third") is None
    assert pair.sync(max_delete_ratio=0.7).done == {"created tables": 1, "dropped tables": 2}


def test_a_source_that_lost_everything_stops_the_run(pair: Pair) -> None:
    pair.source._client.call("drop_database", pair.database, False, True)
    with pytest.raises(SourceEmpty, match="max_delete_ratio=1"):
        pair.sync(find_by="full", max_delete_ratio=0.99)


@pytest.mark.parametrize("choice", ["fail", "keep", "overwrite"])
def test_what_somebody_changed_at_the_target_is_told_and_handled_as_chosen(pair: Pair, choice: str) -> None:
    table, partitions = pair.found("first"), pair.partitions("by_day")
    by_day = pair.found("by_day")
    assert table is not None
    assert by_day is not None
    theirs = replace(table, parameters={**table.parameters, "theirs": "yes"})
    pair.target.alter_table(theirs)
    day = partitions[f"day={DAYS[0]}"]
    pair.target.alter_partitions(by_day, [replace(day, parameters={**day.parameters, "theirs": "yes"})])
    told = [f"{pair.database}.by_day/day={DAYS[0]}", f"{pair.database}.first"]
    if choice == "fail":
        with pytest.raises(TargetTouched, match="changed_at_target"):
            pair.sync(find_by="full")
        assert pair.found("first") == theirs
        return
    report = pair.sync(find_by="full", changed_at_target=choice)
    assert report.touched == told
    found = pair.found("first")
    assert found is not None
    is_theirs = (found.parameters.get("theirs"), pair.partitions("by_day")[f"day={DAYS[0]}"].parameters.get("theirs"))
    assert is_theirs == (("yes", "yes") if choice == "keep" else (None, None))


def test_objects_of_others_at_the_target_are_told_and_stay(pair: Pair) -> None:
    mine = pair.found("first")
    by_day = pair.found("by_day")
    assert mine is not None
    assert by_day is not None
    pair.target.create_table(
        replace(mine, name="theirs")
    )  # as CREATE TABLE LIKE does: with our marks, which are another name's
    pair.target.create_table(replace(mine, name="other", parameters={"EXTERNAL": "TRUE"}))
    pair.target.add_partitions(by_day, [pair.partition(by_day, "1999-01-01")])
    report = pair.sync(find_by="full", changed_at_target="keep")
    assert f"{pair.database}.other" in report.foreign
    assert f"{pair.database}.by_day/day=1999-01-01" in report.foreign
    assert report.done == {}
    assert {"theirs", "other"} <= set(pair.target.table_names(pair.database))


def test_one_table_that_the_target_refuses_does_not_stop_the_others_and_fails_the_run_at_its_end(pair: Pair) -> None:
    for name in ("bad", "good"):
        pair.create(name)
    locations = {f"file:{pair.root}/source": f"file:{pair.root}/target"}
    unknown = {f"file:{pair.there}/bad": "s3a://nowhere/bad"}  # of a scheme that this server has no file system for
    with pytest.raises(RunFailed, match="bad") as failed:
        pair.sync(find_by="full", locations=locations | unknown)
    assert failed.value.report.done == {"created tables": 1}
    assert failed.value.report.failures[0].startswith(f"{pair.database}.bad: ")
    assert (pair.found("good") is None, pair.found("bad")) == (False, None)
    with pytest.raises(RunFailed, match="bad"):  # what failed is tried again, though the log says nothing more of it
        pair.sync(locations=locations | unknown)
    assert pair.sync(locations=locations).done == {"created tables": 1}


def test_a_target_that_dies_in_the_middle_is_ended_right_by_the_next_run(
    pair: Pair, other_metastore: Metastore
) -> None:
    for number in range(6):
        pair.create(f"more_{number}", days=DAYS)
    with pytest.raises(MetastoreUnreachable):
        pair.sync(target=_Dying(other_metastore))
    other_metastore.start()
    assert len(pair.target.table_names(pair.database)) == 6
    pair.sync()
    assert sorted(pair.target.table_names(pair.database)) == sorted(pair.source.table_names(pair.database))
    assert all(len(pair.partitions(f"more_{number}")) == 3 for number in range(6))
    assert pair.sync(find_by="full").planned == {}


class _Dying(HiveCatalogue):
    """A target whose server is killed at the fourth table."""

    def __init__(self, server: Metastore) -> None:
        super().__init__(HiveAccess((server.uri,)))
        self.server, self.left = server, 3

    def create_table(self, table: Table) -> None:
        if not self.left:
            self.server.kill()
        self.left -= 1
        super().create_table(table)
