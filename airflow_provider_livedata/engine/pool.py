"""A flat pool of tasks on threads, fed through a short queue so that memory does not grow with the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType

from airflow_provider_livedata.engine.machine import clients_work_in_background, work_in_background

Task = Callable[[], None]
OPEN_TO_A_THREAD = 16  # fewer, and the feeder waits and is woken more often


class Pool:
    """Runs tasks on ``threads`` threads. The first exception that a task lets out stops all and is raised to the feeder.

    Tasks deal with the failures of their item themselves; what they let out is what no item can survive. One thread
    feeds it, and tasks may add what follows from them. The queue itself knows no bound, which makes it cheap; the feeder waits while too many tasks are open.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self._fatal: BaseException | None = None
        # Taken as it is, and not through the condition, which takes twice as long for each file.
        self._lock = threading.Lock()
        self._done = threading.Condition(self._lock)
        self._open, self._most, self._awaited = 0, threads * OPEN_TO_A_THREAD, -1
        self._name, self.threads = name, threads
        self._running: list[threading.Thread] = []

    def __enter__(self) -> Pool:
        clients_work_in_background()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.stop(error)
        for _ in self._running:
            self._queue.put(None)
        for thread in self._running:
            thread.join()

    def submit(self, task: Task) -> None:
        """Queue a task; waits while too many are open.

        Raises:
            BaseException: What stopped the pool.
        """
        self.raise_if_stopped()
        with self._lock:
            if self._open >= self._most:
                self._wait_for(self._most * 3 // 4)
            self._open += 1
            is_one_short = len(self._running) < min(self._open, self.threads)
        self._queue.put(task)
        if (
            is_one_short
        ):  # most phases of a small run have few tasks, and a thread takes as long to start as a small request
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._running)}", daemon=True)
            self._running.append(thread)
            thread.start()

    def follow(self, task: Task) -> None:
        """Queue a task that follows from one that runs; never waits. Where the pool is stopped it goes undone."""
        with self._lock:
            self._open += 1
        self._queue.put(task)

    def wait(self) -> None:
        """Wait until every task submitted so far is done.

        Raises:
            BaseException: What stopped the pool.
        """
        with self._lock:
            self._wait_for(0)
        self.raise_if_stopped()

    def stop(self, error: BaseException) -> None:
        """Let queued tasks go undone."""
        if self._fatal is None:
            self._fatal = error

    @property
    def is_stopped(self) -> bool:
        """Whether tasks are being dropped."""
        return self._fatal is not None

    def raise_if_stopped(self) -> None:
        """Let out what stopped the pool, if anything did.

        Raises:
            BaseException: What stopped it.
        """
        if self._fatal is not None:
            raise self._fatal

    def _wait_for(self, still_open: int) -> None:
        # The feeder is woken once it is worth it, not at the end of every task.
        self._awaited = still_open
        self._done.wait_for(lambda: self._open <= still_open)
        self._awaited = -1

    def _work(self) -> None:
        work_in_background()
        while (task := self._queue.get()) is not None:
            try:
                if self._fatal is None:
                    task()
            except BaseException as error:  # noqa: BLE001 - handed to the feeder, whatever it is
                self.stop(error)
            finally:
                with self._lock:
                    self._open -= 1
                    if self._open <= self._awaited:
                        self._done.notify_all()
