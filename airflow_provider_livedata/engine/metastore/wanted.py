"""What the target should hold of each object of the source, or why it may not. Pure.

Tables arrive as external ones with purge off: their files belong to the replication. What they were is kept as a parameter, and
two marks tell what a sync has written, so that what somebody else changes is seen (``diff``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_provider_livedata.engine.metastore.locations import Locations
from airflow_provider_livedata.engine.metastore.model import Database, Function, Kind, Partition, Table

MARK = "livedata.definition"  # digest of the definition that was written
STATISTICS_MARK = "livedata.statistics"  # digest of the source's statistics that were carried last
CONVERTED = "livedata.converted"  # of a table that became one of Delta in place
SOURCE_KIND = "livedata.source.kind"
PURGE = "external.table.purge"


@dataclass(frozen=True, slots=True)
class Refused:
    """The object is not registered at the target; ``why`` says what to do."""

    why: str


@dataclass(frozen=True, slots=True)
class WantedTable:
    """The table as it should be, without marks. ``notes``: what a person should know of it."""

    table: Table
    notes: tuple[str, ...] = ()


def wanted_table(table: Table, locations: Locations, *, keeps_unmapped: bool = False) -> WantedTable | Refused:
    """The table for the target."""
    refused = _refused(table)
    if refused:
        return Refused(refused)
    if table.kind == "view":
        return WantedTable(table)
    found = locations.rewrite(table.storage, table.parameters)
    if not found.is_placed and not keeps_unmapped:
        return Refused(f"{found.unmapped[0]} lies under no mapping of locations: add one, or set unmapped='keep'")
    if is_iceberg(table.parameters) and found.storage.location != table.storage.location:
        return Refused(
            "Iceberg: its metadata files name the source's paths; rewrite them (rewrite_table_path), then register the table at the target"
        )
    parameters = {**found.parameters, "EXTERNAL": "TRUE", PURGE: "false"}
    if "auto.purge" in parameters:
        parameters["auto.purge"] = "false"
    if table.kind == "managed":
        parameters[SOURCE_KIND] = "managed"
    return WantedTable(replace(table, kind="external", storage=found.storage, parameters=parameters), found.unmapped)


def wanted_partition(
    partition: Partition, locations: Locations, *, keeps_unmapped: bool = False
) -> tuple[Partition, tuple[str, ...]] | Refused:
    """The partition for the target, and notes."""
    found = locations.rewrite(partition.storage, partition.parameters)
    if not found.is_placed and not keeps_unmapped:
        return Refused(f"{found.unmapped[0]} lies under no mapping of locations")
    return replace(partition, storage=found.storage, parameters=found.parameters), found.unmapped


def wanted_database(database: Database, locations: Locations) -> tuple[Database, tuple[str, ...]]:
    """The database for the target, and notes. Where its location is under no mapping the target chooses one."""
    location = locations.target_of(database.location) if database.location else None
    managed = locations.target_of(database.managed_location) if database.managed_location else None
    given = {"location": (database.location, location), "managed location": (database.managed_location, managed)}
    notes = tuple(
        f"{name} {place} lies under no mapping of locations: the target's own default is used"
        for name, (place, there) in given.items()
        if place and not there
    )
    return replace(database, location=location, managed_location=managed), notes


def wanted_function(function: Function, locations: Locations) -> tuple[Function, tuple[str, ...]]:
    """The function for the target, and notes: files under no mapping stay where they are."""
    resources = tuple((kind, locations.target_of(uri) or uri) for kind, uri in function.resources)
    notes = tuple(
        f"{uri} lies under no mapping of locations" for _, uri in function.resources if not locations.target_of(uri)
    )
    return replace(function, resources=resources), notes


def is_acid(parameters: Mapping[str, str]) -> bool:
    """Whether a table is a transactional one, insert-only included."""
    return parameters.get("transactional", "").lower() == "true"


def is_iceberg(parameters: Mapping[str, str]) -> bool:
    """Whether a table is one of Iceberg."""
    return parameters.get("table_type", "").upper() == "ICEBERG" or "metadata_location" in parameters


def _refused(table: Table) -> str:
    kinds: dict[Kind, str] = {
        "materialized view": "a materialized view holds data under transactions: make it anew at the target",
        "index": "an index is built of data: Hive 3 has none",
    }
    if table.kind in kinds:
        return kinds[table.kind]
    if is_acid(table.parameters):
        return "ACID: which of its files are valid is known to the source's transactions alone; export it to a plain table (CREATE TABLE AS SELECT)"
    handler = table.parameters.get("storage_handler")
    if handler and not is_iceberg(table.parameters):
        return f"its data lie in another system ({handler}): register it at the target by hand"
    return ""
