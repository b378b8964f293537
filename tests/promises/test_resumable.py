"""Resumable: a killed run is continued by the next; what landed is not copied again; the checkpoint moves at the end only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_livedata.engine import ReplicateOptions, replicate
from airflow_provider_livedata.engine.retry import RetryPolicy
from airflow_provider_livedata.engine.stored import checkpoint as checkpoints
from airflow_provider_livedata.engine.stored.state import StateFolder
from airflow_provider_livedata.engine.zones.wrappers import Retrying
from airflow_provider_livedata.testing.faults import Counting, Crash, CrashAfter
from tests.crash.conftest import PART_BYTES, Files, Pair, contents
from tests.crash.test_crashes import IMPATIENT

Make = Callable[[str, str], Pair]
ONE_BY_ONE = ReplicateOptions(threads=1)
OLD: Files = {"kept": b"kept"}
NEW: Files = OLD | {f"f{n:02d}": bytes([n]) * (PART_BYTES // 2) for n in range(8)}


@pytest.mark.parametrize("target_like", ["objects", "files", "hdfs", "local"])
def test_a_killed_run_is_continued_and_what_landed_is_not_copied_again(make_pair: Make, target_like: str) -> None:
    calls, partly = 0, 0
    while True:
        pair = make_pair("hdfs", target_like)
        pair.put(OLD)
        replicate(pair.source, pair.target)
        pair.put({path: data for path, data in NEW.items() if path not in OLD})
        try:
            mortal = Retrying(CrashAfter(pair.target, calls), RetryPolicy(attempts=1))
            replicate(pair.source, mortal, ONE_BY_ONE, lease_times=IMPATIENT)
        except Crash:
            partly += _continued(pair)
        else:
            break
        calls += 5
    assert partly


def _continued(pair: Pair) -> bool:
    """Go on after a crash; whether it had happened in the midst of the files."""
    there = {path for path, data in contents(pair.target).items() if data == NEW[path]} - OLD.keys()
    state = StateFolder(pair.target)
    before = checkpoints.newest(state)
    assert before == 1 or there == NEW.keys() - OLD.keys()
    source = Counting(pair.source)
    report = replicate(source, pair.target, lease_times=IMPATIENT)
    missing = [data for path, data in NEW.items() if path not in there | OLD.keys()]
    assert source.counts.read_bytes == sum(len(data or b"") for data in missing)
    assert report.failed == 0
    assert contents(pair.target) == contents(pair.source)
    assert checkpoints.newest(state) > 1
    return 0 < len(missing) < len(NEW) - len(OLD)
