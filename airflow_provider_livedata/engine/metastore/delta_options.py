"""What a user may ask of copies to Delta, and of conversions; every field is checked when it is made. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.locations import canonical, is_location
from airflow_provider_livedata.engine.metastore.sync_options import Deletes, SyncOptions

DATABASE = "{database}"


@dataclass(frozen=True, slots=True)
class DeltaOptions:
    """How to make Delta tables of tables that a sync registered.

    Args:
        location: Where the copies lie: a directory outside of every replicated location. A conversion in place takes none.
        databases: Patterns (``sales_*``) of databases whose tables take part.
        tables: Patterns of tables, as ``database.table``.
        exclude: Patterns as ``tables``, of what takes no part; copies that there are of it stay as they are.
        schema: The schema of the copies, where ``{database}`` stands for that of the tables.
        dry_run: Write the whole plan, with every statement, and change nothing else.
        deletes: "mirror": the copy of a table that is gone goes, its files stay; "keep": it stays.
        max_delete_ratio: Share of the copies above which drops stop the run.
        count_rows: Count the rows of a table and of its Delta table; where they differ, the table has failed.
        compare_every_h: Hours after which the places of all partitions are asked for again, and not those of new ones alone; 0: never.
        holder: Who runs this, as another run will be told.
    """

    location: str = ""
    databases: tuple[str, ...] = ("*",)
    tables: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    schema: str = "{database}_delta"
    dry_run: bool = False
    deletes: Deletes = "mirror"
    max_delete_ratio: float = 0.5
    count_rows: bool = True
    compare_every_h: float = 24.0
    holder: str = ""
    selection: SyncOptions = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.location and not is_location(self.location):
            raise BadOption(
                "location has a scheme or is an absolute path, as in s3://lake/delta", location=self.location
            )
        if self.schema.count(DATABASE) != 1 or self.schema == DATABASE:
            raise BadOption(
                "schema holds {database} once, and more than that, so that each copy has a name of its own",
                schema=self.schema,
            )
        selection = SyncOptions(
            databases=self.databases, tables=self.tables, exclude=self.exclude, deletes=self.deletes, max_delete_ratio=self.max_delete_ratio
        )  # fmt: skip
        object.__setattr__(self, "selection", selection)
        object.__setattr__(self, "location", canonical(self.location) if self.location else "")

    def schema_of(self, database: str) -> str:
        """The schema of the copies of a database's tables."""
        return self.schema.replace(DATABASE, database).lower()

    def database_of(self, schema: str) -> str | None:
        """The database whose copies a schema holds; None where its name is none of those."""
        before, _, after = self.schema.lower().partition(DATABASE)
        if len(schema) <= len(before) + len(after) or not (schema.startswith(before) and schema.endswith(after)):
            return None
        return schema[len(before) : len(schema) - len(after)]
