"""Live replication: cycle after cycle, out of the worker while it waits."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_livedata import engine
from airflow_provider_livedata.bridge import as_float, as_int, is_blank
from airflow_provider_livedata.engine.clock import now_ms
from airflow_provider_livedata.engine.deciding.live import (
    LiveRun,
    Pace,
    after_cycle,
    after_failure,
    has_failed_too_often,
    is_told_to_stop,
    next_start_ms,
)
from airflow_provider_livedata.engine.errors import LiveDataError, LiveFailed, WindowClosed
from airflow_provider_livedata.engine.units import human_bytes, human_seconds
from airflow_provider_livedata.operators.base import ReplicationOperator, both, opened, opening

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_livedata.engine.options import ReplicateOptions


class LiveDataReplicateOperator(ReplicationOperator):
    """Keep a target within seconds of its source: replicate again and again, for a given time or until told to stop.

    It ends when ``duration_s`` has passed, when ``.livedata/stop.json`` at the target is written anew (``engine.stop_live``), or when
    the task is cleared or failed in the UI. A cycle that fails for a passing reason is reported and tried again at the next interval;
    a hopeless error fails the task at once, and so does the failure of the last cycle. The target's lease is held during cycles only.

    Args:
        interval_s: Seconds from the start of a cycle to the start of the next; one that takes longer is followed at once.
        duration_s: Seconds in which cycles start. 0: one cycle. None or an empty text: no end, until told to stop.
        max_failures_in_row: After so many failed cycles in a row the task fails; Airflow may try it again.
        deferrable: Free the worker slot during waits of 10 s or more; by default as ``[operators] default_deferrable`` says.

    With ``dry_run`` one plan is written and nothing else happens. Returns the totals of the last cycle's report, and as ``live``
    those over all cycles: cycles, failed_cycles, changes, copied_files, copied_bytes, deleted, worst_lag_seconds,
    last_lag_seconds, seconds, and in ``ended`` why it did.
    """

    template_fields: Collection[str] = (
        *ReplicationOperator.template_fields, "interval_s", "duration_s", "max_failures_in_row",
    )  # fmt: skip
    # A worker takes seconds to come back; and a task that is back before the scheduler has seen its worker leave is taken
    # for killed (Airflow 3.3.2), which a busy scheduler can miss for some seconds.
    shortest_deferral_s: ClassVar[float] = 10.0

    def __init__(
        self, *, interval_s: float | str = 15, duration_s: float | str | None = None, max_failures_in_row: int | str = 5,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False), **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.interval_s = interval_s
        self.duration_s = duration_s
        self.max_failures_in_row = max_failures_in_row
        self.deferrable = deferrable

    def work(self, context: Context) -> dict[str, Any]:
        """Begin."""
        pace, options = self.pace(), self.chosen(context)
        if options.dry_run:
            return {**self._replicate(options), "live": {**LiveRun(now_ms()).totals(now_ms()), "ended": "dry run"}}
        with opened(self.target, options) as target:
            mark = engine.stop_mark(target)
        return self._go_on(LiveRun.begin(now_ms(), pace, mark), pace, options)

    def resume(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Go on after a wait outside the worker; ``event`` is what ``LiveRun.to_json`` gave."""
        run = LiveRun.from_json(event)
        return self.guarded(context, lambda context: self._go_on(run, self.pace(), self.chosen(context)))

    def pace(self) -> Pace:
        """What the templates say.

        Raises:
            BadOption: Not numbers, or none that it can be.
        """
        has_end = not is_blank(self.duration_s)
        return Pace(
            as_float(self.interval_s, "interval_s"),
            as_float(self.duration_s, "duration_s") if has_end else None,
            as_int(self.max_failures_in_row, "max_failures_in_row"),
        )

    def _go_on(self, run: LiveRun, pace: Pace, options: ReplicateOptions) -> dict[str, Any]:
        while (start_ms := next_start_ms(run, pace, now_ms())) is not None:
            self._wait(run, start_ms)
            began_ms = now_ms()
            try:
                if self._is_told_to_stop(run, options):
                    return self._ended(run, "told to stop by .livedata/stop.json")
                run = after_cycle(run, began_ms, self._replicate(options), now_ms())
                self.log.info("%s", _line(run))
            except WindowClosed as closed:
                run = self._closed(run, closed)
            except LiveDataError as error:
                run = self._failed(run, pace, began_ms, error)
        return self._ended(run, "time is up")

    def _replicate(self, options: ReplicateOptions) -> dict[str, Any]:
        # Opened anew for each cycle: a connection may have changed, and a client may have gone stale in a long wait.
        with both(self.source, self.target, options) as (source, target):
            return engine.replicate(source, target, options).summary()

    def _is_told_to_stop(self, run: LiveRun, options: ReplicateOptions) -> bool:
        with opened(self.target, options) as target:
            return is_told_to_stop(run, engine.stop_mark(target))

    def _wait(self, run: LiveRun, start_ms: int) -> None:
        wait_s = (start_ms - now_ms()) / 1000
        if wait_s <= 0:
            return
        if self.deferrable and wait_s >= self.shortest_deferral_s:
            from airflow_provider_livedata.triggers.wait import WaitTrigger

            moment = datetime.fromtimestamp(start_ms / 1000, UTC)
            self.defer(trigger=WaitTrigger(moment, run.to_json()), method_name="resume")
        time.sleep(wait_s)

    def _closed(self, run: LiveRun, closed: WindowClosed) -> LiveRun:
        opens = opening(closed)
        if opens is None:
            raise closed
        self.log.info("%s", closed)
        return replace(run, closed_until_ms=round(opens.timestamp() * 1000))

    def _failed(self, run: LiveRun, pace: Pace, began_ms: int, error: LiveDataError) -> LiveRun:
        if not error.retryable:
            raise error
        report = getattr(error, "report", None)
        reason = f"{type(error).__name__}: {error}"
        run = after_failure(run, began_ms, reason, report.summary() if report else None, now_ms())
        self.log.warning("cycle %s failed, %s in a row: %s", run.cycles, run.failures_in_row, reason)
        if has_failed_too_often(run, pace) or next_start_ms(run, pace, now_ms()) is None:
            failed = LiveFailed(
                f"the last {run.failures_in_row} of {run.cycles} cycles failed; run it again once the reason is gone",
                reason=reason, target=self.target,
            )  # fmt: skip
            failed.report = report
            raise failed from error
        return run

    def _ended(self, run: LiveRun, why: str) -> dict[str, Any]:
        totals = {**run.totals(now_ms()), "ended": why}
        self.log.info("live replication ended: %s\n%s", why, "\n".join(f"{k:<20}{v}" for k, v in totals.items()))
        return {"source": self.source, "target": self.target, **run.last, "live": totals}


def _line(run: LiveRun) -> str:
    last = run.last
    return (
        f"cycle {run.cycles}: {last['changes']:,} changes, {last['copied_files']:,} files copied, "
        f"{human_bytes(last['copied_bytes'])}, {last['deleted']:,} deleted, in {human_seconds(last['seconds'])}; "
        f"lag {human_seconds(last['lag_seconds'])}"
    )
