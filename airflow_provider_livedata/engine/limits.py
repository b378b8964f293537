"""How much of the source and of this process a run may use: bandwidth by a timetable, calls a second, memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from airflow_provider_livedata.engine.errors import BadOption, NoShare, WindowClosed
from airflow_provider_livedata.engine.timetable import CLOSED, Timetable

MADE_UP_S = 0.1
NOT_NOW = (WindowClosed, NoShare)  # say nothing of the file that was to be read, and hold for all others too


class Turns:
    """Lets takers pass one after the other, over all threads: each waits until those before it have had their time.

    Time in which nobody came is lost, but for the last ``made_up_s`` of it.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None], *, made_up_s: float = 0.0) -> None:
        self._clock, self._sleep, self._made_up_s = clock, sleep, made_up_s
        self._lock = threading.Lock()
        self._due = float("-inf")

    def wait(self, time_s: float) -> None:
        """Wait for a turn, which takes ``time_s``."""
        with self._lock:
            start = max(self._due, self._clock() - self._made_up_s)
            self._due = start + time_s
        self._sleep(max(0.0, start - self._clock()))


def here_and_now() -> datetime:
    """The time on this worker's clock, in its time zone."""
    return datetime.now().astimezone()


class Bandwidth:
    """Lets bytes pass at the timetable's rate, over all threads: each taker waits until its bytes are due."""

    def __init__(
        self,
        timetable: Timetable,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = here_and_now,
        sleep: Callable[[float], None] = time.sleep,
        name: str = "bandwidth of this run",
    ) -> None:
        self._timetable, self._now, self._name = timetable, now, name
        self._turns = Turns(clock, sleep)

    def take(self, size_bytes: int, *, share: Callable[[], float] = lambda: 1.0) -> None:
        """Wait until ``size_bytes`` more may be moved; ``share``: of the rate, asked for where there is one.

        Raises:
            WindowClosed: Nothing may be moved at this time of day.
        """
        rate = self.rate()
        if rate is not None:
            self._turns.wait(size_bytes / (rate * share()))

    def rate(self) -> float | None:
        """Bytes a second as of now; None is no limit.

        Raises:
            WindowClosed: See ``take``.
        """
        if not self._timetable.spans:
            return None
        rate = self._timetable.rate(self._now())
        if rate == CLOSED:
            self.refuse_closed()
        return rate

    def refuse_closed(self) -> None:
        """Do nothing while bytes may be moved.

        Raises:
            WindowClosed: They may not.
        """
        now = self._now()
        opens = self._timetable.opens(now)
        if opens != now:
            when = "never opens" if opens is None else f"opens at {opens:%H:%M}"
            raise WindowClosed(
                f"the bandwidth is closed at this time of day: it {when}; what has landed is not copied again then",
                limit=self._name, opens=None if opens is None else opens.isoformat(),
            )  # fmt: skip


class Pace:
    """Lets ``calls_per_s`` calls pass, over all threads; 0: any number.

    What a tenth of a second (``MADE_UP_S``) left unused is made up for at once. So in any ``w`` seconds there are at most
    ``calls_per_s * (w + MADE_UP_S) + 1`` calls.
    """

    def __init__(
        self,
        calls_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if calls_per_s < 0:
            raise BadOption("calls a second are 0 (no limit) or more", calls_per_s=calls_per_s)
        self.calls_per_s = calls_per_s
        self._turns = Turns(clock, sleep, made_up_s=MADE_UP_S)

    def take(self, calls: int = 1) -> None:
        """Wait until ``calls`` more may be made."""
        for _ in range(calls if self.calls_per_s else 0):
            self._turns.wait(1 / self.calls_per_s)


NO_LIMIT = Pace(0)


class Buffers:
    """Memory out of one budget; borrowing waits until there is room. A buffer larger than the budget is lent alone.

    Buffers are mapped, not allocated: what malloc takes back from many threads it keeps, and a process that copies
    again and again would grow.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._lent = 0
        self._free: dict[int, list[mmap]] = {}  # by size
        self._free_bytes = 0
        self._room = threading.Condition()

    def borrow(self, size_bytes: int, *, beside: int = 0) -> _Loan:
        """Lend a buffer of exactly ``size_bytes`` for the ``with`` block; its contents are whatever they were.

        ``beside``: bytes that others will hold for as long, which count as well.
        """
        return _Loan(self, size_bytes, beside)

    def set_aside(self, size_bytes: int) -> None:
        """Leave so much of the budget to a holder that keeps it as long as this lives, and never waits for it here."""
        with self._room:
            self._budget = max(self._budget - size_bytes, 0)

    def take(self, size_bytes: int, beside: int) -> mmap:
        """Wait until there is room; see ``borrow``."""
        needed = size_bytes + beside
        with self._room:
            if self._lent and self._lent + needed > self._budget:
                self._room.wait_for(lambda: self._lent == 0 or self._lent + needed <= self._budget)
            self._lent += needed
            free = self._free.get(size_bytes)
            if free:
                self._free_bytes -= size_bytes
                return free.pop()
            # Free ones of other sizes make room, so that lent and free together stay within the budget.
            for size, buffers in self._free.items():
                while buffers and self._lent + self._free_bytes > self._budget:
                    buffers.pop()
                    self._free_bytes -= size
        return mmap(-1, size_bytes, flags=MAP_PRIVATE | MAP_ANONYMOUS)

    def give_back(self, buffer: mmap, size_bytes: int, beside: int) -> None:
        """The end of a loan."""
        with self._room:
            self._lent -= size_bytes + beside
            self._free.setdefault(size_bytes, []).append(buffer)
            self._free_bytes += size_bytes
            self._room.notify_all()


class _Loan:
    """A buffer for the length of a ``with`` block. A class, since a generator costs a small file three times as much."""

    __slots__ = ("_beside", "_buffer", "_buffers", "_size_bytes")

    def __init__(self, buffers: Buffers, size_bytes: int, beside: int) -> None:
        self._buffers, self._size_bytes, self._beside = buffers, size_bytes, beside

    def __enter__(self) -> mmap:
        self._buffer = self._buffers.take(self._size_bytes, self._beside)
        return self._buffer

    def __exit__(self, *_: object) -> None:
        self._buffers.give_back(self._buffer, self._size_bytes, self._beside)
