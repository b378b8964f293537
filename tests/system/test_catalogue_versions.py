"""Other versions of the metastore as target and as source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.metastore.model import ColumnStatistics, Constraint, Storage, Table
from tests.services.hive import Metastore
from tests.services.hive_old import OldMetastore
from tests.system.catalogue_common import DAY, ID, NAME, Pair, pair_of

DAYS = ("2024-01-01", "2024-01-02")
LONG = {"lowValue": 1, "highValue": 5, "numNulls": 0, "numDVs": 3, "bitVectors": None}


@pytest.fixture(scope="module")
def newer() -> Iterator[Metastore]:
    """A metastore 4.0, which lacks some older calls."""
    with Metastore("4.0") as server:
        yield server


@pytest.fixture(scope="module")
def older() -> Iterator[OldMetastore]:
    """A metastore 2.3, which lacks the newer calls."""
    with OldMetastore() as server:
        yield server


@pytest.mark.parametrize("direction", ["3.1 to 4.0", "4.0 to 3.1"])
def test_a_sync_between_versions_brings_changes_and_drops_everything(
    metastore: Metastore, newer: Metastore, direction: str, tmp_path: Path
) -> None:
    source, target = (metastore, newer) if direction.startswith("3.1") else (newer, metastore)
    for pair in pair_of(source.uri, target.uri, tmp_path):
        plain, by_day = (
            pair.create("plain", kind="external", parameters={"EXTERNAL": "TRUE"}),
            pair.create("by_day", days=DAYS),
        )
        pair.source.put_statistics(plain, {None: (ColumnStatistics("id", "bigint", "long", LONG),)})
        keys = [
            Constraint("primary key", f"pk_{pair.database}", ("id",)),
            Constraint("not null", f"nn_{pair.database}", ("name",)),
        ]
        pair.source.add_constraints(plain, keys)
        assert pair.sync().done["created tables"] == 2
        assert len(pair.partitions("by_day")) == 2
        assert pair.target.statistics(plain, ["id"], None)[None][0].values == LONG
        assert pair.verify().changes == []
        pair.source.add_partitions(by_day, [pair.partition(by_day, "2024-02-01")])
        pair.source.drop_partitions(by_day, [f"day={DAYS[0]}"])
        assert pair.sync(find_by="full").done == {"added partitions": 1, "dropped partitions": 1}
        before = pair.files()
        _drop_all(pair)
        report = pair.sync(find_by="full", max_delete_ratio=1)
        assert report.done == {"dropped databases": 1, "dropped tables": 2}
        assert pair.files() == before


def test_a_sync_from_version_two_brings_tables_keys_and_statistics_and_follows_its_log(
    metastore: Metastore, older: OldMetastore, tmp_path: Path
) -> None:
    for pair in pair_of(older.uri, metastore.uri, tmp_path):
        plain, keyed, by_day = pair.create("plain"), pair.create("keyed"), pair.create("by_day", days=DAYS)
        view = Table(
            pair.database,
            "seen",
            "view",
            Storage((ID,)),
            view_text="select id from plain",
            view_expanded_text="select id from plain",
        )
        pair.source.create_table(view)
        pair.source.put_statistics(plain, {None: (ColumnStatistics("id", "bigint", "long", LONG),)})
        pair.source.add_constraints(keyed, [Constraint("primary key", f"pk_{pair.database}", ("id",))])
        first = pair.sync()
        assert first.done == {
            "created databases": 1, "created tables": 3, "created views": 1, "added partitions": 2, "constraints set": 1,
        }  # fmt: skip
        assert first.position > 0
        assert pair.target.constraints(keyed)[0].columns == ("id",)
        assert pair.target.statistics(plain, ["id"], None)[None][0].values == LONG
        assert pair.verify().changes == []
        pair.source.add_partitions(by_day, [pair.partition(by_day, "2024-02-01")])
        pair.source.drop_partitions(by_day, [f"day={DAYS[0]}"])
        pair.source.alter_table(replace(plain, storage=replace(plain.storage, columns=(ID, NAME, DAY))))
        second = pair.sync()
        assert second.done == {"added partitions": 1, "dropped partitions": 1, "altered tables": 1}
        assert "events of the source's log" in second.found_by
        before = pair.files()
        _drop_all(pair)
        assert pair.sync(max_delete_ratio=1).done == {"dropped databases": 1, "dropped tables": 4}
        assert pair.files() == before


def test_a_sync_to_version_two_leaves_out_what_it_cannot_hold_and_names_it(
    metastore: Metastore, older: OldMetastore, tmp_path: Path
) -> None:
    for pair in pair_of(metastore.uri, older.uri, tmp_path):
        plain = pair.create("plain")
        pair.create("by_day", days=DAYS)
        pair.source.add_constraints(plain, [Constraint("primary key", f"pk_{pair.database}", ("id",))])
        report = pair.sync()
        assert report.done == {"created databases": 1, "created tables": 2, "added partitions": 2, "constraints set": 1}
        assert len(pair.partitions("by_day")) == 2
        assert pair.sync(find_by="full").planned == {}
        assert pair.verify().changes == []


def _drop_all(pair: Pair) -> None:
    for name in pair.source.table_names(pair.database):
        table = pair.found(name, at="source")
        assert table is not None
        pair.source.drop_table(table)
    pair.source.drop_database(pair.database)
