"""Files of RPC are whole as soon as their last block is, and no lease is given up before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_livedata.engine.errors import PermissionRefused
from airflow_provider_livedata.engine.zones.hdfs import closing as hdfs_closing
from airflow_provider_livedata.engine.zones.hdfs.closing import PromptClosing

WHOLE = 5  # bytes
WAITED_S = 30


class Cluster:
    """What the NameNode tells of each path, in turn, and the leases that were given up."""

    def __init__(self, *told: Any, released: Any = True) -> None:
        self._told, self._released = list(told), released
        self.asked: list[str] = []
        self.given_up: list[str] = []

    def length(self, path: str) -> int:
        self.asked.append(path)
        found = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(found, Exception):
            raise found
        return int(found)

    def release(self, path: str) -> bool:
        self.given_up.append(path)
        if isinstance(self._released, Exception):
            raise self._released
        return bool(self._released)


class Sleeping:
    """A client's ``close`` that sleeps until it is woken, and may fail then."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_end, self.has_ended, self._error = threading.Event(), threading.Event(), error

    def __call__(self) -> None:
        assert self.may_end.wait(WAITED_S)
        self.has_ended.set()
        if self._error is not None:
            raise self._error


@pytest.fixture
def asleep() -> Iterator[Callable[..., Sleeping]]:
    made: list[Sleeping] = []

    def make(error: Exception | None = None) -> Sleeping:
        made.append(Sleeping(error))
        return made[-1]

    yield make
    for one in made:
        one.may_end.set()


def closing_of(cluster: Cluster) -> PromptClosing:
    return PromptClosing(cluster.length, cluster.release)


def test_a_file_is_whole_once_its_last_block_is_though_the_client_sleeps(asleep: Callable[..., Sleeping]) -> None:
    cluster, close = Cluster(0, WHOLE), asleep()
    closing_of(cluster).close("/f", 5, 5, close)
    assert not close.has_ended.is_set()
    assert (cluster.asked, cluster.given_up) == (["/f", "/f"], ["/f"])


def test_what_the_client_says_after_that_is_not_heard(asleep: Callable[..., Sleeping]) -> None:
    close = asleep(OSError("gone"))
    closing_of(Cluster(WHOLE)).close("/f", 5, 5, close)
    close.may_end.set()
    assert close.has_ended.wait(WAITED_S)


@pytest.mark.parametrize("told", [0, 4, 6], ids=["no block complete", "shorter", "longer"])
def test_no_lease_is_given_up_of_a_file_that_is_not_all_there(told: int, asleep: Callable[..., Sleeping]) -> None:
    cluster, close, ended = Cluster(told), asleep(), threading.Event()

    def run() -> None:
        closing_of(cluster).close("/f", 5, 5, close)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    while len(cluster.asked) < len(hdfs_closing.PAUSES_S):
        assert not ended.wait(0.01)
    close.may_end.set()
    thread.join(WAITED_S)
    assert ended.is_set()
    assert cluster.given_up == []


def test_nothing_is_asked_where_the_client_is_quick() -> None:
    cluster, closed = Cluster(WHOLE), []
    closing_of(cluster).close("/f", 5, 5, lambda: closed.append(1))
    assert (closed, cluster.asked) == ([1], [])


def test_an_empty_file_has_no_block_to_wait_for() -> None:
    caller = []
    closing_of(Cluster(WHOLE)).close("/f", 0, 0, lambda: caller.append(threading.current_thread()))
    assert caller == [threading.current_thread()]


@pytest.mark.parametrize("size_bytes", [0, 5])
def test_what_the_client_raises_is_raised(size_bytes: int) -> None:
    def close() -> None:
        raise OSError("no DataNode is left")

    with pytest.raises(OSError, match="no DataNode is left"):
        closing_of(Cluster(0)).close("/f", size_bytes, size_bytes, close)


