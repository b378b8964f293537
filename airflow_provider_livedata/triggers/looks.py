"""What sensors wait for: looks that sensors make in a worker, and their trigger out of it, by the same functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_livedata import engine
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.hooks.livedata import open_to_look
from airflow_provider_livedata.triggers.metastore import change_after
from airflow_provider_livedata.triggers.threads import in_thread


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: ``value`` is what was waited for, None while it is not there; ``text`` says how things are."""

    value: dict[str, Any] | None
    text: str


def lag_within(target: str, max_lag_s: float) -> Look:
    """Whether a target is at most so many seconds behind; ``value`` has the fields of ``engine.Lag``."""
    with closing(open_to_look(target)) as zone:
        found = engine.lag(zone)
    is_within = found.lag_s is not None and found.lag_s <= max_lag_s
    return Look(asdict(found) if is_within else None, f"{found.text()}; the bound is {max_lag_s:g} s")


def new_checkpoint(target: str, after: int) -> Look:
    """Whether a run after that one ended with a checkpoint; ``value`` is the newest one's item of ``engine.completed``."""
    with closing(open_to_look(target)) as zone:
        found = engine.completed(zone, after=after)
    return Look(found[-1] if found else None, f"{target} has no checkpoint after run {after}")


def source_changed(source: str, target: str) -> Look:
    """Whether the source is no longer what the target was left holding; ``value`` says by what that was seen."""
    with closing(open_to_look(source)) as one, closing(open_to_look(target)) as other:
        found = engine.changed(one, other)
    value = {"source": source, "target": target, "change": found} if found else None
    return Look(value, f"{source} is what {target} was left holding")


def conflicts_met(left: str, right: str, after: int, unsettled_only: bool) -> Look:  # noqa: FBT001 - by name, from a trigger's arguments
    """Whether a two-way sync after that run met conflicts; ``value`` has ``runs``, the items of ``engine.conflicts_after``."""
    with closing(open_to_look(left)) as one, closing(open_to_look(right)) as other:
        runs = engine.conflicts_after(one, other, run=after)
    chosen = [run for run in runs if run["unsettled_conflicts"] or not unsettled_only]
    value = {"left": left, "right": right, "runs": chosen} if chosen else None
    return Look(value, f"no conflicts between {left} and {right} after run {after}")


def metastore_changed(metastore: str, after: int, databases: list[str], tables: list[str]) -> Look:
    """Whether a metastore was changed after an event of its log; ``value`` has the newest event's number as ``position``."""
    return Look(*change_after(metastore, after, databases, tables))


LOOKS: Mapping[str, Callable[..., Look]] = MappingProxyType({
    "lag_within": lag_within, "new_checkpoint": new_checkpoint, "source_changed": source_changed,
    "metastore_changed": metastore_changed, "conflicts_met": conflicts_met,
})  # fmt: skip


class LookTrigger(BaseTrigger):
    """Looks again and again until what is waited for is there, or time is up; one event.

    The event: ``value`` of the look, or ``late`` (how things were at the end), or ``error`` and ``message`` of a hopeless error. What a
    store could not answer for a passing reason counts as not there yet.

    Args:
        look: A name in ``LOOKS``.
        arguments: Its arguments.
        poll_s: Seconds between looks.
        until_ms: Epoch milliseconds after which it is too late.
    """

    def __init__(self, look: str, arguments: Mapping[str, Any], poll_s: float, until_ms: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.look, self.arguments, self.poll_s, self.until_ms = look, dict(arguments), poll_s, until_ms

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See ``BaseTrigger``."""
        arguments = {"look": self.look, "arguments": self.arguments, "poll_s": self.poll_s, "until_ms": self.until_ms}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        event: dict[str, Any] | None = None
        while event is None:
            try:
                event = self._event_of(await in_thread(lambda: LOOKS[self.look](**self.arguments)))
            except LiveDataError as error:
                event = self._event_of_error(error)
            if event is None:
                await asyncio.sleep(max(0.0, min(self.poll_s, (self.until_ms - now_ms()) / 1000)))
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _event_of(self, found: Look) -> dict[str, Any] | None:
        self.log.info("%s", found.text)
        if found.value is not None:
            return {"value": found.value}
        return self._late(found.text)

    def _event_of_error(self, error: LiveDataError) -> dict[str, Any] | None:
        text = f"{type(error).__name__}: {error}"
        if not error.retryable:
            return {"error": type(error).__name__, "message": text}
        self.log.warning("not to be seen at the moment: %s", text)
        return self._late(text)

    def _late(self, text: str) -> dict[str, Any] | None:
        return {"late": text} if now_ms() >= self.until_ms else None
