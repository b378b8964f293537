"""State that an earlier version left is read, gone on with, and ended right by this one (tools/earlier_state.py wrote it)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_livedata.engine import (
    BackupOptions,
    ReplicateOptions,
    RestoreOptions,
    RetentionPolicy,
    backup,
    catalogue,
    completed,
    fail_back,
    lag,
    open_zone,
    proofs,
    replicate,
    restore,
    retain,
    verify,
)
from airflow_provider_livedata.engine.errors import TargetIsActive
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.memory import zone as memory
from airflow_provider_livedata.engine.zones.memory.zone import Like, MemoryZone
from airflow_provider_livedata.testing.faults import Counting
from tests.crash.conftest import PART_BYTES, contents
from tests.crash.test_crashes import IMPATIENT
from tests.services.stores import load

STATES = Path(__file__).parents[1] / "golden/state"
OPTIONS = ReplicateOptions(list_every_h=0, max_delete_ratio=1.0)
Load = Callable[[str], None]


@pytest.fixture(params=sorted(one.name for one in STATES.iterdir()))
def loaded(request: pytest.FixtureRequest) -> Iterator[Load]:
    """What lays one of the states into memory."""
    names: list[str] = []
    yield lambda state: names.extend(load(STATES / request.param / f"{state}.zip"))
    for name in names:
        memory.forget(name)


def zone(name: str, like: Like) -> MemoryZone:
    return open_zone(f"memory://{name}/data", like=like, part_bytes=PART_BYTES)  # type: ignore[return-value]


def test_a_run_that_an_earlier_version_left_unfinished_is_continued(loaded: Load) -> None:
    loaded("unfinished")
    source, target = zone("unfinished-source", "hdfs"), zone("unfinished-target", "files")
    missing = [path for path, data in contents(source).items() if contents(target).get(path) != data]
    assert 0 < len(missing) < 5
    reading = Counting(source)
    report = replicate(reading, target, OPTIONS, lease_times=IMPATIENT)
    assert report.found_by.startswith("difference of snapshots")
    assert reading.counts.read_bytes == sum(len(contents(source)[path] or b"") for path in missing)
    assert contents(target) == contents(source)
    assert verify(source, target, level="content").is_same
    assert replicate(source, target, OPTIONS).changes == 0
    assert len(source.snapshots()) == 1  # type: ignore[attr-defined]


def test_the_manifest_of_an_earlier_version_is_read_whole_and_by_path(loaded: Load) -> None:
    loaded("unfinished")
    state = StateFolder(zone("unfinished-target", "files"))
    checkpoint = checkpoints.latest(state)
    assert checkpoint is not None
    assert (checkpoint.run, len(checkpoint.generations)) == (3, 3)
    held = [row.entry.path for row in checkpoints.manifest(state, checkpoint)]
    assert held == ["a", "d", "d/b", "empty", "kept", "renamed", "renamed/name"]
    assert [one["run"] for one in completed(state.zone, after=0)] == [1, 2, 3]
    assert lag(state.zone).last_contact_ms > checkpoint.as_of_ms


def test_a_run_that_an_earlier_version_committed_is_carried_forward_from_the_target_alone(loaded: Load) -> None:
    loaded("committed")
    source, target = zone("committed-source", "hdfs"), zone("committed-target", "objects")
    wanted = {path: data for path, data in contents(source).items() if data is not None}
    source.read_into = _never  # type: ignore[method-assign]
    source.at = _never  # type: ignore[attr-defined]
    with pytest.raises(
        AssertionError, match="the source was read"
    ):  # after rolling forward: it has its own run to make
        replicate(source, target, OPTIONS, lease_times=IMPATIENT)
    assert {path: data for path, data in contents(target).items() if data is not None} == wanted
    assert StateFolder(target).read("checkpoint/000000000004.json")
    assert target.store.uploads == {}


def _never(*_args: object, **_options: object) -> int:
    raise AssertionError("the source was read")


def test_a_switch_that_an_earlier_version_made_holds_and_is_turned_back(loaded: Load) -> None:
    loaded("switched")
    source, target = zone("switched-source", "hdfs"), zone("switched-target", "files")
    with pytest.raises(TargetIsActive):
        replicate(source, target, OPTIONS)
    assert [proof.level for proof in proofs(target).values()] == ["content"]
    fail_back(target, source, OPTIONS)
    assert contents(source)["a"] == b"changed at the active side"
    source.put("a", b"and on from there")
    replicate(source, target, OPTIONS)
    assert contents(target) == contents(source)


def test_backups_of_an_earlier_version_are_catalogued_held_restored_and_gone_on_with(loaded: Load) -> None:
    loaded("backups")
    source, place = zone("backups-source", "hdfs"), zone("backups-place", "objects")
    found = catalogue(place)
    assert [one.state for one in found.backups] == ["complete", "complete", "complete", "incomplete"]
    first, second, third = (one.name for one in found.complete())
    assert [bool(one.holds) for one in found.complete()] == [True, False, False]
    assert [bool(one.verified) for one in found.complete()] == [False, True, False]
    back = zone("backups-back", "files")
    report = restore(place, third, back, RestoreOptions(threads=1), lease_times=IMPATIENT)
    assert (report.failed, report.attempt) == (0, 2)
    assert contents(back) == {
        "a": b"2" * 20, "kept": b"kept" * 50, "d": None, **{f"d/{n}": b"%d" % n * 30 for n in range(3)},
    }  # fmt: skip
    fourth = backup(source, place, BackupOptions("increments", copy=OPTIONS), lease_times=IMPATIENT)
    assert fourth.name.startswith("000004-")
    gone = retain(place, RetentionPolicy(keep_last=1))
    assert gone.removed == [third]  # the first is held, the second the newest that is proved
    assert [one.name for one in catalogue(place).complete()] == [first, second, fourth.name]
    elsewhere = open_zone("memory://backups-elsewhere/data", like="files")
    restore(place, "latest", elsewhere)
    assert contents(elsewhere) == contents(source)  # type: ignore[arg-type]
    memory.forget("backups-elsewhere")
