"""Live replication by its operator: cycles, waits in and out of the worker, failures that pass and those that do not, the stop."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import DAG

from airflow_provider_livedata.engine import lag, newest_run, open_zone, stop_live
from airflow_provider_livedata.engine.errors import (
    BadOption,
    LiveDataError,
    LiveFailed,
    PermissionRefused,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.zones import registry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.operators.replicate import LiveDataReplicateOperator
from airflow_provider_livedata.triggers.wait import WaitTrigger
from tests.airflow.runs import Run, run_dag

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()


class Moody:
    """Opens zones in memory, but fails first as ``faults`` says: an error by error, None for a good day."""

    faults: list[LiveDataError | None] = []  # noqa: RUF012 - one for all, as the store that it stands for
    opened = 0

    @classmethod
    def open(cls, address: Address) -> Zone:
        cls.opened += 1
        fault = cls.faults.pop(0) if cls.faults else None
        if fault is not None:
            raise fault
        return open_zone(f"memory://{address.authority}/{address.path}")


@pytest.fixture(autouse=True)
def moody(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Moody]]:
    monkeypatch.setattr(registry, "_choices", {**registry._choices, "moody": (f"{__name__}:Moody", "")})
    Moody.faults, Moody.opened = [], 0
    yield Moody
    Moody.faults = []


@pytest.fixture
def source() -> str:
    authority = f"live-{next(_NUMBERS)}"
    open_zone(f"memory://{authority}/data").put("a", b"1")
    return f"moody://{authority}/data"


@pytest.fixture
def target() -> str:
    return f"memory://copy-{next(_NUMBERS)}/data"


def zone_of(address: str) -> Zone:
    return open_zone(address.replace("moody://", "memory://"))


def names(address: str) -> list[str]:
    return [entry.path for entry in zone_of(address).scan()]


def context(pushed: dict[str, Any] | None = None) -> Any:
    def push(key: str, value: Any) -> None:
        (pushed if pushed is not None else {})[key] = value

    return {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="t", xcom_push=push)}


def live(source: str, target: str, **options: Any) -> LiveDataReplicateOperator:
    return LiveDataReplicateOperator(
        task_id="live", source=source, target=target, **{"interval_s": 0.05, "deferrable": False, **options}
    )


def run_live(make: Callable[[], Any]) -> Run:
    with DAG(f"live_{next(_NUMBERS)}") as dag:
        make()
    return run_dag(dag)


@contextmanager
def stopped_after(target: str, runs: int) -> Iterator[None]:
    """Have what is live in the block stop once so many runs have ended with a checkpoint."""

    def stop() -> None:
        while newest_run(target) < runs:
            time.sleep(0.01)
        stop_live(target, by="a test")

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    yield
    stopping.join()


def fault() -> ZoneUnreachable:
    return ZoneUnreachable("no answer", address="moody://")


def test_without_any_time_there_is_one_cycle(source: str, target: str) -> None:
    run = run_live(lambda: live(source, target, duration_s=0))
    result = run.results["live"]
    assert run.state == "success"
    assert (result["copied_files"], result["run"], result["live"]["cycles"]) == (1, 1, 1)
    assert names(target) == ["a"]


def test_changes_made_between_cycles_arrive_and_are_counted_over_all_of_them(source: str, target: str) -> None:
    def change() -> None:
        for number in range(2):
            while lag(target).run < number + 1:
                time.sleep(0.01)
            zone_of(source).put(f"new-{number}", b"22")
        while "new-1" not in names(target):
            time.sleep(0.01)
        stop_live(target, by="a test")

    changing = threading.Thread(target=change)
    changing.start()
    result = live(source, target, interval_s="0.05").work(context())
    changing.join()
    assert names(target) == ["a", "new-0", "new-1"]
    totals = result["live"]
    assert totals["ended"] == "told to stop by .livedata/stop.json"
    assert totals["cycles"] == lag(target).run >= 3
    assert (totals["copied_files"], totals["copied_bytes"], totals["failed_cycles"]) == (3, 5, 0)
    assert totals["worst_lag_seconds"] >= totals["last_lag_seconds"] >= 0
    assert result["state"] == "done"


def test_a_stop_file_of_an_earlier_run_stops_no_later_one(source: str, target: str) -> None:
    live(source, target, duration_s=0).work(context())
    stop_live(target)
    totals = live(source, target, duration_s=0).work(context())["live"]
    assert (totals["ended"], totals["cycles"]) == ("time is up", 1)


def test_a_long_wait_gives_up_the_worker_and_comes_back_with_all_it_knew(source: str, target: str) -> None:
    operator = live(source, target, interval_s=17, duration_s=50, deferrable=True)
    with pytest.raises(TaskDeferred) as first:
        operator.execute(context())
    trigger = first.value.trigger
    assert isinstance(trigger, WaitTrigger)
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_livedata.triggers.wait.WaitTrigger"
    state = json.loads(json.dumps(arguments["state"]))
    assert arguments["moment"].timestamp() * 1000 == pytest.approx(state["cycle_began_ms"] + 17_000, abs=1)
    assert WaitTrigger(**arguments).serialize() == trigger.serialize()

    zone_of(source).put("b", b"2")
    with pytest.raises(TaskDeferred) as second:  # as the interval was over
        operator.resume(context(), {**state, "cycle_began_ms": state["cycle_began_ms"] - 17_000})
    assert second.value.trigger.state["cycles"] == 2
    assert second.value.trigger.state["copied_files"] == 2
    assert names(target) == ["a", "b"]
    ended = operator.resume(context(), {**state, "until_ms": state["cycle_began_ms"] + 17_000})
    assert (ended["live"]["cycles"], ended["live"]["ended"]) == (1, "time is up")


def test_the_lease_is_free_while_a_live_run_waits(source: str, target: str) -> None:
    with pytest.raises(TaskDeferred):
        live(source, target, interval_s=60, deferrable=True).execute(context())
    assert live(source, target, duration_s=0).work(context())["run"] == 2


def test_a_deferred_run_in_a_dag_ends_with_the_totals_of_all_its_cycles(source: str, target: str) -> None:
    def make() -> LiveDataReplicateOperator:
        operator = live(source, target, interval_s=1, deferrable=True)
        operator.shortest_deferral_s = 0  # type: ignore[misc]
        return operator

    with stopped_after(target, 3):
        run = run_live(make)
    assert run.state == "success"
    assert run.results["live"]["live"]["cycles"] == lag(target).run >= 3


def test_a_passing_failure_of_a_cycle_is_counted_and_tried_again(source: str, target: str, moody: type[Moody]) -> None:
    moody.faults = [None, fault(), fault(), None]
    with stopped_after(target, 3):
        totals = live(source, target, max_failures_in_row=3).work(context())["live"]
    assert totals["failed_cycles"] == 2
    assert lag(target).run == totals["cycles"] - 2


def test_too_many_failures_in_a_row_fail_the_task_which_may_be_tried_again(
    source: str, target: str, moody: type[Moody]
) -> None:
    moody.faults = [None, fault(), None, fault(), fault(), fault(), None]
    pushed: dict[str, Any] = {}
    with pytest.raises(AirflowException, match="the last 3 of 6 cycles failed.*ZoneUnreachable: no answer") as caught:
        live(source, target, max_failures_in_row=3).execute(context(pushed))
    assert not isinstance(caught.value, AirflowFailException)
    assert pushed["failure"]["error"] == "LiveFailed"
    assert moody.opened == 6


def test_a_run_whose_last_cycle_failed_does_not_end_well(source: str, target: str, moody: type[Moody]) -> None:
    moody.faults = [fault()]
    with pytest.raises(LiveFailed, match="no answer"):
        live(source, target, duration_s=0).work(context())


def test_a_hopeless_error_fails_the_task_at_once(source: str, target: str, moody: type[Moody]) -> None:
    moody.faults = [None, PermissionRefused("you may not", address="moody://")]
    with pytest.raises(AirflowFailException, match="you may not"):
        live(source, target).execute(context())
    assert moody.opened == 2


def test_a_dry_run_is_one_plan_and_no_cycle(source: str, target: str) -> None:
    result = live(source, target, dry_run="true").work(context())
    assert (result["state"], result["planned_files"], result["live"]["cycles"]) == ("dry run", 1, 0)
    assert names(target) == []


@pytest.mark.parametrize(
    "options", [{"interval_s": "soon"}, {"interval_s": 0}, {"duration_s": -1}, {"max_failures_in_row": "0"}]
)
def test_a_pace_that_cannot_be_is_refused_before_anything_is_copied(
    source: str, target: str, options: dict[str, Any]
) -> None:
    with pytest.raises(BadOption, match=next(iter(options))):
        live(source, target, **options).work(context())
    assert names(target) == []


@pytest.mark.parametrize("given", [None, "", "None", " "])
def test_no_duration_is_no_end(source: str, target: str, given: Any) -> None:
    assert live(source, target, duration_s=given).pace().duration_s is None
