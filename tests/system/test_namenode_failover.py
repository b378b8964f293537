"""One NameNode of a pair dies or hands over in the middle of a copy and of a cycle: the target is the snapshot, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, Report, replicate, verify
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing
from airflow_provider_livedata.engine.zones.base import Zone
from tests.services.hdfs_ha import HaCluster
from tests.services.processes import wait_until
from tests.system.conftest import Place, s3_place
from tests.system.cycles_common import compare

if TYPE_CHECKING:
    from tests.services.s3 import MotoServer, S3Server

FILES, SIZE = 60, 100_000
SLOW = ReplicateOptions(max_delete_ratio=1.0, threads=2, bandwidth="1MiB/s")  # 6 s for all files


@pytest.fixture(scope="module")
def pair() -> Iterator[HaCluster]:
    with HaCluster() as cluster:
        yield cluster


def place(pair: HaCluster, path: str) -> Place:
    """Reached by both NameNodes, as a connection names them."""
    web = [f"http://{at}" for at in pair.webs.values()]
    return Place(f"hdfs://pair{path}", {"rpc": list(pair.rpcs.values()), "webhdfs": web, "user": pair.superuser})


def fill(source: Place, round_: int, count: int) -> None:
    zone = source.open()
    zone.make_directory("")
    for number in range(count):
        zone.put(f"d{number % 7}/f{number:03d}", bytes([round_]) * SIZE)
    zone.close()


class Run:
    """A replication on a thread, to be disturbed."""

    def __init__(self, source: Place, target: Place) -> None:
        self.report: Report | None = None
        self.error: LiveDataError | None = None
        self._places = source, target
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        source, target = (one.open() for one in self._places)
        try:
            self.report = replicate(source, target, SLOW)
        except LiveDataError as error:
            self.error = error
        finally:
            source.close()
            target.close()

    def has_brought(self, content: bytes) -> bool:
        """Some files with these bytes have arrived, and the run goes on."""
        assert self._thread.is_alive(), self.error
        target = self._places[1].open()
        arrived = sum(_first_byte(target, entry.path) == content for entry in target.scan() if entry.kind == "file")
        target.close()
        return arrived > 3

    def end(self) -> None:
        self._thread.join(240)
        assert not self._thread.is_alive()


def _first_byte(zone: Zone, path: str) -> bytes:
    buffer = bytearray(1)
    try:
        return bytes(buffer[: zone.read_into(path, 0, memoryview(buffer))])
    except PathMissing:  # renamed meanwhile
        return b""


def dies(pair: HaCluster) -> None:
    pair.kill_namenode("nn1")
    pair.make_active("nn2", force=True)


def hands_back(pair: HaCluster) -> None:
    pair.make_standby("nn2")
    pair.make_active("nn1")


def disturbed(source: Place, target: Place, round_: int, disturb: Callable[[], None]) -> bool:
    """Whether the run itself ended well; where not, Airflow's retries do. Then the target is the snapshot, whole.

    Towards HDFS itself it often does not: a file that was being closed when its NameNode died may never be closed, and its
    client waits for that for most of a minute; meanwhile the lease may be lost as well.
    """
    run = Run(source, target)
    wait_until(lambda: run.has_brought(bytes([round_])), what="the first files", seconds=60)
    disturb()
    run.end()
    if run.error is not None:
        bring_again(source, target)
    compare(source.open(), target.open())
    return run.error is None


def bring_again(source: Place, target: Place) -> None:
    """As a task with two retries."""
    for left in (1, 0):
        try:
            replicate(source.open(), target.open(), SLOW)
        except LiveDataError:
            if not left:
                raise
        else:
            return


@pytest.mark.timeout(600)
def test_a_namenode_that_dies_and_one_that_hands_over_lose_nothing(
    pair: HaCluster, s3_server: S3Server | MotoServer, bucket: str
) -> None:
    assert survives(pair, place(pair, "/source"), s3_place(s3_server, bucket)) == [True, True]


def survives(pair: HaCluster, source: Place, target: Place) -> list[bool]:
    """The first copy is cut by the end of a NameNode, the next cycle by a planned change; which runs ended well by themselves."""
    fill(source, 1, FILES)
    well = [disturbed(source, target, 1, lambda: dies(pair))]
    fill(source, 2, FILES // 2)
    zone = source.open()
    zone.rename("d6", "renamed")  # type: ignore[attr-defined]
    zone.close()
    pair.start_one("nn1")
    well.append(disturbed(source, target, 2, lambda: hands_back(pair)))
    assert verify(source.open(), target.open(), level="content").is_same
    last = replicate(source.open(), target.open(), SLOW)
    assert (last.changes, last.found_by.startswith("difference")) == (0, True), last.table()
    return well
