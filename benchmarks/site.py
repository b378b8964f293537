"""The servers of a run, the data on them, and what arrived: one HDFS with two DataNodes, one S3 server."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from airflow_provider_livedata.engine import open_zone
from airflow_provider_livedata.engine.checksums import checksum_of, combine
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import Snapshots
from benchmarks.shapes import Shape
from tests.services.hdfs import HdfsCluster
from tests.services.s3 import S3Server

REPLICATION = 2
SERVER_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
)  # compiled fully, unlike in tests
METRICS_S = 1
PIECE = 8 << 20
TOUCHED_BYTES = 10 << 30
Place = dict[str, Any]  # {"address": ..., "options": ...} as ``open_zone`` takes them


class WrongCopy(Exception):
    """A contender did not bring what it should: its time means nothing."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A directory of the HDFS or a prefix of the bucket, as each contender names it."""

    scheme: str
    path: str
    place: Place
    hadoop: str  # for DistCp
    rclone: str


class Site:
    """Both servers; everything is gone when the context ends. ``touches``: use the disk once before anything is measured."""

    def __init__(self, *, touches: bool = True) -> None:
        self._stack, self._touches = contextlib.ExitStack(), touches
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.hdfs = HdfsCluster(2, replication=REPLICATION, jvm_flags=SERVER_FLAGS)
            # The NameNode counts its open files anew every second, not every ten: so each run finds out that none is open.
            (self.hdfs.conf_dir / "hadoop-metrics2.properties").write_text(f"*.period={METRICS_S}\n")
            stack.enter_context(self.hdfs)
            self.s3 = stack.enter_context(S3Server())
            self.bucket = self.s3.new_bucket("bench")
            if self._touches:
                _touch(Path(self.s3.data_dir).parent)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def spot(self, scheme: str, path: str) -> Spot:
        """Where ``path`` is on HDFS or in the bucket."""
        if scheme == "hdfs":
            given = {"webhdfs": [f"http://{self.hdfs.http}"], "user": self.hdfs.superuser}
            place = {"address": f"hdfs://{self.hdfs.rpc}/{path}", "options": given}
            return Spot(scheme, path, place, f"{self.hdfs.uri}/{path}", f"hdfs:/{path}")
        keys = {"access_key_id": self.s3.access_key, "secret_access_key": self.s3.secret_key}
        given = {"endpoint_url": self.s3.endpoint, "region": self.s3.region, **keys}
        place = {"address": f"s3://{self.bucket}/{path}", "options": given}
        return Spot(scheme, path, place, f"s3a://{self.bucket}/{path}", f"s3:{self.bucket}/{path}")

    def fresh(self, scheme: str) -> Spot:
        """A spot that was never used."""
        return self.spot(scheme, f"bench/target-{next(self._numbers):04d}")

    @contextlib.contextmanager
    def filled(self, scheme: str, shape: Shape) -> Iterator[Spot]:
        """A spot that holds the files of a shape, random bytes, while the context lasts."""
        spot = self.spot(scheme, f"bench/{shape.name.replace(' ', '-')}")
        zone = open_zone(spot.place["address"], **spot.place["options"])
        try:
            if scheme == "hdfs":
                self.hdfs.mkdirs(f"/{spot.path}")
            fill(spot.place, shape)
            if isinstance(zone, Snapshots):
                self._webhdfs(
                    "DELETE", f"{spot.path}/.livedata", op="DELETE", recursive="true"
                )  # files came through there
                zone.prepare_snapshots(allow=True)
            yield spot
        finally:
            if scheme == "hdfs":
                self.forget_snapshots(spot)
                self._webhdfs("PUT", spot.path, op="DISALLOWSNAPSHOT")
            self.remove(spot)
            zone.close()

    def check(self, spot: Spot, shape: Shape) -> None:
        """Make sure that the files of a shape arrived, by their number and bytes.

        Raises:
            WrongCopy: They did not.
        """
        found, wanted = self.count(spot), (shape.files, shape.total_bytes)
        if found != wanted:
            raise WrongCopy(f"{spot.rclone} holds {found} files and bytes, not {wanted}")

    def remove(self, spot: Spot) -> None:
        """Remove what lies there, its snapshots and the space that it takes."""
        if spot.scheme == "s3":
            bucket = self.s3.data_dir / self.bucket
            shutil.rmtree(bucket / spot.path, ignore_errors=True)
            shutil.rmtree(bucket / ".sgwtmp", ignore_errors=True)  # uploads that a killed copy left
            return
        self._webhdfs("DELETE", spot.path, op="DELETE", recursive="true")
        while self.hdfs.jmx("Hadoop:service=NameNode,name=FSNamesystem").get("PendingDeletionBlocks", 0):
            time.sleep(0.2)

    def forget_snapshots(self, spot: Spot) -> None:
        """Drop the snapshots of a directory of HDFS: each run of ours leaves the one that its copy is of."""
        zone = open_zone(spot.place["address"], **spot.place["options"])
        try:
            if isinstance(zone, Snapshots):
                for snapshot in zone.snapshots():
                    zone.drop_snapshot(snapshot.name)
        finally:
            zone.close()

    @contextlib.contextmanager
    def open_file(self) -> Iterator[None]:
        """Keep one file of the HDFS open for writing, as there always is one on a cluster at work."""
        zone = open_zone(self.hdfs.uri, **self.spot("hdfs", "").place["options"])
        upload = zone.begin("bench-open", PIECE)
        upload.part(0, b"open", checksum_of(b"open"))
        try:
            yield
        finally:
            upload.abort()
            zone.close()

    def settle(self) -> None:
        """Wait until the NameNode's numbers are of now."""
        time.sleep(METRICS_S + 0.1)

    def cpu_s(self) -> float:
        """CPU seconds that the servers took so far."""
        times = [psutil.Process(pid).cpu_times() for pid in (*self.hdfs.pids, *self.s3.pids)]
        return float(sum(one.user + one.system for one in times))

    def allow_snapshots(self, spot: Spot) -> None:
        """Let snapshots of a directory of HDFS be taken."""
        self._webhdfs("PUT", spot.path, op="ALLOWSNAPSHOT")

    def disallow_snapshots(self, spot: Spot) -> None:
        """The opposite, once it has none: so that it can be removed."""
        self._webhdfs("PUT", spot.path, op="DISALLOWSNAPSHOT")

    def take_snapshot(self, spot: Spot, name: str) -> None:
        """Take one."""
        self._webhdfs("PUT", spot.path, op="CREATESNAPSHOT", snapshotname=name)

    def count(self, spot: Spot) -> tuple[int, int]:
        """Files there, and their bytes."""
        if spot.scheme == "s3":
            return _tree(self.s3.data_dir / self.bucket / spot.path)
        whole = self._summary(spot.path)
        with contextlib.suppress(FileNotFoundError):
            state = self._summary(f"{spot.path}/.livedata")
            return whole[0] - state[0], whole[1] - state[1]
        return whole

    def _summary(self, path: str) -> tuple[int, int]:
        found = self._webhdfs("GET", path, op="GETCONTENTSUMMARY")["ContentSummary"]
        # What only snapshots hold is counted as well, and apart.
        return tuple(
            found[name] - found.get(f"snapshot{name[0].upper()}{name[1:]}", 0) for name in ("fileCount", "length")
        )

    def _webhdfs(self, method: str, path: str, **query: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.hdfs.http, timeout=120)
        with contextlib.closing(connection):
            asked = urllib.parse.urlencode({"user.name": self.hdfs.superuser, **query})
            connection.request(method, f"/webhdfs/v1/{urllib.parse.quote(path)}?{asked}")
            answer = connection.getresponse()
            body = answer.read()
        if answer.status == 404:
            raise FileNotFoundError(path)
        if answer.status != 200:
            raise WrongCopy(f"{query['op']} {path}: {answer.status} {body[:500]!r}")
        return dict(json.loads(body or b"{}"))


