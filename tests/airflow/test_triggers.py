"""Triggers: what they tell, when, that they survive the way to the triggerer, and that they never block its loop."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import Asset, AssetWatcher
from airflow.sdk.serde import deserialize, serialize
from airflow.serialization.encoders import encode_trigger
from airflow.serialization.serialized_objects import BaseSerialization

from airflow_provider_livedata.engine import ReplicateOptions, open_zone, replicate
from airflow_provider_livedata.engine.errors import BadInput, ZoneUnreachable
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones import registry
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.triggers.location import LocationChangeTrigger
from airflow_provider_livedata.triggers.looks import LookTrigger
from airflow_provider_livedata.triggers.wait import WaitTrigger

pytestmark = pytest.mark.usefixtures("airflow_home")
_NUMBERS = itertools.count()


@pytest.fixture
def source() -> Zone:
    zone = open_zone(f"memory://watched-source-{next(_NUMBERS)}/data")
    zone.put("a", b"1")
    return zone


@pytest.fixture
def target() -> Zone:
    return open_zone(f"memory://watched-target-{next(_NUMBERS)}/data")


class Hanging:
    """Opens zones in memory once ``gate`` is open, or fails with the next of ``faults``."""

    gate = threading.Event()
    faults: list[Exception] = []  # noqa: RUF012 - one for all, as the store that it stands for

    @classmethod
    def open(cls, address: Address) -> Zone:
        if cls.faults:
            raise cls.faults.pop(0)
        assert cls.gate.wait(30)
        return open_zone(f"memory://{address.authority}/{address.path}")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hanging]]:
    monkeypatch.setattr(registry, "_choices", {**registry._choices, "hanging": (f"{__name__}:Hanging", "")})
    Hanging.gate.clear()
    Hanging.faults = []
    yield Hanging
    Hanging.gate.set()


def watch(trigger: Any, steps: list[Callable[[], Any]]) -> list[Any]:
    """What a trigger yields first, and after each step; nothing but that."""

    async def watched() -> list[Any]:
        events = trigger.run()
        found = [(await asyncio.wait_for(anext(events), 30)).payload]
        for step in steps:
            await asyncio.to_thread(step)
            found.append((await asyncio.wait_for(anext(events), 30)).payload)
        await events.aclose()
        return found

    return asyncio.run(watched())


def is_silent(trigger: Any, seconds: float = 0.3) -> bool:
    async def first() -> Any:
        return await asyncio.wait_for(anext(trigger.run()), seconds)

    try:
        asyncio.run(first())
    except TimeoutError:
        return True
    return False


TRIGGERS = [
    LocationChangeTrigger("s3://lake@bucket/x"),
    LocationChangeTrigger("file:///x", "content", poll_s=3, exclude=("*.tmp",), target="file:///y", after="digest"),
    LookTrigger("lag_within", {"target": "file:///x", "max_lag_s": 60.0}, 15, 1_700_000_000_000),
    WaitTrigger(datetime(2024, 5, 17, tzinfo=UTC), {"began_ms": 1, "last": {"lag_seconds": None, "state": "done"}}),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_a_trigger_survives_the_way_to_the_triggerer(trigger: Any) -> None:
    path, arguments = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    carried: Any = deserialize(json.loads(json.dumps(serialize(arguments))))
    again = type(trigger)(**carried)
    assert again.serialize() == trigger.serialize()


def test_a_watcher_of_an_asset_takes_the_trigger_and_keeps_it() -> None:
    trigger = LocationChangeTrigger("s3://lake@bucket/x", exclude=["*.tmp"])
    asset = Asset("sales", watchers=[AssetWatcher(name="sales", trigger=trigger)])
    kept = json.loads(json.dumps(encode_trigger(asset.watchers[0].trigger)))
    arguments = {name: BaseSerialization.deserialize(value) for name, value in kept["kwargs"].items()}
    assert kept["classpath"] == trigger.serialize()[0]
    assert LocationChangeTrigger(**arguments).serialize() == trigger.serialize()


def test_every_completed_run_is_an_event_with_what_it_did(source: Zone, target: Zone) -> None:
    first = replicate(source, target)

    def one_more() -> None:
        source.put("b", b"22")
        replicate(source, target)

    def two_more() -> None:  # between two looks
        replicate(source, target)
        source.put("c", b"333")
        replicate(source, target)

    trigger = LocationChangeTrigger(str(target.address), poll_s=0.05)
    told = watch(trigger, [one_more, two_more, lambda: None])
    assert [event["run"] for event in told] == [1, 2, 3, 4]
    assert [event["copied_files"] for event in told] == [1, 1, 0, 1]
    assert (told[0]["snapshot"], told[0]["as_of_ms"], told[0]["lag_seconds"]) == (
        first.snapshot, first.as_of_ms, first.lag_seconds,
    )  # fmt: skip
    assert (told[0]["report"], told[0]["checkpoint"]) == (first.address, first.checkpoint_after)
    assert json.loads(json.dumps(told)) == told


def test_a_checkpoint_without_a_report_is_told_a_little_later(source: Zone, target: Zone) -> None:
    replicate(source, target)
    StateFolder(target).remove("runs", only=lambda name: name.endswith("report.json"))
    (told,) = watch(LocationChangeTrigger(str(target.address), poll_s=0.05), [])
    assert (told["run"], told["report"]) == (1, "")


def test_nothing_is_told_twice_nor_before_anything_is_complete(source: Zone, target: Zone) -> None:
    address = str(target.address)
    assert is_silent(LocationChangeTrigger(address, poll_s=0.05))
    replicate(source, target)
    assert is_silent(LocationChangeTrigger(address, poll_s=0.05, after=1))


def test_a_target_that_was_started_over_is_told_of_from_its_first_run_on(source: Zone, target: Zone) -> None:
    replicate(source, target)
    trigger = LocationChangeTrigger(str(target.address), poll_s=0.05, after=800)
    assert [event["run"] for event in watch(trigger, [lambda: replicate(source, target)])] == [1, 2]


def test_a_change_of_the_content_is_an_event_and_what_is_excluded_is_none(source: Zone) -> None:
    trigger = LocationChangeTrigger(str(source.address), "content", poll_s=0.05, exclude=["*.tmp"], after="before")

    def change() -> None:
        source.put("x.tmp", b"1")
        time.sleep(0.2)
        source.put("b", b"22")

    told = watch(trigger, [change])
    assert [event["files"] for event in told] == [1, 2]
    assert told[1]["size_bytes"] == 3
    assert told[0]["digest"] != told[1]["digest"]
    fresh = LocationChangeTrigger(str(source.address), "content", poll_s=0.05)
    assert is_silent(fresh)


def test_a_source_that_is_replicated_is_an_event_once_for_each_checkpoint(source: Zone, target: Zone) -> None:
    replicate(source, target)
    places = str(source.address), str(target.address)

    def write(name: str) -> None:
        source.put(name, b"2")
        source.put(f"{name}-more", b"2")

    def replicate_and_write() -> None:
        replicate(source, target)
        write("c")

    write("b")
    trigger = LocationChangeTrigger(places[0], "content", poll_s=0.05, target=places[1])
    first, second = watch(trigger, [replicate_and_write])
    assert first == {"address": places[0], "target": places[1], "run": 1, "change": "create: b"}
    assert (second["run"], second["change"]) == (2, "create: c")
    assert is_silent(LocationChangeTrigger(places[0], "content", poll_s=0.05, target=places[1], after=2))


class Memory:
    """Airflow's state of an asset, as far as it is used here."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = value


