"""Paths that are asked for one by one."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.tuning import LEAST
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.reading import looking
from airflow_provider_livedata.engine.reading.looking import Stat, look
from airflow_provider_livedata.engine.zones.memory.zone import forget
from airflow_provider_livedata.engine.zones.registry import open_zone


@pytest.mark.parametrize(("count", "threads"), [(looking.TIMED, 40), (300, LEAST), (300, 40)])
def test_the_first_answers_choose_how_many_threads_ask_the_rest(
    monkeypatch: pytest.MonkeyPatch, count: int, threads: int
) -> None:
    forget("looking")
    zone, chosen = open_zone("memory://looking"), Filter(())
    paths = [f"d/{n:03d}" for n in range(count)]
    for path in paths[::2]:
        zone.put(path, b"x")
    asked: list[tuple[str, str]] = []

    def ask(path: str, stat: Stat) -> Entry | None:
        asked.append((path, threading.current_thread().name))
        return stat(path)

    told: list[float] = []

    def chooses(answer_s: float) -> int:
        told.append(answer_s)
        return threads

    monkeypatch.setattr(looking, "threads_to_ask", chooses)
    found = [entry.path for entry in look(zone, chosen, Cover(paths, ()), ask)]
    assert found == paths[::2]
    assert sorted(path for path, _ in asked) == paths  # each of them once
    near = {path for path, thread in asked if thread in {f"livedata-look_{n}" for n in range(LEAST)}}
    far = {path for path, thread in asked if thread in {f"livedata-look-far_{n}" for n in range(threads)}}
    assert near | far == set(paths)
    assert len(told) == (count > looking.TIMED)
    assert near == (set(paths[: looking.TIMED]) if threads > LEAST else set(paths))


def test_the_distance_is_that_of_the_quickest_of_the_first_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    forget("looking-slow")
    zone, told = open_zone("memory://looking-slow"), list[float]()
    clock = iter(range(10_000))  # two readings a question: one second each, but for the last one, which takes none

    def chooses(answer_s: float) -> int:
        told.append(answer_s)
        return LEAST

    def now() -> float:
        reading = next(clock)
        return float(reading if reading < 2 * looking.TIMED - 1 else 2 * looking.TIMED - 2)

    monkeypatch.setattr(looking, "LEAST", 1)  # one thread, so that readings come in pairs
    monkeypatch.setattr(looking, "threads_to_ask", chooses)
    monkeypatch.setattr(looking, "time", SimpleNamespace(monotonic=now))
    assert list(look(zone, Filter(()), Cover([f"{n:03d}" for n in range(100)], ()))) == []
    assert told == [0.0]
