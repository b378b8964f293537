"""Zones that go wrong on purpose, around a zone that does not. Each keeps the powers of what it wraps.

CrashAfter: the process dies at a call. Flaky: calls fail, some of them after they took place. Slow: calls and bytes take
time. FlipBytes: bytes change on their way. Counting: nothing goes wrong, but it is counted.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

from airflow_provider_livedata.engine.errors import ZoneBusy, ZoneUnreachable
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Part
from airflow_provider_livedata.engine.zones.around import Around, AroundUpload
from airflow_provider_livedata.engine.zones.base import Upload, Zone

Result = TypeVar("Result")

# Calls that change what a zone holds. "resume" and "check" change nothing that stays.
MUTATING = frozenset({
    "put", "begin", "part", "stage", "complete", "abort", "make_directory", "delete", "sweep", "rename", "move", "keep",
    "set_attributes", "snapshot", "drop_snapshot", "prepare_snapshots",
})  # fmt: skip


class Crash(BaseException):
    """The process is dead. Not an Exception: nothing that handles errors may catch it."""


class CrashAfter(Around):
    """Dies at mutating call number ``calls`` + 1, before it takes place or, with ``when`` "after", just after.

    From then on every call dies, reading ones too, so that no other thread and no clean-up goes on: as after SIGKILL.
    ``died_at`` is the name of the call. Crashes of wrapped views and uploads are those of this zone.
    """

    def __init__(self, zone: Zone, calls: int, *, when: Literal["before", "after"] = "before") -> None:
        super().__init__(zone)
        self.left, self.when, self.died_at = calls, when, ""
        self._lock = threading.Lock()

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Count, and die when it is time."""
        is_last = self._count(name)
        if self.died_at and not (is_last and self.when == "after"):
            raise Crash(self.died_at)
        if not is_last:
            return run()
        try:
            run()
        finally:
            raise Crash(self.died_at)

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        for entry in super().scan(under):
            if self.died_at:
                raise Crash(self.died_at)
            yield entry

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots die with this zone, and so does any other zone that is put around by this."""
        return _Mortal(zone, self)

    def _count(self, name: str) -> bool:
        with self._lock:
            if self.died_at or name not in MUTATING:
                return False
            self.left -= 1
            if self.left < 0:
                self.died_at = name
            return self.left < 0


class _Mortal(Around):
    def __init__(self, zone: Zone, life: CrashAfter) -> None:
        super().__init__(zone)
        self._life = life

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        return self._life.around(name, run, size_bytes=size_bytes)

    def around_zone(self, zone: Zone) -> Zone:
        return _Mortal(zone, self._life)


class Flaky(Around):
    """Fails a share of the calls with retryable errors, the same ones for the same seed and order of calls.

    Of failing calls ``lost_share`` take place and only their reply is lost. ``names`` limits which calls fail.
    ``breaks_scans``: listings break off after some entries as well, which a retry cannot mend.
    """

    def __init__(
        self, zone: Zone, *, seed: int = 0, rate: float = 0.1, lost_share: float = 0.5,
        names: frozenset[str] | None = None, breaks_scans: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(zone)
        self.rate, self.lost_share, self.names, self.breaks_scans = rate, lost_share, names, breaks_scans
        self.failures = Counter[str]()
        self._random, self._lock = random.Random(seed), threading.Lock()

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Fail, before or after, or not."""
        with self._lock:
            fails = self._random.random() < self.rate and (self.names is None or name in self.names)
            is_lost, is_busy = self._random.random() < self.lost_share, self._random.random() < 0.5
            self.failures[name] += fails
        if fails and is_lost:
            run()
            raise ZoneUnreachable("injected: the reply was lost", call=name)
        if fails:
            raise (ZoneBusy if is_busy else ZoneUnreachable)("injected: the call did not take place", call=name)
        return run()

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        for entry in super().scan(under):
            if self.breaks_scans:
                self.around("scan", lambda: None)
            yield entry

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots fail as often."""
        return type(self)(zone, seed=self._random.randrange(1 << 30), rate=self.rate, lost_share=self.lost_share,
                          names=self.names, breaks_scans=self.breaks_scans)  # fmt: skip


class Slow(Around):
    """Each call takes ``call_s`` seconds more, and each byte written or asked for 1 / ``bytes_per_s``."""

    def __init__(
        self,
        zone: Zone,
        *,
        call_s: float = 0.0,
        bytes_per_s: float = float("inf"),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(zone)
        self.call_s, self.bytes_per_s, self._sleep = call_s, bytes_per_s, sleep

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Wait, then call."""
        self._sleep(self.call_s + size_bytes / self.bytes_per_s)
        return run()

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots are as slow."""
        return type(self)(zone, call_s=self.call_s, bytes_per_s=self.bytes_per_s, sleep=self._sleep)


class Counts:
    """What was counted. Thread-safe."""

    def __init__(self) -> None:
        self.calls = Counter[str]()
        self.read_bytes = self.written_bytes = self.listed_entries = 0
        self._lock = threading.Lock()

    def add(self, call: str = "", *, read_bytes: int = 0, written_bytes: int = 0, listed_entries: int = 0) -> None:
        """Add one call of that name, bytes and entries."""
        with self._lock:
            if call:
                self.calls[call] += 1
            self.read_bytes += read_bytes
            self.written_bytes += written_bytes
            self.listed_entries += listed_entries


class Counting(Around):
    """Keeps ``counts``: calls by name, bytes that came, bytes sent, entries listed. Views of snapshots count too."""

    def __init__(self, zone: Zone, counts: Counts | None = None) -> None:
        super().__init__(zone)
        self.counts = counts or Counts()

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Count, and call."""
        self.counts.add(name, written_bytes=size_bytes if name in MUTATING else 0)
        return run()

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        count = super().read_into(path, offset, buffer, version=version)
        self.counts.add(read_bytes=count)
        return count

    def scan(self, under: str = "") -> Iterator[Entry]:
        """See ``Zone.scan``."""
        for entry in super().scan(under):
            self.counts.add(listed_entries=1)
            yield entry

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots count into the same counts."""
        return type(self)(zone, self.counts)


class FlipBytes(Around):
    """Changes one bit of a share of what passes by: of ``read_into``, ``put``, ``part`` and pieces of ``put_stream``, or ``names``.

    What is sent still has the checksum of the right bytes, as after a fault on the way.
    """

    def __init__(
        self,
        zone: Zone,
        *,
        seed: int = 0,
        rate: float = 1.0,
        names: frozenset[str] = frozenset({"read_into", "put", "part", "put_stream"}),
    ) -> None:
        super().__init__(zone)
        self.rate, self.names, self.flipped = rate, names, 0
        self._random, self._lock = random.Random(seed), threading.Lock()

    def flip(self, name: str, data: memoryview) -> bool:
        """Change a bit of ``data`` in place, or not; whether it did."""
        with self._lock:
            if not data or name not in self.names or self._random.random() >= self.rate:
                return False
            self.flipped += 1
            place, bit = self._random.randrange(len(data)), self._random.randrange(8)
        data[place] ^= 1 << bit
        return True

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        count = super().read_into(path, offset, buffer, version=version)
        self.flip("read_into", buffer[:count])
        return count

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``."""
        sent = bytearray(data)
        self.flip("put", memoryview(sent))
        return super().put(path, sent, checksum=checksum, attributes=attributes, expect=expect)

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """Pieces of a stream are sent with changed bytes."""
        if name == "put_stream":
            path, size_bytes, piece_bytes, pieces, *more = args
            args = (path, size_bytes, piece_bytes, self._flipped(pieces), *more)
        return super().around_power(name, *args, **options)

    def _flipped(self, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        for piece in pieces:
            sent = memoryview(bytearray(piece))
            self.flip("put_stream", sent)
            yield sent

    def around_upload(self, upload: Upload, path: str) -> Upload:
        """Parts are sent with changed bytes."""
        return _FlippedParts(self, upload, path)

    def around_zone(self, zone: Zone) -> Zone:
        """Views of snapshots are changed as often."""
        return type(self)(zone, seed=self._random.randrange(1 << 30), rate=self.rate, names=self.names)


class _FlippedParts(AroundUpload):
    def part(self, index: int, data: bytes | bytearray | memoryview, checksum: Checksum) -> Part:
        sent = bytearray(data)
        if isinstance(self.zone, FlipBytes):
            self.zone.flip("part", memoryview(sent))
        return super().part(index, sent, checksum)
