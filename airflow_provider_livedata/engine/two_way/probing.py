"""Look up what the table of cases cannot know: whether two files are the same, and whether one is being written.

HDFS shows a file that is being appended to as it was until it is closed or has a new block: so it looks unchanged. Whether somebody has it
open is therefore asked not only of what changed, but also of what is about to be deleted or replaced, whose writer would not notice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import LiveDataError, ObjectChanged, PathMissing
from airflow_provider_livedata.engine.limits import NOT_NOW, Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.reading.checksum import read_checksum
from airflow_provider_livedata.engine.two_way.changes import Judged, Side
from airflow_provider_livedata.engine.two_way.table import TABLE
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.powers import OpenFiles, StoreChecksum

LOOK_AHEAD = 100
_WRITTEN = ("new", "changed")


@dataclass(slots=True)
class Probing:
    """``views``: both sides as they are read. ``open_files``: the live ones to ask for files that are being written in what is read.

    ``live``: those that can be asked, before something is deleted or replaced there, whether or not what is read may hold such files.

    ``failed`` hears of files that could not be read; those are left alone.
    """

    views: dict[Side, Zone]
    open_files: dict[Side, OpenFiles | None]
    live: dict[Side, OpenFiles | None]
    buffers: Buffers
    bandwidth: Bandwidth
    failed: Callable[[str, LiveDataError], None]
    threads: int = 16
    read_bytes: int = 0
    _pending: deque[Judged | Future[Judged]] = field(default_factory=deque)

    def probed(self, judged: Iterable[Judged]) -> Iterator[Judged]:
        """The same, with what had to be looked up, in the same order."""
        with ThreadPoolExecutor(self.threads, "livedata-compare") as pool:
            for one in judged:
                self._pending.append(pool.submit(self._probe, one) if self._is_unclear(one) else one)
                if len(self._pending) > LOOK_AHEAD:
                    yield self._next()
            while self._pending:
                yield self._next()

    def _next(self) -> Judged:
        first = self._pending.popleft()
        if isinstance(first, Judged):
            return first
        probed = first.result()
        if probed.is_same is not None and probed.pair.left is not None:
            self.read_bytes += 0 if probed.crcs == (None, None) else 2 * probed.pair.left.size_bytes
        return probed

    def _is_unclear(self, judged: Judged) -> bool:
        pair = judged.pair
        if pair.key.endswith("/") or "other" in {one.kind for one in (pair.left, pair.right) if one is not None}:
            return False
        return TABLE[judged.left, judged.right] == "compare" or any(True for _ in self._asked(judged))

    def _probe(self, judged: Judged) -> Judged:
        try:
            if self._is_open(judged):
                return judged._replace(is_open=True)
            if TABLE[judged.left, judged.right] != "compare" or judged.pair.left is None or judged.pair.right is None:
                return judged
            compared = self._compared(judged, judged.pair.left, judged.pair.right)
            return compared._replace(is_open=not compared.is_same and self._is_open(compared))
        except (ObjectChanged, PathMissing):
            return judged._replace(is_open=True)
        except NOT_NOW:
            raise
        except LiveDataError as error:
            self.failed(judged.pair.path, error)
            return judged._replace(is_open=True)

    def _is_open(self, judged: Judged) -> bool:
        return any(asked.is_open(entry) for asked, entry in self._asked(judged))

    def _asked(self, judged: Judged) -> Iterator[tuple[OpenFiles, Entry]]:
        """What is to be asked for, and whom."""
        for side, change in _changes(judged):
            entry, asked = judged.found(side), self.open_files[side] if change in _WRITTEN else None
            if asked is None and _gives_way(judged, side):
                asked = self.live[side]
            if asked is not None and entry is not None:
                yield asked, entry

    def _compared(self, judged: Judged, left: Entry, right: Entry) -> Judged:
        if left.size_bytes != right.size_bytes:
            return judged._replace(is_same=False)
        if self._stores_agree(left.path):
            return judged._replace(is_same=True)
        here = read_checksum(self.views["left"], left, self.buffers, self.bandwidth)
        there = read_checksum(self.views["right"], right, self.buffers, self.bandwidth)
        if here != there:
            return judged._replace(is_same=False)
        return judged._replace(is_same=True, crcs=(here.checksum.crc32c, here.checksum.crc64nvme))

    def _stores_agree(self, path: str) -> bool:
        """Whether both stores tell the same checksum; where they tell different ones, the bytes have to be read."""
        told = [zone.store_checksum(path) for zone in self.views.values() if isinstance(zone, StoreChecksum)]
        return len(told) == 2 and bool(told[0]) and told[0] == told[1]


def _gives_way(judged: Judged, side: Side) -> bool:
    """Whether what a side has may be deleted or replaced; of files with the same bytes neither is."""
    verdict = TABLE[judged.left, judged.right]
    return verdict in (f"to {side}", f"delete {side}") or (verdict == "compare" and judged.is_same is False)


def _changes(judged: Judged) -> Iterator[tuple[Side, str]]:
    yield "left", judged.left
    yield "right", judged.right
