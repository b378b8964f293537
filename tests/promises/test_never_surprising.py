"""Never surprising: a dry run changes nothing else; what nobody can have meant stops the run and says how to go on; one writer."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.errors import (
    FilterChanged,
    LiveDataError,
    PathMissing,
    SourceEmpty,
    TargetHeld,
    TargetTouched,
    TooManyDeletes,
)
from airflow_provider_livedata.engine.stored.lease import Lease, LeaseTimes
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.powers import Snapshots
from tests.crash.conftest import Files, Pair, contents

Make = Callable[[str, str], Pair]
FILES: Files = {"a": b"1", "b": b"2", "c": b"3", "d": b"4"}


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_a_dry_run_writes_its_plan_and_changes_nothing_else(make_pair: Make, target_like: str) -> None:
    pair = make_pair("hdfs", target_like)
    pair.put(FILES)
    replicate(pair.source, pair.target)
    pair.put({"a": b"changed", "new": b"5"})
    pair.remove("b")
    state, frozen = StateFolder(pair.target), _snapshots(pair)
    before = contents(pair.target), _stored(state)
    report = replicate(pair.source, pair.target, ReplicateOptions(dry_run=True))
    after = _stored(state)
    new = {name: after[name] for name in after if name not in before[1]}
    assert (contents(pair.target), {name: after[name] for name in before[1]}, _snapshots(pair)) == (*before, frozen)
    assert {name.partition("/")[0] for name in new} == {"dry-run"}
    assert (report.planned_files, report.planned_deletes) == (2, 1)
    plan = json.loads(new[report.plan.partition(".livedata/")[2]])
    assert plan["digest"] == report.plan_digest
    assert hashlib.sha256(new[report.address.partition(".livedata/")[2]]).hexdigest() == report.digest


def _snapshots(pair: Pair) -> list[str]:
    assert isinstance(pair.source, Snapshots)
    return [one.name for one in pair.source.snapshots()]


def _stored(state: StateFolder) -> dict[str, bytes]:
    return {entry.path: state.read(entry.path) or b"" for entry in state.files("")}


def _delete_most(pair: Pair) -> ReplicateOptions:
    pair.remove("a", "b", "c")
    return ReplicateOptions()


def _empty(pair: Pair) -> ReplicateOptions:
    pair.remove("a", "b", "c", "d")
    return ReplicateOptions()


def _exclude(pair: Pair) -> ReplicateOptions:
    return ReplicateOptions(exclude=("a",))


def _touch(pair: Pair) -> ReplicateOptions:
    pair.put({"a": b"ours"})
    pair.target.put("a", b"theirs")
    return ReplicateOptions()


@pytest.mark.parametrize(
    ("happens", "error", "way_out"),
    [
        (_delete_most, TooManyDeletes, "max_delete_ratio"),
        (_empty, SourceEmpty, "max_delete_ratio=1"),
        (_exclude, FilterChanged, "accept_new_filter"),
        (_touch, TargetTouched, "foreign='replace'"),
    ],
)
def test_what_nobody_can_have_meant_stops_the_run_and_the_error_says_how_to_go_on(
    make_pair: Make, happens: Callable[[Pair], ReplicateOptions], error: type[LiveDataError], way_out: str
) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    replicate(pair.source, pair.target)
    options = happens(pair)
    before = contents(pair.target)
    with pytest.raises(error, match=way_out):
        replicate(pair.source, pair.target, options)
    assert contents(pair.target) == before


def test_a_source_that_vanished_deletes_nothing(make_pair: Make) -> None:
    pair = make_pair("local", "objects")
    pair.put(FILES)
    replicate(pair.source, pair.target)
    shutil.rmtree(f"/{pair.source.address.path}")
    with pytest.raises(PathMissing, match="check the path"):
        replicate(pair.source, pair.target)
    assert contents(pair.target) == FILES


def test_a_second_run_fails_fast_and_names_the_holder(make_pair: Make) -> None:
    pair = make_pair("hdfs", "objects")
    pair.put(FILES)
    lively = LeaseTimes(beat_s=0.01, silence_s=60, stale_s=40, watch_s=0.05)
    with Lease(StateFolder(pair.target), "the nightly run", times=lively), pytest.raises(TargetHeld, match="the nightly run"):  # fmt: skip
        replicate(pair.source, pair.target, lease_times=lively)
    assert contents(pair.target) == {}