class Broken(Memory):
    async def aget(self, key: str, default: Any = None) -> Any:
        raise RuntimeError("no such table")

    async def aset(self, key: str, value: Any) -> None:
        raise RuntimeError("no such table")


def test_a_watch_that_starts_again_goes_on_where_the_last_one_ended(source: Zone, target: Zone) -> None:
    replicate(source, target)
    memory = Memory()

    def remembering() -> Any:
        trigger = LocationChangeTrigger(str(target.address), poll_s=0.05)
        trigger.asset_state_store = memory  # type: ignore[assignment]
        return trigger

    assert [event["run"] for event in watch(remembering(), [lambda: replicate(source, target)])] == [1, 2]
    replicate(source, target)  # the watch was not there
    replicate(source, target)
    assert [event["run"] for event in watch(remembering(), [lambda: None])] == [2, 3]  # the last is told again


def test_a_watch_goes_on_without_its_memory(source: Zone, target: Zone) -> None:
    replicate(source, target)
    trigger = LocationChangeTrigger(str(target.address), poll_s=0.05)
    trigger.asset_state_store = Broken()  # type: ignore[assignment]
    assert [event["run"] for event in watch(trigger, [lambda: replicate(source, target)])] == [1, 2]


def test_a_store_that_hangs_does_not_hold_the_loop(source: Zone, target: Zone, hanging: type[Hanging]) -> None:
    replicate(source, target)
    trigger = LocationChangeTrigger(str(target.address).replace("memory:", "hanging:"), poll_s=0.05)

    async def watched() -> int:
        event = asyncio.ensure_future(anext(trigger.run()))
        for _ in range(20):  # the loop turns while the look waits in its thread
            await asyncio.sleep(0.01)
        assert not event.done()
        hanging.gate.set()
        return int((await asyncio.wait_for(event, 30)).payload["run"])

    assert asyncio.run(watched()) == 1


