"""Waiting for a moment, with what the task has to know when it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.triggers.base import TriggerEvent


class WaitTrigger(DateTimeTrigger):
    """Airflow's own wait, whose event gives back ``state``.

    ``airflow dags test`` hands a task that comes back nothing but the event, so what it has to know travels in there.

    Args:
        moment: When to go on, with a time zone.
        state: Plain values of JSON.
    """

    def __init__(self, moment: datetime, state: Mapping[str, Any]) -> None:
        super().__init__(moment=moment)
        self.state = dict(state)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See ``BaseTrigger``."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"moment": self.moment, "state": self.state}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the state when the moment has come."""
        async for _ in super().run():
            yield TriggerEvent(self.state)  # type: ignore[no-untyped-call]
