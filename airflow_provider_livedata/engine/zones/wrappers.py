"""Zones around zones: Retrying tries again what may succeed later, ReadOnly refuses every change."""

from __future__ import annotations

import random as jitter
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

from airflow_provider_livedata.engine.checksums import EMPTY, checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    LiveDataError,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
)
from airflow_provider_livedata.engine.limits import NOT_NOW
from airflow_provider_livedata.engine.model import Attributes, Checksum, Entry, Expect, Failure, Part
from airflow_provider_livedata.engine.retry import DEFAULT_POLICY, Random, RetryPolicy, Sleep, retry
from airflow_provider_livedata.engine.zones.around import Around, AroundUpload
from airflow_provider_livedata.engine.zones.base import Upload, Zone

Result = TypeVar("Result")
COMPARED_AT_ONCE_BYTES = 8 << 20


class Retrying(Around):
    """Repeats calls that failed with a retryable error, except ObjectChanged: that is for the caller to decide.

    A call whose reply was lost may have taken place. Most calls may simply be made again. For those that may not, an
    answer to a later attempt that says "no longer as expected" is held against what is there: the caller's own file
    is success. A listing is repeated until its first entry has come; one that breaks later raises, since entries were
    handed out already. A wrapped zone must not retry on its own, else waits multiply.
    """

    def __init__(
        self,
        zone: Zone,
        policy: RetryPolicy = DEFAULT_POLICY,
        *,
        sleep: Sleep = time.sleep,
        random: Random = jitter.random,
    ) -> None:
        super().__init__(zone)
        self.policy, self._sleep, self._random = policy, sleep, random

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Make the call until it succeeds, fails for good, or the policy's attempts are used up."""
        is_worth_it = _is_worth_it_to_complete if name == "complete" else _is_worth_it
        return retry(run, self.policy, is_worth_it=is_worth_it, sleep=self._sleep, random=self._random)

    def _again(self, run: Callable[[], Result], after: LiveDataError) -> Result:
        return retry(run, self.policy, is_worth_it=_is_worth_it, sleep=self._sleep, random=self._random, after=after)

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """All powers may be repeated but a rename, which finds its own work done, and a stream, whose bytes are gone."""
        if name == "rename":
            return self._rename(*args, **options)
        if name == "move":
            return self._move(*args, **options)
        if name == "put_stream":
            return self._put_stream(*args, **options)
        return super().around_power(name, *args, **options)

    def around_zone(self, zone: Zone) -> Zone:
        """Retry with the same policy."""
        return type(self)(zone, self.policy, sleep=self._sleep, random=self._random)

    def around_upload(self, upload: Upload, path: str) -> Upload:
        """Have ``complete`` recognise its own work."""
        return _RetryingUpload(self, upload, path)

    def put(
        self, path: str, data: bytes | bytearray | memoryview, *,
        checksum: Checksum | None = None, attributes: Attributes | None = None, expect: Expect = None,
    ) -> Entry:  # fmt: skip
        """See ``Zone.put``. Of writers that race with equal bytes each may take the file for its own."""
        try:
            return self.inner.put(path, data, checksum=checksum, attributes=attributes, expect=expect)
        except LiveDataError as error:
            call = _Uncertain(
                lambda: self.inner.put(path, data, checksum=checksum, attributes=attributes, expect=expect),
                lambda: self.if_landed(path, len(data), checksum_of(data)),
                (AlreadyExists, ObjectChanged),
                has_failed=True,
            )
            return self._again(call, error)

    def read_into(self, path: str, offset: int, buffer: memoryview, *, version: str = "") -> int:
        """See ``Zone.read_into``."""
        try:
            return self.inner.read_into(path, offset, buffer, version=version)
        except LiveDataError as error:
            return self._again(lambda: self.inner.read_into(path, offset, buffer, version=version), error)

    def delete(self, entries: Sequence[Entry]) -> list[Failure]:
        """See ``Zone.delete``. Entries that failed for a while are tried again, and the directories that they filled."""
        left, lasting, attempt = list(entries), list[Failure](), 0
        while True:
            attempt += 1
            failures = self.around("delete", lambda: self.inner.delete(left))  # noqa: B023 - called at once
            if attempt >= self.policy.attempts or not any(failure.retryable for failure in failures):
                return lasting + failures
            again = {failure.path for failure in failures if failure.retryable or failure.error == "NotEmpty"}
            lasting += [failure for failure in failures if failure.path not in again]
            left = [entry for entry in left if entry.path in again]
            self._sleep(self.policy.wait_s(attempt, self._random()))

    def if_landed(self, path: str, size_bytes: int, checksum: Checksum) -> Entry | None:
        """What is at ``path`` when it has those bytes, else None."""
        there = self.stat(path)
        if there is None or there.kind != "file" or there.size_bytes != size_bytes:
            return None
        return there if self._has_bytes_of(there, checksum) else None

    def _has_bytes_of(self, entry: Entry, checksum: Checksum) -> bool:
        if entry.crc64nvme is not None:
            return entry.crc64nvme == checksum.crc64nvme
        if entry.crc32c is not None:
            return entry.crc32c == checksum.crc32c
        found, buffer = EMPTY, memoryview(bytearray(min(entry.size_bytes, COMPARED_AT_ONCE_BYTES)))
        for offset in range(0, entry.size_bytes, COMPARED_AT_ONCE_BYTES):
            count = self.read_into(entry.path, offset, buffer, version=entry.version)
            found = checksum_of(buffer[:count], found)
        return found == checksum

    def _put_stream(
        self, path: str, size_bytes: int, piece_bytes: int, pieces: Iterator[memoryview],
        checksum: Callable[[], Checksum], **options: Any,
    ) -> Entry:  # fmt: skip
        # Once only, since the pieces are gone; but an answer that was lost is not a file that was.
        taken = 0

        def counted() -> Iterator[memoryview]:
            nonlocal taken
            for piece in pieces:
                taken += len(piece)
                yield piece

        try:
            return self.inner.put_stream(  # type: ignore[attr-defined,no-any-return]
                path, size_bytes, piece_bytes, counted(), checksum, **options
            )
        except LiveDataError as error:
            is_sent = error.retryable and taken == size_bytes
            done = self.if_landed(path, size_bytes, checksum()) if is_sent else None
            if done is None:
                raise
            return done

    def _move(self, origin: str, path: str, *, checksum: Checksum | None = None, **options: Any) -> Entry:
        def if_done() -> Entry | None:
            there = self.stat(path)
            is_ours = there is not None and there.kind == "file" and checksum is not None
            return there if is_ours and self._has_bytes_of(there, checksum) else None  # type: ignore[arg-type]

        call = _Uncertain[Entry](
            lambda: self.inner.move(origin, path, checksum=checksum, **options),  # type: ignore[attr-defined]
            if_done,
            (PathMissing, AlreadyExists, ObjectChanged),
        )
        return self.around("move", call)

    def _rename(self, old: str, new: str) -> None:
        def is_moved() -> bool | None:
            return True if self.stat(old) is None and self.stat(new) is not None else None

        def run() -> bool:
            self.inner.rename(old, new)  # type: ignore[attr-defined]
            return True

        self.around("rename", _Uncertain(run, is_moved, (PathMissing, AlreadyExists)))


