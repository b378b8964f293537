"""Line up a backup and the destination of a restore, and find for each file that is there the evidence that it is the backup's."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from airflow_provider_livedata.engine.checksums import agrees
from airflow_provider_livedata.engine.deciding.diff import Row, line_up
from airflow_provider_livedata.engine.deciding.overlay import overlay
from airflow_provider_livedata.engine.limits import Bandwidth, Buffers
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.reading.checksum import read_checksum
from airflow_provider_livedata.engine.reading.looking import look
from airflow_provider_livedata.engine.reading.scan import scan
from airflow_provider_livedata.engine.restores.attempts import Attempt
from airflow_provider_livedata.engine.restores.choosing import Choice
from airflow_provider_livedata.engine.restores.options import RestoreOptions
from airflow_provider_livedata.engine.restores.rows import Evidence, evidence_of, is_worth_asking, may_be_same
from airflow_provider_livedata.engine.zones.base import Zone

ASKED_AT_ONCE = 1000
ASKERS = 16


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked at, and how."""

    view: Zone
    destination: Zone
    choice: Choice
    options: RestoreOptions
    buffers: Buffers
    bandwidth: Bandwidth

    @contextlib.contextmanager
    def rows(self, attempt: Attempt) -> Generator[Iterator[tuple[Row, Evidence]]]:
        """The rows of both sides, in key order; listings end with the ``with`` block."""
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(contextlib.closing(self._listed(self.view)))
            theirs = stack.enter_context(contextlib.closing(self._listed(self.destination)))
            pool = stack.enter_context(ThreadPoolExecutor(ASKERS, "livedata-ask"))
            rows = line_up(
                self.choice.of_backup(ours),
                overlay(attempt.brought()),
                self.choice.of_destination(theirs),
                attempt.planned(),
            )
            yield self._with_evidence(rows, pool)

    def _listed(self, zone: Zone) -> Generator[Entry]:
        cover = self.choice.cover()
        if cover is None:
            yield from scan(zone, self.options.filter)
        else:
            yield from look(zone, self.options.filter, cover)

    def _with_evidence(self, rows: Iterator[Row], pool: ThreadPoolExecutor) -> Iterator[tuple[Row, Evidence]]:
        while batch := list(islice(rows, ASKED_AT_ONCE)):
            doubtful = [row for row in batch if may_be_same(row.source, row.target)]
            found = dict(zip((row.key for row in doubtful), pool.map(self._evidence, doubtful), strict=True))
            yield from ((row, found.get(row.key, "")) for row in batch)

    def _evidence(self, row: Row) -> Evidence:
        source, target, facts = row.source, row.target, self.destination.facts
        if source is None or target is None:
            return ""
        told = evidence_of(source, target, row.known, facts)
        if told in ("", "size and time") and is_worth_asking(source, facts):
            told = evidence_of(source, self._as_told(target), row.known, facts)
        is_proof = told in ("", "brought before", "checksum")
        return told if is_proof or self.options.verify != "content" else self._read(source, target)

    def _as_told(self, target: Entry) -> Entry:
        """What a listing says of a file, with what the store tells of it alone."""
        there = self.destination.stat(target.path)
        if there is None or there.version != target.version:
            return target
        return target._replace(
            crc32c=there.crc32c, crc64nvme=there.crc64nvme, source_version=there.source_version
        )  # fmt: skip

    def _read(self, source: Entry, target: Entry) -> Evidence:
        found = read_checksum(self.destination, target, self.buffers, self.bandwidth).checksum
        if source.crc32c is None and source.crc64nvme is None:
            read = read_checksum(self.view, source, self.buffers, self.bandwidth)
            return "content" if read.checksum == found else ""
        return "content" if agrees(source, found) else ""
