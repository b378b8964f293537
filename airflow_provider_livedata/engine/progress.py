"""How far long work has come: a log line every few seconds with files, bytes, rate and time left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from airflow_provider_livedata.engine.units import human_bytes, human_seconds

log = logging.getLogger(__name__)


class Progress:
    """Counts from many threads; while used as a context manager it logs a line every ``every_s`` seconds."""

    def __init__(
        self,
        what: str,
        *,
        every_s: float = 5.0,
        say: Callable[[str], None] = log.info,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what = what
        self.files = self.size_bytes = self.failed = 0
        self.total_files: int | None = None
        self.total_bytes: int | None = None
        self._every_s, self._say, self._clock = every_s, say, clock
        self._began = clock()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="livedata-progress", daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def expect(self, files: int, size_bytes: int) -> None:
        """Set what there is to do, so that the time left can be told."""
        self.total_files, self.total_bytes = files, size_bytes

    def add(self, *, files: int = 0, size_bytes: int = 0, failed: int = 0) -> None:
        """Count what was done."""
        with self._lock:
            self.files += files
            self.size_bytes += size_bytes
            self.failed += failed

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._clock() - self._began

    def line(self) -> str:
        """What the log says."""
        seconds = max(self.seconds, 0.001)
        of_files = f" of {self.total_files:,}" if self.total_files is not None else ""
        of_bytes = f" of {human_bytes(self.total_bytes)}" if self.total_bytes else ""
        rate = f"{human_bytes(self.size_bytes / seconds)}/s, " if of_bytes or self.size_bytes else ""
        moved = f"{human_bytes(self.size_bytes)}{of_bytes}, " if rate else ""
        text = f"{self.what}: {self.files:,}{of_files} files, {moved}{rate}{self.files / seconds:,.0f} files/s"
        if self.failed:
            text += f", {self.failed:,} FAILED"
        left = self._seconds_left(seconds)
        return text + (f", {human_seconds(left)} left" if left is not None else "")

    def _seconds_left(self, seconds: float) -> float | None:
        # Small files are bound by their number and large ones by their bytes: the slower of the two estimates is the truer.
        if self.total_files is None or not self.files and not self.size_bytes:
            return None
        by_files = seconds * (self.total_files - self.files) / self.files if self.files else 0.0
        by_bytes = seconds * ((self.total_bytes or 0) - self.size_bytes) / self.size_bytes if self.size_bytes else 0.0
        return max(by_files, by_bytes, 0.0)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._say(self.line())
