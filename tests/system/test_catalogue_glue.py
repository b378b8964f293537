"""Syncs from a real Hive Metastore to Glue. Glue is moto, a stand-in of AWS: see tests/services/glue.py for what it does not show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import SyncOptions, sync_catalogue
from airflow_provider_livedata.engine.errors import MetastoreRefused, MetastoreUnreachable, RunFailed, TargetTouched
from airflow_provider_livedata.engine.metastore.glue import GlueCatalogue
from airflow_provider_livedata.engine.metastore.model import (
    ColumnStatistics,
    Constraint,
    Function,
    Principal,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.report import CatalogueReport
from tests.services.airflow_home import connection_variable
from tests.services.glue import GlueRequests, glue_client, glue_on
from tests.services.hive import Metastore
from tests.services.s3 import MotoServer
from tests.system.catalogue_common import DAY, ID, NAME, Pair, pair_of

DAYS = ("2024-01-01", "2024-01-02", "__HIVE_DEFAULT_PARTITION__")


@dataclass
class GluePair(Pair):
    """A pair whose target is Glue; ``requests``: those of the sync at hand."""

    server: MotoServer = field(kw_only=True)
    requests: GlueRequests = field(kw_only=True)

    def sync(self, **more: Any) -> CatalogueReport:
        """A sync, with clients of its own."""
        return super().sync(**{**more, "target": more.get("target") or self.again()})

    def again(self) -> GlueCatalogue:
        """The target by a client of its own, of which ``requests`` tells from now on."""
        target, self.requests = glue_on(self.server)
        return target

    def raw(self) -> Any:
        """A client of boto3, of somebody else."""
        return glue_client(self.server)

    def versions(self, table: str) -> int:
        """How many versions of a table there are."""
        return len(self.raw().get_table_versions(DatabaseName=self.database, TableName=table)["TableVersions"])


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    """A server of moto."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def pair(metastore: Metastore, moto: MotoServer, tmp_path: Path) -> Iterator[GluePair]:
    """Hive 3.1 and Glue."""
    for made in pair_of(metastore.uri, metastore.uri, tmp_path):
        made.target.close()
        target, requests = glue_on(moto)
        yield GluePair(made.source, target, made.root, made.database, server=moto, requests=requests)
        target.close()


def test_a_table_arrives_in_glue_as_an_external_one_that_points_at_the_target(pair: GluePair) -> None:
    pair.create("plain")
    report = pair.sync()
    assert report.done == {"created databases": 1, "created tables": 1}
    found = pair.found("plain")
    assert found is not None
    assert (found.kind, found.storage.location) == ("external", f"file:{pair.here}/plain")
    assert (found.storage.columns, found.owner and found.owner.name) == ((ID, NAME), "ann")
    assert found.parameters["livedata.source.kind"] == "managed"


def test_a_second_sync_changes_nothing_whichever_way_it_looks_and_a_verification_agrees(pair: GluePair) -> None:
    pair.create("plain")
    pair.create("by_day", days=DAYS)
    view = Table(
        pair.database, "seen", "view", Storage((ID,)), view_text="select id from plain", view_expanded_text=f"select `id` from `{pair.database}`.`plain`",
    )  # fmt: skip
    pair.source.create_table(view)
    assert pair.sync().done == {"created databases": 1, "created tables": 2, "created views": 1, "added partitions": 3}
    seen = pair.found("seen")
    assert seen is not None
    assert (seen.kind, seen.view_text, seen.view_expanded_text) == ("view", view.view_text, view.view_expanded_text)
    for find_by in ("full", "auto"):
        assert pair.sync(find_by=find_by).planned == {}
        assert pair.requests.changes() == {}
    assert pair.verify().state == "same"


