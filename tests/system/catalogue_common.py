"""Two metastores and what stands in them: tables as Hive and Spark make them, whose files lie in directories of a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_provider_livedata.engine import SyncOptions, open_catalogue, sync_catalogue, verify_catalogue
from airflow_provider_livedata.engine.metastore.base import CatalogueTarget
from airflow_provider_livedata.engine.metastore.hive import HiveCatalogue
from airflow_provider_livedata.engine.metastore.model import (
    Column,
    Database,
    Partition,
    Principal,
    Serde,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.report import CatalogueReport

TEXT = "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
LAZY = Serde("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", None, {"serialization.format": "1"})
ID, NAME, DAY = Column("id", "bigint"), Column("name", "string", "who"), Column("day", "date")
_NAMES = itertools.count(1)


@dataclass
class Pair:
    """A source and a target, a database of one test in them, and the directories of its data on both sides."""

    source: HiveCatalogue
    target: CatalogueTarget
    root: Path
    database: str

    @property
    def there(self) -> Path:
        """The directory of the source's data."""
        return self.root / "source" / self.database

    @property
    def here(self) -> Path:
        """The directory of the target's data."""
        return self.root / "target" / self.database

    def options(self, **more: Any) -> SyncOptions:
        """Of a sync of this test's database."""
        given = {
            "locations": {f"file:{self.root}/source": f"file:{self.root}/target"},
            "databases": (f"{self.database}*",),
        }
        return SyncOptions(**{**given, **more})

    def sync(
        self, *, target: CatalogueTarget | None = None, data: dict[str, Any] | None = None, **more: Any
    ) -> CatalogueReport:
        """A sync, with clients of its own."""
        source, target = again(self.source), target or again(self.target)
        try:
            state = f"file://{self.root}/state"
            return sync_catalogue(source, target, self.options(**more), state=state, data=data)
        finally:
            source.close()
            target.close()

    def verify(self, **more: Any) -> CatalogueReport:
        """A verification, its report kept beside the state."""
        return verify_catalogue(self.source, self.target, self.options(**more), state=f"file://{self.root}/state")

    def create(
        self, name: str, *, columns: tuple[Column, ...] = (ID, NAME), days: tuple[str, ...] = (), **more: Any
    ) -> Table:
        """A managed table of text files at the source, with a file; ``days``: partitions."""
        made = self.table(name, columns=columns, by=(DAY,) if days else (), **more)
        self.source.create_table(made)
        if days:
            self.source.add_partitions(made, [self.partition(made, day) for day in days])
        return made

    def table(
        self, name: str, *, columns: tuple[Column, ...] = (ID, NAME), by: tuple[Column, ...] = (), **more: Any
    ) -> Table:
        """A table as Hive makes it."""
        place = self.there / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "000000_0").write_text("1\x01ann\n")
        storage = Storage(columns, f"file:{place}", *TEXT, LAZY)
        given: dict[str, Any] = {
            "partition_columns": by,
            "parameters": {"bucketing_version": "2"},
            "owner": Principal("ann"),
        }
        return Table(self.database, name, storage=storage, **{"kind": "managed", **given, **more})

    def partition(self, table: Table, *values: str, at: str = "") -> Partition:
        """A partition in a directory of its own, with a file."""
        place = Path(f"{table.storage.location}".removeprefix("file:")) / (at or f"day={values[0]}")
        place.mkdir(parents=True, exist_ok=True)
        (place / "000000_0").write_text("1\x01ann\n")
        return Partition(values, replace(table.storage, location=f"file:{place}"), {"made": "by hive"})

    def found(self, name: str, *, at: str = "target") -> Table | None:
        """A table of the target (or source)."""
        side: CatalogueTarget = self.target if at == "target" else self.source
        return next(iter(side.tables(self.database, [name])), None)

    def partitions(self, name: str) -> dict[str, Partition]:
        """All partitions of a table of the target."""
        table = self.found(name)
        assert table is not None
        return self.target.partitions(table, self.target.partition_names(table))

    def files(self) -> dict[str, bytes]:
        """All files of both sides, state left out."""
        places = (one for side in ("source", "target") for one in (self.root / side).rglob("*") if one.is_file())
        return {str(one.relative_to(self.root)): one.read_bytes() for one in places}


def again(catalogue: CatalogueTarget) -> HiveCatalogue:
    """The same metastore by a client of its own, which has counted nothing yet."""
    made = open_catalogue("hive", uris=catalogue.name)
    assert isinstance(made, HiveCatalogue)
    return made


def pair_of(source: str, target: str, root: Path) -> Iterator[Pair]:
    """A pair with a fresh database at the source, closed at the end."""
    name = f"db{next(_NAMES)}"
    one, other = (open_catalogue("hive", uris=uri) for uri in (source, target))
    assert isinstance(one, HiveCatalogue)
    assert isinstance(other, HiveCatalogue)
    pair = Pair(one, other, root, name)
    for side in (pair.there, pair.here):
        side.mkdir(parents=True)
    one.create_database(
        Database(name, "of a test", f"file:{pair.there}", None, {"made": "by a test"}, Principal("staff", "group"))
    )
    try:
        yield pair
    finally:
        one.close()
        other.close()
