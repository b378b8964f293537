"""The sensors, poking and deferred: what they wait for, what they return, and what they say when it does not come."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk import DAG

from airflow_provider_livedata.engine import open_zone, replicate
from airflow_provider_livedata.engine.errors import ZoneUnreachable
from airflow_provider_livedata.engine.zones import registry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.sensors.change import LiveDataChangeSensor
from airflow_provider_livedata.sensors.lag import LiveDataLagSensor
from tests.airflow.runs import run_dag

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()
WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["poked", "deferred"])


@pytest.fixture
def source() -> Zone:
    zone = open_zone(f"memory://sensed-source-{next(_NUMBERS)}/data")
    zone.put("a", b"1")
    return zone


@pytest.fixture
def target() -> Zone:
    return open_zone(f"memory://sensed-target-{next(_NUMBERS)}/data")


def sensed(make: Callable[..., Any], *, meanwhile: Callable[[], Any] | None = None, **options: Any) -> Any:
    """What a sensor returns in a DAG of its own, while something happens, and goes on happening until it ends."""
    with DAG(f"sensing_{next(_NUMBERS)}") as dag:
        make(task_id="wait", poke_interval=0.1, timeout=20, **options)
    ended = threading.Event()

    def happen() -> None:
        while not ended.wait(1):
            if meanwhile is not None:
                meanwhile()

    happening = threading.Thread(target=happen)
    happening.start()
    try:
        run = run_dag(dag)
    finally:
        ended.set()
        happening.join()
    assert run.state == "success"
    return run.results["wait"]


def failed(sensor: Any) -> str:
    """Why a sensor ends, executed as Airflow would."""
    with pytest.raises(AirflowSensorTimeout) as caught:
        executed(sensor)
    return str(caught.value)


def executed(sensor: Any) -> Any:
    """Execute a sensor here, with its trigger where it defers."""
    try:
        return sensor.execute({})
    except TaskDeferred as deferred:
        return getattr(sensor, deferred.method_name)({}, event=_first_event(deferred.trigger))


def _first_event(trigger: Any) -> Any:
    async def first() -> Any:
        return (await asyncio.wait_for(anext(trigger.run()), 30)).payload

    return asyncio.run(first())


@WAYS
def test_a_lag_sensor_waits_until_the_target_has_caught_up(source: Zone, target: Zone, *, deferrable: bool) -> None:
    found = sensed(
        LiveDataLagSensor, target=str(target.address), max_lag_s="{{ 30 + 30 }}", deferrable=deferrable,
        meanwhile=lambda: replicate(source, target),
    )  # fmt: skip
    assert found["run"] >= 1
    assert 0 <= found["lag_s"] <= 60
    assert found["checkpoint"] == f"{target.address}/.livedata/checkpoint/{found['run']:012d}.json"


@WAYS
def test_a_lag_that_stays_too_large_fails_and_is_named(source: Zone, target: Zone, *, deferrable: bool) -> None:
    replicate(source, target)
    time.sleep(0.02)
    said = failed(
        LiveDataLagSensor(
            task_id="wait", target=str(target.address), max_lag_s=0.01, timeout=0.2, poke_interval=0.05,
            deferrable=deferrable,
        )
    )  # fmt: skip
    assert "lags " in said
    assert "checkpoint 1, as of 20" in said
    assert "last contact 20" in said
    assert "the bound is 0.01 s" in said


@WAYS
def test_a_change_sensor_waits_until_the_source_has_changed(source: Zone, target: Zone, *, deferrable: bool) -> None:
    replicate(source, target)
    places = {"source": str(source.address), "target": str(target.address)}
    found = sensed(
        LiveDataChangeSensor, **places, deferrable=deferrable, meanwhile=lambda: source.put("b", b"2")
    )  # fmt: skip
    assert found == {**places, "change": "create: b"}


@WAYS
def test_a_change_sensor_waits_for_a_new_checkpoint(source: Zone, target: Zone, *, deferrable: bool) -> None:
    replicate(source, target)
    found = sensed(
        LiveDataChangeSensor, target=str(target.address), deferrable=deferrable,
        meanwhile=lambda: replicate(source, target),
    )  # fmt: skip
    assert found["run"] >= 2
    assert found["copied_files"] in (0, None)  # None: it looked after the checkpoint and before the report
    again = sensed(LiveDataChangeSensor, target=str(target.address), after="{{ 1 }}", deferrable=deferrable)
    assert (again["run"] >= 2, again["copied_files"]) == (True, 0)


@WAYS
def test_no_change_fails_in_time_and_says_so(source: Zone, target: Zone, *, deferrable: bool) -> None:
    replicate(source, target)
    options: Any = {"timeout": 0.2, "poke_interval": 0.05, "deferrable": deferrable}
    places = {"source": str(source.address), "target": str(target.address)}
    assert "is what memory://" in failed(LiveDataChangeSensor(task_id="wait", **places, **options))
    said = failed(LiveDataChangeSensor(task_id="wait", target=str(target.address), **options))
    assert "no checkpoint after run 1" in said


def test_a_look_that_fails_for_a_passing_reason_is_made_again(
    source: Zone, target: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicate(source, target)
    monkeypatch.setattr(registry, "_choices", {**registry._choices, "tired": (f"{__name__}:Tired", "")})
    address = str(target.address).replace("memory:", "tired:")
    Tired.failures = 2
    options: Any = {"target": address, "poke_interval": 0.01, "deferrable": False}
    assert LiveDataLagSensor(task_id="wait", timeout=10, **options).execute({})["run"] == 1
    assert Tired.failures == 0
    Tired.failures = 1_000_000
    assert "ZoneUnreachable: asleep" in failed(LiveDataLagSensor(task_id="wait", timeout=0.1, **options))


class Tired:
    """Opens zones in memory, but does not answer as often as ``failures`` says."""

    failures = 0

    @classmethod
    def open(cls, address: Address) -> Zone:
        if cls.failures:
            cls.failures -= 1
            raise ZoneUnreachable("asleep")
        return open_zone(f"memory://{address.authority}/{address.path}")


def test_an_event_of_a_hopeless_error_fails_for_good_and_a_soft_failure_skips(target: Zone) -> None:
    sensor = LiveDataLagSensor(task_id="wait", target=str(target.address))
    with pytest.raises(AirflowFailException, match="PermissionRefused: no"):
        sensor.execute_complete({}, {"error": "PermissionRefused", "message": "PermissionRefused: no"})
    soft = LiveDataLagSensor(task_id="wait", target=str(target.address), soft_fail=True)
    with pytest.raises(AirflowSkipException):
        soft.resume_execution("execute_complete", {"event": {"late": "it lags"}}, {})


@WAYS
@pytest.mark.parametrize(
    "options",
    [
        {"target": "nothing"}, {"target": "s3://nowhere@bucket/x", "timeout": 5}, {"target": "file:///x", "max_lag_s": "little"},
        {"target": "file:///x", "max_lag_s": 0},
    ],
)  # fmt: skip
def test_what_cannot_be_sensed_fails_for_good(options: dict[str, Any], *, deferrable: bool) -> None:
    sensor = LiveDataLagSensor(task_id="wait", **options, deferrable=deferrable)
    with pytest.raises(AirflowFailException):
        executed(sensor)


def test_a_sensor_that_begins_again_for_every_look_has_to_be_told_after_which_run(target: Zone) -> None:
    sensor = LiveDataChangeSensor(task_id="wait", target=str(target.address), mode="reschedule")
    with pytest.raises(AirflowFailException, match="after"):
        sensor.execute({})