def test_a_changed_column_makes_one_version_and_changed_statistics_none(pair: GluePair) -> None:
    table = pair.create("plain")
    pair.sync()
    wider = replace(table, storage=replace(table.storage, columns=(ID, replace(NAME, type="varchar(9)"), DAY)))
    pair.source.alter_table(wider)
    assert pair.sync().done == {"altered tables": 1}
    assert [request["SkipArchive"] for request in pair.requests.of("UpdateTable")] == [False]
    found = pair.found("plain")
    assert found is not None
    assert [column.type for column in found.storage.columns] == ["bigint", "varchar(9)", "date"]
    pair.source.alter_table(replace(wider, parameters={**wider.parameters, "numRows": "7"}))
    assert pair.sync().done == {"altered tables": 1}
    assert [request["SkipArchive"] for request in pair.requests.of("UpdateTable")] == [True]
    assert pair.sync(find_by="full").planned == {}


def test_an_alteration_that_changes_nothing_is_not_sent(pair: GluePair) -> None:
    pair.create("plain")
    pair.sync()
    found, before, glue = pair.found("plain"), pair.versions("plain"), pair.again()
    assert found is not None
    glue.alter_table(found)
    database = glue.database(pair.database)
    assert database is not None
    glue.alter_database(database)
    assert (pair.requests.changes(), pair.versions("plain")) == ({}, before)
    glue.close()


def test_partitions_are_created_altered_read_and_dropped_in_batches_that_glue_takes(pair: GluePair) -> None:
    days = [str(date(2024, 1, 1) + timedelta(number)) for number in range(250)]
    table = pair.create("by_day", days=tuple(days))
    assert pair.sync().done["added partitions"] == 250
    assert [len(one["PartitionInputList"]) for one in pair.requests.of("BatchCreatePartition")] == [100, 100, 50]
    partitions = pair.partitions("by_day")
    assert {name: one.storage.location for name, one in partitions.items()} == {
        f"day={day}": f"file:{pair.here}/by_day/day={day}" for day in days
    }
    sources = pair.source.partitions(table, list(partitions))
    pair.source.alter_partitions(table, [replace(one, parameters={"made": "anew"}) for one in sources.values()])
    assert pair.sync().done == {"altered partitions": 250}
    assert [len(one["Entries"]) for one in pair.requests.of("BatchUpdatePartition")] == [100, 100, 50]
    assert {one.parameters["made"] for one in pair.partitions("by_day").values()} == {"anew"}
    assert max(len(one["PartitionsToGet"]) for one in pair.requests.of("BatchGetPartition")) <= 1000
    before = pair.files()
    pair.source.drop_partitions(table, [f"day={day}" for day in days[:130]])
    assert pair.sync(max_delete_ratio=1).done == {"dropped partitions": 130}
    assert [len(one["PartitionsToDelete"]) for one in pair.requests.of("BatchDeletePartition")] == [
        25,
        25,
        25,
        25,
        25,
        5,
    ]
    assert (set(pair.partitions("by_day")), pair.files()) == ({f"day={day}" for day in days[130:]}, before)


def test_what_is_dropped_at_the_source_goes_and_no_file_with_it(pair: GluePair) -> None:
    plain, by_day = pair.create("plain"), pair.create("by_day", days=DAYS)
    pair.sync()
    before = pair.files()
    pair.source.drop_table(plain)
    assert pair.sync().done == {"dropped tables": 1}
    pair.source.drop_table(by_day)
    pair.source.drop_database(pair.database)
    assert pair.sync(max_delete_ratio=1).done == {"dropped databases": 1, "dropped tables": 1}
    assert pair.target.database(pair.database) is None
    assert pair.files() == before


def test_a_database_that_still_holds_something_is_not_dropped(pair: GluePair) -> None:
    pair.create("plain")
    pair.sync()
    with pytest.raises(MetastoreRefused, match="not empty"):
        pair.target.drop_database(pair.database)
    assert pair.found("plain") is not None


