"""Bring the bytes of changed files to the target and leave them invisible: nothing that a reader finds is touched.

What is staged is written down as it happens, with all that another process needs to let it appear. A run that is killed
here leaves the old state, and the next run takes over what is staged already.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from airflow_provider_livedata.engine.checksums import combine
from airflow_provider_livedata.engine.errors import LiveDataError, StateDamaged
from airflow_provider_livedata.engine.model import StagedFile, Step
from airflow_provider_livedata.engine.pool import Pool
from airflow_provider_livedata.engine.stored.journal import Log
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.stored.tables import staged_from_parquet, staged_to_parquet
from airflow_provider_livedata.engine.transfer.bringing import Bringing
from airflow_provider_livedata.engine.transfer.bundles import Shelf
from airflow_provider_livedata.engine.transfer.copying import copy_file
from airflow_provider_livedata.engine.transfer.landing import held, is_settled
from airflow_provider_livedata.engine.transfer.publisher import Staged
from airflow_provider_livedata.engine.transfer.tally import Tally
from airflow_provider_livedata.engine.zones.base import Upload

log = logging.getLogger(__name__)
MOST_OPEN = 10_000  # uploads that are kept in memory; the others are taken up again by their tokens
MOST_TAKEN_OVER = 100_000


def staged_log(state: StateFolder, run: int) -> Log[StagedFile]:
    """Where a run writes down what it staged."""
    return Log(state, f"runs/{run:012d}/staged", staged_to_parquet)


def staged_files(state: StateFolder, names: Iterable[str]) -> Iterator[StagedFile]:
    """The files that were written down under these names, streamed.

    Raises:
        StateDamaged: One of them is gone or not readable.
    """
    for name in names:
        data = state.read(name)
        if data is None:
            raise StateDamaged("the list of staged files is missing", file=state.address(name))
        yield from staged_from_parquet(data, name=state.address(name))


def staged_before(state: StateFolder, runs: Iterable[int]) -> dict[str, StagedFile]:
    """What runs that were cut off have staged, by path; of the newest run where several did."""
    found: dict[str, StagedFile] = {}
    for run in runs:
        names = [entry.path for entry in state.files(f"runs/{run:012d}/staged")]
        for file in staged_files(state, names):
            if len(found) < MOST_TAKEN_OVER or file.row.entry.path in found:
                found[file.row.entry.path] = file
    return found


@dataclass(slots=True)
class Staging(Bringing):
    """One staging. ``before``: what earlier runs staged. ``uploads``: the first of those that wait, by path."""

    log: Log[StagedFile] | None = None
    before: Mapping[str, StagedFile] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def run(self, steps: Iterable[Step]) -> Tally:
        """Stage what the "copy" steps among ``steps`` bring, and settle what else needs the source.

        Raises:
            LiveDataError: What no item can survive; see ``Transfer.run``.
        """
        with Pool(self.threads, "livedata-stage") as pool:
            try:
                for step in steps:
                    self._feed(step, pool)
                pool.wait()
                if self.route.bundles is not None:
                    self.route.bundles.close()
            finally:
                self._log.flush()
                self.journal.flush()
        return self.tally

    @property
    def names(self) -> list[str]:
        """Of the files that list what is staged."""
        return [name for name, _ in self._log.files]

    def files(self) -> Iterator[StagedFile]:
        """All that is staged, as it is listed."""
        for name in self.names:
            yield from self._log.rows_of(name) or staged_files(self._log.state, [name])

    def staged(self, step: Step, staged: Staged) -> None:
        """All bytes of a file are at the target."""
        self._keep(step, staged)
        self.tally.count(copied_files=1, copied_bytes=staged.row.entry.size_bytes)
        self.progress.add(files=1)

    def _feed(self, step: Step, pool: Pool) -> None:
        if step.kind == "copy":
            if step.entry.path in self.before:
                pool.submit(lambda: self._take_over(step))
            else:
                copy_file(step, self.route, self, pool.submit)
        elif step.kind == "refused":
            self.refused(step)
        elif step.kind == "record":
            pool.submit(lambda: self.guarded(step, self.record))
        elif (
            step.kind in ("move", "set_attributes") and step.entry.kind == "file" and self.route.open_files is not None
        ):
            pool.submit(lambda: self.guarded(step, self._ask))

    def _ask(self, step: Step) -> None:
        is_settled(step.entry, self.route, self)

    def _take_over(self, step: Step) -> None:
        staged = self._staged_before(step)
        if staged is None:
            copy_file(step, self.route, self, lambda task: task())
        else:
            self.guarded(step, lambda step: self._adopt(step, staged))

    def _staged_before(self, step: Step) -> Staged | None:
        """What an earlier run staged of the file, where that is of use."""
        try:
            return self._taken_up(step)
        except LiveDataError as error:
            log.info("%s: staged anew, since what an earlier run staged is of no use: %s", step.entry.path, error)
            return None

    def _taken_up(self, step: Step) -> Staged | None:
        file, entry = self.before[step.entry.path], step.entry
        known = file.row.entry
        if (known.version, known.size_bytes) != (entry.version, entry.size_bytes) or not file.row.is_settled:
            return None
        upload = self._shelf.take_up(entry.path, file.token, entry.size_bytes, attributes=self.route.attributes(entry))
        if upload is None:
            return None
        checksum = combine(file.parts)
        settled = is_settled(entry, self.route, self)
        row = held(entry, checksum, upload.stage(file.parts, checksum), settled=settled)
        return Staged(upload, file.parts, checksum, None, row)

    def _adopt(self, step: Step, staged: Staged) -> None:
        self._keep(step, staged)
        self.tally.count(adopted_files=1)
        self.progress.add(files=1, size_bytes=step.entry.size_bytes)

    def _keep(self, step: Step, staged: Staged) -> None:
        self._unreachable = 0
        if len(self.uploads) < MOST_OPEN:
            self.uploads[staged.row.entry.path] = staged.upload
        self._log.add(StagedFile(staged.row, staged.upload.token, tuple(staged.parts), step.expect, step.or_absent))

    @property
    def _shelf(self) -> Shelf:
        return self.route.bundles.shelf if self.route.bundles is not None else Shelf(self.route.target)

    @property
    def _log(self) -> Log[StagedFile]:
        if self.log is None:
            raise ValueError("a staging without a place to write down what is staged")
        return self.log
