"""How a target stands is read from its state alone, and a change is seen without copying anything."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from airflow_provider_livedata.engine import (
    ReplicateOptions,
    changed,
    completed,
    fingerprint,
    lag,
    newest_run,
    open_zone,
    proofs,
    replicate,
    stop_live,
    stop_mark,
    verify,
)
from airflow_provider_livedata.engine.errors import LiveDataError, PathMissing, RunRefused, Unsupported, ZoneUnreachable
from airflow_provider_livedata.engine.flows import verify as verify_module
from airflow_provider_livedata.engine.model import Attributes, Difference, Snapshot
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.engine.zones.memory.zone import MemoryFiles, MemoryHdfs, MemoryZone
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting

_NUMBERS = itertools.count()


def zone(like: str) -> MemoryZone:
    opened = open_zone(f"memory://standing-{like}-{next(_NUMBERS)}/data", like=like)
    assert isinstance(opened, MemoryZone)
    return opened


@pytest.fixture(params=["hdfs", "objects"])
def source(request: pytest.FixtureRequest) -> MemoryZone:
    """A source that tells differences of snapshots, and one that has to be listed."""
    made = zone(request.param)
    made.make_directory("")
    made.put("a", b"1")
    made.put("d/b", b"2")
    return made


@pytest.fixture
def target() -> Zone:
    return zone("files")


def test_before_the_first_checkpoint_there_is_no_lag_and_nothing_was_completed(target: Zone) -> None:
    found = lag(target)
    assert (found.lag_s, found.run, found.last_contact_ms) == (None, 0, 0)
    assert "nothing was ever copied completely" in found.text()
    assert "never reached" in found.text()
    assert (newest_run(target), completed(target)) == (0, [])


def test_lag_grows_from_the_instant_that_the_copy_is_of(source: MemoryZone, target: Zone) -> None:
    report = replicate(source, target)
    found = lag(target, now_ms=report.as_of_ms + 90_500)
    assert (found.run, found.lag_s, found.as_of_ms, found.snapshot) == (1, 90.5, report.as_of_ms, report.snapshot)
    assert (found.report, found.checkpoint) == (report.address, report.checkpoint_after)
    assert found.source == str(source.address)
    assert "lags 1 min 30 s: checkpoint 1, as of 20" in found.text()


def test_a_run_that_was_refused_is_a_contact_and_no_checkpoint(source: MemoryZone, target: Zone) -> None:
    replicate(source, target)
    before = lag(target)
    source.delete(list(source.scan())[::-1])
    with pytest.raises(RunRefused):
        replicate(source, target)
    after = lag(target)
    assert (after.run, after.as_of_ms) == (before.run, before.as_of_ms)
    assert after.last_contact_ms > before.as_of_ms


def test_a_run_that_left_but_an_empty_folder_hides_no_contact(source: MemoryZone, target: Zone) -> None:
    replicate(source, target)
    before = lag(target)
    target.make_directory(".livedata/runs/000000000002")
    after = lag(target)
    assert 0 < after.last_contact_ms == before.last_contact_ms
    assert replicate(source, target).run == 2


def test_each_completed_run_is_told_once_in_order_and_failed_ones_are_not(source: MemoryZone, target: Zone) -> None:
    reports = [replicate(source, target)]
    source.put("c", b"333")
    reports.append(replicate(source, target))
    saved = list(source.scan())
    source.delete(saved[::-1])
    with pytest.raises(RunRefused):
        replicate(source, target)
    source.put("a", b"1")
    reports.append(replicate(source, target, ReplicateOptions(max_delete_ratio=1)))
    told = completed(target, after=0)
    assert [one["run"] for one in told] == [1, 2, 4]
    assert [one["report"] for one in told] == [report.address for report in reports]
    assert told[1] | {"copied_files": 1, "copied_bytes": 3, "snapshot": reports[1].snapshot} == told[1]
    assert told[1]["lag_seconds"] == reports[1].lag_seconds
    assert [one["run"] for one in completed(target)] == [4]
    assert completed(target, after=4) == []


def test_a_checkpoint_whose_report_was_never_written_is_told_when_asked_for(source: MemoryZone, target: Zone) -> None:
    report = replicate(source, target)
    StateFolder(target).remove("runs", only=lambda name: name.endswith("report.json"))
    assert completed(target, after=0, even_without_report=False) == []
    (told,) = completed(target, after=0)
    assert (told["run"], told["as_of_ms"], told["report"], told["changes"]) == (1, report.as_of_ms, "", None)


def test_the_stop_file_is_named_by_whatever_it_says(target: Zone) -> None:
    assert stop_mark(target) == ""
    assert stop_live(target, by="me", why="fail-over") == f"{target.address}/.livedata/stop.json"
    first = stop_mark(target)
    assert first
    target.put(".livedata/stop.json", b"stop, please")
    assert stop_mark(target) not in {"", first}


CHANGES: dict[str, Any] = {
    "new": lambda zone: zone.put("d/new", b"n"),
    "rewritten": lambda zone: zone.put("a", b"9"),
    "gone": lambda zone: zone.delete([zone.stat("a")]),
    "directory": lambda zone: zone.make_directory("e"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_source_has_changed_until_it_is_replicated(source: MemoryZone, target: Zone, change: Any) -> None:
    assert changed(source, target) == "nothing was copied completely yet"
    replicate(source, target)
    assert changed(source, target) == ""
    change(source)
    assert changed(source, target) != ""
    replicate(source, target, ReplicateOptions(max_delete_ratio=1))
    assert changed(source, target) == ""


def test_a_mode_that_was_set_is_a_change(target: Zone) -> None:
    source = zone("hdfs")
    assert isinstance(source, MemoryFiles)
    source.put("a", b"1")
    replicate(source, target)
    source.set_attributes("a", Attributes(mode=0o600))
    assert changed(source, target) == "modify: a"
    for snapshot in source.snapshots():  # and so it has to be listed
        source.drop_snapshot(snapshot.name)
    assert changed(source, target) == "changed: a"


def test_what_is_excluded_is_no_change(source: MemoryZone, target: Zone) -> None:
    replicate(source, target, ReplicateOptions(exclude=("*.tmp",)))
    source.put("x.tmp", b"1")
    source.put("_temporary/x", b"1")
    assert changed(source, target) == ""


def test_a_file_that_was_being_written_counts_as_changed(target: Zone) -> None:
    source = zone("hdfs")
    source.put("log", b"1")
    source.store.open_paths.add("data/log")
    replicate(source, target)
    assert changed(source, target) == "log was being written at checkpoint 1"


def test_a_source_with_snapshots_is_asked_for_the_difference_and_not_listed(target: Zone) -> None:
    source = zone("hdfs")
    source.put("a", b"1")
    replicate(source, target)
    counting = Counting(source)
    assert changed(counting, target) == ""
    assert counting.counts.listed_entries == 0


class CannotTell(MemoryHdfs):
    """A source that tells no difference, for a reason."""

    reason: LiveDataError

    def difference(self, old: Snapshot, new: Snapshot, *, most: int) -> Difference:
        raise self.reason


def test_a_source_that_cannot_tell_its_difference_is_listed_and_one_that_does_not_answer_is_an_error(
    target: Zone,
) -> None:
    source = zone("hdfs")
    source.put("a", b"1")
    replicate(source, target)
    mute = CannotTell(source.address, source.store, source.facts)
    mute.reason = Unsupported("no differences here")
    assert changed(mute, target) == ""
    source.put("b", b"2")
    assert changed(mute, target) == "new: b"
    mute.reason = ZoneUnreachable("no answer")
    with pytest.raises(ZoneUnreachable):
        changed(Retrying(mute, RetryPolicy(attempts=1)), target)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_fingerprint_tells_one_listing_from_another(source: MemoryZone, change: Any) -> None:
    before = fingerprint(source)
    assert fingerprint(source) == before
    assert (before.files, before.size_bytes) == (2, 2)
    change(source)
    assert fingerprint(source).digest != before.digest


def test_a_fingerprint_leaves_out_what_is_excluded(source: MemoryZone) -> None:
    before = fingerprint(source, exclude=("*.tmp",))
    source.put("x.tmp", b"1")
    source.put("_temporary/x", b"1")
    assert fingerprint(source, exclude=("*.tmp",)) == before
    with pytest.raises(PathMissing):
        fingerprint(zone("objects"))


def test_a_proof_is_the_newest_verification_that_found_the_target_intact(source: MemoryZone, target: Zone) -> None:
    assert proofs(target) == {}
    replicate(source, target)
    listing, checksum = verify(source, target, level="listing"), verify(source, target, level="checksum")
    found = proofs(target)
    assert {level: proof.at_ms for level, proof in found.items()} == {
        "listing": listing.started_ms, "checksum": checksum.started_ms,
    }  # fmt: skip
    assert (found["listing"].checkpoint, found["listing"].report) == (1, listing.address)
    target.delete([entry for entry in target.scan() if entry.path == "a"])
    assert verify(source, target, level="listing").difference_kinds == {"missing": 1}
    assert proofs(target) == found


def test_what_only_the_source_did_takes_no_proof_away(target: Zone) -> None:
    source = zone("objects")
    source.put("a", b"1")
    replicate(source, target)
    source.put("b", b"2")
    later = verify(source, target, level="listing")
    assert later.difference_kinds == {"changed at source": 1}
    assert proofs(target)["listing"].at_ms == later.started_ms


def test_a_hundred_reports_of_each_level_are_kept(target: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "KEPT_REPORTS", 2)
    source = zone("objects")
    source.put("a", b"1")
    replicate(source, target)
    kept = [verify(source, target, level="checksum").address]
    kept += [verify(source, target, level="listing").address for _ in range(4)][2:]
    there = [f"{target.address}/{entry.path}" for entry in target.scan(".livedata/verify") if entry.kind == "file"]
    assert sorted(there) == sorted(kept)
