"""What the sensors have in common: one look, made by the worker or, deferred, by the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_livedata.bridge import airflow_errors
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.triggers.looks import LOOKS, LookTrigger

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class LookSensor(BaseSensorOperator):
    """Waits until a look finds what is waited for, which it returns; after ``timeout`` it fails and says how things are.

    A store that does not answer for a passing reason counts as not there yet; a hopeless error fails the task at once.
    Of Airflow's arguments ``timeout``, ``poke_interval``, ``mode``, ``soft_fail`` and the like mean what they always do.

    Args:
        deferrable: Wait in the triggerer, not in a worker; by default as ``[operators] default_deferrable`` says.
    """

    ui_color = "#e0f0f5"

    def __init__(
        self, *, deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 15, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.deferrable = deferrable
        self._seen = ""

    def look(self) -> tuple[str, dict[str, Any]]:
        """A name in ``LOOKS`` and its arguments.

        Raises:
            BadInput: They cannot be.
        """
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Wait.

        Raises:
            AirflowSensorTimeout: It took longer than ``timeout``; says how things are.
        """
        if self.deferrable:
            with airflow_errors():
                name, arguments = self.look()
            until_ms = now_ms() + round(self.timeout * 1000)
            trigger = LookTrigger(name, arguments, self.poke_interval, until_ms)
            self.defer(trigger=trigger, method_name="execute_complete")
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(f"{self._seen}. {error}") from error

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with airflow_errors():
            name, arguments = self.look()
            try:
                found = LOOKS[name](**arguments)
            except LiveDataError as error:
                if not error.retryable:
                    raise
                self._seen = f"{type(error).__name__}: {error}"
                self.log.warning("not to be seen at the moment: %s", self._seen)
                return PokeReturnValue(is_done=False)
        self._seen = found.text
        self.log.info("%s", found.text)
        return PokeReturnValue(is_done=found.value is not None, xcom_value=found.value)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """What the trigger found is the result.

        Raises:
            AirflowSensorTimeout: It was not there in time.
            AirflowFailException: A hopeless error.
        """
        if "late" in event:
            raise AirflowSensorTimeout(f"{event['late']}. It did not come within {self.timeout:g} s")
        if "error" in event:
            raise AirflowFailException(str(event["message"]))
        if not isinstance(event.get("value"), Mapping):
            raise AirflowException(f"the trigger gave an event of another kind: {event}")
        return dict(event["value"])
