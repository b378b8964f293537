"""A Hive Metastore as source and target, over Thrift, of the versions 2.3 to 4.0: the calls with ``_req`` where a server has them.

Everything that changes something is told not to touch files: ``deleteData=false``, no purge, and no statistics by listing
directories. A metastore does make the directory of what is registered, where it is not there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_livedata.engine.batches import batches
from airflow_provider_livedata.engine.errors import ChangesLost, MetastoreRefused, ObjectExists, ObjectMissing
from airflow_provider_livedata.engine.metastore.base import CatalogueFacts
from airflow_provider_livedata.engine.metastore.hive_client import HiveAccess, HiveClient
from airflow_provider_livedata.engine.metastore.model import (
    ColumnStatistics,
    Constraint,
    Database,
    Event,
    Function,
    Partition,
    Storage,
    Table,
)
from airflow_provider_livedata.engine.metastore.names import values_of

_FACTS = CatalogueFacts("hive", frozenset({"functions", "constraints", "statistics", "views", "owners"}))
_QUIETLY = {"DO_NOT_UPDATE_STATS": "true", "ifPurge": "FALSE"}
_EVENTS_A_CALL = 10_000
_KINDS = ("primary key", "foreign key", "unique", "not null", "default", "check")


class HiveCatalogue:
    """See ``base.Catalogue``, ``base.CatalogueTarget`` and ``base.TellsChanges``."""

    facts = _FACTS

    def __init__(self, access: HiveAccess) -> None:
        self.name = ",".join(access.uris)
        self._client = HiveClient(access)

    def close(self) -> None:
        """See ``Catalogue``."""
        self._client.close()

    def calls(self) -> Mapping[str, int]:
        """See ``Catalogue``."""
        return dict(self._client.calls)

    # ---- reading

    def database_names(self) -> list[str]:
        """See ``Catalogue``."""
        return list(self._client.call("get_all_databases"))

    def database(self, name: str) -> Database | None:
        """See ``Catalogue``."""
        told = self._there(lambda: self._client.call("get_database", name))
        return _convert().database_from(told) if told is not None else None

    def table_names(self, database: str) -> list[str]:
        """See ``Catalogue``."""
        return list(self._there(lambda: self._client.call("get_all_tables", database)) or ())

    def tables(self, database: str, names: Sequence[str]) -> Iterator[Table]:
        """See ``Catalogue``."""
        from hive_metastore import ttypes

        knows = ttypes.ClientCapabilities([ttypes.ClientCapability.INSERT_ONLY_TABLES])
        for some in batches(names, self.facts.tables_a_call):
            yield from map(_convert().table_from, self._tables(database, list(some), knows))

    def _tables(self, database: str, names: list[str], knows: Any) -> Any:
        from hive_metastore import ttypes

        told = self._client.first_of(
            ("get_table_objects_by_name_req", lambda: (ttypes.GetTablesRequest(database, names, knows),)),
            ("get_table_objects_by_name", lambda: (database, names)),
        )
        return getattr(told, "tables", told)

    def partition_names(self, table: Table) -> list[str]:
        """See ``Catalogue``."""
        return list(self._client.call("get_partition_names", table.database, table.name, -1))

    def partitions(self, table: Table, names: Sequence[str]) -> dict[str, Partition]:
        """See ``Catalogue``."""
        from hive_metastore import ttypes

        where = table.database, table.name
        told = self._client.first_of(
            ("get_partitions_by_names_req", lambda: (ttypes.GetPartitionsByNamesRequest(*where, list(names)),)),
            ("get_partitions_by_names", lambda: (*where, list(names))),
        )
        found = map(_convert().partition_from, getattr(told, "partitions", told))
        by_values = {partition.values: partition for partition in found}
        return {name: by_values[values] for name in names if (values := values_of(name)) in by_values}

    def functions(self) -> list[Function]:
        """See ``Catalogue``."""
        told = self._client.call("get_all_functions")
        return list(map(_convert().function_from, told.functions or ()))

    def constraints(self, table: Table) -> list[Constraint]:
        """See ``Catalogue``."""
        found: list[Constraint] = []
        for kind in _KINDS:
            call, request, rows = _asked(kind)
            if self._client.has(call):
                try:
                    told = self._client.call(call, request(table))
                except MetastoreRefused:
                    if self._client.has(call):
                        raise
                    continue  # 2.3 has keys alone
                found += _convert().constraint_rows(kind, getattr(told, rows) or ())
        return sorted(found, key=lambda one: (one.kind, one.name))

    def statistics(
        self, table: Table, columns: Sequence[str], partitions: Sequence[str] | None
    ) -> dict[str | None, tuple[ColumnStatistics, ...]]:
        """See ``Catalogue``."""
        from hive_metastore import ttypes

        where = table.database, table.name
        if partitions is None:
            request = ttypes.TableStatsRequest(*where, list(columns), engine="hive")
            told = self._there(lambda: self._client.call("get_table_statistics_req", request))
            return {None: _convert().statistics_from(told.tableStats if told else ())}
        asked = ttypes.PartitionsStatsRequest(*where, list(columns), list(partitions), engine="hive")
        answer = self._there(lambda: self._client.call("get_partitions_statistics_req", asked))
        by_name = answer.partStats if answer else {}
        return {name: _convert().statistics_from(by_name.get(name, ())) for name in partitions}

    # ---- the log

    def position(self) -> int:
        """See ``TellsChanges``."""
        return int(self._client.call("get_current_notificationEventId").eventId)

    def tells_constraints(self) -> bool:
        """See ``TellsChanges``: since 3.0, which has this call."""
        call, request, _ = _asked("not null")
        with contextlib.suppress(MetastoreRefused, ObjectMissing):
            self._client.call(call, request(Table("default", "-", "external", Storage(()))))
        return self._client.has(call)

    def changes(self, after: int, up_to: int) -> Iterator[Event]:
        """See ``TellsChanges``."""
        from hive_metastore import ttypes

        last = after
        while last < up_to:
            request = ttypes.NotificationEventRequest(lastEvent=last, maxEvents=_EVENTS_A_CALL)
            told = self._client.call("get_next_notification", request).events or []
            for event in told:
                if event.eventId > up_to:
                    return
                if event.eventId != last + 1:
                    raise ChangesLost("the notification log has a gap", after=last, found=event.eventId)
                last = event.eventId
                yield _convert().event_from(event)
            if not told:
                raise ChangesLost("the notification log was purged, or it is another one", after=last, wanted=up_to)

    # ---- writing

    def create_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        self._client.call("create_database", _convert().to_database(database))

    def alter_database(self, database: Database) -> None:
        """See ``CatalogueTarget``."""
        self._client.call("alter_database", database.name, _convert().to_database(database))

    def drop_database(self, name: str) -> None:
        """See ``CatalogueTarget``."""
        self._client.call("drop_database", name, False, False)  # noqa: FBT003 - Thrift: deleteData, cascade

    def create_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        told = _convert().to_table(table)
        quietly = ttypes.EnvironmentContext(dict(_QUIETLY))
        self._client.first_of(
            ("create_table_with_environment_context", lambda: (told, quietly)),
            ("create_table_req", lambda: (ttypes.CreateTableRequest(told, quietly),)),
        )

    def alter_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        where, told = (table.database, table.name), _convert().to_table(table)
        quietly = ttypes.EnvironmentContext(dict(_QUIETLY))
        self._client.first_of(
            ("alter_table_with_environment_context", lambda: (*where, told, quietly)),
            ("alter_table_req", lambda: (ttypes.AlterTableRequest(None, *where, told, quietly),)),
        )

    def drop_table(self, table: Table) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        quietly = ttypes.EnvironmentContext(dict(_QUIETLY))
        where = table.database, table.name
        self._client.call("drop_table_with_environment_context", *where, False, quietly)  # noqa: FBT003 - deleteData

    def add_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        told = [_convert().to_partition(table, one) for one in partitions]
        request = ttypes.AddPartitionsRequest(table.database, table.name, told, ifNotExists=True, needResult=False)
        self._client.call("add_partitions_req", request)

    def alter_partitions(self, table: Table, partitions: Iterable[Partition]) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        where, told = (table.database, table.name), [_convert().to_partition(table, one) for one in partitions]
        quietly = ttypes.EnvironmentContext(dict(_QUIETLY))
        self._client.first_of(
            ("alter_partitions_with_environment_context", lambda: (*where, told, quietly)),
            ("alter_partitions_req", lambda: (ttypes.AlterPartitionsRequest(None, *where, told, quietly),)),
        )

    def drop_partitions(self, table: Table, names: Sequence[str]) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        request = ttypes.DropPartitionsRequest(
            table.database, table.name, ttypes.RequestPartsSpec(names=list(names)), deleteData=False, ifExists=True,
            environmentContext=ttypes.EnvironmentContext(dict(_QUIETLY)), needResult=False,
        )  # fmt: skip
        self._client.call("drop_partitions_req", request)

    def put_function(self, function: Function) -> None:
        """See ``CatalogueTarget``."""
        told = _convert().to_function(function)
        try:
            self._client.call("create_function", told)
        except ObjectExists:
            self._client.call("alter_function", function.database, function.name, told)

    def drop_function(self, function: Function) -> None:
        """See ``CatalogueTarget``."""
        self._client.call("drop_function", function.database, function.name)

    def add_constraints(self, table: Table, constraints: Sequence[Constraint]) -> None:
        """See ``CatalogueTarget``."""
        for one in constraints:
            call, request = _added(one.kind)
            self._client.call(call, request(_convert().to_constraint(table, one)))

    def drop_constraint(self, table: Table, name: str) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        self._client.call("drop_constraint", ttypes.DropConstraintRequest(table.database, table.name, name))

    def put_statistics(self, table: Table, statistics: Mapping[str | None, tuple[ColumnStatistics, ...]]) -> None:
        """See ``CatalogueTarget``."""
        from hive_metastore import ttypes

        told = _convert().to_statistics(table, statistics, int(time.time()))
        if told:
            self._client.call(
                "set_aggr_stats_for", ttypes.SetPartitionsStatsRequest(told, needMerge=False, engine="hive")
            )

    def _there(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ObjectMissing:
            return None


def _convert() -> Any:
    from airflow_provider_livedata.engine.metastore import convert

    return convert


def _asked(kind: str) -> tuple[str, Callable[[Table], Any], str]:
    """Of a kind of constraint: the call, its request, and the field of the answer."""
    from hive_metastore import ttypes

    place: Callable[[Table], dict[str, str]] = lambda table: {"db_name": table.database, "tbl_name": table.name}  # noqa: E731
    # The default catalogue's name is needed where a server of version 3 reads it without looking whether it is there.
    named: Callable[[Table], dict[str, str]] = lambda table: {"catName": "hive", **place(table)}  # noqa: E731
    choices: dict[str, tuple[str, Callable[[Table], Any], str]] = {
        "primary key": ("get_primary_keys", lambda t: ttypes.PrimaryKeysRequest(**place(t)), "primaryKeys"),
        "foreign key": (
            "get_foreign_keys", lambda t: ttypes.ForeignKeysRequest(foreign_db_name=t.database, foreign_tbl_name=t.name), "foreignKeys",
        ),
        "unique": ("get_unique_constraints", lambda t: ttypes.UniqueConstraintsRequest(**named(t)), "uniqueConstraints"),
        "not null": ("get_not_null_constraints", lambda t: ttypes.NotNullConstraintsRequest(**named(t)), "notNullConstraints"),
        "default": ("get_default_constraints", lambda t: ttypes.DefaultConstraintsRequest(**named(t)), "defaultConstraints"),
        "check": ("get_check_constraints", lambda t: ttypes.CheckConstraintsRequest(**named(t)), "checkConstraints"),
    }  # fmt: skip
    return choices[kind]


def _added(kind: str) -> tuple[str, Callable[[list[Any]], Any]]:
    from hive_metastore import ttypes

    return {
        "primary key": ("add_primary_key", ttypes.AddPrimaryKeyRequest),
        "foreign key": ("add_foreign_key", ttypes.AddForeignKeyRequest),
        "unique": ("add_unique_constraint", ttypes.AddUniqueConstraintRequest),
        "not null": ("add_not_null_constraint", ttypes.AddNotNullConstraintRequest),
        "default": ("add_default_constraint", ttypes.AddDefaultConstraintRequest),
        "check": ("add_check_constraint", ttypes.AddCheckConstraintRequest),
    }[kind]


def open_hive(uris: str | Sequence[str], **access: Any) -> HiveCatalogue:
    """A metastore by ``thrift://host:port``, several with commas; see ``HiveAccess`` for the rest."""
    import hive_metastore  # noqa: F401 - where the extra is missing, this tells so before any call

    named = uris.split(",") if isinstance(uris, str) else uris
    return HiveCatalogue(HiveAccess(tuple(one.strip() for one in named if one.strip()), **access))