def test_a_store_that_fails_for_whatever_reason_is_looked_at_again(
    source: Zone, target: Zone, hanging: type[Hanging]
) -> None:
    replicate(source, target)
    hanging.gate.set()
    hanging.faults = [ZoneUnreachable("no answer"), BadInput("there is no connection"), ZoneUnreachable("no answer")]
    trigger = LocationChangeTrigger(str(target.address).replace("memory:", "hanging:"), poll_s=0.05)
    assert watch(trigger, [])[0]["run"] == 1
    assert hanging.faults == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"address": "/data"}, "address"),
        ({"address": "file:///x", "what": "weather"}, "what is one of checkpoint, content"),
        ({"address": "file:///x", "target": "file:///y"}, "target belongs to"),
        ({"address": "file:///x", "what": "content", "target": "y"}, "address"),
        ({"address": "file:///x", "poll_s": 0}, "poll_s"),
        ({"address": "file:///x", "poll_s": "often"}, "poll_s"),
    ],
)
def test_a_watch_that_cannot_be_is_refused_when_it_is_made(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        LocationChangeTrigger(**arguments)


def look(name: str, seconds: float = 10, **arguments: Any) -> LookTrigger:
    return LookTrigger(name, arguments, 0.05, time.time_ns() // 1_000_000 + round(seconds * 1000))


def test_a_look_ends_with_what_was_waited_for(source: Zone, target: Zone) -> None:
    replicate(source, target)
    address = str(target.address)
    assert watch(look("lag_within", target=address, max_lag_s=60.0), [])[0]["value"]["run"] == 1
    assert watch(look("new_checkpoint", target=address, after=0), [])[0]["value"]["copied_files"] == 1
    source.put("b", b"2")
    (event,) = watch(look("source_changed", source=str(source.address), target=address), [])
    assert event["value"]["change"] == "create: b"


def test_a_look_ends_in_time_and_says_how_things_are(source: Zone, target: Zone) -> None:
    address = str(target.address)
    (event,) = watch(look("lag_within", 0.2, target=address, max_lag_s=60.0), [])
    assert "nothing was ever copied completely" in event["late"]
    replicate(source, target, ReplicateOptions())
    (event,) = watch(look("source_changed", 0.2, source=str(source.address), target=address), [])
    assert "is what" in event["late"]


def test_a_look_bears_what_passes_and_ends_with_what_does_not(
    source: Zone, target: Zone, hanging: type[Hanging]
) -> None:
    replicate(source, target)
    hanging.gate.set()
    address = str(target.address).replace("memory:", "hanging:")
    hanging.faults = [ZoneUnreachable("no answer")]
    assert "value" in watch(look("lag_within", target=address, max_lag_s=60.0), [])[0]
    hanging.faults = [ZoneUnreachable("no answer")] * 1000
    (event,) = watch(look("lag_within", 0.2, target=address, max_lag_s=60.0), [])
    assert event["late"] == "ZoneUnreachable: no answer"
    hanging.faults = [BadInput("no such thing")]
    (event,) = watch(look("lag_within", target=address, max_lag_s=60.0), [])
    assert event == {"error": "BadInput", "message": "BadInput: no such thing"}
