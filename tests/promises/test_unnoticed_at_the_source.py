"""Unnoticed at the source: nothing is written there, reads keep to their limits, and what nobody wants is not looked at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, preflight, replicate, verify
from airflow_provider_livedata.engine.limits import MADE_UP_S, Bandwidth, Pace
from airflow_provider_livedata.engine.options import Consistency
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.faults import MUTATING, Counting
from tests.crash.conftest import PART_BYTES, Pair, contents

Make = Callable[[str, str], Pair]
Result = TypeVar("Result")


def test_a_source_is_changed_by_nothing_but_its_snapshot(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({"a": b"1", "b/c": b"2"})
    before = contents(pair.source)
    source = Counting(pair.source)
    replicate(source, pair.target)
    assert MUTATING & source.counts.calls.keys() <= {"prepare_snapshots", "snapshot", "drop_snapshot"}
    assert contents(pair.source) == before


def test_bytes_are_read_at_the_rate_of_the_hour_and_no_faster(make_pair: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    limit = partial(Bandwidth, clock=lambda: sum(slept), sleep=slept.append, now=lambda: datetime(2026, 1, 5, 12))  # noqa: DTZ001 - local time
    monkeypatch.setattr("airflow_provider_livedata.engine.replication.routing.Bandwidth", limit)
    pair = make_pair("hdfs", "objects")
    pair.put({f"f{n:02d}": b"x" * PART_BYTES for n in range(32)})
    replicate(pair.source, pair.target, ReplicateOptions(bandwidth="08:00-18:00=1KiB/s, off", threads=1))
    assert sum(slept) == pytest.approx(31 * PART_BYTES / 1024)  # the first file is due at once


def test_no_more_reads_are_under_way_than_asked_for(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put({f"f{n:02d}": b"x" for n in range(60)})
    source = Gauged(pair.source)
    replicate(source, pair.target, ReplicateOptions(threads=16, max_reads=2))
    assert source.gauge.most == 2


class Gauge:
    """How many are inside at once, and how many there were at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.002)  # so that those who may come in do

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


class Gauged(Around):
    """Gauges the reads of a zone and of its views."""

    def __init__(self, zone: Zone, gauge: Gauge | None = None) -> None:
        super().__init__(zone)
        self.gauge = gauge or Gauge()

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Gauge it if it is a read."""
        if name != "read_into":
            return run()
        with self.gauge:
            return run()

    def around_zone(self, zone: Zone) -> Zone:
        """Views count into the same gauge."""
        return type(self)(zone, self.gauge)


@pytest.mark.parametrize("consistency", ["files", "snapshot"])
def test_a_namenode_is_called_no_more_often_than_asked_for(
    make_pair: Make, monkeypatch: pytest.MonkeyPatch, consistency: Consistency
) -> None:
    time_s, lock, rate = [0.0], threading.Lock(), 20

    def sleep(seconds: float) -> None:
        with lock:
            time_s[0] += seconds

    limit = partial(Pace, clock=lambda: time_s[0], sleep=sleep)
    monkeypatch.setattr("airflow_provider_livedata.engine.replication.opening.Pace", limit)
    pair = make_pair("hdfs", "objects")
    options = ReplicateOptions(max_namenode_calls_per_s=rate, consistency=consistency, threads=8)
    for text in (b"first", b"second"):
        pair.put({f"f{n:02d}": text for n in range(40)})
        source = NameNode(pair.source, lambda: time_s[0])
        replicate(source, pair.target, options)
        source.check_pace(rate, at_least=40)
    source = NameNode(pair.source, lambda: time_s[0])
    verify(source, pair.target, level="content", max_namenode_calls_per_s=rate)
    source.check_pace(rate, at_least=40)
    source = NameNode(pair.source, lambda: time_s[0])
    preflight(source, pair.target, ReplicateOptions(max_namenode_calls_per_s=1))
    source.check_pace(1, at_least=3)


class NameNode(Around):
    """Notes when it is called, and waits for its turn where it is paced, as the zone of HDFS does."""

    def __init__(
        self, zone: Zone, clock: Callable[[], float], called: list[float] | None = None, pace: Pace | None = None
    ) -> None:
        super().__init__(zone)
        self._clock, self._pace = clock, pace
        self.called = [] if called is None else called
        self._began = clock()

    def paced(self, pace: Pace) -> Zone:
        """See ``PacesCalls``."""
        return NameNode(self.inner, self._clock, self.called, pace)

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Wait, note, call."""
        if self._pace is not None:
            self._pace.take()
        self.called.append(self._clock())
        return run()

    def around_zone(self, zone: Zone) -> Zone:
        """Views are of the same NameNode."""
        return NameNode(zone, self._clock, self.called, self._pace)

    def check_pace(self, rate: int, *, at_least: int) -> None:
        """At every call, no more had been made than may be."""
        assert len(self.called) >= at_least
        for calls, at in enumerate(sorted(self.called), 1):
            assert calls <= rate * (at - self._began + MADE_UP_S) + 1 + 1e-6


def test_rubbish_and_work_in_progress_are_not_read_unless_asked_for(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    wanted = {"table/part-0": b"1", "table/_temporary_not": b"2"}
    unwanted = (".Trash/a", ".snapshot/a", "table/_temporary/0/a", "table/.hive-staging_1/a", ".spark-staging-1/a", ".livedata-x/a")  # fmt: skip
    pair.put({**wanted, **dict.fromkeys(unwanted, b"rubbish")})
    source = Counting(pair.source)
    replicate(source, pair.target)
    assert {path: data for path, data in contents(pair.target).items() if data is not None} == wanted
    assert source.counts.read_bytes == 2
