"""Make staged files visible in batches: first the journal says what is coming, then it appears.

On stores where a finished file appears by a rename, a killed run so leaves no file that the next run does not know.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from airflow_provider_livedata.engine.errors import LiveDataError
from airflow_provider_livedata.engine.model import Checksum, Expect, Held, Part
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.zones.base import Upload

BATCH_FILES = 1000
BATCH_S = 1.0
THREADS = 8


class Staged(NamedTuple):
    """A file whose bytes are at the target, not yet visible, and the row that describes it once it is."""

    upload: Upload
    parts: Sequence[Part]
    checksum: Checksum
    expect: Expect
    row: Held


class Publisher:
    """Collects staged files and publishes them a batch at a time on a thread of its own.

    ``allow`` is asked before each batch and raises when nothing may be changed any more; ``done`` hears of each file,
    with the error of one that could not appear.
    """

    def __init__(
        self, journal: Journal, allow: Callable[[], None], done: Callable[[Staged, LiveDataError | None], None]
    ) -> None:
        self._journal, self._allow, self._done = journal, allow, done
        self._staged: list[Staged] = []
        self._changed = threading.Condition()
        self._closed = False
        self.fatal: BaseException | None = None
        self._pool = ThreadPoolExecutor(THREADS, "livedata-publish")
        self._thread = threading.Thread(target=self._run, name="livedata-publisher", daemon=True)
        self._thread.start()

    def add(self, staged: Staged) -> None:
        """Hand over a staged file."""
        with self._changed:
            self._staged.append(staged)
            if len(self._staged) >= BATCH_FILES:
                self._changed.notify()

    def close(self) -> None:
        """Publish what is left and end.

        Raises:
            BaseException: What kept a batch from being published.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._pool.shutdown()
        if self.fatal is not None:
            raise self.fatal

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._staged) >= BATCH_FILES, timeout=BATCH_S)
                batch, self._staged = self._staged, []
                closed = self._closed
            if batch and self.fatal is None:
                self._publish(batch)
            if closed and not self._staged:
                return

    def _publish(self, batch: list[Staged]) -> None:
        try:
            self._allow()
            self._journal.add_now(staged.row for staged in batch)
            list(self._pool.map(self._one, batch))
        except BaseException as error:  # noqa: BLE001 - handed to close(), whatever it is
            self.fatal = error

    def _one(self, staged: Staged) -> None:
        try:
            landed = staged.upload.complete(staged.parts, staged.checksum, expect=staged.expect)
        except LiveDataError as error:
            self._done(staged, error)
        else:
            if landed.version != staged.row.target_version:  # a store that gives the version only now
                self._journal.add(staged.row._replace(target_version=landed.version))
            self._done(staged, None)
