"""Where bytes come from, where they go, and within which limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import ObjectChanged
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import ABSENT, Attributes, Entry, Expect, Step
from airflow_provider_livedata.engine.transfer.bundles import Bundles
from airflow_provider_livedata.engine.zones.base import Zone, file_at
from airflow_provider_livedata.engine.zones.powers import OpenFiles

STREAMED_FROM_BYTES = 4 << 20  # a stream costs the store less a byte, and this process more a file
_PRESERVABLE = frozenset({"owner", "group", "mode", "mtime_ms", "acl", "xattrs"})


@dataclass(frozen=True, slots=True)
class Route:
    """The two zones of a transfer, and what all its files share.

    ``source`` is the snapshot's view or the live zone; ``reads`` are those at once, None: as many as there are tasks; ``open_files`` the live zone to ask for open files, or None where
    none can be open. ``exclusive``: the target cannot write conditionally and nobody else writes to it. ``may_stream``: there are
    so many files that each needs no more than one thread. ``is_staging``: files are to stay invisible; small ones in ``bundles``, if there are.
    """

    source: Zone
    target: Zone
    buffers: Buffers
    bandwidth: Bandwidth
    reads: threading.Semaphore | None
    allow: Callable[[], None]
    open_files: OpenFiles | None = None
    exclusive: bool = False
    may_stream: bool = False
    is_staging: bool = False
    bundles: Bundles | None = None
    preserve: frozenset[str] = _PRESERVABLE
    publishes: bool = field(init=False)  # the target itself lets a file appear as its last byte arrives
    small_bytes: int = field(init=False)  # files up to here are one part; the target's facts tell it of larger ones
    beside_bytes: tuple[int, int] = field(init=False)  # the most that the clients of source and target hold

    def __post_init__(self) -> None:
        # Asked for each file, and the same for all.
        object.__setattr__(self, "publishes", self.target.facts.puts_publish and not self.is_staging)
        object.__setattr__(self, "small_bytes", self.target.facts.part_bytes(0))
        object.__setattr__(self, "beside_bytes", (self.source.facts.reading_bytes, self.target.facts.writing_bytes))

    def attributes(self, entry: Entry) -> Attributes:
        """Those attributes of a source entry that go to the target."""
        given = entry.attributes_with_version
        if len(self.preserve) == len(_PRESERVABLE):
            return given
        return given._replace(**dict.fromkeys(_PRESERVABLE - self.preserve))  # type: ignore[arg-type]

    def read(self, entry: Entry, offset: int, view: memoryview) -> None:
        """Fill ``view`` from the source, within the limits.

        Raises:
            ObjectChanged: The file is shorter than listed, or was replaced.
        """
        self.bandwidth.take(len(view))
        if self.reads is None:
            count = self.source.read_into(entry.path, offset, view, version=entry.version)
        else:
            with self.reads:
                count = self.source.read_into(entry.path, offset, view, version=entry.version)
        if count != len(view):
            raise ObjectChanged(
                "the file became shorter while it was read",
                path=entry.path,
                expected=offset + len(view),
                found=offset + count,
            )

    def is_one_part(self, entry: Entry) -> bool:
        """Whether the file is no more than one part."""
        size_bytes = entry.size_bytes
        return size_bytes <= self.small_bytes or size_bytes <= self.target.facts.part_bytes(size_bytes)

    def streams(self, entry: Entry) -> bool:
        """Whether the file goes in one request, its bytes as they come."""
        return (
            self.may_stream
            and self.publishes
            and STREAMED_FROM_BYTES <= entry.size_bytes <= self.target.facts.max_stream_bytes
        )

    def beside(self, size_bytes: int) -> int:
        """Bytes that the zones' clients hold while so much of a file is on its way."""
        reading, writing = self.beside_bytes
        return min(size_bytes, reading) + min(size_bytes, writing)

    def expect(self, step: Step) -> Expect:
        """What must stand at the step's path for it to be written."""
        if self.exclusive:
            return None
        is_absent = step.expect is None or (step.or_absent and file_at(self.target, step.entry.path) is None)
        return ABSENT if is_absent else step.expect


def attribute_names(preserve: Iterable[str]) -> frozenset[str]:
    """Names of ``Attributes``, for those that ``ReplicateOptions.preserve`` knows."""
    return frozenset("mtime_ms" if name == "mtime" else name for name in preserve)
