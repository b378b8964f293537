"""Waiting until there is something new: at a source that is to be copied, or at a target that was copied to."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import airflow_errors, as_int
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.sensors.base import LookSensor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LiveDataChangeSensor(LookSensor):
    """Wait until a source has changed since a target's last checkpoint, or until a target has a new checkpoint.

    With ``source``: returns ``source``, ``target`` and ``change``, by what it was seen. A source with snapshots is asked for what changed since
    the checkpoint's; any other one is listed. Without ``source``: waits for a run after ``after`` that ends with a checkpoint, and
    returns what the events of ``LocationChangeTrigger`` carry.

    Args:
        target: Address of the target.
        source: Address of the source, or empty.
        after: A run number; by default that of the newest checkpoint when the task begins. With ``mode="reschedule"`` it is needed,
            since such a task begins again for every look.
    """

    template_fields: Collection[str] = ("target", "source", "after")

    def __init__(
        self, *, target: str, source: str | None = None, after: int | str | None = None, **kwargs: Any
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.target = target
        self.source = source
        self.after = after

    def execute(self, context: Context) -> Any:
        """Remember where the target stands, and wait."""
        if not self.source and self.after in (None, "", "None"):
            with airflow_errors():
                self.after = self._newest()
        return super().execute(context)

    def look(self) -> tuple[str, dict[str, Any]]:
        """See ``LookSensor``."""
        target = str(Address.parse(self.target))
        if self.source:
            return "source_changed", {"source": str(Address.parse(self.source)), "target": target}
        return "new_checkpoint", {"target": target, "after": as_int(self.after, "after")}

    def _newest(self) -> int:
        if self.reschedule:
            raise BadOption(
                'with mode="reschedule" say after which run, by "after"; or use deferrable=True', after=self.after
            )
        with closing(open_to_look(self.target)) as zone:
            return engine.newest_run(zone)
