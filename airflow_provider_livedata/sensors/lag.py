"""Waiting until a target has caught up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow_provider_livedata.bridge import as_float
from airflow_provider_livedata.engine.errors import BadOption
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.sensors.base import LookSensor


class LiveDataLagSensor(LookSensor):
    """Wait until a target's lag is at most ``max_lag_s``; fail when it stays over that for ``timeout``.

    The lag is now minus the instant of the newest source snapshot that the target holds completely. It is read from the target
    alone. Returns the fields of ``engine.Lag``; a failure names lag, last checkpoint and last contact.

    Args:
        target: Address of the target.
        max_lag_s: The bound, in seconds.
    """

    template_fields: Collection[str] = ("target", "max_lag_s")

    def __init__(self, *, target: str, max_lag_s: float | str = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.max_lag_s = max_lag_s

    def look(self) -> tuple[str, dict[str, Any]]:
        """See ``LookSensor``."""
        max_lag_s = as_float(self.max_lag_s, "max_lag_s")
        if max_lag_s <= 0:
            raise BadOption("max_lag_s is a number of seconds above 0", max_lag_s=self.max_lag_s)
        return "lag_within", {"target": str(Address.parse(self.target)), "max_lag_s": max_lag_s}
