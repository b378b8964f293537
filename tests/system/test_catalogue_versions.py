"""Other versions of the metastore as target and as source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_livedata.engine.metastore.model import ColumnStatistics, Constraint
from tests.services.hive import Metastore
from tests.system.catalogue_common import Pair, pair_of

DAYS = ("2024-01-01", "2024-01-02")
LONG = {"lowValue": 1, "highValue": 5, "numNulls": 0, "numDVs": 3, "bitVectors": None}


@pytest.fixture(scope="module")
def newer() -> Iterator[Metastore]:
    """A metastore 4.0, which lacks some older calls."""
    with Metastore("4.0") as server:
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


def _drop_all(pair: Pair) -> None:
    for name in pair.source.table_names(pair.database):
        table = pair.found(name, at="source")
        assert table is not None
        pair.source.drop_table(table)
    pair.source.drop_database(pair.database)
