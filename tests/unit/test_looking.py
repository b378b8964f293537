"""Paths that are asked for one by one."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_livedata.engine.deciding.cover import Cover
from airflow_provider_livedata.engine.deciding.filters import Filter
from airflow_provider_livedata.engine.deciding.tuning import LEAST
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.reading import looking
from airflow_provider_livedata.engine.reading.looking import Stat, look
from airflow_provider_livedata.engine.zones.memory.zone import forget
from airflow_provider_livedata.engine.zones.registry import open_zone


@pytest.mark.parametrize("count", [5, 300])
def test_the_first_answers_choose_how_many_threads_ask_the_rest(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    forget("looking")
    zone, chosen = open_zone("memory://looking"), Filter(())
    paths = [f"d/{n:03d}" for n in range(count)]
    for path in paths[::2]:
        zone.put(path, b"x")
    asked: list[tuple[str, str]] = []

    def ask(path: str, stat: Stat) -> Entry | None:
        asked.append((path, threading.current_thread().name))
        return stat(path)

    monkeypatch.setattr(looking, "threads_to_ask", lambda _: 3)
    found = [entry.path for entry in look(zone, chosen, Cover(paths, ()), ask)]
    assert found == paths[::2]
    assert sorted(path for path, _ in asked) == paths  # each of them once
    here, names = threading.current_thread().name, [name for _, name in asked]
    assert names.count(here) == (looking.TIMED if count > LEAST else 0)
    if count > LEAST:
        assert set(names) - {here} <= {f"livedata-look_{n}" for n in range(3)}
