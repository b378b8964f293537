"""Wrapped zones show what every zone shows, with the powers of what they wrap; each wrapper does what it is for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from airflow_provider_livedata.engine.checksums import checksum_of
from airflow_provider_livedata.engine.errors import (
    AlreadyExists,
    ChecksumMismatch,
    LiveDataError,
    ObjectChanged,
    PathMissing,
    PermissionRefused,
    ZoneBusy,
    ZoneUnreachable,
)
from airflow_provider_livedata.engine.limits import Pace
from airflow_provider_livedata.engine.model import ABSENT, Entry, Failure
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.sharing.governed import Governed, SharedBandwidth
from airflow_provider_livedata.engine.sharing.zone_pace import ZonePace
from airflow_provider_livedata.engine.zones import powers
from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.around import Around
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import Like, MemoryFiles, MemoryZone, forget
from airflow_provider_livedata.engine.zones.powers import (
    Cautions,
    HoldsAsRecorded,
    KeepsFiles,
    LeavesAttributes,
    ListsNames,
    ListsPast,
    LooksInside,
    Moves,
    OpenFiles,
    PacesCalls,
    Peeks,
    ReadsWhole,
    Rename,
    SetAttributes,
    SnapshotDifference,
    Snapshots,
    StatsMany,
    StoreChecksum,
    StreamedPuts,
)
from airflow_provider_livedata.engine.zones.registry import open_zone
from airflow_provider_livedata.engine.zones.wrappers import ReadOnly, Retrying
from airflow_provider_livedata.testing.faults import MUTATING, Counting, Crash, CrashAfter, Flaky, FlipBytes, Slow
from airflow_provider_livedata.testing.zone_suite import OpenAt, ZoneSuite

PART = 1 << 12
Result = TypeVar("Result")
EAGER = RetryPolicy(attempts=30, base_s=0, max_s=0)
POWERS = (
    Snapshots,
    SnapshotDifference,
    OpenFiles,
    HoldsAsRecorded,
    KeepsFiles,
    Moves,
    Rename,
    SetAttributes,
    StoreChecksum,
    LeavesAttributes,
    StreamedPuts,
    Peeks,
    StatsMany,
    ReadsWhole,
    LooksInside,
    ListsNames,
    ListsPast,
    PacesCalls,
    Cautions,
)


def memory(path: str = "", like: Like = "files") -> MemoryZone:
    return MemoryZone.open(Address("memory", "wrapped", path), like=like, part_bytes=PART)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget("wrapped")


class WrappedSuite(ZoneSuite):
    like: Like = "files"

    def wrap(self, zone: Zone) -> Zone:
        raise NotImplementedError

    @pytest.fixture
    def zone(self) -> Zone:
        return self.wrap(memory("root", self.like))

    @pytest.fixture
    def open_at(self, zone: Zone) -> OpenAt:
        return lambda path: self.wrap(memory(zone.address.join(path).path, self.like))

    @pytest.fixture
    def large_bytes(self) -> int:
        return 5 * PART + 7

    @pytest.fixture
    def many(self) -> int:
        return 1500

    @pytest.fixture
    def huge_bytes(self) -> int:
        return 100 * PART + 7

    def test_it_has_the_powers_of_what_it_wraps_and_no_others(self) -> None:
        for like in ("files", "objects", "hdfs"):
            forget("wrapped")
            inner = memory("root", like)
            for power in POWERS:
                assert isinstance(self.wrap(inner), power) == isinstance(inner, power)


class TestRetryingZone(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return Retrying(zone, EAGER)


class TestGovernedZone(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        pace = ZonePace("memory://nowhere/", reading="off", writing="00:00-24:00=off, closed")
        return Governed(zone, [SharedBandwidth(pace, direction, open_zone) for direction in ("reading", "writing")])


class TestGovernedObjectStore(TestGovernedZone):
    like = "objects"


class TestRetryingAFlakyZone(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        # A sweep whose reply is lost has nothing to count when it is repeated.
        return Retrying(
            Flaky(zone, seed=3, rate=0.3, names=MUTATING - {"sweep"} | {"scan", "stat", "read_into"}), EAGER
        )


class TestRetryingAFlakyObjectStore(TestRetryingAFlakyZone):
    like = "objects"


class TestCrashAfterManyCalls(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return CrashAfter(zone, 1 << 40)


class TestFlakyThatNeverFails(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return Flaky(zone, rate=0, breaks_scans=True)


class TestSlow(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return Slow(zone, call_s=1, bytes_per_s=1, sleep=lambda _: None)


class TestCounting(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return Counting(zone)


class TestFlipBytesThatNeverFlips(WrappedSuite):
    def wrap(self, zone: Zone) -> Zone:
        return FlipBytes(zone, rate=0)


class TestWrappersOfWrappers(WrappedSuite):
    like = "hdfs"

    def wrap(self, zone: Zone) -> Zone:
        return Retrying(Counting(Slow(Retrying(zone, EAGER))), EAGER)


def test_every_power_that_the_interface_declares_is_kept() -> None:
    declared = {
        name for name, one in vars(powers).items() if getattr(one, "_is_protocol", False) and name != "Protocol"
    }
    assert declared == {power.__name__ for power in POWERS}, "add the new one to POWERS and to the tests"


class Paceable(Around):
    """Can be paced, as HDFS can; the zones in memory cannot."""

    def paced(self, pace: Pace) -> Zone:
        return Paceable(self.inner)


@pytest.mark.parametrize("wrap", [Retrying, ReadOnly, Counting])
def test_a_zone_that_can_be_paced_can_be_so_behind_a_wrapper_and_stays_behind_it(wrap: Callable[[Zone], Zone]) -> None:
    zone = wrap(Paceable(memory()))
    assert isinstance(zone, PacesCalls)
    assert isinstance(zone.paced(Pace(1)), wrap)  # type: ignore[arg-type]
    assert not isinstance(wrap(memory()), PacesCalls)


class Failing(Around):
    """Runs a script: for each call of a name, what happens. ``lost``: it takes place and the reply is lost."""

    def __init__(self, zone: Zone, name: str, *script: LiveDataError | str) -> None:
        super().__init__(zone)
        self.name, self.script, self.calls = name, list(script), 0

    def around(self, name: str, run: Callable[[], Result], *, size_bytes: int = 0) -> Result:
        if name != self.name:
            return run()
        self.calls += 1
        happening = self.script.pop(0) if self.script else "works"
        if isinstance(happening, LiveDataError):
            raise happening
        result = run()
        if happening == "lost":
            raise ZoneUnreachable("lost")
        return result


def read(zone: Zone, path: str, size: int = 100) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: zone.read_into(path, 0, memoryview(buffer))])


def put(zone: Zone, path: str, data: bytes, **options: object) -> Entry:
    return zone.put(path, data, checksum=checksum_of(data), **options)  # type: ignore[arg-type]


class TestRetrying:
    def test_a_call_is_repeated_while_its_error_is_retryable(self) -> None:
        inner = Failing(memory(), "stat", ZoneBusy("busy"), "lost", ZoneUnreachable("gone"))
        assert Retrying(inner, EAGER).stat("f") is None
        assert inner.calls == 4

    def test_a_call_that_fails_for_good_is_not_repeated(self) -> None:
        for error in (PermissionRefused("no"), ObjectChanged("changed")):
            inner = Failing(memory(), "read_into", error)
            with pytest.raises(type(error)):
                read(Retrying(inner, EAGER), "f")
            assert inner.calls == 1

    def test_the_last_error_is_raised_when_no_attempt_is_left(self) -> None:
        inner = Failing(memory(), "stat", ZoneBusy("1"), ZoneBusy("2"), ZoneBusy("3"))
        with pytest.raises(ZoneBusy, match="3"):
            Retrying(inner, RetryPolicy(attempts=3, base_s=0, max_s=0)).stat("f")

    def test_waits_grow_and_the_store_may_name_its_own(self) -> None:
        waits: list[float] = []
        inner = Failing(memory(), "stat", *[ZoneBusy("busy")] * 3, ZoneBusy("busy", retry_after_s=7), ZoneBusy("busy"))
        Retrying(inner, RetryPolicy(8, base_s=1, max_s=5), sleep=waits.append, random=lambda: 0.5).stat("f")
        assert waits == [0.5, 1.0, 2.0, 7.0, 2.5]

    def test_bytes_that_were_damaged_on_the_way_are_sent_again(self) -> None:
        flipping = FlipBytes(memory(), rate=0.5, names=frozenset({"put", "part"}))
        zone = Retrying(flipping, EAGER)
        for number in range(20):
            data = b"%d" % number * 50
            assert put(zone, "f", data).size_bytes == len(data)
            assert read(zone, "f") == data[:100]
            upload = zone.begin("g", len(data))
            parts = [upload.part(0, data, checksum_of(data))]
            upload.complete(parts, checksum_of(data))
            assert read(zone, "g") == data[:100]
        assert flipping.flipped > 10

    def test_a_whole_file_that_is_refused_is_not_completed_again(self) -> None:
        inner = Failing(memory(), "complete")
        upload = Retrying(inner, EAGER).begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        with pytest.raises(ChecksumMismatch):
            upload.complete(parts, checksum_of(b"other"))
        assert inner.calls == 1

    def test_a_listing_is_repeated_only_before_its_first_entry(self) -> None:
        for path in "abc":
            memory().put(path, b"1")
        inner = Failing(memory(), "scan", ZoneBusy("busy"), "lost")
        assert [entry.path for entry in Retrying(inner, EAGER).scan()] == ["a", "b", "c"]

    def test_a_listing_that_breaks_later_raises_and_yields_nothing_twice(self) -> None:
        for path in "abc":
            memory().put(path, b"1")
        entries = Retrying(Breaking(memory()), EAGER).scan()
        assert next(entries).path == "a"
        with pytest.raises(ZoneUnreachable):
            next(entries)

    def test_a_view_of_a_snapshot_is_retried_too(self) -> None:
        inner = memory()
        assert isinstance(inner, Snapshots)
        zone = Retrying(Flaky(inner, seed=1, rate=0.5), EAGER)
        assert isinstance(zone, Snapshots)
        inner.put("f", b"1")
        view = zone.at(zone.snapshot("s"))
        for _ in range(20):
            assert read(view, "f") == b"1"

    def test_deletes_that_failed_for_a_while_are_tried_again_with_the_directories_they_filled(self) -> None:
        inner = FailingDeletes(memory(), {"d/f": 2, "held": 99})
        for path in ("d/f", "held", "ok"):
            inner.put(path, b"1")
        entries = sorted(inner.scan(), key=lambda entry: entry.key, reverse=True)
        failures = Retrying(inner, EAGER).delete(entries)
        assert [failure.path for failure in failures] == ["held"]
        assert [entry.path for entry in inner.scan()] == ["held"]

    def test_deletes_that_fail_for_good_are_reported_once(self) -> None:
        memory().put("d/f", b"1")
        failures = Retrying(memory(), EAGER).delete([Entry("d", "directory"), Entry("d/f")])
        assert [(failure.path, failure.error) for failure in failures] == [("d", "NotEmpty")]


class Breaking(Around):
    def scan(self, under: str = "") -> Iterator[Entry]:
        yield next(super().scan(under))
        raise ZoneUnreachable("broken off")


class FailingDeletes(Around):
    def __init__(self, zone: Zone, times: dict[str, int]) -> None:
        super().__init__(zone)
        self.times = times

    def delete(self, entries: object) -> list[Failure]:
        failures: list[Failure] = []
        for entry in entries:  # type: ignore[attr-defined]
            if self.times.get(entry.path, 0) > 0:
                self.times[entry.path] -= 1
                failures.append(Failure(entry.path, "busy", "ZoneBusy", retryable=self.times[entry.path] < 90))
            else:
                failures += self.inner.delete([entry])
        return failures


@pytest.mark.parametrize("like", ["files", "objects", "hdfs"])
class TestLostReplies:
    """Unknown is not failed: what took place although its reply was lost is recognised."""

    def test_a_create_only_put_finds_its_own_file(self, like: Like) -> None:
        zone = Retrying(Failing(memory(like=like), "put", "lost"), EAGER)
        entry = put(zone, "lease", b"mine", expect=ABSENT)
        assert entry == zone.stat("lease")

    def test_a_create_only_put_does_not_take_another_s_file_for_its_own(self, like: Like) -> None:
        for theirs in (b"same", b"longer"):
            put(memory(like=like), "lease", theirs)
            zone = Retrying(Failing(memory(like=like), "put", ZoneUnreachable("not known")), EAGER)
            with pytest.raises(AlreadyExists):
                put(zone, "lease", b"mine", expect=ABSENT)
            assert read(zone, "lease") == theirs

    def test_a_create_only_put_that_is_refused_at_once_is_refused_even_with_equal_bytes(self, like: Like) -> None:
        put(memory(like=like), "lease", b"mine")
        with pytest.raises(AlreadyExists):
            put(Retrying(memory(like=like), EAGER), "lease", b"mine", expect=ABSENT)

    def test_a_put_over_a_version_finds_its_own_file(self, like: Like) -> None:
        old = put(memory(like=like), "f", b"old")
        zone = Retrying(Failing(memory(like=like), "put", "lost"), EAGER)
        assert put(zone, "f", b"new", expect=old.version) == zone.stat("f")
        with pytest.raises(ObjectChanged):
            put(zone, "f", b"newer", expect=old.version)

    def test_a_complete_finds_its_own_file(self, like: Like) -> None:
        zone = Retrying(Failing(memory(like=like), "complete", "lost"), EAGER)
        upload = zone.begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        entry = upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)
        assert entry == zone.stat("f")

    def test_a_complete_that_was_done_by_a_process_that_is_gone_finds_its_own_file(self, like: Like) -> None:
        inner = memory(like=like)
        begun = inner.begin("f", 5)
        parts = [begun.part(0, b"12345", checksum_of(b"12345"))]
        failing = Failing(inner, "complete", ZoneUnreachable("not known"))
        upload = Retrying(failing, EAGER).resume("f", begun.token, 5)
        assert upload is not None
        begun.complete(parts, checksum_of(b"12345"))
        assert upload.complete(parts, checksum_of(b"12345"), expect=ABSENT) == inner.stat("f")

    def test_a_complete_does_not_take_another_s_file_for_its_own(self, like: Like) -> None:
        zone = Retrying(Failing(memory(like=like), "complete", ZoneUnreachable("not known")), EAGER)
        upload = zone.begin("f", 5)
        parts = [upload.part(0, b"12345", checksum_of(b"12345"))]
        put(memory(like=like), "f", b"other")
        with pytest.raises(AlreadyExists):
            upload.complete(parts, checksum_of(b"12345"), expect=ABSENT)

    def test_of_sixteen_racing_writers_on_a_bad_line_exactly_one_wins(self, like: Like) -> None:
        for seed in range(5):
            zone = Retrying(Flaky(memory(like=like), seed=seed, rate=0.5), EAGER)
            start = threading.Barrier(16)

            def write(number: int, zone: Zone = zone, start: threading.Barrier = start, seed: int = seed) -> bool:
                start.wait(timeout=60)
                try:
                    put(zone, f"lease-{seed}", b"writer %d" % number, expect=ABSENT)
                except AlreadyExists:
                    return False
                return True

            with ThreadPoolExecutor(16) as pool:
                won = [number for number, is_winner in enumerate(pool.map(write, range(16))) if is_winner]
            assert [b"writer %d" % number for number in won] == [read(zone, f"lease-{seed}")]


class TestLostReplyOfARename:
    def test_a_rename_finds_its_own_work(self) -> None:
        put(memory(), "old", b"1")
        zone = Retrying(Failing(memory(), "rename", "lost"), EAGER)
        assert isinstance(zone, Rename)
        zone.rename("old", "new")
        assert [entry.path for entry in zone.scan()] == ["new"]

    def test_a_rename_that_did_not_take_place_is_refused_as_it_would_be_at_once(self) -> None:
        put(memory(), "old", b"1")
        put(memory(), "new", b"2")
        zone = Retrying(Failing(memory(), "rename", ZoneUnreachable("not known")), EAGER)
        assert isinstance(zone, Rename)
        with pytest.raises(AlreadyExists):
            zone.rename("old", "new")
        with pytest.raises(PathMissing):
            zone.rename("absent", "newer")


class TestReadOnly:
    def test_reading_passes_and_every_change_is_refused(self) -> None:
        entry = put(memory(), "f", b"1")
        zone = ReadOnly(memory())
        zone.check(writable=False)
        assert read(zone, "f") == b"1"
        assert (list(zone.scan()), zone.stat("f")) == (list(memory().scan()), memory().stat("f"))
        for attempt in (
            lambda: zone.check(writable=True),
            lambda: zone.put("f", b"2"),
            lambda: zone.begin("g", 5),
            lambda: zone.resume("g", "token", 5),
            lambda: zone.make_directory("d"),
            lambda: zone.delete([entry]),
            lambda: zone.sweep(0),
        ):
            with pytest.raises(PermissionRefused, match="memory://wrapped/"):
                attempt()
        assert zone.stat("f") == entry

    def test_it_keeps_the_powers_that_read_and_loses_those_that_change(self) -> None:
        zone = ReadOnly(memory(like="hdfs"))
        kept = [isinstance(zone, power) for power in POWERS]
        assert {power for power, is_kept in zip(POWERS, kept, strict=True) if is_kept} == {
            Snapshots,
            SnapshotDifference,
            OpenFiles,
            StoreChecksum,
            ListsPast,
        }

    def test_snapshots_that_are_there_are_used_and_none_is_taken_or_dropped(self) -> None:
        inner = memory()
        assert isinstance(inner, MemoryFiles)
        inner.put("f", b"1")
        taken = inner.snapshot("s")
        zone = ReadOnly(inner)
        assert isinstance(zone, Snapshots)
        assert zone.snapshots() == [taken]
        assert read(zone.at(taken), "f") == b"1"
        assert zone.prepare_snapshots(allow=False) == ""
        for attempt in (
            lambda: zone.snapshot("t"),
            lambda: zone.drop_snapshot("s"),
            lambda: zone.prepare_snapshots(allow=True),
            lambda: zone.at(taken).put("f", b"2"),
        ):
            with pytest.raises(PermissionRefused):
                attempt()


class TestFaults:
    def test_a_crash_comes_at_the_call_that_was_asked_for_and_everything_is_dead_afterwards(self) -> None:
        zone = CrashAfter(memory(), 2)
        zone.put("a", b"1")
        read(zone, "a")
        upload = zone.begin("b", 5)
        with pytest.raises(Crash):
            upload.part(0, b"12345", checksum_of(b"12345"))
        assert zone.died_at == "part"
        attempts: list[Callable[[], object]] = [
            upload.abort,
            lambda: zone.stat("a"),
            lambda: list(zone.scan()),
            lambda: zone.put("c", b"1"),
        ]
        for attempt in attempts:
            with pytest.raises(Crash):
                attempt()
        assert [entry.path for entry in memory().scan()] == ["a"]

    def test_a_crash_after_a_call_leaves_what_it_did(self) -> None:
        zone = CrashAfter(memory(), 0, when="after")
        with pytest.raises(Crash):
            zone.put("a", b"1")
        assert [entry.path for entry in memory().scan()] == ["a"]

    def test_a_crash_ends_listings_and_views_that_are_under_way(self) -> None:
        inner = memory()
        for path in "abc":
            inner.put(path, b"1")
        zone = CrashAfter(inner, 1)
        assert isinstance(zone, Snapshots)
        view = zone.at(zone.snapshot("s"))
        entries = zone.scan()
        next(entries)
        with pytest.raises(Crash):
            zone.put("d", b"1")
        attempts: list[Callable[[], object]] = [lambda: next(entries), lambda: view.stat("a")]
        for attempt in attempts:
            with pytest.raises(Crash):
                attempt()

    def test_a_crash_is_not_caught_by_what_handles_errors(self) -> None:
        assert not issubclass(Crash, Exception)

    def test_flaky_calls_fail_before_and_after_they_take_place_and_repeat_by_seed(self) -> None:
        def outcomes(seed: int) -> list[str]:
            found = []
            zone = Flaky(memory(f"{seed}"), seed=seed, rate=0.5)
            for number in range(60):
                try:
                    zone.put(f"{number}", b"1", expect=ABSENT)
                    found.append("works")
                except (ZoneBusy, ZoneUnreachable):
                    found.append("lost" if memory(f"{seed}").stat(f"{number}") else "failed")
            forget("wrapped")
            return found

        assert outcomes(1) == outcomes(1) != outcomes(2)
        assert set(outcomes(1)) == {"works", "lost", "failed"}

    def test_flaky_listings_break_off_when_asked_to(self) -> None:
        for number in range(100):
            memory().put(f"{number}", b"1")
        zone = Flaky(memory(), seed=5, rate=0.1, breaks_scans=True)
        found: list[Entry] = []
        with pytest.raises(LiveDataError):
            found.extend(zone.scan())
        assert 0 < len(found) < 100

    def test_counting_knows_calls_bytes_and_entries(self) -> None:
        zone = Counting(memory())
        put(zone, "f", b"12345")
        upload = zone.begin("g", 3)
        parts = [upload.part(0, b"123", checksum_of(b"123"))]
        upload.complete(parts, checksum_of(b"123"))
        read(zone, "f")
        read(zone, "f")
        list(zone.scan())
        counts = zone.counts
        assert counts.calls == {"put": 1, "begin": 1, "part": 1, "complete": 1, "read_into": 2, "scan": 1}
        assert (counts.read_bytes, counts.written_bytes, counts.listed_entries) == (10, 8, 2)

    def test_slow_waits_for_calls_and_bytes(self) -> None:
        waits: list[float] = []
        zone = Slow(memory(), call_s=1, bytes_per_s=10, sleep=waits.append)
        zone.put("f", b"12345")
        read(zone, "f", 20)
        zone.stat("f")
        assert waits == [1.5, 3.0, 1.0]

    def test_flipped_bytes_differ_in_one_bit_and_are_refused_by_a_store_with_checksums(self) -> None:
        memory().put("f", b"12345")
        got = read(FlipBytes(memory()), "f")
        assert sum((a ^ b).bit_count() for a, b in zip(got, b"12345", strict=True)) == 1
        zone = FlipBytes(memory())
        upload = zone.begin("g", 5)
        for attempt in (
            lambda: put(zone, "g", b"12345"),
            lambda: upload.part(0, b"12345", checksum_of(b"12345")),
        ):
            with pytest.raises(ChecksumMismatch):
                attempt()
        assert memory().stat("g") is None
