"""Looks at a metastore's log of changes."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from airflow_provider_livedata.engine.errors import ChangesLost, Unsupported
from airflow_provider_livedata.engine.metastore.base import TellsChanges
from airflow_provider_livedata.engine.metastore.sync_options import SyncOptions
from airflow_provider_livedata.hooks.metastore import MetastoreHook


def position_of(metastore: str) -> int:
    """The number of the newest event of a metastore.

    Raises:
        Unsupported: It keeps no log.
    """
    with closing(MetastoreHook(metastore).get_conn()) as catalogue:
        if not isinstance(catalogue, TellsChanges):
            raise Unsupported("this catalogue keeps no log of changes", metastore=metastore)
        return catalogue.position()


def change_after(
    metastore: str, after: int, databases: list[str], tables: list[str]
) -> tuple[dict[str, Any] | None, str]:
    """The first event after that one which concerns these databases and tables, and how things are.

    A log that was purged or begun anew counts as a change: only a comparison can tell.
    """
    chosen = SyncOptions(databases=tuple(databases), tables=tuple(tables))
    with closing(MetastoreHook(metastore).get_conn()) as catalogue:
        if not isinstance(catalogue, TellsChanges):
            raise Unsupported("this catalogue keeps no log of changes", metastore=metastore)
        newest = catalogue.position()
        value = {"metastore": metastore, "after": after, "position": newest}
        if newest < after:
            return {**value, "change": "the log was begun anew"}, ""
        try:
            for event in catalogue.changes(after, newest):
                names = [table for table in event.tables if chosen.takes(event.database, table)]
                if names or (not event.tables and chosen.takes_database(event.database)):
                    where = ".".join([event.database, *names[:1]])
                    return {**value, "change": f"{event.kind} {where}", "event": event.number}, ""
        except ChangesLost as error:
            return {**value, "change": str(error.args[0])}, ""
    return None, f"nothing that was chosen has changed in {metastore} from event {after:,} to {newest:,}"
