"""What transfers have in common: how files end, what is counted, and what no item can survive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.errors import (
    BucketMissing,
    CredentialsRefused,
    LeaseLost,
    LiveDataError,
    PermissionRefused,
    StoreFull,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.limits import NOT_NOW
from airflow_provider_livedata.engine.model import Entry, Held, Step
from airflow_provider_livedata.engine.progress import Progress
from airflow_provider_livedata.engine.stored.journal import Journal
from airflow_provider_livedata.engine.transfer.route import Route
from airflow_provider_livedata.engine.transfer.tally import Tally

# No item can succeed after one of these; going on would only fill the report.
HOPELESS = (LeaseLost, CredentialsRefused, StoreFull, BucketMissing, *NOT_NOW)


@dataclass(slots=True)
class Bringing:
    """A transfer between the zones of ``route``; most of a ``Sink``."""

    route: Route
    journal: Journal
    progress: Progress
    threads: int = 16
    tally: Tally = field(default_factory=Tally)
    _unreachable: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def landed(self, step: Step, row: Held, *, adopted: bool) -> None:
        """A file is visible at the target."""
        self._unreachable = 0
        self.journal.add(row)
        if adopted:
            self.tally.count(adopted_files=1)
            self.progress.add(files=1, size_bytes=step.entry.size_bytes)
        else:
            self.tally.copied(row.entry.size_bytes)
            self.progress.add(files=1)

    def failed(self, step: Step, error: LiveDataError) -> None:
        """A file or directory could not be handled; goes on unless nothing can succeed any more."""
        refuse_hopeless(error)
        self.tally.fail(step.entry.path, error)
        self.progress.add(failed=1)
        self._unreachable = self._unreachable + 1 if isinstance(error, ZoneUnreachable) else 0
        if self._unreachable >= 2 * self.threads:
            raise error

    def vanished(self, step: Step) -> None:
        """A file of a live source was gone before it could be read."""
        self.tally.vanish(step.entry.path)
        self.progress.add(files=1)

    def open_at_source(self, entry: Entry) -> None:
        """A file was being written at the source."""
        self.tally.unsettle(entry.path)

    def moved(self, size_bytes: int) -> None:
        """Bytes arrived at the target."""
        self.progress.add(size_bytes=size_bytes)

    def guarded(self, step: Step, act: Callable[[Step], None]) -> None:
        """Carry out one step while this run may; its failure is its own."""
        try:
            self.route.allow()
            act(step)
        except LiveDataError as error:
            self.failed(step, error)

    def refused(self, step: Step) -> None:
        """A directory of the source may not be listed."""
        self.failed(step, PermissionRefused(
            "the directory may not be listed: nothing that it holds was brought, and nothing below it was deleted; give the "
            "user the right to read it, or exclude it", path=step.entry.path
        ))  # fmt: skip

    def record(self, step: Step) -> None:
        """Write down what needs no other change."""
        settled = True
        if step.entry.kind == "file" and self.route.open_files is not None:
            settled = not self.route.open_files.is_open(step.entry)
            if not settled:
                self.open_at_source(step.entry)
        self.journal.add(Held(step.entry, step.expect or "", is_settled=settled))
        self.tally.count(recorded=1)


def refuse_hopeless(error: LiveDataError) -> None:
    """Let out what no item can survive.

    Raises:
        LiveDataError: The error itself.
    """
    if isinstance(error, HOPELESS):
        raise error
