"""Waiting until two locations that are kept in step were changed in ways that contradict each other."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import airflow_errors, as_bool, as_int
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.sensors.base import LookSensor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LiveDataConflictSensor(LookSensor):
    """Wait until a two-way sync met conflicts; returns those runs, with the first conflicts of each and how they were settled.

    Args:
        left: Address of one location.
        right: Address of the other one.
        after: A run number; by default that of the newest sync when the task begins. With ``mode="reschedule"`` it is needed, since such a task
            begins again for every look.
        unsettled_only: Wait for conflicts that were left to a person (policy ``fail``).
    """

    template_fields: Collection[str] = ("left", "right", "after", "unsettled_only")

    def __init__(
        self,
        *,
        left: str,
        right: str,
        after: int | str | None = None,
        unsettled_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.left = left
        self.right = right
        self.after = after
        self.unsettled_only = unsettled_only

    def execute(self, context: Context) -> Any:
        """Remember the newest sync, and wait."""
        if self.after in (None, "", "None"):
            with airflow_errors():
                self.after = self._newest()
        return super().execute(context)

    def look(self) -> tuple[str, dict[str, Any]]:
        """See ``LookSensor``."""
        left, right = (str(Address.parse(address)) for address in (self.left, self.right))
        is_unsettled = as_bool(self.unsettled_only, "unsettled_only")
        return "conflicts_met", {
            "left": left,
            "right": right,
            "after": as_int(self.after, "after"),
            "unsettled_only": is_unsettled,
        }

    def _newest(self) -> int:
        if self.reschedule:
            raise BadOption(
                'with mode="reschedule" say after which run, by "after"; or use deferrable=True', after=self.after
            )
        with closing(open_to_look(self.left)) as left, closing(open_to_look(self.right)) as right:
            return engine.newest_two_way_run(left, right)