@pytest.mark.parametrize("released", [False, PermissionRefused("not yours", path="/f")], ids=["not whole", "refused"])
def test_where_the_lease_cannot_be_given_up_the_client_is_waited_for_and_the_next_file_tried(
    released: Any, asleep: Callable[..., Sleeping]
) -> None:
    cluster = Cluster(WHOLE, released=released)
    closing = closing_of(cluster)
    for path in ("/f", "/g"):
        close = asleep(OSError("the client's own word"))
        threading.Timer(0.05, close.may_end.set).start()
        with pytest.raises(OSError, match="own word"):
            closing.close(path, 5, 5, close)
    assert {"/f", "/g"} == set(cluster.given_up)


def test_where_nothing_is_told_the_client_is_waited_for_and_the_next_file_asked_about(
    asleep: Callable[..., Sleeping],
) -> None:
    cluster = Cluster(PermissionRefused("mode 200", path="/f"))
    closing = closing_of(cluster)
    for path in ("/f", "/g"):
        close = asleep()
        threading.Timer(0.05, close.may_end.set).start()
        closing.close(path, 5, 5, close)
        assert close.has_ended.is_set()
    assert (cluster.asked, cluster.given_up) == (["/f", "/g"], [])


def test_where_very_many_are_closed_only_the_urgent_are_asked_about(
    monkeypatch: pytest.MonkeyPatch, asleep: Callable[..., Sleeping]
) -> None:
    monkeypatch.setattr(hdfs_closing, "AT_ONCE", 2.0)
    monkeypatch.setattr(hdfs_closing, "A_SECOND", 0.0)
    cluster = Cluster(WHOLE)
    closing, here = closing_of(cluster), []
    for path in ("/1", "/2"):
        closing.close(path, 5, 5, asleep())
    closing.close("/3", 5, 5, lambda: here.append(threading.current_thread()))
    closing.close("/4", 5, 5, asleep(), urgent=True)
    assert here == [threading.current_thread()]
    assert cluster.given_up == ["/1", "/2", "/4"]


def test_more_are_asked_about_as_time_goes_on(monkeypatch: pytest.MonkeyPatch, asleep: Callable[..., Sleeping]) -> None:
    now, here = [100.0], list[threading.Thread]()
    monkeypatch.setattr(hdfs_closing, "AT_ONCE", 1.0)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    cluster = Cluster(WHOLE)
    closing = closing_of(cluster)
    closing.close("/1", 5, 5, asleep())
    closing.close("/2", 5, 5, lambda: here.append(threading.current_thread()))
    now[0] += 1 / hdfs_closing.A_SECOND
    closing.close("/3", 5, 5, asleep())
    now[0] += 1000.0
    closing.close("/4", 5, 5, asleep())
    closing.close("/5", 5, 5, lambda: here.append(threading.current_thread()))
    assert cluster.given_up == ["/1", "/3", "/4"]
    assert here == [threading.current_thread()] * 2


@pytest.mark.parametrize(
    ("name", "value", "held_bytes"), [("MOST_THREADS", 1, 0), ("MOST_HELD_BYTES", 9, 5)], ids=["threads", "memory"]
)
def test_sleeping_clients_take_bounded_threads_and_memory(
    monkeypatch: pytest.MonkeyPatch, asleep: Callable[..., Sleeping], name: str, value: int, held_bytes: int
) -> None:
    monkeypatch.setattr(hdfs_closing, name, value)
    cluster, first, here = Cluster(WHOLE), asleep(), []
    closing = closing_of(cluster)
    closing.close("/1", 5, held_bytes, first)
    closing.close("/2", 5, held_bytes, lambda: here.append(threading.current_thread()), urgent=True)
    assert (here, cluster.given_up) == ([threading.current_thread()], ["/1"])
    first.may_end.set()
    while closing._closing or closing._held_bytes:
        assert first.has_ended.wait(0.01)
    closing.close("/3", 5, held_bytes, asleep())
    assert cluster.given_up == ["/1", "/3"]
    closing.end()


def test_what_is_closed_after_the_end_is_closed_by_its_client(asleep: Callable[..., Sleeping]) -> None:
    cluster, here = Cluster(WHOLE), list[threading.Thread]()
    closing = closing_of(cluster)
    closing.close("/1", 5, 5, asleep())
    closing.end()
    closing.close("/2", 5, 5, lambda: here.append(threading.current_thread()), urgent=True)
    assert (here, cluster.given_up) == ([threading.current_thread()], ["/1"])
