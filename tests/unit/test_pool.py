"""The pool of tasks: every task runs once, few are open at a time, and what a task lets out reaches the feeder."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.engine.pool import OPEN_TO_A_THREAD, Pool


@settings(max_examples=50, deadline=None)
@given(threads=st.integers(1, 8), tasks=st.integers(0, 200))
def test_every_task_runs_once_and_wait_returns_after_the_last(threads: int, tasks: int) -> None:
    done: list[int] = []
    with Pool(threads, "test") as pool:
        for number in range(tasks):
            pool.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        pool.wait()
        assert sorted(done) == list(range(tasks))


def test_the_feeder_waits_while_many_tasks_are_open_and_goes_on_when_they_end() -> None:
    gate, fed, fed_all = threading.Event(), [], threading.Event()

    def hold() -> None:
        gate.wait()

    with Pool(2, "test") as pool:

        def feed() -> None:
            for number in range(10 * OPEN_TO_A_THREAD):
                pool.submit(hold)
                fed.append(number)
            fed_all.set()

        feeder = threading.Thread(target=feed)
        feeder.start()
        assert not fed_all.wait(0.3)
        assert len(fed) == 2 * OPEN_TO_A_THREAD
        gate.set()
        feeder.join(30)
        pool.wait()
    assert len(fed) == 10 * OPEN_TO_A_THREAD


def test_what_a_task_lets_out_stops_the_others_and_is_raised_to_the_feeder() -> None:
    began, go_on, ran = threading.Event(), threading.Event(), []

    def fail() -> None:
        began.set()
        go_on.wait()
        raise OSError("broken")

    def feed(pool: Pool) -> None:
        pool.submit(fail)
        began.wait()
        pool.submit(lambda: ran.append(1))
        go_on.set()
        pool.wait()

    with pytest.raises(OSError, match="broken"), Pool(1, "test") as pool:
        feed(pool)
    assert pool.is_stopped
    assert ran == []


def test_an_error_of_the_feeder_lets_queued_tasks_go_undone() -> None:
    began, gate, ran = threading.Event(), threading.Event(), []

    def wait() -> None:
        began.set()
        gate.wait()

    def feed(pool: Pool) -> None:
        pool.submit(wait)
        began.wait()
        pool.submit(lambda: ran.append(1))
        pool.stop(ValueError("feeder"))
        gate.set()
        pool.wait()

    with pytest.raises(ValueError, match="feeder"), Pool(1, "test") as pool:
        feed(pool)
    assert ran == []


@settings(max_examples=30, deadline=None)
@given(threads=st.integers(1, 4), tasks=st.integers(1, 60))
def test_what_follows_from_a_task_is_waited_for_and_never_waits_itself(threads: int, tasks: int) -> None:
    done: list[int] = []

    def begin(pool: Pool) -> None:
        for number in range(2 * threads * OPEN_TO_A_THREAD):  # more than the feeder may have open
            pool.follow(lambda number=number: done.append(number))  # type: ignore[misc]

    with Pool(threads, "test") as pool:
        for _ in range(tasks):
            pool.submit(lambda: begin(pool))
        pool.wait()
        assert len(done) == tasks * 2 * threads * OPEN_TO_A_THREAD


def test_whoever_waits_for_something_else_can_ask_whether_the_pool_has_stopped() -> None:
    with Pool(1, "test") as pool:
        pool.raise_if_stopped()
        pool.stop(OSError("broken"))
        with pytest.raises(OSError, match="broken"):
            pool.raise_if_stopped()
