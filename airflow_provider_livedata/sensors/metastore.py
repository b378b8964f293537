"""Waiting until a metastore was changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata.bridge import airflow_errors, as_int, as_texts
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.metastore.stored import sync_folder
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.sensors.base import LookSensor
from airflow_provider_livedata.triggers.metastore import position_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MetastoreChangeSensor(LookSensor):
    """Wait until a metastore's notification log tells a change of chosen databases and tables.

    Returns ``metastore``, ``after``, ``change`` (what was seen) and ``position``, the number of the newest event then: give it to
    ``MetastoreSyncOperator`` as ``up_to`` when the data are replicated in between.

    Args:
        metastore: Airflow connection of the metastore.
        after: The number of an event. By default, with ``state``, that up to which its sync follows, so that the sensor waits until there
            is something to sync; without it, the newest one when the task begins (which ``mode="reschedule"`` cannot do).
        state: Address of the state of a sync.
        databases, tables: Patterns, as of ``engine.SyncOptions``.
    """

    template_fields: Collection[str] = ("metastore", "after", "state", "databases", "tables")

    def __init__(
        self, *, metastore: str, after: int | str | None = None, state: str = "", databases: Sequence[str] | str = ("*",),
        tables: Sequence[str] | str = ("*",), **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.metastore = metastore
        self.after = after
        self.state = state
        self.databases = databases
        self.tables = tables

    def execute(self, context: Context) -> Any:
        """Remember where the log stands, and wait."""
        if self.after in (None, "", "None"):
            with airflow_errors():
                self.after = self._begin()
        return super().execute(context)

    def look(self) -> tuple[str, dict[str, Any]]:
        """See ``LookSensor``."""
        chosen = {
            "databases": list(as_texts(self.databases, "databases")),
            "tables": list(as_texts(self.tables, "tables")),
        }
        return "metastore_changed", {"metastore": self.metastore, "after": as_int(self.after, "after"), **chosen}

    def _begin(self) -> int:
        if self.state:
            with closing(open_to_look(self.state)) as zone:
                known = sync_folder(StateFolder(zone)).read()
            return max(0, known.position) if known else 0
        if self.reschedule:
            raise BadOption(
                'with mode="reschedule" say after which event, by "after" or "state"; or use deferrable=True',
                after=self.after,
            )
        return position_of(self.metastore)
