"""Syncs of catalogues that break at every single call that changes the target, before it or after it; the next one ends right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import CatalogueReport, SyncOptions, sync_catalogue
from airflow_provider_livedata.engine.errors import MetastoreRefused, MetastoreUnreachable, ObjectMissing, RunFailed
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    ColumnStatistics,
    Constraint,
    Database,
    Function,
    Partition,
    Storage,
    Table,
)
from tests.crash.memory_catalogue import MemoryCatalogue, healthy

ID, DAY = Column("id", "int"), Column("day", "date")
HINT = {"COLUMN_STATS_ACCURATE": '{"COLUMN_STATS":{"id":"true"}}'}
STATISTICS = (ColumnStatistics("id", "int", "long", {"numNulls": 0}),)
CALLS = 22  # more than any of the syncs below makes


def table(
    name: str,
    *,
    by: tuple[Column, ...] = (),
    columns: tuple[Column, ...] = (ID,),
    parameters: dict[str, str] | None = None,
) -> Table:
    return Table("d", name, "managed", Storage(columns, f"hdfs://nn/d/{name}"), by, parameters or {})


def day(number: int, **parameters: str) -> Partition:
    return Partition((f"2024-01-0{number}",), Storage((ID,), f"hdfs://nn/d/days/{number}"), parameters)


def begun() -> MemoryCatalogue:
    source = MemoryCatalogue("source")
    source.create_database(Database("d", location="hdfs://nn/d"))
    for one in (table("parent"), table("child", parameters=HINT), table("days", by=(DAY,)), table("old")):
        source.create_table(one)
    source.add_partitions(table("days", by=(DAY,)), [day(1), day(2, **HINT)])
    source.add_constraints(table("parent"), [Constraint("primary key", "pk", ("id",))])
    source.add_constraints(table("child"), [Constraint("foreign key", "fk", ("id",), ("d", "parent", ("id",)))])
    source.put_statistics(table("child"), {None: STATISTICS})
    source.put_statistics(table("days", by=(DAY,)), {"day=2024-01-02": STATISTICS})
    source.put_function(Function("d", "f", "a.B"))
    return source


def changed(source: MemoryCatalogue) -> None:
    days = table("days", by=(DAY,))
    source.drop_table(table("old"))
    source.alter_table(table("child", columns=(ID, Column("n", "int")), parameters=HINT))
    source.drop_partitions(days, ["day=2024-01-01"])
    source.add_partitions(days, [day(3)])
    source.alter_partitions(days, [replace(day(2, **HINT), parameters={**HINT, "new": "1"})])
    source.drop_table(table("parent"))
    source.create_table(table("parent", by=(DAY,)))
    source.drop_function(Function("d", "f"))
    source.create_database(Database("d2"))


def sync(source: MemoryCatalogue, target: MemoryCatalogue, state: Path, **options: object) -> CatalogueReport:
    given = SyncOptions(locations={"hdfs://nn": "s3a://lake"}, compare_every_h=0, **options)  # type: ignore[arg-type]
    return sync_catalogue(source, target, given, state=f"file://{state}")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object]:
    """What an undisturbed target holds after the first sync and after the second."""
    source, target, state = begun(), MemoryCatalogue("target"), tmp_path_factory.mktemp("state")
    sync(source, target, state)
    first = repr(target.contents())
    kept = {("d", "child", None): STATISTICS, ("d", "days", "day=2024-01-02"): STATISTICS}
    assert target.all_statistics == kept
    assert {key: list(found) for key, found in target.all_constraints.items()} == {
        ("d", "parent"): ["pk"],
        ("d", "child"): ["fk"],
    }
    changed(source)
    sync(source, target, state, max_delete_ratio=1.0)
    assert target.changed < CALLS + 20
    return first, _sorted(target)


@pytest.mark.parametrize("breaks_after", [False, True])
@pytest.mark.parametrize("call", range(1, CALLS))
@pytest.mark.parametrize("find_by", ["auto", "full"])
def test_whatever_call_breaks_the_next_sync_makes_the_target_what_it_should_be(
    call: int, breaks_after: bool, find_by: str, tmp_path: Path, expected: tuple[object, object]
) -> None:
    source, target = begun(), MemoryCatalogue("target")
    sync(source, target, tmp_path)
    changed(source)
    broken = replace(target, breaks_at=target.changed + call, breaks_after=breaks_after)
    try:
        sync(source, broken, tmp_path, max_delete_ratio=1.0, find_by=find_by)
    except MetastoreUnreachable:
        sync(source, healthy(broken), tmp_path, max_delete_ratio=1.0, find_by=find_by)
    assert _sorted(broken) == expected[1]


@pytest.mark.parametrize("breaks_after", [False, True])
@pytest.mark.parametrize("call", range(1, CALLS))
def test_whatever_call_of_the_first_sync_breaks_the_next_one_brings_the_rest(
    call: int, breaks_after: bool, tmp_path: Path
) -> None:
    source, whole, target = (
        begun(),
        MemoryCatalogue("target"),
        MemoryCatalogue("target", breaks_at=call, breaks_after=breaks_after),
    )
    sync(source, whole, tmp_path / "whole")
    try:
        sync(source, target, tmp_path / "state")
    except MetastoreUnreachable:
        sync(source, healthy(target), tmp_path / "state")
    assert _sorted(target) == _sorted(whole)


class _WithoutFunctions(MemoryCatalogue):
    def put_function(self, function: Function) -> None:
        raise ObjectMissing("functions are refused here")


def test_a_failure_that_is_no_tables_has_the_next_sync_compare_everything(tmp_path: Path) -> None:
    source, target = begun(), _WithoutFunctions("target")
    with pytest.raises(RunFailed, match="function d.f"):
        sync(source, target, tmp_path)
    mended = MemoryCatalogue(
        "target", databases=target.databases, all_tables=target.all_tables, all_partitions=target.all_partitions
    )
    report = sync(source, mended, tmp_path)
    assert (report.found_by, report.done["created functions"]) == (
        "comparing everything: the source tells no changes",
        1,
    )


def test_a_foreign_key_whose_parent_takes_no_part_fails_and_is_named_and_the_rest_arrives(tmp_path: Path) -> None:
    source, target = begun(), MemoryCatalogue("target")
    with pytest.raises(RunFailed, match="foreign key fk"):
        sync(source, target, tmp_path, exclude=("d.parent",))
    assert set(target.table_names("d")) == {"child", "days", "old"}


def _sorted(catalogue: MemoryCatalogue) -> list[str]:
    found = catalogue.contents()
    return [repr(sorted(one.items(), key=repr)) if isinstance(one, dict) else repr(one) for one in map(_flat, found)]


def _flat(found: object) -> object:
    if not isinstance(found, dict):
        return found
    return {key: sorted(value.items()) if isinstance(value, dict) else value for key, value in found.items()}


class RefusesAlter(MemoryCatalogue):
    """As a server refuses columns of types that do not go with those before."""

    def alter_table(self, table: Table) -> None:
        if table.storage.columns != self.all_tables[table.database, table.name].storage.columns:
            raise MetastoreRefused("incompatible types")
        super().alter_table(table)


def test_a_table_that_is_made_anew_has_its_constraints_and_no_partition_that_has_to_wait(tmp_path: Path) -> None:
    source, target = begun(), RefusesAlter("target")
    sync(source, target, tmp_path)
    for name, by in (("days", (DAY,)), ("parent", ())):
        source.alter_table(table(name, by=by, columns=(ID, Column("n", "int"))))
    up_to = source.position()
    source.add_partitions(table("days", by=(DAY,)), [day(3)])
    report = sync(source, target, tmp_path, up_to=up_to)
    assert report.done["made anew tables"] == 2
    assert sorted(target.all_partitions["d", "days"]) == ["day=2024-01-01", "day=2024-01-02"]
    assert any("2024-01-03" in one for one in report.waiting)
    assert list(target.all_constraints["d", "parent"]) == ["pk"]
    assert sync(source, target, tmp_path).done == {"added partitions": 1}
