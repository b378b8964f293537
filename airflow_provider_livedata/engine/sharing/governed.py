"""A zone whose bytes keep to what all runs together may move out of it, and into where they go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from airflow_provider_livedata.engine.errors import LiveDataError, NoShare
from airflow_provider_livedata.engine.limits import Bandwidth, here_and_now
from airflow_provider_livedata.engine.options import PRIORITY
from airflow_provider_livedata.engine.sharing.member import Member
from airflow_provider_livedata.engine.sharing.shares import ShareTimes
from airflow_provider_livedata.engine.sharing.zone_pace import Direction, ZonePace
from airflow_provider_livedata.engine.stored.state import FOLDER, StateFolder
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.wrappers import Retrying


class SharedBandwidth:
    """One direction of a zone, for all threads of this run. It is joined when the first byte is to be moved at a limited rate."""

    def __init__(
        self, pace: ZonePace, direction: Direction, opened: Callable[[str], Zone], *,
        weight: int = PRIORITY, holder: str = "", times: ShareTimes | None = None, now: Callable[[], datetime] = here_and_now,
    ) -> None:  # fmt: skip
        """``opened``: opens the zone of the address where runs tell of themselves; it is closed by ``leave``."""
        name = f"{direction} of the zone whose limits are kept at {pace.kept_at}"
        self._bandwidth = Bandwidth(pace.timetable(direction), name=name, now=now)
        self._kept_at, self._direction, self._opened = pace.kept_at, direction, opened
        self._weight, self._holder, self._times = weight, holder, times
        self._lock = threading.Lock()
        self._joined: tuple[Member, Zone] | None = None

    def refuse_closed(self) -> None:
        """See ``Bandwidth.refuse_closed``."""
        self._bandwidth.refuse_closed()

    def take(self, size_bytes: int) -> None:
        """Wait until ``size_bytes`` more may be moved.

        Raises:
            WindowClosed: Not at this time of day.
            NoShare: See ``Member``.
        """
        self._bandwidth.take(size_bytes, share=lambda: self._member().share())

    def leave(self) -> None:
        """Give this run's part to the others; the next byte joins anew."""
        with self._lock:
            joined, self._joined = self._joined, None
        if joined is not None:
            member, zone = joined
            member.leave()
            zone.close()

    def _member(self) -> Member:
        with self._lock:
            if self._joined is None:
                self._joined = self._join()
            return self._joined[0]

    def _join(self) -> tuple[Member, Zone]:
        try:
            zone = self._opened(self._kept_at)
        except LiveDataError as error:  # says nothing of the file that was to be read
            raise NoShare(
                f"where a zone's bandwidth is shared cannot be opened: {error}", kept_at=self._kept_at
            ) from error
        member = Member(StateFolder(Retrying(zone)), self._direction, self._weight, self._holder, times=self._times)
        try:
            member.join()
        except BaseException:
            zone.close()
            raise
        return member, zone


class Governed(Around):
    """Hands out the bytes of files at what is left to this run; records of runs pass freely, so that a run can always end well.

    Whoever copies reads, so a copy is governed where it is read: by what may leave this zone, and by what may go into the other one.
    What a store moves within itself, as publishing does, is not counted. Repeated attempts are: it belongs inside of ``Retrying``.
    """

    def __init__(self, zone: Zone, shares: Sequence[SharedBandwidth]) -> None:
        super().__init__(zone)
        self.shares = shares

    def around_zone(self, zone: Zone) -> Zone:
        """Views share what the zone has."""
        return type(self)(zone, self.shares)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        if path.partition("/")[0] != FOLDER:
            for share in self.shares:
                share.take(len(buffer))
        return super().read_into(path, offset, buffer, version=version)

    def close(self) -> None:
        """Leave those that share, and close the zone."""
        for share in self.shares:
            share.leave()
        super().close()
