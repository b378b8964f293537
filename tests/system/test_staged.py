"""consistency="snapshot" on real servers: a worker that is killed, a source that is gone, earlier states of an HDFS target."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate, verify
from airflow_provider_livedata.engine.model import Attributes
from airflow_provider_livedata.engine.replication.committing import pending
from airflow_provider_livedata.engine.replication.finding import known_of
from airflow_provider_livedata.engine.replication.rolling import Forward, roll_forward
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.powers import Snapshots
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Crash
from tests.crash.test_crashes import IMPATIENT
from tests.crash.test_staged import DiesAtPut
from tests.services.engine_process import start
from tests.system.conftest import Contents, Place, hdfs_place
from tests.system.hdfs_common import put
from tests.system.test_killed_worker import kill_when

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_livedata.engine.zones.base import Zone
    from tests.services.hdfs import HdfsCluster

STAGED = ReplicateOptions(max_delete_ratio=1.0, consistency="snapshot")
WATCHFUL = LeaseTimes(silence_s=600)  # a killed process of this machine is known to be dead at once
OLD: Contents = {"d": None, "same": b"same", **{f"d/f{n:03d}": b"old" * n for n in range(1, 150)}}
NEW: Contents = {**OLD, **{f"d/f{n:03d}": os.urandom(40_000) for n in range(1, 120)}, "d/large": os.urandom(6 << 20)}


@pytest.fixture(params=["s3", "hdfs", "local"])
def copied(
    request: pytest.FixtureRequest,
    source: Place,
    target: Place,
    hdfs_cluster: HdfsCluster,
    hdfs_dir: str,
    tmp_path: Path,
) -> Place:
    """A target that holds ``OLD``, whose source holds ``NEW``."""
    places = {
        "s3": target,
        "hdfs": hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy"),
        "local": Place(f"file://{tmp_path}/t", {}),
    }
    place = places[request.param]
    zone = source.open()
    put_all(zone, OLD)
    replicate(source.open(), place.open(), STAGED)
    put_all(zone, {path: data for path, data in NEW.items() if OLD.get(path) != data})
    zone.rename("same", "renamed")  # type: ignore[attr-defined]
    return place


def put_all(zone: Zone, files: Contents) -> None:
    """At once: HDFS may take half a second for the end of each."""
    with ThreadPoolExecutor(64) as pool:
        list(
            pool.map(
                lambda item: put(zone, item[0], item[1] or b""), (item for item in files.items() if item[1] is not None)
            )
        )


EXPECTED: Contents = {("renamed" if path == "same" else path): data for path, data in NEW.items()}


def is_committed(state: StateFolder) -> bool:
    return state.read_json("runs/000000000002/commit.json") is not None


def test_a_worker_killed_while_it_stages_leaves_the_old_state_and_the_next_goes_on(
    source: Place, copied: Place
) -> None:
    state = StateFolder(copied.open())
    process = start(source, copied, consistency="snapshot", threads=4, bandwidth="2MiB/s")
    kill_when(process, lambda: state.read_json("runs/000000000002/plan/plan.json") is not None)
    assert not is_committed(state)
    assert copied.contents() == OLD
    report = replicate(source.open(), copied.open(), STAGED, lease_times=WATCHFUL)
    assert (report.failed, report.renamed) == (0, 1)
    assert copied.contents() == EXPECTED


def test_a_worker_killed_after_the_commit_is_carried_forward_from_the_target_alone(
    source: Place, copied: Place
) -> None:
    state = StateFolder(copied.open())
    process = start(source, copied, consistency="snapshot")
    kill_when(process, lambda: is_committed(state))
    known = known_of(state)
    assert pending(state, known.unfinished) is not None
    with Lease(state, "a fail-over", times=WATCHFUL) as lease:
        done = roll_forward(known, Forward(state.zone, lease.check, STAGED))
    assert done is not None
    assert (done.run, done.files) == (2, len([data for data in EXPECTED.values() if data is not None]))
    assert copied.contents() == EXPECTED
    assert verify(source.open(), copied.open(), level="content").is_same
    assert replicate(source.open(), copied.open(), STAGED).changes == 0


def test_nothing_appears_before_all_of_it_is_there(
    source: Place, copied: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_livedata.engine.flows import replicate as flow

    seen = list[Contents]()
    publish = flow.publish  # type: ignore[attr-defined]

    def look_and_publish(*args: Any) -> Any:
        seen.append(copied.contents())
        return publish(*args)

    monkeypatch.setattr(flow, "publish", look_and_publish)
    replicate(source.open(), copied.open(), STAGED)
    assert seen == [OLD]
    assert copied.contents() == EXPECTED


def test_earlier_states_of_an_hdfs_target_can_be_read_and_only_ours_go(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, source: Place
) -> None:
    place = hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy")
    zone, live = place.open(), source.open()
    assert isinstance(zone, Snapshots)
    keeping = ReplicateOptions(max_delete_ratio=1.0, consistency="snapshot", keep_removed=7)
    states = list[Contents]()
    for data in (b"first", b"second", b"third"):
        put(live, "f", data)
        replicate(source.open(), place.open(), keeping)
        states.append({"f": data})
    zone.snapshot("someone-elses")
    ours = [one for one in zone.snapshots() if one.name.startswith("livedata-")]
    assert [contents_at(zone, one) for one in ours] == states
    latest = checkpoints.latest(StateFolder(zone))
    assert latest is not None
    assert latest.target_snapshot == ours[-1].name
    put(live, "f", b"fourth")
    replicate(source.open(), place.open(), STAGED)  # keeps nothing but the last one
    names = [one.name for one in zone.snapshots()]
    assert names == ["someone-elses", f"{ours[-1].name.rpartition('-')[0]}-4"]
    for name in names:
        zone.drop_snapshot(name)


def test_swapped_files_of_one_size_and_time_are_not_swapped_back(
    hdfs_cluster: HdfsCluster, hdfs_dir: str, source: Place
) -> None:
    """On HDFS such files have one version, so nothing at the target tells that they were put aside and swapped already."""
    place, live = hdfs_place(hdfs_cluster, f"{hdfs_dir}-copy"), source.open()
    for path in ("x", "y"):
        put(live, path, path.encode(), Attributes(mtime_ms=1_700_000_000_000))
    replicate(source.open(), place.open(), STAGED)
    for old, new in (("x", "t"), ("y", "x"), ("t", "y")):
        live.rename(old, new)  # type: ignore[attr-defined]
    mortal = Retrying(DiesAtPut(place.open(), "checkpoint/000000000002.json", when="before"), RetryPolicy(attempts=1))
    with pytest.raises(Crash):
        replicate(source.open(), mortal, STAGED)
    assert place.contents() == {"x": b"y", "y": b"x"}
    state = StateFolder(place.open())
    with Lease(state, "a fail-over", times=IMPATIENT) as lease:
        assert roll_forward(known_of(state), Forward(state.zone, lease.check, STAGED)) is not None
    assert place.contents() == {"x": b"y", "y": b"x"}
    assert verify(source.open(), place.open(), level="content").is_same


def contents_at(zone: Any, snapshot: Any) -> Contents:
    view, found = zone.at(snapshot), Contents()
    for entry in view.scan():
        data = bytearray(entry.size_bytes)
        view.read_into(entry.path, 0, memoryview(data))
        found[entry.path] = bytes(data)
    return found