@dataclass(slots=True)
class _Uncertain(Generic[Result]):
    """A call that may have taken place although it failed: later refusals are held against what is there."""

    run: Callable[[], Result]
    if_done: Callable[[], Result | None]  # the result, when an earlier attempt did it, else None
    refusals: tuple[type[LiveDataError], ...]
    has_failed: bool = field(default=False)

    def __call__(self) -> Result:
        try:
            return self.run()
        except self.refusals:
            done = self.if_done() if self.has_failed else None
            if done is None:
                raise
            return done
        except LiveDataError:
            self.has_failed = True
            raise


class _RetryingUpload(AroundUpload):
    def complete(self, parts: Sequence[Part], checksum: Checksum, *, expect: Expect = None) -> Entry:
        """See ``Upload.complete``."""
        zone, size_bytes = self.zone, sum(part.size_bytes for part in parts)
        if not isinstance(zone, Retrying):
            return super().complete(parts, checksum, expect=expect)
        call = _Uncertain(
            lambda: self.inner.complete(parts, checksum, expect=expect),
            lambda: zone.if_landed(self.path, size_bytes, checksum),
            (AlreadyExists, ObjectChanged, PathMissing),
        )
        return zone.around("complete", call)


class ReadOnly(Around):
    """Refuses what would change anything. Of powers it keeps snapshots (those that are there) and checksums."""

    keeps = frozenset({
        "Snapshots", "SnapshotDifference", "OpenFiles", "StoreChecksum", "Peeks", "StatsMany", "ReadsWhole", "LooksInside",
        "ListsNames", "ListsPast", "PacesCalls", "Cautions",
    })  # fmt: skip

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        """Let reading pass."""
        if name not in _READING:
            self._refuse(name)
        return run()

    def around_power(self, name: str, *args: Any, **options: Any) -> Any:
        """Let those pass that change nothing."""
        if name == "prepare_snapshots" and not options.get("allow", False):
            return self.inner.prepare_snapshots(allow=False)  # type: ignore[attr-defined]
        return super().around_power(name, *args, **options)

    def check(self, *, writable: bool) -> None:
        """See ``Zone.check``."""
        if writable:
            self._refuse("check")
        super().check(writable=False)

    def _refuse(self, name: str) -> NoReturn:
        raise PermissionRefused("the zone was opened for reading only", address=str(self.address), call=name)


_READING = {
    "check", "scan", "stat", "read_into", "snapshots", "at", "difference", "may_have_open_files", "is_open",
    "freezes_open_files", "store_checksum", "peek", "stat_many", "read_whole", "holds_any", "names_in", "listing_past", "paced", "cautions",
}  # fmt: skip


def _is_worth_it(error: LiveDataError) -> bool:
    return error.retryable and not isinstance(error, (ObjectChanged, *NOT_NOW))


def _is_worth_it_to_complete(error: LiveDataError) -> bool:
    # Bytes that were refused as a whole will be refused again; a part or a put is sent anew.
    return _is_worth_it(error) and not isinstance(error, ChecksumMismatch)
