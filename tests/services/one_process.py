"""A server of the tests that is one process with a directory of its own; gone, data included, when the context ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from tests.services.processes import ServerProcess
from tests.services.scratch import Scratch


class OneProcess(ABC):
    """Its life. ``start`` says how it begins, and sets ``_process`` before it waits."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """Process id of the server, none while it is stopped."""
        return [self._process.pid] if self._process else []

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it answers."""

    def stop(self) -> None:
        """End it at once, open connections included; what is in its directory stays."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """End it and remove its data. Idempotent."""
        self.stop()
        self._scratch.remove()
