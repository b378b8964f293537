"""How a process that copies behaves on its machine, as the kernel and the C library tell it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import machine
from airflow_provider_livedata.engine.pool import Pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="schedules threads and memory as Linux does")

_ARENAS = """
    import ctypes, sys, threading
    from airflow_provider_livedata.engine import open_zone
    open_zone("file:///") if sys.argv[2] == "opened" else None
    libc, together = ctypes.CDLL(None), threading.Barrier(20)
    libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p
    def allocate():
        together.wait()
        libc.malloc(ctypes.c_size_t(5000))
        together.wait()
    threads = [threading.Thread(target=allocate) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    told = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
    libc.malloc_info(0, told)
    libc.fclose(told)
"""
_CLIENTS = """
    import os, threading, time
    import obstore
    from airflow_provider_livedata.engine.pool import Pool
    obstore.put(obstore.store.MemoryStore(), "a", b"1")
    mine = open("/proc/self/comm").read()
    while any(open(f"/proc/self/task/{one}/comm").read() == mine for one in os.listdir("/proc/self/task")
              if int(one) != threading.get_native_id()):
        time.sleep(0.01)  # a thread names itself once it runs
    others = [int(one) for one in os.listdir("/proc/self/task") if int(one) != threading.get_native_id()]
    print(len(others) > 0, {os.sched_getscheduler(one) == os.SCHED_OTHER for one in others})
    with Pool(1, "copy"):
        print({os.sched_getscheduler(one) == os.SCHED_BATCH for one in others}, os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def run(program: str, *args: str, **environment: str) -> str:
    env = {name: value for name, value in os.environ.items() if name not in machine._CHOSEN_BY}
    words = [sys.executable, "-c", textwrap.dedent(program), *args]
    return subprocess.run(words, env=env | environment, check=True, capture_output=True, text=True).stdout


def on_a_thread(run: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run()))
    thread.start()
    thread.join()
    return found[0]


def policy() -> int:
    machine.work_in_background()
    return os.sched_getscheduler(0)


def test_threads_of_a_pool_work_in_the_background_and_who_feeds_it_does_not() -> None:
    found: list[int] = []
    with Pool(3, "copy") as pool:
        for _ in range(3):
            pool.submit(lambda: found.append(os.sched_getscheduler(0)))
        pool.wait()
    assert found == [os.SCHED_BATCH] * 3
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_threads_of_the_clients_do_too() -> None:
    assert run(_CLIENTS).splitlines() == ["True {True}", "{True} True"]


def test_a_policy_that_was_chosen_stays() -> None:
    def chosen() -> int:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return policy()

    assert on_a_thread(chosen) == os.SCHED_IDLE


@pytest.mark.parametrize("fault", [PermissionError(1, "not in this sandbox"), AttributeError("not on this system")])
def test_a_system_that_refuses_is_left_alone(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert on_a_thread(policy) == os.SCHED_OTHER


@pytest.mark.parametrize(
    ("asks", "chosen", "least", "most"),
    [("opened", {}, 2, machine.ARENAS), ("nothing", {}, 5, 100), ("opened", {"MALLOC_ARENA_MAX": "5"}, 5, 5)],
    ids=["a zone was opened", "nothing was opened", "chosen by the user"],
)
def test_memory_comes_from_few_arenas_once_a_zone_was_opened(
    tmp_path: Path, asks: str, chosen: dict[str, str], least: int, most: int
) -> None:
    told = tmp_path / "told.xml"
    run(_ARENAS, str(told), asks, **chosen)
    arenas = len(re.findall("<heap nr=", told.read_text()))
    assert least <= arenas <= most