def test_one_partition_that_glue_refuses_is_named_and_the_others_are_done(pair: GluePair) -> None:
    table = pair.create("by_day", days=DAYS)
    pair.sync()
    names = [f"day={day}" for day in DAYS]
    sources = pair.source.partitions(table, names)
    pair.source.alter_partitions(table, [replace(one, parameters={"made": "anew"}) for one in sources.values()])
    target = pair.again()
    gone = {"DatabaseName": pair.database, "TableName": "by_day", "PartitionValues": [DAYS[0]]}
    pair.requests.before["BatchUpdatePartition"] = lambda: pair.raw().delete_partition(**gone)
    with pytest.raises(RunFailed) as failed:
        pair.sync(target=target)
    report = failed.value.report
    assert report.done == {"altered partitions": 2}
    assert [line.partition(": ")[0] for line in report.failures] == [f"{pair.database}.by_day/{names[0]}"]
    assert "EntityNotFoundException" in report.failures[0]
    assert pair.sync().done == {"added partitions": 1}
    assert pair.verify().state == "same"


def test_a_batch_that_glue_refuses_for_one_partition_is_sent_in_parts(pair: GluePair) -> None:
    table = pair.create("by_day", days=DAYS[:1])
    pair.sync()
    pair.source.add_partitions(table, [pair.partition(table, f"2025-01-0{number}") for number in (1, 2, 3)])
    target = pair.again()
    pair.requests.answer("BatchCreatePartition", "InvalidInputException", "InvalidInputException", None)
    with pytest.raises(RunFailed) as failed:
        pair.sync(target=target)
    report = failed.value.report
    assert report.done == {"added partitions": 2}
    assert report.failures == [f"{pair.database}.by_day/day=2025-01-01: InvalidInputException: answered by the test"]
    assert pair.sync().done == {"added partitions": 1}


def test_partitions_that_are_there_already_stay_and_those_that_are_gone_are_no_failure(pair: GluePair) -> None:
    pair.create("by_day", days=DAYS)
    pair.sync()
    table, there = pair.found("by_day"), pair.partitions("by_day")
    assert table is not None
    one = next(iter(there.values()))
    pair.target.add_partitions(table, [replace(one, parameters={}), replace(one, values=("2030-01-01",))])
    pair.target.drop_partitions(table, ["day=2030-01-01", "day=2031-01-01"])
    assert pair.partitions("by_day") == there


def test_what_is_throttled_is_tried_again(pair: GluePair) -> None:
    pair.create("by_day", days=DAYS)
    target = pair.again()
    for call in ("CreateTable", "BatchCreatePartition", "GetDatabases"):
        pair.requests.answer(call, "ThrottlingException", "ThrottlingException")
    report = pair.sync(target=target)
    assert report.done == {"created databases": 1, "created tables": 1, "added partitions": 3}
    assert {report.target_calls[name] for name in ("create_table", "batch_create_partition")} == {3}


def test_a_creation_whose_answer_was_lost_is_no_failure(pair: GluePair) -> None:
    table = pair.table("plain")
    pair.source.create_table(table)
    target = pair.again()

    def twice() -> None:
        request = pair.requests.of("CreateTable")[0]
        pair.raw().create_table(**request)

    pair.requests.before["CreateTable"] = twice
    assert pair.sync(target=target).done == {"created databases": 1, "created tables": 1}
    assert pair.sync(find_by="full").planned == {}


def test_an_alteration_that_glue_refuses_leaves_the_table_as_it_is(pair: GluePair) -> None:
    table = pair.create("plain")
    pair.sync()
    pair.source.alter_table(replace(table, parameters={"made": "anew"}))
    target = pair.again()
    pair.requests.answer("UpdateTable", "AccessDeniedException")
    with pytest.raises(RunFailed, match="some objects"):
        pair.sync(target=target)
    assert pair.requests.changes() == {"UpdateTable": 1}
    assert pair.found("plain") is not None


