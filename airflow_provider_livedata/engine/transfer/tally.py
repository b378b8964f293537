"""What a transfer did, counted from many threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Failure

KEPT = 1000  # failures, vanished and unsettled paths that are held in memory and shown in the report


@dataclass(slots=True)
class Tally:
    """Counts of a transfer. Lists hold the first ``KEPT`` items, the numbers all."""

    copied_files: int = 0
    copied_bytes: int = 0
    moved_files: int = 0  # renamed at the source, and brought within the target
    adopted_files: int = 0  # had landed in an earlier run that was killed
    made_directories: int = 0
    set_attributes: int = 0
    recorded: int = 0
    deleted_files: int = 0
    deleted_directories: int = 0
    kept_directories: int = 0  # not deleted because they hold what is not ours
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    vanished: int = 0
    vanished_paths: list[str] = field(default_factory=list)
    unsettled_paths: list[str] = field(default_factory=list)  # all of them: the checkpoint needs each
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, **amounts: int) -> None:
        """Add to the named numbers."""
        with self._lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)

    def copied(self, size_bytes: int) -> None:
        """Add one file that was copied; ``count`` would cost a small file more."""
        with self._lock:
            self.copied_files += 1
            self.copied_bytes += size_bytes

    def fail(self, path: str, error: LiveDataError | Failure) -> None:
        """Note that one path failed."""
        failure = error if isinstance(error, Failure) else Failure.of(path, error)
        with self._lock:
            self.failed += 1
            if len(self.failures) < KEPT:
                self.failures.append(failure)

    def vanish(self, path: str) -> None:
        """Note that a file was gone from a live source before it could be read."""
        with self._lock:
            self.vanished += 1
            if len(self.vanished_paths) < KEPT:
                self.vanished_paths.append(path)

    def unsettle(self, path: str) -> None:
        """Note that a file was being written while it was copied."""
        with self._lock:
            self.unsettled_paths.append(path)