def _touch(folder: Path) -> None:
    """Write and remove some gibibytes: on a memory disk of a virtual machine, pages are slow the first time they are used."""
    piece, left = bytes(PIECE), min(TOUCHED_BYTES, psutil.virtual_memory().available // 2)
    file = folder / "touched"
    try:
        with file.open("wb", buffering=0) as to:
            for _ in range(left // len(piece)):
                to.write(piece)
    finally:
        file.unlink()


def fill(place: Place, shape: Shape) -> None:
    """Write the files of a shape, of random bytes."""
    zone = open_zone(place["address"], **place["options"])
    try:
        _fill(zone, shape)
    finally:
        zone.close()


def _fill(zone: Zone, shape: Shape) -> None:
    data = os.urandom(min(2 * PIECE, shape.size_bytes + PIECE))  # each file begins somewhere else in it

    def write(numbered: tuple[int, str]) -> None:
        number, path = numbered
        start = number * 4093 % (len(data) - min(PIECE, shape.size_bytes) + 1)
        upload = zone.begin(path, shape.size_bytes)
        pieces = [data[start : start + min(upload.part_bytes, shape.size_bytes - offset)]
                  for offset in range(0, shape.size_bytes, upload.part_bytes)]  # fmt: skip
        parts = [upload.part(n, piece, checksum_of(piece)) for n, piece in enumerate(pieces)]
        upload.stage(parts, combine(parts))
        upload.complete(parts, combine(parts))

    def put(numbered: tuple[int, str]) -> None:
        number, path = numbered
        start = number * 4093 % PIECE
        zone.put(path, data[start : start + shape.size_bytes])

    with ThreadPoolExecutor(64 if shape.size_bytes < PIECE else 4) as pool:
        list(pool.map(put if shape.size_bytes < PIECE else write, enumerate(shape.paths())))


def _tree(top: Path) -> tuple[int, int]:
    files = size_bytes = 0
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != ".livedata"]
        files += len(names)
        size_bytes += sum(os.stat(f"{folder}/{name}").st_size for name in names)
    return files, size_bytes