def test_what_glue_cannot_take_is_reported_by_object_with_the_reason(pair: GluePair) -> None:
    plain = pair.create("plain", columns=(replace(ID, comment="a\nb"), NAME), owner=Principal("staff", "group"))
    by_day = pair.create("by_day", days=DAYS)
    long = {"lowValue": 1, "highValue": 5, "numNulls": 0, "numDVs": 3, "bitVectors": None}
    pair.source.put_statistics(by_day, {"day=2024-01-01": (ColumnStatistics("id", "bigint", "long", long),)})
    pair.source.add_constraints(plain, [Constraint("not null", f"nn_{pair.database}", ("name",))])
    jar = Function(
        pair.database, "shout", "org.example.Shout", Principal("ann"), (("jar", f"file:{pair.there}/shout.jar"),)
    )
    pair.source.put_function(jar)
    report = pair.sync()
    name = pair.database
    assert report.skipped == [
        f"function {name}.shout: functions are not written to Glue, where no engine but Hive on EMR would find their files"
    ]
    assert sorted(report.notes) == [
        f"{name}.by_day, 1 partitions: statistics of columns are left out (id): they are not written to Glue",
        f"{name}.plain: constraints are left out (nn_{name}): Glue has none",
        f"{name}.plain: that its owner staff is a group is left out: Glue keeps the name alone",
        f"{name}.plain: the comment of column id has blanks for line ends and control characters: Glue takes none there",
        f"{name}: its owner (group staff) is left out: databases of Glue have none",
    ]
    assert pair.sync(find_by="full").planned == {}
    pair.source.drop_function(jar)


def test_what_others_set_that_hive_does_not_know_stays_and_what_they_change_stops_the_run(pair: GluePair) -> None:
    table = pair.create("plain")
    pair.sync()
    raw, where = pair.raw(), {"DatabaseName": pair.database}
    told = raw.get_table(**where, Name="plain")["Table"]
    given = {
        name: told[name]
        for name in ("Name", "Owner", "StorageDescriptor", "TableType", "Parameters", "Retention", "PartitionKeys")
    }
    raw.update_table(**where, TableInput={**given, "Description": "by a steward"})
    pair.source.alter_table(replace(table, parameters={"made": "anew"}))
    assert pair.sync(find_by="full").done == {"altered tables": 1}
    assert raw.get_table(**where, Name="plain")["Table"]["Description"] == "by a steward"
    raw.update_table(**where, TableInput={**given, "Owner": "eve"})
    with pytest.raises(TargetTouched):
        pair.sync(find_by="full")
    assert pair.requests.changes() == {}


def test_a_comparison_of_many_tables_asks_for_a_hundred_in_one_call(pair: GluePair) -> None:
    for number in range(120):
        pair.create(f"table_{number:03}")
    pair.sync()
    report = pair.sync(find_by="full")
    assert (report.planned, report.compared["tables"]) == ({}, 120)
    assert report.target_calls == {"get_databases": 1, "get_database": 1, "get_tables": 3}  # the names, and two batches


def test_tables_that_a_pattern_misses_are_asked_for_by_name(pair: GluePair) -> None:
    pair.create("one")
    pair.create("other")
    pair.sync()
    glue = pair.again()
    pair.requests.answer("GetTables", {"TableList": []})
    assert [table.name for table in glue.tables(pair.database, ["nowhere", "one", "other"])] == ["one", "other"]
    glue.close()


def test_partitions_that_glue_leaves_out_of_an_answer_are_asked_for_again(pair: GluePair) -> None:
    pair.create("by_day", days=DAYS)
    pair.sync()
    table, glue = pair.found("by_day"), pair.again()
    assert table is not None
    pair.requests.answer("BatchGetPartition", {"Partitions": [], "UnprocessedKeys": [{"Values": [DAYS[1]]}]})
    assert list(glue.partitions(table, [f"day={DAYS[1]}"])) == [f"day={DAYS[1]}"]
    assert [len(one["PartitionsToGet"]) for one in pair.requests.of("BatchGetPartition")] == [1, 1]
    glue.close()


def test_the_pages_of_a_listing_are_followed_even_where_one_is_empty(pair: GluePair) -> None:
    pair.create("by_day", days=DAYS)
    pair.sync()
    table, glue = pair.found("by_day"), pair.again()
    assert table is not None
    pair.requests.answer("GetPartitions", {"Partitions": [], "NextToken": "next"})
    assert sorted(glue.partition_names(table)) == sorted(f"day={day}" for day in DAYS)
    assert [one.get("NextToken") for one in pair.requests.of("GetPartitions")] == [None, "next"]
    glue.close()


