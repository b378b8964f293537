"""Who hears how each file of a transfer ended."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Entry, Held, Step
from airflow_provider_livedata.engine.transfer.publisher import Staged


class Sink(Protocol):
    """Called from many threads; of each file exactly one of landed, staged, failed and vanished."""

    def landed(self, step: Step, row: Held, *, adopted: bool) -> None:
        """The file is visible at the target; ``adopted``: an earlier run had brought it."""

    def staged(self, step: Step, staged: Staged) -> None:
        """The bytes are at the target, not yet visible."""

    def failed(self, step: Step, error: LiveDataError) -> None:
        """The file could not be brought."""

    def vanished(self, step: Step) -> None:
        """The file was gone from a live source."""

    def open_at_source(self, entry: Entry) -> None:
        """The file was being written; what was copied is its state so far."""

    def moved(self, size_bytes: int) -> None:
        """Bytes arrived at the target."""
