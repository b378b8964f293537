"""The AWS Glue Data Catalog as target and source. Nothing in it ever touches data.

What it lacks is in ``facts``. Batches: 100 partitions are created or altered by a call, 25 dropped, 1,000 read. A version of a table is kept
where its definition changes, not where statistics or marks do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_livedata.engine.clients.aws import INVALID, AwsClient, boto_client
from airflow_provider_livedata.engine.errors import (
    LiveDataError,
    MetastoreBusy,
    MetastoreRefused,
    ObjectExists,
    ObjectMissing,
    PartitionsRefused,
)
from airflow_provider_livedata.engine.metastore import diff
from airflow_provider_livedata.engine.metastore import glue_convert as convert
from airflow_provider_livedata.engine.metastore.base import CatalogueFacts, LacksDetails
from airflow_provider_livedata.engine.metastore.glue_fit import fit
from airflow_provider_livedata.engine.metastore.model import (
    Database,
    Partition,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import partition_name, values_of
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, RetryPolicy, retry

WRITTEN_A_CALL = 100
DROPPED_A_CALL = 25
READ_A_CALL = 1000
MOST_OF_EXPRESSION = 2048
_LACKS = {
    "constraints": "Glue has none",
    "statistics": "statistics of columns are not written to Glue",
    "functions": "functions are not written to Glue, where no engine but Hive on EMR would find their files",
}
_FACTS = CatalogueFacts(
    "glue", frozenset({"views", "owners"}), partitions_a_call=WRITTEN_A_CALL, lacks=_LACKS, fit=fit, makes_anew=False
)
_KEPT_OF_DATABASE = ("CreateTableDefaultPermissions", "TargetDatabase")  # that the model does not know
_KEPT_OF_TABLE = ("Description", "TargetTable", "LastAnalyzedTime")


class GlueCatalogue(LacksDetails):
    """See ``base.Catalogue`` and ``base.CatalogueTarget``."""

    facts = _FACTS

    def __init__(self, client: AwsClient, name: str) -> None:
        self.name = name
        self._client = client

    def close(self) -> None:
        """See ``Catalogue``."""
        self._client.close()

    def calls(self) -> Mapping[str, int]:
        """See ``Catalogue``."""
        return dict(self._client.calls)

    # ---- reading

    def database_names(self) -> list[str]:
        """See ``Catalogue``."""
        return [one["Name"] for one in self._client.pages("get_databases", "DatabaseList")]

    def database(self, name: str) -> Database | None:
        """See ``Catalogue``."""
        told = self._there("get_database", "Database", Name=name)
        return convert.database_from(told) if told else None

    def table_names(self, database: str) -> list[str]:
        """See ``Catalogue``."""
        request: dict[str, Any] = {"DatabaseName": database, "AttributesToGet": ["NAME"]}
        try:
            return [one["Name"] for one in self._client.pages("get_tables", "TableList", **request)]
        except ObjectMissing:
            return []

    def tables(self, database: str, names: Sequence[str]) -> Iterator[Table]:
        """See ``Catalogue``."""
        for some in _expressions(names):
            wanted = set(some)
            if len(some) > 1:
                for told in self._matching(database, "|".join(map(_escaped, some))):
                    if told["Name"] in wanted:
                        wanted.discard(told["Name"])
                        yield convert.table_from(told, database)
            # A pattern has been seen to miss tables that are there: those are asked for by name.
            for name in sorted(wanted):
                told = self._there("get_table", "Table", DatabaseName=database, Name=name)
                if told:
                    yield convert.table_from(told, database)

    def partition_names(self, table: Table) -> list[str]:
        """See ``Catalogue``."""
        told = self._client.pages("get_partitions", "Partitions", **_of(table), ExcludeColumnSchema=True)
        return [_name(table, one["Values"]) for one in told]

    def partitions(self, table: Table, names: Sequence[str]) -> dict[str, Partition]:
        """See ``Catalogue``."""
        found: dict[tuple[str, ...], Partition] = {}
        for start in range(0, len(names), READ_A_CALL):
            asked = [list(values_of(name)) for name in names[start : start + READ_A_CALL]]
            for told in self._partitions(table, asked):
                partition = convert.partition_from(told)
                found[partition.values] = partition
        return {name: found[values] for name in names if (values := values_of(name)) in found}

    # ---- writing

    def create_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        try:
            self._client.call("create_database", DatabaseInput=convert.to_database(database))
        except ObjectExists:
            # A call that was repeated may have taken place the first time.
            if self.database(database.name) != database:
                raise

    def alter_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        there = self._client.call("get_database", Name=database.name)["Database"]
        told = {**_kept(there, _KEPT_OF_DATABASE), **convert.to_database(database)}
        if convert.database_from(there) != convert.database_from(told):
            self._client.call("update_database", Name=database.name, DatabaseInput=told)

    def drop_database(self, name: str) -> None:
        """See ``CatalogueTarget``."""
        # Glue itself would drop all that is in it.
        held = [
            ("get_tables", "TableList", {}),
            ("get_user_defined_functions", "UserDefinedFunctions", {"Pattern": "*"}),
        ]
        for call, field, more in held:
            if next(self._client.pages(call, field, DatabaseName=name, **more), None):
                raise MetastoreRefused("the database is not empty", database=name)
        self._client.call("delete_database", Name=name)

    def create_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        told = convert.to_table(table)
        try:
            self._client.call("create_table", DatabaseName=table.database, TableInput=told)
        except ObjectExists:
            found = self._there("get_table", "Table", DatabaseName=table.database, Name=table.name)
            if not found or not _same(found, told, table.database):
                raise

    def alter_table(self, table: Table) -> None:
        """See ``CatalogueTarget``. Fields that others set and no metastore of Hive has (a description) stay."""
        there = self._client.call("get_table", DatabaseName=table.database, Name=table.name)["Table"]
        told = {**_kept(there, _KEPT_OF_TABLE), **convert.to_table(table)}
        if _same(there, told, table.database):
            return
        is_defined_so = diff.digest_of(convert.table_from(there)) == diff.digest_of(table)
        self._client.call("update_table", DatabaseName=table.database, TableInput=told, SkipArchive=is_defined_so)

    def drop_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        self._client.call("delete_table", DatabaseName=table.database, Name=table.name)

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``."""
        items = [(list(one.values), convert.to_partition(one)) for one in partitions]
        field = "PartitionInputList"
        self._batches(table, items, WRITTEN_A_CALL, "batch_create_partition", field, "AlreadyExistsException")

    def alter_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``."""
        items = [
            (
                list(one.values),
                {"PartitionValueList": list(one.values), "PartitionInput": convert.to_partition(one)},
            )
            for one in partitions
        ]
        self._batches(table, items, WRITTEN_A_CALL, "batch_update_partition", "Entries")

    def drop_partitions(self, table: Table, names: Sequence[str]) -> None:
        """See ``CatalogueTarget``."""
        items = [(list(values_of(name)), {"Values": list(values_of(name))}) for name in names]
        field = "PartitionsToDelete"
        self._batches(table, items, DROPPED_A_CALL, "batch_delete_partition", field, "EntityNotFoundException")

    # ---- calls

    def _there(self, call: str, field: str, **request: Any) -> Any:
        try:
            return self._client.call(call, **request)[field]
        except ObjectMissing:
            return None

    def _matching(self, database: str, expression: str) -> Iterator[dict[str, Any]]:
        try:
            yield from self._client.pages("get_tables", "TableList", DatabaseName=database, Expression=expression)
        except ObjectMissing:
            return

    def _partitions(self, table: Table, asked: list[list[str]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        left = [{"Values": values} for values in asked]

        def ask() -> None:
            nonlocal left
            told = self._client.call("batch_get_partition", **_of(table), PartitionsToGet=left)
            found.extend(told.get("Partitions") or ())
            left = told.get("UnprocessedKeys") or []
            if left:
                raise MetastoreBusy(
                    "Glue left out partitions that were asked for", table=table.full_name, count=len(left)
                )

        retry(ask, self._client.policy, is_worth_it=_is_left)
        return found

    def _batches(
        self, table: Table, items: list[tuple[list[str], Any]], size: int, call: str, field: str, ignored: str = ""
    ) -> None:
        def send(some: list[Any]) -> dict[str, Any]:
            return self._client.call(call, **_of(table), **{field: some})

        refused: dict[str, str] = {}
        for start in range(0, len(items), size):
            refused |= _refused(table, items[start : start + size], send, ignored)
        if refused:
            raise PartitionsRefused(f"{len(refused)} partitions were refused", table=table.full_name, refused=refused)


def _refused(
    table: Table, items: list[tuple[list[str], Any]], send: Callable[[list[Any]], dict[str, Any]], ignored: str
) -> dict[str, str]:
    """Send one batch; why some of its partitions were refused, by name."""
    try:
        told = send([item for _, item in items]).get("Errors") or []
    except MetastoreRefused as error:
        if error.where.get("code") not in INVALID:
            raise
        if len(items) == 1:
            return {_name(table, items[0][0]): str(error.args[0])}
        # Glue refuses the whole request for one partition that it cannot read.
        half = len(items) // 2
        return _refused(table, items[:half], send, ignored) | _refused(table, items[half:], send, ignored)
    refused: dict[str, str] = {}
    for one in told:
        detail = one.get("ErrorDetail") or {}
        values = one.get("PartitionValues") or one.get("PartitionValueList") or []
        if detail.get("ErrorCode") != ignored:
            refused[_name(table, values)] = f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
    return refused


def _of(table: Table) -> dict[str, Any]:
    return {"DatabaseName": table.database, "TableName": table.name}


def _name(table: Table, values: Sequence[str]) -> str:
    return partition_name(dict(zip((column.name for column in table.partition_columns), values, strict=False)))


def _kept(there: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: there[name] for name in names if there.get(name)}


def _same(there: Mapping[str, Any], told: Mapping[str, Any], database: str) -> bool:
    one, other = convert.table_from(there, database), convert.table_from(told, database)
    return convert.to_table(one) == convert.to_table(other)


def _is_left(error: LiveDataError) -> bool:
    # What was throttled has been tried often already.
    return isinstance(error, MetastoreBusy) and "count" in error.where


def _escaped(name: str) -> str:
    return re.sub(r"([^0-9A-Za-z_])", r"\\\1", name)


def _expressions(names: Sequence[str]) -> Iterator[list[str]]:
    """Names in groups, each of which is short enough for one pattern."""
    group: list[str] = []
    length = 0
    for name in names:
        size = len(_escaped(name).encode()) + 1
        if group and length + size > MOST_OF_EXPRESSION:
            yield group
            group, length = [], 0
        group.append(name)
        length += size
    if group:
        yield group


def open_glue(
    client: Any = None, *, catalog_id: str = "", name: str = "", policy: RetryPolicy = DEFAULT_POLICY, **access: str
) -> GlueCatalogue:
    """The catalogue of an account and region.

    Args:
        client: A client of boto3 for "glue", which does not try again by itself; else one is made of ``access``.
        catalog_id: The account whose catalogue it is, where it is not the client's own.
        name: What people call it.
        policy: How often and when what is throttled is tried again.
        access: ``region``, ``endpoint_url``, and keys as ``boto3.client`` takes them.
    """
    made = client if client is not None else boto_client(**access)
    shown = name or f"glue://{'/' + catalog_id if catalog_id else ''}"
    return GlueCatalogue(AwsClient(made, catalog_id, policy), f"{shown} in {made.meta.region_name}")