def test_glue_is_a_source_as_well(pair: GluePair) -> None:
    plain, by_day = pair.create("plain"), pair.create("by_day", days=DAYS)
    pair.sync()
    for table in (plain, by_day):
        pair.source.drop_table(table)
    back = SyncOptions(
        locations={f"file:{pair.root}/target": f"file:{pair.root}/source"},
        databases=(pair.database,),
        changed_at_target="overwrite",
    )
    report = sync_catalogue(pair.target, pair.source, back, state=f"file://{pair.root}/back")
    assert (report.done["created tables"], report.done["added partitions"]) == (2, 3)
    (found,) = pair.source.tables(pair.database, ["plain"])
    assert (found.storage.location, found.storage.columns) == (plain.storage.location, plain.storage.columns)
    assert report.found_by == "comparing everything: nothing was synced before"
    assert "functions of the source are left alone" in "".join(report.notes)


def test_the_operators_reach_glue_by_the_amazon_providers_connection(
    pair: GluePair, metastore: Metastore, monkeypatch: pytest.MonkeyPatch, airflow_home: object
) -> None:
    from airflow_provider_livedata.operators.metastore import MetastoreSyncOperator, MetastoreVerifyOperator

    hive = {"conn_type": "livedatametastore", "host": "127.0.0.1", "port": metastore.port}
    monkeypatch.setenv(connection_variable("prod_ms"), json.dumps(hive))
    monkeypatch.setenv(connection_variable("aws_dr"), pair.server.connection_json())
    pair.create("by_day", days=DAYS)
    chosen: dict[str, Any] = {
        "source": "prod_ms", "target": "glue://aws_dr", "state": f"file://{pair.root}/state", "options": {"databases": f"{pair.database}*"},
        "locations": {f"file:{pair.root}/source": f"file:{pair.root}/target"},
    }  # fmt: skip
    context: Any = {"ti": _Ti(), "outlet_events": {}}
    done = MetastoreSyncOperator(task_id="sync", **chosen).execute(context)
    assert (done["done"]["added partitions"], done["target"]) == (3, "glue://aws_dr in us-east-1")
    assert MetastoreVerifyOperator(task_id="verify", **chosen).execute(context)["state"] == "same"


class _Ti:
    dag_id, run_id, task_id = "d", "r", "t"

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed = key, value


@pytest.mark.parametrize("takes_place", [False, True])
@pytest.mark.parametrize("number", range(1, 7))
def test_whatever_changing_call_is_the_last_the_next_sync_ends_right_and_doubles_nothing(
    pair: GluePair, number: int, takes_place: bool
) -> None:
    pair.create("plain")
    gone, by_day = pair.create("gone"), pair.create("by_day", days=DAYS)
    pair.sync()
    pair.source.drop_table(gone)
    pair.create("fresh", days=DAYS)
    pair.source.alter_table(replace(by_day, parameters={**by_day.parameters, "new": "1"}))
    pair.source.add_partitions(by_day, [pair.partition(by_day, "2024-02-01")])
    pair.source.drop_partitions(by_day, [f"day={DAYS[0]}"])
    target = pair.again()
    pair.requests.dies_at, pair.requests.takes_place = number, takes_place
    with pytest.raises(MetastoreUnreachable):
        pair.sync(target=target)
    pair.sync()
    assert sorted(pair.target.table_names(pair.database)) == ["by_day", "fresh", "plain"]
    assert sorted(pair.partitions("by_day")) == sorted(f"day={day}" for day in (*DAYS[1:], "2024-02-01"))
    assert sorted(pair.partitions("fresh")) == sorted(f"day={day}" for day in DAYS)
    assert pair.verify().changes == []
    assert pair.sync(find_by="full").planned == {}
